/* SPDX-License-Identifier: MIT */
/* UTF-8 (RFC 3629): the borders of each length, and what looks like UTF-8 but is none. */
#include "config.h"

#include "base/utf8.h"
#include "support.h"

int suite_utf8(void);

static const struct {
	const char *say;
	struct str  text;
	bool        valid;
} cases[] = {
	{ "nothing",                            STR_INIT(""),                     true },
	{ "ASCII",                              STR_INIT("abc\x7f"),              true },
	{ "a NUL is a character",               STR_INIT("a\0b"),                 true },
	{ "the first of two bytes",             STR_INIT("\xc2\x80"),             true },
	{ "the last of two bytes",              STR_INIT("\xdf\xbf"),             true },
	{ "the first of three bytes",           STR_INIT("\xe0\xa0\x80"),         true },
	{ "the last before the surrogates",     STR_INIT("\xed\x9f\xbf"),         true },
	{ "the first behind the surrogates",    STR_INIT("\xee\x80\x80"),         true },
	{ "the last of three bytes",            STR_INIT("\xef\xbf\xbf"),         true },
	{ "the first of four bytes",            STR_INIT("\xf0\x90\x80\x80"),     true },
	{ "the last there is, U+10FFFF",        STR_INIT("\xf4\x8f\xbf\xbf"),     true },
	{ "all lengths in a row",               STR_INIT("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa7z"), true },
	{ "one past U+10FFFF",                  STR_INIT("\xf4\x90\x80\x80"),     false },
	{ "the lead byte F5",                   STR_INIT("\xf5\x80\x80\x80"),     false },
	{ "the lead byte F8, five bytes",       STR_INIT("\xf8\x88\x80\x80\x80"), false },
	{ "the lead byte FE",                   STR_INIT("\xfe"),                 false },
	{ "the lead byte FF",                   STR_INIT("\xff\xff\xff\xff"),     false },
	{ "the first surrogate",                STR_INIT("\xed\xa0\x80"),         false },
	{ "the last surrogate",                 STR_INIT("\xed\xbf\xbf"),         false },
	{ "a slash in two bytes",               STR_INIT("\xc0\xaf"),             false },
	{ "a NUL in two bytes",                 STR_INIT("\xc0\x80"),             false },
	{ "the last overlong of two bytes",     STR_INIT("\xc1\xbf"),             false },
	{ "the last overlong of three bytes",   STR_INIT("\xe0\x9f\xbf"),         false },
	{ "the last overlong of four bytes",    STR_INIT("\xf0\x8f\xbf\xbf"),     false },
	{ "a lone following byte",              STR_INIT("\x80"),                 false },
	{ "one following byte too many",        STR_INIT("\xc3\xa4\xa4"),         false },
	{ "cut after one of two",               STR_INIT("a\xc3"),                false },
	{ "cut after two of three",             STR_INIT("\xe2\x82"),             false },
	{ "cut after three of four",            STR_INIT("\xf0\x9f\x94"),         false },
	{ "ASCII instead of a following byte",  STR_INIT("\xc3(" "abc"),          false },
	{ "a lead instead of a following byte", STR_INIT("\xe2\x82\xc3\xa4"),     false },
	{ "Latin-1",                            STR_INIT("M\xfcller"),            false },
};

static void
test_utf8_valid(void)
{
	for (size_t i = 0; i < COUNT(cases); i++)
		CHECK(cases[i].say, utf8_valid(cases[i].text) == cases[i].valid);
	CHECK("no text", utf8_valid(STR_NONE));
	for (size_t len = 1; len <= 24; len++)
		for (size_t at = 0; at < len; at++) {
			char text[25] = "abcdefghijklmnopqrstuvwx";

			CHECK("only ASCII", utf8_valid((struct str){ text, len }));
			text[at] = '\xe4';
			CHECK("one wrong byte, wherever it stands", !utf8_valid((struct str){ text, len }));
		}
}

/* Every code point, written by the definition. */
static void
test_utf8_every_code_point(void)
{
	size_t refused = 0;

	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char bytes[4];
		size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
		uint32_t rest = code;

		for (size_t i = len - 1; i > 0; i--, rest >>= 6)
			bytes[i] = (char)(0x80 | (rest & 0x3f));
		bytes[0] = (char)(leads[len] | rest);
		refused += !utf8_valid((struct str){ bytes, len });
	}
	check_int("only the surrogates are refused", (int64_t)refused, 0x800);
}

int
suite_utf8(void)
{
	CU_pSuite suite = CU_add_suite("base/utf8", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "valid", test_utf8_valid) == NULL ||
	    CU_add_test(suite, "every code point", test_utf8_every_code_point) == NULL)
		return -1;
	return 0;
}
