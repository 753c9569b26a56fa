/*
 * Memory that is given back all at once.
 *
 * A fixed arena is one block of a worker: it is emptied when the next request
 * begins, and when it is full the request gets an answer that says so (431),
 * never a crash.  A growing arena holds a policy: it takes blocks from malloc
 * up to a stated maximum, and goes whole when the policy goes.
 *
 * An arena belongs to one thread at a time.  All pieces are aligned for any
 * type.  Nothing is cleared unless the name says so.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena;

/* Both return NULL when out of memory.  `max` is in bytes. */
struct arena *arena_new_fixed(size_t size);
struct arena *arena_new_growing(size_t max);
void          arena_free(struct arena *arena);          /* NULL is fine */

/* Forgets all pieces.  A fixed arena keeps its block, a growing one gives all back to malloc. */
void          arena_reset(struct arena *arena);

/*
 * Whether a piece was refused since the arena was new or reset, be it for the maximum or for want of memory: then what
 * was made in the arena may lack something, even where nobody looked.
 */
bool          arena_was_short(const struct arena *arena);

/* A piece of `size` bytes, or NULL when the arena is full. */
void         *arena_alloc(struct arena *arena, size_t size);
void         *arena_zalloc(struct arena *arena, size_t count, size_t size);

/* A copy of `s`, followed by a NUL.  `.p` is NULL when the arena is full. */
struct str    arena_copy(struct arena *arena, struct str s);

/* The same with A to Z in lower case. */
struct str    arena_lower(struct arena *arena, struct str s);

/* The digits of `number`. */
struct str    arena_number(struct arena *arena, uint64_t number);

/* Formats like printf.  `.p` is NULL when the arena is full. */
struct str    arena_printf(struct arena *arena, const char *format, ...)
                  __attribute__((format(printf, 2, 3)));

#endif
