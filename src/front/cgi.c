/* SPDX-License-Identifier: MIT */
/*
 * Plain CGI.  The body is never looked at, but where one was announced it is
 * thrown away after the answer: Apache's mod_cgid gives us one socket for both
 * ways, and an end with unread data on it would reset the answer with it.
 */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "front/cgi.h"
#include "front/cgi_env.h"
#include "front/cgi_head.h"

#define BODY_MAX   ((size_t)64 << 20)   /* bytes of an upload that are worth reading so that its answer arrives */
#define SILENCE_MS 2000

bool
cgi_is_meant(void)
{
	return getenv("GATEWAY_INTERFACE") != NULL && getenv("REQUEST_METHOD") != NULL;
}

bool
cgi_arguments_are_foreign(void)
{
	struct str query = str_of(getenv("QUERY_STRING"));

	return cgi_is_meant() && query.len > 0 && str_find(query, '=') == query.len &&
	    (query.p[0] == '-' || query.p[0] == '%');
}

static bool
print(const struct reply *reply)
{
	char memory[CGI_HEAD_MAX];
	struct str head = cgi_head(reply, memory);

	(void)fwrite(head.p, 1, head.len, stdout);
	for (size_t i = 0; reply->send_body && i < reply->piece_count; i++)
		(void)fwrite(reply->pieces[i].p, 1, reply->pieces[i].len, stdout);
	return fflush(stdout) == 0 && !ferror(stdout);
}

static bool
body_announced(void)
{
	struct str length = str_of(getenv("CONTENT_LENGTH"));

	return (length.len > 0 && !str_eq(length, STR("0"))) || getenv("HTTP_TRANSFER_ENCODING") != NULL;
}

/* To the end of the stream, and never by counting: servers announce more than they send. */
static void
throw_body_away(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char block[64 * 1024];
	size_t left = BODY_MAX;
	ssize_t n;

	while (left > 0 && poll(&input, 1, SILENCE_MS) == 1) {
		n = read(STDIN_FILENO, block, sizeof block);
		if (n <= 0)
			return;
		left -= (size_t)n < left ? (size_t)n : left;
	}
}

static bool
print_and_drain(const struct reply *reply)
{
	bool printed = print(reply);

	if (body_announced())
		throw_body_away();
	return printed;
}

int
cgi_run(struct gateway *gateway)
{
	struct worker worker = { 0 };
	struct raw_request raw;
	struct reply reply;
	bool printed;

	(void)unsetenv("HTTP_PROXY");
	cgi_env_read(environ, false, &raw);
	if (gateway == NULL || worker_init(&worker) != 0) {
		reply_emergency(&reply, 503);
		reply.send_body = !str_eq(raw.method, STR("HEAD"));
		return print_and_drain(&reply) ? 0 : 3;
	}
	serve_open_log(gateway);
	gateway->one_request = true;
	serve(gateway, &worker, &raw, &reply);
	printed = print_and_drain(&reply);
	worker_finish(&worker, gateway);
	return printed ? 0 : 3;
}
