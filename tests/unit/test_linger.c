/* SPDX-License-Identifier: MIT */
/* front/linger.c: what is still sent is taken, and the end comes in time. */
#include "config.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "front/linger.h"
#include "support.h"

int suite_linger(void);

#define SILENCE 1
#define WAIT_MS 10000

/* A connection of which `linger` has one end; the other is returned. */
static int
given_to(struct lingering *linger)
{
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	linger_take(linger, ends[0]);
	return ends[1];
}

static bool
ends(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&wait, 1, WAIT_MS) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

static void
test_linger_takes_all(void)
{
	static char data[1 << 20];
	struct lingering *linger;
	int fd;

	CU_ASSERT_EQUAL_FATAL(linger_start(2, SILENCE, &linger), 0);
	fd = given_to(linger);
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(send(fd, data, sizeof data, MSG_NOSIGNAL), (ssize_t)sizeof data);
	linger_stop(linger);
	CU_ASSERT(ends(fd));
	(void)close(fd);
}

static void
test_linger_ends(void)
{
	struct lingering *linger;
	int64_t start = clock_monotonic_ms();
	int kept, closed, refused;

	CU_ASSERT_EQUAL_FATAL(linger_start(2, SILENCE, &linger), 0);
	kept = given_to(linger);
	closed = given_to(linger);
	refused = given_to(linger);
	CU_ASSERT(ends(refused));                               /* there is no room for it */
	CU_ASSERT(clock_monotonic_ms() - start < SILENCE * 1000);
	(void)close(closed);
	CU_ASSERT(ends(kept));                                  /* it was silent for too long */
	CU_ASSERT(clock_monotonic_ms() - start >= SILENCE * 1000);
	(void)close(refused);
	refused = given_to(linger);                             /* there is room again */
	CU_ASSERT_EQUAL(send(refused, "x", 1, MSG_NOSIGNAL), 1);
	linger_stop(linger);
	linger_stop(NULL);
	(void)close(kept);
	(void)close(refused);
}

int
suite_linger(void)
{
	CU_pSuite suite = CU_add_suite("front/linger", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "what is still sent is taken", test_linger_takes_all) == NULL ||
	    CU_add_test(suite, "silence, no room, and the end", test_linger_ends) == NULL)
		return -1;
	return 0;
}
