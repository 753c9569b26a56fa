/* SPDX-License-Identifier: MIT */
/* gate/offer.c: which tickets a request brings, and where a link leads. */
#include "config.h"

#include "gate/offer.h"
#include "support.h"

int suite_offer(void);

#define A "0123456789abcdef0123456789abcdef"
#define B "ffffffffffffffffffffffffffffffff"

static const struct {
	const char *say, *method, *target, *header, *cookie;
	size_t      count;
	bool        by_link, malformed;
	const char *first;
} cases[] = {
	{ "nothing",                  "GET",  "/",                             NULL, NULL,                          0, false, false, "" },
	{ "a link",                   "GET",  "/?maintenance_ticket=" A,       NULL, NULL,                          1, true,  false, A },
	{ "... among others",         "HEAD", "/?a=b&maintenance_ticket=" A "&c", NULL, NULL,                       1, true,  false, A },
	{ "... by POST",              "POST", "/?maintenance_ticket=" A,       NULL, NULL,                          0, false, false, "" },
	{ "... on an odd path",       "GET",  "/x/../?maintenance_ticket=" A,  NULL, NULL,                          0, false, false, "" },
	{ "... of another name",      "GET",  "/?xmaintenance_ticket=" A,      NULL, NULL,                          0, false, false, "" },
	{ "... escaped",              "GET",  "/?maintenance%5fticket=" A,     NULL, NULL,                          0, false, false, "" },
	{ "... malformed",            "GET",  "/?maintenance_ticket=xyz",      NULL, NULL,                          0, false, true,  "" },
	{ "a header",                 "POST", "/",                             A,    NULL,                          1, false, false, A },
	{ "... with blanks about it", "GET",  "/",                             " " A " ", NULL,                     1, false, false, A },
	{ "... malformed",            "GET",  "/",                             "x",  NULL,                          0, false, true,  "" },
	{ "a cookie",                 "PUT",  "/",                             NULL, "maintenance_ticket=" A,       1, false, false, A },
	{ "... among others",         "GET",  "/",                             NULL, "a=b; maintenance_ticket=" A "; c=d", 1, false, false, A },
	{ "... parted by commas",     "GET",  "/",                             NULL, "a=b,maintenance_ticket=" A ",c", 1, false, false, A },
	{ "two cookies",              "GET",  "/",                             NULL, "maintenance_ticket=" B "; maintenance_ticket=" A, 2, false, false, B },
	{ "the link comes first",     "GET",  "/?maintenance_ticket=" B,       A,    "maintenance_ticket=" A,       3, true,  false, B },
	{ "a great many",             "GET",  "/",                             NULL, "maintenance_ticket=" A ";maintenance_ticket=" A
	    ";maintenance_ticket=" A ";maintenance_ticket=" A ";maintenance_ticket=" A ";maintenance_ticket=" A
	    ";maintenance_ticket=" A ";maintenance_ticket=" A, OFFERS_MAX, false, false, A },
	{ "separators alone",         "GET",  "/?&&",                          NULL, ";,;,",                        0, false, false, "" },
};

static void
test_offers(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *arena = arena_new_growing(1 << 20);
		struct raw_request raw = raw_get(cases[i].target);
		struct request request;
		struct offers offers;

		raw.method = str_of(cases[i].method);
		if (cases[i].header != NULL)
			raw_add(&raw, OFFER_HEADER, cases[i].header);
		if (cases[i].cookie != NULL)
			raw_add(&raw, "COOKIE", cases[i].cookie);
		request = request_of(&raw, arena);
		offers_find(&request, &offers);
		check_int(cases[i].say, (int64_t)offers.count, (int64_t)cases[i].count);
		check_int(cases[i].say, offers.malformed, cases[i].malformed);
		if (offers.count > 0 && cases[i].count > 0) {
			check_str(cases[i].say, offers.v[0].id, cases[i].first);
			check_int(cases[i].say, offers.v[0].by_link, cases[i].by_link);
		}
		arena_free(arena);
	}
}

static const struct {
	const char *say, *target, *without;
} targets[] = {
	{ "alone",                   "/a?maintenance_ticket=" A,                 "/a" },
	{ "first",                   "/a?maintenance_ticket=" A "&b=c",          "/a?b=c" },
	{ "last",                    "/a?b=c&maintenance_ticket=" A,             "/a?b=c" },
	{ "between",                 "/a?b=c&maintenance_ticket=" A "&d=%20",    "/a?b=c&d=%20" },
	{ "twice",                   "/a?maintenance_ticket=" A "&x&maintenance_ticket=" B, "/a?x" },
	{ "escapes stay",            "/a%20b?maintenance_ticket=" A,             "/a%20b" },
	{ "of an absolute form",     "http://h/a?maintenance_ticket=" A,         "/a" },
	{ "to another host",         "//evil/?maintenance_ticket=" A,            "" },
	{ "... by a backslash",      "/\\evil/?maintenance_ticket=" A,           "" },
	{ "... by an escape",        "/%5cevil/?maintenance_ticket=" A,          "" },
	{ "a dot segment",           "/a/../b?maintenance_ticket=" A,            "" },
};

static void
test_offer_targets(void)
{
	for (size_t i = 0; i < COUNT(targets); i++) {
		struct arena *arena = arena_new_growing(1 << 20);
		struct raw_request raw = raw_get(targets[i].target);
		struct request request = request_of(&raw, arena);

		check_str(targets[i].say, offer_target_without(&request, arena), targets[i].without);
		arena_free(arena);
	}
}

int
suite_offer(void)
{
	CU_pSuite suite = CU_add_suite("gate/offer", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "offers", test_offers) == NULL ||
	    CU_add_test(suite, "targets", test_offer_targets) == NULL)
		return -1;
	return 0;
}
