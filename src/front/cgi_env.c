/* SPDX-License-Identifier: MIT */
/*
 * Reading parameters.  Client headers always arrive as HTTP_*, so every other
 * name is the server's own word.  One walk, because looking names up one by one
 * would show the first of two and hide the second.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "front/cgi_env.h"

/*
 * Each name with its length and its fourth letter from the end, which together tell it from the others: the compiler
 * refuses two that do not.  So a name is compared with one other at most.
 */
#define PARAMETERS(P) \
	P(HTTPS, 5, 'T') \
	P(REQUEST_URI, 11, '_') P(REMOTE_ADDR, 11, 'A') P(WARDEN_MODE, 11, 'M') P(WARDEN_SITE, 11, 'S') \
	P(WARDEN_USER, 11, 'U') P(WARDEN_HELD, 11, 'H') \
	P(WARDEN_METHOD, 13, 'T') P(WARDEN_TARGET, 13, 'R') P(WARDEN_RENDER, 13, 'N') \
	P(REQUEST_METHOD, 14, 'T') P(REQUEST_SCHEME, 14, 'H') P(CONTENT_LENGTH, 14, 'N') \
	P(SERVER_SOFTWARE, 15, 'W') P(SERVER_PROTOCOL, 15, 'O') P(REDIRECT_STATUS, 15, 'A') \
	P(FCGI_APACHE_ROLE, 16, 'R') P(MAINTENANCE_MODE, 16, 'M') \
	P(SSL_CLIENT_VERIFY, 17, 'R') \
	P(WARDEN_HOLD_STATUS, 18, 'A') \
	P(REDIRECT_WARDEN_SITE, 20, 'S') \
	P(REDIRECT_REQUEST_METHOD, 23, 'T')

enum parameter {
#define P(name, length, letter) P_##name,
	PARAMETERS(P)
#undef P
	P_COUNT
};

/* What the walk found. */
struct parameters {
	struct str value[P_COUNT];      /* `.p` is NULL when it did not come */
	bool       doubled;
};

static enum parameter
parameter_of(struct str name)
{
	if (name.len < 4)
		return P_COUNT;
	switch (name.len << 8 | (unsigned char)name.p[name.len - 4]) {
#define P(parameter, length, letter) \
	case (length) << 8 | (letter): \
		return str_eq(name, STR(#parameter)) ? P_##parameter : P_COUNT;
	PARAMETERS(P)
#undef P
	default:
		return P_COUNT;
	}
}

static void
take_parameter(struct parameters *p, struct str name, struct str value)
{
	enum parameter parameter = parameter_of(name);

	if (parameter == P_COUNT)
		return;
	if (p->value[parameter].p != NULL)
		p->doubled = true;
	p->value[parameter] = value;
}

/* HTTP_PROXY is never read: it is the name of an environment variable that libraries obey (CVE-2016-5385). */
static void
take_header(struct raw_request *raw, struct str name, struct str value)
{
	if (str_eq(name, STR("PROXY")))
		return;
	if (raw->header_count == REQUEST_HEADERS_MAX) {
		raw->whole = false;
		if (str_eq(name, STR("HOST")))  /* while all are off it passes all the same, as its own site's */
			raw->headers[REQUEST_HEADERS_MAX - 1] = (struct raw_header){ name, value };
	} else {
		raw->headers[raw->header_count++] = (struct raw_header){ name, value };
	}
}

/* What HTTP/1 frames no body for cannot have one; with HTTP/2 a body needs no announcement. */
static bool
may_have_body(const struct parameters *p, const struct raw_request *raw)
{
	struct str length = p->value[P_CONTENT_LENGTH];

	if (length.len > 0 && !str_eq(length, STR("0")))
		return true;
	for (size_t i = 0; i < raw->header_count; i++)
		if (str_eq(raw->headers[i].name, STR("TRANSFER_ENCODING")))
			return true;
	return !str_starts(p->value[P_SERVER_PROTOCOL], STR("HTTP/1."));
}

static void
walk(char *const *environment, struct raw_request *raw, struct parameters *p)
{
	size_t count = 0, bytes = 0;

	for (; *environment != NULL; environment++) {
		struct str entry = str_of(*environment);
		size_t equals = str_find(entry, '=');
		struct str name = str_sub(entry, 0, equals);
		struct str value = { entry.p + equals, 0 };

		if (equals < entry.len)
			value = str_sub(entry, equals + 1, entry.len);
		bytes += entry.len;
		count++;
		if (str_starts(name, STR("HTTP_")))
			take_header(raw, str_sub(name, 5, name.len), value);
		else
			take_parameter(p, name, value);
	}
	if (count > CGI_PARAMETERS_MAX || bytes > CGI_BYTES_MAX)
		raw->whole = false;
}

static int
number_of(struct str text, int64_t min, int64_t max)
{
	int64_t number;

	return str_number(text, min, max, &number) == 0 ? (int)number : 0;
}

/* An error page of the server: for a dead application, or for a 401 that may be the site's own. */
static enum dialect
error_page_dialect(const struct parameters *p, enum dialect otherwise)
{
	switch (number_of(p->value[P_REDIRECT_STATUS], 100, 599)) {
	case 401:
		return DIALECT_RENDER_IF_HELD;
	case 502:
	case 503:
	case 504:
		return DIALECT_RENDER;
	default:
		return otherwise;
	}
}

static enum dialect
dialect_of(const struct parameters *p, bool authorizer)
{
	static const struct {
		struct str   mode;
		enum dialect dialect;
	} modes[] = {
		{ STR_INIT("auth-request"), DIALECT_AUTH_REQUEST }, { STR_INIT("x-accel"), DIALECT_X_ACCEL },
		{ STR_INIT("forward-auth"), DIALECT_FORWARD_AUTH },
	};
	struct str mode = p->value[P_WARDEN_MODE], held = p->value[P_WARDEN_HELD];

	if (authorizer)
		return p->value[P_FCGI_APACHE_ROLE].p != NULL ? DIALECT_AUTHORIZER_BARE : DIALECT_AUTHORIZER;
	if (str_eq(p->value[P_WARDEN_RENDER], STR("1")))
		return held.p != NULL && held.len == 0 ? DIALECT_RENDER_NOT_HELD : DIALECT_RENDER;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (str_eq(mode, modes[i].mode))
			return modes[i].dialect;
	/* a word that is none of them shows the page: the operator sees it at once, and nobody is let in */
	return error_page_dialect(p, mode.len > 0 ? DIALECT_RENDER : DIALECT_RESPONDER);
}

static enum server
server_of(struct str software)
{
	if (str_starts(software, STR("lighttpd")))
		return SERVER_LIGHTTPD;
	return str_starts(software, STR("Caddy")) ? SERVER_CADDY : SERVER_OTHER;
}

/* The first that is there and not empty. */
static struct str
first_of(struct str a, struct str b, struct str c)
{
	if (a.len > 0)
		return a;
	return b.len > 0 ? b : c;
}

void
cgi_env_read(char *const *environment, bool authorizer, struct raw_request *ret)
{
	struct parameters p = { 0 };
	struct str verified;

	/* not the headers: they are 8 KiB, and header_count says what is valid */
	memset(ret, 0, offsetof(struct raw_request, headers));
	ret->whole = true;
	walk(environment, ret, &p);
	verified = p.value[P_SSL_CLIENT_VERIFY];
	ret->dialect = dialect_of(&p, authorizer);
	ret->held_before = p.value[P_WARDEN_HELD].len > 0;
	ret->server = server_of(p.value[P_SERVER_SOFTWARE]);
	ret->https = str_eq(p.value[P_REQUEST_SCHEME], STR("https")) || str_eq_nocase(p.value[P_HTTPS], STR("on"));
	ret->may_have_body = may_have_body(&p, ret);
	ret->peer = p.value[P_REMOTE_ADDR];
	ret->method = first_of(p.value[P_WARDEN_METHOD], p.value[P_REDIRECT_REQUEST_METHOD], p.value[P_REQUEST_METHOD]);
	ret->target = p.value[P_REQUEST_URI];
	/* Apache puts REDIRECT_ before what was set for the request that an error page belongs to */
	ret->site = first_of(p.value[P_WARDEN_SITE], p.value[P_REDIRECT_WARDEN_SITE], STR_NONE);
	if (verified.p == NULL || str_eq(verified, STR("SUCCESS")))
		ret->user = p.value[P_WARDEN_USER];
	ret->accel_target = p.value[P_WARDEN_TARGET];
	ret->enabled = p.value[P_MAINTENANCE_MODE];
	ret->hold_status = number_of(p.value[P_WARDEN_HOLD_STATUS], 400, 599);
	if (p.doubled || ret->method.len == 0 || ret->target.len == 0 || ret->peer.len == 0)
		ret->whole = false;
}
