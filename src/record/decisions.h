/* One JSON line per decision, for those who must show who was held and who was not.  Any thread. */
#ifndef RECORD_DECISIONS_H
#define RECORD_DECISIONS_H

#include "policy/decision.h"

/* Writes the line if the policy's log_decisions wants it.  No secret is ever in it. */
void decisions_log(const struct policy *policy, const struct request *request, const struct decision *decision,
         const struct reply *reply, int64_t now);

/* The same for a request that nothing was decided about, for it is not whole or too large; its reason is "refused". */
void decisions_log_refused(const struct policy *policy, const struct raw_request *raw, int status, int64_t now);

#endif
