/* SPDX-License-Identifier: MIT */
/* Arguments of commands: one parser for all, so that every command takes --site, --json, --quiet and --help. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define COMMON_OPTIONS 5

static void
common_options(struct ctl *ctl, struct ctl_option common[COMMON_OPTIONS + 1])
{
	const struct ctl_option rows[] = {
		{ "site", "NAME", &ctl->site_name, NULL, "only this site; every site without it" },
		{ "config", "FILE", &ctl->config, NULL, "the INI file" },
		{ "by", "NAME", &ctl->by, NULL, "who does it, where that is not you; the journal has your uid too" },
		{ "json", NULL, NULL, &ctl->json, "print JSON, for programs" },
		{ "quiet", NULL, NULL, &ctl->quiet, "print errors only" },
		{ NULL, NULL, NULL, NULL, NULL },
	};

	_Static_assert(sizeof rows / sizeof *rows == COMMON_OPTIONS + 1, "as many rows as there is room for");
	memcpy(common, rows, sizeof rows);
}

static void
print_options(const struct ctl_option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		char left[64];

		(void)snprintf(left, sizeof left, "--%s%s%s", options->name, options->argument != NULL ? " " : "",
		    options->argument != NULL ? options->argument : "");
		(void)printf("  %-24s %s\n", left, options->help);
	}
}

static int
print_help(struct ctl *ctl, const struct ctl_option *options, const struct ctl_option *common)
{
	(void)printf("wardenctl %s: %s\n\nusage: wardenctl %s %s\n\n", ctl->command->name, ctl->command->summary,
	    ctl->command->name, ctl->command->arguments);
	print_options(options);
	print_options(common);
	(void)printf("  %-24s %s\n\nexit status: 0 yes or done, 1 the answer is no, 2 used wrongly, 3 the system "
		     "failed\n",
	    "--help", "this text");
	return CTL_YES;
}

static const struct ctl_option *
find(const struct ctl_option *options, const char *name, size_t len)
{
	for (; options != NULL && options->name != NULL; options++)
		if (strlen(options->name) == len && strncmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

/* Takes the option at argv[*i]; 0, or the exit code of an error. */
static int
take(struct ctl *ctl, const struct ctl_option *options, const struct ctl_option *common, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct ctl_option *option = find(options, name, len);

	if (option == NULL)
		option = find(common, name, len);
	if (option == NULL)
		return ctl_fail(CTL_USAGE, "%s has no option --%.*s; see wardenctl %s --help", ctl->command->name,
		    (int)len, name, ctl->command->name);
	if (option->flag != NULL && equals != NULL)
		return ctl_fail(CTL_USAGE, "--%s takes no value", option->name);
	if (option->flag != NULL) {
		*option->flag = true;
		return 0;
	}
	if (equals == NULL && *i + 1 >= argc)
		return ctl_fail(CTL_USAGE, "--%s wants %s behind it", option->name, option->argument);
	*option->text = equals != NULL ? equals + 1 : argv[++*i];
	return 0;
}

/* "-q" and "-c FILE", as short forms of what is typed most. */
static const char *
long_form(const char *argument)
{
	if (strcmp(argument, "-q") == 0)
		return "--quiet";
	if (strcmp(argument, "-c") == 0)
		return "--config";
	return NULL;
}

bool
ctl_asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

int
ctl_parse(struct ctl *ctl, const struct ctl_option *options, int argc, char **argv, int least, int most, int *ret_count)
{
	struct ctl_option common[COMMON_OPTIONS + 1];
	int count = 0;

	common_options(ctl, common);
	if (ctl_asks_for_help(argc, argv))
		return print_help(ctl, options, common);
	for (int i = 1; i < argc; i++) {
		const char *form = long_form(argv[i]);
		int code;

		if (form != NULL)
			argv[i] = (char *)(uintptr_t)form;
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				argv[++count] = argv[i];
			break;
		}
		if (argv[i][0] != '-' || argv[i][1] != '-') {
			if (argv[i][0] == '-' && argv[i][1] != '\0')
				return ctl_fail(CTL_USAGE, "%s has no option %s; see wardenctl %s --help",
				    ctl->command->name, argv[i], ctl->command->name);
			argv[++count] = argv[i];
			continue;
		}
		code = take(ctl, options, common, argc, argv, &i);
		if (code != 0)
			return code;
	}
	if (count < least || count > most)
		return ctl_fail(CTL_USAGE, "usage: wardenctl %s %s", ctl->command->name, ctl->command->arguments);
	*ret_count = count;
	return -1;
}
