# SPDX-License-Identifier: MIT
"""From the return of `touch` or `rm` to the first answer, on each front: it must be the right one."""
import os
import subprocess
import time

import forward
import native
import servers
from common import Missing, WrongAnswers, free_port, say
from figures import Amount

# of each front; 10,000 in all
TOGGLES = {"FastCGI": 4000, "HTTP": 3000, "CGI": 1000, "nginx, native gate": 2000}
QUICKER = 20                    # times fewer in the short form


def cgi(bench):
    env = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/x", "REMOTE_ADDR": "192.0.2.7",
           "WARDEN_CONFIG": bench.path("warden.ini")}
    out = subprocess.run([bench.gateway], env=env, stdout=subprocess.PIPE, check=True).stdout
    return int(out.split()[1])


def toggled(bench, ask, on, off, count):
    """How many first answers were wrong; and the microseconds until each had come."""
    flag, wrong, times = bench.path("state/maintenance.flag"), 0, []
    for n in range(count):
        if n % 2 == 0:
            os.close(os.open(flag, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        else:
            os.unlink(flag)
        begin = time.perf_counter()
        wrong += ask() != (on if n % 2 == 0 else off)
        times.append((time.perf_counter() - begin) * 1e6)
    return wrong, sorted(times)


def fronts(bench):
    """Each toggle is a round of its own; shown are the median and the hundredth part at both ends."""
    port = free_port()
    bench.policy(networks=10, paths=10, gateway=f"http_listen = 127.0.0.1:{port}\ntrusted_proxies = 127.0.0.1\n",
                 site="hand_back = status 204\n")
    servers.write_site(bench)
    bench.start_gateway(ready=port)
    asks = {"FastCGI": (lambda: lambda: bench.ask(), 503, 204),
            "HTTP": (lambda: servers.Http(port, "/auth", forward.HEADERS), 503, 200),
            "CGI": (lambda: lambda: cgi(bench), 503, 204),
            "nginx, native gate": (lambda: servers.Http(native.Nginx.start(bench, "gate"), "/" + servers.FILE),
                                   503, 200)}
    wrong = total = 0
    for front, count in TOGGLES.items():
        start, on, off = asks[front]
        try:
            bad, times = toggled(bench, start(), on, off, count // QUICKER if bench.quick else count)
        except Missing as missing:
            say(f"left out: {front}: {missing}")
            continue
        wrong, total = wrong + bad, total + len(times)
        line = Amount("toggle", f"{front}, to the first answer", f"us, of {len(times)} toggles")
        for place in (len(times) // 100, len(times) // 2, len(times) * 99 // 100):
            line.add(times[place])
        yield line
    yield Amount("toggle", "wrong first answers", f"of {total} toggles", 0).add(wrong)
    if wrong > 0:
        raise WrongAnswers(f"{wrong} of {total} answers after a toggle")
