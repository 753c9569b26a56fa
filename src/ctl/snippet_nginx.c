/* SPDX-License-Identifier: MIT */
/* nginx.  What its mechanisms do was measured with 1.22. */
#include "config.h"

#include <string.h>

#include "ctl/snippet_nginx.h"

/* A word of nginx.conf: \\ and \" stand for themselves, $ begins a variable but in a map's left column. */
const char *
nginx_quoted(const struct snippet *s, struct str text)
{
	char *out = arena_alloc(s->arena, 2 * text.len + 3);
	size_t len = 0;

	if (out == NULL)
		return NULL;
	out[len++] = '"';
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			out[len++] = '\\';
		out[len++] = text.p[i];
	}
	out[len++] = '"';
	out[len] = '\0';
	return out;
}

/* Where FastCGI goes; printed behind "fastcgi_pass ". */
static struct str
target(const struct snippet *s)
{
	return s->unix_path != NULL ? str_of(nginx_quoted(s, arena_printf(s->arena, "unix:%s", s->unix_path))) :
	    str_of(s->address);
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

/* The page is answered while the body of a held upload still comes: only an unbuffered body is not waited for. */
void
nginx_print_page_pass(const struct snippet *s, FILE *out)
{
	(void)fprintf(out, "    fastcgi_intercept_errors off;\n    fastcgi_request_buffering off;\n"
	    "    fastcgi_pass %.*s;\n}\n", STR_ARG(target(s)));
}

static void
print_status(const struct snippet *s, FILE *out)
{
	(void)fputs("\nlocation = /.maintenance/status {\n    auth_request off;\n    auth_basic off;\n"
	    "    include /etc/nginx/fastcgi_params;\n", out);
	print_site(s, out);
	print_pass(s, out);
}

const struct snippet_site *
nginx_default_site(const struct snippet *s)
{
	return s->scopes[s->scope_count - 1].site;
}

/* A site that can hold: not switched off, and somebody's. */
bool
nginx_can_hold(const struct snippet *s, const struct snippet_site *site)
{
	return site->site->condition.enabled != ENABLED_OFF && (site != &s->sites[0] || site == nginx_default_site(s));
}

/* "X-Maintenance" as the end of a variable: "x_maintenance". */
const char *
nginx_variable_of(const struct snippet *s, struct str header)
{
	char *name = arena_alloc(s->arena, header.len + 1);

	for (size_t i = 0; name != NULL && i < header.len; i++)
		name[i] = header.p[i] == '-' ? '_' :
		    header.p[i] >= 'A' && header.p[i] <= 'Z' ? (char)(header.p[i] + 32) : header.p[i];
	if (name != NULL)
		name[header.len] = '\0';
	return name;
}

/* "$upstream_http_x_maintenance": what tells a held request from the site's own 401.  Each site may have its own. */
void
nginx_print_markers(const struct snippet *s, FILE *out)
{
	(void)fputs("auth_request_set $maintenance \"", out);
	for (size_t i = 0; i < s->site_count; i++) {
		struct str name = s->sites[i].section->v[KEY_MARKER_HEADER].text;
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again = again || str_eq_nocase(name, s->sites[k].section->v[KEY_MARKER_HEADER].text);
		if (!again)
			(void)fprintf(out, "$upstream_http_%s", nginx_variable_of(s, name));
	}
	(void)fputs("\";\n", out);
}

/* Whether anybody need ask: a flag is there, or nobody can know. */
void
nginx_print_flag_check(const struct snippet *s, FILE *out)
{
	bool always = false, pass = true;

	for (size_t i = 0; i < s->site_count; i++) {
		const struct condition_rules *condition = &s->sites[i].site->condition;

		always = always || (nginx_can_hold(s, &s->sites[i]) && condition->enabled == ENABLED_ON);
		pass = pass && condition->on_unknown == UNKNOWN_PASS;
	}
	(void)fprintf(out, "    set $maintenance_flag \"%s\";\n", always ? "always" : "");
	if (!always)
		(void)fprintf(out, "    if (-e %s) { set $maintenance_flag on; }\n",
		    nginx_quoted(s, str_of(s->global_flag)));
	if (!always && !pass)
		(void)fprintf(out, "    if (!-d %s) { set $maintenance_flag unknown; }\n",
		    nginx_quoted(s, arena_printf(s->arena, "%s/.", s->state_dir)));
	for (size_t i = 0; i < s->site_count && !always; i++)
		if (nginx_can_hold(s, &s->sites[i]) && s->sites[i].own_flag != NULL)
			(void)fprintf(out, "    if (-e %s) { set $maintenance_flag on; }\n",
			    nginx_quoted(s, str_of(s->sites[i].own_flag)));
	(void)fputs("    if ($maintenance_flag = \"\") { return 204; }\n", out);
}

void
nginx_print_asking_words(bool flag, FILE *out)
{
	if (flag)
		(void)fputs("# The gateway is asked only while a flag is there.  A window's flag is written by "
		    "the gateway that runs\n# as a daemon, or by wardenctl tick once a minute: without either its "
		    "window does not begin.\nopen_file_cache off;    # or a flag is seen late\n", out);
	(void)fputs("# The site's own Basic authentication is asked first, and its 401 stays: the page is only for "
	    "what the gateway held.\n\nauth_request /.maintenance/ask;\n", out);
}

static bool
auth_request(struct snippet *s, bool flag)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For a server {}");

	if (out == NULL)
		return false;
	nginx_print_asking_words(flag, out);
	nginx_print_markers(s, out);
	(void)fputs("error_page 401 = @maintenance;\n\n"
	    "location = /.maintenance/ask {\n    internal;\n    auth_request off;\n", out);
	if (flag)
		nginx_print_flag_check(s, out);
	(void)fputs("    include /etc/nginx/fastcgi_params;\n    fastcgi_param WARDEN_MODE auth-request;\n", out);
	print_site(s, out);
	print_pass(s, out);
	(void)fputs("\nlocation @maintenance {\n    auth_request off;\n    auth_basic off;\n    allow all;\n"
	    "    include /etc/nginx/fastcgi_params;\n    fastcgi_param WARDEN_RENDER 1;\n"
	    "    fastcgi_param WARDEN_HELD $maintenance;\n", out);
	print_site(s, out);
	nginx_print_page_pass(s, out);
	print_status(s, out);
	return true;
}

bool
snippet_nginx_auth_request(struct snippet *s)
{
	return auth_request(s, false);
}

bool
snippet_nginx_auth_request_flag(struct snippet *s)
{
	return auth_request(s, true);
}

bool
snippet_nginx_x_accel(struct snippet *s)
{
	FILE *out = snippet_part(s, "maintenance-warden.conf", "# ", "For a server {} with one application");

	if (out == NULL)
		return false;
	(void)fputs("location / {\n    include /etc/nginx/fastcgi_params;\n    fastcgi_param WARDEN_MODE x-accel;\n"
	    "    fastcgi_param WARDEN_TARGET @app;\n"
	    "    # no fastcgi_keep_conn: the gateway closes the connection behind each answer\n", out);
	print_site(s, out);
	print_pass(s, out);
	(void)fprintf(out, "\n# the application; put its own settings here\n"
	    "location @app {\n    proxy_pass http://%s;\n    proxy_http_version 1.1;\n"
	    "    proxy_set_header Host $host;\n    proxy_set_header Upgrade $http_upgrade;\n"
	    "    proxy_set_header Connection $http_connection;\n}\n", s->upstream);
	return true;
}
