/* SPDX-License-Identifier: MIT */
/*
 * The policy in mod_rewrite's rules.  They are read from top to bottom, and whatever passes skips to the end, so that
 * the site's own rules behind them still work.
 */
#include "config.h"

#include <string.h>

#include "base/ip.h"
#include "ctl/rewrite_gate.h"

const char *
gate_target(const struct snippet *s)
{
	return s->unix_path != NULL ? arena_printf(s->arena, "\"unix:%s|fcgi://warden/\"", s->unix_path).p :
	    arena_printf(s->arena, "\"fcgi://%s/\"", s->address).p;
}

/* --- conditions --- */

static void
regex_condition(struct rewrite_gate *g, const char *what, const char *regex, const char *flags)
{
	rewrite_line(&g->rules, "RewriteCond %s \"%s\"%s", what, rewrite_regex(g->s->arena, regex), flags);
}

static void
file_condition(struct rewrite_gate *g, const char *path, bool there, const char *flags)
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

void
gate_write_status(struct rewrite_gate *g)
{
	rewrite_line(&g->rules, "# the state as JSON: never held");
	rewrite_line(&g->rules, "RewriteCond %%{THE_REQUEST} \"^(?:GET|HEAD) "
	    "(?:(?i:https?)://[^/? ]*)?/\\.maintenance/status(?:[? ]|$)\"");
	if (g->htaccess) {
		rewrite_line(&g->rules, "RewriteCond %%{REQUEST_URI} ^/\\.maintenance/status$");
		rewrite_rule(&g->rules, arena_printf(g->s->arena, "^ %s", g->s->cgi).p, "END");
		/* else the site's front controller would take the page for its own where the program is gone */
		rewrite_line(&g->rules, "%s", "");
		rewrite_line(&g->rules, "# the page itself: no rule of the site's is asked");
		rewrite_line(&g->rules, "RewriteCond %%{ENV:REDIRECT_STATUS} =503");
		rewrite_line(&g->rules, "RewriteCond %%{REQUEST_URI} =%s", g->s->cgi);
		rewrite_rule(&g->rules, "^ -", "END");
		return;
	}
	rewrite_rule(&g->rules, arena_printf(g->s->arena, "^/\\.maintenance/status$ %s", gate_target(g->s)).p,
	    "P,L,E=WARDEN_MODE:render");
}

/*
 * A shared host's Apache reads .htaccess for each request, and making the expressions costs more than all else.  Where
 * one flag alone is asked for it need not even read them.
 */
static bool
has_one_flag(const struct rewrite_gate *g)
{
	const struct snippet *s = g->s;

	return g->htaccess && s->site_count == 1 && s->sites[0].own_flag == NULL &&
	    s->sites[0].site->condition.enabled == ENABLED_AUTO && rewrite_is_plain(s->global_flag);
}

void
gate_write_off(struct rewrite_gate *g)
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

void
gate_write_decided(struct rewrite_gate *g)
{
	rewrite_line(&g->rules, "\n# the same request again, for another path: it has passed");
	rewrite_line(&g->rules, "RewriteCond %%{ENV:" GATE_DECIDED "}%%{ENV:REDIRECT_" GATE_DECIDED "} 1");
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
write_odd(struct rewrite_gate *g)
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
write_hop(struct rewrite_gate *g, const char *stop, const char *comma, const struct rewrite_place *found)
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
write_client(struct rewrite_gate *g)
{
	struct rewrite_place *found = arena_zalloc(g->s->arena, 1, sizeof *found);
	const char *stop = not_trusted(g->s);

	g->rules.failed = g->rules.failed || found == NULL;
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
belongs(const struct rewrite_gate *g, const struct snippet_site *site)
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
write_scopes(struct rewrite_gate *g)
{
	struct snippet *s = g->s;
	struct rewrite_place *known = arena_zalloc(s->arena, 1, sizeof *known);

	rewrite_line(&g->rules, "\n# which site it belongs to");
	for (size_t i = 0; known != NULL && i < s->scope_count; i++) {
		const struct snippet_scope *scope = &s->scopes[i];

		if (scope->host != NULL)
			regex_condition(g, "%{HTTP_HOST}", scope->host, " [NC]");
		if (scope->path != NULL)
			regex_condition(g, "%{REQUEST_URI}", scope->path, "");
		if (i + 1 < s->scope_count)
			rewrite_skip(&g->rules, known, belongs(g, scope->site));
		else
			rewrite_rule(&g->rules, "^ -", belongs(g, scope->site));
	}
	if (known != NULL)
		rewrite_here(&g->rules, known);
	g->rules.failed = g->rules.failed || known == NULL;
}

/* A host that can be read in two ways belongs to every site. */
static void
write_any_host(struct rewrite_gate *g)
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
write_odd_site(struct rewrite_gate *g, const struct snippet_site *site)
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
write_belongs(struct rewrite_gate *g)
{
	write_scopes(g);
	for (size_t i = 0; i < g->s->site_count; i++)
		write_odd_site(g, &g->s->sites[i]);
	if (has_hosts(g->s))
		write_any_host(g);
}

/* --- what lets pass --- */

static void
write_paths(struct rewrite_gate *g, const struct snippet_site *site, const struct rewrite_place *pass)
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
write_addresses(struct rewrite_gate *g, const struct snippet_site *site, const struct rewrite_place *pass)
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
write_secrets(struct rewrite_gate *g, const struct snippet_site *site, const struct rewrite_place *pass)
{
	for (size_t i = 0; i < site->secret_count; i++) {
		rewrite_line(&g->rules, "RewriteCond %%{HTTP:%s} \"%s\" [NV]", site->bypass_header,
		    rewrite_exactly(g->s->arena, site->secrets[i]));
		rewrite_skip(&g->rules, pass, "");
	}
}

/* A ticket is a file of its ID's name.  Of cookies of one name the first and the last are tried. */
static void
write_tickets(struct rewrite_gate *g, const struct snippet_site *site, const struct rewrite_place *pass)
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
write_persons(struct rewrite_gate *g, const struct snippet_site *site, const struct rewrite_place *pass,
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

void
gate_write_page(struct rewrite_gate *g, const char *path, const struct snippet_site *site)
{
	struct arena *arena = g->s->arena;
	const char *named = site != NULL && site->name[0] != '\0' ?
	    arena_printf(arena, ",E=WARDEN_SITE:%s", site->name).p : "";

	if (g->htaccess)
		rewrite_rule(&g->rules, "^ -", arena_printf(arena, "R=503,L,E=" GATE_DECIDED ":1%s", named).p);
	else
		rewrite_rule(&g->rules, arena_printf(arena, "%s %s", path, gate_target(g->s)).p,
		    arena_printf(arena, "P,L,E=WARDEN_MODE:render%s", named).p);
}

void
gate_write_passed(struct rewrite_gate *g)
{
	rewrite_line(&g->rules, "\n# passed");
	rewrite_rule(&g->rules, "^ -", "E=" GATE_DECIDED ":1");
	rewrite_here(&g->rules, &g->end);
}

/* Several sites: only if it belongs to this one, and this one is on.  One: that has been asked. */
static void
write_whether(struct rewrite_gate *g, const struct snippet_site *site, const struct rewrite_place *next)
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

static void
write_site(struct rewrite_gate *g, const struct snippet_site *site)
{
	/* [0] behind the site, where what passes goes on; [1] at the rule that holds */
	struct rewrite_place *places = arena_zalloc(g->s->arena, 2, sizeof *places);

	g->rules.failed = g->rules.failed || places == NULL;
	if (places == NULL || site->site->condition.enabled == ENABLED_OFF)
		return;
	write_whether(g, site, &places[0]);
	write_paths(g, site, &places[0]);
	write_persons(g, site, &places[0], &places[1]);
	rewrite_here(&g->rules, &places[1]);
	rewrite_line(&g->rules, "# all others");
	gate_write_page(g, "^", site);
	rewrite_here(&g->rules, &places[0]);
}

bool
gate_print(struct rewrite_gate *g, FILE *out)
{
	struct snippet *s = g->s;

	rewrite_init(&g->rules, s->arena);
	gate_write_status(g);
	gate_write_off(g);
	gate_write_decided(g);
	write_odd(g);
	write_client(g);
	if (g->many)
		write_belongs(g);
	for (size_t i = 0; i < s->site_count; i++)
		write_site(g, &s->sites[i]);
	rewrite_here(&g->rules, &g->passed);
	gate_write_passed(g);
	if (has_one_flag(g))
		rewrite_line(&g->rules, "</IfFile>");
	return rewrite_print(&g->rules, out);
}

