/*
 * Names to numbers: a hash table whose room is known from the start.  Names are not copied.  One thread fills it, then
 * any number read.  All zero is an empty table, in which nothing is found.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/arena.h"

struct table_row;

struct table {
	struct table_row *rows;
	size_t            row_count;    /* a power of two, more than twice the names; 0 while empty */
};

/* Room for `most` names, 0 to TABLE_MAX, in `arena`.  False when the arena is full. */
bool table_init(struct table *table, size_t most, struct arena *arena);
#define TABLE_MAX ((size_t)1 << 30)

/* Adds `name`, which must live as long as the table.  False when it was there: then its first number stays. */
bool table_add(struct table *table, struct str name, size_t number);

/* Whether `name` is there; then its number is in `*ret`. */
bool table_find(const struct table *table, struct str name, size_t *ret);

#endif
