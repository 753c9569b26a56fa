/* SPDX-License-Identifier: MIT */
/*
 * Apache's kinds.  mod_rewrite judges by itself, in a <VirtualHost> or in a shared host's .htaccess; or it asks the
 * gateway by a RewriteMap, or mod_fcgid does.
 */
#include "config.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "ctl/rewrite_gate.h"

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
	struct str key = STR("REMOTE_ADDR=${esc:%{REMOTE_ADDR}} THE_REQUEST=${esc:%{THE_REQUEST}}");

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
write_map(struct rewrite_gate *g, FILE *out)
{
	struct snippet *s = g->s;
	const struct place *places[NEED_COUNT];
	unsigned needs = snippet_needs(s, places);

	rewrite_init(&g->rules, s->arena);
	gate_write_status(g);
	if ((needs & (NEED(WINDOWS) | NEED(ENABLED_FROM))) == 0)
		gate_write_off(g);
	gate_write_decided(g);
	rewrite_line(&g->rules, "\n# only \"pass\" passes: a program that is gone says nothing");
	rewrite_line(&g->rules, "RewriteCond \"${warden:%.*s}\" !=pass [NV]", STR_ARG(map_key(s, needs)));
	gate_write_page(g, "^", s->site_count == 1 ? &s->sites[0] : NULL);
	rewrite_here(&g->rules, &g->passed);
	gate_write_passed(g);
	return rewrite_print(&g->rules, out);
}

/* --- error pages that the gateway renders --- */

#define PAGE "/.maintenance/page"

/* Where ErrorDocument leads: whoever asks for it by itself sees the page too. */
static void
write_page_place(struct rewrite_gate *g)
{
	gate_write_page(g, "^/\\.maintenance/page$", g->s->site_count == 1 ? &g->s->sites[0] : NULL);
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
	if (!htaccess && s->unix_path != NULL && !rewrite_is_plain(s->unix_path))
		return refuse(s, "[gateway] listen", s->unix_path,
		    "Apache takes " REWRITE_PLAIN " in the path of a socket");
	if (htaccess && (s->cgi[0] != '/' || !rewrite_is_plain(s->cgi)))
		return refuse(s, "--cgi", s->cgi, "a URL path of " REWRITE_PLAIN " was expected");
	return true;
}

/* A command that Apache itself starts has no quotes. */
static bool
can_start(struct snippet *s, const char *program)
{
	static const char plain[] = "Apache takes " REWRITE_PLAIN " in a command that it starts";

	if (!rewrite_is_plain(s->config))
		return refuse(s, "the name of the INI", s->config, plain);
	return rewrite_is_plain(program) || refuse(s, "the name of the program", program, plain);
}

/* In quotes, after "http://". */
static bool
can_name(struct snippet *s, const char *what, const char *listener)
{
	const char *end = listener[0] == '[' ? strchr(listener, ']') : NULL;

	if (end == NULL)
		return (listener[0] != '\0' && rewrite_is_plain(listener)) ||
		    refuse(s, what, listener, "Apache takes " REWRITE_PLAIN " there");
	return (strspn(listener + 1, "0123456789abcdefABCDEF:.") == (size_t)(end - listener - 1) &&
	    rewrite_is_plain(end + 1)) || refuse(s, what, listener, "an address in [] was expected");
}

/* --- the kinds --- */

/* A site's ProxyErrorOverride would put an error page of its own in place of the gateway's. */
static void
print_start(const struct snippet *s, FILE *out)
{
	(void)fprintf(out, "# the gateway's answers stay as they are\n"
	    "<Proxy %s>\n    ProxyErrorOverride Off\n</Proxy>\n\n"
	    "RewriteEngine On\n", gate_target(s));
}

/* The one part of a kind for a virtual host; `modules` are those beside the proxy's and mod_rewrite.  NULL: refused. */
static FILE *
begin_vhost(struct snippet *s, const char *place, const char *modules)
{
	const char *where = arena_printf(
	    s->arena, "For a <VirtualHost>, %s; needs: a2enmod rewrite proxy proxy_fcgi%s", place, modules).p;

	return where != NULL && can_write(s, false) ? snippet_part(s, "maintenance-warden.conf", "# ", where) : NULL;
}

bool
snippet_apache(struct snippet *s)
{
	struct rewrite_gate gate = { .s = s, .many = s->site_count > 1 };
	FILE *out = begin_vhost(s, "before its other rules", "");

	if (out == NULL)
		return false;
	(void)fputs("# A location with authentication of its own asks for the password first.\n\n", out);
	print_start(s, out);
	(void)fputc('\n', out);
	return gate_print(&gate, out);
}

bool
snippet_apache_rewrite_map(struct snippet *s)
{
	struct rewrite_gate gate = { .s = s };
	const char *program = gateway_program(s);
	FILE *out = can_start(s, program) ? begin_vhost(s, "before its other rules", "") : NULL;

	if (out == NULL)
		return false;
	(void)fprintf(out,
	    "# A location with authentication of its own asks for the password first.\n"
	    "# bypass_user is the name (CN) in a verified client certificate.\n"
	    "# Apache starts the program as root; it becomes [gateway] user, who must be able to read the INI.\n\n");
	print_start(s, out);
	(void)fprintf(out, "RewriteMap esc int:escape\nRewriteMap warden \"prg:%s --rewrite-map -c %s\"\n\n", program,
	    s->config);
	return write_map(&gate, out);
}

/* The checker may not say why it refuses, and what it sets goes to the client: so it only refuses. */
bool
snippet_apache_fcgid(struct snippet *s)
{
	struct rewrite_gate gate = { .s = s };
	const char *program = gateway_program(s);
	FILE *out = can_start(s, program) ? begin_vhost(s, "before its other rules", " fcgid") : NULL;

	if (out == NULL)
		return false;
	(void)fprintf(out, "# Apache starts the program as often as requests come at once; who waits for one "
	    "waits long.\n"
	    "# Apache's user must be able to read the INI.\n\n"
	    "# the site's own error pages: asking again would make their status 200\nSetEnv " GATE_DECIDED " 1\n\n"
	    "<If \"(%s) && %%{REQUEST_URI} != '" PAGE "' && %%{reqenv:REDIRECT_" GATE_DECIDED "} != '1'\">\n"
	    "    FcgidAccessChecker \"%s -c %s\"\n    FcgidAccessCheckerAuthoritative On\n</If>\n"
	    "# the page; a 401 that is the site's own stays what it is\nErrorDocument 401 " PAGE "\n\n",
	    may_be_on(s), program, s->config);
	print_start(s, out);
	rewrite_init(&gate.rules, s->arena);
	gate_write_status(&gate);
	rewrite_line(&gate.rules, "%s", "");
	write_page_place(&gate);
	return rewrite_print(&gate.rules, out);
}

bool
snippet_apache_fallback(struct snippet *s)
{
	struct rewrite_gate gate = { .s = s };
	FILE *out = begin_vhost(s, "beside any gate", "");

	if (out == NULL)
		return false;
	(void)fputs("# An application that answers 502, 503 or 504 by itself is left alone.\n\n"
	    "ErrorDocument 502 " PAGE "\nErrorDocument 503 " PAGE "\nErrorDocument 504 " PAGE "\n\n", out);
	print_start(s, out);
	rewrite_init(&gate.rules, s->arena);
	write_page_place(&gate);
	return rewrite_print(&gate.rules, out);
}

/* The URL of what listens, for a BalancerMember. */
static const char *
member_url(const struct snippet *s, const char *listener, const char *path)
{
	return listener[0] == '/' ? arena_printf(s->arena, "unix:%s|http://warden%s", listener, path).p :
	    arena_printf(s->arena, "http://%s%s", listener, path).p;
}

/* Of the gateway's own paths one alone is for pages: a path of the site may look like any other. */
#define STANDBY_PAGE "/.maintenance/page"

bool
snippet_apache_standby(struct snippet *s)
{
	FILE *out;

	if (!can_name(s, "[gateway] http_listen", s->http) || !can_name(s, "--upstream", s->upstream))
		return false;
	out = snippet_part(s, "maintenance-warden.conf", "# ", "For a <VirtualHost>, in place of the application's own "
	    "ProxyPass; needs: a2enmod proxy proxy_http proxy_balancer lbmethod_byrequests slotmem_shm");
	if (out == NULL)
		return false;
	(void)fprintf(out, "# Dead is what does not take a connection within 2 seconds: the request goes to the "
	    "gateway, with its body.\n# A second later the next request tries the application again.  One that takes a "
	    "request and does not answer\n# gets Apache's own 502 or 504: for these, snippet apache-fallback.\n\n"
	    "<Proxy \"balancer://maintenance-warden\">\n"
	    "    BalancerMember \"%s\" connectiontimeout=2 retry=1 upgrade=websocket\n"
	    "    # asked while no other member is alive\n"
	    "    BalancerMember \"%s\" status=+H connectiontimeout=2 timeout=10 retry=0 disablereuse=On\n"
	    "    # answers stay as they are, the application's too\n    ProxyErrorOverride Off\n</Proxy>\n"
	    "# by the host the gateway tells sites\nProxyPreserveHost On\n"
	    "ProxyPass \"/\" \"balancer://maintenance-warden/\"\n", member_url(s, s->upstream, ""),
	    member_url(s, s->http, STANDBY_PAGE));
	return true;
}

bool
snippet_htaccess(struct snippet *s)
{
	struct rewrite_gate gate = { .s = s, .htaccess = true, .many = s->site_count > 1 };
	FILE *out = can_write(s, true) ? snippet_part(s, ".htaccess", "# ",
	    "For the .htaccess of the site's top folder, at its beginning (AllowOverride FileInfo)") : NULL;

	if (out == NULL)
		return false;
	s->last->mode = 0644;           /* the web server is another user there */
	(void)fprintf(out, "# The program renders the page: put it there with warden.ini beside it.\n\n"
	    "ErrorDocument 503 %s\n\nRewriteEngine On\n"
	    "# folders with rewriting of their own keep the gate, but not with RewriteEngine Off or IgnoreInherit\n"
	    "RewriteOptions InheritDownBefore\n\n", s->cgi);
	return gate_print(&gate, out);
}
