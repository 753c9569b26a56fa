/* What the commands that look back share: members of the journal's records, and --since.  One thread. */
#ifndef CTL_PAST_H
#define CTL_PAST_H

#include "ctl/ctl.h"

/* A text member, as long as the record lives; empty, with `.p` NULL, where there is none. */
struct str past_str(const json_t *record, const char *name);

/* A time member, UTC seconds.  The journal has its times in UTC, with a Z; anything else is TIME_NONE. */
int64_t past_time(const json_t *record, const char *name);

/*
 * --since: a span back from now, a day, or a time that was; TIME_NONE for NULL, which is all.  Returns 0, or CTL_USAGE
 * after an error that says what was expected.
 */
int past_since(const struct ctl *ctl, const char *text, int64_t *ret);

#endif
