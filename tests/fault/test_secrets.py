# SPDX-License-Identifier: MIT
"""How long a secret's compare takes does not tell how much of it was right."""
import os
import subprocess

LIMIT = 4.5                     # of |t|: above it the two kinds differ
TRIES = 3                       # a difference is there each time, noise is not
SHORT, LONG = 60_000, 1_000_000


def build(options, program):
    """The program beside the gateway, made by that folder's make."""
    folder = os.path.dirname(options.gateway)
    subprocess.run(["make", "-s", "-C", folder, program], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, program)


def measure(program, runs, *more):
    """The greatest |t| of one measurement."""
    done = subprocess.run([program, str(runs), *more], check=True, capture_output=True, text=True, timeout=600)
    count, t, matched = done.stdout.split()
    assert int(count) == runs and matched == "0", done.stdout
    return float(t)


def run(checks, options):
    """The product's compare stays below the limit; memcmp() in its place shows that a difference would be seen."""
    runs = LONG if options.long else SHORT
    program = build(options, "tests/fault/secrets")
    found = []
    while len(found) < TRIES and (not found or found[-1] >= LIMIT):
        found.append(measure(program, runs))
    checks.that(f"first byte wrong against last byte wrong, {runs} compares: |t| < {LIMIT}", found[-1] < LIMIT, found)
    naive = [measure(program, runs, "memcmp") for _ in range(TRIES)]
    checks.that("memcmp would have been seen", min(naive) >= LIMIT, naive)
    print(f"  {runs} compares: |t| = {found[-1]:.2f}; of memcmp {min(naive):.0f}", flush=True)
