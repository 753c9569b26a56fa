/* SPDX-License-Identifier: MIT */
/*
 * base/zone.c: what clocks show in known zones, the way back from a wall clock
 * to the instant, rules of every spelling, and files that are not sound.
 *
 * The known zones come from the system's tzdata, which run-tests installs; a
 * machine without it fails here and is told so.  The rules and the bad files
 * are written by the tests into a folder of their own, named by TZDIR.
 */
#include "config.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/zone.h"

#define COUNT(table)   (sizeof(table) / sizeof *(table))
#define FILE_SIZE_MAX  16384
#define HEADER_SIZE    44

int suite_zone(void);

/* ---- helpers ---- */

/* "2026-03-29 02:00:00" in seconds, as if it were UTC. */
static int64_t
seconds_of(const char *text)
{
	int year, month, day, hour, minute, second;

	if (sscanf(text, "%d-%d-%d %d:%d:%d", &year, &month, &day, &hour, &minute, &second) != 6) {
		CU_FAIL_FATAL("a time in the table is not well-formed");
	}
	return civil_days(year, month, day) * CIVIL_DAY_SECONDS + hour * 3600 + minute * 60 + second;
}

/* A zone of the system's tzdata, or NULL and a failed test that says what is missing. */
static struct zone *
system_zone(const char *name)
{
	struct zone *zone = NULL;
	int rc = zone_load(str_of(name), &zone);

	if (rc == 0)
		return zone;
	printf("\n  zone %s does not load (%s): is the package tzdata installed?", name,
	    strerror(-rc));
	CU_FAIL("zone of the system does not load; is tzdata installed?");
	return NULL;
}

static char folder[64];

static bool
folder_make(void)
{
	(void)snprintf(folder, sizeof folder, "/tmp/test_zone.XXXXXX");
	if (mkdtemp(folder) == NULL || setenv("TZDIR", folder, 1) != 0) {
		CU_FAIL("no temporary folder");
		return false;
	}
	return true;
}

static void
folder_path(char *path, size_t size, const char *name)
{
	(void)snprintf(path, size, "%s/%s", folder, name);
}

static void
folder_drop(void)
{
	char path[128];

	folder_path(path, sizeof path, "Zone");
	(void)unlink(path);
	(void)rmdir(folder);
	(void)unsetenv("TZDIR");
}

/* Writes the zone "Zone" into the folder. */
static void
file_write(const unsigned char *bytes, size_t len)
{
	char path[128];
	FILE *file;
	bool done;

	folder_path(path, sizeof path, "Zone");
	file = fopen(path, "wb");
	if (file == NULL) {
		CU_FAIL_FATAL("the temporary folder cannot be written");
		return;
	}
	done = fwrite(bytes, 1, len, file) == len;
	done = fclose(file) == 0 && done;
	CU_ASSERT_TRUE_FATAL(done);
}

static size_t
file_read(const char *path, unsigned char bytes[FILE_SIZE_MAX])
{
	FILE *file = fopen(path, "rb");
	size_t len;

	if (file == NULL)
		return 0;
	len = fread(bytes, 1, FILE_SIZE_MAX, file);
	(void)fclose(file);
	return len;
}

/* Loads what was written; asks both ways, so that a sanitizer sees what a bad file can do. */
static int
load_and_ask(void)
{
	static const int64_t times[] = { INT64_MIN, -4000000000, 0, 1774746000, 4102444800, INT64_MAX };
	struct zone *zone = NULL;
	int rc = zone_load(STR("Zone"), &zone);

	if (rc != 0) {
		CU_ASSERT_PTR_NULL(zone);       /* untouched on failure */
		return rc;
	}
	for (size_t i = 0; i < COUNT(times); i++) {
		struct zone_offset offset = zone_offset_at(zone, times[i]);
		int64_t utc = zone_to_utc(zone, times[i]);

		CU_ASSERT_TRUE(offset.seconds >= -89999 && offset.seconds <= 93599);
		CU_ASSERT_TRUE(strlen(offset.abbreviation) <= 15);
		CU_ASSERT_TRUE(utc != INT64_MIN);
	}
	zone_free(zone);
	return 0;
}

struct bytes {
	unsigned char data[FILE_SIZE_MAX];
	size_t        len;
};

static void
put(struct bytes *to, const void *data, size_t len)
{
	CU_ASSERT_TRUE_FATAL(to->len + len <= sizeof to->data);
	memcpy(to->data + to->len, data, len);
	to->len += len;
}

static void
put_number(struct bytes *to, int64_t value, unsigned size)
{
	for (unsigned i = size; i-- > 0;) {
		unsigned char byte = (unsigned char)((uint64_t)value >> (8 * i));

		put(to, &byte, 1);
	}
}

/* Where the counts stand in a header. */
enum { IS_UT = 20, IS_STD = 24, LEAPS = 28, TIMES = 32, TYPES = 36, CHARS = 40 };

static void
put_header(struct bytes *to, char version, int times, int types, int chars)
{
	static const unsigned char zeros[15 + 12];

	put(to, "TZif", 4);
	put(to, &version, 1);
	put(to, zeros, sizeof zeros);           /* reserved, and the counts we do not use */
	put_number(to, times, 4);
	put_number(to, types, 4);
	put_number(to, chars, 4);
}

/* Two changes, 1000 (to AAA, +1 h) and 2000 (back to LMT, +0 h). */
static void
put_part(struct bytes *to, char version, unsigned time_size)
{
	put_header(to, version, 2, 2, 8);
	put_number(to, 1000, time_size);
	put_number(to, 2000, time_size);
	put(to, "\1\0", 2);
	put(to, "\0\0\0\0\0\0", 6);
	put(to, "\0\0\x0e\x10\1\4", 6);
	put(to, "LMT\0AAA", 8);
}

/* A whole file; `version` '\0' has the 32-bit part alone and no footer. */
static void
build(struct bytes *file, char version, const char *footer)
{
	file->len = 0;
	put_part(file, version, 4);
	if (version == '\0')
		return;
	put_part(file, version, 8);
	put(file, "\n", 1);
	put(file, footer, strlen(footer));
	put(file, "\n", 1);
}

/* Where the part begins that is read: its header. */
static size_t
part_at(char version)
{
	return version == '\0' ? 0 : HEADER_SIZE + 2 * 5 + 2 * 6 + 8;
}

/* ---- offsets ---- */

static const struct {
	const char *say, *zone, *utc;
	int32_t     seconds;
	const char *abbreviation;
} offsets[] = {
	{ "UTC without a file",             "",                    "2026-07-01 00:00:00",     0, "UTC" },
	{ "UTC by name",                    "UTC",                 "2100-07-01 00:00:00",     0, "UTC" },
	{ "Berlin before clocks agreed",    "Europe/Berlin",       "1850-01-01 00:00:00",  3208, "LMT" },
	{ "Berlin before the epoch",        "Europe/Berlin",       "1947-06-01 00:00:00", 10800, "CEMT" },
	{ "Berlin had no summer time",      "Europe/Berlin",       "1970-07-01 00:00:00",  3600, "CET" },
	{ "Berlin in winter",               "Europe/Berlin",       "2026-12-15 01:00:00",  3600, "CET" },
	{ "Berlin, a second before spring", "Europe/Berlin",       "2026-03-29 00:59:59",  3600, "CET" },
	{ "Berlin, spring",                 "Europe/Berlin",       "2026-03-29 01:00:00",  7200, "CEST" },
	{ "Berlin, a second before autumn", "Europe/Berlin",       "2026-10-25 00:59:59",  7200, "CEST" },
	{ "Berlin, autumn",                 "Europe/Berlin",       "2026-10-25 01:00:00",  3600, "CET" },
	{ "Berlin, the last listed autumn", "Europe/Berlin",       "2037-10-25 01:00:00",  3600, "CET" },
	{ "Berlin, before 32 bits end",     "Europe/Berlin",       "2038-01-19 03:14:07",  3600, "CET" },
	{ "Berlin by the footer, winter",   "Europe/Berlin",       "2038-03-28 00:59:59",  3600, "CET" },
	{ "Berlin by the footer, summer",   "Europe/Berlin",       "2038-03-28 01:00:00",  7200, "CEST" },
	{ "Berlin in 2100, winter",         "Europe/Berlin",       "2100-03-28 00:59:59",  3600, "CET" },
	{ "Berlin in 2100, summer",         "Europe/Berlin",       "2100-03-28 01:00:00",  7200, "CEST" },
	{ "Berlin in 2100, autumn",         "Europe/Berlin",       "2100-10-31 01:00:00",  3600, "CET" },
	{ "New York in winter",             "America/New_York",    "2026-03-08 06:59:59", -18000, "EST" },
	{ "New York, spring",               "America/New_York",    "2026-03-08 07:00:00", -14400, "EDT" },
	{ "New York, before autumn",        "America/New_York",    "2026-11-01 05:59:59", -14400, "EDT" },
	{ "New York, autumn",               "America/New_York",    "2026-11-01 06:00:00", -18000, "EST" },
	{ "New York in 2037",               "America/New_York",    "2037-11-01 05:59:59", -14400, "EDT" },
	{ "New York in 2100",               "America/New_York",    "2100-03-14 07:00:00", -14400, "EDT" },
	{ "Lord Howe, summer",              "Australia/Lord_Howe", "2026-01-01 00:00:00", 39600, "+11" },
	{ "Lord Howe, before half an hour", "Australia/Lord_Howe", "2026-04-04 14:59:59", 39600, "+11" },
	{ "Lord Howe, half an hour back",   "Australia/Lord_Howe", "2026-04-04 15:00:00", 37800, "+1030" },
	{ "Lord Howe, spring in October",   "Australia/Lord_Howe", "2026-10-03 15:30:00", 39600, "+11" },
	{ "Lord Howe, New Year 2100",       "Australia/Lord_Howe", "2100-01-01 00:00:00", 39600, "+11" },
	{ "Kathmandu's quarter",            "Asia/Kathmandu",      "2026-06-01 00:00:00", 20700, "+0545" },
	{ "Kathmandu before 1986",          "Asia/Kathmandu",      "1985-12-31 18:29:59", 19800, "+0530" },
	{ "Kathmandu in 2100",              "Asia/Kathmandu",      "2100-06-01 00:00:00", 20700, "+0545" },
	{ "Dublin's winter is the other",   "Europe/Dublin",       "2100-01-01 00:00:00",     0, "GMT" },
	{ "Dublin's summer is standard",    "Europe/Dublin",       "2100-07-01 00:00:00",  3600, "IST" },
};

static void
test_offsets(void)
{
	for (size_t i = 0; i < COUNT(offsets); i++) {
		struct zone *zone = system_zone(offsets[i].zone);
		struct zone_offset offset;

		if (zone == NULL)
			continue;
		offset = zone_offset_at(zone, seconds_of(offsets[i].utc));
		if (offset.seconds != offsets[i].seconds)
			printf("\n  %s: want %d, got %d", offsets[i].say, offsets[i].seconds,
			    offset.seconds);
		CU_ASSERT_EQUAL(offset.seconds, offsets[i].seconds);
		CU_ASSERT_STRING_EQUAL(offset.abbreviation, offsets[i].abbreviation);
		zone_free(zone);
	}
}

static const struct {
	const char *say, *zone, *local, *utc;
} locals[] = {
	{ "UTC is itself",             "UTC",                 "2026-12-15 02:00:00", "2026-12-15 02:00:00" },
	{ "Berlin, winter",            "Europe/Berlin",       "2026-12-15 02:00:00", "2026-12-15 01:00:00" },
	{ "Berlin, summer",            "Europe/Berlin",       "2026-07-15 02:00:00", "2026-07-15 00:00:00" },
	{ "Berlin, before the gap",    "Europe/Berlin",       "2026-03-29 01:59:59", "2026-03-29 00:59:59" },
	{ "Berlin, the gap's start",   "Europe/Berlin",       "2026-03-29 02:00:00", "2026-03-29 01:00:00" },
	{ "Berlin, in the gap",        "Europe/Berlin",       "2026-03-29 02:30:00", "2026-03-29 01:30:00" },
	{ "Berlin, after the gap",     "Europe/Berlin",       "2026-03-29 03:00:00", "2026-03-29 01:00:00" },
	{ "Berlin, doubled: first",    "Europe/Berlin",       "2026-10-25 02:00:00", "2026-10-25 00:00:00" },
	{ "Berlin, doubled: its end",  "Europe/Berlin",       "2026-10-25 02:59:59", "2026-10-25 00:59:59" },
	{ "Berlin, after the doubled", "Europe/Berlin",       "2026-10-25 03:00:00", "2026-10-25 02:00:00" },
	{ "New York, in the gap",      "America/New_York",    "2026-03-08 02:30:00", "2026-03-08 07:30:00" },
	{ "New York, doubled",         "America/New_York",    "2026-11-01 01:30:00", "2026-11-01 05:30:00" },
	{ "New York, after doubled",   "America/New_York",    "2026-11-01 02:00:00", "2026-11-01 07:00:00" },
	{ "New York in 2037",          "America/New_York",    "2037-11-01 01:30:00", "2037-11-01 05:30:00" },
	{ "New York's gap in 2038",    "America/New_York",    "2038-03-14 02:30:00", "2038-03-14 07:30:00" },
	{ "New York doubled in 2100",  "America/New_York",    "2100-11-07 01:30:00", "2100-11-07 05:30:00" },
	{ "Lord Howe, half-hour gap",  "Australia/Lord_Howe", "2026-10-04 02:15:00", "2026-10-03 15:45:00" },
	{ "Lord Howe, after the gap",  "Australia/Lord_Howe", "2026-10-04 02:30:00", "2026-10-03 15:30:00" },
	{ "Lord Howe, doubled half",   "Australia/Lord_Howe", "2026-04-05 01:45:00", "2026-04-04 14:45:00" },
	{ "Lord Howe, after doubled",  "Australia/Lord_Howe", "2026-04-05 02:00:00", "2026-04-04 15:30:00" },
	{ "Lord Howe in 2100",         "Australia/Lord_Howe", "2100-04-04 01:45:00", "2100-04-03 14:45:00" },
	{ "Kathmandu",                 "Asia/Kathmandu",      "2026-06-01 05:45:00", "2026-06-01 00:00:00" },
	{ "Apia has no 30 December",   "Pacific/Apia",        "2011-12-30 12:00:00", "2011-12-30 22:00:00" },
	{ "Apia, the day after it",    "Pacific/Apia",        "2011-12-31 00:00:00", "2011-12-30 10:00:00" },
};

static void
test_locals(void)
{
	for (size_t i = 0; i < COUNT(locals); i++) {
		struct zone *zone = system_zone(locals[i].zone);
		int64_t want = seconds_of(locals[i].utc), got;

		if (zone == NULL)
			continue;
		got = zone_to_utc(zone, seconds_of(locals[i].local));
		if (got != want)
			printf("\n  %s: off by %lld s", locals[i].say, (long long)(got - want));
		CU_ASSERT_EQUAL(got, want);
		zone_free(zone);
	}
}

/* Times nobody means must not overflow. */
static void
test_far_times(void)
{
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX };
	struct zone *zone = system_zone("Europe/Berlin");

	for (size_t i = 0; zone != NULL && i < COUNT(times); i++) {
		int32_t seconds = zone_offset_at(zone, times[i]).seconds;
		int64_t utc = zone_to_utc(zone, times[i]);

		CU_ASSERT_TRUE(seconds == 3208 || seconds == 3600 || seconds == 7200);
		CU_ASSERT_EQUAL(utc < 0, times[i] < 0);
	}
	zone_free(zone);
	zone_free(NULL);
}

/* ---- names ---- */

static const struct {
	const char *say, *name;
	int         rc;
} names[] = {
	{ "absolute",                   "/etc/passwd",              -EINVAL },
	{ "out of the folder",          "../zoneinfo/Europe/Berlin", -EINVAL },
	{ "a dot segment",              "Europe/./Berlin",          -EINVAL },
	{ "a dot in a name",            "zone.tab",                 -EINVAL },
	{ "a blank",                    "Europe/Ber lin",           -EINVAL },
	{ "a POSIX rule is no name",    "CET-1CEST,M3.5.0",         -EINVAL },
	{ "a leading colon",            ":Europe/Berlin",           -EINVAL },
	{ "an empty segment",           "Europe//Berlin",           -EINVAL },
	{ "a final slash",              "Europe/Berlin/",           -EINVAL },
	{ "no such zone",               "Europe/Atlantis",          -ENOENT },
	{ "a zone is no folder",        "Europe/Berlin/Mitte",      -ENOENT },
	{ "UTC in other letters: file", "Nowhere/utc",              -ENOENT },
	{ "a folder is no zone",        "Europe",                   -EBADMSG },
	{ "a minus and digits",         "Etc/GMT-14",               0 },
	{ "a plus",                     "Etc/GMT+12",               0 },
	{ "three segments",             "America/Argentina/Ushuaia", 0 },
};

static void
test_names(void)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		struct zone *zone = NULL;
		int rc = zone_load(str_of(names[i].name), &zone);

		if (rc != names[i].rc)
			printf("\n  %s: want %d, got %d (is tzdata installed?)", names[i].say,
			    names[i].rc, rc);
		CU_ASSERT_EQUAL(rc, names[i].rc);
		if (zone != NULL)
			CU_ASSERT_STRING_EQUAL(zone_name(zone), names[i].name);
		zone_free(zone);
	}
}

static void
test_odd_names(void)
{
	char long_name[4096];
	struct zone *zone = NULL;

	memset(long_name, 'a', sizeof long_name);
	CU_ASSERT_EQUAL(zone_load((struct str){ long_name, sizeof long_name }, &zone), -EINVAL);
	CU_ASSERT_EQUAL(zone_load((struct str){ "UTC\0x", 5 }, &zone), -EINVAL);
	CU_ASSERT_PTR_NULL(zone);

	CU_ASSERT_EQUAL_FATAL(zone_load(STR_NONE, &zone), 0);
	CU_ASSERT_STRING_EQUAL(zone_name(zone), "UTC");
	zone_free(zone);
}

/* ---- footers ---- */

/* The change at 2000 leaves 0 h; what holds at `utc` is the footer's word alone. */
static const struct {
	const char *say, *footer, *utc;
	int32_t     seconds;
	const char *abbreviation;
} rules[] = {
	{ "no rule: the last type",     "",                           "2100-07-01 00:00:00",      0, "LMT" },
	{ "a fixed offset",             "CET-1",                      "2100-07-01 00:00:00",   3600, "CET" },
	{ "a quoted name",              "<+0330>-3:30",               "2100-07-01 00:00:00",  12600, "+0330" },
	{ "seconds in an offset",       "LMT0:53:28",                 "2100-07-01 00:00:00",  -3208, "LMT" },
	{ "24 hours west",              "WWW24",                      "2100-07-01 00:00:00", -86400, "WWW" },
	{ "24 hours east and a bit",    "EEE-24:59:59",               "2100-07-01 00:00:00",  89999, "EEE" },
	{ "two quoted names",           "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2023-03-26 01:00:00", -7200, "-02" },
	{ "... a second before",        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2023-03-26 00:59:59", -10800, "-03" },
	{ "... its end",                "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2023-10-29 01:00:00", -10800, "-03" },
	{ "the default hour is two",    "EST5EDT,M3.2.0,M11.1.0",     "2050-03-13 06:59:59", -18000, "EST" },
	{ "... from then on",           "EST5EDT,M3.2.0,M11.1.0",     "2050-03-13 07:00:00", -14400, "EDT" },
	{ "a Saturday, week five of four", "AAA0BBB,M2.5.6/0,M9.1.0", "2026-02-28 00:00:00",   3600, "BBB" },
	{ "... the day before",         "AAA0BBB,M2.5.6/0,M9.1.0",    "2026-02-27 23:59:59",      0, "AAA" },
	{ "J60 is 1 March",             "AAA0BBB,J60/0,J300/0",       "2026-03-01 00:00:00",   3600, "BBB" },
	{ "... in a leap year as well", "AAA0BBB,J60/0,J300/0",       "2028-03-01 00:00:00",   3600, "BBB" },
	{ "... and not on 29 February", "AAA0BBB,J60/0,J300/0",       "2028-02-29 23:59:59",      0, "AAA" },
	{ "J59 is 28 February",         "AAA0BBB,J59/0,J300/0",       "2028-02-28 00:00:00",   3600, "BBB" },
	{ "day 59 is 1 March",          "AAA0BBB,59/0,300/0",         "2026-03-01 00:00:00",   3600, "BBB" },
	{ "... or 29 February",         "AAA0BBB,59/0,300/0",         "2028-02-29 00:00:00",   3600, "BBB" },
	{ "... 2100 is no leap year",   "AAA0BBB,59/0,300/0",         "2100-02-28 23:59:59",      0, "AAA" },
	{ "day 0 is New Year",          "AAA0BBB,0/0,10/0",           "2026-01-01 00:00:00",   3600, "BBB" },
	{ "an hour past the week",      "AAA0BBB,M3.4.4/50,M10.4.4/50", "2026-03-28 02:00:00", 3600, "BBB" },
	{ "... a second before",        "AAA0BBB,M3.4.4/50,M10.4.4/50", "2026-03-28 01:59:59",    0, "AAA" },
	{ "167 hours late",             "AAA0BBB,J1/167,J100/0",      "2026-01-07 23:00:00",   3600, "BBB" },
	{ "167 hours early, last year", "AAA0BBB,J1/-167,J100/0",     "2025-12-25 01:00:00",   3600, "BBB" },
	{ "... a second before",        "AAA0BBB,J1/-167,J100/0",     "2025-12-25 00:59:59",      0, "AAA" },
	{ "the south, over New Year",   "AAA0BBB,M10.1.0/0,M4.1.0/0", "2050-01-01 00:00:00",   3600, "BBB" },
	{ "summer time all year, New Year", "EST5EDT,0/0,J365/25",    "2050-01-01 05:00:00", -14400, "EDT" },
	{ "... New Year's Eve",         "EST5EDT,0/0,J365/25",        "2050-12-31 23:59:59", -14400, "EDT" },
	{ "... in the other spelling",  "XXX3EDT4,0/0,J365/23",       "2050-01-01 03:00:00", -14400, "EDT" },
	{ "negative summer time",       "IST-1GMT0,M10.5.0,M3.5.0/1", "2050-01-01 00:00:00",      0, "GMT" },
	{ "... and back",               "IST-1GMT0,M10.5.0,M3.5.0/1", "2050-07-01 00:00:00",   3600, "IST" },
	{ "minutes and seconds",        "AAA0BBB-2,J60/1:02:03,J300/4:05", "2026-03-01 01:02:03", 7200, "BBB" },
};

static void
test_rules(void)
{
	static struct bytes file;

	if (!folder_make())
		return;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct zone *zone = NULL;
		struct zone_offset offset = { 0, "none" };

		build(&file, '3', rules[i].footer);
		file_write(file.data, file.len);
		CU_ASSERT_EQUAL(zone_load(STR("Zone"), &zone), 0);
		if (zone != NULL)
			offset = zone_offset_at(zone, seconds_of(rules[i].utc));
		if (offset.seconds != rules[i].seconds)
			printf("\n  %s: want %d, got %d", rules[i].say, rules[i].seconds,
			    offset.seconds);
		CU_ASSERT_EQUAL(offset.seconds, rules[i].seconds);
		CU_ASSERT_STRING_EQUAL(offset.abbreviation, rules[i].abbreviation);
		zone_free(zone);
	}
	folder_drop();
}

static const char *const bad_footers[] = {
	"C", "CE-1", "CET", "CET-", "CET-25", "CET-1:60", "CET-1:00:60", "CET-1:", "CET 1", " CET-1",
	"<CET-1", "<>0", "<+1>-1", "<+0&>0", "<scr>0<ipt", "ABCDEFGHIJKLMNOP0", "CET-1CEST",
	"CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,", "CET-1CEST,M3.5.0,M10.5.0,",
	"CET-1CEST,M3.5.0,M10.5.0/3 ", "CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,M13.5.0,M10.5.0",
	"CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
	"CET-1CEST,M3.5,M10.5.0", "CET-1CEST,J0,J10", "CET-1CEST,J366,J10", "CET-1CEST,366,10",
	"CET-1CEST,J1/168,J10", "CET-1CEST,J1/-168,J10", "CET-1CEST,J1/,J10", "CET-1CE,J1,J10",
	"CET-1CEST-25,J1,J10", "CET-99999999999999999999", "CET-1CEST,J99999999999999999999,J1",
	"CET+-1", "CET--1", ":Europe/Berlin",
};

static void
test_bad_footers(void)
{
	static struct bytes file;

	if (!folder_make())
		return;
	for (size_t i = 0; i < COUNT(bad_footers); i++) {
		int rc;

		build(&file, '3', bad_footers[i]);
		file_write(file.data, file.len);
		rc = load_and_ask();
		if (rc != -EBADMSG)
			printf("\n  footer \"%s\": want -EBADMSG, got %d", bad_footers[i], rc);
		CU_ASSERT_EQUAL(rc, -EBADMSG);
	}
	folder_drop();
}

/* ---- files ---- */

static void
test_versions(void)
{
	static const struct {
		char    version;
		int     rc;
	} cases[] = { { '\0', 0 }, { '2', 0 }, { '3', 0 }, { '4', 0 }, { '1', -EBADMSG }, { '5', -EBADMSG } };
	static struct bytes file;

	if (!folder_make())
		return;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct zone *zone = NULL;

		build(&file, cases[i].version, "BBB-2");
		file_write(file.data, file.len);
		CU_ASSERT_EQUAL(zone_load(STR("Zone"), &zone), cases[i].rc);
		if (zone == NULL)
			continue;
		CU_ASSERT_EQUAL(zone_offset_at(zone, 999).seconds, 0);
		CU_ASSERT_EQUAL(zone_offset_at(zone, 1000).seconds, 3600);
		CU_ASSERT_EQUAL(zone_offset_at(zone, 1999).seconds, 3600);
		CU_ASSERT_EQUAL(zone_offset_at(zone, 2000).seconds, cases[i].version ? 7200 : 0);
		zone_free(zone);
	}
	folder_drop();
}

/* One byte of a sound file, counted from the header of the part that is read, set to `value`. */
static const struct {
	const char   *say;
	size_t        at;
	unsigned char value;
} damages[] = {
	{ "no magic",                        0, 't' },
	{ "times in the millions",   TIMES + 1, 0xff },
	{ "times past 2^31",             TIMES, 0xff },
	{ "one time more than there is", TIMES + 3, 200 },
	{ "types past 2^31",             TYPES, 0xff },
	{ "no types",                TYPES + 3, 0 },
	{ "more types than an index", TYPES + 2, 1 },
	{ "chars past 2^31",             CHARS, 0xff },
	{ "no chars",                CHARS + 3, 0 },
	{ "chars without their NUL", CHARS + 3, 7 },
	{ "leap seconds",            LEAPS + 3, 1 },
	{ "leap seconds past 2^31",      LEAPS, 0xff },
	{ "a UT mark for one of two", IS_UT + 3, 1 },
	{ "a standard mark for one", IS_STD + 3, 1 },
	{ "times not ascending",   HEADER_SIZE + 2, 0xff },
	{ "no such type",          HEADER_SIZE + 8, 2 },
	{ "an offset of days",     HEADER_SIZE + 8 + 2, 0x10 },
	{ "summer is yes or no",   HEADER_SIZE + 8 + 2 + 4, 2 },
	{ "an index past the chars", HEADER_SIZE + 8 + 2 + 5, 8 },
	{ "an empty abbreviation", HEADER_SIZE + 8 + 2 + 5, 3 },
	{ "markup as abbreviation", HEADER_SIZE + 8 + 2 + 12, '<' },
};

/* As the table's places are those of a 32-bit part, the file is one. */
static void
test_damages(void)
{
	static struct bytes file;

	if (!folder_make())
		return;
	for (size_t i = 0; i < COUNT(damages); i++) {
		int rc;

		build(&file, '\0', "");
		file.data[damages[i].at] = damages[i].value;
		file_write(file.data, file.len);
		rc = load_and_ask();
		if (rc != -EBADMSG)
			printf("\n  %s: want -EBADMSG, got %d", damages[i].say, rc);
		CU_ASSERT_EQUAL(rc, -EBADMSG);
	}
	folder_drop();
}

/* Every shorter file is an error; the whole one is none. */
static void
truncate_everywhere(const unsigned char *bytes, size_t len)
{
	file_write(bytes, len);
	CU_ASSERT_EQUAL(load_and_ask(), 0);
	for (size_t cut = 0; cut < len; cut++) {
		int rc;

		file_write(bytes, cut);
		rc = load_and_ask();
		if (rc != -EBADMSG)
			printf("\n  cut to %zu of %zu bytes: got %d", cut, len, rc);
		CU_ASSERT_EQUAL(rc, -EBADMSG);
	}
}

static void
test_truncated(void)
{
	static const char versions[] = { '\0', '2', '3', '4' };
	static struct bytes file;

	if (!folder_make())
		return;
	for (size_t i = 0; i < COUNT(versions); i++) {
		build(&file, versions[i], "CET-1CEST,M3.5.0,M10.5.0/3");
		truncate_everywhere(file.data, file.len);
	}
	file.len = file_read("/usr/share/zoneinfo/Europe/Berlin", file.data);
	if (file.len == 0) {
		printf("\n  /usr/share/zoneinfo/Europe/Berlin is missing: is tzdata installed?");
		CU_FAIL("tzdata is not installed");
	} else {
		truncate_everywhere(file.data, file.len);
	}
	folder_drop();
}

/* Any one byte may be anything: the answer is a zone or an error, never a crash. */
static void
test_any_byte(void)
{
	static const unsigned char values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, '\n', '9', ',' };
	static struct bytes file;

	if (!folder_make())
		return;
	build(&file, '3', "<+01>-1<+02>,M3.5.0,J300/-3");
	for (size_t at = 0; at < file.len; at++) {
		unsigned char sound = file.data[at];

		for (size_t i = 0; i < COUNT(values); i++) {
			int rc;

			file.data[at] = values[i];
			file_write(file.data, file.len);
			rc = load_and_ask();
			CU_ASSERT_TRUE(rc == 0 || rc == -EBADMSG);
		}
		file.data[at] = sound;
	}
	folder_drop();
}

static void
test_large_file(void)
{
	char path[128];
	static struct bytes file;

	if (!folder_make())
		return;
	folder_path(path, sizeof path, "Zone");
	build(&file, '2', "CET-1");
	file_write(file.data, file.len);
	CU_ASSERT_EQUAL(truncate(path, 256 * 1024), 0);
	CU_ASSERT_EQUAL(load_and_ask(), 0);
	CU_ASSERT_EQUAL(truncate(path, 256 * 1024 + 1), 0);
	CU_ASSERT_EQUAL(load_and_ask(), -EBADMSG);
	folder_drop();
}

/* A FIFO without a writer would block a plain open() for ever. */
static void
test_not_regular(void)
{
	char path[128];

	if (!folder_make())
		return;
	folder_path(path, sizeof path, "Zone");
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(load_and_ask(), -EBADMSG);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(symlink("/dev/zero", path), 0);
	CU_ASSERT_EQUAL(load_and_ask(), -EBADMSG);
	folder_drop();
}

/* A file of 64-bit times is read from there: the 32-bit part may be a stub, or nonsense of sound length. */
static void
test_second_part_counts(void)
{
	static struct bytes file;

	if (!folder_make())
		return;
	build(&file, '2', "CET-1");
	memset(file.data + HEADER_SIZE, 0xff, part_at('2') - HEADER_SIZE);
	file_write(file.data, file.len);
	CU_ASSERT_EQUAL(load_and_ask(), 0);
	file.data[part_at('2') + 4] = '\0';     /* the second header denies that it is one */
	file_write(file.data, file.len);
	CU_ASSERT_EQUAL(load_and_ask(), -EBADMSG);
	folder_drop();
}

int
suite_zone(void)
{
	CU_pSuite suite = CU_add_suite("base/zone", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "offsets", test_offsets) == NULL ||
	    CU_add_test(suite, "locals", test_locals) == NULL ||
	    CU_add_test(suite, "far times", test_far_times) == NULL ||
	    CU_add_test(suite, "names", test_names) == NULL ||
	    CU_add_test(suite, "odd names", test_odd_names) == NULL ||
	    CU_add_test(suite, "rules", test_rules) == NULL ||
	    CU_add_test(suite, "bad footers", test_bad_footers) == NULL ||
	    CU_add_test(suite, "versions", test_versions) == NULL ||
	    CU_add_test(suite, "damages", test_damages) == NULL ||
	    CU_add_test(suite, "truncated", test_truncated) == NULL ||
	    CU_add_test(suite, "any byte", test_any_byte) == NULL ||
	    CU_add_test(suite, "large file", test_large_file) == NULL ||
	    CU_add_test(suite, "not regular", test_not_regular) == NULL ||
	    CU_add_test(suite, "second part", test_second_part_counts) == NULL)
		return -1;
	return 0;
}
