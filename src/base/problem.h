/*
 * The operator's errors: file, line, section, key, and a sentence that says
 * what was expected.  Collected, not stopped at, so that one look at the
 * configuration tells all of them.  One thread.
 */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include "base/arena.h"
#include "base/str.h"

struct problem {
	struct problem *next;
	bool            warning;        /* the configuration works all the same */
	struct str      file;
	unsigned        line;           /* 0: the file as a whole */
	struct str      section, key;   /* empty where there is none */
	struct str      sentence;
};

struct problems {
	struct arena   *arena;          /* what the texts live in */
	struct problem *first, *last;
	unsigned        errors, warnings;
	struct problem  spare;          /* for the first that there was no memory for */
};

/* Where in the configuration something stands. */
struct place {
	struct str file;
	unsigned   line;
	struct str section, key;
};

void problem_error(struct problems *problems, const struct place *place, const char *format, ...)
         __attribute__((format(printf, 3, 4)));
void problem_warning(struct problems *problems, const struct place *place, const char *format, ...)
         __attribute__((format(printf, 3, 4)));

/* "FILE:LINE: [SECTION] KEY: SENTENCE", made safe for a terminal or a log; at most `size` bytes with the NUL. */
void problem_format(const struct problem *problem, char *text, size_t size);

#endif
