/* SPDX-License-Identifier: MIT */
/* policy/site.c: which site decides, and which sites a request that can be read twice may belong to. */
#include "config.h"

#include <stdio.h>

#include "support.h"

int suite_site(void);

#define SITES \
	"[site.shop]\nhost = shop.example\n" \
	"[site.deep]\nhost = shop.example\npath = /cart/deep\n" \
	"[site.cart]\nhost = shop.example\npath = /cart/\n" \
	"[site.wild]\nhost = *.example\n" \
	"[site.wilder]\nhost = *.shop.example\n" \
	"[site.api]\npath = /api/\n"

static const struct {
	const char *say, *named, *host, *target, *site;
} cases[] = {
	{ "a host",                             "",     "shop.example",    "/",              "shop" },
	{ "... in capitals, with port and dot", "",     "Shop.Example.:443", "/",            "shop" },
	{ "a path of it",                       "",     "shop.example",    "/cart/a",        "cart" },
	{ "... its own name",                   "",     "shop.example",    "/cart",          "cart" },
	{ "... not what begins like it",        "",     "shop.example",    "/carts",         "shop" },
	{ "... the longest",                    "",     "shop.example",    "/cart/deep/a",   "deep" },
	{ "... not in another case",            "",     "shop.example",    "/Cart/a",        "shop" },
	{ "below a host",                       "",     "a.example",       "/",              "wild" },
	{ "the closer of two wildcards",        "",     "a.shop.example",  "/",              "wilder" },
	{ "the host goes before the path",      "",     "shop.example",    "/api/a",         "shop" },
	{ "... also a wildcard",                "",     "a.example",       "/api/a",         "wild" },
	{ "a site of any host",                 "",     "other.test",      "/api/a",         "api" },
	{ "an unknown host",                    "",     "other.test",      "/",              "" },
	{ "no host",                            "",     NULL,              "/",              "" },
	{ "... with a path",                    "",     NULL,              "/api/",          "api" },
	{ "the top is not below itself",        "",     "example",         "/",              "" },
	{ "the server's word before all",       "cart", "other.test",      "/",              "cart" },
	{ "... a word that is no site",         "none", "shop.example",    "/cart/",         "cart" },
	{ "... in another case",                "Cart", "shop.example",    "/",              "shop" },
	{ "a query is no path",                 "",     "shop.example",    "/?/cart/",       "shop" },
	{ "an encoded path is decoded",         "",     "shop.example",    "/c%61rt/a",      "cart" },
};

static struct request
ask(struct raw_request *raw, const char *named, const char *host, const char *target, struct arena *arena)
{
	*raw = raw_get(target);
	raw->site = str_of(named);
	if (host != NULL)
		raw_add(raw, "HOST", host);
	return request_of(raw, arena);
}

static void
test_site_find(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	compile_text(&folder, SITES, NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct raw_request raw;
		struct request request = ask(&raw, cases[i].named, cases[i].host, cases[i].target, arena);

		check_str(cases[i].say, policy_site_find(c.policy, &request)->name, cases[i].site);
	}
	compiled_free(&c);
	folder_remove(&folder);
	arena_free(arena);
}

static void
test_site_default(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct folder folder;
	struct compiled c;
	struct raw_request raw;
	struct request request;

	folder_make(&folder);
	compile_text(&folder, "[site.a]\nhost = a.example\n[site.b]\nhost = b.example\ndefault = yes\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	request = ask(&raw, "", "other.test", "/", arena);
	check_str("an unknown host goes to the default", policy_site_find(c.policy, &request)->name, "b");
	request = ask(&raw, "", NULL, "/", arena);
	check_str("no host too", policy_site_find(c.policy, &request)->name, "b");
	request = ask(&raw, "", "a.example", "/", arena);
	check_str("a known one does not", policy_site_find(c.policy, &request)->name, "a");
	compiled_free(&c);
	folder_remove(&folder);
	arena_free(arena);
}

static const struct {
	const char *say, *named, *host, *target;
	const char *concerned;          /* in the order of the file; "-" is [site] */
} concerns[] = {
	{ "dot segments: every site of the host",   "",     "shop.example", "/a/../cart/",  "- shop deep cart wild api " },
	{ "an encoded slash too",                   "",     "shop.example", "/cart%2fdeep", "- shop deep cart wild api " },
	{ "a wildcard's host",                      "",     "a.example",    "//",           "- wild api " },
	{ "an unknown host: the default, and those of any", "", "other.test", "/;a",        "- api " },
	{ "a host that is none: all",               "",     "a b",          "/",            "- shop deep cart wild wilder api " },
	{ "named by the server: that one",          "cart", "shop.example", "/a/../b",      "cart " },
	{ "... by no name of a site",               "none", "a.example",    "/a/../b",      "- wild api " },
};

static void
test_site_concerned(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	compile_text(&folder, SITES, NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	for (size_t i = 0; i < COUNT(concerns); i++) {
		struct raw_request raw;
		struct request request = ask(&raw, concerns[i].named, concerns[i].host, concerns[i].target, arena);
		char names[256] = "";
		size_t len = 0;

		CHECK(concerns[i].say, request.odd || request.any_host);
		for (size_t s = 0; s < c.policy->site_count; s++) {
			struct str name = c.policy->sites[s].name;

			if (policy_site_concerned(c.policy, &c.policy->sites[s], &request))
				len += (size_t)snprintf(names + len, sizeof names - len, "%.*s ", STR_ARG(name.len ? name : STR("-")));
		}
		check_str(concerns[i].say, str_of(names), concerns[i].concerned);
	}
	compiled_free(&c);
	folder_remove(&folder);
	arena_free(arena);
}

int
suite_site(void)
{
	CU_pSuite suite = CU_add_suite("policy/site", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "find", test_site_find) == NULL ||
	    CU_add_test(suite, "default", test_site_default) == NULL ||
	    CU_add_test(suite, "concerned", test_site_concerned) == NULL)
		return -1;
	return 0;
}
