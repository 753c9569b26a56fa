/* SPDX-License-Identifier: MIT */
/*
 * The wall clock as a test sets it: the file that WARDEN_TEST_CLOCK names holds UTC seconds.  Linked before
 * libwarden.a, in place of base/now.c; nothing that is installed has it.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

int64_t
clock_now(void)
{
	const char *path = getenv("WARDEN_TEST_CLOCK");
	FILE *file = path == NULL ? NULL : fopen(path, "re");
	long long now = 0;
	int read;

	if (file == NULL)
		return (int64_t)time(NULL);
	read = fscanf(file, "%lld", &now);
	assert(read == 1);
	(void)read;
	(void)fclose(file);
	return (int64_t)now;
}

int64_t
clock_monotonic_ms(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
