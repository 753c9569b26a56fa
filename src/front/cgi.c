/* SPDX-License-Identifier: MIT */
/* Plain CGI.  Standard input is never read: nothing here needs the body. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "front/cgi.h"
#include "front/cgi_env.h"
#include "front/cgi_head.h"

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
		return print(&reply) ? 0 : 3;
	}
	serve(gateway, &worker, &raw, &reply);
	printed = print(&reply);
	worker_finish(&worker, gateway);
	return printed ? 0 : 3;
}
