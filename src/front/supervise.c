/* SPDX-License-Identifier: MIT */
/*
 * The loop of the supervisor: one thread that sleeps in sigtimedwait(), and all it knows in one struct.  What it is to
 * be told comes as a signal: SIGCHLD by the kernel, SIGUSR1 by a worker that listens.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "front/supervise.h"
#include "record/log.h"

#define PAUSE_FIRST_MS 10
#define PAUSE_LAST_MS  1000
#define KILL_MS        ((STOP_SECONDS + 2) * 1000)      /* the workers keep to STOP_SECONDS by themselves */
#define SLEEP_MAX_MS   3600000
#define NEVER          INT64_MAX

struct member {
	pid_t    pid;                   /* 0: not running */
	int64_t  began, due;            /* monotonic milliseconds: when it was, and when it is to be started */
	unsigned fruitless;             /* that died in a row without an answer */
};

/* The memory that is shared. */
struct board {
	_Atomic(bool) reloaded;
	struct sign   signs[SUPERVISE_MAX];
};

struct crew {
	struct counters *counters;
	struct board    *board;
	struct member    members[SUPERVISE_MAX];
	size_t           count;
	pid_t            self;
	bool             heard;         /* one of them has listened: the start went well */
	bool             stopping, failed;
	int64_t          kill_at;
	sigset_t         signals;
};

int
supervise_pause_ms(unsigned fruitless)
{
	if (fruitless == 0)
		return 0;
	return fruitless > 7 ? PAUSE_LAST_MS : PAUSE_FIRST_MS << (fruitless - 1);
}

void
supervise_block_signals(void)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* --- systemd */

/* One line of sd_notify(3), which would be its library's only use.  Nobody may be listening: that is no error. */
static void
notify(const char *line)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);
	int fd;

	if (len == 0 || len >= sizeof address.sun_path)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	(void)sendto(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	(void)close(fd);
}

/* --- workers */

/* In the new process.  Whoever's parent died before the kernel knew what to do then ends by itself. */
static void
become_worker(const struct crew *crew, size_t i, struct post *ret)
{
	sigset_t ours;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != crew->self)
		_exit(EXIT_FAILURE);
	(void)sigemptyset(&ours);
	(void)sigaddset(&ours, SIGCHLD);
	(void)sigaddset(&ours, SIGUSR1);
	(void)sigprocmask(SIG_UNBLOCK, &ours, NULL);
	*ret = (struct post){ (unsigned)i, crew->self, &crew->board->signs[i], &crew->board->reloaded };
}

static void
put_off(struct member *m, int64_t now)
{
	m->fruitless += m->fruitless < UINT_MAX;
	m->due = now + supervise_pause_ms(m->fruitless);
}

/* True in the new process. */
static bool
start_member(struct crew *crew, size_t i, int64_t now, struct post *ret)
{
	static _Atomic(int64_t) said;
	struct member *m = &crew->members[i];
	pid_t pid;

	atomic_store(&crew->board->signs[i].listening, false);
	atomic_store(&crew->board->signs[i].answered, false);
	pid = fork();
	if (pid == 0) {
		become_worker(crew, i, ret);
		return true;
	}
	if (pid > 0) {
		*m = (struct member){ .pid = pid, .began = now, .due = NEVER, .fruitless = m->fruitless };
		return false;
	}
	if (log_now_and_then(&said, clock_now(), 10))
		log_write(LOG_LEVEL_ERROR, "cannot start a worker: %s", strerror(errno));
	put_off(m, now);
	return false;
}

static bool
start_due(struct crew *crew, struct post *ret)
{
	int64_t now = clock_monotonic_ms();

	for (size_t i = 0; i < crew->count; i++)
		if (crew->members[i].due <= now && start_member(crew, i, now, ret))
			return true;
	return false;
}

static bool
any_alive(const struct crew *crew)
{
	for (size_t i = 0; i < crew->count; i++)
		if (crew->members[i].pid != 0)
			return true;
	return false;
}

static void
tell_all(const struct crew *crew, int signal)
{
	for (size_t i = 0; i < crew->count; i++)
		if (crew->members[i].pid != 0)
			(void)kill(crew->members[i].pid, signal);
}

/* The second time: at once. */
static void
stop(struct crew *crew)
{
	if (crew->stopping) {
		tell_all(crew, SIGKILL);
		return;
	}
	notify("STOPPING=1");
	crew->stopping = true;
	crew->kill_at = clock_monotonic_ms() + KILL_MS;
	for (size_t i = 0; i < crew->count; i++)
		crew->members[i].due = NEVER;
	tell_all(crew, SIGTERM);
}

static void
kill_when_late(struct crew *crew)
{
	if (!crew->stopping || clock_monotonic_ms() < crew->kill_at)
		return;
	log_write(LOG_LEVEL_ERROR, "a worker does not stop: killed");
	tell_all(crew, SIGKILL);
	crew->kill_at = NEVER;
}

static void
look_at_signs(struct crew *crew)
{
	for (size_t i = 0; i < crew->count && !crew->heard; i++)
		if (atomic_load(&crew->board->signs[i].listening)) {
			crew->heard = true;
			notify("READY=1");
		}
}

/* --- deaths */

static void
describe_end(int status, char *text, size_t size)
{
	const char *name = NULL;

	if (WIFEXITED(status)) {
		(void)snprintf(text, size, "ended with exit status %d", WEXITSTATUS(status));
		return;
	}
#ifdef HAVE_SIGABBREV_NP
	name = sigabbrev_np(WTERMSIG(status));
#endif
	if (name != NULL)
		(void)snprintf(text, size, "was ended by SIG%s", name);
	else
		(void)snprintf(text, size, "was ended by signal %d", WTERMSIG(status));
}

/* An attack may kill many a second: all are counted, and of those that had answered one in a second is logged. */
static void
say_death(struct crew *crew, const struct member *m, int status, int64_t now)
{
	static _Atomic(int64_t) said;
	long long lived = (long long)(now - m->began);
	char how[64];

	counters_add(crew->counters, COUNTERS_GATEWAY, COUNTER_DIED);
	if (m->fruitless == 0 && !log_now_and_then(&said, clock_now(), 1))
		return;
	describe_end(status, how, sizeof how);
	if (m->fruitless == 0)
		log_write(LOG_LEVEL_ERROR, "worker %ld %s after %lld.%03lld s: another is started", (long)m->pid, how,
		    lived / 1000, lived % 1000);
	else
		log_write(LOG_LEVEL_ERROR, "worker %ld %s after %lld.%03lld s without an answer: another is started in "
		    "%d ms", (long)m->pid, how, lived / 1000, lived % 1000, supervise_pause_ms(m->fruitless));
}

static void
member_ended(struct crew *crew, size_t i, int status)
{
	struct member *m = &crew->members[i];
	bool failed = WIFEXITED(status) && WEXITSTATUS(status) != 0;
	int64_t now = clock_monotonic_ms();

	if (crew->stopping) {
		crew->failed = crew->failed || failed || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL);
	} else if (failed && !crew->heard) {
		crew->failed = true;    /* it has said why */
		stop(crew);
	} else {
		if (atomic_load(&crew->board->signs[i].answered)) {
			m->fruitless = 0;
			m->due = now;
		} else {
			put_off(m, now);
		}
		say_death(crew, m, status, now);
	}
	m->pid = 0;
}

static void
reap(struct crew *crew)
{
	int status;
	pid_t pid;

	look_at_signs(crew);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < crew->count; i++)
			if (crew->members[i].pid == pid)
				member_ended(crew, i, status);
}

/* --- the loop */

static int64_t
next_event(const struct crew *crew)
{
	int64_t next = crew->stopping ? crew->kill_at : NEVER;

	for (size_t i = 0; i < crew->count; i++)
		if (crew->members[i].due < next)
			next = crew->members[i].due;
	return next;
}

/* Sleeps until a signal comes, or something is due. */
static void
wait_and_obey(struct crew *crew)
{
	int64_t next = next_event(crew), now = clock_monotonic_ms();
	int64_t ms = next <= now ? 0 : next - now > SLEEP_MAX_MS ? SLEEP_MAX_MS : next - now;
	const struct timespec sleep = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	switch (sigtimedwait(&crew->signals, NULL, &sleep)) {
	case SIGTERM:
	case SIGINT:
		stop(crew);
		break;
	case SIGHUP:
		log_reopen();
		tell_all(crew, SIGHUP);
		break;
	case SIGUSR1:
		look_at_signs(crew);
		break;
	default:
		break;
	}
	reap(crew);             /* also without SIGCHLD: two of them may come as one */
	kill_when_late(crew);
}

enum supervise_end
supervise(size_t count, struct counters *counters, struct post *ret)
{
	struct crew crew = { .counters = counters, .count = count, .self = getpid() };

	crew.board = mmap(NULL, sizeof *crew.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crew.board == MAP_FAILED) {
		log_write(LOG_LEVEL_ERROR, "cannot start: %s", strerror(errno));
		return SUPERVISE_FAILED;
	}
	(void)sigemptyset(&crew.signals);
	(void)sigaddset(&crew.signals, SIGHUP);
	(void)sigaddset(&crew.signals, SIGINT);
	(void)sigaddset(&crew.signals, SIGTERM);
	(void)sigaddset(&crew.signals, SIGCHLD);
	(void)sigaddset(&crew.signals, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &crew.signals, NULL);
	do {
		if (start_due(&crew, ret))
			return SUPERVISE_IS_WORKER;
		wait_and_obey(&crew);
	} while (!crew.stopping || any_alive(&crew));
	(void)munmap(crew.board, sizeof *crew.board);
	return crew.failed ? SUPERVISE_FAILED : SUPERVISE_DONE;
}

void
supervise_listening(const struct post *post)
{
	atomic_store(&post->sign->listening, true);
	(void)kill(post->supervisor, SIGUSR1);
}
