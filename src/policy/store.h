/*
 * Where the policy in force is kept, and exchanged while workers run.  A worker
 * looks between requests by one atomic load; a reload never makes anybody wait.
 */
#ifndef POLICY_STORE_H
#define POLICY_STORE_H

#include "policy/policy.h"

#define POLICY_FIRST 1          /* generation of the policy that the store was opened with */

struct policy_store;

/* What a worker holds: all zero at first. */
struct policy_ref {
	const struct policy *policy;
	uint64_t             generation;
};

/* Compiles the INI at `path`; returns what policy_compile() does. */
int  policy_store_open(struct str path, struct problems *problems, struct policy_store **ret);
void policy_store_close(struct policy_store *store);    /* NULL is fine; nobody may hold a policy any more */

/*
 * True when a file that the policy in force was made from has changed since the last attempt to load.  A file that only
 * a refused configuration names is not looked at: the caller tries again now and then.  One thread.
 */
bool policy_store_changed(struct policy_store *store);

/* Compiles again.  On any error the policy in force stays.  Returns what policy_compile() does.  One thread. */
int  policy_store_reload(struct policy_store *store, struct problems *problems);

/* The policy in force, held until the next call or policy_release() with the same `held`.  Any thread. */
const struct policy *policy_refresh(struct policy_store *store, struct policy_ref *held);
void                 policy_release(struct policy_store *store, struct policy_ref *held);

#endif
