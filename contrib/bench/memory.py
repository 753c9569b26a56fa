# SPDX-License-Identifier: MIT
"""Memory of the static program: its part of what it shares, and all of what is its own (PSS)."""
import os
import socket

import fastcgi
from common import MANY
from figures import Amount

CONNECTIONS = 1000
MIB = 1 << 20
# MiB: idle, with 100,000 networks, with 1,000 open connections; megabytes: the program
IDLE, NETWORKS, OPEN, SIZE = 4, 24, 32, 2


def family(pid):
    """The process and all that it started."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        children = [int(word) for word in f.read().split()]
    return [pid] + [one for child in children for one in family(child)]


def pss(process):
    """MiB of all processes of the gateway."""
    total = 0
    for pid in family(process.pid):
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
    return total / MIB


def request():
    return fastcgi.whole([("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/shop"), ("REMOTE_ADDR", "192.0.2.9"),
                          ("SERVER_PROTOCOL", "HTTP/1.1"), ("HTTP_ACCEPT", "text/html")], flags=1)


def open_connections(bench, count):
    """Kept ones, each of which has had an answer."""
    out = []
    for _ in range(count):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect(bench.socket)
        s.sendall(request())
        data = b""
        while not data.endswith(b"\x01\x03\x00\x01\x00\x08\x00\x00" + b"\0" * 8):      # END_REQUEST
            chunk = s.recv(65536)
            if not chunk:
                raise RuntimeError(f"the connection was closed after {len(out)} others")
            data += chunk
        out.append(s)
    return out


def once(bench, program, connections):
    process = bench.start_gateway(program)
    bench.answer()
    held = open_connections(bench, connections)
    result = pss(process)
    for s in held:
        s.close()
    bench.stop(process)
    return result


def held(bench):
    """After the first request."""
    program = bench.static()
    bench.touch()
    for what, networks, connections, limit in (("idle", 10, 0, IDLE), ("100,000 networks", MANY, 0, NETWORKS),
                                               ("1,000 open connections", 10, CONNECTIONS, OPEN)):
        bench.policy(networks=networks, paths=10)
        yield Amount("memory", what, "MiB", limit).measure(
            bench, lambda c=connections: once(bench, program, c))
    yield Amount("memory", "the program, static and stripped", "MB", SIZE).add(os.path.getsize(program) / 1e6)
