/* SPDX-License-Identifier: MIT */
/* Writing into a fixed size, and the escape of each place that text from outside can end up in. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "support.h"

int suite_buffer(void);

static void
test_buffer_fills_to_the_last_byte(void)
{
	char memory[5] = "....#";
	struct buffer b;

	buffer_init(&b, memory, 4);
	buffer_add(&b, STR("ab"));
	buffer_add(&b, STR_NONE);
	buffer_add_char(&b, 'c');
	buffer_addf(&b, "%d", 4);
	CHECK("the last byte is used", !b.full);
	check_str("all of it", buffer_str(&b), "abc4");
	buffer_add(&b, STR_NONE);
	CHECK("nothing fits into a buffer without room", !b.full);
	buffer_add_char(&b, 'x');
	CHECK("one more does not fit", b.full);
	check_str("what was there stays", buffer_str(&b), "abc4");
	CHECK("no byte behind the memory", memory[4] == '#');
}

static void
test_buffer_numbers(void)
{
	char memory[32];
	struct buffer b;

	buffer_init(&b, memory, sizeof memory);
	buffer_add_number(&b, 0);
	buffer_add_char(&b, ' ');
	buffer_add_number(&b, 503);
	buffer_add_char(&b, ' ');
	buffer_add_number(&b, UINT64_MAX);
	check_str("numbers", buffer_str(&b), "0 503 18446744073709551615");
	buffer_add_number(&b, 1234567);
	CHECK("one that does not fit is not cut", b.full && b.len == 26);
}

static void
test_buffer_full_takes_nothing_more(void)
{
	char memory[8];
	struct buffer b;

	buffer_init(&b, memory, sizeof memory);
	buffer_add(&b, STR("abc"));
	buffer_add(&b, STR("123456"));
	CHECK("a piece that does not fit fills it", b.full);
	check_str("no half of that piece", buffer_str(&b), "abc");
	buffer_add_char(&b, 'x');
	buffer_addf(&b, "y");
	buffer_add_html(&b, STR("z"));
	check_str("a smaller piece comes too late", buffer_str(&b), "abc");
}

static void
test_buffer_edges(void)
{
	char memory[2000], longer[513];
	struct buffer b;

	buffer_init(&b, NULL, 0);
	CHECK("no memory is full", b.full);
	buffer_add(&b, STR("a"));
	CHECK("... and takes nothing", b.len == 0);
	buffer_init(&b, memory, 0);
	CHECK("no room is not full yet", !b.full);
	buffer_add_char(&b, 'a');
	CHECK("... but with the first byte", b.full);

	memset(longer, 'a', sizeof longer - 1);
	longer[512] = '\0';
	buffer_init(&b, memory, sizeof memory);
	buffer_addf(&b, "%s", longer + 1);
	CHECK("511 bytes can be formatted", !b.full && b.len == 511);
	buffer_addf(&b, "%s", longer);
	CHECK("512 are said to be too many, not cut", b.full && b.len == 511);
}

static void
test_buffer_never_cuts_an_escape(void)
{
	for (size_t size = 0; size < 12; size++) {
		char memory[12];
		struct buffer b;

		buffer_init(&b, memory, size);
		buffer_add_html(&b, STR("<<"));
		CHECK("an entity is whole or not there", b.len % 4 == 0 && b.full == (size < 8));
		buffer_init(&b, memory, size);
		buffer_add_json(&b, STR("\n"));
		CHECK("a \\u escape is whole or not there", b.len % 6 == 0 && b.full == (size < 6));
		buffer_init(&b, memory, size);
		buffer_add_logged(&b, STR("\n"));
		CHECK("a \\x escape is whole or not there", b.len % 4 == 0 && b.full == (size < 4));
	}
}

static const struct {
	const char *say;
	struct str  text;
	const char *html, *json, *plain, *logged;
} escapes[] = {
	{ "nothing", STR_INIT(""), "", "", "", "" },
	{ "plain words", STR_INIT("Back at 4"), "Back at 4", "Back at 4", "Back at 4", "Back at 4" },
	{ "a tag", STR_INIT("<b>"), "&lt;b&gt;", "<b>", "<b>", "<b>" },
	{ "an ampersand, once", STR_INIT("&amp;"), "&amp;amp;", "&amp;", "&amp;", "&amp;" },
	{ "a double quote ends no attribute and no string", STR_INIT("a\"b"), "a&quot;b", "a\\\"b", "a\"b", "a\"b" },
	{ "a single quote ends no attribute", STR_INIT("a'b"), "a&#39;b", "a'b", "a'b", "a'b" },
	{ "a backslash", STR_INIT("a\\b"), "a\\b", "a\\\\b", "a\\b", "a\\x5Cb" },
	{ "a line end makes no second log line", STR_INIT("a\r\nb"), "a\r\nb", "a\\u000d\\u000ab", "a  b",
	    "a\\x0D\\x0Ab" },
	{ "a terminal's escape", STR_INIT("\033[2J"), "\033[2J", "\\u001b[2J", " [2J", "\\x1B[2J" },
	{ "the same in UTF-8", STR_INIT("\xc2\x9b[2J"), "\xc2\x9b[2J", "\\u009b[2J", " [2J", "\\xC2\\x9B[2J" },
	{ "its first byte alone", STR_INIT("\xc2"), "\xc2", "\xc2", "\xc2", "\\xC2" },
	{ "a NUL ends nothing", STR_INIT("a\0b"), NULL, "a\\u0000b", "a b", "a\\x00b" },
	{ "DEL", STR_INIT("\177"), "\177", "\\u007f", " ", "\\x7F" },
	{ "the first and last that are plain", STR_INIT(" ~"), " ~", " ~", " ~", " ~" },
	{ "UTF-8 stays but in logs", STR_INIT("\xc3\xa4"), "\xc3\xa4", "\xc3\xa4", "\xc3\xa4", "\\xC3\\xA4" },
};

static void
check_escape(const char *say, void (*add)(struct buffer *, struct str), struct str text, const char *want)
{
	char memory[256];
	struct buffer b;

	buffer_init(&b, memory, sizeof memory);
	add(&b, text);
	if (want != NULL)
		check_str(say, buffer_str(&b), want);
	CHECK(say, !b.full);
}

static void
test_buffer_escapes(void)
{
	for (size_t i = 0; i < COUNT(escapes); i++) {
		check_escape(escapes[i].say, buffer_add_html, escapes[i].text, escapes[i].html);
		check_escape(escapes[i].say, buffer_add_json, escapes[i].text, escapes[i].json);
		check_escape(escapes[i].say, buffer_add_plain, escapes[i].text, escapes[i].plain);
		check_escape(escapes[i].say, buffer_add_logged, escapes[i].text, escapes[i].logged);
	}
}

/* Whatever the byte: JSON stays JSON, HTML has no live markup, a log line is one line of ASCII. */
static void
test_buffer_every_byte(void)
{
	for (int c = 0; c < 256; c++) {
		char byte = (char)c, memory[16], say[32];
		struct str text = { &byte, 1 };
		struct buffer b;

		(void)snprintf(say, sizeof say, "byte %d", c);
		buffer_init(&b, memory, sizeof memory);
		buffer_add_char(&b, '"');
		buffer_add_json(&b, text);
		buffer_add_char(&b, '"');
		CHECK(say, json_valid(buffer_str(&b)));
		buffer_init(&b, memory, sizeof memory);
		buffer_add_html(&b, text);
		CHECK(say, b.len > 1 || strchr("<>\"'&", byte) == NULL || byte == '\0');
		buffer_init(&b, memory, sizeof memory);
		buffer_add_logged(&b, text);
		for (size_t i = 0; i < b.len; i++)
			CHECK(say, b.data[i] >= ' ' && b.data[i] <= '~');
		buffer_init(&b, memory, sizeof memory);
		buffer_add_plain(&b, text);
		CHECK(say, b.len == 1 && (unsigned char)b.data[0] >= ' ' && b.data[0] != 0x7f);
	}
}

int
suite_buffer(void)
{
	CU_pSuite suite = CU_add_suite("base/buffer", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "fills to the last byte", test_buffer_fills_to_the_last_byte) == NULL ||
	    CU_add_test(suite, "numbers", test_buffer_numbers) == NULL ||
	    CU_add_test(suite, "full takes nothing more", test_buffer_full_takes_nothing_more) == NULL ||
	    CU_add_test(suite, "edges", test_buffer_edges) == NULL ||
	    CU_add_test(suite, "never cuts an escape", test_buffer_never_cuts_an_escape) == NULL ||
	    CU_add_test(suite, "escapes", test_buffer_escapes) == NULL ||
	    CU_add_test(suite, "every byte", test_buffer_every_byte) == NULL)
		return -1;
	return 0;
}
