# SPDX-License-Identifier: MIT
"""Installs what is measured beside, where that can be done.  Go is large: it is used where there is one."""
import os
import shutil
import subprocess

from common import say

WANTED = ("wrk", "strace", "valgrind", "php8.2-fpm", "fcgiwrap", "libfcgi-perl", "nginx-light", "lighttpd",
          "lighttpd-modules-lua", "apache2")
IN_PLACE_OF = {"nginx-light": ("nginx", "nginx-core", "nginx-full", "nginx-extras")}
POLICY = "/usr/sbin/policy-rc.d"        # installing a server must not start it


def installed(package):
    names = (package, *IN_PLACE_OF.get(package, ()))
    found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}\n", *names], capture_output=True, text=True)
    return "installed" in found.stdout.split()


def install(may_install):
    """What cannot be installed is left out later, and said there."""
    if shutil.which("apt-get") is None:
        return
    missing = [package for package in WANTED if not installed(package)]
    if not missing:
        return
    if not may_install or os.geteuid() != 0:
        say(f"what needs them is left out: apt-get install {' '.join(missing)}")
        return
    say(f"installing {' '.join(missing)} ...")
    ours = not os.path.exists(POLICY)
    if ours:
        with open(POLICY, "w") as f:
            f.write("#!/bin/sh\nexit 101\n")
        os.chmod(POLICY, 0o755)
    try:
        subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], check=False,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            os.unlink(POLICY)
