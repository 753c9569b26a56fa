/* SPDX-License-Identifier: MIT */
/*
 * gate/decide.c: the order of the decision, and what each check says yes to.  One site has a rule of each kind; a
 * case names what differs from a GET / of a stranger while maintenance is on.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "gate/decide.h"
#include "rules/share.h"
#include "support.h"

#define HEADERS   4
#define OLD_KEY   "correct horse 2025"
#define NEW_KEY   "correct horse 2026"
#define KEY       "X_MAINTENANCE_BYPASS"
#define ORIGIN    "https://app.example.com"
#define ASKED     "ACCESS_CONTROL_REQUEST_METHOD"

int suite_decide(void);

/* Bits of `how`. */
enum {
	PLAIN      = 0,
	OFF        = 1,         /* maintenance is off */
	READ_ONLY  = 2,
	SUSPENDED  = 4,         /* bypass.off is there */
	ODD        = 8,         /* set by hand: see test_request.c for what is odd */
	ALL        = 16,        /* a share of 100 */
	NOBODY     = 32,        /* no client address */
};

struct decide_case {
	const char  *say;
	unsigned     how;
	const char  *method, *target, *address, *user;
	struct raw_header headers[HEADERS];
	enum outcome outcome;
	enum reason  reason;
	int          rule;
};

#define H(name, value) { STR_INIT(name), STR_INIT(value) }
#define PASS           OUTCOME_PASS
#define HOLD           OUTCOME_HOLD
#define GET            "GET"
#define STRANGER       "203.0.113.1"
#define OFFICE         "192.0.2.7"

static struct path_set *
paths_of(const char *rules)
{
	struct path_set *set = path_set_new();
	struct str rest = str_of(rules), rule;
	int number = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	while (str_split(&rest, ' ', &rule))
		CU_ASSERT_EQUAL(path_set_add(set, rule, number++), 0);
	return set;
}

static void
rules_make(struct rules *rules)
{
	static struct str origins[] = { STR_INIT("https://other.example.com"), STR_INIT(ORIGIN) };
	static struct str users[] = { STR_INIT("anna"), STR_INIT("bert") };

	memset(rules, 0, sizeof *rules);
	rules->open_paths = paths_of("/other /open/");
	rules->open_defaults = paths_of("/health /robots.txt /.well-known/acme-challenge/");
	rules->open_methods = 1u << METHOD_PROPFIND;
	rules->cors_origins = origins;
	rules->cors_origin_count = COUNT(origins);
	rules->addresses = cidr_set_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(rules->addresses);
	CU_ASSERT_EQUAL(cidr_set_add(rules->addresses, STR("192.0.2.0/24")), 0);
	cidr_set_freeze(rules->addresses);
	rules->bypass_header = STR(KEY);
	CU_ASSERT_EQUAL(secret_parse(STR(OLD_KEY), &rules->secrets[0]), 0);
	CU_ASSERT_EQUAL(secret_parse(STR(NEW_KEY), &rules->secrets[1]), 0);
	rules->secret_count = RULES_SECRETS_MAX;
	rules->users = users;
	rules->user_count = COUNT(users);
}

static void
rules_free(struct rules *rules)
{
	path_set_free(rules->open_paths);
	path_set_free(rules->open_defaults);
	cidr_set_free(rules->addresses);
}

static struct condition
condition_of(unsigned how)
{
	return (struct condition){
		.on = (how & OFF) == 0, .source = CONDITION_FLAG, .mode = how & READ_ONLY ? MODE_READ_ONLY : MODE_FULL,
		.since = 0, .until = TIME_NONE, .bypass_off = (how & SUSPENDED) != 0, .id = STR("a1"),
		.share = how & ALL ? 100 : 0, .retry_after = -1,
	};
}

static struct verdict
decide(const struct rules *rules, const struct decide_case *c, struct trace *trace)
{
	struct arena *arena = arena_new_growing(64 * 1024);
	struct raw_request raw = raw_get(c->target);
	struct condition condition = condition_of(c->how);
	struct request request;
	struct verdict verdict;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	raw.method = str_of(c->method);
	raw.peer = c->how & NOBODY ? STR("unix:") : str_of(c->address);
	raw.user = str_of(c->user);
	for (size_t i = 0; i < HEADERS && c->headers[i].name.p != NULL; i++)
		raw.headers[raw.header_count++] = c->headers[i];
	request = request_of(&raw, arena);
	request.odd = request.odd || (c->how & ODD) != 0;
	verdict = gate_decide(rules, &condition, &request, NULL, trace);
	arena_free(arena);
	return verdict;
}

static const struct decide_case cases[] = {
	{ "a stranger is held", PLAIN, GET, "/", STRANGER, NULL, { { { 0 }, { 0 } } }, HOLD, REASON_HOLD, -1 },
#define PLAINLY(say, how, method, target, address, user, outcome, reason, rule) \
	{ say, how, method, target, address, user, { { { 0 }, { 0 } } }, outcome, REASON_##reason, rule }
	PLAINLY("while it is off all pass", OFF, "POST", "/", STRANGER, NULL, PASS, OFF, -1),
	PLAINLY("... whatever they ask for", OFF | ODD, "BREW", "/a/../b", STRANGER, NULL, PASS, OFF, -1),

	PLAINLY("the gateway's own status", PLAIN, GET, "/.maintenance/status", STRANGER, NULL, OUTCOME_ENDPOINT,
	    ENDPOINT, -1),
	PLAINLY("... for HEAD", PLAIN, "HEAD", "/.maintenance/status", STRANGER, NULL, OUTCOME_ENDPOINT, ENDPOINT, -1),
	PLAINLY("... with a query", PLAIN, GET, "/.maintenance/status?x", STRANGER, NULL, OUTCOME_ENDPOINT,
	    ENDPOINT, -1),
	PLAINLY("... while it is off", OFF, GET, "/.maintenance/status", STRANGER, NULL, OUTCOME_ENDPOINT, ENDPOINT,
	    -1),
	PLAINLY("... not for POST", PLAIN, "POST", "/.maintenance/status", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not below it", PLAIN, GET, "/.maintenance/status/", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not another below the prefix", PLAIN, GET, "/.maintenance/x", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not the prefix", PLAIN, GET, "/.maintenance/", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not in another spelling", PLAIN, GET, "/.maintenance/%73tatus", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not through dots", PLAIN, GET, "/a/../.maintenance/status", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not in another case", PLAIN, GET, "/.Maintenance/status", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... another below the prefix is decided like any path", OFF, GET, "/.maintenance/x", STRANGER, NULL,
	    PASS, OFF, -1),

	PLAINLY("an open path", PLAIN, GET, "/open/a", STRANGER, NULL, PASS, PATH, 1),
	PLAINLY("... for all methods", PLAIN, "POST", "/open/a", STRANGER, NULL, PASS, PATH, 1),
	PLAINLY("... also unknown ones", PLAIN, "BREW", "/other", STRANGER, NULL, PASS, PATH, 0),
	PLAINLY("... in another spelling that all read alike", PLAIN, GET, "/%6fpen/a", STRANGER, NULL, PASS, PATH, 1),
	PLAINLY("... not beside it", PLAIN, GET, "/opened", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("an odd path opens nothing: dots", PLAIN, GET, "/admin/../open/a", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... within the open one", PLAIN, GET, "/open/../admin", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... two slashes", PLAIN, GET, "/open//a", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... an encoded slash", PLAIN, GET, "/open%2fa", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... a semicolon", PLAIN, GET, "/open/;/admin", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... however it came to be odd", ODD, GET, "/open/a", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... and no default", ODD, GET, "/health", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... but an address still passes", ODD, GET, "/open/a", OFFICE, NULL, PASS, ADDRESS, -1),

	PLAINLY("a path open by default", PLAIN, GET, "/health", STRANGER, NULL, PASS, PATH, -1),
	PLAINLY("... for HEAD", PLAIN, "HEAD", "/robots.txt", STRANGER, NULL, PASS, PATH, -1),
	PLAINLY("... a challenge of ACME", PLAIN, GET, "/.well-known/acme-challenge/x", STRANGER, NULL, PASS, PATH, -1),
	PLAINLY("... not for POST", PLAIN, "POST", "/health", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not for OPTIONS", PLAIN, "OPTIONS", "/health", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not for an unknown method", PLAIN, "BREW", "/health", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... not in another case", PLAIN, GET, "/Health", STRANGER, NULL, HOLD, HOLD, -1),

	PLAINLY("an open method", PLAIN, "PROPFIND", "/", STRANGER, NULL, PASS, METHOD, -1),
	PLAINLY("... not in small letters", PLAIN, "propfind", "/", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("... an odd path does not matter there", ODD, "PROPFIND", "/", STRANGER, NULL, PASS, METHOD, -1),
	PLAINLY("read-only: GET", READ_ONLY, GET, "/", STRANGER, NULL, PASS, METHOD, -1),
	PLAINLY("read-only: HEAD", READ_ONLY, "HEAD", "/", STRANGER, NULL, PASS, METHOD, -1),
	PLAINLY("read-only: OPTIONS", READ_ONLY, "OPTIONS", "/", STRANGER, NULL, PASS, METHOD, -1),
	PLAINLY("read-only: writes are held", READ_ONLY, "POST", "/", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("read-only: DELETE", READ_ONLY, "DELETE", "/", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("read-only: TRACE", READ_ONLY, "TRACE", "/", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("read-only: an unknown method", READ_ONLY, "BREW", "/", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("read-only: get", READ_ONLY, "get", "/", STRANGER, NULL, HOLD, HOLD, -1),
	PLAINLY("full: OPTIONS is held", PLAIN, "OPTIONS", "/", STRANGER, NULL, HOLD, HOLD, -1),

	PLAINLY("an allowed address", PLAIN, "POST", "/", OFFICE, NULL, PASS, ADDRESS, -1),
	PLAINLY("... its neighbour", PLAIN, GET, "/", "192.0.3.7", NULL, HOLD, HOLD, -1),
	PLAINLY("... as mapped IPv6", PLAIN, GET, "/", "::ffff:192.0.2.7", NULL, PASS, ADDRESS, -1),
	PLAINLY("no client address matches nothing", NOBODY, GET, "/", "", NULL, HOLD, HOLD, -1),
	PLAINLY("... and has no share, not even of all", NOBODY | ALL, GET, "/", "", NULL, HOLD, HOLD, -1),

	PLAINLY("a user", PLAIN, GET, "/", STRANGER, "anna", PASS, USER, 0),
	PLAINLY("another user", PLAIN, GET, "/", STRANGER, "bert", PASS, USER, 1),
	PLAINLY("a user who is not named", PLAIN, GET, "/", STRANGER, "carl", HOLD, HOLD, -1),
	PLAINLY("a user in another case", PLAIN, GET, "/", STRANGER, "Anna", HOLD, HOLD, -1),
	PLAINLY("a user who begins alike", PLAIN, GET, "/", STRANGER, "ann", HOLD, HOLD, -1),
	PLAINLY("an empty user is nobody", PLAIN, GET, "/", STRANGER, "", HOLD, HOLD, -1),

	PLAINLY("a share of all", ALL, GET, "/", STRANGER, NULL, PASS, SHARE, -1),
	PLAINLY("... is no bypass: bypass.off does not end it", ALL | SUSPENDED, GET, "/", STRANGER, NULL, PASS,
	    SHARE, -1),

	PLAINLY("suspended: the address", SUSPENDED, GET, "/", OFFICE, NULL, HOLD, HOLD, -1),
	PLAINLY("suspended: the user", SUSPENDED, GET, "/", STRANGER, "anna", HOLD, HOLD, -1),
	PLAINLY("not suspended: a path", SUSPENDED, GET, "/open/a", STRANGER, NULL, PASS, PATH, 1),
	PLAINLY("not suspended: a path open by default", SUSPENDED, GET, "/health", STRANGER, NULL, PASS, PATH, -1),
	PLAINLY("not suspended: a method", SUSPENDED | READ_ONLY, GET, "/", STRANGER, NULL, PASS, METHOD, -1),
	PLAINLY("not suspended: off is off", SUSPENDED | OFF, GET, "/", STRANGER, NULL, PASS, OFF, -1),
#undef PLAINLY

	{ "the secret", PLAIN, "POST", "/", STRANGER, NULL, { H(KEY, OLD_KEY) }, PASS, REASON_HEADER, -1 },
	{ "the second secret, for rotation", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, NEW_KEY) }, PASS,
	    REASON_HEADER, -1 },
	{ "outer blanks are trimmed", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, " \t" NEW_KEY " ") }, PASS,
	    REASON_HEADER, -1 },
	{ "another secret", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, "correct horse 2027") }, HOLD, REASON_HOLD, -1 },
	{ "both in one line", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, OLD_KEY ", " NEW_KEY) }, HOLD, REASON_HOLD,
	    -1 },
	{ "an empty one", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, "") }, HOLD, REASON_HOLD, -1 },
	{ "blanks alone", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, "  ") }, HOLD, REASON_HOLD, -1 },
	{ "another header", PLAIN, GET, "/", STRANGER, NULL, { H("X_BYPASS", OLD_KEY) }, HOLD, REASON_HOLD, -1 },
	{ "twice: the first is right", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, OLD_KEY), H(KEY, "x") }, HOLD,
	    REASON_HOLD, -1 },
	{ "twice: the second is right", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, "x"), H(KEY, OLD_KEY) }, HOLD,
	    REASON_HOLD, -1 },
	{ "twice: both are right", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, OLD_KEY), H(KEY, OLD_KEY) }, HOLD,
	    REASON_HOLD, -1 },
	{ "suspended: the secret", SUSPENDED, GET, "/", STRANGER, NULL, { H(KEY, OLD_KEY) }, HOLD, REASON_HOLD, -1 },

	{ "a preflight of a named origin", PLAIN, "OPTIONS", "/", STRANGER, NULL, { H("ORIGIN", ORIGIN), H(ASKED,
	    "PUT") },
	    PASS, REASON_METHOD, -1 },
	{ "... of another origin", PLAIN, "OPTIONS", "/", STRANGER, NULL, { H("ORIGIN", "https://evil.example"),
	    H(ASKED, "PUT") },
	    HOLD, REASON_HOLD, -1 },
	{ "... of an origin that begins alike", PLAIN, "OPTIONS", "/", STRANGER, NULL,
	    { H("ORIGIN", ORIGIN ".evil.example"), H(ASKED, "PUT") }, HOLD, REASON_HOLD, -1 },
	{ "... without an origin", PLAIN, "OPTIONS", "/", STRANGER, NULL, { H(ASKED, "PUT") }, HOLD, REASON_HOLD, -1 },
	{ "... without the method asked for", PLAIN, "OPTIONS", "/", STRANGER, NULL, { H("ORIGIN", ORIGIN) },
	    HOLD, REASON_HOLD, -1 },
	{ "... with two origins", PLAIN, "OPTIONS", "/", STRANGER, NULL,
	    { H("ORIGIN", ORIGIN), H("ORIGIN", ORIGIN), H(ASKED, "PUT") }, HOLD, REASON_HOLD, -1 },
	{ "... asked twice", PLAIN, "OPTIONS", "/", STRANGER, NULL,
	    { H("ORIGIN", ORIGIN), H(ASKED, "PUT"), H(ASKED, "GET") }, HOLD, REASON_HOLD, -1 },
	{ "the call behind it is held", PLAIN, "PUT", "/", STRANGER, NULL, { H("ORIGIN", ORIGIN), H(ASKED, "PUT") },
	    HOLD, REASON_HOLD, -1 },

	/* each row before the next: all that could say yes does */
	{ "order: the endpoint before off", OFF | READ_ONLY | ALL, GET, "/.maintenance/status", OFFICE, "anna",
	    { H(KEY, OLD_KEY) }, OUTCOME_ENDPOINT, REASON_ENDPOINT, -1 },
	{ "order: off before the path", OFF | READ_ONLY | ALL, GET, "/open/a", OFFICE, "anna", { H(KEY, OLD_KEY) },
	    PASS, REASON_OFF, -1 },
	{ "order: the path before the method", READ_ONLY | ALL, GET, "/open/a", OFFICE, "anna", { H(KEY, OLD_KEY) },
	    PASS, REASON_PATH, 1 },
	{ "order: the method before the address", READ_ONLY | ALL, GET, "/", OFFICE, "anna", { H(KEY, OLD_KEY) },
	    PASS, REASON_METHOD, -1 },
	{ "order: the address before the header", ALL, GET, "/", OFFICE, "anna", { H(KEY, OLD_KEY) },
	    PASS, REASON_ADDRESS, -1 },
	{ "order: the header before the user", ALL, GET, "/", STRANGER, "anna", { H(KEY, OLD_KEY) },
	    PASS, REASON_HEADER, -1 },
	{ "order: the user before the share", ALL, GET, "/", STRANGER, "anna", { { { 0 }, { 0 } } }, PASS,
	    REASON_USER, 0 },
};

static void
check_verdict(const char *say, struct verdict got, enum outcome outcome, enum reason reason, int rule)
{
	if (got.outcome != outcome || got.reason != reason || got.rule != rule)
		printf("\n  %s: want %s, rule %d, got %s, rule %d", say, reason_word(reason), rule,
		    reason_word(got.reason), got.rule);
	CU_ASSERT_EQUAL(got.outcome, outcome);
	CU_ASSERT_EQUAL(got.reason, reason);
	CU_ASSERT_EQUAL(got.rule, rule);
}

static void
test_decide_cases(void)
{
	struct rules rules;

	rules_make(&rules);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct decide_case *c = &cases[i];
		struct trace trace;

		check_verdict(c->say, decide(&rules, c, NULL), c->outcome, c->reason, c->rule);
		check_verdict(c->say, decide(&rules, c, &trace), c->outcome, c->reason, c->rule);
		for (size_t k = 0; k < trace.count; k++)        /* an explanation is the decision itself */
			CHECK(c->say, (trace.rows[k].answer == CHECK_YES) ==
			    (k + 1 == trace.count && c->outcome != OUTCOME_HOLD));
	}
	rules_free(&rules);
}

static void
test_decide_site_without_rules(void)
{
	static const struct decide_case nothing[] = {
		{ "an empty header is no secret of a site without one", PLAIN, GET, "/", STRANGER, "",
		    { H("", ""), H(KEY, OLD_KEY) }, HOLD, REASON_HOLD, -1 },
		{ "an empty user is not allowed by an empty list", PLAIN, GET, "/health", OFFICE, "", { { { 0 },
		    { 0 } } },
		    HOLD, REASON_HOLD, -1 },
		{ "a preflight", PLAIN, "OPTIONS", "/", STRANGER, "", { H("ORIGIN", ""), H(ASKED, "") }, HOLD,
		    REASON_HOLD, -1 },
		{ "an unknown method is in no set", PLAIN, "BREW", "/", STRANGER, "", { { { 0 }, { 0 } } }, HOLD,
		    REASON_HOLD, -1 },
	};
	struct rules rules = {
		.open_paths = paths_of(""), .open_defaults = paths_of(""), .addresses = cidr_set_new(),
	};

	CU_ASSERT_PTR_NOT_NULL_FATAL(rules.addresses);
	cidr_set_freeze(rules.addresses);
	for (size_t i = 0; i < COUNT(nothing); i++)
		check_verdict(nothing[i].say, decide(&rules, &nothing[i], NULL), nothing[i].outcome,
		    nothing[i].reason, -1);
	rules_free(&rules);
}

static void
test_decide_one_secret_is_not_two(void)
{
	static const struct decide_case old = { "the old one", PLAIN, GET, "/", STRANGER, NULL, { H(KEY, OLD_KEY) },
		PASS, REASON_HEADER, -1 };
	static const struct decide_case new = { "the new one, not yet", PLAIN, GET, "/", STRANGER, NULL, { H(KEY,
	    NEW_KEY) },
		HOLD, REASON_HOLD, -1 };
	struct rules rules;

	rules_make(&rules);
	rules.secret_count = 1;
	check_verdict(old.say, decide(&rules, &old, NULL), old.outcome, old.reason, -1);
	check_verdict(new.say, decide(&rules, &new, NULL), new.outcome, new.reason, -1);
	rules_free(&rules);
}

/* The trace of a held request names every check, in the order of the decision. */
static void
test_decide_trace(void)
{
	static const enum reason order[] = {
		REASON_ENDPOINT, REASON_OFF, REASON_PATH, REASON_METHOD, REASON_ADDRESS, REASON_HEADER, REASON_USER,
		REASON_TICKET, REASON_SHARE,
	};
	struct decide_case held = { "held", PLAIN, GET, "/", STRANGER, NULL, { { { 0 }, { 0 } } }, HOLD,
	    REASON_HOLD, -1 };
	struct rules rules;
	struct trace trace = { .count = 99 };

	rules_make(&rules);
	(void)decide(&rules, &held, &trace);
	check_int("all checks", (int64_t)trace.count, COUNT(order));
	for (size_t i = 0; i < trace.count; i++) {
		check_int("in their order", trace.rows[i].reason, order[i]);
		check_int("none says yes", trace.rows[i].answer, CHECK_NO);
	}
	held.how = SUSPENDED;
	held.address = OFFICE;
	held.user = "anna";
	(void)decide(&rules, &held, &trace);
	check_int("all checks, though some are suspended", (int64_t)trace.count, COUNT(order));
	for (size_t i = 0; i < trace.count; i++)
		check_int(reason_word(trace.rows[i].reason), trace.rows[i].answer,
		    order[i] == REASON_ADDRESS || order[i] == REASON_HEADER || order[i] == REASON_USER ||
		    order[i] == REASON_TICKET ?
		    CHECK_SUSPENDED : CHECK_NO);
	held.how = OFF;
	(void)decide(&rules, &held, &trace);
	check_int("it ends with the first yes", (int64_t)trace.count, 2);
	rules_free(&rules);
}

/* Of many clients about the share is admitted, nobody drops out as it rises, and it is share_place() that says who. */
static void
test_decide_share(void)
{
	static const int shares[] = { 0, 1, 10, 50, 99, 100 };
	enum { CLIENTS = 2000 };
	bool before[CLIENTS] = { false };
	struct rules rules;

	rules_make(&rules);
	for (size_t s = 0; s < COUNT(shares); s++) {
		struct condition condition = condition_of(PLAIN);
		struct raw_request raw = raw_get("/");
		int admitted = 0;

		condition.share = shares[s];
		for (int i = 0; i < CLIENTS; i++) {
			struct request request = { .raw = &raw, .has_client = true, .method = METHOD_GET,
			    .path = STR("/"),
				.raw_path = STR("/") };
			char text[32];
			bool in;

			(void)snprintf(text, sizeof text, "10.7.%d.%d", i / 250, i % 250);
			CU_ASSERT_EQUAL(ip_parse(str_of(text), &request.client), 0);
			in = gate_decide(&rules, &condition, &request, NULL, NULL).outcome == PASS;
			CU_ASSERT_EQUAL(in, share_place(&request.client, condition.id) < shares[s]);
			CU_ASSERT(in || !before[i]);
			before[i] = in;
			admitted += in;
		}
		CHECK("about the share of all", admitted >= CLIENTS * shares[s] / 100 - 100 &&
		    admitted <= CLIENTS * shares[s] / 100 + 100);
		CHECK("0 is nobody, 100 is all", (shares[s] != 0 || admitted == 0) &&
		    (shares[s] != 100 || admitted == CLIENTS));
	}
	rules_free(&rules);
}

int
suite_decide(void)
{
	CU_pSuite suite = CU_add_suite("gate/decide", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "cases", test_decide_cases) == NULL ||
	    CU_add_test(suite, "a site without rules", test_decide_site_without_rules) == NULL ||
	    CU_add_test(suite, "one secret is not two", test_decide_one_secret_is_not_two) == NULL ||
	    CU_add_test(suite, "trace", test_decide_trace) == NULL ||
	    CU_add_test(suite, "share", test_decide_share) == NULL)
		return -1;
	return 0;
}
