/* SPDX-License-Identifier: MIT */
/* --since: what an operator means by it; and what the records of the journal hold. */
#include "config.h"

#include "base/civil.h"
#include "ctl/past.h"

struct str
past_str(const json_t *record, const char *name)
{
	const json_t *value = json_object_get(record, name);

	return (struct str){ json_string_value(value), json_string_length(value) };
}

int64_t
past_time(const json_t *record, const char *name)
{
	struct str text = past_str(record, name);
	int64_t time;

	return str_ends(text, STR("Z")) && time_parse(text, NULL, &time) == 0 ? time : TIME_NONE;
}

int
past_since(const struct ctl *ctl, const char *text, int64_t *ret)
{
	const struct zone *zone = ctl->policy->sites[0].answers.zone;
	struct ctl yesterday = *ctl;
	struct str day;
	int64_t span;

	*ret = TIME_NONE;
	if (text == NULL)
		return 0;
	day = arena_printf(ctl->arena, "%s 00:00", text);
	yesterday.now -= CIVIL_DAY_SECONDS;             /* "04:00" is the last one, not the next */
	if (span_parse(str_of(text), &span) == 0)
		*ret = ctl->now - span;
	else if (text[0] == '+' || (ctl_parse_time(&yesterday, text, 0, zone, ret) != 0 &&
	    time_parse(day, zone, ret) != 0))
		return ctl_fail(CTL_USAGE, "--since %s: expected a span back such as 7d or 4h, or a time such as "
		    "\"2026-12-15 04:00\" (%s)", text, zone_name(zone));
	if (*ret > ctl->now)
		return ctl_fail(CTL_USAGE, "--since %s: that is still to come", text);
	return 0;
}
