/* SPDX-License-Identifier: MIT */
/* policy/values.c: from lines to typed values, defaults, inheritance, and the files that a policy is made from. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/values.h"
#include "support.h"

int suite_values(void);

/* All of one test. */
struct fixture {
	struct folder   folder;
	struct arena   *arena;
	struct problems problems;
	struct values   values;
};

static void
begin(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	folder_make(&f->folder);
	f->arena = arena_new_growing(16 * 1024 * 1024);
	f->problems.arena = f->arena;
}

static void
load(struct fixture *f, const char *text)
{
	folder_write(&f->folder, "warden.ini", text);
	f->problems = (struct problems){ .arena = f->arena };
	values_load(&f->values, str_of(folder_path(&f->folder, "warden.ini")), f->arena, &f->problems);
}

static void
end(struct fixture *f)
{
	arena_free(f->arena);
	folder_remove(&f->folder);
}

static void
test_values_defaults(void)
{
	struct fixture f;

	begin(&f);
	load(&f, "[site]\n");
	check_int("a section without keys is fine", f.problems.errors, 0);
	check_int("a number", f.values.site.v[KEY_STATUS].number, 503);
	check_int("a span", f.values.site.v[KEY_MAX_DURATION].number, 0);
	check_int("a word", f.values.site.v[KEY_ENABLED].number, 0);
	check_str("a text", f.values.gateway.v[KEY_SOCKET_MODE].text, "0660");
	check_int("a list", (int64_t)f.values.site.v[KEY_LANGUAGES].item_count, 2);
	check_int("an empty list", (int64_t)f.values.site.v[KEY_OPEN_PATH].item_count, 0);
	CHECK("none of them is set", !f.values.site.v[KEY_STATUS].set);
	check_int("... and stands in no line", f.values.site.v[KEY_STATUS].place.line, 0);
	check_str("... but has its name", f.values.site.v[KEY_STATUS].place.key, "status");
	end(&f);
}

static const struct {
	const char *say, *text;
	enum key    key;
	int64_t     number;
} numbers[] = {
	{ "a number",              "status = 429",        KEY_STATUS,       429 },
	{ "a word by its index",   "enabled = off",       KEY_ENABLED,      2 },
	{ "a span in hours",       "max_duration = 4h",   KEY_MAX_DURATION, 14400 },
	{ "a span in seconds",     "max_duration = 90",   KEY_MAX_DURATION, 90 },
	{ "yes",                   "allow_unsafe_status = yes", KEY_ALLOW_UNSAFE_STATUS, 1 },
	{ "in quotes",             "share = \"50\"",      KEY_SHARE,        50 },
	{ "with a comment",        "share = 50 ; half",   KEY_SHARE,        50 },
};

static void
test_values_numbers(void)
{
	struct fixture f;

	begin(&f);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		char text[128];
		const struct value *value = &f.values.site.v[numbers[i].key];

		(void)snprintf(text, sizeof text, "[site]\n%s\n", numbers[i].text);
		load(&f, text);
		check_int(numbers[i].say, value->number, numbers[i].number);
		CHECK(numbers[i].say, value->set && value->place.line == 2);
	}
	end(&f);
}

static const struct {
	const char *say, *list;
	size_t      count;
	const char *last;
} lists[] = {
	{ "one",                     "/a",           1, "/a" },
	{ "two",                     "/a, /b",       2, "/b" },
	{ "without blanks",          "/a,/b",        2, "/b" },
	{ "many blanks",             "/a ,\t /b  ",  2, "/b" },
	{ "in quotes",               "\"/a, /b;c\"", 2, "/b;c" },
	{ "the same twice",          "/a, /a",       2, "/a" },
	{ "none",                    "",             0, "" },
};

static void
test_values_lists(void)
{
	struct fixture f;

	begin(&f);
	for (size_t i = 0; i < COUNT(lists); i++) {
		char text[128];
		const struct value *value = &f.values.site.v[KEY_OPEN_PATH];

		(void)snprintf(text, sizeof text, "[site]\nopen_path = %s\n", lists[i].list);
		load(&f, text);
		check_int(lists[i].say, f.problems.errors, 0);
		check_int(lists[i].say, (int64_t)value->item_count, (int64_t)lists[i].count);
		if (value->item_count > 0)
			check_str(lists[i].say, value->items[value->item_count - 1], lists[i].last);
	}
	end(&f);
}

static void
test_values_inheritance(void)
{
	struct fixture f;
	const struct section *a, *b;

	begin(&f);
	load(&f, "[site.a]\nstatus = 500\n[site]\nstatus = 429\nopen_path = /x\nmessage = M\nmessage.de = D\nlink.de = L\n"
	    "[site.b]\nopen_path = /y, /z\nmessage.fr = F\n");
	check_int("sites in the order of the file", (int64_t)f.values.named.count, 2);
	a = f.values.named.first;
	b = a->next;
	check_str("the first", a->name, "a");
	check_str("the second", b->name, "b");
	check_int("its own", a->v[KEY_STATUS].number, 500);
	check_int("[site] counts wherever it stands", b->v[KEY_STATUS].number, 429);
	CHECK("... and is not the site's own", !b->v[KEY_STATUS].set);
	check_int("... but has its line", b->v[KEY_STATUS].place.line, 4);
	check_int("a list replaces", (int64_t)b->v[KEY_OPEN_PATH].item_count, 2);
	check_int("... or comes from [site]", (int64_t)a->v[KEY_OPEN_PATH].item_count, 1);
	check_str("a text's own language", values_local(b, KEY_MESSAGE, STR("fr")), "F");
	check_str("... that of [site]", values_local(b, KEY_MESSAGE, STR("de")), "D");
	check_str("... the text for all", values_local(b, KEY_MESSAGE, STR("en")), "M");
	check_str("a language without a text for all", values_local(&f.values.site, KEY_LINK, STR("de")), "L");
	check_str("... has none in another", values_local(&f.values.site, KEY_LINK, STR("en")), "");
	end(&f);
}

static void
test_values_list_files(void)
{
	struct fixture f;
	const struct value *value = &f.values.site.v[KEY_OPEN_PATH];

	begin(&f);
	folder_mkdir(&f.folder, "lists");
	folder_write(&f.folder, "lists/a", "/one\n  /two \t\n#/three\n\n/four # behind\n/five,six\r\n/seven");
	load(&f, "[site]\nopen_path = /zero\nopen_path_file = lists/a\n");
	check_int("no error", f.problems.errors, 0);
	check_int("all entries", (int64_t)value->item_count, 6);
	check_str("the list's own first", value->items[0], "/zero");
	check_str("blanks are cut", value->items[2], "/two");
	check_str("a comment too", value->items[3], "/four");
	check_str("a comma is none of a file's", value->items[4], "/five,six");
	check_str("the last line needs no end", value->items[5], "/seven");
	folder_write(&f.folder, "lists/a", "");
	load(&f, "[site]\nopen_path_file = lists/a\nopen_path = /zero\n");
	check_int("an empty file, and the other order", (int64_t)value->item_count, 1);
	end(&f);
}

static bool
has_source(const struct values *values, const char *end_of_path)
{
	for (const struct source *s = values->sources; s != NULL; s = s->next)
		if (str_ends(str_of(s->path), str_of(end_of_path)))
			return true;
	return false;
}

static void
test_values_sources(void)
{
	struct fixture f;
	struct str text;

	begin(&f);
	folder_write(&f.folder, "m.txt", "text");
	load(&f, "[site]\nmessage_file = m.txt\ntitle_file = none.txt\n");
	CHECK("the INI is a source", has_source(&f.values, "/warden.ini"));
	CHECK("a file that it names", has_source(&f.values, "/m.txt"));
	CHECK("... also one that is not there: it may come", has_source(&f.values, "/none.txt"));
	check_int("a file over its size", values_read_file(&f.values, &f.values.site.place, STR("m.txt"), 3, &text), -EFBIG);
	check_int("... an absolute name", values_read_file(&f.values, &f.values.site.place,
	    str_of(folder_path(&f.folder, "m.txt")), 4, &text), 0);
	check_str("its text", text, "text");
	end(&f);
}

int
suite_values(void)
{
	CU_pSuite suite = CU_add_suite("policy/values", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "defaults", test_values_defaults) == NULL ||
	    CU_add_test(suite, "numbers", test_values_numbers) == NULL ||
	    CU_add_test(suite, "lists", test_values_lists) == NULL ||
	    CU_add_test(suite, "inheritance", test_values_inheritance) == NULL ||
	    CU_add_test(suite, "list files", test_values_list_files) == NULL ||
	    CU_add_test(suite, "sources", test_values_sources) == NULL)
		return -1;
	return 0;
}
