/*
 * The ticket IDs that a request brings: by a link (?maintenance_ticket=ID), by the header X-Maintenance-Ticket, or by
 * the cookie that following the link has set.  Any thread; nothing is allocated.
 */
#ifndef GATE_OFFER_H
#define GATE_OFFER_H

#include "gate/request.h"
#include "state/ticket.h"

#define OFFER_NAME   "maintenance_ticket"       /* of the cookie and of the link's parameter */
#define OFFER_HEADER "X_MAINTENANCE_TICKET"     /* CGI name */
#define OFFERS_MAX   6

struct offer {
	struct str id;
	bool       by_link;
};

struct offers {
	size_t       count;
	struct offer v[OFFERS_MAX];
	bool         malformed;         /* something stood there that no ID could be */
};

/* Finds them: the link's first, for following it answers by itself.  IDs point into the request. */
void offers_find(const struct request *request, struct offers *ret);

/* The target of `request` without the link's parameter; empty when it cannot be one to redirect to. */
struct str offer_target_without(const struct request *request, struct arena *arena);

#endif
