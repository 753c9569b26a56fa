/* SPDX-License-Identifier: MIT */
/* doctor: what visitors and programs get, on and off, and whether the gate is in front of everything. */
#include "config.h"

#include <string.h>

#include "base/secret.h"
#include "ctl/doctor.h"

#define STATUS_TARGET "/.maintenance/status"
#define HEAD_SECONDS  5 /* a server that does not close is waited for until then */
#define NAME_DIGITS   12
#define FILE_NAME_MAX 200

static const struct doctor_remedy no_gateway = {
	"start the gateway, and see that wardenctl check has nothing to say about its socket",
	"start the gateway (wardenctl check looks at its socket), and leave ProxyErrorOverride off for it",
	"start the gateway (wardenctl check looks at its socket), and leave proxy_intercept_errors and "
	"fastcgi_intercept_errors off in front of it",
	"start the gateway, and see that wardenctl check has nothing to say about its socket",
};

static const struct doctor_remedy not_covered = {
	"load what wardenctl snippet prints in front of everything else",
	"put what wardenctl snippet apache prints into the <VirtualHost> of this host, before its own rewriting",
	"include what wardenctl snippet nginx prints in the server {} of this host, and let no location say "
	"auth_request off",
	"load what wardenctl snippet lighttpd-authorizer prints before the site's handlers: in server.modules "
	"mod_fastcgi must stand before mod_proxy and mod_cgi",
};

static const struct doctor_remedy own_page = {
	"see that nothing in front puts its own page in place of the gateway's",
	"ProxyErrorOverride Off: Apache puts its own page in place of the gateway's",
	"proxy_intercept_errors off: nginx puts its own page in place of the gateway's",
	NULL,
};

/* The first file of a kind that servers like to answer by themselves, of those that the page loads from its host. */
static struct str
find_file(struct str page)
{
	static const char *const kinds[] = { ".css", ".js", ".png", ".jpg", ".svg", ".ico", ".gif", ".webp" };

	for (size_t i = 0; i + 3 < page.len; i++) {
		struct str rest = str_sub(page, i + 2, i + 2 + FILE_NAME_MAX), name;

		if (page.p[i] != '=' || (page.p[i + 1] != '"' && page.p[i + 1] != '\''))
			continue;
		name = str_sub(rest, 0, str_find(rest, page.p[i + 1]));
		if (name.len < 2 || name.p[0] != '/' || name.p[1] == '/')
			continue;
		for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
			if (str_ends(name, str_of(kinds[kind])) && str_find(name, ' ') == name.len)
				return name;
	}
	return STR_NONE;
}

void
doctor_look_off(struct doctor *d)
{
	const struct probe_answer *a = &d->plain;

	d->off.get = a->status;
	d->off.file = find_file(a->body);
	if (doctor_is_page(d, a))
		doctor_problem(d,
		    "see that the gateway and wardenctl have the same state_dir (wardenctl status), and that nothing "
		    "in front has stored the page",
		    "maintenance is off in %.*s, and the site is held all the same",
		    STR_ARG(d->ctl->policy->state_dir));
	else if (a->status >= 500)
		doctor_problem(
		    d, doctor_by_server(d, &no_gateway), "maintenance is off, and the site answers with %d", a->status);
	else
		doctor_ok(d, "off: the site answers with %d", a->status);
	if (d->toggle)
		doctor_note_off_answers(d);
}

/* What a cache in front has stored of the site does not answer a target that is new to it. */
static bool
is_held_behind_cache(struct doctor *d)
{
	struct probe probe = { .method = d->method, .target = doctor_fresh_target(d) };
	struct probe_answer a;

	return doctor_ask(d, &probe, &a) && doctor_is_page(d, &a);
}

/* Why the site itself answers. */
static void
tell_open(struct doctor *d)
{
	const struct probe_answer *a = &d->plain;

	if (doctor_is_local(d, d->site->rules.addresses))
		doctor_problem(d, "run doctor where no bypass is: from another network",
		    "this machine's address %.*s is in bypass_address: what others get cannot be seen from here",
		    STR_ARG(a->local_address));
	else if (a->status == 401 && probe_header(a, STR("WWW-Authenticate"), NULL).len > 0)
		doctor_problem(d, "give an address that needs no password",
		    "the server asks for a password before the gate is asked: what is behind it cannot be seen from "
		    "here");
	else if (doctor_is_open(d, d->target))
		doctor_problem(d, "give an address that is to be held",
		    "%.*s is in open_path or open_defaults: it is always open",
		    STR_ARG(d->target));
	else if (d->standing.condition.share > 0)
		doctor_problem(d, "run doctor from another address, or without share",
		    "the site answers with %d: share = %d may have let this machine in",
		    a->status, d->standing.condition.share);
	else if (is_held_behind_cache(d))
		doctor_problem(d,
		    "empty that cache when maintenance begins, or let the site forbid it to answer without asking "
		    "(Cache-Control: no-cache)",
		    "a cache in front still answers with what it has stored of the site: %d", a->status);
	else
		doctor_problem(d, doctor_by_server(d, &not_covered),
		    "maintenance is on in %.*s, and the site itself answers, with %d",
		    STR_ARG(d->ctl->policy->state_dir), a->status);
}

void
doctor_look_held(struct doctor *d)
{
	const struct probe_answer *a = &d->plain;

	d->held = doctor_is_page(d, a);
	if (d->method != NULL)
		doctor_note(d, NULL, "mode is read-only: GET and HEAD pass, so POST is looked at");
	if (d->status != 503)
		doctor_note(d, "status = 503",
		    "the status of held requests is %d: crawlers and caches know that 503 is not the site",
		    d->status);
	if (d->held && a->status == d->status)
		doctor_ok(d, "held with %d and the gate's page", a->status);
	else if (d->held)
		doctor_problem(d, "let nothing in front change the status of the page (nginx: error_page ... =200)",
		    "held with %d in place of %d", a->status, d->status);
	else if (a->status >= 500)
		doctor_problem(d, doctor_by_server(d, &no_gateway),
		    "maintenance is on, and what answers is %d without the header %.*s: the gateway is not reached, "
		    "or its page is replaced",
		    a->status, STR_ARG(d->site->answers.marker_header));
	else
		tell_open(d);
}

void
doctor_look_retry_after(struct doctor *d)
{
	size_t count;
	struct str value = probe_header(&d->plain, STR("Retry-After"), &count);
	int64_t seconds;

	if (count == 0 && d->section != NULL && doctor_value(d, KEY_RETRY_AFTER)->number == 0 &&
	    d->standing.condition.until == TIME_NONE)
		doctor_problem(d, "retry_after = 3600, or give maintenance an end: wardenctl until +1h --reason ...",
		    "there is no Retry-After: retry_after is 0, and no end is planned");
	else if (count == 0)
		doctor_problem(d, NULL, "there is no Retry-After");
	else if (count > 1 || str_number(value, 1, INT64_MAX, &seconds) != 0)
		doctor_problem(d, "the gateway sends one: let nothing in front set another",
		    "Retry-After %.*s%s is not one number of seconds", STR_ARG(value), count > 1 ? " (several)" : "");
	else
		doctor_ok(d, "Retry-After is %lld s", (long long)seconds);
}

void
doctor_look_cache(struct doctor *d)
{
	static const char *const validators[] = { "ETag", "Last-Modified" };
	struct str control = probe_header(&d->plain, STR("Cache-Control"), NULL);
	struct str age = probe_header(&d->plain, STR("Age"), NULL);
	const char *remedy = doctor_by_server(d, &doctor_stored);
	unsigned before = d->problems;

	if (!str_contains(arena_lower(d->ctl->arena, control), STR("no-store")))
		doctor_problem(
		    d, remedy, "the page may be stored: Cache-Control is \"%.*s\", not no-store", STR_ARG(control));
	if (age.len > 0)
		doctor_problem(d, remedy, "a cache answered: the page has Age: %.*s", STR_ARG(age));
	for (size_t i = 0; i < sizeof validators / sizeof *validators; i++)
		if (probe_header(&d->plain, str_of(validators[i]), NULL).len > 0)
			doctor_problem(d, "let the gateway answer, not a file: load what wardenctl snippet prints",
			    "the page has %s: a browser may keep it beyond the end", validators[i]);
	if (d->problems == before)
		doctor_ok(d, "no cache keeps the page: no-store, neither ETag nor Last-Modified");
}

void
doctor_look_vary(struct doctor *d)
{
	struct str vary = probe_header(&d->plain, STR("Vary"), NULL);

	if (str_contains(arena_lower(d->ctl->arena, vary), STR("accept")))
		doctor_ok(d, "Vary names what the page depends on: %.*s", STR_ARG(vary));
	else
		doctor_problem(d, NULL, "there is no Vary: Accept, though browsers and programs get different answers");
}

void
doctor_look_json(struct doctor *d)
{
	struct probe probe = { .method = d->method, .headers = { STR("Accept: application/json") } };
	struct probe_answer a;
	struct str type;

	if (!doctor_ask(d, &probe, &a))
		return;
	type = probe_header(&a, STR("Content-Type"), NULL);
	if (doctor_is_held(d, &a) && str_starts(type, STR("application/problem+json")) && str_starts(a.body, STR("{")))
		doctor_ok(d, "JSON clients get problem+json");
	else
		doctor_problem(d, doctor_by_server(d, &own_page), "JSON clients get %d and \"%.*s\", not problem+json",
		    a.status, STR_ARG(type));
}

void
doctor_look_head(struct doctor *d)
{
	static const char *const same[] = { "Retry-After", "Cache-Control", "Content-Type" };
	struct probe probe = { .method = "HEAD", .unframed = true, .seconds = HEAD_SECONDS };
	struct probe_answer a;
	unsigned before = d->problems;

	if (d->method != NULL || !doctor_ask(d, &probe, &a))
		return;
	if (!doctor_is_held(d, &a))
		doctor_problem(d, NULL, "HEAD gets %.*s", STR_ARG(doctor_words(d, &a)));
	else if (a.body.len > 0)
		doctor_problem(d, NULL, "HEAD is answered with a body");
	for (size_t i = 0; i < sizeof same / sizeof *same && d->problems == before; i++)
		if ((probe_header(&a, str_of(same[i]), NULL).len > 0) !=
		    (probe_header(&d->plain, str_of(same[i]), NULL).len > 0))
			doctor_problem(d, NULL, "HEAD and GET do not both have %s", same[i]);
	if (d->problems == before)
		doctor_ok(d, "HEAD has the same headers and no body");
}

void
doctor_look_post(struct doctor *d)
{
	struct probe probe = { .method = "POST", .body = STR("wardenctl doctor") };
	struct probe_answer a;

	if (!doctor_ask(d, &probe, &a))
		return;
	if (doctor_is_held(d, &a))
		doctor_ok(d, "POST is held with %d as well", a.status);
	else
		doctor_problem(d, NULL, "POST gets %.*s", STR_ARG(doctor_words(d, &a)));
}

/* The names that are asked for: of nothing that is there, and of what often is, below the site's path. */
static size_t
cover_targets(struct doctor *d, struct str *ret)
{
	static const char *const made[] = { "", ".html", ".css", ".js", ".png", ".php", "/x/y" };
	static const char *const usual[] = { "favicon.ico", "index.html", "index.php" };
	char digits[NAME_DIGITS + 1];
	size_t count = 0;

	secret_random_hex(digits, NAME_DIGITS);
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		ret[count++] =
		    arena_printf(d->ctl->arena, "%.*swardenctl-doctor-%s%s", STR_ARG(d->base), digits, made[i]);
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		ret[count++] = arena_printf(d->ctl->arena, "%.*s%s", STR_ARG(d->base), usual[i]);
	if (d->off.file.len > 0 && path_is_below(d->off.file, d->base))
		ret[count++] = d->off.file;
	return count;
}

void
doctor_look_cover(struct doctor *d)
{
	struct str targets[16], open = STR_NONE;
	size_t count = cover_targets(d, targets), asked = 0;

	for (size_t i = 0; i < count; i++) {
		struct probe probe = { .method = d->method, .target = targets[i] };
		struct probe_answer a;

		if (doctor_is_open(d, targets[i]) || !doctor_ask(d, &probe, &a))
			continue;
		asked++;
		/* a server may refuse by itself, before it asks the gate: that is no answer of the site */
		if (!doctor_is_page(d, &a) && a.status != 401 && a.status != 403)
			open = arena_printf(d->ctl->arena, "%.*s%s%.*s (%d)", STR_ARG(open), open.len > 0 ? ", " : "",
			    STR_ARG(targets[i]), a.status);
	}
	if (open.len > 0)
		doctor_problem(d, doctor_by_server(d, &not_covered), "the gate is not in front of everything: %.*s",
		    STR_ARG(open));
	else if (asked > 0)
		doctor_ok(d, "%zu other paths are held: pages, files, and what is not there", asked);
}

/* `on` as the gateway tells it; false when the answer is not its JSON. */
static bool
read_status(const struct probe_answer *a, bool *ret_on)
{
	json_t *object = a->status == 200 ? json_loadb(a->body.p, a->body.len, 0, NULL) : NULL;
	json_t *on = json_object_get(object, "on");
	bool known = json_is_boolean(on);

	*ret_on = json_is_true(on);
	json_decref(object);
	return known;
}

void
doctor_look_status(struct doctor *d)
{
	struct probe probe = { .target = STR(STATUS_TARGET) };
	struct standing standing = d->standing;
	struct site *site = doctor_site_of(d, probe.target);
	struct probe_answer a;
	bool on;

	if (site != d->site && standing_read(d->ctl, site, &standing) != 0)
		return;
	if (!doctor_ask(d, &probe, &a))
		return;
	if (!read_status(&a, &on))
		doctor_problem(d, NULL, STATUS_TARGET " gets %d and no JSON with \"on\"", a.status);
	else if (on != standing.condition.on)
		doctor_problem(d, "see that the gateway and wardenctl have the same state_dir (wardenctl status)",
		    STATUS_TARGET " says that maintenance is %s; in %.*s it is %s", on ? "on" : "off",
		    STR_ARG(d->ctl->policy->state_dir), on ? "off" : "on");
	else
		doctor_ok(d, STATUS_TARGET " says that it is %s", on ? "on" : "off");
}

void
doctor_look_back(struct doctor *d)
{
	struct probe probe = { .method = NULL };
	struct probe_answer a;

	if (!doctor_ask(d, &probe, &a))
		return;
	if (doctor_is_page(d, &a))
		doctor_problem(d, NULL, "off again, and the next request still gets the page");
	else if (a.status != d->off.get)
		doctor_problem(d, "look at the web server's error log",
		    "off again, and the site answers with %d; before it was %d",
		    a.status, d->off.get);
	else
		doctor_ok(d, "off again: the next request is the site's");
}
