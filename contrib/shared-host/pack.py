#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs the kit for shared hosts, as .tar.gz and .zip: the same files give the same bytes.

pack.py --program CGI --version VERSION --machine NAME --output FOLDER
"""
import argparse
import gzip
import io
import os
import tarfile
import time
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH") or 1767225600)         # 2026-01-01


def template(name, **words):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        text = f.read()
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def kit(options):
    """Mode and content by path; a path that ends in "/" is a folder.  No folder of the state can be listed."""
    words = {"VERSION": options.version, "MACHINE": options.machine}
    rules = template("htaccess", **words)
    with open(options.program, "rb") as f:
        program = f.read()
    return {
        "": (0o755, None),
        "README.txt": (0o644, template("README.txt", **words)),
        "LICENSE.txt": (0o644, template("../../LICENSE")),
        "htaccess.txt": (0o644, rules),
        "ticket.html": (0o644, template("ticket.html")),
        "cgi-bin/": (0o755, None),
        "cgi-bin/maintenance-warden.cgi": (0o755, program),
        "cgi-bin/warden.ini": (0o644, template("warden.ini")),
        "cgi-bin/page.html": (0o644, template("page.html")),
        "maintenance-warden/": (0o711, None),
        "maintenance-warden/.htaccess": (0o644, template("state.htaccess")),
        "maintenance-warden/maintenance.flag.off": (0o644, template("maintenance.flag.off")),
        "maintenance-warden/tickets/": (0o711, None),
        "maintenance-warden/tickets/any/": (0o711, None),
        "maintenance-warden/tickets/any/example.off": (0o644, template("ticket.off")),
        "web-root/": (0o755, None),
        "web-root/.htaccess": (0o644, rules),
    }


def write_tar(path, folder, files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (mode, content) in sorted(files.items()):
            info = tarfile.TarInfo(f"{folder}/{name}".rstrip("/"))
            info.mode, info.mtime = mode, EPOCH
            if content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content or b""))
    with open(path, "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=EPOCH) as packed:
        packed.write(data.getvalue())


def write_zip(path, folder, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (mode, content) in sorted(files.items()):
            info = zipfile.ZipInfo(f"{folder}/{name}", time.gmtime(EPOCH)[:6])
            info.create_system = 3      # Unix: the modes count
            info.external_attr = ((0o040000 if content is None else 0o100000) | mode) << 16
            info.external_attr |= 0x10 if content is None else 0
            info.compress_type = zipfile.ZIP_STORED if content is None else zipfile.ZIP_DEFLATED
            archive.writestr(info, content or b"", compresslevel=9)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("program", "version", "machine", "output"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    folder = f"maintenance-warden-shared-host-{options.version}"
    files = {name: (mode, content.encode() if isinstance(content, str) else content)
             for name, (mode, content) in kit(options).items()}
    for ending, write in ((".tar.gz", write_tar), (".zip", write_zip)):
        path = os.path.join(options.output, folder + ending)
        write(path + ".new", folder, files)
        os.replace(path + ".new", path)
        print(path)


if __name__ == "__main__":
    main()
