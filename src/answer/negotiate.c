/* SPDX-License-Identifier: MIT */
/*
 * Content negotiation for an answer that must be given in any case: a client
 * that accepts nothing we have gets plain text, because a 406 would hide that
 * there is maintenance.
 */
#include "config.h"

#include "answer/negotiate.h"

const char *
format_type(enum format format)
{
	static const char *const types[] = {
		[FORMAT_HTML] = "text/html; charset=utf-8",
		[FORMAT_JSON] = "application/problem+json",
		[FORMAT_TEXT] = "text/plain; charset=utf-8",
		[FORMAT_EMPTY] = "",
	};

	return types[format];
}

const char *
format_extension(enum format format)
{
	static const char *const extensions[] = {
		[FORMAT_HTML] = "html", [FORMAT_JSON] = "json", [FORMAT_TEXT] = "txt", [FORMAT_EMPTY] = "",
	};

	return extensions[format];
}

/* A quality in thousandths (RFC 9110 section 12.4.2); a broken one counts as 0. */
static int
quality_parse(struct str text)
{
	int quality, unit = 100;

	if (text.len == 0 || text.len > 5 || (text.p[0] != '0' && text.p[0] != '1'))
		return 0;
	quality = (text.p[0] - '0') * 1000;
	if (text.len > 1 && text.p[1] != '.')
		return 0;
	for (size_t i = 2; i < text.len; i++, unit /= 10) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 0;
		quality += (text.p[i] - '0') * unit;
	}
	return quality > 1000 ? 0 : quality;
}

/* Cuts the parameters off `*range` and gives its quality. */
static int
take_quality(struct str *range)
{
	struct str rest = *range, part;
	int quality = 1000;

	if (str_find(*range, ';') == range->len)
		return quality;
	(void)str_split(&rest, ';', range);
	while (str_split(&rest, ';', &part))
		if (part.len >= 2 && (part.p[0] == 'q' || part.p[0] == 'Q') && part.p[1] == '=')
			quality = quality_parse(str_trim(str_sub(part, 2, part.len)));
	return quality;
}

/* What a media range asks for.  FORMAT_COUNT + 1 and above: nothing of ours. */
enum wish { WISH_HTML, WISH_JSON, WISH_TEXT, WISH_EMPTY, WISH_ANY, WISH_OTHER, WISH_COUNT };

static enum wish
wish_of(struct str range)
{
	static const struct {
		struct str type;
		enum wish  wish;
	} exact[] = {
		{ STR_INIT("text/html"), WISH_HTML }, { STR_INIT("application/xhtml+xml"), WISH_HTML },
		{ STR_INIT("application/json"), WISH_JSON }, { STR_INIT("application/problem+json"), WISH_JSON },
		{ STR_INIT("text/json"), WISH_JSON }, { STR_INIT("text/plain"), WISH_TEXT },
		{ STR_INIT("text/css"), WISH_EMPTY }, { STR_INIT("text/javascript"), WISH_EMPTY },
		{ STR_INIT("application/javascript"), WISH_EMPTY }, { STR_INIT("*/*"), WISH_ANY },
		{ STR_INIT("text/*"), WISH_HTML }, { STR_INIT("application/*"), WISH_JSON },
	};
	static const struct str empty[] = {
		STR_INIT("image/"), STR_INIT("font/"), STR_INIT("audio/"), STR_INIT("video/"),
	};

	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
		if (str_eq_nocase(range, exact[i].type))
			return exact[i].wish;
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
		if (str_eq_nocase(str_sub(range, 0, empty[i].len), empty[i]))
			return WISH_EMPTY;
	if (range.len > 5 && str_eq_nocase(str_sub(range, range.len - 5, range.len), STR("+json")))
		return WISH_JSON;
	return WISH_OTHER;
}

static bool
in_list(struct str word, const struct str *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(word, list[i]))
			return true;
	return false;
}

/* What a path's extension suggests where the client left it open. */
static enum format
format_of_path(struct str path)
{
	static const struct str unread[] = {
		STR_INIT("png"), STR_INIT("jpg"), STR_INIT("jpeg"), STR_INIT("gif"), STR_INIT("svg"), STR_INIT("ico"),
		STR_INIT("webp"), STR_INIT("avif"), STR_INIT("css"), STR_INIT("js"), STR_INIT("mjs"), STR_INIT("map"),
		STR_INIT("woff"), STR_INIT("woff2"), STR_INIT("ttf"), STR_INIT("mp4"), STR_INIT("mp3"),
	};
	size_t dot = str_find_last(path, '.');
	struct str extension = str_sub(path, dot + 1, path.len);

	if (dot == path.len || str_find(extension, '/') != extension.len)
		return FORMAT_HTML;
	if (str_eq_nocase(extension, STR("json")))
		return FORMAT_JSON;
	if (str_eq_nocase(extension, STR("txt")))
		return FORMAT_TEXT;
	return in_list(extension, unread, sizeof unread / sizeof *unread) ? FORMAT_EMPTY : FORMAT_HTML;
}

/* `refused`: by name, with a quality of 0. */
static struct negotiation
leave_open(struct str requested_with, struct str path, const bool refused[WISH_COUNT])
{
	struct negotiation result = { FORMAT_HTML, true };

	if (str_eq_nocase(requested_with, STR("XMLHttpRequest")))
		result.format = FORMAT_JSON;
	else
		result.format = format_of_path(path);
	for (int format = 0; refused[result.format] && format < FORMAT_COUNT; format++)
		result.format = (enum format)format;
	return result;
}

struct negotiation
negotiate_format(struct str accept, struct str requested_with, struct str path)
{
	int quality[WISH_COUNT] = { 0 };
	bool refused[WISH_COUNT] = { false };
	int best = 0;
	struct str range;

	if (str_trim(accept).len == 0)
		return leave_open(requested_with, path, refused);
	while (str_split(&accept, ',', &range)) {
		int q = take_quality(&range);
		enum wish wish = wish_of(range);

		if (q > quality[wish])
			quality[wish] = q;
		refused[wish] = quality[wish] == 0;
	}
	for (int wish = 0; wish < WISH_ANY; wish++)
		if (quality[wish] > best)
			best = quality[wish];
	if (best < quality[WISH_ANY])
		return leave_open(requested_with, path, refused);
	for (int wish = 0; wish < WISH_ANY && best > 0; wish++)
		if (quality[wish] == best)
			return (struct negotiation){ (enum format)wish, false };
	return (struct negotiation){ FORMAT_TEXT, false };
}

/* How well a language range fits a tag (RFC 4647 section 3.3.1, and "de-AT" finds "de"): 0 not at all. */
static size_t
language_fit(struct str range, struct str tag)
{
	size_t shorter = range.len < tag.len ? range.len : tag.len;
	struct str longer = range.len < tag.len ? tag : range;

	if (shorter == 0 || !str_eq_nocase(str_sub(range, 0, shorter), str_sub(tag, 0, shorter)))
		return 0;
	if (longer.len > shorter && longer.p[shorter] != '-')
		return 0;
	return range.len == tag.len ? 2 : 1;
}

size_t
negotiate_language(struct str accept_language, const struct str *languages, size_t count)
{
	struct str range;
	size_t chosen = 0, chosen_fit = 0;
	int best = 0;

	while (str_split(&accept_language, ',', &range)) {
		int q = take_quality(&range);

		for (size_t i = 0; i < count; i++) {
			size_t fit = str_eq(range, STR("*")) ? 1 : language_fit(range, languages[i]);

			if (fit == 0 || q == 0 || q < best || (q == best && fit <= chosen_fit))
				continue;
			best = q;
			chosen = i;
			chosen_fit = fit;
		}
	}
	return chosen;
}
