/* SPDX-License-Identifier: MIT */
/* The least that a CGI in C can be: looks at BENCH_FLAG, prints BENCH_PAGE. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(void)
{
	static char page[65536];
	const char *flag = getenv("BENCH_FLAG"), *path = getenv("BENCH_PAGE");
	FILE *file;

	if (flag == NULL || path == NULL || access(flag, F_OK) != 0)
		return printf("Status: 200 OK\r\n\r\n") < 0;
	file = fopen(path, "rb");
	(void)printf("Status: 503 Service Unavailable\r\nContent-Type: text/html\r\nRetry-After: 3600\r\n\r\n");
	return file == NULL || fwrite(page, 1, fread(page, 1, sizeof page, file), stdout) == 0;
}
