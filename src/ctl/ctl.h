/*
 * What the commands of wardenctl share: the configuration, the site they are about, output for people and for programs,
 * errors that say what to do, and writing to the journal.  One thread; what is allocated lives until the end.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>

#include "policy/policy.h"

/* Exit codes, for scripts: they never change. */
enum ctl_exit { CTL_YES = 0, CTL_NO = 1, CTL_USAGE = 2, CTL_SYSTEM = 3 };

/* An option of a command.  Exactly one of `text` and `flag` is not NULL; `argument` names a text's value in the help.
 */
struct ctl_option {
	const char  *name;              /* "for", without the dashes; NULL ends the list */
	const char  *argument;
	const char **text;
	bool        *flag;
	const char  *help;
};

struct command;

struct ctl {
	const struct command *command;
	const char    *config;          /* the INI that was found */
	struct policy *policy;
	struct arena  *arena;
	struct problems problems;       /* of loading the INI */
	int64_t        now;             /* UTC seconds, read once */
	/* options that every command has */
	const char    *site_name;       /* --site; NULL: every site */
	const char    *by;              /* --by; NULL: the caller */
	bool           json, quiet;
	bool           colour;          /* standard output is a terminal */
	int            lock;            /* descriptor of ctl_lock() */
};

/* One command: a row in commands.c. */
struct command {
	const char *name;
	const char *arguments;          /* for the usage line: "[--for 2h] ..." */
	const char *summary;            /* one line */
	int       (*run)(struct ctl *ctl, int argc, char **argv);
	bool        without_policy;     /* loads the INI itself, or needs none */
};

extern const struct command commands[];
extern const size_t         command_count;

/*
 * Parses the arguments of a command, argv[0] being its name: its own options and the ones that all have.  Options and
 * operands may be mixed; "--" ends the options.  Operands are moved to the front of argv[1...], their number is in
 * `*ret_count`.  Returns -1 to go on; else the command's exit code: --help was printed, or an error that says what was
 * expected (also when there are fewer operands than `least` or more than `most`).
 */
int  ctl_parse(struct ctl *ctl, const struct ctl_option *options, int argc, char **argv, int least, int most,
         int *ret_count);

/*
 * Whether --help or -h stands before a "--", also where a value is expected: then no INI is read, ctl_parse() prints
 * the help, and nothing else is done.  Who means such a value writes --message=-h.
 */
bool ctl_asks_for_help(int argc, char **argv);

/* "wardenctl: SENTENCE" to standard error; returns `code`, so that a command can end with it. */
int  ctl_fail(enum ctl_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "wardenctl: cannot WHAT PATH: reason", and in a second line what to do about it; returns CTL_SYSTEM. */
int  ctl_fail_file(const char *what, const char *path, int rc);

/* What others wrote, for a terminal: control characters are blanks. */
struct str ctl_clean(struct arena *arena, struct str text);

/* Prints to standard output, unless --quiet or --json. */
void ctl_say(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the object as indented JSON and lets go of it. */
void ctl_print_json(json_t *object);

/* Escape sequences for a terminal, or "" where there is none. */
const char *ctl_bold(const struct ctl *ctl);
const char *ctl_red(const struct ctl *ctl);
const char *ctl_green(const struct ctl *ctl);
const char *ctl_plain(const struct ctl *ctl);

/*
 * Whether anything was ever refused memory: then texts and objects may lack something.  What is short is not written,
 * and no command that was short ends with success.
 */
bool ctl_is_short(const struct ctl *ctl);

/*
 * Two operators at once: what one has read the other must not change before it is written.  Waits up to two seconds,
 * then goes on without: nothing may keep an emergency from being declared.  The lock is on the state folder itself.
 */
void ctl_lock(struct ctl *ctl);
void ctl_unlock(struct ctl *ctl);

/* Keeps gate_file at once, for the server that watches it; tells what fails, and the gateway tries it each second. */
void ctl_show_server(struct ctl *ctl);

/* The site of --site, or [site] without it.  NULL after an error that names the sites that there are. */
struct site *ctl_site(struct ctl *ctl);

/* "every site" or "site shop". */
struct str ctl_site_words(const struct ctl *ctl);

/* Who does it: --by, else who is at the keyboard: SUDO_USER, else the user's name, else its number.  Never empty. */
struct str ctl_who(struct ctl *ctl);

/* "1 h 56 m", "45 s", "3 d 2 h": a span in seconds, for people. */
struct str ctl_span(struct arena *arena, int64_t seconds);

/* "2026-12-15 04:00 CET (in 2 h)" or "(2 h ago)". */
struct str ctl_time(const struct ctl *ctl, int64_t time, const struct zone *zone);

/* RFC 3339 in UTC as JSON, or null for TIME_NONE. */
json_t *ctl_json_time(int64_t time);
json_t *ctl_json_str(struct str s);             /* null when empty; never NULL */

/*
 * A time as an operator gives it: "2026-12-15 04:00", "2026-12-15T04:00Z", "04:00" (the next one in `zone`), or "+30m"
 * from `base`.  Returns 0 or -EINVAL.
 */
int  ctl_parse_time(const struct ctl *ctl, const char *text, int64_t base, const struct zone *zone, int64_t *ret);

/* DIR/NAME in the state folder; never NULL, but empty, which is nowhere, when out of memory. */
const char *ctl_state_path(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Writes an event to the journal: "event", "site" (null: every site), "by", "uid", and the members of `more` (may be
 * NULL; let go of).  A journal that cannot be written is said on standard error, and never keeps anything from
 * happening: the state was changed before.  Returns 0 or -errno.
 */
int  ctl_journal(struct ctl *ctl, const char *event, struct str site, json_t *more);

#endif
