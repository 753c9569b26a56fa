/* SPDX-License-Identifier: MIT */
/* From the records of the journal, in their order, to windows; and what is counted over those. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "ctl/past.h"
#include "ctl/report_book.h"
#include "record/journal.h"

#define UPKEEP_DELAY 60                 /* seconds */

/* --- from the journal to windows --- */

static struct episode *
last_of(const struct book *book, struct str site)
{
	struct episode *e = book->last;

	while (e != NULL && !str_eq(e->site, site))
		e = e->before;
	return e;
}

/* Only the last window of a site can be open. */
static struct episode *
open_of(const struct book *book, struct str site)
{
	struct episode *e = last_of(book, site);

	return e != NULL && e->on ? e : NULL;
}

static struct episode *
add_episode(struct book *book, const json_t *record)
{
	struct episode *e = arena_zalloc(book->ctl->arena, 1, sizeof *e);

	book->no_memory = e == NULL;
	if (e == NULL)
		return NULL;
	e->site = arena_copy(book->ctl->arena, past_str(record, "site"));
	e->began = e->planned_first = e->planned_last = e->ended = TIME_NONE;
	e->held = e->passed = UNKNOWN;
	e->on = true;
	e->before = book->last;
	if (book->last != NULL)
		book->last->next = e;
	else
		book->first = e;
	book->last = e;
	return e;
}

static void
set_text(struct book *book, struct str *text, const json_t *record, const char *name)
{
	struct str value = past_str(record, name);

	if (value.len > 0)
		*text = arena_copy(book->ctl->arena, value);
}

static void
set_number(int64_t *number, const json_t *record, const char *name)
{
	const json_t *value = json_object_get(record, name);

	if (json_is_integer(value) && json_integer_value(value) >= 0)
		*number = json_integer_value(value);
}

static void
announce(struct episode *e, int64_t until)
{
	if (until == TIME_NONE)
		return;
	if (e->planned_first == TIME_NONE)
		e->planned_first = until;
	else if (e->planned_last == TIME_NONE || until > e->planned_last)
		e->extensions++;
	e->planned_last = until;
}

/* The open window of the record's site, else a new one: what is told shows that maintenance is on. */
static struct episode *
open_or_add(struct book *book, const json_t *record)
{
	struct episode *e = open_of(book, past_str(record, "site"));

	if (e == NULL)
		e = add_episode(book, record);
	if (e != NULL && e->id.len == 0)
		set_text(book, &e->id, record, "id");
	return e;
}

static void
take_begin(struct book *book, const json_t *record)
{
	struct episode *e = open_or_add(book, record);

	if (e == NULL)
		return;
	if (e->began == TIME_NONE)
		e->began = past_time(record, "since");
	if (e->began == TIME_NONE)
		e->began = past_time(record, "time");
	set_text(book, &e->owner, record, "owner");
	set_text(book, &e->change, record, "change");
	announce(e, past_time(record, "until"));
}

static void
take_until(struct book *book, const json_t *record)
{
	struct episode *e = open_or_add(book, record);

	if (e == NULL)
		return;
	if (e->planned_first == TIME_NONE)
		announce(e, past_time(record, "before"));
	announce(e, past_time(record, "until"));
}

static void
take_step(struct book *book, const json_t *record)
{
	struct episode *e;

	if (past_str(record, "step").len == 0)
		return;                 /* taken off the page: none was announced */
	e = open_or_add(book, record);
	if (e != NULL)
		e->steps++;
}

static int64_t
actual_end(const json_t *record, bool by_upkeep)
{
	int64_t time = past_time(record, "time"), until = past_time(record, "until");

	if (by_upkeep && time != TIME_NONE && until != TIME_NONE && time >= until && time - until <= UPKEEP_DELAY)
		return until;
	return time;
}

static void
finish(struct book *book, struct episode *e, const json_t *record, bool by_upkeep)
{
	int64_t until = past_time(record, "until");
	json_t *passes = json_object_get(record, "passes");

	e->on = false;
	e->by_hand = !by_upkeep;
	e->ended = actual_end(record, by_upkeep);
	if (e->began == TIME_NONE)
		e->began = past_time(record, "since");
	if (until != TIME_NONE)
		e->planned_last = until;
	if (e->id.len == 0)
		set_text(book, &e->id, record, "id");
	set_text(book, &e->result, record, "result");
	set_number(&e->held, record, "held");
	set_number(&e->passed, record, "passed");
	if (!json_is_object(passes))
		return;
	json_decref(e->passes);
	e->passes = json_incref(passes);
}

/*
 * An end where nothing is open: of a window that the journal did not see begin (a flag that was touched, and removed
 * before upkeep saw it), or a second end of the window that was the last.
 */
static void
take_late_end(struct book *book, const json_t *record, bool by_upkeep)
{
	struct episode *e = last_of(book, past_str(record, "site"));
	int64_t since = past_time(record, "since");

	if (since == TIME_NONE)
		return;
	if (e != NULL && e->ended != TIME_NONE && since < e->ended) {
		if (!e->by_hand || !by_upkeep)
			finish(book, e, record, by_upkeep);
		return;
	}
	e = add_episode(book, record);
	if (e == NULL)
		return;
	e->extensions = e->steps = UNKNOWN;
	finish(book, e, record, by_upkeep);
}

static void
take_end(struct book *book, const json_t *record, bool window_end, bool by_upkeep)
{
	struct episode *e = open_of(book, past_str(record, "site"));

	if (e == NULL)
		take_late_end(book, record, by_upkeep);
	else if (!window_end || e->id.len == 0 || str_eq(e->id, past_str(record, "id")))
		finish(book, e, record, by_upkeep);
	/* else the window is over, and what an operator turned on besides is not */
}

static bool
take_record(void *context, json_t *record)
{
	struct book *book = context;
	struct str event = past_str(record, "event"), site = past_str(record, "site");

	book->any = true;
	if (book->ctl->site_name != NULL && site.p != NULL) {
		if (!str_eq(site, str_of(book->ctl->site_name)))
			return true;
		book->site_seen = true;
	}
	if (str_eq(event, STR("observed")))
		event = str_eq(past_str(record, "state"), STR("on")) ? STR("on") :
		    str_eq(past_str(record, "state"), STR("off")) ? STR("off") : event;
	if (str_eq(event, STR("on")) || str_eq(event, STR("window-start")))
		take_begin(book, record);
	else if (str_eq(event, STR("off")))
		take_end(book, record, false, false);
	else if (str_eq(event, STR("window-end")))
		take_end(book, record, true, true);
	else if (str_eq(event, STR("lift")))
		take_end(book, record, false, true);
	else if (str_eq(event, STR("until")))
		take_until(book, record);
	else if (str_eq(event, STR("step")))
		take_step(book, record);
	return !book->no_memory;
}

/* Takes out what was over before --since. */
static void
cut_before(struct book *book)
{
	struct episode **link = &book->first;

	while (*link != NULL) {
		struct episode *e = *link;

		if (e->on || book->since == TIME_NONE || (e->began != TIME_NONE && e->began >= book->since) ||
		    e->ended >= book->since) {
			link = &e->next;
			continue;
		}
		*link = e->next;
		json_decref(e->passes);
	}
}

/* --- figures --- */

int64_t
episode_duration(const struct episode *e)
{
	return e->on || e->began == TIME_NONE || e->ended == TIME_NONE || e->ended < e->began ? UNKNOWN :
	    e->ended - e->began;
}

int64_t
episode_late(const struct episode *e)
{
	if (episode_duration(e) == UNKNOWN || e->planned_first == TIME_NONE)
		return UNKNOWN;
	return e->ended > e->planned_first ? e->ended - e->planned_first : 0;
}

static void
add_to_figures(struct figures *f, const struct episode *e)
{
	int64_t duration = episode_duration(e), late = episode_late(e);

	f->count++;
	f->on += e->on;
	if (late != UNKNOWN) {
		f->on_time.of++;
		f->on_time.part += late == 0;
	}
	if (duration != UNKNOWN) {
		f->duration.of++;
		f->duration.part += duration;
	}
	if (duration != UNKNOWN && e->planned_first != TIME_NONE && e->planned_first >= e->began) {
		f->planned_of++;
		f->planned += e->planned_first - e->began;
		f->actual += duration;
	}
	if (e->result.len == 0)
		return;
	f->rollbacks.of++;
	f->rollbacks.part += str_eq(e->result, STR("rollback"));
	if (e->steps > 0) {
		f->steps.of += e->steps;
		f->steps.part += e->steps - 1 + str_eq(e->result, STR("ok"));
	}
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t
median_of(const struct book *book, size_t count)
{
	int64_t *all = arena_zalloc(book->ctl->arena, count + 1, sizeof *all);
	size_t n = 0;

	if (all == NULL || count == 0)
		return UNKNOWN;
	for (const struct episode *e = book->first; e != NULL && n < count; e = e->next)
		if (episode_duration(e) != UNKNOWN)
			all[n++] = episode_duration(e);
	qsort(all, n, sizeof *all, compare);
	return n % 2 == 1 ? all[n / 2] : (all[n / 2 - 1] + all[n / 2]) / 2;
}

static void
compute(struct book *book)
{
	for (const struct episode *e = book->first; e != NULL; e = e->next)
		add_to_figures(&book->figures, e);
	book->figures.median = median_of(book, (size_t)book->figures.duration.of);
}

int64_t
share_tenths(struct share share)
{
	return share.of == 0 ? UNKNOWN : (share.part * 1000 + share.of / 2) / share.of;
}

int64_t
share_mean(struct share share)
{
	return share.of == 0 ? UNKNOWN : (share.part + share.of / 2) / share.of;
}

int
book_read(struct book *book, const char *path)
{
	int rc = journal_each(path, take_record, book);

	if (rc == 0 && book->no_memory)
		rc = -ENOMEM;
	if (rc != 0)
		return rc;
	cut_before(book);
	compute(book);
	return 0;
}

void
book_clear(struct book *book)
{
	for (const struct episode *e = book->first; e != NULL; e = e->next)
		json_decref(e->passes);
}
