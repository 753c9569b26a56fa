/* SPDX-License-Identifier: MIT */
/*
 * explain: what the gateway would decide about a request, and why, check by check.  The decision is the gateway's own,
 * with a trace; the words are drawn from the rules and the request.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/explain_words.h"

#define TEXTS_MAX ((size_t)1 << 30)     /* bytes of the INI's lists, as for the policy itself */

static const char *
answer_word(enum check_answer answer)
{
	if (answer == CHECK_SUSPENDED)
		return "suspended";
	return answer == CHECK_YES ? "yes" : "no";
}

static void
say_doubts(const struct scene *s)
{
	const struct request *request = &s->request;
	const char *what = request->odd ? request->any_host ? "path and host" : "path" : "host";

	if (!request->odd && !request->any_host)
		return;
	ctl_say(s->ctl, "  others may read this %s differently: %severy site of the %s counts, and each must let it "
	    "pass\n", what, request->odd ? "no path rule opens it, " : "", request->any_host ? "gateway" : "host");
	ctl_say(s->ctl, "  asked: %.*s\n", STR_ARG(s->sites));
}

static void
say_answer(const struct scene *s)
{
	struct str type = reply_find(&s->reply, STR("Content-Type"));
	struct str retry = reply_find(&s->reply, STR("Retry-After"));

	ctl_say(s->ctl, "  answer %d", s->reply.status);
	if (s->reply.status == 303)
		ctl_say(s->ctl, ": the same address without the ticket, and the ticket as a cookie\n");
	else if (s->d.passes)
		ctl_say(s->ctl, ": the server goes on with the request\n");
	else
		ctl_say(s->ctl, ", %.*s%s%.*s\n", STR_ARG(type.len > 0 ? str_sub(type, 0, str_find(type, ';')) :
		    STR("no body")), retry.len > 0 ? ", Retry-After " : "", STR_ARG(retry));
}

static void
say(const struct scene *s)
{
	struct ctl *ctl = s->ctl;
	struct str client = s->request.has_client ? explain_client(s) : STR_NONE;
	char text[TIME_TEXT_MAX];

	ctl_say(ctl, "%s%s%s  %s (site %.*s%.*s)\n", s->d.passes ? ctl_green(ctl) : ctl_red(ctl),
	    s->d.passes ? "PASS" : "HOLD", ctl_plain(ctl), reason_sentence(s->d.verdict.reason),
	    STR_ARG(asked_site_name(s->d.site)), STR_ARG(explain_decider_words(s)));
	if (s->now != ctl->now)
		ctl_say(ctl, "  at %.*s, with the flags that are there now\n",
		    STR_ARG(time_format_local(s->now, s->d.site->answers.zone, text)));
	ctl_say(ctl, "  %s%.*s%s%.*s\n", client.len > 0 ? "client " : "", STR_ARG(client), client.len > 0 ? ", " : "",
	    STR_ARG(explain_client_words(s)));
	say_doubts(s);
	for (size_t i = 0; i < s->d.trace.count; i++) {
		enum check_answer answer = s->d.trace.rows[i].answer;

		/* that a request is not for the gateway itself goes without saying */
		if (s->d.trace.rows[i].reason == REASON_ENDPOINT && answer == CHECK_NO)
			continue;
		ctl_say(ctl, "  %-25s %-5s %.*s\n", reason_sentence(s->d.trace.rows[i].reason), answer_word(answer),
		    STR_ARG(explain_why(s, i)));
	}
	say_answer(s);
}

static json_t *
checks_json(const struct scene *s)
{
	json_t *checks = json_array();

	for (size_t i = 0; i < s->d.trace.count; i++)
		(void)json_array_append_new(checks, json_pack("{s:s, s:s, s:o}", "name",
		    reason_word(s->d.trace.rows[i].reason), "outcome", answer_word(s->d.trace.rows[i].answer), "why",
		    ctl_json_str(explain_why(s, i))));
	return checks;
}

static void
print_json(const struct scene *s)
{
	const struct decision *d = &s->d;
	json_t *o = json_object();
	int64_t retry = 0;
	struct str text;
	int rule = explain_deciding_rule(s, &text);

	(void)json_object_set_new(o, "verdict", json_string(d->passes ? "pass" : "hold"));
	(void)json_object_set_new(o, "reason", json_string(reason_word(d->verdict.reason)));
	(void)json_object_set_new(o, "rule", rule >= 0 ? json_integer(rule) : json_null());
	(void)json_object_set_new(o, "rule_text", ctl_json_str(text));
	(void)json_object_set_new(o, "site", ctl_json_str(d->site->name));
	(void)json_object_set_new(o, "id", ctl_json_str(d->condition.id));
	(void)json_object_set_new(o, "client", ctl_json_str(s->request.has_client ? explain_client(s) : STR_NONE));
	(void)json_object_set_new(o, "client_why", ctl_json_str(explain_client_words(s)));
	(void)json_object_set_new(o, "ambiguous", json_boolean(s->request.odd || s->request.any_host));
	(void)json_object_set_new(o, "checks", checks_json(s));
	(void)json_object_set_new(o, "status", json_integer(s->reply.status));
	(void)json_object_set_new(o, "content_type", ctl_json_str(reply_find(&s->reply, STR("Content-Type"))));
	(void)json_object_set_new(o, "retry_after", str_number(reply_find(&s->reply, STR("Retry-After")), 0, INT32_MAX,
	    &retry) == 0 ? json_integer((json_int_t)retry) : json_null());
	(void)json_object_set_new(o, "at", ctl_json_time(s->now));
	ctl_print_json(o);
}

/* What the options say; the lists have room for all arguments. */
struct wanted {
	const char  *from, *user, *at;
	const char **headers, **params;
	size_t       header_count, param_count;
};

static int
build_request(struct ctl *ctl, const struct wanted *wanted, int count, char **argv, struct asked *asked)
{
	int rc;

	asked_begin(asked, ctl->arena);
	rc = asked_target(asked, count > 1 ? str_of(argv[1]) : STR("GET"), str_of(argv[count]));
	if (rc != 0)
		return ctl_fail(CTL_USAGE, "%s", asked->wrong);
	if (wanted->from != NULL && asked_from(asked, str_of(wanted->from)) != 0)
		return ctl_fail(CTL_USAGE, "--from: expected one address such as 192.0.2.7 or 2001:db8::7");
	for (size_t i = 0; i < wanted->header_count; i++)
		if (asked_header(asked, str_of(wanted->headers[i])) != 0)
			return ctl_fail(CTL_USAGE, "--header: %s", asked->wrong);
	if (ctl->site_name != NULL)
		asked->raw.site = str_of(ctl->site_name);
	for (size_t i = 0; i < wanted->param_count; i++)
		if (asked_param(asked, str_of(wanted->params[i])) != 0)
			return ctl_fail(CTL_USAGE, "--param: %s", asked->wrong);
	if (wanted->user != NULL)
		asked->raw.user = str_of(wanted->user);
	return 0;
}

/* --at, in the zone of the site that the request is for. */
static int
find_time(struct ctl *ctl, const struct raw_request *raw, const char *at, int64_t *ret)
{
	struct request request;

	*ret = ctl->now;
	if (at == NULL)
		return 0;
	if (request_normalise(raw, &ctl->policy->trust, ctl->arena, &request) != 0)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	if (ctl_parse_time(ctl, at, ctl->now, policy_site_find(ctl->policy, &request)->answers.zone, ret) != 0)
		return ctl_fail(CTL_USAGE, "--at %s: expected a time such as \"2026-12-15 04:00\", 04:00 or +30m", at);
	return 0;
}

static void
note_site(void *context, const struct decision *d, int64_t now)
{
	struct scene *s = context;

	(void)now;
	s->sites = arena_printf(s->arena, "%.*s%s%.*s %s", STR_ARG(s->sites), s->sites.len > 0 ? ", " : "",
	    STR_ARG(asked_site_name(d->site)), d->verdict.outcome == OUTCOME_HOLD ? "holds" : "passes");
}

static int
explain(struct scene *s, const struct raw_request *raw)
{
	if (request_normalise(raw, &s->ctl->policy->trust, s->arena, &s->request) != 0)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	s->decider.explains = true;
	s->decider.asked = note_site;
	s->decider.context = s;
	decider_decide(&s->decider, &s->request, s->now, s->arena, &s->d, &s->reply);
	s->section = asked_section(s->values, s->d.site->name);
	if (s->ctl->json)
		print_json(s);
	else
		say(s);
	return s->d.passes ? CTL_YES : CTL_NO;
}

static int
run(struct ctl *ctl, const struct wanted *wanted, int count, char **argv)
{
	struct scene scene = { .ctl = ctl, .arena = ctl->arena };
	struct arena *texts;
	struct asked asked;
	int code = build_request(ctl, wanted, count, argv, &asked);

	if (code == 0)
		code = find_time(ctl, &asked.raw, wanted->at, &scene.now);
	if (code != 0)
		return code;
	texts = arena_new_growing(TEXTS_MAX);
	if (texts != NULL)
		scene.values = asked_values(ctl->config, texts);
	if (scene.values == NULL || decider_init(&scene.decider, ctl->policy) != 0) {
		arena_free(texts);
		return ctl_fail(CTL_SYSTEM, "out of memory, or %s changed just now: try again", ctl->config);
	}
	code = explain(&scene, &asked.raw);
	decider_clear(&scene.decider);
	arena_free(texts);
	return code;
}

int
ctl_explain(struct ctl *ctl, int argc, char **argv)
{
	size_t room = (size_t)argc + 1;
	struct wanted wanted = {
		.headers = arena_zalloc(ctl->arena, room, sizeof *wanted.headers),
		.params = arena_zalloc(ctl->arena, room, sizeof *wanted.params),
	};
	const char *repeated;           /* taken before: these rows are for the help */
	const struct ctl_option options[] = {
		{ "from", "ADDR", &wanted.from, NULL, "the peer's address; 127.0.0.1 without it" },
		{ "header", "\"Name: value\"", &repeated, NULL, "a header, as often as needed" },
		{ "user", "NAME", &wanted.user, NULL, "the user that the server has verified (WARDEN_USER)" },
		{ "param", "NAME=VALUE", &repeated, NULL, "what else the server says, such as MAINTENANCE_MODE" },
		{ "at", "TIME", &wanted.at, NULL, "decide as of then, with the flags that are there now" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code;

	if (wanted.headers == NULL || wanted.params == NULL)
		return ctl_fail(CTL_SYSTEM, "out of memory");
	wanted.header_count = asked_take_option(&argc, argv, "header", wanted.headers);
	wanted.param_count = asked_take_option(&argc, argv, "param", wanted.params);
	code = ctl_parse(ctl, options, argc, argv, 1, 2, &count);
	if (code >= 0)
		return code;
	if (ctl->site_name != NULL && ctl_site(ctl) == NULL)
		return CTL_USAGE;
	return run(ctl, &wanted, count, argv);
}
