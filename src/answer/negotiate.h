/*
 * Which form and which language the answer has (RFC 9110 section 12).  Pure; any thread.
 */
#ifndef ANSWER_NEGOTIATE_H
#define ANSWER_NEGOTIATE_H

#include "base/str.h"

enum format {
	FORMAT_HTML,
	FORMAT_JSON,                    /* application/problem+json, RFC 9457 */
	FORMAT_TEXT,
	FORMAT_COUNT,                   /* the formats that have pages; what follows has none */
	FORMAT_EMPTY = FORMAT_COUNT,    /* images, scripts, styles, fonts: nobody would read a page */
};

struct negotiation {
	enum format format;
	bool        used_requested_with;        /* for Vary: Accept itself is always looked at */
};

/*
 * `accept` and `requested_with` are header values, empty when absent; `path` is the request's.  The client's highest
 * quality wins; what it leaves open is decided by X-Requested-With, then by the path's extension, then HTML.
 */
struct negotiation negotiate_format(struct str accept, struct str requested_with, struct str path);

/* The index of the language in `languages` that Accept-Language likes best; 0, the first, when none fits. */
size_t             negotiate_language(struct str accept_language, const struct str *languages, size_t count);

const char        *format_type(enum format format);       /* "text/html; charset=utf-8"; "" for FORMAT_EMPTY */
const char        *format_extension(enum format format);  /* "html" */

#endif
