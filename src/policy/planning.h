/*
 * What [policy] demands of planned maintenance: how long, by whom, for which change, and when not at all.  The same
 * rules for windows in the INI and for what wardenctl is told to do.  Frozen with the policy: any thread.
 */
#ifndef POLICY_PLANNING_H
#define POLICY_PLANNING_H

#include "base/arena.h"
#include "state/window.h"

#define FREEZES_MAX 64

/* A time in which nothing may be planned or begun: one span, or whole days that repeat. */
struct freeze {
	struct str          text;       /* as it stands in the INI */
	struct window_times times;
};

struct planning {
	int64_t       max_duration;     /* seconds; 0 for no limit */
	bool          require_owner, require_change, require_approval;
	const char   *change_pattern;   /* as fnmatch(3) takes it; NULL for none */
	struct freeze freezes[FREEZES_MAX];
	size_t        freeze_count;
};

/* What is to be planned.  TIME_NONE where it has no start (it begins at once) or no end. */
struct plan {
	struct str owner, change;
	int64_t    start, end;
};

/*
 * Why the plan is not allowed, as a sentence in `arena` or a constant; NULL when it is.  An end that is missing is as
 * long as can be: max_duration forbids it.  `now` stands for a missing start.
 */
const char *planning_objection(const struct planning *planning, const struct plan *plan, int64_t now,
            struct arena *arena);

/* Takes in one entry of `freeze`.  Returns 0, -EINVAL with a sentence in `*ret_wrong`, or -E2BIG. */
int         planning_add_freeze(struct planning *planning, struct str entry, const struct zone *zone,
                const char **ret_wrong);

#endif
