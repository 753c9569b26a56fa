/* SPDX-License-Identifier: MIT */
/* policy/planning.c: what [policy] has against a plan. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "policy/planning.h"
#include "support.h"

int suite_planning(void);

#define NOW   INT64_C(1893456000)       /* Tuesday, 2030-01-01T00:00:00Z */
#define HOUR  INT64_C(3600)
#define DAY   (24 * HOUR)

static const struct {
	const char *say, *owner, *change, *freeze;
	int64_t     start, end;
	const char *objection;          /* part of it; NULL: none */
} cases[] = {
	{ "all is well",              "anna", "CHG-1", "",                          NOW,        NOW + HOUR,     NULL },
	{ "it begins at once",        "anna", "CHG-1", "",                          TIME_NONE,  NOW + HOUR,     NULL },
	{ "no owner",                 "",     "CHG-1", "",                          NOW,        NOW + HOUR,     "require_owner" },
	{ "no change",                "anna", "",      "",                          NOW,        NOW + HOUR,     "require_change" },
	{ "another change",           "anna", "X-1",   "",                          NOW,        NOW + HOUR,     "change_pattern" },
	{ "... nearly",               "anna", "CHG-x", "",                          NOW,        NOW + HOUR,     "change_pattern" },
	{ "as long as can be",        "anna", "CHG-1", "",                          NOW,        NOW + 4 * HOUR, NULL },
	{ "a second more",            "anna", "CHG-1", "",                          NOW,        NOW + 4 * HOUR + 1, "max_duration" },
	{ "no end",                   "anna", "CHG-1", "",                          NOW,        TIME_NONE,      "max_duration" },
	{ "a freeze",                 "anna", "CHG-1", "2029-12-31 .. 2030-01-02",  NOW,        NOW + HOUR,     "freeze" },
	{ "before it",                "anna", "CHG-1", "2030-01-01 01:00 .. 2030-01-02", NOW,   NOW + HOUR,     NULL },
	{ "into it",                  "anna", "CHG-1", "2030-01-01 00:59 .. 2030-01-02", NOW,   NOW + HOUR,     "freeze" },
	{ "after it",                 "anna", "CHG-1", "2029-12-01 .. 2030-01-01",  NOW,        NOW + HOUR,     NULL },
	{ "a day that repeats",       "anna", "CHG-1", "FREQ=WEEKLY;BYDAY=TU",      NOW,        NOW + HOUR,     "freeze" },
	{ "... another day",          "anna", "CHG-1", "FREQ=WEEKLY;BYDAY=WE",      NOW,        NOW + HOUR,     NULL },
	{ "... into it",              "anna", "CHG-1", "FREQ=WEEKLY;BYDAY=WE",      NOW + 23 * HOUR, NOW + DAY + 1, "freeze" },
	{ "the last Friday",          "anna", "CHG-1", "FREQ=MONTHLY;BYDAY=-1FR",   NOW + 24 * DAY, NOW + 24 * DAY + HOUR, "freeze" },
};

static void
test_planning_objection(void)
{
	struct zone *zone;

	CU_ASSERT_EQUAL_FATAL(zone_load(STR("UTC"), &zone), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct planning *planning = calloc(1, sizeof *planning);
		struct arena *arena = arena_new_growing(1 << 20);
		struct plan plan = { str_of(cases[i].owner), str_of(cases[i].change), cases[i].start, cases[i].end };
		const char *wrong = "", *objection;

		planning->max_duration = 4 * HOUR;
		planning->require_owner = planning->require_change = true;
		planning->change_pattern = "CHG-[0-9]*";
		if (cases[i].freeze[0] != '\0')
			check_int(cases[i].say, planning_add_freeze(planning, str_of(cases[i].freeze), zone, &wrong), 0);
		objection = planning_objection(planning, &plan, NOW, arena);
		if (cases[i].objection == NULL)
			check_str(cases[i].say, str_of(objection), "");
		else
			CHECK(cases[i].say, str_contains(str_of(objection), str_of(cases[i].objection)));
		arena_free(arena);
		free(planning);
	}
	zone_free(zone);
}

static void
test_planning_freezes(void)
{
	static const char *const wrong[] = { "Christmas", "2030-01-01", "2030-01-01 ..", ".. 2030-01-01",
		"2030-01-02 .. 2030-01-01", "FREQ=YEARLY", "FREQ=DAILY;COUNT=3", "interval=2;FREQ=WEEKLY", "FREQ=MONTHLY;BYMONTHDAY=32", "" };
	struct planning *planning = calloc(1, sizeof *planning);
	struct zone *zone;
	const char *why;

	CU_ASSERT_EQUAL_FATAL(zone_load(STR("UTC"), &zone), 0);
	for (size_t i = 0; i < COUNT(wrong); i++)
		CHECK(wrong[i], planning_add_freeze(planning, str_of(wrong[i]), zone, &why) != 0);
	check_int("none was taken", (int64_t)planning->freeze_count, 0);
	for (size_t i = 0; i < FREEZES_MAX; i++)
		CHECK("one more", planning_add_freeze(planning, STR("2030-01-01 .. 2030-01-02"), zone, &why) == 0);
	CHECK("one too many", planning_add_freeze(planning, STR("2030-01-01 .. 2030-01-02"), zone, &why) != 0);
	zone_free(zone);
	free(planning);
}

int
suite_planning(void)
{
	CU_pSuite suite = CU_add_suite("policy/planning", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "objection", test_planning_objection) == NULL ||
	    CU_add_test(suite, "freezes", test_planning_freezes) == NULL)
		return -1;
	return 0;
}
