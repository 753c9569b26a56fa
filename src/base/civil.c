/* SPDX-License-Identifier: MIT */
/*
 * Days and dates.  A year is taken to begin in March, so that the leap day is
 * its last and month lengths follow one line; 400 years are one whole cycle.
 *
 * No clock, no zone, no text: those are in clock.c and zone.c.  Any thread.
 */
#include "config.h"

#include "base/civil.h"

#define CYCLE_DAYS  146097              /* 400 years */
#define EPOCH_SHIFT 719468              /* from 0000-03-01 to 1970-01-01 */

static int64_t
floor_divide(int64_t value, int64_t by)
{
	return value / by - (value % by < 0);
}

int64_t
civil_days(int64_t year, int month, int day)
{
	int64_t from_march = (month + 9) % 12;
	int64_t march_year = year - (month <= 2);
	int64_t cycle = floor_divide(march_year, 400);
	int64_t in_cycle = march_year - cycle * 400;
	int64_t in_year = (153 * from_march + 2) / 5 + day - 1;

	return cycle * CYCLE_DAYS + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + in_year
	    - EPOCH_SHIFT;
}

struct civil_date
civil_date_of(int64_t days)
{
	int64_t cycle = floor_divide(days + EPOCH_SHIFT, CYCLE_DAYS);
	int64_t rest = days + EPOCH_SHIFT - cycle * CYCLE_DAYS;
	int64_t in_cycle = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	int64_t in_year = rest - (in_cycle * 365 + in_cycle / 4 - in_cycle / 100);
	int64_t from_march = (5 * in_year + 2) / 153;
	struct civil_date date;

	date.day = (int)(in_year - (153 * from_march + 2) / 5 + 1);
	date.month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
	date.year = cycle * 400 + in_cycle + (date.month <= 2);
	return date;
}

bool
civil_is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int
civil_month_length(int64_t year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return lengths[month - 1] + (month == 2 && civil_is_leap(year));
}

int64_t
civil_day_of_time(int64_t time)
{
	return floor_divide(time, CIVIL_DAY_SECONDS);
}
