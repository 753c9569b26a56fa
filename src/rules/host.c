/* SPDX-License-Identifier: MIT */
/*
 * Host names: one spelling for each, then plain comparison.  A host or a
 * pattern has labels of letters, digits, "-" and "_" parted by single dots, or
 * is an IPv6 address in brackets.  Everything else is refused rather than
 * mended, since a name that two programs read differently picks two sites.
 * Non-ASCII names arrive as "xn--" and are not turned back.  Any thread.
 */
#include "config.h"

#include <errno.h>

#include "base/ip.h"
#include "rules/host.h"

#define PORT_DIGITS_MAX 5
#define EXACT_MATCH     1000    /* above the length of any wildcard */

static bool
is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels parted by single dots, none empty. */
static bool
is_name(struct str host)
{
	bool in_label = false;

	for (size_t i = 0; i < host.len; i++) {
		if (host.p[i] == '.' ? !in_label : !is_label_char(host.p[i]))
			return false;
		in_label = host.p[i] != '.';
	}
	return in_label;
}

/* "[2001:db8::1]"; brackets hold IPv6 and nothing else. */
static bool
is_literal(struct str host)
{
	struct str inner = str_sub(host, 1, host.len - 1);
	struct ip_addr addr;

	return str_ends(host, STR("]")) && str_find(inner, ':') != inner.len &&
	    ip_parse(inner, &addr) == 0;
}

static bool
is_host(struct str host)
{
	if (host.len > HOST_MAX)
		return false;
	return str_starts(host, STR("[")) ? is_literal(host) : is_name(host);
}

/* `raw` without its port, which may be empty (RFC 3986 section 3.2.3); unchanged if it has none. */
static struct str
cut_port(struct str raw)
{
	size_t colon = str_find_last(raw, ':');
	struct str port = str_sub(raw, colon + 1, raw.len);

	if (colon == raw.len || port.len > PORT_DIGITS_MAX)
		return raw;
	for (size_t i = 0; i < port.len; i++) {
		if (port.p[i] < '0' || port.p[i] > '9')
			return raw;
	}
	return str_sub(raw, 0, colon);
}

int
host_normalise(struct str raw, char buffer[HOST_MAX], struct str *ret)
{
	struct str host = str_ends(raw, STR("]")) ? raw : cut_port(raw);
	struct str normal;

	if (str_ends(host, STR(".")))
		host = str_sub(host, 0, host.len - 1);
	if (host.len > HOST_MAX)
		return -EINVAL;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.p[i];

		buffer[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	normal = (struct str){ buffer, host.len };
	if (!is_host(normal))
		return -EINVAL;
	*ret = normal;
	return 0;
}

/* Whether `pattern` begins with "*." and so means what is below the rest of it. */
static bool
is_wildcard(struct str pattern)
{
	return str_starts(pattern, STR("*."));
}

static bool
has_upper(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	}
	return false;
}

bool
host_pattern_valid(struct str pattern)
{
	if (is_wildcard(pattern))
		return pattern.len <= HOST_MAX && is_name(str_sub(pattern, 2, pattern.len));
	return is_host(pattern) && !has_upper(pattern);
}

int
host_match(struct str pattern, struct str host)
{
	struct str tail = str_sub(pattern, 1, pattern.len);     /* ".example.com" */

	if (str_eq(pattern, host))
		return EXACT_MATCH + (int)host.len;
	if (!is_wildcard(pattern) || host.len <= tail.len || !str_ends(host, tail))
		return 0;
	return (int)pattern.len;
}
