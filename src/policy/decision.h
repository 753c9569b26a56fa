/*
 * What becomes of one request: which sites it may mean, how each of them stands, the ticket that it shows, the verdict
 * of their rules, the reply.  The gateway and `wardenctl explain` both go this way, so what is explained is what
 * happens.  Logs nothing; a decider belongs to one thread.
 */
#ifndef POLICY_DECISION_H
#define POLICY_DECISION_H

#include "policy/policy.h"

/* All that was found out about one request.  Not to be copied: the condition points into itself. */
struct decision {
	const struct site  *site;       /* whose rules decided */
	enum enabled        enabled;    /* the site's, or what the server's parameter says */
	struct condition    condition;  /* its bypass_off is told where it made a difference, or the decider explains */
	struct offers       offers;     /* looked for only while maintenance is on */
	bool                has_ticket;
	struct shown_ticket ticket;
	struct verdict      verdict;
	struct trace        trace;
	bool                passes;     /* false too where the verdict is to pass and the server has no way to do it */
};

/* A thread's view of a policy, its flags and windows. */
struct decider {
	const struct policy *policy;            /* not owned */
	struct watches       watches;
	size_t               flag_count;        /* of the watches: the policy may be gone when they are given back */
	bool                 suspended;         /* as if bypass.off were there */
	bool                 explains;          /* the trace is to tell what is suspended, too */
	bool                 forced;            /* as if maintenance were on wherever nothing keeps it off */
	/* told of each site that was asked, in order; may be NULL */
	void               (*asked)(void *context, const struct decision *decision, int64_t now);
	void                *context;
};

/* 0 or -ENOMEM; then there is nothing to clear. */
int  decider_init(struct decider *decider, const struct policy *policy);

/* Gives the watches back; the decider may be initialised again, or cleared once more. */
void decider_clear(struct decider *decider);

/* How `site` stands at `now` for a request of which the server said `raw`.  As condition_read(), cannot fail. */
enum enabled decider_read(struct decider *decider, const struct site *site, const struct raw_request *raw, int64_t now,
         struct condition *ret);

/*
 * Decides, and builds the reply, in `arena`.  Cannot fail: without memory the reply is the built-in 503.  `ret` and
 * `reply` live until the arena is reset or the decider is used again.
 */
void decider_decide(struct decider *decider, const struct request *request, int64_t now, struct arena *arena,
         struct decision *ret, struct reply *reply);

#endif
