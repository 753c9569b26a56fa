#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kit for shared hosts on a real Apache that gives it nothing but AllowOverride FileInfo.

    python3 -B tests/kit/run.py --build FOLDER [--verbose] [HOST...]

An ordinary user unpacks the archive into a home directory and follows its README; HOSTS are the kinds of hosts there
are.  As root the user is nobody and Apache runs as www-data, and one host has the real suEXEC.
"""
import argparse
import contextlib
import os
import pwd
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))
from harness import (FILE, OUTSIDER, UPLOAD, UPLOAD_SHA1, Checks, Folder, Missing, free_port,  # noqa: E402
                     others_may_enter, port_open, program, request, wait_until)

MODULES = "/usr/lib/apache2/modules"
PAGE = b"We are working on this site. Thank you for your patience."     # message in the kit's INI
BUILT_IN = b"<h1>Down for maintenance</h1>"                             # of the answer without an INI
TICKET = "5f0c3d2a9b1e4c7788aa00ff12345678"
MARK = "mark-that-nobody-may-read"      # stands in the INI, the flag and a ticket
# Of suexec.c of httpd 2.4, with HTTP_ and SSL_: what a program gets to see.
SUEXEC_KEEPS = """AUTH_TYPE CONTENT_LENGTH CONTENT_TYPE CONTEXT_DOCUMENT_ROOT CONTEXT_PREFIX DATE_GMT DATE_LOCAL
DOCUMENT_NAME DOCUMENT_PATH_INFO DOCUMENT_ROOT DOCUMENT_URI GATEWAY_INTERFACE HTTPS LAST_MODIFIED PATH_INFO
PATH_TRANSLATED QUERY_STRING QUERY_STRING_UNESCAPED REMOTE_ADDR REMOTE_HOST REMOTE_IDENT REMOTE_PORT REMOTE_USER
REDIRECT_ERROR_NOTES REDIRECT_HANDLER REDIRECT_QUERY_STRING REDIRECT_REMOTE_USER REDIRECT_SCRIPT_FILENAME
REDIRECT_STATUS REDIRECT_URL REQUEST_METHOD REQUEST_SCHEME REQUEST_URI SCRIPT_FILENAME SCRIPT_NAME SCRIPT_URI SCRIPT_URL
SERVER_ADMIN SERVER_NAME SERVER_ADDR SERVER_PORT SERVER_PROTOCOL SERVER_SIGNATURE SERVER_SOFTWARE UNIQUE_ID
USER_NAME TZ PATH"""
WORDPRESS = """# BEGIN WordPress
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{{HTTP:Authorization}}]
RewriteBase {base}
RewriteRule ^index\\.php$ - [L]
RewriteCond %{{REQUEST_FILENAME}} !-f
RewriteCond %{{REQUEST_FILENAME}} !-d
RewriteRule . {base}index.php [L]
</IfModule>
# END WordPress
"""
LARAVEL = """<IfModule mod_rewrite.c>
    <IfModule mod_negotiation.c>
        Options -MultiViews -Indexes
    </IfModule>
    RewriteEngine On
    RewriteCond %{HTTP:Authorization} .
    RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
    RewriteCond %{REQUEST_FILENAME} !-d
    RewriteCond %{REQUEST_URI} (.+)/$
    RewriteRule ^ %1 [L,R=301]
    RewriteCond %{REQUEST_FILENAME} !-d
    RewriteCond %{REQUEST_FILENAME} !-f
    RewriteRule ^ index.php [L]
</IfModule>
"""
ECHO = ('<?php $b = file_get_contents("php://input"); header("Content-Type: application/json"); echo json_encode(['
        '"from" => "SITE", "method" => $_SERVER["REQUEST_METHOD"], "uri" => $_SERVER["REQUEST_URI"],'
        '"length" => strlen($b), "sha1" => sha1($b), "script" => $_SERVER["SCRIPT_NAME"]]);')
CONF = """
ServerRoot {path}
PidFile {path}/apache.pid
Listen 127.0.0.1:{port}
ServerName site.example
ErrorLog {path}/log/apache
LogLevel warn
Mutex file:{path}/tmp default
{modules}
{user}
DocumentRoot {root}
DirectoryIndex index.html index.php
TypesConfig /dev/null
<Directory />
  Options None
  AllowOverride None
  Require all denied
</Directory>
<FilesMatch "^\\.ht">
  Require all denied
</FilesMatch>
<FilesMatch "\\.php$">
  SetHandler "proxy:unix:{php}|fcgi://localhost"
</FilesMatch>
<Directory {web}>
  Require all granted
  Options {options}
  AllowOverride FileInfo
</Directory>
{more}
"""
CGI_BIN = """
ScriptAlias /cgi-bin/ {cgi}/
<Directory {cgi}>
  Require all granted
  Options {options} ExecCGI
</Directory>
"""


class Host(Folder):
    """A home directory with the kit in it, and the Apache of the host."""
    name = "beside"
    says = "cgi-bin beside the web root, mod_cgid"
    modules = ("mpm_event", "authz_core", "rewrite", "proxy", "proxy_fcgi", "dir", "alias", "mime", "cgid")
    options = "FollowSymLinks"
    cgi_bin, state = "cgi-bin", "maintenance-warden"            # in the home directory
    ending = ".tar.gz"
    front = False               # the site's own front controller stands in the same .htaccess
    needs_root = False

    def __init__(self, kit):
        self.wardenctl = None
        self.drops_root, self.as_www_data, self.processes, self.gateway = False, [], [], None
        where = "/var/www" if os.geteuid() == 0 and os.path.isdir("/var/www") else None  # suEXEC's docroot
        self.path = tempfile.mkdtemp(prefix="warden-kit.", dir=where)
        os.chmod(self.path, 0o755)
        self.find_users()
        for folder in ("log", "tmp", "home/public_html"):
            os.makedirs(self.file(folder))
        os.chmod(self.file("tmp"), 0o777)
        os.chmod(self.file("home"), 0o711)
        self.write_pages()
        self.own("home")
        self.unpack(kit)
        self.upload()
        self.port = free_port()

    def find_users(self):
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        if os.geteuid() != 0:
            return
        self.drops_root = others_may_enter(self.path)
        if not self.drops_root:
            self.as_www_data = [program("setpriv", "util-linux"), "--reuid", "www-data", "--regid", "www-data",
                                "--clear-groups", "--securebits", "+no_setuid_fixup",
                                "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]

    def as_user(self, *command):
        """What the owner of the home directory does."""
        if os.geteuid() == 0:
            command = (program("setpriv", "util-linux"), "--reuid", str(self.user.pw_uid), "--regid",
                       str(self.user.pw_gid), "--clear-groups", *command)
        subprocess.run(command, check=True, cwd=self.file("home") if self.drops_root or os.geteuid() else "/")

    def own(self, name):
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{self.user.pw_uid}:{self.user.pw_gid}", self.file(name)], check=True)

    def home(self, name, text=None):
        """The path in the home directory; with a text, the file is written as its owner would."""
        path = self.file("home/" + name)
        if text is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.write("home/" + name, text)
            self.own("home/" + name)
        return path

    def web(self, name, text=None):
        return self.home("public_html/" + name, text)

    def change(self, name, old, new):
        with open(self.home(name), encoding="utf-8") as f:
            text = f.read()
        if old not in text:
            raise RuntimeError(f"{name}: {old!r} is not there")
        self.home(name, text.replace(old, new))

    def write_pages(self):
        for name in ("index.php", "echo.php", "blog/index.php", "shop/index.php"):
            self.web(name, ECHO)
        for name in ("robots.txt", "plain/deep/page.txt", "own/page.txt", "page.txt", "blog/page.txt"):
            self.web(name, f"SITE {name}\n")
        self.web("file.bin", FILE)
        self.web("own/.htaccess", "ErrorDocument 503 /own/busy.html\nErrorDocument 404 /own/missing.html\n")
        self.web("own/busy.html", "OWN busy\n")
        self.web("own/missing.html", "OWN missing\n")
        self.web("blog/.htaccess", WORDPRESS.format(base="/blog/"))
        self.web("shop/.htaccess", LARAVEL)
        self.web("bare/.htaccess", "RewriteEngine Off\n")
        self.web("bare/page.txt", "SITE bare/page.txt\n")

    def unpack(self, kit):
        if self.ending == ".zip":       # as an FTP program leaves the files: no mode is kept
            with zipfile.ZipFile(kit + ".zip") as archive:
                archive.extractall(self.home(""))
            self.own("home")
        elif os.geteuid() == 0 and not self.drops_root:
            with tarfile.open(kit + ".tar.gz") as archive:
                archive.extractall(self.home(""))
            self.own("home")
        else:
            with open(kit + ".tar.gz", "rb") as archive:
                shutil.copyfileobj(archive, open(self.file("kit.tar.gz"), "wb"))
            self.as_user("tar", "-xzf", self.file("kit.tar.gz"))
        self.kit = os.path.basename(kit)

    def upload(self):
        """README.txt, 1 and 2."""
        shutil.move(self.home(f"{self.kit}/cgi-bin"), self.home(self.cgi_bin))
        shutil.move(self.home(f"{self.kit}/maintenance-warden"), self.home(self.state))
        with open(self.home(f"{self.kit}/web-root/.htaccess"), encoding="utf-8") as f:
            self.web(".htaccess", f.read() + (WORDPRESS.format(base="/") if self.front else ""))
        os.chmod(self.home(self.cgi_bin + "/maintenance-warden.cgi"), 0o755)
        if os.path.dirname(self.cgi_bin) == os.path.dirname(self.state):
            self.change(self.cgi_bin + "/warden.ini", "\nstate_dir = ../../maintenance-warden\n", "\n")
            self.change(self.cgi_bin + "/warden.ini", ";state_dir = ../m", "state_dir = ../m")
        self.change(self.cgi_bin + "/warden.ini", "contact = webmaster@example.com", f"contact = {MARK}@site.example")

    # --- Apache ---

    def cgi_conf(self):
        return CGI_BIN.format(cgi=self.home(self.cgi_bin), options=self.options)

    def start(self):
        modules = "\n".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in self.modules)
        user = "User www-data\nGroup www-data" if self.drops_root else ""
        more = self.cgi_conf() + (f"ScriptSock {self.file('tmp')}/cgid\n" if "cgid" in self.modules else "")
        conf = CONF.format(path=self.path, port=self.port, modules=modules, user=user, php=self.start_php(),
                           root=self.document_root(), web=self.web("").rstrip("/"), options=self.options, more=more)
        # setsid: at its end prefork sends a signal to all of its process group
        process = self.spawn("apache-start", ["setsid", *self.as_www_data, program("apache2", "apache2"),
                                              "-DFOREGROUND", "-f", self.write("apache.conf", conf)])
        wait_until(lambda: port_open(self.port), "apache", process)

    def document_root(self):
        return self.web("").rstrip("/")

    def get(self, target, method="GET", headers=(("Accept", "text/html,*/*;q=0.8"),), body=b""):
        return request(self.port, target, method, headers, body, OUTSIDER)

    def flag(self, text=""):
        self.home(self.state + "/maintenance.flag", text)

    def unflag(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.home(self.state + "/maintenance.flag"))


class Inside(Host):
    name, says = "inside", "cgi-bin in the web root, mod_cgi, one .htaccess for the kit and a WordPress"
    modules = tuple({"mpm_event": "mpm_prefork", "cgid": "cgi"}.get(m, m) for m in Host.modules)
    options, cgi_bin, front = "SymLinksIfOwnerMatch", "public_html/cgi-bin", True


class Handler(Host):
    name, says = "handler", "no cgi-bin, .cgi runs in any folder; FTP shows the web root alone; unpacked without modes"
    options, cgi_bin, state = "FollowSymLinks ExecCGI", "public_html/cgi-bin", "public_html/maintenance-warden"
    ending = ".zip"

    def cgi_conf(self):
        return "AddHandler cgi-script .cgi\n"


class Drops(Handler):
    name, says, state, ending = "drops", "the environment that suEXEC leaves", "maintenance-warden", ".tar.gz"

    def upload(self):
        super().upload()
        os.rename(self.home(self.cgi_bin + "/maintenance-warden.cgi"), self.home(self.cgi_bin + "/the-program"))
        self.home(self.cgi_bin + "/maintenance-warden.cgi", f"""#!/bin/sh
for name in $(env | sed -n 's/^\\([A-Za-z0-9_]*\\)=.*/\\1/p'); do
	case $name in HTTP_* | SSL_* | {" | ".join(SUEXEC_KEEPS.split())}) ;; *) unset "$name" ;; esac
done
[ -z "$REDIRECT_REQUEST_METHOD$DOCUMENT_ARGS" ] && exec "${{0%/*}}/the-program"
""")
        os.chmod(self.home(self.cgi_bin + "/maintenance-warden.cgi"), 0o755)


class Suexec(Inside):
    name, says = "suexec", "Apache's suEXEC runs the program as the owner; only the owner may read INI and state"
    modules = Inside.modules + ("suexec",)
    needs_root = True

    def cgi_conf(self):
        if not os.path.exists("/usr/lib/apache2/suexec"):
            raise Missing("suexec is missing: apt-get install apache2-suexec-custom")
        whoami = self.home(self.cgi_bin + "/whoami.cgi",
                           "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; id -u; env\n")
        os.chmod(whoami, 0o755)
        os.chmod(self.home(self.cgi_bin + "/warden.ini"), 0o600)
        return super().cgi_conf() + f"SuexecUserGroup #{self.user.pw_uid} #{self.user.pw_gid}\n"


class Elsewhere(Host):
    name, says = "elsewhere", "the host's DocumentRoot is not the web root: the line marked (adapt)"

    def upload(self):
        super().upload()
        os.makedirs(self.file("empty"))
        old = "%{DOCUMENT_ROOT}/.."
        self.change("public_html/.htaccess", old, self.home("").rstrip("/"))

    def document_root(self):
        return self.file("empty")

    def cgi_conf(self):
        return super().cgi_conf() + f"Alias / {self.web('')}\n"


class Pageless(Host):
    name, says = "pageless", "neither CGI nor Options: README.txt, NO CGI"
    modules = tuple(m for m in Host.modules if m != "cgid") + ("headers",)
    options = "None"

    def upload(self):
        super().upload()
        self.change("public_html/.htaccess", "/cgi-bin/maintenance-warden.cgi", "/maintenance.html")
        with open(self.home(self.kit + "/README.txt"), encoding="utf-8") as f:
            line = re.search("^ *(Header .*)$", f.read(), re.M).group(1)
        self.change("public_html/.htaccess", "# END", line + "\n# END")
        self.web("maintenance.html", "Back soon.\n")
        for name in ("blog", "shop"):           # rewriting itself wants Options
            os.unlink(self.web(name + "/.htaccess"))

    def cgi_conf(self):
        return ""


# --- what is checked on each host ---

def check_off(checks, host):
    r = host.get("/page.txt")
    checks.that("off: a file", (r.status, r.body) == (200, b"SITE page.txt\n"), r)
    r = host.get("/file.bin", headers=[("Range", "bytes=100-199")])
    checks.that("off: a range", (r.status, r.body) == (206, FILE[100:200]), r)
    r = host.get("/page.txt", "HEAD")
    checks.that("off: HEAD", (r.status, r.body) == (200, b""), r)
    for target, script in (("/echo.php?a=1&b=%20c", "/echo.php"), ("/?x=1", "/index.php"),
                           ("/blog/2026/post?p=%2B", "/blog/index.php"), ("/shop/cart/7?x=1", "/shop/index.php")):
        r = host.get(target, "POST", body=UPLOAD)
        checks.that(f"off: 1 MB by POST to {target}", r.status == 200 and r.echo().get("sha1") == UPLOAD_SHA1 and
                    (r.echo()["method"], r.echo()["uri"], r.echo()["script"]) == ("POST", target, script), r.body)
    r = host.get("/own/none.txt")
    if host.front:
        checks.that("off: the site's own front controller", r.status == 200 and r.echo()["script"] == "/index.php", r)
    else:
        checks.that("off: a folder's own error page", r.status == 404 and b"OWN missing" in r.body, r)
    r = host.get("/shop/cart/")
    checks.that("off: a redirect of a folder's own rewriting", r.status == 301 and
                r.header("location").endswith("/shop/cart"), r)


def held(response, page=PAGE):
    return response.status == 503 and page in response.body and 0 < int(response.header("retry-after") or 0) <= 86400 \
        and "no-store" in response.header("cache-control") and b"SITE" not in response.body


def check_on(checks, host, how):
    for target in ("/", "/page.txt", "/none", "/echo.php?a=1", "/plain/deep/page.txt", "/blog/", "/blog/page.txt",
                   "/bare/page.txt", "/own/page.txt", "/own/none.txt",
                   "/blog/2026/post", "/shop/cart", "/blog/../page.txt", "//page.txt", "/%70age.txt",
                   "/cgi-bin/maintenance-warden.cgi", "/cgi-bin/maintenance-warden.cgi?x=1"):
        r = host.get(target)
        checks.that(f"on {how}: {target}", held(r) and "text/html" in r.header("content-type"), r)
    r = host.get("/cgi-bin/maintenance-warden.cgi/page.txt")
    checks.that(f"on {how}: a path below the program", r.status == 503 and b"SITE" not in r.body, r)
    for target in ("/echo.php", "/blog/form", "/shop/form"):
        r = host.get(target, "POST", body=UPLOAD)
        checks.that(f"on {how}: 1 MB by POST to {target}", held(r), r)
    r = host.get("/page.txt", "HEAD")
    checks.that(f"on {how}: HEAD", r.status == 503 and r.body == b"" and r.header("retry-after") != "", r)
    r = host.get("/api", headers=[("Accept", "application/json")])
    checks.that(f"on {how}: JSON", r.status == 503 and "json" in r.header("content-type") and r.echo() != {}, r)
    r = host.get("/shop/cart/")
    checks.that(f"on {how}: a redirect of a folder's own rewriting, which leads to what is held", r.status == 301 and
                b"SITE" not in r.body and held(host.get("/shop/cart")), r)
    r = host.get("/robots.txt")
    checks.that(f"on {how}: an open path", (r.status, r.body) == (200, b"SITE robots.txt\n"), r)
    if host.front:
        r = host.get("/health")
        checks.that(f"on {how}: an open path of the front controller", r.status == 200 and r.echo().get("uri") ==
                    "/health", r)
    r = host.get("/.maintenance/status")
    checks.that(f"on {how}: the state as JSON", r.status == 200 and b'"on"' in r.body, r)


def check_flags(checks, host):
    host.flag()
    check_on(checks, host, "by create")
    host.unflag()
    off, on = (host.home(f"{host.state}/maintenance.flag{e}") for e in (".off", ""))
    r = host.get("/page.txt")
    checks.that("off by delete", r.status == 200, r)
    os.utime(off, (1000000000, 1000000000))     # FTP keeps old times
    os.rename(off, on)
    r = host.get("/page.txt")
    checks.that("on by rename", held(r), r)
    os.rename(on, off)
    checks.that("off by rename", host.get("/page.txt").status == 200)
    host.flag(f"until = 2099-12-15 04:00\nmessage = The {MARK} is moving.\n")
    r = host.get("/page.txt")
    checks.that("the flag's words are on the page", r.status == 503 and f"The {MARK} is moving.".encode() in r.body and
                b"2099" in r.body, r)
    host.unflag()


def check_tickets(checks, host):
    ticket = f"{host.state}/tickets/any/{TICKET}"
    cookie = [("Cookie", f"a=b; maintenance_ticket={TICKET}; c=d")]
    host.flag()
    link = f"/blog/form?a=1&maintenance_ticket={TICKET}"
    checks.that("no ticket: the link", held(host.get(link)))
    checks.that("no ticket: the cookie", held(host.get("/echo.php", headers=cookie)))
    shutil.copy(host.home(f"{host.state}/tickets/any/example.off"), host.home(ticket))
    host.own("home/" + ticket)
    r = host.get(link)
    checks.that("the link sets the cookie", r.status == 303 and r.header("location") == "/blog/form?a=1" and
                r.header("set-cookie").startswith(f"maintenance_ticket={TICKET};"), r)
    for target in ("/echo.php?a=1", "/blog/form", "/shop/form"):
        r = host.get(target, "POST", cookie, UPLOAD)
        checks.that(f"ticket: 1 MB by POST to {target}", r.status == 200 and r.echo().get("sha1") == UPLOAD_SHA1, r)
    r = host.get("/", headers=cookie)
    checks.that("ticket: the site", r.status == 200 and b"SITE" in r.body, r)
    for name, value in (("another", TICKET[::-1]), ("the example", "example.off"), ("a path", "../../maintenance.flag"),
                        ("none", "")):
        r = host.get("/echo.php", headers=[("Cookie", f"maintenance_ticket={value}")])
        checks.that(f"ticket: {name} is held", held(r), r)
    host.home(f"{host.state}/bypass.off", "")
    checks.that("bypass.off suspends it", held(host.get("/echo.php", headers=cookie)))
    os.unlink(host.home(f"{host.state}/bypass.off"))
    os.unlink(host.home(ticket))
    checks.that("deleted, it is over", held(host.get("/echo.php", headers=cookie)))
    host.unflag()


def spellings(path):
    folder, _, name = path.rpartition("/")
    return (path, "/" + path, path.replace("/", "//"), path + "/", path + "/x", path + "?x", path.upper(),
            f"{folder}/{name.capitalize()}", f"{folder}/%{ord(name[0]):02x}{name[1:]}", path.replace(".", "%2e"),
            f"{folder}/./{name}", f"/blog/..{path}", f"/blog/%2e%2e{path}", f"{folder}%2f{name}", path + "%00",
            f"/page.txt/..{path}", f"{folder}/../{folder.rpartition('/')[2]}/{name}", path + "~", path + ".")


def check_secrecy(checks, host, how):
    """By no spelling.  500: a cgi-bin runs whatever is in it, and an INI is no program."""
    signs = (b"state_dir", b"until =", b"RewriteRule")
    names = ["/cgi-bin/warden.ini", "/.htaccess"]
    names += [f"/maintenance-warden/{n}" for n in ("maintenance.flag", "maintenance.flag.off", ".htaccess",
                                                   f"tickets/any/{TICKET}", "tickets/any/example.off", "tickets/any")]
    for target in [t for n in names for t in spellings(n)] + ["/maintenance-warden/", "/maintenance-warden"]:
        r = host.get(target)
        if r.status == 301:             # a folder's missing slash
            r = host.get(re.sub(r"^http://[^/]*", "", r.header("location")))
        from_site = host.front and r.echo().get("from") == "SITE"       # there is no such file: its front controller
        fine = not any(s in r.body for s in signs) and (from_site or r.status in (400, 403, 404, 500, 503))
        checks.that(f"{how}: nobody reads {target}", fine, r)


def check_state_is_secret(checks, host):
    host.home(f"{host.state}/tickets/any/{TICKET}", "until = 2037-12-31 23:59Z\n")
    check_secrecy(checks, host, "off")
    host.flag("until = 2099-12-15 04:00\n")
    check_secrecy(checks, host, "on")
    host.unflag()
    os.unlink(host.home(f"{host.state}/tickets/any/{TICKET}"))


def check_gone(checks, host):
    """Whatever becomes of the program: off, the site is whole; on, it is held."""
    path = host.home(host.cgi_bin + "/maintenance-warden.cgi")
    with open(path, "rb") as f:
        whole = f.read()
    states = {"not executable": lambda: os.chmod(path, 0o644), "gone": lambda: os.unlink(path)}
    for how, text in (("ending badly", "#!/bin/sh\nexit 1\n"), ("killed by a signal", "#!/bin/sh\nkill -SEGV $$\n"),
                      ("no program", "nonsense")):
        def replace(text=text):
            host.home(host.cgi_bin + "/maintenance-warden.cgi", text)
            os.chmod(path, 0o755)
        states[how] = replace
    for how, change in states.items():
        change()
        r = host.get("/echo.php", "POST", body=UPLOAD)
        checks.that(f"program {how}, off: the site", r.status == 200 and r.echo().get("sha1") == UPLOAD_SHA1, r)
        host.flag()
        for target in ("/page.txt", "/blog/post", "/shop/cart"):
            r = host.get(target)
            checks.that(f"program {how}, on: Apache's 503 for {target}", r.status == 503 and b"SITE" not in r.body, r)
        host.unflag()
    host.home(host.cgi_bin + "/maintenance-warden.cgi", whole)
    os.chmod(path, 0o755)


def check_broken_ini(checks, host):
    ini = host.home(host.cgi_bin + "/warden.ini")
    with open(ini) as f:
        text = f.read()
    host.flag()
    for how, wrong in (("with a key that is none", text + "\nmesage = x\n"), ("that is none", b"\0\1\377")):
        host.home(host.cgi_bin + "/warden.ini", wrong)
        checks.that(f"INI {how}: the built-in 503", held(host.get("/page.txt"), BUILT_IN), host.get("/page.txt"))
    os.unlink(ini)
    checks.that("INI gone: the built-in 503", held(host.get("/page.txt"), BUILT_IN), host.get("/page.txt"))
    host.home(host.cgi_bin + "/warden.ini", text)
    host.change(host.cgi_bin + "/warden.ini", ";page = page.html", "page = page.html")
    r = host.get("/page.txt")
    checks.that("a page of one's own", held(r) and b"15vh" in r.body, r)
    host.home(host.cgi_bin + "/warden.ini", text)
    host.unflag()


def check_unwritable(checks, host):
    """Neither the web root nor the state is written to."""
    subprocess.run(["chmod", "-R", "a-w", host.web(""), host.home(host.state)], check=True)
    if os.geteuid() == 0 and not host.needs_root:       # suEXEC wants the owner's
        subprocess.run(["chown", "-R", "root:root", host.web(""), host.home(host.state)], check=True)
    r = host.get("/page.txt")
    checks.that("nothing writable, off", r.status == 200, r)
    subprocess.run(["chmod", "u+w", host.home(host.state)], check=True)
    host.flag()
    subprocess.run(["chmod", "a-w", host.home(host.state)], check=True)
    r = host.get("/page.txt")
    checks.that("nothing writable, on", held(r), r)
    subprocess.run(["chmod", "-R", "u+w", host.web(""), host.home(host.state)], check=True)
    host.own("home")
    host.unflag()


def check_suexec(checks, host):
    if not isinstance(host, Suexec):
        return
    r = host.get("/cgi-bin/whoami.cgi")
    checks.that("programs run as their owner", r.status == 200 and r.body.split()[:1] == [b"%d" % host.user.pw_uid], r)


def check_pageless(checks, host):
    r = host.get("/echo.php", "POST", body=UPLOAD)
    checks.that("off: 1 MB by POST", r.status == 200 and r.echo().get("sha1") == UPLOAD_SHA1 and
                r.header("retry-after") == "", r)
    host.flag()
    for target, method in (("/page.txt", "GET"), ("/", "GET"), ("/echo.php", "POST"), ("/none", "GET")):
        r = host.get(target, method)
        checks.that(f"on: {method} {target}", (r.status, r.body, r.header("retry-after")) ==
                    (503, b"Back soon.\n", "3600"), r)
    host.unflag()


def is_static(binary):
    """An ELF program (of 64 bits) that names no interpreter to load libraries."""
    start, size, count = struct.unpack_from("<Q14xHH", binary, 32)
    kinds = [struct.unpack_from("<I", binary, start + size * i)[0] for i in range(count)]
    return binary[:5] == b"\x7fELF\2" and 1 in kinds and 3 not in kinds


def check_archive(checks, kit):
    """Both archives hold the same, in order, with one time; made again, they are the same."""
    checks.way = "archive"
    with tarfile.open(kit + ".tar.gz") as tar:
        members = tar.getmembers()
        in_tar = {m.name: (m.mode, m.isdir() or tar.extractfile(m).read()) for m in members}
    with zipfile.ZipFile(kit + ".zip") as archive:
        in_zip = {i.filename.rstrip("/"): (i.external_attr >> 16 & 0o7777, i.is_dir() or archive.read(i))
                  for i in archive.infolist()}
    top = os.path.basename(kit)
    checks.that("both hold the same", in_tar == in_zip, set(in_tar) ^ set(in_zip))
    checks.that("one folder, sorted, one time, no owner", [m.name for m in members] == sorted(in_tar) and
                len({m.mtime for m in members}) == 1 and {(m.uid, m.gid, m.uname) for m in members} == {(0, 0, "")} and
                all(n == top or n.startswith(top + "/") for n in in_tar), members)
    for name in ("cgi-bin/maintenance-warden.cgi", "cgi-bin/warden.ini", "cgi-bin/page.html", "web-root/.htaccess",
                 "README.txt", "maintenance-warden/maintenance.flag.off", "maintenance-warden/tickets/any/example.off"):
        checks.that(f"has {name}", f"{top}/{name}" in in_tar)
    mode, binary = in_tar[f"{top}/cgi-bin/maintenance-warden.cgi"]
    checks.that("the program may be run and needs no library", mode == 0o755 and is_static(binary))
    texts = b"".join(c for n, (_, c) in in_tar.items() if isinstance(c, bytes) and not n.endswith(".cgi"))
    checks.that("no word is left to fill in", not re.search(rb"@[A-Z]+@", texts))
    readme = in_tar[f"{top}/README.txt"][1].decode()
    checks.that("README.txt is one page", readme.count("\n") <= 60 and max(map(len, readme.split("\n"))) <= 80)
    checks.that("no ticket is in it", not any(re.search("/[0-9a-f]{32}$", n) for n in in_tar))


def check_again(checks, build, kit):
    checks.way = "archive"
    first = [open(kit + e, "rb").read() for e in (".tar.gz", ".zip")]
    for ending in (".tar.gz", ".zip"):
        os.unlink(kit + ending)
    make_kit(build)
    checks.that("made again it is the same", first == [open(kit + e, "rb").read() for e in (".tar.gz", ".zip")])


CHECKS = (check_suexec, check_off, check_flags, check_tickets, check_state_is_secret, check_gone, check_broken_ini,
          check_unwritable)
HOSTS = (Host, Inside, Handler, Drops, Suexec, Elsewhere, Pageless)


def run_host(checks, kind, kit):
    checks.way, before = kind.name, checks.failed
    if checks.verbose:
        print(f"{kind.name}: {kind.says}")
    host = kind(kit)
    try:
        if kind.needs_root and not host.drops_root:
            print(f"left out: {kind.name}: needs root, and folders that others may enter")
            return
        host.start()
        for test in (check_pageless,) if kind is Pageless else CHECKS:
            test(checks, host)
    except (Missing, RuntimeError, OSError, subprocess.SubprocessError) as error:
        checks.that("runs", False, repr(error))
    finally:
        tail = host.log_tail()
        host.close()
        if checks.failed > before:
            print(tail)


def make_kit(build):
    """Its path without .tar.gz."""
    made = subprocess.run(["make", "-s", "-C", build, "shared-host-kit"], stdout=subprocess.PIPE, text=True, check=True)
    return os.path.join(build, made.stdout.split()[-1].removesuffix(".zip"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", help="the build folder, where the kit is made")
    parser.add_argument("--kit", help="a kit that is there: its path without .tar.gz")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("hosts", nargs="*", metavar="HOST")
    options = parser.parse_args()
    checks = Checks(options.verbose)
    kit = options.kit or make_kit(options.build)
    if not options.hosts:
        check_archive(checks, kit)
        options.kit or check_again(checks, options.build, kit)
    for kind in HOSTS:
        if options.hosts and kind.name not in options.hosts:
            continue
        try:
            run_host(checks, kind, kit)
        except (Missing, RuntimeError, OSError, subprocess.SubprocessError) as error:
            checks.that("runs", False, repr(error))
    print(f"kit: {checks.passed} passed, {checks.failed} failed")
    return checks.failed > 0 or checks.passed == 0


if __name__ == "__main__":
    sys.exit(main())
