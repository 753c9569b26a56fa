# SPDX-License-Identifier: MIT
"""Process time of wardenctl and of the gateway as a CGI, against /bin/true."""
import os
import subprocess

from figures import Figure

RUNS = 20                       # of each in a round


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


def process_times(bench):
    """Smaller is better; /bin/true says what a number means on this machine."""
    config = bench.policy()
    wardenctl, gateway = bench.wardenctl, bench.gateway
    things = {
        "wardenctl status": lambda: process_time([wardenctl, "-c", config, "status"], os.environ)[0],
        "wardenctl explain": lambda: process_time([wardenctl, "-c", config, "explain", "GET", "http://a.example/"],
                                                  os.environ)[0],
        "on, to the first held CGI answer": lambda: on_to_answer(wardenctl, gateway, config, bench.folder),
        "a CGI request, off": lambda: process_time([gateway], cgi_env(bench.folder))[0],
    }
    for what, once in things.items():
        yield Figure("ctl", what, "/bin/true (process time)").measure(
            bench, lambda one=once: sum(one() for _ in range(RUNS)) / RUNS,
            lambda: sum(process_time(["/bin/true"], os.environ)[0] for _ in range(RUNS)) / RUNS)
