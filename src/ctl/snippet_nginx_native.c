/* SPDX-License-Identifier: MIT */
/*
 * nginx's native gate.
 *
 * While nothing is on, no map is even worked out: server {} reads one only inside of an `if` that is true while a
 * site is on, and a map's value may name the next map.  What nginx cannot skip is a file test: it has no `if` inside of
 * another, so the names of bypass.off and of tickets are variables, empty while off, and that of bypass.off is the
 * folder's, which is looked for only then.  All maps are kept for the whole request, so a site's own internal redirect
 * (index, try_files, error_page) is decided as the request that the visitor sent.
 */
#include "config.h"

#include <string.h>

#include "ctl/snippet_nginx.h"

#define OCTET "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define GROUP "[0-9a-f]{1,4}"
#define PORT  "(?::[0-9]{1,5})?"
/* (?3) is an address as proxies write it; (?1) and (?2) are what it consists of. */
#define ENTRIES "(?(DEFINE)(" OCTET "(?:[.]" OCTET "){3})(::ffff:(?1)|(?:" GROUP ":){7}" GROUP \
	"|(?!(?:[0-9a-f]{0,4}:){8})(?:" GROUP "(?::" GROUP ")*)?::(?:" GROUP "(?::" GROUP ")*)?)" \
	"([ \\t]*(?:(?1)" PORT "|(?2)|\\[(?2)\\]" PORT ")[ \\t]*))"
/* What neither nginx nor the gateway can read as one. */
#define WORD "[ \\t]*[g-z_(<\"'][^ \\t,]*[ \\t]*"

/* "mw", or "mw_shop" with --site: several of these may stand in one http {}. */
static const char *
prefix(const struct snippet *s)
{
	return s->ctl->site_name == NULL ? "mw" : arena_printf(s->arena, "mw_%s", s->sites[0].label).p;
}

/* What the names of a site's own variables begin with. */
static const char *
site_prefix(const struct snippet *s, const struct snippet_site *site)
{
	return s->ctl->site_name != NULL ? prefix(s) : arena_printf(s->arena, "mw_%s", site->label).p;
}

static bool
has_personal(const struct snippet_site *site)
{
	return site->address_count > 0 || site->secret_count > 0 || site->tickets != NULL;
}

static bool
takes_tickets(const struct snippet_site *site)
{
	return site->tickets != NULL;
}

static bool
takes_addresses(const struct snippet_site *site)
{
	return site->address_count > 0;
}

static bool
holds_unknown(const struct snippet_site *site)
{
	return site->site->condition.on_unknown != UNKNOWN_PASS;
}

static bool
is_always_on(const struct snippet_site *site)
{
	return site->site->condition.enabled == ENABLED_ON;
}

/* Whether the site may be on where not all are. */
static bool
has_flag(const struct snippet_site *site)
{
	return site->own_flag != NULL || is_always_on(site);
}

/* Whether `does` is true for a site that can hold. */
static bool
any_site(const struct snippet *s, bool (*does)(const struct snippet_site *))
{
	for (size_t i = 0; i < s->site_count; i++)
		if (nginx_can_hold(s, &s->sites[i]) && does(&s->sites[i]))
			return true;
	return false;
}

/* What may be read in two ways, and whose a request is. */
static void
print_scopes(const struct snippet *s, FILE *out)
{
	const char *mw = prefix(s);

	(void)fprintf(out, "# a target that may be read in two ways: no path opens it, and it belongs to every site of "
	    "its host\nmap $request_uri $%s_odd {\n    %s odd;\n}\n", mw,
	    nginx_quoted(s, STR("~*^[^?]*" SNIPPET_ODD_TARGET)));
	if (s->scope_count == 1)
		return;
	(void)fprintf(out, "\n# the host, where nginx and the Host header name the same; \"?\" may be any\n"
	    "map \"$host $http_host\" $%s_host {\n    default \"?\";\n    \"~^[^ ]* $\" $host;\n", mw);
	(void)fprintf(out, "    %s $host;\n    %s $host;\n}\n",
	    nginx_quoted(s, STR("~*^((?:[a-z0-9_-]+[.])*[a-z0-9_-]+) \\1[.]?(?::[0-9]{0,5})?$")),
	    nginx_quoted(s, STR("~*^(\\[[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*\\]) \\1(?::[0-9]{0,5})?$")));
	(void)fprintf(out, "\n# the site of a request: the first that matches\n"
	    "map \"$%s_odd $%s_host $uri\" $%s_scope {\n"
	    "    default %s;\n    \"~^odd\" -odd;\n    \"~^ [?] \" -any;\n", mw, mw, mw, nginx_default_site(s)->label);
	for (size_t i = 0; i + 1 < s->scope_count; i++) {
		const struct snippet_scope *scope = &s->scopes[i];
		struct str host = scope->host_pattern.len == 0 ? STR("[^/]*") :
		    snippet_host_regex(s->arena, scope->host_pattern);
		struct str path = scope->path_prefix.len > 1 ? snippet_path_regex(s->arena, scope->path_prefix) :
		    STR("/.*");

		(void)fprintf(out, "    %s %s;\n",
		    nginx_quoted(s, arena_printf(s->arena, "~^ %.*s %.*s$", STR_ARG(host), STR_ARG(path))),
		    scope->site->label);
	}
	(void)fputs("}\n", out);
}

/* Where an odd target may be this site's: any host, or one of its own. */
static void
print_odd_hosts(const struct snippet *s, const struct snippet_site *site, const char *then, FILE *out)
{
	bool any = site == nginx_default_site(s) || site->site->host_count == 0;

	if (any) {
		(void)fprintf(out, "    \"~^-odd \" $%s;\n", then);
		return;
	}
	(void)fprintf(out, "    \"~^-odd [?]$\" $%s;\n", then);
	for (size_t i = 0; i < site->site->host_count; i++)
		(void)fprintf(out, "    %s $%s;\n", nginx_quoted(s, arena_printf(s->arena, "~^-odd %.*s$",
		    STR_ARG(snippet_host_regex(s->arena, site->site->hosts[i])))), then);
}

/* A rule a row: nginx takes no word of more than 4,096 bytes. */
static void
print_rules(const struct snippet *s, const struct snippet_site *site, const char *name, FILE *out)
{
	const struct value *open = &site->section->v[KEY_OPEN_PATH], *sets = &site->section->v[KEY_OPEN_DEFAULTS];

	(void)fprintf(out, "map \"$%s_odd $request_method $uri\" $%s_paths {\n    default hold;\n", prefix(s), name);
	for (size_t i = 0; i < sets->item_count; i++)
		for (size_t k = 0; k < open_default_count; k++)
			if (str_eq(sets->items[i], open_defaults[k].set))
				(void)fprintf(out, "    %s \"\";\n", nginx_quoted(s, arena_printf(s->arena,
				    "~^ (?:GET|HEAD) %.*s$",
				    STR_ARG(snippet_path_regex(s->arena, open_defaults[k].path)))));
	for (size_t i = 0; i < open->item_count; i++)
		(void)fprintf(out, "    %s \"\";\n", nginx_quoted(s, arena_printf(s->arena, "~^ [^ ]+ %.*s$",
		    STR_ARG(snippet_path_regex(s->arena, open->items[i])))));
	(void)fputs("}\n", out);
	if (site->open_method != NULL)
		(void)fprintf(out, "map $request_method $%s_rules {\n    default $%s_paths;\n    %s \"\";\n}\n", name,
		    name, nginx_quoted(s, arena_printf(s->arena, "~%s", site->open_method)));
}

/* "hold" where the site is on, the request is its own, and no rule lets everybody pass. */
static void
print_closed(const struct snippet *s, const struct snippet_site *site, const char *name, FILE *out)
{
	const char *mw = prefix(s), *rules = arena_printf(s->arena, "%s_%s", name,
	    site->open_method != NULL ? "rules" : "paths").p;

	print_rules(s, site, name, out);
	if (s->scope_count > 1) {
		(void)fprintf(out, "map \"$%s_scope $%s_host\" $%s_in {\n    \"~^%s \" $%s;\n    \"~^-any \" $%s;\n",
		    mw, mw, name, site->label, rules, rules);
		print_odd_hosts(s, site, rules, out);
		(void)fputs("}\n", out);
		rules = arena_printf(s->arena, "%s_in", name).p;
	}
	(void)fprintf(out, "map \"%s$%s_all%s\" $%s_closed {\n    default $%s;\n    \"\" \"\";\n}\n",
	    holds_unknown(site) ? arena_printf(s->arena, "$%s_unknown", mw).p : "", mw,
	    has_flag(site) ? arena_printf(s->arena, "$%s_flag", name).p : "", name, rules);
}

static void
print_networks(const struct snippet *s, const char *before, const struct str *networks, size_t count, const char *after,
    FILE *out)
{
	for (size_t i = 0; i < count; i++)
		(void)fprintf(out, "    %s%.*s%s;\n", before, STR_ARG(snippet_network(s->arena, networks[i])), after);
}

/*
 * geo walks X-Forwarded-For as the gateway does, from the right past trusted entries, but for entries that are no
 * address: there it keeps the proxy's own, and the gateway has no client.  So the list must be readable.
 */
static void
print_client(const struct snippet *s, FILE *out)
{
	const char *mw = prefix(s);

	(void)fprintf(out, "\n# the client behind trusted_proxies: nobody where the list can be read in two ways\n"
	    "geo $%s_peer {\n    default \"\";\n", mw);
	print_networks(s, "", s->proxies, s->proxy_count, " proxy", out);
	(void)fprintf(out, "}\ngeo $%s_inner {\n    default \"\";\n    proxy_recursive;\n", mw);
	print_networks(s, "proxy ", s->proxies, s->proxy_count, "", out);
	print_networks(s, "", s->proxies, s->proxy_count, " proxy", out);
	(void)fprintf(out, "}\nmap \"$%s_peer $%s_inner $http_x_forwarded_for\" $%s_client {\n    \"~^ \" known;\n"
	    "    \"proxy proxy \" known;\n    %s known;\n    %s known;\n}\n", mw, mw, mw,
	    nginx_quoted(s, STR("~*^proxy proxy (?3)(?:,(?3))*$" ENTRIES)),
	    nginx_quoted(s, STR("~*^proxy  (?:(?3)|" WORD ")(?:,(?:(?3)|" WORD "))*$" ENTRIES)));
}

/* The first site with the same list, inherited or not: it has the variable. */
static const char *
owner_of(const struct snippet *s, const struct snippet_site *site, enum key key)
{
	const void *list = site->section->v[key].items;
	const struct snippet_site *other = s->sites;

	while (other != site && !(nginx_can_hold(s, other) && other->section->v[key].items == list &&
	    strcmp(other->bypass_header, site->bypass_header) == 0))
		other++;
	return site_prefix(s, other);
}

static void
print_addresses(const struct snippet *s, const struct snippet_site *site, const char *name, FILE *out)
{
	if (site->address_count == 0 || strcmp(owner_of(s, site, KEY_BYPASS_ADDRESS), name) != 0)
		return;
	(void)fprintf(out, "geo $%s_address {\n    default \"\";\n%s", name,
	    s->proxy_count > 0 ? "    proxy_recursive;\n" : "");
	print_networks(s, "proxy ", s->proxies, s->proxy_count, "", out);
	print_networks(s, "", site->addresses, site->address_count, " yes", out);
	(void)fputs("}\n", out);
	if (s->proxy_count > 0)
		(void)fprintf(out, "map $%s_client $%s_from {\n    known $%s_address;\n}\n", prefix(s), name, name);
}

/* As regular expressions: a map compares plain words in any case. */
static void
print_secrets(const struct snippet *s, const struct snippet_site *site, const char *name, FILE *out)
{
	if (site->secret_count == 0 || strcmp(owner_of(s, site, KEY_BYPASS_SECRET), name) != 0)
		return;
	(void)fprintf(out, "map $http_%s $%s_secret {\n", nginx_variable_of(s, str_of(site->bypass_header)), name);
	for (size_t i = 0; i < site->secret_count; i++)
		(void)fprintf(out, "    %s yes;\n", nginx_quoted(s, arena_printf(s->arena, "~^%.*s$",
		    STR_ARG(snippet_quote_regex(s->arena, site->secrets[i])))));
	(void)fputs("}\n", out);
}

static void
print_personal(const struct snippet *s, const struct snippet_site *site, const char *name, FILE *out)
{
	print_addresses(s, site, name, out);
	print_secrets(s, site, name, out);
	if (site->address_count == 0 && site->secret_count == 0)
		return;
	(void)fprintf(out, "map $%s_closed $%s_by {\n    hold \"", name, name);
	if (site->address_count > 0)
		(void)fprintf(out, "$%s_%s", owner_of(s, site, KEY_BYPASS_ADDRESS),
		    s->proxy_count > 0 ? "from" : "address");
	if (site->secret_count > 0)
		(void)fprintf(out, "$%s_secret", owner_of(s, site, KEY_BYPASS_SECRET));
	(void)fputs("\";\n}\n", out);
}

static bool
has_own_tickets(const struct snippet *s, const struct snippet_site *site)
{
	return site->tickets != NULL && strcmp(site->tickets, s->any_tickets) != 0;
}

/*
 * The name of a file that concerns every site for which `asks` is true: empty unless one of them would hold, so that
 * there is one look for all.  Nothing where no site asks.
 */
static void
print_file_map(const struct snippet *s, const char *suffix, struct str path, bool (*asks)(const struct snippet_site *),
    FILE *out)
{
	struct str key = STR("");

	for (size_t i = 0; i < s->site_count; i++)
		if (nginx_can_hold(s, &s->sites[i]) && asks(&s->sites[i]))
			key = arena_printf(s->arena, "%.*s$%s_closed", STR_ARG(key), site_prefix(s, &s->sites[i]));
	if (key.len > 0)
		(void)fprintf(out, "map \"%.*s\" $%s_%s {\n    default %s;\n    \"\" \"\";\n}\n", STR_ARG(key),
		    prefix(s), suffix, nginx_quoted(s, path));
}

/* "in:" and the name of this site where it holds, else what `next` says.  bypass.off is as if no person had come. */
static void
print_held(const struct snippet *s, const struct snippet_site *site, const char *next, FILE *out)
{
	const char *mw = prefix(s), *name = site_prefix(s, site);

	(void)fprintf(out, "map \"$%s_closed", name);
	if (has_personal(site))
		(void)fprintf(out, " $%s_suspended ", mw);
	if (site->address_count + site->secret_count > 0)
		(void)fprintf(out, "$%s_by", name);
	if (has_own_tickets(s, site))
		(void)fprintf(out, "$%s_owned", name);
	if (site->tickets != NULL)
		(void)fprintf(out, "$%s_shown", mw);
	(void)fprintf(out, "\" $%s_held {\n    default %s;\n", name, next);
	if (has_personal(site))
		(void)fprintf(out, "    \"~^hold yes \" \"in:%s\";\n", site->name);
	(void)fprintf(out, "    \"hold%s\" \"in:%s\";\n}\n", has_personal(site) ? "  " : "", site->name);
}

static void
print_site_maps(const struct snippet *s, const struct snippet_site *site, FILE *out)
{
	const char *name = site_prefix(s, site);

	(void)fprintf(out, "\n# [site%s%s]\n", site->name[0] != '\0' ? "." : "", site->name);
	print_closed(s, site, name, out);
	print_personal(s, site, name, out);
	if (has_own_tickets(s, site))
		(void)fprintf(out, "map $%s_closed $%s_own {\n    hold %s;\n}\n", name, name,
		    nginx_quoted(s, arena_printf(s->arena, "%s/$%s_ticket", site->tickets, prefix(s))));
}

static const struct snippet_site *
first_holder(const struct snippet *s)
{
	for (size_t i = 0; i < s->site_count; i++)
		if (nginx_can_hold(s, &s->sites[i]))
			return &s->sites[i];
	return NULL;
}

/* The first site that holds, and its name for the gateway. */
static void
print_verdict(const struct snippet *s, FILE *out)
{
	const char *mw = prefix(s), *next = "\"\"";

	(void)fputs("\n# who holds: the first of them\n", out);
	for (size_t i = s->site_count; i-- > 0;) {
		if (!nginx_can_hold(s, &s->sites[i]))
			continue;
		print_held(s, &s->sites[i], next, out);
		next = arena_printf(s->arena, "$%s_held", site_prefix(s, &s->sites[i])).p;
	}
	(void)fprintf(out, "map $%s_hold $%s_for {\n    \"~^status\" \"%s\";\n    \"~^in:(.*)$\" $1;\n}\n", mw, mw,
	    s->site_count == 1 ? s->sites[0].name : "");
}

static void
print_http_part(const struct snippet *s, FILE *out)
{
	const char *mw = prefix(s);

	(void)fprintf(out, "# None of this is worked out before a flag is there.\n\n"
	    "# the state as JSON: that path alone, as it was sent\nmap \"$request_method $request_uri\" $%s_status {\n"
	    "    \"~^(?:GET|HEAD) /[.]maintenance/status(?:[?]|$)\" status;\n}\n\n", mw);
	print_scopes(s, out);
	if (any_site(s, takes_tickets))
		(void)fprintf(out, "\n# a ticket: its header, else the first in a cookie\n"
		    "map $http_cookie $%s_cookie {\n    %s $1;\n}\n"
		    "map $http_x_maintenance_ticket $%s_ticket {\n    default $%s_cookie;\n    %s $1;\n}\n", mw,
		    nginx_quoted(s, STR("~(?:^|[;,])[ \\t]*maintenance_ticket=([0-9a-f]{32})[ \\t]*(?:[;,]|$)")),
		    mw, mw, nginx_quoted(s, STR("~^([0-9a-f]{32})$")));
	if (any_site(s, takes_addresses) && s->proxy_count > 0)
		print_client(s, out);
	for (size_t i = 0; i < s->site_count; i++)
		if (nginx_can_hold(s, &s->sites[i]))
			print_site_maps(s, &s->sites[i], out);
	(void)fputs("\n# files that concern all sites\n", out);
	print_file_map(s, "any", arena_printf(s->arena, "%s/$%s_ticket", s->any_tickets, mw), takes_tickets, out);
	print_file_map(s, "off", str_of(s->bypass_off), has_personal, out);
	print_verdict(s, out);
}

/* --- in server {} --- */

static bool
is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

/*
 * Whether bypass.off may be looked for in place of the folder while a site is on: then either all are, or a flag below
 * the folder has shown that it is there.
 */
static bool
shares_look(const struct snippet *s)
{
	bool shares = any_site(s, has_personal) && any_site(s, holds_unknown) && !any_site(s, is_always_on);

	for (size_t i = 0; i < s->site_count && shares; i++)
		shares = s->sites[i].own_flag == NULL || is_below(s->sites[i].own_flag, s->state_dir);
	return shares && is_below(s->bypass_off, s->state_dir);
}

static void
print_flags(const struct snippet *s, FILE *out)
{
	const char *mw = prefix(s);

	(void)fprintf(out, "open_file_cache off;    # or a flag is seen late\n\n# who is on\n"
	    "set $%s_on \"%s\";\nset $%s_all \"\";\n"
	    "if (-e %s) { set $%s_all on; set $%s_on yes; }\n", mw, any_site(s, is_always_on) ? "yes" : "", mw,
	    nginx_quoted(s, str_of(s->global_flag)), mw, mw);
	for (size_t i = 0; i < s->site_count; i++) {
		const struct snippet_site *site = &s->sites[i];
		const char *name = site_prefix(s, site);

		if (!nginx_can_hold(s, site) || !has_flag(site))
			continue;
		(void)fprintf(out, "set $%s_flag \"%s\";\n", name, is_always_on(site) ? "always" : "");
		if (!is_always_on(site))
			(void)fprintf(out, "if (-e %s) { set $%s_flag on; set $%s_on yes; }\n",
			    nginx_quoted(s, str_of(site->own_flag)), name, mw);
	}
}

/* What `if` looks for in the place of a file that only matters while a site is on. */
static void
print_names(const struct snippet *s, bool shared, FILE *out)
{
	const char *mw = prefix(s), *folder = nginx_quoted(s, arena_printf(s->arena, "%s/.", s->state_dir));

	(void)fputs("# without the folder nobody knows: on_unknown\n", out);
	if (shared)
		(void)fputs("# while a flag is there so is the folder: bypass.off is looked for in its place\n", out);
	if (any_site(s, holds_unknown))
		(void)fprintf(out, "set $%s_unknown \"%s\";\n", mw, shared ? "on" : "");
	if (any_site(s, holds_unknown) && !shared)
		(void)fprintf(out, "if (!-d %s) { set $%s_unknown on; set $%s_on yes; }\n", folder, mw, mw);
	if (any_site(s, has_personal))
		(void)fprintf(out, "set $%s_look %s;\nset $%s_suspended \"\";\n", mw, shared ? folder : "\"\"", mw);
	if (any_site(s, takes_tickets))
		(void)fprintf(out, "set $%s_bearer \"\";\nset $%s_shown \"\";\n", mw, mw);
	for (size_t i = 0; i < s->site_count; i++)
		if (nginx_can_hold(s, &s->sites[i]) && has_own_tickets(s, &s->sites[i]))
			(void)fprintf(out, "set $%s_mine \"\";\nset $%s_owned \"\";\n", site_prefix(s, &s->sites[i]),
			    site_prefix(s, &s->sites[i]));
}

static void
print_names_on(const struct snippet *s, bool shared, FILE *out)
{
	const char *mw = prefix(s);

	if (!any_site(s, has_personal))
		return;
	(void)fprintf(out, "if ($%s_on) {\n", mw);
	if (shared)
		(void)fprintf(out, "    set $%s_unknown \"\";\n", mw);
	(void)fprintf(out, "    set $%s_look $%s_off;\n", mw, mw);
	if (any_site(s, takes_tickets))
		(void)fprintf(out, "    set $%s_bearer $%s_any;\n", mw, mw);
	for (size_t i = 0; i < s->site_count; i++)
		if (nginx_can_hold(s, &s->sites[i]) && has_own_tickets(s, &s->sites[i]))
			(void)fprintf(out, "    set $%s_mine $%s_own;\n", site_prefix(s, &s->sites[i]),
			    site_prefix(s, &s->sites[i]));
	(void)fputs("}\n", out);
}

static void
print_looks(const struct snippet *s, bool shared, FILE *out)
{
	const char *mw = prefix(s);

	if (shared)
		(void)fprintf(out, "if (-e $%s_look) { set $%s_unknown \"\"; set $%s_suspended $%s_on; }\n"
		    "if ($%s_unknown) { set $%s_on yes; }\n", mw, mw, mw, mw, mw, mw);
	else if (any_site(s, has_personal))
		(void)fprintf(out, "if (-e $%s_look) { set $%s_suspended yes; }\n", mw, mw);
	if (any_site(s, takes_tickets))
		(void)fprintf(out, "if (-f $%s_bearer) { set $%s_shown yes; }\n", mw, mw);
	for (size_t i = 0; i < s->site_count; i++)
		if (nginx_can_hold(s, &s->sites[i]) && has_own_tickets(s, &s->sites[i]))
			(void)fprintf(out, "if (-f $%s_mine) { set $%s_owned yes; }\n",
			    site_prefix(s, &s->sites[i]), site_prefix(s, &s->sites[i]));
}

/* Neither limits nor passwords of the site stand before the page. */
#define OPEN_LOCATION "    auth_basic off;\n    auth_request off;\n    allow all;\n"

static void
print_locations(const struct snippet *s, FILE *out)
{
	int64_t retry = s->sites[0].section->v[KEY_RETRY_AFTER].number;

	(void)fputs("\nlocation = /.maintenance/hold {\n    internal;\n    client_max_body_size 0;\n"
	    OPEN_LOCATION "    include /etc/nginx/fastcgi_params;\n"
	    "    fastcgi_param WARDEN_MODE render;\n", out);
	(void)fprintf(out, "    fastcgi_param WARDEN_SITE $%s_for;\n", prefix(s));
	(void)fputs("    fastcgi_cache off;\n    fastcgi_connect_timeout 2s;\n"
	    "    fastcgi_read_timeout 5s;\n"
	    "    error_page 500 502 504 = @maintenance_down;\n", out);
	nginx_print_page_pass(s, out);
	(void)fputs("# the gateway is gone\nlocation @maintenance_down {\n" OPEN_LOCATION
	    "    default_type text/html;\n"
	    "    add_header Cache-Control no-store always;\n", out);
	if (retry > 0)
		(void)fprintf(out, "    add_header Retry-After %lld always;\n", (long long)retry);
	(void)fputs("    return 503 \"<!doctype html><title>Maintenance</title><h1>Maintenance</h1>\\n\";\n}\n", out);
}

bool
snippet_nginx_native(struct snippet *s)
{
	const char *mw = prefix(s);
	bool shared = shares_look(s);
	FILE *out = snippet_part(s, "maintenance-warden-http.conf", "# ", "For http {}");

	if (out == NULL)
		return false;
	print_http_part(s, out);
	out = snippet_part(s, "maintenance-warden.conf", "# ", "For server {}, before its own rewrites");
	if (out == NULL)
		return false;
	print_flags(s, out);
	print_names(s, shared, out);
	print_names_on(s, shared, out);
	print_looks(s, shared, out);
	(void)fprintf(out, "\n# off: all is passed\nset $%s_hold \"\";\n", mw);
	if (first_holder(s) != NULL)
		(void)fprintf(out, "if ($%s_on) { set $%s_hold $%s_held; }\n", mw, mw,
		    site_prefix(s, first_holder(s)));
	(void)fprintf(out, "if ($uri = /.maintenance/status) { set $%s_hold $%s_status$%s_hold; }\n"
	    "if ($%s_hold) { rewrite ^ /.maintenance/hold last; }\n", mw, mw, mw, mw);
	print_locations(s, out);
	return true;
}
