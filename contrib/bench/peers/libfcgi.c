/* SPDX-License-Identifier: MIT */
/*
 * What libfcgi itself can do: threads that each accept, answer with the bytes of a file, and keep the connection where
 * the server asks to, which holds the thread.  There is no lock around accept: it would be slower still.
 *
 *     libfcgi SOCKET THREADS FILE|-          "-": an authorizer's empty 200, whatever is asked
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listener;
static char answer[65536] = "Status: 200 OK\r\n\r\n";
static size_t answer_len;

static void *
serve(void *unused)
{
	FCGX_Request request;

	if (FCGX_InitRequest(&request, listener, 0) != 0)
		return unused;
	while (FCGX_Accept_r(&request) == 0) {
		(void)FCGX_PutStr(answer, (int)answer_len, request.out);
		FCGX_Finish_r(&request);
	}
	return unused;
}

/* The library's own would only have threads look at a flag when their accept ends, which it does not. */
static void
end(int number)
{
	_exit(number == SIGTERM ? 0 : 1);
}

static int
listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	(void)unlink(path);
	if (fd == -1 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

int
main(int argc, char **argv)
{
	int threads = argc > 3 ? atoi(argv[2]) : 0;
	FILE *file = threads > 0 && strcmp(argv[3], "-") != 0 ? fopen(argv[3], "rb") : NULL;
	pthread_t thread;

	if (threads < 1 || signal(SIGTERM, end) == SIG_ERR || FCGX_Init() != 0)
		return 2;
	answer_len = file != NULL ? fread(answer, 1, sizeof answer, file) : strlen(answer);
	listener = listen_on(argv[1]);
	for (int i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, serve, NULL) != 0)
			return 1;
	(void)serve(NULL);
	return 0;
}
