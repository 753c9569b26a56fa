/* SPDX-License-Identifier: MIT */
/* The names of reasons, from the one list. */
#include "config.h"

#include <assert.h>

#include "gate/verdict.h"

static const struct {
	const char *word, *sentence;
} reasons[] = {
#define REASON(name, word, sentence) { word, sentence },
#include "gate/reasons.def"
#undef REASON
};

const char *
reason_word(enum reason reason)
{
	assert(reason < REASON_COUNT);
	return reasons[reason].word;
}

const char *
reason_sentence(enum reason reason)
{
	assert(reason < REASON_COUNT);
	return reasons[reason].sentence;
}
