/* SPDX-License-Identifier: MIT */
/*
 * gate/request.c: one plain path and host for the rules, and a mark on whatever the application behind may read
 * differently.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gate/request.h"
#include "support.h"

int suite_request(void);

static const struct {
	const char *say;
	struct str  target;
	const char *path;
	bool        odd;
} targets[] = {
	{ "the root",                          STR_INIT("/"),                 "/",            false },
	{ "a path",                            STR_INIT("/a/b"),              "/a/b",         false },
	{ "a folder keeps its slash",          STR_INIT("/a/b/"),             "/a/b/",        false },
	{ "case stays",                        STR_INIT("/A/b"),              "/A/b",         false },
	{ "an escape is decoded",              STR_INIT("/%61%2Db"),          "/a-b",         false },
	{ "... in small letters",              STR_INIT("/%c3%a4"),           "/\xc3\xa4",    false },
	{ "... in capitals",                   STR_INIT("/%C3%A4"),           "/\xc3\xa4",    false },
	{ "a blank, escaped",                  STR_INIT("/a%20b"),            "/a b",         false },
	{ "a question mark, escaped, is path", STR_INIT("/a%3Fb"),            "/a?b",         false },
	{ "a plus is a plus",                  STR_INIT("/a+b"),              "/a+b",         false },
	{ "three dots are a name",             STR_INIT("/.../a"),            "/.../a",       false },
	{ "a dot begins a name",               STR_INIT("/.well-known/x"),    "/.well-known/x", false },
	{ "a dot ends a name",                 STR_INIT("/a./b.."),           "/a./b..",      false },
	{ "the query is not path",             STR_INIT("/a?b=//../%2f;%zz"), "/a",           false },
	{ "the first question mark counts",    STR_INIT("/a?b?c"),            "/a",           false },
	{ "an empty query",                    STR_INIT("/a?"),               "/a",           false },
	{ "other marks",                       STR_INIT("/a,b:c@d!$&'()*="),  "/a,b:c@d!$&'()*=", false },

	{ "an encoded slash",                  STR_INIT("/a%2Fb"),            "/a/b",         true },
	{ "... in small letters",              STR_INIT("/a%2fb"),            "/a/b",         true },
	{ "... at the end",                    STR_INIT("/a%2f"),             "/a/",          true },
	{ "... at the beginning",              STR_INIT("%2fa"),              "/a",           true },
	{ "a backslash",                       STR_INIT("/a\\b"),             "/a\\b",        true },
	{ "an encoded backslash",              STR_INIT("/a%5Cb"),            "/a\\b",        true },
	{ "... in small letters",              STR_INIT("/a%5cb"),            "/a\\b",        true },
	{ "an encoded percent sign",           STR_INIT("/a%25b"),            "/a%b",         true },
	{ "a slash encoded twice is decoded once", STR_INIT("/a%252Fb"),      "/a%2Fb",       true },
	{ "dots encoded twice",                STR_INIT("/a/%252e%252e/b"),   "/a/%2e%2e/b",  true },
	{ "an encoded NUL",                    STR_INIT("/a%00b"),            NULL,           true },
	{ "a NUL",                             STR_INIT("/a\0b"),             NULL,           true },
	{ "an encoded line end",               STR_INIT("/a%0d%0ab"),         "/a\r\nb",      true },
	{ "a tab",                             STR_INIT("/a\tb"),             "/a\tb",        true },
	{ "an encoded unit separator, the last control", STR_INIT("/a%1Fb"),  "/a\037b",      true },
	{ "DEL",                               STR_INIT("/a\177b"),           "/a\177b",      true },
	{ "an encoded DEL",                    STR_INIT("/a%7fb"),            "/a\177b",      true },
	{ "a semicolon",                       STR_INIT("/a;b/c"),            "/a;b/c",       true },
	{ "an encoded semicolon",              STR_INIT("/a%3Bb"),            "/a;b",         true },
	{ "a session id as Java has it",       STR_INIT("/a;jsessionid=1"),   "/a;jsessionid=1", true },
	{ "dots and a semicolon, as Tomcat cuts it", STR_INIT("/a/..;/b"),    "/a/..;/b",     true },
	{ "two slashes",                       STR_INIT("/a//b"),             "/a/b",         true },
	{ "two slashes at the beginning",      STR_INIT("//a/b"),             "/a/b",         true },
	{ "two slashes at the end",            STR_INIT("/a//"),              "/a/",          true },
	{ "slashes alone",                     STR_INIT("///"),               "/",            true },
	{ "a dot segment",                     STR_INIT("/a/./b"),            "/a/b",         true },
	{ "... at the end",                    STR_INIT("/a/."),              "/a/",          true },
	{ "... alone",                         STR_INIT("/."),                "/",            true },
	{ "two dots",                          STR_INIT("/a/../b"),           "/b",           true },
	{ "... at the end",                    STR_INIT("/a/b/.."),           "/a/",          true },
	{ "... past the root",                 STR_INIT("/../../a"),          "/a",           true },
	{ "... alone",                         STR_INIT("/.."),               "/",            true },
	{ "... twice",                         STR_INIT("/a/b/../../c"),      "/c",           true },
	{ "dots, one encoded",                 STR_INIT("/a/.%2e/b"),         "/b",           true },
	{ "dots, the other encoded",           STR_INIT("/a/%2E./b"),         "/b",           true },
	{ "dots, both encoded",                STR_INIT("/a/%2e%2e/b"),       "/b",           true },
	{ "a dot, encoded",                    STR_INIT("/a/%2e/b"),          "/a/b",         true },
	{ "dots and an encoded slash",         STR_INIT("/a/..%2fb"),         "/b",           true },
	{ "dots and a backslash",              STR_INIT("/a/..\\b"),          "/a/..\\b",     true },
	{ "a broken escape",                   STR_INIT("/a%zzb"),            "/a%zzb",       true },
	{ "... with one digit",                STR_INIT("/a%2"),              "/a%2",         true },
	{ "... without any",                   STR_INIT("/a%"),               "/a%",          true },
	{ "... with a bad second digit",       STR_INIT("/a%2g"),             "/a%2g",        true },
	{ "a broken escape before a good one", STR_INIT("/a%%61"),            "/a%a",         true },
	{ "... as IIS has them",               STR_INIT("/%u002e"),           "/%u002e",      true },
	{ "a fragment",                        STR_INIT("/a#b"),              "/a#b",         true },
	{ "nothing",                           STR_INIT(""),                  "/",            true },
	{ "a query alone",                     STR_INIT("?a"),                "/",            true },
	{ "an asterisk",                       STR_INIT("*"),                 "/",            true },
	{ "a host and a port",                 STR_INIT("example.com:443"),   "/",            true },
	{ "a path without its slash",          STR_INIT("a/b"),               "/",            true },
	{ "a blank before it",                 STR_INIT(" /a"),               "/",            true },
};

static void
test_request_path(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (size_t i = 0; i < COUNT(targets); i++) {
		struct raw_request raw = raw_get("");
		struct request r;

		raw.target = targets[i].target;
		r = request_of(&raw, arena);
		CHECK(targets[i].say, r.odd == targets[i].odd);
		if (targets[i].path != NULL)
			check_str(targets[i].say, r.path, targets[i].path);
		CHECK(targets[i].say, !r.any_host && r.raw == &raw);
	}
	arena_free(arena);
}

/* Every byte within a segment: what is odd is odd plain and escaped, but for "%", "?", "#" and "/". */
static void
test_request_every_byte(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (int c = 0; c < 256; c++) {
		bool odd = c < 0x20 || c == 0x7f || c == '\\' || c == ';';
		char plain[5] = { '/', 'a', (char)c, 'b', '\0' }, escaped[16], say[32];
		struct raw_request raw = raw_get("");
		struct request r;

		(void)snprintf(say, sizeof say, "byte %d", c);
		(void)snprintf(escaped, sizeof escaped, "/a%%%02xb", (unsigned)c);
		raw.target = str_of(escaped);
		r = request_of(&raw, arena);
		CHECK(say, r.odd == (odd || c == '%' || c == '/'));
		CHECK(say, c == '/' || (r.path.len == 4 && r.path.p[2] == (char)c));
		if (c == '/' || c == '?')
			continue;
		raw.target = (struct str){ plain, 4 };
		r = request_of(&raw, arena);
		CHECK(say, r.odd == (odd || c == '%' || c == '#'));
	}
	arena_free(arena);
}

static void
test_request_parts(void)
{
	static const struct {
		const char *say, *target, *raw_path, *query;
	} cases[] = {
		{ "the raw path stays as it came", "/%61/../b?c=%64", "/%61/../b", "c=%64" },
		{ "no query",                      "/a",              "/a",        "" },
		{ "an empty query",                "/a?",             "/a",        "" },
		{ "question marks in the query",   "/a?b?c",          "/a",        "b?c" },
		{ "without scheme and authority",  "http://h/a?b",    "/a",        "b" },
	};
	struct arena *arena = arena_new_growing(64 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct raw_request raw = raw_get(cases[i].target);
		struct request r = request_of(&raw, arena);

		check_str(cases[i].say, r.raw_path, cases[i].raw_path);
		check_str(cases[i].say, r.query, cases[i].query);
	}
	arena_free(arena);
}

static const struct {
	const char *say, *target, *path;
	bool        odd, any_host;      /* with "Host: shop.example.com" */
} absolute[] = {
	{ "scheme and authority are cut",        "http://shop.example.com/a/b",       "/a/b", false, false },
	{ "https too",                           "https://shop.example.com/a",        "/a",   false, false },
	{ "its port is no other host",           "https://shop.example.com:8443/a",   "/a",   false, false },
	{ "nor are capitals and a final dot",    "http://SHOP.example.com./a",        "/a",   false, false },
	{ "another host: every site counts",     "http://www.example.com/a",          "/a",   false, true },
	{ "a user name: every site counts",      "http://shop.example.com@evil/a",    "/a",   false, true },
	{ "no host: every site counts",          "http:///a",                         "/a",   false, true },
	{ "a backslash in the host",             "http://shop.example.com\\x/a",      "/a",   false, true },
	{ "no path: others may not take it for the root", "http://shop.example.com",  "/",    true,  false },
	{ "no path, but a query",                "http://shop.example.com?/a",        "/",    true,  false },
	{ "another scheme without a host",       "file:///a",                         "/a",   true,  true },
	{ "another scheme is odd",               "ftp://shop.example.com/a",          "/a",   true,  false },
	{ "... and its host counts",             "ftp://www.example.com/a",           "/a",   true,  true },
	{ "a dot segment behind it",             "http://shop.example.com/a/../b",    "/b",   true,  false },
	{ "two slashes behind it",               "http://shop.example.com//a",        "/a",   true,  false },
	{ "a scheme in the query is query",      "/a?http://www.example.com/b",       "/a",   false, false },
	{ "a scheme below the root is path",     "/http://www.example.com/b",         "/http:/www.example.com/b",
	    true, false },
};

static void
test_request_absolute_form(void)
{
	struct arena *arena = arena_new_growing(64 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (size_t i = 0; i < COUNT(absolute); i++) {
		struct raw_request raw = raw_get(absolute[i].target);
		struct request r;

		raw_add(&raw, "HOST", "shop.example.com");
		r = request_of(&raw, arena);
		check_str(absolute[i].say, r.path, absolute[i].path);
		check_str(absolute[i].say, r.host, "shop.example.com");
		CHECK(absolute[i].say, r.odd == absolute[i].odd);
		CHECK(absolute[i].say, r.any_host == absolute[i].any_host);
	}
	arena_free(arena);
}

/* RFC 3986 section 3.1: the scheme's case does not matter, so it names another host in any spelling. */
static void
test_request_absolute_form_in_capitals(void)
{
	static const char *const others[] = { "HTTP://www.example.com/a", "Https://www.example.com/a" };
	struct arena *arena = arena_new_growing(64 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (size_t i = 0; i < COUNT(others); i++) {
		struct raw_request raw = raw_get(others[i]);

		raw_add(&raw, "HOST", "shop.example.com");
		CHECK(others[i], request_of(&raw, arena).any_host);
	}
	arena_free(arena);
}

static const struct {
	const char *say, *first, *second;
	const char *host;
	bool        any_host;
} hosts[] = {
	{ "a host",                           "shop.example.com",      NULL, "shop.example.com", false },
	{ "lower case",                       "Shop.EXAMPLE.com",      NULL, "shop.example.com", false },
	{ "without its port",                 "shop.example.com:8080", NULL, "shop.example.com", false },
	{ "without one final dot",            "shop.example.com.",     NULL, "shop.example.com", false },
	{ "... before a port",                "shop.example.com.:80",  NULL, "shop.example.com", false },
	{ "an address",                       "192.0.2.1:80",          NULL, "192.0.2.1",        false },
	{ "IPv6",                             "[2001:DB8::1]:443",     NULL, "[2001:db8::1]",    false },
	{ "none at all",                      NULL,                    NULL, "",                 false },
	{ "two final dots are no host",       "shop.example.com..",    NULL, "",                 true },
	{ "an empty one",                     "",                      NULL, "",                 true },
	{ "one with a slash",                 "shop.example.com/a",    NULL, "",                 true },
	{ "one with a blank",                 "shop.example.com a",    NULL, "",                 true },
	{ "a list",                           "a.example, b.example",  NULL, "",                 true },
	{ "one with a user",                  "a@shop.example.com",    NULL, "",                 true },
	{ "a port that is none",              "shop.example.com:http", NULL, "",                 true },
	{ "twice",                            "a.example",      "b.example", "",                 true },
	{ "twice the same",                   "a.example",      "a.example", "",                 true },
};

static void
test_request_host(void)
{
	struct arena *arena = arena_new_growing(64 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct raw_request raw = raw_get("/a");
		struct request r;

		if (hosts[i].first != NULL)
			raw_add(&raw, "HOST", hosts[i].first);
		raw_add(&raw, "X_HOST", "other.example");
		if (hosts[i].second != NULL)
			raw_add(&raw, "HOST", hosts[i].second);
		r = request_of(&raw, arena);
		check_str(hosts[i].say, r.host, hosts[i].host);
		CHECK(hosts[i].say, r.any_host == hosts[i].any_host);
		CHECK("a strange host does not make the path odd", !r.odd);
		raw.target = STR("http://a.example/a");
		r = request_of(&raw, arena);
		CHECK("with an authority that says otherwise every site counts", r.any_host);
	}
	arena_free(arena);
}

static void
test_request_header(void)
{
	struct arena *arena = arena_new_growing(64 * 1024);
	struct raw_request raw = raw_get("/");
	struct request r;
	size_t count;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	raw_add(&raw, "X_ONE", "1");
	raw_add(&raw, "X_TWO", "1");
	raw_add(&raw, "X_TWO", "2");
	raw_add(&raw, "X_EMPTY", "");
	r = request_of(&raw, arena);
	check_str("once: its value", request_header(&r, STR("X_ONE"), &count), "1");
	check_int("once", (int64_t)count, 1);
	check_str("twice: neither value", request_header(&r, STR("X_TWO"), &count), "");
	check_int("twice", (int64_t)count, 2);
	check_str("never: nothing", request_header(&r, STR("X_ON"), &count), "");
	check_int("never", (int64_t)count, 0);
	check_str("empty: nothing", request_header(&r, STR("X_EMPTY"), &count), "");
	check_int("but it came", (int64_t)count, 1);
	check_str("a CGI name is in capitals", request_header(&r, STR("x_one"), &count), "");
	arena_free(arena);
}

static void
test_request_header_cgi_name(void)
{
	static const struct {
		const char *say, *name, *cgi_name;
	} cases[] = {
		{ "letters and hyphens",        "X-Real-IP",       "X_REAL_IP" },
		{ "servers fold these to one",  "x.maintenance_a", "X_MAINTENANCE_A" },
		{ "digits",                     "A1-b2",           "A1_B2" },
		{ "all else as well",           "a!b\xc3\xa4",     "A_B__" },
		{ "nothing",                    "",                "" },
	};
	struct arena *arena = arena_new_growing(64 * 1024), *full = arena_new_fixed(16);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	CU_ASSERT_PTR_NOT_NULL_FATAL(full);
	for (size_t i = 0; i < COUNT(cases); i++)
		check_str(cases[i].say, header_cgi_name(str_of(cases[i].name), arena), cases[i].cgi_name);
	CU_ASSERT_PTR_NULL(header_cgi_name(STR("X-Maintenance-Bypass"), full).p);
	for (int c = 0; c < 256; c++) {
		struct str name = { (char[]){ (char)c }, 1 }, cgi = header_cgi_name(name, arena);
		bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		CU_ASSERT_EQUAL(header_is_plain(name), alnum || c == '-');
		CU_ASSERT_EQUAL(cgi.p[0], !alnum ? '_' : c >= 'a' ? c - 32 : c);
		CU_ASSERT_EQUAL(cgi.len, 1);
	}
	check_int("a plain name", header_is_plain(STR("X-Real-IP")), 1);
	check_int("one byte more", header_is_plain(STR("X-Real-IP_")), 0);
	check_int("no name", header_is_plain(STR("")), 0);
	arena_free(full);
	arena_free(arena);
}

static void
test_request_methods(void)
{
	static const struct {
		const char *say, *name;
		enum method method;
	} cases[] = {
		{ "GET", "GET", METHOD_GET }, { "HEAD", "HEAD", METHOD_HEAD }, { "POST", "POST", METHOD_POST },
		{ "small letters are another method", "get", METHOD_OTHER }, { "none", "", METHOD_OTHER },
		{ "an unknown one", "BREW", METHOD_OTHER },
	};
	struct arena *arena = arena_new_growing(64 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct raw_request raw = raw_get("/");

		raw.method = str_of(cases[i].name);
		check_int(cases[i].say, request_of(&raw, arena).method, cases[i].method);
	}
	arena_free(arena);
}

static void
test_request_without_parts(void)
{
	struct arena *arena = arena_new_growing(64 * 1024);
	struct raw_request raw = { .whole = false };
	struct request r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	r = request_of(&raw, arena);
	CHECK("nobody, nowhere, and odd", !r.has_client && r.method == METHOD_OTHER && r.host.len == 0 && r.odd);
	check_str("the path is one all the same", r.path, "/");
	raw = raw_get("/a");
	r = request_of(&raw, arena);
	CHECK("the peer is the client", r.has_client && !r.by_proxy);
	arena_free(arena);
}

static void
test_request_when_the_arena_is_full(void)
{
	char target[2000];
	struct cidr_set *nobody = cidr_set_new();
	struct trust trust = { nobody, STR("X_FORWARDED_FOR"), CLIENT_HEADER_LIST };
	bool fitted = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(nobody);
	cidr_set_freeze(nobody);
	memset(target, 'a', sizeof target);
	target[0] = '/';
	for (size_t size = 64; size <= 8192; size += 64) {
		struct arena *arena = arena_new_fixed(size);
		struct raw_request raw = raw_get("");
		struct request r;
		int rc;

		CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
		raw.target = (struct str){ target, sizeof target };
		raw_add(&raw, "HOST", "shop.example.com");
		rc = request_normalise(&raw, &trust, arena, &r);
		CHECK("too small is said, and fits when it is larger", rc == (fitted ? 0 : -E2BIG) || rc == 0);
		fitted = fitted || rc == 0;
		if (rc == 0)
			CHECK("what fits is whole", r.path.len == sizeof target && !r.any_host && r.host.len == 16);
		arena_free(arena);
	}
	CHECK("8 KiB are enough", fitted);
	cidr_set_free(nobody);
}

int
suite_request(void)
{
	CU_pSuite suite = CU_add_suite("gate/request", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "path", test_request_path) == NULL ||
	    CU_add_test(suite, "every byte", test_request_every_byte) == NULL ||
	    CU_add_test(suite, "parts", test_request_parts) == NULL ||
	    CU_add_test(suite, "absolute form", test_request_absolute_form) == NULL ||
	    CU_add_test(suite, "absolute form in capitals", test_request_absolute_form_in_capitals) == NULL ||
	    CU_add_test(suite, "host", test_request_host) == NULL ||
	    CU_add_test(suite, "header", test_request_header) == NULL ||
	    CU_add_test(suite, "CGI name of a header", test_request_header_cgi_name) == NULL ||
	    CU_add_test(suite, "methods", test_request_methods) == NULL ||
	    CU_add_test(suite, "without parts", test_request_without_parts) == NULL ||
	    CU_add_test(suite, "full arena", test_request_when_the_arena_is_full) == NULL)
		return -1;
	return 0;
}
