/* SPDX-License-Identifier: MIT */
/*
 * For LD_PRELOAD: stat() of a file named maintenance.flag fails with the number that stands in the file which
 * WARDEN_STAT_ERRNO names, while that file is there.   cc -shared -fPIC -o stat_errno.so stat_errno.c
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
asked_for(const char *path)
{
	const char *from = getenv("WARDEN_STAT_ERRNO"), *name = strrchr(path, '/');
	FILE *file = from == NULL || name == NULL || strcmp(name, "/maintenance.flag") != 0 ? NULL : fopen(from, "re");
	int number = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%d", &number) != 1)
		number = 0;
	(void)fclose(file);
	return number;
}

/* What the function `name` of libc answers, unless it is to fail. */
static int
answer(const char *name, const char *restrict path, struct stat *restrict status)
{
	int (*real)(const char *restrict, struct stat *restrict);
	int number = asked_for(path);

	*(void **)&real = dlsym(RTLD_NEXT, name);
	if (number == 0)
		return real(path, status);
	errno = number;
	return -1;
}

int
stat(const char *restrict path, struct stat *restrict status)
{
	return answer("stat", path, status);
}

int
lstat(const char *restrict path, struct stat *restrict status)
{
	return answer("lstat", path, status);
}
