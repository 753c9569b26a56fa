/* SPDX-License-Identifier: MIT */
/*
 * The two functions that look at a clock, alone in a file so that tests link
 * another one and set the time they need.  Everything else is given a time.
 *
 * A system without these clocks cannot run the gateway, so a failing
 * clock_gettime() is taken for impossible.  Any thread.
 */
#include "config.h"

#include <assert.h>
#include <time.h>

#include "base/clock.h"

static struct timespec
read_clock(clockid_t id)
{
	struct timespec now = { 0, 0 };
	int rc = clock_gettime(id, &now);

	assert(rc == 0);
	(void)rc;
	return now;
}

int64_t
clock_now(void)
{
	return (int64_t)read_clock(CLOCK_REALTIME).tv_sec;
}

int64_t
clock_monotonic_ms(void)
{
	struct timespec now = read_clock(CLOCK_MONOTONIC);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
