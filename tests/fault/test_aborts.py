# SPDX-License-Identifier: MIT
"""Workers that abort under load cost hardly a request, and never a wrong answer."""
import contextlib
import mmap
import os
import signal
import socket
import struct
import time

import harness
from harness import fastcgi, wire

CLIENTS = 3
FAILED_PERCENT, GAP_MS = 0.2, 100
SANITIZED_GAP_MS = 2000         # such a process takes long to die, and to tell why
KEPT = "[site]\nbypass_address = 192.0.2.10\nopen_path = /open/\n"

# what each kind of request must get while maintenance is on
KINDS = [
    (fastcgi.GOOD, 503),
    ([(n, "192.0.2.10" if n == "REMOTE_ADDR" else v) for n, v in fastcgi.GOOD], 200),
    ([(n, "/open/x" if n == "REQUEST_URI" else v) for n, v in fastcgi.GOOD], 200),
]
REQUESTS = [(fastcgi.whole(parameters, fastcgi.AUTHORIZER), b"Status: %d" % status) for parameters, status in KINDS]

# libfcgi 2.4.2 and 2.4.7 overrun a buffer when a name is asked for four times, and assert that memory is endless
GET_VALUES = fastcgi.record(fastcgi.GET_VALUES, fastcgi.pairs([("FCGI_MAX_CONNS", "")] * 4), 0) + \
    fastcgi.whole(fastcgi.GOOD)
TWO_GIGABYTES = fastcgi.begin() + \
    fastcgi.record(fastcgi.PARAMS, struct.pack(">II", 0xfffffff0, 0xfffffff0) + b"A" * 64) * 2 + \
    fastcgi.record(fastcgi.PARAMS) + fastcgi.record(fastcgi.STDIN)


class Tally:
    """What the clients saw, in memory that they share: numbers, and each millisecond in which one was answered."""

    def __init__(self, seconds):
        self.milliseconds = int(seconds * 1000)
        self.numbers = mmap.mmap(-1, CLIENTS * 3 * 8)
        self.answered = mmap.mmap(-1, self.milliseconds)

    def write(self, client, whole, failed, wrong):
        struct.pack_into("QQQ", self.numbers, client * 24, whole, failed, wrong)

    def sums(self):
        rows = [struct.unpack_from("QQQ", self.numbers, client * 24) for client in range(CLIENTS)]
        return [sum(column) for column in zip(*rows)]

    def longest_gap(self):
        return max(map(len, self.answered[:].strip(b"\0").split(b"\1")), default=self.milliseconds)


def exchange(path, data):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(data)
        return fastcgi.stdout_of(wire.receive(s))


def client(path, tally, number, start, end):
    """One client's life: a connection each request, for what a kept one loses is the web server's to try again."""
    counts = [0, 0, 0]
    at = number
    while (now := time.monotonic()) < end:
        data, expected = REQUESTS[at % len(REQUESTS)]
        at += 1
        answer = b""
        with contextlib.suppress(OSError):
            answer = exchange(path, data)
        counts[0 if answer.startswith(expected) else 1 if not answer else 2] += 1
        if answer:
            now = time.monotonic()
            tally.answered[min(int((now - start) * 1000), tally.milliseconds - 1)] = 1
        tally.write(number, *counts)


def start_clients(path, tally, start, end):
    pids = []
    for number in range(CLIENTS):
        pid = os.fork()
        if pid == 0:
            try:
                client(path, tally, number, start, end)
            finally:
                os._exit(0)
        pids.append(pid)
    return pids


def by_signal(folder, worker):
    os.kill(worker, signal.SIGKILL)


def by_packet(data):
    def abort(folder, worker):
        with contextlib.suppress(OSError), fastcgi.connect(folder.socket) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            wire.receive(s)

    return abort


WAYS = {"SIGKILL": by_signal, "GET_VALUES": by_packet(GET_VALUES), "two gigabytes": by_packet(TWO_GIGABYTES)}


def abort_one(folder, way):
    """Whether the worker that was there is gone, and another one there."""
    before = wire.workers(folder.gateway.pid)
    if not before:
        return False
    way(folder, before[0])
    end = time.monotonic() + 5
    while time.monotonic() < end:
        now = wire.workers(folder.gateway.pid)
        if now and before[0] not in now:
            return True
        time.sleep(0.001)
    return False


def check_ways(checks, options):
    """Each way ends a worker, so that what follows proves something."""
    for what, way in WAYS.items():
        folder = harness.Folder(options)
        try:
            folder.write_ini(KEPT, gateway="process_memory = 512\n")
            folder.start_gateway()
            checks.equal("an answer before", folder.status(), 200)
            checks.that(f"{what} ends a worker", abort_one(folder, way))
            checks.equal(f"{what}: the next answers", folder.status(), 200)
        finally:
            folder.close()


def check_under_load(checks, options, aborts, seconds):
    folder, pids = harness.Folder(options), []
    tally, done = Tally(seconds), 0
    try:
        folder.write_ini(KEPT, gateway="process_memory = 512\n")
        folder.start_gateway()
        open(folder.flag, "wb").close()
        start = time.monotonic()
        pids = start_clients(folder.socket, tally, start, start + seconds)
        ways = list(WAYS.values())
        for i in range(aborts):
            time.sleep(max(0, start + (i + 0.5) * seconds / aborts - time.monotonic()))     # evenly over the time
            done += abort_one(folder, ways[i % len(ways)])
        for pid in pids:
            os.waitpid(pid, 0)
        pids = []
        whole, failed, wrong = tally.sums()
        gap, percent = tally.longest_gap(), 100 * failed / max(1, whole + failed)
        print(f"    {done} aborts in {seconds} s, {whole + failed} requests: {failed} failed ({percent:.3f} %), "
              f"{wrong} wrong, longest gap {gap} ms", flush=True)
        checks.equal("aborts", done, aborts)
        checks.equal("wrong answers", wrong, 0)
        checks.that(f"at most {FAILED_PERCENT} % failed", whole > 0 and percent <= FAILED_PERCENT, percent)
        most = SANITIZED_GAP_MS if harness.is_sanitized(options.gateway) else GAP_MS
        checks.that(f"no gap over {most} ms", gap <= most, gap)
        checks.equal("SIGTERM: exit status", folder.stop_gateway(), 0)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        folder.close()


def run(checks, options):
    """200 aborts in a minute, or 20 in eight seconds."""
    check_ways(checks, options)
    check_under_load(checks, options, *((200, 60) if options.long else (20, 8)))
