/* SPDX-License-Identifier: MIT */
/* Addresses: what is one, what never is, and that every one has a single usual spelling. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/ip.h"

#define COUNT(array) (sizeof (array) / sizeof *(array))

int suite_ip(void);

struct address_case {
	const char *say, *text;
	const char *want;               /* how ip_format() writes it; NULL: refused */
};

static void
run(const struct address_case *cases, size_t count, int (*parse)(struct str, struct ip_addr *))
{
	for (size_t i = 0; i < count; i++) {
		struct ip_addr addr = { { 0xee } }, untouched = addr;
		char text[IP_TEXT_MAX] = "refused";
		int rc = parse(str_of(cases[i].text), &addr);
		const char *want = cases[i].want == NULL ? "refused" : cases[i].want;

		if (rc == 0)
			ip_format(&addr, text);
		else
			CU_ASSERT(rc == -EINVAL && ip_eq(&addr, &untouched));
		if (strcmp(text, want) != 0)
			printf("\n  %s: want %s, got %s", cases[i].say, want, text);
		CU_ASSERT_STRING_EQUAL(text, want);
	}
}

static void
test_ip_parse(void)
{
	static const struct address_case cases[] = {
		{ "IPv4",                          "192.0.2.7",             "192.0.2.7" },
		{ "the lowest IPv4",               "0.0.0.0",               "0.0.0.0" },
		{ "the highest IPv4",              "255.255.255.255",       "255.255.255.255" },
		{ "v4-mapped is IPv4",             "::ffff:192.0.2.7",      "192.0.2.7" },
		{ "v4-mapped in hexadecimal too",  "::FFFF:c000:207",       "192.0.2.7" },
		{ "IPv6 in full",                  "2001:0DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "the longest run of zeros is short", "2001:0:0:1:0:0:0:1",    "2001:0:0:1::1" },
		{ "the first of two equal runs",   "2001:db8:0:0:1:0:0:1",  "2001:db8::1:0:0:1" },
		{ "one zero group is not shortened", "2001:db8:0:1:1:1:1:1",  "2001:db8:0:1:1:1:1:1" },
		{ "loopback",                      "::1",                   "::1" },
		{ "all zeros",                     "::",                    "::" },
		{ "the longest spelling there is", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "nothing",                       "",                      NULL },
		{ "no text",                       NULL,                    NULL },
		{ "a number over 255",             "192.0.2.256",           NULL },
		{ "three numbers",                 "192.0.2",               NULL },
		{ "one number",                    "3221225991",            NULL },
		{ "five numbers",                  "192.0.2.7.1",           NULL },
		{ "leading zeros",                 "192.0.2.07",            NULL },
		{ "leading zeros in mapped IPv4",  "::ffff:192.0.2.07",     NULL },
		{ "two zeros for one",             "192.0.00.7",            NULL },
		{ "a number of four digits",       "192.0.2.1000",          NULL },
		{ "... with zeros before",         "192.0.2.0007",          NULL },
		{ "a number far too large",        "192.0.2.4294967303",    NULL },
		{ "a dot too many",                "192.0.2.7.",            NULL },
		{ "a dot before",                  ".192.0.2.7",            NULL },
		{ "two dots",                      "192..0.2.7",            NULL },
		{ "dots alone",                    "...",                   NULL },
		{ "a sign",                        "192.0.2.+7",            NULL },
		{ "a negative number",             "192.0.2.-7",            NULL },
		{ "a number of another script",    "192.0.2.\xd9\xa7",      NULL },
		{ "octal",                         "0300.0.2.7",            NULL },
		{ "hexadecimal IPv4",              "0xc0.0.2.7",            NULL },
		{ "a blank before",                " 192.0.2.7",            NULL },
		{ "a blank behind",                "192.0.2.7 ",            NULL },
		{ "a line end behind",             "192.0.2.7\n",           NULL },
		{ "a port",                        "192.0.2.7:80",          NULL },
		{ "brackets",                      "[::1]",                 NULL },
		{ "a zone",                        "fe80::1%eth0",          NULL },
		{ "a prefix",                      "192.0.2.0/24",          NULL },
		{ "two gaps",                      "1::2::3",               NULL },
		{ "five digits",                   "2001:db8::00001",       NULL },
		{ "nine groups",                   "1:2:3:4:5:6:7:8:9",     NULL },
		{ "a name",                        "localhost",             NULL },
		{ "far too long",
		    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:1", NULL },
	};
	struct ip_addr addr;

	run(cases, COUNT(cases), ip_parse);
	CU_ASSERT_EQUAL(ip_parse((struct str){ "192.0.2.7\0x", 11 }, &addr), -EINVAL);
	CU_ASSERT_EQUAL(ip_parse((struct str){ "192.0.2.77", 9 }, &addr), 0);
	CU_ASSERT_EQUAL(addr.bytes[15], 7);
}

/* Texts that are nearly addresses, from a few characters and a few mistakes. */
static size_t
nearly_v4(uint64_t *seed, char text[64])
{
	static const char others[] = "0123456789.. -+xa:/\t";
	size_t len = 0;

	for (int i = 0; i < 4; i++) {
		*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		len += (size_t)snprintf(text + len, 64 - len, *seed >> 60 == 0 ? "%s%03u" : "%s%u", i == 0 ? "" : ".",
		    (unsigned)(*seed >> 33) % (*seed >> 58 == 1 ? 1200 : 256));
	}
	for (uint64_t mistakes = *seed >> 40 & 3, bits = *seed >> 42; mistakes > 1; mistakes--, bits >>= 5) {
		size_t at = (size_t)bits % len;

		if ((bits & 7) == 0)
			len = at > 0 ? at : len;        /* cut off */
		else
			text[at] = others[(bits >> 3) % (sizeof others - 1)];
	}
	text[len] = '\0';
	return len;
}

/* IPv4 is read as inet_pton() reads it, whatever the text. */
static void
test_ip_parse_as_inet_pton(void)
{
	uint64_t seed = 42;
	int wrong = 0, good = 0, bad = 0;

	for (int i = 0; i < 300000; i++) {
		struct ip_addr addr;
		char text[64];
		uint8_t want[4];
		size_t len = nearly_v4(&seed, text);
		bool ok = inet_pton(AF_INET, text, want) == 1;

		if (strchr(text, ':') != NULL)
			continue;
		if ((ip_parse((struct str){ text, len }, &addr) == 0) != ok ||
		    (ok && (!ip_is_v4(&addr) || memcmp(addr.bytes + 12, want, 4) != 0))) {
			printf("\n  %s: %s to inet_pton()", text, ok ? "an address" : "none");
			wrong++;
		}
		good += ok;
		bad += !ok;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(good > 10000 && bad > 10000);
}

static void
test_ip_parse_forwarded(void)
{
	static const struct address_case cases[] = {
		{ "bare IPv4",                    "192.0.2.7",               "192.0.2.7" },
		{ "bare IPv6",                    "2001:db8::1",             "2001:db8::1" },
		{ "IPv4 with a port",             "192.0.2.7:443",           "192.0.2.7" },
		{ "brackets",                     "[2001:db8::1]",           "2001:db8::1" },
		{ "brackets with a port",         "[2001:db8::1]:65535",     "2001:db8::1" },
		{ "mapped in brackets is IPv4",   "[::ffff:192.0.2.7]:1",    "192.0.2.7" },
		{ "what could be a port is not",  "2001:db8::1:443",         "2001:db8::1:443" },
		{ "an empty port",                "192.0.2.7:",              NULL },
		{ "an empty port behind brackets", "[::1]:",                 NULL },
		{ "a port over 65535",            "192.0.2.7:65536",         NULL },
		{ "a port of six digits",         "192.0.2.7:000443",        NULL },
		{ "an obfuscated port",           "192.0.2.7:_http",         NULL },
		{ "a signed port",                "192.0.2.7:+80",           NULL },
		{ "text behind brackets",         "[::1]x",                  NULL },
		{ "digits behind brackets",       "[::1]443",                NULL },
		{ "brackets that stay open",      "[::1",                    NULL },
		{ "brackets that never open",     "::1]",                    NULL },
		{ "empty brackets",               "[]",                      NULL },
		{ "IPv4 in brackets",             "[192.0.2.7]",             NULL },
		{ "brackets twice",               "[[::1]]",                 NULL },
		{ "a zone in brackets",           "[fe80::1%eth0]:80",       NULL },
		{ "RFC 7239's unknown",           "unknown",                 NULL },
		{ "a name with a port",           "localhost:80",            NULL },
		{ "nothing",                      "",                        NULL },
		{ "only a port",                  ":80",                     NULL },
	};

	run(cases, COUNT(cases), ip_parse_forwarded);
}

static void
test_ip_kinds(void)
{
	struct ip_addr v4, mapped, v6, compatible;

	CU_ASSERT_EQUAL(ip_parse(STR("192.0.2.7"), &v4), 0);
	CU_ASSERT_EQUAL(ip_parse(STR("::ffff:192.0.2.7"), &mapped), 0);
	CU_ASSERT_EQUAL(ip_parse(STR("2001:db8::ffff:c000:207"), &v6), 0);
	CU_ASSERT_EQUAL(ip_parse(STR("::c000:207"), &compatible), 0);
	CU_ASSERT_TRUE(ip_is_v4(&v4));
	CU_ASSERT_FALSE(ip_is_v4(&v6));
	CU_ASSERT_FALSE(ip_is_v4(&compatible));
	CU_ASSERT_TRUE(ip_eq(&v4, &mapped));
	CU_ASSERT_FALSE(ip_eq(&v4, &compatible));
	v4.bytes[15]++;
	CU_ASSERT_FALSE(ip_eq(&v4, &mapped));
}

int
suite_ip(void)
{
	CU_pSuite suite = CU_add_suite("base/ip", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "parse", test_ip_parse) == NULL ||
	    CU_add_test(suite, "parse as inet_pton", test_ip_parse_as_inet_pton) == NULL ||
	    CU_add_test(suite, "parse forwarded", test_ip_parse_forwarded) == NULL ||
	    CU_add_test(suite, "kinds", test_ip_kinds) == NULL)
		return -1;
	return 0;
}
