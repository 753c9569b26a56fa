/* SPDX-License-Identifier: MIT */
/*
 * The journal's file: who may write to it, the line that is added, and reading all lines in order.  What a line is and
 * how it follows the one before is in journal_chain.c.  Nothing is kept between calls: what the next line follows is
 * read from the file, under the lock.
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
#include "record/journal.h"
#include "record/journal_chain.h"

#define LOCK_RETRY_MS    10
#define OWN_MEMBERS_MAX  256                    /* seq, time, prev and hash with their names */
#define WINDOW_MIN       (16 * 1024)            /* read from the end of the file; more only after torn lines */
#define WINDOW_MAX       (1024 * 1024)
#define READ_SIZE        (2 * JOURNAL_LINE_MAX)

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
		enum chain_line kind;
		struct chain_entry entry;

		if (first && !from_start)
			return -EAGAIN;
		kind = chain_read(text, &entry);
		if (kind == CHAIN_OURS) {
			ret->seq = entry.seq;
			memcpy(ret->hash, entry.hash, sizeof ret->hash);
			json_decref(entry.json);
			return 0;
		}
		if (kind == CHAIN_UNREAD)
			return -ENOMEM;
		if (kind == CHAIN_FOREIGN && (!last || !ret->open_end || text.len >= JOURNAL_LINE_MAX))
			return -EBADMSG;
		foreign = foreign || kind == CHAIN_FOREIGN;
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
	memcpy(ret->hash, chain_no_hash, sizeof chain_no_hash);
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
	struct chain_entry again;
	enum chain_line kind;
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
	chain_seal(out, begin, ret_hash);
	if (out->full || out->len - begin > JOURNAL_LINE_MAX)
		return -EMSGSIZE;
	/* What cannot be read back (jansson writes deeper nesting than it reads) would stop all writers to come. */
	kind = chain_read(str_sub(buffer_str(out), begin, out->len - 1), &again);
	if (kind != CHAIN_OURS)
		return kind == CHAIN_UNREAD ? -ENOMEM : -EINVAL;
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
		struct chain_entry entry;
		enum chain_line kind = chain_read(text, &entry);

		if (kind == CHAIN_UNREAD) {
			rc = -ENOMEM;
			break;
		}
		if (kind != CHAIN_OURS)
			continue;
		on = each(context, entry.json);
		json_decref(entry.json);
	}
	reader_close(&reader);
	return rc < 0 ? rc : 0;
}

int
journal_verify(const char *path, struct str head, struct arena *arena, struct journal_report *ret)
{
	struct chain_verifier verifier;
	struct reader reader;
	struct str text;
	int rc;

	chain_verify_begin(&verifier, head, arena, ret);
	rc = reader_open(&reader, path);
	if (rc != 0)
		return rc;
	while ((rc = reader_line(&reader, &text)) > 0) {
		rc = chain_verify_line(&verifier, text);
		if (rc != 0)
			break;
	}
	reader_close(&reader);
	return rc != 0 ? rc : chain_verify_end(&verifier);
}
