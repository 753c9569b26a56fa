# SPDX-License-Identifier: MIT
"""Disk full, read-only, not ours, failing: a command says so and leaves the old state; a gate does as on_unknown says.

tests/ctl/test_stress.py has on, off, message, step and until on a full disk in more detail.
"""
import errno
import os
import subprocess
import tempfile
import time

import harness
import shim

SIZE = "256k"                   # of the file system that is filled
BLOCK = 4096
INI = "[site]\nbypass_address = 192.0.2.200\n[site.shop]\npath = /shop/\n"
PLANNED = ("--start", "2035-01-01 00:00", "--end", "2035-01-01 01:00")
UNREAD = (errno.EACCES, errno.EIO, errno.ESTALE, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOMEM)
FOLDER_SECONDS = 4              # the state folder itself is looked at once a second
FOR_EVER = 1 << 62

# what the operator can do about it, in the words of the message
REMEDY = {"full": ("disk is full", "make room"), "read-only": ("read-only",), "not ours": ("sudo", "namei")}
PLAIN = {"full": "no space", "read-only": "read-only", "not ours": "permission denied"}         # of tick, for cron

# words, whether it is on before, and what works all the same on a full disk, for it needs no room
COMMANDS = (
    (("on", "--message", "New"), True, False),
    (("message", "New"), True, False),
    (("step", "New"), True, False),
    (("until", "+1h", "--reason", "r"), True, False),
    (("toggle",), True, True),
    (("off",), True, True),
    (("bypass", "off"), True, True),
    (("bypass", "on"), False, True),
    (("ticket", "new"), True, False),
    (("ticket", "revoke", "--all"), True, True),
    (("schedule", "add", "new", *PLANNED), False, False),
    (("schedule", "remove", "later"), False, True),
    (("run", "--for", "1h", "--", "true"), True, False),
    (("tick",), False, True),
)


def tree(state):
    """{path: contents} below the state folder, but for what a running gateway counts in and the filler."""
    found = {}
    for top, _, files in os.walk(state):
        for name in files:
            if name != "filler" and not name.startswith("counters"):
                with open(os.path.join(top, name), "rb") as f:
                    found[os.path.relpath(os.path.join(top, name), state)] = f.read()
    return found


def prepare(folder, on):
    """A ticket, a window, a marker and a due one: something for each command to change."""
    for words in (("on", "--for", "2h", "--message", "Old"), ("ticket", "new"), ("schedule", "add", "later", *PLANNED),
                  ("bypass", "on" if on else "off")):
        folder.run(*words)
    if not on:
        folder.run("off")
        folder.run("schedule", "add", "due", "--start", "2020-01-01 00:00", "--site", "shop")


def clean(state):
    for top, folders, files in os.walk(state, topdown=False):
        for name in files:
            os.unlink(os.path.join(top, name))
        for name in folders:
            if name != "flags":
                os.rmdir(os.path.join(top, name))


def commands(folder, checks, state, why, begin, end, prefix=()):
    """Each changing command between begin() and end(): what it says, and what it leaves."""
    folder.write_ini(INI, state=state)
    for words, on, roomless in COMMANDS:
        clean(state)
        prepare(folder, on)
        before = tree(state)
        verdict = folder.cgi()
        begin()
        try:
            result = folder.run(*words, prefix=prefix)
            after = tree(state)
            what = f"{why}: {' '.join(words[:2])}"
            told = after.get("journal.jsonl") != before.get("journal.jsonl")        # its last page may have had room
            remedies = REMEDY[why] + ((PLAIN[why],) if words[0] == "tick" else ())
            checks.that(f"{what}: exit 3, and what to do", (result.code == 3 and any(r in result.err.lower() for r in
                        remedies)) or (roomless and why == "full" and result.code == 0 and told), result)
            if why == "full" and roomless:
                checks.that(f"{what}: done, and in the journal or said not to be", told or words[0] == "tick" or
                            "not in the journal" in result.err, result, sorted(after))
            else:
                checks.that(f"{what}: the old state is left", after == before, result,
                            sorted(set(after.items()) ^ set(before.items())))
                checks.equal(f"{what}: the gate's verdict is the old one", folder.cgi(), verdict)
        finally:
            end()
        left = [n for _, _, files in os.walk(state) for n in files if n.endswith(".tmp")]
        checks.equal(f"{what}: no temporary file", left, [])
        again = folder.run(*words)
        done = roomless and why == "full" and words[0] in ("schedule",)         # so it cannot be done again
        checks.that(f"{what}: works afterwards", again.code == (1 if done else 0) and
                    folder.journal(state)[1:] == (0, None), again)


def fill(path):
    """Up to the last byte, in a file of several."""
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"\0" * BLOCK)
        except OSError:
            pass


def window(folder, checks, state, filler):
    """A window that begins while there is no room for its flag's words: on, said, and off again when it ends."""
    folder.write_ini(INI, state=state)
    clean(state)
    flag = os.path.join(state, "maintenance.flag")
    folder.run("schedule", "add", "night", "--start", "2020-01-01 00:00", "--message", "Night work")
    fill(filler)
    try:
        result = folder.run("tick")
        checks.that("full: a window begins with an empty flag, and that is said", result.code == 3 and
                    "no space" in result.err.lower() and folder.read(flag) == b"", result)
        checks.equal("full: it is on", folder.cgi(), 503)
    finally:
        os.unlink(filler)
    folder.run("tick")
    checks.that("full: the flag has its words once there is room", b"Night work" in (folder.read(flag) or b""))
    os.unlink(flag)
    fill(filler)
    folder.run("tick")
    os.unlink(os.path.join(state, "windows.d", "night.ini"))
    folder.run("tick")
    checks.that("full: an empty flag goes with its window", folder.read(flag) is None and folder.cgi() == 200)
    open(flag, "wb").close()
    folder.run("tick")
    checks.that("full: one that an operator touched stays", folder.read(flag) == b"")
    os.unlink(filler)


def mount(path, *options):
    done = subprocess.run(["mount", "-o", ",".join(options), *(("-t", "tmpfs", "warden-disk") if "remount" not in
                           options else ()), path], capture_output=True, text=True, check=False, timeout=30)
    return done.returncode == 0


def disks(folder, checks):
    """On a file system of its own; the folder `small` in it is the state folder."""
    disk, small = folder.file("disk"), folder.file("disk/state")
    os.makedirs(disk)
    if os.geteuid() != 0 or not mount(disk, f"size={SIZE}", "mode=0755"):
        print("left out: a full and a read-only disk: nothing can be mounted here", flush=True)
        return
    try:
        os.makedirs(small + "/flags")
        os.chmod(small, 0o751)
        filler = os.path.join(disk, "filler")
        commands(folder, checks, small, "full", lambda: fill(filler), lambda: os.unlink(filler))
        window(folder, checks, small, filler)
        commands(folder, checks, small, "read-only", lambda: mount(disk, "remount", "ro"),
                 lambda: mount(disk, "remount", "rw"))
    finally:
        done = subprocess.run(["umount", disk], capture_output=True, check=False, timeout=30)
        checks.equal("unmounted", done.returncode, 0)


def not_ours(folder, checks):
    """As a user who may read the state folder, and not write there."""
    if harness.nobody_can_run("commands on a state folder of another's"):
        commands(folder, checks, folder.state, "not ours", lambda: None, lambda: None, harness.AS_NOBODY)


class Asked:
    """A gateway with the shim before it, and what its flags are to look like."""

    def __init__(self, folder, checks, library):
        self.folder, self.checks = folder, checks
        self.page = shim.Page(folder.path, library)
        self.plain = folder.environment
        folder.environment = {**self.plain, **self.page.environment}

    def start(self, policy):
        self.folder.write_ini(f"[site]\non_unknown = {policy}\n")
        self.folder.start_gateway()

    def stop(self, what):
        self.checks.equal(f"{what}: ends well", self.folder.stop_gateway(), 0)
        clean(self.folder.state)

    def flag(self, on):
        if on:
            open(self.folder.flag, "w").close()
        elif os.path.exists(self.folder.flag):
            os.unlink(self.folder.flag)

    def close(self):
        self.folder.environment = self.plain


def wanted(policy, on):
    return {"last": 503 if on else 200, "pass": 200, "hold": 503}[policy]


def unreadable(folder, checks, library):
    """Every error of stat() on the flag, each policy, on and off before."""
    asked = Asked(folder, checks, library)
    try:
        for policy in ("last", "pass", "hold"):
            asked.start(policy)
            for on in (False, True):
                asked.flag(on)
                checks.equal(f"{policy}: before", folder.status(), 503 if on else 200)
                for error in UNREAD:
                    what = f"on_unknown = {policy}, {'on' if on else 'off'} before, {errno.errorcode[error]}"
                    asked.page.arm(shim.Fault("stat", 1, error, FOR_EVER))
                    found = [folder.status(), folder.status()]
                    asked.page.disarm()
                    checks.equal(what, found, [wanted(policy, on)] * 2)
                    checks.that(f"{what}: stat() has failed", asked.page.fired() > 0)
                    checks.equal(f"{what}: over", folder.status(), 503 if on else 200)
            asked.stop(policy)
        first_look(folder, checks, asked)
        folder_gone(folder, checks, asked)
    finally:
        folder.stop_gateway()
        asked.close()


def first_look(folder, checks, asked):
    """Before anything is known, `last` holds."""
    for policy, status in (("last", 503), ("pass", 200), ("hold", 503)):
        folder.write_ini(f"[site]\non_unknown = {policy}\n")
        asked.page.arm(shim.Fault("stat", 1, errno.EIO, FOR_EVER))
        folder.environment = {**asked.plain, **asked.page.environment}
        folder.start_gateway()
        checks.equal(f"on_unknown = {policy}, never read", folder.status(), status)
        asked.page.disarm()
        checks.equal(f"on_unknown = {policy}, then read", folder.status(), 200)
        asked.stop(policy)


def folder_gone(folder, checks, asked):
    """A state folder that goes away and comes back."""
    for policy in ("last", "pass", "hold"):
        for on in (False, True):
            asked.start(policy)
            asked.flag(on)
            what = f"on_unknown = {policy}, {'on' if on else 'off'} before, the folder goes"
            checks.equal(f"{what}: before", folder.status(), 503 if on else 200)
            os.rename(folder.state, folder.state + ".away")
            end, found = time.monotonic() + FOLDER_SECONDS, None
            while found != wanted(policy, on) and time.monotonic() < end:
                found = folder.status()
            checks.equal(what, found, wanted(policy, on))
            os.rename(folder.state + ".away", folder.state)
            while folder.status() != (503 if on else 200) and time.monotonic() < end + FOLDER_SECONDS:
                pass
            checks.equal(f"{what}: and comes back", folder.status(), 503 if on else 200)
            asked.stop(what)


def run(checks, options):
    """Short and long form are the same."""
    folder = harness.Folder(options)
    try:
        disks(folder, checks)
        not_ours(folder, checks)
        clean(folder.state)
        if checks.that("the gateway is built without sanitizers", not shim.is_sanitized(options.gateway)):
            with tempfile.TemporaryDirectory(prefix="warden-shim.") as scratch:
                unreadable(folder, checks, shim.build(scratch))
    finally:
        folder.close()
