/* SPDX-License-Identifier: MIT */
/*
 * FastCGI by loops.  A loop is an epoll set, with its connections, that one worker runs: it serves every request that
 * has come whole, and waits for no peer: its descriptors do not block.  So a request costs no change of threads, and a
 * connection that idles, or has sent half a request, costs none either.
 *
 * What a worker may have to wait for - parameters too long to be looked through, a page larger than what can be sent to
 * a peer that does not read - it serves aside: it gives its loop to a free worker first, and afterwards waits for one
 * that is to be run.  Where no worker is free, the request waits, and the page is a short one.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <time.h>
#include <unistd.h>

#include "front/fcgi.h"
#include "front/fcgi_connections.h"
#include "front/fcgi_crew.h"
#include "front/fcgi_look.h"
#include "front/fcgi_request.h"
#include "record/log.h"

#define LOOPS_MAX     16
#define FULL_MS       50        /* without descriptors, no connection is accepted for so long */
#define ENDED_AT_ONCE 64        /* idle connections, when descriptors are used up */
#define STOP_POLL_MS  10
#define PATIENCE      2         /* seconds, or up to one less, that more of a request is waited for */
#define DROPPED_BYTES 65536     /* of one connection that lingers, before others have their turn */
#define SURE_BYTES    16384     /* that a connection takes from which all was read */

struct fcgi {
	const struct listener *listener;
	struct connections     connections;
	struct crew            crew;
	struct loop           *loops;
	size_t                 loop_count;
	size_t                 next;    /* the loop that gets the next connection; the first loop's */
	int                    stop;    /* eventfd in every set: readable once all are to stop */
};

static struct fcgi *
fcgi_of(const struct seat *seat)
{
	return seat->crew->context;
}

/*
 * From here on this worker may wait for the peer of this connection, and another one runs the loop.  False: there is
 * none beside the `left` that are for others, and nothing has changed.
 */
static bool
step_aside(struct seat *seat, struct connection *c, size_t left)
{
	struct fcgi *fcgi = fcgi_of(seat);
	struct loop *loop = seat->loop;

	if (loop == NULL)
		return true;
	if (!crew_reserve(&fcgi->crew, left))
		return false;
	if (!connections_guard(&fcgi->connections, c)) {
		crew_return(&fcgi->crew);
		return false;
	}
	connection_leave_set(c);
	seat->loop = NULL;
	crew_run(&fcgi->crew, loop);
	return true;
}

/* --- one connection, which is taken --- */

/* Throws away what has come, until the peer ends. */
static void
drop_input(struct connections *connections, struct connection *c)
{
	char nothing[16384];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(c->fd, nothing, sizeof nothing, MSG_DONTWAIT)) > 0 && total < DROPPED_BYTES)
		total += (size_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		connections_close(connections, c);
		return;
	}
	if (n > 0)
		connection_tell_again(c);
	connections_stay(connections, c);
}

/*
 * Ends it without losing the answer: to close with something unread, or before the peer is done with sending, may
 * throw away what the peer has not read yet.
 */
static void
linger(struct connections *connections, struct connection *c)
{
	(void)shutdown(c->fd, SHUT_WR);
	c->lingers = true;
	connection_begin(connections, c);
	drop_input(connections, c);
}

/* What fcgi_request_serve() gives back to may_write(). */
struct turn {
	struct seat       *seat;
	struct connection *connection;
};

/* What can be sent to a peer that reads nothing: a third of the buffer, for that is reckoned in memory (Linux). */
static size_t
room_left(int fd)
{
	int buffer = 0, unread = 0;
	socklen_t len = sizeof buffer;

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &len) != 0 || ioctl(fd, SIOCOUTQ, &unread) != 0 ||
	    buffer / 3 <= unread)
		return 0;
	return (size_t)(buffer / 3 - unread);
}

/*
 * Whether so many bytes can be sent without waiting for the peer; or else, this worker may wait.  Who asks again has
 * read the last answer, or asks for several at once, which libfcgi does not know: then the descriptor, which does not
 * block, ends the connection.
 */
static bool
may_write(void *context, size_t len)
{
	const struct turn *turn = context;

	return turn->seat->loop == NULL || len <= SURE_BYTES || len <= room_left(turn->connection->fd) ||
	    step_aside(turn->seat, turn->connection, 0);
}

static void
serve_connection(struct seat *seat, struct connection *c, enum fcgi_look look, bool ended)
{
	struct connections *connections = &fcgi_of(seat)->connections;
	struct turn turn = { seat, c };
	struct fcgi_exchange exchange = { c->fd, look == FCGI_LOOK_WHOLE, may_write, &turn };
	enum fcgi_end end;

	connection_served(connections, c);
	end = fcgi_request_serve(seat->crew->gateway, &seat->worker, &exchange);
	if (seat->loop == NULL)
		connections_unguard(connections, c);
	if (end == FCGI_END_CLOSED)
		c->fd = -1;
	if (end == FCGI_END_UNREAD)
		linger(connections, c);
	else if (end == FCGI_END_KEPT && !ended)
		connections_stay(connections, c);
	else
		connections_close(connections, c);
}

static size_t
half_of_free(const struct fcgi *fcgi)
{
	return (fcgi->crew.max - fcgi->loop_count) / 2;
}

/* Whether it is left to its set: until more has come, or a worker may wait for it. */
static bool
is_to_wait(struct seat *seat, struct connection *c, enum fcgi_look look, bool ended)
{
	bool is_new = connection_age(&fcgi_of(seat)->connections, c) < PATIENCE;

	switch (look) {
	case FCGI_LOOK_NOTHING:
		return true;
	case FCGI_LOOK_PART:            /* small pieces may fill the buffer: then no more comes before it is read */
		return is_new || !step_aside(seat, c, half_of_free(fcgi_of(seat)));
	case FCGI_LOOK_SOON:
		return is_new && !ended;
	case FCGI_LOOK_ODD:
		return !step_aside(seat, c, half_of_free(fcgi_of(seat)));
	default:
		return false;
	}
}

/* Something has come on it, or it is new.  `ended`: the peer sends nothing more. */
static void
attend(struct seat *seat, struct connection *c, bool ended)
{
	struct connections *connections = &fcgi_of(seat)->connections;
	enum fcgi_look look;

	if (c->lingers) {
		drop_input(connections, c);
		return;
	}
	look = fcgi_look(c->fd);
	if (look == FCGI_LOOK_OVER || (ended && look <= FCGI_LOOK_PART)) {
		connections_close(connections, c);
	} else if (is_to_wait(seat, c, look, ended)) {
		if (look != FCGI_LOOK_NOTHING)
			connection_begin(connections, c);
		connections_stay(connections, c);
	} else {
		serve_connection(seat, c, look, ended);
	}
}

/* --- loops --- */

static int
watch(int set, int operation, int fd, uint32_t events, void *what)
{
	struct epoll_event event = { .events = events, .data.ptr = what };

	return epoll_ctl(set, operation, fd, &event) == -1 ? -errno : 0;
}

/* Without descriptors, or memory: the listening socket stays readable, and is not looked at for a while. */
static void
be_deaf(struct fcgi *fcgi, struct loop *loop, int error)
{
	static _Atomic(int64_t) said;

	if (log_now_and_then(&said, clock_now(), 10))
		log_write(LOG_LEVEL_ERROR, "cannot accept a connection: %s", strerror(error));
	if (error == EMFILE)
		connections_end_idle(&fcgi->connections, ENDED_AT_ONCE);
	loop->deaf_until = clock_monotonic_ms() + FULL_MS;
	(void)watch(loop->set, EPOLL_CTL_MOD, fcgi->listener->fd, 0, fcgi);
}

static void
hear_again(const struct fcgi *fcgi, struct loop *loop)
{
	if (clock_monotonic_ms() >= loop->deaf_until &&
	    watch(loop->set, EPOLL_CTL_MOD, fcgi->listener->fd, EPOLLIN, (void *)fcgi) == 0)
		loop->deaf_until = 0;
}

/* What stays goes to the loops in turn. */
static void
accept_connection(struct seat *seat)
{
	struct fcgi *fcgi = fcgi_of(seat);
	struct connection *c;
	int fd = listener_accept(fcgi->listener);

	if (fd < 0) {
		if (fd != -EAGAIN)
			be_deaf(fcgi, seat->loop, -fd);
		return;
	}
	fcgi->next = (fcgi->next + 1) % fcgi->loop_count;
	c = connection_new(&fcgi->connections, fd, fcgi->loops[fcgi->next].set);
	if (c == NULL)
		return;
	attend(seat, c, false);         /* most often the request is there already, and the only one */
}

static void
hear_of(struct seat *seat, struct connection *c, uint32_t events)
{
	connection_take(c);
	if (c->fd == -1)
		connection_release(c);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		connections_close(&fcgi_of(seat)->connections, c);      /* nobody reads an answer */
	else
		attend(seat, c, (events & EPOLLRDHUP) != 0);
}

static void
handle(struct seat *seat, const struct epoll_event *event)
{
	const struct fcgi *fcgi = fcgi_of(seat);

	if (event->data.ptr == fcgi)
		accept_connection(seat);
	else if (event->data.ptr != &fcgi->stop)
		hear_of(seat, event->data.ptr, event->events);
}

/* Waits for something to come.  False when all are to stop. */
static bool
take_events(const struct fcgi *fcgi, struct loop *loop)
{
	int count;

	if (fcgi->crew.stopping)
		return false;
	if (loop->deaf_until != 0)
		hear_again(fcgi, loop);
	count = epoll_wait(loop->set, loop->events, LOOP_EVENTS, loop->deaf_until != 0 ? FULL_MS : -1);
	loop->count = count > 0 ? count : 0;
	loop->at = 0;
	return true;
}

/* From the event on at which it was given up, until it is given up again or all are to stop. */
static void
run_loop(struct seat *seat)
{
	struct loop *loop = seat->loop;

	do {
		while (seat->loop != NULL && loop->at < loop->count)
			handle(seat, &loop->events[loop->at++]);
	} while (seat->loop != NULL && take_events(fcgi_of(seat), loop));
}

/* --- start and stop --- */

static void
free_fcgi(struct fcgi *fcgi)
{
	crew_finish(&fcgi->crew);
	connections_finish(&fcgi->connections);
	for (size_t i = 0; fcgi->loops != NULL && i < fcgi->loop_count; i++)
		(void)close(fcgi->loops[i].set);        /* -1 where it was not made */
	(void)close(fcgi->stop);
	free(fcgi->loops);
	free(fcgi);
}

/* One for each processor; but half of the workers are for what would hold a loop up. */
static size_t
wanted_loops(size_t workers)
{
	cpu_set_t processors;
	size_t most = (workers + 1) / 2 < LOOPS_MAX ? (workers + 1) / 2 : LOOPS_MAX;
	size_t count = sched_getaffinity(0, sizeof processors, &processors) == 0 ? (size_t)CPU_COUNT(&processors) : 1;

	return count < most ? count : most;
}

static int
make_loops(struct fcgi *fcgi)
{
	int rc = 0;

	fcgi->loops = calloc(fcgi->loop_count, sizeof *fcgi->loops);
	if (fcgi->loops == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < fcgi->loop_count; i++)
		fcgi->loops[i].set = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; rc == 0 && i < fcgi->loop_count; i++)
		rc = watch(fcgi->loops[i].set, EPOLL_CTL_ADD, fcgi->stop, EPOLLIN, &fcgi->stop);
	return rc != 0 ? rc : watch(fcgi->loops[0].set, EPOLL_CTL_ADD, fcgi->listener->fd, EPOLLIN, fcgi);
}

/* As many loops as there are workers for, at least one. */
static int
start_loops(struct fcgi *fcgi)
{
	size_t count = 0;

	while (count < fcgi->loop_count && crew_reserve(&fcgi->crew, 0))
		count++;
	if (count == 0)
		return -EAGAIN;
	for (size_t i = count; i < fcgi->loop_count; i++)
		(void)close(fcgi->loops[i].set);
	fcgi->loop_count = count;
	for (size_t i = 0; i < count; i++)
		crew_run(&fcgi->crew, &fcgi->loops[i]);
	return 0;
}

int
fcgi_start(struct gateway *gateway, const struct listener *listener, size_t workers, struct fcgi **ret)
{
	struct fcgi *fcgi = calloc(1, sizeof *fcgi);
	int rc = fcgi == NULL ? -ENOMEM : fcgi_request_init();

	if (rc != 0) {
		free(fcgi);
		return rc;
	}
	*fcgi = (struct fcgi){ .listener = listener, .loop_count = wanted_loops(workers) };
	connections_init(&fcgi->connections);
	/* at least one for the loop, and one to be free */
	rc = crew_init(&fcgi->crew, gateway, workers > 1 ? workers : 2, run_loop, fcgi);
	fcgi->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rc == 0 && fcgi->stop == -1)
		rc = -errno;
	if (rc == 0)
		rc = make_loops(fcgi);
	if (rc == 0)
		rc = start_loops(fcgi);
	if (rc != 0) {
		free_fcgi(fcgi);
		return rc;
	}
	*ret = fcgi;
	return 0;
}

void
fcgi_cut_slow(struct fcgi *fcgi)
{
	if (fcgi != NULL)
		connections_tick(&fcgi->connections);
}

/* No new connections; what has begun to come is still waited for, and answered. */
static void
run_out(struct fcgi *fcgi, int64_t deadline)
{
	int64_t tick_at = clock_monotonic_ms() + 1000;

	(void)epoll_ctl(fcgi->loops[0].set, EPOLL_CTL_DEL, fcgi->listener->fd, NULL);
	while (connections_any_begun(&fcgi->connections) && clock_monotonic_ms() < deadline) {
		(void)poll(NULL, 0, STOP_POLL_MS);
		if (clock_monotonic_ms() >= tick_at) {
			connections_tick(&fcgi->connections);
			tick_at += 1000;
		}
	}
}

bool
fcgi_stop(struct fcgi *fcgi, int seconds)
{
	int64_t deadline = clock_monotonic_ms() + seconds * 1000;
	bool all_ended;

	if (fcgi == NULL)
		return true;
	run_out(fcgi, deadline);
	crew_stop(&fcgi->crew);
	(void)eventfd_write(fcgi->stop, 1);
	all_ended = crew_wait(&fcgi->crew, deadline);
	if (!all_ended) {
		connections_cut(&fcgi->connections);
		all_ended = crew_wait(&fcgi->crew, clock_monotonic_ms() + 1000);
	}
	if (!all_ended)
		return false;                   /* a worker still uses it */
	free_fcgi(fcgi);
	return true;
}
