/* SPDX-License-Identifier: MIT */
/* record/log.c: one call, one line, whatever a client sent; and a file that is opened again after rotation. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/log.h"
#include "support.h"

int suite_log(void);

static int
open_log(const struct folder *folder, const char *name, enum log_level level)
{
	return log_open(str_of(folder_path(folder, name)), level);
}

static void
finish(struct folder *folder)
{
	CU_ASSERT_EQUAL(log_open(STR("stderr"), LOG_LEVEL_INFO), 0);
	folder_remove(folder);
}

static size_t
lines_of(const struct folder *folder, const char *name, const char *words)
{
	char *text = folder_read(folder, name);
	size_t lines = 0;

	for (char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	if (words != NULL)
		CHECK(words, strstr(text, words) != NULL);
	free(text);
	return lines;
}

static void
test_log_lines(void)
{
	struct folder folder;
	char longer[3000];

	folder_make(&folder);
	check_int("a file is made", open_log(&folder, "log", LOG_LEVEL_INFO), 0);
	log_write(LOG_LEVEL_WARNING, "held %s", "GET /a");
	check_int("one call, one line", (int64_t)lines_of(&folder, "log", "] warning: held GET /a\n"), 1);
	log_write(LOG_LEVEL_ERROR, "path %s", "/a\nfake: line\r\x1b[2J\xff\\");
	check_int("what comes from outside makes no second line", (int64_t)lines_of(&folder, "log",
	    "error: path /a\\x0Afake: line\\x0D\\x1B[2J\\xFF\\x5C\n"), 2);
	memset(longer, '\n', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	log_write(LOG_LEVEL_ERROR, "%s", longer);
	check_int("a very long one is cut, not lost", (int64_t)lines_of(&folder, "log", "\\x0A\\x0A"), 3);
	log_line(STR("{\"a\":1}"));
	check_int("a whole line is written as it is", (int64_t)lines_of(&folder, "log", "\n{\"a\":1}\n"), 4);
	finish(&folder);
}

static void
test_log_levels(void)
{
	static const size_t counts[] = { [LOG_LEVEL_ERROR] = 1, [LOG_LEVEL_WARNING] = 2, [LOG_LEVEL_INFO] = 3, [LOG_LEVEL_DEBUG] = 4 };
	struct folder folder;
	static const char *const names[] = { "error", "warning", "info", "debug" };

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(counts); i++) {
		check_int(names[i], open_log(&folder, names[i], (enum log_level)i), 0);
		for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++)
			log_write((enum log_level)level, "line");
		check_int(names[i], (int64_t)lines_of(&folder, names[i], NULL), (int64_t)counts[i]);
	}
	finish(&folder);
}

static void
test_log_reopen(void)
{
	struct folder folder;

	folder_make(&folder);
	CU_ASSERT_EQUAL(open_log(&folder, "log", LOG_LEVEL_INFO), 0);
	log_write(LOG_LEVEL_INFO, "one");
	CU_ASSERT_EQUAL(rename(folder_path(&folder, "log"), folder_path(&folder, "log.1")), 0);
	log_write(LOG_LEVEL_INFO, "two");
	check_int("until it is told, the renamed file is written", (int64_t)lines_of(&folder, "log.1", "two"), 2);
	log_reopen();
	log_write(LOG_LEVEL_INFO, "three");
	check_int("then the new one", (int64_t)lines_of(&folder, "log", "three"), 1);
	CU_ASSERT_EQUAL(open_log(&folder, "log", LOG_LEVEL_INFO), 0);
	log_write(LOG_LEVEL_INFO, "four");
	check_int("a file that is there is added to", (int64_t)lines_of(&folder, "log", "four"), 2);
	finish(&folder);
}

static void
test_log_cannot_open(void)
{
	struct folder folder;
	char name[5000];

	folder_make(&folder);
	memset(name, 'a', sizeof name);
	CU_ASSERT_EQUAL(open_log(&folder, "log", LOG_LEVEL_INFO), 0);
	check_int("a folder that is not there", open_log(&folder, "none/log", LOG_LEVEL_INFO), -ENOENT);
	check_int("a name that is too long", log_open((struct str){ name, sizeof name }, LOG_LEVEL_INFO), -ENAMETOOLONG);
	log_write(LOG_LEVEL_INFO, "still here");
	check_int("the log goes where it went", (int64_t)lines_of(&folder, "log", "still here"), 1);
	CU_ASSERT_EQUAL(rename(folder_path(&folder, "log"), folder_path(&folder, "log.1")), 0);
	log_reopen();
	log_write(LOG_LEVEL_INFO, "reopened");
	CHECK("... also after a rotation", access(folder_path(&folder, "log"), F_OK) == 0);
	finish(&folder);
}

static void
test_log_now_and_then(void)
{
	_Atomic(int64_t) last = 0;

	CHECK("the first time", log_now_and_then(&last, 1000, 60));
	CHECK("not again at once", !log_now_and_then(&last, 1000, 60));
	CHECK("... nor a second too early", !log_now_and_then(&last, 1059, 60));
	CHECK("after its time", log_now_and_then(&last, 1060, 60));
	CHECK("a clock that was set back does not silence it", log_now_and_then(&last, 500, 60));
	CHECK("... twice", !log_now_and_then(&last, 501, 60));
}

int
suite_log(void)
{
	CU_pSuite suite = CU_add_suite("record/log", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "lines", test_log_lines) == NULL ||
	    CU_add_test(suite, "levels", test_log_levels) == NULL ||
	    CU_add_test(suite, "reopen", test_log_reopen) == NULL ||
	    CU_add_test(suite, "cannot open", test_log_cannot_open) == NULL ||
	    CU_add_test(suite, "now and then", test_log_now_and_then) == NULL)
		return -1;
	return 0;
}
