/*
 * Sets of request methods (RFC 9110 section 9): a bit for each common method, names
 * for the rest.  Methods are case-sensitive.  Nothing allocates.  Any thread.
 */
#ifndef RULES_METHOD_H
#define RULES_METHOD_H

#include "base/str.h"

enum method {
	METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_CONNECT,
	METHOD_OPTIONS, METHOD_TRACE, METHOD_PATCH, METHOD_PROPFIND, METHOD_PROPPATCH, METHOD_MKCOL,
	METHOD_COPY, METHOD_MOVE, METHOD_LOCK, METHOD_UNLOCK, METHOD_REPORT, METHOD_SEARCH,
	METHOD_OTHER            /* matches no rule */
};

typedef uint32_t method_set;    /* 1u << enum method; METHOD_OTHER is never in a set */

enum method method_of(struct str name);                 /* METHOD_OTHER when unknown */
const char *method_name(enum method method);            /* "other" for METHOD_OTHER */
bool        method_in(method_set set, enum method method);

#define METHOD_SET_READ      ((1u << METHOD_GET) | (1u << METHOD_HEAD))
#define METHOD_SET_READ_ONLY (METHOD_SET_READ | (1u << METHOD_OPTIONS))

#endif
