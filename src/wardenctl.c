/* SPDX-License-Identifier: MIT */
/*
 * wardenctl, the operator's command.  It works on the files that touch and rm work on, and needs no running gateway.
 * One file a command is in ctl/; their list is ctl/commands.c.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_memory.h"
#include "base/secret.h"
#include "ctl/ctl.h"
#include "policy/values.h"

#define MEMORY_MAX ((size_t)256 << 20)

static int
print_help(FILE *out)
{
	(void)fputs(
	    "wardenctl: switches maintenance, and explains it\n\nusage: wardenctl COMMAND [OPTION ...]\n\n", out);
	for (size_t i = 0; i < command_count; i++)
		(void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	(void)fputs("\n  wardenctl COMMAND --help tells more; wardenctl --version says which version this is\n", out);
	return out == stdout ? CTL_YES : CTL_USAGE;
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* -c FILE wherever it stands, for it is needed before the command's own options are read. */
static const char *
find_config(int argc, char **argv)
{
	const char *named = getenv("WARDEN_CONFIG"), *found = NULL;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if ((strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0) && i + 1 < argc)
			found = argv[i + 1];
		else if (strncmp(argv[i], "--config=", 9) == 0)
			found = argv[i] + 9;
	}
	if (found != NULL)
		return found;
	return named != NULL && named[0] != '\0' ? named : CONFIG_FILE;
}

/*
 * An emergency does not wait for the INI to be mended.  The state folder is known where the INI has a line of its own
 * for it, whatever else is wrong; the folder of the standard only if it is there.
 */
static void
say_emergency(struct ctl *ctl)
{
	struct values *values = arena_zalloc(ctl->arena, 1, sizeof *values);
	struct problems problems = { .arena = ctl->arena };
	bool on = strcmp(ctl->command->name, "on") == 0;
	struct stat status;
	struct str folder;

	if (values == NULL || (!on && strcmp(ctl->command->name, "off") != 0))
		return;
	values_load(values, str_of(ctl->config), ctl->arena, &problems);
	if (values->ini.file.p == NULL)
		return;
	folder = file_resolve(values->ini.file, values->gateway.v[KEY_STATE_DIR].text, ctl->arena);
	if (folder.len > 0 && stat(folder.p, &status) == 0 && S_ISDIR(status.st_mode))
		(void)fprintf(stderr, "  to turn maintenance %s at once all the same: %s %.*s/maintenance.flag\n",
		    ctl->command->name, on ? "touch" : "rm", STR_ARG(folder));
}

static int
load_policy(struct ctl *ctl)
{
	int rc = policy_compile(str_of(ctl->config), NULL, &ctl->problems, &ctl->policy);
	char text[1024];

	if (rc == 0)
		return 0;
	for (const struct problem *p = ctl->problems.first; p != NULL; p = p->next) {
		problem_format(p, text, sizeof text);
		(void)fprintf(stderr, "%s\n", text);
	}
	(void)ctl_fail(CTL_USAGE, "the configuration cannot be used; another one: -c FILE, or $WARDEN_CONFIG");
	say_emergency(ctl);
	return CTL_USAGE;
}

/* argv[0] is the command's name. */
static int
run_command(struct ctl *ctl, int argc, char **argv)
{
	int code = 0;

	ctl->arena = arena_new_growing(MEMORY_MAX);
	ctl->problems.arena = ctl->arena;
	ctl->colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	ctl->now = clock_now();
	if (ctl->arena == NULL || secret_init() != 0)
		return ctl_fail(CTL_SYSTEM, "out of memory, or of randomness");
	if (!ctl->command->without_policy && !ctl_asks_for_help(argc, argv))
		code = load_policy(ctl);
	if (code == 0)
		code = ctl->command->run(ctl, argc, argv);
	if (ctl_is_short(ctl) && code < CTL_USAGE)
		code = ctl_fail(CTL_SYSTEM, "out of memory: what was said may lack something");
	if (fflush(stdout) != 0 && code < CTL_USAGE)
		code = ctl_fail(CTL_SYSTEM, "cannot write to standard output");
	policy_free(ctl->policy);
	arena_free(ctl->arena);
	return code;
}

/* "wardenctl -c FILE -q on" is as good as "wardenctl on -c FILE -q".  The index of the command. */
static int
skip_options(struct ctl *ctl, int argc, char **argv)
{
	int at = 1;

	for (; at < argc; at++) {
		if (strcmp(argv[at], "-c") == 0 || strcmp(argv[at], "--config") == 0)
			at++;
		else if (strcmp(argv[at], "-q") == 0 || strcmp(argv[at], "--quiet") == 0)
			ctl->quiet = true;
		else if (strncmp(argv[at], "--config=", 9) != 0)
			break;
	}
	return at;
}

int
main(int argc, char **argv)
{
	struct ctl ctl = { .config = find_config(argc, argv) };
	int at = skip_options(&ctl, argc, argv);

	json_memory_watch();
	if (at >= argc)
		return print_help(stderr);
	if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "help") == 0)
		return print_help(stdout);
	if (strcmp(argv[at], "--version") == 0) {
		(void)puts("wardenctl " PACKAGE_VERSION);
		return CTL_YES;
	}
	ctl.command = find_command(argv[at]);
	if (ctl.command == NULL)
		return ctl_fail(CTL_USAGE, "there is no command \"%s\"; see wardenctl --help", argv[at]);
	return run_command(&ctl, argc - at, argv + at);
}
