/* SPDX-License-Identifier: MIT */
/* Looking up keys, and finding the one that was meant.  A linear search is enough: it runs only while loading. */
#include "config.h"

#include "policy/keys.h"

const struct key_row key_rows[KEY_COUNT] = {
#define KEY(name, scope, text, kind, range, standard, help) \
	{ SCOPE_##scope, STR_INIT(text), KIND_##kind, range, STR_INIT(standard), help },
#include "policy/keys.def"
#undef KEY
};

static bool
in_scope(const struct key_row *row, enum key_scope scope)
{
	return row->scope == scope || (scope == SCOPE_NAMED && row->scope == SCOPE_SITE);
}

static bool
has_twin(const struct key_row *row)
{
	/* not where the value is itself a file's name: "log_file" would be misunderstood */
	return row->kind == KIND_LIST || row->kind == KIND_LOCAL ||
	    (row->kind == KIND_TEXT && row->scope <= SCOPE_NAMED && row->scope != SCOPE_GATEWAY);
}

bool
key_language_valid(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-'))
			return false;
	return s.len >= 2 && s.len <= KEY_LANGUAGE_MAX && s.p[0] >= 'a';
}

static bool
match(const struct key_row *row, struct str word, struct key_name *ret)
{
	struct str rest = str_sub(word, row->name.len, word.len);

	ret->twin = false;
	ret->language = STR_NONE;
	if (!str_starts(word, row->name))
		return false;
	if (rest.len == 0)
		return true;
	if (str_eq(rest, STR("_file"))) {
		ret->twin = true;
		return has_twin(row);
	}
	ret->language = str_sub(rest, 1, rest.len);
	return row->kind == KIND_LOCAL && rest.p[0] == '.' && key_language_valid(ret->language);
}

bool
key_find(struct str word, enum key_scope scope, struct key_name *ret)
{
	for (int i = 0; i < KEY_COUNT; i++) {
		ret->key = (enum key)i;
		if (in_scope(&key_rows[i], scope) && match(&key_rows[i], word, ret))
			return true;
	}
	return false;
}

bool
key_known(struct str word)
{
	struct key_name name;

	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		if (key_find(word, (enum key_scope)scope, &name))
			return true;
	return false;
}

#define DISTANCE_MAX 40

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The edit distance of two short words; DISTANCE_MAX when one is too long to care. */
static size_t
distance(struct str a, struct str b)
{
	size_t row[DISTANCE_MAX + 1];

	if (a.len > DISTANCE_MAX || b.len > DISTANCE_MAX)
		return DISTANCE_MAX;
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = corner + (a.p[i - 1] != b.p[j - 1]);

			corner = row[j];
			row[j] = least(change, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[b.len];
}

const struct key_row *
key_suggest(struct str word, enum key_scope scope)
{
	const struct key_row *best = NULL;
	size_t best_distance = least(4, word.len / 2 + 1);      /* three typing errors at most, one in "foo" */

	for (int i = 0; i < KEY_COUNT; i++) {
		size_t d = distance(word, key_rows[i].name);

		if (!in_scope(&key_rows[i], scope) || d >= best_distance || d >= key_rows[i].name.len)
			continue;
		best = &key_rows[i];
		best_distance = d;
	}
	return best;
}

int
key_word_index(const char *words, struct str word)
{
	struct str rest = str_of(words), part;
	int index = 0;

	for (; str_split(&rest, '|', &part); index++)
		if (str_eq(part, word))
			return index;
	return -1;
}
