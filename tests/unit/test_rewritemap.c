/* SPDX-License-Identifier: MIT */
/* front/rewritemap.c: what a line says, and what is no line.  tests/wire/apache.py has the two processes. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "front/rewritemap.h"
#include "support.h"

int suite_rewritemap(void);

#define HEAD "REMOTE_ADDR=192.0.2.7 "
#define LINE HEAD "THE_REQUEST=GET%20/a%3fb%20HTTP/1.1"

static const struct {
	const char *say, *line;
	bool        read;
} lines[] = {
	{ "a request",                     LINE, true },
	{ "fields in another order",       "THE_REQUEST=GET%20/%20HTTP/1.1 REMOTE_ADDR=::1", true },
	{ "in capitals",                   HEAD "THE_REQUEST=GET%20/%3F%20HTTP/1.1", true },
	{ "any method, any protocol",      HEAD "THE_REQUEST=M-SEARCH%20*%20HTTP/3", true },
	{ "an empty line",                 "", false },
	{ "a blank alone",                 " ", false },
	{ "a blank at the end",            LINE " ", false },
	{ "a blank before",                " " LINE, false },
	{ "two blanks",                    "REMOTE_ADDR=192.0.2.7  THE_REQUEST=GET%20/%20HTTP/1.1", false },
	{ "no address",                    "THE_REQUEST=GET%20/%20HTTP/1.1", false },
	{ "an empty address",              "REMOTE_ADDR= THE_REQUEST=GET%20/%20HTTP/1.1", false },
	{ "two addresses",                 LINE " REMOTE_ADDR=192.0.2.8", false },
	{ "no request",                    "REMOTE_ADDR=192.0.2.7", false },
	{ "two requests",                  LINE " THE_REQUEST=GET%20/%20HTTP/1.1", false },
	{ "a target of its own",           LINE " REQUEST_URI=/health", false },
	{ "a method of its own",           LINE " REQUEST_METHOD=POST", false },
	{ "HTTP/0.9",                      HEAD "THE_REQUEST=GET%20/", false },
	{ "no target",                     HEAD "THE_REQUEST=GET%20%20HTTP/1.1", false },
	{ "no method",                     HEAD "THE_REQUEST=%20/%20HTTP/1.1", false },
	{ "a blank in the target",         HEAD "THE_REQUEST=GET%20/a%20b%20HTTP/1.1", false },
	{ "another protocol",              HEAD "THE_REQUEST=GET%20/%20SIP/2.0", false },
	{ "a name in small letters",       LINE " x=1", false },
	{ "a name with a dash",            LINE " HTTP-X=1", false },
	{ "no name",                       LINE " =1", false },
	{ "no value",                      LINE " X", false },
	{ "an escape cut short",           LINE " X=%4", false },
	{ "an escape that is none",        LINE " X=%zz", false },
	{ "an escaped NUL",                LINE " X=%00", false },
	{ "a tab",                         LINE " X=\t", false },
	{ "a byte above ASCII",            LINE " X=\xc3", false },
	{ "the same, escaped",             LINE " X=%c3", true },
	{ "an escaped newline",            LINE " HTTP_COOKIE=a%0ab", true },
};

static bool
read_line(const char *text, char memory[512], struct raw_request *ret)
{
	size_t len = strlen(text);

	memcpy(memory, text, len + 1);
	return rewritemap_read(memory, len, ret);
}

static void
test_rewritemap_lines(void)
{
	struct raw_request raw;
	char memory[512];

	for (size_t i = 0; i < COUNT(lines); i++) {
		CHECK(lines[i].say, read_line(lines[i].line, memory, &raw) == lines[i].read);
		if (lines[i].read)
			CHECK(lines[i].say, raw.whole && raw.dialect == DIALECT_AUTHORIZER_BARE);
	}
}

static void
test_rewritemap_values(void)
{
	struct raw_request raw;
	char memory[512];

	CHECK("read", read_line(LINE " HTTP_HOST= HTTP_COOKIE= HTTP_X_Y=%25%20%7c WARDEN_SITE=shop", memory, &raw));
	check_str("method", raw.method, "GET");
	check_str("target", raw.target, "/a?b");
	check_str("peer", raw.peer, "192.0.2.7");
	check_str("site", raw.site, "shop");
	check_int("an empty header did not come, but for Host", (int64_t)raw.header_count, 2);
	check_str("Host", raw.headers[0].name, "HOST");
	check_str("decoded once", raw.headers[1].value, "% |");
}

/* As many fields as there is room for, and one more. */
static void
test_rewritemap_many(void)
{
	char line[4096] = LINE;
	struct raw_request raw;

	for (int i = 2; i < REWRITEMAP_FIELDS_MAX - 1; i++)
		strcat(line, " A=b");
	CHECK("as many as there may be", rewritemap_read(line, strlen(line), &raw));
	strcpy(line, LINE);
	for (int i = 1; i < REWRITEMAP_FIELDS_MAX; i++)
		strcat(line, " A=b");
	CHECK("one more", !rewritemap_read(line, strlen(line), &raw));
}

int
suite_rewritemap(void)
{
	CU_pSuite suite = CU_add_suite("front/rewritemap", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "lines", test_rewritemap_lines) == NULL ||
	    CU_add_test(suite, "values", test_rewritemap_values) == NULL ||
	    CU_add_test(suite, "many", test_rewritemap_many) == NULL)
		return -1;
	return 0;
}
