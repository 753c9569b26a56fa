/*
 * The times of a maintenance window: one span, or one that repeats, as clocks in its zone show them.  The start
 * belongs to it, the end does not.  A time in a gap takes the offset before it, a doubled time is the first, and each
 * occurrence ends at its own wall-clock end.  Frozen once parsed: any thread.
 */
#ifndef STATE_WINDOW_H
#define STATE_WINDOW_H

#include "state/recurrence.h"

#define WINDOW_CONFLICT_DAYS 400        /* how far ahead conflicts are sought */

struct window_times {
	const struct zone *zone;
	int64_t start_local, end_local; /* wall-clock seconds in `zone`, TIME_NONE where missing */
	int64_t start_utc, end_utc;     /* of the first occurrence, TIME_NONE where missing */
	bool    repeats;
	struct recurrence rule;
};

/* UTC seconds; start may be TIME_NONE (since ever), end too (for good). */
struct occurrence {
	int64_t start, end;
};

/*
 * Parses `start`, `end` (either may be empty; both are needed to repeat) and `repeat` (empty for one span).  Times
 * without an offset are read in `zone`, which must live as long as the result.  The end must be behind the start.
 * Returns 0, or -EINVAL with a constant sentence in `*ret_wrong` and in `*ret_key` the key it is about: "start", "end"
 * or "repeat".
 */
int  window_times_parse(struct str start, struct str end, struct str repeat, const struct zone *zone,
         struct window_times *ret, const char **ret_key, const char **ret_wrong);

/* The first occurrence that is not over at `now`: the one that covers it, else the next.  False when none is left. */
bool window_next(const struct window_times *times, int64_t now, struct occurrence *ret);

static inline bool
occurrence_covers(const struct occurrence *occurrence, int64_t now)
{
	return (occurrence->start == TIME_NONE || now >= occurrence->start) &&
	    (occurrence->end == TIME_NONE || now < occurrence->end);
}

#endif
