# SPDX-License-Identifier: MIT
"""lighttpd: authorizer (gateway as a service, or started by lighttpd), and responder with X-Sendfile."""
import contextlib
import glob
import os
import signal
import socket

from harness import ALLOWED, SITE, Folder, drop_users, free_port, port_open, program, request, wait_until
from parity import COMMON
from table import check_lost_folder

SERVER = """
server.document-root = "{www}"
server.port = {port}
server.bind = "127.0.0.1"
server.errorlog = "{log}"
server.breakagelog = "{log}"
server.upload-dirs = ( "{tmp}" )
index-file.names = ( "index.html" )
mimetype.assign = ( "" => "text/plain" )
{gate}
"""
APPLICATIONS = """
server.modules += ( "mod_proxy" )
fastcgi.server += ( ".php" => (( "socket" => "{php}", "broken-scriptfilename" => "enable" )) )
$HTTP["url"] =~ "^/up/" {{ proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => {echo} )) )
                          proxy.header = ( "upgrade" => "enable" ) }}
"""
REWRITES = """
server.modules += ( "mod_rewrite", "mod_cgi" )
url.rewrite-once = ( "^/rewritten/" => "/other.txt", "^/.maintenance/hold" => "/admin.txt" )
$HTTP["url"] =~ "^/cgi/" { cgi.assign = ( "" => "/bin/sh" ) }
$HTTP["url"] =~ "^/again/" { url.rewrite-repeat = ( "^/again/" => "/other.txt" ) }
"""


class Way:
    applications = ("/echo.php", "/up/echo")
    webhooks = ("/api/webhooks/echo.php",)
    open_paths = ("/health", "/robots.txt")
    checks = ()
    asks = dot_paths = True
    gone_off = gone_on = 503
    own_gateway = True

    def __init__(self, folder: Folder):
        self.folder, self.port = folder, free_port()
        if self.own_gateway:
            folder.start_gateway()
        conf = SERVER.format(www=folder.file("www"), port=self.port, log=folder.file("log/lighttpd"),
                           tmp=folder.file("tmp"), gate=self.gate())
        process = folder.spawn("lighttpd", [program("lighttpd", "lighttpd"), "-D", "-f",
                                            folder.write("lighttpd.conf", conf)])
        wait_until(lambda: port_open(self.port), "lighttpd", process)

    def gate(self):
        site = APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo())
        return self.folder.made(self.kind)["maintenance-warden.conf"] + site

    def kill_gateway(self):
        self.folder.stop(self.folder.gateway)


def check_slow_upload(checks, way):
    """A held upload is answered before it has come."""
    with socket.create_connection(("127.0.0.1", way.port), 4) as s:
        s.sendall(b"POST /admin.txt HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n"
                  b"Content-Length: 1000000\r\n\r\nabc")
        first = s.recv(65536)
        checks.that("on: a slow upload is answered at once", first.startswith(b"HTTP/1.1 503"), first)


def check_every_handler(checks, way):
    """The gate is asked first, rewrites included."""
    for target in ("/up/echo", "/cgi/echo", "/echo.php", "/rewritten/x", "/again/x"):
        r = request(way.port, target)
        checks.that(f"on: {target} is held", r.status == 503 and r.header("x-maintenance") and SITE not in r.body, r)
        r = request(way.port, target, source=ALLOWED)
        checks.that(f"on: {target} passes by address", r.status == 200 and SITE in r.body, r)


def check_handlers(checks, way):
    """Whatever stands before mod_magnet in server.modules: held."""
    check_every_handler(checks, way)
    r = request(way.port, "/.maintenance/hold", source=ALLOWED)
    checks.that("on: the gate's own path is nobody's", r.status == 404, r)


def check_policy_change(checks, way):
    """A script that is printed again is in force, its tables too."""
    folder, name = way.folder, "maintenance-warden.lua"
    with open(folder.file("warden.ini")) as f:
        ini = f.read()
    r = request(way.port, "/admin.txt", source="127.0.0.9")
    checks.that("on: an address that is not in the list", r.status == 503, r)
    folder.write("warden.ini", ini.replace(f"bypass_address = {ALLOWED}/32", f"bypass_address = {ALLOWED}, 127.0.0.9"))
    folder.write(name, folder.made(way.kind)[name])
    wait_until(lambda: request(way.port, "/admin.txt", source="127.0.0.9").status == 200, "the new list")
    checks.that("on: it is in the new one", True)
    folder.write("warden.ini", ini)
    folder.write(name, folder.made(way.kind)[name])
    wait_until(lambda: request(way.port, "/admin.txt", source="127.0.0.9").status == 503, "the old list")
    folder.remove()
    os.mkfifo(folder.file("state/maintenance.flag"))
    r = request(way.port, "/admin.txt")
    checks.that("on: a flag that is a FIFO blocks nobody", r.status == 503, r)
    folder.remove()
    os.symlink("maintenance.flag", folder.file("state/maintenance.flag"))
    wait_until(lambda: request(way.port, "/admin.txt").status == 503, "the page for a flag that nobody can look at")
    r = request(way.port, "/admin.txt")
    checks.that("unknown: a flag that nobody can look at holds", r.status == 503 and SITE not in r.body, r)
    folder.remove()
    folder.touch()


class Native(Way):
    """mod_proxy, mod_cgi, mod_rewrite and mod_fastcgi all stand before mod_magnet."""
    name = kind = "lighttpd"
    policies = COMMON + ("hostile", "proxies", "always")
    asks = False
    checks = (check_slow_upload, check_handlers, check_lost_folder, check_policy_change)
    gone_off, gone_on = 200, 503

    def gate(self):
        drop_users(self.folder)
        made = self.folder.made(self.kind)
        self.folder.write("maintenance-warden.lua", made["maintenance-warden.lua"])
        self.folder.write("www/cgi/echo", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nSITE cgi\\n'\n")
        site = APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo())
        return REWRITES + site + made["maintenance-warden.conf"]


class Authorizer(Way):
    name = kind = "lighttpd-authorizer"


def check_ask_header(checks, way):
    """The header by which the script has the gateway asked is nothing that a client could send, or take away."""
    for value in ("yes", "no", ""):
        r = request(way.port, "/admin.txt", headers=[("Maintenance-Ask", value)])
        checks.that(f"on, Maintenance-Ask: {value!r}: held", r.status == 503 and SITE not in r.body, r)
    r = request(way.port, "/admin.txt", headers=[("Maintenance-Ask", "no"), ("Maintenance-Ask", "no")])
    checks.that("on, Maintenance-Ask twice: held", r.status == 503 and SITE not in r.body, r)


class AuthorizerFlag(Way):
    """Asked only while a flag is there: with rewrites, CGI and a proxy behind it."""
    name = kind = "lighttpd-authorizer-flag"
    policies = COMMON + ("asked",)
    checks = (check_every_handler, check_ask_header, check_lost_folder)
    gone_off, gone_on = 200, 503

    def gate(self):
        made = self.folder.made(self.kind)
        self.folder.write("maintenance-warden.lua", made["maintenance-warden.lua"])
        self.folder.write("www/cgi/echo", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nSITE cgi\\n'\n")
        site = APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo())
        return made["maintenance-warden.conf"] + REWRITES + site

    def kill_gateway(self):
        """While off, nobody is asked: not for a header of the client's either.

        But for the rest of the second in which the folder of flags was last seen to be lost (check_lost_folder).
        """
        super().kill_gateway()
        wait_until(lambda: request(self.port, "/file.bin", headers=[("Maintenance-Ask", "yes")]).status == 200,
                   "the site, with nobody to ask")


class Spawned(Way):
    """lighttpd starts the gateway, and starts it again when it ends."""
    name = kind = "lighttpd-authorizer-spawned"
    own_gateway = False
    gone_off, gone_on = 200, 503

    def gate(self):
        folder = self.folder
        with open(folder.file("warden.ini")) as f:
            ini = "".join(line for line in f if not line.startswith("listen = "))
        folder.write("warden.ini", ini)
        text, program_end = super().gate(), "/maintenance-warden -c "
        binary = text[text.rindex('"', 0, text.index(program_end)) + 1:text.index(program_end)] + program_end[:-4]
        socket_path = "/run/lighttpd/maintenance-warden.sock"
        assert text.count(socket_path) == 2
        return text.replace(binary, folder.gateway_binary).replace(socket_path, folder.socket)

    def gateways(self):
        """The processes that lighttpd started from this folder's program."""
        found = []
        for path in glob.glob("/proc/[0-9]*/exe"):
            with contextlib.suppress(OSError):
                if os.readlink(path) == self.folder.gateway_binary:
                    found.append(int(path.split("/")[2]))
        return found

    def kill_gateway(self):
        killed = self.gateways()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: request(self.port, "/file.bin").status == 200, "the gateway that lighttpd starts again")
        assert not set(killed) & set(self.gateways())


class Responder(Way):
    """Static files alone."""
    name = kind = "lighttpd-responder"
    applications = ()
    webhooks = ()
    open_paths = ("/robots.txt",)       # /health has none of the extensions in sendfile_types
    dot_paths = False                   # X-Sendfile passes nothing in a folder whose name begins with a dot

    def gate(self):
        return self.folder.made(self.kind)["maintenance-warden.conf"]

    def may_hold(self, row):
        """Whatever is no plain GET or HEAD of a file that sendfile_types name."""
        name = row.target.partition("?")[0]
        plain = name.endswith((".txt", ".bin", ".css")) and "/." not in name
        return row.odd or row.method not in ("GET", "HEAD") or not plain

    def __init__(self, folder):
        types = "sendfile_types = html, css, js, png, jpg, svg, ico, txt, woff2, bin"
        with open(folder.file("warden.ini")) as f:
            ini = f.read()
        hand_back = f"[site]\nhand_back = x-sendfile {folder.file('www')}\n{types}\n"
        folder.write("warden.ini", ini.replace("[site]\n", hand_back))
        super().__init__(folder)


WAYS = (Native, Authorizer, AuthorizerFlag, Spawned, Responder)
