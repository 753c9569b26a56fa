/*
 * What is answered on control_listen: metrics, health, the status of all sites, and, to whoever has a token, switching
 * maintenance.  Knows nothing of sockets: the transport hands in a request and sends the reply.
 *
 *   GET  /metrics                the exposition, see record/metrics.h
 *   GET  /healthz                200: the process answers
 *   GET  /readyz                 200: every site's state can be read; else 503
 *   GET  /.maintenance/status    each site as on the public endpoint, in an array; ?site=NAME: that one
 *   POST /.maintenance/on|off|toggle|until|step    as wardenctl, see control_action.h
 *
 * Errors are application/problem+json.  etc/openapi.yaml says the same in more words.
 */
#ifndef FRONT_CONTROL_H
#define FRONT_CONTROL_H

#include "front/http_request.h"
#include "front/serve.h"

#define CONTROL_BODY_MAX        8192    /* bytes */
#define CONTROL_ARENA_SIZE      ((size_t)256 << 20)     /* most that one answer may take */
#define CONTROL_CONNECTIONS     32      /* at once */
#define CONTROL_TIMEOUT         10      /* seconds a client may be silent */
#define CONTROL_ANSWER_SECONDS  200     /* an action, and waiting for the one before it */
#define CONTROL_FAILED_A_MINUTE  10     /* requests without a valid token; then no token is looked at for a while */
#define CONTROL_ACTIONS_A_MINUTE 20
#define CONTROL_WAIT_SECONDS     5      /* how long an action waits for the one before it */

struct control;

/* What the transport has read.  Texts live as long as the reply. */
struct control_request {
	struct str method, target;      /* as they came: "GET", "/.maintenance/status?site=shop" */
	struct str content_type;        /* empty where there is none, as is ... */
	struct str authorization;       /* ... this */
	struct str body;
	bool       too_large;           /* the body was over CONTROL_BODY_MAX, and is not here */
	bool       no_length;           /* it came in chunks: it is not here either */
};

/*
 * For a policy that may be used: reads the tokens, and looks that wardenctl can be run where there are any.  Returns 0;
 * or -EINVAL with errors in `problems`, or -ENOMEM.  `gateway` must outlive it.  One thread.
 */
int  control_open(struct gateway *gateway, struct problems *problems, struct control **ret);
void control_close(struct control *control);            /* NULL is fine; nothing may be running */

/*
 * After a reload: reads the tokens anew.  Where that fails no token is valid any more, for it may have been taken away.
 * Errors are added to `problems`.  One thread, which is the one of control_open(); others may be answering.
 */
int  control_reload(struct control *control, struct problems *problems);

/* Nothing waits for an action any more: those that run go on by themselves.  NULL is fine.  Any thread. */
void control_stop(struct control *control);

/* The same as control_answer(), as a handler for front/http.h, with the gateway's control. */
void control_handle(struct gateway *gateway, struct worker *worker, const struct http_request *request,
         struct reply *reply);

/*
 * Answers.  Cannot fail; the reply lives in `arena`, a growing one of CONTROL_ARENA_SIZE at most.  An action takes as
 * long as its hooks; nothing else ever waits for it, so the transport must call from more than one thread.  Any thread.
 */
void control_answer(struct control *control, const struct control_request *request, struct arena *arena,
         struct reply *reply);

#endif
