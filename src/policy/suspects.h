/*
 * Lines of the INI that mean something, and look as if they were meant to mean more: a key or a section that ended up
 * in a comment, or in the value of the line before.  One thread.
 */
#ifndef POLICY_SUSPECTS_H
#define POLICY_SUSPECTS_H

#include "base/ini.h"

/* Adds a warning for each such line of `ini`, a file that was read whole and is sound. */
void suspects_find(const struct ini *ini, struct problems *problems);

#endif
