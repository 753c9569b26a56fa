/* SPDX-License-Identifier: MIT */
/* In place of http.c, in a program built without libmicrohttpd.  Its configuration is refused before this is asked. */
#include "config.h"

#include <errno.h>

#include "front/http.h"

int
http_start(struct gateway *gateway, const struct listener *listener, const struct http_service *service,
    struct http **ret)
{
	(void)gateway, (void)listener, (void)service, (void)ret;
	return -ENOSYS;
}

void
http_cut_slow(struct http *http)
{
	(void)http;
}

void
http_stop(struct http *http, int seconds)
{
	(void)http, (void)seconds;
}
