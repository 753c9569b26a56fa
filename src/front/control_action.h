/*
 * The actions of the control API.  Each is the command of wardenctl of that name, run as a program: policy, hooks,
 * locks and journal are the very same, and the journal says "control API".
 */
#ifndef FRONT_CONTROL_ACTION_H
#define FRONT_CONTROL_ACTION_H

#include <stdatomic.h>

#include "answer/reply.h"
#include "policy/policy.h"

#define ACTION_SECONDS     180                  /* longest that one may take; each hook has a minute */
#define ACTION_BY          "control API"        /* who it was, for the journal */

struct action;

/* "on", "off", "toggle", "until" or "step"; NULL for anything else. */
const struct action *action_find(struct str name);

/*
 * The arguments for wardenctl from the members of `body`, a JSON object or empty; NULL-terminated, in `arena`.  Returns
 * 0, or -EINVAL with a sentence in `*ret_wrong`, or -ENOMEM.
 */
int  action_arguments(const struct action *action, struct str body, struct arena *arena, char ***ret,
         const char **ret_wrong);

/*
 * Runs `program` with `-c INI` and the arguments, in an environment of PATH alone, and makes the reply of what it said:
 * 200 with its JSON (and "warning", if it warned), 409 where it said no, 400 where it was used wrongly, else 500, 504.
 * 503 where `stopping` became true: then the program goes on by itself.
 * `sound`: the configuration as it stands is in force; where it is not, an exit status of 2 is not the caller's fault.
 */
void action_run(const char *program, const char *config, char *const *arguments, bool sound,
         const _Atomic(bool) *stopping, struct arena *arena, struct reply *reply);

/* An error as application/problem+json (RFC 9457). */
void problem_reply(struct reply *reply, int status, struct str detail, struct arena *arena);

#endif
