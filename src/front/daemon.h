/* The gateway as a service: workers, signals, reload. */
#ifndef FRONT_DAEMON_H
#define FRONT_DAEMON_H

#include "front/listener.h"
#include "front/serve.h"

/* The sockets of a service; `.fd` is -1 where there is none. */
struct sockets {
	struct listener fastcgi;        /* listen, or descriptor 0 */
	struct listener http;           /* http_listen */
};

/*
 * Serves on the sockets until SIGTERM or SIGINT, and then finishes what is running.  SIGHUP, or a change of a
 * file that the policy was made from (looked at once a second), reloads.  Returns 0 or -errno.
 */
int daemon_run(struct gateway *gateway, const struct sockets *sockets);

/* Becomes policy->user, where it is set and we are root.  Errors are added to `problems`.  Returns 0 or -errno. */
int daemon_become_user(const struct policy *policy, struct problems *problems);

#endif
