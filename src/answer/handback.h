/*
 * Handing a request back: how "pass" and "hold" are said to each kind of server.
 * One table; a server with a new pass header is a new row.  Any thread.
 */
#ifndef ANSWER_HANDBACK_H
#define ANSWER_HANDBACK_H

#include "answer/reply.h"
#include "gate/request.h"
#include "gate/verdict.h"

/* How a responder passes, where the server's configuration does not say so by WARDEN_MODE. */
struct hand_back {
	enum {
		HAND_BACK_NONE,
		HAND_BACK_X_ACCEL,
		HAND_BACK_X_SENDFILE,
		HAND_BACK_LOCAL_REDIRECT,
		HAND_BACK_STATUS
	} kind;
	struct str        target;       /* "@app", "/var/www", "/site" */
	int               status;       /* of HAND_BACK_STATUS */
	const struct str *sendfile_types;       /* extensions in lower case */
	size_t            sendfile_type_count;
	struct str        marker_header;        /* tells an asking proxy that a bypass was used */
};

/* How a dialect says "hold". */
enum hold_style {
	HOLD_PAGE,                      /* the real status and the page */
	HOLD_MARKED_401,                /* 401 with the marker header; the page is a second request's */
	HOLD_BARE_401,                  /* 401 and nothing else */
};

const char     *dialect_name(enum dialect dialect);
enum hold_style dialect_hold_style(enum dialect dialect);

/* True where the server goes on by itself after a pass, also for the gateway's own endpoints. */
bool            dialect_asks(enum dialect dialect);

/* True where the verdict was made elsewhere and only a page is wanted. */
bool            dialect_renders(enum dialect dialect);

/*
 * Fills `reply` with the pass.  Returns 0; or -ENOTSUP with reply->complaint where the server could not go on with
 * the request as it is: the caller must hold it.
 */
int             hand_back_pass(const struct hand_back *hand_back, const struct request *request,
                    const struct verdict *verdict, struct arena *arena, struct reply *reply);

#endif
