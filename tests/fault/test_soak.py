# SPDX-License-Identifier: MIT
"""Minutes of load on every front, with toggles and reloads meanwhile: nothing grows, nothing is lost, nothing is wrong.

contrib/bench/fcgi_load makes most of the load and checks each answer's status and length; it asks for a site that is
always held.  Another site is switched, and asked over kept and new connections.
"""
import functools
import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import types

import service
from service import FRIEND, PROXY, VISITOR
from test_stress import Hammer

LONG, SHORT = 480, 20           # seconds
WARM = {True: 60, False: 6}     # seconds at the beginning that do not count
REQUESTS = 2000000 / 480 / 2    # a second, at least, where the machine is as busy as can be; printed in any case
WORKERS = 16                    # soon all of them are started, each with its memory: what grows then, grows for ever
GROWTH_KIB = 1024               # of a long run; a short one has half of it, for what the allocators keep is the same
DESCRIPTORS = 40                # more or less than at another moment, for connections come and go
TOGGLE_SECONDS, RELOAD_SECONDS, SCRAPE_SECONDS, CGI_SECONDS, LOOK_SECONDS = 0.05, 1, 1, 0.1, 1
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib", "bench", "fcgi_load.c")
HELD, SWITCHED = "/shop/x", "/other/x"
POLICY = f"""[site]
title = Soak
bypass_address = {FRIEND}
retry_after_jitter = 0
[site.shop]
path = /shop/
enabled = on
[site.other]
path = /other/
title = Other %d
%s
"""


class Front:
    """One thread that does something again and again; what goes wrong is kept."""

    def __init__(self, name, pause, act):
        self.name, self.pause, self.act = name, pause, act
        self.count, self.wrong, self.stop = 0, [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stop.wait(self.pause):
            try:
                said = self.act(self.count)
            except Exception as error:          # a thread that ends would look like one that has nothing to say
                said = repr(error)
            self.count += 1
            if said is not None and len(self.wrong) < 10:
                self.wrong.append((self.count, said))


def alternately(ask):
    """The friend passes and the visitor of the site that is always held does not, however the other site stands."""
    def act(n):
        client, wanted = ((VISITOR, 503), (FRIEND, 200))[n % 2]
        found = ask(client, HELD if client == VISITOR else SWITCHED)
        return None if found == wanted else f"{found} instead of {wanted}"
    return act


class Soak:
    def __init__(self, options):
        self.long, self.seconds = options.long, LONG if options.long else SHORT
        self.target = service.Service(options, policy=POLICY % (0, ""), gateway=f"workers = {WORKERS}\n")
        with open(self.target.ini) as f:
            self.gateway_part = f.read().partition("[site]\n")[0]
        self.hammer = Hammer(types.SimpleNamespace(
            gateway_binary=self.target.gateway_binary, status=self.target.status,
            cgi_environment=functools.partial(self.target.cgi_environment, SWITCHED)))
        self.kept = [service.KeptFcgi(self.target.fcgi), service.KeptHttp(self.target.http, PROXY),
                     service.KeptHttp(self.target.http, PROXY)]
        self.fronts = [
            Front("HTTP, kept", 0, alternately(self.kept[1].ask)),
            Front("FastCGI, kept", 0, alternately(self.kept[0].ask)),
            Front("FastCGI, closed", 0, alternately(self.target.ask_fcgi)),
            Front("HTTP, closed", 0, alternately(self.target.ask_http)),
            Front("CGI", CGI_SECONDS, self.ask_cgi), Front("metrics", SCRAPE_SECONDS, self.scrape),
            Front("toggles", TOGGLE_SECONDS, self.toggle), Front("reloads", RELOAD_SECONDS, self.reload),
        ]
        self.samples = []

    def ask_cgi(self, _):
        found = self.hammer.cgi()
        return None if found in (200, 503) else found

    def scrape(self, _):
        text = self.target.metrics()
        return None if service.http_status(text) == 200 and b"\nmaintenance_warden_" in text else text[:200]

    def toggle(self, n):
        """The first answer after it, over a kept connection and a new one."""
        (self.target.touch, self.target.remove)[n % 2]("flags/other.flag")
        wanted = (503, 200)[n % 2]
        found = self.kept[2].ask(VISITOR, SWITCHED), self.target.ask_fcgi(VISITOR, SWITCHED)
        return None if found == (wanted, wanted) else f"{found} instead of {wanted}"

    def reload(self, n):
        """Each fifth is broken: then the policy of before stays."""
        self.target.write("warden.ini.new", self.gateway_part + POLICY % (n, "nonsense = 1" if n % 5 == 4 else ""))
        os.rename(self.target.file("warden.ini.new"), self.target.ini)
        self.target.gateway.send_signal(signal.SIGHUP)

    def memory(self):
        """KiB that are its own: of files, the part of each process changes with who else has them open."""
        total = 0
        for pid in self.target.processes():
            with service.contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
        return total

    def loads(self, program):
        """fcgi_load over connections that are kept, and over new ones."""
        return [subprocess.Popen([program, self.target.fcgi, str(connections), str(self.seconds), how, "responder",
                                  "503"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                for connections, how in ((4, "keep"), (2, "close"))]

    def watch(self, loads):
        for front in self.fronts:
            front.thread.start()
        start = time.monotonic()
        while any(load.poll() is None for load in loads) and time.monotonic() < start + self.seconds + 60:
            self.samples.append((time.monotonic() - start, self.memory(), self.target.descriptors()))
            time.sleep(LOOK_SECONDS)
        for front in self.fronts:
            front.stop.set()
        for front in self.fronts:
            front.thread.join(service.ANSWER_SECONDS)

    def close(self):
        for kept in self.kept:
            kept.close()


def middle(values):
    return statistics.median(values) if values else 0


def check_samples(checks, soak):
    """The median of the quarter behind the warm-up against that of the last quarter."""
    counted = [s for s in soak.samples if s[0] > WARM[soak.long]]
    quarter = max(1, len(counted) // 4)
    first, last = counted[:quarter], counted[-quarter:]
    growth = middle([s[1] for s in last]) - middle([s[1] for s in first])
    files = [s[2] for s in counted]
    print(f"memory of its own {middle([s[1] for s in first]):.0f} KiB, then {middle([s[1] for s in last]):.0f} KiB; "
          f"{min(files, default=0)} to {max(files, default=0)} descriptors", flush=True)
    checks.that("enough was looked at", len(counted) > 5, len(counted))
    if not soak.target.sanitized():
        checks.that("memory does not grow", growth < GROWTH_KIB // (1 if soak.long else 2), growth)
    checks.that("descriptors stay", max(files, default=99) - min(files, default=0) < DESCRIPTORS, files)


def check_answers(checks, soak, loads):
    total = 0
    for load in loads:
        text = load.communicate(timeout=service.ANSWER_SECONDS)[0]
        said = json.loads(text) if text.startswith("{") else {}
        checks.that("fcgi_load: no answer was wrong or lost", load.returncode == 0 and said.get("answers", 0) > 0, text)
        total += said.get("answers", 0)
    for front in soak.fronts:
        checks.equal(f"{front.name}: nothing is wrong", front.wrong, [])
        checks.that(f"{front.name}: it was done", front.count > soak.seconds / 4, front.count)
    total += sum(front.count for front in soak.fronts)
    print(f"{total} requests in {soak.seconds} s: " + ", ".join(f"{front.name} {front.count}" for front in soak.fronts),
          flush=True)
    checks.that("many were answered", total > REQUESTS * soak.seconds, total)
    checks.equal("no kept connection was cut", [kept.again for kept in soak.kept], [0, 0, 0])


def run(checks, options):
    """The same processes answer from the beginning to the end."""
    with tempfile.TemporaryDirectory(prefix="warden-soak.") as folder:
        program = os.path.join(folder, "fcgi_load")
        subprocess.run(["cc", "-O2", "-o", program, SOURCE], check=True)
        soak = Soak(options)
        target = soak.target
        try:
            before, processes = target.descriptors(), target.processes()
            loads = soak.loads(program)
            soak.watch(loads)
            check_answers(checks, soak, loads)
            check_samples(checks, soak)
            soak.close()
            service.wire.wait_until(lambda: target.descriptors() <= before, "the descriptors of before")
            checks.equal("the same processes", target.processes(), processes)
            checks.equal("ends when told to", target.stop_gateway(), 0)
        finally:
            soak.close()
            target.close()
