/* SPDX-License-Identifier: MIT */
/* Reads how each concerned site stands, looks for a ticket, and asks the gate and then the answer. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decision.h"

int
decider_init(struct decider *decider, const struct policy *policy)
{
	decider->policy = policy;
	decider->watches.flags = calloc(policy->site_count, sizeof *decider->watches.flags);
	decider->watches.windows = calloc(policy->window_count + 1, sizeof *decider->watches.windows);
	if (decider->watches.flags == NULL || decider->watches.windows == NULL) {
		decider_clear(decider);
		return -ENOMEM;
	}
	decider->flag_count = policy->site_count;
	return 0;
}

void
decider_clear(struct decider *decider)
{
	for (size_t i = 0; decider->watches.flags != NULL && i < decider->flag_count; i++)
		flag_watch_clear(&decider->watches.flags[i]);
	free(decider->watches.flags);
	free(decider->watches.windows);
	decider->watches = (struct watches){ NULL, NULL };
	decider->flag_count = 0;
}

static enum enabled
enabled_by(const struct site *site, const struct raw_request *raw)
{
	if (site->enabled_from != ENABLED_FROM_PARAMETER || raw->enabled.len == 0)
		return site->condition.enabled;
	/* a word that is neither holds: what can be read two ways never opens */
	return str_eq(raw->enabled, STR("false")) ? ENABLED_OFF : ENABLED_ON;
}

enum enabled
decider_read(struct decider *decider, const struct site *site, const struct raw_request *raw, int64_t now,
    struct condition *ret)
{
	enum enabled enabled = enabled_by(site, raw);

	if (decider->forced && enabled != ENABLED_OFF)
		condition_pretend(&site->condition, now, ret);
	else
		condition_read(&decider->watches, &site->condition, enabled, now, ret);
	ret->bypass_off = ret->bypass_off || decider->suspended;
	return enabled;
}

/* The first ID that is a ticket's.  Only while maintenance is on: off, nobody's files are looked at. */
static bool
find_ticket(const struct site *site, const struct request *request, int64_t now, struct arena *arena,
    struct decision *ret)
{
	offers_find(request, &ret->offers);
	for (size_t i = 0; i < ret->offers.count; i++) {
		const struct offer *offer = &ret->offers.v[i];

		if (!ticket_find(site->state_dir, site->name, offer->id, now, arena, &ret->ticket.ticket))
			continue;
		ret->ticket.id = offer->id;
		ret->ticket.by_link = offer->by_link;
		return true;
	}
	return false;
}

static void
ask(struct decider *decider, const struct site *site, const struct request *request, int64_t now, struct arena *arena,
    struct decision *ret)
{
	ret->site = site;
	ret->enabled = decider_read(decider, site, request->raw, now, &ret->condition);
	ret->has_ticket = ret->condition.on && site->tickets && find_ticket(site, request, now, arena, ret);
	ret->verdict = gate_decide(
	    &site->rules, &ret->condition, request, ret->has_ticket ? &ret->ticket : NULL, &ret->trace);
	if (decider->asked != NULL)
		decider->asked(decider->context, ret, now);
}

/*
 * Others may read the request's path or host in another way, so it belongs to every site that it could mean, and
 * each of them must let it pass.
 */
static void
ask_others(struct decider *decider, const struct request *request, int64_t now, struct arena *arena,
    struct decision *ret)
{
	const struct policy *policy = decider->policy;
	const struct site *first = ret->site;

	for (size_t i = 0; i < policy->site_count && ret->verdict.outcome != OUTCOME_HOLD; i++)
		if (&policy->sites[i] != first && policy_site_concerned(policy, &policy->sites[i], request))
			ask(decider, &policy->sites[i], request, now, arena, ret);
}

void
decider_decide(struct decider *decider, const struct request *request, int64_t now, struct arena *arena,
    struct decision *ret, struct reply *reply)
{
	bool done;

	memset(&ret->offers, 0, sizeof ret->offers);
	ask(decider, policy_site_find(decider->policy, request), request, now, arena, ret);
	if (request->odd || request->any_host)
		ask_others(decider, request, now, arena, ret);
	done = answer_build(&ret->site->answers, request, &ret->condition, &ret->verdict,
	    ret->has_ticket ? &ret->ticket : NULL, now, arena, reply);
	ret->passes = done && ret->verdict.outcome != OUTCOME_HOLD;
}
