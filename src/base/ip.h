/*
 * One internet address.  IPv4 is kept in its IPv4-mapped form (RFC 4291
 * section 2.5.5.2), so "192.0.2.7" and "::ffff:192.0.2.7" are the same host.
 * Nothing allocates.  Any thread.
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include "base/str.h"

struct ip_addr {
	uint8_t bytes[16];
};

#define IP_TEXT_MAX 46          /* with the NUL, as INET6_ADDRSTRLEN */

/*
 * A bare address.  Returns 0, or -EINVAL for anything else: a port, brackets,
 * a zone id ("%eth0"), leading zeros in IPv4, blanks, an empty text.
 */
int  ip_parse(struct str text, struct ip_addr *ret);

/*
 * An address as proxies write it: bare, "192.0.2.7:443", "[2001:db8::1]",
 * "[2001:db8::1]:443".  Ports are 1 to 5 digits up to 65535.  Returns 0 or -EINVAL.
 */
int  ip_parse_forwarded(struct str text, struct ip_addr *ret);

/* The 4 or 16 bytes of an address in network order, as a socket address has them. */
void ip_of_bytes(const void *bytes, size_t len, struct ip_addr *ret);

bool ip_is_v4(const struct ip_addr *addr);
bool ip_eq(const struct ip_addr *a, const struct ip_addr *b);

/* Writes the usual text ("192.0.2.7", RFC 5952 for IPv6) with a NUL. */
void ip_format(const struct ip_addr *addr, char text[IP_TEXT_MAX]);

#endif
