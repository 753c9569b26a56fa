/*
 * The listening socket: made by us, or handed over as descriptor 0 by a web
 * server or systemd.  libfcgi's own is not used: it ends the process on errors,
 * listens everywhere for ":9000", and leaves the permissions to the umask.
 */
#ifndef FRONT_LISTENER_H
#define FRONT_LISTENER_H

#include "policy/policy.h"

struct listener {
	int         fd;
	bool        ours;               /* made by us: a socket file is removed at the end */
	struct str  where;
	struct ip_addr *peers;          /* FCGI_WEB_SERVER_ADDRS; NULL for anybody */
	size_t      peer_count;
};

/* True when descriptor 0 is a listening socket. */
bool listener_is_inherited(void);

/* Takes descriptor 0.  Returns 0, -EINVAL when FCGI_WEB_SERVER_ADDRS holds no addresses, or -ENOMEM. */
int  listener_inherit(struct listener *ret);

/*
 * Makes the socket that policy->listen names: a path, or ADDRESS:PORT with a literal address.  A socket file that
 * nobody listens on is replaced.  Errors are added to `problems`.  Returns 0 or -errno.
 */
int  listener_open(const struct policy *policy, struct problems *problems, struct listener *ret);
void listener_close(struct listener *listener);

/*
 * Accepts one connection without waiting, close-on-exec, with time-outs for sending and receiving.
 * Returns its descriptor, or -EAGAIN when there is none or it was refused, or another -errno.
 */
int  listener_accept(const struct listener *listener);

#endif
