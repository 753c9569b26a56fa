# SPDX-License-Identifier: MIT
"""wardenctl snippet: what a kind cannot express is refused by name, with its line; and gate_file, which it needs."""
import os
import subprocess
import sys
import tempfile

import harness

GATEWAY = "[gateway]\nlisten = {d}/gateway.sock\nstate_dir = {d}/state\n{more}"
HTTP = "http_listen = 127.0.0.1:8503\ntrusted_proxies = 127.0.0.1\n"

NATIVE = "[site]\ntickets = off\nopen_defaults = health, robots\n"

# kind, more of [gateway], the other sections, and what the refusal must say; None: it is printed
ROWS = [
    ("caddy", "", "[site]\n", None),
    ("caddy", "", "[site]\nbypass_user = anna\n", "[site] bypass_user: caddy cannot tell a verified user"),
    ("caddy", "", "[site]\nbypass_secret = sha256:" + "a" * 64 + "\n", "[site] bypass_secret: caddy cannot compare"),
    ("caddy", "", "[site]\nshare = 10\n", "[site] share: caddy cannot"),
    ("caddy", "", "[site]\ncors_origins = https://a.example\n", "[site] cors_origins: caddy cannot"),
    ("caddy", "", "[site]\nenabled_from = environment\n", "[site] enabled_from: caddy cannot"),
    ("caddy", "trusted_proxies = 192.0.2.1\n", "[site]\n", "[gateway] trusted_proxies: caddy cannot"),
    ("caddy", "", "[site.a]\nflag = /tmp/a b\n", "[site.a] flag: caddy takes only paths"),
    ("caddy-fastcgi", "", "[site]\nbypass_user = anna\nshare = 10\n", None),
    ("caddy-fastcgi", "trusted_proxies = 192.0.2.1\n", "[site]\n", "wardenctl snippet caddy-forward-auth"),
    ("caddy-forward-auth", "", "[site]\n", "http_listen is empty"),
    ("caddy-forward-auth", HTTP, "[site]\nshare = 10\n", None),
    ("caddy-forward-auth", HTTP + "client_header = X-Real-IP\n", "[site]\n", "[gateway] client_header:"),
    ("haproxy", "", "[site]\nbypass_secret = sha256:" + "a" * 64 + "\n", None),
    ("haproxy", "", "[site]\nbypass_user = anna\n", "[site] bypass_user: haproxy cannot"),
    ("haproxy", "trusted_proxies = 192.0.2.1\n", "[site]\n", "[gateway] trusted_proxies: haproxy cannot"),
    ("haproxy-backup", HTTP, "[site]\n", None),
    ("traefik", "http_listen = /tmp/x.sock\ntrusted_proxies = 127.0.0.1\n", "[site]\n", "http_listen is a path"),
    ("traefik", HTTP, "[site]\nbypass_user = anna\n", None),
    ("traefik-labels", HTTP, "[site]\n", None),
    ("traefik-switched", HTTP, "[site]\n", None),
    ("traefik-failover", HTTP, "[site]\n", None),
    ("traefik-native", HTTP, NATIVE, None),
    ("traefik-native", HTTP, NATIVE + "[site.a]\nhost = a.example, *.a.example\nmode = read-only\n", None),
    ("traefik-native", HTTP.replace("127.0.0.1\n", "127.0.0.1, ::1\n"), NATIVE, None),
    ("traefik-native", HTTP.replace("= 127.0.0.1\n", "= 10.0.0.7\n"), NATIVE, None),
    ("traefik-native", HTTP, "[site]\nopen_defaults = health\n",
     "warden.ini: tickets, by default: traefik-native cannot see"),
    ("traefik-native", HTTP, "[site]\ntickets = off\n",
     "warden.ini: open_defaults, by default: traefik-native cannot tell"),
    ("traefik-native", HTTP, NATIVE + "open_path = /a/b\n",
     "[site] open_path: traefik-native cannot tell more than one segment"),
    ("traefik-native", HTTP, NATIVE + "open_path = /a/\n", "[site] open_path: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "open_path = /*.css\n", "[site] open_path: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "open_path = /a b\n", "[site] open_path: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "open_path = /\n", "[site] open_path: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "[site.a]\npath = /a/\n",
     "[site.a] path: traefik-native cannot tell sites by their path"),
    ("traefik-native", HTTP, NATIVE + "bypass_user = anna\n", "[site] bypass_user: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "share = 10\n", "[site] share: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "enabled_from = parameter\n", "[site] enabled_from: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "cors_origins = https://a.example\n",
     "[site] cors_origins: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "bypass_secret = sha256:" + "a" * 64 + "\n",
     "[site] bypass_secret: traefik-native cannot"),
    ("traefik-native", HTTP, NATIVE + "bypass_secret = geheim-\u00fc-0123456789\n",
     "[site] bypass_secret: traefik-native takes only"),
    ("traefik-native", HTTP, NATIVE + "bypass_secret = " + "x" * 129 + "\n",
     "[site] bypass_secret: traefik-native takes only"),
    ("traefik-native", HTTP, NATIVE + "bypass_secret = " + "x" * 128 + "\n", None),
    ("traefik-native", HTTP.replace("127.0.0.1\n", "127.0.0.1, 10.0.0.1\n"), NATIVE,
     "[gateway] trusted_proxies: traefik-native"),
    ("traefik-native", HTTP.replace("= 127.0.0.1\n", "= 10.0.0.0/24\n"), NATIVE,
     "[gateway] trusted_proxies: traefik-native"),
    ("traefik-native", HTTP + "client_header = X-Real-IP\n", NATIVE, "wardenctl snippet traefik-switched"),
    ("traefik-native", "", NATIVE, "http_listen is empty"),
]


def run(args, folder, *command):
    return subprocess.run([args.wardenctl, "-c", folder + "/warden.ini", *command], capture_output=True, text=True,
                          timeout=harness.LIMIT_SECONDS)


def write(folder, name, text):
    with open(os.path.join(folder, name), "w") as f:
        f.write(text)


def test_refusals(checks, args, folder):
    for kind, more, sections, refusal in ROWS:
        write(folder, "warden.ini", GATEWAY.format(d=folder, more=more) + sections)
        done = run(args, folder, "snippet", kind)
        what = f"{kind}: {sections.splitlines()[-1]} {more.splitlines()[-1:]}"
        if refusal is None:
            checks.that(what, done.returncode == 0 and len(done.stdout) > 200, done)
        else:
            checks.that(what, done.returncode != 0 and not done.stdout and refusal in done.stderr, done)
    write(folder, "warden.ini", GATEWAY.format(d=folder, more=HTTP) + "[site.a]\npath = /a/\n")
    done = run(args, folder, "snippet", "traefik", "--site", "a")
    checks.that("traefik --site", done.returncode == 2 and "by host and path" in done.stderr, done)


def text_of(path):
    if not os.path.exists(path):
        return None
    with open(path) as f:
        return f.read()


def test_gate_file(checks, args, folder):
    """One text while on, another or none while off; kept by tick, and whole whatever was there."""
    gate = folder + "/watched/gate.yml"
    os.mkdir(folder + "/watched")
    for name in ("on", "off"):
        write(folder, name + ".yml", name)
    for off in ("off", None):
        more = "gate_file = watched/gate.yml\ngate_on = on.yml\n" + (f"gate_off = {off}.yml\n" if off else "")
        write(folder, "warden.ini", GATEWAY.format(d=folder, more=more) + "[site]\n[site.a]\npath = /a/\n")
        for command, wanted in (("on", "on"), ("tick", "on"), ("off", off), ("tick", off)):
            run(args, folder, "-q", command)
            checks.that(f"gate_file after {command}", text_of(gate) == wanted, text_of(gate))
        run(args, folder, "-q", "on", "--site", "a")
        checks.that("gate_file: any site", text_of(gate) == "on", text_of(gate))
        write(folder, "watched/gate.yml", "by hand")
        run(args, folder, "-q", "tick")
        checks.that("gate_file: tick mends it", text_of(gate) == "on", text_of(gate))
        run(args, folder, "-q", "off", "--site", "a")
        checks.that("gate_file: off again", text_of(gate) == off, text_of(gate))
    checks.that("gate_file: nothing is left", os.listdir(folder + "/watched") == [], os.listdir(folder + "/watched"))
    for more, why in (("gate_file = g.yml\n", "needs gate_on"), ("gate_on = on.yml\n", "needs gate_file"),
                      ("gate_file = g.yml\ngate_on = nothing.yml\n", "cannot read nothing.yml")):
        write(folder, "warden.ini", GATEWAY.format(d=folder, more=more) + "[site]\n")
        done = run(args, folder, "check")
        checks.that(more, done.returncode != 0 and why in done.stdout + done.stderr, done)


PARTS = """all
#? * full bypass
site full bypass
#? * read-only
site read-only
#? * bypass.off
site bypass.off
#? a
a
#?
end"""


def test_parts(checks, args, folder):
    """Lines of gate_on that are there for a site, a mode or bypass.off alone."""
    write(folder, "on.yml", PARTS)
    ini = GATEWAY.format(d=folder, more="gate_file = gate.yml\ngate_on = on.yml\n") + "[site]\n[site.a]\npath = /a/\n"
    write(folder, "warden.ini", ini)
    for commands, wanted in (
            (["on --site a"], "all a end"), (["off --site a"], None), (["on"], "all,site full bypass,a,end"),
            (["bypass off"], "all,site bypass.off,a,end"), (["bypass on"], "all,site full bypass,a,end"),
            (["off", "on --mode read-only"], "all,site read-only,a,end"),
            (["bypass off"], "all,site read-only,site bypass.off,a,end"), (["bypass on", "off"], None)):
        for command in commands:
            run(args, folder, "-q", *command.split())
        wanted = wanted and "\n".join(wanted.split("," if "," in wanted else " "))
        checks.that(f"parts after {commands}", text_of(folder + "/gate.yml") == wanted, text_of(folder + "/gate.yml"))
    for text, why in ((PARTS.replace("#? a\n", ""), "no lines for [site.a]"),
                      (PARTS.replace("#? a", "#? b"), "on.yml:8:"),
                      (PARTS.replace("read-only\nsite", "reed-only\nsite"), '"reed-only": expected'),
                      ("#? * a\n#? a\n", "on.yml:1:")):
        write(folder, "on.yml", text)
        done = run(args, folder, "check")
        checks.that(f"parts: {why}", done.returncode != 0 and why in done.stdout + done.stderr, done)
    for text in ("plain\n", PARTS + "\n"):
        write(folder, "on.yml", text)
        done = run(args, folder, "check")
        checks.that("parts: right", done.returncode == 0, done)
    write(folder, "on.yml", PARTS.replace("#? a\n", ""))
    write(folder, "warden.ini", ini + "enabled = off\n")
    done = run(args, folder, "check")
    checks.that("parts: a site that is never on needs none", done.returncode == 0, done)


def main():
    args = harness.arguments(__doc__)
    checks = harness.Checks("snippet")
    for test in (test_refusals, test_gate_file, test_parts):
        with tempfile.TemporaryDirectory(prefix="warden-ctl.") as folder:
            os.mkdir(folder + "/state")
            test(checks, args, folder)
    print(f"snippet: {checks.passed} passed, {checks.failed} failed")
    return 0 if checks.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
