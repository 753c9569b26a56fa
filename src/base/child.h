/* Running another program: with an environment of our choice, its output caught or let through, and a time limit. */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdatomic.h>

#include "base/arena.h"

#define CHILD_OUTPUT_MAX (16 * 1024)    /* bytes of output that are kept */

struct child_result {
	int code; /* exit status; 128 + number of the signal that ended it; 124 for the time limit */
	struct str output;              /* what it wrote to standard output, cut */
	struct str errors;              /* and to standard error, where that was caught */
};

/*
 * Runs `argv` (argv[0] is a path or found in PATH) with the NULL-terminated `environment`, standard input from
 * /dev/null and standard output caught into `arena`, for `seconds` at most: then its process group is killed.  No
 * signal is blocked in it.  Returns 0 or -errno when it could not be started.  Any thread.
 */
int child_run(char *const *argv, char *const *environment, int seconds, struct arena *arena,
        struct child_result *ret);

/*
 * The same, with standard error caught too, until `give_up` becomes true: then -ECANCELED within a second, and the
 * program goes on by itself.
 */
int child_run_until(char *const *argv, char *const *environment, int seconds, const _Atomic(bool) *give_up,
        struct arena *arena, struct child_result *ret);

#endif
