/* When a client should come back.  Pure; any thread. */
#ifndef ANSWER_TIMING_H
#define ANSWER_TIMING_H

#include "state/condition.h"

struct timing {
	int64_t retry_after;            /* seconds, where no end is known; 0 sends no header then */
	int64_t min, max, jitter;       /* seconds */
};

#define TIMING_OVERRUN 300              /* seconds: short and repeating, once the planned end has passed */

/*
 * The seconds of Retry-After (RFC 9110 section 10.2.3), never negative; 0 for no header.  `spread` is the client's
 * fixed number: it chooses the jitter, so that the same client gets the same answer and others another.
 */
int64_t timing_retry_after(const struct timing *timing, const struct condition *condition, uint64_t spread,
            int64_t now);

#endif
