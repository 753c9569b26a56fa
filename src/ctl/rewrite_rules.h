/*
 * Lines of Apache's mod_rewrite, written so that rules can skip to a place that comes later: RewriteRule's [S=n] counts
 * rules, and here they are counted when all are known.  Quoting is that of mod_rewrite's own parser, which knows quotes
 * and no escapes.  One thread; texts live as long as the arena.
 */
#ifndef CTL_REWRITE_RULES_H
#define CTL_REWRITE_RULES_H

#include <stdio.h>

#include "base/arena.h"

/* A place in the list: the rule that comes next when it is set. */
struct rewrite_place {
	size_t number;
};

struct rewrite_rule;

struct rewrite_rules {
	struct arena        *arena;
	struct rewrite_rule *first, *last;
	size_t               count;
	FILE                *lines;     /* comments and conditions of all rules, one after another, in ... */
	char                *text;
	size_t               len;
	bool                 failed;    /* out of memory */
};

/* What it opens rewrite_print() closes. */
void rewrite_init(struct rewrite_rules *rules, struct arena *arena);

/* A line before the next rule, or behind the last: "# why", "RewriteCond ...". */
void rewrite_line(struct rewrite_rules *rules, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends a rule: "RewriteRule WHAT [FLAGS]"; `flags` may be empty. */
void rewrite_rule(struct rewrite_rules *rules, const char *what, const char *flags);

/* "RewriteRule ^ - [S=n]": goes on at `place`, which is set later. */
void rewrite_skip(struct rewrite_rules *rules, const struct rewrite_place *place, const char *flags);

/* Here: the next rule is where skips to `place` go on. */
void rewrite_here(struct rewrite_rules *rules, struct rewrite_place *place);

/* Prints all, and gives back what rewrite_init() opened.  False when memory was short. */
bool rewrite_print(struct rewrite_rules *rules, FILE *out);

/* A regular expression for a condition's pattern, to stand in double quotes. */
const char *rewrite_regex(struct arena *arena, const char *regex);

/* "^TEXT$", for any text. */
const char *rewrite_exactly(struct arena *arena, struct str text);

/* A path for a test string in double quotes, where "%1" may follow; and one for an expr's '...'. */
const char *rewrite_path(struct arena *arena, const char *path);
const char *rewrite_expr_path(struct arena *arena, const char *path);

/* Whether mod_rewrite's quoting can hold the path: without a quotation mark and control characters. */
bool rewrite_can_quote(const char *path);

/* Only what stands for itself in every quoting that the path of a socket, a program or a section goes through. */
bool rewrite_is_plain(const char *path);
#define REWRITE_PLAIN "letters, digits and /._+,@=:~-"

#endif
