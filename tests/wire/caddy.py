# SPDX-License-Identifier: MIT
"""Caddy: a native gate, and a gate that asks by FastCGI."""
import os

import quotes
from chunked import check_chunked
from harness import ALLOWED, OUTSIDER, Folder, free_port, port_open, program, request, wait_until
from table import check_lost_folder

BASE = """
{{
	admin off
	auto_https off
	grace_period 1s
}}
http://:{port} {{
	bind 127.0.0.1
	import {gate}
	root * {path}/www
	php_fastcgi unix/{php} {{
		try_files {{path}}
	}}
	handle /up/* {{
		reverse_proxy 127.0.0.1:{echo}
	}}
	file_server {{
		hide none
	}}
}}
"""


class Way:
    checks = (check_chunked,)
    dot_paths = True
    applications = ("/echo.php", "/up/echo")
    webhooks = ("/api/webhooks/echo.php",)
    open_paths = ("/health", "/robots.txt")
    asks = http = False
    trusted = ""

    def __init__(self, folder: Folder):
        self.folder, self.port = folder, free_port()
        if self.http:
            folder.add_http(self.trusted)
        if not self.asks:
            folder.drop_key("bypass_user")
        folder.start_gateway()
        gate = folder.write("gate.caddy", folder.made(self.kind or self.made_kind)["maintenance-warden.caddy"])
        conf = folder.write("Caddyfile", BASE.format(path=folder.path, port=self.port, gate=gate,
                                                     php=folder.start_php(), echo=folder.start_echo()))
        env = dict(os.environ, HOME=folder.path, XDG_DATA_HOME=folder.file("tmp"), XDG_CONFIG_HOME=folder.file("tmp"))
        process = folder.spawn("caddy", [program("caddy", "caddy"), "run", "--config", conf, "--adapter", "caddyfile"],
                               env=env)
        wait_until(lambda: port_open(self.port), "caddy", process)

    def kill_gateway(self):
        self.folder.stop(self.folder.gateway)


class Native(Way):
    name = kind = "caddy"
    checks = (check_chunked, check_lost_folder)
    gone_off, gone_on = 200, 503
    ticket_files = True


class FastCGI(Way):
    name = kind = "caddy-fastcgi"
    asks = True
    gone_off = gone_on = 503


class Quotes(Native):
    """Bytes of the INI that mean something to Caddy."""
    name, kind, made_kind = "caddy-quotes", None, "caddy"
    run = quotes.check

    def __init__(self, folder):
        folder.write_policy(quotes.POLICY)
        super().__init__(folder)


class ForwardAuth(Way):
    name = kind = "caddy-forward-auth"
    asks = http = True
    gone_off = gone_on = 503


class Proxies(ForwardAuth):
    """Behind a proxy that is trusted: the client is whom it names, under that one name of the header."""
    name, kind, made_kind = "caddy-forward-auth-proxies", None, "caddy-forward-auth"
    proxy = "127.0.0.9"
    trusted = ", " + proxy

    def run(self, checks):
        self.folder.touch()
        for source, value, status in ((self.proxy, ALLOWED, 200), (self.proxy, "192.0.2.1", 503),
                                      (self.proxy, f"{ALLOWED}, 192.0.2.1", 503), (OUTSIDER, ALLOWED, 503)):
            r = request(self.port, "/file.bin", headers=[("X-Forwarded-For", value)], source=source)
            checks.that(f"{source} says {value}: {status}", r.status == status, r)
        for name in ("X_Forwarded_For", "X-Forwarded_For", "x_forwarded-for", "X.Forwarded.For"):
            wrong = 0
            for _ in range(10):         # Caddy takes twins in no certain order
                r = request(self.port, "/file.bin", source=self.proxy,
                            headers=[("X-Forwarded-For", "192.0.2.1"), (name, ALLOWED)])
                wrong += r.status != 503
            checks.that(f"{name} beside X-Forwarded-For is nothing", wrong == 0, f"{wrong} of 10 passed")


WAYS = (Native, Quotes, FastCGI, ForwardAuth, Proxies)
