/* Making tickets and walking through them, for the commands that do. */
#ifndef CTL_TICKETS_H
#define CTL_TICKETS_H

#include "ctl/ctl.h"
#include "state/ticket.h"

#define TICKET_HEADER "X-Maintenance-Ticket"    /* that a program shows its ticket in */

struct found_ticket {
	struct str    site;             /* the folder's name: a site's, or "any" */
	struct str    id;
	const char   *path;
	bool          sound;            /* `ticket` could be read and understood */
	int           unread;           /* why it could not be read: -errno */
	struct ticket ticket;
};

typedef void tickets_each(void *context, const struct found_ticket *found);

/* Calls `each` for every ticket file there is.  0 or -errno. */
int tickets_walk(struct ctl *ctl, tickets_each *each, void *context);

/*
 * Makes a ticket of the site (of every site for [site]) and tells the journal its first digits.  Returns 0, or an exit
 * code after saying what went wrong; with `*ret_id` set where the ticket is there all the same.
 */
int ticket_make(struct ctl *ctl, const struct site *site, const struct ticket *ticket, struct str *ret_id);

/* Removes a ticket that ticket_make() made for the same site, and tells the journal; nothing to do if it is gone. */
void ticket_end(struct ctl *ctl, const struct site *site, struct str id);

#endif
