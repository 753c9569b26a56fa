/*
 * A repeating day: the subset of RFC 5545 recurrence rules that windows use.  FREQ=DAILY, WEEKLY or MONTHLY with
 * INTERVAL, BYDAY, BYMONTHDAY, COUNT and UNTIL; anything else is refused by name.  Only days are told here: the time
 * of day is the window's.  Days are counted from 1970-01-01 in the window's own zone, see base/civil.h.
 * Frozen after recurrence_parse(): any thread.
 */
#ifndef STATE_RECURRENCE_H
#define STATE_RECURRENCE_H

#include "base/clock.h"

#define RECURRENCE_INTERVAL_MAX 366
#define RECURRENCE_BYDAY_MAX    32
#define RECURRENCE_DAYS_MAX     36525   /* how far ahead is looked: 100 years */
#define RECURRENCE_NEVER        INT64_MAX

enum recurrence_frequency { RECUR_DAILY, RECUR_WEEKLY, RECUR_MONTHLY };

struct recurrence {
	enum recurrence_frequency frequency;
	int      interval;              /* 1 to RECURRENCE_INTERVAL_MAX */
	int64_t  first_day, last_day;   /* last_day: from COUNT or UNTIL, else RECURRENCE_NEVER */
	unsigned weekdays;              /* BYDAY without a number: bit 0 is Monday; 0 when there is none */
	struct {
		int ordinal;            /* 1 to 5, or -1 to -5 */
		int weekday;            /* 0 is Monday */
	} nth[RECURRENCE_BYDAY_MAX];    /* BYDAY with a number, MONTHLY only */
	size_t   nth_count;
	uint32_t month_days;            /* BYMONTHDAY: bit 1 to 31 */
	uint32_t month_days_back;       /* BYMONTHDAY=-1: bit 1, up to 31 */
};

/*
 * Parses `text` ("FREQ=WEEKLY;BYDAY=SU") for a first occurrence at wall-clock time `start_local` (seconds since
 * 1970-01-01T00:00 as clocks in `zone` show them).  The first day must itself be one that the rule takes, for RFC 5545
 * leaves open what it means otherwise.  UNTIL is a date, a local time, or a time in UTC with Z; an occurrence at that
 * very time still belongs.  Returns 0, or -EINVAL with a constant sentence in `*ret_wrong`.
 */
int     recurrence_parse(struct str text, int64_t start_local, const struct zone *zone, struct recurrence *ret,
            const char **ret_wrong);

bool    recurrence_on_day(const struct recurrence *rule, int64_t day);

/* The first day of the rule that is `day` or later; RECURRENCE_NEVER when none is left, or none within 100 years. */
int64_t recurrence_next_day(const struct recurrence *rule, int64_t day);

#endif
