# SPDX-License-Identifier: MIT
"""What is measured beside: each starts one peer that answers with `answer` (head and page) and gives its address."""
import os
import shutil
import subprocess

from common import HERE, Missing, built, compiled, free_port, tool

FLAG = "state/maintenance.flag"


def source(name):
    return os.path.join(HERE, "peers", name)


def raw(bench):
    """The limit of the machine."""
    compiled("peers/raw.c", "-lpthread")
    bench.start([built("raw"), bench.path("raw.sock"), bench.answer()], bench.path("raw.sock"))
    return bench.path("raw.sock")


def libfcgi(bench, answer=None, threads=64):
    """`answer` "-": an authorizer that always says 200."""
    compiled("peers/libfcgi.c", "-lfcgi", "-lpthread")
    path = bench.path("libfcgi.sock")
    bench.start([built("libfcgi"), path, str(threads), answer or bench.answer()], path)
    os.chmod(path, 0o666)
    return path


def go_handler():
    target = built("handler")
    go = tool("go", "golang-go")
    if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source("handler.go")):
        subprocess.run([go, "build", "-o", target, source("handler.go")], check=True,
                       env={**os.environ, "GO111MODULE": "off"})
    return target


def go_fcgi(bench):
    path = bench.path("go.sock")
    bench.start([go_handler(), "fcgi", path, bench.body(), bench.path(FLAG)], path)
    return path


def go_http(bench, body):
    port = free_port()
    bench.start([go_handler(), "http", f"127.0.0.1:{port}", body, bench.path(FLAG)], port)
    return port


def microhttpd(bench, answer):
    compiled("peers/http.c", "-lmicrohttpd")
    port = free_port()
    bench.start([built("http"), str(port), str(os.cpu_count()), answer], port)
    return port


def perl(bench):
    path = bench.path("perl.sock")
    if subprocess.run([tool("perl", "perl"), "-MFCGI", "-e", "1"], stderr=subprocess.DEVNULL).returncode != 0:
        raise Missing("Perl's FCGI is missing: apt-get install libfcgi-perl")
    bench.start([tool("perl", "perl"), source("page.pl"), path, bench.body(), bench.path(FLAG)], path)
    return path



def php(bench):
    path = bench.path("php.sock")
    before, gives_up = bench.without_root()
    user = "user = www-data\ngroup = www-data\n" if gives_up else ""
    conf = bench.write("php.conf", f"[global]\nerror_log = {bench.path('log/php')}\ndaemonize = no\n[www]\n{user}"
                       f"listen = {path}\nlisten.mode = 0666\npm = static\npm.max_children = 8\n"
                       f"env[BENCH_FLAG] = {bench.path(FLAG)}\nenv[BENCH_ANSWER] = {bench.body()}\n")
    bench.start([*before, tool("php-fpm8.2", "php8.2-fpm"), "-F", "-y", conf, "-d", "opcache.enable=1"], path)
    return path, shutil.copy(source("page.php"), bench.path("page.php"))


def fcgiwrap(bench):
    """It hands each request to a CGI that it starts."""
    path = bench.path("wrap.sock")
    program = compiled("peers/page_cgi.c")
    env = {**os.environ, "BENCH_FLAG": bench.path(FLAG), "BENCH_ANSWER": bench.answer()}
    bench.start([tool("fcgiwrap", "fcgiwrap"), "-c", "8", "-s", "unix:" + path], path, env=env)
    return path, program
