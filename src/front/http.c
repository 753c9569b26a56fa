/* SPDX-License-Identifier: MIT */
/*
 * With http_response.c, what knows libmicrohttpd.  What it is made to do beyond
 * its defaults: the request target is kept as it came; a field that came twice
 * is seen twice; a long body is answered before it is read, and never kept
 * (linger.h lets a proxy send it all the same); a client that dribbles is cut,
 * for the library's own time-out begins anew with every byte.
 *
 * Threads are the library's, each with an epoll set of its own.  Each makes its
 * worker with its first connection, and frees it when it ends.  At every event the
 * library looks at all connections whose time-out is not the daemon's own; so that
 * is the one of proxies, of which there may be hundreds, and strangers get another.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "front/http.h"
#include "front/http_response.h"
#include "front/linger.h"
#include "record/log.h"

#define PROXY_IDLE_SECONDS 75   /* a trusted proxy may keep a connection so long for the next request */
#define CACHE_LINE         64
#define SCRATCH_SIZE       (384 * 1024)
#define STOP_POLL_MS       20
#define ENDED_MS           2000     /* what is still to be sent to a peer that says no more */

/*
 * One connection, for the limit of its address and for the time it takes.  Its thread writes here at each request: what
 * shared a cache line with another thread's would make both wait.
 */
struct peer {
	_Alignas(CACHE_LINE) bool used;
	bool             trusted;
	bool             sends;         /* a trusted proxy that was answered before it had sent all */
	_Atomic(bool)    busy;          /* a request has begun and is not answered yet */
	int              fd;
	struct ip_addr   address;
	int64_t          ended;         /* when its side was seen closed: monotonic milliseconds; 0: it is open */
	_Atomic(int64_t) deadline;      /* monotonic milliseconds */
	struct exchange *exchange;      /* its thread's, who alone looks at it */
};

struct http {
	struct gateway     *gateway;
	struct http_service service;
	struct MHD_Daemon  *daemon;
	struct lingering   *linger;
	_Atomic(bool)       stopping;
	pthread_mutex_t     mutex;      /* guards what follows, but for the atomic members */
	struct peer        *peers;      /* as many as connections */
	struct pollfd      *looks;      /* as many, for find_ended() */
};

/* What a thread of the library has of its own. */
struct thread {
	struct gateway        *gateway;
	struct worker          worker;
	struct arena          *arena;
	struct http_request   *head;    /* the last one that was read, in the arena, */
	const struct exchange *head_of; /* and whose it is; NULL when that is over */
	struct http_responses  responses;
};

/* One request from its first line to the end of its answer. */
struct exchange {
	bool   begun;                   /* the head was seen */
	bool   body_read;               /* worth waiting for */
	char  *body;
	size_t body_len, body_total;
	char   target[];
};

static pthread_key_t thread_key;
static pthread_once_t thread_key_once = PTHREAD_ONCE_INIT;
static int thread_key_error;

static void
thread_free(void *memory)
{
	struct thread *thread = memory;

	http_responses_clear(&thread->responses);
	worker_finish(&thread->worker, thread->gateway);
	arena_free(thread->arena);
	free(thread);
}

static void
make_thread_key(void)
{
	thread_key_error = pthread_key_create(&thread_key, thread_free);
}

/* The calling thread's own, made when it is first asked for; NULL when out of memory. */
static struct thread *
thread_of(const struct http *http)
{
	struct thread *thread = pthread_getspecific(thread_key);

	if (thread != NULL)
		return thread;
	thread = calloc(1, sizeof *thread);
	if (thread == NULL)
		return NULL;
	thread->gateway = http->gateway;
	thread->arena = http->service.memory > 0 ? arena_new_growing(http->service.memory) :
	    arena_new_fixed(SCRATCH_SIZE);
	if (thread->arena == NULL || worker_init(&thread->worker) != 0 ||
	    pthread_setspecific(thread_key, thread) != 0) {
		thread_free(thread);
		return NULL;
	}
	return thread;
}

/* --- connections */

static struct peer *
peer_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

static struct ip_addr
address_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct ip_addr address;

	if (info == NULL || listener_peer_address(info->client_addr, &address) != 0)
		(void)ip_parse(STR("127.0.0.1"), &address);
	return address;
}

static int64_t
deadline_of(const struct http *http, const struct peer *peer)
{
	unsigned idle = peer->trusted ? PROXY_IDLE_SECONDS : http->service.timeout;

	return clock_monotonic_ms() + (int64_t)(idle + http->service.timeout) * 1000;
}

/* A place for a new connection; NULL when there is none, or its address has its share.  Under the mutex. */
static struct peer *
take_place(struct http *http, const struct ip_addr *address, bool trusted)
{
	struct peer *free_place = NULL;
	size_t same = 0;

	for (size_t i = 0; i < http->service.connections; i++) {
		struct peer *peer = &http->peers[i];

		if (!peer->used)
			free_place = peer;
		else
			same += ip_eq(&peer->address, address);
	}
	return !trusted && http->service.per_address > 0 && same >= http->service.per_address ? NULL : free_place;
}

static struct peer *
connection_started(struct http *http, struct MHD_Connection *connection, int fd)
{
	struct thread *thread = thread_of(http);
	struct ip_addr address = address_of(connection);
	struct peer *peer;
	bool trusted;

	if (thread == NULL)
		return NULL;
	/* a proxy has the daemon's from its first request on */
	(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, http->service.timeout);
	trusted = cidr_set_match(policy_refresh(http->gateway->store, &thread->worker.held)->proxies, &address) >= 0;
	(void)pthread_mutex_lock(&http->mutex);
	peer = take_place(http, &address, trusted);
	if (peer != NULL) {
		*peer = (struct peer){ .used = true, .trusted = trusted, .fd = fd, .address = address };
		atomic_store(&peer->deadline, deadline_of(http, peer));
	}
	(void)pthread_mutex_unlock(&http->mutex);
	return peer;
}

/* The library has said that no more comes from here, and closes the socket behind this: by another name it stays. */
static void
let_it_send(struct http *http, const struct peer *peer)
{
	int fd = peer->sends ? fcntl(peer->fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (fd >= 0)
		linger_take(http->linger, fd);
}

/* By the thread that it is of. */
static void
free_exchange(struct exchange *exchange)
{
	struct thread *thread = pthread_getspecific(thread_key);

	if (exchange == NULL)
		return;
	if (thread != NULL && thread->head_of == exchange)
		thread->head_of = NULL;
	free(exchange->body);
	free(exchange);
}

/* The library closes the socket behind this, so that under the mutex a descriptor in use is this connection's. */
static void
on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;
	struct peer *peer = *socket_context;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (code == MHD_CONNECTION_NOTIFY_STARTED && info != NULL) {
		*socket_context = connection_started(http, connection, info->connect_fd);
		if (*socket_context == NULL)
			(void)shutdown(info->connect_fd, SHUT_RDWR);
	} else if (code == MHD_CONNECTION_NOTIFY_CLOSED && peer != NULL) {
		let_it_send(http, peer);
		free_exchange(peer->exchange);  /* without memory for an answer nobody says on_completed() */
		(void)pthread_mutex_lock(&http->mutex);
		peer->used = false;
		(void)pthread_mutex_unlock(&http->mutex);
	}
}

static void
set_busy(struct http *http, struct MHD_Connection *connection, bool busy)
{
	struct peer *peer = peer_of(connection);

	if (peer == NULL)
		return;
	atomic_store_explicit(&peer->busy, busy, memory_order_relaxed);
	if (!busy)
		atomic_store_explicit(&peer->deadline, deadline_of(http, peer), memory_order_relaxed);
}

/*
 * A peer that ended together with half a request: the library, which is told of either once, sees the end only when its
 * time-out comes, and until then the dead connection has a place.  Under the mutex.
 */
static void
find_ended(struct http *http, int64_t now)
{
	if (http->service.answer_seconds > 0)
		return;                 /* there each connection has a thread that sees it */
	for (size_t i = 0; i < http->service.connections; i++) {
		bool looks = http->peers[i].used && http->peers[i].ended == 0;

		http->looks[i] = (struct pollfd){ .fd = looks ? http->peers[i].fd : -1, .events = POLLRDHUP };
	}
	if (poll(http->looks, http->service.connections, 0) <= 0)
		return;
	for (size_t i = 0; i < http->service.connections; i++)
		if (http->looks[i].revents != 0)
			http->peers[i].ended = now;
}

static bool
is_over(const struct peer *peer, int64_t now)
{
	return peer->used && (peer->deadline < now || (peer->ended != 0 && peer->ended + ENDED_MS < now));
}

void
http_cut_slow(struct http *http)
{
	int64_t now = clock_monotonic_ms();

	if (http == NULL)
		return;
	(void)pthread_mutex_lock(&http->mutex);
	find_ended(http, now);
	for (size_t i = 0; i < http->service.connections; i++)
		if (is_over(&http->peers[i], now))
			(void)shutdown(http->peers[i].fd, SHUT_RDWR);
	(void)pthread_mutex_unlock(&http->mutex);
}

/* A handler that takes its time is no client that does: neither this nor the library's time-out may cut it. */
static void
allow_answer(struct http *http, struct MHD_Connection *connection)
{
	struct peer *peer = peer_of(connection);

	if (http->service.answer_seconds == 0 || peer == NULL)
		return;
	(void)MHD_set_connection_option(
	    connection, MHD_CONNECTION_OPTION_TIMEOUT, http->service.answer_seconds + http->service.timeout);
	peer->deadline = clock_monotonic_ms() + (int64_t)(http->service.answer_seconds + http->service.timeout) * 1000;
}

static bool
any_busy(struct http *http)
{
	bool busy = false;

	(void)pthread_mutex_lock(&http->mutex);
	for (size_t i = 0; i < http->service.connections; i++)
		busy = busy || (http->peers[i].used && http->peers[i].busy);
	(void)pthread_mutex_unlock(&http->mutex);
	return busy;
}

/* --- requests */

/* The request line was read, and nothing of it is decoded yet: the library does that in place, right after. */
static void *
on_target(void *context, const char *target, struct MHD_Connection *connection)
{
	size_t size = strlen(target) + 1;
	struct exchange *exchange = malloc(sizeof *exchange + size);
	struct peer *peer = peer_of(connection);

	set_busy(context, connection, true);
	if (exchange == NULL || peer == NULL) {
		free(exchange);
		return NULL;
	}
	memset(exchange, 0, sizeof *exchange);
	memcpy(exchange->target, target, size);
	free_exchange(peer->exchange);
	peer->exchange = exchange;
	return exchange;
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **memory, enum MHD_RequestTerminationCode code)
{
	struct peer *peer = peer_of(connection);

	(void)code;
	set_busy(context, connection, false);
	if (peer != NULL && *memory != NULL) {
		free_exchange(peer->exchange);
		peer->exchange = NULL;
	}
	*memory = NULL;
}

/* Of a method or a field's name (RFC 9110 section 5.6.2). */
static bool
is_token_char(char c)
{
	return c > ' ' && c <= '~' && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static bool
is_token(struct str text)
{
	if (header_is_plain(text))
		return true;
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_char(text.p[i]))
			return false;
	return text.len > 0;
}

/*
 * A value has no control bytes but tabs (RFC 9110 section 5.5): one reader takes "\vchunked" for a coding, another for
 * none.
 */
static bool
is_text(struct str value)
{
	struct str part;

	if (!str_has_control(value))
		return true;
	while (str_split(&value, '\t', &part))
		if (str_has_control(part))
			return false;
	return true;
}

static enum MHD_Result
take_field(void *context, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
    size_t value_len)
{
	struct http_request *request = context;
	struct http_field *field;

	(void)kind;
	if (request->field_count == HTTP_FIELDS_MAX) {
		request->whole = false;
		return MHD_NO;
	}
	field = &request->fields[request->field_count++];
	*field = (struct http_field){ { name, name_len }, { value == NULL ? "" : value, value_len } };
	request->whole = request->whole && is_token(field->name) && is_text(field->value);
	return MHD_YES;
}

/*
 * Whether the head is as long as what was made of it.  The library cuts a text at a NUL and drops blanks and folded
 * lines: then somebody else may read another target or address there, and proxies send none of these.
 */
static bool
head_is_accounted_for(struct MHD_Connection *connection, const struct http_request *request)
{
	static const size_t line_rest = sizeof "  HTTP/1.1\r\n\r\n" - 1, field_rest = sizeof ": \r\n" - 1;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t size = request->method.len + request->target.len + line_rest;

	for (size_t i = 0; i < request->field_count; i++)
		size += request->fields[i].name.len + request->fields[i].value.len + field_rest;
	return info != NULL && info->header_size <= size;
}

static bool
line_is_sound(const struct http_request *request, const char *version)
{
	return is_token(request->method) && is_text(request->target) &&
	    (strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0);
}

/*
 * Whether each line ends with CR LF.  The library takes a lone CR or LF for an end as well, where another reader reads
 * on: then "X: v<CR>X-Forwarded-For: ..." is one field there and two here.  What it hands out lies in the head as that
 * came, so one byte between two texts is one such end; from the last field to the end of the head there are four.
 */
static bool
lines_end_well(struct MHD_Connection *connection, const struct http_request *request, const char *version)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	uintptr_t start = (uintptr_t)request->method.p, end = (uintptr_t)version + strlen(version);

	for (size_t i = 0; i < request->field_count; i++) {
		const struct http_field *field = &request->fields[i];

		if ((uintptr_t)field->name.p - end == 1)
			return false;
		end = (uintptr_t)field->value.p + field->value.len;
	}
	return info != NULL && info->header_size >= end - start + sizeof "\r\n\r\n" - 1;
}

/* The request's head, in the thread's memory; NULL when that is full.  It may still be there from the call before. */
static struct http_request *
read_head(struct thread *thread, struct MHD_Connection *connection, const struct peer *peer,
    const struct exchange *exchange, const char *method, const char *version)
{
	struct http_request *request;

	if (thread->head_of == exchange)
		return thread->head;
	thread->head_of = NULL;
	arena_reset(thread->arena);
	request = arena_alloc(thread->arena, sizeof *request);
	if (request == NULL)
		return NULL;
	memset(request, 0, offsetof(struct http_request, fields));      /* field_count says which are valid */
	request->method = str_of(method);
	request->target = str_of(exchange->target);
	request->peer = peer->address;
	request->whole = true;
	request->arena = thread->arena;
	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, take_field, request);
	request->whole = request->whole && line_is_sound(request, version) &&
	    head_is_accounted_for(connection, request) && lines_end_well(connection, request, version);
	thread->head = request;
	thread->head_of = exchange;
	return request;
}

/*
 * Whether the body is short enough to be waited for.  The answer to any other comes at once, and its connection is
 * closed: so nothing of a body, whatever its framing is taken for, is ever read as a request.
 */
static bool
body_is_short(const struct http_request *request)
{
	size_t lengths, codings;
	struct str length = http_field(request, STR("Content-Length"), &lengths);
	int64_t bytes;

	(void)http_field(request, STR("Transfer-Encoding"), &codings);
	if (codings > 0 || lengths > 1 || !request->whole)
		return false;
	return lengths == 0 || str_number(length, 0, HTTP_BODY_READ, &bytes) == 0;
}

/* Keeps what the handler may see, and forgets the rest. */
static enum MHD_Result
keep_body(const struct http *http, struct exchange *exchange, const char *data, size_t *size)
{
	size_t len = http->service.body_max - exchange->body_len;

	if (len > *size)
		len = *size;
	if (exchange->body == NULL && http->service.body_max > 0) {
		exchange->body = malloc(http->service.body_max);
		if (exchange->body == NULL)
			return MHD_NO;
	}
	if (len > 0)
		memcpy(exchange->body + exchange->body_len, data, len);
	exchange->body_len += len;
	exchange->body_total += *size;
	*size = 0;
	return MHD_YES;
}

/* --- replies */

/*
 * To HEAD the library announces the length and sends no body.  Where another request was asked about, a body that
 * is not to be sent is not announced either: the connection would wait for it.
 */
static enum MHD_Result
send_reply(const struct http *http, struct thread *thread, struct MHD_Connection *connection,
    const struct http_request *request, struct reply *reply)
{
	struct MHD_Response *response;

	if (http->stopping || !request->whole)  /* what follows a doubtful head may be part of it */
		reply_add(reply, STR("Connection"), STR("close"));
	response = http_response(&thread->responses, reply, reply->send_body || str_eq(request->method, STR("HEAD")),
	    request->arena);
	return response == NULL ? MHD_NO : MHD_queue_response(connection, (unsigned)reply->status, response);
}

/* The library calls with the head, with each piece of the body, and at the end; MHD_NO cuts the connection. */
static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *data, size_t *size, void **memory)
{
	struct http *http = context;
	struct exchange *exchange = *memory;
	struct thread *thread = thread_of(http);
	struct peer *peer = peer_of(connection);
	struct http_request *request;
	struct reply reply;

	(void)url;
	if (exchange == NULL || thread == NULL || peer == NULL)
		return MHD_NO;
	if (exchange->begun && *size > 0)
		return keep_body(http, exchange, data, size);
	request = read_head(thread, connection, peer, exchange, method, version);
	if (request == NULL)
		return MHD_NO;
	if (!exchange->begun) {
		exchange->begun = true;
		if (peer->trusted)
			(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, PROXY_IDLE_SECONDS);
		exchange->body_read = body_is_short(request);
		if (exchange->body_read)
			return MHD_YES;         /* once more, behind the body */
		peer->sends = peer->trusted;
	}
	request->body = (struct str){ exchange->body, exchange->body_len };
	request->body_whole = exchange->body_read && exchange->body_total == exchange->body_len;
	allow_answer(http, connection);
	http->service.handler(http->gateway, &thread->worker, request, &reply);
	return send_reply(http, thread, connection, request, &reply);
}

/* --- start and stop */

static void
on_log(void *context, const char *format, va_list arguments)
{
	static _Atomic(int64_t) said;
	char text[512];
	size_t len;

	(void)context;
	if (!log_now_and_then(&said, clock_now(), 10))
		return;
	(void)vsnprintf(text, sizeof text, format, arguments);
	len = strcspn(text, "\n");
	log_write(LOG_LEVEL_INFO, "http: %.*s", (int)len, text);
}

static struct MHD_Daemon *
start_daemon(struct http *http, int fd)
{
	const struct http_service *service = &http->service;
	bool slow = service->answer_seconds > 0;
	unsigned threads = !slow ? MHD_USE_EPOLL_INTERNAL_THREAD :
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;

	return MHD_start_daemon(threads | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http,
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_THREAD_POOL_SIZE, slow ? 0 : (unsigned)service->threads,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)service->connections,
	    MHD_OPTION_CONNECTION_TIMEOUT, PROXY_IDLE_SECONDS,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, http,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
	    MHD_OPTION_END);
}

static void
free_http(struct http *http)
{
	(void)pthread_mutex_destroy(&http->mutex);
	linger_stop(http->linger);
	free(http->peers);
	free(http->looks);
	free(http);
}

/* malloc() itself knows of no cache lines. */
static struct peer *
new_peers(size_t count)
{
	void *peers;

	if (posix_memalign(&peers, CACHE_LINE, count * sizeof(struct peer)) != 0)
		return NULL;
	return memset(peers, 0, count * sizeof(struct peer));
}

int
http_start(struct gateway *gateway, const struct listener *listener, const struct http_service *service,
    struct http **ret)
{
	struct http *http = calloc(1, sizeof *http);
	int rc;

	if (http == NULL)
		return -ENOMEM;
	*http = (struct http){ .gateway = gateway, .service = *service };
	(void)pthread_mutex_init(&http->mutex, NULL);
	(void)pthread_once(&thread_key_once, make_thread_key);
	(void)signal(SIGPIPE, SIG_IGN);
	http->peers = thread_key_error != 0 ? NULL : new_peers(service->connections);
	http->looks = calloc(service->connections, sizeof *http->looks);
	rc = http->peers == NULL || http->looks == NULL ? -ENOMEM :
	    linger_start(service->connections, service->timeout, &http->linger);
	if (rc == 0)
		http->daemon = start_daemon(http, listener->fd);
	if (http->daemon == NULL) {
		free_http(http);
		return rc != 0 ? rc : -EIO;
	}
	*ret = http;
	return 0;
}

void
http_stop(struct http *http, int seconds)
{
	int64_t deadline = clock_monotonic_ms() + (int64_t)seconds * 1000;

	if (http == NULL)
		return;
	http->stopping = true;
	(void)MHD_quiesce_daemon(http->daemon);         /* the socket stays the listener's */
	while (any_busy(http) && clock_monotonic_ms() < deadline)
		(void)poll(NULL, 0, STOP_POLL_MS);
	MHD_stop_daemon(http->daemon);
	free_http(http);
}
