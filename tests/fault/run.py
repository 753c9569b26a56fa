#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile peers, faults, crashes, long runs: each file test_NAME.py beside this one proves one promise.

usage: run.py --gateway PROGRAM --wardenctl PROGRAM [--long] [NAME...]

A proof is a function run(checks, options) that counts what it saw with checks.that(); options.long is the form with the
full figures, the other takes at most some 40 seconds.  Its first line of text says what it promises.
"""
import argparse
import glob
import importlib
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "ctl")]

import harness


def proofs(names):
    """(name, module) of each proof that is asked for."""
    found = sorted(os.path.basename(p)[len("test_"):-len(".py")] for p in glob.glob(os.path.join(HERE, "test_*.py")))
    unknown = set(names) - set(found)
    if unknown:
        sys.exit(f"fault: no such proof: {', '.join(sorted(unknown))}; there are: {', '.join(found)}")
    return [(name, importlib.import_module("test_" + name)) for name in found if not names or name in names]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--wardenctl", required=True)
    parser.add_argument("--long", action="store_true", help="the full figures: minutes each")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    options.gateway, options.wardenctl = os.path.abspath(options.gateway), os.path.abspath(options.wardenctl)
    failed = 0
    for name, module in proofs(options.names):
        checks, start = harness.Checks(f"fault {name}"), time.monotonic()
        print(f"fault {name}: {module.__doc__.splitlines()[0]}", flush=True)
        try:
            module.run(checks, options)
        except Exception:
            checks.that("the test itself", False, traceback.format_exc())
        failed += checks.end() + (checks.passed == 0)
        print(f"fault {name}: {time.monotonic() - start:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
