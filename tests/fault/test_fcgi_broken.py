# SPDX-License-Identifier: MIT
"""FastCGI conversations broken at random: the next request is answered at once, and nothing that is not whole passes.

Good conversations are taken apart into records, changed by a seeded generator, and sent in several ways.  Whether a
pass was right is decided by a reader of the protocol that is the test's own: strict, and from the specification.
"""
import contextlib
import random
import socket
import struct
import time

import service
from service import FRIEND, OPEN, SECRET, VISITOR, fastcgi, parameters, wire

LONG, SHORT = 50000, 3000
LINGERING = 40                  # conversations that stay open while others go on: less than there are workers
PASSES = (200, 204)
ABORT_REQUEST = 2
LENGTHS = (0, 127, 128, 255, 4096, 65535, 65536, 1 << 20)
HUGE = (1 << 27, 1 << 30, (1 << 31) - 70000, (1 << 31) - 2, (1 << 31) - 1)
NAMES = (b"FCGI_MAX_CONNS", b"FCGI_MAX_REQS", b"FCGI_MPXS_CONNS", b"X", b"")


class Record:
    def __init__(self, kind, content=b"", request_id=1):
        self.version, self.kind, self.id, self.content = 1, kind, request_id, content
        self.length, self.padding, self.sent_padding = None, 0, None

    def data(self):
        length = len(self.content) if self.length is None else self.length
        padding = self.padding if self.sent_padding is None else self.sent_padding
        return struct.pack(">BBHHBB", self.version, self.kind, self.id, length, self.padding, 0) + self.content + \
            bytes(padding)

    def copy(self):
        other = Record(self.kind, self.content, self.id)
        other.__dict__.update(self.__dict__)
        return other


def conversation(fields, role=fastcgi.AUTHORIZER, flags=0, split=None, body=None, request_id=1):
    """The records of one request; `split`: its parameters in records of so many bytes."""
    pairs = fastcgi.pairs(fields)
    parts = [pairs] if split is None else [pairs[i:i + split] for i in range(0, len(pairs), split)]
    records = [Record(fastcgi.BEGIN, struct.pack(">HB5x", role, flags), request_id)]
    records += [Record(fastcgi.PARAMS, part, request_id) for part in parts]
    records += [Record(fastcgi.PARAMS, b"", request_id)]
    records += [Record(fastcgi.STDIN, body, request_id)] if body else []
    return records + [Record(fastcgi.STDIN, b"", request_id)]


def corpus():
    """Good conversations; most of them would pass while maintenance is on, so that a wrong pass can show."""
    friend = parameters(client=FRIEND)
    bodied = [(n, "POST" if n == "REQUEST_METHOD" else v) for n, v in friend] + [("CONTENT_LENGTH", "300")]
    wide = friend + [(f"HTTP_X_{i}", "v" * (i % 40)) for i in range(60)] + [("HTTP_COOKIE", "c" * 900)]
    return {
        "visitor": conversation(parameters()),
        "friend": conversation(friend),
        "open path": conversation(parameters(OPEN + "x?y=1")),
        "secret": conversation(parameters(more=[("HTTP_X_MAINTENANCE_BYPASS", SECRET)])),
        "responder": conversation(friend, fastcgi.RESPONDER),
        "responder, held": conversation(parameters(), fastcgi.RESPONDER),
        "with a body": conversation(bodied, fastcgi.RESPONDER, body=b"b" * 300),
        "behind a proxy": conversation(parameters(client=service.PROXY, more=[("HTTP_X_FORWARDED_FOR", FRIEND)])),
        "in small records": conversation(friend, split=17),
        "a pair a record": [r for n, pair in enumerate([[p] for p in friend]) for r in
                            conversation(pair)[0 if n == 0 else 1:2]] + conversation([("", "")])[2:],
        "wide": conversation(wide, split=500),
        "another id": conversation(friend, request_id=513),
        "kept": conversation(friend, fastcgi.RESPONDER, 1),
        "kept, three": conversation(friend, fastcgi.RESPONDER, 1) + conversation(parameters(), fastcgi.RESPONDER, 1) +
        conversation(bodied, fastcgi.RESPONDER, 1, body=b"b" * 300),
        "two at once": conversation(friend, request_id=1)[:2] + conversation(parameters(), request_id=2)[:2] +
        conversation(friend)[2:] + conversation(parameters(), request_id=2)[2:],
    }


# What ends a worker in the library itself (libfcgi 2.4.2, asserts compiled in); another takes its place.
def aborts():
    pair = lambda name, value: struct.pack(">II", name | 1 << 31, value | 1 << 31)
    begin, end = fastcgi.begin(), fastcgi.record(fastcgi.PARAMS) + fastcgi.record(fastcgi.STDIN)
    big = (1 << 31) - 70000
    return {
        "four repeats of a name in GET_VALUES":
            fastcgi.record(fastcgi.GET_VALUES, fastcgi.pairs([("FCGI_MAX_CONNS", "")] * 4), 0) +
            fastcgi.whole(parameters()),
        "two lengths of 2 GB": begin + fastcgi.record(fastcgi.PARAMS, pair(big, big) + b"x" * 64) + end,
        "a length of 1 GiB": begin + fastcgi.record(fastcgi.PARAMS, pair(1 << 30, 4) + b"x" * 64) + end,
    }


# --- breaking ---

class Breaker:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.ways = [self.set_length, self.set_kind, self.set_id, self.set_version, self.repeat, self.drop, self.swap,
                     self.management, self.foreign, self.abort, self.begin_again, self.early_end, self.half_pair,
                     self.four_bytes, self.role, self.keep, self.no_end, self.padding, self.double_parameter,
                     self.late_parameters]

    def pick(self, records, *kinds):
        """A record of one of these kinds, or any."""
        fitting = [r for r in records if r.kind in kinds]
        return self.dice.choice(fitting or records)

    def set_length(self, records):
        record = self.dice.choice(records)
        real = len(record.content)
        record.length = self.dice.choice((0, 1, real + 1, max(real - 1, 0), real // 2, 65535,
                                          self.dice.randrange(65536)))

    def set_kind(self, records):
        self.dice.choice(records).kind = self.dice.choice((*range(13), 255, self.dice.randrange(256)))

    def set_id(self, records):
        self.dice.choice(records).id = self.dice.choice((0, 2, 256, 65535, self.dice.randrange(65536)))

    def set_version(self, records):
        self.dice.choice(records).version = self.dice.choice((0, 2, 255))

    def repeat(self, records):
        at = self.dice.randrange(len(records))
        records[at:at] = [records[at].copy() for _ in range(self.dice.randint(1, 3))]

    def drop(self, records):
        if len(records) > 1:
            del records[self.dice.randrange(len(records))]

    def swap(self, records):
        a, b = self.dice.randrange(len(records)), self.dice.randrange(len(records))
        records[a], records[b] = records[b], records[a]

    def insert(self, records, record):
        records.insert(self.dice.randint(0, len(records)), record)

    def management(self, records):
        names = self.dice.choices(NAMES, k=self.dice.randint(0, 8))
        content = b"".join(struct.pack("BB", len(n), 0) + n for n in names)
        self.insert(records, Record(self.dice.choice((9, 9, 10, 11, 77)), content, 0))

    def foreign(self, records):
        self.insert(records, Record(self.dice.choice((1, 2, 4, 5, 8)), self.dice.choice((b"", b"x" * 9)), 7))

    def abort(self, records):
        self.insert(records, Record(ABORT_REQUEST, b"", self.dice.choice((1, 1, 2))))

    def begin_again(self, records):
        self.insert(records, Record(fastcgi.BEGIN, struct.pack(">HB5x", self.dice.randrange(5), self.dice.randrange(2)),
                                    self.dice.choice((1, 2))))

    def early_end(self, records):
        self.insert(records, Record(self.dice.choice((fastcgi.PARAMS, fastcgi.STDIN))))

    def half_pair(self, records):
        record = self.pick(records, fastcgi.PARAMS)
        record.content = record.content[:self.dice.randint(0, len(record.content))]

    def four_bytes(self, records):
        """A length of four bytes before, within or behind the parameters."""
        record = self.pick(records, fastcgi.PARAMS)
        lengths = [self.dice.choice(LENGTHS + HUGE) for _ in range(2)]
        odd = struct.pack(">II", *(n | 1 << 31 for n in lengths)) + b"N" * self.dice.choice((0, 1, 200))
        at = self.dice.choice((0, len(record.content), self.dice.randint(0, len(record.content))))
        record.content = record.content[:at] + odd + record.content[at:]

    def role(self, records):
        record = self.pick(records, fastcgi.BEGIN)
        record.content = struct.pack(">H", self.dice.choice((0, 1, 2, 3, 4, 256, 65535))) + record.content[2:]

    def keep(self, records):
        record = self.pick(records, fastcgi.BEGIN)
        record.content = record.content[:2] + bytes([self.dice.choice((0, 1, 2, 255))]) + record.content[3:]

    def no_end(self, records):
        ends = [i for i, r in enumerate(records) if r.kind in (fastcgi.PARAMS, fastcgi.STDIN) and not r.content]
        if ends and len(records) > 1:
            del records[self.dice.choice(ends)]

    def padding(self, records):
        record = self.dice.choice(records)
        record.padding = self.dice.choice((1, 7, 255))
        record.sent_padding = self.dice.choice((None, None, 0, record.padding - 1))

    def double_parameter(self, records):
        """The first of two is no better than the second."""
        name, value = self.dice.choice((("REMOTE_ADDR", FRIEND), ("REMOTE_ADDR", VISITOR), ("REQUEST_URI", OPEN + "x"),
                                        ("REQUEST_METHOD", "GET"), ("REMOTE_ADDR=" + FRIEND, "x"), ("REQUEST_URI", "")))
        record = self.pick(records, fastcgi.PARAMS)
        record.content += fastcgi.pairs([(name, value)])

    def late_parameters(self, records):
        self.insert(records, Record(fastcgi.PARAMS, fastcgi.pairs([("REMOTE_ADDR", FRIEND)])))

    def broken(self, records):
        records = [r.copy() for r in records]
        for _ in range(self.dice.choice((0, 1, 1, 1, 2, 2, 3, 6))):
            self.dice.choice(self.ways)(records)
        data = b"".join(r.data() for r in records)
        way = self.dice.randrange(6)
        if way == 0:
            return data[:self.dice.randint(0, len(data))]
        if way == 1:
            return service.mutated(self.dice, data, 9)
        return data


# --- what a strict reader makes of it ---

def pairs_of(data):
    """[name=value]; None where a pair is not whole."""
    found, i = [], 0
    while i < len(data):
        lengths = []
        for _ in range(2):
            if i < len(data) and data[i] < 128:
                lengths.append(data[i])
                i += 1
            elif i + 4 <= len(data):
                lengths.append(struct.unpack(">I", data[i:i + 4])[0] & ~(1 << 31))
                i += 4
            else:
                return None
        if i + sum(lengths) > len(data):
            return None
        text = data[i:i + lengths[0]] + b"=" + data[i + lengths[0]:i + sum(lengths)]
        found.append(text.partition(b"\0")[0])          # C strings: what is behind a NUL is not there
        i += sum(lengths)
    return found


def is_open(entries):
    """Whether the policy lets these parameters pass, or might."""
    values = {}
    for entry in entries:
        name, _, value = entry.partition(b"=")
        values.setdefault(name, []).append(value)
    one = [values.get(n, []) for n in (b"REQUEST_METHOD", b"REQUEST_URI", b"REMOTE_ADDR")]
    if any(len(v) != 1 or not v[0] for v in one):
        return False
    address, target = one[2][0].decode("latin-1"), one[1][0]
    forwarded = values.get(b"HTTP_X_FORWARDED_FOR", [])
    if address == service.PROXY and forwarded:
        address = forwarded[-1].decode("latin-1").rpartition(",")[2].strip()
    return address == FRIEND or target.startswith(OPEN.encode()) or \
        values.get(b"HTTP_X_MAINTENANCE_BYPASS") == [SECRET.encode()]


def open_requests(data, as_library=False):
    """How many whole requests of it may pass.

    `as_library`: as libfcgi 2.4.2 reads three things that no web server sends, and that say no more than their sender
    may say anyhow.  It does not skip the padding of BEGIN; it takes the content of a management record that it does
    not know for the stream's; and behind an empty record of a foreign id it skips the next one that has content.
    """
    found, active, entries, state, skips = 0, None, b"", None, False
    while len(data) >= 8:
        version, kind, request_id, length, padding, _ = struct.unpack(">BBHHBB", data[:8])
        padding = 0 if as_library and kind == fastcgi.BEGIN else padding
        content, data = data[8:8 + length], data[8 + length + padding:]
        if version != 1 or len(content) < length:
            break
        if as_library and length and skips:
            skips = False
            continue
        if as_library and request_id not in (0, active) and state and not length:
            skips = True
        if as_library and request_id == 0 and kind != fastcgi.GET_VALUES and length:
            request_id, kind = active, fastcgi.PARAMS
        if kind == fastcgi.BEGIN and state != "params" and request_id and length == 8:
            active, entries = request_id, b""
            state = "params" if struct.unpack(">H", content[:2])[0] in (1, 2) else None
        elif request_id != active or state != "params":
            continue
        elif kind == fastcgi.PARAMS and length:
            entries += content
        elif kind == fastcgi.PARAMS:
            pairs = pairs_of(entries)
            found += pairs is not None and is_open(pairs)
            state = "asked"
        elif kind in (ABORT_REQUEST, fastcgi.STDIN):
            state = None
    return found


# --- sending ---

class Sender:
    def __init__(self, target, dice):
        self.target, self.dice, self.lingering = target, dice, []

    def read(self, s):
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            return wire.receive(s)
        return None                     # it is still open, though nothing more can come

    def send(self, data, way):
        """What was answered, where it is read: b"" where not, None where the connection did not end."""
        try:
            s = service.connect(self.target.fcgi)
        except ConnectionRefusedError:
            return b""                  # the control request will say so
        with contextlib.suppress(ConnectionError):
            if way == "in pieces":
                for i in range(0, len(data), max(1, len(data) // 5)):
                    s.sendall(data[i:i + max(1, len(data) // 5)])
            else:
                s.sendall(data)
        if way == "and goes":
            s.close()
            return b""
        if way == "and stays":
            self.lingering.append(s)
            if len(self.lingering) > LINGERING:
                self.lingering.pop(0).close()
            return b""
        with s:
            return self.read(s)

    def close(self):
        for s in self.lingering:
            s.close()
        self.lingering.clear()


WAYS = ("whole", "whole", "whole", "in pieces", "and goes", "and stays")


def conversations(count, seed):
    """(what it is called, bytes): every truncation, what aborts, then broken at random."""
    breaker, good = Breaker(seed), corpus()
    cut = [(f"{name}, cut at {at}", b"".join(r.data() for r in records)[:at]) for name, records in good.items()
           for at in range(len(b"".join(r.data() for r in records)) + 1)]
    if len(cut) > count // 4:
        cut = random.Random(seed).sample(cut, count // 4)
    cut += [(f"ends the library: {name}", data) for name, data in aborts().items()] * 5
    yield from cut
    names = sorted(good)
    for n in range(count - len(cut)):
        name = breaker.dice.choice(names)
        yield f"{name}, broken, {n}", breaker.broken(good[name])


def fuzz(checks, target, count, seed):
    dice = random.Random(seed + 1)
    sender, control = Sender(target, dice), service.Control(target, target.ask_fcgi)
    passes, open_ones, done, wrong, hanging, start = 0, 0, 0, [], [], time.monotonic()
    for what, data in conversations(count, seed):
        way = dice.choice(WAYS)
        answer = sender.send(data, way)
        if answer is None:
            hanging.append((what, way, data.hex()))
        found = sum(fastcgi.status(a) in PASSES for a in service.answers_of(answer or b""))
        may = max(open_requests(data), open_requests(data, True))
        passes, open_ones, done = passes + found, open_ones + may, done + 1
        if found > may:
            wrong.append((what, way, data.hex(), answer[:200]))
        control.after(lambda: sender.send(data, way), (what, way, data.hex()))
        if target.gateway.poll() is not None or len(wrong) + len(hanging) + len(control.wrong) > 5:
            break
    sender.close()
    control.settle()
    print(f"seed {seed}: {done} conversations in {time.monotonic() - start:.0f} s, {open_ones} of them might pass, "
          f"{passes} were seen to; {control.deaths} workers died; control: {control.times}", flush=True)
    checks.equal(f"seed {seed}: the service lives", target.gateway.poll(), None)
    checks.equal(f"seed {seed}: all were sent", done, count)
    checks.equal(f"seed {seed}: what is not whole does not pass", wrong[:3], [])
    checks.equal(f"seed {seed}: a connection whose peer has ended ends", hanging[:3], [])
    checks.equal(f"seed {seed}: after each, a request is answered rightly and at once", control.wrong[:3], [])
    checks.that(f"seed {seed}: workers died, so that a loss would show", control.deaths > 0)
    checks.that(f"seed {seed}: some pass, so that a wrong pass would show", passes > count // 100, passes)


def run(checks, options):
    """Over a unix socket, and a part of it over TCP; while maintenance is on."""
    count = LONG if options.long else SHORT
    for tcp, share, seed in ((False, .8, 20261215), (True, .2, 20261216)):
        target = service.Service(options, tcp=tcp)
        target.touch()
        try:
            fuzz(checks, target, int(count * share), seed)
        finally:
            checks.equal(f"{'TCP' if tcp else 'unix'}: ends when told to", target.stop_gateway(), 0)
            target.close()
