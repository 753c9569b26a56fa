/* SPDX-License-Identifier: MIT */
/*
 * explain: what the gateway would decide about a request, and why, check by check.  The decision is the gateway's own,
 * with a trace; the words are drawn from the rules and the request.  A secret, or what was offered for one, is never
 * among them.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/asked.h"
#include "ctl/commands.h"
#include "ctl/standing.h"
#include "policy/decision.h"
#include "rules/share.h"

#define TEXTS_MAX ((size_t)1 << 30)     /* bytes of the INI's lists, as for the policy itself */
#define SHOWN_MAX 120                   /* bytes of what came with the request */

/* All that the words are drawn from. */
struct scene {
	struct ctl           *ctl;
	struct arena         *arena;
	struct decider        decider;
	struct request        request;
	struct decision       d;
	struct reply          reply;
	int64_t               now;
	struct str            sites;    /* "shop passes, blog holds", where several were asked */
	const struct values  *values;
	const struct section *section;
};

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

static struct str
client_text(const struct scene *s)
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

/* The number of the rule, counted from 0 as in the log, and its text; -1 where it cannot be told. */
static int
deciding_rule(const struct scene *s, struct str *ret_text)
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

	if (yes && deciding_rule(s, &text) >= 0)
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
		return deciding_rule(s, &text) < 0 ? STR("bypass_address has it") :
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

static struct str
why_row(const struct scene *s, size_t row)
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

static const char *
answer_word(enum check_answer answer)
{
	if (answer == CHECK_SUSPENDED)
		return "suspended";
	return answer == CHECK_YES ? "yes" : "no";
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

static struct str
client_words(const struct scene *s)
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

/* "flag flags/shop.flag", "rule 2: 10.0.0.0/8": what decided. */
static struct str
decider_words(const struct scene *s)
{
	const struct condition *c = &s->d.condition;
	struct str text;
	int rule;

	if (s->d.verdict.reason != REASON_HOLD) {
		rule = deciding_rule(s, &text);
		return rule < 0 || text.len == 0 ? STR_NONE :
		    arena_printf(s->arena, ", rule %d: %.*s", rule, STR_ARG(text));
	}
	if (c->source == CONDITION_FLAG)
		return arena_printf(s->arena, ", flag %s", standing_short_path(s->ctl, c->flag));
	if (c->source == CONDITION_WINDOW)
		return arena_printf(s->arena, ", window %.*s", STR_ARG(c->window->id));
	return c->source == CONDITION_UNKNOWN ? STR(", state unknown") : STR(", always on");
}

static void
say_doubts(const struct scene *s)
{
	const struct request *request = &s->request;
	const char *what = request->odd ? request->any_host ? "path and host" : "path" : "host";

	if (!request->odd && !request->any_host)
		return;
	ctl_say(s->ctl, "  others may read this %s differently: %severy site of the %s counts, and each must let it "
	    "pass\n", what, request->odd ? "no path rule opens it, " : "", request->any_host ? "gateway" : "host");
	ctl_say(s->ctl, "  asked: %.*s\n", STR_ARG(s->sites));
}

static void
say_answer(const struct scene *s)
{
	struct str type = reply_find(&s->reply, STR("Content-Type"));
	struct str retry = reply_find(&s->reply, STR("Retry-After"));

	ctl_say(s->ctl, "  answer %d", s->reply.status);
	if (s->reply.status == 303)
		ctl_say(s->ctl, ": the same address without the ticket, and the ticket as a cookie\n");
	else if (s->d.passes)
		ctl_say(s->ctl, ": the server goes on with the request\n");
	else
		ctl_say(s->ctl, ", %.*s%s%.*s\n", STR_ARG(type.len > 0 ? str_sub(type, 0, str_find(type, ';')) :
		    STR("no body")), retry.len > 0 ? ", Retry-After " : "", STR_ARG(retry));
}

static void
say(const struct scene *s)
{
	struct ctl *ctl = s->ctl;
	struct str client = s->request.has_client ? client_text(s) : STR_NONE;
	char text[TIME_TEXT_MAX];

	ctl_say(ctl, "%s%s%s  %s (site %.*s%.*s)\n", s->d.passes ? ctl_green(ctl) : ctl_red(ctl),
	    s->d.passes ? "PASS" : "HOLD", ctl_plain(ctl), reason_sentence(s->d.verdict.reason),
	    STR_ARG(asked_site_name(s->d.site)), STR_ARG(decider_words(s)));
	if (s->now != ctl->now)
		ctl_say(ctl, "  at %.*s, with the flags that are there now\n",
		    STR_ARG(time_format_local(s->now, s->d.site->answers.zone, text)));
	ctl_say(ctl, "  %s%.*s%s%.*s\n", client.len > 0 ? "client " : "", STR_ARG(client), client.len > 0 ? ", " : "",
	    STR_ARG(client_words(s)));
	say_doubts(s);
	for (size_t i = 0; i < s->d.trace.count; i++) {
		enum check_answer answer = s->d.trace.rows[i].answer;

		/* that a request is not for the gateway itself goes without saying */
		if (s->d.trace.rows[i].reason == REASON_ENDPOINT && answer == CHECK_NO)
			continue;
		ctl_say(ctl, "  %-25s %-5s %.*s\n", reason_sentence(s->d.trace.rows[i].reason), answer_word(answer),
		    STR_ARG(why_row(s, i)));
	}
	say_answer(s);
}

static json_t *
checks_json(const struct scene *s)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < s->d.trace.count; i++)
		(void)json_array_append_new(checks, json_pack("{s:s, s:s, s:o}", "name",
		    reason_word(s->d.trace.rows[i].reason), "outcome", answer_word(s->d.trace.rows[i].answer), "why",
		    ctl_json_str(why_row(s, i))));
	return checks;
}

static void
print_json(const struct scene *s)
{
	const struct decision *d = &s->d;
	json_t *o = json_object();
	int64_t retry = 0;
	struct str text;
	int rule = deciding_rule(s, &text);

	(void)json_object_set_new(o, "verdict", json_string(d->passes ? "pass" : "hold"));
	(void)json_object_set_new(o, "reason", json_string(reason_word(d->verdict.reason)));
	(void)json_object_set_new(o, "rule", rule >= 0 ? json_integer(rule) : json_null());
	(void)json_object_set_new(o, "rule_text", ctl_json_str(text));
	(void)json_object_set_new(o, "site", ctl_json_str(d->site->name));
	(void)json_object_set_new(o, "id", ctl_json_str(d->condition.id));
	(void)json_object_set_new(o, "client", ctl_json_str(s->request.has_client ? client_text(s) : STR_NONE));
	(void)json_object_set_new(o, "client_why", ctl_json_str(client_words(s)));
	(void)json_object_set_new(o, "ambiguous", json_boolean(s->request.odd || s->request.any_host));
	(void)json_object_set_new(o, "checks", checks_json(s));
	(void)json_object_set_new(o, "status", json_integer(s->reply.status));
	(void)json_object_set_new(o, "content_type", ctl_json_str(reply_find(&s->reply, STR("Content-Type"))));
	(void)json_object_set_new(o, "retry_after", str_number(reply_find(&s->reply, STR("Retry-After")), 0, INT32_MAX,
	    &retry) == 0 ? json_integer((json_int_t)retry) : json_null());
	(void)json_object_set_new(o, "at", ctl_json_time(s->now));
	ctl_print_json(o);
}

/* What the options say; the lists have room for all arguments. */
struct wanted {
	const char  *from, *user, *at;
	const char **headers, **params;
	size_t       header_count, param_count;
};

static int
build_request(struct ctl *ctl, const struct wanted *wanted, int count, char **argv, struct asked *asked)
{
	int rc;

	asked_begin(asked, ctl->arena);
	rc = asked_target(asked, count > 1 ? str_of(argv[1]) : STR("GET"), str_of(argv[count]));
	if (rc != 0)
		return ctl_fail(CTL_USAGE, "%s", asked->wrong);
	if (wanted->from != NULL && asked_from(asked, str_of(wanted->from)) != 0)
		return ctl_fail(CTL_USAGE, "--from: expected one address such as 192.0.2.7 or 2001:db8::7");
	for (size_t i = 0; i < wanted->header_count; i++)
		if (asked_header(asked, str_of(wanted->headers[i])) != 0)
			return ctl_fail(CTL_USAGE, "--header: %s", asked->wrong);
	if (ctl->site_name != NULL)
		asked->raw.site = str_of(ctl->site_name);
	for (size_t i = 0; i < wanted->param_count; i++)
		if (asked_param(asked, str_of(wanted->params[i])) != 0)
			return ctl_fail(CTL_USAGE, "--param: %s", asked->wrong);
	if (wanted->user != NULL)
		asked->raw.user = str_of(wanted->user);
	return 0;
}

/* --at, in the zone of the site that the request is for. */
static int
find_time(struct ctl *ctl, const struct raw_request *raw, const char *at, int64_t *ret)
{
	struct request request;

	*ret = ctl->now;
	if (at == NULL)
		return 0;
	if (request_normalise(raw, &ctl->policy->trust, ctl->arena, &request) != 0)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	if (ctl_parse_time(ctl, at, ctl->now, policy_site_find(ctl->policy, &request)->answers.zone, ret) != 0)
		return ctl_fail(CTL_USAGE, "--at %s: expected a time such as \"2026-12-15 04:00\", 04:00 or +30m", at);
	return 0;
}

static void
note_site(void *context, const struct decision *d, int64_t now)
{
	struct scene *s = context;

	(void)now;
	s->sites = arena_printf(s->arena, "%.*s%s%.*s %s", STR_ARG(s->sites), s->sites.len > 0 ? ", " : "",
	    STR_ARG(asked_site_name(d->site)), d->verdict.outcome == OUTCOME_HOLD ? "holds" : "passes");
}

static int
explain(struct scene *s, const struct raw_request *raw)
{
	if (request_normalise(raw, &s->ctl->policy->trust, s->arena, &s->request) != 0)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	s->decider.asked = note_site;
	s->decider.context = s;
	decider_decide(&s->decider, &s->request, s->now, s->arena, &s->d, &s->reply);
	s->section = asked_section(s->values, s->d.site->name);
	if (s->ctl->json)
		print_json(s);
	else
		say(s);
	return s->d.passes ? CTL_YES : CTL_NO;
}

static int
run(struct ctl *ctl, const struct wanted *wanted, int count, char **argv)
{
	struct scene scene = { .ctl = ctl, .arena = ctl->arena };
	struct arena *texts;
	struct asked asked;
	int code = build_request(ctl, wanted, count, argv, &asked);

	if (code == 0)
		code = find_time(ctl, &asked.raw, wanted->at, &scene.now);
	if (code != 0)
		return code;
	texts = arena_new_growing(TEXTS_MAX);
	if (texts != NULL)
		scene.values = asked_values(ctl->config, texts);
	if (scene.values == NULL || decider_init(&scene.decider, ctl->policy) != 0) {
		arena_free(texts);
		return ctl_fail(CTL_SYSTEM, "out of memory, or %s changed just now: try again", ctl->config);
	}
	code = explain(&scene, &asked.raw);
	decider_clear(&scene.decider);
	arena_free(texts);
	return code;
}

int
ctl_explain(struct ctl *ctl, int argc, char **argv)
{
	size_t room = (size_t)argc + 1;
	struct wanted wanted = {
		.headers = arena_zalloc(ctl->arena, room, sizeof *wanted.headers),
		.params = arena_zalloc(ctl->arena, room, sizeof *wanted.params),
	};
	const char *repeated;           /* taken before: these rows are for the help */
	const struct ctl_option options[] = {
		{ "from", "ADDR", &wanted.from, NULL, "the peer's address; 127.0.0.1 without it" },
		{ "header", "\"Name: value\"", &repeated, NULL, "a header, as often as needed" },
		{ "user", "NAME", &wanted.user, NULL, "the user that the server has verified (WARDEN_USER)" },
		{ "param", "NAME=VALUE", &repeated, NULL, "what else the server says, such as MAINTENANCE_MODE" },
		{ "at", "TIME", &wanted.at, NULL, "decide as of then, with the flags that are there now" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code;

	if (wanted.headers == NULL || wanted.params == NULL)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	wanted.header_count = asked_take_option(&argc, argv, "header", wanted.headers);
	wanted.param_count = asked_take_option(&argc, argv, "param", wanted.params);
	code = ctl_parse(ctl, options, argc, argv, 1, 2, &count);
	if (code >= 0)
		return code;
	if (ctl->site_name != NULL && ctl_site(ctl) == NULL)
		return CTL_USAGE;
	return run(ctl, &wanted, count, argv);
}
