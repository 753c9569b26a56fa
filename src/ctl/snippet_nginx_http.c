/* SPDX-License-Identifier: MIT */
/* nginx, asking over HTTP by connections that are kept. */
#include "config.h"

#include "ctl/snippet_nginx.h"

#define HTTP_ASKED "maintenance_warden"         /* connections that are kept */
#define HTTP_PAGES "maintenance_warden_pages"   /* and others: a page's ends where a body came */

static void
print_upstream(const struct snippet *s, const char *name, const char *more, FILE *out)
{
	struct str address = s->http[0] == '/' ?
	    str_of(nginx_quoted(s, arena_printf(s->arena, "unix:%s", s->http))) : str_of(s->http);

	(void)fprintf(out, "upstream %s {\n    server %.*s;\n%s}\n", name, STR_ARG(address), more);
}

static void
print_http_upstreams(const struct snippet *s, FILE *out)
{
	print_upstream(s, HTTP_ASKED, "    keepalive 16;\n", out);
	print_upstream(s, HTTP_PAGES, "", out);
	(void)fputs("# the host as nginx reads it, also where the target has one; a request without any is no named "
	    "site's\n"
	    "map $host $maintenance_host {\n    default $host;\n    \"\" no-host.invalid;\n}\n", out);
}

/* Whatever a client sends under these names is replaced. */
static void
print_http_client(const char *host, FILE *out)
{
	(void)fprintf(out, "    proxy_http_version 1.1;\n    proxy_connect_timeout 2s;\n    proxy_read_timeout 5s;\n"
	    "    proxy_set_header Connection \"\";\n    proxy_set_header Host %s;\n"
	    "    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
	    "    proxy_set_header X-Forwarded-Proto $scheme;\n", host);
}

static void
print_http_ask(const struct snippet *s, bool flag, FILE *out)
{
	(void)fputs("location = /.maintenance/ask {\n    internal;\n    auth_request off;\n", out);
	if (flag)
		nginx_print_flag_check(s, out);
	print_http_client("$maintenance_host", out);
	(void)fputs("    proxy_set_header X-Original-Method $request_method;\n"
	    "    proxy_set_header X-Original-URI $request_uri;\n"
	    "    proxy_pass_request_body off;\n    proxy_set_header Content-Length \"\";\n    proxy_cache off;\n"
	    "    proxy_pass http://" HTTP_ASKED "/auth-request;\n}\n", out);
}

/* Also for a path that the gateway would take for a question. */
static void
print_http_page(FILE *out)
{
	(void)fputs("\nlocation @maintenance {\n    auth_request off;\n    auth_basic off;\n    allow all;\n"
	    "    if ($maintenance = \"\") { return 401; }    # the site's own\n", out);
	print_http_client("$maintenance_host", out);
	(void)fputs("    proxy_intercept_errors off;\n    proxy_request_buffering off;\n    proxy_cache off;\n"
	    "    proxy_pass http://" HTTP_PAGES "/.maintenance/page$request_uri;\n}\n"
	    "\nlocation = /.maintenance/status {\n    auth_request off;\n    auth_basic off;\n", out);
	print_http_client("$maintenance_host", out);
	(void)fputs("    proxy_cache off;\n    proxy_pass http://" HTTP_PAGES ";\n}\n", out);
}

static bool
http(struct snippet *s, bool flag)
{
	FILE *out = snippet_part(s, "maintenance-warden-http.conf", "# ", "For http {}, once");

	if (out == NULL)
		return false;
	print_http_upstreams(s, out);
	out = snippet_part(s, "maintenance-warden.conf", "# ", "For a server {}");
	if (out == NULL)
		return false;
	nginx_print_asking_words(flag, out);
	nginx_print_markers(s, out);
	(void)fputs("error_page 401 = @maintenance;\n\n", out);
	print_http_ask(s, flag, out);
	print_http_page(out);
	return true;
}

bool
snippet_nginx_http(struct snippet *s)
{
	return http(s, false);
}

bool
snippet_nginx_http_flag(struct snippet *s)
{
	return http(s, true);
}

static bool
complain(const struct snippet *s, enum key key, const char *name, const char *sentence)
{
	const struct place *place = &s->values->gateway.v[key].place;

	if (place->line > 0)
		(void)ctl_fail(CTL_NO, "%.*s:%u: [gateway] %s: %s", STR_ARG(place->file), place->line, name, sentence);
	else
		(void)ctl_fail(CTL_NO, "%s: [gateway] %s: %s", s->ctl->config, name, sentence);
	return true;
}

/* Where nginx's own address is certain, for it is on the same machine as what it asks. */
static const char *
own_address(const struct snippet *s)
{
	return s->http[0] == '/' || str_starts(str_of(s->http), STR("127.")) ? "127.0.0.1" :
	    str_starts(str_of(s->http), STR("[::1]")) ? "::1" : NULL;
}

bool
snippet_nginx_http_refuses(struct snippet *s)
{
	struct ip_addr address;
	const char *own;

	if (s->http == NULL)
		return false;           /* it is said what is missing */
	if (s->policy->forward_headers != FORWARD_X_ORIGINAL_URI)
		return complain(s, KEY_FORWARD_HEADERS, "forward_headers", "nginx asks with X-Original-Method and "
		    "X-Original-URI: expected forward_headers = x-original-uri");
	own = own_address(s);
	if (own == NULL || ip_parse(str_of(own), &address) != 0 ||
	    cidr_set_match(s->policy->trust.proxies, &address) >= 0)
		return false;
	return complain(s, KEY_TRUSTED_PROXIES, "trusted_proxies",
	    arena_printf(s->arena, "nginx asks from %s: expected it here", own).p);
}
