/* The parts of lighttpd's scripts that are the same for every policy: lighttpd_*.lua, made into snippet_lua.c. */
#ifndef CTL_SNIPPET_LUA_H
#define CTL_SNIPPET_LUA_H

extern const char snippet_lighttpd_flags[];     /* look(): which sites are on; what the others stand on */
extern const char snippet_lighttpd_gate[];      /* judges by itself */
extern const char snippet_lighttpd_ask[];       /* says whether the gateway is to be asked */

#endif
