# SPDX-License-Identifier: MIT
"""Under load, the first request after touch, rm or the command returns is answered rightly, on every front.

ctl/test_stress.py has the command and FastCGI alone.  Here two processes answer, and connections are kept, too.
"""
import functools
import os
import subprocess
import sys
import time

import service
from service import PROXY, wire
from test_stress import EVERY_CGI, Command, Hammer

LONG, SHORT = 10000, 300
PAUSE_SECONDS = 0.0005
POLICY = f"[site]\ntitle = Toggles\nbypass_address = {service.FRIEND}\n"
NGINX = """
daemon off;
{user}
worker_processes 1;
pid {path}/nginx.pid;
error_log {path}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
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


class Nginx:
    """A native gate: nginx looks at the flag by itself, and the gateway shows the page."""

    def __init__(self, target):
        self.port = wire.free_port()
        made = target.run("snippet", "nginx", "--json").json()["files"]
        os.makedirs(target.file("www"))
        target.write("www/x", "SITE\n")
        user = "user root;" if os.geteuid() == 0 else ""
        conf = NGINX.format(path=target.path, port=self.port, user=user, http=made["maintenance-warden-http.conf"],
                            gate=made["maintenance-warden.conf"])
        with open(target.file("nginx.out"), "wb") as out:
            self.process = subprocess.Popen([wire.program("nginx", "nginx-light"), "-p", target.path, "-c",
                                             target.write("nginx.conf", conf), "-e", target.file("nginx.log")],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wire.wait_until(lambda: wire.port_open(self.port), "nginx", self.process)

    def ask(self):
        return service.http_status(service.exchange(
            self.port, service.head([("Host", "site.example"), ("Connection", "close")], "/x")))

    def close(self):
        self.process.terminate()
        self.process.wait(service.ANSWER_SECONDS)


class Load(Hammer):
    """Others ask meanwhile, over FastCGI and HTTP."""

    def __init__(self, target):
        super().__init__(target, *(functools.partial(self.paused, way) for way in (target.ask_fcgi, target.ask_http)))

    @staticmethod
    def paused(way):
        """The machine is to be busy, and not the threads of this process to wait for each other."""
        time.sleep(PAUSE_SECONDS)
        return way()


def toggle(checks, target, what, count, change, fronts):
    """`change(n)` switches and says what was wrong with that; the fronts take turns in being the first to be asked."""
    done, wrong, failed, asked, start = 0, [], [], 0, time.monotonic()
    with Load(target) as load:
        for n in range(count):
            wanted = (503, 200)[n % 2]
            if (said := change(n)) is not None:
                failed.append((n, said))
            names = list(fronts)
            for name in names[n // 2 % len(names):] + names[:n // 2 % len(names)]:
                if name == "CGI" and n // 2 % EVERY_CGI:
                    continue
                found = fronts[name]()
                asked += 1
                if found != wanted:
                    wrong.append((n, name, found))
            done += 1
            if len(wrong) + len(failed) > 20:
                break
    print(f"{what}: {done} toggles in {time.monotonic() - start:.0f} s, {asked} first answers over "
          f"{', '.join(fronts)}; {load.asked} others", flush=True)
    checks.equal(f"{what}: all were done", (done, failed), (count, []))
    checks.equal(f"{what}: the first answer after each is right", wrong, [])
    checks.equal(f"{what}: nobody is answered anything but 200 and 503", load.wrong, [])
    checks.that(f"{what}: others were answered meanwhile", load.asked > count, load.asked)


def run(checks, options):
    """By touch and rm, then by wardenctl."""
    count = LONG if options.long else SHORT
    target = service.Service(options, policy=POLICY, gateway="processes = 2\n")
    nginx, kept_fcgi = None, service.KeptFcgi(target.fcgi)
    kept_http = service.KeptHttp(target.http, PROXY)
    switch = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)               # or each answer waits for the threads that ask
    try:
        checks.equal("two processes answer", len(target.workers()), 2)
        nginx = Nginx(target)
        command = Command(target, "toggles.log")
        ways = {"HTTP": target.ask_http, "HTTP, kept": kept_http.ask, "nginx": nginx.ask,
                "CGI": functools.partial(Hammer.cgi, Load(target))}
        toggle(checks, target, "touch and rm", count, lambda n: (target.touch, target.remove)[n % 2](),
               {"FastCGI": target.ask_fcgi, "FastCGI, kept": kept_fcgi.ask, **ways})
        toggle(checks, target, "command", count,
               lambda n: command.run(("on", "off")[n % 2]) and command.said() or None, ways)
        command.close()
        checks.equal("no kept connection was cut", (kept_fcgi.again, kept_http.again), (0, 0))
        checks.equal("ends when told to", target.stop_gateway(), 0)
    finally:
        sys.setswitchinterval(switch)
        for one in (nginx, kept_fcgi, kept_http):
            if one is not None:
                one.close()
        target.close()
