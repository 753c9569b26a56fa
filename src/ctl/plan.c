/* SPDX-License-Identifier: MIT */
/*
 * plan: what a changed INI would decide differently.  The same requests are decided by both, as if maintenance were on;
 * they come from a list, or are made of what stands in the two files.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/asked.h"
#include "ctl/commands.h"
#include "policy/decision.h"

#define LIST_MAX ((size_t)64 << 20)     /* bytes of a list of requests */
#define TEXT_MAX ((size_t)1 << 30)      /* bytes of what is made of both files */
#define WORK_MAX ((size_t)16 << 20)     /* bytes for one request */

struct line {
	struct str text;
	size_t     number;              /* in its file, or the order that it was made in */
};

struct lines {
	struct arena *arena;            /* of the texts */
	struct line  *v;
	size_t        count, size;
	bool          full;             /* out of memory */
};

static void
add_line(struct lines *lines, struct str text, size_t number)
{
	if (lines->count == lines->size) {
		size_t size = lines->size * 2 + 64;
		struct line *more = realloc(lines->v, size * sizeof *more);

		lines->full = lines->full || more == NULL;
		if (more == NULL)
			return;
		lines->v = more;
		lines->size = size;
	}
	lines->full = lines->full || text.p == NULL;
	lines->v[lines->count++] = (struct line){ text, number };
}

static int
by_text(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = strcmp(x->text.p, y->text.p);

	return order != 0 ? order : x->number < y->number ? -1 : x->number > y->number;
}

static int
by_number(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* Made lines end in a NUL: they are in an arena. */
static void
drop_repeats(struct lines *lines)
{
	size_t kept = 0;

	if (lines->full || lines->count == 0)
		return;
	qsort(lines->v, lines->count, sizeof *lines->v, by_text);
	for (size_t i = 0; i < lines->count; i++)
		if (kept == 0 || !str_eq(lines->v[kept - 1].text, lines->v[i].text))
			lines->v[kept++] = lines->v[i];
	lines->count = kept;
	qsort(lines->v, lines->count, sizeof *lines->v, by_number);
}

/* A site as requests are made of it. */
struct maker {
	struct lines         *lines;
	const struct values  *values;
	const struct site    *site;
	const struct section *section;
	struct str            base;     /* "https://shop.example.com", or empty */
	const char           *outsider;
};

static void
make(const struct maker *m, const char *method, struct str path, struct str from, struct str more)
{
	struct lines *lines = m->lines;

	add_line(lines, arena_printf(lines->arena, "%s %.*s%.*s from %.*s%.*s", method, STR_ARG(m->base), STR_ARG(path),
	    STR_ARG(from), STR_ARG(more)), lines->count);
}

/* A path that the rule matches, escaped: a glob's stars become an "x". */
static struct str
example_of(const struct maker *m, struct str rule)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-~!$&'()+,=:@";
	size_t size = rule.len * 3 + 1;
	struct buffer out;

	buffer_init(&out, arena_alloc(m->lines->arena, size), size);
	if (out.data == NULL)
		return STR("/");
	for (size_t i = 0; i < rule.len; i++) {
		if (rule.p[i] == '*')
			buffer_add_char(&out, 'x');
		else if (rule.p[i] != '\0' && strchr(plain, rule.p[i]) != NULL)
			buffer_add_char(&out, rule.p[i]);
		else
			buffer_addf(&out, "%%%02X", (unsigned char)rule.p[i]);
	}
	return buffer_str(&out);
}

static struct str
first_address(struct str network)
{
	return str_sub(network, 0, str_find(network, '/'));
}

static void
make_paths(const struct maker *m)
{
	static const char *const standard[] = {
		"/health", "/.well-known/acme-challenge/x", "/robots.txt", "/favicon.ico",
	};
	const struct value *rules = &m->section->v[KEY_OPEN_PATH];

	for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
		make(m, "GET", str_of(standard[i]), str_of(m->outsider), STR_NONE);
	for (size_t i = 0; i < rules->item_count; i++)
		make(m, "GET", example_of(m, rules->items[i]), str_of(m->outsider), STR_NONE);
}

static void
make_methods(const struct maker *m, struct str path)
{
	for (int method = 0; method < METHOD_OTHER; method++)
		if (method <= METHOD_POST || method_in(m->site->rules.open_methods, (enum method)method))
			make(m, method_name((enum method)method), path, str_of(m->outsider), STR_NONE);
}

static void
make_persons(const struct maker *m, struct str path)
{
	const struct value *networks = &m->section->v[KEY_BYPASS_ADDRESS];

	for (size_t i = 0; i < networks->item_count; i++)
		make(m, "GET", path, first_address(networks->items[i]), STR_NONE);
	for (size_t i = 0; i < m->site->rules.user_count; i++) {
		struct str user = m->site->rules.users[i];

		if (str_find(user, '"') == user.len)
			make(m, "GET", path, str_of(m->outsider),
			    arena_printf(m->lines->arena, " user \"%.*s\"", STR_ARG(user)));
	}
}

/* The header that proxies are believed with, from each of them, for an outsider and for one who may pass. */
static void
make_proxied(const struct maker *m, struct str path)
{
	const struct value *proxies = &m->values->gateway.v[KEY_TRUSTED_PROXIES];
	const struct value *networks = &m->section->v[KEY_BYPASS_ADDRESS];
	struct str header = m->values->gateway.v[KEY_CLIENT_HEADER].text;
	const char *before = str_eq_nocase(header, STR("Forwarded")) ? "for=" : "";
	struct str clients[2] = { str_of(m->outsider), STR_NONE };

	if (networks->item_count > 0)
		clients[1] = first_address(networks->items[0]);
	for (size_t i = 0; i < proxies->item_count; i++) {
		for (size_t k = 0; k < 2; k++) {
			/* in Forwarded an IPv6 address would need quotes of its own */
			if (clients[k].len == 0 || (before[0] != '\0' && str_find(clients[k], ':') < clients[k].len))
				continue;
			make(m, "GET", path, first_address(proxies->items[i]),
			    arena_printf(m->lines->arena, " header \"%.*s: %s%.*s\"", STR_ARG(header), before,
			    STR_ARG(clients[k])));
		}
	}
}

static void
make_site(struct maker *m)
{
	struct str path = example_of(m, m->site->path.len > 0 ? m->site->path : STR("/"));

	make_methods(m, path);
	make_paths(m);
	make_persons(m, path);
	make_proxied(m, path);
}

static void
make_all(struct lines *lines, const struct policy *policy, const struct values *values, const char *outsider)
{
	for (size_t i = 0; i < policy->site_count; i++) {
		const struct site *site = &policy->sites[i];
		struct maker m = { lines, values, site, asked_section(values, site->name), STR_NONE, outsider };

		for (size_t k = 0; k < site->host_count; k++) {
			struct str host = site->hosts[k];
			bool wild = str_starts(host, STR("*."));

			m.base = arena_printf(lines->arena, "https://%s%.*s", wild ? "any." : "",
			    STR_ARG(str_sub(host, wild ? 2 : 0, host.len)));
			make_site(&m);
		}
		if (site->host_count == 0)
			make_site(&m);
	}
}

static bool
known_anywhere(const struct policy *policy, const struct ip_addr *address)
{
	for (size_t i = 0; i < policy->site_count; i++)
		if (cidr_set_match(policy->sites[i].rules.addresses, address) >= 0)
			return true;
	return cidr_set_match(policy->proxies, address) >= 0;
}

/* An address for documentation (RFC 5737, RFC 3849) that neither policy knows; the last where all are known. */
static const char *
find_outsider(const struct policy *before, const struct policy *after)
{
	static const char *const candidates[] = {
		"203.0.113.77", "198.51.100.77", "192.0.2.77", "2001:db8::77", "240.0.0.77",
	};
	struct ip_addr address;
	size_t i = 0;

	for (; i + 1 < sizeof candidates / sizeof *candidates; i++)
		if (ip_parse(str_of(candidates[i]), &address) == 0 && !known_anywhere(before, &address) &&
		    !known_anywhere(after, &address))
			break;
	return candidates[i];
}

static int
make_lines(struct ctl *ctl, const struct policy *after, const char *file, struct lines *lines)
{
	const char *outsider = find_outsider(ctl->policy, after);
	const struct values *old = asked_values(ctl->config, lines->arena), *new = asked_values(file, lines->arena);

	if (old == NULL || new == NULL)
		return ctl_fail(CTL_SYSTEM, "out of memory, or %s changed just now: try again", ctl->config);
	make_all(lines, ctl->policy, old, outsider);
	make_all(lines, after, new, outsider);
	drop_repeats(lines);
	return lines->full ? ctl_fail(CTL_SYSTEM, "out of memory") : 0;
}

static int
read_lines(const char *path, struct lines *lines)
{
	struct str text, line;
	int rc = file_read(path, LIST_MAX, lines->arena, &text, NULL);

	if (rc != 0)
		return ctl_fail(rc == -ENOMEM || rc == -EIO ? CTL_SYSTEM : CTL_USAGE, "cannot read %s: %s", path,
		    strerror(-rc));
	for (size_t number = 1; text.len > 0; number++) {
		size_t end = str_find(text, '\n');

		line = str_trim(str_sub(text, 0, end));
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line = str_sub(line, 0, line.len - 1);
		text = str_sub(text, end + 1, text.len);
		if (line.len > 0 && line.p[0] != '#')
			add_line(lines, line, number);
	}
	return lines->full ? ctl_fail(CTL_SYSTEM, "out of memory") : 0;
}

/* Both sides, and what came of it. */
struct comparison {
	struct ctl   *ctl;
	struct decider before, after;
	struct arena *work;             /* of one request */
	size_t        total, differ;
	json_t       *list;             /* NULL without --json */
};

/* Before the first is decided: a list that is half right is wrong. */
static int
check_lines(struct comparison *c, const struct lines *lines, const char *path)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct asked asked;

		arena_reset(c->work);
		asked_begin(&asked, c->work);
		if (asked_line(&asked, lines->v[i].text) != 0)
			return ctl_fail(CTL_USAGE, "%s:%zu: %s", path, lines->v[i].number, asked.wrong);
	}
	return 0;
}

/* What becomes of one request by one of the two. */
struct side {
	struct request  request;
	struct decision decision;
	struct reply    reply;
};

static bool
same(const struct side *a, const struct side *b)
{
	return a->decision.passes == b->decision.passes && a->decision.verdict.reason == b->decision.verdict.reason &&
	    str_eq(a->decision.site->name, b->decision.site->name) && a->reply.status == b->reply.status;
}

/* "pass (address)", "hold, status 429, site blog": what differs from `other` is said, and the reason of a pass. */
static struct str
side_words(const struct side *d, const struct side *other, struct arena *arena)
{
	struct str status = STR_NONE, site = STR_NONE;

	if (d->decision.passes == other->decision.passes && d->reply.status != other->reply.status)
		status = arena_printf(arena, ", status %d", d->reply.status);
	if (!str_eq(d->decision.site->name, other->decision.site->name))
		site = arena_printf(arena, ", site %.*s", STR_ARG(asked_site_name(d->decision.site)));
	if (d->decision.passes || d->decision.verdict.reason != REASON_HOLD)
		return arena_printf(arena, "%s (%s)%.*s%.*s", d->decision.passes ? "pass" : "hold",
		    reason_word(d->decision.verdict.reason), STR_ARG(status), STR_ARG(site));
	return arena_printf(arena, "hold%.*s%.*s", STR_ARG(status), STR_ARG(site));
}

/* Who asks, and with which headers: their names alone, for one may be a secret. */
static struct str
asker_words(const struct asked *asked)
{
	struct str words = asked->raw.user.len == 0 ? STR("") :
	    arena_printf(asked->arena, " user %.*s", STR_ARG(asked->raw.user));

	for (size_t i = asked->host_by_url ? 1 : 0; i < asked->raw.header_count; i++)
		words = arena_printf(asked->arena, "%.*s header %.*s", STR_ARG(words),
		    STR_ARG(asked_header_name(asked->raw.headers[i].name, asked->arena)));
	return words;
}

static json_t *
side_json(const struct side *d)
{
	return json_pack("{s:s, s:s, s:o, s:i}", "verdict", d->decision.passes ? "pass" : "hold", "reason",
	    reason_word(d->decision.verdict.reason), "site", ctl_json_str(d->decision.site->name), "status",
	    d->reply.status);
}

static void
report(struct comparison *c, const struct asked *asked, const struct side *before, const struct side *after)
{
	struct str words = asker_words(asked);

	c->differ++;
	if (c->list != NULL) {
		(void)json_array_append_new(c->list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "method",
		    ctl_json_str(asked->raw.method), "url", ctl_json_str(asked->url), "from",
		    ctl_json_str(asked->raw.peer), "with", ctl_json_str(str_trim(words)), "before", side_json(before),
		    "after", side_json(after)));
		return;
	}
	ctl_say(c->ctl, "%.*s %.*s from %.*s%.*s: %.*s -> %.*s\n", STR_ARG(asked->raw.method), STR_ARG(asked->url),
	    STR_ARG(asked->raw.peer), STR_ARG(words), STR_ARG(side_words(before, after, c->work)),
	    STR_ARG(side_words(after, before, c->work)));
}

static int
decide(struct comparison *c, struct decider *decider, const struct raw_request *raw, struct side *ret)
{
	if (request_normalise(raw, &decider->policy->trust, c->work, &ret->request) != 0)
		return -ENOMEM;
	decider_decide(decider, &ret->request, c->ctl->now, c->work, &ret->decision, &ret->reply);
	return 0;
}

static int
compare_one(struct comparison *c, struct str line)
{
	struct side before, after;
	struct str only = str_of(c->ctl->site_name);
	struct asked asked;

	arena_reset(c->work);
	asked_begin(&asked, c->work);
	if (asked_line(&asked, line) != 0)
		return ctl_fail(CTL_SYSTEM, "%s", asked.wrong);
	if (decide(c, &c->before, &asked.raw, &before) != 0 || decide(c, &c->after, &asked.raw, &after) != 0)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	if (only.len > 0 && !str_eq(before.decision.site->name, only) && !str_eq(after.decision.site->name, only))
		return 0;
	c->total++;
	if (!same(&before, &after))
		report(c, &asked, &before, &after);
	return 0;
}

static int
compare(struct comparison *c, const struct lines *lines)
{
	int code = 0;

	ctl_say(c->ctl, "decided as if maintenance were on for every site (enabled = off keeps it off)\n");
	for (size_t i = 0; i < lines->count && code == 0; i++)
		code = compare_one(c, lines->v[i].text);
	if (code != 0)
		return code;
	ctl_say(c->ctl, "%zu request%s, %zu differ%s\n", c->total, c->total == 1 ? "" : "s", c->differ,
	    c->differ == 1 ? "s" : "");
	if (c->list != NULL)
		ctl_print_json(json_pack("{s:b, s:I, s:I, s:O}", "forced_on", true, "requests", (json_int_t)c->total,
		    "differ", (json_int_t)c->differ, "differences", c->list));
	return c->differ == 0 ? CTL_YES : CTL_NO;
}

static int
compare_policies(struct ctl *ctl, const struct policy *after, const struct lines *lines, const char *list)
{
	struct comparison c = { .ctl = ctl, .work = arena_new_growing(WORK_MAX) };
	int code;

	if (c.work == NULL || decider_init(&c.before, ctl->policy) != 0)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	if (decider_init(&c.after, after) != 0) {
		code = ctl_fail(CTL_SYSTEM, "out of memory");
	} else {
		c.before.forced = c.after.forced = true;
		c.list = ctl->json ? json_array() : NULL;
		code = list != NULL ? check_lines(&c, lines, list) : 0;
		if (code == 0)
			code = compare(&c, lines);
		decider_clear(&c.after);
	}
	json_decref(c.list);
	decider_clear(&c.before);
	arena_free(c.work);
	return code;
}

static int
load(struct ctl *ctl, const char *file, struct policy **ret)
{
	struct problems problems = { .arena = ctl->arena };
	char text[1024];

	if (policy_compile(str_of(file), NULL, &problems, ret) == 0)
		return 0;
	for (const struct problem *p = problems.first; p != NULL; p = p->next) {
		problem_format(p, text, sizeof text);
		(void)fprintf(stderr, "%s\n", text);
	}
	return ctl_fail(CTL_USAGE, "%s cannot be used; nothing was compared", file);
}

static int
plan(struct ctl *ctl, const char *file, const char *list)
{
	struct lines lines = { .arena = arena_new_growing(TEXT_MAX) };
	struct policy *after = NULL;
	int code = lines.arena == NULL ? ctl_fail(CTL_SYSTEM, "out of memory") : load(ctl, file, &after);

	if (code == 0 && ctl->site_name != NULL &&
	    (ctl->site_name[0] == '\0' || policy_site_named(after, str_of(ctl->site_name)) == NULL) &&
	    ctl_site(ctl) == NULL)
		code = CTL_USAGE;
	if (code == 0)
		code = list != NULL ? read_lines(list, &lines) : make_lines(ctl, after, file, &lines);
	if (code == 0)
		code = compare_policies(ctl, after, &lines, list);
	policy_free(after);
	free(lines.v);
	arena_free(lines.arena);
	return code;
}

int
ctl_plan(struct ctl *ctl, int argc, char **argv)
{
	const char *list = NULL;
	const struct ctl_option options[] = {
		{ "requests", "LIST", &list, NULL,
		    "METHOD URL [from ADDR] [user NAME] [header \"Name: value\"]..., one a line" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 1, 1, &count);

	return code >= 0 ? code : plan(ctl, argv[1], list);
}
