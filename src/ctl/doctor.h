/* What the checks of wardenctl doctor share: the site as the files say it is, asking it, and telling what was found. */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "ctl/probe.h"
#include "ctl/standing.h"
#include "policy/values.h"

enum finding { FINDING_OK, FINDING_NOTE, FINDING_PROBLEM };

struct doctor;

/* When a check applies. */
enum { DOCTOR_OFF = 1, DOCTOR_ON = 2, DOCTOR_HELD = 4, DOCTOR_TRIED = 8 };

/* One check: a row in doctor.c. */
struct doctor_check {
	const char *name;
	unsigned    when;               /* DOCTOR_OFF, DOCTOR_ON; DOCTOR_HELD: only where a plain request is held */
	void      (*look)(struct doctor *doctor);
	const char *remedy;             /* of its problems, where the check names no other */
};

/* What the site answered while it was off, for comparing; statuses are 0 where nobody asked. */
struct doctor_seen {
	int        get, post, range;
	struct str file;                /* a file that its page loads; empty where none was found */
};

struct doctor {
	struct ctl      *ctl;
	struct site     *site;
	const struct section *section;  /* the site's texts in the INI; NULL when they cannot be read */
	struct standing  standing;
	struct str       origin;        /* "https://shop.example.com" */
	struct str       target;        /* "/cart" */
	struct str       base;          /* "/shop/": the site is below it */
	const char      *echo;          /* --echo, or NULL */
	bool             toggle;
	bool             held;          /* a plain request is, with the gate's page */
	int              status;        /* that held requests should have */
	const char      *method;        /* of requests that are to be held: POST where mode is read-only */
	struct probe_answer plain;      /* to the first request of this state */
	struct doctor_seen  off;
	struct str       ticket;        /* empty until a check wants one, and where none can be made */
	bool             ticket_tried, ticket_passes;
	const struct doctor_check *check;       /* that is looking */
	json_t          *list;          /* of --json */
	unsigned         problems;
	int64_t          deadline;      /* of clock_monotonic_ms() */
	int              system_error;  /* curl cannot be used: -errno */
	unsigned         unanswered;    /* requests in a row */
};

/* A remedy in the words of the server that answers; `any` for the others, and where the server's own is NULL. */
struct doctor_remedy {
	const char *any, *apache, *nginx, *lighttpd;
};

/* Where the page is stored, or may be. */
extern const struct doctor_remedy doctor_stored;

/* Each prints one line, or adds one object to the JSON.  `remedy` NULL: the check's. */
void doctor_ok(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void doctor_note(struct doctor *d, const char *remedy, const char *format, ...) __attribute__((format(printf, 3, 4)));
void doctor_problem(struct doctor *d, const char *remedy, const char *format, ...)
         __attribute__((format(printf, 3, 4)));

/*
 * Sends `probe`, filling in the URL and the time limit where they are missing.  False when there was no answer; after
 * several of these, at the end of the time, and after a signal, nothing is sent any more.
 */
bool doctor_ask(struct doctor *d, struct probe *probe, struct probe_answer *ret);
bool doctor_stopped(const struct doctor *d);

/* Whether the answer is the gate's: its marker header says that maintenance is active. */
bool doctor_is_page(const struct doctor *d, const struct probe_answer *answer);

/* The same, with the status that the plain request got. */
bool doctor_is_held(const struct doctor *d, const struct probe_answer *answer);

const char *doctor_by_server(const struct doctor *d, const struct doctor_remedy *remedy);

/* "503 without the gate's marker X-Maintenance": what an answer is, in words. */
struct str doctor_words(const struct doctor *d, const struct probe_answer *answer);

/* The items of a list key of the site, as the INI has them; none where it cannot be read. */
const struct value *doctor_value(const struct doctor *d, enum key key);

/* Whether a GET of that path is to be let through: open_path, open_defaults. */
bool doctor_is_open(const struct doctor *d, struct str path);

/* Whether this machine's end of the connection is in the set, and so what it sees is not what others see. */
bool doctor_is_local(const struct doctor *d, const struct cidr_set *set);

/* The URL's target with a query that nobody has asked for: no cache in front has an answer stored. */
struct str doctor_fresh_target(struct doctor *d);

/* The site that takes `target` of the URL's host. */
struct site *doctor_site_of(struct doctor *d, struct str target);

/* "X-Maintenance-Ticket: ID" of a fresh ticket; empty after saying why there is none. */
struct str doctor_ticket_header(struct doctor *d);

/* doctor_answer.c: what visitors get */
void doctor_look_off(struct doctor *d);
void doctor_look_held(struct doctor *d);
void doctor_look_retry_after(struct doctor *d);
void doctor_look_cache(struct doctor *d);
void doctor_look_vary(struct doctor *d);
void doctor_look_json(struct doctor *d);
void doctor_look_head(struct doctor *d);
void doctor_look_post(struct doctor *d);
void doctor_look_cover(struct doctor *d);
void doctor_look_status(struct doctor *d);
void doctor_look_back(struct doctor *d);

/* doctor_forge.c: what an outsider may try */
void doctor_look_addresses(struct doctor *d);
void doctor_look_parameters(struct doctor *d);
void doctor_look_secret(struct doctor *d);
void doctor_look_paths(struct doctor *d);

/* doctor_bypass.c: who is let in, and whether their request is whole */
void doctor_look_ticket(struct doctor *d);
void doctor_look_link(struct doctor *d);
void doctor_look_body(struct doctor *d);
void doctor_look_range(struct doctor *d);
void doctor_note_off_answers(struct doctor *d);

#endif
