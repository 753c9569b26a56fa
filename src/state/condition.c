/* SPDX-License-Identifier: MIT */
/*
 * Combining what the flags say.  Where two flags are on, the stricter mode and
 * the smaller share count, the later end is the end, and the site's own texts
 * win over the global ones.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

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

static void
look_at_flags(struct condition *c, struct flag_watch *watches, const struct condition_rules *rules, int64_t now)
{
	for (size_t i = 0; i < rules->flag_count; i++) {
		struct flag *flag = rules->flags[i];
		struct flag_watch *watch = &watches[flag->number];
		bool overrun;

		switch (flag_look(flag, watch, now)) {
		case FLAG_ON:
			if (in_force(rules, watch, now, &overrun))
				merge_flag(c, rules, flag, watch, overrun);
			break;
		case FLAG_UNKNOWN:
			merge_unknown(c, rules, flag);
			break;
		case FLAG_OFF:
			break;
		}
	}
}

/* An id from the second it began: the same for every worker and every server that shares the flag. */
static void
make_id(struct condition *c)
{
	char text[TIME_TEXT_MAX];
	struct str utc = time_format_utc(c->since, text);       /* 2026-11-21T21:04:11Z */

	if (utc.len < 19)
		(void)snprintf(c->made_id, sizeof c->made_id, "maintenance");
	else
		(void)snprintf(c->made_id, sizeof c->made_id, "%.4s%.2s%.2s-%.2s%.2s%.2s", utc.p, utc.p + 5,
		    utc.p + 8, utc.p + 11, utc.p + 14, utc.p + 17);
	c->id = str_of(c->made_id);
}

void
condition_read(struct flag_watch *watches, const struct condition_rules *rules, enum enabled enabled, int64_t now,
    struct condition *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->since = ret->until = TIME_NONE;
	ret->retry_after = -1;
	ret->mode = rules->mode;
	ret->share = rules->share;
	if (enabled == ENABLED_OFF)
		return;
	look_at_flags(ret, watches, rules, now);
	if (enabled == ENABLED_ON && !ret->on) {
		ret->on = true;
		ret->source = CONDITION_ALWAYS;
	}
	if (!ret->on)
		return;
	ret->bypass_off = flag_marker_there(rules->bypass_off);
	if (ret->id.len == 0 && ret->since == TIME_NONE)
		ret->id = ret->unknown ? STR("unknown") : STR("always");
	else if (ret->id.len == 0)
		make_id(ret);
}
