# SPDX-License-Identifier: MIT
"""No web server: FastCGI records as a broken or hostile peer would send them, and after each a good request."""
import contextlib
import os
import re
import signal
import socket
import struct
import threading

from harness import WAIT_SECONDS, Folder, receive, wait_until

BEGIN, END, PARAMS, STDIN, STDOUT, GET_VALUES = 1, 3, 4, 5, 6, 9
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
GOOD = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/x"), ("REMOTE_ADDR", "192.0.2.9"), ("HTTP_ACCEPT", "text/html")]


def record(kind, content=b"", request_id=1, version=1):
    return struct.pack(">BBHHBB", version, kind, request_id, len(content), 0, 0) + content


def pairs(parameters):
    out = b""
    for name, value in parameters:
        name, value = name.encode(), value.encode()
        for part in (name, value):
            out += bytes([len(part)]) if len(part) < 128 else struct.pack(">I", len(part) | 1 << 31)
        out += name + value
    return out


def begin(role=RESPONDER, flags=0):
    return record(BEGIN, struct.pack(">HB5x", role, flags))


def params(parameters):
    content = pairs(parameters)
    chunks = [content[i:i + 60000] for i in range(0, len(content), 60000)]
    return b"".join(record(PARAMS, c) for c in chunks) + record(PARAMS)


def whole(parameters, role=RESPONDER, flags=0):
    return begin(role, flags) + params(parameters) + record(STDIN)


def stdout_of(data):
    out = b""
    while len(data) >= 8:
        _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", data[:8])
        if kind == STDOUT:
            out += data[8:8 + length]
        data = data[8 + length + padding:]
    return out


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(WAIT_SECONDS)
    with contextlib.suppress(BlockingIOError):          # the backlog is full for the moment
        s.connect(path)
        return s
    s.setblocking(True)
    s.connect(path)
    s.settimeout(WAIT_SECONDS)
    return s


def send(path, data, finish=True):
    """Sends, and reads until the gateway closes.  `finish`: nothing more will come."""
    with connect(path) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(data)
            if finish:
                s.shutdown(socket.SHUT_WR)
        return stdout_of(receive(s))


def status(answer):
    match = re.match(rb"Status: (\d+)", answer)
    return int(match.group(1)) if match else 0


def ask(path, parameters=(), role=AUTHORIZER, flags=0):
    return send(path, whole(GOOD + list(parameters), role, flags), finish=False)


many = GOOD + [(f"HTTP_X_{i}", "v") for i in range(300)]
large = GOOD + [(f"HTTP_X_{i}", "v" * 5000) for i in range(20)]
BROKEN = [
    ("nothing at all", b"", (0,)),
    ("half a header", b"\x01\x01\x00", (0,)),
    ("half of BEGIN", begin()[:11], (0,)),
    ("PARAMS cut short", begin() + params(GOOD)[:40], (0, 400)),
    ("PARAMS without end", begin() + record(PARAMS, pairs(GOOD)), (0, 400)),
    ("STDIN in the middle of PARAMS", begin() + record(PARAMS, pairs(GOOD[:2])) + record(STDIN), (0, 400)),
    ("a foreign role", whole(GOOD, FILTER), (0, 400)),
    ("an unknown role", whole(GOOD, 9), (0, 400)),
    ("a wrong version", record(BEGIN, struct.pack(">HB5x", 1, 0), version=7), (0,)),
    ("a pair longer than its record", begin() + record(PARAMS, b"\x7f\x7fA") + record(PARAMS) + record(STDIN),
     (0, 400)),
    ("a management record alone", record(GET_VALUES, pairs([("FCGI_MAX_CONNS", "")]), 0), (0,)),
    ("no REQUEST_URI", whole(GOOD[:1] + GOOD[2:]), (400,)),
    ("no REMOTE_ADDR", whole(GOOD[:2]), (400,)),
    ("an empty method", whole([("REQUEST_METHOD", "")] + GOOD[1:]), (400,)),
    ("REQUEST_URI doubled", whole(GOOD + [("REQUEST_URI", "/health")]), (400,)),
    ("REMOTE_ADDR doubled", whole(GOOD + [("REMOTE_ADDR", "127.0.0.2")]), (400,)),
    ("WARDEN_USER doubled", whole(GOOD + [("WARDEN_USER", "anna")] * 1 + [("WARDEN_USER", "anna")]), (400,)),
    ("over 256 parameters", whole(many), (400,)),
    ("over 64 KiB of parameters", whole(large), (400,)),
    ("noise", bytes(range(256)) * 20, (0, 400)),
]


class FastCgi:
    name = "fastcgi"

    def __init__(self, folder: Folder):
        self.folder, self.path = folder, folder.socket
        folder.start_gateway()

    def run(self, checks):
        self.check_broken(checks)
        self.check_slow_peers(checks)
        self.check_kept_connections(checks)
        self.check_reload(checks)
        self.check_end(checks)

    def check_broken(self, checks):
        self.folder.touch()
        for what, data, allowed in BROKEN:
            answer = send(self.path, data)
            checks.that(f"{what}: refused", status(answer) in allowed, answer[:80])
            checks.that(f"{what}: service goes on", status(ask(self.path)) == 503)
        self.folder.remove()
        for what, data in (("over 256 parameters", whole(many, AUTHORIZER)), ("64 KiB", whole(large, AUTHORIZER))):
            checks.that(f"off: {what} pass", status(send(self.path, data)) == 200)

    def check_slow_peers(self, checks):
        """More peers than there are workers at the start say half a word, and stay."""
        peers = [connect(self.path) for _ in range(20)]
        for peer in peers:
            peer.sendall(begin()[:5])
        checks.that("20 half-sent records hold nobody up", status(ask(self.path)) == 200)
        for peer in peers:
            peer.close()

    def check_kept_connections(self, checks):
        """A kept connection carries request after request; idle, it holds no worker, however many there are."""
        endless = begin(AUTHORIZER, flags=1) + params(GOOD)             # mod_fcgid sends no STDIN
        answers = [send(self.path, endless, finish=False) for _ in range(5)]
        checks.that("an authorizer's connection without the end of a body is closed",
                    all(status(a) == 200 for a in answers))
        with connect(self.path) as s:
            for n in range(5):
                answer = self.exchange(s, whole(GOOD, AUTHORIZER, flags=1))
                checks.that(f"an authorizer's connection is kept, request {n}", status(answer) == 200)
        self.folder.touch()
        kept = [connect(self.path) for _ in range(200)]
        for n, s in enumerate(kept):
            checks.that(f"kept connection {n}: answered", status(self.exchange(s)) == 503)
        for n in (0, 1, 199):
            for _ in range(20):
                checks.that(f"kept connection {n}: once more", status(self.exchange(kept[n])) == 503)
        checks.that("200 idle kept connections hold no worker", status(ask(self.path)) == 503)
        body = begin(flags=1) + params(GOOD) + record(STDIN, b"x" * 3000) + record(STDIN)
        checks.that("a short body, ...", status(self.exchange(kept[0], body)) == 503)
        checks.that("... and the next request", status(self.exchange(kept[0])) == 503)
        slow = begin(flags=1) + params(GOOD + [("CONTENT_LENGTH", "100")]) + record(STDIN, b"x" * 10)
        checks.that("a body that does not come is not waited for", status(self.exchange(kept[2], slow)) == 503)
        large = begin(flags=1) + params(GOOD) + record(STDIN, b"x" * 60000) * 2 + record(STDIN)
        with contextlib.suppress(ConnectionError):
            kept[1].sendall(large)
        checks.that("a large body is answered, and ends the connection", status(stdout_of(receive(kept[1]))) == 503)
        many = [connect(self.path) for _ in range(1100)]
        checks.that("more silent connections than may wait", status(self.exchange(kept[199])) in (0, 503))
        checks.that("... hold nobody up", status(ask(self.path)) == 503)
        for s in kept + many:
            s.close()
        self.folder.remove()

    def exchange(self, s, data=None):
        """One request on a connection that stays, read up to its FCGI_END_REQUEST."""
        with contextlib.suppress(ConnectionError):
            s.sendall(whole(GOOD, flags=1) if data is None else data)
        stream, out = s.makefile("rb"), b""
        while len(head := stream.read(8)) == 8:
            _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", head)
            content = stream.read(length + padding)[:length]
            out += content if kind == STDOUT else b""
            if kind == END:
                break
        return out

    def reloaded(self, what, text, change=None):
        """Writes the INI, changes something else, or sends SIGHUP; waits for one more line with `what` in the log."""
        log = self.folder.file("log/gateway")

        def lines():
            with open(log) as f:
                return f.read().count(what)
        before = lines()
        if change is not None:
            change()
        elif text is None:
            self.folder.gateway.send_signal(signal.SIGHUP)
        else:
            self.folder.write("warden.ini.new", text)
            os.rename(self.folder.file("warden.ini.new"), self.folder.file("warden.ini"))
        wait_until(lambda: lines() > before, f"'{what}' in the log")

    def check_reload(self, checks):
        with open(self.folder.file("warden.ini")) as f:
            good = f.read()
        self.folder.touch()
        self.reloaded("configuration loaded", good.replace("Wire test", "Changed text"))
        checks.that("a changed INI is in force by itself", b"Changed text" in ask(self.path))
        self.reloaded("the one in force stays", good.replace("bypass_user", "bypas_user"))
        checks.that("a broken INI keeps the policy", b"Changed text" in ask(self.path))
        with open(self.folder.file("log/gateway")) as f:
            log = f.read()
        line = good.split("\n").index("bypass_user = anna") + 1
        checks.that("and is told with file, line, section and key",
                    f"warden.ini:{line}: [site] bypas_user: no such key; "
                    "did you mean bypass_user?" in log, log[-300:])
        self.reloaded("configuration loaded", good)
        checks.that("mended, it is in force", b"Wire test" in ask(self.path))
        self.reloaded("the one in force stays", good.replace("[site.shop]", "bypass_address_file = nets\n[site.shop]"))
        self.reloaded("configuration loaded", None, lambda: self.folder.write("nets", "192.0.2.9\n"))
        checks.that("a missing file that comes is found", status(ask(self.path)) == 200)
        self.reloaded("configuration loaded", None)
        checks.that("SIGHUP reloads", status(ask(self.path)) == 200)
        self.folder.remove()

    def check_end(self, checks):
        """A request that has begun is answered after SIGTERM; the socket is removed."""
        with connect(self.path) as s:
            s.sendall(begin(AUTHORIZER))
            checks.that("another request is answered meanwhile", status(ask(self.path)) == 200)
            codes = []
            process = self.folder.gateway
            waiter = threading.Thread(target=lambda: codes.append(self.folder.stop(process)))
            waiter.start()
            wait_until(lambda: not self.listening(), "the end of listening")
            s.sendall(params(GOOD) + record(STDIN))
            checks.that("SIGTERM: what was running is answered", status(stdout_of(receive(s))) == 200)
            waiter.join(WAIT_SECONDS)
        checks.that("SIGTERM: exit code 0", codes == [0], codes)
        checks.that("SIGTERM: the socket is gone", not os.path.exists(self.path))

    def listening(self):
        """Whether the gateway has not yet said that it stops."""
        with open(self.folder.file("log/gateway")) as f:
            return "stopping" not in f.read()


WAYS = (FastCgi,)
