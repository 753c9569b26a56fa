/*
 * What proxies ask over HTTP, and how each of them says what it asks about:
 *
 *   /auth            200 or the page: Traefik ForwardAuth, Caddy forward_auth.  Method, host and target in
 *                    X-Forwarded-Method, -Host and -Uri, or as forward_headers says
 *   /auth/...        the same for Envoy's ext_authz: what is behind /auth is the target, method and host are the
 *                    request's own.  Held with 403: Envoy takes a 5xx for an error of ours, and may then let pass
 *   /auth-request    204 or 401: nginx auth_request, ingress-nginx.  As /auth
 *   /.maintenance/page/...   the page for what is behind: the way to it that no path of a site can be taken for
 *   anything else    the page; and /.maintenance/status
 */
#ifndef FRONT_FORWARD_H
#define FRONT_FORWARD_H

#include "front/http.h"

/*
 * Fills `ret` with what `request` asks about, believing no peer but `trust`'s proxies.  Where that cannot be known for
 * certain ret->whole is false, and the sentence that says why is returned, for the operator; else NULL.  Texts point
 * into `request` and its arena.  Any thread.
 */
const char *forward_read(const struct http_request *request, const struct trust *trust,
                enum forward_headers forward_headers, struct raw_request *ret);

/* The handler of http_listen. */
http_handler forward_answer;

#endif
