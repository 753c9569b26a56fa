/*
 * The chain of the journal's lines, as text and without a file: reading a line, giving it its hash, and finding what is
 * wrong with many.  For journal.c alone.  Any thread.
 */
#ifndef RECORD_JOURNAL_CHAIN_H
#define RECORD_JOURNAL_CHAIN_H

#include "base/buffer.h"
#include "record/journal.h"

extern const char chain_no_hash[JOURNAL_HASH_TEXT + 1];         /* the "prev" of the first line */

enum chain_line {
	CHAIN_OURS,             /* a JSON object with seq, prev and hash; whether the hash is right is another matter */
	CHAIN_TORN,             /* the beginning of one of ours */
	CHAIN_FOREIGN,
	CHAIN_UNREAD,           /* there was no memory for it: it may be anything */
};

struct chain_entry {
	json_t     *json;       /* owned by the one who asked */
	int64_t     seq;
	const char *prev, *hash;
};

/*
 * What the text of one line, without its end, is.  `ret->json` is to be given back with json_decref() for CHAIN_OURS,
 * and NULL else.
 */
enum chain_line chain_read(struct str text, struct chain_entry *ret);

/*
 * Ends a line: what is there from `begin` on is a JSON object that is not closed yet, and gets its hash as its last
 * member, the "}" and a line end.  `ret_hash` is the hash with a NUL.  Where there is no room, the buffer is full.
 */
void chain_seal(struct buffer *line, size_t begin, char ret_hash[JOURNAL_HASH_TEXT + 1]);

/* How far the lines have been verified. */
struct chain_verifier {
	struct arena           *arena;
	struct journal_report  *report;
	struct journal_finding *last_finding;
	struct journal_finding *torn;           /* the first since the last whole line: the next one shows what it is */
	uint64_t                line;
	uint64_t                unread;         /* lines since the last whole one: not JSON, or torn */
	size_t                  damage_count, torn_count;
	struct str              head;
	bool                    head_seen;
	int64_t                 seq;            /* of the last whole line; 0 for none */
	char                    stated[JOURNAL_HASH_TEXT + 1];          /* the hash it says it has */
	char                    computed[JOURNAL_HASH_TEXT + 1];        /* and the one it has */
};

/* `head` as for journal_verify().  Findings go to `ret`, whose memory is of `arena`. */
void chain_verify_begin(struct chain_verifier *v, struct str head, struct arena *arena, struct journal_report *ret);

/* The next line, without its end; behind the last, whether the head was seen.  Both return 0 or -ENOMEM. */
int  chain_verify_line(struct chain_verifier *v, struct str text);
int  chain_verify_end(struct chain_verifier *v);

#endif
