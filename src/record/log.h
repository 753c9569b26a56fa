/*
 * The diagnostic log: one line per event, to standard error, syslog or a file.
 * Only front/, ctl/ and the mains write to it; what comes from outside is escaped.  Any thread.
 */
#ifndef RECORD_LOG_H
#define RECORD_LOG_H

#include <stdatomic.h>

#include "base/str.h"
#include "policy/policy.h"

/*
 * Opens "stderr", "syslog" or a path, and closes what was open.  Returns 0, or -errno: then the log goes where it went.
 */
int  log_open(struct str where, enum log_level level);

/* Opens a log file again after it was rotated. */
void log_reopen(void);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line that is complete in itself, such as JSON: written as it is. */
void log_line(struct str line);

/* True at most once in `seconds`, for lines that every request would write.  `last` is 0 at first. */
bool log_now_and_then(_Atomic(int64_t) *last, int64_t now, int64_t seconds);

#endif
