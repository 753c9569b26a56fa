/* SPDX-License-Identifier: MIT */
/* front/control*.c: every endpoint and every refusal, with a program in wardenctl's place that says what it was given. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front/control.h"
#include "front/control_action.h"
#include "front/control_tokens.h"
#include "record/log.h"
#include "support.h"

int suite_control(void);

#define TOKEN "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define INI   "[gateway]\nstate_dir = state\ncontrol_listen = 127.0.0.1:1\ncontrol_token_file = tokens\nwardenctl = fake\n" \
	"[site]\n[site.shop]\nhost = shop.example\n"

/* Writes its arguments and environment to a file beside it, and ends as `mood` says. */
#define FAKE "#!/bin/sh\nhere=${0%/*}\nfor a; do printf '<%s>' \"$a\"; done >\"$here/said\"\nenv >\"$here/environment\"\n" \
	". \"$here/mood\"\n"

struct fixture {
	struct folder   folder;
	struct problems problems;
	struct gateway  gateway;
	struct control *control;
	struct arena   *arena;
	struct reply    reply;
	struct str      body;
};

static void
write_mode(const struct fixture *f, const char *name, const char *text, mode_t mode)
{
	folder_write(&f->folder, name, text);
	CU_ASSERT_EQUAL(chmod(folder_path(&f->folder, name), mode), 0);
}

static void
begin_with(struct fixture *f, const char *ini)
{
	memset(f, 0, sizeof *f);
	folder_make(&f->folder);
	folder_mkdir(&f->folder, "state");
	folder_mkdir(&f->folder, "state/flags");
	folder_write(&f->folder, "warden.ini", ini);
	folder_write(&f->folder, "mood", "echo '{\"on\": true}'\n");
	write_mode(f, "fake", FAKE, 0755);
	write_mode(f, "tokens", "# two\n" TOKEN "\n\n" OTHER "\r\n", 0600);
	f->problems.arena = arena_new_growing(1 << 20);
	f->arena = arena_new_growing(CONTROL_ARENA_SIZE);
	CU_ASSERT_EQUAL(log_open(str_of(folder_path(&f->folder, "log")), LOG_LEVEL_DEBUG), 0);
	CU_ASSERT_EQUAL_FATAL(
	    policy_store_open(str_of(folder_path(&f->folder, "warden.ini")), &f->problems, &f->gateway.store), 0);
}

static void
begin(struct fixture *f)
{
	begin_with(f, INI);
	CU_ASSERT_EQUAL_FATAL(control_open(&f->gateway, &f->problems, &f->control), 0);
}

static void
end(struct fixture *f)
{
	control_close(f->control);
	policy_store_close(f->gateway.store);
	arena_free(f->problems.arena);
	arena_free(f->arena);
	CU_ASSERT_EQUAL(log_open(STR("stderr"), LOG_LEVEL_INFO), 0);
	folder_remove(&f->folder);
}

static int
ask_request(struct fixture *f, const struct control_request *request)
{
	control_answer(f->control, request, f->arena, &f->reply);
	f->body = join_pieces(f->reply.pieces, f->reply.piece_count, f->arena);
	return f->reply.status;
}

static int
get(struct fixture *f, const char *target)
{
	const struct control_request request = { .method = STR("GET"), .target = str_of(target) };

	return ask_request(f, &request);
}

/* With the token, unless `token` is another header. */
static int
post_as(struct fixture *f, const char *authorization, const char *target, const char *body)
{
	const struct control_request request = {
		.method = STR("POST"), .target = str_of(target), .content_type = STR("application/json"),
		.authorization = str_of(authorization), .body = str_of(body),
	};

	return ask_request(f, &request);
}

static int
post(struct fixture *f, const char *target, const char *body)
{
	return post_as(f, "Bearer " TOKEN, target, body);
}

static void
check_file(const struct fixture *f, const char *name, const char *want)
{
	char *text = folder_read(&f->folder, name);

	check_str(name, str_of(text), want);
	free(text);
}

static void
test_control_looks(void)
{
	struct fixture f;
	struct control_request head = { .method = STR("HEAD"), .target = STR("/metrics") };

	begin(&f);
	check_int("health", get(&f, "/healthz"), 200);
	check_str("health", f.body, "ok\n");
	check_int("ready", get(&f, "/readyz"), 200);
	check_str("ready", f.body, "ready\n");
	check_int("metrics", get(&f, "/metrics"), 200);
	check_str("type", reply_find(&f.reply, STR("Content-Type")), METRICS_TYPE);
	CHECK("a metric", str_contains(f.body, STR("\nmaintenance_warden_on{site=\"shop\"} 0\n")));
	check_int("HEAD", ask_request(&f, &head), 200);
	CHECK("without its body", !f.reply.send_body);
	check_int("unknown", get(&f, "/.maintenance/"), 404);
	check_str("a problem", reply_find(&f.reply, STR("Content-Type")), "application/problem+json");
	CHECK("JSON", json_valid(f.body));
	check_int("a longer path", get(&f, "/metrics/"), 404);
	check_int("method", post(&f, "/metrics", ""), 405);
	check_str("Allow", reply_find(&f.reply, STR("Allow")), "GET, HEAD");
	check_int("method of an action", get(&f, "/.maintenance/on"), 405);
	check_str("Allow", reply_find(&f.reply, STR("Allow")), "POST");
	end(&f);
}

static void
test_control_status(void)
{
	struct fixture f;

	begin(&f);
	check_int("all", get(&f, "/.maintenance/status"), 200);
	check_str("all", f.body, "[{\"on\":false,\"site\":null},{\"on\":false,\"site\":\"shop\"}]\n");
	folder_write(&f.folder, "state/flags/shop.flag", "id = a\nsince = 2026-01-01T00:00:00Z\nmessage = \"M\"\n");
	check_int("one", get(&f, "/.maintenance/status?site=sh%6fp"), 200);
	check_str("one", f.body, "{\"on\":true,\"site\":\"shop\",\"id\":\"a\",\"mode\":\"full\",\"since\":"
	    "\"2026-01-01T00:00:00Z\",\"until\":null,\"overrun\":false,\"message\":\"M\",\"step\":null}\n");
	(void)get(&f, "/.maintenance/status");
	CHECK("JSON", json_valid(f.body) && str_contains(f.body, STR(",\"step\":null}]\n")));
	check_int("no such site", get(&f, "/.maintenance/status?site=blog"), 404);
	check_int("no site", get(&f, "/.maintenance/status?site="), 404);
	check_int("no query", get(&f, "/.maintenance/status?"), 400);
	check_int("another query", get(&f, "/.maintenance/status?name=shop"), 400);
	check_int("two", get(&f, "/.maintenance/status?site=shop&site=blog"), 400);
	check_int("half an escape", get(&f, "/.maintenance/status?site=sho%7"), 400);
	check_int("no escape", get(&f, "/.maintenance/status?site=sho%g0"), 400);
	end(&f);
}

static void
test_control_not_ready(void)
{
	struct fixture f;

	begin(&f);
	folder_mkdir(&f.folder, "gone");
	CU_ASSERT_EQUAL(rename(folder_path(&f.folder, "state"), folder_path(&f.folder, "gone/state")), 0);
	check_int("not ready", get(&f, "/readyz"), 503);
	CHECK("says what", str_contains(f.body, STR("the state of every site cannot be read")));
	check_int("healthy all the same", get(&f, "/healthz"), 200);
	check_int("and watched", get(&f, "/metrics"), 200);
	CHECK("unknown", str_contains(f.body, STR("maintenance_warden_state_unknown{site=\"shop\"} 1")));
	end(&f);
}

static void
test_control_actions(void)
{
	static const struct {
		const char *target, *body, *said;
	} rows[] = {
		{ "/.maintenance/on", "", "<on><--json><--by=control API><-->" },
		{ "/.maintenance/on", "{\"site\":\"shop\",\"for\":\"2h\",\"message\":\"--force\",\"share\":5,\"force\":true}",
		    "<on><--json><--by=control API><--site=shop><--for=2h><--message=--force><--share=5><--force><-->" },
		{ "/.maintenance/on", "{\"force\":false}", "<on><--json><--by=control API><-->" },
		{ "/.maintenance/off", "{\"result\":\"ok\",\"note\":\"$(id) `id` ';\"}",
		    "<off><--json><--by=control API><--result=ok><--note=$(id) `id` ';><-->" },
		{ "/.maintenance/toggle", "{}", "<toggle><--json><--by=control API><-->" },
		{ "/.maintenance/until", "{\"until\":\"+30m\",\"reason\":\"slow\"}",
		    "<until><--json><--by=control API><--reason=slow><--><+30m>" },
		{ "/.maintenance/step", "{\"step\":\"--site=blog\"}", "<step><--json><--by=control API><--><--site=blog>" },
		{ "/.maintenance/step", "{\"step\":\"\"}", "<step><--json><--by=control API><--><>" },
	};
	struct fixture f;
	char *text;

	begin(&f);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char want[512];

		(void)snprintf(want, sizeof want, "<-c><%s>%s", folder_path(&f.folder, "warden.ini"), rows[i].said);
		check_int(rows[i].said, post(&f, rows[i].target, rows[i].body), 200);
		check_str(rows[i].said, f.body, "{\"on\":true}\n");
		check_file(&f, "said", want);
	}
	text = folder_read(&f.folder, "environment");
	CHECK("an environment of its own", strstr(text, "HOME=") == NULL && strstr(text, "PATH=/usr/local") != NULL);
	free(text);
	end(&f);
}

static void
test_control_bad_bodies(void)
{
	static const struct {
		const char *target, *body, *detail;
	} rows[] = {
		{ "/.maintenance/on", "{", "the body is no JSON" },
		{ "/.maintenance/on", "[]", "the body is no JSON object" },
		{ "/.maintenance/on", "{\"for\":\"1h\",\"for\":\"2h\"}", "the body is no JSON" },
		{ "/.maintenance/on", "{} {}", "the body is no JSON" },
		{ "/.maintenance/on", "{\"fro\":\"1h\"}", "on has no member \\\"fro\\\"" },
		{ "/.maintenance/on", "{\"by\":\"anna\"}", "on has no member \\\"by\\\"" },
		{ "/.maintenance/on", "{\"config\":\"/tmp/x\"}", "on has no member \\\"config\\\"" },
		{ "/.maintenance/on", "{\"site\":null}", "site: expected a text" },
		{ "/.maintenance/on", "{\"site\":[\"shop\"]}", "site: expected a text" },
		{ "/.maintenance/on", "{\"force\":\"yes\"}", "force: expected true or false" },
		{ "/.maintenance/on", "{\"share\":1.5}", "share: expected a number" },
		{ "/.maintenance/on", "{\"message\":\"a\\u0000b\"}", "the body is no JSON" },
		{ "/.maintenance/toggle", "{\"for\":\"1h\"}", "toggle has no member \\\"for\\\"" },
		{ "/.maintenance/until", "{\"reason\":\"slow\"}", "until wants the member \\\"until\\\"" },
		{ "/.maintenance/step", "", "step wants the member \\\"step\\\"" },
		{ "/.maintenance/on?site=shop", "", "an action takes no query" },
	};
	struct control_request request = { .method = STR("POST"), .target = STR("/.maintenance/on"),
		.authorization = STR("bearer " TOKEN), .body = STR("{}"), .content_type = STR("text/plain") };
	static char large[CONTROL_BODY_MAX + 2];
	struct fixture f;

	begin(&f);
	for (size_t i = 0; i < COUNT(rows); i++) {
		check_int(rows[i].body, post(&f, rows[i].target, rows[i].body), 400);
		CHECK(rows[i].detail, str_contains(f.body, str_of(rows[i].detail)) && json_valid(f.body));
	}
	check_int("not JSON", ask_request(&f, &request), 415);
	request.content_type = STR_NONE;
	check_int("no type", ask_request(&f, &request), 415);
	request.content_type = STR("Application/JSON; charset=utf-8");
	check_int("with a parameter", ask_request(&f, &request), 200);
	request.too_large = true;
	check_int("said to be too large", ask_request(&f, &request), 413);
	memset(large, ' ', sizeof large - 1);
	check_int("too large", post(&f, "/.maintenance/on", large), 413);
	CHECK("nothing of it was done but once", access(folder_path(&f.folder, "said"), F_OK) == 0);
	end(&f);
}

static void
test_control_exit_codes(void)
{
	static const struct {
		const char *mood;
		int         status;
		const char *body;
	} rows[] = {
		{ "echo 'wardenctl: refused: freeze' >&2; echo '  --force does it' >&2; exit 1", 409,
		    "refused: freeze; --force does it" },
		{ "echo 'wardenctl: --for x: expected a span' >&2; exit 2", 400, "\"--for x: expected a span\"" },
		{ "echo 'wardenctl: cannot write x' >&2; exit 3", 500, "cannot write x" },
		{ "exit 77", 500, "wardenctl ended with 77 and said nothing" },
		{ "kill -9 $$", 500, "wardenctl ended with 137" },
		{ "echo nonsense", 500, "cannot be understood" },
		{ "echo '{\"on\":true}'; echo 'wardenctl: mind \"this\"' >&2", 200,
		    "{\"on\":true,\"warning\":\"mind \\\"this\\\"\"}\n" },
		{ "printf '\\377\\n' >&2; exit 1", 409, "\"?\"" },
		{ "head -c 300000 /dev/zero | tr '\\0' a; exit 1", 409, "ended with 1" },
	};
	struct fixture f;

	begin(&f);
	for (size_t i = 0; i < COUNT(rows); i++) {
		folder_write(&f.folder, "mood", rows[i].mood);
		check_int(rows[i].mood, post(&f, "/.maintenance/on", ""), rows[i].status);
		CHECK(rows[i].body, str_contains(f.body, str_of(rows[i].body)) && json_valid(f.body));
	}
	f.gateway.life.reload_failed = true;
	folder_write(&f.folder, "mood", "exit 2");
	check_int("with a broken configuration it is not the caller's fault", post(&f, "/.maintenance/on", ""), 500);
	folder_delete(&f.folder, "fake");
	check_int("gone", post(&f, "/.maintenance/on", ""), 500);
	/* valgrind forks where posix_spawn() would not: then it is the child that finds nothing to run */
	CHECK("says what", str_contains(f.body, STR("cannot run")) || str_contains(f.body, STR("ended with 127")));
	end(&f);
}

static void
test_control_tokens(void)
{
	static const char *const wrong[] = { "", "Bearer", "Bearer ", "Basic " TOKEN, TOKEN, "Bearer " TOKEN "x",
		"Bearer 0123456789abcdef", "Bearer # two" };
	struct fixture f;

	begin(&f);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		check_int(wrong[i], post_as(&f, wrong[i], "/.maintenance/on", ""), 401);
		CHECK("says how", str_starts(reply_find(&f.reply, STR("WWW-Authenticate")), STR("Bearer realm=")));
	}
	check_int("the second", post_as(&f, "Bearer " OTHER, "/.maintenance/on", ""), 200);
	write_mode(&f, "tokens", OTHER "\n", 0640);
	CU_ASSERT_EQUAL(control_reload(f.control, &f.problems), 0);
	check_int("taken away", post(&f, "/.maintenance/on", ""), 401);
	check_int("kept", post_as(&f, "Bearer " OTHER, "/.maintenance/on", ""), 200);
	folder_delete(&f.folder, "tokens");
	CU_ASSERT_EQUAL(control_reload(f.control, &f.problems), -EINVAL);
	check_int("no file, no token", post_as(&f, "Bearer " OTHER, "/.maintenance/on", ""), 401);
	check_int("too many", post_as(&f, "Bearer " OTHER, "/.maintenance/on", ""), 429);
	CHECK("says when", reply_find(&f.reply, STR("Retry-After")).len > 0);
	check_int("what only looks is not limited", get(&f, "/metrics"), 200);
	end(&f);
}

static void
test_control_limits(void)
{
	struct fixture f;
	int64_t wait;

	begin(&f);
	for (int i = 0; i < CONTROL_ACTIONS_A_MINUTE; i++)
		check_int("an action", post(&f, "/.maintenance/toggle", ""), 200);
	check_int("one too many", post(&f, "/.maintenance/toggle", ""), 429);
	CU_ASSERT(str_number(reply_find(&f.reply, STR("Retry-After")), 1, 3, &wait) == 0);
	for (int i = 0; i < CONTROL_FAILED_A_MINUTE; i++)
		check_int("a failed try", post_as(&f, "Bearer x", "/.maintenance/on", ""), 401);
	check_int("one too many", post_as(&f, "Bearer x", "/.maintenance/on", ""), 429);
	check_int("then the right one waits too", post(&f, "/.maintenance/on", ""), 429);
	CU_ASSERT(str_number(reply_find(&f.reply, STR("Retry-After")), 1, 6, &wait) == 0);
	end(&f);
}

static void
test_control_token_files(void)
{
	static const struct {
		const char *text;
		mode_t      mode;
		const char *sentence;           /* NULL: fine */
	} rows[] = {
		{ TOKEN, 0600, NULL }, { TOKEN "\n", 0640, NULL }, { TOKEN "\n", 0400, NULL },
		{ "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n", 0600, NULL },
		{ TOKEN, 0644, "can be read by everybody: chmod 0640" },
		{ TOKEN, 0660, "can be changed by its group, or by others: chmod 0640" },
		{ TOKEN, 0602, "can be changed by its group, or by others" },
		{ "", 0600, "holds no token" }, { "# none\n\n", 0600, "holds no token" },
		{ "0123456789abcde\n", 0600, "line 1: expected a token of 16 bytes or more" },
		{ TOKEN "\nshort\n", 0600, "line 2: expected a token of 16 bytes or more" },
		{ "sha256:12\n", 0600, "line 1: expected sha256: and 64 hex digits" },
		{ TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n"
		    TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n" TOKEN "\n", 0600,
		    "line 17: more than 16 tokens" },
	};
	struct fixture f;

	begin_with(&f, INI);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct control *control = NULL;

		write_mode(&f, "tokens", rows[i].text, rows[i].mode);
		check_int(rows[i].text, control_open(&f.gateway, &f.problems, &control), rows[i].sentence == NULL ? 0 : -EINVAL);
		CHECK(rows[i].text, rows[i].sentence == NULL || find_problem(&f.problems, rows[i].sentence) != NULL);
		control_close(control);
	}
	if (geteuid() == 0) {
		write_mode(&f, "tokens", TOKEN, 0600);
		CU_ASSERT_EQUAL(chown(folder_path(&f.folder, "tokens"), 12345, (gid_t)-1), 0);
		CU_ASSERT_EQUAL(control_open(&f.gateway, &f.problems, &f.control), -EINVAL);
		CHECK("another's", find_problem(&f.problems, "must belong to root or to the gateway's user") != NULL);
		CU_ASSERT_EQUAL(chown(folder_path(&f.folder, "tokens"), 0, (gid_t)-1), 0);
	}
	folder_delete(&f.folder, "fake");
	CU_ASSERT_EQUAL(control_open(&f.gateway, &f.problems, &f.control), -EINVAL);
	CHECK("no wardenctl", find_problem(&f.problems, "set wardenctl = PATH") != NULL);
	end(&f);
}

static void
test_control_is_off(void)
{
	struct fixture f;

	begin_with(&f, "[gateway]\nstate_dir = state\ncontrol_listen = 127.0.0.1:1\n[site]\n");
	CU_ASSERT_EQUAL_FATAL(control_open(&f.gateway, &f.problems, &f.control), 0);
	check_int("off", post(&f, "/.maintenance/on", ""), 404);
	CHECK("says why", str_contains(f.body, STR("control_token_file is not set")));
	check_int("whatever the method", get(&f, "/.maintenance/on"), 404);
	check_int("looking is not", get(&f, "/.maintenance/status"), 200);
	end(&f);
}

static void
test_control_keys(void)
{
	static const struct {
		const char *keys, *sentence;
	} rows[] = {
		{ "control_listen = /run/w.sock\n", NULL }, { "control_listen = 127.0.0.2:80\n", NULL },
		{ "control_listen = [::1]:80\n", NULL }, { "control_listen = 0.0.0.0:80\n", "a loopback address" },
		{ "control_listen = 192.0.2.7:80\n", "a loopback address" },
		{ "control_listen = [::]:80\n", "a loopback address" },
		{ "control_listen = localhost:80\n", "a loopback address" },
		{ "control_listen = 127.0.0.1\n", "a loopback address" },
		{ "control_listen = 127.0.0.1:0\n", "a loopback address" },
		{ "control_listen = :80\n", "a loopback address" },
		{ "control_token_file = t\n", "without control_listen" },
		{ "control_token_file = t\ncontrol_listen = /run/w.sock\n", NULL },
		{ "metrics_file = a.prom\n", NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct compiled compiled;
		struct folder folder;
		char ini[256];

		folder_make(&folder);
		(void)snprintf(ini, sizeof ini, "[gateway]\nstate_dir = .\n%s[site]\n", rows[i].keys);
		compile_text(&folder, ini, NULL, &compiled);
		check_int(rows[i].keys, compiled.rc, rows[i].sentence == NULL ? 0 : -EINVAL);
		CHECK(rows[i].keys, rows[i].sentence == NULL || find_problem(&compiled.problems, rows[i].sentence) != NULL);
		compiled_free(&compiled);
		folder_remove(&folder);
	}
}

int
suite_control(void)
{
	CU_pSuite suite = CU_add_suite("front/control", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "looks", test_control_looks) == NULL ||
	    CU_add_test(suite, "status", test_control_status) == NULL ||
	    CU_add_test(suite, "not ready", test_control_not_ready) == NULL ||
	    CU_add_test(suite, "actions", test_control_actions) == NULL ||
	    CU_add_test(suite, "bad bodies", test_control_bad_bodies) == NULL ||
	    CU_add_test(suite, "exit codes", test_control_exit_codes) == NULL ||
	    CU_add_test(suite, "tokens", test_control_tokens) == NULL ||
	    CU_add_test(suite, "limits", test_control_limits) == NULL ||
	    CU_add_test(suite, "token files", test_control_token_files) == NULL ||
	    CU_add_test(suite, "off", test_control_is_off) == NULL ||
	    CU_add_test(suite, "keys", test_control_keys) == NULL)
		return -1;
	return 0;
}
