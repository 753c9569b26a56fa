/* The tokens that open the control API: who has one may switch maintenance. */
#ifndef FRONT_CONTROL_TOKENS_H
#define FRONT_CONTROL_TOKENS_H

#include "base/secret.h"
#include "policy/policy.h"

#define TOKENS_MAX 16

struct tokens {
	size_t        count;
	struct secret v[TOKENS_MAX];
};

/*
 * Reads policy->control_token_file: a token a line, SECRET_PLAIN_MIN bytes or more, or sha256:HEX; blank lines and
 * those that begin with "#" are no tokens.  The file must belong to root or the gateway's user, and be closed to
 * others.
 * Returns 0, or -EINVAL with an error in `problems` and no token in `ret`.  One thread: it looks up the user.
 */
int  tokens_read(const struct policy *policy, struct problems *problems, struct tokens *ret);

/*
 * Whether the value of the Authorization header is "Bearer TOKEN" (RFC 6750 section 2.1) with one of them.  Takes the
 * same time for every wrong one, and for none.  Any thread.
 */
bool tokens_match(const struct tokens *tokens, struct str authorization);

#endif
