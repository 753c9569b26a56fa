/* SPDX-License-Identifier: MIT */
/* status: a line or two for each site, in the words that explain, the log and the metrics use. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/standing.h"
#include "record/counters.h"

#define WATCH_MS 1000

static void
add_counts(json_t *object, const struct counters *counters, struct str site)
{
	if (counters == NULL || !counters_marked(counters, site))
		return;
	counters_add_json(counters, site, object);
	(void)json_object_set_new(object, "ticket_logins",
	    json_integer((json_int_t)counters_get(counters, site, COUNTER_LOGIN)));
	(void)json_object_set_new(object, "ticket_failed",
	    json_integer((json_int_t)counters_get(counters, site, COUNTER_FAILED)));
}

static json_t *
site_json(const struct standing *s, const struct counters *counters)
{
	const struct condition *c = &s->condition;
	json_t *o = json_object();

	(void)json_object_set_new(o, "on", json_boolean(c->on));
	(void)json_object_set_new(o, "site", ctl_json_str(s->site->name));
	(void)json_object_set_new(o, "source", json_string(condition_source_name(c->source)));
	(void)json_object_set_new(o, "id", ctl_json_str(c->id));
	(void)json_object_set_new(o, "mode", json_string(mode_name(c->mode)));
	(void)json_object_set_new(o, "since", ctl_json_time(c->since));
	(void)json_object_set_new(o, "until", ctl_json_time(c->until));
	(void)json_object_set_new(o, "message", ctl_json_str(c->message));
	(void)json_object_set_new(o, "step", ctl_json_str(c->step));
	(void)json_object_set_new(o, "bypass_off", json_boolean(c->bypass_off));
	(void)json_object_set_new(o, "overrun", json_boolean(c->overrun));
	(void)json_object_set_new(o, "unknown", json_boolean(c->unknown));
	(void)json_object_set_new(o, "broken", json_boolean(c->broken));
	(void)json_object_set_new(o, "flag", ctl_json_str(str_of(c->flag)));
	(void)json_object_set_new(o, "owner", ctl_json_str(s->there ? s->body.owner : STR_NONE));
	(void)json_object_set_new(o, "change", ctl_json_str(s->there ? s->body.change : STR_NONE));
	if (c->on)
		add_counts(o, counters, s->site->name);
	return o;
}

/* 18204 as "18,204". */
static struct str
grouped(struct arena *arena, uint64_t n)
{
	if (n < 1000)
		return arena_printf(arena, "%llu", (unsigned long long)n);
	return arena_printf(arena, "%.*s,%03llu", STR_ARG(grouped(arena, n / 1000)), (unsigned long long)(n % 1000));
}

static void
say_counts(const struct ctl *ctl, const struct counters *counters, struct str site)
{
	uint64_t passed = 0;
	struct str reasons = STR_NONE;

	if (counters == NULL || !counters_marked(counters, site))
		return;
	for (int c = COUNTER_PASSED; c < COUNTER_HELD; c++) {
		uint64_t n = counters_get(counters, site, (enum counter)c);

		passed += n;
		if (n > 0)
			reasons = arena_printf(ctl->arena, "%.*s%s%s %.*s", STR_ARG(reasons),
			    reasons.len > 0 ? ", " : "", counter_word((enum counter)c),
			    STR_ARG(grouped(ctl->arena, n)));
	}
	ctl_say(ctl, "      held %.*s   passed %.*s", STR_ARG(grouped(ctl->arena,
	    counters_get(counters, site, COUNTER_HELD))), STR_ARG(grouped(ctl->arena, passed)));
	if (reasons.len > 0)
		ctl_say(ctl, " (%.*s)", STR_ARG(reasons));
	if (counters_get(counters, site, COUNTER_FAILED) > 0)
		ctl_say(ctl, "   %.*s wrong tickets", STR_ARG(grouped(ctl->arena,
		    counters_get(counters, site, COUNTER_FAILED))));
	ctl_say(ctl, "\n");
}

static void
say_troubles(const struct ctl *ctl, const struct standing *s)
{
	const struct condition *c = &s->condition;

	if (c->step.len > 0)
		ctl_say(ctl, "      step %.*s\n", STR_ARG(c->step));
	if (c->bypass_off)
		ctl_say(ctl, "      personal bypasses are suspended; wardenctl bypass on restores them\n");
	if (c->broken)
		ctl_say(ctl, "      %s cannot be read, or holds lines that are not understood; it is on all the same\n",
		    standing_short_path(ctl, c->flag));
	if (c->unknown)
		ctl_say(ctl, "      the state cannot be read; on_unknown decides. Look at %.*s\n",
		    STR_ARG(ctl->policy->state_dir));
	if (c->on && c->source == CONDITION_ALWAYS)
		ctl_say(ctl, "      enabled = on in %s\n", ctl->config);
}

static void
say_site(const struct ctl *ctl, const struct standing *s, const struct counters *counters)
{
	const struct condition *c = &s->condition;
	const struct zone *zone = s->site->answers.zone;
	struct str name = s->site->name.len > 0 ? s->site->name : STR("every site");

	if (!c->on) {
		ctl_say(ctl, "%soff%s   %.*s\n", ctl_green(ctl), ctl_plain(ctl), STR_ARG(name));
		say_troubles(ctl, s);
		return;
	}
	ctl_say(ctl, "%sON%s    %.*s   ", ctl_red(ctl), ctl_plain(ctl), STR_ARG(name));
	if (c->until == TIME_NONE)
		ctl_say(ctl, "no planned end");
	else
		ctl_say(ctl, "%s %.*s", c->overrun ? "OVERRUN, was planned until" : "until",
		    STR_ARG(ctl_time(ctl, c->until, zone)));
	ctl_say(ctl, "   %.*s", STR_ARG(c->id));
	if (c->mode == MODE_READ_ONLY)
		ctl_say(ctl, "   read-only");
	if (c->source == CONDITION_WINDOW)
		ctl_say(ctl, "   planned window");
	if (s->there && s->body.change.len > 0)
		ctl_say(ctl, "   %.*s", STR_ARG(s->body.change));
	if (s->there && s->body.owner.len > 0)
		ctl_say(ctl, "   by %.*s", STR_ARG(s->body.owner));
	ctl_say(ctl, "\n");
	say_troubles(ctl, s);
	say_counts(ctl, counters, s->site->name);
}

static int
show_site(struct ctl *ctl, struct site *site, const struct counters *counters, json_t *list, bool *on)
{
	struct standing s;
	int rc = standing_read(ctl, site, &s);

	if (rc != 0)
		return ctl_fail_file("read", s.path, rc);
	*on = *on || s.condition.on;
	say_site(ctl, &s, counters);
	if (list != NULL)
		(void)json_array_append_new(list, site_json(&s, counters));
	return 0;
}

/* One look: CTL_YES when any site is on, CTL_NO when none is. */
static int
show(struct ctl *ctl)
{
	struct counters *counters = NULL;
	json_t *list = ctl->json ? json_array() : NULL;
	struct site *one = ctl->site_name != NULL ? ctl_site(ctl) : NULL;
	bool on = false;
	int code = 0;

	if (ctl->site_name != NULL && one == NULL)
		return CTL_USAGE;
	if (counters_open(ctl->policy->state_dir, false, &counters) != 0)
		counters = NULL;
	for (size_t i = 0; i < ctl->policy->site_count && code == 0; i++)
		if (one == NULL || one == &ctl->policy->sites[i])
			code = show_site(ctl, &ctl->policy->sites[i], counters, list, &on);
	if (code == 0 && list != NULL)
		ctl_print_json(one != NULL || ctl->policy->site_count == 1 ? json_incref(json_array_get(list, 0)) :
		    json_pack("{s:b, s:O}", "on", on, "sites", list));
	json_decref(list);
	counters_close(counters);
	if (code != 0)
		return code;
	return on ? CTL_YES : CTL_NO;
}

/* Until Ctrl-C; on a terminal each look replaces the one before. */
static int
watch(struct ctl *ctl)
{
	int code = CTL_YES;

	while (code == CTL_YES || code == CTL_NO) {
		ctl->now = clock_now();
		arena_reset(ctl->arena);        /* it may run for days, and nothing of the last look is kept */
		if (ctl->colour)
			(void)fputs("\033[H\033[2J", stdout);
		code = show(ctl);
		if (fflush(stdout) != 0)
			return CTL_SYSTEM;
		(void)poll(NULL, 0, WATCH_MS);
	}
	return code;
}

int
ctl_status(struct ctl *ctl, int argc, char **argv)
{
	bool watching = false;
	const struct ctl_option options[] = {
		{ "watch", NULL, NULL, &watching, "look again every second, until Ctrl-C" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 0, 0, &count);

	if (code >= 0)
		return code;
	return watching ? watch(ctl) : show(ctl);
}
