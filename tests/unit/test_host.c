/* SPDX-License-Identifier: MIT */
/* Hosts: one spelling for each, and no host in a site that only looks like its own. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "rules/host.h"

#define COUNT(array) (sizeof (array) / sizeof *(array))

int suite_host(void);

static void
test_host_normalise(void)
{
	static const struct {
		const char *say, *raw, *want;   /* NULL: refused */
	} cases[] = {
		{ "as it is",                    "shop.example.com",      "shop.example.com" },
		{ "lower case",                  "Shop.EXAMPLE.com",      "shop.example.com" },
		{ "the port is cut",             "example.com:8080",      "example.com" },
		{ "an empty port too",           "example.com:",          "example.com" },
		{ "one final dot is cut",        "example.com.",          "example.com" },
		{ "a dot before the port",       "example.com.:443",      "example.com" },
		{ "IPv4",                        "192.0.2.7:80",          "192.0.2.7" },
		{ "IPv6",                        "[2001:DB8::1]",         "[2001:db8::1]" },
		{ "IPv6 with a port",            "[2001:db8::1]:443",     "[2001:db8::1]" },
		{ "an underscore",               "a_b.example.com",       "a_b.example.com" },
		{ "a single label",              "localhost",             "localhost" },
		{ "nothing",                     "",                      NULL },
		{ "no text",                     NULL,                    NULL },
		{ "only a dot",                  ".",                     NULL },
		{ "only a port",                 ":80",                   NULL },
		{ "two final dots",              "example.com..",         NULL },
		{ "an empty label",              "a..example.com",        NULL },
		{ "an empty first label",        ".example.com",          NULL },
		{ "two ports",                   "example.com:80:80",     NULL },
		{ "a port that is none",         "example.com:http",      NULL },
		{ "a long port",                 "example.com:000080",    NULL },
		{ "a user",                      "user@example.com",      NULL },
		{ "a path",                      "example.com/a",         NULL },
		{ "a list",                      "a.example,b.example",   NULL },
		{ "a blank",                     "example.com ",          NULL },
		{ "a line end",                  "example.com\r\n",       NULL },
		{ "an escape",                   "ex%61mple.com",         NULL },
		{ "a star",                      "*.example.com",         NULL },
		{ "UTF-8",                       "\xc3\xa4.example",      NULL },
		{ "bare IPv6",                   "2001:db8::1",           NULL },
		{ "IPv6 that stays open",        "[2001:db8::1",          NULL },
		{ "IPv6 with a dot behind",      "[2001:db8::1]x",        NULL },
		{ "empty brackets",              "[]",                    NULL },
		{ "one bracket",                 "[",                     NULL },
		{ "IPv4 in brackets",            "[192.0.2.7]",           NULL },
		{ "a name in brackets",          "[example.com]",         NULL },
		{ "a zone",                      "[fe80::1%25eth0]",      NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char buffer[HOST_MAX];
		struct str host = STR_NONE;
		int rc = host_normalise(str_of(cases[i].raw), buffer, &host);
		bool good = rc == (cases[i].want == NULL ? -EINVAL : 0) &&
		    str_eq(host, str_of(cases[i].want));

		if (!good)
			printf("\n  %s: %d, \"%.*s\"", cases[i].say, rc, STR_ARG(host));
		CU_ASSERT(good);
	}
}

static void
test_host_length(void)
{
	char raw[HOST_MAX + 8], buffer[HOST_MAX];
	struct str host = STR_NONE;

	memset(raw, 'a', sizeof raw);
	CU_ASSERT_EQUAL(host_normalise((struct str){ raw, HOST_MAX }, buffer, &host), 0);
	CU_ASSERT_EQUAL(host.len, HOST_MAX);
	CU_ASSERT_EQUAL(host_normalise((struct str){ raw, HOST_MAX + 1 }, buffer, &host), -EINVAL);
	raw[HOST_MAX] = '.';
	CU_ASSERT_EQUAL(host_normalise((struct str){ raw, HOST_MAX + 1 }, buffer, &host), 0);
	CU_ASSERT_EQUAL(host_normalise((struct str){ "a\0b", 3 }, buffer, &host), -EINVAL);
}

static void
test_host_pattern(void)
{
	static const struct {
		const char *say, *pattern;
		bool valid;
	} cases[] = {
		{ "a name",                    "shop.example.com",  true },
		{ "all below",                 "*.example.com",     true },
		{ "all below one label",       "*.localhost",       true },
		{ "IPv6",                      "[2001:db8::1]",     true },
		{ "nothing",                   "",                  false },
		{ "only a star",               "*",                 false },
		{ "a star and a dot",          "*.",                false },
		{ "a star without a dot",      "*example.com",      false },
		{ "two stars",                 "*.*.example.com",   false },
		{ "a star in the middle",      "a.*.example.com",   false },
		{ "upper case",                "Shop.example.com",  false },
		{ "upper case below a star",   "*.Example.com",     false },
		{ "upper case in IPv6",        "[2001:DB8::1]",     false },
		{ "a port",                    "example.com:80",    false },
		{ "a final dot",               "example.com.",      false },
		{ "a first dot",               ".example.com",      false },
		{ "a scheme",                  "https://example.com", false },
		{ "below IPv6",                "*.[2001:db8::1]",   false },
		{ "UTF-8",                     "\xc3\xa4.example",  false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool valid = host_pattern_valid(str_of(cases[i].pattern));

		if (valid != cases[i].valid)
			printf("\n  %s", cases[i].say);
		CU_ASSERT_EQUAL(valid, cases[i].valid);
	}
}

static void
test_host_match(void)
{
	static const struct {
		const char *say, *pattern, *host;
		int closeness;
	} cases[] = {
		{ "the same",                       "example.com",   "example.com",       1011 },
		{ "another",                        "example.com",   "example.org",       0 },
		{ "a name means nothing below",     "example.com",   "a.example.com",     0 },
		{ "one below",                      "*.example.com", "a.example.com",     13 },
		{ "any depth below",                "*.example.com", "a.b.example.com",   13 },
		{ "not the name itself",            "*.example.com", "example.com",       0 },
		{ "not what ends alike",            "*.example.com", "badexample.com",    0 },
		{ "not with only a dot in front",   "*.example.com", ".example.com",      0 },
		{ "a longer pattern is closer",     "*.b.example.com", "a.b.example.com", 15 },
		{ "IPv6",                           "[2001:db8::1]", "[2001:db8::1]",     1013 },
		{ "no host",                        "*.example.com", "",                  0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int got = host_match(str_of(cases[i].pattern), str_of(cases[i].host));

		if (got != cases[i].closeness)
			printf("\n  %s: want %d, got %d", cases[i].say, cases[i].closeness, got);
		CU_ASSERT_EQUAL(got, cases[i].closeness);
	}
}

int
suite_host(void)
{
	CU_pSuite suite = CU_add_suite("rules/host", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "normalise", test_host_normalise) == NULL ||
	    CU_add_test(suite, "length", test_host_length) == NULL ||
	    CU_add_test(suite, "pattern", test_host_pattern) == NULL ||
	    CU_add_test(suite, "match", test_host_match) == NULL)
		return -1;
	return 0;
}
