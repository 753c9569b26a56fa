# SPDX-License-Identifier: MIT
"""snippet: what every kind has in common, and what is refused.  That servers do it right is for tests/wire."""
import grp
import os
import re
import stat
import sys

from harness import Checks, Folder, arguments

SECRET = "not-to-be-seen-0123456789"


def kinds_of(folder):
    return folder.run("snippet", "--json").json()


def options_for(kind):
    """More of the INI, where a kind wants it: for [gateway], and for [site]."""
    if kind.startswith("nginx-http"):
        return "http_listen = 127.0.0.1:8503\ntrusted_proxies = 127.0.0.1\nforward_headers = x-original-uri\n", ""
    over_http = kind.startswith("traefik") or kind in ("caddy-forward-auth", "haproxy-backup", "apache-standby")
    return ("http_listen = 127.0.0.1:8503\ntrusted_proxies = 127.0.0.1\n" if over_http else "",
            "hand_back = x-sendfile /var/www/html\n" if kind == "lighttpd-responder" else
            "tickets = off\nopen_defaults = health\n" if kind == "traefik-native" else "")


def write_for(folder, kind, site="", gateway="", listen=True):
    more_gateway, more_site = options_for(kind)
    folder.write_ini(f"{more_gateway}[site]\n{more_site}{site}", gateway)
    if not listen:
        text = folder.read(folder.ini).decode()
        folder.write("warden.ini", "".join(line + "\n" for line in text.splitlines() if not line.startswith("listen")))


def is_made(folder, kind):
    write_for(folder, kind, f"bypass_secret = {SECRET}\n", listen="spawned" not in kind)
    return folder.run("snippet", kind, "--json")


def source(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..", name)) as f:
        return f.read()


def in_order(names, like):
    """The same names, in the order of `like`."""
    return sorted(names, key=lambda name: like.index(name) if name in like else -1)


def check_list(checks, folder):
    listed = folder.run("snippet")
    kinds = kinds_of(folder)
    checks.that("the list names each kind", listed.code == 0 and all(k["kind"] in listed.out for k in kinds), listed)
    checks.that("as JSON, with what happens when the gateway is gone", kinds and all(
        k["gate"] in ("native", "asking", "responder", "page") and k["gone_off"] and k["gone_on"] for k in kinds),
                kinds)
    names = [k["kind"] for k in kinds]
    manual = re.search(r"Bl -tag -width Ds -compact\n(.It Apache.*?)\n.El", source("src/man/wardenctl.1"),
                       re.DOTALL).group(1)
    found = " ".join(line[4:] for line in manual.splitlines() if line.startswith(".Cm ")).replace(" ,", "").split()
    checks.that("the manual has each kind", found == in_order(names, found), sorted(set(names) ^ set(found)))
    found = re.search(r"_wardenctl_kinds='([^']*)'", source("contrib/completion/wardenctl")).group(1).split()
    checks.that("the completion has each kind", found == in_order(names, found), sorted(set(names) ^ set(found)))
    unknown = folder.run("snippet", "iis")
    checks.that("an unknown kind names those there are", unknown.code == 2 and "iis" in unknown.err and
                "nginx-auth-request" in unknown.err, unknown)


def check_forms(checks, folder):
    """Printed, as JSON and as files: the same."""
    for kind in kinds_of(folder):
        name = kind["kind"]
        made = is_made(folder, name)
        files = made.json().get("files", {})
        if made.code != 0 or not files:
            checks.that(f"{name}: is made", False, made)
            continue
        printed = folder.run("snippet", name)
        checks.that(f"{name}: printed is what JSON has", printed.code == 0 and
                    all(text in printed.out for text in files.values()), printed)
        os.makedirs(folder.file("out"), exist_ok=True)
        written = folder.run("snippet", name, "--output", folder.file("out"))
        for file in files:
            path = folder.file(f"out/{file}")
            wanted = 0o644 if file == ".htaccess" else 0o600        # Apache reads it as somebody else
            checks.that(f"{name}: {file} has mode {wanted:o}", written.code == 0 and
                        stat.S_IMODE(os.stat(path).st_mode) == wanted, written)
            os.unlink(path)
        first = next(iter(files.values()))
        checks.that(f"{name}: says how it was made", f"snippet {name}" in first and kind["gone_on"] in first, first)
        checks.that(f"{name}: has no place unfilled", "%s" not in "".join(files.values()), files)
    check_served_files(checks, folder)
    gone = folder.run("snippet", "nginx-auth-request", "--output", folder.file("nowhere"))
    checks.that("a folder that is not there", gone.code == 3 and "nowhere" in gone.err, gone)


def check_served_files(checks, folder):
    """What lighttpd reads as it runs is of the socket's group; where there is none, it is said what to do."""
    path = folder.file("out/maintenance-warden.lua")
    other = 1 if os.geteuid() == 0 else os.getgid()
    for group, mode in ((grp.getgrgid(other).gr_name, 0o640), ("", 0o600), ("no-such-group", 0o600)):
        write_for(folder, "lighttpd", gateway=f"socket_group = {group}\n")
        written = folder.run("snippet", "lighttpd", "--output", folder.file("out"))
        found = os.stat(path)
        os.unlink(path)
        checks.that(f"lighttpd's script, socket_group = {group}", written.code == 0 and
                    stat.S_IMODE(found.st_mode) == mode
                    and found.st_gid == (other if mode == 0o640 else os.getgid()) and
                    (f"chmod 0640 {path}" in written.out) is (mode == 0o600), written)


def check_refusals(checks, folder):
    line = 'bypass_user = anna\n'
    for kind in ("nginx", "lighttpd"):
        write_for(folder, kind, "title = x\n" + line)
        number = folder.read(folder.ini).decode().splitlines().index(line.strip()) + 1
        refused = folder.run("snippet", kind)
        checks.that(f"{kind}: a user is refused by file, line and key", refused.code == 1 and not refused.out and
                    f"warden.ini:{number}: [site] bypass_user" in refused.err, refused)
    digest = "bypass_secret = sha256:" + "0" * 64 + "\n"
    for kind, site, gateway, word in (
            ("nginx", digest, "", "bypass_secret"), ("nginx", "share = 5\n", "", "share"),
            ("nginx", "enabled_from = environment\n", "", "enabled_from"),
            ("nginx-auth-request-flag", "enabled_from = environment\n", "", "enabled_from"),
            ("nginx", "cors_origins = https://a.example\n", "", "cors_origins"),
            ("nginx", "", "trusted_proxies = 10.0.0.0/8\nclient_header = Forwarded\n", "client_header"),
            ("lighttpd", "", "trusted_proxies = 10.0.0.0/8\nclient_header = X-Real-IP\n", "client_header"),
            ("lighttpd-responder", "", "", None), ("lighttpd-authorizer-spawned", "", "", "listen")):
        write_for(folder, kind, site, gateway)
        refused = folder.run("snippet", kind)
        if word is None:                # made with the root, refused without
            checks.that(f"{kind}: is made with hand_back", refused.code == 0, refused)
            folder.write_ini()
            refused, word = folder.run("snippet", kind), "hand_back"
        checks.that(f"{kind}: refuses {word}", refused.code == 1 and not refused.out and word in refused.err, refused)
    write_for(folder, "lighttpd", digest)
    taken = folder.run("snippet", "lighttpd")
    checks.that("lighttpd: takes a secret by its SHA-256", taken.code == 0 and "0" * 64 in taken.out, taken)
    write_for(folder, "nginx", listen=False)
    for kind in ("nginx", "lighttpd", "lighttpd-authorizer"):
        refused = folder.run("snippet", kind)
        checks.that(f"{kind}: nowhere to ask", refused.code == 2 and "listen" in refused.err and not refused.out,
                    refused)


def check_listeners(checks, folder):
    """What stands in a URL is looked at: Apache would take more of it for a word of its own."""
    for upstream, made in (("127.0.0.1:8081", True), ("[::1]:8081", True), ("app.example:80", True),
                           ("/run/app.sock", True),
                           ("a b", False), ('a"', False), ("[::1", False), ("[x]:80", False), ("%{HTTP_HOST}", False),
                           ("", False)):
        write_for(folder, "apache-standby")
        found = folder.run("snippet", "apache-standby", "--upstream", upstream)
        checks.that(f"apache-standby: --upstream {upstream!r}", found.code == (0 if made else 1) and
                    bool(found.out) is made and (made or "--upstream" in found.err), found)
    for kind in ("apache-standby", "nginx-http", "nginx-http-flag"):
        folder.write_ini("[site]\n")
        refused = folder.run("snippet", kind)
        checks.that(f"{kind}: nowhere to ask", refused.code == 2 and "http_listen" in refused.err and not refused.out,
                    refused)


def check_half_configured(checks, folder):
    """nginx-http: what the gateway would not understand, or not believe, is named with its key."""
    http, proxy = "http_listen = 127.0.0.1:8503\n", "trusted_proxies = 127.0.0.0/8\n"
    headers = "forward_headers = x-original-uri\n"
    for kind in ("nginx-http", "nginx-http-flag"):
        for gateway, word in ((http + proxy, "forward_headers"),
                              (http + proxy + "forward_headers = x-original-url\n", "forward_headers"),
                              (http + proxy + "forward_headers = x-forwarded\n", "forward_headers"),
                              (http + headers + "trusted_proxies = 10.0.0.0/8\n", "trusted_proxies"),
                              ("http_listen = [::1]:8503\n" + proxy + headers, "trusted_proxies"),
                              (http + headers, "trusted_proxies"), (http + proxy + headers, None),
                              ("http_listen = /run/x.sock\n" + proxy + headers, None),
                              ("http_listen = 192.0.2.1:8503\ntrusted_proxies = 192.0.2.2\n" + headers, None)):
            folder.write_ini("[site]\n", gateway)
            made = folder.run("snippet", kind)
            right = made.code == 0 and made.out if word is None else made.code in (1, 2) and not made.out and \
                "[gateway]" in made.err and word in made.err
            checks.that(f"{kind}: {gateway!r}: {word or 'is made'}", right, made)


def check_limits(checks, folder):
    """What a native gate cannot see is said where it matters."""
    for kind in ("nginx", "lighttpd"):
        for mode, said in (("read-only", True), ("full", False)):
            folder.write_ini(f"[site]\n[site.shop]\npath = /shop/\nmode = {mode}\n")
            made = folder.run("snippet", kind)
            checks.that(f"{kind}: {mode} and a flag that says full", ("mode = full" in made.out) == said, made)


def check_odd_paths(checks, folder):
    """A path that the server would read as something else."""
    for kind, state in (("nginx", "/var/lib/$host"), ("nginx-auth-request-flag", "/a$b"), ("lighttpd", '/a\\b')):
        folder.write_ini(state=state)
        refused = folder.run("snippet", kind)
        checks.that(f"{kind}: {state} is refused", refused.code == 1 and state in refused.err and not refused.out,
                    refused)
    folder.write_ini(state="/var/lib/two words/{x}")
    made = folder.run("snippet", "nginx")
    checks.that("nginx: a path with blanks is quoted", 'if (-e "/var/lib/two words/{x}/maintenance.flag")' in made.out,
                made)


def check_secrets(checks, folder):
    """lighttpd's script has the SHA-256 alone, nginx the text; neither stands in another kind."""
    for kind in kinds_of(folder):
        made = is_made(folder, kind["kind"])
        has = SECRET in made.out.replace("[", "").replace("]", "")
        checks.that(f"{kind['kind']}: the secret", has == (kind["kind"] == "nginx") or kind["kind"] not in (
            "nginx", "lighttpd") and kind["gate"] == "native", made)


def check_names(checks, folder):
    """The names of two sites that would be one variable stay two."""
    folder.write_ini("[site]\n[site.a-b]\npath = /a/\n[site.a_b]\npath = /b/\n")
    made = folder.run("snippet", "nginx").out
    checks.that("nginx: a variable for each of two like names", "set $mw_a_b_1_flag" in made and
                "set $mw_a_b_flag" in made, made)
    one = folder.run("snippet", "nginx", "--site", "a-b").out
    other = folder.run("snippet", "nginx", "--site", "a_b").out
    checks.that("nginx: two sites in one http {}", "map $request_uri $mw_a_b_1_odd" in one and
                "map $request_uri $mw_a_b_odd" in other, one)


def main():
    args = arguments(__doc__)
    checks = Checks("snippet")
    folder = Folder(args)
    folder.write_ini()
    try:
        for check in (check_list, check_forms, check_refusals, check_listeners, check_half_configured, check_limits,
                      check_odd_paths, check_secrets, check_names):
            check(checks, folder)
    finally:
        folder.close()
    return checks.end()


if __name__ == "__main__":
    sys.exit(main())
