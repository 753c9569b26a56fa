/*
 * Is maintenance on for a site?  Flags, planned windows, the `enabled` key and what to do when
 * the state cannot be read, combined into plain data for the decision.
 */
#ifndef STATE_CONDITION_H
#define STATE_CONDITION_H

#include "state/flag.h"
#include "state/window.h"

enum enabled    { ENABLED_AUTO, ENABLED_ON, ENABLED_OFF };
enum on_unknown { UNKNOWN_LAST, UNKNOWN_PASS, UNKNOWN_HOLD };
enum on_overrun { OVERRUN_KEEP, OVERRUN_LIFT };

enum condition_source { CONDITION_NONE, CONDITION_FLAG, CONDITION_WINDOW, CONDITION_ALWAYS, CONDITION_UNKNOWN };

#define ENDED_FOLDER "ended"    /* in the state folder: markers of windows that were ended early */

#define CONDITION_FLAGS_MAX 2   /* the global flag and the site's own */

/* A planned window: from the INI, or from a file in windows.d.  Frozen with the policy. */
struct window {
	size_t              number;             /* which of a worker's window watches is this one's */
	struct str          id, site;           /* `site` empty: every site */
	struct str          title, message, owner, reason, change, approved, repeat;
	struct str          file;               /* where it stands, and ... */
	unsigned            line;
	bool                planned_here;       /* in windows.d: wardenctl may change it */
	bool                waiting;            /* for an approval: until then it never begins */
	enum mode           mode;
	struct window_times times;
	const char         *skip_prefix;        /* path of the marker that ends an occurrence early, up to its time */
};

/* What one worker found out about a window: good until the occurrence is over, or the clock steps back. */
struct window_watch {
	bool              known, any;
	int64_t           from;
	struct occurrence occurrence;
};

/* One worker's own view of all flags and windows, by their numbers. */
struct watches {
	struct flag_watch   *flags;
	struct window_watch *windows;
};

/* A site's settings that say when it is on.  Shared by all threads; only the flags' `last` changes. */
struct condition_rules {
	enum enabled       enabled;
	enum mode          mode;                /* where the flag's body says nothing */
	enum on_unknown    on_unknown;
	enum on_overrun    on_overrun;
	int64_t            max_duration;        /* seconds; 0 for no limit */
	int                share;               /* percent, where the flag's body says nothing */
	const char        *bypass_off;          /* path of the marker */
	struct flag       *flags[CONDITION_FLAGS_MAX];  /* the site's own last: its texts win */
	size_t             flag_count;
	const struct window *const *windows;    /* the site's, and those of every site; none that waits */
	size_t             window_count;
};

struct condition {
	bool                  on;
	enum condition_source source;
	enum mode             mode;
	int64_t               since, until;     /* UTC seconds, or TIME_NONE */
	bool                  overrun;          /* past its planned end, or past max_duration */
	bool                  unknown;          /* some flag could not be read: on_unknown decided */
	bool                  broken;           /* some flag's body could not be understood */
	bool                  bypass_off;       /* personal bypasses are suspended: see policy/decision.h */
	struct str            id;               /* never empty while on */
	struct str            title, message, step;     /* empty where no flag says so */
	int                   status;           /* 0 where no flag says so */
	int                   share;            /* percent */
	int64_t               retry_after;      /* seconds; -1 where no flag says so */
	const char           *flag;             /* path of the flag that says on, or NULL */
	const struct window  *window;           /* that says on, or NULL */
	char                  made_id[24];      /* what `id` points to when no flag gives one */
};

/*
 * Reads the condition, but for bypass_off, which is false.  `watches` are the worker's own; `enabled` is the site's, or
 * what the server's parameter says where that decides.  Texts in `ret` live until the next call with the same watches.
 * Cannot fail: what cannot be read is CONDITION_UNKNOWN, and on_unknown has said what that means.
 */
void condition_read(struct watches *watches, const struct condition_rules *rules, enum enabled enabled,
         int64_t now, struct condition *ret);

/* "none", "flag", "window", "always" or "unknown". */
const char *condition_source_name(enum condition_source source);

/* The condition of a site that is on for no other reason than that it is asked what then would be. */
void condition_pretend(const struct condition_rules *rules, int64_t now, struct condition *ret);

/*
 * The marker that ends the window's occurrence early: while a file of that name is there, the occurrence that ends at
 * `end` (TIME_NONE for one without an end) is over.  `path` holds PATH_MAX bytes; false when it does not fit.
 */
bool window_skip_path(const struct window *window, int64_t end, char *path);

/* The occurrence of `window` that is in force at `now`: begun, not over, not ended early.  False when there is none. */
bool window_in_force(struct window_watch *watch, const struct window *window, int64_t now, struct occurrence *ret);

#endif
