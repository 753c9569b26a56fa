/* SPDX-License-Identifier: MIT */
/*
 * Two processes.  The worker loads the policy and decides, line by line.  The parent hands it each line and its answer
 * back; a worker that died, is silent for ANSWER_MS or says anything unknown costs that one request a "hold", and the
 * next request finds a new one.  Of a line the parent knows only where it ends.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/cgi_env.h"
#include "front/daemon.h"
#include "front/rewritemap.h"
#include "front/serve.h"
#include "record/log.h"

#define ANSWER_MS     2000
#define LOADING_MS    60000     /* a large policy may take its time, and costs nobody more than ANSWER_MS */
#define RESPAWN_MS    1000      /* at least, between two workers */
#define PROBLEMS_MAX  (1 << 20)

#define EXIT_SYSTEM   3         /* as of the gateway */

#define WORD_READY      "ready\n"
#define WORD_PASS       "pass\n"
#define WORD_HOLD       "hold\n"
#define WORD_UNREADABLE "unreadable\n"

/* --- a line --- */

/* Decodes `field` in place, with a NUL at its end.  False for a broken escape, and for what int:escape escapes. */
static bool
decode(char *field, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)field[i];

		if (c <= 0x20 || c >= 0x7f)
			return false;
		if (c == '%') {
			c = str_escape_at((struct str){ field, len }, i);
			i += 2;
		}
		if (c <= 0)             /* broken, or what ends a text elsewhere */
			return false;
		field[out++] = (char)c;
	}
	field[out] = '\0';
	return true;
}

static bool
has_name(struct str field)
{
	size_t equals = str_find(field, '=');

	for (size_t i = 0; i < equals; i++)
		if (!((field.p[i] >= 'A' && field.p[i] <= 'Z') || (field.p[i] >= '0' && field.p[i] <= '9') ||
		    field.p[i] == '_'))
			return false;
	return equals > 0 && equals < field.len;
}

/* "GET /path HTTP/1.1", as the client sent it: method and target, in two parts of the same memory. */
static bool
split_request(char *request, struct str *ret_method, struct str *ret_target)
{
	struct str whole = str_of(request), target;
	size_t first = str_find(whole, ' '), last = str_find_last(whole, ' ');

	target = str_sub(whole, first + 1, last);
	if (first == 0 || last <= first + 1 || last == whole.len || str_find(target, ' ') < target.len ||
	    !str_starts(str_sub(whole, last + 1, whole.len), STR("HTTP/")))
		return false;
	*ret_method = str_sub(whole, 0, first);
	*ret_target = target;
	return true;
}

/* A header that Apache has not got is empty in the line. */
static bool
is_absent(struct str field)
{
	return str_starts(field, STR("HTTP_")) && str_ends(field, STR("=")) && !str_eq(field, STR("HTTP_HOST="));
}

bool
rewritemap_read(char *line, size_t len, struct raw_request *ret)
{
	/* cgi_env_read() wants both of a whole request, and finds a second one doubled */
	static char method[] = "REQUEST_METHOD=-", target[] = "REQUEST_URI=-";
	char *environment[REWRITEMAP_FIELDS_MAX + 1] = { method, target }, *request = NULL;
	size_t count = 2;

	for (size_t start = 0, end; start <= len; start = end + 1) {
		char *field = line + start;

		end = start + str_find((struct str){ field, len - start }, ' ');
		if (count == REWRITEMAP_FIELDS_MAX || !decode(field, end - start) || !has_name(str_of(field)))
			return false;
		if (str_starts(str_of(field), STR("THE_REQUEST="))) {
			if (request != NULL)
				return false;
			request = field + strlen("THE_REQUEST=");
		} else if (!is_absent(str_of(field))) {
			environment[count++] = field;
		}
	}
	environment[count] = NULL;
	cgi_env_read(environment, true, ret);
	ret->dialect = DIALECT_AUTHORIZER_BARE;         /* 200 or not */
	return ret->whole && request != NULL && split_request(request, &ret->method, &ret->target);
}

/* --- the worker --- */

struct session {
	struct gateway gateway;
	struct worker  worker;
	int64_t        looked_at;               /* when the policy's files were looked at, in milliseconds */
};

static const char *
judge(struct session *s, char *line, size_t len)
{
	struct raw_request raw;
	struct reply reply;

	if (!rewritemap_read(line, len, &raw))
		return WORD_UNREADABLE;
	serve(&s->gateway, &s->worker, &raw, &reply);
	return reply.status == 200 ? WORD_PASS : WORD_HOLD;
}

static void
look_for_changes(struct session *s)
{
	int64_t now = clock_monotonic_ms();

	if (now - s->looked_at < 1000)
		return;
	s->looked_at = now;
	if (policy_store_changed(s->gateway.store))
		(void)daemon_reload(&s->gateway, false);
}

static bool
say(const char *word)
{
	return fputs(word, stdout) != EOF && fflush(stdout) == 0;
}

/* False: the worker cannot start, and has said why. */
static bool
begin(struct session *s, const char *config)
{
	struct problems problems = { .arena = arena_new_growing(PROBLEMS_MAX) };
	struct policy_ref held = { 0 };
	int rc = problems.arena == NULL ? -ENOMEM : policy_store_open(str_of(config), &problems, &s->gateway.store);

	if (rc == 0) {
		serve_open_log(&s->gateway);
		rc = daemon_become_user(policy_refresh(s->gateway.store, &held), &problems);
		policy_release(s->gateway.store, &held);
	}
	daemon_log_problems(&problems);
	arena_free(problems.arena);
	if (rc == 0)
		rc = worker_init(&s->worker);
	if (rc != 0)
		log_write(LOG_LEVEL_ERROR, "the rewrite map cannot decide: %s", strerror(-rc));
	return rc == 0;
}

/* Lines as the parent sends them: whole, and none too long. */
static int
work(const char *config)
{
	struct session session = { 0 };
	size_t size = REWRITEMAP_LINE_MAX + 2;
	char *line = malloc(size);
	FILE *in = fdopen(STDIN_FILENO, "r");   /* `stdin` still holds what the parent had read ahead */
	bool going = line != NULL && in != NULL && begin(&session, config);
	int code = going ? 0 : 3;
	ssize_t len;

	if (going) {
		if (geteuid() == 0)
			log_write(LOG_LEVEL_WARNING, "the rewrite map runs as root: set user in [gateway]");
		serve_open_counters(&session.gateway);
		serve_warm_up(&session.gateway, &session.worker);
		going = say(WORD_READY);
	}
	while (going && (len = getline(&line, &size, in)) > 0) {
		look_for_changes(&session);
		going = say(judge(&session, line, line[len - 1] == '\n' ? (size_t)len - 1 : (size_t)len));
	}
	if (code == 0)
		worker_finish(&session.worker, &session.gateway);
	counters_close(session.gateway.counters);
	policy_store_close(session.gateway.store);
	free(line);
	return code;
}

/* --- the parent --- */

struct relay {
	const char *config;
	pid_t       child;              /* 0: none */
	int         in, out;            /* of the worker, from here */
	bool        ready;              /* has loaded the policy */
	int64_t     born;               /* milliseconds; 0: the last one was ready, and a new one may come at once */
};

static void
forget_child(struct relay *r)
{
	(void)close(r->in);
	(void)close(r->out);
	r->child = 0;
	if (r->ready)
		r->born = 0;
	r->ready = false;
}

static void
end_child(struct relay *r)
{
	if (r->child == 0)
		return;
	(void)kill(r->child, SIGKILL);
	(void)waitpid(r->child, NULL, 0);
	forget_child(r);
}

/* In the child: its ends of the two pipes become its standard input and output. */
static void
become_worker(const char *config, int in, int out)
{
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(3);
	(void)close(in);
	(void)close(out);
	_exit(work(config));
}

static void
start_child(struct relay *r)
{
	int to[2], from[2];
	int64_t now = clock_monotonic_ms();

	if (r->born != 0 && now - r->born < RESPAWN_MS)
		return;
	r->born = now;
	r->ready = false;
	if (pipe(to) != 0)
		return;
	if (pipe(from) != 0) {
		(void)close(to[0]);
		(void)close(to[1]);
		return;
	}
	r->child = fork();
	if (r->child == 0) {
		(void)close(to[1]);
		(void)close(from[0]);
		become_worker(r->config, to[0], from[1]);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	r->in = to[1];
	r->out = from[0];
	(void)fcntl(r->in, F_SETFL, O_NONBLOCK);
	(void)fcntl(r->out, F_SETFL, O_NONBLOCK);
	if (r->child < 0) {
		r->child = 0;
		(void)close(r->in);
		(void)close(r->out);
	}
}

/* Waits for `events` until `deadline`.  False: late, or nobody is there. */
static bool
wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline - clock_monotonic_ms();

	return poll(&p, 1, left > 0 ? (int)left : 0) == 1 && (p.revents & events) != 0;
}

static bool
send_line(struct relay *r, const char *line, size_t len, int64_t deadline)
{
	for (size_t done = 0; done < len;) {
		ssize_t n;

		if (!wait_for(r->in, POLLOUT, deadline))
			return false;
		n = write(r->in, line + done, len - done);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* One word with its newline, which is all that may come.  False: late, gone, or too long. */
static bool
receive_word(struct relay *r, char word[16], int64_t deadline)
{
	size_t len = 0;

	while (len < 15 && wait_for(r->out, POLLIN, deadline)) {
		ssize_t n = read(r->out, word + len, 15 - len);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		len += n > 0 ? (size_t)n : 0;
		word[len] = '\0';
		if (len > 0 && word[len - 1] == '\n')
			return true;
	}
	return false;
}

/* Whether a worker is there that takes lines. */
static bool
has_worker(struct relay *r)
{
	char word[16] = "";

	if (r->child != 0 && waitpid(r->child, NULL, WNOHANG) == r->child)
		forget_child(r);
	if (r->child == 0)
		start_child(r);
	if (r->child == 0 || r->ready)
		return r->child != 0;
	/* it is waited for once, not by each request */
	r->ready = receive_word(r, word, r->born + ANSWER_MS) && strcmp(word, WORD_READY) == 0;
	if (!r->ready && (word[0] != '\0' || clock_monotonic_ms() - r->born > LOADING_MS))
		end_child(r);
	return r->ready;
}

/* "pass" only where the worker said just that, to just this line. */
static const char *
answer(struct relay *r, const char *line, size_t len)
{
	char word[16] = "";
	int64_t deadline = clock_monotonic_ms() + ANSWER_MS;

	if (!has_worker(r))
		return WORD_HOLD;
	if (!send_line(r, line, len, deadline) || !receive_word(r, word, deadline)) {
		end_child(r);
		return WORD_HOLD;
	}
	if (strcmp(word, WORD_PASS) == 0)
		return WORD_PASS;
	if (strcmp(word, WORD_HOLD) != 0 && strcmp(word, WORD_UNREADABLE) != 0)
		end_child(r);
	return strcmp(word, WORD_UNREADABLE) == 0 ? WORD_UNREADABLE : WORD_HOLD;
}

/* Reads a line with its newline; `*ret_len` 0: it is too long, and was read to its end.  False at the end of input. */
static bool
read_line(char *line, size_t *ret_len)
{
	size_t len = 0;
	int c;

	while ((c = getc_unlocked(stdin)) != EOF) {
		if (len < REWRITEMAP_LINE_MAX)
			line[len] = (char)c;
		len++;
		if (c == '\n') {
			*ret_len = len <= REWRITEMAP_LINE_MAX ? len : 0;
			return true;
		}
	}
	return false;                   /* what has no end was not asked */
}

int
rewritemap_run(const char *config)
{
	struct relay relay = { .config = config };
	char *line = malloc(REWRITEMAP_LINE_MAX);
	int code = 0;
	size_t len;

	if (line == NULL) {
		(void)fprintf(stderr, "maintenance-warden: out of memory\n");
		return EXIT_SYSTEM;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdin, NULL, _IOFBF, 1 << 16);
	start_child(&relay);            /* it loads while Apache starts */
	while (code == 0 && read_line(line, &len))
		if (!say(len > 0 ? answer(&relay, line, len) : WORD_UNREADABLE)) {
			(void)fprintf(stderr, "maintenance-warden: cannot answer Apache: %s\n", strerror(errno));
			code = EXIT_SYSTEM;
		}
	end_child(&relay);
	free(line);
	return code;
}
