/* SPDX-License-Identifier: MIT */
/* Reading and writing the flag of a site, for all commands that switch something. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/standing.h"

static int
read_flag(struct ctl *ctl, struct standing *s)
{
	struct file_identity identity;
	struct stat status;
	struct str text;
	int rc = file_read(s->path, FLAG_BODY_MAX, ctl->arena, &text, &identity);

	s->body = flag_body_none();
	s->since = TIME_NONE;
	s->there = rc != -ENOENT && rc != -ENOTDIR;
	if (!s->there)
		return 0;
	/* there, and its body cannot be had: on, as the gateway takes it */
	if ((rc == -EISDIR || rc == -ENODEV || rc == -EFBIG || rc == -EACCES) && stat(s->path, &status) == 0) {
		s->body.broken = true;
		s->since = status.st_ctim.tv_sec;
		return 0;
	}
	if (rc != 0)
		return rc;
	s->body = flag_body_parse(text, s->site->answers.zone, ctl->arena);
	s->since = s->body.since != TIME_NONE ? s->body.since : identity.ctime.tv_sec;
	return 0;
}

/* A window of every site is the global flag's business: one site cannot end it. */
static void
find_window(const struct ctl *ctl, struct standing *s)
{
	const struct condition_rules *rules = &s->site->condition;

	for (size_t i = 0; i < rules->window_count && s->window == NULL; i++) {
		struct window_watch watch = { .known = false };

		if (str_eq(rules->windows[i]->site, s->site->name) &&
		    window_in_force(&watch, rules->windows[i], ctl->now, &s->occurrence))
			s->window = rules->windows[i];
	}
}

static int
read_condition(struct ctl *ctl, struct standing *s)
{
	const struct policy *policy = ctl->policy;
	/* given back at once: of a thousand sites, each has room for all of them */
	struct watches watches = {
		calloc(policy->site_count, sizeof *watches.flags),
		calloc(policy->window_count + 1, sizeof *watches.windows),
	};

	if (watches.flags == NULL || watches.windows == NULL) {
		free(watches.flags);
		free(watches.windows);
		return -ENOMEM;
	}
	condition_read(&watches, &s->site->condition, s->site->condition.enabled, ctl->now, &s->condition);
	s->condition.title = arena_copy(ctl->arena, s->condition.title);
	s->condition.message = arena_copy(ctl->arena, s->condition.message);
	s->condition.step = arena_copy(ctl->arena, s->condition.step);
	s->condition.id = arena_copy(ctl->arena, s->condition.id);
	s->condition.bypass_off = flag_marker_there(s->site->condition.bypass_off);      /* also while off */
	find_window(ctl, s);
	for (size_t i = 0; i < policy->site_count; i++)
		flag_watch_clear(&watches.flags[i]);
	free(watches.flags);
	free(watches.windows);
	return 0;
}

int
standing_read(struct ctl *ctl, struct site *site, struct standing *ret)
{
	int rc;

	*ret = (struct standing){ .site = site };
	ret->path = site->condition.flags[site->condition.flag_count - 1]->path;
	rc = read_flag(ctl, ret);
	if (rc == 0)
		rc = read_condition(ctl, ret);
	ret->condition.broken = ret->condition.broken || ret->body.broken;      /* in either look */
	return rc;
}

static int
say_full(const char *path, int rc)
{
	(void)ctl_fail(CTL_SYSTEM, "maintenance is ON, but %s is empty: %s", path, strerror(-rc));
	(void)fprintf(
	    stderr, "  lost are the end, the message and all else that was given; make room and say it again\n");
	return CTL_SYSTEM;
}

int
standing_write(struct ctl *ctl, const struct standing *standing, const struct flag_body *body, bool *ret_on)
{
	struct str text;
	int rc = flag_body_format(body, ctl->arena, &text);

	*ret_on = standing->there;
	if (rc != 0 && !ctl_is_short(ctl))
		return ctl_fail(CTL_USAGE, "a text cannot stand in one line of the flag: it is over 1,000 bytes, has a "
		    "line end or a control character, or both kinds of quotes beside a # or ;");
	rc = ctl_is_short(ctl) ? -ENOMEM : file_write(standing->path, text, 0644);
	if (rc == -ENOENT && file_make_folder(ctl_state_path(ctl, "flags"), 0755) == 0)
		rc = file_write(standing->path, text, 0644);
	if (rc == 0) {
		*ret_on = true;
		return 0;
	}
	if (!standing->there && (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG) &&
	    file_create_empty(standing->path, 0644) == 0) {
		*ret_on = true;
		return say_full(standing->path, rc);
	}
	(void)ctl_fail_file("write", standing->path, rc);
	(void)fprintf(
	    stderr, "  nothing was changed: the flag is %s\n", standing->there ? "there as it was" : "not there");
	return CTL_SYSTEM;
}

int
standing_end_window(struct ctl *ctl, const struct standing *standing)
{
	char path[PATH_MAX];
	int rc;

	if (standing->window == NULL || !window_skip_path(standing->window, standing->occurrence.end, path))
		return 0;
	rc = file_create_empty(path, 0644);
	if (rc == -ENOENT && file_make_folder(ctl_state_path(ctl, ENDED_FOLDER), 0755) == 0)
		rc = file_create_empty(path, 0644);
	return rc == 0 || rc == -EEXIST ? 0 : ctl_fail_file("end the window: cannot write", path, rc);
}

int
standing_need_folder(const struct ctl *ctl, const struct standing *standing)
{
	if (standing->there || access(ctl->policy->state_dir.p, F_OK) == 0)
		return 0;
	return ctl_fail_file("read", ctl->policy->state_dir.p, -errno);
}

const char *
standing_short_path(const struct ctl *ctl, const char *path)
{
	struct str dir = ctl->policy->state_dir, whole = str_of(path);

	return str_starts(whole, dir) && whole.len > dir.len && whole.p[dir.len] == '/' ? path + dir.len + 1 : path;
}
