/* SPDX-License-Identifier: MIT */
/*
 * policy/compile.c and compile_site.c: every mistake is refused with its line, section, key and what was expected;
 * what is right becomes what it says.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

int suite_compile(void);

#define S "[site]\n"
#define G "[gateway]\n"
#define N "[site]\n[site.shop]\n"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG100 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG1000 LONG100 LONG100 LONG100 LONG100 LONG100 LONG100 LONG100 LONG100 LONG100 LONG100

static const struct {
	const char *say, *text;
	unsigned    line;
	const char *section, *key, *words;
} bad[] = {
	/* lines */
	{ "nothing at all",           "",                                      0, "", "", "holds nothing" },
	{ "comments alone",           "; [site]\n",                            0, "", "", "holds nothing" },
	{ "no such section",          "[sites]\n",                             1, "sites", "", "expected [gateway], [site], [site.NAME]" },
	{ "a window without times",   S "[window.a]\n",                        2, "window.a", "", "needs a start or an end" },
	{ "a window's id",            S "[window.a.b]\nend = 2030-01-01 00:00\n", 2, "window.a.b", "", "a window's id" },
	{ "a window's start",         S "[window.a]\nstart = soon\n",          3, "window.a", "start", "expected a time" },
	{ "a window's end",           S "[window.a]\nstart = 2030-01-02 00:00\nend = 2030-01-01 00:00\n", 4, "window.a", "end", "not behind the start" },
	{ "a window's rule",          S "[window.a]\nstart = 2030-01-01 00:00\nend = 2030-01-01 01:00\nrepeat = FREQ=YEARLY\n", 5, "window.a", "repeat", "DAILY, WEEKLY or MONTHLY" },
	{ "... on another day",       S "[window.a]\nstart = 2030-01-01 00:00\nend = 2030-01-01 01:00\nrepeat = \"FREQ=WEEKLY;BYDAY=SU\"\n", 5, "window.a", "repeat", "a day that the rule does not take" },
	{ "a window's site",          S "[window.a]\nend = 2030-01-01 00:00\nsite = shop\n", 4, "window.a", "site", "there is no [site.shop]" },
	{ "a window's zone",          S "[window.a]\nend = 2030-01-01 00:00\ntime_zone = Mars\n", 4, "window.a", "time_zone", "cannot load" },
	{ "a window without owner",   S "[policy]\nrequire_owner = yes\n[window.a]\nend = 2090-01-01 00:00\n", 4, "window.a", "", "wants an owner" },
	{ "... and change",           S "[policy]\nchange_pattern = CHG-[0-9]*\n[window.a]\nend = 2090-01-01 00:00\nchange = X\n", 4, "window.a", "", "does not look like" },
	{ "... and too long",         S "[policy]\nmax_duration = 4h\n[window.a]\nstart = 2030-01-01 00:00\nend = 2030-01-01 05:00\n", 4, "window.a", "", "longer than" },
	{ "... in a freeze",          S "[policy]\nfreeze = 2029-12-20 .. 2030-01-07\n[window.a]\nstart = 2030-01-01 00:00\nend = 2030-01-01 05:00\n", 4, "window.a", "", "the freeze" },
	{ "approved by the owner",    S "[window.a]\nend = 2090-01-01 00:00\nowner = anna\napproved = anna\n", 5, "window.a", "approved", "cannot approve" },
	{ "a freeze that is none",    S "[policy]\nfreeze = Christmas\n",      3, "policy", "freeze", "expected START .. END" },
	{ "a profile's status",       S "[profile.a]\nstatus = 200\n",         3, "profile.a", "status", "400 to 599" },
	{ "a profile's key",          S "[profile.a]\nhost = x\n",             3, "profile.a", "host", "does not belong" },
	{ "a site's address",         S "url = shop.example\n",                2, "site", "url", "expected an address" },
	{ "a section twice",          S "[gateway]\n[site]\n",                 3, "site", "", "stands in line 1 already" },
	{ "... in another case",      S "[SITE]\n",                            2, "site", "", "stands in line 1 already" },
	{ "a site without a name",    S "[site.]\n",                           2, "site.", "", "a site's name" },
	{ "a site called any",        S "[site.any]\n",                        2, "site.any", "", "not \"any\"" },
	{ "a site with a dot",        S "[site.a.b]\n",                        2, "site.a.b", "", "a site's name" },
	{ "a section not closed",     "[site\n",                               1, "", "", "\"]\" is missing" },
	{ "a comment behind a section", "[site] ; a\n",                        1, "", "", "nothing may follow" },
	{ "a key before any section", "mode = full\n",                         1, "", "mode", "before any section" },
	{ "a key twice",              S "mode = full\nmode = full\n",          3, "site", "mode", "stands in line 2 already" },
	{ "... in another case",      S "mode = full\nMODE = full\n",          3, "site", "mode", "stands in line 2 already" },
	{ "a line without \"=\"",     S "mode full\n",                         2, "site", "", "expected \"key = value\"" },
	{ "a value cut by ;",         S "message = a;b\n",                     2, "site", "message", "glued to it" },
	{ "a value cut by #",         S "link = https://a.example/#b\n",       2, "site", "link", "glued to it" },
	{ "a setting in a comment",   S "mode = full ; status = 503\n",        2, "site", "mode", "a setting stands in the comment" },
	{ "a quote not closed",       S "message = \"a\n",                     2, "site", "message", "closing quote" },
	{ "text behind a quote",      S "message = \"a\" b\n",                 2, "site", "message", "closing quote" },
	{ "a backslash in quotes",    S "message = \"a\\b\"\n",                2, "site", "message", "backslash" },
	{ "a backslash at the end",   S "message = a\\\nmode = full\n",        2, "site", "", "swallow the next line" },
	{ "a control character",      S "message = a\x01\n",                   2, "site", "", "control character" },
	{ "no UTF-8",                 S "message = gr\xfc\xdf\n",              2, "site", "", "UTF-8" },
	{ "a byte order mark",        "\xef\xbb\xbf[site]\n",                  1, "", "", "byte order mark" },
	{ "a line of over 1,022 bytes", S "message = " LONG1000 "aaaaaaaaaaaaa\n", 2, "site", "", "1,022" },
	/* keys */
	{ "a typing error",           S "staus = 503\n",                       2, "site", "staus", "did you mean status?" },
	{ "... in the gateway",       G "trusted_proxy = ::1\n",               2, "gateway", "trusted_proxy", "did you mean trusted_proxies?" },
	{ "... in a named site",      N "hosts = a.example\n",                 3, "site.shop", "hosts", "did you mean host?" },
	{ "no such key",              S "frobnicate = yes\n",                  2, "site", "frobnicate", "no such key" },
	{ "a site's key in the gateway", G "bypass_address = ::1\n",           2, "gateway", "bypass_address", "does not belong in this section" },
	{ "the gateway's in a site",  S "trusted_proxies = ::1\n",             2, "site", "trusted_proxies", "does not belong in this section" },
	{ "host in [site]",           S "host = a.example\n",                  2, "site", "host", "does not belong in this section" },
	{ "path in [site]",           S "path = /a/\n",                        2, "site", "path", "does not belong in this section" },
	{ "log in [site]",            S "log = syslog\n",                      2, "site", "log", "does not belong in this section" },
	{ "default in [site]",        S "default = yes\n",                     2, "site", "default", "does not belong in this section" },
	{ "a number has no file",     S "status_file = a\n",                   2, "site", "status_file", "no such key" },
	{ "a text and its file",      S "message = a\nmessage_file = b\n",     3, "site", "message_file", "cannot both be given" },
	{ "a file without a name",    S "message_file =\n",                    2, "site", "message_file", "the name of a file" },
	{ "a file that is not there", S "message_file = none.txt\n",           2, "site", "message_file", "cannot read none.txt" },
	{ "a list's file that is not there", S "bypass_address_file = none.txt\n", 2, "site", "bypass_address_file", "cannot read none.txt" },
	{ "a folder for a file",      S "message_file = .\n",                  2, "site", "message_file", "cannot read ." },
	/* [gateway] */
	{ "no octal mode",            G "socket_mode = rw\n",                  2, "gateway", "socket_mode", "octal permissions such as 0660" },
	{ "a digit that is not octal", G "socket_mode = 0880\n",               2, "gateway", "socket_mode", "octal" },
	{ "more than permissions",    G "socket_mode = 4777\n",                2, "gateway", "socket_mode", "octal" },
	{ "a mode that wraps around", G "socket_mode = 40000000660\n",         2, "gateway", "socket_mode", "octal" },
	{ "a negative mode",          G "socket_mode = -660\n",                2, "gateway", "socket_mode", "octal" },
	{ "no worker",                G "workers = 0\n",                       2, "gateway", "workers", "from 1 to 1024" },
	{ "too many workers",         G "workers = 1025\n",                    2, "gateway", "workers", "from 1 to 1024" },
	{ "workers in words",         G "workers = many\n",                    2, "gateway", "workers", "not \"many\"" },
	{ "a number with a zero",     G "workers = 010\n",                     2, "gateway", "workers", "whole number" },
	{ "no folder of flags",       G "state_dir =\n",                       2, "gateway", "state_dir", "the folder of the flags" },
	{ "a header nobody knows",    G "client_header = Client-IP\n",         2, "gateway", "client_header", "X-Forwarded-For, Forwarded, X-Real-IP" },
	{ "a proxy by name",          G "trusted_proxies = localhost\n",       2, "gateway", "trusted_proxies", "an address or a network" },
	{ "a proxy with host bits",   G "trusted_proxies = 10.1.2.3/8\n",      2, "gateway", "trusted_proxies", "bits set past its prefix" },
	{ "a level there is not",     G "log_level = notice\n",                2, "gateway", "log_level", "error|warning|info|debug" },
	{ "a choice there is not",    G "log_decisions = some\n",              2, "gateway", "log_decisions", "none|held|all" },
	/* [site] */
	{ "an enabled there is not",  S "enabled = maybe\n",                   2, "site", "enabled", "auto|on|off" },
	{ "a word in another case",   S "enabled = On\n",                      2, "site", "enabled", "auto|on|off" },
	{ "an empty word",            S "mode =\n",                            2, "site", "mode", "full|read-only" },
	{ "on_unknown",               S "on_unknown = open\n",                 2, "site", "on_unknown", "last|pass|hold" },
	{ "on_overrun",               S "on_overrun = end\n",                  2, "site", "on_overrun", "keep|lift" },
	{ "enabled_from",             S "enabled_from = env\n",                2, "site", "enabled_from", "file|environment|parameter" },
	{ "no span",                  S "max_duration = 4 hours\n",            2, "site", "max_duration", "90s, 30m, 4h or 2d" },
	{ "more than all",            S "share = 101\n",                       2, "site", "share", "from 0 to 100" },
	{ "percent by sign",          S "share = 50%\n",                       2, "site", "share", "not \"50%\"" },
	{ "less than none",           S "share = -1\n",                        2, "site", "share", "from 0 to 100" },
	{ "an open path without /",   S "open_path = status\n",                2, "site", "open_path", "a path such as /status" },
	{ "an open path with ..",     S "open_path = /a/../b\n",               2, "site", "open_path", "not \"/a/../b\"" },
	{ "an open path with %",      S "open_path = /a%20b\n",                2, "site", "open_path", "not \"/a%20b\"" },
	{ "an entry that is empty",   S "open_path = /a,,/b\n",                2, "site", "open_path", "an entry of the list is empty" },
	{ "a comma at the end",       S "open_path = /a,\n",                   2, "site", "open_path", "an entry of the list is empty" },
	{ "a comma alone",            S "bypass_address = ,\n",                2, "site", "bypass_address", "an entry of the list is empty" },
	{ "a default there is not",   S "open_defaults = health, status\n",    2, "site", "open_defaults", "not \"status\"" },
	{ "a method in small letters", S "open_method = get\n",                2, "site", "open_method", "not \"get\"" },
	{ "a method nobody knows",    S "open_method = BREW\n",                2, "site", "open_method", "not \"BREW\"" },
	{ "an origin without scheme", S "cors_origins = app.example.com\n",    2, "site", "cors_origins", "https://app.example.com" },
	{ "an address that is none",  S "bypass_address = 10.0.0.256\n",       2, "site", "bypass_address", "not \"10.0.0.256\"" },
	{ "host bits",                S "bypass_address = 10.0.0.1/8\n",       2, "site", "bypass_address", "10.0.0.1/8 has bits set" },
	{ "IPv6 host bits",           S "bypass_address = 2001:db8::1/32\n",   2, "site", "bypass_address", "bits set past its prefix" },
	{ "a header's name",          S "bypass_header = X Bypass\n",          2, "site", "bypass_header", "a header's name" },
	{ "no header's name",         S "bypass_header =\n",                   2, "site", "bypass_header", "a header's name" },
	{ "an empty secret",          S "bypass_secret =\n",                   2, "site", "bypass_secret", "the secret is empty" },
	{ "... in quotes",            S "bypass_secret = \"\"\n",              2, "site", "bypass_secret", "the secret is empty" },
	{ "a short secret",           S "bypass_secret = fifteen-letters\n",   2, "site", "bypass_secret", "too short" },
	{ "a short digest",           S "bypass_secret = sha256:abc\n",        2, "site", "bypass_secret", "64 hex digits" },
	{ "a digest that is not hex", S "bypass_secret = sha256:x" HEX64 "\n", 2, "site", "bypass_secret", "64 hex digits" },
	{ "three secrets",            S "bypass_secret = sixteen-letters-a, sixteen-letters-b, sixteen-letters-c\n", 2, "site",
	    "bypass_secret", "at most 2 secrets" },
	{ "a group without a file",   S "bypass_user = anna, @staff\n",        2, "site", "bypass_user", "@staff: no such group" },
	{ "a group file not there",   S "bypass_group_file = none\n",          2, "site", "bypass_group_file", "cannot read none" },
	{ "a status for success",     S "status = 200\n",                      2, "site", "status", "503 is right" },
	{ "a status that redirects",  S "status = 302\n",                      2, "site", "status", "allow_unsafe_status" },
	{ "a status that is none",    S "status = 600\n",                      2, "site", "status", "from 200 to 599" },
	{ "a link that runs",         S "link = javascript:alert(1)\n",        2, "site", "link", "https://, http:// or mailto:" },
	{ "least over most",          S "retry_after_min = 90\nretry_after_max = 60\n", 2, "site", "retry_after_min", "more than retry_after_max" },
	{ "least nothing",            S "retry_after_min = 0\n",               2, "site", "retry_after_min", "from 1 to 86400" },
	{ "jitter over an hour",      S "retry_after_jitter = 3601\n",         2, "site", "retry_after_jitter", "from 0 to 3600" },
	{ "a page that is not there", S "page = none.html\n",                  2, "site", "page", "cannot read none.html" },
	{ "a page that is no HTML",   S "page = page.htm\n",                   2, "site", "page", "ends in .html" },
	{ "page and content",         S "page = page.html\ncontent = a\n",     3, "site", "content", "cannot both be given" },
	{ "a header without colon",   S "add_header = X-Notice planned\n",     2, "site", "add_header", "X-Notice: planned work" },
	{ "a header without name",    S "add_header = : planned\n",            2, "site", "add_header", "X-Notice: planned work" },
	{ "a header with blanks",     S "add_header = X Notice: planned\n",    2, "site", "add_header", "X-Notice: planned work" },
	{ "a marker that is no name", S "marker_header = X:Y\n",               2, "site", "marker_header", "a header's name" },
	{ "a zone there is not",      S "time_zone = Europe/Nowhere\n",        2, "site", "time_zone", "Europe/Berlin or UTC" },
	{ "a zone that leaves",       S "time_zone = ../../etc/passwd\n",      2, "site", "time_zone", "cannot load the time zone" },
	{ "no language",              S "languages =\n",                       2, "site", "languages", "1 to 16 languages" },
	{ "a language that is a path", S "languages = ../a\n",                 2, "site", "languages", "not \"../a\"" },
	{ "17 languages",             S "languages = aa,ab,ac,ad,ae,af,ag,ah,ai,aj,ak,al,am,an,ao,ap,aq\n", 2, "site", "languages",
	    "1 to 16 languages" },
	{ "a hand-back there is not", S "hand_back = sendfile\n",              2, "site", "hand_back", "x-accel-redirect @app" },
	{ "a path for X-Accel",       S "hand_back = x-accel-redirect /app\n", 2, "site", "hand_back", "not \"x-accel-redirect /app\"" },
	{ "a relative root",          S "hand_back = x-sendfile www\n",        2, "site", "hand_back", "x-sendfile /root" },
	{ "no root",                  S "hand_back = x-sendfile\n",            2, "site", "hand_back", "x-sendfile /root" },
	{ "a redirect to another host", S "hand_back = local-redirect //evil.example\n", 2, "site", "hand_back", "local-redirect /prefix" },
	{ "a status that is no pass", S "hand_back = status 404\n",            2, "site", "hand_back", "status 204" },
	{ "auto and more",            S "hand_back = auto @app\n",             2, "site", "hand_back", "expected auto" },
	/* [site.NAME] */
	{ "a host in capitals",       N "host = Shop.example.com\n",           3, "site.shop", "host", "in lower case" },
	{ "a host with its port",     N "host = shop.example.com:443\n",       3, "site.shop", "host", "not \"shop.example.com:443\"" },
	{ "a star alone",             N "host = *\n",                          3, "site.shop", "host", "*.example.com" },
	{ "a star in the middle",     N "host = a.*.example\n",                3, "site.shop", "host", "*.example.com" },
	{ "a path without /",         N "path = shop\n",                       3, "site.shop", "path", "a path such as /shop/" },
	{ "a path with a star",       N "path = /shop/*\n",                    3, "site.shop", "path", "not \"/shop/*\"" },
	{ "default is yes or no",     N "default = on\n",                      3, "site.shop", "default", "no|yes" },
	{ "two defaults",             "[site.a]\ndefault = yes\n[site.b]\npath = /b/\ndefault = yes\n", 5, "site.b", "default",
	    "[site.a] is the default already" },
	{ "same host and path",       "[site.a]\nhost = x.example\n[site.b]\nhost = y.example, x.example\n", 3, "site.b", "",
	    "those of [site.a] already" },
	{ "... with and without /",   "[site.a]\nhost = x.example\npath = /p\n[site.b]\nhost = x.example\npath = /p/\n", 4, "site.b", "",
	    "those of [site.a] already" },
	{ "the same wildcard",        "[site.a]\nhost = *.x.example\n[site.b]\nhost = x.example\n[site.c]\nhost = *.x.example\n", 5, "site.c", "",
	    "those of [site.a] already" },
	{ "two paths for all",        "[site.a]\npath = /a\n[site.b]\npath = /b\n[site.c]\nhost = x\npath = /b\n[site.d]\npath = /b/\n", 8, "site.d", "",
	    "those of [site.b] already" },
	{ "two sites for all",        "[site.a]\n[site.b]\n",                  2, "site.b", "", "those of [site.a] already" },
};

static const struct problem *
first_error(const struct problems *problems)
{
	for (const struct problem *p = problems->first; p != NULL; p = p->next)
		if (!p->warning)
			return p;
	return NULL;
}

static void
test_compile_bad(void)
{
	struct folder folder;

	folder_make(&folder);
	folder_write(&folder, "page.html", "<h1>a</h1>");
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct compiled c;
		const struct problem *p;

		compile_text(&folder, bad[i].text, NULL, &c);
		p = first_error(&c.problems);
		check_int(bad[i].say, c.rc, -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(p);
		if (p == NULL || !str_contains(p->sentence, str_of(bad[i].words))) {
			printf("\n  %s: want \"%s\", got", bad[i].say, bad[i].words);
			print_problems_of(&c.problems);
			CU_FAIL("the sentence");
		} else {
			check_int(bad[i].say, p->line, bad[i].line);
			check_str(bad[i].say, p->section, bad[i].section);
			check_str(bad[i].say, p->key, bad[i].key);
			CHECK(bad[i].say, str_ends(p->file, STR("/warden.ini")));
		}
		compiled_free(&c);
	}
	folder_remove(&folder);
}

static void
test_compile_all_errors(void)
{
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	compile_text(&folder, "[gateway]\nworkers = 0\n[site]\nstaus = 1\nmode = half\nshare = 101\n", NULL, &c);
	check_int("one look tells all errors of the values", c.problems.errors, 4);
	compiled_free(&c);
	compile_text(&folder, "[gateway]\nclient_header = a\n[site]\nopen_path = a, b\nstatus = 200\nlink = a\n", NULL, &c);
	check_int("... and all of their meaning", c.problems.errors, 5);
	compiled_free(&c);
	folder_remove(&folder);
}

static const struct {
	const char *say, *text;
} good[] = {
	{ "a section alone",           "[site]\n" },
	{ "comments",                  "; a\n# b\n\n[gateway]\n" },
	{ "an empty section",          "[site]\n" },
	{ "an empty list",             "[site]\nopen_defaults =\nopen_path =\nbypass_address =\n" },
	{ "a comment behind a value",  "[site]\nmode = full ; all of it\nstatus = 503 # as it should be\n" },
	{ "; in quotes",               "[site]\nmessage = \"a;b # c\"\n" },
	{ "CR LF",                     "[site]\r\nmode = full\r\n" },
	{ "keys in capitals",          "[SITE]\nMode = full\n" },
	{ "two secrets for rotation",  "[site]\nbypass_secret = sixteen-letters-a, sha256:" HEX64 "\n" },
	{ "a status that is meant",    "[site]\nstatus = 200\nallow_unsafe_status = yes\n" },
	{ "a 429",                     "[site]\nstatus = 429\n" },
	{ "one host, two paths",       "[site.a]\nhost = x.example\npath = /a/\n[site.b]\nhost = x.example\npath = /b/\n" },
	{ "one path, two hosts",       "[site.a]\nhost = x.example\n[site.b]\nhost = y.example\n" },
	{ "a host and all hosts",      "[site.a]\nhost = x.example\n[site.b]\n" },
	{ "a host and those below",    "[site.a]\nhost = x.example\n[site.b]\nhost = *.x.example\n" },
	{ "one default",               "[site.a]\nhost = x.example\ndefault = yes\n[site.b]\nhost = y.example\ndefault = no\n" },
	{ "IPv6 hosts",                "[site.a]\nhost = [2001:db8::1]\n" },
	{ "all hand-backs",            "[site]\nhand_back = x-sendfile /var/www/\n[site.a]\nhost = a.example\nhand_back = status 204\n"
	    "[site.b]\nhost = b.example\nhand_back = local-redirect /site\n[site.c]\nhost = c.example\n"
	    "hand_back = x-accel-redirect @app\n[site.d]\nhost = d.example\nhand_back = auto\n" },
};

static void
test_compile_good(void)
{
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct compiled c;

		compile_text(&folder, good[i].text, NULL, &c);
		check_int(good[i].say, c.rc, 0);
		if (c.rc != 0)
			print_problems_of(&c.problems);
		compiled_free(&c);
	}
	folder_remove(&folder);
}

/* Headers that are the gateway's own business would break the answer. */
static void
test_compile_framing_headers(void)
{
	static const char *const names[] = { "Status", "Content-Length", "Transfer-Encoding", "Location", "Connection", "Content-Type" };
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(names); i++) {
		char text[128];
		struct compiled c;

		(void)snprintf(text, sizeof text, "[site]\nadd_header = \"%s: 200\"\n", names[i]);
		compile_text(&folder, text, NULL, &c);
		CHECK(names[i], c.rc == -EINVAL);
		compiled_free(&c);
	}
	folder_remove(&folder);
}

static void
test_compile_defaults(void)
{
	struct folder folder;
	struct compiled c;
	const struct site *site;

	folder_make(&folder);
	compile_text(&folder, "[gateway]\nstate_dir = .\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	site = &c.policy->sites[0];
	check_int("no warning", c.problems.warnings, 0);
	check_int("[site] is the only site", (int64_t)c.policy->site_count, 1);
	check_str("... without a name", site->name, "");
	check_str("... for all paths", site->path, "/");
	check_int("socket_mode", c.policy->socket_mode, 0660);
	check_int("workers", (int64_t)c.policy->workers, 64);
	check_int("nobody is trusted", (int64_t)cidr_set_count(c.policy->proxies), 0);
	check_str("client_header", c.policy->trust.header, "X_FORWARDED_FOR");
	check_int("status", site->answers.status, 503);
	check_int("retry_after", site->answers.timing.retry_after, 3600);
	check_int("languages", (int64_t)site->answers.language_count, 2);
	check_str("marker", site->answers.marker_header, "X-Maintenance");
	check_int("no hand-back", site->answers.hand_back.kind, HAND_BACK_NONE);
	check_int("four and one and one", (int64_t)path_set_count(site->rules.open_defaults), 6);
	CHECK("health is open", path_set_match(site->rules.open_defaults, STR("/healthz")) >= 0);
	CHECK("ACME is open", path_set_match(site->rules.open_defaults, STR("/.well-known/acme-challenge/a")) >= 0);
	CHECK("favicon is not", path_set_match(site->rules.open_defaults, STR("/favicon.ico")) < 0);
	check_int("one flag", (int64_t)site->condition.flag_count, 1);
	CHECK("maintenance.flag in state_dir", str_ends(str_of(site->condition.flags[0]->path), STR("/./maintenance.flag")));
	CHECK("each answer has its pages", site->answers.pages[1][FORMAT_TEXT] != NULL);
	CHECK("the built-in page has its policy", site->answers.security_policy[0].len > 0);
	compiled_free(&c);
	folder_remove(&folder);
}

static void
test_compile_named_sites(void)
{
	struct folder folder;
	struct compiled c;
	const struct site *shop, *blog;

	folder_make(&folder);
	compile_text(&folder, "[gateway]\nstate_dir = /srv/state\n[site]\nstatus = 429\nopen_path = /a\nbypass_user = anna\ntitle = All\n"
	    "[site.shop]\nhost = shop.example, *.shop.example\npath = /shop\nopen_path = /b, /c\nbypass_user =\ntitle.de = Laden\n"
	    "[site.blog]\nhost = blog.example\nflag = blog/on\nstatus = 503\ndefault = yes\ntitle = Blog\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	shop = policy_site_named(c.policy, STR("shop"));
	blog = policy_site_named(c.policy, STR("blog"));
	CU_ASSERT_FATAL(shop != NULL && blog != NULL);
	check_str("a path gets its end", shop->path, "/shop/");
	check_int("hosts", (int64_t)shop->host_count, 2);
	check_int("what is not said comes from [site]", shop->answers.status, 429);
	check_int("what is said does not", blog->answers.status, 503);
	check_int("a list replaces that of [site]", (int64_t)path_set_count(shop->rules.open_paths), 2);
	CHECK("... and does not add to it", path_set_match(shop->rules.open_paths, STR("/a")) < 0);
	check_int("an empty list empties", (int64_t)shop->rules.user_count, 0);
	check_int("... here alone", (int64_t)blog->rules.user_count, 1);
	check_str("a text in a language", shop->answers.title.v[1], "Laden");
	check_str("... the others come from [site]", shop->answers.title.v[0], "All");
	check_str("a text for all languages", blog->answers.title.v[1], "Blog");
	check_str("the default flag", str_of(shop->condition.flags[1]->path), "/srv/state/flags/shop.flag");
	check_str("a flag of its own", str_of(blog->condition.flags[1]->path), "/srv/state/blog/on");
	check_str("the global one is for all", str_of(blog->condition.flags[0]->path), "/srv/state/maintenance.flag");
	CHECK("the default", blog->is_default && !shop->is_default);
	CHECK("a site that is not there", policy_site_named(c.policy, STR("nope")) == NULL);
	compiled_free(&c);
	folder_remove(&folder);
}

static bool
holds(const struct site *site, const char *address)
{
	struct ip_addr ip;

	return ip_parse(str_of(address), &ip) == 0 && cidr_set_match(site->rules.addresses, &ip) >= 0;
}

#define SHARING \
	"[gateway]\nstate_dir = .\n[site]\nbypass_address = 192.0.2.0/24\nopen_path = /a\nopen_defaults = health, robots\n" \
	"open_method = OPTIONS\nbypass_secret = sixteen-bytes-or-more, another-of-sixteen-bytes\nbypass_user = anna\n" \
	"bypass_header = X-All\ncors_origins = https://all.example\ntime_zone = Europe/Berlin\n" \
	"[site.one]\nhost = one.example\n[site.two]\nhost = two.example\n" \
	"[site.own]\nhost = own.example\nbypass_address = 198.51.100.1\nopen_path = /b\nopen_defaults = favicon\n" \
	"open_method = PUT\nbypass_secret = mine-of-sixteen-bytes\nbypass_user = berta, carla\nbypass_header = X-Own\n" \
	"cors_origins = https://own.example\ntime_zone = UTC\n" \
	"[site.none]\nhost = none.example\nbypass_address =\nopen_path =\nopen_defaults =\nopen_method =\nbypass_user =\n" \
	"cors_origins =\n"

/* What is inherited is there once; what is not is nobody else's. */
static void
test_compile_sharing(void)
{
	struct folder folder;
	struct compiled c;
	const struct site *site, *one, *two, *own, *none;

	folder_make(&folder);
	compile_text(&folder, SHARING, NULL, &c);
	print_problems_of(&c.problems);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	site = c.policy->sites, one = site + 1, two = site + 2, own = site + 3, none = site + 4;
	CHECK("one list for all that inherit it", one->rules.addresses == site->rules.addresses &&
	    two->rules.addresses == site->rules.addresses && two->rules.open_paths == site->rules.open_paths &&
	    two->rules.open_defaults == site->rules.open_defaults && two->rules.users == site->rules.users);
	CHECK("one time zone", c.policy->zones[2] == c.policy->zones[0] && c.policy->zones[4] == c.policy->zones[0]);
	CHECK("the rest is inherited too", two->rules.secret_count == 2 && two->rules.open_methods == site->rules.open_methods &&
	    secret_matches(&two->rules.secrets[1], STR("another-of-sixteen-bytes")) &&
	    str_eq(two->rules.bypass_header, STR("X_ALL")) && two->rules.cors_origin_count == 1);
	CHECK("one's own addresses", holds(own, "198.51.100.1") && !holds(own, "192.0.2.7"));
	CHECK("... are nobody else's", !holds(site, "198.51.100.1") && !holds(one, "198.51.100.1") && holds(one, "192.0.2.7"));
	CHECK("one's own secret alone", own->rules.secret_count == 1 &&
	    secret_matches(&own->rules.secrets[0], STR("mine-of-sixteen-bytes")));
	CHECK("one's own paths", path_set_match(own->rules.open_paths, STR("/b")) == 0 &&
	    path_set_match(own->rules.open_paths, STR("/a")) < 0 && path_set_match(one->rules.open_paths, STR("/b")) < 0 &&
	    path_set_match(own->rules.open_defaults, STR("/health")) < 0);
	check_str("one's own header", own->rules.bypass_header, "X_OWN");
	check_int("one's own users", (int64_t)own->rules.user_count, 2);
	check_str("... in their order", own->rules.users[0], "berta");
	check_str("one's own origins", own->rules.cors_origins[0], "https://own.example");
	CHECK("one's own time zone", c.policy->zones[3] != c.policy->zones[0] && own->answers.zone == c.policy->zones[3]);
	CHECK("an empty list is empty", !holds(none, "192.0.2.7") && path_set_count(none->rules.open_paths) == 0 &&
	    path_set_count(none->rules.open_defaults) == 0 && none->rules.open_methods == 0 &&
	    none->rules.user_count == 0 && none->rules.cors_origin_count == 0);
	compiled_free(&c);
	folder_remove(&folder);
}

/* What is wrong with a value is said once, and not again for each site that inherits it. */
static void
test_compile_sharing_wrong(void)
{
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	compile_text(&folder, "[gateway]\nstate_dir = .\n[site]\nbypass_address = 10.0.0.1/8\ntime_zone = Europe/Berlim\n"
	    "[site.one]\nhost = one.example\n[site.two]\nhost = two.example\n", NULL, &c);
	CHECK("refused", c.policy == NULL);
	check_int("each once", c.problems.errors, 2);
	compiled_free(&c);
	folder_remove(&folder);
}

static void
test_compile_languages(void)
{
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	compile_text(&folder, "[site]\nlanguages = fr, pt-BR\nmessage = Plain\nmessage.pt-BR = Obras\nmessage.fr = Travaux\n"
	    "[site.a]\nmessage = Only\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	check_str("a language finds its text", c.policy->sites[0].answers.message.v[0], "Travaux");
	check_str("... in whatever case it is written", c.policy->sites[0].answers.message.v[1], "Obras");
	check_str("a site's plain text goes before the language's of [site]", c.policy->sites[1].answers.message.v[0], "Only");
	compiled_free(&c);
	folder_remove(&folder);
}

/* A text in a language that the site does not have is never shown: somebody should hear of it. */
static void
test_compile_text_without_language(void)
{
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	compile_text(&folder, "[gateway]\nstate_dir = .\n[site]\nmessage.fr = Travaux\n", NULL, &c);
	CHECK("message.fr without fr in languages is told", c.problems.errors + c.problems.warnings > 0);
	compiled_free(&c);
	folder_remove(&folder);
}

static void
test_compile_twins(void)
{
	struct folder folder;
	struct compiled c;
	const struct site *site;

	folder_make(&folder);
	folder_write(&folder, "nets.txt", "# office\n10.0.0.0/8\n\n 192.0.2.0/24  # lab\r\n2001:db8::/32");
	folder_write(&folder, "message.txt", "First line; with = and #\nsecond \"line\"\n\n");
	folder_write(&folder, "secret.txt", "sixteen-letters-a\n");
	folder_write(&folder, "headers.txt", "# two\nX-One: 1\r\nX-Two:  2 \n\n");
	compile_text(&folder, "[site]\nbypass_address = 198.51.100.1\nbypass_address_file = nets.txt\nmessage_file = message.txt\n"
	    "bypass_secret_file = secret.txt\nadd_header_file = headers.txt\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	site = &c.policy->sites[0];
	check_int("a list and its file add up", (int64_t)cidr_set_count(site->rules.addresses), 4);
	check_str("a text's file is the text, without the last line ends", site->answers.message.v[0],
	    "First line; with = and #\nsecond \"line\"");
	check_int("a secret", (int64_t)site->rules.secret_count, 1);
	CHECK("... without its line end", secret_matches(&site->rules.secrets[0], STR("sixteen-letters-a")));
	check_int("headers, one a line", (int64_t)site->answers.add_header_count, 2);
	check_str("a name", site->answers.add_headers[1].name, "X-Two");
	check_str("a value", site->answers.add_headers[1].value, "2");
	check_str("... with CR LF too", site->answers.add_headers[0].value, "1");
	compiled_free(&c);
	folder_remove(&folder);
}

static const struct {
	const char *say, *ini, *file;
	const char *words;
} bad_files[] = {
	{ "an address that is none",   "bypass_address_file = f\n", "10.0.0.0/8\noffice\n",     "not \"office\"" },
	{ "no UTF-8",                  "bypass_address_file = f\n", "# gr\xfc\xdf\n10.0.0.1\n", "f is not UTF-8" },
	{ "a text that is no UTF-8",   "message_file = f\n",        "gr\xfc\xdf",               "f is not UTF-8" },
	{ "an empty secret's file",    "bypass_secret_file = f\n",  "# none\n",                 "the secret is empty" },
	{ "a short secret",            "bypass_secret_file = f\n",  "short\n",                  "too short" },
	{ "a secret cut by a glued #", "bypass_secret_file = f\n",  "sixteen-letters-a#tail\n", "#" },
	{ "a header that is none",     "add_header_file = f\n",     "X-A: b\nX-B\n",            "not \"X-B\"" },
	{ "a policy over two lines",   "content = a\ncontent_security_policy_file = f\n", "default-src 'none';\nimg-src *\n", "" },
};

static void
test_compile_bad_files(void)
{
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(bad_files); i++) {
		char text[256];
		struct compiled c;

		folder_write(&folder, "f", bad_files[i].file);
		(void)snprintf(text, sizeof text, "[site]\n%s", bad_files[i].ini);
		compile_text(&folder, text, NULL, &c);
		check_int(bad_files[i].say, c.rc, -EINVAL);
		CHECK(bad_files[i].say, find_problem(&c.problems, bad_files[i].words) != NULL);
		compiled_free(&c);
	}
	folder_remove(&folder);
}

static void
test_compile_groups(void)
{
	static const char *const users[] = { "anna", "ben", "carl", "dora", "emil" };
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	folder_write(&folder, "groups", "staff: ben carl\r\nother: mallory\nstaff : dora  emil\nempty:\n");
	compile_text(&folder, "[site]\nbypass_user = anna, @staff, @empty\nbypass_group_file = groups\n", NULL, &c);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.policy);
	check_int("a user, and both lines of the group", (int64_t)c.policy->sites[0].rules.user_count, COUNT(users));
	for (size_t i = 0; i < COUNT(users) && i < c.policy->sites[0].rules.user_count; i++)
		check_str("user", c.policy->sites[0].rules.users[i], users[i]);
	compiled_free(&c);
	compile_text(&folder, "[site]\nbypass_user = @nobody\nbypass_group_file = groups\n", NULL, &c);
	CHECK("a group that is not in the file", find_problem(&c.problems, "@nobody: no such group") != NULL);
	compiled_free(&c);
	folder_remove(&folder);
}

static void
test_compile_environment(void)
{
	static const struct {
		const char  *value;
		int          rc;
		enum enabled enabled;
	} modes[] = { { "true", 0, ENABLED_ON }, { "false", 0, ENABLED_OFF }, { "", 0, ENABLED_AUTO }, { "yes", -EINVAL, ENABLED_AUTO } };
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(modes); i++) {
		struct compiled c;

		CU_ASSERT_EQUAL(setenv("MAINTENANCE_MODE", modes[i].value, 1), 0);
		compile_text(&folder, "[site]\nenabled_from = environment\n", NULL, &c);
		check_int(modes[i].value, c.rc, modes[i].rc);
		if (c.rc == 0)
			check_int(modes[i].value, c.policy->sites[0].condition.enabled, modes[i].enabled);
		compiled_free(&c);
	}
	(void)unsetenv("MAINTENANCE_MODE");
	folder_remove(&folder);
}

#define Q "[gateway]\nstate_dir = .\n[site]\n"

/* What people write, and mean. */
static void
test_compile_unsuspected(void)
{
	static const char *const texts[] = {
		Q ";open_path = /a\n", Q "# share = 5 lets some in\n", Q ";[site.shop]\n;host = shop\n\n[site.blog]\n",
		Q "message = \"Set share = 5 for all\"\n", Q "message = See [1]\n", Q "link = https://a.example/?site=1\n",
		Q "# a word = of ours\n", Q "# [gateway] holds what all share\nshare = 5\n", Q "#\n;\n# =\n#=\n#]\n# ]\n",
		Q "message = a = b\n",
	};
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct compiled c;

		compile_text(&folder, texts[i], NULL, &c);
		check_int(texts[i], c.rc, 0);
		check_int(texts[i], c.problems.warnings, 0);
		compiled_free(&c);
	}
	folder_remove(&folder);
}

static void
test_compile_warnings(void)
{
	static const struct {
		const char *say, *text, *words;
	} warnings[] = {
		{ "no state_dir",        "[gateway]\nstate_dir = none\n",                "on_unknown decides" },
		{ "a file as state_dir", "[gateway]\nstate_dir = warden.ini\n",          "is no folder" },
		{ "a key without its first letter", Q "#hare = 5\n", "without its first letter" },
		{ "... of a language", Q ";essage.de = a\n", "without its first letter" },
		{ "a setting behind a comment", Q "# the officebypass_address = ::1\n", "is a line break missing" },
		{ "... glued to its first word", Q "# officebypass_address = ::1\n", "is a line break missing" },
		{ "a setting in a value", Q "message = Back soon.open_path = /a\n", "is a line break missing" },
		{ "... behind a blank", Q "message = Back soon open_path = /a\n", "is a line break missing" },
		{ "a section in a value", Q "message = Back soon[site.shop]\n", "is a line break missing" },
		{ "a section in a comment", Q "# the shop[site.shop]\n", "is a line break missing" },
		{ "a section without its bracket", Q "#site.shop]\n", "without its \"[\"" },
		{ "a section that is a comment", Q ";[site.shop]\n# and\n\nopen_path = /a\n", "the keys below it are not" },
		{ "a blank in a list", Q "open_path = /a /b\n", "is a comma missing" },
		{ "lift without an end", "[gateway]\nstate_dir = .\n[site]\non_overrun = lift\n", "without max_duration" },
		{ "windows overlap", "[gateway]\nstate_dir = .\n[window.a]\nend = 2090-01-01 00:00\n[window.b]\n"
		    "end = 2091-01-01 00:00\n", "window b overlaps with window a" },
		{ "... one of them of every site", "[gateway]\nstate_dir = .\n[site.shop]\n[window.a]\nsite = shop\n"
		    "end = 2090-01-01 00:00\n[window.b]\nend = 2091-01-01 00:00\n", "overlaps with window a" },
	};
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 0; i < COUNT(warnings); i++) {
		struct compiled c;

		compile_text(&folder, warnings[i].text, NULL, &c);
		check_int(warnings[i].say, c.rc, 0);
		check_int(warnings[i].say, c.problems.warnings, 1);
		CHECK(warnings[i].say, find_problem(&c.problems, warnings[i].words) != NULL);
		compiled_free(&c);
	}
	folder_remove(&folder);
}

/* What decides who is let in: its group may write it, and never others. */
static void
test_compile_writable(void)
{
	static const char *const names[] = { "warden.ini", "state", "state/flags", "state/windows.d", "state/windows.d/w.ini",
		"state/tickets", "state/tickets/any", "state/tickets/any/limited", "state/tickets/shop",
		"state/tickets/shop/limited", "secrets", "addresses", "groups", "text", "on", "off" };
	static const char ini[] = "[gateway]\nstate_dir = state\ngate_file = gate\ngate_on = on\ngate_off = off\n[site]\n"
	    "bypass_secret_file = secrets\nbypass_address_file = addresses\nbypass_group_file = groups\n"
	    "message_file = text\n[site.shop]\nhost = shop\n";
	struct folder folder;

	folder_make(&folder);
	for (size_t i = 1; i < COUNT(names); i++)
		if (i < 10 && i != 4)
			folder_mkdir(&folder, names[i]);
		else
			folder_write(&folder, names[i], i == 4 ? "[window.w]\nend = 2090-01-01 00:00\n" :
			    i == 10 ? "secret-secret-secret\n" : i == 11 ? "192.0.2.1\n" : "x\n");
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *path = folder_path(&folder, names[i]);
		mode_t folder_bits = i > 0 && i < 10 && i != 4 ? 0111 : 0;
		struct compiled c;

		compile_text(&folder, ini, NULL, &c);
		(void)chmod(path, 0664 | folder_bits);
		compiled_free(&c);
		compile_text(&folder, ini, NULL, &c);
		check_int(names[i], c.rc, 0);
		compiled_free(&c);
		(void)chmod(path, 0646 | folder_bits);
		compile_text(&folder, ini, NULL, &c);
		check_int(names[i], c.rc, -EINVAL);
		CHECK(names[i], find_problem(&c.problems, "can be written by others") != NULL &&
		    find_problem(&c.problems, "chmod o-w ") != NULL);
		compiled_free(&c);
		(void)chmod(path, 0644 | folder_bits);
	}
	folder_remove(&folder);
}

/* A file that is not named is no folder's name: the INI may lie where all may write, as in /tmp. */
static void
test_compile_writable_folder(void)
{
	struct folder folder;
	struct compiled c;

	folder_make(&folder);
	folder_write(&folder, "on", "x\n");
	folder_mkdir(&folder, "state");
	(void)chmod(folder_path(&folder, "."), 01777);
	compile_text(&folder, "[gateway]\nstate_dir = state\ngate_file = gate\ngate_on = on\n[site]\n", NULL, &c);
	check_int("an INI in a folder of everybody's", c.rc, 0);
	compiled_free(&c);
	folder_remove(&folder);
}

static void
test_compile_no_file(void)
{
	struct problems problems = { .arena = arena_new_growing(65536) };
	struct policy *policy;

	check_int("an INI that is not there", policy_compile(STR("/nonexistent/warden.ini"), NULL, &problems, &policy), -EINVAL);
	check_int("... one error", problems.errors, 1);
	check_int("a folder is no INI", policy_compile(STR("/tmp"), NULL, &problems, &policy), -EINVAL);
	policy_free(NULL);
	arena_free(problems.arena);
}

/* What was last known of a flag, and only of the same file, outlives a reload. */
static void
test_compile_inherits_state(void)
{
	struct folder folder;
	struct compiled first, second;

	folder_make(&folder);
	compile_text(&folder, "[gateway]\nstate_dir = .\n[site.a]\nhost = a\n[site.b]\nhost = b\n", NULL, &first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first.policy);
	first.policy->flags[2].last = FLAG_OFF;
	first.policy->flags[1].last = FLAG_ON;
	compile_text(&folder, "[gateway]\nstate_dir = .\n[site.b]\nhost = b\n[site.c]\nhost = c\n", first.policy, &second);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second.policy);
	check_int("b is still off", second.policy->flags[1].last, FLAG_OFF);
	check_int("c is not known", second.policy->flags[2].last, FLAG_UNKNOWN);
	compiled_free(&second);
	compile_text(&folder, "[gateway]\nstate_dir = .\n[site.d]\nhost = d\n[site.b]\nhost = b\n[site.c]\nhost = c\n[site.a]\nhost = a\n",
	    first.policy, &second);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second.policy);
	check_int("wherever a stands", second.policy->flags[4].last, FLAG_ON);
	check_int("... and b where it stood", second.policy->flags[2].last, FLAG_OFF);
	check_int("d is not known", second.policy->flags[1].last, FLAG_UNKNOWN);
	compiled_free(&second);
	compiled_free(&first);
	folder_remove(&folder);
}

int
suite_compile(void)
{
	CU_pSuite suite = CU_add_suite("policy/compile", NULL, NULL);

	if (suite == NULL ||
	    CU_add_test(suite, "bad", test_compile_bad) == NULL ||
	    CU_add_test(suite, "all errors", test_compile_all_errors) == NULL ||
	    CU_add_test(suite, "good", test_compile_good) == NULL ||
	    CU_add_test(suite, "framing headers", test_compile_framing_headers) == NULL ||
	    CU_add_test(suite, "defaults", test_compile_defaults) == NULL ||
	    CU_add_test(suite, "named sites", test_compile_named_sites) == NULL ||
	    CU_add_test(suite, "sharing", test_compile_sharing) == NULL ||
	    CU_add_test(suite, "sharing what is wrong", test_compile_sharing_wrong) == NULL ||
	    CU_add_test(suite, "languages", test_compile_languages) == NULL ||
	    CU_add_test(suite, "text without language", test_compile_text_without_language) == NULL ||
	    CU_add_test(suite, "twins", test_compile_twins) == NULL ||
	    CU_add_test(suite, "bad files", test_compile_bad_files) == NULL ||
	    CU_add_test(suite, "groups", test_compile_groups) == NULL ||
	    CU_add_test(suite, "environment", test_compile_environment) == NULL ||
	    CU_add_test(suite, "unsuspected", test_compile_unsuspected) == NULL ||
	    CU_add_test(suite, "warnings", test_compile_warnings) == NULL ||
	    CU_add_test(suite, "writable", test_compile_writable) == NULL ||
	    CU_add_test(suite, "writable folder", test_compile_writable_folder) == NULL ||
	    CU_add_test(suite, "no file", test_compile_no_file) == NULL ||
	    CU_add_test(suite, "inherits state", test_compile_inherits_state) == NULL)
		return -1;
	return 0;
}
