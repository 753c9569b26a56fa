/* SPDX-License-Identifier: MIT */
/*
 * A rule that is lost in a comment is lost in silence: "#ypass_address = ..." and "# officebypass_address = ..." are
 * sound files.  Prose that merely mentions a key is let be; a value that holds "key = " for a reason stands in quotes.
 */
#include "config.h"

#include "policy/keys.h"
#include "policy/suspects.h"

#define KEY_TEXT_MAX 64
#define KEY_LEAST    3          /* bytes of a key that is looked for within a word */

/* The sections that there are, by their beginnings. */
static bool
is_section(struct str name)
{
	static const struct str plain[] = { STR_INIT("gateway"), STR_INIT("site"), STR_INIT("policy") };
	static const struct str named[] = { STR_INIT("site."), STR_INIT("profile."), STR_INIT("window.") };

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (str_eq_nocase(name, plain[i]))
			return true;
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (str_eq_nocase(str_sub(name, 0, named[i].len), named[i]))
			return str_find(name, ' ') == name.len;
	return false;
}

/* "#ypass_address": a key that lacks its first letter. */
static bool
lacks_first_letter(struct str word)
{
	char text[KEY_TEXT_MAX];

	if (word.len + 1 >= sizeof text || word.len < KEY_LEAST - 1 || key_known(word))
		return false;
	for (size_t i = 0; i < word.len; i++)
		text[i + 1] = word.p[i];
	for (text[0] = 'a'; text[0] <= 'z'; text[0]++)
		if (key_known((struct str){ text, word.len + 1 }))
			return true;
	return false;
}

/* Whether a key stands at the end of `word`; it is all of it where `whole` allows that. */
static bool
ends_in_key(struct str word, bool whole)
{
	for (size_t i = whole ? 0 : 1; i + KEY_LEAST <= word.len; i++)
		if (word.len - i <= KEY_TEXT_MAX && key_known(str_sub(word, i, word.len)))
			return true;
	return false;
}

/* "office.bypass_address = ...", but not at the very beginning: there it is a setting that was commented out. */
static bool
holds_setting(struct str text)
{
	for (size_t i = 1; i + 1 < text.len; i++) {
		size_t begin = i;

		if (text.p[i] != ' ' || text.p[i + 1] != '=')
			continue;
		while (begin > 0 && text.p[begin - 1] != ' ' && text.p[begin - 1] != '\t')
			begin--;
		if (begin == 0 && key_known(str_sub(text, 0, i)))
			continue;
		if (ends_in_key(str_sub(text, begin, i), begin > 0))
			return true;
	}
	return false;
}

/* "a text[site.shop]": the header of a section behind something else. */
static bool
ends_in_section(struct str text)
{
	size_t open = str_find_last(text, '[');

	return open > 0 && open < text.len && str_ends(text, STR("]")) &&
	    is_section(str_sub(text, open + 1, text.len - 1));
}

static bool
is_comment(struct str line)
{
	return line.len > 0 && (line.p[0] == '#' || line.p[0] == ';');
}

/* Whether the next line behind that is neither empty nor a comment is a setting. */
static bool
setting_follows(struct str rest)
{
	struct str line;

	while (str_split(&rest, '\n', &line))
		if (str_trim(line).len > 0 && !is_comment(line))
			return line.p[0] != '[';
	return false;
}

/* What a comment, behind its mark, hides; NULL for nothing.  `rest`: the lines behind it. */
static const char *
hidden_in_comment(struct str text, struct str rest)
{
	struct str word = str_trim(str_sub(text, 0, str_find(text, '=')));
	bool glued = text.len > 0 && text.p[0] != ' ' && text.p[0] != '\t';

	if (glued && word.len < text.len && lacks_first_letter(word))
		return "the comment looks like a key without its first letter: is it meant?";
	if (glued && str_ends(text, STR("]")) && str_find(text, '[') == text.len &&
	    is_section(str_sub(text, 0, text.len - 1)))
		return "the comment looks like a section without its \"[\": is it meant?";
	if (glued && text.len > 2 && text.p[0] == '[' && str_ends(text, STR("]")) &&
	    is_section(str_sub(text, 1, text.len - 1)) && setting_follows(rest))
		return "the section is a comment, and the keys below it are not: they belong to the section before it";
	if (holds_setting(str_trim(text)) || ends_in_section(str_trim(text)))
		return "a setting stands in the comment: is a line break missing?";
	return NULL;
}

/* What another line hides in its value; a value in quotes is meant as it is. */
static const char *
hidden_in_entry(struct str line)
{
	struct str value = str_trim(str_sub(line, str_find(line, '=') + 1, line.len));

	if (value.len == 0 || value.p[0] == '"' || value.p[0] == '\'')
		return NULL;
	if (holds_setting(value) || ends_in_section(value))
		return "the value holds what looks like a line of its own: is a line break missing?  Put it in quotes "
		    "if not";
	return NULL;
}

void
suspects_find(const struct ini *ini, struct problems *problems)
{
	struct place place = { .file = ini->file };
	struct str rest = ini->text, line;
	const char *wrong;

	while (str_split(&rest, '\n', &line)) {
		if (str_ends(line, STR("\r")))
			line = str_trim(str_sub(line, 0, line.len - 1));
		place.line++;
		wrong = is_comment(line) ? hidden_in_comment(str_sub(line, 1, line.len), rest) :
		    hidden_in_entry(line);
		if (wrong != NULL)
			problem_warning(problems, &place, "%s", wrong);
	}
}
