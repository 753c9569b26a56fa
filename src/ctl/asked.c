/* SPDX-License-Identifier: MIT */
/*
 * From words to a request, and through the steps of a front: normalise, find the site, read its condition, look for a
 * ticket, decide, build the answer.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/asked.h"

static int
wrong(struct asked *asked, const char *sentence)
{
	asked->wrong = sentence;
	return -EINVAL;
}

void
asked_begin(struct asked *asked, struct arena *arena)
{
	memset(asked, 0, sizeof *asked);
	asked->arena = arena;
	asked->raw.dialect = DIALECT_AUTHORIZER;
	asked->raw.whole = true;
	asked->raw.peer = STR("127.0.0.1");
	asked->raw.method = STR("GET");
	asked->raw.target = asked->url = STR("/");
}

static bool
has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool
is_method(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '-' || s.p[i] == '_'))
			return false;
	return s.len > 0 && s.len <= 32;
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]) != NULL)
			return false;
	return s.len > 0;
}

static int
add_header(struct asked *asked, struct str name, struct str value)
{
	struct raw_request *raw = &asked->raw;

	if (asked->host_by_url && str_eq(name, STR("HOST"))) {
		asked->host_by_url = false;
		raw->headers[0].value = value;
		return 0;
	}
	if (raw->header_count == REQUEST_HEADERS_MAX)
		return wrong(asked, "more headers than any server lets through");
	raw->headers[raw->header_count++] = (struct raw_header){ name, value };
	return 0;
}

/* "https://host/path?query": what a client makes of it.  A fragment stays with the client. */
static int
take_absolute(struct asked *asked, struct str rest)
{
	size_t end = 0;
	char buffer[HOST_MAX];
	struct str authority, host;
	int rc;

	while (end < rest.len && strchr("/?#", rest.p[end]) == NULL)
		end++;
	authority = str_sub(rest, 0, end);
	if (host_normalise(authority, buffer, &host) != 0)
		return wrong(asked, "expected a host such as shop.example.com in the URL, without a user's name");
	rest = str_sub(rest, end, rest.len);
	rest = str_sub(rest, 0, str_find(rest, '#'));
	asked->raw.target = str_starts(rest, STR("/")) ? rest : arena_printf(asked->arena, "/%.*s", STR_ARG(rest));
	rc = add_header(asked, STR("HOST"), authority);
	asked->host_by_url = rc == 0;
	return rc;
}

/* A ticket's ID is a secret, also where it was typed. */
static struct str
without_ticket(struct str url, struct arena *arena)
{
	size_t question = str_find(url, '?');

	if (!str_contains(str_sub(url, question, url.len), STR(OFFER_NAME)))
		return url;
	return arena_printf(arena, "%.*s?" OFFER_NAME "=...", STR_ARG(str_sub(url, 0, question)));
}

int
asked_target(struct asked *asked, struct str method, struct str url)
{
	if (!is_method(method))
		return wrong(asked, "expected a method in capitals, such as GET or POST");
	asked->raw.method = method;
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f)
			return wrong(asked, "a URL has no blanks or control characters: write %20");
	asked->url = without_ticket(url, asked->arena);
	asked->raw.https = str_eq_nocase(str_sub(url, 0, 8), STR("https://"));
	if (asked->raw.https || str_eq_nocase(str_sub(url, 0, 7), STR("http://")))
		return take_absolute(asked, str_sub(url, asked->raw.https ? 8 : 7, url.len));
	if (!str_starts(url, STR("/")) && !str_eq(url, STR("*")))
		return wrong(asked, "expected a URL such as https://shop.example.com/cart, or a path such as /cart");
	asked->raw.target = url;
	return 0;
}

int
asked_from(struct asked *asked, struct str address)
{
	struct ip_addr parsed;

	if (ip_parse(address, &parsed) != 0)
		return wrong(asked, "expected one address such as 192.0.2.7 or 2001:db8::7 behind \"from\"");
	asked->raw.peer = address;
	return 0;
}

int
asked_header(struct asked *asked, struct str line)
{
	size_t colon = str_find(line, ':');
	struct str name = str_sub(line, 0, colon), cgi;

	/* what is wrong is not repeated: it may be a secret without its name */
	if (colon == line.len || !is_token(name) || has_control(line))
		return wrong(asked, "expected a header as \"Name: value\"");
	cgi = header_cgi_name(name, asked->arena);
	if (cgi.p == NULL)
		return wrong(asked, "out of memory");
	return add_header(asked, cgi, str_trim(str_sub(line, colon + 1, line.len)));
}

static enum server
server_of(struct str software)
{
	if (str_starts(software, STR("lighttpd")))
		return SERVER_LIGHTTPD;
	return str_starts(software, STR("Caddy")) ? SERVER_CADDY : SERVER_OTHER;
}

int
asked_param(struct asked *asked, struct str pair)
{
	size_t equals = str_find(pair, '=');
	struct str name = str_sub(pair, 0, equals), value = str_sub(pair, equals + 1, pair.len);
	int64_t status;

	if (equals < pair.len && str_eq(name, STR("WARDEN_USER")))
		asked->raw.user = value;
	else if (equals < pair.len && str_eq(name, STR("WARDEN_SITE")))
		asked->raw.site = value;
	else if (equals < pair.len && str_eq(name, STR("MAINTENANCE_MODE")))
		asked->raw.enabled = value;
	else if (equals < pair.len && str_eq(name, STR("SERVER_SOFTWARE")))
		asked->raw.server = server_of(value);
	else if (str_eq(name, STR("WARDEN_HOLD_STATUS")) && str_number(value, 400, 599, &status) == 0)
		asked->raw.hold_status = (int)status;
	else
		return wrong(asked, "expected NAME=VALUE with WARDEN_USER, WARDEN_SITE, MAINTENANCE_MODE, "
		    "WARDEN_HOLD_STATUS (400 to 599) or SERVER_SOFTWARE");
	return 0;
}

/* The next word of a line, maybe in double quotes.  1, 0 at the end or a comment, -EINVAL for quotes left open. */
static int
next_word(struct str *rest, struct str *ret)
{
	size_t end = 0;

	*rest = str_trim(*rest);
	if (rest->len == 0 || rest->p[0] == '#')
		return 0;
	if (rest->p[0] == '"') {
		*rest = str_sub(*rest, 1, rest->len);
		end = str_find(*rest, '"');
		*ret = str_sub(*rest, 0, end);
		if (end == rest->len)
			return -EINVAL;
		*rest = str_sub(*rest, end + 1, rest->len);
		return 1;
	}
	while (end < rest->len && rest->p[end] != ' ' && rest->p[end] != '\t')
		end++;
	*ret = str_sub(*rest, 0, end);
	*rest = str_sub(*rest, end, rest->len);
	return 1;
}

static int
take_attribute(struct asked *asked, struct str name, struct str *rest)
{
	struct str value;
	int rc = next_word(rest, &value);

	if (rc < 0)
		return wrong(asked, "a quote is left open");
	if (rc > 0 && str_eq(name, STR("from")))
		return asked_from(asked, value);
	if (rc > 0 && str_eq(name, STR("header")))
		return asked_header(asked, value);
	if (rc > 0 && str_eq(name, STR("user"))) {
		asked->raw.user = value;
		return 0;
	}
	return wrong(asked, "expected METHOD URL [from ADDR] [user NAME] [header \"Name: value\"]...");
}

int
asked_line(struct asked *asked, struct str line)
{
	struct str method = STR("GET"), url = STR_NONE, word;
	struct str rest = line;
	int rc = next_word(&rest, &url);

	if (rc > 0 && is_method(url)) {
		method = url;
		url = STR_NONE;
		rc = next_word(&rest, &url);
	}
	if (rc < 0)
		return wrong(asked, "a quote is left open");
	rc = asked_target(asked, method, url);
	while (rc == 0) {
		int more = next_word(&rest, &word);

		if (more == 0)
			return 0;
		rc = more < 0 ? wrong(asked, "a quote is left open") : take_attribute(asked, word, &rest);
	}
	return rc;
}

struct str
asked_header_name(struct str cgi_name, struct arena *arena)
{
	char *out = arena_alloc(arena, cgi_name.len + 1);
	bool first = true;

	for (size_t i = 0; out != NULL && i < cgi_name.len; i++) {
		char c = cgi_name.p[i];

		out[i] = c == '_' ? '-' : c;
		if (!first && c >= 'A' && c <= 'Z')
			out[i] = (char)(c + 32);
		first = c == '_';
	}
	return (struct str){ out, out != NULL ? cgi_name.len : 0 };
}

size_t
asked_take_option(int *argc, char **argv, const char *name, const char **ret)
{
	size_t count = 0, len = strlen(name);
	int kept = 1, i = 1;

	for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		bool it = strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, name, len) == 0;

		if (it && argv[i][2 + len] == '=')
			ret[count++] = argv[i] + 3 + len;
		else if (it && argv[i][2 + len] == '\0' && i + 1 < *argc)
			ret[count++] = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	for (; i < *argc; i++)
		argv[kept++] = argv[i];
	*argc = kept;
	return count;
}

struct str
asked_site_name(const struct site *site)
{
	return site->name.len > 0 ? site->name : STR("[site]");
}

const struct values *
asked_values(const char *path, struct arena *arena)
{
	struct values *values = arena_zalloc(arena, 1, sizeof *values);
	struct problems *problems = arena_zalloc(arena, 1, sizeof *problems);

	if (values == NULL || problems == NULL)
		return NULL;
	problems->arena = arena;
	values_load(values, str_of(path), arena, problems);
	return problems->errors == 0 ? values : NULL;
}

const struct section *
asked_section(const struct values *values, struct str site)
{
	for (const struct section *s = values->named.first; s != NULL; s = s->next)
		if (site.len > 0 && str_eq(s->name, site))
			return s;
	return &values->site;
}
