/* SPDX-License-Identifier: MIT */
/*
 * Walking the configured header from the right past trusted proxies to the
 * first address that is not one.  Whatever cannot be read ends the walk with no
 * client at all, never with a fall-back to the proxy's own address: that one is
 * the most likely to be allowed.
 */
#include "config.h"

#include "gate/client.h"

enum step { STEP_TRUSTED, STEP_FOUND, STEP_BROKEN };

static enum step
judge(struct str text, const struct trust *trust, struct ip_addr *client)
{
	if (ip_parse_forwarded(text, client) != 0)
		return STEP_BROKEN;
	return cidr_set_match(trust->proxies, client) >= 0 ? STEP_TRUSTED : STEP_FOUND;
}

static struct str
unquote(struct str value)
{
	if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
		return str_sub(value, 1, value.len - 1);
	return value;
}

/* The "for" of one element of a Forwarded header (RFC 7239 section 4); empty when it has none or two. */
static struct str
forwarded_for(struct str element)
{
	struct str pair, found = STR_NONE;

	while (str_split(&element, ';', &pair)) {
		size_t equals = str_find(pair, '=');

		if (!str_eq_nocase(str_trim(str_sub(pair, 0, equals)), STR("for")))
			continue;
		if (found.p != NULL)
			return STR_NONE;
		found = unquote(str_trim(str_sub(pair, equals + 1, pair.len)));
	}
	return found;
}

/* No comma or semicolon within quotes, and no escape there: then splitting at them is right. */
static bool
splits_plainly(struct str line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.len; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (line.p[i] == '\\' || (quoted && (line.p[i] == ',' || line.p[i] == ';')))
			return false;
	}
	return !quoted;
}

/* One line of the header, right to left.  STEP_TRUSTED: all of it was trusted, `client` is its leftmost. */
static enum step
walk_line(struct str line, const struct trust *trust, struct ip_addr *client)
{
	enum step step = STEP_BROKEN;   /* an empty line vouches for nobody */

	if (trust->kind == CLIENT_HEADER_FORWARDED && !splits_plainly(line))
		return STEP_BROKEN;
	while (line.p != NULL) {
		size_t comma = str_find_last(line, ',');
		bool last = comma == line.len;
		struct str entry = str_trim(last ? line : str_sub(line, comma + 1, line.len));

		if (trust->kind == CLIENT_HEADER_FORWARDED)
			entry = forwarded_for(entry);
		else if (trust->kind == CLIENT_HEADER_SINGLE && !last)
			return STEP_BROKEN;
		step = judge(entry, trust, client);
		if (step != STEP_TRUSTED || last)
			return step;
		line = str_sub(line, 0, comma);
	}
	return step;
}

static void
walk_header(struct request *r, const struct trust *trust)
{
	const struct raw_request *raw = r->raw;
	size_t lines = 0;
	enum step step = STEP_TRUSTED;

	for (size_t i = raw->header_count; i-- > 0 && step == STEP_TRUSTED;) {
		if (!str_eq(raw->headers[i].name, trust->header))
			continue;
		lines++;
		step = walk_line(raw->headers[i].value, trust, &r->client);
	}
	if (lines == 0)
		return;                 /* a trusted peer that forwards nothing is itself the client */
	r->by_proxy = true;
	r->has_client = step != STEP_BROKEN;
}

static size_t
header_lines(const struct raw_request *raw, struct str name)
{
	size_t lines = 0;

	for (size_t i = 0; i < raw->header_count; i++)
		lines += str_eq(raw->headers[i].name, name);
	return lines;
}

void
client_find(struct request *r, const struct trust *trust)
{
	const struct raw_request *raw = r->raw;
	size_t lines;

	r->has_client = ip_parse(raw->peer, &r->client) == 0;
	if (!r->has_client || cidr_set_match(trust->proxies, &r->client) < 0)
		return;
	lines = header_lines(raw, trust->header);
	if (raw->server == SERVER_CADDY) {
		/* there X_Forwarded_For replaces X-Forwarded-For at random: somebody is meant, and nobody knows who */
		r->has_client = lines == 0;
		return;
	}
	if (lines > 1 && (raw->server == SERVER_LIGHTTPD || trust->kind == CLIENT_HEADER_SINGLE)) {
		r->has_client = false;  /* lighttpd joins true repeats: a second line is a forged twin */
		return;
	}
	walk_header(r, trust);
}
