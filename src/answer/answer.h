/*
 * From verdict to reply.  A site's pages, texts and headers are prepared when
 * the policy is compiled; building an answer only chooses and fills in.
 */
#ifndef ANSWER_ANSWER_H
#define ANSWER_ANSWER_H

#include "answer/handback.h"
#include "answer/page.h"
#include "answer/timing.h"
#include "base/zone.h"
#include "gate/decide.h"

#define LANGUAGES_MAX 16

/* A text of the operator's, in each of the site's languages. */
struct localised {
	struct str v[LANGUAGES_MAX];
};

/* What a site answers with.  Frozen with the policy. */
struct answers {
	struct str           site;                      /* the site's name, "" for [site] alone */
	struct str           languages[LANGUAGES_MAX];
	size_t               language_count;            /* 1 or more */
	struct localised     title, message, contact, link;
	const struct page   *pages[LANGUAGES_MAX][FORMAT_COUNT];
	struct str           security_policy[LANGUAGES_MAX];    /* of the HTML page; empty for none */
	int                  status;
	struct timing        timing;
	int64_t              refresh;                   /* seconds; 0 for no header */
	struct str           marker_header;             /* "X-Maintenance" */
	struct reply_header *add_headers;
	size_t               add_header_count;
	const struct zone   *zone;
	struct hand_back     hand_back;
	const struct rules  *rules;                     /* for cors_origins */
};

/*
 * Builds the reply to `request`; `ticket` is the one that the verdict is about, if it is about one.  Never leaves the
 * caller without one: when the arena is full it is the built-in 503.  Any thread, with an arena of its own.
 * False when the verdict could not be carried out: a pass or a login that this server has no way to relay, so that the
 * visitor is held.
 */
bool answer_build(const struct answers *answers, const struct request *request, const struct condition *condition,
         const struct verdict *verdict, const struct shown_ticket *ticket, int64_t now, struct arena *arena,
         struct reply *reply);

#endif
