/* SPDX-License-Identifier: MIT */
/*
 * Building the answer: the pass as the dialect says it, or the page with its
 * headers.  Nothing of the request is shown but a request id of plain letters.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "answer/answer.h"
#include "answer/status.h"
#include "base/buffer.h"

#define STEP_MARKED_MAX 200                             /* bytes of the step that the marker header tells */
#define VARY_MAX        64
#define MARKER_MAX      (64 + 3 * STEP_MARKED_MAX)      /* bytes of the marker, but for the id */

/* All that the parts of one held answer share. */
struct build {
	const struct answers   *answers;
	const struct request   *request;
	const struct condition *condition;
	struct arena           *arena;
	struct reply           *reply;
	struct negotiation      form;
	size_t                  language;
	int64_t                 retry_after;
	int                     status;
};

static struct str
header(const struct build *b, struct str name)
{
	size_t count;

	return request_header(b->request, name, &count);
}

/* Which part of the jitter is this client's, in this maintenance: the same each time it asks. */
static uint64_t
spread(const struct build *b)
{
	uint64_t hash;

	if (b->answers->timing.jitter == 0)
		return 0;
	hash = str_hash(STR_HASH_SEED, b->condition->id);
	if (b->request->has_client)
		hash = str_hash(hash, (struct str){ (const char *)b->request->client.bytes, 16 });
	return hash;
}

static void
choose(struct build *b, int64_t now)
{
	b->form = negotiate_format(header(b, STR("ACCEPT")), header(b, STR("X_REQUESTED_WITH")), b->request->path);
	b->language = negotiate_language(header(b, STR("ACCEPT_LANGUAGE")), b->answers->languages,
	    b->answers->language_count);
	b->retry_after = timing_retry_after(&b->answers->timing, b->condition, spread(b), now);
	b->status = b->answers->status;
	if (b->condition->status != 0)
		b->status = b->condition->status;
	if (b->request->raw->hold_status != 0)
		b->status = b->request->raw->hold_status;
	if (b->status < 300 && dialect_asks(b->request->raw->dialect))
		b->status = 503;        /* whoever asks takes 2xx for a pass */
}

/* The beginning of `text`, in whole characters of UTF-8. */
static struct str
cut(struct str text, size_t max)
{
	size_t len = text.len > max ? max : text.len;

	while (len > 0 && len < text.len && ((unsigned char)text.p[len] & 0xc0) == 0x80)
		len--;
	return str_sub(text, 0, len);
}

static bool
is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < 0x20 || text.p[i] > 0x7e)
			return false;
	return true;
}

/* A parameter: a quoted string (RFC 9110 section 5.6.6), or an extended value where that cannot hold it (RFC 8187). */
static void
add_step(struct buffer *out, struct str step)
{
	static const char hex[] = "0123456789ABCDEF";
	bool plain = is_plain(step);

	buffer_add(out, plain ? STR("; step=\"") : STR("; step*=UTF-8''"));
	for (size_t i = 0; i < step.len; i++) {
		unsigned char c = (unsigned char)step.p[i];
		bool bare = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (plain && (c == '"' || c == '\\'))
			buffer_add_char(out, '\\');
		if (plain || bare)
			buffer_add_char(out, (char)c);
		else
			buffer_add(out, (struct str){ (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3 });
	}
	if (plain)
		buffer_add_char(out, '"');
}

/* "active; id=...; until=...; step=..."; empty while maintenance is off and only a page is shown. */
static struct str
marker(const struct condition *condition, struct arena *arena)
{
	char until[TIME_TEXT_MAX], *memory;
	struct buffer out;

	if (!condition->on)
		return STR_NONE;
	memory = arena_alloc(arena, condition->id.len + MARKER_MAX);
	buffer_init(&out, memory, memory == NULL ? 0 : condition->id.len + MARKER_MAX);
	buffer_add(&out, STR("active; id="));
	buffer_add(&out, condition->id);
	if (condition->until != TIME_NONE) {
		buffer_add(&out, STR("; until="));
		buffer_add(&out, time_format_utc(condition->until, until));
	}
	if (condition->step.len > 0)
		add_step(&out, cut(condition->step, STEP_MARKED_MAX));
	return out.full ? STR_NONE : buffer_str(&out);
}

static void
add_marker(struct reply *reply, const struct answers *answers, const struct condition *condition,
    struct arena *arena)
{
	struct str value = marker(condition, arena);

	if (value.len > 0)
		reply_add(reply, answers->marker_header, value);
}

static struct str
vary(const struct build *b)
{
	struct buffer out;

	buffer_init(&out, arena_alloc(b->arena, VARY_MAX), VARY_MAX);
	buffer_add(&out, STR("Accept"));
	if (b->form.used_requested_with)
		buffer_add(&out, STR(", X-Requested-With"));
	if (b->answers->language_count > 1)
		buffer_add(&out, STR(", Accept-Language"));
	if (b->answers->rules->cors_origin_count > 0)
		buffer_add(&out, STR(", Origin"));
	return out.full ? STR_NONE : buffer_str(&out);
}

/* The answer is readable for scripts of the origins that the operator named; theirs is sent, not the request's. */
static void
add_cors(const struct build *b)
{
	const struct rules *rules = b->answers->rules;
	struct str origin = rules->cors_origin_count == 0 ? STR_NONE : header(b, STR("ORIGIN"));

	for (size_t i = 0; i < rules->cors_origin_count; i++) {
		if (!str_eq(origin, rules->cors_origins[i]))
			continue;
		reply_add(b->reply, STR("Access-Control-Allow-Origin"), rules->cors_origins[i]);
		reply_add(b->reply, STR("Access-Control-Expose-Headers"),
		    arena_printf(b->arena, "Retry-After, %.*s", STR_ARG(b->answers->marker_header)));
	}
}

static void
add_headers(const struct build *b)
{
	struct reply *reply = b->reply;
	bool html = b->form.format == FORMAT_HTML;

	if (b->form.format != FORMAT_EMPTY)
		reply_add_known(reply, STR("Content-Type"), str_of(format_type(b->form.format)));
	if (b->retry_after > 0)
		reply_add_known(reply, STR("Retry-After"), arena_number(b->arena, (uint64_t)b->retry_after));
	reply_add_known(reply, STR("Cache-Control"), STR("no-store"));
	reply_add_known(reply, STR("Vary"), vary(b));
	add_marker(reply, b->answers, b->condition, b->arena);
	reply_add_known(reply, STR("X-Content-Type-Options"), STR("nosniff"));
	reply_add_known(reply, STR("Referrer-Policy"), STR("no-referrer"));
	if (html && b->answers->security_policy[b->language].len > 0)
		reply_add_known(reply, STR("Content-Security-Policy"), b->answers->security_policy[b->language]);
	if (html && b->answers->refresh > 0)
		reply_add_known(reply, STR("Refresh"), arena_number(b->arena, (uint64_t)b->answers->refresh));
	add_cors(b);
	for (size_t i = 0; i < b->answers->add_header_count; i++)
		reply_add_known(reply, b->answers->add_headers[i].name, b->answers->add_headers[i].value);
}

static struct str
request_id(const struct build *b)
{
	struct str id = header(b, STR("X_REQUEST_ID"));

	return flag_id_valid(id) ? id : STR_NONE;
}

static struct str
or_else(struct str first, struct str second)
{
	return first.len > 0 ? first : second;
}

static void
add_times(const struct build *b, struct page_values *values)
{
	char text[TIME_TEXT_MAX];
	int64_t until = b->condition->until;

	if (b->retry_after > 0)
		values->v[PAGE_RETRY_AFTER] = arena_number(b->arena, (uint64_t)b->retry_after);
	if (b->condition->overrun)
		values->v[PAGE_OVERRUN] = STR("yes");
	if (until == TIME_NONE)
		return;
	values->v[PAGE_UNTIL] = arena_copy(b->arena, time_format_local(until, b->answers->zone, text));
	values->v[PAGE_UNTIL_UTC] = arena_copy(b->arena, time_format_utc(until, text));
}

static int
add_page(const struct build *b)
{
	const struct answers *a = b->answers;
	struct page_values values = { 0 };

	if (b->form.format == FORMAT_EMPTY)
		return 0;
	values.v[PAGE_TITLE] = or_else(b->condition->title, a->title.v[b->language]);
	values.v[PAGE_MESSAGE] = or_else(b->condition->message, a->message.v[b->language]);
	values.v[PAGE_STEP] = b->condition->step;
	values.v[PAGE_CONTACT] = a->contact.v[b->language];
	values.v[PAGE_LINK] = a->link.v[b->language];
	values.v[PAGE_ID] = b->condition->id;
	values.v[PAGE_REQUEST_ID] = request_id(b);
	values.v[PAGE_STATUS] = arena_number(b->arena, (uint64_t)b->status);
	add_times(b, &values);
	return page_render(a->pages[b->language][b->form.format], &values, b->arena, &b->reply->pieces,
	    &b->reply->piece_count);
}

static void
hold_with_page(const struct answers *answers, const struct request *request, const struct condition *condition,
    int64_t now, struct arena *arena, struct reply *reply)
{
	struct build b = { answers, request, condition, arena, reply, { FORMAT_HTML, false }, 0, 0, 0 };
	const char *complaint = reply->complaint;

	choose(&b, now);
	reply_begin(reply, b.status);
	add_headers(&b);
	if (add_page(&b) != 0)
		reply_emergency(reply, 503);
	reply->complaint = complaint;
}

static void
hold(const struct answers *answers, const struct request *request, const struct condition *condition, int64_t now,
    struct arena *arena, struct reply *reply)
{
	switch (dialect_hold_style(request->raw->dialect)) {
	case HOLD_PAGE:
		hold_with_page(answers, request, condition, now, arena, reply);
		break;
	case HOLD_MARKED_401:
		reply_begin(reply, 401);
		add_marker(reply, answers, condition, arena);
		break;
	case HOLD_BARE_401:
		reply_begin(reply, 401);
		break;
	}
}

static bool
is_pass(const struct request *request, const struct verdict *verdict)
{
	if (verdict->outcome == OUTCOME_ENDPOINT)
		return dialect_asks(request->raw->dialect);
	return verdict->outcome == OUTCOME_PASS && !dialect_renders(request->raw->dialect);
}

/* The connection to the visitor is TLS: as the server says, or as a trusted proxy does. */
static bool
is_secure(const struct request *request)
{
	size_t count;

	return request->raw->https ||
	    (request->by_proxy && str_eq(request_header(request, STR("X_FORWARDED_PROTO"), &count), STR("https")));
}

/*
 * A ticket's link: on to the same page without it, with the cookie (RFC 6265).  False where the server relays no
 * redirect, or the target is none to send anybody to.
 */
static bool
log_in(const struct request *request, const struct shown_ticket *ticket, int64_t now, struct arena *arena,
    struct reply *reply)
{
	struct str target = offer_target_without(request, arena);
	struct str cookie = arena_printf(arena, OFFER_NAME "=%.*s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s",
	    STR_ARG(ticket->id), (long long)(ticket->ticket.until - now), is_secure(request) ? "; Secure" : "");

	if (dialect_hold_style(request->raw->dialect) != HOLD_PAGE || target.len == 0 || cookie.p == NULL)
		return false;
	reply_begin(reply, 303);
	reply_add(reply, STR("Location"), target);
	reply_add(reply, STR("Set-Cookie"), cookie);
	reply_add(reply, STR("Cache-Control"), STR("no-store"));
	reply_add(reply, STR("Referrer-Policy"), STR("no-referrer"));
	return reply->header_count == 4; /* one with a control character was left out: then nobody is sent there */
}

bool
answer_build(const struct answers *answers, const struct request *request, const struct condition *condition,
    const struct verdict *verdict, const struct shown_ticket *ticket, int64_t now, struct arena *arena,
    struct reply *reply)
{
	bool done = true;

	reply_begin(reply, 503);
	if (is_pass(request, verdict)) {
		done = hand_back_pass(&answers->hand_back, request, verdict, arena, reply) == 0;
		if (!done)
			hold_with_page(answers, request, condition, now, arena, reply);
	} else if (verdict->outcome == OUTCOME_LOGIN && log_in(request, ticket, now, arena, reply)) {
		reply->complaint = NULL;
	} else if (verdict->outcome == OUTCOME_ENDPOINT) {
		status_build(answers, condition, arena, reply);
	} else {
		hold(answers, request, condition, now, arena, reply);
		done = verdict->outcome != OUTCOME_LOGIN;
	}
	reply->send_body = request->method != METHOD_HEAD;
	return done;
}
