/* SPDX-License-Identifier: MIT */
/* Open addressing: a name stands in the row of its hash, or in the next free one.  Half of the rows stay empty. */
#include "config.h"

#include <assert.h>

#include "base/table.h"

#define ROWS_LEAST 4

struct table_row {
	struct str name;
	uint32_t   hash;
	bool       taken;
	size_t     number;
};

bool
table_init(struct table *table, size_t most, struct arena *arena)
{
	size_t count = ROWS_LEAST;

	assert(most <= TABLE_MAX);
	while (count <= 2 * most)
		count *= 2;
	table->rows = arena_zalloc(arena, count, sizeof *table->rows);
	table->row_count = table->rows == NULL ? 0 : count;
	return table->rows != NULL;
}

/* The row of `name`, or the empty one where it belongs; there always is one. */
static struct table_row *
find_row(const struct table *table, struct str name, uint32_t hash)
{
	size_t mask = table->row_count - 1, index = hash & mask;

	while (table->rows[index].taken &&
	    (table->rows[index].hash != hash || !str_eq(table->rows[index].name, name)))
		index = (index + 1) & mask;
	return &table->rows[index];
}

static uint32_t
hash_of(struct str name)
{
	uint64_t hash = str_hash(STR_HASH_SEED, name);

	return (uint32_t)(hash ^ hash >> 32);
}

bool
table_add(struct table *table, struct str name, size_t number)
{
	uint32_t hash = hash_of(name);
	struct table_row *row;

	assert(table->row_count > 0);
	row = find_row(table, name, hash);
	if (row->taken)
		return false;
	*row = (struct table_row){ name, hash, true, number };
	return true;
}

bool
table_find(const struct table *table, struct str name, size_t *ret)
{
	const struct table_row *row;

	if (table->row_count == 0)
		return false;
	row = find_row(table, name, hash_of(name));
	if (row->taken)
		*ret = row->number;
	return row->taken;
}
