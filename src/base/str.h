/*
 * A piece of text: a pointer and a length.  It never owns what it points to
 * and need not end in a NUL, so header values, INI values and page literals
 * are passed about without copying.  No function here allocates.  Any thread.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t      len;
};

/* A literal as a str; usable in static initialisers as STR_INIT. */
#define STR_INIT(literal) { (literal), sizeof(literal) - 1 }
#define STR(literal)      ((struct str)STR_INIT(literal))
#define STR_NONE          ((struct str){ NULL, 0 })

/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s)        (int)(s).len, (s).p

/* The whole of a NUL-terminated text; NULL gives STR_NONE. */
static inline struct str
str_of(const char *text)
{
	return text == NULL ? STR_NONE : (struct str){ text, strlen(text) };
}

/* Here, because names are compared a hundred times a request, and mostly differ in length. */
static inline bool
str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* The part of `s` from `from` up to `to`, both cut to its length. */
static inline struct str
str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.len)
		to = s.len;
	if (from > to)
		from = to;
	if (s.p == NULL)                /* NULL + 0 is undefined in C11 */
		return STR_NONE;
	return (struct str){ s.p + from, to - from };
}

static inline bool
str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

bool str_ends(struct str s, struct str suffix);
/* Whether a byte is below 0x20 or is 0x7f: a control character of ASCII. */
bool str_has_control(struct str s);

/* Whether the first `len` bytes are the same but for the case of ASCII letters. */
bool str_same_nocase(const char *a, const char *b, size_t len);

/* ASCII letters only. */
static inline bool
str_eq_nocase(struct str a, struct str b)
{
	return a.len == b.len && str_same_nocase(a.p, b.p, a.len);
}

/* Without blanks and tabs at either end. */
struct str str_trim(struct str s);

/* The index of the first (last) `c`, or s.len when there is none. */
size_t str_find(struct str s, char c);
size_t str_find_last(struct str s, char c);
bool   str_contains(struct str s, struct str part);

/*
 * Takes the next part of `*rest` up to `separator` into `*ret_part`, trimmed,
 * and moves `*rest` past it.  False when nothing is left.  "a,,b" has three
 * parts, "" none, "a," two: the caller sees empty parts and may refuse them.
 */
bool str_split(struct str *rest, char separator, struct str *ret_part);

/*
 * A whole decimal number without sign, blanks or leading zeros ("0" is fine).
 * Returns 0, or -EINVAL when `s` is anything else or is not in [min, max].
 */
int str_number(struct str s, int64_t min, int64_t max, int64_t *ret);

/* The byte that "%XX" at `i` stands for (RFC 3986 section 2.1), or -1 where there is none such. */
int str_escape_at(struct str s, size_t i);

/* 64-bit FNV-1a: a stable spread, not a secret one. */
uint64_t str_hash(uint64_t seed, struct str s);
#define STR_HASH_SEED UINT64_C(0xcbf29ce484222325)

#endif
