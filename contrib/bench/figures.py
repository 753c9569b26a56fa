# SPDX-License-Identifier: MIT
"""The lines of the table: a ratio of two things, or an amount with a limit."""
import statistics

NOISY = 0.25                    # spread of a reference within one run, beyond which the machine was too noisy
COLUMNS = ["name", "what", "against", "median", "least", "most", "goal", "value", "reference", "unit", "reached",
           "noise"]


class Line:
    def __init__(self, name, what, against, goal=None, least=True, unit=""):
        self.name, self.what, self.against, self.goal, self.least, self.unit = name, what, against, goal, least, unit
        self.results, self.values, self.references = [], [], []
        self.note = ""

    @property
    def median(self):
        return statistics.median(self.results)

    @property
    def noisy(self):
        if len(self.references) < 2 or statistics.median(self.references) == 0:
            return False
        return (max(self.references) - min(self.references)) / statistics.median(self.references) > NOISY

    @property
    def reached(self):
        return self.goal is None or (self.median >= self.goal if self.least else self.median <= self.goal)

    def goal_text(self):
        if self.goal is None:
            return ""
        return f"{'>=' if self.least else '<='} {self.goal:g}{'' if self.reached else ' NO'}"

    def line(self):
        span = f"[{shown(min(self.results))} {shown(max(self.results))}]" if len(self.results) > 1 else ""
        more = ("  noisy" if self.noisy else "") + ("  " + self.note if self.note else "")
        return (f"{self.name:12} {self.what:44} {shown(self.median):>7} {span:17} {self.against:38} "
                f"{self.goal_text():12}{more}").rstrip()

    def markdown(self):
        """For the README: what has something to reach."""
        span = f" ({shown(min(self.results))} to {shown(max(self.results))})" if len(self.results) > 1 else ""
        noisy = ", noisy" if self.noisy else ""
        return (f"| {self.name} | {self.what} | {shown(self.median)}{span}{noisy} | {self.against} | "
                f"{self.goal_text().replace('NO', '**NO**')} |")

    def row(self):
        goal = ("", "") if self.goal is None else (self.goal, "yes" if self.reached else "NO")
        reference = f"{statistics.median(self.references):.6g}" if self.references else ""
        return [self.name, self.what, self.against, f"{self.median:.4f}", f"{min(self.results):.4f}",
                f"{max(self.results):.4f}", goal[0], f"{statistics.median(self.values):.6g}", reference, self.unit,
                goal[1], "noisy" if self.noisy else ""]


def shown(value):
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


class Figure(Line):
    """A ratio of two things, measured in rounds that alternate."""

    def __init__(self, name, what, against, goal=None, least=True, unit="requests/s"):
        super().__init__(name, what, "of " + against, goal, least, unit)

    def add(self, value, reference):
        self.values.append(value)
        self.references.append(reference)
        self.results.append(value / reference)
        return self

    def measure(self, bench, subject, reference):
        """The order changes from round to round, so that a drift of the machine hits both alike."""
        if not bench.quick:
            subject(), reference()              # to warm up
        for n in range(bench.rounds):
            if n % 2:
                self.add(subject(), reference())
            else:
                base = reference()
                self.add(subject(), base)
        return self


class Amount(Line):
    """What has a limit of its own: bytes, milliseconds, counts.  `against` says in which unit, or beside what."""

    def __init__(self, name, what, unit, goal=None, least=False):
        super().__init__(name, what, unit, goal, least, unit)

    def add(self, value):
        self.values.append(value)
        self.results.append(value)
        return self

    def measure(self, bench, once):
        for _ in range(bench.rounds):
            self.add(once())
        return self
