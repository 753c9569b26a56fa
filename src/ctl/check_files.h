/* What `check` looks at on disk: the state folder and what is in it, modes, and what pages load.  One thread. */
#ifndef CTL_CHECK_FILES_H
#define CTL_CHECK_FILES_H

#include "ctl/ctl.h"

/* One run.  Warnings go to ctl->problems, each once. */
struct check {
	struct ctl     *ctl;            /* its policy is NULL where there were errors */
	struct values  *values;         /* the INI's; after an error, what could be read of it */
	struct str      state_dir;      /* empty where nothing says which */
	struct problems notes;          /* worth knowing, and nothing to mend */
};

/* `place` NULL: the sentence is about no line of the INI. */
void        check_warn(struct check *check, const struct place *place, const char *format, ...)
                __attribute__((format(printf, 3, 4)));
void        check_note(struct check *check, const struct place *place, const char *format, ...)
                __attribute__((format(printf, 3, 4)));

bool        check_is_alphanumeric(char c);      /* in ASCII, whatever the locale */

/* The path as a shell wants it, for commands that mend. */
const char *check_quoted(const struct check *check, const char *path);

/* Whether the user may do all of `bits` (4 read, 2 write, 1 enter) with a file of that status; false without a user. */
bool        check_user_may(const char *user, const struct stat *status, unsigned bits);

/* Whether any of the web server's users, as distributions name them, may.  `*ret_user`: one of them, NULL for none. */
bool        check_server_may(const struct stat *status, unsigned bits, const char **ret_user);

void        check_state_folder(struct check *check);
void        check_sources(struct check *check);         /* modes of the INI and of all files that it names */

/* These need the policy. */
void        check_tickets(struct check *check);
void        check_flags(struct check *check);
void        check_window_files(struct check *check);
void        check_pages(struct check *check);           /* what they load, and is held itself; in check_pages.c */

#endif
