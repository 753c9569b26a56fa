# SPDX-License-Identifier: MIT
"""The same policies and the same requests through every server: each decision must be the one of `wardenctl explain`.

Each way makes its configuration by `wardenctl snippet KIND` from one of three policies.  A way may name rows in its
`differs`, with the reason; DIFFERENCES in maintenance-warden(8) has the same.
"""
import hashlib
import json
import os
import subprocess

from harness import ALLOWED, OUTSIDER, SECRET, SITE, UPLOAD, UPLOAD_SHA1, request, upgrade, wait_until

OFFICE = "127.0.3.7"            # in a network of bypass_address
HOSTILE_SECRET = "wire.s\"e'c$r\\e%t [x]+{1}|^&<> end-0123"
TICKET, SHOP_TICKET = ("0123456789abcdef0123456789abcde" + c for c in "01")

POLICIES = {
    "flag": "[site]\ntitle = Wire test\n",
    "offices": f"""[site]
title = Wire test
bypass_address = {ALLOWED}/32, 127.0.3.0/24, 2001:db8::/32
bypass_secret = {SECRET}, another-secret-0123456789
open_path = /api/webhooks/, /other.txt, /static/*.css
open_defaults = health, robots
""",
    "sites": f"""[site]
title = Wire test
[site.shop]
path = /shop/
mode = read-only
bypass_address = {ALLOWED}/32
open_path = /shop/webhook
[site.blog]
host = blog.example, *.blog.example
open_defaults =
tickets = off
""",
}

# The state of each policy: flags that are there.
STATES = {
    "flag": [(), ("maintenance.flag",)],
    "offices": [("maintenance.flag",), ("maintenance.flag", "bypass.off")],
    "sites": [("flags/shop.flag",), ("flags/blog.flag",), ("maintenance.flag",)],
}


class Row:
    """A request.  `odd`: a server may refuse it by itself, before any gate."""

    def __init__(self, name, target, method="GET", headers=(), body=b"", source=OUTSIDER, host="site.example",
                 odd=False):
        self.name, self.target, self.method, self.headers = name, target, method, list(headers)
        self.body, self.source, self.host, self.odd = body, source, host, odd


def secret(*values):
    return [("X-Maintenance-Bypass", v) for v in values]


def cookie(value):
    return [("Cookie", value)]


ROWS = [
    Row("a page", "/admin.txt"),
    Row("HEAD", "/admin.txt", "HEAD"),
    Row("a query", "/admin.txt?a=/health&b=%2f"),
    Row("an escaped letter", "/%61dmin.txt"),
    Row("a range", "/file.bin", headers=[("Range", "bytes=0-3")]),
    Row("POST 1 MB", "/up/echo", "POST", body=UPLOAD),
    Row("PUT", "/up/echo", "PUT", body=b"x"),
    Row("DELETE", "/up/echo", "DELETE"),
    Row("OPTIONS", "/up/echo", "OPTIONS"),
    Row("a preflight", "/up/echo", "OPTIONS", [("Origin", "https://a.example"),
                                               ("Access-Control-Request-Method", "POST")]),
    Row("another host", "/admin.txt", host="other.example"),
    Row("no ordinary host", "/admin.txt", host="[::1]:80"),
    Row("health", "/health"),
    Row("health by HEAD", "/health", "HEAD"),
    Row("health by POST", "/health", "POST", body=b"x"),
    Row("robots", "/robots.txt?x"),
    Row("like an open path", "/healthy"),
    Row("below an open path", "/health/x"),
    Row("status", "/.maintenance/status"),
    Row("status by POST", "/.maintenance/status", "POST", body=b"x"),
    Row("beside status", "/.maintenance/other.txt"),
    Row("a webhook", "/api/webhooks/echo.php", "POST", body=b"x"),
    Row("like a webhook's folder", "/api/webhooksx"),
    Row("an exact path", "/other.txt", "HEAD"),
    Row("an exact path with more", "/other.txt/x"),
    Row("a glob", "/static/a.css"),
    Row("a glob's empty text", "/static/.css"),
    Row("a glob and a slash", "/static/a/b.css"),
    Row("an allowed address", "/file.bin", source=ALLOWED),
    Row("an allowed network", "/file.bin", source=OFFICE),
    Row("an allowed address, POST", "/up/echo", "POST", body=UPLOAD, source=ALLOWED),
    Row("an address beside the network", "/file.bin", source="127.0.4.7"),
    Row("a forged address", "/admin.txt", headers=[("X-Forwarded-For", ALLOWED), ("X_Forwarded_For", ALLOWED),
                                                   ("X-Real-IP", ALLOWED), ("Forwarded", f"for={ALLOWED}")]),
    Row("the secret", "/file.bin", headers=secret(SECRET)),
    Row("the second secret", "/file.bin", headers=secret("another-secret-0123456789")),
    Row("the secret, POST", "/up/echo", "POST", secret(SECRET), UPLOAD),
    Row("a wrong secret", "/admin.txt", headers=secret(SECRET[:-1])),
    Row("the secret and more", "/admin.txt", headers=secret(SECRET + "x")),
    Row("the secret in capitals", "/admin.txt", headers=secret(SECRET.upper())),
    Row("an empty secret", "/admin.txt", headers=secret("")),
    Row("the secret twice, wrong first", "/admin.txt", headers=secret("x" * 20, SECRET)),
    Row("the secret twice, right first", "/admin.txt", headers=secret(SECRET, "x" * 20)),
    Row("a ticket's cookie", "/file.bin", headers=cookie(f"a=b; maintenance_ticket={TICKET}; c=d")),
    Row("a ticket's cookie, comma", "/file.bin", headers=cookie(f"a=b,maintenance_ticket={TICKET}")),
    Row("a ticket's header", "/up/echo", "POST", [("X-Maintenance-Ticket", TICKET)], UPLOAD),
    Row("the shop's ticket", "/shop/x.txt", headers=cookie(f"maintenance_ticket={SHOP_TICKET}")),
    Row("the shop's ticket elsewhere", "/admin.txt", headers=cookie(f"maintenance_ticket={SHOP_TICKET}")),
    Row("an unknown ticket", "/admin.txt", headers=cookie(f"maintenance_ticket={TICKET[::-1]}")),
    Row("a ticket in capitals", "/admin.txt", headers=cookie(f"maintenance_ticket={TICKET.upper()}")),
    Row("a ticket that is a path", "/admin.txt", headers=cookie("maintenance_ticket=../any/" + TICKET)),
    Row("a cookie like a ticket's", "/admin.txt", headers=cookie(f"xmaintenance_ticket={TICKET}")),
    Row("dot segments", "/health/../admin.txt", odd=True),
    Row("escaped dots", "/health/%2e%2e/admin.txt", odd=True),
    Row("an escaped slash", "/health%2f..%2fadmin.txt", odd=True),
    Row("a doubled slash", "//health", odd=True),
    Row("a double escape", "/health%252f", odd=True),
    Row("a path parameter", "/health;x", odd=True),
    Row("a backslash", "/health%5c..%5cadmin.txt", odd=True),
    Row("a control character", "/health%0a", odd=True),
    Row("a broken escape", "/health%zz", odd=True),
    Row("the shop", "/shop/x.txt"),
    Row("the shop's folder", "/shop"),
    Row("the shop, POST", "/shop/x.txt", "POST", body=b"x"),
    Row("the shop's webhook", "/shop/webhook", "POST", body=b"x"),
    Row("like the shop", "/shopping.txt"),
    Row("the shop by dots", "/x/../shop/x.txt", odd=True),
    Row("the shop, escaped", "/%73hop/x.txt"),
    Row("the blog", "/admin.txt", host="blog.example"),
    Row("the blog, any case, port and dot", "/admin.txt", host="BLOG.example.:8080"),
    Row("below the blog", "/admin.txt", host="a.b.blog.example"),
    Row("like the blog", "/admin.txt", host="myblog.example"),
    Row("the blog's health", "/health", host="blog.example"),
    Row("the blog's shop", "/shop/x.txt", host="blog.example"),
    Row("the blog with a ticket", "/admin.txt", host="blog.example", headers=cookie(f"maintenance_ticket={TICKET}")),
    Row("forged parameters", "/admin.txt", headers=[("WARDEN-SITE", "nobody"), ("Warden-Mode", "x-accel"),
                                                    ("X-Accel-Redirect", "/admin.txt")]),
    Row("a WebSocket", "/up/echo", "UPGRADE"),
    Row("a WebSocket by address", "/up/echo", "UPGRADE", source=ALLOWED),
]

# Further policies, for the ways that name them in `policies`: each has its own states and rows.
COMMON = tuple(POLICIES)
POLICIES["hostile"] = """[site]
title = Wire test
bypass_secret_file = secrets.list
bypass_header = X-Own-Secret
open_path_file = paths.list
[site.shop]
host = sh-op.example, *.x--y.example
path = /a+(b)/
[site.odd]
path = /$1/%s/
""".replace("%s", "{x}")
STATES["hostile"] = [("maintenance.flag",), ("flags/shop.flag",), ("flags/odd.flag",)]
FILES = {"secrets.list": HOSTILE_SECRET + "\n%24{$host}-\\\"';-0123456789\n",
         "paths.list": "/a.b/\n/a+b/\n/(x|y)[z]/\n/^$d{1,2}.-/\n/two words/\n/q\"u'o$host;x\n/*.c?s\n/st/**/%d-/e\n"
         .replace("c?s", "css").replace("%d-", "d-")}
HOSTILE_ROWS = [Row(target, target) for target in (
    "/a.b/", "/a.b", "/a.bc", "/axb/c", "/a+b/c", "/aab/c", "/ab", "/(x%7Cy)[z]/1", "/(x|y)[z]/", "/x[z]/", "/xz/",
    "/^$d{1,2}.-/q", "/%5E%24d%7B1,2%7D.-/q", "/dd-/q", "/two%20words/x", "/two+words/x", "/twowords/x",
    "/x.css", "/x/y.css", "/xcss", "/.css", "/x.css/", "/st/a/b/d-/e", "/st/d-/e", "/st//d-/e", "/st/x/dd-/e",
    "/st/x/d-/ee", "/a+(b)/x", "/a(b)/x", "/aab/x", "/a+b/x", "/$1/{x}/y", "/%241/%7Bx%7D/y", "/1/x/y", "/$1/x",
    "/$1/xx/y")]
HOSTILE_ROWS += [Row(f"{value!r} as the secret", "/file.bin", headers=[("X-Own-Secret", value)]) for value in (
    HOSTILE_SECRET, "%24{$host}-\\\"';-0123456789", "%24{$host}-\"';-0123456789", "${host}-\\\"';-0123456789",
    HOSTILE_SECRET.replace(".", "x"), HOSTILE_SECRET.lower(), HOSTILE_SECRET[:-1], HOSTILE_SECRET + " x")]
HOSTILE_ROWS += [Row(f"{host}{target}", target, host=host) for host in (
    "sh-op.example", "SH-OP.Example:80", "shop.example", "sh-opxexample", "a.x--y.example", "x--y.example",
    "ax--y.example",
    "a.x-y.example", "a.x--yyexample") for target in ("/a+(b)/x", "/a+(b)", "/other.txt", "/a%2f+(b)/x")]

POLICIES["proxies"] = """trusted_proxies = 127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48
[site]
title = Wire test
bypass_address = 127.0.0.2, 10.0.0.9, 203.0.113.0/24, 2001:db8::/32
"""
STATES["proxies"] = [("maintenance.flag",), ()]


def forwarded(*lines, source=OUTSIDER):
    return Row(f"from {source} for {lines}", "/file.bin", headers=[("X-Forwarded-For", line) for line in lines],
               source=source)


PROXIES_ROWS = [forwarded(), forwarded(source=ALLOWED), forwarded("198.51.100.1", source=ALLOWED),
                forwarded("203.0.113.7", source="127.0.0.3"), forwarded("junk", source=ALLOWED),
                forwarded("203.0.113.7", "10.0.0.1"), forwarded("198.51.100.1", "203.0.113.7"),
                forwarded("203.0.113.7", "198.51.100.1"), forwarded("203.0.113.7", "junk"),
                forwarded("junk", "203.0.113.7"), forwarded("10.0.0.9", "10.0.0.1")]
PROXIES_ROWS += [forwarded(line) for line in (
    "203.0.113.7", "203.0.113.7, 10.0.0.1", "203.0.113.7,10.0.0.1,\t127.0.0.1", "198.51.100.1",
    "203.0.113.7, 198.51.100.1",
    "198.51.100.1, 203.0.113.7", "198.51.100.1, 203.0.113.7, 10.1.2.3", "unknown, 203.0.113.7", "203.0.113.7, unknown",
    "unknown", "_hidden, 203.0.113.7, 10.0.0.1", "10.0.0.9", "10.0.0.9, 10.0.0.1", "unknown, 10.0.0.9",
    "x, 10.0.0.9, 10.0.0.1", "10.0.0.1, 10.0.0.9", "10.0.0.9, junk, 10.0.0.9", "10.0.0.9, 1::2::3, 10.0.0.9",
    "203.0.113.7:4711", "203.0.113.7:99999", "203.0.113.7:", "[2001:db8::7]:443", "[2001:db8::7]", "2001:db8::7",
    "2001:DB8:0:0::7", "2001:db9::7", "2001:db8:ffff::1", "203.0.113.7, 2001:db8:ffff::1", "::ffff:203.0.113.7",
    "[::ffff:203.0.113.7]:80", "::ffff:198.51.100.1", "203.0.113.07", "203.0.113.256", "203.0.113",
    "203.0.113.7 , 10.0.0.1",
    "203.0.113.7 10.0.0.1", "junk 203.0.113.7", "203.0.113.7,,10.0.0.1", ",203.0.113.7", "203.0.113.7,", ", 10.0.0.9",
    "10.0.0.9,", "fe80::1%eth0, 10.0.0.9", "\"203.0.113.7\"", "127.0.0.1", "unix:", "010.0.0.9", "10.0.0.9;q=1")]

# What only the gateway itself can judge, for ways that ask while a flag is there.
POLICIES["asked"] = f"""[site]
title = Wire test
share = 50
cors_origins = https://a.example
bypass_secret = sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}
[site.shop]
path = /shop/
share = 0
"""
STATES["asked"] = [(), ("maintenance.flag",), ("flags/shop.flag",), ("maintenance.flag", "bypass.off")]
ASKED_ROWS = [Row(f"from 127.0.1.{i}", "/file.bin", source=f"127.0.1.{i}") for i in range(1, 21)]
ASKED_ROWS += [Row(f"{target} from {source}", target, source=source, headers=headers)
               for target in ("/file.bin", "/shop/x.txt", "/shop%2fx.txt", "/health")
               for source in ("127.0.1.1", "127.0.1.2")
               for headers in ((), secret(SECRET), secret(SECRET[:-1]))]
ASKED_ROWS += [Row(f"a preflight of {origin}", "/up/echo", "OPTIONS",
                   [("Origin", origin), ("Access-Control-Request-Method", "PUT")],
                   source="127.0.1.3") for origin in ("https://a.example", "https://b.example")]
# What rules about a decoded path, each line of a field and a host without its port can say.
POLICIES["rules"] = f"""[site]
title = Wire test
tickets = off
bypass_address = {ALLOWED}/32, 127.0.3.0/24, 2001:db8::/32, ::ffff:127.0.5.0/120
bypass_secret = {SECRET}, another-secret-0123456789
open_path = /other.txt, /~a_b-c
open_method = PUT
open_defaults = health, robots
"""
STATES["rules"] = STATES["offices"]
# a site that is on without any flag, and one that passes where nobody knows
POLICIES["always"] = f"""[site]
title = Wire test
bypass_address = {ALLOWED}/32
open_defaults = health
on_unknown = pass
[site.shop]
path = /shop/
enabled = on
open_path = /shop/webhook
"""
STATES["always"] = [(), ("maintenance.flag",), ("maintenance.flag", "bypass.off"), ("bypass.off",)]
# the same where it holds, and the folder of all flags is away
POLICIES["lost"] = POLICIES["always"].replace("= pass", "= hold")
STATES["lost"] = [("lost",), (), ("bypass.off",)]
POLICIES["plain"] = "[site]\ntitle = Wire test\ntickets = off\nopen_defaults =\n"
STATES["plain"] = STATES["flag"]
POLICIES["hosts"] = f"""[site]
title = Wire test
tickets = off
open_defaults = health
[site.shop]
host = site.example, *.b.blog.example
mode = read-only
bypass_secret_file = secrets.list
bypass_header = X-Own-Secret
[site.blog]
host = blog.example, *.blog.example
bypass_address = {ALLOWED}/32
open_defaults =
"""
STATES["hosts"] = STATES["sites"] + [("flags/shop.flag", "bypass.off"), ("flags/blog.flag", "bypass.off")]
RULES_ROWS = [Row(target, target, method, source=source) for target, method, source in (
    ("/other%2etxt", "GET", OUTSIDER), ("/other.txt", "POST", OUTSIDER), ("/other.txt/", "GET", OUTSIDER),
    ("/~a_b-c", "GET", OUTSIDER), ("/%7ea%5fb%2dc", "GET", OUTSIDER), ("/x~a_b-c", "GET", OUTSIDER),
    ("/other.txt?a/../b#c", "GET", OUTSIDER), ("/up/echo", "PUT", OUTSIDER), ("/auth", "GET", OUTSIDER),
    ("/auth-request", "GET", OUTSIDER), ("/auth/health", "GET", OUTSIDER), ("/auth/health", "GET", ALLOWED),
    ("/up/echo", "REPORT", OUTSIDER), ("/a%2fb", "GET", ALLOWED), ("/file.bin", "GET", "127.0.5.9"),
    ("/file.bin", "GET", "127.0.6.1"))]
RULES_ROWS += [Row(what, target, odd=True) for what, target in (
    ("the whole server", "*"), ("an escaped slash alone", "/health%2f"), ("a slash more", "/health/."),
    ("dots to an open path", "/x/../other.txt"), ("a NUL", "/other.txt%00"), ("an escaped query", "/health%3fx"))]
RULES_ROWS += [Row(f"secrets {values}", "/file.bin", headers=secret(*values)) for values in (
    (SECRET[:5],), (SECRET[:5] + "x" + SECRET[6:],), (SECRET + " ",), ("", SECRET), (SECRET, ""),
    ("another-secret-0123456780",),
    ("another-secret-012345678",), ("another-secret-01234567890",), ("x", "y"), ("\xe9" + SECRET,), (SECRET + "\xe9",))]
RULES_ROWS.append(Row("the secret twice, both right", "/file.bin", headers=secret(SECRET, "another-secret-0123456789")))
HOSTS_ROWS = [Row(f"{method} {host}", "/admin.txt", method, headers, source=source, host=host, odd=not host)
              for host in (
    "site.example", "SITE.example.:80", "other.example", "blog.example", "a.blog.example", "a.b.blog.example",
    "b.blog.example",
    "blog.example:", "blog.example:80x", "blog.example,x", "blog..example", "blog.example..", "xblog.example",
    "[::1]:80", "",
    "a." + "b" * 250 + ".blog.example", "blog_x.example") for method, headers, source in (
        ("GET", [], OUTSIDER), ("DELETE", [], OUTSIDER), ("DELETE", [], ALLOWED),
        ("DELETE", [("X-Own-Secret", HOSTILE_SECRET)], OUTSIDER),
        ("DELETE", [("X-Forwarded-Host", "other.example")], OUTSIDER))]
HOSTS_ROWS += [Row(f"{value!r} as the secret", "/file.bin", "DELETE", [("X-Own-Secret", value)]) for value in (
    HOSTILE_SECRET, "%24{$host}-\\\"';-0123456789", "%24{$host}-\"';-0123456789", HOSTILE_SECRET.replace(".", "x"),
    HOSTILE_SECRET.lower(), HOSTILE_SECRET[:-1], HOSTILE_SECRET + " x")]
MORE_ROWS = {"rules": ROWS + RULES_ROWS, "hosts": HOSTS_ROWS, "hostile": HOSTILE_ROWS, "proxies": PROXIES_ROWS,
             "asked": ASKED_ROWS}


def set_state(folder, state):
    away = folder.file("state") + ".lost"
    if os.path.exists(away):
        os.rename(away, folder.file("state"))
    for flag in ("maintenance.flag", "bypass.off", "flags/shop.flag", "flags/blog.flag", "flags/odd.flag"):
        folder.touch(flag) if flag in state else folder.remove(flag)
    if "lost" in state:
        os.rename(folder.file("state"), away)


def write_tickets(folder):
    """One for every site, and one of the shop's."""
    for name, ticket in (("any", TICKET), ("shop", SHOP_TICKET)):
        os.makedirs(folder.file(f"state/tickets/{name}"), exist_ok=True)
        folder.write(f"state/tickets/{name}/{ticket}", "until = 2090-01-01T00:00:00Z\n")


def explained(folder, row):
    """"pass" or "hold", by wardenctl."""
    command = [folder.wardenctl, "-c", folder.file("warden.ini"), "explain", "--json",
               "GET" if row.method == "UPGRADE" else row.method, row.target, "--from", row.source,
               "--header", f"Host: {row.host}"]
    for name, value in row.headers:
        if "_" not in name:
            command += ["--header", f"{name}: {value}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15)
    if done.returncode > 1:
        raise RuntimeError(f"explain {row.name}: {done.stderr}")
    return json.loads(done.stdout)["verdict"]


def is_held(response):
    """By the gateway's page, not by the server's own refusal."""
    return response.header("x-maintenance").startswith("active")


def observed(way, row):
    """"pass", "hold", "refused" (by the server itself), or what else it was."""
    if row.method == "UPGRADE":
        answer = upgrade(way.port, row.target, source=row.source)
        return "pass" if answer == b"SITE hello\n" else "hold" if b"active; id=" in answer else repr(answer)
    r = request(way.port, row.target, row.method, row.headers, row.body, row.source, row.host)
    if is_held(r):
        return "hold" if r.status == 503 and SITE not in r.body else repr(r)
    if row.target == "/.maintenance/status" and row.method == "GET":
        return "pass" if r.status == 200 and "on" in r.echo() else repr(r)
    if len(row.body) == len(UPLOAD):
        return "pass" if r.echo().get("sha1") == UPLOAD_SHA1 else repr(r)
    if SITE in r.body or r.status in (200, 204, 206, 301, 404, 405):
        return "pass"
    return "refused" if r.status in (400, 403, 414, 501) else repr(r)


def check(checks, way, policy):
    """All rows in all states of the policy."""
    folder, differs = way.folder, getattr(way, "differs", {})
    write_tickets(folder)
    if hasattr(way, "state_changed"):
        way.state_changed()
    for state in STATES[policy]:
        set_state(folder, state)
        if hasattr(way, "state_changed"):
            way.state_changed()         # a server that looks at its files now and then has looked
        if "lost" in state:
            wait_until(lambda: is_held(request(way.port, "/admin.txt")), "the page of a gateway that has seen it")
        for row in MORE_ROWS.get(policy, ROWS):
            if row.target.startswith("/up/") and "/up/echo" not in way.applications:
                continue
            wanted, found = explained(folder, row), observed(way, row)
            ok = found == wanted or row.name in differs or (row.odd and found in ("refused", "pass")
                                                            and not reached_site(way, row))
            if wanted == "pass" and hasattr(way, "may_hold") and way.may_hold(row):
                ok = ok or not reached_site(way, row)       # a way that cannot pass everything, and says what
            checks.that(f"{'+'.join(state) or 'off'}: {row.name}: {wanted}", ok, found)


def reached_site(way, row):
    """Whether an odd request, which should be held, was answered by the site: a server's own 404 is no answer of it."""
    return SITE in request(way.port, row.target, row.method, row.headers, row.body, row.source, row.host).body
