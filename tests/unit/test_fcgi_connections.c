/* SPDX-License-Identifier: MIT */
/* front/fcgi_connections.c: who is ended, when, and that nobody is told of what is gone. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/fcgi_connections.h"
#include "support.h"

int suite_fcgi_connections(void);

#ifndef PLAIN_FCGI

#define PEERS 3

/* Connections that stay in one set, and their other ends. */
struct scene {
	struct connections connections;
	int                set;
	int                peers[PEERS];
	struct connection *v[PEERS];
};

static void
scene_make(struct scene *s)
{
	connections_init(&s->connections);
	s->set = epoll_create1(EPOLL_CLOEXEC);
	CU_ASSERT_FATAL(s->set != -1);
	for (size_t i = 0; i < PEERS; i++) {
		int pair[2];

		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		s->peers[i] = pair[0];
		s->v[i] = connection_new(&s->connections, pair[1], s->set);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s->v[i]);
		connections_stay(&s->connections, s->v[i]);
	}
}

static void
scene_remove(struct scene *s)
{
	connections_finish(&s->connections);
	for (size_t i = 0; i < PEERS; i++)
		(void)close(s->peers[i]);
	(void)close(s->set);
}

/* The connection that the set tells of, NULL for none. */
static struct connection *
told(const struct scene *s)
{
	struct epoll_event event;

	return epoll_wait(s->set, &event, 1, 0) == 1 ? event.data.ptr : NULL;
}

static bool
has_ended(const struct scene *s, size_t i)
{
	struct pollfd look = { .fd = s->peers[i], .events = POLLRDHUP };

	return poll(&look, 1, 0) == 1;
}

static void
test_fcgi_connections_stay(void)
{
	struct scene s;

	scene_make(&s);
	CHECK("nothing has come", told(&s) == NULL);
	CU_ASSERT_EQUAL(write(s.peers[1], "x", 1), 1);
	CHECK("something has come", told(&s) == s.v[1]);
	CHECK("it is told once", told(&s) == NULL);
	connection_tell_again(s.v[1]);
	CHECK("or again", told(&s) == s.v[1]);
	CU_ASSERT_EQUAL(write(s.peers[1], "x", 1), 1);
	CHECK("more has come", told(&s) == s.v[1]);
	connection_take(s.v[1]);
	connection_leave_set(s.v[1]);
	CU_ASSERT_EQUAL(write(s.peers[1], "x", 1), 1);
	CHECK("out of the set", told(&s) == NULL);
	connections_stay(&s.connections, s.v[1]);
	CHECK("what has come meanwhile is told", told(&s) == s.v[1]);
	scene_remove(&s);
}

static void
test_fcgi_connections_idle(void)
{
	struct scene s;

	scene_make(&s);
	s.v[0]->last = 7;
	s.v[1]->last = 5;
	s.v[2]->last = 6;
	connections_end_idle(&s.connections, 1);
	CHECK("the one that idles longest", has_ended(&s, 1) && !has_ended(&s, 0) && !has_ended(&s, 2));
	CHECK("its set tells of it", told(&s) == s.v[1]);
	connection_take(s.v[2]);
	connections_end_idle(&s.connections, 1);
	CHECK("one that is being served does not idle", !has_ended(&s, 2));
	connection_release(s.v[2]);
	connections_end_idle(&s.connections, 2);
	CHECK("no more than there are", has_ended(&s, 0));
	scene_remove(&s);
}

static void
test_fcgi_connections_slow(void)
{
	struct scene s;

	scene_make(&s);
	connection_begin(&s.connections, s.v[0]);
	check_int("a new one has no age", connection_age(&s.connections, s.v[1]), 0);
	CU_ASSERT_EQUAL(write(s.peers[0], "x", 1), 1);
	(void)told(&s);
	connections_tick(&s.connections);
	CHECK("what waits is told again", told(&s) == s.v[0]);
	CHECK("and is not ended", !has_ended(&s, 0));
	s.v[0]->began -= FCGI_REQUEST_SECONDS;
	CHECK("its age", connection_age(&s.connections, s.v[0]) >= FCGI_REQUEST_SECONDS);
	connection_begin(&s.connections, s.v[0]);
	connections_tick(&s.connections);
	CHECK("what takes too long is ended, begun again or not", has_ended(&s, 0) && !has_ended(&s, 1));
	connection_take(s.v[1]);
	s.v[1]->began = s.v[0]->began;
	connections_tick(&s.connections);
	CHECK("not while it is being served", !has_ended(&s, 1));
	connection_served(&s.connections, s.v[1]);
	connection_release(s.v[1]);
	connections_tick(&s.connections);
	CHECK("nor once it was", !has_ended(&s, 1));
	scene_remove(&s);
}

static void
test_fcgi_connections_guard(void)
{
	struct scene s;

	scene_make(&s);
	connection_take(s.v[0]);
	CHECK("what is being served has begun", connections_any_begun(&s.connections));
	CU_ASSERT_FATAL(connections_guard(&s.connections, s.v[0]));
	CHECK("it waits for its peer", (fcntl(s.v[0]->fd, F_GETFL) & O_NONBLOCK) == 0);
	CHECK("something has begun", connections_any_begun(&s.connections));
	connections_unguard(&s.connections, s.v[0]);
	CHECK("it does not any more", (fcntl(s.v[0]->fd, F_GETFL) & O_NONBLOCK) != 0);
	connections_cut(&s.connections);
	CHECK("cut are those with a guard", !has_ended(&s, 0));
	CU_ASSERT_FATAL(connections_guard(&s.connections, s.v[0]));
	s.v[0]->began -= FCGI_REQUEST_SECONDS;
	connections_tick(&s.connections);
	CHECK("too long, though it is taken", has_ended(&s, 0));
	CU_ASSERT_FATAL(connections_guard(&s.connections, s.v[1]));
	connections_cut(&s.connections);
	CHECK("cut", has_ended(&s, 1) && !has_ended(&s, 2));
	connections_unguard(&s.connections, s.v[0]);
	connections_unguard(&s.connections, s.v[1]);
	CHECK("nothing is begun any more", (connection_release(s.v[0]), !connections_any_begun(&s.connections)));
	scene_remove(&s);
}

/* A child has all descriptors until it executes its program. */
static void
test_fcgi_connections_closed(void)
{
	struct scene s;
	int childs;

	scene_make(&s);
	childs = dup(s.v[0]->fd);
	CU_ASSERT_EQUAL(write(s.peers[0], "a", 1), 1);
	CHECK("something has come", told(&s) == s.v[0]);
	connection_take(s.v[0]);
	connections_close(&s.connections, s.v[0]);
	CU_ASSERT_EQUAL(write(s.peers[0], "b", 1), 1);
	CHECK("nothing is told of what is closed", told(&s) == NULL);
	(void)close(childs);
	scene_remove(&s);
}

/* libfcgi closes a descriptor that a child has, too: the set goes on telling. */
static void
test_fcgi_connections_buried(void)
{
	struct scene s;
	int childs;

	scene_make(&s);
	childs = dup(s.v[0]->fd);
	connection_take(s.v[0]);
	(void)close(s.v[0]->fd);
	s.v[0]->fd = -1;
	connections_close(&s.connections, s.v[0]);
	CU_ASSERT_EQUAL(write(s.peers[0], "x", 1), 1);
	CHECK("the set still tells of it", told(&s) == s.v[0]);
	connection_take(s.v[0]);
	check_int("it is closed", s.v[0]->fd, -1);
	connection_release(s.v[0]);
	connections_tick(&s.connections);
	CU_ASSERT_PTR_NOT_NULL(s.connections.buried);
	s.v[0]->last -= FCGI_REQUEST_SECONDS;
	connections_tick(&s.connections);
	CU_ASSERT_PTR_NULL(s.connections.buried);
	(void)close(childs);
	scene_remove(&s);
}

#endif

int
suite_fcgi_connections(void)
{
	CU_pSuite suite = CU_add_suite("front/fcgi_connections", NULL, NULL);

	if (suite == NULL)
		return -1;
#ifndef PLAIN_FCGI
	if (CU_add_test(suite, "stay", test_fcgi_connections_stay) == NULL ||
	    CU_add_test(suite, "idle", test_fcgi_connections_idle) == NULL ||
	    CU_add_test(suite, "slow", test_fcgi_connections_slow) == NULL ||
	    CU_add_test(suite, "guard", test_fcgi_connections_guard) == NULL ||
	    CU_add_test(suite, "closed", test_fcgi_connections_closed) == NULL ||
	    CU_add_test(suite, "buried", test_fcgi_connections_buried) == NULL)
		return -1;
#endif
	return 0;
}
