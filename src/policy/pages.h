/* The pages of a site: its own by language and format, else the built-in ones.  One thread, while compiling. */
#ifndef POLICY_PAGES_H
#define POLICY_PAGES_H

#include "policy/policy.h"

/* Fills pages and security_policy of `answers`, whose languages are set.  Problems are added to `values`. */
void pages_load(struct values *values, const struct section *section, struct policy *policy,
         const struct policy *previous, struct answers *answers);

#endif
