/*
 * Connections that were answered before all of their request had come.  Closing one at once would reset it, and a proxy
 * that is still sending would lose the answer: here what comes is read and dropped until the peer closes.
 */
#ifndef FRONT_LINGER_H
#define FRONT_LINGER_H

#include <stddef.h>

#define LINGER_SECONDS 300      /* the longest that a peer may go on sending */

struct lingering;

/*
 * Starts the thread that reads: `most` connections at once, each silent for `seconds` at most.  Returns 0, -ENOMEM, or
 * another errno of pipe(2) or pthread_create(3).
 */
int linger_start(size_t most, unsigned seconds, struct lingering **ret);

/* Takes `fd`, a connected socket, and closes it in the end; at once where there is no room.  Any thread. */
void linger_take(struct lingering *linger, int fd);

/* Closes all that is left, ends the thread and frees.  Nobody may call linger_take() any more.  NULL is fine. */
void linger_stop(struct lingering *linger);

#endif
