/* SPDX-License-Identifier: MIT */
/*
 * What libmicrohttpd itself can do: a pool of threads with epoll that answers every request with the bytes of a file,
 * which holds status line, header fields and body.  Date, Connection and Content-Length are the library's own.
 *
 *     http PORT THREADS FILE
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static char text[65536];
static unsigned status;
static struct { const char *name, *value; } fields[64];
static size_t field_count, body_len;
static char *body;

static enum MHD_Result
answer(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *data, size_t *size, void **memory)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	(void)context, (void)url, (void)method, (void)version, (void)data, (void)size;
	if (*memory == NULL) {
		*memory = text;                 /* the head is here; the library calls once more */
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(body_len, body, MHD_RESPMEM_PERSISTENT);
	for (size_t i = 0; i < field_count; i++)
		(void)MHD_add_response_header(response, fields[i].name, fields[i].value);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void
read_answer(FILE *file)
{
	size_t len = fread(text, 1, sizeof text - 1, file);
	char *line = text, *end;

	body = strstr(text, "\r\n\r\n");
	if (body == NULL || sscanf(text, "HTTP/1.1 %u", &status) != 1)
		exit(2);
	body[2] = '\0';
	body += 4;
	body_len = len - (size_t)(body - text);
	while ((end = strstr(line, "\r\n")) != NULL && end + 2 < body && field_count < 64) {
		char *value = strstr(line, ": ");

		*end = '\0';
		if (value != NULL && strncasecmp(line, "Date:", 5) != 0 && strncasecmp(line, "Connection:", 11) != 0 &&
		    strncasecmp(line, "Content-Length:", 15) != 0) {
			*value = '\0';
			fields[field_count].name = line;
			fields[field_count++].value = value + 2;
		}
		line = end + 2;
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	FILE *file = argc > 3 ? fopen(argv[3], "rb") : NULL;

	if (file == NULL)
		return 2;
	read_answer(file);
	address.sin_port = htons((unsigned short)atoi(argv[1]));
	if (MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, &address,
	    MHD_OPTION_THREAD_POOL_SIZE, (unsigned)atoi(argv[2]), MHD_OPTION_END) == NULL)
		return 1;
	for (;;)
		(void)pause();
}
