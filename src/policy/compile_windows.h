/* Compiling [policy], [profile.*] and the windows.  For compile.c alone, after the sites; one thread. */
#ifndef POLICY_COMPILE_WINDOWS_H
#define POLICY_COMPILE_WINDOWS_H

#include "policy/policy.h"

/* Fills policy->planning, ->profiles and ->windows, and gives each site its windows. */
void compile_windows(struct values *values, struct policy *policy);

#endif
