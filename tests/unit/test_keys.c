/* SPDX-License-Identifier: MIT */
/* policy/keys.c: what is a key where, its twins and languages, and what was meant by a word that is none. */
#include "config.h"

#include <stdio.h>

#include "policy/keys.h"
#include "support.h"

int suite_keys(void);

#define GATEWAY SCOPE_GATEWAY
#define SITE    SCOPE_SITE
#define NAMED   SCOPE_NAMED

static const struct {
	const char *say, *word;
	enum key_scope where;
	bool        found;
	enum key    key;
	bool        twin;
	const char *language;
} cases[] = {
	{ "a key of the gateway",           "listen",            GATEWAY, true,  KEY_LISTEN,      false, "" },
	{ "... is none of a site",          "listen",            SITE,    false, 0,               false, "" },
	{ "... nor of a named one",         "listen",            NAMED,   false, 0,               false, "" },
	{ "a site's key",                   "message",           SITE,    true,  KEY_MESSAGE,     false, "" },
	{ "... in a named site",            "message",           NAMED,   true,  KEY_MESSAGE,     false, "" },
	{ "... not in the gateway",         "message",           GATEWAY, false, 0,               false, "" },
	{ "host is a named site's",         "host",              NAMED,   true,  KEY_HOST,        false, "" },
	{ "... alone",                      "host",              SITE,    false, 0,               false, "" },
	{ "a list's twin",                  "bypass_address_file", SITE,  true,  KEY_BYPASS_ADDRESS, true, "" },
	{ "a text's twin",                  "message_file",      SITE,    true,  KEY_MESSAGE,     true,  "" },
	{ "a number has none",              "status_file",       SITE,    false, 0,               false, "" },
	{ "a word has none",                "mode_file",         SITE,    false, 0,               false, "" },
	{ "a span has none",                "max_duration_file", SITE,    false, 0,               false, "" },
	{ "a key that ends in _file",       "bypass_group_file", SITE,    true,  KEY_BYPASS_GROUP_FILE, false, "" },
	{ "a text in a language",           "message.de",        SITE,    true,  KEY_MESSAGE,     false, "de" },
	{ "... of a country",               "title.pt-br",       SITE,    true,  KEY_TITLE,       false, "pt-br" },
	{ "an inline page in a language",   "content.de",        SITE,    true,  KEY_CONTENT,     false, "de" },
	{ "no such form of other texts",    "page.de",           SITE,    false, 0,               false, "" },
	{ "... nor of lists",               "host.de",           NAMED,   false, 0,               false, "" },
	{ "an empty language",              "message.",          SITE,    false, 0,               false, "" },
	{ "a language of one letter",       "message.d",         SITE,    false, 0,               false, "" },
	{ "a language of digits",           "message.12",        SITE,    false, 0,               false, "" },
	{ "a twin in a language",           "message_file.de",   SITE,    false, 0,               false, "" },
	{ "the longer of two keys",         "enabled_from",      SITE,    true,  KEY_ENABLED_FROM, false, "" },
	{ "... and the shorter",            "enabled",           SITE,    true,  KEY_ENABLED,     false, "" },
	{ "... retry_after",                "retry_after",       SITE,    true,  KEY_RETRY_AFTER, false, "" },
	{ "... retry_after_max",            "retry_after_max",   SITE,    true,  KEY_RETRY_AFTER_MAX, false, "" },
	{ "keys are lower case",            "Message",           SITE,    false, 0,               false, "" },
	{ "the beginning of a key",         "mess",              SITE,    false, 0,               false, "" },
	{ "more than a key",                "messages",          SITE,    false, 0,               false, "" },
	{ "nothing",                        "",                  SITE,    false, 0,               false, "" },
};

static void
test_keys_find(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct key_name name;
		bool found = key_find(str_of(cases[i].word), cases[i].where, &name);

		check_int(cases[i].say, found, cases[i].found);
		if (!found || !cases[i].found)
			continue;
		check_int(cases[i].say, name.key, cases[i].key);
		check_int(cases[i].say, name.twin, cases[i].twin);
		check_str(cases[i].say, name.language, cases[i].language);
	}
}

static void
test_keys_known(void)
{
	static const char *const known[] = { "listen", "status", "host", "default", "message.de", "open_path_file" };
	static const char *const unknown[] = { "", "Status", "see", "http", "host:", "message.DE" };

	for (size_t i = 0; i < COUNT(known); i++)
		CHECK(known[i], key_known(str_of(known[i])));
	for (size_t i = 0; i < COUNT(unknown); i++)
		CHECK(unknown[i], !key_known(str_of(unknown[i])));
}

static const struct {
	const char *word;
	enum key_scope where;
	const char *meant;              /* NULL: nothing near */
} suggestions[] = {
	{ "staus",            SITE,    "status" },
	{ "retry-after",      SITE,    "retry_after" },
	{ "retryafter",       SITE,    "retry_after" },
	{ "bypass_adress",    SITE,    "bypass_address" },
	{ "bypass_ip",        SITE,    NULL },
	{ "mesage",           SITE,    "message" },
	{ "messages",         SITE,    "message" },
	{ "open_paths",       SITE,    "open_path" },
	{ "timezone",         SITE,    "time_zone" },
	{ "language",         SITE,    "languages" },
	{ "hots",             NAMED,   "host" },
	{ "hosts",            NAMED,   "host" },
	{ "defualt",          NAMED,   "default" },
	{ "trusted_proxy",    GATEWAY, "trusted_proxies" },
	{ "listn",            GATEWAY, "listen" },
	{ "loglevel",         GATEWAY, "log_level" },
	{ "worker",           GATEWAY, "workers" },
	{ "completely_other", SITE,    NULL },
	{ "x",                SITE,    NULL },
	{ "",                 SITE,    NULL },
	{ "a_word_that_is_longer_than_any_key_could_ever_be_in_this_file", SITE, NULL },
};

static void
test_keys_suggest(void)
{
	for (size_t i = 0; i < COUNT(suggestions); i++) {
		const struct key_row *row = key_suggest(str_of(suggestions[i].word), suggestions[i].where);
		const char *meant = suggestions[i].meant != NULL ? suggestions[i].meant : "nothing";

		check_str(suggestions[i].word, row != NULL ? row->name : STR("nothing"), meant);
	}
}

static void
test_keys_words(void)
{
	check_int("the first", key_word_index("auto|on|off", STR("auto")), 0);
	check_int("the last", key_word_index("auto|on|off", STR("off")), 2);
	check_int("part of one", key_word_index("auto|on|off", STR("of")), -1);
	check_int("two of them", key_word_index("auto|on|off", STR("auto|on")), -1);
	check_int("another case", key_word_index("auto|on|off", STR("On")), -1);
	check_int("none", key_word_index("auto|on|off", STR("")), -1);
}

/* What the list itself must keep. */
static void
test_keys_rows(void)
{
	for (int i = 0; i < KEY_COUNT; i++) {
		const struct key_row *row = &key_rows[i];
		struct key_name name;

		CHECK(row->name.p, key_find(row->name, row->scope, &name) && name.key == (enum key)i && !name.twin);
		CHECK(row->name.p, row->help[0] != '\0');
		if (row->kind == KIND_WORD)
			CHECK(row->name.p, key_word_index(row->range, row->standard) >= 0);
		for (int j = 0; j < i; j++)
			CHECK(row->name.p, row->scope != key_rows[j].scope || !str_eq(row->name, key_rows[j].name));
	}
}

int
suite_keys(void)
{
	CU_pSuite suite = CU_add_suite("policy/keys", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "find", test_keys_find) == NULL ||
	    CU_add_test(suite, "known", test_keys_known) == NULL ||
	    CU_add_test(suite, "suggest", test_keys_suggest) == NULL ||
	    CU_add_test(suite, "words", test_keys_words) == NULL ||
	    CU_add_test(suite, "rows", test_keys_rows) == NULL)
		return -1;
	return 0;
}
