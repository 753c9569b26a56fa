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
#include "record/decisions.h"
#include "record/log.h"

#define REMINDER_SECONDS 60     /* a lasting trouble is logged once a minute */

int
worker_init(struct worker *worker)
{
	memset(worker, 0, sizeof *worker);
	worker->arena = arena_new_fixed(WORKER_ARENA_SIZE);
	return worker->arena == NULL ? -ENOMEM : 0;
}

static void
forget_watches(struct worker *worker)
{
	for (size_t i = 0; i < worker->flag_count; i++)
		flag_watch_clear(&worker->watches.flags[i]);
	free(worker->watches.flags);
	free(worker->watches.windows);
	worker->watches = (struct watches){ NULL, NULL };
	worker->flag_count = 0;
}

void
worker_finish(struct worker *worker, struct gateway *gateway)
{
	forget_watches(worker);
	policy_release(gateway->store, &worker->held);
	arena_free(worker->arena);
}

/* The policy in force, with as many watches as it has flags; NULL when out of memory. */
static const struct policy *
refresh(struct gateway *gateway, struct worker *worker)
{
	const struct policy *policy = policy_refresh(gateway->store, &worker->held);

	if (worker->watched == worker->held.generation)
		return policy;
	forget_watches(worker);
	worker->watches.flags = calloc(policy->site_count, sizeof *worker->watches.flags);
	worker->watches.windows = calloc(policy->window_count + 1, sizeof *worker->watches.windows);
	if (worker->watches.flags == NULL || worker->watches.windows == NULL)
		return NULL;
	worker->flag_count = policy->site_count;
	worker->watched = worker->held.generation;
	return policy;
}

static enum enabled
enabled_by(const struct site *site, const struct raw_request *raw)
{
	if (site->enabled_from != ENABLED_FROM_PARAMETER || raw->enabled.len == 0)
		return site->condition.enabled;
	/* a word that is neither holds: what can be read two ways never opens */
	return str_eq(raw->enabled, STR("false")) ? ENABLED_OFF : ENABLED_ON;
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
read_condition(struct worker *worker, const struct site *site, const struct raw_request *raw, int64_t now,
    struct condition *ret)
{
	condition_read(&worker->watches, &site->condition, enabled_by(site, raw), now, ret);
	if (condition_is_troubled(ret))
		complain_about_state(site, ret, now);
}

/* All that was found out about one request. */
struct decision {
	const struct site *site;
	struct condition   condition;
	struct verdict     verdict;
	struct offers      offers;
	bool               has_ticket;
	struct shown_ticket ticket;
};

/* The first ID that is a ticket's.  Only while maintenance is on: off, nobody's files are looked at. */
static bool
find_ticket(struct worker *worker, const struct site *site, const struct request *request, int64_t now,
    struct decision *ret)
{
	offers_find(request, &ret->offers);
	for (size_t i = 0; i < ret->offers.count; i++) {
		const struct offer *offer = &ret->offers.v[i];

		if (!ticket_find(site->state_dir, site->name, offer->id, now, worker->arena, &ret->ticket.ticket))
			continue;
		ret->ticket.id = offer->id;
		ret->ticket.by_link = offer->by_link;
		return true;
	}
	return false;
}

static void
decide_for(struct worker *worker, const struct site *site, const struct request *request, int64_t now,
    struct decision *ret)
{
	ret->site = site;
	read_condition(worker, site, request->raw, now, &ret->condition);
	ret->has_ticket = ret->condition.on && site->tickets && find_ticket(worker, site, request, now, ret);
	ret->verdict =
	    gate_decide(&site->rules, &ret->condition, request, ret->has_ticket ? &ret->ticket : NULL, NULL);
}

/*
 * Others may read the request's path or host in another way, so it belongs to every site that it could mean, and
 * each of them must let it pass.
 */
static void
decide_for_all(const struct policy *policy, struct worker *worker, const struct request *request, int64_t now,
    struct decision *ret)
{
	decide_for(worker, policy_site_find(policy, request), request, now, ret);
	for (size_t i = 0; i < policy->site_count && ret->verdict.outcome != OUTCOME_HOLD; i++)
		if (&policy->sites[i] != ret->site && policy_site_concerned(policy, &policy->sites[i], request))
			decide_for(worker, &policy->sites[i], request, now, ret);
}

static bool
any_site_on(const struct policy *policy, struct worker *worker, const struct raw_request *raw, int64_t now)
{
	struct condition condition;
	bool on = false;

	for (size_t i = 0; i < policy->site_count; i++) {
		read_condition(worker, &policy->sites[i], raw, now, &condition);
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

static void
count(struct gateway *gateway, const struct decision *d)
{
	enum counter counter = (enum counter)(COUNTER_PASSED + (int)d->verdict.reason);

	if (!d->condition.on)
		return;
	if (gateway->one_request)
		serve_open_counters(gateway);
	if (d->verdict.outcome == OUTCOME_HOLD)
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

static void
refuse(const struct raw_request *raw, int status, struct reply *reply)
{
	reply_emergency(reply, status);
	reply->send_body = !str_eq(raw->method, STR("HEAD"));
}

void
serve(struct gateway *gateway, struct worker *worker, const struct raw_request *raw, struct reply *reply)
{
	const struct policy *policy;
	struct decision decision = { 0 };
	struct request request;
	int64_t now = clock_now();

	arena_reset(worker->arena);
	policy = refresh(gateway, worker);
	if (policy == NULL) {
		refuse(raw, 503, reply);
		return;
	}
	if (!raw->whole && (raw->method.len == 0 || raw->target.len == 0 || any_site_on(policy, worker, raw, now))) {
		refuse(raw, 400, reply);
		return;
	}
	if (request_normalise(raw, &policy->trust, worker->arena, &request) != 0) {
		refuse(raw, 431, reply);
		return;
	}
	complain_about_site(policy, raw, now);
	if (request.odd || request.any_host)
		decide_for_all(policy, worker, &request, now, &decision);
	else
		decide_for(worker, policy_site_find(policy, &request), &request, now, &decision);
	answer_build(&decision.site->answers, &request, &decision.condition, &decision.verdict,
	    decision.has_ticket ? &decision.ticket : NULL, now, worker->arena, reply);
	count(gateway, &decision);
	decisions_log(policy, decision.site, &request, &decision.condition, &decision.verdict, reply, now);
	complain(reply, &request, now);
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
