/* SPDX-License-Identifier: MIT */
/*
 * Collecting the operator's errors.  When memory for a text runs out the error
 * is still counted, and the first of them told: a configuration never becomes good
 * by having too many errors, nor bad without a word.
 */
#include "config.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/problem.h"

static void
add(struct problems *problems, bool warning, const struct place *place, struct str sentence)
{
	struct problem *problem = arena_zalloc(problems->arena, 1, sizeof *problem);

	if (warning)
		problems->warnings++;
	else
		problems->errors++;
	if (problem == NULL) {
		problem = &problems->spare;
		if (problem->sentence.len > 0)
			return;
	}
	problem->warning = warning;
	problem->file = arena_copy(problems->arena, place->file);       /* the place may be gone when it is told */
	problem->line = place->line;
	problem->section = arena_copy(problems->arena, place->section);
	problem->key = arena_copy(problems->arena, place->key);
	problem->sentence = arena_copy(problems->arena, sentence);
	if (problem->sentence.p == NULL)
		problem->sentence = STR("out of memory");
	if (problems->last == NULL)
		problems->first = problem;
	else
		problems->last->next = problem;
	problems->last = problem;
}

static void __attribute__((format(printf, 4, 0)))
add_formatted(struct problems *problems, bool warning, const struct place *place,
    const char *format, va_list args)
{
	char text[1024];
	int len = vsnprintf(text, sizeof text, format, args);
	size_t used = len < 0 ? 0 : (size_t)len;

	if (used >= sizeof text)
		used = sizeof text - 1;
	add(problems, warning, place, (struct str){ text, used });
}

void
problem_error(struct problems *problems, const struct place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_formatted(problems, false, place, format, args);
	va_end(args);
}

void
problem_warning(struct problems *problems, const struct place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_formatted(problems, true, place, format, args);
	va_end(args);
}

void
problem_format(const struct problem *problem, char *text, size_t size)
{
	struct buffer out;

	buffer_init(&out, text, size - 1);
	buffer_add_plain(&out, problem->file);
	if (problem->line != 0)
		buffer_addf(&out, ":%u", problem->line);
	buffer_add(&out, STR(": "));
	if (problem->warning)
		buffer_add(&out, STR("warning: "));
	if (problem->section.len != 0) {
		buffer_add(&out, STR("["));
		buffer_add_plain(&out, problem->section);
		buffer_add(&out, STR("] "));
	}
	if (problem->key.len != 0) {
		buffer_add_plain(&out, problem->key);
		buffer_add(&out, STR(": "));
	}
	buffer_add_plain(&out, problem->sentence);
	text[out.len] = '\0';
}
