/* SPDX-License-Identifier: MIT */
/*
 * Points in time and spans, from text and to text.  What is written must be
 * written in full: no date without a time, no 24:00, no leap second, no word
 * such as "tomorrow"; an operator who mistypes hears of it when the
 * configuration is checked, not at the wrong hour of the night.
 *
 * No clock is looked at here; that is now.c.  Nothing allocates.  Any thread.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"

#define SPAN_MAX (INT64_C(3653) * CIVIL_DAY_SECONDS)    /* no ten years are longer */

static bool
take_char(struct str *rest, char c)
{
	if (rest->len == 0 || rest->p[0] != c)
		return false;
	*rest = str_sub(*rest, 1, rest->len);
	return true;
}

/* Exactly `count` digits whose value is in [min, max]. */
static bool
take_digits(struct str *rest, size_t count, int min, int max, int *ret)
{
	int value = 0;

	if (rest->len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (rest->p[i] < '0' || rest->p[i] > '9')
			return false;
		value = value * 10 + (rest->p[i] - '0');
	}
	if (value < min || value > max)
		return false;
	*rest = str_sub(*rest, count, rest->len);
	*ret = value;
	return true;
}

/* "2026-12-15", in days since 1970-01-01. */
static bool
take_date(struct str *rest, int64_t *ret_days)
{
	int year, month, day;

	if (!take_digits(rest, 4, 1970, 9999, &year) || !take_char(rest, '-') ||
	    !take_digits(rest, 2, 1, 12, &month) || !take_char(rest, '-') ||
	    !take_digits(rest, 2, 1, civil_month_length(year, month), &day))
		return false;
	*ret_days = civil_days(year, month, day);
	return true;
}

/* "02:00", in seconds. */
static bool
take_hour_minute(struct str *rest, int *ret)
{
	int hour, minute;

	if (!take_digits(rest, 2, 0, 23, &hour) || !take_char(rest, ':') ||
	    !take_digits(rest, 2, 0, 59, &minute))
		return false;
	*ret = hour * 3600 + minute * 60;
	return true;
}

/* "Z" or "+01:00" and then nothing more. */
static bool
take_offset(struct str *rest, int *ret)
{
	bool west;

	if (take_char(rest, 'Z')) {
		*ret = 0;
		return rest->len == 0;
	}
	west = take_char(rest, '-');
	if ((!west && !take_char(rest, '+')) || !take_hour_minute(rest, ret))
		return false;
	if (west)
		*ret = -*ret;
	return rest->len == 0;
}

int
time_parse_wall(struct str text, int64_t *ret_local, bool *ret_has_offset, int *ret_offset)
{
	int64_t days;
	int in_day, second = 0, offset = 0;

	if (!take_date(&text, &days))
		return -EINVAL;
	if (!take_char(&text, 'T') && !take_char(&text, ' '))
		return -EINVAL;
	if (!take_hour_minute(&text, &in_day))
		return -EINVAL;
	if (take_char(&text, ':') && !take_digits(&text, 2, 0, 59, &second))
		return -EINVAL;

	*ret_has_offset = text.len > 0;
	if (text.len > 0 && !take_offset(&text, &offset))
		return -EINVAL;
	*ret_local = days * CIVIL_DAY_SECONDS + in_day + second;
	*ret_offset = offset;
	return 0;
}

int
time_parse(struct str text, const struct zone *zone, int64_t *ret)
{
	int64_t local;
	bool has_offset;
	int offset;

	if (time_parse_wall(text, &local, &has_offset, &offset) != 0 || (!has_offset && zone == NULL))
		return -EINVAL;
	*ret = has_offset ? local - offset : zone_to_utc(zone, local);
	return 0;
}

/* The seconds of a unit letter, or 0 when it is none. */
static int64_t
unit_seconds(char letter)
{
	switch (letter) {
	case 'd':
		return CIVIL_DAY_SECONDS;
	case 'h':
		return 3600;
	case 'm':
		return 60;
	case 's':
		return 1;
	default:
		return 0;
	}
}

/* One "30m" off the front; its unit must be smaller than `*unit`, which becomes it. */
static bool
take_span_part(struct str *rest, int64_t *unit, int64_t *ret)
{
	size_t digits = 0;
	int64_t count, seconds;

	while (digits < rest->len && rest->p[digits] >= '0' && rest->p[digits] <= '9')
		digits++;
	if (digits == rest->len)
		return false;
	seconds = unit_seconds(rest->p[digits]);
	if (seconds == 0 || seconds >= *unit)
		return false;
	if (str_number(str_sub(*rest, 0, digits), 0, SPAN_MAX / seconds, &count) != 0)
		return false;
	*rest = str_sub(*rest, digits + 1, rest->len);
	*unit = seconds;
	*ret = count * seconds;
	return true;
}

int
span_parse(struct str text, int64_t *ret)
{
	int64_t unit = INT64_MAX, sum = 0, part;

	if (str_number(text, 0, SPAN_MAX, ret) == 0)
		return 0;
	if (text.len == 0)
		return -EINVAL;
	while (text.len > 0) {
		if (!take_span_part(&text, &unit, &part))
			return -EINVAL;
		sum += part;            /* at most four parts of SPAN_MAX each */
	}
	if (sum > SPAN_MAX)
		return -EINVAL;
	*ret = sum;
	return 0;
}

/* What snprintf() wrote, also when it had to cut. */
static struct str
written(const char *text, int length)
{
	if (length < 0)
		return STR("");
	return (struct str){ text, length < TIME_TEXT_MAX ? (size_t)length : TIME_TEXT_MAX - 1 };
}

/* Both formats write four digits of year, as RFC 3339 wants, and stop at its first and last day. */
static int64_t
writable(int64_t time)
{
	const int64_t first = civil_days(0, 1, 1) * CIVIL_DAY_SECONDS;
	const int64_t last = civil_days(10000, 1, 1) * CIVIL_DAY_SECONDS - 1;

	return time < first ? first : time > last ? last : time;
}

static void
put_digits(char *at, int count, int value)
{
	while (count-- > 0) {
		at[count] = (char)('0' + value % 10);
		value /= 10;
	}
}

struct str
time_format_utc(int64_t time, char text[TIME_TEXT_MAX])
{
	int64_t shown = writable(time);
	int64_t days = civil_day_of_time(shown);
	int second = (int)(shown - days * CIVIL_DAY_SECONDS);
	struct civil_date date = civil_date_of(days);

	/* on the way of every held request, so without snprintf() */
	memcpy(text, "YYYY-MM-DDTHH:MM:SSZ", sizeof "YYYY-MM-DDTHH:MM:SSZ");
	put_digits(text, 4, (int)date.year);
	put_digits(text + 5, 2, date.month);
	put_digits(text + 8, 2, date.day);
	put_digits(text + 11, 2, second / 3600);
	put_digits(text + 14, 2, second / 60 % 60);
	put_digits(text + 17, 2, second % 60);
	return (struct str){ text, sizeof "YYYY-MM-DDTHH:MM:SSZ" - 1 };
}

struct str
time_format_local(int64_t time, const struct zone *zone, char text[TIME_TEXT_MAX])
{
	struct zone_offset offset = zone_offset_at(zone, writable(time));
	int64_t shown = writable(writable(time) + offset.seconds);
	int64_t days = civil_day_of_time(shown);
	int second = (int)(shown - days * CIVIL_DAY_SECONDS);
	struct civil_date date = civil_date_of(days);
	int length = snprintf(text, TIME_TEXT_MAX, "%04d-%02d-%02d %02d:%02d %s",
	    (int)date.year, date.month, date.day, second / 3600, second / 60 % 60,
	    offset.abbreviation);

	return written(text, length);
}
