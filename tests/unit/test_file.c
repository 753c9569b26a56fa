/* SPDX-License-Identifier: MIT */
/* Small files: only regular ones are read, nothing blocks, and what tells two states of a file apart. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "support.h"

int suite_file(void);

static void
make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	CU_ASSERT_EQUAL(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	(void)close(fd);
}

static int
count_entries(const struct folder *folder)
{
	DIR *dir = opendir(folder->path);
	int count = -2;                 /* "." and ".." */

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

static const struct {
	const char *say, *name;
	size_t      max;
	int         rc;
	const char *text;
} reads[] = {
	{ "a file",                          "file",          64, 0,        "hello\n" },
	{ "a file of just the size",         "file",           6, 0,        "hello\n" },
	{ "one byte too large",              "file",           5, -EFBIG,   NULL },
	{ "an empty file",                   "empty",          0, 0,        "" },
	{ "through a link",                  "link",          64, 0,        "hello\n" },
	{ "no such file",                    "none",          64, -ENOENT,  NULL },
	{ "a link to nothing",               "dangling",      64, -ENOENT,  NULL },
	{ "a link to itself",                "loop",          64, -ELOOP,   NULL },
	{ "a file is no folder",             "file/below",    64, -ENOTDIR, NULL },
	{ "a folder is no text",             "folder",        64, -EISDIR,  NULL },
	{ "a FIFO does not block",           "fifo",          64, -ENODEV,  NULL },
	{ "nor a link to a FIFO",            "link-to-fifo",  64, -ENODEV,  NULL },
	{ "a socket cannot be opened",       "socket",        64, -ENXIO,   NULL },
	{ "an endless device is no file",    "zero",          64, -ENODEV,  NULL },
};

static void
test_file_read(void)
{
	struct arena *arena = arena_new_growing(64 * 1024);
	struct folder folder;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	folder_make(&folder);
	folder_write(&folder, "file", "hello\n");
	folder_write(&folder, "empty", "");
	folder_mkdir(&folder, "folder");
	CU_ASSERT_EQUAL(symlink("file", folder_path(&folder, "link")), 0);
	CU_ASSERT_EQUAL(symlink("none", folder_path(&folder, "dangling")), 0);
	CU_ASSERT_EQUAL(symlink("loop", folder_path(&folder, "loop")), 0);
	CU_ASSERT_EQUAL(symlink("/dev/zero", folder_path(&folder, "zero")), 0);
	CU_ASSERT_EQUAL(mkfifo(folder_path(&folder, "fifo"), 0600), 0);
	CU_ASSERT_EQUAL(symlink("fifo", folder_path(&folder, "link-to-fifo")), 0);
	make_socket(folder_path(&folder, "socket"));
	(void)alarm(60);        /* a read that blocks ends the run */
	for (size_t i = 0; i < COUNT(reads); i++) {
		struct str text = STR("untouched");
		int rc = file_read(folder_path(&folder, reads[i].name), reads[i].max, arena, &text, NULL);

		check_int(reads[i].say, rc, reads[i].rc);
		check_str(reads[i].say, text, reads[i].text == NULL ? "untouched" : reads[i].text);
		CHECK(reads[i].say, rc != 0 || text.p[text.len] == '\0');
	}
	(void)alarm(0);
	folder_remove(&folder);
	arena_free(arena);
}

static void
test_file_read_into_a_full_arena(void)
{
	struct arena *arena = arena_new_fixed(32);
	struct folder folder;
	struct str text = STR("untouched");

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	folder_make(&folder);
	folder_write(&folder, "file", "123456789012345678901234567890123456789012345678901234567890");
	check_int("no room is said", file_read(folder_path(&folder, "file"), 100, arena, &text, NULL), -ENOMEM);
	check_str("... and nothing given", text, "untouched");
	folder_remove(&folder);
	arena_free(arena);
}

static void
test_file_read_leaves_no_descriptor(void)
{
	struct arena *arena = arena_new_growing(64 * 1024);
	struct folder folder;
	struct str text;
	int before, after;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	folder_make(&folder);
	folder_write(&folder, "file", "hello\n");
	before = dup(0);
	(void)close(before);
	for (int i = 0; i < 3; i++) {
		(void)file_read(folder_path(&folder, "file"), 64, arena, &text, NULL);
		(void)file_read(folder_path(&folder, "file"), 1, arena, &text, NULL);
		(void)file_read(folder.path, 64, arena, &text, NULL);
	}
	after = dup(0);
	(void)close(after);
	check_int("the next descriptor is the same", after, before);
	folder_remove(&folder);
	arena_free(arena);
}

static const struct {
	const char          *say;
	struct file_identity other;
	bool                 same;
} identities[] = {
	{ "the same",              { 1, 2, 3, { 4, 5 }, { 6, 7 } }, true },
	{ "another device",        { 9, 2, 3, { 4, 5 }, { 6, 7 } }, false },
	{ "another inode: a file renamed over it", { 1, 9, 3, { 4, 5 }, { 6, 7 } }, false },
	{ "another size",          { 1, 2, 9, { 4, 5 }, { 6, 7 } }, false },
	{ "another mtime",         { 1, 2, 3, { 9, 5 }, { 6, 7 } }, false },
	{ "... by a nanosecond",   { 1, 2, 3, { 4, 6 }, { 6, 7 } }, false },
	{ "another ctime: mtime was set back", { 1, 2, 3, { 4, 5 }, { 9, 7 } }, false },
	{ "... by a nanosecond",   { 1, 2, 3, { 4, 5 }, { 6, 8 } }, false },
};

static void
test_file_identity(void)
{
	struct file_identity one = { 1, 2, 3, { 4, 5 }, { 6, 7 } };

	for (size_t i = 0; i < COUNT(identities); i++) {
		CHECK(identities[i].say, file_identity_eq(&one, &identities[i].other) == identities[i].same);
		CHECK(identities[i].say, file_identity_eq(&identities[i].other, &one) == identities[i].same);
	}
}

static const struct {
	const char *say;
	time_t      mtime, ctime;
	bool        fresh;
} ages[] = {
	{ "changed now",                        1000, 1000, true },
	{ "a second ago",                        999,  999, true },
	{ "two seconds ago: FAT's step",         998,  998, true },
	{ "three seconds ago",                   997,  997, false },
	{ "an old mtime, a new ctime",             1, 1000, true },
	{ "a new mtime, an old ctime",          1000,    1, true },
	{ "ahead of the clock",                 5000, 5000, true },
	{ "long ago",                              1,    1, false },
};

static void
test_file_identity_fresh(void)
{
	for (size_t i = 0; i < COUNT(ages); i++) {
		struct file_identity identity = { 1, 2, 3, { ages[i].mtime, 0 }, { ages[i].ctime, 0 } };

		CHECK(ages[i].say, file_identity_fresh(&identity, 1000) == ages[i].fresh);
	}
}

static void
test_file_identity_of_what_is_read(void)
{
	struct arena *arena = arena_new_growing(64 * 1024);
	struct folder folder;
	struct file_identity read, looked;
	struct stat status;
	struct str text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	folder_make(&folder);
	folder_write(&folder, "file", "hello\n");
	CU_ASSERT_EQUAL(file_read(folder_path(&folder, "file"), 64, arena, &text, &read), 0);
	CU_ASSERT_EQUAL(stat(folder_path(&folder, "file"), &status), 0);
	looked = file_identity_of(&status);
	CHECK("read and looked at: one identity", file_identity_eq(&read, &looked));
	check_int("its size", looked.size, 6);
	folder_write(&folder, "new", "HELLO\n");
	CU_ASSERT_EQUAL(rename(folder_path(&folder, "new"), folder_path(&folder, "file")), 0);
	CU_ASSERT_EQUAL(file_read(folder_path(&folder, "file"), 64, arena, &text, &looked), 0);
	CHECK("renamed over: another", !file_identity_eq(&read, &looked));
	folder_remove(&folder);
	arena_free(arena);
}

static const struct {
	const char *say, *beside, *name, *path;
} resolved[] = {
	{ "beside a file",              "/etc/w/warden.ini", "page.html",    "/etc/w/page.html" },
	{ "below it",                   "/etc/w/warden.ini", "www/p.html",   "/etc/w/www/p.html" },
	{ "an absolute name stays",     "/etc/w/warden.ini", "/srv/p.html",  "/srv/p.html" },
	{ "beside a relative file",     "w/warden.ini",      "p.html",       "w/p.html" },
	{ "beside a file here",         "warden.ini",        "p.html",       "p.html" },
	{ "beside a file in the root",  "/warden.ini",       "p.html",       "/p.html" },
	{ "beside nothing",             "",                  "p.html",       "p.html" },
};

static void
test_file_resolve(void)
{
	struct arena *arena = arena_new_growing(4096), *small = arena_new_fixed(16);

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	CU_ASSERT_PTR_NOT_NULL_FATAL(small);
	for (size_t i = 0; i < COUNT(resolved); i++)
		check_str(resolved[i].say, file_resolve(str_of(resolved[i].beside), str_of(resolved[i].name), arena),
		    resolved[i].path);
	CU_ASSERT_PTR_NULL(file_resolve(STR("/etc/maintenance-warden/warden.ini"), STR("page.html"), small).p);
	arena_free(small);
	arena_free(arena);
}

static void
test_file_write(void)
{
	struct folder folder;
	struct stat status;
	char *text;
	mode_t mask = umask(022);

	folder_make(&folder);
	check_int("a new one", file_write(folder_path(&folder, "new"), STR("one\n"), 0664), 0);
	CU_ASSERT_EQUAL(stat(folder_path(&folder, "new"), &status), 0);
	check_int("... with its mode, whatever the umask", status.st_mode & 07777, 0664);
	CU_ASSERT_EQUAL(chmod(folder_path(&folder, "new"), 0600), 0);
	CU_ASSERT_EQUAL(chown(folder_path(&folder, "new"), geteuid() == 0 ? 4711 : (uid_t)-1, (gid_t)-1), 0);
	check_int("in its place", file_write(folder_path(&folder, "new"), STR("two\n"), 0664), 0);
	CU_ASSERT_EQUAL(stat(folder_path(&folder, "new"), &status), 0);
	check_int("... the mode is kept", status.st_mode & 07777, 0600);
	if (geteuid() == 0)
		check_int("... and the owner", status.st_uid, 4711);
	text = folder_read(&folder, "new");
	check_str("... whole", str_of(text), "two\n");
	free(text);
	CU_ASSERT_EQUAL(symlink("new", folder_path(&folder, "link")), 0);
	check_int("through a link", file_write(folder_path(&folder, "link"), STR("three\n"), 0664), 0);
	CU_ASSERT_EQUAL(lstat(folder_path(&folder, "link"), &status), 0);
	CHECK("... which stays one", S_ISLNK(status.st_mode));
	text = folder_read(&folder, "new");
	check_str("... to the new text", str_of(text), "three\n");
	free(text);
	folder_mkdir(&folder, "sub");
	check_int("over a folder", file_write(folder_path(&folder, "sub"), STR("x"), 0664), -EISDIR);
	check_int("in no folder", file_write(folder_path(&folder, "none/x"), STR("x"), 0664), -ENOENT);
	check_int("nothing is left behind", count_entries(&folder), 3);
	(void)umask(mask);
	folder_remove(&folder);
}

static void
test_file_marks(void)
{
	struct folder folder;

	folder_make(&folder);
	check_int("an empty one", file_create_empty(folder_path(&folder, "mark"), 0644), 0);
	check_int("... is there", file_create_empty(folder_path(&folder, "mark"), 0644), -EEXIST);
	check_int("gone", file_remove(folder_path(&folder, "mark")), 0);
	check_int("... already", file_remove(folder_path(&folder, "mark")), -ENOENT);
	CHECK("a temporary name", file_is_temporary(".maintenance.flag.x7Yz12.tmp"));
	CHECK("hidden, but none", !file_is_temporary(".htaccess"));
	CHECK("no hidden one", !file_is_temporary("a.x7Yz12.tmp"));
	CHECK("too short", !file_is_temporary(".x7Yz12.tmp"));
	folder_remove(&folder);
}

int
suite_file(void)
{
	CU_pSuite suite = CU_add_suite("base/file", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "read", test_file_read) == NULL ||
	    CU_add_test(suite, "read into a full arena", test_file_read_into_a_full_arena) == NULL ||
	    CU_add_test(suite, "read leaves no descriptor", test_file_read_leaves_no_descriptor) == NULL ||
	    CU_add_test(suite, "identity", test_file_identity) == NULL ||
	    CU_add_test(suite, "identity: fresh", test_file_identity_fresh) == NULL ||
	    CU_add_test(suite, "identity of what is read", test_file_identity_of_what_is_read) == NULL ||
	    CU_add_test(suite, "resolve", test_file_resolve) == NULL ||
	    CU_add_test(suite, "write", test_file_write) == NULL ||
	    CU_add_test(suite, "marks", test_file_marks) == NULL)
		return -1;
	return 0;
}
