/*
 * The listening socket: made by us, or handed over as descriptor 0 by a web
 * server or systemd.  libfcgi's own is not used: it ends the process on errors,
 * listens everywhere for ":9000", and leaves the permissions to the umask.
 */
#ifndef FRONT_LISTENER_H
#define FRONT_LISTENER_H

#include <sys/socket.h>
#include <sys/types.h>

#include "policy/policy.h"

struct listener {
	int         fd;
	bool        ours;               /* made by us: a socket file is removed at the end ... */
	pid_t       maker;              /* ... by the process that made it, not by those it forked */
	struct str  where;
	struct ip_addr *peers;          /* FCGI_WEB_SERVER_ADDRS; NULL for anybody */
	size_t      peer_count;
};

/* True when descriptor 0 is a listening socket. */
bool listener_is_inherited(void);

/* Takes descriptor 0.  Returns 0, -EINVAL when FCGI_WEB_SERVER_ADDRS holds no addresses, or -ENOMEM. */
int  listener_inherit(struct listener *ret);

/*
 * Makes the socket that `where`, the value of the key `key` of [gateway], names: a path, or ADDRESS:PORT with a literal
 * address.  A socket file that nobody listens on is replaced; mode and group are the policy's.  Errors are added to
 * `problems`.  Returns 0 or -errno.
 */
int  listener_open(const struct policy *policy, struct str key, struct str where, struct problems *problems,
         struct listener *ret);

/* The peers that FCGI_WEB_SERVER_ADDRS allows over TCP.  Returns what listener_inherit() does. */
int  listener_read_peers(struct listener *listener);
void listener_close(struct listener *listener);

/* The address of a peer, or -EAFNOSUPPORT where it has none (a Unix socket). */
int  listener_peer_address(const struct sockaddr *peer, struct ip_addr *ret);

/*
 * Accepts one connection without waiting, close-on-exec, non-blocking.
 * Returns its descriptor, or -EAGAIN when there is none or it was refused, or another -errno.
 */
int  listener_accept(const struct listener *listener);

#endif
