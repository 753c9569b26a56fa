/* SPDX-License-Identifier: MIT */
/*
 * The pages that visitors get, searched for what a browser loads with them: while maintenance is on, that is held
 * itself unless a path rule opens it.  No more of HTML is understood than tags, their attributes, comments and url().
 */
#include "config.h"

#include <string.h>

#include "answer/page.h"
#include "ctl/check_files.h"
#include "gate/request.h"
#include "rules/host.h"

#define ATTRIBUTES_MAX 40               /* of one tag that are looked at */
#define TAG_MAX        8192             /* bytes of it, and of one url(...) */

/* One page of a site, while it is searched for what it loads. */
struct page_scan {
	struct check       *check;
	const struct site  *site;
	const struct place *place;
	struct str          name;
};

/* One tag's attributes, as far as they matter. */
struct tag {
	struct str name, rel;
	struct str loads[3];            /* src, href, poster */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool
starts_nocase(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq_nocase(str_sub(s, 0, prefix.len), prefix);
}

static bool
is_one_of(struct str word, const struct str *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(word, words[i]))
			return true;
	return false;
}

static bool
is_own_host(const struct site *site, struct str host)
{
	char memory[HOST_MAX];
	struct str plain;

	if (host_normalise(host, memory, &plain) != 0)
		return false;
	for (size_t i = 0; i < site->host_count; i++)
		if (host_match(site->hosts[i], plain) > 0)
			return true;
	return false;
}

/* Takes scheme and host from the URL.  False when it leads elsewhere, or nowhere. */
static bool
strip_host(const struct site *site, struct str *url)
{
	size_t colon = str_find(*url, ':'), slash;
	bool scheme = colon < str_find(*url, '/') && colon < str_find(*url, '?');

	if (starts_nocase(*url, STR("http://")) || starts_nocase(*url, STR("https://")))
		*url = str_sub(*url, colon + 1, url->len);
	else if (scheme)
		return false;
	if (!str_starts(*url, STR("//")))
		return true;
	*url = str_sub(*url, 2, url->len);
	slash = str_find(*url, '/');
	if (!is_own_host(site, str_sub(*url, 0, slash)))
		return false;
	*url = slash == url->len ? STR("/") : str_sub(*url, slash, url->len);
	return true;
}

static struct str
decode(struct arena *arena, struct str s)
{
	char *text = arena_alloc(arena, s.len + 1);
	size_t len = 0;

	for (size_t i = 0; text != NULL && i < s.len; i++) {
		int escaped = str_escape_at(s, i);

		text[len++] = escaped >= 0 ? (char)escaped : s.p[i];
		i += escaped >= 0 ? 2 : 0;
	}
	return text == NULL ? STR_NONE : (struct str){ text, len };
}

/* The path that a browser asks for, "." and ".." resolved; relative ones as on the page of "/". */
static struct str
resolve(struct arena *arena, struct str path)
{
	char *text = arena_alloc(arena, path.len + 2);
	struct str rest = path, part;
	size_t len = 0;

	while (text != NULL && str_split(&rest, '/', &part)) {
		if (str_eq(part, STR("..")))
			while (len > 0 && text[--len] != '/')
				;
		if (part.len == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")))
			continue;
		text[len++] = '/';
		memcpy(text + len, part.p, part.len);
		len += part.len;
	}
	if (text != NULL && (len == 0 || str_ends(path, STR("/"))))
		text[len++] = '/';
	return text == NULL ? STR_NONE : (struct str){ text, len };
}

static void
check_asset(const struct page_scan *scan, struct str url)
{
	struct arena *arena = scan->check->ctl->arena;
	struct str path = str_trim(url);
	size_t end;

	if (str_contains(path, STR("{{")) || !strip_host(scan->site, &path))
		return;
	end = str_find(path, '?') < str_find(path, '#') ? str_find(path, '?') : str_find(path, '#');
	if (end == 0)
		return;                 /* the page itself */
	path = resolve(arena, decode(arena, str_sub(path, 0, end)));
	if (path.len == 0 || str_eq(path, STR("/.maintenance/status")) ||
	    path_set_match(scan->site->rules.open_paths, path) >= 0 ||
	    path_set_match(scan->site->rules.open_defaults, path) >= 0)
		return;
	check_warn(scan->check, scan->place, "%.*s loads %.*s, which is held itself%s%.*s: open_path = %.*s",
	    STR_ARG(scan->name), STR_ARG(path), scan->site->name.len > 0 ? " by site " : "", STR_ARG(scan->site->name),
	    STR_ARG(path));
}

/* `quote` is NUL for a value without. */
static size_t
value_end(struct str s, size_t i, char quote)
{
	while (i < s.len && (quote != '\0' ? s.p[i] != quote : !is_blank(s.p[i]) && s.p[i] != '>'))
		i++;
	return i;
}

/* The next attribute of a tag behind `*rest`; false at the tag's end. */
static bool
next_attribute(struct str *rest, struct str *ret_name, struct str *ret_value)
{
	size_t i = 0, from;
	char quote;

	while (i < rest->len && (is_blank(rest->p[i]) || rest->p[i] == '/'))
		i++;
	if (i == rest->len || rest->p[i] == '>')
		return false;
	for (from = i++; i < rest->len && !is_blank(rest->p[i]) && strchr("=>/", rest->p[i]) == NULL; )
		i++;
	*ret_name = str_sub(*rest, from, i);
	*ret_value = STR_NONE;
	while (i < rest->len && is_blank(rest->p[i]))
		i++;
	if (i < rest->len && rest->p[i] == '=') {
		for (i++; i < rest->len && is_blank(rest->p[i]); )
			i++;
		quote = i < rest->len && (rest->p[i] == '"' || rest->p[i] == '\'') ? rest->p[i] : '\0';
		from = quote != '\0' ? ++i : i;
		*ret_value = str_sub(*rest, from, value_end(*rest, from, quote));
		i = from + ret_value->len;
		i += quote != '\0' && i < rest->len;
	}
	*rest = str_sub(*rest, i, rest->len);
	return true;
}

static struct tag
read_tag(struct str text)
{
	static const struct str loading[] = { STR_INIT("src"), STR_INIT("href"), STR_INIT("poster") };
	struct tag tag = { .name = STR_NONE };
	struct str name, value;
	size_t len = 1;

	while (len < text.len && check_is_alphanumeric(text.p[len]))
		len++;
	tag.name = str_sub(text, 1, len);
	text = str_sub(text, len, text.len);
	for (int i = 0; i < ATTRIBUTES_MAX && next_attribute(&text, &name, &value); i++) {
		if (str_eq_nocase(name, STR("rel")))
			tag.rel = value;
		for (size_t k = 0; k < sizeof loading / sizeof *loading; k++)
			if (str_eq_nocase(name, loading[k]) && tag.loads[k].p == NULL)
				tag.loads[k] = value;
	}
	return tag;
}

/* A link that only says something about the page loads nothing. */
static bool
tag_loads(const struct tag *tag)
{
	static const struct str names[] = { STR_INIT("link"), STR_INIT("script"), STR_INIT("img"), STR_INIT("iframe"),
		STR_INIT("source"), STR_INIT("video"), STR_INIT("audio"), STR_INIT("track"), STR_INIT("embed") };
	static const struct str silent[] = { STR_INIT("canonical"), STR_INIT("alternate"), STR_INIT("author"),
		STR_INIT("license"), STR_INIT("help"), STR_INIT("search"), STR_INIT("next"), STR_INIT("prev"),
		STR_INIT("preconnect"), STR_INIT("dns-prefetch"), STR_INIT("me") };

	return is_one_of(tag->name, names, sizeof names / sizeof *names) &&
	    !(str_eq_nocase(tag->name, STR("link")) && is_one_of(tag->rel, silent, sizeof silent / sizeof *silent));
}

static void
scan_tag(const struct page_scan *scan, struct str text)
{
	struct tag tag = read_tag(text);

	for (size_t k = 0; tag_loads(&tag) && k < sizeof tag.loads / sizeof *tag.loads; k++) {
		bool meant = k == 0 ? !str_eq_nocase(tag.name, STR("link")) :
		    str_eq_nocase(tag.name, k == 1 ? STR("link") : STR("video"));

		if (meant && tag.loads[k].len > 0)
			check_asset(scan, tag.loads[k]);
	}
}

/* The inside of "url(...)", behind the bracket. */
static void
scan_url(const struct page_scan *scan, struct str text)
{
	struct str url = str_trim(str_sub(text, 0, str_find(text, ')')));

	if (url.len >= 2 && (url.p[0] == '"' || url.p[0] == '\''))
		url = str_sub(url, 1, str_find_last(url, url.p[0]) > 0 ? str_find_last(url, url.p[0]) : url.len);
	if (url.len > 0)
		check_asset(scan, url);
}

static void
scan_page(const struct page_scan *scan, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		struct str rest = str_sub(text, i, text.len);

		if (str_starts(rest, STR("<!--"))) {
			while (i + 2 < text.len && memcmp(text.p + i, "-->", 3) != 0)
				i++;
		} else if (rest.p[0] == '<' && rest.len > 1 && check_is_alphanumeric(rest.p[1])) {
			scan_tag(scan, str_sub(rest, 0, TAG_MAX));
		} else if (starts_nocase(rest, STR("url("))) {
			scan_url(scan, str_sub(rest, 4, TAG_MAX));
		}
	}
}

static void
scan_file(struct page_scan *scan, struct str name)
{
	struct arena *arena = scan->check->ctl->arena;
	struct str path = file_resolve(scan->check->values->ini.file, name, arena), text;

	scan->name = name;
	if (path.p != NULL && file_read(path.p, PAGE_MAX, arena, &text, NULL) == 0)
		scan_page(scan, text);
}

/* The same files that pages.c finds: what loads something is HTML. */
static void
scan_site(struct check *check, const struct section *section, const struct site *site)
{
	const struct value *page = &section->v[KEY_PAGE], *content = &section->v[KEY_CONTENT];
	bool inside = content->text.len > 0 && (content->set || page->text.len == 0);
	struct page_scan scan = { check, site, inside ? &content->place : &page->place, STR("content") };
	struct str stem = str_sub(page->text, 0, str_find_last(page->text, '.'));

	if (method_in(site->rules.open_methods, METHOD_GET) || (!inside && page->text.len == 0))
		return;
	if (!inside)
		scan_file(&scan, page->text);
	for (size_t i = 0; i < site->answers.language_count; i++) {
		struct str language = site->answers.languages[i];

		if (inside)
			scan_page(&scan, values_local(section, KEY_CONTENT, language));
		else
			scan_file(&scan, arena_printf(check->ctl->arena, "%.*s.%.*s.html", STR_ARG(stem),
			    STR_ARG(language)));
	}
}

void
check_pages(struct check *check)
{
	const struct policy *policy = check->ctl->policy;
	const struct section *section = check->values->named.first;

	scan_site(check, &check->values->site, &policy->sites[0]);
	for (size_t i = 1; i < policy->site_count && section != NULL; i++, section = section->next)
		scan_site(check, section, &policy->sites[i]);
}
