# SPDX-License-Identifier: MIT
"""Parameters without end take a process to its limit of memory, and no further: the gateway answers on."""
import contextlib
import os
import time

import harness
from harness import fastcgi, wire

LIMIT_MIB = 128
SECONDS = 2                     # until the next request is answered
SHORT = fastcgi.pairs([("A", "")] * 21000)              # libfcgi makes 13 times as much of these
LONG = fastcgi.pairs([("HTTP_X", "v" * 60000)])


def memory_of(pid, field="VmRSS"):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) >> 10
    return 0


def flood(folder, content, most_mib, limited):
    """Sends parameters until the connection breaks; whether it did, and what the process had taken by then, in MiB."""
    worker = wire.workers(folder.gateway.pid)[0]
    peak, data = 0, fastcgi.record(fastcgi.PARAMS, content)
    with fastcgi.connect(folder.socket) as s:
        try:
            s.sendall(fastcgi.begin())
            for _ in range((most_mib << 20) // len(data)):
                s.sendall(data)
                peak = max(peak, memory_of(worker))
                if limited and peak > 2 * LIMIT_MIB:    # enough is seen, and the machine has other things to do
                    break
        except OSError:
            return True, peak
    return False, peak


def check_floods(checks, folder, times, most_mib, limited):
    parent, peak, slowest, broken, answered = folder.gateway.pid, 0, 0, 0, 0
    for i in range(times):
        ended, mib = flood(folder, (SHORT, LONG)[i % 2], most_mib, limited)
        start = time.monotonic()
        answered += folder.status() == 503
        slowest, peak, broken = max(slowest, time.monotonic() - start), max(peak, mib), broken + ended
    print(f"    {times} floods: {broken} broken off, at most {peak} MiB, next answer after {slowest * 1000:.0f} ms",
          flush=True)
    checks.equal("the supervisor lives", (folder.gateway.poll(), folder.gateway.pid), (None, parent))
    checks.equal("each is followed by a right answer", answered, times)
    checks.that(f"... within {SECONDS} s", slowest < SECONDS, slowest)
    return peak, broken


def run(checks, options):
    """100 floods, or six."""
    folder = harness.Folder(options)
    limited = not harness.is_sanitized(options.gateway)
    try:
        folder.write_ini(gateway=f"process_memory = {LIMIT_MIB}\n")
        folder.start_gateway()
        checks.equal("an answer before", folder.status(), 200)
        open(folder.flag, "wb").close()
        base = memory_of(folder.gateway.pid)
        peak, broken = check_floods(checks, folder, 100 if options.long else 6, 4 * LIMIT_MIB if limited else 4,
                                    limited)
        if limited:
            checks.that("no process over its limit", peak < LIMIT_MIB + 32, peak)
            checks.that("the floods are broken off", broken > 0, broken)
        checks.that("the supervisor does not grow", memory_of(folder.gateway.pid) <= base + 1, base)
        checks.equal("the log has room for others",
                     os.path.getsize(folder.file("gateway.log")) < 1 << 20 or not limited, True)
        checks.equal("exit status", folder.stop_gateway(), 0)
    finally:
        folder.close()
