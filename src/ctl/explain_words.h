/* Why each check of a decision answered as it did, in words.  All texts are of the scene's arena.  One thread. */
#ifndef CTL_EXPLAIN_WORDS_H
#define CTL_EXPLAIN_WORDS_H

#include "ctl/asked.h"
#include "policy/decision.h"

/* All that the words are drawn from. */
struct scene {
	struct ctl           *ctl;
	struct arena         *arena;
	struct decider        decider;
	struct request        request;
	struct decision       d;
	struct reply          reply;
	int64_t               now;
	struct str            sites;    /* "shop passes, blog holds", where several were asked */
	const struct values  *values;
	const struct section *section;
};

/* The client's address; to be asked where there is one. */
struct str explain_client(const struct scene *scene);

/* Where that address, or none, is from. */
struct str explain_client_words(const struct scene *scene);

/* The number of the rule that decided, counted from 0 as in the log, and its text; -1 where it cannot be told. */
int        explain_deciding_rule(const struct scene *scene, struct str *ret_text);

/* ", flag flags/shop.flag", ", rule 2: 10.0.0.0/8": what decided. */
struct str explain_decider_words(const struct scene *scene);

/* Why the check in that row of the trace answered so. */
struct str explain_why(const struct scene *scene, size_t row);

#endif
