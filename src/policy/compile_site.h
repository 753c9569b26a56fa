/* Compiling one site.  For compile.c alone; one thread. */
#ifndef POLICY_COMPILE_SITE_H
#define POLICY_COMPILE_SITE_H

#include "policy/policy.h"

/* Fills policy->sites[number], flags[number] and zones[number] from `section`; problems go to values->problems. */
void compile_site(struct values *values, const struct section *section, struct policy *policy,
         const struct policy *previous, size_t number);

/* The networks of a list value.  Never NULL unless memory ran out, which is then a problem. */
struct cidr_set *compile_networks(struct values *values, const struct value *value);

#endif
