/* SPDX-License-Identifier: MIT */
/*
 * Reading small files.  Everything goes through one open and one fstat of the
 * same descriptor, so what is read and what is believed about it agree.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int
write_whole(int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.p, text.len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		text = str_sub(text, (size_t)n, text.len);
	}
	return fsync(fd) == -1 ? -errno : 0;    /* contents before the rename: a crash leaves no empty file */
}

/* The length of the folder's part of `path`; 0 when there is none. */
static size_t
folder_length(const char *path)
{
	struct str whole = str_of(path);
	size_t slash = str_find_last(whole, '/');

	return slash == whole.len ? 0 : slash + 1;
}

/*
 * So that what was done in the folder outlives a crash of the machine.  Where that cannot be had, what was done is done
 * all the same, and seen by everybody: it would be a lie to call it a failure.
 */
static void
sync_folder(const char *path)
{
	char folder[PATH_MAX];
	size_t len = folder_length(path);
	int fd;

	if (len >= sizeof folder)
		return;
	memcpy(folder, path, len);
	(void)snprintf(folder + len, sizeof folder - len, ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)                   /* a folder may be writable and not readable, too */
		return;
	(void)fsync(fd);
	(void)close(fd);
}

/* The mode and owner that the new file shall have: those of the old one, if there is one. */
static int
take_over(int fd, const char *path, mode_t mode)
{
	struct stat old;

	if (lstat(path, &old) == -1 || S_ISLNK(old.st_mode))
		return fchmod(fd, mode) == -1 ? -errno : 0;
	if (!S_ISREG(old.st_mode))
		return S_ISDIR(old.st_mode) ? -EISDIR : -ENODEV;
	/* only root may give a file away; a group one belongs to is kept in any case */
	if (fchown(fd, old.st_uid, old.st_gid) == -1 && fchown(fd, (uid_t)-1, old.st_gid) == -1 && errno != EPERM)
		return -errno;
	return fchmod(fd, old.st_mode & 0777) == -1 ? -errno : 0;
}

/*
 * The file that is to be replaced.  A link is followed where root or the caller put it; one of somebody else who may
 * write in the folder would choose what root overwrites, and is itself replaced.
 */
static int
find_target(const char *path, char target[PATH_MAX])
{
	struct stat status;
	bool follow = lstat(path, &status) == 0 && S_ISLNK(status.st_mode) &&
	    (status.st_uid == 0 || status.st_uid == geteuid());

	if (follow && realpath(path, target) != NULL)
		return 0;
	return snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int
file_write(const char *path, struct str text, mode_t mode)
{
	char target[PATH_MAX], temporary[PATH_MAX];
	size_t folder;
	int fd, rc, len;

	rc = find_target(path, target);
	if (rc != 0)
		return rc;
	folder = folder_length(target);
	len = snprintf(temporary, sizeof temporary, "%.*s.%s.XXXXXX.tmp", (int)folder, target, target + folder);
	if (len < 0 || (size_t)len >= sizeof temporary)
		return -ENAMETOOLONG;
	fd = mkostemps(temporary, 4, O_CLOEXEC);
	if (fd == -1)
		return -errno;
	rc = take_over(fd, target, mode);
	if (rc == 0)
		rc = write_whole(fd, text);
	if (close(fd) == -1 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(temporary, target) == -1)
		rc = -errno;
	if (rc != 0)
		(void)unlink(temporary);        /* the first error is the one to tell */
	else
		sync_folder(target);
	return rc;
}

int
file_create_empty(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd == -1)
		return -errno;
	(void)close(fd);
	sync_folder(path);
	return 0;
}

void
file_join_folder(int fd, const char *path)
{
	size_t len = folder_length(path);
	char folder[PATH_MAX];
	struct stat status, own;

	if (len >= sizeof folder)
		return;
	memcpy(folder, path, len);
	(void)snprintf(folder + len, sizeof folder - len, ".");
	if (stat(folder, &status) == -1 || fstat(fd, &own) == -1)
		return;
	if (fchown(fd, geteuid() == 0 ? status.st_uid : (uid_t)-1, status.st_gid) == -1)
		return;                 /* not in that group: then it stays the maker's alone */
	if ((status.st_mode & S_IWGRP) != 0)
		(void)fchmod(fd, (own.st_mode & 07777) | (S_ISDIR(own.st_mode) ? S_IRWXG : S_IRGRP | S_IWGRP));
}

int
file_make_folder(const char *path, mode_t mode)
{
	int fd;

	if (mkdir(path, mode) == -1)
		return errno == EEXIST ? 0 : -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	/* by its descriptor: by now the name may be somebody's link */
	if (fchmod(fd, mode) == 0)
		file_join_folder(fd, path);
	(void)close(fd);
	return 0;
}

int
file_remove(const char *path)
{
	if (unlink(path) == -1)
		return -errno;
	sync_folder(path);
	return 0;
}

bool
file_is_temporary(const char *name)
{
	return name[0] == '.' && str_ends(str_of(name), STR(".tmp")) && str_of(name).len > sizeof ".XXXXXX.tmp";
}

struct str
file_resolve(struct str beside, struct str name, struct arena *arena)
{
	size_t slash = str_find_last(beside, '/');

	if (str_starts(name, STR("/")) || slash == beside.len)
		return arena_copy(arena, name);
	return arena_printf(arena, "%.*s/%.*s", (int)slash, beside.p, STR_ARG(name));
}
