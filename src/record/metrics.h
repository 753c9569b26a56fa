/*
 * What is to be watched, in the text format of Prometheus (exposition format 0.0.4): how each site stands, its windows,
 * and what was counted.  /metrics of the gateway and metrics_file both come from here.
 */
#ifndef RECORD_METRICS_H
#define RECORD_METRICS_H

#include <stdatomic.h>

#include "policy/policy.h"
#include "record/counters.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What a running gateway knows of itself.  Any thread. */
struct gateway_life {
	int64_t          started;               /* UTC seconds */
	_Atomic(int64_t) loaded;                /* when the policy in force was */
	_Atomic(bool)    reload_failed;         /* the last one: the policy in force is not what the files say */
};

/*
 * Writes all of it, for `now`, into `arena`, which should be a growing one.  `counters` NULL: nothing was counted.
 * `life` NULL: not about one gateway, as in metrics_file, which several may write.  What is counted in `counters` never
 * falls and outlives the gateway; `life` begins anew with it.  A time that is not known has no line.  Reads the flags
 * as a request would.  Returns 0 or -ENOMEM.
 */
int metrics_build(const struct policy *policy, const struct counters *counters, const struct gateway_life *life,
        int64_t now, struct arena *arena, struct str *ret);

#endif
