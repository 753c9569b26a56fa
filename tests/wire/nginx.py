# SPDX-License-Identifier: MIT
"""nginx: auth_request in front of all locations, and X-Accel-Redirect to one application."""
import os

from harness import Folder, free_port, port_open, program, request, wait_until
from table import AS_ANNA

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
"""


class Way:
    checks = ()
    asks = dot_paths = True
    open_paths = ("/health", "/robots.txt")

    def __init__(self, folder: Folder):
        self.folder, self.port = folder, free_port()
        folder.start_gateway()
        user = "user root;" if os.geteuid() == 0 else ""
        conf = BASE.format(path=folder.path, port=self.port, user=user, gate=self.gate())
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


class AuthRequest(Way):
    differs = {"status by POST": "while off, the gateway answers its own path (503), not the site"}
    name = kind = "nginx-auth-request"
    applications = ("/echo.php", "/up/echo")
    webhooks = ("/api/webhooks/echo.php",)
    checks = (check_own_401,)
    gone_off = gone_on = 500

    def gate(self):
        users = self.folder.write("users", "anna:{PLAIN}anna\n")
        site = APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo(), users=users)
        return self.folder.made(self.kind)["maintenance-warden.conf"] + site


class XAccel(Way):
    name = kind = "nginx-x-accel"
    applications = ("/up/echo",)
    webhooks = ("/api/webhooks/echo",)
    gone_off = gone_on = 502

    def gate(self):
        echo = self.folder.start_echo()
        return self.folder.made(self.kind, "--upstream", f"127.0.0.1:{echo}")["maintenance-warden.conf"]


WAYS = (AuthRequest, XAccel)
