/* SPDX-License-Identifier: MIT */
/*
 * The program behind tests/fuzz/run: libFuzzer with all targets in it, of which --target=NAME is run; --list names
 * them.  Needs clang.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "fuzz.h"

#define COPIES_MAX 8192    /* two for each line of the longest input */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *name;
	void      (*run)(struct str input);
} targets[] = {
#define TARGET(name) { #name, fuzz_##name },
#include "targets.def"
#undef TARGET
};

static void (*target)(struct str input);
static void *copies[COPIES_MAX];
static size_t copy_count;
static struct arena *arena;

struct arena *
fuzz_arena(size_t max)
{
	arena_free(arena);
	arena = arena_new_growing(max);
	assert(arena != NULL);
	return arena;
}

static char *
keep(size_t size)
{
	char *memory = malloc(size);

	assert(memory != NULL && copy_count < COPIES_MAX);
	copies[copy_count++] = memory;
	return memory;
}

struct str
fuzz_copy(struct str text)
{
	char *copy = keep(text.len);

	if (text.len > 0)
		memcpy(copy, text.p, text.len);
	return (struct str){ copy, text.len };
}

struct str
fuzz_field(struct str *rest)
{
	size_t end = str_find(*rest, '\n');
	struct str field = str_sub(*rest, 0, end);

	*rest = str_sub(*rest, end + 1, rest->len);
	return copy_count + 2 < COPIES_MAX ? fuzz_copy(field) : field;
}

char *
fuzz_line(struct str text)
{
	size_t len = str_find(text, '\0');
	char *copy = keep(len + 1);

	if (len > 0)
		memcpy(copy, text.p, len);
	copy[len] = '\0';
	return copy;
}

const char *
fuzz_file(struct str text)
{
	static char path[64];
	static int fd = -1;

	if (fd == -1) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		assert(fd != -1 && fchmod(fd, 0600) == 0);      /* an INI that others can write is refused */
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	assert(ftruncate(fd, 0) == 0 && pwrite(fd, text.p, text.len, 0) == (ssize_t)text.len);
	return path;
}

unsigned
fuzz_byte(struct str *rest)
{
	unsigned byte = rest->len > 0 ? (unsigned char)rest->p[0] : 0;

	*rest = str_sub(*rest, 1, rest->len);
	return byte;
}

bool
fuzz_is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	return true;
}

static void
list(void)
{
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		(void)puts(targets[i].name);
	exit(0);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char option[] = "--target=";

	for (int i = 1; i < *argc; i++) {
		const char *argument = (*argv)[i];

		if (strcmp(argument, "--list") == 0)
			list();
		for (size_t j = 0; j < sizeof targets / sizeof *targets; j++)
			if (strncmp(argument, option, sizeof option - 1) == 0 &&
			    strcmp(argument + sizeof option - 1, targets[j].name) == 0)
				target = targets[j].run;
	}
	if (target == NULL) {
		(void)fputs("usage: fuzz --list | --target=NAME [LIBFUZZER'S ARGUMENTS]\n", stderr);
		exit(2);
	}
	assert(secret_init() == 0);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	target((struct str){ (const char *)data, size });
	while (copy_count > 0)
		free(copies[--copy_count]);
	return 0;
}
