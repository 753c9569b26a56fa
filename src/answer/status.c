/* SPDX-License-Identifier: MIT */
/* What anybody may know about a site's maintenance, as JSON.  What is not known is null. */
#include "config.h"

#include "answer/status.h"
#include "base/buffer.h"

#define STATUS_MAX (16 * 1024)

static void
add_text(struct buffer *out, const char *key, struct str value)
{
	buffer_addf(out, ",\"%s\":", key);
	if (value.len == 0) {
		buffer_add(out, STR("null"));
		return;
	}
	buffer_add_char(out, '"');
	buffer_add_json(out, value);
	buffer_add_char(out, '"');
}

static void
add_time(struct buffer *out, const char *key, int64_t time)
{
	char text[TIME_TEXT_MAX];

	add_text(out, key, time == TIME_NONE ? STR_NONE : time_format_utc(time, text));
}

void
status_build(const struct answers *answers, const struct condition *condition, struct arena *arena,
    struct reply *reply)
{
	struct buffer out;

	buffer_init(&out, arena_alloc(arena, STATUS_MAX), STATUS_MAX);
	buffer_addf(&out, "{\"on\":%s", condition->on ? "true" : "false");
	add_text(&out, "site", answers->site);
	if (condition->on) {
		add_text(&out, "id", condition->id);
		add_text(&out, "mode", str_of(mode_name(condition->mode)));
		add_time(&out, "since", condition->since);
		add_time(&out, "until", condition->until);
		buffer_addf(&out, ",\"overrun\":%s", condition->overrun ? "true" : "false");
		add_text(&out, "message", condition->message);
		add_text(&out, "step", condition->step);
	}
	buffer_add(&out, STR("}\n"));
	if (out.full) {
		reply_emergency(reply, 503);
		return;
	}
	reply_begin(reply, 200);
	reply_add(reply, STR("Content-Type"), STR("application/json"));
	reply_add(reply, STR("Cache-Control"), STR("no-store"));
	reply_add(reply, STR("X-Content-Type-Options"), STR("nosniff"));
	reply_set_body(reply, buffer_str(&out), arena);
}
