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

#endif
