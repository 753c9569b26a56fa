/* SPDX-License-Identifier: MIT */
/*
 * Looking up tickets.  The file system compares the ID; since it is 128 random bits, what the time of a look-up tells
 * about other names in the folder is of no use to anybody.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/ini.h"
#include "state/ticket.h"

bool
ticket_id_valid(struct str id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
			return false;
	return id.len == TICKET_ID_LEN;
}

static bool
set_key(struct ticket *ticket, struct str key, struct str value)
{
	/* times of tickets are written with Z: no zone is needed */
	if (str_eq(key, STR("until")) && ticket->until == TIME_NONE)
		return time_parse(value, NULL, &ticket->until) == 0;
	if (str_eq(key, STR("since")) && ticket->since == TIME_NONE)
		return time_parse(value, NULL, &ticket->since) == 0;
	if (str_eq(key, STR("note")))
		ticket->note = value;
	else if (str_eq(key, STR("paths")) && ticket->paths.p == NULL)
		ticket->paths = value;
	else
		return false;
	return true;
}

bool
ticket_parse(struct str text, struct arena *arena, struct ticket *ret)
{
	struct ticket ticket = { TIME_NONE, TIME_NONE, STR_NONE, STR_NONE };
	struct ini_entry *entries;
	bool sound = ini_scan_body(text, arena, &entries) == 0;

	for (const struct ini_entry *e = sound ? entries : NULL; e != NULL && sound; e = e->next)
		sound = set_key(&ticket, e->key, e->value);
	if (!sound || ticket.until == TIME_NONE || (ticket.paths.p != NULL && ticket.paths.len == 0))
		return false;
	*ret = ticket;
	return true;
}

int
ticket_format(const struct ticket *ticket, struct arena *arena, struct str *ret)
{
	char *memory = arena_alloc(arena, TICKET_BODY_MAX), time[TIME_TEXT_MAX];
	struct buffer out;
	int rc = 0;

	if (memory == NULL)
		return -ENOMEM;
	buffer_init(&out, memory, TICKET_BODY_MAX);
	buffer_addf(&out, "until = %.*s\n", STR_ARG(time_format_utc(ticket->until, time)));
	if (ticket->since != TIME_NONE)
		buffer_addf(&out, "since = %.*s\n", STR_ARG(time_format_utc(ticket->since, time)));
	if (ticket->note.len > 0)
		rc = ini_add_line(&out, STR("note"), ticket->note);
	if (rc == 0 && ticket->paths.len > 0)
		rc = ini_add_line(&out, STR("paths"), ticket->paths);
	if (rc == 0)
		*ret = buffer_str(&out);
	return rc;
}

static bool
read_ticket(struct str state_dir, struct str site, const char *limited, struct str id, struct arena *arena,
    struct ticket *ret)
{
	char path[PATH_MAX];
	struct stat status;
	struct str text;
	int len = snprintf(path, sizeof path, "%.*s/tickets/%.*s/%s%.*s", STR_ARG(state_dir), STR_ARG(site), limited,
	    STR_ARG(id));

	/* one that every user of this machine could write opens nothing */
	return len > 0 && (size_t)len < sizeof path && stat(path, &status) == 0 && (status.st_mode & S_IWOTH) == 0 &&
	    file_read(path, TICKET_BODY_MAX, arena, &text, NULL) == 0 && ticket_parse(text, arena, ret);
}

bool
ticket_find(struct str state_dir, struct str site, struct str id, int64_t now, struct arena *arena, struct ticket *ret)
{
	const struct str folders[] = { site, STR(TICKET_ANY) };
	struct ticket ticket;

	if (!ticket_id_valid(id))
		return false;
	for (size_t i = site.len == 0; i < sizeof folders / sizeof *folders; i++) {
		bool whole = read_ticket(state_dir, folders[i], "", id, arena, &ticket);

		/* a file without paths does not belong in limited/: there it opens nothing */
		if (!whole && !(read_ticket(state_dir, folders[i], "limited/", id, arena, &ticket) &&
		    ticket.paths.len > 0))
			continue;
		if (now >= ticket.until)
			continue;
		*ret = ticket;
		return true;
	}
	return false;
}

static bool
rule_covers(struct str rule, struct str path)
{
	if (!str_ends(rule, STR("/")))
		return str_eq(rule, path);
	return str_starts(path, rule) || str_eq(path, str_sub(rule, 0, rule.len - 1));
}

bool
ticket_covers(const struct ticket *ticket, struct str path, bool odd)
{
	struct str rest = ticket->paths, rule;

	if (ticket->paths.len == 0)
		return true;
	while (!odd && str_split(&rest, ',', &rule))
		if (str_starts(rule, STR("/")) && rule_covers(rule, path))
			return true;
	return false;
}
