# SPDX-License-Identifier: MIT
"""Traefik, which Debian does not have: $TRAEFIK, or a traefik on PATH; without either its ways say so and are left out."""
import os
import shutil

from failover import check_dead_application
from harness import Folder, free_port, port_open, request, wait_until

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
  services:
    application: {{ loadBalancer: {{ servers: [ {{ url: "http://127.0.0.1:{echo}" }} ] }} }}
"""
FAILOVER = """
http:
  routers:
    application: { rule: "PathPrefix(`/`)", service: application@file }
"""


class Way:
    checks = ()
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
        self.folder.write("dynamic/maintenance-warden.yml", made["maintenance-warden.yml"])
        self.folder.write("dynamic/site.yml", SITE.format(echo=self.echo))
        self.static = made["traefik.yml"]

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


WAYS = (ForwardAuth, Failover) if PROGRAM else ()
if not PROGRAM:
    print("traefik: left out, for there is no $TRAEFIK and no traefik on PATH", flush=True)
