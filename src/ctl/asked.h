/*
 * A request as an operator describes it, and what the gateway would decide about it: for explain and plan.  Deciding
 * does the steps of a front, with the same functions.  One thread.
 */
#ifndef CTL_ASKED_H
#define CTL_ASKED_H

#include "ctl/ctl.h"
#include "gate/offer.h"
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

/* One view of a policy's flags and windows. */
struct asker {
	const struct policy *policy;
	struct watches       watches;
	int64_t              now;
	bool                 forced;    /* as if maintenance were on wherever nothing keeps it off */
};

int  asker_init(struct asker *asker, const struct policy *policy, int64_t now);  /* 0 or -ENOMEM */
void asker_clear(struct asker *asker);

/* All that was found out about one request.  Not to be copied: the condition points into itself. */
struct decided {
	struct request      request;
	const struct site  *site;
	enum enabled        enabled;    /* the site's, or what the server's parameter says */
	struct condition    condition;
	struct verdict      verdict;
	struct trace        trace;
	struct offers       offers;
	bool                has_ticket;
	struct shown_ticket ticket;
	struct reply        reply;
	struct str          sites;      /* "shop passes, blog holds", where several were asked */
	bool                passes;     /* also a ticket's link, when it is answered by its redirect */
};

/* Decides and builds the reply, in `arena`.  0, or -E2BIG when the arena is full. */
int  asked_decide(struct asker *asker, const struct raw_request *raw, struct arena *arena, struct decided *ret);

/* The condition of a site that is on for no other reason than that it is asked what then would be. */
void asked_force_on(const struct condition_rules *rules, int64_t now, struct condition *ret);

/* "shop", or "[site]" for the one without a name. */
struct str asked_site_name(const struct site *site);

/* The INI's texts, for the words of rules: the policy keeps only what decides.  NULL when it cannot be read. */
const struct values  *asked_values(const char *path, struct arena *arena);
const struct section *asked_section(const struct values *values, struct str site);

#endif
