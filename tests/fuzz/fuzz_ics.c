/* SPDX-License-Identifier: MIT */
/*
 * Calendars as wardenctl imports them: ctl/ical.c itself, with what it needs of wardenctl answered for here, so that
 * nothing is planned.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ini.h"
#include "ctl/schedule.h"
#include "fuzz.h"

#define ARENA_MAX ((size_t)32 << 20)

int
ctl_fail(enum ctl_exit code, const char *format, ...)
{
	char text[4096];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return (int)code;
}

void
ctl_say(const struct ctl *ctl, const char *format, ...)
{
	(void)ctl, (void)format;
}

struct str
ctl_who(struct ctl *ctl)
{
	(void)ctl;
	return STR("fuzz");
}

static void
check_text(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		assert((unsigned char)text.p[i] >= 0x20);
}

/* Texts that fit into lines; and times that, where a window takes them, make occurrences. */
int
schedule_plan(struct ctl *ctl, const struct planned *planned)
{
	static struct zone *zone;
	struct window_times times;
	struct occurrence next;
	const char *key, *wrong;

	(void)ctl;
	assert(zone != NULL || zone_load(STR("Europe/Berlin"), &zone) == 0);
	assert(planned->id.len <= 64 && str_find(planned->id, '/') == planned->id.len);
	assert(str_find(planned->id, '.') == planned->id.len && fuzz_is_plain(planned->id));
	check_text(planned->title);
	check_text(planned->message);
	check_text(planned->start);
	check_text(planned->end);
	check_text(planned->repeat);
	if (window_times_parse(planned->start, planned->end, planned->repeat, zone, &times, &key, &wrong) != 0)
		return CTL_NO;
	(void)window_next(&times, 0, &next);
	return CTL_YES;
}

/* One file. */
void
fuzz_ics(struct str input)
{
	struct ctl ctl = { .arena = fuzz_arena(ARENA_MAX), .lock = -1 };
	int code = schedule_import(&ctl, fuzz_file(input));

	assert(code == CTL_YES || code == CTL_NO || code == CTL_USAGE || code == CTL_SYSTEM);
}
