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

/* What the index must find: each site looked at, in the order of the file. */
static const struct site *
site_by_search(const struct policy *policy, const struct request *request)
{
	const struct site *found = policy->sites;
	int best = 0;

	for (size_t i = 1; i < policy->site_count; i++) {
		const struct site *site = &policy->sites[i];
		int close = site->host_count == 0;

		for (size_t h = 0; h < site->host_count && request->host.len > 0; h++)
			if (host_match(site->hosts[h], request->host) >= close && host_match(site->hosts[h], request->host) > 0)
				close = host_match(site->hosts[h], request->host) + 1;
		if (close == 0 || close < best || !path_is_below(request->path, site->path) ||
		    (close == best && site->path.len <= found->path.len))
			continue;
		best = close;
		found = site;
	}
	return found;
}

/* Many sites by few labels, so that hosts, wildcards and paths lie within each other in every way. */
static struct str
many_sites(struct arena *arena)
{
	static const char *const hosts[] = { "a.b.c", "b.c", "*.b.c", "*.c", "*.a.b.c", "c", "a", "*.a", "[::1]", "[2001:db8::c]",
		"10.0.0.1", "*.0.0.1", "x-b.c", "*.x", "b.c, *.d", "d, e, *.f.g" };
	static const char *const paths[] = { "/", "/a/", "/a/b/", "/a/b/c", "/ab/", "/b/", "/a-b/", "/a.b/c/" };
	struct str text = STR("[gateway]\nstate_dir = .\n");

	for (size_t h = 0; h <= COUNT(hosts); h++)
		for (size_t p = 0; p < COUNT(paths); p++) {
			if ((h * 5 + p * 3) % 4 == 0 || (h == 14 && p % 2 == 0) || (h == 1 && p % 2 == 1))
				continue;       /* not all have all, and "b.c" is in two lines */
			text = arena_printf(arena, "%.*s[site.s%zu_%zu]\npath = %s\n", STR_ARG(text), h, p, paths[p]);
			if (h < COUNT(hosts))
				text = arena_printf(arena, "%.*shost = %s\n", STR_ARG(text), hosts[h]);
		}
	return text;
}

static void
test_site_many(void)
{
	static const char *const hosts[] = { "a.b.c", "b.c", "c", "a", "z.a", "z.b.c", "z.a.b.c", "z.z.a.b.c", "z.c", "ab.c", "x-b.c",
		"z.x-b.c", "y.x", "x", "[::1]", "[2001:db8::c]", "[::ffff:10.0.0.1]", "10.0.0.1", "9.10.0.0.1", "1.0.0.1", "0.0.1",
		"d", "z.d", "e", "f.g", "z.f.g", "g", "B.C.", "b.c:80", "..", "a..b.c", "*.b.c", ".b.c", "" };
	static const char *const paths[] = { "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/b/c/d", "/a/b/cd", "/ab", "/abc", "/a-b/x",
		"/a.b/c", "/a.b/", "/b/a", "/b", "/c", "/a//b", "/a/../b", "/a%2fb", "*", "", "a", "/a/b/c/d/e/f/g/h" };
	struct arena *arena = arena_new_growing(32 * 1024 * 1024);
	struct folder folder;
	struct compiled c;
	size_t found = 0, wrong = 0;

	folder_make(&folder);
	compile_text(&folder, many_sites(arena).p, NULL, &c);
	print_problems_of(&c.problems);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	for (size_t h = 0; h < COUNT(hosts); h++)
		for (size_t p = 0; p < COUNT(paths); p++) {
			struct raw_request raw;
			struct request request = ask(&raw, "", h + 1 == COUNT(hosts) ? NULL : hosts[h], paths[p], arena);
			const struct site *want, *got;

			request.path = p % 7 == 6 ? str_of(paths[p]) : request.path;    /* also as no request has it */
			want = site_by_search(c.policy, &request);
			got = policy_site_find(c.policy, &request);
			found += want != c.policy->sites;
			wrong += want != got;
			if (want != got)
				printf("\n  %s%s: want %.*s, got %.*s", hosts[h], paths[p], STR_ARG(want->name), STR_ARG(got->name));
		}
	check_int("as each site looked at", (int64_t)wrong, 0);
	CHECK("most were some site's", found > 300);
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
	    CU_add_test(suite, "many", test_site_many) == NULL ||
	    CU_add_test(suite, "default", test_site_default) == NULL ||
	    CU_add_test(suite, "concerned", test_site_concerned) == NULL)
		return -1;
	return 0;
}
