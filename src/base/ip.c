/* SPDX-License-Identifier: MIT */
/*
 * Addresses in and out of text.  inet_pton() does the reading of IPv6, because
 * it already refuses what must never match: zone ids, blanks, short forms.
 * IPv4 is read here, since lists of it are long, and to the letter as
 * inet_pton() does: leading zeros are refused too ("010.0.0.1" is 8 to one
 * program and 10 to another).  Names are never resolved.  No state; any thread.
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

/* One number of an IPv4 address, 0 to 255 without leading zeros.  Returns its digits' count, 0 when there is none. */
static size_t
take_octet(const char *text, const char *end, uint8_t *ret)
{
	unsigned value = 0;
	size_t len = 0;

	while (len < 3 && text + len < end && text[len] >= '0' && text[len] <= '9')
		value = value * 10 + (unsigned)(text[len++] - '0');
	if (len == 0 || value > 255 || (len > 1 && text[0] == '0'))
		return 0;
	*ret = (uint8_t)value;
	return len;
}

static int
parse_v4(struct str text, uint8_t octets[4])
{
	const char *at = text.p, *end = text.p + text.len;

	for (size_t i = 0; i < 4; i++) {
		size_t len = take_octet(at, end, &octets[i]);

		at += len;
		if (len == 0 || (i < 3 && (at == end || *at++ != '.')))
			return -EINVAL;
	}
	return at == end ? 0 : -EINVAL;
}

static int
parse_v6(struct str text, uint8_t bytes[16])
{
	char copy[IP_TEXT_MAX];

	if (memchr(text.p, '\0', text.len) != NULL)
		return -EINVAL;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	return inet_pton(AF_INET6, copy, bytes) == 1 ? 0 : -EINVAL;
}

int
ip_parse(struct str text, struct ip_addr *ret)
{
	struct ip_addr addr;
	int rc;

	if (text.len == 0 || text.len >= IP_TEXT_MAX)
		return -EINVAL;
	if (str_find(text, ':') < text.len) {
		rc = parse_v6(text, addr.bytes);
	} else {
		memcpy(addr.bytes, mapped_prefix, sizeof mapped_prefix);
		rc = parse_v4(text, addr.bytes + sizeof mapped_prefix);
	}
	if (rc == 0)
		*ret = addr;
	return rc;
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
