# SPDX-License-Identifier: MIT
"""Instructions per decision, whatever the number of rules; and how long a list takes to load."""
import json
import re
import subprocess

from common import ALLOWED, BUILD, MANY, TOP, Missing, WrongAnswers, built, compiled, say, tool
from figures import Amount, Figure

DECISIONS = 1000
# what is more, against 10 networks, 10 paths and 1 site; networks, paths, sites; goal
SIZES = (("1,000 networks", 1000, 10, 1, None), ("100,000 networks", MANY, 10, 1, 1.10),
         ("100 paths", 10, 100, 1, None), ("1,000 paths", 10, 1000, 1, None), ("100 sites", 10, 10, 100, 1.10),
         ("100,000 networks, 1,000 paths", MANY, 1000, 1, 1.10))
LOAD_MS = 50


def libraries():
    """What the gateway is linked with."""
    with open(f"{BUILD}/plain/Makefile") as f:
        text = f.read()
    return [word for name in ("LIBS", "HTTP_LIBS") for word in
            (re.search(rf"^{name} = (.*)$", text, re.M) or ["", ""])[1].split()]


def driver():
    folder = f"{BUILD}/plain"
    return compiled("rules_driver.c", "-D_GNU_SOURCE", f"-I{TOP}/src", f"-I{folder}", f"{folder}/libwarden.a",
                    *libraries(), "-lpthread")


def run(bench, prefix=()):
    """What the driver says: milliseconds that loading took."""
    done = subprocess.run([*prefix, built("rules_driver"), bench.path("warden.ini"), str(DECISIONS), ALLOWED],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise WrongAnswers(f"rules_driver: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)["loaded_ms"]


def instructions(bench):
    """Of one decision: callgrind counts within decide_all() alone."""
    out = bench.path("callgrind")
    run(bench, [tool("valgrind", "valgrind"), "-q", "--tool=callgrind", f"--callgrind-out-file={out}",
                "--toggle-collect=decide_all*"])
    return int(re.search(rb"^totals: (\d+)", bench.read("callgrind"), re.M)[1]) / DECISIONS


def few_and_more(bench):
    """A held decision with its page, without any transport."""
    bench.policy(10, 10, 1)
    few = instructions(bench)
    for what, networks, paths, sites, goal in SIZES:
        bench.policy(networks, paths, sites)
        yield Figure("rules", what, "10 networks, 10 paths, 1 site", goal, least=False, unit="instructions").add(
            instructions(bench), few)


def decisions(bench):
    """The short form looks at the answers alone."""
    driver()
    bench.touch()
    try:
        yield from () if bench.quick else few_and_more(bench)
    except Missing as missing:
        say(f"left out: instructions: {missing}")
    for what, networks, paths, sites, _ in SIZES if bench.quick else ():
        bench.policy(networks, paths, sites)
        yield Amount("rules", what, "ms to load").add(run(bench))
    bench.policy(MANY, 10, 1)
    yield Amount("rules", "to load 100,000 lines", "ms", LOAD_MS).measure(bench, lambda: run(bench))
