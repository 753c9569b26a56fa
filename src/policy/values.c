/* SPDX-License-Identifier: MIT */
/*
 * From INI entries to typed values.  Every value is checked against its row in
 * keys.def here, so that nobody later meets a text that is no number.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "policy/values.h"

void
values_add_source(struct values *values, const char *path)
{
	struct source *source = arena_zalloc(values->arena, 1, sizeof *source);
	struct stat status;

	if (source == NULL)
		return;
	source->path = path;
	if (stat(path, &status) == 0)
		source->identity = file_identity_of(&status);
	source->next = values->sources;
	values->sources = source;
}

int
values_read_file(struct values *values, const struct place *place, struct str name, size_t max, struct str *ret)
{
	struct str path = file_resolve(values->ini.file, name, values->arena);
	int rc = -ENOMEM;

	if (path.p != NULL) {
		values_add_source(values, path.p);
		rc = file_read(path.p, max, values->arena, ret, NULL);
	}
	if (rc != 0)
		problem_error(values->problems, place, "cannot read %.*s: %s", STR_ARG(name), strerror(-rc));
	return rc;
}

static size_t
count_parts(struct str text, char separator)
{
	size_t count = 0;
	struct str part;

	while (str_split(&text, separator, &part))
		count++;
	return count;
}

/* Room for `more` items behind those that are there. */
static bool
grow_items(struct values *values, struct value *value, size_t more)
{
	size_t total = value->item_count + more;
	struct str *items;

	if (total > LIST_ENTRIES_MAX) {
		problem_error(values->problems, &value->place, "more than %d entries", LIST_ENTRIES_MAX);
		return false;
	}
	items = arena_alloc(values->arena, (total + 1) * sizeof *items);
	if (items == NULL) {
		problem_error(values->problems, &value->place, "out of memory");
		return false;
	}
	if (value->item_count > 0)
		memcpy(items, value->items, value->item_count * sizeof *items);
	value->items = items;
	return true;
}

static void
take_list(struct values *values, struct value *value, struct str text)
{
	struct str part;

	if (!grow_items(values, value, count_parts(text, ',')))
		return;
	while (str_split(&text, ',', &part)) {
		if (part.len == 0) {
			problem_error(values->problems, &value->place, "an entry of the list is empty");
			return;
		}
		value->items[value->item_count++] = part;
	}
}

static void
take_list_file(struct values *values, struct value *value, struct str name)
{
	struct str text, line;

	if (values_read_file(values, &value->place, name, LIST_FILE_MAX, &text) != 0 ||
	    !grow_items(values, value, count_parts(text, '\n')))
		return;
	if (!utf8_valid(text))
		problem_error(values->problems, &value->place, "%.*s is not UTF-8", STR_ARG(name));
	while (str_split(&text, '\n', &line)) {
		size_t hash = str_find(line, '#');

		if (hash > 0 && hash < line.len && line.p[hash - 1] != ' ' && line.p[hash - 1] != '\t') {
			problem_error(values->problems, &value->place,
			    "%.*s: \"#\" is glued to an entry: put a blank before a comment",
			    STR_ARG(name));
			return;
		}
		line = str_trim(str_sub(line, 0, hash));
		if (str_ends(line, STR("\r")))
			line = str_trim(str_sub(line, 0, line.len - 1));
		if (line.len > 0)
			value->items[value->item_count++] = line;
	}
}

static void
take_number(struct values *values, struct value *value, const struct key_row *row)
{
	long long min = 0, max = 0;

	(void)sscanf(row->range, "%lld %lld", &min, &max);
	if (str_number(value->text, min, max, &value->number) != 0)
		problem_error(values->problems, &value->place,
		    "expected a whole number from %lld to %lld, such as %.*s, not \"%.*s\"",
		    min, max, STR_ARG(row->standard), STR_ARG(value->text));
}

static void
take_value(struct values *values, struct value *value, const struct key_row *row)
{
	switch (row->kind) {
	case KIND_TEXT:
	case KIND_LOCAL:
		break;
	case KIND_LIST:
		take_list(values, value, value->text);
		break;
	case KIND_NUMBER:
		take_number(values, value, row);
		break;
	case KIND_SPAN:
		if (span_parse(value->text, &value->number) != 0)
			problem_error(values->problems, &value->place,
			    "expected a span of time such as 90s, 30m, 4h or 2d, not \"%.*s\"",
			    STR_ARG(value->text));
		break;
	case KIND_WORD:
		value->number = key_word_index(row->range, value->text);
		if (value->number < 0)
			problem_error(values->problems, &value->place, "expected one of %s, not \"%.*s\"", row->range,
			    STR_ARG(value->text));
		break;
	}
}

static void
take_twin(struct values *values, struct value *value, const struct key_row *row, struct str name)
{
	struct str text;

	if (name.len == 0) {
		problem_error(values->problems, &value->place, "expected the name of a file");
	} else if (row->kind == KIND_LIST) {
		take_list_file(values, value, name);
	} else if (values_read_file(values, &value->place, name, LIST_FILE_MAX, &text) == 0) {
		while (text.len > 0 && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == '\r'))
			text.len--;
		if (!utf8_valid(text))
			problem_error(values->problems, &value->place, "%.*s is not UTF-8", STR_ARG(name));
		value->text = text;
	}
}

static void
take_local(struct values *values, struct section *section, const struct ini_entry *entry,
    const struct key_name *name)
{
	struct local_value *local = arena_zalloc(values->arena, 1, sizeof *local);

	if (local == NULL)
		return;
	*local = (struct local_value){ section->local, name->key, name->language, entry->value, entry->line };
	section->local = local;
}

static void
say_unknown(struct values *values, const struct place *place, bool gateway, bool named)
{
	const struct key_row *near = key_suggest(place->key, gateway, named);

	if (key_known(place->key))
		problem_error(values->problems, place, "the key does not belong in this section");
	else if (near != NULL)
		problem_error(values->problems, place, "no such key; did you mean %s?", near->name.p);
	else
		problem_error(values->problems, place, "no such key");
}

static void
take_entry(struct values *values, struct section *section, const struct ini_entry *entry)
{
	bool gateway = section == &values->gateway;
	bool named = !gateway && section != &values->site;
	struct place place = { values->ini.file, entry->line, entry->section, entry->key };
	struct key_name name;
	struct value *value;

	if (!key_find(entry->key, gateway, named, &name)) {
		say_unknown(values, &place, gateway, named);
		return;
	}
	if (name.language.len > 0) {
		take_local(values, section, entry, &name);
		return;
	}
	value = &section->v[name.key];
	if (value->set && key_rows[name.key].kind != KIND_LIST) {
		problem_error(values->problems, &place, "the key and its _file twin cannot both be given");
		return;
	}
	if (!value->set)
		*value = (struct value){ .set = true };
	value->place = place;
	if (name.twin) {
		take_twin(values, value, &key_rows[name.key], entry->value);
		return;
	}
	value->text = entry->value;
	take_value(values, value, &key_rows[name.key]);
}

static void
set_defaults(struct values *values, struct section *section)
{
	for (int i = 0; i < KEY_COUNT; i++) {
		struct value *value = &section->v[i];

		*value = (struct value){ .place = { .file = values->ini.file, .key = key_rows[i].name } };
		value->text = key_rows[i].standard;
		take_value(values, value, &key_rows[i]);
	}
}

static struct section *
add_named(struct values *values, struct section **end, const struct ini_section *ini_section, const struct place *place)
{
	struct section *section = arena_zalloc(values->arena, 1, sizeof *section);

	if (section == NULL) {
		problem_error(values->problems, place, "out of memory");
		return NULL;
	}
	section->defaults = &values->site;
	section->name = str_sub(ini_section->name, 5, ini_section->name.len);
	section->place = *place;
	*end = section;
	values->named_count++;
	return section;
}

static bool
site_name_valid(struct str name)
{
	return name.len > 0 && name.len <= 64 && str_find(name, '.') == name.len && !str_eq(name, STR("any"));
}

static void
find_sections(struct values *values)
{
	struct section **end = &values->named;

	for (const struct ini_section *s = values->ini.sections; s != NULL; s = s->next) {
		struct place place = { values->ini.file, s->line, s->name, STR_NONE };

		if (str_eq(s->name, STR("gateway"))) {
			values->gateway.place = place;
		} else if (str_eq(s->name, STR("site"))) {
			values->site.place = place;
		} else if (str_starts(s->name, STR("site.")) && site_name_valid(str_sub(s->name, 5, s->name.len))) {
			*end = add_named(values, end, s, &place);
			if (*end != NULL)
				end = &(*end)->next;
		} else if (str_starts(s->name, STR("site."))) {
			problem_error(values->problems, &place,
			    "a site's name is 1 to 64 letters, digits, \"_\" and \"-\", and not \"any\"");
		} else {
			problem_error(
			    values->problems, &place, "no such section: expected [gateway], [site] or [site.NAME]");
		}
	}
}

static void
take_section(struct values *values, struct section *section, struct str name)
{
	for (const struct ini_entry *e = values->ini.entries; e != NULL; e = e->next)
		if (str_eq(e->section, name))
			take_entry(values, section, e);
}

void
values_load(struct values *values, struct str path, struct arena *arena, struct problems *problems)
{
	memset(values, 0, sizeof *values);
	values->arena = arena;
	values->problems = problems;
	(void)ini_load(path, key_known, arena, problems, &values->ini);
	if (values->ini.file.p == NULL)
		return;
	values_add_source(values, values->ini.file.p);
	set_defaults(values, &values->gateway);
	set_defaults(values, &values->site);
	find_sections(values);
	take_section(values, &values->gateway, STR("gateway"));
	take_section(values, &values->site, STR("site"));
	for (struct section *s = values->named; s != NULL; s = s->next) {
		memcpy(s->v, values->site.v, sizeof s->v);
		for (int i = 0; i < KEY_COUNT; i++)
			s->v[i].set = false;
		take_section(values, s, s->place.section);
	}
}

struct str
values_local(const struct section *section, enum key key, struct str language)
{
	for (const struct local_value *l = section->local; l != NULL; l = l->next)
		if (l->key == key && str_eq(l->language, language))
			return l->text;
	if (section->v[key].set || section->defaults == NULL)
		return section->v[key].text;
	return values_local(section->defaults, key, language);
}
