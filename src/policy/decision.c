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

/* How the site stands, but for bypass.off. */
static enum enabled
read_condition(struct decider *decider, const struct site *site, const struct raw_request *raw, int64_t now,
    struct condition *ret)
{
	enum enabled enabled = enabled_by(site, raw);

	if (decider->forced && enabled != ENABLED_OFF)
		condition_pretend(&site->condition, now, ret);
	else
		condition_read(&decider->watches, &site->condition, enabled, now, ret);
	return enabled;
}

static bool
bypasses_are_off(const struct decider *decider, const struct site *site, const struct condition *condition)
{
	return decider->suspended || (condition->on && flag_marker_there(site->condition.bypass_off));
}

enum enabled
decider_read(struct decider *decider, const struct site *site, const struct raw_request *raw, int64_t now,
    struct condition *ret)
{
	enum enabled enabled = read_condition(decider, site, raw, now, ret);

	ret->bypass_off = bypasses_are_off(decider, site, ret);
	return enabled;
}

/*
 * The first ID that is a ticket's and good for this path, else the first that is a ticket's.  Only while maintenance is
 * on: off, nobody's files are looked at.
 */
static bool
find_ticket(const struct site *site, const struct request *request, int64_t now, struct arena *arena,
    struct decision *ret)
{
	bool found = false;

	offers_find(request, &ret->offers);
	for (size_t i = 0; i < ret->offers.count; i++) {
		const struct offer *offer = &ret->offers.v[i];
		struct ticket ticket;
		bool covers;

		if (!ticket_find(site->state_dir, site->name, offer->id, now, arena, &ticket))
			continue;
		covers = ticket_covers(&ticket, request->path, request->odd);
		if (!found || covers)
			ret->ticket = (struct shown_ticket){ ticket, offer->id, offer->by_link };
		found = true;
		if (covers)
			break;
	}
	return found;
}

static void
judge(const struct site *site, const struct request *request, struct decision *ret)
{
	ret->verdict = gate_decide(
	    &site->rules, &ret->condition, request, ret->has_ticket ? &ret->ticket : NULL, &ret->trace);
}

static void
ask(struct decider *decider, const struct site *site, const struct request *request, int64_t now, struct arena *arena,
    struct decision *ret)
{
	ret->site = site;
	ret->enabled = read_condition(decider, site, request->raw, now, &ret->condition);
	ret->has_ticket = ret->condition.on && site->tickets && find_ticket(site, request, now, arena, ret);
	judge(site, request, ret);
	/* who is held anyway costs no look at bypass.off */
	if ((decider->explains || gate_is_personal(ret->verdict.reason)) &&
	    bypasses_are_off(decider, site, &ret->condition)) {
		ret->condition.bypass_off = true;
		judge(site, request, ret);
	}
	if (decider->asked != NULL)
		decider->asked(decider->context, ret, now);
}

/*
 * Others may read the request's path or host in another way, so it belongs to every site that it could mean, and
 * each of them must let it pass.  Where all do, the first one's answer is given: no other site's way to pass.
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
	if (ret->verdict.outcome != OUTCOME_HOLD && ret->site != first)
		ask(decider, first, request, now, arena, ret);
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
