/*
 * The workers of the FastCGI front, each a thread.  A few run a loop; one that may have to wait for a peer gives its
 * loop to a free one first, and becomes free when it is done.
 */
#ifndef FRONT_FCGI_CREW_H
#define FRONT_FCGI_CREW_H

#include <pthread.h>
#include <sys/epoll.h>

#include "front/serve.h"

#define LOOP_EVENTS 64          /* that are taken from a set at once */

/* An epoll set, and what came of it that is not dealt with.  It belongs to the worker that runs it. */
struct loop {
	struct loop       *next;        /* of those that are to be run */
	int                set;
	int64_t            deaf_until;  /* monotonic ms: the listener is not looked at; 0: it is */
	int                at, count;
	struct epoll_event events[LOOP_EVENTS];
};

/* One worker. */
struct seat {
	struct crew  *crew;
	struct loop  *loop;             /* that it runs; NULL: it serves aside */
	struct worker worker;
	pthread_t     thread;
};

struct crew {
	struct gateway *gateway;
	void          (*run)(struct seat *seat);
	void           *context;
	struct seat    *seats;
	size_t          max;
	_Atomic(bool)   stopping;
	pthread_mutex_t mutex;          /* guards what follows */
	pthread_cond_t  wanted, ended;
	struct loop    *to_run;
	size_t          started, alive;
	size_t          free;           /* workers that have nothing, and were promised nothing */
};

/*
 * For at most `max` workers, which are started when they are needed.  `run` runs seat->loop until the crew is stopping,
 * or the loop has been given up and what it was given up for is done.  Returns 0 or -ENOMEM.
 */
int  crew_init(struct crew *crew, struct gateway *gateway, size_t max, void (*run)(struct seat *seat), void *context);

/* All workers must have ended. */
void crew_finish(struct crew *crew);

/* Makes sure of a free worker, beside `left` of them that are left to others.  False: there is none. */
bool crew_reserve(struct crew *crew, size_t left);

/* The worker that was reserved runs the loop, or is free again. */
void crew_run(struct crew *crew, struct loop *loop);
void crew_return(struct crew *crew);

/* The workers end when they come back from what they are at. */
void crew_stop(struct crew *crew);

/* Waits for that, until `deadline` in monotonic milliseconds.  False: some have not ended. */
bool crew_wait(struct crew *crew, int64_t deadline);

#endif
