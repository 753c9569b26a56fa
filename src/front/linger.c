/* SPDX-License-Identifier: MIT */
/* One thread with poll(2); descriptors come to it through a pipe, and the end of the pipe is its end. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "front/linger.h"

#define DROP_SIZE 65536

/* Monotonic milliseconds. */
struct times {
	int64_t silent;                 /* when it has been silent for too long */
	int64_t end;
};

struct lingering {
	pthread_t      thread;
	int            pipe[2];
	int64_t        silence_ms;
	size_t         most, count;
	struct pollfd *fds;             /* [0] is the pipe's; from there on this is the thread's own */
	struct times  *times;
	char           dropped[DROP_SIZE];
};

static void
drop(struct lingering *l, size_t i)
{
	(void)close(l->fds[i].fd);
	l->fds[i] = l->fds[l->count];
	l->times[i] = l->times[l->count];
	l->count--;
}

/* False when the peer has closed, or is to be left. */
static bool
read_some(struct lingering *l, size_t i, int64_t now)
{
	ssize_t got = 0;

	if (l->fds[i].revents != 0) {
		got = recv(l->fds[i].fd, l->dropped, sizeof l->dropped, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return false;
	}
	if (got > 0)
		l->times[i].silent = now + l->silence_ms;
	return now < l->times[i].silent && now < l->times[i].end;
}

/* False when the pipe has ended. */
static bool
take_new(struct lingering *l, int64_t now)
{
	int fd;
	ssize_t got = read(l->pipe[0], &fd, sizeof fd);

	if (got == 0)
		return false;
	if (got != (ssize_t)sizeof fd)
		return true;
	if (l->count == l->most) {
		(void)close(fd);
		return true;
	}
	l->count++;
	l->fds[l->count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	l->times[l->count] = (struct times){ now + l->silence_ms, now + (int64_t)LINGER_SECONDS * 1000 };
	return true;
}

static void *
run(void *context)
{
	struct lingering *l = context;
	bool more = true;

	while (more) {
		int64_t now;

		(void)poll(l->fds, (nfds_t)l->count + 1, l->count > 0 ? 1000 : -1);
		now = clock_monotonic_ms();
		for (size_t i = l->count; i > 0; i--)
			if (!read_some(l, i, now))
				drop(l, i);
		if (l->fds[0].revents != 0)
			more = take_new(l, now);
	}
	while (l->count > 0)
		drop(l, l->count);
	return NULL;
}

static void
free_linger(struct lingering *l)
{
	if (l == NULL)
		return;
	free(l->fds);
	free(l->times);
	free(l);
}

int
linger_start(size_t most, unsigned seconds, struct lingering **ret)
{
	struct lingering *l = calloc(1, sizeof *l);
	int rc;

	if (l == NULL)
		return -ENOMEM;
	l->most = most;
	l->silence_ms = (int64_t)seconds * 1000;
	l->fds = calloc(most + 1, sizeof *l->fds);
	l->times = calloc(most + 1, sizeof *l->times);
	if (l->fds == NULL || l->times == NULL || pipe2(l->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		rc = l->fds == NULL || l->times == NULL ? -ENOMEM : -errno;
		free_linger(l);
		return rc;
	}
	l->fds[0] = (struct pollfd){ .fd = l->pipe[0], .events = POLLIN };
	rc = -pthread_create(&l->thread, NULL, run, l);
	if (rc != 0) {
		(void)close(l->pipe[0]);
		(void)close(l->pipe[1]);
		free_linger(l);
		return rc;
	}
	*ret = l;
	return 0;
}

void
linger_take(struct lingering *l, int fd)
{
	if (write(l->pipe[1], &fd, sizeof fd) != (ssize_t)sizeof fd)
		(void)close(fd);
}

void
linger_stop(struct lingering *l)
{
	if (l == NULL)
		return;
	(void)close(l->pipe[1]);
	(void)pthread_join(l->thread, NULL);
	(void)close(l->pipe[0]);
	free_linger(l);
}
