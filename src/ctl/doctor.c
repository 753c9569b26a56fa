/* SPDX-License-Identifier: MIT */
/*
 * doctor: looks at the live site from outside, as visitors and outsiders do, and compares it with what the files say.
 * The list of what it looks at is the table below; the checks themselves are in doctor_answer.c, doctor_forge.c and
 * doctor_bypass.c.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "ctl/asked.h"
#include "ctl/commands.h"
#include "ctl/doctor.h"
#include "ctl/switch.h"
#include "ctl/tickets.h"

#define ASK_SECONDS     10
#define ALL_MS          (INT64_C(180) * 1000)
#define UNANSWERED_MAX  3               /* requests in a row: then the server is not there */
#define TICKET_SECONDS  600
#define FRESH_DIGITS    12
#define TOGGLE_REASON   "wardenctl doctor --toggle"
#define TOGGLE_SPAN     "5m"            /* the end that is announced while --toggle holds the site */

const struct doctor_remedy doctor_stored = {
	"let nothing in front set caching headers on the page, or store it against Cache-Control: no-store",
	"set no Cache-Control on it (Header always set)",
	"set no Cache-Control on it (proxy_hide_header, add_header), and no proxy_ignore_headers Cache-Control beside "
	"proxy_cache",
	NULL,
};

static const struct doctor_check checks[] = {
	{ "site",        DOCTOR_OFF, doctor_look_off,
	    "look at the web server's error log" },
	{ "status-off",  DOCTOR_OFF, doctor_look_status,
	    "route /.maintenance/status to the gateway, as wardenctl snippet prints it" },
	{ "held",        DOCTOR_ON, doctor_look_held,
	    "load what wardenctl snippet prints in front of everything else" },
	{ "retry-after", DOCTOR_ON | DOCTOR_HELD, doctor_look_retry_after,
	    "see that nothing in front takes Retry-After away (nginx: proxy_hide_header, fastcgi_hide_header)" },
	{ "cache",       DOCTOR_ON | DOCTOR_HELD, doctor_look_cache,
	    "let nothing in front set caching headers on the page, or store it against Cache-Control: no-store" },
	{ "vary",        DOCTOR_ON | DOCTOR_HELD, doctor_look_vary,
	    "see that nothing in front takes Vary away (nginx: proxy_hide_header, fastcgi_hide_header)" },
	{ "json",        DOCTOR_ON | DOCTOR_HELD, doctor_look_json,
	    "see that nothing in front puts its own page in place of the gateway's" },
	{ "head",        DOCTOR_ON | DOCTOR_HELD, doctor_look_head,
	    "see that HEAD reaches the gateway as HEAD" },
	{ "post",        DOCTOR_ON | DOCTOR_HELD, doctor_look_post,
	    "gate all methods, as wardenctl snippet does" },
	{ "status-on",   DOCTOR_ON, doctor_look_status,
	    "route /.maintenance/status to the gateway, as wardenctl snippet prints it" },
	{ "cover",       DOCTOR_ON | DOCTOR_HELD, doctor_look_cover,
	    "load what wardenctl snippet prints in front of everything else" },
	{ "addresses",   DOCTOR_ON | DOCTOR_HELD, doctor_look_addresses, NULL },
	{ "parameters",  DOCTOR_ON | DOCTOR_HELD, doctor_look_parameters,
	    "decide by nothing that a client sends, but by bypass_secret and tickets" },
	{ "secret",      DOCTOR_ON | DOCTOR_HELD, doctor_look_secret, NULL },
	{ "paths",       DOCTOR_ON | DOCTOR_HELD, doctor_look_paths, NULL },
	{ "ticket",      DOCTOR_ON | DOCTOR_HELD, doctor_look_ticket, NULL },
	{ "link",        DOCTOR_ON | DOCTOR_HELD, doctor_look_link, NULL },
	{ "body",        DOCTOR_ON | DOCTOR_HELD, doctor_look_body, NULL },
	{ "range",       DOCTOR_ON | DOCTOR_HELD, doctor_look_range, NULL },
};

static const struct doctor_check back = { "back", DOCTOR_OFF, doctor_look_back,
	"let nothing in front store the page against Cache-Control: no-store (nginx: no proxy_ignore_headers "
	"Cache-Control beside proxy_cache)" };

static volatile sig_atomic_t caught;

static void
note_signal(int signal)
{
	caught = signal;
}

/* What was switched on is switched off again, and the ticket revoked, whatever ends us. */
static void
handle_signals(void)
{
	struct sigaction action = { .sa_handler = note_signal, .sa_flags = SA_RESTART };

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	(void)sigaction(SIGQUIT, &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

static bool
shows_progress(const struct doctor *d)
{
	return !d->ctl->json && !d->ctl->quiet && isatty(STDERR_FILENO);
}

static void
show_progress(const struct doctor *d, const char *what)
{
	if (shows_progress(d))
		(void)fprintf(stderr, "\r\033[K%s%s", what, what[0] != '\0' ? " ..." : "");
}

static void
print_finding(struct doctor *d, enum finding kind, struct str sentence, struct str remedy)
{
	const struct ctl *ctl = d->ctl;

	if (ctl->quiet && kind != FINDING_PROBLEM)
		return;
	show_progress(d, "");
	if (kind == FINDING_OK)
		(void)printf("%sok%s       ", ctl_green(ctl), ctl_plain(ctl));
	else if (kind == FINDING_PROBLEM)
		(void)printf("%sPROBLEM%s  ", ctl_red(ctl), ctl_plain(ctl));
	else
		(void)printf("note     ");
	(void)printf("%.*s\n", STR_ARG(sentence));
	if (remedy.len > 0)
		(void)printf("         %.*s\n", STR_ARG(remedy));
	(void)fflush(stdout);
}

static void
add_finding(struct doctor *d, enum finding kind, struct str remedy, const char *format, va_list args)
{
	char text[2048];
	struct str sentence;

	(void)vsnprintf(text, sizeof text, format, args);
	sentence = arena_copy(d->ctl->arena, str_of(text));
	d->problems += kind == FINDING_PROBLEM;
	if (d->list == NULL) {
		print_finding(d, kind, sentence, remedy);
		return;
	}
	(void)json_array_append_new(d->list, json_pack("{s:s, s:o, s:o, s:o}", "name", d->check->name, "ok",
	    kind == FINDING_NOTE ? json_null() : json_boolean(kind == FINDING_OK), "sentence",
	    ctl_json_str(sentence), "remedy", ctl_json_str(remedy)));
}

void
doctor_ok(struct doctor *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_finding(d, FINDING_OK, STR_NONE, format, args);
	va_end(args);
}

void
doctor_note(struct doctor *d, const char *remedy, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_finding(d, FINDING_NOTE, str_of(remedy), format, args);
	va_end(args);
}

void
doctor_problem(struct doctor *d, const char *remedy, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_finding(d, FINDING_PROBLEM, str_of(remedy != NULL ? remedy : d->check->remedy), format, args);
	va_end(args);
}

bool
doctor_stopped(const struct doctor *d)
{
	return caught != 0 || d->system_error != 0 || d->unanswered >= UNANSWERED_MAX ||
	    clock_monotonic_ms() >= d->deadline;
}

bool
doctor_ask(struct doctor *d, struct probe *probe, struct probe_answer *ret)
{
	int rc;

	*ret = (struct probe_answer){ .status = 0 };
	if (doctor_stopped(d))
		return false;
	if (probe->url.len == 0)
		probe->url = arena_printf(d->ctl->arena, "%.*s%.*s", STR_ARG(d->origin), STR_ARG(d->target));
	if (probe->seconds == 0)
		probe->seconds = ASK_SECONDS;
	rc = probe_send(probe, d->ctl->arena, ret);
	if (rc != 0)
		d->system_error = rc;
	/* a server may hang up on what it takes for an attack; none at all, or a silent one, is gone */
	if (ret->status != 0)
		d->unanswered = 0;
	else if (ret->local_address.len == 0 || ret->ms >= probe->seconds * INT64_C(1000))
		d->unanswered++;
	return ret->status != 0;
}

bool
doctor_is_page(const struct doctor *d, const struct probe_answer *answer)
{
	struct str marker = probe_header(answer, d->site->answers.marker_header, NULL);

	return str_starts(marker, STR("active"));
}

bool
doctor_is_held(const struct doctor *d, const struct probe_answer *answer)
{
	return doctor_is_page(d, answer) && answer->status == d->plain.status;
}

const char *
doctor_by_server(const struct doctor *d, const struct doctor_remedy *remedy)
{
	struct str server = probe_header(&d->plain, STR("Server"), NULL);
	const char *own = str_starts(server, STR("Apache")) ? remedy->apache :
	    str_starts(server, STR("nginx")) ? remedy->nginx :
	    str_starts(server, STR("lighttpd")) ? remedy->lighttpd : NULL;

	return own != NULL ? own : remedy->any;
}

struct str
doctor_words(const struct doctor *d, const struct probe_answer *answer)
{
	struct str header = d->site->answers.marker_header;

	if (answer->status == 0)
		return arena_printf(d->ctl->arena, "nothing (%.*s)", STR_ARG(answer->why));
	return arena_printf(d->ctl->arena, "%d with%s the gate's header %.*s", answer->status,
	    doctor_is_page(d, answer) ? "" : "out", STR_ARG(header));
}

const struct value *
doctor_value(const struct doctor *d, enum key key)
{
	static const struct value none;

	return d->section != NULL ? &d->section->v[key] : &none;
}

bool
doctor_is_open(const struct doctor *d, struct str path)
{
	const struct rules *rules = &d->site->rules;

	return path_set_match(rules->open_paths, path) >= 0 || path_set_match(rules->open_defaults, path) >= 0;
}

bool
doctor_is_local(const struct doctor *d, const struct cidr_set *set)
{
	struct ip_addr local;

	return ip_parse(d->plain.local_address, &local) == 0 && cidr_set_match(set, &local) >= 0;
}

struct str
doctor_fresh_target(struct doctor *d)
{
	char digits[FRESH_DIGITS + 1];

	secret_random_hex(digits, FRESH_DIGITS);
	return arena_printf(d->ctl->arena, "%.*s?wardenctl-doctor=%s", STR_ARG(d->target), digits);
}

struct site *
doctor_site_of(struct doctor *d, struct str target)
{
	struct asked asked;
	struct request request;
	struct str url = arena_printf(d->ctl->arena, "%.*s%.*s", STR_ARG(d->origin), STR_ARG(target));

	asked_begin(&asked, d->ctl->arena);
	if (asked_target(&asked, STR("GET"), url) != 0 ||
	    request_normalise(&asked.raw, &d->ctl->policy->trust, d->ctl->arena, &request) != 0)
		return d->site;
	return policy_site_find(d->ctl->policy, &request);
}

static bool
can_have_ticket(struct doctor *d)
{
	const char *folder = d->ctl->policy->state_dir.p;

	if (!d->site->tickets) {
		doctor_note(d, NULL, "tickets = off in %s: whether a bypass passes requests whole was not looked at",
		    d->ctl->config);
		return false;
	}
	if (d->standing.condition.bypass_off) {
		doctor_note(d, "wardenctl bypass on", "bypasses are suspended: what they pass was not looked at");
		return false;
	}
	if (access(folder, W_OK | X_OK) == 0)
		return true;
	doctor_note(d, "run it as a user who may write there, or with sudo",
	    "no ticket can be made in %s: bypasses were not looked at", folder);
	return false;
}

struct str
doctor_ticket_header(struct doctor *d)
{
	int64_t now = clock_now(), span = d->site->ticket_max < TICKET_SECONDS ? d->site->ticket_max : TICKET_SECONDS;
	struct ticket ticket = { .since = now, .until = now + span, .note = STR("wardenctl doctor") };

	if (!d->ticket_tried) {
		d->ticket_tried = true;
		if (can_have_ticket(d) && ticket_make(d->ctl, d->site, &ticket, &d->ticket) != 0 && d->ticket.len == 0)
			doctor_note(d, NULL, "no ticket could be made: bypasses were not looked at");
	}
	return d->ticket.len == 0 ? STR_NONE :
	    arena_printf(d->ctl->arena, TICKET_HEADER ": %.*s", STR_ARG(d->ticket));
}

static void
look(struct doctor *d, const struct doctor_check *check)
{
	d->check = check;
	if (doctor_stopped(d) || ((check->when & DOCTOR_HELD) != 0 && !d->held))
		return;
	show_progress(d, check->name);
	check->look(d);
}

static void
look_at_all(struct doctor *d, unsigned when)
{
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		if ((checks[i].when & when) != 0)
			look(d, &checks[i]);
}

/* How things stand now, and the answer to a plain request. */
static int
begin(struct doctor *d)
{
	const struct condition *condition = &d->standing.condition;
	struct probe probe = { .method = NULL };
	int rc;

	d->ctl->now = clock_now();
	rc = standing_read(d->ctl, d->site, &d->standing);
	if (rc != 0)
		return ctl_fail_file("read", d->standing.path, rc);
	rc = standing_need_folder(d->ctl, &d->standing);
	if (rc != 0)
		return rc;
	d->status = condition->status != 0 ? condition->status : d->site->answers.status;
	d->method = condition->on && condition->mode == MODE_READ_ONLY ? "POST" : NULL;
	probe.method = d->method;
	if (doctor_ask(d, &probe, &d->plain))
		return 0;
	if (caught != 0)
		return 0;
	if (d->system_error == -ENOENT)
		return ctl_fail(CTL_SYSTEM, "doctor needs the program curl: apt-get install curl");
	if (d->system_error != 0)
		return ctl_fail(CTL_SYSTEM, "cannot run curl: %s", strerror(-d->system_error));
	return ctl_fail(CTL_SYSTEM, "cannot reach %.*s: %.*s", STR_ARG(d->origin), STR_ARG(d->plain.why));
}

/* A redirect to another scheme or host: there is the site, not here. */
static int
refuse_redirect(const struct doctor *d)
{
	struct str location = probe_header(&d->plain, STR("Location"), NULL);
	struct str here = arena_printf(d->ctl->arena, "%.*s/", STR_ARG(d->origin));

	if (d->plain.status / 100 != 3 || !str_contains(location, STR("://")) || str_starts(location, here))
		return 0;
	return ctl_fail(CTL_USAGE, "%.*s redirects to %.*s: give that address", STR_ARG(d->origin),
	    STR_ARG(location));
}

/* switch_on() and switch_off() tell in their own words; here only errors count. */
static int
silently(struct doctor *d, bool on)
{
	struct ctl *ctl = d->ctl;
	bool quiet = ctl->quiet, json = ctl->json;
	int code;

	ctl->quiet = true;
	ctl->json = false;
	code = on ? switch_on(ctl, &(struct switch_on){ .span = TOGGLE_SPAN, .reason = TOGGLE_REASON }) :
	    switch_off(ctl, &(struct switch_off){ .note = TOGGLE_REASON, .force = true });
	ctl->quiet = quiet;
	ctl->json = json;
	return code;
}

static int
refuse_toggle(struct doctor *d)
{
	if (d->standing.condition.on || d->standing.there)
		return ctl_fail(CTL_USAGE, "maintenance is on already for %.*s: without --toggle doctor looks at it as "
		    "it is", STR_ARG(ctl_site_words(d->ctl)));
	if (d->site->condition.enabled != ENABLED_AUTO || d->site->enabled_from != ENABLED_FROM_FILE)
		return ctl_fail(CTL_USAGE, "enabled in %s decides, not the flags: --toggle would change nothing",
		    d->ctl->config);
	return 0;
}

/* Off again, unless somebody has begun or ended maintenance meanwhile: theirs is not ours to end. */
static int
end_toggle(struct doctor *d)
{
	struct standing now;

	if (standing_read(d->ctl, d->site, &now) == 0 && !now.there)
		return 0;
	if (now.there && !str_eq(now.body.reason, STR(TOGGLE_REASON)))
		return ctl_fail(CTL_SYSTEM, "somebody else has begun maintenance meanwhile: it stays ON for %.*s",
		    STR_ARG(ctl_site_words(d->ctl)));
	if (silently(d, false) == CTL_YES)
		return 0;
	return ctl_fail(CTL_SYSTEM, "maintenance is still ON for %.*s: wardenctl off",
	    STR_ARG(ctl_site_words(d->ctl)));
}

/* On, what there is to see, off; off again also where a signal came in between. */
static int
toggle(struct doctor *d)
{
	int code = standing_read(d->ctl, d->site, &d->standing) == 0 ? refuse_toggle(d) : 0, off_code;

	if (code != 0)
		return code;
	ctl_say(d->ctl, "%.*s is in maintenance for the seconds of this test\n", STR_ARG(ctl_site_words(d->ctl)));
	(void)fflush(stdout);
	code = silently(d, true);
	if (code != CTL_YES)
		return code;
	code = begin(d);
	if (code == 0)
		look_at_all(d, DOCTOR_ON);
	if (d->ticket.len > 0)
		ticket_end(d->ctl, d->site, d->ticket);
	off_code = end_toggle(d);
	if (off_code != 0)
		return off_code;
	if (code == 0)
		look(d, &back);
	return code;
}

static int
examine(struct doctor *d)
{
	int code = begin(d);

	if (code == 0)
		code = refuse_redirect(d);
	if (code == 0 && d->toggle)
		code = refuse_toggle(d);
	if (code != 0)
		return code;
	look_at_all(d, d->standing.condition.on ? DOCTOR_ON : DOCTOR_OFF);
	if (d->toggle)
		return caught == 0 ? toggle(d) : 0;
	if (d->ticket.len > 0)
		ticket_end(d->ctl, d->site, d->ticket);
	d->check = &(const struct doctor_check){ "state", 0, NULL, NULL };
	if (d->standing.condition.on)
		doctor_note(d, NULL, "maintenance is on: what the site answers while it is off was not looked at");
	else
		doctor_note(d, "--toggle looks at both: the site is in maintenance for seconds then",
		    "maintenance is off: what visitors get while it is on was not looked at");
	return 0;
}

static int
finish(struct doctor *d, int code)
{
	show_progress(d, "");
	if (d->list != NULL && code == 0)
		ctl_print_json(json_incref(d->list));
	json_decref(d->list);
	if (code != 0)
		return code;
	if (caught != 0)
		return ctl_fail(CTL_SYSTEM, "ended by a signal; not all was looked at");
	if (d->system_error != 0)
		return ctl_fail(CTL_SYSTEM, "cannot run curl: %s", strerror(-d->system_error));
	if (d->unanswered >= UNANSWERED_MAX)
		return ctl_fail(CTL_SYSTEM, "%.*s does not answer any more; not all was looked at",
		    STR_ARG(d->origin));
	if (clock_monotonic_ms() >= d->deadline)
		return ctl_fail(CTL_SYSTEM, "%.*s answers so slowly that not all could be looked at",
		    STR_ARG(d->origin));
	if (d->problems > 0)
		ctl_say(d->ctl, "%u problem%s\n", d->problems, d->problems == 1 ? "" : "s");
	return d->problems > 0 ? CTL_NO : CTL_YES;
}

/* Splits the URL, and finds the site that it is of unless --site names one. */
static int
find_site(struct doctor *d, const char *text)
{
	struct str url = str_of(text), rest;
	size_t scheme = str_starts(url, STR("https://")) ? 8 : 7, slash;

	if (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://")))
		return ctl_fail(CTL_USAGE, "%s: expected a URL such as https://shop.example.com/", text);
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f || strchr("@?#", url.p[i]) != NULL)
			return ctl_fail(CTL_USAGE, "%s: expected a URL such as https://shop.example.com/, without "
			    "query, fragment, blanks or a user's name", text);
	rest = str_sub(url, scheme, url.len);
	slash = str_find(rest, '/');
	d->origin = str_sub(url, 0, scheme + slash);
	d->target = slash == rest.len ? STR("/") : str_sub(rest, slash, rest.len);
	if (slash == 0)
		return ctl_fail(CTL_USAGE, "%s: expected a host in the URL", text);
	d->site = d->ctl->site_name != NULL ? ctl_site(d->ctl) : doctor_site_of(d, d->target);
	if (d->site == NULL)
		return CTL_USAGE;
	if (d->site->name.len > 0)
		d->ctl->site_name = arena_copy(d->ctl->arena, d->site->name).p;
	d->base = path_is_below(d->target, d->site->path) ? d->site->path : STR("/");
	return 0;
}

int
ctl_doctor(struct ctl *ctl, int argc, char **argv)
{
	struct doctor d = { .ctl = ctl, .deadline = clock_monotonic_ms() + ALL_MS };
	const struct ctl_option options[] = {
		{ "toggle", NULL, NULL, &d.toggle, "put the site into maintenance for the seconds of the test" },
		{ "echo", "PATH", &d.echo, NULL, "answers a POST with its body, length, SHA-1 or SHA-256" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 1, 1, &count);
	const struct values *values;

	if (code >= 0)
		return code;
	if (d.echo != NULL && d.echo[0] != '/')
		return ctl_fail(CTL_USAGE, "--echo %s: expected a path of the site, such as /echo.php", d.echo);
	code = find_site(&d, argv[1]);
	if (code != 0)
		return code;
	values = asked_values(ctl->config, ctl->arena);
	d.section = values != NULL ? asked_section(values, d.site->name) : NULL;
	d.list = ctl->json ? json_array() : NULL;
	handle_signals();
	return finish(&d, examine(&d));
}
