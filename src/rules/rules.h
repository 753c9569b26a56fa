/*
 * All rules of one site that can let a request pass while maintenance is on.
 * Compiled with the policy, then frozen: any number of threads read them.
 */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include "base/secret.h"
#include "rules/cidr.h"
#include "rules/method.h"
#include "rules/path.h"

#define RULES_SECRETS_MAX 2     /* the second is for rotation */

struct rules {
	struct path_set *open_paths;            /* all methods */
	struct path_set *open_defaults;         /* GET and HEAD only */
	method_set       open_methods;
	struct str      *cors_origins;
	size_t           cors_origin_count;
	struct cidr_set *addresses;
	struct str       bypass_header;         /* CGI name; empty for none */
	struct secret    secrets[RULES_SECRETS_MAX];
	size_t           secret_count;
	struct str      *users;
	size_t           user_count;
};

#endif
