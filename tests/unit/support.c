/* SPDX-License-Identifier: MIT */
/* Helpers of the unit tests.  What cannot be set up ends the run: there is nothing left to prove then. */
#include "config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#define PLACES 8

static void
give_up(const char *what)
{
	perror(what);
	exit(99);
}

bool
test_says(const char *say, bool ok)
{
	if (!ok)
		printf("\n  %s", say);
	return ok;
}

void
check_str(const char *say, struct str got, const char *want)
{
	bool ok = str_eq(got, str_of(want));

	if (!ok)
		printf("\n  %s: want \"%s\", got \"%.*s\"", say, want, STR_ARG(got));
	CU_ASSERT_TRUE(ok);
}

void
check_int(const char *say, int64_t got, int64_t want)
{
	if (got != want)
		printf("\n  %s: want %lld, got %lld", say, (long long)want, (long long)got);
	CU_ASSERT_EQUAL(got, want);
}

void
folder_make(struct folder *folder)
{
	(void)snprintf(folder->path, sizeof folder->path, "/tmp/warden-unit-XXXXXX");
	if (mkdtemp(folder->path) == NULL)
		give_up(folder->path);
}

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status, (void)kind, (void)where;
	return remove(path);
}

void
folder_remove(struct folder *folder)
{
	if (nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		give_up(folder->path);
}

const char *
folder_path(const struct folder *folder, const char *name)
{
	static char places[PLACES][256];
	static unsigned next;
	char *place = places[next++ % PLACES];

	(void)snprintf(place, sizeof places[0], "%s/%s", folder->path, name);
	return place;
}

void
folder_write(const struct folder *folder, const char *name, const char *text)
{
	const char *path = folder_path(folder, name);
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(text, file) == EOF || fclose(file) == EOF)
		give_up(path);
}

void
folder_delete(const struct folder *folder, const char *name)
{
	const char *path = folder_path(folder, name);

	if (unlink(path) != 0)
		give_up(path);
}

void
folder_mkdir(const struct folder *folder, const char *name)
{
	const char *path = folder_path(folder, name);

	if (mkdir(path, 0755) != 0)
		give_up(path);
}

char *
folder_read(const struct folder *folder, const char *name)
{
	const char *path = folder_path(folder, name);
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (file == NULL || text == NULL)
		give_up(path);
	(void)fread(text, 1, 65535, file);
	(void)fclose(file);
	return text;
}

void
compile_text(const struct folder *folder, const char *text, const struct policy *previous, struct compiled *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->problems.arena = arena_new_growing(1024 * 1024);
	if (ret->problems.arena == NULL)
		give_up("arena");
	folder_write(folder, "warden.ini", text);
	ret->rc = policy_compile(str_of(folder_path(folder, "warden.ini")), previous, &ret->problems, &ret->policy);
	if (ret->rc != 0)
		ret->policy = NULL;
}

void
compiled_free(struct compiled *compiled)
{
	policy_free(compiled->policy);
	arena_free(compiled->problems.arena);
}

const struct problem *
find_problem(const struct problems *problems, const char *words)
{
	for (const struct problem *p = problems->first; p != NULL; p = p->next)
		if (str_contains(p->sentence, str_of(words)))
			return p;
	return NULL;
}

void
print_problems_of(const struct problems *problems)
{
	char text[512];

	for (const struct problem *p = problems->first; p != NULL; p = p->next) {
		problem_format(p, text, sizeof text);
		printf("\n    %s", text);
	}
}

struct raw_request
raw_get(const char *target)
{
	struct raw_request raw = { .dialect = DIALECT_RESPONDER, .whole = true };

	raw.peer = STR("192.0.2.7");
	raw.method = STR("GET");
	raw.target = str_of(target);
	return raw;
}

void
raw_add(struct raw_request *raw, const char *cgi_name, const char *value)
{
	raw->headers[raw->header_count++] = (struct raw_header){ str_of(cgi_name), str_of(value) };
}

struct request
request_of(const struct raw_request *raw, struct arena *arena)
{
	struct cidr_set *nobody = cidr_set_new();
	struct trust trust = { nobody, STR("X_FORWARDED_FOR"), CLIENT_HEADER_LIST };
	struct request request;

	if (nobody == NULL)
		give_up("cidr_set_new");
	cidr_set_freeze(nobody);
	if (request_normalise(raw, &trust, arena, &request) != 0)
		give_up("request_normalise");
	cidr_set_free(nobody);
	return request;
}

struct str
join_pieces(const struct str *pieces, size_t count, struct arena *arena)
{
	size_t len = 0;
	char *text;

	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	text = arena_alloc(arena, len + 1);
	if (text == NULL)
		give_up("join_pieces");
	len = 0;
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].len > 0)
			memcpy(text + len, pieces[i].p, pieces[i].len);
		len += pieces[i].len;
	}
	text[len] = '\0';
	return (struct str){ text, len };
}

/* A reader of JSON: NULL when it is none. */
static const char *json_value(const char *p, const char *end, int depth);

static const char *
json_blanks(const char *p, const char *end)
{
	while (p != NULL && p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

static const char *
json_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		if (++p == end || strchr("\"\\/bfnrtu", *p) == NULL || *p == '\0')
			return NULL;
		for (int i = 0; *p == 'u' && i < 4; i++)
			if (end - p < 5 || strchr("0123456789abcdefABCDEF", p[1 + i]) == NULL || p[1 + i] == '\0')
				return NULL;
	}
	return NULL;
}

static const char *
json_number(const char *p, const char *end)
{
	const char *begin = p += *p == '-';

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == begin || (*begin == '0' && p - begin > 1) ? NULL : p;       /* no fractions in what we write */
}

static const char *
json_members(const char *p, const char *end, int depth, char closing)
{
	p = json_blanks(p + 1, end);
	if (p < end && *p == closing)
		return p + 1;
	for (;;) {
		if (closing == '}') {
			p = p < end && *p == '"' ? json_blanks(json_string(p, end), end) : NULL;
			if (p == NULL || p == end || *p++ != ':')
				return NULL;
		}
		p = json_blanks(json_value(p, end, depth + 1), end);
		if (p == NULL || p == end)
			return NULL;
		if (*p == closing)
			return p + 1;
		if (*p != ',')
			return NULL;
		p = json_blanks(p + 1, end);
	}
}

static const char *
json_value(const char *p, const char *end, int depth)
{
	static const char *const words[] = { "true", "false", "null" };

	p = json_blanks(p, end);
	if (p == NULL || p == end || depth > 16)
		return NULL;
	for (size_t i = 0; i < COUNT(words); i++)
		if ((size_t)(end - p) >= strlen(words[i]) && memcmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	if (*p == '{' || *p == '[')
		return json_members(p, end, depth, *p == '{' ? '}' : ']');
	return *p == '"' ? json_string(p, end) : json_number(p, end);
}

bool
json_valid(struct str text)
{
	const char *end = text.p + text.len;

	return text.len > 0 && json_blanks(json_value(text.p, end, 0), end) == end;
}
