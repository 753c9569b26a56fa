/* SPDX-License-Identifier: MIT */
/*
 * The journal's lines: writing, reading and verifying them.  A line is
 *
 *     {"seq":N,"time":"...",MEMBERS OF THE RECORD,"prev":"HASH OF THE LINE BEFORE","hash":"..."}
 *
 * in compact JSON, and its hash is taken over all bytes before `,"hash":"`, which therefore stand at a fixed distance
 * from its end.  Nothing is kept between calls: what the next line follows is read from the file, under the lock.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json_memory.h"
#include "base/secret.h"
#include "record/journal.h"

#define LOCK_RETRY_MS    10
#define OWN_MEMBERS_MAX  256                    /* seq, time, prev and hash with their names */
#define HASH_PREFIX      ",\"hash\":\""
#define HASH_TAIL        (sizeof HASH_PREFIX - 1 + JOURNAL_HASH_TEXT + 2)       /* with `"}` */
#define WINDOW_MIN       (16 * 1024)            /* read from the end of the file; more only after torn lines */
#define WINDOW_MAX       (1024 * 1024)
#define READ_SIZE        (2 * JOURNAL_LINE_MAX)
#define FINDINGS_MAX     1000                   /* of damage, and again of torn lines: memory has an end */
#define LOAD_FLAGS       (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

_Static_assert(JOURNAL_HASH_TEXT == 2 * SHA256_SIZE, "SHA-256 in hex");

/* The "prev" of the first line. */
static const char no_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

_Static_assert(sizeof no_hash == JOURNAL_HASH_TEXT + 1, "as long as a hash");

enum line_kind {
	LINE_OURS,              /* a JSON object with seq, prev and hash; whether the hash is right is another matter */
	LINE_TORN,              /* the beginning of one of ours */
	LINE_FOREIGN,
	LINE_UNREAD,            /* there was no memory for it: it may be anything */
};

struct entry {
	json_t     *json;       /* owned by the one who asked */
	int64_t     seq;
	const char *prev, *hash;
};

static void
hash_text(struct str text, char ret[JOURNAL_HASH_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_SIZE];

	sha256(text, digest);
	for (size_t i = 0; i < sizeof digest; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[JOURNAL_HASH_TEXT] = '\0';
}

static bool
is_hash(struct str text)
{
	if (text.len != JOURNAL_HASH_TEXT)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!(text.p[i] >= '0' && text.p[i] <= '9') && !(text.p[i] >= 'a' && text.p[i] <= 'f'))
			return false;
	return true;
}

/* The hash that the line ends with, where it must stand; STR_NONE when there is none. */
static struct str
hash_at_end(struct str text)
{
	struct str hash;

	if (text.len < HASH_TAIL || !str_ends(text, STR("\"}")))
		return STR_NONE;
	hash = str_sub(text, text.len - 2 - JOURNAL_HASH_TEXT, text.len - 2);
	if (!str_starts(str_sub(text, text.len - HASH_TAIL, text.len), STR(HASH_PREFIX)) || !is_hash(hash))
		return STR_NONE;
	return hash;
}

/* Moves past `literal`, or past as much of it as there is.  False when something else stands there. */
static bool
skip_literal(struct str *rest, struct str literal)
{
	struct str here = str_sub(*rest, 0, literal.len);

	*rest = str_sub(*rest, here.len, rest->len);
	return str_starts(literal, here);
}

/*
 * Whether a text that is no JSON can be the beginning of a line of ours, and not a whole one with a hole in it.  A
 * power failure may leave NULs where the text had not reached the disk.
 */
static bool
looks_torn(struct str text)
{
	struct str rest;

	if (text.len == 0 || hash_at_end(text).len > 0)
		return false;
	while (text.len > 0 && text.p[text.len - 1] == '\0')
		text.len--;
	rest = text;
	if (!skip_literal(&rest, STR("{\"seq\":")))
		return false;
	while (rest.len > 0 && rest.p[0] >= '0' && rest.p[0] <= '9')
		rest = str_sub(rest, 1, rest.len);
	return skip_literal(&rest, STR(",\"time\":\""));
}

/* `ret->json` is to be given back with json_decref() for LINE_OURS, and NULL else. */
static enum line_kind
read_line(struct str text, struct entry *ret)
{
	const unsigned long refused = json_memory_refused();
	json_t *json, *seq, *prev, *hash;

	memset(ret, 0, sizeof *ret);
	if (text.len == 0 || text.len >= JOURNAL_LINE_MAX)
		return LINE_FOREIGN;
	json = json_loadb(text.p, text.len, LOAD_FLAGS, NULL);
	if (json == NULL && json_memory_refused() != refused)
		return LINE_UNREAD;
	if (json == NULL)
		return looks_torn(text) ? LINE_TORN : LINE_FOREIGN;
	seq = json_object_get(json, "seq");             /* NULL too when it is no object */
	prev = json_object_get(json, "prev");
	hash = json_object_get(json, "hash");
	if (!json_is_integer(seq) || json_integer_value(seq) < 1 || json_integer_value(seq) == INT64_MAX ||
	    !is_hash((struct str){ json_string_value(prev), json_string_length(prev) }) ||
	    !is_hash((struct str){ json_string_value(hash), json_string_length(hash) })) {
		json_decref(json);
		return LINE_FOREIGN;
	}
	*ret = (struct entry){ json, json_integer_value(seq), json_string_value(prev), json_string_value(hash) };
	return LINE_OURS;
}

/* A regular file, or -errno. */
static int
open_journal(const char *path, int flags)
{
	struct stat status;
	int fd, rc = 0;

	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd == -1)
		return -errno;
	if (fstat(fd, &status) == -1)
		rc = -errno;
	else if (!S_ISREG(status.st_mode))
		rc = S_ISDIR(status.st_mode) ? -EISDIR : -ENODEV;
	if (rc == 0)
		return fd;
	(void)close(fd);
	return rc;
}

/* The lock goes when the descriptor is closed, or with the process. */
static int
lock_journal(int fd)
{
	const struct timespec pause = { 0, LOCK_RETRY_MS * 1000000L };
	const int64_t until = clock_monotonic_ms() + JOURNAL_LOCK_MS;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	while (fcntl(fd, F_SETLK, &lock) == -1) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -errno;
		if (clock_monotonic_ms() >= until)
			return -EBUSY;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* What the next line follows. */
struct tail {
	int64_t seq;
	char    hash[JOURNAL_HASH_TEXT + 1];
	off_t   size;           /* of the file */
	bool    open_end;       /* it does not end with a line end */
};

/*
 * Looks from its end for the last line of ours in the last part of the file, which is the whole of it when
 * `from_start`.  Only torn lines may stand behind it, and, without a line end, one that is anything.  Returns 0,
 * -EBADMSG, -ENOMEM, or -EAGAIN when an earlier part is needed.
 */
static int
find_tail(struct str window, bool from_start, struct tail *ret)
{
	bool foreign = false;

	ret->open_end = !str_ends(window, STR("\n"));
	if (!ret->open_end)
		window.len--;
	for (bool last = true;; last = false) {
		size_t before = str_find_last(window, '\n');
		bool first = before == window.len;
		struct str text = first ? window : str_sub(window, before + 1, window.len);
		enum line_kind kind;
		struct entry entry;

		if (first && !from_start)
			return -EAGAIN;
		kind = read_line(text, &entry);
		if (kind == LINE_OURS) {
			ret->seq = entry.seq;
			memcpy(ret->hash, entry.hash, sizeof ret->hash);
			json_decref(entry.json);
			return 0;
		}
		if (kind == LINE_UNREAD)
			return -ENOMEM;
		if (kind == LINE_FOREIGN && (!last || !ret->open_end || text.len >= JOURNAL_LINE_MAX))
			return -EBADMSG;
		foreign = foreign || kind == LINE_FOREIGN;
		if (first)
			return foreign ? -EBADMSG : 0;          /* the very first line was torn: it comes again */
		window.len = before;
	}
}

static int
read_at(int fd, char *data, size_t size, off_t offset)
{
	for (size_t len = 0; len < size;) {
		ssize_t n = pread(fd, data + len, size - len, offset + (off_t)len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		if (n == 0)
			return -EIO;            /* someone without the lock cut the file */
		len += (size_t)n;
	}
	return 0;
}

static int
read_tail(int fd, struct tail *ret)
{
	size_t window = WINDOW_MIN;
	struct stat status;
	int rc;

	*ret = (struct tail){ 0 };
	memcpy(ret->hash, no_hash, sizeof no_hash);
	if (fstat(fd, &status) == -1)
		return -errno;
	ret->size = status.st_size;
	if (status.st_size == 0)
		return 0;
	do {
		size_t size = status.st_size < (off_t)window ? (size_t)status.st_size : window;
		char *data = malloc(size);

		if (data == NULL)
			return -ENOMEM;
		rc = read_at(fd, data, size, status.st_size - (off_t)size);
		if (rc == 0)
			rc = find_tail((struct str){ data, size }, (off_t)size == status.st_size, ret);
		free(data);
		window *= 2;
	} while (rc == -EAGAIN && window <= WINDOW_MAX);
	return rc == -EAGAIN ? -EBADMSG : rc;
}

/* The line that follows `tail`, with the line end that a torn line before it lacks. */
static int
compose(json_t *record, int64_t now, const struct tail *tail, struct buffer *out, char ret_hash[JOURNAL_HASH_TEXT + 1])
{
	char when[TIME_TEXT_MAX];
	struct entry again;
	enum line_kind kind;
	json_t *line = json_object();
	size_t begin, room, len = 0;

	(void)time_format_utc(now, when);
	if (tail->open_end)
		buffer_add_char(out, '\n');
	begin = out->len;
	room = out->size - begin;
	if (line != NULL && json_object_set_new(line, "seq", json_integer(tail->seq + 1)) == 0 &&
	    json_object_set_new(line, "time", json_string(when)) == 0 && json_object_update(line, record) == 0 &&
	    json_object_set_new(line, "prev", json_string(tail->hash)) == 0)
		len = json_dumpb(line, out->data + begin, room, JSON_COMPACT);
	json_decref(line);
	if (len == 0)
		return -ENOMEM;
	if (len > room)
		return -EMSGSIZE;
	out->len += len - 1;            /* open again: the hash is the last member */
	hash_text(str_sub(buffer_str(out), begin, out->len), ret_hash);
	buffer_addf(out, HASH_PREFIX "%s\"}\n", ret_hash);
	if (out->full || out->len - begin > JOURNAL_LINE_MAX)
		return -EMSGSIZE;
	/* What cannot be read back (jansson writes deeper nesting than it reads) would stop all writers to come. */
	kind = read_line(str_sub(buffer_str(out), begin, out->len - 1), &again);
	if (kind != LINE_OURS)
		return kind == LINE_UNREAD ? -ENOMEM : -EINVAL;
	json_decref(again.json);
	return 0;
}

static int
sync_folder(const char *path)
{
	struct str whole = str_of(path);
	size_t slash = str_find_last(whole, '/');
	char folder[PATH_MAX];
	int fd, rc;

	if (whole.len + 2 > sizeof folder)
		return -ENAMETOOLONG;
	(void)snprintf(folder, sizeof folder, "%.*s.", slash == whole.len ? 0 : (int)slash + 1, path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)                   /* a folder may be writable and not readable: what was done there is done */
		return errno == EACCES ? 0 : -errno;
	rc = fsync(fd) == -1 && errno != EINVAL && errno != EROFS ? -errno : 0;
	(void)close(fd);
	return rc;
}

/* One write(), unless the disk is full or a signal comes: then a second one for the rest, which says what is wrong. */
static int
write_line(int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.p, text.len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -ENOSPC : -errno;
		text = str_sub(text, (size_t)n, text.len);
	}
	return fsync(fd) == -1 ? -errno : 0;
}

static int
append_locked(int fd, const char *path, struct str line, off_t old_size)
{
	int rc = write_line(fd, line);

	/* Whoever made the file may have been killed before this. */
	if (rc == 0 && old_size == 0)
		rc = sync_folder(path);
	if (rc != 0 && ftruncate(fd, old_size) == -1)
		return rc;              /* torn, then: the next writer knows what to do, and the first error is told */
	return rc;
}

/* The second place where the hash is kept. */
static void
tell_syslog(json_t *record, int64_t seq, const char *hash)
{
	const char *event = json_string_value(json_object_get(record, "event"));
	char word[64] = "-";
	size_t len = 0;

	for (; event != NULL && event[len] != '\0' && len < sizeof word - 1; len++) {
		bool plain = (event[len] >= '0' && event[len] <= '9') || (event[len] >= 'a' && event[len] <= 'z') ||
		    (event[len] >= 'A' && event[len] <= 'Z') || strchr("-_.", event[len]) != NULL;

		word[len] = plain ? event[len] : '?';
		word[len + 1] = '\0';
	}
	syslog(LOG_AUTHPRIV | LOG_NOTICE, "journal seq=%lld event=%s hash=%s", (long long)seq, word, hash);
}

static int
check_record(json_t *record)
{
	static const char *const own[] = { "seq", "time", "prev", "hash" };
	size_t len;

	if (!json_is_object(record))
		return -EINVAL;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (json_object_get(record, own[i]) != NULL)
			return -EINVAL;
	/* Before anything is opened, and whatever the number will be. */
	len = json_dumpb(record, NULL, 0, JSON_COMPACT);
	if (len == 0)
		return -ENOMEM;
	return len > JOURNAL_LINE_MAX - OWN_MEMBERS_MAX ? -EMSGSIZE : 0;
}

int
journal_append(const char *path, json_t *record, int64_t now, int64_t *ret_seq, char ret_hash[JOURNAL_HASH_TEXT + 1])
{
	char hash[JOURNAL_HASH_TEXT + 1] = "", *text;
	struct buffer line;
	struct tail tail;
	int fd, rc;

	rc = check_record(record);
	if (rc != 0)
		return rc;
	text = malloc(JOURNAL_LINE_MAX + 2);            /* a line end before it, and buffer_addf()'s NUL */
	if (text == NULL)
		return -ENOMEM;
	buffer_init(&line, text, JOURNAL_LINE_MAX + 2);
	fd = open_journal(path, O_RDWR | O_CREAT | O_APPEND);
	rc = fd < 0 ? fd : lock_journal(fd);
	if (rc == 0)
		rc = read_tail(fd, &tail);
	if (rc == 0 && tail.size == 0)
		file_join_folder(fd, path);
	if (rc == 0)
		rc = compose(record, now, &tail, &line, hash);
	if (rc == 0)
		rc = append_locked(fd, path, buffer_str(&line), tail.size);
	if (fd >= 0)
		(void)close(fd);        /* synced already: nothing to lose */
	free(text);
	if (rc != 0)
		return rc;
	tell_syslog(record, tail.seq + 1, hash);
	if (ret_seq != NULL)
		*ret_seq = tail.seq + 1;
	if (ret_hash != NULL)
		memcpy(ret_hash, hash, sizeof hash);
	return 0;
}

/* Lines of any file, in memory of a fixed size. */
struct reader {
	int    fd;
	char  *data;
	size_t begin, end;      /* what was read and not yet given out */
	bool   at_end;
};

static int
reader_open(struct reader *reader, const char *path)
{
	memset(reader, 0, sizeof *reader);
	reader->fd = open_journal(path, O_RDONLY);
	if (reader->fd < 0)
		return reader->fd;
	reader->data = malloc(READ_SIZE);
	if (reader->data != NULL)
		return 0;
	(void)close(reader->fd);
	return -ENOMEM;
}

static void
reader_close(struct reader *reader)
{
	free(reader->data);
	(void)close(reader->fd);
}

/* More bytes behind those that are there.  There must be room. */
static int
reader_fill(struct reader *reader)
{
	ssize_t n;

	if (reader->begin > 0) {
		memmove(reader->data, reader->data + reader->begin, reader->end - reader->begin);
		reader->end -= reader->begin;
		reader->begin = 0;
	}
	do
		n = read(reader->fd, reader->data + reader->end, READ_SIZE - reader->end);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -errno;
	reader->at_end = n == 0;
	reader->end += (size_t)n;
	return 0;
}

/*
 * The next line without its end; of one that is longer than JOURNAL_LINE_MAX, only so much that it is seen to be.
 * Returns 1, 0 at the end of the file, or -errno.
 */
static int
reader_line(struct reader *reader, struct str *ret)
{
	size_t seen = 0;
	bool too_long = false;

	for (;;) {
		struct str rest = { reader->data + reader->begin, reader->end - reader->begin };
		const char *end = rest.len == seen ? NULL : memchr(rest.p + seen, '\n', rest.len - seen);
		int rc;

		if (end != NULL || (reader->at_end && (rest.len > 0 || too_long))) {
			*ret = str_sub(rest, 0, end != NULL ? (size_t)(end - rest.p) : rest.len);
			reader->begin += ret->len + (end != NULL);
			if (too_long)
				*ret = (struct str){ reader->data, JOURNAL_LINE_MAX };
			return 1;
		}
		if (reader->at_end)
			return 0;
		seen = rest.len;
		if (rest.len >= JOURNAL_LINE_MAX) {
			too_long = true;
			seen = 0;
			reader->begin = reader->end;
		}
		rc = reader_fill(reader);
		if (rc != 0)
			return rc;
	}
}

int
journal_each(const char *path, bool (*each)(void *context, json_t *record), void *context)
{
	struct reader reader;
	struct str text;
	bool on = true;
	int rc;

	rc = reader_open(&reader, path);
	if (rc != 0)
		return rc == -ENOENT ? 0 : rc;
	while (on && (rc = reader_line(&reader, &text)) > 0) {
		struct entry entry;
		enum line_kind kind = read_line(text, &entry);

		if (kind == LINE_UNREAD) {
			rc = -ENOMEM;
			break;
		}
		if (kind != LINE_OURS)
			continue;
		on = each(context, entry.json);
		json_decref(entry.json);
	}
	reader_close(&reader);
	return rc < 0 ? rc : 0;
}

struct verifier {
	struct arena           *arena;
	struct journal_report  *report;
	struct journal_finding *last_finding;
	struct journal_finding *torn;           /* the first since the last whole line: the next one shows what it is */
	uint64_t                line;
	uint64_t                unread;         /* lines since the last whole one: not JSON, or torn */
	size_t                  damage_count, torn_count;
	struct str              head;
	bool                    head_seen;
	int64_t                 seq;            /* of the last whole line; 0 for none */
	char                    stated[JOURNAL_HASH_TEXT + 1];          /* the hash it says it has */
	char                    computed[JOURNAL_HASH_TEXT + 1];        /* and the one it has */
};

static const struct str not_json = STR_INIT("This is no line of the journal: it is no JSON object with the members "
    "seq, prev and hash.");

static int
find(struct verifier *v, enum journal_fault fault, struct str sentence)
{
	struct journal_finding *finding;
	size_t *count = fault == JOURNAL_TORN ? &v->torn_count : &v->damage_count;

	v->report->damaged = v->report->damaged || fault != JOURNAL_TORN;
	if (sentence.p == NULL)
		return -ENOMEM;
	if (*count > FINDINGS_MAX && fault != JOURNAL_HEAD)
		return 0;
	if (*count == FINDINGS_MAX && fault != JOURNAL_HEAD)
		sentence = STR("From here on there are more findings of the kind, which are not listed.");
	finding = arena_zalloc(v->arena, 1, sizeof *finding);
	if (finding == NULL)
		return -ENOMEM;
	*count += 1;
	*finding = (struct journal_finding){ NULL, fault, v->line, sentence };
	if (v->last_finding == NULL)
		v->report->findings = finding;
	else
		v->last_finding->next = finding;
	v->last_finding = finding;
	if (fault == JOURNAL_TORN && v->torn == NULL)
		v->torn = finding;
	return 0;
}

static int
find_unread(struct verifier *v, enum line_kind kind)
{
	v->unread++;
	if (kind == LINE_FOREIGN)
		return find(v, JOURNAL_NOT_JSON, not_json);
	return find(v, JOURNAL_TORN, STR("This line was never written to its end: its writer was killed, or the power "
	    "failed.  The next line goes on from the one before."));
}

/* The whole line that follows does not go on from the one before them, so a line is lost here: no writer was killed. */
static void
torn_is_damage(struct verifier *v)
{
	for (struct journal_finding *f = v->torn; f != NULL; f = f->next) {
		if (f->fault != JOURNAL_TORN)
			continue;
		f->fault = JOURNAL_NOT_JSON;
		f->sentence = not_json;
		v->report->damaged = true;
	}
}

static int
find_missing(struct verifier *v, int64_t seq)
{
	long long now = seq, last = v->seq;
	long long unread = (long long)v->unread, gone = now - last - 1 - unread;
	struct str sentence;

	if (last == 0 && now == 1)
		sentence = STR("This is the first line, and yet it names one before it.");
	else if (gone > 0 && last == 0)
		sentence = arena_printf(v->arena, "The first line there is has number %lld: %lld %s gone.", now, gone,
		    gone == 1 ? "line before it is" : "lines before it are");
	else if (gone > 0)
		sentence = arena_printf(v->arena, "Number %lld follows number %lld: %lld %s gone.", now, last, gone,
		    gone == 1 ? "line between them is" : "lines between them are");
	else if (now <= last)
		sentence = arena_printf(v->arena, "Number %lld follows number %lld: lines were put in, or put in "
		    "another order.", now, last);
	else
		sentence = arena_printf(v->arena, "Number %lld does not name the hash of number %lld: the line before "
		    "was written anew, or put in.", now, last);
	return find(v, JOURNAL_MISSING, sentence);
}

/* How a whole line follows the whole line before it. */
static int
verify_link(struct verifier *v, const struct entry *entry, bool changed)
{
	bool last_changed = strcmp(v->stated, v->computed) != 0;
	bool linked = strcmp(entry->prev, v->stated) == 0 || strcmp(entry->prev, v->computed) == 0;
	bool counted = entry->seq == v->seq + 1;

	if (!linked)
		torn_is_damage(v);
	if (linked && (counted || changed || last_changed))
		return 0;               /* a changed number is one finding, not three */
	if (!linked && changed && counted)
		return 0;               /* it was "prev" that was changed */
	if (!linked && v->unread > 0 && entry->seq - v->seq - 1 == (int64_t)v->unread)
		return 0;               /* said already of each line that cannot be read */
	return find_missing(v, entry->seq);
}

static int
verify_entry(struct verifier *v, struct str text, const struct entry *entry)
{
	size_t tail = hash_at_end(text).len > 0 ? HASH_TAIL : 0;        /* without one, no hash is the right one */
	char computed[JOURNAL_HASH_TEXT + 1];
	bool changed;
	int rc = 0;

	hash_text(str_sub(text, 0, text.len - tail), computed);
	changed = strcmp(entry->hash, computed) != 0;
	if (changed)
		rc = find(v, JOURNAL_CHANGED, STR("This line was changed: its hash is not that of its text."));
	if (rc == 0)
		rc = verify_link(v, entry, changed);
	v->head_seen = v->head_seen || str_eq_nocase(v->head, str_of(entry->hash)) ||
	    str_eq_nocase(v->head, str_of(computed));
	v->torn = NULL;
	v->unread = 0;
	v->seq = entry->seq;
	memcpy(v->stated, entry->hash, sizeof v->stated);
	memcpy(v->computed, computed, sizeof v->computed);
	memcpy(v->report->head, entry->hash, sizeof v->report->head);
	v->report->lines++;
	return rc;
}

static int
verify_line(struct verifier *v, struct str text)
{
	struct entry entry;
	enum line_kind kind = read_line(text, &entry);
	int rc;

	v->line++;
	if (kind == LINE_UNREAD)
		return -ENOMEM;
	if (kind != LINE_OURS)
		return find_unread(v, kind);
	rc = verify_entry(v, text, &entry);
	json_decref(entry.json);
	return rc;
}

int
journal_verify(const char *path, struct str head, struct arena *arena, struct journal_report *ret)
{
	struct verifier v = { .arena = arena, .report = ret, .head = head, .head_seen = head.len == 0 };
	struct reader reader;
	struct str text;
	int rc;

	memset(ret, 0, sizeof *ret);
	memcpy(v.stated, no_hash, sizeof no_hash);
	memcpy(v.computed, no_hash, sizeof no_hash);
	rc = reader_open(&reader, path);
	if (rc != 0)
		return rc;
	while ((rc = reader_line(&reader, &text)) > 0) {
		rc = verify_line(&v, text);
		if (rc != 0)
			break;
	}
	reader_close(&reader);
	if (rc != 0 || v.head_seen)
		return rc;
	v.line++;               /* what should have been there would have come behind */
	return find(&v, JOURNAL_HEAD, STR("No line has the hash that was expected: the end of the journal was cut off, "
	    "or all of it was written anew."));
}
