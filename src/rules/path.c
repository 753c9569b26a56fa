/* SPDX-License-Identifier: MIT */
/*
 * Path rules in one open-addressing hash table.  A request's path is hashed
 * once from left to right, and the hash so far is looked up at each segment
 * border: that finds every prefix rule above it, and at the end the exact one.
 * So a hundred thousand rules cost what ten do.
 *
 *     /shop/cart          rule  /shop/  is stored as prefix "/shop"
 *     ^    ^    ^         looked up: prefix "", "/shop", "/shop/cart", exact "/shop/cart"
 *
 * Globs are in the table only to find repeats.  Matching one walks the path
 * once with the set of all places in the glob where it could be, so no rule
 * and no path can make it slow; what stands before the first star is compared
 * first, which turns most away.
 *
 * Decoding and dot segments are not done here: gate/request.c hands over a
 * path that is resolved, or does not ask.  One thread builds, any number read.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "rules/path.h"

#define ROWS_FIRST    16        /* always a power of two, and twice the rules */
#define GLOBS_FIRST   8
#define TEXT_MAX      ((size_t)PATH_RULES_MAX * (PATH_RULE_MAX + 64))
#define STAR          '\001'    /* in a stored glob; control characters are in no rule */
#define DOUBLE_STAR   '\002'

enum kind {
	KIND_NONE,              /* an empty row */
	KIND_EXACT,
	KIND_PREFIX,            /* without the final "/" */
	KIND_GLOB               /* stars as STAR and DOUBLE_STAR */
};

struct row {
	uint64_t   hash;
	struct str key;
	int        number;
	enum kind  kind;
};

struct glob {
	struct str pattern;
	size_t     literal;     /* bytes before the first star */
	int        number;
};

struct path_set {
	struct row   *rows;
	size_t        row_count;
	struct glob  *globs;
	size_t        glob_count, glob_room;
	size_t        count;
	size_t        longest;  /* of the exact and prefix keys */
	struct arena *text;
};

struct path_set *
path_set_new(void)
{
	struct path_set *set = calloc(1, sizeof *set);

	if (set == NULL)
		return NULL;
	set->text = arena_new_growing(TEXT_MAX);
	set->rows = calloc(ROWS_FIRST, sizeof *set->rows);
	set->row_count = ROWS_FIRST;
	if (set->text == NULL || set->rows == NULL) {
		path_set_free(set);
		return NULL;
	}
	return set;
}

void
path_set_free(struct path_set *set)
{
	if (set == NULL)
		return;
	arena_free(set->text);
	free(set->rows);
	free(set->globs);
	free(set);
}

static bool
has_bad_char(struct str rule)
{
	for (size_t i = 0; i < rule.len; i++) {
		unsigned char c = (unsigned char)rule.p[i];

		if (c < 0x20 || c == 0x7f || c == '%' || c == '?' || c == '#')
			return true;
	}
	return false;
}

/* True for "//", "/./", "/../" and the like: no resolved path has one, the rule would be dead. */
static bool
has_bad_segment(struct str rule)
{
	struct str rest = str_sub(rule, 1, rule.len);

	while (rest.len > 0) {
		size_t end = str_find(rest, '/');
		struct str segment = str_sub(rest, 0, end);

		if (segment.len == 0 || str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return true;
		rest = str_sub(rest, end + 1, rest.len);
	}
	return false;
}

static bool
is_valid(struct str rule)
{
	size_t max = str_find(rule, '*') == rule.len ? PATH_RULE_MAX : PATH_GLOB_MAX;

	return str_starts(rule, STR("/")) && rule.len <= max &&
	    !has_bad_char(rule) && !has_bad_segment(rule);
}

/* Replaces stars by one byte each; `buffer` holds PATH_GLOB_MAX.  Three stars and more are two. */
static struct str
glob_compile(struct str rule, char *buffer)
{
	size_t len = 0;

	for (size_t i = 0; i < rule.len; i++) {
		bool star = rule.p[i] == '*';

		if (star && i > 0 && rule.p[i - 1] == '*')
			buffer[len - 1] = DOUBLE_STAR;
		else
			buffer[len++] = star ? STAR : rule.p[i];
	}
	return (struct str){ buffer, len };
}

/* The row that holds the key, or the empty one where it belongs; there always is one. */
static struct row *
find_row(const struct path_set *set, enum kind kind, struct str key, uint64_t hash)
{
	size_t mask = set->row_count - 1;
	size_t index = (size_t)(hash ^ hash >> 32) & mask;

	for (;; index = (index + 1) & mask) {
		struct row *row = &set->rows[index];

		if (row->kind == KIND_NONE)
			return row;
		if (row->hash == hash && row->kind == kind && str_eq(row->key, key))
			return row;
	}
}

/* Keeps at least half of the rows empty. */
static bool
reserve_row(struct path_set *set)
{
	struct path_set larger = *set;

	if (set->count < set->row_count / 2)
		return true;
	larger.row_count = set->row_count * 2;
	larger.rows = calloc(larger.row_count, sizeof *larger.rows);
	if (larger.rows == NULL)
		return false;
	for (size_t i = 0; i < set->row_count; i++) {
		const struct row *row = &set->rows[i];

		if (row->kind != KIND_NONE)
			*find_row(&larger, row->kind, row->key, row->hash) = *row;
	}
	free(set->rows);
	*set = larger;
	return true;
}

static bool
reserve_glob(struct path_set *set)
{
	size_t room = set->glob_room == 0 ? GLOBS_FIRST : set->glob_room * 2;
	struct glob *globs;

	if (set->glob_count < set->glob_room)
		return true;
	globs = realloc(set->globs, room * sizeof *globs);
	if (globs == NULL)
		return false;
	set->globs = globs;
	set->glob_room = room;
	return true;
}

static void
append_glob(struct path_set *set, struct str pattern, int number)
{
	size_t star = str_find(pattern, STAR), double_star = str_find(pattern, DOUBLE_STAR);

	set->globs[set->glob_count++] = (struct glob){
		.pattern = pattern,
		.literal = star < double_star ? star : double_star,
		.number = number,
	};
}

static int
add_key(struct path_set *set, enum kind kind, struct str key, int number)
{
	uint64_t hash = str_hash(STR_HASH_SEED, key);
	struct str copy;

	if (find_row(set, kind, key, hash)->kind != KIND_NONE)
		return 0;
	if (set->count == PATH_RULES_MAX)
		return -E2BIG;
	if (!reserve_row(set) || (kind == KIND_GLOB && !reserve_glob(set)))
		return -ENOMEM;
	copy = arena_copy(set->text, key);
	if (copy.p == NULL)
		return -ENOMEM;
	*find_row(set, kind, copy, hash) = (struct row){ hash, copy, number, kind };
	if (kind == KIND_GLOB)
		append_glob(set, copy, number);
	else if (copy.len > set->longest)
		set->longest = copy.len;
	set->count++;
	return 0;
}

int
path_set_add(struct path_set *set, struct str rule, int number)
{
	char pattern[PATH_GLOB_MAX];

	if (!is_valid(rule))
		return -EINVAL;
	if (str_find(rule, '*') != rule.len)
		return add_key(set, KIND_GLOB, glob_compile(rule, pattern), number);
	if (str_ends(rule, STR("/")))
		return add_key(set, KIND_PREFIX, str_sub(rule, 0, rule.len - 1), number);
	return add_key(set, KIND_EXACT, rule, number);
}

size_t
path_set_count(const struct path_set *set)
{
	return set->count;
}

/* The number of that exact or prefix rule, or `otherwise`. */
static int
number_of(const struct path_set *set, enum kind kind, struct str key, uint64_t hash, int otherwise)
{
	const struct row *row = find_row(set, kind, key, hash);

	return row->kind == KIND_NONE ? otherwise : row->number;
}

/* The exact rule, else the longest prefix rule, else -1. */
static int
match_table(const struct path_set *set, struct str path)
{
	uint64_t hash = STR_HASH_SEED;
	int best = -1;

	if (!str_starts(path, STR("/")))        /* "OPTIONS *" is below nothing */
		return -1;
	for (size_t i = 0; i <= set->longest; i++) {
		if (i == path.len || path.p[i] == '/')
			best = number_of(set, KIND_PREFIX, str_sub(path, 0, i), hash, best);
		if (i == path.len)
			return number_of(set, KIND_EXACT, path, hash, best);
		hash = str_hash(hash, str_sub(path, i, i + 1));
	}
	return best;
}

static bool
is_star(char c)
{
	return c == STAR || c == DOUBLE_STAR;
}

/* Whoever stands before a star may also stand behind it: a star can be empty. */
static void
skip_stars(bool *at, struct str pattern)
{
	for (size_t i = 0; i < pattern.len; i++) {
		if (at[i] && is_star(pattern.p[i]))
			at[i + 1] = true;
	}
}

/* Moves all places past `c`, from the right so that each moves once.  False when none is left. */
static bool
step(bool *at, struct str pattern, char c)
{
	bool alive = false;

	at[pattern.len] = false;
	for (size_t i = pattern.len; i-- > 0;) {
		char want = pattern.p[i];
		bool stay = want == DOUBLE_STAR || (want == STAR && c != '/');

		at[i + 1] = at[i + 1] || (at[i] && want == c);
		at[i] = at[i] && stay;
		alive = alive || at[i] || at[i + 1];
	}
	skip_stars(at, pattern);
	return alive;
}

static bool
match_glob(const struct glob *glob, struct str path)
{
	struct str pattern = str_sub(glob->pattern, glob->literal, glob->pattern.len);
	bool at[PATH_GLOB_MAX + 1] = { true };  /* at[i]: what is read fits its first i */

	if (!str_starts(path, str_sub(glob->pattern, 0, glob->literal)))
		return false;
	skip_stars(at, pattern);
	for (size_t i = glob->literal; i < path.len; i++) {
		if (!step(at, pattern, path.p[i]))
			return false;
	}
	return at[pattern.len];
}

int
path_set_match(const struct path_set *set, struct str path)
{
	int number = match_table(set, path);

	for (size_t i = 0; i < set->glob_count && number == -1; i++) {
		if (match_glob(&set->globs[i], path))
			number = set->globs[i].number;
	}
	return number;
}

bool
path_is_below(struct str path, struct str prefix)
{
	if (!str_ends(prefix, STR("/")))
		return false;
	return str_starts(path, prefix) || str_eq(path, str_sub(prefix, 0, prefix.len - 1));
}
