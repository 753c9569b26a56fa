/* SPDX-License-Identifier: MIT */
/* answer/negotiate.c: which form and which language, from headers as clients send them and as they should not. */
#include "config.h"

#include "answer/negotiate.h"
#include "support.h"

int suite_negotiate(void);

#define CHROME "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
#define IMAGES "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
#define JQUERY "application/json, text/javascript, */*; q=0.01"

static const struct {
	const char *say, *accept, *with, *path;
	enum format format;
	bool        open;               /* left open, so that X-Requested-With was looked at */
} formats[] = {
	{ "nothing said: HTML",               "",                              "", "/",           FORMAT_HTML,  true },
	{ "blanks say nothing",               " \t",                           "", "/",           FORMAT_HTML,  true },
	{ "anything: HTML",                   "*/*",                           "", "/",           FORMAT_HTML,  true },
	{ "a browser's page",                 CHROME,                          "", "/",           FORMAT_HTML,  false },
	{ "... whatever the path ends in",    CHROME,                          "", "/a.json",     FORMAT_HTML,  false },
	{ "... and whoever asks",             CHROME,            "XMLHttpRequest", "/",           FORMAT_HTML,  false },
	{ "a browser's image",                IMAGES,                          "", "/logo",       FORMAT_EMPTY, false },
	{ "a browser's style sheet",          "text/css,*/*;q=0.1",            "", "/a.css",      FORMAT_EMPTY, false },
	{ "a script by type",                 "text/javascript",               "", "/",           FORMAT_EMPTY, false },
	{ "a font",                           "font/woff2",                    "", "/",           FORMAT_EMPTY, false },
	{ "a video",                          "video/*;q=0.9,text/html;q=0.1", "", "/",           FORMAT_EMPTY, false },
	{ "jQuery wants JSON",                JQUERY,            "XMLHttpRequest", "/",           FORMAT_JSON,  false },
	{ "application/json",                 "application/json",              "", "/",           FORMAT_JSON,  false },
	{ "problem+json",                     "application/problem+json",      "", "/",           FORMAT_JSON,  false },
	{ "any +json",                        "application/vnd.api+json",      "", "/",           FORMAT_JSON,  false },
	{ "... in capitals",                  "application/vnd.api+JSON",      "", "/",           FORMAT_JSON,  false },
	{ "application/*",                    "application/*",                 "", "/",           FORMAT_JSON,  false },
	{ "type names have no case",          "APPLICATION/JSON",              "", "/",           FORMAT_JSON,  false },
	{ "text/plain",                       "text/plain",                    "", "/",           FORMAT_TEXT,  false },
	{ "text/* is HTML",                   "text/*",                        "", "/",           FORMAT_HTML,  false },
	{ "xhtml is HTML",                    "application/xhtml+xml",         "", "/",           FORMAT_HTML,  false },
	{ "the higher quality wins",          "text/html;q=0.2,application/json;q=0.9", "", "/",  FORMAT_JSON,  false },
	{ "... by a thousandth",              "text/html;q=0.998,text/plain;q=0.999", "", "/",    FORMAT_TEXT,  false },
	{ "... whatever comes first",         "application/json;q=0.9,text/html;q=0.2", "", "/",  FORMAT_JSON,  false },
	{ "equal: HTML before JSON",          "application/json,text/html",    "", "/",           FORMAT_HTML,  false },
	{ "equal: JSON before text",          "text/plain,application/json",   "", "/",           FORMAT_JSON,  false },
	{ "blanks around q",                  "text/html ; q=0.1 , text/plain ; q=0.9", "", "/",  FORMAT_TEXT,  false },
	{ "a capital Q",                      "text/html;Q=0.1,text/plain;q=0.5", "", "/",        FORMAT_TEXT,  false },
	{ "other parameters are passed over", "text/plain;charset=utf-8;q=0.9,text/html;level=1;q=0.1", "", "/",
	                                                                                          FORMAT_TEXT,  false },
	{ "1.000 is one",                     "text/plain;q=1.000,text/html;q=0.9", "", "/",      FORMAT_TEXT,  false },
	{ "q=0 is refused",                   "text/html;q=0,text/plain;q=0.1", "", "/",          FORMAT_TEXT,  false },
	{ "any before less of ours",          "text/html;q=0.3,*/*;q=0.5",     "", "/a.json",     FORMAT_JSON,  true },
	{ "ours before any of the same",      "*/*,application/json",          "", "/",           FORMAT_JSON,  false },
	{ "nothing of ours: text",            "application/xml",               "", "/",           FORMAT_TEXT,  false },
	{ "all refused: text",                "*/*;q=0",                       "", "/",           FORMAT_TEXT,  false },
	{ "garbage: text",                    ";;;,,,q=",                      "", "/",           FORMAT_TEXT,  false },
	{ "a broken quality is none",         "text/html;q=x,text/plain;q=0.1", "", "/",          FORMAT_TEXT,  false },
	{ "... also above one",               "text/html;q=1.1,text/plain;q=0.1", "", "/",        FORMAT_TEXT,  false },
	{ "... also 2",                       "text/html;q=2,text/plain;q=0.1", "", "/",          FORMAT_TEXT,  false },
	{ "... also negative",                "text/html;q=-1,text/plain;q=0.1", "", "/",         FORMAT_TEXT,  false },
	{ "... also with four digits",        "text/html;q=0.9999,text/plain;q=0.1", "", "/",     FORMAT_TEXT,  false },
	{ "... also empty",                   "text/html;q=,text/plain;q=0.1", "", "/",           FORMAT_TEXT,  false },
	{ "... also 0x1",                     "text/html;q=0x1,text/plain;q=0.1", "", "/",        FORMAT_TEXT,  false },
	{ "* alone is no range",              "*",                             "", "/",           FORMAT_TEXT,  false },
	{ "a type longer than ours",          "text/htmlx",                    "", "/",           FORMAT_TEXT,  false },
	{ "XHR decides what is open",         "*/*",             "XMLHttpRequest", "/",           FORMAT_JSON,  true },
	{ "... its name has no case",         "",                "xmlhttprequest", "/",           FORMAT_JSON,  true },
	{ "... another word does not",        "",                         "fetch", "/",           FORMAT_HTML,  true },
	{ "an extension: JSON",               "*/*",                           "", "/a.json",     FORMAT_JSON,  true },
	{ "... XHR goes before it",           "*/*",             "XMLHttpRequest", "/a.txt",      FORMAT_JSON,  true },
	{ "... text",                         "*/*",                           "", "/robots.txt", FORMAT_TEXT,  true },
	{ "... image",                        "*/*",                           "", "/a.png",      FORMAT_EMPTY, true },
	{ "... in capitals",                  "*/*",                           "", "/A.PNG",      FORMAT_EMPTY, true },
	{ "... script",                       "",                              "", "/x/app.min.js", FORMAT_EMPTY, true },
	{ "... font",                         "",                              "", "/f.woff2",    FORMAT_EMPTY, true },
	{ "... page",                         "",                              "", "/a.php",      FORMAT_HTML,  true },
	{ "... of a folder does not count",   "",                              "", "/a.png/b",    FORMAT_HTML,  true },
	{ "... none behind the dot",          "",                              "", "/a.",         FORMAT_HTML,  true },
	{ "... a hidden file",                "",                              "", "/.json",      FORMAT_JSON,  true },
};

static void
test_negotiate_formats(void)
{
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct negotiation got = negotiate_format(str_of(formats[i].accept), str_of(formats[i].with),
		    str_of(formats[i].path));

		check_int(formats[i].say, got.format, formats[i].format);
		check_int(formats[i].say, got.used_requested_with, formats[i].open);
	}
}

/* RFC 9110 section 12.5.1: the most specific range that matches a type gives its quality. */
static void
test_negotiate_specific_refusal(void)
{
	struct negotiation got = negotiate_format(STR("text/html;q=0, */*"), STR_NONE, STR("/"));

	CHECK("HTML is refused by name, whatever */* says", got.format != FORMAT_HTML);
}

static const struct {
	const char *say, *accept;
	size_t      index;              /* in en, de, pt-br, zh */
} languages[] = {
	{ "nothing said: the first",          "",                          0 },
	{ "the one",                          "de",                        1 },
	{ "languages have no case",           "DE",                        1 },
	{ "a country's is the language's",    "de-AT",                     1 },
	{ "a language finds its country's",   "pt",                        2 },
	{ "country and all",                  "pt-BR",                     2 },
	{ "another country is another",       "pt-PT",                     0 },
	{ "half a word is none",              "d",                         0 },
	{ "more than the word is none",       "deu",                       0 },
	{ "the first of equals",              "zh,de",                     3 },
	{ "... in the client's order",        "de,zh",                     1 },
	{ "quality before order",             "de;q=0.5,zh;q=0.9",         3 },
	{ "a browser in Austria",             "de-AT,de;q=0.9,en;q=0.8",   1 },
	{ "unknown ones are passed over",     "fr,ja;q=0.9,zh;q=0.1",      3 },
	{ "nothing of ours: the first",       "fr,ja",                     0 },
	{ "any: the first",                   "*",                         0 },
	{ "any counts less than a name",      "*;q=0.1,de;q=0.2",          1 },
	{ "a name before any of the same",    "*,de",                      1 },
	{ "refused is not chosen",            "de;q=0",                    0 },
	{ "... another is",                   "de;q=0,zh;q=0.1",           3 },
	{ "the exact one of equals",          "pt-PT,pt-BR",               2 },
	{ "a broken quality is none",         "de;q=high,zh;q=0.1",        3 },
	{ "garbage: the first",               ",;q=,;;--",                 0 },
	{ "an underline is not a hyphen",     "pt_BR",                     0 },
};

static void
test_negotiate_languages(void)
{
	static const struct str ours[] = { STR_INIT("en"), STR_INIT("de"), STR_INIT("pt-br"), STR_INIT("zh") };

	for (size_t i = 0; i < COUNT(languages); i++)
		check_int(languages[i].say, (int64_t)negotiate_language(str_of(languages[i].accept), ours, COUNT(ours)),
		    (int64_t)languages[i].index);
	check_int("one language alone", (int64_t)negotiate_language(STR("de"), ours, 1), 0);
}

static void
test_negotiate_names(void)
{
	check_str("HTML says its coding", str_of(format_type(FORMAT_HTML)), "text/html; charset=utf-8");
	check_str("JSON is RFC 9457", str_of(format_type(FORMAT_JSON)), "application/problem+json");
	check_str("text says its coding", str_of(format_type(FORMAT_TEXT)), "text/plain; charset=utf-8");
	check_str("nothing has no type", str_of(format_type(FORMAT_EMPTY)), "");
	check_str("HTML", str_of(format_extension(FORMAT_HTML)), "html");
	check_str("JSON", str_of(format_extension(FORMAT_JSON)), "json");
	check_str("text", str_of(format_extension(FORMAT_TEXT)), "txt");
}

int
suite_negotiate(void)
{
	CU_pSuite suite = CU_add_suite("answer/negotiate", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "formats", test_negotiate_formats) == NULL ||
	    CU_add_test(suite, "specific refusal", test_negotiate_specific_refusal) == NULL ||
	    CU_add_test(suite, "languages", test_negotiate_languages) == NULL ||
	    CU_add_test(suite, "names", test_negotiate_names) == NULL)
		return -1;
	return 0;
}
