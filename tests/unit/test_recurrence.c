/* SPDX-License-Identifier: MIT */
/*
 * state/recurrence.c: which days a rule takes.  The table of the RFC holds the examples of RFC 5545, section 3.8.5.3,
 * that are within the subset, with the days it lists; where its DTSTART is not a day of the rule, the first day is.
 * tests/oracle/recurrence.py compares thousands of rules with two other implementations.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/civil.h"
#include "state/recurrence.h"
#include "support.h"

#define DAYS_TEXT_MAX 512

int suite_recurrence(void);

static int64_t
wall(const char *text)
{
	int64_t local = 0;
	bool has_offset;
	int offset;

	CHECK(text, time_parse_wall(str_of(text), &local, &has_offset, &offset) == 0 && !has_offset);
	return local;
}

static int64_t
day_of(const char *date)
{
	char text[TIME_TEXT_MAX];

	(void)snprintf(text, sizeof text, "%s 00:00", date);
	return civil_day_of_time(wall(text));
}

/* As many days from `day` on as `want` has words; a "." for the end. */
static void
check_days(const char *say, const struct recurrence *rule, int64_t day, const char *want)
{
	char memory[DAYS_TEXT_MAX], text[TIME_TEXT_MAX];
	struct buffer out;

	buffer_init(&out, memory, sizeof memory);
	for (const char *p = want; p != NULL; p = strchr(p + 1, ' ')) {
		day = recurrence_next_day(rule, day);
		if (p != want)
			buffer_add(&out, STR(" "));
		if (day == RECURRENCE_NEVER) {
			buffer_add(&out, STR("."));
			break;
		}
		buffer_add(&out, str_sub(time_format_utc(day * CIVIL_DAY_SECONDS, text), 0, 10));
		CHECK(say, recurrence_on_day(rule, day));
		day++;
	}
	check_str(say, buffer_str(&out), want);
}

struct row {
	const char *start, *rule, *days;
};

static void
check_rows(const struct row *rows, size_t count, const char *zone_name)
{
	struct zone *zone = NULL;

	CHECK("is tzdata installed?", zone_load(str_of(zone_name), &zone) == 0);
	for (size_t i = 0; zone != NULL && i < count; i++) {
		struct recurrence rule;
		const char *wrong = "";
		int64_t start = wall(rows[i].start);

		check_int(rows[i].rule, recurrence_parse(str_of(rows[i].rule), start, zone, &rule, &wrong), 0);
		check_str(rows[i].rule, str_of(wrong), "");
		if (wrong[0] == '\0')
			check_days(rows[i].rule, &rule, civil_day_of_time(start), rows[i].days);
	}
	zone_free(zone);
}

static const struct row rfc[] = {
	{ "1997-09-02 09:00", "FREQ=DAILY;COUNT=10", "1997-09-02 1997-09-03 1997-09-04 1997-09-05 1997-09-06 "
	    "1997-09-07 1997-09-08 1997-09-09 1997-09-10 1997-09-11 ." },
	{ "1997-09-02 09:00", "FREQ=DAILY;INTERVAL=2", "1997-09-02 1997-09-04 1997-09-06 1997-09-08" },
	{ "1997-09-02 09:00", "FREQ=DAILY;INTERVAL=10;COUNT=5",
	    "1997-09-02 1997-09-12 1997-09-22 1997-10-02 1997-10-12 ." },
	{ "1997-12-20 09:00", "FREQ=DAILY;UNTIL=19971224T000000Z",
	    "1997-12-20 1997-12-21 1997-12-22 1997-12-23 ." },
	{ "1997-09-02 09:00", "FREQ=WEEKLY;COUNT=3", "1997-09-02 1997-09-09 1997-09-16 ." },
	{ "1997-12-16 09:00", "FREQ=WEEKLY;UNTIL=19971224T000000Z", "1997-12-16 1997-12-23 ." },
	{ "1997-09-02 09:00", "FREQ=WEEKLY;INTERVAL=2", "1997-09-02 1997-09-16 1997-09-30 1997-10-14" },
	{ "1997-09-02 09:00", "FREQ=WEEKLY;COUNT=5;BYDAY=TU,TH",
	    "1997-09-02 1997-09-04 1997-09-09 1997-09-11 1997-09-16 ." },
	{ "1997-09-01 09:00", "FREQ=WEEKLY;INTERVAL=2;UNTIL=19970920T000000Z;BYDAY=MO,WE,FR",
	    "1997-09-01 1997-09-03 1997-09-05 1997-09-15 1997-09-17 1997-09-19 ." },
	{ "1997-09-02 09:00", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;BYDAY=TU,TH",
	    "1997-09-02 1997-09-04 1997-09-16 1997-09-18 1997-09-30 1997-10-02 1997-10-14 1997-10-16 ." },
	{ "1997-08-05 09:00", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU",
	    "1997-08-05 1997-08-10 1997-08-19 1997-08-24 ." },
	{ "1997-09-05 09:00", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "1997-09-05 1997-10-03 1997-11-07 1997-12-05 "
	    "1998-01-02 1998-02-06 1998-03-06 1998-04-03 1998-05-01 1998-06-05 ." },
	{ "1997-09-07 09:00", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "1997-09-07 1997-09-28 1997-11-02 "
	    "1997-11-30 1998-01-04 1998-01-25 1998-03-01 1998-03-29 1998-05-03 1998-05-31 ." },
	{ "1997-09-22 09:00", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
	    "1997-09-22 1997-10-20 1997-11-17 1997-12-22 1998-01-19 1998-02-16 ." },
	{ "1997-09-28 09:00", "FREQ=MONTHLY;BYMONTHDAY=-3",
	    "1997-09-28 1997-10-29 1997-11-28 1997-12-29 1998-01-29 1998-02-26" },
	{ "1997-09-02 09:00", "FREQ=MONTHLY;COUNT=4;BYMONTHDAY=2,15",
	    "1997-09-02 1997-09-15 1997-10-02 1997-10-15 ." },
	{ "1997-09-30 09:00", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "1997-09-30 1997-10-01 1997-10-31 1997-11-01 "
	    "1997-11-30 1997-12-01 1997-12-31 1998-01-01 1998-01-31 1998-02-01 ." },
	{ "1997-09-10 09:00", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15", "1997-09-10 "
	    "1997-09-11 1997-09-12 1997-09-13 1997-09-14 1997-09-15 1999-03-10 1999-03-11 1999-03-12 1999-03-13 ." },
	{ "1997-09-02 09:00", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU", "1997-09-02 1997-09-09 1997-09-16 1997-09-23 "
	    "1997-09-30 1997-11-04 1997-11-11 1997-11-18 1997-11-25 1998-01-06" },
	{ "1998-02-13 09:00", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
	    "1998-02-13 1998-03-13 1998-11-13 1999-08-13 2000-10-13" },
	{ "1997-09-13 09:00", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
	    "1997-09-13 1997-10-11 1997-11-08 1997-12-13 1998-01-10 1998-02-07" },
	{ "2007-01-15 09:00", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
	    "2007-01-15 2007-01-30 2007-02-15 2007-03-15 2007-03-30 ." },
};

static void
test_rfc(void)
{
	check_rows(rfc, COUNT(rfc), "America/New_York");
}

static const struct row own[] = {
	/* days that some months and years lack */
	{ "2026-01-31 02:00", "FREQ=MONTHLY", "2026-01-31 2026-03-31 2026-05-31 2026-07-31 2026-08-31" },
	{ "2026-01-29 02:00", "FREQ=MONTHLY;COUNT=3", "2026-01-29 2026-03-29 2026-04-29 ." },
	{ "2026-01-31 02:00", "FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31 2026-02-28 2026-03-31 2026-04-30" },
	{ "2026-01-01 02:00", "FREQ=MONTHLY;BYMONTHDAY=-31", "2026-01-01 2026-03-01 2026-05-01 2026-07-01" },
	{ "2028-02-29 02:00", "FREQ=MONTHLY;INTERVAL=12", "2028-02-29 2032-02-29 2036-02-29 2040-02-29" },
	{ "2092-02-29 02:00", "FREQ=MONTHLY;INTERVAL=12", "2092-02-29 2096-02-29 2104-02-29" },
	{ "2028-02-29 02:00", "FREQ=MONTHLY;BYMONTHDAY=29;COUNT=3", "2028-02-29 2028-03-29 2028-04-29 ." },
	{ "2026-01-30 02:00", "FREQ=MONTHLY;BYDAY=5FR", "2026-01-30 2026-05-29 2026-07-31 2026-10-30" },
	{ "2026-01-02 02:00", "FREQ=MONTHLY;BYDAY=-5FR", "2026-01-02 2026-05-01 2026-07-03 2026-10-02" },
	{ "2026-01-25 02:00", "FREQ=MONTHLY;BYDAY=-1SU", "2026-01-25 2026-02-22 2026-03-29 2026-04-26 2026-05-31" },
	{ "2026-01-13 02:00", "FREQ=MONTHLY;BYDAY=2TU", "2026-01-13 2026-02-10 2026-03-10 2026-04-14" },
	{ "2026-01-01 02:00", "FREQ=MONTHLY;BYDAY=TH,+2MO;COUNT=4", "2026-01-01 2026-01-08 2026-01-12 2026-01-15 ." },
	{ "2026-03-01 02:00", "FREQ=MONTHLY;BYDAY=1SU;BYMONTHDAY=1", "2026-03-01 2026-11-01 2027-08-01" },
	/* what only limits */
	{ "2026-01-02 02:00", "FREQ=DAILY;BYDAY=FR,SA;COUNT=3", "2026-01-02 2026-01-03 2026-01-09 ." },
	{ "2026-01-02 02:00", "FREQ=DAILY;INTERVAL=2;BYDAY=FR", "2026-01-02 2026-01-16 2026-01-30" },
	{ "2026-01-31 02:00", "FREQ=DAILY;BYMONTHDAY=1,-1", "2026-01-31 2026-02-01 2026-02-28 2026-03-01" },
	{ "2026-02-13 02:00", "FREQ=DAILY;BYMONTHDAY=13;BYDAY=FR", "2026-02-13 2026-03-13 2026-11-13" },
	/* weeks begin on Monday, whatever the first day is */
	{ "2026-01-04 02:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO", "2026-01-04 2026-01-12 2026-01-18 2026-01-26" },
	{ "1970-01-01 00:00", "FREQ=WEEKLY;INTERVAL=3;BYDAY=TH,MO", "1970-01-01 1970-01-19 1970-01-22 1970-02-09" },
	/* far away, and the widest intervals */
	{ "2037-12-31 23:30", "FREQ=WEEKLY;BYDAY=TH", "2037-12-31 2038-01-07 2038-01-14 2038-01-21 2038-01-28" },
	{ "2038-01-19 03:14:07", "FREQ=DAILY;COUNT=2", "2038-01-19 2038-01-20 ." },
	{ "2026-01-31 02:00", "FREQ=DAILY;INTERVAL=366", "2026-01-31 2027-02-01 2028-02-02" },
	{ "2026-01-31 02:00", "FREQ=MONTHLY;INTERVAL=366", "2026-01-31 2056-07-31 2087-01-31" },
	{ "9999-12-30 02:00", "FREQ=DAILY;COUNT=5", "9999-12-30 9999-12-31 ." },
	/* in which order, how often and in which case it is written */
	{ "2026-01-01 02:00", "count=2;byday=th,TH;Freq=weekly", "2026-01-01 2026-01-08 ." },
	{ "2026-01-01 02:00", "FREQ=DAILY; INTERVAL=1", "2026-01-01 2026-01-02" },
	{ "2026-01-01 02:00", "FREQ=DAILY;COUNT=1", "2026-01-01 ." },
};

static void
test_own(void)
{
	check_rows(own, COUNT(own), "Europe/Berlin");
}

static const struct row untils[] = {
	{ "2026-01-01 02:00", "FREQ=DAILY;UNTIL=20260103", "2026-01-01 2026-01-02 2026-01-03 ." },
	{ "2026-01-01 23:59", "FREQ=DAILY;UNTIL=20260102", "2026-01-01 2026-01-02 ." },
	{ "2026-01-01 00:00", "FREQ=DAILY;UNTIL=20260101", "2026-01-01 ." },
	{ "2026-01-01 02:00", "FREQ=DAILY;UNTIL=20260103T020000", "2026-01-01 2026-01-02 2026-01-03 ." },
	{ "2026-01-01 02:00", "FREQ=DAILY;UNTIL=20260103T015959", "2026-01-01 2026-01-02 ." },
	{ "2026-01-01 02:00", "FREQ=DAILY;UNTIL=20260101T020000Z", "2026-01-01 ." },
	/* 02:00 in Berlin is 01:00Z in winter, 00:00Z in summer */
	{ "2026-01-01 02:00", "FREQ=DAILY;UNTIL=20260103T010000Z", "2026-01-01 2026-01-02 2026-01-03 ." },
	{ "2026-01-01 02:00", "FREQ=DAILY;UNTIL=20260103T005959Z", "2026-01-01 2026-01-02 ." },
	{ "2026-07-01 02:00", "FREQ=DAILY;UNTIL=20260703T000000Z", "2026-07-01 2026-07-02 2026-07-03 ." },
	{ "2026-07-01 02:00", "FREQ=DAILY;UNTIL=20260702T235959Z", "2026-07-01 2026-07-02 ." },
	/* the day in the zone is not the day in UTC */
	{ "2026-01-01 00:30", "FREQ=DAILY;UNTIL=20260102T233000Z", "2026-01-01 2026-01-02 2026-01-03 ." },
	{ "2026-01-01 00:30", "FREQ=DAILY;UNTIL=20260102T232959Z", "2026-01-01 2026-01-02 ." },
	/* 02:30 in the gap of 29 March is 01:30Z; of the doubled 02:30 of 25 October the first, 00:30Z */
	{ "2026-03-28 02:30", "FREQ=DAILY;UNTIL=20260329T013000Z", "2026-03-28 2026-03-29 ." },
	{ "2026-03-28 02:30", "FREQ=DAILY;UNTIL=20260329T012959Z", "2026-03-28 ." },
	{ "2026-03-28 02:30", "FREQ=DAILY;UNTIL=20260329T023000", "2026-03-28 2026-03-29 ." },
	{ "2026-10-24 02:30", "FREQ=DAILY;UNTIL=20261025T003000Z", "2026-10-24 2026-10-25 ." },
	{ "2026-10-24 02:30", "FREQ=DAILY;UNTIL=20261025T002959Z", "2026-10-24 ." },
	{ "2026-10-24 02:30", "FREQ=DAILY;UNTIL=20261025T011500Z", "2026-10-24 2026-10-25 ." },
	{ "2040-02-29 02:00", "FREQ=MONTHLY;UNTIL=20400429T000000Z", "2040-02-29 2040-03-29 2040-04-29 ." },
	{ "2040-02-29 02:00", "FREQ=MONTHLY;UNTIL=20400428T235959Z", "2040-02-29 2040-03-29 ." },
	{ "2026-01-01 02:00", "FREQ=WEEKLY;UNTIL=99991231T235959Z", "2026-01-01 2026-01-08" },
};

static void
test_untils(void)
{
	check_rows(untils, COUNT(untils), "Europe/Berlin");
}

static const struct {
	const char *rule, *words;       /* of the sentence */
} bad[] = {
	{ "", "FREQ is missing" }, { "COUNT=3", "FREQ is missing" }, { "BYDAY=TH", "FREQ is missing" },
	{ "FREQ", "expected FREQ, INTERVAL" }, { "FREQ=", "expected FREQ=DAILY" },
	{ "FREQ=YEARLY", "expected FREQ=DAILY" }, { "FREQ=HOURLY", "expected FREQ=DAILY" },
	{ "FREQ=MINUTELY", "expected FREQ=DAILY" }, { "FREQ=SECONDLY", "expected FREQ=DAILY" },
	{ "FREQ=DAILYS", "expected FREQ=DAILY" }, { "FREQ=DAILY;FREQ=DAILY", "FREQ is given twice" },
	{ "FREQ=DAILY;", "and nothing else" }, { ";FREQ=DAILY", "and nothing else" },
	{ "FREQ=DAILY;;COUNT=3", "and nothing else" }, { "FREQ=DAILY,COUNT=3", "expected FREQ=DAILY" },
	{ "RRULE:FREQ=DAILY", "and nothing else" }, { "FREQ=WEEKLY;WKST=MO", "and nothing else" },
	{ "FREQ=MONTHLY;BYDAY=TH;BYSETPOS=1", "and nothing else" }, { "FREQ=DAILY;BYMONTH=1", "and nothing else" },
	{ "FREQ=DAILY;BYHOUR=1", "and nothing else" }, { "FREQ=DAILY;BYYEARDAY=1", "and nothing else" },
	{ "FREQ=DAILY;BYWEEKNO=1", "and nothing else" }, { "FREQ=DAILY;X-OWN=1", "and nothing else" },
	{ "FREQ=DAILY;COUNT", "and nothing else" }, { "FREQ=DAILY;=3", "and nothing else" },
	{ "FREQ=DAILY;INTERVAL=0", "INTERVAL from 1" }, { "FREQ=DAILY;INTERVAL=", "INTERVAL from 1" },
	{ "FREQ=DAILY;INTERVAL=-1", "INTERVAL from 1" }, { "FREQ=DAILY;INTERVAL=367", "INTERVAL from 1 to 366" },
	{ "FREQ=DAILY;INTERVAL=1.5", "INTERVAL from 1" }, { "FREQ=DAILY;INTERVAL=1;INTERVAL=1", "once" },
	{ "FREQ=DAILY;INTERVAL=99999999999999999999", "INTERVAL from 1" },
	{ "FREQ=DAILY;COUNT=0", "COUNT from 1" }, { "FREQ=DAILY;COUNT=-1", "COUNT from 1" },
	{ "FREQ=DAILY;COUNT=100001", "COUNT from 1 to 100000" }, { "FREQ=DAILY;COUNT=2;COUNT=2", "once" },
	{ "FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL" },
	{ "FREQ=DAILY;UNTIL=20270101;COUNT=2", "COUNT and UNTIL" },
	{ "FREQ=DAILY;UNTIL=20270101;UNTIL=20270101", "UNTIL once" }, { "FREQ=DAILY;UNTIL=", "UNTIL once" },
	{ "FREQ=DAILY;UNTIL=2027", "UNTIL once" }, { "FREQ=DAILY;UNTIL=2027-01-01", "UNTIL once" },
	{ "FREQ=DAILY;UNTIL=20270101Z", "UNTIL once" }, { "FREQ=DAILY;UNTIL=20270229", "UNTIL once" },
	{ "FREQ=DAILY;UNTIL=20270101T0000", "UNTIL once" }, { "FREQ=DAILY;UNTIL=20270101T240000Z", "UNTIL once" },
	{ "FREQ=DAILY;UNTIL=20270101T000000z", "UNTIL once" }, { "FREQ=DAILY;UNTIL=20270101T000000+", "UNTIL once" },
	{ "FREQ=DAILY;UNTIL=20270101T000000+01:00", "UNTIL once" },
	{ "FREQ=DAILY;UNTIL=20270101 000000", "UNTIL once" },
	{ "FREQ=DAILY;UNTIL=20251231", "UNTIL is before" }, { "FREQ=DAILY;UNTIL=20260101T015959", "UNTIL is before" },
	{ "FREQ=DAILY;UNTIL=20260101T005959Z", "UNTIL is before" },
	{ "FREQ=WEEKLY;BYDAY=", "expected BYDAY" }, { "FREQ=WEEKLY;BYDAY=XX", "expected BYDAY" },
	{ "FREQ=WEEKLY;BYDAY=TH,", "expected BYDAY" }, { "FREQ=WEEKLY;BYDAY=,TH", "expected BYDAY" },
	{ "FREQ=WEEKLY;BYDAY=T", "expected BYDAY" }, { "FREQ=WEEKLY;BYDAY=THU", "expected BYDAY" },
	{ "FREQ=WEEKLY;BYDAY=TH;BYDAY=FR", "once" }, { "FREQ=WEEKLY;BYDAY=1TH", "goes with FREQ=MONTHLY" },
	{ "FREQ=DAILY;BYDAY=-1TH", "goes with FREQ=MONTHLY" }, { "BYDAY=1TH;FREQ=DAILY", "goes with FREQ=MONTHLY" },
	{ "FREQ=MONTHLY;BYDAY=0TH", "numbers from 1" }, { "FREQ=MONTHLY;BYDAY=6TH", "numbers from 1 to 5" },
	{ "FREQ=MONTHLY;BYDAY=-6TH", "-1 to -5" }, { "FREQ=MONTHLY;BYDAY=+-1TH", "numbers from 1" },
	{ "FREQ=MONTHLY;BYDAY=-TH", "numbers from 1" }, { "FREQ=MONTHLY;BYDAY=1 TH", "numbers from 1" },
	{ "FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY from 1" },
	{ "FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY from 1 to 31" },
	{ "FREQ=MONTHLY;BYMONTHDAY=-32", "-1 to -31" }, { "FREQ=MONTHLY;BYMONTHDAY=", "expected BYMONTHDAY" },
	{ "FREQ=MONTHLY;BYMONTHDAY=1,", "BYMONTHDAY from 1" }, { "FREQ=MONTHLY;BYMONTHDAY=1;BYMONTHDAY=2", "once" },
	{ "FREQ=MONTHLY;BYMONTHDAY=-", "BYMONTHDAY from 1" }, { "FREQ=MONTHLY;BYMONTHDAY=1st", "BYMONTHDAY from 1" },
	{ "FREQ=WEEKLY;BYMONTHDAY=1", "does not go with FREQ=WEEKLY" },
	{ "FREQ=WEEKLY;BYDAY=FR", "the start is on a day" }, { "FREQ=DAILY;BYDAY=FR", "the start is on a day" },
	{ "FREQ=MONTHLY;BYDAY=2TH", "the start is on a day" }, { "FREQ=MONTHLY;BYMONTHDAY=2", "the start is on a day" },
	{ "FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=FR", "the start is on a day" },
};

/* All of them for 2026-01-01 02:00 in Berlin, a Thursday. */
static void
test_bad(void)
{
	struct zone *zone = NULL;
	int64_t start = wall("2026-01-01 02:00");

	CHECK("is tzdata installed?", zone_load(STR("Europe/Berlin"), &zone) == 0);
	for (size_t i = 0; zone != NULL && i < COUNT(bad); i++) {
		struct recurrence rule = { .interval = -77 };
		const char *wrong = "";

		check_int(bad[i].rule, recurrence_parse(str_of(bad[i].rule), start, zone, &rule, &wrong), -EINVAL);
		if (!str_contains(str_of(wrong), str_of(bad[i].words)))
			printf("\n  %s: \"%s\"", bad[i].rule, wrong);
		CHECK(bad[i].rule, str_contains(str_of(wrong), str_of(bad[i].words)));
		check_int(bad[i].rule, rule.interval, -77);
	}
	zone_free(zone);
}

static void
parse(const char *text, const char *start, struct recurrence *ret)
{
	struct zone *zone = NULL;
	const char *wrong = "";

	CHECK("UTC", zone_load(STR("UTC"), &zone) == 0);
	check_int(text, recurrence_parse(str_of(text), wall(start), zone, ret, &wrong), 0);
	zone_free(zone);
}

/* A list longer than the table is refused, not written past its end. */
static void
test_many_days(void)
{
	char memory[512];
	struct buffer out;
	struct recurrence rule;
	const char *wrong = "";
	struct zone *zone = NULL;

	CHECK("UTC", zone_load(STR("UTC"), &zone) == 0);
	buffer_init(&out, memory, sizeof memory);
	buffer_add(&out, STR("FREQ=MONTHLY;BYDAY=1TH"));
	for (int i = 1; i < RECURRENCE_BYDAY_MAX; i++)
		buffer_add(&out, STR(",1TH"));
	check_int("as many as there may be", recurrence_parse(buffer_str(&out), 0, zone, &rule, &wrong), 0);
	buffer_add(&out, STR(",1TH"));
	check_int("one more", recurrence_parse(buffer_str(&out), 0, zone, &rule, &wrong), -EINVAL);
	zone_free(zone);
}

/* The next day is the next that is taken: asked in both ways over some years. */
static void
test_next_is_on_day(void)
{
	static const char *const rules[] = { "FREQ=DAILY;INTERVAL=9", "FREQ=WEEKLY;INTERVAL=3;BYDAY=TH,SU,MO",
		"FREQ=MONTHLY;INTERVAL=5", "FREQ=MONTHLY;BYDAY=1TH,-1FR,WE;BYMONTHDAY=-2,1,15,31",
		"FREQ=DAILY;COUNT=40" };
	struct recurrence rule = { .interval = 1 };

	for (size_t i = 0; i < COUNT(rules); i++) {
		int64_t next = RECURRENCE_NEVER;
		int wrong = 0;

		parse(rules[i], "2026-01-01 02:00", &rule);
		for (int64_t day = rule.first_day + 3000; day >= rule.first_day - 3; day--) {
			if (recurrence_on_day(&rule, day))
				next = day;
			if (next != RECURRENCE_NEVER && recurrence_next_day(&rule, day) != next)
				wrong++;
		}
		check_int(rules[i], wrong, 0);
		check_int(rules[i], next, rule.first_day);
		check_int(rules[i], recurrence_next_day(&rule, INT64_C(-1000000)), rule.first_day);
	}
}

/* COUNT is the last day, and however sparse the rule is, the walk to it is short. */
static void
test_count(void)
{
	struct recurrence rule = { .interval = 1 };

	parse("FREQ=DAILY;COUNT=100000", "2026-01-01 02:00", &rule);
	check_int("days", rule.last_day, day_of("2026-01-01") + 99999);
	parse("FREQ=WEEKLY;BYDAY=TH,FR;COUNT=1001", "2026-01-01 02:00", &rule);
	check_int("weeks", rule.last_day, day_of("2026-01-01") + 3500);
	check_int("behind it", recurrence_next_day(&rule, rule.last_day + 1), RECURRENCE_NEVER);
	parse("FREQ=DAILY", "2026-01-01 02:00", &rule);
	check_int("none", rule.last_day, RECURRENCE_NEVER);
	parse("FREQ=MONTHLY;INTERVAL=366;COUNT=100000", "2026-01-31 02:00", &rule);
	CHECK("no later than can be written", rule.last_day < day_of("9999-12-31") + 1);
}

/* Each 29th, 366 months apart, where it is a Tuesday: after 2180 none for more than 180 years, so none is found. */
static void
test_hundred_years(void)
{
	struct recurrence rule = { .interval = 1 };

	parse("FREQ=MONTHLY;INTERVAL=366;BYMONTHDAY=29;BYDAY=TU", "2180-08-29 02:00", &rule);
	check_int("within", recurrence_next_day(&rule, rule.first_day - RECURRENCE_DAYS_MAX), rule.first_day);
	check_int("over", recurrence_next_day(&rule, rule.first_day + 1), RECURRENCE_NEVER);
}

int
suite_recurrence(void)
{
	CU_pSuite suite = CU_add_suite("state/recurrence", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "examples of RFC 5545", test_rfc) == NULL ||
	    CU_add_test(suite, "rules", test_own) == NULL ||
	    CU_add_test(suite, "UNTIL", test_untils) == NULL ||
	    CU_add_test(suite, "refused", test_bad) == NULL ||
	    CU_add_test(suite, "many days", test_many_days) == NULL ||
	    CU_add_test(suite, "next is on day", test_next_is_on_day) == NULL ||
	    CU_add_test(suite, "COUNT", test_count) == NULL ||
	    CU_add_test(suite, "a hundred years", test_hundred_years) == NULL)
		return -1;
	return 0;
}
