/*
 * One request, from what the server said to the reply: the whole product in one
 * function, whatever the transport.
 */
#ifndef FRONT_SERVE_H
#define FRONT_SERVE_H

#include "policy/decision.h"
#include "policy/store.h"
#include "record/counters.h"
#include "record/metrics.h"

#define WORKER_ARENA_SIZE (512 * 1024)  /* bytes: 64 KiB of parameters, a page's values and pieces */

struct control;
struct post;

/* What all workers share. */
struct gateway {
	struct policy_store *store;
	struct counters     *counters;  /* NULL: nothing is counted */
	struct gateway_life  life;      /* of a service */
	struct control      *control;   /* of a service with control_listen; else NULL */
	const struct post   *post;      /* of a supervised worker; else NULL */
	bool outdated;                  /* the policy of the start is older than the last in force: no bypass */
	bool one_request;               /* plain CGI: the counters are opened when there is something to count */
};

/* What is one worker's own: memory for one request, the policy it holds, and its view of the flags. */
struct worker {
	struct arena      *arena;
	struct policy_ref  held;
	uint64_t           watched;     /* generation that `decider` belongs to */
	struct decider     decider;
};

/* Returns 0 or -ENOMEM. */
int  worker_init(struct worker *worker);
void worker_finish(struct worker *worker, struct gateway *gateway);

/* Answers `raw`.  The reply lives until the worker's next serve().  One thread per worker. */
void serve(struct gateway *gateway, struct worker *worker, const struct raw_request *raw, struct reply *reply);

/* Logs where the policy says so; a place that cannot be opened is complained about, and the log stays where it was. */
void serve_open_log(struct gateway *gateway);

/*
 * Opens the counters in the state folder, once, before the first serve().  A folder that cannot be written is no
 * trouble for the gateway: then nothing is counted.
 */
void serve_open_counters(struct gateway *gateway);

/* Reads every flag once, so that the last known state is known before the first request. */
void serve_warm_up(struct gateway *gateway, struct worker *worker);

#endif
