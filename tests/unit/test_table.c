/* SPDX-License-Identifier: MIT */
/* base/table.c: what was added is found with its first number, and nothing else is. */
#include "config.h"

#include "base/table.h"
#include "support.h"

int suite_table(void);

#define NAMES 5000

static void
test_table_few(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct table table = { 0 };
	size_t number = 77;

	CHECK("nothing in a table that never was", !table_find(&table, STR("a"), &number));
	CU_ASSERT_FATAL(table_init(&table, 2, arena));
	CHECK("nothing in an empty one", !table_find(&table, STR("a"), &number) && !table_find(&table, STR_NONE, &number));
	CHECK("one", table_add(&table, STR("a"), 3));
	CHECK("the empty name is one", table_add(&table, STR_NONE, 4));
	CHECK("a name twice", !table_add(&table, STR("a"), 5));
	CHECK("... keeps its number", table_find(&table, STR("a"), &number) && number == 3);
	CHECK("the empty name", table_find(&table, STR(""), &number) && number == 4);
	number = 77;
	CHECK("a name that begins so", !table_find(&table, STR("ab"), &number) && number == 77);
	arena_free(arena);
}

static void
test_table_many(void)
{
	struct arena *arena = arena_new_growing(16 * 1024 * 1024);
	struct table table;
	size_t wrong = 0, number;

	CU_ASSERT_FATAL(table_init(&table, NAMES, arena));
	for (size_t i = 0; i < NAMES; i++)
		wrong += !table_add(&table, arena_printf(arena, "s%zu.example", i), i);
	for (size_t i = 0; i < NAMES; i++) {
		wrong += !table_find(&table, arena_printf(arena, "s%zu.example", i), &number) || number != i;
		wrong += table_find(&table, arena_printf(arena, "t%zu.example", i), &number);
	}
	check_int("each finds its own", (int64_t)wrong, 0);
	arena_free(arena);
}

static void
test_table_short(void)
{
	struct arena *arena = arena_new_growing(64);
	struct table table;
	size_t number;

	CHECK("no memory", !table_init(&table, 1000, arena));
	CHECK("... finds nothing", !table_find(&table, STR("a"), &number));
	arena_free(arena);
}

int
suite_table(void)
{
	CU_pSuite suite = CU_add_suite("base/table", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "few", test_table_few) == NULL ||
	    CU_add_test(suite, "many", test_table_many) == NULL ||
	    CU_add_test(suite, "short", test_table_short) == NULL)
		return -1;
	return 0;
}
