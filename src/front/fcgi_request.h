/*
 * One FastCGI request on a connection: all that knows libfcgi.
 */
#ifndef FRONT_FCGI_REQUEST_H
#define FRONT_FCGI_REQUEST_H

#include "front/serve.h"

/* Before the first request, once.  Returns 0 or -errno.  Ignores SIGPIPE, for libfcgi takes it otherwise. */
int  fcgi_request_init(void);

/*
 * Reads one request from the connection `fd`, which has something to read, and answers it.  True when the connection
 * may carry another one: the server asked to keep it, and nothing of this one is left in it.  False: it is closed.
 * One thread per worker.
 */
bool fcgi_request_serve(struct gateway *gateway, struct worker *worker, int fd);

/*
 * Accepts one connection from the socket `listener`, reads one request from it, answers that and closes the connection.
 * Returns where there is none to accept.  For front/fcgi_plain.c.  One thread per worker.
 */
void fcgi_request_accept(struct gateway *gateway, struct worker *worker, int listener);

#endif
