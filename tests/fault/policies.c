/* SPDX-License-Identifier: MIT */
/*
 * Many configurations in one process, for test_configurations.py.  From standard input each with its length in a line
 * before it; to standard output, for each of them, "ERRORS WARNINGS SECTIONS SETTINGS ENTRIES MILLISECONDS", a line for
 * each problem, and ".".   usage: policies FOLDER, where the configuration is put as warden.ini
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/policy.h"

#define TEXT_MAX  (4u << 20)
#define ARENA_MAX ((size_t)256 << 20)

/* What is in force. */
struct force {
	size_t sections, settings, entries;
};

static bool
read_case(char *text, size_t *ret_len)
{
	unsigned long len;
	char line[32], *end;

	if (fgets(line, sizeof line, stdin) == NULL)
		return false;
	len = strtoul(line, &end, 10);
	if (*end != '\n' || len > TEXT_MAX || fread(text, 1, len, stdin) != len)
		return false;
	*ret_len = len;
	return true;
}

static void
write_case(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fwrite(text, 1, len, file) != len || fclose(file) != 0) {
		perror(path);
		exit(3);
	}
}

static void
add_section(const struct section *section, struct force *force)
{
	force->sections++;
	for (int i = 0; i < KEY_COUNT; i++) {
		force->settings += section->v[i].set;
		force->entries += section->v[i].set ? section->v[i].item_count : 0;
	}
	for (const struct local_value *l = section->local; l != NULL; l = l->next)
		force->settings++;
}

static struct force
in_force(const char *path, struct arena *arena)
{
	struct values values = { .trial = STR_NONE };
	struct problems problems = { .arena = arena };
	const struct section_list *lists[] = { &values.named, &values.profiles, &values.windows };
	struct force force = { 0 };

	values_load(&values, str_of(path), arena, &problems);
	add_section(&values.gateway, &force);
	add_section(&values.site, &force);
	add_section(&values.policy, &force);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		for (const struct section *s = lists[i]->first; s != NULL; s = s->next)
			add_section(s, &force);
	return force;
}

static void
answer(const char *path, int rc, const struct problems *problems, int64_t began, struct arena *arena)
{
	struct force force = { 0 };
	char text[1024];

	if (rc == 0)
		force = in_force(path, arena);
	(void)printf("%u %u %zu %zu %zu %lld\n", rc == 0 ? 0 : problems->errors + (problems->errors == 0),
	    problems->warnings, force.sections, force.settings, force.entries,
	    (long long)(clock_monotonic_ms() - began));
	for (const struct problem *p = problems->first; p != NULL; p = p->next) {
		problem_format(p, text, sizeof text);
		(void)puts(text);
	}
	(void)puts(".");
	(void)fflush(stdout);
}

int
main(int argc, char **argv)
{
	char *text = malloc(TEXT_MAX), path[PATH_MAX];
	size_t len;

	if (argc != 2 || text == NULL || secret_init() != 0)
		return 2;
	(void)snprintf(path, sizeof path, "%s/warden.ini", argv[1]);
	while (read_case(text, &len)) {
		struct arena *arena = arena_new_growing(ARENA_MAX);
		struct problems problems = { .arena = arena };
		struct policy *policy = NULL;
		int64_t began = clock_monotonic_ms();
		int rc;

		write_case(path, text, len);
		rc = policy_compile(str_of(path), NULL, &problems, &policy);
		answer(path, rc, &problems, began, arena);
		if (rc == 0)
			policy_free(policy);
		arena_free(arena);
	}
	free(text);
	return 0;
}
