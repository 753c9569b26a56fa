/* SPDX-License-Identifier: MIT */
/*
 * Reading tickets out of requests.  A header that came twice is nobody's.  Cookies are parted by ";", and by "," where
 * a server joined two lines; a browser may send the same name twice, so all are tried, up to a few.
 */
#include "config.h"

#include "gate/offer.h"

static void
add(struct offers *offers, struct str id, bool by_link)
{
	if (!ticket_id_valid(id)) {
		offers->malformed = true;
		return;
	}
	if (offers->count < OFFERS_MAX)
		offers->v[offers->count++] = (struct offer){ id, by_link };
}

/* The value of one "name=value", or `.p` NULL when it has another name. */
static struct str
value_of(struct str pair)
{
	if (!str_starts(pair, STR(OFFER_NAME "=")))
		return STR_NONE;
	return str_sub(pair, sizeof OFFER_NAME, pair.len);
}

/* Only a request that asks for a page follows a link, and only where its path can be read in one way. */
static void
find_link(const struct request *request, struct offers *offers)
{
	struct str rest = request->query, pair;

	if (!method_in(METHOD_SET_READ, request->method) || request->odd)
		return;
	while (str_split(&rest, '&', &pair))
		if (value_of(pair).p != NULL)
			add(offers, value_of(pair), true);
}

static void
find_cookies(struct str line, struct offers *offers)
{
	while (line.len > 0) {
		size_t end = str_find(line, ';'), comma = str_find(line, ',');
		struct str pair = str_trim(str_sub(line, 0, end < comma ? end : comma));

		if (value_of(pair).p != NULL)
			add(offers, value_of(pair), false);
		line = str_sub(line, (end < comma ? end : comma) + 1, line.len);
	}
}

void
offers_find(const struct request *request, struct offers *ret)
{
	const struct raw_request *raw = request->raw;
	struct str header;
	size_t count;

	ret->count = 0;
	ret->malformed = false;
	find_link(request, ret);
	header = str_trim(request_header(request, STR(OFFER_HEADER), &count));
	if (count == 1 && header.len > 0)
		add(ret, header, false);
	for (size_t i = 0; i < raw->header_count; i++)
		if (str_eq(raw->headers[i].name, STR("COOKIE")))
			find_cookies(raw->headers[i].value, ret);
}

struct str
offer_target_without(const struct request *request, struct arena *arena)
{
	struct str path = request->raw_path, rest = request->query, pair, target;

	/* "//host" and "/\host" would lead away from the site */
	if (request->odd || path.len == 0 || path.p[0] != '/' ||
	    (path.len > 1 && (path.p[1] == '/' || path.p[1] == '\\')))
		return STR_NONE;
	target = arena_copy(arena, path);
	for (bool first = true; target.p != NULL && str_split(&rest, '&', &pair);) {
		if (value_of(pair).p != NULL || pair.len == 0)
			continue;
		target = arena_printf(arena, "%.*s%c%.*s", STR_ARG(target), first ? '?' : '&', STR_ARG(pair));
		first = false;
	}
	return target;
}
