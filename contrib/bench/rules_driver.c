/* SPDX-License-Identifier: MIT */
/*
 * Decisions without a server: loads a policy, and decides requests whose addresses, paths and hosts differ.  With
 * valgrind --tool=callgrind --toggle-collect=decide_all*, what is counted are the decisions alone.  Every one must
 * hold, but that of PASSING, an address that the policy lets in.
 *
 *     rules_driver INI COUNT PASSING       prints the milliseconds that loading took, as JSON
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy/decision.h"

#define ARENA_SIZE (512 * 1024)
#define HOSTS      100

static double
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static enum outcome
decide(struct decider *decider, const struct raw_request *raw, struct arena *arena)
{
	struct decision decision;
	struct request request;
	struct reply reply;

	arena_reset(arena);
	if (request_normalise(raw, &decider->policy->trust, arena, &request) != 0)
		exit(2);
	decider_decide(decider, &request, 1800000000, arena, &decision, &reply);
	return decision.verdict.outcome;
}

/* How many decisions were not the wanted one. */
__attribute__((noinline)) static int
decide_all(struct decider *decider, struct raw_request *requests, int count, enum outcome wanted, struct arena *arena)
{
	int wrong = 0;

	for (int i = 0; i < count; i++)
		wrong += decide(decider, &requests[i], arena) != wanted;
	return wrong;
}

__attribute__((format(printf, 1, 2))) static struct str
text(const char *format, ...)
{
	va_list arguments;
	char *out;
	int len;

	va_start(arguments, format);
	len = vasprintf(&out, format, arguments);
	va_end(arguments);
	return len < 0 ? (struct str){ NULL, 0 } : str_of(out);
}

/* An outsider between two of the listed networks (common.py, network()): the last bit alone tells them apart. */
static struct str
outsider(int i)
{
	return text("%d.%d.%d.7", 11 + i % 89, i % 250, i % 5 * 2);
}

static struct raw_request *
make_requests(int count)
{
	struct raw_request *requests = calloc((size_t)count, sizeof *requests);

	for (int i = 0; requests != NULL && i < count; i++) {
		requests[i] = (struct raw_request){ .dialect = DIALECT_RESPONDER, .whole = true, .method = STR("GET"),
			.peer = outsider(i), .target = text("/shop/cart/item-%d?x=1", i % 1000) };
		requests[i].headers[0] = (struct raw_header){ STR("HOST"), text("s%d.example", i % HOSTS) };
		requests[i].headers[1] = (struct raw_header){ STR("ACCEPT"), STR("text/html,*/*;q=0.8") };
		requests[i].header_count = 2;
	}
	return requests;
}

int
main(int argc, char **argv)
{
	struct arena *arena = arena_new_fixed(ARENA_SIZE);
	struct problems problems = { .arena = arena_new_growing(1 << 20) };
	struct raw_request *requests = argc > 3 ? make_requests(atoi(argv[2])) : NULL;
	struct decider decider = { 0 };
	struct policy *policy;
	double begin = now_ms(), loaded;
	int wrong;

	if (requests == NULL || arena == NULL || secret_init() != 0 ||
	    policy_compile(str_of(argv[1]), NULL, &problems, &policy) != 0)
		return 2;
	loaded = now_ms() - begin;
	if (decider_init(&decider, policy) != 0)
		return 2;
	wrong = decide_all(&decider, requests, atoi(argv[2]), OUTCOME_HOLD, arena);
	requests[0].peer = str_of(argv[3]);
	if (decide(&decider, &requests[0], arena) != OUTCOME_PASS)
		wrong++;
	printf("{\"loaded_ms\": %.2f, \"wrong\": %d}\n", loaded, wrong);
	return wrong > 0;
}
