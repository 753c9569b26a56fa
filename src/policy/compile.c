/* SPDX-License-Identifier: MIT */
/*
 * From values to a policy.  All problems are collected before anything is
 * given up, so that one --check tells the operator everything.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "policy/compile_gate.h"
#include "policy/compile_site.h"
#include "policy/compile_windows.h"

#define POLICY_MAX ((size_t)1 << 30)    /* bytes: a million networks and their texts fit */

static void
compile_listen(struct values *values, struct policy *policy)
{
	const struct value *mode = &values->gateway.v[KEY_SOCKET_MODE];
	bool octal = true;

	policy->listen = values->gateway.v[KEY_LISTEN].text;
	policy->socket_group = values->gateway.v[KEY_SOCKET_GROUP].text;
	policy->user = values->gateway.v[KEY_USER].text;
	policy->workers = (size_t)values->gateway.v[KEY_WORKERS].number;
	policy->processes = (size_t)values->gateway.v[KEY_PROCESSES].number;
	policy->process_memory = (size_t)values->gateway.v[KEY_PROCESS_MEMORY].number;
	for (size_t i = 0; i < mode->text.len; i++) {
		octal = octal && mode->text.p[i] >= '0' && mode->text.p[i] <= '7';
		policy->socket_mode = policy->socket_mode * 8 + (unsigned)(mode->text.p[i] - '0');
	}
	if (!octal || mode->text.len < 3 || mode->text.len > 4 || policy->socket_mode > 0777)
		problem_error(values->problems, &mode->place, "expected octal permissions such as 0660");
}

static void
compile_trust(struct values *values, struct policy *policy)
{
	static const struct {
		struct str         name;
		enum client_header kind;
	} headers[] = {
		{ STR_INIT("X-Forwarded-For"), CLIENT_HEADER_LIST }, { STR_INIT("Forwarded"), CLIENT_HEADER_FORWARDED },
		{ STR_INIT("X-Real-IP"), CLIENT_HEADER_SINGLE }, { STR_INIT("CF-Connecting-IP"), CLIENT_HEADER_SINGLE },
	};
	const struct value *value = &values->gateway.v[KEY_CLIENT_HEADER];

	policy->proxies = compile_networks(values, &values->gateway.v[KEY_TRUSTED_PROXIES]);
	policy->trust.proxies = policy->proxies;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		if (!str_eq_nocase(value->text, headers[i].name))
			continue;
		policy->trust.header = header_cgi_name(value->text, values->arena);
		policy->trust.kind = headers[i].kind;
		return;
	}
	problem_error(values->problems, &value->place, "expected X-Forwarded-For, Forwarded, X-Real-IP or "
	    "CF-Connecting-IP, not \"%.*s\"", STR_ARG(value->text));
}

/* Without trusted proxies nothing that a proxy says could be believed: none would ever get a right answer. */
static void
compile_http(struct values *values, struct policy *policy)
{
	const struct value *listen = &values->gateway.v[KEY_HTTP_LISTEN];

	policy->http_listen = listen->text;
	policy->http_connections = (size_t)values->gateway.v[KEY_HTTP_CONNECTIONS].number;
	policy->http_per_address = (size_t)values->gateway.v[KEY_HTTP_PER_ADDRESS].number;
	policy->http_timeout = (unsigned)values->gateway.v[KEY_HTTP_TIMEOUT].number;
	policy->forward_headers = (enum forward_headers)values->gateway.v[KEY_FORWARD_HEADERS].number;
	if (listen->text.len == 0)
		return;
#ifndef HAVE_HTTP
	problem_error(values->problems, &listen->place,
	    "this program was built without the HTTP front (configure --disable-http)");
#endif
	if (values->gateway.v[KEY_TRUSTED_PROXIES].item_count == 0)
		problem_error(values->problems, &listen->place,
		    "needs trusted_proxies: the addresses of the proxies that ask here, such as "
		    "trusted_proxies = 127.0.0.1, ::1");
}

static void
compile_state_dir(struct values *values, struct policy *policy)
{
	const struct value *value = &values->gateway.v[KEY_STATE_DIR];
	struct stat status;

	policy->state_dir = file_resolve(policy->file, value->text, values->arena);
	if (value->text.len == 0 || policy->state_dir.p == NULL) {
		problem_error(values->problems, &value->place, "expected the folder of the flags");
		return;
	}
	policy->folder.path = policy->state_dir.p;
	if (stat(policy->state_dir.p, &status) != 0)
		problem_warning(values->problems, &value->place, "%.*s: %s; while it is so, on_unknown decides",
		    STR_ARG(policy->state_dir), strerror(errno));
	else if (!S_ISDIR(status.st_mode))
		problem_warning(values->problems, &value->place,
		    "%.*s is no folder; while it is so, on_unknown decides", STR_ARG(policy->state_dir));
}

/* Whoever can write here makes flags, tickets and windows. */
static void
refuse_writable_state(struct values *values, const struct policy *policy)
{
	static const char *const names[] = { "", "/flags", "/" WINDOWS_FOLDER, "/tickets", "/tickets/" TICKET_ANY,
		"/tickets/" TICKET_ANY "/limited" };
	const struct place *place = &values->gateway.v[KEY_STATE_DIR].place;
	struct arena *arena = values->arena;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		values_refuse_writable(
		    values, place, arena_printf(arena, "%.*s%s", STR_ARG(policy->state_dir), names[i]));
	for (size_t i = 1; i < policy->site_count; i++) {
		struct str folder = arena_printf(arena, "%.*s/tickets/%.*s", STR_ARG(policy->state_dir),
		    STR_ARG(policy->sites[i].name));

		values_refuse_writable(values, place, folder);
		values_refuse_writable(values, place, arena_printf(arena, "%.*s/limited", STR_ARG(folder)));
	}
}

/* Beside the system's INI, whichever INI is in use: hooks run with the caller's rights. */
static void
compile_hooks_dir(struct values *values, struct policy *policy)
{
	struct str name = values->gateway.v[KEY_HOOKS_DIR].text;

	policy->hooks_dir = name.len > 0 ? file_resolve(policy->file, name, policy->arena) :
	    file_resolve(STR(CONFIG_FILE), STR("hooks.d"), policy->arena);
}

/* Metrics and control are for this machine alone: a path, or a literal loopback address. */
static void
compile_control_listen(struct values *values, struct policy *policy)
{
	static const struct str local4 = STR_INIT("127."), local6 = STR_INIT("::1");
	const struct value *value = &values->gateway.v[KEY_CONTROL_LISTEN];
	struct str where = value->text, host = str_sub(where, 0, str_find_last(where, ':'));
	int64_t port;
	struct ip_addr ip;

	policy->control_listen = where;
#ifndef HAVE_HTTP
	if (where.len > 0)
		problem_error(values->problems, &value->place,
		    "this program was built without the HTTP front (configure --disable-http)");
#endif
	if (where.len == 0 || str_find(where, '/') != where.len)
		return;
	if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
		host = str_sub(host, 1, host.len - 1);
	if (ip_parse(host, &ip) != 0 || str_number(str_sub(where, str_find_last(where, ':') + 1, where.len), 1, 65535,
	    &port) != 0 || !(str_starts(host, local4) || str_eq(host, local6)))
		problem_error(values->problems, &value->place, "expected the path of a socket, or a loopback address "
		    "with a port such as 127.0.0.1:8504 or [::1]:8504, not \"%.*s\": whoever reaches it sees how all "
		    "sites stand", STR_ARG(where));
}

/* A path relative to the INI's folder, or NULL where the key is empty. */
static const char *
compile_path(struct values *values, struct policy *policy, enum key key)
{
	struct str name = values->gateway.v[key].text;

	return name.len > 0 ? file_resolve(policy->file, name, policy->arena).p : NULL;
}

static void
compile_control(struct values *values, struct policy *policy)
{
	const struct value *file = &values->gateway.v[KEY_CONTROL_TOKEN_FILE];
	const struct value *metrics = &values->gateway.v[KEY_METRICS_FILE];

	compile_control_listen(values, policy);
	policy->wardenctl = compile_path(values, policy, KEY_WARDENCTL);
	policy->metrics_file = str_of(compile_path(values, policy, KEY_METRICS_FILE));
	if (policy->metrics_file.len > 0 && !str_ends(policy->metrics_file, STR(".prom")))
		problem_warning(values->problems, &metrics->place,
		    "node_exporter reads files whose names end in .prom alone, not %.*s", STR_ARG(metrics->text));
	/* not read here: wardenctl compiles the policy too, and its caller may have no business with the tokens */
	policy->control_token_file = compile_path(values, policy, KEY_CONTROL_TOKEN_FILE);
	if (policy->control_token_file == NULL)
		return;
	values_add_source(values, policy->control_token_file);
	if (policy->control_listen.len == 0)
		problem_error(values->problems, &file->place, "without control_listen there is nothing to control by");
}

static void
compile_gateway(struct values *values, struct policy *policy)
{
	compile_listen(values, policy);
	compile_trust(values, policy);
	compile_http(values, policy);
	compile_state_dir(values, policy);
	compile_hooks_dir(values, policy);
	compile_control(values, policy);
	policy->log = values->gateway.v[KEY_LOG].text;
	if (!str_eq(policy->log, STR("stderr")) && !str_eq(policy->log, STR("syslog")))
		policy->log = file_resolve(policy->file, policy->log, policy->arena);
	policy->log_level = (enum log_level)values->gateway.v[KEY_LOG_LEVEL].number;
	policy->log_decisions = (enum log_decisions)values->gateway.v[KEY_LOG_DECISIONS].number;
}

/* Of two sites that would take the same requests, which decides would be a matter of order. */
static void
check_sites(struct values *values, const struct policy *policy)
{
	const struct section *section = values->named.first;
	const struct site *first_default = NULL;

	for (size_t i = 1; i < policy->site_count; i++, section = section->next) {
		const struct site *site = &policy->sites[i];

		const struct site *first = policy_site_first(policy, site);

		if (first != site)
			problem_error(values->problems, &section->place,
			    "host and path are those of [site.%.*s] already", STR_ARG(first->name));
		if (site->is_default && first_default != NULL)
			problem_error(values->problems, &section->v[KEY_DEFAULT].place,
			    "[site.%.*s] is the default already", STR_ARG(first_default->name));
		if (site->is_default)
			first_default = site;
	}
}

static void
compile_sites(struct values *values, struct policy *policy, const struct policy *previous)
{
	const struct section *section = values->named.first;

	policy->site_count = values->named.count + 1;
	policy->sites = arena_zalloc(policy->arena, policy->site_count, sizeof *policy->sites);
	policy->flags = arena_zalloc(policy->arena, policy->site_count, sizeof *policy->flags);
	policy->zones = arena_zalloc(policy->arena, policy->site_count, sizeof(struct zone *));
	if (policy->sites == NULL || policy->flags == NULL || policy->zones == NULL) {
		problem_error(values->problems, &values->site.place, "out of memory");
		policy->site_count = 0;
		return;
	}
	compile_site(values, &values->site, policy, previous, 0);
	for (size_t i = 1; i < policy->site_count; i++, section = section->next)
		compile_site(values, section, policy, previous, i);
	if (policy_index_sites(policy))
		check_sites(values, policy);
	else
		problem_error(values->problems, &values->site.place, "out of memory");
}

/* What was last known of each flag stays known over a reload. */
static void
inherit_states(struct policy *policy, const struct policy *previous)
{
	for (size_t i = 0; previous != NULL && i < policy->site_count; i++) {
		size_t tried = 0, at = i % previous->site_count;        /* mostly it stands where it stood */

		while (tried < previous->site_count && strcmp(policy->flags[i].path, previous->flags[at].path) != 0) {
			tried++;
			at = (at + 1) % previous->site_count;
		}
		if (tried < previous->site_count)
			policy->flags[i].last = atomic_load(&previous->flags[at].last);
	}
}

static int
compile(struct values *values, struct str path, const struct policy *previous, struct problems *problems,
    struct policy **ret)
{
	struct arena *arena = arena_new_growing(POLICY_MAX);
	struct policy *policy = arena == NULL ? NULL : arena_zalloc(arena, 1, sizeof *policy);
	const struct place place = { .file = path };
	unsigned before = problems->errors;

	if (policy == NULL) {
		arena_free(arena);
		problem_error(problems, &place, "out of memory");
		return -ENOMEM;
	}
	policy->arena = arena;
	policy->file = arena_copy(arena, path);
	values_load(values, policy->file, arena, problems);
	if (problems->errors == before) {
		compile_gateway(values, policy);
		compile_sites(values, policy, previous);
		refuse_writable_state(values, policy);
		compile_windows(values, policy);
		compile_gate(values, policy);
		policy->sources = values->sources;
	}
	/* a rule that there was no memory for would be missing without a word */
	if (arena_was_short(arena))
		problem_error(
		    problems, &place, "out of memory, or over the %zu MiB that a policy may take", POLICY_MAX >> 20);
	if (problems->errors != before) {
		policy_free(policy);
		return -EINVAL;
	}
	inherit_states(policy, previous);
	*ret = policy;
	return 0;
}

int
policy_compile(struct str path, const struct policy *previous, struct problems *problems, struct policy **ret)
{
	struct values values = { .trial = STR_NONE };

	return compile(&values, path, previous, problems, ret);
}

int
policy_compile_trial(struct str path, struct str trial, struct str id, struct problems *problems, struct policy **ret)
{
	struct values values = { .trial = trial, .trial_id = id };

	return compile(&values, path, NULL, problems, ret);
}

/* What [site] has is freed with it, whoever else has it; so it goes last. */
static void
free_site(struct policy *policy, size_t number)
{
	const struct rules *rules = &policy->sites[number].rules, *shared = &policy->sites[0].rules;

	if (number == 0 || rules->open_paths != shared->open_paths)
		path_set_free(rules->open_paths);
	if (number == 0 || rules->open_defaults != shared->open_defaults)
		path_set_free(rules->open_defaults);
	if (number == 0 || rules->addresses != shared->addresses)
		cidr_set_free(rules->addresses);
	if (number == 0 || policy->zones[number] != policy->zones[0])
		zone_free(policy->zones[number]);
}

void
policy_free(struct policy *policy)
{
	if (policy == NULL)
		return;
	for (size_t i = policy->site_count; i-- > 0;)
		free_site(policy, i);
	for (size_t i = 0; i < policy->planned_zone_count; i++)
		zone_free(policy->planned_zones[i]);
	cidr_set_free(policy->proxies);
	arena_free(policy->arena);      /* the policy itself is in it */
}
