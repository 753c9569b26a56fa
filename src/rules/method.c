/* SPDX-License-Identifier: MIT */
/*
 * Request methods by name.  The list is closed: a method that nobody here has
 * heard of is METHOD_OTHER, which is in no set and so never opens anything.
 * "get" is not GET (RFC 9110 section 9.1).  No state; any thread.
 */
#include "config.h"

#include "rules/method.h"

static const char *const names[] = {
	[METHOD_GET]       = "GET",
	[METHOD_HEAD]      = "HEAD",
	[METHOD_POST]      = "POST",
	[METHOD_PUT]       = "PUT",
	[METHOD_DELETE]    = "DELETE",
	[METHOD_CONNECT]   = "CONNECT",
	[METHOD_OPTIONS]   = "OPTIONS",
	[METHOD_TRACE]     = "TRACE",
	[METHOD_PATCH]     = "PATCH",
	[METHOD_PROPFIND]  = "PROPFIND",
	[METHOD_PROPPATCH] = "PROPPATCH",
	[METHOD_MKCOL]     = "MKCOL",
	[METHOD_COPY]      = "COPY",
	[METHOD_MOVE]      = "MOVE",
	[METHOD_LOCK]      = "LOCK",
	[METHOD_UNLOCK]    = "UNLOCK",
	[METHOD_REPORT]    = "REPORT",
	[METHOD_SEARCH]    = "SEARCH",
	[METHOD_OTHER]     = "other",
};

_Static_assert(METHOD_OTHER < 32, "a method_set has 32 bits");

enum method
method_of(struct str name)
{
	unsigned int method = METHOD_GET;

	while (method < METHOD_OTHER && !str_eq(name, str_of(names[method])))
		method++;
	return (enum method)method;
}

const char *
method_name(enum method method)
{
	return names[method];
}

bool
method_in(method_set set, enum method method)
{
	return method != METHOD_OTHER && (set >> method & 1) != 0;
}
