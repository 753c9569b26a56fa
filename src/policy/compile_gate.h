/* Compiling gate_file, gate_on and gate_off.  For compile.c alone, after the sites; one thread. */
#ifndef POLICY_COMPILE_GATE_H
#define POLICY_COMPILE_GATE_H

#include "policy/policy.h"

/* Fills policy->gate_file, ->gate_parts and ->gate_off. */
void compile_gate(struct values *values, struct policy *policy);

#endif
