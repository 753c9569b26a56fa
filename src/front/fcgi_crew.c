/* SPDX-License-Identifier: MIT */
/* Nobody takes the mutex for a request that is served by the worker that found it. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "front/fcgi.h"
#include "front/fcgi_crew.h"

int
crew_init(struct crew *crew, struct gateway *gateway, size_t max, void (*run)(struct seat *seat), void *context)
{
	*crew = (struct crew){ .gateway = gateway, .run = run, .context = context, .max = max };
	crew->seats = calloc(max, sizeof *crew->seats);
	(void)pthread_mutex_init(&crew->mutex, NULL);
	(void)pthread_cond_init(&crew->wanted, NULL);
	(void)pthread_cond_init(&crew->ended, NULL);
	return crew->seats == NULL ? -ENOMEM : 0;
}

void
crew_finish(struct crew *crew)
{
	for (size_t i = 0; i < crew->started; i++)
		(void)pthread_join(crew->seats[i].thread, NULL);
	(void)pthread_cond_destroy(&crew->ended);
	(void)pthread_cond_destroy(&crew->wanted);
	(void)pthread_mutex_destroy(&crew->mutex);
	free(crew->seats);
}

/* Waits for a loop that nobody runs.  NULL when all are to stop. */
static struct loop *
next_loop(struct crew *crew)
{
	struct loop *loop = NULL;

	(void)pthread_mutex_lock(&crew->mutex);
	while (crew->to_run == NULL && !crew->stopping)
		(void)pthread_cond_wait(&crew->wanted, &crew->mutex);
	if (!crew->stopping) {
		loop = crew->to_run;
		crew->to_run = loop->next;
	}
	(void)pthread_mutex_unlock(&crew->mutex);
	return loop;
}

static void *
worker_main(void *argument)
{
	struct seat *seat = argument;
	struct crew *crew = seat->crew;

	while ((seat->loop = next_loop(crew)) != NULL) {
		crew->run(seat);
		if (seat->loop == NULL)
			crew_return(crew);
	}
	worker_finish(&seat->worker, crew->gateway);
	(void)pthread_mutex_lock(&crew->mutex);
	crew->alive--;
	(void)pthread_cond_signal(&crew->ended);
	(void)pthread_mutex_unlock(&crew->mutex);
	return NULL;
}

static int
create_thread(struct seat *seat)
{
	pthread_attr_t attributes;
	int rc = pthread_attr_init(&attributes);

	if (rc != 0)
		return -rc;
	(void)pthread_attr_setstacksize(&attributes, FCGI_STACK_SIZE);
	rc = pthread_create(&seat->thread, &attributes, worker_main, seat);
	(void)pthread_attr_destroy(&attributes);
	return -rc;
}

/* One more, that is free.  Under the mutex.  False where there is no memory for it, or there are as many as may be. */
static bool
start_worker(struct crew *crew)
{
	struct seat *seat = &crew->seats[crew->started];

	if (crew->started == crew->max)
		return false;
	*seat = (struct seat){ .crew = crew };
	if (worker_init(&seat->worker) != 0)
		return false;
	if (create_thread(seat) != 0) {
		worker_finish(&seat->worker, crew->gateway);
		return false;
	}
	crew->started++;
	crew->alive++;
	crew->free++;
	return true;
}

bool
crew_reserve(struct crew *crew, size_t left)
{
	bool reserved;

	(void)pthread_mutex_lock(&crew->mutex);
	reserved = crew->max - crew->started + crew->free > left && (crew->free > 0 || start_worker(crew));
	crew->free -= reserved;
	(void)pthread_mutex_unlock(&crew->mutex);
	return reserved;
}

void
crew_run(struct crew *crew, struct loop *loop)
{
	(void)pthread_mutex_lock(&crew->mutex);
	loop->next = crew->to_run;
	crew->to_run = loop;
	(void)pthread_cond_signal(&crew->wanted);
	(void)pthread_mutex_unlock(&crew->mutex);
}

void
crew_return(struct crew *crew)
{
	(void)pthread_mutex_lock(&crew->mutex);
	crew->free++;
	(void)pthread_mutex_unlock(&crew->mutex);
}

void
crew_stop(struct crew *crew)
{
	(void)pthread_mutex_lock(&crew->mutex);
	crew->stopping = true;
	(void)pthread_cond_broadcast(&crew->wanted);
	(void)pthread_mutex_unlock(&crew->mutex);
}

bool
crew_wait(struct crew *crew, int64_t deadline)
{
	struct timespec until = { .tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000 };
	bool all_ended;

	(void)pthread_mutex_lock(&crew->mutex);
	while (crew->alive > 0)
		if (pthread_cond_clockwait(&crew->ended, &crew->mutex, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
			break;
	all_ended = crew->alive == 0;
	(void)pthread_mutex_unlock(&crew->mutex);
	return all_ended;
}
