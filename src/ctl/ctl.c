/* SPDX-License-Identifier: MIT */
/* What the commands share.  Wording: what happened, to what, and what to do next. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/civil.h"
#include "base/json_memory.h"
#include "ctl/ctl.h"
#include "record/journal.h"
#include "upkeep/gate_file.h"

#define LOCK_MS 2000

int
ctl_fail(enum ctl_exit code, const char *format, ...)
{
	va_list args;

	(void)fflush(stdout);
	(void)fputs("wardenctl: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	return (int)code;
}

/* The folder that `path` is in: it, not the file, must be writable to replace a file. */
static struct str
folder_of(const char *path)
{
	struct str whole = str_of(path);
	size_t slash = str_find_last(whole, '/');

	return slash == whole.len ? STR(".") : str_sub(whole, 0, slash == 0 ? 1 : slash);
}

static void
say_remedy(const char *what, const char *path, int rc)
{
	struct str folder = folder_of(path);

	switch (rc) {
	case -EACCES:
	case -EPERM:
		/* what is written in its place, not put in place: its folder has no say */
		if (strcmp(what, "read") == 0 || strcmp(what, "write the journal") == 0) {
			(void)fprintf(stderr, "  see who may: namei -l %s\n", path);
			break;
		}
		(void)fprintf(stderr,
		    "  the folder %.*s must be writable: use sudo, or join the group that it belongs to\n",
		    STR_ARG(folder));
		break;
	case -ENOENT:
		(void)fprintf(stderr, "  the folder %.*s is not there: mkdir -p -m 0751 %.*s\n", STR_ARG(folder),
		    STR_ARG(folder));
		break;
	case -EROFS:
		(void)fprintf(stderr, "  the file system is mounted read-only\n");
		break;
	case -ENOSPC:
	case -EDQUOT:
		(void)fprintf(stderr, "  the disk is full: df %.*s\n", STR_ARG(folder));
		break;
	default:
		break;
	}
}

int
ctl_fail_file(const char *what, const char *path, int rc)
{
	(void)ctl_fail(CTL_SYSTEM, "cannot %s %s: %s", what, path, strerror(-rc));
	say_remedy(what, path, rc);
	return CTL_SYSTEM;
}

struct str
ctl_clean(struct arena *arena, struct str text)
{
	char *memory = arena_alloc(arena, text.len + 1);
	struct buffer out;

	if (memory == NULL)
		return STR_NONE;
	buffer_init(&out, memory, text.len);
	buffer_add_plain(&out, text);
	return buffer_str(&out);
}

void
ctl_say(const struct ctl *ctl, const char *format, ...)
{
	va_list args;

	if (ctl->quiet || ctl->json)
		return;
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
}

void
ctl_print_json(json_t *object)
{
	(void)json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	(void)putchar('\n');
	json_decref(object);
}

const char *
ctl_bold(const struct ctl *ctl)
{
	return ctl->colour ? "\033[1m" : "";
}

const char *
ctl_red(const struct ctl *ctl)
{
	return ctl->colour ? "\033[1;31m" : "";
}

const char *
ctl_green(const struct ctl *ctl)
{
	return ctl->colour ? "\033[32m" : "";
}

const char *
ctl_plain(const struct ctl *ctl)
{
	return ctl->colour ? "\033[0m" : "";
}

bool
ctl_is_short(const struct ctl *ctl)
{
	return arena_was_short(ctl->arena) || json_memory_refused() > 0;
}

void
ctl_lock(struct ctl *ctl)
{
	int64_t end = clock_monotonic_ms() + LOCK_MS;

	ctl->lock = open(ctl->policy->state_dir.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (ctl->lock != -1 && flock(ctl->lock, LOCK_EX | LOCK_NB) == -1 && clock_monotonic_ms() < end)
		(void)poll(NULL, 0, 5);
	ctl->now = clock_now();
}

void
ctl_unlock(struct ctl *ctl)
{
	if (ctl->lock != -1)
		(void)close(ctl->lock);
	ctl->lock = -1;
}

void
ctl_show_server(struct ctl *ctl)
{
	int rc = gate_file_keep(ctl->policy, ctl->now, ctl->arena);

	if (rc != 0)
		(void)ctl_fail_file("write gate_file", ctl->policy->gate_file, rc);
}

struct site *
ctl_site(struct ctl *ctl)
{
	struct site *site = ctl->site_name == NULL ? &ctl->policy->sites[0] :
	    policy_site_named(ctl->policy, str_of(ctl->site_name));

	if (site != NULL && (ctl->site_name == NULL || site->name.len > 0))
		return site;
	(void)ctl_fail(CTL_USAGE, "there is no site \"%s\" in %s", ctl->site_name, ctl->config);
	if (ctl->policy->site_count == 1)
		(void)fprintf(stderr, "  it has no [site.NAME]: leave --site out\n");
	else
		(void)fprintf(stderr, "  the sites are:");
	for (size_t i = 1; i < ctl->policy->site_count; i++)
		(void)fprintf(stderr, " %.*s%s", STR_ARG(ctl->policy->sites[i].name),
		    i + 1 < ctl->policy->site_count ? "," : "\n");
	return NULL;
}

struct str
ctl_site_words(const struct ctl *ctl)
{
	return ctl->site_name == NULL ? STR("every site") : arena_printf(ctl->arena, "site %s", ctl->site_name);
}

struct str
ctl_who(struct ctl *ctl)
{
	struct str sudo = str_of(getenv("SUDO_USER"));
	const struct passwd *entry;

	if (ctl->by != NULL && ctl->by[0] != '\0')
		return str_of(ctl->by);
	if (sudo.len > 0 && geteuid() == 0)
		return sudo;
	entry = getpwuid(getuid());
	return entry != NULL ? arena_copy(ctl->arena, str_of(entry->pw_name)) :
	    arena_printf(ctl->arena, "uid %ld", (long)getuid());
}

struct str
ctl_span(struct arena *arena, int64_t seconds)
{
	long long s = seconds < 0 ? -(long long)seconds : (long long)seconds;

	if (s < 60)
		return arena_printf(arena, "%lld s", s);
	if (s < 3600 && s % 60 != 0 && s < 600)
		return arena_printf(arena, "%lld m %lld s", s / 60, s % 60);
	if (s < 3600)
		return arena_printf(arena, "%lld m", s / 60);
	if (s < CIVIL_DAY_SECONDS && s % 3600 / 60 != 0)
		return arena_printf(arena, "%lld h %lld m", s / 3600, s % 3600 / 60);
	if (s < CIVIL_DAY_SECONDS)
		return arena_printf(arena, "%lld h", s / 3600);
	if (s % CIVIL_DAY_SECONDS / 3600 != 0)
		return arena_printf(arena, "%lld d %lld h", s / CIVIL_DAY_SECONDS, s % CIVIL_DAY_SECONDS / 3600);
	return arena_printf(arena, "%lld d", s / CIVIL_DAY_SECONDS);
}

struct str
ctl_time(const struct ctl *ctl, int64_t time, const struct zone *zone)
{
	struct str span = ctl_span(ctl->arena, time - ctl->now);
	char text[TIME_TEXT_MAX];
	struct str local = time_format_local(time, zone, text);

	if (time == ctl->now)
		return arena_printf(ctl->arena, "%.*s (now)", STR_ARG(local));
	if (time > ctl->now)
		return arena_printf(ctl->arena, "%.*s (in %.*s)", STR_ARG(local), STR_ARG(span));
	return arena_printf(ctl->arena, "%.*s (%.*s ago)", STR_ARG(local), STR_ARG(span));
}

json_t *
ctl_json_str(struct str s)
{
	json_t *value = s.len == 0 ? json_null() : json_stringn(s.p, s.len);

	return value != NULL ? value : json_null();     /* what is no UTF-8 cannot be said in JSON */
}

json_t *
ctl_json_time(int64_t time)
{
	char text[TIME_TEXT_MAX];

	return time == TIME_NONE ? json_null() : ctl_json_str(time_format_utc(time, text));
}

/* The next "HH:MM" in the zone: today's, or tomorrow's when that is over. */
static int
parse_clock_time(const struct ctl *ctl, struct str text, const struct zone *zone, int64_t *ret)
{
	int64_t local = ctl->now + zone_offset_at(zone, ctl->now).seconds, hour, minute, time;
	int64_t midnight = civil_day_of_time(local) * CIVIL_DAY_SECONDS;

	if (text.len != 5 || text.p[2] != ':' || text.p[0] < '0' || text.p[0] > '2' || text.p[1] < '0' ||
	    text.p[1] > '9' || text.p[3] < '0' || text.p[3] > '5' || text.p[4] < '0' || text.p[4] > '9')
		return -EINVAL;
	hour = (text.p[0] - '0') * 10 + (text.p[1] - '0');
	minute = (text.p[3] - '0') * 10 + (text.p[4] - '0');
	if (hour > 23)
		return -EINVAL;
	time = zone_to_utc(zone, midnight + hour * 3600 + minute * 60);
	if (time <= ctl->now)
		time = zone_to_utc(zone, midnight + CIVIL_DAY_SECONDS + hour * 3600 + minute * 60);
	*ret = time;
	return 0;
}

int
ctl_parse_time(const struct ctl *ctl, const char *text, int64_t base, const struct zone *zone, int64_t *ret)
{
	int64_t span;

	if (text[0] != '+') {
		if (parse_clock_time(ctl, str_of(text), zone, ret) == 0)
			return 0;
		return time_parse(str_of(text), zone, ret);
	}
	if (span_parse(str_of(text + 1), &span) != 0)
		return -EINVAL;
	*ret = base + span;
	return 0;
}

const char *
ctl_state_path(const struct ctl *ctl, const char *format, ...)
{
	char name[PATH_MAX];
	va_list args;
	struct str path;

	va_start(args, format);
	(void)vsnprintf(name, sizeof name, format, args);
	va_end(args);
	path = arena_printf(ctl->arena, "%.*s/%s", STR_ARG(ctl->policy->state_dir), name);
	return path.p != NULL ? path.p : "";
}

int
ctl_journal(struct ctl *ctl, const char *event, struct str site, json_t *more)
{
	json_t *record = json_object();
	const char *path = ctl_state_path(ctl, "journal.jsonl");
	int rc;

	(void)json_object_set_new(record, "event", json_string(event));
	(void)json_object_set_new(record, "site", ctl_json_str(site));
	(void)json_object_set_new(record, "by", ctl_json_str(ctl_who(ctl)));
	(void)json_object_set_new(record, "uid", json_integer((json_int_t)getuid()));
	if (more != NULL)
		(void)json_object_update(record, more);
	json_decref(more);
	rc = ctl_is_short(ctl) ? -ENOMEM : journal_append(path, record, clock_now(), NULL, NULL);
	json_decref(record);
	if (rc != 0) {
		(void)ctl_fail_file("write the journal", path, rc);
		(void)fprintf(stderr, "  what was done stands; it is not in the journal\n");
	}
	return rc;
}
