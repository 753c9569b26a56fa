/*
 * The FastCGI connections that stay open, so that one that takes too long, or idles while there are too many, can be
 * ended whoever has it.
 *
 * Who deals with a connection takes it first, and only then uses its descriptor; and a descriptor that libfcgi may
 * close while it waits gets a duplicate, the guard.  So nobody ever ends a descriptor that has become another's.
 */
#ifndef FRONT_FCGI_CONNECTIONS_H
#define FRONT_FCGI_CONNECTIONS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define FCGI_REQUEST_SECONDS 10 /* from a request's first byte to the end of its answer */

struct connection {
	struct connection *before, *after;
	int                fd;          /* -1: closed */
	int                set;         /* the epoll set that it belongs to */
	bool               in_set, listed;
	bool               lingers;     /* answered: what still comes is thrown away */
	_Atomic(bool)      taken;
	_Atomic(unsigned)  began;       /* the second in which what must end began; 0: nothing has */
	_Atomic(unsigned)  last;        /* the second in which it was last served */
	int                guard;       /* under the mutex; -1: none */
};

struct connections {
	pthread_mutex_t    mutex;
	struct connection *first;
	size_t             count;
	struct connection *buried;      /* closed, but a set may still tell of them */
	_Atomic(unsigned)  now;         /* monotonic seconds, never 0; as of the last connections_tick() */
};

void connections_init(struct connections *connections);

/* Closes all.  Nobody may have one, and no other call may follow. */
void connections_finish(struct connections *connections);

/* The second that began and last are told in. */
unsigned connections_now(const struct connections *connections);

/* A new one, taken and in no set.  NULL when out of memory; then the descriptor is closed. */
struct connection *connection_new(const struct connections *connections, int fd, int set);

/* Waits while another has it, which is short. */
void connection_take(struct connection *connection);
void connection_release(struct connection *connection);

/*
 * Leaves it to its set, and releases it: what comes is told there once, edge-triggered, so a part of a request wakes
 * nobody until there is more.  Where there are too many connections now, the one that idles longest ends.  A
 * connection that cannot stay is closed.
 */
void connections_stay(struct connections *connections, struct connection *connection);

/* Its set tells of it no more. */
void connection_leave_set(struct connection *connection);

/* Has its set tell of it again, if there is something. */
void connection_tell_again(struct connection *connection);

/*
 * Closes the descriptor, unless it is -1, and frees it.  It must be taken.  One that is in a set and was closed by
 * others is freed later, for its set may still tell of it.
 */
void connections_close(struct connections *connections, struct connection *connection);

/* Its time is limited to FCGI_REQUEST_SECONDS, from now on if it was not before. */
void connection_begin(const struct connections *connections, struct connection *connection);

/* Seconds since then; 0 where nothing has begun. */
unsigned connection_age(const struct connections *connections, const struct connection *connection);

/* Its request has come, and is being served: unless it is guarded, its time is not limited any more. */
void connection_served(const struct connections *connections, struct connection *connection);

/*
 * The same; and until it is unguarded, to read and to write waits for the peer, and it is ended by a duplicate.  False
 * where there is no descriptor for one, and nothing was done.
 */
bool connections_guard(struct connections *connections, struct connection *connection);
void connections_unguard(struct connections *connections, struct connection *connection);

/* Ends so many of those that idle, the longest first, for there to be descriptors again. */
void connections_end_idle(struct connections *connections, size_t count);

/*
 * To be called about once a second, by one thread.  Ends what takes too long, and has the sets tell again of everything
 * that waits for more: what is missing may not be worth waiting for any more.
 */
void connections_tick(struct connections *connections);

/* Whether a request has begun to come on any of them, and is not answered. */
bool connections_any_begun(struct connections *connections);

/* Ends those that are guarded, whatever they are at. */
void connections_cut(struct connections *connections);

#endif
