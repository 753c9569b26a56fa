# SPDX-License-Identifier: MIT
"""Random policies and requests are decided as model.py says, which was written from the documents alone.

usage by hand: test_model.py DECIDE [SEED [REQUESTS]]      DECIDE is the program of decide.c
A difference is printed as the smallest policy, state and request that show it, with the seed of its policy.
"""
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import model

SHORT, LONG = 60_000, 2_000_000         # requests
PER_ROUND, ROUNDS = 100, 5              # requests to one state; states of one policy
PROCESSES = 2
SHRINK_SECONDS = 20
SEED = 20_300_101

SECRETS = ["correct-horse-battery", "another-long-secret-1"]
HASHED = "sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"      # password
HOSTS = ["example.com", "shop.example.com", "blog.example.com", "de.shop.example.com", "a.de.shop.example.com",
         "other.example", "localhost", "192.0.2.1", "[::1]", "notshop.example.com"]
SITES = ["shop", "blog", "cart", *(f"s{i}" for i in range(9))]
HOST_RULES = ["example.com", "shop.example.com", "*.shop.example.com", "*.example.com", "blog.example.com",
              "de.shop.example.com", "*.com", "other.example"]
SITE_PATHS = ["/", "/shop/", "/shop/cart/", "/blog/", "/a/b/"]
PATH_RULES = ["/exact", "/open/", "/static/*.css", "/deep/**/raw", "/shop/open/", "/a/*/c", "/a/b", "/x*", "/**/pub/",
              "/shop/*/img/"]
SEGMENTS = ["shop", "cart", "open", "x", "static", "main.css", "exact", "deep", "raw", "a", "b", "c", "admin", "pub",
            "img", "blog", "xy", "openx", ""]
TARGETS = ["/health", "/healthz", "/livez", "/readyz", "/robots.txt", "/favicon.ico", "/.well-known/acme-challenge/t",
           "/.well-known/acme-challenge", "/.maintenance/status", "/.maintenance/", "/", "*", "", "foo", "/exact",
           "/open/", "/Health", "/health/", "/healthz/x"]
SPELLINGS = ["//", "/./", "/../", "/.", "/..", "%2e", "/%2e%2E/", "/.%2e/", "%2f", "%5C", "\\", ";", ";v=1/", "%00",
             "%", "%zz", "%25", "%252e", "\x01", "\x7f", "%0a", "%7f", "#", "%23", "%3f", "%3b", "\xe9", "%c3%a9",
             "%20", " ", "+", "...", "/.../", "~", "*", ":", "@", "%2", "/%2", "%u002e"]
NETWORKS = ["192.0.2.0/28", "192.0.2.7", "10.0.0.0/8", "2001:db8::/64", "::ffff:10.1.0.0/112", "2001:db8::7",
            "203.0.113.0/24", "198.51.100.0/24", "fe80::/10", "::ffff:192.0.2.20"]
ADDRESSES = ["192.0.2.7", "192.0.2.15", "192.0.2.16", "192.0.2.20", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7",
             "2001:DB8:0:0::7", "2001:0db8:0000::0007", "203.0.113.5", "::1", "::FFFF:c000:207", "fe80::1"]
PROXIES = ["198.51.100.1", "198.51.100.9", "::ffff:198.51.100.1", "2001:db8:ffff::1"]
NO_ADDRESSES = ["192.0.2.07", "fe80::1%eth0", "unknown", "_hidden", "192.0.2", "256.1.1.1", "192.0.2.7.", "0x7f.1",
                ":::", "2001:db8::7::", "1.2.3.4.5", "012345::1", "::ffff:10.1.2.03", "a,b", "192.0.2.7/32"]
PORTED = ["192.0.2.7:4711", "[2001:db8::7]:443", "[2001:db8::7]", "10.1.2.3:80"]
TICKETS = ["0123456789abcdef0123456789abcdef", "00000000000000000000000000000001", "f" * 32]
BAD_TICKETS = ["", "0123456789ABCDEF0123456789abcdef", "../any/" + TICKETS[0], TICKETS[0] + "0", "x"]
METHODS = ["GET"] * 6 + ["HEAD", "POST", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "PROPFIND", "TRACE"]
NOW = 1893456000                        # 2030-01-01T00:00:00Z


def stamp(moment):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


class World:
    """A random policy: lines of its INI, the files beside it, and rounds of (state, requests)."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.files = {}
        self.windows = []
        self.ini = self.gateway() + ["[site]", *self.site_keys("")]
        self.sites = self.rng.sample(SITES, self.rng.choice([0, 0, 1, 2, 3, len(SITES)]))
        default = self.rng.choice(self.sites) if self.sites and self.maybe(0.2) else None
        taken = set()
        for name in self.sites:
            self.ini += [f"[site.{name}]", *self.place(taken), *self.site_keys(name)]
            if name == default:
                self.ini.append("default = yes")
        self.plan_windows()

    def maybe(self, chance):
        return self.rng.random() < chance

    def some(self, pool, most=3):
        return self.rng.sample(pool, self.rng.randint(1, min(most, len(pool))))

    def gateway(self):
        lines = ["[gateway]", "state_dir = state", "log = gateway.log"]
        if self.maybe(0.7):
            lines.append("trusted_proxies = 198.51.100.0/24, 2001:db8:ffff::/48")
        self.client_header = "X-Forwarded-For"
        if self.maybe(0.4):
            self.client_header = self.rng.choice(["Forwarded", "X-Real-IP", "CF-Connecting-IP"])
            lines.append(f"client_header = {self.client_header}")
        return lines

    def place(self, taken):
        """Two sites never have host and path in common: there is room for many more."""
        while True:
            mine = self.rng.sample(HOST_RULES, self.rng.choice([1, 1, 2])) if self.maybe(0.75) else [""]
            path = self.rng.choice(SITE_PATHS) if self.maybe(0.5) else "/"
            if taken.isdisjoint((host, path) for host in mine):
                break
        taken.update((host, path) for host in mine)
        lines = ["host = " + ", ".join(mine)] if mine[0] else []
        if path != "/" or self.maybe(0.1):
            lines.append("path = " + path)
        if self.maybe(0.1):
            lines.append("flag = flags/custom.flag")
        return lines

    def site_keys(self, name):
        rng, lines = self.rng, []
        choices = [
            (0.15, lambda: "enabled = " + rng.choice(["auto", "on", "off"])),
            (0.1, lambda: "enabled_from = parameter"),
            (0.25, lambda: "mode = " + rng.choice(["full", "read-only"])),
            (0.4, lambda: "on_unknown = " + rng.choice(["last", "pass", "hold"])),
            (0.2, lambda: "max_duration = " + rng.choice(["1h", "4h", "0", "30d"])),
            (0.3, lambda: "on_overrun = " + rng.choice(["keep", "lift"])),
            (0.2, lambda: "share = " + rng.choice(["0", "100", "30", "70"])),
            (0.5, lambda: "open_path = " + ", ".join(self.some(PATH_RULES))),
            (0.2, lambda: "open_defaults = " + rng.choice(["", "health", "favicon, robots", "acme"])),
            (0.2, lambda: "open_method = " + ", ".join(self.some(["DELETE", "OPTIONS", "POST", "PATCH", "PROPFIND"]))),
            (0.2, lambda: "cors_origins = https://app.example.org, https://two.example.org"),
            (0.5, lambda: "bypass_address = " + ", ".join(self.some(NETWORKS))),
            (0.15, lambda: "bypass_header = " + rng.choice(["X-Ops-Key", "X-Ops-Key", "x-maintenance-bypass"])),
            (0.3, lambda: "bypass_secret = " + ", ".join(self.some([*SECRETS, HASHED], 2))),
            (0.3, lambda: "bypass_user = " + ", ".join(self.some(["anna", "@staff", "@none", "ben"]))),
            (0.1, lambda: "tickets = off"),
            (0.2, lambda: "status = " + rng.choice(["500", "404", "403", "200\nallow_unsafe_status = yes"])),
            (0.2, lambda: "time_zone = " + rng.choice(["Europe/Berlin", "America/New_York", "UTC"])),
            (0.1, lambda: "hand_back = auto"),
        ]
        for chance, make in choices:
            if self.maybe(chance):
                lines += make().split("\n")
        if any(line.startswith("bypass_user") for line in lines):
            lines.append("bypass_group_file = groups.txt")
            self.files["groups.txt"] = "staff: carla dora\nnone:\n"
        if self.maybe(0.1) and not any(line.startswith("bypass_address") for line in lines):
            lines.append("bypass_address_file = offices.txt")
            self.files["offices.txt"] = "# offices\n192.0.2.0/28\n2001:db8::/64 # Berlin\n"
        if name == "" and not any("hand_back" in line for line in lines):
            lines.append("hand_back = status 204")
        return lines

    def plan_windows(self):
        """At times of their own, so that they never overlap."""
        if self.maybe(0.15):
            self.ini += ["[policy]", "require_approval = yes"]
        for slot in self.some([1, 2, 3], 2) if self.maybe(0.4) else []:
            start = NOW + slot * 7200
            self.windows.append((f"w{slot}", start))
            self.ini += [f"[window.w{slot}]", f"start = {stamp(start)}", f"end = {stamp(start + 3600)}"]
            if self.sites and self.maybe(0.6):
                self.ini.append("site = " + self.rng.choice(self.sites))
            if self.maybe(0.3):
                self.ini.append("mode = read-only")
            if self.maybe(0.5):
                self.ini += ["owner = anna", "approved = ben"]

    def moment(self):
        base = self.rng.choice([NOW, NOW + 7200, NOW + 10800, NOW + 14400, NOW + 18000, NOW + 21600])
        return base + self.rng.choice([-1, 0, 1, 60, 1800, 3599])

    def flag(self, now):
        rng = self.rng
        if self.maybe(0.4):
            return ""
        lines = []
        pool = [lambda: f"until = {stamp(now + rng.choice([-3600, -1, 0, 1, 3600]))}",
                lambda: f"until = {stamp(now + rng.choice([-18000, 0, 1, 3600]))[:-1].replace('T', ' ')}",
                lambda: f"since = {stamp(now - rng.choice([0, 60, 3600, 7200, 14400, 14401]))}",
                lambda: "mode = " + rng.choice(["full", "read-only"]),
                lambda: "share = " + rng.choice(["0", "100", "50"]),
                lambda: "status = " + rng.choice(["500", "404", "599"]),
                lambda: "window = " + rng.choice(["w1", "w2", "gone"]),
                lambda: "id = x1", lambda: "message = Moving", lambda: "retry_after = 60"]
        lines = [make() for make in rng.sample(pool, rng.randint(1, 4))]
        if self.maybe(0.2):
            bad = rng.choice(["nonsense", "share = 101", "status = 200", "until = yesterday", "mode = readonly",
                              "share = -1", "status = 99999", "since = never", "id = 1\nid = 2", "= x"])
            lines.insert(rng.randint(0, len(lines)), bad)
        return "\n".join(lines) + "\n"

    def state(self):
        """(files below state_dir, whether it is gone, the time)"""
        rng, now, files = self.rng, self.moment(), {}
        if self.maybe(0.5):
            files["maintenance.flag"] = self.flag(now) if not self.maybe(0.1) else model.LOOP
        for name in [*self.sites, "custom"]:
            if self.maybe(0.4):
                files[f"flags/{name}.flag"] = self.flag(now) if not self.maybe(0.1) else model.LOOP
        if self.maybe(0.15):
            files["bypass.off"] = ""
        for name, start in self.windows:
            if self.maybe(0.15):
                files[f"ended/{name}.{start + 3600}.skip"] = ""
        for number in TICKETS[:2]:
            folder = rng.choice(["any", "any", *self.sites])
            until = f"until = {stamp(now + rng.choice([3600, 3600, 1, 0, -1]))}\n"
            if self.maybe(0.4):
                paths = f"paths = {', '.join(self.some(PATH_RULES))}\n" if self.maybe(0.9) else ""
                files[f"tickets/{folder}/limited/{number}"] = until + paths
            elif self.maybe(0.6):
                files[f"tickets/{folder}/{number}"] = until if self.maybe(0.9) else rng.choice(
                    ["until = whenever\n", "note = x\n", ""])
        return files, self.maybe(0.05), now

    def target(self):
        rng = self.rng
        if self.maybe(0.25):
            text = rng.choice(TARGETS)
        else:
            text = "/" + "/".join(rng.choices(SEGMENTS[:-1], k=rng.randint(0, 4)))
            if self.maybe(0.15):
                text += "/"
        if self.maybe(0.3):
            place = rng.randint(0, len(text))
            text = text[:place] + rng.choice(SPELLINGS) + text[place:]
        if self.maybe(0.07) and text:
            place = rng.randrange(len(text))
            text = text[:place] + "%%%02x" % ord(text[place]) + text[place + 1:]
        if self.maybe(0.2):
            text += "?" + rng.choice(["x=1", "a=/../;%2f%00//", "", "maintenance_ticket=" + self.ticket(),
                                      "a=b&maintenance_ticket=" + self.ticket() + "&c=d"])
        if self.maybe(0.05):
            text = rng.choice(["http://", "https://", "HTTP://", "ftp://", "http:/", "://"]) + self.host() + text
        return text

    def ticket(self):
        return self.rng.choice(TICKETS if self.maybe(0.85) else BAD_TICKETS)

    def host(self):
        text = self.rng.choice(HOSTS)
        if self.maybe(0.15):
            text += self.rng.choice([":80", ":8443", ".", ".:80", ":", "..", ":x", " ", ",evil.example", "/x", "@evil"])
        if self.maybe(0.1):
            text = text.upper()
        return text

    def peer(self):
        rng = self.rng
        pool = rng.choices([ADDRESSES, PROXIES, NO_ADDRESSES, PORTED], [6, 3, 0.4, 0.2])[0]
        return rng.choice(pool)

    def forwarded(self):
        rng = self.rng
        one = lambda: rng.choice(rng.choices([ADDRESSES, PROXIES, NO_ADDRESSES, PORTED, [""]], [6, 4, 1, 1, 0.3])[0])
        if self.client_header == "Forwarded" and self.maybe(0.9):
            element = lambda who: rng.choice(["for=%s", "For=%s", "for=%s;proto=https", "proto=http; for=%s",
                                              "by=198.51.100.9;for=%s", "proto=https"]).replace(
                "%s", '"%s"' % ("[%s]" % who if ":" in who and "." not in who and "[" not in who else who)
                if ":" in who or self.maybe(0.3) else who)
            return ", ".join(element(one()) for _ in range(rng.randint(1, 3)))
        single = self.client_header not in ("X-Forwarded-For", "Forwarded")
        many = 1 if single and self.maybe(0.8) else rng.randint(1, 4)
        return rng.choice([",", ", ", " , "]).join(one() for _ in range(many))

    def request(self):
        """(parameters, whether in the authorizer's role)"""
        rng = self.rng
        params = [("REQUEST_METHOD", rng.choice(METHODS)), ("REQUEST_URI", self.target()), ("REMOTE_ADDR", self.peer())]
        if self.maybe(0.97):
            params.append(("HTTP_HOST", self.host()))
        authorizer = self.maybe(0.2)
        if self.maybe(0.35):
            name = self.client_header if self.maybe(0.85) else rng.choice(["X-Forwarded-For", "Forwarded", "X-Real-IP"])
            for _ in range(2 if self.maybe(0.15) else 1):
                params.append(("HTTP_" + name.upper().replace("-", "_"), self.forwarded()))
        self.personal(params)
        self.server(params, authorizer)
        if self.maybe(0.02):
            self.damage(params)
        rng.shuffle(params)
        return params, authorizer

    def personal(self, params):
        rng = self.rng
        if self.maybe(0.2):
            value = rng.choice([*SECRETS, "password", HASHED, "", "wrong", " " + SECRETS[0] + "\t"])
            name = rng.choice(["HTTP_X_MAINTENANCE_BYPASS", "HTTP_X_MAINTENANCE_BYPASS", "HTTP_X_OPS_KEY"])
            params += [(name, value)] * (2 if self.maybe(0.1) else 1)
        if self.maybe(0.15):
            params.append(("WARDEN_USER", rng.choice(["anna", "ben", "carla", "eve", "", "Anna", "@staff"])))
        if self.maybe(0.05):
            params.append((rng.choice(["REMOTE_USER", "HTTP_WARDEN_USER"]), "anna"))
        if self.maybe(0.04):
            params.append(("SSL_CLIENT_VERIFY", rng.choice(["SUCCESS", "NONE", ""])))
        if self.maybe(0.15):
            cookie = rng.choice(["%s", "a=b; %s", "a=b, %s; c=d", "x%s", "%s; maintenance_ticket=" + self.ticket()])
            params.append(("HTTP_COOKIE", cookie % ("maintenance_ticket=" + self.ticket())))
        if self.maybe(0.05):
            params += [("HTTP_X_MAINTENANCE_TICKET", self.ticket())] * (2 if self.maybe(0.2) else 1)
        if self.maybe(0.1):
            params.append(("HTTP_ORIGIN", rng.choice(["https://app.example.org", "https://evil.example", ""])))
            if self.maybe(0.7):
                params.append(("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "POST"))

    def server(self, params, authorizer):
        rng = self.rng
        if self.maybe(0.15):
            params.append(("SERVER_SOFTWARE", rng.choice(["lighttpd/1.4.69", "Caddy/v2.7", "nginx/1.22.1", "Apache"])))
        if authorizer and self.maybe(0.1):
            params.append(("FCGI_APACHE_ROLE", "ACCESS_CHECKER"))
        elif not authorizer and self.maybe(0.3):
            mode = rng.choice(["auth-request", "forward-auth", "x-accel"])
            params.append(("WARDEN_MODE", mode))
            if mode == "x-accel":
                params.append(("WARDEN_TARGET", "@app"))
            if mode == "forward-auth" and self.maybe(0.3):
                params.append(("WARDEN_METHOD", rng.choice(METHODS)))
        if self.maybe(0.1):
            params.append(("WARDEN_SITE", rng.choice([*self.sites, "nobody", "", "Shop"])))
        if self.maybe(0.05):
            params.append(("WARDEN_HOLD_STATUS", rng.choice(["403", "500", "429"])))
        if self.maybe(0.1):
            params.append((rng.choice(["MAINTENANCE_MODE", "HTTP_MAINTENANCE_MODE"]),
                           rng.choice(["true", "false", "perhaps", ""])))

    def damage(self, params):
        """A request that is not whole, or nearly so."""
        rng = self.rng
        name = rng.choice(["REQUEST_METHOD", "REQUEST_URI", "REMOTE_ADDR", "HTTP_HOST"])
        at = [n for n, _ in params].index(name) if name in dict(params) else 0
        how = rng.randrange(5)
        if how == 0:
            del params[at]
        elif how == 1:
            params[at] = (params[at][0], "")
        elif how == 2:
            params.append(params[at])
        elif how == 3:
            params += [(f"HTTP_X_{i}", "x") for i in range(rng.choice([200, 300]))]
        else:
            params.append(("HTTP_X_LONG", "x" * rng.choice([40_000, 70_000])))


PROBE = ([("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/")], False)      # not whole: every site is looked at


class Driver:
    """The program of decide.c in a folder of its own."""

    def __init__(self, program):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="warden-model.", dir=memory)
        with open(self.path("errors"), "wb") as errors:
            self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            cwd=self.folder)
        self.there = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def policy(self, lines, files):
        """What the program says of the policy."""
        for name in ("state", "away"):
            shutil.rmtree(self.path(name), ignore_errors=True)
        os.makedirs(self.path("state/flags"))
        self.there, self.gone = {}, False
        for name, text in [("warden.ini", "\n".join(lines) + "\n"), *files.items()]:
            with open(self.path(name), "w", encoding="latin-1") as f:
                f.write(text)
        self.process.stdin.write(b"P" + self.path("warden.ini").encode() + b"\0F\0")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().strip()

    def state(self, files, gone, now):
        """Makes the state so, and sets the clock."""
        if self.gone:
            os.rename(self.path("away"), self.path("state"))
        for name in [n for n in self.there if self.there[n] != files.get(n)]:
            os.unlink(self.path("state/" + name))
            del self.there[name]
        for name in [n for n in files if n not in self.there]:
            path = self.path("state/" + name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if files[name] == model.LOOP:
                os.symlink(os.path.basename(path), path)
            else:
                with open(path, "w", encoding="latin-1") as f:
                    f.write(files[name])
            self.there[name] = files[name]
        self.gone = gone
        if gone:
            os.rename(self.path("state"), self.path("away"))
        self.process.stdin.write(b"T%d\0" % now)

    def ask(self, requests):
        """(verdict, reason, status) of each, and the site that decided."""
        out = []
        for params, authorizer in requests:
            out.append("A" if authorizer else "R")
            out += [f"{name}={value}" for name, value in params]
            out.append("")
        self.process.stdin.write("\0".join(out).encode("latin-1") + b"\0F\0")
        self.process.stdin.flush()
        found = []
        for _ in requests:
            words = self.process.stdout.readline().decode().rstrip("\n").split(" ")
            if len(words) != 4:
                raise RuntimeError(f"decide has ended: {self.process.wait(10)}: {self.errors()}")
            found.append((words[0], words[1].replace("-", ""), int(words[2])))
        return found

    def errors(self):
        with open(self.path("errors"), encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(20)
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class Shares:
    """What a share between 0 and 100 must keep to: one client, one place in the order of admission."""

    def __init__(self):
        self.limits = {}

    def fits(self, key, share, admitted):
        low, high = self.limits.get(key, (0, 101))      # admitted at `high`, held at `low`
        if admitted:
            high = min(high, share)
        else:
            low = max(low, share)
        self.limits[key] = low, high
        return low < high


def difference(driver, lines, files, states, request):
    """The two answers where they differ, for the states one after the other; None where they agree."""
    try:
        policy = model.Policy("\n".join(lines), files)
        if driver.policy(lines, files) != "ok":
            return None
        known = {}
        for there, gone, now in states:
            state = model.State(there, now, gone, known, time.time())
            driver.state(there, gone, now)
            (probed,) = driver.ask([PROBE])
            model.answers(policy, state, *PROBE)
        (got,) = driver.ask([request])
        want = model.answers(policy, state, *request)
    except (KeyError, ValueError, IndexError, TypeError):
        return None
    return None if got in want else (got, want, probed)


def kind(found):
    """Of a difference: what is kept while it is made smaller."""
    return found and (found[0][:2], sorted({answer[:2] for answer in found[1]}))


def shrunk(driver, lines, files, states, request):
    """The same with everything dropped that the difference does not need."""
    first = kind(difference(driver, lines, files, states, request))

    def parts():
        yield from (("line", i) for i in reversed(range(2, len(lines))))
        yield from (("state", i) for i in reversed(range(len(states) - 1)))
        yield from (("file", (i, name)) for i, state in enumerate(states) for name in list(state[0]))
        yield from (("text", (i, name, n)) for i, state in enumerate(states) for name in list(state[0])
                    for n in reversed(range(len(state[0][name].split("\n")))))
        yield from (("param", slice(i, i + 50)) for i in range(0, len(request[0]), 50))
        yield from (("param", slice(i, i + 1)) for i in reversed(range(len(request[0]))))

    def without(part, what):
        if part == "line":
            return lines[:what] + lines[what + 1:], states, request
        if part == "state":
            return lines, states[:what] + states[what + 1:], request
        if part == "param":
            return lines, states, (request[0][:what.start] + request[0][what.stop:], request[1])
        there = dict(states[what[0]][0])
        if part == "file":
            del there[what[1]]
        else:
            text = there[what[1]].split("\n")
            there[what[1]] = "\n".join(text[:what[2]] + text[what[2] + 1:])
        return lines, states[:what[0]] + [(there, *states[what[0]][1:])] + states[what[0] + 1:], request

    again, end = True, time.monotonic() + SHRINK_SECONDS
    while again and time.monotonic() < end:
        again = False
        for part in list(parts()):
            try:
                smaller = without(*part)
            except (IndexError, KeyError):
                continue
            if kind(difference(driver, smaller[0], files, *smaller[1:])) == first:
                lines, states, request = smaller
                again = True
    return lines, states, request


def story(driver, seed, lines, files, states, request):
    lines, states, request = shrunk(driver, lines, files, states, request)
    found = difference(driver, lines, files, states, request)
    out = [f"seed {seed}: the gateway says {found[0]}, the model {found[1]}"]
    out += ["  ini: " + line for line in lines]
    for there, gone, now in states:
        out.append(f"  at {stamp(now)}{', state_dir gone' if gone else ''}: {there}")
    out.append(f"  {'authorizer' if request[1] else 'responder'}: {request[0]}")
    return "\n".join(out)


class Totals:
    def __init__(self):
        self.requests = self.policies = 0
        self.kinds, self.stories = {}, []


def run_world(driver, seed, totals):
    """One policy, its states and requests."""
    world = World(seed)
    said = driver.policy(world.ini, world.files)
    if said != "ok":
        totals.stories.append(f"seed {seed}: the policy is refused: {said}")
        return
    policy, known, before = model.Policy("\n".join(world.ini), world.files), {}, []
    totals.policies += 1
    for _ in range(ROUNDS):
        there, gone, now = world.state()
        while now in [step[2] for step in before]:      # the folder is looked at once a second
            now += 1
        state, shares = model.State(there, now, gone, known, time.time()), Shares()
        driver.state(there, gone, now)
        requests = [PROBE] + [world.request() for _ in range(PER_ROUND - 1)]
        for request, got in zip(requests, driver.ask(requests)):
            want = model.answers(policy, state, *request)
            totals.requests += 1
            totals.kinds[got[:2]] = totals.kinds.get(got[:2], 0) + 1
            if got in want and state.fits_share(shares, got):
                continue
            steps = before + [(there, gone, now)]
            if got not in want and difference(driver, world.ini, world.files, steps, request) is not None:
                totals.stories.append(story(driver, seed, world.ini, world.files, steps, request))
            else:
                totals.stories.append(f"seed {seed}: the gateway says {got}, the model {want}: {request}; not again")
            return
        before.append((there, gone, now))


def work(job):
    """Policies of some seeds until there are enough requests."""
    program, seed, requests, most = job
    driver, totals = Driver(program), Totals()
    try:
        while totals.requests < requests and len(totals.stories) < most:
            run_world(driver, seed, totals)
            seed += PROCESSES
        if driver.close() != 0:
            totals.stories.append("decide ended with an error")
    finally:
        driver.process.kill()
        shutil.rmtree(driver.folder, ignore_errors=True)
    return totals


def compare(program, seed, requests, most=3):
    jobs = [(program, seed + i, requests // PROCESSES, most) for i in range(PROCESSES)]
    with multiprocessing.Pool(PROCESSES) as pool:
        return pool.map(work, jobs)


def run(checks, options):
    program = os.path.join(os.path.dirname(options.gateway), "tests", "fault", "decide")
    start = time.monotonic()
    found = compare(program, SEED, LONG if options.long else SHORT)
    kinds = {kind for totals in found for kind in totals.kinds}
    for totals in found:
        for text in totals.stories:
            checks.that("the gateway and the model agree", False, text)
    asked, policies = sum(t.requests for t in found), sum(t.policies for t in found)
    checks.passed += asked
    for reason in ("off", "endpoint", "path", "method", "address", "header", "user", "ticket", "share"):
        checks.that(f"some pass by {reason}", ("pass", reason) in kinds)
    print(f"fault model: {asked} requests to {policies} policies, {sum(len(t.stories) for t in found)} differences, "
          f"{time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    results = compare(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SEED,
                      int(sys.argv[3]) if len(sys.argv) > 3 else SHORT, 8)
    for result in results:
        print(*result.stories, sep="\n")
        print(result.requests, "requests,", result.policies, "policies", dict(sorted(result.kinds.items())))
    sys.exit(any(result.stories for result in results))
