/* SPDX-License-Identifier: MIT */
/*
 * The hand-over of a connection to libfcgi sets two fields that it does not document: with ipcFd set and keepConnection
 * not 0, FCGX_Accept_r() reads from that connection instead of accepting one, and gives up instead of trying again.
 * configure checks that the fields are there; a library without them gets front/fcgi_plain.c.
 */
#include "config.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "front/cgi_env.h"
#include "front/cgi_head.h"
#include "front/fcgi_request.h"

#define DRAIN_MAX 65536         /* bytes of a body that are thrown away to keep the connection */

enum fcgi_role { ROLE_RESPONDER = 1, ROLE_AUTHORIZER = 2 };     /* FastCGI specification, section 8 */

int
fcgi_request_init(void)
{
	/* how long it waits, in ms, for a peer that does not close after the answer */
	(void)setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "50", 1);
	if (FCGX_Init() != 0)
		return -EIO;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;       /* after it: it installs its own */
}

static void
write_reply(FCGX_Request *request, const struct reply *reply)
{
	char memory[CGI_HEAD_MAX];
	struct str head = cgi_head(reply, memory);

	(void)FCGX_PutStr(head.p, (int)head.len, request->out);
	for (size_t i = 0; reply->send_body && i < reply->piece_count; i++)
		(void)FCGX_PutStr(reply->pieces[i].p, (int)reply->pieces[i].len, request->out);
}

/* Returns whether there may be a body. */
static bool
answer(struct gateway *gateway, struct worker *worker, FCGX_Request *request)
{
	struct raw_request raw;         /* kilobytes, which cgi_env_read() does not clear either */
	struct reply reply;

	raw.may_have_body = true;
	if (request->role != ROLE_RESPONDER && request->role != ROLE_AUTHORIZER) {
		reply_emergency(&reply, 400);
	} else {
		cgi_env_read(request->envp, request->role == ROLE_AUTHORIZER, &raw);
		if (FCGX_GetError(request->in) != 0)
			raw.whole = false;      /* the parameters were cut short */
		serve(gateway, worker, &raw, &reply);
	}
	write_reply(request, &reply);
	return raw.may_have_body;
}

void
fcgi_request_accept(struct gateway *gateway, struct worker *worker, int listener)
{
	FCGX_Request request;

	if (FCGX_InitRequest(&request, listener, 0) != 0 || FCGX_Accept_r(&request) != 0)
		return;
	(void)answer(gateway, worker, &request);
	FCGX_Finish_r(&request);
	FCGX_Free(&request, 1);                 /* closes it, whatever the peer asked for */
}

#ifndef PLAIN_FCGI

_Static_assert(sizeof(((FCGX_Request *)NULL)->ipcFd) == sizeof(int), "FCGX_Request.ipcFd is the connection");
_Static_assert(sizeof(((FCGX_Request *)NULL)->keepConnection) == sizeof(int), "FCGX_Request.keepConnection is a flag");

/* Throws away what there is of the body, up to a limit.  True when that was all of it. */
static bool
drain(FCGX_Request *request)
{
	char nothing[4096];
	int n, total = 0;

	do {
		n = FCGX_GetStr(nothing, sizeof nothing, request->in);
		total += n;
	} while (n == (int)sizeof nothing && total < DRAIN_MAX);
	return total < DRAIN_MAX && FCGX_GetError(request->in) == 0;
}

/*
 * Whether the next bytes of the connection will be another request: what is left of a body would be read as one.  The
 * answer is still in the library's hands, so a body that is not there yet is not waited for: a held upload is answered
 * at once.  In the authorizer role nothing is ever read: mod_fcgid sends no STDIN, and to read waits.
 */
static bool
is_clean(FCGX_Request *request, bool may_have_body)
{
	bool clean;

	if (request->role != ROLE_RESPONDER || FCGX_GetError(request->in) != 0)
		return false;
	if (!may_have_body)
		return drain(request);
	(void)fcntl(request->ipcFd, F_SETFL, O_RDWR | O_NONBLOCK);
	clean = drain(request);
	(void)fcntl(request->ipcFd, F_SETFL, O_RDWR);
	return clean;
}

bool
fcgi_request_serve(struct gateway *gateway, struct worker *worker, int fd)
{
	FCGX_Request request;
	bool may_have_body;

	if (FCGX_InitRequest(&request, -1, 0) != 0) {
		(void)close(fd);
		return false;
	}
	request.ipcFd = fd;
	request.keepConnection = 1;
	if (FCGX_Accept_r(&request) != 0)
		return false;                   /* no request came; libfcgi closed it */
	may_have_body = answer(gateway, worker, &request);
	if (request.keepConnection != 0 && !is_clean(&request, may_have_body))
		request.keepConnection = 0;
	FCGX_Finish_r(&request);
	return request.ipcFd >= 0;
}

#endif
