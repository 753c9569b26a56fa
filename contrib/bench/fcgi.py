# SPDX-License-Identifier: MIT
"""FastCGI: held answers, with and without kept connections, beside what others do with the same bytes."""
import peers
from common import Missing, free_port, say
from figures import Figure

# what it is, the goals kept and closed, how it starts
BESIDE = (
    ("bare libfcgi, the same bytes", 0.85, 0.85, peers.libfcgi),
    ("a raw socket, the same bytes", None, None, peers.raw),
    ("Go net/http/fcgi", 8, None, peers.go_fcgi),
    ("PHP-FPM, file_exists and 503", 2.5, None, peers.php),
    ("fcgiwrap and a C CGI", None, None, peers.fcgiwrap),
    ("Perl FCGI, one process", None, None, peers.perl),
)

PASS = "hand_back = status 204\n"       # or a request that is not held would be a 503 too


def held(bench, keep=True):
    """A held HTML page with a policy of 1,000 networks and 100 paths."""
    bench.policy(site=PASS)
    bench.touch()
    bench.start_gateway()
    for what, kept, closed, start in BESIDE:
        try:
            peer = start(bench)
        except Missing as missing:
            say(f"left out: {what}: {missing}")
            continue
        address, script = peer if isinstance(peer, tuple) else (peer, None)
        more = [f"SCRIPT_FILENAME={script}"] if script else []
        connections = 1 if start is peers.perl else 8           # one process: a kept connection would starve the others
        yield Figure("held" if keep else "held-close", "held page", what, kept if keep else closed).measure(
            bench, lambda n=connections: bench.load(bench.socket, keep=keep, connections=n),
            lambda a=address, n=connections, m=more: bench.load(a, keep=keep, connections=n, more=m))
        if start is peers.libfcgi:
            yield Figure("held" if keep else "held-close", "held page, p99", what, least=False, unit="us").measure(
                bench, lambda: bench.load(bench.socket, keep=keep, want="p99_us"),
                lambda a=address: bench.load(a, keep=keep, want="p99_us"))
    port = free_port()
    address = f"127.0.0.1:{port}"
    start_with(bench, "tcp", port, f"listen = {bench.socket}", f"listen = {address}")
    yield Figure("held" if keep else "held-close", "held page, over TCP", "the same over a Unix socket").measure(
        bench, lambda: bench.load(address, keep=keep), lambda: bench.load(bench.socket, keep=keep))


def held_close(bench):
    yield from held(bench, keep=False)


def scale(bench):
    """More connections, and more workers: no collapse, and no queue at a lock."""
    bench.policy(gateway="workers = 64\n", site=PASS)
    bench.touch()
    bench.start_gateway()
    for count, goal in ((1, None), (2, None), (4, None), (16, 0.9), (64, 0.9), (256, 0.9)):
        yield Figure("scale", f"{count} connection{'s' * (count > 1)}", "8 connections", goal).measure(
            bench, lambda n=count: bench.load(bench.socket, connections=n), lambda: bench.load(bench.socket))
    fewer = start_with_workers(bench, 1)
    for workers, goal in ((2, 0.95), (4, 0.95), (8, 0.95)):
        address = start_with_workers(bench, workers)
        other = f"{workers // 2} worker{'s' * (workers > 2)}"
        yield Figure("scale", f"{workers} workers, 16 connections", other, goal).measure(
            bench, lambda a=address: bench.load(a, connections=16), lambda a=fewer: bench.load(a, connections=16))
        fewer = address


def start_with(bench, name, ready, *changes):
    """A second gateway, with changes (old, new, old, new...) in its INI."""
    config = bench.read("warden.ini").decode()
    for old, new in zip(changes[::2], changes[1::2]):
        config = config.replace(old, new)
    bench.write(f"warden-{name}.ini", config)
    bench.start_gateway(config=f"warden-{name}.ini", ready=ready)


def start_with_workers(bench, workers):
    """One with so many workers; its socket."""
    path = bench.path(f"gateway-{workers}.sock")
    start_with(bench, str(workers), path, f"listen = {bench.socket}", f"listen = {path}", "workers = 64",
               f"workers = {workers}")
    return path
