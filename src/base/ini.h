/*
 * INI text.  A line scanner of our own gives line numbers and refuses whatever
 * iniparser would silently swallow; iniparser then reads the same file, and
 * both must agree on every value.  Section and key names are folded to lower
 * case.  Any thread, one at a time per `struct ini`.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/problem.h"

#define INI_FILE_MAX  (256 * 1024)      /* bytes: iniparser is quadratic in keys */
#define INI_LINE_MAX  1022              /* bytes; iniparser's buffer is 1,024 with line end and NUL */

struct ini_entry {
	struct ini_entry *next;
	struct str        section, key, value;
	unsigned          line;
};

struct ini_section {
	struct ini_section *next;
	struct str          name;
	unsigned            line;
};

struct ini {
	struct str           file;
	struct str           text;      /* as it was read */
	struct file_identity identity;
	struct ini_section  *sections;  /* in the order of the file */
	struct ini_entry    *entries;
};

/* Tells the scanner which words are keys, so that "mode = full ; status = 503" is not taken for a comment. */
typedef bool ini_known_key(struct str word);

/*
 * Reads `path` into `arena`.  Every error is added to `problems`; `*ret` then holds what could be read.
 * Returns 0, or -EINVAL when there was any error.
 */
int ini_load(struct str path, ini_known_key *known, struct arena *arena, struct problems *problems,
        struct ini *ret);

/*
 * Scans "key = value" lines without sections, as in a flag's body, into `*ret_entries`.  Returns the number
 * of lines that could not be understood (those are left out), or -ENOMEM.
 */
int ini_scan_body(struct str text, struct arena *arena, struct ini_entry **ret_entries);

/*
 * Adds "key = value" and a line end to `out`, in quotes where the scanner, and iniparser, would else read another
 * value.  Returns 0; or -EINVAL when no such line could hold it: control characters, invalid UTF-8, too long, both
 * kinds of quotes or a backslash beside what needs quotes.
 */
int ini_add_line(struct buffer *out, struct str key, struct str value);

#endif
