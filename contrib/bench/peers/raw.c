/* SPDX-License-Identifier: MIT */
/*
 * The limit of the machine: a thread for each connection reads to the end of a request and writes prepared records.  It
 * understands nothing and checks nothing.
 *
 *     raw SOCKET FILE
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned char records[140000];
static size_t records_len;

static void
add_record(int kind, const void *content, size_t len)
{
	unsigned char header[8] = { 1, (unsigned char)kind, 0, 1 };

	header[4] = (unsigned char)(len >> 8);
	header[5] = (unsigned char)len;
	memcpy(records + records_len, header, sizeof header);
	memcpy(records + records_len + sizeof header, content, len);
	records_len += sizeof header + len;
}

static void *
serve(void *argument)
{
	static const unsigned char end[8] = { 1, 5, 0, 1 };     /* an empty STDIN */
	unsigned char data[8192];
	size_t len = 0;
	int fd = (int)(intptr_t)argument, keep = 1;
	ssize_t n;

	while (keep && (n = read(fd, data + len, sizeof data - len)) > 0) {
		len += (size_t)n;
		if (len < 16 || memcmp(data + len - sizeof end, end, sizeof end) != 0)
			continue;
		keep = data[10] & 1;
		len = 0;
		if (write(fd, records, records_len) != (ssize_t)records_len)
			break;
	}
	(void)close(fd);
	return NULL;
}

int
main(int argc, char **argv)
{
	static const unsigned char done[8];
	static char answer[65535];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	FILE *file = argc > 2 ? fopen(argv[2], "rb") : NULL;
	pthread_t thread;

	if (file == NULL || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 2;
	add_record(6, answer, fread(answer, 1, sizeof answer, file));
	add_record(6, "", 0);
	add_record(3, done, sizeof done);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
	(void)unlink(argv[1]);
	if (listener == -1 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 1024) != 0)
		return 1;
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
			(void)pthread_detach(thread);
	return 1;
}
