# SPDX-License-Identifier: MIT
"""explain, render and plan.  Usage: test_explain.py PATH-TO-WARDENCTL, or --wardenctl PATH [--gateway PATH]"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

SECRET, OFFERED = "correct-horse-battery-staple", "wrong-horse-battery-staple"
TICKET, LIMITED, UNKNOWN = "8f0c3d2a" + "0" * 24, "1" * 32, "2" * 32
SITE = "https://shop.example.com"
INI = f"""[gateway]
state_dir = state
trusted_proxies = 10.9.0.0/16
[site]
time_zone = Europe/Berlin
bypass_address = 10.0.0.0/8, 10.1.0.0/16, 2001:db8::/32
bypass_secret = {SECRET}
bypass_user = anna
open_path = /hook/, /s/*.css
[site.shop]
host = shop.example.com
[site.blog]
host = shop.example.com
path = /blog/
open_method = OPTIONS
[site.other]
host = *.other.example
languages = en
[window.later]
site = other
start = 2090-01-01 02:00
end = 2090-01-01 04:00
"""
KEYS = {"verdict", "reason", "rule", "site", "client", "checks", "status", "retry_after", "at"}
ORDER = ["endpoint", "off", "path", "method", "address", "header", "user", "ticket", "share"]


class Bench:
    def __init__(self, program):
        self.program, self.passed, self.failed = os.path.abspath(program), 0, 0
        self.root = tempfile.mkdtemp(prefix="warden-explain-")
        for folder in ("flags", "tickets/any/limited"):
            os.makedirs(os.path.join(self.root, "state", folder))
        self.file("warden.ini", INI)
        self.file(f"state/tickets/any/{TICKET}", "until = 2089-01-01T00:00:00Z\n")
        self.file(f"state/tickets/any/limited/{LIMITED}", "until = 2089-01-01T00:00:00Z\npaths = /admin/\n")

    def that(self, what, ok, found=""):
        self.passed += bool(ok)
        self.failed += not ok
        if not ok:
            print(f"FAIL {what}\n     {found}", flush=True)

    def path(self, name):
        return os.path.join(self.root, name)

    def file(self, name, text=""):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)

    def remove(self, *names):
        for name in names:
            os.remove(self.path(name))

    def run(self, *words, ini="warden.ini"):
        """Whatever is asked: no secret, nothing that was offered for one, no trouble of the program itself."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("WARDEN_", "MAINTENANCE_"))}
        done = subprocess.run([self.program, "-c", self.path(ini), *words], capture_output=True, text=True, timeout=60,
                              env=env, cwd=self.root, check=False)
        told = done.stdout + done.stderr
        self.that(f"no secret is told: {words}",
                  not any(s in told for s in (SECRET, OFFERED, TICKET, LIMITED, UNKNOWN)), told)
        self.that(f"ends in peace: {words}", done.returncode in (0, 1, 2, 3) and "Sanitizer" not in told and
                  "runtime error" not in told, done)
        return done

    def explain(self, *words, verdict="hold", reason=None, why=(), **more):
        """`why`: parts of the deciding check's row, or of (name, part)."""
        done = self.run("explain", *words, "--json")
        try:
            got = json.loads(done.stdout)
        except ValueError:
            self.that(f"JSON: {words}", False, done)
            return {}
        checks = {c["name"]: c for c in got["checks"]}
        self.that(f"{words}: {verdict} {reason}", got["verdict"] == verdict and got["reason"] == (reason or verdict) and
                  done.returncode == (0 if verdict == "pass" else 1) and KEYS <= set(got), done.stdout)
        self.that(f"{words}: the checks in order, up to the deciding one", [c["name"] for c in got["checks"]] ==
                  ORDER[:len(checks)] and (len(checks) == 9 or got["checks"][-1]["outcome"] == "yes"), done.stdout)
        for name, part in why:
            self.that(f"{words}: {name}: {part}", part in checks.get(name, {}).get("why", ""), done.stdout)
        for key, value in more.items():
            self.that(f"{words}: {key}", got.get(key) == value, done.stdout)
        return got

    def wrong(self, what, part, *words, code=2):
        done = self.run(*words)
        self.that(f"{what}: exit {code}, and says {part}", done.returncode == code and part in done.stderr and
                  done.stdout == "", done)


def test_off(b):
    b.explain("GET", SITE + "/", verdict="pass", reason="off", site="shop", status=200, retry_after=None,
              why=[("off", "neither flags/shop.flag nor maintenance.flag")])
    b.explain("/x", verdict="pass", reason="off", site=None, client="127.0.0.1")
    b.explain("GET", "/.maintenance/status", verdict="pass", reason="endpoint")


def test_windows(b):
    url = "http://a.other.example/"
    got = b.explain(url, "--at", "2090-01-01 02:59", site="other", status=503, at="2090-01-01T01:59:00Z",
                    why=[("off", "window later is in force")])
    b.that("the end of the window, for clients", 3660 <= got["retry_after"] <= 3690, got)
    b.explain(url, "--at", "2090-01-01 04:00", verdict="pass", reason="off", why=[("off", "no window is in force")])
    b.explain(url, verdict="pass", reason="off")


def test_words(b):
    b.file("state/flags/shop.flag", "until = 2089-01-01T00:00:00Z\nsince = 2026-01-01T00:00:00Z\n")
    done = b.run("explain", "GET", SITE + "/cart", "--from", "198.51.100.7")
    lines = done.stdout.split("\n")
    b.that("the answer first", lines[0] == "HOLD  nobody lets this request pass (site shop, flag flags/shop.flag)",
           done)
    b.that("the client", lines[1].startswith("  client 198.51.100.7, the peer itself (") and
           "X-Forwarded-For is not read" in lines[1], done)
    for number, begin in enumerate((
            "  maintenance is off        no    flags/shop.flag exists since 2026-01-01 01:00 CET",
            "  path is always open       no    /cart matches none of 8 open paths",
            "  method is open            no    mode is full",
            "  address is allowed        no    not in bypass_address (3 networks)",
            "  header has the secret     no    X-Maintenance-Bypass is absent",
            "  user is allowed           no    WARDEN_USER is absent",
            "  ticket is valid           no    no ticket came with the request",
            "  admitted by share         no    share = 0",
            "  answer 503, text/html, Retry-After ")):
        b.that(f"line {number + 2}", lines[number + 2].startswith(begin), lines[number + 2:])
    b.that("and no more", len(lines) == 12 and lines[11] == "" and done.returncode == 1, done)
    done = b.run("explain", SITE + "/", "--from=10.1.2.3")
    b.that("a pass with its rule", done.returncode == 0 and done.stdout.startswith(
        "PASS  address is allowed (site shop, rule 1: 10.1.0.0/16)\n") and "secret" not in done.stdout and
        done.stdout.endswith("  answer 200: the server goes on with the request\n"), done)
    b.that("quiet", b.run("-q", "explain", SITE + "/").stdout == "")


def test_checks(b):
    head = SITE + "/cart"
    b.explain(head, client="127.0.0.1", site="shop", rule=None)
    b.explain("POST", SITE + "/hook/x", verdict="pass", reason="path", rule=0, why=[("path", "/hook/")])
    b.explain(SITE + "/s/a.css", verdict="pass", reason="path", rule=1)
    b.explain(SITE + "/health", verdict="pass", reason="path", rule=None, why=[("path", "open_defaults")])
    b.explain("POST", SITE + "/health", why=[("path", "GET and HEAD only")])
    b.explain("HEAD", head, status=503)
    b.explain("FOO", head)
    b.explain(head, "--from", "2001:db8::5", verdict="pass", reason="address", rule=2, client="2001:db8::5")
    b.explain(head, "--user", "anna", verdict="pass", reason="user", rule=0)
    b.explain(head, "--param", "WARDEN_USER=anna", verdict="pass", reason="user")
    b.explain(head, "--user", "bob", why=[("user", "bob is not in bypass_user (1 user)")])
    b.explain(head, "--header", "Accept: application/json", content_type="application/problem+json")
    b.explain(head, "--header", "Accept: image/png", content_type=None)
    b.explain(head, "--param", "WARDEN_HOLD_STATUS=403", status=403)
    b.explain(SITE + "/blog/", site="blog", verdict="pass", reason="off")
    b.explain("/cart", "--site", "shop", site="shop")
    b.explain("/cart", "--header", "Host: shop.example.com", site="shop")
    b.explain("http://x.example/cart", "--header", "Host: shop.example.com", site="shop", ambiguous=False)
    b.explain("HTTPS://SHOP.example.com:443?x#y", site="shop", ambiguous=False)


def test_secrets(b):
    head, name = SITE + "/cart", "X-Maintenance-Bypass: "
    b.explain(head, "--header", name + SECRET, verdict="pass", reason="header", why=[("header", "matches")])
    b.explain(head, f"--header={name}{SECRET}", verdict="pass", reason="header")
    b.explain(head, "--header", name + OFFERED, why=[("header", "does not match")])
    b.explain(head, "--header", name, why=[("header", "is empty")])
    b.explain(head, *["--header", name + SECRET] * 2, why=[("header", "more than once")])
    b.explain(head, "--header", f"Cookie: maintenance_ticket={TICKET}", verdict="pass", reason="ticket", status=200,
              why=[("ticket", "8f0c3d2a... is valid until 2089-01-01 01:00 CET")])
    b.explain(f"{head}?maintenance_ticket={TICKET}", verdict="pass", reason="ticket", status=303)
    b.explain(f"{SITE}/%2e/?maintenance_ticket={TICKET}", why=[("ticket", "no ticket came")])
    b.explain(head, "--header", f"X-Maintenance-Ticket: {UNKNOWN}", why=[("ticket", "22222222... is not valid here")])
    b.explain(head, "--header", f"X-Maintenance-Ticket: {LIMITED}", why=[("ticket", "11111111... is for /admin/ only")])
    b.explain(SITE + "/admin/x", "--header", f"X-Maintenance-Ticket: {LIMITED}", verdict="pass", reason="ticket")
    b.explain(head, "--header", "X-Maintenance-Ticket: nonsense", why=[("ticket", "no ticket's ID")])
    b.explain(head, "--at", "2089-01-02 00:00", "--header", f"X-Maintenance-Ticket: {TICKET}",
              why=[("ticket", "unknown, revoked or over")])
    b.run("explain", f"{head}?maintenance_ticket={TICKET}")


def test_clients(b):
    head, proxy = SITE + "/", ("--from", "10.9.1.1")
    b.explain(head, *proxy, verdict="pass", reason="address", client="10.9.1.1")
    b.explain(head, *proxy, "--header", "X-Forwarded-For: 192.0.2.1, 10.9.2.2", client="192.0.2.1")
    b.explain(head, *proxy, "--header", "X-Forwarded-For: 192.0.2.1, junk", client=None,
              why=[("address", "there is no client address")])
    b.explain(head, "--from", "192.0.2.9", "--header", "X-Forwarded-For: 10.1.1.1", client="192.0.2.9")
    for words, part in (((), "taken from X-Forwarded-For, which the trusted proxy 10.9.1.1 sent"),
                        (("--header", "X-Forwarded-For: 192.0.2.2", "--param", "SERVER_SOFTWARE=lighttpd/1.4"),
                         "came more than once"),
                        (("--param", "SERVER_SOFTWARE=Caddy"), "under Caddy's FastCGI")):
        done = b.run("explain", head, *proxy, "--header", "X-Forwarded-For: 192.0.2.1", *words)
        b.that(f"the client's words: {part}", part in done.stdout, done)


def test_odd(b):
    for target in ("/hook/%2e%2e/x", "/a//b", "/hook/..%2fx", "/a;b", "/%zz"):
        b.explain(SITE + target, site="shop", ambiguous=True, why=[("path", "no rule opens it")])
    done = b.run("explain", SITE + "/blog/..%2fx")
    b.that("odd: said plainly", "others may read this path differently: no path rule opens it, every site of the host "
           "counts" in done.stdout and "asked: " in done.stdout, done)
    b.explain("*", ambiguous=True, verdict="pass", reason="off")
    b.explain(SITE + "/", "--header", "Host: a", "--header", "Host: b", ambiguous=True, site="shop")


def test_modes(b):
    b.file("state/flags/shop.flag", "mode = read-only\nshare = 40\n")
    b.explain("GET", SITE + "/", verdict="pass", reason="method", why=[("method", "mode is read-only")])
    b.file("state/flags/shop.flag", "id = m1\nshare = 40\n")
    verdicts = {b.run("explain", SITE + "/", "--from", f"203.0.113.{n}").stdout[:24] for n in range(20)}
    b.that("some are admitted by share", verdicts == {"PASS  admitted by share ", "HOLD  nobody lets this r"}, verdicts)
    b.file("state/flags/shop.flag", "share = 100\n")
    b.explain(SITE + "/", "--from", "203.0.113.250", verdict="pass", reason="share",
              why=[("share", "share = 100, and this client's place is ")])
    b.file("state/flags/shop.flag")
    b.file("state/bypass.off")
    got = b.explain(SITE + "/", "--from", "10.1.1.1", "--user", "anna", why=[("address", "bypass.off exists")])
    b.that("suspended", [c["outcome"] for c in got["checks"]] == ["no"] * 4 + ["suspended"] * 4 + ["no"], got)
    b.remove("state/bypass.off")
    b.file("state/flags/shop.flag", "nonsense\n")
    b.explain(SITE + "/", why=[("off", "not all of it is understood")])
    b.file("state/flags/shop.flag", "until = 2020-01-01T00:00:00Z\n")
    b.explain(SITE + "/", why=[("off", "its end is over")])
    b.file("lift.ini", INI.replace("[site]\n", "[site]\non_overrun = lift\n"))
    done = b.run("explain", SITE + "/", ini="lift.ini")
    b.that("lifted", done.returncode == 0 and "on_overrun = lift" in done.stdout, done)
    b.remove("state/flags/shop.flag")
    for key, words, code, part in (
            ("enabled = on", (), 1, "enabled = on"), ("enabled = off", (), 0, "enabled = off"),
            ("enabled_from = parameter", (), 0, "the server may say otherwise"),
            ("enabled_from = parameter", ("--param", "MAINTENANCE_MODE=true"), 1, "the server's parameter"),
            ("state_dir", (), 1, "the state cannot be read, and on_unknown = last")):
        b.file("more.ini", INI.replace("state_dir = state", "state_dir = gone") if key == "state_dir" else
               INI.replace("[site]\n", f"[site]\n{key}\n"))
        done = b.run("explain", SITE + "/", *words, ini="more.ini")
        b.that(f"{key} {words}", done.returncode == code and part in done.stdout, done)


def test_wrong(b):
    b.wrong("nothing", "usage: wardenctl explain", "explain")
    b.wrong("too much", "usage: wardenctl explain", "explain", "GET", "/", "/")
    b.wrong("a method alone", "expected a URL", "explain", "GET")
    b.wrong("a small method", "capitals", "explain", "get", "/")
    b.wrong("another scheme", "expected a URL", "explain", "ftp://x/")
    b.wrong("no host", "expected a host", "explain", "https:///x")
    b.wrong("a user in the URL", "expected a host", "explain", "https://anna@shop.example.com/")
    b.wrong("a blank", "%20", "explain", "/a b")
    b.wrong("a name as address", "one address", "explain", "/", "--from", "localhost")
    b.wrong("a network as address", "one address", "explain", "/", "--from", "10.0.0.0/8")
    b.wrong("a time", "expected a time", "explain", "/", "--at", "soon")
    b.wrong("a site", "shop, blog, other", "explain", "/", "--site", "shap")
    b.wrong("a header without colon", "Name: value", "explain", "/", "--header", SECRET)
    b.wrong("a header without name", "Name: value", "explain", "/", "--header", ": x")
    b.wrong("a header's name with a blank", "Name: value", "explain", "/", "--header", f"a b: {OFFERED}")
    b.wrong("a header with a line end", "Name: value", "explain", "/", "--header", f"a: b\r\nc: {OFFERED}")
    b.wrong("a header that is missing", "--header wants", "explain", "/", "--header")
    b.wrong("a parameter", "WARDEN_USER", "explain", "/", "--param", "REMOTE_USER=anna")
    b.wrong("an option", "no option", "explain", "/", "--form", "x")
    done = b.run("explain", "--help")
    b.that("help", all(w in done.stdout for w in ("--from", "--header", "--user", "--at", "--json")), done)


def test_render(b):
    before = sorted(os.listdir(b.path("state")))
    done = b.run("render", "--site", "shop")
    b.that("render", done.returncode == 0 and done.stdout.startswith("<!doctype html>") and "Expected back" in
           done.stdout, done)
    b.that("render: German text", "Kennung" in b.run("render", "--type", "text", "--language", "de").stdout)
    got = json.loads(b.run("render", "--type", "json").stdout)
    b.that("render: problem+json", got["status"] == 503, got)
    whole = json.loads(b.run("render", "--json", "--at", "2030-01-01 12:00").stdout)
    b.that("render: JSON", set(whole) == {"status", "headers", "body"} and whole["status"] == 503 and
           "until=2030-01-01T12:00:00Z" in whole["headers"]["X-Maintenance"] and
           3600 <= int(whole["headers"]["Retry-After"]) <= 3660 and "<!doctype html>" in whole["body"],
           whole["headers"])
    b.that("render: overrun", "still working" in b.run("render", "--overrun", "--type", "text").stdout)
    done = b.run("render", "--output", b.path("page.html"))
    size = os.path.getsize(b.path("page.html"))
    b.that("render: to a file", done.stdout == f"wrote {b.path('page.html')} ({size} bytes, text/html, 503)\n", done)
    b.that("render: through a device", "<!doctype html>" in b.run("render", "-q", "--output", "/dev/stdout").stdout)
    b.that("render: /dev/null stays", b.run("render", "--output", "/dev/null").returncode == 0 and
           not os.path.isfile("/dev/null"))
    b.that("render: nothing is turned on", sorted(os.listdir(b.path("state"))) == before)
    b.file("state/maintenance.flag", "message = Moving <house>\nuntil = 2089-01-01T00:00:00Z\nid = m1\n")
    done = b.run("render", "--json", "--site", "other")
    b.that("render: what the flag says", "Moving &lt;house&gt;" in done.stdout and "id=m1" in done.stdout, done)
    b.that("render: overrun of a flag", "2089" not in b.run("render", "--overrun").stdout)
    b.remove("state/maintenance.flag")
    b.wrong("render: a language", "en, de", "render", "--language", "fr")
    b.wrong("render: a language of another site", "the languages are: en\n", "render", "--language", "de", "--site",
            "other")
    b.wrong("render: a type", "html, json, text", "render", "--type", "pdf")
    b.wrong("render: a time", "expected a time", "render", "--at", "soon")
    b.wrong("render: a site", "no site", "render", "--site", "shap")
    b.wrong("render: no such folder", "cannot write", "render", "--output", b.path("gone/x"), code=3)


def test_plan(b):
    done = b.run("plan", b.path("warden.ini"))
    b.that("plan: itself", done.returncode == 0 and done.stdout.startswith("decided as if maintenance were on") and
           " requests, 0 differ\n" in done.stdout, done)
    new = b.file("new.ini", INI.replace("10.1.0.0/16", "192.0.2.0/24").replace(", /s/*.css", "").replace(
        "anna", "berta").replace("trusted_proxies = 10.9.0.0/16", "trusted_proxies = 203.0.113.0/24").replace(
        "[site.blog]\n", "[site.blog]\nstatus = 429\n"))
    done = b.run("plan", new)
    for line in (f"GET {SITE}/ from 192.0.2.0: hold -> pass (address)", "GET /s/x.css from ",
                 "user anna: pass (user) -> hold",
                 f"POST {SITE}/blog/ from ", "hold, status 503 -> hold, status 429", "header X-Forwarded-For: "):
        b.that(f"plan: {line}", done.returncode == 1 and line in done.stdout, done)
    b.that("plan: a site of its own", b.run("plan", new, "--site", "blog").stdout.count(f" {SITE}/ ") == 0)
    moved = b.file("moved.ini", INI.replace("[site.blog]\nhost = shop", "[site.blog]\nhost = blog").replace(
        "[site.other]", "[site.new]\nhost = new.example\nenabled = off\n[site.other]"))
    done = b.run("plan", moved, "--json")
    got = json.loads(done.stdout)
    b.that("plan: JSON", got["forced_on"] and got["requests"] > got["differ"] == len(got["differences"]) > 0, got)
    b.that("plan: another site, never on", any(
        d["after"] == {"verdict": "pass", "reason": "off", "site": "new", "status": 200} and d["before"]["site"] is None
        for d in got["differences"]), got)
    b.that("plan: words of another site", "site blog -> hold, site shop" in b.run("plan", moved).stdout)
    b.that("plan: its flags do not matter", b.run("plan", b.path("warden.ini")).returncode == 0)


def test_list(b):
    new = b.path("new.ini")
    b.file("list", f"# ours\n\nGET {SITE}/ from 192.0.2.9   # new\r\n{SITE}/ user \"berta\"\n"
           f"GET {SITE}/?maintenance_ticket={TICKET} from 192.0.2.9\n"
           f"POST {SITE}/ header \"X-Maintenance-Bypass: {SECRET}\" header \"Accept: text/plain\"\n")
    done = b.run("plan", new, "--requests", "list")
    b.that("plan: a list", done.returncode == 1 and done.stdout.endswith("4 requests, 3 differ\n") and
           "user berta: hold -> pass (user)" in done.stdout and "?maintenance_ticket=... from" in done.stdout, done)
    for what, line, part in (("no URL", "GET", "expected a URL"), ("a word", "GET / to 1.2.3.4", "expected METHOD URL"),
                             ("a quote", 'GET / header "Accept: x', "quote is left open"),
                             ("an address", "GET / from x", "one address"),
                             ("a header", f"GET / header {SECRET}", "Name:"),
                             ("a value", "GET / from", "expected METHOD URL"), ("a method", "Get /", "expected a URL")):
        b.file("list", f"GET /\n{line}\n")
        b.wrong(f"plan: {what}", "list:2: ", "plan", new, "--requests", "list")
        b.wrong(f"plan: {what}", part, "plan", new, "--requests", "list")
    b.wrong("plan: no list", "cannot read", "plan", new, "--requests", "gone")
    b.wrong("plan: no file", "gone.ini", "plan", "gone.ini")
    b.file("bad.ini", INI.replace("[site.shop]\n", "[site.shop]\nbypass_adress = 1.2.3.4\n"))
    b.wrong("plan: errors with their places", "bad.ini:11: [site.shop] bypass_adress", "plan", "bad.ini")
    b.wrong("plan: nothing", "usage: wardenctl plan", "plan")
    b.wrong("plan: a site", "no site", "plan", new, "--site", "shap")


def main():
    parser = argparse.ArgumentParser(description="wardenctl explain, render and plan")
    parser.add_argument("program", nargs="?")
    parser.add_argument("--wardenctl")
    parser.add_argument("--gateway")
    args = parser.parse_args()
    bench = Bench(args.wardenctl or args.program or "wardenctl")
    try:
        for test in (test_off, test_windows, test_words, test_checks, test_secrets, test_clients, test_odd, test_modes,
                     test_wrong, test_render, test_plan, test_list):
            test(bench)
    finally:
        shutil.rmtree(bench.root, ignore_errors=True)
    print(f"ctl-explain: {bench.passed} passed, {bench.failed} failed", flush=True)
    return 0 if bench.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
