/* SPDX-License-Identifier: MIT */
/* report: the maintenance windows of the past and figures over them, for people and for programs. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/civil.h"
#include "ctl/commands.h"
#include "ctl/past.h"
#include "ctl/report_book.h"
#include "record/journal.h"

/* --- for people --- */

/* What was once typed by someone, for a terminal. */
static struct str
plain(const struct ctl *ctl, struct str text)
{
	struct str cleaned = ctl_clean(ctl->arena, text);

	return cleaned.len == 0 ? STR("unknown") : cleaned;
}

static struct str
site_words(const struct ctl *ctl, const struct episode *e)
{
	return e->site.len == 0 ? STR("every site") : plain(ctl, e->site);
}

static struct str
when(const struct ctl *ctl, const struct episode *e, int64_t time)
{
	const struct site *site = policy_site_named(ctl->policy, e->site);
	char text[TIME_TEXT_MAX];

	if (time == TIME_NONE)
		return STR("unknown");
	return arena_copy(ctl->arena, time_format_local(time, site != NULL ? site->answers.zone :
	    ctl->policy->sites[0].answers.zone, text));
}

static struct str
span_words(const struct ctl *ctl, int64_t seconds)
{
	return seconds == UNKNOWN ? STR("unknown") : ctl_span(ctl->arena, seconds);
}

/* "31,877" */
static struct str
number_words(const struct ctl *ctl, int64_t number)
{
	struct str digits = arena_printf(ctl->arena, "%lld", (long long)number);
	char text[48];
	struct buffer out;

	if (number == UNKNOWN)
		return STR("unknown");
	buffer_init(&out, text, sizeof text);
	for (size_t i = 0; i < digits.len; i++) {
		if (i > 0 && (digits.len - i) % 3 == 0)
			buffer_add_char(&out, ',');
		buffer_add_char(&out, digits.p[i]);
	}
	return arena_copy(ctl->arena, buffer_str(&out));
}

/* "address 540, ticket 71" */
static struct str
passes_words(const struct ctl *ctl, json_t *passes, const char *between)
{
	struct str all = STR("");
	const char *reason;
	json_t *count;

	json_object_foreach(passes, reason, count) {
		struct str word = plain(ctl, str_of(reason));

		all = arena_printf(ctl->arena, "%.*s%s%.*s %lld", STR_ARG(all), all.len > 0 ? between : "",
		    STR_ARG(word), (long long)json_integer_value(count));
	}
	return all;
}

static struct str
adherence_words(const struct ctl *ctl, const struct episode *e)
{
	int64_t late = episode_late(e);

	if (late == UNKNOWN)
		return STR("adherence unknown");
	if (late == 0)
		return STR("on time");
	return arena_printf(ctl->arena, "late by %.*s", STR_ARG(ctl_span(ctl->arena, late)));
}

static struct str
count_words(const struct ctl *ctl, int64_t count, const char *one, const char *many)
{
	struct str number = number_words(ctl, count);

	return arena_printf(ctl->arena, "%.*s %s", STR_ARG(number), count == 1 ? one : many);
}

static void
say_planned(const struct ctl *ctl, const struct episode *e)
{
	ctl_say(ctl, "  planned  %.*s", STR_ARG(when(ctl, e, e->planned_first)));
	if (e->planned_last != e->planned_first)
		ctl_say(ctl, ", at last %.*s", STR_ARG(when(ctl, e, e->planned_last)));
	if (e->extensions != 0)
		ctl_say(ctl, ", %.*s", STR_ARG(count_words(ctl, e->extensions, "extension", "extensions")));
	ctl_say(ctl, "\n");
}

static void
say_episode(const struct ctl *ctl, const struct episode *e)
{
	struct str passes = passes_words(ctl, e->passes, ", ");

	ctl_say(ctl, "%s%.*s%s  %.*s  ", ctl_bold(ctl), STR_ARG(plain(ctl, e->id)), ctl_plain(ctl),
	    STR_ARG(site_words(ctl, e)));
	if (e->on)
		ctl_say(ctl, "%sstill on%s\n", ctl_red(ctl), ctl_plain(ctl));
	else
		ctl_say(ctl, "took %.*s, %.*s, result %.*s\n", STR_ARG(span_words(ctl, episode_duration(e))),
		    STR_ARG(adherence_words(ctl, e)), STR_ARG(plain(ctl, e->result)));
	ctl_say(ctl, "  began    %.*s, ended %.*s\n", STR_ARG(when(ctl, e, e->began)),
	    STR_ARG(e->on ? STR("not yet") : when(ctl, e, e->ended)));
	say_planned(ctl, e);
	ctl_say(ctl, "  owner    %.*s, change %.*s, %.*s\n", STR_ARG(plain(ctl, e->owner)),
	    STR_ARG(plain(ctl, e->change)), STR_ARG(count_words(ctl, e->steps, "step", "steps")));
	ctl_say(ctl, "  held     %.*s, passed %.*s", STR_ARG(number_words(ctl, e->held)),
	    STR_ARG(number_words(ctl, e->passed)));
	ctl_say(ctl, passes.len > 0 ? " (%.*s)\n\n" : "%.*s\n\n", STR_ARG(passes));
}

static void
say_percent(const struct ctl *ctl, const char *label, struct share share, const char *what, const char *none)
{
	int64_t value = share_tenths(share);
	char text[32] = "unknown";

	if (value != UNKNOWN)
		(void)snprintf(text, sizeof text, "%lld.%lld %%", (long long)(value / 10), (long long)(value % 10));
	ctl_say(ctl, "  %-24s %-11s", label, text);
	if (value == UNKNOWN)
		ctl_say(ctl, "%s\n", none);
	else
		ctl_say(ctl, "%lld of %lld %s\n", (long long)share.part, (long long)share.of, what);
}

static void
say_figures(const struct ctl *ctl, const struct figures *f)
{
	ctl_say(ctl, "%zu %s%.*s\n", f->count, f->count == 1 ? "window" : "windows",
	    STR_ARG(f->on > 0 ? arena_printf(ctl->arena, ", %zu still on", f->on) : STR("")));
	say_percent(ctl, "M1 ended on time", f->on_time, "windows with a planned end and an end",
	    "no window has both a planned end and an end");
	say_percent(ctl, "M3 rolled back", f->rollbacks, "windows with a known result",
	    "no result was given: wardenctl off --result ok|rollback|aborted");
	ctl_say(ctl, "  %-24s %-11.*s", "M4 mean duration", STR_ARG(span_words(ctl, share_mean(f->duration))));
	if (f->duration.of > 0)
		ctl_say(ctl, "of %lld ended %s; median %.*s\n", (long long)f->duration.of,
		    f->duration.of == 1 ? "window" : "windows", STR_ARG(span_words(ctl, f->median)));
	else
		ctl_say(ctl, "no window has ended\n");
	say_percent(ctl, "M7 steps that went well", f->steps, "steps in windows with a known result",
	    "no steps in windows with a known result");
	ctl_say(ctl, "  %-24s ", "planned and actual");
	if (f->planned_of > 0)
		ctl_say(ctl, "planned %.*s, took %.*s, in %lld %s\n", STR_ARG(span_words(ctl, f->planned)),
		    STR_ARG(span_words(ctl, f->actual)), (long long)f->planned_of,
		    f->planned_of == 1 ? "window" : "windows");
	else
		ctl_say(ctl, "unknown    no window has both a planned end and an end\n");
}

static void
say_report(const struct book *book)
{
	const struct ctl *ctl = book->ctl;

	if (book->first == NULL) {
		ctl_say(ctl, "%s\n", book->any ? "no maintenance window is in this part of the journal" :
		    "nothing is in the journal");
		return;
	}
	for (const struct episode *e = book->first; e != NULL; e = e->next)
		say_episode(ctl, e);
	say_figures(ctl, &book->figures);
}

/* --- for programs --- */

static json_t *
json_number(int64_t number)
{
	return number == UNKNOWN ? json_null() : json_integer((json_int_t)number);
}

static json_t *
json_percent(struct share share)
{
	int64_t value = share_tenths(share);

	return value == UNKNOWN ? json_null() : json_real((double)value / 10);
}

static void
set(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new(object, name, value);
}

/* `part` is null where nothing is known, and 0 only where there were some and it was none of them. */
static json_t *
json_share(const char *name, const char *part, struct share share)
{
	json_t *object = json_object();

	set(object, "name", json_string(name));
	set(object, "percent", json_percent(share));
	set(object, part, json_number(share.of == 0 ? UNKNOWN : share.part));
	set(object, "of", json_integer((json_int_t)share.of));
	return object;
}

static json_t *
json_figures(const struct figures *f)
{
	json_t *object = json_object(), *duration = json_object(), *planned = json_object();

	set(object, "windows", json_integer((json_int_t)f->count));
	set(object, "still_on", json_integer((json_int_t)f->on));
	set(object, "M1", json_share("window adherence", "on_time", f->on_time));
	set(object, "M3", json_share("rollback rate", "rollbacks", f->rollbacks));
	set(duration, "name", json_string("duration"));
	set(duration, "mean_seconds", json_number(share_mean(f->duration)));
	set(duration, "median_seconds", json_number(f->median));
	set(duration, "of", json_integer((json_int_t)f->duration.of));
	set(object, "M4", duration);
	set(object, "M7", json_share("step success", "succeeded", f->steps));
	set(planned, "name", json_string("planned against actual duration"));
	set(planned, "planned_seconds", json_number(f->planned_of == 0 ? UNKNOWN : f->planned));
	set(planned, "actual_seconds", json_number(f->planned_of == 0 ? UNKNOWN : f->actual));
	set(planned, "of", json_integer((json_int_t)f->planned_of));
	set(object, "planned", planned);
	return object;
}

static json_t *
json_episode(const struct episode *e)
{
	int64_t late = episode_late(e);
	json_t *object = json_object();

	set(object, "id", ctl_json_str(e->id));
	set(object, "site", ctl_json_str(e->site));
	set(object, "began", ctl_json_time(e->began));
	set(object, "planned_first", ctl_json_time(e->planned_first));
	set(object, "planned_last", ctl_json_time(e->planned_last));
	set(object, "ended", ctl_json_time(e->ended));
	set(object, "still_on", json_boolean(e->on));
	set(object, "duration_seconds", json_number(episode_duration(e)));
	set(object, "adherence", late == UNKNOWN ? json_null() : json_string(late == 0 ? "on time" : "late"));
	set(object, "late_seconds", json_number(late));
	set(object, "result", ctl_json_str(e->result));
	set(object, "owner", ctl_json_str(e->owner));
	set(object, "change", ctl_json_str(e->change));
	set(object, "extensions", json_number(e->extensions));
	set(object, "steps", json_number(e->steps));
	set(object, "held", json_number(e->held));
	set(object, "passed", json_number(e->passed));
	set(object, "passes", e->passes != NULL ? json_incref(e->passes) : json_null());
	return object;
}

static void
print_json(const struct book *book)
{
	json_t *object = json_object(), *windows = json_array();

	set(object, "since", ctl_json_time(book->since));
	set(object, "until", ctl_json_time(book->ctl->now));
	set(object, "figures", json_figures(&book->figures));
	for (const struct episode *e = book->first; e != NULL; e = e->next)
		(void)json_array_append_new(windows, json_episode(e));
	set(object, "windows", windows);
	ctl_print_json(object);
}

/* RFC 4180.  A spreadsheet would run what begins like a formula, so that gets a quote before it. */
static void
csv_text(struct str text, char behind)
{
	bool formula = text.len > 0 && strchr("=+-@\t\r", text.p[0]) != NULL;
	bool quoted = formula;

	for (size_t i = 0; i < text.len; i++)
		quoted = quoted || text.p[i] == '"' || text.p[i] == ',' || text.p[i] == '\n' || text.p[i] == '\r';
	(void)fputs(quoted ? "\"" : "", stdout);
	(void)fputs(formula ? "'" : "", stdout);
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '"')
			(void)putchar('"');
		(void)putchar(text.p[i]);
	}
	(void)fputs(quoted ? "\"" : "", stdout);
	(void)fputs(behind == '\n' ? "\r\n" : ",", stdout);
}

static void
csv_known(struct str text)
{
	csv_text(text.len > 0 ? text : STR("unknown"), ',');
}

static void
csv_time(int64_t time)
{
	char text[TIME_TEXT_MAX];

	csv_known(time == TIME_NONE ? STR_NONE : time_format_utc(time, text));
}

static void
csv_number(int64_t number)
{
	char text[24] = "";

	if (number != UNKNOWN)
		(void)snprintf(text, sizeof text, "%lld", (long long)number);
	csv_known(str_of(text));
}

static void
csv_episode(const struct ctl *ctl, const struct episode *e)
{
	int64_t late = episode_late(e);

	csv_known(e->id);
	csv_known(e->site.len > 0 ? e->site : STR("every site"));
	csv_time(e->began);
	csv_time(e->planned_first);
	csv_time(e->planned_last);
	if (e->on)
		csv_known(STR("still on"));
	else
		csv_time(e->ended);
	csv_number(episode_duration(e));
	csv_known(late == UNKNOWN ? STR_NONE : late == 0 ? STR("on time") : STR("late"));
	csv_number(late);
	csv_known(e->result);
	csv_known(e->owner);
	csv_known(e->change);
	csv_number(e->extensions);
	csv_number(e->steps);
	csv_number(e->held);
	csv_number(e->passed);
	csv_text(e->passes != NULL ? passes_words(ctl, e->passes, "; ") : STR("unknown"), '\n');
}

static void
print_csv(const struct book *book)
{
	(void)fputs("id,site,began,planned_first,planned_last,ended,duration_seconds,adherence,late_seconds,result,"
	    "owner,change,extensions,steps,held,passed,passes\r\n", stdout);
	for (const struct episode *e = book->first; e != NULL; e = e->next)
		csv_episode(book->ctl, e);
}

/* --- the command --- */

static int
fail_read(const char *path, int rc)
{
	(void)ctl_fail(CTL_SYSTEM, "cannot read %s: %s", path, strerror(-rc));
	if (rc == -EACCES || rc == -EPERM)
		(void)fprintf(stderr, "  use sudo, or join the group that the file belongs to\n");
	return CTL_SYSTEM;
}

/* 0, or an exit code. */
static int
read_journal(struct book *book)
{
	struct ctl *ctl = book->ctl;
	const char *path = ctl_state_path(ctl, "journal.jsonl");
	struct journal_report verified;
	int rc = book_read(book, path);

	if (rc != 0)
		return fail_read(path, rc);
	/* A site that is gone from the INI still has its past. */
	if (ctl->site_name != NULL && !book->site_seen && ctl_site(ctl) == NULL)
		return CTL_USAGE;
	if (journal_verify(path, STR_NONE, ctl->arena, &verified) == 0 && verified.damaged)
		(void)ctl_fail(CTL_NO, "the journal does not verify: wardenctl journal verify");
	return 0;
}

static void
print_report(const struct book *book, bool csv)
{
	if (csv)
		print_csv(book);
	else if (book->ctl->json)
		print_json(book);
	else
		say_report(book);
}

int
ctl_report(struct ctl *ctl, int argc, char **argv)
{
	const char *since = NULL;
	bool csv = false;
	const struct ctl_option options[] = {
		{ "since", "SPAN|TIME", &since, NULL, "only what was not over before: 90d, \"2026-12-15 04:00\"" },
		{ "csv", NULL, NULL, &csv, "print a line a window, for spreadsheets" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	struct book book = { .ctl = ctl };
	int count, code = ctl_parse(ctl, options, argc, argv, 0, 0, &count);

	if (code >= 0)
		return code;
	if (csv && ctl->json)
		return ctl_fail(CTL_USAGE, "--csv and --json are two ways to print one thing: give one of them");
	code = past_since(ctl, since, &book.since);
	if (code == 0)
		code = read_journal(&book);
	if (code == 0)
		print_report(&book, csv);
	book_clear(&book);
	return code;
}
