#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives real web servers with the shipped configurations.

usage: run.py [--gateway PROGRAM] [--wardenctl PROGRAM] [-v] [NAME...]
NAME is a server or the beginning of a way's name.
"""
import argparse
import importlib
import os
import sys
import time
import traceback

import parity
from harness import Checks, Folder, Missing
from table import check_way

SERVERS = ("fastcgi", "httpfront", "lighttpd", "apache", "nginx", "caddy", "haproxy", "traefik", "doctor")


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gateway", default="./maintenance-warden")
    parser.add_argument("--wardenctl", default="./wardenctl")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    options.wardenctl = os.path.abspath(options.wardenctl)
    checks = Checks(options.verbose)
    for server in SERVERS:
        for way_class in importlib.import_module(server).WAYS:
            if options.names and not any(way_class.name.startswith(name) for name in options.names):
                continue
            run_way(checks, way_class, options)
            policies = getattr(way_class, "policies", parity.COMMON)
            for policy in policies if getattr(way_class, "kind", None) else ():
                run_way(checks, way_class, options, policy)
    print(f"wire: {checks.passed} passed, {checks.failed} failed")
    return 0 if checks.failed == 0 and checks.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
