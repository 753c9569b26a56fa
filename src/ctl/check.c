/* SPDX-License-Identifier: MIT */
/*
 * check: all errors of the configuration, then warnings about the world that it is used in, each with what mends it.
 * Exit status 0 without errors, 2 with some, 1 for warnings with --strict.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buffer.h"
#include "ctl/check_files.h"
#include "ctl/commands.h"
#include "ctl/hooks.h"

#define VALUES_MAX  ((size_t)1 << 30)   /* bytes: as much as a policy may take */
#define LINE_MAX_LEN 2048
#define CONTEXT_MAX 256
#define SELINUX_ENFORCE "/sys/fs/selinux/enforce"

static void
check_socket_file(struct check *check, const char *path)
{
	const struct policy *policy = check->ctl->policy;
	const struct place *place = &check->values->gateway.v[KEY_LISTEN].place;
	const char *user = NULL, *quoted = check_quoted(check, path);
	const struct group *group;
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISSOCK(status.st_mode))
		return;
	if ((status.st_mode & S_IWOTH) != 0 && (policy->socket_mode & S_IWOTH) == 0)
		check_warn(check, place, "every user of this machine can open the socket and pose as the web server: "
		    "chmod 0660 %s", quoted);
	if (policy->socket_group.len > 0 || check_server_may(&status, 2, &user) || user == NULL)
		return;
	group = getgrgid(status.st_gid);
	check_warn(check, place, "the web server's user %s is not in the socket's group %s and cannot open %s: "
	    "socket_group = %s", user, group != NULL ? group->gr_name : "(without a name)", path, user);
}

static void
check_socket(struct check *check)
{
	const struct policy *policy = check->ctl->policy;
	const struct value *v = check->values->gateway.v;
	const char *group = arena_copy(check->ctl->arena, policy->socket_group).p;

	if (str_find(policy->listen, '/') == policy->listen.len)
		return;
	if ((policy->socket_mode & S_IWOTH) != 0)
		check_warn(check, &v[KEY_SOCKET_MODE].place, "every user of this machine could open the socket and "
		    "pose as the web server: socket_mode = 0660, and socket_group = the web server's group");
	if (policy->socket_group.len > 0 && group != NULL && getgrnam(group) == NULL)
		check_warn(check, &v[KEY_SOCKET_GROUP].place, "there is no group %s: groupadd --system %s", group,
		    check_quoted(check, group));
	check_socket_file(check, arena_copy(check->ctl->arena, policy->listen).p);
}

static void
check_user(struct check *check)
{
	const struct place *place = &check->values->gateway.v[KEY_USER].place;
	const char *user = arena_copy(check->ctl->arena, check->ctl->policy->user).p, *folder = check->state_dir.p;
	const struct passwd *entry;
	struct stat status;

	if (user == NULL || user[0] == '\0')
		return;
	entry = getpwnam(user);
	if (entry == NULL) {
		check_warn(check, place, "there is no user %s: useradd --system %s", user, check_quoted(check, user));
		return;
	}
	if (entry->pw_uid == 0)
		check_warn(check, place, "the gateway needs none of root's rights: user = maintenance-warden, made "
		    "by useradd --system maintenance-warden");
	else if (stat(folder, &status) == 0 && !check_user_may(user, &status, 2 | 1) &&
	    getxattr(folder, "system.posix_acl_access", NULL, 0) <= 0)
		check_warn(check, place, "user %s cannot write in %s, so that window flags, expiry and counters are "
		    "not kept: chown %s %s", user, folder, check_quoted(check, user), check_quoted(check, folder));
}

static void
check_hook(struct check *check, const char *path)
{
	const char *quoted = check_quoted(check, path);
	struct stat status;

	if (stat(path, &status) != 0) {
		check_warn(check, NULL, "hook %s: %s: rm %s", path, strerror(errno), quoted);
		return;
	}
	if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
		check_warn(check, NULL, "hook %s is not executable and does not run: chmod +x %s", path, quoted);
	if (status.st_uid != 0 && status.st_uid != geteuid())
		check_warn(check, NULL, "hook %s belongs to user %ld and does not run: chown root %s", path,
		    (long)status.st_uid, quoted);
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		check_warn(check, NULL, "hook %s can be written by others and does not run: chmod go-w %s", path,
		    quoted);
}

static void
check_hooks(struct check *check)
{
	const char *folder = check->ctl->policy->hooks_dir.p, *objection;
	const struct dirent *entry;
	bool there;
	DIR *dir;

	if (folder == NULL)
		return;
	objection = hooks_objection(check->ctl, folder, &there);
	if (objection != NULL)
		check_warn(check, &check->values->gateway.v[KEY_HOOKS_DIR].place, "no hook runs: %s", objection);
	dir = there && objection == NULL ? opendir(folder) : NULL;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			check_hook(check, arena_printf(check->ctl->arena, "%s/%s", folder, entry->d_name).p);
	if (dir != NULL)
		(void)closedir(dir);
}

/* Whether web servers may use files with the SELinux context "user:role:type:level". */
static bool
context_usable(struct str context)
{
	static const struct str usable[] = { STR_INIT("httpd_"), STR_INIT("public_content_"), STR_INIT("var_run_t"),
		STR_INIT("unconfined_") };
	struct str part;

	for (int i = 0; i < 3; i++)
		if (!str_split(&context, ':', &part))
			return true;            /* no context that we know how to read */
	for (size_t i = 0; i < sizeof usable / sizeof *usable; i++)
		if (str_starts(part, usable[i]))
			return true;
	return false;
}

static void
check_context(struct check *check, const char *path, bool folder)
{
	char context[CONTEXT_MAX];
	ssize_t len = getxattr(path, "security.selinux", context, sizeof context - 1);

	if (len <= 0)
		return;
	context[len] = '\0';
	if (!context_usable(str_of(context)))
		check_warn(check, NULL, "SELinux keeps web servers from %s (%s): semanage fcontext -a -t "
		    "httpd_var_run_t %s; restorecon -R %s", path, context, check_quoted(check, folder ?
		    arena_printf(check->ctl->arena, "%s(/.*)?", path).p : path), check_quoted(check, path));
}

static void
check_selinux(struct check *check)
{
	FILE *enforce = fopen(SELINUX_ENFORCE, "re");
	int on = enforce != NULL ? fgetc(enforce) : '0';
	struct str listen = check->ctl->policy->listen;

	if (enforce != NULL)
		(void)fclose(enforce);
	if (on != '1')
		return;
	check_context(check, check->state_dir.p, true);
	if (str_find(listen, '/') != listen.len)
		check_context(check, arena_copy(check->ctl->arena, listen).p, false);
}

static void
note_constant(struct check *check, const struct section *section)
{
	const struct value *value = &section->v[KEY_ENABLED];

	if (!value->set || section->v[KEY_ENABLED_FROM].number != ENABLED_FROM_FILE)
		return;
	if (value->number != ENABLED_AUTO)
		check_note(check, &value->place, "maintenance is always %s, whatever the flags say; auto leaves it to "
		    "them", value->number == ENABLED_ON ? "on" : "off");
}

static void
check_constants(struct check *check)
{
	note_constant(check, &check->values->site);
	for (const struct section *s = check->values->named.first; s != NULL; s = s->next)
		note_constant(check, s);
}

static void
check_world(struct check *check)
{
	check_sources(check);
	if (check->state_dir.len > 0)
		check_state_folder(check);
	if (check->ctl->policy == NULL)
		return;
	check_socket(check);
	check_user(check);
	check_hooks(check);
	check_selinux(check);
	check_tickets(check);
	check_window_files(check);
	check_flags(check);
	check_pages(check);
	check_constants(check);
}

/* "warning: SENTENCE" for what no line of the INI is about. */
static void
print_problem(const struct problem *problem, const char *word)
{
	char text[LINE_MAX_LEN];
	struct buffer out;

	if (problem->file.len > 0 && word[0] != 'n') {
		problem_format(problem, text, sizeof text);
		(void)printf("%s\n", text);
		return;
	}
	buffer_init(&out, text, sizeof text);
	if (problem->file.len > 0)
		buffer_add_plain(&out, problem->file);
	if (problem->line > 0)
		buffer_addf(&out, ":%u", problem->line);
	buffer_addf(&out, "%s%s: ", problem->file.len > 0 ? ": " : "", word);
	if (problem->section.len > 0)
		buffer_addf(&out, "[%.*s] ", STR_ARG(problem->section));
	if (problem->key.len > 0)
		buffer_addf(&out, "%.*s: ", STR_ARG(problem->key));
	buffer_add_plain(&out, problem->sentence);
	(void)printf("%.*s\n", STR_ARG(buffer_str(&out)));
}

static void
print_text(const struct check *check)
{
	const struct problems *problems = &check->ctl->problems;
	unsigned errors = problems->errors, warnings = problems->warnings;

	for (const struct problem *p = problems->first; p != NULL; p = p->next)
		if (!p->warning)
			print_problem(p, "error");
	for (const struct problem *p = problems->first; p != NULL; p = p->next)
		if (p->warning)
			print_problem(p, "warning");
	if (check->ctl->quiet)
		return;
	for (const struct problem *p = check->notes.first; p != NULL; p = p->next)
		print_problem(p, "note");
	if (errors > 0)
		(void)printf("%u error%s%s", errors, errors == 1 ? "" : "s", warnings > 0 ? ", " : "\n");
	if (warnings > 0)
		(void)printf("%u warning%s\n", warnings, warnings == 1 ? "" : "s");
	if (errors == 0 && warnings == 0)
		(void)printf("%s: ok\n", check->ctl->config);
}

/* A sentence may quote a file that is no UTF-8. */
static json_t *
json_sentence(struct str sentence)
{
	char text[LINE_MAX_LEN * 2];
	json_t *value = json_stringn(sentence.p, sentence.len);
	struct buffer out;

	if (value != NULL)
		return value;
	buffer_init(&out, text, sizeof text);
	buffer_add_logged(&out, sentence);
	return ctl_json_str(buffer_str(&out));
}

static json_t *
json_list(const struct problems *problems, bool warnings)
{
	json_t *list = json_array();

	for (const struct problem *p = problems->first; p != NULL; p = p->next)
		if (p->warning == warnings)
			(void)json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o}", "file",
			    ctl_json_str(p->file), "line",
			    p->line > 0 ? json_integer((json_int_t)p->line) : json_null(), "section",
			    ctl_json_str(p->section), "key", ctl_json_str(p->key), "sentence",
			    json_sentence(p->sentence)));
	return list;
}

static int
tell(const struct check *check, bool strict)
{
	const struct problems *problems = &check->ctl->problems;

	if (check->ctl->json)
		ctl_print_json(json_pack("{s:o, s:o, s:o, s:b}", "errors", json_list(problems, false), "warnings",
		    json_list(problems, true), "notes", json_list(&check->notes, true), "ok", problems->errors == 0));
	else
		print_text(check);
	if (problems->errors > 0)
		return CTL_USAGE;
	return strict && problems->warnings > 0 ? CTL_NO : CTL_YES;
}

/* The INI once more, as values: where each stands is not kept in a policy.  Its errors are known already. */
static int
load_values(struct check *check, struct arena *arena)
{
	struct problems again = { .arena = arena };
	struct str file = arena_copy(arena, str_of(check->ctl->config));

	check->values = arena_zalloc(arena, 1, sizeof *check->values);
	if (check->values == NULL || file.p == NULL)
		return -ENOMEM;
	values_load(check->values, file, arena, &again);
	if (again.errors > 0 && check->ctl->policy != NULL)
		return -EAGAIN;
	/* of an INI that cannot be read at all, the defaults say nothing about this machine */
	if ((check->ctl->policy != NULL || check->values->ini.sections != NULL) &&
	    check->values->gateway.v[KEY_STATE_DIR].text.len > 0)
		check->state_dir = file_resolve(file, check->values->gateway.v[KEY_STATE_DIR].text, arena);
	return 0;
}

int
ctl_check(struct ctl *ctl, int argc, char **argv)
{
	bool strict = false;
	const struct ctl_option options[] = {
		{ "strict", NULL, NULL, &strict, "exit status 1 for warnings" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	struct check check = { .ctl = ctl, .notes = { .arena = ctl->arena } };
	int count, rc, code = ctl_parse(ctl, options, argc, argv, 0, 0, &count);
	struct arena *arena;

	if (code >= 0)
		return code;
	if (ctl->site_name != NULL)
		return ctl_fail(CTL_USAGE, "check looks at all of the configuration: leave --site out");
	rc = policy_compile(str_of(ctl->config), NULL, &ctl->problems, &ctl->policy);
	arena = arena_new_growing(VALUES_MAX);
	if (rc == -ENOMEM || arena == NULL) {
		arena_free(arena);
		return ctl_fail(CTL_SYSTEM, "out of memory");
	}
	rc = load_values(&check, arena);
	if (rc == 0) {
		check_world(&check);
		code = tell(&check, strict);
	} else {
		code = ctl_fail(CTL_SYSTEM, rc == -EAGAIN ? "%s changed while it was looked at: try again" :
		    "%s: out of memory", ctl->config);
	}
	arena_free(arena);
	return code;
}
