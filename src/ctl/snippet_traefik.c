/* SPDX-License-Identifier: MIT */
/*
 * Traefik.  What its mechanisms do was measured with 3.3 and 3.7.  It sees neither files nor the raw target, so there
 * is no native gate: it asks about each request, or (traefik-switched) about each one while maintenance is on.
 */
#include "config.h"

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

/* The status, and the page instead of a 404 for hosts without a router: the site's own may be gone with it. */
static void
print_routers(const struct snippet *s, FILE *out)
{
	(void)fprintf(out, "  routers:\n    " NAME "-status:\n      rule: \"%s\"\n      priority: 1000000\n"
	    "      service: " NAME "\n"
	    "    # the page where no other router fits; without these lines Traefik says 404\n"
	    "    " NAME ":\n      rule: \"PathPrefix(`/`)\"\n      priority: 1\n      service: " NAME "\n"
	    "  services:\n", status_rule);
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
