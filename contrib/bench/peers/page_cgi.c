/* SPDX-License-Identifier: MIT */
/*
 * The least that a CGI can do: one look at a flag, one answer.
 *
 *     BENCH_FLAG=FILE BENCH_ANSWER=FILE page_cgi
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char passed[] = "Status: 204 No Content\r\n\r\n";

int
main(void)
{
	static char answer[65536];
	const char *flag = getenv("BENCH_FLAG"), *file = getenv("BENCH_ANSWER");
	struct stat status;
	ssize_t len;
	int fd;

	if (flag == NULL || file == NULL)
		return 2;
	if (stat(flag, &status) != 0)
		return write(STDOUT_FILENO, passed, sizeof passed - 1) != (ssize_t)sizeof passed - 1;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	len = fd == -1 ? -1 : read(fd, answer, sizeof answer);
	return len <= 0 || write(STDOUT_FILENO, answer, (size_t)len) != len;
}
