/* SPDX-License-Identifier: MIT */
/* The decision line.  Bytes that are no UTF-8 are shown as \xHH, so that the line is JSON whatever a client sent. */
#include "config.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "record/decisions.h"
#include "record/log.h"

#define TEXT_SHOWN_MAX   512    /* bytes of a path; each may become six */
#define METHOD_SHOWN_MAX 32
#define LINE_MAX_BYTES   6000

static void
add(struct buffer *out, const char *key, struct str value)
{
	char plain[4 * TEXT_SHOWN_MAX];
	struct buffer shown;

	value = str_sub(value, 0, TEXT_SHOWN_MAX);
	buffer_init(&shown, plain, sizeof plain);
	if (!utf8_valid(value)) {
		buffer_add_logged(&shown, value);
		value = buffer_str(&shown);
	}
	buffer_addf(out, ",\"%s\":\"", key);
	buffer_add_json(out, value);
	buffer_add_char(out, '"');
}

static bool
wanted(enum log_decisions which, bool passes)
{
	return which == LOG_DECISIONS_ALL || (which == LOG_DECISIONS_HELD && !passes);
}

static void
begin(struct buffer *out, struct str verdict, struct str reason, int rule, int status, int64_t now)
{
	char text[TIME_TEXT_MAX];

	buffer_addf(out, "{\"time\":\"%.*s\"", STR_ARG(time_format_utc(now, text)));
	add(out, "verdict", verdict);
	add(out, "reason", reason);
	buffer_addf(out, ",\"rule\":%d,\"status\":%d", rule, status);
}

static void
add_request(struct buffer *out, struct str client, struct str method, struct str host, struct str path)
{
	add(out, "client", client);
	add(out, "method", str_sub(method, 0, METHOD_SHOWN_MAX));
	add(out, "host", host);
	add(out, "path", path);
	buffer_add_char(out, '}');
	if (!out->full)
		log_line(buffer_str(out));
}

void
decisions_log(const struct policy *policy, const struct request *request, const struct decision *decision,
    const struct reply *reply, int64_t now)
{
	char memory[LINE_MAX_BYTES], client[IP_TEXT_MAX] = "";
	struct buffer out;

	if (!wanted(policy->log_decisions, decision->passes))
		return;
	if (request->has_client)
		ip_format(&request->client, client);
	buffer_init(&out, memory, sizeof memory);
	begin(&out, decision->passes ? STR("pass") : STR("hold"), str_of(reason_word(decision->verdict.reason)),
	    decision->verdict.rule, reply->status, now);
	add(&out, "site", decision->site->name);
	add(&out, "id", decision->condition.id);
	add_request(&out, str_of(client), request->raw->method, request->host, request->raw_path);
}

void
decisions_log_refused(const struct policy *policy, const struct raw_request *raw, int status, int64_t now)
{
	char memory[LINE_MAX_BYTES], client[IP_TEXT_MAX] = "";
	struct ip_addr peer;
	struct buffer out;

	if (!wanted(policy->log_decisions, false))
		return;
	if (ip_parse(raw->peer, &peer) == 0)
		ip_format(&peer, client);
	buffer_init(&out, memory, sizeof memory);
	begin(&out, STR("hold"), STR("refused"), -1, status, now);
	add(&out, "site", STR(""));
	add(&out, "id", STR(""));
	add_request(&out, str_of(client), raw->method, STR(""), str_sub(raw->target, 0, str_find(raw->target, '?')));
}
