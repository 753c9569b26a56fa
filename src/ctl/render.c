/* SPDX-License-Identifier: MIT */
/*
 * render: the page as visitors would get it, without turning anything on.  To look at a message before anybody else
 * does, and to write the page for a server that shows it without asking.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/asked.h"
#include "ctl/commands.h"
#include "policy/decision.h"

#define PREVIEW_SECONDS 3600    /* to the end that is made up where no flag says one */
#define OVERRUN_SECONDS 900     /* and how long ago it was, for an overrun */

struct wanted {
	const char *language, *type, *at, *output;
	bool        overrun;
};

static int
check_language(const struct site *site, const char *language)
{
	const struct answers *a = &site->answers;

	for (size_t i = 0; i < a->language_count; i++)
		if (language == NULL || str_eq_nocase(a->languages[i], str_of(language)))
			return 0;
	(void)ctl_fail(CTL_USAGE, "--language %s: site %.*s has no page in it", language,
	    STR_ARG(asked_site_name(site)));
	(void)fprintf(stderr, "  the languages are:");
	for (size_t i = 0; i < a->language_count; i++)
		(void)fprintf(stderr, " %.*s%s", STR_ARG(a->languages[i]), i + 1 < a->language_count ? "," : "\n");
	return CTL_USAGE;
}

/* The value of an Accept header that gets the type; STR_NONE for an unknown one. */
static struct str
accept_of(const char *type)
{
	static const struct {
		const char *type;
		struct str  accept;
	} types[] = {
		{ "html", STR_INIT("text/html") }, { "json", STR_INIT("application/json") },
		{ "text", STR_INIT("text/plain") },
	};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (type == NULL || strcmp(types[i].type, type) == 0)
			return types[i].accept;
	return STR_NONE;
}

/* The site's own condition where it is on; else, or for an overrun, one that is made up. */
static void
make_condition(struct decider *decider, const struct site *site, int64_t now, bool overrun, struct condition *ret)
{
	condition_read(&decider->watches, &site->condition, site->condition.enabled, now, ret);
	if (!ret->on) {
		condition_pretend(&site->condition, now, ret);
		ret->until = now + PREVIEW_SECONDS;
	}
	if (!overrun)
		return;
	ret->overrun = true;
	if (ret->until == TIME_NONE || ret->until >= now)
		ret->until = now - OVERRUN_SECONDS;
	if (ret->since == TIME_NONE || ret->since > ret->until)
		ret->since = ret->until - PREVIEW_SECONDS;
}

/* The reply points into `condition` too. */
static void
build(struct ctl *ctl, struct decider *decider, const struct site *site, const struct wanted *wanted, int64_t now,
    struct condition *condition, struct reply *reply)
{
	static const struct verdict hold = { OUTCOME_HOLD, REASON_HOLD, -1 };
	struct raw_request raw = { .dialect = DIALECT_RENDER, .whole = true, .method = STR("GET"), .target = STR("/") };
	struct request request = { .raw = &raw, .method = METHOD_GET, .path = STR("/"), .raw_path = STR("/") };

	raw.headers[raw.header_count++] = (struct raw_header){ STR("ACCEPT"), accept_of(wanted->type) };
	if (wanted->language != NULL)
		raw.headers[raw.header_count++] =
		    (struct raw_header){ STR("ACCEPT_LANGUAGE"), str_of(wanted->language) };
	make_condition(decider, site, now, wanted->overrun, condition);
	(void)answer_build(&site->answers, &request, condition, &hold, NULL, now, ctl->arena, reply);
}

/* The body in one piece; `.p` NULL when out of memory. */
static struct str
body_of(const struct reply *reply, struct arena *arena)
{
	size_t len = 0;
	char *out = arena_alloc(arena, reply_length(reply) + 1);

	for (size_t i = 0; out != NULL && i < reply->piece_count; i++) {
		memcpy(out + len, reply->pieces[i].p, reply->pieces[i].len);
		len += reply->pieces[i].len;
	}
	return (struct str){ out, len };
}

/* A file is replaced whole; what is no file, such as /dev/stdout, is written to as it is. */
static int
write_out(const char *path, struct str body)
{
	struct stat status;
	FILE *out;
	bool done;

	if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
		return file_write(path, body, 0644);
	out = fopen(path, "w");
	if (out == NULL)
		return -errno;
	done = fwrite(body.p, 1, body.len, out) == body.len;
	return fclose(out) == 0 && done ? 0 : -EIO;
}

static void
print_json(const struct reply *reply, struct str body, struct arena *arena)
{
	json_t *headers = json_object();
	json_t *text = json_stringn(body.p, body.len);

	for (size_t i = 0; i < reply->header_count; i++) {
		const char *name = arena_copy(arena, reply->headers[i].name).p;
		struct str value = reply->headers[i].value;
		const char *earlier = json_string_value(json_object_get(headers, name));

		if (earlier != NULL)    /* RFC 9110 section 5.3 */
			value = arena_printf(arena, "%s, %.*s", earlier, STR_ARG(value));
		(void)json_object_set_new(headers, name, ctl_json_str(value));
	}
	ctl_print_json(json_pack("{s:i, s:o, s:o}", "status", reply->status, "headers", headers, "body",
	    text != NULL ? text : json_null()));
}

static int
give(struct ctl *ctl, const struct reply *reply, const char *output)
{
	struct str type = reply_find(reply, STR("Content-Type"));
	struct str body = body_of(reply, ctl->arena);
	int rc = body.p == NULL ? -ENOMEM : output != NULL ? write_out(output, body) : 0;

	if (rc != 0)
		return ctl_fail_file("write", output != NULL ? output : "the page", rc);
	if (ctl->json)
		print_json(reply, body, ctl->arena);
	else if (output == NULL && fwrite(body.p, 1, body.len, stdout) != body.len)
		return ctl_fail(CTL_SYSTEM, "cannot write to standard output");
	if (output != NULL)
		ctl_say(ctl, "wrote %s (%zu bytes, %.*s, %d)\n", output, body.len,
		    STR_ARG(str_sub(type, 0, str_find(type, ';'))), reply->status);
	return CTL_YES;
}

static int
render(struct ctl *ctl, const struct site *site, const struct wanted *wanted)
{
	struct condition condition;
	struct reply reply;
	struct decider decider = { 0 };
	int64_t now = ctl->now;
	int code;

	if (accept_of(wanted->type).p == NULL)
		return ctl_fail(CTL_USAGE, "--type %s: there is no such page; the types are html, json, text",
		    wanted->type);
	code = check_language(site, wanted->language);
	if (code != 0)
		return code;
	if (wanted->at != NULL && ctl_parse_time(ctl, wanted->at, ctl->now, site->answers.zone, &now) != 0)
		return ctl_fail(CTL_USAGE, "--at %s: expected a time such as \"2026-12-15 04:00\", 04:00 or +30m",
		    wanted->at);
	if (decider_init(&decider, ctl->policy) != 0)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	build(ctl, &decider, site, wanted, now, &condition, &reply);
	code = give(ctl, &reply, wanted->output);
	decider_clear(&decider);
	return code;
}

int
ctl_render(struct ctl *ctl, int argc, char **argv)
{
	struct wanted wanted = { 0 };
	const struct ctl_option options[] = {
		{ "language", "LANGUAGE", &wanted.language, NULL, "one of the site's; its first without it" },
		{ "type", "TYPE", &wanted.type, NULL, "html, json or text; html without it" },
		{ "at", "TIME", &wanted.at, NULL, "the page as of then" },
		{ "overrun", NULL, NULL, &wanted.overrun, "the page once the planned end is over" },
		{ "output", "FILE", &wanted.output, NULL, "write it there, whole or not at all" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	const struct site *site;
	int count, code = ctl_parse(ctl, options, argc, argv, 0, 0, &count);

	if (code >= 0)
		return code;
	site = ctl_site(ctl);
	return site == NULL ? CTL_USAGE : render(ctl, site, &wanted);
}
