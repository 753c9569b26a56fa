# SPDX-License-Identifier: MIT
"""HAProxy in front of an application: a native gate."""
import contextlib
import os
import socket

import quotes
from chunked import check_chunked
from failover import check_dead_application
from harness import Folder, free_port, parse_response, port_open, program, receive, request, wait_until

BASE = """
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout tunnel 20s
frontend web
    bind 127.0.0.1:{port}
{gate}
    use_backend php if {{ path_end .php }}
    use_backend up if {{ path_beg /up/ }}
    default_backend up
backend php
    use-fcgi-app php
    server php unix@{php} proto fcgi
backend up
    server echo 127.0.0.1:{echo}
fcgi-app php
    docroot {path}/www
    no option keep-conn
"""


def check_no_fastcgi(checks, way):
    """What HAProxy does not hand to FastCGI gets a 503 of its own."""
    with socket.create_connection(("127.0.0.1", way.port), 20) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(b"POST /up/echo HTTP/1.1\r\nHost: site.example\r\nTransfer-Encoding: chunked\r\n"
                      b"Connection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        r = parse_response(receive(s))
    checks.that("held: a chunked upload", r.status == 503 and r.header("retry-after") == "120", r)
    r = request(way.port, "/health%zz")
    checks.that("held: a broken escape", r.status == 503 and r.header("retry-after") == "120", r)


class Way:
    checks = (check_no_fastcgi, check_chunked)
    asks, dot_paths = False, True
    open_paths = ("/health", "/robots.txt")
    applications = ("/echo.php", "/up/echo")
    webhooks = ("/api/webhooks/echo.php",)

    def __init__(self, folder: Folder):
        self.folder, self.port = folder, free_port()
        folder.drop_key("bypass_user")
        folder.start_gateway()
        made = folder.made(self.made_kind)
        lua = folder.write("warden.lua", made["maintenance-warden.lua"])
        gate = "".join("    " + line + "\n" for line in made["maintenance-warden-frontend.cfg"].splitlines())
        conf = BASE.format(path=folder.path, port=self.port, gate=gate, php=folder.start_php(),
                           echo=folder.start_echo())
        more = made["maintenance-warden.cfg"].replace("/etc/haproxy/maintenance-warden.lua", lua)
        process = folder.spawn("haproxy", [program("haproxy", "haproxy"), "-db", "-f", folder.write("warden.cfg", more),
                                           "-f", folder.write("haproxy.cfg", conf)])
        wait_until(lambda: port_open(self.port), "haproxy", process)

    def kill_gateway(self):
        self.folder.stop(self.folder.gateway)


class Native(Way):
    name = kind = made_kind = "haproxy"
    ticket_files = True
    redirects = 302             # HAProxy makes each FastCGI answer with a Location a 302
    differs = {"a broken escape": "HAProxy's own 503 (check_no_fastcgi)"}
    gone_off, gone_on = 200, 503


class Quotes(Way):
    """Bytes of the INI that mean something to HAProxy."""
    name, kind, made_kind = "haproxy-quotes", None, "haproxy"
    run = quotes.check

    def __init__(self, folder):
        folder.write_policy(quotes.POLICY)
        super().__init__(folder)


class Blind(Way):
    """A state folder that cannot be seen, as behind a chroot: everything is held, and it is said."""
    name, kind, made_kind = "haproxy-blind", None, "haproxy"

    def run(self, checks):
        os.rename(self.folder.file("state"), self.folder.file("state.away"))
        wait_until(lambda: request(self.port, "/file.bin").status == 503, "the hold")
        r = request(self.port, "/file.bin")
        checks.that("held", r.status == 503 and r.header("retry-after").isdigit(), r)
        with open(self.folder.file("log/haproxy")) as f:
            checks.that("it is said", "(chroot?)" in f.read())
        os.rename(self.folder.file("state.away"), self.folder.file("state"))
        wait_until(lambda: request(self.port, "/file.bin").status == 200, "the site again")


BACKUP = """
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
frontend web
    bind 127.0.0.1:{port}
    default_backend application
backend application
{gate}
"""


class Backup:
    """The application dead and alive again: its own answers, then the page, then its own."""
    name, kind = "haproxy-backup", None

    def __init__(self, folder: Folder):
        self.folder, self.port, self.echo = folder, free_port(), folder.start_echo()
        folder.add_http()
        folder.start_gateway()
        made = folder.made(self.name, "--upstream", f"127.0.0.1:{self.echo}")["maintenance-warden.cfg"]
        gate = "".join("    " + line + "\n" for line in made.splitlines())
        process = folder.spawn("haproxy", [program("haproxy", "haproxy"), "-db", "-f", folder.write(
            "haproxy.cfg", BACKUP.format(port=self.port, gate=gate))])
        wait_until(lambda: port_open(self.port), "haproxy", process)

    def run(self, checks):
        check_dead_application(checks, self)


WAYS = (Native, Quotes, Blind, Backup)
