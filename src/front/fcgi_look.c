/* SPDX-License-Identifier: MIT */
/* Walks the headers of the records (FastCGI specification, section 3.3), no deeper than is needed to find the end. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "front/fcgi_look.h"

#define HEADER_LEN 8

enum record { BEGIN = 1, ABORT = 2, PARAMS = 4 };       /* section 8 */

static bool
peer_has_ended(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLRDHUP };

	return poll(&look, 1, 0) == 1;
}

bool
fcgi_look(int fd)
{
	unsigned char data[FCGI_LOOK_BYTES];
	ssize_t len = recv(fd, data, sizeof data, MSG_PEEK | MSG_DONTWAIT);
	unsigned asked = 0;             /* the request's id; 0 before it begins */

	if (len <= 0)
		return len == 0 || (errno != EAGAIN && errno != EINTR);
	if ((size_t)len == sizeof data)
		return true;
	for (size_t at = 0; at + HEADER_LEN <= (size_t)len;) {
		const unsigned char *record = data + at;
		unsigned id = record[2] * 256u + record[3], content = record[4] * 256u + record[5];

		if (record[0] != 1 || (record[1] == ABORT && id == asked))
			return true;            /* libfcgi closes it at once */
		if (record[1] == BEGIN && asked == 0)
			asked = id;
		else if (record[1] == PARAMS && id == asked && content == 0)
			return true;
		at += HEADER_LEN + content + record[6];
	}
	return peer_has_ended(fd);
}
