/* SPDX-License-Identifier: MIT */
/*
 * tick: what cron or a timer runs once a minute.  Upkeep, as the gateway does it too; then what only this does, for it
 * runs programs: check_command, and the hooks.
 *
 * Hooks are fed by the journal: hooks.json keeps the number of the last record that they were told, and it is written
 * before they run, so that no event is told twice.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/child.h"
#include "ctl/commands.h"
#include "ctl/hooks.h"
#include "ctl/standing.h"
#include "ctl/switch.h"
#include "record/journal.h"
#include "upkeep/upkeep.h"

#define CHECK_OWNER       "check_command"
#define CHECK_SECONDS     60
#define FIRST_EVENTS_AGE  300           /* seconds: how far back the first tick tells events */

static bool
keep_up(struct ctl *ctl)
{
	struct upkeep_report r;

	upkeep_run(ctl->policy, ctl->now, ctl->arena, &r);
	for (unsigned i = 0; i < r.trouble_count && i < UPKEEP_TROUBLES; i++)
		(void)ctl_fail(CTL_SYSTEM, "%.*s", STR_ARG(r.troubles[i]));
	if (r.busy)
		ctl_say(ctl, "another upkeep is at it\n");
	if (r.begun + r.ended > 0)
		ctl_say(ctl, "%u windows begun, %u ended\n", r.begun, r.ended);
	if (r.lifted + r.overrun > 0)
		ctl_say(ctl, "%u flags past their end: %u lifted\n", r.lifted + r.overrun, r.lifted);
	if (r.observed > 0)
		ctl_say(ctl, "%u flags were switched by hand\n", r.observed);
	if (r.tickets + r.leftovers > 0)
		ctl_say(ctl, "removed %u expired tickets, %u left-overs\n", r.tickets, r.leftovers);
	return r.trouble_count == 0;
}

/* Exit status 0: on.  1: off, but only what this itself turned on.  Anything else changes nothing. */
static bool
apply_check(struct ctl *ctl, const struct site *site, const struct child_result *result)
{
	struct switch_on on = { .owner = CHECK_OWNER, .reason = site->check_command, .force = true };
	struct switch_off off = { .note = site->check_command, .force = true };
	struct standing s;

	if (standing_read(ctl, ctl_site(ctl), &s) != 0)
		return false;
	if (result->code == 0 && !s.there)
		return switch_on(ctl, &on) == CTL_YES;
	if (result->code == 1 && s.there && str_eq(s.body.owner, STR(CHECK_OWNER)))
		return switch_off(ctl, &off) == CTL_YES;
	if (result->code > 1)
		(void)ctl_fail(CTL_SYSTEM, "check_command \"%s\": exit status %d; nothing is changed",
		    site->check_command, result->code);
	return result->code <= 1;
}

static bool
run_check(struct ctl *ctl, const struct site *site)
{
	char *argv[] = { (char *)(uintptr_t)"/bin/sh", (char *)(uintptr_t)"-c",
		(char *)(uintptr_t)site->check_command, NULL };
	char *environment[] = { (char *)(uintptr_t)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		NULL };
	struct child_result result;
	int rc = child_run(argv, environment, CHECK_SECONDS, ctl->arena, &result);

	if (rc != 0) {
		(void)ctl_fail(CTL_SYSTEM, "check_command \"%s\": %s", site->check_command, strerror(-rc));
		return false;
	}
	ctl->site_name = site->name.len > 0 ? arena_copy(ctl->arena, site->name).p : NULL;
	return apply_check(ctl, site, &result);
}

/* Those of named sites that have one of their own, else each would run [site]'s again. */
static bool
run_checks(struct ctl *ctl)
{
	const char *shared = ctl->policy->sites[0].check_command;
	bool quiet = ctl->quiet, ok = true;

	for (size_t i = 0; i < ctl->policy->site_count; i++) {
		const struct site *site = &ctl->policy->sites[i];

		if (site->check_command != NULL &&
		    (i == 0 || shared == NULL || strcmp(site->check_command, shared) != 0))
			ok = run_check(ctl, site) && ok;
	}
	ctl->site_name = NULL;
	ctl->quiet = quiet;
	return ok;
}

/* What the journal calls it, and what hooks do.  One record may have another word by its state. */
static const struct {
	const char *record, *state, *event;
} events[] = {
	{ "schedule-add", NULL, "planned" }, { "on", NULL, "started" }, { "window-start", NULL, "started" },
	{ "observed", "on", "started" }, { "observed", "off", "ended" }, { "step", NULL, "step" },
	{ "until", NULL, "extended" }, { "overrun", NULL, "overrun" }, { "off", NULL, "ended" },
	{ "window-end", NULL, "ended" }, { "lift", NULL, "ended" },
};

static const char *
event_of(json_t *record)
{
	const char *word = json_string_value(json_object_get(record, "event"));
	const char *state = json_string_value(json_object_get(record, "state"));

	for (size_t i = 0; word != NULL && i < sizeof events / sizeof *events; i++)
		if (strcmp(events[i].record, word) == 0 &&
		    (events[i].state == NULL || (state != NULL && strcmp(events[i].state, state) == 0)))
			return events[i].event;
	return NULL;
}

struct telling {
	struct ctl *ctl;
	json_int_t  told;               /* number of the last record that hooks were told */
	json_int_t  last;               /* of the last record that there is */
	bool        first;
	int         failed;
	unsigned    count;
};

static struct str
member(const struct telling *t, json_t *record, const char *name)
{
	return arena_copy(t->ctl->arena, str_of(json_string_value(json_object_get(record, name))));
}

static int64_t
member_time(json_t *record, const char *name)
{
	int64_t time;

	return time_parse(str_of(json_string_value(json_object_get(record, name))), NULL, &time) == 0 ? time
												      : TIME_NONE;
}

static bool
save_told(const struct telling *t)
{
	const char *path = ctl_state_path(t->ctl, "hooks.json");
	struct str text = arena_printf(t->ctl->arena, "{\"seq\":%lld}\n", (long long)t->told);
	int rc = file_write(path, text, 0644);

	return rc == 0 || ctl_fail_file("write", path, rc) == 0;
}

static bool
tell_record(void *context, json_t *record)
{
	struct telling *t = context;
	json_int_t seq = json_integer_value(json_object_get(record, "seq"));
	const char *word = event_of(record);
	bool old = t->first && member_time(record, "time") < t->ctl->now - FIRST_EVENTS_AGE;

	t->last = seq;
	if (seq <= t->told)
		return true;
	t->told = seq;
	if (word == NULL || old)
		return true;
	if (!save_told(t)) {            /* it would be told again and again */
		t->failed++;
		return false;
	}
	t->failed += hooks_tell(t->ctl, &(struct hook_event){
		.event = str_of(word), .site = member(t, record, "site"),
		.id = member(t, record, str_eq(member(t, record, "event"), STR("schedule-add")) ? "window" : "id"),
		.by = member(t, record, "by"), .owner = member(t, record, "owner"),
		.reason = member(t, record, "reason"), .change = member(t, record, "change"),
		.message = member(t, record, "message"), .step = member(t, record, "step"),
		.result = member(t, record, "result"),
		.since = member_time(record, strcmp(word, "planned") == 0 ? "start" : "since"),
		.until = member_time(record, strcmp(word, "planned") == 0 ? "end" : "until"),
	});
	t->count++;
	return true;
}

/* From the record behind the last that was told; from the first, if the journal was begun anew since. */
static int
tell_journal(struct telling *t, const char *journal)
{
	json_int_t before = t->told;
	int rc = journal_each(journal, tell_record, t);

	if (rc != 0 || t->failed > 0 || t->last >= before)
		return rc;
	t->first = true;
	t->told = 0;
	return journal_each(journal, tell_record, t);
}

static bool
tell_locked(struct ctl *ctl)
{
	const char *path = ctl_state_path(ctl, "hooks.json"), *journal = ctl_state_path(ctl, "journal.jsonl");
	struct telling t = { .ctl = ctl };
	struct str text;
	json_t *saved = NULL;
	json_int_t before;
	int rc;

	if (file_read(path, 1024, ctl->arena, &text, NULL) == 0)
		saved = json_loadb(text.p, text.len, 0, NULL);
	t.first = !json_is_integer(json_object_get(saved, "seq"));
	t.told = before = json_integer_value(json_object_get(saved, "seq"));
	json_decref(saved);
	rc = tell_journal(&t, journal);
	if (rc != 0 && rc != -ENOENT)
		return ctl_fail_file("read", journal, rc) == 0;
	if (t.told != before && !save_told(&t))
		return false;
	if (t.count > 0)
		ctl_say(ctl, "told hooks of %u events\n", t.count);
	return t.failed == 0;
}

/* Slow hooks may take longer than the minute until the next tick, which must not tell the same once more. */
static bool
tell_hooks(struct ctl *ctl)
{
	const char *path = ctl_state_path(ctl, "hooks.lock");
	bool there, ok;
	int lock;

	if (hooks_objection(ctl, ctl->policy->hooks_dir.p, &there) == NULL && !there)
		return true;            /* no hooks, nothing to remember */
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (lock == -1)
		return ctl_fail_file("write", path, -errno) == 0;
	if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
		ok = tell_locked(ctl);
	} else {
		ctl_say(ctl, "another tick is telling hooks\n");
		ok = true;
	}
	(void)close(lock);
	return ok;
}

int
ctl_tick(struct ctl *ctl, int argc, char **argv)
{
	int count, code = ctl_parse(ctl, NULL, argc, argv, 0, 0, &count);
	bool ok;

	if (code >= 0)
		return code;
	if (ctl->site_name != NULL)
		return ctl_fail(CTL_USAGE, "tick is for every site: leave --site out");
	ok = run_checks(ctl);
	ok = keep_up(ctl) && ok;
	ok = tell_hooks(ctl) && ok;
	return ok ? CTL_YES : CTL_SYSTEM;
}
