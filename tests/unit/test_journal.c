/* SPDX-License-Identifier: MIT */
/*
 * The journal: what each kind of damage is found as, and that no writer that is killed, stopped by a full disk or
 * met by another one does any.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "record/journal.h"
#include "support.h"

#define NOW        INT64_C(1797300000)          /* 2026-12-15T02:00:00Z */
#define NOW_TEXT   "2026-12-15T02:00:00Z"
#define LINES      6
#define LINES_MAX  32
#define HASH_TAIL  ((size_t)75)                 /* ,"hash":"..."} */
#define ZEROS      "0000000000000000000000000000000000000000000000000000000000000000"
#define JOURNAL    "journal.jsonl"

int suite_journal(void);

static struct folder folder;
static struct arena *arena;

static const char *
journal(void)
{
	return folder_path(&folder, JOURNAL);
}

static void
begin(void)
{
	folder_make(&folder);
	arena = arena_new_growing(8 * 1024 * 1024);
	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
}

static void
end(void)
{
	arena_free(arena);
	folder_remove(&folder);
}

static int
append(const char *event, const char *who)
{
	json_t *record = json_pack("{s:s, s:s}", "event", event, "who", who);
	int rc = journal_append(journal(), record, NOW, NULL, NULL);

	json_decref(record);
	return rc;
}

static void
append_lines(int count)
{
	for (int i = 0; i < count; i++)
		check_int("a line is written", append(i % 2 == 0 ? "on" : "off", "anna"), 0);
}

static struct journal_report
verify(const char *head)
{
	struct journal_report report;

	arena_reset(arena);
	memset(&report, 0xff, sizeof report);
	check_int("it can be verified", journal_verify(journal(), str_of(head), arena, &report), 0);
	return report;
}

static size_t
count_findings(const struct journal_report *report, enum journal_fault fault)
{
	size_t count = 0;

	for (const struct journal_finding *f = report->findings; f != NULL; f = f->next)
		count += f->fault == fault;
	return count;
}

static void
check_sound(const char *say, uint64_t lines, size_t torn)
{
	struct journal_report report = verify("");

	CHECK(say, !report.damaged);
	check_int(say, (int64_t)report.lines, (int64_t)lines);
	check_int(say, (int64_t)count_findings(&report, JOURNAL_TORN), (int64_t)torn);
	for (const struct journal_finding *f = report.findings; f != NULL; f = f->next)
		if (f->fault != JOURNAL_TORN)
			printf("\n  %s: line %llu: %.*s", say, (unsigned long long)f->line, STR_ARG(f->sentence));
}

/* The whole file, with a NUL, to be freed. */
static struct str
load(void)
{
	FILE *file = fopen(journal(), "r");
	char *text;
	long size;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	rewind(file);
	text = calloc(1, (size_t)size + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(fread(text, 1, (size_t)size, file), (size_t)size);
	(void)fclose(file);
	return (struct str){ text, (size_t)size };
}

static void
store(struct str text)
{
	FILE *file = fopen(journal(), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(text.p, 1, text.len, file), text.len);
	CU_ASSERT_EQUAL(fclose(file), 0);
}

static void
add_text(struct str text)
{
	FILE *file = fopen(journal(), "a");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(text.p, 1, text.len, file), text.len);
	CU_ASSERT_EQUAL(fclose(file), 0);
}

/* The lines of a journal, to be damaged. */
struct lines {
	char  *text[LINES_MAX];
	size_t count;
};

static struct lines
load_lines(void)
{
	struct str all = load();
	struct str rest = all;
	struct lines lines = { .count = 0 };

	while (rest.len > 0 && lines.count < LINES_MAX) {
		size_t length = str_find(rest, '\n');

		lines.text[lines.count++] = strndup(rest.p, length);
		rest = str_sub(rest, length + 1, rest.len);
	}
	free((char *)(uintptr_t)all.p);
	return lines;
}

static void
store_lines(struct lines *lines)
{
	FILE *file = fopen(journal(), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	for (size_t i = 0; i < lines->count; i++) {
		CU_ASSERT_TRUE(fprintf(file, "%s\n", lines->text[i]) > 0);
		free(lines->text[i]);
	}
	CU_ASSERT_EQUAL(fclose(file), 0);
	lines->count = 0;
}

/* The hash of a line as its description has it. */
static void
hash_of(const char *line, char ret[JOURNAL_HASH_TEXT + 1])
{
	uint8_t digest[SHA256_SIZE];

	sha256(str_sub(str_of(line), 0, strlen(line) - HASH_TAIL), digest);
	for (size_t i = 0; i < sizeof digest; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

static void
check_text_of_line(const char *line, int64_t seq, const char *prev, const char *hash)
{
	char want[512];

	(void)snprintf(want, sizeof want, "{\"seq\":%lld,\"time\":\"" NOW_TEXT "\",\"event\":\"switch \\\"x\\\"\","
	    "\"who\":\"Zo\xc3\xab\\n\",\"n\":7,\"prev\":\"%s\",\"hash\":\"%s\"}", (long long)seq, prev, hash);
	check_str("the text of a line", str_of(line), want);
}

static void
test_journal_append(void)
{
	char hash[3][JOURNAL_HASH_TEXT + 1], own[JOURNAL_HASH_TEXT + 1];
	json_t *record = json_pack("{s:s, s:s, s:i}", "event", "switch \"x\"", "who", "Zo\xc3\xab\n", "n", 7);
	struct stat status;
	struct lines lines;

	begin();
	for (int64_t i = 0; i < 3; i++) {
		int64_t seq = -1;

		check_int("written", journal_append(journal(), record, NOW, &seq, hash[i]), 0);
		check_int("its number", seq, i + 1);
	}
	check_int("the record is left as it was", (int64_t)json_object_size(record), 3);
	CU_ASSERT_EQUAL(stat(journal(), &status), 0);
	CHECK("nobody else reads it", (status.st_mode & 07137) == 0);
	lines = load_lines();
	check_int("three lines", (int64_t)lines.count, 3);
	for (size_t i = 0; i < 3; i++) {
		hash_of(lines.text[i], own);
		check_str("the hash given is that of the text", str_of(hash[i]), own);
		check_text_of_line(lines.text[i], (int64_t)i + 1, i == 0 ? ZEROS : hash[i - 1], hash[i]);
	}
	store_lines(&lines);
	check_sound("three lines", 3, 0);
	check_str("the head", str_of(verify("").head), hash[2]);
	json_decref(record);
	end();
}

static const struct {
	const char *say, *record;
	int         rc;
} records[] = {
	{ "an empty record",          "{}", 0 },
	{ "nested members",           "{\"a\": {\"hash\": \"x\", \"seq\": 1}, \"b\": [1, 2.5, null, true]}", 0 },
	{ "a NUL in a text",          "{\"event\": \"a\\u0000b\"}", 0 },
	{ "an event that is no text", "{\"event\": 7}", 0 },
	{ "no object",                "[]", -EINVAL },
	{ "it has a number",          "{\"seq\": 1}", -EINVAL },
	{ "it has a time",            "{\"time\": \"\"}", -EINVAL },
	{ "it has a hash before",     "{\"prev\": \"\"}", -EINVAL },
	{ "it has a hash",            "{\"hash\": \"\"}", -EINVAL },
};

static void
test_journal_records(void)
{
	uint64_t good = 0;

	begin();
	for (size_t i = 0; i < COUNT(records); i++) {
		json_t *record = json_loads(records[i].record, JSON_ALLOW_NUL, NULL);

		check_int(records[i].say, journal_append(journal(), record, NOW, NULL, NULL), records[i].rc);
		good += records[i].rc == 0;
		check_sound(records[i].say, good, 0);
		json_decref(record);
	}
	check_int("no record", journal_append(journal(), NULL, NOW, NULL, NULL), -EINVAL);
	end();
}

static json_t *
record_of_size(size_t size)
{
	char *text = malloc(size);
	json_t *record;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'x', size);
	record = json_pack("{s:s#}", "event", text, (int)size);
	free(text);
	return record;
}

static void
test_journal_too_large(void)
{
	json_t *large = record_of_size(JOURNAL_LINE_MAX), *fits = record_of_size(JOURNAL_LINE_MAX - 300);
	json_t *deep = json_object();
	struct stat status;

	begin();
	check_int("too large", journal_append(journal(), large, NOW, NULL, NULL), -EMSGSIZE);
	CHECK("... and no file is made", stat(journal(), &status) == -1 && errno == ENOENT);
	for (int i = 0; i < 5; i++) {
		check_int("it just fits", journal_append(journal(), fits, NOW, NULL, NULL), 0);
		check_int("too large again", journal_append(journal(), large, NOW, NULL, NULL), -EMSGSIZE);
	}
	check_sound("long lines", 5, 0);
	for (int i = 0; i < 3000; i++)
		deep = json_pack("{s:o}", "a", deep);
	check_int("nested deeper than it can be read", journal_append(journal(), deep, NOW, NULL, NULL), -EINVAL);
	check_sound("long lines", 5, 0);
	json_decref(large);
	json_decref(fits);
	json_decref(deep);
	end();
}

static int
run_of(pid_t child)
{
	int status = -1;

	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static pid_t
spawn_writer(int count)
{
	pid_t child = fork();

	CU_ASSERT_NOT_EQUAL_FATAL(child, -1);
	if (child != 0)
		return child;
	for (int i = 0; i < count; i++)
		if (append("on", "a writer") != 0)
			_exit(1);
	_exit(0);
}

static void
test_journal_two_writers(void)
{
	pid_t one, other;

	begin();
	one = spawn_writer(200);
	other = spawn_writer(200);
	check_int("one writes all", run_of(one), 0);
	check_int("the other too", run_of(other), 0);
	check_sound("two writers", 400, 0);
	end();
}

/* After a cut that left `left` bytes of the last line, whose text is `whole` bytes long. */
static void
check_cut(struct str text, size_t cut, size_t left, size_t whole)
{
	uint64_t lines = left < whole ? LINES - 1 : LINES;
	size_t torn = left > 0 && left < whole;
	struct journal_report report;

	store(str_sub(text, 0, cut));
	check_sound("cut", lines, torn);
	check_int("the next line", append("on", "the next"), 0);
	check_sound("after the next line", lines + 1, torn);
	report = verify("");
	CHECK("the torn line is named", torn == 0 || report.findings->line == LINES);
	check_int("and one more", append("off", "the next"), 0);
	check_sound("after one more", lines + 2, torn);
}

static void
test_journal_torn(void)
{
	struct str text;
	size_t start;

	begin();
	append_lines(LINES);
	text = load();
	start = str_find_last(str_sub(text, 0, text.len - 1), '\n') + 1;
	for (size_t cut = start; cut <= text.len; cut++)
		check_cut(text, cut, cut - start, text.len - 1 - start);
	free((char *)(uintptr_t)text.p);
	end();
}

static void
test_journal_first_torn(void)
{
	struct str text;

	begin();
	append_lines(1);
	text = load();
	for (size_t cut = 0; cut < text.len; cut++) {
		size_t torn = cut > 0 && cut < text.len - 1;

		store(str_sub(text, 0, cut));
		check_int("the first line comes again", append("on", "the next"), 0);
		check_sound("the first line was torn", cut == text.len - 1 ? 2 : 1, torn);
	}
	free((char *)(uintptr_t)text.p);
	end();
}

/* Each line after a torn one is torn in its turn; with NULs where a power failure left them. */
static void
test_journal_torn_again(void)
{
	static const struct str tears[] = {
		STR_INIT("{"), STR_INIT("\n{\"seq\":3"), STR_INIT("\n{\"seq\":3,\"time\":\"2026"), STR_INIT("\n"),
		STR_INIT("{\"seq\":3,\0\0\0\0\0\0\0"), STR_INIT("\n\0\0\0\0"),
	};
	static char tear[JOURNAL_LINE_MAX] = "{\"seq\":4,\"time\":\"";

	begin();
	append_lines(2);
	for (size_t i = 0; i < COUNT(tears); i++)
		add_text(tears[i]);
	check_int("the next line", append("on", "the next"), 0);
	check_sound("torn again and again", 3, 5);
	memset(tear + strlen(tear), 'x', sizeof tear - 1 - strlen(tear));
	tear[sizeof tear - 1] = '\n';
	for (int i = 0; i < 4; i++)
		add_text((struct str){ tear, sizeof tear });
	check_int("far back", append("on", "the next"), 0);
	check_sound("four long lines were torn", 4, 9);
	for (int i = 0; i < 17; i++)
		add_text((struct str){ tear, sizeof tear });
	check_int("too far back", append("on", "the next"), -EBADMSG);
	end();
}

static const struct {
	const char *say;
	struct str  text;
	bool        with_lines;         /* two good lines before */
	int         rc;
} tails[] = {
	{ "an empty file",                   STR_INIT(""),              false, 0 },
	{ "a foreign line",                  STR_INIT("hello\n"),       false, -EBADMSG },
	{ "a foreign text",                  STR_INIT("hello"),         false, -EBADMSG },
	{ "an empty line",                   STR_INIT("\n"),            false, -EBADMSG },
	{ "NUL bytes",                       STR_INIT("\0\0\0"),        false, 0 },
	{ "an object of others",             STR_INIT("{\"a\":1}\n"),   false, -EBADMSG },
	{ "a foreign line behind ours",      STR_INIT("hello\n"),       true,  -EBADMSG },
	{ "an empty line behind ours",       STR_INIT("\n"),            true,  -EBADMSG },
	{ "an object without our members",   STR_INIT("{\"seq\":3}\n"), true,  -EBADMSG },
	{ "a number that is none",
	  STR_INIT("{\"seq\":0,\"prev\":\"" ZEROS "\",\"hash\":\"" ZEROS "\"}\n"), true, -EBADMSG },
	{ "a last number",
	  STR_INIT("{\"seq\":9223372036854775807,\"prev\":\"" ZEROS "\",\"hash\":\"" ZEROS "\"}\n"), true, -EBADMSG },
	{ "a hash that is none", STR_INIT("{\"seq\":3,\"prev\":\"" ZEROS "\",\"hash\":\"x\"}\n"), true, -EBADMSG },
	{ "a foreign text without line end", STR_INIT("hello"),         true,  0 },
	{ "NUL bytes behind ours",           STR_INIT("\0\0\0"),        true,  0 },
};

static void
test_journal_tails(void)
{
	static char noise[3 * 1024 * 1024];

	for (size_t i = 0; i < COUNT(tails); i++) {
		struct str before, after;

		begin();
		append_lines(tails[i].with_lines ? 2 : 0);
		add_text(tails[i].text);
		before = load();
		check_int(tails[i].say, append("on", "the next"), tails[i].rc);
		after = load();
		CHECK(tails[i].say, (tails[i].rc != 0) == str_eq(before, after));
		free((char *)(uintptr_t)before.p);
		free((char *)(uintptr_t)after.p);
		end();
	}
	begin();
	append_lines(1);
	memset(noise, 'x', sizeof noise);
	add_text((struct str){ noise, JOURNAL_LINE_MAX });
	check_int("a tail longer than a line", append("on", "the next"), -EBADMSG);
	add_text((struct str){ noise, sizeof noise });
	check_int("a tail of megabytes", append("on", "the next"), -EBADMSG);
	end();
}

static void
replace(char **line, const char *old, const char *new)
{
	char *at = strstr(*line, old), *text = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_TRUE_FATAL(asprintf(&text, "%.*s%s%s", (int)(at - *line), *line, new, at + strlen(old)) > 0);
	free(*line);
	*line = text;
}

/* Gives the changed line the hash of its text, as one who knows the format would. */
static void
seal(char *line)
{
	char hash[JOURNAL_HASH_TEXT + 1];

	hash_of(line, hash);
	memcpy(line + strlen(line) - 2 - JOURNAL_HASH_TEXT, hash, JOURNAL_HASH_TEXT);
}

static void
remove_line(struct lines *lines, size_t at)
{
	free(lines->text[at]);
	lines->count--;
	memmove(lines->text + at, lines->text + at + 1, (lines->count - at) * sizeof *lines->text);
}

static void
put_in(struct lines *lines, size_t at, const char *text)
{
	memmove(lines->text + at + 1, lines->text + at, (lines->count - at) * sizeof *lines->text);
	lines->text[at] = strdup(text);
	lines->count++;
}

static void
swap_lines(struct lines *lines, size_t one, size_t other)
{
	char *text = lines->text[one];

	lines->text[one] = lines->text[other];
	lines->text[other] = text;
}

static void
nothing(struct lines *lines)
{
	(void)lines;
}

static void
change_who(struct lines *lines)
{
	replace(&lines->text[2], "anna", "otto");
}

static void
change_and_seal(struct lines *lines)
{
	change_who(lines);
	seal(lines->text[2]);
}

static void
change_last_and_seal(struct lines *lines)
{
	replace(&lines->text[5], "anna", "otto");
	seal(lines->text[5]);
}

static void
change_number(struct lines *lines)
{
	replace(&lines->text[2], "\"seq\":3", "\"seq\":900");
}

static void
change_number_and_seal_all(struct lines *lines)
{
	char hash[JOURNAL_HASH_TEXT + 1];

	change_number(lines);
	for (size_t i = 2; i < lines->count; i++) {
		if (i > 2)
			memcpy(strstr(lines->text[i], "\"prev\":\"") + 8, hash, JOURNAL_HASH_TEXT);
		seal(lines->text[i]);
		hash_of(lines->text[i], hash);
	}
}

static void
change_prev(struct lines *lines)
{
	char *prev = strstr(lines->text[3], "\"prev\":\"") + 8;

	*prev = *prev == 'a' ? 'b' : 'a';
}

static void
change_hash(struct lines *lines)
{
	char *hash = lines->text[3] + strlen(lines->text[3]) - 3;

	*hash = *hash == 'a' ? 'b' : 'a';
}

static void
blank_in_line(struct lines *lines)
{
	replace(&lines->text[1], ",\"hash\":", ", \"hash\":");
}

static void
no_closing_brace(struct lines *lines)
{
	lines->text[1][strlen(lines->text[1]) - 1] = '\0';
}

static void
carriage_return(struct lines *lines)
{
	replace(&lines->text[4], "\"}", "\"}\r");
}

static void
second_event(struct lines *lines)
{
	replace(&lines->text[4], "\"who\"", "\"event\"");
}

static void
no_json(struct lines *lines)
{
	replace(&lines->text[4], "\"who\":", "\"who\"");
}

static void
no_json_last(struct lines *lines)
{
	replace(&lines->text[5], "\"who\":", "\"who\"");
}

static void
half_a_line(struct lines *lines)
{
	lines->text[4][30] = '\0';
}

static void
two_halves(struct lines *lines)
{
	lines->text[3][30] = '\0';
	lines->text[2][40] = '\0';
}

static void
half_put_in(struct lines *lines)
{
	put_in(lines, 3, "{\"seq\":4,\"time\":\"2026-12-1");
}

static void
half_put_in_and_one_gone(struct lines *lines)
{
	remove_line(lines, 4);
	put_in(lines, 1, "{\"seq\":2,\"time\":\"2026-12-1");
}

static void
words_put_in(struct lines *lines)
{
	put_in(lines, 3, "hello");
}

static void
words_put_in_and_one_gone(struct lines *lines)
{
	remove_line(lines, 4);
	put_in(lines, 1, "hello");
}

static void
empty_line_put_in(struct lines *lines)
{
	put_in(lines, 3, "");
}

static void
remove_first(struct lines *lines)
{
	remove_line(lines, 0);
}

static void
remove_two_first(struct lines *lines)
{
	remove_line(lines, 0);
	remove_line(lines, 0);
}

static void
remove_fourth(struct lines *lines)
{
	remove_line(lines, 3);
}

static void
remove_three(struct lines *lines)
{
	for (int i = 0; i < 3; i++)
		remove_line(lines, 2);
}

static void
remove_and_break(struct lines *lines)
{
	remove_line(lines, 3);
	lines->text[3][30] = '\0';
}

static void
swap_two(struct lines *lines)
{
	swap_lines(lines, 2, 3);
}

static void
twice(struct lines *lines)
{
	put_in(lines, 3, lines->text[2]);
}

/* A line of the right form, number and hash, that names the line before it. */
static void
forged_put_in(struct lines *lines)
{
	put_in(lines, 3, lines->text[3]);
	replace(&lines->text[3], "anna", "otto");
	seal(lines->text[3]);
}

static void
other_beginning(struct lines *lines)
{
	memset(strstr(lines->text[0], "\"prev\":\"") + 8, '1', JOURNAL_HASH_TEXT);
	seal(lines->text[0]);
}

static const struct {
	const char        *say;
	void             (*damage)(struct lines *lines);
	enum journal_fault fault;       /* of the first finding, */
	uint64_t           line;        /* at this line; 0 for no finding */
	size_t             findings;
	const char        *words;
} damages[] = {
	{ "nothing",                           nothing,              JOURNAL_TORN,     0, 0, "" },
	{ "another name",                      change_who,           JOURNAL_CHANGED,  3, 1, "was changed" },
	{ "another name and its hash",         change_and_seal,      JOURNAL_MISSING,  4, 1, "written anew" },
	{ "... in the last line",              change_last_and_seal, JOURNAL_TORN,     0, 0, "" },
	{ "another number",                    change_number,        JOURNAL_CHANGED,  3, 1, "was changed" },
	{ "... and all hashes after it", change_number_and_seal_all, JOURNAL_MISSING,  3, 2, "897 lines between" },
	{ "another prev",                      change_prev,          JOURNAL_CHANGED,  4, 1, "was changed" },
	{ "another hash",                      change_hash,          JOURNAL_CHANGED,  4, 1, "was changed" },
	{ "a blank before the hash",           blank_in_line,        JOURNAL_CHANGED,  2, 1, "was changed" },
	{ "no end of the object",              no_closing_brace,     JOURNAL_NOT_JSON, 2, 1, "no line of the journal" },
	{ "a carriage return",                 carriage_return,      JOURNAL_CHANGED,  5, 1, "was changed" },
	{ "two members of one name",           second_event,         JOURNAL_NOT_JSON, 5, 1, "no line of the journal" },
	{ "no JSON",                           no_json,              JOURNAL_NOT_JSON, 5, 1, "no line of the journal" },
	{ "no JSON in the last line",          no_json_last,         JOURNAL_NOT_JSON, 6, 1, "no line of the journal" },
	{ "a line cut that others follow",     half_a_line,          JOURNAL_NOT_JSON, 5, 1, "no line of the journal" },
	{ "two such lines",                    two_halves,           JOURNAL_NOT_JSON, 3, 2, "no line of the journal" },
	{ "a torn line",                       half_put_in,          JOURNAL_TORN,     4, 1, "never written" },
	{ "... and a line gone later",     half_put_in_and_one_gone, JOURNAL_TORN,     2, 2, "never written" },
	{ "words put in",                      words_put_in,         JOURNAL_NOT_JSON, 4, 1, "no line of the journal" },
	{ "... and a line gone later",    words_put_in_and_one_gone, JOURNAL_NOT_JSON, 2, 2, "no line of the journal" },
	{ "an empty line put in",              empty_line_put_in,    JOURNAL_NOT_JSON, 4, 1, "no line of the journal" },
	{ "the first line gone",               remove_first,         JOURNAL_MISSING,  1, 1, "1 line before it is" },
	{ "the first two gone",                remove_two_first,     JOURNAL_MISSING,  1, 1, "2 lines before it" },
	{ "one line gone",                     remove_fourth,        JOURNAL_MISSING,  4, 1, "1 line between them is" },
	{ "three lines gone",                  remove_three,         JOURNAL_MISSING,  3, 1, "3 lines between them" },
	{ "one gone, the next cut",            remove_and_break,     JOURNAL_NOT_JSON, 4, 2, "no line of the journal" },
	{ "two in another order",              swap_two,             JOURNAL_MISSING,  3, 3, "1 line between them" },
	{ "one line twice",                    twice,                JOURNAL_MISSING,  4, 1, "put in" },
	{ "a forged line put in",              forged_put_in,        JOURNAL_MISSING,  5, 1, "put in" },
	{ "a first line with one before",      other_beginning,      JOURNAL_MISSING,  1, 2, "names one before it" },
};

static void
check_report(const char *say, const struct journal_report *report, size_t i)
{
	const struct journal_finding *first = report->findings;
	size_t count = 0;
	uint64_t line = 0;
	bool damaged = false;

	for (const struct journal_finding *f = first; f != NULL; f = f->next, count++) {
		CHECK(say, f->line >= line);
		line = f->line;
		damaged = damaged || f->fault != JOURNAL_TORN;
	}
	check_int(say, (int64_t)count, (int64_t)damages[i].findings);
	CHECK(say, report->damaged == damaged);
	if (first == NULL || damages[i].line == 0)
		return;
	check_int(say, (int64_t)first->fault, (int64_t)damages[i].fault);
	check_int(say, (int64_t)first->line, (int64_t)damages[i].line);
	if (!test_says(say, str_contains(first->sentence, str_of(damages[i].words))))
		check_str(say, first->sentence, damages[i].words);
}

static void
test_journal_damages(void)
{
	for (size_t i = 0; i < COUNT(damages); i++) {
		struct journal_report report;
		struct lines lines;

		begin();
		append_lines(LINES);
		lines = load_lines();
		damages[i].damage(&lines);
		store_lines(&lines);
		report = verify("");
		check_report(damages[i].say, &report, i);
		end();
	}
}

/* No byte of any line can be changed without a finding of that line; of the line ends, at it or the next. */
static void
test_journal_every_byte(void)
{
	struct str text;
	char *bytes;
	uint64_t line = 1;

	begin();
	append_lines(3);
	text = load();
	bytes = (char *)(uintptr_t)text.p;
	for (size_t i = 0; i < text.len - 1; i++) {
		struct journal_report report;
		char was = bytes[i];

		bytes[i] = (char)(was ^ 1);
		store(text);
		report = verify("");
		bytes[i] = was;
		if (i + 1 + HASH_TAIL > text.len - 1)           /* the end of the last line may look torn */
			CHECK("a changed byte at the end is found", report.findings != NULL);
		else
			CHECK("a changed byte is damage", report.damaged);
		if (report.findings == NULL || report.findings->line != line)
			CHECK("... in its line", false);
		line += was == '\n';
	}
	free(bytes);
	end();
}

static void
test_journal_head(void)
{
	char hash[LINES][JOURNAL_HASH_TEXT + 1], upper[JOURNAL_HASH_TEXT + 1];
	json_t *record = json_pack("{s:s}", "event", "on");
	struct journal_report report;
	struct lines lines;

	begin();
	for (int i = 0; i < LINES; i++)
		check_int("written", journal_append(journal(), record, NOW, NULL, hash[i]), 0);
	for (int i = 0; i < LINES; i++)
		CHECK("each line's hash is a head", !verify(hash[i]).damaged);
	for (int i = 0; i <= JOURNAL_HASH_TEXT; i++)
		upper[i] = (char)(hash[2][i] >= 'a' && hash[2][i] <= 'f' ? hash[2][i] - 'a' + 'A' : hash[2][i]);
	CHECK("in capitals too", !verify(upper).damaged);
	CHECK("zeros are none", verify(ZEROS).damaged);
	CHECK("words are none", verify("hello").damaged);
	lines = load_lines();
	remove_line(&lines, LINES - 1);
	store_lines(&lines);
	check_sound("a cut tail cannot be seen", LINES - 1, 0);
	CHECK("... nor with an earlier head", !verify(hash[LINES - 2]).damaged);
	report = verify(hash[LINES - 1]);
	CHECK("... but with the head", report.damaged && report.findings != NULL);
	check_int("what it is", (int64_t)report.findings->fault, JOURNAL_HEAD);
	check_int("where it should be", (int64_t)report.findings->line, LINES);
	check_str("the head there is", str_of(report.head), hash[LINES - 2]);
	folder_delete(&folder, JOURNAL);
	append_lines(LINES);
	check_sound("another journal cannot be seen", LINES, 0);
	CHECK("... but with the head", verify(hash[LINES - 1]).damaged);
	folder_write(&folder, JOURNAL, "");
	report = verify("");
	CHECK("an empty one is sound", !report.damaged && report.head[0] == '\0' && report.lines == 0);
	CHECK("... but with a head", verify(hash[0]).damaged);
	json_decref(record);
	end();
}

static void
test_journal_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int64_t start, took;
	int ready[2];
	pid_t child;
	char byte;

	begin();
	append_lines(1);
	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int fd = open(journal(), O_RDWR);

		if (fcntl(fd, F_SETLK, &lock) == 0)
			(void)!write(ready[1], "x", 1);
		(void)poll(NULL, 0, JOURNAL_LOCK_MS + 500);
		_exit(0);
	}
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
	start = clock_monotonic_ms();
	check_int("another one writes", append("on", "one who waits"), -EBUSY);
	took = clock_monotonic_ms() - start;
	CHECK("it waited, and not too long", took >= JOURNAL_LOCK_MS && took < JOURNAL_LOCK_MS + 1000);
	check_sound("who only reads need not wait", 1, 0);
	check_int("it comes to an end in time", append("on", "one who waits"), 0);
	check_sound("and nothing is lost", 2, 0);
	check_int("the other one", run_of(child), 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
	end();
}

static void
test_journal_places(void)
{
	struct journal_report report;
	char old[512];
	int before, after;

	begin();
	append_lines(1);                /* syslog() opens its socket */
	before = dup(0);
	(void)close(before);
	check_int("none", journal_verify(folder_path(&folder, "none"), STR_NONE, arena, &report), -ENOENT);
	check_int("a folder", journal_verify(folder.path, STR_NONE, arena, &report), -EISDIR);
	folder_delete(&folder, JOURNAL);
	folder_mkdir(&folder, JOURNAL);
	check_int("a folder is no file", append("on", "anna"), -EISDIR);
	CU_ASSERT_EQUAL(rmdir(journal()), 0);
	CU_ASSERT_EQUAL(symlink("target", journal()), 0);
	check_int("no link is followed", append("on", "anna"), -ELOOP);
	folder_delete(&folder, JOURNAL);
	CU_ASSERT_EQUAL(mkfifo(journal(), 0600), 0);
	check_int("a FIFO does not block", append("on", "anna"), -ENODEV);
	folder_delete(&folder, JOURNAL);
	CU_ASSERT_PTR_NOT_NULL(getcwd(old, sizeof old));
	CU_ASSERT_EQUAL(chdir(folder.path), 0);
	{
		json_t *record = json_object();

		check_int("a bare name", journal_append(JOURNAL, record, NOW, NULL, NULL), 0);
		check_int("no folder", journal_append("none/" JOURNAL, record, NOW, NULL, NULL), -ENOENT);
		check_int("a file for folder", journal_append(JOURNAL "/x", record, NOW, NULL, NULL), -ENOTDIR);
		json_decref(record);
	}
	CU_ASSERT_EQUAL(chdir(old), 0);
	check_sound("in the folder", 1, 0);
	after = dup(0);
	(void)close(after);
	check_int("no descriptor is left open", after, before);
	end();
}

/* In a child: appends where the file may grow by `room` bytes, and gives back whether -EFBIG came. */
static int
append_with_room(off_t size, rlim_t room)
{
	struct rlimit limit = { (rlim_t)size + room, (rlim_t)size + room };
	pid_t child = fork();

	CU_ASSERT_NOT_EQUAL_FATAL(child, -1);
	if (child != 0)
		return run_of(child);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		_exit(2);
	_exit(append("on", "one without room") == -EFBIG ? 0 : 1);
}

static void
test_journal_full(void)
{
	static const rlim_t rooms[] = { 0, 1, 2, 50, 200 };
	static const char *const torn[] = { "", "{\"seq\":3,\"time\"" };

	for (size_t t = 0; t < COUNT(torn); t++) {
		begin();
		append_lines(2);
		add_text(str_of(torn[t]));
		for (size_t i = 0; i < COUNT(rooms); i++) {
			struct str before = load(), after;

			check_int("there is no room", append_with_room((off_t)before.len, rooms[i]), 0);
			after = load();
			CHECK("the file stays as it was", str_eq(before, after));
			free((char *)(uintptr_t)before.p);
			free((char *)(uintptr_t)after.p);
		}
		check_int("later there is", append("on", "anna"), 0);
		check_sound("later", 3, torn[t][0] != '\0');
		end();
	}
}

static void
test_journal_killed(void)
{
	unsigned seed = (unsigned)getpid();
	json_t *large = record_of_size(30000);
	uint64_t lines = 0;

	begin();
	for (int i = 0; i < 200; i++) {
		struct journal_report report;
		pid_t child = fork();

		CU_ASSERT_NOT_EQUAL_FATAL(child, -1);
		while (child == 0)
			(void)journal_append(journal(), large, NOW, NULL, NULL);
		(void)usleep((useconds_t)(rand_r(&seed) % 3000));
		(void)kill(child, SIGKILL);
		CU_ASSERT_EQUAL(run_of(child), 255);
		check_int("the next line", append("on", "the next"), 0);
		report = verify("");
		CHECK("a killed writer does no damage", !report.damaged && report.lines > lines);
		lines = report.lines;
	}
	json_decref(large);
	end();
}

struct sum {
	int64_t lines, seqs, stop;
};

static bool
add_up(void *context, json_t *record)
{
	struct sum *sum = context;

	sum->lines++;
	sum->seqs += json_integer_value(json_object_get(record, "seq"));
	return sum->lines != sum->stop;
}

static void
test_journal_each(void)
{
	struct sum sum = { 0, 0, -1 };

	begin();
	check_int("no file", journal_each(journal(), add_up, &sum), 0);
	check_int("... no lines", sum.lines, 0);
	append_lines(LINES);
	add_text(STR("hello\n\n{\"seq\":99}\n[]\n{\"seq\":7,\"ti"));
	check_int("some lines", journal_each(journal(), add_up, &sum), 0);
	check_int("... ours only", sum.lines, LINES);
	check_int("... each once", sum.seqs, LINES * (LINES + 1) / 2);
	sum = (struct sum){ 0, 0, 2 };
	check_int("stopped", journal_each(journal(), add_up, &sum), 0);
	check_int("... when it wanted", sum.lines, 2);
	check_int("a folder", journal_each(folder.path, add_up, &sum), -EISDIR);
	end();
}

/* Two good lines, something, a good line: the something is one finding, and the lines around it are still read. */
static void
check_noise(const char *say, struct str noise, size_t findings)
{
	struct journal_report report;
	struct sum sum = { 0, 0, -1 };
	struct str text;
	size_t third;

	begin();
	append_lines(3);
	text = load();
	third = str_find_last(str_sub(text, 0, text.len - 1), '\n') + 1;
	store(str_sub(text, 0, third));
	add_text(noise);
	add_text(STR("\n"));
	add_text(str_sub(text, third, text.len));
	free((char *)(uintptr_t)text.p);
	report = verify("");
	check_int(say, (int64_t)report.lines, 3);
	check_int(say, (int64_t)count_findings(&report, JOURNAL_NOT_JSON), (int64_t)findings);
	check_int(say, (int64_t)count_findings(&report, JOURNAL_MISSING), 0);
	check_int(say, journal_each(journal(), add_up, &sum), 0);
	check_int(say, sum.lines, 3);
	end();
}

/* The end of a line that is too long is not taken for a line, wherever the reader had to let go of its beginning. */
static void
test_journal_line_at_the_end_of_noise(void)
{
	static char noise[2 * JOURNAL_LINE_MAX];
	struct journal_report report;
	struct str text;
	size_t third;

	begin();
	append_lines(3);
	text = load();
	third = str_find_last(str_sub(text, 0, text.len - 1), '\n') + 1;
	memset(noise, 'x', sizeof noise);
	memcpy(noise, text.p, third);
	store((struct str){ noise, sizeof noise });
	add_text(str_sub(text, third, text.len));
	report = verify("");
	check_int("lines", (int64_t)report.lines, 2);
	check_int("and one that is none", (int64_t)count_findings(&report, JOURNAL_NOT_JSON), 1);
	free((char *)(uintptr_t)text.p);
	end();
}

static void
test_journal_noise(void)
{
	static char noise[2 * 1024 * 1024];
	static const size_t sizes[] = {
		1, JOURNAL_LINE_MAX - 1, JOURNAL_LINE_MAX, JOURNAL_LINE_MAX + 1, 2 * JOURNAL_LINE_MAX - 800,
		2 * JOURNAL_LINE_MAX - 1, 2 * JOURNAL_LINE_MAX, 2 * JOURNAL_LINE_MAX + 1, sizeof noise,
	};

	check_noise("NUL bytes", STR("x\0y\0"), 1);
	check_noise("carriage returns", STR("\r\n\r"), 2);
	check_noise("bytes that are no UTF-8", STR("{\"seq\":\"\xff\xfe\"}"), 1);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		memset(noise, 'x', sizes[i]);
		check_noise("a long line", (struct str){ noise, sizes[i] }, 1);
		memset(noise, '[', sizes[i]);
		check_noise("a deep line", (struct str){ noise, sizes[i] }, 1);
	}
	memset(noise, '\n', 5000);
	check_noise("too many to list", (struct str){ noise, 5000 }, 1001);
}

static void
test_journal_noise_at_end(void)
{
	static char noise[200000];
	struct arena *small = arena_new_fixed(32);
	struct journal_report report;

	begin();
	append_lines(2);
	add_text((struct str){ noise, sizeof noise });
	report = verify("");
	CHECK("NUL bytes without end", report.damaged && report.lines == 2 && report.findings->line == 3);
	check_int("an arena that is full", journal_verify(journal(), STR_NONE, small, &report), -ENOMEM);
	arena_free(small);
	end();
}

static const struct {
	const char   *name;
	CU_TestFunc   run;
} tests[] = {
	{ "append", test_journal_append },
	{ "records of all kinds", test_journal_records },
	{ "too large a record", test_journal_too_large },
	{ "two writers at once", test_journal_two_writers },
	{ "the last line torn anywhere", test_journal_torn },
	{ "the first line torn anywhere", test_journal_first_torn },
	{ "torn again and again", test_journal_torn_again },
	{ "what may stand at the end", test_journal_tails },
	{ "damages", test_journal_damages },
	{ "every byte changed", test_journal_every_byte },
	{ "a hash kept elsewhere", test_journal_head },
	{ "another writer holds the lock", test_journal_lock },
	{ "where it cannot be written", test_journal_places },
	{ "no room", test_journal_full },
	{ "writers that are killed", test_journal_killed },
	{ "each", test_journal_each },
	{ "noise between lines", test_journal_noise },
	{ "a line at the end of noise", test_journal_line_at_the_end_of_noise },
	{ "noise at the end", test_journal_noise_at_end },
};

int
suite_journal(void)
{
	CU_pSuite suite = CU_add_suite("record/journal", NULL, NULL);

	if (suite == NULL)
		return -1;
	for (size_t i = 0; i < COUNT(tests); i++)
		if (CU_add_test(suite, tests[i].name, tests[i].run) == NULL)
			return -1;
	return 0;
}
