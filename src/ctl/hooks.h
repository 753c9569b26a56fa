/*
 * Hooks: executables in hooks_dir that are told what happens.  "preflight-*" are asked before maintenance begins and
 * "exit-*" before it ends, and may refuse with a reason; all others hear of each event once, from `wardenctl tick`.
 * Names are made of letters, digits, "_" and "-", as for run-parts(8): what has a dot is no hook.
 * The folder and each file must belong to root or the caller and be writable by nobody else, or nothing runs.
 */
#ifndef CTL_HOOKS_H
#define CTL_HOOKS_H

#include "ctl/ctl.h"

#define HOOK_SECONDS 60                 /* longest that one may take */

/* What a hook is told, as WARDEN_EVENT, WARDEN_SITE and so on; what is empty is not set. */
struct hook_event {
	struct str event;               /* planned started step extended overrun ended; preflight, exit */
	struct str site;                /* empty: every site */
	struct str id, by, owner, reason, change, message, step, result;
	int64_t    since, until;        /* UTC seconds, or TIME_NONE */
};

/*
 * Asks all hooks whose names begin with `prefix`, in the order of their names, until one refuses.  True when none does;
 * else `*ret_reason` is its first line of output, or what kept it from running.
 */
bool hooks_ask(struct ctl *ctl, const char *prefix, const struct hook_event *event, struct str *ret_reason);

/* Tells all other hooks.  Returns how many failed, each of which was said on standard error; 0 without a folder. */
int  hooks_tell(struct ctl *ctl, const struct hook_event *event);

/* Why hooks in `folder` are not run, as a sentence; NULL when they may be.  `*ret_there`: there is such a folder. */
const char *hooks_objection(struct ctl *ctl, const char *folder, bool *ret_there);

#endif
