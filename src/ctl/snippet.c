/* SPDX-License-Identifier: MIT */
/*
 * snippet: prints what makes a web server use the gateway.  Whatever of the policy a kind cannot express is named, and
 * nothing is printed then: a gate that is weaker than the INI says is worse than none.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/snippet.h"

/* What only the gateway itself can judge.  Windows are no such need: upkeep writes their flags. */
#define ONLY_ASKING (NEED(USER) | NEED(SHARE) | NEED(CORS) | NEED(ENABLED_FROM))

#define BARE_503 "lighttpd's bare 503"
#define WHOLE "Passes whole: everything, with method, body, query, Range and WebSocket."

const struct snippet_kind snippet_kinds[] = {
	{ "apache", "Apache judges by itself, with mod_rewrite; the gateway renders", "native", WHOLE,
	    "the site, untouched", "Apache's own 503, without Retry-After", NULL, "apache-rewrite-map",
	    NEED(SECRET_DIGEST) | ONLY_ASKING | NEED(CLIENT_HEADER), USES_FASTCGI, snippet_apache, NULL },
	{ "apache-rewrite-map", "Apache asks a program of its own while a flag is there", "asking", WHOLE,
	    "the site, untouched", "Apache's own 503, without Retry-After", NULL, NULL, 0, USES_FASTCGI,
	    snippet_apache_rewrite_map, NULL },
	{ "apache-fcgid", "mod_fcgid asks the gateway while a flag is there", "asking", WHOLE, "the site, untouched",
	    "Apache's own page, with 401", NULL, "apache-rewrite-map", NEED(USER) | NEED(ENABLED_FROM), USES_FASTCGI,
	    snippet_apache_fcgid, NULL },
	{ "apache-fallback", "the page where the application does not answer", "page", "Holds nothing by itself.",
	    "the site, untouched", "Apache's own page", NULL, NULL, 0, USES_FASTCGI, snippet_apache_fallback, NULL },
	{ "apache-standby", "the page wherever Apache finds the application dead", "page",
	    "No gate: flags are not looked at.", "Apache's own 503 while the application is dead", "the same", NULL,
	    "apache", 0, USES_HTTP, snippet_apache_standby, NULL },
	{ "htaccess", "the same on a shared host: .htaccess and a CGI", "native", WHOLE, "the site, untouched",
	    "Apache's own 503, without Retry-After", NULL, NULL,
	    NEED(SECRET_DIGEST) | ONLY_ASKING | NEED(CLIENT_HEADER) | NEED(WINDOWS), USES_NOTHING, snippet_htaccess,
	    NULL },
	{ "nginx", "nginx decides by itself; only held requests reach the gateway", "native", WHOLE,
	    "the site, untouched", "a plain 503 with Retry-After", "$", "nginx-auth-request-flag",
	    ONLY_ASKING | NEED(SECRET_DIGEST) | NEED(CLIENT_HEADER), USES_FASTCGI, snippet_nginx_native, NULL },
	{ "nginx-auth-request", "nginx asks about each request; all its locations stay", "asking", WHOLE, "500", "500",
	    "$", NULL, 0, USES_FASTCGI, snippet_nginx_auth_request, NULL },
	{ "nginx-auth-request-flag", "the same, but nginx asks only while a flag is there", "asking", WHOLE,
	    "the site, untouched", "500", "$", "nginx-auth-request", NEED(ENABLED_FROM), USES_FASTCGI,
	    snippet_nginx_auth_request_flag, NULL },
	{ "nginx-http", "nginx asks about each request, by HTTP", "asking", WHOLE, "500", "500", "$", NULL,
	    NEED(CLIENT_HEADER), USES_HTTP, snippet_nginx_http, snippet_nginx_http_refuses },
	{ "nginx-http-flag", "the same, but nginx asks only while a flag is there", "asking", WHOLE,
	    "the site, untouched", "500", "$", "nginx-http", NEED(CLIENT_HEADER) | NEED(ENABLED_FROM), USES_HTTP,
	    snippet_nginx_http_flag, snippet_nginx_http_refuses },
	{ "nginx-x-accel", "the gateway answers first and hands on to one application", "responder",
	    WHOLE "  The body of a held upload is read first.", "502", "502", "$", NULL, 0, USES_FASTCGI,
	    snippet_nginx_x_accel, NULL },
	{ "lighttpd", "lighttpd decides by itself (mod_magnet); only held requests reach the gateway", "native", WHOLE,
	    "the site, untouched", BARE_503, "\"\\", "lighttpd-authorizer-flag", ONLY_ASKING | NEED(CLIENT_HEADER),
	    USES_FASTCGI, snippet_lighttpd_native, NULL },
	{ "lighttpd-authorizer", "lighttpd asks about each request; all its handlers stay", "asking", WHOLE, BARE_503,
	    BARE_503, "\"\\", NULL, 0, USES_FASTCGI, snippet_lighttpd_authorizer, snippet_lighttpd_refuses_site },
	{ "lighttpd-authorizer-flag", "the same, but lighttpd asks only while a flag is there", "asking", WHOLE,
	    "the site, untouched", BARE_503, "\"\\", "lighttpd-authorizer", NEED(ENABLED_FROM), USES_FASTCGI,
	    snippet_lighttpd_authorizer_flag, snippet_lighttpd_refuses_site },
	{ "lighttpd-authorizer-spawned", "the same, and lighttpd starts the gateway", "asking", WHOLE,
	    "started again, 503 for about a second", "started again, 503", "\"\\' \t", NULL, 0, USES_NOTHING,
	    snippet_lighttpd_spawned, snippet_lighttpd_refuses_listen },
	{ "lighttpd-responder", "the gateway answers first and hands on static files alone", "responder",
	    "Passes whole: static files of the types in sendfile_types, GET and HEAD, with Range; nothing else.",
	    BARE_503, BARE_503, "\"\\", "lighttpd-authorizer", 0, USES_FASTCGI, snippet_lighttpd_responder,
	    snippet_lighttpd_refuses_roots },
	{ "caddy", "Caddy looks at the flags by itself", "native", WHOLE, "the site, untouched", "503", NULL,
	    "caddy-forward-auth", ONLY_ASKING | NEED(SECRET_DIGEST) | NEED(PROXIES) | NEED(PLAIN_PATHS), USES_FASTCGI,
	    snippet_caddy, NULL },
	{ "caddy-fastcgi", "Caddy asks about each request, by FastCGI", "asking", WHOLE, "503", "503", NULL,
	    "caddy-forward-auth", NEED(PROXIES) | NEED(PLAIN_PATHS), USES_FASTCGI, snippet_caddy_fastcgi, NULL },
	{ "caddy-forward-auth", "Caddy asks about each request, by HTTP", "asking", WHOLE, "503", "503", NULL, NULL,
	    NEED(CLIENT_HEADER) | NEED(PLAIN_PATHS), USES_HTTP, snippet_caddy_forward_auth, NULL },
	{ "haproxy", "HAProxy looks at the flags by itself, in Lua", "native", WHOLE, "the site, untouched", "503",
	    NULL, NULL, ONLY_ASKING | NEED(PROXIES) | NEED(PLAIN_PATHS), USES_FASTCGI, snippet_haproxy, NULL },
	{ "haproxy-backup", "the page wherever HAProxy finds the application dead", "page",
	    "No gate: flags are not looked at.", "503 while the application is dead", "the same", NULL, "haproxy",
	    NEED(PLAIN_PATHS), USES_HTTP, snippet_haproxy_backup, NULL },
	{ "traefik", "Traefik asks about each request", "asking", WHOLE, "500", "500", NULL, NULL, NEED(CLIENT_HEADER),
	    USES_HTTP | USES_TCP, snippet_traefik, NULL },
	{ "traefik-labels", "the same, as labels of the gateway's container", "asking", WHOLE, "500", "500", NULL, NULL,
	    NEED(CLIENT_HEADER), USES_HTTP | USES_TCP, snippet_traefik_labels, NULL },
	{ "traefik-native", "Traefik judges by itself while maintenance is on, by gate_file", "native", WHOLE,
	    "the site, untouched", "500; whom it lets pass, passes", NULL, "traefik-switched",
	    ONLY_ASKING | NEED(SECRET_DIGEST) | NEED(CLIENT_HEADER) | NEED(TICKETS) | NEED(SITE_PATHS) |
	    NEED(DEEP_PATHS) | NEED(DEEP_DEFAULTS) | NEED(PLAIN_SECRETS) | NEED(BALANCER),
	    USES_HTTP | USES_TCP | USES_GATE_FILE, snippet_traefik_native, NULL },
	{ "traefik-switched", "Traefik asks while maintenance is on, by gate_file", "asking", WHOLE,
	    "the site, untouched", "500", NULL, NULL, NEED(CLIENT_HEADER), USES_HTTP | USES_TCP | USES_GATE_FILE,
	    snippet_traefik_switched, NULL },
	{ "traefik-failover", "the page wherever Traefik finds the application dead", "page",
	    "No gate: flags are not looked at.", "503 while the application is dead", "the same", NULL, "traefik", 0,
	    USES_HTTP | USES_TCP, snippet_traefik_failover, NULL },
};
const size_t snippet_kind_count = sizeof snippet_kinds / sizeof *snippet_kinds;

/* Why a need is one: "KEY: ... SERVER cannot ... by itself". */
static const char *const need_words[NEED_COUNT] = {
	[NEED_SECRET_DIGEST] = "cannot compare a secret with its SHA-256",
	[NEED_USER] = "cannot tell a verified user before it decides",
	[NEED_SHARE] = "cannot let a share of the clients in",
	[NEED_CORS] = "cannot tell a preflight of these origins",
	[NEED_ENABLED_FROM] = "cannot see what enables maintenance",
	[NEED_WINDOWS] = "sees no window begin: nothing writes its flag there",
	[NEED_PROXIES] = "cannot find the client behind trusted proxies",
	[NEED_CLIENT_HEADER] = "cannot find the client by this header",
	[NEED_GLOBS] = "cannot match \"*\" in a path",
	[NEED_HOSTS] = "cannot tell sites by their host",
	[NEED_TICKETS] = "cannot see whether a ticket is there (tickets = off does without)",
	[NEED_SITE_PATHS] = "cannot tell sites by their path, for it does not see an escaped slash",
	[NEED_DEEP_PATHS] = "cannot tell more than one segment of letters, digits and \"._~-\" from another spelling",
	[NEED_DEEP_DEFAULTS] = "cannot tell /.well-known/acme-challenge/ (open_defaults = health, robots does without)",
	[NEED_PLAIN_SECRETS] = "takes only secrets of at most 128 bytes, letters and signs of ASCII",
	[NEED_BALANCER] = "cannot find the client behind a further proxy: name the server itself alone",
	[NEED_PLAIN_PATHS] = "takes only paths of letters, digits and \"/._-\"",
};

/* --- what is printed --- */

/* A server sees that a flag is there, not what it says: where that would hold more, it is told. */
static void
print_limits(const struct snippet *s, FILE *out, const char *comment)
{
	bool sees_flags = strcmp(s->kind->gate, "native") == 0 && (s->kind->uses & USES_GATE_FILE) == 0;

	for (size_t i = 0; sees_flags && i < s->site_count; i++)
		if (s->sites[i].site->condition.mode == MODE_READ_ONLY)
			(void)fprintf(out, "%s[site%s%s] is read-only, also where a flag or a window says mode = full: "
			    "the server does not read it.\n", comment, s->sites[i].name[0] != '\0' ? "." : "",
			    s->sites[i].name);
}

static void
print_head(struct snippet *s, FILE *out, const char *comment, const char *where)
{
	const struct snippet_kind *kind = s->kind;
	const char *site = s->ctl->site_name;

	(void)fprintf(out, "%sMaintenance Warden, made by: wardenctl -c %s snippet %s%s%s\n", comment, s->ctl->config,
	    kind->name, site != NULL ? " --site " : "", site != NULL ? site : "");
	(void)fprintf(out, "%s%s.  Print it again when the policy changes.\n", comment, where);
	if (s->parts != NULL && s->parts->next != NULL)
		return;                 /* the first part has said the rest */
	(void)fprintf(out, "%s\n%s%s\n", comment[0] == '-' ? "--" : "#", comment, kind->passes);
	(void)fprintf(out, "%sGateway gone: off, %s; on, %s.\n", comment, kind->gone_off, kind->gone_on);
	print_limits(s, out, comment);
	(void)fputc('\n', out);
}

FILE *
snippet_part(struct snippet *s, const char *file, const char *comment, const char *where)
{
	struct snippet_part *part = arena_zalloc(s->arena, 1, sizeof *part);

	if (part == NULL)
		return NULL;
	part->file = file;
	part->mode = 0600;
	part->out = open_memstream(&part->text, &part->len);
	if (part->out == NULL)
		return NULL;
	if (s->last != NULL)
		s->last->next = part;
	else
		s->parts = part;
	s->last = part;
	print_head(s, part->out, comment, where);
	return part->out;
}

static void
free_parts(struct snippet *s)
{
	for (struct snippet_part *p = s->parts; p != NULL; p = p->next) {
		if (p->out != NULL)
			(void)fclose(p->out);
		free(p->text);
	}
}

static int
close_parts(struct snippet *s)
{
	bool whole = true;

	for (struct snippet_part *p = s->parts; p != NULL; p = p->next) {
		whole = fflush(p->out) == 0 && ferror(p->out) == 0 && whole;
		whole = fclose(p->out) == 0 && p->text != NULL && whole;        /* it moves the text a last time */
		p->out = NULL;
	}
	return whole ? 0 : ctl_fail(CTL_SYSTEM, "out of memory");
}

/* Without root's rights the server reads its files by its group, which is that of the socket, too. */
static void
give_to_server(const struct snippet *s, const char *path)
{
	const char *name = arena_copy(s->arena, s->ctl->policy->socket_group).p;
	const struct group *group = name == NULL || name[0] == '\0' ? NULL : getgrnam(name);

	if (group == NULL || chown(path, (uid_t)-1, group->gr_gid) == -1 || chmod(path, 0640) == -1)
		ctl_say(s->ctl, "the web server reads it as it runs: chgrp ITS_GROUP %s && chmod 0640 %s\n", path,
		    path);
}

static int
write_files(struct snippet *s, const char *folder)
{
	for (struct snippet_part *p = s->parts; p != NULL; p = p->next) {
		const char *path = arena_printf(s->arena, "%s/%s", folder, p->file).p;
		int rc = path == NULL ? -ENOMEM : file_write(path, (struct str){ p->text, p->len }, p->mode);

		if (rc != 0)
			return ctl_fail_file("write", path != NULL ? path : folder, rc);
		ctl_say(s->ctl, "wrote %s\n", path);
		if (p->read_later)
			give_to_server(s, path);
	}
	return CTL_YES;
}

static int
print_json(struct snippet *s)
{
	json_t *files = json_object();

	for (struct snippet_part *p = s->parts; p != NULL; p = p->next)
		(void)json_object_set_new(files, p->file, json_stringn(p->text, p->len));
	ctl_print_json(json_pack("{s:s, s:s, s:s, s:s, s:o}", "kind", s->kind->name, "gate", s->kind->gate, "gone_off",
	    s->kind->gone_off, "gone_on", s->kind->gone_on, "files", files));
	return CTL_YES;
}

static int
print_parts(struct snippet *s)
{
	for (struct snippet_part *p = s->parts; p != NULL; p = p->next) {
		if (s->parts->next != NULL)
			(void)printf("%s==> %s <==\n", p == s->parts ? "" : "\n", p->file);
		(void)fwrite(p->text, 1, p->len, stdout);
	}
	return fflush(stdout) == 0 ? CTL_YES : ctl_fail(CTL_SYSTEM, "cannot write to standard output");
}

/* --- what is refused --- */

static bool
refuses(struct snippet *s)
{
	const struct place *places[NEED_COUNT] = { NULL };
	unsigned cannot = snippet_needs(s, places) & s->kind->cannot;

	for (size_t i = 0; i < NEED_COUNT; i++) {
		if ((cannot & (1u << i)) == 0)
			continue;
		if (places[i]->line == 0)
			(void)ctl_fail(CTL_NO, "%s: %.*s, by default: %s %s", s->ctl->config, STR_ARG(places[i]->key),
			    s->kind->name, need_words[i]);
		else
			(void)ctl_fail(CTL_NO, "%.*s:%u: [%.*s] %.*s: %s %s", STR_ARG(places[i]->file), places[i]->line,
			    STR_ARG(places[i]->section), STR_ARG(places[i]->key), s->kind->name, need_words[i]);
	}
	if (cannot != 0 && s->kind->instead != NULL)
		(void)fprintf(stderr, "  this can: wardenctl snippet %s\n", s->kind->instead);
	return cannot != 0;
}

/* A path that the server would read as something else. */
static bool
has_odd_path(struct snippet *s)
{
	const char *const paths[] = { s->state_dir, s->unix_path, s->http, s->config, s->folder };
	const char *never = s->kind->never != NULL ? s->kind->never : "";
	const char *odd = NULL;

	for (size_t i = 0; i < sizeof paths / sizeof *paths && odd == NULL; i++)
		if (paths[i] != NULL && strpbrk(paths[i], never) != NULL)
			odd = paths[i];
	for (size_t i = 0; i < s->site_count && odd == NULL; i++)
		if (s->sites[i].own_flag != NULL && strpbrk(s->sites[i].own_flag, never) != NULL)
			odd = s->sites[i].own_flag;
	if (odd != NULL)
		(void)ctl_fail(CTL_NO, "%s: %s cannot name the path \"%s\": it may hold none of %s", s->ctl->config,
		    s->kind->name, odd, never);
	return odd != NULL;
}

static bool
lacks_listener(struct snippet *s)
{
	if ((s->kind->uses & USES_FASTCGI) != 0 && s->unix_path == NULL && s->address == NULL) {
		(void)ctl_fail(CTL_USAGE, "%s: [gateway] listen is empty, and %s needs a FastCGI socket: for instance "
		    "listen = /run/maintenance-warden/gateway.sock", s->ctl->config, s->kind->name);
		return true;
	}
	if ((s->kind->uses & USES_HTTP) != 0 && s->http == NULL) {
		(void)ctl_fail(CTL_USAGE, "%s: [gateway] http_listen is empty, and %s needs it: for instance "
		    "http_listen = 127.0.0.1:8503 and trusted_proxies = 127.0.0.1", s->ctl->config, s->kind->name);
		return true;
	}
	if ((s->kind->uses & USES_TCP) != 0 && s->http[0] == '/') {
		(void)ctl_fail(CTL_USAGE, "%s: [gateway] http_listen is a path, and %s needs an address: for instance "
		    "http_listen = 127.0.0.1:8503", s->ctl->config, s->kind->name);
		return true;
	}
	if ((s->kind->uses & USES_HTTP) != 0 && s->ctl->site_name != NULL) {
		(void)ctl_fail(CTL_USAGE, "--site: %s cannot name the site to the HTTP listener, which tells sites by "
		    "host and path", s->kind->name);
		return true;
	}
	return false;
}

/* --- the command --- */

static int
list_kinds(const struct ctl *ctl)
{
	json_t *list = ctl->json ? json_array() : NULL;

	for (size_t i = 0; i < snippet_kind_count; i++) {
		const struct snippet_kind *k = &snippet_kinds[i];

		if (list != NULL)
			(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", k->name,
			    "gate", k->gate, "summary", k->summary, "gone_off", k->gone_off, "gone_on", k->gone_on));
		else
			(void)printf("%-27s %-10s %s\n", k->name, k->gate, k->summary);
	}
	if (list != NULL)
		ctl_print_json(list);
	return CTL_YES;
}

static const struct snippet_kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < snippet_kind_count; i++)
		if (strcmp(snippet_kinds[i].name, name) == 0)
			return &snippet_kinds[i];
	(void)ctl_fail(CTL_USAGE, "there is no snippet \"%s\"; the kinds are:", name);
	for (size_t i = 0; i < snippet_kind_count; i++)
		(void)fprintf(stderr, "  %-27s %s\n", snippet_kinds[i].name, snippet_kinds[i].summary);
	return NULL;
}

static int
make(struct snippet *s, const char *folder)
{
	int code = snippet_policy(s, s->ctl->site_name);

	if (code != 0)
		return code;
	if (folder != NULL) {
		char whole[PATH_MAX];

		s->folder = realpath(folder, whole) == NULL ? folder : arena_copy(s->arena, str_of(whole)).p;
	}
	if (refuses(s) || has_odd_path(s) || (s->kind->refuses != NULL && s->kind->refuses(s)))
		return CTL_NO;
	if (lacks_listener(s))
		return CTL_USAGE;
	if (!s->kind->print(s))
		return s->refused ? CTL_NO : ctl_fail(CTL_SYSTEM, "out of memory");
	if (arena_was_short(s->arena) || ctl_is_short(s->ctl))
		return ctl_fail(CTL_SYSTEM, "out of memory");   /* a condition may be missing */
	code = close_parts(s);
	if (code != 0)
		return code;
	return folder != NULL ? write_files(s, folder) : s->ctl->json ? print_json(s) : print_parts(s);
}

int
ctl_snippet(struct ctl *ctl, int argc, char **argv)
{
	struct snippet s = { .ctl = ctl, .cgi = "/cgi-bin/maintenance-warden.cgi", .upstream = "127.0.0.1:8081" };
	const char *folder = NULL;
	const struct ctl_option options[] = {
		{ "output", "FOLDER", &folder, NULL, "write the files there instead of printing them" },
		{ "cgi", "PATH", &s.cgi, NULL, "URL path of the CGI program" },
		{ "upstream", "ADDRESS", &s.upstream, NULL, "the application behind, where the snippet names one" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 0, 1, &count);

	if (code >= 0)
		return code;
	if (count == 0)
		return list_kinds(ctl);
	if (ctl->site_name != NULL && ctl_site(ctl) == NULL)
		return CTL_USAGE;
	s.kind = find_kind(argv[1]);
	if (s.kind == NULL)
		return CTL_USAGE;
	code = make(&s, folder);
	free_parts(&s);
	arena_free(s.arena);
	return code;
}
