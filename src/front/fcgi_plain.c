/* SPDX-License-Identifier: MIT */
/*
 * FastCGI with nothing but what libfcgi documents, for a library that takes no connection from outside: see
 * front/fcgi_request.c.  A thread has a connection for one request, which libfcgi accepts, reads and closes.  So
 * no idle connection holds a thread here either; but nobody can cut a peer that stops in the middle of a request, and
 * kept connections are not to be had.  `configure --with-plain-fcgi` builds it.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "front/fcgi.h"
#include "front/fcgi_request.h"
#include "record/log.h"

struct fcgi {
	struct gateway        *gateway;
	const struct listener *listener;
	int                    stop;            /* eventfd: readable once all are to stop */
	pthread_t             *threads;
	size_t                 count;
};

/* False when all are to stop. */
static bool
wait_for_connection(const struct fcgi *fcgi)
{
	struct pollfd ready[] = {
		{ .fd = fcgi->listener->fd, .events = POLLIN }, { .fd = fcgi->stop, .events = POLLIN },
	};

	while (poll(ready, 2, -1) == -1 && errno == EINTR)
		;
	return ready[1].revents == 0;
}

static void *
worker_main(void *argument)
{
	struct fcgi *fcgi = argument;
	struct worker worker;

	if (worker_init(&worker) != 0) {
		log_write(LOG_LEVEL_ERROR, "cannot start a worker: out of memory");
		return NULL;
	}
	while (wait_for_connection(fcgi))
		fcgi_request_accept(fcgi->gateway, &worker, fcgi->listener->fd);
	worker_finish(&worker, fcgi->gateway);
	return NULL;
}

static void
free_fcgi(struct fcgi *fcgi)
{
	(void)close(fcgi->stop);
	free(fcgi->threads);
	free(fcgi);
}

int
fcgi_start(struct gateway *gateway, const struct listener *listener, size_t workers, struct fcgi **ret)
{
	struct fcgi *fcgi = calloc(1, sizeof *fcgi);
	pthread_attr_t attributes;
	int rc = fcgi == NULL ? -ENOMEM : fcgi_request_init();

	if (rc == 0)
		rc = -pthread_attr_init(&attributes);
	if (rc != 0) {
		free(fcgi);
		return rc;
	}
	(void)pthread_attr_setstacksize(&attributes, FCGI_STACK_SIZE);
	*fcgi = (struct fcgi){ gateway, listener, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), NULL, 0 };
	fcgi->threads = calloc(workers, sizeof *fcgi->threads);
	rc = fcgi->stop == -1 || fcgi->threads == NULL ? -ENOMEM : 0;
	for (; rc == 0 && fcgi->count < workers; fcgi->count += rc == 0)
		rc = -pthread_create(&fcgi->threads[fcgi->count], &attributes, worker_main, fcgi);
	(void)pthread_attr_destroy(&attributes);
	if (fcgi->count == 0) {
		free_fcgi(fcgi);
		return rc;
	}
	*ret = fcgi;
	return 0;
}

void
fcgi_cut_slow(struct fcgi *fcgi)
{
	(void)fcgi;
}

bool
fcgi_stop(struct fcgi *fcgi, int seconds)
{
	struct timespec deadline;
	bool all_ended = true;

	if (fcgi == NULL)
		return true;
	(void)eventfd_write(fcgi->stop, 1);
	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	for (size_t i = 0; i < fcgi->count; i++)
		all_ended = pthread_timedjoin_np(fcgi->threads[i], NULL, &deadline) == 0 && all_ended;
	if (all_ended)
		free_fcgi(fcgi);
	return all_ended;
}
