/* SPDX-License-Identifier: MIT */
/*
 * state/condition.c: two flags, the site's settings and what cannot be read make one condition; where they
 * differ the stricter wins.  It is 2001-09-09 01:46:40 UTC in all tables.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/condition.h"
#include "support.h"

#define NOW      INT64_C(1000000000)
#define AT_0000  INT64_C(999993600)
#define AT_0100  INT64_C(999997200)
#define AT_0300  INT64_C(1000004400)
#define AT_0600  INT64_C(1000015200)
#define UNKNOWN  "(a link to itself)"

int suite_condition(void);

/* A site with the global flag and its own, and a worker. */
struct post {
	struct folder          folder;
	char                   paths[CONDITION_FLAGS_MAX][128];
	struct flag_folder     state;
	struct flag            flags[CONDITION_FLAGS_MAX];
	struct flag_watch      flag_watches[CONDITION_FLAGS_MAX];
	struct watches         watches;
	struct condition_rules rules;
};

static void
post_make(struct post *p)
{
	static const char *const names[] = { "maintenance.flag", "shop.flag" };

	memset(p, 0, sizeof *p);
	folder_make(&p->folder);
	p->watches.flags = p->flag_watches;
	p->state.path = p->folder.path;
	for (size_t i = 0; i < CONDITION_FLAGS_MAX; i++) {
		(void)snprintf(p->paths[i], sizeof p->paths[i], "%s/%s", p->folder.path, names[i]);
		p->flags[i].path = p->paths[i];
		p->flags[i].folder = &p->state;
		p->flags[i].number = i;
		p->rules.flags[i] = &p->flags[i];
	}
	p->rules.flag_count = CONDITION_FLAGS_MAX;
	p->rules.mode = MODE_FULL;
}

static void
post_remove(struct post *p)
{
	for (size_t i = 0; i < CONDITION_FLAGS_MAX; i++)
		flag_watch_clear(&p->flag_watches[i]);
	folder_remove(&p->folder);
}

/* NULL removes the flag, UNKNOWN makes it unreadable, all else is its body. */
static void
set_flag(struct post *p, size_t number, const char *body)
{
	const char *name = p->paths[number] + strlen(p->folder.path) + 1;

	(void)unlink(p->paths[number]);
	if (body == NULL)
		return;
	if (strcmp(body, UNKNOWN) != 0) {
		folder_write(&p->folder, name, body);
		return;
	}
	CU_ASSERT_EQUAL(symlink(name, p->paths[number]), 0);
}

static struct condition *
read_it(struct post *p, struct condition *condition)
{
	condition_read(&p->watches, &p->rules, p->rules.enabled, NOW, condition);
	return condition;
}

static const struct {
	const char *say, *global, *own;
	enum mode   site_mode;
	int         site_share;
	bool        on;
	enum mode   mode;
	int         share;
	int64_t     until;
} combined[] = {
	{ "no flag: off", NULL, NULL, MODE_FULL, 0, false, MODE_FULL, 0, TIME_NONE },
	{ "the global flag holds every site", "", NULL, MODE_FULL, 0, true, MODE_FULL, 0, TIME_NONE },
	{ "the site's own holds it too", NULL, "", MODE_FULL, 0, true, MODE_FULL, 0, TIME_NONE },
	{ "both", "", "", MODE_FULL, 0, true, MODE_FULL, 0, TIME_NONE },
	{ "the mode of the site where no flag says one", "", NULL, MODE_READ_ONLY, 0, true, MODE_READ_ONLY, 0,
	    TIME_NONE },
	{ "a flag may be stricter than the site", "mode = full", NULL, MODE_READ_ONLY, 0, true, MODE_FULL, 0,
	    TIME_NONE },
	{ "a flag may be looser than the site", "mode = read-only", NULL, MODE_FULL, 0, true, MODE_READ_ONLY, 0,
	    TIME_NONE },
	{ "both read-only", "mode = read-only", "mode = read-only", MODE_FULL, 0, true, MODE_READ_ONLY, 0, TIME_NONE },
	{ "the stricter of two modes, global", "mode = full", "mode = read-only", MODE_FULL, 0, true, MODE_FULL, 0,
	    TIME_NONE },
	{ "the stricter of two modes, own", "mode = read-only", "mode = full", MODE_FULL, 0, true, MODE_FULL, 0,
	    TIME_NONE },
	{ "an empty flag beside it has the site's mode", "mode = read-only", "", MODE_FULL, 0, true, MODE_FULL, 0,
	    TIME_NONE },
	{ "the share of the site", "", NULL, MODE_FULL, 20, true, MODE_FULL, 20, TIME_NONE },
	{ "the share of the flag", "share = 50", NULL, MODE_FULL, 20, true, MODE_FULL, 50, TIME_NONE },
	{ "a flag may say nobody", "share = 0", NULL, MODE_FULL, 20, true, MODE_FULL, 0, TIME_NONE },
	{ "the smaller of two shares, global", "share = 10", "share = 50", MODE_FULL, 0, true, MODE_FULL, 10,
	    TIME_NONE },
	{ "the smaller of two shares, own", "share = 50", "share = 10", MODE_FULL, 0, true, MODE_FULL, 10, TIME_NONE },
	{ "an empty flag beside it has the site's share", "share = 50", "", MODE_FULL, 20, true, MODE_FULL, 20,
	    TIME_NONE },
	{ "the end of the flag", "until = 2001-09-09 03:00Z", NULL, MODE_FULL, 0, true, MODE_FULL, 0, AT_0300 },
	{ "the later of two ends, global", "until = 2001-09-09 06:00Z", "until = 2001-09-09 03:00Z", MODE_FULL, 0,
	    true, MODE_FULL, 0, AT_0600 },
	{ "the later of two ends, own", "until = 2001-09-09 03:00Z", "until = 2001-09-09 06:00Z", MODE_FULL, 0,
	    true, MODE_FULL, 0, AT_0600 },
	{ "no end is later than any, global", "", "until = 2001-09-09 03:00Z", MODE_FULL, 0,
	    true, MODE_FULL, 0, TIME_NONE },
	{ "no end is later than any, own", "until = 2001-09-09 03:00Z", "", MODE_FULL, 0,
	    true, MODE_FULL, 0, TIME_NONE },
	{ "a broken body is on, with the site's settings", "mode = read-only\nshare = 90\nwhat", NULL, MODE_FULL, 0,
	    true, MODE_FULL, 0, TIME_NONE },
};

static void
test_condition_two_flags(void)
{
	for (size_t i = 0; i < COUNT(combined); i++) {
		const char *say = combined[i].say;
		struct condition c;
		struct post p;

		post_make(&p);
		p.rules.mode = combined[i].site_mode;
		p.rules.share = combined[i].site_share;
		set_flag(&p, 0, combined[i].global);
		set_flag(&p, 1, combined[i].own);
		(void)read_it(&p, &c);
		CHECK(say, c.on == combined[i].on);
		check_int(say, c.source, combined[i].on ? CONDITION_FLAG : CONDITION_NONE);
		check_int(say, c.mode, combined[i].mode);
		check_int(say, c.share, combined[i].share);
		check_int(say, c.until, combined[i].until);
		CHECK(say, !c.overrun && !c.bypass_off && (c.id.len > 0) == c.on);
		post_remove(&p);
	}
}

/* A body that cannot be understood is never looser than what it says for itself or what the site says. */
static const struct {
	const char *say, *body;
	enum mode   site_mode;
	int         site_share;
	enum mode   mode;
	int         share;
} broken[] = {
	{ "what opens more than the site does is forgotten", "mode = read-only\nshare = 90\nwhat", MODE_FULL, 0,
	    MODE_FULL, 0 },
	{ "a full stop stays one where another line is broken", "mode = full\nwhat", MODE_READ_ONLY, 0, MODE_FULL, 0 },
	{ "nobody stays nobody where another line is broken", "share = 0\nwhat", MODE_FULL, 50, MODE_FULL, 0 },
};

static void
test_condition_broken_is_never_looser(void)
{
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct condition c;
		struct post p;

		post_make(&p);
		p.rules.mode = broken[i].site_mode;
		p.rules.share = broken[i].site_share;
		set_flag(&p, 0, broken[i].body);
		(void)read_it(&p, &c);
		CHECK(broken[i].say, c.on && c.broken);
		check_int(broken[i].say, c.mode, broken[i].mode);
		check_int(broken[i].say, c.share, broken[i].share);
		post_remove(&p);
	}
}

static const struct {
	const char *say, *global, *own;
	const char *id, *title, *message, *step;
	int         status;
	int64_t     retry_after;
	size_t      flag;               /* which of the two is named */
} texts[] = {
	{ "the global texts", "id = g\ntitle = gt\nmessage = gm\nstep = gs\nstatus = 504\nretry_after = 7", NULL,
	    "g", "gt", "gm", "gs", 504, 7, 0 },
	{ "the site's own texts win", "id = g\ntitle = gt\nmessage = gm\nstep = gs\nstatus = 504\nretry_after = 7",
	    "id = o\ntitle = ot\nmessage = om\nstep = os\nstatus = 500\nretry_after = 0", "o", "ot", "om", "os",
	    500, 0, 1 },
	{ "one by one", "id = g\nmessage = gm\nstatus = 504", "title = ot\nretry_after = 9",
	    "g", "ot", "gm", "", 504, 9, 1 },
	{ "an empty text says nothing", "message = gm", "id = o\nmessage =", "o", "", "gm", "", 0, -1, 1 },
	{ "good texts of a broken body", "id = g\nmessage = gm\nwhat", NULL, "g", "", "gm", "", 0, -1, 0 },
};

static void
test_condition_texts(void)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *say = texts[i].say;
		struct condition c;
		struct post p;

		post_make(&p);
		set_flag(&p, 0, texts[i].global);
		set_flag(&p, 1, texts[i].own);
		(void)read_it(&p, &c);
		check_str(say, c.id, texts[i].id);
		check_str(say, c.title, texts[i].title);
		check_str(say, c.message, texts[i].message);
		check_str(say, c.step, texts[i].step);
		check_int(say, c.status, texts[i].status);
		check_int(say, c.retry_after, texts[i].retry_after);
		CU_ASSERT_PTR_EQUAL(c.flag, p.paths[texts[i].flag]);
		post_remove(&p);
	}
}

static const struct {
	const char      *say;
	enum on_overrun  on_overrun;
	int64_t          max_duration;
	const char      *global, *own;
	bool             on, overrun;
} ends[] = {
	{ "before its end", OVERRUN_KEEP, 0, "until = 2001-09-09 01:46:41Z", NULL, true, false },
	{ "... also where it would be lifted", OVERRUN_LIFT, 0, "until = 2001-09-09 01:46:41Z", NULL, true, false },
	{ "at its end it is kept, and overrun", OVERRUN_KEEP, 0, "until = 2001-09-09 01:46:40Z", NULL, true, true },
	{ "at its end it is lifted", OVERRUN_LIFT, 0, "until = 2001-09-09 01:46:40Z", NULL, false, false },
	{ "long after its end it is kept", OVERRUN_KEEP, 0, "until = 2000-01-01 00:00Z", NULL, true, true },
	{ "no end, no limit", OVERRUN_LIFT, 0, "since = 1999-01-01 00:00Z", NULL, true, false },
	{ "within max_duration", OVERRUN_LIFT, 2801, "since = 2001-09-09 01:00Z", NULL, true, false },
	{ "at max_duration: kept", OVERRUN_KEEP, 2800, "since = 2001-09-09 01:00Z", NULL, true, true },
	{ "at max_duration: lifted", OVERRUN_LIFT, 2800, "since = 2001-09-09 01:00Z", NULL, false, false },
	{ "an end said is longer than max_duration", OVERRUN_LIFT, 60,
	    "since = 2001-09-09 01:00Z\nuntil = 2001-09-09 03:00Z", NULL, true, false },
	{ "an end said is shorter than max_duration", OVERRUN_LIFT, 86400,
	    "since = 2001-09-09 01:00Z\nuntil = 2001-09-09 01:30Z", NULL, false, false },
	{ "one lifted, the other not", OVERRUN_LIFT, 0, "until = 2001-09-09 01:00Z", "", true, false },
	{ "the other way round", OVERRUN_LIFT, 0, "", "until = 2001-09-09 01:00Z", true, false },
	{ "both lifted", OVERRUN_LIFT, 0, "until = 2001-09-09 01:00Z", "until = 2001-09-09 01:00Z", false, false },
	{ "both kept", OVERRUN_KEEP, 0, "until = 2001-09-09 01:00Z", "until = 2001-09-09 01:00Z", true, true },
	/* the later end is the end, and it is not reached */
	{ "one past its end while the other runs, global", OVERRUN_KEEP, 0, "until = 2001-09-09 01:00Z",
	    "until = 2001-09-09 06:00Z", true, false },
	{ "one past its end while the other runs, own", OVERRUN_KEEP, 0, "until = 2001-09-09 06:00Z",
	    "until = 2001-09-09 01:00Z", true, false },
};

static void
test_condition_ends(void)
{
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct condition c;
		struct post p;

		post_make(&p);
		p.rules.on_overrun = ends[i].on_overrun;
		p.rules.max_duration = ends[i].max_duration;
		set_flag(&p, 0, ends[i].global);
		set_flag(&p, 1, ends[i].own);
		(void)read_it(&p, &c);
		CHECK(ends[i].say, c.on == ends[i].on);
		CHECK(ends[i].say, c.overrun == ends[i].overrun);
		post_remove(&p);
	}
}

static void
test_condition_since(void)
{
	struct condition c;
	struct post p;
	struct stat status;

	post_make(&p);
	set_flag(&p, 0, "since = 2001-09-09 01:00Z\n");
	check_int("of one flag", read_it(&p, &c)->since, AT_0100);
	set_flag(&p, 1, "since = 2001-09-09 00:00Z\n");
	check_int("of two: the earlier", read_it(&p, &c)->since, AT_0000);
	check_str("an id is made of it", c.id, "20010909-000000");
	set_flag(&p, 0, NULL);
	set_flag(&p, 1, "");
	(void)read_it(&p, &c);
	CU_ASSERT_EQUAL(stat(p.paths[1], &status), 0);
	check_int("of an empty flag: its ctime", c.since, status.st_ctim.tv_sec);
	CHECK("the id is one", flag_id_valid(c.id));
	post_remove(&p);
}

/* What on_unknown makes of a flag that cannot be read, by what was known of it last. */
static const struct {
	const char     *say;
	enum on_unknown on_unknown;
	enum flag_state last;
	bool            on;
} unknowns[] = {
	{ "last: held before anything is known", UNKNOWN_LAST, FLAG_UNKNOWN, true },
	{ "last: on stays on",                   UNKNOWN_LAST, FLAG_ON,      true },
	{ "last: off stays off",                 UNKNOWN_LAST, FLAG_OFF,     false },
	{ "hold, before anything is known",      UNKNOWN_HOLD, FLAG_UNKNOWN, true },
	{ "hold, though it was off",             UNKNOWN_HOLD, FLAG_OFF,     true },
	{ "hold, it was on",                     UNKNOWN_HOLD, FLAG_ON,      true },
	{ "pass, before anything is known",      UNKNOWN_PASS, FLAG_UNKNOWN, false },
	{ "pass, though it was on",              UNKNOWN_PASS, FLAG_ON,      false },
	{ "pass, it was off",                    UNKNOWN_PASS, FLAG_OFF,     false },
};

static void
test_condition_unknown(void)
{
	for (size_t i = 0; i < COUNT(unknowns); i++) {
		const char *say = unknowns[i].say;

		for (size_t flag = 0; flag < CONDITION_FLAGS_MAX; flag++) {
			struct condition c;
			struct post p;

			post_make(&p);
			p.rules.on_unknown = unknowns[i].on_unknown;
			p.rules.share = 100;
			set_flag(&p, flag, UNKNOWN);
			p.flags[flag].last = (int)unknowns[i].last;
			for (int again = 0; again < 2; again++) {
				(void)read_it(&p, &c);
				CHECK(say, c.on == unknowns[i].on);
				check_int(say, c.source, CONDITION_UNKNOWN);
				CHECK(say, c.unknown || c.broken);
				CHECK(say, !c.on || (c.share == 0 && c.until == TIME_NONE && c.id.len > 0));
			}
			post_remove(&p);
		}
	}
}

static void
test_condition_unknown_beside_a_flag(void)
{
	static const struct {
		const char *say, *global, *own;
		enum mode   mode;
	} cases[] = {
		{ "the own flag is on, the global one unknown", UNKNOWN, "mode = read-only\nshare = 50\nid = a\n"
		    "until = 2001-09-09 03:00Z\n", MODE_FULL },
		{ "the other way round", "mode = read-only\nshare = 50\nid = a\nuntil = 2001-09-09 03:00Z\n", UNKNOWN,
		    MODE_FULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *say = cases[i].say;
		struct condition c;
		struct post p;

		post_make(&p);
		set_flag(&p, 0, cases[i].global);
		set_flag(&p, 1, cases[i].own);
		(void)read_it(&p, &c);
		CHECK(say, c.on);
		check_int(say, c.mode, cases[i].mode);
		check_int(say, c.share, 0);
		check_int(say, c.until, TIME_NONE);
		check_str(say, c.id, "a");
		p.rules.on_unknown = UNKNOWN_PASS;
		(void)read_it(&p, &c);
		CHECK("pass: the flag that can be read decides alone", c.on && c.mode == MODE_READ_ONLY &&
		    c.share == 50);
		check_int("... with its end", c.until, AT_0300);
		post_remove(&p);
	}
}

static void
test_condition_enabled(void)
{
	static const struct {
		const char           *say, *global;
		enum enabled          enabled;
		bool                  on;
		enum condition_source source;
	} cases[] = {
		{ "auto, no flag",                NULL,    ENABLED_AUTO, false, CONDITION_NONE },
		{ "auto, a flag",                 "",      ENABLED_AUTO, true,  CONDITION_FLAG },
		{ "on, no flag",                  NULL,    ENABLED_ON,   true,  CONDITION_ALWAYS },
		{ "on, a flag",                   "",      ENABLED_ON,   true,  CONDITION_FLAG },
		{ "on, a flag that is unknown",   UNKNOWN, ENABLED_ON,   true,  CONDITION_UNKNOWN },
		{ "on, a flag that was lifted",   "until = 2001-09-09 01:00Z", ENABLED_ON, true, CONDITION_ALWAYS },
		{ "off, no flag",                 NULL,    ENABLED_OFF,  false, CONDITION_NONE },
		{ "off, a flag",                  "",      ENABLED_OFF,  false, CONDITION_NONE },
		{ "off, a flag that is unknown",  UNKNOWN, ENABLED_OFF,  false, CONDITION_NONE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct condition c;
		struct post p;

		post_make(&p);
		p.rules.on_overrun = OVERRUN_LIFT;
		p.rules.enabled = cases[i].enabled;
		set_flag(&p, 0, cases[i].global);
		(void)read_it(&p, &c);
		CHECK(cases[i].say, c.on == cases[i].on);
		check_int(cases[i].say, c.source, cases[i].source);
		if (c.source == CONDITION_ALWAYS)
			check_str(cases[i].say, c.id, "always");
		post_remove(&p);
	}
}

/* A parameter of the server's may decide instead of the site's own key. */
static void
test_condition_enabled_is_the_callers(void)
{
	struct condition c;
	struct post p;

	post_make(&p);
	p.rules.enabled = ENABLED_OFF;
	condition_read(&p.watches, &p.rules, ENABLED_ON, NOW, &c);
	CHECK("on, whatever the key says", c.on);
	set_flag(&p, 0, "");
	p.rules.enabled = ENABLED_ON;
	condition_read(&p.watches, &p.rules, ENABLED_OFF, NOW, &c);
	CHECK("off, whatever key and flag say", !c.on);
	p.rules.flag_count = 0;
	condition_read(&p.watches, &p.rules, ENABLED_AUTO, NOW, &c);
	CHECK("a site without flags is off", !c.on && c.source == CONDITION_NONE);
	post_remove(&p);
}

int
suite_condition(void)
{
	CU_pSuite suite = CU_add_suite("state/condition", NULL, NULL);

	if (suite == NULL || CU_add_test(suite, "two flags", test_condition_two_flags) == NULL ||
	    CU_add_test(suite, "broken is never looser", test_condition_broken_is_never_looser) == NULL ||
	    CU_add_test(suite, "texts", test_condition_texts) == NULL ||
	    CU_add_test(suite, "ends", test_condition_ends) == NULL ||
	    CU_add_test(suite, "since", test_condition_since) == NULL ||
	    CU_add_test(suite, "unknown", test_condition_unknown) == NULL ||
	    CU_add_test(suite, "unknown beside a flag", test_condition_unknown_beside_a_flag) == NULL ||
	    CU_add_test(suite, "enabled", test_condition_enabled) == NULL ||
	    CU_add_test(suite, "enabled by parameter", test_condition_enabled_is_the_callers) == NULL)
		return -1;
	return 0;
}
