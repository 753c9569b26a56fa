# SPDX-License-Identifier: MIT
"""Bytes of the INI that mean something to a server's configuration: a native gate must take them as they are."""
from harness import SITE, request

SECRET = "a\"'$`{x}%-\\\\b (c)[d]*|^0123456789"
POLICY = f"""[site]
bypass_secret = {SECRET}
open_path = /a b/, /q"'[x]{{y}}$z(1)|+^
"""
OPEN = ["/a%20b/x", "/q%22%27[x]%7By%7D$z(1)%7C+%5E"]
HELD = ["/a.b/x", "/a%20bc", "/q%22%27x%7By%7D$z(1)%7C+%5E", "/q", "/q%22%27[x]%7By%7D", "/+%5E"]


def check(way, checks):
    """The one secret and the paths open; what a careless configuration would read in them does not."""
    way.folder.touch()
    for target in OPEN:
        r = request(way.port, target)
        checks.that(f"open: {target}", r.status in (200, 404) and not r.header("x-maintenance"), r)
    for target in HELD:
        r = request(way.port, target)
        checks.that(f"held: {target}", r.status == 503 and SITE not in r.body, r)
    for secret in (SECRET, SECRET.upper(), SECRET[:-1], SECRET + "x", SECRET.replace("(", "x"),
                   SECRET[:10], "", "x"):
        r = request(way.port, "/file.bin", headers=[("X-Maintenance-Bypass", secret)])
        right = secret == SECRET
        checks.that(f"secret {secret!r}", r.status == (200 if right else 503), r)
