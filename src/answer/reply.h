/*
 * What goes back to the server, whatever the transport: status, headers and
 * pieces of a body.  Everything lives until the worker's arena is reset, or as long as the policy.
 */
#ifndef ANSWER_REPLY_H
#define ANSWER_REPLY_H

#include "base/arena.h"
#include "base/str.h"

#define REPLY_HEADERS_MAX 40

struct reply_header {
	struct str name, value;
};

struct reply {
	int                 status;
	size_t              header_count;
	struct reply_header headers[REPLY_HEADERS_MAX];
	const struct str    *pieces;
	size_t              piece_count;
	bool                send_body;          /* false for HEAD: the length is announced, the body is not sent */
	const char         *complaint;          /* why a pass could not be handed back, for the log; or NULL */
};

void        reply_begin(struct reply *reply, int status);

/* Adds a header; the `name` and `value` are not copied.  A value with a control character is left out. */
void        reply_add(struct reply *reply, struct str name, struct str value);

/* The same for a literal, or a value that was checked when the policy was compiled. */
void        reply_add_known(struct reply *reply, struct str name, struct str value);

/* The one-piece body of a small answer. */
void        reply_set_body(struct reply *reply, struct str body, struct arena *arena);
size_t      reply_length(const struct reply *reply);

/* The value of the header `name`; `.p` is NULL when it is not there. */
struct str  reply_find(const struct reply *reply, struct str name);

/* "Service Unavailable" (RFC 9110 section 15); "Maintenance" for a status without a phrase here. */
const char *reply_phrase(int status);

/* The 503 that needs nothing: for a configuration that cannot be used, or memory that ran out. */
void        reply_emergency(struct reply *reply, int status);

#endif
