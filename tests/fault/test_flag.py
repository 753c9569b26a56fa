# SPDX-License-Identifier: MIT
"""Whatever stands where the flag should be, the documented verdict is given."""
import os

import harness

# what stands there: how to make it, and whether maintenance is on by it
STATES = {
    "nothing": (lambda path: None, False),
    "an empty file": (lambda path: open(path, "wb").close(), True),
    "50 MB": (lambda path: open(path, "wb").truncate(50_000_000), True),
    "a FIFO": (os.mkfifo, True),
    "a folder": (os.mkdir, True),
    "a link to a file": (lambda path: os.symlink("/etc/hostname", path), True),
    "a dangling link": (lambda path: os.symlink("nowhere", path), False),
}


def run(checks, options):
    """Each state of the flag, over FastCGI."""
    for what, (make, on) in STATES.items():
        folder = harness.Folder(options)
        try:
            folder.write_ini()
            folder.start_gateway()
            checks.equal("off before", folder.status(), 200)
            make(folder.flag)
            checks.equal(what, folder.status(), 503 if on else 200)
        finally:
            folder.close()
