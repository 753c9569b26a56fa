# SPDX-License-Identifier: MIT
"""Whatever stands where the flag should be, the documented verdict is given, and wardenctl does it whole or not at all.

Each state of the flag under each policy (on_unknown, mode, what was before), over FastCGI, CGI and HTTP.
"""
import contextlib
import errno
import os
import shutil
import socket
import stat
import subprocess

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
ON, OFF, UNKNOWN = "on", "off", "unknown"
ERRNO_FILE = "stat-errno"


def link_cycle(folder):
    os.symlink("maintenance.flag", folder.flag)


def bytes_of_50_mb(folder):
    with open(folder.flag, "wb") as f:
        f.truncate(50_000_000)


def unreadable(folder):
    folder.write("state/maintenance.flag", "", 0)


def closed_folder(folder):
    os.chmod(folder.state, 0)


def no_folder(folder):
    os.rename(folder.state, folder.state + ".away")


def failing(number):
    return lambda folder: folder.write(ERRNO_FILE, f"{number}\n")


# what stands there: how to make it, what the gate makes of it, and what `on`, `off` and `status` then end with
STATES = {
    "nothing": (lambda folder: None, OFF, 0, 0, 1),
    "an empty file": (lambda folder: folder.write("state/maintenance.flag", ""), ON, 0, 0, 0),
    "50 MB": (bytes_of_50_mb, ON, 0, 0, 0),
    "a broken body": (lambda folder: folder.write("state/maintenance.flag", b"\0\xff = x\nshare = 100\n"), ON, 0, 0, 0),
    "a FIFO": (lambda folder: os.mkfifo(folder.flag), ON, 3, 0, 0),
    "a folder": (lambda folder: os.mkdir(folder.flag), ON, 3, 3, 0),
    "a link to a file": (lambda folder: os.symlink("/etc/hostname", folder.flag), ON, 0, 0, 0),
    "a dangling link": (lambda folder: os.symlink("nowhere", folder.flag), OFF, 0, 0, 1),
    "a link to itself (ELOOP)": (link_cycle, UNKNOWN, 3, 3, 3),
    "no state folder": (no_folder, UNKNOWN, 3, 3, 0),
}
AS_NOBODY = {
    "a file that may not be read": (unreadable, ON, 0, 0, 0),
    "a folder that may not be entered (EACCES)": (closed_folder, UNKNOWN, 2, 2, 2),
}
BY_SHIM = {
    "EIO": (failing(errno.EIO), UNKNOWN, 0, 1, 0),
    "ESTALE": (failing(errno.ESTALE), UNKNOWN, 0, 1, 0),
}


class Place(harness.Folder):
    """A folder whose gateway, CGI and wardenctl run as somebody, and with something before libc."""

    def __init__(self, options, prefix=(), preload=None):
        super().__init__(options)
        self.prefix = prefix
        self.socket = self.file("tmp/gateway.sock")
        if prefix:
            shutil.chown(self.state, 65534, 65534)
        if preload:
            self.environment.update(LD_PRELOAD=preload, WARDEN_STAT_ERRNO=self.file(ERRNO_FILE),
                                    ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")

    def start(self, on_unknown, mode):
        self.write_ini(f"[site]\non_unknown = {on_unknown}\nmode = {mode}\n",
                       gateway=f"http_listen = {self.socket}.http\ntrusted_proxies = 127.0.0.1\n")
        with open(self.file("gateway.log"), "ab") as log:
            self.gateway = subprocess.Popen([*self.prefix, self.gateway_binary, "-c", self.ini], cwd=self.path,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        harness.wire.wait_until(lambda: harness.wire.socket_open(self.socket + ".http"), "the gateway", self.gateway)

    def empty(self):
        """Nothing stands there any more."""
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.state + ".away", self.state)
        os.chmod(self.state, 0o751)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.file(ERRNO_FILE))
        if os.path.isdir(self.flag) and not os.path.islink(self.flag):
            os.rmdir(self.flag)
        elif os.path.lexists(self.flag):
            os.unlink(self.flag)

    def over_fastcgi(self, method):
        params = [(n, v) for n, v in harness.fastcgi.GOOD if n != "REQUEST_METHOD"] + [("REQUEST_METHOD", method)]
        records = harness.fastcgi.whole(params, harness.fastcgi.AUTHORIZER)
        answer = harness.fastcgi.send(self.socket, records, finish=False)
        return harness.fastcgi.status(answer)

    def over_cgi(self, method):
        done = subprocess.run([*self.prefix, self.gateway_binary], stdin=subprocess.DEVNULL, capture_output=True,
                              check=False, cwd=self.path, timeout=harness.LIMIT_SECONDS,
                              env={**self.environment, **self.cgi_environment(REQUEST_METHOD=method)})
        return harness.fastcgi.status(done.stdout)

    def over_http(self, method):
        lines = ["GET /auth HTTP/1.1", "Host: gateway", "Connection: close", f"X-Forwarded-Method: {method}",
                 "X-Forwarded-Uri: /x", "X-Forwarded-Proto: https", "X-Forwarded-Host: site.example",
                 "X-Forwarded-For: 192.0.2.9"]
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(harness.LIMIT_SECONDS)
            s.connect(self.socket + ".http")
            s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            return int(harness.wire.receive(s).split(b" ", 2)[1])

    def what_stands_there(self):
        """Type, inode and length, without following a link; None where nothing does."""
        with contextlib.suppress(OSError):
            found = os.lstat(self.flag)
            return stat.S_IFMT(found.st_mode), found.st_ino, found.st_size
        return None


def expected(state, on_unknown, mode, last, method):
    """The documented status.  `last`: what was known last, None where nothing was."""
    on = state == ON or (state == UNKNOWN and
                         (on_unknown == "hold" or (on_unknown == "last" and last is not False)))
    return 200 if not on or (mode == "read-only" and method == "GET") else 503


def verdicts(checks, place, states):
    """Every state under every policy, by every way to ask."""
    for on_unknown in ("last", "pass", "hold"):
        for mode in ("full", "read-only"):
            place.start(on_unknown, mode)
            for what, (make, state, *_) in states.items():
                for before in (False, True):
                    place.empty()
                    if before:
                        place.write("state/maintenance.flag", "")
                    said = f"{what}; on_unknown = {on_unknown}, mode = {mode}, {'on' if before else 'off'} before"
                    checks.equal(f"{said}: POST before", place.over_fastcgi("POST"), 503 if before else 200)
                    place.empty()
                    make(place)
                    # a missing folder is looked for once a second: what was seen in this one may be asked till its end
                    if make is no_folder:
                        harness.wire.wait_until(lambda: place.over_fastcgi("POST") == expected(
                            state, on_unknown, mode, before, "POST"), said, place.gateway)
                    for method in ("GET", "POST"):
                        last = expected(state, on_unknown, mode, before, method)
                        checks.equal(f"{said}: {method} over FastCGI", place.over_fastcgi(method), last)
                        checks.equal(f"{said}: {method} over HTTP", place.over_http(method), last)
                        # a CGI reads the policy anew, and the windows that are planned there are part of it
                        none = make is closed_folder
                        if not before:
                            checks.equal(f"{said}: {method} over CGI", place.over_cgi(method),
                                         503 if none else expected(state, on_unknown, mode, None, method))
            place.empty()
            checks.equal(f"on_unknown = {on_unknown}, mode = {mode}: the gateway ends well", place.stop_gateway(), 0)


def commands(checks, place, states):
    """on, off and status: done, or a non-zero end and everything as it was."""
    place.write_ini("[site]\n")
    for what, (make, state, *codes) in states.items():
        for word, code in zip(("on", "off", "status"), codes):
            place.empty()
            make(place)
            before = place.what_stands_there()
            result = place.run(word, prefix=place.prefix)
            after = place.what_stands_there()
            checks.equal(f"{what}: {word}: {result}", result.code, code)
            if word == "status" or result.code != 0:
                checks.equal(f"{what}: {word}: nothing has changed", after, before)
            elif make not in [failed for failed, *_ in BY_SHIM.values()]:
                checks.equal(f"{what}: {word}: done", place.over_cgi("POST"), 503 if word == "on" else 200)
            checks.equal(f"{what}: {word}: no temporary file is left", place.temporaries()
                         if os.access(place.state, os.R_OK) else [], [])
    place.empty()


def trial(checks, options, states, **how):
    place = Place(options, **how)
    try:
        verdicts(checks, place, states)
        commands(checks, place, states)
    finally:
        place.stop_gateway()
        place.empty()
        place.close()


def shim(checks, folder):
    """The built shim; None where no compiler can."""
    made = os.path.join(folder, "stat_errno.so")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not checks.that("a C compiler is there", compiler is not None):
        return None
    done = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, os.path.join(HERE, "stat_errno.c"), "-ldl"],
                          capture_output=True, text=True, check=False)
    return made if checks.that("the shim is built", done.returncode == 0, done.stderr) else None


def small_disk(checks, options):
    """ENOSPC and EROFS: what cannot be done is said, and is not half done."""
    place = Place(options)
    small = place.file("small")
    os.makedirs(small)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0751", "warden-test", small],
                                           capture_output=True, check=False).returncode != 0:
        print("left out: a full and a read-only disk: nothing can be mounted here", flush=True)
        place.close()
        return
    place.state, place.flag = small, os.path.join(small, "maintenance.flag")
    try:
        place.write_ini("[site]\n", state=small)
        os.makedirs(os.path.join(small, "flags"))
        checks.equal("off before", place.cgi(), 200)
        for how, code in (("ro", 3), ("rw", 0)):
            subprocess.run(["mount", "-o", f"remount,{how}", small], check=True)
            checks.equal(f"{how}: on", place.run("on", "--message", "Before").code, code)
            checks.equal(f"{how}: the gate", place.cgi(), 503 if code == 0 else 200)
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        checks.equal("read-only: off", place.run("off").code, 3)
        checks.equal("read-only: still held", place.cgi(), 503)
        subprocess.run(["mount", "-o", "remount,rw", small], check=True)
        fill(os.path.join(small, "filler"))
        old = place.read()
        checks.equal("full: other words", place.run("message", "x" * 500).code, 3)
        checks.equal("full: the flag is the old one", place.read(), old)
        checks.equal("full: held", place.cgi(), 503)
        os.unlink(place.flag)
        fill(os.path.join(small, "filler2"))
        checks.equal("full: on", place.run("on", "--message", "x" * 500).code, 3)
        checks.equal("full: maintenance is on, its words are lost", (place.cgi(), place.read()), (503, b""))
        place.run("off")
        checks.equal("full: off", place.cgi(), 200)
    finally:
        checks.equal("unmounted", subprocess.run(["umount", small], check=False).returncode, 0)
        place.close()


def fill(path):
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        for _ in range(1000):
            f.write(b"\0" * 4096)


def run(checks, options):
    trial(checks, options, STATES)
    if harness.nobody_can_run("a flag that this user may not read"):
        trial(checks, options, AS_NOBODY, prefix=harness.AS_NOBODY)
    folder = Place(options)
    try:
        made = shim(checks, folder.path)
        if made:
            trial(checks, options, BY_SHIM, preload=made)
    finally:
        folder.close()
    small_disk(checks, options)
