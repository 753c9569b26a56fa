/* SPDX-License-Identifier: MIT */
/* From a section's values to a site: when it is on, who passes, what the others see. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compile_site.h"
#include "policy/pages.h"

struct cidr_set *
compile_networks(struct values *values, const struct value *value)
{
	struct cidr_set *set = cidr_set_new();

	if (set == NULL)
		problem_error(values->problems, &value->place, "out of memory");
	for (size_t i = 0; set != NULL && i < value->item_count; i++) {
		struct str item = value->items[i];
		int rc = cidr_set_add(set, item);

		if (rc == -ERANGE)
			problem_error(values->problems, &value->place,
			    "%.*s has bits set past its prefix: which network is meant?",
			    STR_ARG(item));
		else if (rc == -EINVAL)
			problem_error(values->problems, &value->place,
			    "expected an address or a network such as 10.0.0.0/8, not \"%.*s\"",
			    STR_ARG(item));
		else if (rc != 0)
			problem_error(values->problems, &value->place, "%s", strerror(-rc));
	}
	if (set != NULL)
		cidr_set_freeze(set);
	return set;
}

static struct path_set *
new_paths(struct values *values, const struct value *value)
{
	struct path_set *set = path_set_new();

	if (set == NULL)
		problem_error(values->problems, &value->place, "out of memory");
	return set;
}

static struct path_set *
compile_paths(struct values *values, const struct value *value)
{
	struct path_set *set = new_paths(values, value);

	for (size_t i = 0; set != NULL && i < value->item_count; i++)
		if (path_set_add(set, value->items[i], (int)i) != 0)
			problem_error(values->problems, &value->place, "expected a path such as /status, /api/ or "
			    "/static/*.css, not \"%.*s\"", STR_ARG(value->items[i]));
	return set;
}

const struct open_default open_defaults[] = {
	{ STR_INIT("health"), STR_INIT("/health") }, { STR_INIT("health"), STR_INIT("/healthz") },
	{ STR_INIT("health"), STR_INIT("/livez") }, { STR_INIT("health"), STR_INIT("/readyz") },
	{ STR_INIT("acme"), STR_INIT("/.well-known/acme-challenge/") }, { STR_INIT("robots"), STR_INIT("/robots.txt") },
	{ STR_INIT("favicon"), STR_INIT("/favicon.ico") },
};
const size_t open_default_count = sizeof open_defaults / sizeof *open_defaults;

static struct path_set *
compile_open_defaults(struct values *values, const struct value *value)
{
	struct path_set *set = new_paths(values, value);

	for (size_t i = 0; set != NULL && i < value->item_count; i++) {
		bool found = false;

		for (size_t k = 0; k < open_default_count; k++) {
			if (!str_eq(value->items[i], open_defaults[k].set))
				continue;
			found = path_set_add(set, open_defaults[k].path, (int)k) == 0;
		}
		if (!found)
			problem_error(values->problems, &value->place,
			    "expected some of health, acme, robots, favicon, not \"%.*s\"",
			    STR_ARG(value->items[i]));
	}
	return set;
}

static method_set
compile_methods(struct values *values, const struct value *value)
{
	method_set set = 0;

	for (size_t i = 0; i < value->item_count; i++) {
		enum method method = method_of(value->items[i]);

		if (method == METHOD_OTHER)
			problem_error(values->problems, &value->place,
			    "expected methods in capitals such as OPTIONS, not \"%.*s\"", STR_ARG(value->items[i]));
		else
			set |= 1u << method;
	}
	return set;
}

static void
compile_secrets(struct values *values, const struct value *value, struct rules *rules)
{
	memset(rules->secrets, 0, sizeof rules->secrets);
	rules->secret_count = 0;
	if (value->set && value->item_count == 0)
		problem_error(values->problems, &value->place, "the secret is empty");
	if (value->item_count > RULES_SECRETS_MAX)
		problem_error(values->problems, &value->place, "expected at most %d secrets", RULES_SECRETS_MAX);
	for (size_t i = 0; i < value->item_count && i < RULES_SECRETS_MAX; i++) {
		switch (secret_parse(value->items[i], &rules->secrets[rules->secret_count])) {
		case 0:
			rules->secret_count++;
			break;
		case -ERANGE:
			problem_error(values->problems, &value->place,
			    "the secret is too short: expected %d bytes or more, or sha256:HEX",
			    SECRET_PLAIN_MIN);
			break;
		default:
			problem_error(values->problems, &value->place, "expected 64 hex digits after sha256:");
		}
	}
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		    (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-'))
			return false;
	return s.len > 0 && s.len <= 64;
}

static struct str
compile_header_name(struct values *values, const struct value *value)
{
	if (!is_token(value->text))
		problem_error(values->problems, &value->place, "expected a header's name of letters, digits and \"-\"");
	return value->text;
}

/* Adds the members of `group` in a text of "name: user user" lines; false when there is no such group. */
static bool
add_group(struct str text, struct str group, struct rules *rules, size_t max)
{
	struct str line, member;
	bool found = false;

	while (str_split(&text, '\n', &line)) {
		size_t colon = str_find(line, ':');
		struct str members = str_trim(str_sub(line, colon + 1, line.len));

		if (colon == line.len || !str_eq(str_trim(str_sub(line, 0, colon)), group))
			continue;
		found = true;
		while (str_split(&members, ' ', &member))
			if (member.len > 0 && !str_eq(member, STR("\r")) && rules->user_count < max)
				rules->users[rules->user_count++] =
				    str_ends(member, STR("\r")) ? str_sub(member, 0, member.len - 1) : member;
	}
	return found;
}

static void
compile_users(struct values *values, const struct section *section, struct rules *rules)
{
	const struct value *users = &section->v[KEY_BYPASS_USER], *file = &section->v[KEY_BYPASS_GROUP_FILE];
	struct str groups = STR_NONE;
	size_t max;

	rules->users = NULL;
	rules->user_count = 0;
	values_refuse_writable(values, &file->place, file->text);
	if (file->text.len > 0 && values_read_file(values, &file->place, file->text, LIST_FILE_MAX, &groups) != 0)
		return;
	max = users->item_count + groups.len;
	rules->users = arena_zalloc(values->arena, max + 1, sizeof *rules->users);
	for (size_t i = 0; rules->users != NULL && i < users->item_count; i++) {
		struct str user = users->items[i];

		if (user.p[0] != '@')
			rules->users[rules->user_count++] = user;
		else if (!add_group(groups, str_sub(user, 1, user.len), rules, max))
			problem_error(
			    values->problems, &users->place, "%.*s: no such group in bypass_group_file", STR_ARG(user));
	}
}

static void
compile_origins(struct values *values, const struct value *value, struct rules *rules)
{
	rules->cors_origins = value->items;
	rules->cors_origin_count = value->item_count;
	for (size_t i = 0; i < rules->cors_origin_count; i++)
		if (!str_starts(rules->cors_origins[i], STR("http://")) &&
		    !str_starts(rules->cors_origins[i], STR("https://")))
			problem_error(values->problems, &value->place, "expected an origin such as "
			    "https://app.example.com, not \"%.*s\"", STR_ARG(rules->cors_origins[i]));
}

/*
 * `rules` are all zero, or a copy of those of [site]: what the section inherits is left as it is, so that a hundred
 * sites have one list between them, and what is wrong with it is said once.
 */
static void
compile_rules(struct values *values, const struct section *section, struct rules *rules)
{
	const struct value *v = section->v;

	if (!values_inherited(section, KEY_OPEN_PATH))
		rules->open_paths = compile_paths(values, &v[KEY_OPEN_PATH]);
	if (!values_inherited(section, KEY_OPEN_DEFAULTS))
		rules->open_defaults = compile_open_defaults(values, &v[KEY_OPEN_DEFAULTS]);
	if (!values_inherited(section, KEY_OPEN_METHOD))
		rules->open_methods = compile_methods(values, &v[KEY_OPEN_METHOD]);
	if (!values_inherited(section, KEY_BYPASS_ADDRESS))
		rules->addresses = compile_networks(values, &v[KEY_BYPASS_ADDRESS]);
	if (!values_inherited(section, KEY_BYPASS_HEADER))
		rules->bypass_header =
		    header_cgi_name(compile_header_name(values, &v[KEY_BYPASS_HEADER]), values->arena);
	if (!values_inherited(section, KEY_BYPASS_SECRET))
		compile_secrets(values, &v[KEY_BYPASS_SECRET], rules);
	if (!values_inherited(section, KEY_BYPASS_USER) || !values_inherited(section, KEY_BYPASS_GROUP_FILE))
		compile_users(values, section, rules);
	if (!values_inherited(section, KEY_CORS_ORIGINS))
		compile_origins(values, &v[KEY_CORS_ORIGINS], rules);
}

/* MAINTENANCE_MODE of the environment, at start and at each reload. */
static enum enabled
enabled_by_environment(struct values *values, const struct value *value)
{
	struct str text = str_of(getenv("MAINTENANCE_MODE"));

	if (str_eq(text, STR("true")))
		return ENABLED_ON;
	if (str_eq(text, STR("false")))
		return ENABLED_OFF;
	if (text.len > 0)
		problem_error(
		    values->problems, &value->place, "the environment's MAINTENANCE_MODE is neither true nor false");
	return ENABLED_AUTO;
}

static void
compile_flag(struct values *values, const struct section *section, struct policy *policy, size_t number)
{
	struct flag *flag = &policy->flags[number];
	struct condition_rules *condition = &policy->sites[number].condition;
	struct str name = section->v[KEY_FLAG].text;

	if (number == 0)
		name = STR("maintenance.flag");
	else if (name.len == 0)
		name = arena_printf(values->arena, "flags/%.*s.flag", STR_ARG(section->name));
	flag->path = str_starts(name, STR("/")) ? arena_copy(values->arena, name).p :
	    arena_printf(values->arena, "%.*s/%.*s", STR_ARG(policy->state_dir), STR_ARG(name)).p;
	flag->folder = &policy->folder;
	flag->zone = policy->zones[number];
	flag->number = number;
	condition->flags[condition->flag_count++] = &policy->flags[0];
	if (number != 0)
		condition->flags[condition->flag_count++] = flag;
}

static void
compile_condition(struct values *values, const struct section *section, struct policy *policy, size_t number)
{
	struct site *site = &policy->sites[number];
	struct condition_rules *c = &site->condition;
	const struct value *v = section->v;

	site->enabled_from = (enum enabled_from)v[KEY_ENABLED_FROM].number;
	c->enabled = site->enabled_from == ENABLED_FROM_ENVIRONMENT ?
	    enabled_by_environment(values, &v[KEY_ENABLED_FROM]) : (enum enabled)v[KEY_ENABLED].number;
	c->mode = v[KEY_MODE].number == 0 ? MODE_FULL : MODE_READ_ONLY;
	c->on_unknown = (enum on_unknown)v[KEY_ON_UNKNOWN].number;
	c->on_overrun = (enum on_overrun)v[KEY_ON_OVERRUN].number;
	c->max_duration = v[KEY_MAX_DURATION].number;
	c->share = (int)v[KEY_SHARE].number;
	c->bypass_off = arena_printf(values->arena, "%.*s/bypass.off", STR_ARG(policy->state_dir)).p;
	compile_flag(values, section, policy, number);
	if (c->on_overrun == OVERRUN_LIFT && c->max_duration == 0 && v[KEY_ON_OVERRUN].set)
		problem_warning(values->problems, &v[KEY_ON_OVERRUN].place,
		    "lift without max_duration ends only maintenance whose flag says until");
}

static void
compile_hosts(struct values *values, const struct section *section, struct site *site)
{
	const struct value *hosts = &section->v[KEY_HOST], *path = &section->v[KEY_PATH];
	struct path_set *probe = path_set_new();

	site->hosts = hosts->items;
	site->host_count = hosts->item_count;
	site->path = path->text;
	site->is_default = section->v[KEY_DEFAULT].number == 1;
	for (size_t i = 0; i < hosts->item_count; i++)
		if (!host_pattern_valid(hosts->items[i]))
			problem_error(values->problems, &hosts->place,
			    "expected a host in lower case such as shop.example.com or *.example.com, not \"%.*s\"",
			    STR_ARG(hosts->items[i]));
	if (!str_ends(site->path, STR("/")))
		site->path = arena_printf(values->arena, "%.*s/", STR_ARG(site->path));
	if (probe == NULL || str_find(site->path, '*') != site->path.len || path_set_add(probe, site->path, 0) != 0)
		problem_error(values->problems, &path->place, "expected a path such as /shop/, not \"%.*s\"",
		    STR_ARG(path->text));
	path_set_free(probe);
}

/* Where visitors find the site: for links that people open. */
static void
compile_url(struct values *values, const struct section *section, struct site *site)
{
	const struct value *url = &section->v[KEY_URL];

	site->url = url->text;
	if (url->text.len == 0 && site->host_count > 0 && !str_starts(site->hosts[0], STR("*")))
		site->url = arena_printf(
		    values->arena, "https://%.*s%.*s", STR_ARG(site->hosts[0]), STR_ARG(site->path));
	if (url->text.len > 0 && (!(str_starts(url->text, STR("https://")) || str_starts(url->text, STR("http://"))) ||
	    str_find(url->text, '?') != url->text.len || str_find(url->text, ' ') != url->text.len ||
	    str_find(url->text, '#') != url->text.len))
		problem_error(values->problems, &url->place,
		    "expected an address such as https://shop.example.com/, not \"%.*s\"", STR_ARG(url->text));
	if (site->url.len > 0 && !str_ends(site->url, STR("/")))
		site->url = arena_printf(values->arena, "%.*s/", STR_ARG(site->url));
}

static void
compile_languages(struct values *values, const struct section *section, struct answers *a)
{
	const struct value *value = &section->v[KEY_LANGUAGES];
	static const struct {
		enum key key;
		size_t   offset;
	} texts[] = {
		{ KEY_TITLE, offsetof(struct answers, title) }, { KEY_MESSAGE, offsetof(struct answers, message) },
		{ KEY_CONTACT, offsetof(struct answers, contact) }, { KEY_LINK, offsetof(struct answers, link) },
	};

	if (value->item_count == 0 || value->item_count > LANGUAGES_MAX) {
		problem_error(
		    values->problems, &value->place, "expected 1 to %d languages such as en, de", LANGUAGES_MAX);
		return;
	}
	a->language_count = value->item_count;
	for (size_t i = 0; i < value->item_count; i++) {
		a->languages[i] = arena_lower(values->arena, value->items[i]);
		if (!key_language_valid(a->languages[i]))
			problem_error(values->problems, &value->place,
			    "expected a language such as en or pt-br, not \"%.*s\"",
			    STR_ARG(value->items[i]));
		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
			((struct localised *)((char *)a + texts[t].offset))->v[i] =
			    values_local(section, texts[t].key, a->languages[i]);
	}
}

/* A text in a language that nobody is offered would never be seen. */
static void
check_local_texts(struct values *values, const struct section *section)
{
	const struct value *languages = &section->v[KEY_LANGUAGES];

	for (const struct local_value *l = section->local; l != NULL; l = l->next) {
		struct place place = { values->ini.file, l->line, section->place.section, key_rows[l->key].name };
		bool offered = false;

		for (size_t i = 0; i < languages->item_count; i++)
			offered = offered || str_eq_nocase(languages->items[i], l->language);
		if (!offered)
			problem_error(
			    values->problems, &place, "the language %.*s is not in languages", STR_ARG(l->language));
	}
}

static void
check_links(struct values *values, const struct section *section, const struct answers *a)
{
	for (size_t i = 0; i < a->language_count; i++) {
		struct str link = a->link.v[i];

		if (link.len == 0 || (i > 0 && link.p == a->link.v[i - 1].p) || str_starts(link, STR("https://")) ||
		    str_starts(link, STR("http://")) || str_starts(link, STR("mailto:")))
			continue;
		problem_error(values->problems, &section->v[KEY_LINK].place,
		    "expected a link that begins with https://, http:// or mailto:, not \"%.*s\"",
		    STR_ARG(link));
	}
}

/* Headers that frame the answer, or that a server acts on: one more of them would not mean what it says. */
static bool
is_framing(struct str name)
{
	static const struct str framing[] = {
		STR_INIT("Status"), STR_INIT("Content-Length"), STR_INIT("Content-Type"), STR_INIT("Transfer-Encoding"),
		STR_INIT("Connection"), STR_INIT("Location"), STR_INIT("Retry-After"), STR_INIT("X-Accel-Redirect"),
		STR_INIT("X-Sendfile"), STR_INIT("X-LIGHTTPD-send-file"), STR_INIT("WWW-Authenticate"),
	};

	for (size_t i = 0; i < sizeof framing / sizeof *framing; i++)
		if (str_eq_nocase(name, framing[i]))
			return true;
	return false;
}

static void
compile_headers(struct values *values, const struct section *section, struct answers *a)
{
	const struct value *value = &section->v[KEY_ADD_HEADER];
	struct str rest = value->text, line;

	a->marker_header = compile_header_name(values, &section->v[KEY_MARKER_HEADER]);
	if (str_has_control(section->v[KEY_CONTENT_SECURITY_POLICY].text))
		problem_error(values->problems, &section->v[KEY_CONTENT_SECURITY_POLICY].place, "expected one line");
	a->add_headers = arena_zalloc(values->arena, REPLY_HEADERS_MAX, sizeof *a->add_headers);
	while (a->add_headers != NULL && str_split(&rest, '\n', &line)) {
		size_t colon = str_find(line, ':');
		struct str name = str_sub(line, 0, colon);

		if (str_ends(line, STR("\r")))
			line.len--;
		if (line.len == 0 || line.p[0] == '#')
			continue;
		if (is_framing(name)) {
			problem_error(values->problems, &value->place,
			    "%.*s is not for add_header: the gateway sets it itself", STR_ARG(name));
			return;
		}
		if (colon >= line.len || !is_token(name) || str_has_control(line) ||
		    a->add_header_count == REPLY_HEADERS_MAX / 2) {
			problem_error(values->problems, &value->place,
			    "expected at most %d headers like \"X-Notice: planned work\", not \"%.*s\"",
			    REPLY_HEADERS_MAX / 2, STR_ARG(line));
			return;
		}
		a->add_headers[a->add_header_count++] =
		    (struct reply_header){ name, str_trim(str_sub(line, colon + 1, line.len)) };
	}
}

static void
compile_hand_back(struct values *values, const struct section *section, struct hand_back *h)
{
	const struct value *value = &section->v[KEY_HAND_BACK];
	size_t blank = str_find(value->text, ' ');
	struct str word = str_sub(value->text, 0, blank);
	struct str target = str_trim(str_sub(value->text, blank, value->text.len));
	bool absolute = str_starts(target, STR("/")) && !str_starts(target, STR("//"));
	int64_t status;

	h->marker_header = section->v[KEY_MARKER_HEADER].text;
	h->sendfile_types = section->v[KEY_SENDFILE_TYPES].items;
	h->sendfile_type_count = section->v[KEY_SENDFILE_TYPES].item_count;
	while (target.len > 1 && target.p[target.len - 1] == '/')
		target.len--;
	h->target = arena_copy(values->arena, target);
	if (str_eq(value->text, STR("auto"))) {
		h->kind = HAND_BACK_NONE;
	} else if (str_eq(word, STR("x-accel-redirect")) && target.len > 1 && target.p[0] == '@') {
		h->kind = HAND_BACK_X_ACCEL;
	} else if (str_eq(word, STR("x-sendfile")) && absolute) {
		h->kind = HAND_BACK_X_SENDFILE;
	} else if (str_eq(word, STR("local-redirect")) && absolute) {
		h->kind = HAND_BACK_LOCAL_REDIRECT;
	} else if (str_eq(word, STR("status")) && str_number(target, 200, 299, &status) == 0) {
		h->kind = HAND_BACK_STATUS;
		h->status = (int)status;
	} else {
		problem_error(values->problems, &value->place,
		    "expected auto, x-accel-redirect @app, x-sendfile /root, "
		    "local-redirect /prefix or status 204, not \"%.*s\"",
		    STR_ARG(value->text));
	}
}

static void
compile_timing(struct values *values, const struct section *section, struct answers *a)
{
	const struct value *v = section->v;

	a->timing = (struct timing){ v[KEY_RETRY_AFTER].number, v[KEY_RETRY_AFTER_MIN].number,
	    v[KEY_RETRY_AFTER_MAX].number, v[KEY_RETRY_AFTER_JITTER].number };
	a->refresh = v[KEY_REFRESH].number;
	a->status = (int)v[KEY_STATUS].number;
	if (a->timing.min > a->timing.max)
		problem_error(
		    values->problems, &v[KEY_RETRY_AFTER_MIN].place, "the least is more than retry_after_max");
	if (a->status < 400 && v[KEY_ALLOW_UNSAFE_STATUS].number == 0)
		problem_error(values->problems, &v[KEY_STATUS].place,
		    "%d would be taken for the site by caches, crawlers and "
		    "webhook senders; 503 is right (allow_unsafe_status = yes permits it)",
		    a->status);
}

static void
compile_answers(struct values *values, const struct section *section, struct policy *policy,
    const struct policy *previous, size_t number)
{
	struct site *site = &policy->sites[number];
	struct answers *a = &site->answers;

	a->site = site->name;
	a->rules = &site->rules;
	a->zone = policy->zones[number];
	compile_languages(values, section, a);
	check_local_texts(values, section);
	check_links(values, section, a);
	compile_headers(values, section, a);
	compile_hand_back(values, section, &a->hand_back);
	compile_timing(values, section, a);
	pages_load(values, section, policy, previous, a);
}

static void
compile_zone(struct values *values, const struct section *section, struct policy *policy, size_t number)
{
	const struct value *zone = &section->v[KEY_TIME_ZONE];
	int rc;

	policy->zones[number] = policy->zones[0];
	if (values_inherited(section, KEY_TIME_ZONE))
		return;
	policy->zones[number] = NULL;
	rc = zone_load(zone->text, &policy->zones[number]);
	if (rc != 0)
		problem_error(values->problems, &zone->place,
		    "cannot load the time zone \"%.*s\": %s; expected a name such as Europe/Berlin or UTC",
		    STR_ARG(zone->text), strerror(-rc));
}

void
compile_site(struct values *values, const struct section *section, struct policy *policy, const struct policy *previous,
    size_t number)
{
	struct site *site = &policy->sites[number];

	if (number != 0)
		site->rules = policy->sites[0].rules;
	compile_zone(values, section, policy, number);
	site->name = section->name;
	site->path = STR("/");
	if (number != 0)
		compile_hosts(values, section, site);
	site->tickets = section->v[KEY_TICKETS].number == 1;
	site->ticket_max = section->v[KEY_TICKET_MAX].number;
	site->state_dir = policy->state_dir;
	if (section->v[KEY_CHECK_COMMAND].text.len > 0)
		site->check_command = arena_copy(values->arena, section->v[KEY_CHECK_COMMAND].text).p;
	compile_url(values, section, site);
	compile_condition(values, section, policy, number);
	compile_rules(values, section, &site->rules);
	compile_answers(values, section, policy, previous, number);
}
