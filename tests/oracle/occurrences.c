/* SPDX-License-Identifier: MIT */
/*
 * Occurrences of windows, for windows.py to compare.  Lines on standard input, parted by tabs:
 *
 *   ours   ZONE  START  END  REPEAT  FROM  COUNT    the next COUNT occurrences from the instant FROM: "start-end ..."
 *   ical   ZONE  START  END  REPEAT  FROM  COUNT    the days of the first COUNT occurrences, by libical
 *
 * Each is answered by one line; "error SENTENCE" where the window is refused.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ICAL
#include <libical/ical.h>
#endif

#include "base/civil.h"
#include "state/window.h"

#define FIELDS 7

static void
ours(char *fields[FIELDS])
{
	struct window_times times;
	struct occurrence when;
	const char *key, *wrong;
	struct zone *zone;
	int64_t at, count;

	if (zone_load(str_of(fields[1]), &zone) != 0 || str_number(str_of(fields[5]), 0, INT64_MAX, &at) != 0 ||
	    str_number(str_of(fields[6]), 1, 10000, &count) != 0) {
		(void)printf("error of the test\n");
		return;
	}
	if (window_times_parse(str_of(fields[2]), str_of(fields[3]), str_of(fields[4]), zone, &times, &key, &wrong) != 0)
		(void)printf("error %s: %s", key, wrong);
	else
		for (; count > 0 && window_next(&times, at, &when); count--, at = when.end)
			(void)printf("%lld-%lld ", (long long)when.start, (long long)when.end);
	(void)putchar('\n');
	zone_free(zone);
}

/* Days since 1970 of the rule's dates, without any zone: what RFC 5545 says of the rule alone. */
static void
ical(char *fields[FIELDS])
{
#ifdef HAVE_ICAL
	struct icalrecurrencetype rule = icalrecurrencetype_from_string(fields[4]);
	struct icaltimetype start = icaltime_null_time(), next;
	icalrecur_iterator *iterator;
	int64_t count = 0;

	(void)sscanf(fields[2], "%d-%d-%d %d:%d", &start.year, &start.month, &start.day, &start.hour, &start.minute);
	(void)str_number(str_of(fields[6]), 1, 10000, &count);
	iterator = icalrecur_iterator_new(rule, start);
	while (iterator != NULL && count-- > 0 && !icaltime_is_null_time(next = icalrecur_iterator_next(iterator)))
		(void)printf("%lld ", (long long)civil_days(next.year, next.month, next.day));
	icalrecur_iterator_free(iterator);
#else
	(void)fields;
	(void)printf("error built without libical");
#endif
	(void)putchar('\n');
}

int
main(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		char *fields[FIELDS], *rest = line;
		size_t n = 0;

		line[strcspn(line, "\n")] = '\0';
		while (n < FIELDS && (fields[n] = strsep(&rest, "\t")) != NULL)
			n++;
		if (n != FIELDS)
			return 2;
		if (strcmp(fields[0], "ours") == 0)
			ours(fields);
		else
			ical(fields);
		(void)fflush(stdout);
	}
	free(line);
	return 0;
}
