# SPDX-License-Identifier: MIT
"""A bad configuration is refused with the line and the key, and a byte that was lost loses no rule in silence."""
import os
import random
import re
import subprocess

import harness
import test_secrets

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = os.path.join(HERE, "..", "..", "src", "policy", "keys.def")
SECTIONS = {"GATEWAY": "gateway", "SITE": "site", "NAMED": "site.shop", "POLICY": "policy", "PROFILE": "profile.p",
            "WINDOW": "window.w"}
FLIPS = {False: 1500, True: 10_000}
SLOW_MS = 5000                  # a configuration that takes longer hangs

# All that opens the gate, a blank on both sides of each "=" and behind each comma, as in etc/warden.ini.
GOOD = """# the shop's gate
[gateway]
listen = /run/warden.sock
state_dir = {state}
trusted_proxies = 10.0.0.0/8, 2001:db8:1::/48
# what is logged
log_level = warning
[site]
mode = full
on_unknown = hold
max_duration = 4h
message = We are upgrading the shop.
message.de = Wir erneuern den Laden.
title = "Back soon; really"
time_zone = Europe/Berlin
; networks of the office
bypass_address = 192.0.2.0/24, 198.51.100.7, 2001:db8::/32
bypass_secret = sha256:a5e0a90e66f43323f2255623c09899151e3d61548d36d99a45a337fa48544533
bypass_user = anna, bert
open_path = /api/webhooks/, /static/*.css, /ping
open_method = PROPFIND, REPORT
cors_origins = https://app.example.com, https://www.example.com

[site.shop]
host = shop.example.com, *.shop.example.com
path = /shop/
bypass_address = 203.0.113.0/24, 203.0.113.9

[site.blog]
host = blog.example.com
open_path = /feed

[policy]
max_duration = 8h
require_owner = yes
change_pattern = CHG-[0-9]*

[profile.emergency]
message = Something broke.
for = 2h

[window.db]
site = shop
start = 2036-12-15 02:00
end = 2036-12-15 04:00
owner = ops
"""


class Loader:
    """The product's loader, asked about many configurations by one process."""

    def __init__(self, options, folder):
        program = test_secrets.build(options, "tests/fault/policies")
        self.process = subprocess.Popen([program, folder.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def load(self, data):
        """(errors, warnings, (sections, settings, entries), milliseconds, problems), or None where it died."""
        data = data if isinstance(data, bytes) else data.encode()
        try:
            self.process.stdin.write(b"%d\n" % len(data) + data)
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        head = self.process.stdout.readline().split()
        problems = []
        while head and (line := self.process.stdout.readline().decode(errors="replace")) != ".\n":
            if not line:
                return None
            problems.append(line.rstrip("\n"))
        if not head:
            return None
        n = [int(x) for x in head]
        return n[0], n[1], tuple(n[2:5]), n[5], problems

    def close(self):
        self.process.stdin.close()
        return self.process.wait(60)


def keys():
    """(scope, key, kind, range) of every key there is."""
    with open(KEYS, encoding="utf-8") as f:
        return re.findall(r'^KEY\(\w+,\s*(\w+),\s*"([a-z_]+)",\s*(\w+),\s*"([^"]*)"', f.read(), re.M)


def wrong_values(kind, bounds):
    """What no key of that kind takes: what it is, and the text."""
    common = [("a trailing backslash", "x\\"), ("a glued ;", "a;b"), ("a glued #", "a#b"),
              ("a quote that is not closed", '"a'), ("text behind a quote", '"a" b'),
              ("a backslash in quotes", '"a\\b"'), ("a control character", "a\x01b"),
              ("another key in the comment", "a ; status = 503"), ("a line of 2,000 bytes", "a" * 2000)]
    if kind == "NUMBER":
        least, most = bounds.split()
        common += [("a word", "many"), ("12abc", "12abc"), ("0x10", "0x10"), ("010", "010"), ("20 digits", "9" * 20),
                   ("empty", ""), ("below the least", str(int(least) - 1)), ("above the most", str(int(most) + 1))]
    if kind == "SPAN":
        common += [("a word", "long"), ("empty", ""), ("a negative one", "-1h"), ("no unit there is", "4 hours")]
    if kind == "WORD":
        common += [("another word", "perhaps"), ("empty", ""), ("capitals", bounds.split("|")[0].upper())]
    if kind == "LIST":
        common += [("a comma at the end", "a,"), ("an empty entry", "a,,b"), ("a comma alone", ",")]
    return common


def refused(checks, loader, what, text, line, key):
    """Errors, and the first of them names the line, and the key where the line has one that can be read."""
    found = loader.load(text)
    good = found is not None and found[0] > 0 and found[3] < SLOW_MS
    errors = [p for p in found[4] if ": warning: " not in p] if good else []
    place = any(re.search(rf"warden\.ini:{line}: ", p) and (key is None or key in p) for p in errors)
    checks.that(f"{what}: refused with line{' and key' if key else ''}", good and place, repr(text[:300]), found)


def crossed(checks, loader, state):
    """Every key with every bad value, twice, in the wrong section, misspelt, with its twin missing."""
    for scope, key, kind, bounds in keys():
        section = SECTIONS[scope]
        head = f"[gateway]\nstate_dir = {state}\n"
        head = head + (f"[{section}]\n" if section != "gateway" else "")
        if key == "state_dir":
            head = "[gateway]\n"
        line = head.count("\n") + 1
        for what, value in wrong_values(kind, bounds):
            named = None if value.endswith("\\") or "\x01" in value or len(value) > 1000 else key
            refused(checks, loader, f"{key}, {what}", f"{head}{key} = {value}\n", line, named)
        refused(checks, loader, f"{key} twice", f"{head}{key} = 1\n{key.upper()} = 2\n", line + 1, key)
        refused(checks, loader, f"{key} without =", f"{head}{key}\n", line, None)
        refused(checks, loader, f"{key} misspelt", f"{head}{key}x = 1\n", line, key)
        refused(checks, loader, f"{key} with a colon", f"{head}a:{key} = 1\n", line, None)
        refused(checks, loader, f"{key} before any section", f"{key} = 1\n", 1, key)
        refused(checks, loader, f"{key} in a section there is not", f"[server]\n{key} = 1\n", 1, None)
        twin = "no such key" if kind in ("NUMBER", "SPAN", "WORD") else key
        refused(checks, loader, f"{key}_file that is not there", f"{head}{key}_file = none\n", line, twin)
        other = next(s for s in ("policy", "gateway", "window.w") if not belongs(key, s))
        refused(checks, loader, f"{key} in [{other}]", f"[{other}]\n{key} = 1\n", 2, key)


def belongs(key, section):
    return any(k == key and SECTIONS[s] == section for s, k, _, _ in keys())


def whole_files(checks, options, folder):
    """What is no configuration at all, to --check itself and to wardenctl check: refused by name, and at once."""
    def directory(path):
        os.mkdir(path)

    def writes(data):
        return lambda path: folder.write(os.path.basename(path), data)

    for what, make, words in (
            ("a directory", directory, "directory"), ("a FIFO", os.mkfifo, "cannot read"),
            ("a device", lambda path: os.symlink("/dev/zero", path), "cannot read"),
            ("a dangling link", lambda path: os.symlink("nowhere", path), "cannot read"),
            ("over 256 KiB", writes(b"# x\n" * 70_000), "cannot read"),
            ("a byte order mark", writes("\ufeff[site]\n"), ":1:"),
            ("a NUL", writes(b"[site]\nmode = full\0\n"), ":2:"), ("a NUL as its end", writes(b"[site]\n\0"), ":2:"),
            ("no text", writes(bytes(range(128, 256))), ":1:"), ("UTF-16", writes("[site]\n".encode("utf-16")), ":1:"),
            ("a section that is not closed", writes("[site\n"), ":1:"),
            ("a comment behind a section", writes("[site] ; c\n"), ":1:"),
            ("a section twice", writes("[site]\n[SITE]\n"), ":2:"), ("no key", writes("[site]\n= v\n"), ":2:"),
            ("[a:b] c", writes("[a:b]\nc = 1\n"), ":1:"), ("[a] b:c", writes("[site]\nb:c = 1\n"), ":2:"),
            ("3,000 keys", writes(b"[site]\n" + b"".join(b"k%d=\n" % i for i in range(3_000))), "no such key")):
        path = folder.file("bad.ini")
        make(path)
        for name, command in (("--check", [options.gateway, "--check", "-c", path]),
                              ("wardenctl check", [options.wardenctl, "-c", path, "check"])):
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60,
                                  stdin=subprocess.DEVNULL)
            said = done.stdout + done.stderr
            checks.that(f"{what}: {name} refuses it", done.returncode == 2 and "bad.ini" in said and
                        words in said.lower(), done.returncode, said[:500])
        os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def flips(checks, loader, state, count):
    """One random byte of a good configuration is another: whatever is then in force is told, or is no less."""
    good = GOOD.format(state=state).encode()
    base = loader.load(good)
    if not checks.that("the good one is taken, without a word", base is not None and base[:2] == (0, 0), base):
        return
    rng, silent, refusals, told = random.Random(1), [], 0, 0
    for _ in range(count):
        at = rng.randrange(len(good))
        bad = good[:at] + bytes([rng.randrange(256)]) + good[at + 1:]
        found = loader.load(bad)
        if found is None or found[3] > SLOW_MS:
            checks.that("a flipped byte", False, bad, found)
            return
        refusals += found[0] > 0
        told += found[0] == 0 and found[1] > 0
        if found[0] == 0 and found[1] == 0 and any(now < then for now, then in zip(found[2], base[2])):
            line = bad.count(b"\n", 0, at) + 1
            silent.append((line, bad.split(b"\n")[line - 1], found[2]))
    checks.that(f"{count} flipped bytes: never fewer rules without a message", not silent, *silent[:5], len(silent))
    print(f"  {count} flips: {refusals} refused, {told} with a warning, {count - refusals - told} taken with all rules",
          flush=True)


def permissions(checks, options):
    """What others can write is refused at start, and at a reload the policy in force stays; a group may write."""
    folder = harness.Folder(options)
    try:
        nets = folder.write("nets", "192.0.2.0/24\n")
        folder.write_ini(f"[site]\nbypass_address_file = {nets}\n")
        folder.start_gateway()
        checks.equal("off", folder.status(), 200)
        folder.write("state/maintenance.flag", "")
        passes = folder.status()
        for path, mode in ((nets, 0o646), (folder.ini, 0o646), (folder.state, 0o753)):
            before = os.stat(path).st_mode & 0o777
            os.chmod(path, mode)
            for command in ([options.gateway, "--check", "-c", folder.ini], [options.gateway, "-c", folder.ini],
                            [options.wardenctl, "-c", folder.ini, "check"]):
                done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
                checks.that(f"{path} writable by others: {command[1]} refuses", done.returncode == 2 and
                            f"chmod o-w {path}" in done.stdout + done.stderr, done)
            folder.gateway.send_signal(1)
            harness.wire.wait_until(lambda p=path: f"chmod o-w {p}" in folder.read(folder.file("gateway.log")).decode(),
                                    "the refusal in the log", folder.gateway)
            checks.equal(f"{path} writable by others: the policy stays", folder.status(), passes)
            os.chmod(path, before | 0o20)
            done = subprocess.run([options.gateway, "--check", "-c", folder.ini], capture_output=True, timeout=60)
            checks.equal(f"{path} writable by its group", done.returncode, 0)
    finally:
        folder.close()


def run(checks, options):
    """Whole files, every key with every bad value, flipped bytes, permissions."""
    folder = harness.Folder(options)
    loader = Loader(options, folder)
    try:
        whole_files(checks, options, folder)
        crossed(checks, loader, folder.state)
        flips(checks, loader, folder.state, FLIPS[options.long])
        checks.equal("the loader lived through all of it", loader.close(), 0)
    finally:
        loader.process.kill()
        folder.close()
    permissions(checks, options)
