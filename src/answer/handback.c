/* SPDX-License-Identifier: MIT */
/*
 * The pass adapters.  A pass may only say what the server is known to
 * understand: X-Sendfile with a server that does not act on it would show an
 * inner path to the visitor, and an empty 200 would look like the site.
 *
 * X-Sendfile resolves links, so this file looks at the file system there.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "answer/handback.h"
#include "base/buffer.h"

typedef int pass_adapter(const struct hand_back *, const struct request *, const struct verdict *,
            struct arena *, struct reply *);

static int
cannot(struct reply *reply, const char *complaint)
{
	reply->complaint = complaint;
	return -ENOTSUP;
}

static int
pass_with_status(struct reply *reply, int status)
{
	reply_begin(reply, status);
	return 0;
}

static int
pass_200(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	(void)hand_back, (void)request, (void)verdict, (void)arena;
	return pass_with_status(reply, 200);
}

static int
pass_204(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	(void)hand_back, (void)request, (void)verdict, (void)arena;
	return pass_with_status(reply, 204);
}

/* The proxy shows these headers to the application, which may tell its testers that maintenance is on. */
static int
pass_forward_auth(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	(void)request;
	reply_begin(reply, 200);
	if (verdict->reason != REASON_OFF && verdict->reason != REASON_ENDPOINT)
		reply_add(reply, hand_back->marker_header,
		    arena_printf(arena, "bypass; reason=%s", reason_word(verdict->reason)));
	return 0;
}

/* A named location keeps method, target and body; a path would make it a GET. */
static int
pass_x_accel(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	struct str target = request->raw->accel_target;

	(void)verdict, (void)arena;
	if (target.len == 0 && hand_back->kind == HAND_BACK_X_ACCEL)
		target = hand_back->target;
	if (target.len < 2 || target.p[0] != '@')
		return cannot(reply, "X-Accel-Redirect needs a named location, such as WARDEN_TARGET @app");
	reply_begin(reply, 200);
	reply_add(reply, STR("X-Accel-Redirect"), target);
	return 0;
}

static bool
extension_allowed(const struct hand_back *hand_back, struct str path)
{
	struct str extension = str_sub(path, str_find_last(path, '.') + 1, path.len);

	for (size_t i = 0; i < hand_back->sendfile_type_count; i++)
		if (str_eq_nocase(extension, hand_back->sendfile_types[i]))
			return true;
	return false;
}

/* The server decodes the header's value, so what it must not decode is escaped. */
static void
add_escaped(struct buffer *out, struct str path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-~";

	for (size_t i = 0; i < path.len; i++) {
		if (path.p[i] != '\0' && strchr(plain, path.p[i]) != NULL)
			buffer_add_char(out, path.p[i]);
		else
			buffer_addf(out, "%%%02X", (unsigned char)path.p[i]);
	}
}

/* A link must not lead out of the root.  A file that is not there leads nowhere: the server says 404. */
static bool
stays_below(struct str root, struct str file)
{
	char real_root[PATH_MAX], real_file[PATH_MAX];
	size_t len;

	if (realpath(root.p, real_root) == NULL)
		return false;
	if (realpath(file.p, real_file) == NULL)
		return errno == ENOENT || errno == ENOTDIR;
	len = strlen(real_root);
	return strncmp(real_file, real_root, len) == 0 && real_file[len] == '/';
}

static int
pass_x_sendfile(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	struct str path = request->path;
	struct buffer out;
	struct str file;
	size_t size;

	(void)verdict;
	if (!method_in(METHOD_SET_READ, request->method))
		return cannot(reply, "x-sendfile passes GET and HEAD only: use a hand-back that keeps bodies");
	if (request->odd || str_contains(path, STR("/.")))
		return cannot(reply, "x-sendfile does not pass an ambiguous or hidden path");
	if (str_ends(path, STR("/")))
		path = arena_printf(arena, "%.*sindex.html", STR_ARG(path));
	if (!extension_allowed(hand_back, path))
		return cannot(reply, "x-sendfile passes only the extensions in sendfile_types");
	file = arena_printf(arena, "%.*s%.*s", STR_ARG(hand_back->target), STR_ARG(path));
	if (file.p == NULL || !stays_below(hand_back->target, file))
		return cannot(reply, "x-sendfile does not pass a link that leaves its root");
	size = 3 * file.len;
	buffer_init(&out, arena_alloc(arena, size), size);
	add_escaped(&out, file);
	if (out.full)
		return cannot(reply, "out of memory");
	reply_begin(reply, 200);
	reply_add(reply, STR("X-Sendfile"), buffer_str(&out));
	return 0;
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static int
pass_local_redirect(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	struct str query = request->query;

	(void)verdict;
	if (!method_in(METHOD_SET_READ, request->method))
		return cannot(reply,
		    "a local redirect loses method and body of anything but GET and HEAD: use a native "
		    "gate, the authorizer or x-accel-redirect");
	if (request->odd || has_control(query))
		return cannot(reply, "a local redirect does not pass an ambiguous target");
	reply_begin(reply, 200);
	reply_add(reply, STR("Location"), arena_printf(arena, "%.*s%.*s%s%.*s", STR_ARG(hand_back->target),
	    STR_ARG(request->raw_path), query.len > 0 ? "?" : "", STR_ARG(query)));
	return 0;
}

static int
pass_responder(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	switch (hand_back->kind) {
	case HAND_BACK_X_ACCEL:
		return pass_x_accel(hand_back, request, verdict, arena, reply);
	case HAND_BACK_X_SENDFILE:
		return pass_x_sendfile(hand_back, request, verdict, arena, reply);
	case HAND_BACK_LOCAL_REDIRECT:
		return pass_local_redirect(hand_back, request, verdict, arena, reply);
	case HAND_BACK_STATUS:
		return pass_with_status(reply, hand_back->status);
	case HAND_BACK_NONE:
		break;
	}
	return cannot(reply, "this server has no way to take a request back: use a native gate, or set hand_back");
}

/* The page was asked for because of a 401, and the gate did not hold: the 401 is the site's own. */
static int
pass_401(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	(void)hand_back, (void)request, (void)verdict, (void)arena;
	return pass_with_status(reply, 401);
}

static const struct adapter {
	const char     *name;
	pass_adapter   *pass;           /* NULL: a pass is no answer here */
	enum hold_style hold;
	bool            asks;
} adapters[] = {
	[DIALECT_RESPONDER]       = { "responder",       pass_responder,    HOLD_PAGE,       false },
	[DIALECT_AUTHORIZER]      = { "authorizer",      pass_200,          HOLD_PAGE,       true },
	[DIALECT_AUTHORIZER_BARE] = { "authorizer-bare", pass_200,          HOLD_BARE_401,   true },
	[DIALECT_AUTH_REQUEST]    = { "auth-request",    pass_204,          HOLD_MARKED_401, true },
	[DIALECT_X_ACCEL]         = { "x-accel",         pass_x_accel,      HOLD_PAGE,       false },
	[DIALECT_FORWARD_AUTH]    = { "forward-auth",    pass_forward_auth, HOLD_PAGE,       true },
	[DIALECT_RENDER]          = { "render",          NULL,              HOLD_PAGE,       false },
	[DIALECT_RENDER_IF_HELD]  = { "render-if-held",  pass_401,          HOLD_PAGE,       false },
	[DIALECT_RENDER_NOT_HELD] = { "render-not-held", pass_401,          HOLD_BARE_401,   false },
};

const char *
dialect_name(enum dialect dialect)
{
	return adapters[dialect].name;
}

enum hold_style
dialect_hold_style(enum dialect dialect)
{
	return adapters[dialect].hold;
}

bool
dialect_asks(enum dialect dialect)
{
	return adapters[dialect].asks;
}

bool
dialect_renders(enum dialect dialect)
{
	return adapters[dialect].pass == NULL;
}

int
hand_back_pass(const struct hand_back *hand_back, const struct request *request, const struct verdict *verdict,
    struct arena *arena, struct reply *reply)
{
	return adapters[request->raw->dialect].pass(hand_back, request, verdict, arena, reply);
}
