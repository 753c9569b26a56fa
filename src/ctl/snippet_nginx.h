/* What the kinds for nginx share.  All of it is for one snippet, by one thread; texts live as long as its arena. */
#ifndef CTL_SNIPPET_NGINX_H
#define CTL_SNIPPET_NGINX_H

#include "ctl/snippet.h"

/* `text` as one word of nginx.conf, in quotes; NULL when out of memory. */
const char *nginx_quoted(const struct snippet *snippet, struct str text);

/* The site of requests that belong to no other. */
const struct snippet_site *nginx_default_site(const struct snippet *snippet);

/* Whether `site` can hold: it is not switched off, and requests belong to it. */
bool nginx_can_hold(const struct snippet *snippet, const struct snippet_site *site);

/* "X-Maintenance" as the end of a variable: "x_maintenance"; NULL when out of memory. */
const char *nginx_variable_of(const struct snippet *snippet, struct str header);

/* For asking kinds: $maintenance, which tells a held request from the site's own 401. */
void nginx_print_markers(const struct snippet *snippet, FILE *out);

/* Within the location that asks: that nobody is asked while no flag is there. */
void nginx_print_flag_check(const struct snippet *snippet, FILE *out);

/* How such a part begins; `flag` where it asks only while a flag is there. */
void nginx_print_asking_words(bool flag, FILE *out);

/* The end of a location that has the gateway render the page by FastCGI. */
void nginx_print_page_pass(const struct snippet *snippet, FILE *out);

#endif
