/* SPDX-License-Identifier: MIT */
/* front/supervise.c: how long a new worker waits; and that a worker's post is its own.  The rest needs real deaths:
 * tests/fault/test_supervise.py. */
#include "config.h"

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/supervise.h"
#include "record/log.h"
#include "support.h"

int suite_supervise(void);

static const struct {
	unsigned fruitless;
	int      pause_ms;
} pauses[] = {
	{ 0, 0 }, { 1, 10 }, { 2, 20 }, { 3, 40 }, { 7, 640 }, { 8, 1000 }, { 9, 1000 }, { UINT_MAX, 1000 },
};

static void
test_supervise_pause(void)
{
	for (size_t i = 0; i < COUNT(pauses); i++)
		check_int("pause", supervise_pause_ms(pauses[i].fruitless), pauses[i].pause_ms);
}

/* Supervises two workers, each of which ends at once with `status`; then the exit status is the result. */
static int
supervise_two(int status)
{
	pid_t pid = fork();
	int ended = 0;

	if (pid == 0) {
		struct post post;
		enum supervise_end end;

		(void)log_open(STR("/dev/null"), LOG_LEVEL_ERROR);
		end = supervise(2, NULL, &post);
		if (end != SUPERVISE_IS_WORKER)
			_exit((int)end);
		if (status == 0 && post.number < 2) {
			supervise_listening(&post);
			(void)kill(post.supervisor, SIGTERM);
		}
		_exit(status);
	}
	if (pid == -1 || waitpid(pid, &ended, 0) != pid || !WIFEXITED(ended))
		return -1;
	return WEXITSTATUS(ended);
}

static void
test_supervise_ends(void)
{
	check_int("workers that end well", supervise_two(0), SUPERVISE_DONE);
	check_int("workers that cannot start", supervise_two(3), SUPERVISE_FAILED);
}

int
suite_supervise(void)
{
	static CU_TestInfo tests[] = {
		{ "Pauses between deaths", test_supervise_pause }, { "The end", test_supervise_ends }, CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = { { "front/supervise", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };

	return CU_register_suites(suites);
}
