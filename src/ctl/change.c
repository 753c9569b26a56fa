/* SPDX-License-Identifier: MIT */
/* until, message and step: what is changed while maintenance is on. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/standing.h"

/* The flag to be changed; or an exit code, when maintenance is off or the flag cannot be understood. */
static int
find_flag(struct ctl *ctl, struct standing *s)
{
	struct site *site = ctl_site(ctl);
	int rc;

	if (site == NULL)
		return CTL_USAGE;
	rc = standing_read(ctl, site, s);
	if (rc != 0)
		return ctl_fail_file("read", s->path, rc);
	if (s->there && s->body.broken) {
		(void)ctl_fail(CTL_SYSTEM, "%s cannot be read, or holds lines that are not understood: changing it "
		    "would lose them", s->path);
		(void)fprintf(stderr, "  mend it by hand, or write it anew: wardenctl on --message \"...\"\n");
		return CTL_SYSTEM;
	}
	if (s->there || s->window != NULL)
		return 0;
	rc = standing_need_folder(ctl, s);
	if (rc != 0)
		return rc;
	if (s->condition.on)
		return ctl_fail(CTL_NO, "%.*s is held, but not by a flag of its own: leave --site out",
		    STR_ARG(ctl_site_words(ctl)));
	(void)ctl_fail(CTL_NO, "maintenance is off for %.*s: there is nothing to change", STR_ARG(ctl_site_words(ctl)));
	(void)fprintf(stderr, "  turn it on: wardenctl on%s%s\n", ctl->site_name != NULL ? " --site " : "",
	    ctl->site_name != NULL ? ctl->site_name : "");
	return CTL_NO;
}

/* What the flag says, or, where a window is on without one, what a flag that stands for it would. */
static struct flag_body
body_of(const struct standing *s)
{
	struct flag_body body = s->body;

	if (s->there) {
		body.since = s->since;
		return body;
	}
	body = flag_body_none();
	body.window = body.id = s->window->id;
	body.since = s->occurrence.start;
	body.until = s->occurrence.end;
	body.mode = s->window->mode;
	body.title = s->window->title;
	body.message = s->window->message;
	body.owner = s->window->owner;
	body.reason = s->window->reason;
	body.change = s->window->change;
	return body;
}

static int
write_and_tell(struct ctl *ctl, const struct standing *s, const struct flag_body *body, const char *event, json_t *more)
{
	bool on;
	int code = standing_write(ctl, s, body, &on);
	int rc;

	/* a flag that is no longer the window's takes its place; it is there first: both hold, never neither */
	if (code == 0 && body->window.len == 0)
		code = standing_end_window(ctl, s);
	if (code != 0) {
		json_decref(more);
		return code;
	}
	(void)json_object_set_new(more, "id", ctl_json_str(body->id));
	rc = ctl_journal(ctl, event, s->site->name, json_incref(more));
	if (ctl->json)
		ctl_print_json(json_incref(more));
	json_decref(more);
	return rc == 0 ? CTL_YES : CTL_SYSTEM;
}

static int
move_end(struct ctl *ctl, const struct standing *s, const char *text, const char *reason, bool force)
{
	const struct zone *zone = s->site->answers.zone;
	struct flag_body body = body_of(s);
	int64_t before = body.until, base = before != TIME_NONE && before > ctl->now ? before : ctl->now, until;
	const char *objection;
	struct plan plan;
	json_t *more;
	int code;

	if (ctl_parse_time(ctl, text, base, zone, &until) != 0)
		return ctl_fail(CTL_USAGE, "until %s: expected +30m, 04:00 or \"2026-12-15 04:00\" (%s)", text,
		    zone_name(zone));
	if (until <= ctl->now)
		return ctl_fail(CTL_USAGE, "until %s: that is over already (%.*s); wardenctl off ends it now", text,
		    STR_ARG(ctl_time(ctl, until, zone)));
	body.until = until;
	plan = (struct plan){ body.owner, body.change, body.since, until };
	objection = force ? NULL : planning_objection(&ctl->policy->planning, &plan, ctl->now, ctl->arena);
	if (objection != NULL)
		return ctl_fail(
		    CTL_NO, "refused: %s; --force does it all the same, and the journal says so", objection);
	more = json_pack("{s:o, s:o, s:o}", "before", ctl_json_time(before), "until", ctl_json_time(until), "reason",
	    ctl_json_str(str_of(reason)));
	if (force)
		(void)json_object_set_new(more, "forced", json_true());
	body.window = STR_NONE;
	code = write_and_tell(ctl, s, &body, "until", more);
	if (code == CTL_YES)
		ctl_say(ctl, "planned until %.*s\n", STR_ARG(ctl_time(ctl, until, zone)));
	return code;
}

int
ctl_until(struct ctl *ctl, int argc, char **argv)
{
	const char *reason = NULL;
	bool force = false;
	const struct ctl_option options[] = {
		{ "reason", "TEXT", &reason, NULL, "why, for the journal; it must be given" },
		{ "force", NULL, NULL, &force, "whatever the policy says; the journal tells" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 1, 1, &count);
	struct standing s;

	if (code >= 0)
		return code;
	if (reason == NULL || reason[0] == '\0')
		return ctl_fail(CTL_USAGE, "until wants --reason \"...\": the journal tells why the end was moved");
	ctl_lock(ctl);
	code = find_flag(ctl, &s);
	if (code == 0)
		code = move_end(ctl, &s, argv[1], reason, force);
	ctl_unlock(ctl);
	return code;
}

/* message and step: one text of the flag. */
static int
set_text(struct ctl *ctl, struct str text, const char *event, bool is_step)
{
	struct flag_body body;
	struct standing s;
	int code = find_flag(ctl, &s);

	if (code != 0)
		return code;
	body = body_of(&s);
	*(is_step ? &body.step : &body.message) = text;
	code = write_and_tell(ctl, &s, &body, event, json_pack("{s:o}", event, ctl_json_str(text)));
	if (code == CTL_YES)
		ctl_say(ctl, "%s: %.*s\n", event, STR_ARG(text.len > 0 ? text : STR("(none)")));
	return code;
}

static int
change_text(struct ctl *ctl, int argc, char **argv, const char *event, bool is_step)
{
	int count, code = ctl_parse(ctl, NULL, argc, argv, 1, 1, &count);

	if (code >= 0)
		return code;
	ctl_lock(ctl);
	code = set_text(ctl, str_of(argv[1]), event, is_step);
	ctl_unlock(ctl);
	return code;
}

int
ctl_message(struct ctl *ctl, int argc, char **argv)
{
	return change_text(ctl, argc, argv, "message", false);
}

int
ctl_step(struct ctl *ctl, int argc, char **argv)
{
	return change_text(ctl, argc, argv, "step", true);
}
