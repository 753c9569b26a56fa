/*
 * A look at what has come on a FastCGI connection, before it is given to libfcgi: that, once it has begun to read a
 * request, waits for all of it.
 */
#ifndef FRONT_FCGI_LOOK_H
#define FRONT_FCGI_LOOK_H

#define FCGI_LOOK_BYTES 32768   /* that are looked through; parameters that are longer are too long */

enum fcgi_look {
	FCGI_LOOK_NOTHING,      /* nothing has come */
	FCGI_LOOK_PART,         /* a part of a request's parameters */
	FCGI_LOOK_SOON,         /* its parameters; the end of its body, which is empty, must follow */
	FCGI_LOOK_OPEN,         /* its parameters; of its body not all, and it may be long in coming */
	FCGI_LOOK_WHOLE,        /* a request to its end */
	FCGI_LOOK_MORE,         /* a request to its end, and something behind it */
	FCGI_LOOK_ODD,          /* long parameters, or what web servers do not send: who reads it may have to wait */
	FCGI_LOOK_OVER,         /* the peer has ended, aborts, or speaks no FastCGI: there is nothing to answer */
};

/* Takes nothing from the connection, waits for nothing.  Any thread. */
enum fcgi_look fcgi_look(int fd);

#endif
