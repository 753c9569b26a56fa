/*
 * Who the client is: the peer, or, where the peer is a trusted proxy, the
 * address that the trusted proxies vouch for.
 */
#ifndef GATE_CLIENT_H
#define GATE_CLIENT_H

#include "gate/request.h"

/* Fills has_client, client and by_proxy from request->raw.  Any thread; cannot fail: no client is an answer. */
void client_find(struct request *request, const struct trust *trust);

#endif
