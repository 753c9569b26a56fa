/* SPDX-License-Identifier: MIT */
/*
 * Path rules: what each form matches, at the segment borders above all, since
 * one that matches too much opens the site.  Globs are compared with a simple
 * recursive matcher, the table with a plain list.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "rules/path.h"

#define COUNT(array) (sizeof (array) / sizeof *(array))

int suite_path(void);

/* Rules parted by blanks, numbered from 0. */
static struct path_set *
set_of(const char *rules)
{
	struct path_set *set = path_set_new();
	struct str rest = str_of(rules), rule;
	int number = 0;

	while (str_split(&rest, ' ', &rule))
		CU_ASSERT_EQUAL(path_set_add(set, rule, number++), 0);
	return set;
}

static void
test_path_match(void)
{
	static const struct {
		const char *say, *rules, *path;
		int number;
	} cases[] = {
		{ "no rule matches nothing",           "",             "/",           -1 },
		{ "a path alone",                      "/a/b",         "/a/b",         0 },
		{ "not with a slash behind",           "/a/b",         "/a/b/",       -1 },
		{ "not what is below",                 "/a/b",         "/a/b/c",      -1 },
		{ "not what begins alike",             "/a/b",         "/a/bc",       -1 },
		{ "not what is above",                 "/a/b",         "/a",          -1 },
		{ "case matters",                      "/a/b",         "/A/b",        -1 },
		{ "a prefix without its slash",        "/a/b/",        "/a/b",         0 },
		{ "a prefix with it",                  "/a/b/",        "/a/b/",        0 },
		{ "a prefix far below",                "/a/b/",        "/a/b/c/d/e",   0 },
		{ "a prefix ends at a segment",        "/a/b/",        "/a/bc",       -1 },
		{ "and below that",                    "/a/b/",        "/a/bc/d",     -1 },
		{ "not above a prefix",                "/a/b/",        "/a/",         -1 },
		{ "not somewhere in the middle",       "/b/",          "/a/b/c",      -1 },
		{ "the root is a prefix of all",       "/",            "/a/b",         0 },
		{ "the root itself",                   "/",            "/",            0 },
		{ "an asterisk-form target is no path", "/ /** /*",    "*",           -1 },
		{ "no path at all",                    "/ /**",        "",            -1 },
		{ "the longest prefix wins",           "/a/ /a/b/ /",  "/a/b/c",       1 },
		{ "a shorter one for the rest",        "/a/ /a/b/ /",  "/a/c",         0 },
		{ "exact before prefix",               "/a/b/ /a/b",   "/a/b",         1 },
		{ "prefix before glob",                "/a/* /a/",     "/a/b",         1 },
		{ "globs in their order",              "/a/** /a/*",   "/a/b",         0 },
		{ "the first number is kept",          "/a/ /a/ /a/b /a/b", "/a/c",    0 },
		{ "a longer path than any rule",       "/a/ /b",       "/a/cccccccccccccccc", 0 },
		{ "and none for it",                   "/a/ /b",       "/b/cccccccccccccccc", -1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct path_set *set = set_of(cases[i].rules);
		int number = path_set_match(set, str_of(cases[i].path));

		if (number != cases[i].number)
			printf("\n  %s: want %d, got %d", cases[i].say, cases[i].number, number);
		CU_ASSERT_EQUAL(number, cases[i].number);
		path_set_free(set);
	}
}

static void
test_path_glob(void)
{
	static const struct {
		const char *say, *glob, *path;
		bool match;
	} cases[] = {
		{ "an extension",                     "/s/*.css",     "/s/a.css",       true },
		{ "nothing before it",                "/s/*.css",     "/s/.css",        true },
		{ "not in a folder below",            "/s/*.css",     "/s/t/a.css",     false },
		{ "not with more behind",             "/s/*.css",     "/s/a.css.map",   false },
		{ "a second try within the segment",  "/s/*.css",     "/s/a.css.css",   true },
		{ "a dot is a dot",                   "/s/*.css",     "/s/axcss",       false },
		{ "below at any depth",               "/s/**.css",    "/s/t/u/a.css",   true },
		{ "and here",                         "/s/**.css",    "/s/a.css",       true },
		{ "both slashes are needed",          "/s/**/a",      "/s/a",           false },
		{ "a folder between",                 "/s/**/a",      "/s/t/a",         true },
		{ "two folders between",              "/s/**/a",      "/s/t/u/a",       true },
		{ "three stars are two",              "/s/***",       "/s/t/u",         true },
		{ "a star in the middle segment",     "/a/*/c",       "/a/b/c",         true },
		{ "never across",                     "/a/*/c",       "/a/b/b/c",       false },
		{ "a glob means nothing below",       "/a/*",         "/a/b/c",         false },
		{ "nor without its slash",            "/a/*",         "/a",             false },
		{ "stars on both sides",              "/a/*b*/c",     "/a/xbx/c",       true },
		{ "brackets are plain",               "/a/[bc]*",     "/a/b",           false },
		{ "brackets match themselves",        "/a/[bc]*",     "/a/[bc]d",       true },
		{ "a star can be the rule's end",     "/a*",          "/a",             true },
		{ "a star does not match the root's slash", "/*",     "/a/b",           false },
		{ "two stars match all",              "/**",          "/a/b",           true },
		{ "a control byte is no star",        "/a/*\xc3\xa4", "/a/\001",        false },
		{ "other bytes are bytes",            "/a/*\xc3\xa4", "/a/x\xc3\xa4",   true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct path_set *set = set_of(cases[i].glob);
		bool match = path_set_match(set, str_of(cases[i].path)) == 0;

		if (match != cases[i].match)
			printf("\n  %s: %s on %s", cases[i].say, cases[i].glob, cases[i].path);
		CU_ASSERT_EQUAL(match, cases[i].match);
		path_set_free(set);
	}
}

static void
test_path_add(void)
{
	static const struct {
		const char *say, *rule;
		int rc;
	} cases[] = {
		{ "the root",                    "/",           0 },
		{ "a name that begins with dots", "/...",       0 },
		{ "a hidden file",               "/.well-known/", 0 },
		{ "a glob of hidden files",      "/.*",         0 },
		{ "bytes of UTF-8",              "/\xc3\xa4",   0 },
		{ "nothing",                     "",            -EINVAL },
		{ "no slash in front",           "a/b",         -EINVAL },
		{ "only a star",                 "*",           -EINVAL },
		{ "an empty segment",            "/a//b",       -EINVAL },
		{ "an empty segment in front",   "//a",         -EINVAL },
		{ "an empty segment at the end", "/a//",        -EINVAL },
		{ "a dot segment",               "/a/./b",      -EINVAL },
		{ "a dot at the end",            "/a/.",        -EINVAL },
		{ "a way up",                    "/a/../b",     -EINVAL },
		{ "a way up at the end",         "/a/..",       -EINVAL },
		{ "a way up in a glob",          "/a/*/../b",   -EINVAL },
		{ "an escape",                   "/a%20b",      -EINVAL },
		{ "a query",                     "/a?b",        -EINVAL },
		{ "a fragment",                  "/a#b",        -EINVAL },
		{ "a control character",         "/a\001b",     -EINVAL },
		{ "DEL",                         "/a\177",      -EINVAL },
		{ "a whole URL",                 "https://example.com/a", -EINVAL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct path_set *set = path_set_new();
		int rc = path_set_add(set, str_of(cases[i].rule), 0);

		if (rc != cases[i].rc)
			printf("\n  %s: want %d, got %d", cases[i].say, cases[i].rc, rc);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_EQUAL(path_set_count(set), rc == 0);
		path_set_free(set);
	}
	path_set_free(NULL);
}

static void
test_path_lengths(void)
{
	struct path_set *set = path_set_new();
	char text[PATH_RULE_MAX + 1];

	memset(text, 'a', sizeof text);
	text[0] = '/';
	CU_ASSERT_EQUAL(path_set_add(set, (struct str){ text, PATH_RULE_MAX + 1 }, 1), -EINVAL);
	CU_ASSERT_EQUAL(path_set_add(set, (struct str){ text, PATH_RULE_MAX }, 2), 0);
	CU_ASSERT_EQUAL(path_set_match(set, (struct str){ text, PATH_RULE_MAX }), 2);
	CU_ASSERT_EQUAL(path_set_match(set, (struct str){ text, PATH_RULE_MAX - 1 }), -1);
	text[1] = '*';
	CU_ASSERT_EQUAL(path_set_add(set, (struct str){ text, PATH_GLOB_MAX + 1 }, 3), -EINVAL);
	CU_ASSERT_EQUAL(path_set_add(set, (struct str){ text, PATH_GLOB_MAX }, 4), 0);
	CU_ASSERT_EQUAL(path_set_match(set, (struct str){ text, PATH_GLOB_MAX }), 4);
	CU_ASSERT_EQUAL(path_set_match(set, (struct str){ text, PATH_GLOB_MAX + 40 }), 4);
	CU_ASSERT_EQUAL(path_set_match(set, (struct str){ text, PATH_GLOB_MAX - 10 }), -1);
	CU_ASSERT_EQUAL(path_set_count(set), 2);
	path_set_free(set);
}

static void
test_path_is_full(void)
{
	struct path_set *set = path_set_new();
	char text[32];
	int wrong = 0;

	for (int i = 0; i < PATH_RULES_MAX; i++) {
		int len = snprintf(text, sizeof text, "/%d/x%s", i, i % 2 == 0 ? "/" : "");

		wrong += path_set_add(set, (struct str){ text, (size_t)len }, i) != 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(path_set_add(set, STR("/y"), 0), -E2BIG);
	CU_ASSERT_EQUAL(path_set_add(set, STR("/0/x/"), 9), 0);         /* there already */
	CU_ASSERT_EQUAL(path_set_count(set), PATH_RULES_MAX);
	for (int i = 0; i < PATH_RULES_MAX; i++) {
		int len = snprintf(text, sizeof text, "/%d/x/y", i);
		int below = path_set_match(set, (struct str){ text, (size_t)len });

		wrong += below != (i % 2 == 0 ? i : -1);
		wrong += path_set_match(set, (struct str){ text, (size_t)len - 2 }) != i;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	path_set_free(set);
}

static void
test_path_is_below(void)
{
	static const struct {
		const char *say, *path, *prefix;
		bool below;
	} cases[] = {
		{ "the prefix itself",           "/shop/",     "/shop/", true },
		{ "without its slash",           "/shop",      "/shop/", true },
		{ "below it",                    "/shop/cart", "/shop/", true },
		{ "a longer name",               "/shopping",  "/shop/", false },
		{ "above it",                    "/",          "/shop/", false },
		{ "all is below the root",       "/a",         "/",      true },
		{ "what is no prefix has nothing below", "/a", "",       false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool below = path_is_below(str_of(cases[i].path), str_of(cases[i].prefix));

		if (below != cases[i].below)
			printf("\n  %s", cases[i].say);
		CU_ASSERT_EQUAL(below, cases[i].below);
	}
}

static uint32_t
next_random(uint32_t *state)            /* xorshift32, so that every run is the same */
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Tries every length for each star: slow, and plainly right. */
static bool
naive_glob(const char *glob, const char *path)
{
	bool across = glob[0] == '*' && glob[1] == '*';

	if (glob[0] == '\0')
		return path[0] == '\0';
	if (glob[0] != '*')
		return path[0] == glob[0] && naive_glob(glob + 1, path + 1);
	for (size_t i = 0;; i++) {
		if (naive_glob(glob + (across ? 2 : 1), path + i))
			return true;
		if (path[i] == '\0' || (path[i] == '/' && !across))
			return false;
	}
}

/* "/" and up to `max` - 1 characters of `alphabet`. */
static void
random_text(uint32_t *state, const char *alphabet, char *text, size_t max)
{
	size_t len = 1 + next_random(state) % max;

	text[0] = '/';
	for (size_t i = 1; i < len; i++)
		text[i] = alphabet[next_random(state) % strlen(alphabet)];
	text[len] = '\0';
}

static void
test_path_glob_like_recursion(void)
{
	uint32_t state = 20261120;
	size_t wrong = 0, matches = 0, tried = 0;
	char glob[16], path[16];

	while (tried < 20000) {
		struct path_set *set = path_set_new();
		bool want;

		random_text(&state, "ab/**", glob, 9);
		random_text(&state, "aabb/", path, 11);
		if (strchr(glob, '*') != NULL && path_set_add(set, str_of(glob), 0) == 0) {
			want = naive_glob(glob, path);
			if ((path_set_match(set, str_of(path)) == 0) != want && wrong++ == 0)
				printf("\n  %s on %s: want %d", glob, path, want);
			matches += want;
			tried++;
		}
		path_set_free(set);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(matches > 500 && matches < tried - 500);
}

/* The index of the best of `rules`: exact, else the longest prefix, else -1. */
static int
naive_best(char rules[][16], int count, const char *path)
{
	size_t best_rank = 0;
	int best = -1;

	for (int i = 0; i < count; i++) {
		struct str rule = str_of(rules[i]);
		bool prefix = str_ends(rule, STR("/"));
		bool match = prefix ? path_is_below(str_of(path), rule) :
		    str_eq(str_of(path), rule);
		size_t rank = rule.len * 2 + (prefix ? 0 : 3);

		if (match && rank > best_rank) {
			best_rank = rank;
			best = i;
		}
	}
	return best;
}

static void
test_path_table_like_a_list(void)
{
	uint32_t state = 42;
	char rules[40][16], path[16];
	size_t wrong = 0, hits = 0;

	for (int round = 0; round < 300; round++) {
		struct path_set *set = path_set_new();
		int count = 0;

		for (int i = 0; i < 40; i++) {
			random_text(&state, "ab/", rules[count], 8);
			if (path_set_add(set, str_of(rules[count]), count) == 0)
				count++;
		}
		for (int i = 0; i < 100; i++) {
			int want;

			random_text(&state, "ab/", path, 10);
			want = naive_best(rules, count, path);
			wrong += path_set_match(set, str_of(path)) != want;
			hits += want != -1;
		}
		path_set_free(set);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(hits > 1000);
}

int
suite_path(void)
{
	CU_pSuite suite = CU_add_suite("rules/path", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "match", test_path_match) == NULL ||
	    CU_add_test(suite, "glob", test_path_glob) == NULL ||
	    CU_add_test(suite, "add", test_path_add) == NULL ||
	    CU_add_test(suite, "lengths", test_path_lengths) == NULL ||
	    CU_add_test(suite, "full", test_path_is_full) == NULL ||
	    CU_add_test(suite, "is below", test_path_is_below) == NULL ||
	    CU_add_test(suite, "glob like recursion", test_path_glob_like_recursion) == NULL ||
	    CU_add_test(suite, "table like a list", test_path_table_like_a_list) == NULL)
		return -1;
	return 0;
}
