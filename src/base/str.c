/* SPDX-License-Identifier: MIT */
/*
 * Text as pointer and length.  What is left out on purpose: anything that
 * allocates, anything that asks the locale (a header's case is ASCII's), and
 * Unicode (base/utf8.c checks it once, at the door).  No state; any thread.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

/*
 * What `*rest` points to when the text ended in a separator: an empty part is
 * still to come.  Only its address counts, and no part ever points here.
 */
static const char part_due[1] = { 'x' };

static unsigned char
lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* From the end: names of one length differ there, "X-Forwarded-For" and "X-Forwarded-Uri". */
bool
str_same_nocase(const char *a, const char *b, size_t len)
{
	while (len-- > 0)
		if (a[len] != b[len] && lower(a[len]) != lower(b[len]))
			return false;
	return true;
}

/* Whether one of the eight bytes is below 0x20 or 0x7f: only there a subtraction borrows from a highest bit of 0. */
static bool
word_has_control(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t deletes = word ^ 0x7f * ones;

	return ((((word - 0x20 * ones) & ~word) | ((deletes - ones) & ~deletes)) & high) != 0;
}

bool
str_has_control(struct str s)
{
	size_t i = 0;

	for (uint64_t word; s.len - i >= sizeof word; i += sizeof word) {
		memcpy(&word, s.p + i, sizeof word);
		if (word_has_control(word))
			return true;
	}
	for (; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

bool
str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, s.len), suffix);
}

struct str
str_trim(struct str s)
{
	size_t from = 0, to = s.len;

	while (from < to && is_blank(s.p[from]))
		from++;
	while (to > from && is_blank(s.p[to - 1]))
		to--;
	return str_sub(s, from, to);
}

size_t
str_find(struct str s, char c)
{
	const char *hit = s.len == 0 ? NULL : memchr(s.p, c, s.len);

	return hit == NULL ? s.len : (size_t)(hit - s.p);
}

size_t
str_find_last(struct str s, char c)
{
	const char *hit = s.len == 0 ? NULL : memrchr(s.p, c, s.len);

	return hit == NULL ? s.len : (size_t)(hit - s.p);
}

bool
str_contains(struct str s, struct str part)
{
	if (part.len == 0)
		return true;
	return s.len >= part.len && memmem(s.p, s.len, part.p, part.len) != NULL;
}

bool
str_split(struct str *rest, char separator, struct str *ret_part)
{
	size_t end;

	if (rest->len == 0) {
		if (rest->p != part_due)
			return false;
		*ret_part = STR("");
		*rest = STR_NONE;
		return true;
	}
	end = str_find(*rest, separator);
	*ret_part = str_trim(str_sub(*rest, 0, end));
	if (end == rest->len)
		*rest = STR_NONE;
	else if (end + 1 == rest->len)
		*rest = (struct str){ part_due, 0 };
	else
		*rest = str_sub(*rest, end + 1, rest->len);
	return true;
}

int
str_number(struct str s, int64_t min, int64_t max, int64_t *ret)
{
	int64_t value = 0;

	if (s.len == 0 || (s.p[0] == '0' && s.len > 1))
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9 || value > (INT64_MAX - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	if (value < min || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
str_escape_at(struct str s, size_t i)
{
	int high, low;

	if (i >= s.len || s.len - i < 3 || s.p[i] != '%')
		return -1;
	high = hex_digit(s.p[i + 1]);
	low = hex_digit(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

uint64_t
str_hash(uint64_t seed, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		seed ^= (unsigned char)s.p[i];
		seed *= UINT64_C(0x100000001b3);
	}
	return seed;
}
