# SPDX-License-Identifier: MIT
"""FastCGI: held answers, with and without kept connections, beside what others do with the same bytes."""
import os
import subprocess

from common import BUILD, HERE, Figure, Missing, compiled, say, tool


def start_libfcgi(bench, file="-"):
    return bench.start([os.path.join(BUILD, "libfcgi"), bench.path("libfcgi.sock"), "64", file],
                       bench.path("libfcgi.sock"))


def start_go(bench):
    target = os.path.join(BUILD, "handler")
    if not os.path.exists(target):
        subprocess.run([tool("go", "golang-go"), "build", "-o", target, os.path.join(HERE, "peers", "handler.go")],
                       check=True, env={**os.environ, "GO111MODULE": "off", "GOFLAGS": "-mod=mod"})
    path = bench.path("go.sock")
    bench.start([target, "fcgi", path, bench.path("answer"), bench.path("state/maintenance.flag")], path)
    return path


def start_perl(bench):
    path = bench.path("perl.sock")
    if subprocess.run([tool("perl", "perl"), "-MFCGI", "-e", "1"], stderr=subprocess.DEVNULL).returncode != 0:
        raise Missing("apt-get install libfcgi-perl")
    bench.start([tool("perl", "perl"), os.path.join(HERE, "peers", "page.pl"), path, bench.path("answer"),
                 bench.path("state/maintenance.flag")], path)
    return path


def held(bench, keep=True):
    """A held HTML page with a policy of 1,000 networks and 100 paths."""
    name = "held" if keep else "held-close"
    bench.policy()
    bench.touch()
    bench.start_gateway()
    answer = bench.answer()
    compiled("peers/raw.c", "-lpthread")
    compiled("peers/libfcgi.c", "-lfcgi", "-lpthread")
    bench.start([os.path.join(BUILD, "raw"), bench.path("raw.sock"), answer], bench.path("raw.sock"))
    start_libfcgi(bench, answer)

    def against(other, what, goal=None, peer_keeps=True):
        return Figure(name, "held page", what, goal).measure(
            bench, lambda: bench.load(bench.socket, keep=keep), lambda: bench.load(other, keep=keep and peer_keeps))

    yield against(bench.path("libfcgi.sock"), "bare libfcgi, the same bytes", 0.85)
    yield against(bench.path("raw.sock"), "raw socket, the same bytes")
    for what, goal, start in (("Go net/http/fcgi", 8, start_go), ("Perl FCGI, one process", None, start_perl)):
        try:
            yield against(start(bench), what, goal if keep else None)
        except Missing as missing:
            say(f"{name}: left out: {what}: {missing}")


def held_close(bench):
    yield from held(bench, keep=False)


def scale(bench):
    """Kept connections from 1 to 64: rates against 8 connections; no collapse."""
    bench.policy()
    bench.touch()
    bench.start_gateway()
    for count in (1, 4, 16, 64, 256):
        yield Figure("scale", f"{count} connections", "8 connections").measure(
            bench, lambda n=count: bench.load(bench.socket, connections=n), lambda: bench.load(bench.socket))
