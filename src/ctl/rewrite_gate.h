/*
 * A policy as rules of mod_rewrite, for a <VirtualHost> or for .htaccess: what snippet_apache.c's kinds are made of.
 * What cannot be had is noted in the rules, and rewrite_print() says so.
 */
#ifndef CTL_REWRITE_GATE_H
#define CTL_REWRITE_GATE_H

#include "ctl/rewrite_rules.h"
#include "ctl/snippet.h"

/* Only the first pass decides: mod_dir, the site's own rules and error pages ask again for another path. */
#define GATE_DECIDED "MW_PASS"

/* All that is written for one snippet. */
struct rewrite_gate {
	struct snippet      *s;
	struct rewrite_rules rules;
	bool                 htaccess;
	bool                 many;      /* sites: which of them a request belongs to is a question */
	struct rewrite_place passed, end;
};

/* The whole policy, judged by mod_rewrite alone.  False when out of memory. */
bool gate_print(struct rewrite_gate *gate, FILE *out);

/* --- the parts of it --- */

/* Where FastCGI goes, in quotes. */
const char *gate_target(const struct snippet *s);

/* The state as JSON is never held. */
void gate_write_status(struct rewrite_gate *gate);

/* While no site has a flag, nothing more is looked at: skips to `end`. */
void gate_write_off(struct rewrite_gate *gate);

/* What has passed once skips to `passed`. */
void gate_write_decided(struct rewrite_gate *gate);

/*
 * The rule that leads `path`, a pattern, to the page of `site`, or where that is NULL of the one that the gateway
 * finds.  An error page's program finds what is set here under REDIRECT_.
 */
void gate_write_page(struct rewrite_gate *gate, const char *path, const struct snippet_site *site);

/* The end of all rules. */
void gate_write_passed(struct rewrite_gate *gate);

#endif
