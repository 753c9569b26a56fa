/* SPDX-License-Identifier: MIT */
/*
 * The dialects of the public HTTP listener.  One rule stands above all: a proxy
 * asks about another's request, so nothing in its own request is taken for an
 * answer to what it left out.  A field that is missing or came twice, or a peer
 * that nobody trusts, makes the request one that is not whole.
 */
#include "config.h"

#include <string.h>

#include "front/forward.h"
#include "record/log.h"

#define ENVOY_HOLD_STATUS 403

/* The path of the request line, and how it is asked there. */
static const struct door {
	struct str   path;
	enum dialect dialect;
	bool         prefix;            /* the target stands behind the path */
} doors[] = {
	{ STR_INIT("/auth"), DIALECT_FORWARD_AUTH, false },
	{ STR_INIT("/auth-request"), DIALECT_AUTH_REQUEST, false },
	{ STR_INIT("/auth/"), DIALECT_FORWARD_AUTH, true },
	{ STR_INIT("/.maintenance/page/"), DIALECT_RENDER, true },
};

/* Whether `target` is at the door: compared as it came, for what another spelling means is nobody's to guess. */
static bool
is_at(const struct door *door, struct str target)
{
	struct str path = str_sub(target, 0, str_find(target, '?'));

	return door->prefix ? str_starts(path, door->path) : str_eq(path, door->path);
}

static const struct door *
find_door(struct str target)
{
	for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
		if (is_at(&doors[i], target))
			return &doors[i];
	return NULL;
}

static void
add_header(struct raw_request *raw, struct str cgi_name, struct str value)
{
	if (raw->header_count == REQUEST_HEADERS_MAX || cgi_name.p == NULL)
		raw->whole = false;
	else
		raw->headers[raw->header_count++] = (struct raw_header){ cgi_name, value };
}

/*
 * Fields under their CGI names.  A name with any byte but letters, digits and "-" is left out: X_Forwarded_For is
 * another field than X-Forwarded-For, and would not be under that name.
 */
static void
take_fields(const struct http_request *request, bool with_host, struct raw_request *raw)
{
	for (size_t i = 0; i < request->field_count; i++) {
		const struct http_field *field = &request->fields[i];

		if (header_is_plain(field->name) && (with_host || !str_eq_nocase(field->name, STR("Host"))))
			add_header(raw, header_cgi_name(field->name, request->arena), field->value);
	}
}

/* The one value of a field that must be there once; else `complaint` is the answer. */
static const char *
take_one(const struct http_request *request, struct str name, const char *complaint, struct str *ret)
{
	size_t count;

	*ret = http_field(request, name, &count);
	return count == 1 ? NULL : complaint;
}

static const char *
take_x_forwarded(const struct http_request *request, struct raw_request *raw)
{
	struct str host;
	const char *complaint = take_one(request, STR("X-Forwarded-Host"),
	    "X-Forwarded-Host is missing or came twice", &host);

	if (complaint == NULL)
		complaint = take_one(request, STR("X-Forwarded-Method"),
		    "X-Forwarded-Method is missing or came twice", &raw->method);
	if (complaint == NULL)
		complaint = take_one(request, STR("X-Forwarded-Uri"),
		    "X-Forwarded-Uri is missing or came twice", &raw->target);
	add_header(raw, STR("HOST"), host);
	return complaint;
}

/* "https://shop.example.com/cart?x": scheme, host and target in one. */
static const char *
take_x_original_url(const struct http_request *request, struct raw_request *raw)
{
	struct str url, rest;
	const char *complaint = take_one(request, STR("X-Original-Url"),
	    "X-Original-Url is missing or came twice", &url);
	size_t slash;

	if (complaint == NULL)
		complaint = take_one(request, STR("X-Original-Method"),
		    "X-Original-Method is missing or came twice", &raw->method);
	if (complaint != NULL)
		return complaint;
	raw->https = str_starts(url, STR("https://"));
	if (!raw->https && !str_starts(url, STR("http://")))
		return "X-Original-Url is no URL of http or https";
	rest = str_sub(url, raw->https ? 8 : 7, url.len);
	slash = str_find(rest, '/');
	add_header(raw, STR("HOST"), str_sub(rest, 0, slash));
	raw->target = str_sub(rest, slash, rest.len);
	return NULL;
}

static const char *
take_x_original_uri(const struct http_request *request, struct raw_request *raw)
{
	struct str host;
	const char *complaint = take_one(request, STR("Host"), "Host is missing or came twice", &host);

	if (complaint == NULL)
		complaint = take_one(request, STR("X-Original-Method"),
		    "X-Original-Method is missing or came twice", &raw->method);
	if (complaint == NULL)
		complaint = take_one(request, STR("X-Original-Uri"),
		    "X-Original-Uri is missing or came twice", &raw->target);
	add_header(raw, STR("HOST"), host);
	return complaint;
}

/* What follows the path of a door that is a prefix: "/cart?x". */
static struct str
target_behind(const struct door *door, struct str target)
{
	return str_sub(target, door->path.len - 1, target.len);
}

/* Envoy: the target follows the door's path; a proxy of the other kind, sent here by mistake, is told. */
static const char *
take_prefixed(const struct http_request *request, const struct door *door, struct raw_request *raw)
{
	struct str host;
	size_t count;

	(void)http_field(request, STR("X-Forwarded-Uri"), &count);
	if (count > 0)
		return "X-Forwarded-Uri, below /auth/: a proxy that sends it is to ask /auth itself";
	raw->method = request->method;
	raw->target = target_behind(door, request->target);
	raw->hold_status = ENVOY_HOLD_STATUS;
	host = http_field(request, STR("Host"), &count);
	add_header(raw, STR("HOST"), host);
	return count == 1 ? NULL : "Host is missing or came twice";
}

static const char *
take_question(const struct http_request *request, const struct door *door, enum forward_headers forward_headers,
    struct raw_request *raw)
{
	if (door->prefix)
		return take_prefixed(request, door, raw);
	switch (forward_headers) {
	case FORWARD_X_ORIGINAL_URL:
		return take_x_original_url(request, raw);
	case FORWARD_X_ORIGINAL_URI:
		return take_x_original_uri(request, raw);
	case FORWARD_X_FORWARDED:
		break;
	}
	return take_x_forwarded(request, raw);
}

/* http, https; and ws, wss for a WebSocket (Traefik). */
static bool
forwarded_https(const struct http_request *request)
{
	size_t count;
	struct str proto = http_field(request, STR("X-Forwarded-Proto"), &count);

	return str_eq_nocase(proto, STR("https")) || str_eq_nocase(proto, STR("wss"));
}

/* A proxy that asks is never the client, also where it does not say who is: then nobody is. */
static bool
names_client(const struct raw_request *raw, const struct trust *trust)
{
	for (size_t i = 0; i < raw->header_count; i++)
		if (str_eq(raw->headers[i].name, trust->header))
			return true;
	return false;
}

/*
 * An untrusted peer's request is not decided as one of its own either: a proxy that was left out of trusted_proxies
 * and is in bypass_address would open the site to everybody.
 */
static const char *
read_question(const struct http_request *request, const struct door *door, const struct trust *trust,
    enum forward_headers forward_headers, struct raw_request *raw)
{
	const char *complaint;

	if (cidr_set_match(trust->proxies, &request->peer) < 0)
		return "it is none of trusted_proxies";
	raw->https = forwarded_https(request);
	complaint = take_question(request, door, forward_headers, raw);
	take_fields(request, false, raw);
	if (complaint == NULL && (!request->whole || !raw->whole))
		complaint = "there are too many header fields, or bytes between them that belong to none";
	if (complaint == NULL && (raw->method.len == 0 || raw->target.len == 0))
		complaint = "the method or the target is empty";
	if (!names_client(raw, trust))
		raw->peer = STR_NONE;
	return complaint;
}

const char *
forward_read(const struct http_request *request, const struct trust *trust, enum forward_headers forward_headers,
    struct raw_request *ret)
{
	const struct door *door = find_door(request->target);
	char address[IP_TEXT_MAX];
	const char *complaint = NULL;

	memset(ret, 0, offsetof(struct raw_request, headers));
	ip_format(&request->peer, address);
	ret->peer = arena_copy(request->arena, str_of(address));
	ret->whole = true;              /* to be shown the page nothing more is needed */
	ret->dialect = DIALECT_RENDER;
	if (door == NULL || door->dialect == DIALECT_RENDER) {
		ret->method = request->method;
		ret->target = door == NULL ? request->target : target_behind(door, request->target);
		ret->https = cidr_set_match(trust->proxies, &request->peer) >= 0 && forwarded_https(request);
		take_fields(request, true, ret);
		ret->whole = true;
		return NULL;
	}
	ret->dialect = door->dialect;
	complaint = read_question(request, door, trust, forward_headers, ret);
	if (complaint == NULL)
		return NULL;
	/* while nothing is in maintenance it passes, as any request does of which something is known */
	ret->whole = false;
	if (ret->method.len == 0)
		ret->method = request->method;
	if (ret->target.len == 0)
		ret->target = request->target;
	return complaint;
}

void
forward_answer(struct gateway *gateway, struct worker *worker, const struct http_request *request,
    struct reply *reply)
{
	static _Atomic(int64_t) said;
	const struct policy *policy = policy_refresh(gateway->store, &worker->held);
	struct raw_request raw;
	const char *complaint = forward_read(request, &policy->trust, policy->forward_headers, &raw);
	char address[IP_TEXT_MAX];

	if (complaint != NULL && log_now_and_then(&said, clock_now(), 60)) {
		ip_format(&request->peer, address);
		log_write(LOG_LEVEL_ERROR, "http: %s asks, and it cannot be told what: %s", address, complaint);
	}
	serve(gateway, worker, &raw, reply);
}
