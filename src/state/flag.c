/* SPDX-License-Identifier: MIT */
/*
 * Looking at flag files.  Nothing is remembered that a stat() could contradict:
 * the parsed body is kept under the file's identity and read again when that
 * differs, or when the file is so young that its time stamp cannot be trusted.
 *
 * Nothing here logs; a broken body is said in the result.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/buffer.h"
#include "base/ini.h"
#include "state/flag.h"

/* A body's text and what its lines need; lines are short, so twice the text is ample. */
#define BODY_ARENA_MAX (64 * FLAG_BODY_MAX)

struct flag_body
flag_body_none(void)
{
	return (struct flag_body){ .until = TIME_NONE, .since = TIME_NONE, .share = -1, .retry_after = -1 };
}

enum mode
mode_parse(struct str word)
{
	if (str_eq(word, STR("full")))
		return MODE_FULL;
	return str_eq(word, STR("read-only")) ? MODE_READ_ONLY : MODE_UNSET;
}

const char *
mode_name(enum mode mode)
{
	return mode == MODE_READ_ONLY ? "read-only" : "full";
}

bool
flag_id_valid(struct str id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '_' || c == '-'))
			return false;
	}
	return id.len > 0 && id.len <= FLAG_ID_MAX;
}

static bool
set_number(struct str value, int64_t min, int64_t max, int *ret)
{
	int64_t number;

	if (str_number(value, min, max, &number) != 0)
		return false;
	*ret = (int)number;
	return true;
}

/* The keys that are plain texts, for reading and for writing. */
static const struct {
	struct str key;
	size_t     offset;
} texts[] = {
	{ STR_INIT("message"), offsetof(struct flag_body, message) },
	{ STR_INIT("title"), offsetof(struct flag_body, title) },
	{ STR_INIT("step"), offsetof(struct flag_body, step) },
	{ STR_INIT("owner"), offsetof(struct flag_body, owner) },
	{ STR_INIT("reason"), offsetof(struct flag_body, reason) },
	{ STR_INIT("change"), offsetof(struct flag_body, change) },
	{ STR_INIT("window"), offsetof(struct flag_body, window) },
};

/* One "key = value" of a body.  False when the key or its value is not understood. */
static bool
set_key(struct flag_body *body, struct str key, struct str value, const struct zone *zone)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!str_eq(key, texts[i].key))
			continue;
		*(struct str *)(void *)((char *)body + texts[i].offset) = value;
		return true;
	}
	if (str_eq(key, STR("id"))) {
		if (flag_id_valid(value))
			body->id = value;
		return flag_id_valid(value);
	}
	if (str_eq(key, STR("until")))
		return time_parse(value, zone, &body->until) == 0;
	if (str_eq(key, STR("since")))
		return time_parse(value, zone, &body->since) == 0;
	if (str_eq(key, STR("mode")))
		return (body->mode = mode_parse(value)) != MODE_UNSET;
	if (str_eq(key, STR("status")))
		return set_number(value, 400, 599, &body->status);
	if (str_eq(key, STR("share")))
		return set_number(value, 0, 100, &body->share);
	if (str_eq(key, STR("retry_after")))
		return str_number(value, 0, 86400, &body->retry_after) == 0;
	return false;
}

struct flag_body
flag_body_parse(struct str text, const struct zone *zone, struct arena *arena)
{
	struct flag_body body = flag_body_none();
	struct ini_entry *entries;

	body.broken = ini_scan_body(text, arena, &entries) != 0;
	for (const struct ini_entry *e = entries; e != NULL; e = e->next) {
		bool repeated = false;

		for (const struct ini_entry *earlier = entries; earlier != e; earlier = earlier->next)
			repeated = repeated || str_eq(earlier->key, e->key);
		if (repeated || !set_key(&body, e->key, e->value, zone))
			body.broken = true;
	}
	if (body.broken && body.mode == MODE_READ_ONLY)
		body.mode = MODE_UNSET;         /* what was half understood never opens the gate */
	if (body.broken && body.share > 0)
		body.share = 0;
	if (body.broken)
		body.status = 0;
	return body;
}

static void
add_time(struct buffer *out, const char *key, int64_t time)
{
	char text[TIME_TEXT_MAX];

	if (time != TIME_NONE)
		buffer_addf(out, "%s = %.*s\n", key, STR_ARG(time_format_utc(time, text)));
}

int
flag_body_format(const struct flag_body *body, struct arena *arena, struct str *ret)
{
	char *memory = arena_alloc(arena, FLAG_BODY_MAX);
	struct buffer out;
	int rc = 0;

	if (memory == NULL)
		return -ENOMEM;
	buffer_init(&out, memory, FLAG_BODY_MAX);
	if (body->id.len > 0)
		buffer_addf(&out, "id = %.*s\n", STR_ARG(body->id));
	add_time(&out, "since", body->since);
	add_time(&out, "until", body->until);
	if (body->mode != MODE_UNSET)
		buffer_addf(&out, "mode = %s\n", mode_name(body->mode));
	if (body->status != 0)
		buffer_addf(&out, "status = %d\n", body->status);
	if (body->share >= 0)
		buffer_addf(&out, "share = %d\n", body->share);
	if (body->retry_after >= 0)
		buffer_addf(&out, "retry_after = %lld\n", (long long)body->retry_after);
	for (size_t i = 0; i < sizeof texts / sizeof *texts && rc == 0; i++) {
		struct str text = *(const struct str *)(const void *)((const char *)body + texts[i].offset);

		if (text.len > 0)
			rc = ini_add_line(&out, texts[i].key, text);
	}
	if (rc == 0 && out.full)
		rc = -EINVAL;
	if (rc == 0)
		*ret = buffer_str(&out);
	return rc;
}

static void
read_body(struct flag *flag, struct flag_watch *watch)
{
	struct str text;

	watch->body = flag_body_none();
	if (watch->arena == NULL)
		watch->arena = arena_new_growing(BODY_ARENA_MAX);
	if (watch->arena == NULL) {
		watch->body.broken = true;
		return;
	}
	arena_reset(watch->arena);
	if (file_read(flag->path, FLAG_BODY_MAX, watch->arena, &text, NULL) != 0)
		watch->body.broken = true;
	else
		watch->body = flag_body_parse(text, flag->zone, watch->arena);
}

static void
refresh_body(struct flag *flag, struct flag_watch *watch, const struct stat *status, int64_t now)
{
	struct file_identity identity = file_identity_of(status);

	if (!watch->kept || !file_identity_eq(&identity, &watch->identity)) {
		if (S_ISREG(status->st_mode) && status->st_size == 0)
			watch->body = flag_body_none();
		else
			read_body(flag, watch);
		watch->identity = identity;
		watch->kept = !file_identity_fresh(&identity, now);
	}
	/* never mtime: FTP clients keep the old one */
	watch->since = watch->body.since != TIME_NONE ? watch->body.since : status->st_ctim.tv_sec;
}

/* Looked at once a second; `at_once` where a flag has gone that was there: was it the flag, or the folder? */
static bool
folder_there(struct flag_folder *folder, int64_t now, bool at_once)
{
	struct stat status;

	if (at_once || atomic_load_explicit(&folder->looked_at, memory_order_acquire) != now) {
		atomic_store(&folder->there, stat(folder->path, &status) == 0 && S_ISDIR(status.st_mode));
		atomic_store_explicit(&folder->looked_at, now, memory_order_release);
	}
	return atomic_load(&folder->there);
}

enum flag_state
flag_look(struct flag *flag, struct flag_watch *watch, int64_t now)
{
	int last = atomic_load_explicit(&flag->last, memory_order_relaxed);
	struct stat status;
	enum flag_state state;

	if (stat(flag->path, &status) == 0) {
		refresh_body(flag, watch, &status, now);
		state = FLAG_ON;
	} else if (errno == ENOENT || errno == ENOTDIR) {
		state = folder_there(flag->folder, now, last == FLAG_ON) ? FLAG_OFF : FLAG_UNKNOWN;
	} else {
		state = FLAG_UNKNOWN;
	}
	if (state != FLAG_UNKNOWN && last != (int)state)
		atomic_store_explicit(&flag->last, (int)state, memory_order_relaxed);
	return state;
}

bool
flag_marker_there(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

void
flag_watch_clear(struct flag_watch *watch)
{
	arena_free(watch->arena);
	memset(watch, 0, sizeof *watch);
}
