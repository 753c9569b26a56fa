/*
 * Reading small files that an operator, an FTP client or another program may
 * change at any moment.  Any thread.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/str.h"

/* What tells one state of a file from another: all five equal means "the same text". */
struct file_identity {
	dev_t           device;
	ino_t           inode;
	off_t           size;
	struct timespec mtime;
	struct timespec ctime;
};

struct file_identity file_identity_of(const struct stat *status);
bool                 file_identity_eq(const struct file_identity *a, const struct file_identity *b);

/*
 * True when the file changed so lately that a second change could hide behind the same
 * time stamp: file systems keep as little as two seconds (FAT).  `now` is UTC seconds.
 */
bool file_identity_fresh(const struct file_identity *identity, int64_t now);

/*
 * Reads the whole regular file at `path` into `arena`, followed by a NUL, and its identity if
 * `ret_identity` is not NULL.  Never blocks on a FIFO or a terminal.  Returns 0; -EISDIR for a directory,
 * -ENODEV for another thing that is no regular file, -EFBIG over `max` bytes, -ENOMEM, or the -errno of
 * the call that failed.
 */
int file_read(const char *path, size_t max, struct arena *arena, struct str *ret,
        struct file_identity *ret_identity);

/*
 * Puts `text` in place of the file at `path`, whole or not at all: a temporary file beside it (".NAME.XXXXXX.tmp") is
 * filled, synced and renamed over it, and the folder is synced.  A file that was there keeps its mode and, where the
 * caller may, its owner and group; a new one gets `mode` whatever the umask: the web server must read it.
 * A symbolic link that belongs to root or the caller is followed: what it names is replaced; that of anybody else is
 * replaced itself.
 * Returns 0 or the first -errno, and then the old file stands as it was.  A folder that cannot be synced is no error:
 * what everybody sees by then is the new file.
 */
int file_write(const char *path, struct str text, mode_t mode);

/* Makes an empty file, needing no room for a text: what is left on a full disk.  0, -EEXIST, or another -errno. */
int file_create_empty(const char *path, mode_t mode);

/*
 * A file or folder that was made just now becomes that of the folder it is in: the same owner where root made it, the
 * same group where the caller may, and what the group may do in the folder it may do here.  So the gateway's user, and
 * whoever shares the folder by its group, can go on with what another one began.  Best effort, nothing is told.
 */
void file_join_folder(int fd, const char *path);

/* Makes a folder of that mode, whatever the umask, joined to the one it is in.  0, also if it is there; -errno. */
int file_make_folder(const char *path, mode_t mode);

/* Removes the file, and syncs its folder where that can be done.  0, -ENOENT, or another -errno. */
int file_remove(const char *path);

/* Whether a folder's entry is a temporary file of file_write(), left by a writer that was killed. */
bool file_is_temporary(const char *name);

/* `name` below the folder of the file `beside`, unless it is absolute.  `.p` NULL when the arena is full. */
struct str file_resolve(struct str beside, struct str name, struct arena *arena);

#endif
