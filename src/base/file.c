/* SPDX-License-Identifier: MIT */
/*
 * Reading small files.  Everything goes through one open and one fstat of the
 * same descriptor, so what is read and what is believed about it agree.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"

#define FRESH_SECONDS 2

struct file_identity
file_identity_of(const struct stat *status)
{
	return (struct file_identity){
		.device = status->st_dev, .inode = status->st_ino, .size = status->st_size,
		.mtime = status->st_mtim, .ctime = status->st_ctim,
	};
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
file_identity_eq(const struct file_identity *a, const struct file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	    same_time(a->mtime, b->mtime) && same_time(a->ctime, b->ctime);
}

bool
file_identity_fresh(const struct file_identity *identity, int64_t now)
{
	/* A time ahead of the clock may be met again, so it counts as fresh too. */
	return identity->mtime.tv_sec >= now - FRESH_SECONDS ||
	    identity->ctime.tv_sec >= now - FRESH_SECONDS;
}

/* A short read is the end of the file: it shrank since fstat. */
static int
read_up_to(int fd, char *data, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, data + len, size - len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

static int
read_regular(int fd, size_t max, struct arena *arena, struct str *ret,
    struct file_identity *ret_identity)
{
	struct stat status;
	size_t len = 0;
	char *data;
	int rc;

	if (fstat(fd, &status) == -1)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	if (!S_ISREG(status.st_mode))
		return -ENODEV;
	if (status.st_size < 0 || (uintmax_t)status.st_size > max)
		return -EFBIG;
	data = arena_alloc(arena, (size_t)status.st_size + 1);
	if (data == NULL)
		return -ENOMEM;
	rc = read_up_to(fd, data, (size_t)status.st_size, &len);
	if (rc != 0)
		return rc;
	data[len] = '\0';
	*ret = (struct str){ data, len };
	if (ret_identity != NULL)
		*ret_identity = file_identity_of(&status);
	return 0;
}

int
file_read(const char *path, size_t max, struct arena *arena, struct str *ret,
    struct file_identity *ret_identity)
{
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return -errno;
	rc = read_regular(fd, max, arena, ret, ret_identity);
	(void)close(fd);                /* only read from: nothing to lose */
	return rc;
}

struct str
file_resolve(struct str beside, struct str name, struct arena *arena)
{
	size_t slash = str_find_last(beside, '/');

	if (str_starts(name, STR("/")) || slash == beside.len)
		return arena_copy(arena, name);
	return arena_printf(arena, "%.*s/%.*s", (int)slash, beside.p, STR_ARG(name));
}
