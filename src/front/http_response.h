/*
 * Replies as the library's responses.  While maintenance is on, most of a second's answers are the same bytes: a thread
 * keeps the last few and sends them again, instead of making each anew.
 */
#ifndef FRONT_HTTP_RESPONSE_H
#define FRONT_HTTP_RESPONSE_H

#include "answer/reply.h"

#define HTTP_RESPONSES_KEPT 4

struct MHD_Response;

/* One thread's; empty when all of it is 0. */
struct http_responses {
	struct kept {
		struct MHD_Response *response;  /* NULL: none yet */
		struct str           text;      /* its body, and behind it the header fields; the response's own */
	}        kept[HTTP_RESPONSES_KEPT];
	unsigned next;                          /* the one that goes when another is made */
};

/*
 * A response with the reply's fields, and with its body if so wanted; `arena` is for the time of the call.  It is the
 * thread's: whoever sends it queues it at once and does not destroy it.  NULL when out of memory.
 */
struct MHD_Response *http_response(struct http_responses *responses, const struct reply *reply, bool with_body,
                         struct arena *arena);

/* Gives up those that are kept; what is still being sent lives on. */
void http_responses_clear(struct http_responses *responses);

#endif
