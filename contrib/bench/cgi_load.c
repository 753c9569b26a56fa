/* SPDX-License-Identifier: MIT */
/*
 * Starts a CGI again and again, reads its answer to the end, and checks status and length.  Prints the microseconds of
 * one start, the median of all, as JSON.  The environment is the CGI's.
 *
 *     cgi_load COUNT STATUS PROGRAM
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static char answer[65536 + 1];

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Bytes of the answer, or 0 when the program failed. */
static size_t
run_once(char *program)
{
	char *arguments[] = { program, NULL };
	posix_spawn_file_actions_t actions;
	size_t len = 0;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0 || posix_spawn_file_actions_init(&actions) != 0)
		exit(2);
	(void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	if (posix_spawn(&pid, program, &actions, NULL, arguments, environ) != 0) {
		perror(program);
		exit(2);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(ends[1]);
	while (len < sizeof answer - 1 && (n = read(ends[0], answer + len, sizeof answer - 1 - len)) > 0)
		len += (size_t)n;
	(void)close(ends[0]);
	answer[len] = '\0';
	return waitpid(pid, &status, 0) == pid && status == 0 ? len : 0;
}

static int
by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

int
main(int argc, char **argv)
{
	size_t count = argc > 3 ? (size_t)atol(argv[1]) : 0, wrong = 0, length = 0;
	double *times = calloc(count + 1, sizeof *times);
	char wanted[32];

	if (count == 0 || times == NULL)
		return 2;
	(void)snprintf(wanted, sizeof wanted, "Status: %s", argv[2]);
	for (size_t i = 0; i < count; i++) {
		double begin = now_us();
		size_t len = run_once(argv[3]);

		times[i] = now_us() - begin;
		length = i == 0 ? len : length;
		wrong += len == 0 || len != length || strncmp(answer, wanted, strlen(wanted)) != 0;
	}
	qsort(times, count, sizeof *times, by_size);
	printf("{\"us\": %.1f, \"answers\": %zu, \"wrong\": %zu, \"length\": %zu}\n", times[count / 2], count, wrong,
	    length);
	free(times);
	return wrong > 0;
}
