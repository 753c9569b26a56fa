# SPDX-License-Identifier: MIT
"""wardenctl check: each warning provoked once and shown absent once.  Usage: test_check.py PATH-TO-WARDENCTL"""
import argparse
import grp
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile

SECRET = "correct-horse-battery"
TICKET = "8f0c3d2a" + "0" * 24
BODY = "until = 2036-01-01T00:00:00Z\nsince = 2026-01-01T00:00:00Z\n"
WEB_USERS = ("www-data", "nginx", "apache", "http", "lighttpd")
PAGE = """<!doctype html><link rel="stylesheet" HREF='/own/site.css?v=1'><link rel=canonical href=/canonical>
<!-- <img src=/commented.png> --><a href="/elsewhere">x</a><IMG alt=a src=logo.png>
<script src="https://cdn.example/x.js">
</script><img src="data:image/png;base64,AA"><img src="https://Shop.Example.com/a/../photo%20one.jpg#x">
<video src=/robots.txt poster="/poster.png"></video>
<style>body { background: URL( "/bg.png" ) } a { b: url(#x) }</style>
<link rel=icon href=//cdn.example/y><a href="mailto:a@example.com">{{message}}</a>
"""
LOADED = ("/own/site.css", "/logo.png", "/photo one.jpg", "/poster.png", "/bg.png")
NOT_LOADED = ("canonical", "commented", "elsewhere", "cdn", "data:", "robots", "mailto", " # ")


class Bench:
    def __init__(self, program):
        self.program, self.passed, self.failed = os.path.abspath(program), 0, 0

    def that(self, what, ok, found=""):
        self.passed += bool(ok)
        self.failed += not ok
        if not ok:
            print(f"FAIL {what}\n     {found}", flush=True)


class Place:
    """A folder with an INI and a state folder that nothing is wrong with, but for where they are."""

    def __init__(self, bench, base):
        self.bench = bench
        self.root = tempfile.mkdtemp(prefix="warden-check-", dir=base)
        os.chmod(self.root, 0o755)
        self.ini_path = os.path.join(self.root, "warden.ini")
        self.state = os.path.join(self.root, "state")
        self.folder("state", 0o751)
        self.ini()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.root, name)

    def folder(self, name, mode=0o711):
        os.makedirs(self.path(name), exist_ok=True)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def file(self, name, text="", mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def ini(self, gateway="", site="", more="", state=None, mode=0o644):
        """Each site's own page of `site` too; hooks are looked for here, never in /etc."""
        hooks = "" if "hooks_dir" in gateway else f"hooks_dir = {self.path('hooks.d')}\n"
        self.file("warden.ini",
                  f"[gateway]\nstate_dir = {state or self.state}\n{hooks}{gateway}\n[site]\n{site}\n{more}",
                  mode)

    def run(self, *options):
        env = {k: v for k, v in os.environ.items() if not k.startswith("WARDEN_")}
        return subprocess.run([self.bench.program, "-c", self.ini_path, "check", *options], capture_output=True,
                              text=True, timeout=60, env=env, check=False)

    def says(self, what, *parts):
        """One warning or note holds all parts."""
        found = self.run()
        self.bench.that(what, found.stderr == "" and found.returncode == 0 and
                        any(all(p in line for p in parts) for line in found.stdout.splitlines()), found)

    def refuses(self, what, *parts):
        """One error holds all parts."""
        found = self.run()
        self.bench.that(what, found.stderr == "" and found.returncode == 2 and
                        any(all(p in line for p in parts) for line in found.stdout.splitlines()), found)

    def lacks(self, what, part):
        found = self.run()
        self.bench.that(f"{what}: absent", found.stderr == "" and found.returncode == 0 and part not in found.stdout,
                        found)


def quiet_base():
    """A folder that is below neither a temporary folder nor what looks like a document root."""
    for base in (os.getcwd(), os.path.dirname(os.path.abspath(__file__)), os.path.expanduser("~"), "/var/lib", "/opt"):
        real = os.path.realpath(base)
        if real.startswith(("/tmp", "/var/tmp", "/dev/shm")) or {"www", "htdocs", "html", "public_html"} & set(
                real.split("/")) or not os.access(base, os.W_OK):
            continue
        return base
    return None


def test_output(b, base):
    with Place(b, base) as p:
        good = p.run()
        b.that("ok", good.returncode == 0 and good.stdout == f"{p.ini_path}: ok\n" and good.stderr == "", good)
        b.that("ok, quiet", p.run("-q").stdout == "" and p.run("-q", "--strict").returncode == 0)
        found = json.loads(p.run("--json").stdout)
        b.that("ok, JSON", found == {"errors": [], "warnings": [], "notes": [], "ok": True}, found)
        b.that("--site is refused", p.run("--site", "shop").returncode == 2)
        os.chmod(p.state, 0o755)
        b.that("a warning: 0", p.run().returncode == 0 and p.run().stdout.endswith("\n1 warning\n"), p.run())
        b.that("a warning: 1 with --strict", p.run("--strict").returncode == 1)
        b.that("a warning: quiet", len(p.run("-q").stdout.splitlines()) == 1)
        p.ini(site="retry_after = 1h\nstatsu = 503")
        bad = p.run()
        b.that("errors and the world together", bad.returncode == 2 and "2 errors, 1 warning" in bad.stdout and
               f"{p.ini_path}:6: [site] retry_after: " in bad.stdout and "did you mean status" in bad.stdout and
               "can be listed by others" in bad.stdout, bad)
        b.that("errors, strict", p.run("--strict").returncode == 2)
        found = json.loads(p.run("--json").stdout)
        b.that("errors, JSON", p.run("--json").returncode == 2 and found["ok"] is False and
               len(found["errors"]) == 2 and
               found["errors"][0]["file"] == p.ini_path and found["errors"][0]["section"] == "site" and
               {e["key"] for e in found["errors"]} == {"retry_after", "statsu"} and
               {e["line"] for e in found["errors"]} == {6, 7} and len(found["warnings"]) == 1, found)
        os.remove(p.ini_path)
        b.that("no INI", p.run().returncode == 2 and "1 error\n" in p.run().stdout, p.run())


def test_state_folder(b, base):
    with Place(b, base) as p:
        p.lacks("listed", "listed by others")
        os.chmod(p.state, 0o755)
        p.says("listed", f"warning: [gateway] state_dir: {p.state} can be listed by others", f"chmod 0751 {p.state}")
        p.lacks("written", "written by others")
        os.chmod(p.state, 0o753)
        p.refuses("written", "[gateway] state_dir: ", "can be written by others", f"chmod o-w {p.state}")
        os.chmod(p.state, 0o771)
        p.lacks("... by its group", "written by others")
        p.lacks("entered", "entered by others")
        os.chmod(p.state, 0o750)
        p.says("entered", "note: ", "cannot be entered by others")
        b.that("a note is no warning", p.run("--strict").returncode == 0)
        os.chmod(p.state, 0o751)
        p.lacks("missing", "mkdir")
        os.rmdir(p.state)
        p.says("missing", "No such file", "on_unknown decides", f"mkdir -p -m 0751 {p.state}")
        b.that("missing is said once", p.run().stdout.count(p.state) == 2, p.run())
        p.file("state")
        p.says("a file", "no folder", f"mkdir -p -m 0751 {p.state}")
        odd = p.folder("it's here", 0o755)
        p.ini(state=odd)
        p.says("quoted", "chmod 0751 '" + odd.replace("'", "'\\''") + "'")


def test_state_place(b, base):
    with Place(b, "/tmp") as p:
        p.says("below /tmp", p.state, "cleaned up", "state_dir = /var/lib/maintenance-warden")
    with Place(b, base) as p:
        p.lacks("below /tmp", "cleaned up")
        p.lacks("in memory", "lost at boot")
        p.lacks("document root", "document root")
        p.folder("public_html/state", 0o751)
        p.ini(state=p.path("public_html/state"))
        p.says("document root", "document root", "state_dir = /var/lib")
        os.symlink(p.path("public_html/state"), p.path("link"))
        p.ini(state=p.path("link"))
        p.says("document root behind a link", "document root")
    with open("/proc/mounts", encoding="utf-8") as mounts:
        memory = any(line.split()[1:3] == ["/dev/shm", "tmpfs"] for line in mounts)
    if memory and os.access("/dev/shm", os.W_OK):
        with Place(b, "/dev/shm") as p:
            p.says("in memory", "in memory", "lost at boot")


def test_socket(b, base):
    with Place(b, base) as p:
        path = p.path("s")
        p.ini(f"listen = {path}\nsocket_mode = 0666")
        p.says("socket planned open", "[gateway] socket_mode: every user", "socket_mode = 0660")
        p.ini("listen = 127.0.0.1:9000\nsocket_mode = 0666")
        p.lacks("socket planned open, TCP", "every user")
        p.ini(f"listen = {path}\nsocket_mode = 0660")
        p.lacks("socket planned open", "every user")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            os.chmod(path, 0o666)
            p.says("socket open", "[gateway] listen: every user", f"chmod 0660 {path}")
            os.chmod(path, 0o660)
            p.lacks("socket open", "every user")
            web = [pwd.getpwnam(u) for u in WEB_USERS if u in {e.pw_name for e in pwd.getpwall()}]
            if web and os.geteuid() == 0:
                p.says("socket's group", "is not in the socket's group root", "socket_group = ")
                os.chown(path, 0, web[0].pw_gid)
                p.lacks("socket's group", "socket's group")
        p.ini(f"listen = {path}\nsocket_group = no-such-group")
        p.says("socket_group", "[gateway] socket_group: there is no group", "groupadd --system no-such-group")
        p.ini(f"listen = {path}\nsocket_group = {grp.getgrgid(0).gr_name}")
        p.lacks("socket_group", "no group")


def test_user(b, base):
    with Place(b, base) as p:
        p.ini("user = no-such-user")
        p.says("no user", "[gateway] user: there is no user", "useradd --system no-such-user")
        p.ini("user = root")
        p.says("root", "[gateway] user: the gateway needs none of root's rights")
        p.ini("user = nobody")
        p.lacks("no user", "there is no user")
        p.lacks("root", "root's rights")
        if os.geteuid() == 0:
            p.says("cannot write", "user nobody cannot write in", f"chown nobody {p.state}")
            os.chown(p.state, pwd.getpwnam("nobody").pw_uid, 0)
            p.lacks("cannot write", "cannot write")


def test_pages(b, base):
    shop = "[site.shop]\nhost = shop.example.com\n"
    with Place(b, base) as p:
        p.file("page.html", PAGE)
        p.ini(more=f"{shop}page = page.html")
        found = p.run().stdout
        for path in LOADED:
            b.that(f"page loads {path}",
                   f"page.html loads {path}, which is held itself by site shop: open_path = {path}\n"
                   in found, found)
        for part in NOT_LOADED:
            b.that(f"page does not load {part}", part not in found.replace(p.root, ""), found)
        b.that("nothing else", f"{len(LOADED)} warnings" in found, found)
        p.ini(more=f"{shop}page = page.html\nopen_path = /own/, /*.png, /photo one.jpg")
        p.lacks("assets", "loads")
        p.ini(more=f"{shop}page = page.html\nopen_method = GET")
        p.lacks("assets where GET is open", "loads")
        p.file("page.html", "<p>x")
        p.file("page.de.html", "<img src=/de.png>")
        p.file("page.fr.html", "<img src=/fr.png>")
        p.ini(site="page = page.html")
        p.says("a page by language", "[site] page: page.de.html loads /de.png", "open_path = /de.png")
        p.lacks("a language that is not the site's", "/fr.png")
        p.ini(site="content = <img src=/inline.png>\ncontent.de = <img src=/inline.de.png>")
        p.says("inline", "[site] content: content loads /inline.png", "open_path = /inline.png")
        p.says("inline by language", "content loads /inline.de.png")
        p.ini(site="content = <p>x</p>")
        p.lacks("inline", "loads")
        p.file("page.html", "<img src=" * 1000 + "<!-- " + "<img x='" * 5 + "url(")
        p.ini(site="page = page.html")
        b.that("a torn page", p.run().returncode == 0 and p.run().stderr == "", p.run())


def test_modes(b, base):
    with Place(b, base) as p:
        p.file("page.html", "<p>x")
        p.file("addresses", "192.0.2.0/24\n")
        p.ini(site="page = page.html\nbypass_address_file = addresses")
        p.lacks("modes", "written by others")
        for name, mode in (("warden.ini", 0o646), ("page.html", 0o664), ("addresses", 0o666)):
            os.chmod(p.path(name), mode)
            if name == "page.html":
                p.says(f"{name} writable", f"{p.path(name)} can be written by others", f"chmod go-w {p.path(name)}")
            else:
                p.refuses(f"{name} writable", f"{p.path(name)} can be written by others", f"chmod o-w {p.path(name)}")
            os.chmod(p.path(name), 0o644)
        p.ini(site=f"bypass_secret = {SECRET}")
        p.says("secret", f"{p.ini_path}:6: warning: [site] bypass_secret: ", "can read the secret", "chmod o-r")
        b.that("the secret is not shown", SECRET not in p.run().stdout)
        p.ini(site=f"bypass_secret = {SECRET}", mode=0o640)
        p.lacks("secret, mode 0640", "secret")
        p.ini(site="bypass_secret = sha256:" + "a" * 64)
        p.lacks("secret as digest", "secret")
        p.file("secret", SECRET + "\n")
        p.ini(site="bypass_secret_file = secret")
        p.says("secret's file", "can read the secret", f"chmod o-r {p.path('secret')}")
        os.chmod(p.path("secret"), 0o600)
        p.lacks("secret's file", "can read the secret")


def test_hooks(b, base):
    with Place(b, base) as p:
        hook = p.file("hooks.d/50-mail", "#!/bin/sh\n", 0o755)
        p.folder("hooks.d", 0o755)
        p.lacks("hooks", "hook ")
        os.chmod(hook, 0o644)
        p.says("not executable", hook, "is not executable", f"chmod +x {hook}")
        os.chmod(hook, 0o775)
        p.says("writable hook", hook, "can be written by others", f"chmod go-w {hook}")
        if os.geteuid() == 0:
            os.chmod(hook, 0o755)
            os.chown(hook, pwd.getpwnam("nobody").pw_uid, 0)
            p.says("somebody's hook", hook, "belongs to user", f"chown root {hook}")
        os.chmod(p.path("hooks.d"), 0o777)
        p.says("folder of hooks", "no hook runs", f"chmod go-w {p.path('hooks.d')}")


def test_tickets(b, base):
    with Place(b, base) as p:
        p.ini(more="[site.shop]\nhost = shop.example.com")
        for name in ("state/tickets", "state/tickets/shop", "state/tickets/any", "state/tickets/shop/limited"):
            p.folder(name)
        ticket = p.file(f"state/tickets/shop/{TICKET}", BODY)
        p.lacks("tickets", "warning")
        for name in ("tickets", "tickets/shop", "tickets/shop/limited"):
            os.chmod(p.path("state/" + name), 0o755)
            p.says(f"{name} listed", f"state/{name} can be listed by others", f"chmod 0711 {p.path('state/' + name)}")
            os.chmod(p.path("state/" + name), 0o711)
        os.chmod(p.path("state/tickets/any"), 0o713)
        p.refuses("tickets written", "tickets/any can be written by others",
                  f"chmod o-w {p.path('state/tickets/any')}")
        os.chmod(p.path("state/tickets/any"), 0o711)
        os.chmod(ticket, 0o646)
        p.says("a ticket written", "ticket 8f0c3d2a", "can be written by others and opens nothing", "chmod o-w")
        os.chmod(ticket, 0o600)
        p.says("unreadable ticket", "ticket 8f0c3d2a", "cannot be read by the web server", "/8f0c3d2a*")
        os.chmod(ticket, 0o644)
        p.file(f"state/tickets/shop/{TICKET}", "note = x\n")
        p.says("unsound ticket", "ticket 8f0c3d2a", "no sound body", "wardenctl ticket revoke 8f0c3d2a")
        os.chmod(ticket, 0o600)
        b.that("the ID is not shown", TICKET not in p.run().stdout + p.run("--json").stdout)
        os.remove(ticket)
        p.lacks("tickets without a site", "no [site")
        p.folder("state/tickets/shap")
        p.says("tickets without a site", "there is no [site.shap]", f"rm -r {p.path('state/tickets/shap')}")
        p.file("state/tickets/stray")
        p.says("a file among folders", "nobody looks at", f"rm {p.path('state/tickets/stray')}")


def test_windows_and_flags(b, base):
    window = "[window.{0}]\nstart = 2036-01-01 02:00\nend = 2036-01-01 04:00\n"
    with Place(b, base) as p:
        p.ini(more="[site.shop]\nhost = shop.example.com\n" + window.format("db"))
        p.folder("state/windows.d", 0o755)
        p.file("state/windows.d/later.ini", window.format("later").replace("01-01", "01-02"))
        p.folder("state/flags", 0o755)
        p.file("state/flags/shop.flag", "window = later\nmessage = x\n")
        p.file("state/maintenance.flag")
        p.lacks("windows and flags", "warning")
        p.file("state/windows.d/old.ini.bak")
        p.says("no window", "does not end in .ini", f"rm {p.path('state/windows.d/old.ini.bak')}")
        os.remove(p.path("state/windows.d/old.ini.bak"))
        p.file("state/flags/shap.flag")
        p.says("stray flag", "nobody looks at", f"rm {p.path('state/flags/shap.flag')}")
        os.remove(p.path("state/flags/shap.flag"))
        p.file("state/flags/shop.flag", "window = gone\n")
        p.says("unknown window", "is of window gone, which is not planned", f"rm {p.path('state/flags/shop.flag')}")
        p.file("state/flags/shop.flag", "nonsense\n")
        p.says("broken flag", "flags/shop.flag is not understood", "wardenctl on --site shop")
        os.remove(p.path("state/flags/shop.flag"))
        p.folder("state/flags/shop.flag")
        p.says("a folder as flag", "is no small file", f"rm -r {p.path('state/flags/shop.flag')}")
        os.rmdir(p.path("state/flags/shop.flag"))
        p.lacks("all mended", "warning")


def test_constants(b, base):
    with Place(b, base) as p:
        p.lacks("constants", "always")
        p.ini(site="enabled = on")
        p.says("always on", f"{p.ini_path}:6: note: [site] enabled: maintenance is always on")
        b.that("a note: ok all the same", p.run("--strict").returncode == 0 and p.run().stdout.endswith(": ok\n") and
               p.run("-q").stdout == "", p.run())
        b.that("a note in JSON", len(json.loads(p.run("--json").stdout)["notes"]) == 1)
        p.ini(more="[site.shop]\nhost = shop.example.com\nenabled = off")
        p.says("always off", "note: [site.shop] enabled: maintenance is always off")
        p.ini(site="enabled = on\nenabled_from = environment")
        p.lacks("constants from elsewhere", "always")


def main():
    parser = argparse.ArgumentParser(description="wardenctl check")
    parser.add_argument("--wardenctl", required=True)
    parser.add_argument("--gateway")
    program = os.path.abspath(parser.parse_args().wardenctl)
    os.umask(0o022)
    bench, base = Bench(program), quiet_base()
    if base is None:
        print("no folder outside of /tmp to work in\nctl-check: 0 passed, 1 failed")
        return 1
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test(bench, base)
    print(f"ctl-check: {bench.passed} passed, {bench.failed} failed", flush=True)
    return 0 if bench.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
