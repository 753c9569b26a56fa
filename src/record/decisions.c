/* SPDX-License-Identifier: MIT */
/* The decision line.  Bytes that are no UTF-8 are shown as \xHH, so that the line is JSON whatever a client sent. */
#include "config.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "record/decisions.h"
#include "record/log.h"

#define TEXT_SHOWN_MAX 512      /* bytes of a path; each may become five */

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
wanted(enum log_decisions which, const struct decision *decision)
{
	return which == LOG_DECISIONS_ALL || (which == LOG_DECISIONS_HELD && !decision->passes);
}

void
decisions_log(const struct policy *policy, const struct request *request, const struct decision *decision,
    const struct reply *reply, int64_t now)
{
	char memory[6000], text[TIME_TEXT_MAX], client[IP_TEXT_MAX] = "";
	struct buffer out;

	if (!wanted(policy->log_decisions, decision))
		return;
	if (request->has_client)
		ip_format(&request->client, client);
	buffer_init(&out, memory, sizeof memory);
	buffer_addf(&out, "{\"time\":\"%.*s\"", STR_ARG(time_format_utc(now, text)));
	add(&out, "verdict", decision->passes ? STR("pass") : STR("hold"));
	add(&out, "reason", str_of(reason_word(decision->verdict.reason)));
	buffer_addf(&out, ",\"rule\":%d,\"status\":%d", decision->verdict.rule, reply->status);
	add(&out, "site", decision->site->name);
	add(&out, "id", decision->condition.id);
	add(&out, "client", str_of(client));
	add(&out, "method", str_sub(request->raw->method, 0, 32));
	add(&out, "host", request->host);
	add(&out, "path", request->raw_path);
	buffer_add_char(&out, '}');
	if (!out.full)
		log_line(buffer_str(&out));
}
