/* SPDX-License-Identifier: MIT */
/* The policy as a server's configuration needs it: absolute paths, regular expressions, and what is hard to express. */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/asked.h"
#include "ctl/snippet.h"
#include "rules/host.h"

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define SECRET_PLAIN_MAX 128            /* bytes of a secret, where a regular expression is made of it */
#define LABEL_MAX 24                    /* bytes of a name in a variable's */
#define TEXTS_MAX ((size_t)1 << 30)     /* bytes of the INI's lists, as for the policy itself */

/* "." and its like stand as "[.]": a backslash would be read by the server's own quoting first. */
struct str
snippet_quote_regex(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, 3 * text.len + 1);
	size_t len = 0;

	for (size_t i = 0; out != NULL && i < text.len; i++) {
		char c = text.p[i];

		if (c == '^' || c == '\\' || c == ']') {
			out[len++] = '\\';
			out[len++] = c;
		} else if (strchr(".+*?()[{}|$", c) != NULL) {
			out[len++] = '[';
			out[len++] = c;
			out[len++] = ']';
		} else {
			out[len++] = c;
		}
	}
	if (out != NULL)
		out[len] = '\0';
	return (struct str){ out, len };
}

/* rules/path.h says what a rule means. */
struct str
snippet_path_regex(struct arena *arena, struct str rule)
{
	struct str out = STR(""), part;
	bool below = str_ends(rule, STR("/"));

	if (str_find(rule, '*') == rule.len) {
		part = snippet_quote_regex(arena, below ? str_sub(rule, 0, rule.len - 1) : rule);
		return arena_printf(arena, "%.*s%s", STR_ARG(part), below ? "(?:/.*)?" : "");
	}
	while (rule.len > 0) {
		size_t star = str_find(rule, '*');
		bool doubled = star + 1 < rule.len && rule.p[star + 1] == '*';

		part = snippet_quote_regex(arena, str_sub(rule, 0, star));
		out = arena_printf(arena, "%.*s%.*s%s", STR_ARG(out), STR_ARG(part),
		    star == rule.len ? "" : doubled ? ".*" : "[^/]*");
		rule = str_sub(rule, star + (doubled ? 2 : 1), rule.len);
	}
	return out;
}

/* rules/host.h says what a pattern means; a Host header may have a port and a final dot. */
struct str
snippet_host_regex(struct arena *arena, struct str pattern)
{
	bool wild = str_starts(pattern, STR("*."));
	struct str name = snippet_quote_regex(arena, wild ? str_sub(pattern, 1, pattern.len) : pattern);

	return arena_printf(arena, "%s%.*s[.]?(?::[0-9]*)?", wild ? "[^/]+" : "", STR_ARG(name));
}

struct str
snippet_network(struct arena *arena, struct str network)
{
	size_t slash = str_find(network, '/');
	struct ip_addr address;
	int64_t bits = 128;
	char text[IP_TEXT_MAX];

	if (ip_parse(str_sub(network, 0, slash), &address) != 0)
		return network;
	if (slash < network.len)
		(void)str_number(str_sub(network, slash + 1, network.len), 0, 128, &bits);
	if (ip_is_v4(&address))         /* also where it stood as ::ffff:10.0.0.0/104 */
		bits = slash == network.len ? 32 : str_find(network, ':') == network.len ? bits : bits - 96;
	ip_format(&address, text);
	return arena_printf(arena, "%s/%d", text, (int)bits);
}

/* "^(?:A|B)$"; `so_far` NULL for the first.  The last step is close_regex(). */
static const char *
add_alternative(struct arena *arena, const char *so_far, struct str more)
{
	return so_far == NULL ? arena_printf(arena, "^(?:%.*s", STR_ARG(more)).p :
	    arena_printf(arena, "%s|%.*s", so_far, STR_ARG(more)).p;
}

static const char *
close_regex(struct arena *arena, const char *so_far)
{
	return so_far == NULL ? NULL : arena_printf(arena, "%s)$", so_far).p;
}

static void
fill_paths(struct snippet *s, struct snippet_site *site)
{
	const struct value *open = &site->section->v[KEY_OPEN_PATH], *words = &site->section->v[KEY_OPEN_DEFAULTS];

	for (size_t i = 0; i < open->item_count; i++)
		site->open_path =
		    add_alternative(s->arena, site->open_path, snippet_path_regex(s->arena, open->items[i]));
	for (size_t i = 0; i < words->item_count; i++)
		for (size_t k = 0; k < open_default_count; k++)
			if (str_eq(words->items[i], open_defaults[k].set))
				site->open_read = add_alternative(s->arena, site->open_read,
				    snippet_path_regex(s->arena, open_defaults[k].path));
	site->open_path = close_regex(s->arena, site->open_path);
	site->open_read = close_regex(s->arena, site->open_read);
}

static void
fill_methods(struct snippet *s, struct snippet_site *site)
{
	method_set set = site->site->rules.open_methods;

	if (site->site->condition.mode == MODE_READ_ONLY)
		set |= METHOD_SET_READ_ONLY;
	for (int method = 0; method < METHOD_OTHER; method++)
		if (method_in(set, (enum method)method))
			site->open_method = add_alternative(
			    s->arena, site->open_method, str_of(method_name((enum method)method)));
	site->open_method = close_regex(s->arena, site->open_method);
}

/*
 * Variables of servers take letters, digits and "_", and nginx short ones; two names that become one are told apart by
 * their number.
 */
static const char *
label_of(struct arena *arena, struct str name, size_t number)
{
	struct str label = arena_copy(arena, name.len == 0 ? STR("site") : str_sub(name, 0, LABEL_MAX));
	bool changed = name.len > LABEL_MAX;

	for (size_t i = 0; label.p != NULL && i < label.len; i++) {
		char *c = (char *)(uintptr_t)label.p + i;
		bool plain =
		    (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_';

		changed = changed || !plain;
		*c = plain ? *c : '_';
	}
	return changed ? arena_printf(arena, "%.*s_%zu", STR_ARG(label), number).p : label.p;
}

static void
fill_site(struct snippet *s, const struct site *from, size_t number, struct snippet_site *ret)
{
	const struct value *v;

	ret->site = from;
	ret->section = asked_section(s->values, from->name);
	ret->name = arena_copy(s->arena, from->name).p;
	ret->label = label_of(s->arena, from->name, number);
	v = ret->section->v;
	if (from->condition.flag_count > 1)
		ret->own_flag = from->condition.flags[1]->path;
	fill_paths(s, ret);
	fill_methods(s, ret);
	ret->addresses = v[KEY_BYPASS_ADDRESS].items;
	ret->address_count = v[KEY_BYPASS_ADDRESS].item_count;
	ret->bypass_header = arena_copy(s->arena, v[KEY_BYPASS_HEADER].text).p;
	ret->secrets = v[KEY_BYPASS_SECRET].items;
	ret->secret_count = v[KEY_BYPASS_SECRET].item_count;
	if (from->tickets)      /* a ticket of [site] alone is in no folder but that of all sites */
		ret->tickets = from->name.len == 0 ? s->any_tickets :
		    arena_printf(s->arena, "%s/tickets/%.*s", s->state_dir, STR_ARG(from->name)).p;
}

static void
add_scope(struct snippet *s, const struct snippet_site *site, struct str host, struct str path)
{
	struct snippet_scope *scope = &s->scopes[s->scope_count++];

	scope->site = site;
	scope->host_pattern = host;
	scope->path_prefix = path;
	if (host.len > 0)
		scope->host = arena_printf(s->arena, "^(?:%.*s)$", STR_ARG(snippet_host_regex(s->arena, host))).p;
	if (path.len > 1)
		scope->path = arena_printf(s->arena, "^(?:%.*s)$", STR_ARG(snippet_path_regex(s->arena, path))).p;
}

/* As policy_site_find(): an exact host before the longer wildcard before any host, then the longer path. */
static int
closer_first(const void *left, const void *right)
{
	const struct snippet_scope *a = left, *b = right;
	bool wild_a = str_starts(a->host_pattern, STR("*")), wild_b = str_starts(b->host_pattern, STR("*"));

	if (wild_a != wild_b && a->host_pattern.len > 0 && b->host_pattern.len > 0)
		return wild_a - wild_b;
	if (a->host_pattern.len != b->host_pattern.len)
		return a->host_pattern.len > b->host_pattern.len ? -1 : 1;
	if (a->path_prefix.len != b->path_prefix.len)
		return a->path_prefix.len > b->path_prefix.len ? -1 : 1;
	return a->site->site < b->site->site ? -1 : a->site->site > b->site->site;
}

static bool
fill_scopes(struct snippet *s)
{
	size_t room = 1;
	const struct snippet_site *rest = &s->sites[0];

	for (size_t i = 0; i < s->site_count; i++)
		room += s->sites[i].site->host_count + 1;
	s->scopes = arena_zalloc(s->arena, room, sizeof *s->scopes);
	if (s->scopes == NULL)
		return false;
	for (size_t i = 1; i < s->site_count; i++) {
		const struct snippet_site *site = &s->sites[i];

		for (size_t h = 0; h < site->site->host_count; h++)
			add_scope(s, site, site->site->hosts[h], site->site->path);
		if (site->site->host_count == 0)
			add_scope(s, site, STR(""), site->site->path);
		if (site->site->is_default && rest == &s->sites[0])
			rest = site;
	}
	qsort(s->scopes, s->scope_count, sizeof *s->scopes, closer_first);
	add_scope(s, rest, STR(""), STR("/"));
	return true;
}

static void
fill_places(struct snippet *s)
{
	const struct policy *policy = s->policy;
	const struct value *proxies = &s->values->gateway.v[KEY_TRUSTED_PROXIES];
	const char *listen = arena_copy(s->arena, policy->listen).p;
	char whole[PATH_MAX];

	s->state_dir = arena_copy(s->arena, policy->state_dir).p;
	s->global_flag = policy->flags[0].path;
	s->bypass_off = policy->sites[0].condition.bypass_off;
	s->any_tickets = arena_printf(s->arena, "%s/tickets/" TICKET_ANY, s->state_dir).p;
	s->config = realpath(s->ctl->config, whole) == NULL ? s->ctl->config : arena_copy(s->arena, str_of(whole)).p;
	if (policy->listen.len > 0 && listen[0] == '/')
		s->unix_path = listen;
	else if (policy->listen.len > 0)
		s->address = listen;
	if (policy->http_listen.len > 0)
		s->http = arena_copy(s->arena, policy->http_listen).p;
	s->proxies = proxies->items;
	s->proxy_count = proxies->item_count;
}

int
snippet_policy(struct snippet *s, const char *only)
{
	struct arena *texts = arena_new_growing(TEXTS_MAX);

	s->arena = texts;
	s->policy = s->ctl->policy;
	s->values = texts == NULL ? NULL : asked_values(s->ctl->config, texts);
	if (s->values == NULL)
		return ctl_fail(CTL_SYSTEM, "out of memory, or %s changed just now: try again", s->ctl->config);
	fill_places(s);
	s->site_count = only != NULL ? 1 : s->policy->site_count;
	s->sites = arena_zalloc(texts, s->site_count, sizeof *s->sites);
	if (s->sites == NULL)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	for (size_t i = 0; i < s->site_count; i++) {
		const struct site *from = only != NULL ? ctl_site(s->ctl) : &s->policy->sites[i];

		fill_site(s, from, (size_t)(from - s->policy->sites), &s->sites[i]);
	}
	return fill_scopes(s) ? 0 : ctl_fail(CTL_SYSTEM, "out of memory");
}

/* --- needs --- */

static bool
has_digest(const struct snippet_site *site)
{
	for (size_t i = 0; i < site->secret_count; i++)
		if (str_starts(site->secrets[i], STR("sha256:")))
			return true;
	return false;
}

static bool
has_glob(const struct snippet_site *site)
{
	const struct value *open = &site->section->v[KEY_OPEN_PATH];

	for (size_t i = 0; i < open->item_count; i++)
		if (str_find(open->items[i], '*') != open->items[i].len)
			return true;
	return false;
}

bool
snippet_is_segment(struct str path)
{
	if (path.len < 2 || path.p[0] != '/')
		return false;
	for (size_t i = 1; i < path.len; i++)
		if (strchr(LETTERS_AND_DIGITS "._~-", path.p[i]) == NULL)
			return false;
	return true;
}

static bool
has_deep(const struct value *open)
{
	for (size_t i = 0; i < open->item_count; i++)
		if (!snippet_is_segment(open->items[i]))
			return true;
	return false;
}

static bool
has_deep_default(const struct value *words)
{
	for (size_t i = 0; i < words->item_count; i++)
		for (size_t k = 0; k < open_default_count; k++)
			if (str_eq(words->items[i], open_defaults[k].set) && !snippet_is_segment(open_defaults[k].path))
				return true;
	return false;
}

static bool
has_odd_secret(const struct snippet_site *site)
{
	for (size_t i = 0; i < site->secret_count; i++) {
		struct str secret = site->secrets[i];

		for (size_t k = 0; k < secret.len; k++)
			if (secret.p[k] < ' ' || secret.p[k] > '~' || k >= SECRET_PLAIN_MAX)
				return true;
	}
	return false;
}

/* The server itself is a proxy to the gateway: on this machine, or one address.  Any other stands before it. */
static bool
has_balancer(const struct snippet *s)
{
	static const struct str local4 = STR_INIT("127."), local6 = STR_INIT("::1/");
	size_t far = 0;

	for (size_t i = 0; i < s->proxy_count; i++) {
		struct str network = snippet_network(s->arena, s->proxies[i]);
		bool one = str_ends(network, str_find(network, ':') == network.len ? STR("/32") : STR("/128"));

		if (!str_starts(network, local4) && !str_starts(network, local6))
			far += one ? 1 : 2;
	}
	return far > 1 || (far == 1 && s->proxy_count > 1);
}

static bool
is_plain_path(const char *path)
{
	static const char plain[] = LETTERS_AND_DIGITS "/._-";

	return path == NULL || path[strspn(path, plain)] == '\0';
}

struct needs {
	unsigned             set;
	const struct place **places;
};

static void
note_need(struct needs *needs, enum snippet_need need, bool there, const struct value *value)
{
	if (there && (needs->set & (1u << need)) == 0)
		needs->places[need] = &value->place;
	if (there)
		needs->set |= 1u << need;
}

unsigned
snippet_needs(const struct snippet *s, const struct place *places[NEED_COUNT])
{
	const struct value *gateway = s->values->gateway.v;
	struct needs needs = { 0, places };

	for (size_t i = 0; i < s->site_count; i++) {
		const struct snippet_site *site = &s->sites[i];
		const struct value *v = site->section->v;

		note_need(&needs, NEED_SECRET_DIGEST, has_digest(site), &v[KEY_BYPASS_SECRET]);
		note_need(&needs, NEED_USER, site->site->rules.user_count > 0, &v[KEY_BYPASS_USER]);
		note_need(&needs, NEED_SHARE, site->site->condition.share > 0, &v[KEY_SHARE]);
		note_need(&needs, NEED_CORS, site->site->rules.cors_origin_count > 0, &v[KEY_CORS_ORIGINS]);
		note_need(
		    &needs, NEED_ENABLED_FROM, site->site->enabled_from != ENABLED_FROM_FILE, &v[KEY_ENABLED_FROM]);
		note_need(&needs, NEED_GLOBS, has_glob(site), &v[KEY_OPEN_PATH]);
		note_need(&needs, NEED_PLAIN_PATHS, !is_plain_path(site->own_flag), &v[KEY_FLAG]);
		note_need(&needs, NEED_TICKETS, site->tickets != NULL, &v[KEY_TICKETS]);
		note_need(&needs, NEED_SITE_PATHS, site->site->path.len > 1, &v[KEY_PATH]);
		note_need(&needs, NEED_DEEP_PATHS, has_deep(&v[KEY_OPEN_PATH]), &v[KEY_OPEN_PATH]);
		note_need(&needs, NEED_DEEP_DEFAULTS, has_deep_default(&v[KEY_OPEN_DEFAULTS]), &v[KEY_OPEN_DEFAULTS]);
		note_need(&needs, NEED_PLAIN_SECRETS, has_odd_secret(site), &v[KEY_BYPASS_SECRET]);
		note_need(&needs, NEED_HOSTS, s->site_count > 1 && site->site->host_count > 0, &v[KEY_HOST]);
	}
	note_need(&needs, NEED_PLAIN_PATHS, !is_plain_path(s->state_dir), &gateway[KEY_STATE_DIR]);
	note_need(&needs, NEED_PLAIN_PATHS, !is_plain_path(s->unix_path), &gateway[KEY_LISTEN]);
	note_need(&needs, NEED_PROXIES, s->proxy_count > 0, &gateway[KEY_TRUSTED_PROXIES]);
	note_need(&needs, NEED_BALANCER, has_balancer(s), &gateway[KEY_TRUSTED_PROXIES]);
	note_need(&needs, NEED_CLIENT_HEADER,
	    s->proxy_count > 0 && !str_eq_nocase(gateway[KEY_CLIENT_HEADER].text, STR("X-Forwarded-For")),
	    &gateway[KEY_CLIENT_HEADER]);
	if (s->policy->window_count > 0) {
		needs.set |= NEED(WINDOWS);
		places[NEED_WINDOWS] = &s->values->windows.first->place;
	}
	return needs.set;
}
