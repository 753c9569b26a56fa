/* SPDX-License-Identifier: MIT */
/*
 * Requests by the thousand, without transport, page or log: serve() with a clock that is told, and what it decided.
 *
 * Standard input holds texts, each ended by a NUL:   usage: decide <COMMANDS
 *   P FILE      the INI from here on; answered by "ok", or by what is wrong with it
 *   T SECONDS   the time from here on; the clock that never steps back goes on by five seconds
 *   R           a request: "NAME=value" texts follow, ended by an empty one
 *   A           the same in FastCGI's authorizer role
 *   F           what was answered is written out
 * A request is answered by a line "VERDICT REASON STATUS SITE", or "refused - STATUS -" where nothing was decided.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/cgi_env.h"
#include "front/serve.h"
#include "record/decisions.h"

#define ENTRIES_MAX 400
#define ENTRY_MAX   (256 * 1024)

static int64_t told, monotonic_ms = 1000000;
static bool decided;

/* In place of base/now.c. */
int64_t
clock_now(void)
{
	return told;
}

int64_t
clock_monotonic_ms(void)
{
	return monotonic_ms;
}

/* In place of record/decisions.c. */
void
decisions_log(const struct policy *policy, const struct request *request, const struct decision *decision,
    const struct reply *reply, int64_t now)
{
	(void)policy;
	(void)request;
	(void)now;
	decided = true;
	(void)printf("%s %s %d %.*s\n", decision->passes ? "pass" : "hold", reason_word(decision->verdict.reason),
	    reply->status, STR_ARG(decision->site->name));
}

void
decisions_log_refused(const struct policy *policy, const struct raw_request *raw, int status, int64_t now)
{
	(void)policy;
	(void)raw;
	(void)status;
	(void)now;
}

/* The next text, allocated; NULL at the end of all. */
static char *
read_text(void)
{
	char *text = NULL;
	size_t size = 0;

	if (getdelim(&text, &size, '\0', stdin) >= 0)
		return text;
	free(text);
	return NULL;
}

static void
close_policy(struct gateway *gateway, struct worker *worker)
{
	if (gateway->store == NULL)
		return;
	worker_finish(worker, gateway);
	policy_store_close(gateway->store);
	gateway->store = NULL;
}

static void
open_policy(const char *path, struct gateway *gateway, struct worker *worker)
{
	struct problems problems = { 0 };
	char text[1024] = "ok";

	close_policy(gateway, worker);
	problems.arena = arena_new_growing(ENTRY_MAX);
	if (policy_store_open(str_of(path), &problems, &gateway->store) != 0) {
		gateway->store = NULL;
		(void)snprintf(text, sizeof text, "refused");
		for (const struct problem *p = problems.first; p != NULL; p = p->next)
			if (!p->warning)
				problem_format(p, text, sizeof text);
	} else if (worker_init(worker) != 0)
		exit(2);
	(void)puts(text);
	arena_free(problems.arena);
}

static void
answer(struct gateway *gateway, struct worker *worker, bool authorizer)
{
	static char *entries[ENTRIES_MAX + 1];
	struct raw_request raw;
	struct reply reply;
	size_t count = 0;

	while (count < ENTRIES_MAX && (entries[count] = read_text()) != NULL && entries[count][0] != '\0')
		count++;
	free(entries[count]);
	entries[count] = NULL;
	cgi_env_read(entries, authorizer, &raw);
	decided = false;
	serve(gateway, worker, &raw, &reply);
	if (!decided)
		(void)printf("refused - %d -\n", reply.status);
	for (size_t i = 0; i < count; i++)
		free(entries[i]);
}

static void
obey(const char *command, struct gateway *gateway, struct worker *worker)
{
	switch (command[0]) {
	case 'P':
		open_policy(command + 1, gateway, worker);
		break;
	case 'T':
		told = strtoll(command + 1, NULL, 10);
		monotonic_ms += 5000;
		break;
	case 'R':
	case 'A':
		if (gateway->store == NULL)
			exit(2);
		answer(gateway, worker, command[0] == 'A');
		break;
	default:
		(void)fflush(stdout);
	}
}

int
main(void)
{
	static struct gateway gateway;
	struct worker worker;
	char *command;

	if (secret_init() != 0)
		return 2;
	while ((command = read_text()) != NULL) {
		obey(command, &gateway, &worker);
		free(command);
	}
	close_policy(&gateway, &worker);
	return 0;
}
