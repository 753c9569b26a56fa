/*
 * What was held and what was let through while maintenance was on, by site and reason: a small file in the state folder
 * that all workers, all gateways of this machine and wardenctl map into memory.  Counting takes one atomic addition;
 * while maintenance is off no request is counted, but for pages shown and unknown states; where the file cannot be made
 * nothing is counted at all.  The numbers only grow, over restarts too; beside each stands where it stood when the
 * maintenance began.  Any thread, any process.
 */
#ifndef RECORD_COUNTERS_H
#define RECORD_COUNTERS_H

#include <jansson.h>

#include "base/str.h"
#include "gate/verdict.h"

/* COUNTER(NAME, word): what is counted beside the reasons. */
#define COUNTERS_BESIDE(C) C(HELD, "held") C(LOGIN, "ticket_login") C(FAILED, "ticket_failed") \
	C(RENDERED, "rendered") C(UNKNOWN, "unknown") C(RELOADED, "reloaded") C(RELOAD_FAILED, "reload_failed") \
	C(UNAUTHORIZED, "unauthorized") C(DIED, "worker_died")

/* The row of what no site is counted for: reloads, tries at the control API without a token, deaths of workers. */
#define COUNTERS_GATEWAY STR("[gateway]")

enum counter {
	COUNTER_PASSED,                 /* + enum reason: passes while on, by reason */
	COUNTER_BESIDE = COUNTER_PASSED + REASON_COUNT - 1,
#define C(name, word) COUNTER_##name,
	COUNTERS_BESIDE(C)
#undef C
	COUNTER_COUNT
};

struct counters;

/* Opens, or for `write` makes, the file in `state_dir`.  Returns 0 or -errno (-EBADMSG: another version's file). */
int      counters_open(struct str state_dir, bool write, struct counters **ret);
void     counters_close(struct counters *counters);     /* NULL is fine */

/* Counts one for the site (empty: [site]).  NULL counters count nothing.  Sites past the 255th share one row. */
void     counters_add(struct counters *counters, struct str site, enum counter counter);

/*
 * The number since the last counters_mark(); of all sites together for `site` empty.  0 for a site that has none.
 * counters_marked() is false when nobody has ever marked: then nobody knows since when the number counts.
 */
uint64_t counters_get(const struct counters *counters, struct str site, enum counter counter);
bool     counters_marked(const struct counters *counters, struct str site);

/* The number since the file was made, of that one site, [site] for empty: it never falls. */
uint64_t counters_total(const struct counters *counters, struct str site, enum counter counter);

/* From now on the site's numbers (all sites' for `site` empty) count from 0.  The counters must be open for writing. */
void     counters_mark(struct counters *counters, struct str site);

/*
 * The last maintenance of the site, [site] for empty: when it was planned to end (TIME_NONE: it was not), and when it
 * did, UTC seconds.  The counters must be open for writing to note it.  False when none has ended yet.
 */
void     counters_note_end(struct counters *counters, struct str site, int64_t planned, int64_t ended);
bool     counters_last_end(const struct counters *counters, struct str site, int64_t *ret_planned, int64_t *ret_ended);

/* Adds "held", "passed" and "passes" (by reason) to `object`, where they are known. */
void        counters_add_json(const struct counters *counters, struct str site, json_t *object);

const char *counter_word(enum counter counter);         /* "held", "address" */

#endif
