/* SPDX-License-Identifier: MIT */
/*
 * Upkeep of one state folder.  The state is changed first and told to the journal after, as everywhere.  What was seen
 * at the last run is kept in seen.json: from the difference follows what was switched by hand.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_memory.h"
#include "record/counters.h"
#include "record/journal.h"
#include "record/metrics.h"
#include "state/ticket.h"
#include "upkeep/gate_file.h"
#include "upkeep/upkeep.h"

#define SEEN_MAX      (1024 * 1024)
#define WORDLESS_NSEC 777000777

struct upkeep {
	const struct policy  *policy;
	int64_t               now;
	struct arena         *arena;
	struct upkeep_report *report;
	json_t               *seen;             /* flag's path to what was seen of it */
	bool                  seen_changed;
	unsigned long         refused;          /* json_memory_refused() at the start */
};

static void
trouble(struct upkeep *u, const char *what, const char *path, int rc)
{
	struct str text = arena_printf(u->arena, "cannot %s %s: %s", what, path, strerror(-rc));

	if (u->report->trouble_count < UPKEEP_TROUBLES)
		u->report->troubles[u->report->trouble_count] = text.p != NULL ? text : STR("out of memory");
	u->report->trouble_count++;
}

/* Whether a text or a record may lack something for want of memory: then nothing of it is written. */
static bool
is_short(const struct upkeep *u)
{
	return arena_was_short(u->arena) || json_memory_refused() != u->refused;
}

static const char *
state_path(const struct upkeep *u, const char *name)
{
	struct str path = arena_printf(u->arena, "%.*s/%s", STR_ARG(u->policy->state_dir), name);

	return path.p != NULL ? path.p : "";            /* which is nowhere */
}

static json_t *
json_text(struct str s)
{
	json_t *text = s.len > 0 ? json_stringn(s.p, s.len) : NULL;

	return text != NULL ? text : json_null();
}

static json_t *
json_time(int64_t time)
{
	char text[TIME_TEXT_MAX];

	return time == TIME_NONE ? json_null() : json_text(time_format_utc(time, text));
}

static void
tell(struct upkeep *u, const char *event, struct str site, json_t *record)
{
	const char *path = state_path(u, "journal.jsonl");
	int rc;

	(void)json_object_set_new(record, "event", json_string(event));
	(void)json_object_set_new(record, "site", json_text(site));
	(void)json_object_set_new(record, "by", json_string("upkeep"));
	(void)json_object_set_new(record, "uid", json_integer((json_int_t)getuid()));
	rc = is_short(u) ? -ENOMEM : journal_append(path, record, u->now, NULL, NULL);
	json_decref(record);
	if (rc != 0)
		trouble(u, "write the journal", path, rc);
}

static void
mark_counters(struct upkeep *u, struct str site)
{
	struct counters *counters;

	if (counters_open(u->policy->state_dir, true, &counters) != 0)
		return;
	counters_mark(counters, site);
	counters_close(counters);
}

static void
add_counts(struct upkeep *u, struct str site, json_t *record)
{
	struct counters *counters;

	if (counters_open(u->policy->state_dir, false, &counters) != 0)
		return;
	counters_add_json(counters, site, record);
	counters_close(counters);
}

/* A site's own flag, and what stands in it. */
struct view {
	const struct site *site;
	const char        *path;
	bool               there;
	struct stat        status;
	struct flag_body   body;
	int64_t            since;
};

static bool
look(struct upkeep *u, const struct site *site, struct view *v)
{
	const struct flag *flag = site->condition.flags[site->condition.flag_count - 1];
	struct str text;

	*v = (struct view){ .site = site, .path = flag->path, .body = flag_body_none(), .since = TIME_NONE };
	v->there = stat(flag->path, &v->status) == 0;
	if (!v->there && errno != ENOENT && errno != ENOTDIR) {
		trouble(u, "look at", v->path, -errno);         /* nobody knows, so nothing is done */
		return false;
	}
	if (!v->there)
		return true;
	if (file_read(flag->path, FLAG_BODY_MAX, u->arena, &text, NULL) == 0)
		v->body = flag_body_parse(text, flag->zone, u->arena);
	else
		v->body.broken = true;
	v->since = v->body.since != TIME_NONE ? v->body.since : v->status.st_ctim.tv_sec;
	return true;
}

static struct str
id_of(const struct upkeep *u, const struct view *v)
{
	char text[TIME_TEXT_MAX];
	struct str utc = time_format_utc(v->since, text);

	if (v->body.id.len > 0)
		return v->body.id;
	return arena_printf(u->arena, "%.4s%.2s%.2s-%.2s%.2s%.2s", utc.p, utc.p + 5, utc.p + 8, utc.p + 11, utc.p + 14,
	    utc.p + 17);
}

static json_t *
end_record(struct upkeep *u, const struct view *v)
{
	json_t *record = json_object();

	(void)json_object_set_new(record, "id", json_text(id_of(u, v)));
	(void)json_object_set_new(record, "since", json_time(v->since));
	(void)json_object_set_new(record, "until", json_time(v->body.until));
	add_counts(u, v->site->name, record);
	return record;
}

static void
note_end(struct upkeep *u, const struct view *v)
{
	struct counters *counters;

	if (counters_open(u->policy->state_dir, true, &counters) != 0)
		return;
	counters_note_end(counters, v->site->name, v->body.until, u->now);
	counters_close(counters);
}

static void
remove_flag(struct upkeep *u, const struct view *v, const char *event, unsigned *count)
{
	json_t *record = end_record(u, v);
	int rc = file_remove(v->path);

	if (rc != 0) {
		json_decref(record);
		if (rc != -ENOENT)
			trouble(u, "remove", v->path, rc);
		return;
	}
	(*count)++;
	note_end(u, v);
	tell(u, event, v->site->name, record);
}

/* The window of the site that is in force; for [site] those of every site. */
static const struct window *
window_now(const struct upkeep *u, const struct site *site, struct occurrence *when)
{
	for (size_t i = 0; i < site->condition.window_count; i++) {
		const struct window *window = site->condition.windows[i];
		struct window_watch watch = { .known = false };

		/* a window of every site is the global flag's, not each site's */
		if (str_eq(window->site, site->name) && window_in_force(&watch, window, u->now, when))
			return window;
	}
	return NULL;
}

/* A window's flag that there was no room to write into: its mtime has nanoseconds that no clock gives by chance. */
static bool
is_wordless(const struct view *v)
{
	return v->there && v->status.st_size == 0 && v->status.st_mtim.tv_nsec == WORDLESS_NSEC;
}

static int
create_wordless(const char *path, int64_t now)
{
	const struct timespec times[] = {
		{ .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)now, .tv_nsec = WORDLESS_NSEC },
	};
	int rc = file_create_empty(path, 0644);

	return rc == 0 && utimensat(AT_FDCWD, path, times, 0) == -1 ? -errno : rc;
}

/* Puts the window's flag there: on counts more than its words. */
static int
write_window(struct upkeep *u, const struct view *v, const struct window *window, const struct occurrence *when)
{
	struct flag_body body = flag_body_none();
	struct str text;
	int rc;

	body.id = body.window = window->id;
	body.since = when->start != TIME_NONE ? when->start : u->now;
	body.until = when->end;
	body.mode = window->mode;
	body.title = window->title;
	body.message = window->message;
	body.owner = window->owner;
	body.reason = window->reason;
	body.change = window->change;
	rc = flag_body_format(&body, u->arena, &text);
	if (rc == 0)
		rc = file_write(v->path, text, 0644);
	if (rc == 0)
		return 0;
	trouble(u, "write", v->path, rc);
	return rc == -ENOSPC || rc == -EINVAL ? create_wordless(v->path, u->now) : rc;
}

static void
begin_window(struct upkeep *u, const struct view *v, const struct window *window, const struct occurrence *when)
{
	json_t *record;

	if (write_window(u, v, window, when) != 0)
		return;
	u->report->begun++;
	mark_counters(u, v->site->name);
	record = json_object();
	(void)json_object_set_new(record, "id", json_text(window->id));
	(void)json_object_set_new(record, "since", json_time(when->start != TIME_NONE ? when->start : u->now));
	(void)json_object_set_new(record, "until", json_time(when->end));
	(void)json_object_set_new(record, "owner", json_text(window->owner));
	(void)json_object_set_new(record, "change", json_text(window->change));
	(void)json_object_set_new(record, "message", json_text(window->message));
	tell(u, "window-start", v->site->name, record);
}

/* Whether the flag is that of a window which is over; `window` is the one that is in force. */
static bool
is_over(const struct view *v, const struct window *window)
{
	if (is_wordless(v))
		return window == NULL;
	if (!v->there || v->body.window.len == 0 || v->body.broken)
		return false;
	return window == NULL || !str_eq(window->id, v->body.window);
}

/* True when the flag was removed. */
static bool
keep_windows(struct upkeep *u, const struct view *v)
{
	struct occurrence when;
	const struct window *window = window_now(u, v->site, &when);

	if (window != NULL && !v->there) {
		begin_window(u, v, window, &when);
		return false;
	}
	if (window != NULL && is_wordless(v)) {
		(void)write_window(u, v, window, &when);        /* there may be room by now */
		return false;
	}
	if (!is_over(v, window))
		return false;
	remove_flag(u, v, "window-end", &u->report->ended);
	return true;
}

static json_t *
seen_of(const struct upkeep *u, const struct view *v)
{
	return json_object_get(u->seen, v->path);
}

static void
set_seen(struct upkeep *u, const struct view *v, json_t *seen)
{
	if (seen != NULL)
		(void)json_object_set_new(u->seen, v->path, seen);
	else
		(void)json_object_del(u->seen, v->path);
	u->seen_changed = true;
}

static bool
keep_end(struct upkeep *u, const struct view *v)
{
	const struct condition_rules *rules = &v->site->condition;
	json_t *seen = seen_of(u, v);
	int64_t end = v->body.until;

	if (!v->there || v->body.broken)
		return false;
	if (end == TIME_NONE && rules->max_duration > 0)
		end = v->since + rules->max_duration;
	if (end == TIME_NONE || u->now < end)
		return false;
	if (rules->on_overrun == OVERRUN_LIFT) {
		remove_flag(u, v, "lift", &u->report->lifted);
		return true;
	}
	if (seen != NULL && json_integer_value(json_object_get(seen, "overrun")) == end)
		return false;
	if (seen == NULL)
		set_seen(u, v, json_object());
	(void)json_object_set_new(seen_of(u, v), "overrun", json_integer((json_int_t)end));
	u->seen_changed = true;
	u->report->overrun++;
	tell(u, "overrun", v->site->name, json_pack("{s:o, s:o}", "id", json_text(id_of(u, v)), "until",
	    json_time(v->body.until)));
	return false;
}

/* What the journal said last of a site's flag. */
struct last_word {
	struct str site;
	bool       on;
	char       id[FLAG_ID_MAX + 1];         /* of what turned it on */
};

static bool
is_one_of(const char *event, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(event, *words) == 0)
			return true;
	return false;
}

static bool
take_word(void *context, json_t *record)
{
	static const char *const on[] = { "on", "window-start", NULL };
	static const char *const off[] = { "off", "window-end", "lift", NULL };
	struct last_word *last = context;
	const char *event = json_string_value(json_object_get(record, "event"));
	const char *state = json_string_value(json_object_get(record, "state"));
	const char *id = json_string_value(json_object_get(record, "id"));

	if (event == NULL || !str_eq(str_of(json_string_value(json_object_get(record, "site"))), last->site))
		return true;
	if (is_one_of(event, on))
		last->on = true;
	else if (is_one_of(event, off))
		last->on = false;
	else if (strcmp(event, "observed") == 0 && state != NULL)
		last->on = strcmp(state, "on") == 0;
	if (last->on && id != NULL && (is_one_of(event, on) || strcmp(event, "observed") == 0))
		(void)snprintf(last->id, sizeof last->id, "%s", id);
	return true;
}

static struct str
owner_name(struct upkeep *u, uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry != NULL ? arena_copy(u->arena, str_of(entry->pw_name)) :
	    arena_printf(u->arena, "uid %ld", (long)uid);
}

static void
tell_observed(struct upkeep *u, const struct view *v)
{
	json_t *record = v->there ? json_object() : end_record(u, v);

	(void)json_object_set_new(record, "state", json_string(v->there ? "on" : "off"));
	if (v->there) {
		(void)json_object_set_new(record, "id", json_text(id_of(u, v)));
		(void)json_object_set_new(record, "owner", json_text(owner_name(u, v->status.st_uid)));
		(void)json_object_set_new(record, "ctime", json_time(v->status.st_ctim.tv_sec));
		(void)json_object_set_new(record, "since", json_time(v->since));
		(void)json_object_set_new(record, "until", json_time(v->body.until));
		mark_counters(u, v->site->name);
	} else
		note_end(u, v);
	u->report->observed++;
	tell(u, "observed", v->site->name, record);
}

/* Whether the flag was switched by other than wardenctl and upkeep since the last run: the journal does not know it. */
static void
observe(struct upkeep *u, const struct view *v)
{
	struct last_word last = { .site = v->site->name };
	json_t *seen = seen_of(u, v);
	struct str id = v->there ? id_of(u, v) : STR_NONE;
	bool new_one = seen != NULL && v->there && !str_eq(id, str_of(json_string_value(json_object_get(seen, "id"))));

	if ((seen != NULL) == v->there && !new_one)
		return;
	if (journal_each(state_path(u, "journal.jsonl"), take_word, &last) == 0 &&
	    (last.on != v->there || (v->there && !str_eq(id, str_of(last.id))))) {
		struct view told = *v;

		if (!v->there)          /* what is gone can only be told from what was seen */
			told.body.id = str_of(json_string_value(json_object_get(seen, "id")));
		if (!v->there && json_is_integer(json_object_get(seen, "since")))
			told.since = json_integer_value(json_object_get(seen, "since"));
		tell_observed(u, &told);
	}
	set_seen(u, v, !v->there ? NULL : json_pack("{s:o, s:I}", "id", json_text(id_of(u, v)), "since",
	    (json_int_t)v->since));
}

static void
keep_site(struct upkeep *u, const struct site *site)
{
	struct view v;

	/* by hand first: what is removed below is told there */
	if (!look(u, site, &v))
		return;
	observe(u, &v);
	if (!keep_windows(u, &v))
		(void)keep_end(u, &v);
	if (look(u, site, &v))
		observe(u, &v);
}

/* Calls `each` with the path of every entry of the folder; a folder that is not there has none. */
static void
walk(struct upkeep *u, const char *folder, void (*each)(struct upkeep *, const char *path, struct str name))
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	if (dir == NULL && errno != ENOENT && errno != ENOTDIR)
		trouble(u, "read the folder", folder, -errno);
	while (dir != NULL && (errno = 0, entry = readdir(dir)) != NULL) {
		struct str path = arena_printf(u->arena, "%s/%s", folder, entry->d_name);

		if (path.p != NULL && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			each(u, path.p, str_of(entry->d_name));
	}
	if (dir == NULL)
		return;
	if (errno != 0)
		trouble(u, "read the folder", folder, -errno);
	(void)closedir(dir);
}

static void
remove_leftover(struct upkeep *u, const char *path, struct str name)
{
	struct stat status;
	int rc;

	if (!file_is_temporary(name.p) || lstat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
	    u->now - status.st_mtim.tv_sec <= UPKEEP_SECONDS)
		return;
	rc = file_remove(path);
	u->report->leftovers += rc == 0;
	if (rc != 0 && rc != -ENOENT)
		trouble(u, "remove", path, rc);
}

/* "ID.1797300000.skip": over at that time. */
static void
remove_marker(struct upkeep *u, const char *path, struct str name)
{
	struct str stem = str_sub(name, 0, name.len > 5 ? name.len - 5 : 0);
	size_t dot = str_find_last(stem, '.');
	int64_t end;
	int rc;

	if (!str_ends(name, STR(".skip")) || str_number(str_sub(stem, dot + 1, stem.len), 0, INT64_MAX, &end) != 0 ||
	    u->now < end)
		return;
	rc = file_remove(path);
	u->report->leftovers += rc == 0;
	if (rc != 0 && rc != -ENOENT)
		trouble(u, "remove", path, rc);
}

static void
remove_ticket(struct upkeep *u, const char *path, struct str name)
{
	struct ticket ticket;
	struct str text, site = str_of(path);
	int rc;

	remove_leftover(u, path, name);
	if (!ticket_id_valid(name))
		return;
	rc = file_read(path, TICKET_BODY_MAX, u->arena, &text, NULL);
	if (rc != 0 && rc != -ENOENT)
		trouble(u, "read", path, rc);
	if (rc != 0 || !ticket_parse(text, u->arena, &ticket) || u->now < ticket.until)
		return;
	rc = file_remove(path);
	if (rc != 0) {
		if (rc != -ENOENT)
			trouble(u, "remove", path, rc);
		return;
	}
	u->report->tickets++;
	site = str_sub(site, 0, site.len - name.len - 1);
	if (str_ends(site, STR("/limited")))
		site = str_sub(site, 0, site.len - sizeof "/limited" + 1);
	site = str_sub(site, str_find_last(site, '/') + 1, site.len);
	tell(u, "ticket-expired", str_eq(site, STR(TICKET_ANY)) ? STR_NONE : site,
	    json_pack("{s:o}", "ticket", json_text(str_sub(name, 0, TICKET_SHOWN_LEN))));
}

static void
keep_ticket_folder(struct upkeep *u, const char *path, struct str name)
{
	struct str limited = arena_printf(u->arena, "%s/limited", path);

	if (name.p[0] == '.')
		return;
	walk(u, path, remove_ticket);
	if (limited.p != NULL)
		walk(u, limited.p, remove_ticket);
}

static void
load_seen(struct upkeep *u)
{
	struct str text;

	u->seen = NULL;
	if (file_read(state_path(u, "seen.json"), SEEN_MAX, u->arena, &text, NULL) == 0)
		u->seen = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(u->seen)) {
		json_decref(u->seen);
		u->seen = json_object();
	}
}

static void
save_seen(struct upkeep *u)
{
	const char *path = state_path(u, "seen.json");
	char *text = u->seen_changed ? json_dumps(u->seen, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int rc = text != NULL && !is_short(u) ? file_write(path, str_of(text), 0644) : 0;

	if (rc != 0)
		trouble(u, "write", path, rc);
	free(text);
	json_decref(u->seen);
}

static void
keep_gate_file(struct upkeep *u)
{
	int rc = gate_file_keep(u->policy, u->now, u->arena);

	if (rc != 0)
		trouble(u, "write gate_file", u->policy->gate_file, rc);
}

static void
keep_all(struct upkeep *u)
{
	load_seen(u);
	for (size_t i = 0; i < u->policy->site_count; i++)
		keep_site(u, &u->policy->sites[i]);
	save_seen(u);
	keep_gate_file(u);
	walk(u, state_path(u, "tickets"), keep_ticket_folder);
	walk(u, u->policy->state_dir.p, remove_leftover);
	walk(u, state_path(u, "flags"), remove_leftover);
	walk(u, state_path(u, WINDOWS_FOLDER), remove_leftover);
	walk(u, state_path(u, ENDED_FOLDER), remove_marker);
}

/* For node_exporter, which runs as somebody else: readable by all. */
static void
write_metrics(struct upkeep *u)
{
	const char *path = u->policy->metrics_file.p;
	struct counters *counters = NULL;
	struct str text;
	bool there;
	int rc;

	if (u->policy->metrics_file.len == 0)
		return;
	if (counters_open(u->policy->state_dir, false, &counters) != 0)
		counters = NULL;
	rc = metrics_build(u->policy, counters, NULL, u->now, u->arena, &text);
	counters_close(counters);
	there = access(path, F_OK) == 0;
	if (rc == 0)
		rc = file_write(path, text, 0644);
	if (rc == 0 && !there && chmod(path, 0644) == -1)       /* whatever the umask is; later the mode is kept */
		rc = -errno;
	if (rc != 0)
		trouble(u, "write", path, rc);
}

void
upkeep_run(const struct policy *policy, int64_t now, struct arena *arena, struct upkeep_report *ret)
{
	struct upkeep u = { .policy = policy, .now = now, .arena = arena, .report = ret,
		.refused = json_memory_refused() };
	int lock = open(policy->state_dir.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	memset(ret, 0, sizeof *ret);
	write_metrics(&u);
	if (lock == -1) {
		trouble(&u, "open the state folder", policy->state_dir.p, -errno);
		return;
	}
	ret->busy = flock(lock, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK;
	if (!ret->busy)
		keep_all(&u);
	if (is_short(&u) && ret->trouble_count == 0)
		trouble(&u, "finish upkeep in", policy->state_dir.p, -ENOMEM);
	(void)close(lock);
}
