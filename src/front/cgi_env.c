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

enum parameter {
	P_REQUEST_METHOD, P_REQUEST_URI, P_REMOTE_ADDR, P_REQUEST_SCHEME, P_HTTPS, P_SERVER_SOFTWARE,
	P_SSL_CLIENT_VERIFY, P_FCGI_APACHE_ROLE, P_REDIRECT_STATUS, P_REDIRECT_REQUEST_METHOD, P_MAINTENANCE_MODE,
	P_WARDEN_MODE, P_WARDEN_METHOD, P_WARDEN_TARGET, P_WARDEN_SITE, P_WARDEN_USER, P_WARDEN_RENDER, P_WARDEN_HELD,
	P_WARDEN_HOLD_STATUS, P_REDIRECT_WARDEN_SITE, P_COUNT
};

static const struct str names[P_COUNT] = {
	STR_INIT("REQUEST_METHOD"), STR_INIT("REQUEST_URI"), STR_INIT("REMOTE_ADDR"), STR_INIT("REQUEST_SCHEME"),
	STR_INIT("HTTPS"), STR_INIT("SERVER_SOFTWARE"), STR_INIT("SSL_CLIENT_VERIFY"), STR_INIT("FCGI_APACHE_ROLE"),
	STR_INIT("REDIRECT_STATUS"), STR_INIT("REDIRECT_REQUEST_METHOD"), STR_INIT("MAINTENANCE_MODE"),
	STR_INIT("WARDEN_MODE"), STR_INIT("WARDEN_METHOD"), STR_INIT("WARDEN_TARGET"), STR_INIT("WARDEN_SITE"),
	STR_INIT("WARDEN_USER"), STR_INIT("WARDEN_RENDER"), STR_INIT("WARDEN_HELD"), STR_INIT("WARDEN_HOLD_STATUS"),
	STR_INIT("REDIRECT_WARDEN_SITE"),
};

/* What the walk found. */
struct parameters {
	struct str value[P_COUNT];      /* `.p` is NULL when it did not come */
	bool       doubled;
};

static void
take_parameter(struct parameters *p, struct str name, struct str value)
{
	for (int i = 0; i < P_COUNT; i++) {
		if (!str_eq(name, names[i]))
			continue;
		if (p->value[i].p != NULL)
			p->doubled = true;
		p->value[i] = value;
		return;
	}
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
