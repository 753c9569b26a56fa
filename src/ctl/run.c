/* SPDX-License-Identifier: MIT */
/*
 * run: maintenance around one command.  On, the command, a look at the site through a ticket, off.  Signals reach the
 * command; whatever happens to it, what --on-fail says is done, and the exit status is the command's.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "ctl/commands.h"
#include "ctl/probe.h"
#include "ctl/standing.h"
#include "ctl/switch.h"
#include "ctl/tickets.h"

#define SMOKE_SECONDS 30
#define SMOKE_TICKET  600               /* seconds that the ticket of the smoke test is good for */

static volatile sig_atomic_t child_pid, caught;

static void
pass_on(int signal)
{
	caught = signal;
	if (child_pid > 0)
		(void)kill((pid_t)child_pid, signal);
}

/* A Ctrl-C reaches the command by itself, for it is in the terminal's group: it is only not to end us. */
static void
note(int signal)
{
	caught = signal;
}

static void
handle_signals(void)
{
	struct sigaction action = { .sa_flags = SA_RESTART };

	(void)sigemptyset(&action.sa_mask);
	action.sa_handler = pass_on;
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	action.sa_handler = isatty(STDIN_FILENO) ? note : pass_on;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGQUIT, &action, NULL);
	/* whoever stops reading what we say is no reason to leave maintenance on */
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

static sigset_t
handled_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	return set;
}

static int
spawn_with(char **argv, const sigset_t *mask)
{
	posix_spawnattr_t attributes;
	sigset_t standard = handled_signals();
	pid_t pid = 0;
	int rc = posix_spawnattr_init(&attributes);

	if (rc != 0)
		return -rc;
	(void)sigaddset(&standard, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(&attributes, &standard);
	(void)posix_spawnattr_setsigmask(&attributes, mask);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawnp(&pid, argv[0], NULL, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	child_pid = rc == 0 ? pid : 0;
	return -rc;
}

/* A signal waits until the command's number is known: one in between would reach nobody. */
static int
spawn(char **argv)
{
	sigset_t held = handled_signals(), before;
	int rc;

	(void)sigprocmask(SIG_BLOCK, &held, &before);
	rc = caught != 0 ? -EINTR : spawn_with(argv, &before);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/* The exit code of the command; 127 when it could not be started. */
static int
run_command(struct ctl *ctl, char **argv)
{
	int64_t begun = clock_monotonic_ms();
	int status = 0, rc, code;

	ctl_say(ctl, "[run] %s ...\n", argv[0]);
	(void)fflush(stdout);
	rc = spawn(argv);
	if (rc != 0) {
		(void)ctl_fail(CTL_SYSTEM, "cannot run %s: %s", argv[0], strerror(-rc));
		return 127;
	}
	while (waitpid((pid_t)child_pid, &status, 0) == -1 && errno == EINTR)
		;
	child_pid = 0;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	ctl_say(
	    ctl, "[run] exit %d (%.*s)\n", code, STR_ARG(ctl_span(ctl->arena, (clock_monotonic_ms() - begun) / 1000)));
	return code;
}

static const char *
smoke_url(struct ctl *ctl, const struct site *site, const char *smoke)
{
	if (smoke[0] != '/')
		return smoke;
	if (site->url.len == 0)
		return NULL;
	return arena_printf(ctl->arena, "%.*s%s", STR_ARG(str_sub(site->url, 0, site->url.len - 1)), smoke).p;
}

/* GET through a fresh ticket; anything but 2xx is a failure. */
static bool
smoke_test(struct ctl *ctl, const struct site *site, const char *url)
{
	struct ticket ticket = { .since = clock_now(), .until = clock_now() + SMOKE_TICKET,
		.note = STR("smoke test of wardenctl run") };
	struct probe_answer answer = { .status = 0 };
	struct str id = STR_NONE;
	int code = ticket_make(ctl, site, &ticket, &id), rc;

	if (id.len == 0)
		return false;
	rc = probe_send(&(struct probe){ .url = str_of(url), .seconds = SMOKE_SECONDS,
	    .headers = { arena_printf(ctl->arena, TICKET_HEADER ": %.*s", STR_ARG(id)) } }, ctl->arena, &answer);
	ticket_end(ctl, site, id);
	if (rc != 0) {
		(void)ctl_fail(CTL_SYSTEM, "the smoke test needs curl: %s", strerror(-rc));
		return false;
	}
	if (answer.status == 0 || !answer.whole)
		(void)ctl_fail(CTL_NO, "%s: %.*s", url, STR_ARG(answer.why));
	ctl_say(ctl, "[smoke] GET %s through a ticket: %d (%lld ms)\n", url, answer.status, (long long)answer.ms);
	return answer.whole && answer.status / 100 == 2 && code == 0;
}

struct wanted {
	struct switch_on on;
	const char      *on_fail, *smoke;
	bool             was_on;        /* before: then it is not ours to end */
};

/* Off, or not: what the outcome and --on-fail say. */
static int
finish(struct ctl *ctl, const struct wanted *w, int code, bool smoke_failed)
{
	bool failed = code != 0 || smoke_failed;
	struct switch_off off = { .result = failed ? "aborted" : "ok" };
	int off_code;

	ctl->now = clock_now();
	if (w->was_on) {
		ctl_say(ctl, "[run] maintenance was on before: it stays ON\n");
		return code != 0 ? code : smoke_failed ? CTL_NO : CTL_YES;
	}
	if (failed && strcmp(w->on_fail, "lift") != 0) {
		(void)ctl_fail(CTL_NO, "%s: maintenance stays ON; end it with wardenctl off%s%s",
		    smoke_failed ? "the smoke test failed" : "the command failed",
		    ctl->site_name != NULL ? " --site " : "", ctl->site_name != NULL ? ctl->site_name : "");
		return code != 0 ? code : CTL_NO;
	}
	off_code = switch_off(ctl, &off);
	if (code != 0)
		return code;
	return smoke_failed ? CTL_NO : off_code;
}

static int
run(struct ctl *ctl, struct wanted *w, char **argv)
{
	const struct site *site = ctl_site(ctl);
	const char *url = w->smoke != NULL && site != NULL ? smoke_url(ctl, site, w->smoke) : NULL;
	struct standing before;
	bool smoke_failed;
	int code;

	if (site == NULL)
		return CTL_USAGE;
	if (w->smoke != NULL && url == NULL)
		return ctl_fail(CTL_USAGE,
		    "--smoke %s: the site's address is not known; give it in full, or set url in "
		    "the INI",
		    w->smoke);
	handle_signals();
	code = standing_read(ctl, ctl_site(ctl), &before);
	if (code != 0)
		return ctl_fail_file("read", before.path, code);
	/* or it could not tell whether the end is its own to make */
	if (before.condition.unknown && !before.there)
		return ctl_fail(CTL_SYSTEM, "whether maintenance is on cannot be read: %s was not run", argv[0]);
	w->was_on = before.there || before.condition.on;
	code = switch_on(ctl, &w->on);
	if (code != CTL_YES)            /* also where it is on without its words: the operator shall know before */
		return ctl_fail((enum ctl_exit)code, "%s was not run", argv[0]);
	code = run_command(ctl, argv);
	(void)ctl_journal(ctl, "run", site->name, json_pack("{s:s, s:i}", "command", argv[0], "code", code));
	smoke_failed = code == 0 && url != NULL && !smoke_test(ctl, site, url);
	return finish(ctl, w, code, smoke_failed);
}

int
ctl_run(struct ctl *ctl, int argc, char **argv)
{
	struct wanted w = { .on_fail = "keep" };
	const struct ctl_option options[] = {
		{ "for", "SPAN", &w.on.span, NULL, "planned duration" },
		{ "until", "TIME", &w.on.until, NULL, "planned end" },
		{ "message", "TEXT", &w.on.message, NULL, "text of the page" },
		{ "mode", "MODE", &w.on.mode, NULL, "full or read-only" },
		{ "owner", "NAME", &w.on.owner, NULL, "who answers for it" },
		{ "reason", "TEXT", &w.on.reason, NULL, "why, for the journal" },
		{ "change", "ID", &w.on.change, NULL, "number of the change" },
		{ "profile", "NAME", &w.on.profile, NULL, "the content prepared in [profile.NAME]" },
		{ "force", NULL, NULL, &w.on.force, "whatever policy and hooks say; the journal tells" },
		{ "on-fail", "WHAT", &w.on_fail, NULL, "keep maintenance (the default) or lift it" },
		{ "smoke", "URL", &w.smoke, NULL, "must answer 2xx through a ticket; a path is the site's" },
		{ NULL, NULL, NULL, NULL, NULL },
	};
	int count, code = ctl_parse(ctl, options, argc, argv, 1, argc, &count);

	if (code >= 0)
		return code;
	if (strcmp(w.on_fail, "keep") != 0 && strcmp(w.on_fail, "lift") != 0)
		return ctl_fail(CTL_USAGE, "--on-fail %s: expected keep or lift", w.on_fail);
	argv[count + 1] = NULL;
	return run(ctl, &w, argv + 1);
}
