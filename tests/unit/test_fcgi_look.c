/* SPDX-License-Identifier: MIT */
/* front/fcgi_look.c: what has come of a request is told, and nothing is taken from the connection. */
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

#define BEGIN_AUTH  "\1\1\0\1\0\10\0\0\0\2\0\0\0\0\0\0"
#define HTTP_1      "\1\4\0\1\0\31\0\0\17\10SERVER_PROTOCOLHTTP/1.1"
#define LENGTH_0    "\1\4\0\1\0\21\0\0\16\1CONTENT_LENGTH0"
#define LENGTH_7    "\1\4\0\1\0\21\0\0\16\1CONTENT_LENGTH7"
#define CHUNKED     "\1\4\0\1\0\37\0\0\26\7HTTP_TRANSFER_ENCODINGchunked"
#define BODY_1      "\1\5\0\1\0\2\0\0hi"
#define BODY_END    "\1\5\0\1\0\0\0\0"
#define WHOLE       BEGIN_1 PARAMS_1 END_1 BODY_END

static const struct {
	const char    *say;
	struct str     sent;
	enum fcgi_look look;
} looks[] = {
	{ "nothing",                    STR_INIT(""), FCGI_LOOK_NOTHING },
	{ "a byte",                     STR_INIT("\1"), FCGI_LOOK_PART },
	{ "BEGIN",                      STR_INIT(BEGIN_1), FCGI_LOOK_PART },
	{ "half of BEGIN",              STR_INIT("\1\1\0\1\0\10\0\0\0"), FCGI_LOOK_PART },
	{ "half of the parameters",     STR_INIT(BEGIN_1 "\1\4\0\1\0\4\0\0\1\1A"), FCGI_LOOK_PART },
	{ "without their end",          STR_INIT(BEGIN_1 PARAMS_1), FCGI_LOOK_PART },
	{ "a byte less than all",       STR_INIT(BEGIN_1 PARAMS_1 "\1\4\0\1\0\0\0"), FCGI_LOOK_PART },
	{ "no body over HTTP/1.1",      STR_INIT(BEGIN_1 HTTP_1 END_1), FCGI_LOOK_SOON },
	{ "a body of no bytes",         STR_INIT(BEGIN_1 HTTP_1 LENGTH_0 END_1), FCGI_LOOK_SOON },
	{ "half of its end",            STR_INIT(BEGIN_1 HTTP_1 END_1 "\1\5\0\1"), FCGI_LOOK_SOON },
	{ "a body over HTTP/1.1",       STR_INIT(BEGIN_1 HTTP_1 LENGTH_7 END_1), FCGI_LOOK_OPEN },
	{ "a body in chunks",           STR_INIT(BEGIN_1 HTTP_1 CHUNKED END_1), FCGI_LOOK_OPEN },
	{ "HTTP/2 announces none",      STR_INIT(BEGIN_1 PARAMS_1 END_1), FCGI_LOOK_OPEN },
	{ "a part of a body",           STR_INIT(BEGIN_1 HTTP_1 END_1 BODY_1), FCGI_LOOK_OPEN },
	{ "an authorizer without body", STR_INIT(BEGIN_AUTH HTTP_1 END_1), FCGI_LOOK_OPEN },
	{ "an authorizer, whole",       STR_INIT(BEGIN_AUTH HTTP_1 END_1 BODY_END), FCGI_LOOK_WHOLE },
	{ "whole",                      STR_INIT(WHOLE), FCGI_LOOK_WHOLE },
	{ "whole, with a body",         STR_INIT(BEGIN_1 HTTP_1 END_1 BODY_1 BODY_END), FCGI_LOOK_WHOLE },
	{ "whole, with padding",        STR_INIT(BEGIN_1 PADDED_1 END_1 BODY_END), FCGI_LOOK_WHOLE },
	{ "whole, with a padded end",   STR_INIT(BEGIN_1 PARAMS_1 END_1 "\1\5\0\1\0\0\1\0#"), FCGI_LOOK_WHOLE },
	{ "a byte behind it",           STR_INIT(WHOLE "\1"), FCGI_LOOK_MORE },
	{ "two requests",               STR_INIT(WHOLE WHOLE), FCGI_LOOK_MORE },
	{ "a management record",        STR_INIT("\1\11\0\0\0\0\0\0" WHOLE), FCGI_LOOK_ODD },
	{ "one alone",                  STR_INIT("\1\11\0\0\0\0\0\0"), FCGI_LOOK_ODD },
	{ "one within the body",        STR_INIT(BEGIN_1 PARAMS_1 END_1 "\1\11\0\0\0\0\0\0"), FCGI_LOOK_ODD },
	{ "another request's end",      STR_INIT(BEGIN_1 PARAMS_1 END_2), FCGI_LOOK_ODD },
	{ "an end without a beginning", STR_INIT(END_1), FCGI_LOOK_ODD },
	{ "two beginnings",             STR_INIT(BEGIN_1 BEGIN_1), FCGI_LOOK_ODD },
	{ "a beginning too long",       STR_INIT("\1\1\0\1\0\11\0\0\0\1\0\0\0\0\0\0\0"), FCGI_LOOK_ODD },
	{ "a padded beginning",         STR_INIT("\1\1\0\1\0\10\1\0\0\1\0\0\0\0\0\0\0"), FCGI_LOOK_ODD },
	{ "padded end of parameters",   STR_INIT(BEGIN_1 PARAMS_1 "\1\4\0\1\0\0\1\0#" BODY_END), FCGI_LOOK_ODD },
	{ "request 0",                  STR_INIT("\1\1\0\0\0\10\0\0\0\1\0\0\0\0\0\0"), FCGI_LOOK_ODD },
	{ "a body before its time",     STR_INIT(BEGIN_1 PARAMS_1 BODY_1), FCGI_LOOK_ODD },
	{ "parameters after their end", STR_INIT(BEGIN_1 PARAMS_1 END_1 PARAMS_1), FCGI_LOOK_ODD },
	{ "an abort",                   STR_INIT(BEGIN_1 "\1\2\0\1\0\0\0\0"), FCGI_LOOK_OVER },
	{ "another's abort",            STR_INIT(BEGIN_1 "\1\2\0\2\0\0\0\0"), FCGI_LOOK_ODD },
	{ "no FastCGI",                 STR_INIT("GET / HTTP/1.1\r\n\r\n"), FCGI_LOOK_OVER },
};

static void
test_fcgi_look_parts(void)
{
	for (size_t i = 0; i < COUNT(looks); i++) {
		char left[256];
		int pair[2];

		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		CU_ASSERT_EQUAL(write(pair[0], looks[i].sent.p, looks[i].sent.len), (ssize_t)looks[i].sent.len);
		check_int(looks[i].say, fcgi_look(pair[1]), (long)looks[i].look);
		check_int(looks[i].say, fcgi_look(pair[1]), (long)looks[i].look);
		(void)close(pair[0]);
		CHECK("nothing was taken", read(pair[1], left, sizeof left) == (ssize_t)looks[i].sent.len &&
		    memcmp(left, looks[i].sent.p, looks[i].sent.len) == 0);
		check_int("a peer that has ended", fcgi_look(pair[1]), FCGI_LOOK_OVER);
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
	check_int("a byte less than is looked through", fcgi_look(pair[1]), FCGI_LOOK_PART);
	CU_ASSERT_EQUAL(write(pair[0], data, 1), 1);
	check_int("more is not looked through", fcgi_look(pair[1]), FCGI_LOOK_ODD);
	(void)close(pair[0]);
	(void)close(pair[1]);
	check_int("no descriptor", fcgi_look(-1), FCGI_LOOK_OVER);
}

/* As long as is looked through, of which `start` is the first bytes. */
static void
check_full(const char *say, struct str start, enum fcgi_look look)
{
	static char data[FCGI_LOOK_BYTES];
	int pair[2];

	memset(data, 0, sizeof data);
	memcpy(data, start.p, start.len);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CU_ASSERT_EQUAL(write(pair[0], data, sizeof data), (ssize_t)sizeof data);
	check_int(say, fcgi_look(pair[1]), (long)look);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void
test_fcgi_look_full(void)
{
	check_full("a long body", STR(BEGIN_1 HTTP_1 END_1 "\1\5\0\1\377\377\0\0"), FCGI_LOOK_OPEN);
	check_full("whole, and something behind it", STR(WHOLE), FCGI_LOOK_MORE);
	check_full("long parameters", STR(BEGIN_1 "\1\4\0\1\377\377\0\0"), FCGI_LOOK_ODD);
}

int
suite_fcgi_look(void)
{
	CU_pSuite suite = CU_add_suite("front/fcgi_look", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "parts", test_fcgi_look_parts) == NULL ||
	    CU_add_test(suite, "long", test_fcgi_look_long) == NULL ||
	    CU_add_test(suite, "full", test_fcgi_look_full) == NULL)
		return -1;
	return 0;
}
