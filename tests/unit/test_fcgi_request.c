/* SPDX-License-Identifier: MIT */
/* front/fcgi_request.c: what is no request. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/fcgi_request.h"
#include "support.h"

int suite_fcgi_request(void);

#ifndef PLAIN_FCGI

/* A pair that is longer than the parameters. */
#define BROKEN "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0" "\1\4\0\1\0\3\0\0\177\177A" "\1\4\0\1\0\0\0\0" "\1\5\0\1\0\0\0\0"

static bool
may_write(void *context, size_t len)
{
	(void)context;
	(void)len;
	return false;
}

/* To read what comes behind, a worker would not end before its peer does. */
static void
test_fcgi_request_broken(void)
{
	struct fcgi_exchange exchange = { .whole = true, .may_write = may_write };
	static char more[50000];
	char answer;
	int pair[2];

	CU_ASSERT_EQUAL_FATAL(fcgi_request_init(), 0);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CU_ASSERT_EQUAL(write(pair[0], BROKEN, sizeof BROKEN - 1), (ssize_t)sizeof BROKEN - 1);
	CU_ASSERT_EQUAL(write(pair[0], more, sizeof more), (ssize_t)sizeof more);
	exchange.fd = pair[1];
	check_int("broken parameters", fcgi_request_serve(NULL, NULL, &exchange), FCGI_END_CLOSED);
	CHECK("it is closed", fcntl(pair[1], F_GETFD) == -1);
	CHECK("what comes behind is not read", read(pair[0], &answer, 1) == -1 && errno == ECONNRESET);
	(void)close(pair[0]);
}

#endif

int
suite_fcgi_request(void)
{
	CU_pSuite suite = CU_add_suite("front/fcgi_request", NULL, NULL);

	if (suite == NULL)
		return -1;
#ifndef PLAIN_FCGI
	if (CU_add_test(suite, "broken", test_fcgi_request_broken) == NULL)
		return -1;
#endif
	return 0;
}
