/* SPDX-License-Identifier: MIT */
/*
 * schedule: windows planned ahead, each a file in windows.d.  A window is compiled with all others before it is put
 * there, so what is refused never comes near the gateway.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/schedule.h"
#include "ctl/standing.h"

#define TRIAL_ENDING    ".trial.tmp"
#define WINDOW_FILE_MAX (16 * 1024)

static bool
id_valid(struct str id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!((id.p[i] >= 'a' && id.p[i] <= 'z') || (id.p[i] >= '0' && id.p[i] <= '9') || id.p[i] == '_' ||
		    id.p[i] == '-'))
			return false;
	return id.len > 0 && id.len <= 64;
}

static const struct window *
find_window(const struct policy *policy, struct str id)
{
	for (size_t i = 0; i < policy->window_count; i++)
		if (str_eq(policy->windows[i].id, id))
			return &policy->windows[i];
	return NULL;
}

/* 0, or -EINVAL when a text cannot stand in a line. */
static int
window_text(struct ctl *ctl, const struct planned *p, struct str *ret)
{
	const struct {
		struct str key, value;
	} lines[] = {
		{ STR("site"), p->site }, { STR("start"), p->start }, { STR("end"), p->end },
		{ STR("time_zone"), p->zone }, { STR("repeat"), p->repeat }, { STR("mode"), p->mode },
		{ STR("title"), p->title }, { STR("message"), p->message }, { STR("owner"), p->owner },
		{ STR("reason"), p->reason }, { STR("change"), p->change },
	};
	char *memory = arena_alloc(ctl->arena, WINDOW_FILE_MAX);
	struct buffer out;
	int rc = memory == NULL ? -ENOMEM : 0;

	if (rc != 0)
		return rc;
	buffer_init(&out, memory, WINDOW_FILE_MAX);
	buffer_addf(&out, "[window.%.*s]\n", STR_ARG(p->id));
	for (size_t i = 0; i < sizeof lines / sizeof *lines && rc == 0; i++)
		if (lines[i].value.len > 0)
			rc = ini_add_line(&out, lines[i].key, lines[i].value);
	if (rc == 0)
		*ret = buffer_str(&out);
	return rc;
}

static void
say_problems(const struct problems *problems)
{
	char text[1024];

	for (const struct problem *p = problems->first; p != NULL; p = p->next) {
		if (p->warning)
			continue;
		problem_format(p, text, sizeof text);
		/* the file that was tried is nobody's: its keys say enough */
		if (str_ends(p->file, STR(TRIAL_ENDING)))
			(void)snprintf(text, sizeof text, "%.*s%s%.*s", STR_ARG(p->key), p->key.len > 0 ? ": " : "",
			    STR_ARG(p->sentence));
		(void)fprintf(stderr, "  %s\n", text);
	}
}

/* Compiles everything with the window in `trial`; `*ret` is what it would be. */
static int
try_window(struct ctl *ctl, const char *trial, struct str id, struct policy **ret)
{
	struct problems problems = { .arena = ctl->arena };
	int rc = policy_compile_trial(str_of(ctl->config), str_of(trial), id, &problems, ret);

	if (rc == 0)
		return 0;
	(void)ctl_fail(CTL_NO, "window %.*s is refused:", STR_ARG(id));
	say_problems(&problems);
	return CTL_NO;
}

static json_t *
window_record(const struct window *window)
{
	return json_pack("{s:o, s:o, s:o, s:b, s:o, s:o}", "window", ctl_json_str(window->id), "start",
	    ctl_json_time(window->times.start_utc), "end", ctl_json_time(window->times.end_utc), "repeats",
	    window->times.repeats, "owner", ctl_json_str(window->owner), "change", ctl_json_str(window->change));
}

static struct str
window_words(const struct ctl *ctl, const struct window *window)
{
	struct occurrence when;

	if (!window_next(&window->times, ctl->now, &when))
		return STR("over");
	if (occurrence_covers(&when, ctl->now))
		return when.end == TIME_NONE ? STR("now, without an end") :
		    arena_printf(ctl->arena, "now, until %.*s", STR_ARG(ctl_time(ctl, when.end, window->times.zone)));
	return arena_printf(ctl->arena, "%.*s, for %.*s", STR_ARG(ctl_time(ctl, when.start, window->times.zone)),
	    STR_ARG(when.end == TIME_NONE ? STR("good") : ctl_span(ctl->arena, when.end - when.start)));
}

/* Two operators at once: what the other has planned since the configuration was read counts too. */
static int
lock_and_reload(struct ctl *ctl)
{
	struct policy *policy;

	ctl_lock(ctl);
	if (policy_compile(str_of(ctl->config), NULL, &ctl->problems, &policy) != 0) {
		ctl_unlock(ctl);
		return ctl_fail(CTL_SYSTEM, "the configuration was changed and cannot be used: wardenctl check");
	}
	policy_free(ctl->policy);
	ctl->policy = policy;
	return 0;
}

static int
put_in_place(struct ctl *ctl, const char *trial, const char *path, const struct window *window)
{
	struct occurrence when;
	int rc;

	if (!window_next(&window->times, ctl->now, &when)) {
		(void)unlink(trial);
		return ctl_fail(CTL_USAGE, "window %.*s is over already", STR_ARG(window->id));
	}
	if (rename(trial, path) == -1) {
		rc = -errno;
		(void)unlink(trial);
		return ctl_fail_file("write", path, rc);
	}
	ctl_say(ctl, "window %.*s: %.*s%s\n", STR_ARG(window->id), STR_ARG(window_words(ctl, window)),
	    window->waiting ? "; it waits for an approval: wardenctl schedule approve" : "");
	if (ctl->json)
		ctl_print_json(window_record(window));
	return ctl_journal(ctl, "schedule-add", window->site, window_record(window)) == 0 ? CTL_YES : CTL_SYSTEM;
}

static int
plan_locked(struct ctl *ctl, const struct planned *planned)
{
	const char *folder = ctl_state_path(ctl, WINDOWS_FOLDER);
	const char *path = arena_printf(ctl->arena, "%s/%.*s.ini", folder, STR_ARG(planned->id)).p;
	const char *trial = arena_printf(ctl->arena, "%s/.%.*s.ini" TRIAL_ENDING, folder, STR_ARG(planned->id)).p;
	struct policy *policy;
	struct str text;
	int code, rc;

	if (!id_valid(planned->id))
		return ctl_fail(CTL_USAGE, "\"%.*s\": a window's id is 1 to 64 small letters, digits, \"_\" and \"-\"",
		    STR_ARG(planned->id));
	if (find_window(ctl->policy, planned->id) != NULL)
		return ctl_fail(CTL_NO,
		    "there is a window %.*s already; another id, or: wardenctl schedule remove %.*s",
		    STR_ARG(planned->id), STR_ARG(planned->id));
	if (window_text(ctl, planned, &text) != 0)
		return ctl_fail(CTL_USAGE, "a text cannot stand in one line: it is over 1,000 bytes, has a control "
		    "character, or both kinds of quotes beside a # or ;");
	rc = file_make_folder(folder, 0755);
	if (rc != 0)
		return ctl_fail_file("make the folder", folder, rc);
	rc = file_write(trial, text, 0644);
	if (rc != 0)
		return ctl_fail_file("write", trial, rc);
	code = try_window(ctl, trial, planned->id, &policy);
	if (code != 0) {
		(void)unlink(trial);
		return code;
	}
	code = put_in_place(ctl, trial, path, find_window(policy, planned->id));
	policy_free(policy);
	return code;
}

int
schedule_plan(struct ctl *ctl, const struct planned *planned)
{
	int code = lock_and_reload(ctl);

	if (code != 0)
		return code;
	code = plan_locked(ctl, planned);
	ctl_unlock(ctl);
	return code;
}

static json_t *
window_json(const struct ctl *ctl, const struct window *w)
{
	struct occurrence when = { TIME_NONE, TIME_NONE };
	bool left = window_next(&w->times, ctl->now, &when);
	json_t *o = window_record(w);

	(void)json_object_set_new(o, "site", ctl_json_str(w->site));
	(void)json_object_set_new(o, "next_start", ctl_json_time(left ? when.start : TIME_NONE));
	(void)json_object_set_new(o, "next_end", ctl_json_time(left ? when.end : TIME_NONE));
	(void)json_object_set_new(o, "over", json_boolean(!left));
	(void)json_object_set_new(o, "on", json_boolean(left && !w->waiting && occurrence_covers(&when, ctl->now)));
	(void)json_object_set_new(o, "waiting", json_boolean(w->waiting));
	(void)json_object_set_new(o, "approved", ctl_json_str(w->approved));
	(void)json_object_set_new(o, "mode", json_string(mode_name(w->mode)));
	(void)json_object_set_new(o, "message", ctl_json_str(w->message));
	(void)json_object_set_new(o, "file", ctl_json_str(w->file));
	return o;
}

static int
schedule_list(struct ctl *ctl)
{
	json_t *list = ctl->json ? json_array() : NULL;
	size_t shown = 0;

	for (size_t i = 0; i < ctl->policy->window_count; i++) {
		const struct window *w = &ctl->policy->windows[i];

		if (ctl->site_name != NULL && w->site.len > 0 && !str_eq(w->site, str_of(ctl->site_name)))
			continue;
		shown++;
		if (list != NULL) {
			(void)json_array_append_new(list, window_json(ctl, w));
			continue;
		}
		ctl_say(ctl, "%-20.*s %-12.*s %.*s%s%s%.*s%s%.*s\n", STR_ARG(w->id),
		    STR_ARG(w->site.len > 0 ? w->site : STR("every site")), STR_ARG(window_words(ctl, w)),
		    w->times.repeats ? ", repeats" : "", w->owner.len > 0 ? "   by " : "", STR_ARG(w->owner),
		    w->waiting ? "   WAITS for an approval" : w->change.len > 0 ? "   " : "",
		    STR_ARG(w->waiting ? STR_NONE : w->change));
	}
	if (list != NULL)
		ctl_print_json(list);
	if (shown == 0)
		ctl_say(ctl, "nothing is planned\n");
	return CTL_YES;
}

/* The window of that id, if wardenctl may change it; else NULL after saying why not. */
static const struct window *
window_to_change(struct ctl *ctl, const char *id, int *code)
{
	const struct window *window = find_window(ctl->policy, str_of(id));

	*code = CTL_NO;
	if (window == NULL)
		(void)ctl_fail(CTL_NO, "there is no window %s; see wardenctl schedule list", id);
	else if (!window->planned_here)
		(void)ctl_fail(CTL_NO, "window %s stands in %.*s, line %u: change it there", id, STR_ARG(window->file),
		    window->line);
	return window != NULL && window->planned_here ? window : NULL;
}

/* A flag that upkeep wrote for the window goes with it. */
static int
remove_its_flags(struct ctl *ctl, const struct window *window)
{
	for (size_t i = 0; i < ctl->policy->site_count; i++) {
		struct standing s;
		int rc;

		if (standing_read(ctl, &ctl->policy->sites[i], &s) != 0 || !s.there ||
		    !str_eq(s.body.window, window->id))
			continue;
		rc = file_remove(s.path);
		if (rc != 0 && rc != -ENOENT)
			return ctl_fail_file("remove", s.path, rc);
	}
	return CTL_YES;
}

static int
schedule_remove(struct ctl *ctl, const char *id)
{
	int code, rc;
	const struct window *window = window_to_change(ctl, id, &code);

	if (window == NULL)
		return code;
	rc = file_remove(window->file.p);
	if (rc != 0)
		return ctl_fail_file("remove", window->file.p, rc);
	code = remove_its_flags(ctl, window);
	ctl_say(ctl, "window %s is removed\n", id);
	if (ctl->json)
		ctl_print_json(window_record(window));
	rc = ctl_journal(ctl, "schedule-remove", window->site, window_record(window));
	return rc == 0 ? code : CTL_SYSTEM;
}

static int
write_approval(struct ctl *ctl, const struct window *window, struct str who)
{
	char *memory = arena_alloc(ctl->arena, WINDOW_FILE_MAX);
	struct buffer out;
	struct str text;
	int rc = memory == NULL ? -ENOMEM : file_read(window->file.p, WINDOW_FILE_MAX, ctl->arena, &text, NULL);

	if (rc != 0)
		return ctl_fail_file("read", window->file.p, rc);
	buffer_init(&out, memory, WINDOW_FILE_MAX);
	buffer_add(&out, text);
	if (!str_ends(text, STR("\n")))
		buffer_add_char(&out, '\n');
	if (ini_add_line(&out, STR("approved"), who) != 0)
		return ctl_fail(CTL_USAGE, "--by \"%.*s\" cannot stand in a line", STR_ARG(who));
	rc = file_write(window->file.p, buffer_str(&out), 0644);
	return rc == 0 ? 0 : ctl_fail_file("write", window->file.p, rc);
}

static int
schedule_approve(struct ctl *ctl, const char *id, const char *by)
{
	struct str who = by != NULL ? str_of(by) : ctl_who(ctl);
	int code;
	const struct window *window = window_to_change(ctl, id, &code);
	json_t *more;

	if (window == NULL)
		return code;
	if (window->approved.len > 0)
		return ctl_fail(CTL_NO, "window %s was approved by %.*s already", id, STR_ARG(window->approved));
	if (str_eq(who, window->owner))
		return ctl_fail(CTL_NO, "%.*s owns window %s: somebody else must approve it", STR_ARG(who), id);
	code = write_approval(ctl, window, who);
	if (code != 0)
		return code;
	ctl_say(ctl, "window %s is approved by %.*s: %.*s\n", id, STR_ARG(who), STR_ARG(window_words(ctl, window)));
	more = window_record(window);
	(void)json_object_set_new(more, "approved", ctl_json_str(who));
	if (ctl->json)
		ctl_print_json(json_incref(more));
	return ctl_journal(ctl, "schedule-approve", window->site, more) == 0 ? CTL_YES : CTL_SYSTEM;
}

struct wanted {
	const char *start, *end, *zone, *repeat, *mode, *title, *message, *owner, *reason, *change, *by;
};

static int
schedule_add(struct ctl *ctl, const char *id, const struct wanted *w)
{
	const struct planned planned = {
		.id = str_of(id), .site = str_of(ctl->site_name), .start = str_of(w->start), .end = str_of(w->end),
		.zone = str_of(w->zone), .repeat = str_of(w->repeat), .mode = str_of(w->mode),
		.title = str_of(w->title), .message = str_of(w->message),
		.owner = w->owner != NULL ? str_of(w->owner) : ctl_who(ctl), .reason = str_of(w->reason),
		.change = str_of(w->change),
	};

	return schedule_plan(ctl, &planned);
}

static int
change(struct ctl *ctl, const char *verb, const char *id, const struct wanted *w)
{
	int code = lock_and_reload(ctl);

	if (code != 0)
		return code;
	code = strcmp(verb, "remove") == 0 ? schedule_remove(ctl, id) : schedule_approve(ctl, id, w->by);
	ctl_unlock(ctl);
	return code;
}

static int
choose(struct ctl *ctl, int count, char **argv, const struct wanted *w)
{
	const char *verb = argv[1];

	if (strcmp(verb, "list") == 0 && count == 1)
		return schedule_list(ctl);
	if (strcmp(verb, "export") == 0 && count == 1)
		return schedule_export(ctl);
	if (strcmp(verb, "add") == 0 && count == 2)
		return schedule_add(ctl, argv[2], w);
	if ((strcmp(verb, "remove") == 0 || strcmp(verb, "approve") == 0) && count == 2)
		return change(ctl, verb, argv[2], w);
	if (strcmp(verb, "import") == 0 && count == 2)
		return schedule_import(ctl, argv[2]);
	return ctl_fail(CTL_USAGE, "usage: wardenctl schedule %s", ctl->command->arguments);
}

int
ctl_schedule(struct ctl *ctl, int argc, char **argv)
{
	struct wanted w = { 0 };
	const struct ctl_option options[] = {
		{ "start", "TIME", &w.start, NULL, "\"2026-12-15 02:00\"; it has begun where it is left out" },
		{ "end", "TIME", &w.end, NULL, "\"2026-12-15 04:00\"; it has no end where it is left out" },
		{ "zone", "ZONE", &w.zone, NULL,
		    "zone of these times: Europe/Berlin; the site's where it is left out" },
		{ "repeat", "RULE", &w.repeat, NULL, "\"FREQ=WEEKLY;BYDAY=SU\"; see warden.ini(5)" },
		{ "mode", "MODE", &w.mode, NULL, "full or read-only" },
		{ "title", "TEXT", &w.title, NULL, "heading of the page" },
		{ "message", "TEXT", &w.message, NULL, "text of the page" },
		{ "owner", "NAME", &w.owner, NULL, "who answers for it; you, where it is left out" },
		{ "reason", "TEXT", &w.reason, NULL, "why" },
		{ "change", "ID", &w.change, NULL, "number of the change" },
		{ "by", "NAME", &w.by, NULL, "who approves; you, where it is left out" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 1, 2, &count);

	if (code >= 0)
		return code;
	if (ctl->site_name != NULL && ctl_site(ctl) == NULL)
		return CTL_USAGE;
	return choose(ctl, count, argv, &w);
}
