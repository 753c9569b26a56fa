/* Planning windows: what `schedule` and the import of calendars share. */
#ifndef CTL_SCHEDULE_H
#define CTL_SCHEDULE_H

#include "ctl/ctl.h"

/* A window as texts, for its file; what is empty is left out. */
struct planned {
	struct str id, site, start, end, zone, repeat, mode, title, message, owner, reason, change;
};

/*
 * Plans the window: tries it against all that is planned and against the policy, then puts it into windows.d and tells
 * the journal.  Returns an exit code after saying what was done, or what is against it.
 */
int schedule_plan(struct ctl *ctl, const struct planned *planned);

/* iCalendar (RFC 5545) in and out: ical.c. */
int schedule_import(struct ctl *ctl, const char *file);
int schedule_export(struct ctl *ctl);

#endif
