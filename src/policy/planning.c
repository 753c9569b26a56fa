/* SPDX-License-Identifier: MIT */
/* The rules of planning, asked before anything is written.  Nothing here looks at a clock or a file. */
#include "config.h"

#include <errno.h>
#include <fnmatch.h>

#include "base/buffer.h"
#include "base/civil.h"
#include "policy/planning.h"

static bool
needs_a_start(struct str rule)
{
	struct str part;

	while (str_split(&rule, ';', &part)) {
		struct str name = str_sub(part, 0, str_find(part, '='));

		if (str_eq_nocase(name, STR("INTERVAL")) || str_eq_nocase(name, STR("COUNT")))
			return true;
	}
	return false;
}

/* A repeating day needs a first one: the first that the rule itself takes. */
static int
parse_repeating(struct str rule, const struct zone *zone, struct window_times *ret, const char **ret_wrong)
{
	const char *key;
	int rc = -EINVAL;

	if (needs_a_start(rule)) {
		*ret_wrong = "INTERVAL and COUNT need a first day, which a freeze has not";
		return -EINVAL;
	}
	for (int day = 0; day < RECURRENCE_INTERVAL_MAX && rc != 0; day++) {
		struct civil_date date = civil_date_of(day), next = civil_date_of(day + 1);
		char memory[64];
		struct buffer out;
		size_t half;

		buffer_init(&out, memory, sizeof memory);
		buffer_addf(&out, "%04lld-%02d-%02d 00:00", (long long)date.year, date.month, date.day);
		half = out.len;
		buffer_addf(&out, "%04lld-%02d-%02d 00:00", (long long)next.year, next.month, next.day);
		rc = window_times_parse(str_sub(buffer_str(&out), 0, half), str_sub(buffer_str(&out), half, out.len),
		    rule, zone, ret, &key, ret_wrong);
	}
	return rc;
}

static int
parse_span(struct str entry, size_t dots, const struct zone *zone, struct window_times *ret, const char **ret_wrong)
{
	struct str start = str_trim(str_sub(entry, 0, dots)), end = str_trim(str_sub(entry, dots + 2, entry.len));
	char start_text[32], end_text[32];
	struct buffer a, b;
	const char *key;

	/* a date alone is its midnight */
	buffer_init(&a, start_text, sizeof start_text);
	buffer_init(&b, end_text, sizeof end_text);
	buffer_addf(&a, "%.*s%s", STR_ARG(start), start.len == 10 ? " 00:00" : "");
	buffer_addf(&b, "%.*s%s", STR_ARG(end), end.len == 10 ? " 00:00" : "");
	if (start.len == 0 || end.len == 0 || a.full || b.full) {
		*ret_wrong = "expected START .. END";
		return -EINVAL;
	}
	return window_times_parse(buffer_str(&a), buffer_str(&b), STR_NONE, zone, ret, &key, ret_wrong);
}

int
planning_add_freeze(struct planning *planning, struct str entry, const struct zone *zone, const char **ret_wrong)
{
	struct freeze freeze = { .text = entry };
	size_t dots = 0;
	int rc;

	if (planning->freeze_count == FREEZES_MAX) {
		*ret_wrong = "too many entries";
		return -E2BIG;
	}
	if (entry.len == 0) {
		*ret_wrong = "an entry is empty";
		return -EINVAL;
	}
	while (dots < entry.len && !str_starts(str_sub(entry, dots, entry.len), STR("..")))
		dots++;
	if (dots < entry.len)
		rc = parse_span(entry, dots, zone, &freeze.times, ret_wrong);
	else
		rc = parse_repeating(entry, zone, &freeze.times, ret_wrong);
	if (rc == 0)
		planning->freezes[planning->freeze_count++] = freeze;
	return rc;
}

static const struct freeze *
find_freeze(const struct planning *planning, int64_t start, int64_t end)
{
	for (size_t i = 0; i < planning->freeze_count; i++) {
		const struct freeze *freeze = &planning->freezes[i];
		struct occurrence when;

		if (!window_next(&freeze->times, start, &when))
			continue;
		if (when.start == TIME_NONE || when.start <= start || (end == TIME_NONE ? false : when.start < end))
			return freeze;
	}
	return NULL;
}

const char *
planning_objection(const struct planning *planning, const struct plan *plan, int64_t now, struct arena *arena)
{
	int64_t start = plan->start != TIME_NONE ? plan->start : now;
	const struct freeze *freeze;

	if (planning->require_owner && plan->owner.len == 0)
		return "the policy wants an owner (require_owner)";
	if (planning->require_change && plan->change.len == 0)
		return "the policy wants the number of a change (require_change)";
	if (planning->change_pattern != NULL && plan->change.len > 0 &&
	    fnmatch(planning->change_pattern, arena_copy(arena, plan->change).p, 0) != 0)
		return arena_printf(arena, "the change does not look like %s (change_pattern)",
		    planning->change_pattern).p;
	if (planning->max_duration > 0 && plan->end == TIME_NONE)
		return "the policy wants an end (max_duration)";
	if (planning->max_duration > 0 && plan->end - start > planning->max_duration)
		return arena_printf(arena, "it is longer than the policy's %lld minutes (max_duration)",
		    (long long)planning->max_duration / 60).p;
	freeze = find_freeze(planning, start, plan->end);
	if (freeze != NULL)
		return arena_printf(arena, "it falls into the freeze \"%.*s\"", STR_ARG(freeze->text)).p;
	return NULL;
}
