/* SPDX-License-Identifier: MIT */
/* One list under one mutex, for what is rare: new connections, their end, and the look once a second. */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "front/fcgi.h"
#include "front/fcgi_connections.h"

#define ENDED UINT_MAX          /* its last second, so that it is not ended twice */

static unsigned
clock_seconds(void)
{
	return (unsigned)(clock_monotonic_ms() / 1000) + 1;
}

void
connections_init(struct connections *connections)
{
	*connections = (struct connections){ .now = clock_seconds() };
	(void)pthread_mutex_init(&connections->mutex, NULL);
}

unsigned
connections_now(const struct connections *connections)
{
	return atomic_load_explicit(&connections->now, memory_order_relaxed);
}

struct connection *
connection_new(const struct connections *connections, int fd, int set)
{
	struct connection *c = calloc(1, sizeof *c);

	if (c == NULL) {
		(void)close(fd);
		return NULL;
	}
	c->fd = fd;
	c->set = set;
	c->guard = -1;
	c->last = connections_now(connections);
	c->taken = true;
	return c;
}

/* --- who has it --- */

static bool
try_take(struct connection *c)
{
	return !atomic_exchange_explicit(&c->taken, true, memory_order_acquire);
}

void
connection_take(struct connection *c)
{
	while (!try_take(c))
		(void)sched_yield();
}

void
connection_release(struct connection *c)
{
	atomic_store_explicit(&c->taken, false, memory_order_release);
}

/* --- its set --- */

static int
control_set(struct connection *c, int operation)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c };

	return epoll_ctl(c->set, operation, c->fd, &event);
}

void
connection_leave_set(struct connection *c)
{
	if (c->in_set)
		(void)control_set(c, EPOLL_CTL_DEL);
	c->in_set = false;
}

void
connection_tell_again(struct connection *c)
{
	(void)control_set(c, EPOLL_CTL_MOD);
}

/* --- the list; under the mutex --- */

static void
add_to_list(struct connections *connections, struct connection *c)
{
	c->after = connections->first;
	if (c->after != NULL)
		c->after->before = c;
	connections->first = c;
	connections->count++;
	c->listed = true;
}

static void
take_from_list(struct connections *connections, struct connection *c)
{
	*(c->before != NULL ? &c->before->after : &connections->first) = c->after;
	if (c->after != NULL)
		c->after->before = c->before;
	connections->count--;
}

static struct connection *
idlest(const struct connections *connections)
{
	struct connection *found = NULL;
	unsigned least = ENDED;

	for (struct connection *c = connections->first; c != NULL; c = c->after) {
		unsigned last = atomic_load_explicit(&c->last, memory_order_relaxed);

		if (c->guard == -1 && last != ENDED && last <= least) {         /* of equals the older one */
			found = c;
			least = last;
		}
	}
	return found;
}

/* Who gets the event of its end closes it.  One that is being served idles no more. */
static void
end_idle(const struct connections *connections, size_t count)
{
	struct connection *c;

	for (; count > 0 && (c = idlest(connections)) != NULL; count--) {
		atomic_store_explicit(&c->last, ENDED, memory_order_relaxed);
		if (!try_take(c))
			continue;
		(void)shutdown(c->fd, SHUT_RDWR);
		connection_release(c);
	}
}

void
connections_end_idle(struct connections *connections, size_t count)
{
	(void)pthread_mutex_lock(&connections->mutex);
	end_idle(connections, count);
	(void)pthread_mutex_unlock(&connections->mutex);
}

/*
 * libfcgi has closed it, so it cannot be taken out of its set, which may still tell of it: where a child that executes
 * nothing yet has it, too.
 */
static void
bury(struct connections *connections, struct connection *c)
{
	c->last = connections_now(connections);
	(void)pthread_mutex_lock(&connections->mutex);
	c->after = connections->buried;
	connections->buried = c;
	(void)pthread_mutex_unlock(&connections->mutex);
	connection_release(c);
}

void
connections_close(struct connections *connections, struct connection *c)
{
	if (c->listed) {
		(void)pthread_mutex_lock(&connections->mutex);
		take_from_list(connections, c);
		(void)pthread_mutex_unlock(&connections->mutex);
	}
	if (c->fd == -1 && c->in_set) {
		bury(connections, c);
		return;
	}
	if (c->fd != -1) {
		connection_leave_set(c);        /* a child that executes nothing yet has it, too */
		(void)close(c->fd);
	}
	free(c);
}

static void
free_buried(struct connections *connections, bool all)
{
	struct connection **at = &connections->buried, *c;

	while ((c = *at) != NULL) {
		if (all || connections_now(connections) - c->last >= FCGI_REQUEST_SECONDS) {
			*at = c->after;
			free(c);
		} else {
			at = &c->after;
		}
	}
}

void
connections_finish(struct connections *connections)
{
	while (connections->first != NULL)
		connections_close(connections, connections->first);
	free_buried(connections, true);
	(void)pthread_mutex_destroy(&connections->mutex);
}

/* --- the way into its set --- */

static void
enlist(struct connections *connections, struct connection *c)
{
	if (c->listed)
		return;
	(void)pthread_mutex_lock(&connections->mutex);
	add_to_list(connections, c);
	if (connections->count > FCGI_CONNECTIONS_MAX)
		end_idle(connections, 1);
	(void)pthread_mutex_unlock(&connections->mutex);
}

void
connections_stay(struct connections *connections, struct connection *c)
{
	if (c->in_set) {
		connection_release(c);
		return;
	}
	enlist(connections, c);
	c->in_set = true;
	if (control_set(c, EPOLL_CTL_ADD) == 0)         /* whoever gets its event waits for its release */
		connection_release(c);
	else
		connections_close(connections, c);
}

/* --- the watch --- */

void
connection_begin(const struct connections *connections, struct connection *c)
{
	if (atomic_load_explicit(&c->began, memory_order_relaxed) == 0)
		atomic_store_explicit(&c->began, connections_now(connections), memory_order_relaxed);
}

unsigned
connection_age(const struct connections *connections, const struct connection *c)
{
	unsigned began = atomic_load_explicit(&c->began, memory_order_relaxed);

	return began == 0 ? 0 : connections_now(connections) - began;
}

void
connection_served(const struct connections *connections, struct connection *c)
{
	if (c->guard == -1)
		atomic_store_explicit(&c->began, 0, memory_order_relaxed);
	atomic_store_explicit(&c->last, connections_now(connections), memory_order_relaxed);
}

bool
connections_guard(struct connections *connections, struct connection *c)
{
	int guard = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);

	if (guard == -1)
		return false;
	(void)fcntl(guard, F_SETFL, O_RDWR);            /* which is the connection's as well */
	enlist(connections, c);
	connection_begin(connections, c);
	(void)pthread_mutex_lock(&connections->mutex);
	c->guard = guard;
	(void)pthread_mutex_unlock(&connections->mutex);
	return true;
}

void
connections_unguard(struct connections *connections, struct connection *c)
{
	(void)pthread_mutex_lock(&connections->mutex);
	(void)fcntl(c->guard, F_SETFL, O_RDWR | O_NONBLOCK);
	(void)close(c->guard);
	c->guard = -1;
	(void)pthread_mutex_unlock(&connections->mutex);
	atomic_store_explicit(&c->began, 0, memory_order_relaxed);
}

static void
watch(struct connection *c, unsigned now)
{
	unsigned began = atomic_load_explicit(&c->began, memory_order_relaxed);
	bool too_long = now - began >= FCGI_REQUEST_SECONDS;

	if (began == 0)
		return;
	if (c->guard != -1) {
		if (too_long)
			(void)shutdown(c->guard, SHUT_RDWR);
	} else if (try_take(c)) {
		if (too_long)
			(void)shutdown(c->fd, SHUT_RDWR);
		else
			connection_tell_again(c);
		connection_release(c);
	}
}

void
connections_tick(struct connections *connections)
{
	unsigned now = clock_seconds();

	atomic_store_explicit(&connections->now, now, memory_order_relaxed);
	(void)pthread_mutex_lock(&connections->mutex);
	for (struct connection *c = connections->first; c != NULL; c = c->after)
		watch(c, now);
	free_buried(connections, false);
	(void)pthread_mutex_unlock(&connections->mutex);
}

static bool
has_begun(struct connection *c)
{
	bool begun;

	if (c->guard != -1 || !try_take(c))
		return true;
	begun = !c->lingers && atomic_load_explicit(&c->began, memory_order_relaxed) != 0;
	connection_release(c);
	return begun;
}

bool
connections_any_begun(struct connections *connections)
{
	bool any = false;

	(void)pthread_mutex_lock(&connections->mutex);
	for (struct connection *c = connections->first; c != NULL && !any; c = c->after)
		any = has_begun(c);
	(void)pthread_mutex_unlock(&connections->mutex);
	return any;
}

void
connections_cut(struct connections *connections)
{
	(void)pthread_mutex_lock(&connections->mutex);
	for (struct connection *c = connections->first; c != NULL; c = c->after)
		if (c->guard != -1)
			(void)shutdown(c->guard, SHUT_RDWR);
	(void)pthread_mutex_unlock(&connections->mutex);
}
