/* SPDX-License-Identifier: MIT */
/*
 * lighttpd: the policy as Lua for mod_magnet, with lighttpd_gate.lua behind it, and the FastCGI ways.  What its
 * mechanisms do was measured with 1.4.69.
 */
#include "config.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/snippet.h"
#include "ctl/snippet_lua.h"

#define LUA_PLACE "The place that the other part names; lighttpd's user must be able to read it"

/* "/run/g.sock" as "socket", 127.0.0.1:9000 as "host" and "port". */
static void
print_socket(const struct snippet *s, FILE *out)
{
	struct str address = str_of(s->address);
	size_t colon = str_find_last(address, ':');

	if (s->unix_path != NULL) {
		(void)fprintf(out, "\"socket\" => \"%s\"", s->unix_path);
		return;
	}
	(void)fprintf(out, "\"host\" => \"%.*s\", \"port\" => %.*s", STR_ARG(str_sub(address, 0, colon)),
	    STR_ARG(str_sub(address, colon + 1, address.len)));
}

/* --- the policy as Lua --- */

/* A text in quotes, any byte. */
static void
print_text(struct str text, FILE *out)
{
	(void)fputc('"', out);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '"' || c == '\\')
			(void)fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			(void)fprintf(out, "\\%03d", c);
		else
			(void)fputc(c, out);
	}
	(void)fputc('"', out);
}

/* A glob of rules/path.h as a Lua pattern. */
static void
print_glob(const struct snippet *s, struct str glob, FILE *out)
{
	char *pattern = arena_alloc(s->arena, 6 * glob.len + 3);
	size_t len = 0;

	if (pattern == NULL)
		return;
	pattern[len++] = '^';
	for (size_t i = 0; i < glob.len; i++) {
		bool doubled = glob.p[i] == '*' && i + 1 < glob.len && glob.p[i + 1] == '*';
		const char *star = doubled ? ".*" : "[^/]*";

		if (glob.p[i] == '*') {
			memcpy(pattern + len, star, strlen(star));
			len += strlen(star);
			i += doubled;
			continue;
		}
		if (strchr("^$()%.[]+-?", glob.p[i]) != NULL)
			pattern[len++] = '%';
		pattern[len++] = glob.p[i];
	}
	pattern[len++] = '$';
	print_text((struct str){ pattern, len }, out);
}

enum rule_kind { RULE_EXACT, RULE_BELOW, RULE_GLOB, RULE_KINDS };

static enum rule_kind
kind_of(struct str rule)
{
	if (str_find(rule, '*') != rule.len)
		return RULE_GLOB;
	return str_ends(rule, STR("/")) ? RULE_BELOW : RULE_EXACT;
}

static void
print_rule(const struct snippet *s, struct str rule, enum rule_kind kind, FILE *out)
{
	if (kind_of(rule) != kind)
		return;
	if (kind == RULE_GLOB) {
		print_glob(s, rule, out);
	} else {
		(void)fputc('[', out);
		print_text(kind == RULE_BELOW ? str_sub(rule, 0, rule.len - 1) : rule, out);
		(void)fputs("] = true", out);
	}
	(void)fputs(", ", out);
}

/* Rules of open_path, or those behind the words of open_defaults. */
static void
print_paths(const struct snippet *s, const char *name, const struct value *list, bool words, FILE *out)
{
	static const char *const kinds[RULE_KINDS] = { "exact", "below", "globs" };

	(void)fprintf(out, "        %s = { ", name);
	for (enum rule_kind kind = RULE_EXACT; kind < RULE_KINDS; kind++) {
		(void)fprintf(out, "%s = { ", kinds[kind]);
		for (size_t i = 0; i < list->item_count; i++) {
			if (!words)
				print_rule(s, list->items[i], kind, out);
			for (size_t k = 0; words && k < open_default_count; k++)
				if (str_eq(list->items[i], open_defaults[k].set))
					print_rule(s, open_defaults[k].path, kind, out);
		}
		(void)fputs("}, ", out);
	}
	(void)fputs("},\n", out);
}

/* "4/8/0a": family, bits and as many digits as hold them; and which numbers of bits there are. */
static void
print_networks(const struct str *networks, size_t count, FILE *out)
{
	bool bits4[33] = { false }, bits6[129] = { false };

	(void)fputs("{ ", out);
	for (size_t i = 0; i < count; i++) {
		size_t slash = str_find(networks[i], '/');
		struct ip_addr address;
		int64_t bits = 128;
		bool v4;

		if (ip_parse(str_sub(networks[i], 0, slash), &address) != 0)
			continue;       /* never: the policy is compiled */
		v4 = ip_is_v4(&address);
		if (slash < networks[i].len)
			(void)str_number(str_sub(networks[i], slash + 1, networks[i].len), 0, 128, &bits);
		if (v4 && (slash == networks[i].len || str_find(networks[i], ':') != networks[i].len))
			bits -= 96;
		(v4 ? bits4 : bits6)[bits] = true;
		(void)fprintf(out, "[\"%c/%d/", v4 ? '4' : '6', (int)bits);
		for (int digit = 0; digit < ((int)bits + 3) / 4; digit++) {
			uint8_t byte = address.bytes[(v4 ? 12 : 0) + digit / 2];

			(void)fprintf(out, "%x", digit % 2 == 0 ? byte >> 4 : byte & 15);
		}
		(void)fputs("\"] = true, ", out);
	}
	(void)fputs("bits4 = { ", out);
	for (int bits = 0; bits <= 32; bits++)
		if (bits4[bits])
			(void)fprintf(out, "%d, ", bits);
	(void)fputs("}, bits6 = { ", out);
	for (int bits = 0; bits <= 128; bits++)
		if (bits6[bits])
			(void)fprintf(out, "%d, ", bits);
	(void)fputs("} }", out);
}

/* Secrets by their SHA-256 alone. */
static void
print_secrets(const struct rules *rules, FILE *out)
{
	(void)fputs("        secrets = { ", out);
	for (size_t i = 0; i < rules->secret_count; i++) {
		(void)fputc('"', out);
		for (size_t k = 0; k < SHA256_SIZE; k++)
			(void)fprintf(out, "%02x", rules->secrets[i].digest[k]);
		(void)fputs("\", ", out);
	}
	(void)fputs("},\n", out);
}

static void
print_methods(const struct site *site, FILE *out)
{
	method_set set = site->rules.open_methods;

	if (site->condition.mode == MODE_READ_ONLY)
		set |= METHOD_SET_READ_ONLY;
	(void)fputs("        methods = { ", out);
	for (int method = 0; method < METHOD_OTHER; method++)
		if (method_in(set, (enum method)method))
			(void)fprintf(out, "[\"%s\"] = true, ", method_name((enum method)method));
	(void)fputs("},\n", out);
}

static void
print_lua_site(const struct snippet *s, const struct snippet_site *site, FILE *out)
{
	const struct value *v = site->section->v;

	(void)fprintf(out, "      { name = \"%s\", hosts = { ", site->name);
	for (size_t i = 0; i < site->site->host_count; i++)
		(void)fprintf(out, "\"%.*s\", ", STR_ARG(site->site->hosts[i]));
	(void)fputs("},\n", out);
	print_paths(s, "open", &v[KEY_OPEN_PATH], false, out);
	print_paths(s, "open_read", &v[KEY_OPEN_DEFAULTS], true, out);
	print_methods(site->site, out);
	(void)fputs("        networks = ", out);
	print_networks(site->addresses, site->address_count, out);
	(void)fprintf(out, ",\n        header = \"%s\",\n", site->bypass_header);
	print_secrets(&site->site->rules, out);
	(void)fputs("        tickets = { ", out);
	if (site->tickets != NULL && strcmp(site->tickets, s->any_tickets) != 0) {
		print_text(str_of(site->tickets), out);
		(void)fputs(", ", out);
	}
	if (site->tickets != NULL)
		print_text(str_of(s->any_tickets), out);
	(void)fputs(" } },\n", out);
}

static void
print_lua_scopes(const struct snippet *s, FILE *out)
{
	for (size_t i = 0; i + 1 < s->scope_count; i++) {
		const struct snippet_scope *scope = &s->scopes[i];

		(void)fprintf(out, "      { site = %zu, host = \"%.*s\", path = ", scope->site - s->sites + 1,
		    STR_ARG(scope->host_pattern));
		print_text(str_sub(scope->path_prefix, 0, scope->path_prefix.len - 1), out);
		(void)fputs(" },\n", out);
	}
}

/* Where each site's own flag is; "on" and "off" where none is looked at. */
static void
print_lua_flags(const struct snippet *s, FILE *out)
{
	(void)fputs("local FLAGS = { ", out);
	for (size_t i = 0; i < s->site_count; i++) {
		const struct snippet_site *site = &s->sites[i];
		enum enabled enabled = site->site->condition.enabled;

		print_text(enabled == ENABLED_ON ? STR("on") : enabled == ENABLED_OFF ? STR("off") :
		    site->own_flag != NULL ? str_of(site->own_flag) : STR(""), out);
		(void)fputs(", ", out);
	}
	(void)fputs("}\nlocal UNKNOWN = { ", out);
	for (size_t i = 0; i < s->site_count; i++)
		(void)fprintf(out, "%s, ", s->sites[i].site->condition.on_unknown == UNKNOWN_PASS ? "false" : "true");
	(void)fputs("}\n", out);
}

static void
print_lua_path(const char *name, const char *path, FILE *out)
{
	(void)fprintf(out, "local %s = ", name);
	print_text(str_of(path), out);
	(void)fputc('\n', out);
}

static void
print_lua_state(const struct snippet *s, FILE *out)
{
	print_lua_path("STATE_DIR", s->state_dir, out);
	print_lua_path("GLOBAL_FLAG", s->global_flag, out);
	print_lua_flags(s, out);
}

/*
 * mod_magnet runs the whole script for each request, and keeps the Lua between them.  So all of it is made once, into
 * run(), until another script is put there.  Returns false out of memory.
 */
static bool
print_kept(const struct snippet *s, void (*print)(const struct snippet *, FILE *), FILE *out)
{
	char *text = NULL;
	size_t len = 0;
	FILE *body = open_memstream(&text, &len);
	bool whole = body != NULL;

	if (whole) {
		print(s, body);
		whole = ferror(body) == 0;
		whole = fclose(body) == 0 && whole;
	}
	if (whole)
		(void)fprintf(out, "local VERSION = \"%016llx\"\nlocal gate = _G.maintenance_warden\n"
		    "if not gate or gate.version ~= VERSION then  -- else this is there, made for another "
		    "request\n\n%s\ngate = { version = VERSION, run = run }\n_G.maintenance_warden = gate\n"
		    "end\nreturn gate.run(lighty.r)\n",
		    (unsigned long long)str_hash(STR_HASH_SEED, (struct str){ text, len }), text);
	free(text);
	return whole;
}

static void
print_gate(const struct snippet *s, FILE *out)
{
	print_lua_state(s, out);
	print_lua_path("BYPASS_OFF", s->bypass_off, out);
	(void)fputs("local HOLD = \"/.maintenance/hold\"\n", out);
	(void)fprintf(out, "local ONLY = \"%s\"           -- the site by name, where there is but one\n",
	    s->site_count == 1 ? s->sites[0].name : "");
	(void)fputs("local function make_policy()\n  return {\n    proxies = ", out);
	print_networks(s->proxies, s->proxy_count, out);
	(void)fputs(",\n    sites = {\n", out);
	for (size_t i = 0; i < s->site_count; i++)
		print_lua_site(s, &s->sites[i], out);
	(void)fputs("    },\n    -- the first that matches, else the default\n    scopes = {\n", out);
	print_lua_scopes(s, out);
	(void)fprintf(out, "    },\n    default = %zu,\n  }\nend\n", s->scopes[s->scope_count - 1].site - s->sites + 1);
	(void)fprintf(out, "%s%s", snippet_lighttpd_flags, snippet_lighttpd_gate);
}

/* --- the kinds --- */

#define MAGNET \
	"server.modules := ( \"mod_magnet\" ) + server.modules\n" \
	"magnet.attract-raw-url-to += ( \"%s/maintenance-warden.lua\" )\n\n"

static const char *
lua_folder(const struct snippet *s)
{
	char copy[PATH_MAX];

	if (s->folder != NULL)
		return s->folder;
	(void)snprintf(copy, sizeof copy, "%s", s->config);
	return arena_copy(s->arena, str_of(dirname(copy))).p;
}

bool
snippet_lighttpd_native(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For the server");

	if (out == NULL)
		return false;
	(void)fprintf(out, "# mod_magnet goes before all other modules: one that stands before it answers "
	    "without the gate.  Where a\n# condition sets magnet.attract-raw-url-to again, the gate must stand in that "
	    "list too.\n"
	    "server.modules += ( \"mod_fastcgi\" )\n" MAGNET
	    "# what the script sends to the gateway\n$HTTP[\"url\"] == \"/.maintenance/hold\" {\n"
	    "    server.stream-request-body = 2      # a held upload is not waited for\n"
	    "    fastcgi.server = ( \"/\" => (( ", lua_folder(s));
	print_socket(s, out);
	(void)fputs(", \"check-local\" => \"disable\" )) )\n}\n", out);
	out = snippet_part(s, "maintenance-warden.lua", "-- ", LUA_PLACE);
	if (out == NULL)
		return false;
	s->last->read_later = true;
	return print_kept(s, print_gate, out);
}

/* --- asking, and the gateway as the handler --- */

#define ORDER "# ORDER MATTERS: in server.modules, mod_fastcgi must stand before mod_proxy, mod_cgi, mod_scgi and " \
	      "whatever else answers\n# requests, or those answer without asking the gate.  Load this file before " \
	      "theirs (on Debian as\n# conf-available/05-maintenance.conf), and try a held request of each kind " \
	      "after every change.\n\nserver.modules += ( \"mod_fastcgi\" )\n\n"

#define SPAWNED_SOCKET "/run/lighttpd/maintenance-warden.sock"

bool
snippet_lighttpd_refuses_site(struct snippet *s)
{
	if (s->ctl->site_name != NULL)
		(void)ctl_fail(CTL_NO, "%s cannot be for one site: lighttpd does not tell it, the gateway finds it by "
		    "host and path; leave --site out", s->kind->name);
	return s->ctl->site_name != NULL;
}

bool
snippet_lighttpd_refuses_listen(struct snippet *s)
{
	const struct place *place = &s->values->gateway.v[KEY_LISTEN].place;

	if (snippet_lighttpd_refuses_site(s))
		return true;
	if (s->policy->listen.len == 0)
		return false;
	(void)ctl_fail(CTL_NO, "%.*s:%u: [%.*s] %.*s: lighttpd starts the gateway on a socket of its own: "
	    "leave it empty", STR_ARG(place->file), place->line, STR_ARG(place->section), STR_ARG(place->key));
	return true;
}

bool
snippet_lighttpd_refuses_roots(struct snippet *s)
{
	if (snippet_lighttpd_refuses_site(s))
		return true;
	for (size_t i = 0; i < s->site_count; i++) {
		const struct place *place = &s->sites[i].section->v[KEY_HAND_BACK].place;

		if (s->sites[i].site->answers.hand_back.kind == HAND_BACK_X_SENDFILE)
			continue;
		(void)ctl_fail(CTL_NO, "%.*s:%u: [%.*s] hand_back: %s passes by X-Sendfile alone: "
		    "expected x-sendfile and the document root", STR_ARG(place->file), place->line,
		    STR_ARG(place->section), s->kind->name);
		return true;
	}
	return false;
}

static void
print_status(const struct snippet *s, FILE *out)
{
	(void)fputs("# the state as JSON: never held\n$HTTP[\"url\"] == \"/.maintenance/status\" {\n"
	    "  $HTTP[\"request-method\"] =~ \"^(GET|HEAD)$\" {\n    fastcgi.server = ( \"/\" => (( ", out);
	print_socket(s, out);
	(void)fputs(", \"check-local\" => \"disable\" )) )\n  }\n}\n", out);
}

bool
snippet_lighttpd_authorizer(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For the server");

	if (out == NULL)
		return false;
	(void)fputs(ORDER "fastcgi.server += (\n  \"/\" => ((\n    ", out);
	print_socket(s, out);
	(void)fputs(",\n    \"mode\" => \"authorizer\",\n    \"check-local\" => \"disable\"\n  ))\n)\n\n",
	    out);
	print_status(s, out);
	return true;
}

/* Who is asked is a suffix that no path has; while a flag is there, every path is mapped to it. */
#define ASK_HEADER "Maintenance-Ask"
#define ASK_SUFFIX ".maintenance-warden"

static void
print_ask(const struct snippet *s, FILE *out)
{
	print_lua_state(s, out);
	(void)fprintf(out, "local ASK = \"" ASK_HEADER "\"\n%s%s", snippet_lighttpd_flags, snippet_lighttpd_ask);
}

bool
snippet_lighttpd_authorizer_flag(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For the server");

	if (out == NULL)
		return false;
	(void)fputs("# The gateway is asked only while a flag is there.  A window's flag is written by the gateway "
	    "that runs as a\n# daemon, or by wardenctl tick once a minute: without either its window does not begin.\n"
	    "# Not for a site with a fastcgi.map-extensions of its own: it does not hold while a flag is there.\n"
	    "# A condition that has fastcgi.server must add to it, by +=, or nobody is asked there.\n" ORDER, out);
	(void)fprintf(out, MAGNET "fastcgi.server += (\n  \"" ASK_SUFFIX "\" => ((\n    ", lua_folder(s));
	print_socket(s, out);
	(void)fputs(",\n    \"mode\" => \"authorizer\",\n    \"check-local\" => \"disable\"\n  ))\n)\n"
	    "$REQUEST_HEADER[\"" ASK_HEADER "\"] == \"yes\" {\n"
	    "  fastcgi.map-extensions = ( \"\" => \"" ASK_SUFFIX "\" )\n}\n\n", out);
	print_status(s, out);
	out = snippet_part(s, "maintenance-warden.lua", "-- ", LUA_PLACE);
	if (out == NULL)
		return false;
	s->last->read_later = true;
	return print_kept(s, print_ask, out);
}

/* maintenance-warden in the folder of this wardenctl; the usual place where nobody knows. */
static const char *
gateway_program(const struct snippet *s)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

	if (len <= 0)
		return "/usr/local/bin/maintenance-warden";
	path[len] = '\0';
	return arena_printf(s->arena, "%s/maintenance-warden", dirname(path)).p;
}

bool
snippet_lighttpd_spawned(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For the server");

	if (out == NULL)
		return false;
	(void)fprintf(out, "# One process: each would have counters of its own.  lighttpd adds \"-0\" to the name "
	    "of its socket.\n" ORDER "fastcgi.server += (\n  \"/\" => ((\n    \"socket\" => \"" SPAWNED_SOCKET "\",\n"
	    "    \"bin-path\" => \"%s -c %s\",\n    \"max-procs\" => 1,\n    \"mode\" => \"authorizer\",\n"
	    "    \"check-local\" => \"disable\"\n  ))\n)\n\n"
	    "# the state as JSON: never held\n$HTTP[\"url\"] == \"/.maintenance/status\" {\n"
	    "  $HTTP[\"request-method\"] =~ \"^(GET|HEAD)$\" {\n    fastcgi.server = ( \"/\" => (( "
	    "\"socket\" => \"" SPAWNED_SOCKET "-0\", "
	    "\"check-local\" => \"disable\" )) )\n  }\n}\n", gateway_program(s), s->config);
	return true;
}

bool
snippet_lighttpd_responder(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For the server");

	if (out == NULL)
		return false;
	(void)fputs("# Types that pass: sendfile_types.\n" ORDER "fastcgi.server += (\n  \"/\" => ((\n    ", out);
	print_socket(s, out);
	(void)fputs(",\n    \"check-local\" => \"disable\",\n    \"x-sendfile\" => \"enable\",\n"
	    "    \"x-sendfile-docroot\" => ( ", out);
	for (size_t i = 0; i < s->site_count; i++)
		(void)fprintf(out, "\"%.*s\", ", STR_ARG(s->sites[i].site->answers.hand_back.target));
	(void)fputs(")\n  ))\n)\n", out);
	return true;
}
