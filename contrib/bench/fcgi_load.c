/* SPDX-License-Identifier: MIT */
/*
 * A closed loop of FastCGI requests over N connections, one thread: a connection sends its next request when it has the
 * answer to the last.  Status and length of every answer are checked.
 *
 *     fcgi_load ADDRESS CONNECTIONS SECONDS keep|close responder|authorizer STATUS [LENGTH [NAME=VALUE...]]
 *
 * ADDRESS is a path, or 127.0.0.1:9000.  SECONDS may be a number of requests, "1000x".  Without LENGTH, or where it is
 * 0, each answer must be as long as the first.  NAME=VALUE are further parameters.  Prints a line of JSON.  The exit
 * status is 1 when an answer was wrong or lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum record { NONE, BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };    /* FastCGI specification, section 8 */

#define LATENCIES_MAX 8000000
#define START_MAX     64        /* bytes of an answer that are kept, for its status */
#define HEADER_LEN    8
#define ANSWER_MS     30000  /* beyond, an answer is lost */

struct connection {
	int           fd;
	double        sent;
	unsigned char header[HEADER_LEN];
	size_t        header_len, content, padding;     /* of the record that is being read: what is still to come */
	enum record   kind;
	bool          answered;
	char          start[START_MAX + 1];
	size_t        start_len, length;                /* of the answer so far: head and body */
};

static struct {
	union {
		struct sockaddr    any;
		struct sockaddr_un path;
		struct sockaddr_in inet;
	}             address;
	socklen_t     address_len;
	unsigned char request[4096];
	size_t        request_len;
	bool          keep;
	const char   *status;
	size_t        length;
	int           set;
	size_t        answers, wrong, lost;
	size_t        most;                             /* requests that are sent; 0: as many as there is time for */
	size_t        sent;
	float        *latencies;
} load;

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
fail(const char *what)
{
	perror(what);
	exit(2);
}

static void
add_record(enum record kind, const void *content, size_t len)
{
	unsigned char header[HEADER_LEN] = { 1, (unsigned char)kind, 0, 1 };

	header[4] = (unsigned char)(len >> 8);
	header[5] = (unsigned char)len;
	memcpy(load.request + load.request_len, header, sizeof header);
	memcpy(load.request + load.request_len + sizeof header, content, len);
	load.request_len += sizeof header + len;
}

/* "NAME=VALUE" as a pair: a length from 128 on takes four bytes. */
static size_t
add_pair(unsigned char *out, const char *name, size_t name_len, const char *value)
{
	size_t lengths[] = { name_len, strlen(value) }, len = 0;

	for (size_t i = 0; i < 2; i++) {
		if (lengths[i] > 127) {
			out[len++] = 0x80;
			out[len++] = 0;
			out[len++] = (unsigned char)(lengths[i] >> 8);
		}
		out[len++] = (unsigned char)lengths[i];
	}
	memcpy(out + len, name, name_len);
	memcpy(out + len + name_len, value, lengths[1]);
	return len + name_len + lengths[1];
}

/* What a server sends for a visitor's GET of a page, and `further` ones. */
static void
make_request(bool authorizer, char **further, int count)
{
	static const char *const parameters[][2] = {
		{ "REQUEST_METHOD", "GET" }, { "REQUEST_URI", "/shop/cart?item=42" }, { "REMOTE_ADDR", "192.0.2.9" },
		{ "REMOTE_PORT", "51234" }, { "SERVER_SOFTWARE", "nginx/1.22.1" }, { "SERVER_PROTOCOL", "HTTP/1.1" },
		{ "SERVER_NAME", "site.example" }, { "SERVER_PORT", "443" }, { "QUERY_STRING", "item=42" },
		{ "SCRIPT_NAME", "/shop/cart" }, { "DOCUMENT_ROOT", "/var/www/html" }, { "REQUEST_SCHEME", "https" },
		{ "HTTP_HOST", "site.example" }, { "HTTP_ACCEPT", "text/html,application/xhtml+xml,*/*;q=0.8" },
		{ "HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5" }, { "HTTP_ACCEPT_ENCODING", "gzip, deflate, br" },
		{ "HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0" },
		{ "HTTP_COOKIE", "session=0123456789abcdef0123456789abcdef; theme=dark" },
	};
	unsigned char begin[8] = { 0, authorizer ? 2 : 1, load.keep ? 1 : 0 }, pairs[3072];
	size_t len = 0;

	add_record(BEGIN, begin, sizeof begin);
	for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
		len += add_pair(pairs + len, parameters[i][0], strlen(parameters[i][0]), parameters[i][1]);
	for (int i = 0; i < count; i++) {
		const char *value = strchr(further[i], '=');

		if (value != NULL && strlen(further[i]) + len + 8 < sizeof pairs)
			len += add_pair(pairs + len, further[i], (size_t)(value - further[i]), value + 1);
	}
	add_record(PARAMS, pairs, len);
	add_record(PARAMS, "", 0);
	add_record(STDIN, "", 0);
}

static void
parse_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[64] = "";

	if (text[0] == '/') {
		load.address.path.sun_family = AF_UNIX;
		(void)snprintf(load.address.path.sun_path, sizeof load.address.path.sun_path, "%s", text);
		load.address_len = sizeof load.address.path;
		return;
	}
	if (colon != NULL && (size_t)(colon - text) < sizeof host)
		memcpy(host, text, (size_t)(colon - text));
	load.address.inet.sin_family = AF_INET;
	load.address_len = sizeof load.address.inet;
	if (inet_pton(AF_INET, host, &load.address.inet.sin_addr) != 1)
		fail(text);
	load.address.inet.sin_port = htons((uint16_t)atoi(colon + 1));
}

static void
open_connection(struct connection *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(load.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		fail("socket");
	while (connect(c->fd, &load.address.any, load.address_len) == -1)
		if (errno != EAGAIN && errno != EINTR)
			fail("connect");
	if (load.address.any.sa_family == AF_INET)
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (epoll_ctl(load.set, EPOLL_CTL_ADD, c->fd, &event) == -1)
		fail("epoll_ctl");
}

static void
send_request(struct connection *c, bool reopen)
{
	if (reopen) {
		(void)close(c->fd);
		open_connection(c);
	}
	if (load.most > 0 && load.sent == load.most)
		return;
	load.sent++;
	c->sent = now();
	c->header_len = c->content = c->padding = c->start_len = c->length = 0;
	c->kind = NONE;
	c->answered = false;
	if (write(c->fd, load.request, load.request_len) != (ssize_t)load.request_len)
		load.lost++;
}

/* "Status: 503"; an answer without one is a 200 (RFC 3875 section 6.3.3). */
static bool
is_right(const struct connection *c)
{
	const char *status = strstr(c->start, "Status: ");
	bool same = status == NULL ? strcmp(load.status, "200") == 0 :
	    strncmp(status + 8, load.status, strlen(load.status)) == 0;

	return same && c->length == load.length;
}

static void
take_answer(struct connection *c)
{
	c->start[c->start_len] = '\0';
	if (load.length == 0)
		load.length = c->length;
	load.wrong += !is_right(c);
	if (load.answers < LATENCIES_MAX)
		load.latencies[load.answers] = (float)(now() - c->sent);
	load.answers++;
	c->answered = true;
}

/* Takes what it can of a record's content and padding; returns how many bytes. */
static size_t
take_content(struct connection *c, const unsigned char *data, size_t len)
{
	size_t content = c->content < len ? c->content : len;
	size_t padding = c->padding < len - content ? c->padding : len - content;

	for (size_t i = 0; c->kind == STDOUT && i < content && c->start_len < START_MAX; i++)
		c->start[c->start_len++] = (char)data[i];
	c->length += c->kind == STDOUT ? content : 0;
	c->content -= content;
	c->padding -= padding;
	return content + padding;
}

static void
take_bytes(struct connection *c, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len && !c->answered;) {
		if (c->content + c->padding > 0) {
			i += take_content(c, data + i, len - i);
		} else {
			c->header[c->header_len++] = data[i++];
			if (c->header_len < HEADER_LEN)
				continue;
			c->header_len = 0;
			c->kind = (enum record)c->header[1];
			c->content = (size_t)c->header[4] * 256 + c->header[5];
			c->padding = c->header[6];
		}
		if (c->kind == END && c->content + c->padding == 0)
			take_answer(c);
	}
}

static void
read_connection(struct connection *c)
{
	static unsigned char data[65536];
	ssize_t n = read(c->fd, data, sizeof data);

	if (n > 0)
		take_bytes(c, data, (size_t)n);
	if (n <= 0)
		load.lost++;            /* an answered connection was reopened at once */
	if (n <= 0 || c->answered)
		send_request(c, n <= 0 || !load.keep);
}

static int
by_size(const void *left, const void *right)
{
	float a = *(const float *)left, b = *(const float *)right;

	return (a > b) - (a < b);
}

static void
print(double seconds)
{
	size_t n = load.answers < LATENCIES_MAX ? load.answers : LATENCIES_MAX;
	double p50, p99;

	qsort(load.latencies, n, sizeof *load.latencies, by_size);
	p50 = n == 0 ? 0 : load.latencies[n / 2] * 1e6;
	p99 = n == 0 ? 0 : load.latencies[n * 99 / 100] * 1e6;
	printf("{\"rate\": %.0f, \"answers\": %zu, \"wrong\": %zu, \"lost\": %zu, \"length\": %zu, \"p50_us\": %.0f, "
	    "\"p99_us\": %.0f}\n",
	    (double)load.answers / seconds, load.answers, load.wrong, load.lost, load.length, p50, p99);
}

/* However slow the machine is, there must be an answer. */
static bool
goes_on(double end)
{
	size_t done = load.answers + load.lost;

	return load.most > 0 ? done < load.most : done == 0 || now() < end;
}

static void
run(struct connection *connections, size_t count, double seconds)
{
	double begin = now();

	for (size_t i = 0; i < count; i++) {
		open_connection(&connections[i]);
		send_request(&connections[i], false);
	}
	while (goes_on(begin + seconds)) {
		struct epoll_event events[256];
		int n = epoll_wait(load.set, events, 256, ANSWER_MS);

		if (n == 0)
			break;                          /* nobody answers any more */
		for (int i = 0; i < n; i++)
			read_connection(events[i].data.ptr);
	}
	print(now() - begin);
}

int
main(int argc, char **argv)
{
	size_t count = argc > 2 ? (size_t)atoi(argv[2]) : 0;
	struct connection *connections = calloc(count + 1, sizeof *connections);

	if (argc < 7 || connections == NULL || count == 0) {
		(void)fprintf(stderr,
		    "usage: fcgi_load ADDRESS CONNECTIONS SECONDS keep|close responder|authorizer STATUS "
		    "[LENGTH [NAME=VALUE...]]\n");
		return 2;
	}
	parse_address(argv[1]);
	load.keep = strcmp(argv[4], "keep") == 0;
	load.most = argv[3][0] != '\0' && argv[3][strlen(argv[3]) - 1] == 'x' ? (size_t)atol(argv[3]) : 0;
	load.status = argv[6];
	load.length = argc > 7 ? (size_t)atol(argv[7]) : 0;
	load.latencies = malloc(LATENCIES_MAX * sizeof *load.latencies);
	load.set = epoll_create1(EPOLL_CLOEXEC);
	if (load.latencies == NULL || load.set == -1)
		fail("fcgi_load");
	make_request(strcmp(argv[5], "authorizer") == 0, argv + 8, argc > 8 ? argc - 8 : 0);
	run(connections, count, atof(argv[3]));
	free(load.latencies);
	free(connections);
	return load.wrong + load.lost > 0 || load.answers < load.most;
}
