/* SPDX-License-Identifier: MIT */
/* Making and taking over the listening socket, and accepting from it. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "front/listener.h"

#define BACKLOG         511

union address {
	struct sockaddr     any;
	struct sockaddr_un  path;
	struct sockaddr_in  v4;
	struct sockaddr_in6 v6;
};

bool
listener_is_inherited(void)
{
	int listening = 0;
	socklen_t len = sizeof listening;

	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

static int
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ? -errno : 0;
}

/* The FastCGI specification's list of peers that may connect over TCP (section 3.2). */
int
listener_read_peers(struct listener *listener)
{
	struct str list = str_of(getenv("FCGI_WEB_SERVER_ADDRS")), part;

	if (list.len == 0)
		return 0;
	listener->peers = calloc(list.len, sizeof *listener->peers);
	if (listener->peers == NULL)
		return -ENOMEM;
	while (str_split(&list, ',', &part))
		if (ip_parse(part, &listener->peers[listener->peer_count++]) != 0) {
			free(listener->peers);
			listener->peers = NULL;
			return -EINVAL;
		}
	return 0;
}

int
listener_inherit(struct listener *ret)
{
	int rc;

	*ret = (struct listener){ .fd = STDIN_FILENO, .where = STR("descriptor 0") };
	rc = listener_read_peers(ret);
	return rc != 0 ? rc : set_nonblocking(ret->fd);
}

/* Fills the address.  Returns its length, or 0 when the text names none. */
static socklen_t
parse_address(struct str where, union address *ret)
{
	size_t colon = str_find_last(where, ':');
	struct str host = str_sub(where, 0, colon);
	struct ip_addr ip;
	int64_t port;

	memset(ret, 0, sizeof *ret);
	if (str_find(where, '/') != where.len) {
		if (where.len >= sizeof ret->path.sun_path)
			return 0;
		ret->path.sun_family = AF_UNIX;
		memcpy(ret->path.sun_path, where.p, where.len);
		return sizeof ret->path;
	}
	if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
		host = str_sub(host, 1, host.len - 1);
	if (ip_parse(host, &ip) != 0 || str_number(str_sub(where, colon + 1, where.len), 1, 65535, &port) != 0)
		return 0;
	if (ip_is_v4(&ip)) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons((uint16_t)port);
		memcpy(&ret->v4.sin_addr, ip.bytes + 12, 4);
		return sizeof ret->v4;
	}
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons((uint16_t)port);
	memcpy(&ret->v6.sin6_addr, ip.bytes, 16);
	return sizeof ret->v6;
}

/* Removes a socket file that nobody listens on any more.  Anything else at the path is not ours to remove. */
static int
remove_stale(const union address *address, socklen_t len)
{
	struct stat status;
	int fd, rc;

	if (lstat(address->path.sun_path, &status) == -1)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	rc = connect(fd, &address->any, len) == 0 || errno != ECONNREFUSED ? -EADDRINUSE : 0;
	(void)close(fd);
	if (rc == 0 && unlink(address->path.sun_path) == -1 && errno != ENOENT)
		rc = -errno;
	return rc;
}

static int
set_group(const char *path, struct str group)
{
	char name[64];
	struct group *found;

	if (group.len == 0)
		return 0;
	if (group.len >= sizeof name)
		return -EINVAL;
	memcpy(name, group.p, group.len);
	name[group.len] = '\0';
	found = getgrnam(name);         /* before there are threads */
	if (found == NULL)
		return -ENOENT;
	return chown(path, (uid_t)-1, found->gr_gid) == -1 ? -errno : 0;
}

static int
bind_path(int fd, const union address *address, socklen_t len, const struct policy *policy)
{
	mode_t before;
	int rc = remove_stale(address, len);

	if (rc != 0)
		return rc;
	before = umask(0777);           /* closed to all until owner and mode are right */
	rc = bind(fd, &address->any, len) == -1 ? -errno : 0;
	(void)umask(before);
	if (rc != 0)
		return rc;
	rc = set_group(address->path.sun_path, policy->socket_group);
	if (rc == 0 && chmod(address->path.sun_path, policy->socket_mode) == -1)
		rc = -errno;
	if (rc != 0)
		(void)unlink(address->path.sun_path);   /* nobody could use it, nor take it for stale */
	return rc;
}

static int
bind_inet(int fd, const union address *address, socklen_t len)
{
	int yes = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1)
		return -errno;
	return bind(fd, &address->any, len) == -1 ? -errno : 0;
}

int
listener_open(const struct policy *policy, struct str key, struct str where, struct problems *problems,
    struct listener *ret)
{
	struct place place = { policy->file, 0, STR("gateway"), key };
	union address address;
	socklen_t len = parse_address(where, &address);
	int fd, rc;

	if (len == 0) {
		problem_error(problems, &place,
		    "expected a path of at most %zu bytes or an address with a port such as "
		    "127.0.0.1:9000, not \"%.*s\"",
		    sizeof address.path.sun_path - 1, STR_ARG(where));
		return -EINVAL;
	}
	*ret = (struct listener){ .fd = -1, .ours = true, .maker = getpid(), .where = where };
	ret->fd = fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	rc = address.any.sa_family == AF_UNIX ? bind_path(fd, &address, len, policy) : bind_inet(fd, &address, len);
	if (rc == 0 && listen(fd, BACKLOG) == -1)
		rc = -errno;
	if (rc == 0)
		return 0;
	problem_error(problems, &place, "cannot listen on %.*s: %s", STR_ARG(where), strerror(-rc));
	(void)close(fd);
	ret->fd = -1;
	return rc;
}

void
listener_close(struct listener *listener)
{
	union address address;

	if (listener->ours && listener->maker == getpid() && parse_address(listener->where, &address) != 0 &&
	    address.any.sa_family == AF_UNIX)
		(void)unlink(address.path.sun_path);
	if (listener->ours)
		(void)close(listener->fd);
	free(listener->peers);
}

int
listener_peer_address(const struct sockaddr *peer, struct ip_addr *ret)
{
	const union address *address = (const union address *)peer;

	switch (peer->sa_family) {
	case AF_INET:
		ip_of_bytes(&address->v4.sin_addr, sizeof address->v4.sin_addr, ret);
		return 0;
	case AF_INET6:
		ip_of_bytes(&address->v6.sin6_addr, sizeof address->v6.sin6_addr, ret);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

static bool
peer_allowed(const struct listener *listener, const union address *peer)
{
	struct ip_addr ip;

	if (listener->peers == NULL || peer->any.sa_family == AF_UNIX)
		return true;
	if (listener_peer_address(&peer->any, &ip) != 0)
		return false;
	for (size_t i = 0; i < listener->peer_count; i++)
		if (ip_eq(&ip, &listener->peers[i]))
			return true;
	return false;
}

int
listener_accept(const struct listener *listener)
{
	const int one = 1;
	union address peer;
	socklen_t len = sizeof peer;
	int fd;

	memset(&peer, 0, sizeof peer);
	fd = accept4(listener->fd, &peer.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd == -1)
		return errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED ? -EAGAIN : -errno;
	if (!peer_allowed(listener, &peer)) {
		(void)close(fd);
		return -EAGAIN;
	}
	/* or the end of an answer of several writes waits 40 ms for the peer's delayed ACK (RFC 9293 section 3.7.4) */
	if (peer.any.sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}
