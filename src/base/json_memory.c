/* SPDX-License-Identifier: MIT */
/* jansson's allocator is malloc(), and counts what malloc() refuses. */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/json_memory.h"

static _Thread_local unsigned long refused;

static void *
counted_malloc(size_t size)
{
	void *memory = malloc(size);

	refused += memory == NULL;
	return memory;
}

void
json_memory_watch(void)
{
	json_set_alloc_funcs(counted_malloc, free);
}

unsigned long
json_memory_refused(void)
{
	return refused;
}
