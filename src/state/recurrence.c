/* SPDX-License-Identifier: MIT */
/*
 * Repeating days.  A rule is a question about a day, asked of one day after the other: no occurrence is ever counted or
 * kept, for COUNT is turned into a last day when the rule is read.  A walk over a hundred years asks some 36,500 times,
 * and who asks keeps the answer until it is over.
 */
#include "config.h"

#include <errno.h>

#include "base/buffer.h"
#include "base/civil.h"
#include "state/recurrence.h"

#define COUNT_MAX 100000

/* What is read before the rule is whole. */
struct reading {
	struct recurrence *rule;
	int64_t            start_local, count;
	const struct zone *zone;
	bool               has_until, has_interval, has_byday, has_monthday, has_frequency;
	const char        *wrong;
};

/* 1970-01-01 was a Thursday.  0 is Monday. */
static int
weekday_of(int64_t day)
{
	return (int)(((day + 3) % 7 + 7) % 7);
}

static int64_t
week_of(int64_t day)
{
	return (day + 3 - weekday_of(day)) / 7;
}

static int64_t
month_of(int64_t day)
{
	struct civil_date date = civil_date_of(day);

	return date.year * 12 + date.month - 1;
}

static bool
is_nth(const struct recurrence *rule, const struct civil_date *date, int weekday)
{
	int from_front = (date->day - 1) / 7 + 1;
	int from_back = (civil_month_length(date->year, date->month) - date->day) / 7 + 1;

	for (size_t i = 0; i < rule->nth_count; i++)
		if (rule->nth[i].weekday == weekday &&
		    (rule->nth[i].ordinal == from_front || rule->nth[i].ordinal == -from_back))
			return true;
	return false;
}

static bool
takes_weekday(const struct recurrence *rule, int64_t day, const struct civil_date *date)
{
	int weekday = weekday_of(day);

	if (rule->weekdays == 0 && rule->nth_count == 0)
		return true;
	return (rule->weekdays & (1U << weekday)) != 0 || is_nth(rule, date, weekday);
}

static bool
takes_month_day(const struct recurrence *rule, const struct civil_date *date)
{
	int back = civil_month_length(date->year, date->month) - date->day + 1;

	if (rule->month_days == 0 && rule->month_days_back == 0)
		return true;
	return (rule->month_days & (UINT32_C(1) << date->day)) != 0 ||
	    (rule->month_days_back & (UINT32_C(1) << back)) != 0;
}

static bool
takes_period(const struct recurrence *rule, int64_t day)
{
	switch (rule->frequency) {
	case RECUR_DAILY:
		return (day - rule->first_day) % rule->interval == 0;
	case RECUR_WEEKLY:
		return (week_of(day) - week_of(rule->first_day)) % rule->interval == 0;
	case RECUR_MONTHLY:
		return (month_of(day) - month_of(rule->first_day)) % rule->interval == 0;
	}
	return false;
}

/* Without BYDAY and BYMONTHDAY a week has the first day's weekday, a month its number. */
static bool
takes_standing_day(const struct recurrence *rule, int64_t day, const struct civil_date *date)
{
	bool by_day = rule->weekdays != 0 || rule->nth_count != 0;
	bool by_month_day = rule->month_days != 0 || rule->month_days_back != 0;

	if (rule->frequency == RECUR_WEEKLY && !by_day)
		return weekday_of(day) == weekday_of(rule->first_day);
	if (rule->frequency == RECUR_MONTHLY && !by_day && !by_month_day)
		return date->day == civil_date_of(rule->first_day).day;
	return true;
}

bool
recurrence_on_day(const struct recurrence *rule, int64_t day)
{
	struct civil_date date;

	if (day < rule->first_day || day > rule->last_day || !takes_period(rule, day))
		return false;
	date = civil_date_of(day);
	return takes_weekday(rule, day, &date) && takes_month_day(rule, &date) && takes_standing_day(rule, day, &date);
}

int64_t
recurrence_next_day(const struct recurrence *rule, int64_t day)
{
	int64_t from = day > rule->first_day ? day : rule->first_day;

	for (int64_t d = from; d <= rule->last_day && d - from <= RECURRENCE_DAYS_MAX; d++)
		if (recurrence_on_day(rule, d))
			return d;
	return RECURRENCE_NEVER;
}

static bool
refuse(struct reading *r, const char *wrong)
{
	r->wrong = wrong;
	return false;
}

static bool
take_frequency(struct reading *r, struct str value)
{
	static const struct str names[] = { STR_INIT("DAILY"), STR_INIT("WEEKLY"), STR_INIT("MONTHLY") };

	if (r->has_frequency)
		return refuse(r, "FREQ is given twice");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!str_eq_nocase(value, names[i]))
			continue;
		r->rule->frequency = (enum recurrence_frequency)i;
		r->has_frequency = true;
		return true;
	}
	return refuse(r, "expected FREQ=DAILY, WEEKLY or MONTHLY");
}

static bool
take_interval(struct reading *r, struct str value)
{
	int64_t interval;

	if (r->has_interval || str_number(value, 1, RECURRENCE_INTERVAL_MAX, &interval) != 0)
		return refuse(r, "expected INTERVAL from 1 to 366, once");
	r->rule->interval = (int)interval;
	r->has_interval = true;
	return true;
}

/* The number before a weekday or a day of the month: "-1", "+2"; 0 when there is none.  False when it is malformed. */
static bool
take_number(struct str text, int64_t max, int *ret)
{
	bool negative = str_starts(text, STR("-"));
	int64_t number;

	if (negative || str_starts(text, STR("+")))
		text = str_sub(text, 1, text.len);
	if (str_number(text, 1, max, &number) != 0)
		return false;
	*ret = negative ? -(int)number : (int)number;
	return true;
}

static bool
take_weekday(struct reading *r, struct str part)
{
	static const struct str names[] = { STR_INIT("MO"), STR_INIT("TU"), STR_INIT("WE"), STR_INIT("TH"),
		STR_INIT("FR"), STR_INIT("SA"), STR_INIT("SU") };
	struct str name = str_sub(part, part.len < 2 ? 0 : part.len - 2, part.len);
	struct recurrence *rule = r->rule;
	int weekday = 0, ordinal;

	while (weekday < 7 && !str_eq_nocase(name, names[weekday]))
		weekday++;
	if (weekday == 7)
		return refuse(
		    r, "expected BYDAY=MO,TU,WE,TH,FR,SA,SU, each with a number before it where FREQ=MONTHLY");
	if (part.len == 2) {
		rule->weekdays |= 1U << weekday;
		return true;
	}
	if (!take_number(str_sub(part, 0, part.len - 2), 5, &ordinal) || rule->nth_count == RECURRENCE_BYDAY_MAX)
		return refuse(r, "expected BYDAY with numbers from 1 to 5 or -1 to -5");
	rule->nth[rule->nth_count].ordinal = ordinal;
	rule->nth[rule->nth_count++].weekday = weekday;
	return true;
}

static bool
take_byday(struct reading *r, struct str value)
{
	struct str part;

	if (r->has_byday || value.len == 0)
		return refuse(r, "expected BYDAY with days, once");
	r->has_byday = true;
	while (str_split(&value, ',', &part))
		if (!take_weekday(r, part))
			return false;
	return true;
}

static bool
take_monthday(struct reading *r, struct str value)
{
	struct str part;
	int number;

	if (r->has_monthday || value.len == 0)
		return refuse(r, "expected BYMONTHDAY with days, once");
	r->has_monthday = true;
	while (str_split(&value, ',', &part)) {
		if (!take_number(part, 31, &number))
			return refuse(r, "expected BYMONTHDAY from 1 to 31 or -1 to -31");
		if (number > 0)
			r->rule->month_days |= UINT32_C(1) << number;
		else
			r->rule->month_days_back |= UINT32_C(1) << -number;
	}
	return true;
}

static bool
take_count(struct reading *r, struct str value)
{
	if (r->count != 0 || str_number(value, 1, COUNT_MAX, &r->count) != 0)
		return refuse(r, "expected COUNT from 1 to 100000, once");
	return true;
}

/* "20301231", "20301231T235959" or "20301231T235959Z", as RFC 5545 writes them, in the form that time_parse() reads. */
static bool
spell_out(struct str value, char text[TIME_TEXT_MAX], struct str *ret)
{
	struct buffer out;

	if (value.len != 8 && !(value.len >= 15 && value.len <= 16 && value.p[8] == 'T'))
		return false;
	buffer_init(&out, text, TIME_TEXT_MAX);
	buffer_addf(&out, "%.4s-%.2s-%.2sT", value.p, value.p + 4, value.p + 6);
	if (value.len == 8)
		buffer_add(&out, STR("00:00"));
	else
		buffer_addf(&out, "%.2s:%.2s:%.2s%.*s", value.p + 9, value.p + 11, value.p + 13, (int)value.len - 15,
		    value.p + 15);
	*ret = buffer_str(&out);
	return true;
}

static bool
take_until(struct reading *r, struct str value)
{
	int64_t until, last, in_day = r->start_local - civil_day_of_time(r->start_local) * CIVIL_DAY_SECONDS;
	bool has_offset = false, date_only = value.len == 8;
	char memory[TIME_TEXT_MAX];
	struct str text;
	int offset;

	if (r->has_until || !spell_out(value, memory, &text) ||
	    time_parse_wall(text, &until, &has_offset, &offset) != 0)
		return refuse(r, "expected UNTIL once, as 20301231, 20301231T235959 or 20301231T235959Z");
	r->has_until = true;
	if (has_offset) { /* as clocks in the zone show that instant; a doubled hour makes no difference to a day */
		last = civil_day_of_time(until + zone_offset_at(r->zone, until).seconds);
		if (zone_to_utc(r->zone, last * CIVIL_DAY_SECONDS + in_day) > until)
			last--;
	} else {
		last = civil_day_of_time(until);
		if (!date_only && last * CIVIL_DAY_SECONDS + in_day > until)
			last--;
	}
	r->rule->last_day = last;
	return true;
}

static bool
take_part(struct reading *r, struct str part)
{
	static const struct {
		struct str name;
		bool     (*take)(struct reading *, struct str);
	} parts[] = {
		{ STR_INIT("FREQ"), take_frequency }, { STR_INIT("INTERVAL"), take_interval },
		{ STR_INIT("BYDAY"), take_byday }, { STR_INIT("BYMONTHDAY"), take_monthday },
		{ STR_INIT("COUNT"), take_count }, { STR_INIT("UNTIL"), take_until },
	};
	size_t equals = str_find(part, '=');

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (str_eq_nocase(str_sub(part, 0, equals), parts[i].name) && equals < part.len)
			return parts[i].take(r, str_sub(part, equals + 1, part.len));
	return refuse(
	    r, "expected FREQ, INTERVAL, BYDAY, BYMONTHDAY, COUNT and UNTIL, parted by \";\", and nothing else");
}

/* What the parts mean together. */
static bool
check(struct reading *r)
{
	const struct recurrence *rule = r->rule;

	if (!r->has_frequency)
		return refuse(r, "FREQ is missing");
	if (r->count != 0 && r->has_until)
		return refuse(r, "COUNT and UNTIL both say when it ends: give one of them");
	if (rule->nth_count > 0 && rule->frequency != RECUR_MONTHLY)
		return refuse(r, "BYDAY with numbers goes with FREQ=MONTHLY alone");
	if (r->has_monthday && rule->frequency == RECUR_WEEKLY)
		return refuse(r, "BYMONTHDAY does not go with FREQ=WEEKLY");
	if (rule->last_day < rule->first_day)
		return refuse(r, "UNTIL is before the start");
	if (!recurrence_on_day(rule, rule->first_day))
		return refuse(r, "the start is on a day that the rule does not take");
	return true;
}

/* The day of the last occurrence that COUNT leaves, but no later than times can be written: a walk has its end. */
static int64_t
last_day_of(const struct recurrence *rule, int64_t count)
{
	const int64_t end = civil_days(10000, 1, 1);
	int64_t day = rule->first_day;

	while (--count > 0) {
		int64_t next = recurrence_next_day(rule, day + 1);

		if (next == RECURRENCE_NEVER || next >= end)
			break;
		day = next;
	}
	return day;
}

int
recurrence_parse(struct str text, int64_t start_local, const struct zone *zone, struct recurrence *ret,
    const char **ret_wrong)
{
	struct recurrence rule = {
		.interval = 1, .first_day = civil_day_of_time(start_local), .last_day = RECURRENCE_NEVER };
	struct reading reading = { .rule = &rule, .start_local = start_local, .zone = zone };
	struct str part;
	bool ok = text.len > 0 || refuse(&reading, "FREQ is missing");

	while (ok && str_split(&text, ';', &part))
		ok = take_part(&reading, part);
	if (!ok || !check(&reading)) {
		*ret_wrong = reading.wrong;
		return -EINVAL;
	}
	if (reading.count > 0)
		rule.last_day = last_day_of(&rule, reading.count);
	*ret = rule;
	return 0;
}
