# SPDX-License-Identifier: MIT
"""Native gates, as `wardenctl snippet` prints them: their cost while off, and on beside the server's own means."""
import calls
import servers
from common import Missing, WrongAnswers, say
from figures import Amount, Figure

FEW, MORE = 200, 1000           # requests that are counted: the second less the first

OWN_NGINX = """
if (-f {flag}) {{ return 503; }}
error_page 503 /body;
location = /body {{ internal; root {path}; default_type text/html; add_header Retry-After 3600 always; }}
"""
OWN_LIGHTTPD = """
server.modules += ( "mod_magnet" )
magnet.attract-raw-url-to = ( "{path}/own.lua" )
"""
OWN_LUA = """if lighty.c.stat("{flag}") then
  lighty.header["Retry-After"] = "3600"
  lighty.header["Content-Type"] = "text/html"
  lighty.content = {{ {{ filename = "{path}/body" }} }}
  return 503
end
"""
OWN_APACHE = """
ErrorDocument 503 /503.html
RewriteEngine On
RewriteCond {flag} -f
RewriteCond %{{REQUEST_URI}} !=/503.html
RewriteRule ^ - [R=503,L]
"""


class Nginx:
    name = "nginx"

    @staticmethod
    def start(bench, what, under=()):
        if what == "own":
            where = {"flag": bench.path("state/maintenance.flag"), "path": bench.folder}
            return servers.start_nginx(bench, OWN_NGINX.format(**where), under=under)
        made = servers.snippet(bench, "nginx") if what == "gate" else {}
        return servers.start_nginx(bench, made.get(servers.GATE, ""), made.get("maintenance-warden-http.conf", ""),
                                   under)


class Lighttpd:
    name = "lighttpd"

    @staticmethod
    def start(bench, what, under=()):
        if what == "own":
            where = {"flag": bench.path("state/maintenance.flag"), "path": bench.folder}
            bench.write("own.lua", OWN_LUA.format(**where))
            return servers.start_lighttpd(bench, OWN_LIGHTTPD.format(**where), under)
        made = servers.snippet(bench, "lighttpd") if what == "gate" else {servers.GATE: ""}
        for name, text in made.items():
            bench.write(name, text)
        return servers.start_lighttpd(bench, made[servers.GATE], under)


class Apache:
    name = "Apache"

    @staticmethod
    def start(bench, what, under=()):
        if what == "own":
            bench.write("www/503.html", bench.read("body"))
            return servers.start_apache(bench, OWN_APACHE.format(flag=bench.path("state/maintenance.flag")), under)
        gate = servers.snippet(bench, "apache")[servers.GATE] if what == "gate" else ""
        return servers.start_apache(bench, gate, under)


def counted(bench, server, what, under, end):
    """What `under` counts for one request that is passed."""
    counts = []
    for requests in (FEW, FEW + MORE):
        port = server.start(bench, what, under)
        ask = servers.Http(port, "/" + servers.FILE)
        if any(ask() != 200 for _ in range(requests)):
            raise WrongAnswers(f"{server.name}, {what}: not 200")
        counts.append(end(bench, bench.processes[-1]))
    return {name: (n - counts[0].get(name, 0)) / MORE for name, n in counts[1].items()}


def exact(bench, server):
    """System calls and instructions of one request while off, beside the server without a gate."""
    strace = calls.under_strace(bench)
    gated, plain = (counted(bench, server, what, strace, calls.end_strace) for what in ("gate", "plain"))
    line = Amount("off-native", f"{server.name}, native gate, off",
                  f"calls more than {sum(plain.values()):.3g} without")
    line.note = calls.difference(gated, plain)
    yield line.add(sum(gated.values()) - sum(plain.values()))
    if server is Apache:
        return                          # its threads end in a way that callgrind does not survive
    callgrind = calls.under_callgrind(bench)
    gated, plain = (counted(bench, server, what, callgrind, calls.end_callgrind) for what in ("gate", "plain"))
    yield Figure("off-native", f"{server.name}, native gate, off, instructions", f"{server.name} without a gate",
                 least=False, unit="instructions").add(gated["totals"], plain["totals"])


def figures(bench, server):
    plain, gated, own = (server.start(bench, what) for what in ("plain", "gate", "own"))
    for against, goal, port in ((f"{server.name} without a gate", 0.97, plain),
                                (f"{server.name}'s own look at a flag", None, own)):
        yield Figure("off-native", f"{server.name}, native gate, off", against, goal).measure(
            bench, lambda: servers.wrk(bench, gated), lambda p=port: servers.wrk(bench, p))
    bench.touch()
    yield Figure("off-native", f"{server.name}, native gate, held", f"{server.name}'s own 503 and static page").measure(
        bench, lambda: servers.wrk(bench, gated, status=503), lambda: servers.wrk(bench, own, status=503))
    bench.remove()


def off(bench):
    """Static 16 kB while no flag is there, by wrk."""
    bench.policy(networks=10, paths=10)
    servers.write_site(bench)
    bench.start_gateway()
    bench.touch()
    bench.body()
    bench.remove()
    for server in (Nginx, Lighttpd, Apache):
        before = len(bench.processes)
        try:
            yield from figures(bench, server)
            if not bench.quick:
                yield from exact(bench, server)
        except Missing as missing:
            say(f"left out: {server.name}: {missing}")
        for process in bench.processes[before:]:
            bench.stop(process)
