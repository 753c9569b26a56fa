# SPDX-License-Identifier: MIT
"""Servers that ask about each request, passed: the gateway beside a bare libfcgi authorizer that always says 200."""
import peers
import servers
from common import Missing, say
from figures import Figure

OFF, LET_IN = "off", "on, passed by the secret"
SECRET_HEADER = "X-Maintenance-Bypass: a-secret-of-sixteen-bytes"


def lighttpd(bench):
    """Ports of the same server: asking the gateway, and asking the peer."""
    gate = servers.snippet(bench, "lighttpd-authorizer")[servers.GATE]
    return servers.start_lighttpd(bench, gate), servers.start_lighttpd(bench, gate.replace(bench.socket, bench.peer))


def nginx(bench):
    gate = servers.snippet(bench, "nginx-auth-request")[servers.GATE]
    return servers.start_nginx(bench, gate), servers.start_nginx(bench, gate.replace(bench.socket, bench.peer))


def passed(bench):
    """Static 16 kB by wrk, with a policy of 1,000 networks and 100 paths."""
    bench.policy()
    servers.write_site(bench)
    bench.start_gateway()
    bench.peer = peers.libfcgi(bench, "-")
    for name, start in (("lighttpd authorizer", lighttpd), ("nginx auth_request", nginx)):
        before = len(bench.processes)
        try:
            gated, bare = start(bench)
            for state, goal, headers in ((OFF, 0.92, ()), (LET_IN, None, (SECRET_HEADER,))):
                bench.touch() if state == LET_IN else bench.remove()
                yield Figure("pass-asking", f"{name}, {state}", "an authorizer that always says 200", goal).measure(
                    bench, lambda h=headers: servers.wrk(bench, gated, headers=h),
                    lambda h=headers: servers.wrk(bench, bare, headers=h))
        except Missing as missing:
            say(f"left out: {name}: {missing}")
        for process in bench.processes[before:]:
            bench.stop(process)
