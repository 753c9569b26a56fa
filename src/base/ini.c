/* SPDX-License-Identifier: MIT */
/*
 * The line scanner, and iniparser behind it (the only file that knows it).
 *
 * iniparser reads by path only, accepts a directory as an empty file, lets the
 * last of two equal keys win, cuts values at a glued "#" or ";", swallows the
 * line after a backslash, and has no line numbers.  The scanner refuses all of
 * that first.  What 4.1 and 4.2 read differently (a backslash within quotes)
 * is refused too, so a file means one thing or is an error.
 */
#include "config.h"

#include <errno.h>
#include <iniparser/iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "base/utf8.h"

#define NAME_MAX_LEN 128
#define INIPARSER_BASE  (64 * 1024)     /* bytes of memory that iniparser has at most of ... */
#define INIPARSER_TIMES 16              /* ... a file, and for each of its bytes */

/* One line, taken apart. */
struct line {
	enum { LINE_EMPTY, LINE_SECTION, LINE_ENTRY, LINE_WRONG } kind;
	struct str  name;       /* section or key */
	struct str  value;
	struct str  comment;    /* what stands behind the value, without its mark */
	const char *wrong;      /* what is the matter, for LINE_WRONG */
};

static struct line
wrong(struct str name, const char *sentence)
{
	return (struct line){ .kind = LINE_WRONG, .name = name, .wrong = sentence };
}

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '_' || c == '-' || c == '.'))
			return false;
	}
	return s.len > 0 && s.len <= NAME_MAX_LEN;
}

static bool
is_comment_mark(char c)
{
	return c == ';' || c == '#';
}

/* What may follow a closing quote or bracket: nothing, or blanks and a comment. */
static bool
only_comment(struct str rest, struct str *ret_comment)
{
	struct str text = str_trim(rest);

	if (text.len == 0)
		return true;
	if (!is_comment_mark(text.p[0]) || text.p == rest.p)
		return false;
	*ret_comment = str_trim(str_sub(text, 1, text.len));
	return true;
}

static struct line
take_quoted(struct line line, struct str text)
{
	struct str rest = str_sub(text, 1, text.len);
	size_t end = str_find(rest, text.p[0]);

	line.value = str_sub(rest, 0, end);
	if (end == rest.len)
		return wrong(line.name, "the closing quote is missing");
	if (str_find(line.value, '\\') != line.value.len)
		return wrong(line.name, "a backslash within quotes is read differently by different versions of "
		    "iniparser: leave the quotes out, or put the text into a file");
	if (!only_comment(str_sub(rest, end + 1, rest.len), &line.comment))
		return wrong(line.name, "nothing but a comment may follow the closing quote");
	return line;
}

static struct line
take_bare(struct line line, struct str text)
{
	size_t i;

	for (i = 0; i < text.len && !is_comment_mark(text.p[i]); i++)
		;
	if (i == 0 && text.len > 0 && (text.len == 1 || (text.p[1] != ' ' && text.p[1] != '\t')))
		return wrong(line.name, "a value that begins with \"#\" or \";\" stands in quotes");
	if (i < text.len && i > 0 && text.p[i - 1] != ' ' && text.p[i - 1] != '\t')
		return wrong(line.name, "the value is cut by a \"#\" or \";\" glued to it: put it in quotes, or a "
		    "blank before a comment");
	line.value = str_trim(str_sub(text, 0, i));
	line.comment = str_trim(str_sub(text, i + 1, text.len));
	return line;
}

static struct line
take_entry(struct str text)
{
	size_t equals = str_find(text, '=');
	struct line line = { .kind = LINE_ENTRY, .name = str_trim(str_sub(text, 0, equals)) };
	struct str value = str_trim(str_sub(text, equals + 1, text.len));

	if (equals == text.len)
		return wrong(STR_NONE, "expected \"key = value\", \"[section]\" or a comment");
	if (!is_name(line.name))
		return wrong(STR_NONE, "a key is made of letters, digits, \"_\", \"-\" and \".\"");
	if (value.len > 0 && (value.p[0] == '"' || value.p[0] == '\''))
		return take_quoted(line, value);
	return take_bare(line, value);
}

static struct line
take_section(struct str text)
{
	size_t end = str_find(text, ']');
	struct line line = { .kind = LINE_SECTION, .name = str_sub(text, 1, end) };

	if (end == text.len)
		return wrong(STR_NONE, "the section's \"]\" is missing");
	if (end + 1 != text.len)
		return wrong(STR_NONE, "nothing may follow the section's \"]\", not even a comment");
	if (!is_name(line.name))
		return wrong(STR_NONE, "a section's name is made of letters, digits, \"_\", \"-\" and \".\"");
	return line;
}

/* U+0080 to U+009F are ones too: a terminal takes U+009B for the beginning of an escape sequence. */
static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.len ? (unsigned char)s.p[i + 1] : 0;

		if ((c < 0x20 && c != '\t') || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0))
			return true;
	}
	return false;
}

static struct line
take_line(struct str raw)
{
	struct str text = str_ends(raw, STR("\r")) ? str_sub(raw, 0, raw.len - 1) : raw;

	if (raw.len > INI_LINE_MAX)
		return wrong(STR_NONE, "the line is over 1,022 bytes: put the value into a file (KEY_file)");
	if (str_starts(text, STR("\xef\xbb\xbf")))
		return wrong(STR_NONE, "the file begins with a byte order mark: save it as UTF-8 without one");
	if (has_control(text))
		return wrong(STR_NONE, "the line holds a control character");
	if (!utf8_valid(text))
		return wrong(STR_NONE, "the line is not UTF-8");
	if (str_ends(str_trim(text), STR("\\")))
		return wrong(STR_NONE, "a backslash at the end would swallow the next line");
	text = str_trim(text);
	if (text.len == 0 || is_comment_mark(text.p[0]))
		return (struct line){ .kind = LINE_EMPTY };
	return text.p[0] == '[' ? take_section(text) : take_entry(text);
}

static bool
next_line(struct str *rest, struct str *ret_line)
{
	size_t end = str_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*ret_line = str_sub(*rest, 0, end);
	*rest = str_sub(*rest, end + 1, rest->len);
	return true;
}

/* The scan of one file: where it is, and the ends of both lists. */
struct scan {
	struct ini          *ini;
	struct arena        *arena;
	struct problems     *problems;
	ini_known_key       *known;
	struct ini_section **section_end;
	struct ini_entry   **entry_end;
	struct ini_entry   **of_section;        /* the first entry that may be of the section */
	struct str           section;
	unsigned             line;
};

static struct place
scan_place(const struct scan *scan, struct str key)
{
	return (struct place){ scan->ini->file, scan->line, scan->section, key };
}

static const struct ini_entry *
find_entry(const struct scan *scan, struct str key)
{
	for (const struct ini_entry *e = *scan->of_section; e != NULL; e = e->next)
		if (str_eq(e->key, key) && str_eq(e->section, scan->section))
			return e;
	return NULL;
}

static void
scan_section(struct scan *scan, struct str name)
{
	struct ini_section *section = arena_zalloc(scan->arena, 1, sizeof *section);
	struct place place;

	scan->section = arena_lower(scan->arena, name);
	scan->of_section = scan->entry_end;
	place = scan_place(scan, STR_NONE);
	for (struct ini_section *s = scan->ini->sections; s != NULL; s = s->next) {
		if (!str_eq(s->name, scan->section))
			continue;
		problem_error(scan->problems, &place, "the section stands in line %u already", s->line);
		scan->of_section = &scan->ini->entries;
		return;
	}
	if (section == NULL)
		return;
	section->name = scan->section;
	section->line = scan->line;
	*scan->section_end = section;
	scan->section_end = &section->next;
}

/* "mode = full ; status = 503": a second setting on the line would be lost as a comment. */
static bool
comment_is_setting(const struct scan *scan, struct str comment)
{
	size_t equals = str_find(comment, '=');

	return equals != comment.len && scan->known(str_trim(str_sub(comment, 0, equals)));
}

static void
scan_entry(struct scan *scan, const struct line *line)
{
	struct ini_entry *entry = arena_zalloc(scan->arena, 1, sizeof *entry);
	struct str key = arena_lower(scan->arena, line->name);
	struct place place = scan_place(scan, key);
	const struct ini_entry *earlier;

	if (scan->section.len == 0) {
		problem_error(
		    scan->problems, &place, "the key stands before any section: begin with [gateway] or [site]");
		return;
	}
	if (comment_is_setting(scan, line->comment)) {
		problem_error(scan->problems, &place, "a setting stands in the comment: give each key its own line");
		return;
	}
	earlier = find_entry(scan, key);
	if (earlier != NULL) {
		problem_error(scan->problems, &place, "the key stands in line %u already", earlier->line);
		return;
	}
	if (entry == NULL)
		return;
	*entry = (struct ini_entry){ NULL, scan->section, key, arena_copy(scan->arena, line->value), scan->line };
	*scan->entry_end = entry;
	scan->entry_end = &entry->next;
}

static void
scan_text(struct scan *scan, struct str text)
{
	struct str raw;

	while (next_line(&text, &raw)) {
		struct line line = take_line(raw);
		struct place place;

		scan->line++;
		place = scan_place(scan, line.name);
		if (line.kind == LINE_WRONG)
			problem_error(scan->problems, &place, "%s", line.wrong);
		else if (line.kind == LINE_SECTION)
			scan_section(scan, line.name);
		else if (line.kind == LINE_ENTRY)
			scan_entry(scan, &line);
	}
}

static int
say_nothing(const char *format, ...)
{
	(void)format;
	return 0;
}

/* iniparser must have read every value as the scanner did, or one of the two is wrong about the file. */
static void
compare_with_iniparser(const struct ini *ini, const dictionary *read, struct problems *problems)
{
	for (const struct ini_entry *e = ini->entries; e != NULL; e = e->next) {
		char name[2 * NAME_MAX_LEN + 2];
		struct place place = { ini->file, e->line, e->section, e->key };

		(void)snprintf(name, sizeof name, "%.*s:%.*s", STR_ARG(e->section), STR_ARG(e->key));
		if (!str_eq(str_of(iniparser_getstring(read, name, NULL)), e->value))
			problem_error(problems, &place, "iniparser reads another value here: put it in plain quotes");
	}
}

/*
 * iniparser up to 4.2 does not look whether it got the memory of a new dictionary, and crashes.  It wants far less than
 * this: where this can be had, so can that.
 */
static bool
has_memory_for_iniparser(const struct ini *ini)
{
	void *probe = malloc(INIPARSER_BASE + INIPARSER_TIMES * (size_t)ini->identity.size);

	free(probe);
	return probe != NULL;
}

static void
read_by_iniparser(const struct ini *ini, struct problems *problems)
{
	struct place place = { .file = ini->file };
	dictionary *read;

	if (!has_memory_for_iniparser(ini)) {
		problem_error(problems, &place, "out of memory");
		return;
	}
	iniparser_set_error_callback(say_nothing);
	read = iniparser_load(ini->file.p);
	if (read == NULL) {
		problem_error(problems, &place, "iniparser cannot read the file");
		return;
	}
	compare_with_iniparser(ini, read, problems);
	iniparser_freedict(read);
}

int
ini_load(struct str path, ini_known_key *known, struct arena *arena, struct problems *problems,
    struct ini *ret)
{
	struct scan scan = { .ini = ret, .arena = arena, .problems = problems, .known = known };
	struct place place = { .file = path };
	unsigned before = problems->errors;
	struct str text;
	int rc;

	memset(ret, 0, sizeof *ret);
	ret->file = arena_copy(arena, path);
	scan.section_end = &ret->sections;
	scan.entry_end = &ret->entries;
	rc = ret->file.p == NULL ? -ENOMEM :
	    file_read(ret->file.p, INI_FILE_MAX, arena, &text, &ret->identity);
	if (rc != 0) {
		problem_error(problems, &place, "cannot read the file: %s", strerror(-rc));
		return -EINVAL;
	}
	ret->text = text;
	scan_text(&scan, text);
	if (problems->errors == before)
		read_by_iniparser(ret, problems);
	return problems->errors == before ? 0 : -EINVAL;
}

/* "mode = read-only ; share = 0": the second setting would be lost. */
static bool
is_assignment(struct str comment)
{
	size_t equals = str_find(comment, '=');

	return equals != comment.len && is_name(str_trim(str_sub(comment, 0, equals)));
}

int
ini_scan_body(struct str text, struct arena *arena, struct ini_entry **ret_entries)
{
	struct ini_entry **end = ret_entries;
	struct str raw;
	unsigned number = 0;
	int bad = 0;

	*ret_entries = NULL;
	while (next_line(&text, &raw)) {
		struct line line = take_line(raw);
		struct ini_entry *entry;

		number++;
		bad += line.kind == LINE_WRONG || line.kind == LINE_SECTION || is_assignment(line.comment);
		if (line.kind != LINE_ENTRY)
			continue;
		entry = arena_zalloc(arena, 1, sizeof *entry);
		if (entry == NULL)
			return -ENOMEM;
		*entry = (struct ini_entry){ NULL, STR_NONE, arena_lower(arena, line.name), line.value, number };
		*end = entry;
		end = &entry->next;
	}
	return bad;
}

static bool
has_any(struct str s, const char *bytes)
{
	for (; *bytes != '\0'; bytes++)
		if (str_find(s, *bytes) != s.len)
			return true;
	return false;
}

/* The quote that keeps `value` as it is: '\0' where none is needed, -1 where none helps. */
static int
quote_for(struct str value)
{
	bool plain = !has_any(value, "#;") && !str_ends(value, STR("\\")) && str_trim(value).len == value.len &&
	    (value.len == 0 || (value.p[0] != '"' && value.p[0] != '\''));

	if (plain)
		return '\0';
	if (has_any(value, "\\"))
		return -1;
	if (!has_any(value, "\""))
		return '"';
	return has_any(value, "'") ? -1 : '\'';
}

int
ini_add_line(struct buffer *out, struct str key, struct str value)
{
	int quote = quote_for(value);
	size_t before = out->len;

	if (quote == -1 || has_control(value) || !utf8_valid(value))
		return -EINVAL;
	buffer_addf(out, "%.*s = ", STR_ARG(key));
	if (quote != '\0')
		buffer_add_char(out, (char)quote);
	buffer_add(out, value);
	if (quote != '\0')
		buffer_add_char(out, (char)quote);
	if (out->full || out->len - before > INI_LINE_MAX)
		return -EINVAL;
	buffer_add_char(out, '\n');
	return out->full ? -EINVAL : 0;
}
