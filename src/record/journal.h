/*
 * The journal: who did what, when and why.  journal.jsonl in the state folder, one JSON object a line, append only.
 * Each line holds the hash of the line before it ("prev") and, as its last member, the SHA-256 of its own text up to
 * that member ("hash"): a line that is changed, removed or put in is found.  What a chain alone cannot show, a cut tail
 * or a file written anew from end to end, is found against a hash kept elsewhere: every line also goes to syslog.
 *
 * One writer at a time, by an fcntl lock on the file.  A writer that was killed leaves a torn last line; the next one
 * ends it with a line end and goes on from the last whole line.  Any process; one thread of it.
 */
#ifndef RECORD_JOURNAL_H
#define RECORD_JOURNAL_H

#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"

#define JOURNAL_HASH_TEXT  64                   /* hex digits */
#define JOURNAL_LINE_MAX   (64 * 1024)          /* bytes of one line */
#define JOURNAL_LOCK_MS    2000                 /* how long a writer waits for another */

/*
 * Appends `record`, an object, to the journal at `path`; "seq" (1 for the first line), "time" (RFC 3339 in UTC, from
 * `now`), "prev" and "hash" are added here, so the object must not have them.  A missing file is made (mode 0640).
 * fsync is done.  `*ret_seq` (may be NULL) is the number given; `ret_hash` (may be NULL) the line's hash with a NUL.
 * Returns 0; -EBUSY when another writer holds the lock for JOURNAL_LOCK_MS; -EBADMSG when the file's last whole line
 * cannot be understood (the chain would be broken: `journal verify` says where); -EMSGSIZE; or the -errno of the call
 * that failed (-ENOSPC, -EACCES, -EROFS ...), and then nothing of the line stays in the file if that can be helped.
 */
int journal_append(const char *path, json_t *record, int64_t now, int64_t *ret_seq,
        char ret_hash[JOURNAL_HASH_TEXT + 1]);

/*
 * Calls `each` with every whole line in order, as parsed; lines that are torn or not JSON are left out.  `each` returns
 * false to stop.  A missing file has no lines.  Returns 0 or -errno.
 */
int journal_each(const char *path, bool (*each)(void *context, json_t *record), void *context);

/* What is wrong with a journal, by line. */
enum journal_fault {
	JOURNAL_TORN,           /* a writer was killed: no damage, and said only for information */
	JOURNAL_CHANGED,        /* the line's own hash is not that of its text */
	JOURNAL_NOT_JSON,       /* the line is none of ours */
	JOURNAL_MISSING,        /* one or more lines before this one are gone, or were put in another order */
	JOURNAL_HEAD,           /* the expected head hash is nowhere: the tail was cut, or all was written anew */
};

struct journal_finding {
	struct journal_finding *next;
	enum journal_fault      fault;
	uint64_t                line;   /* from 1 */
	struct str              sentence;
};

struct journal_report {
	uint64_t lines;                                 /* whole lines */
	bool     damaged;                               /* any finding but JOURNAL_TORN */
	char     head[JOURNAL_HASH_TEXT + 1];           /* hash of the last whole line; "" for an empty journal */
	struct journal_finding *findings;               /* in the order of lines, in the arena */
};

/*
 * Verifies the whole journal.  `head`: a hash that was seen elsewhere, or empty; it must be that of some line (later
 * lines may have come since).  Returns 0 (also when damaged: see the report), -ENOENT, or another -errno.
 */
int journal_verify(const char *path, struct str head, struct arena *arena, struct journal_report *ret);

#endif
