# SPDX-License-Identifier: MIT
"""A second implementation of the decision, from the documents alone: what users are promised, as plainly as it can be
written.  It reads the INI, the files of state and the parameters of a request, and says which answers are right.

An answer is (verdict, reason, status): ("pass", "address", 204), ("hold", "hold", 503), ("refused", "", 400).
Where the documents leave several open (a share between 0 and 100, which of two sites is named) there are several.
"""
import datetime
import functools
import hashlib
import ipaddress
import re
import urllib.parse
import zoneinfo

OPEN_DEFAULTS = {"health": ["/health", "/healthz", "/livez", "/readyz"], "acme": ["/.well-known/acme-challenge/"],
                 "robots": ["/robots.txt"], "favicon": ["/favicon.ico"]}
READS = ("GET", "HEAD", "OPTIONS")
MODES = ("full", "read-only")
NUMBERS = {"share": (0, 100), "status": (400, 599), "retry_after": (0, 86400)}
FLAG_KEYS = ("id", "until", "since", "title", "message", "step", "mode", "status", "retry_after", "share", "owner",
             "reason", "change", "window")
LOOP = "loop"
TICKET = re.compile(r"[0-9a-f]{32}\Z")


def moment(text, zone):
    """UTC seconds of a time as people write it; None where it is none."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(Z|[+-]\d\d:\d\d)?", text)
    if not found:
        return None
    day, minute, second, offset = found.groups()
    try:
        offset = (offset or "").replace("Z", "+00:00")
        wall = datetime.datetime.fromisoformat(f"{day}T{minute}{second or ':00'}{offset}")
    except ValueError:
        return None
    if not offset:
        wall = wall.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0)
    return int(wall.timestamp())


def span(text):
    return sum(int(n) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
               for n, unit in re.findall(r"(\d+)([smhd]?)", text))


def entries(text):
    return [part.strip() for part in text.split(",")] if text.strip() else []


# ---- addresses

@functools.lru_cache(maxsize=100_000)
def address(text):
    """An address with or without port and brackets; None where it is none.  IPv4 within IPv6 is IPv4."""
    bracketed = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::\d{1,5})?", text)
    ported = re.fullmatch(r"([0-9.]+):\d{1,5}", text)
    if bracketed:
        text = bracketed.group(1)
        if ":" not in text:
            return None
    elif ported:
        text = ported.group(1)
    if not re.fullmatch(r"[0-9a-fA-F:.]+", text):
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def network(text):
    found = ipaddress.ip_network(text)
    if found.version == 6 and found.network_address.ipv4_mapped is not None and found.prefixlen >= 96:
        return ipaddress.ip_network((found.network_address.ipv4_mapped, found.prefixlen - 96))
    return found


def among(who, networks):
    return any(who.version == n.version and who in n for n in networks)


@functools.lru_cache(maxsize=100_000)
def forwarded_entries(value):
    """RFC 7239: the for= of each element, "" where an element has none that can be read.  A line whose quotes hold what
    parts elements is read by nobody in one way."""
    if value.count('"') % 2 or "\\" in value or any(set(",;") & set(part) for part in value.split('"')[1::2]):
        return [""]
    found, elements, part, quoted = [], [], "", False
    for c in value:
        if c == '"':
            quoted = not quoted
        if c == "," and not quoted:
            elements.append(part)
            part = ""
        else:
            part += c
    for element in elements + [part]:
        pairs = [pair.strip().partition("=") for pair in re.findall(r'(?:[^;"]|"[^"]*"?)+', element)]
        who = [value for name, _, value in pairs if name.lower() == "for"]
        who = who[0] if len(who) == 1 else ""
        if len(who) >= 2 and who[0] == who[-1] == '"':
            who = who[1:-1]
        elif "[" in who or ":" in who or '"' in who:    # must be quoted
            who = ""
        found.append(who)
    return found


# ---- targets and hosts

@functools.lru_cache(maxsize=50_000)
def read_target(target):
    """(authority or None, decoded path, raw path, query, whether another may read the path differently)"""
    authority, rest = None, target
    if not target.startswith("/"):
        absolute = re.match(r"(?s)([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)(.*)\Z", target)
        scheme, authority, rest = absolute.groups() if absolute else ("", None, target)
        if scheme.lower() not in ("http", "https") or not rest.startswith("/"):
            raw, _, query = rest.partition("?")
            return authority, "/", raw, query, True
    raw, _, query = rest.partition("?")
    path = urllib.parse.unquote_to_bytes(raw.encode("latin-1")).decode("latin-1")
    odd = bool(re.search(r"//|;|#|\\|[\x00-\x1f\x7f]|%25|%2[fF]|%5[cC]|%(?![0-9a-fA-F]{2})", raw)
               or re.search(r"[\x00-\x1f\x7f;]", path)
               or any(segment in (".", "..") for segment in path.split("/")))
    return authority, path, raw, query, odd


@functools.lru_cache(maxsize=50_000)
def read_host(text):
    """The host's name, "" where there is none; None where others may read it differently."""
    if text == "":
        return ""
    found = re.fullmatch(r"(\[([0-9a-f:.]+)\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(:\d{0,5})?", text.lower())
    if not found or len(found.group(1)) > 255:
        return None
    if found.group(2) and (":" not in found.group(2) or address(found.group(2)) is None):
        return None
    return found.group(1)


@functools.lru_cache(maxsize=20_000)
def path_rule(rule):
    if "*" not in rule and rule.endswith("/"):
        return re.compile(re.escape(rule[:-1]) + r"(/.*)?\Z", re.S)
    text = "".join(".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part)
                   for part in re.split(r"(\*\*|\*)", rule))
    return re.compile(text + r"\Z", re.S)


def opened(rules, path):
    return any(path_rule(rule).match(path) for rule in rules)


# ---- the policy

class Site:
    def __init__(self, name, keys, read_file):
        self.name, self.keys = name, keys
        get = lambda key, standard="": keys.get(key, standard)

        def many(key, standard=""):
            if key + "_file" in keys:
                lines = [line.partition("#")[0].strip() for line in read_file(keys[key + "_file"]).split("\n")]
                return [line for line in lines if line]
            return entries(get(key, standard))

        self.zone = get("time_zone", "UTC")
        self.enabled, self.enabled_from = get("enabled", "auto"), get("enabled_from", "file")
        self.mode, self.on_unknown = get("mode", "full"), get("on_unknown", "last")
        self.share, self.status = int(get("share", "0")), int(get("status", "503"))
        self.max_duration, self.lift = span(get("max_duration", "0")), get("on_overrun", "keep") == "lift"
        self.networks = [network(n) for n in many("bypass_address")]
        self.open_path = many("open_path")
        self.open_defaults = [p for name in many("open_defaults", "health, acme, robots") for p in OPEN_DEFAULTS[name]]
        self.open_method, self.cors_origins = many("open_method"), many("cors_origins")
        self.header = "HTTP_" + re.sub(r"[-_.]", "_", get("bypass_header", "X-Maintenance-Bypass")).upper()
        self.secrets = {s[7:].lower() if s.startswith("sha256:") else hashlib.sha256(s.encode("latin-1")).hexdigest()
                        for s in many("bypass_secret")}
        groups = {}
        for line in read_file(keys["bypass_group_file"]).split("\n") if "bypass_group_file" in keys else []:
            group, _, members = line.partition(":")
            groups.setdefault(group.strip(), []).extend(members.split())
        self.users = set()
        for user in many("bypass_user"):
            self.users.update(groups.get(user[1:], []) if user.startswith("@") else [user])
        self.tickets = get("tickets", "on") == "on"
        self.hand_back = get("hand_back", "auto")
        self.hosts = [h.lower() for h in many("host")]
        self.path = get("path", "/").rstrip("/")
        self.flag = get("flag") or f"flags/{name}.flag"
        self.default = get("default", "no") == "yes"

    def host_fit(self, host):
        """How well the host fits: None where not; an exact name before a pattern, a long one before a short one."""
        if not self.hosts:
            return (0, 0)
        fits = [(2, len(h)) if h == host else (1, len(h)) for h in self.hosts
                if h == host or (h.startswith("*.") and host.endswith(h[1:]) and len(host) > len(h) - 1)]
        return max(fits) if host and fits else None

    def below(self, path):
        return self.path == "" or path == self.path or path.startswith(self.path + "/")


class Window:
    def __init__(self, name, keys, zone, needs_approval):
        self.name, self.site, self.mode = name, keys.get("site", ""), keys.get("mode", "full")
        zone = keys.get("time_zone", zone)
        self.start = moment(keys["start"], zone) if "start" in keys else None
        self.end = moment(keys["end"], zone) if "end" in keys else None
        self.waiting = needs_approval and keys.get("approved", "") in ("", keys.get("owner", ""))

    def covers(self, now, state):
        if self.waiting or (self.start is not None and now < self.start) or (self.end is not None and now >= self.end):
            return False
        return f"ended/{self.name}.{self.end}.skip" not in state.files


def inherit(base, own):
    """What all sites share, and over it the site's own; a key and its twin that names a file are one."""
    twin = lambda key: key[:-5] if key.endswith("_file") else key + "_file"
    return {**{key: value for key, value in base.items() if twin(key) not in own}, **own}


class Policy:
    """Of the INI's text; `files` are those beside it."""

    def __init__(self, text, files):
        sections, keys = {}, None
        for line in text.split("\n"):
            line = line.strip()
            if line.startswith("["):
                keys = sections.setdefault(line[1:-1], {})
            elif line and line[0] not in "#;":
                key, _, value = line.partition("=")
                value = value.strip()
                if len(value) >= 2 and value[0] == value[-1] == '"':
                    value = value[1:-1]
                keys[key.strip()] = value
        gateway, base = sections.get("gateway", {}), sections.get("site", {})
        self.proxies = [network(n) for n in entries(gateway.get("trusted_proxies", ""))]
        client_header = gateway.get("client_header", "X-Forwarded-For")
        self.client_header = "HTTP_" + client_header.upper().replace("-", "_")
        self.client_kind = {"X-Forwarded-For": "list", "Forwarded": "forwarded"}.get(client_header, "single")
        read = lambda name: files[name]
        self.base = Site("", base, read)
        self.named = [Site(name[5:], inherit(base, keys), read) for name, keys in sections.items()
                      if name.startswith("site.")]
        self.by_name = {site.name: site for site in self.named}
        self.sites = [self.base] + self.named
        self.default = next((site for site in self.named if site.default), self.base)
        approval = sections.get("policy", {}).get("require_approval", "no") == "yes"
        self.windows = {name[7:]: self.window(name[7:], keys, approval) for name, keys in sections.items()
                        if name.startswith("window.")}
        self.meant = {}

    def window(self, name, keys, approval):
        site = self.by_name.get(keys.get("site", ""), self.base)
        return Window(name, keys, site.zone, approval)

    def sites_meant(self, named, host, path, odd):
        """The sites that a request may mean: one, unless host or path can be read in two ways."""
        if named in self.by_name:
            return [self.by_name[named]]
        if host is None:                                # every site
            return self.sites
        if odd:
            found = [site for site in self.named if site.host_fit(host) is not None]
            return found + [self.default] if self.default not in found else found
        best, best_fit = self.default, None
        for site in self.named:
            fit = site.host_fit(host)
            if fit is not None and site.below(path):
                fit += (len(site.path),)
                if best_fit is None or fit > best_fit:
                    best, best_fit = site, fit
        return [best]


# ---- the state

class Condition:
    """How a site stands; `status` is a flag's, or None."""
    def __init__(self, on, mode="full", share=0, status=None):
        self.on, self.mode, self.share, self.status = on, mode, share, status


class Source:
    """Something that says that maintenance is on, and what it says of mode, share and status (None: nothing)."""
    def __init__(self, mode=None, share=None, status=None):
        self.mode, self.share, self.status = mode, share, status


def number(body, key, least, most):
    text = body.get(key, "")
    return int(text) if re.fullmatch(r"[0-9]+", text) and least <= int(text) <= most else None


class State:
    """`files`: names below state_dir to their text, or LOOP; `known`: the last word on each site."""

    def __init__(self, files, now, missing=False, known=None, written=0):
        self.files, self.now, self.missing, self.written = {} if missing else files, now, missing, written
        self.known, self.conditions = known if known is not None else {}, {}
        self.share_asked = None                         # (site, client, share) of the last request that met the ramp

    def fits_share(self, shares, got):
        return self.share_asked is None or got[1] not in ("share", "hold") or \
            shares.fits(self.share_asked[:2], self.share_asked[2], got[1] == "share")

    def flag(self, policy, site, name):
        """(Source or None, the body): what this flag says of the site, where it can be read."""
        text = self.files.get(name)
        if text is None:
            return None, {}
        body, broken = {}, False
        for line in text.split("\n"):
            key, equals, value = (part.strip() for part in line.partition("="))
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if not equals or key not in FLAG_KEYS or key in body or value == "":
                broken = True
            body.setdefault(key, value)
        zone = site.zone if name == site.flag else policy.base.zone
        until = moment(body["until"], zone) if "until" in body else None
        since = moment(body["since"], zone) if "since" in body else self.written
        mode, share = body.get("mode"), number(body, "share", 0, 100)
        broken = broken or ("until" in body and until is None) or since is None or mode not in (None, *MODES)
        broken = broken or any(key in body and number(body, key, *limits) is None for key, limits in NUMBERS.items())
        if broken:                                      # then it can only hold more
            return Source("full" if mode == "full" else None, None if share is None else 0), {}
        window = policy.windows.get(body.get("window"))
        if window is not None and not window.waiting and window.site in ("", site.name):
            return None, body                           # the window says itself when it is on
        end = until if until is not None else since + site.max_duration if site.max_duration else None
        if site.lift and end is not None and self.now >= end:
            return None, {}
        return Source(mode, share, number(body, "status", 400, 599)), {}

    def look(self, policy, site):
        """What the flags say: Sources, and the bodies that stand for windows.  The site's own comes last."""
        sources, bodies = [], []
        for name in ["maintenance.flag"] + ([site.flag] if site.name else []):
            if self.missing or self.files.get(name) == LOOP:
                last = self.known.get(name, True)
                if site.on_unknown == "hold" or (site.on_unknown == "last" and last):
                    sources.append(Source(None, 0))
                continue
            self.known[name] = name in self.files
            source, body = self.flag(policy, site, name)
            sources += [source] if source else []
            bodies += [body] if body else []
        return sources, bodies

    def condition(self, policy, site, parameter):
        key = (site.name, parameter)
        if key not in self.conditions:
            self.conditions[key] = self.find(policy, site, parameter)
        return self.conditions[key]

    def find(self, policy, site, parameter):
        enabled = site.enabled
        if site.enabled_from == "parameter" and parameter:
            enabled = "off" if parameter == "false" else "on"
        if enabled == "off":
            return Condition(False)
        sources, bodies = self.look(policy, site)
        flags_say = bool(sources)
        for window in policy.windows.values():
            if window.site in ("", site.name) and window.covers(self.now, self):
                says = [number(b, "share", 0, 100) for b in bodies if b["window"] == window.name and not flags_say]
                sources.append(Source(window.mode, *[share for share in says if share is not None][-1:]))
        if not sources and enabled != "on":
            return Condition(False)
        sources = sources or [Source()]
        full = any((source.mode or site.mode) == "full" for source in sources)
        share = min(site.share if source.share is None else source.share for source in sources)
        statuses = [source.status for source in sources if source.status is not None]
        return Condition(True, "full" if full else "read-only", share, statuses[-1] if statuses else None)

    def ticket_fits(self, site, number, path, odd):
        for folder in ([site.name] if site.name else []) + ["any"]:
            for limited in ("", "limited/"):
                text = self.files.get(f"tickets/{folder}/{limited}{number}")
                if text is None:
                    continue
                body = dict((part.strip() for part in line.split("=", 1)) for line in text.split("\n") if "=" in line)
                until, paths = moment(body.get("until", ""), site.zone), entries(body.get("paths", ""))
                if until is None or self.now >= until or bool(paths) != bool(limited):
                    continue
                if not limited or (not odd and opened([p for p in paths if "*" not in p], path)):
                    return True
        return False


# ---- one request

class Request:
    def __init__(self, params, authorizer):
        self.params, self.authorizer = params, authorizer
        self.values = {}
        for name, value in params:
            self.values.setdefault(name, []).append(value)
        self.method = self.first("WARDEN_METHOD") or self.first("REQUEST_METHOD")       # the one stands for the other
        self.target, doubled = self.first("REQUEST_URI"), [n for n, v in self.values.items() if len(v) > 1]
        self.whole = bool(self.method and self.target and self.first("REMOTE_ADDR")) and len(params) <= 256 \
            and all(name.startswith("HTTP_") for name in doubled) \
            and sum(len(n) + len(v) for n, v in params) < 64 * 1024
        self.mode = ("bare" if self.first("FCGI_APACHE_ROLE") else "authorizer") if authorizer \
            else self.first("WARDEN_MODE") or "responder"
        self.authority, self.path, self.raw, self.query, self.odd = read_target(self.target)
        self.host = self.find_host()

    def first(self, name):
        found = self.values.get(name)
        return found[0] if found else ""

    def once(self, name):
        """The value of a header that came once; None otherwise."""
        found = self.values.get(name, ())
        return found[0].strip(" \t") if len(found) == 1 else None

    def find_host(self):
        lines = self.values.get("HTTP_HOST", [])
        host = (read_host(lines[0]) or None) if len(lines) == 1 else "" if not lines else None
        if self.authority is not None and (read_host(self.authority) != host or not host):
            return None
        return host

    def client(self, policy):
        peer = self.first("REMOTE_ADDR")
        peer = address(peer) if ":" not in peer or peer.count(":") > 1 and "[" not in peer else None
        if peer is None or not among(peer, policy.proxies):
            return peer
        lines, server = self.values.get(policy.client_header, []), self.first("SERVER_SOFTWARE")
        if not lines:
            return peer
        if server.startswith("Caddy"):                  # it cannot be read, and the proxy asks for somebody else
            return None
        if server.startswith("lighttpd") and len(lines) > 1:
            return None
        if policy.client_kind == "single":
            return address(lines[0].strip(" \t")) if len(lines) == 1 else None
        read = forwarded_entries if policy.client_kind == "forwarded" else lambda line: line.split(",")
        walk = [entry for line in lines for entry in read(line)]
        found = None
        for entry in reversed(walk):
            found = address(entry.strip(" \t"))
            if found is None or not among(found, policy.proxies):
                break
        return found


def offers(request):
    """The tickets that a request brings: (ID, by link)."""
    found = []
    if request.method in ("GET", "HEAD") and not request.odd:
        found += [(part[len("maintenance_ticket="):], True) for part in request.query.split("&")
                  if part.startswith("maintenance_ticket=")]
    header = request.once("HTTP_X_MAINTENANCE_TICKET")
    found += [(header, False)] if header else []
    for line in request.values.get("HTTP_COOKIE", []):
        for part in re.split("[;,]", line):
            name, _, value = part.strip(" \t").partition("=")
            if name == "maintenance_ticket":
                found.append((value, False))
    return [(number, link) for number, link in found if TICKET.match(number)]


def preflight(site, request):
    return request.method == "OPTIONS" and request.once("HTTP_ORIGIN") in site.cors_origins \
        and request.once("HTTP_ACCESS_CONTROL_REQUEST_METHOD") is not None


def hold(site, condition, request, reason="hold"):
    asked = request.first("WARDEN_HOLD_STATUS")
    if request.mode in ("auth-request", "bare"):
        return [("hold", reason, 401)]
    status = int(asked) if re.fullmatch(r"[45]\d\d", asked) else condition.status or site.status
    asks = request.mode in ("authorizer", "forward-auth")
    return [("hold", reason, 503 if asks and status < 400 else status)]


def passed(site, condition, request, reason):
    if request.mode == "responder" and reason != "endpoint":
        if site.hand_back == "auto":                    # no way to pass: the page
            return hold(site, condition, request, reason)
        return [("pass", reason, 204)]
    return [("pass", reason, 204 if request.mode == "auth-request" else 200)]


def decide(policy, state, site, condition, request):
    """The checks of one site whose maintenance is on, in their order."""
    if not request.odd:
        if request.method in ("GET", "HEAD") and opened(site.open_defaults, request.path) \
                or opened(site.open_path, request.path):
            return passed(site, condition, request, "path")
    if condition.mode == "read-only" and request.method in READS or request.method in site.open_method \
            or preflight(site, request):
        return passed(site, condition, request, "method")
    client = request.client(policy)
    if "bypass.off" not in state.files:
        if client is not None and among(client, site.networks):
            return passed(site, condition, request, "address")
        secret = request.once(site.header)
        if secret and hashlib.sha256(secret.encode("latin-1")).hexdigest() in site.secrets:
            return passed(site, condition, request, "header")
        verified = request.values.get("SSL_CLIENT_VERIFY", ["SUCCESS"]) == ["SUCCESS"]
        if verified and request.first("WARDEN_USER") in site.users:
            return passed(site, condition, request, "user")
        for number, link in offers(request) if site.tickets else ():
            if not state.ticket_fits(site, number, request.path, request.odd):
                continue
            if not link:
                return passed(site, condition, request, "ticket")
            if request.mode in ("auth-request", "bare"):        # no way to relay a redirect
                return hold(site, condition, request, "ticket")
            return [("pass", "ticket", 303)]
    share = condition.share if client is not None else 0
    if 0 < share < 100:
        state.share_asked = (site.name, client, share)
    found = passed(site, condition, request, "share") if share > 0 else []
    return found + (hold(site, condition, request) if share < 100 else [])


def answers(policy, state, params, authorizer=False):
    """Every answer that is right."""
    request = Request(params, authorizer)
    state.share_asked = None
    parameter = request.first("MAINTENANCE_MODE")
    if not request.whole and (not request.method or not request.target or
                              any([state.condition(policy, site, parameter).on for site in policy.sites])):
        return [("refused", "", 400)]
    sites = policy.sites_meant(request.first("WARDEN_SITE"), request.host, request.path, request.odd)
    each = [(site, state.condition(policy, site, parameter)) for site in sites]
    if request.raw == "/.maintenance/status" and not request.odd and request.method in ("GET", "HEAD"):
        return passed(*each[0], request, "endpoint")
    found = [decide(policy, state, *one, request) if one[1].on else passed(*one, request, "off") for one in each]
    if len(each) > 1:                                   # whose ramp it was is not told
        state.share_asked = None
    held = [answer for answers in found for answer in answers if answer[1] == "hold"]
    if any(all(answer[1] == "hold" for answer in answers) for answers in found):
        return held
    return held + [answer for answers in found for answer in answers if answer[1] != "hold"]
