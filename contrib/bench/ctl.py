#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What wardenctl and a request cost, in process time and as ratios within one run.

usage: contrib/bench BUILD-FOLDER [--runs N]

Machines are noisy: each thing is measured in turn, many times, and the median counts. The ratio to /bin/true says what
a number means on this machine. Nothing here passes or fails.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

INI = "[gateway]\nstate_dir = {0}/state\nlisten = {0}/socket\n[site]\n[site.shop]\nhost = shop.example.com\n"


def process_time(arguments, env):
    """User and system milliseconds of one process, and its exit code."""
    pid = os.posix_spawnp(arguments[0], arguments, env, file_actions=[
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, 1, 2)])
    _, status, usage = os.wait4(pid, 0)
    return (usage.ru_utime + usage.ru_stime) * 1000, os.waitstatus_to_exitcode(status)


def cgi_env(folder):
    return {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/x", "REMOTE_ADDR": "192.0.2.7",
            "HTTP_HOST": "shop.example.com", "WARDEN_CONFIG": f"{folder}/warden.ini"}


def on_to_answer(wardenctl, gateway, config, folder):
    """Process time of `on` and of the first request after it, which must be held; then off again."""
    switched, _ = process_time([wardenctl, "-q", "-c", config, "on"], os.environ)
    answered, _ = process_time([gateway], cgi_env(folder))
    subprocess.run([wardenctl, "-q", "-c", config, "off"], check=True)
    return switched + answered


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("build", help="folder that maintenance-warden and wardenctl were built in, without sanitizers")
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    wardenctl, gateway = (os.path.join(options.build, name) for name in ("wardenctl", "maintenance-warden"))
    folder = tempfile.mkdtemp(prefix="warden-bench-")
    config = os.path.join(folder, "warden.ini")
    os.makedirs(os.path.join(folder, "state", "flags"))
    with open(config, "w", encoding="utf-8") as f:
        f.write(INI.format(folder))
    things = {
        "/bin/true": lambda: process_time(["/bin/true"], os.environ)[0],
        "wardenctl status (off)": lambda: process_time([wardenctl, "-c", config, "status"], os.environ)[0],
        "wardenctl on, to the first held CGI answer": lambda: on_to_answer(wardenctl, gateway, config, folder),
        "a CGI request, off": lambda: process_time([gateway], cgi_env(folder))[0],
        "wardenctl explain": lambda: process_time([wardenctl, "-c", config, "explain", "GET", "http://shop.example.com/"],
                                                  os.environ)[0],
    }
    times = {name: [] for name in things}
    began = time.monotonic()
    try:
        for _ in range(options.runs):
            for name, measure in things.items():
                times[name].append(measure())
    finally:
        shutil.rmtree(folder)
    base = statistics.median(times["/bin/true"])
    print(f"{options.runs} runs in {time.monotonic() - began:.0f} s; milliseconds of process time, median and 95 %")
    for name, values in times.items():
        values.sort()
        median = statistics.median(values)
        print(f"{name:45} {median:7.2f} {values[int(len(values) * 0.95)]:7.2f}   {median / base:5.1f} x /bin/true")
    return 0


if __name__ == "__main__":
    sys.exit(main())
