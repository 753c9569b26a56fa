/*
 * Bypass tickets: a file each, tickets/SITE/ID or tickets/any/ID in the state folder, those limited to paths in
 * limited/ beside it, where native gates do not look.  The ID is the secret; the body says until when, for which paths,
 * and a note.  Looked up only while maintenance is on and a request brings an ID.
 */
#ifndef STATE_TICKET_H
#define STATE_TICKET_H

#include "base/clock.h"
#include "base/file.h"

#define TICKET_ID_LEN    32             /* 128 random bits in lower-case hex */
#define TICKET_SHOWN_LEN 8              /* what lists, logs and journal show of it */
#define TICKET_BODY_MAX  4096           /* bytes */
#define TICKET_ANY       "any"          /* in place of a site's name: every site */

struct ticket {
	int64_t    until;               /* UTC seconds */
	int64_t    since;
	struct str note, paths;         /* paths parted by commas, "/a" or "/a/"; empty: all of the site */
};

/* 32 digits of lower-case hex and nothing else: so an ID is never a path. */
bool ticket_id_valid(struct str id);

/*
 * Whether `text`, a ticket's body, is sound.  Without a time that it ends, or with a line that is not understood, it is
 * not: a ticket opens.
 */
bool ticket_parse(struct str text, struct arena *arena, struct ticket *ret);

/* The body as text, in `arena`.  0, -EINVAL as of ini_add_line(), or -ENOMEM. */
int  ticket_format(const struct ticket *ticket, struct arena *arena, struct str *ret);

/*
 * Looks for the ticket `id` of the site (empty for none: "any" alone counts) below `state_dir`.  True and `*ret`, with
 * texts in `arena`, when it is there, sound, not writable by others, and not over at `now`.
 */
bool ticket_find(struct str state_dir, struct str site, struct str id, int64_t now, struct arena *arena,
         struct ticket *ret);

/* Whether the ticket is good for `path`, decoded and resolved.  `odd`: others may read the path differently. */
bool ticket_covers(const struct ticket *ticket, struct str path, bool odd);

#endif
