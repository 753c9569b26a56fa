# SPDX-License-Identifier: MIT
"""Real web servers on loopback with a static file of 16 kB, and wrk."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess

from common import Missing, WrongAnswers, free_port, tool

FILE, SIZE = "file.bin", 16000
MODULES = "/usr/lib/apache2/modules"
GATE = "maintenance-warden.conf"
SECONDS_MAX = 60

NGINX = """
daemon off;
{user}
worker_processes 2;
pid {path}/{name}.pid;
error_log {path}/log/{name}.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {path}/tmp/b; proxy_temp_path {path}/tmp/p; fastcgi_temp_path {path}/tmp/f;
  uwsgi_temp_path {path}/tmp/u; scgi_temp_path {path}/tmp/s;
  keepalive_requests 1000000;
  {http}
  server {{
    listen 127.0.0.1:{port};
    root {path}/www;
    {gate}
  }}
}}
"""
LIGHTTPD = """
server.document-root = "{path}/www"
server.port = {port}
server.bind = "127.0.0.1"
server.errorlog = "{path}/log/{name}.log"
server.upload-dirs = ( "{path}/tmp" )
server.max-keep-alive-requests = 1000000
server.max-worker = 2
mimetype.assign = ( "" => "application/octet-stream" )
{gate}
"""
APACHE = """
ServerRoot {path}
PidFile {path}/{name}.pid
Listen 127.0.0.1:{port}
ServerName site.example
ErrorLog {path}/log/{name}.log
LogLevel warn
Mutex file:{path}/tmp default
MaxKeepAliveRequests 0
{modules}
{user}
DocumentRoot {path}/www
<Directory {path}/www>
  Require all granted
  AllowOverride None
</Directory>
{gate}
"""


def start_nginx(bench, gate="", http="", under=()):
    """`under`: a command that looks at the server, which then is a single process.  So for the others."""
    port, name = free_port(), f"nginx{len(bench.processes)}"
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(path=bench.folder, name=name, port=port, user=user, gate=gate, http=http)
    if under:
        text = text.replace("worker_processes 2;", "master_process off;")
    conf = bench.write(name + ".conf", text)
    bench.start([*under, tool("nginx", "nginx-light"), "-p", bench.folder, "-c", conf,
                 "-e", bench.path(f"log/{name}.log")], port)
    return port


def start_lighttpd(bench, gate="", under=()):
    port, name = free_port(), f"lighttpd{len(bench.processes)}"
    text = LIGHTTPD.format(path=bench.folder, name=name, port=port, gate=gate)
    if under:
        text = text.replace("server.max-worker = 2", "")
    conf = bench.write(name + ".conf", text)
    bench.start([*under, tool("lighttpd", "lighttpd"), "-D", "-f", conf], port)
    return port


def start_apache(bench, gate="", under=()):
    port, name = free_port(), f"apache{len(bench.processes)}"
    modules = "\n".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in
                        ("mpm_event", "authz_core", "rewrite", "proxy", "proxy_fcgi", "dir", "headers"))
    before, gives_up = bench.without_root()
    user = "User www-data\nGroup www-data" if gives_up else ""
    text = APACHE.format(path=bench.folder, name=name, port=port, user=user, modules=modules, gate=gate)
    conf = bench.write(name + ".conf", text)
    bench.start([*before, *under, tool("apache2", "apache2"), "-X" if under else "-DFOREGROUND", "-f", conf], port)
    return port


def snippet(bench, kind):
    """What `wardenctl snippet` makes: text by file name."""
    done = subprocess.run([bench.wardenctl, "-c", bench.path("warden.ini"), "snippet", kind, "--json"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"wardenctl snippet {kind}: {done.stderr}")
    return json.loads(done.stdout)["files"]


def write_site(bench):
    bench.write("www/" + FILE, bytes(range(256)) * (SIZE // 256 + 1))
    os.truncate(bench.path("www/" + FILE), SIZE)


def wrk(bench, port, path="/" + FILE, status=200, headers=(), connections=16):
    """Requests a second; every answer's status is looked at."""
    return wrk_all(bench, port, path, status, headers, connections)[0]


class Http:
    """A kept connection; the status of an answer to each request."""

    def __init__(self, port, path, headers=()):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.text = "\r\n".join([f"GET {path} HTTP/1.1", "Host: site.example", *headers, "", ""]).encode()

    def __call__(self):
        self.socket.sendall(self.text)
        status, length = int(self.stream.readline().split()[1]), 0
        chunked = False
        while (line := self.stream.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            chunked = chunked or line == b"transfer-encoding: chunked"
        while chunked and (size := int(self.stream.readline(), 16)) >= 0:
            self.stream.read(size + 2)
            chunked = size > 0
        self.stream.read(length)
        return status


def run_wrk(command, seconds):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.send_signal(signal.SIGINT)              # wrk itself knows whole seconds only
    return process.communicate()[0]


def wrk_all(bench, port, path, status, headers=(), connections=16):
    """Requests a second, and how many there were.  wrk counts the answers that are not 2xx or 3xx."""
    more = [word for h in headers for word in ("-H", h)]
    command = [tool("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{SECONDS_MAX}s", f"--timeout={SECONDS_MAX}s",
               *more, f"http://127.0.0.1:{port}{path}"]
    seconds, requests = bench.seconds, 0
    while requests == 0 and seconds < SECONDS_MAX:  # however slow the machine is, there must be an answer
        out = run_wrk(command, seconds)
        found = re.search(r"(\d+) requests in", out)
        requests, seconds = int(found.group(1)) if found else 0, 4 * seconds
    if requests == 0:
        raise WrongAnswers(f"port {port}{path}: no answer: {out}")
    rate = re.search(r"Requests/sec: +([0-9.]+)", out)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+)", out)
    held = int(other.group(1)) if other else 0
    wrong = held if status < 400 else requests - held
    if wrong > 0 or (lost and any(int(n) for n in lost.groups())):
        raise WrongAnswers(f"port {port}{path}: {wrong} answers without {status}: {out}")
    return float(rate.group(1)), requests
