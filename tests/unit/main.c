/* SPDX-License-Identifier: MIT */
/* Runs all suites.  The last line counts tests, not assertions: "N passed, N failed". */
#include "config.h"

#include <CUnit/Basic.h>
#include <stdio.h>

#include "base/secret.h"

#define SUITE(name) int suite_##name(void);
#include "suites.def"
#undef SUITE

int
main(void)
{
	unsigned run, failed;

	if (secret_init() != 0 || CU_initialize_registry() != CUE_SUCCESS)
		return 99;
#define SUITE(name) \
	if (suite_##name() != 0) { \
		(void)fprintf(stderr, "suite " #name ": cannot be added: %s\n", CU_get_error_msg()); \
		return 99; \
	}
#include "suites.def"
#undef SUITE
	CU_basic_set_mode(CU_BRM_NORMAL);
	(void)CU_basic_run_tests();
	run = CU_get_number_of_tests_run();
	failed = CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	(void)printf("\nunit: %u passed, %u failed\n", run - failed, failed);
	return failed == 0 && run > 0 ? 0 : 1;
}
