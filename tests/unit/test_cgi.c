/* SPDX-License-Identifier: MIT */
/* front/cgi.c: one request from the environment to standard output, each in a process of its own. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/cgi.h"
#include "support.h"

int suite_cgi(void);

#define VARIABLES_MAX 10
#define CGI "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_URI=/a", "REMOTE_ADDR=192.0.2.7"

static const struct {
	const char *say, *variables[VARIABLES_MAX];
	bool        meant, foreign;
} meants[] = {
	{ "a shell",                         { "PATH=/bin" }, false, false },
	{ "a server",                        { CGI, "REQUEST_METHOD=GET" }, true, false },
	{ "half a server",                   { CGI }, false, false },
	{ "an ordinary query",               { CGI, "REQUEST_METHOD=GET", "QUERY_STRING=a=b" }, true, false },
	{ "a query that becomes options",    { CGI, "REQUEST_METHOD=GET", "QUERY_STRING=-c+/etc/passwd" }, true, true },
	{ "... encoded",                     { CGI, "REQUEST_METHOD=GET", "QUERY_STRING=%2dc" }, true, true },
	{ "... with \"=\" it becomes none",  { CGI, "REQUEST_METHOD=GET", "QUERY_STRING=-c=a" }, true, false },
	{ "a query in a shell",              { "QUERY_STRING=-c" }, false, false },
	{ "an empty query",                  { CGI, "REQUEST_METHOD=GET", "QUERY_STRING=" }, true, false },
};

static void
set_environment(const char *const *variables)
{
	static char *environment[VARIABLES_MAX + 1];

	for (size_t i = 0; i < VARIABLES_MAX && variables[i] != NULL; i++)
		environment[i] = (char *)variables[i];
	environ = environment;
}

/* Runs `child` in a process with that environment; its standard output goes to FOLDER/out.  Returns its exit code. */
static int
run(const struct folder *folder, const char *const *variables, int (*child)(void *), void *context)
{
	int status = -1, fd = open(folder_path(folder, "out"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		set_environment(variables);
		(void)dup2(fd, STDOUT_FILENO);
		_exit(child(context));
	}
	(void)close(fd);
	CU_ASSERT_FATAL(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
what_is_meant(void *context)
{
	(void)context;
	return cgi_is_meant() + 2 * cgi_arguments_are_foreign();
}

static void
test_cgi_meant(void)
{
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(meants); i++)
		check_int(meants[i].say, run(&folder, meants[i].variables, what_is_meant, NULL),
		    meants[i].meant + 2 * meants[i].foreign);
	folder_remove(&folder);
}

static int
answer(void *context)
{
	return cgi_run(context);
}

static const struct {
	const char *say, *variables[VARIABLES_MAX];
	const char *begins, *ends, *holds;
} answers[] = {
	{ "a page",           { CGI, "REQUEST_METHOD=GET" },  "Status: 503 Service Unavailable\r\n", "</html>\n", "\r\n\r\n<!doctype html>" },
	{ "no body for HEAD", { CGI, "REQUEST_METHOD=HEAD" }, "Status: 503 Service Unavailable\r\n", "\r\n\r\n", "\r\nContent-Length: " },
	{ "JSON",             { CGI, "REQUEST_METHOD=POST", "HTTP_ACCEPT=application/json", "CONTENT_LENGTH=99999999" },
	    "Status: 503 Service Unavailable\r\n", "}\n", "\r\nContent-Type: application/problem+json\r\n" },
	{ "a health check passes by local redirect", { "GATEWAY_INTERFACE=CGI/1.1", "REMOTE_ADDR=::1", "REQUEST_METHOD=GET",
	    "REQUEST_URI=/health?a" }, "Location: /site/health?a\r\n",
	    "\r\n\r\n", "" },
	{ "no peer: 400",     { "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "REQUEST_URI=/" }, "Status: 400 Bad Request\r\n", "\n",
	    "\r\n\r\nThe request" },
};

static void
check_output(const struct folder *folder, const char *say, const char *begins, const char *ends, const char *holds)
{
	char *text = folder_read(folder, "out");
	struct str out = str_of(text);
	bool ok = str_starts(out, str_of(begins)) && str_ends(out, str_of(ends)) && str_contains(out, str_of(holds));

	if (!ok)
		printf("\n  %s: got\n%s", say, text);
	CU_ASSERT_TRUE(ok);
	free(text);
}

static void
test_cgi_run(void)
{
	struct folder folder;
	struct problems problems = { .arena = arena_new_growing(65536) };
	struct gateway gateway = { 0 };

	folder_make(&folder);
	folder_write(&folder, "warden.ini", "[gateway]\nstate_dir = .\n[site]\nlanguages = en\nhand_back = local-redirect /site\n");
	folder_write(&folder, "maintenance.flag", "");
	CU_ASSERT_EQUAL_FATAL(policy_store_open(str_of(folder_path(&folder, "warden.ini")), &problems, &gateway.store), 0);
	for (size_t i = 0; i < COUNT(answers); i++) {
		check_int(answers[i].say, run(&folder, answers[i].variables, answer, &gateway), 0);
		check_output(&folder, answers[i].say, answers[i].begins, answers[i].ends, answers[i].holds);
	}
	policy_store_close(gateway.store);
	arena_free(problems.arena);
	folder_remove(&folder);
}

static void
test_cgi_without_policy(void)
{
	static const char *const get[VARIABLES_MAX] = { CGI, "REQUEST_METHOD=GET" };
	static const char *const head[VARIABLES_MAX] = { CGI, "REQUEST_METHOD=HEAD" };
	static const char *const nothing[VARIABLES_MAX] = { NULL };
	struct folder folder;

	folder_make(&folder);
	check_int("an INI that cannot be used", run(&folder, get, answer, NULL), 0);
	check_output(&folder, "... is a 503 with a page", "Status: 503 Service Unavailable\r\n", "</html>\n", "\r\nRetry-After: 300\r\n");
	check_int("HEAD", run(&folder, head, answer, NULL), 0);
	check_output(&folder, "... without the body", "Status: 503 ", "\r\n\r\n", "");
	check_int("not even an environment", run(&folder, nothing, answer, NULL), 0);
	check_output(&folder, "... is a 503 too", "Status: 503 ", "</html>\n", "");
	folder_remove(&folder);
}

static int
answer_into_full(void *context)
{
	int fd = open("/dev/full", O_WRONLY);

	(void)dup2(fd, STDOUT_FILENO);
	return cgi_run(context);
}

static void
test_cgi_cannot_write(void)
{
	static const char *const get[VARIABLES_MAX] = { CGI, "REQUEST_METHOD=GET" };
	struct folder folder;

	folder_make(&folder);
	check_int("what cannot be written is the system's failure", run(&folder, get, answer_into_full, NULL), 3);
	folder_remove(&folder);
}

int
suite_cgi(void)
{
	CU_pSuite suite = CU_add_suite("front/cgi", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "meant", test_cgi_meant) == NULL ||
	    CU_add_test(suite, "run", test_cgi_run) == NULL ||
	    CU_add_test(suite, "without policy", test_cgi_without_policy) == NULL ||
	    CU_add_test(suite, "cannot write", test_cgi_cannot_write) == NULL)
		return -1;
	return 0;
}
