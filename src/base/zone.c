/* SPDX-License-Identifier: MIT */
/*
 * Time zones from TZif files (RFC 8536; version 4 as in RFC 9636): the list of
 * changes, and behind its end the rule of the footer ("CET-1CEST,M3.5.0,...").
 * Versions 2 and later are read from their 64-bit part only.
 *
 * A file is data of somebody else's: every length and index is checked before
 * use, and abbreviations may hold only what is harmless in a page.  Left out:
 * files that count leap seconds ("right/..."), refused because their times are
 * not ours, and footers that name a summer time without saying when.
 *
 * Nothing here logs or keeps state; a loaded zone is only read.  Any thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/zone.h"

#define ZONE_FOLDER      "/usr/share/zoneinfo"
#define NAME_LIMIT       127            /* the longest real name has 32 */
#define ABBREVIATION_MAX 15
#define FILE_MAX         ((size_t)256 * 1024)
#define HEADER_SIZE      44
#define TYPE_SIZE        6

#define OFFSET_WEST      (-89999)       /* what RFC 8536 allows: above -25 hours, */
#define OFFSET_EAST      93599          /* below 26 */
#define TIME_LIMIT       (INT64_C(1) << 55)     /* times are cut here: no sum overflows */

/* One half of a rule's year: when the clocks change, in the clock time before the change. */
struct rule_date {
	char    kind;                   /* 'M': week, 'J': day without Feb 29, 'n': day with it */
	int     month, week, day;       /* of 'J' and 'n' only the day */
	int32_t second;                 /* of that day, may be outside it */
};

struct rule {
	struct zone_offset standard, daylight;
	bool               has_daylight;
	struct rule_date   start, end;  /* of daylight time */
	char               names[2][ABBREVIATION_MAX + 1];
};

struct zone {
	char                name[NAME_LIMIT + 1];
	size_t              time_count, type_count;
	int64_t            *times;      /* ascending; time_count of them */
	uint8_t            *time_types; /* what begins at each */
	struct zone_offset *types;      /* the first holds before all times */
	char               *chars;      /* the abbreviations of types[] */
	bool                has_rule;
	struct rule         rule;       /* from the last time on */
};

/* A stretch without a change: what holds in it, and the instant at which the next one begins. */
struct stretch {
	struct zone_offset offset;
	int64_t            end;         /* INT64_MAX: never */
};

/* The counts of a TZif header, in the file's order. */
struct counts {
	uint32_t is_ut, is_std, leaps, times, types, chars;
};

/* What is still unread of the file. */
struct reader {
	const unsigned char *p;
	size_t               left;
};

/* ---- the footer: a POSIX TZ string ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_abbreviation_char(char c)
{
	return is_letter(c) || is_digit(c) || c == '+' || c == '-';
}

static bool
take_char(struct str *rest, char c)
{
	if (rest->len == 0 || rest->p[0] != c)
		return false;
	*rest = str_sub(*rest, 1, rest->len);
	return true;
}

static bool
take_number(struct str *rest, int min, int max, int *ret)
{
	size_t used = 0;
	int value = 0;

	while (used < rest->len && is_digit(rest->p[used]) && value <= max)
		value = value * 10 + (rest->p[used++] - '0');
	if (used == 0 || value < min || value > max)
		return false;
	*rest = str_sub(*rest, used, rest->len);
	*ret = value;
	return true;
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool
take_clock(struct str *rest, int hour_max, int32_t *ret)
{
	bool negative = take_char(rest, '-');
	int hour, minute = 0, second = 0;

	if (!negative)
		(void)take_char(rest, '+');
	if (!take_number(rest, 0, hour_max, &hour))
		return false;
	if (take_char(rest, ':')) {
		if (!take_number(rest, 0, 59, &minute))
			return false;
		if (take_char(rest, ':') && !take_number(rest, 0, 59, &second))
			return false;
	}
	*ret = hour * 3600 + minute * 60 + second;
	if (negative)
		*ret = -*ret;
	return true;
}

/* "CET" or "<+03>". */
static bool
take_name(struct str *rest, char name[ABBREVIATION_MAX + 1])
{
	bool quoted = take_char(rest, '<');
	size_t len = 0;

	while (len < rest->len &&
	    (quoted ? is_abbreviation_char(rest->p[len]) : is_letter(rest->p[len])))
		len++;
	if (len < 3 || len > ABBREVIATION_MAX)
		return false;
	memcpy(name, rest->p, len);
	name[len] = '\0';
	*rest = str_sub(*rest, len, rest->len);
	return !quoted || take_char(rest, '>');
}

/* An offset as POSIX writes it, west of UTC; kept east of it. */
static bool
take_offset(struct str *rest, int32_t *ret)
{
	int32_t west;

	if (!take_clock(rest, 24, &west))
		return false;
	*ret = -west;
	return true;
}

/* The day of "M3.5.0/2", "J60/2" or "59/2". */
static bool
take_day(struct str *rest, struct rule_date *date)
{
	if (take_char(rest, 'M')) {
		date->kind = 'M';
		return take_number(rest, 1, 12, &date->month) && take_char(rest, '.') &&
		    take_number(rest, 1, 5, &date->week) && take_char(rest, '.') &&
		    take_number(rest, 0, 6, &date->day);
	}
	if (take_char(rest, 'J')) {
		date->kind = 'J';
		return take_number(rest, 1, 365, &date->day);
	}
	date->kind = 'n';
	return take_number(rest, 0, 365, &date->day);
}

static bool
take_rule_date(struct str *rest, struct rule_date *date)
{
	if (!take_char(rest, ',') || !take_day(rest, date))
		return false;
	date->second = 2 * 3600;
	return !take_char(rest, '/') || take_clock(rest, 167, &date->second);
}

/* The whole of a footer that is not empty. */
static bool
parse_rule(struct str text, struct rule *rule)
{
	if (!take_name(&text, rule->names[0]) || !take_offset(&text, &rule->standard.seconds))
		return false;
	rule->standard.abbreviation = rule->names[0];
	if (text.len == 0)
		return true;

	if (!take_name(&text, rule->names[1]))
		return false;
	rule->has_daylight = true;
	rule->daylight.abbreviation = rule->names[1];
	rule->daylight.seconds = rule->standard.seconds + 3600;
	if (text.len > 0 && text.p[0] != ',' && !take_offset(&text, &rule->daylight.seconds))
		return false;
	return take_rule_date(&text, &rule->start) && take_rule_date(&text, &rule->end) &&
	    text.len == 0;
}

/* ---- the file's bytes ---- */

static uint32_t
big_endian_32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
big_endian_64(const unsigned char *p)
{
	return (int64_t)((uint64_t)big_endian_32(p) << 32 | big_endian_32(p + 4));
}

/* The next `size` bytes, or NULL when the file has fewer. */
static const unsigned char *
take_bytes(struct reader *file, uint64_t size)
{
	const unsigned char *bytes = file->p;

	if (size > file->left)
		return NULL;
	file->p += size;
	file->left -= (size_t)size;
	return bytes;
}

static bool
take_header(struct reader *file, char *ret_version, struct counts *counts)
{
	const unsigned char *p = take_bytes(file, HEADER_SIZE);

	if (p == NULL || memcmp(p, "TZif", 4) != 0)
		return false;
	if (p[4] != '\0' && (p[4] < '2' || p[4] > '4'))
		return false;
	*ret_version = (char)p[4];
	counts->is_ut = big_endian_32(p + 20);
	counts->is_std = big_endian_32(p + 24);
	counts->leaps = big_endian_32(p + 28);
	counts->times = big_endian_32(p + 32);
	counts->types = big_endian_32(p + 36);
	counts->chars = big_endian_32(p + 40);
	return true;
}

/* The bytes of the part behind a header; 64 bits hold it whatever the counts say. */
static uint64_t
part_size(const struct counts *counts, unsigned time_size)
{
	return (uint64_t)counts->times * (time_size + 1) + (uint64_t)counts->types * TYPE_SIZE +
	    counts->chars + (uint64_t)counts->leaps * (time_size + 4) + counts->is_std +
	    counts->is_ut;
}

static bool
counts_are_sound(const struct counts *counts)
{
	return counts->types >= 1 && counts->types <= 256 && counts->chars >= 1 &&
	    counts->leaps == 0 && (counts->is_ut == 0 || counts->is_ut == counts->types) &&
	    (counts->is_std == 0 || counts->is_std == counts->types);
}

static bool
abbreviation_is_sound(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if (!is_abbreviation_char(text[i]))
			return false;
	}
	return len >= 1 && len <= ABBREVIATION_MAX;
}

static int
read_times(struct zone *zone, struct reader *part, unsigned time_size)
{
	for (size_t i = 0; i < zone->time_count; i++) {
		const unsigned char *p = take_bytes(part, time_size);

		if (p == NULL)
			return -EBADMSG;
		zone->times[i] = time_size == 8 ? big_endian_64(p) : (int32_t)big_endian_32(p);
		if (i > 0 && zone->times[i] <= zone->times[i - 1])
			return -EBADMSG;
	}
	for (size_t i = 0; i < zone->time_count; i++) {
		const unsigned char *p = take_bytes(part, 1);

		if (p == NULL || *p >= zone->type_count)
			return -EBADMSG;
		zone->time_types[i] = *p;
	}
	return 0;
}

/* One local time type; zone->chars is filled already. */
static int
read_type(struct zone *zone, struct zone_offset *type, const unsigned char *p, size_t char_count)
{
	type->seconds = (int32_t)big_endian_32(p);
	if (type->seconds < OFFSET_WEST || type->seconds > OFFSET_EAST)
		return -EBADMSG;
	if (p[4] > 1 || p[5] >= char_count)
		return -EBADMSG;
	type->abbreviation = zone->chars + p[5];
	return abbreviation_is_sound(type->abbreviation) ? 0 : -EBADMSG;
}

static int
read_types(struct zone *zone, struct reader *part, size_t char_count)
{
	const unsigned char *types = take_bytes(part, zone->type_count * TYPE_SIZE);
	const unsigned char *chars = take_bytes(part, char_count);
	int rc = 0;

	if (types == NULL || chars == NULL || chars[char_count - 1] != '\0')
		return -EBADMSG;
	memcpy(zone->chars, chars, char_count);
	for (size_t i = 0; i < zone->type_count && rc == 0; i++)
		rc = read_type(zone, &zone->types[i], types + i * TYPE_SIZE, char_count);
	return rc;
}

/* `part` is known to hold what `counts` promise, so no allocation exceeds the file by much. */
static int
read_part(struct zone *zone, struct reader *part, const struct counts *counts, unsigned time_size)
{
	int rc;

	zone->time_count = counts->times;
	zone->type_count = counts->types;
	zone->times = calloc(zone->time_count + 1, sizeof *zone->times);
	zone->time_types = calloc(zone->time_count + 1, sizeof *zone->time_types);
	zone->types = calloc(zone->type_count, sizeof *zone->types);
	zone->chars = calloc(counts->chars, 1);
	if (zone->times == NULL || zone->time_types == NULL || zone->types == NULL ||
	    zone->chars == NULL)
		return -ENOMEM;
	rc = read_times(zone, part, time_size);
	if (rc == 0)
		rc = read_types(zone, part, counts->chars);
	return rc;
}

/* "\n" rule "\n"; an empty rule says that nothing is known past the last change. */
static int
read_footer(struct zone *zone, struct reader *file)
{
	struct str rest = { (const char *)file->p, file->left };
	size_t end;

	if (!take_char(&rest, '\n'))
		return -EBADMSG;
	end = str_find(rest, '\n');
	if (end == rest.len)
		return -EBADMSG;
	zone->has_rule = end > 0;
	if (zone->has_rule && !parse_rule(str_sub(rest, 0, end), &zone->rule))
		return -EBADMSG;
	return 0;
}

static int
parse_file(struct zone *zone, struct reader file)
{
	struct counts counts;
	struct reader part;
	char version;
	unsigned time_size = 4;
	int rc;

	if (!take_header(&file, &version, &counts))
		return -EBADMSG;
	if (version != '\0') {
		time_size = 8;
		if (take_bytes(&file, part_size(&counts, 4)) == NULL ||
		    !take_header(&file, &version, &counts) || version == '\0')
			return -EBADMSG;
	}
	part = file;
	if (!counts_are_sound(&counts) || take_bytes(&file, part_size(&counts, time_size)) == NULL)
		return -EBADMSG;
	rc = read_part(zone, &part, &counts, time_size);
	if (rc == 0 && time_size == 8)
		rc = read_footer(zone, &file);
	return rc;
}

/* ---- finding and reading the file ---- */

/* No "." is allowed at all, so no segment can be "." or "..". */
static bool
name_is_sound(struct str name)
{
	if (name.len > NAME_LIMIT)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (c == '/' && (i == 0 || i + 1 == name.len || name.p[i + 1] == '/'))
			return false;
		if (!is_abbreviation_char(c) && c != '_' && c != '/')
			return false;
	}
	return true;
}

/* Returns a descriptor or -errno.  O_NONBLOCK: a FIFO in the folder must not stop us. */
static int
open_file(const char *name)
{
	const char *folder = getenv("TZDIR");
	char path[PATH_MAX];
	int fd, length;

	if (folder == NULL || *folder == '\0')
		folder = ZONE_FOLDER;
	length = snprintf(path, sizeof path, "%s/%s", folder, name);
	if (length < 0 || (size_t)length >= sizeof path)
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return errno == ENOTDIR ? -ENOENT : -errno;
	return fd;
}

/* Up to `size` bytes; a file that shrank meanwhile gives fewer. */
static int
read_bytes(int fd, unsigned char *bytes, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, bytes + len, size - len);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return 0;
}

static int
read_zone(struct zone *zone, int fd)
{
	unsigned char *bytes;
	struct stat st;
	size_t len = 0;
	int rc;

	if (fstat(fd, &st) == -1)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < HEADER_SIZE || st.st_size > (off_t)FILE_MAX)
		return -EBADMSG;
	bytes = malloc((size_t)st.st_size);
	if (bytes == NULL)
		return -ENOMEM;
	rc = read_bytes(fd, bytes, (size_t)st.st_size, &len);
	if (rc == 0)
		rc = parse_file(zone, (struct reader){ bytes, len });
	free(bytes);
	return rc;
}

static int
read_named(struct zone *zone)
{
	int fd, rc;

	if (strcmp(zone->name, "UTC") == 0) {
		zone->has_rule = true;
		return parse_rule(STR("UTC0"), &zone->rule) ? 0 : -EBADMSG;
	}
	fd = open_file(zone->name);
	if (fd < 0)
		return fd;
	rc = read_zone(zone, fd);
	(void)close(fd);
	return rc;
}

int
zone_load(struct str name, struct zone **ret)
{
	struct zone *zone;
	int rc;

	if (!name_is_sound(name))
		return -EINVAL;
	if (name.len == 0)
		name = STR("UTC");
	zone = calloc(1, sizeof *zone);
	if (zone == NULL)
		return -ENOMEM;
	memcpy(zone->name, name.p, name.len);
	rc = read_named(zone);
	if (rc != 0) {
		zone_free(zone);
		return rc;
	}
	*ret = zone;
	return 0;
}

void
zone_free(struct zone *zone)
{
	if (zone == NULL)
		return;
	free(zone->times);
	free(zone->time_types);
	free(zone->types);
	free(zone->chars);
	free(zone);
}

const char *
zone_name(const struct zone *zone)
{
	return zone->name;
}

/* ---- asking ---- */

/* The day of a rule in `year`, counted from 1970-01-01. */
static int64_t
rule_day(const struct rule_date *date, int64_t year)
{
	int64_t first = civil_days(year, date->kind == 'M' ? date->month : 1, 1);
	int weekday, day;

	if (date->kind == 'n')
		return first + date->day;
	if (date->kind == 'J')
		return first + date->day - 1 + (date->day >= 60 && civil_is_leap(year));
	weekday = (int)((first % 7 + 7 + 4) % 7);       /* 1970-01-01 was a Thursday */
	day = (date->day - weekday + 7) % 7 + (date->week - 1) * 7;
	if (day >= civil_month_length(year, date->month))
		day -= 7;                               /* week 5 is the last, even of four */
	return first + day;
}

/* Lets the change to `offset` at `at` narrow the stretch around `utc`. */
static void
narrow(struct stretch *stretch, int64_t *begin, int64_t utc, int64_t at, struct zone_offset offset)
{
	if (at > utc) {
		if (at < stretch->end)
			stretch->end = at;
	} else if (at >= *begin) {
		*begin = at;
		stretch->offset = offset;
	}
}

/*
 * Rule times reach a week past their year, so two years either way are looked at.  Where summer
 * time ends at the very second it begins again it lasts all year: the start is told last and wins.
 */
static struct stretch
rule_stretch(const struct rule *rule, int64_t utc)
{
	struct stretch stretch = { rule->standard, INT64_MAX };
	int64_t begin = INT64_MIN, year;

	if (!rule->has_daylight)
		return stretch;
	year = civil_date_of(civil_day_of_time(utc)).year;
	for (int64_t y = year - 2; y <= year + 2; y++) {
		int64_t end = rule_day(&rule->end, y) * CIVIL_DAY_SECONDS + rule->end.second
		    - rule->daylight.seconds;
		int64_t start = rule_day(&rule->start, y) * CIVIL_DAY_SECONDS + rule->start.second
		    - rule->standard.seconds;

		narrow(&stretch, &begin, utc, end, rule->standard);
		narrow(&stretch, &begin, utc, start, rule->daylight);
	}
	return stretch;
}

/* How many of the listed changes are at or before `utc`. */
static size_t
changes_until(const struct zone *zone, int64_t utc)
{
	size_t low = 0, high = zone->time_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->times[middle] <= utc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct stretch
stretch_at(const struct zone *zone, int64_t utc)
{
	size_t past = changes_until(zone, utc);
	struct stretch stretch;

	if (past == zone->time_count && zone->has_rule)
		return rule_stretch(&zone->rule, utc);
	stretch.offset = zone->types[past == 0 ? 0 : zone->time_types[past - 1]];
	stretch.end = past == zone->time_count ? INT64_MAX : zone->times[past];
	return stretch;
}

static int64_t
within_limit(int64_t time)
{
	return time < -TIME_LIMIT ? -TIME_LIMIT : time > TIME_LIMIT ? TIME_LIMIT : time;
}

struct zone_offset
zone_offset_at(const struct zone *zone, int64_t utc)
{
	return stretch_at(zone, within_limit(utc)).offset;
}

/*
 * Walks the stretches from the earliest instant that could be meant.  The first one that holds the
 * local time has it; one that begins past it shows that the clocks jumped over it.
 */
int64_t
zone_to_utc(const struct zone *zone, int64_t local)
{
	int64_t wanted = within_limit(local);
	struct stretch stretch = stretch_at(zone, wanted - OFFSET_EAST);
	int64_t utc = wanted - stretch.offset.seconds;

	while (utc >= stretch.end) {
		int64_t begin = stretch.end;

		stretch = stretch_at(zone, begin);
		if (wanted - stretch.offset.seconds < begin)
			break;
		utc = wanted - stretch.offset.seconds;
	}
	return utc;
}
