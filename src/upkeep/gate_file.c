/* SPDX-License-Identifier: MIT */
/* gate_file: what a server that watches files is shown of the state. */
#include "config.h"

#include <errno.h>

#include "base/file.h"
#include "policy/decision.h"
#include "upkeep/gate_file.h"

static int
any_site_on(const struct policy *policy, int64_t now, bool *ret)
{
	static const struct raw_request nothing;
	struct decider decider = { 0 };
	struct condition condition;
	int rc = decider_init(&decider, policy);

	*ret = false;
	for (size_t i = 0; rc == 0 && i < policy->site_count; i++) {
		(void)decider_read(&decider, &policy->sites[i], &nothing, now, &condition);
		*ret = *ret || condition.on;
	}
	decider_clear(&decider);
	return rc;
}

/* Whether the file is there with that text.  What it is instead need not be known: it is written anew. */
static bool
is_right(const char *path, struct str text, struct arena *arena)
{
	struct str there;

	return file_read(path, GATE_FILE_MAX, arena, &there, NULL) == 0 && str_eq(there, text);
}

int
gate_file_keep(const struct policy *policy, int64_t now, struct arena *arena)
{
	struct str text;
	bool on;
	int rc;

	if (policy->gate_file == NULL)
		return 0;
	rc = any_site_on(policy, now, &on);
	if (rc != 0)
		return rc;
	text = on ? policy->gate_on : policy->gate_off;
	if (text.p != NULL)
		return is_right(policy->gate_file, text, arena) ? 0 : file_write(policy->gate_file, text, 0644);
	rc = file_remove(policy->gate_file);
	return rc == -ENOENT ? 0 : rc;
}
