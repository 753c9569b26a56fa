/* SPDX-License-Identifier: MIT */
/* nginx.  What its mechanisms do was measured with 1.22. */
#include "config.h"

#include "ctl/snippet.h"

/* Where FastCGI goes; printed behind "fastcgi_pass ". */
static struct str
target(const struct snippet *s)
{
	return s->unix_path != NULL ? arena_printf(s->arena, "unix:%s", s->unix_path) : str_of(s->address);
}

/* Every snippet names the site where it knows it. */
static void
print_site(const struct snippet *s, FILE *out)
{
	if (s->site_count == 1 && s->sites[0].name[0] != '\0')
		(void)fprintf(out, "    fastcgi_param WARDEN_SITE %s;\n", s->sites[0].name);
}

static void
print_pass(const struct snippet *s, FILE *out)
{
	(void)fprintf(out, "    fastcgi_pass_request_body off;\n    fastcgi_pass %.*s;\n}\n", STR_ARG(target(s)));
}

static void
print_status(const struct snippet *s, FILE *out)
{
	(void)fputs("\nlocation = /.maintenance/status {\n    auth_request off;\n    auth_basic off;\n"
	    "    include /etc/nginx/fastcgi_params;\n", out);
	print_site(s, out);
	print_pass(s, out);
}

bool
snippet_nginx_auth_request(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For a server {}");

	if (out == NULL)
		return false;
	(void)fputs("# The site's own Basic authentication is asked first, and its 401 stays: the page is only for "
	    "what the gateway held.\n\n"
	    "auth_request /.maintenance/ask;\n"
	    "auth_request_set $maintenance $upstream_http_x_maintenance;\n"
	    "error_page 401 = @maintenance;\n\n"
	    "location = /.maintenance/ask {\n    internal;\n    auth_request off;\n"
	    "    include /etc/nginx/fastcgi_params;\n    fastcgi_param WARDEN_MODE auth-request;\n", out);
	print_site(s, out);
	print_pass(s, out);
	(void)fputs("\nlocation @maintenance {\n    auth_request off;\n    auth_basic off;\n    allow all;\n"
	    "    include /etc/nginx/fastcgi_params;\n    fastcgi_param WARDEN_RENDER 1;\n"
	    "    fastcgi_param WARDEN_HELD $maintenance;\n    fastcgi_intercept_errors off;\n", out);
	print_site(s, out);
	print_pass(s, out);
	print_status(s, out);
	return true;
}

bool
snippet_nginx_x_accel(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For a server {} with one application");

	if (out == NULL)
		return false;
	(void)fputs("location / {\n    include /etc/nginx/fastcgi_params;\n    fastcgi_param WARDEN_MODE x-accel;\n"
	    "    fastcgi_param WARDEN_TARGET @app;\n", out);
	print_site(s, out);
	print_pass(s, out);
	(void)fprintf(out, "\n# the application; put its own settings here\n"
	    "location @app {\n    proxy_pass http://%s;\n    proxy_http_version 1.1;\n"
	    "    proxy_set_header Host $host;\n    proxy_set_header Upgrade $http_upgrade;\n"
	    "    proxy_set_header Connection $http_connection;\n}\n", s->upstream);
	return true;
}
