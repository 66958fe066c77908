"""Kills the service at random moments while it makes scheduled backups, verifies them, applies retention and sends webhooks.

`crash.py` calls `killed`. Runs become due by changes of the database while the service is dead, because the shortest
schedule has a run a minute. In the end every due run has exactly one archive or a recorded failure, every archive belongs to
a run, the newest verified archive was never deleted, and each event has reached the webhook with one id.
"""

import datetime
import http.server
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request

from gates import Service, until

# How many archives stay.
KEPT = 5

# How many runs become due for each kill.
DUE = 2

SETTINGS = {
    "allow_local_targets": "true", "schedule_attempts": "20", "catch_up": "2d",
    "log": "error,campus_backup_api::startup=info",
}


class Receiver:
    """Receives webhooks, and remembers the archives and ids of each event."""

    def __init__(self):
        self.ids, self.of_archive, self.lock = set(), {}, threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                identifier = self.headers["webhook-id"]
                with receiver.lock:
                    receiver.ids.add(identifier)
                    if event["type"] == "backup_succeeded":
                        receiver.of_archive.setdefault(event["data"]["archive_id"], set()).add(identifier)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Place:
    """A database and a folder, for one service after another."""

    def __init__(self, binary, folder, database_url):
        self.binary, self.folder, self.database_url = binary, folder, database_url

    def start(self):
        return Service(self.binary, self.folder, self.database_url, **SETTINGS)

    def sql(self, statement):
        """Runs a statement, and returns its rows."""
        if self.database_url:
            psql = ["psql", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "--field-separator=\t", self.database_url]
            said = subprocess.run([*psql, "--command", statement], check=True, capture_output=True, text=True).stdout
            return [tuple(line.split("\t")) for line in said.splitlines()]
        database = sqlite3.connect(os.path.join(self.folder, "campus-backup.db"), timeout=30)
        try:
            with database:
                return [tuple(str(value) for value in row) for row in database.execute(statement)]
        finally:
            database.close()

    def store(self, *names):
        return os.path.join(self.folder, "archives", *names)

    def newest_verified(self):
        """The time and id of the newest archive that was found intact, by the manifests in the store."""
        found = [(datetime.datetime.min.replace(tzinfo=datetime.timezone.utc), "")]
        for name in os.listdir(self.store()):
            try:
                with open(self.store(name, "manifest.json")) as file:
                    manifest = json.load(file)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if any(verification["result"] == "ok" for verification in manifest["verifications"]):
                found.append((datetime.datetime.fromisoformat(manifest["created_at"]), manifest["id"]))
        return max(found)

    def let_time_pass(self):
        """What waits for its next attempt, or was claimed by the process that was killed, is due."""
        past = "2026-01-01T00:00:00+00:00"
        self.sql(f"UPDATE backup_schedule_runs SET retry_at = '{past}' WHERE state = 'waiting' AND retry_at IS NOT NULL")

    def forget_claims(self):
        self.sql("UPDATE backup_outbox SET claimed_until = NULL WHERE state = 'waiting'")


def ask(service, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{service.port}{path}", data=data, method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {service.token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def prepared(place, receiver, schedules):
    """Creates schedules, a policy and a webhook. Returns the ids of the schedules and their last time."""
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = (now.hour + 12) % 24
    service, ids = place.start(), []
    # The demo has one.
    place.sql("DELETE FROM backup_schedules")
    for number in range(schedules):
        schedule = {"name": f"schedule {number}", "cron": f"0 {hour} * * *", "timezone": "UTC", "verify": "digest"}
        ids.append(ask(service, "/backup/schedules", schedule)["id"])
    ask(service, "/backup/retention", {"keep_last": KEPT}, "PUT")
    events = ["backup_succeeded", "backup_failed", "archive_suspicious", "retention_held"]
    ask(service, "/backup/notifications", {"name": "hook", "kind": "webhook", "url": receiver.url, "events": events})
    service.stop()
    last = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return ids, last if last <= now else last - datetime.timedelta(days=1)


def killed(title, binary, folder, database_url, kills, chance):
    """Returns the number of faults."""
    place, receiver, faults = Place(binary, folder, database_url), Receiver(), []
    ids, last = prepared(place, receiver, kills * DUE)
    begun, newest = time.monotonic(), place.newest_verified()
    for kill in range(kills):
        due = ", ".join(str(identifier) for identifier in ids[kill * DUE:][:DUE])
        place.sql(f"UPDATE backup_schedules SET next_run_at = '{last.isoformat()}' WHERE id IN ({due})")
        place.let_time_pass()
        before, newest = newest, place.newest_verified()
        if newest < before:
            faults.append(f"before start {kill + 1}: {before} was the newest verified archive, and is {newest}")
        service = place.start()
        time.sleep(chance.uniform(0, 3))
        service.process.send_signal(signal.SIGKILL)
        service.process.wait(60)
    place.let_time_pass()
    place.forget_claims()
    service = place.start()

    def all_ended():
        place.let_time_pass()
        active = place.sql("SELECT count(*) FROM backup_schedule_runs WHERE state IN ('waiting', 'running', 'verifying')")
        return active == [("0",)]

    if until(all_ended, 120 + 2 * kills) is None:
        faults.append("runs have not ended: " + str(place.sql("SELECT id, state, error_detail FROM backup_schedule_runs")))
    # One more backup, so that retention has its turn after all of them.
    job = ask(service, "/backup/archives", {"protected": True})["id"]
    until(lambda: ask(service, f"/backup/jobs/{job}")["state"] == "succeeded", 60)

    def by_schedules():
        return {item["id"] for item in ask(service, "/backup/archives?limit=1000")["items"] if item["created_by"] == "system"}

    if until(lambda: len(by_schedules()) <= KEPT + 1, 60) is None:
        faults.append(f"retention has left {len(by_schedules())} archives")
    if until(lambda: place.sql("SELECT count(*) FROM backup_outbox WHERE state = 'waiting'") == [("0",)], 60) is None:
        faults.append("messages still wait: " + str(place.sql("SELECT event, last_error FROM backup_outbox WHERE state = 'waiting'")))
    faults += final_faults(place, receiver, ids, by_schedules())
    service.stop()
    receiver.server.shutdown()
    for fault in faults:
        print(f"FAILED: {title}, unattended: {fault}", flush=True)
    ended = place.sql("SELECT state, count(*) FROM backup_schedule_runs GROUP BY state")
    took = time.monotonic() - begun
    print(f"ok: {title}, unattended: killed {kills} times: {dict(ended)}, {len(receiver.ids)} events, {took:.0f} s", flush=True)
    return len(faults)


def final_faults(place, receiver, ids, listed):
    faults = []
    runs = place.sql("SELECT schedule_id, state, archive_id, error_code FROM backup_schedule_runs")
    if sorted(int(run[0]) for run in runs) != sorted(ids):
        faults.append(f"{len(ids)} runs were due, and there are {len(runs)}: {runs}")
    for schedule, state, archive, code in runs:
        if state == "failed" and code in ("", "None"):
            faults.append(f"the run of the schedule {schedule} failed, and nothing says why")
        elif state not in ("succeeded", "failed"):
            faults.append(f"the run of the schedule {schedule} is {state}")
    archives = [archive for _, state, archive, _ in runs if state == "succeeded"]
    if len(set(archives)) != len(archives):
        faults.append(f"two runs have the same archive: {archives}")
    deleted = set(os.listdir(place.store("deleted"))) if os.path.isdir(place.store("deleted")) else set()
    if listed | deleted != set(archives):
        faults.append(f"archives without a run, or runs without an archive: {(listed | deleted) ^ set(archives)}")
    if place.newest_verified()[1] not in listed:
        faults.append(f"the newest verified archive is {place.newest_verified()}")
    events = place.sql("SELECT event_id FROM backup_outbox")
    lost = {event for (event,) in events} - receiver.ids
    if lost:
        faults.append(f"events that did not arrive: {lost}")
    for archive in archives:
        identifiers = receiver.of_archive.get(archive, set())
        if len(identifiers) != 1:
            faults.append(f"the backup {archive} was reported with the ids {identifiers}")
    return faults
