# SPDX-License-Identifier: MIT
"""The clock may step where it likes: windows, repeats and until are what the wall says, at every second.

A gateway that lives on is told one time after another, forth and back, often near what matters: the ends of windows,
changeovers of zones, the leap day, 2038.  What it holds is compared with the model of tests/oracle/windows.py.
"""
import datetime
import os
import random
import sys
import time
import zoneinfo

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))

import test_model
import windows

SHORT, LONG = 5_000, 50_000            # steps
STEPS = 50                              # of one policy
SEED = 20_380_119
ASK = [("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/x"), ("REMOTE_ADDR", "192.0.2.9"), ("HTTP_HOST", "example.com")]
UTC = datetime.timezone.utc
DAY = 86400


class Planned:
    """One window, at random, with every second in which it is on."""

    def __init__(self, rng):
        self.zone = rng.choice(windows.ZONES)
        self.start = windows.random_start(rng)
        self.length = datetime.timedelta(minutes=rng.choice([1, 30, 60, 90, 150, 240, 1440]))
        self.rule = windows.random_rule(rng, self.start, self.zone) if rng.random() < 0.6 else None
        if self.rule is not None and not windows.day_fits(self.rule, self.start.date(), self.start.date()):
            self.rule = None                            # an error: the first is none of the rule's
        self.end = self.start + self.length
        self.horizon = self.start.date() + 500 * windows.DAY
        days = [self.start.date()] if self.rule is None else \
            windows.days_of(self.rule, self.start, self.zone, self.horizon)
        self.spans = list(windows.occurrences(days, self.start, self.length, self.zone))

    def lines(self):
        lines = ["[window.w]", f"start = {self.start:%Y-%m-%d %H:%M}", f"end = {self.end:%Y-%m-%d %H:%M}",
                 f"time_zone = {self.zone}"]
        return lines + ([f'repeat = "{windows.text_of(self.rule)}"'] if self.rule else [])

    def covers(self, now):
        return any(start <= now < end for start, end in self.spans)

    def moments(self):
        """What is worth a step: the beginnings and ends, and changeovers of the zone nearby."""
        edges = [edge for span in self.spans[:40] for edge in span]
        zone, first = zoneinfo.ZoneInfo(self.zone), windows.instant(self.zone, self.start)
        offset = lambda at: datetime.datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
        for at in range(first - 30 * DAY, first + 300 * DAY, DAY):
            if offset(at) != offset(at + DAY):
                low, high = at, at + DAY
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
                edges.append(high)
        leap, y2038 = windows.utc("2028-02-29T00:00:00Z"), 2 ** 31
        return edges + [at for at in (leap, leap + DAY, y2038) if abs(at - first) < 400 * DAY]


class Flag:
    """One flag with an end and what then: until, or since and max_duration; wall-clock times of the site's zone."""

    def __init__(self, rng, near):
        self.zone, self.lift = rng.choice(windows.ZONES), rng.random() < 0.8
        wall = datetime.datetime.fromtimestamp(near, UTC).replace(tzinfo=None, second=0)
        self.span = rng.choice([0, 3600, 4 * 3600, DAY])
        self.body = f"{'since' if self.span else 'until'} = {wall:%Y-%m-%d %H:%M}\n"
        self.end = windows.instant(self.zone, wall) + self.span

    def lines(self):
        return ["[site]", "hand_back = status 204", f"time_zone = {self.zone}", f"max_duration = {self.span}",
                f"on_overrun = {'lift' if self.lift else 'keep'}"]

    def covers(self, now):
        return not self.lift or now < self.end


def differences(driver, rng):
    """One policy and its steps: (how many, what was wrong)."""
    planned = Planned(rng)
    edges = planned.moments() or [windows.instant(planned.zone, planned.start)]
    flag = Flag(rng, rng.choice(edges))
    there = rng.random() < 0.5
    lines = ["[gateway]", "state_dir = state", *flag.lines(), *planned.lines()]
    said = driver.policy(lines, {})
    if said != "ok":
        empty = windows.instant(planned.zone, planned.end) <= windows.instant(planned.zone, planned.start)
        return (0, []) if empty else (0, [f"the policy is refused: {said}: {lines}"])
    edges.append(flag.end)
    last = windows.instant("UTC", datetime.datetime.combine(planned.horizon, datetime.time())) - 3 * DAY
    wrong = []
    for _ in range(STEPS):
        now = rng.choice(edges) + rng.choice([-3601, -1, 0, 1, 1800, 3599, rng.randint(-DAY, DAY)])
        if rng.random() < 0.1:
            now += rng.choice([-1, 1]) * rng.randint(1, 400) * DAY
        now = max(0, min(now, last))
        driver.state({"maintenance.flag": flag.body} if there else {}, False, now)
        (got,) = driver.ask([(ASK, False)])
        on = planned.covers(now) or (there and flag.covers(now))
        want = ("hold", "hold", 503) if on else ("pass", "off", 204)
        if got != want:
            wrong.append(f"at {test_model.stamp(now)}: the gateway says {got}, the model {want}; "
                         f"flag {flag.body if there else 'none'!r}: {lines}")
    return STEPS, wrong


def run(checks, options):
    driver = test_model.Driver(os.path.join(os.path.dirname(options.gateway), "tests", "fault", "decide"))
    rng, asked, start = random.Random(SEED), 0, time.monotonic()
    try:
        while asked < (LONG if options.long else SHORT) and checks.failed < 20:
            steps, wrong = differences(driver, rng)
            asked += steps
            checks.passed += steps - len(wrong)
            for text in wrong:
                checks.that("the gateway and the model agree", False, text)
        checks.equal("the gateway ends well", driver.close(), 0)
    finally:
        driver.process.kill()
    print(f"fault clock: {asked} steps, {checks.failed} differences, seed {SEED}, {time.monotonic() - start:.0f} s",
          flush=True)
