#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs each hook of contrib/hooks against servers on loopback that record and answer like the real ones."""
import base64
import calendar
import email
import email.policy
import email.utils
import glob
import html
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib", "hooks")
HOOKS = ("mail", "slack", "alertmanager-silence", "grafana-annotation")
EVENTS = ("planned", "started", "step", "extended", "overrun", "ended")
SECRET = "T0psecret" + uuid.uuid4().hex
HOSTILE = {
    "quotes": "say \"yes\" and 'no'",
    "newlines": "first\nTo: evil@example.com\r\n\r\nBcc: evil@example.com\n.\nlast",
    "backslashes": "C:\\new\\table \\\" \\u0041 \\",
    "substitution": "$(touch OWNED) ${HOME} $((1+1)) `touch OWNED` ; touch OWNED | touch OWNED & < OWNED > OWNED",
    "utf8": "Wartung läuft – 維護中 🚧 é\u0301",
    "control": "a\x01b\x1bc\x7fd\te\x08f",
    "percent": "%s %d %n 100% \\c",
    "curl": "\" \nurl = \"http://127.0.0.1:1/\noutput = \"OWNED",
    "heredoc": "CONFIG\nBODY\nEND\nCONFIG",
    "markup": "<!channel> <script>alert(1)</script> & &amp;",
    "long": "wörter " * 1500,
    "unbroken": "ü" * 5000,
    "dash": "-n --help",
}
counts = {"passed": 0, "failed": 0}


def check(name, ok, more=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED: {name}" + (f": {more!r}"[:600] if more != "" else ""))
    return bool(ok)


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def stamp(text):
    return calendar.timegm(time.strptime(re.sub(r"\.\d+", "", text), "%Y-%m-%dT%H:%M:%SZ"))


class Server:
    """Records requests; answers like a webhook, Alertmanager and Grafana, or as `status` says."""

    def __init__(self):
        self.requests, self.silences, self.annotations = [], {}, {}
        self.status, self.delay, self.statuses = None, None, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def any_method(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                outer.requests.append({"method": self.command, "path": self.path, "headers": self.headers,
                                       "body": body})
                if outer.delay is not None:
                    outer.delay()
                status, answer = outer.answer(self.command, self.path, body)
                data = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
                self.send_response(status)
                if status // 100 == 3:
                    self.send_header("Location", "/login")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = any_method

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def answer(self, method, path, body):
        if self.statuses:
            status = self.statuses.pop(0)
            if status is not None:
                return status, {"message": "as told"}
        if self.status is not None:
            return self.status, {"message": "as told"}
        if path == "/api/v2/silences" and method == "POST":
            return self.set_silence(json.loads(body))
        if path.startswith("/api/v2/silence/"):
            return self.one_silence(method, path.rsplit("/", 1)[1])
        if path == "/api/annotations" and method == "POST":
            number = 41 + len(self.annotations)
            self.annotations[number] = json.loads(body)
            return 200, {"message": "Annotation added", "id": number}
        if path.startswith("/api/annotations/") and method == "PATCH":
            number = int(path.rsplit("/", 1)[1])
            if number not in self.annotations:
                return 404, {"message": "not found"}
            self.annotations[number].update(json.loads(body))
            return 200, {"message": "Annotation patched"}
        return 200, "ok"

    # As Set() and canUpdate() of Alertmanager: in place only with the same matchers and the same begin.
    def set_silence(self, new):
        now, old = time.time(), self.silences.get(new.get("id"))
        if new.get("id") and old is None:
            return 404, "not found"
        if stamp(new["endsAt"]) <= now or not new["matchers"]:
            return 400, "refused"
        if old is not None and not old["expired"]:
            if old["matchers"] == new["matchers"] and stamp(old["startsAt"]) == stamp(new["startsAt"]):
                old.update(new)
                return 200, {"silenceID": new["id"]}
            old["expired"] = True
        number = str(uuid.uuid4())
        begin = new["startsAt"] if stamp(new["startsAt"]) > now else utc(now)[:-1] + ".250Z"
        self.silences[number] = dict(new, id=number, startsAt=begin, expired=False)
        return 200, {"silenceID": number}

    def one_silence(self, method, number):
        silence = self.silences.get(number)
        if silence is None:
            return 404, "not found"
        if method == "GET":
            told = {k: v for k, v in silence.items() if k != "expired"}
            return 200, dict(told, status={"state": "expired" if silence["expired"] else "active"},
                             updatedAt=utc(time.time()))
        if silence["expired"]:
            return 500, "already expired"
        silence["expired"] = True
        return 200, ""

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Place:
    """A copy of the folder, with settings."""

    def __init__(self, hook, settings=None, conf=None, mode=0o600):
        self.folder = tempfile.mkdtemp(prefix="warden-hooks-")
        self.hook = hook
        self.work = os.path.join(self.folder, "work")
        os.mkdir(self.work)
        for name in HOOKS:
            shutil.copy2(os.path.join(FOLDER, name), self.folder)
        if settings is not None:
            path = os.path.join(self.folder, conf or hook + ".conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(settings)
            os.chmod(path, mode)

    def run(self, event, name=None, **values):
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.work}
        if event is not None:
            environment["WARDEN_EVENT"] = event
        environment.update({"WARDEN_" + k.upper(): v for k, v in values.items() if v is not None})
        return subprocess.run([os.path.join(self.folder, name or self.hook)], env=environment, cwd=self.work,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=70, check=False)

    def kept(self):
        return glob.glob(os.path.join(self.folder, f".{self.hook}.*@*"))

    def untouched(self):
        return os.listdir(self.work) == []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def details(**more):
    now = int(time.time())
    values = {"site": "shop", "id": "w-2026-1", "by": "alice", "owner": "ops", "reason": "database move",
              "change": "CHG-7", "message": "back soon", "since": utc(now - 120), "until": utc(now + 3600)}
    values.update(more)
    return values


def settings_for(hook, server, place_of_sendmail=""):
    return {
        "mail": f"to=ops@example.com\nfrom=Warden <warden@example.com>\nsendmail={place_of_sendmail}\n",
        "slack": f"# a comment\n\n  url = {server.url}/services/{SECRET}  \r\n",
        "alertmanager-silence": f"url={server.url}/\nmatchers=site=\"shop\", job=~\"web-.*\"\n",
        "grafana-annotation": f"url='{server.url}'\ntoken={SECRET}\ntags=maintenance, eu\n",
    }[hook]


def lines(result):
    return result.stderr.decode(errors="replace").splitlines()


def check_failed(name, result, word):
    said = lines(result)
    check(f"{name}: exit status 1", result.returncode == 1, (result.returncode, said))
    check(f"{name}: one clear line", len(said) == 1 and word in said[0] and ": " in said[0], said)
    check(f"{name}: nothing secret in it", SECRET not in "".join(said), said)


def check_done(name, result):
    return check(f"{name}: exit status 0, silent", result.returncode == 0 and result.stderr == result.stdout == b"",
                 (result.returncode, lines(result), result.stdout))


def check_json(name, server):
    parsed = []
    for request in server.requests:
        try:
            if request["method"] in ("POST", "PATCH"):
                parsed.append(json.loads(request["body"].decode("utf-8", "strict")))
            elif request["body"]:
                raise ValueError("a body where there should be none")
        except ValueError as error:
            check(f"{name}: JSON parses", False, (str(error), request["body"][:300]))
    check(f"{name}: every JSON parses", len(parsed) == sum(r["method"] in ("POST", "PATCH") for r in server.requests))
    return parsed


def all_hooks_without_settings():
    for hook in HOOKS:
        with Place(hook) as place:
            for event in EVENTS:
                result = place.run(event, **details())
                check(f"{hook} {event} without settings: does nothing and says so", result.returncode == 0 and
                      len(lines(result)) == 1 and lines(result)[0].startswith(f"{hook}: no {hook}.conf beside it"),
                      (result.returncode, lines(result)))
        with open(os.path.join(FOLDER, hook), encoding="utf-8") as file:
            head = file.read().splitlines()[:2]
        check(f"{hook}: POSIX sh with its licence",
              head == ["#!/bin/sh", "# SPDX-License-Identifier: MIT"] and
              os.access(os.path.join(FOLDER, hook), os.X_OK))


def sendmail_at(place, body="cat > mail.txt; printf '%s\\n' \"$@\" > arguments.txt\n"):
    path = os.path.join(place.folder, "fake-sendmail")
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + body)
    os.chmod(path, 0o755)
    return path


def settings_file():
    server = Server()
    # Each pair: settings, what the line says.
    for bad, word in (("nonsense\n", "line 1"), ("url=\n", "no url"), ("# only\n", "no url"), ("evil=1\n", "unknown"),
                      ("url=ftp://127.0.0.1/x\n", "http://"), ("url=http://a b/\n", "characters"),
                      ("url=http://a/\"x\n", "characters"), ("url=http://a\\b/\n", "characters")):
        with Place("slack", bad) as place:
            check_failed(f"settings {bad!r}", place.run("started", **details()), word)
    with Place("slack", f"url={server.url}/$(touch${{IFS}}OWNED)`touch${{IFS}}OWNED`\n") as place:
        result = place.run("started", **details())
        check("settings are not run", result.returncode == 0 and place.untouched(), lines(result))
        check("the address stays as it is", server.requests[-1]["path"].startswith("/$(touch"), server.requests[-1])
    with Place("slack", settings_for("slack", server), mode=0o644) as place:
        result = place.run("started", **details())
        check("a secret that everybody can read is warned of", result.returncode == 0 and len(lines(result)) == 1 and
              "chmod 600" in lines(result)[0], lines(result))
    for mode in (0o660, 0o602):
        with Place("slack", settings_for("slack", server), mode=mode) as place:
            check_failed(f"settings with mode {mode:o}", place.run("started", **details()), "chmod go-w")
    for hook, secret in (("mail", False), ("alertmanager-silence", True)):
        with Place(hook, settings_for(hook, server), mode=0o644) as place:
            if hook == "mail":
                settings = f"to=a@example.com\nsendmail={sendmail_at(place)}\n"
                with open(os.path.join(place.folder, "mail.conf"), "w", encoding="utf-8") as file:
                    file.write(settings)
            said = lines(place.run("started", **details()))
            check(f"{hook}: warned of only with a secret", bool(said) == secret, said)
    before = len(server.requests)
    with Place("slack", settings_for("slack", server), conf=".slack.conf") as place:
        check_done("hidden settings", place.run("started", **details()))
        check("hidden settings are used", len(server.requests) == before + 1)
        os.rename(os.path.join(place.folder, "slack"), os.path.join(place.folder, "20-slack"))
        result = place.run("started", name="20-slack", **details())
        check("another name has its own settings",
              lines(result) == ["20-slack: no 20-slack.conf beside it: nothing is sent"], lines(result))
    with Place("slack", settings_for("slack", server)) as place:
        check_failed("without an event", place.run(None), "WARDEN_EVENT")
    with Place("slack") as place:
        os.mkdir(os.path.join(place.folder, "slack.conf"))
        check_failed("settings are a folder", place.run("started"), "cannot be read")
    server.close()


def parsed_mail(place):
    with open(os.path.join(place.work, "mail.txt"), "rb") as file:
        raw = file.read()
    return raw, email.message_from_bytes(raw, policy=email.policy.default)


def body_of(message):
    return message.get_payload(decode=True).decode("utf-8")


def squeezed(text):
    return re.sub(r"\s+", "", text)


def mail():
    with Place("mail") as place:
        def settle(text):
            with open(os.path.join(place.folder, "mail.conf"), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(os.path.join(place.folder, "mail.conf"), 0o644)
        settle("to=ops@example.com, boss@example.com\nfrom=Warden <warden@example.com>\n"
               f"sendmail={sendmail_at(place)}\n")
        for event in EVENTS:
            values = details(step="copying" if event == "step" else None, result="ok" if event == "ended" else None)
            check_done(f"mail {event}", place.run(event, **values))
            _, message = parsed_mail(place)
            body = body_of(message)
            check(f"mail {event}: headers", message["To"] == "ops@example.com, boss@example.com" and
                  message["From"] == "Warden <warden@example.com>" and event in message["Subject"] and
                  "shop" in message["Subject"], message.items())
            missing = [v for v in [event, *values.values()] if v is not None and v not in body]
            check(f"mail {event}: all fields in the body", missing == [], missing)
        check("mail: plain UTF-8 text, 8bit", message.get_content_type() == "text/plain" and
              message.get_content_charset() == "utf-8" and message["Content-Transfer-Encoding"] == "8bit")
        check("mail: a date of now", abs(
            email.utils.parsedate_to_datetime(message["Date"]).timestamp() - time.time()) < 60)
        with open(os.path.join(place.work, "arguments.txt"), encoding="utf-8") as file:
            check("mail: no value in sendmail's arguments", file.read().split() == ["-i", "-t"])
        place.run("started")
        check("mail: every site", "every site" in parsed_mail(place)[1]["Subject"])
        hostile_mails(place)
        for text, word in (("from=a@example.com\n", "no to"),
                           ("to=a@example.com\nsendmail=/nonexistent\n", "no program"),
                           (f"to=a\x01b@example.com\nsendmail={sendmail_at(place)}\n", "characters"),
                           (f"to=a@example.com\nfrom=ä@example.com\nsendmail={sendmail_at(place)}\n", "characters"),
                           ("to=a@example.com\nbcc=x@example.com\n", "unknown")):
            settle(text)
            check_failed(f"mail, settings {text!r}", place.run("started", **details()), word)
        full = sendmail_at(place, "cat > /dev/null; echo queue is full >&2; echo more; exit 75")
        settle(f"to=a@example.com\nsendmail={full}\n")
        check_failed("mail, sendmail fails", place.run("started", **details()), "exit status 75: queue is full")
        settle(f"to=a@example.com\nsendmail={sendmail_at(place, 'exec 0<&-; exit 67')}\n")
        check_failed("mail, sendmail does not read", place.run("started", **details(message="x" * 100000)), "67")


def hostile_mails(place):
    for what, value in HOSTILE.items():
        for path in ("mail.txt", "arguments.txt"):
            os.remove(os.path.join(place.work, path))
        check_done(f"mail, hostile {what}", place.run("started", **{k: value for k in details()
                   if k not in ("since", "until")}, step=value, result=value))
        raw, message = parsed_mail(place)
        check(f"mail, hostile {what}: headers are only ours", [k for k in message] == [
            "To", "From", "Subject", "Date", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
            "Auto-Submitted"] and message["To"] == "ops@example.com, boss@example.com", message.items())
        head = raw.split(b"\n\n")[0].decode("ascii")
        long = [line for line in head.split("\n") if len(line) > 76]
        words = re.findall(r"=\?UTF-8\?B\?([A-Za-z0-9+/=]+)\?=", head)
        check(f"mail, hostile {what}: encoded words whole, short", long == [] and words and
              all(base64.b64decode(w, validate=True).decode("utf-8") for w in words) and
              all(len(w) <= 63 for w in words), head)
        subject = "".join(base64.b64decode(w).decode() for w in words)
        start = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", value).replace("\n", " ").replace("\t", " ")
        check(f"mail, hostile {what}: the subject says it",
              subject.startswith(f"Maintenance started: {start}"[:120]) and
              not re.search(r"[\x00-\x1f\x7f]", subject), subject)
        body = body_of(message)
        check(f"mail, hostile {what}: lines fit, no control characters",
              max(len(x) for x in raw.split(b"\n")) <= 998 and
              not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", body), body)
        check(f"mail, hostile {what}: no line looks like another field", re.findall(r"^[^ ].*?:", body, re.M) == [
            f"{x}:" for x in "Event Site Message Step Result Reason Change Owner By Id".split()], body)
        wanted = squeezed(re.sub(r"[\x00-\x1f\x7f]", " " if what == "newlines" else "", value))
        check(f"mail, hostile {what}: nothing is lost", squeezed(body).count(wanted) >= 9 or
              what == "control" and "abcd ef" in body, body)
        check(f"mail, hostile {what}: nothing was run", sorted(os.listdir(place.work)) == ["arguments.txt", "mail.txt"],
              os.listdir(place.work))
    with subprocess.Popen([os.path.join(place.folder, "mail")], cwd=place.work, env={
            b"PATH": b"/usr/bin:/bin", b"WARDEN_EVENT": b"started",
            b"WARDEN_REASON": b"a\xff\xc3(\xed\xa0\x80\xf5z"}) as process:
        process.wait()
    check("mail, no UTF-8: is made so", "a\ufffd\ufffd(" in body_of(parsed_mail(place)[1]), parsed_mail(place)[0])


def slack():
    server = Server()
    with Place("slack", settings_for("slack", server)) as place:
        for event in EVENTS:
            values = details(step="copying" if event == "step" else None, result="ok" if event == "ended" else None)
            server.requests.clear()
            check_done(f"slack {event}", place.run(event, **values))
            request = server.requests[0] if len(server.requests) == 1 else {}
            check(f"slack {event}: one request", request.get("method") == "POST" and
                  request["path"] == f"/services/{SECRET}" and
                  request["headers"]["Content-Type"] == "application/json", request)
            text = check_json(f"slack {event}", server)[0]
            missing = [v for v in [event, *values.values()] if v is not None and v not in text["text"]]
            check(f"slack {event}: all fields", list(text) == ["text"] and missing == [], (text, missing))
        check_hostile_json(place, server, lambda bodies: bodies[0]["text"], 8)
        server.requests.clear()
        subprocess.run([os.path.join(place.folder, "slack")], check=False, cwd=place.work, env={
            b"PATH": b"/usr/bin:/bin", b"WARDEN_EVENT": b"step",
            b"WARDEN_STEP": b"a\xff\xc3(\xed\xa0\x80\xc0\xaf\xf5z\xe2\x82"})
        check("slack, no UTF-8: is made so", "a\ufffd\ufffd(" in check_json("slack, no UTF-8", server)[0]["text"])
        server.requests.clear()
        server.statuses = [503]
        check_done("slack, one bad answer is tried again", place.run("started", **details()))
        check("slack: twice", len(server.requests) == 2)
        server.statuses = [302]
        check_failed("slack, a redirect is no success", place.run("started", **details()), "answered 302")
        server.statuses = [404]
        check_failed("slack, 404", place.run("started", **details()), "answered 404")
    check_broken("slack", server)


def check_hostile_json(place, server, texts, at_least):
    for what, value in HOSTILE.items():
        server.requests.clear()
        place_values = {k: value for k in details() if k not in ("since", "until", "site")}
        event = "started" if place.hook != "slack" else "step"
        check_done(f"{place.hook}, hostile {what}", place.run(event, **place_values, step=value, result=value,
                   site=value))
        text = texts(check_json(f"{place.hook}, hostile {what}", server))
        if place.hook != "alertmanager-silence":
            check(f"{place.hook}, hostile {what}: no markup", not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text), text)
            text = html.unescape(text)
        check(f"{place.hook}, hostile {what}: arrives whole", text.count(value.rstrip("\n")) >= at_least, text[:300])
        check(f"{place.hook}, hostile {what}: nothing was run", place.untouched(), os.listdir(place.work))


def check_broken(hook, server):
    server.delay, server.statuses, server.status = None, [], 500
    with Place(hook, settings_for(hook, server)) as place:
        server.requests.clear()
        check_failed(f"{hook}, the server answers 500", place.run("started", **details()), "answered 500")
        check(f"{hook}: tried three times, no more", len(server.requests) == 3, len(server.requests))
        check(f"{hook}: nothing is kept of a failure", place.kept() == [], place.kept())
    server.close()
    with Place(hook, settings_for(hook, server)) as place:
        check_failed(f"{hook}, nothing listens", place.run("started", **details()), "(7)")
    with socket.socket() as listener:                # accepts, never answers: the time limit ends it
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if hook == "slack":
            with Place(hook, settings_for(hook, server)) as place:
                began = time.time()
                check_failed(f"{hook}, the server hangs", place.run("started", **details()), "(28)")
                check(f"{hook}: ends before the 60 s that a hook has", time.time() - began < 50, time.time() - began)


def alertmanager():
    server = Server()
    settings = settings_for("alertmanager-silence", server)
    now = int(time.time())
    with Place("alertmanager-silence", settings) as place:
        for event in ("planned", "step", "overrun"):
            check_done(f"silence {event}", place.run(event, **details()))
        check("silence: other events do nothing", server.requests == [] and place.kept() == [])
        check_done("silence started", place.run("started", **details()))
        body = check_json("silence started", server)[0]
        first = list(server.silences)[0]
        check("silence: matchers", body["matchers"] == [
            {"name": "site", "value": "shop", "isRegex": False, "isEqual": True},
            {"name": "job", "value": "web-.*", "isRegex": True, "isEqual": True}], body)
        check("silence: until and 10 minutes", abs(stamp(body["endsAt"]) - now - 3600 - 600) < 30, body)
        check("silence: begins now, not before", abs(stamp(body["startsAt"]) - now) < 30, body)
        check("silence: who and why", body["createdBy"] == "alice" and "id" not in body and all(
            word in body["comment"] for word in ("shop", "database move", "CHG-7", "w-2026-1")), body)
        kept = place.kept()
        check("silence: its id is kept, for us alone", len(kept) == 1 and os.stat(kept[0]).st_mode & 0o777 == 0o600 and
              first in open(kept[0], encoding="utf-8").read(), kept)
        time.sleep(1.1)
        server.requests.clear()
        check_done("silence extended", place.run("extended", **details(until=utc(now + 7200))))
        body = check_json("silence extended", server)[0]
        check("silence extended: the same one", body.get("id") == first and list(server.silences) == [first], body)
        check("silence extended: holds longer", abs(stamp(server.silences[first]["endsAt"]) - now - 7800) < 30,
              server.silences)
        server.requests.clear()
        check_done("silence extended without an end", place.run("extended", **details(until=None)))
        check("silence extended without an end has one", abs(stamp(server.silences[first]["endsAt"]) - now - 7200) < 30,
              server.silences)
        result = place.run("ended", **details(site="blog"))
        check("silence: another site's end does not end it", result.returncode == 0 and "no silence is kept" in
              "".join(lines(result)) and not server.silences[first]["expired"], lines(result))
        server.requests.clear()
        check_done("silence ended", place.run("ended", **details(result="ok")))
        check("silence ended: the same one is deleted",
              [r["path"] for r in server.requests if r["method"] == "DELETE"] ==
              [f"/api/v2/silence/{first}"] and server.silences[first]["expired"], server.requests)
        check("silence ended: nothing is kept", place.kept() == [], place.kept())
        check_json("silence ended", server)
    silence_ends(server, settings)
    silence_gone(server, settings)
    silence_matchers(server)
    with Place("alertmanager-silence", settings) as place:
        check_hostile_json(place, server, lambda bodies: bodies[0]["comment"] + bodies[0]["createdBy"], 3)
        check("silence, hostile ids: a hidden file each, plain names", len(place.kept()) == len(HOSTILE) and all(
              re.fullmatch(r"\.alertmanager-silence\.[A-Za-z0-9_=-]+@[A-Za-z0-9_=-]+", os.path.basename(f))
              for f in place.kept()), place.kept())
    check_broken("alertmanager-silence", server)


def silence_ends(server, settings):
    now = int(time.time())
    for what, more, values, length in (
            ("no until", "", {"until": None}, 7200), ("no until, max", "max=30m\n", {"until": None}, 1800),
            ("nothing but an event", "", {"until": None, "since": None, "id": None, "by": None}, 7200),
            ("margin", "margin=1h\n", {}, 7200), ("margin 0", "margin=0s\n", {}, 3600),
            ("starts later, no until", "", {"since": utc(now + 600), "until": None}, 7800),
            ("until is over", "", {"until": utc(now - 5000)}, 660)):
        with Place("alertmanager-silence", settings + more) as place:
            server.requests.clear()
            check_done(f"silence, {what}", place.run("started", **details(**values)))
            body = check_json(f"silence, {what}", server)[0]
            check(f"silence, {what}: has its end", abs(stamp(body["endsAt"]) - int(time.time()) - length) < 30, body)
    for what, more, values, word in (
            ("margin without a unit", "margin=10\n", {}, "margin is like"),
            ("margin is no time", "margin=m\n", {}, "margin"),
            ("max 0", "max=0m\n", {"until": None}, "max is 0"),
            ("max overflows", "max=99999999999999999999d\n", {}, "max is"),
            ("until is no time", "", {"until": "$(touch OWNED)"}, "is no time"),
            ("no state folder", "state=/nonexistent\n", {}, "state folder")):
        with Place("alertmanager-silence", settings + more) as place:
            server.requests.clear()
            check_failed(f"silence, {what}", place.run("started", **details(**values)), word)
            check(f"silence, {what}: none is made", server.requests == [] and place.untouched())
    with Place("alertmanager-silence", settings + "state=work\n") as place:
        check_done("silence, state folder", place.run("started", **details()))
        check("silence: kept there", len(glob.glob(os.path.join(place.work, ".alert*"))) == 1 and place.kept() == [])


def silence_gone(server, settings):
    with Place("alertmanager-silence", settings) as place:
        place.run("started", **details())
        number = list(server.silences)[-1]
        server.silences[number]["expired"] = True
        check_done("silence extended after its end", place.run("extended", **details()))
        again = list(server.silences)[-1]
        check("silence extended after its end: a new one", again != number and not server.silences[again]["expired"])
        del server.silences[again]
        check_done("silence extended, unknown there", place.run("extended", **details()))
        third = list(server.silences)[-1]
        check("silence extended, unknown there: a new one", third not in (number, again))
        server.statuses = [500, 500, 500]
        check_failed("silence ended, 500", place.run("ended", **details()), "answered 500")
        check("silence ended, 500: still kept", len(place.kept()) == 1)
        server.statuses = [None, 500, 500, 500]
        check_failed("silence ended, 500 to the DELETE", place.run("ended", **details()), "answered 500")
        check("silence ended, 500 to the DELETE: still kept", len(place.kept()) == 1)
        server.silences[third]["expired"] = True
        check_done("silence ended, expired already", place.run("ended", **details()))
        check("silence ended, expired already: not kept", place.kept() == [])
        place.run("started", **details())
        fourth = list(server.silences)[-1]
        check_done("silence started again", place.run("started", **details()))
        check("silence started again: no second one", list(server.silences)[-1] == fourth)
        check_done("silence ended without an id", place.run("ended", site="shop"))
        check("silence ended without an id: the site's", server.silences[fourth]["expired"] and place.kept() == [])
        place.run("started", **details(id=None))
        fifth = list(server.silences)[-1]
        check_done("silence begun without an id, ended with one", place.run("ended", **details()))
        check("silence begun without an id is ended", fifth != fourth and server.silences[fifth]["expired"])
        place.run("started", **details())
        sixth = list(server.silences)[-1]
        place.run("ended", **details(id="other"))
        check("silence: another maintenance's end does not end it", not server.silences[sixth]["expired"])
        with open(place.kept()[0], "w", encoding="utf-8") as file:
            file.write("../../x?y\n")
        server.requests.clear()
        check_failed("silence, what is kept is no id", place.run("ended", **details()), "holds no id")
        check("silence, what is kept is no id: is not asked for", server.requests == [])


def silence_matchers(server):
    for bad in ("", None, "site", "site=shop", "site=\"\"", "site=~\".*\"", "site=~\".+\"", "site!=\"shop\"",
                "site=~\"shop|.*\"", "site=~\"(.*|shop)\"", "site=~\"(shop)?.*\"", "site=~\"s*\"", "site=~\"[^a]*\"",
                "site=~\"\\\\w+\"", "site!~\"shop\"", "site=\"shop\" job=\"x\"", "site=\"shop", "=\"x\"",
                "site=~\"^.{0,}$\"", "si te=\"shop\"", ", site=\"shop\""):
        text = "" if bad is None else f"matchers={bad}\n"
        with Place("alertmanager-silence", f"url={server.url}\n" + text) as place:
            server.requests.clear()
            check_failed(f"silence, matchers {bad!r}", place.run("started", **details()), "matchers")
            check(f"silence, matchers {bad!r}: none is made", server.requests == [] and place.kept() == [])
    for good, site, value in (("site=\"{site}\"", "shop", "shop"),
                              ("site=\"{site}\"", "a\"b\\c{site}", "a\"b\\c{site}"),
                              ("site=~\"{site}-.*\"", "shop.example", "shop\\.example-.*"),
                              ("site=\"a,b\\\"c\\\\d\"", "shop", "a,b\"c\\d"), ("'site=\"ü\"'", "shop", "ü"),
                              ("site =~ \"shop|blog\" , env!=\"test\"", "shop", "shop|blog")):
        with Place("alertmanager-silence", f"url={server.url}\nmatchers={good}\n") as place:
            server.requests.clear()
            check_done(f"silence, matchers {good!r} of {site!r}", place.run("started", **details(site=site)))
            body = check_json("silence, matchers", server)
            check(f"silence, matchers {good!r} of {site!r}: as meant", body and
                  body[0]["matchers"][0]["value"] == value and
                  body[0]["matchers"][0]["name"] == "site", body)
    with Place("alertmanager-silence", f"url={server.url}\nmatchers=site=\"{{site}}\"\n") as place:
        server.requests.clear()
        check_failed("silence, {site} and every site", place.run("started", **details(site=None)), "every site")
        check("silence, {site} and every site: none is made", server.requests == [])
    with Place("alertmanager-silence", f"url={server.url}\nmatchers=job=\"x\"\nsites=blog, shop\n") as place:
        for site, meant in (("shop", 1), ("blog", 1), ("wiki", 0), (None, 1)):
            server.requests.clear()
            check_done(f"silence, sites and {site}", place.run("started", **details(site=site)))
            check(f"silence, sites and {site}: only those", len(server.requests) == meant)


def grafana():
    server = Server()
    settings = settings_for("grafana-annotation", server)
    now = int(time.time())
    with Place("grafana-annotation", settings) as place:
        for event in ("planned", "extended", "overrun"):
            check_done(f"grafana {event}", place.run(event, **details()))
        check("grafana: other events do nothing", server.requests == [] and place.kept() == [])
        check_done("grafana started", place.run("started", **details(since=utc(now - 120))))
        request = server.requests[0]
        body = check_json("grafana started", server)[0]
        check("grafana started: an annotation", request["method"] == "POST" and
              request["path"] == "/api/annotations" and
              sorted(body) == ["tags", "text", "time"] and body["time"] == (now - 120) * 1000 and
              body["tags"] == ["maintenance", "eu", "shop"] and "database move" in body["text"], body)
        check("grafana: the token", request["headers"]["Authorization"] == f"Bearer {SECRET}", request["headers"])
        number = list(server.annotations)[0]
        check("grafana: its id is kept, for us alone", len(place.kept()) == 1 and
              os.stat(place.kept()[0]).st_mode & 0o777 == 0o600)
        server.requests.clear()
        check_done("grafana step", place.run("step", **details(step="copying")))
        body = check_json("grafana step", server)[0]
        check("grafana step: a point now", "timeEnd" not in body and abs(body["time"] / 1000 - time.time()) < 30 and
              "copying" in body["text"] and len(place.kept()) == 1, body)
        server.requests.clear()
        check_done("grafana ended", place.run("ended", **details(result="ok")))
        check("grafana ended: the same one is a region", [(r["method"], r["path"]) for r in server.requests] ==
              [("PATCH", f"/api/annotations/{number}")] and
              abs(server.annotations[number].get("timeEnd", 0) / 1000 - time.time()) < 30 and
              server.annotations[number]["time"] == (now - 120) * 1000, server.annotations)
        check("grafana ended: nothing is kept", place.kept() == [])
        check_json("grafana ended", server)
        result = place.run("ended", **details())
        check("grafana ended again: nothing to end", result.returncode == 0 and "no annotation is kept" in
              "".join(lines(result)), lines(result))
        server.requests.clear()
        check_done("grafana started, only an event", place.run("started"))
        body = check_json("grafana, bare", server)[0]
        check("grafana started, only an event: now, no site tag", abs(body["time"] / 1000 - time.time()) < 30 and
              server.annotations[max(server.annotations)]["tags"] == ["maintenance", "eu"])
        server.statuses = [500, 500, 500]
        check_failed("grafana ended, 500", place.run("ended"), "answered 500")
        check("grafana ended, 500: still kept", len(place.kept()) == 1)
        server.annotations.clear()
        check_failed("grafana ended, removed there", place.run("ended"), "answered 404")
        check("grafana ended, removed there: not kept", place.kept() == [])
        check_hostile_json(place, server, lambda bodies: bodies[0]["text"], 4)
        server.requests.clear()
        place.run("started", **details(site="a\"b"))
        check("grafana: a hostile site is one tag", check_json("grafana, tag", server)[0]["tags"][-1] == "a\"b")
    for bad, word in ((f"url={server.url}\n", "no token"), (f"url={server.url}\ntoken=a\"b\n", "characters"),
                      (f"token={SECRET}\n", "no url")):
        with Place("grafana-annotation", bad) as place:
            check_failed(f"grafana, settings {bad!r}", place.run("started", **details()), word)
    check_broken("grafana-annotation", server)


def command_lines():
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                found.append(file.read())
        except OSError:
            pass
    return found


def secrets_in_command_lines():
    for hook, event in (("slack", "started"), ("alertmanager-silence", "started"), ("grafana-annotation", "started"),
                        ("alertmanager-silence", "ended"), ("grafana-annotation", "ended")):
        server = Server()
        seen = []

        def look():
            time.sleep(0.2)
            seen.extend(command_lines())

        with Place(hook, settings_for(hook, server)) as place:
            if event == "ended":
                place.run("started", **details())
            server.delay = look
            check_done(f"{hook} {event} while it is watched", place.run(event, **details(message="Sec-ret-message",
                       reason="Sec-ret-message")))
        port = server.url.rsplit(":", 1)[1].encode()
        curls = [c for c in seen if c.split(b"\0")[0].endswith(b"curl")]
        check(f"{hook} {event}: curl was seen", curls != [])
        check(f"{hook} {event}: neither address, token nor text in any command line", not any(
            word in c for c in seen for word in (SECRET.encode(), b"127.0.0.1:" + port, b"Sec-ret-message")),
            [c for c in seen if SECRET.encode() in c or port in c])
        server.close()
    # The look itself finds one that is there.
    with subprocess.Popen(["/bin/sh", "-c", "read until_killed", SECRET], stdin=subprocess.PIPE) as process:
        found, deadline = False, time.time() + 3
        while not found and time.time() < deadline:
            found = any(SECRET.encode() in c for c in command_lines())
        check("a secret in a command line would be found", found)
        process.kill()


def main():
    for part in (all_hooks_without_settings, settings_file, mail, slack, alertmanager, grafana,
                 secrets_in_command_lines):
        try:
            part()
        except Exception as error:          # a part that breaks off is a failure, and the others still run
            check(f"{part.__name__} breaks off at line {error.__traceback__.tb_next.tb_lineno}", False, repr(error))
    print(f"hooks: {counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] > 0 else 0


if __name__ == "__main__":
    raise SystemExit(main())
