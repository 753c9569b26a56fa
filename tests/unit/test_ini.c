/* SPDX-License-Identifier: MIT */
/*
 * base/ini.c: what iniparser would swallow, merge or misread is an error with
 * its line, section and key; what is left means the same to both readers.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ini.h"
#include "support.h"

int suite_ini(void);

static bool
known(struct str word)
{
	return str_eq(word, STR("mode")) || str_eq(word, STR("status"));
}

struct loaded {
	struct arena   *arena;
	struct problems problems;
	struct ini      ini;
	int             rc;
};

static void
load(struct loaded *l, const struct folder *folder, const char *name)
{
	memset(l, 0, sizeof *l);
	l->arena = arena_new_growing(8 * 1024 * 1024);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l->arena);
	l->problems.arena = l->arena;
	l->rc = ini_load(str_of(folder_path(folder, name)), known, l->arena, &l->problems, &l->ini);
}

static void
load_text(struct loaded *l, const struct folder *folder, struct str text)
{
	const char *path = folder_path(folder, "warden.ini");
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(text.p, 1, text.len, file), text.len);
	CU_ASSERT_EQUAL(fclose(file), 0);
	load(l, folder, "warden.ini");
}

/* What a line means: the one entry of section "s", which stands in line 2. */
static const struct {
	const char *say, *line, *value;
} values[] = {
	{ "a plain value",                          "k = v",                "v" },
	{ "no blanks about the sign",               "k=v",                  "v" },
	{ "blanks within stay, outer ones go",      "  k\t =  a  b \t",     "a  b" },
	{ "a key in capitals is the same key",      "K = V",                "V" },
	{ "an empty value",                         "k =",                  "" },
	{ "an empty value and a comment",           "k = ; nothing",        "" },
	{ "an equals sign within the value",        "k = a=b",              "a=b" },
	{ "a comment behind a blank",               "k = v ; why",          "v" },
	{ "... with the other mark",                "k = v # why",          "v" },
	{ "... behind a tab",                       "k = v\t; why",         "v" },
	{ "an equals sign in the comment",          "k = v ; a = b",        "v" },
	{ "marks in double quotes",                 "k = \"a;b#c\"",        "a;b#c" },
	{ "... in single quotes",                   "k = 'a;b#c'",          "a;b#c" },
	{ "blanks in quotes stay",                  "k = \"  a  \"",        "  a  " },
	{ "empty quotes",                           "k = \"\"",             "" },
	{ "empty single quotes and a comment",      "k = '' ; nothing",     "" },
	{ "quotes and a comment",                   "k = \"a;b\" ; why",    "a;b" },
	{ "the other quote within quotes",          "k = \"it's\"",         "it's" },
	{ "... and the other way round",            "k = '<a href=\"/\">'", "<a href=\"/\">" },
	{ "a quote within a bare value",            "k = it's \"so\"",      "it's \"so\"" },
	{ "a backslash within a bare value",        "k = a\\b",             "a\\b" },
	{ "UTF-8",                                  "k = Zur\xc3\xbc" "ck", "Zur\xc3\xbc" "ck" },
	{ "a bracket in a value",                   "k = [v]",              "[v]" },
	{ "a colon in a value",                     "k = a:b",              "a:b" },
	{ "digits stay as they are",                "k = 010",              "010" },
	{ "a carriage return ends the line",        "k = v\r",              "v" },
	{ "... behind quotes",                      "k = \"v\"\r",          "v" },
};

static void
test_ini_values(void)
{
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(values); i++) {
		char text[256];
		struct loaded l;
		int len = snprintf(text, sizeof text, "[s]\n%s\n", values[i].line);

		load_text(&l, &folder, (struct str){ text, (size_t)len });
		check_int(values[i].say, l.rc, 0);
		CHECK(values[i].say, l.ini.entries != NULL && l.ini.entries->next == NULL);
		if (l.ini.entries != NULL) {
			check_str(values[i].say, l.ini.entries->section, "s");
			check_str(values[i].say, l.ini.entries->key, "k");
			check_str(values[i].say, l.ini.entries->value, values[i].value);
			check_int(values[i].say, l.ini.entries->line, 2);
		}
		if (l.rc != 0)
			print_problems_of(&l.problems);
		arena_free(l.arena);
	}
	folder_remove(&folder);
}

/* Each is one error: where it is, and a word of what it says. */
static const struct {
	const char *say;
	struct str  text;
	unsigned    line;
	const char *section, *key, *words;
} refused[] = {
	{ "a byte order mark", STR_INIT("\xef\xbb\xbf; c\n[s]\nk = v\n"), 1, "", "", "byte order mark" },
	{ "a NUL byte", STR_INIT("[s]\nk = a\0b\n"), 2, "s", "", "control character" },
	{ "a NUL byte in a comment", STR_INIT("[s]\n; a\0b\n"), 2, "s", "", "control character" },
	{ "a terminal's escape", STR_INIT("[s]\nk = a\033b\n"), 2, "s", "", "control character" },
	{ "a carriage return within a line", STR_INIT("[s]\nk = a\rb\n"), 2, "s", "", "control character" },
	{ "a file of carriage returns", STR_INIT("[s]\rk = v\r"), 1, "", "", "control character" },
	{ "a form feed", STR_INIT("[s]\n\fk = v\n"), 2, "s", "", "control character" },
	{ "Latin-1", STR_INIT("[s]\nk = Zur\xfc" "ck\n"), 2, "s", "", "not UTF-8" },
	{ "an unclosed section", STR_INIT("[s]\nk = v\n[sec\n"), 3, "s", "", "\"]\" is missing" },
	{ "a comment behind a section", STR_INIT("[s]\n[a] ; c\n"), 2, "s", "", "nothing may follow" },
	{ "a key behind a section", STR_INIT("[s]\n[a] k = v\n"), 2, "s", "", "nothing may follow" },
	{ "a section without a name", STR_INIT("[s]\n[]\n"), 2, "s", "", "a section's name" },
	{ "a section of blanks", STR_INIT("[s]\n[ ]\n"), 2, "s", "", "a section's name" },
	{ "a blank in a section's name", STR_INIT("[s]\n[a b]\n"), 2, "s", "", "a section's name" },
	{ "a colon in a section's name", STR_INIT("[s]\n[a:b]\n"), 2, "s", "", "a section's name" },
	{ "a colon in a key", STR_INIT("[s]\nb:c = 2\n"), 2, "s", "", "a key is made of" },
	{ "a blank in a key", STR_INIT("[s]\nb c = 2\n"), 2, "s", "", "a key is made of" },
	{ "UTF-8 in a key", STR_INIT("[s]\n\xc3\xa4 = 2\n"), 2, "s", "", "a key is made of" },
	{ "no key at all", STR_INIT("[s]\n= v\n"), 2, "s", "", "a key is made of" },
	{ "a bare key", STR_INIT("[s]\nk\n"), 2, "s", "", "key = value" },
	{ "a key and a colon", STR_INIT("[s]\nk: v\n"), 2, "s", "", "key = value" },
	{ "a key before any section", STR_INIT("\nk = v\n[s]\n"), 2, "", "k", "before any section" },
	{ "a key twice", STR_INIT("[s]\nk = a\nx = y\nk = b\n"), 4, "s", "k", "line 2 already" },
	{ "a key twice, whatever its case", STR_INIT("[s]\nk = a\nK = b\n"), 3, "s", "k", "line 2 already" },
	{ "a key twice, equal", STR_INIT("[s]\nk = a\nk = a\n"), 3, "s", "k", "line 2 already" },
	{ "a section twice", STR_INIT("[s]\nk = v\n[t]\n[s]\n"), 4, "s", "", "line 1 already" },
	{ "a section twice, whatever its case", STR_INIT("[s]\n[S]\n"), 2, "s", "", "line 1 already" },
	{ "a semicolon glued to the value", STR_INIT("[s]\nk = a;b\n"), 2, "s", "k", "glued" },
	{ "a fragment of a link", STR_INIT("[s]\nk = http://h/p#frag\n"), 2, "s", "k", "glued" },
	{ "a mark glued to the end", STR_INIT("[s]\nk = secret#\n"), 2, "s", "k", "glued" },
	{ "a backslash does not save the mark", STR_INIT("[s]\nk = a\\;b\n"), 2, "s", "k", "glued" },
	{ "a setting in the comment", STR_INIT("[s]\nk = full ; status = 503\n"), 2, "s", "k", "in the comment" },
	{ "... behind the other mark", STR_INIT("[s]\nk = full # status=503\n"), 2, "s", "k", "in the comment" },
	{ "... behind quotes", STR_INIT("[s]\nk = \"full\" ; mode = x\n"), 2, "s", "k", "in the comment" },
	{ "... behind an empty value", STR_INIT("[s]\nk = ; mode = x\n"), 2, "s", "k", "in the comment" },
	{ "an escaped quote", STR_INIT("[s]\nk = \"a\\\"b\"\n"), 2, "s", "k", "backslash within quotes" },
	{ "a backslash in quotes", STR_INIT("[s]\nk = 'a\\b'\n"), 2, "s", "k", "backslash within quotes" },
	{ "an unclosed quote", STR_INIT("[s]\nk = \"unclosed\n"), 2, "s", "k", "closing quote" },
	{ "an unclosed single quote", STR_INIT("[s]\nk = 'unclosed\"\n"), 2, "s", "k", "closing quote" },
	{ "a quote alone", STR_INIT("[s]\nk = \"\n"), 2, "s", "k", "closing quote" },
	{ "a word behind the quotes", STR_INIT("[s]\nk = \"abc\" trailing\n"), 2, "s", "k", "closing quote" },
	{ "a second quoted value", STR_INIT("[s]\nk = \"a\", \"b\"\n"), 2, "s", "k", "closing quote" },
	{ "a comment glued to the quotes", STR_INIT("[s]\nk = \"abc\";c\n"), 2, "s", "k", "closing quote" },
	{ "a backslash at the end", STR_INIT("[s]\nx = v\\\nk = w\n"), 2, "s", "", "backslash at the end" },
	{ "... of the file", STR_INIT("[s]\nk = v\\"), 2, "s", "", "backslash at the end" },
	{ "... of a comment", STR_INIT("[s]\n; v\\\nk = w\n"), 2, "s", "", "backslash at the end" },
	{ "... of a section", STR_INIT("[s]\\\n"), 1, "", "", "backslash at the end" },
	{ "... before a carriage return", STR_INIT("[s]\r\nk = v\\\r\nx = y\r\n"), 2, "s", "", "backslash at the end" },
	/* iniparser cuts blanks before it looks for the backslash */
	{ "... before a blank", STR_INIT("[s]\nk = v\\ \nx = y\n"), 2, "s", "", "backslash at the end" },
	{ "... of a comment, before a tab", STR_INIT("[s]\n; v\\\t\nk = w\n"), 2, "s", "", "backslash at the end" },
};

static void
check_problem(const char *say, const struct loaded *l, unsigned line, const char *section, const char *key,
    const char *words)
{
	const struct problem *p = l->problems.first;

	check_int(say, l->rc, -EINVAL);
	check_int(say, l->problems.errors, 1);
	check_int(say, l->problems.warnings, 0);
	if (p == NULL)
		return;
	check_int(say, p->line, line);
	check_str(say, p->section, section);
	check_str(say, p->key, key);
	CHECK(say, str_ends(p->file, STR("/warden.ini")));
	CHECK(say, str_contains(p->sentence, str_of(words)));
	if (p->line != line || p->next != NULL || !str_contains(p->sentence, str_of(words)))
		print_problems_of(&l->problems);
}

static void
test_ini_refused(void)
{
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct loaded l;

		load_text(&l, &folder, refused[i].text);
		check_problem(refused[i].say, &l, refused[i].line, refused[i].section, refused[i].key,
		    refused[i].words);
		arena_free(l.arena);
	}
	folder_remove(&folder);
}

/* The same key in both parts of a section that stands twice is told too. */
static void
test_ini_section_twice(void)
{
	struct folder folder;
	struct loaded l;

	folder_make(&folder);
	load_text(&l, &folder, STR("[s]\nk = a\n[t]\nk = b\n[s]\nx = y\nk = c\n"));
	check_int("both", l.problems.errors, 2);
	CHECK("the section", find_problem(&l.problems, "the section stands in line 1 already") != NULL);
	CHECK("the key", find_problem(&l.problems, "the key stands in line 2 already") != NULL);
	arena_free(l.arena);
	folder_remove(&folder);
}

/* Lines about the longest that iniparser 4.1 can read: 1,024 bytes with line end and NUL. */
static const struct {
	const char *say;
	size_t      len;                /* of the line without its end */
	const char *end;
	bool        fine;
} lengths[] = {
	{ "1,021 bytes",                         1021, "\n",   true },
	{ "1,022 bytes",                         1022, "\n",   true },
	{ "1,022 bytes without a line end",      1022, "",     true },
	{ "1,021 bytes and a carriage return",   1021, "\r\n", true },
	{ "1,023 bytes",                         1023, "\n",   false },
	{ "1,023 bytes without a line end",      1023, "",     false },
	{ "1,022 bytes and a carriage return",   1022, "\r\n", false },
	{ "4,000 bytes",                         4000, "\n",   false },
};

static void
test_ini_line_length(void)
{
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		static const char *const starts[] = { "k = ", "; a comment " };

		for (size_t k = 0; k < COUNT(starts); k++) {
			char line[4096], text[8192];
			struct loaded l;
			int len;

			memset(line, 'a', sizeof line);
			memcpy(line, starts[k], strlen(starts[k]));
			len = snprintf(text, sizeof text, "[s]\n%.*s%s", (int)lengths[i].len, line, lengths[i].end);
			load_text(&l, &folder, (struct str){ text, (size_t)len });
			if (lengths[i].fine)
				check_int(lengths[i].say, l.rc, 0);
			else
				check_problem(lengths[i].say, &l, 2, "s", "", "1,022 bytes");
			if (lengths[i].fine && k == 0)
				CHECK(lengths[i].say, l.ini.entries != NULL &&
				    l.ini.entries->value.len == lengths[i].len - 4);
			arena_free(l.arena);
		}
	}
	folder_remove(&folder);
}

static void
test_ini_names_length(void)
{
	struct folder folder;
	char name[130], text[512];

	folder_make(&folder);
	memset(name, 'n', sizeof name - 1);
	name[129] = '\0';
	for (int len = 128; len <= 129; len++) {
		struct loaded l;
		int used = snprintf(text, sizeof text, "[%.*s]\n%.*s = v\n", len, name, len, name);

		load_text(&l, &folder, (struct str){ text, (size_t)used });
		check_int("128 bytes of a name are read by both, 129 are too many", l.rc, len == 128 ? 0 : -EINVAL);
		arena_free(l.arena);
	}
	folder_remove(&folder);
}

/* What is no text at all: one error about the file as a whole. */
static const struct {
	const char *say, *name, *words;
} files[] = {
	{ "a missing file",                    "none",   "No such file" },
	{ "a folder is no empty configuration", "folder", "directory" },
	{ "a FIFO does not block",             "fifo",   "cannot read" },
	{ "a link to itself",                  "loop",   "symbolic links" },
	{ "a file over 256 KiB",               "large",  "too large" },
};

static void
make_large(const struct folder *folder, const char *name, size_t size)
{
	char *text = malloc(size + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, '\n', size);
	memcpy(text, "[s]\n", 4);
	text[size] = '\0';
	folder_write(folder, name, text);
	free(text);
}

static void
test_ini_files(void)
{
	struct folder folder;
	struct loaded l;

	folder_make(&folder);
	folder_mkdir(&folder, "folder");
	CU_ASSERT_EQUAL(mkfifo(folder_path(&folder, "fifo"), 0600), 0);
	CU_ASSERT_EQUAL(symlink("loop", folder_path(&folder, "loop")), 0);
	make_large(&folder, "large", 256 * 1024 + 1);
	make_large(&folder, "largest", 256 * 1024);
	(void)alarm(60);
	for (size_t i = 0; i < COUNT(files); i++) {
		load(&l, &folder, files[i].name);
		check_int(files[i].say, l.rc, -EINVAL);
		check_int(files[i].say, l.problems.errors, 1);
		if (l.problems.first != NULL) {
			check_int(files[i].say, l.problems.first->line, 0);
			CHECK(files[i].say, str_contains(l.problems.first->sentence, str_of(files[i].words)));
			CHECK(files[i].say, str_ends(l.problems.first->file, str_of(files[i].name)));
		}
		CHECK(files[i].say, l.ini.entries == NULL && l.ini.sections == NULL);
		arena_free(l.arena);
	}
	(void)alarm(0);
	load(&l, &folder, "largest");
	check_int("256 KiB are read", l.rc, 0);
	arena_free(l.arena);
	load_text(&l, &folder, STR(""));
	CHECK("an empty file has no section: the reader of keys says what is missing",
	    l.rc == 0 && l.ini.sections == NULL && l.ini.entries == NULL);
	arena_free(l.arena);
	folder_remove(&folder);
}

static void
test_ini_order_and_lines(void)
{
	static const struct {
		const char *section, *key, *value;
		unsigned    line;
	} want[] = {
		{ "gateway", "listen", "/run/x", 3 }, { "site", "mode", "full", 7 }, { "site.shop", "host", "a, b", 9 },
		{ "site.shop", "message.de", "Zur\xc3\xbc" "ck", 10 },
	};
	struct folder folder;
	struct loaded l;
	const struct ini_entry *e;
	struct stat status;
	struct file_identity identity;

	folder_make(&folder);
	load_text(&l, &folder, STR("; mode = full stands here as an example\n[Gateway]\nlisten = /run/x\n\n"
	    "# a comment\n[site]\n  mode = full\n[site.SHOP]\nHost = a, b\nmessage.de = Zur\xc3\xbc" "ck"));
	check_int("it is read", l.rc, 0);
	e = l.ini.entries;
	for (size_t i = 0; i < COUNT(want) && e != NULL; i++, e = e->next) {
		check_str("section", e->section, want[i].section);
		check_str("key", e->key, want[i].key);
		check_str("value", e->value, want[i].value);
		check_int("line", e->line, want[i].line);
	}
	CU_ASSERT_PTR_NULL(e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l.ini.sections);
	check_str("the first section", l.ini.sections->name, "gateway");
	check_int("its line", l.ini.sections->line, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l.ini.sections->next);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l.ini.sections->next->next);
	check_str("the last section", l.ini.sections->next->next->name, "site.shop");
	CU_ASSERT_PTR_NULL(l.ini.sections->next->next->next);
	CHECK("the file is named", str_ends(l.ini.file, STR("/warden.ini")));
	CU_ASSERT_EQUAL(stat(folder_path(&folder, "warden.ini"), &status), 0);
	identity = file_identity_of(&status);
	CHECK("its identity is kept", file_identity_eq(&identity, &l.ini.identity));
	arena_free(l.arena);
	folder_remove(&folder);
}

static void
test_ini_all_errors_are_told(void)
{
	static const unsigned lines[] = { 1, 3, 4, 6, 7 };
	struct folder folder;
	struct loaded l;
	size_t i = 0;

	folder_make(&folder);
	load_text(&l, &folder, STR("early = 1\n[s]\nbare\nk = a;b\ngood = yes\n[s]\ngood = no\n"));
	for (const struct problem *p = l.problems.first; p != NULL; p = p->next, i++)
		check_int("each error has its line", p->line, i < COUNT(lines) ? lines[i] : 0);
	check_int("all of them", (int64_t)i, COUNT(lines));
	CHECK("what could be read is there", l.ini.entries != NULL && str_eq(l.ini.entries->value, STR("yes")));
	arena_free(l.arena);
	folder_remove(&folder);
}

static void
test_ini_earlier_errors_are_not_its_own(void)
{
	struct folder folder;
	struct loaded l = { .arena = arena_new_growing(1024 * 1024) };

	CU_ASSERT_PTR_NOT_NULL_FATAL(l.arena);
	folder_make(&folder);
	folder_write(&folder, "warden.ini", "[s]\nk = v\n");
	l.problems.arena = l.arena;
	problem_error(&l.problems, &(struct place){ .line = 1 }, "of another file");
	l.rc = ini_load(str_of(folder_path(&folder, "warden.ini")), known, l.arena, &l.problems, &l.ini);
	check_int("a good file is good", l.rc, 0);
	check_int("no error is added", l.problems.errors, 1);
	arena_free(l.arena);
	folder_remove(&folder);
}

/* A flag's body: `bad` lines are left out, the others stay. */
static const struct {
	const char *say;
	struct str  text;
	int         bad;
	const char *entries;            /* "key=value|", in order */
} bodies[] = {
	{ "nothing",                   STR_INIT(""),                          0, "" },
	{ "line ends alone",           STR_INIT("\n\r\n\n"),                  0, "" },
	{ "a line without its end",    STR_INIT("a = 1"),                     0, "a=1|" },
	{ "lines from Windows",        STR_INIT("a = 1\r\nb = 2\r\n"),        0, "a=1|b=2|" },
	{ "keys are folded",           STR_INIT("UNTIL = Z\n"),               0, "until=Z|" },
	{ "comments",                  STR_INIT("# x\n; y\na = 1 ; z\n"),     0, "a=1|" },
	{ "quotes",                    STR_INIT("a = \" b;c \"\n"),           0, "a= b;c |" },
	{ "an empty value",            STR_INIT("a =\n"),                     0, "a=|" },
	{ "repeats are the caller's",  STR_INIT("a = 1\na = 2\n"),            0, "a=1|a=2|" },
	{ "a section is none here",    STR_INIT("[s]\na = 1\n"),              1, "a=1|" },
	{ "a bare word",               STR_INIT("on\na = 1\n"),               1, "a=1|" },
	{ "an unclosed quote",         STR_INIT("a = \"b\nc = 2\n"),          1, "c=2|" },
	{ "a glued mark",              STR_INIT("a = b#c\n"),                 1, "" },
	{ "a NUL",                     STR_INIT("a = b\0\nc = 2"),            1, "c=2|" },
	{ "Latin-1",                   STR_INIT("a = \xfc\n"),                1, "" },
	{ "a byte order mark",         STR_INIT("\xef\xbb\xbf" "a = 1\n"),    1, "" },
	{ "each bad line counts",      STR_INIT("x\ny\nz\n"),                 3, "" },
};

static void
test_ini_scan_body(void)
{
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct arena *arena = arena_new_growing(64 * 1024);
		struct ini_entry *entries = NULL;
		struct str list = STR("");
		int bad;

		CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
		bad = ini_scan_body(bodies[i].text, arena, &entries);
		for (const struct ini_entry *e = entries; e != NULL; e = e->next)
			list = arena_printf(arena, "%.*s%.*s=%.*s|", STR_ARG(list), STR_ARG(e->key), STR_ARG(e->value));
		check_int(bodies[i].say, bad, bodies[i].bad);
		check_str(bodies[i].say, list, bodies[i].entries);
		arena_free(arena);
	}
}

static void
test_ini_scan_body_without_memory(void)
{
	struct arena *arena = arena_new_fixed(100);
	struct ini_entry *entries = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	check_int("no room is said", ini_scan_body(STR("a = 1\nb = 2\nc = 3\n"), arena, &entries), -ENOMEM);
	arena_free(arena);
}

int
suite_ini(void)
{
	CU_pSuite suite = CU_add_suite("base/ini", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "values", test_ini_values) == NULL ||
	    CU_add_test(suite, "refused", test_ini_refused) == NULL ||
	    CU_add_test(suite, "section twice", test_ini_section_twice) == NULL ||
	    CU_add_test(suite, "line length", test_ini_line_length) == NULL ||
	    CU_add_test(suite, "length of names", test_ini_names_length) == NULL ||
	    CU_add_test(suite, "files", test_ini_files) == NULL ||
	    CU_add_test(suite, "order and lines", test_ini_order_and_lines) == NULL ||
	    CU_add_test(suite, "all errors are told", test_ini_all_errors_are_told) == NULL ||
	    CU_add_test(suite, "earlier errors", test_ini_earlier_errors_are_not_its_own) == NULL ||
	    CU_add_test(suite, "body", test_ini_scan_body) == NULL ||
	    CU_add_test(suite, "body without memory", test_ini_scan_body_without_memory) == NULL)
		return -1;
	return 0;
}
