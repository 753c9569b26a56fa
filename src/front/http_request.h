/* One HTTP request as it came, before anybody says what is meant by it.  Any thread. */
#ifndef FRONT_HTTP_REQUEST_H
#define FRONT_HTTP_REQUEST_H

#include "base/arena.h"
#include "base/ip.h"
#include "base/str.h"

#define HTTP_FIELDS_MAX 256

struct http_field {
	struct str name, value;         /* as they came */
};

/* One request.  Everything lives until the handler returns. */
struct http_request {
	struct str        method;
	struct str        target;       /* as it stood in the request line: never decoded */
	struct ip_addr    peer;         /* 127.0.0.1 for a Unix socket */
	bool              whole;        /* false: over HTTP_FIELDS_MAX fields, or another may read the head otherwise */
	struct str        body;         /* its first body_max bytes */
	bool              body_whole;   /* false: longer, chunked, or its length came twice: useless */
	struct arena     *arena;        /* for what the handler makes of it; not the worker's */
	size_t            field_count;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/*
 * The value of the field `name`, and how often it came (twice: the value is empty).  Names are compared without regard
 * to case, and "_" is not "-".
 */
struct str http_field(const struct http_request *request, struct str name, size_t *ret_count);

#endif
