// A client with the generated TypeScript types: it creates a backup and follows its job, downloads it, uploads it,
// and downloads a workbook. `node client.js BASE_URL TOKEN`.
import createClient from "openapi-fetch";
import type { components, paths } from "./campus-backup.js";

type Job = components["schemas"]["Job"];

const [baseUrl, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

function whole<T>(answer: { data?: T | null; error?: { code: string; detail: string } }): T {
  if (answer.data === undefined || answer.data === null) throw new Error(`${answer.error?.code}: ${answer.error?.detail}`);
  return answer.data;
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Reads the events of a job until its last, which is the job as it has ended. */
async function ended(id: string): Promise<Job> {
  const answer = await client.GET("/backup/jobs/{id}/events", { params: { path: { id } }, parseAs: "stream" });
  const reader = whole(answer).getReader();
  const decoder = new TextDecoder();
  let text = "";
  let last: Job | undefined;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data) last = JSON.parse(data.slice("data: ".length));
    }
  }
  if (last === undefined) throw new Error("no event came");
  return last;
}

const accepted = whole(await client.POST("/backup/archives", { body: { label: "from TypeScript" } }));
const job = await ended(accepted.id);
demand(job.state === "succeeded" && job.rows_done === job.rows_total, `the job has ended as ${JSON.stringify(job)}`);
// The kind of the result says what it has.
if (job.result?.kind !== "archive") throw new Error(`a job of the kind ${job.kind}`);
const { archive_id: id, size, total } = job.result;

const file: Blob = whole(
  await client.GET("/backup/archives/{id}/file", { params: { path: { id } }, parseAs: "blob" }),
);
demand(file.size === size, `${file.size} bytes of ${size} came`);
const archive = whole(
  await client.POST("/backup/archives/upload", {
    params: { query: { label: "again" } },
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
    bodySerializer: (body) => body,
  }),
);
demand(archive.kind === "uploaded" && archive.total === total, "another archive was uploaded");

const workbook = await client.GET("/backup/download/{table}", {
  params: { path: { table: "students" }, query: { format: "xlsx" } },
  parseAs: "blob",
});
const head = new Uint8Array(await whole<Blob>(workbook).slice(0, 2).arrayBuffer());
demand(head[0] === 0x50 && head[1] === 0x4b, "a workbook begins like a zip file");
