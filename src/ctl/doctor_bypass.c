/* SPDX-License-Identifier: MIT */
/* doctor: whether a ticket reaches the site, by header, link and cookie, and whether its request arrives whole. */
#include "config.h"

#include "ctl/doctor.h"
#include "gate/offer.h"

#define UPLOAD_LEN      1048576 /* bytes: all 256 values, over and over */
#define UPLOAD_LEN_TEXT "1048576"
#define UPLOAD_SHA1     "ecfc8e86fdd83811f9cc9bf500993b63069923be"
#define UPLOAD_SHA256   "fbbab289f7f94b25736c58be46a994c441fd02552cc6022352e3d86d2fab7c83"

#define NATIVE \
	"make the server's configuration anew (wardenctl snippet), for yours may not look at tickets; " \
	"else let people in by bypass_address or bypass_secret"

static const struct doctor_remedy no_login = {
	NATIVE,
	NULL,
	"error_page 401 = @maintenance, with \"=\" and no number behind it, as wardenctl snippet prints it",
	NULL,
};

static const struct doctor_remedy insecure = {
	"tell the gateway that visitors come by https: the parameter HTTPS=on",
	NULL,
	"where TLS ends before nginx, fastcgi_param HTTPS on beside each fastcgi_pass of the gateway",
	NULL,
};

static const struct doctor_remedy too_large = {
	"let the server take bodies as large as the site does",
	"raise LimitRequestBody",
	"raise client_max_body_size",
	"raise server.max-request-size",
};

static const struct doctor_remedy lost = {
	"pass requests as wardenctl snippet prints it: that keeps method and body",
	NULL,
	"leave proxy_pass_request_body on, and pass requests as wardenctl snippet nginx does",
	NULL,
};

/* While the site is off: what a ticket has to give as well. */
void
doctor_note_off_answers(struct doctor *d)
{
	struct probe post = { .method = "POST", .body = STR("wardenctl doctor") };
	struct probe range = { .headers = { STR("Range: bytes=0-0") } };
	struct probe_answer a;

	if (doctor_ask(d, &post, &a))
		d->off.post = a.status;
	if (doctor_ask(d, &range, &a))
		d->off.range = a.status;
}

/* A cache in front may have answered with the page that it has stored. */
static bool
passes_behind_cache(struct doctor *d)
{
	struct probe probe = {
		.method = d->method, .target = doctor_fresh_target(d), .headers = { doctor_ticket_header(d) }
	};
	struct probe_answer a;

	return doctor_ask(d, &probe, &a) && !doctor_is_page(d, &a);
}

void
doctor_look_ticket(struct doctor *d)
{
	struct probe probe = { .method = d->method, .headers = { doctor_ticket_header(d) } };
	struct probe_answer a;

	if (d->ticket.len == 0 || !doctor_ask(d, &probe, &a))
		return;
	d->ticket_passes = !doctor_is_page(d, &a) && a.status / 100 != 5;
	if (doctor_is_page(d, &a) && passes_behind_cache(d))
		doctor_problem(d, doctor_by_server(d, &doctor_stored),
		    "a ticket gets %d from a cache in front, which has stored the page", a.status);
	else if (doctor_is_page(d, &a))
		doctor_problem(d, NATIVE, "a ticket does not reach the site: it gets %d", a.status);
	else if (a.status / 100 == 5)
		doctor_problem(
		    d, "look at the web server's error log", "a ticket gets %.*s", STR_ARG(doctor_words(d, &a)));
	else
		doctor_ok(d, "a ticket reaches the site: %d", a.status);
}

/* The Set-Cookie line of the ticket; empty where there is none. */
static struct str
ticket_cookie(const struct probe_answer *a)
{
	struct str rest = a->head, line;

	while (str_split(&rest, '\n', &line)) {
		struct str value = str_trim(str_sub(line, sizeof "Set-Cookie", line.len));

		if (str_eq_nocase(str_sub(line, 0, sizeof "Set-Cookie"), STR("Set-Cookie:")) &&
		    str_starts(value, STR(OFFER_NAME "=")))
			return value;
	}
	return STR_NONE;
}

static void
look_at_cookie(struct doctor *d, struct str cookie)
{
	struct str low = arena_lower(d->ctl->arena, cookie);
	bool https = str_starts(d->origin, STR("https://"));
	struct probe probe = { .method = d->method,
		.headers = { arena_printf(d->ctl->arena, "Cookie: " OFFER_NAME "=%.*s", STR_ARG(d->ticket)) } };
	struct probe_answer a;
	unsigned before = d->problems;

	if (!str_contains(low, STR("httponly")) || !str_contains(low, STR("samesite=")))
		doctor_problem(d, "see that nothing in front changes Set-Cookie",
		    "the ticket's cookie is not both HttpOnly and SameSite");
	if (https && !str_contains(low, STR("; secure")))
		doctor_problem(
		    d, doctor_by_server(d, &insecure), "the ticket's cookie is not Secure, though this is https");
	if (doctor_ask(d, &probe, &a) && doctor_is_page(d, &a))
		doctor_problem(d, NATIVE, "a ticket's link sets the cookie, but the cookie does not reach the site");
	if (d->problems == before)
		doctor_ok(d, "a ticket's link sets a cookie (HttpOnly, SameSite%s), which reaches the site",
		    https ? ", Secure" : "");
}

void
doctor_look_link(struct doctor *d)
{
	struct probe probe = { .target = arena_printf(
				   d->ctl->arena, "%.*s?" OFFER_NAME "=%.*s", STR_ARG(d->target), STR_ARG(d->ticket)) };
	struct str location, cookie;
	struct probe_answer a;

	if (!d->ticket_passes || d->method != NULL || !doctor_ask(d, &probe, &a))
		return;
	location = probe_header(&a, STR("Location"), NULL);
	cookie = ticket_cookie(&a);
	if (a.status != 303 || cookie.len == 0)
		doctor_problem(
		    d, doctor_by_server(d, &no_login), "a ticket's link gets %d, not 303 and a cookie", a.status);
	else if (str_contains(location, d->ticket))
		doctor_problem(d, "see that nothing in front changes Location",
		    "a ticket's link redirects to an address that still has the ticket in it");
	else
		look_at_cookie(d, cookie);
}

static struct str
upload(struct doctor *d)
{
	char *data = arena_alloc(d->ctl->arena, UPLOAD_LEN);

	if (data == NULL)
		return STR_NONE;
	for (size_t i = 0; i < UPLOAD_LEN; i++)
		data[i] = (char)(unsigned char)(i % 256);
	return (struct str){ data, UPLOAD_LEN };
}

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What the words of an answer say about the body that was sent, the surest first. */
enum echoed { ECHO_NOTHING, ECHO_LENGTH, ECHO_OTHER, ECHO_WHOLE };

static enum echoed
read_word(struct str word)
{
	if (str_eq_nocase(word, STR(UPLOAD_SHA1)) || str_eq_nocase(word, STR(UPLOAD_SHA256)))
		return ECHO_WHOLE;
	if (str_eq(word, STR(UPLOAD_LEN_TEXT)))
		return ECHO_LENGTH;
	if (word.len != sizeof UPLOAD_SHA1 - 1 && word.len != sizeof UPLOAD_SHA256 - 1)
		return ECHO_NOTHING;
	for (size_t i = 0; i < word.len; i++)
		if (!is_word(word.p[i]) || (word.p[i] | 0x20) > 'f')
			return ECHO_NOTHING;
	return ECHO_OTHER;
}

static enum echoed
read_echo(struct str body, struct str sent)
{
	enum echoed found = ECHO_NOTHING;

	if (str_eq(body, sent))
		return ECHO_WHOLE;
	for (size_t i = 0, end; i < body.len; i = end + 1) {
		enum echoed word;

		for (end = i; end < body.len && is_word(body.p[end]); end++)
			;
		word = read_word(str_sub(body, i, end));
		if (word > found)
			found = word;
	}
	return found;
}

static void
tell_echo(struct doctor *d, const struct probe_answer *a, struct str sent)
{
	enum echoed echoed = read_echo(a->body, sent);

	if (doctor_is_page(d, a) || a->status / 100 == 3 || a->status == 405)
		doctor_problem(d, doctor_by_server(d, &lost), "a 1 MB POST through a ticket gets %d", a->status);
	else if (a->status == 413)
		doctor_problem(d, doctor_by_server(d, &too_large), "a 1 MB POST through a ticket is too large: 413");
	else if (a->status / 100 != 2)
		doctor_problem(
		    d, "look at the web server's error log", "a 1 MB POST through a ticket gets %d", a->status);
	else if (echoed == ECHO_WHOLE)
		doctor_ok(d, "a 1 MB POST arrives whole through a ticket");
	else if (echoed == ECHO_LENGTH)
		doctor_ok(d, "a 1 MB POST arrives through a ticket with all its bytes");
	else
		doctor_problem(d, doctor_by_server(d, &lost),
		    "a 1 MB POST does not arrive whole through a ticket: %s says %.*s",
		    d->echo, STR_ARG(echoed == ECHO_OTHER ? STR("another hash") : str_sub(a->body, 0, 40)));
}

/* Without an echo only so much can be seen: that it is neither held nor turned into something else. */
static void
tell_post(struct doctor *d, const struct probe_answer *a)
{
	if (doctor_is_page(d, a) && d->site->answers.hand_back.kind == HAND_BACK_X_SENDFILE)
		doctor_note(d, NULL, "POST through a ticket is held: X-Sendfile passes GET and HEAD alone");
	else if (doctor_is_page(d, a))
		doctor_problem(d, doctor_by_server(d, &lost), "POST through a ticket gets %d", a->status);
	else if (d->off.post != 0 && d->off.post != a->status)
		doctor_problem(d, doctor_by_server(d, &lost), "POST through a ticket gets %d; while off it was %d",
		    a->status, d->off.post);
	else
		doctor_note(d,
		    "--echo PATH, a path that answers with the body, its length, SHA-1 or SHA-256, tells more",
		    "POST through a ticket is not held (%d); whether its body arrives was not looked at", a->status);
}

void
doctor_look_body(struct doctor *d)
{
	struct probe probe = {
		.method = "POST", .headers = { doctor_ticket_header(d) }, .body = STR("wardenctl doctor")
	};
	struct probe_answer a;

	if (!d->ticket_passes)
		return;
	if (d->echo != NULL) {
		probe.url = arena_printf(d->ctl->arena, "%.*s%s", STR_ARG(d->origin), d->echo);
		probe.body = upload(d);
	}
	if (!doctor_ask(d, &probe, &a))
		return;
	if (d->echo != NULL)
		tell_echo(d, &a, probe.body);
	else
		tell_post(d, &a);
}

void
doctor_look_range(struct doctor *d)
{
	struct probe probe = { .headers = { doctor_ticket_header(d), STR("Range: bytes=0-0") } };
	struct probe_answer a;

	if (!d->ticket_passes || d->method != NULL || !doctor_ask(d, &probe, &a))
		return;
	if (a.status == 206)
		doctor_ok(d, "a Range through a ticket is answered with 206");
	else if (d->off.range == 206)
		doctor_note(d, NULL, "a Range through a ticket gets %d; while off it was 206", a.status);
}
