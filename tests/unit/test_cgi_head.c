/* SPDX-License-Identifier: MIT */
/* front/cgi_head.c: the head, byte by byte, for each kind of answer. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "front/cgi_head.h"
#include "support.h"

int suite_cgi_head(void);

static const struct str hello[] = { STR_INIT("hel"), STR_INIT("lo\n") };

static const struct {
	const char  *say;
	struct reply reply;
	const char  *head;
} cases[] = {
	{ "a page", { 503, 1, { { STR_INIT("Retry-After"), STR_INIT("60") } }, hello, 2, true, NULL },
	    "Status: 503 Service Unavailable\r\nRetry-After: 60\r\nContent-Length: 6\r\n\r\n" },
	{ "HEAD announces the length of what it does not send",
	    { 503, 1, { { STR_INIT("Retry-After"), STR_INIT("60") } }, hello, 2, false, NULL },
	    "Status: 503 Service Unavailable\r\nRetry-After: 60\r\nContent-Length: 6\r\n\r\n" },
	{ "an empty body of a held image has a length", { 503, 1, { { STR_INIT("Vary"), STR_INIT("Accept") } }, NULL, 0, true, NULL },
	    "Status: 503 Service Unavailable\r\nVary: Accept\r\nContent-Length: 0\r\n\r\n" },
	{ "headers in their order", { 401, 2, { { STR_INIT("B"), STR_INIT("1") }, { STR_INIT("A"), STR_INIT("2") } }, NULL, 0, true,
	    NULL },
	    "Status: 401 Unauthorized\r\nB: 1\r\nA: 2\r\nContent-Length: 0\r\n\r\n" },
	{ "an empty value", { 503, 1, { { STR_INIT("X-Notice"), STR_INIT("") } }, hello, 1, true, NULL },
	    "Status: 503 Service Unavailable\r\nX-Notice: \r\nContent-Length: 3\r\n\r\n" },
	{ "a bare 401 is nothing else", { 401, 0, { { { NULL, 0 }, { NULL, 0 } } }, NULL, 0, true, NULL },
	    "Status: 401 Unauthorized\r\n\r\n" },
	{ "a pass says nothing of length", { 200, 0, { { { NULL, 0 }, { NULL, 0 } } }, NULL, 0, true, NULL },
	    "Status: 200 OK\r\n\r\n" },
	{ "... nor does 204", { 204, 0, { { { NULL, 0 }, { NULL, 0 } } }, NULL, 0, true, NULL }, "Status: 204 No Content\r\n\r\n" },
	{ "... nor an accelerated one", { 200, 1, { { STR_INIT("X-Accel-Redirect"), STR_INIT("@app") } }, NULL, 0, true, NULL },
	    "Status: 200 OK\r\nX-Accel-Redirect: @app\r\n\r\n" },
	{ "a local redirect is Location alone", { 200, 1, { { STR_INIT("Location"), STR_INIT("/site/a?b") } }, NULL, 0, true, NULL },
	    "Location: /site/a?b\r\n\r\n" },
	{ "... only as a pass", { 503, 1, { { STR_INIT("Location"), STR_INIT("/a") } }, hello, 1, true, NULL },
	    "Status: 503 Service Unavailable\r\nLocation: /a\r\nContent-Length: 3\r\n\r\n" },
	{ "a status without a phrase", { 599, 0, { { { NULL, 0 }, { NULL, 0 } } }, hello, 1, true, NULL },
	    "Status: 599 Maintenance\r\nContent-Length: 3\r\n\r\n" },
};

static void
test_cgi_head_cases(void)
{
	char *memory = malloc(CGI_HEAD_MAX);

	CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
	for (size_t i = 0; i < COUNT(cases); i++)
		check_str(cases[i].say, cgi_head(&cases[i].reply, memory), cases[i].head);
	free(memory);
}

static void
test_cgi_head_too_large(void)
{
	char *memory = malloc(CGI_HEAD_MAX), *value = malloc(CGI_HEAD_MAX);
	struct reply reply;

	CU_ASSERT_FATAL(memory != NULL && value != NULL);
	memset(value, 'a', CGI_HEAD_MAX);
	reply_begin(&reply, 200);
	reply_add(&reply, STR("X-Notice"), (struct str){ value, CGI_HEAD_MAX });
	check_str("what does not fit is a 503, never half a head", cgi_head(&reply, memory),
	    "Status: 503 Service Unavailable\r\nRetry-After: 300\r\n\r\n");
	free(memory);
	free(value);
}

int
suite_cgi_head(void)
{
	CU_pSuite suite = CU_add_suite("front/cgi_head", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "cases", test_cgi_head_cases) == NULL ||
	    CU_add_test(suite, "too large", test_cgi_head_too_large) == NULL)
		return -1;
	return 0;
}
