# SPDX-License-Identifier: MIT
"""What the measurements share: a folder with programs and their processes, rounds that alternate, ratios."""
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, "build", "bench")
sys.path.insert(0, os.path.join(TOP, "tests", "wire"))
import fastcgi                  # the records of tests/wire

NOISY = 0.25                    # spread of a reference within one run, beyond which the machine was too noisy


class Missing(Exception):
    """Something is not installed: the measurement is left out, and that is said."""


class WrongAnswers(Exception):
    """The one thing that makes a run fail."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def tool(name, package):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/go/bin")
    if found is None:
        raise Missing(f"{name} is missing: apt-get install {package}")
    return found


def configured(name, *arguments):
    """A build of the product in build/bench/NAME."""
    folder = os.path.join(BUILD, name)
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(os.path.join(TOP, "configure")):
        subprocess.run(["autoreconf", "-i", TOP], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not os.path.exists(os.path.join(folder, "Makefile")):
        subprocess.run([os.path.join(TOP, "configure"), "-q", *arguments], cwd=folder, check=True)
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def compiled(source, *arguments):
    """A small C program of contrib/bench."""
    target = os.path.join(BUILD, os.path.basename(source).removesuffix(".c"))
    os.makedirs(BUILD, exist_ok=True)
    subprocess.run([tool("cc", "gcc"), "-O2", "-o", target, os.path.join(HERE, source), *arguments], check=True)
    return target


class Bench:
    """One measurement's folder and processes."""

    def __init__(self, options):
        self.rounds, self.seconds = options.rounds, options.seconds
        self.folder = tempfile.mkdtemp(prefix="warden-bench.")
        os.chmod(self.folder, 0o755)
        os.makedirs(self.path("state/flags"))
        self.processes = []
        self.gateway = os.path.join(BUILD, "plain", "maintenance-warden")
        self.wardenctl = os.path.join(BUILD, "plain", "wardenctl")
        self.socket = self.path("gateway.sock")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def touch(self):
        return self.write("state/maintenance.flag", "")

    def remove(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("state/maintenance.flag"))

    def policy(self, networks=1000, paths=100, sites=0, gateway=""):
        """An INI with long lists in files."""
        self.write("nets", "".join(f"{10 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.0/24\n" for i in range(networks)))
        self.write("paths", "".join(f"/api/v{i}/hooks/\n" if i % 2 else f"/page-{i}.html\n" for i in range(paths)))
        named = "".join(f"[site.s{i}]\nhost = s{i}.example\n" for i in range(sites))
        return self.write("warden.ini", f"[gateway]\nstate_dir = {self.path('state')}\nlisten = {self.socket}\n{gateway}"
                          "[site]\ntitle = Maintenance\nbypass_address_file = nets\nopen_path_file = paths\n"
                          f"bypass_secret = a-secret-of-sixteen-bytes\nretry_after_jitter = 0\n{named}")

    def start(self, command, ready, env=None):
        """Starts a server, and waits until `ready` (a socket's path, or a port) takes connections."""
        with open(self.path("log"), "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        self.processes.append(process)
        end = time.monotonic() + 15
        while time.monotonic() < end and process.poll() is None:
            with socket.socket(socket.AF_UNIX if isinstance(ready, str) else socket.AF_INET) as s:
                if s.connect_ex(ready if isinstance(ready, str) else ("127.0.0.1", ready)) == 0:
                    return process
            time.sleep(0.01)
        with open(self.path("log"), errors="replace") as f:
            raise RuntimeError(f"{command[0]} did not come up:\n{f.read()[-1500:]}")

    def stop(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
        if process.poll() is None:
            process.kill()
            process.wait()
        self.processes.remove(process)

    def start_gateway(self, program=None):
        return self.start([program or self.gateway, "-c", self.path("warden.ini")], self.socket)

    def answer(self):
        """A file with the bytes of the gateway's answer to fcgi_load, for peers to send the same."""
        more = [("HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5"), ("HTTP_HOST", "site.example")]
        return self.write("answer", fastcgi.ask(self.socket, more, fastcgi.RESPONDER))

    def load(self, address, connections=8, keep=True, role="responder", status=503):
        """A round of load: requests a second."""
        done = subprocess.run([os.path.join(BUILD, "fcgi_load"), address, str(connections), str(self.seconds),
                               "keep" if keep else "close", role, str(status)], capture_output=True, text=True)
        result = json.loads(done.stdout) if done.stdout else {}
        if done.returncode != 0 or result.get("answers", 0) == 0:
            raise WrongAnswers(f"{address}: {result or done.stderr}")
        return result["rate"]

    def close(self):
        for process in list(self.processes):
            self.stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Figure:
    """A ratio of two things, measured in rounds that alternate."""

    def __init__(self, name, what, against, goal=None, least=True):
        self.name, self.what, self.against, self.goal, self.least = name, what, against, goal, least
        self.ratios, self.values, self.references = [], [], []

    def measure(self, bench, subject, reference):
        """The order changes from round to round, so that a drift of the machine hits both alike."""
        subject(), reference()
        for n in range(bench.rounds):
            if n % 2:
                value, base = subject(), reference()
            else:
                base, value = reference(), subject()
            self.values.append(value)
            self.references.append(base)
            self.ratios.append(value / base)
        return self

    @property
    def median(self):
        return statistics.median(self.ratios)

    @property
    def noisy(self):
        return (max(self.references) - min(self.references)) / statistics.median(self.references) > NOISY

    @property
    def reached(self):
        return self.goal is None or (self.median >= self.goal if self.least else self.median <= self.goal)

    def line(self):
        goal = "" if self.goal is None else f"{'>=' if self.least else '<='} {self.goal:<6g}{'' if self.reached else 'NO'}"
        return (f"{self.name:12} {self.what:30} {self.median:7.2f} [{min(self.ratios):.2f} {max(self.ratios):.2f}] "
                f"of {self.against:32} {goal:12}{'  noisy' if self.noisy else ''}".rstrip())

    def row(self):
        return [self.name, self.what, self.against, f"{self.median:.4f}", f"{min(self.ratios):.4f}",
                f"{max(self.ratios):.4f}", "" if self.goal is None else self.goal, f"{statistics.median(self.values):.6g}",
                f"{statistics.median(self.references):.6g}", "noisy" if self.noisy else ""]
