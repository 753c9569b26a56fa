# SPDX-License-Identifier: MIT
"""nginx: its native gate, auth_request in front of all locations, and X-Accel-Redirect to one application."""
import contextlib
import os
import socket

from harness import (ALLOWED, OUTSIDER, SITE, UPLOAD, Folder, drop_users, free_port, parse_response, port_open, program,
                     receive, request, wait_until)
from parity import COMMON, POLICIES, set_state
from table import (AS_ANNA, BYPASS, HELD, HELD_ASKING, check_gateway_gone, check_lost_folder, check_open, check_site,
                   check_upgrade, held)

GATE = "maintenance-warden.conf"
BASE = """
daemon off;
{user}
worker_processes 2;
pid {path}/nginx.pid;
error_log {path}/log/nginx;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 8m;
  client_body_temp_path {path}/tmp/b; proxy_temp_path {path}/tmp/p; fastcgi_temp_path {path}/tmp/f;
  uwsgi_temp_path {path}/tmp/u; scgi_temp_path {path}/tmp/s;
  {http}
  server {{
    listen 127.0.0.1:{port};
    root {path}/www;
    {gate}
  }}
}}
"""
APPLICATIONS = """
location / {{ }}
location ~ \\.php$ {{
  include /etc/nginx/fastcgi_params;
  fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
  fastcgi_pass unix:{php};
}}
location /up/ {{
  proxy_pass http://127.0.0.1:{echo};
  proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;
}}
location /private/ {{ auth_basic private; auth_basic_user_file {users}; }}
location /front/ {{ try_files $uri /echo.php; }}
error_page 404 /missing.txt;
"""


class Way:
    checks = ()
    asks = dot_paths = True
    open_paths = ("/health", "/robots.txt")
    http = ""                   # what the gate has in http {}

    def __init__(self, folder: Folder):
        self.folder, self.port = folder, free_port()
        folder.start_gateway()
        user = "user root;" if os.geteuid() == 0 else ""
        conf = BASE.format(path=folder.path, port=self.port, user=user, gate=self.gate(), http=self.http)
        process = folder.spawn("nginx-start", [program("nginx", "nginx-light"), "-p", folder.path, "-c",
                                               folder.write("nginx.conf", conf), "-e", folder.file("log/nginx")])
        wait_until(lambda: port_open(self.port), "nginx", process)

    def kill_gateway(self):
        self.folder.stop(self.folder.gateway)


def check_own_401(checks, way):
    """The site's own Basic authentication, which nginx asks first, must not turn into the maintenance page."""
    for when, change in (("off", way.folder.remove), ("on", way.folder.touch)):
        change()
        r = request(way.port, "/private/x")
        checks.that(f"{when}: the site's own 401", r.status == 401 and "Basic" in r.header("www-authenticate"), r)
    r = request(way.port, "/private/x", headers=[AS_ANNA])
    checks.that("on: held with the right password", r.status == 503, r)


def check_slow_upload(checks, way):
    """A held upload is answered before it has come, however many do not come to an end."""
    head = b"POST /admin.txt HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(80):             # more than the gateway has workers
            s = stack.enter_context(socket.create_connection(("127.0.0.1", way.port), 4))
            s.sendall(head + b"Content-Length: 1000000\r\n\r\nabc")
        first = s.recv(65536)
        checks.that("on: a slow upload is answered at once", first.startswith(b"HTTP/1.1 503"), first)
        s = stack.enter_context(socket.create_connection(("127.0.0.1", way.port), 4))
        s.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        first = s.recv(65536)
        checks.that("on: one in chunks too", first.startswith(b"HTTP/1.1 503"), first)


class AuthRequest(Way):
    differs = {"status by POST": "while off, the gateway answers its own path (503), not the site"}
    name = kind = "nginx-auth-request"
    applications = ("/echo.php", "/up/echo")
    webhooks = ("/api/webhooks/echo.php",)
    checks = (check_own_401, check_slow_upload)
    gone_off = gone_on = 500

    def gate(self):
        users = self.folder.write("users", "anna:{PLAIN}anna\n")
        site = APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo(), users=users)
        return self.folder.made(self.kind)[GATE] + site


class AuthRequestFlag(AuthRequest):
    name = kind = "nginx-auth-request-flag"
    policies = COMMON + ("asked",)
    gone_off, gone_on = 200, 500


def check_own_rewrites(checks, way):
    """What the site does with its own requests (index, try_files, error_page) is decided as the visitor's request."""
    for what, send in (("address", {}), ("a POST", {"method": "POST", "body": b"x"})):
        r = request(way.port, "/front/x?a=b", source=ALLOWED, **send)
        checks.that(f"on: {what} passes try_files", r.status == 200 and r.echo().get("uri") == "/front/x?a=b", r)
    r = request(way.port, "/readyz")
    checks.that("on: an open path's own 404", r.status == 404 and SITE in r.body, r)
    r = request(way.port, "/", source=ALLOWED)
    checks.that("on: the index", r.status == 200 and SITE in r.body, r)
    r = request(way.port, "/.maintenance/hold", source=ALLOWED)
    checks.that("on: the gate's own path is nobody's", r.status == 404, r)


class Native(Way):
    name = kind = "nginx"
    policies = COMMON + ("hostile", "proxies", "always", "lost")
    asks = False
    applications = ("/echo.php", "/up/echo")
    webhooks = ("/api/webhooks/echo.php",)
    checks = (check_own_rewrites, check_slow_upload, check_lost_folder)
    differs = {"the secret twice, right first": "nginx before 1.23 sees the first of two headers",
               "from 127.0.0.1 for (',203.0.113.7',)": "held: nginx does not part an entry from a first comma",
               "from 127.0.0.1 for ('[2001:db8::7]',)": "held: nginx reads no brackets without a port",
               "from 127.0.0.1 for ('203.0.113.7,10.0.0.1,\\t127.0.0.1',)": "held: nginx takes no tab for a blank"}
    gone_off, gone_on = 200, 503

    def gate(self):
        drop_users(self.folder)
        self.folder.write("www/missing.txt", "SITE missing\n")
        users = self.folder.write("users", "anna:{PLAIN}anna\n")
        site = APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo(), users=users)
        made = self.folder.made(self.kind)
        self.http = made["maintenance-warden-http.conf"]
        return made[GATE] + site


class TwoServers(Native):
    """The snippets of two sites, each in a server {} of its own, in one http {}."""
    name = "nginx-two-servers"
    kind = None

    def gate(self):
        folder = self.folder
        folder.stop(folder.gateway)
        folder.write_policy(POLICIES["sites"])
        folder.start_gateway()
        shop, blog = (folder.made("nginx", "--site", site) for site in ("shop", "blog"))
        self.http = shop["maintenance-warden-http.conf"] + blog["maintenance-warden-http.conf"]
        second = f"server {{ listen 127.0.0.1:{self.port}; server_name blog.example; root {folder.file('www')};\n"
        return f"{shop[GATE]} location / {{ }} }}\n{second}{blog[GATE]} location / {{ }}"

    def run(self, checks):
        """The shop lets an address in and is read-only, the blog takes neither."""
        send = [("shop.example", "GET", OUTSIDER), ("shop.example", "POST", OUTSIDER),
                ("shop.example", "POST", ALLOWED),
                ("blog.example", "GET", OUTSIDER), ("blog.example", "GET", ALLOWED)]
        for flags, wanted in (((), (200, 405, 405, 200, 200)), (("flags/shop.flag",), (200, 503, 405, 200, 200)),
                              (("flags/blog.flag",), (200, 405, 405, 503, 503)),
                              (("maintenance.flag",), (200, 503, 405, 503, 503))):
            set_state(self.folder, flags)
            found = tuple(request(self.port, "/admin.txt", method, source=source, host=host).status
                          for host, method, source in send)
            checks.that(f"{flags or 'off'}: {wanted}", found == wanted, found)
        for host, site in (("shop.example", "shop"), ("blog.example", "blog")):
            r = request(self.port, "/.maintenance/status", host=host)
            checks.that(f"the status of {site}", r.echo().get("site") == site, r)


class KeepAlive(AuthRequest):
    """The gateway closes behind each answer, also where nginx would keep the connection: it gains nothing by it."""
    name = "nginx-keep-alive"
    kind = None
    checks = (check_slow_upload,)

    def gate(self):
        self.kind = AuthRequest.kind
        text = super().gate()
        line = f'fastcgi_pass "unix:{self.folder.socket}";'
        assert text.count(line) == 3
        self.http = f"upstream warden {{ server unix:{self.folder.socket}; keepalive 16; }}"
        return "fastcgi_keep_conn on;\n" + text.replace(line, "fastcgi_pass warden;")


def check_doors(checks, way):
    """What the gateway would take for a question is a path of the site; what asks is nginx alone."""
    for target in ("/auth", "/auth/x", "/auth-request?a=b", "/.maintenance/page/auth"):
        for method, body in (("GET", b""), ("POST", UPLOAD), ("HEAD", b"")):
            r = request(way.port, target, method, body=body)
            checks.that(f"on: {method} {target} is held", r.status == 503 and
                        r.header("x-maintenance").startswith("active"), r)
    forged = [("X-Original-Method", "GET"), ("X-Original-URI", "/health"), ("X-Original-Uri", "/health"),
              ("X-Original-URL", "http://site.example/health"), ("X-Forwarded-Proto", "https")]
    r = request(way.port, "/admin.txt", headers=forged)
    checks.that("on: forged questions are held", r.status == 503 and SITE not in r.body, r)
    r = request(way.port, "/admin.txt", headers=forged, source=ALLOWED)
    checks.that("on: and harm nobody", r.status == 200, r)


def check_hosts(checks, way):
    """The host is the one that nginx serves; a request without any is answered too."""
    for on, change in ((True, way.folder.touch), (False, way.folder.remove)):
        change()
        for head in ("GET /file.bin HTTP/1.0\r\n\r\n",
                     "GET http://other.example/file.bin HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", way.port), 20) as s:
                s.sendall(head.encode())
                r = parse_response(receive(s))
            checks.that(f"{'on' if on else 'off'}: {head!r}", r.status == (503 if on else 200), r)
    way.folder.touch()


def connections_to(port):
    """Established ones with a listener on ::1."""
    with open("/proc/net/tcp6") as f:
        return sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "01" for line in f)


def check_kept(checks, way):
    """nginx keeps its connections to the gateway, and a gateway that starts again costs no request."""
    wrong = sum(request(way.port, "/file.bin", source=ALLOWED).status != 200 for _ in range(200))
    kept = connections_to(way.http_port)
    checks.that("on: 200 requests by a few connections", wrong == 0 and 0 < kept <= 32, (wrong, kept))
    folder = way.folder
    folder.stop(folder.gateway)
    folder.start_gateway()
    wait_until(lambda: request(way.port, "/file.bin", source=ALLOWED).status == 200, "the gateway again")
    wrong = [request(way.port, "/file.bin", method, source=ALLOWED).status for method in ("GET", "HEAD") * 20]
    checks.that("on: the gateway has started again: no request is lost", set(wrong) == {200}, wrong)


class Http(AuthRequest):
    name = kind = "nginx-http"
    checks = AuthRequest.checks + (check_doors, check_hosts, check_kept)

    def __init__(self, folder):
        folder.add_http()
        folder.add_keys("forward_headers = x-original-uri\n")
        with open(folder.file("warden.ini")) as f:
            self.http_port = int(f.read().split("http_listen = [::1]:")[1].split()[0])
        super().__init__(folder)

    def gate(self):
        text = super().gate()
        self.http = self.folder.made(self.kind)["maintenance-warden-http.conf"]
        return text


class HttpFlag(Http):
    name = kind = "nginx-http-flag"
    policies = COMMON + ("asked",)
    gone_off, gone_on = 200, 500


class HttpSocket(Http):
    """The gateway on a Unix socket."""
    name, kind = "nginx-http-socket", None

    def __init__(self, folder):
        folder.add_keys(f"http_listen = {folder.file('http.sock')}\ntrusted_proxies = 127.0.0.1\n"
                        "forward_headers = x-original-uri\n")
        AuthRequest.__init__(self, folder)

    def gate(self):
        self.kind = Http.kind
        return super().gate()

    def run(self, checks):
        """All clients are proxies here: those of 127.0.0.1, to which the socket counts."""
        check_site(checks, self, "off", source=ALLOWED)
        self.folder.touch()
        check_site(checks, self, "by address", source=ALLOWED)
        for method, body in (("GET", b""), ("POST", UPLOAD)):
            r = request(self.port, "/up/echo", method, body=body, source="127.0.0.9")
            checks.that(f"held: {method}", r.status == 503 and r.header("retry-after").isdigit(), r)
        self.kill_gateway()
        checks.that("gateway gone: 500", request(self.port, "/file.bin").status == 500)


INGRESS = """
auth_request /_external-auth;
error_page 401 = @custom_401;
location = /_external-auth {{
  internal;
  auth_request off;
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
  proxy_set_header Host {gateway};
  proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
  proxy_set_header X-Original-Method $request_method;
  proxy_set_header X-Sent-From "nginx-ingress-controller";
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Auth-Request-Redirect $request_uri;
  proxy_http_version 1.1;
  set $target http://{gateway}/auth-request;
  proxy_pass $target;
}}
location @custom_401 {{
  auth_request off;
  proxy_set_header X-Code 401;
  proxy_set_header X-Format $http_accept;
  proxy_set_header X-Original-URI $request_uri;
  proxy_set_header Host $http_host;
  rewrite (.*) / break;
  proxy_pass http://{gateway};
}}
location = /.maintenance/status {{
  auth_request off;
  proxy_set_header Host $http_host;
  proxy_pass http://{gateway};
}}
"""


class Ingress(AuthRequest):
    """What ingress-nginx makes of auth-url, custom-http-errors and default-backend: headers, rewriting to "/"."""
    name, kind = "nginx-ingress", None

    def __init__(self, folder):
        folder.add_http()
        folder.add_keys("forward_headers = x-original-url\n")
        super().__init__(folder)

    def gate(self):
        with open(self.folder.file("warden.ini")) as f:
            gateway = f.read().split("http_listen = ")[1].split()[0]
        users = self.folder.write("users", "anna:{PLAIN}anna\n")
        return INGRESS.format(gateway=gateway) + APPLICATIONS.format(
            php=self.folder.start_php(), echo=self.folder.start_echo(), users=users)

    def run(self, checks):
        """The decision is the gateway's; the page is that of "/", for the controller has rewritten the target."""
        check_site(checks, self, "off")
        self.folder.touch()
        for what, target, send in HELD + HELD_ASKING:
            r = request(self.port, target, **send)
            checks.that(f"held: {what}", held(r), r)
        r = request(self.port, "/up/echo", "POST", body=UPLOAD)
        checks.that("held: the page", r.status == 503 and r.header("retry-after").isdigit() and b"Wire test" in r.body,
                    r)
        check_open(checks, self)
        check_site(checks, self, "by address", source=ALLOWED)
        check_site(checks, self, "by secret", headers=[BYPASS])
        check_upgrade(checks, self)
        self.folder.remove()
        check_gateway_gone(checks, self)


class XAccel(Way):
    name = kind = "nginx-x-accel"
    applications = ("/up/echo",)
    webhooks = ("/api/webhooks/echo",)
    gone_off = gone_on = 502

    def gate(self):
        echo = self.folder.start_echo()
        return self.folder.made(self.kind, "--upstream", f"127.0.0.1:{echo}")[GATE]


WAYS = (Native, AuthRequest, AuthRequestFlag, TwoServers, KeepAlive, Http, HttpFlag, HttpSocket, Ingress, XAccel)
