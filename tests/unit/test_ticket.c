/* SPDX-License-Identifier: MIT */
/* state/ticket.c: which files let in, until when, and where. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <sys/stat.h>

#include "state/ticket.h"
#include "support.h"

int suite_ticket(void);

#define ID  "0123456789abcdef0123456789abcdef"
#define NOW INT64_C(1893456000)         /* 2030-01-01T00:00:00Z */

static void
test_ticket_ids(void)
{
	CHECK("32 digits", ticket_id_valid(STR(ID)));
	CHECK("31", !ticket_id_valid(STR("0123456789abcdef0123456789abcde")));
	CHECK("33", !ticket_id_valid(STR(ID "0")));
	CHECK("none", !ticket_id_valid(STR("")));
	CHECK("capitals", !ticket_id_valid(STR("0123456789ABCDEF0123456789abcdef")));
	CHECK("a path", !ticket_id_valid(STR("../../../../../../../../etc/pass")));
	CHECK("a NUL", !ticket_id_valid((struct str){ "0123456789abcdef\0" "123456789abcdef", 32 }));
}

static const struct {
	const char *say, *body;
	bool        sound;
} bodies[] = {
	{ "an end",                  "until = 2030-01-01T02:00:00Z\n",                               true },
	{ "... in another zone",     "until = 2030-01-01T02:00:00+01:00\n",                          true },
	{ "... and all else",        "until = 2030-01-01T02:00:00Z\nsince = 2030-01-01T00:00:00Z\nnote = Anna\npaths = /a/\n", true },
	{ "no end",                  "note = Anna\n",                                                false },
	{ "nothing",                 "",                                                             false },
	{ "an end without a zone",   "until = 2030-01-01T02:00:00\n",                                false },
	{ "an end that is none",     "until = soon\n",                                               false },
	{ "two ends",                "until = 2030-01-01T02:00:00Z\nuntil = 2031-01-01T02:00:00Z\n", false },
	{ "another key",             "until = 2030-01-01T02:00:00Z\nadmin = yes\n",                  false },
	{ "a line that is none",     "until = 2030-01-01T02:00:00Z\nnonsense\n",                     false },
	{ "empty paths",             "until = 2030-01-01T02:00:00Z\npaths =\n",                      false },
	{ "paths twice",             "until = 2030-01-01T02:00:00Z\npaths = /a\npaths = /\n",        false },
};

static void
test_ticket_bodies(void)
{
	struct arena *arena = arena_new_growing(1 << 20);
	struct ticket ticket;

	for (size_t i = 0; i < COUNT(bodies); i++)
		check_int(bodies[i].say, ticket_parse(str_of(bodies[i].body), arena, &ticket), bodies[i].sound);
	arena_free(arena);
}

static void
test_ticket_round(void)
{
	struct arena *arena = arena_new_growing(1 << 20);
	struct ticket ticket = { .until = NOW + 60, .since = NOW, .note = STR("Anna; \"x\" # y"), .paths = STR("/a/, /b") };
	struct ticket back;
	struct str text;

	CU_ASSERT_EQUAL_FATAL(ticket_format(&ticket, arena, &text), 0);
	CHECK("what is written is read", ticket_parse(text, arena, &back));
	check_int("until", back.until, ticket.until);
	check_int("since", back.since, ticket.since);
	check_str("note", back.note, "Anna; \"x\" # y");
	check_str("paths", back.paths, "/a/, /b");
	ticket.since = TIME_NONE;
	CU_ASSERT_EQUAL_FATAL(ticket_format(&ticket, arena, &text), 0);
	CHECK("one that does not say when it was made is read, too", ticket_parse(text, arena, &back));
	CHECK("... and still does not say", back.since == TIME_NONE);
	ticket.note = STR("two\nlines");
	CU_ASSERT_NOT_EQUAL(ticket_format(&ticket, arena, &text), 0);
	arena_free(arena);
}

static const struct {
	const char *say, *file, *site;
	int64_t     now;
	bool        found;
} finds[] = {
	{ "the site's own",                "tickets/shop/" ID,         "shop", NOW,        true },
	{ "another site's",                "tickets/shop/" ID,         "blog", NOW,        false },
	{ "of no site",                    "tickets/shop/" ID,         "",     NOW,        false },
	{ "of every site",                 "tickets/any/" ID,          "shop", NOW,        true },
	{ "... also of no site",           "tickets/any/" ID,          "",     NOW,        true },
	{ "in its last second",            "tickets/any/" ID,          "shop", NOW + 3599, true },
	{ "over",                          "tickets/any/" ID,          "shop", NOW + 3600, false },
	{ "limited, but to nothing",       "tickets/any/limited/" ID,  "shop", NOW,        false },
	{ "in the wrong folder",           "tickets/" ID,              "shop", NOW,        false },
};

static void
test_ticket_find(void)
{
	for (size_t i = 0; i < COUNT(finds); i++) {
		struct arena *arena = arena_new_growing(1 << 20);
		struct folder folder;
		struct ticket ticket;

		folder_make(&folder);
		folder_mkdir(&folder, "tickets");
		folder_mkdir(&folder, "tickets/shop");
		folder_mkdir(&folder, "tickets/any");
		folder_mkdir(&folder, "tickets/any/limited");
		folder_write(&folder, finds[i].file, "until = 2030-01-01T01:00:00Z\n");
		check_int(finds[i].say, ticket_find(str_of(folder.path), str_of(finds[i].site), STR(ID), finds[i].now, arena,
		    &ticket), finds[i].found);
		folder_remove(&folder);
		arena_free(arena);
	}
}

static void
test_ticket_writable(void)
{
	struct arena *arena = arena_new_growing(1 << 20);
	struct folder folder;
	struct ticket ticket;

	folder_make(&folder);
	folder_mkdir(&folder, "tickets");
	folder_mkdir(&folder, "tickets/any");
	folder_write(&folder, "tickets/any/" ID, "until = 2030-01-01T01:00:00Z\n");
	(void)chmod(folder_path(&folder, "tickets/any/" ID), 0664);
	CHECK("its group may write it", ticket_find(str_of(folder.path), STR(""), STR(ID), NOW, arena, &ticket));
	(void)chmod(folder_path(&folder, "tickets/any/" ID), 0646);
	CHECK("others may not", !ticket_find(str_of(folder.path), STR(""), STR(ID), NOW, arena, &ticket));
	folder_remove(&folder);
	arena_free(arena);
}

static const struct {
	const char *say, *paths, *path;
	bool        odd, covers;
} covers[] = {
	{ "no limit",               "",            "/x",       false, true },
	{ "... whatever the path",  "",            "/x",       true,  true },
	{ "below",                  "/a/",         "/a/b",     false, true },
	{ "the folder itself",      "/a/",         "/a",       false, true },
	{ "a neighbour",            "/a/",         "/ab",      false, false },
	{ "that alone",             "/a",          "/a",       false, true },
	{ "... not below",          "/a",          "/a/b",     false, false },
	{ "the second of them",     "/a/, /b",     "/b",       false, true },
	{ "one that is no path",    "a/, /b",      "a/x",      false, false },
	{ "an odd one",             "/a/",         "/a/b",     true,  false },
	{ "all",                    "/",           "/x/y",     false, true },
};

static void
test_ticket_covers(void)
{
	for (size_t i = 0; i < COUNT(covers); i++) {
		struct ticket ticket = { .until = NOW, .since = NOW, .paths = str_of(covers[i].paths) };

		check_int(covers[i].say, ticket_covers(&ticket, str_of(covers[i].path), covers[i].odd), covers[i].covers);
	}
}

int
suite_ticket(void)
{
	CU_pSuite suite = CU_add_suite("state/ticket", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "ids", test_ticket_ids) == NULL ||
	    CU_add_test(suite, "bodies", test_ticket_bodies) == NULL ||
	    CU_add_test(suite, "there and back", test_ticket_round) == NULL ||
	    CU_add_test(suite, "find", test_ticket_find) == NULL ||
	    CU_add_test(suite, "writable", test_ticket_writable) == NULL ||
	    CU_add_test(suite, "paths", test_ticket_covers) == NULL)
		return -1;
	return 0;
}
