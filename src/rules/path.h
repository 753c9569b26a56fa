/*
 * Path rules, asked with the request's decoded and resolved path:
 *
 *   /a/b      that path alone
 *   /a/b/     /a/b, /a/b/ and all below it (segment border: never /a/bc)
 *   /s/a*.css "*" matches any text within one segment, "**" across segments, both
 *             also none; "[" is a plain character; nothing below a glob is meant
 *
 * Case matters.  Exact and prefix rules cost one hash look-up per segment of
 * the request whatever their number; globs are tried one by one, each in
 * O(path x pattern) without backtracking.  Built once, then only read: any thread.
 */
#ifndef RULES_PATH_H
#define RULES_PATH_H

#include "base/str.h"

#define PATH_RULE_MAX   1024    /* bytes in one exact or prefix rule */
#define PATH_GLOB_MAX   255     /* bytes in one glob */
#define PATH_RULES_MAX  100000  /* rules in one set */

struct path_set;

struct path_set *path_set_new(void);                    /* NULL when out of memory */
void             path_set_free(struct path_set *set);   /* NULL is fine */

/*
 * Adds one rule; `rule` is copied.  `number` is what path_set_match() answers for it (0 or more).
 * Returns 0, -EINVAL when it does not begin with "/", holds "//", a "." or ".." segment, "%",
 * "?", "#", a control character, or is too long; -E2BIG, -ENOMEM.  A rule given twice keeps its
 * first number.
 */
int    path_set_add(struct path_set *set, struct str rule, int number);
size_t path_set_count(const struct path_set *set);

/* The number of the rule that matches (exact, else longest prefix, else first glob), or -1. */
int    path_set_match(const struct path_set *set, struct str path);

/* True when `path` is `prefix`, that without its final "/", or below it.  `prefix` ends in "/". */
bool   path_is_below(struct str path, struct str prefix);

#endif
