/* SPDX-License-Identifier: MIT */
/* answer/status.c: the public status is JSON whatever the operator wrote, and says nothing that is not public. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "answer/status.h"
#include "support.h"

int suite_status(void);

static struct condition
condition_on(void)
{
	struct condition condition = { .on = true, .source = CONDITION_FLAG, .mode = MODE_FULL, .since = 1797300000,
	    .until = TIME_NONE, .retry_after = -1 };

	condition.id = STR("db-42");
	return condition;
}

static const struct {
	const char      *say;
	const char      *site;
	struct condition condition;
	const char      *json;
} cases[] = {
	{ "off says no more than that", "shop", { .on = false, .since = TIME_NONE, .until = TIME_NONE },
	    "{\"on\":false,\"site\":\"shop\"}\n" },
	{ "[site] has no name", "", { .on = false }, "{\"on\":false,\"site\":null}\n" },
	{ "on, as much as is known", "shop",
	    { .on = true, .id = STR_INIT("db-42"), .mode = MODE_READ_ONLY, .since = 1797300000, .until = 1797303600,
	      .message = STR_INIT("Moving"), .step = STR_INIT("2 of 3") },
	    "{\"on\":true,\"site\":\"shop\",\"id\":\"db-42\",\"mode\":\"read-only\",\"since\":\"2026-12-15T02:00:00Z\","
	    "\"until\":\"2026-12-15T03:00:00Z\",\"overrun\":false,\"message\":\"Moving\",\"step\":\"2 of 3\"}\n" },
	{ "what is not known is null", "",
	    { .on = true, .id = STR_INIT("always"), .mode = MODE_FULL, .since = TIME_NONE, .until = TIME_NONE,
	      .overrun = true },
	    "{\"on\":true,\"site\":null,\"id\":\"always\",\"mode\":\"full\",\"since\":null,\"until\":null,"
	    "\"overrun\":true,\"message\":null,\"step\":null}\n" },
	{ "texts are escaped", "",
	    { .on = true, .id = STR_INIT("a"), .mode = MODE_FULL, .since = TIME_NONE, .until = TIME_NONE,
	      .message = STR_INIT("\"\\\n\x01</script>"), .step = STR_INIT("f\xc3\xbcnf") },
	    "{\"on\":true,\"site\":null,\"id\":\"a\",\"mode\":\"full\",\"since\":null,\"until\":null,\"overrun\":false,"
	    "\"message\":\"\\\"\\\\\\u000a\\u0001</script>\",\"step\":\"f\xc3\xbcnf\"}\n" },
};

static void
test_status_cases(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct answers answers = { .site = str_of(cases[i].site) };
		struct reply reply;
		struct str body;

		status_build(&answers, &cases[i].condition, arena, &reply);
		body = join_pieces(reply.pieces, reply.piece_count, arena);
		check_int(cases[i].say, reply.status, 200);
		check_str(cases[i].say, body, cases[i].json);
		CHECK(cases[i].say, json_valid(body));
		check_str("type", reply_find(&reply, STR("Content-Type")), "application/json");
		check_str("not stored", reply_find(&reply, STR("Cache-Control")), "no-store");
	}
	arena_free(arena);
}

static void
test_status_long_message(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct condition condition = condition_on();
	struct answers answers = { 0 };
	char *text = malloc(FLAG_BODY_MAX);
	struct reply reply;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, '\\', FLAG_BODY_MAX);
	condition.message = (struct str){ text, FLAG_BODY_MAX };
	status_build(&answers, &condition, arena, &reply);
	check_int("a text that does not fit is no broken JSON but a 503", reply.status, 503);
	free(text);
	arena_free(arena);
}

int
suite_status(void)
{
	CU_pSuite suite = CU_add_suite("answer/status", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "cases", test_status_cases) == NULL ||
	    CU_add_test(suite, "long message", test_status_long_message) == NULL)
		return -1;
	return 0;
}
