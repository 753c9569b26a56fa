/* FastCGI, responder and authorizer, over libfcgi. */
#ifndef FRONT_FCGI_H
#define FRONT_FCGI_H

#include "front/listener.h"
#include "front/serve.h"

struct fcgi;

/*
 * Starts answering on `listener` with at most `workers` threads, grown as they are needed.  Both must outlive it.
 * Signals that the caller waits for must be blocked before.  Returns 0 or -errno.
 */
int  fcgi_start(struct gateway *gateway, const struct listener *listener, size_t workers, struct fcgi **ret);

/* Takes no new connections, and waits until what is running is answered, `seconds` at most; then frees all. */
void fcgi_stop(struct fcgi *fcgi, int seconds);

#endif
