/* SPDX-License-Identifier: MIT */
/*
 * From INI entries to typed values.  Every value is checked against its row in
 * keys.def here, so that nobody later meets a text that is no number.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "policy/suspects.h"
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

void
values_refuse_writable(struct values *values, const struct place *place, struct str name)
{
	struct str path = name.len == 0 ? STR_NONE : file_resolve(values->ini.file, name, values->arena);
	struct stat status;

	if (path.p != NULL && stat(path.p, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) &&
	    (status.st_mode & S_IWOTH) != 0)
		problem_error(values->problems, place, "%s can be written by others, so that every user of this "
		    "machine could open the gate: chmod o-w %s", path.p, path.p);
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
		if (str_find(part, ' ') < part.len)
			problem_warning(values->problems, &value->place,
			    "the entry \"%.*s\" holds a blank: is a comma missing?", STR_ARG(part));
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

	/* it stands for the key, and so is as good as the INI */
	values_refuse_writable(values, &value->place, name);
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
say_unknown(struct values *values, const struct place *place, enum key_scope scope)
{
	const struct key_row *near = key_suggest(place->key, scope);

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
	struct place place = { section->place.file, entry->line, entry->section, entry->key };
	struct key_name name;
	struct value *value;

	if (!key_find(entry->key, section->scope, &name)) {
		say_unknown(values, &place, section->scope);
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

/* What a named section inherits: the site's values, as if they stood nowhere. */
static void
inherit(const struct values *values, struct section *section)
{
	memcpy(section->v, values->site.v, sizeof section->v);
	for (int i = 0; i < KEY_COUNT; i++)
		section->v[i].set = false;
}

/* The sections with a name behind a dot, and how those names look. */
static const struct kind {
	struct str     prefix;
	enum key_scope scope;
	size_t         list;            /* offset in struct values */
	const char    *names;
} kinds[] = {
	{ STR_INIT("site."), SCOPE_NAMED, offsetof(struct values, named),
	    "a site's name is 1 to 64 letters, digits, \"_\" and \"-\", and not \"any\"" },
	{ STR_INIT("profile."), SCOPE_PROFILE, offsetof(struct values, profiles),
	    "a profile's name is 1 to 64 letters, digits, \"_\" and \"-\"" },
	{ STR_INIT("window."), SCOPE_WINDOW, offsetof(struct values, windows),
	    "a window's id is 1 to 64 letters, digits, \"_\" and \"-\"" },
};

#define KIND_OF_WINDOW 2

static bool
section_name_valid(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') ||
		    name.p[i] == '_' || name.p[i] == '-'))
			return false;
	return name.len > 0 && name.len <= 64;
}

/* NULL when memory ran out. */
static struct section *
add_section(struct values *values, const struct kind *kind, struct str name, const struct place *place)
{
	struct section_list *list = (struct section_list *)((char *)values + kind->list);
	struct section *section = arena_zalloc(values->arena, 1, sizeof *section);

	if (section == NULL) {
		problem_error(values->problems, place, "out of memory");
		return NULL;
	}
	for (const struct section *s = list->first; s != NULL; s = s->next)
		if (str_eq(s->name, name))
			problem_error(values->problems, place, "the section stands in %.*s:%u already",
			    STR_ARG(s->place.file), s->place.line);
	section->scope = kind->scope;
	section->defaults = &values->site;
	section->name = name;
	section->place = *place;
	*list->end = section;
	list->end = &section->next;
	list->count++;
	return section;
}

/* False when the section is of none of those kinds. */
static bool
find_named_section(struct values *values, const struct ini_section *s, const struct place *place)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct str name = str_sub(s->name, kinds[i].prefix.len, s->name.len);

		if (!str_starts(s->name, kinds[i].prefix))
			continue;
		if (!section_name_valid(name) || (kinds[i].scope == SCOPE_NAMED && str_eq(name, STR("any"))))
			problem_error(values->problems, place, "%s", kinds[i].names);
		else
			(void)add_section(values, &kinds[i], name, place);
		return true;
	}
	return false;
}

static void
find_sections(struct values *values)
{
	for (const struct ini_section *s = values->ini.sections; s != NULL; s = s->next) {
		struct place place = { values->ini.file, s->line, s->name, STR_NONE };

		if (str_eq(s->name, STR("gateway")))
			values->gateway.place = place;
		else if (str_eq(s->name, STR("site")))
			values->site.place = place;
		else if (str_eq(s->name, STR("policy")))
			values->policy.place = place;
		else if (!find_named_section(values, s, &place))
			problem_error(values->problems, &place, "no such section: expected [gateway], [site], "
			    "[site.NAME], [policy], [profile.NAME] or [window.ID]");
	}
}

static void
take_section(struct values *values, const struct ini *ini, struct section *section, struct str name)
{
	for (const struct ini_entry *e = ini->entries; e != NULL; e = e->next)
		if (str_eq(e->section, name))
			take_entry(values, section, e);
}

static void
take_sections(struct values *values, struct section_list *list)
{
	for (struct section *s = list->first; s != NULL; s = s->next) {
		inherit(values, s);
		take_section(values, &values->ini, s, s->place.section);
	}
}

/* A file of windows.d: exactly one section, the window of the file's name. */
static void
take_window_file(struct values *values, struct str path, struct str id)
{
	struct place place = { path, 0, STR_NONE, STR_NONE };
	struct section *section;
	struct ini ini;

	values_add_source(values, path.p);
	values_refuse_writable(values, &place, path);
	if (ini_load(path, key_known, values->arena, values->problems, &ini) != 0)
		return;
	if (ini.sections == NULL || ini.sections->next != NULL || !str_starts(ini.sections->name, STR("window.")) ||
	    !str_eq(str_sub(ini.sections->name, 7, ini.sections->name.len), id)) {
		problem_error(values->problems, &place, "expected one section, [window.%.*s]", STR_ARG(id));
		return;
	}
	place.line = ini.sections->line;
	place.section = ini.sections->name;
	section = add_section(values, &kinds[KIND_OF_WINDOW], id, &place);
	if (section == NULL)
		return;
	inherit(values, section);
	take_section(values, &ini, section, place.section);
}

static int
window_file(const struct dirent *entry)
{
	struct str name = str_of(entry->d_name);

	return str_ends(name, STR(".ini")) && name.p[0] != '.';
}

/* In the order of their names, so that what is found out about them is the same everywhere. */
static void
take_window_files(struct values *values)
{
	struct str state = file_resolve(values->ini.file, values->gateway.v[KEY_STATE_DIR].text, values->arena);
	struct str folder = arena_printf(values->arena, "%.*s/" WINDOWS_FOLDER, STR_ARG(state));
	struct place place = { folder, 0, STR_NONE, STR_NONE };
	struct dirent **entries;
	int count;

	if (folder.p == NULL)
		return;
	values_add_source(values, folder.p);
	count = scandir(folder.p, &entries, window_file, alphasort);
	if (count < 0 && errno != ENOENT && errno != ENOTDIR)
		problem_error(values->problems, &place, "cannot read the folder: %s", strerror(errno));
	for (int i = 0; i < count; i++) {
		struct str name = str_of(entries[i]->d_name);
		struct str path = arena_printf(values->arena, "%.*s/%.*s", STR_ARG(folder), STR_ARG(name));
		struct str id = arena_copy(values->arena, str_sub(name, 0, name.len - 4));

		if (path.p != NULL && id.p != NULL && !str_eq(id, values->trial_id))
			take_window_file(values, path, id);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (values->trial.len > 0)
		take_window_file(values, values->trial, values->trial_id);
}

static void
begin(struct values *values, struct arena *arena, struct problems *problems)
{
	values->arena = arena;
	values->problems = problems;
	values->gateway.scope = SCOPE_GATEWAY;
	values->site.scope = SCOPE_SITE;
	values->policy.scope = SCOPE_POLICY;
	values->named.end = &values->named.first;
	values->profiles.end = &values->profiles.first;
	values->windows.end = &values->windows.first;
}

void
values_load(struct values *values, struct str path, struct arena *arena, struct problems *problems)
{
	const struct place place = { .file = path };

	begin(values, arena, problems);
	if (ini_load(path, key_known, arena, problems, &values->ini) == 0) {
		suspects_find(&values->ini, problems);
		/* an editor may be about to write it: the standards alone would look for nobody's flag */
		if (values->ini.sections == NULL)
			problem_error(problems, &place, "holds nothing: expected at least [gateway] or [site]");
	}
	if (values->ini.file.p == NULL)
		return;
	values_add_source(values, values->ini.file.p);
	values_refuse_writable(values, &(struct place){ .file = values->ini.file }, values->ini.file);
	values->gateway.place.file = values->site.place.file = values->policy.place.file = values->ini.file;
	set_defaults(values, &values->gateway);
	set_defaults(values, &values->site);
	set_defaults(values, &values->policy);
	find_sections(values);
	take_section(values, &values->ini, &values->gateway, STR("gateway"));
	take_section(values, &values->ini, &values->site, STR("site"));
	take_section(values, &values->ini, &values->policy, STR("policy"));
	take_sections(values, &values->named);
	take_sections(values, &values->profiles);
	take_sections(values, &values->windows);
	take_window_files(values);
	if (values->windows.count > WINDOWS_MAX)
		problem_error(problems, &values->windows.first->place, "more than %d windows", WINDOWS_MAX);
}

bool
values_inherited(const struct section *section, enum key key)
{
	return section->defaults != NULL && !section->v[key].set;
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
