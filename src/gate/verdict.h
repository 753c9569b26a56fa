/* What was decided, and why. */
#ifndef GATE_VERDICT_H
#define GATE_VERDICT_H

#include <stdint.h>

enum reason {
#define REASON(name, word, sentence) REASON_##name,
#include "gate/reasons.def"
#undef REASON
	REASON_COUNT
};

/* LOGIN: the request follows a ticket's link, and is answered by a redirect that sets the cookie. */
enum outcome { OUTCOME_PASS, OUTCOME_HOLD, OUTCOME_ENDPOINT, OUTCOME_LOGIN };

struct verdict {
	enum outcome outcome;
	enum reason  reason;
	int          rule;              /* number of the rule that matched, or -1 */
};

const char *reason_word(enum reason reason);            /* "address" */
const char *reason_sentence(enum reason reason);        /* "address is allowed" */

#endif
