/* SPDX-License-Identifier: MIT */
/* Secrets: digests as FIPS 180-2 prints them, what a secret may look like, and what matches it. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/secret.h"
#include "support.h"

#define ABC_HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

int suite_secret(void);

static void
test_secret_sha256(void)
{
	static const uint8_t abc[SHA256_SIZE] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_BASE64_MAX];

	CHECK("it can be initialised twice", secret_init() == 0 && secret_init() == 0);
	sha256(STR("abc"), digest);
	CHECK("the digest of abc", memcmp(digest, abc, sizeof abc) == 0);
	sha256_base64(STR("abc"), text);
	check_str("abc in base64", str_of(text), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
	sha256_base64(STR_NONE, text);
	check_str("nothing in base64", str_of(text), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static const struct {
	const char *say, *text;
	int         rc;
	const char *matches;            /* what is offered and right */
} cases[] = {
	{ "a digest",                       "sha256:" ABC_HEX,           0,       "abc" },
	{ "a digest in capitals",
	    "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", 0, "abc" },
	{ "a digest with a digit too few",  "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
	    -EINVAL, NULL },
	{ "... with one too many",          "sha256:" ABC_HEX "0",       -EINVAL, NULL },
	{ "... with a letter past f",
	    "sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", -EINVAL, NULL },
	{ "... with a bad last letter",
	    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ax", -EINVAL, NULL },
	{ "... with a blank within",
	    "sha256:ba7816bf 8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a", -EINVAL, NULL },
	{ "a prefix alone",                 "sha256:",                   -EINVAL, NULL },
	{ "a prefix and a plain text",      "sha256:correct horse battery", -EINVAL, NULL },
	{ "nothing",                        "",                          -ERANGE, NULL },
	{ "15 bytes are too short",         "123456789012345",           -ERANGE, NULL },
	{ "16 bytes are 128 bits",          "1234567890123456",          0,       "1234567890123456" },
	{ "bytes count, not characters",    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 0,
	    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" },
	{ "a long one",
	    "correct horse battery staple correct horse battery staple correct horse battery staple", 0,
	    "correct horse battery staple correct horse battery staple correct horse battery staple" },
};

static void
test_secret_parse(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct secret secret, before;
		int rc;

		memset(&secret, 0x5a, sizeof secret);
		before = secret;
		rc = secret_parse(str_of(cases[i].text), &secret);
		check_int(cases[i].say, rc, cases[i].rc);
		if (rc != 0)
			CHECK(cases[i].say, memcmp(&secret, &before, sizeof secret) == 0);
		else
			CHECK(cases[i].say, secret_matches(&secret, str_of(cases[i].matches)));
	}
}

static const struct {
	const char *say;
	struct str  offered;
	bool        matches;
} offers[] = {
	{ "the secret",               STR_INIT("correct horse 42"),   true },
	{ "nothing",                  STR_INIT(""),                   false },
	{ "its beginning",            STR_INIT("correct horse 4"),    false },
	{ "more than it",             STR_INIT("correct horse 42 "),  false },
	{ "a blank before it",        STR_INIT(" correct horse 42"),  false },
	{ "another case",             STR_INIT("Correct horse 42"),   false },
	{ "another first byte",       STR_INIT("xorrect horse 42"),   false },
	{ "another last byte",        STR_INIT("correct horse 43"),   false },
	{ "it and a NUL",             STR_INIT("correct horse 42\0"), false },
};

static void
test_secret_matches(void)
{
	struct secret secret, digest;

	CU_ASSERT_EQUAL_FATAL(secret_parse(STR("correct horse 42"), &secret), 0);
	for (size_t i = 0; i < COUNT(offers); i++)
		CHECK(offers[i].say, secret_matches(&secret, offers[i].offered) == offers[i].matches);
	CHECK("no text", !secret_matches(&secret, STR_NONE));
	CU_ASSERT_EQUAL_FATAL(secret_parse(STR("sha256:" ABC_HEX), &digest), 0);
	CHECK("who read the configuration cannot use the digest", !secret_matches(&digest, STR("sha256:" ABC_HEX)));
	CHECK("nor its digits", !secret_matches(&digest, STR(ABC_HEX)));
}

int
suite_secret(void)
{
	CU_pSuite suite = CU_add_suite("base/secret", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "sha256", test_secret_sha256) == NULL ||
	    CU_add_test(suite, "parse", test_secret_parse) == NULL ||
	    CU_add_test(suite, "matches", test_secret_matches) == NULL)
		return -1;
	return 0;
}
