/* SPDX-License-Identifier: MIT */
/*
 * Finding and compiling pages.  A page that cannot be used is never an outage:
 * the last good text stays, else the built-in page, and the operator is told.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "answer/builtin.h"
#include "policy/pages.h"

/* Everything that loading the pages of one site needs. */
struct loader {
	struct values        *values;
	const struct section *section;
	struct policy        *policy;
	const struct policy  *previous;
	struct answers       *answers;
};

static const struct page *
compile(struct loader *l, const struct place *place, struct str name, struct str text, enum format format)
{
	const struct page *page = NULL;
	const char *wrong = NULL;
	unsigned line = 0;
	int rc = page_compile(text, format, l->values->arena, &page, &wrong, &line);

	if (rc == -EINVAL)
		problem_warning(l->values->problems, place, "%.*s:%u: %s; the last good or the built-in page is used",
		    STR_ARG(name), line, wrong);
	else if (rc != 0)
		problem_error(l->values->problems, place, "out of memory");
	return page;
}

static void
keep_text(struct loader *l, struct str path, struct str text)
{
	struct page_text *kept = arena_zalloc(l->values->arena, 1, sizeof *kept);

	if (kept == NULL)
		return;
	*kept = (struct page_text){ l->policy->page_texts, path, text };
	l->policy->page_texts = kept;
}

static const struct page *
last_good(struct loader *l, const struct place *place, struct str path, enum format format, struct str *ret_text)
{
	for (struct page_text *p = l->previous != NULL ? l->previous->page_texts : NULL; p != NULL; p = p->next) {
		if (!str_eq(p->path, path))
			continue;
		*ret_text = arena_copy(l->values->arena, p->text);
		return ret_text->p == NULL ? NULL : compile(l, place, path, *ret_text, format);
	}
	return NULL;
}

static const struct page *
load_file(struct loader *l, struct str name, enum format format)
{
	const struct place *place = &l->section->v[KEY_PAGE].place;
	const struct page *page;
	struct str text;

	if (values_read_file(l->values, place, name, PAGE_MAX, &text) != 0)
		return NULL;
	page = compile(l, place, name, text, format);
	if (page == NULL)
		page = last_good(l, place, name, format, &text);
	if (page != NULL)
		keep_text(l, name, text);
	return page;
}

/* "page.html" becomes "page.de.json".  The file is optional; when it comes later the policy is made again. */
static const struct page *
load_sibling(struct loader *l, struct str language, enum format format)
{
	struct str name = l->section->v[KEY_PAGE].text;
	struct str stem = str_sub(name, 0, str_find_last(name, '.'));
	struct arena *arena = l->values->arena;
	struct str sibling = arena_printf(arena, "%.*s%s%.*s.%s", STR_ARG(stem), language.len > 0 ? "." : "",
	    STR_ARG(language), format_extension(format));
	struct str path = file_resolve(l->values->ini.file, sibling, arena);
	struct stat status;

	if (path.p == NULL)
		return NULL;
	if (stat(path.p, &status) != 0 && errno == ENOENT) {
		values_add_source(l->values, path.p);
		return NULL;
	}
	return load_file(l, sibling, format);
}

/* A built-in page is taken apart once for all sites, as the same text is the same page. */
static const struct builtin *
load_builtin(struct loader *l, struct str language, enum format format)
{
	struct arena *arena = l->values->arena;
	const struct builtin_file *file = builtin_page(language, format);
	struct builtin *new;

	for (const struct builtin *b = l->policy->builtins; b != NULL; b = b->next)
		if (b->file == file)
			return b;
	new = arena_zalloc(arena, 1, sizeof *new);
	if (new == NULL)
		return NULL;
	*new = (struct builtin){ .next = l->policy->builtins, .file = file };
	new->page = compile(l, &l->section->place, STR("built-in page"), file->text, format);
	if (format == FORMAT_HTML)
		new->security_policy = page_security_policy_of(file->style, file->script, arena);
	l->policy->builtins = new;
	return new;
}

static void
set_page(struct loader *l, size_t language, enum format format, const struct page *own)
{
	struct answers *a = l->answers;
	const struct builtin *builtin = own != NULL ? NULL : load_builtin(l, a->languages[language], format);

	a->pages[language][format] = own;
	if (own != NULL && format == FORMAT_HTML)
		a->security_policy[language] = l->section->v[KEY_CONTENT_SECURITY_POLICY].text;
	if (builtin == NULL)
		return;         /* or there was no memory, which the arena remembers */
	a->pages[language][format] = builtin->page;
	if (format == FORMAT_HTML)
		a->security_policy[language] = builtin->security_policy;
}

/* The page's own file first: it must be there.  What stands in another language or format is a gain. */
static void
load_files(struct loader *l)
{
	struct str name = l->section->v[KEY_PAGE].text;

	if (!str_ends(name, STR(".html"))) {
		problem_error(
		    l->values->problems, &l->section->v[KEY_PAGE].place, "expected a file that ends in .html");
		return;
	}
	for (int format = 0; format < FORMAT_COUNT; format++) {
		const struct page *common = format == FORMAT_HTML ? load_file(l, name, FORMAT_HTML) :
		    load_sibling(l, STR_NONE, (enum format)format);

		for (size_t i = 0; i < l->answers->language_count; i++) {
			const struct page *own = load_sibling(l, l->answers->languages[i], (enum format)format);

			set_page(l, i, (enum format)format, own != NULL ? own : common);
		}
	}
}

static void
load_inline(struct loader *l)
{
	for (size_t i = 0; i < l->answers->language_count; i++) {
		struct str text = values_local(l->section, KEY_CONTENT, l->answers->languages[i]);
		const struct page *own =
		    compile(l, &l->section->v[KEY_CONTENT].place, STR("content"), text, FORMAT_HTML);

		set_page(l, i, FORMAT_HTML, own);
		set_page(l, i, FORMAT_JSON, NULL);
		set_page(l, i, FORMAT_TEXT, NULL);
	}
}

/* Whether all that makes the section's pages is that of [site]. */
static bool
inherits_pages(const struct section *section)
{
	static const enum key keys[] = { KEY_PAGE, KEY_CONTENT, KEY_CONTENT_SECURITY_POLICY, KEY_LANGUAGES };

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!values_inherited(section, keys[i]))
			return false;
	for (const struct local_value *l = section->local; l != NULL; l = l->next)
		if (l->key == KEY_CONTENT)
			return false;
	return true;
}

void
pages_load(struct values *values, const struct section *section, struct policy *policy, const struct policy *previous,
    struct answers *answers)
{
	struct loader l = { values, section, policy, previous, answers };
	bool file = section->v[KEY_PAGE].text.len > 0, content = section->v[KEY_CONTENT].text.len > 0;

	if (inherits_pages(section)) {
		memcpy(answers->pages, policy->sites[0].answers.pages, sizeof answers->pages);
		memcpy(answers->security_policy, policy->sites[0].answers.security_policy,
		    sizeof answers->security_policy);
		return;
	}
	if (file && content && section->v[KEY_PAGE].set && section->v[KEY_CONTENT].set)
		problem_error(
		    values->problems, &section->v[KEY_CONTENT].place, "page and content cannot both be given");
	else if (content && (section->v[KEY_CONTENT].set || !file))
		load_inline(&l);
	else if (file)
		load_files(&l);
	else
		for (size_t i = 0; i < answers->language_count; i++)
			for (int format = 0; format < FORMAT_COUNT; format++)
				set_page(&l, i, (enum format)format, NULL);
}
