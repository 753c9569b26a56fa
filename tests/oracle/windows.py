#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Windows against two oracles: a model that reads RFC 5545 day by day with Python's zoneinfo, and libical for the days.

usage: windows.py OCCURRENCES [SEED]      prints "N passed, N failed"

The model knows nothing of the C code: it lists the days of a rule by going through all days, and turns wall-clock times
into instants by zoneinfo with fold=0, which takes the offset before a gap and the first of a doubled time.
"""
import calendar
import datetime
import random
import subprocess
import sys
import zoneinfo

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
DAY = datetime.timedelta(days=1)
EPOCH = datetime.date(1970, 1, 1)
ROUNDS = 1250                   # rules; each is asked at four instants
failed = passed = 0


def check(say, got, want):
    global passed, failed
    if got == want:
        passed += 1
        return
    failed += 1
    if failed <= 20:
        print(f"FAIL {say}\n  want {want}\n  got  {got}")


def instant(zone, wall):
    return int(wall.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0).timestamp())


def day_fits(rule, first, day):
    """Whether RFC 5545 puts an occurrence on that day; `rule` is a dict of the parts."""
    interval, freq = rule.get("INTERVAL", 1), rule["FREQ"]
    by_day, by_month_day = rule.get("BYDAY"), rule.get("BYMONTHDAY")
    last = calendar.monthrange(day.year, day.month)[1]
    if freq == "DAILY" and (day - first).days % interval:
        return False
    monday = day - day.weekday() * DAY
    if freq == "WEEKLY" and (monday - (first - first.weekday() * DAY)).days // 7 % interval:
        return False
    if freq == "MONTHLY" and ((day.year - first.year) * 12 + day.month - first.month) % interval:
        return False
    if by_month_day is not None and day.day not in [d if d > 0 else last + 1 + d for d in by_month_day]:
        return False
    if by_day is not None:
        same = [d for d in range(1, last + 1) if datetime.date(day.year, day.month, d).weekday() == day.weekday()]
        place = same.index(day.day)
        names = [WEEKDAYS[day.weekday()], f"{place + 1}{WEEKDAYS[day.weekday()]}",
                 f"{place - len(same)}{WEEKDAYS[day.weekday()]}"]
        return any(name in by_day for name in names)
    if by_month_day is None and freq == "WEEKLY":
        return day.weekday() == first.weekday()
    if by_month_day is None and freq == "MONTHLY":
        return day.day == first.day
    return True


def days_of(rule, start, zone, until_day):
    """All days of the rule up to `until_day`."""
    day, found = start.date(), []
    while day <= until_day and len(found) < rule.get("COUNT", 10**9):
        if day_fits(rule, start.date(), day):
            until = rule.get("UNTIL")
            at = datetime.datetime.combine(day, start.time())
            if until is not None and (instant(zone, at) > until[1] if until[0] == "Z" else at > until[1]):
                break
            found.append(day)
        day += DAY
    return found


def text_of(rule):
    parts = []
    for name, value in rule.items():
        if name in ("BYDAY", "BYMONTHDAY"):
            value = ",".join(str(v) for v in value)
        elif name == "UNTIL":
            value = value[2]
        parts.append(f"{name}={value}")
    return ";".join(parts)


def random_rule(rng, start, zone):
    freq = rng.choice(["DAILY", "WEEKLY", "MONTHLY"])
    rule = {"FREQ": freq}
    if rng.random() < 0.5:
        rule["INTERVAL"] = rng.choice([1, 2, 3, 5, 13])
    if rng.random() < 0.5:
        names = rng.sample(WEEKDAYS, rng.randint(1, 4))
        if freq == "MONTHLY" and rng.random() < 0.6:
            names = [f"{rng.choice([1, 2, 3, 4, 5, -1, -2, -5])}{n}" for n in names]
        rule["BYDAY"] = names
    if freq != "WEEKLY" and rng.random() < 0.3:
        rule["BYMONTHDAY"] = rng.sample(list(range(1, 32)) + [-1, -2, -31], rng.randint(1, 5))
    kind = rng.random()
    if kind < 0.2:
        rule["COUNT"] = rng.randint(1, 40)
    elif kind < 0.5:
        end = start + rng.randint(0, 900) * DAY
        if kind < 0.3:
            rule["UNTIL"] = ("day", datetime.datetime.combine(end.date(), datetime.time(23, 59, 59)),
                             end.strftime("%Y%m%d"))
        elif kind < 0.4:
            end += datetime.timedelta(seconds=rng.choice([-1, 0, 1]))
            rule["UNTIL"] = ("local", end, end.strftime("%Y%m%dT%H%M%S"))
        else:
            at = instant(zone, end) + rng.choice([-1, 0, 1])
            stamp = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
            rule["UNTIL"] = ("Z", at, stamp.strftime("%Y%m%dT%H%M%SZ"))
    return rule


def random_start(rng):
    """Often near a changeover of one of the zones, at hours that gaps and overlaps touch."""
    year = rng.choice([2026, 2027, 2028, 2030, 2037, 2038, 2039, 2096])
    month = rng.choice([3, 4, 10, 11, 2, 12, rng.randint(1, 12)])
    day = rng.randint(1, calendar.monthrange(year, month)[1])
    return datetime.datetime(year, month, day, rng.choice([0, 1, 1, 2, 2, 3, 12, 23]), rng.choice([0, 15, 30, 59]))


class Driver:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *fields):
        self.process.stdin.write("\t".join(str(f) for f in fields) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


def occurrences(days, start, length, zone):
    for day in days:
        begin = datetime.datetime.combine(day, start.time())
        first, last = instant(zone, begin), instant(zone, begin + length)
        if last > first:
            yield first, last


def next_ones(all_of_them, at, count):
    """As a gate asks: the first that is not over, then the first that is not over at its end, and so on."""
    found = []
    while len(found) < count:
        left = [o for o in all_of_them if o[1] > at]
        if not left:
            break
        found.append(left[0])
        at = left[0][1]
    return found


def one_round(driver, rng):
    zone, start = rng.choice(ZONES), random_start(rng)
    rule = random_rule(rng, start, zone)
    length = datetime.timedelta(minutes=rng.choice([1, 30, 60, 90, 120, 360, 1440, 1500, 3 * 1440]))
    end = start + length
    fields = (zone, start.strftime("%Y-%m-%d %H:%M"), end.strftime("%Y-%m-%d %H:%M"), text_of(rule))
    fits = start.date() in days_of(rule, start, zone, start.date())
    horizon = start.date() + 1100 * DAY
    listed = list(occurrences(days_of(rule, start, zone, horizon), start, length, zone))
    begin = instant(zone, start)
    for at in [0, begin] + [begin + rng.randint(0, 800 * 86400) for _ in range(2)]:
        got = driver.ask("ours", *fields, at, 3)
        if got.startswith("error"):
            refused = not fits or instant(zone, end) <= begin
            check(f"{fields}: refused: {got}", refused, True)
            continue
        want = [o for o in next_ones(listed, at, 3) if o[0] < begin + 1000 * 86400]
        pairs = [tuple(int(n) for n in pair.split("-")) for pair in got.split()]
        check(f"{fields} from {at}", [p for p in pairs if p[0] < begin + 1000 * 86400][:len(want)], want)
    # libical: the days alone, and only rules that it can read as a whole (UNTIL of ours is told in a zone)
    if fits and "UNTIL" not in rule:
        got = driver.ask("ical", *fields, 0, 30).split()
        want = [str((d - EPOCH).days) for d in days_of(rule, start, zone, start.date() + 2500 * DAY)[:30]]
        check(f"libical {fields}", got[:len(want)], want)


TABLE = [
    # zone, start, end, repeat, from, the occurrence: what the manual promises, by hand
    ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 04:00", "", "start in the gap: the offset before it",
     "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z"),
    ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 04:00", "", "a doubled time is the first",
     "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"),
    ("America/New_York", "2026-03-08 02:30", "2026-03-08 05:00", "", "the gap in New York",
     "2026-03-08T07:30:00Z", "2026-03-08T09:00:00Z"),
    ("America/New_York", "2026-11-01 01:30", "2026-11-01 05:00", "", "the overlap in New York",
     "2026-11-01T05:30:00Z", "2026-11-01T10:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-04 04:00", "", "the half-hour gap",
     "2026-10-03T15:45:00Z", "2026-10-03T17:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-05 04:00", "", "the half-hour overlap",
     "2026-04-04T14:45:00Z", "2026-04-04T17:30:00Z"),
    ("UTC", "2038-01-19 03:14:00", "2038-01-19 03:15:00", "", "past 2^31 seconds",
     "2038-01-19T03:14:00Z", "2038-01-19T03:15:00Z"),
    ("Europe/Berlin", "2028-02-29 02:00", "2028-02-29 04:00", "", "a leap day",
     "2028-02-29T01:00:00Z", "2028-02-29T03:00:00Z"),
    ("Europe/Berlin", "2026-12-15 02:00Z", "2026-12-15 04:00+01:00", "", "each end in a zone of its own",
     "2026-12-15T02:00:00Z", "2026-12-15T03:00:00Z"),
]


def utc(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 5545
    driver, rng = Driver(sys.argv[1]), random.Random(seed)
    for zone, start, end, repeat, say, first, last in TABLE:
        want = f"{utc(first)}-{utc(last)}" if utc(last) > utc(first) else "error"
        check(say, driver.ask("ours", zone, start, end, repeat, 0, 1)[:len(want)], want)
    for _ in range(ROUNDS):
        one_round(driver, rng)
    check("the driver ends well", driver.end(), 0)
    print(f"oracle: {passed} passed, {failed} failed (seed {seed})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
