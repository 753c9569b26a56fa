#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives real web servers with the shipped configurations.

usage: run.py [--gateway PROGRAM] [--wardenctl PROGRAM] [--jobs N] [-v] [NAME...]
NAME is a server or the beginning of a way's name.
"""
import argparse
import concurrent.futures
import contextlib
import importlib
import io
import multiprocessing
import os
import sys
import time
import traceback

import harness
import parity
from harness import Checks, Folder, Missing
from table import check_way

SERVERS = ("fastcgi", "fastcgi_peers", "httpfront", "lighttpd", "apache", "nginx", "caddy", "haproxy", "traefik", "doctor")


def run_way(checks, way_class, options, policy=None):
    """Runs one way through the table, or with a policy of parity.py.  What stops it counts as a failure."""
    checks.way = way_class.name + (f" ({policy})" if policy else "")
    folder = Folder(options.gateway, options.wardenctl, parity.POLICIES[policy] if policy else None)
    for name, text in parity.FILES.items():
        folder.write(name, text)
    before, start = checks.failed, time.monotonic()
    try:
        way = way_class(folder)
        if policy:
            parity.check(checks, way, policy)
        else:
            way.run(checks) if hasattr(way, "run") else check_way(checks, way)
    except Missing as missing:
        checks.that(str(missing), False)
    except Exception:
        checks.that("the test itself", False, traceback.format_exc())
    if checks.failed > before:
        print(folder.log_tail(), flush=True)
    folder.close()
    print(f"{checks.way}: {time.monotonic() - start:.1f} s", flush=True)


def ways(names):
    """(server, number of its way, policy or None) of all that is asked for: another process can be told that."""
    for server in SERVERS:
        for number, way_class in enumerate(importlib.import_module(server).WAYS):
            if names and not any(way_class.name.startswith(name) for name in names):
                continue
            yield server, number, None
            policies = getattr(way_class, "policies", parity.COMMON)
            yield from ((server, number, policy) for policy in policies if getattr(way_class, "kind", None))


def begin_job(slots, jobs):
    """A process of several: its ports are no other's."""
    harness.SLOT, harness.SLOTS = slots.get(), jobs


def run_apart(options, server, number, policy):
    """In a process of several: what was counted, and what was said."""
    checks, said = Checks(options.verbose), io.StringIO()
    with contextlib.redirect_stdout(said):
        run_way(checks, importlib.import_module(server).WAYS[number], options, policy)
    return checks.passed, checks.failed, said.getvalue()


def run_all(checks, options):
    slots = multiprocessing.Queue()
    for slot in range(options.jobs):
        slots.put(slot)
    with concurrent.futures.ProcessPoolExecutor(options.jobs, initializer=begin_job, initargs=(slots, options.jobs)) as pool:
        for done in [pool.submit(run_apart, options, *way) for way in ways(options.names)]:
            passed, failed, said = done.result()
            checks.passed += passed
            checks.failed += failed
            print(said, end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gateway", default="./maintenance-warden")
    parser.add_argument("--wardenctl", default="./wardenctl")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4), help="so many ways at once")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    options.wardenctl = os.path.abspath(options.wardenctl)
    checks = Checks(options.verbose)
    run_all(checks, options)
    print(f"wire: {checks.passed} passed, {checks.failed} failed")
    return 0 if checks.failed == 0 and checks.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
