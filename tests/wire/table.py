# SPDX-License-Identifier: MIT
"""The one table of requests that every server is driven through."""
import os

from harness import ALLOWED, FILE, OUTSIDER, SECRET, SITE, UPLOAD, UPLOAD_SHA1, request, upgrade, wait_until

HTML = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
JSON = ("Accept", "application/json")
BYPASS = ("X-Maintenance-Bypass", SECRET)
TICKET = "0123456789abcdef0123456789abcde0"
AS_ANNA = ("Authorization", "Basic YW5uYTphbm5h")

# What an outsider may try while maintenance is on.  The server may refuse it by itself; the site must not answer.
# /admin.txt is there, and of a type that X-Sendfile passes: while off it is the site's, as
# check_held_rows_pass_while_off() sees.
HELD = [
    ("a page", "/admin.txt", {}),
    ("a missing page", "/no-such-file", {}),
    ("a forged X-Forwarded-For", "/admin.txt", {"headers": [("X-Forwarded-For", ALLOWED)]}),
    ("a forged X_Forwarded_For", "/admin.txt", {"headers": [("X_Forwarded_For", ALLOWED)]}),
    ("a forged X-Real-IP and Forwarded", "/admin.txt", {"headers": [("X-Real-IP", ALLOWED),
                                                                    ("Forwarded", f"for={ALLOWED}")]}),
    ("dot segments behind an open path", "/health/../admin.txt", {}),
    ("dot segments behind an open folder", "/api/webhooks/../../admin.txt", {}),
    ("dot segments behind ACME's folder", "/.well-known/acme-challenge/../../admin.txt", {}),
    ("encoded dots", "/health/%2e%2e/admin.txt", {}),
    ("encoded dots in capitals", "/api/webhooks/%2E%2E/%2E%2E/admin.txt", {}),
    ("encoded slashes", "/health%2f..%2fadmin.txt", {}),
    ("a doubled slash", "//health", {}),
    ("a double escape", "/health%252f..%252fadmin.txt", {}),
    ("a path parameter", "/health;/../admin.txt", {}),
    ("a path that begins like an open one", "/healthy", {}),
    ("an open path by POST", "/health", {"method": "POST", "body": b"x"}),
    ("a wrong secret", "/admin.txt", {"headers": [("X-Maintenance-Bypass", SECRET + "x")]}),
    ("an empty secret", "/admin.txt", {"headers": [("X-Maintenance-Bypass", "")]}),
    ("a secret doubled, wrong first", "/admin.txt", {"headers": [("X-Maintenance-Bypass", "x" * 20), BYPASS]}),
    ("an unknown host", "/admin.txt", {"host": "unknown.invalid"}),
    ("a forged user", "/admin.txt", {"headers": [AS_ANNA]}),
    ("forged parameters", "/admin.txt", {"headers": [("WARDEN-MODE", "x-accel"), ("Warden-User", "anna"),
                                                     ("X-Accel-Redirect", "/admin.txt"),
                                                     ("X-Sendfile", "/admin.txt")]}),
    ("a marker of one's own", "/admin.txt", {"headers": [("X-Maintenance", "bypass")]}),
    ("an upload", "/admin.txt", {"method": "POST", "body": UPLOAD}),
    ("DELETE", "/admin.txt", {"method": "DELETE"}),
    ("a query", "/admin.txt?path=/health", {}),
]
# Where the gateway itself sees the headers.
HELD_ASKING = [("a secret doubled, right first", "/admin.txt",
                {"headers": [BYPASS, ("X-Maintenance-Bypass", "x" * 20)]})]

# Only [site.shop] is in maintenance: it is path-scoped.
SHOP_HELD = ["/shop/x.txt", "/shop", "/shop/", "/shop/no-such-file", "/shop/x.txt?/other.txt", "/%73hop/x.txt",
             "//shop/x.txt", "/x%2f..%2fshop/", "/x%2F..%2Fshop/x.txt", "/shop%2f..%2fx", "/shop%2fx.txt",
             "/shop%5cx.txt", "/shop%252fx.txt", "/x/../shop/x.txt", "/x/%2e%2e/shop/x.txt", "/shop/../other.txt",
             "/shop//x.txt", "/shop;/x.txt", "/health/../shop/x.txt", "/health%2f..%2fshop/x.txt",
             "/api/webhooks/../../shop/x.txt"]
STATUS = "/.maintenance/status"
NOT_STATUS = ["/.maintenance/other.txt", "/.maintenance/", "/.maintenance", "/.maintenance/statusx",
              "/.maintenance/status/x", "/.maintenance/%73tatus", "/%2emaintenance/status", "/.maintenance//status",
              "/x/../.maintenance/status", "/.maintenance/status/../other.txt", "/.Maintenance/Status"]
SHOP_PASSES = ["/other.txt", "/other.txt?a=/shop/x%2f..//;", "/shopping.txt", "/file.bin"]


def held(response):
    """503 by the gate, or refused by the server itself: never the site."""
    return response.status in (503, 400, 403, 404, 405) and SITE not in response.body


def check_site(checks, way, when, headers=(), source=OUTSIDER):
    """The whole site, and each request whole."""
    send = {"headers": list(headers), "source": source}
    r = request(way.port, "/file.bin", **send)
    checks.that(f"{when}: a static file", r.status == 200 and r.body == FILE, r)
    r = request(way.port, "/file.bin", headers=[*headers, ("Range", "bytes=17-33")], source=source)
    checks.that(f"{when}: a range", r.status == 206 and r.body == FILE[17:34], r)
    r = request(way.port, "/file.bin", method="HEAD", **send)
    checks.that(f"{when}: HEAD", r.status == 200 and not r.body, r)
    for path in way.applications:
        target = f"{path}?a=b%20c%2Bd&e=%25%2F&f=%C3%BC+x"
        r = request(way.port, target, **send)
        checks.that(f"{when}: {path} query intact", r.status == 200 and r.echo().get("uri", "").endswith(target[-30:]),
                    r)
        r = request(way.port, path, method="POST", body=UPLOAD, **send)
        checks.that(f"{when}: {path} 1 MB arrives whole", r.status == 200 and r.echo().get("sha1") == UPLOAD_SHA1, r)
        r = request(way.port, path, method="DELETE", **send)
        checks.that(f"{when}: {path} method kept", r.echo().get("method") == "DELETE", r)


def check_held_rows_pass_while_off(checks, way):
    """Held proves something only where the same request reaches the site while maintenance is off."""
    for what, target, send in HELD + HELD_ASKING:
        if target == "/admin.txt" and "method" not in send:
            r = request(way.port, target, **send)
            checks.that(f"off: {what} passes", r.status == 200 and SITE in r.body, r)


def check_upgrade(checks, way):
    """A WebSocket passes through a bypass, and is held without one."""
    if "/up/echo" not in way.applications:
        return
    answer = upgrade(way.port, "/up/echo", source=ALLOWED)
    checks.that("by address: a WebSocket", answer == b"SITE hello\n", answer)
    answer = upgrade(way.port, "/up/echo")
    checks.that("held: a WebSocket", answer.startswith(b"HTTP/1.1 503"), answer)


def check_held(checks, way):
    """What a visitor gets: the first request after the change already."""
    r = request(way.port, "/admin.txt", headers=[HTML])
    checks.that("touch: the very next request is held", r.status == 503 and SITE not in r.body, r)
    checks.that("held: the page", "text/html" in r.header("content-type") and b"Wire test" in r.body, r)
    checks.that("held: Retry-After", r.header("retry-after").isdigit() and int(r.header("retry-after")) > 0, r)
    checks.that("held: no-store", r.header("cache-control") == "no-store", r)
    checks.that("held: the marker", r.header("x-maintenance").startswith("active; id="), r)
    r = request(way.port, "/admin.txt", headers=[JSON])
    checks.that("held: problem+json", r.status == 503 and r.header("content-type") == "application/problem+json" and
                r.echo().get("status") == 503, r)
    r = request(way.port, "/admin.txt", headers=[HTML, ("Accept-Language", "de")])
    checks.that("held: in German", b'lang="de"' in r.body, r)
    r = request(way.port, "/admin.txt", method="HEAD", headers=[HTML])
    checks.that("held: HEAD has no body", r.status == 503 and not r.body and r.header("retry-after").isdigit(), r)
    r = request(way.port, "/<script>alert(1)</script>", headers=[HTML, ("X-Request-Id", "<b>")])
    checks.that("held: nothing is reflected", b"alert(1)" not in r.body and b"<b>" not in r.body, r)
    for target in ("/file.bin", "/", "/index.html", *way.applications):
        for method in ("GET", "POST"):
            r = request(way.port, target, method=method, body=b"x" if method == "POST" else b"")
            checks.that(f"held: {method} {target}", r.status == 503 and SITE not in r.body, r)
    for what, target, send in HELD + (HELD_ASKING if way.asks else []):
        r = request(way.port, target, **send)
        checks.that(f"held: {what}", held(r), r)


def check_status(checks, way, on):
    """That path alone is the gateway's, to GET and HEAD; the site has a page of the same name, which nobody sees."""
    when = "on" if on else "off"
    for target in (STATUS, STATUS + "?a=/b"):
        r = request(way.port, target)
        checks.that(f"{when}: {target}", r.status == 200 and r.header("content-type") == "application/json" and
                    r.header("cache-control") == "no-store" and r.echo().get("on") is on, r)
    r = request(way.port, STATUS, method="HEAD")
    checks.that(f"{when}: HEAD {STATUS}", r.status == 200 and not r.body and
                r.header("content-type") == "application/json", r)
    if on:
        for method in ("POST", "PUT", "DELETE"):
            r = request(way.port, STATUS, method=method, body=b"x")
            checks.that(f"on: {method} {STATUS} is held", held(r) and r.header("content-type") != "application/json", r)
        for target in NOT_STATUS:
            r = request(way.port, target)
            checks.that(f"on: {target} is held", r.status == 503 and SITE not in r.body, r)
    elif way.dot_paths:
        r = request(way.port, NOT_STATUS[0])
        checks.that(f"off: {NOT_STATUS[0]} is the site's", r.status == 200 and SITE in r.body, r)


def check_open(checks, way):
    for target in way.open_paths:
        r = request(way.port, target)
        checks.that(f"open: {target}", r.status == 200 and SITE in r.body, r)
    for path in way.webhooks:
        r = request(way.port, path, method="POST", body=UPLOAD)
        checks.that(f"open: {path} by POST, whole", r.echo().get("sha1") == UPLOAD_SHA1, r)


def check_bypass_off(checks, way):
    way.folder.touch("bypass.off")
    for what, send in (("address", {"source": ALLOWED}), ("secret", {"headers": [BYPASS]})):
        r = request(way.port, "/file.bin", **send)
        checks.that(f"bypass.off: the {what} is held", r.status == 503, r)
    way.folder.remove("bypass.off")
    r = request(way.port, "/file.bin", source=ALLOWED)
    checks.that("bypass.off gone: the address passes", r.status == 200, r)


def check_tickets(checks, way):
    """A ticket's link sets the cookie, the cookie reaches the site whole, and its end ends it.

    A native gate looks only whether the file is there: upkeep removes it when the ticket is over.
    """
    folder = "state/tickets/any"
    os.makedirs(way.folder.file(folder), exist_ok=True)
    way.folder.write(f"{folder}/{TICKET}", "until = 2090-01-01T00:00:00Z\n")
    cookie, header = ("Cookie", f"a=b; maintenance_ticket={TICKET}"), ("X-Maintenance-Ticket", TICKET)
    r = request(way.port, f"/admin.txt?a=b&maintenance_ticket={TICKET}")
    checks.that("ticket: the link redirects to the page without it", r.status == getattr(way, "redirects", 303) and
                r.header("location").endswith("/admin.txt?a=b") and TICKET in r.header("set-cookie") and
                "HttpOnly" in r.header("set-cookie") and SITE not in r.body, r)
    check_site(checks, way, "by ticket's cookie", headers=[cookie])
    check_site(checks, way, "by ticket's header", headers=[header])
    r = request(way.port, "/admin.txt", headers=[("Cookie", f"maintenance_ticket={TICKET[::-1]}")])
    checks.that("ticket: a wrong one is held", held(r), r)
    if way.asks:                # a native gate sees the file: upkeep removes it
        way.folder.write(f"{folder}/{TICKET}", "until = 2000-01-01T00:00:00Z\n")
    else:
        way.folder.remove(f"tickets/any/{TICKET}")
    r = request(way.port, "/admin.txt", headers=[cookie])
    checks.that("ticket: one that is over is held", held(r), r)


def check_lost_folder(checks, way):
    """Without its folder of flags a native gate cannot know: on_unknown says to hold."""
    folder = way.folder.file("state")
    way.folder.remove()
    os.rename(folder, folder + ".lost")
    wait_until(lambda: request(way.port, "/admin.txt").status == 503, "the page for a lost folder")
    r = request(way.port, "/admin.txt")
    checks.that("the folder of flags is lost: held", r.status == 503 and SITE not in r.body, r)
    os.rename(folder + ".lost", folder)
    wait_until(lambda: request(way.port, "/admin.txt").status == 200, "the site, when the folder is back")
    r = request(way.port, "/admin.txt")
    checks.that("the folder is back: the site", r.status == 200 and SITE in r.body, r)
    way.folder.touch()


def check_scope(checks, way):
    """[site.shop] has a flag of its own; what could be read as a path below it is held with it."""
    way.folder.touch("flags/shop.flag")
    for target in SHOP_PASSES:
        r = request(way.port, target)
        checks.that(f"shop only: {target} passes", r.status == 200 and SITE in r.body, r)
    for target in SHOP_HELD:
        r = request(way.port, target)
        checks.that(f"shop only: {target} is held by the gate", held(r) and
                    r.header("x-maintenance").startswith("active; id="), r)
    r = request(way.port, "/shop/x.txt", method="POST", body=UPLOAD)
    checks.that("shop only: an upload is held", held(r), r)
    r = request(way.port, "/shop/x.txt", source=ALLOWED)
    checks.that("shop only: by address", r.status == 200 and SITE in r.body, r)
    way.folder.touch()
    for target in ("/other.txt", "/shop/x.txt"):
        r = request(way.port, target)
        checks.that(f"both flags: {target} is held", r.status == 503, r)
    way.folder.remove("flags/shop.flag")
    r = request(way.port, "/shop/x.txt")
    checks.that("the global flag alone: the shop is held", r.status == 503, r)
    way.folder.remove()
    for target in ("/shop/x.txt", "/other.txt"):
        r = request(way.port, target)
        checks.that(f"no flag: {target}", r.status == 200 and SITE in r.body, r)


def check_toggles(checks, way, times=100):
    wrong = 0
    for _ in range(times):
        way.folder.touch()
        wrong += request(way.port, "/admin.txt").status != 503
        way.folder.remove()
        wrong += request(way.port, "/file.bin").status != 200
    checks.that(f"{2 * times} toggles, each first request right", wrong == 0, f"{wrong} wrong")


def check_gateway_gone(checks, way):
    """What the README's table says."""
    way.kill_gateway()
    r = request(way.port, "/file.bin")
    checks.that(f"gateway gone, off: {way.gone_off}", r.status == way.gone_off, r)
    way.folder.touch()
    r = request(way.port, "/file.bin")
    checks.that(f"gateway gone, on: {way.gone_on}", r.status == way.gone_on and SITE not in r.body, r)
    way.folder.remove()


def check_way(checks, way):
    checks.way = way.name
    check_site(checks, way, "off")
    check_held_rows_pass_while_off(checks, way)
    check_status(checks, way, False)
    way.folder.touch()
    check_held(checks, way)
    check_status(checks, way, True)
    check_open(checks, way)
    check_site(checks, way, "by address", source=ALLOWED)
    check_site(checks, way, "by secret", headers=[BYPASS])
    check_upgrade(checks, way)
    check_bypass_off(checks, way)
    check_tickets(checks, way)
    for extra in way.checks:
        extra(checks, way)
    way.folder.remove()
    r = request(way.port, "/file.bin")
    checks.that("rm: the very next request is the site's", r.status == 200 and r.body == FILE, r)
    check_scope(checks, way)
    check_toggles(checks, way)
    check_gateway_gone(checks, way)
