/* SPDX-License-Identifier: MIT */
/*
 * From what a server said to what the rules may rely on.  Each rule here
 * answers one question: could somebody behind us read this differently?  Then
 * the request is marked, and a marked request opens nothing.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "gate/client.h"
#include "gate/request.h"

struct str
request_header(const struct request *request, struct str name, size_t *ret_count)
{
	const struct raw_request *raw = request->raw;
	struct str value = STR_NONE;
	size_t count = 0;

	for (size_t i = 0; i < raw->header_count; i++) {
		if (!str_eq(raw->headers[i].name, name))
			continue;
		value = raw->headers[i].value;
		count++;
	}
	*ret_count = count;
	return count == 1 ? value : STR_NONE;
}

/* What a byte of a plain name becomes; 0 for any other. */
static const char cgi_bytes[UCHAR_MAX + 1] = {
#define DIGIT(c)  [c] = c
#define LETTER(c) [c] = c, [c + 32] = c
	['-'] = '_', DIGIT('0'), DIGIT('1'), DIGIT('2'), DIGIT('3'), DIGIT('4'), DIGIT('5'), DIGIT('6'), DIGIT('7'),
	DIGIT('8'), DIGIT('9'), LETTER('A'), LETTER('B'), LETTER('C'), LETTER('D'), LETTER('E'), LETTER('F'),
	LETTER('G'), LETTER('H'), LETTER('I'), LETTER('J'), LETTER('K'), LETTER('L'), LETTER('M'), LETTER('N'),
	LETTER('O'), LETTER('P'), LETTER('Q'), LETTER('R'), LETTER('S'), LETTER('T'), LETTER('U'), LETTER('V'),
	LETTER('W'), LETTER('X'), LETTER('Y'), LETTER('Z'),
#undef DIGIT
#undef LETTER
};

struct str
header_cgi_name(struct str name, struct arena *arena)
{
	char *copy = arena_alloc(arena, name.len + 1);

	if (copy == NULL)
		return STR_NONE;
	for (size_t i = 0; i < name.len; i++) {
		char c = cgi_bytes[(unsigned char)name.p[i]];

		copy[i] = c != '\0' ? c : '_';
	}
	copy[name.len] = '\0';
	return (struct str){ copy, name.len };
}

bool
header_is_plain(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (cgi_bytes[(unsigned char)name.p[i]] == '\0')
			return false;
	return name.len > 0;
}

/* Bytes that some server cuts, splits or decodes at, escaped or not. */
static bool
odd_byte(int c)
{
	return c < 0x20 || c == 0x7f || c == '\\' || c == ';';
}

/* Decodes percent escapes once.  Marks what another reader may take for something else. */
static struct str
decode(struct str raw, struct arena *arena, bool *odd)
{
	char *out = arena_alloc(arena, raw.len + 1);
	size_t len = 0;

	if (out == NULL)
		return STR_NONE;
	for (size_t i = 0; i < raw.len; i++) {
		int c = (unsigned char)raw.p[i];

		if (c == '%') {
			c = str_escape_at(raw, i);
			if (c < 0 || c == '/' || c == '%')
				*odd = true;
			if (c < 0)
				c = '%';
			else
				i += 2;
		} else if (c == '#') {
			*odd = true;
		}
		if (odd_byte(c))
			*odd = true;
		out[len++] = (char)c;
	}
	out[len] = '\0';
	return (struct str){ out, len };
}

/* Drops the last segment of out[0..len), which begins with "/" if it is not empty. */
static size_t
drop_segment(const char *out, size_t len)
{
	while (len > 0 && out[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

/* Resolves "//", "." and ".." in place (RFC 3986 section 5.2.4).  Any of them marks the path. */
static struct str
resolve(struct str path, char *out, bool *odd)
{
	size_t len = 0;
	bool folder = false;            /* the path ends in "/" */

	for (size_t i = 0; i < path.len;) {
		size_t end = i + 1;
		struct str segment;

		while (end < path.len && path.p[end] != '/')
			end++;
		segment = str_sub(path, i + 1, end);
		folder = end == path.len && segment.len == 0;
		if (segment.len == 0 && end < path.len)
			*odd = true;
		if (str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) {
			*odd = true;
			folder = end == path.len;
			if (segment.len == 2)
				len = drop_segment(out, len);
		} else if (segment.len > 0) {
			out[len++] = '/';
			memmove(out + len, segment.p, segment.len);
			len += segment.len;
		}
		i = end;
	}
	if (folder || len == 0)
		out[len++] = '/';
	return (struct str){ out, len };
}

static bool
is_scheme_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
	    c == '.';
}

/* The bytes of "scheme://" at the beginning of `target` (RFC 3986 section 3.1); 0 where there is none. */
static size_t
scheme_length(struct str target)
{
	size_t len = 0;

	while (len < target.len && is_scheme_char(target.p[len]))
		len++;
	return len > 0 && str_starts(str_sub(target, len, target.len), STR("://")) ? len + 3 : 0;
}

/*
 * "http://host/path": cuts scheme and authority (RFC 9112 section 3.2.2), giving the authority.  Of any scheme, for
 * servers take the host of any; but what they make of another scheme's path nobody knows.
 */
static struct str
cut_authority(struct str *target, bool *odd)
{
	size_t scheme = scheme_length(*target), end = 0;
	struct str rest = str_sub(*target, scheme, target->len), authority;

	if (scheme == 0)
		return STR_NONE;
	if (!str_eq_nocase(str_sub(*target, 0, scheme), STR("http://")) &&
	    !str_eq_nocase(str_sub(*target, 0, scheme), STR("https://")))
		*odd = true;
	while (end < rest.len && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	authority = str_sub(rest, 0, end);
	*target = str_sub(rest, end, rest.len);
	return authority;
}

static int
normalise_host(struct str raw, struct arena *arena, struct str *ret)
{
	char *buffer = arena_alloc(arena, HOST_MAX);

	if (buffer == NULL)
		return -E2BIG;
	return host_normalise(raw, buffer, ret);
}

static void
take_host(struct request *r, struct str authority, struct arena *arena)
{
	struct str host, other;
	size_t count;
	struct str value = request_header(r, STR("HOST"), &count);

	if (count > 1 || (count == 1 && normalise_host(value, arena, &host) != 0)) {
		r->any_host = true;
		return;
	}
	if (count == 1)
		r->host = host;
	if (authority.p == NULL)
		return;
	/* two names for one host: servers differ in which they believe */
	if (normalise_host(authority, arena, &other) != 0 || !str_eq(other, r->host))
		r->any_host = true;
}

static int
take_target(struct request *r, struct str target, struct arena *arena)
{
	struct str decoded;
	size_t question = str_find(target, '?');
	char *out = arena_alloc(arena, question + 2);

	r->raw_path = str_sub(target, 0, question);
	r->query = str_sub(target, question + 1, target.len);
	decoded = decode(r->raw_path, arena, &r->odd);
	if (out == NULL || decoded.p == NULL)
		return -E2BIG;
	if (!str_starts(decoded, STR("/")))
		r->odd = true;          /* "*", "host:port" or nothing that we know */
	if (!str_starts(decoded, STR("/"))) {
		out[0] = '/';
		r->path = (struct str){ out, 1 };
		return 0;
	}
	r->path = resolve(decoded, out, &r->odd);
	return 0;
}

int
request_normalise(const struct raw_request *raw, const struct trust *trust, struct arena *arena, struct request *ret)
{
	struct str target = raw->target;
	struct str authority;

	memset(ret, 0, sizeof *ret);
	ret->raw = raw;
	ret->method = method_of(raw->method);
	authority = cut_authority(&target, &ret->odd);
	if (authority.p != NULL && (target.len == 0 || target.p[0] != '/'))
		ret->odd = true;        /* "http://host" alone: "/" by the RFC, but not for all */
	take_host(ret, authority, arena);
	client_find(ret, trust);
	return take_target(ret, target, arena);
}
