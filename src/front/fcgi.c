/* SPDX-License-Identifier: MIT */
/*
 * FastCGI by threads.  The workers wait in one epoll set, where the listening socket is and every connection that has
 * nothing to say.  A worker that got a connection serves it, and stays with it for the next request as long as another
 * worker is free: so a busy connection costs no more than with a thread of its own.  When none is free and no more may
 * be started, those who only wait leave their connections to the set, and those who serve leave theirs after a turn.
 * So an idle connection, kept or silent, never holds a worker, and there is no lock that a peer could hold.
 *
 * While more than half of the workers have a connection, one that has sent a part of a request gets none: it is set
 * aside, out of the set, and looked at once a second, until the rest has come or its time is over.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "front/fcgi.h"
#include "front/fcgi_look.h"
#include "front/fcgi_request.h"
#include "record/log.h"

#define WORKERS_AT_START 4
#define TURN_REQUESTS    16     /* requests that a connection has before others, when workers are short */
#define TURN_MS          1      /* how long its next request is waited for at least */
#define REQUEST_SECONDS  10     /* from its first byte to the end of its answer */
#define FULL_MS          50     /* without descriptors, no connection is accepted for so long */

/* A connection that waits in the set, where whoever gets its event owns it; or aside, where who has the mutex does. */
struct parked {
	struct parked *before, *after;
	int            fd;
	unsigned       aside;           /* the second in which it was set aside; 0: it is in the set */
};

/*
 * What a worker is at, for whoever watches the time.  The worker says the second that a request began in, 0 while there
 * is none; libfcgi closes the descriptor before the worker can say that it has ended, so the watcher takes a duplicate
 * at half the time, when it is certainly the request's, and cuts that.
 */
struct seat {
	struct fcgi     *fcgi;
	_Atomic(unsigned) began;
	_Atomic(int)     fd;
	unsigned         held_began;    /* the watcher's: of which request ... */
	int              held;          /* ... the duplicate is; -1: none */
	char             apart[40];     /* no two workers write to one cache line */
};

struct fcgi {
	struct gateway        *gateway;
	const struct listener *listener;
	size_t                 max;
	int                    set;             /* epoll: listener, stop, parked connections */
	int                    stop;            /* eventfd: readable once all are to stop */
	int                    wanted;          /* eventfd: readable while workers are short */
	_Atomic(size_t)        idle;            /* workers that wait for the set */
	_Atomic(unsigned)      seconds;         /* that fcgi_cut_slow() was called */
	struct seat           *seats;           /* as many as workers */
	pthread_mutex_t        mutex;           /* guards what follows */
	pthread_cond_t         ended;
	size_t                 alive;
	pthread_t             *threads;
	_Atomic(size_t)        started;
	struct parked         *oldest, *newest;
	size_t                 parked_count;
};

/* --- connections that wait --- */

static void
unlink_parked(struct fcgi *fcgi, struct parked *p)
{
	*(p->before != NULL ? &p->before->after : &fcgi->oldest) = p->after;
	*(p->after != NULL ? &p->after->before : &fcgi->newest) = p->before;
	fcgi->parked_count--;
}

/*
 * One in the set is not closed here: its event may be on its way to another worker, which will see the end and close
 * it.  Under the mutex.
 */
static void
end_parked(struct fcgi *fcgi, struct parked *p)
{
	if (p->aside == 0) {
		(void)shutdown(p->fd, SHUT_RDWR);
		return;
	}
	unlink_parked(fcgi, p);
	(void)close(p->fd);
	free(p);
}

static void
link_parked(struct fcgi *fcgi, struct parked *p)
{
	p->before = fcgi->newest;
	*(p->before != NULL ? &p->before->after : &fcgi->oldest) = p;
	fcgi->newest = p;
	if (fcgi->parked_count++ >= FCGI_PARKED_MAX)
		end_parked(fcgi, fcgi->oldest);
}

static int
add_to_set(struct fcgi *fcgi, struct parked *p)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = p };

	return epoll_ctl(fcgi->set, EPOLL_CTL_ADD, p->fd, &event);
}

/* Leaves the connection to the set, until something comes; or aside, where `aside` is not 0. */
static void
park(struct fcgi *fcgi, int fd, unsigned aside)
{
	struct parked *p = calloc(1, sizeof *p);

	if (p == NULL) {
		(void)close(fd);
		return;
	}
	p->fd = fd;
	p->aside = aside;
	(void)pthread_mutex_lock(&fcgi->mutex);
	if (aside != 0 || add_to_set(fcgi, p) == 0) {
		link_parked(fcgi, p);
		p = NULL;
	}
	(void)pthread_mutex_unlock(&fcgi->mutex);
	if (p == NULL)
		return;
	(void)close(fd);
	free(p);
}

/* Takes the connection out of the set again. */
static int
unpark(struct fcgi *fcgi, struct parked *p)
{
	int fd = p->fd;

	(void)pthread_mutex_lock(&fcgi->mutex);
	unlink_parked(fcgi, p);
	(void)epoll_ctl(fcgi->set, EPOLL_CTL_DEL, fd, NULL);
	(void)pthread_mutex_unlock(&fcgi->mutex);
	free(p);
	return fd;
}

static void
close_parked(struct fcgi *fcgi)
{
	while (fcgi->oldest != NULL)
		(void)close(unpark(fcgi, fcgi->oldest));
}

/* --- the next connection --- */

/*
 * Once for each connection, or every worker that waits would be woken for it.  Not EPOLLEXCLUSIVE: of several processes
 * the only one that is woken may die before it accepts.
 */
static int
watch_listener(const struct fcgi *fcgi, int operation)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = (void *)&fcgi->listener };

	return epoll_ctl(fcgi->set, operation, fcgi->listener->fd, &event) == -1 ? -errno : 0;
}

/* Half of the connections that idle, those that have for longest, so that there are descriptors again. */
static void
end_idle_half(struct fcgi *fcgi)
{
	struct parked *next;
	size_t count;

	(void)pthread_mutex_lock(&fcgi->mutex);
	count = fcgi->parked_count / 2 + 1;
	for (struct parked *p = fcgi->oldest; p != NULL && count > 0; count--, p = next) {
		next = p->after;
		end_parked(fcgi, p);
	}
	(void)pthread_mutex_unlock(&fcgi->mutex);
}

/* Without descriptors: the listening socket stays readable, and is not looked at for a while. */
static void
wait_for_descriptors(struct fcgi *fcgi, int error)
{
	static _Atomic(int64_t) said;

	if (log_now_and_then(&said, clock_now(), 10))
		log_write(LOG_LEVEL_ERROR, "cannot accept a connection: %s", strerror(error));
	if (error == EMFILE)
		end_idle_half(fcgi);
	(void)poll(NULL, 0, FULL_MS);
}

static int
accept_one(struct fcgi *fcgi)
{
	int fd = listener_accept(fcgi->listener);

	if (fd < 0 && fd != -EAGAIN)
		wait_for_descriptors(fcgi, -fd);
	while (watch_listener(fcgi, EPOLL_CTL_MOD) != 0)        /* or nobody would accept any more */
		(void)poll(NULL, 0, FULL_MS);
	return fd;
}

/* Waits for a connection: a new one, or one that has something to say.  -ECANCELED when all are to stop. */
static int
next_connection(struct fcgi *fcgi)
{
	for (;;) {
		struct epoll_event event;
		int fd;

		if (epoll_wait(fcgi->set, &event, 1, -1) != 1)
			continue;
		if (event.data.ptr == &fcgi->stop)
			return -ECANCELED;
		fd = event.data.ptr == &fcgi->listener ? accept_one(fcgi) : unpark(fcgi, event.data.ptr);
		if (fd >= 0)
			return fd;
	}
}

/* --- workers --- */

static int start_worker(struct fcgi *fcgi);

static bool
are_short(struct fcgi *fcgi)
{
	return atomic_load(&fcgi->idle) == 0;
}

static void
become_busy(struct fcgi *fcgi)
{
	if (atomic_fetch_sub(&fcgi->idle, 1) == 1 && start_worker(fcgi) != 0)
		(void)eventfd_write(fcgi->wanted, 1);   /* the last one got work: who only waits shall come back */
}

static void
become_idle(struct fcgi *fcgi)
{
	eventfd_t ignored;

	if (atomic_fetch_add(&fcgi->idle, 1) == 0)
		(void)eventfd_read(fcgi->wanted, &ignored);
}

/*
 * Waits until the connection has something to say.  False when the worker is to go: it is wanted elsewhere, or all are
 * to stop.
 */
static bool
stays_with(struct fcgi *fcgi, int fd)
{
	struct pollfd ready[] = {
		{ .fd = fd, .events = POLLIN }, { .fd = fcgi->wanted, .events = POLLIN },
		{ .fd = fcgi->stop, .events = POLLIN },
	};

	/* a busy peer is back at once; to wait for what all wait for as well costs more than to wait for it alone */
	if (poll(ready, 1, TURN_MS) == 1)
		return true;
	if (are_short(fcgi))
		return false;
	while (poll(ready, 3, -1) == -1 && errno == EINTR)
		;
	return ready[0].revents != 0;
}

static bool
are_scarce(struct fcgi *fcgi)
{
	size_t started = atomic_load_explicit(&fcgi->started, memory_order_relaxed), idle = atomic_load(&fcgi->idle);

	return started > idle && started - idle > fcgi->max / 2;
}

/* Looks twice: the rest of a request that came in pieces may be on its way. */
static bool
may_be_served(struct fcgi *fcgi, int fd)
{
	if (!are_scarce(fcgi) || fcgi_look(fd))
		return true;
	(void)poll(NULL, 0, TURN_MS);
	return fcgi_look(fd);
}

static bool
serve_request(struct seat *seat, struct worker *worker, int fd)
{
	unsigned now = atomic_load_explicit(&seat->fcgi->seconds, memory_order_relaxed);
	bool kept;

	atomic_store_explicit(&seat->fd, fd, memory_order_relaxed);
	atomic_store_explicit(&seat->began, now, memory_order_release);
	kept = fcgi_request_serve(seat->fcgi->gateway, worker, fd);
	atomic_store_explicit(&seat->began, 0, memory_order_release);
	return kept;
}

static void
serve_connection(struct seat *seat, struct worker *worker, int fd)
{
	struct fcgi *fcgi = seat->fcgi;

	for (unsigned turn = 0; turn < TURN_REQUESTS || !are_short(fcgi); turn++) {
		if (!stays_with(fcgi, fd))
			break;
		if (!may_be_served(fcgi, fd)) {
			park(fcgi, fd, atomic_load_explicit(&fcgi->seconds, memory_order_relaxed));
			return;
		}
		if (!serve_request(seat, worker, fd))
			return;
	}
	park(fcgi, fd, 0);
}

static void
work(struct seat *seat, struct worker *worker)
{
	struct fcgi *fcgi = seat->fcgi;
	int fd;

	while ((fd = next_connection(fcgi)) >= 0) {
		become_busy(fcgi);
		serve_connection(seat, worker, fd);
		become_idle(fcgi);
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
	struct seat *seat = argument;
	struct fcgi *fcgi = seat->fcgi;
	struct worker worker;

	if (worker_init(&worker) != 0) {
		log_write(LOG_LEVEL_ERROR, "cannot start a worker: out of memory");
		(void)atomic_fetch_sub(&fcgi->idle, 1);
	} else {
		work(seat, &worker);
		worker_finish(&worker, fcgi->gateway);
	}
	worker_ended(fcgi);
	return NULL;
}

static int
create_thread(struct seat *seat, pthread_t *ret)
{
	pthread_attr_t attributes;
	int rc = pthread_attr_init(&attributes);

	if (rc != 0)
		return -rc;
	(void)pthread_attr_setstacksize(&attributes, FCGI_STACK_SIZE);
	rc = pthread_create(ret, &attributes, worker_main, seat);
	(void)pthread_attr_destroy(&attributes);
	return -rc;
}

/* One more, where there may be one.  Returns 0 or -errno: -EAGAIN when there are as many as may be. */
static int
start_worker(struct fcgi *fcgi)
{
	int rc = -EAGAIN;

	(void)pthread_mutex_lock(&fcgi->mutex);
	if (fcgi->started < fcgi->max) {
		(void)atomic_fetch_add(&fcgi->idle, 1);
		fcgi->seats[fcgi->started] = (struct seat){ .fcgi = fcgi, .held = -1 };
		rc = create_thread(&fcgi->seats[fcgi->started], &fcgi->threads[fcgi->started]);
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

static void
free_fcgi(struct fcgi *fcgi)
{
	close_parked(fcgi);
	(void)close(fcgi->set);         /* -1 where it was not made */
	(void)close(fcgi->stop);
	(void)close(fcgi->wanted);
	for (size_t i = 0; i < fcgi->started; i++)
		if (fcgi->seats[i].held != -1)
			(void)close(fcgi->seats[i].held);
	free(fcgi->seats);
	free(fcgi->threads);
	free(fcgi);
}

static int
watch(int set, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == -1 ? -errno : 0;
}

static int
make_set(struct fcgi *fcgi)
{
	int rc;

	fcgi->set = epoll_create1(EPOLL_CLOEXEC);
	fcgi->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fcgi->wanted = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fcgi->set == -1 || fcgi->stop == -1 || fcgi->wanted == -1)
		return -errno;
	rc = watch_listener(fcgi, EPOLL_CTL_ADD);
	return rc != 0 ? rc : watch(fcgi->set, fcgi->stop, &fcgi->stop);
}

int
fcgi_start(struct gateway *gateway, const struct listener *listener, size_t workers, struct fcgi **ret)
{
	struct fcgi *fcgi = calloc(1, sizeof *fcgi);
	size_t running = 0;             /* fcgi->started is the workers' too by now */
	int rc = fcgi == NULL ? -ENOMEM : fcgi_request_init();

	if (rc != 0) {
		free(fcgi);
		return rc;
	}
	*fcgi = (struct fcgi){ .gateway = gateway, .listener = listener, .max = workers, .seconds = 1 };
	(void)pthread_mutex_init(&fcgi->mutex, NULL);
	(void)pthread_cond_init(&fcgi->ended, NULL);
	fcgi->threads = calloc(workers, sizeof *fcgi->threads);
	fcgi->seats = calloc(workers, sizeof *fcgi->seats);
	rc = make_set(fcgi);
	if (fcgi->threads == NULL || fcgi->seats == NULL)
		rc = -ENOMEM;
	for (; rc == 0 && running < WORKERS_AT_START && running < workers; running += rc == 0)
		rc = start_worker(fcgi);
	if (running == 0) {
		free_fcgi(fcgi);
		return rc;
	}
	*ret = fcgi;
	return 0;
}

/* --- the watch --- */

static void
watch_seat(struct seat *seat, unsigned now)
{
	unsigned began = atomic_load_explicit(&seat->began, memory_order_acquire);
	int fd = atomic_load_explicit(&seat->fd, memory_order_relaxed);

	if (seat->held != -1 && seat->held_began != began) {
		(void)close(seat->held);
		seat->held = -1;
	}
	if (began == 0 || now - began < REQUEST_SECONDS / 2)
		return;
	if (seat->held == -1) {
		seat->held = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		seat->held_began = began;
	}
	if (now - began >= REQUEST_SECONDS)
		(void)shutdown(seat->held != -1 ? seat->held : fd, SHUT_RDWR);
}

/* Those that were set aside: what has come by now goes to the workers, what takes too long ends. */
static void
look_aside(struct fcgi *fcgi, unsigned now)
{
	struct parked *next;

	(void)pthread_mutex_lock(&fcgi->mutex);
	for (struct parked *p = fcgi->oldest; p != NULL; p = next) {
		unsigned since = p->aside;

		next = p->after;
		if (since == 0)
			continue;
		if (fcgi_look(p->fd)) {
			p->aside = 0;           /* from the next line on it may be somebody else's */
			if (add_to_set(fcgi, p) == 0)
				continue;
			p->aside = since;
		}
		if (now - since >= REQUEST_SECONDS)
			end_parked(fcgi, p);
	}
	(void)pthread_mutex_unlock(&fcgi->mutex);
}

static size_t
seat_count(struct fcgi *fcgi)
{
	size_t count;

	(void)pthread_mutex_lock(&fcgi->mutex);
	count = fcgi->started;
	(void)pthread_mutex_unlock(&fcgi->mutex);
	return count;
}

void
fcgi_cut_slow(struct fcgi *fcgi)
{
	unsigned now;

	if (fcgi == NULL)
		return;
	now = atomic_fetch_add(&fcgi->seconds, 1) + 1;
	for (size_t i = 0, count = seat_count(fcgi); i < count; i++)
		watch_seat(&fcgi->seats[i], now);
	look_aside(fcgi, now);
}

static void
cut_all(struct fcgi *fcgi)
{
	for (size_t i = 0, count = seat_count(fcgi); i < count; i++)
		if (atomic_load(&fcgi->seats[i].began) != 0)
			(void)shutdown(atomic_load(&fcgi->seats[i].fd), SHUT_RDWR);
}

static bool
wait_for_workers(struct fcgi *fcgi, int seconds)
{
	struct timespec deadline;
	bool all_ended;

	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	(void)pthread_mutex_lock(&fcgi->mutex);
	while (fcgi->alive > 0)
		if (pthread_cond_timedwait(&fcgi->ended, &fcgi->mutex, &deadline) == ETIMEDOUT)
			break;
	all_ended = fcgi->alive == 0;
	(void)pthread_mutex_unlock(&fcgi->mutex);
	return all_ended;
}

bool
fcgi_stop(struct fcgi *fcgi, int seconds)
{
	bool all_ended;

	if (fcgi == NULL)
		return true;
	(void)eventfd_write(fcgi->stop, 1);
	all_ended = wait_for_workers(fcgi, seconds);
	if (!all_ended) {
		cut_all(fcgi);
		all_ended = wait_for_workers(fcgi, 1);
	}
	if (!all_ended)
		return false;                   /* a worker still uses it */
	for (size_t i = 0; i < fcgi->started; i++)
		(void)pthread_join(fcgi->threads[i], NULL);
	free_fcgi(fcgi);
	return true;
}
