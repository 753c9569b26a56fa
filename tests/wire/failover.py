# SPDX-License-Identifier: MIT
"""A page for the time that the application is dead, found by the server's own health check."""
from harness import SITE, UPLOAD, UPLOAD_SHA1, request, wait_until


def is_page(response):
    return response.status == 503 and response.header("retry-after").isdigit() and SITE not in response.body


def check_dead_application(checks, way):
    r = request(way.port, "/up/echo", "POST", body=UPLOAD)
    checks.that("alive: the application, whole", r.echo().get("sha1") == UPLOAD_SHA1, r)
    way.folder.stop_echo()
    wait_until(lambda: is_page(request(way.port, "/file.bin")), "the page of a dead application")
    r = request(way.port, "/file.bin", headers=[("Accept", "text/html")])
    checks.that("dead: the page", is_page(r) and b"Wire test" in r.body, r)
    r = request(way.port, "/file.bin", "HEAD")
    checks.that("dead: HEAD", is_page(r) and not r.body, r)
    r = request(way.port, "/up/echo", "POST", body=b"x" * 1000)
    checks.that("dead: POST", is_page(r), r)
    r = request(way.port, "/up/echo", headers=[("Accept", "application/json")])
    checks.that("dead: problem+json", r.header("content-type") == "application/problem+json", r)
    way.folder.start_echo(way.echo)
    wait_until(lambda: request(way.port, "/file.bin").status == 200, "the application again")
    r = request(way.port, "/file.bin")
    checks.that("alive again", r.status == 200 and SITE in r.body, r)
