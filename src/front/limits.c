/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_DATA and not RLIMIT_AS: the one counts what a process could write to and nobody else has, the other libraries,
 * shared files and what malloc has merely reserved.  A limit in systemd's unit (MemoryMax=) counts for all processes
 * together and ends by SIGKILL; both may be set, the lower one is met first.
 */
#include "config.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "front/control.h"
#include "front/fcgi.h"
#include "front/http.h"
#include "front/limits.h"

#define MIB            ((size_t)1 << 20)
#define ROOM           (64 * MIB)       /* above all that is reckoned: upkeep, a reload to something bigger, requests */
#define UNKNOWN_OWN    (32 * MIB)
#define HTTP_THREADS   (8 + CONTROL_CONNECTIONS)
#define WORKER_BYTES   (FCGI_STACK_SIZE + WORKER_ARENA_SIZE + 256 * 1024)       /* the last is libfcgi's */
#define CLIENT_BYTES   (HTTP_HEAD_MAX + HTTP_BODY_READ + 128 * 1024)    /* and its answer */
#define OTHER_FILES    64

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* The sixth field of /proc/self/statm is data and stack, in pages. */
static size_t
own_memory(void)
{
	char text[256];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd == -1 ? -1 : read(fd, text, sizeof text);
	struct str rest = { text, len > 0 ? (size_t)len : 0 }, field = STR_NONE;
	int64_t pages;

	if (fd != -1)
		(void)close(fd);
	for (int i = 0; i < 6; i++)
		if (!str_split(&rest, ' ', &field))
			return UNKNOWN_OWN;
	return str_number(field, 0, INT32_MAX, &pages) == 0 ? (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) :
	    UNKNOWN_OWN;
}

static size_t
standard_stack(void)
{
	pthread_attr_t attributes;
	size_t size = 8 * MIB;

	if (pthread_attr_init(&attributes) != 0)
		return size;
	(void)pthread_attr_getstacksize(&attributes, &size);
	(void)pthread_attr_destroy(&attributes);
	return size;
}

/* A reload has two policies for a moment, and upkeep may read as much once more. */
size_t
limits_memory(const struct policy *policy, size_t own, size_t stack)
{
	size_t bytes = ROOM + 3 * own + policy->workers * WORKER_BYTES;

	if (policy->process_memory > 0)
		return policy->process_memory * MIB;
	if (policy->http_listen.len > 0)
		bytes += policy->http_connections * CLIENT_BYTES;
	if (policy->http_listen.len > 0 || policy->control_listen.len > 0)
		bytes += HTTP_THREADS * stack;
	return bytes;
}

/* RLIM_INFINITY is the highest of all numbers. */
static void
raise_files(rlim_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void
lower_memory(rlim_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) == -1 || limit.rlim_cur <= wanted)
		return;
	limit.rlim_cur = wanted;        /* which is below the hard limit, as the soft one was */
	(void)setrlimit(RLIMIT_DATA, &limit);
}

void
limits_set(const struct policy *policy)
{
#ifdef M_ARENA_MAX
	(void)mallopt(M_ARENA_MAX, 2);
#endif
	raise_files(
	    FCGI_CONNECTIONS_MAX + policy->workers + policy->http_connections + CONTROL_CONNECTIONS + OTHER_FILES);
	if (!SANITIZED)
		lower_memory(limits_memory(policy, own_memory(), standard_stack()));
}
