/* SPDX-License-Identifier: MIT */
/* Retry-After: from the end where one is known, spread so that not all come back in one second. */
#include "config.h"

#include "answer/timing.h"

int64_t
timing_retry_after(const struct timing *timing, const struct condition *condition, uint64_t spread, int64_t now)
{
	int64_t seconds = condition->retry_after >= 0 ? condition->retry_after : timing->retry_after;

	if (condition->overrun)
		seconds = TIMING_OVERRUN;
	else if (condition->until != TIME_NONE && condition->until > now)
		seconds = condition->until - now;
	if (seconds == 0)
		return 0;
	if (seconds < timing->min)
		seconds = timing->min;
	if (seconds > timing->max)
		seconds = timing->max;
	if (timing->jitter > 0)
		seconds += (int64_t)(spread % (uint64_t)(timing->jitter + 1));
	return seconds;
}
