# SPDX-License-Identifier: MIT
"""Each fallible call of libc fails once: nothing crashes, nobody passes while it is on, no file is half written.

Every scenario runs once to count its calls, and then once for each fault: start to end of the service, plain CGI,
wardenctl, the rewrite map.  Whatever the fault was, the next request and the next command are right.
"""
import errno
import json
import os
import queue
import re
import select
import signal
import subprocess
import tempfile
import threading
import time

import harness
import shim
from harness import fastcgi

RUNNERS = 2                     # at once
SHORT_FAULTS = 700             # in the short form, spread over all functions of all scenarios
END_SECONDS = 30                # what takes longer hangs
RIGHT_SECONDS = 10              # after a fault the right answer comes within
SECRET = "correct-horse-battery-staple"
MEMORY = (errno.ENOMEM,)
DISK = (errno.ENOSPC, errno.EIO)

# what may go wrong with each function; anything else fails with EIO
ERRORS = {
    **dict.fromkeys(("malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup", "posix_memalign", "mmap",
                     "scandir", "open_memstream", "pthread_attr_init", "posix_spawnattr_init", "epoll_ctl",
                     "posix_spawn_file_actions_init", "posix_spawn_file_actions_adddup2", "pthread_setspecific"),
                    MEMORY),
    **dict.fromkeys(("fsync", "rename", "mkdir", "mkstemp", "mkostemps", "mkdtemp", "posix_fallocate", "fflush"), DISK),
    **dict.fromkeys(("open", "openat", "fopen", "opendir"), (errno.EMFILE, errno.EACCES, errno.EIO)),
    **dict.fromkeys(("stat", "lstat", "fstat", "fstatat", "access"), (errno.EIO, errno.EACCES)),
    **dict.fromkeys(("chmod", "fchmod", "chown", "fchown", "setgid", "setuid"), (errno.EPERM,)),
    **dict.fromkeys(("socket", "pipe", "pipe2", "epoll_create1", "eventfd", "dup2"), (errno.EMFILE,)),
    **dict.fromkeys(("accept", "accept4"), (errno.EMFILE, errno.ECONNABORTED, errno.EINTR)),
    **dict.fromkeys(("fork", "pthread_create", "posix_spawn", "posix_spawnp", "pthread_key_create"), (errno.EAGAIN,)),
    **dict.fromkeys(("recv", "send", "sendmsg", "writev"), (errno.ECONNRESET, errno.EINTR)),
    **dict.fromkeys(("epoll_wait", "waitpid", "nanosleep", "sigtimedwait"), (errno.EINTR,)),
    "read": (errno.EIO, errno.EINTR, shim.SHORT), "pread": (errno.EIO, shim.SHORT),
    "write": (errno.ENOSPC, errno.EINTR, shim.SHORT), "pwrite": (errno.ENOSPC, shim.SHORT),
    "bind": (errno.EADDRINUSE, errno.EACCES), "listen": (errno.EADDRINUSE,), "connect": (errno.ECONNREFUSED,),
    "flock": (errno.ENOLCK, errno.EINTR), "fcntl": (errno.ENOLCK, errno.EINTR), "poll": (errno.EINTR, errno.ENOMEM),
    "clock_gettime": (),            # cannot fail for the clocks that are read: base/now.c asserts it
    "getrandom": (errno.EINTR,), "unlink": (errno.EPERM, errno.EIO),
    "setsockopt": (errno.ENOPROTOOPT,), "shutdown": (errno.ENOTCONN,), "eventfd_write": (errno.EAGAIN,),
}


class Said(str):
    """What was said besides: no finding of its own."""


class Bench:
    """A folder, a page and what is laid into the folder before each run; each runner has its own."""

    def __init__(self, options, library):
        self.folder = harness.Folder(options)
        self.page = shim.Page(self.folder.path, library)
        self.options, self.states = options, {}
        self.port = harness.wire.free_port()
        self.write_ini("Title A")
        self.make_states()
        self.folder.run("--version", env=self.page.environment)        # the names of the functions

    def write_ini(self, title):
        """Through a file of another name, as an editor does."""
        self.folder.write_ini(f"[site]\ntitle = {title}\nbypass_header = X-Pass\nbypass_secret = {SECRET}\n"
                              "on_unknown = hold\n"              # so that there is never a reason to pass
                              "[site.shop]\npath = /shop/\n", f"http_listen = [::1]:{self.port}\n"
                              f"control_listen = {self.folder.file('control.sock')}\ntrusted_proxies = ::1\n")

    def make_states(self):
        f = self.folder
        self.keep("off")
        f.run("on", "--for", "1h", "--message", "Before", "--owner", "anna")
        self.keep("on")
        link = f.run("ticket", "new", "--for", "2h").out
        self.ticket = re.search(r"maintenance_ticket=([0-9a-f]+)", link).group(1)
        self.keep("ticket")
        f.run("schedule", "add", "later", "--start", "2035-01-01 00:00", "--end", "2035-01-01 01:00")
        self.keep("planned")
        f.run("off")
        self.keep("past")
        f.run("schedule", "add", "now", "--start", "2020-01-01 00:00", "--end", "2035-01-01 01:00")
        for name in os.listdir(f.file("state/tickets/any")):
            path = f.file("state/tickets/any/" + name)
            with open(path, "rb") as ticket:
                text = re.sub(rb"(?m)^until = .*$", b"until = 2020-01-01T00:00:00Z", ticket.read())
            f.write("state/tickets/any/" + name, text)
        self.keep("due")

    def keep(self, name):
        """Remembers the state folder as it is."""
        self.states[name] = self.tree()

    def tree(self):
        """{path: contents}, None for a folder; the counters, which change with each request, left out."""
        found = {}
        for top, folders, files in os.walk(self.folder.state):
            for name in folders:
                path = os.path.join(top, name)
                found[path] = (None, os.stat(path).st_mode & 0o7777)
            for name in files:
                path = os.path.join(top, name)
                if name.startswith("counters"):
                    continue
                with open(path, "rb") as f:
                    found[path] = (f.read(), os.fstat(f.fileno()).st_mode & 0o7777)
        return found

    def lay(self, name):
        """The state folder as it was; what is there besides is removed."""
        wanted = self.states[name]
        for top, folders, files in os.walk(self.folder.state, topdown=False):
            for one in files:
                if os.path.join(top, one) not in wanted:
                    os.unlink(os.path.join(top, one))
            for one in folders:
                if os.path.join(top, one) not in wanted:
                    os.rmdir(os.path.join(top, one))
        there = self.tree()
        for path, (data, mode) in wanted.items():
            if there.get(path) == (data, mode):
                continue
            if data is None:
                os.makedirs(path, exist_ok=True)
            else:
                with open(path + ".new", "wb") as f:
                    f.write(data)
                os.rename(path + ".new", path)          # whole at any moment, for those who read meanwhile
            os.chmod(path, mode)

    def temporaries(self):
        return [name for _, _, files in os.walk(self.folder.path) for name in files if name.endswith(".tmp")]

    def journal_wrong(self):
        """What is wrong with the journal; None: nothing but, at most, one torn line at its end."""
        data = self.folder.read(self.folder.file("state/journal.jsonl")) or b""
        _, torn, wrong = harness.verify_journal(data)
        if wrong is None and torn > 0 and (torn > 1 or data.endswith(b"\n")):
            return f"{torn} torn lines"
        return wrong

    def files_wrong(self):
        """What is wrong with the files in the state folder, whatever has happened."""
        data = self.folder.read()
        wrong = [] if data is None or harness.parse_flag(data) is not None else [f"half a flag: {data!r}"]
        for path, (text, _) in self.tree().items():
            if text is not None and ("/tickets/" in path or "/windows.d/" in path) and not (
                    text.endswith(b"\n") and text in [t for s in self.states.values() for p, (t, _) in s.items()
                                                      if p == path] + [text] and b" = " in text):
                wrong.append(f"half of {path}: {text!r}")
        found = self.journal_wrong()
        return wrong + ([f"journal: {found}"] if found else []) + [f"left: {n}" for n in self.temporaries()]

    def close(self):
        self.folder.close()


# --- wardenctl ---

def changed_flag(key, value):
    return lambda bench: (bench.folder.body() or {}).get(key) == value


def new_files(bench, below, state):
    return [p for p in bench.tree() if p.startswith(bench.folder.file("state/" + below)) and
            p not in bench.states[state] and bench.tree()[p][0] is not None]


class Change:
    """A command that changes something: `did` says whether the state shows it."""

    def __init__(self, name, state, words, did, event):
        self.name, self.state, self.words, self.did, self.event = "wardenctl " + name, state, words, did, event

    def told(self, bench):
        """Whether the journal has it."""
        records, _, _ = bench.folder.journal()
        before, _, _ = harness.verify_journal(bench.states[self.state].get(bench.folder.file("state/journal.jsonl"),
                                                                           (b"", 0))[0])
        return self.event is None or self.event in [r["event"] for r in records[len(before):]]

    def run(self, bench):
        bench.lay(self.state)
        before = bench.tree()
        result = bench.folder.run(*self.words, env=bench.page.environment)
        bench.page.disarm()
        wrong = bench.files_wrong()
        did, told = self.did(bench), self.told(bench)
        same = {p: d for p, d in bench.tree().items() if "journal" not in p} == {
            p: d for p, d in before.items() if "journal" not in p}
        if result.code not in (0, 1, 2, 3) and (result.code, self.words[0]) not in ((126, "run"), (127, "run")):
            wrong.append("no exit code of wardenctl")
        if result.code == 0 and not (did and told):
            wrong.append(f"exit 0, and {'it is not in the journal' if did else 'it was not done'}")
        if result.code != 0 and did and told and not re.search("cannot|out of memory|lost", result.err):
            wrong.append("done and told, and yet no success")
        if result.code != 0 and not result.err:
            wrong.append("no word of what failed")
        if result.code != 0 and did and not told and "journal" not in result.err:
            wrong.append("not in the journal, and no word of it")
        if "nothing was changed" in result.err and not same:
            wrong.append("it says that nothing was changed")
        if "still ON" in result.err and bench.folder.read() is None:
            wrong.append("it says that it is still on")
        again = bench.folder.run("on", "--message", "After")
        if again.code != 0 or (bench.folder.body() or {}).get("message") != "After":
            wrong.append(f"the next command: {again}")
        wrong += [f"after the next command: {w}" for w in bench.files_wrong()]
        records, _, _ = bench.folder.journal()
        if not records or records[-1]["event"] != "on":
            wrong.append("the next command is not in the journal")
        return wrong and wrong + [Said(result)]


class Question:
    """A command that changes nothing: the whole answer, or none and an exit code that says so."""

    def __init__(self, name, state, words, doubt=None):
        self.name, self.state, self.words, self.right = "wardenctl " + name, state, words, {}
        self.doubt = doubt              # what an answer says where the state could not be read

    def answer(self, bench):
        result = bench.folder.run(*self.words, env=bench.page.environment)
        return result, (result.code, re.sub(r"\(in [^)]*\)|\d+|warden-ctl\.\w+", "N", result.out))

    def run(self, bench):
        bench.lay(self.state)
        before = bench.tree()
        result, answer = self.answer(bench)
        self.right.setdefault(bench, answer)            # the first run is the one that counts
        bench.page.disarm()
        right = self.right[bench]
        if bench.page.fired() == 0 and answer != right:
            return [f"another answer without a fault: {result!r}", repr(right)]
        wrong = bench.files_wrong()
        if bench.tree() != before:
            wrong.append("something was changed")
        doubtful = self.doubt is not None and bench.page.fired() > 0 and re.search(self.doubt, result.out)
        if doubtful:
            return wrong and wrong + [Said(result)]
        if result.code == right[0] and answer != right:
            wrong.append(f"another answer, without a word; right is {right!r}")
        if result.code != right[0] and (result.code not in (2, 3) or not result.err):
            wrong.append("another exit code, without a word")
        return wrong and wrong + [Said(result)]


COMMANDS = (
    Change("on", "off", ("on", "--for", "1h", "--message", "New"), changed_flag("message", "New"), "on"),
    Change("on, once more", "on", ("on", "--message", "New"), changed_flag("message", "New"), "on"),
    Change("on a site", "past", ("on", "--site", "shop"), lambda bench: new_files(bench, "flags/", "past"), "on"),
    Change("until", "on", ("until", "2035-01-01 00:00", "--reason", "r"),
           changed_flag("until", "2035-01-01T00:00:00Z"), "until"),
    Change("step", "on", ("step", "New"), changed_flag("step", "New"), "step"),
    Change("off", "on", ("off", "--result", "ok"), lambda bench: bench.folder.read() is None, "off"),
    Change("bypass off", "on", ("bypass", "off"), lambda bench: new_files(bench, "bypass.off", "on"), "bypass-off"),
    Change("ticket new", "on", ("ticket", "new"), lambda bench: new_files(bench, "tickets/", "on"), "ticket-new"),
    Change("ticket revoke", "ticket", ("ticket", "revoke", "--all"),
           lambda bench: not any("/tickets/any/" in p for p in bench.tree()), "ticket-revoke"),
    Change("schedule add", "past", ("schedule", "add", "x", "--start", "2035-02-01 00:00", "--end", "2035-02-01 01:00"),
           lambda bench: new_files(bench, "windows.d/", "past"), "schedule-add"),
    Change("schedule remove", "planned", ("schedule", "remove", "later"),
           lambda bench: not any("/windows.d/later" in p for p in bench.tree()), "schedule-remove"),
    Change("tick", "due", ("tick",), lambda bench: (bench.folder.body() or {}).get("window") == "now" and
           not any("/tickets/any/" in p for p in bench.tree()), None),
    Change("run", "past", ("run", "--for", "1h", "--", "mkdir", "state/made"),
           lambda bench: bench.folder.read() is None and bench.folder.file("state/made") in bench.tree(), "off"),
    Question("status, off", "past", ("status",), "cannot be read|suspended"),
    Question("status, on", "ticket", ("status", "--json"),
             '"(unknown|broken|bypass_off)": true'),
    Question("report", "planned", ("report",)),
    Question("journal verify", "planned", ("journal", "verify")),
    Question("schedule list", "planned", ("schedule", "list")),
    Question("ticket list", "ticket", ("ticket", "list")),
    Question("explain", "ticket", ("explain", "GET", "https://site.example/shop/x", "--from", "198.51.100.7"),
             "^HOLD"),
    Question("check", "planned", ("check",), r"cannot |error|Permission denied|not permitted|ticket \w+ in "),
    Question("snippet nginx", "off", ("snippet", "nginx")),
)


# --- plain CGI ---

class Cgi:
    """One request.  `wanted`: its status; never 200 where that is 503."""

    def __init__(self, name, state, wanted, **more):
        self.name, self.state, self.wanted, self.more = "CGI, " + name, state, wanted, more

    def ask(self, bench, more):
        more = {k: v.replace("TICKET", bench.ticket) for k, v in self.more.items()} | more
        done = subprocess.run([bench.folder.gateway_binary], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              env=bench.folder.cgi_environment("/x", **more), cwd=bench.folder.path,
                              timeout=END_SECONDS)
        return done, fastcgi.status(done.stdout)

    def run(self, bench):
        bench.lay(self.state)
        done, status = self.ask(bench, bench.page.environment)
        bench.page.disarm()
        wrong = bench.files_wrong()
        if status == 200 and self.wanted != 200:
            wrong.append("passed while on")
        if status == 0 and done.returncode == 0:
            wrong.append("no answer, and exit 0")
        if status not in (0, 200, 400, 431, 500, 503):
            wrong.append("a foreign status")
        if bench.page.fired() == 0 and status != self.wanted:
            wrong.append(f"{status} without a fault")
        _, after = self.ask(bench, {})
        if after != self.wanted:
            wrong.append(f"the next request: {after}")
        return wrong and wrong + [Said(done)]


REQUESTS = (
    Cgi("off", "past", 200), Cgi("on", "on", 503),
    Cgi("a ticket", "ticket", 200, HTTP_COOKIE="maintenance_ticket=TICKET"),
    Cgi("a wrong ticket", "ticket", 503, HTTP_COOKIE="maintenance_ticket=" + "0" * 32),
    Cgi("a wrong secret", "ticket", 503, HTTP_X_PASS="correct-horse-battery-stapler"),
)


# --- processes that stay ---

class Gone(Exception):
    """The process ended, or does not answer, although nothing excuses it."""


class Refused(Exception):
    """The service has not started, as it may."""


class RewriteMap:
    """A line a request, while off, on and off again."""

    name = "rewrite map"
    LINE = b"REMOTE_ADDR=192.0.2.9 THE_REQUEST=GET%20/x%20HTTP/1.1 HTTP_HOST=site.example\n"

    def start(self, bench):
        return subprocess.Popen([bench.folder.gateway_binary, "--rewrite-map", "-c", bench.folder.ini],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                                env={**bench.folder.environment, **bench.page.environment}, cwd=bench.folder.path)

    def ask(self, process):
        """A word; "" where the program is gone."""
        try:
            process.stdin.write(self.LINE)
        except BrokenPipeError:
            return ""
        if not select.select([process.stdout], [], [], END_SECONDS)[0]:
            raise Gone("no answer")
        return process.stdout.readline().decode().strip()

    def ask_right(self, bench, process, wanted, wrong):
        """Asks until the right answer comes; with a fault, another one may come first, if it is no pass while on."""
        end = time.monotonic() + RIGHT_SECONDS
        while (word := self.ask(process)) != wanted:
            if wanted != "pass" and word == "pass":
                wrong.append("passed while on")
            if bench.page.fired() == 0:
                wrong.append(f"{word!r} without a fault")
            if word == "" or time.monotonic() > end:
                return word
            time.sleep(0.05)
        return word

    def run(self, bench):
        bench.lay("past")
        process, wrong, word = self.start(bench), [], ""
        try:
            for state, wanted in (("past", "pass"), ("on", "hold"), ("past", "pass")):
                bench.lay(state)
                word = self.ask_right(bench, process, wanted, wrong)
                if word == "":
                    break
                if word != wanted:
                    wrong.append(f"state {state}: {word!r} long after the fault")
        finally:
            bench.page.disarm()
            process.stdin.close()
            try:
                code = process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Gone("no end after the last line")
            finally:
                said = process.stderr.read().decode(errors="replace")
                process.stdout.close()
                process.stderr.close()
        if word == "" and (code == 0 or not said):
            wrong.append(f"ended by itself, exit {code}, and says {said!r}")
        return wrong + bench.files_wrong()


class Service:
    """Start, requests by FastCGI and HTTP, switched by touch, reload, stop."""

    name = "service"

    def start(self, bench):
        """True when it answers; False when it has refused to start, as it may after a fault."""
        f = bench.folder
        bench.log = open(f.file("gateway.log"), "w+b")
        f.gateway = subprocess.Popen([f.gateway_binary, "-c", f.ini], stdin=subprocess.DEVNULL, stdout=bench.log,
                                     stderr=bench.log, env={**f.environment, **bench.page.environment}, cwd=f.path)
        end = time.monotonic() + END_SECONDS
        while time.monotonic() < end:
            if f.gateway.poll() is not None:
                return False
            if harness.wire.socket_open(f.socket):
                return True
            time.sleep(0.001)
        raise Gone("it neither listens nor ends")

    def said(self, bench):
        with open(bench.log.name, "rb") as f:
            return f.read()

    def by_fastcgi(self, bench, *parameters):
        try:
            with fastcgi.connect(bench.folder.socket) as s:
                s.settimeout(END_SECONDS)
                s.sendall(fastcgi.whole(fastcgi.GOOD + list(parameters), fastcgi.AUTHORIZER))
                return fastcgi.stdout_of(fastcgi.receive(s))
        except TimeoutError:
            raise Gone("no answer by FastCGI")
        except OSError:
            return b""

    def by_http(self, bench):
        headers = (("X-Forwarded-For", "192.0.2.9"), ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/x"),
                   ("X-Forwarded-Host", "site.example"), ("X-Forwarded-Proto", "https"))
        text = "GET /auth HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + "".join(
            f"{n}: {v}\r\n" for n, v in headers) + "\r\n"
        return self.exchange(bench, ("::1", bench.port), text)

    def by_control(self, bench):
        return self.exchange(bench, bench.folder.file("control.sock"),
                             "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    def exchange(self, bench, where, text):
        """The answer, with its first line as CGI would have it."""
        family = harness.wire.socket.AF_UNIX if isinstance(where, str) else harness.wire.socket.AF_INET6
        try:
            with harness.wire.socket.socket(family) as s:
                s.settimeout(END_SECONDS)
                s.connect(where)
                s.sendall(text.encode())
                return fastcgi.receive(s).replace(b"HTTP/1.1 ", b"Status: ", 1)
        except TimeoutError:
            raise Gone(f"no answer by HTTP, {where}")
        except OSError:
            return b""

    def until_right(self, bench, what, ask, right, wrong):
        """Asks until `right` is content.  A fault may cost answers for a while; a pass where none may be never."""
        end = time.monotonic() + RIGHT_SECONDS
        while True:
            answer = ask()
            if right(answer):
                return
            if what.startswith("held") and fastcgi.status(answer) == 200:
                wrong.append(f"{what}: passed while on")
            if fastcgi.status(answer) not in (0, 200, 400, 431, 500, 503):
                wrong.append(f"{what}: {answer[:60]}")
            code = bench.folder.gateway.poll()
            if code in (2, 3) and bench.page.fired() > 0 and b"cannot " in self.said(bench):
                raise Refused()                         # one listener was there, the next could not be made
            if code is not None:
                raise Gone(f"{what}: the process is gone, exit {code}")
            if bench.page.fired() == 0 and "reload" not in what:
                wrong.append(f"{what}: {answer[:60]} without a fault")
            if time.monotonic() > end:
                wrong.append(f"{what}: not right long after the fault: {answer[:60]}")
                return
            time.sleep(0.002 if "reload" in what else 0.05)

    def expect(self, bench, what, status, wrong, ask=None, *parameters):
        self.until_right(bench, what, ask or (lambda: self.by_fastcgi(bench, *parameters)),
                         lambda answer: fastcgi.status(answer) == status, wrong)

    def reload(self, bench, wrong):
        bench.write_ini("Title B")
        told = []

        def ask():
            if not told or time.monotonic() - told[-1] > 0.5:           # a reload that failed is told once more
                bench.folder.gateway.send_signal(signal.SIGHUP)
                told.append(time.monotonic())
            return self.by_fastcgi(bench)
        self.until_right(bench, "held, reload", ask, lambda answer: b"Title B" in answer, wrong)

    def requests(self, bench, wrong):
        f = bench.folder
        self.expect(bench, "off", 200, wrong)
        self.expect(bench, "off, HTTP", 200, wrong, lambda: self.by_http(bench))
        open(f.flag, "w").close()
        self.expect(bench, "held", 503, wrong)
        self.expect(bench, "held, HTTP", 503, wrong, lambda: self.by_http(bench))
        self.expect(bench, "ticket", 200, wrong, None, ("HTTP_COOKIE", "maintenance_ticket=" + bench.ticket))
        self.expect(bench, "held, wrong secret", 503, wrong, None, ("HTTP_X_PASS", "correct-horse-battery-stapler"))
        self.reload(bench, wrong)
        self.expect(bench, "health", 200, wrong, lambda: self.by_control(bench))
        os.unlink(f.flag)
        self.expect(bench, "off again", 200, wrong)
        open(f.flag, "w").close()
        self.expect(bench, "held again", 503, wrong)

    def stop(self, bench, wrong):
        process = bench.folder.gateway
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            wrong.append("no end after SIGTERM")
            return None
        finally:
            bench.folder.gateway = None
        return code

    def run(self, bench):
        bench.lay("past")
        for name, text in bench.states["ticket"].items():
            if "/tickets" in name:
                os.makedirs(os.path.dirname(name), exist_ok=True)
                if text[0] is None:
                    os.makedirs(name, exist_ok=True)
                else:
                    bench.folder.write(name, text[0])
        bench.write_ini("Title A")
        wrong, started = [], False
        try:
            started = self.start(bench)
            if started:
                self.requests(bench, wrong)
        except Refused:
            started = False
        except Gone as gone:
            wrong.append(str(gone))
        code = self.stop(bench, wrong)
        bench.page.disarm()
        bench.log.close()
        said = self.said(bench).decode(errors="replace")
        if bench.page.fired() == 0 and not started:
            wrong.append("it did not start, without a fault")
        if not started and (code not in (2, 3) or not said):
            wrong.append(f"it refused to start with exit {code}")
        if started and code not in (0, None):
            wrong.append(f"exit {code} after SIGTERM")
        wrong += bench.files_wrong()
        return wrong and wrong + [Said(said[-1500:])]


SCENARIOS = (Service(), RewriteMap(), *REQUESTS, *COMMANDS)


# --- all of it ---

LIBC = "libc.so.6"
# where it is the library's own way to crash: iniparser 4.1 and glibc's getpwuid() use what they did not get, libfcgi
# and libmicrohttpd abort
FRAGILE = ("libiniparser.so.1", "libfcgi.so.0", "libmicrohttpd.so.12", LIBC)
# what a crash brings with it; of a service only a worker may die, and while it stops that is told by its exit code
BY_A_CRASH = re.compile(r"exit -\d+|exit 3 after SIGTERM|no word|without a word|no exit code of wardenctl|left: ")


def is_of_a_library(page):
    """Whether a crash is a library's own: the call that failed and the crash are in one and the same call of it."""
    failed, crashed = page.caller(), page.crash()
    library = failed[0].split("+")[0] if failed else ""
    if library == LIBC:                 # and the rest of both is the same
        rest = [[f for f in frames if not f.startswith(LIBC)][0] for frames in (failed, crashed)]
        return rest[0] == rest[1]
    return library in FRAGILE and [f for f in crashed if not f.startswith(LIBC)][0].split("+")[0] == library


def faults_of(calls):
    return [shim.Fault(function, n, error) for function, count in sorted(calls.items()) for n in range(1, count + 1)
            for error in ERRORS.get(function, (errno.EIO,))]


def spread(faults, quota):
    """Some of them, the same ones each time, and of each function at least one."""
    by_function = {}
    for fault in faults:
        by_function.setdefault(fault.function, []).append(fault)
    chosen = []
    for rows in by_function.values():
        count = min(len(rows), max(1, round(quota * len(rows) / len(faults))))
        chosen += [rows[(2 * i + 1) * len(rows) // (2 * count)] for i in range(count)]
    return chosen


class Torture:
    def __init__(self, checks, options, library):
        self.checks, self.options = checks, options
        self.benches = [Bench(options, library) for _ in range(RUNNERS)]
        self.lock, self.work = threading.Lock(), queue.Queue()
        self.fired = self.missed = 0
        self.where = {}

    def one(self, bench, scenario, fault):
        """Runs a scenario with a fault, and counts it."""
        bench.page.arm(fault)
        try:
            wrong = scenario.run(bench)
        except Gone as gone:
            wrong = [str(gone)]
        page = bench.page
        library = page.signal() and is_of_a_library(page)
        if page.signal() and not library:
            wrong = [f"signal {page.signal()}: " + " < ".join(self.lines(page.crash()))] + wrong
        with self.lock:
            self.fired += page.fired() > 0
            self.missed += page.fired() == 0
            if library:
                name = page.caller()[0].split("+")[0]
                self.where[name] = self.where.get(name, 0) + 1
                wrong = [w for w in wrong if isinstance(w, Said) or not BY_A_CRASH.search(w)]
            wrong = [] if all(isinstance(w, Said) for w in wrong) else wrong
            self.checks.that(f"{scenario.name}: {fault}", not wrong, *wrong,
                             "failed in " + " < ".join(self.lines(page.caller()[:9])) if wrong else "")

    def lines(self, frames):
        return shim.lines(frames, (self.options.gateway, self.options.wardenctl))

    def runner(self, bench):
        while True:
            try:
                scenario, fault = self.work.get_nowait()
            except queue.Empty:
                return
            try:
                self.one(bench, scenario, fault)
            except Exception as error:
                with self.lock:
                    self.checks.that(f"{scenario.name}: {fault}", False, "the test itself: " + repr(error),
                                     f"line {error.__traceback__.tb_next.tb_lineno}")

    def counted(self, scenario):
        """The faults that the scenario has to offer."""
        for bench in self.benches:
            bench.page.clear()
            wrong = scenario.run(bench)
            self.checks.equal(f"{scenario.name}: right without a fault", wrong or [], [])
        return faults_of(bench.page.calls())

    def run(self):
        offers = {scenario: self.counted(scenario) for scenario in SCENARIOS
                  if os.environ.get("WARDEN_TORTURE", "") in scenario.name}
        total = sum(len(faults) for faults in offers.values())
        for scenario, faults in offers.items():
            chosen = faults if self.options.long else spread(faults, SHORT_FAULTS * len(faults) / total)
            for fault in chosen:
                self.work.put((scenario, fault))
        threads = [threading.Thread(target=self.runner, args=(bench,)) for bench in self.benches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{self.fired} faults of {total} in {len(offers)} scenarios; {self.missed} calls did not come; crashes "
              f"in a library: {self.where}")

    def close(self):
        for bench in self.benches:
            bench.close()


def run(checks, options):
    """Counts first, then one fault a run."""
    for program in (options.gateway, options.wardenctl):
        if not checks.that("the programs are built without sanitizers", not shim.is_sanitized(program), program):
            return
    with tempfile.TemporaryDirectory(prefix="warden-shim.") as folder:
        torture = Torture(checks, options, shim.build(folder))
        try:
            torture.run()
            least = 1 if "WARDEN_TORTURE" in os.environ else 2000 if options.long else 500
            checks.that("faults came", torture.fired >= least, torture.fired)
        finally:
            torture.close()
