/* Plain CGI: one process, one request, from the environment to standard output. */
#ifndef FRONT_CGI_H
#define FRONT_CGI_H

#include "front/serve.h"

/* True when a web server started this process as a CGI program (RFC 3875). */
bool cgi_is_meant(void);

/* True when the server made the command line from the visitor's query (RFC 3875 section 4.4): then it is not ours. */
bool cgi_arguments_are_foreign(void);

/*
 * Answers the one request.  `gateway` NULL: the configuration cannot be used, the built-in 503.  Returns the exit code.
 */
int  cgi_run(struct gateway *gateway);

#endif
