# SPDX-License-Identifier: MIT
"""System calls and instructions per request, beside bare libfcgi's.  Exact: a long run less a short one."""
import contextlib
import glob
import os
import re

import peers
from common import Missing, built, compiled, tool
from figures import Amount, Figure

FEW, MORE = 1000, 3000          # requests of the two runs
EVENT_LOOP = 2                  # calls that waiting for the next request may take
NO_MORE_THAN = 0.02             # calls per request that are no request's own


def child_of(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as f:
        return int(f.read().split()[0])


def under_strace(bench):
    return [tool("strace", "strace"), "-f", "-c", "-U", "name,calls", "-o", bench.path("strace")]


def end_strace(bench, process):
    """Ends what strace started; calls by name."""
    bench.stop(process, child_of(process))
    found = re.findall(r"^ *([a-z_0-9]+) +(\d+)$", bench.read("strace").decode(), re.M)
    return {name: int(count) for name, count in found if name != "total"}


def under_callgrind(bench):
    return [tool("valgrind", "valgrind"), "-q", "--tool=callgrind", f"--callgrind-out-file={bench.path('callgrind')}.%p"]


def end_callgrind(bench, process):
    """Ends the program; its instructions, those of all its processes, as "totals"."""
    bench.stop(process)
    totals = 0
    for path in glob.glob(bench.path("callgrind") + ".*"):
        with open(path, "rb") as f:
            totals += int(re.search(rb"^totals: (\d+)", f.read(), re.M)[1])
        os.unlink(path)
    return {"totals": totals}


def counted(bench, command, address, keep, status, under, end):
    """What `under` counts for one request, by name."""
    counts = []
    for requests in (FEW, FEW + MORE):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        process = start(bench, [*under, *command], address)
        bench.load(address, 1, keep, status=status, seconds=f"{requests}x")
        counts.append(end(bench, process))
    each = {name: (n - counts[0].get(name, 0)) / MORE for name, n in counts[1].items()}
    return {name: n for name, n in each.items() if abs(n) > NO_MORE_THAN}


def start(bench, command, address):
    try:
        return bench.start(command, address)
    except RuntimeError as error:
        if "not permitted" in str(error):               # some containers do not let a process trace another
            raise Missing(f"{command[0]} may not trace here") from error
        raise


def difference(more, less):
    names = sorted(name for name in set(more) | set(less) if abs(more.get(name, 0) - less.get(name, 0)) > NO_MORE_THAN)
    return ", ".join(f"{name} {more.get(name, 0) - less.get(name, 0):+.3g}" for name in names) or "the same"


def answers(bench):
    """The gateway's answers held and passed, for libfcgi to send the same."""
    for name, change in (("held", bench.touch), ("passed", bench.remove)):
        change()
        process = bench.start_gateway()
        bench.answer(name)
        bench.stop(process)


def per_request(bench):
    """One connection, one flag file."""
    bench.policy(site="hand_back = status 204\n")
    compiled("peers/libfcgi.c", "-lfcgi", "-lpthread")
    answers(bench)
    gateway, peer = [bench.gateway, "-c", bench.path("warden.ini")], bench.path("libfcgi.sock")
    for what, status in (("held", 503), ("passed", 204)):
        bench.touch() if what == "held" else bench.remove()
        bare = [built("libfcgi"), peer, "4", bench.path(what)]
        for keep in (True, False):
            how = f"{what}, {'kept' if keep else 'a connection each'}"
            ours, theirs = (counted(bench, *one, keep, status, under_strace(bench), end_strace)
                            for one in ((gateway, bench.socket), (bare, peer)))
            line = Amount("calls", how, f"calls more than libfcgi's {sum(theirs.values()):.3g}", 1 + EVENT_LOOP)
            line.note = difference(ours, theirs)
            yield line.add(round(sum(ours.values()) - sum(theirs.values()), 2))         # to what is no request's own
    if bench.quick:
        return
    for what, status in (("held", 503), ("passed", 204)):
        bench.touch() if what == "held" else bench.remove()
        bare = [built("libfcgi"), peer, "4", bench.path(what)]
        ours, theirs = (counted(bench, *one, True, status, under_callgrind(bench), end_callgrind)["totals"]
                        for one in ((gateway, bench.socket), (bare, peer)))
        yield Figure("calls", f"instructions, {what}, kept", "bare libfcgi, the same bytes", unit="instructions").add(
            ours, theirs)
