/* SPDX-License-Identifier: MIT */
/* front/limits.c: what a process may take. */
#include "config.h"

#include "front/limits.h"
#include "support.h"

#define MIB ((size_t)1 << 20)

int suite_limits(void);

static const struct {
	const char   *say;
	struct policy policy;
	size_t        own, least, most; /* MiB */
} cases[] = {
	{ "one worker",                   { .workers = 1 },                                              0,    64,   66 },
	{ "64 workers",                   { .workers = 64 },                                             0,   128,  130 },
	{ "a big policy counts thrice",   { .workers = 64 },                                           100,   428,  430 },
	{ "HTTP: threads and clients",    { .workers = 64, .http_listen = STR_INIT("x"), .http_connections = 512 },
	                                                                                                 0,   576,  620 },
	{ "control: threads",             { .workers = 64, .control_listen = STR_INIT("x") },            0,   448,  460 },
	{ "what the operator says",       { .workers = 64, .process_memory = 96 },                     100,    96,   96 },
};

static void
test_limits_memory(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t mib = limits_memory(&cases[i].policy, cases[i].own * MIB, 8 * MIB) / MIB;

		CHECK(cases[i].say, mib >= cases[i].least && mib <= cases[i].most);
	}
}

int
suite_limits(void)
{
	static CU_TestInfo tests[] = { { "Memory", test_limits_memory }, CU_TEST_INFO_NULL };
	static CU_SuiteInfo suites[] = { { "front/limits", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };

	return CU_register_suites(suites);
}
