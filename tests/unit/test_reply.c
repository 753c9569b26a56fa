/* SPDX-License-Identifier: MIT */
/* answer/reply.c: headers that cannot be split, lengths that are right, and the answer that needs nothing. */
#include "config.h"

#include "answer/reply.h"
#include "support.h"

int suite_reply(void);

static void
test_reply_begin(void)
{
	struct reply reply;

	reply_begin(&reply, 503);
	check_int("the status", reply.status, 503);
	check_int("no header yet", (int64_t)reply.header_count, 0);
	check_int("no body yet", (int64_t)reply_length(&reply), 0);
	CHECK("a body is sent unless somebody says no", reply.send_body);
	CHECK("no complaint", reply.complaint == NULL);
}

static const struct {
	const char *say;
	struct str  value;
	bool        taken;
} values[] = {
	{ "plain text",           STR_INIT("planned work"),        true },
	{ "nothing",              STR_INIT(""),                    true },
	{ "UTF-8",                STR_INIT("geschlossen f\xc3\xbcr"), true },
	{ "a line end splits",    STR_INIT("a\r\nSet-Cookie: b"),  false },
	{ "LF alone too",         STR_INIT("a\nb"),                false },
	{ "CR alone too",         STR_INIT("a\rb"),                false },
	{ "a NUL cuts",           STR_INIT("a\0b"),                false },
	{ "DEL",                  STR_INIT("a\x7f"),               false },
	{ "escape",               STR_INIT("\x1b[2J"),             false },
};

static void
test_reply_add(void)
{
	for (size_t i = 0; i < COUNT(values); i++) {
		struct reply reply;

		reply_begin(&reply, 503);
		reply_add(&reply, STR("X-Notice"), values[i].value);
		check_int(values[i].say, (int64_t)reply.header_count, values[i].taken);
		CHECK(values[i].say, !values[i].taken || str_eq(reply_find(&reply, STR("x-notice")), values[i].value));
	}
}

static void
test_reply_many_headers(void)
{
	struct reply reply;

	reply_begin(&reply, 503);
	for (int i = 0; i < 2 * REPLY_HEADERS_MAX; i++)
		reply_add(&reply, STR("X-Notice"), STR("a"));
	check_int("no more than there is room for", (int64_t)reply.header_count, REPLY_HEADERS_MAX);
}

static void
test_reply_find(void)
{
	struct reply reply;

	reply_begin(&reply, 503);
	reply_add(&reply, STR("Vary"), STR("Accept"));
	reply_add(&reply, STR("VARY"), STR("Origin"));
	check_str("names have no case, and the first is found", reply_find(&reply, STR("vary")), "Accept");
	CHECK("none is NULL", reply_find(&reply, STR("Var")).p == NULL);
}

static void
test_reply_body(void)
{
	static const struct str pieces[] = { STR_INIT("ab"), STR_INIT(""), STR_INIT("cde") };
	struct arena *arena = arena_new_growing(4096);
	struct reply reply;

	reply_begin(&reply, 200);
	reply_set_body(&reply, STR("hello"), arena);
	check_int("one piece", (int64_t)reply_length(&reply), 5);
	reply.pieces = pieces;
	reply.piece_count = COUNT(pieces);
	check_int("all pieces count", (int64_t)reply_length(&reply), 5);
	arena_free(arena);
}

static const struct {
	int         status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" }, { 204, "No Content" }, { 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
	{ 404, "Not Found" }, { 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" }, { 599, "Maintenance" }, { 0, "Maintenance" }, { -1, "Maintenance" },
};

static void
test_reply_phrases(void)
{
	for (size_t i = 0; i < COUNT(phrases); i++)
		check_str("phrase", str_of(reply_phrase(phrases[i].status)), phrases[i].phrase);
}

static void
test_reply_emergency(void)
{
	static const int statuses[] = { 400, 431, 503 };
	struct reply reply;

	for (size_t i = 0; i < COUNT(statuses); i++) {
		bool page = statuses[i] == 503;

		reply_emergency(&reply, statuses[i]);
		check_int("its status", reply.status, statuses[i]);
		check_str("no store", reply_find(&reply, STR("Cache-Control")), "no-store");
		check_str("no sniffing", reply_find(&reply, STR("X-Content-Type-Options")), "nosniff");
		check_str("its type", reply_find(&reply, STR("Content-Type")),
		    page ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
		CHECK("only maintenance is worth a retry", (reply_find(&reply, STR("Retry-After")).p != NULL) == page);
		CHECK("it has a body", reply_length(&reply) > 10);
	}
}

int
suite_reply(void)
{
	CU_pSuite suite = CU_add_suite("answer/reply", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "begin", test_reply_begin) == NULL ||
	    CU_add_test(suite, "add", test_reply_add) == NULL ||
	    CU_add_test(suite, "many headers", test_reply_many_headers) == NULL ||
	    CU_add_test(suite, "find", test_reply_find) == NULL ||
	    CU_add_test(suite, "body", test_reply_body) == NULL ||
	    CU_add_test(suite, "phrases", test_reply_phrases) == NULL ||
	    CU_add_test(suite, "emergency", test_reply_emergency) == NULL)
		return -1;
	return 0;
}
