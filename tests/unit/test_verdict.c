/* SPDX-License-Identifier: MIT */
/* Reasons have a word for logs and a sentence for people; words are part of what scripts read. */
#include "config.h"

#include <string.h>

#include "gate/verdict.h"
#include "support.h"

int suite_verdict(void);

static const struct {
	enum reason reason;
	const char *word, *sentence;
} cases[] = {
	{ REASON_OFF,      "off",      "maintenance is off" },
	{ REASON_ENDPOINT, "endpoint", "request is for the gateway itself" },
	{ REASON_PATH,     "path",     "path is always open" },
	{ REASON_METHOD,   "method",   "method is open" },
	{ REASON_ADDRESS,  "address",  "address is allowed" },
	{ REASON_HEADER,   "header",   "header has the secret" },
	{ REASON_USER,     "user",     "user is allowed" },
	{ REASON_SHARE,    "share",    "admitted by share" },
	{ REASON_HOLD,     "hold",     "nobody lets this request pass" },
};

static void
test_verdict_names(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		check_str(cases[i].word, str_of(reason_word(cases[i].reason)), cases[i].word);
		check_str(cases[i].word, str_of(reason_sentence(cases[i].reason)), cases[i].sentence);
	}
}

/* One field of a log line: no blanks, nothing to quote. */
static void
test_verdict_words_are_unique(void)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		const char *word = reason_word((enum reason)i);

		CHECK(word, strlen(word) > 0 && strspn(word, "abcdefghijklmnopqrstuvwxyz_") == strlen(word));
		CHECK(word, strlen(reason_sentence((enum reason)i)) > strlen(word));
		for (int k = 0; k < i; k++)
			CHECK(word, strcmp(word, reason_word((enum reason)k)) != 0);
	}
}

int
suite_verdict(void)
{
	CU_pSuite suite = CU_add_suite("gate/verdict", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "names", test_verdict_names) == NULL ||
	    CU_add_test(suite, "words are unique", test_verdict_words_are_unique) == NULL)
		return -1;
	return 0;
}
