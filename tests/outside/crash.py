#!/usr/bin/env python3
"""Kills the service with SIGKILL at random points of its work, and checks the result.

    tests/outside/crash.py BINARY [KILLS] [SEED]

Each of backup, clear, undo, restore, import and the undo of an import is killed KILLS times (default 50) on SQLite; on the
PostgreSQL at TEST_POSTGRES_URL, if databases may be created there, with usual and unusual settings; and on a separate MariaDB
with unusual settings, if its programs are installed. After each kill the service is started again. Then the data must be exactly the data before or
after the operation, the job must say which, every archive in the list must be complete, the store must have no unfinished
files, and the administrator must be able to sign in. A change is in the change log exactly if it was made. The request of
a backup is sent again with the same key, and creates no second archive.

At the same time the service is killed as often while it makes scheduled backups, applies retention and sends webhooks
(`unattended.py`): on SQLite, and with at least 10 kills on that PostgreSQL, too.
"""

import concurrent.futures
import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
from urllib.parse import urlsplit, urlunsplit

import unattended
from gates import Service, until

CLEARED = {"table": "payments", "confirm": "payments"}

# Seconds for one request or job. A program without optimisation needs more than a minute for a restore on a busy machine.
TIMEOUT = 120


def ask(service, path, body=None, key=None):
    headers = {} if key is None else {"Idempotency-Key": key}
    return json.load(service.ask(path, None if body is None else json.dumps(body).encode(), TIMEOUT, headers))


def digests(service):
    """The content of all tables at one moment."""
    with service.ask("/backup/download/all") as answer:
        return json.load(answer)["summary"]["sha256"]


def job(service, identifier):
    return ask(service, f"/backup/jobs/{identifier}")


def ended(service, identifier):
    def is_over():
        try:
            return job(service, identifier)["state"] in ("succeeded", "failed", "cancelled", "interrupted")
        except urllib.error.HTTPError as error:
            # On a busy machine a server with a limit of 20 ms also stops this statement. A client tries again.
            if error.code != 503:
                raise
            return False
    assert until(is_over, TIMEOUT), job(service, identifier)
    return job(service, identifier)


def work(service, path, body):
    done = ended(service, ask(service, path, body)["id"])
    assert done["state"] == "succeeded", done
    return done["result"]


def restore(service, archive):
    plan = ask(service, f"/backup/archives/{archive}/restore-plan", {"mode": "replace"})
    return f"/backup/archives/{archive}/restore", {"mode": "replace", "plan_hash": plan["hash"], "confirm": "restore"}


# The names of files that the service is still writing.
UNFINISHED = r"\.(archive\.json(\.zst)?(\.age)?|manifest\.json|unfinished)\.[0-9a-f]{6}\.part"


class School:
    """A database and a folder, for one service after another."""

    def __init__(self, binary, folder, database_url):
        self.binary, self.folder, self.database_url = binary, folder, database_url
        self.kills = 0
        service = self.start()
        self.full_archive = work(service, "/backup/archives", {"label": "full", "protected": True})["archive_id"]
        self.full = digests(service)
        with service.ask("/backup/download/payments?format=json") as answer:
            self.payments = answer.read()
        ask(service, "/backup/clear", CLEARED)
        self.cleared = digests(service)
        assert self.full != self.cleared
        self.make_full(service)
        service.stop()

    def start(self):
        return Service(self.binary, self.folder, self.database_url, require_confirmation="true")

    def make_full(self, service):
        if digests(service) != self.full:
            work(service, *restore(service, self.full_archive))
            assert digests(service) == self.full

    def make_cleared(self, service):
        """Clears, and returns the id of the clear."""
        self.make_full(service)
        answer = ask(service, "/backup/clear", CLEARED)
        assert digests(service) == self.cleared
        return answer["id"]

    def half_made(self):
        """Entries of the store that are neither archives nor unfinished files, which the service removes after an hour."""
        found = []
        store = os.path.join(self.folder, "archives")
        for name in os.listdir(store):
            path = os.path.join(store, name)
            if not os.path.isdir(path) or name == "deleted":
                continue
            inside = os.listdir(path)
            left = [file for file in inside if not re.fullmatch(UNFINISHED, file)]
            if left and "manifest.json" not in inside and "unfinished" not in inside:
                found.append(f"{name}: {inside}")
            found += [f"{name}/{file}" for file in left if "tmp" in file or "part" in file or "#" in file]
        return found


def kinds(school):
    """An operation to kill: its preparation, its request, and the valid results."""

    def backup(service):
        school.make_full(service)
        return ("archive", "/backup/archives", {}), school.full, school.full

    def clear(service):
        school.make_full(service)
        return ("clear", "/backup/clear", CLEARED), school.full, school.cleared

    def undo(service):
        clear_id = school.make_cleared(service)
        return ("undo", f"/backup/clear/{clear_id}/undo", {}), school.cleared, school.full

    def restoring(service):
        school.make_cleared(service)
        return ("restore", *restore(service, school.full_archive)), school.cleared, school.full

    def planned(service):
        plan = json.load(service.ask("/backup/imports/payments?mode=insert", school.payments, TIMEOUT))
        return f"/backup/imports/{plan['id']}/apply", {"plan_hash": plan["hash"], "confirm": "import"}

    def importing(service):
        school.make_cleared(service)
        return ("import", *planned(service)), school.cleared, school.full

    def undo_import(service):
        school.make_cleared(service)
        path, body = planned(service)
        change_id = ask(service, path, body)["id"]
        assert ended(service, change_id)["state"] == "succeeded"
        return ("undo", f"/backup/changes/{change_id}/undo", {}), school.full, school.cleared

    return {
        "backup": backup, "clear": clear, "undo": undo, "restore": restoring, "import": importing,
        "undo of an import": undo_import,
    }


def latest(service, kind):
    jobs = ask(service, f"/backup/jobs?kind={kind}&limit=1")["items"]
    return jobs[0] if jobs else None


def how_long(school, prepare):
    """The seconds of an operation that is not killed."""
    service = school.start()
    (kind, path, body), _, after = prepare(service)
    began = time.monotonic()
    ask(service, path, body)
    ended(service, latest(service, kind)["id"])
    took = time.monotonic() - began
    assert digests(service) == after
    service.stop()
    return took


def killed_once(school, prepare, delay):
    service = school.start()
    (kind, path, body), before, after = prepare(service)
    last = latest(service, kind)
    known = {archive["id"] for archive in ask(service, "/backup/archives?limit=1000")["items"]}
    key = f"crash-{os.getpid()}-{time.monotonic_ns()}"

    def request():
        try:
            ask(service, path, body, key)
        except (OSError, urllib.error.HTTPError, ValueError):
            pass

    asking = threading.Thread(target=request)
    asking.start()
    time.sleep(delay)
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(60)
    asking.join()

    service = school.start()
    now = digests(service)
    faults = []
    if now not in (before, after):
        faults.append("the data is neither what it was nor what it should be")
    newest = latest(service, kind)
    is_ours = newest is not None and (last is None or newest["id"] != last["id"])
    if is_ours and newest["state"] not in ("succeeded", "interrupted"):
        faults.append(f"the job says {newest['state']}")
    if kind != "archive" and before != after:
        says = is_ours and newest["state"] == "succeeded"
        if says != (now == after):
            faults.append(f"the job says {newest and newest['state']}, and the data something else")
        recorded = is_ours and any(
            change["id"] == newest["id"] for change in ask(service, f"/backup/changes?kind={kind}&limit=1")["items"]
        )
        if recorded != (now == after):
            faults.append(f"the change log has {'a' if recorded else 'no'} record, and the data says something else")
    if kind == "archive":
        faults += not_done_once(service, path, body, key, known)
    archives = ask(service, "/backup/archives?limit=1000")
    if archives["unreadable"]:
        faults.append(f"unreadable: {archives['unreadable']}")
    for archive in archives["items"]:
        if archive["id"] not in known:
            done = ended(service, ask(service, f"/backup/archives/{archive['id']}/verify", {"level": "digest"})["id"])
            if done["state"] != "succeeded":
                faults.append(f"{archive['id']} is listed and not whole: {done}")
    faults += [f"left behind: {name}" for name in school.half_made()]
    service.stop()
    return faults, "after" if now == after and before != after else "before"


def not_done_once(service, path, body, key, known):
    """Repeats the request with the same key. Returns a fault if it has created a second archive."""
    again = ended(service, ask(service, path, body, key)["id"])
    if again["state"] != "succeeded":
        return [f"sent again, it is {again}"]
    made = [archive["id"] for archive in ask(service, "/backup/archives?limit=1000")["items"] if archive["id"] not in known]
    if made != [again["result"]["archive_id"]]:
        return [f"sent again under the same key, there are {made}, and the job says {again['result']['archive_id']}"]
    return []


def tried(name, school, kills, chance):
    failed = 0
    for kind, prepare in kinds(school).items():
        seconds = how_long(school, prepare)
        seen = {"before": 0, "after": 0}
        for _ in range(kills):
            delay = chance.uniform(0, seconds * 1.1)
            faults, state = killed_once(school, prepare, delay)
            seen[state] += 1
            for fault in faults:
                failed += 1
                print(f"FAILED: {name}, {kind}, killed after {delay * 1000:.0f} ms: {fault}", flush=True)
        print(f"ok: {name}, {kind}: killed {kills} times within {seconds * 1000:.0f} ms: {seen}", flush=True)
    # Each operation works afterwards.
    for kind, prepare in kinds(school).items():
        how_long(school, prepare)
    return failed


# An isolation level that forces retries of long transactions, and limits that are too short for a backup or restore.
UNUSUAL_POSTGRES = {
    "default_transaction_isolation": "'serializable'", "statement_timeout": "'20ms'", "lock_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'20ms'", "session_replication_role": "replica", "synchronous_commit": "off",
    "client_encoding": "'LATIN1'", "\"TimeZone\"": "'Asia/Kolkata'", "\"DateStyle\"": "'German, DMY'",
}
UNUSUAL_MARIADB = {
    "sql-mode": "", "transaction-isolation": "READ-COMMITTED", "default-time-zone": "+05:30", "autocommit": "OFF",
    "character-set-server": "latin1", "default-storage-engine": "MyISAM", "innodb-default-row-format": "redundant",
    "innodb-snapshot-isolation": "ON", "max-allowed-packet": "1048576", "max-statement-time": "0.02", "wait-timeout": "1",
    "net-read-timeout": "1", "net-write-timeout": "1", "idle-transaction-timeout": "1", "innodb-lock-wait-timeout": "1",
}


def on_postgres(name, server, settings, work):
    """Does work with the URL of a new database."""
    name = f"{name}_{os.getpid()}"
    psql = ["psql", "--quiet", "--no-psqlrc", server, "--command"]
    subprocess.run([*psql, f"CREATE DATABASE {name}"], check=True)
    try:
        for setting, value in settings.items():
            subprocess.run([*psql, f"ALTER DATABASE {name} SET {setting} = {value}"], check=True)
        return work(urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
    finally:
        subprocess.run([*psql, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"], check=False)


def killed_unattended(binary, place, kills, chance, server):
    failed = unattended.killed("sqlite", binary, place("unattended"), "", kills, chance)
    if server and kills >= 10:
        def on_server(url):
            return unattended.killed("postgresql", binary, place("unattended_postgres"), url, kills, chance)
        failed += on_postgres("unattended", server, {}, on_server)
    return failed


def on_mariadb(binary, folder, kills, chance):
    server = os.path.join(folder, "server")
    os.mkdir(server)
    # MariaDB removes other servers' temporary tables from a shared folder when it starts.
    data, user = [f"--datadir={server}/data", f"--tmpdir={server}"], f"--user={pwd.getpwuid(os.getuid()).pw_name}"
    install = ["mariadb-install-db", "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]
    subprocess.run([*install, *data, user], check=True, stdout=subprocess.DEVNULL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    unusual = [f"--{name}={value}" for name, value in UNUSUAL_MARIADB.items()]
    listen = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={server}/socket"]
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M"]
    client = ["mariadb", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={port}", "--user=root", "--execute"]
    with open(os.path.join(server, "log"), "w") as log:
        running = subprocess.Popen(["mariadbd", "--no-defaults", *data, user, *listen, *quick, *unusual], stdout=log, stderr=log)
    try:
        def is_up():
            return subprocess.run([*client, "CREATE DATABASE IF NOT EXISTS crash"], stderr=subprocess.DEVNULL).returncode == 0
        assert until(is_up, 60), open(os.path.join(server, "log")).read()
        school = School(binary, os.path.join(folder, "data"), f"mysql://root@127.0.0.1:{port}/crash")
        return tried("mariadb, unusual settings", school, kills, chance)
    finally:
        running.kill()
        running.wait()


def main():
    binary = os.path.abspath(sys.argv[1])
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(2**32)
    print(f"seed {seed}")
    chance, server = random.Random(seed), os.environ.get("TEST_POSTGRES_URL")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(1) as beside:
        def place(name):
            path = os.path.join(folder, name)
            os.mkdir(path)
            return path
        # It mostly waits.
        unattended_failed = beside.submit(killed_unattended, binary, place, kills, random.Random(seed + 1), server)
        failed = tried("sqlite", School(binary, place("sqlite"), ""), kills, chance)
        if server:
            for name, title, settings in (
                ("postgres", "postgresql", {}), ("unusual_postgres", "postgresql, unusual settings", UNUSUAL_POSTGRES),
            ):
                def on_server(url, name=name, title=title):
                    return tried(title, School(binary, place(name), url), kills, chance)
                failed += on_postgres("crash", server, settings, on_server)
        else:
            print("SKIPPED: PostgreSQL, because TEST_POSTGRES_URL is not set")
        if all(shutil.which(program) for program in ("mariadbd", "mariadb-install-db", "mariadb")):
            failed += on_mariadb(binary, place("unusual_mariadb"), kills, chance)
        else:
            print("SKIPPED: MariaDB, because its programs are not installed")
        return failed + unattended_failed.result()


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
