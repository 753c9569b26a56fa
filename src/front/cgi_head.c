/* SPDX-License-Identifier: MIT */
/* Writing the head of an answer, for both CGI and FastCGI. */
#include "config.h"

#include "base/buffer.h"
#include "front/cgi_head.h"

/* A local redirect (RFC 3875 section 6.2.2) may have no other field than Location, not even a status. */
static bool
is_local_redirect(const struct reply *reply)
{
	return reply->status == 200 && reply_find(reply, STR("Location")).p != NULL;
}

/* A pass says nothing about length: the server would take it for the site's. */
static bool
has_length(const struct reply *reply)
{
	return reply->piece_count > 0 || (reply->status >= 400 && reply->header_count > 0);
}

struct str
cgi_head(const struct reply *reply, char memory[CGI_HEAD_MAX])
{
	struct buffer out;

	buffer_init(&out, memory, CGI_HEAD_MAX);
	if (!is_local_redirect(reply)) {
		buffer_add(&out, STR("Status: "));
		buffer_add_number(&out, (uint64_t)reply->status);
		buffer_add_char(&out, ' ');
		buffer_add(&out, str_of(reply_phrase(reply->status)));
		buffer_add(&out, STR("\r\n"));
	}
	for (size_t i = 0; i < reply->header_count; i++) {
		buffer_add(&out, reply->headers[i].name);
		buffer_add(&out, STR(": "));
		buffer_add(&out, reply->headers[i].value);
		buffer_add(&out, STR("\r\n"));
	}
	if (has_length(reply)) {
		buffer_add(&out, STR("Content-Length: "));
		buffer_add_number(&out, reply_length(reply));
		buffer_add(&out, STR("\r\n"));
	}
	buffer_add(&out, STR("\r\n"));
	if (out.full)
		return STR("Status: 503 Service Unavailable\r\nRetry-After: 300\r\n\r\n");
	return buffer_str(&out);
}
