# SPDX-License-Identifier: MIT
"""wardenctl doctor against each way with the shipped configuration, and each of its remedies tried on the server."""
import json
import os
import shutil
import subprocess

import apache
import lighttpd
import nginx
from harness import SECRET, Folder, drop_users, free_port, port_open, program, wait_until

LIMIT_SECONDS = 120
TARGET = "/admin.txt"           # a file of the site that each way passes


def doctor(folder: Folder, port, *words, target=TARGET, scheme="http", env=None):
    """Exit code and findings, by name."""
    done = subprocess.run([folder.wardenctl, "-c", folder.file("warden.ini"), "doctor", *words, "--json",
                           f"{scheme}://127.0.0.1:{port}{target}"], capture_output=True, text=True, check=False,
                          timeout=LIMIT_SECONDS, stdin=subprocess.DEVNULL, env=env)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = []
    return done.returncode, found, done.stderr


def problems(found):
    return {f["name"] for f in found if f["ok"] is False}


class Whole:
    """One way of another file, all of doctor."""

    def __init__(self, folder):
        self.way = self.of(folder)

    def expect(self, checks, when, result, names, wanted):
        code, found, errors = result
        checks.that(f"doctor, {when}: no problem", not problems(found), result)
        checks.that(f"doctor, {when}: all is looked at", names <= {f["name"] for f in found if f["ok"] is not None},
                    (names, result))
        checks.that(f"doctor, {when}: exit {wanted}", code == wanted, (code, errors))

    def run(self, checks):
        folder, port = self.way.folder, self.way.port
        echo = ["--echo", self.way.applications[0]] if self.way.applications else []
        held = {"held", "retry-after", "cache", "vary", "json", "head", "post", "cover", "addresses", "parameters",
                "secret", "paths", "ticket", "link"} | ({"body"} if echo else set())
        self.expect(checks, "off", doctor(folder, port), {"site", "status-off"}, 0)
        folder.touch()
        self.expect(checks, "on", doctor(folder, port, *echo), held | {"status-on"}, 0)
        folder.remove()
        self.expect(checks, "both", doctor(folder, port, "--toggle", *echo), held | {"site", "back"}, 0)


# Not nginx's native gate: of a secret that comes twice nginx 1.22 sees the first alone, and doctor says so.
LOOKED_AT = ("lighttpd", "lighttpd-authorizer", "apache-native", "apache-htaccess", "apache-rewrite-map",
             "nginx-auth-request",
             "nginx-x-accel")
WAYS = tuple(type(f"Doctor{way.__name__}", (Whole,), {"name": f"doctor-{way.name}", "of": way})
             for server in (lighttpd, apache, nginx) for way in server.WAYS if way.name in LOOKED_AT)


NGINX = """
daemon off;
{user}
worker_processes 1;
pid {path}/nginx.pid;
error_log {path}/log/nginx;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {path}/tmp/b; proxy_temp_path {path}/tmp/p; fastcgi_temp_path {path}/tmp/f;
  uwsgi_temp_path {path}/tmp/u; scgi_temp_path {path}/tmp/s;
  proxy_cache_path {path}/tmp/cache keys_zone=pages:1m;
  server {{
    listen 127.0.0.1:{back};
    root {path}/www;
    {gate}
    {site}
  }}
  server {{
    listen 127.0.0.1:{port} {tls};
    {front}
    location / {{
      proxy_pass http://127.0.0.1:{back};
      proxy_bind 127.0.0.3;
      proxy_set_header Host $http_host;
      {proxy}
    }}
  }}
}}
"""
SITE = "location / {{ }} location /up/ {{ proxy_pass http://127.0.0.1:{echo}; }}"
TRUST = "trusted_proxies = 127.0.0.3\n"
SAY_FOR = "proxy_set_header X-Forwarded-For $remote_addr;"
CACHED = "proxy_cache pages; proxy_cache_valid {} 1m;"
ERROR_PAGE = 'error_page 401 = @maintenance;'
PARAMS = "include /etc/nginx/fastcgi_params;"
WITHOUT_STATUS = ("location = /.maintenance/status", "location = /.maintenance/elsewhere")

# What is set, and the names of the problems that doctor must find then; none: what is set is the remedy.
NGINX_ROWS = (
    ("nothing", {}, set()),
    ("no location for the status", {"gate": WITHOUT_STATUS}, {"status-on"}),
    ("auth_request off for files", {"site": "location ~ \\.css$ {{ auth_request off; }}"}, {"cover"}),
    ("proxy_hide_header Retry-After", {"proxy": "proxy_hide_header Retry-After;"}, {"retry-after"}),
    ("proxy_hide_header Vary", {"proxy": "proxy_hide_header Vary;"}, {"vary"}),
    ("proxy_intercept_errors on", {"proxy": "proxy_intercept_errors on; error_page 503 /own.html;"}, {"held"}),
    ("a Cache-Control of its own", {"proxy": "proxy_hide_header Cache-Control;"
                                             'add_header Cache-Control "public, max-age=60" always;'}, {"cache"}),
    ("error_page 401 =200", {"gate": (ERROR_PAGE, ERROR_PAGE.replace("=", "=200"))}, {"held", "link"}),
    ("client_max_body_size 1k", {"site": "client_max_body_size 1k;"}, {"body"}),
    ("client_max_body_size 2m", {"site": "client_max_body_size 2m;", "front": "client_max_body_size 2m;"}, set()),
    ("trusted, and X-Forwarded-For is handed on", {"gateway": TRUST}, {"addresses"}),
    ("trusted, and X-Forwarded-For is set", {"gateway": TRUST, "proxy": SAY_FOR}, set()),
    ("all are proxies", {"site": "set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;"}, {"addresses"}),
    ("one is a proxy", {"site": "set_real_ip_from 127.0.0.3; real_ip_header X-Forwarded-For;", "proxy": SAY_FOR},
     set()),
    ("retry_after = 0", {"ini": "retry_after = 0\n"}, {"retry-after"}),
    ("retry_after = 3600", {"ini": "retry_after = 3600\n"}, set()),
    ("retry_after = 0 with an end", {"ini": "retry_after = 0\n", "flag": "until = 2090-01-01T00:00:00Z\n"}, set()),
    ("status = 429", {"ini": "status = 429\n"}, set()),
    ("share = 100", {"ini": "share = 100\n"}, {"held"}),
    ("this machine in bypass_address", {"gateway": TRUST, "proxy": SAY_FOR, "bypass": "127.0.0.1/32"}, {"held"}),
    ("a password before the gate", {"site": "auth_basic x; auth_basic_user_file {path}/users;"}, {"held"}),
    ("TLS ends in front", {"tls": "ssl"}, {"link"}),
    ("TLS ends in front, fastcgi_param HTTPS on", {"tls": "ssl", "gate": (PARAMS, PARAMS + "fastcgi_param HTTPS on;")},
     set()),
    ("HTTP/2", {"tls": "ssl http2", "gate": (PARAMS, PARAMS + "fastcgi_param HTTPS on;")}, set()),
    ("mode = read-only", {"flag": "mode = read-only\n"}, set()),
    ("a proxy changes the cookie", {"proxy": "proxy_cookie_flags ~ nohttponly;"}, {"link"}),
    ("a proxy drops the body", {"proxy": "proxy_pass_request_body off; proxy_set_header Content-Length 0;"}, {"body"}),
    ("X-Accel-Redirect", {"accel": True}, set()),
)
NGINX_TOGGLED = (
    ("a cache keeps the page", {"proxy": CACHED.format(503) + "proxy_ignore_headers Cache-Control;"},
     {"ticket", "back"}),
    ("a cache obeys no-store", {"proxy": CACHED.format(503)}, set()),
    ("a cache keeps the site", {"proxy": CACHED.format(200)}, {"held"}),
    ("a cache keeps the site, which forbids it",
     {"proxy": CACHED.format(200), "site": "add_header Cache-Control no-cache;"}, set()),
)


class Remedies:
    """nginx in front of a gated nginx: what doctor finds is mended by what it says."""
    name = "doctor-remedies-nginx"

    def __init__(self, folder):
        self.folder, self.port, self.back = folder, free_port(), free_port()
        self.echo = folder.start_echo()
        self.text = open(folder.file("warden.ini")).read()
        self.server = None
        folder.write("users", "anna:{PLAIN}anna\n")
        subprocess.run([program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        folder.file("key.pem"), "-out", folder.file("cert.pem")], check=True, capture_output=True)

    def set_policy(self, row):
        text = self.text.replace("[site]\n", row.get("gateway", "") + "[site]\n" + row.get("ini", ""), 1)
        self.folder.write("warden.ini", text.replace("127.0.0.2/32", row.get("bypass", "127.0.0.2/32")))
        if self.folder.gateway is not None:
            self.folder.stop(self.folder.gateway)
        self.folder.start_gateway()

    def start(self, row):
        kind = "nginx-x-accel" if "accel" in row else "nginx-auth-request"
        old, new = row.get("gate", ("", ""))
        gate = self.folder.made(kind, "--upstream", f"127.0.0.1:{self.echo}")["maintenance-warden.conf"]
        assert old in gate
        places = {"echo": self.echo, "path": self.folder.path}
        site = ("" if "accel" in row else SITE) + row.get("site", "")
        tls = f"{row.get('tls')}; ssl_certificate {self.folder.file('cert.pem')}; " \
              f"ssl_certificate_key {self.folder.file('key.pem')}"
        conf = NGINX.format(path=self.folder.path, port=self.port, back=self.back, gate=gate.replace(old, new),
                            user="user root;" if os.geteuid() == 0 else "", site=site.format(**places),
                            front=row.get("front", ""), proxy=row.get("proxy", ""), tls=tls if row.get("tls") else "")
        self.server = self.folder.spawn("nginx-start", [program("nginx", "nginx-light"), "-p", self.folder.path, "-c",
                                                        self.folder.write("nginx.conf", conf), "-e",
                                                        self.folder.file("log/nginx")])
        wait_until(lambda: port_open(self.port), "nginx", self.server)

    def look(self, checks, what, row, wanted, *words):
        self.set_policy(row)
        shutil.rmtree(self.folder.file("tmp/cache"), ignore_errors=True)
        self.start(row)
        env = {**os.environ, "CURL_CA_BUNDLE": self.folder.file("cert.pem")}
        result = doctor(self.folder, self.port, "--echo", "/up/echo", *words, env=env,
                        target="/up/echo" if "accel" in row else TARGET, scheme="https" if row.get("tls") else "http")
        checks.that(f"doctor, {what}: {wanted or 'no problem'}", problems(result[1]) == wanted and
                    result[0] == (1 if wanted else 0), result)
        checks.that(f"doctor, {what}: each problem has a remedy",
                    all(f["remedy"] for f in result[1] if f["ok"] is False),
                    result)
        self.folder.stop(self.server)

    def run(self, checks):
        for what, row, wanted in NGINX_ROWS:
            self.folder.write("state/maintenance.flag", row.get("flag", ""))
            self.look(checks, what, row, wanted)
        self.folder.remove()
        for what, row, wanted in NGINX_TOGGLED:
            self.look(checks, what, row, wanted, "--toggle")


# Text of the shipped file and what stands in its place, or what is added; no gate at all; the gateway stopped.
OWN_RULE = "RewriteEngine On\nRewriteCond %{{{}}} ^{}\nRewriteRule ^ - [L]\n"
OWN_REWRITING = "RewriteEngine On\nRewriteRule \\.css$ - [L]\n"
OTHERS = "# all others\n"
REMOTE_IP = "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy {}\n"
APACHE_ROWS = (
    ("nothing", {}, set()),
    ("no gate", {"gate": ""}, {"held", "status-on"}),
    ("the gateway is gone", {"gone": True}, {"held", "status-on"}),
    ("ProxyErrorOverride On, which the gate turns off for itself", {"more": "ProxyErrorOverride On"}, set()),
    ("a Cache-Control of its own", {"more": 'Header always set Cache-Control "max-age=60"'}, {"cache"}),
    ("a path opened by how THE_REQUEST begins", {"before": OWN_RULE.format("THE_REQUEST", "\\S+\\ /health")},
     {"paths"}),
    ("own rewriting before the gate", {"before": OWN_REWRITING}, {"cover"}),
    ("own rewriting behind the gate", {"more": OWN_REWRITING}, set()),
    ("the gate for GET and HEAD alone",
     {"replace": (OTHERS, OTHERS + "RewriteCond %{REQUEST_METHOD} ^(?:GET|HEAD)$\n")},
     {"post"}),
    ("a header opens", {"before": OWN_RULE.format("HTTP:X-Original-URL", "/health")}, {"parameters"}),
    ("a secret anywhere in the value", {"replace": (f'"^{SECRET}$"', f'"{SECRET}"')}, {"secret"}),
    ("all are proxies", {"more": REMOTE_IP.format("127.0.0.0/8")}, {"addresses"}),
    ("one is a proxy", {"more": REMOTE_IP.format("127.0.0.3")}, set()),
)
FIRST_PROXY = 'server.modules += ( "mod_proxy" )\n'
EXTFORWARD = 'server.modules += ( "mod_extforward" )\nextforward.forwarder = ( "{}" => "trust" )\n'
LIGHTTPD_ROWS = (
    ("nothing", {}, set()),
    ("mod_proxy before mod_fastcgi", {"first": FIRST_PROXY}, {"held"}),
    ("the gateway is gone", {"gone": True}, {"held", "status-on"}),
    ("server.max-request-size = 1", {"more": "server.max-request-size = 1"}, {"body"}),
    ("all are proxies", {"first": EXTFORWARD.format("all")}, {"addresses"}),
    ("one is a proxy", {"first": EXTFORWARD.format("127.0.0.3")}, set()),
)


class RemediesOf:
    """A server with the gate and one fault in its configuration."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.echo = folder.start_echo()

    def look(self, checks, what, row, wanted):
        folder = self.folder
        folder.start_gateway()
        server = folder.spawn("server", self.command(row))
        wait_until(lambda: port_open(self.port), "the server", server)
        if row.get("gone"):
            folder.stop(folder.gateway)
        result = doctor(folder, self.port, "--echo", "/up/echo", target=self.target)
        found = problems(result[1])
        checks.that(f"doctor, {what}: {wanted or 'no problem'}", found == wanted, result)
        folder.stop(server)
        if not row.get("gone"):
            folder.stop(folder.gateway)

    def run(self, checks):
        self.folder.touch()
        for what, row, wanted in self.rows:
            self.look(checks, what, row, wanted)


class RemediesApache(RemediesOf):
    name, way, rows, target = "doctor-remedies-apache", apache.Native, APACHE_ROWS, TARGET

    def command(self, row):
        old, new = row.get("replace", ("", ""))
        drop_users(self.folder)
        gate = row.get("gate", self.folder.made("apache")["maintenance-warden.conf"])
        assert old in gate
        modules = "\n".join(f"LoadModule {m}_module {apache.MODULES}/mod_{m}.so"
                            for m in self.way.modules + ("headers", "remoteip"))
        site = f'ProxyPass "/up/" "http://127.0.0.1:{self.echo}/up/"\n'
        user = "User www-data\nGroup www-data" if self.folder.drops_root else ""
        conf = apache.BASE.format(path=self.folder.path, port=self.port, modules=modules, user=user,
                                  gate=row.get("before", "") + gate.replace(old, new) + site + row.get("more", ""))
        return [*self.folder.as_www_data, program("apache2", "apache2"), "-DFOREGROUND", "-f",
                self.folder.write("apache.conf", conf)]


class RemediesLighttpd(RemediesOf):
    name, way, rows, target = "doctor-remedies-lighttpd", lighttpd.Authorizer, LIGHTTPD_ROWS, "/up/echo"

    def command(self, row):
        folder = self.folder
        site = ('server.modules += ( "mod_proxy" )\n' if row.get("first") != FIRST_PROXY else "") + \
            '$HTTP["url"] =~ "^/up/" { proxy.server = ( "" => (( "host" => "127.0.0.1", ' \
            f'"port" => {self.echo} )) ) }}\n'
        conf = lighttpd.SERVER.format(www=folder.file("www"), port=self.port, log=folder.file("log/lighttpd"),
                                    tmp=folder.file("tmp"), gate=row.get("first", "") +
                                    folder.made("lighttpd-authorizer")["maintenance-warden.conf"] +
                                    site + row.get("more", ""))
        return [program("lighttpd", "lighttpd"), "-D", "-f", folder.write("lighttpd.conf", conf)]


WAYS += (Remedies, RemediesApache, RemediesLighttpd)
