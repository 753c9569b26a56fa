/*
 * The decision: pure, without clock, file, log or allocation, so that it cannot
 * fail and an explanation runs the very same function.
 */
#ifndef GATE_DECIDE_H
#define GATE_DECIDE_H

#include "gate/offer.h"
#include "gate/verdict.h"
#include "rules/rules.h"
#include "state/condition.h"

enum check_answer { CHECK_NO, CHECK_YES, CHECK_SUSPENDED };

/* What each check said, in order, for explanations and failing tests. */
struct trace {
	size_t count;
	struct {
		enum reason       reason;
		enum check_answer answer;
	} rows[REASON_COUNT];
};

/* The ticket that the request brought, looked up before: it is there, sound and not over. */
struct shown_ticket {
	struct ticket ticket;
	struct str    id;
	bool          by_link;
};

/* Decides one request for one site.  `ticket` and `trace` may be NULL.  Any thread. */
struct verdict gate_decide(const struct rules *rules, const struct condition *condition,
                   const struct request *request, const struct shown_ticket *ticket, struct trace *trace);

/* Whether what passes for this reason is held while bypass.off is there. */
bool           gate_is_personal(enum reason reason);

#endif
