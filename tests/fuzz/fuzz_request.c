/* SPDX-License-Identifier: MIT */
/* What a request says: target, host, client, tickets, what is accepted; and the matchers that are asked with it. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answer/negotiate.h"
#include "fuzz.h"
#include "gate/client.h"
#include "gate/offer.h"
#include "rules/path.h"

#define ARENA_MAX ((size_t)1 << 20)

/* --- target --- */

static const struct trust *
no_trust(void)
{
	static struct trust trust = { .header = STR_INIT("X_FORWARDED_FOR") };

	if (trust.proxies == NULL) {
		struct cidr_set *set = cidr_set_new();

		cidr_set_freeze(set);
		trust.proxies = set;
	}
	return &trust;
}

static void
check_path(const struct request *r)
{
	struct str rest = str_sub(r->path, 1, r->path.len), part;

	assert(str_starts(r->path, STR("/")));
	while (rest.len > 0) {
		size_t end = str_find(rest, '/');

		part = str_sub(rest, 0, end);
		assert(part.len > 0 && !str_eq(part, STR(".")) && !str_eq(part, STR("..")));
		rest = str_sub(rest, end + 1, rest.len);
	}
	for (size_t i = 0; i < r->path.len && !r->odd; i++) {
		unsigned char c = (unsigned char)r->path.p[i];

		assert(c >= 0x20 && c != 0x7f && c != '\\' && c != ';' && c != '%');
	}
}

static struct str
encode(struct str path, struct arena *arena)
{
	static const char hex[] = "0123456789abcdef";
	char *out = arena_alloc(arena, 3 * path.len);
	size_t len = 0;

	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if (c == '/') {
			out[len++] = '/';
			continue;
		}
		out[len++] = '%';
		out[len++] = hex[c >> 4];
		out[len++] = hex[c & 15];
	}
	return (struct str){ out, len };
}

static struct request
normalise(struct raw_request *raw, struct str target, struct arena *arena)
{
	struct request r;

	raw->target = target;
	assert(request_normalise(raw, no_trust(), arena, &r) == 0);
	return r;
}

/* Method, host and target.  A canonical path is canonical again, whether as it is or escaped byte by byte. */
void
fuzz_target(struct str input)
{
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct raw_request raw = { .whole = true, .peer = STR("192.0.2.7"), .header_count = 1 };
	struct request r, again;

	raw.method = fuzz_field(&input);
	raw.headers[0] = (struct raw_header){ STR("HOST"), fuzz_field(&input) };
	r = normalise(&raw, fuzz_copy(input), arena);
	assert(r.raw_path.len + r.query.len <= input.len);
	assert(str_find(r.raw_path, '?') == r.raw_path.len);
	assert(r.host.len <= HOST_MAX && fuzz_is_plain(r.host));
	if (r.host.len > 0) {
		raw.headers[0].value = r.host;
		assert(str_eq(normalise(&raw, STR("/"), arena).host, r.host));
	}
	check_path(&r);
	if (r.odd)
		return;
	again = normalise(&raw, encode(r.path, arena), arena);
	assert(!again.odd && str_eq(again.path, r.path));
	if (str_find(r.path, '?') == r.path.len && str_find(r.path, '#') == r.path.len) {
		again = normalise(&raw, r.path, arena);
		assert(!again.odd && str_eq(again.path, r.path));
	}
}

/* --- client --- */

static const char *const proxies[] = { "10.0.0.0/8", "2001:db8:1::/48", "192.0.2.1", "::1" };

static const struct trust *
some_trust(enum client_header kind)
{
	static const struct str names[] = { STR_INIT("X_FORWARDED_FOR"), STR_INIT("FORWARDED"), STR_INIT("X_REAL_IP") };
	static struct cidr_set *set;
	static struct trust trust;

	if (set == NULL) {
		set = cidr_set_new();
		for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
			assert(cidr_set_add(set, str_of(proxies[i])) == 0);
		cidr_set_freeze(set);
	}
	trust = (struct trust){ set, names[kind], kind };
	return &trust;
}

/* The list written a second time, from the words of the manual: all lines are one, read from the right. */
static bool
model_client(const struct raw_request *raw, const struct trust *trust, struct arena *arena, struct ip_addr *ret)
{
	struct str all = STR_NONE, entry;
	bool last;

	for (size_t i = 0; i < raw->header_count; i++)
		if (str_eq(raw->headers[i].name, trust->header))
			all = all.p == NULL ? arena_copy(arena, raw->headers[i].value) :
			    arena_printf(arena, "%.*s,%.*s", STR_ARG(all), STR_ARG(raw->headers[i].value));
	if (all.p == NULL)
		return ip_parse(raw->peer, ret) == 0;
	do {
		size_t comma = str_find_last(all, ',');

		last = comma == all.len;
		entry = str_trim(last ? all : str_sub(all, comma + 1, all.len));
		if (ip_parse_forwarded(entry, ret) != 0)
			return false;
		all = str_sub(all, 0, comma);
	} while (cidr_set_match(trust->proxies, ret) >= 0 && !last);
	return true;
}

static void
check_round(const struct ip_addr *address)
{
	char text[IP_TEXT_MAX];
	struct ip_addr again;

	ip_format(address, text);
	assert(ip_parse(str_of(text), &again) == 0 && ip_eq(address, &again));
	assert(ip_parse_forwarded(str_of(text), &again) == 0 && ip_eq(address, &again));
}

/* Peer, and lines of the header: an untrusted peer is itself the client, and a trusted one never by default. */
void
fuzz_client(struct str input)
{
	unsigned how = fuzz_byte(&input);
	const struct trust *trust = some_trust((enum client_header)(how % 3));
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct raw_request raw = { .whole = true, .server = (enum server)(how / 3 % 3) };
	struct request r = { .raw = &raw };
	struct ip_addr want;
	bool believed;

	raw.peer = fuzz_field(&input);
	while (input.len > 0 && raw.header_count < 8)
		raw.headers[raw.header_count++] = (struct raw_header){ trust->header,
			str_of(fuzz_line(fuzz_field(&input))) };
	client_find(&r, trust);
	if (r.has_client)
		check_round(&r.client);
	believed = ip_parse(raw.peer, &want) == 0 && cidr_set_match(trust->proxies, &want) >= 0;
	if (!believed)
		assert(!r.by_proxy && r.has_client == (ip_parse(raw.peer, &want) == 0) &&
		    (!r.has_client || ip_eq(&r.client, &want)));
	if (!believed || trust->kind != CLIENT_HEADER_LIST || raw.server != SERVER_OTHER)
		return;
	believed = model_client(&raw, trust, arena, &want);
	assert(r.has_client == believed && (!believed || ip_eq(&r.client, &want)));
}

/* --- networks --- */

/* "a/n" by inet_pton() and by hand.  -1: no network; else its bits of 128. */
static int
model_network(const char *text, unsigned char bytes[16])
{
	char address[64], *end;
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned char v4[4];
	long bits = -1;
	bool is_v4;

	if (len >= sizeof address)
		return -1;
	memcpy(address, text, len);
	address[len] = '\0';
	is_v4 = inet_pton(AF_INET, address, v4) == 1;
	if (!is_v4 && inet_pton(AF_INET6, address, bytes) != 1)
		return -1;
	if (slash != NULL) {
		if (slash[1] < '0' || slash[1] > '9' || (slash[1] == '0' && slash[2] != '\0'))
			return -1;
		bits = strtol(slash + 1, &end, 10);
		if (*end != '\0' || bits > (is_v4 ? 32 : 128))
			return -1;
	}
	if (is_v4) {
		memset(bytes, 0, 10);
		memset(bytes + 10, 0xff, 2);
		memcpy(bytes + 12, v4, 4);
	}
	return (int)(bits < 0 ? 128 : is_v4 ? 96 + bits : bits);
}

static bool
bits_equal(const unsigned char *a, const unsigned char *b, int bits)
{
	for (int i = 0; i < bits; i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

static bool
zero_behind(const unsigned char *a, int bits)
{
	for (int i = bits; i < 128; i++)
		if ((a[i / 8] >> (7 - i % 8)) & 1)
			return false;
	return true;
}

#define NETWORKS_MAX 24

/* An address and networks, a line each: what one list of them in order finds, the set finds. */
void
fuzz_networks(struct str input)
{
	unsigned char networks[NETWORKS_MAX][16];
	int bits[NETWORKS_MAX], want = -1;
	struct cidr_set *set = cidr_set_new();
	struct str address = fuzz_field(&input);
	struct ip_addr client;
	size_t count = 0;

	while (input.len > 0 && count < NETWORKS_MAX) {
		const char *line = fuzz_line(fuzz_field(&input));
		int rc = cidr_set_add(set, str_of(line));

		bits[count] = model_network(line, networks[count]);
		assert(rc == 0 || rc == -EINVAL || rc == -ERANGE);
		/* what is accepted is a network in the model too, with nothing behind its prefix */
		if (rc == 0)
			assert(bits[count] >= 0 && zero_behind(networks[count], bits[count]));
		else
			assert(bits[count] < 0 || !zero_behind(networks[count], bits[count]));
		count += rc == 0;
	}
	cidr_set_freeze(set);
	if (ip_parse(address, &client) == 0) {
		check_round(&client);
		for (size_t i = 0; i < count; i++)
			if (bits_equal(networks[i], client.bytes, bits[i]) && bits[i] > want &&
			    (!ip_is_v4(&client) || bits[i] >= 96))
				want = bits[i];
		assert(cidr_set_match(set, &client) == want);
	}
	cidr_set_free(set);
}

/* --- path rules --- */

/* "*" and "**" by trying all there is. */
static bool
model_glob(struct str pattern, struct str path, unsigned *steps)
{
	size_t stars = 0;

	if (++*steps > 20000)
		return false;
	if (pattern.len == 0)
		return path.len == 0;
	while (stars < pattern.len && pattern.p[stars] == '*')
		stars++;
	if (stars == 0)
		return path.len > 0 && path.p[0] == pattern.p[0] &&
		    model_glob(str_sub(pattern, 1, pattern.len), str_sub(path, 1, path.len), steps);
	if (model_glob(str_sub(pattern, stars, pattern.len), path, steps))
		return true;
	return path.len > 0 && (stars > 1 || path.p[0] != '/') &&
	    model_glob(pattern, str_sub(path, 1, path.len), steps);
}

static bool
model_rule(struct str rule, struct str path, unsigned *steps)
{
	if (str_find(rule, '*') != rule.len)
		return model_glob(rule, path, steps);
	return str_ends(rule, STR("/")) ? path_is_below(path, rule) : str_eq(path, rule);
}

#define PATHS_MAX 16

/* A path and rules, a line each: the set matches if and only if some rule does by itself, and gives its number. */
void
fuzz_paths(struct str input)
{
	struct path_set *set = path_set_new();
	struct str path = fuzz_field(&input), rules[PATHS_MAX];
	bool matches[PATHS_MAX], any = false;
	unsigned steps = 0;
	int count = 0, number;

	while (input.len > 0 && count < PATHS_MAX) {
		rules[count] = fuzz_field(&input);
		if (path_set_add(set, rules[count], count) == 0)
			count++;
	}
	for (int i = 0; i < count; i++) {
		matches[i] = model_rule(rules[i], path, &steps);
		any = any || matches[i];
	}
	if (steps <= 20000 && str_starts(path, STR("/")) && fuzz_is_plain(path)) {
		number = path_set_match(set, path);
		assert(number < count && any == (number >= 0) && (number < 0 || matches[number]));
	}
	path_set_free(set);
}

/* --- tickets --- */

/* Method, header, cookies and target: an ID is one, stands in the input, and is gone from the address it leads to. */
void
fuzz_offers(struct str input)
{
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct raw_request raw = { .whole = true, .peer = STR("192.0.2.7") };
	struct offers offers;
	struct request r;
	struct str target;

	raw.method = fuzz_field(&input);
	raw.headers[0] = (struct raw_header){ STR(OFFER_HEADER), fuzz_field(&input) };
	raw.headers[1] = (struct raw_header){ STR("COOKIE"), fuzz_field(&input) };
	raw.headers[2] = (struct raw_header){ STR("COOKIE"), fuzz_field(&input) };
	raw.header_count = 4;
	raw.headers[3] = (struct raw_header){ STR("HOST"), STR("a.example") };
	r = normalise(&raw, str_of(fuzz_line(input)), arena);       /* no front hands over a NUL */
	offers_find(&r, &offers);
	assert(offers.count <= OFFERS_MAX);
	for (size_t i = 0; i < offers.count; i++) {
		const struct offer *o = &offers.v[i];

		assert(ticket_id_valid(o->id) && o->id.len == TICKET_ID_LEN);
		assert(!o->by_link || (!r.odd && method_in(METHOD_SET_READ, r.method) && str_contains(r.query, o->id)));
		assert(o->by_link || str_contains(raw.headers[0].value, o->id) ||
		    str_contains(raw.headers[1].value, o->id) || str_contains(raw.headers[2].value, o->id));
	}
	target = offer_target_without(&r, arena);
	if (target.len == 0)
		return;
	assert(target.p[0] == '/' && (target.len == 1 || (target.p[1] != '/' && target.p[1] != '\\')));
	raw.header_count = 0;
	r = normalise(&raw, fuzz_copy(target), arena);
	offers_find(&r, &offers);
	assert(!r.odd && offers.count == 0 && !offers.malformed && str_eq(offer_target_without(&r, arena), target));
}

/* A ticket's body: what is read and written again says the same. */
void
fuzz_ticket(struct str input)
{
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct ticket ticket, again;
	struct str id = fuzz_field(&input), text;

	if (ticket_id_valid(id))
		for (size_t i = 0; i < id.len; i++)
			assert(strchr("0123456789abcdef", id.p[i]) != NULL);
	if (!ticket_parse(fuzz_copy(input), arena, &ticket))
		return;
	assert(ticket.until != TIME_NONE);
	(void)ticket_covers(&ticket, STR("/a/b"), false);
	assert(ticket.paths.len == 0 || !ticket_covers(&ticket, STR("/a"), true));
	if (ticket_format(&ticket, arena, &text) != 0)
		return;
	assert(ticket_parse(fuzz_copy(text), arena, &again) && again.until == ticket.until &&
	    again.since == ticket.since && str_eq(again.note, ticket.note) && str_eq(again.paths, ticket.paths));
}

/* --- negotiation --- */

static struct str
upper(struct str s, struct arena *arena)
{
	char *copy = arena_alloc(arena, s.len);

	for (size_t i = 0; i < s.len; i++)
		copy[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 32) : s.p[i];
	return (struct str){ copy, s.len };
}

/* Path, X-Requested-With, Accept: one of the forms, whatever the case of letters, and however often it is said. */
void
fuzz_accept(struct str input)
{
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct str path = fuzz_field(&input), with = fuzz_field(&input), accept = fuzz_copy(input);
	struct negotiation n = negotiate_format(accept, with, path), again;
	const char *type = format_type(n.format);

	assert(n.format <= FORMAT_EMPTY && type != NULL && format_extension(n.format) != NULL);
	again = negotiate_format(upper(accept, arena), upper(with, arena), upper(path, arena));
	assert(again.format == n.format && again.used_requested_with == n.used_requested_with);
	if (str_trim(accept).len == 0)
		return;
	again = negotiate_format(arena_printf(arena, " %.*s , %.*s", STR_ARG(accept), STR_ARG(accept)), with, path);
	if (str_find(accept, '\0') == accept.len)
		assert(again.format == n.format);
}

/* Accept-Language: a language that was not named is never chosen before the first. */
void
fuzz_language(struct str input)
{
	static const struct str languages[] = { STR_INIT("en"), STR_INIT("de"), STR_INIT("pt-br"),
		STR_INIT("zh-hant") };
	static const char *const words[] = { "", "DE", "PT", "ZH" };
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct str text = fuzz_copy(input), large = upper(text, arena);
	size_t chosen = negotiate_language(text, languages, 4);

	assert(chosen < 4 && negotiate_language(large, languages, 4) == chosen);
	assert(chosen == 0 || str_contains(large, str_of(words[chosen])));
	assert(negotiate_language(text, languages, 1) == 0);
}
