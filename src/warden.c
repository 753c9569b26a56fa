/* SPDX-License-Identifier: MIT */
/*
 * maintenance-warden, the gateway.  It finds out by itself what it is:
 *
 *   descriptor 0 is a listening socket   FastCGI, started by a web server or systemd
 *   the environment is that of CGI       one request, then the end
 *   the INI says where to listen         FastCGI, HTTP, or both, a service of its own
 *   --rewrite-map                        a line each request, for Apache
 *
 * Then it loads the INI, and serves.  What a request goes through is in front/serve.c.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front/cgi.h"
#include "front/control.h"
#include "front/daemon.h"
#include "front/rewritemap.h"
#include "front/supervise.h"
#include "record/log.h"

#define PROBLEMS_MAX (4 * 1024 * 1024)

enum exit_code { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_SYSTEM = 3 };

enum role { ROLE_INHERITED, ROLE_CGI, ROLE_LISTEN };

struct options {
	const char *config;             /* NULL: look for it */
	bool        check;
	bool        rewrite_map;
};

static void
print_help(FILE *out)
{
	(void)fputs(
	    "maintenance-warden: holds a site's requests while maintenance is on\n\n"
	    "usage: maintenance-warden [-c FILE]      serve (FastCGI or CGI, found out by itself)\n"
	    "       maintenance-warden --check [-c FILE]\n"
	    "       maintenance-warden --rewrite-map [-c FILE]\n"
	    "\n  -c, --config FILE   the INI file; else $WARDEN_CONFIG, else warden.ini beside the\n"
	    "                      program, else " CONFIG_FILE "\n"
	    "      --check         read the configuration, say what is wrong with it, and end\n"
	    "      --rewrite-map   answer Apache's RewriteMap \"prg:\", a line each request\n"
	    "      --version       say which version this is\n"
	    "  -h, --help          this text\n\n"
	    "exit status: 0 done, 2 used wrongly or configuration in error, 3 the system failed\n", out);
}

/* Returns -1 to go on, or an exit code. */
static int
parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
		{ "rewrite-map", no_argument, NULL, 'm' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->config = optarg;
			break;
		case 'k':
			options->check = true;
			break;
		case 'm':
			options->rewrite_map = true;
			break;
		case 'V':
			(void)puts("maintenance-warden " PACKAGE_VERSION);
			return EXIT_DONE;
		case 'h':
			print_help(stdout);
			return EXIT_DONE;
		default:
			print_help(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc || cgi_is_meant())
		return -1;
	(void)fprintf(stderr, "maintenance-warden: unexpected argument \"%s\"; see --help\n", argv[optind]);
	return EXIT_USAGE;
}

/* "warden.ini" in the program's own folder, if it is there. */
static const char *
config_beside_program(char path[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
	struct str program = { path, len > 0 ? (size_t)len : 0 };
	size_t folder = str_find_last(program, '/') + 1;
	static const char name[] = "warden.ini";

	if (len <= 0 || folder + sizeof name > PATH_MAX)
		return NULL;
	memcpy(path + folder, name, sizeof name);
	/* one that is there and cannot be reached is used, and fails: it is not passed by for another */
	return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR) ? path : NULL;
}

static const char *
find_config(const struct options *options, char path[PATH_MAX])
{
	const char *named = options->config != NULL ? options->config : getenv("WARDEN_CONFIG");
	const char *beside;

	if (named != NULL && named[0] != '\0')
		return named;
	beside = config_beside_program(path);
	return beside != NULL ? beside : CONFIG_FILE;
}

static void
print_problems(const struct problems *problems)
{
	char text[1024];

	for (const struct problem *p = problems->first; p != NULL; p = p->next) {
		problem_format(p, text, sizeof text);
		(void)fprintf(stderr, "%s\n", text);
	}
}

static const char *
plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

static int
print_check(const char *config, const struct problems *problems)
{
	print_problems(problems);
	if (problems->errors == 0 && problems->warnings == 0)
		(void)printf("%s: ok\n", config);
	else
		(void)printf("%s: %u error%s, %u warning%s\n", config, problems->errors, plural(problems->errors),
		    problems->warnings, plural(problems->warnings));
	return problems->errors == 0 ? EXIT_DONE : EXIT_USAGE;
}

static enum role
find_role(void)
{
	if (listener_is_inherited())
		return ROLE_INHERITED;
	return cgi_is_meant() ? ROLE_CGI : ROLE_LISTEN;
}

/* Opens one socket, where the INI names one. */
static int
open_named(const struct policy *policy, struct str key, struct str where, struct problems *problems,
    struct listener *ret)
{
	char *copy = strndup(where.p, where.len);       /* outlives the policy */
	int rc = copy == NULL ? -ENOMEM : 0;

	if (rc == 0 && where.len > 0)
		rc = listener_open(policy, key, str_of(copy), problems, ret);
	if (ret->fd == -1)
		free(copy);
	return rc;
}

static int
open_fastcgi(const struct policy *policy, enum role role, struct problems *problems, struct listener *ret)
{
	struct place place = { policy->file, 0, STR("gateway"), STR("listen") };
	int rc;

	if (role == ROLE_INHERITED)
		return listener_inherit(ret);
	if (policy->listen.len == 0 && policy->http_listen.len == 0) {
		problem_error(problems, &place, "nothing to do: no server started this program, and neither listen nor "
		    "http_listen says where to wait for one");
		return -EINVAL;
	}
	rc = open_named(policy, STR("listen"), policy->listen, problems, ret);
	if (rc != 0 || ret->fd == -1)
		return rc;
	rc = listener_read_peers(ret);
	if (rc != 0)
		problem_error(problems, &place, "FCGI_WEB_SERVER_ADDRS in the environment is no list of addresses");
	return rc;
}

static int
open_sockets(struct gateway *gateway, enum role role, struct problems *problems, struct sockets *ret)
{
	struct policy_ref held = { 0 };
	const struct policy *policy = policy_refresh(gateway->store, &held);
	int rc = open_fastcgi(policy, role, problems, &ret->fastcgi);

	if (rc == 0)
		rc = open_named(policy, STR("http_listen"), policy->http_listen, problems, &ret->http);
	if (rc == 0) {
		rc = open_named(policy, STR("control_listen"), policy->control_listen, problems, &ret->control);
		/* a web server may start several of us: one of them answers there */
		if (role == ROLE_INHERITED && rc == -EADDRINUSE)
			rc = 0;
	}
	if (rc == 0)
		rc = daemon_become_user(policy, problems);
	policy_release(gateway->store, &held);
	return rc;
}

static void
close_socket(struct listener *listener)
{
	if (listener->fd == -1 || !listener->ours)
		return;
	listener_close(listener);
	free((char *)listener->where.p);
}

/* What control_listen answers with, where it is set. */
static int
open_control(struct gateway *gateway, struct problems *problems)
{
	struct policy_ref held = { 0 };
	bool wanted = policy_refresh(gateway->store, &held)->control_listen.len > 0;

	policy_release(gateway->store, &held);
	return wanted ? control_open(gateway, problems, &gateway->control) : 0;
}

/* A web server that started us on its socket starts another when we die; systemd waits for a while, or gives up. */
static bool
is_supervised(enum role role)
{
	char self[16];
	const char *by_systemd = getenv("SYSTEMD_EXEC_PID");    /* systemd.exec(5); others may inherit it */

	(void)snprintf(self, sizeof self, "%ld", (long)getpid());
	return role == ROLE_INHERITED && (by_systemd == NULL || strcmp(by_systemd, self) != 0);
}

/* Only the first worker answers on control_listen. */
static void
take_post(struct gateway *gateway, const struct post *post)
{
	gateway->post = post;
	if (post->number == 0)
		return;
	control_close(gateway->control);
	gateway->control = NULL;
}

/* Returns an exit code, in the supervisor and in each of its workers. */
static int
serve_sockets(struct gateway *gateway, enum role role, const struct sockets *sockets)
{
	static struct post post;
	struct policy_ref held = { 0 };
	size_t processes = policy_refresh(gateway->store, &held)->processes;
	enum supervise_end end;
	int rc;

	policy_release(gateway->store, &held);
	daemon_prepare(gateway, sockets);
	if (!is_supervised(role)) {
		end = supervise(processes, gateway->counters, &post);
		if (end != SUPERVISE_IS_WORKER)
			return end == SUPERVISE_DONE ? EXIT_DONE : EXIT_SYSTEM;
		take_post(gateway, &post);
	}
	rc = daemon_run(gateway, sockets);
	if (rc != 0)
		(void)fprintf(stderr, "maintenance-warden: cannot start: %s\n", strerror(-rc));
	return rc == 0 ? EXIT_DONE : EXIT_SYSTEM;
}

static int
run_daemon(struct gateway *gateway, enum role role, struct problems *problems)
{
	struct sockets sockets = { .fastcgi.fd = -1, .http.fd = -1, .control.fd = -1 };
	unsigned before = problems->errors;
	int rc, code;

	supervise_block_signals();
	rc = open_sockets(gateway, role, problems, &sockets);
	if (rc == 0)
		rc = open_control(gateway, problems);
	if (rc != 0) {
		if (problems->errors == before)
			(void)fprintf(stderr, "maintenance-warden: cannot listen: %s\n", strerror(-rc));
		print_problems(problems);
		code = rc == -EINVAL ? EXIT_USAGE : EXIT_SYSTEM;
	} else {
		code = serve_sockets(gateway, role, &sockets);
	}
	close_socket(&sockets.fastcgi);
	close_socket(&sockets.http);
	close_socket(&sockets.control);
	return code;
}

/* A CGI that cannot use its configuration still answers for the site: with the built-in 503. */
static int
run_without_policy(enum role role, const struct problems *problems)
{
	print_problems(problems);
	if (role == ROLE_CGI)
		return cgi_run(NULL);
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	struct options options = { 0 };
	struct problems problems = { 0 };
	struct gateway gateway = { 0 };
	char path[PATH_MAX];
	const char *config;
	int code = cgi_arguments_are_foreign() ? -1 : parse_options(argc, argv, &options);
	enum role role;

	if (code >= 0)
		return code;
	problems.arena = arena_new_growing(PROBLEMS_MAX);
	if (problems.arena == NULL || secret_init() != 0) {
		(void)fprintf(stderr, "maintenance-warden: out of memory, or of randomness\n");
		return EXIT_SYSTEM;
	}
	role = find_role();
	config = find_config(&options, path);
	if (options.rewrite_map) {
		arena_free(problems.arena);
		return rewritemap_run(config);
	}
	code = policy_store_open(str_of(config), &problems, &gateway.store);
	if (options.check && code == 0)
		(void)open_control(&gateway, &problems);
	if (options.check)
		code = print_check(config, &problems);
	else if (code != 0)
		code = run_without_policy(role, &problems);
	else if (role == ROLE_CGI)
		code = cgi_run(&gateway);
	else
		code = run_daemon(&gateway, role, &problems);
	control_close(gateway.control);
	counters_close(gateway.counters);
	policy_store_close(gateway.store);
	arena_free(problems.arena);
	return code;
}
