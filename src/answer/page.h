/*
 * Pages: text with Mustache variables {{x}} and sections {{#x}}..{{/x}}, {{^x}}..{{/x}}, taken apart once when
 * they are loaded.  Rendering gives pieces: literals point into the page, values are escaped for where they stand.
 * A page is frozen after page_compile(): any thread renders it.
 */
#ifndef ANSWER_PAGE_H
#define ANSWER_PAGE_H

#include "answer/negotiate.h"
#include "base/arena.h"

#define PAGE_MAX       (1024 * 1024)    /* bytes of a page file */
#define PAGE_PARTS_MAX 400              /* literals, variables and section marks of one page */

/* PAGE_VARIABLE(NAME, name in pages): the one list of them. */
#define PAGE_VARIABLES(V) \
	V(TITLE, "title") V(MESSAGE, "message") V(STEP, "step") V(UNTIL, "until") V(UNTIL_UTC, "until_utc") \
	V(RETRY_AFTER, "retry_after") V(ID, "id") V(REQUEST_ID, "request_id") V(CONTACT, "contact") \
	V(LINK, "link") V(OVERRUN, "overrun") V(STATUS, "status")

enum page_variable {
#define V(name, word) PAGE_##name,
	PAGE_VARIABLES(V)
#undef V
	PAGE_VARIABLE_COUNT
};

struct page_values {
	struct str v[PAGE_VARIABLE_COUNT];
};

struct page;

/*
 * Takes `text` apart; it must live as long as the page, which is in `arena`.  Returns 0; -EINVAL with a sentence in
 * `*ret_wrong` (in `arena`) and its line in `*ret_line`; or -ENOMEM.
 */
int page_compile(struct str text, enum format format, struct arena *arena, const struct page **ret,
        const char **ret_wrong, unsigned *ret_line);

/*
 * Renders into `*ret_pieces` (in `arena`).  Returns 0, or -ENOMEM when the arena is full.
 */
int page_render(const struct page *page, const struct page_values *values, struct arena *arena,
        const struct str **ret_pieces, size_t *ret_count);

/*
 * The Content-Security-Policy that allows exactly the page's inline <style> and <script>, and talking to its own site.
 */
struct str page_security_policy(struct str text, struct arena *arena);

/* The same of a page whose elements' SHA-256 are known, in base64; empty for what it does not have. */
struct str page_security_policy_of(struct str style, struct str script, struct arena *arena);

#endif
