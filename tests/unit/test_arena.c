/* SPDX-License-Identifier: MIT */
/* Arenas: pieces are apart, aligned and bounded; a full arena is an answer, not a crash. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/arena.h"

int suite_arena(void);

static void
test_arena_fixed_reset(void)
{
	struct arena *arena = arena_new_fixed(1000);
	size_t first = 0, second = 0;
	const void *start = NULL;
	void *piece;

	while ((piece = arena_alloc(arena, 100)) != NULL) {
		start = start == NULL ? piece : start;
		memset(piece, 0xa5, 100);
		first++;
	}
	CU_ASSERT(first >= 8 && first <= 10);
	arena_reset(arena);
	CU_ASSERT_PTR_EQUAL(arena_alloc(arena, 100), start);
	for (second = 1; arena_alloc(arena, 100) != NULL;)
		second++;
	CU_ASSERT_EQUAL(first, second);
	arena_free(arena);
}

static void
test_arena_fixed_holds_its_size(void)
{
	struct arena *arena = arena_new_fixed(1000);

	CU_ASSERT_PTR_NOT_NULL(arena_alloc(arena, 1000));
	CU_ASSERT_PTR_NULL(arena_alloc(arena, 16));
	arena_free(arena);
	arena_free(NULL);
}

static void
test_arena_pieces(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	unsigned char *pieces[300];

	for (size_t i = 0; i < 300; i++) {
		pieces[i] = arena_alloc(arena, i);
		CU_ASSERT_EQUAL((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		CU_ASSERT(i == 0 || pieces[i] != pieces[i - 1]);
		if (i > 0)
			memset(pieces[i], (int)(i % 251), i);
	}
	for (size_t i = 1; i < 300; i++) {
		CU_ASSERT_EQUAL(pieces[i][0], i % 251);
		CU_ASSERT_EQUAL(pieces[i][i - 1], i % 251);
	}
	arena_free(arena);
}

static void
test_arena_growing(void)
{
	struct arena *arena = arena_new_growing(100000);
	size_t taken = 0;

	CU_ASSERT_PTR_NULL(arena_alloc(arena, 100001));
	while (arena_alloc(arena, 1600) != NULL)
		taken += 1600;
	CU_ASSERT(taken <= 100000);
	CU_ASSERT(taken > 80000);       /* the ends of blocks are the only waste */
	arena_reset(arena);
	CU_ASSERT_PTR_NOT_NULL(arena_alloc(arena, 100000));
	CU_ASSERT_PTR_NULL(arena_alloc(arena, 1));
	arena_free(arena);
}

static void
test_arena_large_pieces(void)
{
	struct arena *arena = arena_new_growing(4 * 1024 * 1024);
	unsigned char *small = arena_alloc(arena, 16), *large = arena_alloc(arena, 1024 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(small);
	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	memset(small, 1, 16);
	memset(large, 2, 1024 * 1024);
	CU_ASSERT_EQUAL(small[15], 1);
	CU_ASSERT_PTR_NULL(arena_alloc(arena, SIZE_MAX));
	CU_ASSERT_PTR_NULL(arena_alloc(arena, SIZE_MAX - 8));
	arena_free(arena);
}

static void
test_arena_zalloc(void)
{
	struct arena *arena = arena_new_fixed(256);
	unsigned char *piece = arena_alloc(arena, 256);

	CU_ASSERT_PTR_NOT_NULL_FATAL(piece);
	memset(piece, 0xff, 256);
	arena_reset(arena);
	piece = arena_zalloc(arena, 16, 16);
	CU_ASSERT_PTR_NOT_NULL_FATAL(piece);
	for (size_t i = 0; i < 256; i++)
		CU_ASSERT_EQUAL(piece[i], 0);
	arena_reset(arena);
	CU_ASSERT_PTR_NULL(arena_zalloc(arena, SIZE_MAX / 16 + 2, 16));  /* that wraps to 16 */
	arena_free(arena);
}

static void
test_arena_copy(void)
{
	struct arena *arena = arena_new_fixed(64);
	char text[] = "abc";
	struct str copy = arena_copy(arena, (struct str){ text, 2 });
	struct str none = arena_copy(arena, STR_NONE);

	text[0] = 'x';
	CU_ASSERT_EQUAL(copy.len, 2);
	CU_ASSERT_STRING_EQUAL(copy.p, "ab");
	CU_ASSERT_EQUAL(none.len, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(none.p);   /* NULL would say "full" */
	CU_ASSERT_STRING_EQUAL(none.p, "");
	CU_ASSERT_PTR_NULL(arena_copy(arena, STR("0123456789012345678901234567890123456789")).p);
	arena_free(arena);
}

static void
test_arena_printf(void)
{
	struct arena *arena = arena_new_fixed(64);
	struct str text = arena_printf(arena, "%s-%03d", "a", 7), full;

	CU_ASSERT_EQUAL(text.len, 5);
	CU_ASSERT_STRING_EQUAL(text.p, "a-007");
	full = arena_printf(arena, "%0100d", 1);
	CU_ASSERT_PTR_NULL(full.p);
	CU_ASSERT_EQUAL(full.len, 0);
	CU_ASSERT_STRING_EQUAL(text.p, "a-007");
	arena_free(arena);
}

static void
test_arena_was_short(void)
{
	struct arena *arena = arena_new_fixed(64), *growing = arena_new_growing(64);

	CU_ASSERT_FALSE(arena_was_short(arena));
	(void)arena_copy(arena, STR("fits"));
	CU_ASSERT_FALSE(arena_was_short(arena));
	(void)arena_printf(arena, "%0100d", 1);
	(void)arena_copy(arena, STR("fits again"));
	CU_ASSERT_TRUE(arena_was_short(arena));         /* though nobody looked, and the rest did fit */
	arena_reset(arena);
	CU_ASSERT_FALSE(arena_was_short(arena));
	(void)arena_zalloc(growing, SIZE_MAX, 2);
	CU_ASSERT_TRUE(arena_was_short(growing));
	arena_free(arena);
	arena_free(growing);
}

int
suite_arena(void)
{
	CU_pSuite suite = CU_add_suite("base/arena", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "fixed: full, reset", test_arena_fixed_reset) == NULL ||
	    CU_add_test(suite, "fixed: size", test_arena_fixed_holds_its_size) == NULL ||
	    CU_add_test(suite, "aligned and apart", test_arena_pieces) == NULL ||
	    CU_add_test(suite, "growing: maximum", test_arena_growing) == NULL ||
	    CU_add_test(suite, "large pieces", test_arena_large_pieces) == NULL ||
	    CU_add_test(suite, "zalloc", test_arena_zalloc) == NULL ||
	    CU_add_test(suite, "copy", test_arena_copy) == NULL ||
	    CU_add_test(suite, "printf", test_arena_printf) == NULL ||
	    CU_add_test(suite, "was short", test_arena_was_short) == NULL)
		return -1;
	return 0;
}
