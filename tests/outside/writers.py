#!/usr/bin/env python3
"""Measures how much a backup slows writers: 50 writers insert pairs of an enrollment and a payment, with and without one.

    tests/outside/writers.py BINARY [SCALE] [SECONDS] [RATE]

Needs pgbench, and at TEST_POSTGRES_URL a server on which databases may be created. The school is a demo of SCALE (default
10, a million rows of attendance). The writers write as fast as they can, or RATE pairs a second. Every archive of this time
must have as many additional enrollments as payments. The slowest hundredth of the transactions may take twice as long as
without a backup.
"""

import glob
import os
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlsplit, urlunsplit

from crash import ask, ended
from gates import PASSWORD, Service

PAIR = """\\set student random(1, 1000)
\\set course random(1, 40)
BEGIN;
INSERT INTO students (full_name, registration_number) VALUES ('Pair', gen_random_uuid()::text) RETURNING id AS student \\gset
INSERT INTO enrollments (student_id, course_id) VALUES (:student, :course);
INSERT INTO payments (student_id, category_id, amount_paid, status) VALUES (:student, 1, 1.25, 'paid');
END;
"""


def pgbench():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/pgbench"))
    return found[-1] if found else "pgbench"


def write(folder, url, seconds, rate, meanwhile):
    """The milliseconds of all transactions of 50 writers, during other work."""
    script, logs = os.path.join(folder, "pair.sql"), os.path.join(folder, "log")
    with open(script, "w") as file:
        file.write(PAIR)
    command = [pgbench(), "--no-vacuum", "--client=50", "--jobs=2", f"--time={seconds}", "--log",
               f"--log-prefix={logs}", f"--file={script}", *([f"--rate={rate}"] if rate else []), url]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(1)
    done = meanwhile(running)
    _, said = running.communicate()
    assert running.returncode == 0, said.decode()
    times = []
    for name in glob.glob(f"{logs}.*"):
        with open(name) as file:
            for line in file:
                # The time includes the client's delay behind its rate.
                _, _, time_taken, _, _, _, *lag = line.split()
                times.append((int(time_taken) - sum(map(int, lag))) / 1000)
        os.remove(name)
    return sorted(times), done


def create_backups(service):
    def meanwhile(running):
        archives = []
        while running.poll() is None and len(archives) < 50:
            job = ended(service, ask(service, "/backup/archives", {})["id"])
            assert job["state"] == "succeeded", job
            archives.append(job["result"])
        return archives
    return meanwhile


def main():
    binary = os.path.abspath(sys.argv[1])
    scale = sys.argv[2] if len(sys.argv) > 2 else "10"
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 15
    rate = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    server, name = os.environ["TEST_POSTGRES_URL"], f"writers_{os.getpid()}"
    psql = ["psql", "--quiet", "--no-psqlrc", server, "--command"]
    subprocess.run([*psql, f"CREATE DATABASE {name}"], check=True)
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "DATABASE_URL": url, "CAMPUS_BACKUP_DATA_DIR": folder,
                           "CAMPUS_BACKUP_ADMIN_PASSWORD": PASSWORD}
            subprocess.run([binary, "demo", "--scale", scale], env=environment, check=True, stdout=subprocess.DEVNULL)
            service = Service(binary, folder, url)
            before = ask(service, "/backup/stats")
            without, _ = write(folder, url, seconds, rate, lambda _: None)
            during, archives = write(folder, url, seconds, rate, create_backups(service))
            service.stop()
    finally:
        subprocess.run([*psql, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"], check=False)
    p99 = [times[len(times) * 99 // 100] for times in (without, during)]
    print(f"without a backup: {len(without)} pairs, p99 {p99[0]:.1f} ms; during {len(archives)}: {len(during)}, p99 {p99[1]:.1f} ms")
    odd = [rows for rows in (archive["rows"] for archive in archives)
           if rows["enrollments"] - before["enrollments"] != rows["payments"] - before["payments"]]
    print(f"archives with incomplete pairs: {len(odd)}")
    return len(odd) > 0 or p99[1] > 2 * p99[0]


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
