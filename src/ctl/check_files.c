/* SPDX-License-Identifier: MIT */
/*
 * What `check` looks at on disk.  A ticket's name is a secret: no sentence holds more of it than its first digits.
 * Commands that mend quote their paths, for some names were not chosen by the operator.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "ctl/check_files.h"
#include "ctl/tickets.h"
#include "gate/request.h"

#define GROUPS_MAX      256
#define SENTENCE_MAX    1024
#define TMPFS_MAGIC     0x01021994      /* of linux/magic.h */
#define RAMFS_MAGIC     0x858458f6
#define STATE_STANDARD  "/var/lib/maintenance-warden"

static void __attribute__((format(printf, 4, 0)))
add_once(struct check *check, struct problems *problems, const struct place *place, const char *format, va_list args)
{
	static const struct place nowhere;
	char text[SENTENCE_MAX];

	(void)vsnprintf(text, sizeof text, format, args);
	for (const struct problem *p = problems->first; p != NULL; p = p->next)
		if (str_eq(p->sentence, str_of(text)))
			return;
	problem_warning(problems, place != NULL && check->values != NULL ? place : &nowhere, "%s", text);
}

void
check_warn(struct check *check, const struct place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_once(check, &check->ctl->problems, place, format, args);
	va_end(args);
}

void
check_note(struct check *check, const struct place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_once(check, &check->notes, place, format, args);
	va_end(args);
}

bool
check_is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

const char *
check_quoted(const struct check *check, const char *path)
{
	size_t len = strlen(path), size = len * 4 + 3, at = 0;
	bool plain = len > 0 && path[0] != '-';
	char *quoted = arena_alloc(check->ctl->arena, size);
	struct buffer out;

	for (; plain && at < len; at++)
		plain = check_is_alphanumeric(path[at]) || strchr("/._-+@%=:,", path[at]) != NULL;
	if (plain || quoted == NULL)
		return path;
	buffer_init(&out, quoted, size);
	buffer_add_char(&out, '\'');
	for (const char *c = path; *c != '\0'; c++)
		if (*c == '\'')
			buffer_add(&out, STR("'\\''"));
		else
			buffer_add_char(&out, *c);
	buffer_add(&out, STR("'"));
	quoted[out.len] = '\0';
	return quoted;
}

bool
check_user_may(const char *user, const struct stat *status, unsigned bits)
{
	const struct passwd *entry = getpwnam(user);
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	unsigned mode = (unsigned)status->st_mode;

	if (entry == NULL)
		return false;
	if (entry->pw_uid == 0)
		return true;
	if (entry->pw_uid == status->st_uid)
		return (mode >> 6 & bits) == bits;
	if (getgrouplist(user, entry->pw_gid, groups, &count) < 0)
		count = GROUPS_MAX;
	for (int i = 0; i < count; i++)
		if (groups[i] == status->st_gid)
			return (mode >> 3 & bits) == bits;
	return (mode & bits) == bits;
}

bool
check_server_may(const struct stat *status, unsigned bits, const char **ret_user)
{
	static const char *const users[] = { "www-data", "nginx", "apache", "http", "lighttpd" };
	bool may = false;

	*ret_user = NULL;
	for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
		if (getpwnam(users[i]) == NULL)
			continue;
		*ret_user = users[i];
		may = may || check_user_may(users[i], status, bits);
	}
	return may;
}

/* Calls `each` for every entry that is not hidden. */
static void
walk(struct check *check, const char *folder, void (*each)(struct check *, const char *path, struct str name))
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	if (dir == NULL && errno != ENOENT && errno != ENOTDIR)
		check_warn(check, NULL, "cannot read the folder %s: %s: run check as root, or mend its mode", folder,
		    strerror(errno));
	while (dir != NULL && (errno = 0, entry = readdir(dir)) != NULL) {
		struct str path = arena_printf(check->ctl->arena, "%s/%s", folder, entry->d_name);

		if (path.p != NULL && entry->d_name[0] != '.')
			each(check, path.p, arena_copy(check->ctl->arena, str_of(entry->d_name)));
	}
	if (dir == NULL)
		return;
	if (errno != 0)
		check_warn(check, NULL, "cannot read all of the folder %s: %s", folder, strerror(errno));
	(void)closedir(dir);
}

/* The configuration was compiled with a warning about that folder: here it gets what mends it. */
static void
say_unusable(struct check *check, const struct place *place, const char *why)
{
	const char *quoted = check_quoted(check, check->state_dir.p);
	struct str sentence = arena_printf(check->ctl->arena, "%s: %s; while it is so, on_unknown decides: "
	    "mkdir -p -m 0751 %s", check->state_dir.p, why, quoted);

	for (struct problem *p = check->ctl->problems.first; p != NULL; p = p->next)
		if (p->warning && str_eq(p->key, STR("state_dir")) && sentence.p != NULL) {
			p->sentence = sentence;
			return;
		}
	check_warn(check, place, "%.*s", STR_ARG(sentence));
}

static void
check_folder_mode(struct check *check, const struct place *place, mode_t mode)
{
	const char *folder = check->state_dir.p, *quoted = check_quoted(check, folder);

	if ((mode & S_IROTH) != 0)
		check_warn(check, place, "%s can be listed by others, which shows valid tickets: chmod 0751 %s", folder,
		    quoted);
	if ((mode & S_IXOTH) == 0)
		check_note(check, place, "%s cannot be entered by others: a web server that looks at flags itself sees "
		    "none, unless it has the folder's group; chmod 0751 %s", folder, quoted);
}

static bool
is_below_document_root(struct str path)
{
	static const struct str names[] = { STR_INIT("www"), STR_INIT("htdocs"), STR_INIT("public_html"),
		STR_INIT("html") };
	struct str part;

	if (path_is_below(path, STR("/usr/share/nginx/")) || path_is_below(path, STR("/srv/http/")))
		return true;
	while (str_split(&path, '/', &part))
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (str_eq(part, names[i]))
				return true;
	return false;
}

static bool
is_below_temporary(struct str path)
{
	return path_is_below(path, STR("/tmp/")) || path_is_below(path, STR("/var/tmp/")) ||
	    path_is_below(path, STR("/dev/shm/"));
}

static void
check_folder_place(struct check *check, const struct place *place)
{
	char real[PATH_MAX];
	const char *folder = check->state_dir.p;
	struct str where = realpath(folder, real) != NULL ? str_of(real) : check->state_dir;
	struct statfs fs;
	bool in_memory = false;

	if (is_below_temporary(where))
		check_warn(check, place, "%s is in a folder that is cleaned up, and that every user may write to: "
		    "state_dir = " STATE_STANDARD, folder);
	if (statfs(folder, &fs) == 0)
		in_memory = (unsigned long)fs.f_type == TMPFS_MAGIC || (unsigned long)fs.f_type == RAMFS_MAGIC;
	else if (errno != ENOENT)               /* that was told */
		check_warn(check, place, "cannot look at the file system of %s: %s", folder, strerror(errno));
	if (in_memory)
		check_warn(check, place, "%s is in memory: flags and tickets are lost at boot: state_dir = "
		    STATE_STANDARD, folder);
	if (is_below_document_root(where))
		check_warn(check, place, "%s looks as if it were below a document root, where the web may fetch "
		    "tickets and the journal: state_dir = " STATE_STANDARD, folder);
}

void
check_state_folder(struct check *check)
{
	const struct place *place = &check->values->gateway.v[KEY_STATE_DIR].place;
	struct stat status;

	if (stat(check->state_dir.p, &status) != 0)
		say_unusable(check, place, strerror(errno));
	else if (!S_ISDIR(status.st_mode))
		say_unusable(check, place, "no folder");
	else
		check_folder_mode(check, place, status.st_mode);
	check_folder_place(check, place);
}

/*
 * Whoever may write in the state folder may plan windows: there, a group is meant to.  Most that others may write is an
 * error, and there is no policy then.
 */
static void
check_source(struct check *check, const char *path)
{
	struct str folder = arena_printf(check->ctl->arena, "%.*s/", STR_ARG(check->state_dir));
	mode_t bits = check->state_dir.len > 0 && str_starts(str_of(path), folder) ? S_IWOTH : S_IWGRP | S_IWOTH;
	struct stat status;

	if (check->ctl->policy == NULL)
		bits &= (mode_t)~S_IWOTH;
	if (stat(path, &status) == 0 && (status.st_mode & bits) != 0)
		check_warn(check, NULL, "%s can be written by others: chmod %s %s", path,
		    bits == S_IWOTH ? "o-w" : "go-w", check_quoted(check, path));
}

static bool
is_plain_secret(struct str list, char separator)
{
	struct str part;

	while (str_split(&list, separator, &part))
		if (part.len > 0 && part.p[0] != '#' && !str_starts(part, STR("sha256:")))
			return true;
	return false;
}

static void
check_secret_mode(struct check *check, const struct ini_entry *entry, const char *path)
{
	struct place place = { check->values->ini.file, entry->line, entry->section, entry->key };
	struct stat status;

	if (stat(path, &status) != 0)
		check_warn(check, &place, "cannot look at who may read %s: %s", path, strerror(errno));
	else if ((status.st_mode & S_IROTH) != 0)
		check_warn(check, &place, "every user of this machine can read the secret in %s: chmod o-r %s, or keep "
		    "it as sha256:HEX", path, check_quoted(check, path));
}

static void
check_secret(struct check *check, const struct ini_entry *entry)
{
	struct str path, text;

	if (str_eq(entry->key, STR("bypass_secret")) && is_plain_secret(entry->value, ','))
		check_secret_mode(check, entry, check->values->ini.file.p);
	if (!str_eq(entry->key, STR("bypass_secret_file")))
		return;
	path = file_resolve(check->values->ini.file, entry->value, check->ctl->arena);
	if (path.p != NULL && file_read(path.p, LIST_FILE_MAX, check->ctl->arena, &text, NULL) == 0 &&
	    is_plain_secret(text, '\n'))
		check_secret_mode(check, entry, path.p);
}

void
check_sources(struct check *check)
{
	const struct policy *policy = check->ctl->policy;

	for (const struct source *s = policy != NULL ? policy->sources : check->values->sources; s != NULL; s = s->next)
		check_source(check, s->path);
	for (const struct ini_entry *e = check->values->ini.entries; e != NULL; e = e->next)
		check_secret(check, e);
}

static void
check_ticket_folder(struct check *check, const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0)
		check_warn(check, NULL, "%s can be %s by others%s: chmod 0711 %s", path,
		    (status.st_mode & S_IWOTH) != 0 ? "written" : "listed",
		    (status.st_mode & S_IWOTH) != 0 ? ", who make tickets then" : ", which shows valid tickets",
		    check_quoted(check, path));
}

static void
check_ticket_site(struct check *check, const char *path, struct str name)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return;
	if (!S_ISDIR(status.st_mode)) {
		check_warn(check, NULL, "nobody looks at %s: tickets are in folders: rm %s", path,
		    check_quoted(check, path));
		return;
	}
	if (!str_eq(name, STR(TICKET_ANY)) && policy_site_named(check->ctl->policy, name) == NULL)
		check_warn(check, NULL, "there is no [site.%.*s]: nobody looks at the tickets in %s: rm -r %s",
		    STR_ARG(name), path, check_quoted(check, path));
	check_ticket_folder(check, path);
	check_ticket_folder(check, arena_printf(check->ctl->arena, "%s/limited", path).p);
}

static bool
server_can_read(const struct check *check, const struct stat *status)
{
	const char *user = arena_copy(check->ctl->arena, check->ctl->policy->user).p, *ignored;

	return (status->st_mode & S_IROTH) != 0 || check_server_may(status, 4, &ignored) ||
	    (user != NULL && user[0] != '\0' && check_user_may(user, status, 4));
}

static void
check_ticket(void *context, const struct found_ticket *found)
{
	struct check *check = context;
	size_t folder = str_find_last(str_of(found->path), '/');
	struct str shown = str_sub(found->id, 0, TICKET_SHOWN_LEN), inside = str_sub(str_of(found->path), 0, folder);
	struct stat status;

	if (!found->sound)
		check_warn(check, NULL, "ticket %.*s in %.*s has no sound body and opens nothing: "
		    "wardenctl ticket revoke %.*s", STR_ARG(shown), STR_ARG(inside), STR_ARG(shown));
	if (stat(found->path, &status) == 0 && (status.st_mode & S_IWOTH) != 0)
		check_warn(check, NULL, "ticket %.*s in %.*s can be written by others and opens nothing: "
		    "chmod o-w %s/%.*s*", STR_ARG(shown), STR_ARG(inside),
		    check_quoted(check, arena_copy(check->ctl->arena, inside).p), STR_ARG(shown));
	if (stat(found->path, &status) == 0 && !server_can_read(check, &status))
		check_warn(check, NULL, "ticket %.*s in %.*s cannot be read by the web server: chmod o+r %s/%.*s*",
		    STR_ARG(shown), STR_ARG(inside), check_quoted(check, arena_copy(check->ctl->arena, inside).p),
		    STR_ARG(shown));
}

void
check_tickets(struct check *check)
{
	const char *folder = ctl_state_path(check->ctl, "tickets");
	int rc;

	check_ticket_folder(check, folder);
	walk(check, folder, check_ticket_site);
	rc = tickets_walk(check->ctl, check_ticket, check);
	if (rc != 0)
		check_warn(check, NULL, "cannot read %s: %s: run check as root", folder, strerror(-rc));
}

static bool
window_known(const struct policy *policy, struct str id)
{
	for (size_t i = 0; i < policy->window_count; i++)
		if (str_eq(policy->windows[i].id, id))
			return true;
	return false;
}

static void
check_flag(struct check *check, const struct site *site, const struct flag *flag)
{
	const char *option = site->name.len > 0 ? " --site " : "", *quoted = check_quoted(check, flag->path);
	struct flag_body body;
	struct str text;
	int rc = file_read(flag->path, FLAG_BODY_MAX, check->ctl->arena, &text, NULL);

	if (rc == -ENOENT || rc == -ENOTDIR)
		return;
	if (rc == -EISDIR || rc == -ENODEV || rc == -EFBIG) {
		check_warn(check, NULL, "flag %s is no small file: maintenance is on, and no text of it counts: to "
		    "turn it off, rm -r %s", flag->path, quoted);
		return;
	}
	if (rc != 0) {
		check_warn(check, NULL, "flag %s cannot be read: %s: run check as root, or chmod o+r %s", flag->path,
		    strerror(-rc), quoted);
		return;
	}
	body = flag_body_parse(text, flag->zone, check->ctl->arena);
	if (body.broken)
		check_warn(check, NULL, "the body of flag %s is not understood: maintenance is on, as strict as the "
		    "INI says; to write it anew: wardenctl on%s%.*s", flag->path, option, STR_ARG(site->name));
	if (body.window.len > 0 && !window_known(check->ctl->policy, body.window))
		check_warn(check, NULL, "flag %s is of window %.*s, which is not planned, so that nothing removes it: "
		    "rm %s", flag->path, STR_ARG(body.window), quoted);
}

static void
check_stray_flag(struct check *check, const char *path, struct str name)
{
	const struct policy *policy = check->ctl->policy;

	if (!str_ends(name, STR(".flag")))
		return;
	for (size_t i = 0; i < policy->site_count; i++)
		if (strcmp(policy->flags[i].path, path) == 0)
			return;
	check_warn(check, NULL, "nobody looks at %s: no site of the INI has that flag: rm %s", path,
	    check_quoted(check, path));
}

void
check_flags(struct check *check)
{
	for (size_t i = 0; i < check->ctl->policy->site_count; i++)
		check_flag(check, &check->ctl->policy->sites[i], &check->ctl->policy->flags[i]);
	walk(check, ctl_state_path(check->ctl, "flags"), check_stray_flag);
}

static void
check_window_file(struct check *check, const char *path, struct str name)
{
	if (!str_ends(name, STR(".ini")))
		check_warn(check, NULL, "%s is no window, for its name does not end in .ini: rm %s", path,
		    check_quoted(check, path));
}

void
check_window_files(struct check *check)
{
	walk(check, ctl_state_path(check->ctl, WINDOWS_FOLDER), check_window_file);
}
