# SPDX-License-Identifier: MIT
"""No web server: FastCGI peers that send in pieces, ask for more than they read, or what web servers do not ask.

The worker that serves everybody waits for none of them.  What shows that it does are answers that come at once, where
they would come after a second, when the gateway looks again at everything that waits.
"""
import contextlib
import os
import select
import signal
import socket
import struct
import threading
import time

from fastcgi import (AUTHORIZER, END, GET_VALUES, GOOD, PARAMS, STDIN, STDOUT, ask, begin, connect, pairs, params,
                     record, send, status, whole)
from harness import WAIT_SECONDS, Folder, receive, wait_until, workers

WORKERS = 8
CONNECTIONS_MAX = 1024          # FCGI_CONNECTIONS_MAX
LOOPS = min(len(os.sched_getaffinity(0)), WORKERS // 2)      # workers that serve everybody
FREE = WORKERS - LOOPS          # workers that may wait for one peer each
AT_ONCE = 0.5                   # seconds: below the one after which everything that waits is looked at again
PAGE = b"<!doctype html><title>large</title>" + b"x" * 400000 + b"its end"     # a socket does not take all of it
PROTOCOL = GOOD + [("SERVER_PROTOCOL", "HTTP/1.1")]
KEPT = whole(PROTOCOL, flags=1)
OPEN = [(name, "/api/webhooks/1" if name == "REQUEST_URI" else value) for name, value in GOOD]      # passes ...
SMALL = whole(OPEN, AUTHORIZER, flags=1)                                                # ... and so has a small answer
CAPABILITIES = record(GET_VALUES, pairs([("FCGI_MAX_CONNS", "")]), 0)


class Answers:
    """The records of one connection, read as far as they are wanted."""

    def __init__(self, path):
        self.socket = connect(path)
        self.stream = self.socket.makefile("rb")

    def record(self):
        head = self.stream.read(8)
        if len(head) < 8:
            return 0, b""
        _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", head)
        return kind, self.stream.read(length + padding)[:length]

    def one(self):
        """Up to the end of a request; what it said, or what came before the connection ended."""
        out = b""
        while True:
            kind, content = self.record()
            out += content if kind == STDOUT else b""
            if kind in (0, END):
                return out

    def ask(self, data=KEPT):
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)
        return self.one()

    def close(self):
        self.stream.close()
        self.socket.close()


class FastCgiPeers:
    name = "fastcgi-peers"

    def __init__(self, folder: Folder):
        self.folder, self.path = folder, folder.socket
        folder.write("page.html", PAGE)
        folder.add_keys(f"workers = {WORKERS}\n")
        folder.start_gateway()

    def run(self, checks):
        self.folder.touch()
        self.check_pieces(checks)
        self.check_empty_body(checks)
        self.check_pipelined(checks)
        self.check_capabilities(checks)
        self.check_too_many(checks)
        self.check_padded(checks)
        self.check_upload(checks)
        with open(self.folder.file("warden.ini")) as f:
            small = f.read()
        self.folder.write("warden.ini", small.replace("[site]\n", f"[site]\npage = {self.folder.file('page.html')}\n", 1))
        self.folder.stop(self.folder.gateway)
        self.folder.start_gateway()
        self.check_half_requests(checks)
        self.check_large_answers(checks)
        self.check_deaf_peers(checks)
        self.check_unread_page(checks)
        self.check_slow_reader(checks)
        self.folder.remove()

    def check_at_once(self, checks, what, wanted, call, *arguments):
        start = time.monotonic()
        answer = call(*arguments)
        took = time.monotonic() - start
        checks.that(f"{what}: answered", status(answer) == wanted, answer[:80])
        checks.that(f"{what}: at once", took < AT_ONCE, took)

    def check_others(self, checks, what):
        self.check_at_once(checks, f"{what}: others", 503, ask, self.path)

    def check_pieces(self, checks):
        """Apache sends record by record.  So many pieces that they fill the socket's buffer take a second or two."""
        for size in (8, 100):
            peer = Answers(self.path)
            for _ in range(2):
                pieces = [KEPT[at:at + size] for at in range(0, len(KEPT), size)]
                for piece in pieces[:-1]:
                    peer.socket.send(piece)
                self.check_at_once(checks, f"pieces of {size} bytes", 503, peer.ask, pieces[-1])
            peer.close()
        peer, large = Answers(self.path), whole(PROTOCOL + [("HTTP_X", "v" * 2000)], flags=1)
        sender = threading.Thread(target=lambda: [peer.socket.send(large[at:at + 1]) for at in range(len(large))])
        sender.start()
        self.check_others(checks, "thousands of pieces")
        sender.join()
        checks.that("thousands of pieces are answered", status(peer.one()) == 503)
        peer.close()
        with connect(self.path) as s:
            s.sendall(KEPT[:20])
            s.shutdown(socket.SHUT_WR)
            checks.that("the end of a peer within a request ends it", receive(s) == b"")

    def check_empty_body(self, checks):
        """The end of a body that was not announced is waited for, but not for long; of an announced one, not at all."""
        peer = Answers(self.path)
        peer.socket.sendall(begin(flags=1) + params(PROTOCOL))
        checks.that("an empty body: its end is waited for", not select.select([peer.socket], [], [], AT_ONCE)[0])
        self.check_at_once(checks, "an empty body: ended", 503, peer.ask, record(STDIN))
        self.check_at_once(checks, "an empty body: the next one", 503, peer.ask)
        peer.socket.sendall(begin(flags=1) + params(PROTOCOL))
        checks.that("an empty body that never ends: answered", status(peer.one()) == 503)
        checks.that("an empty body that never ends: ends the connection", peer.record() == (0, b""))
        peer.close()
        self.check_at_once(checks, "an empty body, and the peer ends", 503, send, self.path, begin() + params(PROTOCOL))
        peer = Answers(self.path)
        self.check_at_once(checks, "an announced body", 503, peer.ask,
                           begin(flags=1) + params(PROTOCOL + [("CONTENT_LENGTH", "7")]))
        peer.close()

    def check_pipelined(self, checks):
        """libfcgi cannot be asked for the second one: the first is answered, and that is all."""
        peer = Answers(self.path)
        self.check_at_once(checks, "two requests at once: the first", 503, peer.ask, KEPT + KEPT)
        checks.that("two requests at once: then the connection ends", peer.record() == (0, b""))
        peer.close()

    def check_capabilities(self, checks):
        """A management record (FastCGI specification, section 4.1) has libfcgi wait for what comes behind it."""
        self.check_at_once(checks, "GET_VALUES and a request", 503, send, self.path, CAPABILITIES + KEPT)
        peers = [Answers(self.path) for _ in range(3 * WORKERS)]
        for peer in peers:
            peer.socket.sendall(CAPABILITIES)
            self.check_others(checks, "peers that said GET_VALUES alone")
        for peer in peers:
            peer.close()

    def check_too_many(self, checks):
        """More than may stay end, also where a worker would have to wait for each, and none is free."""
        peers = [Answers(self.path) for _ in range(CONNECTIONS_MAX + 300)]
        for peer in peers:
            with contextlib.suppress(ConnectionError):          # the first ones may be ended by now
                peer.socket.sendall(CAPABILITIES)
        wait_until(lambda: self.descriptors() < CONNECTIONS_MAX + 50, "the end of those that are too many")
        self.check_others(checks, "too many connections")
        for peer in peers:
            peer.close()
        wait_until(lambda: self.descriptors() < 50, "the end of all")

    def check_padded(self, checks):
        """Behind the parameters libfcgi takes the padding for a record: here one whose content never comes."""
        trap = struct.pack(">BBHHBB", 1, STDIN, 1, 65535, 0, 0)
        padded_end = struct.pack(">BBHHBB", 1, PARAMS, 1, 0, len(trap), 0) + trap
        peer = Answers(self.path)
        peer.socket.sendall(begin(flags=1) + record(PARAMS, pairs(PROTOCOL)) + padded_end + record(STDIN))
        self.check_others(checks, "a padded end of the parameters")
        peer.close()

    def check_upload(self, checks):
        """A held upload is answered before it has come, and may go on meanwhile."""
        peer = Answers(self.path)
        peer.socket.sendall(begin(flags=1) + params(PROTOCOL + [("CONTENT_LENGTH", "9000000")]) +
                            record(STDIN, b"x" * 1000))
        checks.that("an upload is held at once", status(peer.one()) == 503)
        sent = 0
        with contextlib.suppress(ConnectionError):
            for _ in range(150):
                sent += peer.socket.send(record(STDIN, b"x" * 60000))
        checks.that("what goes on is thrown away", sent > 8000000, sent)
        self.check_others(checks, "an upload that goes on")
        peer.close()
        large = begin(flags=1) + params(PROTOCOL + [("CONTENT_LENGTH", "50000")])
        large += record(STDIN, b"x" * 50000) + record(STDIN)
        waiting = [Answers(self.path) for _ in range(FREE)]
        for peer in waiting:
            peer.socket.sendall(CAPABILITIES)
        for what, data in (("a large upload", large), ("one with a request behind it", large + KEPT)):
            peer = Answers(self.path)
            self.check_at_once(checks, f"while no worker is free, {what}", 503, peer.ask, data)
            checks.that(f"{what}: then the connection ends", peer.record() == (0, b""))
            peer.close()
        for peer in waiting:
            peer.close()

    def check_large_answers(self, checks):
        """Each takes a worker for itself; where none is left, it is a short one.  None is forgotten."""
        peers = [Answers(self.path) for _ in range(5 * WORKERS)]
        large = 0
        start = time.monotonic()
        for _ in range(10):
            for peer in peers:
                peer.socket.sendall(KEPT)
            answers = [peer.one() for peer in peers]
            checks.that("many at once: all are answered", all(status(answer) == 503 for answer in answers))
            large += sum(answer.endswith(PAGE[-1000:]) for answer in answers)
        checks.that("many at once: in time", time.monotonic() - start < 10 * AT_ONCE, time.monotonic() - start)
        checks.that("many at once: some are large", large > 0, large)
        for peer in peers:
            peer.close()
        self.check_at_once(checks, "a large answer: one", 503, ask, self.path)
        checks.that("a large answer: whole", ask(self.path).endswith(PAGE[-1000:]))

    def check_half_requests(self, checks):
        """Those that have sent half a request for long may have a worker, but not all of them."""
        before = self.threads()
        half = FREE - FREE // 2
        peers = [Answers(self.path) for _ in range(3 * WORKERS)]
        for peer in peers:
            peer.socket.sendall(KEPT[:-9])
        wait_until(lambda: self.threads() >= max(before, 1 + LOOPS + half), "threads for half requests")
        checks.that("half requests: a worker is left for a large answer", ask(self.path).endswith(PAGE[-1000:]))
        checks.that("half requests: the rest comes", status(peers[0].ask(KEPT[-9:])) == 503)
        for peer in peers:
            peer.close()

    def threads(self):
        return self.count("task")

    def descriptors(self):
        return self.count("fd")

    def count(self, what):
        return sum(len(os.listdir(f"/proc/{pid}/{what}")) for pid in workers(self.folder.gateway.pid))

    def check_deaf_peers(self, checks):
        """They ask and do not read.  Those that have a worker get all they asked for once they read."""
        peers = [Answers(self.path) for _ in range(3 * WORKERS)]
        for peer in peers:
            peer.socket.sendall(KEPT * 3)
            self.check_at_once(checks, "deaf peers: others", 200, self.ask_small)
            select.select([peer.socket], [], [], WAIT_SECONDS)          # its answer has begun: it has what it gets
        answers = [peer.one() for peer in peers]
        whole_pages = [answer.endswith(PAGE[-1000:]) for answer in answers]
        checks.that("deaf peers: those that have a worker get the page", whole_pages == sorted(whole_pages, reverse=True) and
                    sum(whole_pages) == FREE, whole_pages)
        checks.that("deaf peers: the others a short one", all(status(answer) == 503 for answer in answers), answers[-1][:80])
        for peer in peers:
            peer.close()

    def check_unread_page(self, checks):
        """A worker that could wait has written the page, of which so much is unread that small answers do not fit."""
        for read in range(200000, 220000, 4000):
            peer = Answers(self.path)
            peer.socket.sendall(KEPT)
            while read > 0:
                read -= len(peer.socket.recv(min(read, 1000)))
            time.sleep(0.1)
            for _ in range(60):
                with contextlib.suppress(ConnectionError):
                    peer.socket.sendall(SMALL)
                time.sleep(0.002)
            self.check_at_once(checks, "small answers behind an unread page: others", 200, self.ask_small)
            peer.close()

    def check_slow_reader(self, checks):
        """SIGHUP has the main thread look sooner than after a second: no time for that has passed."""
        peer = Answers(self.path)
        peer.socket.sendall(KEPT)
        for _ in range(15):
            os.kill(workers(self.folder.gateway.pid)[0], signal.SIGHUP)
            time.sleep(0.1)
        checks.that("a reader that waits through 15 reloads gets all", peer.one().endswith(PAGE[-1000:]))
        peer.close()

    def ask_small(self):
        return send(self.path, whole(OPEN, AUTHORIZER), finish=False)


WAYS = (FastCgiPeers,)
