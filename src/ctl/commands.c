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
	{ "schedule",
	    "add ID --start TIME --end TIME [--repeat RULE] ... | list | remove ID | approve ID | import FILE | export",
	    "plan windows ahead", ctl_schedule, false },
	{ "check", "[--strict]", "look over configuration, files and folders", ctl_check, true },
	{ "explain", "[METHOD] URL [--from ADDRESS] [--header TEXT] [--user NAME] [--at TIME]",
	    "say what a request would get, and why", ctl_explain, false },
	{ "render", "[--language LANGUAGE] [--type TYPE] [--overrun] [--output FILE]",
	    "show the page without turning anything on", ctl_render, false },
	{ "plan", "FILE [--requests FILE]", "say what another INI would decide differently", ctl_plan, false },
	{ "snippet", "[KIND] [--output FOLDER] [--cgi PATH] [--upstream ADDRESS]",
	    "print what makes a web server use the gateway", ctl_snippet, false },
	{ "run", "[--for SPAN] [--on-fail keep|lift] [--smoke URL] -- COMMAND ...", "maintenance around one command",
	    ctl_run, false },
	{ "doctor", "URL [--toggle] [--echo PATH]", "look at the live site from outside, on and off", ctl_doctor,
	    false },
	{ "tick", "", "upkeep, checks and hooks: once a minute, from cron or a timer", ctl_tick, false },
	{ "journal", "[--since SPAN|TIME] [--window ID] | verify [--head HASH]", "who did what, when and why",
	    ctl_journal_command, false },
	{ "report", "[--since SPAN|TIME] [--json|--csv]", "figures of past maintenance", ctl_report, false },
};

const size_t command_count = sizeof commands / sizeof *commands;
