/* SPDX-License-Identifier: MIT */
/* Walks the headers of the records (FastCGI specification, section 3.3), no deeper than is needed to find the end. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "front/fcgi_look.h"

#define HEADER_LEN 8
#define BEGIN_LEN  8

enum record { BEGIN = 1, ABORT = 2, PARAMS = 4, STDIN = 5 };    /* section 8 */
enum role { AUTHORIZER = 2 };

/* What has been seen of the request so far. */
struct seen {
	unsigned id;                    /* 0 before it begins */
	unsigned role;
	bool     parameters, body;      /* all of them, and all of it */
	bool     some_body;
};

static bool
contains(const unsigned char *data, size_t len, struct str text)
{
	return memmem(data, len, text.p, text.len) != NULL;
}

/* A name is followed by its value.  With HTTP/2 a body needs no announcement. */
static bool
may_have_body(const unsigned char *data, size_t len)
{
	static const struct str length = STR_INIT("CONTENT_LENGTH");
	const unsigned char *at = memmem(data, len, length.p, length.len);

	if (at != NULL && at + length.len < data + len && at[length.len] >= '1' && at[length.len] <= '9')
		return true;
	return contains(data, len, STR("HTTP_TRANSFER_ENCODING")) ||
	    !contains(data, len, STR("SERVER_PROTOCOLHTTP/1."));
}

/* Takes up one record, whose content may not have come.  False: it is none that web servers send at this place. */
static bool
take_record(struct seen *seen, const unsigned char *record, size_t come)
{
	unsigned type = record[1], id = record[2] * 256u + record[3], content = record[4] * 256u + record[5];

	if (type == BEGIN && seen->id == 0 && id != 0 && content == BEGIN_LEN && record[6] == 0) {
		seen->id = id;
		seen->role = come < HEADER_LEN + BEGIN_LEN ? 0 : record[8] * 256u + record[9];
		return true;
	}
	if (id != seen->id || seen->id == 0 || seen->body)
		return false;
	if (type == PARAMS && content == 0 && record[6] > 0)
		return false;                   /* libfcgi takes the padding for the next record */
	if (type == PARAMS && !seen->parameters)
		seen->parameters = content == 0;
	else if (type == STDIN && seen->parameters && content > 0)
		seen->some_body = true;
	else if (type == STDIN && seen->parameters)
		seen->body = true;
	else
		return false;
	return true;
}

static enum fcgi_look
judge(const struct seen *seen, const unsigned char *data, size_t len)
{
	if (!seen->parameters)
		return FCGI_LOOK_PART;
	if (seen->some_body || seen->role == AUTHORIZER || may_have_body(data, len))
		return FCGI_LOOK_OPEN;          /* mod_fcgid never sends an authorizer the end of a body */
	return FCGI_LOOK_SOON;
}

static enum fcgi_look
walk(const unsigned char *data, size_t len)
{
	struct seen seen = { 0 };
	size_t at = 0;

	while (at + HEADER_LEN <= len) {
		const unsigned char *record = data + at;

		if (seen.body)
			return FCGI_LOOK_MORE;
		if (record[0] != 1 || (record[1] == ABORT && seen.id != 0 && record[2] * 256u + record[3] == seen.id))
			return FCGI_LOOK_OVER;
		if (!take_record(&seen, record, len - at))
			return FCGI_LOOK_ODD;
		at += HEADER_LEN + record[4] * 256u + record[5] + record[6];
	}
	if (seen.body)
		return at == len ? FCGI_LOOK_WHOLE : FCGI_LOOK_MORE;
	return judge(&seen, data, len);
}

/* Where more has come than was looked through: that is behind it. */
static enum fcgi_look
with_more(enum fcgi_look look)
{
	switch (look) {
	case FCGI_LOOK_PART:
		return FCGI_LOOK_ODD;
	case FCGI_LOOK_SOON:
		return FCGI_LOOK_OPEN;
	case FCGI_LOOK_WHOLE:
		return FCGI_LOOK_MORE;
	default:
		return look;
	}
}

enum fcgi_look
fcgi_look(int fd)
{
	unsigned char data[FCGI_LOOK_BYTES];
	ssize_t len = recv(fd, data, sizeof data, MSG_PEEK | MSG_DONTWAIT);
	enum fcgi_look look;

	if (len <= 0)
		return len < 0 && (errno == EAGAIN || errno == EINTR) ? FCGI_LOOK_NOTHING : FCGI_LOOK_OVER;
	look = walk(data, (size_t)len);
	return (size_t)len == sizeof data ? with_more(look) : look;
}
