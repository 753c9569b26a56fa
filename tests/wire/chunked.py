# SPDX-License-Identifier: MIT
"""An upload without a length."""
import contextlib
import socket

from harness import ALLOWED, OUTSIDER, UPLOAD, UPLOAD_SHA1, parse_response, receive

PIECE = 30011


def upload(port, source):
    pieces = [UPLOAD[i:i + PIECE] for i in range(0, len(UPLOAD), PIECE)]
    with socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0)) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(b"POST /up/echo HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n")
            for piece in pieces:
                s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            s.sendall(b"0\r\n\r\n")
        return parse_response(receive(s))


def check_chunked(checks, way):
    r = upload(way.port, ALLOWED)
    checks.that("by address: 1 MB in chunks arrives whole", r.echo().get("sha1") == UPLOAD_SHA1, r)
    r = upload(way.port, OUTSIDER)
    checks.that("held: 1 MB in chunks", r.status in (0, 503) and b"SITE" not in r.body, r)
