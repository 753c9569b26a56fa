# SPDX-License-Identifier: MIT
"""With all descriptors taken the gateway neither spins nor dies, and answers as soon as there are some again."""
import contextlib
import os
import resource
import socket
import time

import harness
from harness import fastcgi, wire

FILES, CONNECTIONS = 64, 500
CPU_PERCENT, RECOVERY_SECONDS = 20, 1
WANTING_PERCENT = 60           # of the time, that any thread wants a core: all of it where it spins, whoever else does


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_wanting(pid):
    """By thread: how long it has run, or waited for a core."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            found[task] = sum(map(int, f.read().split()[:2])) / 1e9
    return found


def connect_all(path, data, count):
    """As many connections as the backlog takes, each with `data` sent; none waits."""
    held = []
    for _ in range(count):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        held.append(s)
        with contextlib.suppress(OSError):
            s.connect(path)
            s.sendall(data)
    return held


def pressed(checks, folder, what, data, seconds):
    worker = wire.workers(folder.gateway.pid)[0]
    held = connect_all(folder.socket, data, CONNECTIONS)
    try:
        before, wanting, start = cpu_seconds(worker), seconds_wanting(worker), time.monotonic()
        time.sleep(seconds)             # a rate is what is looked at
        took = time.monotonic() - start
        percent = 100 * (cpu_seconds(worker) - before) / took
        wanting = 100 * max(s - wanting.get(task, 0) for task, s in seconds_wanting(worker).items()) / took
    finally:
        for s in held:
            s.close()
    start = time.monotonic()
    status = folder.status()
    took = time.monotonic() - start
    print(f"    {what}: {percent:.1f} % of a core, wanted {wanting:.1f} % of the time; "
          f"answered after {took * 1000:.0f} ms", flush=True)
    checks.that(f"{what}: below {CPU_PERCENT} % of a core", percent < CPU_PERCENT, percent)
    checks.that(f"{what}: no thread wants a core all the time", wanting < WANTING_PERCENT, wanting)
    checks.equal(f"{what}: then it answers", status, 503)
    checks.that(f"{what}: ... within {RECOVERY_SECONDS} s", took < RECOVERY_SECONDS, took)
    checks.equal(f"{what}: by the same worker", wire.workers(folder.gateway.pid), [worker])


def run(checks, options):
    """500 silent connections, and 500 with half a request, where a process may have 64 descriptors."""
    folder = harness.Folder(options)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        folder.write_ini(gateway="log_level = debug\n")
        folder.start_gateway()
        checks.equal("an answer before", folder.status(), 200)
        open(folder.flag, "wb").close()
        for pid in [folder.gateway.pid] + wire.workers(folder.gateway.pid):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard[1]), hard[1]))
        seconds = 10 if options.long else 4
        pressed(checks, folder, "500 silent connections", b"", seconds)
        pressed(checks, folder, "500 half requests", fastcgi.begin(), seconds)
        with open(folder.file("gateway.log"), encoding="utf-8") as f:
            said = f.read().count("cannot accept")
        checks.that("it is said, and not over and over", 1 <= said <= 6, said)
        checks.equal("exit status", folder.stop_gateway(), 0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, hard)
        folder.close()
