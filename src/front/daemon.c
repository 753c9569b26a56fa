/* SPDX-License-Identifier: MIT */
/*
 * The main thread of a process that serves.  It serves nobody itself: it waits for
 * signals, looks once a second whether the configuration changed, and reloads, so
 * that no request ever waits for a reload.  Of several processes the first alone
 * answers on control_listen and does the upkeep.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "front/control.h"
#include "front/daemon.h"
#include "front/fcgi.h"
#include "front/forward.h"
#include "front/http.h"
#include "front/limits.h"
#include "front/supervise.h"
#include "record/log.h"
#include "upkeep/gate_file.h"
#include "upkeep/upkeep.h"

#define HTTP_THREADS_MIN 2
#define HTTP_THREADS_MAX 8      /* each of them serves many connections */
#define UPKEEP_MEMORY    ((size_t)128 << 20)
#define RETRY_SECONDS    5      /* a configuration that names a missing file is tried again so often */

/* What is running; NULL where it is not. */
struct fronts {
	struct fcgi *fcgi;
	struct http *http;
	struct http *control;
};

void
daemon_log_problems(const struct problems *problems)
{
	char text[1024];

	for (const struct problem *p = problems->first; p != NULL; p = p->next) {
		problem_format(p, text, sizeof text);
		log_write(p->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "%s", text);
	}
}

/* What a reload cannot change is said, or the operator would wait for it. */
static void
say_what_stays(const struct policy *old, const struct policy *new)
{
	if (!str_eq(old->listen, new->listen) || old->socket_mode != new->socket_mode ||
	    !str_eq(old->socket_group, new->socket_group) || !str_eq(old->user, new->user) ||
	    old->workers != new->workers || old->processes != new->processes ||
	    old->process_memory != new->process_memory)
		log_write(LOG_LEVEL_WARNING, "listen, socket_mode, socket_group, user, workers, processes and "
		    "process_memory change at the next start");
	if (!str_eq(old->http_listen, new->http_listen) || old->http_connections != new->http_connections ||
	    old->http_per_address != new->http_per_address || old->http_timeout != new->http_timeout)
		log_write(LOG_LEVEL_WARNING,
		    "http_listen, http_connections, http_per_address and http_timeout change at the next start");
	if (!str_eq(old->control_listen, new->control_listen))
		log_write(LOG_LEVEL_WARNING, "control_listen changes at the next start");
}

/* What is to be done once, by whichever number of processes, is done by the first. */
static bool
is_first(const struct gateway *gateway)
{
	return gateway->post == NULL || gateway->post->number == 0;
}

/* Tokens are read again also where the rest is in error: one of them may have been taken away. */
static void
note_reload(struct gateway *gateway, bool done, struct problems *problems)
{
	if (is_first(gateway))
		counters_add(gateway->counters, COUNTERS_GATEWAY, done ? COUNTER_RELOADED : COUNTER_RELOAD_FAILED);
	atomic_store(&gateway->life.reload_failed, !done);
	if (done)
		atomic_store(&gateway->life.loaded, clock_now());
	if (done && gateway->post != NULL)
		atomic_store(gateway->post->reloaded, true);
	if (gateway->control != NULL && problems->arena != NULL && control_reload(gateway->control, problems) != 0)
		log_write(LOG_LEVEL_ERROR, "the control API cannot be used: see below; nobody can switch by it");
}

bool
daemon_reload(struct gateway *gateway, bool quiet)
{
	struct problems problems = { .arena = arena_new_growing(1 << 20) };
	struct policy_ref old = { 0 }, new = { 0 };
	bool say;
	int rc;

	(void)policy_refresh(gateway->store, &old);
	rc = problems.arena == NULL ? -ENOMEM : policy_store_reload(gateway->store, &problems);
	if (rc == 0 || !quiet)
		note_reload(gateway, rc == 0, &problems);
	say = (rc == 0 || !quiet) && (is_first(gateway) || rc == -ENOMEM);      /* the others read the same */
	if (say)
		daemon_log_problems(&problems);
	if (say && rc == 0)
		log_write(LOG_LEVEL_INFO, "configuration loaded");
	else if (say)
		log_write(LOG_LEVEL_ERROR, "the configuration cannot be used (%s): the one in force stays",
		    rc == -ENOMEM ? "out of memory" : "see above");
	arena_free(problems.arena);
	if (rc == 0) {
		serve_open_log(gateway);
		if (say)
			say_what_stays(old.policy, policy_refresh(gateway->store, &new));
	}
	policy_release(gateway->store, &old);
	policy_release(gateway->store, &new);
	return rc == 0;
}

/* Once a minute.  A state folder that the gateway may not write is no trouble of every minute. */
static void
keep_up(struct gateway *gateway)
{
	static _Atomic(int64_t) said;
	struct arena *arena = arena_new_growing(UPKEEP_MEMORY);
	struct policy_ref held = { 0 };
	struct upkeep_report report = { 0 };
	int64_t now = clock_now();

	if (arena == NULL)
		return;
	upkeep_run(policy_refresh(gateway->store, &held), now, arena, &report);
	policy_release(gateway->store, &held);
	if (report.trouble_count > 0 && log_now_and_then(&said, now, 3600))
		for (unsigned i = 0; i < report.trouble_count && i < UPKEEP_TROUBLES; i++)
			log_write(LOG_LEVEL_WARNING, "upkeep: %.*s", STR_ARG(report.troubles[i]));
	if (report.begun + report.ended + report.lifted > 0)
		log_write(LOG_LEVEL_INFO, "upkeep: %u windows begun, %u ended, %u flags lifted", report.begun,
		    report.ended, report.lifted);
	arena_free(arena);
}

/* Once a second. */
static void
keep_gate_file(struct gateway *gateway)
{
	static _Atomic(int64_t) said;
	struct policy_ref held = { 0 };
	const struct policy *policy = policy_refresh(gateway->store, &held);
	struct arena *arena = policy->gate_file == NULL ? NULL : arena_new_growing(UPKEEP_MEMORY);
	int64_t now = clock_now();
	int rc = arena == NULL ? 0 : gate_file_keep(policy, now, arena);

	if (rc != 0 && log_now_and_then(&said, now, 60))
		log_write(LOG_LEVEL_ERROR, "cannot write gate_file %s: %s", policy->gate_file, strerror(-rc));
	arena_free(arena);
	policy_release(gateway->store, &held);
}

static void
wait_for_end(struct gateway *gateway, const struct fronts *fronts, const sigset_t *signals)
{
	const struct timespec second = { .tv_sec = 1 };
	int failed_for = atomic_load(&gateway->life.reload_failed) ? 0 : -1;    /* seconds since one did; -1: none */
	int64_t upkeep_at = clock_monotonic_ms() + UPKEEP_SECONDS * 1000;

	for (;;) {
		int signal = sigtimedwait(signals, NULL, &second);
		bool changed;

		if (signal == SIGTERM || signal == SIGINT)
			return;
		if (signal == SIGHUP)
			log_reopen();
		changed = signal == SIGHUP || policy_store_changed(gateway->store);
		if (changed)
			failed_for = daemon_reload(gateway, false) ? -1 : 0;
		else if (failed_for >= 0 && ++failed_for >= RETRY_SECONDS)
			failed_for = daemon_reload(gateway, true) ? -1 : 0;
		fcgi_cut_slow(fronts->fcgi);
		http_cut_slow(fronts->http);
		http_cut_slow(fronts->control);
		if (!is_first(gateway))
			continue;
		keep_gate_file(gateway);
		if (clock_monotonic_ms() >= upkeep_at) {
			keep_up(gateway);
			upkeep_at = clock_monotonic_ms() + UPKEEP_SECONDS * 1000;
		}
	}
}

int
daemon_become_user(const struct policy *policy, struct problems *problems)
{
	struct place place = { policy->file, 0, STR("gateway"), STR("user") };
	char name[64] = "";
	struct passwd *user;

	if (policy->user.len == 0 || geteuid() != 0)
		return 0;
	if (policy->user.len < sizeof name)
		memcpy(name, policy->user.p, policy->user.len);
	user = getpwnam(name);          /* before there are threads */
	if (user == NULL) {
		problem_error(problems, &place, "there is no user \"%.*s\"", STR_ARG(policy->user));
		return -ENOENT;
	}
	if (initgroups(name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0)
		return 0;
	problem_error(problems, &place, "cannot become %s: %s", name, strerror(errno));
	return -EPERM;
}

/* A request waits for nothing but the file system: as many threads as processors, within limits. */
static size_t
http_threads(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors < HTTP_THREADS_MIN)
		return HTTP_THREADS_MIN;
	return processors > HTTP_THREADS_MAX ? HTTP_THREADS_MAX : (size_t)processors;
}

static int
start_http(struct gateway *gateway, const struct listener *listener, const struct policy *policy, struct http **ret)
{
	struct http_service service = { .handler = forward_answer, .threads = http_threads(),
		.connections = policy->http_connections, .per_address = policy->http_per_address,
		.timeout = policy->http_timeout };

	return http_start(gateway, listener, &service, ret);
}

static int
start_control(struct gateway *gateway, const struct listener *listener, struct http **ret)
{
	struct http_service service = { .handler = control_handle, .connections = CONTROL_CONNECTIONS,
		.timeout = CONTROL_TIMEOUT, .body_max = CONTROL_BODY_MAX, .answer_seconds = CONTROL_ANSWER_SECONDS,
		.memory = CONTROL_ARENA_SIZE };

	return http_start(gateway, listener, &service, ret);
}

/* False when something still runs, which uses what the caller would free. */
static bool
stop(struct gateway *gateway, struct fronts *fronts)
{
	int64_t deadline = clock_monotonic_ms() + STOP_SECONDS * 1000;
	bool ended;

	control_stop(gateway->control);
	ended = fcgi_stop(fronts->fcgi, STOP_SECONDS);
	http_stop(fronts->http, (int)((deadline - clock_monotonic_ms()) / 1000));
	http_stop(fronts->control, (int)((deadline - clock_monotonic_ms()) / 1000));
	*fronts = (struct fronts){ 0 };
	return ended;
}

static int
start(struct gateway *gateway, const struct sockets *sockets, struct fronts *ret)
{
	struct policy_ref held = { 0 };
	const struct policy *policy = policy_refresh(gateway->store, &held);
	int rc = 0;

	if (sockets->fastcgi.fd != -1)
		rc = fcgi_start(gateway, &sockets->fastcgi, policy->workers, &ret->fcgi);
	if (rc == 0 && sockets->http.fd != -1)
		rc = start_http(gateway, &sockets->http, policy, &ret->http);
	if (rc == 0 && sockets->control.fd != -1 && is_first(gateway))
		rc = start_control(gateway, &sockets->control, &ret->control);
	policy_release(gateway->store, &held);
	if (rc != 0)
		(void)stop(gateway, ret);
	return rc;
}

static void
say_where(const struct listener *listener, const char *what)
{
	if (listener->fd != -1)
		log_write(LOG_LEVEL_INFO, "listening on %.*s%s", STR_ARG(listener->where), what);
}

void
daemon_prepare(struct gateway *gateway, const struct sockets *sockets)
{
	gateway->life.started = clock_now();
	atomic_store(&gateway->life.loaded, gateway->life.started);
	serve_open_log(gateway);
	serve_open_counters(gateway);
	say_where(&sockets->fastcgi, "");
	say_where(&sockets->http, " for HTTP");
	say_where(&sockets->control, " for metrics and control");
}

/*
 * A worker that was started again has the policy of the first start.  Where the files say another by now, and cannot be
 * used, nobody knows any more what was in force last: then the old policy holds, and lets nobody past it.
 */
static void
catch_up(struct gateway *gateway)
{
	if (!policy_store_changed(gateway->store) || daemon_reload(gateway, false) || gateway->post == NULL ||
	    !atomic_load(gateway->post->reloaded))
		return;
	gateway->outdated = true;
	log_write(LOG_LEVEL_ERROR, "the policy of the start is in force, and bypasses are suspended, until the "
	    "configuration can be used");
}

static void
set_limits(struct gateway *gateway)
{
	struct policy_ref held = { 0 };

	limits_set(policy_refresh(gateway->store, &held));
	policy_release(gateway->store, &held);
}

int
daemon_run(struct gateway *gateway, const struct sockets *sockets)
{
	struct fronts fronts = { 0 };
	struct worker warm = { 0 };
	sigset_t signals;
	int rc;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	catch_up(gateway);
	set_limits(gateway);
	serve_warm_up(gateway, &warm);
	worker_finish(&warm, gateway);
	rc = start(gateway, sockets, &fronts);
	if (rc != 0)
		return rc;
	if (gateway->post != NULL)
		supervise_listening(gateway->post);
	wait_for_end(gateway, &fronts, &signals);
	log_write(LOG_LEVEL_INFO, "stopping: answering what is running");
	if (!stop(gateway, &fronts)) {
		log_write(LOG_LEVEL_WARNING, "stopped, and cut what was still running");
		_exit(EXIT_SUCCESS);
	}
	log_write(LOG_LEVEL_INFO, "stopped");
	return 0;
}
