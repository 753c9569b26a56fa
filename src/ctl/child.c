/* SPDX-License-Identifier: MIT */
/* Running another program in a process group of its own, so that a time limit ends all of it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/child.h"

static int
spawn_piped(char *const *argv, char *const *environment, int output, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t standard;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return -rc;
	rc = posix_spawnattr_init(&attributes);
	if (rc == 0) {
		(void)sigemptyset(&standard);
		(void)sigaddset(&standard, SIGPIPE);            /* `run` ignores it */
		(void)posix_spawnattr_setsigdefault(&attributes, &standard);
		(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
		(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		(void)posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
		rc = posix_spawnp(ret, argv[0], &actions, &attributes, argv, environment);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

/* Reads until the end, the time limit, or the room's end; what does not fit is thrown away.  True: the limit came
 * first. */
static bool
read_output(int fd, char *data, size_t *len, int64_t deadline)
{
	struct pollfd input = { .fd = fd, .events = POLLIN };
	char rest[4096];

	for (;;) {
		int64_t left = deadline - clock_monotonic_ms();
		ssize_t n;

		if (left <= 0)
			return true;
		if (poll(&input, 1, (int)left) != 1)
			continue;
		n = *len < CHILD_OUTPUT_MAX ? read(fd, data + *len, CHILD_OUTPUT_MAX - *len)
					    : read(fd, rest, sizeof rest);
		if (n <= 0)
			return false;
		if (*len < CHILD_OUTPUT_MAX)
			*len += (size_t)n;
	}
}

/* A child that closed its output may still run. */
static bool
wait_until(pid_t pid, int64_t deadline, int *status)
{
	while (waitpid(pid, status, WNOHANG) == 0) {
		if (clock_monotonic_ms() >= deadline)
			return false;
		(void)poll(NULL, 0, 5);
	}
	return true;
}

int
child_run(char *const *argv, char *const *environment, int seconds, struct arena *arena, struct child_result *ret)
{
	int64_t deadline = clock_monotonic_ms() + (int64_t)seconds * 1000;
	char *data = arena_alloc(arena, CHILD_OUTPUT_MAX);
	int pipes[2], status = 0, rc;
	size_t len = 0;
	bool late;
	pid_t pid;

	if (data == NULL)
		return -ENOMEM;
	if (pipe2(pipes, O_CLOEXEC) == -1)
		return -errno;
	rc = spawn_piped(argv, environment, pipes[1], &pid);
	(void)close(pipes[1]);
	late = rc == 0 && read_output(pipes[0], data, &len, deadline);
	(void)close(pipes[0]);
	if (rc != 0)
		return rc;
	if (late || !wait_until(pid, deadline, &status)) {
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		late = true;
	}
	ret->output = (struct str){ data, len };
	ret->code = late ? 124 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}
