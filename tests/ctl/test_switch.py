#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wardenctl on, off, toggle, status, until, message, step, bypass, ticket: each option, what is refused, and what the
running gateway answers after each.

usage: test_switch.py --wardenctl PATH --gateway PATH
"""
import json
import os
import shutil
import stat
import sys

from harness import AS_NOBODY, Checks, Folder, arguments, fastcgi, moment, nobody_can_run, parse_flag, utc

SITES = """[site]
title = Switch test
ticket_max = 3h
url = https://www.example.com/
bypass_address = 127.0.0.2/32
[site.shop]
path = /shop/
url = https://www.example.com/shop/
[site.blog]
path = /blog/
[profile.emergency]
message = Something broke
title = Emergency
for = 45m
mode = read-only
share = 5
status = 500
[profile.owned]
owner = bob
reason = as planned
"""
KEYS = ("on", "site", "source", "id", "mode", "since", "until", "message", "step", "bypass_off", "overrun")
NEAR = 20                       # seconds that a busy machine may take between two looks at the clock
HOSTILE = ("a; b", "# c", 'say "hello"', "it's so", 'mixed "x"; # y', "Grüße — 你好 🚧", "  blanks around  ", "= x = y",
           "[site]", "x" * 900, "back\\slash", "{{message}} <b>&amp;</b>", "100 %s %n %d")


class Tests:
    def __init__(self, folder, checks):
        self.f, self.checks = folder, checks
        self.that, self.equal = checks.that, checks.equal
        self.f.write_ini(SITES)

    def run(self, *words, code=0, **more):
        """Runs it; anything but the expected exit code is a failure of its own."""
        result = self.f.run(*words, **more)
        if result.code != code:
            self.that(f"{' '.join(words)[:100]}: exit {code}", False, result)
        return result

    def gateway(self, what, status, target="/x", *parameters):
        found = self.f.status(target, *parameters)
        return self.that(f"{what}: the gateway answers {status}", found == status, f"found {found}")

    def refused(self, what, words, code, *texts, **more):
        """Exit code and words of an error, and the flag untouched."""
        before = self.f.read()
        result = self.f.run(*words, **more)
        self.that(what, result.code == code and all(t in result.err for t in texts) and self.f.read() == before,
                  result, f"wanted exit {code} and {texts}", f"flag before {before!r}, after {self.f.read()!r}")
        return result

    def near(self, text, seconds):
        """Whether an RFC 3339 time is `seconds` from now."""
        return abs(moment(text) - moment(utc(seconds))) <= NEAR

    # --- on ---

    def on_plain(self):
        self.gateway("nothing there", 200)
        result = self.run("on")
        self.that("on says so", "maintenance is ON" in result.out and "every site" in result.out and
                  "without a planned end" in result.out and "wardenctl off" in result.out, result)
        body = self.f.body()
        self.that("on: id, since and owner", body is not None and set(body) == {"id", "since", "owner"} and
                  self.near(body["since"], 0), body)
        self.equal("on: mode of the flag", stat.S_IMODE(os.stat(self.f.flag).st_mode), 0o644)
        self.gateway("on", 503)
        self.gateway("on, a site's path", 503, "/shop/x")
        record = self.f.last()
        self.that("on: journal", record.get("event") == "on" and record["site"] is None and
                  record["id"] == body["id"] and record["since"] == body["since"] and record["until"] is None and
                  record["by"] and record["uid"] == os.getuid(), record)
        self.equal("the journal is for its group at most", stat.S_IMODE(os.stat(self.f.file("state/journal.jsonl"))
                   .st_mode) & 0o027, 0)

    def on_again(self):
        before = self.f.body()
        self.run("on", "--message", "Second")
        after = self.f.body()
        self.equal("on again keeps id and since", (after["id"], after["since"]), (before["id"], before["since"]))
        self.equal("on again changes what is given", after.get("message"), "Second")
        self.run("on", "--title", "Heading")
        self.equal("on again keeps what is not given", (self.f.body().get("message"), self.f.body().get("title")),
                   ("Second", "Heading"))
        answer = self.f.ask("/x")
        self.that("the page shows them", b"Second" in answer and b"Heading" in answer, answer[-400:])
        self.that("and the marker has the id", before["id"].encode() in answer.split(b"\r\n\r\n")[0], answer[:400])

    def on_options(self):
        self.f.clear()
        result = self.run("on", "--for", "1h30m", "--message", "M", "--title", "T", "--mode", "read-only", "--owner",
                          "anna", "--reason", "R", "--change", "CHG-1", "--share", "0")
        body = self.f.body()
        self.equal("all options", {k: v for k, v in body.items() if k not in ("id", "since", "until")},
                   {"message": "M", "title": "T", "mode": "read-only", "owner": "anna", "reason": "R",
                    "change": "CHG-1", "share": "0"})
        self.that("--for", moment(body["until"]) - moment(body["since"]) == 5400, body)
        self.that("--for is said", "planned until" in result.out and "reading passes" in result.out, result)
        record = self.f.last()
        self.equal("all options in the journal", [record.get(k) for k in ("until", "mode", "message", "owner",
                   "reason", "change")], [body["until"], "read-only", "M", "anna", "R", "CHG-1"])
        self.gateway("read-only, reading", 200)
        put = [(n, "PUT" if n == "REQUEST_METHOD" else v) for n, v in fastcgi.GOOD]
        self.equal("read-only, writing", fastcgi.status(fastcgi.send(
            self.f.socket, fastcgi.whole(put, fastcgi.AUTHORIZER), finish=False)), 503)
        self.run("on", "--mode=full", "--share=100")
        self.equal("--name=value", (self.f.body()["mode"], self.f.body()["share"]), ("full", "100"))
        self.gateway("a share of 100 percent", 200)
        self.f.clear()
        self.run("on", "--until", utc(7200))
        self.that("--until with an offset", self.near(self.f.body()["until"], 7200), self.f.body())
        self.f.clear()
        self.run("on", "--until", utc(7200)[:16].replace("T", " "))
        self.that("--until in the zone", -61 <= moment(self.f.body()["until"]) - moment(utc(7200)) <= NEAR,
                  self.f.body())
        self.run("on", "--until", "+2h")
        self.that("--until with a span", self.near(self.f.body()["until"], 7200), self.f.body())
        self.run("on", "--until", "04:00")
        until = self.f.body()["until"]
        self.that("--until with a time of day is the next one", until.endswith("T04:00:00Z") and
                  0 < moment(until) - moment(utc()) <= 86400 + NEAR, until)
        self.f.clear()
        found = self.run("on", "--json", "--message", "J").json()
        self.equal("on --json", (found.get("on"), found.get("site"), found.get("until"), found.get("id")),
                   (True, None, None, self.f.body()["id"]))
        self.equal("on --quiet says nothing", self.run("on", "--quiet").out, "")
        self.equal("-q too", self.run("on", "-q").out, "")

    def on_refused(self):
        self.f.clear()
        for what, words, texts in (
                ("--for and --until", ("--for", "1h", "--until", "+1h"), ("one of them",)),
                ("--for with a word", ("--for", "soon"), ("--for soon", "30m")),
                ("--for nothing", ("--for", "0"), ("--for 0",)),
                ("--for a thousand years", ("--for", "99999999999d"), ("--for",)),
                ("--until in the past", ("--until", utc(-60)), ("over already",)),
                ("--until with a word", ("--until", "tomorrow"), ("--until tomorrow", "expected")),
                ("an unknown mode", ("--mode", "half"), ("full or read-only",)),
                ("a share over 100", ("--share", "101"), ("0 to 100",)),
                ("a share that is no number", ("--share", "5x"), ("0 to 100",)),
                ("an unknown profile", ("--profile", "nope"), ("[profile.nope]", "emergency, owned")),
                ("an unknown option", ("--mesage", "x"), ("--mesage", "on --help")),
                ("a short option", ("-x",), ("-x",)),
                ("an option without its value", ("--message",), ("--message wants TEXT",)),
                ("a flag with a value", ("--force=yes",), ("takes no value",)),
                ("an operand", ("now",), ("usage: wardenctl on",)),
                ("an unknown site", ("--site", "nope"), ('no site "nope"', "shop, blog")),
                ("an empty site name", ("--site", ""), ("no site",)),
                ("a line end", ("--message", "a\nb"), ("one line",)),
                ("a carriage return", ("--message", "a\rb"), ("one line",)),
                ("a control character", ("--message", "a\x1b[31mb"), ("control character",)),
                ("over 1,000 bytes", ("--message", "x" * 1100), ("1,000 bytes",)),
                ("what is no UTF-8", ("--message", os.fsdecode(b"a\xffb")), ("wardenctl:",)),
        ):
            self.refused(f"on: {what} is refused", ("on", *words), 2, *texts)
        self.gateway("after all that is refused", 200)
        self.equal("and the journal has none of it", self.f.last().get("event"), "on")

    def texts(self):
        for text in HOSTILE:
            self.f.clear()
            result = self.f.run("on", "--message", text)
            found = self.f.run("status", "--json", "--site", "shop").json().get("message")
            self.that(f"on --message {text[:30]!r} comes back as it was", result.code == 0 and found == text, result,
                      found)
            if result.code == 0:
                self.equal("and in the journal", self.f.last().get("message"), text)
        self.f.clear()
        self.refused("a text that no line can hold", ("on", "--message", """both " and ' with # """), 2, "quotes")

    def profiles(self):
        self.f.clear()
        self.run("on", "--profile", "emergency")
        body = self.f.body()
        self.equal("a profile", {k: body.get(k) for k in ("message", "title", "mode", "share", "status")},
                   {"message": "Something broke", "title": "Emergency", "mode": "read-only", "share": "5",
                    "status": "500"})
        self.that("a profile's duration", moment(body["until"]) - moment(body["since"]) == 2700, body)
        self.equal("a profile in the journal", self.f.last().get("profile"), "emergency")
        before = self.f.body()
        self.run("on", "--profile", "emergency", "--message", "Mine", "--for", "10m", "--mode", "full")
        body = self.f.body()
        self.equal("what is given counts more", (body["message"], body["mode"], body["title"]),
                   ("Mine", "full", "Emergency"))
        self.that("and its end", self.near(body["until"], 600), body)
        self.equal("a profile keeps id and since", (body["id"], body["since"]), (before["id"], before["since"]))
        self.f.clear()
        self.run("on", "--profile", "owned")
        self.equal("a profile's owner", (self.f.body()["owner"], self.f.body()["reason"]), ("bob", "as planned"))
        self.f.clear()
        self.run("on", "--change", "CHG-5", "--for", "1h")
        self.run("on", "--profile", "owned")
        self.equal("a profile that names no change keeps the one there is", (self.f.body().get("change"),
                   self.f.body().get("owner")), ("CHG-5", "bob"))

    # --- off and toggle ---

    def off(self):
        self.f.clear()
        self.run("on", "--for", "1h", "--message", "M")
        body = self.f.body()
        self.gateway("before off", 503)
        result = self.run("off", "--result", "rollback", "--note", 'disk "sda"')
        self.that("off says so", "maintenance is OFF" in result.out and "planned 1 h" in result.out, result)
        self.equal("off: the flag is gone", self.f.read(), None)
        self.gateway("off", 200)
        record = self.f.last()
        self.equal("off: journal", [record.get(k) for k in ("event", "site", "id", "since", "until", "result",
                                                            "note")],
                   ["off", None, body["id"], body["since"], body["until"], "rollback", 'disk "sda"'])
        self.that("off: what was held", record.get("held", 0) >= 1 and "passed" in record, record)
        result = self.run("off")
        self.that("off twice is fine", "off already" in result.out and self.f.last() == record, result, self.f.last())
        self.equal("off --json twice", self.run("off", "--json").json(), {"on": False, "site": None})
        self.run("on")
        self.equal("off --json", self.run("off", "--json").json(), {"on": False, "site": None})
        self.run("on")
        self.refused("off: an unknown result", ("off", "--result", "great"), 2, "ok, rollback or aborted")
        for word in ("ok", "aborted"):
            self.run("on", "-q")
            self.run("off", "--result", word)
            self.equal(f"--result {word}", self.f.last().get("result"), word)
        with open(self.f.flag, "wb"):
            pass
        self.gateway("touch", 503)
        self.run("off")
        self.gateway("touch, then off", 200)

    def toggle(self):
        self.f.clear()
        self.that("toggle turns it on", "is ON" in self.run("toggle").out and self.f.read() is not None)
        self.gateway("toggle", 503)
        self.equal("toggle: journal", self.f.last().get("event"), "on")
        self.that("toggle turns it off", "is OFF" in self.run("toggle").out and self.f.read() is None)
        self.gateway("toggle again", 200)
        self.equal("toggle again: journal", self.f.last().get("event"), "off")
        self.run("toggle", "--site", "shop")
        self.that("toggle --site", os.path.exists(self.f.file("state/flags/shop.flag")) and self.f.read() is None)
        self.run("toggle", "--site", "shop")
        self.that("toggle --site again", not os.path.exists(self.f.file("state/flags/shop.flag")))
        self.refused("toggle: an operand", ("toggle", "x"), 2, "usage")

    # --- status ---

    def status(self):
        self.f.clear()
        result = self.run("status", code=1)
        self.that("status: off, exit 1", result.out.startswith("off") and "every site" in result.out, result)
        found = self.run("status", "--json", code=1).json()
        self.that("status --json: every site", found.get("on") is False and
                  [s["site"] for s in found.get("sites", [])] == [None, "shop", "blog"], found)
        one = self.run("status", "--json", "--site", "shop", code=1).json()
        self.that("status --json: all keys, off", all(k in one for k in KEYS) and one["source"] == "none" and
                  one["id"] is None, one)
        self.run("on", "--for", "1h", "--message", "Text", "--change", "CHG-9", "--owner", "carla")
        self.run("step", "copying")
        result = self.run("status")
        self.that("status: on, exit 0", all(t in result.out for t in ("ON", "until", "(in ", "CHG-9", "by carla",
                  "step copying", self.f.body()["id"])), result)
        self.equal("status --quiet", self.run("status", "-q").out, "")
        body, one = self.f.body(), self.run("status", "--json", "--site", "shop").json()
        self.equal("status --json: on", {k: one.get(k) for k in KEYS},
                   {"on": True, "site": "shop", "source": "flag", "id": body["id"], "mode": "full",
                    "since": body["since"], "until": body["until"], "message": "Text", "step": "copying",
                    "bypass_off": False, "overrun": False})
        whole = self.run("status", "--json").json()["sites"][0]
        self.that("status --json: counters", "held" in whole and whole["owner"] == "carla", whole)
        self.f.write("state/maintenance.flag", f"until = {utc(-3600)}\n")
        one = self.run("status", "--json", "--site", "blog").json()
        self.equal("status --json: overrun", (one["on"], one["overrun"]), (True, True))
        self.that("status: overrun", "OVERRUN" in self.run("status").out)
        self.refused("status: an unknown site", ("status", "--site", "nope"), 2, "no site")

    def sites(self):
        self.f.clear()
        shop = self.f.file("state/flags/shop.flag")
        self.that("on --site", "site shop" in self.run("on", "--site", "shop", "--message", "Shop only").out)
        self.that("a site's own flag", self.f.read() is None and self.f.body(shop)["message"] == "Shop only")
        self.gateway("a site is on: below it", 503, "/shop/x")
        self.gateway("a site is on: elsewhere", 200, "/x")
        self.equal("a site in the journal", self.f.last().get("site"), "shop")
        self.run("status", "--site", "shop")
        self.run("status", "--site", "blog", code=1)
        self.run("message", "--site=shop", "New text")
        self.run("until", "--site", "shop", "+1h", "--reason", "r")
        self.run("step", "one", "--site", "shop")
        body = self.f.body(shop)
        self.that("message, until and step of a site", (body["message"], body["step"]) == ("New text", "one") and
                  self.near(body["until"], 3600), body)
        self.run("on")
        result = self.run("off", "--site", "shop", code=1)
        self.that("off --site while all are held: exit 1 and why", "still held" in result.err and
                  "maintenance.flag" in result.err and not os.path.exists(shop), result)
        self.gateway("and it is held", 503, "/shop/x")
        self.run("off")
        self.gateway("off for all", 200, "/shop/x")
        self.refused("message of a site that is off", ("message", "--site", "blog", "x"), 1, "maintenance is off",
                     "wardenctl on --site blog")

    # --- until, message, step ---

    def changes(self):
        self.f.clear()
        for words in (("until", "+30m", "--reason", "r"), ("message", "x"), ("step", "x")):
            self.refused(f"{words[0]} while off", words, 1, "maintenance is off", "turn it on")
        self.run("on", "--for", "1h", "--title", "T")
        before = self.f.body()
        result = self.run("until", "+30m", "--reason", "a slow disk")
        self.that("until +30m is from the end", moment(self.f.body()["until"]) - moment(before["until"]) == 1800 and
                  "planned until" in result.out, result, before, self.f.body())
        self.equal("until keeps the rest", {k: v for k, v in self.f.body().items() if k != "until"},
                   {k: v for k, v in before.items() if k != "until"})
        record = self.f.last()
        self.equal("until: journal", [record.get(k) for k in ("event", "before", "until", "reason", "id")],
                   ["until", before["until"], self.f.body()["until"], "a slow disk", before["id"]])
        self.run("until", utc(300), "--reason", "sooner")
        self.that("until with a time", self.near(self.f.body()["until"], 300), self.f.body())
        self.that("until --json", self.run("until", "--json", "+1m", "--reason=r").json().get("until") ==
                  self.f.body()["until"])
        self.refused("until without a reason", ("until", "+1m"), 2, "--reason")
        self.refused("until with an empty reason", ("until", "+1m", "--reason", ""), 2, "--reason")
        self.refused("until in the past", ("until", utc(-10), "--reason", "r"), 2, "over already", "wardenctl off")
        self.refused("until with a word", ("until", "later", "--reason", "r"), 2, "until later")
        self.refused("until without a time", ("until", "--reason", "r"), 2, "usage: wardenctl until")
        self.refused("until with two", ("until", "+1m", "+2m", "--reason", "r"), 2, "usage: wardenctl until")
        self.f.write("state/maintenance.flag", f"until = {utc(-3600)}\n")
        self.run("until", "+30m", "--reason", "overrun")
        self.that("until after the end is from now", self.near(self.f.body()["until"], 1800), self.f.body())
        self.run("message", 'It takes "longer"; sorry')
        self.equal("message", self.f.body()["message"], 'It takes "longer"; sorry')
        self.that("the page shows it", b"sorry" in self.f.ask("/x"))
        self.equal("message: journal", [self.f.last().get(k) for k in ("event", "message")],
                   ["message", 'It takes "longer"; sorry'])
        self.run("message", "")
        self.that("an empty message takes it away", "message" not in self.f.body(), self.f.body())
        self.run("message", "--", "--dashes")
        self.equal("-- ends the options", self.f.body()["message"], "--dashes")
        self.refused("message: a line end", ("message", "a\nb"), 2, "one line")
        self.refused("message without a text", ("message",), 2, "usage: wardenctl message")
        self.that("step says it", "step: 2 of 5" in self.run("step", "2 of 5").out)
        self.that("the page shows the step", b"2 of 5" in self.f.ask("/x"))
        self.equal("step: journal", [self.f.last().get(k) for k in ("event", "step")], ["step", "2 of 5"])
        self.equal("step --json", self.run("step", "--json", "3").json().get("step"), "3")

    def broken_flag(self):
        text = b"message = half\nwhat is this\n"
        self.f.write("state/maintenance.flag", text)
        self.gateway("a broken flag holds", 503)
        result = self.run("status")
        self.that("status tells of a broken flag", "not understood" in result.out, result)
        for words in (("until", "+1h", "--reason", "r"), ("step", "x"), ("message", "x")):
            self.refused(f"a broken flag: {words[0]} refuses", words, 3, "not understood", "by hand")
        self.run("on", "--message", "New")
        self.that("a broken flag: on writes it anew", set(self.f.body()) == {"id", "since", "owner", "message"},
                  self.f.read())
        self.f.write("state/maintenance.flag", text)
        self.run("off")
        self.gateway("a broken flag: off", 200)
        os.mkdir(self.f.flag)
        self.gateway("a folder as flag holds", 503)
        result = self.f.run("on", "--message", "x")
        self.that("a folder as flag: on fails and says why", result.code == 3 and "maintenance.flag" in result.err,
                  result)
        result = self.f.run("off")
        self.that("a folder as flag: off fails and says so", result.code == 3 and "still ON" in result.err, result)
        os.rmdir(self.f.flag)

    # --- files ---

    def mode_and_links(self):
        self.f.clear()
        self.run("on", "--for", "1h")
        os.chmod(self.f.flag, 0o640)
        if os.geteuid() == 0:
            os.chown(self.f.flag, 12345, 54321)
        before = os.stat(self.f.flag)
        self.run("until", "+5m", "--reason", "r")
        self.run("on", "--message", "x")
        after = os.stat(self.f.flag)
        self.equal("owner and mode of the flag are kept", (after.st_uid, after.st_gid, after.st_mode),
                   (before.st_uid, before.st_gid, before.st_mode))
        self.f.clear()
        target = self.f.write("elsewhere.flag", "message = linked\n", 0o600)
        os.symlink(target, self.f.flag)
        self.run("message", "through the link")
        self.that("a symlinked flag is written where it is", os.path.islink(self.f.flag) and
                  self.f.body(target)["message"] == "through the link", self.f.read(target))
        self.equal("with its mode", stat.S_IMODE(os.stat(target).st_mode), 0o600)
        self.run("off")
        self.that("off removes the link", not os.path.lexists(self.f.flag) and os.path.exists(target))
        self.gateway("off, symlinked", 200)
        if os.geteuid() == 0:
            os.chmod(target, 0o600)
            before = self.f.read(target)
            os.symlink(target, self.f.flag)
            os.lchown(self.f.flag, 65534, 65534)
            self.run("message", "through a stranger's link")
            self.that("a link that somebody else put there is replaced", not os.path.islink(self.f.flag) and
                      self.f.body()["message"] == "through a stranger's link" and self.f.read(target) == before,
                      self.f.read(target))
            self.equal("... by a file of its own", (os.stat(self.f.flag).st_uid, stat.S_IMODE(os.stat(self.f.flag)
                       .st_mode)), (0, 0o644))
            self.run("off")
        self.equal("no temporary file is left", self.f.temporaries(), [])

    def as_another(self, *words):
        """As a user who is not root: what root runs into no wall."""
        if os.geteuid() != 0:
            return self.f.run(*words)
        usual, self.f.wardenctl = self.f.wardenctl, self.f.file("wardenctl")
        if not os.path.exists(self.f.wardenctl):
            shutil.copy(usual, self.f.wardenctl)        # that user may not be let into the build folder
        try:
            return self.f.run(*words, prefix=AS_NOBODY)
        finally:
            self.f.wardenctl = usual

    def modes(self):
        if os.geteuid() == 0 and not nobody_can_run("what may not be read or written"):
            return
        self.f.clear()
        self.run("on")
        journal, aside = self.f.file("state/journal.jsonl"), self.f.file("journal.aside")
        os.rename(journal, aside)
        for name in ("state", "state/flags"):           # by the other user's group: what others can write is refused
            if os.geteuid() == 0:
                os.chown(self.f.file(name), 0, 65534)
            os.chmod(self.f.file(name), 0o775)
        os.chmod(self.f.flag, 0)
        result = self.as_another("status")
        self.that("a flag that cannot be read: status says ON, as the gateway does", result.code == 0 and
                  result.out.startswith("ON ") and "cannot be read" in result.out, result)
        result = self.as_another("step", "x")
        self.that("a flag that cannot be read: step refuses", result.code == 3 and "cannot be read" in result.err,
                  result)
        result = self.as_another("off")
        self.that("a flag that cannot be read: off removes it", result.code == 0 and self.f.read() is None, result)
        os.unlink(journal)
        os.chmod(self.f.state, 0o331)                   # to be written and entered, not to be read
        result = self.as_another("on", "--message", "M")
        there = os.path.exists(self.f.flag)
        self.that("a folder that cannot be listed: on", result.code == 0 and there, result)
        result = self.as_another("off")
        there = os.path.exists(self.f.flag)
        self.that("a folder that cannot be listed: off", result.code == 0 and not there, result)
        os.chmod(self.f.state, 0o755)
        os.makedirs(self.f.file("state/tickets/any"), exist_ok=True)
        os.chmod(self.f.file("state/tickets/any"), 0o555)
        result = self.as_another("ticket", "new")
        self.that("a ticket that was not written is not shown", result.code == 3 and "maintenance_ticket" not in
                  result.out and "cannot write the ticket" in result.err, result)
        shutil.rmtree(self.f.file("state/tickets"))
        hooks = self.f.file("hooks")
        os.makedirs(hooks)
        os.chmod(hooks, 0o711)                          # for another user no hook can be found
        ini = open(self.f.ini, "rb").read()
        self.f.write_ini(SITES, gateway=f"hooks_dir = {hooks}\n")
        if os.geteuid() != 0:
            os.chmod(hooks, 0o311)
        os.chmod(self.f.state, 0o775)
        result = self.as_another("on")
        self.that("hooks that cannot be listed cannot be gone past", result.code == 1 and
                  "cannot be listed" in result.err
                  and self.f.read() is None, result)
        self.f.write("warden.ini", ini)
        os.chmod(hooks, 0o711)
        os.chmod(self.f.state, 0o751)
        os.chmod(self.f.file("state/flags"), 0o755)
        if os.geteuid() == 0:
            os.chown(self.f.state, 0, 0)
            os.chown(self.f.file("state/flags"), 0, 0)
        os.unlink(journal)
        os.rename(aside, journal)

    def shared_folder(self):
        """What root begins, the owner of the state folder and its group can go on with."""
        if not nobody_can_run("a state folder that is shared"):
            return
        for what, owner, mode in (("owner", (65534, 0), 0o751), ("group", (0, 65534), 0o771)):
            state = self.f.file(f"by-{what}")
            os.makedirs(state)
            os.chown(state, *owner)
            os.chmod(state, mode)
            ini, shop = self.f.ini, ("--site", "shop")
            self.f.write("shared.ini", f"[gateway]\nstate_dir = {state}\n{SITES}")
            self.f.environment["WARDEN_CONFIG"] = self.f.file("shared.ini")
            window = ("--start", "2090-01-01 00:00", "--end", "2090-01-02 00:00")
            before = os.umask(0o077)
            for words in (("on", *shop), ("off", *shop), ("ticket", "new"), ("schedule", "add", "a", *window)):
                self.run(*words)
            os.umask(before)
            for words in (("on",), ("off",), ("on", *shop), ("off", *shop), ("ticket", "new"), ("ticket", "list"),
                          ("ticket", "revoke", "--all"), ("schedule", "remove", "a"), ("schedule", "add", "a", *window),
                          ("journal",), ("tick",)):
                result = self.as_another(*words)
                self.that(f"shared by its {what}: {' '.join(words[:2])}", result.code == 0, result)
            self.equal(f"shared by its {what}: others get nothing more", [stat.S_IMODE(os.stat(os.path.join(state, n))
                       .st_mode) & 7 for n in ("journal.jsonl", "tickets", "tickets/any", "windows.d")], [0, 1, 1, 5])
            records, _, wrong = self.f.journal(state)
            self.that(f"shared by its {what}: one journal", wrong is None and len(records) == 13, wrong, len(records))
            self.f.environment["WARDEN_CONFIG"] = ini

    def journal_unwritable(self):
        self.f.clear()
        journal, aside = self.f.file("state/journal.jsonl"), self.f.file("journal.aside")
        os.rename(journal, aside)
        os.mkdir(journal)
        result = self.f.run("on", "--message", "M")
        self.that("no journal: on works, exit 3, and says so", result.code == 3 and "journal" in result.err and
                  "maintenance is ON" in result.out and self.f.body()["message"] == "M", result)
        self.gateway("no journal: on", 503)
        result = self.f.run("until", "+1h", "--reason", "r")
        self.that("no journal: until works, exit 3", result.code == 3 and "stands" in result.err and
                  self.near(self.f.body().get("until"), 3600), result, self.f.body())
        result = self.f.run("step", "s")
        self.that("no journal: step works, exit 3", result.code == 3 and self.f.body().get("step") == "s", result)
        result = self.f.run("off")
        self.that("no journal: off works, exit 3, and says so", result.code == 3 and "journal" in result.err and
                  "maintenance is OFF" in result.out and self.f.read() is None, result)
        self.gateway("no journal: off", 200)
        result = self.f.run("ticket", "new", "--json")
        self.that("no journal: a ticket is made and shown, exit 3", result.code == 3 and len(result.json().get("id",
                  "")) == 32, result)
        result = self.f.run("ticket", "revoke", "--all")
        self.that("no journal: it is revoked, exit 3", result.code == 3 and self.f.run("ticket", "list", "--json")
                  .json() == [], result)
        os.rmdir(journal)
        os.rename(aside, journal)

    def no_state_folder(self):
        self.f.clear()
        # another INI than the gateway's: that one must not see the folder missing
        ini = self.f.write("nowhere.ini", f"[gateway]\nstate_dir = {self.f.file('nowhere')}\n{SITES}")
        other = {"WARDEN_CONFIG": ini}
        for words in (("on",), ("on", "--message", "M"), ("toggle",), ("bypass", "off"), ("ticket", "new")):
            result = self.f.run(*words, env=other)
            self.that(f"no state folder: {' '.join(words)}", result.code == 3 and
                      f"mkdir -p -m 0751 {self.f.file('nowhere')}" in result.err, result)
        for words in (("off",), ("until", "+1h", "--reason", "r"), ("message", "x"), ("bypass", "on")):
            result = self.f.run(*words, env=other)
            self.that(f"no state folder: {words[0]} {words[-1]} does not say that it is off or done",
                      result.code == 3 and "nowhere" in result.err and "is off" not in result.err, result)
        one = self.f.run("status", "--json", "--site", "shop", env=other).json()
        self.equal("no state folder: status", (one.get("source"), one.get("unknown")), ("unknown", True))

    def escapes(self):
        """What others wrote moves nobody's cursor."""
        self.f.clear()
        self.f.write("state/maintenance.flag", "step = a\u009b2Jb\nowner = x\n")
        result = self.run("status")
        self.that("an escape of one character in a flag", "\u009b" not in result.out and "not understood" in result.out,
                  result)
        self.refused("... and as a message", ("on", "--message", "a\u009b2J"), 2, "control character")
        self.f.clear()
        os.makedirs(self.f.file("state/tickets/\033[2Jx"))
        self.f.write("state/tickets/\033[2Jx/" + "a" * 32, "until = 2090-01-01T00:00:00Z\n")
        for words in (("ticket", "list"), ("ticket", "revoke", "a" * 32)):
            result = self.run(*words)
            self.that(f"a folder's name: {' '.join(words[:2])}", "\033" not in result.out and "[2Jx" in result.out,
                      result)
        shutil.rmtree(self.f.file("state/tickets/\033[2Jx"))
        os.makedirs(self.f.file("loud"))
        self.f.write("loud/preflight-x", "#!/bin/sh\nprintf 'no\\033[2Jt now'\nexit 1\n", 0o755)
        self.f.write_ini(SITES, gateway=f"hooks_dir = {self.f.file('loud')}\n")
        result = self.refused("a hook's reason", ("on",), 1, "no [2Jt now")
        self.that("... without its escapes", "\033" not in result.err, result)
        self.f.write_ini(SITES)

    def many_sites(self):
        self.f.clear()
        self.f.write_ini("[site]\n" + "".join(f"[site.s{i}]\nhost = s{i}.example.com\n" for i in range(1000)))
        result = self.f.run("status", "--json")
        self.that("a thousand sites: status", result.code == 1 and len(result.json().get("sites", ())) == 1001, result)
        self.f.write_ini(SITES)

    # --- policy and hooks ---

    def policy(self):
        self.f.clear()
        self.f.write_ini(SITES + """[policy]
require_owner = yes
require_change = yes
change_pattern = CHG-[0-9]*
max_duration = 2h
""")
        good = ("--owner", "anna", "--change", "CHG-7", "--for", "1h")
        for what, words, text in (("no owner", good[2:], "require_owner"), ("no change", good[:2] + good[4:],
                                  "require_change"), ("another form", good[:2] + ("--change", "X-7") + good[4:],
                                  "change_pattern"), ("no end", good[:4], "max_duration"),
                                  ("too long", good[:4] + ("--for", "2h1m"), "max_duration")):
            self.refused(f"policy: {what}", ("on", *words), 1, "refused", text, "--force")
        self.gateway("policy: refused", 200)
        self.refused("policy: toggle", ("toggle",), 1, "refused")
        self.run("on", *good)
        self.that("policy: what it wants", "forced" not in self.f.last(), self.f.last())
        self.f.clear()
        self.run("on", "--force")
        self.equal("policy: --force, in the journal", (self.f.last().get("event"), self.f.last().get("forced")),
                   ("on", True))
        self.gateway("policy: forced", 503)
        self.run("off")
        self.f.write_ini(SITES + f"[policy]\nfreeze = {utc(-3600)} .. {utc(3600)}\n")
        self.refused("policy: a freeze", ("on", "--for", "10m"), 1, "freeze")
        self.run("on", "--force", "--for", "10m")
        self.equal("policy: a freeze, forced", self.f.last().get("forced"), True)
        self.run("off")
        self.f.write_ini(SITES + f"[policy]\nfreeze = {utc(3600)} .. {utc(7200)}\n")
        self.run("on", "--for", "30m")
        self.run("off")
        self.refused("policy: into a freeze", ("on", "--for", "90m"), 1, "freeze")
        self.f.write_ini(SITES)

    def hooks(self):
        self.f.clear()
        os.mkdir(self.f.file("hooks.d"), 0o755)
        os.chmod(self.f.file("hooks.d"), 0o755)
        self.f.write_ini(SITES, gateway="hooks_dir = hooks.d\n")
        seen = self.f.file("seen")
        self.f.write("hooks.d/preflight-10", f"#!/bin/sh\nenv > {seen}\nexit 0\n", 0o755)
        self.f.write("hooks.d/preflight-20", "#!/bin/sh\necho 'the backup is running'\necho more\nexit 1\n", 0o755)
        self.f.write("hooks.d/exit-10", "#!/bin/sh\necho 'the check of the site fails'\nexit 3\n", 0o755)
        self.f.write("hooks.d/90-tell", f"#!/bin/sh\n: > {self.f.file('told')}\n", 0o755)
        records = len(self.f.journal()[0])
        self.refused("a hook refuses on", ("on", "--message", "M; x", "--reason", "R", "--for", "1h"), 1,
                     "refused by a hook", "the backup is running", "preflight-20", "--force")
        self.equal("and nothing is changed", (self.f.read(), len(self.f.journal()[0])), (None, records))
        self.gateway("a hook refuses on", 200)
        environment = dict(line.split("=", 1) for line in (self.f.read(seen) or b"").decode().splitlines())
        self.equal("what a hook is told", [environment.get("WARDEN_" + n) for n in ("EVENT", "MESSAGE", "REASON")],
                   ["preflight", "M; x", "R"])
        self.that("and its times and no more", "WARDEN_UNTIL" in environment and "WARDEN_CONFIG" not in environment,
                  environment)
        self.run("on", "--force")
        self.equal("--force goes past a hook", (self.f.body() is not None, self.f.last().get("forced")), (True, True))
        self.refused("a hook refuses off", ("off",), 1, "refused by a hook", "the check of the site fails")
        self.gateway("a hook refuses off", 503)
        self.equal("a hook refuses off: journal", self.f.last().get("event"), "on")
        self.run("off", "--force")
        self.equal("off --force, in the journal", (self.f.last().get("event"), self.f.last().get("forced")),
                   ("off", True))
        self.f.write("hooks.d/preflight-20", "#!/bin/sh\nexit 7\n", 0o755)
        self.refused("a hook without words", ("on",), 1, "exit status 7")
        self.f.write("hooks.d/preflight-20", "#!/bin/sh\nkill -9 $$\n", 0o755)
        self.refused("a hook that is killed", ("on",), 1, "137")
        self.f.write("hooks.d/preflight-20", "#!/bin/sh\nexit 0\n", 0o644)
        self.refused("a hook that is not executable", ("on",), 1, "chmod +x")
        os.chmod(self.f.file("hooks.d/preflight-20"), 0o777)
        self.refused("a hook that others may write", ("on",), 1, "chmod go-w")
        os.chmod(self.f.file("hooks.d/preflight-20"), 0o755)
        os.chmod(self.f.file("hooks.d"), 0o777)
        self.refused("a hooks folder that others may write", ("on",), 1, "hooks.d", "chmod go-w")
        os.chmod(self.f.file("hooks.d"), 0o755)
        if os.geteuid() == 0:
            os.chown(self.f.file("hooks.d"), 12345, 0)
            self.refused("a hooks folder of somebody else", ("on",), 1, "belongs to user 12345")
            os.chown(self.f.file("hooks.d"), 0, 0)
        self.run("on")
        self.that("hooks that agree", self.f.body() is not None and "forced" not in self.f.last())
        self.that("hooks that are told are not run here", not os.path.exists(self.f.file("told")))
        self.f.write_ini(SITES)
        self.f.clear()

    # --- windows ---

    def window(self, start, end, more=""):
        self.f.write_ini(SITES + f"[window.w1]\nstart = {utc(start)}\nend = {utc(end)}\nmessage = Planned\n"
                         f"owner = dora\n{more}")

    def windows(self):
        self.f.clear()
        self.window(-600, 3600)
        self.gateway_reloaded(503)
        one = self.run("status", "--json", "--site", "shop").json()
        self.equal("a window: status", (one["on"], one["source"], one["id"], one["message"]),
                   (True, "window", "w1", "Planned"))
        result = self.run("off")
        self.that("a window is ended by off", "is OFF" in result.out and os.listdir(self.f.file("state/ended")),
                  result)
        self.gateway("a window ended early", 200)
        self.run("status", code=1)
        self.equal("a window ended early: journal", (self.f.last().get("event"), self.f.last().get("id")),
                   ("off", "w1"))
        self.that("off again is fine", "off already" in self.run("off").out)
        self.f.clear()
        self.run("step", "in the window")
        body = self.f.body()
        self.that("step in a window", body.get("window") == "w1" and body["step"] == "in the window", body)
        one = self.run("status", "--json", "--site", "shop").json()
        self.equal("and the window goes on", (one["source"], one["step"]), ("window", "in the window"))
        self.f.clear()
        self.run("until", "+30m", "--reason", "slow")
        body = self.f.body()
        self.that("until takes over from a window", body.get("id") == "w1" and "window" not in body and
                  body["owner"] == "dora" and self.near(body["until"], 3600 + 1800), body)
        self.that("which is ended", os.path.isdir(self.f.file("state/ended")) and os.listdir(
                  self.f.file("state/ended")))
        self.gateway("until takes over from a window", 503)
        one = self.run("status", "--json", "--site", "shop").json()
        self.equal("and status says so", (one["source"], one["id"], one["until"]), ("flag", "w1", body["until"]))
        self.that("the page keeps the window's text", one["message"] == "Planned", one)
        self.run("off")
        self.gateway("then off", 200)
        self.f.clear()
        self.run("until", utc(60), "--reason", "done soon")
        one = self.run("status", "--json", "--site", "shop").json()
        self.that("until may be sooner than the window's end", self.near(one["until"], 60), one)
        self.f.clear()
        journal, aside = self.f.file("state/journal.jsonl"), self.f.file("journal.aside")
        os.rename(journal, aside)
        os.mkdir(journal)
        result = self.f.run("until", utc(60), "--reason", "done soon")
        one = self.f.run("status", "--json", "--site", "shop").json()
        self.that("and without a journal too", result.code == 3 and self.near(one["until"], 60), result, one)
        os.rmdir(journal)
        os.rename(aside, journal)
        self.f.clear()
        self.run("on", "--message", "More")
        self.equal("on in a window takes its id", self.f.body()["id"], "w1")
        self.run("off")
        self.gateway("off ends flag and window", 200)
        self.f.clear()
        self.window(-600, 3600, "site = shop\n")
        self.run("until", "+30m", "--reason", "slow", "--site", "shop")
        self.equal("a site's window", self.f.body(self.f.file("state/flags/shop.flag")).get("id"), "w1")
        self.run("off", "--site", "shop")
        self.run("status", code=1)
        self.f.clear()
        self.f.write_ini(SITES.replace("[site]\n", "[site]\nenabled = on\n", 1))
        result = self.run("off", code=1)
        self.that("enabled = on: off says why not", "enabled = on" in result.err, result)
        self.f.write_ini(SITES.replace("[site]\n", "[site]\nenabled = off\n", 1))
        result = self.run("on")
        self.that("enabled = off: on warns", "enabled = off" in result.err, result)
        self.f.clear()
        self.f.write_ini(SITES)
        self.gateway_reloaded(200)

    def gateway_reloaded(self, status):
        """Starts the gateway anew on the changed INI."""
        self.f.stop_gateway()
        self.f.start_gateway()
        self.gateway("the INI changed", status)

    # --- bypass and tickets ---

    def bypass(self):
        self.f.clear()
        self.run("on")
        address = ("REMOTE_ADDR", "127.0.0.2")
        parameters = [p for p in fastcgi.GOOD if p[0] != "REMOTE_ADDR"] + [address]

        def from_inside():
            return fastcgi.status(fastcgi.send(self.f.socket, fastcgi.whole(parameters, fastcgi.AUTHORIZER),
                                               finish=False))
        self.equal("an address that passes", from_inside(), 200)
        self.that("bypass off", "SUSPENDED" in self.run("bypass", "off").out)
        self.equal("bypass off: journal", (self.f.last().get("event"), self.f.last().get("site")),
                   ("bypass-off", None))
        self.equal("bypass off: the gateway", from_inside(), 503)
        self.equal("bypass off: status", self.run("status", "--json", "--site", "shop").json()["bypass_off"], True)
        self.that("bypass off: in words", "suspended" in self.run("status").out)
        self.that("bypass off twice", "already" in self.run("bypass", "off").out and
                  self.f.last().get("event") == "bypass-off")
        self.f.run("off")
        self.equal("bypass off while off: status", self.f.run("status", "--json", "--site", "shop").json()
                   .get("bypass_off"), True)
        self.run("on")
        self.equal("bypass on --json", self.run("bypass", "on", "--json").json(), {"bypass_off": False})
        self.equal("bypass on: journal", self.f.last().get("event"), "bypass-on")
        self.equal("bypass on: the gateway", from_inside(), 200)
        self.that("bypass on twice", "already" in self.run("bypass", "on").out)
        self.refused("bypass of a site", ("bypass", "off", "--site", "shop"), 2, "every site")
        self.refused("bypass with a word", ("bypass", "maybe"), 2, "off or on")
        self.refused("bypass alone", ("bypass",), 2, "usage")

    def new(self, *words):
        return self.run("ticket", "new", "--json", *words).json()

    def cookie(self, ticket):
        return ("HTTP_COOKIE", f"a=b; maintenance_ticket={ticket['id']}")

    def tickets(self):
        self.f.clear()
        self.run("on")
        ticket = self.new("--note", "for the auditor; \"Bob\"")
        self.that("ticket new --json", len(ticket["id"]) == 32 and ticket["ticket"] == ticket["id"][:8] and
                  ticket["link"] == f"https://www.example.com/?maintenance_ticket={ticket['id']}" and
                  self.near(ticket["until"], 7200) and ticket["site"] is None, ticket)
        path = self.f.file(f"state/tickets/any/{ticket['id']}")
        self.that("its file", os.path.exists(path) and
                  stat.S_IMODE(os.stat(self.f.file("state/tickets")).st_mode) == 0o711 and
                  stat.S_IMODE(os.stat(self.f.file("state/tickets/any")).st_mode) == 0o711)
        record = self.f.last()
        self.that("ticket new: journal, its first digits only", record.get("event") == "ticket-new" and
                  record["ticket"] == ticket["ticket"] and ticket["id"] not in json.dumps(record), record)
        self.gateway("a ticket's cookie", 200, "/x", self.cookie(ticket))
        self.gateway("a wrong cookie", 503, "/x", ("HTTP_COOKIE", "maintenance_ticket=" + "0" * 32))
        answer = fastcgi.send(self.f.socket, fastcgi.whole(
            [(n, v) for n, v in fastcgi.GOOD if n != "REQUEST_URI"] + [("REQUEST_URI",
             f"/page?a=1&maintenance_ticket={ticket['id']}"), ("WARDEN_MODE", "render")], fastcgi.RESPONDER),
            finish=False)
        self.that("a ticket's link", fastcgi.status(answer) == 303 and b"Location: /page?a=1\r\n" in answer and
                  f"maintenance_ticket={ticket['id']}; Path=/; HttpOnly".encode() in answer, answer[:600])
        shown = self.run("ticket", "list")
        self.that("ticket list", ticket["ticket"] in shown.out and ticket["id"] not in shown.out and
                  "auditor" in shown.out, shown)
        listed = self.run("ticket", "list", "--json").json()
        self.equal("ticket list --json", [(t["ticket"], t["site"], t["expired"], t["sound"]) for t in listed],
                   [(ticket["ticket"], "any", False, True)])
        plain = self.run("ticket", "new", "--for", "3h", "-q").out
        self.that("ticket new -q prints the link alone", plain.count("\n") == 1 and
                  plain.startswith("https://www.example.com/?maintenance_ticket="), plain)
        for what, words, code, text in (
                ("beyond ticket_max", ("new", "--for", "3h1s"), 2, "ticket_max"),
                ("for nothing", ("new", "--for", "0"), 2, "--for 0"),
                ("for a word", ("new", "--for", "x"), 2, "--for"),
                ("a path with a glob", ("new", "--path", "/a*/"), 2, "--path"),
                ("a path without a slash", ("new", "--path", "admin"), 2, "--path"),
                ("a note with a line end", ("new", "--note", "a\nb"), 2, "--note"),
                ("an unknown site", ("new", "--site", "nope"), 2, "no site"), ("a word", ("make",), 2, "usage"),
                ("revoke alone", ("revoke",), 2, "usage"), ("revoke both", ("revoke", "x" * 8, "--all"), 2, "usage"),
                ("too few digits", ("revoke", ticket["id"][:7]), 2, "8 digits"),
                ("an unknown ticket", ("revoke", "0" * 8), 1, "no ticket")):
            before = self.run("ticket", "list", "--json").out
            self.refused(f"ticket: {what}", ("ticket", *words), code, text)
            self.equal(f"ticket: {what}, nothing is changed", self.run("ticket", "list", "--json").out, before)
        result = self.run("ticket", "revoke", ticket["ticket"])
        self.that("ticket revoke", "revoked" in result.out and not os.path.exists(path), result)
        self.equal("ticket revoke: journal", (self.f.last().get("event"), self.f.last().get("ticket")),
                   ("ticket-revoke", ticket["ticket"]))
        self.gateway("a ticket that was revoked", 503, "/x", self.cookie(ticket))

        limited = self.new("--path", "/admin/,/status")
        self.that("ticket --path", os.path.exists(self.f.file(f"state/tickets/any/limited/{limited['id']}")) and
                  limited["link"].startswith("https://www.example.com/admin/?"), limited)
        for target, status in (("/admin/x", 200), ("/status", 200), ("/administrator", 503), ("/x", 503)):
            self.gateway(f"ticket --path at {target}", status, target, self.cookie(limited))
        shop, blog = self.new("--site", "shop"), self.new("--site", "blog")
        self.gateway("a site's ticket", 200, "/shop/x", self.cookie(shop))
        self.gateway("another site's ticket", 503, "/shop/x", self.cookie(blog))
        found = self.run("ticket", "revoke", "--all", "--site", "shop", "--json").json()
        self.that("ticket revoke --all --site", found == {"revoked": 1} and [t["site"] for t in self.run(
                  "ticket", "list", "--site", "blog", "--json").json()] == ["blog"], found)
        self.gateway("a site's tickets are revoked", 503, "/shop/x", self.cookie(shop))
        self.gateway("the other's are not", 200, "/blog/x", self.cookie(blog))
        self.run("ticket", "revoke", "--all")
        self.equal("ticket revoke --all", self.run("ticket", "list", "--json").json(), [])
        self.that("ticket revoke --all with none is fine", self.run("ticket", "revoke", "--all").code == 0)
        self.that("no tickets", "no tickets" in self.run("ticket", "list").out)
        self.run("off")

    # --- all commands ---

    def used_wrongly(self):
        result = self.f.run()
        self.that("no command: help on standard error, exit 2", result.code == 2 and result.out == "" and
                  "usage: wardenctl" in result.err, result)
        self.refused("an unknown command", ("onn",), 2, '"onn"', "--help")
        for words in (("--help",), ("-h",), ("help",)):
            result = self.f.run(*words)
            self.that(f"{words[0]}: exit 0", result.code == 0 and "toggle" in result.out, result)
        self.that("--version", self.run("--version").out.startswith("wardenctl "))
        for name in ("on", "off", "toggle", "status", "until", "message", "step", "bypass", "ticket"):
            result = self.f.run(name, "--help", env={"WARDEN_CONFIG": "/nonexistent"})
            self.that(f"{name} --help needs no INI", result.code == 0 and f"usage: wardenctl {name}" in result.out and
                      "exit status" in result.out and "--site NAME" in result.out, result)
        for words in (("on", "--message", "-h"), ("ticket", "new", "--note", "--help"), ("run", "--for", "-h")):
            result = self.f.run(*words)
            self.that(f"{' '.join(words)}: help, for no INI was read", result.code == 0 and
                      f"usage: wardenctl {words[0]}" in result.out and self.f.read() is None, result)
        result = self.f.run("on", "--message=-h")
        self.that("--message=-h is a message", result.code == 0 and self.f.body().get("message") == "-h", result)
        self.f.clear()
        result = self.f.run("status", "-c", "/nonexistent/warden.ini")
        self.that("no INI: exit 2", result.code == 2 and "/nonexistent/warden.ini" in result.err, result)
        bad = self.f.write("bad.ini", f"[gateway]\nstate_dir = {self.f.state}\n[site]\nenabeld = auto\n")
        for words in (("on", "-c", bad), ("-c", bad, "off"), ("status", f"--config={bad}")):
            result = self.f.run(*words)
            self.that(f"a broken INI: {' '.join(words[:1])} exit 2 and the line", result.code == 2 and
                      "bad.ini:4" in result.err and "enabled" in result.err, result)
            wanted = {"on": "touch", "-c": "rm", "status": None}[words[0]]
            self.that("... and how to switch all the same", f"{wanted} {self.f.flag}\n" in result.err if wanted else
                      "maintenance.flag" not in result.err, result)
        self.that("nothing was changed", self.f.read() is None)
        self.f.clear()
        self.run("-c", self.f.ini, "on", env={"WARDEN_CONFIG": "/nonexistent"})
        self.run(f"--config={self.f.ini}", "off", env={"WARDEN_CONFIG": "/nonexistent"})
        self.that("-c before the command", self.f.read() is None)
        self.run("on")
        result = self.f.run("status", "--json", prefix=("/bin/sh", "-c", 'exec "$@" > /dev/full', "sh"))
        self.that("standard output is full: exit 3", result.code == 3 and "standard output" in result.err, result)
        self.f.clear()
        self.run("on", env={"SUDO_USER": "erika"})
        wanted = "erika" if os.geteuid() == 0 else self.f.last().get("by")
        self.equal("who: sudo's user", (self.f.last().get("by"), self.f.body().get("owner")), (wanted, wanted))
        self.run("off")

    def journal(self):
        records, torn, wrong = self.f.journal()
        self.that("the journal verifies", wrong is None and torn == 0 and len(records) > 50, wrong, torn, len(records))
        self.equal("all times are in UTC", [r["time"] for r in records if moment(r["time"]) == 0], [])
        self.equal("all events are known", {r["event"] for r in records},
                   {"on", "off", "until", "message", "step", "bypass-off", "bypass-on", "ticket-new", "ticket-revoke"})
        self.equal("a whole flag is told from half of one", (parse_flag(b"id = x\nmess"), parse_flag(b"a = 1\n")),
                   (None, {"a": "1"}))


def main():
    args = arguments(__doc__)
    checks, folder = Checks("ctl-switch"), Folder(args)
    try:
        tests = Tests(folder, checks)
        folder.start_gateway()
        for test in (tests.on_plain, tests.on_again, tests.on_options, tests.on_refused, tests.texts, tests.profiles,
                     tests.off, tests.toggle, tests.status, tests.sites, tests.changes, tests.broken_flag,
                     tests.mode_and_links, tests.modes, tests.shared_folder,
                     tests.journal_unwritable, tests.no_state_folder, tests.escapes, tests.many_sites,
                     tests.policy, tests.hooks, tests.windows, tests.bypass, tests.tickets, tests.used_wrongly,
                     tests.journal):
            try:
                test()
            except Exception as error:      # one broken test must not hide the others
                checks.that(f"{test.__name__} came to its end", False, f"{type(error).__name__}: {error}",
                            f"line {error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0}")
                folder.write_ini(SITES)
        checks.equal("the gateway ends when told to", folder.stop_gateway(), 0)
    finally:
        folder.close()
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
