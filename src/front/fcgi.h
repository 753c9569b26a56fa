/* FastCGI, responder and authorizer, over libfcgi. */
#ifndef FRONT_FCGI_H
#define FRONT_FCGI_H

#include "front/listener.h"
#include "front/serve.h"

#define FCGI_STACK_SIZE (256 * 1024)    /* bytes of each worker's stack */
#define FCGI_CONNECTIONS_MAX 1024       /* that stay; beyond, the one that idles longest is ended */

struct fcgi;

/*
 * Starts answering on `listener` with at most `workers` threads, or 2, grown as they are needed.  Both must outlive it.
 * Signals that the caller waits for must be blocked before.  Returns 0 or -errno.
 */
int  fcgi_start(struct gateway *gateway, const struct listener *listener, size_t workers, struct fcgi **ret);

/*
 * Ends connections whose request takes too long, however busily they dribble, and has what waits for more looked at
 * again.  To be called about once a second, by the thread that calls fcgi_stop().  NULL is fine.
 */
void fcgi_cut_slow(struct fcgi *fcgi);

/*
 * Takes no new connections, waits until what is running is answered, `seconds` at most, then cuts it; and frees all.
 * False when a worker is still at it a second later: then nothing is freed.  NULL is fine.
 */
bool fcgi_stop(struct fcgi *fcgi, int seconds);

#endif
