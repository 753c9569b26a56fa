/* The public status of a site, for programs: GET /.maintenance/status.  Any thread. */
#ifndef ANSWER_STATUS_H
#define ANSWER_STATUS_H

#include "answer/answer.h"

/*
 * JSON with on, site, mode, id, since, until, message, step, overrun: no rules, no secrets.  Times are RFC 3339 in UTC.
 */
void status_build(const struct answers *answers, const struct condition *condition, struct arena *arena,
         struct reply *reply);

#endif
