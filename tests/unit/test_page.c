/* SPDX-License-Identifier: MIT */
/* answer/page.c: every form of the template, every way it can be wrong, and every place a value can stand. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer/page.h"
#include "base/secret.h"
#include "support.h"

int suite_page(void);

#define X10(text) text text text text text text text text text text

static const struct page_values values = { .v = {
	[PAGE_TITLE] = STR_INIT("Soon"), [PAGE_MESSAGE] = STR_INIT("<b>\"A\" & 'B'</b>"),
	[PAGE_STEP] = STR_INIT("a\\b\n\x01\x7f\xc3\xbc"), [PAGE_ID] = STR_INIT("db-42"), [PAGE_STATUS] = STR_INIT("503"),
	[PAGE_LINK] = STR_INIT("https://a.example/?b=1&c=\"2\""), [PAGE_OVERRUN] = STR_INIT("yes"),
} };

static const struct {
	const char *say;
	enum format format;
	const char *page, *text;
} cases[] = {
	{ "no variable at all",             FORMAT_HTML, "<h1>Back soon</h1>",              "<h1>Back soon</h1>" },
	{ "a variable",                     FORMAT_HTML, "<h1>{{title}}</h1>",              "<h1>Soon</h1>" },
	{ "blanks within",                  FORMAT_HTML, "<h1>{{ title\t}}</h1>",           "<h1>Soon</h1>" },
	{ "a variable alone",               FORMAT_TEXT, "{{title}}",                       "Soon" },
	{ "two, side by side",              FORMAT_TEXT, "{{title}}{{id}}",                 "Soondb-42" },
	{ "the same twice",                 FORMAT_TEXT, "{{id}} {{id}}",                   "db-42 db-42" },
	{ "an empty one is nothing",        FORMAT_TEXT, "a{{contact}}b",                   "ab" },
	{ "escaped in HTML",                FORMAT_HTML, "<p>{{message}}",
	    "<p>&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;&lt;/b&gt;" },
	{ "... also in an attribute",       FORMAT_HTML, "<a href=\"{{link}}\">",
	    "<a href=\"https://a.example/?b=1&amp;c=&quot;2&quot;\">" },
	{ "escaped in JSON",                FORMAT_JSON, "{\"a\":\"{{step}}\",\"b\":\"{{message}}\"}",
	    "{\"a\":\"a\\\\b\\u000a\\u0001\\u007f\xc3\xbc\",\"b\":\"<b>\\\"A\\\" & 'B'</b>\"}" },
	{ "no controls in text",            FORMAT_TEXT, "[{{step}}]",                      "[a\\b   \xc3\xbc]" },
	{ "text needs no other escape",     FORMAT_TEXT, "{{message}}",                     "<b>\"A\" & 'B'</b>" },
	{ "a section that is shown",        FORMAT_TEXT, "a{{#title}}-{{title}}-{{/title}}b", "a-Soon-b" },
	{ "... and one that is not",        FORMAT_TEXT, "a{{#contact}}-{{title}}-{{/contact}}b", "ab" },
	{ "an inverted section, not shown", FORMAT_TEXT, "a{{^title}}-{{id}}-{{/title}}b",  "ab" },
	{ "... and shown",                  FORMAT_TEXT, "a{{^contact}}-{{id}}-{{/contact}}b", "a-db-42-b" },
	{ "both of one",                    FORMAT_TEXT, "{{#until}}u{{/until}}{{^until}}n{{/until}}", "n" },
	{ "nested, both shown",             FORMAT_TEXT, "{{#title}}1{{#id}}2{{/id}}3{{/title}}", "123" },
	{ "nested, the inner is not",       FORMAT_TEXT, "{{#title}}1{{#until}}2{{/until}}3{{/title}}", "13" },
	{ "nested, the outer is not",       FORMAT_TEXT, "a{{#until}}1{{#id}}2{{/id}}3{{/until}}b", "ab" },
	{ "nested in itself",               FORMAT_TEXT, "{{#id}}1{{#id}}2{{/id}}{{/id}}",  "12" },
	{ "an empty section",               FORMAT_TEXT, "a{{#until}}{{/until}}{{#id}}{{/id}}b", "ab" },
	{ "blanks in section marks",        FORMAT_TEXT, "{{# id }}x{{/ id}}{{ ^ id }}y{{ / id }}", "x" },
	{ "a section at the very end",      FORMAT_TEXT, "a{{#until}}b{{/until}}",          "a" },
	{ "a comment",                      FORMAT_TEXT, "a{{! not shown: {x} }}b",         "ab" },
	{ "... over lines",                 FORMAT_TEXT, "a{{!\n\n}}b",                     "ab" },
	{ "single braces are text",         FORMAT_HTML, "<style>a{b:c}</style>{ {title} }", "<style>a{b:c}</style>{ {title} }" },
	{ "closing braces alone too",       FORMAT_HTML, "@media{a{b:c}}{{id}}}}",          "@media{a{b:c}}db-42}}" },
	{ "a value is not looked at again", FORMAT_TEXT, "{{id}}",                          "db-42" },
	{ "section marks within a script",  FORMAT_HTML, "<script>{{#id}}a{{/id}}</script>", "<script>a</script>" },
	{ "a variable behind a script",     FORMAT_HTML, "<SCRIPT></SCRIPT>{{id}}<style></style>{{id}}",
	    "<SCRIPT></SCRIPT>db-42<style></style>db-42" },
	{ "a style's tag in a script",      FORMAT_HTML, "<script>'<style>'</script>{{id}}",
	    "<script>'<style>'</script>db-42" },
	{ "JSON has no scripts",            FORMAT_JSON, "[\"<script>{{id}}\"]",            "[\"<script>db-42\"]" },
	{ "a number for JSON",              FORMAT_JSON, "{{status}}",                      "503" },
	{ "CR LF stays",                    FORMAT_TEXT, "a\r\n{{id}}\r\n",                 "a\r\ndb-42\r\n" },
	{ "UTF-8 stays",                    FORMAT_TEXT, "\xe2\x82\xac {{id}}",             "\xe2\x82\xac db-42" },
};

static void
test_page_render(void)
{
	struct arena *arena = arena_new_growing(8 * 1024 * 1024);

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct page *page = NULL;
		const struct str *pieces = NULL;
		const char *wrong = "";
		unsigned line = 0;
		size_t count = 0;

		check_int(cases[i].say, page_compile(str_of(cases[i].page), cases[i].format, arena, &page, &wrong, &line), 0);
		if (page == NULL) {
			printf("\n  %s: %u: %s", cases[i].say, line, wrong);
			continue;
		}
		check_int(cases[i].say, page_render(page, &values, arena, &pieces, &count), 0);
		check_str(cases[i].say, join_pieces(pieces, count, arena), cases[i].text);
	}
	arena_free(arena);
}

static const struct {
	const char *say;
	enum format format;
	const char *page;
	unsigned    line;
	const char *words;
} bad[] = {
	{ "nothing",                         FORMAT_HTML, "",                             1, "empty" },
	{ "blanks",                          FORMAT_HTML, "  \t ",                        1, "empty" },
	{ "no UTF-8",                        FORMAT_HTML, "gr\xfc\xdf",                   1, "UTF-8" },
	{ "a word that is none",             FORMAT_HTML, "a\n{{titel}}",                 2, "{{titel}} is no variable" },
	{ "... in a section",                FORMAT_HTML, "a\nb\n{{#nope}}{{/nope}}",     3, "{{nope}} is no variable" },
	{ "... in another case",             FORMAT_HTML, "{{Title}}",                    1, "{{Title}} is no variable" },
	{ "nothing within",                  FORMAT_HTML, "{{}}",                         1, "is no variable" },
	{ "a mark alone",                    FORMAT_HTML, "{{#}}",                        1, "is no variable" },
	{ "a partial",                       FORMAT_HTML, "{{> head}}",                   1, "is no variable" },
	{ "other delimiters",                FORMAT_HTML, "{{=<% %>=}}",                  1, "is no variable" },
	{ "unescaped by &",                  FORMAT_HTML, "\n\n{{&message}}",             3, "no unescaped form" },
	{ "unescaped by three",              FORMAT_HTML, "\n{{{message}}}",              2, "no unescaped form" },
	{ "not closed",                      FORMAT_HTML, "a\nb {{title",                 2, "\"}}\" is missing" },
	{ "closed by one brace",             FORMAT_HTML, "{{title}\n",                   1, "\"}}\" is missing" },
	{ "a section is not closed",         FORMAT_HTML, "{{#id}}\na\n",                 3, "is not closed" },
	{ "... an inverted one",             FORMAT_HTML, "{{^id}}",                      1, "is not closed" },
	{ "... the outer one",               FORMAT_HTML, "{{#id}}{{#step}}{{/step}}",    1, "is not closed" },
	{ "closed without opening",          FORMAT_HTML, "a\n{{/id}}",                   2, "not the one opened last" },
	{ "closed crosswise",                FORMAT_HTML, "{{#id}}{{#step}}\n{{/id}}{{/step}}", 2, "not the one opened last" },
	{ "a variable in a script",          FORMAT_HTML, "<script>\nvar a=\"{{title}}\"</script>", 2, "<script> or <style>" },
	{ "... in capitals",                 FORMAT_HTML, "<SCRIPT>{{title}}</SCRIPT>",   1, "<script> or <style>" },
	{ "... within its tag",              FORMAT_HTML, "<script src=\"{{link}}\"></script>", 1, "<script> or <style>" },
	{ "... within a section",            FORMAT_HTML, "<script>{{#id}}{{id}}{{/id}}</script>", 1, "<script> or <style>" },
	{ "... in a second one",             FORMAT_HTML, "<script></script>\n<script>{{id}}", 2, "<script> or <style>" },
	{ "... behind another's end",        FORMAT_HTML, "<script></style>{{id}}</script>", 1, "<script> or <style>" },
	{ "a variable in a style",           FORMAT_HTML, "<style>a{b:{{id}} }</style>",  1, "<script> or <style>" },
	{ "the first error is told",         FORMAT_HTML, "{{a}}\n{{b}}",                 1, "{{a}}" },
};

static void
test_page_errors(void)
{
	struct arena *arena = arena_new_growing(8 * 1024 * 1024);

	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct page *page = NULL;
		const char *wrong = "";
		unsigned line = 0;

		check_int(bad[i].say, page_compile(str_of(bad[i].page), bad[i].format, arena, &page, &wrong, &line), -EINVAL);
		check_int(bad[i].say, line, bad[i].line);
		if (!str_contains(str_of(wrong), str_of(bad[i].words)))
			printf("\n  %s: \"%s\"", bad[i].say, wrong);
		CU_ASSERT_TRUE(str_contains(str_of(wrong), str_of(bad[i].words)));
		CU_ASSERT_PTR_NULL(page);
	}
	arena_free(arena);
}

static const struct {
	const char *say, *opening, *closing;
	size_t      times;
	int         rc;
} limits[] = {
	{ "as many variables as there may be",  "{{id}}", "",           PAGE_PARTS_MAX,     0 },
	{ "one more",                           "{{id}}", "",           PAGE_PARTS_MAX + 1, -EINVAL },
	{ "sections 16 deep",                   "{{#id}}", "{{/id}}",   16,                 0 },
	{ "... 17 deep",                        "{{#id}}", "{{/id}}",   17,                 -EINVAL },
};

static void
test_page_limits(void)
{
	for (size_t i = 0; i < COUNT(limits); i++) {
		struct arena *arena = arena_new_growing(8 * 1024 * 1024);
		char *text = calloc(limits[i].times + 1, strlen(limits[i].opening) + strlen(limits[i].closing) + 2);
		const struct page *page;
		const char *wrong;
		unsigned line;

		CU_ASSERT_FATAL(arena != NULL && text != NULL);
		for (size_t n = 0; n < limits[i].times; n++)
			memcpy(text + strlen(text), limits[i].opening, strlen(limits[i].opening));
		text[strlen(text)] = '.';
		for (size_t n = 0; n < limits[i].times && limits[i].closing[0] != '\0'; n++)
			memcpy(text + strlen(text), limits[i].closing, strlen(limits[i].closing));
		if (limits[i].closing[0] == '\0')
			text[strlen(text) - 1] = '\0';          /* the dot would be one part more */
		check_int(limits[i].say, page_compile(str_of(text), FORMAT_TEXT, arena,
		    &page, &wrong, &line), limits[i].rc);
		free(text);
		arena_free(arena);
	}
}

static void
test_page_out_of_memory(void)
{
	static const struct page_values large = { .v = { [PAGE_TITLE] = STR_INIT(X10(X10("0123456789"))) } };
	struct arena *pages = arena_new_growing(1024 * 1024), *arena = arena_new_fixed(512);
	const struct page *page = NULL;
	const struct str *pieces;
	const char *wrong;
	unsigned line;
	size_t count;

	for (size_t size = 16; size <= 32; size += 16) {        /* of a page of 24 bytes and its parts */
		struct arena *small = arena_new_fixed(size);

		CU_ASSERT_EQUAL(page_compile(STR("{{title}}"), FORMAT_HTML, small, &page, &wrong, &line), -ENOMEM);
		arena_free(small);
	}
	CU_ASSERT_EQUAL_FATAL(page_compile(STR("{{title}}"), FORMAT_HTML, pages, &page, &wrong, &line), 0);
	arena_reset(arena);
	check_int("a value that does not fit is told", page_render(page, &large, arena, &pieces, &count), -ENOMEM);
	arena_free(arena);
	arena_free(pages);
}

/* The hashes are of what is between the tags, byte by byte. */
static void
test_page_security_policy(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	char style[SHA256_BASE64_MAX], script[SHA256_BASE64_MAX];
	struct str policy = page_security_policy(STR("<style>a{}</style><p><script>\nb()\n</script>"), arena);

	sha256_base64(STR("a{}"), style);
	sha256_base64(STR("\nb()\n"), script);
	CHECK("nothing by default", str_contains(policy, STR("default-src 'none'")));
	CHECK("no frame, no form, no base", str_contains(policy, STR("frame-ancestors 'none'")) &&
	    str_contains(policy, STR("form-action 'none'")) && str_contains(policy, STR("base-uri 'none'")));
	CHECK("it may ask its own site", str_contains(policy, STR("connect-src 'self'")));
	CHECK("the style's hash", str_contains(policy, arena_printf(arena, "style-src 'sha256-%s'", style)));
	CHECK("the script's hash", str_contains(policy, arena_printf(arena, "script-src 'sha256-%s'", script)));
	CHECK("nothing is unsafe", !str_contains(policy, STR("unsafe")));
	policy = page_security_policy(STR("<p>plain"), arena);
	CHECK("no script, no source", !str_contains(policy, STR("script-src")) && !str_contains(policy, STR("style-src")));
	check_str("SHA-256 of nothing, as everybody knows it", page_security_policy(STR("<script></script>"), arena),
	    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src data:; connect-src 'self'; "
	    "script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
	arena_free(arena);
}

int
suite_page(void)
{
	CU_pSuite suite = CU_add_suite("answer/page", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "render", test_page_render) == NULL ||
	    CU_add_test(suite, "errors", test_page_errors) == NULL ||
	    CU_add_test(suite, "limits", test_page_limits) == NULL ||
	    CU_add_test(suite, "out of memory", test_page_out_of_memory) == NULL ||
	    CU_add_test(suite, "security policy", test_page_security_policy) == NULL)
		return -1;
	return 0;
}
