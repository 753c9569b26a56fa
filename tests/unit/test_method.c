/* SPDX-License-Identifier: MIT */
/* Methods: exact names, and one that is unknown opens nothing. */
#include "config.h"

#include <stdio.h>

#include <CUnit/CUnit.h>

#include "rules/method.h"

#define COUNT(array) (sizeof (array) / sizeof *(array))

int suite_method(void);

static void
test_method_of(void)
{
	static const struct {
		const char *say, *name;
		enum method method;
	} cases[] = {
		{ "the first",                 "GET",      METHOD_GET },
		{ "the last",                  "SEARCH",   METHOD_SEARCH },
		{ "one that begins another",   "PROPFIND", METHOD_PROPFIND },
		{ "case matters",              "get",      METHOD_OTHER },
		{ "blanks matter",             "GET ",     METHOD_OTHER },
		{ "a beginning is not enough", "GE",       METHOD_OTHER },
		{ "nor is more",               "GETS",     METHOD_OTHER },
		{ "nothing",                   "",         METHOD_OTHER },
		{ "an unknown one",            "BREW",     METHOD_OTHER },
		{ "the name of the unknown",   "other",    METHOD_OTHER },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		enum method method = method_of(str_of(cases[i].name));

		if (method != cases[i].method)
			printf("\n  %s: got %s", cases[i].say, method_name(method));
		CU_ASSERT_EQUAL(method, cases[i].method);
	}
}

static void
test_method_names_lead_back(void)
{
	for (unsigned int m = METHOD_GET; m <= METHOD_OTHER; m++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(method_name((enum method)m));
		CU_ASSERT_EQUAL(method_of(str_of(method_name((enum method)m))), m);
	}
	CU_ASSERT_STRING_EQUAL(method_name(METHOD_OTHER), "other");
}

static void
test_method_in(void)
{
	CU_ASSERT_TRUE(method_in(METHOD_SET_READ, METHOD_GET));
	CU_ASSERT_TRUE(method_in(METHOD_SET_READ, METHOD_HEAD));
	CU_ASSERT_FALSE(method_in(METHOD_SET_READ, METHOD_OPTIONS));
	CU_ASSERT_TRUE(method_in(METHOD_SET_READ_ONLY, METHOD_OPTIONS));
	CU_ASSERT_FALSE(method_in(METHOD_SET_READ_ONLY, METHOD_POST));
	CU_ASSERT_FALSE(method_in(0, METHOD_GET));
	CU_ASSERT_TRUE(method_in(1u << METHOD_SEARCH, METHOD_SEARCH));
	CU_ASSERT_FALSE(method_in(UINT32_MAX, METHOD_OTHER));   /* not even in the set of all */
}

int
suite_method(void)
{
	CU_pSuite suite = CU_add_suite("rules/method", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "of", test_method_of) == NULL ||
	    CU_add_test(suite, "names lead back", test_method_names_lead_back) == NULL ||
	    CU_add_test(suite, "in", test_method_in) == NULL)
		return -1;
	return 0;
}
