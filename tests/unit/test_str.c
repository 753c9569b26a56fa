/* SPDX-License-Identifier: MIT */
/* Text by pointer and length, at the edges: where text is empty, absent or cut. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/str.h"

#define COUNT(array) (sizeof (array) / sizeof *(array))

int suite_str(void);

static void
expect(bool good, const char *say)
{
	if (!good)
		printf("\n  %s", say);
	CU_ASSERT(good);
}

static void
test_str_compare(void)
{
	static const struct {
		const char *say, *a, *b;
		bool eq, nocase, starts, ends, contains;        /* of a by b */
	} cases[] = {
		{ "same text",                 "abc",  "abc", true,  true,  true,  true,  true },
		{ "case is not the same",      "aBc",  "AbC", false, true,  false, false, false },
		{ "longer is not the same",    "abcd", "abc", false, false, true,  false, true },
		{ "shorter has no longer part", "ab",   "abc", false, false, false, false, false },
		{ "the end is not the start",  "abcd", "bcd", false, false, false, true,  true },
		{ "a part in the middle",      "abcd", "bc",  false, false, false, false, true },
		{ "everything has the empty part", "abc", "",    false, false, true,  true,  true },
		{ "no text equals empty text", "",     NULL,  true,  true,  true,  true,  true },
		{ "no text has no part",       NULL,   "a",   false, false, false, false, false },
		{ "only letters have a case",  "[",    "{",   false, false, false, false, false },
		{ "@ and ` are no letters",    "@",    "`",   false, false, false, false, false },
		{ "Latin-1 letters have no case", "\xc4", "\xe4", false, false, false, false, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str a = str_of(cases[i].a), b = str_of(cases[i].b);

		expect(str_eq(a, b) == cases[i].eq, cases[i].say);
		expect(str_eq_nocase(a, b) == cases[i].nocase, cases[i].say);
		expect(str_starts(a, b) == cases[i].starts, cases[i].say);
		expect(str_ends(a, b) == cases[i].ends, cases[i].say);
		expect(str_contains(a, b) == cases[i].contains, cases[i].say);
	}
}

static void
test_str_sub(void)
{
	static const struct {
		const char *say, *text;
		size_t from, to;
		const char *want;
	} cases[] = {
		{ "the middle",                    "abcd", 1, 3,        "bc" },
		{ "past the end is cut",           "abcd", 2, 99,       "cd" },
		{ "from past the end is empty",    "abcd", 9, SIZE_MAX, "" },
		{ "backwards is empty",            "abcd", 3, 1,        "" },
		{ "no text stays no text",         NULL,   1, 2,        NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str got = str_sub(str_of(cases[i].text), cases[i].from, cases[i].to);

		expect(str_eq(got, str_of(cases[i].want)), cases[i].say);
		expect((got.p == NULL) == (cases[i].want == NULL), cases[i].say);
	}
}

static void
test_str_trim(void)
{
	static const struct {
		const char *say, *text, *want;
	} cases[] = {
		{ "blanks and tabs go at both ends", " \t a b\t ", "a b" },
		{ "only blanks leave nothing",       " \t ",       "" },
		{ "line ends stay",                  "a\r\n",      "a\r\n" },
		{ "nothing to do",                   "a",          "a" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		expect(str_eq(str_trim(str_of(cases[i].text)), str_of(cases[i].want)), cases[i].say);
	expect(str_trim(STR_NONE).p == NULL, "no text stays no text");
}

static void
test_str_find(void)
{
	static const struct {
		const char *say, *text;
		size_t first, last;
	} cases[] = {
		{ "first and last differ",  "a/b/c", 1, 3 },
		{ "at the very ends",       "/ab/",  0, 3 },
		{ "none is the length",     "abc",   3, 3 },
		{ "nothing in empty text",  "",      0, 0 },
		{ "nothing in no text",     NULL,    0, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		expect(str_find(str_of(cases[i].text), '/') == cases[i].first, cases[i].say);
		expect(str_find_last(str_of(cases[i].text), '/') == cases[i].last, cases[i].say);
	}
	expect(str_find((struct str){ "a\0/", 3 }, '/') == 2, "a NUL is a byte like others");
	expect(str_find((struct str){ "ab/", 2 }, '/') == 2, "nothing is read past the length");
}

/* The parts of `text`, each in brackets. */
static const char *
split_shown(struct str text, char *buffer, size_t size)
{
	struct str part;
	size_t used = 0;

	buffer[0] = '\0';
	while (used < size && str_split(&text, ',', &part))
		used += (size_t)snprintf(buffer + used, size - used, "[%.*s]", STR_ARG(part));
	return buffer;
}

static void
test_str_split(void)
{
	static const struct {
		const char *say, *text, *want;
	} cases[] = {
		{ "no text has no part",           NULL,       "" },
		{ "empty text has no part",        "",         "" },
		{ "one part",                      "a",        "[a]" },
		{ "parts are trimmed",             " a ,\tb ", "[a][b]" },
		{ "an empty part in the middle",   "a,,b",     "[a][][b]" },
		{ "an empty part at the end",      "a,",       "[a][]" },
		{ "an empty part at the start",    ",a",       "[][a]" },
		{ "a separator parts two nothings", ",",       "[][]" },
		{ "two separators, three nothings", ",,",      "[][][]" },
		{ "blanks are an empty part",      "a, ",      "[a][]" },
	};
	char buffer[64];

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = split_shown(str_of(cases[i].text), buffer, sizeof buffer);

		expect(strcmp(got, cases[i].want) == 0, cases[i].say);
	}
}

static void
test_str_split_part_again(void)
{
	struct str rest = STR("a,"), part, inner;

	CU_ASSERT(str_split(&rest, ',', &part));
	CU_ASSERT(str_split(&rest, ',', &part));
	CU_ASSERT_EQUAL(part.len, 0);
	CU_ASSERT_PTR_NOT_NULL(part.p);
	expect(!str_split(&part, ';', &inner), "the empty last part has no parts itself");
	part = STR("kept");
	CU_ASSERT_FALSE(str_split(&rest, ',', &part));
	expect(str_eq(part, STR("kept")), "what there is no part for stays untouched");
}

static void
test_str_number(void)
{
	static const struct {
		const char *say, *text;
		int64_t min, max;
		int rc;
		int64_t value;
	} cases[] = {
		{ "a number",                   "8503",                0, 65535,     0,       8503 },
		{ "zero",                       "0",                   0, 9,         0,       0 },
		{ "the largest there is",       "9223372036854775807", 0, INT64_MAX, 0,       INT64_MAX },
		{ "one more than the largest",  "9223372036854775808", 0, INT64_MAX, -EINVAL, 0 },
		{ "far more than the largest",  "99999999999999999999", 0, INT64_MAX, -EINVAL, 0 },
		{ "the minimum is in",          "5",                   5, 9,         0,       5 },
		{ "below the minimum",          "4",                   5, 9,         -EINVAL, 0 },
		{ "the maximum is in",          "9",                   5, 9,         0,       9 },
		{ "above the maximum",          "10",                  5, 9,         -EINVAL, 0 },
		{ "nothing is no number",       "",                    0, 9,         -EINVAL, 0 },
		{ "leading zeros are refused",  "007",                 0, 9,         -EINVAL, 0 },
		{ "two zeros are refused",      "00",                  0, 9,         -EINVAL, 0 },
		{ "signs are refused",          "+1",                  0, 9,         -EINVAL, 0 },
		{ "minus is refused",           "-1",                 -9, 9,         -EINVAL, 0 },
		{ "blanks are refused",         " 1",                  0, 9,         -EINVAL, 0 },
		{ "hexadecimal is refused",     "0x1",                 0, 9,         -EINVAL, 0 },
		{ "the byte before 0 is refused", "1/",                  0, 99,        -EINVAL, 0 },
		{ "the byte after 9 is refused", "1:",                  0, 99,        -EINVAL, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t value = -77;
		int rc = str_number(str_of(cases[i].text), cases[i].min, cases[i].max, &value);

		expect(rc == cases[i].rc, cases[i].say);
		expect(value == (cases[i].rc == 0 ? cases[i].value : -77), cases[i].say);
	}
}

static void
test_str_hash(void)
{
	/* published FNV-1a test vectors */
	CU_ASSERT_EQUAL(str_hash(STR_HASH_SEED, STR("")), UINT64_C(0xcbf29ce484222325));
	CU_ASSERT_EQUAL(str_hash(STR_HASH_SEED, STR("a")), UINT64_C(0xaf63dc4c8601ec8c));
	CU_ASSERT_EQUAL(str_hash(STR_HASH_SEED, STR("foobar")), UINT64_C(0x85944171f73967e8));
	/* hashing goes on where it stopped */
	CU_ASSERT_EQUAL(str_hash(str_hash(STR_HASH_SEED, STR("foo")), STR("bar")),
	    str_hash(STR_HASH_SEED, STR("foobar")));
}

static void
test_str_escape(void)
{
	static const struct {
		const char *say, *text;
		size_t at;
		int byte;
	} rows[] = {
		{ "two digits",            "%2f",  0, '/' },  { "in capitals",         "a%2Fb", 1, '/' },
		{ "the highest",           "%fF",  0, 255 },  { "a NUL",               "%00",   0, 0 },
		{ "one digit",             "%2",   0, -1 },   { "none",                "%",     0, -1 },
		{ "no digit",              "%2g",  0, -1 },   { "no digit first",      "%g2",   0, -1 },
		{ "a sign",                "%-1",  0, -1 },   { "not at the percent",  "%2f",   1, -1 },
		{ "behind the end",        "%2f",  3, -1 },   { "far behind the end",  "%2f",   9, -1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		expect(str_escape_at(str_of(rows[i].text), rows[i].at) == rows[i].byte, rows[i].say);
	expect(str_escape_at(STR_NONE, 0) == -1, "no text");
}

/* Every byte at every place of texts that are shorter and longer than two words. */
static void
test_str_control(void)
{
	static const char fillers[] = { 'a', ' ', '~', '\x80', '\xff' };
	char text[19];

	for (size_t filler = 0; filler < sizeof fillers; filler++)
		for (size_t place = 0; place < sizeof text; place++)
			for (int byte = 0; byte < 256; byte++) {
				bool control = byte < 0x20 || byte == 0x7f;

				memset(text, fillers[filler], sizeof text);
				text[place] = (char)byte;
				for (size_t len = place; len <= sizeof text; len++)
					if (str_has_control((struct str){ text, len }) != (control && len > place))
						CU_FAIL("a control character is found exactly where one is");
			}
	expect(!str_has_control(STR_NONE), "no text");
}

int
suite_str(void)
{
	CU_pSuite suite = CU_add_suite("base/str", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "compare", test_str_compare) == NULL ||
	    CU_add_test(suite, "sub", test_str_sub) == NULL ||
	    CU_add_test(suite, "trim", test_str_trim) == NULL ||
	    CU_add_test(suite, "find", test_str_find) == NULL ||
	    CU_add_test(suite, "split", test_str_split) == NULL ||
	    CU_add_test(suite, "split a part again", test_str_split_part_again) == NULL ||
	    CU_add_test(suite, "number", test_str_number) == NULL ||
	    CU_add_test(suite, "escape", test_str_escape) == NULL ||
	    CU_add_test(suite, "control characters", test_str_control) == NULL ||
	    CU_add_test(suite, "hash", test_str_hash) == NULL)
		return -1;
	return 0;
}
