/* SPDX-License-Identifier: MIT */
/* answer/handback.c: how each kind of server hears "pass", and what is held because it could not go on. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answer/handback.h"
#include "support.h"

int suite_handback(void);

static const struct {
	enum dialect    dialect;
	const char     *name;
	enum hold_style hold;
	bool            asks, renders;
	int             status;         /* of a pass; 0: held */
} dialects[] = {
	{ DIALECT_RESPONDER,       "responder",       HOLD_PAGE,       false, false, 0 },
	{ DIALECT_AUTHORIZER,      "authorizer",      HOLD_PAGE,       true,  false, 200 },
	{ DIALECT_AUTHORIZER_BARE, "authorizer-bare", HOLD_BARE_401,   true,  false, 200 },
	{ DIALECT_AUTH_REQUEST,    "auth-request",    HOLD_MARKED_401, true,  false, 204 },
	{ DIALECT_X_ACCEL,         "x-accel",         HOLD_PAGE,       false, false, 0 },
	{ DIALECT_FORWARD_AUTH,    "forward-auth",    HOLD_PAGE,       true,  false, 200 },
	{ DIALECT_RENDER,          "render",          HOLD_PAGE,       false, true,  0 },
	{ DIALECT_RENDER_IF_HELD,  "render-if-held",  HOLD_PAGE,       false, false, 401 },
	{ DIALECT_RENDER_NOT_HELD, "render-not-held", HOLD_BARE_401,   false, false, 401 },
};

static const struct verdict off = { OUTCOME_PASS, REASON_OFF, -1 };
static const struct str types[] = { STR_INIT("html"), STR_INIT("css"), STR_INIT("txt") };

static int
pass(const struct hand_back *hand_back, const struct raw_request *raw, const struct verdict *verdict, struct arena *arena,
    struct reply *reply)
{
	struct request request = request_of(raw, arena);

	reply_begin(reply, 503);
	return hand_back_pass(hand_back, &request, verdict, arena, reply);
}

static void
test_handback_dialects(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	const struct hand_back nothing = { .kind = HAND_BACK_NONE };

	for (size_t i = 0; i < COUNT(dialects); i++) {
		const char *say = dialects[i].name;
		struct raw_request raw = raw_get("/");
		struct reply reply;
		int rc;

		check_str(say, str_of(dialect_name(dialects[i].dialect)), say);
		check_int(say, dialect_hold_style(dialects[i].dialect), dialects[i].hold);
		check_int(say, dialect_asks(dialects[i].dialect), dialects[i].asks);
		check_int(say, dialect_renders(dialects[i].dialect), dialects[i].renders);
		raw.dialect = dialects[i].dialect;
		if (dialects[i].renders)
			continue;
		rc = pass(&nothing, &raw, &off, arena, &reply);
		check_int(say, rc, dialects[i].status == 0 ? -ENOTSUP : 0);
		CHECK(say, rc == 0 || reply.complaint != NULL);
		if (rc != 0)
			continue;
		check_int(say, reply.status, dialects[i].status);
		check_int("a pass says no more than it must", (int64_t)(reply.header_count + reply.piece_count), 0);
	}
	arena_free(arena);
}

static const struct {
	const char *say;
	enum reason reason;
	const char *header;             /* NULL: none */
} bypasses[] = {
	{ "off",         REASON_OFF,      NULL },
	{ "an endpoint", REASON_ENDPOINT, NULL },
	{ "an address",  REASON_ADDRESS,  "bypass; reason=address" },
	{ "a secret",    REASON_HEADER,   "bypass; reason=header" },
	{ "an open path", REASON_PATH,    "bypass; reason=path" },
	{ "the ramp",    REASON_SHARE,    "bypass; reason=share" },
};

static void
test_handback_forward_auth(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	const struct hand_back asking = { .kind = HAND_BACK_NONE, .marker_header = STR_INIT("X-Maintenance") };
	struct raw_request raw = raw_get("/");

	raw.dialect = DIALECT_FORWARD_AUTH;
	for (size_t i = 0; i < COUNT(bypasses); i++) {
		const struct verdict verdict = { OUTCOME_PASS, bypasses[i].reason, -1 };
		struct reply reply;
		struct str header;

		check_int(bypasses[i].say, pass(&asking, &raw, &verdict, arena, &reply), 0);
		header = reply_find(&reply, STR("X-Maintenance"));
		check_int(bypasses[i].say, header.p != NULL, bypasses[i].header != NULL);
		if (bypasses[i].header != NULL)
			check_str(bypasses[i].say, header, bypasses[i].header);
	}
	arena_free(arena);
}

static const struct {
	const char  *say;
	enum dialect dialect;
	const char  *parameter, *configured;
	const char  *target;            /* NULL: held */
} accelerated[] = {
	{ "the server's own word",       DIALECT_X_ACCEL,   "@app",  "",      "@app" },
	{ "... before the site's",       DIALECT_X_ACCEL,   "@app",  "@site", "@app" },
	{ "the site's",                  DIALECT_X_ACCEL,   "",      "@site", "@site" },
	{ "the site's, by responder",    DIALECT_RESPONDER, "",      "@site", "@site" },
	{ "a path would be a GET",       DIALECT_X_ACCEL,   "/app",  "",      NULL },
	{ "a name without letters",      DIALECT_X_ACCEL,   "@",     "",      NULL },
	{ "none at all",                 DIALECT_X_ACCEL,   "",      "",      NULL },
};

static void
test_handback_x_accel(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);

	for (size_t i = 0; i < COUNT(accelerated); i++) {
		struct hand_back hand_back = { .kind = accelerated[i].configured[0] != '\0' ? HAND_BACK_X_ACCEL : HAND_BACK_NONE,
			.target = str_of(accelerated[i].configured) };
		struct raw_request raw = raw_get("/a?X-Accel-Redirect=@evil");
		struct reply reply;

		raw.method = STR("POST");
		raw.dialect = accelerated[i].dialect;
		raw.accel_target = str_of(accelerated[i].parameter);
		raw_add(&raw, "WARDEN_TARGET", "@evil");
		check_int(accelerated[i].say, pass(&hand_back, &raw, &off, arena, &reply), accelerated[i].target ? 0 : -ENOTSUP);
		if (accelerated[i].target != NULL)
			check_str(accelerated[i].say, reply_find(&reply, STR("X-Accel-Redirect")), accelerated[i].target);
		else
			CHECK(accelerated[i].say, reply.complaint != NULL);
	}
	arena_free(arena);
}

static const struct {
	const char *say, *method, *target, *file;       /* file below root; NULL: held */
	const char *words;
} sent[] = {
	{ "a file",                      "GET",  "/a.html",            "/a.html",        NULL },
	{ "... its query is not its name", "GET", "/a.html?b",         "/a.html",        NULL },
	{ "HEAD",                        "HEAD", "/a.html",            "/a.html",        NULL },
	{ "a folder's index",            "GET",  "/",                  "/index.html",    NULL },
	{ "... below",                   "GET",  "/sub/",              "/sub/index.html", NULL },
	{ "a type in capitals",          "GET",  "/a.HTML",            "/a.HTML",        NULL },
	{ "what is not there leads nowhere", "GET", "/none.html",      "/none.html",     NULL },
	{ "what must be escaped",        "GET",  "/a%20b%25.html",     NULL,             "ambiguous" },
	{ "a blank is escaped",          "GET",  "/a%20b.html",        "/a%20b.html",    NULL },
	{ "UTF-8 is escaped",            "GET",  "/%C3%BC.html",       "/%C3%BC.html",   NULL },
	{ "a link within",               "GET",  "/inside.html",       "/inside.html",   NULL },
	{ "a link that leaves",          "GET",  "/outside.html",      NULL,             "leaves its root" },
	{ "a folder that leaves",        "GET",  "/away/a.html",       NULL,             "leaves its root" },
	{ "a link to a sister that begins the same", "GET", "/sister.html", NULL,        "leaves its root" },
	{ "POST",                        "POST", "/a.html",            NULL,             "GET and HEAD only" },
	{ "PUT",                         "PUT",  "/a.html",            NULL,             "GET and HEAD only" },
	{ "a hidden file",               "GET",  "/.htaccess",         NULL,             "hidden" },
	{ "a hidden folder",             "GET",  "/.git/a.txt",        NULL,             "hidden" },
	{ "... spelled otherwise",       "GET",  "/%2egit/a.txt",      NULL,             "hidden" },
	{ "dot segments",                "GET",  "/b/../a.html",       NULL,             "ambiguous" },
	{ "an encoded slash",            "GET",  "/b%2fa.html",        NULL,             "ambiguous" },
	{ "a NUL",                       "GET",  "/a.php%00.html",     NULL,             "ambiguous" },
	{ "a program's text",            "GET",  "/a.php",             NULL,             "sendfile_types" },
	{ "no type at all",              "GET",  "/a",                 NULL,             "sendfile_types" },
	{ "a type behind a type",        "GET",  "/a.html.php",        NULL,             "sendfile_types" },
	{ "a type of a folder",          "GET",  "/a.html/b",          NULL,             "sendfile_types" },
};

static void
link_to(const struct folder *folder, const char *to, const char *name)
{
	CU_ASSERT_EQUAL(symlink(to, folder_path(folder, name)), 0);
}

static void
make_root(struct folder *folder)
{
	folder_make(folder);
	folder_mkdir(folder, "root");
	folder_mkdir(folder, "root/sub");
	folder_mkdir(folder, "root-sister");
	folder_write(folder, "root/a.html", "a");
	folder_write(folder, "root/index.html", "a");
	folder_write(folder, "root/sub/index.html", "a");
	folder_write(folder, "root/a.HTML", "a");
	folder_write(folder, "secret.html", "secret");
	folder_write(folder, "a.html", "secret");
	folder_write(folder, "root-sister/a.html", "secret");
	link_to(folder, "a.html", "root/inside.html");
	link_to(folder, "../secret.html", "root/outside.html");
	link_to(folder, "..", "root/away");
	link_to(folder, "../root-sister/a.html", "root/sister.html");
}

static void
test_handback_x_sendfile(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct folder folder;
	struct hand_back hand_back = { .kind = HAND_BACK_X_SENDFILE, .sendfile_types = types, .sendfile_type_count = COUNT(types) };

	make_root(&folder);
	hand_back.target = arena_printf(arena, "%s/root", folder.path);
	for (size_t i = 0; i < COUNT(sent); i++) {
		struct raw_request raw = raw_get(sent[i].target);
		struct reply reply;

		raw.method = str_of(sent[i].method);
		check_int(sent[i].say, pass(&hand_back, &raw, &off, arena, &reply), sent[i].file != NULL ? 0 : -ENOTSUP);
		if (sent[i].file == NULL)
			CHECK(sent[i].say, str_contains(str_of(reply.complaint), str_of(sent[i].words)));
		else
			check_str(sent[i].say, reply_find(&reply, STR("X-Sendfile")),
			    arena_printf(arena, "%s/root%s", folder.path, sent[i].file).p);
	}
	folder_remove(&folder);
	arena_free(arena);
}

static void
test_handback_sendfile_without_root(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct hand_back hand_back = { .kind = HAND_BACK_X_SENDFILE, .target = STR_INIT("/nonexistent/root"), .sendfile_types = types,
		.sendfile_type_count = COUNT(types) };
	struct raw_request raw = raw_get("/a.html");
	struct reply reply;

	check_int("a root that is not there passes nothing", pass(&hand_back, &raw, &off, arena, &reply), -ENOTSUP);
	arena_free(arena);
}

static const struct {
	const char *say, *method;
	struct str  target;
	const char *location;           /* NULL: held */
} redirects[] = {
	{ "a GET",                         "GET",    STR_INIT("/a/b"),                   "/site/a/b" },
	{ "a HEAD",                        "HEAD",   STR_INIT("/"),                      "/site/" },
	{ "with its query",                "GET",    STR_INIT("/a?b=c&d"),               "/site/a?b=c&d" },
	{ "as it was written",             "GET",    STR_INIT("/a%20b"),                 "/site/a%20b" },
	{ "an absolute target",            "GET",    STR_INIT("http://evil.example/a?b"), "/site/a?b" },
	{ "POST loses its body",           "POST",   STR_INIT("/a"),                     NULL },
	{ "PUT too",                       "PUT",    STR_INIT("/a"),                     NULL },
	{ "OPTIONS too",                   "OPTIONS", STR_INIT("/a"),                    NULL },
	{ "a method nobody knows",         "BREW",   STR_INIT("/a"),                     NULL },
	{ "a path that can be read twice", "GET",    STR_INIT("/a/../b"),                NULL },
	{ "a control character in the path", "GET",  STR_INIT("/a\x01"),                 NULL },
	{ "... in the query: never a 200 without Location", "GET", STR_INIT("/a?b=\x01"), NULL },
	{ "a line end in the query",       "GET",    STR_INIT("/a?b\r\nSet-Cookie: c"),  NULL },
};

static void
test_handback_local_redirect(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct hand_back hand_back = { .kind = HAND_BACK_LOCAL_REDIRECT, .target = STR_INIT("/site") };

	for (size_t i = 0; i < COUNT(redirects); i++) {
		struct raw_request raw = raw_get("/");
		struct reply reply;

		raw.method = str_of(redirects[i].method);
		raw.target = redirects[i].target;
		check_int(redirects[i].say, pass(&hand_back, &raw, &off, arena, &reply), redirects[i].location ? 0 : -ENOTSUP);
		if (redirects[i].location != NULL)
			check_str(redirects[i].say, reply_find(&reply, STR("Location")), redirects[i].location);
		else
			CHECK(redirects[i].say, reply.complaint != NULL && reply_find(&reply, STR("Location")).p == NULL);
	}
	arena_free(arena);
}

static void
test_handback_status(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct hand_back hand_back = { .kind = HAND_BACK_STATUS, .status = 204 };
	struct raw_request raw = raw_get("/");
	struct reply reply;

	raw.method = STR("POST");
	check_int("a status for any method", pass(&hand_back, &raw, &off, arena, &reply), 0);
	check_int("... as configured", reply.status, 204);
	arena_free(arena);
}

static void
test_handback_none(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);
	struct raw_request raw = raw_get("/");
	struct reply reply;

	check_int("an empty 200 would look like the site", pass(&(struct hand_back){ .kind = HAND_BACK_NONE }, &raw, &off, arena,
	    &reply), -ENOTSUP);
	CHECK("the log names the way out", str_contains(str_of(reply.complaint), STR("native gate")) &&
	    str_contains(str_of(reply.complaint), STR("hand_back")));
	arena_free(arena);
}

int
suite_handback(void)
{
	CU_pSuite suite = CU_add_suite("answer/handback", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "dialects", test_handback_dialects) == NULL ||
	    CU_add_test(suite, "forward auth", test_handback_forward_auth) == NULL ||
	    CU_add_test(suite, "x-accel", test_handback_x_accel) == NULL ||
	    CU_add_test(suite, "x-sendfile", test_handback_x_sendfile) == NULL ||
	    CU_add_test(suite, "sendfile without root", test_handback_sendfile_without_root) == NULL ||
	    CU_add_test(suite, "local redirect", test_handback_local_redirect) == NULL ||
	    CU_add_test(suite, "status", test_handback_status) == NULL ||
	    CU_add_test(suite, "none", test_handback_none) == NULL)
		return -1;
	return 0;
}
