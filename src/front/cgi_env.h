/*
 * The environment of a CGI or FastCGI request (RFC 3875 section 4.1, and the WARDEN_* parameters that a server's
 * configuration sets) as a raw request.  Any thread.
 */
#ifndef FRONT_CGI_ENV_H
#define FRONT_CGI_ENV_H

#include "gate/request.h"

#define CGI_PARAMETERS_MAX 256
#define CGI_BYTES_MAX      (64 * 1024)

/*
 * Fills `*ret` by one walk over the NULL-terminated "NAME=value" texts, which must live as long as it.  `authorizer`:
 * the request came in FastCGI's authorizer role.  ret->whole is false when something needed is missing, empty or
 * doubled, or there is too much.
 */
void cgi_env_read(char *const *environment, bool authorizer, struct raw_request *ret);

#endif
