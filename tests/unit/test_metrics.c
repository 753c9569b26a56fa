/* SPDX-License-Identifier: MIT */
/* record/metrics.c: every line of the exposition, and what it says of sites, windows and counters. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/metrics.h"
#include "support.h"

int suite_metrics(void);

#define HEAD "[gateway]\nstate_dir = state\n[site]\n"
#define NOW  1797300000                 /* 2026-12-15 02:00 UTC */

struct fixture {
	struct folder    folder;
	struct compiled  compiled;
	struct counters *counters;
	struct arena    *arena;
};

static void
begin(struct fixture *f, const char *ini)
{
	memset(f, 0, sizeof *f);
	folder_make(&f->folder);
	folder_mkdir(&f->folder, "state");
	folder_mkdir(&f->folder, "state/flags");
	compile_text(&f->folder, ini, NULL, &f->compiled);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f->compiled.policy);
	CU_ASSERT_EQUAL_FATAL(counters_open(f->compiled.policy->state_dir, true, &f->counters), 0);
	f->arena = arena_new_growing((size_t)256 << 20);
}

static void
end(struct fixture *f)
{
	counters_close(f->counters);
	compiled_free(&f->compiled);
	arena_free(f->arena);
	folder_remove(&f->folder);
}

static struct str
build(struct fixture *f, const struct gateway_life *life)
{
	struct str text = STR_NONE;

	CU_ASSERT_EQUAL(metrics_build(f->compiled.policy, f->counters, life, NOW, f->arena, &text), 0);
	return text;
}

static bool
has_line(struct str text, const char *line)
{
	struct str part;

	while (str_split(&text, '\n', &part))
		if (str_eq(part, str_of(line)))
			return true;
	printf("\n  no line: %s", line);
	return false;
}

static void
test_metrics_off(void)
{
	struct gateway_life life = { .started = 100, .loaded = 200, .reload_failed = true };
	struct fixture f;
	struct str text;

	begin(&f, HEAD "[site.shop]\nhost = shop.example\n");
	text = build(&f, &life);
	CU_ASSERT(has_line(text, "# HELP maintenance_warden_on Whether maintenance is on."));
	CU_ASSERT(has_line(text, "# TYPE maintenance_warden_on gauge"));
	CU_ASSERT(has_line(text, "maintenance_warden_on{site=\"[site]\"} 0"));
	CU_ASSERT(has_line(text, "maintenance_warden_on{site=\"shop\"} 0"));
	CU_ASSERT(has_line(text, "maintenance_warden_sites 2"));
	CU_ASSERT(has_line(text, "maintenance_warden_build_info{version=\"" PACKAGE_VERSION "\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_start_time_seconds 100"));
	CU_ASSERT(has_line(text, "maintenance_warden_policy_load_time_seconds 200"));
	CU_ASSERT(has_line(text, "maintenance_warden_last_reload_successful 0"));
	CHECK("no time of what is not on", !str_contains(text, STR("since_seconds{")));
	CHECK("ends with a line end", str_ends(text, STR("\n")));
	text = build(&f, NULL);
	CHECK("not about one gateway", !str_contains(text, STR("start_time")) && !str_contains(text, STR("last_reload")));
	end(&f);
}

static void
test_metrics_on(void)
{
	struct fixture f;
	struct str text;

	begin(&f, HEAD "[site.shop]\nhost = shop.example\nmode = read-only\n");
	folder_write(&f.folder, "state/flags/shop.flag",
	    "id = db-1\nsince = 2026-12-15T01:00:00Z\nuntil = 2026-12-15T01:30:00Z\nshare = 5\n");
	folder_write(&f.folder, "state/bypass.off", "");
	text = build(&f, NULL);
	CU_ASSERT(has_line(text, "maintenance_warden_on{site=\"[site]\"} 0"));
	CU_ASSERT(has_line(text, "maintenance_warden_on{site=\"shop\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_since_seconds{site=\"shop\"} 1797296400"));
	CU_ASSERT(has_line(text, "maintenance_warden_until_seconds{site=\"shop\"} 1797298200"));
	CU_ASSERT(has_line(text, "maintenance_warden_overrun{site=\"shop\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_share_percent{site=\"shop\"} 5"));
	CU_ASSERT(has_line(text, "maintenance_warden_bypass_off{site=\"shop\"} 1"));
	CU_ASSERT(has_line(text,
	    "maintenance_warden_maintenance_info{site=\"shop\",id=\"db-1\",source=\"flag\",mode=\"read-only\"} 1"));
	folder_write(&f.folder, "state/flags/shop.flag", "what is this\n");
	text = build(&f, NULL);
	CU_ASSERT(has_line(text, "maintenance_warden_flag_broken{site=\"shop\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_on{site=\"shop\"} 1"));
	end(&f);
}

static void
test_metrics_counters(void)
{
	struct fixture f;
	struct str text;

	begin(&f, HEAD "[site.shop]\nhost = shop.example\n");
	counters_add(f.counters, STR("shop"), COUNTER_HELD);
	counters_add(f.counters, STR("shop"), COUNTER_HELD);
	counters_mark(f.counters, STR("shop"));
	counters_add(f.counters, STR("shop"), COUNTER_HELD);
	counters_add(f.counters, STR(""), COUNTER_HELD);
	counters_add(f.counters, STR("shop"), (enum counter)(COUNTER_PASSED + REASON_ADDRESS));
	counters_add(f.counters, STR("shop"), COUNTER_RENDERED);
	counters_add(f.counters, STR("shop"), COUNTER_UNKNOWN);
	counters_add(f.counters, STR("shop"), COUNTER_LOGIN);
	counters_add(f.counters, STR("shop"), COUNTER_FAILED);
	counters_add(f.counters, COUNTERS_GATEWAY, COUNTER_RELOADED);
	counters_add(f.counters, COUNTERS_GATEWAY, COUNTER_RELOAD_FAILED);
	counters_add(f.counters, COUNTERS_GATEWAY, COUNTER_UNAUTHORIZED);
	CHECK("nothing has ended yet", !str_contains(build(&f, NULL), STR("last_end_seconds{")));
	counters_note_end(f.counters, STR("shop"), 1797303600, 1797303700);
	counters_note_end(f.counters, STR(""), TIME_NONE, 1797303800);
	text = build(&f, NULL);
	CU_ASSERT(has_line(text, "maintenance_warden_last_planned_end_seconds{site=\"shop\"} 1797303600"));
	CU_ASSERT(has_line(text, "maintenance_warden_last_end_seconds{site=\"shop\"} 1797303700"));
	CU_ASSERT(has_line(text, "maintenance_warden_last_end_seconds{site=\"[site]\"} 1797303800"));
	CHECK("not planned", !str_contains(text, STR("last_planned_end_seconds{site=\"[site]\"")));
	CU_ASSERT(has_line(text, "maintenance_warden_counting 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_held_total{site=\"shop\"} 3"));
	CU_ASSERT(has_line(text, "maintenance_warden_held_total{site=\"[site]\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_passed_total{site=\"shop\",reason=\"address\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_passed_total{site=\"shop\",reason=\"share\"} 0"));
	CHECK("nothing passes because it is off, or held", !str_contains(text, STR("reason=\"off\"")) &&
	    !str_contains(text, STR("reason=\"hold\"")));
	CU_ASSERT(has_line(text, "maintenance_warden_rendered_total{site=\"shop\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_unknown_total{site=\"shop\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_ticket_logins_total{site=\"shop\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_ticket_failed_total{site=\"shop\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_reloads_total{result=\"ok\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_reloads_total{result=\"failed\"} 1"));
	CU_ASSERT(has_line(text, "maintenance_warden_control_unauthorized_total 1"));
	counters_close(f.counters);
	f.counters = NULL;
	text = build(&f, NULL);
	CU_ASSERT(has_line(text, "maintenance_warden_counting 0"));
	CHECK("what is not counted is not 0", !str_contains(text, STR("held_total")));
	end(&f);
}

static void
test_metrics_windows(void)
{
	struct fixture f;
	struct str text;

	begin(&f, HEAD "[site.shop]\nhost = shop.example\n"
	    "[window.weekly]\nsite = shop\nstart = 2026-12-06 02:00Z\nend = 2026-12-06 04:00Z\nrepeat = FREQ=WEEKLY\n"
	    "[site.blog]\nhost = blog.example\n[window.now]\nsite = blog\nstart = 2026-12-15 01:00Z\nend = 2026-12-16 01:00Z\n"
	    "[site.wiki]\nhost = wiki.example\n[window.open]\nsite = wiki\nstart = 2027-12-25 01:00Z\n"
	    "[window.over]\nstart = 2026-12-01 01:00Z\nend = 2026-12-01 02:00Z\n"
	    "[window.later]\nstart = 2027-12-01 01:00Z\nend = 2027-12-01 02:00Z\n");
	text = build(&f, NULL);
	CU_ASSERT(has_line(text, "maintenance_warden_window_start_seconds{site=\"shop\",window=\"weekly\"} 1797732000"));
	CU_ASSERT(has_line(text, "maintenance_warden_window_end_seconds{site=\"shop\",window=\"weekly\"} 1797739200"));
	CU_ASSERT(has_line(text, "maintenance_warden_window_start_seconds{site=\"blog\",window=\"now\"} 1797296400"));
	CHECK("no end is no line", !str_contains(text, STR("window_end_seconds{site=\"wiki\"")));
	CHECK("over is over", !str_contains(text, STR("window=\"over\"")));
	CU_ASSERT(has_line(text, "maintenance_warden_window_start_seconds{site=\"[site]\",window=\"later\"} 1827622800"));
	CU_ASSERT(has_line(text, "maintenance_warden_on{site=\"blog\"} 1"));
	end(&f);
}

/* A hostile name of a site cannot end its label. */
static void
test_metrics_labels(void)
{
	struct fixture f;
	struct site *site;
	struct str text;

	begin(&f, HEAD "[site.shop]\nhost = shop.example\n");
	site = &f.compiled.policy->sites[1];
	site->name = STR("a\"b\\c\nd");
	text = build(&f, NULL);
	CU_ASSERT(has_line(text, "maintenance_warden_on{site=\"a\\\"b\\\\c\\nd\"} 0"));
	site->name = STR("\xc3\xbc");
	CU_ASSERT(has_line(build(&f, NULL), "maintenance_warden_on{site=\"\xc3\xbc\"} 0"));
	site->name = STR("\xc3x");
	CU_ASSERT(has_line(build(&f, NULL), "maintenance_warden_on{site=\"?x\"} 0"));
	site->name = STR("shop");
	end(&f);
}

/* More text than the first try has room for. */
static void
test_metrics_many_sites(void)
{
	char *ini = malloc(200000);
	size_t len = (size_t)snprintf(ini, 200000, HEAD);
	struct fixture f;
	struct str text;

	for (int i = 0; i < 300; i++)
		len += (size_t)snprintf(ini + len, 200000 - len, "[site.s%d]\nhost = s%d.example\n", i, i);
	begin(&f, ini);
	text = build(&f, NULL);
	CU_ASSERT(has_line(text, "maintenance_warden_held_total{site=\"s299\"} 0"));
	CHECK("whole", str_ends(text, STR("maintenance_warden_worker_deaths_total 0\n")));
	end(&f);
	free(ini);
}

int
suite_metrics(void)
{
	CU_pSuite suite = CU_add_suite("record/metrics", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "off", test_metrics_off) == NULL ||
	    CU_add_test(suite, "on", test_metrics_on) == NULL ||
	    CU_add_test(suite, "counters", test_metrics_counters) == NULL ||
	    CU_add_test(suite, "windows", test_metrics_windows) == NULL ||
	    CU_add_test(suite, "labels", test_metrics_labels) == NULL ||
	    CU_add_test(suite, "many sites", test_metrics_many_sites) == NULL)
		return -1;
	return 0;
}
