/*
 * The INI file as values: each section with all its keys, defaults filled in, kinds and ranges checked, lists and
 * twin files read.  What the values mean together is the business of compile.c.  One thread.
 */
#ifndef POLICY_VALUES_H
#define POLICY_VALUES_H

#include "base/file.h"
#include "base/ini.h"
#include "policy/keys.h"

#define LIST_ENTRIES_MAX  1000000
#define LIST_FILE_MAX     (32 * 1024 * 1024)    /* bytes */

struct value {
	bool         set;               /* stands in this very section */
	struct place place;             /* where; the file alone for a default */
	struct str   text;
	int64_t      number;            /* NUMBER, SPAN (seconds), WORD (index) */
	struct str  *items;             /* LIST */
	size_t       item_count;
};

struct local_value {
	struct local_value *next;
	enum key            key;
	struct str          language;
	struct str          text;
	unsigned            line;
};

struct section {
	struct section       *next;
	enum key_scope        scope;
	const struct section *defaults; /* [site], for [site.NAME] */
	struct str            name;     /* "shop" of [site.shop] */
	struct place          place;
	struct value          v[KEY_COUNT];
	struct local_value   *local;
};

/* A file that the policy was made from: when it changes, the policy is made again. */
struct source {
	struct source       *next;
	const char          *path;
	struct file_identity identity;
};

/* The sections of one kind, in the order of the file. */
struct section_list {
	struct section *first, **end;
	size_t          count;
};

struct values {
	struct arena       *arena;
	struct problems    *problems;
	struct ini          ini;
	struct section      gateway, site, policy;
	struct section_list named;      /* [site.NAME] */
	struct section_list profiles;   /* [profile.NAME] */
	struct section_list windows;    /* [window.ID], and those in windows.d */
	struct source      *sources;
	struct str          trial, trial_id;    /* a window to be tried in place of the one of that id; or empty */
};

#define WINDOWS_MAX       1000
#define WINDOWS_FOLDER    "windows.d"           /* in the state folder */

/*
 * Fills `values`, all zero but for a trial, from the INI at `path`, and from the windows planned with wardenctl.
 * Errors are in `problems`; the values are then not to be used.
 */
void values_load(struct values *values, struct str path, struct arena *arena, struct problems *problems);

/*
 * Reads a file that the INI names, relative to the INI's folder, and notes it as a source.
 * Returns 0, or -errno after adding an error that names `place`.
 */
int  values_read_file(struct values *values, const struct place *place, struct str name, size_t max, struct str *ret);

/*
 * Adds an error at `place` when every user of this machine can write to the file or folder `name`, which decides who is
 * let in; relative to the INI's folder, and none where it is empty.  A group may: that is how operators share.  What is
 * not there is no error.
 */
void values_refuse_writable(struct values *values, const struct place *place, struct str name);

/* Notes a file as a source, whether it is there or not. */
void values_add_source(struct values *values, const char *path);

/* Whether `section` has its value of `key` from [site]: both have the same text and items then, at the same place. */
bool values_inherited(const struct section *section, enum key key);

/* The text of a LOCAL key in `language`: the section's own, else the one for all languages, else that of [site]. */
struct str values_local(const struct section *section, enum key key, struct str language);

#endif
