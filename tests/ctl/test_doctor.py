# SPDX-License-Identifier: MIT
"""wardenctl doctor: a server that does all right, and one wrong server for each problem that it can find."""
import contextlib
import glob
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

from harness import AS_NOBODY, LIMIT_SECONDS, Checks, Folder, arguments, nobody_can_run, wire

ALLOWED, SECRET = "192.0.2.77", "correct-horse-battery-staple"
OPEN = ("/health", "/robots.txt", "/open")
PAGE = b"<!doctype html><title>Back soon</title>"
HOME = b'<!doctype html><link rel=stylesheet href="/site.css">SITE'
HEADERS = ("Retry-After", "Cache-Control", "Vary", "X-Maintenance")


class Site(http.server.BaseHTTPRequestHandler):
    """A gate and a site in one; `wrong` names what it does badly."""
    protocol_version = "HTTP/1.1"
    state = wrong = seen = None

    def log_message(self, *_):
        pass

    def send(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" or "head-body" in self.wrong:
            self.wfile.write(body)

    def is_on(self):
        return any(os.path.exists(os.path.join(self.state, name)) for name in ("maintenance.flag", "flags/shop.flag"))

    def plain_path(self):
        """Decoded and resolved, or None where it can be read in two ways."""
        raw = self.path.split("?")[0]
        if "raw-prefix" in self.wrong and raw.startswith("/health"):
            return "/health"
        if "raw-folder" in self.wrong and raw.startswith("/open/"):
            return "/open"
        if "two-slashes" in self.wrong and raw.startswith("//"):
            return "/health"
        if not raw.startswith("/") or re.search(r"//|;|\\|%|/\.\.?(/|$)", raw):
            return None
        return raw

    def ticket(self):
        offered = [self.headers.get("X-Maintenance-Ticket")] + \
            re.findall("maintenance_ticket=([0-9a-f]{32})", self.headers.get("Cookie", "") + "&" + self.path)
        for one in offered:
            if one and any(os.path.exists(os.path.join(self.state, "tickets", folder, one))
                           for folder in ("any", "shop")):
                self.seen.append(one)
                return one
        return None

    def is_by_address(self):
        accepted = {name: header for name, header in (("forwarded-for", "X-Forwarded-For"),
                                                      ("underscore", "X_Forwarded_For"), ("dot", "X.Forwarded.For"),
                                                      ("cloud", "CF-Connecting-IP"), ("forwarded", "Forwarded"))}
        return any(name in self.wrong and ALLOWED in (self.headers.get(header) or "")
                   for name, header in accepted.items()) \
            or ("doubled" in self.wrong and len(self.headers.get_all("X-Forwarded-For") or ()) == 2)

    def is_by_secret(self):
        offered = self.headers.get_all("X-Maintenance-Bypass") or []
        if "no-secret" in self.wrong:
            return False
        if "any-of-two" in self.wrong and SECRET in offered or "empty" in self.wrong and offered == [""]:
            return True
        return offered == [SECRET]

    def is_bypassed(self):
        if "parameters" in self.wrong and "WARDEN-MODE" in self.headers:
            return True
        if "rewrite" in self.wrong and self.headers.get("X-Original-URL") == "/health":
            return True
        if self.ticket() is not None and "no-ticket" not in self.wrong:
            return "no-cookie" not in self.wrong or "Cookie" not in self.headers
        return self.is_by_secret() or self.is_by_address()

    def is_passed(self):
        path = self.plain_path()
        if path is not None and any(path == o or path.startswith(o + "/") for o in OPEN):
            return True
        if ("only-index" in self.wrong and path not in (None, "/")) or \
                ("only-pages" in self.wrong and path == "/site.css"):
            return True
        if "answers" in self.wrong:
            return True
        return "cached-site" in self.wrong and "?" not in self.path and path == "/"

    def hold(self):
        headers = {"Retry-After": "600", "Cache-Control": "no-store", "Vary": "Accept", "X-Maintenance": "active; id=x"}
        body, status, wanted = PAGE, 503, "json" in self.headers.get("Accept", "") and "no-json" not in self.wrong
        for name, header, value in (("zero", "Retry-After", "0"), ("date", "Retry-After", "soon"), ("age", "Age", "7"),
                                    ("etag", "ETag", '"x"'), ("public", "Cache-Control", "public"),
                                    ("modified", "Last-Modified", "Sat, 21 Nov 2026 10:00:00 GMT")):
            if name in self.wrong:
                headers[header] = value
        for name in HEADERS:
            if "no-" + name.lower() in self.wrong or ("head-" + name.lower() in self.wrong and self.command == "HEAD"):
                del headers[name]
        if "200" in self.wrong:
            status = 200
        if "head-404" in self.wrong and self.command == "HEAD":
            headers, status = {}, 404
        if self.command == "POST" and "post-405" in self.wrong:
            headers, status = {}, 405
        if self.command == "POST" and "post-302" in self.wrong:
            headers, status = {"Location": "/"}, 302
        kind = ("application/problem+json", b'{"status": 503}') if wanted else ("text/html", body)
        several = [("Retry-After", "600")] if "twice" in self.wrong else []
        self.send(status, kind[1], [("Content-Type", kind[0]), *headers.items(), *several])

    def log_in(self, ticket):
        target = re.sub(r"\?maintenance_ticket=[0-9a-f]*", "", self.path)
        cookie = f"maintenance_ticket={ticket}; Path=/; HttpOnly; SameSite=Lax"
        if "bare-cookie" in self.wrong:
            cookie = f"maintenance_ticket={ticket}"
        self.send(302 if "login-302" in self.wrong else 303, b"",
                  [("Location", self.path if "location" in self.wrong else target), ("Set-Cookie", cookie)])

    def echo(self, body):
        if "half" in self.wrong:
            body = body[:1000]
        answers = {"whole": body, "length": str(len(body)).encode(), "sha1": hashlib.sha1(body).hexdigest().encode(),
                   "sha256": json.dumps({"sha256": hashlib.sha256(body).hexdigest().upper(),
                                         "length": len(body)}).encode(),
                   "mute": b"thank you"}
        status = 413 if "413" in self.wrong else 302 if "echo-302" in self.wrong else 200
        self.send(status, answers[urllib.parse.urlsplit(self.path).query or "sha1"], [("Location", "/")])

    def look_at_processes(self, ticket):
        """A ticket among the arguments of a process can be read by everybody."""
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError), open(path, "rb") as f:
                if ticket.encode() in f.read():
                    self.seen.append("in the arguments")

    def answer(self):
        self.path = self.requestline.split()[1]         # as it was sent
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        on, path = self.is_on(), self.path.split("?")[0]
        if "slow" in self.wrong and on:
            self.seen.append("slow")
            time.sleep(0.2)
        if "redirect" in self.wrong:
            return self.send(301, b"", [("Location", "https://site.example/")])
        if path == "/.maintenance/status" and "no-status" not in self.wrong:
            everywhere = os.path.exists(os.path.join(self.state, "maintenance.flag"))
            return self.send(200, json.dumps({"on": everywhere != ("other-state" in self.wrong)}).encode())
        ticket = self.ticket()
        if ticket is not None:
            self.look_at_processes(ticket)
        if "stays" in self.wrong:
            on = on or bool(self.seen)
        if "502" in self.wrong and not on:
            return self.send(502, b"")
        if "503" in self.wrong and on:
            return self.send(503, b"own page")
        held = on and not self.is_passed() and not self.is_bypassed()
        if held or "always" in self.wrong:
            return self.hold()
        if on and ticket is not None and "maintenance_ticket=" in self.path and "no-link" not in self.wrong:
            return self.log_in(ticket)
        if path == "/echo":
            return self.echo(body)
        if "no-post" in self.wrong and on and self.command == "POST":
            return self.send(405, b"")
        path = os.path.normpath(urllib.parse.unquote(path)).replace("//", "/")
        if path not in ("/", "/site.css", "/shop", "/health"):
            return self.send(404, b"SITE")
        if "Range" in self.headers:
            return self.send(206, HOME[:1], [("Content-Range", f"bytes 0-0/{len(HOME)}")])
        return self.send(200, HOME)

    do_GET = do_HEAD = do_POST = answer


@contextlib.contextmanager
def site(folder, *wrong):
    """The address of a server, and the tickets that it saw."""
    handler = type("Handler", (Site,), {"state": folder.state, "wrong": set(wrong), "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", handler.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def names(result):
    found = result.json()
    return {f["name"] for f in found if f["ok"] is False} if isinstance(found, list) else None


# One wrong server a row: what it does badly while off, or on, and the problems that must be found, no others.
WRONG_OFF = (("always", {"site"}), ("502", {"site"}), ("no-status", {"status-off"}), ("other-state", {"status-off"}))
WRONG_ON = (
    ("200", {"held"}), ("503", {"held"}), ("answers", {"held"}), ("no-x-maintenance", {"held"}),
    ("cached-site", {"held"}),
    ("no-retry-after", {"retry-after"}), ("zero", {"retry-after"}), ("date", {"retry-after"}),
    ("twice", {"retry-after"}),
    ("no-cache-control", {"cache"}), ("public", {"cache"}), ("age", {"cache"}), ("etag", {"cache"}),
    ("modified", {"cache"}),
    ("no-vary", {"vary"}), ("no-json", {"json"}),
    ("head-body", {"head"}), ("head-404", {"head"}), ("head-retry-after", {"head"}),
    ("post-405", {"post"}), ("post-302", {"post"}),
    ("no-status", {"status-on"}), ("other-state", {"status-on"}),
    ("only-index", {"cover"}),
    ("forwarded-for", {"addresses"}), ("underscore", {"addresses"}), ("dot", {"addresses"}), ("doubled", {"addresses"}),
    ("cloud", {"addresses"}), ("forwarded", {"addresses"}),
    ("parameters", {"parameters"}), ("rewrite", {"parameters"}),
    ("any-of-two", {"secret"}), ("empty", {"secret"}), ("no-secret", {"secret"}),
    ("raw-prefix", {"paths"}), ("raw-folder", {"paths"}), ("two-slashes", {"paths"}),
    ("no-ticket", {"ticket"}), ("no-cookie", {"link"}), ("no-link", {"link"}), ("login-302", {"link"}),
    ("bare-cookie", {"link"}), ("location", {"link"}),
    ("half", {"body"}), ("413", {"body"}), ("echo-302", {"body"}),
)
WRONG_TOGGLED = (("stays", {"back"}), ("only-pages", {"cover"}), ("no-post", {"body"}))


def together(rows):
    """As few servers as do: each with one fault of each kind, none that hides another."""
    groups = []
    for wrong, wanted in rows:
        for faults, kinds in groups:
            hides = {"ticket", "link", "body"} & kinds if wanted == {"ticket"} else {"ticket"} & kinds
            if not (wanted | kinds) & {"held"} and not wanted & kinds and \
                    not (hides and wanted & {"ticket", "link", "body"}):
                faults.append(wrong)
                kinds |= wanted
                break
        else:
            groups.append(([wrong], set(wanted)))
    return groups


def write_ini(folder, site_keys="", more=""):
    folder.write_ini(f"[site]\nbypass_address = {ALLOWED}/32\nbypass_secret = {SECRET}\nopen_path = /open/\n"
                     f"{site_keys}{more}")


def left_over(folder):
    tickets = [f for _, _, files in os.walk(os.path.join(folder.state, "tickets")) for f in files]
    return tickets + glob.glob(folder.file("tmp/wardenctl-*/request"))


def test_right(c, folder):
    with site(folder) as (url, seen):
        r = folder.run("doctor", url)
        c.that("off: no problem, and a note that on was not looked at", r.code == 0 and "ok       off:" in r.out and
               "note     maintenance is off" in r.out and "--toggle" in r.out and "\033" not in r.out, r)
        c.equal("off: no ticket is made", seen, [])
        folder.write("state/maintenance.flag", "")
        r = folder.run("doctor", "--json", url)
        c.that("on: no problem", r.code == 0 and names(r) == set(), r)
        c.that("each has the four members", all(set(f) == {"name", "ok", "sentence", "remedy"} for f in r.json()), r)
        c.that("on: a ticket was used, one, and not shown to others", len(set(seen)) == 1 and
               re.fullmatch("[0-9a-f]{32}", seen[0]), set(seen))
        c.equal("on: nothing is left over", left_over(folder), [])
        events = [e["event"] for e in folder.journal()[0]]
        c.equal("on: the journal tells", events, ["ticket-new", "ticket-revoke"])
        c.that("... without the ticket",
               seen[0].encode() not in folder.read(os.path.join(folder.state, "journal.jsonl")))
        c.equal("on: it stays on", folder.read(), b"")
        for what in ("whole", "length", "sha1", "sha256"):
            r = folder.run("doctor", "--echo", f"/echo?{what}", url)
            c.that(f"--echo, {what}", r.code == 0 and "a 1 MB POST arrives" in r.out, r)
        r = folder.run("doctor", "--echo", "/echo?mute", url)
        c.that("--echo that says nothing of the body", r.code == 1 and "PROBLEM  a 1 MB POST does not" in r.out, r)
        r = folder.run("doctor", "-q", url)
        c.equal("quiet", (r.code, r.out, r.err), (0, "", ""))
        folder.clear()


def test_wrong(c, folder):
    for wrong, wanted in WRONG_OFF:
        with site(folder, wrong) as (url, _):
            r = folder.run("doctor", "--json", url)
            c.that(f"off, {wrong}: {wanted}", r.code == 1 and names(r) == wanted, r)
    folder.write("state/maintenance.flag", "")
    for wrong, wanted in together(WRONG_ON):
        with site(folder, *wrong) as (url, _):
            r = folder.run("doctor", "--json", "--echo", "/echo", url)
            found = names(r) or set()
            if wanted == {"held"}:      # what stands behind it may suffer as well
                found &= {"held"}
            c.that(f"on, {wrong}: {wanted}", r.code == 1 and found == wanted, found, r)
            c.that(f"on, {wrong}: what to change", all(f["remedy"] for f in r.json() if f["ok"] is False), r)
    folder.clear()
    for wrong, wanted in WRONG_TOGGLED:
        with site(folder, wrong) as (url, _):
            r = folder.run("doctor", "--json", "--toggle", url)
            c.that(f"toggled, {wrong}: {wanted}", r.code == 1 and names(r) == wanted, r)
            c.that(f"toggled, {wrong}: it is off", folder.read() is None)
    with site(folder, "no-vary") as (url, _):
        folder.write("state/maintenance.flag", "")
        r = folder.run("doctor", "-q", url)
        c.that("quiet: problems alone", r.code == 1 and r.out.startswith("PROBLEM") and "ok " not in r.out, r)
        folder.clear()


def test_toggle(c, folder):
    with site(folder) as (url, _):
        r = folder.run("doctor", "--toggle", "--echo", "/echo", url)
        c.that("--toggle: both states", r.code == 0 and "ok       off:" in r.out and
               "ok       held with 503" in r.out and
               "in maintenance for the seconds of this test" in r.out and "off again" in r.out, r)
        c.that("... and it is off", folder.read() is None and left_over(folder) == [])
        events = folder.journal()[0][-4:]
        c.equal("... and the journal tells", [e["event"] for e in events], ["on", "ticket-new", "ticket-revoke", "off"])
        c.equal("... why", (events[0]["reason"], events[3]["note"]), ("wardenctl doctor --toggle",) * 2)
        r = folder.run("doctor", "--toggle", "--json", url)
        c.that("--toggle --json", r.code == 0 and {"site", "held", "back"} <= {f["name"] for f in r.json()}, r)
        folder.write("state/maintenance.flag", "message = work\n")
        r = folder.run("doctor", "--toggle", url)
        c.that("--toggle while it is on", r.code == 2 and "on already" in r.err and
               folder.read() == b"message = work\n", r)
        folder.clear()
        write_ini(folder, "enabled = off\n")
        r = folder.run("doctor", "--toggle", url)
        c.that("--toggle where flags do not decide", r.code == 2 and "enabled" in r.err and folder.read() is None, r)
        write_ini(folder, more="[site.shop]\npath = /shop/\n")
        seen_on = []
        for words in ((url + "shop/",), ("--site", "shop", url + "shop/")):
            r = folder.run("doctor", "--toggle", "--json", *words)
            seen_on.append((r.code, folder.last().get("event"), folder.last().get("site")))
        c.equal("--toggle is of the URL's site, or of --site", seen_on, [(0, "off", "shop")] * 2)
        write_ini(folder)
    with site(folder, "slow") as (url, seen):
        process = subprocess.Popen([folder.wardenctl, "doctor", "--toggle", url], env=folder.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wire.wait_until(lambda: "slow" in seen, "maintenance", process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=LIMIT_SECONDS)
        c.that("a signal ends maintenance", process.returncode == 3 and b"signal" in err and folder.read() is None and
               left_over(folder) == [], process.returncode, err)
    with site(folder, "slow") as (url, seen):
        process = subprocess.Popen([folder.wardenctl, "doctor", "--toggle", url], env=folder.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wire.wait_until(lambda: "slow" in seen, "maintenance", process)
        folder.run("on", "--reason", "a real fault")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=LIMIT_SECONDS)
        c.that("maintenance that somebody else begins meanwhile is not ended", process.returncode == 3 and
               b"stays ON" in err and folder.body().get("reason") == "a real fault", process.returncode, err)
        folder.clear()


def test_notes(c, folder):
    """What cannot be seen is said."""
    with site(folder) as (url, _):
        folder.write("state/maintenance.flag", "")
        for keys, wanted in (("tickets = off\n", "tickets = off"), ("status = 429\n", "429")):
            write_ini(folder, keys)
            r = folder.run("doctor", url)
            c.that(f"note: {wanted}", any(line.startswith("note") and wanted in line for line in r.out.splitlines()), r)
        folder.write_ini("[site]\n")
        r = folder.run("doctor", url)
        c.that("note: no bypass_address", r.code == 0 and "bypass_address is empty" in r.out, r)
        write_ini(folder)
        if nobody_can_run("doctor"):
            r = folder.run("doctor", url, prefix=AS_NOBODY)
            c.that("note: no ticket without the right to make one", r.code == 0 and "no ticket can be made" in r.out and
                   "sudo" in r.out and r.err == "", r)
        folder.write("state/bypass.off", "")
        r = folder.run("doctor", url)
        c.that("note: bypass.off", r.code == 0 and "suspended" in r.out, r)
        folder.clear()
    for keys, flag, url_path, wanted in (("share = 100\n", "", "", "share"), ("", "", "open/x", "always open")):
        with site(folder, "answers") as (url, _):
            write_ini(folder, keys)
            folder.write("state/maintenance.flag", flag)
            r = folder.run("doctor", url + url_path)
            c.that(f"why the site answers: {wanted}", r.code == 1 and wanted in r.out, r)
            folder.clear()
    write_ini(folder)
    with site(folder, "answers") as (url, _):
        folder.write_ini("[site]\nbypass_address = 127.0.0.0/8\n")
        folder.write("state/maintenance.flag", "")
        r = folder.run("doctor", url)
        c.that("why the site answers: this machine is let in", r.code == 1 and
               "127.0.0.1 is in bypass_address" in r.out, r)
        folder.clear()
    write_ini(folder)


def test_usage(c, folder):
    for what, words, wanted in (
            ("no URL", (), "usage"), ("two URLs", ("http://a/", "http://b/"), "usage"),
            ("no scheme", ("shop.example.com",), "expected a URL"), ("another scheme", ("ftp://a/",), "expected a URL"),
            ("no host", ("http:///x",), "host"), ("a query", ("http://a/?x=y",), "query"),
            ("a user", ("http://me@a/",), "user"), ("a blank", ("http://a/ b",), "blanks"),
            ("an echo that is no path", ("--echo", "echo", "http://a/"), "--echo"),
            ("a site that is not there", ("--site", "gone", "http://a/"), "no site"),
            ("an option that is none", ("--perhaps", "http://a/"), "no option")):
        r = folder.run("doctor", *words)
        c.that(f"used wrongly: {what}", r.code == 2 and wanted in r.err and r.out == "", r)
    with site(folder, "redirect") as (url, _):
        r = folder.run("doctor", url)
        c.that("a redirect elsewhere", r.code == 2 and "https://site.example/" in r.err, r)
    url = f"http://127.0.0.1:{wire.free_port()}/"
    r = folder.run("doctor", url)
    c.that("a server that is not there", r.code == 3 and "cannot reach" in r.err and "connect" in r.err, r)
    r = folder.run("doctor", "--toggle", url)
    c.that("... is not put into maintenance", r.code == 3 and folder.read() is None, r)
    folder.write_ini("[site]\n", state=folder.file("gone"))
    r = folder.run("doctor", url)
    c.that("a state folder that is not there", r.code == 3 and "mkdir" in r.err, r)
    write_ini(folder)
    r = folder.run("doctor", url, env={"PATH": "/nonexistent"})
    c.that("no curl", r.code == 3 and "needs the program curl" in r.err, r)


def main():
    args = arguments(__doc__)
    c = Checks("doctor")
    if shutil.which("curl") is None:
        c.that("curl is missing: apt-get install curl", False)
        return c.end()
    folder = Folder(args)
    try:
        write_ini(folder)
        for test in (test_right, test_wrong, test_toggle, test_notes, test_usage):
            test(c, folder)
    finally:
        folder.close()
    return c.end()


if __name__ == "__main__":
    sys.exit(main())
