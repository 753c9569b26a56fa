# SPDX-License-Identifier: MIT
"""Thousands of silent, half-sent and dripping connections at once hold nobody up, take little, leave nothing behind.

The control's p99 is to be below 20 ms.  A second gateway, that nobody attacks, is asked in turn with the first: where
the machine is so busy with other things that it is slow, too, three times its p99 counts instead.  Nothing may take
over a second, busy or not.
"""
import contextlib
import random
import select
import threading
import time

import service
from service import FRIEND, fastcgi, forwarded, head, parameters

LONG, SHORT = (2000, 200, 50), (500, 50, 20)            # silent, half-sent, dripping
P99, BUSY, LONGEST = 0.020, 3, 1.0
MEMORY_KIB = 64 * 1024
BASE_SECONDS = 15
SECONDS = {True: 25, False: 5}  # the peers stay
DRIP_SECONDS = 0.3
AGAIN = 20                      # so many of those that were cut come again within LOOK_SECONDS: all this is one process
LOOK_SECONDS = 0.05
PAUSE_SECONDS = 0.001           # a loop without a pause would measure this process


class Peers:
    """They all stay, and come again when they are cut: a hostile peer does not go by itself."""

    def __init__(self, where, whole, counts, sources):
        self.where, self.whole, self.counts, self.sources = where, whole, counts, sources
        self.dice, self.stop, self.again, self.refused = random.Random(1), threading.Event(), 0, 0
        self.sockets, self.kinds = {}, {}
        self.poll = select.epoll()
        self.thread = threading.Thread(target=self.keep, daemon=True)

    def open(self, kind):
        source = self.dice.choice(self.sources) if self.sources else None
        try:
            s = service.connect(self.where, source)
        except OSError:
            self.refused += 1
            return
        s.setblocking(False)
        self.sockets[s.fileno()], self.kinds[s.fileno()] = s, [kind, 0]
        self.poll.register(s, select.EPOLLIN | select.EPOLLRDHUP)
        if kind == "half":
            with contextlib.suppress(OSError):
                s.send(self.whole[:self.dice.randrange(1, len(self.whole) - 1)])

    def __enter__(self):
        for kind, count in zip(("silent", "half", "drip"), self.counts):
            for _ in range(count):
                self.open(kind)
        self.thread.start()
        return self

    def cut(self, fd):
        s, (kind, _) = self.sockets.pop(fd), self.kinds.pop(fd)
        self.poll.unregister(fd)
        s.close()
        self.again += 1
        self.open(kind)

    def drip(self):
        """A byte each; then the same again, for what is whole would be answered."""
        for fd, (kind, at) in list(self.kinds.items()):
            if kind == "drip":
                with contextlib.suppress(OSError):
                    self.sockets[fd].send(self.whole[at:at + 1])
                    self.kinds[fd][1] = (at + 1) % (len(self.whole) - 9)

    def keep(self):
        dripped = 0
        while not self.stop.is_set():
            for fd, _ in self.poll.poll(LOOK_SECONDS, AGAIN):
                self.cut(fd)
            self.stop.wait(LOOK_SECONDS)
            if time.monotonic() > dripped + DRIP_SECONDS:
                self.drip()
                dripped = time.monotonic()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(30)
        for s in self.sockets.values():
            s.close()
        self.poll.close()


class Question:
    """The same over one front of the gateway that is attacked and of the quiet one, in turn."""

    def __init__(self, checks, what, target, quiet, front):
        self.checks, self.what = checks, what
        self.asks = getattr(target, front), getattr(quiet, front)

    def ask(self, when, seconds):
        """The friend and the visitor in turn; every answer must be right, and come in time."""
        times, wrong, n, end = (service.Times(), service.Times()), [], 0, time.monotonic() + seconds
        while time.monotonic() < end and len(wrong) < 5:
            client, wanted = ((service.VISITOR, 503), (FRIEND, 200))[n // 2 % 2]
            try:
                found = times[n % 2].timed(self.asks[n % 2], client)
            except OSError as error:
                found = repr(error)
            if found != wanted:
                wrong.append((("attacked", "quiet")[n % 2], found, wanted, f"{times[n % 2].all[-1]:.3f} s"))
            n += 1
            time.sleep(PAUSE_SECONDS)
        limit, what = max(P99, BUSY * times[1].part(.99)), f"{self.what}: {when}"
        print(f"{what}: {times[0]}; of the quiet one: {times[1]}", flush=True)
        self.checks.equal(f"{what}: every answer is right", wrong, [])
        self.checks.that(f"{what}: p99 below {limit * 1e3:.0f} ms", times[0].part(.99) < limit, times[0], times[1])
        self.checks.that(f"{what}: none over a second", max(times[0].all, default=9) < LONGEST, times[0])


def descriptors_settle(target, base):
    """How many descriptors there are, at last."""
    end = time.monotonic() + BASE_SECONDS
    while target.descriptors() > base and time.monotonic() < end:
        time.sleep(0.1)
    return target.descriptors()


def attack(checks, options, what, target, question, peers):
    question.ask("before", 1)
    base, memory, most = target.descriptors(), target.memory(), 0
    with peers:
        open_ones = len(peers.sockets)
        asker = threading.Thread(target=question.ask, args=("meanwhile", SECONDS[options.long]))
        asker.start()
        while asker.is_alive():
            most = max(most, target.memory())
            asker.join(0.5)
        again = peers.again
    gone = time.monotonic()
    left = descriptors_settle(target, base)
    took = time.monotonic() - gone
    question.ask("after", 1)
    print(f"{what}: {open_ones} peers came, {again} times one was cut and came again; {most / 1024:.1f} MiB at most, "
          f"{memory / 1024:.1f} before, {target.memory() / 1024:.1f} after; {left} descriptors {took:.1f} s after, "
          f"{base} before", flush=True)
    checks.that(f"{what}: their descriptors are gone within {BASE_SECONDS} s", left <= base, left, base)
    if not target.sanitized():
        checks.that(f"{what}: memory below {MEMORY_KIB // 1024} MiB", most < MEMORY_KIB, most)
    checks.that(f"{what}: the service lives", target.gateway.poll() is None)


def against(checks, options, what, front, where, whole, sources=(), **settings):
    """A gateway of its own, and the quiet one beside it."""
    target, quiet = service.Service(options, **settings), service.Service(options, **settings)
    try:
        target.touch()
        quiet.touch()
        peers = Peers(getattr(target, where), whole, LONG if options.long else SHORT, sources)
        attack(checks, options, what, target, Question(checks, what, target, quiet, front), peers)
        checks.equal(f"{what}: ends when told to", target.stop_gateway(), 0)
    finally:
        target.close()
        quiet.close()


MANY = [f"127.7.{n // 200}.{n % 200 + 1}" for n in range(2000)]


def run(checks, options):
    """FastCGI over a unix socket and TCP; HTTP with the usual limits, and with room for all of the peers."""
    checks.that("descriptors enough for all", service.raise_descriptors(8192))
    fcgi = fastcgi.whole(parameters(client=FRIEND), fastcgi.RESPONDER, 1)
    http = head(forwarded(client=FRIEND))
    against(checks, options, "FastCGI, unix", "ask_fcgi", "fcgi", fcgi)
    against(checks, options, "FastCGI, TCP", "ask_fcgi", "fcgi", fcgi, tcp=True)
    against(checks, options, "HTTP, a few strangers", "ask_http", "http", http, ("127.0.0.4", "127.0.0.5"))
    against(checks, options, "HTTP, room for all", "ask_http", "http", http, MANY, http="http_connections = 4096\n")
