/* SPDX-License-Identifier: MIT */
/*
 * journal: shows what was done, by whom and why; and `journal verify`, whether the journal is still as it was written.
 * It is read twice: once for the widths of the columns, once to print, so a long journal takes no memory.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/civil.h"
#include "ctl/commands.h"
#include "ctl/past.h"
#include "record/journal.h"

#define CELL_MAX 160                            /* bytes of one column; what is longer is cut */
#define TEXT_MAX ((size_t)3 * JOURNAL_LINE_MAX)  /* a line of the journal in words */

enum cell { CELL_TIME, CELL_EVENT, CELL_SITE, CELL_BY, CELLS };

struct view {
	struct ctl *ctl;
	int64_t     since;              /* TIME_NONE: from the first line on */
	const char *window;             /* NULL: all */
	bool        site_seen;          /* some record is about the site of --site */
	size_t      count;
	size_t      widths[CELLS];
};

/* How a member is told. */
enum telling { AS_WORD, AS_TEXT, AS_TIME, AS_TICKET, AS_YES, AS_COUNTS, AS_NOTHING };

static const struct member {
	const char  *name, *label;
	enum telling telling;
} members[] = {
	/* in the order in which they are told */
	{ "id", "id", AS_WORD },
	{ "window", "window", AS_WORD },
	{ "ticket", "ticket", AS_TICKET },
	{ "start", "start", AS_TIME },
	{ "end", "end", AS_TIME },
	{ "repeat", "repeat", AS_WORD },
	{ "until", "until", AS_TIME },
	{ "before", "before that", AS_TIME },
	{ "mode", "mode", AS_WORD },
	{ "step", "step", AS_TEXT },
	{ "message", "message", AS_TEXT },
	{ "command", "command", AS_TEXT },
	{ "code", "exit", AS_WORD },
	{ "result", "result", AS_WORD },
	{ "owner", "owner", AS_WORD },
	{ "reason", "reason", AS_TEXT },
	{ "change", "change", AS_WORD },
	{ "profile", "profile", AS_WORD },
	{ "paths", "paths", AS_WORD },
	{ "note", "note", AS_TEXT },
	{ "held", "held", AS_WORD },
	{ "passed", "passed", AS_WORD },
	{ "passes", "", AS_COUNTS },
	{ "forced", "forced", AS_YES },
	/* told in columns, or otherwise */
	{ "state", "", AS_NOTHING },
	{ "since", "", AS_NOTHING },
	{ "ctime", "", AS_NOTHING },
	{ "seq", "", AS_NOTHING },
	{ "time", "", AS_NOTHING },
	{ "event", "", AS_NOTHING },
	{ "site", "", AS_NOTHING },
	{ "by", "", AS_NOTHING },
	{ "uid", "", AS_NOTHING },
	{ "prev", "", AS_NOTHING },
	{ "hash", "", AS_NOTHING },
};

/* The zone of the record's site, else of [site]: the site may be gone from the INI since. */
static const struct zone *
zone_of(const struct ctl *ctl, const json_t *record)
{
	const struct site *site = policy_site_named(ctl->policy, past_str(record, "site"));

	return site != NULL ? site->answers.zone : ctl->policy->sites[0].answers.zone;
}

/* What is about every site is about the site of --site too. */
static bool
wanted(struct view *view, const json_t *record)
{
	struct str site = past_str(record, "site"), window = str_of(view->window);
	int64_t time = past_time(record, "time");

	if (view->ctl->site_name != NULL && site.p != NULL) {
		if (!str_eq(site, str_of(view->ctl->site_name)))
			return false;
		view->site_seen = true;
	}
	if (view->since != TIME_NONE && (time == TIME_NONE || time < view->since))
		return false;
	return view->window == NULL || str_eq(past_str(record, "id"), window) ||
	    str_eq(past_str(record, "window"), window);
}

/* Characters, which is what columns are made of. */
static size_t
width_of(struct str s)
{
	size_t width = 0;

	for (size_t i = 0; i < s.len; i++)
		width += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return width;
}

/* The columns of a record, in order. */
static void
fill_cells(const struct view *view, const json_t *record, char text[CELLS][CELL_MAX], struct buffer cells[CELLS])
{
	int64_t time = past_time(record, "time");
	const json_t *uid = json_object_get(record, "uid");
	struct str site = past_str(record, "site"), by = past_str(record, "by");
	char when[TIME_TEXT_MAX];

	for (int c = 0; c < CELLS; c++)
		buffer_init(&cells[c], text[c], CELL_MAX);
	buffer_add_plain(&cells[CELL_TIME], time == TIME_NONE ? past_str(record, "time") :
	    time_format_local(time, zone_of(view->ctl, record), when));
	buffer_add_plain(&cells[CELL_EVENT], past_str(record, "event"));
	buffer_add_plain(&cells[CELL_SITE], site.p == NULL ? STR("every site") : site);
	if (by.len > 0)
		buffer_add_plain(&cells[CELL_BY], by);
	else if (json_is_integer(uid))
		buffer_addf(&cells[CELL_BY], "uid %lld", (long long)json_integer_value(uid));
	else
		buffer_add(&cells[CELL_BY], STR("unknown"));
}

static bool
measure(void *context, json_t *record)
{
	struct view *view = context;
	char text[CELLS][CELL_MAX];
	struct buffer cells[CELLS];

	if (!wanted(view, record))
		return true;
	view->count++;
	fill_cells(view, record, text, cells);
	for (int c = 0; c < CELLS; c++) {
		size_t width = width_of(buffer_str(&cells[c]));

		if (width > view->widths[c])
			view->widths[c] = width;
	}
	return true;
}

static void
add_escaped(struct buffer *out, struct str text)
{
	while (text.len > 0) {
		size_t quote = str_find(text, '"');

		buffer_add_plain(out, str_sub(text, 0, quote));
		if (quote < text.len)
			buffer_add(out, STR("\\\""));
		text = str_sub(text, quote + 1, text.len);
	}
}

/* Any value in words: texts as they are but for quotes, lists with blanks between, the rest as JSON. */
static void
add_value(struct buffer *out, const json_t *value)
{
	char text[1024];
	size_t len;

	if (json_is_string(value)) {
		add_escaped(out, (struct str){ json_string_value(value), json_string_length(value) });
		return;
	}
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++) {
			if (i > 0)
				buffer_add_char(out, ' ');
			add_value(out, json_array_get(value, i));
		}
		return;
	}
	len = json_dumpb(value, text, sizeof text, JSON_COMPACT | JSON_ENCODE_ANY);
	buffer_add_plain(out, len <= sizeof text ? (struct str){ text, len } : STR("..."));
}

static void
add_time(const struct view *view, struct buffer *out, const json_t *record, const char *name)
{
	int64_t time = past_time(record, name);
	char text[TIME_TEXT_MAX];

	if (time == TIME_NONE)
		add_value(out, json_object_get(record, name));
	else
		buffer_add(out, time_format_local(time, zone_of(view->ctl, record), text));
}

/* "(address 540, ticket 71)", behind the number that they add up to. */
static void
add_counts(struct buffer *out, json_t *counts)
{
	const char *reason;
	const char *between = "(";
	json_t *count;

	json_object_foreach(counts, reason, count) {
		buffer_addf(out, "%s", between);
		buffer_add_plain(out, str_of(reason));
		buffer_add_char(out, ' ');
		add_value(out, count);
		between = ", ";
	}
	if (json_object_size(counts) > 0)
		buffer_add_char(out, ')');
}

/* Whether a word must stand in quotes, so that nobody's owner is "me, result ok". */
static bool
wants_quotes(const json_t *value)
{
	struct str text = { json_string_value(value), json_string_length(value) };

	return json_is_string(value) && (text.len == 0 || str_find(text, ',') < text.len ||
	    str_find(text, '"') < text.len || str_find(text, ' ') < text.len);
}

static void
add_quoted(struct buffer *out, const json_t *value)
{
	buffer_add_char(out, '"');
	add_value(out, value);
	buffer_add_char(out, '"');
}

static void
add_word(struct buffer *out, const json_t *value)
{
	if (wants_quotes(value))
		add_quoted(out, value);
	else
		add_value(out, value);
}

static void
add_told(const struct view *view, struct buffer *out, const json_t *record, const struct member *member)
{
	json_t *value = json_object_get(record, member->name);

	switch (member->telling) {
	case AS_TEXT:
		add_quoted(out, value);
		break;
	case AS_TIME:
		add_time(view, out, record, member->name);
		break;
	case AS_TICKET:                 /* more than its first digits would be the ticket itself */
		buffer_add_plain(out, str_sub(past_str(record, member->name), 0, 8));
		break;
	case AS_COUNTS:
		add_counts(out, value);
		break;
	default:
		add_word(out, value);
		break;
	}
}

static void
add_separator(struct buffer *out)
{
	if (out->len > 0)
		buffer_add(out, STR(", "));
}

static const char *const ends[] = { "off", "window-end", "lift", NULL };

static bool
is_event(const json_t *record, const char *const *names)
{
	struct str event = past_str(record, "event");

	for (; *names != NULL; names++)
		if (str_eq(event, str_of(*names)))
			return true;
	return false;
}

/* What was planned is over where it is the end that is told. */
static void
add_label(struct buffer *out, const json_t *record, const struct member *member)
{
	if (strcmp(member->name, "until") == 0 && is_event(record, ends))
		buffer_add(out, STR("planned "));
	buffer_addf(out, "%s%s", member->label, member->label[0] != '\0' ? " " : "");
}

static void
add_member(const struct view *view, struct buffer *out, const json_t *record, const struct member *member)
{
	const json_t *value = json_object_get(record, member->name);

	if (value == NULL || json_is_null(value) || member->telling == AS_NOTHING)
		return;
	if (member->telling == AS_COUNTS && json_object_size(value) == 0)
		return;
	if (member->telling == AS_YES && json_is_boolean(value)) {
		if (json_is_true(value)) {
			add_separator(out);
			buffer_addf(out, "%s", member->label);
		}
		return;
	}
	if (member->telling == AS_COUNTS)
		buffer_add_char(out, ' ');
	else
		add_separator(out);
	add_label(out, record, member);
	add_told(view, out, record, member);
}

/* "since" tells how long it lasted, or when a file was touched; and no end at all is worth a word. */
static void
add_times(const struct view *view, struct buffer *out, const json_t *record)
{
	static const char *const begins[] = { "on", "window-start", NULL };
	static const char *const seen[] = { "observed", NULL };
	int64_t since = past_time(record, "since"), time = past_time(record, "time");

	if (is_event(record, ends) && since != TIME_NONE && time >= since) {
		struct str span = ctl_span(view->ctl->arena, time - since);

		buffer_addf(out, "after %.*s", STR_ARG(span));
	}
	if (is_event(record, begins) && json_is_null(json_object_get(record, "until")))
		buffer_add(out, STR("without a planned end"));
	if (is_event(record, seen)) {
		buffer_add(out, STR("switched "));
		add_value(out, json_object_get(record, "state"));
		buffer_add(out, STR(" by hand"));
	}
	if (is_event(record, seen) && since != TIME_NONE) {
		buffer_add(out, STR(", since "));
		add_time(view, out, record, "since");
	}
}

static bool
is_listed(const char *name)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (strcmp(members[i].name, name) == 0)
			return true;
	return false;
}

static void
add_members(const struct view *view, struct buffer *out, json_t *record)
{
	const char *name;
	json_t *value;

	add_times(view, out, record);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		add_member(view, out, record, &members[i]);
	json_object_foreach(record, name, value) {
		if (is_listed(name) || json_is_null(value))
			continue;
		add_separator(out);
		buffer_add_plain(out, str_of(name));
		buffer_add_char(out, ' ');
		add_word(out, value);
	}
}

static bool
print_record(void *context, json_t *record)
{
	static char memory[TEXT_MAX];
	struct view *view = context;
	char text[CELLS][CELL_MAX];
	struct buffer cells[CELLS], told;

	if (!wanted(view, record))
		return true;
	if (view->ctl->json) {
		/* as it stands in the journal, byte for byte: its hash can still be checked */
		(void)json_dumpf(record, stdout, JSON_COMPACT);
		(void)putchar('\n');
		return true;
	}
	fill_cells(view, record, text, cells);
	for (int c = 0; c < CELLS; c++) {
		struct str cell = buffer_str(&cells[c]);
		size_t width = width_of(cell), most = view->widths[c];

		ctl_say(view->ctl, "%s%.*s%*s", c > 0 ? "  " : "", STR_ARG(cell),
		    width < most ? (int)(most - width) : 0, "");
	}
	buffer_init(&told, memory, sizeof memory);
	add_members(view, &told, record);
	ctl_say(view->ctl, "%s%.*s\n", told.len > 0 ? "  " : "", STR_ARG(buffer_str(&told)));
	return true;
}

static int
fail_read(const char *path, int rc)
{
	(void)ctl_fail(CTL_SYSTEM, "cannot read %s: %s", path, strerror(-rc));
	if (rc == -EACCES || rc == -EPERM)
		(void)fprintf(stderr, "  use sudo, or join the group that the file belongs to\n");
	return CTL_SYSTEM;
}

static int
show(struct ctl *ctl, const char *since, const char *window)
{
	struct view view = { .ctl = ctl, .window = window };
	const char *path = ctl_state_path(ctl, "journal.jsonl");
	int rc, code = past_since(ctl, since, &view.since);

	if (code != 0)
		return code;
	rc = journal_each(path, measure, &view);
	if (rc != 0)
		return fail_read(path, rc);
	/* A site that is gone from the INI still has its past. */
	if (ctl->site_name != NULL && !view.site_seen && ctl_site(ctl) == NULL)
		return CTL_USAGE;
	if (view.count == 0)
		ctl_say(ctl, "nothing is in the journal%s\n",
		    since != NULL || window != NULL || ctl->site_name != NULL ? " that was asked for" : "");
	rc = view.count == 0 ? 0 : journal_each(path, print_record, &view);
	return rc != 0 ? fail_read(path, rc) : CTL_YES;
}

static const char *
fault_word(enum journal_fault fault)
{
	static const char *const words[] = {
		[JOURNAL_TORN] = "torn", [JOURNAL_CHANGED] = "changed", [JOURNAL_NOT_JSON] = "not-json",
		[JOURNAL_MISSING] = "missing", [JOURNAL_HEAD] = "head",
	};

	return words[fault];
}

static void
print_verified(const struct journal_report *report, bool there, bool damaged)
{
	json_t *object = json_object(), *findings = json_array();

	(void)json_object_set_new(object, "there", json_boolean(there));
	(void)json_object_set_new(object, "whole", json_boolean(!damaged));
	(void)json_object_set_new(object, "lines", json_integer((json_int_t)report->lines));
	(void)json_object_set_new(object, "head", ctl_json_str(str_of(report->head)));
	for (const struct journal_finding *f = report->findings; f != NULL; f = f->next) {
		json_t *finding = json_object();

		(void)json_object_set_new(finding, "line", json_integer((json_int_t)f->line));
		(void)json_object_set_new(finding, "fault", json_string(fault_word(f->fault)));
		(void)json_object_set_new(finding, "sentence", ctl_json_str(f->sentence));
		(void)json_array_append_new(findings, finding);
	}
	(void)json_object_set_new(object, "findings", findings);
	ctl_print_json(object);
}

static void
say_verified(const struct ctl *ctl, const char *path, const struct journal_report *report)
{
	const char *unit = report->lines == 1 ? "line" : "lines";

	for (const struct journal_finding *f = report->findings; f != NULL; f = f->next)
		ctl_say(ctl, "%s:%llu: %s%.*s\n", path, (unsigned long long)f->line,
		    f->fault == JOURNAL_TORN ? "no damage: " : "", STR_ARG(f->sentence));
	if (report->damaged)
		ctl_say(ctl, "%s%llu %s, DAMAGED%s", ctl_red(ctl), (unsigned long long)report->lines, unit,
		    ctl_plain(ctl));
	else
		ctl_say(ctl, "%llu %s, %swhole%s", (unsigned long long)report->lines, unit, ctl_green(ctl),
		    ctl_plain(ctl));
	if (report->head[0] != '\0')
		ctl_say(ctl, "; head %s", report->head);
	ctl_say(ctl, "\n");
}

static bool
is_hash(const char *text)
{
	return strlen(text) == JOURNAL_HASH_TEXT && strspn(text, "0123456789abcdefABCDEF") == JOURNAL_HASH_TEXT;
}

static int
verify(struct ctl *ctl, const char *head)
{
	const char *path = ctl_state_path(ctl, "journal.jsonl");
	struct journal_report report = { 0 };
	int rc;

	if (head != NULL && !is_hash(head))
		return ctl_fail(CTL_USAGE, "--head %s: expected the 64 hex digits of a line's hash, as syslog has them",
		    head);
	rc = journal_verify(path, str_of(head), ctl->arena, &report);
	if (rc != 0 && rc != -ENOENT)
		return fail_read(path, rc);
	if (ctl->json)
		print_verified(&report, rc == 0, rc == 0 ? report.damaged : head != NULL);
	if (rc == 0) {
		say_verified(ctl, path, &report);
		return report.damaged ? CTL_NO : CTL_YES;
	}
	ctl_say(ctl, "there is no journal at %s%s\n", path, head == NULL ? "" :
	    ", and yet one with that hash was there");
	return head != NULL ? CTL_NO : CTL_YES;
}

int
ctl_journal_command(struct ctl *ctl, int argc, char **argv)
{
	const char *since = NULL, *window = NULL, *head = NULL;
	const struct ctl_option options[] = {
		{ "since", "SPAN|TIME", &since, NULL, "only what is not older: 7d, \"2026-12-15 04:00\"" },
		{ "window", "ID", &window, NULL, "only what has this id" },
		{ "head", "HASH", &head, NULL, "verify: a hash that must be in it" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 0, 1, &count);

	if (code >= 0)
		return code;
	if (count == 1 && strcmp(argv[1], "verify") != 0)
		return ctl_fail(CTL_USAGE, "journal has no \"%s\"; see wardenctl journal --help", argv[1]);
	if (count == 1 && (since != NULL || window != NULL || ctl->site_name != NULL))
		return ctl_fail(CTL_USAGE, "journal verify looks at all of it: leave --since, --window and --site out");
	if (count == 0 && head != NULL)
		return ctl_fail(CTL_USAGE, "--head is for verifying: wardenctl journal verify --head %s", head);
	return count == 1 ? verify(ctl, head) : show(ctl, since, window);
}
