# SPDX-License-Identifier: MIT
"""Reloads under load, half of them broken: the old rules stay until good ones are whole, and no request is lost.

Each good configuration opens a path of its own and closes that of the one before; each broken one would open another.
"""
import itertools
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

import harness
from harness import fastcgi

RELOADS = {False: 60, True: 1000}       # by options.long
BY_CHANGE = {False: 8, True: 120}       # of them without SIGHUP: the gateway looks once a second
CONNECTIONS = 8
LOAD_SECONDS = 2                        # one turn of the load
TURN_LIMIT_SECONDS = 60                 # one that takes longer is no load any more
IN_FORCE_SECONDS = 8                    # a change is in force within
HERE = os.path.dirname(os.path.abspath(__file__))
LOAD_SOURCE = os.path.join(HERE, "..", "..", "contrib", "bench", "fcgi_load.c")

# what makes a good configuration a broken one
BREAK = {
    "an unknown key": lambda text: text + "bypas_user = anna\n",
    "a bad value": lambda text: text + "status = 200\n",
    "an empty secret": lambda text: text + "bypass_secret =\n",
    "a key twice": lambda text: text + "title = again\n",
    "a line cut short": lambda text: text + "tit",
    "a section cut short": lambda text: text + "[site.sh",
    "a missing file": lambda text: text + "bypass_address_file = not-there\n",
    "an empty file": lambda text: "",
    "a NUL": lambda text: text + "contact = a\0b\n",
    "nothing at all": lambda text: None,
}


class Rules:
    """What is in force, for those who look at answers."""

    def __init__(self):
        self.lock, self.titles = threading.Lock(), set()

    def may_be(self, *titles):
        with self.lock:
            self.titles = set(titles)

    def now(self):
        with self.lock:
            return self.titles


def build_load(folder):
    program = os.path.join(folder, "fcgi_load")
    done = subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, LOAD_SOURCE], capture_output=True,
                          text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"cannot compile fcgi_load.c: {done.stderr[-1000:]}")
    return program


class Load(harness.Threads):
    """fcgi_load on kept and on short connections, and a client that reads whole pages."""
    END_SECONDS = TURN_LIMIT_SECONDS

    def __init__(self, folder, program, rules):
        super().__init__(lambda: self.many("keep", "responder"), lambda: self.many("close", "authorizer"), self.read)
        self.folder, self.program, self.rules = folder, program, rules
        self.answers, self.wrong = 0, []

    def many(self, *how):
        while not self.stop.is_set():
            done = subprocess.run([self.program, self.folder.socket, str(CONNECTIONS), str(LOAD_SECONDS), *how,
                                   "503"], capture_output=True, text=True, check=False,
                                  timeout=TURN_LIMIT_SECONDS)
            try:
                told = json.loads(done.stdout)
            except ValueError:
                told = {}
            self.answers += told.get("answers", 0)
            if done.returncode != 0:
                self.wrong.append((how, done.returncode, done.stdout, done.stderr))

    def read(self):
        while not self.stop.is_set():
            before = self.rules.now()
            try:
                answer = self.folder.ask("/x", ("HTTP_ACCEPT_LANGUAGE", "en"))
            except OSError as error:
                answer = repr(error).encode()
            self.answers += 1
            right = before | self.rules.now()           # those that were in force while it was asked
            found = {f.decode() for f in re.findall(rb"Generation \d+", answer)}
            if fastcgi.status(answer) != 503 or not found or found - right:
                self.wrong.append(("page", sorted(right), answer[:60], found))
            self.stop.wait(0.002)


class Reloads:
    def __init__(self, checks, folder, rules):
        self.checks, self.folder, self.rules = checks, folder, rules
        self.generation = 0
        self.kinds = itertools.cycle(BREAK.items())

    def text(self, generation, opened):
        """Every configuration has the same length, and so has every page."""
        return (f"[gateway]\nlisten = {self.folder.socket}\nstate_dir = {self.folder.state}\n"
                f"[site]\ntitle = Generation {generation:05}\nopen_path = /open-{opened}/\n")

    def lay(self, text):
        if text is None:
            os.unlink(self.folder.ini)
            return
        os.rename(self.folder.write("warden.ini.new", text), self.folder.ini)

    def stayed(self):
        """How often the log says that the rules in force stay."""
        with open(self.folder.file("gateway.log"), "rb") as f:
            return f.read().count(b"the one in force stays")

    def tell(self, by_change):
        if not by_change:
            self.folder.gateway.send_signal(signal.SIGHUP)

    def until(self, what, come):
        end = time.monotonic() + IN_FORCE_SECONDS
        while not come():
            if time.monotonic() > end:
                return self.checks.that(f"{what}: within {IN_FORCE_SECONDS} s", False)
            time.sleep(0.002)
        return True

    def title(self):
        return re.findall(rb"Generation \d{5}", self.folder.ask("/x", ("HTTP_ACCEPT_LANGUAGE", "en")))[:1]

    def good(self, by_change):
        old, self.generation = self.generation, self.generation + 1
        self.rules.may_be(f"Generation {old:05}", f"Generation {self.generation:05}")
        self.lay(self.text(self.generation, self.generation))
        self.tell(by_change)
        if self.until("a good one is in force", lambda: self.folder.status(f"/open-{self.generation}/x") == 200):
            self.checks.equal(f"reload to {self.generation}: what was open is closed, the page is the new one",
                              (self.folder.status(f"/open-{old}/x"), self.folder.status("/x"), self.title()),
                              (503, 503, [b"Generation %05d" % self.generation]))
            self.rules.may_be(f"Generation {self.generation:05}")

    def broken(self, by_change):
        name, spoil = next(self.kinds)
        stayed = self.stayed()
        self.lay(spoil(self.text(99999, "evil")))
        self.tell(by_change)
        if self.until(f"{name}: it is said that the old rules stay", lambda: self.stayed() > stayed):
            self.checks.equal(f"{name}: the rules of {self.generation} stay",
                              (self.folder.status(f"/open-{self.generation}/x"), self.folder.status("/open-evil/x"),
                               self.title()), (200, 503, [b"Generation %05d" % self.generation]))


def run(checks, options):
    """1,000 of them in the long form."""
    count, by_change = RELOADS[options.long], BY_CHANGE[options.long]
    folder, rules = harness.Folder(options), Rules()
    try:
        with tempfile.TemporaryDirectory(prefix="warden-load.") as scratch:
            reloads = Reloads(checks, folder, rules)
            reloads.lay(reloads.text(0, 0))
            rules.may_be("Generation 00000")
            open(folder.flag, "w").close()
            folder.start_gateway()
            with Load(folder, build_load(scratch), rules) as load:
                for n in range(count):
                    (reloads.good if n % 2 == 0 else reloads.broken)(n * by_change % count < by_change)
                    if len(load.wrong) + checks.failed > 20:
                        break
            checks.equal("every answer under load is right, and none is lost", load.wrong, [])
            checks.that("there was load", load.answers > 100 * count, load.answers)
            print(f"{n + 1} reloads, {by_change} of them without SIGHUP, while {load.answers} requests were answered")
            checks.equal("the gateway ends when told to", folder.stop_gateway(), 0)
    finally:
        folder.close()
