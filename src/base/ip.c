/* SPDX-License-Identifier: MIT */
/*
 * Addresses in and out of text.  inet_pton() does the reading, because it
 * already refuses what must never match: leading zeros ("010.0.0.1" is 8 to
 * one program and 10 to another), zone ids, short forms ("127.1"), blanks.
 * Names are never resolved.  No state; any thread.
 */
#include "config.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/ip.h"

#define PORT_DIGITS_MAX 5
#define PORT_MAX        65535

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

int
ip_parse(struct str text, struct ip_addr *ret)
{
	struct ip_addr addr;
	char copy[IP_TEXT_MAX];

	if (text.len == 0 || text.len >= sizeof copy || memchr(text.p, '\0', text.len) != NULL)
		return -EINVAL;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (str_find(text, ':') < text.len) {
		if (inet_pton(AF_INET6, copy, addr.bytes) != 1)
			return -EINVAL;
	} else {
		memcpy(addr.bytes, mapped_prefix, sizeof mapped_prefix);
		if (inet_pton(AF_INET, copy, addr.bytes + sizeof mapped_prefix) != 1)
			return -EINVAL;
	}
	*ret = addr;
	return 0;
}

void
ip_of_bytes(const void *bytes, size_t len, struct ip_addr *ret)
{
	assert(len == 4 || len == sizeof ret->bytes);
	memcpy(ret->bytes, mapped_prefix, sizeof mapped_prefix);
	memcpy(ret->bytes + sizeof ret->bytes - len, bytes, len);
}

/* Leading zeros are fine here: a port decides nothing, it is only cut off. */
static bool
is_port(struct str text)
{
	int port = 0;

	if (text.len == 0 || text.len > PORT_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		port = port * 10 + (text.p[i] - '0');
	}
	return port <= PORT_MAX;
}

/* "[2001:db8::1]", maybe with ":443"; brackets hold IPv6 only (RFC 3986 section 3.2.2). */
static int
parse_bracketed(struct str text, struct ip_addr *ret)
{
	size_t close = str_find(text, ']');
	struct str inner = str_sub(text, 1, close);
	struct str after = str_sub(text, close + 1, text.len);

	if (close == text.len || str_find(inner, ':') == inner.len)
		return -EINVAL;
	if (after.len > 0 && (after.p[0] != ':' || !is_port(str_sub(after, 1, after.len))))
		return -EINVAL;
	return ip_parse(inner, ret);
}

int
ip_parse_forwarded(struct str text, struct ip_addr *ret)
{
	size_t colon = str_find(text, ':');

	if (text.len > 0 && text.p[0] == '[')
		return parse_bracketed(text, ret);
	if (colon == text.len || str_find_last(text, ':') != colon)
		return ip_parse(text, ret);     /* no colon, or IPv6's two and more */
	if (!is_port(str_sub(text, colon + 1, text.len)))
		return -EINVAL;
	return ip_parse(str_sub(text, 0, colon), ret);
}

bool
ip_is_v4(const struct ip_addr *addr)
{
	return memcmp(addr->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

bool
ip_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void
ip_format(const struct ip_addr *addr, char text[IP_TEXT_MAX])
{
	struct buffer out;

	if (!ip_is_v4(addr)) {
		(void)inet_ntop(AF_INET6, addr->bytes, text, IP_TEXT_MAX);
		return;
	}
	buffer_init(&out, text, IP_TEXT_MAX);   /* inet_ntop() formats these as slowly as printf does */
	for (size_t i = sizeof mapped_prefix; i < sizeof addr->bytes; i++) {
		buffer_add_number(&out, addr->bytes[i]);
		buffer_add_char(&out, i + 1 < sizeof addr->bytes ? '.' : '\0');
	}
}
