/* SPDX-License-Identifier: MIT */
/*
 * The shared mapping of counters.  A row belongs to a site's name; a new name takes the next free row by one
 * compare-and-swap of its state, so two processes never name the same row.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "record/counters.h"

#define ROWS       256          /* the last is for all sites that have none of their own */
#define ROW_ROOM   32           /* counters a row has room for */
#define SLOT_PLANNED (ROW_ROOM - 2)     /* these two are points in time, 0 where there is none */
#define SLOT_ENDED   (ROW_ROOM - 1)
#define NAME_ROOM  72
#define MAGIC      UINT64_C(0x31307465736e7557)         /* changes when the meaning of a row does */

_Static_assert(COUNTER_COUNT <= SLOT_PLANNED, "a row has room for every counter");

enum row_state { ROW_FREE, ROW_TAKING, ROW_TAKEN };

struct row {
	_Atomic(uint64_t) state;
	char              name[NAME_ROOM];
	_Atomic(uint64_t) marked;
	_Atomic(uint64_t) v[ROW_ROOM];
	_Atomic(uint64_t) mark[ROW_ROOM];
};

struct mapped {
	_Atomic(uint64_t) magic;
	struct row        rows[ROWS];
};

struct counters {
	struct mapped *mapped;
};

static int
map(int fd, const char *path, bool write, struct mapped **ret)
{
	struct stat status;
	uint64_t magic = 0;
	void *memory;

	if (fstat(fd, &status) == -1)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADMSG;
	if (write && status.st_size == 0) {
		int rc = -posix_fallocate(fd, 0, sizeof(struct mapped));

		if (rc == 0)
			file_join_folder(fd, path);
		/* not ftruncate(): a page that finds no room when it is written to is a SIGBUS */
		if (rc != 0)
			return ftruncate(fd, 0) == -1 ? -errno : rc;
	}
	if ((!write || status.st_size != 0) && status.st_size != (off_t)sizeof(struct mapped))
		return -EBADMSG;
	memory = mmap(NULL, sizeof(struct mapped), write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*ret = memory;
	if (write)
		(void)atomic_compare_exchange_strong(&(*ret)->magic, &magic, MAGIC);
	if (atomic_load(&(*ret)->magic) == MAGIC)
		return 0;
	(void)munmap(memory, sizeof(struct mapped));
	return -EBADMSG;
}

int
counters_open(struct str state_dir, bool write, struct counters **ret)
{
	struct counters *counters = calloc(1, sizeof *counters);
	char path[PATH_MAX];
	int len = snprintf(path, sizeof path, "%.*s/counters", STR_ARG(state_dir));
	int fd, rc;

	if (counters == NULL || len < 0 || (size_t)len >= sizeof path) {
		free(counters);
		return -ENOMEM;
	}
	fd = open(path, (write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	rc = fd == -1 ? -errno : map(fd, path, write, &counters->mapped);
	if (fd != -1)
		(void)close(fd);
	if (rc != 0)
		free(counters);
	else
		*ret = counters;
	return rc;
}

void
counters_close(struct counters *counters)
{
	if (counters == NULL)
		return;
	(void)munmap(counters->mapped, sizeof(struct mapped));
	free(counters);
}

static bool
is_row_of(const struct row *row, struct str site)
{
	return strnlen(row->name, NAME_ROOM) == site.len && memcmp(row->name, site.p, site.len) == 0;
}

/* "-" is the name of [site], which has none. */
static struct str
row_name(struct str site)
{
	return site.len == 0 || site.len >= NAME_ROOM ? STR("-") : site;
}

static bool
take_row(struct row *row, struct str name)
{
	uint64_t state = ROW_FREE;

	if (!atomic_compare_exchange_strong(&row->state, &state, ROW_TAKING))
		return false;
	memcpy(row->name, name.p, name.len);
	atomic_store(&row->state, ROW_TAKEN);
	return true;
}

static struct row *
row_for(struct mapped *mapped, struct str site)
{
	struct str name = row_name(site);

	for (size_t i = 0; i < ROWS - 1; i++) {
		struct row *row = &mapped->rows[i];
		uint64_t state = atomic_load(&row->state);

		if (state == ROW_FREE && take_row(row, name))
			return row;
		/* a row that is being taken, perhaps by a process that died on it, is passed by */
		if (atomic_load(&row->state) == ROW_TAKEN && is_row_of(row, name))
			return row;
	}
	/* the row of all the others: its name is nobody's */
	atomic_store(&mapped->rows[ROWS - 1].state, ROW_TAKEN);
	return &mapped->rows[ROWS - 1];
}

void
counters_add(struct counters *counters, struct str site, enum counter counter)
{
	if (counters != NULL)
		(void)atomic_fetch_add_explicit(&row_for(counters->mapped, site)->v[counter], 1, memory_order_relaxed);
}

/* Whether the row counts for `site`: every row does for an empty one. */
static bool
is_meant(struct row *row, struct str site)
{
	return atomic_load(&row->state) == ROW_TAKEN && (site.len == 0 || is_row_of(row, row_name(site)));
}

/* Two processes that took a row for the same name at once have both counted: the sum is the number. */
uint64_t
counters_get(const struct counters *counters, struct str site, enum counter counter)
{
	uint64_t sum = 0;

	for (size_t i = 0; counters != NULL && i < ROWS; i++) {
		struct row *row = &counters->mapped->rows[i];

		if (is_meant(row, site))
			sum += atomic_load(&row->v[counter]) - atomic_load(&row->mark[counter]);
	}
	return sum;
}

uint64_t
counters_total(const struct counters *counters, struct str site, enum counter counter)
{
	uint64_t sum = 0;

	for (size_t i = 0; counters != NULL && site.len < NAME_ROOM && i < ROWS; i++) {
		struct row *row = &counters->mapped->rows[i];

		if (atomic_load(&row->state) == ROW_TAKEN && is_row_of(row, row_name(site)))
			sum += atomic_load(&row->v[counter]);
	}
	return sum;
}

bool
counters_marked(const struct counters *counters, struct str site)
{
	for (size_t i = 0; counters != NULL && i < ROWS; i++)
		if (is_meant(&counters->mapped->rows[i], site) && atomic_load(&counters->mapped->rows[i].marked) != 0)
			return true;
	return false;
}

void
counters_mark(struct counters *counters, struct str site)
{
	(void)row_for(counters->mapped, site);          /* there is a row to mark, if there is room */
	for (size_t i = 0; i < ROWS; i++) {
		struct row *row = &counters->mapped->rows[i];

		if (!is_meant(row, site))
			continue;
		for (size_t c = 0; c < ROW_ROOM; c++)
			atomic_store(&row->mark[c], atomic_load(&row->v[c]));
		atomic_store(&row->marked, 1);
	}
}

void
counters_note_end(struct counters *counters, struct str site, int64_t planned, int64_t ended)
{
	struct row *row;

	if (counters == NULL || site.len >= NAME_ROOM)
		return;
	row = row_for(counters->mapped, site);
	if (row == &counters->mapped->rows[ROWS - 1])
		return;                 /* shared by many: whose end it was would not be known */
	atomic_store(&row->v[SLOT_PLANNED], planned == TIME_NONE ? 0 : (uint64_t)planned);
	atomic_store(&row->v[SLOT_ENDED], (uint64_t)ended);
}

bool
counters_last_end(const struct counters *counters, struct str site, int64_t *ret_planned, int64_t *ret_ended)
{
	for (size_t i = 0; counters != NULL && site.len < NAME_ROOM && i < ROWS; i++) {
		struct row *row = &counters->mapped->rows[i];
		int64_t planned = (int64_t)atomic_load(&row->v[SLOT_PLANNED]);

		if (atomic_load(&row->state) != ROW_TAKEN || !is_row_of(row, row_name(site)) ||
		    atomic_load(&row->v[SLOT_ENDED]) == 0)
			continue;
		*ret_planned = planned == 0 ? TIME_NONE : planned;
		*ret_ended = (int64_t)atomic_load(&row->v[SLOT_ENDED]);
		return true;
	}
	return false;
}

const char *
counter_word(enum counter counter)
{
	static const char *const beside[] = {
#define C(name, word) word,
		COUNTERS_BESIDE(C)
#undef C
	};

	return counter < COUNTER_HELD ? reason_word((enum reason)(counter - COUNTER_PASSED)) :
	    beside[counter - COUNTER_HELD];
}

void
counters_add_json(const struct counters *counters, struct str site, json_t *object)
{
	json_t *passes;
	uint64_t passed = 0;

	if (!counters_marked(counters, site))
		return;
	passes = json_object();
	for (int c = COUNTER_PASSED; c < COUNTER_HELD; c++) {
		uint64_t n = counters_get(counters, site, (enum counter)c);

		passed += n;
		if (n > 0)
			(void)json_object_set_new(passes, counter_word((enum counter)c), json_integer((json_int_t)n));
	}
	(void)json_object_set_new(object, "held", json_integer((json_int_t)counters_get(counters, site, COUNTER_HELD)));
	(void)json_object_set_new(object, "passed", json_integer((json_int_t)passed));
	(void)json_object_set_new(object, "passes", passes);
}
