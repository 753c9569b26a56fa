/*
 * The parent of a service.  It holds the sockets, keeps a number of worker processes running on them, and does nothing
 * else: it reads no request, no configuration, takes no lock and asks for no memory after the start, so that whatever
 * ends a worker finds nothing to end here.
 *
 *   a worker died              another one is started: at once where it had answered a request, else after 10 ms, which
 *                              doubles with each that died so, up to a second
 *   SIGHUP                     goes to the workers, who read the configuration
 *   SIGTERM, SIGINT            the workers finish what is running; the second one ends them at once
 *   the supervisor is killed   the kernel ends the workers (PR_SET_PDEATHSIG)
 *
 * systemd is told by NOTIFY_SOCKET, where that is set.
 */
#ifndef FRONT_SUPERVISE_H
#define FRONT_SUPERVISE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "record/counters.h"

#define SUPERVISE_MAX 64                /* workers */
#define STOP_SECONDS  10                /* that what is running may take to end */

/* What a worker and the supervisor tell each other, in memory that they share. */
struct sign {
	_Atomic(bool) listening;        /* it takes requests */
	_Atomic(bool) answered;         /* it has answered one */
};

/* A worker's place. */
struct post {
	unsigned     number;            /* from 0; 0 does what is to be done once */
	pid_t        supervisor;
	struct sign *sign;
	_Atomic(bool) *reloaded;        /* of all: the policy of the start is not what was in force last */
};

enum supervise_end { SUPERVISE_DONE, SUPERVISE_FAILED, SUPERVISE_IS_WORKER };

/*
 * Blocks the signals that a service waits for, and ignores SIGPIPE.  To be called before there is a socket, or an early
 * signal would be lost, or end the process.
 */
void supervise_block_signals(void);

/*
 * Starts `count` workers, 1 to SUPERVISE_MAX, and keeps them running.  Returns in each worker with SUPERVISE_IS_WORKER
 * and its post, which lives as long as the process; in the caller when all have ended: SUPERVISE_FAILED when none could
 * begin to serve, or when one failed while it stopped; the log says why.  Deaths are counted in `counters`, which may
 * be NULL.  The caller must have no other thread, and no other child.
 */
enum supervise_end supervise(size_t count, struct counters *counters, struct post *ret);

/* Tells the supervisor that the worker takes requests. */
void supervise_listening(const struct post *post);

/* How long the next worker waits, in milliseconds, when `fruitless` in a row have died without an answer. */
int  supervise_pause_ms(unsigned fruitless);

#endif
