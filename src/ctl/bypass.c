/* SPDX-License-Identifier: MIT */
/* bypass off, bypass on: the marker that suspends personal bypasses, for every site. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/commands.h"

static int
switch_marker(struct ctl *ctl, bool suspend)
{
	const char *path = ctl_state_path(ctl, "bypass.off");
	int rc = suspend ? file_create_empty(path, 0644) : file_remove(path);
	bool already = rc == -EEXIST || rc == -ENOENT;

	ctl_show_server(ctl);
	if (rc == -ENOENT && access(ctl->policy->state_dir.p, F_OK) != 0)
		return ctl_fail_file(suspend ? "write" : "remove", path, rc);
	if (rc != 0 && !(suspend ? rc == -EEXIST : rc == -ENOENT))
		return ctl_fail_file(suspend ? "write" : "remove", path, rc);
	ctl_say(ctl, "personal bypasses (address, header, user, ticket) are %s%s for every site\n",
	    already ? "already " : "", suspend ? "SUSPENDED" : "in force");
	if (ctl->json)
		ctl_print_json(json_pack("{s:b}", "bypass_off", suspend));
	if (already)
		return CTL_YES;
	return ctl_journal(ctl, suspend ? "bypass-off" : "bypass-on", STR_NONE, NULL) == 0 ? CTL_YES : CTL_SYSTEM;
}

int
ctl_bypass(struct ctl *ctl, int argc, char **argv)
{
	int count, code = ctl_parse(ctl, NULL, argc, argv, 1, 1, &count);

	if (code >= 0)
		return code;
	if (ctl->site_name != NULL)
		return ctl_fail(CTL_USAGE, "bypass is for every site: leave --site out");
	if (strcmp(argv[1], "off") == 0)
		return switch_marker(ctl, true);
	if (strcmp(argv[1], "on") == 0)
		return switch_marker(ctl, false);
	return ctl_fail(CTL_USAGE, "bypass %s: expected off or on", argv[1]);
}
