/*
 * A file that is one text while any site is in maintenance, and another or none while none is: configuration that a
 * server watches, such as Traefik's.  Lines of the first may be for a site, a mode or bypass.off alone: see gate_part.
 * The gateway looks once a second, wardenctl whenever it switches, and upkeep.
 */
#ifndef UPKEEP_GATE_FILE_H
#define UPKEEP_GATE_FILE_H

#include "policy/policy.h"

/*
 * Makes the file what the state wants; nothing is written while it is right, and nothing done without gate_file.
 * Returns 0, or a negative errno about policy->gate_file.  One thread.
 */
int gate_file_keep(const struct policy *policy, int64_t now, struct arena *arena);

#endif
