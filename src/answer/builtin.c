/* SPDX-License-Identifier: MIT */
/* Choosing among the built-in pages by their file names. */
#include "config.h"

#include <assert.h>
#include <stdio.h>

#include "answer/builtin.h"

static const struct builtin_file *
find(const char *name)
{
	for (size_t i = 0; i < builtin_file_count; i++)
		if (str_eq(str_of(builtin_files[i].name), str_of(name)))
			return &builtin_files[i];
	return NULL;
}

const struct builtin_file *
builtin_page(struct str language, enum format format)
{
	const struct builtin_file *file;
	char name[64];

	(void)snprintf(name, sizeof name, "page.%.*s.%s", STR_ARG(str_sub(language, 0, 16)), format_extension(format));
	file = find(name);
	if (file == NULL) {
		(void)snprintf(name, sizeof name, "page.%s", format_extension(format));
		file = find(name);
	}
	assert(file != NULL);           /* the build puts them in */
	return file;
}
