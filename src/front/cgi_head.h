/* The head of a CGI or FastCGI answer (RFC 3875 section 6.3).  Any thread. */
#ifndef FRONT_CGI_HEAD_H
#define FRONT_CGI_HEAD_H

#include "answer/reply.h"

#define CGI_HEAD_MAX (16 * 1024)

/*
 * Writes status and headers with the empty line behind them into `memory`.  When they do not fit, the head of an
 * empty 503.
 */
struct str cgi_head(const struct reply *reply, char memory[CGI_HEAD_MAX]);

#endif
