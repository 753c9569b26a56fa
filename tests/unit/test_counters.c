/* SPDX-License-Identifier: MIT */
/* record/counters.c: counting by several processes, marks, and files that are none of ours. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/counters.h"
#include "support.h"

int suite_counters(void);

static void
test_counters_count(void)
{
	struct counters *counters, *other;
	struct folder folder;

	folder_make(&folder);
	CU_ASSERT_EQUAL(counters_open(str_of(folder.path), false, &counters), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(counters_open(str_of(folder.path), true, &counters), 0);
	CU_ASSERT_EQUAL_FATAL(counters_open(str_of(folder.path), false, &other), 0);
	CHECK("nobody has marked", !counters_marked(other, STR("shop")));
	counters_add(counters, STR("shop"), COUNTER_HELD);
	counters_add(counters, STR("shop"), COUNTER_HELD);
	counters_add(counters, STR(""), COUNTER_HELD);
	check_int("the site's", (int64_t)counters_get(other, STR("shop"), COUNTER_HELD), 2);
	check_int("all", (int64_t)counters_get(other, STR(""), COUNTER_HELD), 3);
	check_int("another counter", (int64_t)counters_get(other, STR("shop"), COUNTER_LOGIN), 0);
	check_int("another site", (int64_t)counters_get(other, STR("blog"), COUNTER_HELD), 0);
	counters_mark(counters, STR("shop"));
	CHECK("marked", counters_marked(other, STR("shop")) && !counters_marked(other, STR("blog")));
	check_int("from 0 again", (int64_t)counters_get(other, STR("shop"), COUNTER_HELD), 0);
	counters_add(counters, STR("shop"), COUNTER_HELD);
	check_int("... and up", (int64_t)counters_get(other, STR("shop"), COUNTER_HELD), 1);
	counters_add(NULL, STR("shop"), COUNTER_HELD);
	counters_close(other);
	counters_close(counters);
	counters_close(NULL);
	folder_remove(&folder);
}

static void
test_counters_processes(void)
{
	enum { PROCESSES = 4, EACH = 20000 };
	struct counters *counters;
	struct folder folder;
	int status;

	folder_make(&folder);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() != 0)
			continue;
		if (counters_open(str_of(folder.path), true, &counters) != 0)
			_exit(1);
		for (int n = 0; n < EACH; n++)
			counters_add(counters, n % 2 == 0 ? STR("shop") : STR("blog"), COUNTER_HELD);
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++)
		CU_ASSERT_TRUE(wait(&status) > 0 && status == 0);
	CU_ASSERT_EQUAL_FATAL(counters_open(str_of(folder.path), false, &counters), 0);
	check_int("none is lost", (int64_t)counters_get(counters, STR("shop"), COUNTER_HELD), PROCESSES * EACH / 2);
	check_int("... of the other either", (int64_t)counters_get(counters, STR("blog"), COUNTER_HELD), PROCESSES * EACH / 2);
	counters_close(counters);
	folder_remove(&folder);
}

static void
test_counters_many_sites(void)
{
	struct counters *counters;
	struct folder folder;
	char name[16];

	folder_make(&folder);
	CU_ASSERT_EQUAL_FATAL(counters_open(str_of(folder.path), true, &counters), 0);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof name, "site%d", i);
		counters_add(counters, str_of(name), COUNTER_HELD);
	}
	check_int("one with a row", (int64_t)counters_get(counters, STR("site7"), COUNTER_HELD), 1);
	check_int("all of them", (int64_t)counters_get(counters, STR(""), COUNTER_HELD), 300);
	counters_close(counters);
	folder_remove(&folder);
}

static void
test_counters_foreign(void)
{
	struct counters *counters = NULL;
	struct folder folder;

	folder_make(&folder);
	folder_write(&folder, "counters", "not ours\n");
	CU_ASSERT_EQUAL(counters_open(str_of(folder.path), true, &counters), -EBADMSG);
	CU_ASSERT_EQUAL(counters_open(str_of(folder.path), false, &counters), -EBADMSG);
	folder_delete(&folder, "counters");
	CU_ASSERT_EQUAL(symlink("/etc/passwd", folder_path(&folder, "counters")), 0);
	CU_ASSERT_EQUAL(counters_open(str_of(folder.path), true, &counters), -ELOOP);
	folder_delete(&folder, "counters");
	CU_ASSERT_EQUAL(mkfifo(folder_path(&folder, "counters"), 0600), 0);
	(void)alarm(60);        /* an open that waits for a writer ends the run */
	CU_ASSERT_EQUAL(counters_open(str_of(folder.path), true, &counters), -EBADMSG);
	CU_ASSERT_EQUAL(counters_open(str_of(folder.path), false, &counters), -EBADMSG);
	(void)alarm(0);
	CU_ASSERT_PTR_NULL(counters);
	folder_remove(&folder);
}

static void
test_counters_words(void)
{
	check_str("a reason", str_of(counter_word((enum counter)(COUNTER_PASSED + REASON_ADDRESS))), "address");
	check_str("beside them", str_of(counter_word(COUNTER_FAILED)), "ticket_failed");
}

int
suite_counters(void)
{
	CU_pSuite suite = CU_add_suite("record/counters", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "count", test_counters_count) == NULL ||
	    CU_add_test(suite, "processes", test_counters_processes) == NULL ||
	    CU_add_test(suite, "many sites", test_counters_many_sites) == NULL ||
	    CU_add_test(suite, "foreign files", test_counters_foreign) == NULL ||
	    CU_add_test(suite, "words", test_counters_words) == NULL)
		return -1;
	return 0;
}
