#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The units in contrib/systemd: what systemd-analyze says of them, and, as root, a real systemd that runs them.

That systemd is process 1 of its own namespaces, on a copy in memory of this machine's files: see boot.sh.  What cannot
be run here is left out, and said so.
"""
import argparse
import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WAIT_SECONDS = 30
NAME = "maintenance-warden"
STATE = "/var/lib/maintenance-warden"
FLAG = STATE + "/maintenance.flag"
INI = None                      # where this build has it
GATEWAY = "/run/maintenance-warden/gateway.sock"
CONTROL = "/run/maintenance-warden/own/control.sock"
EXPOSURE_MAX = {NAME: 0.4, NAME + "-tick": 0.2}
PASS, HELD = "204 No Content", "401 Unauthorized"


class Checks:
    passed = failed = 0

    def that(self, what, ok, found=""):
        self.passed, self.failed = self.passed + bool(ok), self.failed + (not ok)
        if not ok:
            print(f"FAIL {what}; found {found}", flush=True)
        return ok


def run(*command, timeout=WAIT_SECONDS, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **more)


def wait_until(ready, seconds=WAIT_SECONDS):
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def install(build, root):
    """The units and the programs that they start, where the units say."""
    units = glob.glob(build + "/contrib/systemd/maintenance-warden*.*")
    for unit in units:
        shutil.copy(unit, os.path.join(root, "lib/systemd/system"))
        with open(unit) as f:
            for program in re.findall(r"^ExecStart=(\S+)", f.read(), re.MULTILINE):
                os.makedirs(root + os.path.dirname(program), exist_ok=True)
                shutil.copy(os.path.join(build, os.path.basename(program)), root + program)
    return sorted(os.path.basename(unit) for unit in units)


# --- systemd-analyze ---

def check_units(checks, options):
    with tempfile.TemporaryDirectory(prefix="warden-units.") as root:
        os.makedirs(root + "/lib/systemd/system")
        for own in ("basic.target", "sysinit.target", "sockets.target", "timers.target", "paths.target",
                    "shutdown.target",
                    "multi-user.target", "system.slice", "-.slice", "-.mount", "network.target", "umount.target"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy("/lib/systemd/system/" + own, root + "/lib/systemd/system")
        units = install(options.build, root)
        checks.that("there are five units", len(units) == 5, units)
        done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=one", f"--root={root}", *units)
        checks.that("systemd-analyze verify", done.returncode == 0 and not done.stderr, done.stderr)
        for name, most in EXPOSURE_MAX.items():
            done = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--root={root}",
                       name + ".service")
            found = re.search(r"exposure level.*: ([0-9.]+)", done.stdout)
            checks.that(f"{name}: exposure at most {most}", found and float(found[1]) <= most, found and found[0])
            print(f"systemd: exposure of {name}.service: {found[1] if found else '?'}", flush=True)


# --- inside ---

def ask(uri="/x"):
    """What the gateway says of a request: its status line, or what went wrong."""
    def record(kind, content):
        return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content
    fields = {"REQUEST_METHOD": "GET", "REQUEST_URI": uri, "REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "site.example",
              "WARDEN_MODE": "auth-request", "SERVER_PROTOCOL": "HTTP/1.1"}
    pairs = b"".join(bytes([len(k), len(v)]) + k.encode() + v.encode() for k, v in fields.items())
    data = b""
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(WAIT_SECONDS)
            s.connect(GATEWAY)
            s.sendall(record(1, struct.pack(">HB5x", 1, 0)) + record(4, pairs) + record(4, b"") + record(5, b""))
            while chunk := s.recv(65536):
                data += chunk
    except OSError as error:
        return repr(error)
    return data[8:].split(b"\r\n")[0].decode("latin-1").removeprefix("Status: ")


def configuration():
    """The INI that the unit names."""
    with open(f"/lib/systemd/system/{NAME}.service") as f:
        return re.search(r"^ExecStart=.* -c (\S+)", f.read(), re.MULTILINE)[1]


def systemctl(*words):
    return run("systemctl", "--no-pager", *words)


def shown(unit, key):
    return systemctl("show", "-p", key, "--value", unit).stdout.strip()


def set_up():
    os.makedirs("/lib/systemd/system", exist_ok=True)
    global INI
    install("/mnt/build", "/")
    INI = configuration()
    run("systemd-sysusers", "/mnt/source/contrib/systemd/sysusers.conf")
    write(INI, f"[gateway]\nlisten = {GATEWAY}\ncontrol_listen = {CONTROL}\n[site]\n")
    shutil.chown(INI, "root", NAME)
    os.chmod(INI, 0o640)
    systemctl("daemon-reload")
    return systemctl("enable", "--now", NAME + ".socket", NAME + "-tick.timer")


def check_start(checks):
    done = set_up()
    checks.that("the socket and the timer begin", done.returncode == 0, done)
    checks.that("nothing runs before it is asked", shown(NAME, "ActiveState") == "inactive")
    status = os.stat(GATEWAY)
    checks.that("the socket is the web server's", status.st_mode & 0o777 == 0o660 and status.st_uid == 0)
    checks.that("the first request starts it", ask() == PASS, ask())
    checks.that("and it stays", shown(NAME, "ActiveState") == "active")
    checks.that("the socket's group is the same after that", os.stat(GATEWAY).st_gid == status.st_gid)
    main = shown(NAME, "MainPID")
    with open(f"/proc/{main}/status") as f:
        text = f.read()
    checks.that("as its own user, with no capability, under seccomp",
                re.search(r"^Uid:\s+0\b", text, re.MULTILINE) is None and
                re.search(r"^CapBnd:\s+0+$", text, re.MULTILINE) and "NoNewPrivs:\t1" in text and "Seccomp:\t2" in text,
                text)
    done = run("curl", "-sS", "--unix-socket", CONTROL, "http://localhost/healthz")
    checks.that("control_listen answers", done.stdout.strip() == "ok", done)


def check_toggle(checks):
    write(FLAG, "")
    checks.that("touch: the next request is held", ask() == HELD)
    os.unlink(FLAG)
    checks.that("rm: the next one passes", ask() == PASS)
    for who in ([], ["setpriv", "--reuid", NAME, "--regid", NAME, "--clear-groups"]):
        for command, wanted in (("on", HELD), ("off", PASS)):
            done = run(*who, shutil.which("wardenctl", path="/usr/local/bin:/usr/bin"), "-q", command)
            checks.that(f"wardenctl {command}, {who[-2] if who else 'root'}", done.returncode == 0 and ask() == wanted,
                        done)


def restarts():
    """Whether it restarts.  In a systemd within another the control group is at times refused (219/CGROUP): once more."""
    done = systemctl("restart", NAME)
    if done.returncode != 0 and "status=219/CGROUP" in systemctl("status", NAME).stdout:
        done = systemctl("restart", NAME)
    return done.returncode == 0


def check_end(checks):
    """Killed, started anew, stopped, with a broken INI: whoever asks waits, and is answered."""
    main = int(shown(NAME, "MainPID") or 0)
    if not checks.that("there is one to kill", main > 1, main):     # 0 would be everybody in the process group
        return
    os.kill(main, signal.SIGKILL)
    checks.that("killed: the next request waits for the new one", ask() == PASS)
    checks.that("killed: it is started again", wait_until(lambda: shown(NAME, "NRestarts") == "1"), shown(NAME, "NRestarts"))
    checks.that("restart", restarts() and ask() == PASS)
    checks.that("stopped: it ends well", systemctl("stop", NAME).returncode == 0 and shown(NAME, "Result") == "success")
    checks.that("stopped: a request starts it", ask() == PASS)
    with open(INI) as f:
        good = f.read()
    write(INI, good + "nonsense = 1\n")
    systemctl("restart", NAME)
    checks.that("a broken INI: it is tried", wait_until(lambda: int(shown(NAME, "NRestarts") or 0) >= 10),
                shown(NAME, "NRestarts"))
    checks.that("a broken INI: the socket stays", shown(NAME + ".socket", "ActiveState") == "active")
    write(INI, good)
    checks.that("mended: the next request is answered", ask() == PASS)


def check_sandbox(checks):
    """What the unit forbids is not there; what an INI wants besides is by a drop-in."""
    with open(INI) as f:
        good = f.read()
    write(INI, good.replace("[site]", "http_listen = 127.0.0.1:8503\ntrusted_proxies = 127.0.0.1\n[site]"))
    systemctl("restart", NAME)
    checks.that("http_listen without its drop-in is refused",
                wait_until(lambda: int(shown(NAME, "NRestarts") or 0) > 1))
    os.makedirs(f"/etc/systemd/system/{NAME}.service.d", exist_ok=True)
    shutil.copy("/mnt/source/contrib/systemd/http.conf", f"/etc/systemd/system/{NAME}.service.d")
    systemctl("daemon-reload")
    systemctl("restart", NAME)
    checks.that("with it, the page", wait_until(lambda: run(
        "curl", "-sS", "-I", "http://127.0.0.1:8503/x").stdout.startswith("HTTP/1.1 503")))
    write(INI, good)
    shutil.rmtree(f"/etc/systemd/system/{NAME}.service.d")
    systemctl("daemon-reload")
    checks.that("and without both again", restarts() and ask() == PASS)


def check_gate(checks):
    """Without a gateway the path unit keeps gate_file, and the timer what is planned."""
    gate = "/var/lib/gate/gate.yml"
    systemctl("disable", "--now", NAME + ".socket", NAME + ".service")
    checks.that("no gateway runs", shown(NAME, "ActiveState") == "inactive")
    os.makedirs(os.path.dirname(gate))
    shutil.chown(os.path.dirname(gate), NAME)
    write(os.path.dirname(INI) + "/on.yml", "on\n")
    write(INI, f"[gateway]\nlisten = {GATEWAY}\ngate_file = {gate}\ngate_on = on.yml\n"
          "[site]\n[site.shop]\npath = /shop/\n")
    write(f"/etc/systemd/system/{NAME}-tick.service.d/gate.conf", "[Service]\nReadWritePaths=/var/lib/gate\n")
    systemctl("daemon-reload")
    checks.that("the path unit begins", systemctl("enable", "--now", NAME + "-gate.path").returncode == 0)
    worst = 0.0
    for flag in ("maintenance.flag", "flags/shop.flag", "maintenance.flag", "flags/shop.flag"):
        for there in (True, False):
            begin = time.monotonic()
            write(f"{STATE}/{flag}", "") if there else os.unlink(f"{STATE}/{flag}")
            found = wait_until(lambda there=there: os.path.exists(gate) is there)
            worst = max(worst, time.monotonic() - begin)
            checks.that(f"{flag} {'there' if there else 'gone'}: gate_file", found, shown(NAME + "-tick", "Result"))
            wait_until(lambda: shown(NAME + "-tick", "ActiveState") == "inactive")
    print(f"systemd: gate_file follows within {worst:.2f} s")
    with open(INI, "a") as f:
        f.write("[window.x]\nstart = 2020-01-01 00:00\nend = 2090-01-01 00:00\n")
    done = systemctl("start", NAME + "-tick.service")
    checks.that("tick: the flag of a window", done.returncode == 0 and os.path.exists(FLAG), done)
    checks.that("the timer waits for the minute", shown(NAME + "-tick.timer", "NextElapseUSecRealtime") != "")


def inside():
    checks = Checks()
    for check in (check_start, check_toggle, check_end, check_sandbox, check_gate):
        check(checks)
        if checks.failed:
            print(run("journalctl", "-o", "cat", "--no-pager", "-n", "30", "-u", "maintenance-warden*").stdout)
    print(f"systemd, a real one: {checks.passed} passed, {checks.failed} failed", flush=True)
    return 0 if checks.failed == 0 else 1


# --- a systemd of our own ---

def child_of(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as f:
        return (f.read().split() or [None])[0]


def enter(pid, *command):
    return ["nsenter", "--target", pid, "--all", "--root", "env", "-i", "-C", "/",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *command]


def is_up(process):
    pid = child_of(process)
    return pid and run(*enter(pid, "systemctl", "is-system-running")).stdout.strip() in ("running", "degraded")


def drive(options):
    """0, 1, or None where no systemd can run here."""
    with tempfile.TemporaryDirectory(prefix="warden-systemd.") as folder, open(folder + ".log", "w+") as log:
        command = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child", "sh",
                   HERE + "/boot.sh", folder, os.path.abspath(HERE + "/../.."), options.build]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
            try:
                if not wait_until(lambda: process.poll() is not None or is_up(process)) or process.poll() is not None:
                    log.seek(0)
                    print(f"systemd: a real one is left out: it cannot run here: {log.read()[-300:].strip()}",
                          flush=True)
                    return None
                pid = child_of(process)
                probe = run(*enter(pid, "systemd-run", "--wait", "--quiet", "-p", "PrivateUsers=yes", "true"))
                if probe.returncode != 0:
                    print(f"systemd: a real one is left out: it can make no user namespace here (as in a chroot): "
                          f"{probe.stderr.strip()}", flush=True)
                    return None
                return subprocess.run(enter(pid, sys.executable, "-B", "/mnt/source/tests/systemd/run.py", "--inside"),
                                      check=False, timeout=10 * WAIT_SECONDS, start_new_session=True).returncode
            finally:
                process.kill()
                os.unlink(folder + ".log")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", default=".", help="folder of a build without sanitizers")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    if options.inside:
        return inside()
    if shutil.which("systemd-analyze") is None:
        print("systemd: left out, for there is no systemd-analyze: apt-get install systemd")
        return 0
    checks, code = Checks(), 0
    check_units(checks, options)
    if os.geteuid() != 0 or not os.path.exists("/lib/systemd/systemd"):
        print("systemd: a real one is left out: that needs root, and systemd", flush=True)
    else:
        code = drive(options) or 0
    print(f"systemd: {checks.passed} passed, {checks.failed} failed")
    return code if checks.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
