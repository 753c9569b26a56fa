/* How things stand for one site: what the gateway would find there now, and what is in the flag that commands write. */
#ifndef CTL_STANDING_H
#define CTL_STANDING_H

#include "ctl/ctl.h"

struct standing {
	struct site      *site;
	struct condition  condition;    /* as the gateway reads it */
	const char       *path;         /* the flag that commands write: the site's own, or the global one */
	bool              there;        /* it exists */
	struct flag_body  body;         /* what it says; nothing where it is empty or not there */
	int64_t           since;        /* of the flag: from its body, else its ctime; TIME_NONE where not there */
	const struct window *window;    /* the site's own (for [site]: of every site) that is in force, or NULL ... */
	struct occurrence occurrence;   /* ... and when */
};

/*
 * Reads it for ctl->now.  Texts live in ctl->arena.  0, or -errno of the flag or
 * the state folder that cannot be read, at ret->path.
 */
int standing_read(struct ctl *ctl, struct site *site, struct standing *ret);

/*
 * Writes the flag.  On a full disk a flag that was not there is left empty: on counts more than its words.  Returns 0;
 * or an exit code after telling what happened.  `*ret_on` says whether the flag is there now.
 */
int standing_write(struct ctl *ctl, const struct standing *standing, const struct flag_body *body, bool *ret_on);

/*
 * Ends the occurrence of the planned window that is in force, by a marker that the gateway looks for; nothing to do
 * without one.  0, or an exit code after telling what went wrong.
 */
int standing_end_window(struct ctl *ctl, const struct standing *standing);

/* No flag means off only where the state folder is there: 0, or an exit code after saying that it is not. */
int standing_need_folder(const struct ctl *ctl, const struct standing *standing);

/* "flags/shop.flag": the flag's path as people know it, without the state folder. */
const char *standing_short_path(const struct ctl *ctl, const char *path);

#endif
