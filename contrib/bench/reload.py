# SPDX-License-Identifier: MIT
"""A policy of 100,000 networks is replaced while requests come: how long until it is in force, and what gets lost."""
import json
import os
import signal
import subprocess
import time

from common import MANY, WrongAnswers, built
from figures import Amount

IN_FORCE_MS = 100
PAUSE = 0.3                     # seconds between reloads
PROBE, PROBE_NETWORK = "203.0.113.9", "203.0.113.0/24\n"        # let in by every second policy
PATIENCE = 60


def replace(bench, text):
    """As an editor or a deployment does it: written beside, then renamed."""
    os.rename(bench.write("nets.new", text), bench.path("nets"))


def wait_for(bench, status):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if bench.ask(PROBE) == status:
            return
    raise WrongAnswers(f"the new policy was not in force after {PATIENCE} s")


def under_load(bench):
    """From SIGHUP to the first answer by the new policy; the load's every answer must be right."""
    bench.policy(networks=MANY, site="hand_back = status 204\n")
    bench.touch()
    gateway = bench.start_gateway()
    without = bench.read("nets")
    load = subprocess.Popen([built("fcgi_load"), bench.socket, "4", str((bench.rounds + 1) * (PAUSE + 0.5)), "keep",
                             "responder", "503"], stdout=subprocess.PIPE, start_new_session=True)
    bench.processes.append(load)
    line, during = Amount("reload", "100,000 networks, in force", "ms after SIGHUP", IN_FORCE_MS), 0
    for n in range(bench.rounds):
        time.sleep(PAUSE)               # the gateway looks by itself once a second, too: rounds fall before and after
        new = without + PROBE_NETWORK.encode() if n % 2 == 0 else without
        replace(bench, new)
        begin = time.monotonic()
        gateway.send_signal(signal.SIGHUP)
        wait_for(bench, 204 if n % 2 == 0 else 503)
        line.add((time.monotonic() - begin) * 1000)
        during += load.poll() is None
    yield line
    done = json.loads(load.communicate()[0])
    bench.processes.remove(load)
    if load.returncode != 0:
        raise WrongAnswers(f"under reloads: {done}")
    lost = Amount("reload", "dropped or wrong answers", f"of {done['answers']}, {during} reloads", 0)
    yield lost.add(done["wrong"] + done["lost"])
