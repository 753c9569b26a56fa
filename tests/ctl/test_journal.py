#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wardenctl journal and report, on journals that are written here.

usage: test_journal.py --wardenctl PATH

The hashes are made with Python's own SHA-256, so the format of the journal is tested from outside; the figures that
the report must show were computed by hand, beside the records that they come from.
"""

import argparse
import csv
import datetime
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile

NO_HASH = "0" * 64
INI = """[gateway]
state_dir = {state}
[site]
[site.shop]
host = shop.example.com
time_zone = Europe/Berlin
"""


def line_of(seq, time, prev, members):
    """A line of the journal and its hash."""
    record = {"seq": seq, "time": time, **members, "prev": prev}
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)[:-1]
    text = text.replace("\\u001b", "\\u001B")         # as jansson writes it
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{text},"hash":"{digest}"}}', digest


def journal_of(records):
    """Lines and hashes of records (time, event, site, members)."""
    lines, hashes, prev = [], [], NO_HASH
    for seq, (time, event, site, members) in enumerate(records, 1):
        whole = {"event": event, "site": site, "by": "anna", "uid": 1000, **members}
        line, prev = line_of(seq, time, prev, whole)
        lines.append(line)
        hashes.append(prev)
    return lines, hashes


# The story.  M1: 2 of 3 on time.  M3: 1 of 3.  M4: (5400 + 7200 + 7200 + 3600 + 1800) / 5 = 5040, median 5400.
# M7: 3 of 3 and 1 of 2.  Planned 7200 + 3600 + 7200 = 18000, took 5400 + 7200 + 7200 = 19800.
STORY = [
    # one: every site, planned 2 h, took 1 h 30 m, on time, ok, three steps that all went well
    ("2024-03-01T10:00:00Z", "on", None, {
        "id": "one", "since": "2024-03-01T10:00:00Z", "until": "2024-03-01T12:00:00Z", "mode": "full",
        "message": "We are\u001b[31m upgrading.", "owner": "anna", "reason": "upgrade", "change": "CHG-1"}),
    ("2024-03-01T10:05:00Z", "step", None, {"id": "one", "step": "1/3 copying"}),
    ("2024-03-01T10:15:00Z", "step", None, {"id": "one", "step": "2/3 migrating"}),
    ("2024-03-01T10:20:00Z", "step", None, {"id": "one", "step": None}),       # taken off the page: no step
    ("2024-03-01T10:25:00Z", "step", None, {"id": "one", "step": "3/3 checking"}),
    ("2024-03-01T11:30:00Z", "off", None, {
        "id": "one", "since": "2024-03-01T10:00:00Z", "until": "2024-03-01T12:00:00Z", "result": "ok",
        "note": "quiet", "held": 31877, "passed": 611, "passes": {"address": 540, "ticket": 71}}),
    # two: planned 1 h, extended once, took 2 h: late by 1 h, rollback after the second of two steps
    ("2024-03-02T10:00:00Z", "on", "shop", {
        "id": "two", "since": "2024-03-02T10:00:00Z", "until": "2024-03-02T11:00:00Z", "owner": "ben"}),
    ("2024-03-02T10:10:00Z", "on", "shop", {
        "id": "two", "since": "2024-03-02T10:00:00Z", "until": "2024-03-02T11:00:00Z", "message": "Still."}),
    ("2024-03-02T10:15:00Z", "step", "shop", {"id": "two", "step": "1/2 moving"}),
    ("2024-03-02T10:20:00Z", "step", "shop", {"id": "two", "step": "2/2 moving on"}),
    ("2024-03-02T10:50:00Z", "until", "shop", {
        "id": "two", "before": "2024-03-02T11:00:00Z", "until": "2024-03-02T12:30:00Z", "reason": "slow disk"}),
    ("2024-03-02T11:00:00Z", "ticket-new", "shop", {
        "ticket": "8f0c3d2aDEADBEEF", "until": "2024-03-02T13:00:00Z", "note": "Anna, smoke test"}),
    ("2024-03-02T12:00:00Z", "off", "shop", {
        "id": "two", "since": "2024-03-02T10:00:00Z", "until": "2024-03-02T12:30:00Z", "result": "rollback"}),
    # weekly: 2 h as planned, and upkeep said so 40 s later; nobody said how its only step went
    ("2024-03-03T02:00:20Z", "window-start", "shop", {
        "id": "weekly", "since": "2024-03-03T02:00:00Z", "until": "2024-03-03T04:00:00Z", "owner": "ops"}),
    ("2024-03-03T02:30:00Z", "step", "shop", {"id": "weekly", "step": "only one"}),
    ("2024-03-03T04:00:40Z", "window-end", "shop", {
        "id": "weekly", "since": "2024-03-03T02:00:00Z", "until": "2024-03-03T04:00:00Z", "held": 0, "passed": 0,
        "passes": {}}),
    # by hand, of a site that is no longer in the INI: 1 h, nothing planned, nothing known
    ("2024-03-04T00:00:30Z", "observed", "blog", {
        "state": "on", "id": "hand", "owner": "www-data", "ctime": "2024-03-04T00:00:00Z",
        "since": "2024-03-04T00:00:00Z", "until": None}),
    ("2024-03-04T01:00:00Z", "observed", "blog", {
        "state": "off", "id": "hand", "since": "2024-03-04T00:00:00Z", "until": None}),
    # touched and ended between two runs of upkeep: 30 m, aborted; what happened in between is unknown
    ("2024-03-05T10:30:00Z", "off", None, {
        "id": "unseen", "since": "2024-03-05T10:00:00Z", "until": None, "result": "aborted"}),
    # still on, and its texts are made for a spreadsheet
    ("2024-03-06T10:00:00Z", "on", "shop", {
        "id": "open", "since": "2024-03-06T10:00:00Z", "until": "2024-03-06T11:00:00Z", "owner": "=1+1",
        "change": 'CHG "7", urgent'}),
    ("2024-03-06T10:05:00Z", "moon-phase", None, {"phase": "full", "of": [1, 2]}),
]


class Tests:
    def __init__(self, wardenctl, folder):
        self.wardenctl = wardenctl
        self.state = os.path.join(folder, "state")
        self.ini = os.path.join(folder, "warden.ini")
        self.path = os.path.join(self.state, "journal.jsonl")
        self.passed = self.failed = 0
        os.mkdir(self.state, 0o751)
        with open(self.ini, "w", encoding="utf-8") as file:
            file.write(INI.format(state=self.state))

    def say(self, good, what, seen=""):
        if good:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {what}\n{seen}")

    def equal(self, seen, wanted, what):
        self.say(seen == wanted, what, f"  wanted {wanted!r}\n  seen   {seen!r}")

    def contains(self, text, *parts):
        for part in parts:
            self.say(part in text, f"output has {part!r}", text)

    def write(self, lines, tail=""):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines) + tail)

    def run(self, *arguments, code=0, err=""):
        done = subprocess.run([self.wardenctl, "-c", self.ini, *arguments], capture_output=True, check=False,
                              timeout=30)
        self.equal(done.returncode, code, f"exit code of {' '.join(arguments)}: {done.stderr.decode()}")
        errors = done.stderr.decode()
        self.say(err in errors if err else errors == "", f"errors of {' '.join(arguments)}", errors)
        return done.stdout.decode()

    def without_a_journal(self):
        self.contains(self.run("journal"), "nothing is in the journal")
        self.equal(self.run("journal", "--json"), "", "no lines")
        self.contains(self.run("journal", "verify"), "there is no journal")
        self.contains(self.run("journal", "verify", "--head", "a" * 64, code=1), "there is no journal")
        self.equal(json.loads(self.run("journal", "verify", "--json"))["head"], None, "no head")
        self.contains(self.run("report"), "nothing is in the journal")
        self.empty_report()
        self.equal(len(self.run("report", "--csv").splitlines()), 1, "the header alone")
        self.write([])
        self.contains(self.run("journal", "verify"), "0 lines, whole")
        self.run("journal", "verify", "--head", "a" * 64, code=1)
        self.empty_report()

    def empty_report(self):
        report = json.loads(self.run("report", "--json"))
        self.equal(report["windows"], [], "no windows")
        self.equal([report["figures"][m]["percent"] for m in ("M1", "M3", "M7")], [None] * 3, "unknown, not 0")
        self.equal(report["figures"]["M4"]["mean_seconds"], None, "unknown, not 0")
        self.equal(report["figures"]["M1"]["on_time"], None, "unknown, not 0")
        self.equal(report["figures"]["planned"]["planned_seconds"], None, "unknown, not 0")

    def used_wrongly(self):
        for arguments in (("journal", "verify", "--head", "abc"), ("journal", "verify", "--head", "g" * 64),
                          ("journal", "verify", "--since", "1d"), ("journal", "verify", "--site", "shop"),
                          ("journal", "--head", "a" * 64), ("journal", "show"), ("journal", "--since", "soon"),
                          ("journal", "--since", "+1h"), ("journal", "--since", "2999-01-01 00:00"),
                          ("journal", "--site", "nowhere"), ("report", "--csv", "--json"), ("report", "more"),
                          ("report", "--since", "13x"), ("report", "--site", "nowhere")):
            self.equal(self.run(*arguments, code=2, err="wardenctl: "), "", "nothing but the error")

    def lines_for_people(self):
        lines, _ = journal_of(STORY)
        self.write(lines)
        shown = self.run("journal").splitlines()
        self.equal(len(shown), len(STORY), "a line a record")
        self.contains(shown[0], "2024-03-01 10:00 UTC", "on            every site  anna",
                      "until 2024-03-01 12:00 UTC", "reason \"upgrade\"", "change CHG-1", "message \"We are [31m up")
        self.say("\x1b" not in "".join(shown), "no escape sequence reaches the terminal")
        self.contains(shown[5], "after 1 h 30 m", "planned until 2024-03-01 12:00 UTC", "result ok", "held 31877",
                      "passed 611 (address 540, ticket 71)", "note \"quiet\"")
        self.contains(shown[6], "2024-03-02 11:00 CET", "shop")
        self.contains(shown[10], "until 2024-03-02 13:30 CET", "before that 2024-03-02 12:00 CET")
        self.contains(shown[11], "ticket 8f0c3d2a,")
        self.say("DEADBEEF" not in shown[11], "a ticket's first digits only", shown[11])
        self.contains(shown[16], "switched on by hand, since 2024-03-04 00:00 UTC, id hand", "owner www-data")
        self.contains(shown[19], 'owner =1+1, change "CHG \\"7\\", urgent"')
        self.contains(shown[20], "moon-phase    every site", "phase full", "of 1 2")
        self.equal(len({line.index("anna") for line in shown}), 1, "one column for those who did it")
        self.equal(self.run("journal", "-q"), "", "quiet")

    def choosing(self):
        lines, _ = journal_of(STORY)
        self.write(lines)
        self.equal(self.run("journal", "--json").splitlines(), lines, "JSON lines, byte for byte")
        self.equal(self.run("journal", "--json", "--window", "two").splitlines(), lines[6:11] + lines[12:13],
                   "one window's")
        self.equal(self.run("journal", "--json", "--site", "blog").splitlines(),
                   [line for line, (_, _, site, _) in zip(lines, STORY) if site in (None, "blog")],
                   "a site that is gone, and every site")
        self.equal(self.run("journal", "--json", "--since", "2024-03-06").splitlines(), lines[19:], "since a day")
        self.equal(self.run("journal", "--json", "--since", "2024-03-06T11:05+01:00").splitlines(), lines[20:],
                   "since a time")
        self.contains(self.run("journal", "--since", "2h"), "nothing is in the journal that was asked for")
        self.equal(self.run("journal", "--since", "2h", "--json"), "", "a span back")
        now = datetime.datetime.now(datetime.timezone.utc)
        times = [(now - datetime.timedelta(hours=h)).strftime("%Y-%m-%dT%H:%M:%SZ") for h in (50, 30, 1)]
        recent, _ = journal_of([(time, "bypass-off", None, {}) for time in times])
        self.write(recent)
        self.equal(self.run("journal", "--json", "--since", "2d").splitlines(), recent[1:], "two days back")
        self.equal(self.run("journal", "--json", "--since", "4h").splitlines(), recent[2:], "four hours back")

    def windows_planned(self):
        records = [("2024-03-01T10:00:00Z", "schedule-add", "shop", {
            "window": "db", "start": "2024-04-01 02:00", "end": "2024-04-01 04:00", "repeat": "FREQ=WEEKLY",
            "owner": "anna", "change": None}),
                   ("2024-03-01T10:01:00Z", "run", None, {"id": "r", "command": ["./deploy.sh", "-x"], "code": 3}),
                   ("2024-03-01T10:02:00Z", "on", None, {"id": "r", "until": None, "forced": True})]
        lines, _ = journal_of(records)
        self.write(lines)
        shown = self.run("journal").splitlines()
        self.contains(shown[0], "window db, start 2024-04-01 02:00, end 2024-04-01 04:00, repeat FREQ=WEEKLY, owner")
        self.contains(shown[1], 'command "./deploy.sh -x", exit 3')
        self.contains(shown[2], "without a planned end, id r, forced")
        self.equal(self.run("journal", "--window", "db", "--json").splitlines(), lines[:1], "of a planned window")

    def verifying(self):
        lines, hashes = journal_of(STORY)
        n = len(lines)
        self.write(lines)
        self.equal(self.run("journal", "verify"), f"{n} lines, whole; head {hashes[-1]}\n", "whole")
        self.run("journal", "verify", "--head", hashes[3])
        self.run("journal", "verify", "--head", hashes[-1].upper())
        verified = json.loads(self.run("journal", "verify", "--json"))
        self.equal((verified["whole"], verified["lines"], verified["head"], verified["findings"]),
                   (True, n, hashes[-1], []), "whole, for programs")
        self.write(lines[:-2])
        self.contains(self.run("journal", "verify", "--head", hashes[-1], code=1), f"{n - 2} lines, DAMAGED")
        self.run("journal", "verify")
        self.write(lines[:1])
        self.equal(self.run("journal", "verify"), f"1 line, whole; head {hashes[0]}\n", "one line")
        self.write(lines, '{"seq":22,"time":"2024-03')
        self.contains(self.run("journal", "verify"), f"journal.jsonl:{n + 1}: no damage: ", f"{n} lines, whole")
        self.equal(len(self.run("journal").splitlines()), n, "a torn line is not shown")
        self.run("report")

    def damaged(self):
        lines, _ = journal_of(STORY)
        changed = [line.replace('"ok"', '"OK"') for line in lines]
        self.write(changed)
        self.contains(self.run("journal", "verify", code=1), "journal.jsonl:6: ", "DAMAGED")
        self.equal(self.run("journal", "verify", "-q", code=1), "", "quiet")
        warning = "the journal does not verify: wardenctl journal verify"
        self.contains(self.run("report", err=warning), "6 windows")
        self.equal(len(json.loads(self.run("report", "--json", err=warning))["windows"]), 6, "and goes on")
        self.write(lines[:4] + lines[5:])
        findings = json.loads(self.run("journal", "verify", "--json", code=1))["findings"]
        self.equal([(f["line"], f["fault"]) for f in findings], [(5, "missing")], "a line is gone")
        self.write(lines[:2] + ["nonsense"] + lines[2:])
        findings = json.loads(self.run("journal", "verify", "--json", code=1))["findings"]
        self.equal([(f["line"], f["fault"]) for f in findings], [(3, "not-json")], "a line of someone else")

    def figures(self):
        lines, _ = journal_of(STORY)
        self.write(lines)
        report = json.loads(self.run("report", "--json"))
        f = report["figures"]
        self.equal(report["since"], None, "all of it")
        self.equal((f["windows"], f["still_on"]), (6, 1), "windows")
        self.equal((f["M1"]["percent"], f["M1"]["on_time"], f["M1"]["of"]), (66.7, 2, 3), "M1")
        self.equal((f["M3"]["percent"], f["M3"]["rollbacks"], f["M3"]["of"]), (33.3, 1, 3), "M3")
        self.equal((f["M4"]["mean_seconds"], f["M4"]["median_seconds"], f["M4"]["of"]), (5040, 5400, 5), "M4")
        self.equal((f["M7"]["percent"], f["M7"]["succeeded"], f["M7"]["of"]), (80.0, 4, 5), "M7")
        self.equal((f["planned"]["planned_seconds"], f["planned"]["actual_seconds"], f["planned"]["of"]),
                   (18000, 19800, 3), "planned against actual")
        wanted = [
            ("one", None, 5400, "on time", 0, "ok", 0, 3, 31877, 611),
            ("two", "shop", 7200, "late", 3600, "rollback", 1, 2, None, None),
            ("weekly", "shop", 7200, "on time", 0, None, 0, 1, 0, 0),
            ("hand", "blog", 3600, None, None, None, 0, 0, None, None),
            ("unseen", None, 1800, None, None, "aborted", None, None, None, None),
            ("open", "shop", None, None, None, None, 0, 0, None, None),
        ]
        names = ("id", "site", "duration_seconds", "adherence", "late_seconds", "result", "extensions", "steps",
                 "held", "passed")
        self.equal([tuple(w[name] for name in names) for w in report["windows"]], wanted, "windows")
        first, second, third, hand, _, still = report["windows"]
        self.equal(first["passes"], {"address": 540, "ticket": 71}, "use of bypasses")
        self.equal((second["planned_first"], second["planned_last"]),
                   ("2024-03-02T11:00:00Z", "2024-03-02T12:30:00Z"), "planned at first and at last")
        self.equal(third["ended"], "2024-03-03T04:00:00Z", "upkeep told of the end 40 s later")
        self.equal((hand["began"], hand["owner"], hand["passes"]), ("2024-03-04T00:00:00Z", "www-data", None),
                   "by hand")
        self.equal((still["still_on"], still["ended"]), (True, None), "still on")

    def figures_in_words(self):
        lines, _ = journal_of(STORY)
        self.write(lines)
        text = self.run("report")
        self.contains(text, "6 windows, 1 still on", "66.7 %", "2 of 3 windows", "33.3 %", "1 h 24 m",
                      "of 5 ended windows; median 1 h 30 m", "80.0 %", "4 of 5 steps",
                      "planned 5 h, took 5 h 30 m, in 3 windows", "one  every site  took 1 h 30 m, on time, result ok",
                      "two  shop  took 2 h, late by 1 h, result rollback", "1 extension",
                      "held     31,877, passed 611 (address 540, ticket 71)", "open  shop  still on",
                      "took 1 h, adherence unknown, result unknown", "held     unknown, passed unknown",
                      "unknown steps")
        self.equal(self.run("report", "-q"), "", "quiet")
        alone, _ = journal_of(STORY[16:18])
        self.write(alone)
        text = self.run("report")
        self.contains(text, "1 window\n")
        figures = text[text.index("1 window\n"):].splitlines()[1:]
        self.equal(["unknown" in line for line in figures], [True, True, False, True, True], "all but M4 is unknown")
        self.say(" 0.0 %" not in text, "what is unknown is not 0", text)

    def table(self):
        lines, _ = journal_of(STORY)
        self.write(lines)
        text = subprocess.run([self.wardenctl, "-c", self.ini, "report", "--csv"], capture_output=True,
                              check=False).stdout.decode()
        self.equal(text.count("\r\n"), 7, "RFC 4180 line ends")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.equal([row["id"] for row in rows], ["one", "two", "weekly", "hand", "unseen", "open"], "a line a window")
        self.equal(rows[0]["passes"], "address 540; ticket 71", "use of bypasses")
        self.equal((rows[1]["held"], rows[3]["planned_first"], rows[4]["steps"], rows[2]["held"]),
                   ("unknown", "unknown", "unknown", "0"), "unknown is not 0")
        self.equal((rows[5]["owner"], rows[5]["change"], rows[5]["ended"]), ("'=1+1", 'CHG "7", urgent', "still on"),
                   "no formula, and quotes doubled")
        self.say('"CHG ""7"", urgent"' in text, "quoted as RFC 4180 has it", text)
        odd, _ = journal_of([("2024-03-01T10:00:00Z", "on", None, {"id": f, "owner": f + "x", "change": "a\nb"})
                             if n % 2 == 0 else ("2024-03-01T11:00:00Z", "off", None, {"id": f})
                             for f in "+-@" for n in range(2)])
        self.write(odd)
        text = self.run("report", "--csv")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.equal([row["owner"] for row in rows], ["'+x", "'-x", "'@x"], "no formulas")
        self.equal(rows[0]["change"], "a\nb", "a line end in a text")

    def part_of_it(self):
        lines, _ = journal_of(STORY)
        self.write(lines)

        def ids(*arguments):
            return [w["id"] for w in json.loads(self.run("report", "--json", *arguments))["windows"]]

        self.equal(ids("--since", "2024-03-02 11:30"), ["two", "weekly", "hand", "unseen", "open"],
                   "begun before, ended after")
        self.equal(ids("--since", "2024-03-02T12:00:01Z"), ["weekly", "hand", "unseen", "open"], "over before")
        self.equal(ids("--since", "1d"), ["open"], "still on")
        self.equal(ids("--site", "shop"), ["one", "two", "weekly", "unseen", "open"], "a site, and every site")
        self.equal(ids("--site", "blog"), ["one", "hand", "unseen"], "a site that is gone from the INI")
        report = json.loads(self.run("report", "--json", "--since", "2024-03-04"))
        self.equal(report["since"], "2024-03-04T00:00:00Z", "since when")
        self.equal((report["figures"]["M1"]["percent"], report["figures"]["M1"]["of"]), (None, 0), "nothing known")
        self.equal(report["figures"]["M3"]["percent"], 0.0, "a known 0: aborted is no rollback")
        self.write(journal_of(STORY[:6])[0])
        self.contains(self.run("report", "--since", "1d"), "no maintenance window is in this part of the journal")

    def odd_orders(self):
        """How windows are rebuilt where the records do not come one on, one off."""
        def windows(*records):
            self.write(journal_of([("2024-03-01T%sZ" % r[0], r[1], r[2], r[3]) for r in records])[0])
            return [(w["id"], w["began"] and w["began"][11:16], w["ended"] and w["ended"][11:16], w["extensions"],
                     w["adherence"]) for w in json.loads(self.run("report", "--json"))["windows"]]

        def at(time):
            return f"2024-03-01T{time}:00Z"

        self.equal(windows(("09:00:00", "on", "shop", {"id": "a", "since": at("09:00"), "until": at("12:00")}),
                           ("09:30:00", "on", None, {"id": "g", "since": at("09:30")}),
                           ("10:00:00", "off", None, {"id": "g", "since": at("09:30")}),
                           ("11:00:00", "off", "shop", {"id": "a", "since": at("09:00"), "until": at("12:00")})),
                   [("a", "09:00", "11:00", 0, "on time"), ("g", "09:30", "10:00", 0, None)], "one inside the other")
        self.equal(windows(("09:00:00", "on", "shop", {"id": "a", "since": at("09:00"), "until": None}),
                           ("10:00:05", "window-start", "shop",
                            {"id": "w", "since": at("10:00"), "until": at("11:00")}),
                           ("11:00:05", "window-end", "shop", {"id": "w", "since": at("10:00"), "until": at("11:00")}),
                           ("12:00:00", "off", "shop", {"id": "a", "since": at("09:00"), "until": None})),
                   [("a", "09:00", "12:00", 0, "late")], "a window that is over ends nothing that an operator began")
        self.equal(windows(("10:00:05", "window-start", "shop",
                            {"id": "w", "since": at("10:00"), "until": at("11:00")}),
                           ("10:30:00", "off", "shop", {"id": "w", "since": at("10:00"), "until": at("11:00")}),
                           ("11:00:05", "window-end", "shop", {"id": "w", "since": at("10:00"), "until": at("11:00")})),
                   [("w", "10:00", "10:30", 0, "on time")], "ended early, and told again at its end")
        self.equal(windows(("09:30:00", "until", None, {"id": "t", "before": at("10:00"), "until": at("10:30")}),
                           ("10:20:00", "off", None, {"id": "t", "since": at("09:00"), "until": at("10:30")})),
                   [("t", "09:00", "10:20", 1, "late")], "a touched flag whose end was moved")
        self.equal(windows(("09:00:00", "on", None, {"id": "l", "since": at("09:00"), "until": at("10:00")}),
                           ("10:00:59", "lift", None, {"id": "l", "since": at("09:00"), "until": at("10:00")})),
                   [("l", "09:00", "10:00", 0, "on time")], "lifted at its end")
        self.equal(windows(("09:00:00", "on", None, {"id": "l", "since": at("09:00"), "until": at("10:00")}),
                           ("10:05:00", "window-end", None, {"id": "l", "since": at("09:00"), "until": at("10:00")})),
                   [("l", "09:00", "10:05", 0, "late")], "upkeep did not run")
        self.equal(windows(("09:00:00", "on", None, {"id": "l", "since": at("09:00"), "until": at("10:00")}),
                           ("08:00:00", "off", None, {"id": "l", "since": at("09:00"), "until": at("10:00")})),
                   [("l", "09:00", "08:00", 0, None)], "the clock was put back")
        self.equal(windows(("09:00:00", "off", None, {"id": None, "since": None}),
                           ("09:30:00", "observed", None, {"state": "odd"}), ("09:40:00", "off", 7, {"id": 8})),
                   [], "nothing to rebuild")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--wardenctl", required=True)
    parser.add_argument("--gateway")
    program = os.path.abspath(parser.parse_args().wardenctl)
    with tempfile.TemporaryDirectory() as folder:
        tests = Tests(program, folder)
        tests.without_a_journal()
        tests.used_wrongly()
        tests.lines_for_people()
        tests.choosing()
        tests.windows_planned()
        tests.verifying()
        tests.damaged()
        tests.figures()
        tests.figures_in_words()
        tests.table()
        tests.part_of_it()
        tests.odd_orders()
    print(f"ctl-journal: {tests.passed} passed, {tests.failed} failed")
    return 0 if tests.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
