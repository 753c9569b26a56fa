/* SPDX-License-Identifier: MIT */
/* The table of endpoints, who may do what, and the answers that only look. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer/status.h"
#include "front/control.h"
#include "front/control_action.h"
#include "front/control_tokens.h"
#include "record/log.h"
#include "record/metrics.h"

#define MINUTE_MS        60000
#define REMINDER_SECONDS 60

/* So many a minute, all of them at once if nobody came before; each takes its share of the minute, up to `full`. */
struct limit {
	int     a_minute;
	int64_t full;                   /* monotonic milliseconds */
};

struct control {
	struct gateway *gateway;
	char            wardenctl[PATH_MAX];    /* beside the gateway's own binary; "" where that is not known */
	pthread_mutex_t mutex;                  /* guards what follows */
	struct tokens   tokens;
	struct limit    failed, actions;
	pthread_mutex_t acting;                 /* held while an action runs */
	_Atomic(bool)   stopping;
};

/* One request, and what answers need. */
struct asked_control {
	struct control               *control;
	const struct control_request *request;
	const struct policy          *policy;
	struct str                    path, query;
	int64_t                       now;
	struct arena                 *arena;
	struct reply                 *reply;
};

static void
fail(const struct asked_control *a, int status, const char *sentence)
{
	problem_reply(a->reply, status, str_of(sentence), a->arena);
}

static void
answer_text(const struct asked_control *a, struct str type, struct str body)
{
	reply_begin(a->reply, 200);
	reply_add(a->reply, STR("Content-Type"), type);
	reply_add(a->reply, STR("Cache-Control"), STR("no-store"));
	reply_add(a->reply, STR("X-Content-Type-Options"), STR("nosniff"));
	reply_set_body(a->reply, body, a->arena);
}

static void
get_metrics(const struct asked_control *a)
{
	const struct gateway *gateway = a->control->gateway;
	struct str text;

	if (metrics_build(a->policy, gateway->counters, &gateway->life, a->now, a->arena, &text) == 0)
		answer_text(a, STR(METRICS_TYPE), text);
	else
		fail(a, 500, "out of memory");
}

static void
get_health(const struct asked_control *a)
{
	answer_text(a, STR("text/plain; charset=utf-8"), STR("ok\n"));
}

/* Calls `each` with every site and how it stands, until that returns false; texts live until it returns. */
static int
each_site(const struct asked_control *a, bool (*each)(const struct asked_control *, void *context, const struct site *,
    const struct condition *), void *context)
{
	static const struct raw_request nothing;
	struct decider decider = { 0 };
	bool more = true;

	if (decider_init(&decider, a->policy) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < a->policy->site_count && more; i++) {
		struct condition condition;

		(void)decider_read(&decider, &a->policy->sites[i], &nothing, a->now, &condition);
		more = each(a, context, &a->policy->sites[i], &condition);
	}
	decider_clear(&decider);
	return 0;
}

static bool
find_unknown(const struct asked_control *a, void *context, const struct site *site, const struct condition *condition)
{
	const struct site **found = context;

	(void)a;
	if (condition->unknown)
		*found = site;
	return !condition->unknown;
}

static void
get_ready(const struct asked_control *a)
{
	const struct site *unknown = NULL;

	if (each_site(a, find_unknown, &unknown) != 0)
		fail(a, 503, "out of memory");
	else if (unknown == NULL)
		answer_text(a, STR("text/plain; charset=utf-8"), STR("ready\n"));
	else
		problem_reply(a->reply, 503, arena_printf(a->arena, "the state of %s cannot be read: see who may, with "
		    "namei -l %.*s", unknown->name.len > 0 ? arena_printf(a->arena, "site %.*s",
		    STR_ARG(unknown->name)).p : "every site", STR_ARG(a->policy->state_dir)), a->arena);
}

struct status_list {
	const struct site *only;        /* NULL: all */
	struct str        *pieces;      /* two a site, and one for the end */
	size_t             count;
	int                status;
};

static bool
add_status(const struct asked_control *a, void *context, const struct site *site, const struct condition *condition)
{
	struct status_list *list = context;
	struct reply one;

	if (list->only != NULL && site != list->only)
		return true;
	status_build(&site->answers, condition, a->arena, &one);
	list->status = one.status;
	if (one.status != 200)
		return false;
	if (list->only == NULL) {
		list->pieces[list->count] = list->count == 0 ? STR("[") : STR(",");
		list->count++;
	}
	/* its line end is not the array's */
	list->pieces[list->count++] = str_sub(one.pieces[0], 0, one.pieces[0].len - (list->only == NULL));
	return true;
}

/* The value of "site=", decoded (RFC 3986 section 2.1); false for any other query. */
static bool
parse_site(struct str query, struct arena *arena, struct str *ret)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	char *text = arena_alloc(arena, query.len + 1);
	size_t len = 0;

	if (text == NULL || !str_starts(query, STR("site=")) || str_find(query, '&') != query.len)
		return false;
	for (size_t i = sizeof "site=" - 1; i < query.len; i++) {
		const char *high, *low;

		if (query.p[i] != '%') {
			text[len++] = query.p[i] == '+' ? ' ' : query.p[i];
			continue;
		}
		if (i + 2 >= query.len || (high = memchr(digits, query.p[i + 1], 22)) == NULL ||
		    (low = memchr(digits, query.p[i + 2], 22)) == NULL)
			return false;
		text[len++] = (char)((high - digits > 15 ? high - digits - 6 : high - digits) * 16 +
		    (low - digits > 15 ? low - digits - 6 : low - digits));
		i += 2;
	}
	*ret = (struct str){ text, len };
	return true;
}

static void
get_status(const struct asked_control *a)
{
	struct status_list list = { .status = 503 };
	struct str name;

	if (a->query.p != NULL && !parse_site(a->query, a->arena, &name)) {
		fail(a, 400, "expected no query, or site=NAME");
		return;
	}
	if (a->query.p != NULL && ((list.only = policy_site_named(a->policy, name)) == NULL || name.len == 0)) {
		fail(a, 404, "there is no such site in the configuration");
		return;
	}
	list.pieces = arena_alloc(a->arena, (2 * a->policy->site_count + 1) * sizeof *list.pieces);
	if (list.pieces == NULL || each_site(a, add_status, &list) != 0 || list.status != 200) {
		fail(a, 503, "out of memory, or a site's texts are too long");
		return;
	}
	if (list.only == NULL)
		list.pieces[list.count++] = STR("]\n");
	answer_text(a, STR("application/json"), STR(""));
	a->reply->pieces = list.pieces;
	a->reply->piece_count = list.count;
}

/* How many milliseconds are to be waited for the next one. */
static int64_t
limit_wait(const struct limit *limit, int64_t now)
{
	int64_t room = MINUTE_MS - MINUTE_MS / limit->a_minute;

	return limit->full - now > room ? limit->full - now - room : 0;
}

static void
limit_take(struct limit *limit, int64_t now)
{
	limit->full = (limit->full > now ? limit->full : now) + MINUTE_MS / limit->a_minute;
}

static void
refuse_for_now(const struct asked_control *a, int status, int64_t wait_ms, const char *sentence)
{
	fail(a, status, sentence);
	reply_add(a->reply, STR("Retry-After"), arena_printf(a->arena, "%lld", (long long)(wait_ms + 999) / 1000));
}

static void
refuse_token(const struct asked_control *a)
{
	static _Atomic(int64_t) said;

	counters_add(a->control->gateway->counters, COUNTERS_GATEWAY, COUNTER_UNAUTHORIZED);
	if (log_now_and_then(&said, a->now, REMINDER_SECONDS))
		log_write(LOG_LEVEL_WARNING, "control: refused a request without a valid token");
	fail(a, 401, "a valid token is needed: Authorization: Bearer TOKEN");
	reply_add(a->reply, STR("WWW-Authenticate"), a->request->authorization.len == 0 ?
	    STR("Bearer realm=\"maintenance-warden\"") :
	    STR("Bearer realm=\"maintenance-warden\", error=\"invalid_token\""));
}

/* Whether the request has a token.  After too many that had none, nobody's is looked at for a while. */
static bool
is_authorized(const struct asked_control *a)
{
	struct control *control = a->control;
	int64_t now = clock_monotonic_ms(), wait;
	struct tokens tokens;
	bool match;

	(void)pthread_mutex_lock(&control->mutex);
	tokens = control->tokens;
	wait = limit_wait(&control->failed, now);
	match = wait == 0 && tokens_match(&tokens, a->request->authorization);
	if (wait == 0 && !match)
		limit_take(&control->failed, now);
	(void)pthread_mutex_unlock(&control->mutex);
	if (match)
		return true;
	if (wait > 0)
		refuse_for_now(a, 429, wait, "too many requests without a valid token");
	else
		refuse_token(a);
	return false;
}

/* "application/json", perhaps with a parameter. */
static bool
is_json(struct str type)
{
	return str_eq_nocase(str_trim(str_sub(type, 0, str_find(type, ';'))), STR("application/json"));
}

/* The arguments, or NULL after a refusal. */
static char **
read_arguments(const struct asked_control *a, const struct action *action)
{
	const struct control_request *request = a->request;
	const char *wrong = NULL;
	char **arguments = NULL;

	if (a->query.p != NULL)
		fail(a, 400, "an action takes no query: its members stand in the JSON body");
	else if (request->no_length)
		fail(a, 411, "a body in chunks is not read: send it with Content-Length");
	else if (request->too_large || request->body.len > CONTROL_BODY_MAX)
		fail(a, 413, "the body is over 8192 bytes");
	else if (request->body.len > 0 && !is_json(request->content_type))
		fail(a, 415, "expected Content-Type: application/json");
	else if (action_arguments(action, request->body, a->arena, &arguments, &wrong) != 0) {
		fail(a, wrong != NULL ? 400 : 500, wrong != NULL ? wrong : "out of memory");
		return NULL;
	}
	return arguments;
}

static bool
may_act_now(const struct asked_control *a)
{
	struct control *control = a->control;
	int64_t now = clock_monotonic_ms(), wait;

	(void)pthread_mutex_lock(&control->mutex);
	wait = limit_wait(&control->actions, now);
	if (wait == 0)
		limit_take(&control->actions, now);
	(void)pthread_mutex_unlock(&control->mutex);
	if (wait > 0)
		refuse_for_now(a, 429, wait, "too many actions in a minute");
	return wait == 0;
}

static void
act(const struct asked_control *a, char *const *arguments)
{
	const char *program = a->policy->wardenctl != NULL ? a->policy->wardenctl : a->control->wardenctl;
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CONTROL_WAIT_SECONDS;
	if (pthread_mutex_timedlock(&a->control->acting, &until) != 0) {
		refuse_for_now(a, 503, 5000, "another action is still running");
		return;
	}
	action_run(program, a->policy->file.p, arguments, !atomic_load(&a->control->gateway->life.reload_failed),
	    &a->control->stopping, a->arena, a->reply);
	(void)pthread_mutex_unlock(&a->control->acting);
	log_write(LOG_LEVEL_INFO, "control: %s: %d", arguments[0], a->reply->status);
}

static void
post_action(const struct asked_control *a)
{
	const struct action *action = action_find(str_sub(a->path, sizeof "/.maintenance/" - 1, a->path.len));
	char **arguments;

	if (!is_authorized(a))
		return;
	arguments = read_arguments(a, action);
	if (arguments != NULL && may_act_now(a))
		act(a, arguments);
}

static const struct endpoint {
	struct str path, method;
	void     (*answer)(const struct asked_control *);
} endpoints[] = {
	{ STR_INIT("/metrics"),             STR_INIT("GET"),  get_metrics },
	{ STR_INIT("/healthz"),             STR_INIT("GET"),  get_health },
	{ STR_INIT("/readyz"),              STR_INIT("GET"),  get_ready },
	{ STR_INIT("/.maintenance/status"), STR_INIT("GET"),  get_status },
	{ STR_INIT("/.maintenance/on"),     STR_INIT("POST"), post_action },
	{ STR_INIT("/.maintenance/off"),    STR_INIT("POST"), post_action },
	{ STR_INIT("/.maintenance/toggle"), STR_INIT("POST"), post_action },
	{ STR_INIT("/.maintenance/until"),  STR_INIT("POST"), post_action },
	{ STR_INIT("/.maintenance/step"),   STR_INIT("POST"), post_action },
};

static const struct endpoint *
find_endpoint(struct str path)
{
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
		if (str_eq(endpoints[i].path, path))
			return &endpoints[i];
	return NULL;
}

static void
answer(const struct asked_control *a)
{
	const struct endpoint *endpoint = find_endpoint(a->path);
	bool looks = endpoint != NULL && str_eq(endpoint->method, STR("GET"));

	if (endpoint == NULL)
		fail(a, 404, "there is no such endpoint here");
	else if (!looks && a->policy->control_token_file == NULL)
		fail(a, 404, "the control API is off: control_token_file is not set");
	else if (str_eq(a->request->method, endpoint->method) || (looks && str_eq(a->request->method, STR("HEAD"))))
		endpoint->answer(a);
	else {
		fail(a, 405, looks ? "only GET and HEAD are understood here" : "only POST is understood here");
		reply_add(a->reply, STR("Allow"), looks ? STR("GET, HEAD") : STR("POST"));
	}
	a->reply->send_body = !str_eq(a->request->method, STR("HEAD"));
}

void
control_answer(struct control *control, const struct control_request *request, struct arena *arena,
    struct reply *reply)
{
	struct policy_ref held = { 0 };
	size_t question = str_find(request->target, '?');
	struct asked_control asked = {
		.control = control, .request = request, .policy = policy_refresh(control->gateway->store, &held),
		.path = str_sub(request->target, 0, question), .now = clock_now(), .arena = arena, .reply = reply,
	};

	if (question < request->target.len)
		asked.query = str_sub(request->target, question + 1, request->target.len);
	answer(&asked);
	policy_release(control->gateway->store, &held);
}

/* A field that came twice is none. */
static struct str
field(const struct http_request *request, struct str name)
{
	size_t count;
	struct str value = http_field(request, name, &count);

	return count == 1 ? value : STR_NONE;
}

void
control_handle(struct gateway *gateway, struct worker *worker, const struct http_request *request, struct reply *reply)
{
	size_t codings;
	struct control_request asked = {
		.method = request->method, .target = request->target,
		.content_type = field(request, STR("Content-Type")),
		.authorization = field(request, STR("Authorization")), .body = request->body,
		.too_large = !request->body_whole,
	};

	(void)worker;
	(void)http_field(request, STR("Transfer-Encoding"), &codings);
	asked.no_length = codings > 0;
	if (request->whole)
		control_answer(gateway->control, &asked, request->arena, reply);
	else if (request->field_count == HTTP_FIELDS_MAX)
		problem_reply(reply, 431, STR("too many header fields"), request->arena);
	else
		problem_reply(reply, 400, STR("the head of the request is malformed"), request->arena);
}

void
control_stop(struct control *control)
{
	if (control != NULL)
		atomic_store(&control->stopping, true);
}

/* Both are installed into one folder.  Found once: an update may put another binary into this one's place. */
static void
find_wardenctl(struct control *control)
{
	static const char name[] = "wardenctl";
	ssize_t len = readlink("/proc/self/exe", control->wardenctl, sizeof control->wardenctl - 1);
	size_t folder = str_find_last((struct str){ control->wardenctl, len > 0 ? (size_t)len : 0 }, '/') + 1;

	if (len <= 0 || folder + sizeof name > sizeof control->wardenctl)
		control->wardenctl[0] = '\0';
	else
		memcpy(control->wardenctl + folder, name, sizeof name);
}

static int
load_tokens(struct control *control, const struct policy *policy, struct problems *problems)
{
	struct tokens tokens = { 0 };
	int rc = policy->control_token_file != NULL ? tokens_read(policy, problems, &tokens) : 0;

	(void)pthread_mutex_lock(&control->mutex);
	control->tokens = tokens;
	(void)pthread_mutex_unlock(&control->mutex);
	return rc;
}

static int
check_wardenctl(const struct control *control, const struct policy *policy, struct problems *problems)
{
	struct place place = { policy->file, 0, STR("gateway"), STR("wardenctl") };
	const char *program = policy->wardenctl != NULL ? policy->wardenctl : control->wardenctl;

	if (policy->control_token_file == NULL || access(program, X_OK) == 0)
		return 0;
	problem_error(problems, &place, "the control API cannot run %s: %s; set wardenctl = PATH",
	    program[0] != '\0' ? program : "wardenctl", strerror(errno));
	return -EINVAL;
}

int
control_reload(struct control *control, struct problems *problems)
{
	struct policy_ref held = { 0 };
	const struct policy *policy = policy_refresh(control->gateway->store, &held);
	int rc = load_tokens(control, policy, problems), run = check_wardenctl(control, policy, problems);

	policy_release(control->gateway->store, &held);
	return rc != 0 ? rc : run;
}

int
control_open(struct gateway *gateway, struct problems *problems, struct control **ret)
{
	struct control *control = calloc(1, sizeof *control);
	int rc;

	if (control == NULL)
		return -ENOMEM;
	control->gateway = gateway;
	control->failed.a_minute = CONTROL_FAILED_A_MINUTE;
	control->actions.a_minute = CONTROL_ACTIONS_A_MINUTE;
	(void)pthread_mutex_init(&control->mutex, NULL);
	(void)pthread_mutex_init(&control->acting, NULL);
	find_wardenctl(control);
	rc = control_reload(control, problems);
	if (rc == 0)
		*ret = control;
	else
		control_close(control);
	return rc;
}

void
control_close(struct control *control)
{
	if (control == NULL)
		return;
	(void)pthread_mutex_destroy(&control->mutex);
	(void)pthread_mutex_destroy(&control->acting);
	free(control);
}
