/* SPDX-License-Identifier: MIT */
/*
 * Memory by the block.  Both kinds of arena are a chain of blocks filled from
 * the front; a fixed one has its single block from the start and never another.
 *
 * Blocks have one size, not doubling ones: a policy is built once and read for
 * weeks, so the waste at its end matters more than the calls to malloc.  There
 * is no way to give back one piece.  An arena belongs to one thread at a time.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"

/* So that the address sanitizer, where the build has it, sees pieces and not only blocks. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined __SANITIZE_ADDRESS__
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, size)   ((void)(memory), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#endif

#define BLOCK_SIZE ((size_t)16 * 1024)
#define ALIGNMENT  (_Alignof(max_align_t))

struct block {
	struct block        *next;      /* the one filled before this one */
	size_t               size, used;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *top;              /* the one being filled; NULL before the first piece */
	size_t        left;             /* bytes that may still be taken from malloc */
	bool          fixed;
	bool          was_short;        /* a piece could not be given */
};

/* `size` up to the next multiple of ALIGNMENT, or 0 when that overflows. */
static size_t
rounded(size_t size)
{
	if (size > SIZE_MAX / 2)
		return 0;
	if (size == 0)
		size = 1;               /* each piece has an address of its own */
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/* Puts a fresh block of `size` bytes on top.  False when out of memory or past the maximum. */
static bool
push_block(struct arena *arena, size_t size)
{
	struct block *block;

	if (size > arena->left)
		return false;
	block = malloc(sizeof *block + size);
	if (block == NULL)
		return false;
	*block = (struct block){ .next = arena->top, .size = size };
	ASAN_POISON_MEMORY_REGION(block->bytes, size);
	arena->top = block;
	arena->left -= size;
	return true;
}

static void
drop_blocks(struct arena *arena)
{
	while (arena->top != NULL) {
		struct block *block = arena->top;

		arena->top = block->next;
		arena->left += block->size;
		free(block);
	}
}

struct arena *
arena_new_growing(size_t max)
{
	struct arena *arena = calloc(1, sizeof *arena);

	if (arena != NULL)
		arena->left = max;
	return arena;
}

struct arena *
arena_new_fixed(size_t size)
{
	size_t whole = rounded(size);
	struct arena *arena;

	if (whole == 0)
		return NULL;
	arena = arena_new_growing(whole);
	if (arena == NULL || !push_block(arena, whole)) {
		arena_free(arena);
		return NULL;
	}
	arena->fixed = true;
	return arena;
}

void
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	drop_blocks(arena);
	free(arena);
}

void
arena_reset(struct arena *arena)
{
	arena->was_short = false;
	if (!arena->fixed) {
		drop_blocks(arena);
		return;
	}
	arena->top->used = 0;
	ASAN_POISON_MEMORY_REGION(arena->top->bytes, arena->top->size);
}

/* A growing arena's next block: the usual size, less near the maximum, more for a large piece. */
static bool
grow(struct arena *arena, size_t need)
{
	size_t size = BLOCK_SIZE < arena->left ? BLOCK_SIZE : arena->left;

	return !arena->fixed && push_block(arena, need > size ? need : size);
}

bool
arena_was_short(const struct arena *arena)
{
	return arena->was_short;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	size_t need = rounded(size);
	struct block *top = arena->top;
	void *piece;

	if (need == 0 || ((top == NULL || need > top->size - top->used) && !grow(arena, need))) {
		arena->was_short = true;
		return NULL;
	}
	top = arena->top;
	piece = top->bytes + top->used;
	top->used += need;
	ASAN_UNPOISON_MEMORY_REGION(piece, size);
	return piece;
}

void *
arena_zalloc(struct arena *arena, size_t count, size_t size)
{
	void *piece;

	piece = arena_alloc(arena, size != 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size);
	if (piece != NULL)
		memset(piece, 0, count * size);
	return piece;
}

struct str
arena_copy(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.len == SIZE_MAX ? SIZE_MAX : s.len + 1);

	if (copy == NULL)
		return STR_NONE;
	if (s.len > 0)
		memcpy(copy, s.p, s.len);
	copy[s.len] = '\0';
	return (struct str){ copy, s.len };
}

struct str
arena_lower(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.len == SIZE_MAX ? SIZE_MAX : s.len + 1);

	if (copy == NULL)
		return STR_NONE;
	for (size_t i = 0; i < s.len; i++)
		copy[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	copy[s.len] = '\0';
	return (struct str){ copy, s.len };
}

struct str
arena_number(struct arena *arena, uint64_t number)
{
	struct buffer out;

	buffer_init(&out, arena_alloc(arena, NUMBER_TEXT_MAX), NUMBER_TEXT_MAX);
	buffer_add_number(&out, number);
	return out.full ? STR_NONE : buffer_str(&out);
}

struct str
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char most[256], *text = NULL;   /* nearly all fit here, and are then formatted but once */
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(most, sizeof most, format, args);
	if (len >= 0)
		text = arena_alloc(arena, (size_t)len + 1);
	if (text != NULL && (size_t)len < sizeof most)
		memcpy(text, most, (size_t)len + 1);
	else if (text != NULL)
		(void)vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	va_end(args);
	return text == NULL ? STR_NONE : (struct str){ text, (size_t)len };
}
