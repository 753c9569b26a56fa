# SPDX-License-Identifier: MIT
"""shim.c from Python: building it, and the page by which a test says what is to fail."""
import errno
import mmap
import os
import re
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE_SIZE, TRACE_SIZE, NAME_SIZE = 16384, 1024, 24      # as in shim.c
ARMED, ERROR, FIRST, TIMES, FIRED, SIGNAL, PID, COUNT, CALLER = 0, 4, 8, 16, 24, 32, 36, 40, 48
CRASH = CALLER + TRACE_SIZE
FUNCTIONS, ROW = CRASH + TRACE_SIZE, NAME_SIZE + 8
SHORT = 0                       # instead of an errno: half of the bytes are moved
BUILD_SECONDS = 60


def build(folder):
    """Compiles the library into `folder`; its path."""
    path = os.path.join(folder, "shim.so")
    done = subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-g", "-fno-builtin", "-o", path,
                           os.path.join(HERE, "shim.c"), "-ldl"], capture_output=True, text=True, check=False,
                          timeout=BUILD_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"cannot compile shim.c: {done.stderr[-1000:]}")
    return path


def is_sanitized(program):
    """Whether a program brings an allocator of its own, which does not go with the shim."""
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


class Fault:
    """The `first` call of a function, and `times` - 1 after it, fail with `error`."""

    def __init__(self, function, first, error, times=1):
        self.function, self.first, self.error, self.times = function, first, error, times

    def __repr__(self):
        name = "short" if self.error == SHORT else errno.errorcode.get(self.error, self.error)
        return f"{self.function}() number {self.first} fails with {name}" + (
            "" if self.times == 1 else f", and {self.times - 1} after it")


class Page:
    """What shim.c and the test share, in a file of `folder`."""

    def __init__(self, folder, library):
        self.path = os.path.join(folder, "fault.page")
        with open(self.path, "w+b") as f:
            f.truncate(PAGE_SIZE)
            self.map = mmap.mmap(f.fileno(), PAGE_SIZE)
        self.environment = {"LD_PRELOAD": library, "WARDEN_FAULT_PAGE": self.path}
        self.clear()

    def put(self, form, at, value):
        struct.pack_into(form, self.map, at, value)

    def get(self, form, at):
        return struct.unpack_from(form, self.map, at)[0]

    def clear(self):
        """Nothing fails, and everything is counted anew."""
        self.put("<i", ARMED, -1)
        for at in (FIRED, SIGNAL):
            self.put("<q", at, 0)
        self.map[CALLER:CALLER + 2 * TRACE_SIZE] = bytes(2 * TRACE_SIZE)
        for n in range(self.get("<I", COUNT)):
            self.put("<Q", FUNCTIONS + n * ROW + NAME_SIZE, 0)

    def names(self):
        """The functions by their number; none before a program ran with the library."""
        rows = (self.map[FUNCTIONS + n * ROW:FUNCTIONS + n * ROW + NAME_SIZE] for n in range(self.get("<I", COUNT)))
        return [row.rstrip(b"\0").decode() for row in rows]

    def calls(self):
        """{function: how often it was called}, without those that were not."""
        found = {name: self.get("<Q", FUNCTIONS + n * ROW + NAME_SIZE) for n, name in enumerate(self.names())}
        return {name: count for name, count in found.items() if count > 0}

    def arm(self, fault):
        self.clear()
        self.put("<i", ERROR, fault.error)
        self.put("<Q", FIRST, fault.first)
        self.put("<Q", TIMES, fault.times)
        self.put("<i", ARMED, self.names().index(fault.function))

    def disarm(self):
        """What has failed stays known."""
        self.put("<i", ARMED, -1)

    def fired(self):
        return self.get("<Q", FIRED)

    def signal(self):
        """The signal that ended a process; 0: none was ended."""
        return self.get("<i", SIGNAL)

    def text(self, at):
        return self.map[at:at + TRACE_SIZE].split(b"\0")[0].decode(errors="replace")

    def caller(self):
        """OBJECT+OFFSET of those who made the call that failed, inner first, without the library itself."""
        return [f for f in self.text(CALLER).split() if not f.startswith("shim.so")]

    def crash(self):
        return [f for f in self.text(CRASH).split() if not f.startswith("shim.so")]


def lines(frames, programs):
    """Function and line of frames in our own programs, where addr2line is there."""
    out = []
    for frame in frames:
        name, _, offset = frame.partition("+")
        path = next((p for p in programs if os.path.basename(p) == name), None)
        found = None
        if path is not None:
            try:
                done = subprocess.run(["addr2line", "-f", "-s", "-e", path, hex(int(offset, 16) - 1)],
                                      capture_output=True, text=True, check=False, timeout=BUILD_SECONDS)
                found = re.sub(r"\n", " ", done.stdout.strip())
            except OSError:
                pass
        out.append(found or frame)
    return out
