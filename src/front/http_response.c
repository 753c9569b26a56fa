/* SPDX-License-Identifier: MIT */
/* What is kept is compared byte by byte: a field or a page that differs in one is another response. */
#include "config.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "front/http_response.h"

/* Whether `*rest` begins with `part`, which is then cut off. */
static bool
takes(struct str *rest, struct str part)
{
	if (!str_starts(*rest, part))
		return false;
	*rest = (struct str){ rest->p + part.len, rest->len - part.len };
	return true;
}

static bool
takes_char(struct str *rest, char c)
{
	if (rest->len == 0 || rest->p[0] != c)
		return false;
	*rest = (struct str){ rest->p + 1, rest->len - 1 };
	return true;
}

/* A value has no line end, so there is one way to read the text. */
static bool
is_same(const struct kept *kept, const struct reply *reply, bool with_body)
{
	struct str rest = kept->text;

	for (size_t i = 0; with_body && i < reply->piece_count; i++)
		if (!takes(&rest, reply->pieces[i]))
			return false;
	for (size_t i = 0; i < reply->header_count; i++)
		if (!takes(&rest, reply->headers[i].name) || !takes_char(&rest, ':') ||
		    !takes(&rest, reply->headers[i].value) || !takes_char(&rest, '\n'))
			return false;
	return kept->response != NULL && rest.len == 0;
}

static size_t
text_length(const struct reply *reply, size_t body_length)
{
	size_t length = body_length;

	for (size_t i = 0; i < reply->header_count; i++)
		length += reply->headers[i].name.len + reply->headers[i].value.len + 2;
	return length;
}

static void
write_text(const struct reply *reply, bool with_body, struct buffer *out)
{
	for (size_t i = 0; with_body && i < reply->piece_count; i++)
		buffer_add(out, reply->pieces[i]);
	for (size_t i = 0; i < reply->header_count; i++) {
		buffer_add(out, reply->headers[i].name);
		buffer_add_char(out, ':');
		buffer_add(out, reply->headers[i].value);
		buffer_add_char(out, '\n');
	}
}

static bool
add_fields(struct MHD_Response *response, const struct reply *reply, struct arena *arena)
{
	for (size_t i = 0; i < reply->header_count; i++) {
		struct str name = arena_copy(arena, reply->headers[i].name);
		struct str value = arena_copy(arena, reply->headers[i].value);

		if (name.p == NULL || value.p == NULL || MHD_add_response_header(response, name.p, value.p) != MHD_YES)
			return false;
	}
	return true;
}

/* The text is one block, with the body first, so that the library can free it when all is sent. */
static bool
make(struct kept *ret, const struct reply *reply, bool with_body, struct arena *arena)
{
	size_t body_length = with_body ? reply_length(reply) : 0, size = text_length(reply, body_length);
	char *memory = malloc(size + 1);
	struct MHD_Response *response;
	struct buffer text;

	if (memory == NULL)
		return false;
	buffer_init(&text, memory, size);
	write_text(reply, with_body, &text);
	response = MHD_create_response_from_buffer(body_length, memory, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		free(memory);
		return false;
	}
	if (!add_fields(response, reply, arena)) {
		MHD_destroy_response(response);
		return false;
	}
	*ret = (struct kept){ response, buffer_str(&text) };
	return true;
}

struct MHD_Response *
http_response(struct http_responses *responses, const struct reply *reply, bool with_body, struct arena *arena)
{
	struct kept *oldest = &responses->kept[responses->next], made;

	for (size_t i = 0; i < HTTP_RESPONSES_KEPT; i++)
		if (is_same(&responses->kept[i], reply, with_body))
			return responses->kept[i].response;
	if (!make(&made, reply, with_body, arena))
		return NULL;
	if (oldest->response != NULL)
		MHD_destroy_response(oldest->response);
	*oldest = made;
	responses->next = (responses->next + 1) % HTTP_RESPONSES_KEPT;
	return made.response;
}

void
http_responses_clear(struct http_responses *responses)
{
	for (size_t i = 0; i < HTTP_RESPONSES_KEPT; i++)
		if (responses->kept[i].response != NULL)
			MHD_destroy_response(responses->kept[i].response);
	*responses = (struct http_responses){ 0 };
}
