/*
 * Upkeep, once a minute: what time alone changes in the state folder.  The gateway does it when it is a daemon,
 * `wardenctl tick` does it from cron or a timer; when both do, one finds the other at it and leaves it to that one.
 *
 *   windows     the flag of a site is written when its window begins, for gates that look at flags alone, and removed
 *               at the end if it still carries the window's ID
 *   overrun     a flag past its end is removed where on_overrun = lift; where it is kept, the journal tells once
 *   tickets     those that are over are removed
 *   by hand     a flag that somebody touched or removed is told to the journal, with its owner and time
 *   gate_file   is what the state wants
 *   left-overs  temporary files older than a minute, and markers of windows that are over
 *   metrics     metrics_file is written, also while another one is at all the rest
 *
 * One thread.
 */
#ifndef UPKEEP_UPKEEP_H
#define UPKEEP_UPKEEP_H

#include "policy/policy.h"

#define UPKEEP_SECONDS    60
#define UPKEEP_TROUBLES   8

struct upkeep_report {
	bool       busy;                /* another one is at it: nothing was done */
	unsigned   begun, ended, lifted, overrun, observed, tickets, leftovers;
	unsigned   trouble_count;       /* all of them; the first are kept */
	struct str troubles[UPKEEP_TROUBLES];   /* sentences, in the arena */
};

/* Does it all for `now`.  Whatever fails is a trouble in the report and keeps nothing else from being done. */
void upkeep_run(const struct policy *policy, int64_t now, struct arena *arena, struct upkeep_report *ret);

#endif
