/* SPDX-License-Identifier: MIT */
/*
 * The hand-over of a connection to libfcgi sets two fields that it does not document: with ipcFd set and keepConnection
 * not 0, FCGX_Accept_r() reads from that connection instead of accepting one, and gives up instead of trying again.
 * configure checks that the fields are there; a library without them gets front/fcgi_plain.c.
 */
#include "config.h"

#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdlib.h>

#include "front/cgi_env.h"
#include "front/cgi_head.h"
#include "front/fcgi_request.h"

#define CLOSE_MS "50"           /* so long libfcgi waits for a peer that does not close after the answer */

enum fcgi_role { ROLE_RESPONDER = 1, ROLE_AUTHORIZER = 2 };     /* FastCGI specification, section 8 */

int
fcgi_request_init(void)
{
	(void)setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", CLOSE_MS, 1);
	if (FCGX_Init() != 0)
		return -EIO;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;       /* after it: it installs its own */
}

/* `exchange` is NULL where whatever there is may be written.  False: nothing was, for it may not. */
static bool
write_reply(FCGX_Request *request, const struct reply *reply, const struct fcgi_exchange *exchange)
{
	char memory[CGI_HEAD_MAX];
	struct str head = cgi_head(reply, memory);
	size_t count = reply->send_body ? reply->piece_count : 0, len = head.len;

	for (size_t i = 0; i < count; i++)
		len += reply->pieces[i].len;
	if (exchange != NULL && !exchange->may_write(exchange->context, len))
		return false;
	(void)FCGX_PutStr(head.p, (int)head.len, request->out);
	for (size_t i = 0; i < count; i++)
		(void)FCGX_PutStr(reply->pieces[i].p, (int)reply->pieces[i].len, request->out);
	return true;
}

static void
decide(struct gateway *gateway, struct worker *worker, FCGX_Request *request, struct reply *reply)
{
	struct raw_request raw;         /* kilobytes, which cgi_env_read() does not clear either */

	if (request->role != ROLE_RESPONDER && request->role != ROLE_AUTHORIZER) {
		reply_emergency(reply, 400);
		return;
	}
	cgi_env_read(request->envp, request->role == ROLE_AUTHORIZER, &raw);
	if (FCGX_GetError(request->in) != 0)
		raw.whole = false;              /* the parameters were cut short */
	serve(gateway, worker, &raw, reply);
}

void
fcgi_request_accept(struct gateway *gateway, struct worker *worker, int listener)
{
	FCGX_Request request;
	struct reply reply;

	if (FCGX_InitRequest(&request, listener, 0) != 0 || FCGX_Accept_r(&request) != 0)
		return;
	decide(gateway, worker, &request, &reply);
	(void)write_reply(&request, &reply, NULL);
	FCGX_Finish_r(&request);
	FCGX_Free(&request, 1);                 /* closes it, whatever the peer asked for */
}

#ifndef PLAIN_FCGI

_Static_assert(sizeof(((FCGX_Request *)NULL)->ipcFd) == sizeof(int), "FCGX_Request.ipcFd is the connection");
_Static_assert(sizeof(((FCGX_Request *)NULL)->keepConnection) == sizeof(int), "FCGX_Request.keepConnection is a flag");

/* Throws away the body, which is there to its end.  False: libfcgi has found something else. */
static bool
drain(FCGX_Request *request)
{
	char nothing[4096];

	while (FCGX_GetStr(nothing, sizeof nothing, request->in) == (int)sizeof nothing)
		;
	return FCGX_GetError(request->in) == 0;
}

/* Where a whole page would have to wait for the peer, and nobody has the time. */
static bool
write_short(FCGX_Request *request, bool body, const struct fcgi_exchange *exchange)
{
	struct reply reply;

	reply_emergency(&reply, 503);
	reply.send_body = body;
	return write_reply(request, &reply, exchange);
}

/* As FCGX_Finish_r() does it, but the connection stays open. */
static enum fcgi_end
finish(FCGX_Request *request, bool read)
{
	bool sent = FCGX_FClose(request->err) == 0;

	sent = FCGX_FClose(request->out) == 0 && sent;
	FCGX_Free(request, 0);
	if (!read || !sent)
		return FCGI_END_UNREAD;
	return request->keepConnection != 0 ? FCGI_END_KEPT : FCGI_END_READ;
}

enum fcgi_end
fcgi_request_serve(struct gateway *gateway, struct worker *worker, const struct fcgi_exchange *exchange)
{
	FCGX_Request request;
	struct reply reply;

	if (FCGX_InitRequest(&request, -1, 0) != 0)
		return FCGI_END_READ;
	request.ipcFd = exchange->fd;
	request.keepConnection = 1;
	(void)FCGX_Detach(&request);            /* where it closes, it does not read first what else comes */
	if (FCGX_Accept_r(&request) != 0)
		return FCGI_END_CLOSED;         /* no request came; libfcgi closed it */
	decide(gateway, worker, &request, &reply);
	if (!write_reply(&request, &reply, exchange) && !write_short(&request, reply.send_body, exchange)) {
		FCGX_Free(&request, 0);
		return FCGI_END_READ;
	}
	/* libfcgi reads ahead: of what is not whole it may have taken a part of what comes behind */
	return finish(&request, exchange->whole && drain(&request));
}

#endif
