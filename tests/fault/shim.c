/* SPDX-License-Identifier: MIT */
/*
 * A library for LD_PRELOAD: one call of one function of libc fails, and everything else is as ever.
 *
 * WARDEN_FAULT_PAGE names a file of PAGE_SIZE bytes, shared by a test and by all processes that it starts.  The test
 * writes there what shall fail; it reads there how often each function was called since main(), whether the fault has
 * come, who made the call, and which signal ended a process.  test_torture.py knows the page from what stands there.
 *
 *     cc -shared -fPIC -O1 -fno-builtin -o shim.so shim.c -ldl
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE_SIZE   16384
#define TRACE_SIZE  1024
#define FRAMES      24
#define NAME_SIZE   24

/* What fails in the usual way: type, name, parameters, arguments, what it returns then (errno says why). */
#define PLAIN(X) \
	X(void *, realloc, (void *p, size_t n), (p, n), NULL) \
	X(void *, reallocarray, (void *p, size_t n, size_t m), (p, n, m), NULL) \
	X(char *, strdup, (const char *s), (s), NULL) \
	X(char *, strndup, (const char *s, size_t n), (s, n), NULL) \
	X(void *, mmap, (void *p, size_t n, int a, int b, int fd, off_t o), (p, n, a, b, fd, o), MAP_FAILED) \
	X(int, fsync, (int fd), (fd), -1) \
	X(int, fdatasync, (int fd), (fd), -1) \
	X(int, ftruncate, (int fd, off_t n), (fd, n), -1) \
	X(int, flock, (int fd, int how), (fd, how), -1) \
	X(int, rename, (const char *a, const char *b), (a, b), -1) \
	X(int, link, (const char *a, const char *b), (a, b), -1) \
	X(int, unlink, (const char *a), (a), -1) \
	X(int, unlinkat, (int fd, const char *a, int f), (fd, a, f), -1) \
	X(int, rmdir, (const char *a), (a), -1) \
	X(int, mkdir, (const char *a, mode_t m), (a, m), -1) \
	X(int, mkstemp, (char *a), (a), -1) \
	X(int, mkostemps, (char *a, int n, int f), (a, n, f), -1) \
	X(char *, mkdtemp, (char *a), (a), NULL) \
	X(int, stat, (const char *a, struct stat *s), (a, s), -1) \
	X(int, lstat, (const char *a, struct stat *s), (a, s), -1) \
	X(int, fstat, (int fd, struct stat *s), (fd, s), -1) \
	X(int, fstatat, (int fd, const char *a, struct stat *s, int f), (fd, a, s, f), -1) \
	X(int, statfs, (const char *a, struct statfs *s), (a, s), -1) \
	X(int, access, (const char *a, int m), (a, m), -1) \
	X(int, chmod, (const char *a, mode_t m), (a, m), -1) \
	X(int, fchmod, (int fd, mode_t m), (fd, m), -1) \
	X(int, chown, (const char *a, uid_t u, gid_t g), (a, u, g), -1) \
	X(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g), -1) \
	X(ssize_t, readlink, (const char *a, char *b, size_t n), (a, b, n), -1) \
	X(char *, realpath, (const char *a, char *b), (a, b), NULL) \
	X(char *, __realpath_chk, (const char *a, char *b, size_t n), (a, b, n), NULL) \
	X(DIR *, opendir, (const char *a), (a), NULL) \
	X(struct dirent *, readdir, (DIR *d), (d), NULL) \
	X(int, scandir, (const char *a, struct dirent ***l, int (*f)(const struct dirent *), \
	    int (*c)(const struct dirent **, const struct dirent **)), (a, l, f, c), -1) \
	X(FILE *, fopen, (const char *a, const char *m), (a, m), NULL) \
	X(FILE *, fdopen, (int fd, const char *m), (fd, m), NULL) \
	X(FILE *, open_memstream, (char **p, size_t *n), (p, n), NULL) \
	X(int, fflush, (FILE *f), (f), EOF) \
	X(ssize_t, __getdelim, (char **p, size_t *n, int c, FILE *f), (p, n, c, f), -1) \
	X(char *, fgets, (char *p, int n, FILE *f), (p, n, f), NULL) \
	X(int, socket, (int a, int b, int c), (a, b, c), -1) \
	X(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1) \
	X(int, listen, (int fd, int n), (fd, n), -1) \
	X(int, accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1) \
	X(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f), (fd, a, n, f), -1) \
	X(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1) \
	X(int, shutdown, (int fd, int how), (fd, how), -1) \
	X(int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1) \
	X(int, getsockopt, (int fd, int l, int o, void *p, socklen_t *n), (fd, l, o, p, n), -1) \
	X(int, setsockopt, (int fd, int l, int o, const void *p, socklen_t n), (fd, l, o, p, n), -1) \
	X(int, epoll_create1, (int f), (f), -1) \
	X(int, epoll_ctl, (int set, int op, int fd, struct epoll_event *e), (set, op, fd, e), -1) \
	X(int, epoll_wait, (int set, struct epoll_event *e, int n, int t), (set, e, n, t), -1) \
	X(int, eventfd, (unsigned v, int f), (v, f), -1) \
	X(int, eventfd_read, (int fd, eventfd_t *v), (fd, v), -1) \
	X(int, eventfd_write, (int fd, eventfd_t v), (fd, v), -1) \
	X(int, poll, (struct pollfd *p, nfds_t n, int t), (p, n, t), -1) \
	X(int, pipe, (int p[2]), (p), -1) \
	X(int, pipe2, (int p[2], int f), (p, f), -1) \
	X(int, dup2, (int a, int b), (a, b), -1) \
	X(pid_t, fork, (void), (), -1) \
	X(pid_t, waitpid, (pid_t p, int *s, int f), (p, s, f), -1) \
	X(int, clock_gettime, (clockid_t c, struct timespec *t), (c, t), -1) \
	X(int, nanosleep, (const struct timespec *a, struct timespec *b), (a, b), -1) \
	X(int, sigtimedwait, (const sigset_t *s, siginfo_t *i, const struct timespec *t), (s, i, t), -1)

/* What returns the error, and leaves errno alone. */
#define RETURNED(X) \
	X(int, posix_memalign, (void **p, size_t a, size_t n), (p, a, n)) \
	X(int, posix_fallocate, (int fd, off_t a, off_t n), (fd, a, n)) \
	X(int, posix_spawn, (pid_t *p, const char *a, const posix_spawn_file_actions_t *f, const posix_spawnattr_t *t, \
	    char *const *v, char *const *e), (p, a, f, t, v, e)) \
	X(int, posix_spawnp, (pid_t *p, const char *a, const posix_spawn_file_actions_t *f, const posix_spawnattr_t *t, \
	    char *const *v, char *const *e), (p, a, f, t, v, e)) \
	X(int, posix_spawnattr_init, (posix_spawnattr_t *t), (t)) \
	X(int, posix_spawn_file_actions_init, (posix_spawn_file_actions_t *t), (t)) \
	X(int, posix_spawn_file_actions_adddup2, (posix_spawn_file_actions_t *t, int a, int b), (t, a, b)) \
	X(int, pthread_create, (pthread_t *p, const pthread_attr_t *a, void *(*f)(void *), void *c), (p, a, f, c)) \
	X(int, pthread_attr_init, (pthread_attr_t *a), (a)) \
	X(int, pthread_attr_setstacksize, (pthread_attr_t *a, size_t n), (a, n)) \
	X(int, pthread_key_create, (pthread_key_t *k, void (*f)(void *)), (k, f)) \
	X(int, pthread_setspecific, (pthread_key_t k, const void *p), (k, p))

/* What moves up to `n` bytes; with error 0 it moves half of them. */
#define MOVING(X) \
	X(read, (int fd, void *p, size_t n), (fd, p, n)) \
	X(pread, (int fd, void *p, size_t n, off_t o), (fd, p, n, o)) \
	X(write, (int fd, const void *p, size_t n), (fd, p, n)) \
	X(pwrite, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o)) \
	X(send, (int fd, const void *p, size_t n, int f), (fd, p, n, f)) \
	X(recv, (int fd, void *p, size_t n, int f), (fd, p, n, f)) \
	X(getrandom, (void *p, size_t n, unsigned f), (p, n, f))

/* What is written out below. */
#define OTHER(X) X(malloc) X(calloc) X(open) X(openat) X(fcntl) X(close) X(writev) X(sendmsg)

#define FIRST(name, ...) F_##name,
#define SECOND(type, name, ...) F_##name,
enum function { PLAIN(SECOND) RETURNED(SECOND) MOVING(FIRST) OTHER(FIRST) FUNCTIONS };

struct page {
	_Atomic(int32_t)  armed;                /* the number of a function; -1: none */
	_Atomic(int32_t)  error;                /* 0: a short count */
	_Atomic(uint64_t) first, times;         /* the first call that fails, from 1; and how many do */
	_Atomic(uint64_t) fired;
	_Atomic(int32_t)  signal, pid;          /* of the process that crashed; 0: none did */
	uint32_t          functions;
	uint32_t          unused;
	char              caller[TRACE_SIZE], crash[TRACE_SIZE];        /* OBJECT+OFFSET of each frame, inner first */
	struct {
		char              name[NAME_SIZE];
		_Atomic(uint64_t) calls;
	} function[];
};

static struct page *page;
static bool begun;              /* main() has; what libraries do before it is not the program's */
static __thread bool inside __attribute__((tls_model("initial-exec")));

static void
add_text(char *out, size_t *len, const char *text)
{
	while (*text != '\0' && *len < TRACE_SIZE - 1)
		out[(*len)++] = *text++;
	out[*len] = '\0';
}

static void
add_frame(char *out, size_t *len, void *address)
{
	static const char digits[] = "0123456789abcdef";
	char hex[20] = { 0 };
	const char *name = "?";
	uintptr_t offset = (uintptr_t)address;
	size_t at = sizeof hex - 1;
	Dl_info info;

	if (dladdr(address, &info) != 0 && info.dli_fname != NULL) {
		name = strrchr(info.dli_fname, '/') != NULL ? strrchr(info.dli_fname, '/') + 1 : info.dli_fname;
		offset -= (uintptr_t)info.dli_fbase;
	}
	for (; offset > 0; offset /= 16)
		hex[--at] = digits[offset % 16];
	add_text(out, len, name);
	add_text(out, len, "+0x");
	add_text(out, len, hex + at);
	add_text(out, len, " ");
}

static void
note_trace(char *out)
{
	void *frames[FRAMES];
	int count = backtrace(frames, FRAMES);
	size_t len = 0;

	for (int i = 0; i < count; i++)
		add_frame(out, &len, frames[i]);
}

/* Counts the call; true when it is to fail. */
static bool
fails(enum function f)
{
	uint64_t n;

	if (page == NULL || !begun || inside)
		return false;
	n = atomic_fetch_add(&page->function[f].calls, 1) + 1;
	if (atomic_load(&page->armed) != (int32_t)f || n < page->first || n - page->first >= page->times)
		return false;
	if (atomic_fetch_add(&page->fired, 1) == 0) {
		inside = true;
		note_trace(page->caller);
		inside = false;
	}
	errno = page->error;
	return true;
}

static void *
real(const char *name)
{
	bool before = inside;
	void *found;

	inside = true;
	found = dlsym(RTLD_NEXT, name);
	inside = before;
	if (found == NULL)
		_exit(127);
	return found;
}

#define FIND(name) \
	if (real_##name == NULL) \
		real_##name = real(#name)

#define DEFINE_PLAIN(type, name, parameters, arguments, failure) \
	static type (*real_##name) parameters; \
	type name parameters \
	{ \
		FIND(name); \
		return fails(F_##name) ? failure : real_##name arguments; \
	}
#define DEFINE_RETURNED(type, name, parameters, arguments) \
	static type (*real_##name) parameters; \
	type name parameters \
	{ \
		FIND(name); \
		return fails(F_##name) ? page->error : real_##name arguments; \
	}
#define DEFINE_MOVING(name, parameters, arguments) \
	static ssize_t (*real_##name) parameters; \
	ssize_t name parameters \
	{ \
		FIND(name); \
		if (fails(F_##name)) { \
			if (page->error != 0 || n < 2) \
				return -1; \
			n /= 2; \
		} \
		return real_##name arguments; \
	}

PLAIN(DEFINE_PLAIN)
RETURNED(DEFINE_RETURNED)
MOVING(DEFINE_MOVING)

/* dlsym() itself may want memory: these two by the names that glibc has for them. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);

void *
malloc(size_t size)
{
	return fails(F_malloc) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails(F_calloc) ? NULL : __libc_calloc(count, size);
}

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_fcntl)(int, int, ...);
static int (*real_close)(int);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);

int
open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = va_arg(more, mode_t);
	va_end(more);
	FIND(open);
	return fails(F_open) ? -1 : real_open(path, flags, mode);
}

int
openat(int fd, const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = va_arg(more, mode_t);
	va_end(more);
	FIND(openat);
	return fails(F_openat) ? -1 : real_openat(fd, path, flags, mode);
}

int
fcntl(int fd, int command, ...)
{
	va_list more;
	void *argument;

	va_start(more, command);
	argument = va_arg(more, void *);
	va_end(more);
	FIND(fcntl);
	return fails(F_fcntl) ? -1 : real_fcntl(fd, command, argument);
}

/* A descriptor is gone even where close() fails. */
int
close(int fd)
{
	bool failed = fails(F_close);
	int rc;

	FIND(close);
	rc = real_close(fd);
	if (!failed)
		return rc;
	errno = page->error;
	return -1;
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	FIND(writev);
	return fails(F_writev) ? -1 : real_writev(fd, parts, count);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	FIND(sendmsg);
	return fails(F_sendmsg) ? -1 : real_sendmsg(fd, message, flags);
}

/* --- the page, and when to begin --- */

static void
crashed(int signal)
{
	if (page != NULL && atomic_exchange(&page->signal, signal) == 0) {
		inside = true;
		page->pid = getpid();
		note_trace(page->crash);
	}
	(void)raise(signal);            /* by SA_RESETHAND as without this library */
}

static void
open_page(void)
{
	static const char *const names[] = {
#define NAME1(name, ...) #name,
#define NAME2(type, name, ...) #name,
		PLAIN(NAME2) RETURNED(NAME2) MOVING(NAME1) OTHER(NAME1)
	};
	const char *path = getenv("WARDEN_FAULT_PAGE");
	int fd = path == NULL ? -1 : (int)syscall(SYS_open, path, O_RDWR | O_CLOEXEC);
	void *found = fd == -1 ? NULL : (void *)syscall(SYS_mmap, NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);

	if (fd == -1 || found == MAP_FAILED)
		return;
	(void)syscall(SYS_close, fd);
	page = found;
	for (size_t i = 0; i < FUNCTIONS; i++)
		(void)strncpy(page->function[i].name, names[i], NAME_SIZE - 1);
	page->functions = FUNCTIONS;
}

static void __attribute__((constructor))
prepare(void)
{
	static const int signals[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };
	struct sigaction action = { .sa_handler = crashed, .sa_flags = SA_RESETHAND | SA_NODEFER };
	void *frames[1];

	_Static_assert(sizeof(struct page) + FUNCTIONS * (NAME_SIZE + 8) <= PAGE_SIZE, "the page is large enough");
	(void)backtrace(frames, 1);     /* loads what it needs */
	open_page();
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		(void)sigaction(signals[i], &action, NULL);
}

typedef int main_function(int, char **, char **);

int
__libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
    void (*rtld_fini)(void), void *stack_end)
{
	int (*start)(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *) =
	    real("__libc_start_main");

	begun = true;
	return start(main, argc, argv, init, fini, rtld_fini, stack_end);
}
