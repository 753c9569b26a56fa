/* SPDX-License-Identifier: MIT */
/* HTTP requests by curl(1), each described in a file of its own and answered in files beside it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/child.h"
#include "ctl/probe.h"

#define REQUEST_MAX    (16 * 1024)
#define HEAD_MAX       (256 * 1024)
#define FOLDER         "/tmp/wardenctl-XXXXXX"
#define RATE           "8M" /* bytes a second: with the time limit, a limit to what an endless answer fills */
#define GRACE_SECONDS  2    /* that curl may take to keep to its own limit */
#define CURL_TOO_LARGE 63   /* curl's exit status for --max-filesize */

static const char *const files[] = { "request", "sent", "head", "body" };
enum { FILE_REQUEST, FILE_SENT, FILE_HEAD, FILE_BODY, FILE_COUNT };

/* For the seconds of one request: nothing of this need outlive a crash. */
static int
put_file(struct str path, struct str text)
{
	int fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc = 0;

	if (fd == -1)
		return -errno;
	while (rc == 0 && text.len > 0) {
		ssize_t n = write(fd, text.p, text.len);

		if (n > 0)
			text = str_sub(text, (size_t)n, text.len);
		else if (n == -1 && errno != EINTR)
			rc = -errno;
	}
	(void)close(fd);
	return rc;
}

/* A text between quotes, as curl's -K reads it. */
static void
add_quoted(struct buffer *out, const char *option, struct str text)
{
	buffer_addf(out, "%s = \"", option);
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buffer_add_char(out, '\\');
		buffer_add_char(out, text.p[i]);
	}
	buffer_addf(out, "\"\n");
}

static void
add_headers(struct buffer *out, const struct probe *probe)
{
	add_quoted(out, "header", STR("Expect:")); /* no 100-continue: the body goes out at once */
	if (probe->body.p != NULL)
		add_quoted(out, "header", STR("Content-Type: application/octet-stream"));
	if (probe->unframed)
		add_quoted(out, "header", STR("Connection: close"));
	for (size_t i = 0; i < PROBE_HEADERS_MAX; i++)
		if (probe->headers[i].len > 0)
			add_quoted(out, "header", probe->headers[i]);
}

static int
write_request(const struct probe *probe, const struct str *paths, struct arena *arena)
{
	struct buffer out;
	char *memory = arena_alloc(arena, REQUEST_MAX);

	if (memory == NULL)
		return -ENOMEM;
	buffer_init(&out, memory, REQUEST_MAX);
	buffer_addf(&out,
	    "silent\ngloboff\npath-as-is\nproto = \"=http,https\"\nmax-time = %d\nlimit-rate = " RATE
	    "\nmax-filesize = %d\nsuppress-connect-headers\nwrite-out = "
	    "\"%%{http_code}\\n%%{local_ip}\\n%%{errormsg}\"\n",
	    probe->seconds, PROBE_ANSWER_MAX);
	add_quoted(&out, "user-agent", STR("wardenctl/" PACKAGE_VERSION));
	add_quoted(&out, "dump-header", paths[FILE_HEAD]);
	add_quoted(&out, "output", paths[FILE_BODY]);
	add_quoted(&out, "url", probe->url);
	if (probe->target.len > 0)
		add_quoted(&out, "request-target", probe->target);
	if (probe->body.p != NULL)
		add_quoted(&out, "data-binary", arena_printf(arena, "@%.*s", STR_ARG(paths[FILE_SENT])));
	if (probe->method != NULL)
		add_quoted(&out, "request", str_of(probe->method));
	if (probe->unframed)
		buffer_addf(&out, "http1.1\nignore-content-length\n");
	add_headers(&out, probe);
	return out.full ? -E2BIG : put_file(paths[FILE_REQUEST], buffer_str(&out));
}

/* The last response alone: what proxies and 1xx said stands before it. */
static struct str
last_head(struct str text)
{
	size_t begin = 0;

	for (size_t i = 0; i + 6 < text.len; i++)
		if (text.p[i] == '\n' && str_starts(str_sub(text, i + 1, text.len), STR("HTTP/")))
			begin = i + 1;
	return str_sub(text, begin, text.len);
}

static int
read_answer(const struct child_result *child, const struct str *paths, struct arena *arena, struct probe_answer *ret)
{
	struct str rest = child->output, part = STR_NONE, head = STR_NONE;
	int64_t status = 0;

	if (str_split(&rest, '\n', &part) && str_number(part, 100, 999, &status) == 0)
		ret->status = (int)status;
	if (str_split(&rest, '\n', &part))
		ret->local_address = part;
	ret->why = child->code == 124 ? STR("it took too long") : str_trim(rest);
	ret->whole = child->code == 0 || child->code == CURL_TOO_LARGE;
	if (ret->status == 0)
		return 0;
	(void)file_read(paths[FILE_BODY].p, 2 * PROBE_ANSWER_MAX, arena, &ret->body, NULL);
	(void)file_read(paths[FILE_HEAD].p, HEAD_MAX, arena, &head, NULL);
	ret->head = last_head(head);
	return 0;
}

static int
send_from(const struct probe *probe, const struct str *paths, struct arena *arena, struct probe_answer *ret)
{
	char *argv[] = { (char *)(uintptr_t) "curl", (char *)(uintptr_t) "-q", (char *)(uintptr_t) "-K",
		(char *)(uintptr_t)paths[FILE_REQUEST].p, NULL };
	struct child_result child = { .code = 1 };
	int64_t begun = clock_monotonic_ms();
	int rc = write_request(probe, paths, arena);

	if (rc == 0 && probe->body.p != NULL)
		rc = put_file(paths[FILE_SENT], probe->body);
	if (rc == 0)
		rc = child_run(argv, environ, probe->seconds + GRACE_SECONDS, arena, &child);
	ret->ms = clock_monotonic_ms() - begun;
	return rc == 0 ? read_answer(&child, paths, arena, ret) : rc;
}

int
probe_send(const struct probe *probe, struct arena *arena, struct probe_answer *ret)
{
	struct probe_answer answer = { .status = 0 };
	struct str paths[FILE_COUNT];
	char folder[] = FOLDER;
	int rc = mkdtemp(folder) != NULL ? 0 : -errno;

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < FILE_COUNT; i++) {
		paths[i] = arena_printf(arena, "%s/%s", folder, files[i]);
		if (paths[i].p == NULL)
			rc = -ENOMEM;
	}
	if (rc == 0)
		rc = send_from(probe, paths, arena, &answer);
	for (size_t i = 0; i < FILE_COUNT; i++)
		if (paths[i].p != NULL)
			(void)unlink(paths[i].p);
	(void)rmdir(folder);
	if (rc == 0)
		*ret = answer;
	return rc;
}

struct str
probe_header(const struct probe_answer *answer, struct str name, size_t *ret_count)
{
	struct str rest = answer->head, line, found = STR_NONE;
	size_t count = 0;

	(void)str_split(&rest, '\n', &line); /* the status line */
	while (str_split(&rest, '\n', &line)) {
		size_t colon = str_find(line, ':');

		if (!str_eq_nocase(str_sub(line, 0, colon), name) || colon == line.len)
			continue;
		line = str_sub(line, colon + 1, line.len);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line = str_sub(line, 0, line.len - 1);
		if (count++ == 0)
			found = str_trim(line);
	}
	if (ret_count != NULL)
		*ret_count = count;
	return found;
}
