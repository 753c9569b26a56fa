/* SPDX-License-Identifier: MIT */
/*
 * Whether jansson ran out of memory.  It does not tell a text that is no JSON from one that it had no memory for, nor
 * an object that lacks a member from one that never had it; so what is built of it could lie.
 */
#ifndef BASE_JSON_MEMORY_H
#define BASE_JSON_MEMORY_H

/* Has jansson's memory watched from now on.  To be called once, before there are threads. */
void          json_memory_watch(void);

/* How often the calling thread was refused memory for JSON; compare it before and after.  0 if nothing is watched. */
unsigned long json_memory_refused(void);

#endif
