/*
 * Host patterns: "shop.example.com", or "*.example.com" for any depth below
 * it but not "example.com" itself.  Nothing allocates.  Any thread.
 */
#ifndef RULES_HOST_H
#define RULES_HOST_H

#include "base/str.h"

#define HOST_MAX 255

/*
 * A Host header's host: lower case, port and one final dot cut (RFC 9110 section 7.2).
 * Writes at most HOST_MAX bytes to `buffer` and returns them as `*ret`.  Returns 0, or -EINVAL
 * for a host that is empty, over-long, has an empty label or bytes that no name or [IPv6] has.
 */
int  host_normalise(struct str raw, char buffer[HOST_MAX], struct str *ret);

/*
 * True for a pattern that host_match() understands: a name in lower case, maybe with one
 * leading "*.", or an [IPv6] literal.
 */
bool host_pattern_valid(struct str pattern);

/*
 * How closely `pattern` matches the normalised `host`: 0 not at all, else more is closer.
 * An exact match (1000 + length) is closer than any wildcard (length of the pattern).
 */
int  host_match(struct str pattern, struct str host);

#endif
