/* SPDX-License-Identifier: MIT */
/*
 * A page is a list of parts.  A section is a mark that says where to go on when
 * it is not shown, so rendering is one loop without recursion.
 *
 * There is no unescaped form, and a variable within <script> or <style> is
 * refused: no escape is right there.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "answer/page.h"
#include "base/buffer.h"
#include "base/secret.h"
#include "base/utf8.h"

#define NESTING_MAX 16

struct part {
	enum { PART_TEXT, PART_VALUE, PART_SECTION, PART_INVERTED } kind;
	enum page_variable variable;
	struct str         text;        /* of PART_TEXT */
	size_t             skip_to;     /* of sections: the part behind the end */
};

struct page {
	enum format  format;
	size_t       part_count;
	struct part *parts;
};

/* The work of page_compile(). */
struct compiler {
	struct arena *arena;
	enum format   format;
	struct str    whole;
	struct part  *parts;
	size_t        part_count;
	size_t        open[NESTING_MAX];        /* parts of the sections not yet closed */
	size_t        open_count;
	struct str    within;                   /* what closes the <script> or <style> that is open; empty outside */
	const char   *wrong;
	const char   *wrong_at;
};

static bool
variable_of(struct str name, enum page_variable *ret)
{
	static const struct str names[] = {
#define V(name, word) STR_INIT(word),
		PAGE_VARIABLES(V)
#undef V
	};

	for (size_t i = 0; i < PAGE_VARIABLE_COUNT; i++) {
		if (!str_eq(name, names[i]))
			continue;
		*ret = (enum page_variable)i;
		return true;
	}
	return false;
}

static void
fail(struct compiler *c, const char *at, struct str sentence)
{
	if (c->wrong_at != NULL)
		return;                 /* the first one is the one to tell */
	c->wrong_at = at;
	c->wrong = arena_copy(c->arena, sentence).p;
	if (c->wrong == NULL)
		c->wrong = "out of memory";
}

static void
add_part(struct compiler *c, struct part part, const char *at)
{
	if (c->part_count == PAGE_PARTS_MAX)
		fail(c, at, STR("the page has too many variables and sections"));
	else
		c->parts[c->part_count++] = part;
}

static void
add_text(struct compiler *c, struct str text)
{
	if (text.len > 0)
		add_part(c, (struct part){ .kind = PART_TEXT, .text = text }, text.p);
}

static void
open_section(struct compiler *c, bool inverted, enum page_variable variable, const char *at)
{
	if (c->open_count == NESTING_MAX) {
		fail(c, at, STR("sections are nested too deeply"));
		return;
	}
	c->open[c->open_count++] = c->part_count;
	add_part(c, (struct part){ .kind = inverted ? PART_INVERTED : PART_SECTION, .variable = variable }, at);
}

static void
close_section(struct compiler *c, enum page_variable variable, const char *at)
{
	if (c->open_count == 0 || c->parts[c->open[c->open_count - 1]].variable != variable) {
		fail(c, at, STR("a section is closed that is not the one opened last"));
		return;
	}
	c->parts[c->open[--c->open_count]].skip_to = c->part_count;
}

/* The place of the first "<" at `from` or behind it; text.len when there is none. */
static size_t
next_opening(struct str text, size_t from)
{
	struct str rest = str_sub(text, from, text.len);

	return text.len - rest.len + str_find(rest, '<');
}

/* Keeps up with whether the text so far has left an element open in which there is no right escape. */
static void
follow_elements(struct compiler *c, struct str text)
{
	static const struct {
		struct str opening, closing;
	} raw[] = {
		{ STR_INIT("<script"), STR_INIT("</script") }, { STR_INIT("<style"), STR_INIT("</style") },
	};

	for (size_t i = next_opening(text, 0); i < text.len; i = next_opening(text, i + 1))
		for (size_t e = 0; e < sizeof raw / sizeof *raw; e++) {
			struct str tag = c->within.len > 0 ? c->within : raw[e].opening;

			if (!str_eq_nocase(str_sub(text, i, i + tag.len), tag))
				continue;
			c->within = c->within.len > 0 ? STR_NONE : raw[e].closing;
			break;
		}
}

/* <a href={{link}}>: a blank in the value would begin another attribute. */
static bool
is_unquoted_attribute(struct str before)
{
	size_t opened = str_find_last(before, '<'), closed = str_find_last(before, '>');

	return str_ends(before, STR("=")) && opened < before.len && (closed == before.len || opened > closed);
}

static void
check_place(struct compiler *c, const char *at)
{
	struct str before = { c->whole.p, (size_t)(at - c->whole.p) };

	if (c->format == FORMAT_HTML && is_unquoted_attribute(before))
		fail(c, at, STR("a variable in an attribute stands in quotes"));
	if (c->format == FORMAT_HTML && c->within.len > 0)
		fail(c, at, STR("a variable within <script> or <style> cannot be escaped safely: put it into a data "
		    "attribute"));
}

static void
take_tag(struct compiler *c, struct str tag, const char *at)
{
	struct str name = str_trim(tag);
	char mark = name.len > 0 && strchr("#^/!&{", name.p[0]) != NULL ? name.p[0] : '\0';
	enum page_variable variable;

	if (mark == '!')
		return;
	if (mark == '&' || mark == '{') {
		fail(c, at, STR("there is no unescaped form of a variable: write {{name}}"));
		return;
	}
	if (mark != '\0')
		name = str_trim(str_sub(name, 1, name.len));
	if (!variable_of(name, &variable)) {
		fail(c, at, arena_printf(c->arena, "{{%.*s}} is no variable", STR_ARG(str_sub(name, 0, 40))));
		return;
	}
	if (mark == '/') {
		close_section(c, variable, at);
	} else if (mark != '\0') {
		open_section(c, mark == '^', variable, at);
	} else {
		check_place(c, at);
		add_part(c, (struct part){ .kind = PART_VALUE, .variable = variable }, at);
	}
}

static size_t
find_pair(struct str s, char c)
{
	for (size_t i = str_find(s, c); i + 1 < s.len; i += 1 + str_find(str_sub(s, i + 1, s.len), c))
		if (s.p[i + 1] == c)
			return i;
	return s.len;
}

static void
take_apart(struct compiler *c)
{
	struct str rest = c->whole;

	while (rest.len > 0 && c->wrong_at == NULL) {
		size_t begin = find_pair(rest, '{');
		struct str tag = str_sub(rest, begin + 2, rest.len);
		size_t end = find_pair(tag, '}');

		follow_elements(c, str_sub(rest, 0, begin));
		add_text(c, str_sub(rest, 0, begin));
		if (begin == rest.len)
			break;
		if (end == tag.len) {
			fail(c, rest.p + begin, STR("\"}}\" is missing"));
			break;
		}
		take_tag(c, str_sub(tag, 0, end), rest.p + begin);
		rest = str_sub(tag, end + 2, tag.len);
	}
	if (c->open_count > 0)
		fail(c, c->whole.p + c->whole.len, STR("a section is not closed"));
}

static unsigned
line_of(struct str text, const char *at)
{
	unsigned line = 1;

	for (const char *p = text.p; p < at; p++)
		line += *p == '\n';
	return line;
}

int
page_compile(struct str text, enum format format, struct arena *arena, const struct page **ret,
    const char **ret_wrong, unsigned *ret_line)
{
	struct part parts[PAGE_PARTS_MAX];      /* most pages have a tenth of that */
	struct compiler c = { .arena = arena, .format = format, .whole = text, .parts = parts };
	struct page *page = arena_alloc(arena, sizeof *page);

	if (page == NULL)
		return -ENOMEM;
	if (str_trim(text).len == 0)
		fail(&c, text.p, STR("the page is empty"));
	else if (!utf8_valid(text))
		fail(&c, text.p, STR("the page is not UTF-8"));
	else
		take_apart(&c);
	if (c.wrong_at != NULL || c.wrong != NULL) {
		*ret_wrong = c.wrong;
		*ret_line = line_of(text, c.wrong_at);
		return -EINVAL;
	}
	*page = (struct page){ format, c.part_count, arena_alloc(arena, c.part_count * sizeof *parts) };
	if (page->parts == NULL)
		return -ENOMEM;
	memcpy(page->parts, parts, c.part_count * sizeof *parts);
	*ret = page;
	return 0;
}

static struct str
escape(enum format format, struct str value, struct arena *arena)
{
	struct buffer out;
	size_t size = 6 * value.len;    /* the longest escape of one byte: &quot; or \u001f */

	if (value.len == 0)
		return value;
	buffer_init(&out, arena_alloc(arena, size), size);
	if (format == FORMAT_HTML)
		buffer_add_html(&out, value);
	else if (format == FORMAT_JSON)
		buffer_add_json(&out, value);
	else
		buffer_add_plain(&out, value);
	return out.full ? STR_NONE : buffer_str(&out);
}

int
page_render(const struct page *page, const struct page_values *values, struct arena *arena,
    const struct str **ret_pieces, size_t *ret_count)
{
	struct str *pieces = arena_alloc(arena, (page->part_count + 1) * sizeof *pieces);
	size_t count = 0;

	if (pieces == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < page->part_count; i++) {
		const struct part *part = &page->parts[i];
		struct str value = values->v[part->variable];

		switch (part->kind) {
		case PART_TEXT:
			pieces[count++] = part->text;
			break;
		case PART_VALUE:
			pieces[count] = escape(page->format, value, arena);
			if (value.len > 0 && pieces[count++].p == NULL)
				return -ENOMEM;
			break;
		case PART_SECTION:
		case PART_INVERTED:
			if ((part->kind == PART_SECTION) == (value.len == 0))
				i = part->skip_to - 1;
			break;
		}
	}
	*ret_pieces = pieces;
	*ret_count = count;
	return 0;
}

/* The text between the first `opening` tag and its `closing`; `.p` is NULL when there is none. */
static struct str
element(struct str text, struct str opening, struct str closing)
{
	for (size_t i = next_opening(text, 0); i < text.len; i = next_opening(text, i + 1)) {
		struct str rest = str_sub(text, i + opening.len, text.len);

		if (!str_starts(str_sub(text, i, text.len), opening))
			continue;
		for (size_t end = next_opening(rest, 0); end < rest.len; end = next_opening(rest, end + 1))
			if (str_starts(str_sub(rest, end, rest.len), closing))
				return str_sub(rest, 0, end);
	}
	return STR_NONE;
}

struct str
page_security_policy(struct str text, struct arena *arena)
{
	struct str style = element(text, STR("<style>"), STR("</style>"));
	struct str script = element(text, STR("<script>"), STR("</script>"));
	char style_hash[SHA256_BASE64_MAX] = "", script_hash[SHA256_BASE64_MAX] = "";

	if (style.p != NULL)
		sha256_base64(style, style_hash);
	if (script.p != NULL)
		sha256_base64(script, script_hash);
	return page_security_policy_of(str_of(style_hash), str_of(script_hash), arena);
}

struct str
page_security_policy_of(struct str style, struct str script, struct arena *arena)
{
	return arena_printf(arena, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	    "img-src data:; connect-src 'self'%s%.*s%s%s%.*s%s",
	    style.len == 0 ? "" : "; style-src 'sha256-", STR_ARG(style), style.len == 0 ? "" : "'",
	    script.len == 0 ? "" : "; script-src 'sha256-", STR_ARG(script), script.len == 0 ? "" : "'");
}
