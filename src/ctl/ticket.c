/* SPDX-License-Identifier: MIT */
/*
 * ticket new, list, revoke.  A ticket's ID is a secret: it is printed once, in its link, and everywhere else only its
 * first digits are.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "ctl/commands.h"
#include "ctl/tickets.h"
#include "gate/offer.h"
#include "rules/path.h"

#define SPAN_STANDARD "2h"

struct wanted {
	const char *span, *note, *paths;
};

static int
check_paths(const char *paths)
{
	struct str rest = str_of(paths), rule;
	struct path_set *probe = path_set_new();
	int code = probe == NULL ? ctl_fail(CTL_SYSTEM, "out of memory") : 0;

	while (code == 0 && str_split(&rest, ',', &rule))
		if (str_find(rule, '*') != rule.len || path_set_add(probe, rule, 0) != 0)
			code = ctl_fail(CTL_USAGE, "--path %s: expected a path such as /admin/ (it and all below) or "
			    "/status (that alone), several parted by commas", paths);
	path_set_free(probe);
	return code;
}

static int
check_span(struct ctl *ctl, const struct site *site, const char *text, int64_t *ret)
{
	if (span_parse(str_of(text), ret) != 0 || *ret == 0)
		return ctl_fail(CTL_USAGE, "--for %s: expected a span of time such as 30m, 2h or 3d", text);
	if (*ret > site->ticket_max)
		return ctl_fail(CTL_USAGE, "--for %s: a ticket is good for %.*s at most (ticket_max)", text,
		    STR_ARG(ctl_span(ctl->arena, site->ticket_max)));
	return 0;
}

/* The folder of the site's tickets, made if it is not there: to be entered by all, listed by its owner alone. */
static int
make_folder(const char *folder)
{
	int rc = file_make_folder(folder, 0711);

	return rc == 0 ? 0 : ctl_fail_file("make the folder", folder, rc);
}

static int
make_folders(struct ctl *ctl, struct str site, bool limited, const char **ret)
{
	const char *all = ctl_state_path(ctl, "tickets");
	const char *own = ctl_state_path(ctl, "tickets/%.*s", STR_ARG(site));
	const char *inner = ctl_state_path(ctl, "tickets/%.*s/limited", STR_ARG(site));
	int code = make_folder(all);

	if (code == 0)
		code = make_folder(own);
	if (code == 0 && limited)
		code = make_folder(inner);
	*ret = limited ? inner : own;
	return code;
}

static const char *
link_of(struct ctl *ctl, const struct site *site, struct str paths, struct str id)
{
	struct str base = site->url, first = paths;

	if (base.len == 0)
		base = STR("https://SITE/");
	str_split(&first, ',', &paths);
	if (paths.len > 0 && str_eq(site->path, STR("/")))
		base = arena_printf(ctl->arena, "%.*s%.*s", STR_ARG(str_sub(base, 0, base.len - 1)), STR_ARG(paths));
	return arena_printf(ctl->arena, "%.*s?" OFFER_NAME "=%.*s", STR_ARG(base), STR_ARG(id)).p;
}

static void
say_new(struct ctl *ctl, const struct site *site, const struct ticket *ticket, struct str id)
{
	struct str shown = str_sub(id, 0, TICKET_SHOWN_LEN);

	if (ctl->json) {
		ctl_print_json(json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "id", ctl_json_str(id), "ticket",
		    ctl_json_str(shown), "link", link_of(ctl, site, ticket->paths, id), "until",
		    ctl_json_time(ticket->until), "site", ctl_json_str(site->name), "paths",
		    ctl_json_str(ticket->paths)));
		return;
	}
	(void)printf("%s\n", link_of(ctl, site, ticket->paths, id));
	ctl_say(ctl, "  valid until %.*s, for %.*s, %s%.*s; revoke: wardenctl ticket revoke %.*s\n",
	    STR_ARG(ctl_time(ctl, ticket->until, site->answers.zone)), STR_ARG(ctl_site_words(ctl)),
	    ticket->paths.len > 0 ? "paths " : "all paths", STR_ARG(ticket->paths), STR_ARG(shown));
	if (site->url.len == 0)
		ctl_say(ctl, "  SITE stands for the site's host: url = https://... in the INI fills it in\n");
	if (!site->tickets)
		(void)fprintf(stderr, "wardenctl: tickets = off in the INI: nobody looks at this one\n");
}

int
ticket_make(struct ctl *ctl, const struct site *site, const struct ticket *ticket, struct str *ret_id)
{
	struct str folder_name = site->name.len > 0 ? site->name : STR(TICKET_ANY), text;
	char id[TICKET_ID_LEN + 1];
	const char *folder, *path;
	json_t *more;
	int rc = ticket_format(ticket, ctl->arena, &text);

	if (rc != 0)
		return ctl_fail(CTL_USAGE, "--note cannot stand in one line: it is over 1,000 bytes, has a control "
		    "character, or both kinds of quotes beside a # or ;");
	rc = make_folders(ctl, folder_name, ticket->paths.len > 0, &folder);
	if (rc != 0)
		return rc;
	secret_random_hex(id, TICKET_ID_LEN);
	path = arena_printf(ctl->arena, "%s/%s", folder, id).p;
	/* the web server must be able to read it; who may list the folder can read its name, which is all of it */
	rc = file_write(path, text, 0644);
	if (rc != 0)
		return ctl_fail_file("write the ticket in", folder, rc);
	*ret_id = arena_copy(ctl->arena, str_of(id));
	more = json_pack("{s:o, s:o, s:o, s:o}", "ticket", ctl_json_str(str_sub(*ret_id, 0, TICKET_SHOWN_LEN)), "until",
	    ctl_json_time(ticket->until), "note", ctl_json_str(ticket->note), "paths", ctl_json_str(ticket->paths));
	return ctl_journal(ctl, "ticket-new", site->name, more) == 0 ? 0 : CTL_SYSTEM;
}

void
ticket_end(struct ctl *ctl, const struct site *site, struct str id)
{
	const char *path = ctl_state_path(ctl, "tickets/%.*s/%.*s",
	    STR_ARG(site->name.len > 0 ? site->name : STR(TICKET_ANY)), STR_ARG(id));

	if (file_remove(path) == 0)
		(void)ctl_journal(ctl, "ticket-revoke", site->name, json_pack("{s:o}", "ticket",
		    ctl_json_str(str_sub(id, 0, TICKET_SHOWN_LEN))));
}

static int
ticket_new(struct ctl *ctl, const struct wanted *wanted)
{
	const struct site *site = ctl_site(ctl);
	struct ticket ticket = { .since = ctl->now, .note = str_of(wanted->note), .paths = str_of(wanted->paths) };
	struct str id = STR_NONE;
	int64_t span;
	int code;

	if (site == NULL)
		return CTL_USAGE;
	code = check_span(ctl, site, wanted->span != NULL ? wanted->span : SPAN_STANDARD, &span);
	if (code == 0 && wanted->paths != NULL)
		code = check_paths(wanted->paths);
	if (code != 0)
		return code;
	ticket.until = ctl->now + span;
	code = ticket_make(ctl, site, &ticket, &id);
	if (id.len > 0 && (code == 0 || code == CTL_SYSTEM))
		say_new(ctl, site, &ticket, id);
	return code;
}

/* Calls `each` with every ticket file of one folder. */
static int
walk_folder(struct ctl *ctl, const char *folder, struct str site, tickets_each *each, void *context)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int rc;

	if (dir == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while ((errno = 0, entry = readdir(dir)) != NULL) {
		struct found_ticket found = { .site = site, .id = arena_copy(ctl->arena, str_of(entry->d_name)) };
		struct str text;

		if (!ticket_id_valid(found.id))
			continue;
		found.path = arena_printf(ctl->arena, "%s/%s", folder, entry->d_name).p;
		found.unread = file_read(found.path, TICKET_BODY_MAX, ctl->arena, &text, NULL);
		found.sound = found.unread == 0 && ticket_parse(text, ctl->arena, &found.ticket);
		each(context, &found);
	}
	rc = -errno;
	(void)closedir(dir);
	return rc;
}

int
tickets_walk(struct ctl *ctl, tickets_each *each, void *context)
{
	DIR *dir = opendir(ctl_state_path(ctl, "tickets"));
	const struct dirent *entry;
	int rc = 0;

	if (dir == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		const char *name = arena_copy(ctl->arena, str_of(entry->d_name)).p;
		struct str site;

		if (name == NULL || name[0] == '.')
			continue;
		site = ctl_clean(ctl->arena, str_of(name));
		rc = walk_folder(ctl, ctl_state_path(ctl, "tickets/%s", name), site, each, context);
		if (rc == 0)
			rc = walk_folder(ctl, ctl_state_path(ctl, "tickets/%s/limited", name), site, each, context);
	}
	if (rc == 0)
		rc = -errno;
	(void)closedir(dir);
	return rc;
}

/* What list and revoke share while they walk. */
struct walk {
	struct ctl *ctl;
	json_t     *list;               /* of --json */
	const char *prefix;             /* of the ID that is meant; NULL: all */
	unsigned    count;
	int         code;
};

static bool
is_meant(const struct walk *w, const struct found_ticket *found)
{
	struct str wanted = w->ctl->site_name == NULL ? found->site : str_of(w->ctl->site_name);

	return str_eq(wanted, found->site) && (w->prefix == NULL || str_starts(found->id, str_of(w->prefix)));
}

static void
list_one(void *context, const struct found_ticket *found)
{
	struct walk *w = context;
	const struct zone *zone = w->ctl->policy->sites[0].answers.zone;
	bool over = found->sound && w->ctl->now >= found->ticket.until;
	struct str shown = str_sub(found->id, 0, TICKET_SHOWN_LEN);

	if (!is_meant(w, found))
		return;
	w->count++;
	if (found->unread != 0 && found->unread != -ENOENT)
		w->code = ctl_fail_file("read the ticket in", ctl_state_path(w->ctl, "tickets"), found->unread);
	if (w->list != NULL) {
		(void)json_array_append_new(w->list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "ticket",
		    ctl_json_str(shown), "site", ctl_json_str(found->site), "until",
		    ctl_json_time(found->sound ? found->ticket.until : TIME_NONE), "note",
		    ctl_json_str(found->ticket.note), "paths", ctl_json_str(found->ticket.paths), "expired", over,
		    "sound", found->sound));
		return;
	}
	ctl_say(w->ctl, "%.*s   %-12.*s   %s%.*s   %.*s%s%.*s\n", STR_ARG(shown), STR_ARG(found->site),
	    !found->sound ? "its file is not understood: it opens nothing" : over ? "EXPIRED " : "until ",
	    STR_ARG(found->sound ? ctl_time(w->ctl, found->ticket.until, zone) : STR_NONE),
	    STR_ARG(found->ticket.note), found->ticket.paths.len > 0 ? "   only " : "", STR_ARG(found->ticket.paths));
}

static int
ticket_list(struct ctl *ctl)
{
	struct walk w = { ctl, ctl->json ? json_array() : NULL, NULL, 0, 0 };
	int rc = tickets_walk(ctl, list_one, &w);

	if (rc != 0)
		return ctl_fail_file("read", ctl_state_path(ctl, "tickets"), rc);
	if (w.list != NULL)
		ctl_print_json(w.list);
	if (w.count == 0)
		ctl_say(ctl, "there are no tickets\n");
	return w.code;
}

static void
revoke_one(void *context, const struct found_ticket *found)
{
	struct walk *w = context;
	struct str shown = str_sub(found->id, 0, TICKET_SHOWN_LEN);
	int rc;

	if (!is_meant(w, found))
		return;
	rc = file_remove(found->path);
	if (rc != 0 && rc != -ENOENT) {
		w->code = ctl_fail_file("remove the ticket in", ctl_state_path(w->ctl, "tickets"), rc);
		return;
	}
	w->count++;
	ctl_say(w->ctl, "revoked %.*s (%.*s)\n", STR_ARG(shown), STR_ARG(found->site));
	if (ctl_journal(w->ctl, "ticket-revoke", str_eq(found->site, STR(TICKET_ANY)) ? STR_NONE : found->site,
	    json_pack("{s:o}", "ticket", ctl_json_str(shown))) != 0)
		w->code = CTL_SYSTEM;
}

static int
ticket_revoke(struct ctl *ctl, const char *prefix)
{
	struct walk w = { ctl, NULL, prefix, 0, 0 };
	int rc;

	if (prefix != NULL && strlen(prefix) < TICKET_SHOWN_LEN)
		return ctl_fail(CTL_USAGE, "ticket revoke %s: expected the first %d digits or more", prefix,
		    TICKET_SHOWN_LEN);
	rc = tickets_walk(ctl, revoke_one, &w);
	if (rc != 0)
		return ctl_fail_file("read", ctl_state_path(ctl, "tickets"), rc);
	if (ctl->json)
		ctl_print_json(json_pack("{s:i}", "revoked", (int)w.count));
	if (w.code != 0)
		return w.code;
	if (w.count == 0 && prefix != NULL)
		return ctl_fail(CTL_NO, "there is no ticket %s; see wardenctl ticket list", prefix);
	return CTL_YES;
}

int
ctl_ticket(struct ctl *ctl, int argc, char **argv)
{
	struct wanted wanted = { 0 };
	bool all = false;
	const struct ctl_option options[] = {
		{ "for", "SPAN", &wanted.span, NULL, "how long it is good: 30m, 3d; 2h where it is left out" },
		{ "note", "TEXT", &wanted.note, NULL, "for whom and what" },
		{ "path", "PATHS", &wanted.paths, NULL, "only there: /admin/ and all below, /status alone" },
		{ "all", NULL, NULL, &all, "revoke all tickets (of --site)" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 1, 2, &count);

	if (code >= 0)
		return code;
	if (ctl->site_name != NULL && ctl_site(ctl) == NULL)
		return CTL_USAGE;
	if (strcmp(argv[1], "new") == 0 && count == 1)
		return ticket_new(ctl, &wanted);
	if (strcmp(argv[1], "list") == 0 && count == 1)
		return ticket_list(ctl);
	if (strcmp(argv[1], "revoke") == 0 && (count == 2) != all)
		return ticket_revoke(ctl, all ? NULL : argv[2]);
	return ctl_fail(CTL_USAGE, "usage: wardenctl ticket %s", ctl->command->arguments);
}
