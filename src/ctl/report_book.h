/*
 * The maintenance windows, rebuilt from the journal, and figures over them (M1, M3, M4 and M7 of the guide).  What the
 * journal does not tell is unknown, and never 0.  Some words:
 *
 *   the same window   whatever is told of a site between what turned it on and what turned it off
 *   planned end       as first announced; what moves it later is an extension
 *   actual end        when it was turned off.  Upkeep ends a window up to a minute after its end, and asking gates at
 *                     the very second; so an end by upkeep within UPKEEP_DELAY of the planned one is the planned one
 *   step success      a step was followed by a further step, or by an end with result ok
 *
 * One thread.
 */
#ifndef CTL_REPORT_BOOK_H
#define CTL_REPORT_BOOK_H

#include "ctl/ctl.h"

#define UNKNOWN (-1)                    /* a number that nobody told */

/* One maintenance window of one site.  Texts are empty where nobody told them, times TIME_NONE. */
struct episode {
	struct episode *next;           /* begun after this one */
	struct episode *before;
	struct str      id, site, result, owner, change;
	int64_t         began, planned_first, planned_last, ended;
	int64_t         extensions, steps, held, passed;
	json_t         *passes;         /* reason to number; NULL: unknown */
	bool            on;
	bool            by_hand;        /* ended by someone, not by upkeep */
};

/* What can be known of something: so many of them, and a sum over those. */
struct share {
	int64_t part, of;
};

struct figures {
	size_t       count, on;
	struct share on_time;           /* M1 */
	struct share rollbacks;         /* M3 */
	struct share duration;          /* M4: seconds, windows */
	int64_t      median;
	struct share steps;             /* M7 */
	int64_t      planned, actual, planned_of;
};

struct book {
	struct ctl     *ctl;
	int64_t         since;          /* TIME_NONE: all of the journal */
	struct episode *first, *last;
	bool            site_seen, any, no_memory;
	struct figures  figures;
};

/*
 * Fills a book, all zero but for `ctl` and `since`, from the journal at `path`.  Returns 0 or -errno; book_clear() is
 * due in both cases.
 */
int  book_read(struct book *book, const char *path);
void book_clear(struct book *book);

/* Seconds, or UNKNOWN: still on, not told, or the clock was put back. */
int64_t episode_duration(const struct episode *e);

/* Seconds behind the end that was first announced, 0 for on time, or UNKNOWN. */
int64_t episode_late(const struct episode *e);

/* Both rounded, UNKNOWN of nothing: tenths of a percent, and the mean. */
int64_t share_tenths(struct share share);
int64_t share_mean(struct share share);

#endif
