/* SPDX-License-Identifier: MIT */
/*
 * Windows in time.  A repeating window is kept as wall-clock times of its first day and shifted by whole days, so that
 * 02:00 stays 02:00 on both sides of a changeover; only then does each end become an instant.
 */
#include "config.h"

#include <errno.h>

#include "base/civil.h"
#include "state/window.h"

static int64_t
in_day(int64_t local)
{
	return local - civil_day_of_time(local) * CIVIL_DAY_SECONDS;
}

/* A time with an offset is turned into what clocks in the zone show then; the wall-clock time in a gap is kept. */
static int
take_time(struct str text, const struct zone *zone, int64_t *ret_local, int64_t *ret_utc)
{
	bool has_offset;
	int offset;

	if (text.len == 0) {
		*ret_local = *ret_utc = TIME_NONE;
		return 0;
	}
	if (time_parse_wall(text, ret_local, &has_offset, &offset) != 0)
		return -EINVAL;
	*ret_utc = has_offset ? *ret_local - offset : zone_to_utc(zone, *ret_local);
	if (has_offset)
		*ret_local = *ret_utc + zone_offset_at(zone, *ret_utc).seconds;
	return 0;
}

static int
fail(const char **ret_key, const char *key, const char **ret_wrong, const char *wrong)
{
	*ret_key = key;
	*ret_wrong = wrong;
	return -EINVAL;
}

#define EXPECTED_TIME "expected a time such as 2026-12-15 02:00, with Z or +01:00 behind it for another zone"

int
window_times_parse(struct str start, struct str end, struct str repeat, const struct zone *zone,
    struct window_times *ret, const char **ret_key, const char **ret_wrong)
{
	struct window_times times = { .zone = zone, .repeats = repeat.len > 0 };

	if (take_time(start, zone, &times.start_local, &times.start_utc) != 0)
		return fail(ret_key, "start", ret_wrong, EXPECTED_TIME);
	if (take_time(end, zone, &times.end_local, &times.end_utc) != 0)
		return fail(ret_key, "end", ret_wrong, EXPECTED_TIME);
	if (start.len == 0 && end.len == 0)
		return fail(
		    ret_key, "start", ret_wrong, "a window needs a start or an end: without both it is enabled = on");
	if (start.len > 0 && end.len > 0 && times.end_utc <= times.start_utc)
		return fail(ret_key, "end", ret_wrong, "the end is not behind the start");
	if (times.repeats && (start.len == 0 || end.len == 0))
		return fail(
		    ret_key, start.len == 0 ? "start" : "end", ret_wrong, "a window that repeats needs both ends");
	if (times.repeats && times.end_local <= times.start_local)
		return fail(ret_key, "end", ret_wrong, "clocks in the zone show an end that is not behind the start");
	if (times.repeats && recurrence_parse(repeat, times.start_local, zone, &times.rule, ret_wrong) != 0) {
		*ret_key = "repeat";
		return -EINVAL;
	}
	*ret = times;
	return 0;
}

/* False where a changeover swallows it: its end would not be behind its start. */
static bool
occurrence_on(const struct window_times *times, int64_t day, struct occurrence *ret)
{
	int64_t days = civil_day_of_time(times->end_local) - civil_day_of_time(times->start_local);

	ret->start = zone_to_utc(times->zone, day * CIVIL_DAY_SECONDS + in_day(times->start_local));
	ret->end = zone_to_utc(times->zone, (day + days) * CIVIL_DAY_SECONDS + in_day(times->end_local));
	return ret->end > ret->start;
}

bool
window_next(const struct window_times *times, int64_t now, struct occurrence *ret)
{
	struct occurrence found;
	int64_t first, day;

	if (!times->repeats) {
		if (times->end_utc != TIME_NONE && now >= times->end_utc)
			return false;
		*ret = (struct occurrence){ times->start_utc, times->end_utc };
		return true;
	}
	/* two days more than the span: offsets move an end by less than one */
	day = civil_day_of_time(now) - (times->end_local - times->start_local) / CIVIL_DAY_SECONDS - 2;
	first = recurrence_next_day(&times->rule, day);
	/* bounded, for changeovers may swallow each occurrence that there is */
	for (day = first; day != RECURRENCE_NEVER && day - first <= RECURRENCE_DAYS_MAX;
	    day = recurrence_next_day(&times->rule, day + 1)) {
		if (!occurrence_on(times, day, &found) || now >= found.end)
			continue;
		*ret = found;
		return true;
	}
	return false;
}
