# SPDX-License-Identifier: MIT
"""Metrics, health and the control API: a real gateway on a unix socket and on loopback, a real wardenctl."""
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "ctl"), HERE]
import exposition                                       # noqa: E402
import harness                                          # noqa: E402

TOKEN, OTHER = "a" * 32, "b" * 32
SITES = "[site]\n[site.shop]\nhost = shop.example\n"
PROBLEM = "application/problem+json"
checks = harness.Checks("control")


class Answer:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0].startswith("HTTP/1.") else 0
        self.headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:600]!r}"


def connect(where):
    """To a path, or to a port of 127.0.0.1."""
    s = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(30)
    s.connect(where if isinstance(where, str) else ("127.0.0.1", where))
    return s


def ask(where, method, target, body=None, token=None, headers=()):
    """One request on a connection of its own."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if not any(h.lower().startswith("content-type") for h in headers):
            lines.append("Content-Type: application/json")
        if not any(h.lower().startswith("transfer-encoding") for h in headers):
            lines.append(f"Content-Length: {len(data)}")
    else:
        data = b""
    with connect(where) as s:
        try:
            s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        except (BrokenPipeError, ConnectionResetError):
            pass                                        # refused before it was read: the answer is there
        answer = b""
        try:
            while chunk := s.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
    return Answer(answer)


class Kept:
    """A connection that is used again and again, as Prometheus does."""

    def __init__(self, where):
        self.socket = connect(where)
        self.file = self.socket.makefile("rb")

    def get(self, target):
        """The status."""
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        status = int(self.file.readline().split()[1])
        length = 0
        while (line := self.file.readline().strip()):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.file.read(length)
        return status

    def close(self):
        self.file.close()
        self.socket.close()


def post(where, action, body=None, token=TOKEN):
    return ask(where, "POST", f"/.maintenance/{action}", body, token)


class Gateway(harness.Folder):
    """A folder whose gateway has a control socket."""

    def __init__(self, args, tokens=f"{TOKEN}\n", gateway="", rest=SITES, tcp=False):
        super().__init__(args)
        self.where = harness.wire.free_port() if tcp else self.file("control.sock")
        self.tokens = self.file("tokens")
        self.write("tokens", tokens or "", 0o600)
        listen = f"127.0.0.1:{self.where}" if tcp else self.where
        self.write_ini(rest,
                       f"control_listen = {listen}\n" + (f"control_token_file = {self.tokens}\n" if tokens else "") +
                       f"hooks_dir = {self.file('hooks.d')}\n" + gateway)

    def __enter__(self):
        self.start_gateway()
        harness.wire.wait_until(self.answers, "the control socket", self.gateway)
        return self

    def answers(self):
        try:
            return ask(self.where, "GET", "/healthz").status == 200
        except OSError:
            return False

    def __exit__(self, *_):
        code = self.stop_gateway()
        checks.equal("the gateway ends well", code, 0)
        log = (self.read(self.file("gateway.log")) or b"").decode(errors="replace")
        checks.that("nothing is said by sanitizers", "Sanitizer" not in log and "runtime error" not in log, log)
        checks.that("no token is logged", TOKEN not in log and OTHER not in log)
        self.close()

    def metrics(self):
        answer = ask(self.where, "GET", "/metrics")
        try:
            return exposition.read(answer.body)
        except ValueError as error:
            checks.that("the metrics are in the format", False, error, answer)
            return {}

    def log(self):
        return (self.read(self.file("gateway.log")) or b"").decode(errors="replace")


def has_problem(what, answer, status, words):
    checks.equal(what, answer.status, status)
    checks.that(f"{what}: a sentence", answer.headers.get("content-type") == PROBLEM and
                answer.json().get("status") == status and words in answer.json().get("detail", ""), answer)


def test_looking(args, tcp):
    with Gateway(args, tcp=tcp) as g:
        answer = ask(g.where, "GET", "/healthz")
        checks.that("health", answer.status == 200 and answer.body == b"ok\n", answer)
        answer = ask(g.where, "GET", "/readyz")
        checks.that("ready", answer.status == 200 and answer.body == b"ready\n", answer)
        answer = ask(g.where, "GET", "/metrics")
        checks.equal("the type of metrics", answer.headers.get("content-type"),
                     "text/plain; version=0.0.4; charset=utf-8")
        checks.equal("not stored", answer.headers.get("cache-control"), "no-store")
        head = ask(g.where, "HEAD", "/healthz")
        checks.that("HEAD has no body", head.status == 200 and head.body == b"" and
                    head.headers.get("content-length") == "3", head)
        checks.equal("status of all", ask(g.where, "GET", "/.maintenance/status").json(),
                     [{"on": False, "site": None}, {"on": False, "site": "shop"}])
        checks.equal("status of one", ask(g.where, "GET", "/.maintenance/status?site=shop").json(),
                     {"on": False, "site": "shop"})
        has_problem("an unknown site", ask(g.where, "GET", "/.maintenance/status?site=x"), 404, "no such site")
        has_problem("an unknown endpoint", ask(g.where, "GET", "/nothing"), 404, "no such endpoint")
        has_problem("the root", ask(g.where, "GET", "/"), 404, "no such endpoint")
        has_problem("an escaped endpoint", ask(g.where, "GET", "/%6detrics"), 404, "no such endpoint")
        answer = ask(g.where, "DELETE", "/metrics")
        has_problem("a wrong method", answer, 405, "GET and HEAD")
        checks.equal("... says which", answer.headers.get("allow"), "GET, HEAD")
        answer = ask(g.where, "PUT", "/.maintenance/on", {}, TOKEN)
        has_problem("a wrong method of an action", answer, 405, "POST")
        checks.equal("... says which", answer.headers.get("allow"), "POST")
        checks.that("nothing was switched", g.read() is None)


def test_switching(args, tcp):
    with Gateway(args, tcp=tcp) as g:
        host = ("HTTP_HOST", "shop.example")
        checks.equal("off: the site", g.status("/x", host), 200)
        answer = post(g.where, "on",
                      {"site": "shop", "for": "2h", "message": "Neue Böden", "reason": "r", "change": "C-1"})
        checks.that("on", answer.status == 200 and answer.json().get("on") is True and
                    answer.json().get("site") == "shop", answer)
        checks.equal("on: held", g.status("/x", host), 503)
        record = g.last()
        checks.that("the journal has it", record.get("event") == "on" and record.get("by") == "control API" and
                    record.get("site") == "shop" and record.get("message") == "Neue Böden" and
                    record.get("change") == "C-1" and record.get("uid") == os.getuid(), record)
        checks.equal("owner", g.body(g.file("state/flags/shop.flag")).get("owner"), "control API")
        state = ask(g.where, "GET", "/.maintenance/status?site=shop").json()
        checks.that("the status has it", state.get("on") is True and state.get("message") == "Neue Böden", state)
        before = harness.moment(state.get("until"))
        answer = post(g.where, "until", {"site": "shop", "until": "+30m", "reason": "slow"})
        checks.that("until", answer.status == 200 and harness.moment(answer.json().get("until")) == before + 1800,
                    answer)
        answer = post(g.where, "step", {"site": "shop", "step": "2/3"})
        checks.equal("step", (answer.status, answer.json().get("step")), (200, "2/3"))
        checks.equal("step is shown", ask(g.where, "GET", "/.maintenance/status?site=shop").json().get("step"), "2/3")
        m = g.metrics()
        checks.equal("metrics: on", exposition.value(m, "on", site="shop"), 1)
        checks.equal("metrics: until", exposition.value(m, "until_seconds", site="shop"), before + 1800)
        checks.equal("metrics: held", exposition.value(m, "held_total", site="shop"), 1)
        checks.equal("metrics: rendered", exposition.value(m, "rendered_total", site="shop"), 1)
        checks.equal("an open path", g.status("/robots.txt", host), 200)
        checks.equal("metrics: passed", exposition.value(g.metrics(), "passed_total", site="shop", reason="path"), 1)
        answer = post(g.where, "off", {"site": "shop", "result": "ok", "note": "done"})
        checks.that("off", answer.status == 200 and answer.json().get("on") is False, answer)
        checks.equal("off: the site", g.status("/x", host), 200)
        record = g.last()
        checks.that("the journal has it", record.get("event") == "off" and record.get("by") == "control API" and
                    record.get("result") == "ok" and record.get("held") == 1, record)
        m = g.metrics()
        checks.equal("metrics: off", exposition.value(m, "on", site="shop"), 0)
        checks.equal("metrics: planned end", exposition.value(m, "last_planned_end_seconds", site="shop"),
                     before + 1800)
        checks.that("metrics: actual end",
                    abs((exposition.value(m, "last_end_seconds", site="shop") or 0) - time.time()) < 30)
        answer = post(g.where, "toggle")
        checks.that("toggle without a body", answer.status == 200 and g.read() is not None, answer)
        checks.equal("held everywhere", g.status("/x"), 503)
        answer = post(g.where, "toggle", {})
        checks.that("toggle back", answer.status == 200 and g.read() is None, answer)
        _, torn, wrong = g.journal()
        checks.that("the journal is whole", torn == 0 and wrong is None, wrong)


def test_refusals(args, tcp):
    with Gateway(args, tcp=tcp) as g:
        answer = ask(g.where, "POST", "/.maintenance/on", {})
        has_problem("no token", answer, 401, "Bearer TOKEN")
        checks.equal("... asks for one", answer.headers.get("www-authenticate"), 'Bearer realm="maintenance-warden"')
        answer = post(g.where, "on", {}, OTHER)
        has_problem("a wrong token", answer, 401, "Bearer TOKEN")
        checks.that("... says so", 'error="invalid_token"' in answer.headers.get("www-authenticate", ""), answer)
        has_problem("a token in the query", ask(g.where, "POST", f"/.maintenance/on?access_token={TOKEN}", {}), 401,
                    "Bearer")
        has_problem("a wrong token and a wrong body", ask(g.where, "POST", "/.maintenance/on", b"{", OTHER), 401,
                    "Bearer")
        has_problem("an unknown action", post(g.where, "message", {}), 404, "no such endpoint")
        has_problem("not JSON", ask(g.where, "POST", "/.maintenance/on", b"for=2h", TOKEN), 400, "no JSON")
        has_problem("a form", ask(g.where, "POST", "/.maintenance/on", b"for=2h", TOKEN,
                                  ["Content-Type: application/x-www-form-urlencoded"]), 415, "application/json")
        has_problem("a typing error", post(g.where, "on", {"fro": "2h"}), 400, "no member")
        has_problem("an option that is none of its business", post(g.where, "on", {"config": "/dev/null"}), 400,
                    "no member")
        has_problem("a wrong type", post(g.where, "on", {"force": 1}), 400, "true or false")
        has_problem("an unknown site", post(g.where, "on", {"site": "blog"}), 400, "there is no site")
        has_problem("a wrong time", post(g.where, "on", {"for": "soon"}), 400, "expected a span")
        has_problem("no reason", post(g.where, "until", {"until": "+1h"}), 400, "--reason")
        has_problem("nothing to change", post(g.where, "step", {"step": "x"}), 409, "maintenance is off")
        has_problem("a query", ask(g.where, "POST", "/.maintenance/on?site=shop", {}, TOKEN), 400, "no query")
        has_problem("a large body", post(g.where, "on", {"message": "x" * 9000}), 413, "8192")
        has_problem("a huge body", post(g.where, "on", {"message": "x" * 3000000}), 413, "8192")
        chunked = b"".join(b"1000\r\n" + b" " * 4096 + b"\r\n" for _ in range(3)) + b"0\r\n\r\n"
        has_problem("a large body in chunks", ask(g.where, "POST", "/.maintenance/on", chunked, TOKEN,
                                                  ["Transfer-Encoding: chunked"]), 411, "Content-Length")
        checks.that("nothing was switched", g.read() is None and g.read(g.file("state/flags/shop.flag")) is None)
        checks.equal("metrics: without a token", exposition.value(g.metrics(), "control_unauthorized_total"), 4)
        has_problem("two tokens", ask(g.where, "POST", "/.maintenance/on", {}, TOKEN,
                                      [f"Authorization: Bearer {TOKEN}"]), 401, "Bearer")
        has_problem("very many fields", ask(g.where, "POST", "/.maintenance/on", {}, TOKEN,
                                            [f"X-A{i}: b" for i in range(300)]), 431, "too many")
    with Gateway(args, tokens=None, tcp=tcp) as g:
        has_problem("without control_token_file", post(g.where, "on", {}), 404, "control_token_file is not set")
        checks.equal("... looking is allowed", ask(g.where, "GET", "/readyz").status, 200)


def test_limits(args):
    with Gateway(args) as g:
        found = [post(g.where, "toggle").status for _ in range(21)]
        checks.equal("20 actions a minute", found, [200] * 20 + [429])
        answer = post(g.where, "toggle")
        checks.that("... then later", 1 <= int(answer.headers.get("retry-after", 0)) <= 3, answer)
        found = [post(g.where, "on", {}, OTHER).status for _ in range(11)]
        checks.equal("10 failed tries a minute", found, [401] * 10 + [429])
        answer = post(g.where, "on")
        checks.that("... and then nobody", answer.status == 429 and 1 <= int(answer.headers.get("retry-after", 0)) <= 6,
                    answer)
        checks.equal("looking has no limit", {ask(g.where, "GET", "/metrics").status for _ in range(40)}, {200})


def test_gates(args):
    """Policy and hooks refuse here as they do on the command line."""
    with Gateway(args, rest=SITES + "[policy]\nrequire_change = yes\n") as g:
        has_problem("the policy", post(g.where, "on"), 409, "change")
        os.mkdir(g.file("hooks.d"), 0o755)
        g.write("hooks.d/preflight-backup", '#!/bin/sh\necho "no backup for $WARDEN_BY"\nexit 1\n', 0o755)
        has_problem("a hook", post(g.where, "on", {"change": "C-1"}), 409, "no backup for control API")
        checks.that("nothing was switched", g.read() is None)
        answer = post(g.where, "on", {"force": True})
        checks.that("force", answer.status == 200 and g.last().get("forced") is True, answer, g.last())


def test_two_at_once(args):
    """While an action waits for a hook, the rest is answered, and another action waits for it, or gives up."""
    with Gateway(args) as g:
        os.mkdir(g.file("hooks.d"), 0o755)
        os.mkfifo(g.file("go"))
        g.write("hooks.d/preflight-wait", f'#!/bin/sh\n: >"{g.file("begun")}"\nread x <"{g.file("go")}"\nexit 0\n',
                0o755)
        kept = [Kept(g.where) for _ in range(8)]
        checks.equal("kept connections", {k.get("/healthz") for k in kept}, {200})
        found = {}
        first = threading.Thread(target=lambda: found.update(first=post(g.where, "on", {"site": "shop"})))
        first.start()
        harness.wire.wait_until(lambda: os.path.exists(g.file("begun")), "the hook")
        times = []
        for target in ("/metrics", "/healthz", "/readyz", "/.maintenance/status"):
            begin = time.monotonic()
            checks.equal(f"{target} while an action runs", ask(g.where, "GET", target).status, 200)
            times.append(time.monotonic() - begin)
        checks.that("... without waiting", max(times) < 2, times)
        begin = time.monotonic()
        has_problem("a second action", post(g.where, "toggle"), 503, "still running")
        checks.that("... waited for the first", 4 < time.monotonic() - begin < 10, time.monotonic() - begin)
        second = threading.Thread(target=lambda: found.update(second=post(g.where, "off", {"site": "shop"})))
        second.start()
        time.sleep(0.3)                                 # no event tells that it waits; too short only proves less
        begin = time.monotonic()
        checks.equal("kept connections while two wait", {k.get("/metrics") for k in kept}, {200})
        checks.that("... without waiting", time.monotonic() - begin < 2, time.monotonic() - begin)
        for k in kept:
            k.close()
        with open(g.file("go"), "w", encoding="ascii") as f:
            f.write("x\n")
        first.join(30)
        second.join(30)
        checks.that("the first is done", found["first"].status == 200, found)
        checks.that("and then the second", found["second"].status == 200 and found["second"].json().get("on") is False,
                    found)
        checks.equal("in this order", [r["event"] for r in g.journal()[0]], ["on", "off"])


def test_a_wardenctl_that_fails(args):
    with Faked(args) as g:
        for mood, status, words in (("echo 'wardenctl: cannot write x: full' >&2; exit 3", 500, "cannot write x: full"),
                                    ("exit 1", 409, "ended with 1"), ("kill -9 $$", 500, "137"),
                                    ("echo '['", 500, "cannot be understood"), ("exit 127", 500, "127")):
            g.write("mood", mood)
            has_problem(mood, post(g.where, "on"), status, words)
        g.write("mood", "head -c 2000000 /dev/zero; head -c 2000000 /dev/zero >&2; exit 1")
        checks.equal("a flood of output", post(g.where, "on").status, 409)
        os.unlink(g.file("fake"))
        has_problem("it is gone", post(g.where, "on"), 500, "cannot run")
        checks.equal("the gateway is not", ask(g.where, "GET", "/healthz").status, 200)


def test_a_long_action(args):
    """Longer than any time-out for a silent client."""
    with Gateway(args) as g:
        os.mkdir(g.file("hooks.d"), 0o755)
        g.write("hooks.d/preflight-long", "#!/bin/sh\nsleep 22\n", 0o755)
        answer = post(g.where, "on")
        checks.that("an action of 22 seconds is answered", answer.status == 200 and g.read() is not None, answer)


def test_stopping(args):
    """A gateway that stops does not wait for an action, and does not end it."""
    with Gateway(args) as g:
        os.mkdir(g.file("hooks.d"), 0o755)
        os.mkfifo(g.file("go"))
        g.write("hooks.d/preflight-wait", f'#!/bin/sh\n: >"{g.file("begun")}"\nread x <"{g.file("go")}"\nexit 0\n',
                0o755)
        found = []
        asking = threading.Thread(target=lambda: found.append(post(g.where, "on")))
        asking.start()
        harness.wire.wait_until(lambda: os.path.exists(g.file("begun")), "the hook")
        begin = time.monotonic()
        checks.equal("it ends", g.stop_gateway(), 0)
        checks.that("... soon", time.monotonic() - begin < 5, time.monotonic() - begin)
        asking.join(10)
        has_problem("... and says so", found[0], 503, "the action goes on")
        with open(g.file("go"), "w", encoding="ascii") as f:
            f.write("x\n")
        harness.wire.wait_until(lambda: g.last().get("event") == "on", "the journal")
        checks.that("the action is done", g.read() is not None)


class Faked(Gateway):
    """Another program in wardenctl's place, that does what `mood` says."""

    def __init__(self, args):
        super().__init__(args, gateway="wardenctl = fake\n")
        self.write("mood", "")
        self.write("fake", f"#!/bin/sh\n. {self.file('mood')}\n", 0o755)


def start_fails(args, what, words, prepare, **more):
    g = Gateway(args, **more)
    prepare(g)
    done = subprocess.run([g.gateway_binary, "-c", g.ini], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=g.environment, timeout=30, check=False)
    checks.that(f"{what}: it does not start", done.returncode == 2 and words in done.stderr, done)
    checks.that(f"{what}: nothing is left", not os.path.exists(g.file("control.sock")) and not os.path.exists(g.socket))
    done = subprocess.run([g.gateway_binary, "--check", "-c", g.ini], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env=g.environment, timeout=30, check=False)
    checks.that(f"{what}: --check says so too", done.returncode == 2 and words in done.stderr, done)
    g.close()


def test_bad_configurations(args):
    start_fails(args, "tokens for all", "chmod 0640", lambda g: os.chmod(g.tokens, 0o644))
    start_fails(args, "tokens to be changed", "chmod 0640", lambda g: os.chmod(g.tokens, 0o660))
    start_fails(args, "no tokens", "cannot read", lambda g: os.unlink(g.tokens))
    start_fails(args, "an empty file", "no token", lambda g: None, tokens="\n")
    start_fails(args, "a short token", "16 bytes or more", lambda g: None, tokens="secret\n")
    start_fails(args, "no wardenctl", "set wardenctl = PATH", lambda g: None,
                gateway="wardenctl = /nowhere/wardenctl\n")
    for where in ("0.0.0.0:8504", "192.0.2.1:8504", "[::]:8504", "localhost:8504", "8504"):
        start_fails(args, where, "a loopback address", lambda g, w=where: g.write_ini(SITES, f"control_listen = {w}\n"))
    start_fails(args, "tokens without a listener", "without control_listen",
                lambda g: g.write_ini(SITES, f"control_token_file = {g.tokens}\n"))


def test_socket(args):
    with Gateway(args) as g:
        mode = os.stat(g.where)
        checks.that("the mode of the socket", stat.S_ISSOCK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o660, mode)
        where = g.where
    checks.that("the socket is removed", not os.path.exists(where))
    with Gateway(args, gateway="socket_mode = 0600\n") as g:
        checks.equal("another mode", stat.S_IMODE(os.stat(g.where).st_mode), 0o600)
        silent = [connect(g.where) for _ in range(20)]
        for s in silent[:10]:
            s.sendall(b"POST /.maintenance/on HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        checks.equal("silent and half-sent connections keep nobody out", ask(g.where, "GET", "/healthz").status, 200)
        for s in silent:
            s.close()


def reload(g):
    """Waits until a change of a file has been seen."""
    before = g.log().count("configuration")
    return lambda: g.log().count("configuration") > before


def test_reload(args):
    with Gateway(args) as g:
        checks.equal("the first token", post(g.where, "toggle").status, 200)
        seen = reload(g)
        g.write("tokens", f"{TOKEN}\n{OTHER}\n")
        harness.wire.wait_until(seen, "the reload")
        checks.equal("rotation: both", (post(g.where, "toggle").status, post(g.where, "toggle", None, OTHER).status),
                     (200, 200))
        seen = reload(g)
        g.write("tokens", f"{OTHER}\n")
        harness.wire.wait_until(seen, "the reload")
        checks.equal("then the new one", (post(g.where, "toggle").status, post(g.where, "toggle", None, OTHER).status),
                     (401, 200))
        m = g.metrics()
        checks.equal("metrics: reloads", (exposition.value(m, "reloads_total", result="ok"),
                                          exposition.value(m, "reloads_total", result="failed")), (2, 0))
        checks.equal("metrics: successful", exposition.value(m, "last_reload_successful"), 1)

        seen = reload(g)
        good = g.read(g.ini)
        g.write("tokens", "short\n")
        harness.wire.wait_until(seen, "the reload")
        checks.equal("tokens that cannot be used: none", post(g.where, "toggle", None, OTHER).status, 401)
        checks.that("... the log says so", "16 bytes or more" in g.log() and "nobody can switch" in g.log(), g.log())
        seen = reload(g)
        g.write("tokens", f"{OTHER}\n")
        harness.wire.wait_until(seen, "the reload")
        checks.equal("mended", post(g.where, "toggle", None, OTHER).status, 200)

        seen = reload(g)
        g.write("warden.ini", good + b"nonsense = 1\n")
        harness.wire.wait_until(seen, "the reload")
        m = g.metrics()
        checks.equal("a broken INI: metrics say so", (exposition.value(m, "last_reload_successful"),
                                                      exposition.value(m, "reloads_total", result="failed")), (0, 1))
        has_problem("... an action is the server's fault", post(g.where, "toggle", None, OTHER), 500, "nonsense")
        checks.equal("... ready all the same", ask(g.where, "GET", "/readyz").status, 200)


def test_state(args):
    with Gateway(args) as g:
        held = exposition.value(g.metrics(), "held_total", site="[site]")
        checks.equal("counted from 0", held, 0)
        post(g.where, "on")
        g.status("/x")
        g.stop_gateway()
        g.start_gateway()
        harness.wire.wait_until(g.answers, "the control socket", g.gateway)
        m = g.metrics()
        checks.equal("totals outlive a restart", exposition.value(m, "held_total", site="[site]"), 1)
        checks.that("the start does not", abs((exposition.value(m, "start_time_seconds") or 0) - time.time()) < 30)
        g.write("state/maintenance.flag", "nonsense\n")
        checks.equal("a broken flag", exposition.value(g.metrics(), "flag_broken", site="[site]"), 1)
        os.rename(g.state, g.file("elsewhere"))
        harness.wire.wait_until(lambda: ask(g.where, "GET", "/readyz").status == 503, "not ready")
        has_problem("no state folder", ask(g.where, "GET", "/readyz"), 503, "cannot be read")
        g.status("/x")
        m = g.metrics()
        checks.equal("metrics: unknown", exposition.value(m, "state_unknown", site="[site]"), 1)
        checks.equal("metrics: requests", exposition.value(m, "unknown_total", site="[site]"), 1)
        os.rename(g.file("elsewhere"), g.state)
        harness.wire.wait_until(lambda: ask(g.where, "GET", "/readyz").status == 200, "ready again")
        os.unlink(g.flag)


def test_counting(args):
    """Each request is counted once, also where the server comes back for the page."""
    with Gateway(args) as g:
        g.run("on")
        def respond(*parameters):
            wire = harness.fastcgi.whole([*harness.fastcgi.GOOD, ("WARDEN_MODE", "auth-request"), *parameters],
                                         harness.fastcgi.RESPONDER)
            return harness.fastcgi.status(harness.fastcgi.send(g.socket, wire, finish=False))

        checks.equal("asked", respond(), 401)
        checks.equal("the page", respond(("WARDEN_RENDER", "1"), ("WARDEN_HELD", "yes")), 503)
        m = g.metrics()
        checks.equal("held once", exposition.value(m, "held_total", site="[site]"), 1)
        checks.equal("rendered once", exposition.value(m, "rendered_total", site="[site]"), 1)
        g.run("off")
        checks.equal("off: passes", g.status("/x"), 200)
        m = g.metrics()
        checks.equal("off: nothing is counted", sum(m["maintenance_warden_passed_total"][1].values()) +
                     exposition.value(m, "held_total", site="[site]"), 1)


def test_another_user(args):
    """The gateway gives up root; what it switches, it switches as its own user."""
    if os.getuid() != 0:
        return checks.that("as root, or user = cannot be tried", False)
    if not os.stat("/").st_mode & stat.S_IXOTH:         # some chroots
        return print("left out: user = nobody, who may not enter / here")
    nobody = pwd.getpwnam("nobody")
    g = Gateway(args, gateway="user = nobody\n")
    os.chown(g.tokens, 0, nobody.pw_gid)
    os.chmod(g.tokens, 0o640)
    for name in ("state", "state/flags"):
        os.chown(g.file(name), nobody.pw_uid, nobody.pw_gid)
    os.chmod(g.path, 0o755)
    binaries = g.file("bin")                            # where nobody may run them
    os.mkdir(binaries, 0o755)
    for name in ("gateway_binary", "wardenctl"):
        source = getattr(g, name)
        copy = shutil.copy(source, os.path.join(binaries, "wardenctl" if name == "wardenctl" else "maintenance-warden"))
        setattr(g, name, copy)
    os.chown(g.path, nobody.pw_uid, nobody.pw_gid)      # the socket is removed at the end
    with g:
        answer = post(g.where, "on", {"message": "m"})
        checks.that("on", answer.status == 200 and os.stat(g.flag).st_uid == nobody.pw_uid, answer)
        checks.that("the journal has its uid", (g.last().get("uid"), g.last().get("by")) ==
                    (nobody.pw_uid, "control API"), g.last())
        checks.equal("the socket is still root's", os.stat(g.where).st_uid, 0)
    return None


def readme_command(words):
    """The indented command of the README that holds `words`, its continued lines with it."""
    with open(os.path.join(HERE, "..", "..", "README.md"), encoding="utf-8") as f:
        lines = f.read().replace("\\\n", "").split("\n")
    return next((line.strip() for line in lines if line.startswith("    curl") and words in line), "false")


def test_readme(args):
    """The commands of the README, with this test's socket and port in them."""
    with Gateway(args) as g:
        command = readme_command("--unix-socket").replace("/run/maintenance-warden/control.sock", g.where)
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=30)
        checks.that("README: metrics", done.returncode == 0 and "maintenance_warden_on" in done.stdout.decode(),
                    command, done)
    with Gateway(args, tcp=True) as g:
        command = readme_command("Bearer $TOKEN").replace("127.0.0.1:8504", f"127.0.0.1:{g.where}")
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=30,
                              env={**os.environ, "TOKEN": TOKEN})
        checks.that("README: on", b'"on":true' in done.stdout and g.last().get("site") == "shop", command, done)


def test_metrics_file(args):
    g = Gateway(args, gateway="metrics_file = out/warden.prom\n")
    os.mkdir(g.file("out"))
    umask = os.umask(0o077)
    done = g.run("tick")
    os.umask(umask)
    checks.equal("tick", done.code, 0)
    path = g.file("out/warden.prom")
    checks.equal("readable by all", stat.S_IMODE(os.stat(path).st_mode), 0o644)
    m = exposition.read(g.read(path))
    checks.equal("the same metrics", exposition.value(m, "on", site="shop"), 0)
    checks.equal("but for one gateway's", exposition.value(m, "start_time_seconds"), None)
    inode = os.stat(path).st_ino
    g.run("on", "--site", "shop")
    g.run("tick")
    checks.equal("written anew", exposition.value(exposition.read(g.read(path)), "on", site="shop"), 1)
    checks.that("in one piece", os.stat(path).st_ino != inode and os.listdir(g.file("out")) == ["warden.prom"])
    os.rename(g.file("out"), g.file("away"))
    done = g.run("tick")
    checks.that("a folder that is gone is said", done.code == 3 and "warden.prom" in done.err, done)
    g.close()


def test_strict_reader():
    """The reader refuses what is wrong, or it would prove nothing."""
    good = b'# HELP a_total x\n# TYPE a_total counter\na_total{l="a\\"b"} 1\n'
    checks.equal("good", exposition.read(good), {"a_total": ["counter", {(("l", 'a"b'),): 1.0}]})
    for bad in (good[:-1], good + b"\n", good + good, good + b'a_total{l="a\\"b"} 2\n', b"a 1\n",
                good.replace(b"counter", b"gauge"), good.replace(b'\\"', b'"'), good.replace(b'\\"', b"\\x"),
                good.replace(b'"} 1', b'",} 1'), good.replace(b" 1", b" 1 "), good.replace(b" 1", b" 0x1"),
                good.replace(b"x\n#", b"x\r\n#"), good.replace(b"} 1", b"} -1"), good + b"b_total 1\n",
                good.replace(b"a\\", b"\xff")):
        try:
            checks.that(f"refused: {bad!r}", exposition.read(bad) is None)
        except ValueError:
            checks.that("refused", True)


def main():
    args = harness.arguments(__doc__)
    test_strict_reader()
    long = threading.Thread(target=test_a_long_action, args=(args,))
    long.start()
    for tcp in (False, True):
        test_looking(args, tcp)
        test_switching(args, tcp)
        test_refusals(args, tcp)
    for test in (test_limits, test_gates, test_two_at_once, test_a_wardenctl_that_fails, test_bad_configurations,
                 test_stopping, test_socket, test_reload, test_state, test_counting, test_another_user,
                 test_readme, test_metrics_file):
        test(args)
    long.join(60)
    checks.that("the long action has ended", not long.is_alive())
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
