/* SPDX-License-Identifier: MIT */
/*
 * Caddy.  What its mechanisms do was measured with 2.6.  Caddy sorts directives: forward_auth comes before a site's
 * handle, route, reverse_proxy and file_server wherever they stand, which reverse_proxy and error do not.  So every
 * gate here is a forward_auth: an answer that is not 2xx goes to the visitor, and the request's body stays whole,
 * because the gateway is asked with GET.
 */
#include "config.h"

#include "ctl/snippet.h"
#include "rules/host.h"

/* Of a Host header that the gateway understands too; any other may be any site's. */
#define ORDINARY_HOST \
	"^(?:[A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+)*[.]?|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]*)?$"

static const char gone_page[] = "<!doctype html><title>Maintenance</title><h1>Maintenance</h1>";

/* The gateway's socket for FastCGI, or for HTTP. */
static struct str
target(const struct snippet *s)
{
	const char *socket = s->kind->uses == USES_HTTP ? s->http : s->unix_path != NULL ? s->unix_path : s->address;

	return socket[0] == '/' ? arena_printf(s->arena, "unix/%s", socket) : str_of(socket);
}

/* A regular expression between double quotes, where a backslash is plain and only a quote is not. */
static void
print_regex(FILE *out, struct str regex)
{
	for (size_t i = 0; i < regex.len; i++)
		if (regex.p[i] == '"')
			(void)fputs("\\x22", out);
		else
			(void)putc(regex.p[i], out);
}

/* Without its "^" and "$": a part of a longer one. */
static void
print_inner(FILE *out, const char *regex)
{
	struct str whole = str_of(regex);

	print_regex(out, str_sub(whole, 1, whole.len - 1));
}

/* --- what both gates have --- */

static void
print_fastcgi(FILE *out, const char *mode, const char *site, int status)
{
	(void)fprintf(out, "\t\ttransport fastcgi {\n\t\t\tdial_timeout 2s\n\t\t\tread_timeout 5s\n"
	    "\t\t\tenv WARDEN_MODE %s\n\t\t\tenv WARDEN_METHOD {method}\n", mode);
	if (site[0] != '\0')
		(void)fprintf(out, "\t\t\tenv WARDEN_SITE %s\n", site);
	if (status > 0)         /* what is 2xx would pass */
		(void)fprintf(out, "\t\t\tenv WARDEN_HOLD_STATUS %d\n", status);
	(void)fputs("\t\t}\n\t\theader_down -Status\n", out);
}

static void
print_status(const struct snippet *s, FILE *out)
{
	(void)fputs("\tmap \"{http.request.method} {http.request.orig_uri}\" {mw_status} {\n"
	    "\t\t\"~^(?:GET|HEAD) /[.]maintenance/status(?:[?]|$)\" yes\n\t\tdefault no\n\t}\n"
	    "\t@mw_status expression `{mw_status} == \"yes\"`\n\thandle @mw_status {\n", out);
	(void)fprintf(out, "\treverse_proxy %.*s {\n", STR_ARG(target(s)));
	if (s->kind->uses == USES_FASTCGI)
		print_fastcgi(out, "render", s->site_count == 1 ? s->sites[0].name : "", 0);
	(void)fputs("\t}\n\t}\n", out);
}

/* No answer of the gateway: the visitor gets a 503 all the same. */
static void
print_gone(const struct snippet *s, FILE *out)
{
	(void)fprintf(out, "\thandle_errors {\n"
	    "\t\t@mw_gone expression `{http.error.status_code} in [502, 503, 504] &&\n"
	    "\t\t\t{http.reverse_proxy.upstream.address} == \"%s%.*s\"`\n"
	    "\t\theader @mw_gone {\n\t\t\tRetry-After 120\n\t\t\tCache-Control no-store\n"
	    "\t\t\tContent-Type \"text/html; charset=utf-8\"\n\t\t}\n"
	    "\t\trespond @mw_gone \"%s\" 503\n\t}\n", str_starts(target(s), STR("unix/")) ? "" : "tcp/",
	    STR_ARG(target(s)), gone_page);
}

/* --- asking --- */

static bool
print_asking(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.caddy", "# ", "For a site's block: import this file in it");
	bool fastcgi = s->kind->uses == USES_FASTCGI;

	if (out == NULL)
		return false;
	(void)fputs("# The site's own redir, rewrite, try_files and basicauth come first.\n\n", out);
	(void)fprintf(out, "\tforward_auth %.*s {\n\t\turi %s\n", STR_ARG(target(s)), fastcgi ? "/" : "/auth");
	if (s->proxy_count > 0) {
		(void)fputs("\t\ttrusted_proxies", out);
		for (size_t i = 0; i < s->proxy_count; i++)
			(void)fprintf(out, " %.*s", STR_ARG(s->proxies[i]));
		(void)fputs("\n\t\theader_up X-Forwarded-Host {http.request.hostport}\n", out);
	}
	if (fastcgi)
		print_fastcgi(out, "forward-auth", s->site_count == 1 ? s->sites[0].name : "", 0);
	(void)fprintf(out, "\t\tcopy_headers %s\n\t}\n",
	    arena_copy(s->arena, s->sites[0].section->v[KEY_MARKER_HEADER].text).p);
	print_status(s, out);
	print_gone(s, out);
	return true;
}

bool
snippet_caddy_fastcgi(struct snippet *s)
{
	return print_asking(s);
}

bool
snippet_caddy_forward_auth(struct snippet *s)
{
	return print_asking(s);
}

/* --- native: which site --- */

static bool
covers(struct str pattern, struct str other)
{
	struct str suffix = str_sub(pattern, 1, pattern.len);

	return pattern.len == 0 || str_eq(pattern, other) ||
	    (str_starts(pattern, STR("*.")) && other.len > suffix.len && str_ends(other, suffix));
}

/* The hosts of all scopes, each once, closest first. */
static size_t
distinct_hosts(const struct snippet *s, struct str *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < s->scope_count; i++) {
		struct str host = s->scopes[i].host_pattern;
		bool new = host.len > 0;

		for (size_t k = 0; new && k < count; k++)
			new = !str_eq(ret[k], host);
		if (new)
			ret[count++] = host;
	}
	return count;
}

static void
print_hosts(const struct snippet *s, FILE *out, const struct str *hosts, size_t count)
{
	(void)fputs("\tmap {http.request.hostport} {mw_host} {\n", out);
	for (size_t i = 0; i < count; i++) {
		(void)fputs("\t\t\"~(?i)^", out);
		print_regex(out, snippet_host_regex(s->arena, hosts[i]));
		(void)fprintf(out, "$\" host%zu\n", i);
	}
	(void)fputs("\t\t\"~" ORDINARY_HOST "\" other\n\t\tdefault any\n\t}\n", out);
}

/* The site of a target that can be read in one way. */
static void
print_scopes(const struct snippet *s, FILE *out, const struct str *hosts, size_t count)
{
	const struct snippet_scope *last = &s->scopes[s->scope_count - 1];

	(void)fputs("\tmap \"{mw_host} {http.request.orig_uri.path}\" {mw_site} {\n", out);
	for (size_t i = 0; i <= count; i++) {
		char class[32];

		(void)snprintf(class, sizeof class, i < count ? "host%zu" : "other", i);
		for (const struct snippet_scope *scope = s->scopes; scope < last; scope++) {
			if (i == count ? scope->host_pattern.len > 0 : !covers(scope->host_pattern, hosts[i]))
				continue;
			(void)fprintf(out, "\t\t\"~(?s)^%s ", class);
			print_inner(out, scope->path != NULL ? scope->path : "^.*$");
			(void)fprintf(out, "$\" %s\n", scope->site->label);
			if (scope->path == NULL)
				break;
		}
	}
	(void)fprintf(out, "\t\tdefault %s\n\t}\n", last->site->label);
}

/* A target that can be read in two ways is of every site whose host fits; a host that can be, of every site. */
static void
print_inside(const struct snippet *s, FILE *out, const struct snippet_site *site, const struct str *hosts, size_t count)
{
	bool any = site == s->scopes[s->scope_count - 1].site;

	(void)fprintf(out, "\tmap \"{mw_target} {mw_host} {mw_site}\" {mw_in_%s} {\n"
	    "\t\t\"~^(?:(?:ok|odd) any .*|ok .* %s|odd (?:", site->label, site->label);
	for (size_t i = 0; i < s->scope_count; i++)
		any = any || (s->scopes[i].site == site && s->scopes[i].host_pattern.len == 0);
	for (size_t i = 0; i < count; i++) {
		bool fits = any;

		for (size_t k = 0; k < s->scope_count; k++)
			fits = fits || (s->scopes[k].site == site && covers(s->scopes[k].host_pattern, hosts[i]));
		if (fits)
			(void)fprintf(out, "host%zu|", i);
	}
	(void)fprintf(out, "%s) .*)$\" yes\n\t\tdefault no\n\t}\n", any ? "other" : "none");
}

static void
print_sites(const struct snippet *s, FILE *out)
{
	struct str *hosts = arena_alloc(s->arena, s->scope_count * sizeof *hosts);
	size_t count = hosts == NULL ? 0 : distinct_hosts(s, hosts);

	if (hosts == NULL)
		return;
	print_hosts(s, out, hosts, count);
	print_scopes(s, out, hosts, count);
	for (size_t i = 0; i < s->site_count; i++)
		print_inside(s, out, &s->sites[i], hosts, count);
}

/* --- native: what opens --- */

static void
print_open(FILE *out, const struct snippet_site *site)
{
	(void)fprintf(out, "\tmap \"{mw_target} {http.request.method} {http.request.orig_uri.path}\" {mw_open_%s} {\n",
	    site->label);
	if (site->open_method != NULL) {
		(void)fputs("\t\t\"~^\\w+ ", out);
		print_inner(out, site->open_method);
		(void)fputs(" \" yes\n", out);
	}
	if (site->open_read != NULL) {
		(void)fputs("\t\t\"~(?s)^ok (?:GET|HEAD) ", out);
		print_inner(out, site->open_read);
		(void)fputs("$\" yes\n", out);
	}
	if (site->open_path != NULL) {
		(void)fputs("\t\t\"~(?s)^ok \\S+ ", out);
		print_inner(out, site->open_path);
		(void)fputs("$\" yes\n", out);
	}
	(void)fputs("\t\tdefault no\n\t}\n", out);
}

/* Each byte that could mean something stands as its number. */
static void
print_literal(FILE *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;

		(void)fprintf(out, plain ? "%c" : "\\x%02x", c);
	}
}

static void
print_secrets(FILE *out, const struct snippet_site *site)
{
	(void)fprintf(out, "\tmap {http.request.header.%s} {mw_secret_%s} {\n\t\t\"~^(?:", site->bypass_header,
	    site->label);
	for (size_t i = 0; i < site->secret_count; i++) {
		(void)fputs(i > 0 ? "|" : "", out);
		print_literal(out, site->secrets[i]);
	}
	(void)fputs(")$\" yes\n\t\tdefault no\n\t}\n", out);
}

static void
print_tickets(const struct snippet *s, FILE *out)
{
	(void)fputs("\tmap {http.request.header.Cookie} {mw_cookie} {\n"
	    "\t\t\"~(?:^|[;,] *)maintenance_ticket=([0-9a-f]{32}) *(?:[;,]|$)\" \"${1}\"\n\t\tdefault none\n\t}\n"
	    "\tmap {http.request.header.X-Maintenance-Ticket} {mw_ticket} {\n"
	    "\t\t\"~^([0-9a-f]{32})$\" \"${1}\"\n\t\tdefault none\n\t}\n", out);
	for (size_t i = 0; i < s->site_count; i++) {
		const struct snippet_site *site = &s->sites[i];

		if (site->tickets != NULL && site->tickets != s->any_tickets)
			(void)fprintf(out, "\tmap \"{mw_cookie} {mw_ticket}\" {mw_c_%s} {mw_t_%s} {\n"
			    "\t\t\"~^(\\w+) (\\w+)$\" \"%s/${1}\" \"%s/${2}\"\n\t\tdefault none none\n\t}\n",
			    site->label, site->label, site->tickets, site->tickets);
	}
	(void)fprintf(out, "\tmap \"{mw_cookie} {mw_ticket}\" {mw_c_any} {mw_t_any} {\n"
	    "\t\t\"~^(\\w+) (\\w+)$\" \"%s/${1}\" \"%s/${2}\"\n\t\tdefault none none\n\t}\n", s->any_tickets,
	    s->any_tickets);
}

/* --- native: what holds --- */

static void
print_bypass(const struct snippet *s, FILE *out, const struct snippet_site *site)
{
	const char *or = "";

	if (site->address_count + site->secret_count == 0 && site->tickets == NULL)
		return;
	(void)fprintf(out, "\n\t\t&& (file({'root': '/', 'try_files': ['%s']})\n\t\t\t|| !(", s->bypass_off);
	for (size_t i = 0; i < site->address_count; i++)
		(void)fprintf(out, "%s'%.*s'", i == 0 ? "remote_ip(" : ", ", STR_ARG(site->addresses[i]));
	if (site->address_count > 0) {
		(void)fputs(")", out);
		or = "\n\t\t\t\t|| ";
	}
	if (site->secret_count > 0) {
		(void)fprintf(out, "%s{mw_secret_%s} == \"yes\"", or, site->label);
		or = "\n\t\t\t\t|| ";
	}
	if (site->tickets != NULL) {
		(void)fprintf(out, "%sfile({'root': '/', 'try_files': [", or);
		if (site->tickets != s->any_tickets)
			(void)fprintf(out, "{mw_c_%s}, {mw_t_%s}, ", site->label, site->label);
		(void)fputs("{mw_c_any}, {mw_t_any}]})", out);
	}
	(void)fputs("))", out);
}

/* A flag; or no folder for flags, where on_unknown says what that means. */
static void
print_flags(const struct snippet *s, FILE *out, const struct snippet_site *site)
{
	bool folder = site->site->condition.on_unknown != UNKNOWN_PASS;

	(void)fprintf(out, "%sfile({'root': '/', 'try_files': ['%s'", folder ? "(" : "", s->global_flag);
	if (site->own_flag != NULL)
		(void)fprintf(out, ", '%s'", site->own_flag);
	(void)fputs("]})", out);
	if (folder)
		(void)fprintf(out, "\n\t\t\t|| !file({'root': '/', 'try_files': ['%s/']}))", s->state_dir);
	(void)fputs("\n\t\t&& ", out);
}

static void
print_hold(const struct snippet *s, FILE *out, const struct snippet_site *site)
{
	const struct value *status = &site->section->v[KEY_STATUS];

	(void)fprintf(out, "\t@mw_hold_%s expression `", site->label);
	if (site->site->condition.enabled == ENABLED_AUTO)
		print_flags(s, out, site);
	(void)fputs("{mw_status} == \"no\"", out);
	if (s->site_count > 1)
		(void)fprintf(out, " && {mw_in_%s} == \"yes\"", site->label);
	(void)fprintf(out, " && {mw_open_%s} == \"no\"", site->label);
	print_bypass(s, out, site);
	(void)fprintf(out, "`\n\tforward_auth @mw_hold_%s %.*s {\n\t\turi /\n", site->label, STR_ARG(target(s)));
	print_fastcgi(out, "render", site->name, status->number < 300 ? 503 : 0);
	(void)fputs("\t}\n", out);
}

bool
snippet_caddy(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.caddy", "# ", "For a site's block: import this file in it");

	if (out == NULL)
		return false;
	(void)fputs("# The site's own redir, rewrite, try_files and basicauth come first.\n\n"
	    "\t# each line is looked at only where the one that names it is\n"
	    "\tmap {http.request.orig_uri} {mw_target} {\n"
	    "\t\t\"~(?i)^[^?]*" SNIPPET_ODD_TARGET_RE2 "\" odd\n\t\t\"~^/\" ok\n\t\tdefault odd\n\t}\n", out);
	if (s->site_count > 1)
		print_sites(s, out);
	print_tickets(s, out);
	for (size_t i = 0; i < s->site_count; i++) {
		const struct snippet_site *site = &s->sites[i];

		if (site->site->condition.enabled == ENABLED_OFF)
			continue;
		(void)fputs("\n", out);
		print_open(out, site);
		if (site->secret_count > 0)
			print_secrets(out, site);
		print_hold(s, out, site);
	}
	(void)fputs("\n", out);
	print_status(s, out);
	print_gone(s, out);
	return true;
}
