/* SPDX-License-Identifier: MIT */
/* front/cgi_env.c: what each server says, how it wants its answer, and what is not whole. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/cgi_env.h"
#include "support.h"

int suite_cgi_env(void);

#define PARAMETERS_MAX 12
#define WHOLE "REQUEST_METHOD=GET", "REQUEST_URI=/a?b", "REMOTE_ADDR=192.0.2.7"

static const struct {
	const char  *say;
	const char  *parameters[PARAMETERS_MAX];
	enum dialect dialect;
} dialects[] = {
	{ "nothing said",                   { WHOLE }, DIALECT_RESPONDER },
	{ "the role is not ours to read",   { WHOLE, "FCGI_ROLE=AUTHORIZER" }, DIALECT_RESPONDER },
	{ "nginx asks",                     { WHOLE, "WARDEN_MODE=auth-request" }, DIALECT_AUTH_REQUEST },
	{ "nginx goes on by X-Accel",       { WHOLE, "WARDEN_MODE=x-accel", "WARDEN_TARGET=@app" }, DIALECT_X_ACCEL },
	{ "Caddy asks",                     { WHOLE, "WARDEN_MODE=forward-auth" }, DIALECT_FORWARD_AUTH },
	{ "a page, always",                 { WHOLE, "WARDEN_MODE=render" }, DIALECT_RENDER },
	{ "an unknown mode lets nobody in", { WHOLE, "WARDEN_MODE=auth_request" }, DIALECT_RENDER },
	{ "... in another case",            { WHOLE, "WARDEN_MODE=Forward-Auth" }, DIALECT_RENDER },
	{ "an empty mode is none",          { WHOLE, "WARDEN_MODE=" }, DIALECT_RESPONDER },
	{ "nginx's second call, held",      { WHOLE, "WARDEN_RENDER=1", "WARDEN_HELD=active; id=a" }, DIALECT_RENDER },
	{ "... not held: the site's 401",   { WHOLE, "WARDEN_RENDER=1", "WARDEN_HELD=" }, DIALECT_RENDER_NOT_HELD },
	{ "... without saying",             { WHOLE, "WARDEN_RENDER=1" }, DIALECT_RENDER },
	{ "... before the mode",            { WHOLE, "WARDEN_MODE=auth-request", "WARDEN_RENDER=1", "WARDEN_HELD=a" }, DIALECT_RENDER },
	{ "render is 1 or nothing",         { WHOLE, "WARDEN_RENDER=0" }, DIALECT_RESPONDER },
	{ "held alone says nothing",        { WHOLE, "WARDEN_HELD=" }, DIALECT_RESPONDER },
	{ "a header cannot be a mode",      { WHOLE, "HTTP_WARDEN_MODE=auth-request", "HTTP_WARDEN_RENDER=1" }, DIALECT_RESPONDER },
	{ "an error page for 503",          { WHOLE, "REDIRECT_STATUS=503" }, DIALECT_RENDER },
	{ "... for 502",                    { WHOLE, "REDIRECT_STATUS=502" }, DIALECT_RENDER },
	{ "... for 504",                    { WHOLE, "REDIRECT_STATUS=504" }, DIALECT_RENDER },
	{ "... for a 401, maybe ours",      { WHOLE, "REDIRECT_STATUS=401" }, DIALECT_RENDER_IF_HELD },
	{ "... for 404: no",                { WHOLE, "REDIRECT_STATUS=404" }, DIALECT_RESPONDER },
	{ "what PHP is always told",        { WHOLE, "REDIRECT_STATUS=200" }, DIALECT_RESPONDER },
	{ "... no number",                  { WHOLE, "REDIRECT_STATUS=CGI" }, DIALECT_RESPONDER },
	{ "a named mode before it",         { WHOLE, "REDIRECT_STATUS=503", "WARDEN_MODE=x-accel" }, DIALECT_X_ACCEL },
};

static void
read_env(const char *const *parameters, bool authorizer, struct raw_request *ret)
{
	char *environment[PARAMETERS_MAX + 1] = { NULL };

	for (size_t i = 0; i < PARAMETERS_MAX && parameters[i] != NULL; i++)
		environment[i] = (char *)parameters[i];
	cgi_env_read(environment, authorizer, ret);
}

static void
test_cgi_env_dialects(void)
{
	struct raw_request raw;

	for (size_t i = 0; i < COUNT(dialects); i++) {
		read_env(dialects[i].parameters, false, &raw);
		check_int(dialects[i].say, raw.dialect, dialects[i].dialect);
		CHECK(dialects[i].say, raw.whole);
	}
}

static void
test_cgi_env_authorizer(void)
{
	static const char *const plain[PARAMETERS_MAX] = { WHOLE, "WARDEN_MODE=render" };
	static const char *const apache[PARAMETERS_MAX] = { WHOLE, "FCGI_APACHE_ROLE=ACCESS_CHECKER" };
	struct raw_request raw;

	read_env(plain, true, &raw);
	check_int("the role goes before the mode", raw.dialect, DIALECT_AUTHORIZER);
	read_env(apache, true, &raw);
	check_int("mod_fcgid takes 200 or a bare 401", raw.dialect, DIALECT_AUTHORIZER_BARE);
	read_env(apache, false, &raw);
	check_int("... but not from a responder", raw.dialect, DIALECT_RESPONDER);
}

static const struct {
	const char *say;
	const char *parameters[PARAMETERS_MAX];
	bool        whole;
} wholes[] = {
	{ "all there",                    { WHOLE }, true },
	{ "no method",                    { "REQUEST_URI=/", "REMOTE_ADDR=::1" }, false },
	{ "an empty method",              { "REQUEST_METHOD=", "REQUEST_URI=/", "REMOTE_ADDR=::1" }, false },
	{ "no target",                    { "REQUEST_METHOD=GET", "REMOTE_ADDR=::1" }, false },
	{ "an empty target",              { "REQUEST_METHOD=GET", "REQUEST_URI=", "REMOTE_ADDR=::1" }, false },
	{ "PATH_INFO is no target",       { "REQUEST_METHOD=GET", "PATH_INFO=/", "REMOTE_ADDR=::1" }, false },
	{ "no peer",                      { "REQUEST_METHOD=GET", "REQUEST_URI=/" }, false },
	{ "an empty peer",                { "REQUEST_METHOD=GET", "REQUEST_URI=/", "REMOTE_ADDR=" }, false },
	{ "a doubled method",             { WHOLE, "REQUEST_METHOD=POST" }, false },
	{ "... also the same",            { WHOLE, "REQUEST_METHOD=GET" }, false },
	{ "... also empty",               { WHOLE, "REQUEST_METHOD=" }, false },
	{ "a doubled target",             { WHOLE, "REQUEST_URI=/b" }, false },
	{ "a doubled peer",               { WHOLE, "REMOTE_ADDR=10.0.0.1" }, false },
	{ "a doubled site",               { WHOLE, "WARDEN_SITE=a", "WARDEN_SITE=b" }, false },
	{ "a site of before an error",    { WHOLE, "WARDEN_SITE=a", "REDIRECT_WARDEN_SITE=b" }, true },
	{ "... doubled",                  { WHOLE, "REDIRECT_WARDEN_SITE=a", "REDIRECT_WARDEN_SITE=b" }, false },
	{ "a doubled user",               { WHOLE, "WARDEN_USER=", "WARDEN_USER=anna" }, false },
	{ "a doubled mode",               { WHOLE, "WARDEN_MODE=render", "WARDEN_MODE=render" }, false },
	{ "a doubled header is a header", { WHOLE, "HTTP_COOKIE=a", "HTTP_COOKIE=b" }, true },
	{ "what we do not read may double", { WHOLE, "SCRIPT_NAME=a", "SCRIPT_NAME=b" }, true },
	{ "a name without a value",       { WHOLE, "WARDEN_SITE" }, true },
	{ "nothing at all",               { NULL }, false },
};

static void
test_cgi_env_whole(void)
{
	struct raw_request raw;

	for (size_t i = 0; i < COUNT(wholes); i++) {
		read_env(wholes[i].parameters, false, &raw);
		check_int(wholes[i].say, raw.whole, wholes[i].whole);
	}
}

static void
test_cgi_env_values(void)
{
	static const char *const parameters[PARAMETERS_MAX] = { "REQUEST_METHOD=POST", "REQUEST_URI=/a=b?c=d", "REMOTE_ADDR=::1",
		"WARDEN_SITE=shop", "WARDEN_USER=anna", "WARDEN_TARGET=@app", "WARDEN_HOLD_STATUS=403", "MAINTENANCE_MODE=true",
		"HTTP_X_REQUEST_ID=a=b", "HTTP_PROXY=http://evil", "HTTP_=x", "HTTPS=on" };
	struct raw_request raw;

	read_env(parameters, false, &raw);
	check_str("method", raw.method, "POST");
	check_str("a target may hold \"=\"", raw.target, "/a=b?c=d");
	check_str("peer", raw.peer, "::1");
	check_str("site", raw.site, "shop");
	check_str("user", raw.user, "anna");
	check_str("target of X-Accel", raw.accel_target, "@app");
	check_str("enabled by parameter", raw.enabled, "true");
	check_int("another status for held", raw.hold_status, 403);
	CHECK("on HTTPS", raw.https);
	check_int("HTTP_PROXY is never read", (int64_t)raw.header_count, 2);
	check_str("a header's name", raw.headers[0].name, "X_REQUEST_ID");
	check_str("... and value", raw.headers[0].value, "a=b");
	check_str("a header without a name", raw.headers[1].name, "");
}

static const struct {
	const char *say, *parameter;
	int         hold_status;
	bool        https;
	enum server server;
	const char *method, *user;
} singles[] = {
	{ "none of them",            "A=b",                                 0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "403 where it must be",    "WARDEN_HOLD_STATUS=403",            403, false, SERVER_OTHER,    "GET",  "anna" },
	{ "599 is the last",         "WARDEN_HOLD_STATUS=599",            599, false, SERVER_OTHER,    "GET",  "anna" },
	{ "200 would let it pass",   "WARDEN_HOLD_STATUS=200",              0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "600 is none",             "WARDEN_HOLD_STATUS=600",              0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "no number",               "WARDEN_HOLD_STATUS=403 x",            0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "by scheme",               "REQUEST_SCHEME=https",                0, true,  SERVER_OTHER,    "GET",  "anna" },
	{ "plain by scheme",         "REQUEST_SCHEME=http",                 0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "by HTTPS",                "HTTPS=ON",                            0, true,  SERVER_OTHER,    "GET",  "anna" },
	{ "HTTPS=off",               "HTTPS=off",                           0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "lighttpd",                "SERVER_SOFTWARE=lighttpd/1.4.79",     0, false, SERVER_LIGHTTPD, "GET",  "anna" },
	{ "Caddy",                   "SERVER_SOFTWARE=Caddy/v2.8.4",        0, false, SERVER_CADDY,    "GET",  "anna" },
	{ "nginx",                   "SERVER_SOFTWARE=nginx/1.26.3",        0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "the method Caddy names",  "WARDEN_METHOD=PUT",                   0, false, SERVER_OTHER,    "PUT",  "anna" },
	{ "... empty is none",       "WARDEN_METHOD=",                      0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "the method before an error page", "REDIRECT_REQUEST_METHOD=POST", 0, false, SERVER_OTHER,   "POST", "anna" },
	{ "TLS that verified",       "SSL_CLIENT_VERIFY=SUCCESS",           0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "TLS that did not",        "SSL_CLIENT_VERIFY=NONE",              0, false, SERVER_OTHER,    "GET",  "" },
	{ "... or failed",           "SSL_CLIENT_VERIFY=FAILED:expired",    0, false, SERVER_OTHER,    "GET",  "" },
	{ "... or says nothing",     "SSL_CLIENT_VERIFY=",                  0, false, SERVER_OTHER,    "GET",  "" },
	{ "REMOTE_USER is not read", "REMOTE_USER=root",                    0, false, SERVER_OTHER,    "GET",  "anna" },
	{ "nor a header of the name", "HTTP_WARDEN_USER=root",              0, false, SERVER_OTHER,    "GET",  "anna" },
};

static void
test_cgi_env_singles(void)
{
	for (size_t i = 0; i < COUNT(singles); i++) {
		const char *parameters[PARAMETERS_MAX] = { WHOLE, "WARDEN_USER=anna", singles[i].parameter };
		struct raw_request raw;

		read_env(parameters, false, &raw);
		check_int(singles[i].say, raw.hold_status, singles[i].hold_status);
		check_int(singles[i].say, raw.https, singles[i].https);
		check_int(singles[i].say, raw.server, singles[i].server);
		check_str(singles[i].say, raw.method, singles[i].method);
		check_str(singles[i].say, raw.user, singles[i].user);
	}
}

/* `count` parameters in all, the others as headers or not. */
static bool
whole_with(size_t count, bool headers)
{
	static const char *const needed[] = { WHOLE };
	char **environment = calloc(count + 1, sizeof *environment);
	struct raw_request raw;

	CU_ASSERT_PTR_NOT_NULL_FATAL(environment);
	for (size_t i = 0; i < count; i++)
		environment[i] = (char *)(i < COUNT(needed) ? needed[i] : headers ? "HTTP_A=b" : "A=b");
	cgi_env_read(environment, false, &raw);
	CU_ASSERT_TRUE(raw.header_count <= REQUEST_HEADERS_MAX);
	free(environment);
	return raw.whole;
}

static void
test_cgi_env_too_many(void)
{
	CHECK("256 are whole", whole_with(CGI_PARAMETERS_MAX, false));
	CHECK("257 are not", !whole_with(CGI_PARAMETERS_MAX + 1, false));
	CHECK("256 with headers are whole", whole_with(CGI_PARAMETERS_MAX, true));
	CHECK("2000 headers are not, and nothing breaks", !whole_with(2000, true));
}

static bool
whole_of_bytes(size_t bytes)
{
	char *large = calloc(1, bytes + 1), *environment[] = { "REQUEST_METHOD=GET", "REQUEST_URI=/", "REMOTE_ADDR=::1", large, NULL };
	size_t rest = strlen(environment[0]) + strlen(environment[1]) + strlen(environment[2]);
	struct raw_request raw;

	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	memset(large, 'a', bytes - rest);
	memcpy(large, "HTTP_A=", 7);
	cgi_env_read(environment, false, &raw);
	free(large);
	return raw.whole;
}

static void
test_cgi_env_too_large(void)
{
	CHECK("64 KiB are whole", whole_of_bytes(CGI_BYTES_MAX));
	CHECK("one byte more is not", !whole_of_bytes(CGI_BYTES_MAX + 1));
}

/* Each name that is read is found, and nothing that is only like it: two of one are doubled. */
static void
test_cgi_env_names(void)
{
	static const char *const names[] = {
		"HTTPS", "REQUEST_URI", "REMOTE_ADDR", "WARDEN_MODE", "WARDEN_SITE", "WARDEN_USER", "WARDEN_HELD",
		"WARDEN_METHOD", "WARDEN_TARGET", "WARDEN_RENDER", "REQUEST_METHOD", "REQUEST_SCHEME", "CONTENT_LENGTH",
		"SERVER_SOFTWARE", "SERVER_PROTOCOL", "REDIRECT_STATUS", "FCGI_APACHE_ROLE", "MAINTENANCE_MODE",
		"SSL_CLIENT_VERIFY", "WARDEN_HOLD_STATUS", "REDIRECT_WARDEN_SITE", "REDIRECT_REQUEST_METHOD",
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		char one[64], other[64];
		const char *twice[PARAMETERS_MAX] = { one, one, WHOLE }, *like[PARAMETERS_MAX] = { other, other, WHOLE };
		struct raw_request raw;

		(void)snprintf(one, sizeof one, "%s=x", names[i]);
		(void)snprintf(other, sizeof other, "x%s=x", names[i] + 1);
		read_env(twice, false, &raw);
		CHECK(names[i], !raw.whole);
		read_env(like, false, &raw);
		CHECK(other, raw.whole);
	}
}

static void
test_cgi_env_body(void)
{
	static const struct {
		const char *say, *parameters[PARAMETERS_MAX];
		bool        may;
	} rows[] = {
		{ "nothing is announced",  { WHOLE, "SERVER_PROTOCOL=HTTP/1.1" }, false },
		{ "... in HTTP/1.0",       { WHOLE, "SERVER_PROTOCOL=HTTP/1.0", "CONTENT_LENGTH=" }, false },
		{ "a length of 0",         { WHOLE, "SERVER_PROTOCOL=HTTP/1.1", "CONTENT_LENGTH=0" }, false },
		{ "a length",              { WHOLE, "SERVER_PROTOCOL=HTTP/1.1", "CONTENT_LENGTH=7" }, true },
		{ "chunks",                { WHOLE, "SERVER_PROTOCOL=HTTP/1.1", "HTTP_TRANSFER_ENCODING=chunked" }, true },
		{ "HTTP/2 announces none", { WHOLE, "SERVER_PROTOCOL=HTTP/2.0" }, true },
		{ "no protocol",           { WHOLE }, true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct raw_request raw;

		read_env(rows[i].parameters, false, &raw);
		CHECK(rows[i].say, raw.may_have_body == rows[i].may);
	}
}

int
suite_cgi_env(void)
{
	CU_pSuite suite = CU_add_suite("front/cgi_env", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "dialects", test_cgi_env_dialects) == NULL ||
	    CU_add_test(suite, "authorizer", test_cgi_env_authorizer) == NULL ||
	    CU_add_test(suite, "whole", test_cgi_env_whole) == NULL ||
	    CU_add_test(suite, "values", test_cgi_env_values) == NULL ||
	    CU_add_test(suite, "singles", test_cgi_env_singles) == NULL ||
	    CU_add_test(suite, "names", test_cgi_env_names) == NULL ||
	    CU_add_test(suite, "body", test_cgi_env_body) == NULL ||
	    CU_add_test(suite, "too many", test_cgi_env_too_many) == NULL ||
	    CU_add_test(suite, "too large", test_cgi_env_too_large) == NULL)
		return -1;
	return 0;
}
