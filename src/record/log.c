/* SPDX-License-Identifier: MIT */
/*
 * Writing lines.  A line is one write(), so that lines of several threads and
 * processes never mix.  What cannot be written is lost: there is nobody to tell.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buffer.h"
#include "record/log.h"

#define LINE_MAX_BYTES 8192

static struct {
	pthread_mutex_t mutex;          /* guards fd and path against a reopening */
	int             fd;
	bool            to_syslog;
	char            path[PATH_MAX];
	_Atomic(int)    level;
} log_state = { PTHREAD_MUTEX_INITIALIZER, STDERR_FILENO, false, "", LOG_LEVEL_INFO };

static int
open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

	return fd == -1 ? -errno : fd;
}

static void
use(int fd, bool to_syslog)
{
	(void)pthread_mutex_lock(&log_state.mutex);
	if (log_state.fd > STDERR_FILENO)
		(void)close(log_state.fd);
	log_state.fd = fd;
	log_state.to_syslog = to_syslog;
	(void)pthread_mutex_unlock(&log_state.mutex);
}

int
log_open(struct str where, enum log_level level)
{
	char path[PATH_MAX];
	int fd;

	atomic_store(&log_state.level, (int)level);
	if (str_eq(where, STR("stderr"))) {
		log_state.path[0] = '\0';
		use(STDERR_FILENO, false);
		return 0;
	}
	if (str_eq(where, STR("syslog"))) {
		openlog("maintenance-warden", LOG_PID, LOG_DAEMON);
		use(STDERR_FILENO, true);
		return 0;
	}
	if (where.len >= sizeof path)
		return -ENAMETOOLONG;
	memcpy(path, where.p, where.len);
	path[where.len] = '\0';
	fd = open_file(path);
	if (fd < 0)
		return fd;
	memcpy(log_state.path, path, where.len + 1);
	use(fd, false);
	return 0;
}

void
log_reopen(void)
{
	int fd;

	if (log_state.path[0] == '\0')
		return;
	fd = open_file(log_state.path);
	if (fd < 0)
		log_write(LOG_LEVEL_ERROR, "cannot open the log again: %s", strerror(-fd));
	else
		use(fd, false);
}

void
log_line(struct str line)
{
	char text[LINE_MAX_BYTES];
	struct buffer out;
	ssize_t written;

	buffer_init(&out, text, sizeof text);
	buffer_add(&out, line);
	buffer_add_char(&out, '\n');
	if (out.full)
		return;
	(void)pthread_mutex_lock(&log_state.mutex);
	if (log_state.to_syslog)
		syslog(LOG_INFO, "%.*s", STR_ARG(line));
	else
		written = write(log_state.fd, out.data, out.len), (void)written;
	(void)pthread_mutex_unlock(&log_state.mutex);
}

void
log_write(enum log_level level, const char *format, ...)
{
	static const char *const words[] = { "error", "warning", "info", "debug" };
	char message[LINE_MAX_BYTES / 4 - 100], text[LINE_MAX_BYTES], when[TIME_TEXT_MAX];
	struct buffer out;
	va_list args;
	int len;

	if ((int)level > atomic_load(&log_state.level))
		return;
	va_start(args, format);
	len = vsnprintf(message, sizeof message, format, args);
	va_end(args);
	buffer_init(&out, text, sizeof text);
	if (!log_state.to_syslog) {
		buffer_add(&out, time_format_utc(clock_now(), when));
		buffer_addf(&out, " maintenance-warden[%ld] ", (long)getpid());
	}
	buffer_addf(&out, "%s: ", words[level]);
	buffer_add_logged(&out, str_sub(str_of(message), 0, len < 0 ? 0 : (size_t)len));
	log_line(buffer_str(&out));
}

bool
log_now_and_then(_Atomic(int64_t) *last, int64_t now, int64_t seconds)
{
	int64_t then = atomic_load(last);

	if (then != 0 && now >= then && now - then < seconds)
		return false;
	return atomic_compare_exchange_strong(last, &then, now);
}
