# SPDX-License-Identifier: MIT
"""What the tests of wardenctl share: a folder with INI and state, running wardenctl, asking the gateway, the
journal."""
import argparse
import contextlib
import datetime
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading

NO_HASH = "0" * 64
LIMIT_SECONDS = 30              # no command of these tests may take longer
WIRE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire")


def load_wire():
    """tests/wire/fastcgi.py with the harness.py beside it, which has the name of this module."""
    loaded, mine = {}, sys.modules.get("harness")
    for name in ("harness", "fastcgi"):
        spec = importlib.util.spec_from_file_location("wire_" + name, os.path.join(WIRE, name + ".py"))
        loaded[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded[name])
        if name == "harness":
            sys.modules["harness"] = loaded[name]
    del sys.modules["harness"]
    if mine is not None:
        sys.modules["harness"] = mine
    return loaded["fastcgi"], loaded["harness"]


fastcgi, wire = load_wire()


AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def nobody_can_run(what):
    """Whether root can try something as another user: not where that one may not even enter "/", as in some chroots."""
    able = os.geteuid() == 0 and os.stat("/").st_mode & stat.S_IXOTH and shutil.which("setpriv")
    if not able:
        print(f"left out: {what}: as another user nothing can be run here", flush=True)
    return bool(able)


def arguments(text, more=()):
    """--wardenctl and --gateway, and numbers (name, standard, help)."""
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    parser.add_argument("--wardenctl", required=True)
    parser.add_argument("--gateway", required=True)
    for name, standard, what in more:
        parser.add_argument("--" + name, type=int, default=standard, help=what)
    args = parser.parse_args()
    args.wardenctl, args.gateway = os.path.abspath(args.wardenctl), os.path.abspath(args.gateway)
    return args


class Checks:
    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0

    def that(self, what, ok, *found):
        """Counts it; what was found is printed where it failed."""
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {what}", *(f"\n     {str(f)[:2000]}" for f in found), flush=True)
        return bool(ok)

    def equal(self, what, found, wanted):
        return self.that(what, found == wanted, f"found  {found!r}", f"wanted {wanted!r}")

    def end(self):
        print(f"{self.name}: {self.passed} passed, {self.failed} failed", flush=True)
        return 0 if self.failed == 0 else 1


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            return {}

    def __repr__(self):
        return f"exit {self.code}, output {self.out!r}, errors {self.err!r}"


def utc(seconds=0, base=None):
    """RFC 3339, `seconds` from now, or from `base`."""
    base = base if base is not None else datetime.datetime.now(datetime.timezone.utc)
    return (base + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text):
    """Seconds of an RFC 3339 time; 0 for anything else."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except (TypeError, ValueError):
        return 0


def parse_flag(data):
    """The body as {key: value}; None where it is not whole."""
    body = {}
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if text and not text.endswith("\n"):
        return None
    for line in text.split("\n")[:-1]:
        key, equals, value = line.partition(" = ")
        if not equals or not key.isidentifier() or key in body or not value:
            return None
        if value[0] in "\"'":
            if len(value) < 2 or value[-1] != value[0]:
                return None
            value = value[1:-1]
        body[key] = value
    return body


def verify_journal(data):
    """The lines of a journal as objects, how many are torn, and what is wrong with the chain (None: nothing)."""
    records, torn, prev = [], 0, NO_HASH
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line:
            continue
        try:
            record = json.loads(line)
        except ValueError:
            if not (line.startswith(b'{"seq":') or b'{"seq":'.startswith(line)):
                return records, torn, f"line {number} is none of ours: {line[:80]}"
            torn += 1
            continue
        text, mark, end = line.rpartition(b',"hash":"')
        if not mark or end != record.get("hash", "").encode() + b'"}':
            return records, torn, f"line {number} does not end with its hash"
        if hashlib.sha256(text).hexdigest() != record["hash"]:
            return records, torn, f"line {number} was changed: {line[:200]}"
        if record.get("prev") != prev or record.get("seq") != len(records) + 1:
            return records, torn, f"line {number} does not follow the one before it: {line[:200]}"
        prev = record["hash"]
        records.append(record)
    return records, torn, None


def is_sanitized(program):
    """A build that maps all the memory there is, so that it has no limit of it, and is slow to die."""
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


class Threads:
    """They run while a `with` block does: each `act` until it sees that `stop` is set."""
    END_SECONDS = LIMIT_SECONDS         # how long the end of each is waited for

    def __init__(self, *acts):
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=act, daemon=True) for act in acts]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(self.END_SECONDS)


class Folder:
    """A temporary folder with an INI and a state folder, and what runs on it."""

    def __init__(self, args):
        self.wardenctl, self.gateway_binary = args.wardenctl, args.gateway
        self.path = tempfile.mkdtemp(prefix="warden-ctl.")
        os.chmod(self.path, 0o755)
        self.state, self.ini, self.socket = self.file("state"), self.file("warden.ini"), self.file("gateway.sock")
        os.makedirs(self.file("state/flags"))
        os.makedirs(self.file("tmp"))
        os.chmod(self.file("tmp"), 0o1777)
        os.chmod(self.state, 0o751)
        self.flag = self.file("state/maintenance.flag")
        self.gateway = None
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.path,
                            "TMPDIR": self.file("tmp"), "WARDEN_CONFIG": self.ini}

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, data, mode=None):
        with open(self.file(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        if mode is not None:
            os.chmod(self.file(name), mode)
        return self.file(name)

    def write_ini(self, rest="[site]\n", gateway="", state=None):
        return self.write("warden.ini", f"[gateway]\nlisten = {self.socket}\nstate_dir = {state or self.state}\n"
                          f"{gateway}{rest}")

    def run(self, *words, env=None, prefix=()):
        """Runs wardenctl; what hangs is ended, and its exit code is -9."""
        process = subprocess.Popen([*prefix, self.wardenctl, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env={**self.environment, **(env or {})}, cwd=self.path)
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        return Result(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def read(self, path=None):
        """The flag's bytes; None where it is not there."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), open(path or self.flag, "rb") as f:
            return f.read()
        return None

    def body(self, path=None):
        data = self.read(path)
        return None if data is None else parse_flag(data)

    def journal(self, state=None):
        return verify_journal(self.read(os.path.join(state or self.state, "journal.jsonl")) or b"")

    def last(self, state=None):
        """The last record of the journal."""
        records, _, wrong = self.journal(state)
        return records[-1] if records and wrong is None else {}

    def clear(self):
        """No flag, no marker: a beginning for the next check.  The journal stays."""
        for name in ("maintenance.flag", "flags/shop.flag", "flags/blog.flag", "bypass.off"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.state, name))
        shutil.rmtree(os.path.join(self.state, "ended"), ignore_errors=True)

    def temporaries(self, state=None):
        state = state or self.state
        return [n for n in os.listdir(state) if n.startswith(".") and n.endswith(".tmp")]

    def start_gateway(self):
        log = open(self.file("gateway.log"), "ab")
        with log:
            self.gateway = subprocess.Popen([self.gateway_binary, "-c", self.ini], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=self.environment, cwd=self.path)
        wire.wait_until(lambda: wire.socket_open(self.socket), "the gateway", self.gateway)

    def stop_gateway(self):
        """Its exit code."""
        process, self.gateway = self.gateway, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def ask(self, target="/x", *parameters):
        """The answer of the running gateway to one FastCGI authorizer request."""
        good = [(n, v) for n, v in fastcgi.GOOD if n != "REQUEST_URI"] + [("REQUEST_URI", target)]
        return fastcgi.send(self.socket, fastcgi.whole(good + list(parameters), fastcgi.AUTHORIZER), finish=False)

    def status(self, target="/x", *parameters):
        return fastcgi.status(self.ask(target, *parameters))

    def cgi_environment(self, target="/x", **more):
        """Of a plain CGI.  Forward-auth: pass is 200, hold is 503."""
        return {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "REQUEST_URI": target,
                "REMOTE_ADDR": "192.0.2.9", "HTTP_HOST": "site.example", "WARDEN_CONFIG": self.ini,
                "WARDEN_MODE": "forward-auth", **more}

    def cgi(self, target="/x", **more):
        """The status of one answer by plain CGI; 0 where there is none."""
        done = subprocess.run([self.gateway_binary], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              env=self.cgi_environment(target, **more), cwd=self.path, timeout=LIMIT_SECONDS)
        return fastcgi.status(done.stdout)

    def close(self):
        self.stop_gateway()
        shutil.rmtree(self.path, ignore_errors=True)
