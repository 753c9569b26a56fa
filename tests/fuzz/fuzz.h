/*
 * What the targets share.  A target gets one input, calls one parser, and asserts what must hold of its result: to
 * crash is not the only way to be wrong.  One thread.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <assert.h>

#include "base/arena.h"
#include "base/str.h"

/* A fresh arena for this input, of `max` bytes at most; the last one's is gone.  Never NULL. */
struct arena *fuzz_arena(size_t max);

/* The next field of `*rest`, up to a line end, in memory of just its size, which lives until the next input. */
struct str fuzz_field(struct str *rest);

/* The same for a whole text. */
struct str fuzz_copy(struct str text);

/* The same, with a NUL behind it, and none in it: what stands behind one is cut. */
char *fuzz_line(struct str text);

/* The path of a file that holds `text`; one at a time. */
const char *fuzz_file(struct str text);

/* The first byte of `*rest`, which it moves past; 0 where there is none. */
unsigned fuzz_byte(struct str *rest);

/* No byte below 0x20, and not 0x7f. */
bool fuzz_is_plain(struct str text);

#define TARGET(name) void fuzz_##name(struct str input);
#include "targets.def"
#undef TARGET

#endif
