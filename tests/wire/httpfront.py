# SPDX-License-Identifier: MIT
"""No web server: the HTTP front as proxies ask it, and as broken or hostile peers do.

The header sets of Traefik 3.7 (trustForwardHeader false), Caddy 2.6 (forward_auth), nginx and ingress-nginx are those
that these servers were seen to send.
"""
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time

from fastcgi import ask as ask_fastcgi, status as fastcgi_status
from harness import ALLOWED, SECRET, UPLOAD, WAIT_SECONDS, Folder, Response, free_port, socket_open, wait_until, workers

PROXY, STRANGER = "127.0.0.3", "127.0.0.4"      # one is in trusted_proxies, the other is nobody
VISITOR, FRIEND = "203.0.113.9", "192.0.2.7"    # FRIEND is in bypass_address
TIMEOUT = 2
CONNECTIONS, PER_ADDRESS = 40, 8
HTML = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")


def traefik(uri="/cart?x=1", method="GET", client=VISITOR, host="shop.example", proto="https", more=()):
    """Host is the gateway's own; method, host and target are in fields of their own."""
    return [("Host", "127.0.0.1:8503"), ("User-Agent", "Mozilla/5.0"), ("Accept-Encoding", "gzip"), HTML, *more,
            ("X-Forwarded-For", client), ("X-Forwarded-Host", host), ("X-Forwarded-Method", method),
            ("X-Forwarded-Port", "443"), ("X-Forwarded-Proto", proto), ("X-Forwarded-Server", "edge"),
            ("X-Forwarded-Uri", uri), ("X-Real-Ip", client)]


def caddy(uri="/cart?x=1", method="GET", client=VISITOR, host="shop.example", proto="https", more=()):
    """Host is the client's; a client's own X_Forwarded_For comes through under that name."""
    return [("Host", host), ("User-Agent", "curl/7.88.1"), HTML, *more, ("X-Forwarded-For", client),
            ("X-Forwarded-Host", host), ("X-Forwarded-Method", method), ("X-Forwarded-Proto", proto),
            ("X-Forwarded-Uri", uri), ("Accept-Encoding", "gzip")]


def envoy(client=VISITOR, host="shop.example", more=()):
    return [("Host", host), ("Content-Length", "0"), ("X-Forwarded-For", client), ("X-Forwarded-Proto", "https"), HTML,
            *more]


def ingress(url="https://shop.example/cart?x=1", method="GET", client=VISITOR, more=()):
    return [("Host", "gate.example"), ("X-Original-URL", url), ("X-Original-Method", method),
            ("X-Sent-From", "nginx-ingress-controller"), ("X-Real-IP", client), ("X-Forwarded-For", client),
            ("X-Auth-Request-Redirect", "/cart"), *more]


def nginx(uri="/cart?x=1", method="GET", client=VISITOR, host="shop.example", more=()):
    return [("Host", host), ("X-Original-URI", uri), ("X-Original-Method", method), ("X-Forwarded-For", client),
            ("Connection", "close"), *more]


def without(headers, name):
    return [(n, v) for n, v in headers if n != name]


def head_of(target, method, headers):
    lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class Wire:
    """One connection; responses are read one by one."""

    def __init__(self, address, source=PROXY):
        if isinstance(address, str):
            self.s = socket.socket(socket.AF_UNIX)
            self.s.settimeout(WAIT_SECONDS)
            self.s.connect(address)
        else:
            self.s = socket.create_connection(("127.0.0.1", address), WAIT_SECONDS, source_address=(source, 0))
        self.stream = self.s.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.s.close()

    def send(self, data):
        with contextlib.suppress(ConnectionError):
            self.s.sendall(data)

    def response(self, method="GET"):
        """Status 0: the connection was closed."""
        with contextlib.suppress(ConnectionError):
            match = re.match(rb"HTTP/1\.[01] (\d{3})", self.stream.readline())
            headers = []
            while match and (line := self.stream.readline().strip()):
                name, _, value = line.decode("latin-1").partition(":")
                headers.append((name.strip().lower(), value.strip()))
            if match:
                found = Response(int(match.group(1)), headers, b"")
                length = int(found.header("content-length") or 0)
                if method != "HEAD" and found.status not in (204, 304, 100):
                    found.body = self.stream.read(length)
                return found
        return Response(0, [], b"")

    def closed(self):
        """Waits for the peer's end; False when something else comes."""
        try:
            return self.stream.read(1) == b""
        except ConnectionError:
            return True


class Http:
    name = "http"

    def __init__(self, folder: Folder):
        self.folder, self.port = folder, free_port()
        self.write_ini()
        self.start()

    def write_ini(self, extra="", name="warden.ini"):
        lines = f"http_listen = 127.0.0.1:{self.port}\n" if "http_listen" not in extra else ""
        return self.folder.write(name, f"""[gateway]
{lines}state_dir = {self.folder.file("state")}
trusted_proxies = 127.0.0.3, 10.9.0.0/16
http_connections = {CONNECTIONS}
http_per_address = {PER_ADDRESS}
http_timeout = {TIMEOUT}
socket_mode = 0666
{extra}
[site]
title = Wire test
bypass_address = {FRIEND}, {ALLOWED}, 127.0.0.3
bypass_secret = {SECRET}
open_path = /open/, /auth/
[site.shop]
host = shop.example
path = /shop/
""")

    def start(self):
        self.folder.gateway = self.folder.spawn("gateway",
                                                [self.folder.gateway_binary, "-c", self.folder.file("warden.ini")])

        def up():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        wait_until(up, "the gateway", self.folder.gateway)

    def ask(self, target="/auth", headers=(), method="GET", source=PROXY, body=b""):
        with Wire(self.port, source) as w:
            w.send(head_of(target, method, headers) + body)
            return w.response(method)

    def run(self, checks):
        self.check_refused_at_start(checks)
        self.check_dialects(checks)
        self.check_whole(checks)
        self.check_spoofing(checks)
        self.check_render(checks)
        self.check_connections(checks)
        self.check_bodies(checks)
        self.check_bad_input(checks)
        self.check_flood(checks)
        self.check_slow(checks)
        self.check_reload(checks)
        self.check_end(checks)
        self.check_unix_socket(checks)
        self.check_original(checks)

    def check_refused_at_start(self, checks):
        """A half-configured front, and what can be said of it."""
        cases = [
            ("without trusted_proxies", "[gateway]\nhttp_listen = 127.0.0.1:1\n", "needs trusted_proxies"),
            ("with an empty trusted_proxies", "[gateway]\nhttp_listen = 127.0.0.1:1\ntrusted_proxies =\n",
             "needs trusted_proxies"),
            ("on no address", "[gateway]\nhttp_listen = localhost:80\ntrusted_proxies = ::1\n",
             "[gateway] http_listen: expected a path"),
            ("on a port in use", f"[gateway]\nhttp_listen = 127.0.0.1:{self.port}\ntrusted_proxies = ::1\n", "in use"),
            ("with an unknown dialect", "[gateway]\nforward_headers = forwarded\n", "x-original-url"),
            ("with no place for connections", "[gateway]\nhttp_connections = 3\n", "16"),
            ("nowhere at all", "[gateway]\ntrusted_proxies = ::1\n", "http_listen"),
        ]
        for what, ini, sentence in cases:
            path = self.folder.write("half.ini",
                                     ini.replace("[gateway]\n", f"[gateway]\nstate_dir = {self.folder.path}/state\n"))
            run = subprocess.run([self.folder.gateway_binary, "-c", path], capture_output=True, timeout=WAIT_SECONDS,
                                 stdin=subprocess.DEVNULL, check=False)
            checks.that(f"{what}: not started", run.returncode == (3 if "in use" in what else 2), run)
            checks.that(f"{what}: told why", sentence.encode() in run.stderr, run.stderr)

    def check_dialects(self, checks):
        """Each proxy's own way to ask, off, on and let through."""
        for name, fields in (("Traefik", traefik), ("Caddy", caddy)):
            self.folder.remove()
            r = self.ask(headers=fields())
            checks.that(f"{name}, off: 200", r.status == 200, r)
            checks.that(f"{name}, off: an empty body, announced", r.header("content-length") == "0", r)
            checks.that(f"{name}, off: no marker", r.header("x-maintenance") == "", r)
            self.folder.touch()
            r = self.ask(headers=fields())
            checks.that(f"{name}, on: the real 503", r.status == 503 and b"Wire test" in r.body, r)
            checks.that(f"{name}, on: Retry-After, no-store, marker", int(r.header("retry-after")) > 0 and r.header(
                "cache-control") == "no-store" and r.header("x-maintenance").startswith("active"), r)
            r = self.ask(headers=fields(client=FRIEND))
            checks.that(f"{name}, on: an allowed address passes", r.status == 200 and r.header(
                "x-maintenance") == "bypass; reason=address" and r.header("content-length") == "0", r)
            r = self.ask(headers=fields(more=[("X-Maintenance-Bypass", SECRET)]))
            checks.that(f"{name}, on: the secret passes", r.header("x-maintenance") == "bypass; reason=header", r)
            checks.that(f"{name}, on: an open path passes", self.ask(headers=fields("/open/x?y=%2f..")).status == 200)
            checks.that(f"{name}, on: the method is the visitor's",
                        self.ask(headers=fields("/health")).status == 200 and
                        self.ask(headers=fields("/health", "POST")).status == 503)
            for target in ("/open/%2e%2e/x", "/open/../x", "//open/x", "/open%2fx", "/open/;x", "/open/%252e",
                           "/open\\x",
                           "open/x", "*"):
                checks.that(f"{name}, on: {target} is held", self.ask(headers=fields(target)).status == 503)
            r = self.ask(headers=fields("/x", "HEAD"))
            checks.that(f"{name}, on: HEAD has no body", r.status == 503 and r.body == b"", r)
            r = self.ask(headers=without(fields("/api/x", more=[("Accept", "application/json")]), HTML[0]) + [
                ("Accept", "application/json")])
            checks.that(f"{name}, on: scripts get JSON", r.header("content-type") == "application/problem+json", r)
            self.folder.remove()
            self.folder.touch("flags/shop.flag")
            checks.that(f"{name}: the site is found by the visitor's host",
                        self.ask(headers=fields("/shop/")).status == 503 and
                        self.ask(headers=fields("/shop/", host="other.example")).status == 200 and
                        self.ask(headers=fields("/x")).status == 200)
            self.folder.remove("flags/shop.flag")
        self.check_websocket(checks)
        self.check_envoy(checks)
        self.check_auth_request(checks)

    def check_websocket(self, checks):
        self.folder.touch()
        key = [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")]
        for proto in ("ws", "wss"):
            checks.that(f"Traefik, {proto}: held", self.ask(headers=traefik(proto=proto, more=key)).status == 503)
            checks.that(f"Traefik, {proto}: passes",
                        self.ask(headers=traefik(proto=proto, client=FRIEND, more=key)).status == 200)
        self.folder.remove()

    def check_envoy(self, checks):
        """The path prefix with the visitor's own path behind it; a 5xx would count as the gate's failure."""
        checks.that("Envoy, off: 200", self.ask("/auth/cart?x=1", envoy(), "POST").status == 200)
        self.folder.touch()
        r = self.ask("/auth/cart?x=1", envoy(), "DELETE")
        checks.that("Envoy, on: 403 with the page", r.status == 403 and b"Wire test" in r.body, r)
        checks.that("Envoy, on: an allowed address", self.ask("/auth/x", envoy(FRIEND), "PUT").status == 200)
        checks.that("Envoy, on: an open path", self.ask("/auth/open/x", envoy(), "POST").status == 200)
        checks.that("Envoy, on: the prefix twice is a path of the site",
                    self.ask("/auth/auth/x", envoy()).status == 200)
        checks.that("Envoy, on: the method is its own", self.ask("/auth/health", envoy()).status == 200 and
                    self.ask("/auth/health", envoy(), "POST").status == 403)
        checks.that("Envoy, on: dots behind the prefix", self.ask("/auth/open/../x", envoy()).status == 403)
        checks.that("Envoy, on: without a client, nobody's address is allowed",
                    self.ask("/auth/x", without(envoy(), "X-Forwarded-For")).status == 403)
        checks.that("Envoy, on: Traefik's fields below the prefix are refused",
                    self.ask("/auth/", traefik("/open/x", client=FRIEND)).status == 400)
        checks.that("Envoy, on: HEAD", self.ask("/auth/x", envoy(), "HEAD").body == b"")
        self.folder.remove()

    def check_auth_request(self, checks):
        r = self.ask("/auth-request", traefik())
        checks.that("auth-request, off: 204", r.status == 204 and r.body == b"", r)
        self.folder.touch()
        r = self.ask("/auth-request", traefik())
        checks.that("auth-request, on: 401 with the marker", r.status == 401 and r.body == b"" and
                    r.header("x-maintenance").startswith("active"), r)
        checks.that("auth-request, on: 204 for a friend",
                    self.ask("/auth-request", traefik(client=FRIEND)).status == 204)
        self.folder.remove()

    def check_whole(self, checks):
        """What the proxy left out or said twice is not known: 400 while anything is on."""
        self.folder.touch("flags/shop.flag")
        for door in ("/auth", "/auth-request"):
            for name in ("X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host"):
                value = dict(traefik(client=FRIEND))[name]
                cases = [("missing", without(traefik(client=FRIEND), name)),
                         ("empty", without(traefik(client=FRIEND), name) + [(name, "")]),
                         ("doubled", traefik(client=FRIEND) + [(name, value)]),
                         ("doubled in small letters", traefik(client=FRIEND) + [(name.lower(), "/open/")])]
                for what, fields in cases:
                    if (name, what) == ("X-Forwarded-Host", "empty"):
                        continue
                    checks.that(f"{door}, on: {name} {what}: 400", self.ask(door, fields).status == 400)
        checks.that("an empty X-Forwarded-Host is every site's",
                    self.ask(headers=traefik("/shop/", host="")).status == 503)
        self.folder.remove("flags/shop.flag")
        checks.that("off: it passes", self.ask(headers=without(traefik(), "X-Forwarded-Uri")).status == 200)

    def check_spoofing(self, checks):
        self.folder.touch()
        for door in ("/auth", "/auth/x", "/auth/open/x", "/auth-request"):
            for fields in (traefik(), traefik(client=FRIEND), traefik("/open/x"), envoy(FRIEND), [("Host", "x")]):
                for source in (STRANGER, ALLOWED):
                    status = self.ask(door, fields, source=source).status
                    checks.that(f"{door} from a peer that is not trusted is no pass", status in (400, 403, 503), status)
        held = [
            ("a forged X-Forwarded-For before the proxy's", f"{FRIEND}, {VISITOR}"),
            ("a client that is no address", "unknown"), ("an empty client", ""), ("a trailing comma", f"{FRIEND},"),
            ("a zone", "fe80::1%eth0"), ("leading zeros", "192.0.2.007"),
        ]
        for what, value in held:
            checks.that(f"{what}: held", self.ask(headers=traefik(client=value)).status == 503)
        checks.that("past a trusted proxy to the client",
                    self.ask(headers=traefik(client=f"{FRIEND}, 10.9.1.1")).status == 200)
        twins = [("X_Forwarded_For", FRIEND), ("X-Forwarded_For", FRIEND), ("X.Forwarded.For", FRIEND),
                 ("X_Forwarded_Uri", "/open/x"), ("X_Forwarded_Method", "GET"), ("X_Maintenance_Bypass", SECRET),
                 ("X-Real-IP", FRIEND), ("Forwarded", f"for={FRIEND}"), ("True-Client-Ip", FRIEND),
                 ("X-Original-Uri", "/open/x"), ("X-Original-Url", "http://shop.example/open/x"),
                 ("X-Original-Method", "GET"), ("Warden-User", "anna"), ("WARDEN_USER", "anna"),
                 ("Remote-User", "anna"),
                 ("X-HTTP-Method-Override", "GET")]
        for twin in twins:
            for fields in (traefik(more=[twin]), traefik() + [twin]):
                checks.that(f"{twin[0]} is another field: held", self.ask(headers=fields).status == 503)
        checks.that("a twin does no harm either",
                    self.ask(headers=traefik(client=FRIEND, more=[("X_Forwarded_For", VISITOR)])).status == 200)
        fields = without(traefik(), "X-Forwarded-For")
        checks.that("a proxy that names no client is not the client", self.ask(headers=fields).status == 503)
        checks.that("two lines of X-Forwarded-For are one list",
                    self.ask(headers=traefik(client=FRIEND) + [("X-Forwarded-For", VISITOR)]).status == 503 and
                    self.ask(headers=traefik(client=VISITOR) + [("X-Forwarded-For", FRIEND)]).status == 200)
        checks.that("the secret doubled: held", self.ask(headers=traefik(
            more=[("X-Maintenance-Bypass", SECRET), ("X-Maintenance-Bypass", "x" * 20)])).status == 503)
        for target in ("//auth", "/Auth", "/auth%2f", "/%61uth", "/x/../auth", "/auth;x", "/authx", "/auth-request/x",
                       "http://x/auth", "/auth#x"):
            checks.that(f"{target} is no door", self.ask(target, traefik(client=FRIEND)).status in (503, 400))
        self.folder.remove()

    def check_render(self, checks):
        """The fallback: any path, any method, the page, whatever the flags say."""
        for when in ("off", "on"):
            self.folder.touch() if when == "on" else self.folder.remove()
            for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "BREW"):
                r = self.ask("/any/path?x", [("Host", "a.example"), HTML], method, source=STRANGER)
                checks.that(f"{when}: {method} is the page", r.status == 503 and b"Wire test" in r.body, r)
            for target in ("/", "/open/x", "/health", "/%00", "/a%2fb", "//", "/../x", "*", "http://a.example/x", "/ü",
                           "/" + "a" * 60000):
                r = self.ask(target.encode().decode("latin-1"), [("Host", "a.example"), HTML], source=STRANGER)
                checks.that(f"{when}: {target[:20]} is the page", r.status == 503 and b"Wire test" in r.body, r)
            r = self.ask("/x", [("Host", "a.example"), HTML], "HEAD")
            checks.that(f"{when}: HEAD: the length without the body", r.status == 503 and
                        int(r.header("content-length")) > 1000, r)
            r = self.ask("/.maintenance/status", [("Host", "a.example")])
            checks.that(f"{when}: the status", r.status == 200 and f'"on":{"true" if when == "on" else "false"}' in
                        r.body.decode().replace(" ", ""), r)
        self.folder.remove()

    def check_connections(self, checks):
        self.folder.touch()
        with Wire(self.port) as w:
            for i in range(50):
                friend = i % 3 == 0
                w.send(head_of("/auth", "GET", traefik(client=FRIEND if friend else VISITOR)))
                r = w.response()
                if r.status != (200 if friend else 503):
                    break
            checks.that("50 requests on one connection", i == 49 and r.status == 503, (i, r))
            w.send(head_of("/auth", "GET", traefik("/x", "HEAD")))
            checks.that("then a HEAD that was asked about", w.response().status == 503)
            w.send(head_of("/x", "HEAD", [("Host", "a")]))
            checks.that("then a HEAD", w.response("HEAD").status == 503)
            w.send(head_of("/auth-request", "GET", traefik(client=FRIEND)))
            checks.that("then a 204", w.response().status == 204)
            w.send(head_of("/form", "POST", [("Host", "a"), ("Content-Length", "3")]) + b"a=b")
            checks.that("then a form", w.response().status == 503)
            w.send(head_of("/auth", "GET", traefik(client=FRIEND)))
            checks.that("and it is still open", w.response().status == 200)
        with Wire(self.port) as w:
            w.send(b"".join(head_of("/auth", "GET", traefik(client=FRIEND if i % 2 else VISITOR)) for i in range(20)))
            statuses = [w.response().status for _ in range(20)]
            checks.that("20 pipelined requests, each its own answer", statuses == [503, 200] * 10, statuses)
        with Wire(self.port) as w:
            w.send(head_of("/x", "GET", [("Host", "a"), ("Connection", "close")]))
            checks.that("Connection: close is obeyed", w.response().status == 503 and w.closed())
        with Wire(self.port) as w:
            w.send(b"GET /x HTTP/1.0\r\n\r\n")
            checks.that("HTTP/1.0", w.response().status == 503 and w.closed())
        self.folder.remove()

    def worker(self):
        return workers(self.folder.gateway.pid)[0]

    def memory(self):
        with open(f"/proc/{self.worker()}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def check_bodies(self, checks):
        """A body is answered, never kept, and nothing of it is read as a request."""
        self.folder.touch()
        hidden = head_of("/auth", "GET", traefik(client=FRIEND))
        chunked = b"10000\r\n" + UPLOAD[:65536] + b"\r\n0\r\n\r\n"
        before = self.memory()
        for _ in range(20):
            for door in ("/auth", "/upload"):
                r = self.ask(door, traefik() + [("Content-Length", str(len(UPLOAD)))], "POST", body=UPLOAD)
                if r.status != 503:
                    checks.that(f"1 MB to {door} is held", False, r)
        checks.that("40 uploads of 1 MB are answered, and not kept", self.memory() < before + 20000,
                    (before, self.memory()))
        r = self.ask("/auth", traefik() + [("Transfer-Encoding", "chunked")], "POST", body=chunked)
        checks.that("a chunked body is held", r.status == 503, r)
        for source, whole in ((PROXY, True), (STRANGER, False)):
            with Wire(self.port, source) as w:
                w.send(head_of("/upload", "POST", [("Host", "a"), ("Content-Length", str(8 * len(UPLOAD)))]) + UPLOAD)
                first, sent = w.response(), 0
                with contextlib.suppress(ConnectionError):
                    for _ in range(7):
                        w.s.sendall(UPLOAD)
                        sent += 1
                checks.that(f"answered early, {source} may send the rest: {whole}", (sent == 7) is whole and
                            (first.status == 503 or not whole), (first, sent))
        framings = [
            ("chunked", [("Transfer-Encoding", "chunked")], b"0\r\n\r\n"),
            ("both lengths", [("Transfer-Encoding", "chunked"), ("Content-Length", "5")], b"0\r\n\r\n"),
            ("two lengths", [("Content-Length", "0"), ("Content-Length", str(len(hidden)))], b""),
            ("a long body", [("Content-Length", "9000000")], b""),
            ("an unknown coding", [("Transfer-Encoding", "identity")], b""),
        ]
        for what, fields, body in framings:
            with Wire(self.port) as w:
                w.send(head_of("/auth", "POST", traefik() + fields) + body + hidden)
                r = w.response("POST")
                checks.that(f"{what}: answered, and the connection ends there", r.status in (503, 400) and w.closed(),
                            r)
        for length in ("-1", "x", "1x", "99999999999999999999999", ""):
            with Wire(self.port) as w:
                w.send(head_of("/auth", "POST", traefik() + [("Content-Length", length)]) + hidden)
                r = w.response("POST")
                rest = w.stream.read()          # libmicrohttpd 0.9.75 says the head of its own refusals twice
                checks.that(f"Content-Length: {length or 'nothing'}: no pass", r.status in (503, 400, 413, 0) and
                            b" 200 " not in rest, (r, rest))
        with Wire(self.port) as w:
            w.send(head_of("/upload", "PUT",
                           [("Host", "a"), ("Content-Length", str(len(UPLOAD))), ("Expect", "100-continue")]))
            checks.that("a long upload is answered before it is sent", w.response().status == 503)
        with Wire(self.port) as w:
            w.send(head_of("/upload", "PUT", [("Host", "a"), ("Content-Length", "3"), ("Expect", "100-continue")]))
            first = w.response()
            w.send(b"abc")
            checks.that("a short one is waited for", first.status == 100 and w.response().status == 503, first)
        self.folder.remove()

    def check_bad_input(self, checks):
        self.folder.touch()
        good = head_of("/auth", "GET", traefik(client=FRIEND))
        friendly = head_of("/auth", "GET", traefik(client=FRIEND))
        bad = [
            ("no HTTP", b"hello\r\n\r\n", (400, 0)), ("no version", b"GET /x\r\n\r\n", (400, 503, 505, 0)),
            ("a foreign version", b"GET /x HTTP/9.9\r\nHost: a\r\n\r\n", (400, 505, 0)),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), (400, 0)),
            ("noise", bytes(range(128, 256)) * 20 + b"\r\n\r\n", (400, 0)),
            ("HTTP/1.1 without Host", b"GET /x HTTP/1.1\r\n\r\n", (400,)),
            ("a field without a colon", b"GET /auth HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", (400,)),
            ("a blank before the colon", b"GET /auth HTTP/1.1\r\nHost : a\r\n\r\n", (400,)),
            ("a folded field", good[:-2] + b" folded: x\r\n\r\n", (400,)),
            ("a folded X-Forwarded-Uri", head_of("/auth", "GET", traefik("/open/\r\n ../x")), (400,)),
            ("a NUL in the target", good.replace(b"GET /auth ", b"GET /au\0th "), (400, 503, 0)),
            ("two blanks", good.replace(b"GET /auth ", b"GET  /auth "), (400,)),
            ("blanks before a value", head_of("/auth", "GET", traefik(client="   " + FRIEND)), (400,)),
            ("a NUL in X-Forwarded-Uri", head_of("/auth", "GET", traefik("/open/\0/../x")), (400,)),
            ("a NUL in the client's address", head_of("/auth", "GET", traefik(client=FRIEND + "\0, " + VISITOR)),
             (400,)),
            ("a coding behind a control byte", head_of("/auth", "GET", traefik(
                client=FRIEND, more=[("Transfer-Encoding", "\vchunked")])), (400,)),
            ("a field name that is none", head_of("/auth", "GET", traefik(client=FRIEND, more=[("X-\xc3", "v")])),
             (400,)),
            ("a method that is none", head_of("/auth", "G(T", traefik(client=FRIEND)), (400,)),
            ("HTTP/1.2", friendly.replace(b"HTTP/1.1", b"HTTP/1.2"), (400, 505)),
            ("a field behind a lone CR",
             head_of("/auth", "GET", traefik(more=[("X-A", f"b\rX-Forwarded-For: {FRIEND}")])), (400,)),
            ("a field behind a lone LF",
             head_of("/auth", "GET", traefik(more=[("X-A", f"b\nX-Forwarded-For: {FRIEND}")])), (400,)),
            ("a head that ends with a lone LF", friendly[:-4] + b"\n\r\n", (400,)),
            ("a first line that ends with a lone LF", friendly.replace(b"\r\n", b"\n", 1), (400,)),
            ("more cookies than there is memory for", head_of("/auth", "GET", traefik(
                client=FRIEND, more=[("Cookie", "a=b; " * 2000), ("X-Large", "v" * 20000)])), (0, 400, 413, 431)),
            ("an empty line and no more", b"\r\n", (0, 400)),
        ]
        for what, data, allowed in bad:
            with Wire(self.port) as w:
                w.send(data)
                with contextlib.suppress(OSError):
                    w.s.shutdown(socket.SHUT_WR)
                r = w.response()
                checks.that(f"{what}: refused", r.status in allowed, r)
            checks.that(f"{what}: service goes on", self.ask(headers=traefik(client=FRIEND)).status == 200)
        r = self.ask(headers=traefik(client=FRIEND, more=[("Cookie", "c=" + "x" * 25000)]))
        checks.that("a cookie of 25 kB is fine", r.status == 200, r)
        r = self.ask(headers=traefik(client=FRIEND, more=[("Cookie", "c=" + "x" * 200000)]))
        checks.that("a header over the limit: 431", r.status == 431, r)
        r = self.ask(headers=traefik(client=FRIEND, more=[(f"X-{i}", "y" * 900) for i in range(200)]))
        checks.that("many headers over the limit: 431", r.status == 431, r)
        r = self.ask("/" + "a" * 200000, [("Host", "a")])
        checks.that("a target over the limit: 414 or 431", r.status in (414, 431), r)
        r = self.ask(headers=traefik(client=FRIEND, more=[(f"X-{i}", "y") for i in range(300)]))
        checks.that("over 256 headers: 400", r.status == 400, r)
        r = self.ask(headers=traefik("/" + "a" * 60000, client=FRIEND))
        checks.that("a target of 60 kB is decided", r.status == 200, r)
        self.folder.remove()

    def connected(self, count, source):
        return [Wire(self.port, source) for _ in range(count)]

    def check_flood(self, checks):
        self.folder.touch()
        strangers = self.connected(PER_ADDRESS, STRANGER)
        wait_until(lambda: len(os.listdir(f"/proc/{self.worker()}/fd")) > PER_ADDRESS, "the connections")
        with Wire(self.port, STRANGER) as w:
            w.send(head_of("/x", "GET", [("Host", "a")]))
            checks.that("an address beyond its share is cut", w.response().status == 0)
        checks.that("another is served", self.ask(headers=traefik(client=FRIEND)).status == 200)
        for w in strangers:
            w.__exit__()
        self.wait_for_stranger(checks, "its connections gone, the address is served again")
        before = self.memory()
        flood = []
        for source in range(10, 40):
            flood += self.connected(PER_ADDRESS, f"127.0.0.{source}")
        for w in flood:
            w.send(b"GET /x HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 2000)
        files = len(os.listdir(f"/proc/{self.worker()}/fd"))
        checks.that("240 half requests: connections are bounded", files < CONNECTIONS + 40, files)
        checks.that("240 half requests: memory is bounded", self.memory() < before + 20000,
                    (before, self.memory()))
        start = time.monotonic()
        r = self.ask(headers=traefik(client=FRIEND))
        checks.that("a proxy is served once they time out", r.status == 200, r)
        checks.that("... within the time-outs", time.monotonic() - start < 8 * TIMEOUT, time.monotonic() - start)
        for w in flood:
            w.__exit__()
        proxies = self.connected(PER_ADDRESS * 2, PROXY)
        for w in proxies:
            w.send(head_of("/auth", "GET", traefik(client=FRIEND)))
        checks.that("a trusted proxy has no share of its own", all(w.response().status == 200 for w in proxies))
        for w in proxies:
            w.__exit__()
        self.folder.remove()

    def wait_for_stranger(self, checks, what):
        try:
            wait_until(lambda: self.ask("/x", [("Host", "a")], source=STRANGER).status == 503, what)
            checks.that(what, True)
        except RuntimeError as wrong:
            checks.that(what, False, wrong)

    def check_slow(self, checks):
        """Silent, dribbling and half-sent requests end; a proxy's idle connection does not, so soon."""
        begin = time.monotonic()
        silent, half = Wire(self.port, STRANGER), Wire(self.port, STRANGER)
        half.send(b"GET /x HTTP/1.1\r\nHost:")
        dribble, ends = Wire(self.port, STRANGER), []
        body = Wire(self.port, STRANGER)
        body.send(head_of("/x", "POST", [("Host", "a"), ("Content-Length", "1000")]) + b"x")
        proxy, never_asked = Wire(self.port, PROXY), Wire(self.port, PROXY)
        proxy.send(head_of("/auth", "GET", traefik()))
        proxy.response()

        def drip():
            with contextlib.suppress(OSError):
                while time.monotonic() - begin < WAIT_SECONDS:
                    dribble.s.sendall(b"G")
                    time.sleep(0.2)
            ends.append(time.monotonic() - begin)
        dripping = threading.Thread(target=drip)
        dripping.start()
        for what, w in (("silent", silent), ("half a head", half), ("half a body", body),
                        ("a proxy that has not asked", never_asked)):
            w.response()
            checks.that(f"{what}: cut", w.closed())
        checks.that("... in time", TIMEOUT - 0.5 < time.monotonic() - begin < TIMEOUT + 5, time.monotonic() - begin)
        dripping.join()
        checks.that("a byte now and then: cut", ends[0] < 2 * TIMEOUT + 4, ends)
        proxy.send(head_of("/auth", "GET", traefik()))
        checks.that("a proxy's connection is kept meanwhile", proxy.response().status == 200)
        for w in (silent, half, dribble, body, proxy, never_asked):
            w.__exit__()

    def log(self):
        with open(self.folder.file("log/gateway")) as f:
            return f.read()

    def check_reload(self, checks):
        self.folder.touch()
        with Wire(self.port) as w:
            w.send(head_of("/auth", "GET", traefik()))
            checks.that("before the reload", w.response().status == 503)
            loaded = self.log().count("configuration loaded")
            with open(self.folder.file("warden.ini")) as f:
                text = f.read()
            self.folder.write("warden.ini",
                              text.replace(FRIEND, VISITOR).replace("http_timeout = 2", "http_timeout = 3"))
            self.folder.gateway.send_signal(signal.SIGHUP)
            wait_until(lambda: self.log().count("configuration loaded") > loaded, "the reload")
            w.send(head_of("/auth", "GET", traefik()))
            checks.that("a kept connection sees the new policy", w.response().status == 200)
        wait_until(lambda: "http_timeout change at the next start" in self.log(), "the warning")
        checks.that("what waits for the next start is said", True)
        checks.that("a question that cannot be answered was told to the log",
                    "asks, and it cannot be told what" in self.log())
        self.folder.write("warden.ini", text)
        self.folder.remove()

    def check_end(self, checks):
        """A request that has begun is answered after SIGTERM; idle connections do not hold the end up."""
        idle = Wire(self.port)
        with Wire(self.port) as w:
            w.send(b"POST /auth HTTP/1.1\r\nContent-Length: 3\r\n")
            time.sleep(0.3)
            codes, process = [], self.folder.gateway
            waiter = threading.Thread(target=lambda: codes.append(self.folder.stop(process)))
            waiter.start()
            wait_until(lambda: "stopping" in self.log(), "the end")
            w.send(head_of("", "", traefik())[len("  HTTP/1.1\r\n"):] + b"abc")
            r = w.response()
            checks.that("SIGTERM: what was running is answered", r.status == 200 and r.header("connection") == "close",
                        r)
            start = time.monotonic()
            waiter.join(WAIT_SECONDS)
            checks.that("SIGTERM: exit code 0, at once", codes == [0] and time.monotonic() - start < 3, codes)
        idle.__exit__()
        self.start()
        checks.that("the port is free again at once", self.ask(headers=traefik()).status == 200)
        self.folder.stop(self.folder.gateway)

    def check_unix_socket(self, checks):
        """A Unix socket counts as 127.0.0.1, and FastCGI is served beside it."""
        path = self.folder.file("http.sock")
        for trusted in (True, False):
            text = self.write_ini(f"http_listen = {path}\nlisten = {self.folder.socket}")
            with open(text) as f:
                ini = f.read()
            self.folder.write("warden.ini", ini.replace("trusted_proxies = ", "trusted_proxies = 127.0.0.1, ")
                              if trusted else ini)
            self.folder.start_gateway()
            self.folder.touch()
            wait_until(lambda: socket_open(path), "the socket")
            with Wire(path) as w:
                w.send(head_of("/auth", "GET", traefik(client=FRIEND)))
                r = w.response()
            checks.that(f"over a Unix socket, {'trusted' if trusted else 'not trusted'}",
                        r.status == (200 if trusted else 400), r)
            checks.that("FastCGI beside it", fastcgi_status(ask_fastcgi(self.folder.socket)) == 503)
            checks.that("ends", self.folder.stop(self.folder.gateway) == 0)
            checks.that("and removes both sockets", not os.path.exists(path) and not os.path.exists(self.folder.socket))
            self.folder.remove()

    def check_original(self, checks):
        """forward_headers: the one dialect that was chosen, and no other."""
        for word, fields, other in (("x-original-url", ingress, "X-Original-Uri"),
                                    ("x-original-uri", nginx, "X-Original-Url")):
            self.write_ini(f"forward_headers = {word}")
            self.start()
            first = "https://shop.example" if fields is ingress else ""
            checks.that(f"{word}, off: 204", self.ask("/auth-request", fields()).status == 204)
            self.folder.touch()
            r = self.ask("/auth-request", fields())
            checks.that(f"{word}, on: 401 with the marker", r.status == 401 and r.header("x-maintenance"), r)
            checks.that(f"{word}, on: a friend", self.ask("/auth-request", fields(client=FRIEND)).status == 204)
            checks.that(f"{word}, on: an open path",
                        self.ask("/auth-request", fields(first + "/open/x?y")).status == 204)
            checks.that(f"{word}, on: the visitor's method",
                        self.ask("/auth-request", fields(first + "/health", "POST")).status == 401)
            checks.that(f"{word}, on: /auth too", self.ask("/auth", fields()).status == 503)
            forged = [(other, "/open/x"), ("X-Forwarded-Uri", "/open/x"), ("X-Forwarded-Method", "GET")]
            checks.that(f"{word}, on: other dialects are not read",
                        self.ask("/auth-request", fields(more=forged)).status == 401)
            checks.that(f"{word}, on: Traefik's fields alone: 400",
                        self.ask("/auth-request", traefik(client=FRIEND)).status == 400)
            for name in ("X-Original-Method", "X-Original-URL" if fields is ingress else "X-Original-URI"):
                checks.that(f"{word}, on: {name} missing: 400",
                            self.ask("/auth-request", without(fields(client=FRIEND), name)).status == 400)
                checks.that(f"{word}, on: {name} doubled: 400", self.ask(
                    "/auth-request", fields(client=FRIEND, more=[(name, dict(fields())[name])])).status == 400)
            if fields is ingress:
                for url in ("/open/x", "ftp://shop.example/open/x", "shop.example/open/x", "https://", ""):
                    status = self.ask("/auth-request", fields(url)).status
                    checks.that(f"{word}, on: {url or 'nothing'} is no URL", status in (400, 401), status)
            self.folder.remove()
            self.folder.touch("flags/shop.flag")
            checks.that(f"{word}: the site by the visitor's host",
                        self.ask("/auth-request", fields(first + "/shop/")).status == 401 and
                        self.ask("/auth-request", fields(first + "/x")).status == 204)
            self.folder.remove("flags/shop.flag")
            self.folder.stop(self.folder.gateway)


WAYS = (Http,)
