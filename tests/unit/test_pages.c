/* SPDX-License-Identifier: MIT */
/* policy/pages.c: which page for which language and form, and that a broken one is a warning, never an outage. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer/builtin.h"
#include "support.h"

int suite_pages(void);

#define HEAD "[gateway]\nstate_dir = .\n[site]\nlanguages = en, de\n"

static const struct page_values nothing;

/* What the site shows in the language and form, in `arena`. */
static struct str
shown(const struct policy *policy, size_t language, enum format format, struct arena *arena)
{
	const struct str *pieces;
	size_t count;

	if (page_render(policy->sites[0].answers.pages[language][format], &nothing, arena, &pieces, &count) != 0)
		return STR_NONE;
	return join_pieces(pieces, count, arena);
}

static void
test_pages_builtin(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	compile_text(&folder, HEAD, NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	CHECK("English", str_contains(shown(c.policy, 0, FORMAT_HTML, arena), STR("lang=\"en\"")));
	CHECK("German", str_contains(shown(c.policy, 1, FORMAT_HTML, arena), STR("lang=\"de\"")));
	CHECK("its policy by hash", str_eq(c.policy->sites[0].answers.security_policy[1],
	    page_security_policy(builtin_page(STR("de"), FORMAT_HTML)->text, arena)));
	compiled_free(&c);
	folder_remove(&folder);
	arena_free(arena);
}

static void
test_pages_files(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	folder_mkdir(&folder, "p");
	folder_write(&folder, "p/page.html", "own en");
	folder_write(&folder, "p/page.de.html", "own de");
	folder_write(&folder, "p/page.json", "{\"own\":1}");
	compile_text(&folder, HEAD "page = p/page.html\ncontent_security_policy = default-src https:\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	check_str("the page", shown(c.policy, 0, FORMAT_HTML, arena), "own en");
	check_str("... in a language", shown(c.policy, 1, FORMAT_HTML, arena), "own de");
	check_str("... in a form", shown(c.policy, 0, FORMAT_JSON, arena), "{\"own\":1}");
	check_str("... for all languages", shown(c.policy, 1, FORMAT_JSON, arena), "{\"own\":1}");
	CHECK("a form that is not there is the built-in one", str_contains(shown(c.policy, 0, FORMAT_TEXT, arena), STR("maintenance")));
	check_str("a page of one's own has its own policy", c.policy->sites[0].answers.security_policy[0], "default-src https:");
	compiled_free(&c);
	folder_remove(&folder);
	arena_free(arena);
}

static void
test_pages_inline(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	compile_text(&folder, HEAD "content = \"<h1>Soon</h1>\"\ncontent.de = \"<h1>Bald</h1>\"\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	check_str("the text", shown(c.policy, 0, FORMAT_HTML, arena), "<h1>Soon</h1>");
	check_str("... in a language", shown(c.policy, 1, FORMAT_HTML, arena), "<h1>Bald</h1>");
	CHECK("programs get the built-in form", json_valid(shown(c.policy, 0, FORMAT_JSON, arena)));
	check_str("no policy of the built-in page", c.policy->sites[0].answers.security_policy[0], "");
	compiled_free(&c);
	compile_text(&folder, HEAD "content = \"<h1>{{tilte}}</h1>\"\n", NULL, &c);
	check_int("a broken one is a warning", c.rc, 0);
	CHECK("... that says what is wrong", find_problem(&c.problems, "{{tilte}} is no variable") != NULL);
	CHECK("... and the built-in page is shown, with its policy", c.policy != NULL &&
	    str_contains(shown(c.policy, 0, FORMAT_HTML, arena), STR("lang=\"en\"")) &&
	    c.policy->sites[0].answers.security_policy[0].len > 0);
	compiled_free(&c);
	folder_remove(&folder);
	arena_free(arena);
}

/* The same text is the same page, whichever sites show it; one text of one's own, and the pages are one's own. */
static void
test_pages_shared(void)
{
	struct folder folder;
	struct compiled c;
	const struct answers *site, *same, *local, *order;

	folder_make(&folder);
	folder_write(&folder, "page.html", "own");
	compile_text(&folder, HEAD "page = page.html\n[site.same]\nhost = same\n[site.local]\nhost = local\ncontent.de = Bald\n"
	    "content = Soon\n[site.order]\nhost = order\nlanguages = de, en\n"
	    "[site.policy]\nhost = policy\ncontent_security_policy = default-src https:\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	site = &c.policy->sites[0].answers, same = &c.policy->sites[1].answers;
	local = &c.policy->sites[2].answers, order = &c.policy->sites[3].answers;
	CHECK("inherited", memcmp(same->pages, site->pages, sizeof site->pages) == 0);
	CHECK("content of one's own", local->pages[0][FORMAT_HTML] != site->pages[0][FORMAT_HTML] &&
	    local->pages[1][FORMAT_HTML] != local->pages[0][FORMAT_HTML]);
	CHECK("... beside a built-in page that others show", local->pages[1][FORMAT_TEXT] == site->pages[1][FORMAT_TEXT]);
	CHECK("languages in another order", order->pages[0][FORMAT_JSON] == site->pages[1][FORMAT_JSON] &&
	    order->pages[1][FORMAT_JSON] == site->pages[0][FORMAT_JSON] &&
	    site->pages[0][FORMAT_JSON] != site->pages[1][FORMAT_JSON]);
	check_str("a policy of one's own", c.policy->sites[4].answers.security_policy[0], "default-src https:");
	check_str("... is nobody else's", same->security_policy[0], "");
	compiled_free(&c);
	compile_text(&folder, HEAD "content = all\n[site.a]\nhost = a\ncontent.de = Bald\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	CHECK("content in one language is one's own",
	    c.policy->sites[1].answers.pages[1][FORMAT_HTML] != c.policy->sites[0].answers.pages[1][FORMAT_HTML]);
	compiled_free(&c);
	folder_remove(&folder);
}

/* A site's page replaces the content of [site], and the other way round. */
static void
test_pages_replaced(void)
{
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	folder_write(&folder, "page.html", "own");
	compile_text(&folder, HEAD "content = all\n[site.a]\nhost = a\npage = page.html\n[site.b]\nhost = b\n", NULL, &c);
	check_int("a page instead of the content of [site]", c.rc, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	CHECK("... is the page", c.policy->page_texts != NULL);
	compiled_free(&c);
	compile_text(&folder, HEAD "page = page.html\n[site.a]\nhost = a\ncontent = mine\n", NULL, &c);
	check_int("content instead of the page of [site]", c.rc, 0);
	compiled_free(&c);
	folder_remove(&folder);
}

static void
test_pages_broken(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct folder folder;
	struct compiled first, second, third, fourth;
	const struct problem *p;

	folder_make(&folder);
	folder_write(&folder, "page.html", "a\nb {{#title}}\n");
	compile_text(&folder, HEAD "page = page.html\n", NULL, &first);
	check_int("broken from the beginning: a warning", first.rc, 0);
	check_int("... of which there is one", first.problems.warnings, 1);
	p = find_problem(&first.problems, "page.html:3: a section is not closed");
	CHECK("... with the line in the page", p != NULL);
	CHECK("... and in the INI", p != NULL && p->line == 5 && str_eq(p->key, STR("page")));
	CHECK("the built-in page", str_contains(shown(first.policy, 0, FORMAT_HTML, arena), STR("lang=\"en\"")));
	folder_write(&folder, "page.html", "good {{title}}");
	compile_text(&folder, HEAD "page = page.html\n", first.policy, &second);
	check_str("then it is good", shown(second.policy, 0, FORMAT_HTML, arena), "good ");
	compiled_free(&first);
	folder_write(&folder, "page.html", "bad {{titel}}");
	compile_text(&folder, HEAD "page = page.html\n", second.policy, &third);
	check_int("broken again: a warning", third.problems.warnings, 1);
	compiled_free(&second);
	check_str("the last good text stays", shown(third.policy, 0, FORMAT_HTML, arena), "good ");
	compile_text(&folder, HEAD "page = page.html\n", third.policy, &fourth);
	compiled_free(&third);
	check_str("... over the next reload too", shown(fourth.policy, 0, FORMAT_HTML, arena), "good ");
	compiled_free(&fourth);
	folder_remove(&folder);
	arena_free(arena);
}

int
suite_pages(void)
{
	CU_pSuite suite = CU_add_suite("policy/pages", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "builtin", test_pages_builtin) == NULL ||
	    CU_add_test(suite, "files", test_pages_files) == NULL ||
	    CU_add_test(suite, "inline", test_pages_inline) == NULL ||
	    CU_add_test(suite, "shared", test_pages_shared) == NULL ||
	    CU_add_test(suite, "replaced", test_pages_replaced) == NULL ||
	    CU_add_test(suite, "broken", test_pages_broken) == NULL)
		return -1;
	return 0;
}
