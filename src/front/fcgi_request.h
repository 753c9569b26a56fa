/*
 * One FastCGI request on a connection: all that knows libfcgi.
 */
#ifndef FRONT_FCGI_REQUEST_H
#define FRONT_FCGI_REQUEST_H

#include "front/serve.h"

/* Before the first request, once.  Returns 0 or -errno.  Ignores SIGPIPE, for libfcgi takes it otherwise. */
int  fcgi_request_init(void);

struct fcgi_exchange {
	int    fd;
	bool   whole;                   /* the request has come to its end, and nothing behind it */
	bool (*may_write)(void *context, size_t len);   /* whether so long an answer may be sent, and waited for */
	void  *context;
};

enum fcgi_end {
	FCGI_END_KEPT,                  /* the server asked to keep the connection, and nothing is left in it */
	FCGI_END_READ,                  /* answered, or nothing may be written; nothing more is to be read */
	FCGI_END_UNREAD,                /* answered; it was not whole, so what still comes cannot be told apart */
	FCGI_END_CLOSED,                /* it was no request, and libfcgi has closed the descriptor */
};

/*
 * Reads one request from the connection, which must have come at least to the end of its parameters - or, on a
 * descriptor that blocks, is waited for - and answers it: where may_write() says no, with a short 503.  A body is not
 * waited for, so a held upload is answered at once.  One thread per worker.
 */
enum fcgi_end fcgi_request_serve(struct gateway *gateway, struct worker *worker, const struct fcgi_exchange *exchange);

/*
 * Accepts one connection from the socket `listener`, reads one request from it, answers that and closes the connection.
 * Returns where there is none to accept.  For front/fcgi_plain.c.  One thread per worker.
 */
void fcgi_request_accept(struct gateway *gateway, struct worker *worker, int listener);

#endif
