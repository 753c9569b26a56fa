/*
 * HTTP/1.1 over libmicrohttpd: listening, time-outs, limits, reading requests and sending replies.  What is answered
 * is a handler's business, so that several listeners can share this: front/forward.c is the public one's.
 */
#ifndef FRONT_HTTP_H
#define FRONT_HTTP_H

#include "front/http_request.h"
#include "front/listener.h"
#include "front/serve.h"

/* Bytes of memory for one head, where cookies take twice their length; more is 431.  The library clears it each time */
#define HTTP_HEAD_MAX   (64 * 1024)
#define HTTP_BODY_READ  (64 * 1024)     /* a longer body, or a chunked one, is not waited for: answered at once */

/*
 * Answers one request in `reply`, whose pieces and values must live until the handler is called again by the same
 * thread, as those of serve() do.  Called by several threads at once, each with a worker of its own.
 */
typedef void http_handler(struct gateway *gateway, struct worker *worker, const struct http_request *request,
         struct reply *reply);

struct http_service {
	http_handler *handler;
	size_t        threads;          /* at least 2 */
	size_t        connections;      /* most at once; further ones wait to be accepted */
	size_t        per_address;      /* most of one address that is no trusted proxy; 0: no limit of its own */
	unsigned      timeout;          /* seconds a client may be silent; twice that for a whole request */
	size_t        body_max;         /* bytes of a body that the handler sees; HTTP_BODY_READ at most */
	unsigned      answer_seconds;   /* that the handler may take; then each connection has a thread */
	size_t        memory;           /* bytes that request->arena may grow to; 0: it is small and fixed */
};

struct http;

/*
 * Starts answering on `listener`, which must outlive it.  Signals that the caller waits for must be blocked before.
 * Returns 0, -ENOMEM, -EIO when libmicrohttpd refuses to start, what linger_start() says, or -ENOSYS in a program
 * built without it.
 */
int  http_start(struct gateway *gateway, const struct listener *listener, const struct http_service *service,
         struct http **ret);

/* Cuts clients that take too long over a request, however busily they dribble.  To be called about once a second. */
void http_cut_slow(struct http *http);  /* NULL is fine */

/* Takes no new connections, waits until what is running is answered, `seconds` at most; then frees all. */
void http_stop(struct http *http, int seconds);         /* NULL is fine */

#endif
