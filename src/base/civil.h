/*
 * The proleptic Gregorian calendar as plain arithmetic, for zone.c and
 * clock.c: timegm() and gmtime_r() take glibc's lock and read TZ on the way.
 * A day is counted from 1970-01-01.  Good for some 20 million million years
 * either way, far past what callers let through.  Any thread.
 */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define CIVIL_DAY_SECONDS 86400

struct civil_date {
	int64_t year;
	int     month, day;             /* 1 to 12, 1 to 31 */
};

/* `month` must be 1 to 12; a `day` past the month's end runs into the next. */
int64_t           civil_days(int64_t year, int month, int day);
struct civil_date civil_date_of(int64_t days);

bool              civil_is_leap(int64_t year);
int               civil_month_length(int64_t year, int month);

/* The day that holds the second `time`; before 1970 too it rounds down. */
int64_t           civil_day_of_time(int64_t time);

#endif
