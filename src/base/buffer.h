/*
 * Text that is written piece by piece into memory of a fixed size.  Once a
 * piece does not fit, the buffer is `full` and takes nothing more: the writer
 * checks once, at the end.  One thread at a time; never allocates.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>

#include "base/str.h"

#define NUMBER_TEXT_MAX 20      /* digits of a 64-bit number */

struct buffer {
	char  *data;
	size_t len;
	size_t size;
	bool   full;            /* something did not fit */
};

void       buffer_init(struct buffer *buffer, char *memory, size_t size);

/* Here, because an answer's head is written by forty of these. */
static inline void
buffer_add(struct buffer *buffer, struct str s)
{
	if (buffer->full || s.len > buffer->size - buffer->len) {
		buffer->full = true;
		return;
	}
	if (s.len > 0)
		memcpy(buffer->data + buffer->len, s.p, s.len);
	buffer->len += s.len;
}

void       buffer_add_char(struct buffer *buffer, char c);
void       buffer_add_number(struct buffer *buffer, uint64_t number);   /* decimal */
void       buffer_addf(struct buffer *buffer, const char *format, ...)
               __attribute__((format(printf, 2, 3)));
struct str buffer_str(const struct buffer *buffer);

/*
 * `s` made safe for where it will stand:
 * HTML text and quoted attributes, the inside of a JSON string (RFC 8259), or
 * one line of a log or plain text (control characters and, in a log line, bytes above 0x7e as \xHH).
 */
void buffer_add_html(struct buffer *buffer, struct str s);
void buffer_add_json(struct buffer *buffer, struct str s);
void buffer_add_plain(struct buffer *buffer, struct str s);
void buffer_add_logged(struct buffer *buffer, struct str s);

#endif
