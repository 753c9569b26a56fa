# SPDX-License-Identifier: MIT
"""Traefik, which Debian does not have: $TRAEFIK, or a traefik on PATH; without either its ways are left out."""
import http.server
import json
import os
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import parity
from chunked import check_chunked
from failover import check_dead_application
from harness import ALLOWED, WAIT_SECONDS, Folder, free_port, port_open, request, wait_until
from table import (BYPASS, check_bypass_off, check_held, check_held_rows_pass_while_off, check_open, check_site,
                   check_status, check_tickets, check_upgrade)

PROGRAM = os.environ.get("TRAEFIK") or shutil.which("traefik")
STATIC = """
global: {{ checkNewVersion: false, sendAnonymousUsage: false }}
log: {{ level: ERROR }}
providers:
  providersThrottleDuration: 100ms
  file: {{ directory: "{dynamic}", watch: true }}
"""
SITE = """
http:
  routers:
    application: {{ rule: "PathPrefix(`/`)", priority: 10, service: application }}
    application-tls: {{ rule: "PathPrefix(`/`)", priority: 10, service: application, tls: {{}} }}
  services:
    application: {{ loadBalancer: {{ servers: [ {{ url: "http://127.0.0.1:{echo}" }} ] }} }}
"""
FAILOVER = """
http:
  routers:
    application: { rule: "PathPrefix(`/`)", service: application@file }
"""


class Way:
    checks = (check_chunked,)
    asks = dot_paths = True
    open_paths = ("/health", "/robots.txt")
    applications = ("/up/echo",)
    webhooks = ("/api/webhooks/echo",)
    gone_off = gone_on = 500
    site = SITE

    def __init__(self, folder: Folder):
        self.folder, self.port, self.echo = folder, free_port(), folder.start_echo()
        folder.add_http()
        os.makedirs(folder.file("dynamic"))
        self.set_up()
        folder.start_gateway()
        process = folder.spawn("traefik", [PROGRAM, "--configFile=" + self.configuration()])
        wait_until(lambda: port_open(self.port) and request(self.port, "/file.bin").status == 200, "traefik", process)

    def set_up(self):
        made = self.folder.made(self.kind)
        self.made = made
        self.folder.write("dynamic/maintenance-warden.yml", made["maintenance-warden.yml"])
        self.folder.write("dynamic/site.yml", SITE.format(echo=self.echo))
        self.static = made.get("traefik.yml")

    def configuration(self):
        entry = self.static.replace("  web:\n", f'  web:\n    address: "127.0.0.1:{self.port}"\n')
        return self.folder.write("traefik.yml", STATIC.format(dynamic=self.folder.file("dynamic")) + entry)

    def kill_gateway(self):
        self.folder.stop(self.folder.gateway)


class ForwardAuth(Way):
    name = kind = "traefik"


class Failover(Way):
    name, kind = "traefik-failover", None
    static = "entryPoints:\n  web:\n"

    def set_up(self):
        made = self.folder.made(self.name, "--upstream", f"127.0.0.1:{self.echo}")
        self.folder.write("dynamic/maintenance-warden.yml", made["maintenance-warden.yml"])
        self.folder.write("dynamic/site.yml", FAILOVER)

    def run(self, checks):
        check_dead_application(checks, self)


class Switched(Way):
    """The middleware comes and goes by gate_file, and Traefik sees that some moments later."""
    name = kind = "traefik-switched"
    gone_off, gone_on = 200, 500

    def set_up(self):
        self.api = free_port()
        super().set_up()
        made = self.folder.made(self.kind)
        for name in ("gate-on.yml", "gate-off.yml"):
            self.folder.write(name, made[name])
        self.folder.add_keys(f"gate_on = gate-on.yml\ngate_off = gate-off.yml\n"
                             f"gate_file = {self.folder.file('dynamic/gate.yml')}\n")
        self.static = (f'api: {{ insecure: true }}\nentryPoints:\n  traefik:\n    address: "127.0.0.1:{self.api}"\n' +
                       self.static.replace("entryPoints:\n", ""))

    def asks_now(self):
        r = request(self.api, "/api/http/middlewares/maintenance-warden@file")
        return r.echo().get("type") == "forwardauth"

    def state_changed(self):
        """Waits until Traefik has what the flags say."""
        on = any(os.path.exists(self.folder.file("state/" + name))
                 for name in ("maintenance.flag", "flags/shop.flag", "flags/blog.flag"))
        wait_until(lambda: self.asks_now() == on, "Traefik's middleware")

    def run(self, checks):
        self.state_changed()
        check_site(checks, self, "off")
        check_status(checks, self, False)
        self.folder.touch()
        self.state_changed()
        check_held(checks, self)
        check_status(checks, self, True)
        check_open(checks, self)
        check_site(checks, self, "by address", source=ALLOWED)
        check_upgrade(checks, self)
        check_bypass_off(checks, self)
        check_tickets(checks, self)
        self.folder.remove()
        self.state_changed()
        check_site(checks, self, "off again")
        self.check_wardenctl(checks)
        self.check_gone(checks)

    def check_wardenctl(self, checks):
        """At once, also where no gateway runs to look."""
        self.kill_gateway()
        for command, on in (("on", True), ("off", False)):
            subprocess.run([self.folder.wardenctl, "-c", self.folder.file("warden.ini"), "-q", command], check=True,
                           timeout=WAIT_SECONDS)
            with open(self.folder.file("dynamic/gate.yml")) as f:
                checks.that(f"wardenctl {command}: gate_file at once", ("forwardAuth" in f.read()) is on)

    def check_gone(self, checks):
        r = request(self.port, "/file.bin")
        checks.that("gateway gone, off: 200", r.status == self.gone_off, r)
        self.folder.touch()
        subprocess.run([self.folder.wardenctl, "-c", self.folder.file("warden.ini"), "-q", "tick"], check=False,
                       timeout=WAIT_SECONDS)
        self.state_changed()
        r = request(self.port, "/file.bin")
        checks.that(f"gateway gone, on: {self.gone_on}", r.status == self.gone_on, r)


def tls_request(port, target):
    """The first line of the answer over HTTPS, with Traefik's own certificate."""
    context = ssl._create_unverified_context()      # pylint: disable=protected-access
    with socket.create_connection(("127.0.0.1", port), WAIT_SECONDS) as plain, context.wrap_socket(plain) as s:
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n".encode())
        return s.makefile("rb").readline()


class Native(Switched):
    """Routers that hold come and go by gate_file, each for its site, mode and bypass.off."""
    name = kind = "traefik-native"
    policies = ("plain", "rules", "hosts")
    asks = False
    webhooks = ()
    differs = ("the secret twice, both right",)         # a rule cannot count the lines of a field

    def set_up(self):
        with open(self.folder.file("warden.ini")) as f:
            if "bypass_user" in f.read():           # the one table's own: what is refused, left out
                self.folder.write_policy(parity.POLICIES["rules"].replace("open_method = PUT\n", ""))
                self.folder.add_http()
        Way.set_up(self)
        self.api, self.tls = free_port(), free_port()
        self.folder.write("gate-on.yml", self.made["gate-on.yml"])
        self.folder.add_keys(f"gate_on = gate-on.yml\ngate_file = {self.folder.file('dynamic/gate.yml')}\n")
        self.static = (f'api: {{ insecure: true }}\nentryPoints:\n  traefik:\n    address: "127.0.0.1:{self.api}"\n'
                       f'  tls:\n    address: "127.0.0.1:{self.tls}"\n  web:\n')

    def wanted(self):
        """The routers that the state wants."""
        there = {name for name in ("maintenance.flag", "flags/shop.flag", "flags/blog.flag", "bypass.off")
                 if os.path.exists(self.folder.file("state/" + name))}
        with open(self.folder.file("warden.ini")) as f:
            sections = re.findall(r"^\[site\.?(\w*)\]\n((?:(?!\[).*\n)*)", f.read(), re.MULTILINE)
        return {f"maintenance-warden-{name or 'site'}-{'read-only' if 'mode = read-only' in text else 'full'}-"
                f"{'nobody' if 'bypass.off' in there else 'bypass'}{tls}@file"
                for name, text in sections for tls in ("", "-tls")
                if {"maintenance.flag", f"flags/{name}.flag"} & there}

    def state_changed(self):
        def there():
            routers = json.loads(request(self.api, "/api/http/routers?per_page=100").body)
            return {r["name"] for r in routers if re.search("-(bypass|nobody)(-tls)?@", r["name"]) and
                    r["status"] == "enabled"}
        wait_until(lambda: there() == self.wanted(), "Traefik's routers")

    def run(self, checks):
        self.state_changed()
        check_site(checks, self, "off")
        check_held_rows_pass_while_off(checks, self)
        check_status(checks, self, False)
        checks.that("off: HTTPS", tls_request(self.tls, "/file.bin").split()[1] == b"200")
        self.folder.touch()
        self.state_changed()
        check_held(checks, self)
        checks.that("held: HTTPS", tls_request(self.tls, "/file.bin").split()[1] == b"503")
        check_status(checks, self, True)
        check_open(checks, self)
        check_site(checks, self, "by address", source=ALLOWED)
        check_site(checks, self, "by secret", headers=[BYPASS])
        check_upgrade(checks, self)
        self.check_bypass_off(checks)
        self.check_mode_of_flag(checks)
        self.folder.remove()
        self.state_changed()
        check_site(checks, self, "off again")
        self.check_wardenctl(checks)
        self.check_gone(checks)
        checks.that("gateway gone, on: the office", request(self.port, "/file.bin", source=ALLOWED).status == 200)

    def check_bypass_off(self, checks):
        for command, status in (("off", 503), ("on", 200)):
            subprocess.run([self.folder.wardenctl, "-c", self.folder.file("warden.ini"), "-q", "bypass", command],
                           check=True,
                           timeout=WAIT_SECONDS)
            with open(self.folder.file("dynamic/gate.yml")) as f:
                checks.that(f"wardenctl bypass {command}: gate_file at once",
                            ("-nobody" in f.read()) is (command == "off"))
            self.state_changed()
            for what, send in (("address", {"source": ALLOWED}), ("secret", {"headers": [BYPASS]})):
                r = request(self.port, "/file.bin", **send)
                checks.that(f"bypass {command}: the {what}", r.status == status, r)

    def check_mode_of_flag(self, checks):
        """What the flag says counts, too: the gateway reads it."""
        self.folder.write("state/maintenance.flag", "mode = read-only\n")
        wait_until(lambda: request(self.port, "/file.bin").status == 200, "reads")
        r = request(self.port, "/up/echo", "POST", body=b"x")
        checks.that("the flag says read-only: POST is held", r.status == 503, r)

    def check_wardenctl(self, checks):
        """At once, also where no gateway runs to look."""
        self.kill_gateway()
        for command, on in (("on", True), ("off", False)):
            subprocess.run([self.folder.wardenctl, "-c", self.folder.file("warden.ini"), "-q", command], check=True,
                           timeout=WAIT_SECONDS)
            checks.that(f"wardenctl {command}: gate_file at once",
                        os.path.exists(self.folder.file("dynamic/gate.yml")) is on)
        self.state_changed()


class Docker(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """As much of Docker's API as Traefik asks: one container, with labels."""
    daemon_threads = True

    def __init__(self, path, labels, address):
        self.container = {"Id": "gateway", "Name": "/maintenance-warden", "Created": "2026-01-01T00:00:00Z",
                          "State": {"Status": "running", "Running": True}, "HostConfig": {"NetworkMode": "net"},
                          "Config": {"Labels": labels},
                          "NetworkSettings": {"Networks": {"net": {"IPAddress": address}}}}
        super().__init__(path, DockerHandler)


class DockerHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def address_string(self):
        return "traefik"

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.endswith("/events"):
            time.sleep(WAIT_SECONDS * 8)        # there are none
        answer = {"ApiVersion": "1.43", "Version": "24.0.0"}
        if path.endswith("/containers/json"):
            answer = [{"Id": "gateway", "Names": ["/maintenance-warden"], "State": "running"}]
        elif path.endswith("/json"):
            answer = self.server.container
        self.send_response(200)
        self.send_header("Api-Version", "1.43")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(json.dumps(answer).encode())

    do_HEAD = do_GET


class Labels(Way):
    """The labels as Traefik's Docker provider reads them, from a Docker of our own."""
    name = kind = "traefik-labels"

    def set_up(self):
        text = self.folder.made(self.kind)["labels.yml"].replace("http://maintenance-warden:", "http://[::1]:")
        labels = dict(re.findall(r"^  - ([^=]+)=(.*)$", text, re.MULTILINE))
        docker = Docker(self.folder.file("docker.sock"), labels, "::1")
        threading.Thread(target=docker.serve_forever, daemon=True).start()
        self.folder.write("dynamic/site.yml", SITE.format(echo=self.echo))
        self.static = (f'  docker:\n    endpoint: "unix://{self.folder.file("docker.sock")}"\n'
                       '    exposedByDefault: false\n'
                       'entryPoints:\n  web:\n    http:\n      middlewares: [ "maintenance-warden@docker" ]\n')


WAYS = (ForwardAuth, Labels, Failover, Switched, Native) if PROGRAM else ()
if not PROGRAM:
    print("traefik: left out, for there is no $TRAEFIK and no traefik on PATH", flush=True)
