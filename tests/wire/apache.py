# SPDX-License-Identifier: MIT
"""Apache: native gate in the server's configuration, and .htaccess with a CGI."""
import os
import shutil

from harness import Folder, free_port, port_open, program, request, wait_until

MODULES = "/usr/lib/apache2/modules"
BASE = """
ServerRoot {path}
PidFile {path}/apache.pid
Listen 127.0.0.1:{port}
ServerName site.example
ErrorLog {path}/log/apache
LogLevel warn
Mutex file:{path}/tmp default
# Apache's own 404 would hide whether the gate holds
AllowEncodedSlashes On
{modules}
{user}
DocumentRoot {path}/www
<Directory {path}/www>
  Require all granted
  Options FollowSymLinks
  AllowOverride FileInfo
</Directory>
DirectoryIndex index.html
{gate}
"""
APPLICATIONS = """
<FilesMatch "\\.php$">
  SetHandler "proxy:unix:{php}|fcgi://localhost"
</FilesMatch>
ProxyPass "/up/" "http://127.0.0.1:{echo}/up/" upgrade=websocket
"""

class Way:
    webhooks = ("/api/webhooks/echo.php",)
    open_paths = ("/health", "/robots.txt")
    checks = ()
    asks = False                # the headers are Apache's to judge
    ticket_files = True
    dot_paths = True
    modules = ("mpm_event", "authz_core", "rewrite", "proxy", "proxy_http", "proxy_fcgi", "dir")

    def __init__(self, folder: Folder):
        self.folder, self.port = folder, free_port()
        binary = program("apache2", "apache2")
        modules = "\n".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in self.modules)
        user = "User www-data\nGroup www-data" if folder.drops_root else ""
        conf = BASE.format(path=folder.path, port=self.port, modules=modules, user=user, gate=self.gate())
        process = folder.spawn("apache-start", [*folder.as_www_data, binary, "-DFOREGROUND", "-f",
                                                folder.write("apache.conf", conf)])
        wait_until(lambda: port_open(self.port), "apache", process)

    def without_users(self):
        """Of verified users a native gate knows nothing, and wardenctl refuses the INI that names some."""
        text = open(self.folder.file("warden.ini")).read()
        self.folder.write("warden.ini", text.replace("bypass_user = anna\n", ""))

    def site(self):
        return APPLICATIONS.format(php=self.folder.start_php(), echo=self.folder.start_echo())


class Native(Way):
    name = "apache-native"
    kind = "apache"
    applications = ("/echo.php", "/up/echo")
    gone_off, gone_on = 200, 503

    def gate(self):
        self.without_users()
        self.folder.start_gateway()
        return self.folder.made(self.kind)["maintenance-warden.conf"] + self.site()

    def kill_gateway(self):
        self.folder.stop(self.folder.gateway)


def check_folder(checks, way):
    """A folder with rewriting of its own must not lose the gate."""
    r = request(way.port, "/sub/page")
    checks.that("held: a folder with its own rewriting", r.status == 503, r)


class Htaccess(Way):
    name = "apache-htaccess"
    kind = "htaccess"
    applications = ("/echo.php",)
    modules = Way.modules + ("cgid", "alias")
    checks = (check_folder,)
    gone_off, gone_on = 200, 503

    def gate(self):
        folder = self.folder
        self.without_users()
        shutil.copy(folder.gateway_binary, folder.file("cgi-bin/maintenance-warden.cgi"))
        folder.write("cgi-bin/warden.ini", open(folder.file("warden.ini")).read())
        folder.write("www/.htaccess", folder.made(self.kind)[".htaccess"])
        folder.write("www/sub/.htaccess", "RewriteEngine On\nRewriteRule ^page$ /other.txt [L]\n")
        return self.site() + f"""
ScriptSock {folder.file("tmp")}/cgid
ScriptAlias /cgi-bin/ {folder.file("cgi-bin")}/
<Directory {folder.file("cgi-bin")}>
  Require all granted
</Directory>
"""

    def kill_gateway(self):
        os.unlink(self.folder.file("cgi-bin/maintenance-warden.cgi"))


WAYS = (Native, Htaccess)
