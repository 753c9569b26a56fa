/* SPDX-License-Identifier: MIT */
/*
 * Writing into memory of a fixed size, and the escapes of each place that text
 * from outside can end up in.  They are here, together, so that nobody is
 * tempted to write a fifth one at the place of use.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

void
buffer_init(struct buffer *buffer, char *memory, size_t size)
{
	buffer->data = memory;
	buffer->len = 0;
	buffer->size = size;
	buffer->full = memory == NULL;
}

void
buffer_add_char(struct buffer *buffer, char c)
{
	if (buffer->full || buffer->len == buffer->size)
		buffer->full = true;
	else
		buffer->data[buffer->len++] = c;
}

void
buffer_add_number(struct buffer *buffer, uint64_t number)
{
	char digits[NUMBER_TEXT_MAX];
	size_t i = sizeof digits;

	do {
		digits[--i] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buffer_add(buffer, (struct str){ digits + i, sizeof digits - i });
}

void
buffer_addf(struct buffer *buffer, const char *format, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof text)
		buffer->full = true;
	else
		buffer_add(buffer, (struct str){ text, (size_t)len });
}

struct str
buffer_str(const struct buffer *buffer)
{
	return (struct str){ buffer->data, buffer->len };
}

static struct str
html_escape(char c)
{
	switch (c) {
	case '&':  return STR("&amp;");
	case '<':  return STR("&lt;");
	case '>':  return STR("&gt;");
	case '"':  return STR("&quot;");
	case '\'': return STR("&#39;");
	default:   return STR_NONE;
	}
}

void
buffer_add_html(struct buffer *buffer, struct str s)
{
	size_t begin = 0;               /* of what needs no escape */

	for (size_t i = 0; i < s.len; i++) {
		struct str escape = html_escape(s.p[i]);

		if (escape.len == 0)
			continue;
		buffer_add(buffer, str_sub(s, begin, i));
		buffer_add(buffer, escape);
		begin = i + 1;
	}
	buffer_add(buffer, str_sub(s, begin, s.len));
}

/* Whether U+0080 to U+009F stands at `i`: U+009B begins a terminal's escape sequence, as "\x1b[" does. */
static bool
begins_c1(struct str s, size_t i)
{
	unsigned char next = i + 1 < s.len ? (unsigned char)s.p[i + 1] : 0;

	return (unsigned char)s.p[i] == 0xc2 && next >= 0x80 && next < 0xa0;
}

void
buffer_add_json(struct buffer *buffer, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buffer_addf(buffer, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buffer_addf(buffer, "\\u%04x", c);
		else if (begins_c1(s, i))
			buffer_addf(buffer, "\\u%04x", (unsigned char)s.p[++i]);
		else
			buffer_add_char(buffer, (char)c);
	}
}

void
buffer_add_plain(struct buffer *buffer, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool c1 = begins_c1(s, i);

		buffer_add_char(buffer, c < 0x20 || c == 0x7f || c1 ? ' ' : (char)c);
		i += c1;
	}
}

void
buffer_add_logged(struct buffer *buffer, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c > 0x7e || c == '\\')
			buffer_addf(buffer, "\\x%02X", c);
		else
			buffer_add_char(buffer, (char)c);
	}
}
