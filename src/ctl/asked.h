/*
 * A request as an operator describes it: for explain and plan.  One thread.
 */
#ifndef CTL_ASKED_H
#define CTL_ASKED_H

#include "ctl/ctl.h"
#include "policy/values.h"

/* The request.  Its texts are in `arena`, or where the caller has them. */
struct asked {
	struct arena      *arena;
	struct raw_request raw;
	bool               host_by_url; /* headers[0] is the URL's; a header Host takes its place */
	struct str         url;         /* as it was given, without the ID of a ticket */
	const char        *wrong;       /* after -EINVAL: a sentence; never a header's value, which may be a secret */
};

/* GET / from 127.0.0.1, as an authorizer would ask. */
void asked_begin(struct asked *asked, struct arena *arena);

/* All return 0, or -EINVAL with asked->wrong.  The target comes before any header. */
int  asked_target(struct asked *asked, struct str method, struct str url);
int  asked_from(struct asked *asked, struct str address);
int  asked_header(struct asked *asked, struct str line);         /* "Name: value" */
int  asked_param(struct asked *asked, struct str pair);          /* "WARDEN_USER=anna" */

/* `METHOD URL [from ADDR] [user NAME] [header "Name: value"]...`, the method may be left out. */
int  asked_line(struct asked *asked, struct str line);

/* "X-Forwarded-For" of "X_FORWARDED_FOR". */
struct str asked_header_name(struct str cgi_name, struct arena *arena);

/*
 * Takes each "--NAME VALUE" and "--NAME=VALUE" out of the arguments, for options that may come several times; `ret`
 * has room for all arguments.  Returns how many there were.
 */
size_t asked_take_option(int *argc, char **argv, const char *name, const char **ret);

/* "shop", or "[site]" for the one without a name. */
struct str asked_site_name(const struct site *site);

/* The INI's texts, for the words of rules: the policy keeps only what decides.  NULL when it cannot be read. */
const struct values  *asked_values(const char *path, struct arena *arena);
const struct section *asked_section(const struct values *values, struct str site);

#endif
