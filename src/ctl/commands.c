/* SPDX-License-Identifier: MIT */
/* The list of commands: the help, the completion and the manual's check come from it. */
#include "config.h"

#include "ctl/commands.h"

const struct command commands[] = {
	{ "on", "[--for SPAN | --until TIME] [--message TEXT] [--mode read-only] [--profile NAME] ...",
	    "turn maintenance on, or change what it says", ctl_on, false },
	{ "off", "[--result ok|rollback|aborted] [--note TEXT]", "turn maintenance off", ctl_off, false },
	{ "toggle", "", "turn it off when it is on, else on", ctl_toggle, false },
	{ "status", "[--watch]", "show how things stand; exit status 0 when any site is on", ctl_status, false },
	{ "until", "+SPAN|TIME --reason TEXT", "move the planned end", ctl_until, false },
	{ "message", "TEXT", "change the text of the page", ctl_message, false },
	{ "step", "TEXT", "say what is being done right now", ctl_step, false },
	{ "bypass", "off|on", "suspend and restore personal bypasses", ctl_bypass, false },
	{ "ticket", "new [--for SPAN] [--note TEXT] [--path PATHS] | list | revoke ID|--all",
	    "links that let people in", ctl_ticket, false },
};

const size_t command_count = sizeof commands / sizeof *commands;
