/* SPDX-License-Identifier: MIT */
/*
 * base/clock.c: points in time and spans, from text and to text.  No clock is
 * looked at.  Europe/Berlin comes from the system's tzdata, which run-tests
 * installs; a machine without it fails here and is told so.
 */
#include "config.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define UNTOUCHED    INT64_C(-77)
#define DAY          INT64_C(86400)

int suite_clock(void);

static struct zone *
zone_of(const char *name)
{
	struct zone *zone = NULL;
	int rc = zone_load(str_of(name), &zone);

	if (rc != 0) {
		printf("\n  zone %s does not load (%s): is the package tzdata installed?", name,
		    strerror(-rc));
		CU_FAIL("zone of the system does not load; is tzdata installed?");
	}
	return zone;
}

static const struct {
	const char *say, *text;
	int64_t     time;
} times[] = {
	{ "the epoch",                       "1970-01-01T00:00:00Z",               0 },
	{ "without seconds",                 "1970-01-01 00:01Z",                 60 },
	{ "an offset east",                  "2026-12-15T02:00:30+01:00", 1797296430 },
	{ "... and west",                    "2026-12-15 02:00:30-05:30", 1797319830 },
	{ "minus nothing is UTC",            "2026-12-15 02:00-00:00",    1797300000 },
	{ "the widest offset",               "2026-12-15 02:00+23:59",    1797213660 },
	{ "an offset may pass the epoch",    "1970-01-01T00:00+01:00",         -3600 },
	{ "the zone in winter",              "2026-12-15 02:00",          1797296400 },
	{ "... with seconds and a T",        "2026-12-15T02:00:30",       1797296430 },
	{ "... in summer",                   "2026-07-15 02:00",          1784073600 },
	{ "in the gap: the offset before",   "2026-03-29 02:30",          1774747800 },
	{ "doubled: the first",              "2026-10-25 02:30",          1792888200 },
	{ "doubled: the second by offset",   "2026-10-25 02:30+01:00",    1792891800 },
	{ "a leap day",                      "2028-02-29T00:00Z",         1835395200 },
	{ "the last second of 32 bits, +1",  "2038-01-19T03:14:08Z",      2147483648 },
	{ "the last second there is",        "9999-12-31T23:59:59Z",    253402300799 },
};

static void
test_times(void)
{
	struct zone *zone = zone_of("Europe/Berlin");

	for (size_t i = 0; zone != NULL && i < COUNT(times); i++) {
		int64_t time = UNTOUCHED;
		int rc = time_parse(str_of(times[i].text), zone, &time);

		if (rc != 0 || time != times[i].time)
			printf("\n  %s: want %lld, got %lld (%d)", times[i].say,
			    (long long)times[i].time, (long long)time, rc);
		CU_ASSERT_EQUAL(rc, 0);
		CU_ASSERT_EQUAL(time, times[i].time);
	}
	zone_free(zone);
}

static const struct {
	const char *say, *text;
} bad_times[] = {
	{ "empty",                    "" },
	{ "a date alone",             "2026-12-15" },
	{ "a date and a T",           "2026-12-15T" },
	{ "a time alone",             "02:00" },
	{ "an hour alone",            "2026-12-15 02" },
	{ "a colon too many",         "2026-12-15 02:00:" },
	{ "a digit too few",          "2026-12-15 2:00" },
	{ "... in the seconds",       "2026-12-15 02:00:3" },
	{ "a digit too many",         "2026-12-15 02:000" },
	{ "parts of a second",        "2026-12-15 02:00:30.5" },
	{ "a short year",             "26-12-15 02:00" },
	{ "before 1970",              "1969-12-31 23:59" },
	{ "a long year",              "10000-01-01 00:00" },
	{ "month 0",                  "2026-00-15 02:00" },
	{ "month 13",                 "2026-13-15 02:00" },
	{ "day 0",                    "2026-12-00 02:00" },
	{ "day 31 of 30",             "2026-11-31 02:00" },
	{ "no leap day in 2026",      "2026-02-29 02:00" },
	{ "no leap day in 2100",      "2100-02-29 02:00" },
	{ "24 o'clock",               "2026-12-15 24:00" },
	{ "minute 60",                "2026-12-15 02:60" },
	{ "a leap second",            "2016-12-31 23:59:60Z" },
	{ "a lower-case t",           "2026-12-15t02:00" },
	{ "a lower-case z",           "2026-12-15T02:00z" },
	{ "two blanks",               "2026-12-15  02:00" },
	{ "a blank before",           " 2026-12-15 02:00" },
	{ "a blank behind",           "2026-12-15 02:00 " },
	{ "a blank before the Z",     "2026-12-15 02:00 Z" },
	{ "something behind the Z",   "2026-12-15 02:00ZZ" },
	{ "an offset without minutes", "2026-12-15 02:00+01" },
	{ "... without its colon",    "2026-12-15 02:00+0100" },
	{ "... of a day",             "2026-12-15 02:00+24:00" },
	{ "... with two signs",       "2026-12-15 02:00-+01:00" },
	{ "... without its sign",     "2026-12-15 02:0001:00" },
	{ "... and more behind it",   "2026-12-15 02:00+01:00:00" },
	{ "a zone's name",            "2026-12-15 02:00 CET" },
	{ "a sign in a number",       "2026-12-+5 02:00" },
	{ "slashes",                  "2026/12/15 02:00" },
	{ "a word",                   "tomorrow" },
};

static void
test_bad_times(void)
{
	struct zone *zone = zone_of("UTC");

	for (size_t i = 0; zone != NULL && i < COUNT(bad_times); i++) {
		int64_t time = UNTOUCHED;
		int rc = time_parse(str_of(bad_times[i].text), zone, &time);

		if (rc != -EINVAL)
			printf("\n  %s: want -EINVAL, got %d", bad_times[i].say, rc);
		CU_ASSERT_EQUAL(rc, -EINVAL);
		CU_ASSERT_EQUAL(time, UNTOUCHED);
	}
	CU_ASSERT_EQUAL(time_parse(STR_NONE, zone, &(int64_t){ 0 }), -EINVAL);
	CU_ASSERT_EQUAL(time_parse((struct str){ "2026-12-15 02:00\0Z", 18 }, zone,
	    &(int64_t){ 0 }), -EINVAL);
	zone_free(zone);
}

/* The text need not end where the str does. */
static void
test_time_within_text(void)
{
	struct zone *zone = zone_of("UTC");
	int64_t time = UNTOUCHED;

	CU_ASSERT_EQUAL(time_parse((struct str){ "1970-01-02 00:00:59", 16 }, zone, &time), 0);
	CU_ASSERT_EQUAL(time, DAY);
	zone_free(zone);
}

static const struct {
	const char *text;
	int64_t     span;               /* UNTOUCHED: refused */
} spans[] = {
	{ "0", 0 }, { "0s", 0 }, { "90", 90 }, { "90s", 90 }, { "30m", 1800 }, { "4h", 14400 },
	{ "2d", 2 * DAY }, { "1h30m", 5400 }, { "1d2h3m4s", DAY + 7384 }, { "1d4s", DAY + 4 },
	{ "3653d", 3653 * DAY }, { "3652d24h", 3653 * DAY }, { "315619200", 3653 * DAY },
	{ "", UNTOUCHED }, { "h", UNTOUCHED }, { "s", UNTOUCHED }, { "-1", UNTOUCHED },
	{ "-1h", UNTOUCHED }, { "+1h", UNTOUCHED }, { "1.5h", UNTOUCHED }, { "1h30", UNTOUCHED },
	{ "30m1h", UNTOUCHED }, { "1h1h", UNTOUCHED }, { "1m1m", UNTOUCHED }, { "1s1", UNTOUCHED },
	{ "4H", UNTOUCHED }, { "1w", UNTOUCHED }, { "1h 30m", UNTOUCHED }, { " 1h", UNTOUCHED },
	{ "1h ", UNTOUCHED }, { "1hm", UNTOUCHED }, { "1h30mx", UNTOUCHED }, { "01h", UNTOUCHED },
	{ "3654d", UNTOUCHED }, { "3653d1s", UNTOUCHED }, { "315619201", UNTOUCHED },
	{ "315619201s", UNTOUCHED }, { "99999999999999999999", UNTOUCHED },
	{ "99999999999999999999d", UNTOUCHED }, { "9223372036854775807s", UNTOUCHED },
	{ "3653d87672h5260320m315619200s", UNTOUCHED },
};

static void
test_spans(void)
{
	for (size_t i = 0; i < COUNT(spans); i++) {
		int64_t span = UNTOUCHED;
		int rc = span_parse(str_of(spans[i].text), &span);

		if (span != spans[i].span)
			printf("\n  span \"%s\": want %lld, got %lld", spans[i].text,
			    (long long)spans[i].span, (long long)span);
		CU_ASSERT_EQUAL(rc, spans[i].span == UNTOUCHED ? -EINVAL : 0);
		CU_ASSERT_EQUAL(span, spans[i].span);
	}
	CU_ASSERT_EQUAL(span_parse(STR_NONE, &(int64_t){ 0 }), -EINVAL);
}

static const struct {
	const char *say;
	int64_t     time;
	const char *utc, *local;
} formats[] = {
	{ "the epoch",            0,            "1970-01-01T00:00:00Z", "1970-01-01 01:00 CET" },
	{ "before the epoch",     -1,           "1969-12-31T23:59:59Z", "1970-01-01 00:59 CET" },
	{ "winter",               1797300000,   "2026-12-15T02:00:00Z", "2026-12-15 03:00 CET" },
	{ "seconds are cut",      1797300059,   "2026-12-15T02:00:59Z", "2026-12-15 03:00 CET" },
	{ "summer",               1784073600,   "2026-07-15T00:00:00Z", "2026-07-15 02:00 CEST" },
	{ "doubled, the first",   1792888200,   "2026-10-25T00:30:00Z", "2026-10-25 02:30 CEST" },
	{ "doubled, the second",  1792891800,   "2026-10-25T01:30:00Z", "2026-10-25 02:30 CET" },
	{ "a leap day",           1835395200,   "2028-02-29T00:00:00Z", "2028-02-29 01:00 CET" },
	{ "after 32 bits",        4102444800,   "2100-01-01T00:00:00Z", "2100-01-01 01:00 CET" },
	{ "the last with four digits", 253402300799, "9999-12-31T23:59:59Z", "9999-12-31 23:59 CET" },
	{ "past them: cut there", INT64_MAX,    "9999-12-31T23:59:59Z", "9999-12-31 23:59 CET" },
	{ "none: cut at year 0",  TIME_NONE,    "0000-01-01T00:00:00Z", "0000-01-01 00:53 LMT" },
};

static void
check_text(const char *say, struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		printf("\n  %s: want %s, got %.*s", say, want, STR_ARG(got));
	CU_ASSERT_TRUE(str_eq(got, str_of(want)));
	CU_ASSERT_EQUAL(got.p[got.len], '\0');
}

static void
test_formats(void)
{
	struct zone *zone = zone_of("Europe/Berlin");
	char text[TIME_TEXT_MAX];

	for (size_t i = 0; zone != NULL && i < COUNT(formats); i++) {
		check_text(formats[i].say, time_format_utc(formats[i].time, text), formats[i].utc);
		check_text(formats[i].say, time_format_local(formats[i].time, zone, text),
		    formats[i].local);
	}
	zone_free(zone);
}

/* What is written is read back: every 13 hours and some of 400 years, so all dates there are. */
static void
test_round_trip(void)
{
	const int64_t cycle = 146097 * DAY;
	struct zone *zone = zone_of("UTC");
	char text[TIME_TEXT_MAX];
	int wrong = 0;

	for (int64_t time = 0; zone != NULL && time < cycle; time += 13 * 3600 + 7 * 60 + 11) {
		int64_t back = UNTOUCHED;
		int rc = time_parse(time_format_utc(time, text), zone, &back);

		if (rc != 0 || back != time)
			wrong++;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	zone_free(zone);
}

int
suite_clock(void)
{
	CU_pSuite suite = CU_add_suite("base/clock", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "times", test_times) == NULL ||
	    CU_add_test(suite, "bad times", test_bad_times) == NULL ||
	    CU_add_test(suite, "time within text", test_time_within_text) == NULL ||
	    CU_add_test(suite, "spans", test_spans) == NULL ||
	    CU_add_test(suite, "formats", test_formats) == NULL ||
	    CU_add_test(suite, "round trip", test_round_trip) == NULL)
		return -1;
	return 0;
}
