/* SPDX-License-Identifier: MIT */
/*
 * The exposition.  The format wants all lines of one metric together, so the sites are read once, and then each metric
 * walks over them.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "policy/decision.h"
#include "record/metrics.h"

#define PREFIX    "maintenance_warden_"
#define TEXT_MIN  ((size_t)64 << 10)    /* bytes: what is tried first ... */
#define TEXT_MAX  ((size_t)64 << 20)    /* ... and last: some ten thousand sites */

/* How one site stands. */
struct view {
	struct str       site;
	struct condition condition;     /* its texts are gone, but for ... */
	struct str       id;
};

struct page_of_metrics {
	const struct policy       *policy;
	const struct counters     *counters;
	const struct gateway_life *life;
	int64_t                    now;
	struct view               *views;
	struct buffer              out;
};

/* "[site]" for the one without a name, as in the INI. */
static struct str
site_label(struct str name)
{
	return name.len > 0 ? name : STR("[site]");
}

static void
head(struct page_of_metrics *m, const char *name, const char *type, const char *help)
{
	buffer_addf(&m->out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped; it must be UTF-8. */
static void
add_label(struct page_of_metrics *m, const char *before, struct str value)
{
	bool utf8 = utf8_valid(value);

	buffer_add(&m->out, str_of(before));
	for (size_t i = 0; i < value.len; i++) {
		if (value.p[i] == '\n')
			buffer_add(&m->out, STR("\\n"));
		else if (value.p[i] == '\\' || value.p[i] == '"')
			buffer_addf(&m->out, "\\%c", value.p[i]);
		else
			buffer_add_char(&m->out, utf8 || (value.p[i] & 0x80) == 0 ? value.p[i] : '?');
	}
	buffer_add_char(&m->out, '"');
}

static void
add_site_line(struct page_of_metrics *m, const char *name, struct str site)
{
	buffer_addf(&m->out, PREFIX "%s", name);
	add_label(m, "{site=\"", site_label(site));
}

static void
add_number(struct page_of_metrics *m, const char *before, int64_t number)
{
	buffer_addf(&m->out, "%s %" PRId64 "\n", before, number);
}

/* What is measured of a site: TIME_NONE where it is not known. */
static int64_t get_on(const struct condition *c)         { return c->on; }
static int64_t get_since(const struct condition *c)      { return c->on ? c->since : TIME_NONE; }
static int64_t get_until(const struct condition *c)      { return c->on ? c->until : TIME_NONE; }
static int64_t get_overrun(const struct condition *c)    { return c->on && c->overrun; }
static int64_t get_share(const struct condition *c)      { return c->on ? c->share : 0; }
static int64_t get_bypass_off(const struct condition *c) { return c->on && c->bypass_off; }
static int64_t get_unknown(const struct condition *c)    { return c->unknown; }
static int64_t get_broken(const struct condition *c)     { return c->broken; }

static const struct {
	const char *name, *help;
	int64_t   (*get)(const struct condition *);
} gauges[] = {
	{ "on", "Whether maintenance is on.", get_on },
	{ "since_seconds", "When the maintenance that is on began, Unix time.", get_since },
	{ "until_seconds", "Planned end of the maintenance that is on, Unix time; no line without one.", get_until },
	{ "overrun", "Whether the maintenance that is on is past its planned end or longest duration.", get_overrun },
	{ "share_percent", "Percent of clients admitted while maintenance is on.", get_share },
	{ "bypass_off", "Whether personal bypasses are suspended.", get_bypass_off },
	{ "state_unknown", "Whether a flag or the state folder cannot be read; on_unknown then decides.", get_unknown },
	{ "flag_broken", "Whether a flag is there whose text is not understood; it is on all the same.", get_broken },
};

static const struct {
	const char *name, *help;
	enum counter counter;
} totals[] = {
	{ "held_total", "Requests held.", COUNTER_HELD },
	{ "rendered_total", "Answers with the maintenance page, or its JSON or text.", COUNTER_RENDERED },
	{ "unknown_total", "Requests decided while the state could not be read.", COUNTER_UNKNOWN },
	{ "ticket_logins_total", "Links of tickets that were followed.", COUNTER_LOGIN },
	{ "ticket_failed_total", "Held requests that showed a ticket which is not valid here.", COUNTER_FAILED },
};

static void
add_gauges(struct page_of_metrics *m)
{
	for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++) {
		head(m, gauges[g].name, "gauge", gauges[g].help);
		for (size_t i = 0; i < m->policy->site_count; i++) {
			int64_t value = gauges[g].get(&m->views[i].condition);

			if (value == TIME_NONE)
				continue;
			add_site_line(m, gauges[g].name, m->views[i].site);
			add_number(m, "}", value);
		}
	}
	head(m, "maintenance_info", "gauge", "The maintenance that is on: its id, what says so, and its mode.");
	for (size_t i = 0; i < m->policy->site_count; i++) {
		const struct view *view = &m->views[i];

		if (!view->condition.on)
			continue;
		add_site_line(m, "maintenance_info", view->site);
		add_label(m, ",id=\"", view->id);
		add_label(m, ",source=\"", str_of(condition_source_name(view->condition.source)));
		add_label(m, ",mode=\"", str_of(mode_name(view->condition.mode)));
		add_number(m, "}", 1);
	}
}

static void
add_total(struct page_of_metrics *m, const char *before, struct str site, enum counter counter)
{
	buffer_addf(&m->out, "%s %" PRIu64 "\n", before, counters_total(m->counters, site, counter));
}

static void
add_passes(struct page_of_metrics *m)
{
	head(m, "passed_total", "counter", "Requests let through while maintenance is on, by the reason.");
	for (size_t i = 0; i < m->policy->site_count; i++)
		for (int reason = REASON_OFF + 1; reason < REASON_HOLD; reason++) {
			add_site_line(m, "passed_total", m->views[i].site);
			add_label(m, ",reason=\"", str_of(reason_word((enum reason)reason)));
			add_total(m, "}", m->views[i].site, (enum counter)(COUNTER_PASSED + reason));
		}
}

/* The planned and the actual end of what is over. */
static void
add_ends(struct page_of_metrics *m, const char *name, const char *help, bool ended)
{
	int64_t times[2];

	head(m, name, "gauge", help);
	for (size_t i = 0; i < m->policy->site_count; i++) {
		struct str site = m->views[i].site;

		if (!counters_last_end(m->counters, site, &times[0], &times[1]) || times[ended] == TIME_NONE)
			continue;
		add_site_line(m, name, site);
		add_number(m, "}", times[ended]);
	}
}

static void
add_counters(struct page_of_metrics *m)
{
	head(m, "counting", "gauge", "Whether requests are counted: the state folder can be written.");
	add_number(m, PREFIX "counting", m->counters != NULL);
	if (m->counters == NULL)
		return;
	add_ends(m, "last_planned_end_seconds", "When the last maintenance that is over was to end, Unix time.", false);
	add_ends(m, "last_end_seconds", "When it did: turned off, lifted, or seen to be gone.", true);
	add_passes(m);
	for (size_t t = 0; t < sizeof totals / sizeof *totals; t++) {
		head(m, totals[t].name, "counter", totals[t].help);
		for (size_t i = 0; i < m->policy->site_count; i++) {
			add_site_line(m, totals[t].name, m->views[i].site);
			add_total(m, "}", m->views[i].site, totals[t].counter);
		}
	}
	head(m, "reloads_total", "counter", "Times that the configuration was read again.");
	add_total(m, PREFIX "reloads_total{result=\"ok\"}", COUNTERS_GATEWAY, COUNTER_RELOADED);
	add_total(m, PREFIX "reloads_total{result=\"failed\"}", COUNTERS_GATEWAY, COUNTER_RELOAD_FAILED);
	head(m, "control_unauthorized_total", "counter", "Requests to the control API without a valid token.");
	add_total(m, PREFIX "control_unauthorized_total", COUNTERS_GATEWAY, COUNTER_UNAUTHORIZED);
	head(m, "worker_deaths_total", "counter", "Workers that died, and were started again.");
	add_total(m, PREFIX "worker_deaths_total", COUNTERS_GATEWAY, COUNTER_DIED);
}

/* The occurrence in force, or the next; false when none is left, it is not approved or was ended early. */
static bool
next_occurrence(const struct window *window, int64_t now, struct occurrence *ret)
{
	char skip[PATH_MAX];

	return !window->waiting && window_next(&window->times, now, ret) &&
	    (!occurrence_covers(ret, now) || !window_skip_path(window, ret->end, skip) || access(skip, F_OK) != 0);
}

static void
add_window_times(struct page_of_metrics *m, const char *name, const char *help, bool end)
{
	struct occurrence occurrence;

	head(m, name, "gauge", help);
	for (size_t i = 0; i < m->policy->window_count; i++) {
		const struct window *window = &m->policy->windows[i];
		int64_t time;

		if (!next_occurrence(window, m->now, &occurrence))
			continue;
		time = end ? occurrence.end : occurrence.start;
		if (time == TIME_NONE)
			continue;
		add_site_line(m, name, window->site);
		add_label(m, ",window=\"", window->id);
		add_number(m, "}", time);
	}
}

static void
add_gateway(struct page_of_metrics *m)
{
	head(m, "build_info", "gauge", "The version; always 1.");
	buffer_addf(&m->out, PREFIX "build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	head(m, "sites", "gauge", "Sites of the configuration, [site] among them.");
	add_number(m, PREFIX "sites", (int64_t)m->policy->site_count);
	if (m->life == NULL)
		return;
	head(m, "start_time_seconds", "gauge", "When this gateway started, Unix time.");
	add_number(m, PREFIX "start_time_seconds", m->life->started);
	head(m, "policy_load_time_seconds", "gauge", "When the configuration in force was read, Unix time.");
	add_number(m, PREFIX "policy_load_time_seconds", atomic_load(&m->life->loaded));
	head(m, "last_reload_successful", "gauge", "0: the configuration is in error, an older one stays in force.");
	add_number(m, PREFIX "last_reload_successful", !atomic_load(&m->life->reload_failed));
}

static bool
write_all(struct page_of_metrics *m, char *memory, size_t size)
{
	buffer_init(&m->out, memory, size);
	add_gateway(m);
	add_gauges(m);
	add_window_times(m, "window_start_seconds", "Start of a window that is on or comes next, Unix time.", false);
	add_window_times(m, "window_end_seconds", "End of a window that is on or comes next, Unix time.", true);
	add_counters(m);
	return !m->out.full;
}

static int
read_sites(struct page_of_metrics *m, struct arena *arena)
{
	static const struct raw_request nothing;
	struct decider decider = { 0 };

	m->views = arena_zalloc(arena, m->policy->site_count, sizeof *m->views);
	if (m->views == NULL || decider_init(&decider, m->policy) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < m->policy->site_count; i++) {
		struct view *view = &m->views[i];

		view->site = m->policy->sites[i].name;
		(void)decider_read(&decider, &m->policy->sites[i], &nothing, m->now, &view->condition);
		view->id = arena_copy(arena, view->condition.id);
	}
	decider_clear(&decider);
	return 0;
}

int
metrics_build(const struct policy *policy, const struct counters *counters, const struct gateway_life *life,
    int64_t now, struct arena *arena, struct str *ret)
{
	struct page_of_metrics m = { .policy = policy, .counters = counters, .life = life, .now = now };

	if (read_sites(&m, arena) != 0)
		return -ENOMEM;
	for (size_t size = TEXT_MIN; size <= TEXT_MAX; size *= 4) {
		char *memory = arena_alloc(arena, size);

		if (memory == NULL)
			return -ENOMEM;
		if (write_all(&m, memory, size)) {
			*ret = buffer_str(&m.out);
			return 0;
		}
	}
	return -ENOMEM;
}
