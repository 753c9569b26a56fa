/*
 * The policy: all that the INI file says, compiled.  Immutable once made, but for what the flags were last known to
 * be; shared by all threads; freed when nobody holds it any more (store.h counts).
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "answer/answer.h"
#include "base/table.h"
#include "policy/planning.h"
#include "policy/values.h"
#include "state/condition.h"

enum enabled_from { ENABLED_FROM_FILE, ENABLED_FROM_ENVIRONMENT, ENABLED_FROM_PARAMETER };
enum log_level    { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_decisions { LOG_DECISIONS_NONE, LOG_DECISIONS_HELD, LOG_DECISIONS_ALL };

/* How a proxy that asks over HTTP says what it asks about; each reads its own header fields and no others. */
enum forward_headers { FORWARD_X_FORWARDED, FORWARD_X_ORIGINAL_URL, FORWARD_X_ORIGINAL_URI };

#define GATE_FILE_MAX   ((size_t)1024 * 1024)   /* bytes */

struct site {
	struct str             name;            /* "shop"; empty for [site] */
	const struct str      *hosts;           /* none: any host */
	size_t                 host_count;
	struct str             path;            /* ends in "/" */
	struct str             url;             /* "https://shop.example.com/shop/"; empty where nobody said */
	bool                   is_default;
	bool                   tickets;         /* are taken */
	int64_t                ticket_max;      /* seconds */
	const char            *check_command;   /* NULL for none */
	struct str             state_dir;       /* the policy's */
	enum enabled_from      enabled_from;
	struct condition_rules condition;
	struct rules           rules;
	struct answers         answers;
};

/* A site's path below one of its hosts. */
struct site_place {
	struct str   host;              /* "shop.example"; ".example" of *.example; empty for any */
	struct str   path;              /* without its final "/" */
	struct site *site;
	size_t       peers;             /* places of this host from here on, this one too */
	size_t       longest;           /* bytes of the longest path among them */
};

/* Where policy_site_find() looks, so that a thousand sites cost what one does. */
struct site_index {
	struct table       names;       /* to a number in policy->sites */
	struct table       hosts;       /* to the first of its places */
	struct site_place *places;      /* sorted by host, then path */
	size_t             place_count;
	size_t             wildcard;    /* bytes of the longest host that begins with a dot; 0: none does */
	struct site       *standard;    /* for what is no other's */
};

/* Prepared content, for one command in an emergency. */
struct profile {
	struct str       name;
	int64_t          duration;              /* seconds; 0 for no end */
	struct flag_body body;
};

/* The last good text of each page file, for when a new one is broken. */
struct page_text {
	struct page_text *next;
	struct str        path, text;
};

struct builtin_file;

/* A built-in page that some site shows, taken apart. */
struct builtin {
	struct builtin            *next;
	const struct builtin_file *file;
	const struct page         *page;
	struct str                 security_policy;     /* of HTML */
};

enum gate_bypass { GATE_BYPASS_ANY, GATE_BYPASS_ON, GATE_BYPASS_OFF /* bypass.off is there */ };

/* Lines of gate_on that stand in gate_file while the state is so. */
struct gate_part {
	const struct site *site;        /* is on; NULL: while any is */
	enum mode          mode;        /* its mode; MODE_UNSET: any */
	enum gate_bypass   bypass;
	struct str         text;
};

struct policy {
	unsigned            holders;            /* counted by the store, under its mutex */
	struct arena       *arena;              /* all of it, but for the sets and zones */
	struct str          file;
	/* [gateway] */
	struct str          listen, socket_group, user, log, hooks_dir;
	struct str          http_listen;
	size_t              http_connections, http_per_address;
	unsigned            http_timeout;       /* seconds */
	enum forward_headers forward_headers;
	unsigned            socket_mode;
	struct str          control_listen;     /* a path, or a loopback address with a port; empty: none */
	const char         *control_token_file; /* NULL for none: then nothing can be changed by the control API */
	const char         *wardenctl;          /* NULL: beside the gateway's own binary */
	struct str          metrics_file;       /* empty: none */
	size_t              workers, processes;
	size_t              process_memory;     /* MiB; 0: reckoned */
	struct str          state_dir;
	const char         *gate_file;          /* NULL for none */
	struct gate_part   *gate_parts;         /* of its text while on */
	size_t              gate_part_count;
	struct str          gate_off;           /* its text while off; gate_off.p NULL: no file then */
	struct trust        trust;
	struct cidr_set    *proxies;
	enum log_level      log_level;
	enum log_decisions  log_decisions;
	/* [site] first, then each [site.NAME] in the order of the file; what they inherit is that of [site] itself */
	struct site        *sites;
	size_t              site_count;
	struct site_index   site_index;
	struct flag        *flags;              /* as many as sites; [0] is maintenance.flag */
	struct flag_folder  folder;
	struct zone       **zones;              /* one a site */
	/* what is planned */
	struct planning     planning;
	struct profile     *profiles;
	size_t              profile_count;
	struct window      *windows;
	size_t              window_count;
	struct zone       **planned_zones;
	size_t              planned_zone_count;
	struct page_text   *page_texts;
	struct builtin     *builtins;
	const struct source *sources;
};

/*
 * Compiles the INI at `path`.  `previous` may be NULL; else its last known states and good pages are taken over.
 * Errors and warnings are added to `problems`, whose arena must outlive them.  Returns 0 and the policy with no
 * holder; -EINVAL when there was an error; -ENOMEM.
 */
int         policy_compile(struct str path, const struct policy *previous, struct problems *problems,
                struct policy **ret);
/*
 * The same, as if the file `trial` were the window `id` in windows.d, in place of one of that name: to try a window
 * before it is planned.
 */
int         policy_compile_trial(struct str path, struct str trial, struct str id, struct problems *problems,
                struct policy **ret);
void        policy_free(struct policy *policy);         /* NULL is fine */

/* The paths behind the words of open_defaults. */
struct open_default {
	struct str set, path;
};
extern const struct open_default open_defaults[];
extern const size_t              open_default_count;

/* Fills policy->site_index from policy->sites, in policy->arena; once.  False when there is no memory. */
bool policy_index_sites(struct policy *policy);

/* The site named `name`, or NULL. */
struct site *policy_site_named(const struct policy *policy, struct str name);

/* The first site in the file with a path and one of the hosts of `site`: `site` itself, where no other has them. */
const struct site *policy_site_first(const struct policy *policy, const struct site *site);

/*
 * The site that decides the request: named by the server, else closest host, then longest path, else the default.
 * Never NULL.  Not for requests that are odd: see policy_site_concerned().
 */
struct site *policy_site_find(const struct policy *policy, const struct request *request);

/* Whether an odd request may belong to `site`: others may read its path, or its host, so. */
bool        policy_site_concerned(const struct policy *policy, const struct site *site, const struct request *request);

#endif
