# SPDX-License-Identifier: MIT
"""What the measurements share: a folder with programs and their processes, and where they are built."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, "build", "bench")
sys.path.insert(0, os.path.join(TOP, "tests", "wire"))
import fastcgi                  # the records of tests/wire
from harness import free_port, others_may_enter, www_data_that_may_read

WAIT_SECONDS = 15
SECRET = "a-secret-of-sixteen-bytes"
ALLOWED = "11.0.1.9"            # in the first network of every policy
MANY = 100000                   # networks: as many as a list may have


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


def configured(name, *arguments, target="all"):
    """A build of the product in build/bench/NAME."""
    folder = os.path.join(BUILD, name)
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(os.path.join(TOP, "configure")):
        subprocess.run(["autoreconf", "-i", TOP], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not os.path.exists(os.path.join(folder, "Makefile")):
        subprocess.run([os.path.join(TOP, "configure"), "-q", *arguments], cwd=folder, check=True)
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}", target], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return folder


def compiled(source, *arguments):
    """A small C program of contrib/bench."""
    target = os.path.join(BUILD, os.path.basename(source).removesuffix(".c"))
    os.makedirs(BUILD, exist_ok=True)
    subprocess.run([tool("cc", "gcc"), "-O2", "-o", target, os.path.join(HERE, source), *arguments], check=True)
    return target


def built(name):
    return os.path.join(BUILD, name)


def network(i):
    """The i-th of a list of networks all over, with gaps: an outsider differs from one in its last bit only."""
    return f"{11 + i % 89}.{i // 89 % 250}.{i // 22250 * 2 + 1}.0/24"


class Bench:
    """One measurement's folder and processes."""

    def __init__(self, options):
        self.rounds, self.seconds, self.quick = options.rounds, options.seconds, options.quick
        self.folder = tempfile.mkdtemp(prefix="warden-bench.")
        os.chmod(self.folder, 0o755)
        for name in ("state/flags", "tmp", "log", "www"):
            os.makedirs(self.path(name))
        os.chmod(self.path("tmp"), 0o777)
        self.processes = []             # each the leader of a session of its own
        self.gateway = os.path.join(BUILD, "plain", "maintenance-warden")
        self.wardenctl = os.path.join(BUILD, "plain", "wardenctl")
        self.socket = self.path("gateway.sock")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def touch(self):
        return self.write("state/maintenance.flag", "")

    def remove(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("state/maintenance.flag"))

    def policy(self, networks=1000, paths=100, sites=0, gateway="", site="", name="warden.ini"):
        """An INI with long lists in files."""
        self.write("nets", "".join(network(i) + "\n" for i in range(networks)))
        self.write("paths", "".join(f"/api/v{i}/hooks/\n" if i % 2 else f"/page-{i}.html\n" for i in range(paths)))
        named = "".join(f"[site.s{i}]\nhost = s{i}.example\n" for i in range(sites))
        return self.write(name, f"[gateway]\nstate_dir = {self.path('state')}\nlisten = {self.socket}\n"
                          f"socket_mode = 0666\n{gateway}[site]\ntitle = Maintenance\nbypass_address_file = nets\n"
                          f"open_path_file = paths\nbypass_secret = {SECRET}\nretry_after_jitter = 0\n{site}{named}")

    def static(self):
        """The static program as it is shipped, stripped.  The short form does without it: it takes a while to build."""
        if self.quick:
            return self.gateway
        program = os.path.join(configured("static", "--enable-static", "CFLAGS=-O2", target="maintenance-warden"),
                               "maintenance-warden")
        subprocess.run([tool("strip", "binutils"), "-o", built("stripped"), program], check=True)
        return built("stripped")

    def start(self, command, ready, env=None, cwd=None):
        """Starts a server, and waits until `ready` (a socket's path, or a port) takes connections."""
        with open(self.path("log/" + os.path.basename(command[0])), "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=cwd,
                                       start_new_session=True)          # lighttpd ends all of its process group
        self.processes.append(process)
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end and process.poll() is None:
            with socket.socket(socket.AF_UNIX if isinstance(ready, str) else socket.AF_INET) as s:
                if s.connect_ex(ready if isinstance(ready, str) else ("127.0.0.1", ready)) == 0:
                    return process
            time.sleep(0.01)
        raise RuntimeError(f"{command[0]} did not come up:\n"
                           f"{self.read('log/' + os.path.basename(command[0])).decode(errors='replace')[-1500:]}")

    def stop(self, process, pid=None):
        """`pid`: the process to end, where `process` only waits for it."""
        if process.poll() is None:
            os.kill(pid or process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(WAIT_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):           # fcgiwrap leaves its children behind
            os.killpg(process.pid, signal.SIGKILL)
        self.processes.remove(process)

    def without_root(self):
        """What stands before the command of a server that would give up root, and whether it shall do so by itself."""
        if os.geteuid() != 0:
            return [], False
        return ([], True) if others_may_enter(self.path("log")) else (www_data_that_may_read(), False)

    def start_gateway(self, program=None, config="warden.ini", ready=None):
        return self.start([program or self.gateway, "-c", self.path(config)], ready or self.socket)

    def ask(self, address="192.0.2.9", path="/shop/cart"):
        """One FastCGI request, as fcgi_load's; the status."""
        return fastcgi.status(self.answer_to(address, path))

    def answer_to(self, address, path="/shop/cart", role=fastcgi.RESPONDER):
        parameters = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", path), ("REMOTE_ADDR", address),
                      ("HTTP_ACCEPT", "text/html"), ("HTTP_ACCEPT_LANGUAGE", "en-US,en;q=0.5"),
                      ("HTTP_HOST", "site.example")]
        return fastcgi.send(self.socket, fastcgi.whole(parameters, role), finish=False)

    def answer(self, name="answer"):
        """A file with the bytes of the gateway's answer to fcgi_load, for peers to send the same."""
        return self.write(name, self.answer_to("192.0.2.9"))

    def body(self):
        """The same without its head, for peers that make their own."""
        return self.write("body", self.answer_to("192.0.2.9").partition(b"\r\n\r\n")[2])

    def load(self, address, connections=8, keep=True, role="responder", status=503, seconds=None, more=(),
             want="rate"):
        """A round of load: requests a second.  `seconds` may be a number of requests: "1000x"; `more`: NAME=VALUE."""
        done = subprocess.run([built("fcgi_load"), address, str(connections), str(seconds or self.seconds),
                               "keep" if keep else "close", role, str(status), "0", *more],
                              capture_output=True, text=True)
        result = json.loads(done.stdout) if done.stdout else {}
        if done.returncode != 0 or result.get("answers", 0) == 0:
            raise WrongAnswers(f"{address}: {result or done.stderr}")
        return result[want]

    def close(self):
        for process in reversed(list(self.processes)):
            self.stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)
