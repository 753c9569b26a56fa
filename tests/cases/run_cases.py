#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every *.case of this folder in process and as CGI, FastCGI responder, FastCGI authorizer and ForwardAuth.

usage: run_cases.py --gateway WARDEN-AT --in-process SERVE-EACH [NAME ...]
The format is in README.md.  One gateway of each kind lives as long as its case file, so that flags change under it.
"""
import argparse
import calendar
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "wire"))
from fastcgi import AUTHORIZER, RESPONDER, send, whole  # noqa: E402  (the records of tests/wire)
from harness import receive  # noqa: E402

WAIT_SECONDS = 20
HEAD = """[gateway]
state_dir = state
log = decisions.log
log_decisions = all
listen = {socket}
workers = 2
trusted_proxies = 198.51.100.0/24{asking}
{gateway}[site]
{hand_back}"""


class BadCase(Exception):
    pass


class Case:
    """One request of a case file, with what is expected of it."""
    def __init__(self, name, line, sentence):
        self.name, self.line, self.sentence = name, line, sentence
        self.before, self.params, self.expect = [], [], []


def request_params(text):
    words = text.split(" ")
    method, url, rest = words[0], words[1], words[2:]
    scheme, _, behind = url.partition("://")
    host, slash, path = behind.partition("/")
    sender = rest[1] if len(rest) == 2 and rest[0] == "from" else "192.0.2.7"
    if scheme not in ("http", "https") or len(rest) not in (0, 2):
        raise BadCase("expected: request: METHOD http[s]://host/target [from ADDRESS]")
    params = [("GATEWAY_INTERFACE", "CGI/1.1"), ("REQUEST_METHOD", method), ("REQUEST_URI", slash + path),
              ("REMOTE_ADDR", sender), ("REQUEST_SCHEME", scheme)]
    return params + ([("HTTP_HOST", host)] if host else [])


def change_param(params, text):
    name, equals, value = text.partition("=")
    if name.startswith("-"):
        return [p for p in params if p[0] != name[1:]]
    if not equals:
        raise BadCase("expected: param: NAME=value or -NAME")
    return [p for p in params if p[0] != name] + [(name, value)]


class File:
    """A case file: INI, files and an ordered list of requests with the changes of state before each."""
    CHANGES = ("now", "flag", "bypass", "state")

    def __init__(self, path):
        self.name = os.path.basename(path)
        self.gateway, self.ini, self.files, self.cases, self.only = "", "", {}, [], None
        with open(path, encoding="utf-8") as f:
            self.lines = f.read().split("\n")
        self.changes, self.sentence = [], ""
        for number, line in enumerate(self.lines, 1):
            try:
                self.take(number, line)
            except (BadCase, ValueError, IndexError) as wrong:
                raise BadCase(f"{path}:{number}: {wrong}: {line}") from wrong
        if not self.cases or self.changes:
            raise BadCase(f"{path}: no request, or changes behind the last one")

    def take(self, number, line):
        if line.startswith("#"):
            self.sentence = line[1:].strip()
        elif line.strip():
            key, colon, value = line.partition(":")
            if not colon:
                raise BadCase("expected key: value")
            self.take_key(number, key.strip().split(" "), value.strip())

    def take_key(self, number, key, value):
        word = key[0]
        if word == "ini" and not self.cases:
            self.ini += value + "\n"
        elif word == "gateway" and not self.cases:
            self.gateway += value + "\n"
        elif word == "file" and not self.cases:
            self.files[key[1]] = self.files.get(key[1], "") + value + "\n"
        elif word == "only" and not self.cases:
            self.only = value.split()
        elif word in self.CHANGES:
            self.changes.append((word, key[1] if len(key) > 1 else "", value))
        elif word == "request":
            case = Case(self.name, number, self.sentence)
            case.before, self.changes = self.changes, []
            case.params = request_params(value)
            self.cases.append(case)
        elif word == "header":
            name, _, text = value.partition(":")
            cgi_name = "HTTP_" + name.strip().upper().replace("-", "_")
            self.cases[-1].params.append((cgi_name, text.strip()))
        elif word == "param":
            self.cases[-1].params = change_param(self.cases[-1].params, value)
        elif word in ("verdict", "reply"):
            self.cases[-1].expect.append((word, value))
        else:
            raise BadCase("unknown key, or one that belongs before the first request")


class World:
    """The folder of one case file under one transport: INI, state, clock, and the decisions that were logged."""
    def __init__(self, file, folder, gateway=""):
        self.folder = folder
        self.state = os.path.join(folder, "state")
        self.log = os.path.join(folder, "decisions.log")
        self.clock = os.path.join(folder, "clock")
        self.socket = os.path.join(folder, "socket")
        self.config = os.path.join(folder, "warden.ini")
        self.log_read = 0
        hand_back = "" if "hand_back" in file.ini else "hand_back = status 204\n"
        self.put("warden.ini", HEAD.format(socket=self.socket, asking=gateway, gateway=file.gateway,
                                           hand_back=hand_back) + file.ini)
        for name in ("state", "state/flags"):
            os.mkdir(os.path.join(folder, name))
        for name, text in file.files.items():
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            self.put(name, text)
        self.put("clock", "1893456000\n")               # 2030-01-01T00:00:00Z
        self.put("decisions.log", "")
        self.env = {"WARDEN_TEST_CLOCK": self.clock, "WARDEN_CONFIG": self.config,
                    **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}

    def put(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def change(self, what, site, value):
        flag = f"state/flags/{site}.flag" if site else "state/maintenance.flag"
        if what == "now":
            moment = time.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
            self.put("clock", f"{calendar.timegm(moment)}\n")
        elif what == "bypass":
            self.mark("state/bypass.off", value == "off")
        elif what == "state":
            self.change_state(value)
        elif value in ("on", "off"):
            self.mark(flag, value == "on")
        else:                                           # lines of the body, parted by "|"
            self.put(flag, value.replace(" | ", "\n") + "\n")

    def mark(self, name, there):
        path = os.path.join(self.folder, name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        if there:
            self.put(name, "")

    def change_state(self, value):
        flag = os.path.join(self.state, "maintenance.flag")
        if value == "missing":
            os.rename(self.state, self.state + ".away")
        elif value == "back":
            os.rename(self.state + ".away", self.state)
        elif value == "loop":
            os.symlink("maintenance.flag", flag)
        elif value == "folder":
            os.mkdir(flag)
        else:
            raise BadCase(f"state: {value}?")

    def decision(self):
        """What the gateway logged since the last look: the decision of one request, or None."""
        with open(self.log, encoding="utf-8") as f:
            f.seek(self.log_read)
            lines = f.read().split("\n")
            self.log_read = f.tell()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return found[-1] if found else None


def parse(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = [line.decode("latin-1").partition(": ")[::2] for line in head.split(b"\r\n")]
    status = [int(value.split()[0]) for name, value in headers if name.lower() == "status"]
    return (status[0] if status else 200 if headers[0][0] else 0), headers, body


class InProcess:
    name = "in-process"

    def __init__(self, programs, world):
        self.process = subprocess.Popen([programs.in_process, world.config], env=world.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, params):
        text = b"".join(f"{n}={v}".encode() + b"\0" for n, v in params) + b"\0"
        self.process.stdin.write(text)
        self.process.stdin.flush()
        return self.process.stdout.read(int(self.process.stdout.readline() or b"0"))

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(WAIT_SECONDS)


class Cgi:
    name = "cgi"

    def __init__(self, programs, world):
        self.program, self.world = programs.gateway, world

    def ask(self, params):
        if len({name for name, _ in params}) != len(params):
            return None                                 # an environment holds a name once
        return subprocess.run([self.program], env={**self.world.env, **dict(params)}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=WAIT_SECONDS, check=False).stdout

    def end(self):
        return 0


class FastCgi:
    role = RESPONDER
    gateway = suffix = ""

    def __init__(self, programs, world):
        self.path = world.socket + self.suffix
        self.process = subprocess.Popen([programs.gateway, "-c", world.config], env=world.env,
                                        stdin=subprocess.DEVNULL)
        end = time.monotonic() + WAIT_SECONDS
        while not self.answers() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.path) == 0

    def ask(self, params):
        return send(self.path, whole(params, self.role), finish=False)

    def end(self):
        self.process.terminate()
        return self.process.wait(WAIT_SECONDS)


class Responder(FastCgi):
    name = "responder"


class Authorizer(FastCgi):
    name = "authorizer"
    role = AUTHORIZER


class ForwardAuth(FastCgi):
    """The peer becomes the last entry of X-Forwarded-For, as a proxy before the gateway would write it."""
    name = "forward-auth"
    gateway, suffix = ", 127.0.0.1\nhttp_listen = {socket}.http", ".http"
    FIELDS = {"REQUEST_METHOD": "X-Forwarded-Method", "REQUEST_URI": "X-Forwarded-Uri",
              "REQUEST_SCHEME": "X-Forwarded-Proto", "HTTP_HOST": "X-Forwarded-Host", "REMOTE_ADDR": "X-Forwarded-For"}

    def fields(self, params):
        """None where a parameter has no field, or one is missing or empty that a proxy always sends."""
        if not all(dict(params).get(name) for name in self.FIELDS):
            return None
        out = []
        for name, value in params:
            if name in self.FIELDS:
                out.append((self.FIELDS[name], value))
            elif name.startswith("HTTP_"):
                out.append((name[5:].replace("_", "-"), value))
            elif name != "GATEWAY_INTERFACE":
                return None
        out.sort(key=lambda field: field == ("X-Forwarded-For", dict(params).get("REMOTE_ADDR")))
        return out

    def ask(self, params):
        fields = self.fields(params)
        if fields is None:
            return None
        lines = ["GET /auth HTTP/1.1", "Host: gateway", "Connection: close", *(f"{n}: {v}" for n, v in fields)]
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(WAIT_SECONDS)
            s.connect(self.path)
            s.sendall("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n")
            return receive(s).replace(b"HTTP/1.1 ", b"Status: ", 1)


def wrong_verdict(want, decision, status, asks):
    words = want.split()
    if words[0] == "refused":
        refused = decision is not None and decision["reason"] == "refused" and status == int(words[1])
        return None if refused else f"got {decision}, status {status}"
    got = None if decision is None else (decision["verdict"], decision["reason"])
    if words[0] == "hold":
        right = got == ("hold", "hold") and status == (int(words[1]) if len(words) > 1 else 503)
    else:
        right = got == ("pass", words[1]) and (not asks or status in (200, 303))
    return None if right else f"got {got}, status {status}, rule {decision and decision['rule']}"


def wrong_reply(want, status, headers, body):
    """A sentence when `want` is not so.

    It is STATUS, "NAME: value", "NAME ~ part", "no NAME", "body ~ part" or "body !~ part".
    """
    text = body.decode("utf-8", "replace")
    values = {name.lower(): value for name, value in headers}
    words = want.split(" ", 2)
    if want.isdigit():
        ok, got = status == int(want), status
    elif want == "body empty":
        ok, got = body == b"", body[:80]
    elif words[0] == "no" and len(words) == 2:
        ok, got = words[1].lower() not in values, values.get(words[1].lower())
    elif len(words) == 3 and words[1] in ("~", "!~"):
        got = text if words[0] == "body" else values.get(words[0].lower(), "")
        ok = (words[2] in got) == (words[1] == "~")
        got = got[:400]
    else:
        name, _, value = want.partition(":")
        got = values.get(name.lower())
        ok = got == value.strip()
    return None if ok else f"want {want!r}, got {got!r}"


def judge(case, transport, answer, decision):
    """What is wrong with the answer, as sentences."""
    status, headers, body = parse(answer)
    asks = transport.name in ("authorizer", "forward-auth")
    passed = decision is not None and decision["verdict"] == "pass" and decision["status"] != 303
    for kind, want in case.expect:
        if kind == "verdict":
            wrong = wrong_verdict(want, decision, status, asks)
        elif asks and passed:
            wrong = None if body == b"" and status == 200 else "a pass is 200 without a body"
        else:
            wrong = wrong_reply(want, status, headers, body)
        if wrong:
            yield wrong


class Totals:
    passed = failed = unasked = 0


def run_requests(file, world, transport, totals):
    for number, case in enumerate(file.cases):
        for change in case.before if number > 0 else []:
            world.change(*change)
        answer = transport.ask(case.params)
        if answer is None:
            totals.unasked += 1
            continue
        wrong = list(judge(case, transport, answer, world.decision()))
        totals.failed += bool(wrong)
        totals.passed += not wrong
        for sentence in wrong:
            print(f"FAIL {file.name}:{case.line} over {transport.name}: {case.sentence}: {sentence}")


def run_file(path, programs, totals):
    file = File(path)
    for kind in (InProcess, Cgi, Responder, Authorizer, *([ForwardAuth] if programs.http else [])):
        if file.only and kind.name not in file.only:
            continue
        if kind is ForwardAuth and "client_header" in file.gateway:     # the client's address stands elsewhere
            continue
        folder = tempfile.mkdtemp(prefix="warden-case-")
        try:
            world = World(file, folder, getattr(kind, "gateway", "").format(socket=os.path.join(folder, "socket")))
            check = subprocess.run([programs.gateway, "--check", "-c", world.config], capture_output=True, check=False)
            if check.returncode != 0:
                raise BadCase(check.stderr.decode())
            for change in file.cases[0].before:         # what the gateway finds when it starts
                world.change(*change)
            transport = kind(programs, world)
            try:
                run_requests(file, world, transport, totals)
            finally:
                code = transport.end()
            if code != 0:
                totals.failed += 1
                print(f"FAIL {file.name} over {kind.name}: the gateway ended with {code}")
        finally:
            shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--gateway", required=True, help="maintenance-warden with the clock of the tests")
    parser.add_argument("--in-process", required=True, help="the program of serve-each.c")
    parser.add_argument("names", nargs="*", help="case files; all when none is named")
    parser.add_argument("--http", action="store_true", help="the gateway has its HTTP front")
    programs = parser.parse_args()
    names = programs.names or sorted(n for n in os.listdir(HERE) if n.endswith(".case"))
    totals = Totals()
    for name in names:
        try:
            run_file(os.path.join(HERE, name), programs, totals)
        except (BadCase, OSError) as wrong:
            totals.failed += 1
            print(f"FAIL {name}: {wrong!r}")
    if totals.unasked:
        print(f"cases: {totals.unasked} requests were not asked over plain CGI, whose environment cannot hold a "
              "parameter twice, or over ForwardAuth, which has no parameters")
    print(f"cases: {totals.passed} passed, {totals.failed} failed")
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
