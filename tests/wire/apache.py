# SPDX-License-Identifier: MIT
"""Apache: native gate in the server's configuration, and .htaccess with a CGI."""
import contextlib
import hashlib
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import parity
from failover import check_dead_application, is_page
from harness import (ALLOWED, OUTSIDER, SECRET, SITE, UPLOAD, Folder, free_port, parse_response, port_open, program,
                     receive,
                     request, upgrade, wait_until)
from table import AS_ANNA, TICKET, check_site, held

MODULES = "/usr/lib/apache2/modules"
BASE = """
ServerRoot {path}
PidFile {path}/apache.pid
Listen 127.0.0.1:{port}
ServerName site.example
ErrorLog {path}/log/apache
LogLevel warn
Mutex file:{path}/tmp default
# Apache's own 404 would hide whether the gate holds
AllowEncodedSlashes On
{modules}
{user}
DocumentRoot {path}/www
<Directory {path}/www>
  Require all granted
  Options FollowSymLinks
  AllowOverride FileInfo
</Directory>
DirectoryIndex index.html
{gate}
"""
APPLICATIONS = """
<FilesMatch "\\.php$">
  SetHandler "proxy:unix:{php}|fcgi://localhost"
</FilesMatch>
ProxyPass "/up/" "http://127.0.0.1:{echo}/up/" upgrade=websocket
"""

class Way:
    webhooks = ("/api/webhooks/echo.php",)
    open_paths = ("/health", "/robots.txt")
    checks = ()
    asks = False                # the headers are Apache's to judge
    dot_paths = True
    modules = ("mpm_event", "authz_core", "rewrite", "proxy", "proxy_http", "proxy_fcgi", "dir")

    def __init__(self, folder: Folder):
        self.folder, self.port = folder, free_port()
        binary = program("apache2", "apache2")
        modules = "\n".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in self.modules)
        user = "User www-data\nGroup www-data" if folder.drops_root else ""
        conf = BASE.format(path=folder.path, port=self.port, modules=modules, user=user, gate=self.gate())
        self.process = folder.spawn("apache-start", [*folder.as_www_data, binary, "-DFOREGROUND", "-f",
                                                folder.write("apache.conf", conf)])
        wait_until(lambda: port_open(self.port), "apache", self.process)

    def without_users(self):
        """Of verified users a native gate knows nothing, and wardenctl refuses the INI that names some."""
        text = open(self.folder.file("warden.ini")).read()
        self.folder.write("warden.ini", text.replace("bypass_user = anna\n", ""))

    def write_own_rewriting(self):
        """The site's, behind the gate: pretty names, an index, and an error page."""
        os.makedirs(self.folder.file("www/api/webhooks/folder"))
        self.folder.write("www/api/webhooks/folder/index.html", "SITE index\n")
        self.folder.write("www/404.html", "SITE 404\n")
        start = "" if isinstance(self, Htaccess) else "/"
        return f"""
RewriteEngine On
RewriteRule ^{start}api/webhooks/pretty$ /echo.php [PT]
RewriteRule ^{start}pretty$ /api/webhooks/echo.php [PT]
ErrorDocument 404 /404.html
"""

    def site(self):
        return APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo())


def raw(way, lines):
    """A request, line by line as it is given."""
    with socket.create_connection(("127.0.0.1", way.port), 20) as s:
        s.sendall("".join(line + "\r\n" for line in [*lines, "Connection: close", ""]).encode("latin-1"))
        return parse_response(receive(s))


def check_again(checks, way):
    """What the site asks for again, under another name, is judged once; what it was not asked for is not let in."""
    r = request(way.port, "/api/webhooks/pretty", method="POST", body=b"x")
    checks.that("open: a path that the site rewrites", r.echo().get("length") == 1, r)
    r = request(way.port, "/api/webhooks/folder/")
    checks.that("open: a folder's index", r.status == 200 and SITE in r.body, r)
    r = request(way.port, "/pretty")
    checks.that("held: a path that the site rewrites to an open one", r.status == 503 and SITE not in r.body, r)
    r = request(way.port, "/pretty", source=ALLOWED)
    checks.that("by address: a path that the site rewrites", r.echo().get("method") == "GET", r)
    r = request(way.port, "/api/webhooks/no-such-file")
    checks.that("open: the site's own 404", r.status == 404 and SITE in r.body, r)
    r = request(way.port, "/no-such-file", source=ALLOWED)
    checks.that("by address: the site's own 404", r.status == 404 and SITE in r.body, r)
    r = request(way.port, "/no-such-file")
    checks.that("held: what has an error page of the site", r.status == 503 and SITE not in r.body, r)


def check_targets(checks, way):
    """The target in absolute form is the same target; one without a path belongs nowhere."""
    for target, status in (("http://site.example/health", 200), ("HTTP://site.example/health", 200),
                           ("http://site.example/admin.txt", 503), ("http://site.example//health", 503),
                           ("http://site.example", 503), ("http://site.example?/health", 503),
                           ("http://site.example/.maintenance/status", 200), ("/..", 503), ("/health/.", 503)):
        r = raw(way, [f"GET {target} HTTP/1.1", "Host: site.example"])
        checks.that(f"held: GET {target}: {status}", r.status in (status, 400 if status == 503 else 0), r)
        checks.that(f"held: GET {target}: never another page", r.status == 200 or SITE not in r.body, r)


class Native(Way):
    name = "apache-native"
    kind = "apache"
    applications = ("/echo.php", "/up/echo")
    checks = (check_again, check_targets)
    gone_off, gone_on = 200, 503

    def gate(self):
        self.without_users()
        self.folder.start_gateway()
        return self.folder.made(self.kind)["maintenance-warden.conf"] + self.write_own_rewriting() + self.site()

    def kill_gateway(self):
        self.folder.stop(self.folder.gateway)


def check_folder(checks, way):
    """A folder with rewriting of its own must not lose the gate."""
    r = request(way.port, "/sub/page")
    checks.that("held: a folder with its own rewriting", r.status == 503, r)


class Htaccess(Way):
    name = "apache-htaccess"
    kind = "htaccess"
    applications = ("/echo.php",)
    modules = Way.modules + ("cgid", "alias")
    checks = (check_folder, check_again, check_targets)
    gone_off, gone_on = 200, 503

    def gate(self):
        folder = self.folder
        self.without_users()
        shutil.copy(folder.gateway_binary, folder.file("cgi-bin/maintenance-warden.cgi"))
        folder.write("cgi-bin/warden.ini", open(folder.file("warden.ini")).read())
        folder.write("www/.htaccess", folder.made(self.kind)[".htaccess"] + self.write_own_rewriting())
        folder.write("www/sub/.htaccess", "RewriteEngine On\nRewriteRule ^page$ /other.txt [L]\n")
        return self.site() + f"""
ScriptSock {folder.file("tmp")}/cgid
ScriptAlias /cgi-bin/ {folder.file("cgi-bin")}/
<Directory {folder.file("cgi-bin")}>
  Require all granted
</Directory>
"""

    def kill_gateway(self):
        os.unlink(self.folder.file("cgi-bin/maintenance-warden.cgi"))


FRONT_CONTROLLER = """
RewriteEngine On
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.html [L]
"""


class HtaccessInside(Htaccess):
    """The program below the web root of a site that takes what is not there for a page of its own."""
    name = "apache-htaccess-inside"
    kind = None

    def gate(self):
        folder = self.folder
        self.without_users()
        os.makedirs(folder.file("www/cgi-bin"))
        shutil.copy(folder.gateway_binary, folder.file("www/cgi-bin/maintenance-warden.cgi"))
        folder.write("www/cgi-bin/warden.ini", open(folder.file("warden.ini")).read())
        folder.write("www/.htaccess", folder.made("htaccess")[".htaccess"] + FRONT_CONTROLLER)
        return f"""
ScriptSock {folder.file("tmp")}/cgid
<Directory {folder.file("www/cgi-bin")}>
  Options +ExecCGI
  SetHandler cgi-script
</Directory>
"""

    def run(self, checks):
        for when, gone in (("there", False), ("gone", True)):
            if gone:
                os.unlink(self.folder.file("www/cgi-bin/maintenance-warden.cgi"))
            r = request(self.port, "/no/such/page")
            checks.that(f"program {when}, off: the front controller", r.status == 200 and SITE in r.body, r)
            self.folder.touch()
            for target in ("/no/such/page", "/admin.txt", "/"):
                r = request(self.port, target)
                checks.that(f"program {when}, on: {target} is held", r.status == 503 and SITE not in r.body and
                            r.header("x-maintenance").startswith("active") is not gone, r)
            self.folder.remove()


HOSTS = """[site]
[site.shop]
host = shop.example
[site.rest]
default = yes
"""


class Texts(Native):
    """Names, secrets and networks that mod_rewrite could read as something else; and hosts that two could read."""
    name = "apache-texts"
    kind = None
    secret = "it's \"16\" bytes % \\ ${PATH} %1 $1 [x] (y)|*.+?^"
    places = ("/a b/", "/q\"uo'te.txt", "/re(g)+[x]^$.|d/", "/${PATH}/$1", "/\u00fc/")

    def gate(self):
        folder = self.folder
        folder.write("secret", self.secret + "\n")
        folder.write("places", "\n".join(self.places) + "\n")
        self.state = folder.file("st $ate %1 {x} ${PATH}'")
        os.makedirs(self.state + "/tickets/any")
        folder.write("warden.ini",
                     f"[gateway]\nlisten = {folder.socket}\nsocket_mode = 0666\nstate_dir = {self.state}\n"
                     "[site]\nbypass_secret_file = secret\nopen_path_file = places\n"
                     "bypass_address = ::ffff:127.0.9.0/120, ::/0, 2001:db8::/32, 127.0.8.7\n")
        folder.start_gateway()
        return folder.made("apache")["maintenance-warden.conf"]

    def run(self, checks):
        for place in self.places:
            file = place + ("x.txt" if place.endswith("/") else "")
            os.makedirs(os.path.dirname(self.folder.file("www" + file)), exist_ok=True)
            self.folder.write("www" + file, "SITE\n")
        self.folder.touch(os.path.relpath(self.state, self.folder.file("state")) + "/maintenance.flag")
        r = request(self.port, "/admin.txt")
        checks.that("held", r.status == 503 and SITE not in r.body, r)
        r = request(self.port, "/admin.txt", headers=[("X-Maintenance-Bypass", self.secret)])
        checks.that("the secret", r.status == 200, r)
        r = request(self.port, "/admin.txt", headers=[("X-Maintenance-Bypass", self.secret.replace(".", "x"))])
        checks.that("a secret that would match as an expression", r.status == 503, r)
        for place in self.places:
            target = urllib.parse.quote(place + ("x.txt" if place.endswith("/") else ""))
            r = request(self.port, target)
            checks.that(f"open: {place}", r.status == 200 and SITE in r.body, r)
        for target in ("/reg/x.txt", "/re(g)+[x]%5E$yx", "/ab/x.txt", "/usr/bin:/bin/"):
            checks.that(f"held: {target}", held(request(self.port, target)), target)
        for source, passes in (("127.0.9.1", True), ("127.0.8.7", True), ("127.0.8.8", False), ("127.0.0.1", False)):
            r = request(self.port, "/admin.txt", source=source)
            checks.that(f"from {source}: {passes}", (r.status == 200) is passes, r)
        with open(f"{self.state}/tickets/any/{TICKET}", "w"):
            pass
        known, unknown = f"maintenance_ticket={TICKET}", f"maintenance_ticket={TICKET[::-1]}"
        for cookie, status in ((known, 200), (unknown, 503), (f"{known}; {unknown}", 200), (f"{unknown}; {known}", 200),
                               (f"{unknown}, {known}", 200), (f"maintenance_ticket=x; {known}", 200),
                               (f"x{known}", 503)):
            r = request(self.port, "/admin.txt", headers=[("Cookie", cookie)])
            checks.that(f"Cookie: {cookie}: {status}", r.status == status, r)
        with open(f"{self.state}/bypass.off", "w"):
            pass
        r = request(self.port, "/admin.txt", headers=[("X-Maintenance-Bypass", self.secret)])
        checks.that("bypass.off", r.status == 503, r)


class Hosts(Native):
    """A host that two could read differently belongs to every site; a site that is always on or never needs no flag."""
    name = "apache-hosts"
    kind = None

    def gate(self):
        self.folder.write_policy(HOSTS)
        self.folder.start_gateway()
        override = "ProxyErrorOverride On\nErrorDocument 503 /other.txt\n"     # of the site: it means its applications
        return override + self.folder.made("apache")["maintenance-warden.conf"]

    def run(self, checks):
        self.folder.touch("flags/shop.flag")
        for host, status in (("site.example", 200), ("shop.example", 503), ("SHOP.example.:80", 503), ("[::1]", 200),
                             ("shop.example..", 503), ("a b", 503), ("x,shop.example", 503), ("shop.example/x", 503)):
            r = request(self.port, "/admin.txt", host=host)
            checks.that(f"{host}: {status}", r.status in (status, 400 if status == 503 else 200), r)
        r = raw(self, ["GET /admin.txt HTTP/1.1", "Host: site.example", "Host: shop.example"])
        checks.that("two hosts", held(r), r)
        r = raw(self, ["GET /admin.txt HTTP/1.0"])
        checks.that("no host: every site's", held(r), r)
        r = raw(self, ["GET http://shop.example/admin.txt HTTP/1.1", "Host: site.example"])
        checks.that("another host in the target", held(r), r)
        r = request(self.port, "/admin.txt", host="shop.example")
        checks.that("the page is the gateway's, once", r.header("retry-after").isdigit() and SITE not in r.body, r)
        self.folder.remove("flags/shop.flag")
        self.folder.touch("flags/rest.flag")
        r = request(self.port, "/admin.txt")
        checks.that("the default site's flag", r.status == 503, r)
        r = request(self.port, "/admin.txt", host="shop.example")
        checks.that("not the shop's", r.status == 200, r)
        self.check_refusals(checks)

    def check_refusals(self, checks):
        """What mod_rewrite cannot judge is named, and nothing is printed."""
        digest = "sha256:" + "ab" * 32
        for line, word in ((f"bypass_secret = {digest}", "bypass_secret"), ("bypass_user = anna", "bypass_user"),
                           ("share = 10", "share"), ("cors_origins = https://a.example", "cors_origins"),
                           ("enabled_from = parameter", "enabled_from")):
            for kind in ("apache", "htaccess"):
                done = refused(self.folder, f"[site]\n{line}\n", kind)
                checks.that(f"{kind} refuses {word}", done.returncode == 1 and done.stdout == "" and
                            f"[site] {word}: {kind} cannot" in done.stderr, done)
        done = refused(self.folder, "[site]\n[window.x]\nstart = 2090-01-01 02:00\n", "htaccess")
        checks.that("htaccess refuses windows", done.returncode == 1 and "nothing writes its flag" in done.stderr, done)
        done = refused(self.folder, "[site]\n[site.x]\npath = /x/\nflag = a\"b\n", "apache")
        checks.that("apache refuses a quotation mark", done.returncode == 1 and "quotation mark" in done.stderr, done)
        done = refused(self.folder, "[site]\n", "htaccess", "--cgi", "/cgi bin/x")
        checks.that("htaccess refuses a blank in --cgi", done.returncode == 1 and "--cgi" in done.stderr, done)


def refused(folder, policy, *words):
    """What `wardenctl snippet` says to a policy."""
    folder.write_policy(policy)
    return subprocess.run([folder.wardenctl, "-c", folder.file("warden.ini"), "snippet", *words], capture_output=True,
                          text=True, timeout=15)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(child) for child in f.read().split()]


class RewriteMap(Native):
    name = kind = snippet = "apache-rewrite-map"
    asks = True

    def gate(self):
        folder = self.folder
        if folder.drops_root:
            text = open(folder.file("warden.ini")).read()
            folder.write("warden.ini", text.replace("[gateway]", "[gateway]\nuser = www-data"))
        folder.start_gateway()
        made = folder.made(self.snippet)["maintenance-warden.conf"]
        installed = os.path.join(os.path.dirname(folder.wardenctl), "maintenance-warden")
        assert installed in made
        return made.replace(installed, folder.gateway_binary) + self.write_own_rewriting() + self.site()

    def kill_gateway(self):
        """The map's programs too: what says nothing lets nobody pass."""
        super().kill_gateway()
        for pid in children(self.process.pid):
            with open(f"/proc/{pid}/cmdline") as f:
                if "--rewrite-map" in f.read():
                    os.kill(pid, signal.SIGKILL)


class Certificates(RewriteMap):
    """bypass_user by a verified client certificate; its name alone, without the verification, lets nobody in."""
    name = "apache-certificates"
    kind = None
    modules = Way.modules + ("ssl",)

    def certificate(self, name, issuer=None):
        """A key and a certificate for `name`, of `issuer`, or of its own."""
        signed = ["-CA", self.folder.file(f"{issuer}.pem"), "-CAkey",
                  self.folder.file(f"{issuer}.key")] if issuer else []
        key, pem, csr = (self.folder.file(f"{name}.{what}") for what in ("key", "pem", "csr"))
        common = name.split("-")[0]
        run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)
        if issuer is None:
            run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-subj", f"/CN={common}")
        else:
            run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr, "-subj", f"/CN={common}")
            run("x509", "-req", "-in", csr, *signed, "-CAcreateserial", "-out", pem)
        os.chmod(key, 0o644)

    def gate(self):
        folder = self.folder
        for name, issuer in (("ca", None), ("server", "ca"), ("anna", "ca"), ("bert", "ca"), ("anna-forged", None)):
            self.certificate(name, issuer)
        folder.write_policy("[site]\nbypass_user = anna\n")
        return super().gate() + f"""
SSLEngine On
SSLCertificateFile {folder.file("server.pem")}
SSLCertificateKeyFile {folder.file("server.key")}
SSLCACertificateFile {folder.file("ca.pem")}
SSLVerifyClient optional_no_ca
SSLSessionCache none
"""

    def ask(self, name):
        context = ssl.create_default_context(cafile=self.folder.file("ca.pem"))
        context.check_hostname = False
        if name:
            context.load_cert_chain(self.folder.file(f"{name}.pem"), self.folder.file(f"{name}.key"))
        with socket.create_connection(("127.0.0.1", self.port), 20) as plain, context.wrap_socket(plain) as s:
            s.sendall(b"GET /admin.txt HTTP/1.1\r\nHost: site.example\r\nSSL-CLIENT-VERIFY: SUCCESS\r\n"
                      b"WARDEN-USER: anna\r\nConnection: close\r\n\r\n")
            return parse_response(receive(s))

    def run(self, checks):
        for name in (None, "anna", "bert", "anna-forged"):
            checks.that(f"off, {name}: 200", self.ask(name).status == 200)
        self.folder.touch()
        for name, status in ((None, 503), ("anna", 200), ("bert", 503), ("anna-forged", 503)):
            r = self.ask(name)
            checks.that(f"on, {name}: {status}", r.status == status, r)


MAP_POLICY = f"""[site]
bypass_address = {ALLOWED}/32
bypass_secret = sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}
cors_origins = https://a.example
open_path = /api/
"""


def escaped(text):
    """As mod_rewrite's int:escape."""
    return urllib.parse.quote(text, safe="$-_.+!*'(),:@&=/~", encoding="latin-1")


def map_line(target="/x", source=OUTSIDER, method="GET", **fields):
    fields = {"REMOTE_ADDR": source, "THE_REQUEST": f"{method} {target} HTTP/1.1", "HTTP_HOST": "site.example",
              **fields}
    return " ".join(f"{name}={escaped(value)}" for name, value in fields.items()).encode() + b"\n"


# Each line, and what it must be answered.
MAP_LINES = [
    (map_line(), b"hold"), (map_line(source=ALLOWED), b"pass"), (map_line("/health"), b"pass"),
    (map_line("/health/../x"), b"hold"), (map_line("/health%0a"), b"hold"),
    (map_line("/api/x", method="POST"), b"pass"),
    (map_line("/api/%2e%2e/x"), b"hold"), (map_line("/.maintenance/status"), b"pass"),
    (map_line(HTTP_X_MAINTENANCE_BYPASS=SECRET), b"pass"), (map_line(HTTP_X_MAINTENANCE_BYPASS=""), b"hold"),
    (map_line(HTTP_X_MAINTENANCE_BYPASS=f"{SECRET}, x"), b"hold"),
    (map_line(method="OPTIONS", HTTP_ORIGIN="https://a.example", HTTP_ACCESS_CONTROL_REQUEST_METHOD="PUT"), b"pass"),
    (map_line(method="OPTIONS", HTTP_ORIGIN="https://b.example", HTTP_ACCESS_CONTROL_REQUEST_METHOD="PUT"), b"hold"),
    (map_line("http://site.example/health"), b"pass"),
    (map_line("/health", HTTP_HOST="a|b${warden:x}%{HTTP_HOST}}"), b"pass"),
    (map_line(HTTP_COOKIE="a\nREMOTE_ADDR=" + ALLOWED), b"hold"), (map_line(HTTP_COOKIE="x" * 20000), b"hold"),
    (map_line(source=ALLOWED).replace(b" ", b"  ", 1), b"unreadable"), (b"\n", b"unreadable"),
    (b"pass\n", b"unreadable"),
    (map_line(source=ALLOWED).replace(b"REMOTE_ADDR", b"remote_addr"), b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" REMOTE_ADDR=127.0.0.2\n", b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" REQUEST_URI=/health\n", b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" X=%zz\n", b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" X=%00\n", b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" X=%4\n", b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" X=\xff\n", b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" X=\0\n", b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" X\n", b"unreadable"), (map_line("", source=ALLOWED), b"unreadable"),
    (map_line("/a b", source=ALLOWED), b"unreadable"), (map_line(source=""), b"unreadable"),
    (map_line(source=ALLOWED, HTTP_COOKIE="y" * 300000), b"unreadable"),
    (map_line(source=ALLOWED).rstrip() + b" A=b" * 80 + b"\n", b"unreadable"),
]


class MapProgram:
    """The program behind the RewriteMap, asked directly: hostile lines, and a worker that is killed."""
    name = "apache-map-program"

    def __init__(self, folder):
        self.folder = folder
        folder.write_policy(MAP_POLICY)
        with open(folder.file("log/map"), "ab") as log:
            self.program = subprocess.Popen([folder.gateway_binary, "--rewrite-map", "-c", folder.file("warden.ini")],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        folder.processes.append(self.program)

    def ask(self, line):
        self.program.stdin.write(line)
        self.program.stdin.flush()
        return self.program.stdout.readline().rstrip(b"\n")

    def run(self, checks):
        checks.that("off: passes", self.ask(map_line()) == b"pass")
        self.folder.touch()
        for line, wanted in MAP_LINES:
            answer = self.ask(line)
            checks.that(f"{line[:90]!r}: {wanted}", answer == wanted, answer)
        self.check_hostile(checks)
        self.check_kills(checks)
        self.check_reload(checks)
        self.program.stdin.close()
        checks.that("it ends with its input", self.program.wait(10) == 0)
        self.folder.processes.remove(self.program)

    def check_hostile(self, checks):
        """20000 lines in one go: each is answered by one line, and only what may pass passes."""
        chance, lines, wanted = random.Random(5), [], []
        alphabet = [b"|", b"${", b"%0a", b"%00", b"%", b" ", b"=", b"\0", b"\xff", b"REMOTE_ADDR=127.0.0.2", b"/health",
                    b"\t",
                    b"THE_REQUEST=", b"GET%20/health%20HTTP/1.1", b"pass", b"HTTP_HOST=", b"a" * 500]
        for i in range(20000):
            if i % 10 == 0:
                line, word = chance.choice(MAP_LINES[:16])
            else:
                line = b"".join(chance.choice(alphabet) for _ in range(chance.randrange(20))) + b"\n"
                word = None
            lines.append(line)
            wanted.append(word)
        feeder = threading.Thread(target=lambda: (self.program.stdin.write(b"".join(lines)),
                                                  self.program.stdin.flush()))
        feeder.start()
        answers = [self.program.stdout.readline().rstrip(b"\n") for _ in lines]
        feeder.join()
        wrong = [(line, answer) for line, answer, word in zip(lines, answers, wanted)
                 if (answer != word if word else answer not in (b"hold", b"unreadable"))]
        checks.that("20000 lines, hostile ones among them", not wrong, wrong[:3])

    def check_kills(self, checks):
        """A worker that is killed, or stopped, costs a hold or two; never a wrong pass, and never the program."""
        wrong, held_back = 0, 0
        for i in range(400):
            if i % 20 == 7:
                for pid in children(self.program.pid):
                    os.kill(pid, signal.SIGKILL)
            line, wanted = MAP_LINES[i % 16]
            answer = self.ask(line)
            wrong += answer not in (wanted, b"hold")
            held_back += answer != wanted
        checks.that("killed 20 times: never a wrong word", wrong == 0, wrong)
        checks.that("killed 20 times: at most one request each is held back", held_back <= 20, held_back)
        os.kill(children(self.program.pid)[0], signal.SIGSTOP)
        start = time.monotonic()
        answer = self.ask(map_line(source=ALLOWED))
        checks.that("a worker that is silent: held within 3 seconds", answer == b"hold" and
                    time.monotonic() - start < 3,
                    answer)
        checks.that("... and the next one passes", self.ask(map_line(source=ALLOWED)) == b"pass")

    def check_reload(self, checks):
        """A new policy is in force a second later; a broken one changes nothing, until a worker has to load it."""
        self.folder.write_policy(MAP_POLICY.replace(f"{ALLOWED}/32", "127.0.0.99"))
        end = time.monotonic() + 10
        while self.ask(map_line(source=ALLOWED)) != b"hold" and time.monotonic() < end:
            time.sleep(0.1)
        checks.that("a new policy", self.ask(map_line(source="127.0.0.99")) == b"pass")
        self.folder.write_policy("[site]\nnonsense = 1\n")
        time.sleep(1.5)
        checks.that("a broken one: the old one stays", self.ask(map_line(source="127.0.0.99")) == b"pass")
        os.kill(children(self.program.pid)[0], signal.SIGKILL)
        for _ in range(3):
            checks.that("nothing to load: held", self.ask(map_line(source="127.0.0.99")) == b"hold")
        self.folder.write_policy(MAP_POLICY)
        end = time.monotonic() + 10
        while self.ask(map_line(source=ALLOWED)) != b"pass" and time.monotonic() < end:
            time.sleep(0.1)
        checks.that("mended", self.ask(map_line(source=ALLOWED)) == b"pass")


FORWARDED = """[site]
bypass_address = 127.0.9.9, 127.0.5.1, 2001:db8::/32, 198.51.100.0/24
"""
# From 127.0.0.1 and 127.0.5.0/24, which are trusted; or from elsewhere.
FORWARDED_VALUES = [
    "127.0.9.9", "127.0.9.8", "127.0.9.9:80", "127.0.9.9:65535", "127.0.9.9:65536", "127.0.9.9:", "127.0.9.9:x",
    " 127.0.9.9\t", "127.0.9.9,", ",127.0.9.9", ",127.0.5.1", "127.0.5.1", "127.0.5.1,127.0.5.1", "127.0.5.7",
    "127.0.9.9, 127.0.5.7",
    "127.0.9.9, 127.0.5.7, 127.0.5.8", "127.0.9.9, 192.0.2.1", "192.0.2.1, 127.0.9.9", "127.0.9.9, unknown", "unknown",
    "unknown, 127.0.9.9", "127.0.9.9, unknown, 127.0.5.7", "127.0.009.9", "0127.0.9.9", "127.9.9", "2130708745",
    "0x7f.0.9.9",
    "localhost", "_hidden", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "[2001:db8::1", "2001:db8::1]",
    "2001:DB8::1", "2001:db8:0:0:0:0:0:1", "2001:db8::1::", "2001:db8:::1", "2001:db8::12345", "2001:db8::g",
    "2001:db8::",
    "2001:db9::1", "2001:db8:1:2:3:4:5:6:7", "2001:db8:1:2:3:4:5", "::1", "::", "::ffff:127.0.9.9", "::ffff:7f00:909",
    "[::ffff:127.0.9.9]:80", "fe80::1%eth0", "127.0.9.9 127.0.9.9", "127.0.9.9;", "\"127.0.9.9\"", "198.51.100.7",
    "198.51.100.256", "198.51.100.7, 127.0.5.1", "198.51.100.7, 127.0.5.1, 127.0.5.2, 127.0.5.3, 127.0.5.4",
    "198.51.100.7,127.0.5.1,unknown,127.0.5.3", "127.0.9.9\u00e9", "a" * 3000 + ", 127.0.9.9",
    "127.0.9.9, " + "1" * 3000,
]


class Forwarded(Native):
    """Behind trusted proxies: for each value of X-Forwarded-For the client is the one of explain."""
    name = "apache-forwarded"
    kind = None

    def gate(self):
        self.folder.write_policy(FORWARDED, "trusted_proxies = 127.0.0.1, 127.0.5.0/24")
        self.folder.start_gateway()
        return self.folder.made("apache")["maintenance-warden.conf"]

    def run(self, checks):
        self.folder.touch()
        for source in ("127.0.0.1", "127.0.9.9", "127.0.9.8", "127.0.5.1"):
            self.check(checks, source, [])
            self.check(checks, source, ["127.0.9.9", "127.0.5.7"])
            self.check(checks, source, ["127.0.9.9", "192.0.2.7"])
        for value in FORWARDED_VALUES:
            self.check(checks, "127.0.0.1", [value])
        self.check(checks, "127.0.9.8", ["127.0.9.9"])
        r = request(self.port, "/admin.txt",
                    headers=[("X-Forwarded-For", ", ".join(["127.0.9.9"] + ["127.0.5.7"] * 9))])
        checks.that("behind more proxies than the rules go past: held", r.status == 503, r)

    def check(self, checks, source, values):
        headers = [("X-Forwarded-For", v) for v in values]
        row = parity.Row("", "/admin.txt", headers=headers, source=source)
        wanted, found = parity.explained(self.folder, row), parity.observed(self, row)
        checks.that(f"from {source}, X-Forwarded-For {values}: {wanted}", found == wanted, found)


def check_own_401(checks, way):
    """The site's own Basic authentication: off and by address it asks, on and for others it does not."""
    for when, source, change in (("off", OUTSIDER, way.folder.remove), ("by address", ALLOWED, way.folder.touch)):
        change()
        r = request(way.port, "/private/x", source=source)
        checks.that(f"{when}: the site's own 401", r.status == 401 and "Basic" in r.header("www-authenticate") and
                    not r.header("x-maintenance"), r)
        r = request(way.port, "/private/x", headers=[AS_ANNA], source=source)
        checks.that(f"{when}: with the password", r.status == 200 and SITE in r.body, r)
    r = request(way.port, "/private/x")
    checks.that("on: held", r.status == 503 and r.header("x-maintenance").startswith("active"), r)


class Fcgid(RewriteMap):
    name = kind = snippet = "apache-fcgid"
    modules = Way.modules + ("env", "fcgid", "authn_core", "auth_basic", "authn_file", "authz_user")
    checks = (check_again, check_targets, check_own_401)
    gone_on = 401

    def gate(self):
        self.without_users()
        folder = self.folder
        os.makedirs(folder.file("www/private"))
        folder.write("www/private/x", "SITE private\n")
        folder.write("users", "anna:$apr1$yE2zu9ri$xm0Gwr0nSmaSgruIizhf81\n")
        return super().gate() + f"""
Suexec Off
FcgidIPCDir {folder.file("tmp")}
FcgidProcessTableFile {folder.file("tmp")}/fcgid
<Location /private/>
  AuthType Basic
  AuthName private
  AuthUserFile {folder.file("users")}
  Require valid-user
</Location>
"""


class Fallback(Native):
    """An application that is gone: the page instead of Apache's own; what the application says by itself stays."""
    name = "apache-fallback"
    kind = None

    def gate(self):
        self.folder.start_gateway()
        dead = free_port()
        return self.folder.made("apache-fallback")["maintenance-warden.conf"] + self.site() + f"""
ProxyPass "/dead/" "http://127.0.0.1:{dead}/"
ProxyPass "/php-dead/" "unix:{self.folder.file("none.sock")}|fcgi://localhost/"
"""

    def run(self, checks):
        for target in ("/dead/x", "/php-dead/x.php"):
            for method in ("GET", "POST"):
                r = request(self.port, target, method, body=UPLOAD if method == "POST" else b"")
                checks.that(f"{method} {target}: the page", r.status == 503 and r.header("retry-after").isdigit() and
                            r.header("cache-control") == "no-store" and SITE not in r.body, r)
        r = request(self.port, "/dead/x", headers=[("Accept", "application/json")])
        checks.that("the page as JSON", r.header("content-type") == "application/problem+json", r)
        r = request(self.port, "/admin.txt")
        checks.that("the site is untouched", r.status == 200, r)
        r = request(self.port, "/up/echo", "POST", body=UPLOAD)
        checks.that("an application that answers", r.echo().get("length") == len(UPLOAD), r)
        r = request(self.port, "/up/503")
        checks.that("an application's own 503", r.status == 503 and SITE in r.body, r)
        self.folder.stop(self.folder.gateway)
        r = request(self.port, "/dead/x")
        checks.that("the gateway is gone: Apache's own 503", r.status == 503, r)


class Standby(Native):
    """The application dead and alive again, and the gateway with it."""
    name = "apache-standby"
    kind = None
    modules = Way.modules + ("proxy_balancer", "lbmethod_byrequests", "slotmem_shm")
    applications = ("/up/echo",)
    paths = ("/", "/auth", "/auth-request", "/auth/login?a=%2F", "/health", "/a%20b//c/%252e/x;y", "/" + "p" * 4000)

    def listen(self):
        self.folder.add_http()

    def gate(self):
        self.listen()
        ini = open(self.folder.file("warden.ini")).read()
        self.folder.write("warden.ini", ini + "title = The shop\n")
        self.echo = self.folder.start_echo()
        self.folder.start_gateway()
        # of the site: it means its own pages
        override = "ProxyErrorOverride On\nErrorDocument 503 \"Apache's own\"\n"
        made = self.folder.made("apache-standby", "--upstream", f"127.0.0.1:{self.echo}")["maintenance-warden.conf"]
        return f"DefaultRuntimeDir {self.folder.file('tmp')}\n{override}{made}"

    def run(self, checks):
        check_dead_application(checks, self)
        self.check_alive(checks)
        self.folder.stop_echo()
        self.check_dead(checks)
        self.check_return(checks)
        self.check_silent(checks)
        self.check_gone(checks)

    def check_alive(self, checks):
        check_site(checks, self, "alive")
        answer = upgrade(self.port, "/up/echo")
        checks.that("alive: a WebSocket", answer == b"SITE hello\n", answer)
        r = request(self.port, "/up/503")
        checks.that("alive: its own 503 is its own", r.status == 503 and SITE in r.body, r)

    def check_dead(self, checks):
        for method, body in (("GET", b""), ("POST", UPLOAD), ("PUT", b"x"), ("DELETE", b""), ("OPTIONS", b"")):
            for target in self.paths:
                r = request(self.port, target, method, body=body)
                checks.that(f"dead: {method} {target[:30]}", is_page(r) and b"<!doctype html>" in r.body, r)
        r = request(self.port, "/auth/x", "HEAD")
        checks.that("dead: HEAD", is_page(r) and not r.body, r)
        answer = upgrade(self.port, "/up/echo")
        checks.that("dead: a WebSocket", answer.startswith(b"HTTP/1.1 503"), answer)
        r = request(self.port, "/shop/x")
        checks.that("dead: the site is found by its path", is_page(r) and b"The shop" in r.body, r)
        r = request(self.port, "/.maintenance/status")
        checks.that("dead: the status", r.status == 200 and r.echo().get("on") is False, r)
        wrong = [r for r in (request(self.port, "/up/echo", "POST", body=UPLOAD) for _ in range(100)) if not is_page(r)]
        checks.that("dead: 100 uploads of 1 MB", not wrong, wrong[:3])

    def check_return(self, checks):
        self.folder.start_echo(self.echo)
        start = time.monotonic()
        wait_until(lambda: request(self.port, "/file.bin").status == 200, "the application again")
        took = time.monotonic() - start
        checks.that("back: the site within 2 seconds", took < 2, took)
        r = request(self.port, "/up/echo", "POST", body=UPLOAD)
        checks.that("back: 1 MB", r.echo().get("length") == len(UPLOAD), r)

    def check_silent(self, checks):
        """Nobody takes the connection: the kernel's queue is full."""
        self.folder.stop_echo()
        with contextlib.ExitStack() as stack:
            deaf = stack.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            deaf.bind(("127.0.0.1", self.echo))
            deaf.listen(0)
            for _ in range(4):
                s = stack.enter_context(socket.socket())
                s.setblocking(False)
                s.connect_ex(("127.0.0.1", self.echo))
            took = []
            for _ in range(4):
                start = time.monotonic()
                r = request(self.port, "/file.bin", "POST", body=UPLOAD)
                took.append(time.monotonic() - start)
                checks.that("silent: the page", is_page(r), r)
            checks.that("silent: after 2 seconds, and for the next ones at once", took[0] < 4 and min(took) < 0.5, took)
        self.folder.start_echo(self.echo)
        wait_until(lambda: request(self.port, "/file.bin").status == 200, "the application again")

    def check_gone(self, checks):
        self.folder.stop(self.folder.gateway)
        r = request(self.port, "/file.bin")
        checks.that("gateway gone: the application", r.status == 200 and SITE in r.body, r)
        self.folder.stop_echo()
        for _ in range(3):
            r = request(self.port, "/file.bin", "POST", body=UPLOAD)
            checks.that("both gone: Apache's own 503", r.status == 503 and not r.header("retry-after"), r)
        self.folder.start_gateway()
        r = request(self.port, "/file.bin")
        checks.that("the gateway alone is back: the page, at once", is_page(r), r)
        self.folder.start_echo(self.echo)
        wait_until(lambda: request(self.port, "/file.bin").status == 200, "the application again")
        checks.that("both are back: the application", True)


class StandbySocket(Standby):
    """The gateway on a Unix socket."""
    name = "apache-standby-socket"

    def listen(self):
        self.folder.add_keys(f"http_listen = {self.folder.file('http.sock')}\ntrusted_proxies = 127.0.0.1\n")


WAYS = (Native, Htaccess, HtaccessInside, Texts, Hosts, Forwarded, RewriteMap, Certificates, MapProgram, Fcgid,
        Fallback,
        Standby, StandbySocket)
