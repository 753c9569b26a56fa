/* SPDX-License-Identifier: MIT */
/*
 * gate/client.c: who the client is.  10.0.0.0/8 and ::1 are trusted proxies; what they say is believed from the
 * right, and one entry that is no address means that nobody knows.
 */
#include "config.h"

#include <string.h>

#include "gate/client.h"
#include "support.h"

#define LIST      CLIENT_HEADER_LIST
#define FORWARDED CLIENT_HEADER_FORWARDED
#define SINGLE    CLIENT_HEADER_SINGLE
#define NOBODY    ""
#define LINES     3

int suite_client(void);

struct client_case {
	const char        *say, *peer;
	enum client_header kind;
	const char        *lines[LINES]; /* of the header, in their order */
	const char        *client;       /* NOBODY: no client address */
	bool               by_proxy;
};

static struct cidr_set *
proxies_of(const char *networks)
{
	struct cidr_set *set = cidr_set_new();
	struct str rest = str_of(networks), network;

	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	while (str_split(&rest, ' ', &network))
		CU_ASSERT_EQUAL(cidr_set_add(set, network), 0);
	cidr_set_freeze(set);
	return set;
}

static void
check_client(const struct client_case *c, enum server server)
{
	struct cidr_set *proxies = proxies_of("10.0.0.0/8 ::1");
	struct trust trust = { proxies, c->kind == FORWARDED ? STR("FORWARDED") :
	    c->kind == SINGLE ? STR("X_REAL_IP") : STR("X_FORWARDED_FOR"), c->kind };
	struct raw_request raw = raw_get("/");
	struct request request = { .raw = &raw };
	char text[IP_TEXT_MAX] = NOBODY;

	raw.peer = str_of(c->peer);
	raw.server = server;
	raw_add(&raw, "HOST", "192.0.2.200");
	for (size_t i = 0; i < LINES && c->lines[i] != NULL; i++)
		raw_add(&raw, trust.header.p, c->lines[i]);
	raw_add(&raw, "X_CLIENT_IP", "192.0.2.201");
	client_find(&request, &trust);
	if (request.has_client)
		ip_format(&request.client, text);
	check_str(c->say, str_of(text), c->client);
	CHECK(c->say, request.by_proxy == c->by_proxy);
	cidr_set_free(proxies);
}

static const struct client_case cases[] = {
	{ "the peer",                                "192.0.2.7", LIST, { NULL }, "192.0.2.7", false },
	{ "the header of a peer that is no proxy is nothing", "192.0.2.7", LIST, { "203.0.113.1" }, "192.0.2.7",
	    false },
	{ "an IPv6 peer",                            "2001:db8::7", LIST, { "203.0.113.1" }, "2001:db8::7", false },
	{ "no peer: nobody",                         "", LIST, { "203.0.113.1" }, NOBODY, false },
	{ "a peer that is no address: nobody",       "unix:", LIST, { "203.0.113.1" }, NOBODY, false },
	{ "a peer with a port is none",              "10.0.0.1:80", LIST, { "203.0.113.1" }, NOBODY, false },
	{ "a trusted peer without the header is itself the client", "10.0.0.1", LIST, { NULL }, "10.0.0.1", false },
	{ "a trusted peer says who it was",          "10.0.0.1", LIST, { "203.0.113.1" }, "203.0.113.1", true },
	{ "an IPv4-mapped proxy is that proxy",      "::ffff:10.0.0.1", LIST, { "203.0.113.1" }, "203.0.113.1", true },
	{ "an IPv6 proxy",                           "::1", LIST, { "203.0.113.1" }, "203.0.113.1", true },
	{ "from the right: what the client made up is not read", "10.0.0.1", LIST, { "10.9.9.9, 203.0.113.1" },
	    "203.0.113.1", true },
	{ "past trusted entries",                    "10.0.0.1", LIST, { "203.0.113.1, 10.0.0.3, 10.0.0.2" },
	    "203.0.113.1", true },
	{ "to the first that is not trusted",        "10.0.0.1", LIST, { "198.51.100.1, 203.0.113.1, 10.0.0.2" },
	    "203.0.113.1", true },
	{ "all trusted: the leftmost",               "10.0.0.1", LIST, { "10.0.0.4, 10.0.0.3, 10.0.0.2" },
	    "10.0.0.4", true },
	{ "lines are one list, in their order",      "10.0.0.1", LIST, { "203.0.113.1", "10.0.0.2" },
	    "203.0.113.1", true },
	{ "the last line counts first",              "10.0.0.1", LIST, { "198.51.100.1", "203.0.113.1" },
	    "203.0.113.1", true },
	{ "all trusted over three lines: the leftmost", "10.0.0.1", LIST, { "10.0.0.4, 10.0.0.3", "10.0.0.2",
	    "10.0.0.5" },
	    "10.0.0.4", true },
	{ "no blanks needed",                        "10.0.0.1", LIST, { "203.0.113.1,10.0.0.2" }, "203.0.113.1",
	    true },
	{ "blanks and tabs are fine",                "10.0.0.1", LIST, { " 203.0.113.1 \t,\t10.0.0.2 " },
	    "203.0.113.1", true },
	{ "a port is understood",                    "10.0.0.1", LIST, { "203.0.113.1:4711, 10.0.0.2:80" },
	    "203.0.113.1", true },
	{ "brackets are understood",                 "10.0.0.1", LIST, { "[2001:db8::9]" }, "2001:db8::9", true },
	{ "brackets and a port",                     "10.0.0.1", LIST, { "[2001:db8::9]:443, [::1]:80" },
	    "2001:db8::9", true },
	{ "IPv6 without brackets",                   "10.0.0.1", LIST, { "2001:db8::9" }, "2001:db8::9", true },
	{ "IPv4-mapped IPv6 is IPv4",                "10.0.0.1", LIST, { "::ffff:203.0.113.1" }, "203.0.113.1", true },
	{ "... a trusted one too",                   "10.0.0.1", LIST, { "203.0.113.1, ::ffff:10.0.0.2" },
	    "203.0.113.1", true },
	{ "a broken entry ends the walk: nobody",    "10.0.0.1", LIST, { "203.0.113.1, unknown" }, NOBODY, true },
	{ "... behind a trusted one",                "10.0.0.1", LIST, { "203.0.113.1, what, 10.0.0.2" }, NOBODY,
	    true },
	{ "... leftmost, where all else is trusted", "10.0.0.1", LIST, { "what, 10.0.0.2" }, NOBODY, true },
	{ "a broken entry behind the client is not reached", "10.0.0.1", LIST, { "what, 203.0.113.1" },
	    "203.0.113.1", true },
	{ "an empty header vouches for nobody",      "10.0.0.1", LIST, { "" }, NOBODY, true },
	{ "blanks alone too",                        "10.0.0.1", LIST, { "  " }, NOBODY, true },
	{ "an empty entry at the end",               "10.0.0.1", LIST, { "203.0.113.1," }, NOBODY, true },
	{ "an empty entry in the middle",            "10.0.0.1", LIST, { "203.0.113.1,,10.0.0.2" }, NOBODY, true },
	{ "an empty entry at the beginning",         "10.0.0.1", LIST, { ",10.0.0.2" }, NOBODY, true },
	{ "an empty line before a trusted one",      "10.0.0.1", LIST, { "", "10.0.0.2" }, NOBODY, true },
	{ "an empty line behind",                    "10.0.0.1", LIST, { "203.0.113.1", "" }, NOBODY, true },
	{ "a zone id never matches",                 "10.0.0.1", LIST, { "fe80::1%eth0" }, NOBODY, true },
	{ "leading zeros never match",               "10.0.0.1", LIST, { "010.0.0.1" }, NOBODY, true },
	{ "nor do short forms",                      "10.0.0.1", LIST, { "203.1" }, NOBODY, true },
	{ "nor a port out of range",                 "10.0.0.1", LIST, { "203.0.113.1:65536" }, NOBODY, true },
	{ "nor an unclosed bracket",                 "10.0.0.1", LIST, { "[2001:db8::9" }, NOBODY, true },
	{ "nor a name",                              "10.0.0.1", LIST, { "localhost" }, NOBODY, true },
	{ "nor quotes",                              "10.0.0.1", LIST, { "\"203.0.113.1\"" }, NOBODY, true },
	{ "nor blanks instead of commas",            "10.0.0.1", LIST, { "203.0.113.1 10.0.0.2" }, NOBODY, true },

	{ "one address",                             "10.0.0.1", SINGLE, { "203.0.113.1" }, "203.0.113.1", true },
	{ "one trusted address is the client",       "10.0.0.1", SINGLE, { "10.0.0.2" }, "10.0.0.2", true },
	{ "two in one line are none",                "10.0.0.1", SINGLE, { "203.0.113.1, 10.0.0.2" }, NOBODY, true },
	{ "two lines are none",                      "10.0.0.1", SINGLE, { "203.0.113.1", "203.0.113.1" }, NOBODY,
	    false },
	{ "no line: the peer",                       "10.0.0.1", SINGLE, { NULL }, "10.0.0.1", false },
	{ "a word is nobody",                        "10.0.0.1", SINGLE, { "unknown" }, NOBODY, true },

	{ "for",                                     "10.0.0.1", FORWARDED, { "for=203.0.113.1" }, "203.0.113.1",
	    true },
	{ "FOR, and other pairs",                    "10.0.0.1", FORWARDED,
	    { "proto=https;For=203.0.113.1;by=10.0.0.9" },
	    "203.0.113.1", true },
	{ "in quotes, with a port",                  "10.0.0.1", FORWARDED, { "for=\"203.0.113.1:80\"" },
	    "203.0.113.1", true },
	{ "IPv6 in quotes and brackets",             "10.0.0.1", FORWARDED, { "for=\"[2001:db8::9]:443\"" },
	    "2001:db8::9", true },
	{ "from the right, past trusted ones",       "10.0.0.1", FORWARDED,
	    { "for=10.1.1.1, for=203.0.113.1;proto=http, for=10.0.0.2" }, "203.0.113.1", true },
	{ "over lines",                              "10.0.0.1", FORWARDED, { "for=203.0.113.1", "for=10.0.0.2" },
	    "203.0.113.1", true },
	{ "all trusted: the leftmost",               "10.0.0.1", FORWARDED, { "for=10.0.0.3, for=10.0.0.2" },
	    "10.0.0.3", true },
	{ "unknown is nobody",                       "10.0.0.1", FORWARDED, { "for=unknown" }, NOBODY, true },
	{ "a hidden name is nobody",                 "10.0.0.1", FORWARDED, { "for=203.0.113.1, for=_proxy" },
	    NOBODY, true },
	{ "without for: nobody",                     "10.0.0.1", FORWARDED, { "for=203.0.113.1, proto=https" },
	    NOBODY, true },
	{ "for without a value",                     "10.0.0.1", FORWARDED, { "for=" }, NOBODY, true },
	{ "for without a sign",                      "10.0.0.1", FORWARDED, { "for" }, NOBODY, true },
	{ "two fors in one element",                 "10.0.0.1", FORWARDED, { "for=203.0.113.1;for=203.0.113.2" },
	    NOBODY, true },
	{ "an address without for",                  "10.0.0.1", FORWARDED, { "203.0.113.1" }, NOBODY, true },
	{ "an unclosed quote",                       "10.0.0.1", FORWARDED, { "for=\"203.0.113.1" }, NOBODY, true },
	{ "an empty element",                        "10.0.0.1", FORWARDED, { "for=203.0.113.1," }, NOBODY, true },
	{ "an escape in quotes is nobody",           "10.0.0.1", FORWARDED, { "for=\"203.0.113.\\1\"" }, NOBODY, true },
	{ "a semicolon in quotes begins no pair",    "10.0.0.1", FORWARDED,
	    { "for=203.0.113.1;host=\"a;for=10.1.1.1\"" },
	    NOBODY, true },
};

static void
test_client_find(void)
{
	for (size_t i = 0; i < COUNT(cases); i++)
		check_client(&cases[i], SERVER_OTHER);
}

/*
 * RFC 7239: a value in quotes may hold commas, and a proxy may quote what the client sent, such as its Host.
 * What is in quotes is never taken for the client: the real one and nobody are both right.
 */
static const struct {
	const char *say, *line;
} quoted[] = {
	{ "a comma in quotes begins no element", "for=203.0.113.1;host=\"a, for=198.51.100.9;b\"" },
	{ "... with a whole pair behind it",     "for=203.0.113.1;host=\"a, for=198.51.100.9;b=c\"" },
	{ "... in the first of two elements",    "for=203.0.113.1;host=\"a, for=198.51.100.9;b\", for=10.0.0.2" },
};

static void
test_client_quoted_text_is_no_client(void)
{
	struct cidr_set *proxies = proxies_of("10.0.0.0/8");
	struct trust trust = { proxies, STR("FORWARDED"), FORWARDED };

	for (size_t i = 0; i < COUNT(quoted); i++) {
		struct raw_request raw = raw_get("/");
		struct request request = { .raw = &raw };
		char text[IP_TEXT_MAX] = NOBODY;

		raw.peer = STR("10.0.0.1");
		raw_add(&raw, "FORWARDED", quoted[i].line);
		client_find(&request, &trust);
		if (request.has_client)
			ip_format(&request.client, text);
		CHECK(quoted[i].say, !request.has_client || strcmp(text, "203.0.113.1") == 0);
	}
	cidr_set_free(proxies);
}

/* lighttpd joins true repeats itself, so a second line is a forged twin (X-Forwarded_For). */
static void
test_client_lighttpd(void)
{
	static const struct client_case lighttpd[] = {
		{ "one line", "10.0.0.1", LIST, { "198.51.100.1, 203.0.113.1" }, "203.0.113.1", true },
		{ "two lines: nobody", "10.0.0.1", LIST, { "203.0.113.1", "10.0.0.2" }, NOBODY, false },
		{ "... though they are equal", "10.0.0.1", LIST, { "203.0.113.1", "203.0.113.1" }, NOBODY, false },
		{ "two lines of Forwarded", "10.0.0.1", FORWARDED, { "for=203.0.113.1", "for=203.0.113.1" }, NOBODY,
		    false },
		{ "of a peer that is no proxy they are not read", "192.0.2.7", LIST, { "203.0.113.1", "10.0.0.2" },
		    "192.0.2.7", false },
		{ "none: the peer", "10.0.0.1", LIST, { NULL }, "10.0.0.1", false },
	};

	for (size_t i = 0; i < COUNT(lighttpd); i++)
		check_client(&lighttpd[i], SERVER_LIGHTTPD);
}

/* Under Caddy twins replace each other at random: the header is not read, and who sent it is nobody we know. */
static void
test_client_caddy(void)
{
	static const struct client_case caddy[] = {
		{ "nobody, whatever the header says", "10.0.0.1", LIST, { "203.0.113.1" }, NOBODY, false },
		{ "... in Forwarded", "10.0.0.1", FORWARDED, { "for=203.0.113.1" }, NOBODY, false },
		{ "... in X-Real-IP", "10.0.0.1", SINGLE, { "203.0.113.1" }, NOBODY, false },
		{ "the peer where it says nothing", "10.0.0.1", LIST, { NULL }, "10.0.0.1", false },
		{ "a peer that is no proxy", "192.0.2.7", LIST, { "203.0.113.1" }, "192.0.2.7", false },
	};

	for (size_t i = 0; i < COUNT(caddy); i++)
		check_client(&caddy[i], SERVER_CADDY);
}

int
suite_client(void)
{
	CU_pSuite suite = CU_add_suite("gate/client", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "find", test_client_find) == NULL ||
	    CU_add_test(suite, "quoted text", test_client_quoted_text_is_no_client) == NULL ||
	    CU_add_test(suite, "lighttpd", test_client_lighttpd) == NULL ||
	    CU_add_test(suite, "Caddy", test_client_caddy) == NULL)
		return -1;
	return 0;
}
