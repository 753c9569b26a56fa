/* One HTTP request to a live site, by curl(1): so TLS, proxies and HTTP/2 are as real as a visitor's.  One thread. */
#ifndef CTL_PROBE_H
#define CTL_PROBE_H

#include "base/arena.h"

#define PROBE_HEADERS_MAX 4
#define PROBE_ANSWER_MAX  (2 * 1024 * 1024)     /* bytes of an answer's body that are wanted */

struct probe {
	const char *method;             /* NULL: GET */
	struct str  url;                /* where to connect to, and what to ask for */
	struct str  target;             /* sent as it is, in place of the URL's; empty: the URL's, as it stands */
	struct str  headers[PROBE_HEADERS_MAX]; /* "Name: value"; empty ones are left out */
	struct str  body;               /* sent as application/octet-stream where `.p` is not NULL */
	bool        unframed;           /* by HTTP/1.1, read until the server closes, whatever HEAD or a length say */
	int         seconds;            /* time limit of all of it */
};

struct probe_answer {
	int        status;              /* of the last response; 0: there was none */
	bool       whole;               /* and its body came to its end, or is longer than PROBE_ANSWER_MAX */
	struct str head;                /* its status line and header lines */
	struct str body;
	struct str local_address;       /* this end of the connection */
	struct str why;                 /* curl's words where something went wrong */
	int64_t    ms;
};

/*
 * Sends it and waits for the answer; redirects are not followed.  All of the request is in a folder that only the
 * caller may enter, never among the arguments, which everybody on the machine sees.  Returns 0, also where there was
 * no answer (status 0); or -errno: curl cannot be started, the folder cannot be written.  Texts are in `arena`.
 */
int        probe_send(const struct probe *probe, struct arena *arena, struct probe_answer *ret);

/* The value of the first header of that name, and how many there are if `ret_count` is not NULL. */
struct str probe_header(const struct probe_answer *answer, struct str name, size_t *ret_count);

#endif
