/*
 * A look at what has come on a FastCGI connection, before a worker is given to it: libfcgi, once it has begun to read a
 * request, waits for all of it.
 */
#ifndef FRONT_FCGI_LOOK_H
#define FRONT_FCGI_LOOK_H

#include <stdbool.h>

#define FCGI_LOOK_BYTES 32768   /* what is longer is not looked through: it counts as come */

/*
 * Whether it is worth reading from `fd`: the parameters of a request have come to their end, or the peer has ended, or
 * sent what is no FastCGI.  False: there is only a part of a request, or nothing.  Takes nothing from the connection,
 * waits for nothing.  Any thread.
 */
bool fcgi_look(int fd);

#endif
