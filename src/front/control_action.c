/* SPDX-License-Identifier: MIT */
/* From a JSON object to a command of wardenctl, and from its exit status to a reply. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/child.h"
#include "base/utf8.h"
#include "front/control_action.h"

#define MEMBERS_MAX 12
#define DETAIL_MAX  2000        /* bytes */

/*
 * The members of each, as wardenctl's options are named; "force" is true or false, "share" a number, all others are
 * texts.  `operand` is the member that the command takes without a name: it must be there.
 */
static const struct action {
	const char *name, *operand;
	const char *members[MEMBERS_MAX];
} actions[] = {
	{ "on", NULL, { "site", "for", "until", "message", "title", "mode", "owner", "reason", "change", "profile",
	    "share", "force" } },
	{ "off", NULL, { "site", "result", "note", "force" } },
	{ "toggle", NULL, { "site" } },
	{ "until", "until", { "site", "until", "reason", "force" } },
	{ "step", "step", { "site", "step" } },
};

const struct action *
action_find(struct str name)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (str_eq(name, str_of(actions[i].name)))
			return &actions[i];
	return NULL;
}

void
problem_reply(struct reply *reply, int status, struct str detail, struct arena *arena)
{
	size_t size = 6 * detail.len + 256;
	struct buffer out;

	buffer_init(&out, arena_alloc(arena, size), size);
	buffer_addf(&out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"",
	    reply_phrase(status), status);
	buffer_add_json(&out, detail);
	buffer_add(&out, STR("\"}\n"));
	if (out.full) {
		reply_emergency(reply, 503);
		return;
	}
	reply_begin(reply, status);
	reply_add(reply, STR("Content-Type"), STR("application/problem+json"));
	reply_add(reply, STR("Cache-Control"), STR("no-store"));
	reply_add(reply, STR("X-Content-Type-Options"), STR("nosniff"));
	reply_set_body(reply, buffer_str(&out), arena);
}

static bool
has_member(const struct action *action, const char *name)
{
	for (size_t i = 0; i < MEMBERS_MAX && action->members[i] != NULL; i++)
		if (strcmp(action->members[i], name) == 0)
			return true;
	return false;
}

/* A sentence whatever happens: a member that is left out for want of memory would be another action. */
static const char *
sentence(struct str text)
{
	return text.p != NULL ? text.p : "out of memory";
}

/* The text of an argument, empty for a "force" that is false; NULL after a sentence. */
static const char *
argument_of(const char *name, const json_t *value, struct arena *arena, const char **ret_wrong)
{
	if (strcmp(name, "force") == 0) {
		if (!json_is_boolean(value))
			*ret_wrong = sentence(arena_printf(arena, "%s: expected true or false", name));
		return json_is_true(value) ? "--force" : "";
	}
	if (strcmp(name, "share") == 0 && json_is_integer(value))
		return arena_printf(arena, "--share=%lld", (long long)json_integer_value(value)).p;
	if (json_is_string(value))
		return arena_printf(arena, "--%s=%s", name, json_string_value(value)).p;
	*ret_wrong = sentence(
	    arena_printf(arena, "%s: expected a %s", name, strcmp(name, "share") == 0 ? "number" : "text"));
	return NULL;
}

static void
add_member(const struct action *action, const char *name, const json_t *value, struct arena *arena, char **argv,
    size_t *count, const char **ret_wrong)
{
	const char *text;

	if (!has_member(action, name)) {
		*ret_wrong = sentence(arena_printf(arena, "%s has no member \"%.60s\"", action->name, name));
		return;
	}
	text = argument_of(name, value, arena, ret_wrong);
	if (text == NULL && *ret_wrong == NULL)
		*ret_wrong = sentence(STR_NONE);
	if (*ret_wrong == NULL && text[0] != '\0' && (action->operand == NULL || strcmp(name, action->operand) != 0))
		argv[(*count)++] = (char *)(uintptr_t)text;
}

static int
fill_arguments(const struct action *action, json_t *object, struct arena *arena, char **argv, const char **ret_wrong)
{
	const json_t *operand = action->operand != NULL ? json_object_get(object, action->operand) : NULL;
	size_t count = 0;
	const char *name;
	json_t *value;

	argv[count++] = (char *)(uintptr_t)action->name;
	argv[count++] = (char *)(uintptr_t)"--json";
	argv[count++] = (char *)(uintptr_t)"--by=" ACTION_BY;
	json_object_foreach(object, name, value)
		if (*ret_wrong == NULL)
			add_member(action, name, value, arena, argv, &count, ret_wrong);
	if (*ret_wrong == NULL && action->operand != NULL && operand == NULL)
		*ret_wrong = sentence(arena_printf(arena, "%s wants the member \"%s\"", action->name, action->operand));
	if (*ret_wrong != NULL)
		return -EINVAL;
	argv[count++] = (char *)(uintptr_t)"--";
	if (operand != NULL && (argv[count++] = (char *)(uintptr_t)arena_copy(
	    arena, str_of(json_string_value(operand))).p) == NULL)
		return -ENOMEM;
	return 0;
}

int
action_arguments(const struct action *action, struct str body, struct arena *arena, char ***ret,
    const char **ret_wrong)
{
	json_error_t error;
	json_t *object = body.len == 0 ? json_object() :
	    json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, &error);
	char **argv = arena_zalloc(arena, MEMBERS_MAX + 6, sizeof *argv);
	int rc = -ENOMEM;

	*ret_wrong = NULL;
	if (object == NULL || !json_is_object(object)) {
		*ret_wrong = object == NULL ? sentence(arena_printf(arena, "the body is no JSON: %s", error.text)) :
		    "the body is no JSON object";
		rc = -EINVAL;
	} else if (argv != NULL)
		rc = fill_arguments(action, object, arena, argv, ret_wrong);
	json_decref(object);
	if (rc == 0)
		*ret = argv;
	return rc;
}

/* What wardenctl told people, in one line. */
static struct str
sentence_of(struct str errors, struct arena *arena)
{
	char *text = arena_alloc(arena, DETAIL_MAX);
	bool utf8 = utf8_valid(errors);
	size_t len = 0;
	struct str line;

	while (text != NULL && str_split(&errors, '\n', &line)) {
		if (str_starts(line, STR("wardenctl: ")))
			line = str_sub(line, sizeof "wardenctl: " - 1, line.len);
		if (line.len == 0 || len + line.len + 2 > DETAIL_MAX)
			continue;
		if (len > 0) {
			text[len++] = ';';
			text[len++] = ' ';
		}
		for (size_t i = 0; i < line.len; i++)
			text[len++] = utf8 || (line.p[i] & 0x80) == 0 ? line.p[i] : '?';
	}
	return (struct str){ text, len };
}

/* Its JSON, and what it warned of. */
static void
reply_done(const struct child_result *result, struct arena *arena, struct reply *reply)
{
	json_t *object = json_loadb(result->output.p, result->output.len, 0, NULL);
	struct str warning = sentence_of(result->errors, arena);
	char *text = NULL;

	if (json_is_object(object) && warning.len > 0)
		(void)json_object_set_new(object, "warning", json_stringn(warning.p, warning.len));
	if (json_is_object(object))
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text == NULL) {
		problem_reply(reply, 500, STR("wardenctl did it, but what it said cannot be understood"), arena);
		return;
	}
	reply_begin(reply, 200);
	reply_add(reply, STR("Content-Type"), STR("application/json"));
	reply_add(reply, STR("Cache-Control"), STR("no-store"));
	reply_add(reply, STR("X-Content-Type-Options"), STR("nosniff"));
	reply_set_body(reply, arena_printf(arena, "%s\n", text), arena);
	free(text);
}

static int
status_of(int code, bool sound)
{
	switch (code) {
	case 1:
		return 409;
	case 2:
		return sound ? 400 : 500;
	case 124:
		return 504;
	default:
		return 500;
	}
}

static void
reply_of(const struct child_result *result, bool sound, struct arena *arena, struct reply *reply)
{
	struct str detail = sentence_of(result->errors, arena);

	if (result->code == 0) {
		reply_done(result, arena, reply);
		return;
	}
	if (result->code == 124)
		detail = arena_printf(arena, "wardenctl took longer than %d seconds and was ended: look at the status",
		    ACTION_SECONDS);
	else if (detail.len == 0)
		detail = arena_printf(arena, "wardenctl ended with %d and said nothing", result->code);
	problem_reply(reply, status_of(result->code, sound), detail, arena);
}

void
action_run(const char *program, const char *config, char *const *arguments, bool sound, const _Atomic(bool) *stopping,
    struct arena *arena, struct reply *reply)
{
	char *environment[] = { (char *)(uintptr_t)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		NULL };
	char *argv[MEMBERS_MAX + 10] = { (char *)(uintptr_t)program, (char *)(uintptr_t)"-c",
		(char *)(uintptr_t)config };
	struct child_result result;
	size_t count = 3;
	int rc;

	for (size_t i = 0; arguments[i] != NULL; i++)
		argv[count++] = arguments[i];
	rc = child_run_until(argv, environment, ACTION_SECONDS, stopping, arena, &result);
	if (rc == -ECANCELED)
		problem_reply(
		    reply, 503, STR("the gateway is stopping; the action goes on: look at the status"), arena);
	else if (rc == 0)
		reply_of(&result, sound, arena, reply);
	else
		problem_reply(reply, 500, arena_printf(arena, "cannot run %s: %s", program, strerror(-rc)), arena);
}
