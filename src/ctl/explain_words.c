/* SPDX-License-Identifier: MIT */
/* The words of explain.  A secret, or what was offered for one, is never among them. */
#include "config.h"

#include <string.h>

#include "ctl/explain_words.h"
#include "ctl/standing.h"
#include "rules/share.h"

#define SHOWN_MAX 120                   /* bytes of what came with the request */

/* Made safe for a terminal, and cut. */
static struct str
shown(const struct scene *s, struct str text)
{
	size_t size = 4 * SHOWN_MAX + 8;
	struct buffer out;

	buffer_init(&out, arena_alloc(s->arena, size), size);
	if (out.data == NULL)
		return STR_NONE;
	buffer_add_logged(&out, str_sub(text, 0, SHOWN_MAX));
	if (text.len > SHOWN_MAX)
		buffer_add(&out, STR("..."));
	return buffer_str(&out);
}

static struct str
time_words(const struct scene *s, const char *before, int64_t time)
{
	if (time == TIME_NONE)
		return STR("");
	return arena_printf(s->arena, "%s%.*s", before, STR_ARG(ctl_time(s->ctl, time, s->d.site->answers.zone)));
}

struct str
explain_client(const struct scene *s)
{
	char text[IP_TEXT_MAX];

	ip_format(&s->request.client, text);
	return arena_copy(s->arena, str_of(text));
}

/* "4 networks", "1 network" */
static struct str
count_words(const struct scene *s, size_t count, const char *what)
{
	return arena_printf(s->arena, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

/* The rule that said yes, as it stands in the INI: what it is of, and its text.  Empty where there is none. */
static struct str
entry_text(const struct scene *s, enum key key, int number)
{
	const struct value *value = &s->section->v[key];

	return number >= 0 && (size_t)number < value->item_count ? value->items[number] : STR_NONE;
}

/* The network of bypass_address that the set's answer came from: the one with that prefix that holds the client. */
static int
network_number(const struct scene *s)
{
	const struct value *value = &s->section->v[KEY_BYPASS_ADDRESS];
	const struct ip_addr *client = &s->request.client;
	int wanted = cidr_set_match(s->d.site->rules.addresses, client), found = -1;

	for (size_t i = 0; i < value->item_count && found < 0; i++) {
		struct cidr_set *one = cidr_set_new();

		if (one != NULL && cidr_set_add(one, value->items[i]) == 0) {
			cidr_set_freeze(one);
			if (cidr_set_match(one, client) == wanted)
				found = (int)i;
		}
		cidr_set_free(one);
	}
	return found;
}

int
explain_deciding_rule(const struct scene *s, struct str *ret_text)
{
	int number = s->d.verdict.rule;

	*ret_text = STR_NONE;
	if (s->d.verdict.reason == REASON_ADDRESS) {
		number = network_number(s);
		*ret_text = entry_text(s, KEY_BYPASS_ADDRESS, number);
	} else if (s->d.verdict.reason == REASON_PATH) {
		*ret_text = entry_text(s, KEY_OPEN_PATH, number);
	} else if (s->d.verdict.reason == REASON_USER && number >= 0) {
		*ret_text = s->d.site->rules.users[number];
	}
	return number;
}

static const char *
flag_name(const struct scene *s, const struct flag *flag)
{
	return standing_short_path(s->ctl, flag->path);
}

static bool
flag_is_there(const struct flag *flag)
{
	return atomic_load_explicit(&flag->last, memory_order_relaxed) == FLAG_ON;
}

static size_t
flags_there(const struct condition_rules *rules)
{
	size_t count = 0;

	for (size_t i = 0; i < rules->flag_count; i++)
		count += flag_is_there(rules->flags[i]);
	return count;
}

static struct str
unknown_words(const struct scene *s)
{
	static const char *const words[] = {
		[UNKNOWN_LAST] = "on_unknown = last: a running gateway goes by what it knew, or holds",
		[UNKNOWN_PASS] = "on_unknown = pass", [UNKNOWN_HOLD] = "on_unknown = hold",
	};

	return arena_printf(s->arena, "the state cannot be read, and %s", words[s->d.site->condition.on_unknown]);
}

static struct str
always_words(const struct scene *s)
{
	switch (s->d.site->enabled_from) {
	case ENABLED_FROM_ENVIRONMENT:
		return STR("MAINTENANCE_MODE = true in the environment of this command");
	case ENABLED_FROM_PARAMETER:
		if (s->request.raw->enabled.len > 0)
			return STR("the server's parameter MAINTENANCE_MODE says so");
		break;
	case ENABLED_FROM_FILE:
		break;
	}
	return STR("enabled = on");
}

static struct str
flag_on_words(const struct scene *s)
{
	const struct condition *c = &s->d.condition;
	bool alone = flags_there(&s->d.site->condition) == 1;

	return arena_printf(s->arena, "%s exists%s%.*s%.*s%s", standing_short_path(s->ctl, c->flag),
	    alone ? "" : ", on", STR_ARG(time_words(s, " since ", c->since)),
	    STR_ARG(time_words(s, c->overrun ? ", its end is over: " : ", planned until ", c->until)),
	    c->broken ? "; not all of it is understood" : "");
}

static struct str
why_on(const struct scene *s)
{
	const struct condition *c = &s->d.condition;

	switch (c->source) {
	case CONDITION_FLAG:
		return flag_on_words(s);
	case CONDITION_WINDOW:
		return arena_printf(s->arena, "window %.*s is in force%.*s%.*s", STR_ARG(c->window->id),
		    STR_ARG(time_words(s, " since ", c->since)), STR_ARG(time_words(s, ", until ", c->until)));
	case CONDITION_UNKNOWN:
		return unknown_words(s);
	case CONDITION_ALWAYS:
	case CONDITION_NONE:
		break;
	}
	return always_words(s);
}

/* A flag that is there, and yet it is off. */
static struct str
idle_flag_words(const struct scene *s, const struct flag *flag)
{
	const struct flag_watch *watch = &s->decider.watches.flags[flag->number];

	if (watch->body.window.len > 0)
		return arena_printf(s->arena, "%s stands for window %.*s, which is not in force", flag_name(s, flag),
		    STR_ARG(watch->body.window));
	return arena_printf(s->arena, "%s exists, but its end is over and on_overrun = lift", flag_name(s, flag));
}

static struct str
no_flag_words(const struct scene *s)
{
	const struct condition_rules *rules = &s->d.site->condition;
	const char *windows = rules->window_count > 0 ? ", and no window is in force" : "";

	for (size_t i = rules->flag_count; i-- > 0;)
		if (flag_is_there(rules->flags[i]))
			return idle_flag_words(s, rules->flags[i]);
	if (rules->flag_count == 1)
		return arena_printf(s->arena, "there is no %s%s", flag_name(s, rules->flags[0]), windows);
	return arena_printf(s->arena, "there is neither %s nor %s%s", flag_name(s, rules->flags[1]),
	    flag_name(s, rules->flags[0]), windows);
}

static struct str
why_is_off(const struct scene *s)
{
	const struct site *site = s->d.site;
	bool by_server = site->enabled_from == ENABLED_FROM_PARAMETER;
	struct str words;

	if (s->d.enabled == ENABLED_OFF)
		return by_server && s->request.raw->enabled.len > 0 ?
		    STR("the server's parameter MAINTENANCE_MODE says false") :
		    site->enabled_from == ENABLED_FROM_ENVIRONMENT ?
		    STR("MAINTENANCE_MODE = false in the environment of this command") : STR("enabled = off");
	words = s->d.condition.unknown ? unknown_words(s) : no_flag_words(s);
	return by_server && s->request.raw->enabled.len == 0 ?
	    arena_printf(s->arena, "%.*s; the server may say otherwise: --param MAINTENANCE_MODE=true",
	    STR_ARG(words)) : words;
}

static struct str
why_off(const struct scene *s, bool yes)
{
	return yes ? why_is_off(s) : why_on(s);
}

static struct str
why_endpoint(const struct scene *s, bool yes)
{
	(void)s;
	return yes ? STR("the server goes on to the gateway's own status") :
	    STR("it is not GET or HEAD of /.maintenance/status");
}

static struct str
why_path(const struct scene *s, bool yes)
{
	const struct rules *rules = &s->d.site->rules;
	struct str path = shown(s, s->request.path), text;

	if (yes && explain_deciding_rule(s, &text) >= 0)
		return arena_printf(s->arena, "open_path has %.*s", STR_ARG(text));
	if (yes)
		return arena_printf(s->arena, "%.*s is in open_defaults", STR_ARG(path));
	if (s->request.odd)
		return STR("others may read this path differently, so no rule opens it");
	if (path_set_match(rules->open_defaults, s->request.path) >= 0)
		return arena_printf(s->arena, "%.*s is in open_defaults, for GET and HEAD only", STR_ARG(path));
	return arena_printf(s->arena, "%.*s matches none of %.*s", STR_ARG(path), STR_ARG(count_words(s,
	    path_set_count(rules->open_paths) + path_set_count(rules->open_defaults), "open path")));
}

static struct str
why_method(const struct scene *s, bool yes)
{
	const struct request *request = &s->request;
	struct str method = shown(s, request->raw->method);
	const char *mode = mode_name(s->d.condition.mode);

	if (yes && method_in(s->d.site->rules.open_methods, request->method))
		return arena_printf(s->arena, "open_method has %.*s", STR_ARG(method));
	if (yes && s->d.condition.mode == MODE_READ_ONLY && method_in(METHOD_SET_READ_ONLY, request->method))
		return STR("mode is read-only");
	if (yes)
		return STR("a preflight from an origin in cors_origins");
	return arena_printf(s->arena, "mode is %s%s%s", mode, s->d.condition.mode == MODE_READ_ONLY ?
	    ", and this method may write" : "",
	    s->d.site->rules.open_methods != 0 ? "; open_method does not have it" : "");
}

static struct str
why_address(const struct scene *s, bool yes)
{
	size_t count = cidr_set_count(s->d.site->rules.addresses);
	struct str text;

	if (yes)
		return explain_deciding_rule(s, &text) < 0 ? STR("bypass_address has it") :
		    arena_printf(s->arena, "bypass_address has %.*s", STR_ARG(text));
	if (!s->request.has_client)
		return STR("there is no client address");
	return count == 0 ? STR("bypass_address is empty") :
	    arena_printf(s->arena, "not in bypass_address (%.*s)", STR_ARG(count_words(s, count, "network")));
}

static struct str
why_header(const struct scene *s, bool yes)
{
	const struct rules *rules = &s->d.site->rules;
	struct str name = s->section->v[KEY_BYPASS_HEADER].text;
	const char *words;
	size_t count;
	struct str offered = request_header(&s->request, rules->bypass_header, &count);

	if (yes)
		words = "matches";
	else if (count == 0)
		words = "is absent";
	else if (rules->secret_count == 0)
		words = "came, but bypass_secret is empty";
	else if (count > 1)
		words = "came more than once, so it counts for nothing";
	else
		words = str_trim(offered).len == 0 ? "is empty" : "does not match";
	return arena_printf(s->arena, "%.*s %s", STR_ARG(name), words);
}

static struct str
why_user(const struct scene *s, bool yes)
{
	size_t count = s->d.site->rules.user_count;
	struct str user = s->request.raw->user;

	if (user.len == 0)
		return STR("WARDEN_USER is absent");
	if (!yes && count == 0)
		return STR("bypass_user is empty");
	return arena_printf(s->arena, yes ? "%.*s is in bypass_user (%.*s)" : "%.*s is not in bypass_user (%.*s)",
	    STR_ARG(shown(s, user)), STR_ARG(count_words(s, count, "user")));
}

static struct str
why_found_ticket(const struct scene *s, bool yes)
{
	const struct shown_ticket *ticket = &s->d.ticket;
	struct str id = str_sub(ticket->id, 0, TICKET_SHOWN_LEN);

	if (yes)
		return arena_printf(s->arena, "%.*s... is valid until %.*s", STR_ARG(id),
		    STR_ARG(time_words(s, "", ticket->ticket.until)));
	return arena_printf(s->arena, "%.*s... is for %.*s only%s", STR_ARG(id),
	    STR_ARG(shown(s, ticket->ticket.paths)),
	    s->request.odd ? ", and others may read this path differently" : "");
}

static struct str
why_ticket(const struct scene *s, bool yes)
{
	const struct offers *offers = &s->d.offers;

	if (!s->d.site->tickets)
		return STR("tickets = off");
	if (s->d.has_ticket)
		return why_found_ticket(s, yes);
	if (offers->count == 0)
		return offers->malformed ? STR("what came is no ticket's ID: 32 digits of lower-case hex") :
		    STR("no ticket came with the request");
	if (offers->count > 1)
		return arena_printf(s->arena, "none of the %zu that came is valid here: unknown, revoked or over",
		    offers->count);
	return arena_printf(s->arena, "%.*s... is not valid here: unknown, revoked or over",
	    STR_ARG(str_sub(offers->v[0].id, 0, TICKET_SHOWN_LEN)));
}

static struct str
why_share(const struct scene *s, bool yes)
{
	const struct condition *c = &s->d.condition;
	int place;

	if (c->share == 0)
		return STR("share = 0");
	if (!s->request.has_client)
		return STR("there is no client address");
	place = share_place(&s->request.client, c->id);
	return arena_printf(s->arena, "share = %d, and this client's place is %d: it is admitted %s %d percent",
	    c->share, place, yes ? "from" : "only from", place + 1);
}

struct str
explain_why(const struct scene *s, size_t row)
{
	static struct str (*const why[REASON_COUNT])(const struct scene *, bool) = {
		[REASON_OFF] = why_off, [REASON_ENDPOINT] = why_endpoint, [REASON_PATH] = why_path,
		[REASON_METHOD] = why_method, [REASON_ADDRESS] = why_address, [REASON_HEADER] = why_header,
		[REASON_USER] = why_user, [REASON_TICKET] = why_ticket, [REASON_SHARE] = why_share,
	};
	enum reason reason = s->d.trace.rows[row].reason;

	if (s->d.trace.rows[row].answer == CHECK_SUSPENDED)
		return STR("bypass.off exists; wardenctl bypass on restores it");
	return why[reason](s, s->d.trace.rows[row].answer == CHECK_YES);
}

/* Why the peer itself is the client. */
static struct str
peer_words(const struct scene *s, struct str header, size_t proxies, bool trusted)
{
	if (proxies == 0)
		return arena_printf(s->arena, "trusted_proxies is empty, so %.*s is not read", STR_ARG(header));
	if (!trusted)
		return arena_printf(s->arena, "it is not in trusted_proxies (%.*s), so %.*s is not read",
		    STR_ARG(count_words(s, proxies, "network")), STR_ARG(header));
	return arena_printf(s->arena, "it is a trusted proxy, but no %.*s came", STR_ARG(header));
}

/* Why nobody is the client: only what a trusted proxy sent can be at fault. */
static struct str
no_client_words(const struct scene *s, struct str header)
{
	const struct trust *trust = &s->decider.policy->trust;
	size_t count;

	(void)request_header(&s->request, trust->header, &count);
	if (s->request.raw->server == SERVER_CADDY && count > 0)
		return arena_printf(s->arena, "under Caddy's FastCGI %.*s is not read", STR_ARG(header));
	if (count > 1 && (s->request.raw->server == SERVER_LIGHTTPD || trust->kind == CLIENT_HEADER_SINGLE))
		return arena_printf(s->arena, "%.*s came more than once", STR_ARG(header));
	return arena_printf(s->arena, "%.*s has an entry that is no address", STR_ARG(header));
}

struct str
explain_client_words(const struct scene *s)
{
	const struct request *request = &s->request;
	const struct policy *policy = s->decider.policy;
	struct str header = s->values->gateway.v[KEY_CLIENT_HEADER].text;
	struct ip_addr peer;
	bool trusted = ip_parse(request->raw->peer, &peer) == 0 && cidr_set_match(policy->proxies, &peer) >= 0;

	if (!request->has_client)
		return arena_printf(s->arena, "no client address, so none matches (%.*s)",
		    STR_ARG(no_client_words(s, header)));
	if (!request->by_proxy)
		return arena_printf(s->arena, "the peer itself (%.*s)",
		    STR_ARG(peer_words(s, header, cidr_set_count(policy->proxies), trusted)));
	return arena_printf(s->arena, "taken from %.*s, which the trusted proxy %.*s sent%s", STR_ARG(header),
	    STR_ARG(request->raw->peer), cidr_set_match(policy->proxies, &request->client) >= 0 ?
	    " (all entries are trusted proxies: the leftmost)" : "");
}

struct str
explain_decider_words(const struct scene *s)
{
	const struct condition *c = &s->d.condition;
	struct str text;
	int rule;

	if (s->d.verdict.reason != REASON_HOLD) {
		rule = explain_deciding_rule(s, &text);
		return rule < 0 || text.len == 0 ? STR_NONE :
		    arena_printf(s->arena, ", rule %d: %.*s", rule, STR_ARG(text));
	}
	if (c->source == CONDITION_FLAG)
		return arena_printf(s->arena, ", flag %s", standing_short_path(s->ctl, c->flag));
	if (c->source == CONDITION_WINDOW)
		return arena_printf(s->arena, ", window %.*s", STR_ARG(c->window->id));
	return c->source == CONDITION_UNKNOWN ? STR(", state unknown") : STR(", always on");
}
