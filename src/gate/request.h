/*
 * A request as the rules see it.  A front fills `struct raw_request` with what its
 * server said; request_normalise() makes plain, unambiguous data of it.
 * Nothing here looks at a clock or a file.  Any thread.
 */
#ifndef GATE_REQUEST_H
#define GATE_REQUEST_H

#include "base/arena.h"
#include "base/ip.h"
#include "rules/cidr.h"
#include "rules/host.h"
#include "rules/method.h"

#define REQUEST_HEADERS_MAX 256

/* How the server asks, and so how it wants its answer: see the table in answer/handback.c. */
enum dialect {
	DIALECT_RESPONDER,              /* FastCGI or CGI handler: the site's hand_back says how to pass */
	DIALECT_AUTHORIZER,             /* FastCGI authorizer with a full denial (lighttpd) */
	DIALECT_AUTHORIZER_BARE,        /* the same under mod_fcgid: 200 or a bare 401 */
	DIALECT_AUTH_REQUEST,           /* nginx auth_request: 204 or 401 */
	DIALECT_X_ACCEL,                /* nginx: X-Accel-Redirect to a named location */
	DIALECT_FORWARD_AUTH,           /* 200 or the page */
	DIALECT_RENDER,                 /* the verdict is made elsewhere: always the page */
	DIALECT_RENDER_IF_HELD,         /* an error page that the site's own 401 may have led to */
	DIALECT_RENDER_NOT_HELD,        /* it has: a bare 401 */
};

/* Servers whose way with headers matters to us. */
enum server { SERVER_OTHER, SERVER_LIGHTTPD, SERVER_CADDY };

/* A header under its CGI name without "HTTP_": "X_FORWARDED_FOR". */
struct raw_header {
	struct str name, value;
};

/* What the server said.  Everything points into the front's memory and lives for one serve. */
struct raw_request {
	enum dialect      dialect;
	enum server       server;
	bool              whole;        /* nothing is missing, doubled or cut short */
	bool              https;
	bool              held_before;  /* WARDEN_HELD has something: the server was told to hold, and wants the page */
	bool              may_have_body;        /* as far as a CGI environment tells; not set by other fronts */
	struct str        peer;         /* REMOTE_ADDR */
	struct str        method;
	struct str        target;       /* REQUEST_URI, raw */
	struct str        site;         /* WARDEN_SITE, or empty */
	struct str        user;         /* WARDEN_USER, or empty */
	struct str        accel_target; /* WARDEN_TARGET, or empty */
	struct str        enabled;      /* MAINTENANCE_MODE as a parameter, or empty */
	int               hold_status;  /* WARDEN_HOLD_STATUS, or 0 */
	size_t            header_count;
	struct raw_header headers[REQUEST_HEADERS_MAX];
};

enum client_header {
	CLIENT_HEADER_LIST,             /* X-Forwarded-For: addresses parted by commas */
	CLIENT_HEADER_FORWARDED,        /* RFC 7239 */
	CLIENT_HEADER_SINGLE,           /* X-Real-IP, CF-Connecting-IP: one address */
};

/* Whom we believe about the client's address.  Frozen with the policy. */
struct trust {
	const struct cidr_set *proxies;
	struct str             header;  /* CGI name: "X_FORWARDED_FOR" */
	enum client_header     kind;
};

struct request {
	const struct raw_request *raw;
	bool               has_client;  /* false: no address rule matches */
	struct ip_addr     client;
	bool               by_proxy;    /* the client was taken from trust.header */
	enum method        method;
	struct str         host;        /* normalised; empty when absent or no host */
	struct str         path;        /* decoded, dot segments resolved; begins with "/" */
	struct str         raw_path;    /* before the "?" */
	struct str         query;       /* behind the "?", raw */
	bool               odd;         /* others may read the path differently: no path rule opens */
	bool               any_host;    /* others may read the host differently: every site counts */
};

/*
 * Fills `*ret` from `raw`; texts are in `arena` or point into `raw`.  Tolerates missing parts (raw->whole tells).
 * Returns 0, or -E2BIG when the arena is full.
 */
int request_normalise(const struct raw_request *raw, const struct trust *trust, struct arena *arena,
        struct request *ret);

/* The value of the header with that CGI name, and how often it came (twice: the value is empty). */
struct str request_header(const struct request *request, struct str name, size_t *ret_count);

/* The CGI name of a header: "X-Real-IP" becomes "X_REAL_IP".  `.p` NULL when the arena is full. */
struct str header_cgi_name(struct str name, struct arena *arena);

/* Whether `name` is of letters, digits and "-": another one, X_Forwarded_For, has the CGI name of one that is. */
bool       header_is_plain(struct str name);

#endif
