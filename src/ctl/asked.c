/* SPDX-License-Identifier: MIT */
/*
 * From words to a request, and through the steps of a front: normalise, find the site, read its condition, look for a
 * ticket, decide, build the answer.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/asked.h"

static int
wrong(struct asked *asked, const char *sentence)
{
	asked->wrong = sentence;
	return -EINVAL;
}

void
asked_begin(struct asked *asked, struct arena *arena)
{
	memset(asked, 0, sizeof *asked);
	asked->arena = arena;
	asked->raw.dialect = DIALECT_AUTHORIZER;
	asked->raw.whole = true;
	asked->raw.peer = STR("127.0.0.1");
	asked->raw.method = STR("GET");
	asked->raw.target = asked->url = STR("/");
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool
is_method(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '-' || s.p[i] == '_'))
			return false;
	return s.len > 0 && s.len <= 32;
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]) != NULL)
			return false;
	return s.len > 0;
}

static int
add_header(struct asked *asked, struct str name, struct str value)
{
	struct raw_request *raw = &asked->raw;

	if (asked->host_by_url && str_eq(name, STR("HOST"))) {
		asked->host_by_url = false;
		raw->headers[0].value = value;
		return 0;
	}
	if (raw->header_count == REQUEST_HEADERS_MAX)
		return wrong(asked, "more headers than any server lets through");
	raw->headers[raw->header_count++] = (struct raw_header){ name, value };
	return 0;
}

/* "https://host/path?query": what a client makes of it.  A fragment stays with the client. */
static int
take_absolute(struct asked *asked, struct str rest)
{
	size_t end = 0;
	char buffer[HOST_MAX];
	struct str authority, host;
	int rc;

	while (end < rest.len && strchr("/?#", rest.p[end]) == NULL)
		end++;
	authority = str_sub(rest, 0, end);
	if (host_normalise(authority, buffer, &host) != 0)
		return wrong(asked, "expected a host such as shop.example.com in the URL, without a user's name");
	rest = str_sub(rest, end, rest.len);
	rest = str_sub(rest, 0, str_find(rest, '#'));
	asked->raw.target = str_starts(rest, STR("/")) ? rest : arena_printf(asked->arena, "/%.*s", STR_ARG(rest));
	rc = add_header(asked, STR("HOST"), authority);
	asked->host_by_url = rc == 0;
	return rc;
}

/* A ticket's ID is a secret, also where it was typed. */
static struct str
without_ticket(struct str url, struct arena *arena)
{
	size_t question = str_find(url, '?');

	if (!str_contains(str_sub(url, question, url.len), STR(OFFER_NAME)))
		return url;
	return arena_printf(arena, "%.*s?" OFFER_NAME "=...", STR_ARG(str_sub(url, 0, question)));
}

int
asked_target(struct asked *asked, struct str method, struct str url)
{
	if (!is_method(method))
		return wrong(asked, "expected a method in capitals, such as GET or POST");
	asked->raw.method = method;
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f)
			return wrong(asked, "a URL has no blanks or control characters: write %20");
	asked->url = without_ticket(url, asked->arena);
	asked->raw.https = str_eq_nocase(str_sub(url, 0, 8), STR("https://"));
	if (asked->raw.https || str_eq_nocase(str_sub(url, 0, 7), STR("http://")))
		return take_absolute(asked, str_sub(url, asked->raw.https ? 8 : 7, url.len));
	if (!str_starts(url, STR("/")) && !str_eq(url, STR("*")))
		return wrong(asked, "expected a URL such as https://shop.example.com/cart, or a path such as /cart");
	asked->raw.target = url;
	return 0;
}

int
asked_from(struct asked *asked, struct str address)
{
	struct ip_addr parsed;

	if (ip_parse(address, &parsed) != 0)
		return wrong(asked, "expected one address such as 192.0.2.7 or 2001:db8::7 behind \"from\"");
	asked->raw.peer = address;
	return 0;
}

int
asked_header(struct asked *asked, struct str line)
{
	size_t colon = str_find(line, ':');
	struct str name = str_sub(line, 0, colon), cgi;

	/* what is wrong is not repeated: it may be a secret without its name */
	if (colon == line.len || !is_token(name) || has_control(line))
		return wrong(asked, "expected a header as \"Name: value\"");
	cgi = header_cgi_name(name, asked->arena);
	if (cgi.p == NULL)
		return wrong(asked, "out of memory");
	return add_header(asked, cgi, str_trim(str_sub(line, colon + 1, line.len)));
}

static enum server
server_of(struct str software)
{
	if (str_starts(software, STR("lighttpd")))
		return SERVER_LIGHTTPD;
	return str_starts(software, STR("Caddy")) ? SERVER_CADDY : SERVER_OTHER;
}

int
asked_param(struct asked *asked, struct str pair)
{
	size_t equals = str_find(pair, '=');
	struct str name = str_sub(pair, 0, equals), value = str_sub(pair, equals + 1, pair.len);
	int64_t status;

	if (equals < pair.len && str_eq(name, STR("WARDEN_USER")))
		asked->raw.user = value;
	else if (equals < pair.len && str_eq(name, STR("WARDEN_SITE")))
		asked->raw.site = value;
	else if (equals < pair.len && str_eq(name, STR("MAINTENANCE_MODE")))
		asked->raw.enabled = value;
	else if (equals < pair.len && str_eq(name, STR("SERVER_SOFTWARE")))
		asked->raw.server = server_of(value);
	else if (str_eq(name, STR("WARDEN_HOLD_STATUS")) && str_number(value, 400, 599, &status) == 0)
		asked->raw.hold_status = (int)status;
	else
		return wrong(asked, "expected NAME=VALUE with WARDEN_USER, WARDEN_SITE, MAINTENANCE_MODE, "
		    "WARDEN_HOLD_STATUS (400 to 599) or SERVER_SOFTWARE");
	return 0;
}

/* The next word of a line, maybe in double quotes.  1, 0 at the end or a comment, -EINVAL for quotes left open. */
static int
next_word(struct str *rest, struct str *ret)
{
	size_t end = 0;

	*rest = str_trim(*rest);
	if (rest->len == 0 || rest->p[0] == '#')
		return 0;
	if (rest->p[0] == '"') {
		*rest = str_sub(*rest, 1, rest->len);
		end = str_find(*rest, '"');
		*ret = str_sub(*rest, 0, end);
		if (end == rest->len)
			return -EINVAL;
		*rest = str_sub(*rest, end + 1, rest->len);
		return 1;
	}
	while (end < rest->len && rest->p[end] != ' ' && rest->p[end] != '\t')
		end++;
	*ret = str_sub(*rest, 0, end);
	*rest = str_sub(*rest, end, rest->len);
	return 1;
}

static int
take_attribute(struct asked *asked, struct str name, struct str *rest)
{
	struct str value;
	int rc = next_word(rest, &value);

	if (rc < 0)
		return wrong(asked, "a quote is left open");
	if (rc > 0 && str_eq(name, STR("from")))
		return asked_from(asked, value);
	if (rc > 0 && str_eq(name, STR("header")))
		return asked_header(asked, value);
	if (rc > 0 && str_eq(name, STR("user"))) {
		asked->raw.user = value;
		return 0;
	}
	return wrong(asked, "expected METHOD URL [from ADDR] [user NAME] [header \"Name: value\"]...");
}

int
asked_line(struct asked *asked, struct str line)
{
	struct str method = STR("GET"), url = STR_NONE, word;
	struct str rest = line;
	int rc = next_word(&rest, &url);

	if (rc > 0 && is_method(url)) {
		method = url;
		url = STR_NONE;
		rc = next_word(&rest, &url);
	}
	if (rc < 0)
		return wrong(asked, "a quote is left open");
	rc = asked_target(asked, method, url);
	while (rc == 0) {
		int more = next_word(&rest, &word);

		if (more == 0)
			return 0;
		rc = more < 0 ? wrong(asked, "a quote is left open") : take_attribute(asked, word, &rest);
	}
	return rc;
}

struct str
asked_header_name(struct str cgi_name, struct arena *arena)
{
	char *out = arena_alloc(arena, cgi_name.len + 1);
	bool first = true;

	for (size_t i = 0; out != NULL && i < cgi_name.len; i++) {
		char c = cgi_name.p[i];

		out[i] = c == '_' ? '-' : c;
		if (!first && c >= 'A' && c <= 'Z')
			out[i] = (char)(c + 32);
		first = c == '_';
	}
	return (struct str){ out, out != NULL ? cgi_name.len : 0 };
}

size_t
asked_take_option(int *argc, char **argv, const char *name, const char **ret)
{
	size_t count = 0, len = strlen(name);
	int kept = 1, i = 1;

	for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		bool it = strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, name, len) == 0;

		if (it && argv[i][2 + len] == '=')
			ret[count++] = argv[i] + 3 + len;
		else if (it && argv[i][2 + len] == '\0' && i + 1 < *argc)
			ret[count++] = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	for (; i < *argc; i++)
		argv[kept++] = argv[i];
	*argc = kept;
	return count;
}

int
asker_init(struct asker *asker, const struct policy *policy, int64_t now)
{
	*asker = (struct asker){ .policy = policy, .now = now };
	asker->watches.flags = calloc(policy->site_count, sizeof *asker->watches.flags);
	asker->watches.windows = calloc(policy->window_count + 1, sizeof *asker->watches.windows);
	if (asker->watches.flags != NULL && asker->watches.windows != NULL)
		return 0;
	asker_clear(asker);
	return -ENOMEM;
}

void
asker_clear(struct asker *asker)
{
	for (size_t i = 0; asker->watches.flags != NULL && i < asker->policy->site_count; i++)
		flag_watch_clear(&asker->watches.flags[i]);
	free(asker->watches.flags);
	free(asker->watches.windows);
	asker->watches = (struct watches){ NULL, NULL };
}

void
asked_force_on(const struct condition_rules *rules, int64_t now, struct condition *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->on = true;
	ret->source = CONDITION_ALWAYS;
	ret->mode = rules->mode;
	ret->share = rules->share;
	ret->since = now;
	ret->until = TIME_NONE;
	ret->retry_after = -1;
	ret->id = STR("preview");
}

/* As a front reads the parameter: a word that is neither true nor false holds. */
static enum enabled
enabled_by(const struct site *site, const struct raw_request *raw)
{
	if (site->enabled_from != ENABLED_FROM_PARAMETER || raw->enabled.len == 0)
		return site->condition.enabled;
	return str_eq(raw->enabled, STR("false")) ? ENABLED_OFF : ENABLED_ON;
}

static bool
find_ticket(const struct asker *asker, struct arena *arena, struct decided *d)
{
	offers_find(&d->request, &d->offers);
	for (size_t i = 0; i < d->offers.count; i++) {
		const struct offer *offer = &d->offers.v[i];

		if (!ticket_find(d->site->state_dir, d->site->name, offer->id, asker->now, arena, &d->ticket.ticket))
			continue;
		d->ticket.id = offer->id;
		d->ticket.by_link = offer->by_link;
		return true;
	}
	return false;
}

static void
decide_for(struct asker *asker, const struct site *site, struct arena *arena, struct decided *d)
{
	d->site = site;
	d->enabled = enabled_by(site, d->request.raw);
	if (asker->forced && d->enabled != ENABLED_OFF)
		asked_force_on(&site->condition, asker->now, &d->condition);
	else
		condition_read(&asker->watches, &site->condition, d->enabled, asker->now, &d->condition);
	d->has_ticket = d->condition.on && site->tickets && find_ticket(asker, arena, d);
	d->verdict =
	    gate_decide(&site->rules, &d->condition, &d->request, d->has_ticket ? &d->ticket : NULL, &d->trace);
}

struct str
asked_site_name(const struct site *site)
{
	return site->name.len > 0 ? site->name : STR("[site]");
}

static void
note_site(struct decided *d, struct arena *arena)
{
	d->sites = arena_printf(arena, "%.*s%s%.*s %s", STR_ARG(d->sites), d->sites.len > 0 ? ", " : "",
	    STR_ARG(asked_site_name(d->site)), d->verdict.outcome == OUTCOME_HOLD ? "holds" : "passes");
}

/* Others may read path or host in another way: each site that it could mean must let the request pass. */
static void
decide_for_all(struct asker *asker, struct arena *arena, struct decided *d)
{
	const struct policy *policy = asker->policy;
	const struct site *first = policy_site_find(policy, &d->request);

	decide_for(asker, first, arena, d);
	note_site(d, arena);
	for (size_t i = 0; i < policy->site_count && d->verdict.outcome != OUTCOME_HOLD; i++) {
		const struct site *site = &policy->sites[i];

		if (site == first || !policy_site_concerned(policy, site, &d->request))
			continue;
		decide_for(asker, site, arena, d);
		note_site(d, arena);
	}
}

int
asked_decide(struct asker *asker, const struct raw_request *raw, struct arena *arena, struct decided *ret)
{
	memset(ret, 0, sizeof *ret);
	if (request_normalise(raw, &asker->policy->trust, arena, &ret->request) != 0)
		return -E2BIG;
	if (ret->request.odd || ret->request.any_host)
		decide_for_all(asker, arena, ret);
	else
		decide_for(asker, policy_site_find(asker->policy, &ret->request), arena, ret);
	answer_build(&ret->site->answers, &ret->request, &ret->condition, &ret->verdict,
	    ret->has_ticket ? &ret->ticket : NULL, asker->now, arena, &ret->reply);
	ret->passes = ret->verdict.outcome == OUTCOME_LOGIN ? ret->reply.status == 303 :
	    ret->verdict.outcome != OUTCOME_HOLD;
	return 0;
}

const struct values *
asked_values(const char *path, struct arena *arena)
{
	struct values *values = arena_zalloc(arena, 1, sizeof *values);
	struct problems *problems = arena_zalloc(arena, 1, sizeof *problems);

	if (values == NULL || problems == NULL)
		return NULL;
	problems->arena = arena;
	values_load(values, str_of(path), arena, problems);
	return problems->errors == 0 ? values : NULL;
}

const struct section *
asked_section(const struct values *values, struct str site)
{
	for (const struct section *s = values->named.first; s != NULL; s = s->next)
		if (site.len > 0 && str_eq(s->name, site))
			return s;
	return &values->site;
}
