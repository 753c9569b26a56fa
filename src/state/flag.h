/*
 * The maintenance flag: one small file that says "on", and in its body, if it
 * has one, who said so and until when.  The file is the truth: each request
 * looks at it by one stat(), so a change is in force for the next request.
 *
 * `struct flag` is shared by all threads.  `struct flag_watch` is one worker's
 * own copy of the parsed body, so that no reader ever waits for another.
 */
#ifndef STATE_FLAG_H
#define STATE_FLAG_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"

#define FLAG_BODY_MAX   (16 * 1024)     /* bytes; a larger file is on, and its body is not read */
#define FLAG_ID_MAX     64

enum mode { MODE_UNSET, MODE_FULL, MODE_READ_ONLY };

enum flag_state { FLAG_UNKNOWN, FLAG_OFF, FLAG_ON };

/* The folder that the flags are in: a missing folder means unknown, never off. */
struct flag_folder {
	const char        *path;
	_Atomic(int64_t)   looked_at;   /* UTC seconds of the last look: one a second, and whenever a flag has gone */
	_Atomic(bool)      there;
};

struct flag {
	const char         *path;
	struct flag_folder *folder;
	const struct zone  *zone;       /* of times in the body that have no offset */
	size_t              number;     /* which of a worker's watches is this flag's */
	_Atomic(int)        last;       /* enum flag_state: what was known last, by any thread */
};

/* What a body says; what it does not say is empty, TIME_NONE, MODE_UNSET, 0 (status) or -1. */
struct flag_body {
	struct str id, message, title, step, owner, reason, change;
	struct str window;              /* the planned window that the flag stands for: that decides when it ends */
	int64_t    until, since;
	enum mode  mode;
	int        status;
	int        share;               /* percent */
	int64_t    retry_after;         /* seconds */
	bool       broken;              /* not all was understood: then nothing of it loosens the site's settings */
};

struct flag_watch {
	struct arena        *arena;     /* holds the texts of `body`; made when a body is first read */
	struct file_identity identity;
	bool                 kept;      /* the body was read when the file was old enough to trust its identity */
	struct flag_body     body;
	int64_t              since;     /* body.since, else the file's ctime */
};

/*
 * Looks at the flag.  On FLAG_ON `watch` holds its body until the next look with the same watch; a body
 * that cannot be read or understood is `broken`, and the flag is on all the same.  FLAG_OFF where stat() says
 * ENOENT or ENOTDIR and the folder is there; FLAG_UNKNOWN for every other failure.
 */
enum flag_state flag_look(struct flag *flag, struct flag_watch *watch, int64_t now);

/* Whether a bare marker file is there.  Where that cannot be told: true. */
bool flag_marker_there(const char *path);

/* What a body's text says.  The result points into `text`. */
struct flag_body flag_body_parse(struct str text, const struct zone *zone, struct arena *arena);

/*
 * The body as text, in `arena`; what is empty is left out.  Returns 0; -EINVAL when a text cannot stand in one line,
 * see ini_add_line(); or -ENOMEM.
 */
int flag_body_format(const struct flag_body *body, struct arena *arena, struct str *ret);

/* A body that says nothing. */
struct flag_body flag_body_none(void);

void flag_watch_clear(struct flag_watch *watch);

/* "full" or "read-only"; MODE_UNSET for anything else. */
enum mode   mode_parse(struct str word);
const char *mode_name(enum mode mode);

/* An id for headers and logs: 1 to FLAG_ID_MAX of [A-Za-z0-9._-]. */
bool flag_id_valid(struct str id);

#endif
