/* SPDX-License-Identifier: MIT */
/*
 * Combining what flags and windows say.  Where several are on, the stricter mode and
 * the smaller share count, the later end is the end, and the site's own texts
 * win over the global ones.
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "state/condition.h"

/* Whether the flag still holds, and whether it is past its end. */
static bool
in_force(const struct condition_rules *rules, const struct flag_watch *watch, int64_t now, bool *ret_overrun)
{
	int64_t end = watch->body.until;

	if (end == TIME_NONE && rules->max_duration > 0)
		end = watch->since + rules->max_duration;
	/* times out of a body that is half understood end nothing */
	*ret_overrun = end != TIME_NONE && now >= end && !watch->body.broken;
	return !*ret_overrun || rules->on_overrun == OVERRUN_KEEP;
}

static struct str
later_text(struct str earlier, struct str later)
{
	return later.len > 0 ? later : earlier;
}

static void
merge_times(struct condition *c, const struct flag_watch *watch)
{
	if (c->since == TIME_NONE || watch->since < c->since)
		c->since = watch->since;
	if (!c->on)
		c->until = watch->body.until;
	else if (c->until == TIME_NONE || watch->body.until == TIME_NONE)
		c->until = TIME_NONE;
	else if (watch->body.until > c->until)
		c->until = watch->body.until;
}

static void
merge_flag(struct condition *c, const struct condition_rules *rules, const struct flag *flag,
    const struct flag_watch *watch, bool overrun)
{
	const struct flag_body *body = &watch->body;
	enum mode mode = body->mode != MODE_UNSET ? body->mode : rules->mode;
	int share = body->share >= 0 ? body->share : rules->share;

	merge_times(c, watch);
	c->mode = c->on && c->mode == MODE_FULL ? MODE_FULL : mode;
	c->share = c->on && c->share < share ? c->share : share;
	c->overrun = c->on ? c->overrun && overrun : overrun;   /* over when the last one is */
	c->broken = c->broken || body->broken;
	c->id = later_text(c->id, body->id);
	c->title = later_text(c->title, body->title);
	c->message = later_text(c->message, body->message);
	c->step = later_text(c->step, body->step);
	if (body->status != 0)
		c->status = body->status;
	if (body->retry_after >= 0)
		c->retry_after = body->retry_after;
	c->flag = flag->path;
	c->source = CONDITION_FLAG;
	c->on = true;
}

static bool
unknown_holds(const struct condition_rules *rules, const struct flag *flag)
{
	if (rules->on_unknown == UNKNOWN_LAST)
		return atomic_load_explicit(&flag->last, memory_order_relaxed) != FLAG_OFF;
	return rules->on_unknown == UNKNOWN_HOLD;
}

static void
merge_unknown(struct condition *c, const struct condition_rules *rules, const struct flag *flag)
{
	c->unknown = true;
	if (!c->on)
		c->source = CONDITION_UNKNOWN;
	if (!unknown_holds(rules, flag))
		return;
	c->until = TIME_NONE;
	c->mode = c->on && c->mode == MODE_FULL ? MODE_FULL : rules->mode;
	c->share = 0;
	c->on = true;
}

/* A flag that upkeep wrote for a native gate: the window itself says, to the second, whether it is on. */
static bool
stands_for_window(const struct condition_rules *rules, const struct flag_watch *watch)
{
	for (size_t i = 0; i < rules->window_count && watch->body.window.len > 0; i++)
		if (str_eq(rules->windows[i]->id, watch->body.window))
			return !watch->body.broken;
	return false;
}

static void
merge_texts(struct condition *c, const struct flag_body *body)
{
	c->title = later_text(c->title, body->title);
	c->message = later_text(c->message, body->message);
	c->step = later_text(c->step, body->step);
	if (body->share >= 0 && !body->broken)
		c->share = body->share;
}

static void
look_at_flag(struct condition *c, struct flag_watch *watch, const struct condition_rules *rules, struct flag *flag,
    int64_t now)
{
	bool overrun;

	switch (flag_look(flag, watch, now)) {
	case FLAG_ON:
		if (!stands_for_window(rules, watch) && in_force(rules, watch, now, &overrun))
			merge_flag(c, rules, flag, watch, overrun);
		break;
	case FLAG_UNKNOWN:
		merge_unknown(c, rules, flag);
		break;
	case FLAG_OFF:
		break;
	}
}

bool
window_skip_path(const struct window *window, int64_t end, char *path)
{
	int len = end == TIME_NONE ? snprintf(path, PATH_MAX, "%s.skip", window->skip_prefix) :
	    snprintf(path, PATH_MAX, "%s.%lld.skip", window->skip_prefix, (long long)end);

	return len > 0 && len < PATH_MAX;
}

bool
window_in_force(struct window_watch *watch, const struct window *window, int64_t now, struct occurrence *ret)
{
	bool over = watch->any && watch->occurrence.end != TIME_NONE && now >= watch->occurrence.end;
	char skip[PATH_MAX];

	if (!watch->known || now < watch->from || over) {
		watch->any = window_next(&window->times, now, &watch->occurrence);
		watch->from = now;
		watch->known = true;
	}
	if (!watch->any || !occurrence_covers(&watch->occurrence, now))
		return false;
	*ret = watch->occurrence;
	/* a marker that cannot be looked at does not end anything */
	return !window_skip_path(window, ret->end, skip) || access(skip, F_OK) != 0;
}

static void
merge_window(struct condition *c, const struct condition_rules *rules, const struct window *window,
    const struct occurrence *occurrence)
{
	if (!c->on || occurrence->start == TIME_NONE || occurrence->start < c->since)
		c->since = occurrence->start;
	if (!c->on)
		c->until = occurrence->end;
	else if (c->until == TIME_NONE || occurrence->end == TIME_NONE)
		c->until = TIME_NONE;
	else if (occurrence->end > c->until)
		c->until = occurrence->end;
	c->mode = c->on && c->mode == MODE_FULL ? MODE_FULL : window->mode;
	if (c->share > rules->share)
		c->share = rules->share;        /* a flag's share is for what the flag stands for alone */
	c->overrun = false;             /* something is still in its time */
	if (!c->on) {
		c->source = CONDITION_WINDOW;
		c->window = window;
		c->id = window->id;
		c->title = window->title;
		c->message = window->message;
	}
	c->on = true;
}

static void
look_at_windows(struct condition *c, struct watches *watches, const struct condition_rules *rules, int64_t now)
{
	struct occurrence occurrence;

	for (size_t i = 0; i < rules->window_count; i++) {
		const struct window *window = rules->windows[i];

		if (window_in_force(&watches->windows[window->number], window, now, &occurrence))
			merge_window(c, rules, window, &occurrence);
	}
}

/* What the flags that stand for the window in force say beside its own texts. */
static void
look_at_texts(struct condition *c, struct watches *watches, const struct condition_rules *rules)
{
	for (size_t i = 0; i < rules->flag_count; i++) {
		const struct flag_watch *watch = &watches->flags[rules->flags[i]->number];

		if (atomic_load_explicit(&rules->flags[i]->last, memory_order_relaxed) == FLAG_ON &&
		    str_eq(watch->body.window, c->window->id))
			merge_texts(c, &watch->body);
	}
}

/* An id from the second it began: the same for every worker and every server that shares the flag. */
static void
make_id(struct condition *c)
{
	char text[TIME_TEXT_MAX];
	const char *utc = time_format_utc(c->since, text).p;    /* 2026-11-21T21:04:11Z */
	char *id = c->made_id;                                  /* 20261121-210411 */

	memcpy(id, utc, 4);
	memcpy(id + 4, utc + 5, 2);
	memcpy(id + 6, utc + 8, 2);
	id[8] = '-';
	memcpy(id + 9, utc + 11, 2);
	memcpy(id + 11, utc + 14, 2);
	memcpy(id + 13, utc + 17, 2);
	c->id = str_of(c->made_id);
}

void
condition_read(struct watches *watches, const struct condition_rules *rules, enum enabled enabled, int64_t now,
    struct condition *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->since = ret->until = TIME_NONE;
	ret->retry_after = -1;
	ret->mode = rules->mode;
	ret->share = rules->share;
	if (enabled == ENABLED_OFF)
		return;
	for (size_t i = 0; i < rules->flag_count; i++)
		look_at_flag(ret, &watches->flags[rules->flags[i]->number], rules, rules->flags[i], now);
	look_at_windows(ret, watches, rules, now);
	if (ret->window != NULL)
		look_at_texts(ret, watches, rules);
	if (enabled == ENABLED_ON && !ret->on) {
		ret->on = true;
		ret->source = CONDITION_ALWAYS;
	}
	if (!ret->on)
		return;
	if (ret->id.len == 0 && ret->since == TIME_NONE)
		ret->id = ret->unknown ? STR("unknown") : STR("always");
	else if (ret->id.len == 0)
		make_id(ret);
}

const char *
condition_source_name(enum condition_source source)
{
	static const char *const names[] = {
		[CONDITION_NONE] = "none", [CONDITION_FLAG] = "flag", [CONDITION_WINDOW] = "window",
		[CONDITION_ALWAYS] = "always", [CONDITION_UNKNOWN] = "unknown",
	};

	return names[source];
}

void
condition_pretend(const struct condition_rules *rules, int64_t now, struct condition *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->on = true;
	ret->source = CONDITION_ALWAYS;
	ret->mode = rules->mode;
	ret->share = rules->share;
	ret->since = now;
	ret->until = TIME_NONE;
	ret->retry_after = -1;
	ret->id = STR("preview");
}
