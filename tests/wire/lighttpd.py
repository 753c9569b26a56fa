# SPDX-License-Identifier: MIT
"""lighttpd: authorizer (gateway as a service, or started by lighttpd), and responder with X-Sendfile."""
import contextlib
import glob
import os
import signal

from harness import Folder, free_port, port_open, program, request, snippet, wait_until

SITE = """
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
        conf = SITE.format(www=folder.file("www"), port=self.port, log=folder.file("log/lighttpd"),
                           tmp=folder.file("tmp"), gate=self.gate())
        process = folder.spawn("lighttpd", [program("lighttpd", "lighttpd"), "-D", "-f",
                                            folder.write("lighttpd.conf", conf)])
        wait_until(lambda: port_open(self.port), "lighttpd", process)

    def gate(self):
        site = APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo())
        return snippet("lighttpd-authorizer.conf", self.folder) + site

    def kill_gateway(self):
        self.folder.stop(self.folder.gateway)


class Authorizer(Way):
    name = "lighttpd-authorizer"


class Spawned(Way):
    """lighttpd starts the gateway, and starts it again when it ends."""
    name = "lighttpd-spawned"
    own_gateway = False
    gone_off, gone_on = 200, 503

    def gate(self):
        ini = self.folder.write_ini(listen=False)
        text = super().gate()
        socket = f'"socket" => "{self.folder.socket}'
        first, second = f'{socket}",\n', f'{socket}", "check-local"'
        assert text.count(first) == 1 and text.count(second) == 1
        start = f'{first}    "bin-path" => "{self.folder.gateway_binary} -c {ini}",\n    "max-procs" => 1,\n'
        return text.replace(first, start).replace(second, f'{socket}-0", "check-local"')

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
    name = "lighttpd-responder"
    applications = ()
    webhooks = ()
    open_paths = ("/robots.txt",)       # /health has none of the extensions in sendfile_types
    dot_paths = False                   # X-Sendfile passes nothing in a folder whose name begins with a dot

    def gate(self):
        www = self.folder.file("www")
        return snippet("lighttpd-responder.conf", self.folder, **{"/var/www/html": www})

    def __init__(self, folder):
        types = "sendfile_types = html, css, js, png, jpg, svg, ico, txt, woff2, bin"
        folder.write_ini(site=f"hand_back = x-sendfile {folder.file('www')}\n{types}")
        super().__init__(folder)


WAYS = (Authorizer, Spawned, Responder)
