/* Turning maintenance on and off, for the commands that do it: on, off, toggle, run, check_command. */
#ifndef CTL_SWITCH_H
#define CTL_SWITCH_H

#include "ctl/standing.h"

/* What `on` is told; what is NULL, TIME_NONE or false was not given. */
struct switch_on {
	const char *span, *until, *message, *title, *mode, *owner, *reason, *change, *profile, *share;
	bool        force;
};

/* What `off` is told. */
struct switch_off {
	const char *result, *note;
	bool        force;
};

/* Both return an exit code, after saying what was done or what is wrong. */
int switch_on(struct ctl *ctl, const struct switch_on *how);
int switch_off(struct ctl *ctl, const struct switch_off *how);

/* Marks where the counters of the site (of all sites for [site]) stand now. */
void switch_mark_counters(struct ctl *ctl, struct str site);

/* Notes for the metrics when the maintenance was planned to end, or TIME_NONE, and that it ended now. */
void switch_note_end(struct ctl *ctl, struct str site, int64_t planned);

/* "held", "passed" and "passes" since then, added to `more`; nothing where it is not known. */
void switch_add_counts(struct ctl *ctl, struct str site, json_t *more);

#endif
