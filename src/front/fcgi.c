/* SPDX-License-Identifier: MIT */
/*
 * FastCGI by threads.  Each worker waits for the socket in an epoll set of its
 * own (EPOLLEXCLUSIVE: one connection wakes one worker), accepts, and hands the
 * connection to libfcgi; there is no lock that a silent peer could hold.
 *
 * The hand-over sets two fields that libfcgi does not document: with ipcFd set
 * and keepConnection not 0, FCGX_Accept_r() reads from that connection instead
 * of accepting one, and gives up instead of trying again.  This is the only file
 * that knows libfcgi, and configure checks that the fields are there.
 *
 * Every connection is closed after its answer, also where the server asked to
 * keep it: an idle kept connection would hold a thread.
 */
#include "config.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "front/cgi_env.h"
#include "front/cgi_head.h"
#include "front/fcgi.h"
#include "record/log.h"

#define WORKERS_AT_START 4

enum fcgi_role { ROLE_RESPONDER = 1, ROLE_AUTHORIZER = 2 };     /* FastCGI specification, section 8 */

struct fcgi {
	struct gateway        *gateway;
	const struct listener *listener;
	size_t                 max;
	int                    stop_event;      /* readable once all are to stop */
	_Atomic(size_t)        idle;
	pthread_mutex_t        mutex;           /* guards what follows */
	pthread_cond_t         ended;
	size_t                 alive;
	pthread_t             *threads;
	size_t                 started;
};

static void
write_reply(FCGX_Request *request, const struct reply *reply)
{
	char memory[CGI_HEAD_MAX];
	struct str head = cgi_head(reply, memory);

	(void)FCGX_PutStr(head.p, (int)head.len, request->out);
	for (size_t i = 0; reply->send_body && i < reply->piece_count; i++)
		(void)FCGX_PutStr(reply->pieces[i].p, (int)reply->pieces[i].len, request->out);
}

static void
answer(struct gateway *gateway, struct worker *worker, FCGX_Request *request)
{
	struct raw_request raw;
	struct reply reply;

	if (request->role != ROLE_RESPONDER && request->role != ROLE_AUTHORIZER) {
		reply_emergency(&reply, 400);
	} else {
		cgi_env_read(request->envp, request->role == ROLE_AUTHORIZER, &raw);
		if (FCGX_GetError(request->in) != 0)
			raw.whole = false;      /* the parameters were cut short */
		serve(gateway, worker, &raw, &reply);
	}
	write_reply(request, &reply);
}

/* Answers the one request of the connection `fd`, and closes it. */
static void
serve_connection(struct fcgi *fcgi, struct worker *worker, int fd)
{
	FCGX_Request request;

	if (FCGX_InitRequest(&request, -1, 0) != 0) {
		(void)close(fd);
		return;
	}
	request.ipcFd = fd;
	request.keepConnection = 1;
	if (FCGX_Accept_r(&request) != 0)
		return;                         /* no request came; libfcgi closed it */
	answer(fcgi->gateway, worker, &request);
	request.keepConnection = 0;
	FCGX_Finish_r(&request);
}

static int
watch(int epoll_fd, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1 ? -errno : 0;
}

/* An epoll set with the socket and the stop event, or -errno. */
static int
new_watch(const struct fcgi *fcgi)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), rc;

	if (epoll_fd == -1)
		return -errno;
	rc = watch(epoll_fd, fcgi->listener->fd, EPOLLIN | EPOLLEXCLUSIVE);
	if (rc == 0)
		rc = watch(epoll_fd, fcgi->stop_event, EPOLLIN);
	if (rc == 0)
		return epoll_fd;
	(void)close(epoll_fd);
	return rc;
}

/* Waits for a connection.  Returns its descriptor, or -ECANCELED when all are to stop. */
static int
next_connection(const struct fcgi *fcgi, int epoll_fd)
{
	static _Atomic(int64_t) said;

	for (;;) {
		struct epoll_event events[2];
		int fd, count = epoll_wait(epoll_fd, events, 2, -1);

		for (int i = 0; i < count; i++)
			if (events[i].data.fd == fcgi->stop_event)
				return -ECANCELED;
		fd = count > 0 ? listener_accept(fcgi->listener) : -EAGAIN;
		if (fd >= 0)
			return fd;
		if (fd == -EAGAIN)
			continue;
		if (log_now_and_then(&said, clock_now(), 10))
			log_write(LOG_LEVEL_ERROR, "cannot accept a connection: %s", strerror(-fd));
		(void)poll(NULL, 0, 50);        /* out of descriptors: the socket stays readable, do not spin */
	}
}

static int start_worker(struct fcgi *fcgi);

static void
work(struct fcgi *fcgi, struct worker *worker, int epoll_fd)
{
	int fd;

	while ((fd = next_connection(fcgi, epoll_fd)) >= 0) {
		if (atomic_fetch_sub(&fcgi->idle, 1) == 1)
			(void)start_worker(fcgi);       /* the last idle one got work: somebody must listen */
		serve_connection(fcgi, worker, fd);
		(void)atomic_fetch_add(&fcgi->idle, 1);
	}
	(void)atomic_fetch_sub(&fcgi->idle, 1);
}

static void
worker_ended(struct fcgi *fcgi)
{
	(void)pthread_mutex_lock(&fcgi->mutex);
	fcgi->alive--;
	(void)pthread_cond_signal(&fcgi->ended);
	(void)pthread_mutex_unlock(&fcgi->mutex);
}

static void *
worker_main(void *argument)
{
	struct fcgi *fcgi = argument;
	struct worker worker;
	int epoll_fd = new_watch(fcgi);

	if (epoll_fd < 0 || worker_init(&worker) != 0) {
		log_write(LOG_LEVEL_ERROR, "cannot start a worker: %s", strerror(epoll_fd < 0 ? -epoll_fd : ENOMEM));
		(void)atomic_fetch_sub(&fcgi->idle, 1);
	} else {
		work(fcgi, &worker, epoll_fd);
		worker_finish(&worker, fcgi->gateway);
	}
	if (epoll_fd >= 0)
		(void)close(epoll_fd);
	worker_ended(fcgi);
	return NULL;
}

static int
start_worker(struct fcgi *fcgi)
{
	int rc = 0;

	(void)pthread_mutex_lock(&fcgi->mutex);
	if (fcgi->started < fcgi->max) {
		(void)atomic_fetch_add(&fcgi->idle, 1);
		rc = -pthread_create(&fcgi->threads[fcgi->started], NULL, worker_main, fcgi);
		if (rc == 0) {
			fcgi->alive++;
			fcgi->started++;
		} else {
			(void)atomic_fetch_sub(&fcgi->idle, 1);
		}
	}
	(void)pthread_mutex_unlock(&fcgi->mutex);
	return rc;
}

static int
init_library(void)
{
	/* how long it waits, in ms, for a peer that does not close after the answer */
	(void)setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "50", 1);
	if (FCGX_Init() != 0)
		return -EIO;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;       /* after it: it installs its own */
}

static void
free_fcgi(struct fcgi *fcgi)
{
	if (fcgi->stop_event >= 0)
		(void)close(fcgi->stop_event);
	free(fcgi->threads);
	free(fcgi);
}

int
fcgi_start(struct gateway *gateway, const struct listener *listener, size_t workers, struct fcgi **ret)
{
	struct fcgi *fcgi = calloc(1, sizeof *fcgi);
	int rc = fcgi == NULL ? -ENOMEM : init_library();

	if (rc != 0) {
		free(fcgi);
		return rc;
	}
	*fcgi = (struct fcgi){ .gateway = gateway, .listener = listener, .max = workers };
	(void)pthread_mutex_init(&fcgi->mutex, NULL);
	(void)pthread_cond_init(&fcgi->ended, NULL);
	fcgi->threads = calloc(workers, sizeof *fcgi->threads);
	fcgi->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fcgi->threads == NULL || fcgi->stop_event == -1)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < WORKERS_AT_START; i++)
		rc = start_worker(fcgi);
	if (fcgi->started == 0) {
		free_fcgi(fcgi);
		return rc;
	}
	*ret = fcgi;
	return 0;
}

void
fcgi_stop(struct fcgi *fcgi, int seconds)
{
	struct timespec deadline;
	bool all_ended;

	(void)eventfd_write(fcgi->stop_event, 1);
	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	(void)pthread_mutex_lock(&fcgi->mutex);
	while (fcgi->alive > 0)
		if (pthread_cond_timedwait(&fcgi->ended, &fcgi->mutex, &deadline) == ETIMEDOUT)
			break;
	all_ended = fcgi->alive == 0;
	(void)pthread_mutex_unlock(&fcgi->mutex);
	if (!all_ended)
		return;                         /* a worker still uses it; the process ends anyhow */
	for (size_t i = 0; i < fcgi->started; i++)
		(void)pthread_join(fcgi->threads[i], NULL);
	free_fcgi(fcgi);
}
