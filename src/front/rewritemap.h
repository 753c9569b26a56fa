/*
 * The program behind Apache's RewriteMap "prg:": a request a line on standard input, "pass" or another word a line on
 * standard output.  Apache asks one at a time and waits as long as it takes, so a parent that parses nothing stands
 * before the worker that decides: whatever becomes of the worker, each line is answered.
 */
#ifndef FRONT_REWRITEMAP_H
#define FRONT_REWRITEMAP_H

#include "gate/request.h"

#define REWRITEMAP_LINE_MAX   (192 * 1024)      /* bytes; a longer one is answered "unreadable" */
#define REWRITEMAP_FIELDS_MAX 64

/*
 * Reads "NAME=value NAME=value ...": parameters as in CGI, values percent-escaped by mod_rewrite's int:escape, and
 * THE_REQUEST, which becomes REQUEST_METHOD and REQUEST_URI.  A header that is empty did not come, but for Host.
 * Decodes in place: `ret` points into `line`, which has room for a NUL behind `len`.  False when it is no such line.
 */
bool rewritemap_read(char *line, size_t len, struct raw_request *ret);

/* Answers until standard input ends, by the INI at `config`.  Returns the exit code. */
int  rewritemap_run(const char *config);

#endif
