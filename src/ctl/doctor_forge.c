/* SPDX-License-Identifier: MIT */
/* doctor: what an outsider may try while maintenance is on.  Each must be held, or refused by the server itself. */
#include "config.h"

#include "base/secret.h"
#include "ctl/doctor.h"

#define SECRET_DIGITS 32

static const struct doctor_remedy forged_address = {
	"let the proxy in front set client_header itself, list only such proxies in trusted_proxies, or leave that "
	"empty",
	"let the proxy in front set X-Forwarded-For itself; RemoteIPInternalProxy and RemoteIPTrustedProxy "
	"(mod_remoteip) and trusted_proxies must name such proxies alone",
	"in the nginx in front, proxy_set_header X-Forwarded-For $remote_addr; set_real_ip_from and trusted_proxies "
	"must name such proxies alone",
	"let the proxy in front set X-Forwarded-For itself; extforward.forwarder (mod_extforward) and "
	"trusted_proxies must name such proxies alone",
};

static const struct doctor_remedy odd_path = {
	"open paths by open_path in the INI, not by how the raw target begins",
	"open paths as wardenctl snippet apache does, never by how THE_REQUEST begins",
	NULL,
	NULL,
};

/* With headers alone a server refuses only what it cannot read. */
static bool
is_refused(const struct probe_answer *a)
{
	return a->status == 0 || a->status == 400 || a->status == 403 || a->status == 421 || a->status == 431;
}

/* "a, b" of what got past. */
static void
add_name(struct doctor *d, struct str *list, struct str name, const struct probe_answer *a)
{
	*list = arena_printf(
	    d->ctl->arena, "%.*s%s%.*s (%d)", STR_ARG(*list), list->len > 0 ? ", " : "", STR_ARG(name), a->status);
}

/* Sends the headers; adds `name` to the list if the answer is the site's. */
static void
try_headers(struct doctor *d, struct str first, struct str second, struct str name, struct str *passed)
{
	struct probe probe = { .method = d->method, .headers = { first, second } };
	struct probe_answer a;

	(void)doctor_ask(d, &probe, &a);
	if (!doctor_stopped(d) && !doctor_is_page(d, &a) && !is_refused(&a))
		add_name(d, passed, name, &a);
}

/* An address that bypass_address lets in, as the INI has it; empty where there is none. */
static struct str
allowed_address(const struct doctor *d)
{
	const struct value *value = doctor_value(d, KEY_BYPASS_ADDRESS);

	for (size_t i = 0; i < value->item_count; i++) {
		struct str text = str_sub(value->items[i], 0, str_find(value->items[i], '/'));
		struct ip_addr address;

		if (ip_parse(text, &address) == 0 && cidr_set_match(d->site->rules.addresses, &address) >= 0)
			return text;
	}
	return STR_NONE;
}

void
doctor_look_addresses(struct doctor *d)
{
	static const char *const names[] = { "X-Forwarded-For", "X_Forwarded_For", "X.Forwarded.For", "X-Real-IP",
		"X_Real_IP", "CF-Connecting-IP", "CF_Connecting_IP", "True-Client-IP", "X-Client-IP", "Client-IP",
		"X-Cluster-Client-IP", "X-Remote-Addr", "Remote_Addr" };
	struct str address = allowed_address(d), passed = STR_NONE, line;

	if (address.len == 0) {
		doctor_note(d, NULL, "bypass_address is empty: there is no address to pose as");
		return;
	}
	if (d->standing.condition.bypass_off || doctor_is_local(d, d->ctl->policy->proxies)) {
		doctor_note(d, NULL, "%s: whether others can pose as %.*s was not looked at",
		    d->standing.condition.bypass_off ? "bypasses are suspended" :
		    "this machine is in trusted_proxies and believed about the client",
		    STR_ARG(address));
		return;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		line = arena_printf(d->ctl->arena, "%s: %.*s", names[i], STR_ARG(address));
		try_headers(d, line, STR_NONE, str_of(names[i]), &passed);
	}
	line = arena_printf(d->ctl->arena, "X-Forwarded-For: %.*s", STR_ARG(address));
	try_headers(d, line, line, STR("X-Forwarded-For twice"), &passed);
	try_headers(d,
	    arena_printf(d->ctl->arena, "Forwarded: for=\"%s%.*s%s\"", str_find(address, ':') < address.len ? "[" : "",
		STR_ARG(address), str_find(address, ':') < address.len ? "]" : ""),
	    STR_NONE, STR("Forwarded"), &passed);
	if (passed.len > 0)
		doctor_problem(d, doctor_by_server(d, &forged_address),
		    "an outsider can pose as %.*s, which bypass_address lets in, by %.*s", STR_ARG(address),
		    STR_ARG(passed));
	else
		doctor_ok(d, "nobody can pose as %.*s: %zu forged headers are held", STR_ARG(address),
		    sizeof names / sizeof *names + 2);
}

void
doctor_look_parameters(struct doctor *d)
{
	static const char *const lines[] = { "WARDEN-MODE: x-accel", "WARDEN_MODE: forward-auth", "WARDEN-RENDER: 0",
		"MAINTENANCE_MODE: false", "Maintenance-Mode: false", "X-Original-URI: /health",
		"X-Original-URL: /health", "X-Rewrite-URL: /health", "X-Forwarded-Uri: /health",
		"X-Forwarded-Method: OPTIONS", "X-HTTP-Method-Override: OPTIONS", "X-Forwarded-Host: unknown.invalid",
		"X-Forwarded-Prefix: /health", "X-Maintenance: bypass" };
	static const char *const to_target[] = { "X-Accel-Redirect", "X-Sendfile", "X-LIGHTTPD-send-file" };
	static const char *const to_user[] = { "WARDEN-USER", "WARDEN_USER", "Remote-User", "X-Remote-User" };
	const struct rules *rules = &d->site->rules;
	struct str passed = STR_NONE, user = rules->user_count > 0 ? rules->users[0] : STR("root");

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		try_headers(d, str_of(lines[i]), STR_NONE, str_of(lines[i]), &passed);
	for (size_t i = 0; i < sizeof to_target / sizeof *to_target; i++)
		try_headers(d, arena_printf(d->ctl->arena, "%s: %.*s", to_target[i], STR_ARG(d->target)), STR_NONE,
		    str_of(to_target[i]), &passed);
	for (size_t i = 0; i < sizeof to_user / sizeof *to_user; i++)
		try_headers(d, arena_printf(d->ctl->arena, "%s: %.*s", to_user[i], STR_ARG(user)), STR_NONE,
		    str_of(to_user[i]), &passed);
	if (passed.len > 0)
		doctor_problem(d, NULL, "a header opens the gate: %.*s", STR_ARG(passed));
	else
		doctor_ok(d, "no header poses as the server: %zu forged ones are held",
		    sizeof lines / sizeof *lines + sizeof to_target / sizeof *to_target +
			sizeof to_user / sizeof *to_user);
}

/* A secret that the INI has in plain text; empty where it has none, or only hashes. */
static struct str
plain_secret(const struct doctor *d)
{
	const struct value *value = doctor_value(d, KEY_BYPASS_SECRET);

	for (size_t i = 0; i < value->item_count; i++)
		if (!str_starts(value->items[i], STR("sha256:")))
			return value->items[i];
	return STR_NONE;
}

static void
look_at_right_secret(struct doctor *d, struct str right)
{
	struct probe probe = { .method = d->method, .target = doctor_fresh_target(d), .headers = { right } };
	struct probe_answer a;

	if (d->standing.condition.bypass_off || !doctor_ask(d, &probe, &a))
		return;
	if (doctor_is_page(d, &a))
		doctor_problem(d,
		    "the gate has another secret, or a proxy drops the header: wardenctl explain URL --header tells "
		    "what the INI's would do",
		    "the secret of the INI does not reach the site");
	else
		doctor_ok(d, "the secret reaches the site");
}

void
doctor_look_secret(struct doctor *d)
{
	struct str name = doctor_value(d, KEY_BYPASS_HEADER)->text, secret = plain_secret(d), passed = STR_NONE;
	struct str wrong_line, right_line;
	char wrong[SECRET_DIGITS + 1];

	if (d->site->rules.secret_count == 0 || name.len == 0)
		return;
	secret_random_hex(wrong, SECRET_DIGITS);
	wrong_line = arena_printf(d->ctl->arena, "%.*s: %s", STR_ARG(name), wrong);
	right_line = arena_printf(d->ctl->arena, "%.*s: %.*s", STR_ARG(name), STR_ARG(secret));
	try_headers(d, wrong_line, STR_NONE, STR("a wrong one"), &passed);
	try_headers(d, arena_printf(d->ctl->arena, "%.*s;", STR_ARG(name)), STR_NONE, STR("an empty one"), &passed);
	try_headers(d, wrong_line, wrong_line, STR("a wrong one twice"), &passed);
	if (secret.len > 0) {
		try_headers(d, right_line, wrong_line, STR("the right one before a wrong one"), &passed);
		try_headers(d, wrong_line, right_line, STR("the right one behind a wrong one"), &passed);
	}
	if (passed.len > 0)
		doctor_problem(d,
		    "compare the whole value, and refuse the header when it comes twice, as wardenctl "
		    "snippet does",
		    "the secret header opens the gate with %.*s", STR_ARG(passed));
	else
		doctor_ok(d, "a wrong, an empty and a doubled secret are held");
	if (secret.len > 0)
		look_at_right_secret(d, right_line);
}

/* The first rule of open_path that is no glob, without its last slash; empty where there is none. */
static struct str
open_rule(const struct doctor *d)
{
	const struct value *value = doctor_value(d, KEY_OPEN_PATH);

	for (size_t i = 0; i < value->item_count; i++)
		if (str_find(value->items[i], '*') == value->items[i].len && value->items[i].len > 1)
			return str_ends(value->items[i], STR("/"))
			    ? str_sub(value->items[i], 0, value->items[i].len - 1)
			    : value->items[i];
	return STR_NONE;
}

static struct str
repeated(struct doctor *d, const char *step, struct str path)
{
	struct str out = STR_NONE;

	for (size_t i = 0; i < path.len; i++)
		if (path.p[i] == '/')
			out = arena_printf(d->ctl->arena, "%.*s%s", STR_ARG(out), step);
	return out;
}

static void
try_target(struct doctor *d, struct str target, struct str *passed, size_t *tried)
{
	struct probe probe = { .method = d->method, .target = target };
	struct probe_answer a;

	(void)doctor_ask(d, &probe, &a);
	(*tried)++;
	if (doctor_stopped(d) || doctor_is_page(d, &a) || a.status == 0 || a.status / 100 == 4 || a.status == 501 ||
	    a.status == 503 || a.status == 505)
		return;
	add_name(d, passed, target, &a);
}

/* Ways from an open path to the target that a gate and a server may read differently. */
static void
try_from_open(struct doctor *d, struct str open, struct str *passed, size_t *tried)
{
	/* what stands behind the open path, the step up, and what stands before the target's first slash */
	static const struct {
		const char *behind, *step, *before;
	} ways[] = {
		{ "", "/..", "" },
		{ "", "/%2e%2e", "" },
		{ "", "/%2E.", "" },
		{ "", "%2f..", "%2f" },
		{ "", "%252f..", "%252f" },
		{ "", "%5c..", "%5c" },
		{ ";", "/..", "" },
		{ ";x=y", "/..;", "" },
		{ "/", "/..", "" },
		{ "%00", "", "" },
		{ "%0a", "/..", "" },
		{ "%23", "/..", "" },
		{ "/.", "/..", "/" },
	};
	struct arena *arena = d->ctl->arena;
	struct str target = d->target;

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		try_target(d,
		    arena_printf(arena, "%.*s%s%.*s%s%.*s", STR_ARG(open), ways[i].behind,
			STR_ARG(repeated(d, ways[i].step, open)), ways[i].before,
			STR_ARG(str_sub(target, ways[i].before[0] == '%' ? 1 : 0, target.len))),
		    passed, tried);
	try_target(d, arena_printf(arena, "%.*s?x=%.*s", STR_ARG(target), STR_ARG(open)), passed, tried);
	try_target(d, arena_printf(arena, "%.*s;%.*s", STR_ARG(target), STR_ARG(open)), passed, tried);
	try_target(d,
	    arena_printf(arena, "%.*s%.*s%.*s", STR_ARG(d->origin), STR_ARG(open),
		STR_ARG(arena_printf(arena, "%.*s%.*s", STR_ARG(repeated(d, "/..", open)), STR_ARG(target)))),
	    passed, tried);
}

void
doctor_look_paths(struct doctor *d)
{
	const struct str open[] = { open_rule(d), STR("/health"), STR("/.maintenance/status") };
	struct str passed = STR_NONE, target = d->target;
	struct arena *arena = d->ctl->arena;
	size_t tried = 0;

	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		if (open[i].len > 0)
			try_from_open(d, open[i], &passed, &tried);
	try_target(d, arena_printf(arena, "/%.*s", STR_ARG(target)), &passed, &tried);
	try_target(d, arena_printf(arena, "/.%.*s", STR_ARG(target)), &passed, &tried);
	try_target(d, arena_printf(arena, "http://unknown.invalid%.*s", STR_ARG(target)), &passed, &tried);
	if (passed.len > 0)
		doctor_problem(d, doctor_by_server(d, &odd_path), "a path that can be read in two ways gets past: %.*s",
		    STR_ARG(passed));
	else if (tried > 0)
		doctor_ok(d, "%zu paths that can be read in two ways are held", tried);
}
