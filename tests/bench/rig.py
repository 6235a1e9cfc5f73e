"""What is measured and what measures it: avouch, nginx, the tools, and how processes are looked at."""
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests/support"))

PEOPLE = 64
START_S = 20
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/.well-known/jwks.json"
REDIRECT_URI = "https://app.example.com/callback"
SECRET = "a-secret-of-more-than-24-characters-for-all"
NAME = "idp.tail1234.ts.net"


def median(values):
    return statistics.median(values)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """Of all threads, what /proc/PID/stat counts as utime and stime, without its ticks."""
    return time.clock_gettime((~pid << 3) | 2)


def memory(pid):
    """Bytes of RSS by what is mapped, summed up: the database's pages apart, and those."""
    ours = database = 0
    here = 0
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                here = line.rstrip().endswith("data.mdb")
            elif line.startswith("Rss:"):
                rss = int(line.split()[1]) * 1024
                ours, database = (ours, database + rss) if here else (ours + rss, database)
    return ours, database


class Rig:
    """The build, a directory to work in, and what was started."""

    def __init__(self, build, work):
        self.build, self.work = os.path.abspath(build), work
        self.avouch = os.path.join(self.build, "src/app/avouch")
        self.started = []

    def tool(self, name, *arguments, **more):
        """Runs one of ours; its lines of JSON."""
        command = [os.path.join(self.build, "tests/bench", name), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)[:400]}\n{done.stderr.strip()[-2000:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def start(self, command, log, **more):
        with open(os.path.join(self.work, log), "ab") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **more)
        self.started.append(process)
        return process

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        process.wait()
        self.started.remove(process)

    def end(self):
        for process in list(self.started):
            self.stop(process)

    def path(self, name):
        return os.path.join(self.work, name)

    def sign(self, algorithm, seconds):
        """CPU seconds of a bare signature."""
        r = self.tool("sign", algorithm, seconds)[0]
        return r["cpu_s"] / r["n"]


def get(port, path, host):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=5) as r:
        return r.read(), dict(r.headers)


def wait_until(what, holds):
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"{what}: not within {START_S} s")


class Server:
    """avouch in development mode, with made-up people, over plain HTTP. Its state outlives it."""

    def __init__(self, rig, name, environment=None):
        self.rig, self.state, self.port = rig, rig.path(name), free_port()
        self.host = f"localhost:{self.port}"
        self.environment = {**os.environ, **(environment or {})}
        self.command = [rig.avouch, "serve", "--dev", "--listen", f"127.0.0.1:{self.port}", "--state", self.state]
        for i in range(PEOPLE):
            self.command += ["--dev-user", f"p{i + 1}@example.com"]

    def start(self):
        self.process = self.rig.start(self.command, "avouch.log", env=self.environment)
        wait_until("avouch has both keys", lambda: get(self.port, JWKS, self.host)[0].count(b'"kid"') >= 2)
        return self

    def stop(self):
        self.rig.stop(self.process)

    def add_client(self, algorithm):
        with open(self.rig.path("secret"), "w", encoding="utf-8") as f:
            f.write(SECRET)
        subprocess.run([self.rig.avouch, "client", "add", "--dev", "--state", self.state, "--client-id", algorithm, "--name", algorithm,
                        "--redirect-uri", REDIRECT_URI, "--id-token-alg", algorithm, "--secret-file", self.rig.path("secret"), "--json"],
                       check=True, stdout=subprocess.DEVNULL)

    def load(self, *arguments):
        return self.rig.tool("load", "--port", self.port, "--host", self.host, "--pid", self.process.pid, "--sources", PEOPLE,
                             "--secret", SECRET, *arguments)

    def load_start(self):
        """Milliseconds from exec to the first answer."""
        result = self.rig.tool("load", "--port", self.port, "--host", self.host, "start", "--", *self.command, env=self.environment)
        return result[0]["wall_s"] * 1000

    def get(self, path, seconds, *arguments):
        return self.load("--connections", 64, "--seconds", seconds, *arguments, "get", path)[0]


NGINX = """
worker_processes 1;
daemon off;
pid {work}/nginx.pid;
error_log {work}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f; uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
    ssl_certificate {work}/tls.crt;
    ssl_certificate_key {work}/tls.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        default_type application/json;
        {locations}
    }}
}}
"""
LOCATION = "location = {path} {{ {headers} return 200 '{body}'; }}\n"


class Nginx:
    """One worker that answers the same bytes with the same headers as avouch does, in its quickest way: from its configuration."""

    def __init__(self, rig, server):
        self.rig, self.port, self.tls_port = rig, free_port(), free_port()
        locations = ""
        for path in (DISCOVERY, JWKS):
            body, headers = get(server.port, path, server.host)
            names = ("x-content-type-options", "access-control-allow-origin", "cache-control", "etag")
            locations += LOCATION.format(path=path, body=body.decode(), headers=" ".join(f"add_header {n} '{headers[n]}';" for n in names))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7",
                        "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", rig.path("tls.key"),
                        "-out", rig.path("tls.crt")], check=True, stderr=subprocess.DEVNULL)
        with open(rig.path("nginx.conf"), "w", encoding="utf-8") as f:
            f.write(NGINX.format(work=rig.work, port=self.port, tls_port=self.tls_port, locations=locations))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = rig.start([program, "-c", rig.path("nginx.conf"), "-e", rig.path("nginx.log")], "nginx.log")
        wait_until("nginx answers", lambda: get(self.port, DISCOVERY, "x")[0])
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="utf-8") as f:
            self.worker = int(f.read().split()[0])

    def get(self, path, seconds):
        return self.rig.tool("load", "--port", self.port, "--host", NAME, "--pid", self.worker, "--connections", 64, "--seconds", seconds,
                             "get", path)[0]


def wrk(pid, port, seconds, *headers):
    """CPU seconds of an answer over TLS."""
    command = ["wrk", "-t1", "-c32", f"-d{seconds}s", *(f"-H{h}" for h in (f"Host: {NAME}", *headers)), f"https://127.0.0.1:{port}{DISCOVERY}"]
    before = cpu_seconds(pid)
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    cpu = cpu_seconds(pid) - before
    if "Non-2xx" in out:
        raise RuntimeError(out)
    return cpu / int(re.search(r"(\d+) requests in", out)[1])


def machine():
    """One line that says what the figures were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    with open("/proc/meminfo", encoding="utf-8") as f:
        gib = int(re.search(r"MemTotal:\s*(\d+)", f.read())[1]) / (1 << 20)
    nginx = subprocess.run([shutil.which("nginx") or "/usr/sbin/nginx", "-v"], stderr=subprocess.PIPE, text=True).stderr.strip().split("/")[-1]
    return (f"{os.cpu_count()} cores of {model[1] if model else os.uname().machine}, {gib:.0f} GiB, Linux {os.uname().release}, nginx {nginx}, "
            f"load {os.getloadavg()[0]:.1f} when it began")
