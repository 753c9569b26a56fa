/* SPDX-License-Identifier: MIT */
/* What operators write: the INI through its real loader, flags, times of windows, pages. */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer/page.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "policy/policy.h"
#include "state/flag.h"
#include "state/window.h"

#define ARENA_MAX ((size_t)4 << 20)
#define TEXT_MAX  ((size_t)64 << 10)    /* of a configuration: time goes with the square of its lines */

/* --- INI --- */

static struct zone *
berlin(void)
{
	static struct zone *zone;

	if (zone == NULL)
		assert(zone_load(STR("Europe/Berlin"), &zone) == 0);
	return zone;
}

static void
check_problems(const struct problems *problems, int rc)
{
	char text[512];

	assert((rc != 0) == (problems->errors > 0));
	for (const struct problem *p = problems->first; p != NULL; p = p->next) {
		problem_format(p, text, sizeof text);
		assert(fuzz_is_plain(str_of(text)) && p->sentence.len > 0);
	}
}

/* Writes the entries anew.  False where one of them cannot be written: a value that needs a quote it holds. */
static bool
write_again(const struct ini *ini, struct buffer *out)
{
	struct str section = STR_NONE;

	for (const struct ini_entry *e = ini->entries; e != NULL; e = e->next) {
		if (!str_eq(section, e->section))
			buffer_addf(out, "[%.*s]\n", STR_ARG(e->section));
		section = e->section;
		if (ini_add_line(out, e->key, e->value) != 0)
			return false;
	}
	return !out->full;
}

/* What is accepted says the same when it is written anew and read again, by the scanner and by iniparser. */
void
fuzz_ini(struct str input)
{
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct problems problems = { .arena = arena };
	struct ini ini, again;
	struct buffer out;
	int rc;

	if (input.len > TEXT_MAX)
		return;
	rc = ini_load(str_of(fuzz_file(input)), key_known, arena, &problems, &ini);
	check_problems(&problems, rc);
	if (rc != 0)
		return;
	assert(str_find(input, '\0') == input.len);
	buffer_init(&out, arena_alloc(arena, 2 * input.len + 4096), 2 * input.len + 4096);
	if (!write_again(&ini, &out))
		return;
	rc = ini_load(str_of(fuzz_file(buffer_str(&out))), key_known, arena, &problems, &again);
	assert(rc == 0);
	for (const struct ini_entry *a = ini.entries, *b = again.entries; a != NULL || b != NULL;
	     a = a->next, b = b->next)
		assert(a != NULL && b != NULL && str_eq(a->section, b->section) && str_eq(a->key, b->key) &&
		    str_eq(a->value, b->value));
}

/* A whole configuration: a policy, or at least one error; and never a policy with a rule that says nothing. */
void
fuzz_policy(struct str input)
{
	static char folder[] = "/proc/self/fdinfo";     /* there, and never with a flag in it */
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct problems problems = { .arena = arena };
	struct str text;
	struct policy *policy = NULL;
	int rc;

	if (input.len > TEXT_MAX)
		return;
	text = arena_printf(arena, "[gateway]\nstate_dir = %s\n", folder);
	text = (struct str){ text.p, text.len };
	if (input.len > 0 && input.p[0] != '[') {
		char *whole = arena_alloc(arena, text.len + input.len);

		memcpy(whole, text.p, text.len);
		memcpy(whole + text.len, input.p, input.len);
		text = (struct str){ whole, text.len + input.len };
	} else {
		text = input;
	}
	rc = policy_compile(str_of(fuzz_file(text)), NULL, &problems, &policy);
	check_problems(&problems, rc);
	if (rc != 0)
		return;
	assert(policy->site_count > 0 && policy->workers > 0 && policy->state_dir.len > 0);
	for (size_t i = 0; i < policy->site_count; i++) {
		const struct site *site = &policy->sites[i];

		assert(site->condition.share >= 0 && site->condition.share <= 100 && site->ticket_max >= 0);
		assert(site->rules.secret_count <= RULES_SECRETS_MAX && str_ends(site->path, STR("/")));
	}
	policy_free(policy);
}

/* --- flag --- */

static bool
same_body(const struct flag_body *a, const struct flag_body *b)
{
	return str_eq(a->id, b->id) && str_eq(a->message, b->message) && str_eq(a->title, b->title) &&
	    str_eq(a->step, b->step) && str_eq(a->owner, b->owner) && str_eq(a->reason, b->reason) &&
	    str_eq(a->change, b->change) && str_eq(a->window, b->window) && a->until == b->until &&
	    a->since == b->since && a->mode == b->mode && a->status == b->status && a->share == b->share &&
	    a->retry_after == b->retry_after && a->broken == b->broken;
}

/* A body that is half understood loosens nothing; one that is understood says the same when it is written anew. */
void
fuzz_flag(struct str input)
{
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct flag_body body, again;
	struct str text;

	body = flag_body_parse(fuzz_copy(input), berlin(), arena);
	assert(body.id.len == 0 || flag_id_valid(body.id));
	assert(body.share >= -1 && body.share <= 100 && body.retry_after >= -1 && body.retry_after <= 86400);
	assert(body.status == 0 || (body.status >= 400 && body.status <= 599));
	assert(fuzz_is_plain(body.step) || str_find(body.step, '\t') < body.step.len);
	if (body.broken)
		assert(body.mode != MODE_READ_ONLY && body.share <= 0 && body.status == 0);
	if (body.broken || flag_body_format(&body, arena, &text) != 0)
		return;
	again = flag_body_parse(fuzz_copy(text), berlin(), arena);
	assert(same_body(&body, &again));
}

/* --- recurrence --- */

#define NOW_MIN INT64_C(0)
#define NOW_MAX INT64_C(253402300799)   /* the end of 9999 */

/* Zone, time, start, end and rule: occurrences come in their order, each of them covers itself. */
void
fuzz_recurrence(struct str input)
{
	static struct zone *utc;
	struct window_times times;
	struct occurrence o, next;
	const char *key = NULL, *wrong = NULL;
	const struct zone *zone;
	struct str start, end;
	int64_t now = 0;

	assert(utc != NULL || zone_load(STR("UTC"), &utc) == 0);
	zone = fuzz_byte(&input) % 2 == 0 ? berlin() : utc;
	for (int i = 0; i < 5; i++)
		now = now * 256 + (int64_t)fuzz_byte(&input);
	now = NOW_MIN + now % NOW_MAX;
	start = fuzz_field(&input);
	end = fuzz_field(&input);
	if (window_times_parse(start, end, fuzz_copy(input), zone, &times, &key, &wrong) != 0) {
		assert(key != NULL && wrong != NULL);
		return;
	}
	for (int i = 0; i < 4 && window_next(&times, now, &o); i++) {
		assert(o.end == TIME_NONE || (now < o.end && (o.start == TIME_NONE || o.start < o.end)));
		if (o.start != TIME_NONE) {
			assert(window_next(&times, o.start, &next) && occurrence_covers(&next, o.start));
			assert(occurrence_covers(&o, o.start));
		}
		if (o.end == TIME_NONE)
			return;
		assert(!window_next(&times, o.end, &next) || next.end > o.end);
		now = o.end;
	}
}

/* --- page --- */

static bool
is_literal(struct str piece, struct str page)
{
	return piece.p >= page.p && piece.p + piece.len <= page.p + page.len;
}

static void
check_html(struct str piece)
{
	for (size_t i = 0; i < piece.len; i++)
		assert(strchr("<>\"'", piece.p[i]) == NULL || piece.p[i] == '\0');
	for (size_t i = 0; i < piece.len; i++)
		if (piece.p[i] == '&')
			assert(str_find(str_sub(piece, i, piece.len), ';') <= 6);
}

static void
check_json(struct str piece)
{
	struct arena *arena = arena_new_growing(ARENA_MAX);
	struct str text = arena_printf(arena, "[\"%.*s\"]", STR_ARG(piece));
	json_t *json = json_loadb(text.p, text.len, JSON_ALLOW_NUL, NULL);

	assert(json_array_size(json) == 1);
	json_decref(json);
	arena_free(arena);
}

/* Format, three values, and the page: nothing of a value stands there as it came where that could mean something. */
void
fuzz_page(struct str input)
{
	enum format format = (enum format)(fuzz_byte(&input) % FORMAT_COUNT);
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct page_values values = { 0 };
	const struct str *pieces;
	const struct page *page;
	const char *wrong = NULL;
	unsigned line = 0;
	size_t count;
	struct str text;

	for (size_t i = 0; i < 3; i++)
		values.v[i] = fuzz_field(&input);
	values.v[PAGE_LINK] = values.v[PAGE_TITLE];
	text = fuzz_copy(input);
	if (page_compile(text, format, arena, &page, &wrong, &line) != 0) {
		assert(wrong != NULL && line > 0 && str_of(wrong).len > 0);
		return;
	}
	assert(page_render(page, &values, arena, &pieces, &count) == 0 && count <= PAGE_PARTS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (is_literal(pieces[i], text))
			continue;
		if (format == FORMAT_HTML)
			check_html(pieces[i]);
		else if (format == FORMAT_JSON && utf8_valid(values.v[0]) && utf8_valid(values.v[1]) &&
		    utf8_valid(values.v[2]))
			check_json(pieces[i]);
		else if (format == FORMAT_TEXT)
			assert(fuzz_is_plain(pieces[i]));
	}
	assert(fuzz_is_plain(page_security_policy(text, arena)));
}
