#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""schedule, tick, hooks and run of wardenctl.   usage: test_schedule.py --wardenctl PATH [--gateway PATH]"""
import argparse
import contextlib
import datetime
import fcntl
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

INI = """[gateway]
state_dir = state
hooks_dir = hooks.d
[site]
time_zone = Europe/Berlin
{site}
[site.shop]
host = shop.example.com
{more}
"""
UTC = datetime.timezone.utc


class Checks:
    passed = failed = 0

    def __call__(self, say, ok, got=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {say}: {got!r}")


check = Checks()


def utc(minutes):
    moment = datetime.datetime.now(UTC) + datetime.timedelta(minutes=minutes)
    return moment.strftime("%Y-%m-%d %H:%MZ")


class World:
    def __init__(self, wardenctl, more="", site=""):
        self.program = wardenctl
        self.folder = tempfile.mkdtemp(prefix="warden-ctl-")
        os.makedirs(self.path("state/flags"))
        self.put("warden.ini", INI.format(more=more, site=site))

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def get(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def there(self, name):
        return os.path.lexists(self.path(name))

    def run(self, *arguments, env=None, **options):
        done = subprocess.run([self.program, "-c", self.path("warden.ini"), *arguments], capture_output=True,
                              text=True, timeout=60, check=False, env={**os.environ, **(env or {})}, **options)
        return done.returncode, done.stdout, done.stderr

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json")[1])

    def events(self):
        lines = self.get("state/journal.jsonl").splitlines() if self.there("state/journal.jsonl") else []
        return [json.loads(line) for line in lines]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def test_add(program):
    with World(program) as w:
        code, out, err = w.run("schedule", "add", "one", "--site", "shop", "--start", utc(60), "--end", utc(120),
                               "--message", "a;b # c", "--owner", "anna", "--change", "CHG-1")
        check("a window is planned", code == 0 and "window one:" in out, (code, out, err))
        check("... in a file of its own", "message = \"a;b # c\"" in w.get("state/windows.d/one.ini"))
        check("... and in the journal", w.events()[-1]["event"] == "schedule-add" and w.events()[-1]["window"] == "one")
        code, out, err = w.run("schedule", "add", "two", "--site", "shop", "--start", utc(90), "--end", utc(150))
        check("a conflict is refused with both names", code == 1 and "window two" in err and "window one" in err, err)
        check("... and nothing is left of it", os.listdir(w.path("state/windows.d")) == ["one.ini"])
        code, out, err = w.run("schedule", "add", "all", "--start", utc(90), "--end", utc(150))
        check("one of every site conflicts too", code == 1 and "overlaps" in err, err)
        code, out, err = w.run("schedule", "add", "two", "--site", "shop", "--start", utc(120), "--end", utc(150))
        check("windows that touch do not conflict", code == 0, err)
        listed = {o["window"]: o for o in w.json("schedule", "list")}
        check("both are listed", set(listed) == {"one", "two"} and listed["one"]["change"] == "CHG-1", listed)
        for say, arguments, wanted, words in (
                ("the same id", ["add", "one", "--start", utc(500), "--end", utc(600)], 1, "already"),
                ("an id that is none", ["add", "A b", "--start", utc(500), "--end", utc(600)], 2, "small letters"),
                ("a path as id", ["add", "../x", "--start", utc(500), "--end", utc(600)], 2, "small letters"),
                ("a time that is none", ["add", "x", "--start", "soon", "--end", utc(600)], 1, "expected a time"),
                ("an end before the start", ["add", "x", "--start", utc(600), "--end", utc(500)], 1,
                 "behind the start"),
                ("no times at all", ["add", "x"], 1, "needs a start or an end"),
                ("one that is over", ["add", "x", "--start", utc(-60), "--end", utc(-30)], 2, "over already"),
                ("a rule that is none", ["add", "x", "--start", utc(500), "--end", utc(510), "--repeat", "FREQ=YEARLY"],
                 1,
                 "DAILY, WEEKLY or MONTHLY"),
                ("a zone that is none", ["add", "x", "--start", utc(500), "--end", utc(510), "--zone", "Mars/Base"], 1,
                 "time zone"),
                ("a mode that is none", ["add", "x", "--start", utc(500), "--end", utc(510), "--mode", "half"], 1,
                 "full|read-only"),
                ("a site that is none", ["add", "x", "--site", "nope", "--start", utc(500), "--end", utc(510)], 2,
                 "no site"),
                ("a message of two lines", ["add", "x", "--start", utc(500), "--end", utc(510), "--message", "a\nb"], 2,
                 "one line"),
                ("a verb that is none", ["plan"], 2, "usage"),
                ("removing nothing", ["remove", "x"], 1, "no window x")):
            code, out, err = w.run("schedule", *arguments)
            check(say, code == wanted and words in err, (code, err))
        check("... and nothing is left of any", sorted(os.listdir(w.path("state/windows.d"))) == ["one.ini", "two.ini"])
        code, out, err = w.run("schedule", "remove", "one")
        check("a window is removed", code == 0 and not w.there("state/windows.d/one.ini"), err)
        check("... and told", w.events()[-1]["event"] == "schedule-remove")


def test_policy(program):
    policy = """[policy]
max_duration = 4h
require_owner = yes
require_change = yes
change_pattern = CHG-[0-9]*
require_approval = yes
freeze = {0} .. {1}
[window.fixed]
site = shop
start = 2090-01-01 02:00
end = 2090-01-01 04:00
owner = anna
change = CHG-9
"""
    day = datetime.datetime.now(UTC).date() + datetime.timedelta(days=20)
    with World(program, policy.format(day, day + datetime.timedelta(days=2))) as w:
        freeze = (20 * 24 + 24) * 60
        for say, arguments, words in (
                ("too long", [utc(60), utc(360), "CHG-1"], "max_duration"),
                ("another pattern", [utc(60), utc(120), "X-1"], "change_pattern"),
                ("in a freeze", [utc(freeze), utc(freeze + 60), "CHG-1"], "freeze"),
                ("no change", [utc(60), utc(120), ""], "require_change")):
            start, end, change = arguments
            code, out, err = w.run("schedule", "add", "x", "--start", start, "--end", end, "--change", change)
            check(f"the policy refuses: {say}", code == 1 and words in err, (code, err))
        code, out, err = w.run("schedule", "add", "x", "--start", utc(-5), "--end", utc(60), "--change", "CHG-1",
                               "--owner", "anna")
        check("it waits for an approval", code == 0 and "approval" in out, (out, err))
        check("... and is not on before", w.run("status")[0] == 1)
        code, out, err = w.run("schedule", "approve", "x", "--by", "anna")
        check("its owner cannot approve it", code == 1 and "somebody else" in err, err)
        code, out, err = w.run("schedule", "approve", "x", "--by", "ben")
        check("somebody else can", code == 0, err)
        check("... and it is on", w.run("status")[0] == 0)
        code, out, err = w.run("schedule", "approve", "x", "--by", "carla")
        check("once", code == 1 and "already" in err, err)
        check("... as the journal tells", w.events()[-1]["event"] == "schedule-approve" and
              w.events()[-1]["approved"] == "ben", w.events()[-1])
        code, out, err = w.run("schedule", "remove", "fixed")
        check("one of the INI is changed there", code == 1 and "line" in err and "warden.ini" in err, err)


def test_tick_windows(program):
    with World(program) as w:
        w.run("schedule", "add", "now", "--site", "shop", "--start", utc(-5), "--end", utc(60), "--message", "moving")
        code, out, err = w.run("tick")
        check("the flag of a window is written", code == 0 and w.there("state/flags/shop.flag"), err)
        check("... with its id", "window = now" in w.get("state/flags/shop.flag"))
        check("... and told once", [e["event"] for e in w.events()].count("window-start") == 1)
        w.run("tick")
        check("... not twice", [e["event"] for e in w.events()].count("window-start") == 1)
        check("nothing is taken for done by hand", "observed" not in [e["event"] for e in w.events()], w.events())
        w.run("step", "1/2", "--site", "shop")
        check("a step keeps it the window's", "window = now" in w.get("state/flags/shop.flag"))
        os.unlink(w.path("state/windows.d/now.ini"))
        w.run("tick")
        check("its flag goes with the window", not w.there("state/flags/shop.flag"))
        check("... and is told", w.events()[-1]["event"] == "window-end", w.events()[-1])
        w.run("schedule", "add", "again", "--site", "shop", "--start", utc(-5), "--end", utc(60))
        w.run("tick")
        code, out, err = w.run("off", "--site", "shop", "--result", "ok")
        check("off ends a window", code == 0 and w.run("status", "--site", "shop")[0] == 1, (out, err))
        w.run("tick")
        check("... and upkeep does not begin it again", not w.there("state/flags/shop.flag"))
        w.run("schedule", "add", "third", "--start", utc(-5), "--end", utc(60))
        check("a refused one changed nothing", not w.there("state/windows.d/third.ini"))
        w.run("schedule", "remove", "again")
        w.run("schedule", "add", "third", "--start", utc(-5), "--end", utc(60))
        w.run("tick")
        check("a window of every site is the global flag's", w.there("state/maintenance.flag") and
              not w.there("state/flags/shop.flag"))
        code, out, err = w.run("until", "+2h", "--reason", "slow")
        check("until takes it over", code == 0 and "window =" not in w.get("state/maintenance.flag"), (out, err))
        w.run("tick")
        check("... for good", w.there("state/maintenance.flag") and "window =" not in w.get("state/maintenance.flag"))


def test_tick_flags(program):
    with World(program, site="on_overrun = lift\nmax_duration = 1h") as w:
        w.put("state/maintenance.flag", "since = 2020-01-01T00:00:00Z\nuntil = 2020-01-01T01:00:00Z\n")
        w.run("tick")
        check("a flag past its end is lifted", not w.there("state/maintenance.flag"))
        check("... and told", "lift" in [e["event"] for e in w.events()], w.events())
        w.put("state/maintenance.flag", "since = 2020-01-01T00:00:00Z\nuntil = 2020-01-01T01:00:00Z\nnonsense\n")
        w.run("tick")
        check("one that is half understood is not", w.there("state/maintenance.flag"))
    with World(program) as w:
        w.put("state/maintenance.flag", "until = 2020-01-01T01:00:00Z\n")
        w.run("tick")
        w.run("tick")
        events = [e["event"] for e in w.events()]
        check("an overrun that is kept is told once", events.count("overrun") == 1 and
              w.there("state/maintenance.flag"), events)
        check("... and the flag as switched by hand", events.count("observed") == 1, events)
        check("... by its owner", w.events()[0].get("owner") not in (None, ""), w.events()[0])
        os.unlink(w.path("state/maintenance.flag"))
        w.run("tick")
        last = w.events()[-1]
        check("its removal too", last["event"] == "observed" and last["state"] == "off", last)
        w.run("on")
        w.run("tick")
        w.run("off")
        w.run("tick")
        events = [e["event"] for e in w.events()]
        check("what wardenctl did is not by hand", events.count("observed") == 2, events)


def test_tick_leftovers(program):
    with World(program) as w:
        w.run("ticket", "new", "--for", "1m")
        w.run("ticket", "new", "--for", "2h", "--path", "/admin/", "--site", "shop")
        folder = w.path("state/tickets/any")
        name = os.listdir(folder)[0]
        w.put(f"state/tickets/any/{name}", "until = 2020-01-01T00:00:00Z\n")
        old, young = ".maintenance.flag.abcdef.tmp", ".maintenance.flag.ghijkl.tmp"
        for leftover in (old, young):
            w.put("state/" + leftover, "half")
        os.utime(w.path("state/" + old), (1, 1))
        w.put("state/ended/x.1000000000.skip", "")
        w.put("state/ended/x.9000000000.skip", "")
        w.run("tick")
        check("an expired ticket is removed", os.listdir(folder) == [], os.listdir(folder))
        check("... and told by its first digits", w.events()[-1]["ticket"] == name[:8], w.events()[-1])
        check("one that is good stays", len(os.listdir(w.path("state/tickets/shop/limited"))) == 1)
        check("an old temporary file is removed", not w.there("state/" + old))
        check("a young one may be somebody's", w.there("state/" + young))
        check("markers of past windows go", os.listdir(w.path("state/ended")) == ["x.9000000000.skip"])
        check("nobody may list tickets", os.stat(folder).st_mode & 0o777 == 0o711, oct(os.stat(folder).st_mode))


def test_check_command(program):
    with World(program, site="check_command = test -e WANTED || exit $(cat CODE)") as w:
        text = w.get("warden.ini").replace("WANTED", w.path("wanted")).replace("CODE", w.path("code"))
        w.put("warden.ini", text)
        w.put("code", "1")
        w.put("wanted", "")
        w.run("tick")
        check("check_command turns on", w.there("state/maintenance.flag") and
              "owner = check_command" in w.get("state/maintenance.flag"))
        os.unlink(w.path("wanted"))
        w.put("code", "7")
        code, out, err = w.run("tick")
        check("another status changes nothing, and is said", w.there("state/maintenance.flag") and
              "exit status 7" in err, err)
        w.put("code", "1")
        w.run("tick")
        check("... off", not w.there("state/maintenance.flag"))
        w.run("on")
        w.run("tick")
        check("what an operator turned on it leaves alone", w.there("state/maintenance.flag"))


HOOK = """#!/bin/sh
env | grep ^WARDEN_ | sort | tr '\\n' '|' >> {log}
echo >> {log}
"""


def test_hooks(program):
    with World(program) as w:
        os.makedirs(w.path("hooks.d"))
        log = w.path("log")
        w.put("hooks.d/10-log", HOOK.format(log=log), 0o755)
        w.put("log", "")
        w.run("tick")
        w.run("on", "--message", "a b", "--for", "1h", "--reason", "why")
        w.run("step", "1/2")
        w.run("until", "+1h", "--reason", "more")
        w.run("tick")
        lines = w.get("log").splitlines()
        events = [dict(p.split("=", 1) for p in line.split("|") if p)["WARDEN_EVENT"] for line in lines]
        check("hooks hear of each event in order", events == ["started", "step", "extended"], events)
        check("... with what it is about", "WARDEN_MESSAGE=a b|" in lines[0] and "WARDEN_REASON=why|" in lines[0] and
              "WARDEN_UNTIL=20" in lines[0] and "WARDEN_STEP=1/2|" in lines[1], lines)
        w.run("tick")
        check("... once", len(w.get("log").splitlines()) == 3)
        w.run("off", "--result", "rollback")
        w.put("hooks.d/05-fails", "#!/bin/sh\necho no network\nexit 1\n", 0o755)
        code, out, err = w.run("tick")
        check("one that fails is said", code == 3 and "05-fails" in err and "no network" in err, (code, err))
        check("... and keeps no other from running",
              w.get("log").splitlines()[-1].count("WARDEN_RESULT=rollback|") == 1)
        code, out, err = w.run("tick")
        check("... and is not told again", code == 0, err)
        os.chmod(w.path("hooks.d/10-log"), 0o777)
        w.run("on")
        code, out, err = w.run("tick")
        check("one that others may write is not run", code == 3 and "written by others" in err and
              len(w.get("log").splitlines()) == 4, err)
        os.chmod(w.path("hooks.d"), 0o777)
        code, out, err = w.run("off")
        check("where hooks cannot be asked, they refuse", code == 1 and "written by others" in err, err)
        w.run("off", "--force")
        code, out, err = w.run("tick")
        check("none of such a folder", code == 3 and "written by others" in err, err)
        os.chmod(w.path("hooks.d"), 0o755)
        os.unlink(w.path("hooks.d/05-fails"))
        os.chmod(w.path("hooks.d/10-log"), 0o755)
        w.put("hooks.d/preflight-backup", "#!/bin/sh\necho the backup is running\nexit 1\n", 0o755)
        code, out, err = w.run("on")
        check("a preflight hook refuses with its reason", code == 1 and "the backup is running" in err and
              not w.there("state/maintenance.flag"), (code, err))
        code, out, err = w.run("on", "--force")
        check("--force goes past it", code == 0 and w.there("state/maintenance.flag"), err)
        check("... and the journal says so", w.events()[-1].get("forced") is True, w.events()[-1])
        w.put("hooks.d/exit-smoke", "#!/bin/sh\n[ \"$WARDEN_RESULT\" != ok ]\n", 0o755)
        code, out, err = w.run("off", "--result", "ok")
        check("an exit hook refuses", code == 1 and w.there("state/maintenance.flag"), err)
        code, out, err = w.run("off", "--result", "rollback")
        check("... or does not", code == 0, err)


def test_hooks_once(program):
    with World(program) as w:
        log = w.path("log")
        w.put("log", "")
        w.put("hooks.d/slow", f"#!/bin/sh\necho $WARDEN_EVENT $WARDEN_STEP >> {log}\nsleep 0.5\n", 0o755)
        w.run("tick")
        w.run("on")
        w.run("step", "1/2")
        w.run("step", "2/2")
        first = subprocess.Popen([w.program, "-c", w.path("warden.ini"), "tick"], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not w.get("log") and time.monotonic() < end:
            time.sleep(0.01)
        code, out, err = w.run("tick")
        check("a tick while the hooks of the last one still run", code == 0 and "another tick" in out, (code, out, err))
        check("... and that one ends well", first.wait(30) == 0)
        told = ["started", "step 1/2", "step 2/2"]
        check("... each event is told once", [l.strip() for l in w.get("log").splitlines()] == told, w.get("log"))
        os.rename(w.path("state/journal.jsonl"), w.path("journal.old"))
        w.run("off")
        w.run("tick")
        w.run("tick")
        told.append("ended")
        check("a journal that was begun anew is told too, once", [l.strip() for l in w.get("log").splitlines()] == told,
              w.get("log"))


ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:Patch-Day@example.org
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20900105T020000
DTEND;TZID=Europe/Berlin:20900105T040000
RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=5
SUMMARY:Patch day
DESCRIPTION:Two\\nlines
END:VEVENT
BEGIN:VEVENT
UID:utc
DTSTAMP:20260101T000000Z
DTSTART:20900201T020000Z
DURATION:PT90M
SUMMARY:By duration
END:VEVENT
BEGIN:VEVENT
UID:bad
DTSTAMP:20260101T000000Z
DTSTART:20900301T020000Z
DTEND:20900301T030000Z
RRULE:FREQ=DAILY;COUNT=3
EXDATE:20900302T020000Z
END:VEVENT
END:VCALENDAR
"""


def test_calendar(program):
    with World(program) as w:
        w.put("in.ics", ICS.replace("\n", "\r\n"))
        code, out, err = w.run("schedule", "import", w.path("in.ics"), "--site", "shop")
        check("what a window cannot say is refused by name", code == 1 and "EXDATE" in err and "bad" in err,
              (code, err))
        check("... the others are planned", "2 windows planned, 1 refused" in out, (out, err))
        listed = {o["window"]: o for o in w.json("schedule", "list")}
        check("with zone and rule", listed.get("patch-day", {}).get("start") == "2090-01-05T01:00:00Z" and
              listed["patch-day"]["repeats"], listed)
        check("with its duration", listed.get("utc", {}).get("end") == "2090-02-01T03:30:00Z", listed)
        check("of the site", listed["utc"]["site"] == "shop")
        code, out, err = w.run("schedule", "export")
        check("export is a calendar", code == 0 and out.startswith("BEGIN:VCALENDAR") and
              "DTSTART;TZID=Europe/Berlin:20900105T020000" in out and "RRULE:FREQ=WEEKLY" in out and
              "BEGIN:VTIMEZONE" in out, out[:300])
        w.put("out.ics", out)
        for name in listed:
            w.run("schedule", "remove", name)
        code, out, err = w.run("schedule", "import", w.path("out.ics"), "--site", "shop")
        again = {o["window"]: o for o in w.json("schedule", "list")}
        same = all(again.get(n, {}).get(k) == o[k] for n, o in listed.items() for k in ("start", "end", "repeats"))
        check("what was exported comes back the same", code == 0 and same, (err, again))
        w.put("no.ics", "no calendar\n")
        code, out, err = w.run("schedule", "import", w.path("no.ics"))
        check("no calendar", code == 2 and "no sound calendar" in err, (code, err))
        check("no file", w.run("schedule", "import", w.path("gone.ics"))[0] == 3)


ODD = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:gone
DTSTAMP:20260101T000000Z
DTSTART:20900301T020000Z
DTEND:20900301T030000Z
STATUS:CANCELLED
END:VEVENT
BEGIN:VEVENT
UID:two-zones
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20900302T020000
DTEND;TZID=America/New_York:20900302T030000
END:VEVENT
BEGIN:VEVENT
UID:utc-then-zone
DTSTAMP:20260101T000000Z
DTSTART:20900303T020000Z
DTEND;TZID=America/New_York:20900303T030000
END:VEVENT
BEGIN:VEVENT
UID:endless
DTSTAMP:20260101T000000Z
DTSTART:20900304T020000Z
END:VEVENT
BEGIN:VEVENT
UID:zone-then-utc
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20900305T020000
DTEND:20900305T030000Z
END:VEVENT
END:VCALENDAR
"""


def test_odd_events(program):
    with World(program) as w:
        w.put("in.ics", ODD.replace("\n", "\r\n"))
        code, out, err = w.run("schedule", "import", w.path("in.ics"))
        for uid, words in (("gone", "cancelled"), ("two-zones", "different zones"),
                           ("utc-then-zone", "different zones"),
                           ("endless", "neither DTEND nor DURATION")):
            check(f"an event that is no window: {uid}", f"event {uid} is refused" in err and words in err, err)
        check("one that ends in UTC is a window", code == 1 and [(o["window"], o["end"]) for o in w.json(
              "schedule", "list")] == [("zone-then-utc", "2090-03-05T03:00:00Z")], (code, out, err))


def test_two_planners(program):
    """What is planned while one waits for the other counts."""
    with World(program) as w:
        def behind(wait_for, *arguments):
            lock = os.open(w.path("state"), os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = subprocess.Popen([w.program, "-c", w.path("warden.ini"), "schedule", *arguments],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                process.wait(0.3)
            except subprocess.TimeoutExpired:
                pass
            wait_for()
            os.close(lock)
            _, err = process.communicate(timeout=30)
            return process.returncode, err

        def other():
            w.put("state/windows.d/b.ini", f"[window.b]\nsite = shop\nstart = {utc(60)}\nend = {utc(120)}\n")

        def approve():
            w.put("state/windows.d/b.ini", w.get("state/windows.d/b.ini") + "approved = bob\n")

        code, err = behind(other, "add", "a", "--site", "shop", "--start", utc(90), "--end", utc(150))
        check("two that overlap, planned at once: one is refused", code == 1 and "overlaps" in err, (code, err))
        code, err = behind(other, "add", "b", "--site", "shop", "--start", utc(900), "--end", utc(950))
        check("... and so is one of the same id", code == 1 and "already" in err, (code, err))
        code, err = behind(approve, "approve", "b", "--by", "carl")
        check("... and a second approval", code == 1 and "approved by bob already" in err, (code, err))
        check("... and the configuration is sound", w.run("schedule", "list")[0] == 0)


class Site(http.server.BaseHTTPRequestHandler):
    tickets = []
    status = 200

    def do_GET(self):
        Site.tickets.append(self.headers.get("X-Maintenance-Ticket"))
        self.send_response(Site.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_run(program):
    with World(program) as w, site() as url:
        w.put("warden.ini", w.get("warden.ini").replace("[site]\n", f"[site]\nurl = {url}\n"))
        flag = w.path("state/maintenance.flag")
        code, out, err = w.run("run", "--for", "30m", "--smoke", "/health", "--", "test", "-e", flag)
        check("the command runs during maintenance", code == 0 and not os.path.exists(flag), (code, out, err))
        check("... and a smoke test through a ticket", len(Site.tickets) == 1 and len(Site.tickets[0] or "") == 32,
              Site.tickets)
        check("... which is gone after", not any(files for _, _, files in os.walk(w.path("state/tickets"))))
        check("no ticket is in the journal", Site.tickets[0] not in w.get("state/journal.jsonl"))
        check("the result is told", [e for e in w.events() if e["event"] == "off"][-1]["result"] == "ok")
        Site.status = 500
        code, out, err = w.run("run", "--smoke", url + "x", "--", "true")
        check("a smoke test that fails keeps it on", code == 1 and os.path.exists(flag), (code, err))
        w.run("off")
        code, out, err = w.run("run", "--smoke", url, "--on-fail", "lift", "--", "true")
        check("... or lifts it", code == 1 and not os.path.exists(flag), (code, err))
        check("... as aborted", [e for e in w.events() if e["event"] == "off"][-1]["result"] == "aborted")
        code, out, err = w.run("run", "--", "sh", "-c", "exit 7")
        check("the exit code is the command's", code == 7 and os.path.exists(flag) and "stays ON" in err, (code, err))
        w.run("off")
        code, out, err = w.run("run", "--on-fail", "lift", "--", "sh", "-c", "kill -9 $$")
        check("... also of a signal", code == 137 and not os.path.exists(flag), (code, err))
        code, out, err = w.run("run", "--on-fail", "lift", "--", "/no/such/program")
        check("a command that is not there", code == 127 and not os.path.exists(flag), (code, err))
        os.rename(w.path("state/journal.jsonl"), w.path("aside"))
        os.mkdir(w.path("state/journal.jsonl"))
        code, out, err = w.run("run", "--", "touch", w.path("ran"))
        os.rmdir(w.path("state/journal.jsonl"))
        os.rename(w.path("aside"), w.path("state/journal.jsonl"))
        check("where on has trouble, the command is not run, and that is said", code == 3 and
              "touch was not run" in err and
              not w.there("ran") and os.path.exists(flag), (code, err))
        w.run("off")
        check("a word that is none", w.run("run", "--on-fail", "perhaps", "--", "true")[0] == 2)
        check("no command", w.run("run", "--for", "5m")[0] == 2)
        test_run_signal(w, flag)
        test_run_while_on(w, flag)
        test_run_unread(w, flag)


def test_run_unread(w, flag):
    """Nobody reads what run says: it goes on all the same, and the command is not spared its SIGPIPE."""
    ran = w.path("ran")
    read, write = os.pipe()
    os.close(read)
    code = subprocess.run([w.program, "-c", w.path("warden.ini"), "run", "--", "sh", "-c", f"touch {ran}"],
                          stdout=write,
                          stderr=subprocess.DEVNULL, timeout=60, check=False).returncode
    check("a closed pipe: the command runs, and maintenance ends", os.path.exists(ran) and not os.path.exists(flag),
          code)
    code = subprocess.run([w.program, "-c", w.path("warden.ini"), "-q", "run", "--on-fail", "lift", "--", "yes"],
                          stdout=write,
                          stderr=subprocess.DEVNULL, timeout=60, check=False).returncode
    os.close(write)
    check("a closed pipe: SIGPIPE ends the command as ever", code == 128 + signal.SIGPIPE, code)


def test_run_while_on(w, flag):
    """Somebody else's maintenance is not ended."""
    w.run("on", "--message", "of another")
    for more in ([], ["--on-fail", "lift"]):
        code, out, _ = w.run("run", *more, "--", "sh", "-c", "exit 7" if more else "exit 0")
        check(f"run while on {more}: it stays on", code == (7 if more else 0) and os.path.exists(flag) and
              "was on before" in out, (code, out))
    w.run("off")


def test_run_signal(w, flag):
    """SIGTERM reaches the command, which says that it has begun by a pipe."""
    read, write = os.pipe()
    process = subprocess.Popen([w.program, "-c", w.path("warden.ini"), "-q", "run", "--on-fail", "lift", "--", "sh",
                                "-c",
                                f"trap 'kill $!; exit 9' TERM; sleep 60 & echo begun >&{write}; wait"],
                               pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    os.read(read, 1)
    os.close(read)
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(30)
    except subprocess.TimeoutExpired:
        code = "it never ended"
        process.kill()
        process.wait()
    check("SIGTERM reaches the command, and its code counts", code == 9, code)
    check("... and maintenance ends", not os.path.exists(flag))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wardenctl", required=True)
    parser.add_argument("--gateway")
    program = os.path.abspath(parser.parse_args().wardenctl)
    for test in (test_add, test_policy, test_tick_windows, test_tick_flags, test_tick_leftovers, test_check_command,
                 test_hooks, test_hooks_once, test_calendar, test_odd_events, test_two_planners, test_run):
        test(program)
    print(f"ctl-schedule: {check.passed} passed, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
