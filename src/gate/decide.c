/* SPDX-License-Identifier: MIT */
/*
 * The order of the decision is the table at the end: the first check that finds
 * a reason wins, and to change precedence is to move a row.  A check may only say
 * yes; whatever it cannot tell for sure is no.
 */
#include "config.h"

#include "gate/decide.h"
#include "rules/share.h"

/* One question: what a check may look at, and the number of the rule it found. */
struct question {
	const struct rules     *rules;
	const struct condition *condition;
	const struct request   *request;
	const struct shown_ticket *ticket;
	int                     rule;
};

static bool
is_endpoint(struct question *q)
{
	return !q->request->odd && method_in(METHOD_SET_READ, q->request->method) &&
	    str_eq(q->request->raw_path, STR("/.maintenance/status"));
}

static bool
is_off(struct question *q)
{
	return !q->condition->on;
}

static bool
path_is_open(struct question *q)
{
	if (q->request->odd)
		return false;
	q->rule = path_set_match(q->rules->open_paths, q->request->path);
	if (q->rule >= 0)
		return true;
	return method_in(METHOD_SET_READ, q->request->method) &&
	    path_set_match(q->rules->open_defaults, q->request->path) >= 0;
}

/* A CORS preflight (Fetch standard, section 3.2.2) from an origin that the operator named. */
static bool
is_open_preflight(const struct question *q)
{
	size_t origins, asked;
	struct str origin;

	if (q->request->method != METHOD_OPTIONS)
		return false;
	origin = request_header(q->request, STR("ORIGIN"), &origins);
	(void)request_header(q->request, STR("ACCESS_CONTROL_REQUEST_METHOD"), &asked);
	if (origins != 1 || asked != 1)
		return false;
	for (size_t i = 0; i < q->rules->cors_origin_count; i++)
		if (str_eq(origin, q->rules->cors_origins[i]))
			return true;
	return false;
}

static bool
method_is_open(struct question *q)
{
	if (q->condition->mode == MODE_READ_ONLY && method_in(METHOD_SET_READ_ONLY, q->request->method))
		return true;
	return method_in(q->rules->open_methods, q->request->method) || is_open_preflight(q);
}

static bool
address_is_allowed(struct question *q)
{
	return q->request->has_client && cidr_set_match(q->rules->addresses, &q->request->client) >= 0;
}

static bool
header_has_secret(struct question *q)
{
	bool found = false;
	struct str offered;
	size_t count;

	if (q->rules->secret_count == 0)
		return false;
	offered = str_trim(request_header(q->request, q->rules->bypass_header, &count));
	if (count != 1 || offered.len == 0)
		return false;
	for (size_t i = 0; i < q->rules->secret_count; i++)     /* all of them, whichever is right */
		found |= secret_matches(&q->rules->secrets[i], offered);
	return found;
}

static bool
user_is_allowed(struct question *q)
{
	struct str user = q->request->raw->user;

	for (size_t i = 0; i < q->rules->user_count && user.len > 0; i++) {
		if (!str_eq(user, q->rules->users[i]))
			continue;
		q->rule = (int)i;
		return true;
	}
	return false;
}

static bool
ticket_is_valid(struct question *q)
{
	return q->ticket != NULL && ticket_covers(&q->ticket->ticket, q->request->path, q->request->odd);
}

static bool
share_admits(struct question *q)
{
	return q->condition->share > 0 && q->request->has_client &&
	    share_place(&q->request->client, q->condition->id) < q->condition->share;
}

static const struct check {
	enum reason reason;
	bool        personal;           /* suspended while bypass.off is there */
	bool      (*says_yes)(struct question *question);
} checks[] = {
	{ REASON_ENDPOINT, false, is_endpoint },
	{ REASON_OFF,      false, is_off },
	{ REASON_PATH,     false, path_is_open },
	{ REASON_METHOD,   false, method_is_open },
	{ REASON_ADDRESS,  true,  address_is_allowed },
	{ REASON_HEADER,   true,  header_has_secret },
	{ REASON_USER,     true,  user_is_allowed },
	{ REASON_TICKET,   true,  ticket_is_valid },
	{ REASON_SHARE,    false, share_admits },
};

static void
note(struct trace *trace, enum reason reason, enum check_answer answer)
{
	if (trace == NULL)
		return;
	trace->rows[trace->count].reason = reason;
	trace->rows[trace->count].answer = answer;
	trace->count++;
}

static enum outcome
outcome_of(enum reason reason, const struct shown_ticket *ticket)
{
	if (reason == REASON_ENDPOINT)
		return OUTCOME_ENDPOINT;
	return reason == REASON_TICKET && ticket->by_link ? OUTCOME_LOGIN : OUTCOME_PASS;
}

struct verdict
gate_decide(const struct rules *rules, const struct condition *condition, const struct request *request,
    const struct shown_ticket *ticket, struct trace *trace)
{
	struct question question = { rules, condition, request, ticket, -1 };

	if (trace != NULL)
		trace->count = 0;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		const struct check *check = &checks[i];
		bool suspended = check->personal && condition->bypass_off;
		bool yes;

		question.rule = -1;
		yes = !suspended && check->says_yes(&question);
		note(trace, check->reason, suspended ? CHECK_SUSPENDED : yes ? CHECK_YES : CHECK_NO);
		if (yes)
			return (struct verdict){ outcome_of(check->reason, ticket), check->reason, question.rule };
	}
	return (struct verdict){ OUTCOME_HOLD, REASON_HOLD, -1 };
}

bool
gate_is_personal(enum reason reason)
{
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		if (checks[i].reason == reason)
			return checks[i].personal;
	return false;
}
