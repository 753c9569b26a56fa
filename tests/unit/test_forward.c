/* SPDX-License-Identifier: MIT */
/* front/forward.c: what each proxy asks about, whom it is believed, and what is not whole. */
#include "config.h"

#include <string.h>

#include "front/forward.h"
#include "support.h"

int suite_forward(void);

#define FIELDS_MAX 8
#define PROXY      "198.51.100.1"
#define FOR        { "X-Forwarded-For", "192.0.2.9" }
#define TRAEFIK    { "Host", "gate" }, FOR, { "X-Forwarded-Method", "POST" }, { "X-Forwarded-Host", "shop.example" }, \
		   { "X-Forwarded-Uri", "/cart?x" }

struct field {
	const char *name, *value;
};

static const struct {
	const char          *say;
	const char          *peer, *method, *target;
	struct field         fields[FIELDS_MAX];
	enum forward_headers forward_headers;
	/* what is read; `asked` NULL: not whole */
	enum dialect         dialect;
	const char          *asked_method, *asked, *host;
	bool                 https;
} rows[] = {
	{ "Traefik and Caddy", PROXY, "GET", "/auth", { TRAEFIK, { "X-Forwarded-Proto", "https" } }, FORWARD_X_FORWARDED,
	  DIALECT_FORWARD_AUTH, "POST", "/cart?x", "shop.example", true },
	{ "... a WebSocket", PROXY, "GET", "/auth", { TRAEFIK, { "X-Forwarded-Proto", "wss" } }, FORWARD_X_FORWARDED,
	  DIALECT_FORWARD_AUTH, "POST", "/cart?x", "shop.example", true },
	{ "... a plain one", PROXY, "GET", "/auth?a", { TRAEFIK, { "X-Forwarded-Proto", "ws" } }, FORWARD_X_FORWARDED,
	  DIALECT_FORWARD_AUTH, "POST", "/cart?x", "shop.example", false },
	{ "nginx", PROXY, "GET", "/auth-request", { TRAEFIK }, FORWARD_X_FORWARDED,
	  DIALECT_AUTH_REQUEST, "POST", "/cart?x", "shop.example", false },
	{ "nobody's peer", "198.51.100.9", "GET", "/auth", { TRAEFIK }, FORWARD_X_FORWARDED, DIALECT_FORWARD_AUTH, NULL,
	  NULL, NULL, false },
	{ "nobody's peer, below", "198.51.100.9", "GET", "/auth/x", { { "Host", "a" }, FOR }, FORWARD_X_FORWARDED,
	  DIALECT_FORWARD_AUTH, NULL, NULL, NULL, false },
	{ "no method", PROXY, "GET", "/auth", { FOR, { "X-Forwarded-Host", "a" }, { "X-Forwarded-Uri", "/" } },
	  FORWARD_X_FORWARDED, DIALECT_FORWARD_AUTH, NULL, NULL, NULL, false },
	{ "no target", PROXY, "GET", "/auth", { FOR, { "X-Forwarded-Host", "a" }, { "X-Forwarded-Method", "GET" } },
	  FORWARD_X_FORWARDED, DIALECT_FORWARD_AUTH, NULL, NULL, NULL, false },
	{ "no host", PROXY, "GET", "/auth", { FOR, { "Host", "a" }, { "X-Forwarded-Uri", "/" },
	  { "X-Forwarded-Method", "GET" } }, FORWARD_X_FORWARDED, DIALECT_FORWARD_AUTH, NULL, NULL, NULL, false },
	{ "two targets", PROXY, "GET", "/auth", { TRAEFIK, { "x-forwarded-uri", "/health" } }, FORWARD_X_FORWARDED,
	  DIALECT_FORWARD_AUTH, NULL, NULL, NULL, false },
	{ "an underscore is another field", PROXY, "GET", "/auth", { TRAEFIK, { "X_Forwarded_Uri", "/health" } },
	  FORWARD_X_FORWARDED, DIALECT_FORWARD_AUTH, "POST", "/cart?x", "shop.example", false },
	{ "Envoy", PROXY, "PUT", "/auth/cart?x", { { "Host", "shop.example" }, FOR }, FORWARD_X_FORWARDED,
	  DIALECT_FORWARD_AUTH, "PUT", "/cart?x", "shop.example", false },
	{ "Envoy, the root", PROXY, "PUT", "/auth/", { { "Host", "shop.example" }, FOR }, FORWARD_X_FORWARDED,
	  DIALECT_FORWARD_AUTH, "PUT", "/", "shop.example", false },
	{ "Envoy, two hosts", PROXY, "PUT", "/auth/", { { "Host", "a" }, { "host", "a" }, FOR }, FORWARD_X_FORWARDED,
	  DIALECT_FORWARD_AUTH, NULL, NULL, NULL, false },
	{ "Traefik at Envoy's door", PROXY, "GET", "/auth/", { TRAEFIK }, FORWARD_X_FORWARDED, DIALECT_FORWARD_AUTH, NULL,
	  NULL, NULL, false },
	{ "ingress-nginx", PROXY, "GET", "/auth-request", { { "Host", "gate" }, FOR, { "X-Original-Method", "PUT" },
	  { "X-Original-URL", "https://shop.example/cart?x" } }, FORWARD_X_ORIGINAL_URL, DIALECT_AUTH_REQUEST, "PUT",
	  "/cart?x", "shop.example", true },
	{ "... does not read the other", PROXY, "GET", "/auth-request", { { "Host", "gate" }, FOR,
	  { "X-Original-Method", "PUT" }, { "X-Original-URI", "/cart" } }, FORWARD_X_ORIGINAL_URL, DIALECT_AUTH_REQUEST,
	  NULL, NULL, NULL, false },
	{ "... a URL of no web", PROXY, "GET", "/auth-request", { FOR, { "X-Original-Method", "PUT" },
	  { "X-Original-URL", "/cart" } }, FORWARD_X_ORIGINAL_URL, DIALECT_AUTH_REQUEST, NULL, NULL, NULL, false },
	{ "... a host alone", PROXY, "GET", "/auth-request", { FOR, { "X-Original-Method", "PUT" },
	  { "X-Original-URL", "http://shop.example" } }, FORWARD_X_ORIGINAL_URL, DIALECT_AUTH_REQUEST, NULL, NULL, NULL,
	  false },
	{ "nginx with X-Original-URI", PROXY, "GET", "/auth-request", { { "Host", "shop.example" }, FOR,
	  { "X-Original-Method", "PUT" }, { "X-Original-URI", "/cart?x" } }, FORWARD_X_ORIGINAL_URI, DIALECT_AUTH_REQUEST,
	  "PUT", "/cart?x", "shop.example", false },
	{ "any other path", PROXY, "PUT", "/cart?x", { { "Host", "shop.example" }, FOR }, FORWARD_X_FORWARDED,
	  DIALECT_RENDER, "PUT", "/cart?x", "shop.example", false },
	{ "... by anybody", "203.0.113.1", "PUT", "/cart?x", { { "Host", "shop.example" },
	  { "X-Forwarded-Proto", "https" } }, FORWARD_X_FORWARDED, DIALECT_RENDER, "PUT", "/cart?x", "shop.example", false },
	{ "the page's own door", PROXY, "PUT", "/.maintenance/page/auth/x?y", { { "Host", "shop.example" } }, FORWARD_X_FORWARDED,
	  DIALECT_RENDER, "PUT", "/auth/x?y", "shop.example", false },
	{ "... with another door behind it", PROXY, "GET", "/.maintenance/page/auth-request", { TRAEFIK }, FORWARD_X_FORWARDED,
	  DIALECT_RENDER, "GET", "/auth-request", "gate", false },
	{ "... without a path behind it", PROXY, "GET", "/.maintenance/page", { TRAEFIK }, FORWARD_X_FORWARDED, DIALECT_RENDER,
	  "GET", "/.maintenance/page", "gate", false },
	{ "... in another spelling", PROXY, "GET", "/%61uth", { TRAEFIK }, FORWARD_X_FORWARDED, DIALECT_RENDER, "GET",
	  "/%61uth", "gate", false },
	{ "... that begins alike", PROXY, "GET", "/authx", { TRAEFIK }, FORWARD_X_FORWARDED, DIALECT_RENDER, "GET",
	  "/authx", "gate", false },
	{ "... in absolute form", PROXY, "GET", "http://a/auth", { TRAEFIK }, FORWARD_X_FORWARDED, DIALECT_RENDER, "GET",
	  "http://a/auth", "gate", false },
};

static struct http_request *
make_request(const char *peer, const char *method, const char *target, const struct field *fields, struct arena *arena)
{
	struct http_request *request = arena_zalloc(arena, 1, sizeof *request);

	request->method = str_of(method);
	request->target = str_of(target);
	request->whole = true;
	request->arena = arena;
	CU_ASSERT_EQUAL(ip_parse(str_of(peer), &request->peer), 0);
	for (size_t i = 0; i < FIELDS_MAX && fields[i].name != NULL; i++)
		request->fields[request->field_count++] =
		    (struct http_field){ str_of(fields[i].name), str_of(fields[i].value) };
	return request;
}

static struct str
header_of(const struct raw_request *raw, const char *cgi_name)
{
	for (size_t i = 0; i < raw->header_count; i++)
		if (str_eq(raw->headers[i].name, str_of(cgi_name)))
			return raw->headers[i].value;
	return STR_NONE;
}

static struct trust
trust_in(const char *peer)
{
	struct cidr_set *proxies = cidr_set_new();

	CU_ASSERT_EQUAL(cidr_set_add(proxies, str_of(peer)), 0);
	cidr_set_freeze(proxies);
	return (struct trust){ proxies, STR("X_FORWARDED_FOR"), CLIENT_HEADER_LIST };
}

static void
test_forward_rows(void)
{
	struct trust trust = trust_in(PROXY);
	struct arena *arena = arena_new_fixed(1 << 20);
	struct raw_request raw;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *complaint;

		arena_reset(arena);
		complaint = forward_read(make_request(rows[i].peer, rows[i].method, rows[i].target, rows[i].fields, arena),
		    &trust, rows[i].forward_headers, &raw);
		CHECK(rows[i].say, raw.dialect == rows[i].dialect);
		CHECK(rows[i].say, raw.whole == (rows[i].asked != NULL));
		CHECK(rows[i].say, raw.whole == (complaint == NULL));
		CHECK(rows[i].say, raw.method.len > 0 && raw.target.len > 0);
		if (rows[i].asked == NULL)
			continue;
		check_str(rows[i].say, raw.method, rows[i].asked_method);
		check_str(rows[i].say, raw.target, rows[i].asked);
		check_str(rows[i].say, header_of(&raw, "HOST"), rows[i].host);
		CHECK(rows[i].say, raw.https == rows[i].https);
		check_str(rows[i].say, raw.peer, rows[i].peer);
	}
	arena_free(arena);
	cidr_set_free((struct cidr_set *)trust.proxies);
}

static void
test_forward_edges(void)
{
	static const struct field traefik[FIELDS_MAX] = { TRAEFIK };
	static const struct field nameless[FIELDS_MAX] = { { "X-Forwarded-Method", "GET" }, { "X-Forwarded-Host", "a" },
		{ "X-Forwarded-Uri", "/" }, { "X_Forwarded_For", "192.0.2.7" } };
	struct trust trust = trust_in(PROXY);
	struct arena *arena = arena_new_fixed(1 << 20);
	struct http_request *request = make_request(PROXY, "GET", "/auth/x", (struct field[FIELDS_MAX]){ { "Host", "a" }, FOR },
	    arena);
	struct raw_request raw;

	CU_ASSERT_PTR_NULL(forward_read(request, &trust, FORWARD_X_FORWARDED, &raw));
	check_int("a 5xx is Envoy's error", raw.hold_status, 403);
	request = make_request(PROXY, "GET", "/auth", nameless, arena);
	CU_ASSERT_PTR_NULL(forward_read(request, &trust, FORWARD_X_FORWARDED, &raw));
	check_int("a proxy that names no client is none itself", (int64_t)raw.peer.len, 0);
	CHECK("a twin is no header at all", header_of(&raw, "X_FORWARDED_FOR").p == NULL);
	request = make_request(PROXY, "GET", "/auth", traefik, arena);
	request->whole = false;
	CU_ASSERT_PTR_NOT_NULL(forward_read(request, &trust, FORWARD_X_FORWARDED, &raw));
	CHECK("a head with more in it than was read", !raw.whole);
	request->target = STR("/any");
	CU_ASSERT_PTR_NULL(forward_read(request, &trust, FORWARD_X_FORWARDED, &raw));
	CHECK("... is enough for the page", raw.whole && raw.dialect == DIALECT_RENDER);
	request = make_request(PROXY, "GET", "/auth", traefik, arena);
	while (request->field_count < HTTP_FIELDS_MAX)
		request->fields[request->field_count++] = (struct http_field){ STR("X-A"), STR("b") };
	CU_ASSERT_PTR_NULL(forward_read(request, &trust, FORWARD_X_FORWARDED, &raw));
	check_int("as many fields as there may be", (int64_t)raw.header_count, HTTP_FIELDS_MAX);
	arena_free(arena);
	cidr_set_free((struct cidr_set *)trust.proxies);
}

static void
test_forward_half_configured(void)
{
	static const char *const refused[] = { "[gateway]\nhttp_listen = 127.0.0.1:1\n",
		"[gateway]\nhttp_listen = 127.0.0.1:1\ntrusted_proxies =\n" };
	struct folder folder;
	struct compiled compiled;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(refused); i++) {
		compile_text(&folder, refused[i], NULL, &compiled);
		CHECK("http_listen needs trusted_proxies", compiled.rc != 0 &&
		    find_problem(&compiled.problems, "needs trusted_proxies") != NULL);
		compiled_free(&compiled);
	}
	compile_text(&folder, "[gateway]\nhttp_listen = 127.0.0.1:1\ntrusted_proxies = ::1\n", NULL, &compiled);
#ifdef HAVE_HTTP
	check_int("with them it is taken", compiled.rc, 0);
#else
	CHECK("built without it", find_problem(&compiled.problems, "--disable-http") != NULL);
#endif
	compiled_free(&compiled);
	folder_remove(&folder);
}

int
suite_forward(void)
{
	CU_pSuite suite = CU_add_suite("front/forward", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "each proxy's question", test_forward_rows) == NULL ||
	    CU_add_test(suite, "edges", test_forward_edges) == NULL ||
	    CU_add_test(suite, "half configured", test_forward_half_configured) == NULL)
		return -1;
	return 0;
}
