/* SPDX-License-Identifier: MIT */
/* What comes over the wire: lines of a rewrite map, questions over HTTP, bodies of the control API, whole requests. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/cgi_env.h"
#include "front/cgi_head.h"
#include "front/control_action.h"
#include "front/forward.h"
#include "front/rewritemap.h"
#include "front/serve.h"
#include "fuzz.h"

#define ARENA_MAX  ((size_t)4 << 20)
#define FIELDS_MAX 300

/* --- control --- */

static bool
is_argument(const char *text)
{
	static const char *const options[] = { "--json", ("--by=" ACTION_BY), "--force", "--site=", "--for=",
		"--until=", "--message=", "--title=",
		"--mode=", "--owner=", "--reason=", "--change=", "--profile=", "--share=",
		"--result=", "--note=", "--step=" };

	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		size_t len = strlen(options[i]);

		if (options[i][len - 1] == '=' ? strncmp(text, options[i], len) == 0 : strcmp(text, options[i]) == 0)
			return true;
	}
	return false;
}

/* Action and JSON: what becomes arguments are options that were meant, and behind "--" at most one operand. */
void
fuzz_control(struct str input)
{
	struct arena *arena = fuzz_arena(ARENA_MAX);
	struct str name = fuzz_field(&input);
	const struct action *action = action_find(name);
	const char *wrong = NULL;
	char **argv;
	size_t i;
	int rc;

	if (action == NULL)
		return;
	rc = action_arguments(action, fuzz_copy(input), arena, &argv, &wrong);
	if (rc != 0) {
		assert(rc == -EINVAL && wrong != NULL);
		return;
	}
	assert(wrong == NULL && str_eq(name, str_of(argv[0])));
	for (i = 1; strcmp(argv[i], "--") != 0; i++)
		assert(is_argument(argv[i]));
	assert(argv[i + 1] == NULL || argv[i + 2] == NULL);
}

/* --- rewrite map --- */

/* One line: parameters that are texts in the line, and a method and target that are there. */
void
fuzz_rewritemap(struct str input)
{
	struct raw_request raw;
	char *line = malloc(input.len + 1);
	const char *end = line + input.len;

	assert(line != NULL);
	if (input.len > 0)
		memcpy(line, input.p, input.len);
	line[input.len] = '\0';
	if (rewritemap_read(line, input.len, &raw)) {
		assert(raw.method.p >= line && raw.method.p + raw.method.len <= end && raw.method.len > 0);
		assert(raw.target.p >= line && raw.target.p + raw.target.len <= end && raw.target.len > 0);
		assert(raw.header_count <= REWRITEMAP_FIELDS_MAX);
		for (size_t i = 0; i < raw.header_count; i++)
			assert(raw.headers[i].value.p >= line && raw.headers[i].value.p <= end);
	}
	free(line);
}

/* --- forward --- */

static const struct trust *
trust_of_loopback(void)
{
	static struct trust trust = { .header = STR_INIT("X_FORWARDED_FOR") };

	if (trust.proxies == NULL) {
		struct cidr_set *set = cidr_set_new();

		assert(cidr_set_add(set, STR("127.0.0.1")) == 0);
		cidr_set_freeze(set);
		trust.proxies = set;
	}
	return &trust;
}

/* How, method, target, and "Name: value" lines of a question: an answer that is whole names what is asked about. */
void
fuzz_forward(struct str input)
{
	static struct http_request request;
	unsigned how = fuzz_byte(&input);
	enum forward_headers headers = (enum forward_headers)(how % 3);
	struct raw_request raw;
	const char *complaint;

	request = (struct http_request){ .whole = true, .arena = fuzz_arena(ARENA_MAX) };
	assert(ip_parse(how / 3 % 2 == 0 ? STR("127.0.0.1") : STR("192.0.2.7"), &request.peer) == 0);
	request.method = fuzz_field(&input);
	request.target = fuzz_field(&input);
	while (input.len > 0 && request.field_count < HTTP_FIELDS_MAX) {
		struct str line = fuzz_field(&input);
		size_t colon = str_find(line, ':');

		request.fields[request.field_count++] = (struct http_field){ str_sub(line, 0, colon),
			str_trim(str_sub(line, colon + 1, line.len)) };
	}
	complaint = forward_read(&request, trust_of_loopback(), headers, &raw);
	assert((complaint == NULL) == raw.whole);
	if (raw.dialect == DIALECT_RENDER)
		return;
	if (how / 3 % 2 != 0)
		assert(!raw.whole);
	if (!raw.whole)
		return;
	assert(raw.method.len > 0 && raw.target.len > 0 && !str_eq(raw.peer, STR("192.0.2.7")));
	for (size_t i = 0; i < raw.header_count; i++)
		assert(fuzz_is_plain(raw.headers[i].name));
}

/* --- whole requests --- */

/* All is shut but one path for a secret that nobody knows, and one network that no request comes from. */
static struct gateway *
gateway_of_all_shut(void)
{
	static const char ini[] = "[gateway]\nstate_dir = /proc/self/fdinfo\nlog_level = error\n"
	    "trusted_proxies = 10.0.0.0/8\n[site]\nenabled = on\nlanguages = en, de\nopen_defaults =\n"
	    "bypass_address = 203.0.113.0/24\nbypass_user = nobody-has-this-name-0815\nmessage = M\n"
	    "bypass_secret = sha256:a5e0a90e66f43323f2255623c09899151e3d61548d36d99a45a337fa48544533\n"
	    "[site.shop]\nhost = shop.example.com\npath = /shop/\n[site.any-host]\npath = /b/\n";
	static struct gateway gateway;
	struct problems problems = { 0 };
	char text[512];

	if (gateway.store != NULL)
		return &gateway;
	problems.arena = arena_new_growing(ARENA_MAX);
	if (policy_store_open(str_of(fuzz_file(STR(ini))), &problems, &gateway.store) != 0) {
		problem_format(problems.first, text, sizeof text);
		(void)fprintf(stderr, "%s\n", text);
		abort();
	}
	arena_free(problems.arena);
	return &gateway;
}

static bool
is_pass(const struct reply *reply)
{
	static const char *const ways[] = { "X-Accel-Redirect", "X-Sendfile", "X-LIGHTTPD-send-file" };

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (reply_find(reply, str_of(ways[i])).p != NULL)
			return true;
	return reply->status < 400;
}

/*
 * The environment of a request, a variable a line, to serve(): while all is shut nothing passes, and no header of the
 * reply holds a control character.
 */
void
fuzz_serve(struct str input)
{
	static struct worker worker;
	struct gateway *gateway = gateway_of_all_shut();
	char *environment[FIELDS_MAX + 3], head[CGI_HEAD_MAX];
	unsigned how = fuzz_byte(&input);
	struct raw_request raw;
	struct reply reply;
	size_t count = 0;

	assert(worker.arena != NULL || worker_init(&worker) == 0);
	environment[count++] = fuzz_line(STR("REMOTE_ADDR=192.0.2.7"));
	while (input.len > 0 && count < FIELDS_MAX)
		environment[count++] = fuzz_line(fuzz_field(&input));
	environment[count] = NULL;
	cgi_env_read(environment, how % 2 == 1, &raw);
	serve(gateway, &worker, &raw, &reply);
	assert(reply.status >= 100 && reply.status <= 599);
	/* the gateway's own status is never held, and where the server only asks it passes to be answered */
	assert(!is_pass(&reply) || str_contains(raw.target, STR("/.maintenance/status")));
	for (size_t i = 0; i < reply.header_count; i++)
		assert(fuzz_is_plain(reply.headers[i].name) && fuzz_is_plain(reply.headers[i].value));
	assert(cgi_head(&reply, head).len > 0);
}
