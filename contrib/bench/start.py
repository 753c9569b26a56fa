# SPDX-License-Identifier: MIT
"""The start of a CGI, from fork to the last byte and the end, beside the least that a CGI can do."""
import json
import subprocess

from common import WrongAnswers, built, compiled, network
from figures import Figure

COUNT = 200                     # starts in a round
RULES = 50                      # networks, and as many paths, in the INI itself


def load(program, env, count):
    done = subprocess.run([built("cgi_load"), str(count), "503", program], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise WrongAnswers(f"{program}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)["us"]


def write_ini(bench):
    networks = ", ".join(network(i) for i in range(RULES))
    paths = ", ".join(f"/page-{i}/" for i in range(RULES))
    return bench.write("warden.ini", f"[gateway]\nstate_dir = {bench.path('state')}\n[site]\ntitle = Maintenance\n"
                       f"bypass_address = {networks}\nopen_path = {paths}\nretry_after_jitter = 0\n")


def cold(bench):
    """A held page with 100 rules.  Both programs are static."""
    config = write_ini(bench)
    bench.touch()
    program, peer = bench.static(), compiled("peers/page_cgi.c", "-static")
    compiled("cgi_load.c")
    env = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/x", "REMOTE_ADDR": "192.0.2.7",
           "HTTP_HOST": "shop.example.com", "HTTP_ACCEPT": "text/html", "WARDEN_CONFIG": config}
    answer = bench.write("answer", subprocess.run([program], env=env, stdout=subprocess.PIPE, check=True).stdout)
    other = {**env, "BENCH_FLAG": bench.path("state/maintenance.flag"), "BENCH_ANSWER": answer}
    count = 20 if bench.quick else COUNT
    yield Figure("cgi", "a start, held, 100 rules", "a minimal static C CGI", 2.0, least=False, unit="us").measure(
        bench, lambda: load(program, env, count), lambda: load(peer, other, count))
