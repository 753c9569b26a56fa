# SPDX-License-Identifier: MIT
"""What the proofs share: a gateway with all of its fronts, one question over each, and what its processes hold."""
import contextlib
import os
import re
import resource
import socket
import statistics
import struct
import sys
import time

import harness

fastcgi, wire = harness.fastcgi, harness.wire

PROXY = "127.0.0.3"             # in trusted_proxies
VISITOR, FRIEND = "203.0.113.9", "192.0.2.7"    # FRIEND is in bypass_address
SECRET = "fault-secret-0123456789"
OPEN = "/open/"
ANSWER_SECONDS = 15             # nothing is waited for longer
HTML = ("HTTP_ACCEPT", "text/html,*/*;q=0.8")

POLICY = f"""[site]
title = Fault test
bypass_address = {FRIEND}
bypass_secret = {SECRET}
open_path = {OPEN}
open_defaults =
hand_back = status 204
[site.shop]
path = /shop/
"""


def parameters(target="/x", client=VISITOR, method="GET", more=()):
    """What a web server says of one request."""
    return [("REQUEST_METHOD", method), ("REQUEST_URI", target), ("REMOTE_ADDR", client),
            ("SERVER_PROTOCOL", "HTTP/1.1"), ("HTTP_HOST", "site.example"), HTML, *more]


def forwarded(target="/x", client=VISITOR, method="GET", more=()):
    """The header fields with which a proxy asks about one request."""
    return [("Host", "gate"), ("Accept", "text/html,*/*;q=0.8"), ("X-Forwarded-For", client),
            ("X-Forwarded-Host", "site.example"), ("X-Forwarded-Method", method), ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Uri", target), *more]


def head(fields, target="/auth", method="GET", version="HTTP/1.1"):
    lines = [f"{method} {target} {version}", *(f"{n}: {v}" for n, v in fields)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def http_status(answer):
    match = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return int(match.group(1)) if match else 0


def descendants(pid):
    """The process and all that it started, and they started."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError), open(f"/proc/{one}/task/{one}/children") as f:
            found += [int(word) for word in f.read().split()]
    return found


def raise_descriptors(wanted):
    """For this process and what it starts from now on.  False where the system allows no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard >= wanted):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= wanted


class Service(harness.Folder):
    """A gateway that listens for FastCGI, for HTTP, and for metrics and control."""

    def __init__(self, options, policy=POLICY, gateway="", tcp=False, http="", start=True):
        super().__init__(options)
        self.http, self.control = wire.free_port(), self.file("control.sock")
        self.environment["ASAN_OPTIONS"] = "allocator_may_return_null=1"        # as malloc() itself does
        # libfcgi 2.4.2 loses 48 bytes with each GET_VALUES record that is broken
        self.environment["LSAN_OPTIONS"] = f"print_suppressions=0:suppressions={self.write('lsan', 'leak:libfcgi.so')}"
        self.fcgi = wire.free_port() if tcp else self.socket
        listen = f"127.0.0.1:{self.fcgi}" if tcp else self.socket
        self.write("warden.ini", f"[gateway]\nlisten = {listen}\nstate_dir = {self.state}\nsocket_mode = 0666\n"
                   f"http_listen = 127.0.0.1:{self.http}\ncontrol_listen = {self.control}\n"
                   f"trusted_proxies = {PROXY}\n{gateway}{http}{policy}")
        if start:
            self.start_gateway()

    def start_gateway(self):
        with open(self.file("gateway.log"), "ab") as log:
            self.gateway = harness.subprocess.Popen([self.gateway_binary, "-c", self.ini], stdout=log, stderr=log,
                                                    stdin=harness.subprocess.DEVNULL, env=self.environment)
        for ask in (self.ask_fcgi, self.ask_http, self.ask_control):
            wire.wait_until(lambda ask=ask: answered(ask), f"the gateway ({ask.__name__})", self.gateway)

    def log(self):
        with open(self.file("gateway.log"), "rb") as f:
            return f.read()

    # --- one question over each front, on a connection of its own: the status, 0 where none came ---

    def ask_fcgi(self, client=VISITOR, target="/x", more=()):
        data = fastcgi.whole(parameters(target, client, more=more), fastcgi.AUTHORIZER)
        return fastcgi.status(fastcgi.stdout_of(exchange(self.fcgi, data)))

    def ask_http(self, client=VISITOR, target="/x", more=()):
        fields = forwarded(target, client, more=(*more, ("Connection", "close")))
        return http_status(exchange(self.http, head(fields), PROXY))

    def ask_control(self, target="/healthz"):
        return http_status(exchange(self.control, head([("Host", "x"), ("Connection", "close")], target)))

    def metrics(self):
        return exchange(self.control, head([("Host", "x"), ("Connection", "close")], "/metrics"))

    def touch(self, flag="maintenance.flag"):
        with open(os.path.join(self.state, flag), "w"):
            pass

    def remove(self, flag="maintenance.flag"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.state, flag))

    # --- what it holds ---

    def processes(self):
        return descendants(self.gateway.pid)

    def workers(self):
        """The processes that answer, where they are others than the one that was started."""
        return self.processes()[1:]

    def memory(self):
        """KiB of resident memory, of all processes; what they share counts once (PSS)."""
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        return total

    def descriptors(self):
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                total += len(os.listdir(f"/proc/{pid}/fd"))
        return total

    def sanitized(self):
        """Whether it was built with a sanitizer: then its memory says nothing, and all takes longer."""
        with open(f"/proc/{self.gateway.pid}/maps") as f:
            return "libasan" in f.read()


def answered(ask):
    """Whether there is any answer."""
    with contextlib.suppress(OSError):
        return ask() != 0
    return False


def connect(where, source=None):
    """To a path, or to a port of 127.0.0.1 from the address `source`."""
    if isinstance(where, str):
        return fastcgi.connect(where)
    s = socket.socket()
    s.settimeout(ANSWER_SECONDS)
    if source is not None:
        s.setsockopt(socket.IPPROTO_IP, 24, 1)          # IP_BIND_ADDRESS_NO_PORT: the port is chosen by connect()
        s.bind((source, 0))
    s.connect(("127.0.0.1", where))
    return s


def exchange(where, data, source=None):
    """Sends, and reads until the gateway closes; b"" where it cut the connection."""
    with connect(where, source) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(data)
        return wire.receive(s)


def answers_of(data):
    """The FastCGI answers in a stream, as far as they came: [stdout]."""
    found, out = [], {}
    while len(data) >= 8:
        _, kind, request_id, length, padding, _ = struct.unpack(">BBHHBB", data[:8])
        if kind == fastcgi.STDOUT:
            out[request_id] = out.get(request_id, b"") + data[8:8 + length]
        elif kind == fastcgi.END:
            found.append(out.pop(request_id, b""))
        data = data[8 + length + padding:]
    return found + list(out.values())


def mutated(dice, data, longest, within=sys.maxsize, odd=()):
    """Bytes changed, put in and taken out at random, up to `longest` at once, among the first `within`.

    One that is changed becomes any byte, or one of `odd`: each of those as often as any byte.
    """
    data = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5, 20))):
        at = dice.randrange(min(len(data), within) + 1)
        way = dice.randrange(3)
        if way == 0 and at < len(data):
            data[at] = dice.randrange(256)
            if odd:
                data[at] = dice.choice((*odd, data[at]))
        elif way == 1:
            data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, longest)))
        else:
            del data[at:at + dice.randint(1, longest)]
    return bytes(data)


class Kept:
    """One connection that carries request after request, as a web server or a proxy keeps it; opened again when cut."""

    def __init__(self, where, source=None):
        self.where, self.source, self.socket, self.again = where, source, None, -1

    def ask(self, client=VISITOR, target="/x"):
        """The status; 0 where the connection was cut meanwhile."""
        if self.socket is None:
            self.socket, self.again = connect(self.where, self.source), self.again + 1
            self.stream = self.socket.makefile("rb")
        try:
            self.socket.sendall(self.question(client, target))
            return self.answer()
        except (ConnectionError, EOFError):
            self.close()
            return 0

    def take(self, count):
        data = self.stream.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def close(self):
        if self.socket is not None:
            self.stream.close()
            self.socket.close()
        self.socket = None


class KeptFcgi(Kept):
    def question(self, client, target):
        return fastcgi.whole(parameters(target, client, more=[("WARDEN_MODE", "forward-auth")]), fastcgi.RESPONDER, 1)

    def answer(self):
        out = b""
        while True:
            _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", self.take(8))
            content = self.take(length + padding)[:length]
            out += content if kind == fastcgi.STDOUT else b""
            if kind == fastcgi.END:
                return fastcgi.status(out)


class KeptHttp(Kept):
    def question(self, client, target):
        return head(forwarded(target, client))

    def answer(self):
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            line = self.stream.readline()
            if not line:
                raise EOFError
            text += line
        self.take(int(re.search(rb"(?i)content-length: (\d+)", text).group(1)))
        return http_status(text)


class Times:
    """Seconds that answers took."""

    def __init__(self):
        self.all = []

    def timed(self, ask, *words):
        """What `ask` says."""
        start = time.monotonic()
        try:
            return ask(*words)
        finally:
            self.all.append(time.monotonic() - start)

    def part(self, share):
        return sorted(self.all)[min(int(len(self.all) * share), len(self.all) - 1)] if self.all else 0

    def __str__(self):
        if not self.all:
            return "nothing was asked"
        return (f"p50 {statistics.median(self.all) * 1e3:.1f} ms, p99 {self.part(.99) * 1e3:.1f} ms, "
                f"longest {max(self.all) * 1e3:.0f} ms")


class Control:
    """After each broken peer, the same question on a connection of its own, and how long its answer took.

    Where a worker has died, it may ask again until AFTER_DEATH.  An answer is late beyond LATE seconds.  This machine
    may be busy with other things, so that a late one is asked for again, after the same bytes: what is the gateway's
    own fault comes again.  Beyond LOST seconds there is no excuse, but that of sanitizers, which are SLOWER times as
    slow.
    """
    LATE, LOST, AFTER_DEATH, DYING = 0.1, 1.0, 2.0, 0.2
    SLOWER = 5
    TRIES = 3

    def __init__(self, service, ask):
        self.service, self.ask = service, ask
        self.times, self.deaths, self.wrong = Times(), 0, []
        self.alive = service.workers()
        slower = self.SLOWER if service.sanitized() else 1
        self.late, self.lost, self.after_death, self.dying = (
            slower * seconds for seconds in (self.LATE, self.LOST, self.AFTER_DEATH, self.DYING))

    def status(self, client):
        """What is answered; what went wrong where nothing is."""
        try:
            return self.ask(client)
        except OSError as error:
            return repr(error)

    def died(self, found):
        """Whether a worker has died; one that is just dying answers nothing, and is there for a moment more."""
        end = time.monotonic() + (self.dying if isinstance(found, str) or found == 0 else 0)
        while self.service.workers() == self.alive:
            if time.monotonic() >= end:
                return False
            time.sleep(0.001)
        return True

    def once(self, client, wanted):
        """None, or what was wrong; and whether it was late."""
        start = time.monotonic()
        found = self.status(client)
        taken, limit, late = time.monotonic() - start, self.lost, False
        if self.died(found):
            self.deaths += 1
            while (isinstance(found, str) or found == 0) and time.monotonic() < start + self.after_death:
                found = self.status(client)
            self.alive = self.service.workers()
            taken, limit = time.monotonic() - start, self.after_death
        else:
            late = taken > self.late
            self.times.all.append(taken)
        if found != wanted or taken > limit:
            return f"answered {found} instead of {wanted}, after {taken:.3f} s", late
        return None, late

    def settle(self):
        """Waits until no worker dies of what came before."""
        end = time.monotonic() + ANSWER_SECONDS
        while self.died(0) and time.monotonic() < end:
            self.alive = self.service.workers()

    def after(self, replay, what):
        """Asks; `replay` does again what came before."""
        for n in range(self.TRIES):
            client, wanted = ((VISITOR, 503), (FRIEND, 200))[(len(self.times.all) + n) % 2]
            wrong, late = self.once(client, wanted)
            if wrong is not None or not late:
                break
            if n + 1 < self.TRIES:
                replay()
        if late and wrong is None:
            wrong = f"late {self.TRIES} times, the last by {self.times.all[-1]:.3f} s"
        if wrong is not None:
            self.wrong.append((what, wrong))
        return wrong is None
