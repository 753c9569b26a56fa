/* SPDX-License-Identifier: MIT */
/* Problems: all are kept in their order and counted, and told in one safe line each. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "support.h"

int suite_problem(void);

static const struct {
	const char *say;
	struct problem problem;
	const char *text;
} formats[] = {
	{ "all parts", { .file = STR_INIT("w.ini"), .line = 7, .section = STR_INIT("site"), .key = STR_INIT("mode"),
	    .sentence = STR_INIT("expected full") }, "w.ini:7: [site] mode: expected full" },
	{ "a warning says so", { .warning = true, .file = STR_INIT("w.ini"), .line = 7, .section = STR_INIT("site"),
	    .key = STR_INIT("mode"), .sentence = STR_INIT("odd") }, "w.ini:7: warning: [site] mode: odd" },
	{ "the file as a whole", { .file = STR_INIT("w.ini"), .sentence = STR_INIT("is empty") }, "w.ini: is empty" },
	{ "a section without a key", { .file = STR_INIT("w.ini"), .line = 1, .section = STR_INIT("x"),
	    .sentence = STR_INIT("unknown") }, "w.ini:1: [x] unknown" },
	{ "a key without a section", { .file = STR_INIT("w.ini"), .line = 1, .key = STR_INIT("k"),
	    .sentence = STR_INIT("too early") }, "w.ini:1: k: too early" },
	{ "a terminal's escapes are dead, in every part", { .file = STR_INIT("a\033b"), .line = 1,
	    .section = STR_INIT("c\nd"), .key = STR_INIT("e\177f"), .sentence = STR_INIT("g\0h") },
	    "a b:1: [c d] e f: g h" },
};

static void
test_problem_format(void)
{
	for (size_t i = 0; i < COUNT(formats); i++) {
		char text[128];

		problem_format(&formats[i].problem, text, sizeof text);
		check_str(formats[i].say, str_of(text), formats[i].text);
	}
}

static void
test_problem_format_is_cut(void)
{
	for (size_t size = 1; size <= 40; size++) {
		char text[41];

		memset(text, '#', sizeof text);
		problem_format(&formats[0].problem, text, size);
		CHECK("it ends within its size", memchr(text, '\0', size) != NULL);
		CHECK("nothing is written behind it", text[size] == '#');
		CHECK("it is the beginning of the line", strncmp(text, formats[0].text, strlen(text)) == 0);
		if (size > strlen(formats[0].text))
			check_str("it is whole where it fits", str_of(text), formats[0].text);
	}
}

static void
test_problem_order_and_counts(void)
{
	struct problems problems = { .arena = arena_new_growing(64 * 1024) };
	char file[] = "w.ini", section[] = "site", key[] = "mode";
	struct place place = { str_of(file), 3, str_of(section), str_of(key) };

	CU_ASSERT_PTR_NOT_NULL_FATAL(problems.arena);
	problem_error(&problems, &place, "first %d", 1);
	problem_warning(&problems, &place, "second");
	problem_error(&problems, &(struct place){ .file = STR("w.ini") }, "third %s", "%s");
	check_int("errors", problems.errors, 2);
	check_int("warnings", problems.warnings, 1);
	memset(file, 'x', sizeof file - 1);
	memset(section, 'x', sizeof section - 1);
	memset(key, 'x', sizeof key - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(problems.first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(problems.first->next);
	CU_ASSERT_PTR_EQUAL_FATAL(problems.first->next->next, problems.last);
	CU_ASSERT_PTR_NULL(problems.last->next);
	check_str("the first is first", problems.first->sentence, "first 1");
	check_str("its file outlives the place", problems.first->file, "w.ini");
	check_str("... its section", problems.first->section, "site");
	check_str("... its key", problems.first->key, "mode");
	check_int("its line", problems.first->line, 3);
	CHECK("an error is no warning", !problems.first->warning && !problems.last->warning);
	CHECK("a warning is one", problems.first->next->warning);
	check_str("what is told is no format", problems.last->sentence, "third %s");
	arena_free(problems.arena);
}

static void
test_problem_without_memory(void)
{
	struct problems problems = { .arena = arena_new_fixed(16) };
	struct place place = { .file = STR("w.ini"), .line = 1 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(problems.arena);
	for (int i = 0; i < 10; i++)
		problem_error(&problems, &place, "error %d", i);
	check_int("too many errors are errors all the same", problems.errors, 10);
	CU_ASSERT_PTR_NOT_NULL_FATAL(problems.first);
	check_str("and one of them is told", problems.first->sentence, "out of memory");
	CU_ASSERT_PTR_NULL(problems.first->next);
	arena_free(problems.arena);
}

static void
test_problem_long_sentence(void)
{
	struct problems problems = { .arena = arena_new_growing(64 * 1024) };
	struct place place = { .file = STR("w.ini"), .line = 1 };
	static char longer[3001];

	CU_ASSERT_PTR_NOT_NULL_FATAL(problems.arena);
	memset(longer, 'a', sizeof longer - 1);
	problem_error(&problems, &place, "%s", longer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(problems.first);
	check_int("a long sentence is cut, not lost", (int64_t)problems.first->sentence.len, 1023);
	arena_free(problems.arena);
}

int
suite_problem(void)
{
	CU_pSuite suite = CU_add_suite("base/problem", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "format", test_problem_format) == NULL ||
	    CU_add_test(suite, "format is cut", test_problem_format_is_cut) == NULL ||
	    CU_add_test(suite, "order and counts", test_problem_order_and_counts) == NULL ||
	    CU_add_test(suite, "without memory", test_problem_without_memory) == NULL ||
	    CU_add_test(suite, "long sentence", test_problem_long_sentence) == NULL)
		return -1;
	return 0;
}
