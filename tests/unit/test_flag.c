/* SPDX-License-Identifier: MIT */
/*
 * state/flag.c: whatever the operator, an FTP client or a broken disk leaves at
 * the flag's path has one meaning, and a change is seen by the next look.
 */
#include "config.h"

#include <fcntl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/flag.h"
#include "support.h"

#define LATER 100               /* seconds: no change can hide behind the same time stamp */

int suite_flag(void);

/* A flag in a folder of its own, and a worker that looks at it. */
struct post {
	struct folder      folder;
	char               state_dir[96], path[128];
	struct flag_folder state;
	struct flag        flag;
	struct flag_watch  watch;
};

static void
post_make(struct post *p)
{
	memset(p, 0, sizeof *p);
	folder_make(&p->folder);
	folder_mkdir(&p->folder, "state");
	(void)snprintf(p->state_dir, sizeof p->state_dir, "%s/state", p->folder.path);
	(void)snprintf(p->path, sizeof p->path, "%s/maintenance.flag", p->state_dir);
	p->state.path = p->state_dir;
	p->flag.path = p->path;
	p->flag.folder = &p->state;
}

static void
post_remove(struct post *p)
{
	flag_watch_clear(&p->watch);
	folder_remove(&p->folder);
}

static void
write_flag(const struct post *p, const char *text)
{
	folder_write(&p->folder, "state/maintenance.flag", text);
}

static enum flag_state
look(struct post *p, int64_t now)
{
	return flag_look(&p->flag, &p->watch, now);
}

/* What may stand at the flag's path. */
static void make_nothing(struct post *p)  { (void)p; }
static void make_empty(struct post *p)    { write_flag(p, ""); }
static void make_body(struct post *p)     { write_flag(p, "id = a1\nmode = read-only\n"); }
static void make_comment(struct post *p)  { write_flag(p, "# nothing but this\n"); }
static void make_word(struct post *p)     { write_flag(p, "on\n"); }
static void make_noise(struct post *p)    { write_flag(p, "\xff\xfe\x01garbage"); }
static void make_folder(struct post *p)   { folder_mkdir(&p->folder, "state/maintenance.flag"); }
static void make_fifo(struct post *p)     { CU_ASSERT_EQUAL(mkfifo(p->path, 0600), 0); }
static void make_dangling(struct post *p) { CU_ASSERT_EQUAL(symlink("nowhere", p->path), 0); }
static void make_loop(struct post *p)     { CU_ASSERT_EQUAL(symlink("maintenance.flag", p->path), 0); }
static void make_null(struct post *p)     { CU_ASSERT_EQUAL(symlink("/dev/null", p->path), 0); }

static void
make_link(struct post *p)
{
	folder_write(&p->folder, "elsewhere", "id = linked\n");
	CU_ASSERT_EQUAL(symlink("../elsewhere", p->path), 0);
}

/* `extra` bytes more than a body may have, with a mode that must then not be read. */
static void
make_large(struct post *p, size_t extra)
{
	static char text[FLAG_BODY_MAX + 2];
	static const char start[] = "mode = read-only\n#";

	memset(text, 'x', sizeof text);
	memcpy(text, start, sizeof start - 1);
	for (size_t i = 500; i < sizeof text; i += 500)
		memcpy(text + i, "\n#", 2);
	text[FLAG_BODY_MAX + extra] = '\0';
	write_flag(p, text);
}

static void make_too_large(struct post *p) { make_large(p, 1); }
static void make_largest(struct post *p)   { make_large(p, 0); }

static void
make_no_folder(struct post *p)
{
	CU_ASSERT_EQUAL(rmdir(p->state_dir), 0);
}

static void
make_file_for_folder(struct post *p)
{
	CU_ASSERT_EQUAL(rmdir(p->state_dir), 0);
	folder_write(&p->folder, "state", "");
}

static void
make_folder_loop(struct post *p)
{
	CU_ASSERT_EQUAL(rmdir(p->state_dir), 0);
	CU_ASSERT_EQUAL(symlink("state", p->state_dir), 0);
}

static const struct {
	const char     *say;
	void          (*make)(struct post *post);
	enum flag_state state;
	bool            broken;
	enum mode       mode;
} states[] = {
	{ "no file: off",                           make_nothing,   FLAG_OFF, false, MODE_UNSET },
	{ "an empty file: plain on",                make_empty,     FLAG_ON,  false, MODE_UNSET },
	{ "a body: on, and read",                   make_body,      FLAG_ON,  false, MODE_READ_ONLY },
	{ "a body of comments: plain on",           make_comment,   FLAG_ON,  false, MODE_UNSET },
	{ "a body of one word: on all the same",    make_word,      FLAG_ON,  true,  MODE_UNSET },
	{ "a body of noise: on all the same",       make_noise,     FLAG_ON,  true,  MODE_UNSET },
	{ "a folder: on",                           make_folder,    FLAG_ON,  true,  MODE_UNSET },
	{ "a FIFO: on, and nobody waits",           make_fifo,      FLAG_ON,  true,  MODE_UNSET },
	{ "a device: on",                           make_null,      FLAG_ON,  true,  MODE_UNSET },
	{ "a link to a file: on",                   make_link,      FLAG_ON,  false, MODE_UNSET },
	{ "a link to nothing: off",                 make_dangling,  FLAG_OFF, false, MODE_UNSET },
	{ "a link to itself: unknown",              make_loop,      FLAG_UNKNOWN, false, MODE_UNSET },
	{ "16 KiB are read",                        make_largest,   FLAG_ON,  false, MODE_READ_ONLY },
	{ "over 16 KiB: on, and not read",          make_too_large, FLAG_ON,  true,  MODE_UNSET },
	{ "a missing state_dir: unknown, not off",  make_no_folder, FLAG_UNKNOWN, false, MODE_UNSET },
	{ "a file as state_dir: unknown",           make_file_for_folder, FLAG_UNKNOWN, false, MODE_UNSET },
	{ "a state_dir that is a loop: unknown",    make_folder_loop, FLAG_UNKNOWN, false, MODE_UNSET },
};

static void
test_flag_states(void)
{
	(void)alarm(60);        /* a look that blocks ends the run */
	for (size_t i = 0; i < COUNT(states); i++) {
		struct post p;
		int64_t now = clock_now();

		post_make(&p);
		states[i].make(&p);
		for (int again = 0; again < 2; again++) {       /* the second look is at what is known already */
			check_int(states[i].say, look(&p, now + again * LATER), states[i].state);
			if (states[i].state == FLAG_ON)
				CHECK(states[i].say, p.watch.body.broken == states[i].broken &&
				    p.watch.body.mode == states[i].mode);
		}
		check_int(states[i].say, p.flag.last, states[i].state);
		post_remove(&p);
	}
	(void)alarm(0);
}

static void
test_flag_next_look_sees_it(void)
{
	struct post p;
	int64_t now = clock_now();

	post_make(&p);
	check_int("off at first", look(&p, now), FLAG_OFF);
	write_flag(&p, "");
	check_int("touched: on, within the same second", look(&p, now), FLAG_ON);
	folder_delete(&p.folder, "state/maintenance.flag");
	check_int("removed: off", look(&p, now), FLAG_OFF);
	write_flag(&p, "id = a1\n");
	check_int("back again", look(&p, now), FLAG_ON);
	check_str("with its body", p.watch.body.id, "a1");
	write_flag(&p, "");
	check_int("emptied: plain on", look(&p, now), FLAG_ON);
	check_str("without the old body", p.watch.body.id, "");
	folder_write(&p.folder, "state/new", "id = b2\n");
	CU_ASSERT_EQUAL(rename(folder_path(&p.folder, "state/new"), p.path), 0);
	(void)look(&p, now + LATER);
	check_str("renamed over: the new body, though long ago", p.watch.body.id, "b2");
	write_flag(&p, "id = ?\n");
	(void)look(&p, now);
	CHECK("broken: the old id is gone", p.watch.body.broken && p.watch.body.id.len == 0);
	folder_delete(&p.folder, "state/maintenance.flag");
	make_no_folder(&p);
	check_int("gone with its folder, within the same second: unknown", look(&p, now), FLAG_UNKNOWN);
	check_int("and on is what was known last", p.flag.last, FLAG_ON);
	post_remove(&p);
}

static void
test_flag_same_size_same_second(void)
{
	struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	struct post p;
	int64_t now = clock_now();

	post_make(&p);
	write_flag(&p, "id = a1\n");
	(void)look(&p, now);
	check_str("the first body", p.watch.body.id, "a1");
	for (int i = 0; i < 10; i++) {
		char text[32], want[16];

		(void)snprintf(want, sizeof want, "b%d", i % 10);
		(void)snprintf(text, sizeof text, "id = %s\n", want);
		write_flag(&p, text);
		(void)look(&p, now);
		check_str("written over within the same second", p.watch.body.id, want);
	}
	/* as FTP clients do: the new text with the old mtime */
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, p.path, old, 0), 0);
	(void)look(&p, now + LATER);
	write_flag(&p, "id = c3\n");
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, p.path, old, 0), 0);
	(void)look(&p, now + LATER);
	check_str("the same size and mtime, another text", p.watch.body.id, "c3");
	post_remove(&p);
}

static void
write_in_place(const struct post *p, const char *text)
{
	int fd = open(p->path, O_WRONLY | O_CLOEXEC);

	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

/*
 * A file system with coarse time stamps: the second text has the identity of the first.  A look within the
 * first second sees it because the file is fresh; a look long after must see it as well.
 */
static void
test_flag_same_identity(void)
{
	struct stat status;
	struct post p;
	int64_t now;

	post_make(&p);
	write_flag(&p, "id = a1\n");
	now = clock_now();
	(void)look(&p, now);
	check_str("the first body", p.watch.body.id, "a1");
	write_in_place(&p, "id = b2\n");
	CU_ASSERT_EQUAL(stat(p.path, &status), 0);
	if (p.watch.identity.inode == status.st_ino)    /* what a coarse clock would have left */
		p.watch.identity = file_identity_of(&status);
	(void)look(&p, now + LATER);
	check_str("a body that was read while fresh is read once more", p.watch.body.id, "b2");
	post_remove(&p);
}

static void
test_flag_body_is_kept(void)
{
	struct post p;
	int64_t now = clock_now();
	const char *text;

	post_make(&p);
	write_flag(&p, "id = a1\n");
	(void)look(&p, now + LATER);
	text = p.watch.body.id.p;
	(void)look(&p, now + LATER + 1);
	CU_ASSERT_PTR_EQUAL(p.watch.body.id.p, text);
	check_str("an old file is not read again", p.watch.body.id, "a1");
	post_remove(&p);
}

static void
test_flag_since(void)
{
	struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	struct stat status;
	struct post p;
	int64_t now = clock_now();

	post_make(&p);
	write_flag(&p, "");
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, p.path, old, 0), 0);
	CU_ASSERT_EQUAL(stat(p.path, &status), 0);
	CU_ASSERT_EQUAL(status.st_mtim.tv_sec, 1000000000);
	(void)look(&p, now);
	check_int("the ctime, for mtime is what an FTP client says", p.watch.since, status.st_ctim.tv_sec);
	write_flag(&p, "id = a1\n");
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, p.path, old, 0), 0);
	(void)look(&p, now);
	CHECK("with a body that does not say it: the same", p.watch.since >= now);
	write_flag(&p, "since = 2026-01-02 03:04Z\n");
	(void)look(&p, now);
	check_int("the body knows better", p.watch.since, INT64_C(1767323040));
	write_flag(&p, "since = yesterday\n");
	(void)look(&p, now);
	CHECK("a body that is broken there does not", p.watch.body.broken && p.watch.since >= now);
	post_remove(&p);
}

static void
test_flag_unknown_keeps_what_was_known(void)
{
	struct post p;
	int64_t now = clock_now();

	post_make(&p);
	check_int("nothing is known at first", p.flag.last, FLAG_UNKNOWN);
	(void)look(&p, now);
	check_int("off is known", p.flag.last, FLAG_OFF);
	make_loop(&p);
	check_int("now it cannot be told", look(&p, now), FLAG_UNKNOWN);
	check_int("off is what was known last", p.flag.last, FLAG_OFF);
	CU_ASSERT_EQUAL(unlink(p.path), 0);
	write_flag(&p, "");
	check_int("on", look(&p, now), FLAG_ON);
	CU_ASSERT_EQUAL(unlink(p.path), 0);
	make_loop(&p);
	check_int("and again it cannot be told", look(&p, now), FLAG_UNKNOWN);
	check_int("on is what was known last", p.flag.last, FLAG_ON);
	post_remove(&p);
}

static void
test_flag_folder_once_a_second(void)
{
	struct post p;
	int64_t now = clock_now();

	post_make(&p);
	check_int("the folder is there", look(&p, now), FLAG_OFF);
	CU_ASSERT_EQUAL(rmdir(p.state_dir), 0);
	check_int("looked at already in this second", look(&p, now), FLAG_OFF);
	check_int("missed in the next", look(&p, now + 1), FLAG_UNKNOWN);
	folder_mkdir(&p.folder, "state");
	check_int("still within that second", look(&p, now + 1), FLAG_UNKNOWN);
	check_int("found in the next", look(&p, now + 2), FLAG_OFF);
	CU_ASSERT_EQUAL(rmdir(p.state_dir), 0);
	check_int("a clock that stepped back is another second", look(&p, now - LATER), FLAG_UNKNOWN);
	post_remove(&p);
}

static void
test_flag_marker(void)
{
	struct folder folder;

	folder_make(&folder);
	folder_write(&folder, "there", "");
	folder_mkdir(&folder, "folder");
	CU_ASSERT_EQUAL(symlink("loop", folder_path(&folder, "loop")), 0);
	CU_ASSERT_EQUAL(symlink("nowhere", folder_path(&folder, "dangling")), 0);
	CHECK("a file is a marker", flag_marker_there(folder_path(&folder, "there")));
	CHECK("a folder is one", flag_marker_there(folder_path(&folder, "folder")));
	CHECK("nothing is none", !flag_marker_there(folder_path(&folder, "none")));
	CHECK("a link to nothing is none", !flag_marker_there(folder_path(&folder, "dangling")));
	CHECK("below a file there is none", !flag_marker_there(folder_path(&folder, "there/none")));
	CHECK("where it cannot be told it is there", flag_marker_there(folder_path(&folder, "loop")));
	folder_remove(&folder);
}

/* What a line says; the fields that it does not name must be unset. */
static const struct {
	const char *say, *text;
	bool        broken;
	struct flag_body body;
} bodies[] = {
#define NOBODY_ADMITTED { .until = TIME_NONE, .since = TIME_NONE, .share = 0, .retry_after = -1 }
#define UNSET .until = TIME_NONE, .since = TIME_NONE, .share = -1, .retry_after = -1
	{ "nothing", "", false, { UNSET } },
	{ "an id", "id = 2026-12.db_1", false, { UNSET, .id = STR_INIT("2026-12.db_1") } },
	{ "keys in capitals", "ID = A", false, { UNSET, .id = STR_INIT("A") } },
	{ "texts", "message = m\ntitle = t\nstep = s\nowner = o\nreason = r\nchange = c", false,
	    { UNSET, .message = STR_INIT("m"), .title = STR_INIT("t"), .step = STR_INIT("s"), .owner = STR_INIT("o"),
	    .reason = STR_INIT("r"), .change = STR_INIT("c") } },
	{ "a text in quotes", "message = \"a; b\"", false, { UNSET, .message = STR_INIT("a; b") } },
	{ "the end, with an offset", "until = 1970-01-02T01:00+01:00", false,
	    { .until = 86400, .since = TIME_NONE, .share = -1, .retry_after = -1 } },
	{ "the start", "since = 1970-01-02 00:00Z", false,
	    { .until = TIME_NONE, .since = 86400, .share = -1, .retry_after = -1 } },
	{ "mode full", "mode = full", false, { UNSET, .mode = MODE_FULL } },
	{ "mode read-only", "mode = read-only", false, { UNSET, .mode = MODE_READ_ONLY } },
	{ "status 400", "status = 400", false, { UNSET, .status = 400 } },
	{ "status 599", "status = 599", false, { UNSET, .status = 599 } },
	{ "nobody", "share = 0", false, { .until = TIME_NONE, .since = TIME_NONE, .retry_after = -1, .share = 0 } },
	{ "all", "share = 100", false, { .until = TIME_NONE, .since = TIME_NONE, .retry_after = -1, .share = 100 } },
	{ "no Retry-After", "retry_after = 0", false, { .until = TIME_NONE, .since = TIME_NONE, .share = -1 } },
	{ "a day", "retry_after = 86400", false,
	    { .until = TIME_NONE, .since = TIME_NONE, .share = -1, .retry_after = 86400 } },
	{ "an unknown key", "colour = red", true, { UNSET } },
	{ "a blank in an id", "id = a b", true, { UNSET } },
	{ "an empty id", "id =", true, { UNSET } },
	{ "an end that is none", "until = tomorrow", true, { UNSET } },
	{ "a start that is none", "since = 5", true, { UNSET } },
	{ "a mode that is none", "mode = Full", true, { UNSET } },
	{ "status 200 is no maintenance", "status = 200", true, { UNSET } },
	{ "status 399", "status = 399", true, { UNSET } },
	{ "status 600", "status = 600", true, { UNSET } },
	{ "a share over 100", "share = 101", true, { UNSET } },
	{ "a share below 0", "share = -1", true, { UNSET } },
	{ "a share in percent signs", "share = 10%", true, { UNSET } },
	{ "a retry over a day", "retry_after = 86401", true, { UNSET } },
	{ "a section", "[site]", true, { UNSET } },
	{ "a good text stays where another line is broken", "message = m\nwhat", true,
	    { UNSET, .message = STR_INIT("m") } },
	{ "a key twice: the first", "message = a\nmessage = b", true, { UNSET, .message = STR_INIT("a") } },
	{ "what opens is forgotten: mode", "mode = read-only\nwhat", true, { UNSET } },
	{ "... share", "share = 100\nwhat", true, NOBODY_ADMITTED },
	{ "... status", "status = 404\nwhat", true, { UNSET } },
	{ "... whatever the order", "what\nmode = read-only\nshare = 50", true, NOBODY_ADMITTED },
	{ "a share twice is none", "share = 1\nshare = 100", true, NOBODY_ADMITTED },
#undef UNSET
#undef NOBODY_ADMITTED
};

static void
test_flag_body_parse(void)
{
	struct arena *arena = arena_new_growing(1024 * 1024);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (size_t i = 0; i < COUNT(bodies); i++) {
		const char *say = bodies[i].say;
		const struct flag_body *want = &bodies[i].body;
		struct flag_body got = flag_body_parse(str_of(bodies[i].text), NULL, arena);

		CHECK(say, got.broken == bodies[i].broken);
		CHECK(say, str_eq(got.id, want->id) && str_eq(got.message, want->message));
		CHECK(say, str_eq(got.title, want->title) && str_eq(got.step, want->step));
		CHECK(say, str_eq(got.owner, want->owner) && str_eq(got.reason, want->reason));
		CHECK(say, str_eq(got.change, want->change));
		check_int(say, got.until, want->until);
		check_int(say, got.since, want->since);
		check_int(say, got.mode, want->mode);
		check_int(say, got.status, want->status);
		check_int(say, got.share, want->share);
		check_int(say, got.retry_after, want->retry_after);
	}
	arena_free(arena);
}

static void
test_flag_body_times_are_of_its_zone(void)
{
	struct arena *arena = arena_new_growing(64 * 1024);
	struct zone *zone = NULL;
	struct flag_body body;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	CU_ASSERT_EQUAL_FATAL(zone_load(STR("Europe/Berlin"), &zone), 0);
	body = flag_body_parse(STR("until = 2026-12-15 03:00\nsince = 2026-12-15 02:00Z\n"), zone, arena);
	check_int("a wall clock is the zone's", body.until, INT64_C(1797300000));
	check_int("an offset is its own", body.since, INT64_C(1797300000));
	zone_free(zone);
	arena_free(arena);
}

static void
test_flag_words(void)
{
	char id[FLAG_ID_MAX + 2];

	check_int("full", mode_parse(STR("full")), MODE_FULL);
	check_int("read-only", mode_parse(STR("read-only")), MODE_READ_ONLY);
	check_int("nothing", mode_parse(STR_NONE), MODE_UNSET);
	check_int("another spelling", mode_parse(STR("readonly")), MODE_UNSET);
	check_str("its name", str_of(mode_name(MODE_READ_ONLY)), "read-only");
	check_str("the name of the other", str_of(mode_name(MODE_FULL)), "full");
	check_str("what is not set counts as full", str_of(mode_name(MODE_UNSET)), "full");
	memset(id, 'a', sizeof id);
	CHECK("64 are an id", flag_id_valid((struct str){ id, FLAG_ID_MAX }));
	CHECK("65 are none", !flag_id_valid((struct str){ id, FLAG_ID_MAX + 1 }));
	CHECK("nothing is none", !flag_id_valid(STR("")));
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		bool good = c != 0 && c < 128 && strchr("0123456789.-_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "abcdefghijklmnopqrstuvwxyz", c) != NULL;

		CHECK("letters, digits and three marks", flag_id_valid((struct str){ &byte, 1 }) == good);
	}
}

/* What is written is read back as it was, or is refused. */
static void
test_flag_body_format(void)
{
	static const char *const texts[] = { "plain", "with \"quotes\"", "\"begins with one", "it's", "a; b # c", "a \\ b",
		"#begins", "umlaut \xc3\xa4", "= equals =", "[section]", "; \"both\"", "# it's" };
	static const char *const refused[] = { "two\nlines", "a\rb", "\x01", "\xff", "; \" and ' both", "; back\\slash" };
	struct arena *arena = arena_new_growing(1 << 20);
	struct str text;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct flag_body body = flag_body_none(), back;

		body.message = str_of(texts[i]);
		body.window = STR("w-1");
		body.id = STR("id.1");
		body.since = 1000000000;
		body.until = 2000000000;
		body.mode = MODE_READ_ONLY;
		body.status = 500;
		body.share = 7;
		body.retry_after = 60;
		check_int(texts[i], flag_body_format(&body, arena, &text), 0);
		back = flag_body_parse(text, NULL, arena);
		CHECK(texts[i], !back.broken);
		check_str(texts[i], back.message, texts[i]);
		check_str(texts[i], back.window, "w-1");
		CHECK(texts[i], back.since == body.since && back.until == body.until && back.mode == body.mode &&
		    back.status == 500 && back.share == 7 && back.retry_after == 60 && str_eq(back.id, body.id));
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct flag_body body = flag_body_none();

		body.message = str_of(refused[i]);
		CHECK(refused[i], flag_body_format(&body, arena, &text) == -EINVAL);
	}
	arena_free(arena);
}

int
suite_flag(void)
{
	CU_pSuite suite = CU_add_suite("state/flag", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "states", test_flag_states) == NULL ||
	    CU_add_test(suite, "the next look sees it", test_flag_next_look_sees_it) == NULL ||
	    CU_add_test(suite, "same size, same second", test_flag_same_size_same_second) == NULL ||
	    CU_add_test(suite, "same identity", test_flag_same_identity) == NULL ||
	    CU_add_test(suite, "body is kept", test_flag_body_is_kept) == NULL ||
	    CU_add_test(suite, "since", test_flag_since) == NULL ||
	    CU_add_test(suite, "unknown keeps the last", test_flag_unknown_keeps_what_was_known) == NULL ||
	    CU_add_test(suite, "folder once a second", test_flag_folder_once_a_second) == NULL ||
	    CU_add_test(suite, "marker", test_flag_marker) == NULL ||
	    CU_add_test(suite, "body", test_flag_body_parse) == NULL ||
	    CU_add_test(suite, "body: times", test_flag_body_times_are_of_its_zone) == NULL ||
	    CU_add_test(suite, "words", test_flag_words) == NULL ||
	    CU_add_test(suite, "body: there and back", test_flag_body_format) == NULL)
		return -1;
	return 0;
}
