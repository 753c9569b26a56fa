/* SPDX-License-Identifier: MIT */
/* record/decisions.c: a line of JSON for every decision that is wanted, whatever was sent, and no secret in it. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "record/decisions.h"
#include "record/log.h"
#include "support.h"

int suite_decisions(void);

#define SECRET "sixteen-letters-a"

static const struct verdict held = { OUTCOME_HOLD, REASON_HOLD, -1 };
static const struct verdict passed = { OUTCOME_PASS, REASON_ADDRESS, -1 };

/* The text of the log after one decision, to be freed. */
static char *
decide(enum log_decisions which, const struct raw_request *raw, const struct verdict *verdict)
{
	static const struct site site = { .name = STR_INIT("shop") };
	struct policy policy = { .log_decisions = which };
	struct decision decision = { .site = &site, .condition = { .on = true, .id = STR_INIT("db-42") },
		.verdict = *verdict, .passes = verdict->outcome != OUTCOME_HOLD };
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct request request = request_of(raw, arena);
	struct reply reply;
	struct folder folder;
	char *text;

	folder_make(&folder);
	CU_ASSERT_EQUAL(log_open(str_of(folder_path(&folder, "log")), LOG_LEVEL_ERROR), 0);
	reply_begin(&reply, 503);
	decisions_log(&policy, &request, &decision, &reply, 1797300000);
	text = folder_read(&folder, "log");
	CU_ASSERT_EQUAL(log_open(STR("stderr"), LOG_LEVEL_INFO), 0);
	folder_remove(&folder);
	arena_free(arena);
	return text;
}

static void
test_decisions_line(void)
{
	struct raw_request raw = raw_get("/a%20b?q=secret");
	char *text;

	raw_add(&raw, "HOST", "Shop.Example:443");
	text = decide(LOG_DECISIONS_HELD, &raw, &held);
	check_str("the line", str_of(text), "{\"time\":\"2026-12-15T02:00:00Z\",\"verdict\":\"hold\",\"reason\":\"hold\",\"rule\":-1,"
	    "\"status\":503,\"site\":\"shop\",\"id\":\"db-42\",\"client\":\"192.0.2.7\",\"method\":\"GET\",\"host\":\"shop.example\","
	    "\"path\":\"/a%20b\"}\n");
	free(text);
}

static void
test_decisions_refused(void)
{
	struct policy policy = { .log_decisions = LOG_DECISIONS_HELD };
	struct raw_request raw = raw_get("/a\n?q=secret");
	struct folder folder;
	char *text;

	folder_make(&folder);
	CU_ASSERT_EQUAL(log_open(str_of(folder_path(&folder, "log")), LOG_LEVEL_ERROR), 0);
	decisions_log_refused(&policy, &raw, 400, 1797300000);
	policy.log_decisions = LOG_DECISIONS_NONE;
	decisions_log_refused(&policy, &raw, 431, 1797300000);
	text = folder_read(&folder, "log");
	CU_ASSERT_EQUAL(log_open(STR("stderr"), LOG_LEVEL_INFO), 0);
	check_str("the line of what is refused", str_of(text), "{\"time\":\"2026-12-15T02:00:00Z\",\"verdict\":\"hold\","
	    "\"reason\":\"refused\",\"rule\":-1,\"status\":400,\"site\":\"\",\"id\":\"\",\"client\":\"192.0.2.7\","
	    "\"method\":\"GET\",\"host\":\"\",\"path\":\"/a\\u000a\"}\n");
	free(text);
	folder_remove(&folder);
}

static const struct {
	const char           *say;
	enum log_decisions    which;
	const struct verdict *verdict;
	bool                  written;
} wants[] = {
	{ "none: not the held",   LOG_DECISIONS_NONE, &held,   false },
	{ "none: not the passed", LOG_DECISIONS_NONE, &passed, false },
	{ "held: the held",       LOG_DECISIONS_HELD, &held,   true },
	{ "held: not the passed", LOG_DECISIONS_HELD, &passed, false },
	{ "all: the held",        LOG_DECISIONS_ALL,  &held,   true },
	{ "all: the passed",      LOG_DECISIONS_ALL,  &passed, true },
};

static void
test_decisions_wanted(void)
{
	struct raw_request raw = raw_get("/");

	for (size_t i = 0; i < COUNT(wants); i++) {
		char *text = decide(wants[i].which, &raw, wants[i].verdict);

		check_int(wants[i].say, text[0] != '\0', wants[i].written);
		free(text);
	}
}

static void
check_line(const char *say, const struct raw_request *raw)
{
	char *text = decide(LOG_DECISIONS_ALL, raw, &held);
	struct str line = str_of(text);

	CHECK(say, str_find(line, '\n') + 1 == line.len);
	CHECK(say, json_valid(line));
	free(text);
}

static void
test_decisions_hostile(void)
{
	static const struct {
		const char *say, *target, *method, *peer;
	} cases[] = {
		{ "quotes",            "/\"},{\"a\":\"",         "GET",      "192.0.2.7" },
		{ "backslashes",       "/a\\\\",                 "GET",      "192.0.2.7" },
		{ "line ends",         "/a\r\n{}",               "GET",      "192.0.2.7" },
		{ "no UTF-8",          "/\xff\xfe\"",            "GET",      "192.0.2.7" },
		{ "half a character",  "/\xe2\x82",              "G\xc3",    "192.0.2.7" },
		{ "overlong",          "/\xc0\xaf",              "GET",      "192.0.2.7" },
		{ "escape",            "/\x1b[2J\x7f",           "\x01",     "192.0.2.7" },
		{ "no peer",           "/",                      "GET",      "nobody" },
		{ "no method, no target", "",                    "",         "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct raw_request raw = raw_get(cases[i].target);

		raw.method = str_of(cases[i].method);
		raw.peer = str_of(cases[i].peer);
		check_line(cases[i].say, &raw);
	}
}

/* Nobody may keep out of the log by sending much. */
static void
test_decisions_large(void)
{
	static const unsigned char fills[] = { 'a', 0x01, '"', 0x80, 0xff };
	char *large = calloc(1, 8001), host[256] = "";
	struct raw_request raw;

	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	memset(host, 'h', 255);
	for (size_t i = 0; i < COUNT(fills); i++) {
		memset(large, fills[i], 8000);
		large[0] = '/';
		raw = raw_get(large);
		raw_add(&raw, "HOST", host);
		check_line("a large path", &raw);
		raw.method = str_of(large);
		check_line("a large path and method", &raw);
	}
	free(large);
}

static void
test_decisions_no_secret(void)
{
	struct raw_request raw = raw_get("/a?maintenance_ticket=0123456789abcdef");
	char *text;

	raw_add(&raw, "X_MAINTENANCE_BYPASS", SECRET);
	raw_add(&raw, "COOKIE", "maintenance_ticket=0123456789abcdef");
	raw_add(&raw, "AUTHORIZATION", "Basic " SECRET);
	raw.user = STR("anna-the-user");
	text = decide(LOG_DECISIONS_ALL, &raw, &passed);
	CHECK("no header's secret", strstr(text, SECRET) == NULL);
	CHECK("no ticket", strstr(text, "0123456789abcdef") == NULL);
	free(text);
}

int
suite_decisions(void)
{
	CU_pSuite suite = CU_add_suite("record/decisions", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "line", test_decisions_line) == NULL ||
	    CU_add_test(suite, "refused", test_decisions_refused) == NULL ||
	    CU_add_test(suite, "wanted", test_decisions_wanted) == NULL ||
	    CU_add_test(suite, "hostile", test_decisions_hostile) == NULL ||
	    CU_add_test(suite, "large", test_decisions_large) == NULL ||
	    CU_add_test(suite, "no secret", test_decisions_no_secret) == NULL)
		return -1;
	return 0;
}
