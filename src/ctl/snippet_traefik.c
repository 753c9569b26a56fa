/* SPDX-License-Identifier: MIT */
/*
 * Traefik.  What its mechanisms do was measured with 3.3 and 3.7.  It asks about each request, or (traefik-switched)
 * about each one while maintenance is on, or (traefik-native) judges by the rules of routers that gate_file brings.
 *
 * The rules of 3.3 see the path decoded: "/a%2fb" is Path(`/a/b`).  A path of one segment has no such other spelling,
 * so these alone are open; deeper ones, sites by path, tickets and whatever else needs the gateway are refused.  A
 * router that asks would be no way out: Traefik does not go on to the next one, and the site's own middlewares would
 * be skipped.  A rule about a field holds when one of its lines fits, so a secret is right when there is a line and
 * none has another text.  HostRegexp sees the host without its port, so the entry point's own X-Forwarded-Host is
 * looked at too.  A router without `tls` is none for HTTPS, and one with it none for HTTP: so each is there twice.
 *
 * What a rule holds is asked about, so that the page comes without the request's body, which a service would be sent;
 * the service behind is the page once more, for when the gateway knows already that all is over.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/snippet.h"

#define NAME "maintenance-warden"

static const char status_rule[] = "Path(`/.maintenance/status`) && (Method(`GET`) || Method(`HEAD`))";

static const char *
marker(const struct snippet *s)
{
	return arena_copy(s->arena, s->sites[0].section->v[KEY_MARKER_HEADER].text).p;
}

/* --- parts of a dynamic file --- */

static void
print_forward_auth(const struct snippet *s, FILE *out)
{
	(void)fprintf(out, "  middlewares:\n    " NAME ":\n      forwardAuth:\n        address: \"http://%s/auth\"\n"
	    "        trustForwardHeader: false\n        authResponseHeaders: [ \"%s\" ]\n", s->http, marker(s));
}

static void
print_service(const struct snippet *s, FILE *out)
{
	(void)fprintf(out, "    " NAME ":\n      loadBalancer:\n        servers:\n          - url: \"http://%s\"\n",
	    s->http);
}

static void
print_router(FILE *out, const char *name, const char *rule, int priority)
{
	for (int tls = 0; tls < 2; tls++)
		(void)fprintf(out, "    %s%s:\n      rule: \"%s\"\n      priority: %d\n      service: " NAME "\n%s",
		    name, tls ? "-tls" : "", rule, priority, tls ? "      tls: {}\n" : "");
}

/* The status, and the page instead of a 404 for hosts without a router: the site's own may be gone with it. */
static void
print_routers(const struct snippet *s, FILE *out)
{
	(void)fputs("  routers:\n", out);
	print_router(out, NAME "-status", status_rule, 1000000);
	(void)fputs("    # the page where no other router fits; without these lines Traefik says 404\n", out);
	print_router(out, NAME, "PathPrefix(`/`)", 1);
	(void)fputs("  services:\n", out);
	print_service(s, out);
}

static bool
print_static(struct snippet *s)
{
	FILE *out = snippet_part(s, "traefik.yml", "# ", "For the static configuration: each entry point of a site");

	if (out == NULL)
		return false;
	(void)fputs("entryPoints:\n  web:\n    http:\n      middlewares: [ \"" NAME "@file\" ]\n", out);
	return true;
}

/* --- rules of a router --- */

/* Of a Host header that the gateway understands too; any other may be any site's. */
#define ORDINARY_HOST "^(?:[A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+)*[.]?|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]*)?$"
#define ORDINARY_NAME "^(?:[A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+)*[.]?(?::[0-9]*)?|\\[?[0-9A-Fa-f:.]+\\]?(?::[0-9]*)?)$"
#define HOST_LENGTH "^.{1,255}$"
#define HOLD_PRIORITY 999999

/* The terms of an "or". */
struct terms {
	FILE  *out;
	size_t count;
};

static FILE *
next_term(struct terms *terms)
{
	if (terms->count++ > 0)
		(void)fputs(" || ", terms->out);
	return terms->out;
}

/* A string of Go's between single quotes of YAML: what means anything to either is escaped. */
static void
print_string(FILE *out, struct str text)
{
	(void)putc('"', out);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '\\')
			(void)fputs("\\\\", out);
		else if (c < ' ' || c > '~' || c == '"' || c == '\'')
			(void)fprintf(out, "\\x%02x", c);
		else
			(void)putc(c, out);
	}
	(void)putc('"', out);
}

static void
print_term(FILE *out, const char *matcher, struct str text)
{
	(void)fprintf(out, "%s(", matcher);
	print_string(out, text);
	(void)putc(')', out);
}

static void
print_paths(struct terms *terms, const struct value *open)
{
	for (size_t i = 0; i < open->item_count; i++)
		print_term(next_term(terms), "Path", open->items[i]);
}

static void
print_defaults(struct terms *terms, const struct value *words)
{
	struct terms paths = { terms->out, 0 };

	for (size_t i = 0; i < words->item_count; i++)
		for (size_t k = 0; k < open_default_count; k++) {
			if (!str_eq(words->items[i], open_defaults[k].set))
				continue;
			if (paths.count == 0)
				(void)fputs("(Method(\"GET\") || Method(\"HEAD\")) && (", next_term(terms));
			print_term(next_term(&paths), "Path", open_defaults[k].path);
		}
	if (paths.count > 0)
		(void)putc(')', terms->out);
}

static void
print_methods(struct terms *terms, const struct snippet_site *site, enum mode mode)
{
	method_set set = site->site->rules.open_methods;

	if (mode == MODE_READ_ONLY)
		set |= METHOD_SET_READ_ONLY;
	for (int method = 0; method < METHOD_OTHER; method++)
		if (method_in(set, (enum method)method))
			print_term(next_term(terms), "Method", str_of(method_name((enum method)method)));
}

static void
print_networks(const struct snippet *s, FILE *out, const struct str *networks, size_t count)
{
	struct terms terms = { out, 0 };

	(void)putc('(', out);
	for (size_t i = 0; i < count; i++)
		print_term(next_term(&terms), "ClientIP", snippet_network(s->arena, networks[i]));
	(void)putc(')', out);
}

/* A byte of a regular expression that means itself. */
static void
print_plain(FILE *out, char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		(void)putc(c, out);
	else
		(void)fprintf(out, "\\x%02x", (unsigned char)c);
}

/* A regular expression of what begins like `secrets` up to `at`, and then is none of them; as deep as they are long. */
static void
print_other(FILE *out, const struct str *secrets, size_t count, size_t at)
{
	struct str same[RULES_SECRETS_MAX];
	bool ends = false, more = false;

	for (size_t i = 0; i < count; i++) {
		ends = ends || secrets[i].len == at;
		more = more || secrets[i].len > at;
	}
	(void)fprintf(out, "(?:%s%s", ends ? "" : "$|", more ? "[^" : ".");
	for (size_t i = 0; i < count; i++)
		if (secrets[i].len > at && (i == 0 || secrets[0].len == at || secrets[i].p[at] != secrets[0].p[at]))
			print_plain(out, secrets[i].p[at]);
	(void)fputs(more ? "]" : "", out);
	for (size_t i = 0; i < count; i++) {
		size_t sames = 0;

		for (size_t k = i; secrets[i].len > at && k < count; k++)
			if (secrets[k].len > at && secrets[k].p[at] == secrets[i].p[at])
				same[sames++] = secrets[k];
		if (sames == 0 || (i > 0 && secrets[i - 1].len > at && secrets[i - 1].p[at] == secrets[i].p[at]))
			continue;
		(void)putc('|', out);
		print_plain(out, secrets[i].p[at]);
		print_other(out, same, sames, at + 1);
	}
	(void)putc(')', out);
}

static void
print_secrets(FILE *out, const struct snippet_site *site)
{
	char *text = NULL;
	size_t len = 0;
	FILE *regex = open_memstream(&text, &len);
	struct str header = str_of(site->bypass_header);

	if (regex != NULL) {
		(void)putc('^', regex);
		print_other(regex, site->secrets, site->secret_count, 0);
		(void)fclose(regex);
	}
	(void)fputs("HeaderRegexp(", out);
	print_string(out, header);
	(void)fputs(", \"^\") && !HeaderRegexp(", out);
	print_string(out, header);
	(void)fputs(", ", out);
	print_string(out, text != NULL ? (struct str){ text, len } : STR("^"));         /* "^": any text is wrong */
	(void)putc(')', out);
	free(text);
}

/* A peer that is a trusted proxy is never the client. */
static void
print_bypasses(const struct snippet *s, struct terms *terms, const struct snippet_site *site)
{
	if (site->address_count > 0) {
		print_networks(s, next_term(terms), site->addresses, site->address_count);
		if (s->proxy_count > 0)
			(void)fputs(" && !", terms->out);
		if (s->proxy_count > 0)
			print_networks(s, terms->out, s->proxies, s->proxy_count);
	}
	if (site->secret_count > 0)
		print_secrets(next_term(terms), site);
}

/* The hosts of the first scopes that are none of the site's: they take precedence. */
static void
print_not_others(const struct snippet *s, FILE *out, const struct snippet_site *site, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (s->scopes[i].site != site && s->scopes[i].host != NULL) {
			(void)fputs(" && !", out);
			print_term(out, "HostRegexp", arena_printf(s->arena, "(?i)%s", s->scopes[i].host));
		}
}

/* Where a request belongs to the site; one whose host can be read in two ways belongs to each. */
static void
print_scopes(const struct snippet *s, FILE *out, const struct snippet_site *site)
{
	struct terms terms = { out, 0 };

	(void)putc('(', out);
	for (size_t i = 0; i < s->scope_count; i++) {
		const struct snippet_scope *scope = &s->scopes[i];
		const char *host = scope->host;

		if (scope->site != site)
			continue;
		print_term(next_term(&terms), "HostRegexp",
		    host != NULL ? arena_printf(s->arena, "(?i)%s", host) : STR("^"));
		print_not_others(s, out, site, i);
	}
	(void)fputc('!', next_term(&terms));
	print_term(out, "HostRegexp", STR(ORDINARY_NAME));
	(void)fputc('!', next_term(&terms));
	print_term(out, "HostRegexp", STR(HOST_LENGTH));
	(void)fputs("!HeaderRegexp(\"X-Forwarded-Host\", ", next_term(&terms));
	print_string(out, STR(ORDINARY_HOST));
	(void)fputs(")) && ", out);
}

static void
print_rule(const struct snippet *s, FILE *out, const struct snippet_site *site, enum mode mode, bool bypass)
{
	struct terms terms = { out, 0 };

	if (s->site_count > 1)
		print_scopes(s, out, site);
	(void)fputs("PathRegexp(\"^\") && !(", out);            /* each request */
	print_paths(&terms, &site->section->v[KEY_OPEN_PATH]);
	print_defaults(&terms, &site->section->v[KEY_OPEN_DEFAULTS]);
	print_methods(&terms, site, mode);
	if (bypass)
		print_bypasses(s, &terms, site);
	if (terms.count == 0)
		(void)fputs("!PathRegexp(\"^\")", out);
	(void)putc(')', out);
}

static void
print_hold(const struct snippet *s, FILE *out, const struct snippet_site *site, enum mode mode, bool bypass)
{
	const char *const mode_word = mode == MODE_FULL ? "full" : "read-only";

	(void)fprintf(out, "#? %s %s %s\n", site->name[0] != '\0' ? site->name : "*", mode_word,
	    bypass ? "bypass" : "bypass.off");
	for (int tls = 0; tls < 2; tls++) {
		(void)fprintf(out, "    " NAME "-%s-%s-%s%s:\n      rule: ", site->label, mode_word,
		    bypass ? "bypass" : "nobody", tls ? "-tls" : "");
		if (!tls) {
			(void)fprintf(out, "&%s '", site->label);
			print_rule(s, out, site, mode, bypass);
			(void)fputs("'", out);
		} else {
			(void)fprintf(out, "*%s", site->label);
		}
		(void)fprintf(out, "\n      priority: %d\n      middlewares: [ " NAME " ]\n      service: " NAME "\n%s",
		    HOLD_PRIORITY, tls ? "      tls: {}\n" : "");
	}
}

static bool
print_holds(struct snippet *s)
{
	FILE *out = snippet_part(s, "gate-on.yml", "# ", "/etc/maintenance-warden/gate-on.yml");

	if (out == NULL)
		return false;
	(void)fputs("# Of the lines below a \"#?\" line the gateway leaves those out that are for another state.\n"
	    "http:\n  routers:\n", out);
	for (size_t i = 0; i < s->site_count; i++) {
		const struct snippet_site *site = &s->sites[i];

		for (int k = 0; site->site->condition.enabled != ENABLED_OFF && k < 4; k++)
			print_hold(s, out, site, k < 2 ? MODE_FULL : MODE_READ_ONLY, k % 2 == 0);
	}
	return true;
}

/* --- the kinds --- */

bool
snippet_traefik(struct snippet *s)
{
	FILE *out = snippet_part(s, NAME ".yml", "# ", "For the folder of the file provider");

	if (out == NULL)
		return false;
	(void)fputs("# The client is whoever connects to Traefik.  Behind a balancer: trustedIPs in the entry point's\n"
	    "# forwardedHeaders, trustForwardHeader: true, and a balancer that drops X-Forwarded-Uri, -Method\n"
	    "# and -Host of its clients.\n\nhttp:\n", out);
	print_forward_auth(s, out);
	print_routers(s, out);
	return print_static(s);
}

bool
snippet_traefik_switched(struct snippet *s)
{
	FILE *out = snippet_part(s, NAME ".yml", "# ", "For the folder of the file provider");

	if (out == NULL)
		return false;
	(void)fputs("# The gateway keeps the middleware beside it, by these lines of the INI's [gateway]:\n"
	    "#   gate_file = /etc/traefik/dynamic/" NAME "-gate.yml\n"
	    "#   gate_on = /etc/maintenance-warden/gate-on.yml\n"
	    "#   gate_off = /etc/maintenance-warden/gate-off.yml\n\nhttp:\n", out);
	print_routers(s, out);
	out = snippet_part(s, "gate-on.yml", "# ", "/etc/maintenance-warden/gate-on.yml");
	if (out == NULL)
		return false;
	(void)fputs("http:\n", out);
	print_forward_auth(s, out);
	out = snippet_part(s, "gate-off.yml", "# ", "/etc/maintenance-warden/gate-off.yml");
	if (out == NULL)
		return false;
	(void)fprintf(out, "# Takes the header away that says, while maintenance is on, who passes.\nhttp:\n"
	    "  middlewares:\n    " NAME ":\n      headers:\n        customRequestHeaders:\n"
	    "          %s: \"\"\n", marker(s));
	return print_static(s);
}

bool
snippet_traefik_native(struct snippet *s)
{
	FILE *out = snippet_part(s, NAME ".yml", "# ", "For the folder of the file provider");

	if (out == NULL)
		return false;
	(void)fputs("# The gateway brings the routers that hold, by these lines of the INI's [gateway]:\n"
	    "#   gate_file = /etc/traefik/dynamic/" NAME "-gate.yml\n"
	    "#   gate_on = /etc/maintenance-warden/gate-on.yml\n"
	    "# Both may show secrets: let nobody else into their folders.\n"
	    "# No router of the site may have a priority of 999999 or more.  An entry point with asDefault takes\n"
	    "# these routers away from the others.  The client is whoever connects to Traefik, or whom the PROXY\n"
	    "# protocol names: leave forwardedHeaders alone.  A switch takes up to three seconds, and one with\n"
	    "# providersThrottleDuration: 100ms in the static configuration's providers.\n\nhttp:\n", out);
	print_forward_auth(s, out);
	print_routers(s, out);
	return print_holds(s);
}

bool
snippet_traefik_failover(struct snippet *s)
{
	FILE *out = snippet_part(s, NAME ".yml", "# ", "For the folder of the file provider");

	if (out == NULL)
		return false;
	(void)fputs("# Let the application's router name the service application@file.\n\nhttp:\n  services:\n"
	    "    application:\n      failover:\n        service: application-itself\n        fallback: " NAME "\n"
	    "    application-itself:\n      loadBalancer:\n        healthCheck:\n          path: /health\n"
	    "          interval: 1s\n          timeout: 1s\n        servers:\n", out);
	(void)fprintf(out, "          - url: \"http://%s\"\n", s->upstream);
	print_service(s, out);
	return true;
}

/* The port of http_listen, behind the name of the gateway's service: in a container the address is another. */
bool
snippet_traefik_labels(struct snippet *s)
{
	FILE *out = snippet_part(s, "labels.yml", "# ", "For the gateway's service in compose.yml, named " NAME);
	const char *port = strrchr(s->http, ':');

	if (out == NULL)
		return false;
	(void)fprintf(out, "# Each entry point needs: --entrypoints.web.http.middlewares=" NAME "@docker\n\nlabels:\n"
	    "  - traefik.enable=true\n"
	    "  - traefik.http.middlewares." NAME ".forwardauth.address=http://" NAME "%s/auth\n"
	    "  - traefik.http.middlewares." NAME ".forwardauth.trustforwardheader=false\n"
	    "  - traefik.http.middlewares." NAME ".forwardauth.authresponseheaders=%s\n"
	    "  - traefik.http.routers." NAME "-status.rule=%s\n"
	    "  - traefik.http.routers." NAME "-status.priority=1000000\n"
	    "  - traefik.http.routers." NAME "-status.service=" NAME "\n"
	    "  - traefik.http.routers." NAME ".rule=PathPrefix(`/`)\n"
	    "  - traefik.http.routers." NAME ".priority=1\n"
	    "  - traefik.http.routers." NAME ".service=" NAME "\n"
	    "  - traefik.http.services." NAME ".loadbalancer.server.port=%s\n",
	    port, marker(s), status_rule, port + 1);
	return true;
}
