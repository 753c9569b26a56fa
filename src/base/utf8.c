/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 is checked once, where text enters from a file, so that a JSON answer
 * is always JSON.  Nothing is repaired: the operator is told.
 */
#include "config.h"

#include "base/utf8.h"

/* The length of the sequence that `lead` begins, and the least code point it may hold; 0 for no lead byte. */
static size_t
sequence_length(unsigned char lead, uint32_t *ret_least)
{
	if (lead < 0x80) {
		*ret_least = 0;
		return 1;
	}
	if ((lead & 0xe0) == 0xc0) {
		*ret_least = 0x80;
		return 2;
	}
	if ((lead & 0xf0) == 0xe0) {
		*ret_least = 0x800;
		return 3;
	}
	*ret_least = 0x10000;
	return (lead & 0xf8) == 0xf0 ? 4 : 0;
}

/* The first byte at `from` or behind it that is not ASCII, or s.len: eight at a time, as nearly all are. */
static size_t
ascii_end(struct str s, size_t from)
{
	uint64_t eight;

	for (; s.len - from >= sizeof eight; from += sizeof eight) {
		memcpy(&eight, s.p + from, sizeof eight);
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	while (from < s.len && (unsigned char)s.p[from] < 0x80)
		from++;
	return from;
}

bool
utf8_valid(struct str s)
{
	static const unsigned char lead_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };

	for (size_t i = ascii_end(s, 0); i < s.len; i = ascii_end(s, i)) {
		uint32_t least, code;
		size_t len = sequence_length((unsigned char)s.p[i], &least);

		if (len == 0 || len > s.len - i)
			return false;
		code = (unsigned char)s.p[i] & lead_bits[len];
		for (size_t k = 1; k < len; k++) {
			if (((unsigned char)s.p[i + k] & 0xc0) != 0x80)
				return false;
			code = code << 6 | ((unsigned char)s.p[i + k] & 0x3f);
		}
		if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
		i += len;
	}
	return true;
}
