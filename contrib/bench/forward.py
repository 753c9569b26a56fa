# SPDX-License-Identifier: MIT
"""ForwardAuth over HTTP, held and passed, beside Go's net/http and bare libmicrohttpd with the same bytes."""
import socket

import peers
import servers
from common import Missing, free_port, say
from figures import Figure

HEADERS = ("X-Forwarded-Method: GET", "X-Forwarded-Proto: https", "X-Forwarded-Host: site.example",
           "X-Forwarded-Uri: /shop/cart?item=42", "X-Forwarded-For: 192.0.2.9", "Accept: text/html",
           "Accept-Language: en-US,en;q=0.5", "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101")


def answer(port):
    """The gateway's whole answer to what wrk will send."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        lines = ["GET /auth HTTP/1.1", f"Host: 127.0.0.1:{port}", *HEADERS, "Connection: close", "", ""]
        s.sendall("\r\n".join(lines).encode())
        out = b""
        while chunk := s.recv(65536):
            out += chunk
    return out


def answers(bench):
    """The policy of `held`."""
    port = free_port()
    bench.policy(gateway=f"http_listen = 127.0.0.1:{port}\ntrusted_proxies = 127.0.0.1\nhttp_connections = 512\n"
                         "http_per_address = 512\n")
    bench.start_gateway(ready=port)
    for what, status, change in (("held", 503, bench.touch), ("passed", 200, bench.remove)):
        change()
        whole = answer(port)
        text = bench.write(f"answer-{what}", whole)
        body = bench.write(f"body-{what}", whole.partition(b"\r\n\r\n")[2])
        for against, goal, start, same in (("Go net/http", 1.5, peers.go_http, body),
                                           ("bare libmicrohttpd, the same bytes", 0.95, peers.microhttpd, text)):
            try:
                peer = start(bench, same)
            except Missing as missing:
                say(f"left out: {against}: {missing}")
                continue
            yield Figure("http", f"ForwardAuth, {what}", against, goal).measure(
                bench, lambda s=status: servers.wrk(bench, port, "/auth", s, HEADERS),
                lambda s=status, p=peer: servers.wrk(bench, p, "/auth", s, HEADERS))
