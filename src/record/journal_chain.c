/* SPDX-License-Identifier: MIT */
/*
 * The chain of the journal's lines, as text: what a line of ours is, the hash that it ends with, and what is wrong with
 * lines that do not go on from each other.  A line is
 *
 *     {"seq":N,"time":"...",MEMBERS OF THE RECORD,"prev":"HASH OF THE LINE BEFORE","hash":"..."}
 *
 * in compact JSON, and its hash is taken over all bytes before `,"hash":"`, which therefore stand at a fixed distance
 * from its end.  Where lines come from and how they are written is in journal.c; nothing here opens a file.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/json_memory.h"
#include "base/secret.h"
#include "record/journal_chain.h"

#define HASH_PREFIX      ",\"hash\":\""
#define HASH_TAIL        (sizeof HASH_PREFIX - 1 + JOURNAL_HASH_TEXT + 2)       /* with `"}` */
#define FINDINGS_MAX     1000                   /* of damage, and again of torn lines: memory has an end */
#define LOAD_FLAGS       (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

_Static_assert(JOURNAL_HASH_TEXT == 2 * SHA256_SIZE, "SHA-256 in hex");

const char chain_no_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

_Static_assert(sizeof chain_no_hash == JOURNAL_HASH_TEXT + 1, "as long as a hash");

static void
hash_text(struct str text, char ret[JOURNAL_HASH_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_SIZE];

	sha256(text, digest);
	for (size_t i = 0; i < sizeof digest; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[JOURNAL_HASH_TEXT] = '\0';
}

void
chain_seal(struct buffer *line, size_t begin, char ret_hash[JOURNAL_HASH_TEXT + 1])
{
	hash_text(str_sub(buffer_str(line), begin, line->len), ret_hash);
	buffer_addf(line, HASH_PREFIX "%s\"}\n", ret_hash);
}

static bool
is_hash(struct str text)
{
	if (text.len != JOURNAL_HASH_TEXT)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!(text.p[i] >= '0' && text.p[i] <= '9') && !(text.p[i] >= 'a' && text.p[i] <= 'f'))
			return false;
	return true;
}

/* The hash that the line ends with, where it must stand; STR_NONE when there is none. */
static struct str
hash_at_end(struct str text)
{
	struct str hash;

	if (text.len < HASH_TAIL || !str_ends(text, STR("\"}")))
		return STR_NONE;
	hash = str_sub(text, text.len - 2 - JOURNAL_HASH_TEXT, text.len - 2);
	if (!str_starts(str_sub(text, text.len - HASH_TAIL, text.len), STR(HASH_PREFIX)) || !is_hash(hash))
		return STR_NONE;
	return hash;
}

/* Moves past `literal`, or past as much of it as there is.  False when something else stands there. */
static bool
skip_literal(struct str *rest, struct str literal)
{
	struct str here = str_sub(*rest, 0, literal.len);

	*rest = str_sub(*rest, here.len, rest->len);
	return str_starts(literal, here);
}

/*
 * Whether a text that is no JSON can be the beginning of a line of ours, and not a whole one with a hole in it.  A
 * power failure may leave NULs where the text had not reached the disk.
 */
static bool
looks_torn(struct str text)
{
	struct str rest;

	if (text.len == 0 || hash_at_end(text).len > 0)
		return false;
	while (text.len > 0 && text.p[text.len - 1] == '\0')
		text.len--;
	rest = text;
	if (!skip_literal(&rest, STR("{\"seq\":")))
		return false;
	while (rest.len > 0 && rest.p[0] >= '0' && rest.p[0] <= '9')
		rest = str_sub(rest, 1, rest.len);
	return skip_literal(&rest, STR(",\"time\":\""));
}

enum chain_line
chain_read(struct str text, struct chain_entry *ret)
{
	const unsigned long refused = json_memory_refused();
	json_t *json, *seq, *prev, *hash;

	memset(ret, 0, sizeof *ret);
	if (text.len == 0 || text.len >= JOURNAL_LINE_MAX)
		return CHAIN_FOREIGN;
	json = json_loadb(text.p, text.len, LOAD_FLAGS, NULL);
	if (json == NULL && json_memory_refused() != refused)
		return CHAIN_UNREAD;
	if (json == NULL)
		return looks_torn(text) ? CHAIN_TORN : CHAIN_FOREIGN;
	seq = json_object_get(json, "seq");             /* NULL too when it is no object */
	prev = json_object_get(json, "prev");
	hash = json_object_get(json, "hash");
	if (!json_is_integer(seq) || json_integer_value(seq) < 1 || json_integer_value(seq) == INT64_MAX ||
	    !is_hash((struct str){ json_string_value(prev), json_string_length(prev) }) ||
	    !is_hash((struct str){ json_string_value(hash), json_string_length(hash) })) {
		json_decref(json);
		return CHAIN_FOREIGN;
	}
	*ret = (struct chain_entry){ json, json_integer_value(seq), json_string_value(prev), json_string_value(hash) };
	return CHAIN_OURS;
}

static const struct str not_json = STR_INIT("This is no line of the journal: it is no JSON object with the members "
    "seq, prev and hash.");

static int
find(struct chain_verifier *v, enum journal_fault fault, struct str sentence)
{
	struct journal_finding *finding;
	size_t *count = fault == JOURNAL_TORN ? &v->torn_count : &v->damage_count;

	v->report->damaged = v->report->damaged || fault != JOURNAL_TORN;
	if (sentence.p == NULL)
		return -ENOMEM;
	if (*count > FINDINGS_MAX && fault != JOURNAL_HEAD)
		return 0;
	if (*count == FINDINGS_MAX && fault != JOURNAL_HEAD)
		sentence = STR("From here on there are more findings of the kind, which are not listed.");
	finding = arena_zalloc(v->arena, 1, sizeof *finding);
	if (finding == NULL)
		return -ENOMEM;
	*count += 1;
	*finding = (struct journal_finding){ NULL, fault, v->line, sentence };
	if (v->last_finding == NULL)
		v->report->findings = finding;
	else
		v->last_finding->next = finding;
	v->last_finding = finding;
	if (fault == JOURNAL_TORN && v->torn == NULL)
		v->torn = finding;
	return 0;
}

static int
find_unread(struct chain_verifier *v, enum chain_line kind)
{
	v->unread++;
	if (kind == CHAIN_FOREIGN)
		return find(v, JOURNAL_NOT_JSON, not_json);
	return find(v, JOURNAL_TORN, STR("This line was never written to its end: its writer was killed, or the power "
	    "failed.  The next line goes on from the one before."));
}

/* The whole line that follows does not go on from the one before them, so a line is lost here: no writer was killed. */
static void
torn_is_damage(struct chain_verifier *v)
{
	for (struct journal_finding *f = v->torn; f != NULL; f = f->next) {
		if (f->fault != JOURNAL_TORN)
			continue;
		f->fault = JOURNAL_NOT_JSON;
		f->sentence = not_json;
		v->report->damaged = true;
	}
}

static int
find_missing(struct chain_verifier *v, int64_t seq)
{
	long long now = seq, last = v->seq;
	long long unread = (long long)v->unread, gone = now - last - 1 - unread;
	struct str sentence;

	if (last == 0 && now == 1)
		sentence = STR("This is the first line, and yet it names one before it.");
	else if (gone > 0 && last == 0)
		sentence = arena_printf(v->arena, "The first line there is has number %lld: %lld %s gone.", now, gone,
		    gone == 1 ? "line before it is" : "lines before it are");
	else if (gone > 0)
		sentence = arena_printf(v->arena, "Number %lld follows number %lld: %lld %s gone.", now, last, gone,
		    gone == 1 ? "line between them is" : "lines between them are");
	else if (now <= last)
		sentence = arena_printf(v->arena, "Number %lld follows number %lld: lines were put in, or put in "
		    "another order.", now, last);
	else
		sentence = arena_printf(v->arena, "Number %lld does not name the hash of number %lld: the line before "
		    "was written anew, or put in.", now, last);
	return find(v, JOURNAL_MISSING, sentence);
}

/* How a whole line follows the whole line before it. */
static int
verify_link(struct chain_verifier *v, const struct chain_entry *entry, bool changed)
{
	bool last_changed = strcmp(v->stated, v->computed) != 0;
	bool linked = strcmp(entry->prev, v->stated) == 0 || strcmp(entry->prev, v->computed) == 0;
	bool counted = entry->seq == v->seq + 1;

	if (!linked)
		torn_is_damage(v);
	if (linked && (counted || changed || last_changed))
		return 0;               /* a changed number is one finding, not three */
	if (!linked && changed && counted)
		return 0;               /* it was "prev" that was changed */
	if (!linked && v->unread > 0 && entry->seq - v->seq - 1 == (int64_t)v->unread)
		return 0;               /* said already of each line that cannot be read */
	return find_missing(v, entry->seq);
}

static int
verify_entry(struct chain_verifier *v, struct str text, const struct chain_entry *entry)
{
	size_t tail = hash_at_end(text).len > 0 ? HASH_TAIL : 0;        /* without one, no hash is the right one */
	char computed[JOURNAL_HASH_TEXT + 1];
	bool changed;
	int rc = 0;

	hash_text(str_sub(text, 0, text.len - tail), computed);
	changed = strcmp(entry->hash, computed) != 0;
	if (changed)
		rc = find(v, JOURNAL_CHANGED, STR("This line was changed: its hash is not that of its text."));
	if (rc == 0)
		rc = verify_link(v, entry, changed);
	v->head_seen = v->head_seen || str_eq_nocase(v->head, str_of(entry->hash)) ||
	    str_eq_nocase(v->head, str_of(computed));
	v->torn = NULL;
	v->unread = 0;
	v->seq = entry->seq;
	memcpy(v->stated, entry->hash, sizeof v->stated);
	memcpy(v->computed, computed, sizeof v->computed);
	memcpy(v->report->head, entry->hash, sizeof v->report->head);
	v->report->lines++;
	return rc;
}

void
chain_verify_begin(struct chain_verifier *v, struct str head, struct arena *arena, struct journal_report *ret)
{
	memset(ret, 0, sizeof *ret);
	*v = (struct chain_verifier){ .arena = arena, .report = ret, .head = head, .head_seen = head.len == 0 };
	memcpy(v->stated, chain_no_hash, sizeof v->stated);
	memcpy(v->computed, chain_no_hash, sizeof v->computed);
}

int
chain_verify_line(struct chain_verifier *v, struct str text)
{
	struct chain_entry entry;
	enum chain_line kind = chain_read(text, &entry);
	int rc;

	v->line++;
	if (kind == CHAIN_UNREAD)
		return -ENOMEM;
	if (kind != CHAIN_OURS)
		return find_unread(v, kind);
	rc = verify_entry(v, text, &entry);
	json_decref(entry.json);
	return rc;
}

int
chain_verify_end(struct chain_verifier *v)
{
	if (v->head_seen)
		return 0;
	v->line++;              /* what should have been there would have come behind */
	return find(v, JOURNAL_HEAD, STR("No line has the hash that was expected: the end of the journal was cut off, "
	    "or all of it was written anew."));
}
