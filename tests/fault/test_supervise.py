# SPDX-License-Identifier: MIT
"""Workers are kept running, whatever ends them, and nothing of them outlives the gateway."""
import contextlib
import glob
import os
import resource
import signal
import socket
import subprocess
import time

import harness
from harness import fastcgi, wire

STOP_SECONDS = 10               # what is running may take so long to end
CONFIGURATION_ERROR, SYSTEM_FAILED = 2, 3


def alive(pid):
    """Whether the process runs; a dead one that nobody has waited for does not."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rpartition(")")[2].split()[0] not in "ZX"
    return False


def log_of(folder):
    with open(folder.file("gateway.log"), encoding="utf-8") as f:
        return f.read()


def wait_for_lines(folder, text, count=1):
    try:
        wire.wait_until(lambda: log_of(folder).count(text) >= count, f"{count} times {text!r}", folder.gateway)
    except RuntimeError as error:
        raise RuntimeError(f"{error}; the log:\n{log_of(folder)}") from error


def wait_for_workers(folder, count, but=()):
    """The workers, once there are so many and none of `but`."""
    def ready():
        found = wire.workers(folder.gateway.pid)
        return len(found) == count and not set(found) & set(but) and all(map(alive, found))

    wire.wait_until(ready, f"{count} workers", folder.gateway)
    return wire.workers(folder.gateway.pid)


def kill_worker(folder, number=0, by=signal.SIGKILL):
    """Kills one, and returns those that are there when another one is."""
    before = wire.workers(folder.gateway.pid)
    os.kill(before[number], by)
    return wait_for_workers(folder, len(before), [before[number]])


def stop_all(pids):
    """Stops them, and waits until each thread is: one that is not yet may still take a connection, and keep it."""
    def state(path):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0]
        return "T"

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wire.wait_until(lambda: all(state(path) == "T" for pid in pids for path in glob.glob(f"/proc/{pid}/task/*/stat")),
                    "the stop of all threads")


def each_alone(folder):
    """What each worker answers while the others are stopped: one may be fast enough to answer all there is."""
    found, workers = [], wire.workers(folder.gateway.pid)
    for worker in workers:
        others = [w for w in workers if w != worker]
        stop_all(others)
        try:
            found.append(folder.status())
        finally:
            for w in others:
                os.kill(w, signal.SIGCONT)
    return found


@contextlib.contextmanager
def gateway(options, **keys):
    folder = harness.Folder(options)
    try:
        folder.write_ini(**keys)
        folder.start_gateway()
        yield folder
    finally:
        folder.close()


def check_start_and_stop(checks, options):
    with gateway(options) as folder:
        parent = folder.gateway.pid
        first = wait_for_workers(folder, 1)
        checks.equal("it answers", folder.status(), 200)
        with open(f"/proc/{parent}/task/{parent}/stat", encoding="ascii") as f:
            checks.equal("the supervisor has one thread", int(f.read().rpartition(")")[2].split()[17]), 1)
        with fastcgi.connect(folder.socket) as s:
            s.sendall(fastcgi.begin(fastcgi.AUTHORIZER))
            checks.equal("another is answered meanwhile", folder.status(), 200)
            folder.gateway.send_signal(signal.SIGTERM)
            wait_for_lines(folder, "stopping")
            s.sendall(fastcgi.params(fastcgi.GOOD) + fastcgi.record(fastcgi.STDIN))
            checks.equal("what has begun is answered", fastcgi.status(fastcgi.stdout_of(wire.receive(s))), 200)
        checks.equal("SIGTERM: exit status", folder.stop_gateway(), 0)
        checks.that("the worker is gone", not alive(first[0]))
        checks.that("the socket is gone", not os.path.exists(folder.socket))
    for first_signal in (signal.SIGTERM, signal.SIGINT):
        with gateway(options) as folder, fastcgi.connect(folder.socket) as s:
            s.sendall(fastcgi.begin())
            checks.equal("an answer before", folder.status(), 200)
            workers = wait_for_workers(folder, 1)
            start = time.monotonic()
            folder.gateway.send_signal(first_signal)
            wait_for_lines(folder, "stopping")
            folder.gateway.send_signal(signal.SIGTERM)
            checks.equal("the second signal: exit status", folder.stop_gateway(), 0)
            checks.that("the second signal ends it at once", time.monotonic() - start < 2, time.monotonic() - start)
            checks.that("no worker is left", not any(map(alive, workers)))


def check_bound(checks, options):
    """A peer that dribbles cannot hold up the end."""
    with gateway(options) as folder, fastcgi.connect(folder.socket) as s:
        data = fastcgi.whole(fastcgi.GOOD)
        s.sendall(data[:20])
        checks.equal("an answer before", folder.status(), 200)
        folder.gateway.send_signal(signal.SIGTERM)
        start = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for i in range(20, len(data)):
                if folder.gateway.poll() is not None or time.monotonic() - start > STOP_SECONDS + 5:
                    break
                s.sendall(data[i:i + 1])
                with contextlib.suppress(subprocess.TimeoutExpired):
                    folder.gateway.wait(1)
        checks.equal("SIGTERM with a dribbling peer: exit status", folder.stop_gateway(), 0)
        checks.that("... within its time", time.monotonic() - start < STOP_SECONDS + 3, time.monotonic() - start)


def check_deadline(checks, options):
    """A request that dribbles is cut after ten seconds, however busily it does."""
    with gateway(options) as folder, fastcgi.connect(folder.socket) as s:
        data, start, cut = fastcgi.whole(fastcgi.GOOD), time.monotonic(), False
        try:
            for i in range(len(data)):
                s.sendall(data[i:i + 1])
                if time.monotonic() - start > 20:
                    break
                time.sleep(0.5)         # the dribble itself
        except ConnectionError:
            cut = True
        took = time.monotonic() - start
        checks.that("a dribbling request is cut", cut and 9 < took < 14, (cut, took))
        checks.equal("others are answered", folder.status(), 200)


def check_deaths(checks, options):
    for by in (signal.SIGKILL, signal.SIGABRT, signal.SIGTERM):
        with gateway(options) as folder:
            checks.equal("an answer before", folder.status(), 200)
            kill_worker(folder, by=by)
            checks.equal(f"a worker ended by {by.name}: another answers", folder.status(), 200)
            open(folder.flag, "w", encoding="ascii").close()
            checks.equal("... and holds", folder.status(), 503)
            kill_worker(folder)
            checks.equal("... as the next does", folder.status(), 503)
            if by != signal.SIGTERM:
                checks.that("the log says what ended it", f"was ended by {by.name}" in log_of(folder), log_of(folder))
            checks.equal("exit status", folder.stop_gateway(), 0)


def check_no_orphan(checks, options):
    with gateway(options, gateway="processes = 2\n") as folder:
        workers = wait_for_workers(folder, 2)
        checks.equal("an answer before", folder.status(), 200)
        folder.gateway.kill()
        folder.gateway.wait()
        with contextlib.suppress(RuntimeError):
            wire.wait_until(lambda: not any(map(alive, workers)), "the end of the workers")
        left = [worker for worker in workers if alive(worker)]
        checks.equal("the supervisor killed: no worker is left", left, [])
        for worker in left:
            os.kill(worker, signal.SIGKILL)
        # a process whose first thread is dead may have others that are still at it
        wire.wait_until(lambda: not wire.socket_open(folder.socket), "the end of listening")
        folder.start_gateway()
        checks.equal("the next one takes the socket over", folder.status(), 200)


def limit_memory(pid, limit):
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def check_back_off(checks, options):
    """No worker can start: the pauses grow to a second, and end with the trouble."""
    with gateway(options) as folder:
        checks.equal("an answer before", folder.status(), 200)
        limit_memory(folder.gateway.pid, 1 << 20)       # of those that are forked from now on
        os.kill(wait_for_workers(folder, 1)[0], signal.SIGKILL)
        wait_for_lines(folder, "started in 1000 ms")
        before = log_of(folder).count("without an answer")
        checks.that("the pauses double", all(f"started in {10 << i} ms" in log_of(folder) for i in range(7)))
        time.sleep(3)                   # a rate is what is looked at
        more = log_of(folder).count("without an answer") - before
        checks.that("a start a second, no more", 1 <= more <= 4, more)
        checks.that("the supervisor lives", folder.gateway.poll() is None)
        limit_memory(folder.gateway.pid, resource.RLIM_INFINITY)
        start = time.monotonic()
        checks.equal("the trouble gone, what has waited is answered", folder.status(), 200)
        checks.that("... within two seconds", time.monotonic() - start < 2, time.monotonic() - start)
        kill_worker(folder)
        lines = log_of(folder).splitlines()
        checks.that("after an answer there is no pause", lines[-1].endswith("another is started"), lines[-1])
        checks.equal("exit status", folder.stop_gateway(), 0)


def check_cannot_start(checks, options):
    """What keeps the first worker from starting ends the gateway, and says so."""
    folder = harness.Folder(options)
    try:
        folder.write_ini(gateway="processes = 65\n")
        done = subprocess.run([options.gateway, "-c", folder.ini], capture_output=True, text=True, timeout=30,
                              check=False)
        checks.equal("65 processes: exit status", done.returncode, CONFIGURATION_ERROR)
        checks.that("65 processes: says where", "processes" in done.stderr and "from 1 to 64" in done.stderr,
                    done.stderr)
        folder.write_ini(gateway="wrong = 1\n")
        done = subprocess.run([options.gateway, "-c", folder.ini], capture_output=True, text=True, timeout=30,
                              check=False)
        checks.equal("a wrong key: exit status", done.returncode, CONFIGURATION_ERROR)
        checks.that("a wrong key: says which", "wrong" in done.stderr, done.stderr)
        folder.write_ini()
        os.makedirs(folder.socket)
        done = subprocess.run([options.gateway, "-c", folder.ini], capture_output=True, text=True, timeout=30,
                              check=False)
        checks.equal("no socket: exit status", done.returncode, SYSTEM_FAILED)
    finally:
        folder.close()


def check_reload(checks, options):
    address = "[site]\nbypass_address = 192.0.2.9\n"
    with gateway(options, gateway="processes = 3\n", rest=address) as folder:
        workers = wait_for_workers(folder, 3)
        open(folder.flag, "w", encoding="ascii").close()

        def answers():
            return set(each_alone(folder))

        checks.equal("the address passes in each process", answers(), {200})
        folder.write_ini(gateway="processes = 3\n")
        folder.gateway.send_signal(signal.SIGHUP)
        wire.wait_until(lambda: answers() == {503}, "the new policy in each process")
        checks.equal("SIGHUP: the new policy in each process", answers(), {503})
        checks.equal("... said once", log_of(folder).count("configuration loaded"), 1)
        folder.write("warden.ini", "[gateway]\nlisten = \n[sight]\n")
        folder.gateway.send_signal(signal.SIGHUP)
        wait_for_lines(folder, "cannot be used")
        checks.equal("a broken INI: the policy in force stays", answers(), {503})
        checks.equal("... the workers too", wire.workers(folder.gateway.pid), workers)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        wait_for_workers(folder, 3, workers)
        wait_for_lines(folder, "bypasses are suspended", 3)
        checks.equal("and a worker's death then brings no old bypass back", answers(), {503})
        os.unlink(folder.flag)
        checks.equal("... nor does it hold anybody while maintenance is off", answers(), {200})
        open(folder.flag, "w", encoding="ascii").close()
        folder.write_ini(gateway="processes = 3\n", rest=address)
        folder.gateway.send_signal(signal.SIGHUP)
        wire.wait_until(lambda: answers() == {200}, "the mended policy")
        checks.equal("mended: the address passes", answers(), {200})
        kill_worker(folder)
        checks.equal("... also by a worker that was started later", answers(), {200})
        checks.equal("exit status", folder.stop_gateway(), 0)


def check_processes(checks, options):
    """Each serves; the upkeep is the first one's, and goes on when that dies."""
    keys = "processes = 3\n"
    with gateway(options, gateway=keys) as folder:
        folder.write("on.txt", "on\n")
        folder.write_ini(gateway=keys + "gate_file = gate\ngate_on = on.txt\n")
        folder.gateway.send_signal(signal.SIGHUP)
        wait_for_workers(folder, 3)
        checks.equal("each alone answers", each_alone(folder), [200] * 3)
        gate = folder.file("gate")
        for what in ("the upkeep is done", "and goes on when the first worker is killed"):
            open(folder.flag, "w", encoding="ascii").close()
            wire.wait_until(lambda: os.path.exists(gate), "gate_file")
            os.unlink(folder.flag)
            wire.wait_until(lambda: not os.path.exists(gate), "no gate_file")
            checks.that(what, True)
            kill_worker(folder)
        checks.equal("exit status", folder.stop_gateway(), 0)


def check_inherited(checks, options):
    """With a socket as descriptor 0: a web server keeps one process running by itself, systemd gets a supervisor."""
    for starter, command, count in (("a web server", [], 0),
                                    ("systemd", ["/bin/sh", "-c", 'SYSTEMD_EXEC_PID=$$ exec "$@"', "sh"], 2)):
        folder = harness.Folder(options)
        try:
            folder.write_ini(gateway="processes = 2\n")
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(folder.socket)
                s.listen(100)
                folder.gateway = subprocess.Popen([*command, options.gateway, "-c", folder.ini], stdin=s,
                                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                checks.equal(f"started by {starter}: an answer", folder.status(), 200)
                checks.equal(f"started by {starter}: workers", len(wire.workers(folder.gateway.pid)), count)
                checks.equal(f"started by {starter}: exit status", folder.stop_gateway(), 0)
            checks.that("a socket of others stays", os.path.exists(folder.socket))
        finally:
            folder.close()


def check_readiness(checks, options):
    """sd_notify(3): READY=1 when a worker takes requests, STOPPING=1 at the end."""
    folder = harness.Folder(options)
    try:
        folder.write_ini()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(folder.file("notify.sock"))
            s.settimeout(30)
            folder.environment["NOTIFY_SOCKET"] = folder.file("notify.sock")
            folder.start_gateway()
            checks.equal("ready", s.recv(100), b"READY=1")
            checks.equal("exit status", folder.stop_gateway(), 0)
            checks.equal("stopping", s.recv(100), b"STOPPING=1")
    finally:
        folder.close()


def run(checks, options):
    """Every way in which a worker or the supervisor ends."""
    check_start_and_stop(checks, options)
    check_deaths(checks, options)
    check_no_orphan(checks, options)
    check_back_off(checks, options)
    check_cannot_start(checks, options)
    check_reload(checks, options)
    check_processes(checks, options)
    check_inherited(checks, options)
    check_readiness(checks, options)
    check_bound(checks, options)
    check_deadline(checks, options)
