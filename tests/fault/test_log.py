# SPDX-License-Identifier: MIT
"""Whatever requests hold, the log has one line for each, that is JSON without control bytes, and no secret anywhere."""
import json
import os
import random
import re
import struct
import time

import service
from service import FRIEND, PROXY, SECRET, VISITOR, fastcgi, head

LONG, SHORT = 20000, 3000
LINE_BYTES = 6000
MEMBERS = ["time", "verdict", "reason", "rule", "status", "site", "id", "client", "method", "host", "path"]
TOKEN = "fault-bearer-token-0123456789"
QUERY = "query-that-is-nobodys-business"
COOKIE = "session-cookie-0123456789"
WRONG = "wrong-secret-that-somebody-tried"
DIAGNOSTIC = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ maintenance-warden\[\d+\] "
                        rb"(error|warning|info|debug): [ -~]*")
DIAGNOSTICS_A_SECOND = 3        # of hostile requests; each trouble is said so often or more seldom

HOSTILE = [
    b"\n{\"time\":\"2026-01-01T00:00:00Z\",\"verdict\":\"pass\"}\n", b"\r\n", b"\x1b[2J\x1b]0;title\x07",
    b"\x7f\x08\x08",
    b"\xc2\x9b31m", b"\xc2\x85", b"\"},{\"a\":\"", b"\\\\\"\\", b"%s%s%n%x", b"$(id)`id`", b"\xff\xfe\xfd", b"\xc0\xaf",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xe2\x80\xa8\xe2\x80\xae", "ünïcödé \U0001f600".encode(),
    b"<script>",
    b"{{title}}", b"${jndi:ldap://x}", b"'; --", b"\x01\x02\x03\x04", b"\t", b"\x0b\x0c", b"=", b"a" * 5000,
    b"\xc3" * 700,
    b"\x1b" * 700, b"\xc2\x9b" * 300, b"%0a%0d%00%1b", b"../" * 50, b",;=\"", b"\\x0A",
]
SAFE = [h for h in HOSTILE if not re.search(rb"[\0-\x1f\x7f]", h)]        # HTTP lets no others through


class Sender:
    """Requests with hostile bytes, and now and then one that is refused."""

    def __init__(self, target, ticket, seed):
        self.target, self.ticket, self.dice = target, ticket, random.Random(seed)
        self.kept, self.answers, self.kinds = None, 0, {}
        self.pages = []                 # answers that hold a secret

    def odd(self, choices):
        return b"".join(self.dice.choices(choices, k=self.dice.choice((1, 1, 2, 3))))

    def secrets(self):
        """Header fields with secrets, right ones and wrong ones."""
        every = [("X-Maintenance-Bypass", SECRET), ("X-Maintenance-Bypass", WRONG),
                 ("X-Maintenance-Ticket", self.ticket), ("Cookie", f"maintenance_ticket={self.ticket}; s={COOKIE}"),
                 ("Authorization", f"Bearer {TOKEN}"),
                 ("Cookie", f"s={COOKIE}")]
        return [(n, v.encode()) for n, v in self.dice.sample(every, self.dice.randint(0, 2))]

    def target_line(self, choices):
        query = self.dice.choice((f"?q={QUERY}", f"?maintenance_ticket={self.ticket}", f"?maintenance_ticket={WRONG}",
                                  ""))
        return b"/" + self.odd(choices).replace(b"?", b"") + query.encode()

    def fields(self, choices):
        found = [("User-Agent", self.odd(choices)), ("Referer", b"https://x/?q=" + QUERY.encode()), *self.secrets()]
        if self.dice.random() < .5:
            found.append((self.dice.choice(("X-Forwarded-For", "Forwarded", "X-Real-IP")), self.odd(choices)))
        return found

    def fcgi(self):
        method = self.odd(HOSTILE) if self.dice.random() < .3 else b"GET"
        host = self.odd(HOSTILE) if self.dice.random() < .5 else b"site.example"
        address = self.dice.choice((VISITOR, FRIEND, PROXY, "no address\n", "\x1b[31m"))
        entries = [(b"REQUEST_METHOD", method), (b"REQUEST_URI", self.target_line(HOSTILE)),
                   (b"REMOTE_ADDR", address.encode()), (b"HTTP_HOST", host), (b"SERVER_PROTOCOL", b"HTTP/1.1")]
        entries += [(b"HTTP_" + n.upper().replace("-", "_").encode(), v) for n, v in self.fields(HOSTILE)]
        if self.dice.random() < .05:
            entries.append((b"REMOTE_ADDR", FRIEND.encode()))           # twice: refused
        pairs = b"".join(struct.pack(">II", len(n) | 1 << 31, len(v) | 1 << 31) + n + v for n, v in entries)
        data = fastcgi.begin(fastcgi.RESPONDER) + b"".join(
            fastcgi.record(fastcgi.PARAMS, pairs[i:i + 60000]) for i in range(0, len(pairs), 60000))
        data += fastcgi.record(fastcgi.PARAMS) + fastcgi.record(fastcgi.STDIN)
        answer = fastcgi.stdout_of(service.exchange(self.target.fcgi, data))
        self.take(fastcgi.status(answer), answer)

    def http(self):
        lines = [b"Host: gate", b"Connection: close",
                 b"X-Forwarded-Method: " + self.dice.choice((b"GET", self.odd(SAFE))),
                 b"X-Forwarded-Host: " + self.odd(SAFE), b"X-Forwarded-Uri: " + self.target_line(SAFE)]
        lines += [n.encode() + b": " + v for n, v in self.fields(SAFE)]
        if self.dice.random() < .1:
            lines.append(b"X-Odd: " + self.odd(HOSTILE).replace(b"\n", b"").replace(b"\r", b""))
        data = b"GET /auth HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"
        answer = service.exchange(self.target.http, data, PROXY)
        self.take(service.http_status(answer), answer)

    def control(self):
        """No decision: but its secrets are nobody's either."""
        data = head([("Host", "x"), ("Connection", "close"), ("Authorization", f"Bearer {TOKEN}x"),
                     ("Content-Length", "0")], "/.maintenance/on", "POST")
        answer = service.exchange(self.target.control, data)
        if TOKEN.encode() in answer:
            self.pages.append(answer)

    def take(self, status, answer):
        self.answers += status != 0
        self.kinds[status] = self.kinds.get(status, 0) + 1
        text, _, body = answer.partition(b"\r\n\r\n")
        text = re.sub(rb"(?m)^Set-Cookie: maintenance_ticket=.*$", b"", text)   # a link's ticket becomes a cookie
        if any(secret in text + body for secret in secrets(self.ticket)) and len(self.pages) < 5:
            self.pages.append(answer)


def secrets(ticket):
    return [s.encode() for s in (SECRET, WRONG, TOKEN, ticket, COOKIE, QUERY)]


def wrong_line(line):
    """What is wrong with a decision line; None: nothing."""
    try:
        text = line.decode()
        one = json.loads(text)
    except ValueError as error:
        return repr(error)
    if re.search("[\0-\x1f\x7f-\x9f]", text):
        return "a control byte"
    if len(line) > LINE_BYTES:
        return f"{len(line)} bytes"
    return None if list(one) == MEMBERS else "other members"


def check_lines(checks, log, sent, seconds):
    lines = log.split(b"\n")
    checks.equal("the log ends with a line", lines.pop(), b"")
    decisions = [line for line in lines if line.startswith(b"{")]
    others = [line for line in lines if not line.startswith(b"{")]
    wrong = [(wrong_line(line), line) for line in decisions if wrong_line(line)]
    print(f"{sent} answers, {len(decisions)} decision lines, {len(others)} others", flush=True)
    checks.equal("as many decision lines as answers", len(decisions), sent)
    checks.equal("each is JSON without control bytes, and not too long", wrong[:3], [])
    wrong = [line for line in others if not DIAGNOSTIC.fullmatch(line)]
    checks.equal("the other lines are text", wrong[:3], [])
    checks.that("and they do not grow with the requests", len(others) < 30 + DIAGNOSTICS_A_SECOND * seconds,
                len(others), others[-10:])


def files_of(target):
    """What anybody may read of it: not the INI, the tokens and the tickets themselves."""
    for folder, _, names in os.walk(target.path):
        for name in names:
            path = os.path.join(folder, name)
            if "/tickets" not in folder and name not in ("warden.ini", "tokens") and os.path.isfile(path):
                yield path


def check_secrets(checks, target, sender):
    found = [(path, secret) for path in files_of(target) for secret in secrets(sender.ticket)
             if secret in (target.read(path) or b"")]
    checks.equal("no secret in any file", found, [])
    checks.equal("no secret in an answer", [page[:2000] for page in sender.pages[:2]], [])
    metrics = target.metrics()
    checks.that("metrics", b"maintenance_warden" in metrics or b"warden_" in metrics, metrics[:300])
    checks.that("no control byte in the metrics", re.search(rb"[\0-\x09\x0b\x0c\x0e-\x1f\x7f]", metrics) is None)
    checks.that("no secret in the metrics", not any(s in metrics for s in secrets(sender.ticket)))


def run(checks, options):
    """Three of four requests over FastCGI, where any byte but NUL comes through; the others over HTTP."""
    count = LONG if options.long else SHORT
    target = service.Service(options, start=False)
    target.write("tokens", f"{TOKEN}\n", 0o600)
    with open(target.ini) as f:
        ini = f.read()
    target.write("warden.ini", ini.replace("[gateway]\n", f"""[gateway]
log = {target.file("warden.log")}
log_decisions = all
metrics_file = {target.file("state/warden.prom")}
control_token_file = {target.file("tokens")}
wardenctl = {target.wardenctl}
""") + "url = https://shop.example/\n")
    made = target.run("ticket", "new", "--json")
    checks.equal("a ticket", made.code, 0)
    target.touch()
    target.start_gateway()
    try:
        asked = target.read(target.file("warden.log")).count(b"\n{")          # to see whether it was up
        sender, start = Sender(target, made.json().get("id", ""), 20261219), time.monotonic()
        for n in range(count):
            sender.fcgi() if n % 4 else sender.http()
            if n % 200 == 0:
                sender.control()
        seconds = time.monotonic() - start
        print(f"{count} requests in {seconds:.0f} s, answers {sender.kinds}", flush=True)
        checks.equal("all were answered", sender.answers, count)
        check_lines(checks, target.read(target.file("warden.log")), count + asked, seconds)
        check_secrets(checks, target, sender)
        checks.equal("ends when told to", target.stop_gateway(), 0)
    finally:
        target.close()
