/*
 * What a process that serves may take of the machine.
 *
 *   memory        libfcgi keeps every parameter that a peer sends, and ends the process when there is no memory left:
 *                 so there is a limit (RLIMIT_DATA), and whoever started the process starts another one
 *   descriptors   as many as there may be connections, as far as the system lets
 *   arenas        two of malloc's, whatever the number of threads, or each thread keeps what it once needed
 */
#ifndef FRONT_LIMITS_H
#define FRONT_LIMITS_H

#include "policy/policy.h"

/*
 * Sets them for this process.  To be called before there are threads, with everything loaded: what is there by then is
 * the measure of a policy.  A limit that is lower already stays.  In a sanitizer build memory has no limit: such a
 * program maps all there is.
 */
void   limits_set(const struct policy *policy);

/*
 * The bytes of memory that a process may take of its own, when it has `own` before the first thread, and the stack of
 * a thread has `stack` bytes where the program does not say otherwise.
 */
size_t limits_memory(const struct policy *policy, size_t own, size_t stack);

#endif
