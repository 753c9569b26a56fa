#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wardenctl under load, killed at any moment, on a full and on a read-only disk, by several operators, and with times
that lie in the future.

usage: test_stress.py --wardenctl PATH --gateway PATH [--toggles N] [--seconds N] [--kills N]

Needs root, to mount a small file system of its own.
"""
import contextlib
import functools
import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time

from harness import LIMIT_SECONDS, Checks, Folder, Threads, arguments, fastcgi, moment, parse_flag, utc

INI = "[site]\ntitle = Stress test\n"
MANY = INI + "".join(f"[site.s{n}]\npath = /s{n}/\n" for n in range(1, 13))     # their counters fill over one page
FULL_BLOCK = 4096
OPERATOR_ROUNDS = 200
EVERY_CGI = 20                  # the main thread asks by plain CGI too, one time in so many


class Command:
    """wardenctl by posix_spawn: no copy of this process, and what it says goes to a file."""

    def __init__(self, folder, log):
        self.folder = folder
        self.log = os.open(folder.file(log), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.path = folder.file(log)
        self.actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                        (os.POSIX_SPAWN_DUP2, self.log, 1), (os.POSIX_SPAWN_DUP2, self.log, 2)]

    def start(self, *words):
        return os.posix_spawn(self.folder.wardenctl, [self.folder.wardenctl, *words], self.folder.environment,
                              file_actions=self.actions)

    def run(self, *words):
        """The exit code, or the negative number of the signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self.start(*words), 0)[1])

    def said(self):
        with open(self.path, errors="replace") as f:
            return f.read()[-600:]

    def close(self):
        os.close(self.log)


class Hammer(Threads):
    """They ask without a pause, each in one of `ways`; whatever is neither 200 nor 503 is kept."""

    def __init__(self, folder, *ways):
        ways = ways or (folder.status, folder.status, self.cgi, self.cgi)
        super().__init__(*(functools.partial(self.ask, way) for way in ways))
        self.folder, self.lock, self.asked, self.wrong = folder, threading.Lock(), 0, []

    def cgi(self):
        """One answer by plain CGI, without a copy of this process."""
        read, write = os.pipe2(os.O_CLOEXEC)
        try:
            pid = os.posix_spawn(self.folder.gateway_binary, [self.folder.gateway_binary],
                                 self.folder.cgi_environment(), file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, write, 1),
                (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
        finally:
            os.close(write)
        with open(read, "rb") as f:
            answer = f.read()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return fastcgi.status(answer) if code == 0 else code

    def ask(self, way):
        while not self.stop.is_set():
            try:
                found = way()
            except OSError as error:
                found = repr(error)
            with self.lock:
                self.asked += 1
                if found not in (200, 503) and len(self.wrong) < 20:
                    self.wrong.append(found)


def toggles(folder, checks, args):
    """The first answer after each command is right, whoever else asks at the same time."""
    folder.clear()
    folder.start_gateway()
    command, done, wrong, failed = Command(folder, "toggles.log"), 0, [], []
    hammer = Hammer(folder)
    start = time.monotonic()
    with hammer:
        for n in range(args.toggles):
            word, wanted = (("on", 503), ("off", 200))[n % 2]
            code = command.run(word)
            found = hammer.cgi() if n // 2 % EVERY_CGI == 0 else folder.status()
            done += 1
            if code != 0:
                failed.append((n, word, code))
            if found != wanted:
                wrong.append((n, word, found))
            if time.monotonic() - start > args.seconds or len(wrong) + len(failed) > 20:
                break
    seconds = time.monotonic() - start
    print(f"{done} of {args.toggles} toggles in {seconds:.0f} s, while {hammer.asked} other requests were answered")
    checks.equal("toggles: each command succeeds", failed, [])
    checks.equal("toggles: the first answer after each is right", wrong, [])
    checks.that("toggles: at least a tenth was done", done * 10 >= args.toggles, done)
    checks.equal("toggles: nobody is answered anything but 200 and 503", hammer.wrong, [])
    checks.that("toggles: the others were answered meanwhile", hammer.asked >= done // 4, hammer.asked)
    checks.that("toggles: all threads end", not any(t.is_alive() for t in hammer.threads))
    records, torn, bad = folder.journal()
    checks.that("toggles: the journal tells all of them", bad is None and torn == 0 and
                [r["event"] for r in records] == ["on", "off"] * (done // 2) + ["on"] * (done % 2), bad, torn,
                len(records), command.said() if bad else "")
    checks.equal("toggles: the gateway ends when told to", folder.stop_gateway(), 0)
    checks.equal("toggles: no temporary file is left", folder.temporaries(), [])
    command.close()


# --- killed ---

def change_of(n):
    """A command, and what it makes of the body `old`."""
    texts = {"message": f"message {n} " + "m" * (n % 700), "step": f"step {n}"}
    kind = ("on", "until", "step", "off", "on", "step")[n % 6]
    if kind == "on":
        return ["on", "--message", texts["message"]], lambda new, old: new.get("message") == texts["message"]
    if kind == "step":
        return ["step", texts["step"]], lambda new, old: new.get("step") == texts["step"]
    if kind == "until":
        return ["until", "+1m", "--reason", "r"], lambda new, old: moment(new.get("until")) > moment(old.get("until"))
    return ["off"], None


def whole(data, old, changed):
    """Whether the flag's bytes are those from before, or all that the command was to make of them."""
    if data == old:
        return True
    if data is None:
        return changed is None                  # only off removes it
    if changed is None:
        return False                            # off changes nothing but that
    new, before = parse_flag(data), parse_flag(old or b"")
    key = {"message", "step", "until"}
    if new is None or before is None or not {"id", "since", "owner"} <= set(new) or not changed(new, before):
        return False
    return old is None or {k: v for k, v in new.items() if k not in key} == {k: v for k, v in before.items()
                                                                            if k not in key}


def usual_seconds(command):
    """How long a command takes here: the middle one of a few."""
    times = []
    for word in ("on", "off") * 10:
        start = time.monotonic()
        command.run(word)
        times.append(time.monotonic() - start)
    return min(sorted(times)[len(times) // 2], 0.1)


def killed(folder, checks, args):
    """SIGKILL at a moment that nobody chose: whatever is left is whole, and the next command works."""
    folder.clear()
    command, dice = Command(folder, "killed.log"), random.Random(20261215)
    span = usual_seconds(command) * 1.4         # the last part of it is the journal
    ended, halves, refused, slow = 0, [], [], 0
    for n in range(args.kills):
        words, changed = change_of(n)
        if changed is not None and words[0] != "on" and folder.read() is None:
            words, changed = change_of(0)
        old = folder.read()
        pid = command.start(*words)
        with contextlib.suppress(OSError):
            # what is waited for is the moment itself: less than a clock tick, so by select
            select.select([], [], [], dice.uniform(0, span))
        os.kill(pid, signal.SIGKILL)            # not yet waited for: the pid is still this process's
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        ended += code >= 0
        data = folder.read()
        if not whole(data, old, changed):
            halves.append((n, words[:2], old, data))
        next_words = (["on", "--message", f"next {n}"], ["step", f"next {n}"])[n % 3 == 0 and data is not None]
        start = time.monotonic()
        if command.run(*next_words) != 0 or f"next {n}".encode() not in (folder.read() or b""):
            refused.append((n, words[:2], next_words, command.said()))
        slow += time.monotonic() - start > 1
        if len(halves) + len(refused) > 20:
            break
    print(f"{n + 1} killed within {span * 1000:.1f} ms after their start, {ended} of them had ended before")
    checks.equal("killed: the flag is as before or as after", halves, [])
    checks.equal("killed: the next command works", refused, [])
    checks.that("killed: many were still running", ended * 4 < 3 * (n + 1), ended)
    checks.equal("killed: no lock outlives its process", slow, 0)
    records, torn, bad = folder.journal()
    checks.that("killed: the journal verifies", bad is None and len(records) > n, bad, torn, len(records))
    left = folder.temporaries()
    print(f"{len(left)} temporary files were left, {torn} torn lines in the journal")
    folder.write("state/.maintenance.flag.aBcDeF.tmp", "id = x\n")      # at least one
    young = folder.write("state/.maintenance.flag.gHiJkL.tmp", "id = y\n")
    for name in folder.temporaries():
        if os.path.join(folder.state, name) != young:
            os.utime(folder.file("state/" + name), (time.time() - 120, time.time() - 120))
    if not checks.that("killed: wardenctl tick is there", command.run("tick", "--help") == 0, command.said()):
        return command.close()
    checks.equal("killed: tick", command.run("tick"), 0)
    checks.equal("killed: tick removes what is older than a minute, and that alone", folder.temporaries(),
                 [os.path.basename(young)])
    checks.that("killed: and the flag is untouched", folder.body() is not None)
    checks.equal("killed: the journal verifies after tick", folder.journal()[2], None)
    return command.close()


# --- full, and read-only ---

def mount(folder, size):
    """A small file system at `small`; what mount said where it did not work."""
    os.makedirs(folder.file("small"), exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0751", "warden-test",
                           folder.file("small")], capture_output=True, text=True, check=False,
                          timeout=LIMIT_SECONDS)
    return None if done.returncode == 0 else done.stderr or f"exit {done.returncode}"


def unmount(folder):
    """True when it is gone."""
    done = subprocess.run(["umount", folder.file("small")], capture_output=True, check=False, timeout=LIMIT_SECONDS)
    return done.returncode == 0


def fill(path, leave=0):
    """Writes until the disk is full; `leave` bytes of the filler are given back."""
    with open(path, "wb", buffering=0) as f:
        with contextlib.suppress(OSError):
            for _ in range(100000):
                f.write(b"\0" * FULL_BLOCK)
        if leave:
            f.truncate(max(0, f.tell() - leave))


def clean(small):
    for name in ("filler", "maintenance.flag", "journal.jsonl"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(small, name))


def answer_of(folder, target):
    """What the gateway answers; what went wrong where it does not."""
    try:
        return folder.status(target)
    except OSError as error:
        return repr(error)


def full(folder, checks, counters):
    """`counters`: whether the file that the gateway counts in was there, with its pages, before the disk was full."""
    small, word = folder.file("small"), "full, counted before" if counters else "full"
    flag = os.path.join(small, "maintenance.flag")
    clean(small)
    folder.start_gateway()
    if counters:
        folder.run("on")
        checks.equal(f"{word}: held", [folder.status(f"/s{n}/x") for n in range(13)], [503] * 13)
        folder.run("off")
    checks.equal(f"{word}: off before", folder.status(), 200)
    fill(os.path.join(small, "filler"))
    result = folder.run("on", "--message", "A new disk is coming", "--for", "1h")
    checks.that(f"{word}: on works, exit 3", result.code == 3 and folder.read(flag) == b"", result, folder.read(flag))
    checks.that(f"{word}: on says that it is on", "maintenance is ON" in result.out + result.err, result)
    checks.that(f"{word}: and what was lost", "lost" in result.err and "message" in result.err and
                "No space" in result.err, result)
    checks.equal(f"{word}: no temporary file", folder.temporaries(small), [])
    checks.equal(f"{word}: plain CGI holds", folder.cgi(), 503)
    checks.equal(f"{word}: the gateway holds each site", [answer_of(folder, f"/s{n}/x") for n in range(13)],
                 [503] * 13)
    checks.that(f"{word}: the gateway lives", folder.gateway.poll() is None, folder.gateway.poll())
    result = folder.run("message", "Again")
    checks.that(f"{word}: message says that nothing was changed, exit 3", result.code == 3 and
                "nothing was changed" in result.err and folder.read(flag) == b"", result)
    result = folder.run("off")
    checks.that(f"{word}: off works", result.code in (0, 3) and not os.path.exists(flag) and
                "maintenance is OFF" in result.out, result)
    checks.equal(f"{word}: plain CGI passes", folder.cgi(), 200)
    checks.equal(f"{word}: the gateway passes", answer_of(folder, "/x"), 200)
    os.unlink(os.path.join(small, "filler"))
    checks.equal(f"{word}: with room again, on works", folder.run("on", "--message", "Old text").code, 0)
    old = folder.read(flag)
    fill(os.path.join(small, "filler"))
    for words in (("message", "x" * 900), ("step", "s"), ("until", "+1h", "--reason", "r"), ("on", "--message", "y")):
        result = folder.run(*words)
        checks.that(f"{word}: {words[0]} keeps the old text, exit 3", result.code == 3 and folder.read(flag) == old and
                    "nothing was changed" in result.err and "disk is full" in result.err, result, folder.read(flag))
    checks.equal(f"{word}: plain CGI still holds", folder.cgi(), 503)
    os.unlink(os.path.join(small, "filler"))
    fill(os.path.join(small, "filler"), leave=FULL_BLOCK)       # room for the flag, not for the journal besides
    for n in range(40):
        result = folder.run("step", f"step {n}")
        body = folder.body(flag) or {}
        kept = "nothing was changed" in result.err
        if not checks.that(f"{word}: nearly, a step is done, or it is not", result.code in (0, 3) and
                           (body.get("step") == f"step {n}") != kept and "id" in body, result, body):
            break
    records, torn, bad = folder.journal(small)
    checks.that(f"{word}: the journal verifies", bad is None and records, bad, torn, len(records))
    checks.that(f"{word}: the gateway lives on", folder.gateway.poll() is None, folder.gateway.poll())
    checks.equal(f"{word}: and ends when told to", folder.stop_gateway(), 0)
    checks.equal(f"{word}: in the end, off", (folder.run("off").code in (0, 3), os.path.exists(flag)), (True, False))


def read_only(folder, checks):
    small = folder.file("small")
    flag = os.path.join(small, "maintenance.flag")
    clean(small)
    folder.run("on", "--message", "Before")
    old = folder.read(flag)

    def remount(how):
        done = subprocess.run(["mount", "-o", f"remount,{how}", small], capture_output=True, text=True, check=False,
                              timeout=LIMIT_SECONDS)
        return checks.that(f"read-only: remounted {how}", done.returncode == 0, done.stderr)

    if not remount("ro"):
        return
    try:
        for words in (("on", "--message", "x"), ("message", "x"), ("step", "x"), ("until", "+1h", "--reason", "r"),
                      ("off",), ("bypass", "off"), ("ticket", "new")):
            result = folder.run(*words)
            checks.that(f"read-only: {words[0]} {words[-1]}: exit 3, one clear sentence, nothing changed",
                        result.code == 3 and folder.read(flag) == old and "Read-only file system" in result.err and
                        "is OFF" not in result.out and result.err.count("wardenctl:") == 1, result)
        checks.that("read-only: off says that it is still on", "still ON" in folder.run("off").err)
        checks.equal("read-only: status", folder.run("status").code, 0)
        checks.equal("read-only: plain CGI holds", folder.cgi(), 503)
    finally:
        remount("rw")
    os.unlink(flag)
    if remount("ro"):
        try:
            result = folder.run("on")
            checks.that("read-only: on where it is off: exit 3, and it is said to be off", result.code == 3 and
                        "not there" in result.err and "is ON" not in result.out + result.err, result)
            checks.equal("read-only: plain CGI passes", folder.cgi(), 200)
        finally:
            remount("rw")


def disks(folder, checks, _):
    said = mount(folder, "64k")
    if not checks.that("a small file system can be mounted (needs root)", said is None, said):
        return
    try:
        folder.write_ini(MANY, state=folder.file("small"))
        full(folder, checks, False)
    finally:
        folder.stop_gateway()
        checks.that("unmounted", unmount(folder))
        folder.write_ini(INI)
    said = mount(folder, "512k")
    if not checks.that("a larger one can be mounted", said is None, said):
        return
    try:
        folder.write_ini(MANY, state=folder.file("small"))
        full(folder, checks, True)
        folder.stop_gateway()
        read_only(folder, checks)
    finally:
        folder.stop_gateway()
        checks.that("unmounted again", unmount(folder))
        folder.write_ini(INI)


# --- several at once, and clocks ---

def operators(folder, checks, _):
    """Two say on and message, one moves the end, all at once: the flag is whole at any moment."""
    folder.clear()
    for name in folder.temporaries():           # of those that were killed
        os.unlink(folder.file("state/" + name))
    os.unlink(folder.file("state/journal.jsonl"))
    checks.equal("operators: on", folder.run("on", "--for", "1h").code, 0)
    first, failed, threads = folder.body(), [], []

    def operate(who, commands):
        command = Command(folder, f"operator.{who}")
        for n in range(OPERATOR_ROUNDS):
            words = commands[n % len(commands)](n)
            code = command.run(*words)
            if code != 0:
                failed.append((who, n, words[:2], code, command.said()))
        command.close()

    def texts(who):
        return (lambda n: ["on", "--message", f"{who}-{n} " + who * (n * 4)],
                lambda n: ["message", f"{who}-{n} " + who * (n * 4)])

    ends = [lambda n: ["until", "+1m", "--reason", f"c-{n}"]]
    for who, commands in (("a", texts("a")), ("b", texts("b")), ("c", ends)):
        threads.append(threading.Thread(target=operate, args=(who, commands), daemon=True))
    for thread in threads:
        thread.start()
    looked, halves = 0, []
    while any(t.is_alive() for t in threads) and looked < 10000000:
        data = folder.read()
        body = parse_flag(data) if data is not None else None
        looked += 1
        text = body.get("message", "") if body else None
        odd = text is None or (text and not re.fullmatch(r"(a|b)-(\d+) \1*", text)) or \
            (text and len(text.partition(" ")[2]) != 4 * int(text.partition(" ")[0][2:])) or \
            (body["id"], body["since"], body["owner"]) != (first["id"], first["since"], first["owner"]) or \
            moment(body.get("until")) < moment(first["until"])
        if odd and len(halves) < 5:
            halves.append(data)
    for thread in threads:
        thread.join(LIMIT_SECONDS)
    checks.equal("operators: each command succeeds", failed[:5], [])
    checks.equal("operators: the flag is whole at any moment", halves, [])
    checks.that("operators: it was looked at often", looked > 3 * OPERATOR_ROUNDS, looked)
    records, torn, bad = folder.journal()
    checks.equal("operators: the journal verifies", (bad, torn), (None, 0))
    counts = {}
    for record in records:
        counts[record["event"]] = counts.get(record["event"], 0) + 1
    checks.equal("operators: with all lines", counts, {"on": OPERATOR_ROUNDS + 1, "message": OPERATOR_ROUNDS,
                                                       "until": OPERATOR_ROUNDS})
    checks.equal("operators: one maintenance", {r["id"] for r in records}, {first["id"]})
    checks.equal("operators: no temporary file is left", folder.temporaries(), [])
    moved = sum(1 for r in records if r["event"] == "until") * 60
    lost = moved - int(moment(folder.body()["until"]) - moment(first["until"]))
    print(f"{lost // 60} of {OPERATOR_ROUNDS} moves of the end were overwritten by what another read before")
    checks.equal("operators: off", (folder.run("off").code, folder.read()), (0, None))


def at_once(folder, checks, _):
    """on and off by two: at the end the state is that of one of them, and the journal tells both."""
    wrong = []
    for n in range(50):
        commands = [Command(folder, "at.once") for _ in range(2)]
        pids = [c.start(w) for c, w in zip(commands, ("on", "off"))]
        codes = [os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in pids]
        data = folder.read()
        if any(c not in (0, 1) for c in codes) or (data is not None and parse_flag(data) is None):
            wrong.append((n, codes, data))
        for command in commands:
            command.close()
    checks.equal("at once: on and off by two", wrong, [])
    checks.equal("at once: the journal verifies", folder.journal()[1:], (0, None))
    folder.run("off")


def clocks(folder, checks, _):
    """The clock went back after the flag was written: its times lie in the future."""
    folder.clear()

    def lay(text):
        folder.write("state/maintenance.flag", text)

    lay(f"id = later\nsince = {utc(7200)}\nuntil = {utc(10800)}\nmessage = M\n")
    result = folder.run("status")
    checks.that("future: status says on", result.code == 0 and "ON" in result.out and "OVERRUN" not in result.out,
                result)
    one = folder.run("status", "--json").json()
    checks.equal("future: status --json", (one.get("on"), one.get("id"), one.get("overrun")), (True, "later", False))
    checks.equal("future: held", folder.cgi(), 503)
    before = folder.body()
    result = folder.run("until", "+30m", "--reason", "r")
    checks.that("future: until +30m moves the end by 30 minutes", result.code == 0 and
                moment(folder.body()["until"]) - moment(before["until"]) == 1800 and
                folder.body()["since"] == before["since"], result, folder.body())
    result = folder.run("until", utc(600), "--reason", "r")
    checks.that("future: until before since", result.code == 0 and folder.body()["until"] < folder.body()["since"],
                result, folder.body())
    result = folder.run("status")
    checks.that("future: status after that", result.code == 0 and "ON" in result.out, result)
    checks.equal("future: still held", folder.cgi(), 503)
    result = folder.run("on", "--message", "N")
    checks.that("future: on again keeps since", result.code == 0 and folder.body()["since"] == before["since"] and
                folder.body()["message"] == "N", result, folder.body())
    result = folder.run("off")
    checks.that("future: off works", result.code == 0 and folder.read() is None and "is OFF" in result.out, result)
    checks.that("future: and claims no time that has not passed", not re.search(r"(after|planned) [1-9]\d* (h|d)",
                                                                                result.out), result)
    record = folder.last()
    checks.equal("future: off in the journal", (record.get("event"), record.get("id"), record.get("since")),
                 ("off", "later", before["since"]))
    checks.equal("future: passes", folder.cgi(), 200)
    lay("")
    os.utime(folder.flag, (time.time() + 86400, time.time() + 86400))
    one = folder.run("status", "--json").json()
    checks.that("a future mtime is not believed", one.get("on") is True and
                abs(moment(one["since"]) - time.time()) < 20, one)
    checks.equal("a future mtime: off", (folder.run("off").code, folder.read()), (0, None))
    for text in ("since = 9999-12-31T23:59:59Z\n", "since = 1970-01-01T00:00:00Z\nuntil = 1970-01-01T00:00:01Z\n",
                 "until = 9999-12-31T23:59:59Z\n"):
        lay(text)
        status, until, off = folder.run("status"), folder.run("until", "+1h", "--reason", "r"), folder.run("off")
        checks.that(f"{text.strip()!r}: status, until and off end well", status.code == 0 and
                    until.code in (0, 2, 3) and off.code == 0 and folder.read() is None, status, until, off)
    checks.equal("clocks: the journal verifies", folder.journal()[1:], (0, None))


def main():
    args = arguments(__doc__, (("toggles", 10000, "how many times it is switched"),
                               ("seconds", 150, "how long that may take; then as many as fit"),
                               ("kills", 2000, "how many commands are killed")))
    checks, folder = Checks("ctl-stress"), Folder(args)
    sys.setswitchinterval(0.0005)               # or each answer waits for the threads that hammer
    folder.write_ini(INI)
    try:
        for test in (toggles, killed, disks, operators, at_once, clocks):
            start = time.monotonic()
            try:
                test(folder, checks, args)
            except Exception as error:      # one broken test must not hide the others
                checks.that(f"{test.__name__} came to its end", False, f"{type(error).__name__}: {error}",
                            f"line {error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0}")
                folder.stop_gateway()
            print(f"({test.__name__}: {time.monotonic() - start:.1f} s)", flush=True)
    finally:
        folder.close()
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
