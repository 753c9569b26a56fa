/* SPDX-License-Identifier: MIT */
/* answer/answer.c: the held answer with its headers, and that nothing of the request comes back in it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

int suite_answer(void);

#define NOW   INT64_C(1797300000)       /* 2026-12-15T02:00:00Z */
#define PLAIN "[gateway]\nstate_dir = .\n[site]\nlanguages = en\nretry_after_jitter = 0\n"

static const struct verdict held = { OUTCOME_HOLD, REASON_HOLD, -1 };
static const struct verdict passed = { OUTCOME_PASS, REASON_OFF, -1 };
static const struct verdict endpoint = { OUTCOME_ENDPOINT, REASON_ENDPOINT, -1 };

/* All of one test: a site, a condition, and the last answer. */
struct fixture {
	struct folder    folder;
	struct compiled  compiled;
	struct condition condition;
	struct arena    *arena;
	struct reply     reply;
	struct str       body;
};

static void
begin(struct fixture *f, const char *ini)
{
	memset(f, 0, sizeof *f);
	folder_make(&f->folder);
	compile_text(&f->folder, ini, NULL, &f->compiled);
	print_problems_of(&f->compiled.problems);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->compiled.policy);
	f->arena = arena_new_growing(4 * 1024 * 1024);
	f->condition = (struct condition){ .on = true, .source = CONDITION_FLAG, .mode = MODE_FULL, .since = NOW - 60,
		.until = TIME_NONE, .retry_after = -1, .id = STR_INIT("db-42") };
}

static void
end(struct fixture *f)
{
	arena_free(f->arena);
	compiled_free(&f->compiled);
	folder_remove(&f->folder);
}

static void
answer(struct fixture *f, const struct raw_request *raw, const struct verdict *verdict)
{
	struct request request = request_of(raw, f->arena);

	answer_build(&f->compiled.policy->sites[0].answers, &request, &f->condition, verdict, NULL, NOW, f->arena, &f->reply);
	f->body = join_pieces(f->reply.pieces, f->reply.piece_count, f->arena);
}

static void
check_header(const struct fixture *f, const char *name, const char *want)
{
	struct str value = reply_find(&f->reply, str_of(name));

	if (want == NULL)
		CHECK(name, value.p == NULL);
	else
		check_str(name, value, want);
}

static void
test_answer_headers(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/a");

	begin(&f, PLAIN "refresh = 30\nadd_header = \"X-Notice: planned work\"\n");
	f.condition.until = NOW + 600;
	answer(&f, &raw, &held);
	check_int("status", f.reply.status, 503);
	check_header(&f, "Content-Type", "text/html; charset=utf-8");
	check_header(&f, "Retry-After", "600");
	check_header(&f, "Cache-Control", "no-store");
	check_header(&f, "Vary", "Accept, X-Requested-With");
	check_header(&f, "X-Maintenance", "active; id=db-42; until=2026-12-15T02:10:00Z");
	check_header(&f, "X-Content-Type-Options", "nosniff");
	check_header(&f, "Referrer-Policy", "no-referrer");
	check_header(&f, "Refresh", "30");
	check_header(&f, "X-Notice", "planned work");
	check_header(&f, "ETag", NULL);
	check_header(&f, "Last-Modified", NULL);
	check_header(&f, "Location", NULL);
	check_header(&f, "Access-Control-Allow-Origin", NULL);
	CHECK("the page's policy", str_contains(reply_find(&f.reply, STR("Content-Security-Policy")), STR("sha256-")));
	CHECK("the end in the page, in UTC", str_contains(f.body, STR("datetime=\"2026-12-15T02:10:00Z\"")));
	end(&f);
}

static const struct {
	const char *say, *accept, *type, *vary, *refresh;
	bool        body;
} forms[] = {
	{ "HTML",   "text/html",        "text/html; charset=utf-8",  "Accept, Accept-Language", "30", true },
	{ "JSON",   "application/json", "application/problem+json",  "Accept, Accept-Language", NULL, true },
	{ "text",   "text/plain",       "text/plain; charset=utf-8", "Accept, Accept-Language", NULL, true },
	{ "images", "image/png",        NULL,                        "Accept, Accept-Language", NULL, false },
	{ "any",    "*/*",              "text/html; charset=utf-8",  "Accept, X-Requested-With, Accept-Language", "30", true },
};

static void
test_answer_forms(void)
{
	struct fixture f;

	begin(&f, "[gateway]\nstate_dir = .\n[site]\nrefresh = 30\n");
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct raw_request raw = raw_get("/");

		raw_add(&raw, "ACCEPT", forms[i].accept);
		answer(&f, &raw, &held);
		check_int(forms[i].say, f.reply.status, 503);
		check_header(&f, "Content-Type", forms[i].type);
		check_header(&f, "Vary", forms[i].vary);
		check_header(&f, "Refresh", forms[i].refresh);
		check_int(forms[i].say, f.body.len > 0, forms[i].body);
		CHECK(forms[i].say, strcmp(forms[i].say, "JSON") != 0 || json_valid(f.body));
		CHECK(forms[i].say, (reply_find(&f.reply, STR("Content-Security-Policy")).p != NULL) == (forms[i].refresh != NULL));
	}
	end(&f);
}

static void
test_answer_language(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/");

	begin(&f, "[gateway]\nstate_dir = .\n[site]\nlanguages = en, de\nmessage = Soon\nmessage.de = Bald\n");
	answer(&f, &raw, &held);
	CHECK("the first language", str_contains(f.body, STR("Soon")) && str_contains(f.body, STR("lang=\"en\"")));
	raw_add(&raw, "ACCEPT_LANGUAGE", "de-AT,de;q=0.9,en;q=0.8");
	answer(&f, &raw, &held);
	CHECK("the client's", str_contains(f.body, STR("Bald")) && str_contains(f.body, STR("lang=\"de\"")));
	f.condition.message = STR("From the flag");
	answer(&f, &raw, &held);
	CHECK("the flag's text is for all", str_contains(f.body, STR("From the flag")) && !str_contains(f.body, STR("Bald")));
	end(&f);
}

static void
test_answer_head(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/");
	size_t length, headers;

	begin(&f, PLAIN);
	answer(&f, &raw, &held);
	CHECK("GET sends its body", f.reply.send_body);
	length = reply_length(&f.reply);
	headers = f.reply.header_count;
	raw.method = STR("HEAD");
	answer(&f, &raw, &held);
	CHECK("HEAD sends none", !f.reply.send_body);
	check_int("... with the same length", (int64_t)reply_length(&f.reply), (int64_t)length);
	check_int("... and the same headers", (int64_t)f.reply.header_count, (int64_t)headers);
	answer(&f, &raw, &endpoint);
	CHECK("nor for the status", !f.reply.send_body && f.reply.status == 200);
	end(&f);
}

static const struct {
	const char *say;
	int         site, flag, server, want;
} statuses[] = {
	{ "the site's",            429, 0,   0,   429 },
	{ "the flag's before it",  503, 500, 0,   500 },
	{ "the server's before all", 503, 500, 403, 403 },
};

static void
test_answer_status(void)
{
	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct fixture f;
		struct raw_request raw = raw_get("/");
		char ini[128];

		(void)snprintf(ini, sizeof ini, "[gateway]\nstate_dir = .\n[site]\nstatus = %d\n", statuses[i].site);
		begin(&f, ini);
		f.condition.status = statuses[i].flag;
		raw.hold_status = statuses[i].server;
		raw_add(&raw, "ACCEPT", "application/json");
		answer(&f, &raw, &held);
		check_int(statuses[i].say, f.reply.status, statuses[i].want);
		CHECK("the body says the same", str_contains(f.body, arena_printf(f.arena, "\"status\": %d", statuses[i].want)));
		end(&f);
	}
}

static void
test_answer_marker(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/");
	char long_step[202];

	begin(&f, PLAIN "marker_header = X-Closed\n");
	answer(&f, &raw, &held);
	check_header(&f, "X-Closed", "active; id=db-42");
	check_header(&f, "X-Maintenance", NULL);
	f.condition.step = STR("3/5 \"a\" \\ b");
	answer(&f, &raw, &held);
	check_header(&f, "X-Closed", "active; id=db-42; step=\"3/5 \\\"a\\\" \\\\ b\"");
	f.condition.step = STR("3/5 \xc3\xa4\r\n;");
	answer(&f, &raw, &held);
	check_header(&f, "X-Closed", "active; id=db-42; step*=UTF-8''3%2F5%20%C3%A4%0D%0A%3B");
	memset(long_step, 'x', 199);
	memcpy(long_step + 199, "\xe2\x82\xac", 3);
	f.condition.step = (struct str){ long_step, 202 };
	answer(&f, &raw, &held);
	CHECK("a long step is cut between characters", str_ends(reply_find(&f.reply, STR("X-Closed")), STR("xxx\"")) &&
	    reply_find(&f.reply, STR("X-Closed")).len == 199 + sizeof "active; id=db-42; step=\"\"" - 1);
	f.condition = (struct condition){ .on = false, .since = TIME_NONE, .until = TIME_NONE, .retry_after = -1 };
	raw.dialect = DIALECT_RENDER;
	answer(&f, &raw, &passed);
	check_int("a page while maintenance is off is still a 503", f.reply.status, 503);
	check_header(&f, "X-Closed", NULL);
	check_header(&f, "Retry-After", "3600");
	end(&f);
}

static const struct {
	const char *id;
	bool        shown;
} ids[] = {
	{ "abc-DEF_1.2", true },
	{ "a", true },
	{ "0123456789012345678901234567890123456789012345678901234567890123", true },
	{ "01234567890123456789012345678901234567890123456789012345678901234", false },
	{ "evil<script>", false },
	{ "evil\"quote", false },
	{ "evil blank", false },
	{ "evil\r\nSet-Cookie: a", false },
	{ "evil\xc3\xbc", false },
	{ "evil/slash", false },
};

static void
test_answer_request_id(void)
{
	static const char *const accepts[] = { "text/html", "application/json", "text/plain" };
	struct fixture f;

	begin(&f, PLAIN);
	for (size_t i = 0; i < COUNT(ids); i++) {
		for (size_t a = 0; a < COUNT(accepts); a++) {
			struct raw_request raw = raw_get("/");

			raw_add(&raw, "X_REQUEST_ID", ids[i].id);
			raw_add(&raw, "ACCEPT", accepts[a]);
			answer(&f, &raw, &held);
			check_int(ids[i].id, str_contains(f.body, str_of(ids[i].id)), ids[i].shown);
		}
	}
	end(&f);
}

/* Whatever part of the request holds the word, the answer does not. */
static void
test_answer_reflects_nothing(void)
{
	static const char *const headers[] = { "HOST", "ACCEPT", "ACCEPT_LANGUAGE", "X_REQUESTED_WITH", "ORIGIN", "REFERER", "USER_AGENT",
		"COOKIE", "X_FORWARDED_HOST", "X_MAINTENANCE", "AUTHORIZATION", "X_FORWARDED_FOR" };
	static const enum dialect asked[] = { DIALECT_RESPONDER, DIALECT_AUTHORIZER, DIALECT_AUTH_REQUEST, DIALECT_RENDER };
	static const struct verdict *const verdicts[] = { &held, &endpoint };
	struct fixture f;

	begin(&f, PLAIN "cors_origins = https://app.example\n");
	for (size_t d = 0; d < COUNT(asked); d++) {
		struct raw_request raw = raw_get("/mirror.mirror?mirror=mirror#mirror");

		raw.dialect = asked[d];
		raw.user = raw.site = raw.accel_target = raw.enabled = STR("mirror");
		for (size_t i = 0; i < COUNT(headers); i++)
			raw_add(&raw, headers[i], "mirror");
		for (size_t v = 0; v < COUNT(verdicts); v++) {
			answer(&f, &raw, verdicts[v]);
			CHECK("the body", !str_contains(f.body, STR("mirror")));
			for (size_t i = 0; i < f.reply.header_count; i++)
				CHECK("a header", !str_contains(f.reply.headers[i].value, STR("mirror")));
		}
	}
	end(&f);
}

static const struct {
	const char *say, *origin;       /* NULL: none sent */
	const char *allowed;
} origins[] = {
	{ "named",            "https://app.example",     "https://app.example" },
	{ "... the second",   "https://two.example",     "https://two.example" },
	{ "another",          "https://evil.example",    NULL },
	{ "one that begins so", "https://app.example.evil.example", NULL },
	{ "another scheme",   "http://app.example",      NULL },
	{ "another case",     "https://APP.example",     NULL },
	{ "null",             "null",                    NULL },
	{ "none",             NULL,                      NULL },
};

static void
test_answer_cors(void)
{
	struct fixture f;

	begin(&f, PLAIN "cors_origins = https://app.example, https://two.example\n");
	for (size_t i = 0; i < COUNT(origins); i++) {
		struct raw_request raw = raw_get("/");

		if (origins[i].origin != NULL)
			raw_add(&raw, "ORIGIN", origins[i].origin);
		answer(&f, &raw, &held);
		check_header(&f, "Access-Control-Allow-Origin", origins[i].allowed);
		check_header(&f, "Access-Control-Expose-Headers", origins[i].allowed != NULL ? "Retry-After, X-Maintenance" : NULL);
		check_header(&f, "Vary", "Accept, X-Requested-With, Origin");
		check_header(&f, "Access-Control-Allow-Credentials", NULL);
	}
	end(&f);
}

static const struct {
	const char           *say;
	enum dialect          dialect;
	const struct verdict *verdict;
	int                   status;
	bool                  body, marker;
} dialects[] = {
	{ "authorizer, held",        DIALECT_AUTHORIZER,      &held,     503, true,  true },
	{ "authorizer, passed",      DIALECT_AUTHORIZER,      &passed,   200, false, false },
	{ "authorizer, endpoint",    DIALECT_AUTHORIZER,      &endpoint, 200, false, false },
	{ "mod_fcgid, held",         DIALECT_AUTHORIZER_BARE, &held,     401, false, false },
	{ "auth_request, held",      DIALECT_AUTH_REQUEST,    &held,     401, false, true },
	{ "auth_request, passed",    DIALECT_AUTH_REQUEST,    &passed,   204, false, false },
	{ "auth_request, endpoint",  DIALECT_AUTH_REQUEST,    &endpoint, 204, false, false },
	{ "forward auth, held",      DIALECT_FORWARD_AUTH,    &held,     503, true,  true },
	{ "forward auth, endpoint",  DIALECT_FORWARD_AUTH,    &endpoint, 200, false, false },
	{ "render, passed",          DIALECT_RENDER,          &passed,   503, true,  true },
	{ "render, held",            DIALECT_RENDER,          &held,     503, true,  true },
	{ "render if held, passed",  DIALECT_RENDER_IF_HELD,  &passed,   401, false, false },
	{ "render if held, held",    DIALECT_RENDER_IF_HELD,  &held,     503, true,  true },
	{ "not held, held since",    DIALECT_RENDER_NOT_HELD, &held,     401, false, false },
	{ "responder, passed but no way back", DIALECT_RESPONDER, &passed, 503, true, true },
	{ "responder, endpoint",     DIALECT_RESPONDER,       &endpoint, 200, true,  false },
	{ "x-accel, endpoint",       DIALECT_X_ACCEL,         &endpoint, 200, true,  false },
	{ "x-accel, passed without target", DIALECT_X_ACCEL,  &passed,   503, true,  true },
};

static void
test_answer_dialects(void)
{
	struct fixture f;

	begin(&f, PLAIN);
	for (size_t i = 0; i < COUNT(dialects); i++) {
		struct raw_request raw = raw_get("/");

		raw.dialect = dialects[i].dialect;
		answer(&f, &raw, dialects[i].verdict);
		check_int(dialects[i].say, f.reply.status, dialects[i].status);
		check_int(dialects[i].say, f.body.len > 0, dialects[i].body);
		check_int(dialects[i].say, reply_find(&f.reply, STR("X-Maintenance")).p != NULL, dialects[i].marker);
		check_int(dialects[i].say, f.reply.complaint != NULL, dialects[i].verdict == &passed && dialects[i].status == 503 &&
		    dialects[i].dialect != DIALECT_RENDER);
	}
	end(&f);
}

static void
test_answer_out_of_memory(void)
{
	struct fixture f;
	struct raw_request raw = raw_get("/");

	begin(&f, PLAIN);
	for (size_t size = 256; size <= 8192; size += 64) {
		struct arena *full = arena_new_fixed(size);
		struct request request = request_of(&raw, f.arena);

		answer_build(&f.compiled.policy->sites[0].answers, &request, &f.condition, &held, NULL, NOW, full, &f.reply);
		CHECK("a 503 with a body, however little memory there is", f.reply.status == 503 && reply_length(&f.reply) > 50);
		CHECK("... that is not stored", str_eq(reply_find(&f.reply, STR("Cache-Control")), STR("no-store")));
		arena_free(full);
	}
	end(&f);
}

int
suite_answer(void)
{
	CU_pSuite suite = CU_add_suite("answer/answer", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "headers", test_answer_headers) == NULL ||
	    CU_add_test(suite, "forms", test_answer_forms) == NULL ||
	    CU_add_test(suite, "language", test_answer_language) == NULL ||
	    CU_add_test(suite, "head", test_answer_head) == NULL ||
	    CU_add_test(suite, "status", test_answer_status) == NULL ||
	    CU_add_test(suite, "marker", test_answer_marker) == NULL ||
	    CU_add_test(suite, "request id", test_answer_request_id) == NULL ||
	    CU_add_test(suite, "reflects nothing", test_answer_reflects_nothing) == NULL ||
	    CU_add_test(suite, "cors", test_answer_cors) == NULL ||
	    CU_add_test(suite, "dialects", test_answer_dialects) == NULL ||
	    CU_add_test(suite, "out of memory", test_answer_out_of_memory) == NULL)
		return -1;
	return 0;
}
