/* SPDX-License-Identifier: MIT */
/* front/fcgi_connections.c: nothing is told of a connection that is no more. */
#include "config.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/fcgi_connections.h"
#include "support.h"

int suite_fcgi_connections(void);

#ifndef PLAIN_FCGI

/* A child has all descriptors until it executes its program. */
static void
test_fcgi_connections_closed(void)
{
	int pair[2], childs, set = epoll_create1(EPOLL_CLOEXEC);
	struct connections connections;
	struct epoll_event event;
	struct connection *c;

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	childs = dup(pair[1]);
	connections_init(&connections);
	c = connection_new(&connections, pair[1], set);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	connections_stay(&connections, c);
	CU_ASSERT_EQUAL(write(pair[0], "a", 1), 1);
	CHECK("something has come", epoll_wait(set, &event, 1, 0) == 1 && event.data.ptr == c);
	connection_take(c);
	connections_close(&connections, c);
	CU_ASSERT_EQUAL(write(pair[0], "b", 1), 1);
	check_int("nothing is told of what is closed", epoll_wait(set, &event, 1, 0), 0);
	connections_finish(&connections);
	(void)close(childs);
	(void)close(pair[0]);
	(void)close(set);
}

#endif

int
suite_fcgi_connections(void)
{
	CU_pSuite suite = CU_add_suite("front/fcgi_connections", NULL, NULL);

	if (suite == NULL)
		return -1;
#ifndef PLAIN_FCGI
	if (CU_add_test(suite, "closed", test_fcgi_connections_closed) == NULL)
		return -1;
#endif
	return 0;
}
