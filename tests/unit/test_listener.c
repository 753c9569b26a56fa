/* SPDX-License-Identifier: MIT */
/* front/listener.c: the socket is where, whose and how the INI says, and nothing of others is removed for it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "front/listener.h"
#include "support.h"

int suite_listener(void);

/* Opens a listener on `listen`; an error's sentence goes to `words`, which may be NULL. */
static int
open_on(const char *listen, unsigned mode, const char *group, struct listener *ret, const char *words)
{
	struct policy policy = { .file = STR_INIT("warden.ini"), .listen = str_of(listen), .socket_mode = mode,
		.socket_group = str_of(group) };
	struct problems problems = { .arena = arena_new_growing(65536) };
	int rc = listener_open(&policy, STR("listen"), policy.listen, &problems, ret);

	CHECK(listen, (rc == 0) == (problems.errors == 0));
	if (words != NULL)
		CHECK(words, find_problem(&problems, words) != NULL);
	arena_free(problems.arena);
	return rc;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	rc = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -errno;
	if (rc < 0)
		(void)close(fd);
	return rc;
}

static unsigned
mode_of(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 ? status.st_mode & 07777 : 0;
}

static void
test_listener_mode(void)
{
	static const unsigned modes[] = { 0660, 0600, 0666, 0777 };
	struct folder folder;
	const char *path;
	mode_t before = umask(022);

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(modes); i++) {
		struct listener listener;

		path = folder_path(&folder, "s");
		check_int("opened", open_on(path, modes[i], "", &listener, NULL), 0);
		check_int("the mode is the INI's, not the umask's", mode_of(path), modes[i]);
		listener_close(&listener);
		CHECK("the file goes with the listener", access(path, F_OK) == -1);
	}
	check_int("the umask is as it was", umask(before), 022);
	folder_remove(&folder);
}

static void
test_listener_accept(void)
{
	struct folder folder;
	struct listener listener;
	int client, fd;

	folder_make(&folder);
	CU_ASSERT_EQUAL_FATAL(open_on(folder_path(&folder, "s"), 0660, "", &listener, NULL), 0);
	check_int("nobody there: no waiting", listener_accept(&listener), -EAGAIN);
	client = connect_to(folder_path(&folder, "s"));
	CU_ASSERT_FATAL(client >= 0);
	fd = listener_accept(&listener);
	CU_ASSERT_FATAL(fd >= 0);
	CHECK("close-on-exec", fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK("the listener too", fcntl(listener.fd, F_GETFD) & FD_CLOEXEC);
	CHECK("does not block", fcntl(fd, F_GETFL) & O_NONBLOCK);
	(void)close(fd);
	(void)close(client);
	listener_close(&listener);
	folder_remove(&folder);
}

static void
test_listener_existing(void)
{
	struct folder folder;
	struct listener first, second;
	const char *path, *link;
	int client;

	folder_make(&folder);
	path = folder_path(&folder, "s");
	link = folder_path(&folder, "l");
	CU_ASSERT_EQUAL_FATAL(open_on(path, 0660, "", &first, NULL), 0);
	check_int("a socket that somebody listens on", open_on(path, 0660, "", &second, "in use"), -EADDRINUSE);
	client = connect_to(path);
	CHECK("... still is his", client >= 0);
	(void)close(client);
	CU_ASSERT_EQUAL(symlink(path, link), 0);
	check_int("a link is not followed", open_on(link, 0660, "", &second, "cannot listen"), -EEXIST);
	(void)close(first.fd);          /* as a crash leaves it */
	CHECK("the file is still there", access(path, F_OK) == 0);
	check_int("one that nobody listens on is replaced", open_on(path, 0600, "", &first, NULL), 0);
	check_int("... with its own mode", mode_of(path), 0600);
	listener_close(&first);
	folder_write(&folder, "s", "precious");
	check_int("a file is not ours to remove", open_on(path, 0660, "", &first, "File exists"), -EEXIST);
	CHECK("... and stays", access(path, F_OK) == 0);
	folder_mkdir(&folder, "d");
	check_int("nor a folder", open_on(folder_path(&folder, "d"), 0660, "", &first, NULL), -EEXIST);
	check_int("a folder that is not there", open_on(folder_path(&folder, "none/s"), 0660, "", &first, "No such file"), -ENOENT);
	folder_remove(&folder);
}

/* A start that fails leaves nothing behind that the next one stumbles over. */
static void
test_listener_bad_group(void)
{
	struct folder folder;
	struct listener listener;
	const char *path;

	folder_make(&folder);
	path = folder_path(&folder, "s");
	CHECK("a group there is not", open_on(path, 0660, "no-such-group-here", &listener, "cannot listen") != 0);
	CHECK("... leaves no socket file", access(path, F_OK) == -1);
	folder_remove(&folder);
}

static const char *const bad_addresses[] = {
	"", ":9000", "9000", "localhost:9000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:http",
	"127.0.0.1:-1", "127.0.0.1:09000", "127.0.0.1:9000 ", "*:9000", "[::1]", "[::1]:", "[::1:9000", "256.0.0.1:9000", "gateway.sock",
	"unix:gateway.sock",
	"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

static void
test_listener_bad_addresses(void)
{
	for (size_t i = 0; i < COUNT(bad_addresses); i++) {
		struct listener listener;

		check_int(bad_addresses[i], open_on(bad_addresses[i], 0660, "", &listener, "such as 127.0.0.1:9000"), -EINVAL);
	}
}

static void
test_listener_inet(void)
{
	struct listener first, second;
	char where[64] = "";
	int rc = -1;

	for (int port = 42000; rc != 0 && port < 42100; port++) {
		struct policy policy = { .file = STR_INIT("a") };
		struct problems problems = { .arena = arena_new_growing(65536) };

		(void)snprintf(where, sizeof where, "127.0.0.1:%d", port);
		policy.listen = str_of(where);
		rc = listener_open(&policy, STR("listen"), policy.listen, &problems, &first);
		arena_free(problems.arena);
	}
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	check_int("a port that is taken", open_on(where, 0660, "", &second, "in use"), -EADDRINUSE);
	listener_close(&first);
	check_int("... is free again at once", open_on(where, 0660, "", &second, NULL), 0);
	listener_close(&second);
}

static void
test_listener_inherited(void)
{
	struct folder folder;
	struct listener listener, inherited;
	int before = dup(STDIN_FILENO), nothing = open("/dev/null", O_RDONLY);

	folder_make(&folder);
	CU_ASSERT_EQUAL(dup2(nothing, STDIN_FILENO), STDIN_FILENO);
	CHECK("a file is no socket", !listener_is_inherited());
	CU_ASSERT_EQUAL_FATAL(open_on(folder_path(&folder, "s"), 0660, "", &listener, NULL), 0);
	CU_ASSERT_EQUAL(dup2(listener.fd, STDIN_FILENO), STDIN_FILENO);
	CHECK("a listening socket is", listener_is_inherited());
	CU_ASSERT_EQUAL(setenv("FCGI_WEB_SERVER_ADDRS", "127.0.0.1, ::1", 1), 0);
	check_int("it is taken", listener_inherit(&inherited), 0);
	check_int("... with the peers that may connect", (int64_t)inherited.peer_count, 2);
	CHECK("... and is not ours", !inherited.ours);
	listener_close(&inherited);
	CHECK("... so its file stays", access(folder_path(&folder, "s"), F_OK) == 0);
	CU_ASSERT_EQUAL(setenv("FCGI_WEB_SERVER_ADDRS", "localhost", 1), 0);
	check_int("peers by name are refused", listener_inherit(&inherited), -EINVAL);
	free(inherited.peers);          /* NULL, where the function gives back what it took */
	(void)unsetenv("FCGI_WEB_SERVER_ADDRS");
	listener_close(&listener);
	CU_ASSERT_EQUAL(dup2(before, STDIN_FILENO), STDIN_FILENO);
	(void)close(before);
	(void)close(nothing);
	folder_remove(&folder);
}

int
suite_listener(void)
{
	CU_pSuite suite = CU_add_suite("front/listener", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "mode", test_listener_mode) == NULL ||
	    CU_add_test(suite, "accept", test_listener_accept) == NULL ||
	    CU_add_test(suite, "existing", test_listener_existing) == NULL ||
	    CU_add_test(suite, "bad group", test_listener_bad_group) == NULL ||
	    CU_add_test(suite, "bad addresses", test_listener_bad_addresses) == NULL ||
	    CU_add_test(suite, "inet", test_listener_inet) == NULL ||
	    CU_add_test(suite, "inherited", test_listener_inherited) == NULL)
		return -1;
	return 0;
}
