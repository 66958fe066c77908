"""A client with the generated Python package: it creates a backup and follows its job, downloads it, uploads it, and
downloads a workbook. `client.py BASE_URL TOKEN`, with the folder of the package in PYTHONPATH."""

import io
import json
import sys

from campus_backup_client import AuthenticatedClient
from campus_backup_client.api.archives import create_archive, download_archive, upload_archive
from campus_backup_client.api.backup import download_table, stream_job_events
from campus_backup_client.models import Archive, ArchiveJobResult, CreateArchiveRequest, DownloadTableFormat, Job
from campus_backup_client.types import File

base_url, token = sys.argv[1:]
client = AuthenticatedClient(base_url=base_url, token=token, timeout=60.0)

accepted = create_archive.sync(client=client, body=CreateArchiveRequest(label="from Python"))
assert isinstance(accepted, Job), accepted
events = stream_job_events.sync_detailed(str(accepted.id), client=client)
data = [line.removeprefix("data: ") for line in events.content.decode().splitlines() if line.startswith("data: ")]
job = Job.from_dict(json.loads(data[-1]))
assert job.state == "succeeded" and job.rows_done == job.rows_total, job
assert isinstance(job.result, ArchiveJobResult), job.result

file = download_archive.sync(job.result.archive_id, client=client)
assert isinstance(file, File), file
content = file.payload.read()
assert len(content) == job.result.size, len(content)
archive = upload_archive.sync(client=client, body=File(payload=io.BytesIO(content)), label="again")
assert isinstance(archive, Archive), archive
assert archive.kind == "uploaded" and archive.total == job.result.total, archive

workbook = download_table.sync_detailed("students", client=client, format_=DownloadTableFormat.XLSX)
assert workbook.content.startswith(b"PK"), workbook.content[:2]
