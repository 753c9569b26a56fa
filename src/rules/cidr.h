/*
 * A set of IPv4 and IPv6 networks, asked once per request whether it holds
 * the client's address.  Built while the configuration loads, then frozen:
 * after cidr_set_freeze() any number of threads may look up without a lock.
 *
 * IPv4 and IPv6 never meet: "::/0" holds no IPv4 client, because an operator
 * who wrote it may not have meant that, and what can be read two ways never
 * opens the gate.
 */
#ifndef RULES_CIDR_H
#define RULES_CIDR_H

#include "base/ip.h"
#include "base/str.h"

#define CIDR_MAX 1000000        /* networks in one set */

struct cidr_set;

/* An empty set, or NULL when out of memory.  The caller frees it. */
struct cidr_set *cidr_set_new(void);
void             cidr_set_free(struct cidr_set *set);      /* NULL is fine */

/*
 * Adds "192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.0/120" (that is IPv4) or a
 * bare address.  `text` is copied.  Adding a network twice is fine.
 * Returns 0, -EINVAL when it is no network, -ERANGE when bits past the prefix are set
 * (never silently cleared), -E2BIG past CIDR_MAX, -ENOMEM; on error the set is as it was.
 */
int    cidr_set_add(struct cidr_set *set, struct str text);
void   cidr_set_freeze(struct cidr_set *set);
size_t cidr_set_count(const struct cidr_set *set);         /* distinct networks */

/* The longest prefix that holds `addr`, in bits of 128 (0-128; IPv4 /24 is 120), or -1 for none. */
int    cidr_set_match(const struct cidr_set *set, const struct ip_addr *addr);

#endif
