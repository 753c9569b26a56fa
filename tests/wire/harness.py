# SPDX-License-Identifier: MIT
"""Starting real servers on loopback, and talking to them byte by byte.

Every server runs in the foreground with its configuration in a temporary folder, is waited for by connecting, and is
ended by its process id.  The client sends request targets as they are given.
"""
import contextlib
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

ALLOWED = "127.0.0.2"           # bypass_address in the tests' policy
OUTSIDER = "127.0.0.1"
SECRET = "wire-secret-0123456789"
SITE = b"SITE"                  # stands in everything that the site itself answers
UPLOAD = bytes(range(256)) * 4096
UPLOAD_SHA1 = hashlib.sha1(UPLOAD).hexdigest()
FILE = (b"SITE static file\n" * 1000)[:16000]
WAIT_SECONDS = 15


class Missing(Exception):
    """A program that is needed is not installed."""


def program(name, package):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise Missing(f"{name} is missing: apt-get install {package}")
    return found


SLOT, SLOTS = 0, 1              # of several processes that run at once, which this is


def free_port():
    """Of this process alone, and none that the system gives to outgoing connections."""
    for _ in range(1000):
        port = random.randrange(10000, 32000) // SLOTS * SLOTS + SLOT
        with socket.socket() as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def wait_until(ready, what, process=None):
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if ready():
            return
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.01)
    raise RuntimeError(f"{what} did not come up")


def port_open(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def socket_open(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def workers(pid):
    """The process ids of the workers of the gateway `pid`, the oldest first."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]
    return []


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return ", ".join(v for n, v in self.headers if n == name.lower())

    def echo(self):
        """What the echo application said it received."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:80]!r}"


def unchunk(data):
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        n = int(size.split(b";")[0] or b"0", 16)
        if n == 0:
            break
        out, data = out + data[:n], data[n + 2:]
    return out


def parse_response(data):
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    match = re.match(r"HTTP/1\.[01] (\d{3})", lines[0])
    if not match:
        return Response(0, [], data)
    headers = [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]
    response = Response(int(match.group(1)), headers, body)
    if "chunked" in response.header("transfer-encoding"):
        response.body = unchunk(body)
    return response


def receive(s):
    """All until the peer ends, or cuts."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while chunk := s.recv(65536):
            data += chunk
    return data


def upgrade(port, target, headers=(), source=OUTSIDER):
    """Asks for another protocol; where it is granted, sends a line and gives what comes back, else the response."""
    lines = [f"GET {target} HTTP/1.1", "Host: site.example", "Connection: Upgrade", "Upgrade: websocket",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    lines += [f"{n}: {v}" for n, v in headers]
    with socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0)) as s:
        s.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        stream = s.makefile("rb")
        head = b""
        while (line := stream.readline()).strip():
            head += line
        if not head.startswith(b"HTTP/1.1 101"):
            return head
        s.sendall(b"hello\n")
        return stream.readline()


def request(port, target, method="GET", headers=(), body=b"", source=OUTSIDER, host="site.example"):
    """Sends one request, target and headers as they are, and reads until the server closes."""
    lines = [f"{method} {target} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{n}: {v}" for n, v in headers] + ["Connection: close"]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    with socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0)) as s:
        with contextlib.suppress(ConnectionError):      # a held upload may be answered before it is sent
            s.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return parse_response(receive(s))


class Echo(http.server.BaseHTTPRequestHandler):
    """An application behind the server: says what it received; /file.bin is a file, with Range."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        out = b""
        while n := int(self.rfile.readline().split(b";")[0], 16):
            out += self.rfile.read(n)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def tunnel(self):
        """What a WebSocket is to a server in the middle: bytes both ways after a 101."""
        self.send_response(101)
        for name, value in (("Connection", "Upgrade"), ("Upgrade", "websocket"),
                            ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"SITE " + self.rfile.readline())
        self.close_connection = True

    def answer(self):
        if self.headers.get("Upgrade") == "websocket":
            return self.tunnel()
        body, status, data, extra = self.body(), 200, b"", []
        if self.path == "/file.bin":
            data = FILE
            if span := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
                first, last = map(int, span.groups())
                status, data = 206, FILE[first:last + 1]
                extra = [("Content-Range", f"bytes {first}-{last}/{len(FILE)}")]
        else:
            data = json.dumps({"from": "SITE", "method": self.command, "uri": self.path, "length": len(body),
                               "sha1": hashlib.sha1(body).hexdigest()}).encode()
            status = 503 if self.path == "/up/503" else 200
        self.send_response(status)
        for name, value in extra + [("Content-Length", str(len(data)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer


def others_may_enter(path):
    """Whether every folder above `path`, and "/", lets a user through who is neither owner nor in the group."""
    while path != "/":
        path = os.path.dirname(path)
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
    return True


def www_data_that_may_read():
    """What stands before a server's command so that it is no root, and may read what root may."""
    return [program("setpriv", "util-linux"), "--reuid", "www-data", "--regid", "www-data", "--clear-groups",
            "--securebits", "+no_setuid_fixup",                                         # or access(2) ignores it
            "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]


class Folder:
    """A temporary folder with a site, state, an INI, and everything that runs on it.

    A server that gives up root is started as root.  Where only root may enter the folders above (a chroot made by
    mktemp is such a place) it could then read nothing, so it starts as www-data at once, with one capability left.
    """

    def __init__(self, gateway, wardenctl=None, policy=None):
        self.wardenctl = wardenctl or os.path.join(os.path.dirname(os.path.abspath(gateway)), "wardenctl")
        self.path = tempfile.mkdtemp(prefix="warden-wire.")
        os.chmod(self.path, 0o755)
        self.drops_root = os.geteuid() == 0 and others_may_enter(self.path)
        self.as_www_data = []
        if os.geteuid() == 0 and not self.drops_root:
            self.as_www_data = www_data_that_may_read()
        self.gateway_binary = os.path.join(self.path, "maintenance-warden")
        shutil.copy(gateway, self.gateway_binary)
        self.processes, self.gateway = [], None
        self.socket = self.file("gateway.sock")
        for name in ("www/shop", "www/.maintenance", "www/api/webhooks", "www/sub", "www/cgi", "state/flags", "log",
                     "tmp",
                     "cgi-bin"):
            os.makedirs(self.file(name))
        os.chmod(self.file("tmp"), 0o777)
        self.write_site()
        self.write_ini() if policy is None else self.write_policy(policy)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        with open(self.file(name), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return self.file(name)

    def write_site(self):
        self.write("www/file.bin", FILE)
        for name in ("health", "admin.txt", "other.txt", "shopping.txt", "robots.txt", "shop/x.txt", "index.html",
                     ".maintenance/status", ".maintenance/other.txt"):
            self.write("www/" + name, f"SITE {name}\n")
        php = ('<?php $b = file_get_contents("php://input"); header("Content-Type: application/json"); '
               'echo json_encode(['
               '"from" => "SITE", "method" => $_SERVER["REQUEST_METHOD"], "uri" => $_SERVER["REQUEST_URI"],'
               '"length" => strlen($b), "sha1" => sha1($b), "user" => $_SERVER["REMOTE_USER"] ?? null]);')
        for name in ("echo.php", "api/webhooks/echo.php"):
            self.write("www/" + name, php)

    def write_ini(self, listen=True, site=""):
        return self.write("warden.ini", "[gateway]\n" + (f"listen = {self.socket}\n" if listen else "") + f"""\
socket_mode = 0666
state_dir = {self.file("state")}
[site]
title = Wire test
bypass_address = {ALLOWED}/32
bypass_secret = {SECRET}
bypass_user = anna
open_path = /api/webhooks/
{site}
[site.shop]
path = /shop/
""")

    def write_policy(self, policy, gateway=""):
        """An INI of the sections in `policy`; `gateway` is more of [gateway]."""
        return self.write("warden.ini", f"""[gateway]
listen = {self.socket}
socket_mode = 0666
state_dir = {self.file("state")}
{gateway}
{policy}""")

    def drop_key(self, key):
        """A native gate cannot have every key: without it, the policy is the same for the rest."""
        with open(self.file("warden.ini")) as f:
            lines = [line for line in f if not line.startswith(key + " =")]
        self.write("warden.ini", "".join(lines))

    def add_keys(self, keys):
        """More lines of [gateway]."""
        with open(self.file("warden.ini")) as f:
            text = f.read()
        self.write("warden.ini", text.replace("[gateway]\n", "[gateway]\n" + keys, 1))

    def add_http(self, more=""):
        """An HTTP listener on ::1, so that the tests' clients on 127.0.0.0/8 are no trusted proxies."""
        self.add_keys(f"http_listen = [::1]:{free_port()}\ntrusted_proxies = ::1{more}\n")

    def made(self, kind, *options):
        """What `wardenctl snippet KIND` makes of this folder's INI: text by file name."""
        done = subprocess.run([self.wardenctl, "-c", self.file("warden.ini"), "snippet", kind, "--json", *options],
                              capture_output=True, text=True, timeout=WAIT_SECONDS)
        if done.returncode != 0:
            raise RuntimeError(f"wardenctl snippet {kind}: {done.stderr}")
        return json.loads(done.stdout)["files"]

    def spawn(self, name, command, env=None, cwd=None):
        with open(self.file(f"log/{name}"), "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                                       cwd=cwd or self.path)
        self.processes.append(process)
        return process

    def start_gateway(self):
        self.gateway = self.spawn("gateway", [self.gateway_binary, "-c", self.file("warden.ini")])
        wait_until(lambda: socket_open(self.socket), "the gateway", self.gateway)

    def stop(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        code = process.wait(WAIT_SECONDS)
        self.processes.remove(process)
        return code

    def start_echo(self, port=0):
        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            kept = set()

            def process_request(self, request, client_address):
                self.kept.add(request)
                super().process_request(request, client_address)

            def close_request(self, request):
                self.kept.discard(request)
                super().close_request(request)

            def handle_error(self, *_):
                """HAProxy resets a connection that it does not need any more."""
        self.echo = Server(("127.0.0.1", port), Echo)
        threading.Thread(target=self.echo.serve_forever, daemon=True).start()
        return self.echo.server_address[1]

    def stop_echo(self):
        """As the end of a process: kept connections end too."""
        self.echo.shutdown()
        self.echo.server_close()
        for s in list(self.echo.kept):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def start_php(self):
        binary, listen = program("php-fpm8.2", "php8.2-fpm"), self.file("php.sock")
        user = "user = www-data\ngroup = www-data\n" if self.drops_root else ""
        conf = self.write("php.conf", f"[global]\nerror_log = {self.file('log/php')}\ndaemonize = no\n[www]\n{user}"
                          f"listen = {listen}\nlisten.mode = 0666\npm = static\npm.max_children = 4\n")
        process = self.spawn("php-fpm", [*self.as_www_data, binary, "-n", "-F", "-y", conf, "-d", "post_max_size=8M",
                                         "-d", "enable_post_data_reading=0"])   # Caddy calls every upload a form
        wait_until(lambda: socket_open(listen), "php-fpm", process)
        return listen

    def log_tail(self):
        out = []
        for name in sorted(os.listdir(self.file("log"))):
            with open(self.file("log/" + name), errors="replace") as f:
                out += [f"    {name}: {line.rstrip()}" for line in f.readlines()[-8:]]
        return "\n".join(out)

    def touch(self, flag="maintenance.flag"):
        with open(self.file("state/" + flag), "w"):
            pass

    def remove(self, flag="maintenance.flag"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.file("state/" + flag))

    def close(self):
        for process in list(self.processes):
            with contextlib.suppress(Exception):
                self.stop(process)
        for process in self.processes:
            process.kill()
        if hasattr(self, "echo"):
            self.stop_echo()
        shutil.rmtree(self.path, ignore_errors=True)


def drop_users(folder):
    """Native gates know no users."""
    with open(folder.file("warden.ini")) as f:
        text = f.read()
    folder.write("warden.ini", text.replace("bypass_user = anna\n", ""))


class Checks:
    """Counts, and says what failed."""

    def __init__(self, verbose):
        self.verbose, self.passed, self.failed, self.way = verbose, 0, 0, ""

    def that(self, what, ok, found=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
        if not ok or self.verbose:
            print(f"{'ok    ' if ok else 'FAILED'} {self.way}: {what}" + ("" if ok else f"; found {found}"), flush=True)
        return ok
