/* SPDX-License-Identifier: MIT */
/*
 * Apache.  mod_rewrite judges by itself, in a <VirtualHost> or in a shared host's .htaccess.  The rules are read from
 * top to bottom; a request that passes skips to the end, so that the site's own rules behind them still work.
 */
#include "config.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/ip.h"
#include "ctl/rewrite_rules.h"
#include "ctl/snippet.h"

/* Only the first pass decides: mod_dir, the site's own rules and error pages ask again for another path. */
#define DECIDED "MW_PASS"

/* All that is written for one snippet. */
struct gate {
	struct snippet      *s;
	struct rewrite_rules rules;
	bool                 htaccess;
	bool                 many;      /* sites: which of them a request belongs to is a question */
	struct rewrite_place passed, end;
};

#define PLAIN "letters, digits and /._+,@=:~-"

/* Letters, digits and what stands for itself in every quoting that a socket's or a program's path goes through. */
static bool
is_plain(const char *path)
{
	return path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+,@=:~-")] == '\0';
}

/* Where held requests go; printed behind "RewriteRule ^". */
static const char *
target(const struct snippet *s)
{
	return s->unix_path != NULL ? arena_printf(s->arena, "\"unix:%s|fcgi://warden/\"", s->unix_path).p :
	    arena_printf(s->arena, "\"fcgi://%s/\"", s->address).p;
}

/* --- conditions --- */

static void
regex_condition(struct gate *g, const char *what, const char *regex, const char *flags)
{
	rewrite_line(&g->rules, "RewriteCond %s \"%s\"%s", what, rewrite_regex(g->s->arena, regex), flags);
}

static void
file_condition(struct gate *g, const char *path, bool there, const char *flags)
{
	rewrite_line(&g->rules, "RewriteCond expr \"%s-e '%s'\"%s", there ? "" : "! ",
	    rewrite_expr_path(g->s->arena, path), flags);
}

/* `network` as Apache takes it, for an expr: IPv4 in the mapped form is IPv4, and it knows no /0. */
static const char *
in_network(struct arena *arena, const char *test, struct str network)
{
	size_t slash = str_find(network, '/');
	struct str address = str_sub(network, 0, slash);
	struct ip_addr ip;
	char name[IP_TEXT_MAX];
	int64_t bits = -1;

	if (ip_parse(address, &ip) != 0)
		return "false";         /* the policy has no such entry */
	ip_format(&ip, name);
	if (slash < network.len)
		(void)str_number(str_sub(network, slash + 1, network.len), 0, 128, &bits);
	if (bits >= 96 && ip_is_v4(&ip) && str_find(address, ':') < address.len)
		bits -= 96;
	if (bits < 0)
		return arena_printf(arena, "%s '%s'", test, name).p;
	if (bits > 0)
		return arena_printf(arena, "%s '%s/%d'", test, name, (int)bits).p;
	return ip_is_v4(&ip) ? arena_printf(arena, "%s '0.0.0.0/1' || %s '128.0.0.0/1'", test, test).p :
	    arena_printf(arena, "%s '::/1' || %s '8000::/1'", test, test).p;
}

/* --- which requests --- */

/* The state as JSON is never held. */
static void
write_status(struct gate *g)
{
	rewrite_line(&g->rules, "# the state as JSON: never held");
	rewrite_line(&g->rules, "RewriteCond %%{THE_REQUEST} \"^(?:GET|HEAD) "
	    "(?:(?i:https?)://[^/? ]*)?/\\.maintenance/status(?:[? ]|$)\"");
	if (g->htaccess) {
		rewrite_line(&g->rules, "RewriteCond %%{REQUEST_URI} ^/\\.maintenance/status$");
		rewrite_rule(&g->rules, arena_printf(g->s->arena, "^ %s", g->s->cgi).p, "END");
		return;
	}
	rewrite_rule(&g->rules, arena_printf(g->s->arena, "^/\\.maintenance/status$ %s", target(g->s)).p,
	    "P,L,E=WARDEN_MODE:render");
}

/*
 * A shared host's Apache reads .htaccess for each request, and making the expressions costs more than all else.  Where
 * one flag alone is asked for it need not even read them.
 */
static bool
has_one_flag(const struct gate *g)
{
	const struct snippet *s = g->s;

	return g->htaccess && s->site_count == 1 && s->sites[0].own_flag == NULL &&
	    s->sites[0].site->condition.enabled == ENABLED_AUTO && is_plain(s->global_flag);
}

/* While no site has a flag, nothing else is looked at. */
static void
write_off(struct gate *g)
{
	struct snippet *s = g->s;

	for (size_t i = 0; i < s->site_count; i++)
		if (s->sites[i].site->condition.enabled == ENABLED_ON)
			return;
	if (has_one_flag(g)) {
		rewrite_line(&g->rules, "\n# off: nothing more is even read\n<IfFile \"%s\">", s->global_flag);
		return;
	}
	rewrite_line(&g->rules, "\n# off: nothing more is looked at");
	file_condition(g, s->global_flag, false, "");
	for (size_t i = 0; i < s->site_count; i++)
		if (s->sites[i].own_flag != NULL && s->sites[i].site->condition.enabled == ENABLED_AUTO)
			file_condition(g, s->sites[i].own_flag, false, "");
	rewrite_skip(&g->rules, &g->end, "");
}

static void
write_decided(struct gate *g)
{
	rewrite_line(&g->rules, "\n# the same request again, for another path: it has passed");
	rewrite_line(&g->rules, "RewriteCond %%{ENV:" DECIDED "}%%{ENV:REDIRECT_" DECIDED "} 1");
	rewrite_skip(&g->rules, &g->passed, "");
}

static bool
has_open_paths(const struct snippet *s)
{
	for (size_t i = 0; i < s->site_count; i++)
		if (s->sites[i].open_path != NULL || s->sites[i].open_read != NULL)
			return true;
	return false;
}

static void
write_odd(struct gate *g)
{
	if (!g->many && !has_open_paths(g->s))
		return;
	rewrite_line(&g->rules, "\n# a target that can be read in two ways is opened by no path%s",
	    g->many ? ", and belongs to each site of its host" : "");
	rewrite_line(&g->rules, "RewriteCond %%{THE_REQUEST} \"^\\S+ (?:https?://[^/? ]*)?+"
	    "(?:(?!/)|[^? ]*%s|[^? ]*/(?:[.]|%%2e){1,2} )\" [NC]", SNIPPET_ODD_TARGET);
	rewrite_rule(&g->rules, "^ -", "E=MW_ODD:1");
}

/* --- the client behind trusted proxies --- */

#define CLIENT "%{reqenv:MW_CLIENT} -ipmatch"   /* only ever asked of an address: it would look a name up */
#define NO_CLIENT "none"
#define HOPS 5                                  /* trusted proxies one behind another; behind more is no client */

/* As base/ip.c reads an address in such a header: with a port or without, and no leading zeros. */
#define OCTET "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define V4    OCTET "(?:[.]" OCTET "){3}"
#define V6    "(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|::ffff:" V4 "|" \
	"(?=(?:[0-9a-f]*:){2,7}[0-9a-f]*(?![0-9a-f:]))" \
	"(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)"
#define PORT  "(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5]?[0-9]{1,4}))?"

static const char *
not_trusted(const struct snippet *s)
{
	const char *all = NULL;

	for (size_t i = 0; i < s->proxy_count; i++) {
		const char *one = in_network(s->arena, CLIENT, s->proxies[i]);

		all = all == NULL ? one : arena_printf(s->arena, "%s || %s", all, one).p;
	}
	return arena_printf(s->arena, "! (%s)", all).p;
}

/* One step to the left: MW_VIA loses its last entry, which becomes the client. */
static void
write_hop(struct gate *g, const char *stop, const char *comma, const struct rewrite_place *found)
{
	rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_VIA} ^$ [OR]");
	rewrite_line(&g->rules, "RewriteCond expr \"%s\"", stop);
	rewrite_skip(&g->rules, found, "");
	/* the branch that did not match leaves its group empty */
	rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_VIA} \"!^(?:.*,)?[ \\t]*(?:" V4 PORT "|" V6 "|\\[" V6 "\\]" PORT
	    ")[ \\t]*%s$\" [NC]", comma);
	rewrite_skip(&g->rules, found, "E=MW_CLIENT:" NO_CLIENT);
	rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_VIA} \"^((?:.*,)?)[ \\t]*(?:(" V4 ")" PORT "|\\[?(" V6 ")(?:\\]"
	    PORT ")?)[ \\t]*%s$\" [NC]", comma);
	rewrite_rule(&g->rules, "^ -", "E=MW_VIA:%1,E=MW_CLIENT:%2%3");
}

/* X-Forwarded-For from the right, past trusted proxies: gate/client.c.  What cannot be read ends in no client. */
static void
write_client(struct gate *g)
{
	struct rewrite_place *found = arena_zalloc(g->s->arena, 1, sizeof *found);
	const char *stop = not_trusted(g->s);

	if (g->s->proxy_count == 0 || found == NULL)
		return;
	rewrite_line(&g->rules, "\n# the client: REMOTE_ADDR, or what trusted_proxies say in X-Forwarded-For");
	rewrite_rule(&g->rules, "^ -", "E=MW_CLIENT:%{REMOTE_ADDR},E=MW_VIA:%{HTTP:X-Forwarded-For}");
	for (int i = 0; i < HOPS; i++)
		write_hop(g, stop, i == 0 ? "" : ",", found);
	rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_VIA} !^$");
	rewrite_line(&g->rules, "RewriteCond expr \"! %s\"", stop);
	rewrite_rule(&g->rules, "^ -", "E=MW_CLIENT:" NO_CLIENT);
	rewrite_here(&g->rules, found);
}

/* --- which site --- */

static const char *
belongs(const struct gate *g, const struct snippet_site *site)
{
	return arena_printf(g->s->arena, "E=MW_IN_%s:1", site->label).p;
}

static bool
has_hosts(const struct snippet *s)
{
	for (size_t i = 0; i < s->scope_count; i++)
		if (s->scopes[i].host != NULL)
			return true;
	return false;
}

/* The first scope that matches; the last takes the rest. */
static void
write_scopes(struct gate *g)
{
	struct snippet *s = g->s;
	struct rewrite_place known;

	rewrite_line(&g->rules, "\n# which site it belongs to");
	known.number = g->rules.count + s->scope_count;
	for (size_t i = 0; i < s->scope_count; i++) {
		const struct snippet_scope *scope = &s->scopes[i];

		if (scope->host != NULL)
			regex_condition(g, "%{HTTP_HOST}", scope->host, " [NC]");
		if (scope->path != NULL)
			regex_condition(g, "%{REQUEST_URI}", scope->path, "");
		if (i + 1 < s->scope_count) {
			struct rewrite_place *to = arena_zalloc(s->arena, 1, sizeof *to);

			if (to != NULL)
				*to = known;
			rewrite_skip(&g->rules, to, belongs(g, scope->site));
		} else {
			rewrite_rule(&g->rules, "^ -", belongs(g, scope->site));
		}
	}
}

/* A host that can be read in two ways belongs to every site. */
static void
write_any_host(struct gate *g)
{
	const char *all = NULL;

	for (size_t i = 0; i < g->s->site_count; i++)
		all = all == NULL ? belongs(g, &g->s->sites[i]) :
		    arena_printf(g->s->arena, "%s,%s", all, belongs(g, &g->s->sites[i])).p;
	rewrite_line(&g->rules, "RewriteCond %%{HTTP_HOST} "
	    "\"!^(?:[a-z0-9_-]+(?:[.][a-z0-9_-]+)*[.]?|\\[[0-9a-f:.]+\\])(?::[0-9]{0,5})?$\" [NC]");
	rewrite_rule(&g->rules, "^ -", all);
}

/* An odd target belongs to the site, if its host does. */
static void
write_odd_site(struct gate *g, const struct snippet_site *site)
{
	const struct snippet *s = g->s;
	bool any = false;
	size_t hosts = 0;

	for (size_t i = 0; i < s->scope_count; i++) {
		any = any || (s->scopes[i].site == site && s->scopes[i].host == NULL);
		hosts += s->scopes[i].site == site;
	}
	if (hosts == 0)
		return;                 /* [site], where another is the default */
	rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_ODD} =1");
	for (size_t i = 0; i < s->scope_count && !any; i++)
		if (s->scopes[i].site == site)
			regex_condition(g, "%{HTTP_HOST}", s->scopes[i].host, --hosts > 0 ? " [NC,OR]" : " [NC]");
	rewrite_rule(&g->rules, "^ -", belongs(g, site));
}

static void
write_belongs(struct gate *g)
{
	write_scopes(g);
	for (size_t i = 0; i < g->s->site_count; i++)
		write_odd_site(g, &g->s->sites[i]);
	if (has_hosts(g->s))
		write_any_host(g);
}

/* --- what lets pass --- */

static void
write_paths(struct gate *g, const struct snippet_site *site, const struct rewrite_place *pass)
{
	if (site->open_read != NULL || site->open_path != NULL)
		rewrite_line(&g->rules, "# always open");
	if (site->open_read != NULL) {
		rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_ODD} !=1");
		rewrite_line(&g->rules, "RewriteCond %%{REQUEST_METHOD} ^(?:GET|HEAD)$");
		regex_condition(g, "%{REQUEST_URI}", site->open_read, "");
		rewrite_skip(&g->rules, pass, "");
	}
	if (site->open_path != NULL) {
		rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_ODD} !=1");
		regex_condition(g, "%{REQUEST_URI}", site->open_path, "");
		rewrite_skip(&g->rules, pass, "");
	}
	if (site->open_method != NULL) {
		regex_condition(g, "%{REQUEST_METHOD}", site->open_method, "");
		rewrite_skip(&g->rules, pass, "");
	}
}

static void
write_addresses(struct gate *g, const struct snippet_site *site, const struct rewrite_place *pass)
{
	bool behind = g->s->proxy_count > 0;

	if (site->address_count == 0)
		return;
	if (behind)
		rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_CLIENT} !=" NO_CLIENT);
	for (size_t i = 0; i < site->address_count; i++)
		rewrite_line(&g->rules, "RewriteCond expr \"%s\"%s",
		    in_network(g->s->arena, behind ? CLIENT : "-R", site->addresses[i]),
		    i + 1 < site->address_count ? " [OR]" : "");
	rewrite_skip(&g->rules, pass, "");
}

static void
write_secrets(struct gate *g, const struct snippet_site *site, const struct rewrite_place *pass)
{
	for (size_t i = 0; i < site->secret_count; i++) {
		rewrite_line(&g->rules, "RewriteCond %%{HTTP:%s} \"%s\" [NV]", site->bypass_header,
		    rewrite_exactly(g->s->arena, site->secrets[i]));
		rewrite_skip(&g->rules, pass, "");
	}
}

/* A ticket is a file of its ID's name.  Of cookies of one name the first and the last are tried. */
static void
write_tickets(struct gate *g, const struct snippet_site *site, const struct rewrite_place *pass)
{
	static const char *const offers[] = {
		"%{HTTP:X-Maintenance-Ticket} \"^([0-9a-f]{32})$\"",
		"%{HTTP_COOKIE} \"(?:^|[;,])[ \\t]*maintenance_ticket=([0-9a-f]{32})[ \\t]*(?:[;,]|$)\"",
		"%{HTTP_COOKIE} \"^.*[;,][ \\t]*maintenance_ticket=([0-9a-f]{32})[ \\t]*(?:[;,]|$)\"",
	};
	const char *any = g->s->any_tickets;

	for (size_t i = 0; site->tickets != NULL && i < sizeof offers / sizeof *offers; i++) {
		bool own = strcmp(site->tickets, any) != 0;

		rewrite_line(&g->rules, "RewriteCond %s [NV]", offers[i]);
		rewrite_line(&g->rules, "RewriteCond \"%s/%%1\" -f%s", rewrite_path(g->s->arena, any),
		    own ? " [OR]" : "");
		if (own)
			rewrite_line(&g->rules, "RewriteCond \"%s/%%1\" -f", rewrite_path(g->s->arena, site->tickets));
		rewrite_skip(&g->rules, pass, "");
	}
}

static void
write_persons(struct gate *g, const struct snippet_site *site, const struct rewrite_place *pass,
    const struct rewrite_place *held)
{
	if (site->address_count + site->secret_count == 0 && site->tickets == NULL)
		return;
	rewrite_line(&g->rules, "# who reaches the site");
	file_condition(g, g->s->bypass_off, true, "");
	rewrite_skip(&g->rules, held, "");
	write_addresses(g, site, pass);
	write_secrets(g, site, pass);
	write_tickets(g, site, pass);
}

/* --- a site --- */

/*
 * The rule that leads `path` to the page of `site`, or where that is NULL of the one that the gateway finds.  An error
 * page's program finds what is set here under REDIRECT_.
 */
static void
write_page(struct gate *g, const char *path, const struct snippet_site *site)
{
	struct arena *arena = g->s->arena;
	const char *named = site != NULL && site->name[0] != '\0' ?
	    arena_printf(arena, ",E=WARDEN_SITE:%s", site->name).p : "";

	if (g->htaccess)
		rewrite_rule(&g->rules, "^ -", arena_printf(arena, "R=503,L,E=" DECIDED ":1%s", named).p);
	else
		rewrite_rule(&g->rules, arena_printf(arena, "%s %s", path, target(g->s)).p,
		    arena_printf(arena, "P,L,E=WARDEN_MODE:render%s", named).p);
}

/* The end of all rules. */
static void
write_passed(struct gate *g)
{
	rewrite_line(&g->rules, "\n# passed");
	rewrite_rule(&g->rules, "^ -", "E=" DECIDED ":1");
	rewrite_here(&g->rules, &g->end);
}

/* Several sites: only if it belongs to this one, and this one is on.  One: that has been asked. */
static void
write_whether(struct gate *g, const struct snippet_site *site, const struct rewrite_place *next)
{
	rewrite_line(&g->rules, "\n# [site%s%s]", site->name[0] != '\0' ? "." : "", site->name);
	if (!g->many)
		return;
	rewrite_line(&g->rules, "RewriteCond %%{ENV:MW_IN_%s} !=1", site->label);
	rewrite_skip(&g->rules, next, "");
	if (site->site->condition.enabled == ENABLED_ON)
		return;
	file_condition(g, g->s->global_flag, false, "");
	if (site->own_flag != NULL)
		file_condition(g, site->own_flag, false, "");
	rewrite_skip(&g->rules, next, "");
}

static bool
write_site(struct gate *g, const struct snippet_site *site)
{
	/* [0] behind the site, where what passes goes on; [1] at the rule that holds */
	struct rewrite_place *places = arena_zalloc(g->s->arena, 2, sizeof *places);

	if (places == NULL)
		return false;
	if (site->site->condition.enabled == ENABLED_OFF)
		return true;
	write_whether(g, site, &places[0]);
	write_paths(g, site, &places[0]);
	write_persons(g, site, &places[0], &places[1]);
	rewrite_here(&g->rules, &places[1]);
	rewrite_line(&g->rules, "# all others");
	write_page(g, "^", site);
	rewrite_here(&g->rules, &places[0]);
	return true;
}

static bool
write_gate(struct gate *g, FILE *out)
{
	struct snippet *s = g->s;
	bool whole = true;

	rewrite_init(&g->rules, s->arena);
	write_status(g);
	write_off(g);
	write_decided(g);
	write_odd(g);
	write_client(g);
	if (g->many)
		write_belongs(g);
	for (size_t i = 0; i < s->site_count; i++)
		whole = write_site(g, &s->sites[i]) && whole;
	rewrite_here(&g->rules, &g->passed);
	write_passed(g);
	if (has_one_flag(g))
		rewrite_line(&g->rules, "</IfFile>");
	return rewrite_print(&g->rules, out) && whole;
}

/* --- the gateway asked by a RewriteMap --- */

/* The program that stands where wardenctl does. */
static const char *
gateway_program(const struct snippet *s)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path);
	struct str own = { path, len > 0 ? (size_t)len : 0 };

	return arena_printf(s->arena, "%.*s/maintenance-warden", STR_ARG(str_sub(own, 0, str_find_last(own, '/')))).p;
}

/* " NAME=VALUE", escaped: then no byte of it is a blank, a newline, or anything to Apache. */
static struct str
add_field(const struct snippet *s, struct str so_far, const char *name, const char *variable)
{
	return arena_printf(s->arena, "%.*s %s=${esc:%%{%s}}", STR_ARG(so_far), name, variable);
}

static struct str
add_header_field(const struct snippet *s, struct str so_far, struct str header)
{
	struct str name = header_cgi_name(header, s->arena);

	/* a name that the list has: case does not matter, and "=" ends it */
	if (str_contains(so_far, arena_printf(s->arena, "HTTP_%.*s=", STR_ARG(name))))
		return so_far;
	return add_field(s, so_far, arena_printf(s->arena, "HTTP_%.*s", STR_ARG(name)).p,
	    arena_printf(s->arena, "HTTP:%.*s", STR_ARG(header)).p);
}

/* All that a decision may want to know, and no more. */
static struct str
map_key(const struct snippet *s, unsigned needs)
{
	struct str key = STR("REMOTE_ADDR=%{REMOTE_ADDR} THE_REQUEST=${esc:%{THE_REQUEST}}");

	key = add_header_field(s, key, STR("Host"));
	key = add_header_field(s, key, STR("Cookie"));
	key = add_header_field(s, key, STR("X-Maintenance-Ticket"));
	for (size_t i = 0; i < s->site_count; i++)
		if (s->sites[i].secret_count > 0)
			key = add_header_field(s, key, str_of(s->sites[i].bypass_header));
	if (s->proxy_count > 0)
		key = add_header_field(s, key, s->values->gateway.v[KEY_CLIENT_HEADER].text);
	if ((needs & NEED(CORS)) != 0) {
		key = add_header_field(s, key, STR("Origin"));
		key = add_header_field(s, key, STR("Access-Control-Request-Method"));
	}
	if ((needs & NEED(USER)) != 0) {
		key = add_field(s, key, "SSL_CLIENT_VERIFY", "SSL:SSL_CLIENT_VERIFY");
		key = add_field(s, key, "WARDEN_USER", "SSL:SSL_CLIENT_S_DN_CN");
	}
	if ((needs & NEED(ENABLED_FROM)) != 0)
		key = add_field(s, key, "MAINTENANCE_MODE", "ENV:MAINTENANCE_MODE");
	if (s->site_count == 1 && s->sites[0].name[0] != '\0')
		key = arena_printf(s->arena, "%.*s WARDEN_SITE=%s", STR_ARG(key), s->sites[0].name);
	return key;
}

static bool
write_map(struct gate *g, FILE *out)
{
	struct snippet *s = g->s;
	const struct place *places[NEED_COUNT];
	unsigned needs = snippet_needs(s, places);

	rewrite_init(&g->rules, s->arena);
	write_status(g);
	if ((needs & (NEED(WINDOWS) | NEED(ENABLED_FROM))) == 0)
		write_off(g);
	write_decided(g);
	rewrite_line(&g->rules, "\n# only \"pass\" passes: a program that is gone says nothing");
	rewrite_line(&g->rules, "RewriteCond \"${warden:%.*s}\" !=pass [NV]", STR_ARG(map_key(s, needs)));
	write_page(g, "^", s->site_count == 1 ? &s->sites[0] : NULL);
	rewrite_here(&g->rules, &g->passed);
	write_passed(g);
	return rewrite_print(&g->rules, out);
}

/* --- error pages that the gateway renders --- */

#define PAGE "/.maintenance/page"

/* Where ErrorDocument leads: whoever asks for it by itself sees the page too. */
static void
write_page_place(struct gate *g)
{
	write_page(g, "^/\\.maintenance/page$", g->s->site_count == 1 ? &g->s->sites[0] : NULL);
}

/* True while a site may be on: an expression, or "true" where that is no question of files. */
static const char *
may_be_on(const struct snippet *s)
{
	const struct place *places[NEED_COUNT];
	const char *all = arena_printf(s->arena, "-e '%s'", rewrite_expr_path(s->arena, s->global_flag)).p;

	if ((snippet_needs(s, places) & NEED(WINDOWS)) != 0)
		return "true";
	for (size_t i = 0; i < s->site_count; i++) {
		if (s->sites[i].site->condition.enabled == ENABLED_ON)
			return "true";
		if (s->sites[i].own_flag != NULL)
			all = arena_printf(s->arena, "%s || -e '%s'", all,
			    rewrite_expr_path(s->arena, s->sites[i].own_flag)).p;
	}
	return all;
}

/* --- what mod_rewrite's parser cannot hold --- */

static bool
refuse(struct snippet *s, const char *what, const char *value, const char *why)
{
	(void)ctl_fail(CTL_NO, "%s: %s \"%s\": %s", s->ctl->config, what, value, why);
	s->refused = true;
	return false;
}

static bool
can_write(struct snippet *s, bool htaccess)
{
	static const char quotes[] = "Apache cannot take a quotation mark or a control character in a path";

	if (!rewrite_can_quote(s->state_dir))
		return refuse(s, "[gateway] state_dir", s->state_dir, quotes);
	for (size_t i = 0; i < s->site_count; i++)
		if (s->sites[i].own_flag != NULL && !rewrite_can_quote(s->sites[i].own_flag))
			return refuse(s, "flag", s->sites[i].own_flag, quotes);
	if (!htaccess && s->unix_path != NULL && !is_plain(s->unix_path))
		return refuse(s, "[gateway] listen", s->unix_path,
		    "Apache takes " PLAIN " in the path of a socket");
	if (htaccess && (s->cgi[0] != '/' || !is_plain(s->cgi)))
		return refuse(s, "--cgi", s->cgi, "a URL path of " PLAIN " was expected");
	return true;
}

/* --- the kinds --- */

/* A site's ProxyErrorOverride would put an error page of its own in place of the gateway's. */
static void
print_start(const struct snippet *s, FILE *out)
{
	(void)fprintf(out,
	    "# the gateway's answers stay as they are\n<Proxy %s>\n    ProxyErrorOverride Off\n</Proxy>\n\n"
	    "RewriteEngine On\n",
	    target(s));
}

bool
snippet_apache(struct snippet *s)
{
	struct gate gate = { .s = s, .many = s->site_count > 1 };
	FILE *out = can_write(s, false) ? snippet_part(s, "maintenance-warden.conf", "# ",
	    "For a <VirtualHost>, before its other rules; needs: a2enmod rewrite proxy proxy_fcgi") : NULL;

	if (out == NULL)
		return false;
	(void)fputs("# A location with authentication of its own asks for the password first.\n\n", out);
	print_start(s, out);
	(void)fputc('\n', out);
	return write_gate(&gate, out);
}

bool
snippet_apache_rewrite_map(struct snippet *s)
{
	struct gate gate = { .s = s };
	const char *program = gateway_program(s);
	FILE *out;

	if (!is_plain(s->config))
		return refuse(s, "the name of the INI", s->config, "Apache takes " PLAIN " in the command of a map");
	if (!is_plain(program))
		return refuse(s, "the name of the program", program, "Apache takes " PLAIN " in the command of a map");
	out = can_write(s, false) ? snippet_part(s, "maintenance-warden.conf", "# ",
	    "For a <VirtualHost>, before its other rules; needs: a2enmod rewrite proxy proxy_fcgi") : NULL;
	if (out == NULL)
		return false;
	(void)fprintf(out,
	    "# A location with authentication of its own asks for the password first.\n"
	    "# bypass_user is the name (CN) in a verified client certificate.\n"
	    "# Apache starts the program as root; it becomes [gateway] user, who must be able to read the INI.\n\n");
	print_start(s, out);
	(void)fprintf(
	    out, "RewriteMap esc int:escape\nRewriteMap warden \"prg:%s --rewrite-map -c %s\"\n\n", program, s->config);
	return write_map(&gate, out);
}

/* The checker may not say why it refuses, and what it sets goes to the client: so it only refuses. */
bool
snippet_apache_fcgid(struct snippet *s)
{
	struct gate gate = { .s = s };
	const char *program = gateway_program(s);
	FILE *out;

	if (!is_plain(s->config) || !is_plain(program))
		return refuse(s, "the names of the INI and the program", program,
		    "mod_fcgid takes " PLAIN " in its command");
	out = can_write(s, false) ? snippet_part(s, "maintenance-warden.conf", "# ",
					"For a <VirtualHost>, before its other rules; needs: a2enmod rewrite proxy "
					"proxy_fcgi fcgid")
				  : NULL;
	if (out == NULL)
		return false;
	(void)fprintf(out,
	    "# Apache starts the program as often as requests come at once; who waits for one waits long.\n"
	    "# Apache's user must be able to read the INI.\n\n"
	    "# the site's own error pages: asking again would make their status 200\nSetEnv " DECIDED " 1\n\n"
	    "<If \"(%s) && %%{REQUEST_URI} != '" PAGE "' && %%{reqenv:REDIRECT_" DECIDED "} != '1'\">\n"
	    "    FcgidAccessChecker \"%s -c %s\"\n    FcgidAccessCheckerAuthoritative On\n</If>\n"
	    "# the page; a 401 that is the site's own stays what it is\nErrorDocument 401 " PAGE "\n\n",
	    may_be_on(s), program, s->config);
	print_start(s, out);
	rewrite_init(&gate.rules, s->arena);
	write_status(&gate);
	rewrite_line(&gate.rules, "%s", "");
	write_page_place(&gate);
	return rewrite_print(&gate.rules, out);
}

bool
snippet_apache_fallback(struct snippet *s)
{
	struct gate gate = { .s = s };
	FILE *out = can_write(s, false) ? snippet_part(s, "maintenance-warden.conf", "# ",
	    "For a <VirtualHost>, beside any gate; needs: a2enmod rewrite proxy proxy_fcgi") : NULL;

	if (out == NULL)
		return false;
	(void)fputs("# An application that answers 502, 503 or 504 by itself is left alone.\n\n"
	    "ErrorDocument 502 " PAGE "\nErrorDocument 503 " PAGE "\nErrorDocument 504 " PAGE "\n\n", out);
	print_start(s, out);
	rewrite_init(&gate.rules, s->arena);
	write_page_place(&gate);
	return rewrite_print(&gate.rules, out);
}

bool
snippet_htaccess(struct snippet *s)
{
	struct gate gate = { .s = s, .htaccess = true, .many = s->site_count > 1 };
	FILE *out = can_write(s, true) ? snippet_part(s, ".htaccess", "# ",
	    "For the .htaccess of the site's top folder, at its beginning (AllowOverride FileInfo)") : NULL;

	if (out == NULL)
		return false;
	s->last->mode = 0644;           /* the web server is another user there */
	(void)fprintf(out, "# The program renders the page: put it there with warden.ini beside it.\n\n"
	    "ErrorDocument 503 %s\n\nRewriteEngine On\n"
	    "# folders with rewriting of their own keep the gate, but not with RewriteEngine Off or IgnoreInherit\n"
	    "RewriteOptions InheritDownBefore\n\n", s->cgi);
	return write_gate(&gate, out);
}
