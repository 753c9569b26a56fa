/* SPDX-License-Identifier: MIT */
/*
 * state/window.c: when a window is.  Each changeover is here in both directions: Berlin (at 01:00Z), New York (at 02:00
 * of its own) and Lord Howe, whose summer time is half an hour.  All times that are wanted are in UTC.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "state/window.h"
#include "support.h"

int suite_window(void);

static int64_t
utc(const char *text)
{
	int64_t time = 0;

	CHECK(text, time_parse(str_of(text), NULL, &time) == 0);
	return time;
}

static struct zone *
zone_of(const char *name)
{
	struct zone *zone = NULL;

	CHECK("is tzdata installed?", zone_load(str_of(name), &zone) == 0);
	return zone;
}

static bool
parse(const char *start, const char *end, const char *repeat, const struct zone *zone, struct window_times *ret)
{
	const char *key = "", *wrong = "";
	int rc = window_times_parse(str_of(start), str_of(end), str_of(repeat), zone, ret, &key, &wrong);

	if (rc != 0)
		printf("\n  %s .. %s %s: %s: %s", start, end, repeat, key, wrong);
	CU_ASSERT_EQUAL(rc, 0);
	return rc == 0;
}

/* "START END", "-" where there is none; "never" when nothing is left. */
static void
check_next(const char *say, const struct window_times *times, int64_t now, const char *want)
{
	struct occurrence when = { 0, 0 };
	char start[TIME_TEXT_MAX] = "-", end[TIME_TEXT_MAX] = "-", both[2 * TIME_TEXT_MAX];

	if (!window_next(times, now, &when)) {
		check_str(say, STR("never"), want);
		return;
	}
	if (when.start != TIME_NONE)
		(void)time_format_utc(when.start, start);
	if (when.end != TIME_NONE)
		(void)time_format_utc(when.end, end);
	(void)snprintf(both, sizeof both, "%s %s", start, end);
	check_str(say, str_of(both), want);
}

static const struct {
	const char *say, *start, *end, *now, *want;
} spans[] = {
	{ "before it", "2026-12-15 02:00", "2026-12-15 04:00", "2026-01-01T00:00Z",
	    "2026-12-15T01:00:00Z 2026-12-15T03:00:00Z" },
	{ "its last second", "2026-12-15 02:00", "2026-12-15 04:00", "2026-12-15T02:59:59Z",
	    "2026-12-15T01:00:00Z 2026-12-15T03:00:00Z" },
	{ "its end", "2026-12-15 02:00", "2026-12-15 04:00", "2026-12-15T03:00:00Z", "never" },
	{ "for good", "2026-12-15 02:00", "", "2099-01-01T00:00Z", "2026-12-15T01:00:00Z -" },
	{ "for good, not yet", "2026-12-15T02:00:30", "", "2026-01-01T00:00Z", "2026-12-15T01:00:30Z -" },
	{ "since ever", "", "2026-12-15 02:00", "1970-01-01T00:00Z", "- 2026-12-15T01:00:00Z" },
	{ "since ever, over", "", "2026-12-15 02:00", "2026-12-15T01:00Z", "never" },
	{ "times with offsets", "2026-12-15 02:00Z", "2026-12-15T02:30-05:00", "2026-01-01T00:00Z",
	    "2026-12-15T02:00:00Z 2026-12-15T07:30:00Z" },
	{ "from the gap", "2026-03-29 02:30", "2026-03-29 04:00", "2026-01-01T00:00Z",
	    "2026-03-29T01:30:00Z 2026-03-29T02:00:00Z" },
	{ "the first of a doubled time to the second", "2026-10-25 02:30", "2026-10-25 02:30+01:00",
	    "2026-01-01T00:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z" },
	{ "the wall shows an earlier end", "2026-10-25 02:45+02:00", "2026-10-25 02:15+01:00",
	    "2026-01-01T00:00Z", "2026-10-25T00:45:00Z 2026-10-25T01:15:00Z" },
	{ "after 2038", "2038-01-19 04:14:08", "2106-02-07 07:28:16", "2050-01-01T00:00Z",
	    "2038-01-19T03:14:08Z 2106-02-07T06:28:16Z" },
};

static void
test_spans(void)
{
	struct zone *zone = zone_of("Europe/Berlin");

	for (size_t i = 0; zone != NULL && i < COUNT(spans); i++) {
		struct window_times times;

		if (parse(spans[i].start, spans[i].end, "", zone, &times))
			check_next(spans[i].say, &times, utc(spans[i].now), spans[i].want);
	}
	zone_free(zone);
}

static const struct {
	const char *say, *zone, *start, *end, *repeat, *now, *want;
} repeats[] = {
	{ "the first", "Europe/Berlin", "2026-03-22 01:30", "2026-03-22 03:30", "FREQ=WEEKLY;BYDAY=SU",
	    "1970-01-01T00:00Z", "2026-03-22T00:30:00Z 2026-03-22T02:30:00Z" },
	{ "its last second", "Europe/Berlin", "2026-03-22 01:30", "2026-03-22 03:30", "FREQ=WEEKLY;BYDAY=SU",
	    "2026-03-22T02:29:59Z", "2026-03-22T00:30:00Z 2026-03-22T02:30:00Z" },
	{ "an hour less", "Europe/Berlin", "2026-03-22 01:30", "2026-03-22 03:30", "FREQ=WEEKLY;BYDAY=SU",
	    "2026-03-22T02:30:00Z", "2026-03-29T00:30:00Z 2026-03-29T01:30:00Z" },
	{ "in summer", "Europe/Berlin", "2026-03-22 01:30", "2026-03-22 03:30", "FREQ=WEEKLY;BYDAY=SU",
	    "2026-03-29T01:30:00Z", "2026-04-04T23:30:00Z 2026-04-05T01:30:00Z" },
	{ "an hour more", "Europe/Berlin", "2026-03-22 01:30", "2026-03-22 03:30", "FREQ=WEEKLY;BYDAY=SU",
	    "2026-10-25T02:29:59Z", "2026-10-24T23:30:00Z 2026-10-25T02:30:00Z" },
	{ "back in winter", "Europe/Berlin", "2026-03-22 01:30", "2026-03-22 03:30", "FREQ=WEEKLY;BYDAY=SU",
	    "2026-10-25T02:30:00Z", "2026-11-01T00:30:00Z 2026-11-01T02:30:00Z" },
	{ "written with offsets", "Europe/Berlin", "2026-03-22T00:30Z", "2026-03-21 22:30-04:00",
	    "FREQ=WEEKLY;BYDAY=SU", "2026-03-22T03:00Z", "2026-03-29T00:30:00Z 2026-03-29T01:30:00Z" },
	/* the gap of Berlin: 02:00 to 03:00 on 29 March */
	{ "the start in the gap", "Europe/Berlin", "2026-03-28 02:30", "2026-03-28 04:00", "FREQ=DAILY",
	    "2026-03-28T12:00Z", "2026-03-29T01:30:00Z 2026-03-29T02:00:00Z" },
	{ "the end in the gap", "Europe/Berlin", "2026-03-28 01:00", "2026-03-28 02:30", "FREQ=DAILY",
	    "2026-03-28T12:00Z", "2026-03-29T00:00:00Z 2026-03-29T01:30:00Z" },
	{ "both in the gap", "Europe/Berlin", "2026-03-28 02:00", "2026-03-28 02:45", "FREQ=DAILY",
	    "2026-03-28T12:00Z", "2026-03-29T01:00:00Z 2026-03-29T01:45:00Z" },
	{ "swallowed: the end would be first", "Europe/Berlin", "2026-03-28 02:30", "2026-03-28 03:15", "FREQ=DAILY",
	    "2026-03-28T12:00Z", "2026-03-30T00:30:00Z 2026-03-30T01:15:00Z" },
	{ "swallowed, and the last", "Europe/Berlin", "2026-03-28 02:30", "2026-03-28 03:15", "FREQ=DAILY;COUNT=2",
	    "2026-03-28T12:00Z", "never" },
	{ "first in the gap", "Europe/Berlin", "2026-03-29 02:30", "2026-03-29 04:30", "FREQ=DAILY",
	    "2026-03-28T00:00Z", "2026-03-29T01:30:00Z 2026-03-29T02:30:00Z" },
	{ "... stays 02:30", "Europe/Berlin", "2026-03-29 02:30", "2026-03-29 04:30", "FREQ=DAILY",
	    "2026-03-29T02:30Z", "2026-03-30T00:30:00Z 2026-03-30T02:30:00Z" },
	/* the doubled hour of Berlin: 02:00 to 03:00 on 25 October */
	{ "within the doubled hour", "Europe/Berlin", "2026-10-24 02:15", "2026-10-24 02:45", "FREQ=DAILY",
	    "2026-10-24T12:00Z", "2026-10-25T00:15:00Z 2026-10-25T00:45:00Z" },
	{ "not again in the second", "Europe/Berlin", "2026-10-24 02:15", "2026-10-24 02:45", "FREQ=DAILY",
	    "2026-10-25T01:20Z", "2026-10-26T01:15:00Z 2026-10-26T01:45:00Z" },
	{ "from the doubled hour", "Europe/Berlin", "2026-10-24 02:30", "2026-10-24 03:30", "FREQ=DAILY",
	    "2026-10-24T12:00Z", "2026-10-25T00:30:00Z 2026-10-25T02:30:00Z" },
	{ "into the doubled hour", "Europe/Berlin", "2026-10-24 23:00", "2026-10-25 02:30", "FREQ=DAILY",
	    "2026-10-24T12:00Z", "2026-10-24T21:00:00Z 2026-10-25T00:30:00Z" },
	{ "through the night of the changeover", "Europe/Berlin", "2026-10-23 22:00", "2026-10-24 06:00",
	    "FREQ=DAILY", "2026-10-25T04:30Z", "2026-10-24T20:00:00Z 2026-10-25T05:00:00Z" },
	/* New York: 8 March and 1 November */
	{ "swallowed: no second is left", "America/New_York", "2026-03-07 02:30", "2026-03-07 03:30", "FREQ=DAILY",
	    "2026-03-07T12:00Z", "2026-03-09T06:30:00Z 2026-03-09T07:30:00Z" },
	{ "a second is left", "America/New_York", "2026-03-07 02:30", "2026-03-07 03:30:01", "FREQ=DAILY",
	    "2026-03-07T12:00Z", "2026-03-08T07:30:00Z 2026-03-08T07:30:01Z" },
	{ "over the gap", "America/New_York", "2026-03-07 01:00", "2026-03-07 04:00", "FREQ=DAILY",
	    "2026-03-07T12:00Z", "2026-03-08T06:00:00Z 2026-03-08T08:00:00Z" },
	{ "the doubled hour, to its outside", "America/New_York", "2026-10-31 01:30", "2026-10-31 02:00",
	    "FREQ=DAILY", "2026-10-31T12:00Z", "2026-11-01T05:30:00Z 2026-11-01T07:00:00Z" },
	{ "the first of the doubled", "America/New_York", "2026-10-31 01:00", "2026-10-31 01:59", "FREQ=DAILY",
	    "2026-10-31T12:00Z", "2026-11-01T05:00:00Z 2026-11-01T05:59:00Z" },
	/* Lord Howe: 02:00 becomes 02:30 on 4 October, and 01:30 on 5 April */
	{ "the gap of half an hour", "Australia/Lord_Howe", "2026-10-03 02:15", "2026-10-03 03:00", "FREQ=DAILY",
	    "2026-10-03T00:00Z", "2026-10-03T15:45:00Z 2026-10-03T16:00:00Z" },
	{ "... the day after", "Australia/Lord_Howe", "2026-10-03 02:15", "2026-10-03 03:00", "FREQ=DAILY",
	    "2026-10-03T16:00Z", "2026-10-04T15:15:00Z 2026-10-04T16:00:00Z" },
	{ "... swallowed", "Australia/Lord_Howe", "2026-10-03 02:15", "2026-10-03 02:45", "FREQ=DAILY",
	    "2026-10-03T00:00Z", "2026-10-04T15:15:00Z 2026-10-04T15:45:00Z" },
	{ "the doubled half hour", "Australia/Lord_Howe", "2026-04-04 01:45", "2026-04-04 02:15", "FREQ=DAILY",
	    "2026-04-04T00:00Z", "2026-04-04T14:45:00Z 2026-04-04T15:45:00Z" },
	{ "... the day before", "Australia/Lord_Howe", "2026-04-04 01:45", "2026-04-04 02:15", "FREQ=DAILY",
	    "2026-04-03T00:00Z", "2026-04-03T14:45:00Z 2026-04-03T15:15:00Z" },
	/* longer than the time between them */
	{ "over the weekend", "Europe/Berlin", "2026-01-02 22:00", "2026-01-05 05:00", "FREQ=WEEKLY",
	    "2026-03-29T12:00Z", "2026-03-27T21:00:00Z 2026-03-30T03:00:00Z" },
	{ "overlapping: the first that is not over", "UTC", "2026-01-01 00:00", "2026-01-04 00:00", "FREQ=DAILY",
	    "2026-01-10T12:00Z", "2026-01-08T00:00:00Z 2026-01-11T00:00:00Z" },
	{ "... at an end", "UTC", "2026-01-01 00:00", "2026-01-04 00:00", "FREQ=DAILY",
	    "2026-01-11T00:00Z", "2026-01-09T00:00:00Z 2026-01-12T00:00:00Z" },
	{ "... the last", "UTC", "2026-01-01 00:00", "2026-01-04 00:00", "FREQ=DAILY;COUNT=2",
	    "2026-01-04T00:00Z", "2026-01-02T00:00:00Z 2026-01-05T00:00:00Z" },
	{ "end to end", "UTC", "2026-01-01 00:00", "2026-01-02 00:00", "FREQ=DAILY",
	    "2026-01-11T00:00Z", "2026-01-11T00:00:00Z 2026-01-12T00:00:00Z" },
	/* rules */
	{ "COUNT is over", "UTC", "2026-01-01 00:00", "2026-01-01 01:00", "FREQ=DAILY;COUNT=3",
	    "2026-01-03T01:00Z", "never" },
	{ "UNTIL itself", "Europe/Berlin", "2026-03-28 02:30", "2026-03-28 04:00", "FREQ=DAILY;UNTIL=20260329T013000Z",
	    "2026-03-28T12:00Z", "2026-03-29T01:30:00Z 2026-03-29T02:00:00Z" },
	{ "UNTIL is over", "Europe/Berlin", "2026-03-28 02:30", "2026-03-28 04:00", "FREQ=DAILY;UNTIL=20260329T013000Z",
	    "2026-03-29T02:00Z", "never" },
	{ "the last Sunday", "Europe/Berlin", "2026-01-25 03:00", "2026-01-25 05:00", "FREQ=MONTHLY;BYDAY=-1SU",
	    "2026-03-01T00:00Z", "2026-03-29T01:00:00Z 2026-03-29T03:00:00Z" },
	{ "the 31st", "America/New_York", "2026-01-31 23:00", "2026-02-01 01:00", "FREQ=MONTHLY",
	    "2026-02-02T00:00Z", "2026-04-01T03:00:00Z 2026-04-01T05:00:00Z" },
	{ "a leap day", "UTC", "2028-02-29 12:00", "2028-03-01 12:00", "FREQ=MONTHLY;INTERVAL=12",
	    "2028-03-01T12:00Z", "2032-02-29T12:00:00Z 2032-03-01T12:00:00Z" },
	{ "after 2038", "Europe/Berlin", "2037-12-31 23:30", "2038-01-01 00:30", "FREQ=WEEKLY",
	    "2045-03-23T00:00Z", "2045-03-23T22:30:00Z 2045-03-23T23:30:00Z" },
	{ "... in summer", "Europe/Berlin", "2037-12-31 23:30", "2038-01-01 00:30", "FREQ=WEEKLY",
	    "2045-03-24T00:00Z", "2045-03-30T21:30:00Z 2045-03-30T22:30:00Z" },
};

static void
test_repeats(void)
{
	for (size_t i = 0; i < COUNT(repeats); i++) {
		struct zone *zone = zone_of(repeats[i].zone);
		struct window_times times;

		if (zone != NULL && parse(repeats[i].start, repeats[i].end, repeats[i].repeat, zone, &times))
			check_next(repeats[i].say, &times, utc(repeats[i].now), repeats[i].want);
		zone_free(zone);
	}
}

#define TIME_WORDS "expected a time"

static const struct {
	const char *say, *start, *end, *repeat, *key, *words;
} bad[] = {
	{ "nothing", "", "", "", "start", "needs a start or an end" },
	{ "only a rule", "", "", "FREQ=DAILY", "start", "needs a start or an end" },
	{ "a word", "tomorrow", "2026-12-15 02:00", "", "start", TIME_WORDS },
	{ "a date", "2026-12-15", "", "", "start", TIME_WORDS },
	{ "a bad offset", "2026-12-15 02:00+1", "", "", "start", TIME_WORDS },
	{ "24:00", "2026-12-15 02:00", "2026-12-15 24:00", "", "end", TIME_WORDS },
	{ "no time long", "2026-12-15 02:00", "2026-12-15 02:00", "", "end", "not behind the start" },
	{ "the wrong way round", "2026-12-15 02:00", "2026-12-15 01:59:59", "", "end", "not behind the start" },
	{ "... by its offset", "2026-12-15 02:00", "2026-12-15 02:30+02:00", "", "end", "not behind the start" },
	{ "swallowed by the gap", "2026-03-29 02:30", "2026-03-29 03:15", "", "end", "not behind the start" },
	{ "the wall shows an earlier end", "2026-10-25 02:45+02:00", "2026-10-25 02:15+01:00", "FREQ=DAILY", "end",
	    "clocks in the zone" },
	{ "no end to repeat", "2026-12-15 02:00", "", "FREQ=DAILY", "end", "needs both" },
	{ "no start to repeat", "", "2026-12-15 02:00", "FREQ=DAILY", "start", "needs both" },
	{ "a bad rule", "2026-12-15 02:00", "2026-12-15 03:00", "FREQ=YEARLY", "repeat", "expected FREQ=DAILY" },
	{ "not its day", "2026-12-15 02:00", "2026-12-15 03:00", "FREQ=WEEKLY;BYDAY=MO", "repeat", "the start is on" },
	{ "not its day in the zone", "2026-12-14 23:30Z", "2026-12-15 03:00", "FREQ=WEEKLY;BYDAY=MO", "repeat",
	    "the start is on" },
};

static void
test_bad(void)
{
	struct zone *zone = zone_of("Europe/Berlin");

	for (size_t i = 0; zone != NULL && i < COUNT(bad); i++) {
		struct window_times times;
		const char *key = "", *wrong = "";

		check_int(bad[i].say, window_times_parse(str_of(bad[i].start), str_of(bad[i].end),
		    str_of(bad[i].repeat), zone, &times, &key, &wrong), -EINVAL);
		check_str(bad[i].say, str_of(key), bad[i].key);
		if (!str_contains(str_of(wrong), str_of(bad[i].words)))
			printf("\n  %s: \"%s\"", bad[i].say, wrong);
		CHECK(bad[i].say, str_contains(str_of(wrong), str_of(bad[i].words)));
	}
	zone_free(zone);
}

static void
test_covers(void)
{
	const struct occurrence both = { 100, 200 }, since_ever = { TIME_NONE, 200 }, for_good = { 100, TIME_NONE };

	CHECK("the start belongs to it", occurrence_covers(&both, 100) && !occurrence_covers(&both, 99));
	CHECK("the end does not", occurrence_covers(&both, 199) && !occurrence_covers(&both, 200));
	CHECK("since ever", occurrence_covers(&since_ever, -1000) && !occurrence_covers(&since_ever, 200));
	CHECK("for good", occurrence_covers(&for_good, INT64_MAX) && !occurrence_covers(&for_good, 99));
}

/*
 * From end to end, as the search for conflicts goes: a year of nights at each hour, in order, none twice, and only the
 * nights that the gap swallows are left out (02:30 to 03:15 in Berlin).
 */
static void
test_year_of_nights(void)
{
	struct zone *zone = zone_of("Europe/Berlin");

	for (int hour = 0; zone != NULL && hour < 24; hour++) {
		char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX];
		struct window_times times;
		struct occurrence when = { 0, 0 };
		int64_t before = INT64_MIN, now = utc("2026-01-01T00:00Z") - 86400;
		int count = 0, disorder = 0;

		(void)snprintf(start, sizeof start, "2026-01-01 %02d:30", hour);
		(void)snprintf(end, sizeof end, "2026-01-%02d %02d:15", hour == 23 ? 2 : 1, (hour + 1) % 24);
		if (!parse(start, end, "FREQ=DAILY;UNTIL=20261231", zone, &times))
			continue;
		for (; window_next(&times, now, &when); now = when.end, count++) {
			disorder += when.start <= before || when.end <= when.start || when.end <= now;
			before = when.start;
		}
		check_int(start, count, hour == 2 ? 364 : 365);
		check_int(start, disorder, 0);
	}
	zone_free(zone);
}

/* Berlin had no summer time in 1970; since 1981 the gap is on the last Sunday of March and swallows each of these. */
static void
test_all_swallowed(void)
{
	struct zone *zone = zone_of("Europe/Berlin");
	struct window_times times;

	if (zone != NULL && parse("1970-03-29 02:30", "1970-03-29 03:15", "FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU", zone,
	    &times)) {
		check_next("the first", &times, 0, "1970-03-29T01:30:00Z 1970-03-29T02:15:00Z");
		check_next("none any more", &times, utc("2026-01-01T00:00Z"), "never");
	}
	zone_free(zone);
}

int
suite_window(void)
{
	CU_pSuite suite = CU_add_suite("state/window", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "spans", test_spans) == NULL ||
	    CU_add_test(suite, "repeats", test_repeats) == NULL ||
	    CU_add_test(suite, "refused", test_bad) == NULL ||
	    CU_add_test(suite, "covers", test_covers) == NULL ||
	    CU_add_test(suite, "a year of nights", test_year_of_nights) == NULL ||
	    CU_add_test(suite, "all swallowed", test_all_swallowed) == NULL)
		return -1;
	return 0;
}
