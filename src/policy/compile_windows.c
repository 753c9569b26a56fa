/* SPDX-License-Identifier: MIT */
/*
 * What is planned: the rules of planning, prepared profiles, and windows.  Two windows of one site must not overlap
 * within the next 400 days: whose texts and whose end would count would be a matter of order.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "policy/compile_windows.h"

#define HORIZON ((int64_t)WINDOW_CONFLICT_DAYS * CIVIL_DAY_SECONDS)

/* A zone that lives as long as the policy; NULL after a problem. */
static const struct zone *
keep_zone(struct values *values, struct policy *policy, const struct value *value, struct str name)
{
	struct zone *zone;
	int rc = zone_load(name, &zone);

	if (rc != 0) {
		problem_error(values->problems, &value->place,
		    "cannot load the time zone \"%.*s\": %s; expected a name such as Europe/Berlin or UTC",
		    STR_ARG(name), strerror(-rc));
		return NULL;
	}
	policy->planned_zones[policy->planned_zone_count++] = zone;
	return zone;
}

static void
compile_planning(struct values *values, struct policy *policy)
{
	const struct value *v = values->policy.v;
	struct planning *planning = &policy->planning;
	const struct zone *zone = keep_zone(values, policy, &v[KEY_POLICY_ZONE], v[KEY_POLICY_ZONE].text);
	struct str rest = v[KEY_FREEZE].text, entry;
	const char *wrong = NULL;

	planning->max_duration = v[KEY_POLICY_MAX_DURATION].number;
	planning->require_owner = v[KEY_REQUIRE_OWNER].number == 1;
	planning->require_change = v[KEY_REQUIRE_CHANGE].number == 1;
	planning->require_approval = v[KEY_REQUIRE_APPROVAL].number == 1;
	if (v[KEY_CHANGE_PATTERN].text.len > 0)
		planning->change_pattern = arena_copy(values->arena, v[KEY_CHANGE_PATTERN].text).p;
	while (zone != NULL && str_split(&rest, '|', &entry))
		if (planning_add_freeze(planning, entry, zone, &wrong) != 0)
			problem_error(values->problems, &v[KEY_FREEZE].place,
			    "\"%.*s\": %s; expected START .. END or a repeating day", STR_ARG(entry), wrong);
}

static void
compile_profile(struct values *values, const struct section *section, struct profile *profile)
{
	const struct value *v = section->v;
	struct flag_body *body = &profile->body;

	profile->name = section->name;
	profile->duration = v[KEY_PROFILE_FOR].number;
	*body = flag_body_none();
	body->message = v[KEY_PROFILE_MESSAGE].text;
	body->title = v[KEY_PROFILE_TITLE].text;
	body->reason = v[KEY_PROFILE_REASON].text;
	body->owner = v[KEY_PROFILE_OWNER].text;
	body->change = v[KEY_PROFILE_CHANGE].text;
	if (v[KEY_PROFILE_MODE].set)
		body->mode = v[KEY_PROFILE_MODE].number == 0 ? MODE_FULL : MODE_READ_ONLY;
	body->status = (int)v[KEY_PROFILE_STATUS].number;
	if (v[KEY_PROFILE_RETRY].number > 0)
		body->retry_after = v[KEY_PROFILE_RETRY].number;
	if (v[KEY_PROFILE_SHARE].set)
		body->share = (int)v[KEY_PROFILE_SHARE].number;
	if (body->status > 0 && body->status < 400)
		problem_error(values->problems, &v[KEY_PROFILE_STATUS].place, "expected 400 to 599, or 0");
}

/* An occurrence of a repeating window that falls into a freeze is told: whether it shall be is the operator's to say.
 */
static void
warn_of_freezes(struct values *values, const struct policy *policy, const struct section *section,
    const struct window *window)
{
	struct planning freezes = policy->planning;
	int64_t now = clock_now(), at = now;
	char text[TIME_TEXT_MAX];
	struct occurrence when;

	freezes.max_duration = 0;
	freezes.require_owner = freezes.require_change = false;
	while (window_next(&window->times, at, &when) && when.start < now + HORIZON) {
		struct plan plan = { window->owner, window->change, when.start, when.end };
		const char *objection = planning_objection(&freezes, &plan, now, values->arena);

		if (objection != NULL) {
			problem_warning(values->problems, &section->place, "on %.*s %s",
			    STR_ARG(time_format_utc(when.start, text)), objection);
			return;
		}
		at = when.end;
	}
}

static void
check_window_rules(struct values *values, const struct policy *policy, const struct section *section,
    const struct window *window)
{
	struct plan plan = { window->owner, window->change, window->times.start_utc, window->times.end_utc };
	const char *objection = planning_objection(&policy->planning, &plan, clock_now(), values->arena);

	if (objection != NULL)
		problem_error(values->problems, &section->place, "%s", objection);
	else if (window->times.repeats && policy->planning.freeze_count > 0)
		warn_of_freezes(values, policy, section, window);
	if (str_eq(window->approved, window->owner) && window->approved.len > 0)
		problem_error(values->problems, &section->v[KEY_WINDOW_APPROVED].place,
		    "an owner cannot approve the own window");
}

static void
compile_times(struct values *values, struct policy *policy, const struct section *section, struct window *window)
{
	const struct value *v = section->v;
	const struct site *site = policy_site_named(policy, window->site);
	struct str name = v[KEY_WINDOW_ZONE].text;
	const struct zone *zone = site != NULL ? site->answers.zone : NULL;
	const char *key, *wrong;
	enum key at = KEY_WINDOW_START;

	if (name.len > 0)
		zone = keep_zone(values, policy, &v[KEY_WINDOW_ZONE], name);
	if (site == NULL)
		problem_error(values->problems, &v[KEY_WINDOW_SITE].place, "there is no [site.%.*s]",
		    STR_ARG(window->site));
	if (zone == NULL || site == NULL)
		return;
	if (window_times_parse(v[KEY_WINDOW_START].text, v[KEY_WINDOW_END].text, v[KEY_WINDOW_REPEAT].text, zone,
	    &window->times, &key, &wrong) == 0) {
		check_window_rules(values, policy, section, window);
		return;
	}
	if (strcmp(key, "end") == 0)
		at = KEY_WINDOW_END;
	else if (strcmp(key, "repeat") == 0)
		at = KEY_WINDOW_REPEAT;
	problem_error(values->problems, v[at].set ? &v[at].place : &section->place, "%s", wrong);
}

static void
compile_window(struct values *values, struct policy *policy, const struct section *section, struct window *window)
{
	const struct value *v = section->v;

	window->id = section->name;
	window->site = v[KEY_WINDOW_SITE].text;
	window->title = v[KEY_WINDOW_TITLE].text;
	window->message = v[KEY_WINDOW_MESSAGE].text;
	window->owner = v[KEY_WINDOW_OWNER].text;
	window->reason = v[KEY_WINDOW_REASON].text;
	window->change = v[KEY_WINDOW_CHANGE].text;
	window->approved = v[KEY_WINDOW_APPROVED].text;
	window->repeat = v[KEY_WINDOW_REPEAT].text;
	window->mode = v[KEY_WINDOW_MODE].number == 0 ? MODE_FULL : MODE_READ_ONLY;
	window->file = section->place.file;
	window->line = section->place.line;
	window->planned_here = !str_eq(section->place.file, policy->file);
	window->waiting = policy->planning.require_approval && window->approved.len == 0;
	window->skip_prefix = arena_printf(values->arena, "%.*s/" ENDED_FOLDER "/%.*s", STR_ARG(policy->state_dir),
	    STR_ARG(window->id)).p;
	compile_times(values, policy, section, window);
}

/* One occurrence on the line of time, for the search for conflicts. */
struct stretch {
	int64_t              start, end;
	const struct window *window;
};

static int
compare_stretches(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static bool
same_site(const struct window *a, const struct window *b)
{
	return a->site.len == 0 || b->site.len == 0 || str_eq(a->site, b->site);
}

static size_t
stretches_of(const struct window *window, int64_t from, struct stretch *stretches, size_t room)
{
	struct occurrence when;
	size_t count = 0;
	int64_t at = from;

	while (count < room && window_next(&window->times, at, &when)) {
		if (when.start != TIME_NONE && when.start >= from + HORIZON)
			break;
		stretches[count++] =
		    (struct stretch){ when.start, when.end == TIME_NONE ? INT64_MAX : when.end, window };
		if (when.end == TIME_NONE || !window->times.repeats)
			break;
		at = when.end;
	}
	return count;
}

/*
 * A window that is tried is refused.  Of those that are there it is only told: an overlap far ahead comes into sight by
 * time alone, and must not keep the gateway from starting then.  Both are in force where they overlap.
 */
static void
say_conflict(struct values *values, const struct stretch *a, const struct stretch *b)
{
	struct place place = { b->window->file, b->window->line, STR_NONE, STR_NONE };
	bool tried = values->trial_id.len > 0 &&
	    (str_eq(a->window->id, values->trial_id) || str_eq(b->window->id, values->trial_id));
	char text[TIME_TEXT_MAX];

	(tried ? problem_error : problem_warning)(values->problems, &place,
	    "window %.*s overlaps with window %.*s at %.*s", STR_ARG(b->window->id), STR_ARG(a->window->id),
	    STR_ARG(time_format_utc(b->start, text)));
}

/*
 * Along the line of time, against those that are not over.  As long as nothing overlaps these are at most one a site,
 * so the inner loop is short; a window that conflicts is told once and then left out.
 */
static void
sweep(struct values *values, struct stretch *s, size_t count, bool *told)
{
	size_t active = 0;

	for (size_t i = 0; i < count; i++) {
		struct stretch next = s[i];
		size_t kept = 0;
		bool clear = !told[next.window->number];

		for (size_t j = 0; j < active; j++) {
			if (s[j].end <= next.start)
				continue;
			s[kept++] = s[j];
			if (!clear || s[j].window == next.window || !same_site(s[j].window, next.window))
				continue;
			say_conflict(values, &s[j], &next);
			told[next.window->number] = true;
			clear = false;
		}
		active = kept;
		if (clear)
			s[active++] = next;     /* active <= i: what is written over has been read */
	}
}

static void
check_conflicts(struct values *values, const struct policy *policy)
{
	size_t room = (WINDOW_CONFLICT_DAYS + 2) * policy->window_count, count = 0;
	struct stretch *stretches = calloc(room + 1, sizeof *stretches);
	bool *told = calloc(policy->window_count + 1, sizeof *told);
	int64_t now = clock_now();

	if (stretches == NULL || told == NULL) {
		problem_error(values->problems, &values->site.place, "out of memory");
		free(stretches);
		free(told);
		return;
	}
	for (size_t i = 0; i < policy->window_count; i++)
		count += stretches_of(&policy->windows[i], now, stretches + count, WINDOW_CONFLICT_DAYS + 2);
	qsort(stretches, count, sizeof *stretches, compare_stretches);
	sweep(values, stretches, count, told);
	free(stretches);
	free(told);
}

/* Each site's own windows and those of every site. */
static void
give_windows(struct values *values, struct policy *policy, struct site *site)
{
	const struct window **list = arena_zalloc(values->arena, policy->window_count + 1, sizeof *list);

	for (size_t i = 0; list != NULL && i < policy->window_count; i++) {
		const struct window *window = &policy->windows[i];

		if (!window->waiting && (window->site.len == 0 || str_eq(window->site, site->name)))
			list[site->condition.window_count++] = window;
	}
	site->condition.windows = list;
}

void
compile_windows(struct values *values, struct policy *policy)
{
	unsigned before = values->problems->errors;
	size_t number = 0;

	policy->windows = arena_zalloc(values->arena, values->windows.count + 1, sizeof *policy->windows);
	policy->profiles = arena_zalloc(values->arena, values->profiles.count + 1, sizeof *policy->profiles);
	policy->planned_zones = arena_zalloc(values->arena, values->windows.count + 1, sizeof(struct zone *));
	if (policy->windows == NULL || policy->profiles == NULL || policy->planned_zones == NULL) {
		problem_error(values->problems, &values->site.place, "out of memory");
		return;
	}
	compile_planning(values, policy);
	for (const struct section *s = values->profiles.first; s != NULL; s = s->next)
		compile_profile(values, s, &policy->profiles[policy->profile_count++]);
	for (const struct section *s = values->windows.first; s != NULL; s = s->next) {
		policy->windows[number].number = number;
		compile_window(values, policy, s, &policy->windows[number++]);
	}
	policy->window_count = number;
	if (values->problems->errors != before)
		return;
	check_conflicts(values, policy);
	for (size_t i = 0; i < policy->site_count; i++)
		give_windows(values, policy, &policy->sites[i]);
}
