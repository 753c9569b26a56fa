/* The gateway as a service: workers, signals, reload. */
#ifndef FRONT_DAEMON_H
#define FRONT_DAEMON_H

#include "front/listener.h"
#include "front/serve.h"

/* The sockets of a service; `.fd` is -1 where there is none. */
struct sockets {
	struct listener fastcgi;        /* listen, or descriptor 0 */
	struct listener http;           /* http_listen */
	struct listener control;        /* control_listen */
};

/*
 * Opens the log and the counters, and says where the gateway listens: once, before daemon_run() and before there are
 * other processes that share them.
 */
void daemon_prepare(struct gateway *gateway, const struct sockets *sockets);

/*
 * Serves on the sockets until SIGTERM or SIGINT, and then finishes what is running.  SIGHUP, or a change of a
 * file that the policy was made from (looked at once a second), reloads.
 * The signals must be blocked: supervise_block_signals().  Returns 0 or -errno; where a request outlasts the end, it
 * ends the process.
 */
int daemon_run(struct gateway *gateway, const struct sockets *sockets);

/* Becomes policy->user, where it is set and we are root.  Errors are added to `problems`.  Returns 0 or -errno. */
int daemon_become_user(const struct policy *policy, struct problems *problems);

/* Loads the configuration again.  Whether it is in force; `quiet`: an error that was told before is not told again. */
bool daemon_reload(struct gateway *gateway, bool quiet);

/* Tells a configuration's problems to the log. */
void daemon_log_problems(const struct problems *problems);

#endif
