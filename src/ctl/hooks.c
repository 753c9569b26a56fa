/* SPDX-License-Identifier: MIT */
/* Running hooks.  They get a plain environment: PATH, HOME, and what happened. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "ctl/hooks.h"

#define ENTRIES_MAX 24

struct environment {
	struct arena *arena;
	char         *entries[ENTRIES_MAX + 1];
	size_t        count;
};

static void
add(struct environment *e, const char *name, struct str value)
{
	struct str entry = arena_printf(e->arena, "%s=%.*s", name, STR_ARG(value));

	if (value.len > 0 && entry.p != NULL && e->count < ENTRIES_MAX)
		e->entries[e->count++] = (char *)(uintptr_t)entry.p;
	e->entries[e->count] = NULL;
}

static void
add_time(struct environment *e, const char *name, int64_t time)
{
	char text[TIME_TEXT_MAX];

	if (time != TIME_NONE)
		add(e, name, time_format_utc(time, text));
}

static void
fill(struct environment *e, const struct hook_event *event)
{
	add(e, "PATH", STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	add(e, "HOME", str_of(getenv("HOME")));
	add(e, "WARDEN_EVENT", event->event);
	add(e, "WARDEN_SITE", event->site);
	add(e, "WARDEN_ID", event->id);
	add(e, "WARDEN_BY", event->by);
	add(e, "WARDEN_OWNER", event->owner);
	add(e, "WARDEN_REASON", event->reason);
	add(e, "WARDEN_CHANGE", event->change);
	add(e, "WARDEN_MESSAGE", event->message);
	add(e, "WARDEN_STEP", event->step);
	add(e, "WARDEN_RESULT", event->result);
	add_time(e, "WARDEN_SINCE", event->since);
	add_time(e, "WARDEN_UNTIL", event->until);
}

/* Who else could put a program there would run it with our rights. */
static const char *
unsafe(struct ctl *ctl, const char *path, const struct stat *status)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return arena_printf(ctl->arena, "%s belongs to user %ld: chown root %s", path, (long)status->st_uid,
		    path).p;
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return arena_printf(ctl->arena, "%s can be written by others: chmod go-w %s", path, path).p;
	return NULL;
}

const char *
hooks_objection(struct ctl *ctl, const char *folder, bool *ret_there)
{
	struct stat status;

	*ret_there = stat(folder, &status) == 0;
	if (!*ret_there && errno != ENOENT && errno != ENOTDIR)
		return arena_printf(ctl->arena, "%s: %s", folder, strerror(errno)).p;
	if (!*ret_there)
		return NULL;
	if (!S_ISDIR(status.st_mode))
		return arena_printf(ctl->arena, "%s is no folder", folder).p;
	/* who cannot list it would go past a preflight hook without a word */
	if (access(folder, R_OK | X_OK) != 0)
		return arena_printf(ctl->arena, "%s cannot be listed: %s", folder, strerror(errno)).p;
	return unsafe(ctl, folder, &status);
}

/* As run-parts(8) takes names: what has a dot is a settings file, a copy of an editor, or a package manager's. */
static int
is_hook_name(const struct dirent *entry)
{
	struct str name = str_of(entry->d_name);

	for (size_t i = 0; i < name.len; i++)
		if (!((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= 'A' && name.p[i] <= 'Z') ||
		    (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_' || name.p[i] == '-'))
			return 0;
	return !str_eq(name, STR("README"));
}

static bool
is_gate(const char *name)
{
	return str_starts(str_of(name), STR("preflight-")) || str_starts(str_of(name), STR("exit-"));
}

/* Runs one; NULL when it said yes, else why not. */
static const char *
run_one(struct ctl *ctl, const char *path, struct environment *environment)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	struct child_result result;
	struct stat status;
	const char *objection;
	struct str line;
	int rc;

	if (stat(path, &status) != 0)
		return arena_printf(ctl->arena, "%s: %s", path, strerror(errno)).p;
	if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
		return arena_printf(ctl->arena, "%s is not executable: chmod +x %s", path, path).p;
	objection = unsafe(ctl, path, &status);
	if (objection != NULL)
		return objection;
	rc = child_run(argv, environment->entries, HOOK_SECONDS, ctl->arena, &result);
	if (rc != 0)
		return arena_printf(ctl->arena, "%s: %s", path, strerror(-rc)).p;
	if (result.code == 0)
		return NULL;
	line = str_trim(str_sub(result.output, 0, str_find(result.output, '\n')));
	if (result.code == 124)
		line = arena_printf(ctl->arena, "took over %d s", HOOK_SECONDS);
	else if (line.len == 0)
		line = arena_printf(ctl->arena, "exit status %d", result.code);
	line = ctl_clean(ctl->arena, line);
	return arena_printf(ctl->arena, "%s: %.*s", path, STR_ARG(line)).p;
}

/* Runs those that `prefix` names, or where it is NULL all that are no gates.  Stops at the first failure of a gate. */
static int
run_all(struct ctl *ctl, const char *prefix, const struct hook_event *event, const char **ret_why)
{
	const char *folder = ctl->policy->hooks_dir.p;
	struct environment environment = { .arena = ctl->arena };
	struct dirent **entries;
	int failed = 0, count;
	bool there;

	*ret_why = hooks_objection(ctl, folder, &there);
	if (*ret_why != NULL)
		return 1;
	count = there ? scandir(folder, &entries, is_hook_name, alphasort) : -1;
	fill(&environment, event);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name, *why = NULL;
		bool meant = prefix != NULL ? str_starts(str_of(name), str_of(prefix)) : !is_gate(name);

		if (meant && (prefix == NULL || failed == 0))
			why = run_one(ctl, arena_printf(ctl->arena, "%s/%s", folder, name).p, &environment);
		if (why != NULL && prefix == NULL)
			(void)ctl_fail(CTL_SYSTEM, "hook %s", why);
		if (why != NULL)
			*ret_why = why;
		failed += why != NULL;
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return failed;
}

bool
hooks_ask(struct ctl *ctl, const char *prefix, const struct hook_event *event, struct str *ret_reason)
{
	const char *why;

	if (run_all(ctl, prefix, event, &why) == 0)
		return true;
	*ret_reason = str_of(why);
	return false;
}

int
hooks_tell(struct ctl *ctl, const struct hook_event *event)
{
	const char *why;
	bool there;
	int failed = run_all(ctl, NULL, event, &why);

	if (failed > 0 && hooks_objection(ctl, ctl->policy->hooks_dir.p, &there) != NULL)
		(void)ctl_fail(CTL_SYSTEM, "no hook is run: %s", why);
	return failed;
}
