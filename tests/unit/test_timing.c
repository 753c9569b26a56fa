/* SPDX-License-Identifier: MIT */
/* answer/timing.c: Retry-After is never negative, never 0 by accident, and never one number for all. */
#include "config.h"

#include "answer/timing.h"
#include "support.h"

int suite_timing(void);

#define NOW  INT64_C(1797300000)
#define NONE TIME_NONE

static const struct {
	const char   *say;
	struct timing timing;           /* retry_after, min, max, jitter */
	int64_t       until, flag;      /* relative to now; -1: the flag says nothing */
	bool          overrun;
	int64_t       seconds;
} cases[] = {
	{ "no end: the site's own number",        { 3600, 60, 86400, 0 }, NONE,    -1, false, 3600 },
	{ "... or the flag's",                    { 3600, 60, 86400, 0 }, NONE,   900, false,  900 },
	{ "... the flag's is held to the least",  { 3600, 60, 86400, 0 }, NONE,     5, false,   60 },
	{ "... and to the most",                  { 3600, 60,  1800, 0 }, NONE, 86400, false, 1800 },
	{ "0 sends no header",                    {    0, 60, 86400, 0 }, NONE,    -1, false,    0 },
	{ "... no jitter makes one",              {    0, 60, 86400, 9 }, NONE,    -1, false,    0 },
	{ "the flag's 0 too",                     { 3600, 60, 86400, 0 }, NONE,     0, false,    0 },
	{ "... and the flag may send one",        {    0, 60, 86400, 0 }, NONE,   120, false,  120 },
	{ "an end: the seconds to it",            { 3600, 60, 86400, 0 },  600,    -1, false,  600 },
	{ "... before the flag's number",         { 3600, 60, 86400, 0 },  600,   900, false,  600 },
	{ "... also where 0 is set",              {    0, 60, 86400, 0 },  600,    -1, false,  600 },
	{ "near the end: the least",              { 3600, 60, 86400, 0 },    1,    -1, false,   60 },
	{ "... which may be one",                 { 3600,  1, 86400, 0 },    1,    -1, false,    1 },
	{ "an end far off: the most",             { 3600, 60,  7200, 0 }, 99999,   -1, false, 7200 },
	{ "least and most the same",              { 3600, 90,    90, 0 },  600,    -1, false,   90 },
	{ "over: short",                          { 3600, 60, 86400, 0 },   -1,    -1, true,   300 },
	{ "... hours later too",                  { 3600, 60, 86400, 0 }, -99999,  -1, true,   300 },
	{ "... not the flag's number",            { 3600, 60, 86400, 0 },   -1,  7200, true,   300 },
	{ "... not even its 0",                   { 3600, 60, 86400, 0 },   -1,     0, true,   300 },
	{ "... but not under the least",          { 3600, 900, 86400, 0 },  -1,    -1, true,   900 },
	{ "... nor above the most",               { 3600, 10,   120, 0 },   -1,    -1, true,   120 },
	{ "over without an end of its own",       { 3600, 60, 86400, 0 }, NONE,    -1, true,   300 },
	{ "a past end that is no overrun",        { 3600, 60, 86400, 0 },   -5,    -1, false, 3600 },
	{ "the end is this second",               { 3600, 60, 86400, 0 },    0,    -1, false, 3600 },
};

static struct condition
condition_of(int64_t until, int64_t flag, bool overrun)
{
	struct condition condition = { .on = true, .since = NOW - 60, .until = until, .overrun = overrun };

	if (until != NONE)
		condition.until = NOW + until;
	condition.retry_after = flag;
	return condition;
}

static void
test_timing_cases(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct condition condition = condition_of(cases[i].until, cases[i].flag, cases[i].overrun);

		check_int(cases[i].say, timing_retry_after(&cases[i].timing, &condition, 12345, NOW), cases[i].seconds);
	}
}

/* The jitter is from 0 to its number, both included, and belongs to the client. */
static void
test_timing_jitter(void)
{
	const struct timing timing = { 600, 60, 600, 30 };
	struct condition condition = condition_of(NONE, -1, false);
	bool seen[31] = { false };

	for (uint64_t spread = 0; spread < 1000; spread++) {
		int64_t seconds = timing_retry_after(&timing, &condition, spread, NOW);

		CU_ASSERT_FATAL(seconds >= 600 && seconds <= 630);
		seen[seconds - 600] = true;
		CU_ASSERT_EQUAL(seconds, timing_retry_after(&timing, &condition, spread, NOW));
	}
	for (size_t i = 0; i < COUNT(seen); i++)
		CHECK("every second of the jitter is somebody's", seen[i]);
	check_int("the largest spread", timing_retry_after(&timing, &condition, UINT64_MAX, NOW),
	    600 + (int64_t)(UINT64_MAX % 31));
}

/* Whatever the end and the clock: 0 only where the operator wanted no header. */
static void
test_timing_never_odd(void)
{
	const struct timing timing = { 3600, 60, 86400, 30 };
	const int64_t ends[] = { INT64_MAX / 2, NOW + 1, NOW, NOW - 1, 0, -1, TIME_NONE + 1, TIME_NONE };

	for (size_t i = 0; i < COUNT(ends); i++) {
		for (int overrun = 0; overrun < 2; overrun++) {
			struct condition condition = condition_of(NONE, -1, overrun == 1);
			int64_t seconds;

			condition.until = ends[i];
			seconds = timing_retry_after(&timing, &condition, i, NOW);
			CHECK("within least, most and jitter", seconds >= 60 && seconds <= 86430);
		}
	}
}

int
suite_timing(void)
{
	CU_pSuite suite = CU_add_suite("answer/timing", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "cases", test_timing_cases) == NULL ||
	    CU_add_test(suite, "jitter", test_timing_jitter) == NULL ||
	    CU_add_test(suite, "never odd", test_timing_never_odd) == NULL)
		return -1;
	return 0;
}
