/*
 * `wardenctl snippet`: configuration of a web server, made from the INI.  snippet.c has the list of kinds, refuses what
 * a kind cannot express, and prints; snippet_policy.c turns the policy into texts and regular expressions; a file each
 * server has the functions that write.  One thread; texts live until the command ends.
 */
#ifndef CTL_SNIPPET_H
#define CTL_SNIPPET_H

#include <stdio.h>

#include "ctl/ctl.h"
#include "policy/values.h"

/* What a policy may want of a gate that not every server can do by itself. */
enum snippet_need {
	NEED_SECRET_DIGEST,             /* bypass_secret = sha256:HEX */
	NEED_USER,                      /* bypass_user */
	NEED_SHARE,                     /* share */
	NEED_CORS,                      /* cors_origins */
	NEED_ENABLED_FROM,              /* enabled_from = environment or parameter */
	NEED_WINDOWS,                   /* windows, where nothing writes their flags */
	NEED_PROXIES,                   /* trusted_proxies */
	NEED_CLIENT_HEADER,             /* a client_header that is not X-Forwarded-For */
	NEED_GLOBS,                     /* an open_path with "*" */
	NEED_HOSTS,                     /* sites by host */
	NEED_PLAIN_PATHS,               /* a state_dir or flag with other bytes than letters, digits and "/._-" */
	NEED_TICKETS,                   /* tickets */
	NEED_SITE_PATHS,                /* a site by its path */
	NEED_DEEP_PATHS,                /* an open_path that is not one segment of letters, digits and "._~-" */
	NEED_DEEP_DEFAULTS,             /* the same, of open_defaults */
	NEED_PLAIN_SECRETS,             /* a secret that is no printable ASCII, or long */
	NEED_BALANCER,                  /* trusted_proxies besides the one server */
	NEED_COUNT
};
#define NEED(name) (1u << NEED_##name)

/* A site, as a server's configuration needs it.  Regular expressions are of the kind that PCRE and RE2 both read. */
struct snippet_site {
	const struct site    *site;
	const struct section *section;
	const char           *name;             /* for WARDEN_SITE; "" for [site] */
	const char           *label;            /* for variables: letters, digits and "_"; "site" for [site] */
	const char           *own_flag;         /* path of flags/NAME.flag; NULL for [site] */
	const char           *open_path;        /* regular expression of a decoded path; NULL for none */
	const char           *open_read;        /* the same, for GET and HEAD: open_defaults */
	const char           *open_method;      /* regular expression of a method, read-only's too; NULL for none */
	const struct str     *addresses;        /* networks, as they stand in the INI and its file */
	size_t                address_count;
	const char           *bypass_header;    /* "X-Maintenance-Bypass" */
	const struct str     *secrets;          /* plain, or "sha256:HEX"; at most two */
	size_t                secret_count;
	const char           *tickets;          /* folder of the site's own tickets; NULL where none are taken */
};

/* Where requests belong: the first that matches, in this order.  The last has neither host nor path. */
struct snippet_scope {
	const struct snippet_site *site;
	const char                *host;        /* regular expression of a Host header, any case; NULL for any host */
	const char                *path;        /* regular expression of a decoded path; NULL for any path */
	struct str                 host_pattern;/* "*.example.com", as in the INI; empty for any */
	struct str                 path_prefix; /* "/shop/"; "/" for any */
};

struct snippet_kind;

struct snippet {
	struct ctl                *ctl;
	struct arena              *arena;
	const struct snippet_kind *kind;
	const struct policy       *policy;
	const struct values       *values;
	struct snippet_site       *sites;       /* --site's alone; else [site] first, then the others as in the INI */
	size_t                     site_count;
	struct snippet_scope      *scopes;
	size_t                     scope_count;
	const char                *state_dir, *global_flag, *bypass_off, *any_tickets;
	const char                *config;      /* absolute path of the INI */
	const char                *unix_path;   /* of the FastCGI socket, or ... */
	const char                *address;     /* "127.0.0.1:9000"; both NULL where `listen` is empty */
	const char                *http;        /* http_listen: "127.0.0.1:8503", or a path; NULL where it is empty */
	const char                *cgi;         /* --cgi: URL path of the program; never NULL */
	const char                *upstream;    /* --upstream: the application behind, "127.0.0.1:8081"; never NULL */
	const struct str          *proxies;     /* trusted_proxies */
	size_t                     proxy_count;
	const char                *folder;      /* --output, absolute; NULL where the parts are printed */
	struct snippet_part       *parts, *last;
	bool                       refused;     /* `print` has said what it cannot write */
};

/* One file that the snippet consists of. */
struct snippet_part {
	struct snippet_part *next;
	const char          *file;              /* "maintenance-warden.lua" */
	unsigned             mode;              /* of the file that --output writes; 0600: it may have a secret */
	bool                 read_later;        /* by the server as it runs, who is no longer root then */
	char                *text;
	size_t               len;
	FILE                *out;               /* NULL once the part is whole */
};

enum snippet_uses {
	USES_NOTHING = 0,
	USES_FASTCGI = 1,
	USES_HTTP = 2,
	USES_TCP = 4,                   /* no unix socket */
	USES_GATE_FILE = 8,             /* sees the state as the gateway does */
};

/* A row of the list of kinds. */
struct snippet_kind {
	const char *name;               /* "nginx-auth-request": the server first */
	const char *summary;            /* one line */
	const char *gate;               /* "native", "asking", "responder", "page" */
	const char *passes;             /* what passes whole, and what does not */
	const char *gone_off, *gone_on; /* what visitors get when the gateway is gone, as tests/wire proves */
	const char *never;              /* bytes that a path of the INI cannot have there; NULL for none */
	const char *instead;            /* the kind that can do what this one cannot; NULL for none */
	unsigned    cannot;             /* NEED()s */
	unsigned    uses;               /* enum snippet_uses */
	bool      (*print)(struct snippet *snippet);    /* false: out of memory, or refused */
	bool      (*refuses)(struct snippet *snippet);  /* true after saying what else is wrong; NULL for never */
};

extern const struct snippet_kind snippet_kinds[];
extern const size_t              snippet_kind_count;

/*
 * Fills all but `kind` and the parts from the INI; `only` is --site, or NULL.  0, or an exit code after saying why not.
 */
int snippet_policy(struct snippet *snippet, const char *only);

/* The needs of the policy, as a set; of each, the place where it stands is added to `places` (NEED_COUNT of them). */
unsigned snippet_needs(const struct snippet *snippet, const struct place *places[NEED_COUNT]);

/*
 * Begins a part: `comment` opens a comment ("# ", "-- "), `where` says where the file goes, as a sentence.  The head,
 * with what every part says, is written.  Returns where to print the rest; NULL when out of memory.
 */
FILE *snippet_part(struct snippet *snippet, const char *file, const char *comment, const char *where);

/* Regular expressions, not anchored, without capturing groups; a host's takes a port and a final dot too. */
struct str snippet_path_regex(struct arena *arena, struct str rule);
struct str snippet_host_regex(struct arena *arena, struct str pattern);
struct str snippet_quote_regex(struct arena *arena, struct str text);

/* One segment of letters, digits and "._~-": a path that every spelling leaves the same. */
bool snippet_is_segment(struct str path);

/* A network of the INI as servers write it: "10.0.0.0/8", also for ::ffff:10.0.0.0/104. */
struct str snippet_network(struct arena *arena, struct str network);

/*
 * The target (without its query) may be read in two ways, so that no path rule opens it: as gate/request.c has it.  Of
 * the raw target, any case; PCRE, for it looks ahead.
 */
#define SNIPPET_ODD_TARGET \
	"(?://|;|\\x5c|#|%(?:2f|5c|25|23|3b|0[0-9a-f]|1[0-9a-f]|7f|(?![0-9a-f]{2}))|/(?:[.]|%2e){1,2}(?:/|[?]|$))"

/* The same where a regular expression cannot look ahead (RE2, POSIX). */
#define SNIPPET_ODD_TARGET_RE2 \
	"(?://|;|\\x5c|#|%(?:2f|5c|25|23|3b|0[0-9a-f]|1[0-9a-f]|7f|[^0-9a-f]|[0-9a-f][^0-9a-f]|[0-9a-f]?$)" \
	"|/(?:[.]|%2e){1,2}(?:/|[?]|$))"

/* The functions that write, a file a server. */
bool snippet_apache(struct snippet *snippet);
bool snippet_apache_fallback(struct snippet *snippet);
bool snippet_apache_fcgid(struct snippet *snippet);
bool snippet_apache_standby(struct snippet *snippet);
bool snippet_apache_rewrite_map(struct snippet *snippet);
bool snippet_htaccess(struct snippet *snippet);
bool snippet_nginx_native(struct snippet *snippet);
bool snippet_caddy(struct snippet *snippet);
bool snippet_caddy_fastcgi(struct snippet *snippet);
bool snippet_caddy_forward_auth(struct snippet *snippet);
bool snippet_haproxy(struct snippet *snippet);
bool snippet_haproxy_backup(struct snippet *snippet);
bool snippet_nginx_auth_request(struct snippet *snippet);
bool snippet_nginx_auth_request_flag(struct snippet *snippet);
bool snippet_nginx_http(struct snippet *snippet);
bool snippet_nginx_http_flag(struct snippet *snippet);
bool snippet_nginx_http_refuses(struct snippet *snippet);
bool snippet_nginx_x_accel(struct snippet *snippet);
bool snippet_lighttpd_native(struct snippet *snippet);
bool snippet_lighttpd_authorizer(struct snippet *snippet);
bool snippet_lighttpd_authorizer_flag(struct snippet *snippet);
bool snippet_lighttpd_spawned(struct snippet *snippet);
bool snippet_lighttpd_responder(struct snippet *snippet);
bool snippet_lighttpd_refuses_site(struct snippet *snippet);
bool snippet_lighttpd_refuses_listen(struct snippet *snippet);
bool snippet_lighttpd_refuses_roots(struct snippet *snippet);
bool snippet_traefik(struct snippet *snippet);
bool snippet_traefik_failover(struct snippet *snippet);
bool snippet_traefik_labels(struct snippet *snippet);
bool snippet_traefik_native(struct snippet *snippet);
bool snippet_traefik_switched(struct snippet *snippet);

#endif
