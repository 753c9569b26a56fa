# SPDX-License-Identifier: MIT
"""HTTP requests broken at random: the next request is answered at once, and nothing that is not whole passes.

To http_listen as trusted proxies and strangers send them, and to control_listen.  Whether a pass was right is decided
by a strict reader of the test's own.
"""
import collections
import contextlib
import os
import random
import re
import socket
import time

import service
from service import FRIEND, OPEN, PROXY, SECRET, forwarded, head

LONG, SHORT = 50000, 3000
LINGERING = {"http": 40, "control": 10}         # connections that stay open while others go on
STRANGER = "127.0.0.4"
AT_ONCE = 0.004                 # how long an answer is waited for before others go on
END_SECONDS = 5                 # how soon a connection ends whose peer has ended
TOKEN = "fault-token-0123456789"
UPLOAD = b"u" * 500


def chunked(data, size=100):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def corpus():
    """Good requests; most of them would pass while maintenance is on, so that a wrong pass can show."""
    friend = forwarded(client=FRIEND)
    kept = head(friend) + head(forwarded()) + head(friend)
    return {
        "visitor": head(forwarded()),
        "friend": head(friend),
        "open path": head(forwarded(OPEN + "x?y=1")),
        "secret": head(forwarded(more=[("X-Maintenance-Bypass", SECRET)])),
        "auth_request": head(friend, "/auth-request"),
        "envoy": head([("Host", "site.example"), ("X-Forwarded-For", FRIEND), ("X-Forwarded-Proto", "https")],
                      "/auth/x?y=1"),
        "envoy, open path": head([("Host", "site.example"), ("X-Forwarded-For", "203.0.113.9")], "/auth" + OPEN + "x"),
        "page": head([("Host", "site.example"), ("Accept", "text/html")], "/cart"),
        "HEAD": head(friend, method="HEAD"),
        "with a body": head(friend + [("Content-Length", str(len(UPLOAD)))], method="POST") + UPLOAD,
        "in chunks": head(friend + [("Transfer-Encoding", "chunked")], method="POST") + chunked(UPLOAD),
        "a request as a body": head(forwarded(more=[("Content-Length", str(len(kept)))]), method="POST") + kept,
        "three on one connection": kept,
        "HTTP/1.0": head(friend, version="HTTP/1.0"),
        "Expect": head(friend + [("Content-Length", "500"), ("Expect", "100-continue")], method="PUT") + UPLOAD,
        "Upgrade": head(friend + [("Connection", "Upgrade"), ("Upgrade", "websocket")]),
    }


def control_corpus():
    """What is asked of control_listen; the actions have no valid token, or too little in their body."""
    host = [("Host", "localhost")]
    token = [*host, ("Content-Type", "application/json")]
    return {
        "metrics": head(host, "/metrics"), "health": head(host, "/healthz"), "ready": head(host, "/readyz"),
        "status": head(host, "/.maintenance/status?site=shop"), "all": head(host, "/.maintenance/status"),
        "on, no token": head([*token, ("Content-Length", "2")], "/.maintenance/on", "POST") + b"{}",
        "off, a wrong token": head([*token, ("Authorization", "Bearer wrong-token-0123456789"),
                                    ("Content-Length", "2")],
                                   "/.maintenance/off", "POST") + b"{}",
        "in chunks": head([*token, ("Transfer-Encoding", "chunked")], "/.maintenance/step", "POST") +
        chunked(b'{"step":"x"}'),
        "two": head(host, "/metrics") + head(host, "/healthz"),
    }


# What stands in place of a request altogether.
STRANGE = {
    "HTTP/0.9": b"GET /auth\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000012040000000000") + bytes(18),
    "TLS ClientHello": bytes.fromhex("16030100c8010000c40303") + bytes(range(200)),
    "a proxy's line": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n" + head(forwarded(client=FRIEND)),
    "nothing": b"", "line ends": b"\r\n" * 500, "NUL": b"\0" * 500, "spaces": b" " * 2000 + b"\r\n\r\n",
    "one long line": b"G" * 200000, "a colon": b":\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n", "Redis": b"*1\r\n$4\r\nPING\r\n",
    "FastCGI": service.fastcgi.whole(service.parameters(client=FRIEND)),
}
LINES = (
    b"GET http://site.example/auth HTTP/1.1", b"GET http://evil.example/auth HTTP/1.1", b"OPTIONS * HTTP/1.1",
    b"CONNECT site.example:443 HTTP/1.1", b"CONNECT /auth HTTP/1.1", b"GET  /auth HTTP/1.1", b"GET\t/auth\tHTTP/1.1",
    b"GET /auth HTTP/1.1 ", b" GET /auth HTTP/1.1", b"get /auth HTTP/1.1", b"GET /auth HTTP/9.9",
    b"GET /auth http/1.1", b"GET /auth", b"GET /auth HTTP/1.10", b"GET /auth HTTP/2.0", b"GET /%61uth HTTP/1.1",
    b"GET /auth%00 HTTP/1.1", b"GET /auth\0 HTTP/1.1", b"GET //auth HTTP/1.1", b"GET /x/../auth HTTP/1.1",
    b"GET /auth#x HTTP/1.1", b"GET /" + b"a" * 40000 + b" HTTP/1.1", b"GET /auth?" + b"q" * 140000 + b" HTTP/1.1",
    b"\xff\xfe /auth HTTP/1.1", b"G" * 9000 + b" /auth HTTP/1.1", b"",
)
FIELDS = (
    b"Host: other.example", b"X-Forwarded-For: 192.0.2.7", b"X-Forwarded-For: 203.0.113.9",
    b"X-Forwarded-Uri: /open/x", b"X-Forwarded-Uri: /x", b"X-Forwarded-Method: GET", b"X-Forwarded-Host: a.example",
    b"X-Forwarded-For : 192.0.2.7", b" X-Forwarded-For: 192.0.2.7", b"\tfolded", b" folded",
    b"X-Forwarded-For\0: 192.0.2.7", b"X-Forwarded-For: 192.0.2.7\0", b"X-Forwarded-For:\x0b192.0.2.7",
    b"X_Forwarded_For: 192.0.2.7", b"no colon", b": no name", b"Content-Length: 5", b"Content-Length: -1",
    b"Content-Length: +5", b"Content-Length: 5, 5", b"Content-Length: 99999999999999999999", b"Content-Length: 0x5",
    b"Content-Length: 1000000", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: xchunked",
    b"Expect: 100-continue", b"Expect: x", b"Connection: close", b"Connection: Upgrade", b"Upgrade: h2c",
    b"Upgrade: websocket", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA", b"Connection: X-Forwarded-For",
    b"X-Large: " + b"v" * 20000, b"X-Huge: " + b"v" * 140000, b"X-Maintenance-Bypass: wrong",
    b"Trailer: X-Forwarded-For", b"Range: bytes=0-", b"X-Bytes: " + bytes(range(1, 10)) + bytes(range(128, 256)),
    b"Cookie: " + b"a=b; " * 2000,
)
ENDS = (
    b"\n", b"\r", b"\r\r\n", b"\n\r", b"", b"\0\r\n", b"\r\n\r\n", b" \r\n", b"\x0b\r\n",
)
CHUNKS = (
    b"5\r\nabcde\r\n", b"5;x=y\r\nabcde\r\n", b"0\r\n\r\n", b"0\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n", b"-1\r\n",
    b"ffffffffffffffff\r\nx", b"0x5\r\nabcde\r\n", b"5\nabcde\n", b"5 \r\nabcde\r\n", b"\r\n", b"g\r\n",
    b"00000000000000000005\r\nabcde\r\n", b"5\r\nabcdeXX",
)
ODD_BYTES = tuple(b"\0\t\n\v\r :\x7f")
HEAD_BYTES = 600                # where bytes are changed: behind them there are bodies


class Breaker:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.ways = [self.line, self.line, self.field, self.field, self.field, self.many_fields, self.drop, self.repeat,
                     self.swap, self.line_end, self.line_end, self.chunk, self.body, self.next_request, self.cut_line]

    def line(self, lines):
        lines[0] = self.dice.choice(LINES)

    def field(self, lines):
        lines.insert(self.dice.randint(1, len(lines)), self.dice.choice(FIELDS))

    def many_fields(self, lines):
        count = self.dice.choice((20, 100, 600, 3000))
        lines[1:1] = [b"X-%d: v" % n for n in range(count)]

    def drop(self, lines):
        if len(lines) > 1:
            del lines[self.dice.randrange(len(lines))]

    def repeat(self, lines):
        at = self.dice.randrange(len(lines))
        lines[at:at] = [lines[at]] * self.dice.randint(1, 3)

    def swap(self, lines):
        a, b = self.dice.randrange(len(lines)), self.dice.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]

    def line_end(self, lines):
        """Another end than CR LF behind one line: it is joined with the one that follows."""
        at = self.dice.randrange(len(lines))
        if at + 1 < len(lines):
            lines[at:at + 2] = [lines[at] + self.dice.choice(ENDS) + lines[at + 1]]

    def chunk(self, lines):
        lines.append(b"".join(self.dice.choices(CHUNKS, k=self.dice.randint(1, 4))))

    def body(self, lines):
        lines.append(b"b" * self.dice.choice((1, 9, 4096, 5000, 70000)))

    def next_request(self, lines):
        lines += self.dice.choice(list(corpus().values())).split(b"\r\n")

    def cut_line(self, lines):
        at = self.dice.randrange(len(lines))
        lines[at] = lines[at][:self.dice.randint(0, len(lines[at]))]

    def broken(self, good):
        lines = good.split(b"\r\n")
        for _ in range(self.dice.choice((0, 1, 1, 1, 2, 2, 3, 6))):
            self.dice.choice(self.ways)(lines)
            lines = lines or [b""]
        data = b"\r\n".join(lines)
        way = self.dice.randrange(6)
        if way == 0:
            return data[:self.dice.randint(0, len(data))]
        if way == 1:
            return service.mutated(self.dice, data, 5, HEAD_BYTES, ODD_BYTES)
        return data


# --- what a strict reader makes of it ---

TOKEN_BYTES = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
LINE = re.compile(rb"(" + TOKEN_BYTES + rb") ([!-~\x80-\xff]+) HTTP/1\.[01]")
FIELD = re.compile(rb"(" + TOKEN_BYTES + rb"):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")


def fields_of(lines):
    """{name: [value]}; None where a line is none."""
    found = {}
    for line in lines:
        match = FIELD.fullmatch(line)
        if match is None:
            return None
        found.setdefault(match.group(1).lower(), []).append(match.group(2))
    return found


def body_end(fields, data):
    """How many bytes the body has; None where that is doubtful, or it has not come."""
    lengths, codings = fields.get(b"content-length", []), fields.get(b"transfer-encoding", [])
    if codings or len(lengths) > 1:
        return None
    if not lengths:
        return 0
    if not re.fullmatch(rb"[0-9]{1,9}", lengths[0]):
        return None
    return int(lengths[0]) if int(lengths[0]) <= len(data) else None


def is_open(target, fields):
    """Whether the policy lets this question pass, or might."""
    path, prefixed = target.partition(b"?")[0], target.startswith(b"/auth/")
    if path not in (b"/auth", b"/auth-request") and not prefixed:
        return False
    needed = ((b"host",) if prefixed else (b"x-forwarded-host", b"x-forwarded-method", b"x-forwarded-uri"))
    if any(len(fields.get(n, [])) != 1 or not (fields[n][0] or n.endswith(b"host")) for n in needed):
        return False
    asked = target[len(b"/auth"):] if prefixed else fields[b"x-forwarded-uri"][0]
    clients = b",".join(fields.get(b"x-forwarded-for", [])).split(b",")
    return clients[-1].strip() == FRIEND.encode() or asked.startswith(OPEN.encode()) or \
        fields.get(b"x-maintenance-bypass") == [SECRET.encode()]


def open_requests(data):
    """How many whole requests of it may pass, up to the first that is doubtful.

    The body of the last need not come: it is no part of the question.  A NUL and a lone LF cannot be told from CR LF in
    what libmicrohttpd 0.9.75 hands over; no proxy lets a NUL through.
    """
    found, data = 0, data.replace(b"\0\n", b"\r\n")
    while True:
        data = data.lstrip(b"\r\n")             # empty lines before a request (RFC 9112 section 2.2)
        text, end, data = data.partition(b"\r\n\r\n")
        lines = text.split(b"\r\n")
        match, fields = LINE.fullmatch(lines[0]), fields_of(lines[1:])
        if not end or match is None or fields is None:
            return found
        found += is_open(match.group(2), fields)
        length = body_end(fields, data)
        if length is None:
            return found
        data = data[length:]


def statuses(data):
    """Of the answers in a stream, by their lengths; HEAD's have no body, though they say one."""
    found = []
    while match := re.match(rb"HTTP/1\.[01] (\d{3})[^\r]*\r\n(.*?)\r\n\r\n", data, re.S):
        length = re.search(rb"(?i)content-length: (\d+)", match.group(2))
        data = data[match.end():]
        if match.group(1) == b"100":
            continue
        found.append(int(match.group(1)))
        if length is not None and not data.startswith(b"HTTP/1."):
            data = data[int(length.group(1)):]
    return found


# --- sending ---

class Sent:
    """One connection whose peer has said all that it will say."""

    def __init__(self, s, what, may):
        self.socket, self.what, self.may, self.start, self.answer = s, what, may, time.monotonic(), b""
        self.ended = False

    def read(self, seconds):
        """Takes what comes within that time, up to the end."""
        self.socket.settimeout(max(seconds, 0.0001))
        try:
            while chunk := self.socket.recv(65536):
                self.answer += chunk
        except TimeoutError:
            return
        except ConnectionError:
            pass
        self.ended = True
        self.socket.close()


class Sender:
    """What does not end at once is looked at again, later: a request of which a part is missing may wait for it."""

    def __init__(self, where, judge, lingering):
        self.where, self.judge, self.most = where, judge, lingering
        self.lingering, self.waiting = [], collections.deque()

    def send(self, data, way, source, what, may=None):
        """`judge` is called with the Sent when that has ended, or should have; `may` None: it is not."""
        s = service.connect(self.where, None if isinstance(self.where, str) else source)
        with contextlib.suppress(ConnectionError):
            if way == "in pieces":
                for i in range(0, len(data), max(1, len(data) // 5)):
                    s.sendall(data[i:i + max(1, len(data) // 5)])
            elif way == "and stays":
                s.setblocking(False)            # it may be more than anybody reads
                with contextlib.suppress(BlockingIOError):
                    s.send(data)
            else:
                s.sendall(data)
        if way == "and goes":
            s.close()
        elif way == "and stays":
            self.lingering.append(s)
            if len(self.lingering) > self.most:
                self.lingering.pop(0).close()
        else:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_WR)
            sent = Sent(s, what, may)
            sent.read(AT_ONCE)
            self.waiting.append(sent)
        self.look(END_SECONDS)

    def look(self, seconds):
        """Judges those that have ended, and those that are older than `seconds`."""
        for _ in range(len(self.waiting)):
            sent = self.waiting.popleft()
            if not sent.ended and time.monotonic() - sent.start > seconds:
                sent.read(0)
            if sent.ended or time.monotonic() - sent.start > seconds:
                if sent.may is not None:
                    self.judge(sent)
                sent.socket.close()
            else:
                self.waiting.append(sent)
                if not self.waiting[0].ended and time.monotonic() - self.waiting[0].start <= seconds:
                    break                       # the others are younger

    def close(self):
        for s in self.lingering:
            s.close()
        while self.waiting:
            self.waiting[0].read(max(END_SECONDS - (time.monotonic() - self.waiting[0].start), 0))
            self.look(0 if not self.waiting[0].ended else END_SECONDS)


WAYS = ("whole", "whole", "whole", "in pieces", "and goes", "and stays")


def requests(count, seed, good):
    """(what it is called, bytes): strange ones, every truncation, then broken at random."""
    breaker = Breaker(seed)
    cut = [(f"{name}, cut at {at}", data[:at]) for name, data in good.items() for at in range(len(data) + 1)]
    if len(cut) > count // 6:
        cut = random.Random(seed).sample(cut, count // 6)
    cut += list(STRANGE.items())
    yield from cut
    names = sorted(good)
    for n in range(count - len(cut)):
        name = breaker.dice.choice(names)
        yield f"{name}, broken, {n}", breaker.broken(good[name])


def is_pass(status):
    return status // 100 in (2, 3)


class Fuzz:
    def __init__(self, target, front):
        self.target, self.http = target, front == "http"
        self.passes, self.kinds, self.wrong, self.hanging = 0, {}, [], []
        self.sender = Sender(target.http if self.http else target.control, self.judge, LINGERING[front])
        self.control = service.Control(target, target.ask_http if self.http else self.ask_control)

    def ask_control(self, client):
        """Health and status, as if one were held and the other not."""
        if client == FRIEND:
            return self.target.ask_control()
        return 503 if self.target.ask_control("/.maintenance/status") == 200 else 0

    def judge(self, sent):
        found = statuses(sent.answer)
        for status in found:
            self.kinds[status] = self.kinds.get(status, 0) + 1
        passed = sum(map(is_pass, found))
        self.passes += passed
        if self.http and passed > sent.may:
            self.wrong.append((*sent.what, sent.answer[:300]))
        if not sent.ended:
            self.hanging.append(sent.what)

    def one(self, what, data, way, source):
        what = (what, way, source, data[:3000])
        may = open_requests(data) if source == PROXY else 0
        self.sender.send(data, way, source, what, may)
        self.control.after(lambda: self.sender.send(data, way, source, what), what)

    def failed(self):
        wrong = len(self.wrong) + len(self.hanging) + len(self.control.wrong)
        return self.target.gateway.poll() is not None or wrong > 5


def fuzz(checks, target, front, count, seed):
    """`front`: "http" or "control"; there nothing is to be changed."""
    one, dice, done, start = Fuzz(target, front), random.Random(seed + 1), 0, time.monotonic()
    for what, data in requests(count, seed, corpus() if one.http else control_corpus()):
        one.one(what, data, dice.choice(WAYS), dice.choice((PROXY, PROXY, STRANGER)))
        done += 1
        if one.failed():
            break
    one.sender.close()
    print(f"{front}, seed {seed}: {done} in {time.monotonic() - start:.0f} s, {one.passes} passes were seen, answers "
          f"{dict(sorted(one.kinds.items()))}; control: {one.control.times}", flush=True)
    name = f"{front}, seed {seed}"
    checks.equal(f"{name}: the service lives", (target.gateway.poll(), one.control.deaths), (None, 0))
    checks.equal(f"{name}: all were sent", done, count)
    checks.equal(f"{name}: what is not whole does not pass", one.wrong[:3], [])
    checks.equal(f"{name}: a connection whose peer has ended ends", one.hanging[:3], [])
    checks.equal(f"{name}: after each, a request is answered rightly and at once", one.control.wrong[:3], [])
    checks.that(f"{name}: some pass, so that a wrong pass would show", one.passes > count // 100, one.passes)


def run(checks, options):
    """http_listen over TCP, control_listen on its unix socket; while maintenance is on."""
    count = LONG if options.long else SHORT
    target = service.Service(options, http="http_connections = 4096\nhttp_per_address = 4096\n", start=False)
    target.write("tokens", f"{TOKEN}\n", 0o600)
    with open(target.ini) as f:
        ini = f.read()
    target.write("warden.ini", ini.replace("[gateway]\n", f"[gateway]\ncontrol_token_file = {target.file('tokens')}\n"
                                           f"wardenctl = {target.wardenctl}\n"))
    target.start_gateway()
    target.touch()
    flag = os.stat(target.flag)
    before = (flag.st_ino, flag.st_mtime_ns, 0)
    try:
        fuzz(checks, target, "http", int(count * .8), 20261217)
        fuzz(checks, target, "control", int(count * .2), 20261218)
        flag = os.stat(target.flag)
        checks.equal("and nobody has switched anything", (flag.st_ino, flag.st_mtime_ns, flag.st_size), before)
        checks.equal("ends when told to", target.stop_gateway(), 0)
    finally:
        target.close()
