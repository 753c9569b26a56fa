/* SPDX-License-Identifier: MIT */
/*
 * The gateway without any transport: environments from standard input, each ended by an empty one, to serve(), and
 * the replies to standard output, each with its length before it.   usage: serve-each WARDEN.INI
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/cgi_env.h"
#include "front/cgi_head.h"
#include "front/serve.h"

#define ENTRIES_MAX 400
#define ENTRY_MAX   (256 * 1024)

/* The next "NAME=value" up to its NUL; NULL for the empty one that ends a request, or the end of all. */
static char *
read_entry(bool *ret_end)
{
	char *entry = NULL;
	size_t size = 0;
	ssize_t len = getdelim(&entry, &size, '\0', stdin);

	*ret_end = len < 0;
	if (len > 1)
		return entry;
	free(entry);
	return NULL;
}

static bool
read_environment(char *entries[ENTRIES_MAX + 1])
{
	size_t count = 0;
	bool end = false;

	while (count < ENTRIES_MAX && (entries[count] = read_entry(&end)) != NULL)
		count++;
	entries[count] = NULL;
	return !end;
}

static void
print_reply(const struct reply *reply)
{
	char memory[CGI_HEAD_MAX];
	struct str head = cgi_head(reply, memory);
	size_t length = head.len + (reply->send_body ? reply_length(reply) : 0);

	(void)printf("%zu\n", length);
	(void)fwrite(head.p, 1, head.len, stdout);
	for (size_t i = 0; reply->send_body && i < reply->piece_count; i++)
		(void)fwrite(reply->pieces[i].p, 1, reply->pieces[i].len, stdout);
	(void)fflush(stdout);
}

static int
open_gateway(const char *config, struct gateway *gateway)
{
	struct problems problems = { 0 };
	char text[1024];
	int rc;

	problems.arena = arena_new_growing(ENTRY_MAX);
	rc = secret_init() != 0 ? -1 : policy_store_open(str_of(config), &problems, &gateway->store);
	for (const struct problem *p = problems.first; p != NULL; p = p->next) {
		problem_format(p, text, sizeof text);
		(void)fprintf(stderr, "%s\n", text);
	}
	arena_free(problems.arena);
	return rc;
}

int
main(int argc, char **argv)
{
	char *entries[ENTRIES_MAX + 1];
	struct gateway gateway = { 0 };
	struct worker worker;
	struct raw_request raw;
	struct reply reply;

	if (argc != 2 || open_gateway(argv[1], &gateway) != 0 || worker_init(&worker) != 0)
		return 2;
	serve_open_log(&gateway);
	serve_warm_up(&gateway, &worker);
	while (read_environment(entries)) {
		cgi_env_read(entries, false, &raw);
		serve(&gateway, &worker, &raw, &reply);
		print_reply(&reply);
		for (size_t i = 0; entries[i] != NULL; i++)
			free(entries[i]);
	}
	worker_finish(&worker, &gateway);
	policy_store_close(gateway.store);
	return 0;
}
