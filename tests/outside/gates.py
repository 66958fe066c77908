#!/usr/bin/env python3
"""Gates at full size: loads and failures that the released program must survive.

    tests/outside/gates.py BINARY [ABORTED]

Stalled readers, ABORTED (default 10,000) readers that disconnect, many sign-ins at once, and a PostgreSQL that stops
without warning, also with HAProxy and HTTP/2 in front of the service. The PostgreSQL is a separate cluster, which runs as
the user postgres. A gate whose programs are missing is skipped with a message. Only local addresses are used, and every
loop is bounded.
"""

import concurrent.futures
import glob
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PASSWORD = "copper-lantern-18-river"
passed = failed = 0


def check(name, holds, found=""):
    global passed, failed
    passed, failed = (passed + 1, failed) if holds else (passed, failed + 1)
    print(f"{'ok' if holds else 'FAILED'}: {name} {found}", flush=True)


def until(condition, limit):
    """Polls, and returns the seconds until success, or None."""
    start = time.monotonic()
    while time.monotonic() - start < limit:
        if condition():
            return time.monotonic() - start
        time.sleep(0.02)
    return None


class Service:
    def __init__(self, binary, folder, database_url="", **settings):
        environment = {
            "PATH": os.environ["PATH"], "DATABASE_URL": database_url, "CAMPUS_BACKUP_ADMIN_PASSWORD": PASSWORD,
            "CAMPUS_BACKUP_DATA_DIR": folder, "CAMPUS_BACKUP_LISTEN": "127.0.0.1:0",
            "CAMPUS_BACKUP_TOKEN_LIFETIME": "7200", "CAMPUS_BACKUP_LOG": "error,campus_backup_api::startup=info",
            **{f"CAMPUS_BACKUP_{name.upper()}": str(value) for name, value in settings.items()},
        }
        os.makedirs(folder, exist_ok=True)
        self.log = open(os.path.join(folder, "log"), "w+b")
        self.process = subprocess.Popen([binary, "serve", "--demo"], env=environment, stdout=self.log, stderr=self.log)
        assert until(lambda: b"listening on" in self.said(), 60), self.said().decode()
        self.port = int(self.said().split(b"listening on http://127.0.0.1:")[1].split()[0])
        login = json.dumps({"username": "admin", "password": PASSWORD}).encode()
        self.token = json.load(self.ask("/auth/login", login))["access_token"]

    def said(self):
        with open(self.log.name, "rb") as log:
            return log.read()

    def ask(self, path, body=None, timeout=30, headers=()):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers=dict(headers))
        request.add_header("Content-Type", "application/json")
        if hasattr(self, "token"):
            request.add_header("Authorization", f"Bearer {self.token}")
        return urllib.request.urlopen(request, timeout=timeout)

    def works(self, path="/backup/stats"):
        try:
            return self.ask(path, timeout=5).read()
        except OSError:
            return None

    def begin(self, path):
        """Requests a download over a socket with a small window, and reads nothing of the response."""
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(30)
        reader.connect(("127.0.0.1", self.port))
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode())
        return reader

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connections(self):
        """The number of sockets, to readers and to the database."""
        descriptors = f"/proc/{self.process.pid}/fd"
        found = 0
        for descriptor in os.listdir(descriptors):
            try:
                found += os.readlink(os.path.join(descriptors, descriptor)).startswith("socket:")
            except FileNotFoundError:
                pass
        return found

    def memory(self):
        """Resident memory in MiB."""
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def stalled(service, name):
    """200 stalled readers do not slow the rest of the service."""
    readers, refused, connections = [], 0, service.connections()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        def begin(_):
            reader = service.begin("/backup/download/all")
            return reader, reader.recv(12)[9:12]
        for reader, status in pool.map(begin, range(200)):
            readers.append(reader)
            refused += status == b"429"
    check(f"{name}: downloads beyond the limit are refused", refused >= 200 - 8, f"{refused} of 200")
    times = []
    for _ in range(200):
        start = time.monotonic()
        service.ask("/backup/stats").read()
        times.append(time.monotonic() - start)
    p99 = sorted(times)[197]
    check(f"{name}: other calls are fast", p99 < 0.1, f"p99 {p99 * 1000:.0f} ms")
    start = time.monotonic()
    try:
        service.ask("/backup/download/students").read()
        status = 200
    except urllib.error.HTTPError as error:
        status = error.code
    took = time.monotonic() - start
    check(f"{name}: one more is refused within a second", status == 429 and took < 1, f"{status} after {took:.2f} s")
    back = until(lambda: service.works("/backup/download/students"), 60)
    check(f"{name}: stalled downloads are ended, and their permits are free", back is not None, f"after {back} s")
    # On PostgreSQL the sockets of the pools are included, which open when they are needed.
    back = until(lambda: service.connections() <= connections + 18, 60)
    found = f"{connections} before, {service.connections()} after"
    check(f"{name}: their connections are closed", back is not None, found)
    for reader in readers:
        reader.close()


def aborted(service, name, count):
    """Readers that disconnect during a download leave no resources."""
    def abort(_):
        reader = service.begin("/backup/download/all")
        status = reader.recv(12)[9:12]
        # Closes with a reset, without an orderly end.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reader.close()
        return status
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(abort, range(200)))
        assert until(lambda: service.works("/backup/download/students"), 30)
        time.sleep(1)
        files, memory = service.files(), service.memory()
        statuses = list(pool.map(abort, range(count)))
    begun = statuses.count(b"200")
    check(f"{name}: most aborted downloads had begun", begun > count * 0.9, f"{begun} of {count}")
    # A pool may have opened more connections meanwhile. On SQLite each has two handles.
    back = until(lambda: service.files() <= files + 8, 10)
    check(f"{name}: handles are closed", back is not None and back < 2, f"{files} before, {service.files()} after")
    grown = service.memory() - memory
    # A leaked buffer of 64 KiB for each download would be more, from 1,000 downloads on. The allocator keeps some memory
    # of ended threads.
    check(f"{name}: memory is released", grown < 32, f"{grown:+.1f} MiB")
    check(f"{name}: the next download is complete", bool(service.works("/backup/download/students")))


def flooded(service):
    """50 sign-ins at once for 8 seconds, without a limit of attempts, need little memory and do not slow other calls."""
    time.sleep(1)
    memory, end = service.memory(), time.monotonic() + 8
    peak, attempts = [memory], [0]
    wrong = json.dumps({"username": "admin", "password": "wrong"}).encode()

    def flood(_):
        while time.monotonic() < end:
            try:
                service.ask("/auth/login", wrong)
            except OSError:
                pass
            attempts[0] += 1

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        flooding = [pool.submit(flood, number) for number in range(50)]
        times = []
        while time.monotonic() < end:
            start = time.monotonic()
            service.ask("/backup/stats").read()
            times.append(time.monotonic() - start)
            peak.append(service.memory())
            time.sleep(0.05)
        for flooder in flooding:
            flooder.result()
    p99 = sorted(times)[int(len(times) * 0.99)]
    check("50 sign-ins at once: memory", max(peak) - memory < 64, f"{max(peak) - memory:+.1f} MiB, {attempts[0]} attempts")
    check("50 sign-ins at once: other calls are fast", p99 < 0.1, f"p99 {p99 * 1000:.0f} ms of {len(times)}")
    back = until(lambda: service.memory() - memory < 32, 10)
    check("50 sign-ins at once: memory is released", back is not None, f"{service.memory() - memory:+.1f} MiB")


class Cluster:
    """A separate PostgreSQL server."""

    def __init__(self, programs, folder):
        self.programs, self.data = programs, os.path.join(folder, "cluster")
        self.port = free_port()
        shutil.chown(folder, "postgres")
        os.chmod(folder, 0o711)
        self.run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--pgdata", self.data)
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.start()

    def run(self, program, *arguments):
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run([*as_postgres, os.path.join(self.programs, program), *arguments], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")

    def start(self):
        self.run("pg_ctl", "--pgdata", self.data, "--log", f"{self.data}.log", "--wait",
                 "--options", f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=", "start")

    def stop(self, mode):
        self.run("pg_ctl", "--pgdata", self.data, "--mode", mode, "--wait", "stop")


HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option forwardfor
frontend http2
    bind 127.0.0.1:{front} proto h2
    default_backend service
backend service
    server service 127.0.0.1:{back}
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Haproxy:
    """HTTP/2 in front of the service. HAProxy ends a broken response without a length cleanly."""

    def __init__(self, service, folder):
        self.port, self.file = free_port(), os.path.join(folder, "downloaded")
        self.authorization = f"Authorization: Bearer {service.token}"
        settings = os.path.join(folder, "haproxy.cfg")
        with open(settings, "w") as file:
            file.write(HAPROXY.format(front=self.port, back=service.port))
        self.process = subprocess.Popen(["haproxy", "-db", "-q", "-f", settings])

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        assert until(listens, 10)

    def download(self):
        """A running curl."""
        url = f"http://127.0.0.1:{self.port}/backup/download/all"
        return subprocess.Popen(["curl", "-sS", "-f", "--http2-prior-knowledge", "-w", "%{http_version}", "-o", self.file,
                                 "-H", self.authorization, url],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def is_whole(self):
        with open(self.file, "rb") as file:
            return b'"summary":' in file.read()[-4096:]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def behind_haproxy(binary, programs, folder):
    """The database is killed while a download is prepared, and the service while a download is sent."""
    cluster = Cluster(programs, folder)
    service = Service(binary, os.path.join(folder, "service"), cluster.url)
    haproxy = Haproxy(service, folder)
    curl = haproxy.download()
    said = curl.communicate(timeout=60)
    check("HAProxy: a download by HTTP/2 is complete", curl.returncode == 0 and said[0] == b"2" and haproxy.is_whole(), str(said))
    broken, lies = 0, []
    for delay in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
        curl = haproxy.download()
        time.sleep(delay)
        cluster.stop("immediate")
        curl.communicate(timeout=60)
        broken += curl.returncode != 0
        if curl.returncode == 0 and not haproxy.is_whole():
            lies.append(delay)
        cluster.start()
        assert until(service.works, 20)
    check("HAProxy: downloads are visibly broken after a kill of the database", broken > 0 and not lies, f"{broken} of 6 broken, {lies}")
    broken, lies = 0, []
    for delay in (0.02, 0.05, 0.1, 0.2, 0.4):
        curl = haproxy.download()
        time.sleep(delay)
        service.process.kill()
        service.process.wait(10)
        curl.communicate(timeout=60)
        broken += curl.returncode != 0
        if curl.returncode == 0 and not haproxy.is_whole():
            lies.append(delay)
        haproxy.stop()
        service = Service(binary, os.path.join(folder, "service"), cluster.url)
        haproxy = Haproxy(service, folder)
    check("HAProxy: downloads are visibly broken after a kill of the service", broken > 0 and not lies, f"{broken} of 5 broken, {lies}")
    service.stop()
    haproxy.stop()
    cluster.stop("fast")


def whole(answer):
    """Whether a client takes the download for complete."""
    try:
        return bool(answer.read())
    except OSError:
        return False


def postgres_stops(binary, programs, folder):
    """PostgreSQL stops without warning during a download and during a clear, and starts again."""
    cluster = Cluster(programs, folder)
    service = Service(binary, os.path.join(folder, "service"), cluster.url)
    before = json.loads(service.works())
    reader = service.begin("/backup/download/all")
    reader.recv(1000)
    cluster.stop("immediate")
    received = b""
    try:
        while piece := reader.recv(65536):
            received += piece
    except OSError:
        pass
    check("stopped during a download: it is visibly broken", not received.endswith(b"0\r\n\r\n") and b'"summary"' not in received)
    try:
        service.ask("/backup/stats", timeout=10)
        status = 200
    except urllib.error.HTTPError as error:
        status = error.code
    check("stopped: a call answers 503", status == 503, str(status))
    cluster.start()
    back = until(service.works, 20)
    check("started again: the service is back within 5 s", back is not None and back < 5, f"after {back:.1f} s")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        def clear():
            try:
                return service.ask("/backup/clear", b'{"table":"all"}').status
            except urllib.error.HTTPError as error:
                return error.code
        clearing = pool.submit(clear)
        time.sleep(0.05)
        cluster.stop("immediate")
        took = until(clearing.done, 20)
        check("stopped during a clear: the client gets an answer", took is not None, f"after {took or 20:.1f} s")
        cluster.start()
        assert until(service.works, 20)
        status = clearing.result()
    after = json.loads(service.works())
    same = {key: value for key, value in before.items() if key != "generated_at"}.items() <= after.items()
    if status == 200:
        check("stopped after a clear: the clear is kept", after["students"] == 0 and after["users"] == 1, str(after))
    else:
        # After a lost answer to the commit either outcome is possible, but never a part of it.
        check("stopped during a clear: all or nothing", same or after["total"] == 1, f"{status} {after}")
    service.stop()
    cluster.stop("fast")


def main():
    binary = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        service = Service(binary, os.path.join(folder, "sqlite"), stall_timeout=20)
        stalled(service, "SQLite")
        aborted(service, "SQLite", count)
        service.stop()
        many = 1_000_000
        service = Service(binary, os.path.join(folder, "logins"), login_burst=many, login_burst_address=many)
        flooded(service)
        service.stop()
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if programs:
            os.makedirs(os.path.join(folder, "postgres"))
            os.chmod(folder, 0o711)
            cluster = Cluster(programs[-1], os.path.join(folder, "postgres"))
            service = Service(binary, os.path.join(folder, "on-postgres"), cluster.url, stall_timeout=20)
            stalled(service, "PostgreSQL")
            aborted(service, "PostgreSQL", count // 4)
            service.stop()
            cluster.stop("fast")
            os.makedirs(os.path.join(folder, "stops"))
            postgres_stops(binary, programs[-1], os.path.join(folder, "stops"))
            if shutil.which("haproxy"):
                os.makedirs(os.path.join(folder, "haproxy"))
                behind_haproxy(binary, programs[-1], os.path.join(folder, "haproxy"))
            else:
                print("SKIPPED: HAProxy, because it is not installed", file=sys.stderr)
        else:
            print("SKIPPED: PostgreSQL, because /usr/lib/postgresql does not exist", file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
