# SPDX-License-Identifier: MIT
"""A strict reader of Prometheus' text exposition format 0.0.4: whatever is not in its grammar is an error."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?[0-9]+(?:\.[0-9]+)?|NaN|[+-]Inf)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
TYPES = {"counter", "gauge"}


def read_labels(text):
    """{name: value}, unescaped; ValueError for anything that is not `a="b",c="d"`."""
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match:
            raise ValueError(f"no label at {text[at:at + 40]!r}")
        name, value = match.groups()
        if name in labels or name.startswith("__"):
            raise ValueError(f"label {name} twice, or reserved")
        labels[name] = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m.group(1), m.group(1)), value)
        at = match.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise ValueError(f"expected a comma at {text[at:at + 40]!r}")
            at += 1
    return labels


def read(data):
    """{name: [type, {labels as sorted pairs: value}]}; ValueError with the line for what is not the format."""
    text = data.decode("utf-8", "strict")
    if not text.endswith("\n"):
        raise ValueError("the last line has no line end")
    metrics, current, helped = {}, None, set()
    for number, line in enumerate(text[:-1].split("\n"), 1):
        try:
            if line.startswith("# HELP "):
                name, _, words = line[7:].partition(" ")
                if not re.fullmatch(NAME, name) or name in helped or not words or re.search(r"[\x00-\x1f]", words) or \
                        re.search(r"\\(?![\\n])", words):
                    raise ValueError("a wrong HELP")
                helped.add(name)
                current = name
            elif line.startswith("# TYPE "):
                name, _, kind = line[7:].partition(" ")
                if name != current or kind not in TYPES or name in metrics:
                    raise ValueError("a TYPE that is not its HELP's, is no type, or comes twice")
                if (kind == "counter") != name.endswith("_total"):
                    raise ValueError("a counter ends in _total, and nothing else does")
                metrics[name] = [kind, {}]
            else:
                match = SAMPLE.match(line)
                if not match:
                    raise ValueError("no sample")
                name, labels, value = match.groups()
                if name != current or name not in metrics:
                    raise ValueError("a sample away from its TYPE")
                key = tuple(sorted(read_labels(labels or "").items()))
                if key in metrics[name][1]:
                    raise ValueError("the same sample twice")
                if metrics[name][0] == "counter" and float(value) < 0:
                    raise ValueError("a counter below 0")
                metrics[name][1][key] = float(value)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}: {line}") from None
    return metrics


def value(metrics, name, **labels):
    """The sample's value, or None."""
    return metrics.get("maintenance_warden_" + name, ["", {}])[1].get(tuple(sorted(labels.items())))
