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

#include "base/child.h"
#include "base/clock.h"

#define SLICE_MS 500            /* how often is looked whether to give up */

/* What is read from the child: standard output, and perhaps standard error. */
struct stream {
	int    ours, theirs;            /* ends of a pipe; -1: none */
	char  *data;                    /* CHILD_OUTPUT_MAX bytes */
	size_t len;
};

struct wait {
	int64_t              deadline;  /* monotonic milliseconds */
	const _Atomic(bool) *give_up;   /* NULL: never before */
};

static int
open_stream(struct stream *stream, struct arena *arena)
{
	int ends[2];

	stream->data = arena_alloc(arena, CHILD_OUTPUT_MAX);
	if (stream->data == NULL)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC) == -1)
		return -errno;
	stream->ours = ends[0];
	stream->theirs = ends[1];
	return 0;
}

static void
close_end(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

static int
spawn_piped(char *const *argv, char *const *environment, const struct stream *output, const struct stream *errors,
    pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc = posix_spawn_file_actions_init(&actions);
	sigset_t none, standard;

	if (rc != 0)
		return -rc;
	(void)sigemptyset(&none);
	(void)sigemptyset(&standard);
	(void)sigaddset(&standard, SIGPIPE);    /* services, and `wardenctl run`, ignore it */
	rc = posix_spawnattr_init(&attributes);
	if (rc == 0) {
		(void)posix_spawnattr_setsigmask(&attributes, &none);
		(void)posix_spawnattr_setsigdefault(&attributes, &standard);
		(void)posix_spawnattr_setflags(
		    &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
		(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		(void)posix_spawn_file_actions_adddup2(&actions, output->theirs, STDOUT_FILENO);
		if (errors->theirs != -1)
			(void)posix_spawn_file_actions_adddup2(&actions, errors->theirs, STDERR_FILENO);
		rc = posix_spawnp(ret, argv[0], &actions, &attributes, argv, environment);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

/* What does not fit is thrown away. */
static void
read_stream(struct stream *stream)
{
	char rest[4096];
	ssize_t n = stream->len < CHILD_OUTPUT_MAX ?
	    read(stream->ours, stream->data + stream->len, CHILD_OUTPUT_MAX - stream->len) :
	    read(stream->ours, rest, sizeof rest);

	if (n <= 0)
		close_end(&stream->ours);
	else if (stream->len < CHILD_OUTPUT_MAX)
		stream->len += (size_t)n;
}

static bool
is_over(const struct wait *wait)
{
	return clock_monotonic_ms() >= wait->deadline || (wait->give_up != NULL && atomic_load(wait->give_up));
}

/* Reads until all ends.  False: the wait was over first. */
static bool
read_output(struct stream streams[2], const struct wait *wait)
{
	while (streams[0].ours != -1 || streams[1].ours != -1) {
		struct pollfd inputs[2] = { { streams[0].ours, POLLIN, 0 }, { streams[1].ours, POLLIN, 0 } };

		if (is_over(wait))
			return false;
		if (poll(inputs, 2, SLICE_MS) < 1)
			continue;
		for (int i = 0; i < 2; i++)
			if (inputs[i].revents != 0)
				read_stream(&streams[i]);
	}
	return true;
}

/* A child that closed its output may still run. */
static bool
wait_for(pid_t pid, const struct wait *wait, int *status)
{
	while (waitpid(pid, status, WNOHANG) == 0) {
		if (is_over(wait))
			return false;
		(void)poll(NULL, 0, 5);
	}
	return true;
}

static int
run(char *const *argv, char *const *environment, struct stream streams[2], const struct wait *wait,
    struct child_result *ret)
{
	int status = 0, rc;
	bool ended;
	pid_t pid;

	rc = spawn_piped(argv, environment, &streams[0], &streams[1], &pid);
	close_end(&streams[0].theirs);
	close_end(&streams[1].theirs);
	if (rc != 0)
		return rc;
	ended = read_output(streams, wait) && wait_for(pid, wait, &status);
	if (!ended && clock_monotonic_ms() < wait->deadline)
		return -ECANCELED;
	if (!ended) {
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
	}
	ret->output = (struct str){ streams[0].data, streams[0].len };
	ret->errors = (struct str){ streams[1].data, streams[1].len };
	ret->code = !ended ? 124 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

static int
run_with(char *const *argv, char *const *environment, int seconds, bool errors, const _Atomic(bool) *give_up,
    struct arena *arena, struct child_result *ret)
{
	const struct wait wait = { clock_monotonic_ms() + (int64_t)seconds * 1000, give_up };
	struct stream streams[2] = { { -1, -1, NULL, 0 }, { -1, -1, NULL, 0 } };
	int rc = open_stream(&streams[0], arena);

	if (rc == 0 && errors)
		rc = open_stream(&streams[1], arena);
	if (rc == 0)
		rc = run(argv, environment, streams, &wait, ret);
	for (int i = 0; i < 2; i++) {
		close_end(&streams[i].ours);
		close_end(&streams[i].theirs);
	}
	return rc;
}

int
child_run(char *const *argv, char *const *environment, int seconds, struct arena *arena, struct child_result *ret)
{
	return run_with(argv, environment, seconds, false, NULL, arena, ret);
}

int
child_run_until(char *const *argv, char *const *environment, int seconds, const _Atomic(bool) *give_up,
    struct arena *arena, struct child_result *ret)
{
	return run_with(argv, environment, seconds, true, give_up, arena, ret);
}
