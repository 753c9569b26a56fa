# SPDX-License-Identifier: MIT
"""Processor time of a server per request: what one costs, also where the machine is too busy to say how fast it is."""
import glob

import forward
import peers
import servers
from common import Missing, free_port, say
from figures import Figure

REQUESTS, CONNECTIONS = 20000, 8


def spent(process):
    """Microseconds that all threads of all processes of the server have run."""
    pids, total = [process.pid], 0
    for pid in pids:
        for task in glob.glob(f"/proc/{pid}/task/*"):
            with open(task + "/schedstat") as f:
                total += int(f.read().split()[0]) / 1000
            with open(task + "/children") as f:
                pids += [int(word) for word in f.read().split()]
    return total


def by_fastcgi(bench, process, address, keep, status):
    requests = REQUESTS // 20 if bench.quick else REQUESTS
    before = spent(process)
    bench.load(address, CONNECTIONS, keep, status=status, seconds=f"{requests}x")
    return (spent(process) - before) / requests


def by_http(bench, process, port, status):
    before = spent(process)
    _, requests = servers.wrk_all(bench, port, "/auth", status, forward.HEADERS)
    return (spent(process) - before) / requests


def started(bench, start, *arguments):
    """What the peer listens on, and its process."""
    address = start(bench, *arguments)
    return address, bench.processes[-1]


def per_request(bench):
    """Less is better; the policy is that of `held`."""
    port = free_port()
    bench.policy(gateway=f"http_listen = 127.0.0.1:{port}\ntrusted_proxies = 127.0.0.1\nhttp_per_address = 512\n",
                 site="hand_back = status 204\n")
    bench.touch()
    gateway = bench.start_gateway(ready=port)
    address, bare = started(bench, peers.libfcgi)
    for keep in (True, False):
        how = "kept" if keep else "a connection each"
        yield Figure("cpu", f"FastCGI, held, {how}", "bare libfcgi, the same bytes", least=False, unit="us").measure(
            bench, lambda k=keep: by_fastcgi(bench, gateway, bench.socket, k, 503),
            lambda k=keep: by_fastcgi(bench, bare, address, k, 503))
    for what, status, change in (("held", 503, bench.touch), ("passed", 200, bench.remove)):
        change()
        whole = forward.answer(port)
        text, body = bench.write("whole", whole), bench.write("body", whole.partition(b"\r\n\r\n")[2])
        for against, start, same in (("bare libmicrohttpd, the same bytes", peers.microhttpd, text),
                                     ("Go net/http", peers.go_http, body)):
            try:
                other, process = started(bench, start, same)
            except Missing as missing:
                say(f"left out: {against}: {missing}")
                continue
            yield Figure("cpu", f"ForwardAuth, {what}", against, least=False, unit="us").measure(
                bench, lambda s=status: by_http(bench, gateway, port, s),
                lambda s=status, o=other, p=process: by_http(bench, p, o, s))
