/*
 * What several test files need: a folder of their own below /tmp, an INI compiled from a text, requests, and
 * checks that name their case.  One thread.
 */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <CUnit/CUnit.h>

#include "gate/request.h"
#include "policy/policy.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* CUnit names the line, `say` names the case. */
#define CHECK(say, condition) do { CU_ASSERT_TRUE(test_says((say), (condition))); } while (0)

bool test_says(const char *say, bool ok);
void check_str(const char *say, struct str got, const char *want);
void check_int(const char *say, int64_t got, int64_t want);

struct folder {
	char path[64];
};

void folder_make(struct folder *folder);
void folder_remove(struct folder *folder);      /* with all that is in it */
void folder_write(const struct folder *folder, const char *name, const char *text);
void folder_delete(const struct folder *folder, const char *name);
void folder_mkdir(const struct folder *folder, const char *name);

/* "FOLDER/NAME", in one of a few static places. */
const char *folder_path(const struct folder *folder, const char *name);

/* The text of a file, NUL-terminated, to be freed. */
char *folder_read(const struct folder *folder, const char *name);

struct compiled {
	struct problems problems;
	struct policy  *policy;         /* NULL when refused */
	int             rc;
};

/* Writes `text` as FOLDER/warden.ini and compiles it. */
void compile_text(const struct folder *folder, const char *text, const struct policy *previous, struct compiled *ret);
void compiled_free(struct compiled *compiled);

/* The first problem whose sentence holds `words`, or NULL. */
const struct problem *find_problem(const struct problems *problems, const char *words);
void print_problems_of(const struct problems *problems);

/* A GET by 192.0.2.7 that is whole, to a responder. */
struct raw_request raw_get(const char *target);
void raw_add(struct raw_request *raw, const char *cgi_name, const char *value);

/* Normalised with no trusted proxy. */
struct request request_of(const struct raw_request *raw, struct arena *arena);

/* All pieces of a body in one, in `arena`. */
struct str join_pieces(const struct str *pieces, size_t count, struct arena *arena);

/* One JSON text (RFC 8259) and nothing else but blanks. */
bool json_valid(struct str text);

#endif
