/* SPDX-License-Identifier: MIT */
/* A reply as data.  Header values are checked here, once, for all who add one. */
#include "config.h"

#include <string.h>

#include "answer/reply.h"

void
reply_begin(struct reply *reply, int status)
{
	/* not the headers: header_count says what is valid */
	reply->status = status;
	reply->header_count = 0;
	reply->pieces = NULL;
	reply->piece_count = 0;
	reply->send_body = true;
	reply->complaint = NULL;
}

void
reply_add_known(struct reply *reply, struct str name, struct str value)
{
	if (reply->header_count < REPLY_HEADERS_MAX)
		reply->headers[reply->header_count++] = (struct reply_header){ name, value };
}

void
reply_add(struct reply *reply, struct str name, struct str value)
{
	if (!str_has_control(value))
		reply_add_known(reply, name, value);
}

void
reply_set_body(struct reply *reply, struct str body, struct arena *arena)
{
	struct str *piece = arena_alloc(arena, sizeof *piece);

	if (piece == NULL)
		return;
	*piece = body;
	reply->pieces = piece;
	reply->piece_count = 1;
}

size_t
reply_length(const struct reply *reply)
{
	size_t length = 0;

	for (size_t i = 0; i < reply->piece_count; i++)
		length += reply->pieces[i].len;
	return length;
}

struct str
reply_find(const struct reply *reply, struct str name)
{
	for (size_t i = 0; i < reply->header_count; i++)
		if (str_eq_nocase(reply->headers[i].name, name))
			return reply->headers[i].value;
	return STR_NONE;
}

const char *
reply_phrase(int status)
{
	static const struct {
		int         status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" }, { 204, "No Content" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 409, "Conflict" }, { 411, "Length Required" }, { 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
		{ 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Maintenance";
}

void
reply_emergency(struct reply *reply, int status)
{
	static const struct str page = STR_INIT("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width\"><title>Down for maintenance</title>"
	    "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}</style>"
	    "<h1>Down for maintenance</h1><p>Please try again in a few minutes.</p></html>\n");
	static const struct str refused = STR_INIT("The request cannot be understood.\n");

	reply_begin(reply, status);
	reply_add(reply, STR("Content-Type"), status == 503 ? STR("text/html; charset=utf-8") :
	    STR("text/plain; charset=utf-8"));
	if (status == 503)
		reply_add(reply, STR("Retry-After"), STR("300"));
	reply_add(reply, STR("Cache-Control"), STR("no-store"));
	reply_add(reply, STR("X-Content-Type-Options"), STR("nosniff"));
	reply->pieces = status == 503 ? &page : &refused;
	reply->piece_count = 1;
}
