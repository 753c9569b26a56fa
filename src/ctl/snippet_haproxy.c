/* SPDX-License-Identifier: MIT */
/*
 * HAProxy.  What its mechanisms do was measured with 2.6.  A Lua function sees the state files with each request, and
 * nothing else is looked at while there is no flag.  A map that is switched over the runtime socket would need the
 * gateway to do it, lag behind the flag, and be as in its file again after a reload: so there is none.  A frontend
 * cannot include a file, so its lines are a part of their own.  Variables: txn.mw_on ",shop,blog,!," are the sites that
 * are on ("!": bypass.off), txn.mw_site is where a request belongs, txn.mw_hold the site that holds it; "*" stands for
 * [site].
 */
#include "config.h"

#include "ctl/snippet.h"

#define ORDINARY_HOST "^(?:[A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+)*[.]?|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]*)?$"
#define NETWORKS_A_LINE 32      /* HAProxy takes at most 64 words in a line */

static const char error_page[] =
    "content-type \"text/html; charset=utf-8\" string '<!doctype html><title>Maintenance</title>"
    "<h1>Maintenance</h1>' hdr Retry-After 120 hdr Cache-Control no-store";

static const char lua_rest[] =
    "-- What cannot be looked at is taken to be there: a flag that may not be read holds.\n"
    "local function there(path)\n"
    "\tlocal file, _, errno = io.open(path, \"r\")\n"
    "\tif file then file:close() end\n"
    "\treturn errno ~= 2 and errno ~= 20\n"
    "end\n\n"
    "-- Behind a chroot no flag would ever be seen: then everything is held.\n"
    "local looked, seen = 0, false\n"
    "local function sees_state()\n"
    "\tlocal now = core.now().sec\n"
    "\tif now ~= looked then\n"
    "\t\tlooked, seen = now, there(state_dir)\n"
    "\t\tif not seen then\n"
    "\t\t\tcore.Alert(\"maintenance-warden: \" .. state_dir .. \" is not there (chroot?): all is held\")\n"
    "\t\tend\n"
    "\tend\n"
    "\treturn seen\n"
    "end\n\n"
    "core.register_fetches(\"mw_on\", function()\n"
    "\tlocal on, all = \"\", not sees_state() or there(global_flag)\n"
    "\tfor _, site in ipairs(sites) do\n"
    "\t\tif all or site.always or site.flag and there(site.flag) then on = on .. \",\" .. site.name end\n"
    "\tend\n"
    "\tif on ~= \"\" then return on .. (there(bypass_off) and \",!,\" or \",\") end\n"
    "end)\n\n"
    "-- A ticket lets in: its file must be readable.\n"
    "local function is_ticket(id, site)\n"
    "\tif #id ~= 32 or id:find(\"[^0-9a-f]\") then return false end\n"
    "\tfor _, folder in ipairs(tickets[site] or {}) do\n"
    "\t\tlocal file = io.open(folder .. \"/\" .. id, \"r\")\n"
    "\t\tif file then return file:close() end\n"
    "\tend\n"
    "\treturn false\n"
    "end\n\n"
    "core.register_converters(\"mw_ticket\", function(id, site) return is_ticket(id, site) and \"yes\" or \"no\" end)\n"
    "core.register_converters(\"mw_cookie\", function(header, site)\n"
    "\tfor cookie in header:gmatch(\"[^;,]+\") do\n"
    "\t\tlocal id = cookie:match(\"^ *maintenance_ticket=(%x*) *$\")\n"
    "\t\tif id and is_ticket(id, site) then return \"yes\" end\n"
    "\tend\n"
    "\treturn \"no\"\n"
    "end)\n";

static const char *
name_of(const struct snippet_site *site)
{
	return site->name[0] != '\0' ? site->name : "*";
}

/* --- the Lua --- */

static void
print_lua_site(FILE *out, const struct snippet_site *site)
{
	(void)fprintf(out, "\t{ name = \"%s\"", name_of(site));
	if (site->site->condition.enabled == ENABLED_ON)
		(void)fputs(", always = true", out);
	else if (site->own_flag != NULL)
		(void)fprintf(out, ", flag = \"%s\"", site->own_flag);
	(void)fputs(" },\n", out);
}

static void
print_lua_tickets(FILE *out, const struct snippet *s, const struct snippet_site *site)
{
	(void)fprintf(out, "\t[\"%s\"] = { \"%s\"", name_of(site), s->any_tickets);
	if (site->tickets != s->any_tickets)
		(void)fprintf(out, ", \"%s\"", site->tickets);
	(void)fputs(" },\n", out);
}

static bool
print_lua(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.lua", "-- ", "/etc/haproxy/maintenance-warden.lua");

	if (out == NULL)
		return false;
	(void)fprintf(out, "local state_dir = \"%s\"\nlocal global_flag = \"%s\"\nlocal bypass_off = \"%s\"\n"
	    "local sites = {\n", s->state_dir, s->global_flag, s->bypass_off);
	for (size_t i = 0; i < s->site_count; i++)
		if (s->sites[i].site->condition.enabled != ENABLED_OFF)
			print_lua_site(out, &s->sites[i]);
	(void)fputs("}\nlocal tickets = {\n", out);
	for (size_t i = 0; i < s->site_count; i++)
		if (s->sites[i].tickets != NULL)
			print_lua_tickets(out, s, &s->sites[i]);
	(void)fprintf(out, "}\n\n%s", lua_rest);
	return true;
}

/* --- the gateway --- */

static bool
print_backend(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.cfg", "# ",
	    "A file of its own, before the others: haproxy -f maintenance-warden.cfg -f haproxy.cfg");

	if (out == NULL)
		return false;
	(void)fputs("# The files are seen only without `chroot`.\n\n"
	    "global\n    lua-load-per-thread /etc/haproxy/maintenance-warden.lua\n\n"
	    "fcgi-app maintenance-warden\n    docroot /\n    no option keep-conn\n"
	    "    set-param WARDEN_MODE render\n", out);
	if (s->site_count == 1 && s->sites[0].name[0] != '\0')
		(void)fprintf(out, "    set-param WARDEN_SITE %s\n", s->sites[0].name);
	else
		(void)fputs("    set-param WARDEN_SITE %[var(txn.mw_hold)] if { var(txn.mw_hold) -m found } "
		    "!{ var(txn.mw_hold) -m str * }\n", out);
	(void)fputs("\nbackend maintenance-warden\n    mode http\n    use-fcgi-app maintenance-warden\n"
	    "    timeout connect 2s\n    timeout server 5s\n    retries 1\n", out);
	for (const char *const *code = (const char *const[]){ "502", "503", "504", NULL }; *code != NULL; code++)
		(void)fprintf(out, "    http-error status %s %s\n", *code, error_page);
	(void)fprintf(out, "    server gateway %s%s proto fcgi\n", s->unix_path != NULL ? "unix@" : "",
	    s->unix_path != NULL ? s->unix_path : s->address);
	return true;
}

/* --- the frontend --- */

/* Between single quotes, where only those mean anything. */
static void
print_regex(FILE *out, const char *acl, const char *fetch, const char *flags, const char *regex)
{
	(void)fprintf(out, "acl %s %s -m reg %s'", acl, fetch, flags);
	for (const char *c = regex; *c != '\0'; c++)
		if (*c == '\'')
			(void)fputs("\\x27", out);
		else
			(void)putc(*c, out);
	(void)fputs("'\n", out);
}

static const char *
acl_name(const struct snippet *s, const char *what, const char *label)
{
	return arena_printf(s->arena, "mw_%s_%s", what, label).p;
}

/*
 * The first scope that matches has a canonical target; one that can be read in two ways is of every site whose host is
 * its own, and one with no ordinary host of every site.
 */
static void
print_scopes(const struct snippet *s, FILE *out)
{
	const struct snippet_scope *last = &s->scopes[s->scope_count - 1];

	print_regex(out, "mw_host", "req.fhdr(host)", "", ORDINARY_HOST);
	for (size_t i = 0; i < s->scope_count; i++) {
		const struct snippet_scope *scope = &s->scopes[i];
		const char *host = scope->host != NULL ? arena_printf(s->arena, "mw_host%zu", i).p : "";
		const char *path = scope->path != NULL ? arena_printf(s->arena, "mw_path%zu", i).p : "";
		const char *name = name_of(scope->site);

		if (scope->host != NULL)
			print_regex(out, host, "req.fhdr(host)", "-i ", scope->host);
		if (scope->path != NULL)
			print_regex(out, path, "path,url_dec", "", scope->path);
		(void)fprintf(out, "http-request set-var(txn.mw_site) str(%s) if mw_on !mw_odd mw_host %s %s "
		    "!{ var(txn.mw_site) -m found }\n", name, host, path);
		(void)fprintf(out, "http-request set-var(txn.mw_in_%s) bool(true) if mw_on mw_odd %s\n",
		    scope->site->label, scope->site == last->site ? "" : host);
	}
	for (size_t i = 0; i < s->site_count; i++) {
		const struct snippet_site *site = &s->sites[i];

		(void)fprintf(out, "http-request set-var(txn.mw_in_%s) bool(true) if mw_on "
		    "{ var(txn.mw_site) -m str %s } or mw_on !mw_host\n", site->label, name_of(site));
	}
}

static void
print_open(const struct snippet *s, FILE *out, const struct snippet_site *site)
{
	const char *method = acl_name(s, "method", site->label), *read = acl_name(s, "open_read", site->label);
	const char *path = acl_name(s, "open_path", site->label);

	if (site->open_method != NULL) {
		print_regex(out, method, "method", "", site->open_method);
		(void)fprintf(out, "http-request set-var(txn.mw_open_%s) bool(true) if mw_on %s\n", site->label,
		    method);
	}
	if (site->open_read != NULL) {
		print_regex(out, read, "path,url_dec", "", site->open_read);
		(void)fprintf(out, "http-request set-var(txn.mw_open_%s) bool(true) if mw_on !mw_odd mw_read %s\n",
		    site->label, read);
	}
	if (site->open_path != NULL) {
		print_regex(out, path, "path,url_dec", "", site->open_path);
		(void)fprintf(out, "http-request set-var(txn.mw_open_%s) bool(true) if mw_on !mw_odd %s\n",
		    site->label, path);
	}
}

static void
print_by(FILE *out, const struct snippet_site *site, const char *condition)
{
	(void)fprintf(out, "http-request set-var(txn.mw_open_%s) bool(true) if mw_by %s\n", site->label, condition);
}

static void
print_secrets(const struct snippet *s, FILE *out, const struct snippet_site *site)
{
	const char *acl = acl_name(s, "secret", site->label);

	for (size_t i = 0; i < site->site->rules.secret_count; i++) {
		(void)fprintf(out, "acl %s req.fhdr(%s),sha2(256),hex -m str ", acl, site->bypass_header);
		for (size_t k = 0; k < sizeof site->site->rules.secrets[i].digest; k++)
			(void)fprintf(out, "%02X", site->site->rules.secrets[i].digest[k]);
		(void)fputs("\n", out);
	}
	if (site->site->rules.secret_count > 0)
		print_by(out, site, arena_printf(s->arena, "{ req.fhdr_cnt(%s) eq 1 } %s", site->bypass_header, acl).p);
}

static void
print_bypasses(const struct snippet *s, FILE *out, const struct snippet_site *site)
{
	const char *address = acl_name(s, "address", site->label);

	for (size_t i = 0; i < site->address_count; i++) {
		if (i % NETWORKS_A_LINE == 0)
			(void)fprintf(out, "%sacl %s src", i > 0 ? "\n" : "", address);
		(void)fprintf(out, " %.*s", STR_ARG(site->addresses[i]));
	}
	if (site->address_count > 0) {
		(void)fputs("\n", out);
		print_by(out, site, address);
	}
	print_secrets(s, out, site);
	if (site->tickets != NULL)
		print_by(out, site, arena_printf(s->arena, "{ req.fhdr(cookie),lua.mw_cookie(%s) -m str yes } or mw_by "
		    "{ req.fhdr(x-maintenance-ticket),lua.mw_ticket(%s) -m str yes }", name_of(site), name_of(site)).p);
}

static void
print_site(const struct snippet *s, FILE *out, const struct snippet_site *site)
{
	(void)fputs("\n", out);
	print_open(s, out, site);
	print_bypasses(s, out, site);
	(void)fprintf(out, "http-request set-var(txn.mw_hold) str(%s) if mw_on !mw_hold "
	    "{ var(txn.mw_on) -m sub ,%s, }%s%s !{ var(txn.mw_open_%s) -m bool }\n", name_of(site), name_of(site),
	    s->site_count > 1 ? arena_printf(s->arena, " { var(txn.mw_in_%s) -m bool }", site->label).p : "",
	    " !mw_status", site->label);
}

static bool
print_frontend(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden-frontend.cfg", "# ",
	    "For the frontend: its first lines, before its own http-request and use_backend");

	if (out == NULL)
		return false;
	(void)fputs("http-request set-var(txn.mw_on) lua.mw_on\n"
	    "acl mw_on var(txn.mw_on) -m found\n"
	    "acl mw_by var(txn.mw_on) -m reg '^,[^!]*$'\n"
	    "acl mw_hold var(txn.mw_hold) -m found\n"
	    "acl mw_read method GET HEAD\n"
	    "acl mw_status_path pathq -m reg '^/[.]maintenance/status(?:[?]|$)'\n"
	    "http-request set-var(txn.mw_status) bool(true) if mw_status_path mw_read\n"
	    "acl mw_status var(txn.mw_status) -m bool\n"
	    "acl mw_odd pathq -m reg -i '^[^?]*" SNIPPET_ODD_TARGET "|^[^/]|^$'\n"
	    "acl mw_odd url -m sub '#'\n", out);
	if (s->site_count > 1)
		print_scopes(s, out);
	for (size_t i = 0; i < s->site_count; i++)
		if (s->sites[i].site->condition.enabled != ENABLED_OFF)
			print_site(s, out, &s->sites[i]);
	(void)fprintf(out, "\n# what HAProxy does not hand to FastCGI: a body without a length, a broken escape\n"
	    "acl mw_broken pathq -m reg -i '^[^?]*%%(?![0-9a-f]{2})'\n"
	    "acl mw_broken req.fhdr(transfer-encoding) -m found\n"
	    "http-request return status 503 %s if mw_hold mw_broken\n"
	    "use_backend maintenance-warden if mw_hold or mw_status\n", error_page);
	return true;
}

bool
snippet_haproxy(struct snippet *s)
{
	return print_backend(s) && print_frontend(s) && print_lua(s);
}

/* --- a backup --- */

bool
snippet_haproxy_backup(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.cfg", "# ", "For the backend of the application");

	if (out == NULL)
		return false;
	(void)fprintf(out, "option httpchk GET /health\nhttp-check expect rstatus ^[23]\n"
	    "server application %s check inter 1s fall 2 rise 1\nserver maintenance-warden %s%s backup\n", s->upstream,
	    s->http[0] == '/' ? "unix@" : "", s->http);
	return true;
}
