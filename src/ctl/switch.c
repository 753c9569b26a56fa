/* SPDX-License-Identifier: MIT */
/*
 * on, off, toggle.  The state is changed first and told to the journal after: in an emergency nothing may stand between
 * the operator and the flag but what the operator's own policy and hooks put there, and --force takes these away.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/hooks.h"
#include "ctl/switch.h"
#include "record/counters.h"

void
switch_mark_counters(struct ctl *ctl, struct str site)
{
	struct counters *counters;

	if (counters_open(ctl->policy->state_dir, true, &counters) != 0)
		return;                 /* then what was held will be unknown, and is said to be */
	counters_mark(counters, site);
	counters_close(counters);
}

void
switch_note_end(struct ctl *ctl, struct str site, int64_t planned)
{
	struct counters *counters;

	if (counters_open(ctl->policy->state_dir, true, &counters) != 0)
		return;
	counters_note_end(counters, site, planned, ctl->now);
	counters_close(counters);
}

void
switch_add_counts(struct ctl *ctl, struct str site, json_t *more)
{
	struct counters *counters;

	if (counters_open(ctl->policy->state_dir, false, &counters) != 0)
		return;
	counters_add_json(counters, site, more);
	counters_close(counters);
}

static void
add_str(json_t *object, const char *name, struct str value)
{
	if (value.len > 0)
		(void)json_object_set_new(object, name, ctl_json_str(value));
}

static const struct profile *
find_profile(const struct ctl *ctl, const char *name)
{
	for (size_t i = 0; i < ctl->policy->profile_count; i++)
		if (str_eq(ctl->policy->profiles[i].name, str_of(name)))
			return &ctl->policy->profiles[i];
	return NULL;
}

static int
fail_profile(const struct ctl *ctl, const char *name)
{
	(void)ctl_fail(CTL_USAGE, "there is no [profile.%s] in %s", name, ctl->config);
	if (ctl->policy->profile_count > 0)
		(void)fprintf(stderr, "  the profiles are:");
	for (size_t i = 0; i < ctl->policy->profile_count; i++)
		(void)fprintf(stderr, " %.*s%s", STR_ARG(ctl->policy->profiles[i].name),
		    i + 1 < ctl->policy->profile_count ? "," : "\n");
	return CTL_USAGE;
}

static void
take_text(struct str *text, struct str from)
{
	if (from.len > 0)
		*text = from;
}

/* What the profile says goes before what stood there; what it does not say stays. */
static void
apply_profile(struct ctl *ctl, const struct profile *profile, struct flag_body *body)
{
	const struct flag_body *from = &profile->body;

	take_text(&body->title, from->title);
	take_text(&body->message, from->message);
	take_text(&body->owner, from->owner);
	take_text(&body->reason, from->reason);
	take_text(&body->change, from->change);
	if (profile->duration > 0)
		body->until = ctl->now + profile->duration;
	if (from->mode != MODE_UNSET)
		body->mode = from->mode;
	if (from->status != 0)
		body->status = from->status;
	if (from->share >= 0)
		body->share = from->share;
	if (from->retry_after >= 0)
		body->retry_after = from->retry_after;
}

static void
set_text(struct str *text, const char *given)
{
	if (given != NULL)
		*text = str_of(given);
}

static int
set_end(struct ctl *ctl, const struct switch_on *how, const struct zone *zone, struct flag_body *body)
{
	int64_t span;

	if (how->span != NULL && how->until != NULL)
		return ctl_fail(CTL_USAGE, "--for and --until both say when it ends: give one of them");
	if (how->span != NULL) {
		if (span_parse(str_of(how->span), &span) != 0 || span == 0)
			return ctl_fail(CTL_USAGE, "--for %s: expected a span of time such as 30m, 2h or 1h30m",
			    how->span);
		body->until = ctl->now + span;
	}
	if (how->until != NULL && ctl_parse_time(ctl, how->until, ctl->now, zone, &body->until) != 0)
		return ctl_fail(CTL_USAGE,
		    "--until %s: expected a time such as \"2026-12-15 04:00\" (%s), 04:00 or +2h", how->until,
		    zone_name(zone));
	if ((how->span != NULL || how->until != NULL) && body->until <= ctl->now)
		return ctl_fail(CTL_USAGE, "--until %s: that is over already (%.*s)", how->until,
		    STR_ARG(ctl_time(ctl, body->until, zone)));
	return 0;
}

static int
set_numbers(const struct switch_on *how, struct flag_body *body)
{
	int64_t share;

	if (how->mode != NULL && (body->mode = mode_parse(str_of(how->mode))) == MODE_UNSET)
		return ctl_fail(CTL_USAGE, "--mode %s: expected full or read-only", how->mode);
	if (how->share != NULL && str_number(str_of(how->share), 0, 100, &share) != 0)
		return ctl_fail(CTL_USAGE, "--share %s: expected percent from 0 to 100", how->share);
	if (how->share != NULL)
		body->share = (int)share;
	return 0;
}

/* The same form as the gateway gives to a flag without an id. */
static struct str
make_id(const struct ctl *ctl, int64_t since)
{
	char text[TIME_TEXT_MAX];
	struct str utc = time_format_utc(since, text);

	return arena_printf(
	    ctl->arena, "%.4s%.2s%.2s-%.2s%.2s%.2s", utc.p, utc.p + 5, utc.p + 8, utc.p + 11, utc.p + 14, utc.p + 17);
}

/* What shall stand in the flag: what stands there, then the profile, then what was given. */
static int
make_body(struct ctl *ctl, const struct standing *s, const struct switch_on *how, struct flag_body *body)
{
	const struct profile *profile = how->profile != NULL ? find_profile(ctl, how->profile) : NULL;
	int code;

	if (how->profile != NULL && profile == NULL)
		return fail_profile(ctl, how->profile);
	*body = s->body.broken ? flag_body_none() : s->body;
	body->broken = false;
	body->window = STR_NONE;        /* from now on it is the operator's */
	body->since = s->there ? s->since : ctl->now;
	if (body->id.len == 0)
		body->id = s->window != NULL ? s->window->id : make_id(ctl, body->since);
	if (profile != NULL)
		apply_profile(ctl, profile, body);
	set_text(&body->message, how->message);
	set_text(&body->title, how->title);
	set_text(&body->owner, how->owner);
	set_text(&body->reason, how->reason);
	set_text(&body->change, how->change);
	code = set_end(ctl, how, s->site->answers.zone, body);
	return code != 0 ? code : set_numbers(how, body);
}

/* What the policy and the hooks say against it. */
static int
ask(struct ctl *ctl, const char *gate, const struct standing *s, const struct flag_body *body, const char *result,
    bool force, const char *objection)
{
	const struct hook_event event = {
		.event = str_of(gate), .site = s->site->name, .id = body->id, .by = ctl_who(ctl), .owner = body->owner,
		.reason = body->reason, .change = body->change, .message = body->message, .step = body->step,
		.result = str_of(result), .since = body->since, .until = body->until,
	};
	struct str why;

	if (force)
		return 0;
	if (objection != NULL) {
		(void)ctl_fail(CTL_NO, "refused: %s", objection);
		(void)fprintf(stderr, "  --force does it all the same, and the journal says so\n");
		return CTL_NO;
	}
	if (hooks_ask(ctl, arena_printf(ctl->arena, "%s-", gate).p, &event, &why))
		return 0;
	(void)ctl_fail(CTL_NO, "refused by a hook: %.*s", STR_ARG(why));
	(void)fprintf(stderr, "  --force does it all the same, and the journal says so\n");
	return CTL_NO;
}

static json_t *
on_record(const struct flag_body *body, const struct switch_on *how)
{
	json_t *more = json_object();

	add_str(more, "id", body->id);
	(void)json_object_set_new(more, "since", ctl_json_time(body->since));
	(void)json_object_set_new(more, "until", ctl_json_time(body->until));
	if (body->mode != MODE_UNSET)
		(void)json_object_set_new(more, "mode", json_string(mode_name(body->mode)));
	add_str(more, "message", body->message);
	add_str(more, "owner", body->owner);
	add_str(more, "reason", body->reason);
	add_str(more, "change", body->change);
	add_str(more, "profile", str_of(how->profile));
	if (how->force)
		(void)json_object_set_new(more, "forced", json_true());
	return more;
}

static void
say_on(struct ctl *ctl, const struct standing *s, const struct flag_body *body)
{
	const struct zone *zone = s->site->answers.zone;
	const char *option = ctl->site_name == NULL ? "" :
	    arena_printf(ctl->arena, " --site %s", ctl->site_name).p;
	struct str since = ctl_time(ctl, body->since, zone);

	ctl_say(ctl, "%smaintenance is ON%s for %.*s since %.*s, %s%.*s\n", ctl_red(ctl), ctl_plain(ctl),
	    STR_ARG(ctl_site_words(ctl)), (int)str_find(since, '(') - 1, since.p,
	    body->until == TIME_NONE ? "without a planned end" : "planned until ",
	    STR_ARG(body->until == TIME_NONE ? STR_NONE : ctl_time(ctl, body->until, zone)));
	ctl_say(ctl, "  %s%s\n", body->mode == MODE_READ_ONLY ? "reading passes; writing gets 503 and the page" :
	    "visitors get 503 and the page", s->condition.bypass_off ? "; personal bypasses are suspended" : "");
	ctl_say(ctl, "  extend:  wardenctl until +30m --reason \"...\"%s      end:  wardenctl off%s\n", option, option);
}

static void
print_on(const struct standing *s, const struct flag_body *body)
{
	json_t *object = json_object();

	(void)json_object_set_new(object, "on", json_true());
	(void)json_object_set_new(object, "site", ctl_json_str(s->site->name));
	(void)json_object_set_new(object, "id", ctl_json_str(body->id));
	(void)json_object_set_new(object, "since", ctl_json_time(body->since));
	(void)json_object_set_new(object, "until", ctl_json_time(body->until));
	ctl_print_json(object);
}

/* enabled = off would hold nobody, whatever flag is there. */
static void
warn_if_without_effect(const struct standing *s)
{
	if (s->site->condition.enabled == ENABLED_OFF)
		(void)fprintf(
		    stderr, "wardenctl: the flag is there, but enabled = off in the INI lets everything pass\n");
}

static int
turn_on(struct ctl *ctl, const struct switch_on *how)
{
	struct site *site = ctl_site(ctl);
	struct standing s;
	struct flag_body body;
	struct plan plan;
	bool on;
	int code, rc;

	if (site == NULL)
		return CTL_USAGE;
	rc = standing_read(ctl, site, &s);
	if (rc != 0)
		return ctl_fail_file("read", s.path, rc);
	code = make_body(ctl, &s, how, &body);
	if (code != 0)
		return code;
	if (body.owner.len == 0)
		body.owner = ctl->policy->planning.require_owner ? STR_NONE : ctl_who(ctl);
	plan = (struct plan){ body.owner, body.change, body.since, body.until };
	code = ask(ctl, "preflight", &s, &body, NULL, how->force,
	    planning_objection(&ctl->policy->planning, &plan, ctl->now, ctl->arena));
	if (code != 0)
		return code;
	code = standing_write(ctl, &s, &body, &on);
	if (on && !s.there)
		switch_mark_counters(ctl, site->name);
	if (code == 0 || (on && !s.there))
		rc = ctl_journal(ctl, "on", site->name, on_record(&body, how));
	if (code != 0)
		return code;
	if (ctl->json)
		print_on(&s, &body);
	say_on(ctl, &s, &body);
	warn_if_without_effect(&s);
	return rc == 0 ? CTL_YES : CTL_SYSTEM;
}

static json_t *
off_record(struct ctl *ctl, const struct standing *s, const struct switch_off *how)
{
	json_t *more = json_object();
	bool own = s->there && !s->body.broken;

	add_str(more, "id", own && s->body.id.len > 0 ? s->body.id : s->condition.id);
	(void)json_object_set_new(more, "since", ctl_json_time(own ? s->since : s->condition.since));
	(void)json_object_set_new(more, "until", ctl_json_time(own ? s->body.until : s->condition.until));
	add_str(more, "result", str_of(how->result));
	add_str(more, "note", str_of(how->note));
	if (how->force)
		(void)json_object_set_new(more, "forced", json_true());
	switch_add_counts(ctl, s->site->name, more);
	return more;
}

/* Says what still holds the site although its own flag is gone; true when something does. */
static bool
say_what_holds(struct ctl *ctl, const struct standing *after)
{
	const struct condition *c = &after->condition;

	if (!c->on)
		return false;
	if (c->source == CONDITION_FLAG)
		(void)ctl_fail(CTL_NO, "%.*s is still held: %s holds every site; wardenctl off ends that",
		    STR_ARG(ctl_site_words(ctl)), standing_short_path(ctl, c->flag));
	else if (c->source == CONDITION_WINDOW)
		(void)ctl_fail(CTL_NO, "%.*s is still held by window %.*s", STR_ARG(ctl_site_words(ctl)),
		    STR_ARG(c->window->id));
	else if (c->source == CONDITION_ALWAYS)
		(void)ctl_fail(CTL_NO, "%.*s is still held: enabled = on in %s", STR_ARG(ctl_site_words(ctl)),
		    ctl->config);
	else
		(void)ctl_fail(CTL_NO, "%.*s is still held: its state cannot be read", STR_ARG(ctl_site_words(ctl)));
	return true;
}

static void
say_off(struct ctl *ctl, const struct standing *s, const json_t *record)
{
	int64_t since = s->there ? s->since : s->condition.since;
	int64_t until = s->there ? s->body.until : s->condition.until;
	const json_t *held = json_object_get(record, "held");
	bool known = since != TIME_NONE && since <= ctl->now;     /* the clock may have stepped back */
	struct str lasted = known ? ctl_span(ctl->arena, ctl->now - since) : STR("an unknown time");

	ctl_say(ctl, "%smaintenance is OFF%s for %.*s after %.*s", ctl_green(ctl), ctl_plain(ctl),
	    STR_ARG(ctl_site_words(ctl)), STR_ARG(lasted));
	if (until != TIME_NONE && known)
		ctl_say(ctl, " (planned %.*s)", STR_ARG(ctl_span(ctl->arena, until - since)));
	if (held != NULL)
		ctl_say(ctl, "; held %lld requests, passed %lld", (long long)json_integer_value(held),
		    (long long)json_integer_value(json_object_get(record, "passed")));
	ctl_say(ctl, "\n");
}

static int
remove_flag(const struct standing *s)
{
	int rc = s->there ? file_remove(s->path) : 0;

	if (rc == 0 || rc == -ENOENT)
		return 0;
	(void)ctl_fail_file("remove", s->path, rc);
	(void)fprintf(stderr, "  maintenance is still ON\n");
	return CTL_SYSTEM;
}

static int
finish_off(struct ctl *ctl, const struct standing *s, const struct switch_off *how)
{
	json_t *record = off_record(ctl, s, how);
	struct standing after;
	int rc = ctl_journal(ctl, "off", s->site->name, json_incref(record));
	bool held;

	if (standing_read(ctl, s->site, &after) != 0)
		after.condition.on = false;
	say_off(ctl, s, record);
	switch_note_end(ctl, s->site->name, s->there ? s->body.until : s->condition.until);
	json_decref(record);
	held = say_what_holds(ctl, &after);
	if (ctl->json) {
		json_t *object = json_pack("{s:b, s:o}", "on", held, "site", ctl_json_str(s->site->name));

		ctl_print_json(object);
	}
	if (held)
		return CTL_NO;
	return rc == 0 ? CTL_YES : CTL_SYSTEM;
}

static int
already_off(struct ctl *ctl, const struct standing *s)
{
	if (say_what_holds(ctl, s))
		return CTL_NO;
	ctl_say(ctl, "maintenance is off already for %.*s\n", STR_ARG(ctl_site_words(ctl)));
	if (ctl->json)
		ctl_print_json(json_pack("{s:b, s:o}", "on", 0, "site", ctl_json_str(s->site->name)));
	return CTL_YES;
}

static int
turn_off(struct ctl *ctl, const struct switch_off *how)
{
	struct site *site = ctl_site(ctl);
	struct standing s;
	int code, rc;

	if (site == NULL)
		return CTL_USAGE;
	if (how->result != NULL && strcmp(how->result, "ok") != 0 && strcmp(how->result, "rollback") != 0 &&
	    strcmp(how->result, "aborted") != 0)
		return ctl_fail(CTL_USAGE, "--result %s: expected ok, rollback or aborted", how->result);
	rc = standing_read(ctl, site, &s);
	if (rc != 0)
		return ctl_fail_file("read", s.path, rc);
	code = standing_need_folder(ctl, &s);
	if (code != 0)
		return code;
	if (!s.there && s.window == NULL)
		return already_off(ctl, &s);
	code = ask(ctl, "exit", &s, &s.body, how->result, how->force, NULL);
	if (code == 0)
		code = remove_flag(&s);
	if (code == 0)
		code = standing_end_window(ctl, &s);
	return code != 0 ? code : finish_off(ctl, &s, how);
}

int
switch_on(struct ctl *ctl, const struct switch_on *how)
{
	int code;

	ctl_lock(ctl);
	code = turn_on(ctl, how);
	ctl_show_server(ctl);
	ctl_unlock(ctl);
	return code;
}

int
switch_off(struct ctl *ctl, const struct switch_off *how)
{
	int code;

	ctl_lock(ctl);
	code = turn_off(ctl, how);
	ctl_show_server(ctl);
	ctl_unlock(ctl);
	return code;
}

int
ctl_on(struct ctl *ctl, int argc, char **argv)
{
	struct switch_on how = { 0 };
	const struct ctl_option options[] = {
		{ "for", "SPAN", &how.span, NULL, "planned duration: 30m, 2h, 1h30m" },
		{ "until", "TIME", &how.until, NULL, "planned end: \"2026-12-15 04:00\", 04:00" },
		{ "message", "TEXT", &how.message, NULL, "text of the page" },
		{ "title", "TEXT", &how.title, NULL, "heading of the page" },
		{ "mode", "MODE", &how.mode, NULL, "full, or read-only: GET, HEAD and OPTIONS pass" },
		{ "owner", "NAME", &how.owner, NULL, "who answers for it; you, where it is left out" },
		{ "reason", "TEXT", &how.reason, NULL, "why, for the journal" },
		{ "change", "ID", &how.change, NULL, "number of the change" },
		{ "profile", "NAME", &how.profile, NULL, "the content prepared in [profile.NAME]" },
		{ "share", "PERCENT", &how.share, NULL, "let this share of the clients in" },
		{ "force", NULL, NULL, &how.force, "whatever policy and hooks say; the journal tells" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 0, 0, &count);

	return code >= 0 ? code : switch_on(ctl, &how);
}

int
ctl_off(struct ctl *ctl, int argc, char **argv)
{
	struct switch_off how = { 0 };
	const struct ctl_option options[] = {
		{ "result", "RESULT", &how.result, NULL, "ok, rollback or aborted, for the report" },
		{ "note", "TEXT", &how.note, NULL, "what is to be remembered" },
		{ "force", NULL, NULL, &how.force, "whatever hooks say; the journal tells" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 0, 0, &count);

	return code >= 0 ? code : switch_off(ctl, &how);
}

int
ctl_toggle(struct ctl *ctl, int argc, char **argv)
{
	const struct switch_on on = { 0 };
	const struct switch_off off = { 0 };
	int count, code = ctl_parse(ctl, NULL, argc, argv, 0, 0, &count);
	struct standing s;
	struct site *site = code >= 0 ? NULL : ctl_site(ctl);

	if (code >= 0)
		return code;
	if (site == NULL)
		return CTL_USAGE;
	if (standing_read(ctl, site, &s) == 0 && (s.there || s.window != NULL))
		return switch_off(ctl, &off);
	return switch_on(ctl, &on);
}
