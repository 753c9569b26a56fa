/* SPDX-License-Identifier: MIT */
/* front/serve.c: the whole way of a request, with real flag files. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front/serve.h"
#include "record/log.h"
#include "support.h"

int suite_serve(void);

#define HEAD "[gateway]\nstate_dir = state\n"

/* A gateway with one worker. */
struct fixture {
	struct folder   folder;
	struct problems problems;
	struct gateway  gateway;
	struct worker   worker;
	struct reply    reply;
};

static void
begin(struct fixture *f, const char *ini)
{
	memset(f, 0, sizeof *f);
	folder_make(&f->folder);
	folder_mkdir(&f->folder, "state");
	folder_mkdir(&f->folder, "state/flags");
	folder_write(&f->folder, "warden.ini", ini);
	f->problems.arena = arena_new_growing(65536);
	CU_ASSERT_EQUAL(log_open(str_of(folder_path(&f->folder, "log")), LOG_LEVEL_DEBUG), 0);
	CU_ASSERT_EQUAL_FATAL(policy_store_open(str_of(folder_path(&f->folder, "warden.ini")), &f->problems, &f->gateway.store), 0);
	CU_ASSERT_EQUAL_FATAL(worker_init(&f->worker), 0);
}

static void
end(struct fixture *f)
{
	worker_finish(&f->worker, &f->gateway);
	policy_store_close(f->gateway.store);
	arena_free(f->problems.arena);
	CU_ASSERT_EQUAL(log_open(STR("stderr"), LOG_LEVEL_INFO), 0);
	folder_remove(&f->folder);
}

/* The status that an asking server gets. */
static int
ask_raw(struct fixture *f, struct raw_request *raw)
{
	raw->dialect = DIALECT_AUTHORIZER;
	serve(&f->gateway, &f->worker, raw, &f->reply);
	return f->reply.status;
}

static int
ask(struct fixture *f, const char *method, const char *host, const char *target)
{
	struct raw_request raw = raw_get(target);

	raw.method = str_of(method);
	if (host != NULL)
		raw_add(&raw, "HOST", host);
	return ask_raw(f, &raw);
}

static void
test_serve_flag(void)
{
	struct fixture f;

	begin(&f, HEAD);
	check_int("off", ask(&f, "GET", "a.example", "/"), 200);
	folder_write(&f.folder, "state/maintenance.flag", "");
	check_int("on, for the next request", ask(&f, "GET", "a.example", "/"), 503);
	check_int("... for all methods", ask(&f, "POST", "a.example", "/"), 503);
	check_int("... but for what is always open", ask(&f, "GET", "a.example", "/healthz"), 200);
	folder_delete(&f.folder, "state/maintenance.flag");
	check_int("off again, for the next request", ask(&f, "GET", "a.example", "/"), 200);
	folder_write(&f.folder, "state/maintenance.flag", "id = one\nmode = read-only\n");
	check_int("a body that lets readers in", ask(&f, "GET", "a.example", "/"), 200);
	check_int("... and no writers", ask(&f, "POST", "a.example", "/"), 503);
	check_str("... with its id", reply_find(&f.reply, STR("X-Maintenance")), "active; id=one");
	folder_write(&f.folder, "state/maintenance.flag", "id = two\nmode = full\n");
	check_int("a body rewritten in the same second", ask(&f, "GET", "a.example", "/"), 503);
	check_str("... is read", reply_find(&f.reply, STR("X-Maintenance")), "active; id=two");
	folder_write(&f.folder, "state/maintenance.flag", "mode = read-only\nnonsense\n");
	check_int("a broken body is on, and opens nothing", ask(&f, "GET", "a.example", "/"), 503);
	end(&f);
}

#define SITES HEAD "[site.shop]\nhost = shop.example\n[site.cart]\nhost = shop.example\npath = /cart/\n[site.blog]\nhost = blog.example\n"

static const struct {
	const char *say, *flag, *host, *target;
	int         status;
} cases[] = {
	{ "the site's own flag",                    "flags/cart.flag",  "shop.example", "/cart/a",         503 },
	{ "... is not its neighbour's",             "flags/cart.flag",  "shop.example", "/a",              200 },
	{ "... nor another host's",                 "flags/cart.flag",  "blog.example", "/cart/a",         200 },
	{ "the global flag is for all",             "maintenance.flag", "blog.example", "/",               503 },
	{ "... also for hosts nobody knows",        "maintenance.flag", "x.test",       "/",               503 },
	{ "an odd path may be the closed site's",   "flags/cart.flag",  "shop.example", "/x/../cart/a",    503 },
	{ "... even where it is resolved to another", "flags/cart.flag", "shop.example", "/cart/../a",     503 },
	{ "... with an encoded slash",              "flags/cart.flag",  "shop.example", "/cart%2fa",       503 },
	{ "... doubled",                            "flags/cart.flag",  "shop.example", "//cart/a",        503 },
	{ "... with a parameter",                   "flags/cart.flag",  "shop.example", "/cart;a",         503 },
	{ "... and the outer site's is as closed",  "flags/shop.flag",  "shop.example", "/cart//a",        503 },
	{ "an odd path on another host passes",     "flags/cart.flag",  "blog.example", "/x/../cart/a",    200 },
	{ "an odd health check opens nothing",      "flags/shop.flag",  "shop.example", "/x/../health",    503 },
	{ "a host that is none is every site's",    "flags/blog.flag",  "a b",          "/",               503 },
	{ "no host at all",                         "flags/blog.flag",  NULL,           "/",               200 },
	{ "a target with another host",             "flags/blog.flag",  "shop.example", "http://blog.example/", 503 },
};

static void
test_serve_sites(void)
{
	struct fixture f;

	begin(&f, SITES);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[64];

		(void)snprintf(name, sizeof name, "state/%s", cases[i].flag);
		check_int("off", ask(&f, "GET", cases[i].host, cases[i].target), 200);
		folder_write(&f.folder, name, "");
		check_int(cases[i].say, ask(&f, "GET", cases[i].host, cases[i].target), cases[i].status);
		folder_delete(&f.folder, name);
	}
	end(&f);
}

static void
test_serve_named_site(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/");
	char *log;

	begin(&f, SITES);
	folder_write(&f.folder, "state/flags/shop.flag", "");
	raw_add(&raw, "HOST", "blog.example");
	check_int("by host it is off", ask_raw(&f, &raw), 200);
	raw.site = STR("shop");
	check_int("the server's word goes before the host", ask_raw(&f, &raw), 503);
	raw = raw_get("/");
	raw_add(&raw, "HOST", "shop.example");
	raw.site = STR("shpo\n");
	check_int("a word that is no site: host and path", ask_raw(&f, &raw), 503);
	log = folder_read(&f.folder, "log");
	CHECK("... and the log says so, in one line", strstr(log, "WARDEN_SITE names \"shpo\\x0A\"") != NULL);
	free(log);
	end(&f);
}

static void
test_serve_not_whole(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/");

	begin(&f, SITES);
	raw.whole = false;
	check_int("all off: it passes", ask_raw(&f, &raw), 200);
	folder_write(&f.folder, "state/flags/blog.flag", "");
	check_int("any site on: 400", ask_raw(&f, &raw), 400);
	CHECK("... with a sentence", reply_length(&f.reply) > 0 && f.reply.send_body);
	raw.method = STR("HEAD");
	check_int("HEAD too", ask_raw(&f, &raw), 400);
	CHECK("... without a body", !f.reply.send_body);
	folder_delete(&f.folder, "state/flags/blog.flag");
	raw.method = STR_NONE;
	check_int("no method: 400, also while all are off", ask_raw(&f, &raw), 400);
	raw.method = STR("GET");
	raw.target = STR_NONE;
	check_int("no target: the same", ask_raw(&f, &raw), 400);
	end(&f);
}

/* A request may be as large as the server lets it be; then it is a 431, or passes where there is room. */
static void
test_serve_large(void)
{
	static const size_t sizes[] = { 60 * 1024, 1024 * 1024 };
	struct fixture f;

	begin(&f, HEAD "[site]\nenabled = on\n");
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *target = malloc(sizes[i] + 1);
		struct raw_request raw;

		CU_ASSERT_PTR_NOT_NULL_FATAL(target);
		memset(target, '/', sizes[i]);
		target[sizes[i]] = '\0';
		raw = raw_get(target);
		check_int("a target of that size", ask_raw(&f, &raw), i == 0 ? 503 : 431);
		raw.method = STR("HEAD");
		(void)ask_raw(&f, &raw);
		CHECK("HEAD has no body", !f.reply.send_body);
		free(target);
	}
	end(&f);
}

static const struct {
	const char *say, *ini, *parameter;
	int         status;
} enabled[] = {
	{ "always on",                         "enabled = on\n",               "",      503 },
	{ "... whatever a parameter says",     "enabled = on\n",               "false", 503 },
	{ "a parameter decides",               "enabled_from = parameter\n",   "true",  503 },
	{ "... off",                           "enabled_from = parameter\n",   "false", 200 },
	{ "... not there: the flags",          "enabled_from = parameter\n",   "",      200 },
	{ "... a word that is neither holds",  "enabled_from = parameter\n",   "no",    503 },
	{ "... in another case too",           "enabled_from = parameter\n",   "False", 503 },
};

static void
test_serve_enabled(void)
{
	for (size_t i = 0; i < COUNT(enabled); i++) {
		struct fixture f;
		struct raw_request raw = raw_get("/");
		char ini[128];

		(void)snprintf(ini, sizeof ini, HEAD "[site]\n%s", enabled[i].ini);
		begin(&f, ini);
		raw.enabled = str_of(enabled[i].parameter);
		check_int(enabled[i].say, ask_raw(&f, &raw), enabled[i].status);
		end(&f);
	}
}

static void
test_serve_off_by_key(void)
{
	struct fixture f;

	begin(&f, HEAD "[site]\nenabled = off\n");
	folder_write(&f.folder, "state/maintenance.flag", "");
	check_int("off is off, whatever the flags say", ask(&f, "GET", NULL, "/"), 200);
	end(&f);
}

static void
test_serve_unknown_state(void)
{
	static const struct {
		const char *say, *on_unknown;
		int         status;
	} states[] = { { "nothing known: held", "last", 503 }, { "pass", "pass", 200 }, { "hold", "hold", 503 } };

	for (size_t i = 0; i < COUNT(states); i++) {
		struct fixture f;
		char ini[128];

		(void)snprintf(ini, sizeof ini, "[gateway]\nstate_dir = none\n[site]\non_unknown = %s\n", states[i].on_unknown);
		begin(&f, ini);
		check_int(states[i].say, ask(&f, "GET", NULL, "/"), states[i].status);
		end(&f);
	}
}

static void
test_serve_reload(void)
{
	struct fixture f;

	begin(&f, HEAD "[site.a]\nhost = a.example\n");
	serve_warm_up(&f.gateway, &f.worker);
	folder_write(&f.folder, "state/flags/b.flag", "");
	check_int("a site that is not there yet", ask(&f, "GET", "b.example", "/"), 200);
	folder_write(&f.folder, "warden.ini", HEAD "[site.a]\nhost = a.example\n[site.b]\nhost = b.example\n");
	CU_ASSERT_EQUAL(policy_store_reload(f.gateway.store, &f.problems), 0);
	check_int("a reload is in force for the next request", ask(&f, "GET", "b.example", "/"), 503);
	check_int("... and closes nothing else", ask(&f, "GET", "a.example", "/"), 200);
	end(&f);
}

static void
test_serve_bypass(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/");

	begin(&f, HEAD "[site]\nenabled = on\nbypass_address = 192.0.2.0/24\nbypass_secret = sixteen-letters-a\n");
	check_int("an address", ask_raw(&f, &raw), 200);
	raw.peer = STR("198.51.100.1");
	check_int("another", ask_raw(&f, &raw), 503);
	raw_add(&raw, "X_MAINTENANCE_BYPASS", " sixteen-letters-a ");
	check_int("the secret", ask_raw(&f, &raw), 200);
	folder_write(&f.folder, "state/bypass.off", "");
	check_int("suspended", ask_raw(&f, &raw), 503);
	end(&f);
}

static void
test_serve_complaint(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/a\nb");
	char *log;

	begin(&f, HEAD);
	serve(&f.gateway, &f.worker, &raw, &f.reply);
	check_int("a responder without hand_back holds what may pass", f.reply.status, 503);
	log = folder_read(&f.folder, "log");
	CHECK("... and says so in the log", strstr(log, "held GET /a\\x0Ab although it may pass: this server") != NULL);
	free(log);
	end(&f);
}

#define TICKET "0123456789abcdef0123456789abcdef"

/* A login that nobody can relay: the visitor is held, so the log and the counters say that, and nothing else. */
static void
test_serve_login(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/?maintenance_ticket=" TICKET);
	char *log;

	begin(&f, HEAD "log_decisions = all\n");
	folder_mkdir(&f.folder, "state/tickets");
	folder_mkdir(&f.folder, "state/tickets/any");
	folder_write(&f.folder, "state/tickets/any/" TICKET, "until = 2037-01-01T00:00:00Z\n");
	folder_write(&f.folder, "state/maintenance.flag", "");
	serve_open_counters(&f.gateway);
	raw.dialect = DIALECT_AUTH_REQUEST;
	serve(&f.gateway, &f.worker, &raw, &f.reply);
	check_int("nginx's auth_request relays no redirect", f.reply.status, 401);
	raw.dialect = DIALECT_AUTHORIZER;
	serve(&f.gateway, &f.worker, &raw, &f.reply);
	check_int("an authorizer does", f.reply.status, 303);
	check_int("held", (int64_t)counters_get(f.gateway.counters, STR_NONE, COUNTER_HELD), 1);
	check_int("logged in", (int64_t)counters_get(f.gateway.counters, STR_NONE, COUNTER_LOGIN), 1);
	check_int("a sound ticket is no failed try", (int64_t)counters_get(f.gateway.counters, STR_NONE, COUNTER_FAILED), 0);
	log = folder_read(&f.folder, "log");
	CHECK("the log says hold", strstr(log, "\"verdict\":\"hold\",\"reason\":\"ticket\"") != NULL);
	CHECK("... and pass", strstr(log, "\"verdict\":\"pass\",\"reason\":\"ticket\"") != NULL);
	CHECK("... and not the ticket", strstr(log, TICKET) == NULL);
	free(log);
	counters_close(f.gateway.counters);
	end(&f);
}

static void
test_serve_status(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/.maintenance/status");
	struct arena *arena = arena_new_growing(65536);

	begin(&f, HEAD);
	folder_write(&f.folder, "state/maintenance.flag", "id = db-42\nmessage = Moving\n");
	serve(&f.gateway, &f.worker, &raw, &f.reply);
	check_int("the endpoint answers while on", f.reply.status, 200);
	CHECK("... in JSON", json_valid(join_pieces(f.reply.pieces, f.reply.piece_count, arena)));
	raw = raw_get("/.maintenance/other");
	serve(&f.gateway, &f.worker, &raw, &f.reply);
	check_int("what is beside it is like any path", f.reply.status, 503);
	raw = raw_get("/.maintenance/status");
	raw.method = STR("POST");
	serve(&f.gateway, &f.worker, &raw, &f.reply);
	check_int("POST too", f.reply.status, 503);
	arena_free(arena);
	end(&f);
}

int
suite_serve(void)
{
	CU_pSuite suite = CU_add_suite("front/serve", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "flag", test_serve_flag) == NULL ||
	    CU_add_test(suite, "sites", test_serve_sites) == NULL ||
	    CU_add_test(suite, "named site", test_serve_named_site) == NULL ||
	    CU_add_test(suite, "not whole", test_serve_not_whole) == NULL ||
	    CU_add_test(suite, "large", test_serve_large) == NULL ||
	    CU_add_test(suite, "enabled", test_serve_enabled) == NULL ||
	    CU_add_test(suite, "off by key", test_serve_off_by_key) == NULL ||
	    CU_add_test(suite, "unknown state", test_serve_unknown_state) == NULL ||
	    CU_add_test(suite, "reload", test_serve_reload) == NULL ||
	    CU_add_test(suite, "bypass", test_serve_bypass) == NULL ||
	    CU_add_test(suite, "complaint", test_serve_complaint) == NULL ||
	    CU_add_test(suite, "login", test_serve_login) == NULL ||
	    CU_add_test(suite, "status", test_serve_status) == NULL)
		return -1;
	return 0;
}
