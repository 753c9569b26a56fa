/* The keys of the INI file, from the one list in keys.def.  Constant data: any thread. */
#ifndef POLICY_KEYS_H
#define POLICY_KEYS_H

#include "base/str.h"

enum key {
#define KEY(name, scope, text, kind, range, standard, help) KEY_##name,
#include "policy/keys.def"
#undef KEY
	KEY_COUNT
};

/* Which sections a key belongs to: [gateway], [site] and [site.NAME], [site.NAME] alone, and so on. */
enum key_scope { SCOPE_GATEWAY, SCOPE_SITE, SCOPE_NAMED, SCOPE_POLICY, SCOPE_PROFILE, SCOPE_WINDOW, SCOPE_COUNT };
enum key_kind  { KIND_TEXT, KIND_LOCAL, KIND_LIST, KIND_NUMBER, KIND_SPAN, KIND_WORD };

struct key_row {
	enum key_scope scope;
	struct str     name;
	enum key_kind  kind;
	const char    *range;
	struct str     standard;        /* the default, as it would stand in the file */
	const char    *help;
};

extern const struct key_row key_rows[KEY_COUNT];

/* What a word in a section means: a key, its "_file" twin, or its form for one language. */
struct key_name {
	enum key   key;
	bool       twin;
	struct str language;            /* of "message.de"; else empty */
};

/* False when `word` is no key of a section of that scope.  SCOPE_NAMED has the keys of SCOPE_SITE too. */
bool key_find(struct str word, enum key_scope scope, struct key_name *ret);

/* A language as it stands behind the "." of a key: lower case letters, digits and "-", 2 to KEY_LANGUAGE_MAX. */
#define KEY_LANGUAGE_MAX 16
bool key_language_valid(struct str s);

/* The key of that scope that `word` is most like, or NULL when none is near. */
const struct key_row *key_suggest(struct str word, enum key_scope scope);

/* True for a word that is a key anywhere; of the type ini_known_key. */
bool key_known(struct str word);

/* The index of `word` in "a|b|c", or -1. */
int  key_word_index(const char *words, struct str word);

#endif
