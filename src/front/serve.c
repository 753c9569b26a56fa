/* SPDX-License-Identifier: MIT */
/*
 * The way of one request.  serve() at the end is the product; what is above it
 * serves the rare cases: requests that are not whole, and paths that another
 * reader may take for another site's.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "front/serve.h"
#include "front/supervise.h"
#include "record/decisions.h"
#include "record/log.h"

#define REMINDER_SECONDS 60     /* a lasting trouble is logged once a minute */

/* The policy in force, with the worker's view of it; NULL when out of memory. */
static const struct policy *
refresh(struct gateway *gateway, struct worker *worker)
{
	const struct policy *policy = policy_refresh(gateway->store, &worker->held);

	if (worker->watched == worker->held.generation)
		return policy;
	decider_clear(&worker->decider);
	if (decider_init(&worker->decider, policy) != 0)
		return NULL;
	worker->watched = worker->held.generation;
	worker->decider.suspended = gateway->outdated && worker->held.generation == POLICY_FIRST;
	return policy;
}

static void
complain_about_state(const struct site *site, const struct condition *condition, int64_t now)
{
	static _Atomic(int64_t) unknown_said, broken_said;

	if (condition->unknown && log_now_and_then(&unknown_said, now, REMINDER_SECONDS))
		log_write(LOG_LEVEL_ERROR, "the state of site \"%.*s\" cannot be read; on_unknown decides: %s",
		    STR_ARG(site->name), condition->on ? "hold" : "pass");
	if (condition->broken && log_now_and_then(&broken_said, now, REMINDER_SECONDS))
		log_write(LOG_LEVEL_WARNING,
		    "%s: its text cannot be read or understood; maintenance is on all the same", condition->flag);
}

static void
complain_about_asked(void *context, const struct decision *decision, int64_t now)
{
	(void)context;
	complain_about_state(decision->site, &decision->condition, now);
}

int
worker_init(struct worker *worker)
{
	memset(worker, 0, sizeof *worker);
	worker->decider.asked = complain_about_asked;
	worker->arena = arena_new_fixed(WORKER_ARENA_SIZE);
	return worker->arena == NULL ? -ENOMEM : 0;
}

void
worker_finish(struct worker *worker, struct gateway *gateway)
{
	decider_clear(&worker->decider);
	policy_release(gateway->store, &worker->held);
	arena_free(worker->arena);
}

static bool
any_site_on(const struct policy *policy, struct worker *worker, const struct raw_request *raw, int64_t now)
{
	struct condition condition;
	bool on = false;

	for (size_t i = 0; i < policy->site_count; i++) {
		(void)decider_read(&worker->decider, &policy->sites[i], raw, now, &condition);
		complain_about_state(&policy->sites[i], &condition, now);
		on = on || condition.on;
	}
	return on;
}

static void
complain(const struct reply *reply, const struct request *request, int64_t now)
{
	static _Atomic(int64_t) said;

	if (reply->complaint != NULL && log_now_and_then(&said, now, 1))
		log_write(LOG_LEVEL_WARNING, "held %.*s %.*s although it may pass: %s", STR_ARG(request->raw->method),
		    STR_ARG(str_sub(request->raw_path, 0, 200)), reply->complaint);
}

/* The page of a request that was decided, and counted, before. */
static bool
is_second_call(const struct raw_request *raw)
{
	return raw->dialect == DIALECT_RENDER_IF_HELD || raw->dialect == DIALECT_RENDER_NOT_HELD ||
	    (raw->dialect == DIALECT_RENDER && raw->held_before);
}

static void
count(struct gateway *gateway, const struct decision *d, const struct raw_request *raw)
{
	enum counter counter = (enum counter)(COUNTER_PASSED + (int)d->verdict.reason);
	bool rendered = !d->passes && dialect_hold_style(raw->dialect) == HOLD_PAGE;

	if (gateway->one_request && (d->condition.on || rendered || d->condition.unknown))
		serve_open_counters(gateway);
	if (d->condition.unknown)
		counters_add(gateway->counters, d->site->name, COUNTER_UNKNOWN);
	if (rendered)
		counters_add(gateway->counters, d->site->name, COUNTER_RENDERED);
	if (!d->condition.on || is_second_call(raw))
		return;
	if (!d->passes)
		counter = COUNTER_HELD;
	else if (d->verdict.outcome == OUTCOME_LOGIN)
		counter = COUNTER_LOGIN;
	counters_add(gateway->counters, d->site->name, counter);
	if (d->verdict.outcome == OUTCOME_HOLD && (d->offers.count > 0 || d->offers.malformed))
		counters_add(gateway->counters, d->site->name, COUNTER_FAILED);
}

static void
complain_about_site(const struct policy *policy, const struct raw_request *raw, int64_t now)
{
	static _Atomic(int64_t) said;

	if (raw->site.len > 0 && policy_site_named(policy, raw->site) == NULL &&
	    log_now_and_then(&said, now, REMINDER_SECONDS))
		log_write(LOG_LEVEL_ERROR,
		    "WARDEN_SITE names \"%.*s\", which is no site of the configuration; host and path decide",
		    STR_ARG(str_sub(raw->site, 0, 64)));
}

/* `policy` is NULL where there is none to be had. */
static void
refuse(const struct policy *policy, const struct raw_request *raw, int status, int64_t now, struct reply *reply)
{
	reply_emergency(reply, status);
	reply->send_body = !str_eq(raw->method, STR("HEAD"));
	if (policy != NULL)
		decisions_log_refused(policy, raw, status, now);
}

/* The supervisor wants to know; the cache line is written once in a worker's life. */
static void
note_answer(const struct gateway *gateway)
{
	_Atomic(bool) *answered = gateway->post == NULL ? NULL : &gateway->post->sign->answered;

	if (answered != NULL && !atomic_load_explicit(answered, memory_order_relaxed))
		atomic_store_explicit(answered, true, memory_order_relaxed);
}

void
serve(struct gateway *gateway, struct worker *worker, const struct raw_request *raw, struct reply *reply)
{
	const struct policy *policy;
	struct decision decision;
	struct request request;
	int64_t now = clock_now();

	arena_reset(worker->arena);
	policy = refresh(gateway, worker);
	if (policy == NULL) {
		refuse(NULL, raw, 503, now, reply);
		return;
	}
	if (!raw->whole && (raw->method.len == 0 || raw->target.len == 0 || any_site_on(policy, worker, raw, now))) {
		refuse(policy, raw, 400, now, reply);
		return;
	}
	if (request_normalise(raw, &policy->trust, worker->arena, &request) != 0) {
		refuse(policy, raw, 431, now, reply);
		return;
	}
	complain_about_site(policy, raw, now);
	decider_decide(&worker->decider, &request, now, worker->arena, &decision, reply);
	count(gateway, &decision, raw);
	decisions_log(policy, &request, &decision, reply, now);
	complain(reply, &request, now);
	note_answer(gateway);
}

void
serve_open_log(struct gateway *gateway)
{
	struct policy_ref held = { 0 };
	const struct policy *policy = policy_refresh(gateway->store, &held);
	int rc = log_open(policy->log, policy->log_level);

	if (rc != 0)
		log_write(LOG_LEVEL_ERROR, "cannot log to %.*s: %s", STR_ARG(policy->log), strerror(-rc));
	policy_release(gateway->store, &held);
}

void
serve_open_counters(struct gateway *gateway)
{
	struct policy_ref held = { 0 };
	const struct policy *policy = policy_refresh(gateway->store, &held);

	if (counters_open(policy->state_dir, true, &gateway->counters) != 0)
		gateway->counters = NULL;
	policy_release(gateway->store, &held);
}

void
serve_warm_up(struct gateway *gateway, struct worker *worker)
{
	static const struct raw_request nothing;
	const struct policy *policy = refresh(gateway, worker);

	if (policy != NULL)
		(void)any_site_on(policy, worker, &nothing, clock_now());
}
