/* SPDX-License-Identifier: MIT */
/* gate_file: what a server that watches files is shown of the state. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "policy/decision.h"
#include "upkeep/gate_file.h"

/* How a site stands, as far as the lines of gate_on ask. */
struct standing {
	bool      on, bypass_off;
	enum mode mode;
};

static int
read_sites(const struct policy *policy, int64_t now, struct standing *ret, bool *ret_on)
{
	static const struct raw_request nothing;
	struct decider decider = { 0 };
	struct condition condition;
	int rc = decider_init(&decider, policy);

	*ret_on = false;
	for (size_t i = 0; rc == 0 && i < policy->site_count; i++) {
		(void)decider_read(&decider, &policy->sites[i], &nothing, now, &condition);
		ret[i] = (struct standing){ condition.on, condition.bypass_off, condition.mode };
		*ret_on = *ret_on || condition.on;
	}
	decider_clear(&decider);
	return rc;
}

static bool
is_there(const struct policy *policy, const struct standing *sites, const struct gate_part *part)
{
	const struct standing *site;

	if (part->site == NULL)
		return true;
	site = &sites[part->site - policy->sites];
	return site->on &&
	    (part->mode == MODE_UNSET || (part->mode == MODE_READ_ONLY) == (site->mode == MODE_READ_ONLY)) &&
	    (part->bypass == GATE_BYPASS_ANY || (part->bypass == GATE_BYPASS_OFF) == site->bypass_off);
}

/* `.p` NULL when the arena is full. */
static struct str
text_while_on(const struct policy *policy, const struct standing *sites, struct arena *arena)
{
	size_t len = 0;
	char *out;

	for (size_t i = 0; i < policy->gate_part_count; i++)
		len += policy->gate_parts[i].text.len;
	out = arena_alloc(arena, len + 1);
	len = 0;
	for (size_t i = 0; out != NULL && i < policy->gate_part_count; i++) {
		const struct gate_part *part = &policy->gate_parts[i];

		if (part->text.len == 0 || !is_there(policy, sites, part))
			continue;
		memcpy(out + len, part->text.p, part->text.len);
		len += part->text.len;
	}
	return (struct str){ out, len };
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
	struct standing *sites;
	struct str text;
	bool on;
	int rc;

	if (policy->gate_file == NULL)
		return 0;
	sites = arena_zalloc(arena, policy->site_count, sizeof *sites);
	rc = sites == NULL ? -ENOMEM : read_sites(policy, now, sites, &on);
	if (rc != 0)
		return rc;
	text = on ? text_while_on(policy, sites, arena) : policy->gate_off;
	if (on && text.p == NULL)
		return -ENOMEM;
	if (text.p != NULL)
		return is_right(policy->gate_file, text, arena) ? 0 : file_write(policy->gate_file, text, 0644);
	rc = file_remove(policy->gate_file);
	return rc == -ENOENT ? 0 : rc;
}
