/* SPDX-License-Identifier: MIT */
/* answer/builtin.c and the pages of www/: whatever is known or not, each is whole. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "answer/builtin.h"
#include "answer/page.h"
#include "support.h"

int suite_builtin(void);

static const struct {
	const char *say, *language;
	enum format format;
	const char *file;
} cases[] = {
	{ "English",                        "en",    FORMAT_HTML, "page.html" },
	{ "German",                         "de",    FORMAT_HTML, "page.de.html" },
	{ "German JSON",                    "de",    FORMAT_JSON, "page.de.json" },
	{ "German text",                    "de",    FORMAT_TEXT, "page.de.txt" },
	{ "a language there is not",        "tlh",   FORMAT_HTML, "page.html" },
	{ "... in JSON",                    "tlh",   FORMAT_JSON, "page.json" },
	{ "a country's is not the language's file", "de-at", FORMAT_TEXT, "page.txt" },
	{ "none",                           "",      FORMAT_HTML, "page.html" },
	{ "a very long one",                "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", FORMAT_HTML, "page.html" },
};

static struct str
file_named(const char *name)
{
	for (size_t i = 0; i < builtin_file_count; i++)
		if (strcmp(builtin_files[i].name, name) == 0)
			return builtin_files[i].text;
	return STR_NONE;
}

static void
test_builtin_choice(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str want = file_named(cases[i].file);

		CHECK(cases[i].file, want.len > 0);
		CHECK(cases[i].say, str_eq(builtin_page(str_of(cases[i].language), cases[i].format)->text, want));
	}
}

static const char *const hostile = "\"'<>&\\\n\t{{title}}</script>\x7f f\xc3\xbcr";

/* Every variable empty or hostile, in every combination. */
static struct page_values
values_of(unsigned bits)
{
	struct page_values values = { 0 };

	for (unsigned i = 0; i < PAGE_VARIABLE_COUNT; i++)
		if (bits >> i & 1)
			values.v[i] = i == PAGE_RETRY_AFTER || i == PAGE_STATUS ? STR("503") : str_of(hostile);
	return values;
}

static size_t
count_of(struct str text, const char *part)
{
	const char *end = text.p + text.len;
	size_t count = 0;

	for (const char *p = text.p; (p = memmem(p, (size_t)(end - p), part, strlen(part))) != NULL; p++)
		count++;
	return count;
}

static bool
html_whole(struct str text)
{
	static const char *const pairs[][2] = {
		{ "<p", "</p>" }, { "<dl>", "</dl>" }, { "<dt>", "</dt>" }, { "<dd", "</dd>" }, { "<div", "</div>" },
		{ "<title>", "</title>" }, { "<footer>", "</footer>" }, { "<script>", "</script>" }, { "<style>", "</style>" },
		{ "<time", "</time>" }, { "<main>", "</main>" }, { "<h1>", "</h1>" },
	};

	for (size_t i = 0; i < COUNT(pairs); i++) {
		size_t paths = strcmp(pairs[i][0], "<p") == 0 ? count_of(text, "<path") : 0;

		if (count_of(text, pairs[i][0]) - paths != count_of(text, pairs[i][1]))
			return false;
	}
	/* what the values hold is text: no element, no end of an attribute */
	return count_of(text, "<title>") == 1 && count_of(text, "</script>") == 1 && count_of(text, "{{") ==
	    count_of(text, "{{title}}") && str_ends(str_trim(text), STR("</html>\n"));
}

static void
render_all(const struct builtin_file *file, enum format format)
{
	struct arena *pages = arena_new_growing(4 * 1024 * 1024), *arena = arena_new_growing(4 * 1024 * 1024);
	const struct page *page = NULL;
	const char *wrong = "";
	unsigned line = 0, broken = 0;

	if (page_compile(file->text, format, pages, &page, &wrong, &line) != 0)
		printf("\n  %s:%u: %s", file->name, line, wrong);
	CU_ASSERT_PTR_NOT_NULL_FATAL(page);
	for (unsigned bits = 0; bits < 1u << PAGE_VARIABLE_COUNT; bits++) {
		struct page_values values = values_of(bits);
		const struct str *pieces;
		size_t count;
		struct str text;
		bool ok;

		arena_reset(arena);
		CU_ASSERT_EQUAL_FATAL(page_render(page, &values, arena, &pieces, &count), 0);
		text = join_pieces(pieces, count, arena);
		ok = format == FORMAT_JSON ? json_valid(text) : format == FORMAT_HTML ? html_whole(text) : text.len > 10;
		if (!ok && broken++ == 0)
			printf("\n  %s with variables %x:\n%.*s", file->name, bits, STR_ARG(text));
	}
	CU_ASSERT_EQUAL(broken, 0);
	arena_free(pages);
	arena_free(arena);
}

static void
test_builtin_render(void)
{
	for (size_t i = 0; i < builtin_file_count; i++) {
		struct str name = str_of(builtin_files[i].name);

		render_all(&builtin_files[i], str_ends(name, STR(".html")) ? FORMAT_HTML :
		    str_ends(name, STR(".json")) ? FORMAT_JSON : FORMAT_TEXT);
	}
}

static void
test_builtin_stands_alone(void)
{
	for (size_t i = 0; i < builtin_file_count; i++) {
		struct str text = builtin_files[i].text;

		CHECK("nothing is loaded from elsewhere", !str_contains(text, STR("src=")) &&
		    !str_contains(text, STR("//cdn")) && !str_contains(text, STR("@import")));
		CHECK("no handler in an attribute: the policy forbids it", !str_contains(text, STR(" onclick")) &&
		    !str_contains(text, STR(" onload")) && !str_contains(text, STR(" style=\"")));
	}
}

/* What the build reckoned is what is in the page; a browser would else show it bare. */
static void
test_builtin_hashes(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	size_t styles = 0;

	for (size_t i = 0; i < builtin_file_count; i++) {
		const struct builtin_file *file = &builtin_files[i];
		bool html = str_ends(str_of(file->name), STR(".html"));

		CHECK(file->name, html ? str_eq(page_security_policy_of(file->style, file->script, arena),
		    page_security_policy(file->text, arena)) : file->style.len == 0 && file->script.len == 0);
		styles += file->style.len > 0;
	}
	CHECK("some have a style", styles > 0);
	arena_free(arena);
}

int
suite_builtin(void)
{
	CU_pSuite suite = CU_add_suite("answer/builtin", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "choice", test_builtin_choice) == NULL ||
	    CU_add_test(suite, "hashes", test_builtin_hashes) == NULL ||
	    CU_add_test(suite, "render", test_builtin_render) == NULL ||
	    CU_add_test(suite, "stands alone", test_builtin_stands_alone) == NULL)
		return -1;
	return 0;
}
