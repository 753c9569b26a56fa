/* Whether text is UTF-8 (RFC 3629).  Any thread. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

/* False for overlong forms, surrogates and anything above U+10FFFF. */
bool utf8_valid(struct str s);

#endif
