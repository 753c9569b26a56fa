/* SPDX-License-Identifier: MIT */
/* front/fcgi_look.c: a part of a request is told from a whole one, and nothing is taken from the connection. */
#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/fcgi_look.h"
#include "support.h"

int suite_fcgi_look(void);

#define BEGIN_1     "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
#define PARAMS_1    "\1\4\0\1\0\4\0\0\1\1AB"
#define PADDED_1    "\1\4\0\1\0\4\3\0\1\1AB###"
#define END_1       "\1\4\0\1\0\0\0\0"
#define END_2       "\1\4\0\2\0\0\0\0"

static const struct {
	const char *say;
	struct str  sent;
	bool        come;
} looks[] = {
	{ "nothing",                    STR_INIT(""), false },
	{ "a byte",                     STR_INIT("\1"), false },
	{ "BEGIN",                      STR_INIT(BEGIN_1), false },
	{ "half of the parameters",     STR_INIT(BEGIN_1 "\1\4\0\1\0\4\0\0\1\1A"), false },
	{ "without their end",          STR_INIT(BEGIN_1 PARAMS_1), false },
	{ "a byte less than all",       STR_INIT(BEGIN_1 PARAMS_1 "\1\4\0\1\0\0\0"), false },
	{ "whole",                      STR_INIT(BEGIN_1 PARAMS_1 END_1), true },
	{ "whole, with padding",        STR_INIT(BEGIN_1 PADDED_1 END_1), true },
	{ "behind a management record", STR_INIT("\1\11\0\0\0\0\0\0" BEGIN_1 PARAMS_1 END_1), true },
	{ "a management record alone",  STR_INIT("\1\11\0\0\0\0\0\0"), false },
	{ "another request's end",      STR_INIT(BEGIN_1 PARAMS_1 END_2), false },
	{ "an end without a beginning", STR_INIT(END_1), false },
	{ "an abort",                   STR_INIT(BEGIN_1 "\1\2\0\1\0\0\0\0"), true },
	{ "no FastCGI",                 STR_INIT("GET / HTTP/1.1\r\n\r\n"), true },
};

static void
test_fcgi_look_parts(void)
{
	for (size_t i = 0; i < COUNT(looks); i++) {
		char left[128];
		int pair[2];

		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		CU_ASSERT_EQUAL(write(pair[0], looks[i].sent.p, looks[i].sent.len), (ssize_t)looks[i].sent.len);
		check_int(looks[i].say, fcgi_look(pair[1]), looks[i].come);
		check_int(looks[i].say, fcgi_look(pair[1]), looks[i].come);
		(void)close(pair[0]);
		CHECK("a peer that has ended", fcgi_look(pair[1]));
		CHECK("nothing was taken", read(pair[1], left, sizeof left) == (ssize_t)looks[i].sent.len &&
		    memcmp(left, looks[i].sent.p, looks[i].sent.len) == 0);
		(void)close(pair[1]);
	}
}

static void
test_fcgi_look_long(void)
{
	static char data[FCGI_LOOK_BYTES];
	int pair[2];

	memcpy(data, BEGIN_1 "\1\4\0\1\377\377\0\0", 24);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CU_ASSERT_EQUAL(write(pair[0], data, sizeof data - 1), (ssize_t)sizeof data - 1);
	CHECK("a byte less than is looked through", !fcgi_look(pair[1]));
	CU_ASSERT_EQUAL(write(pair[0], data, 1), 1);
	CHECK("more counts as come", fcgi_look(pair[1]));
	(void)close(pair[0]);
	(void)close(pair[1]);
	CHECK("no descriptor", fcgi_look(-1));
}

int
suite_fcgi_look(void)
{
	CU_pSuite suite = CU_add_suite("front/fcgi_look", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "parts", test_fcgi_look_parts) == NULL ||
	    CU_add_test(suite, "long", test_fcgi_look_long) == NULL)
		return -1;
	return 0;
}
