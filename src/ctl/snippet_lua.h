/* The part of lighttpd's gate that is the same for every policy: lighttpd_gate.lua, made into snippet_lua.c. */
#ifndef CTL_SNIPPET_LUA_H
#define CTL_SNIPPET_LUA_H

extern const char snippet_lua[];

#endif
