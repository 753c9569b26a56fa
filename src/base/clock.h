/*
 * The clock, and points in time as text.  A point in time is int64_t seconds
 * since 1970-01-01T00:00:00Z; TIME_NONE means that there is none.
 * Only clock_now() and clock_monotonic_ms() look at a clock.  Any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"
#include "base/zone.h"

#define TIME_NONE INT64_MIN

#define TIME_TEXT_MAX 48

int64_t clock_now(void);                /* UTC seconds */
int64_t clock_monotonic_ms(void);       /* never steps back */

/*
 * "2026-12-15 02:00", "2026-12-15T02:00:30", either with "Z" or an offset like "+01:00" behind it, else
 * read in `zone`; where that is NULL, an offset must be there.  Years 1970 to 9999, leap seconds refused.  Returns 0,
 * or -EINVAL.
 */
int     time_parse(struct str text, const struct zone *zone, int64_t *ret);

/* The same without a zone: what the clock on the wall shows, and the seconds east of UTC where the text tells them. */
int     time_parse_wall(struct str text, int64_t *ret_local, bool *ret_has_offset, int *ret_offset);

/*
 * "90", "90s", "30m", "4h", "2d", "1h30m": a span in seconds, units in falling order, each at most once.
 * Returns 0, or -EINVAL when it is none or over ten years.
 */
int     span_parse(struct str text, int64_t *ret);

/* "2026-12-15T03:00:00Z" (RFC 3339), with a NUL; the returned str is the text without it. */
struct str time_format_utc(int64_t time, char text[TIME_TEXT_MAX]);

/* "2026-12-15 04:00 CET": for people, to the minute, in `zone`. */
struct str time_format_local(int64_t time, const struct zone *zone, char text[TIME_TEXT_MAX]);

#endif
