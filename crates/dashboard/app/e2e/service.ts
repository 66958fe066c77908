// Runs the program on its own database.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export type Engine = 'sqlite' | 'postgres';
export const USERNAME = 'admin';
export const PASSWORD = 'violet-anchor-42-Meadow-thrush';

const POSTGRES = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

function program(): string {
  const target = process.env.CARGO_TARGET_DIR ?? resolve(import.meta.dirname, '../../../../target');
  const candidates = [process.env.CAMPUS_BACKUP_PROGRAM, join(target, 'debug/campus-backup')];
  const found = candidates.find((candidate) => candidate && existsSync(candidate));
  if (!found) throw new Error('build it first: cargo build --package campus-backup-api');
  return resolve(found);
}

function sql(statement: string): void {
  execFileSync('psql', ['--quiet', '--no-psqlrc', POSTGRES, '--command', statement]);
}

export class Service {
  readonly folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
  readonly database = `dashboard_${process.pid}_${Math.random().toString(36).slice(2)}`;
  readonly environment: Record<string, string>;
  #process: ChildProcess | undefined;
  url = '';

  constructor(readonly engine: Engine) {
    this.environment = {
      CAMPUS_BACKUP_ADMIN_PASSWORD: PASSWORD,
      CAMPUS_BACKUP_JWT_SECRET: 'a secret of the tests, long enough for HS256 and used nowhere else',
      CAMPUS_BACKUP_DATA_DIR: join(this.folder, 'data'),
      CAMPUS_BACKUP_LOGIN_BURST: '1000',
      CAMPUS_BACKUP_LOGIN_BURST_ADDRESS: '1000',
    };
    if (engine === 'postgres') {
      sql(`CREATE DATABASE ${this.database}`);
      this.environment.DATABASE_URL = new URL(this.database, POSTGRES).href;
    }
  }

  /** Fills the database. `scale` 1 has 100,000 rows of attendance. */
  fill(scale: number): void {
    execFileSync(program(), ['demo', '--scale', String(scale)], { env: this.environment });
  }

  /** Runs another command of the program in parallel to the service, and returns its output. */
  command(...words: string[]): string {
    return execFileSync(program(), words, { env: this.environment, encoding: 'utf8' });
  }

  async start(...flags: string[]): Promise<this> {
    return this.#listen('127.0.0.1:0', flags);
  }

  /** Ends the process at once, as a power failure does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Restarts the service on the same address. */
  async startAgain(): Promise<this> {
    return this.#listen(new URL(this.url).host, []);
  }

  async #listen(address: string, flags: string[]): Promise<this> {
    const child = spawn(program(), ['serve', '--listen', address, ...flags], { env: this.environment });
    this.#process = child;
    let log = '';
    this.url = await new Promise<string>((listening, failed) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        log += chunk;
        const found = /listening on (http:\/\/[\d.:]+)/.exec(log);
        if (found?.[1]) listening(found[1]);
      });
      child.on('error', failed);
      child.on('exit', () => failed(new Error(`the service ended before it listened:\n${log}`)));
    });
    return this;
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.engine === 'postgres') sql(`DROP DATABASE IF EXISTS ${this.database} WITH (FORCE)`);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Gets a token for the API, as a client without a browser. */
  async token(): Promise<string> {
    const answer = await fetch(`${this.url}/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: USERNAME, password: PASSWORD }),
    });
    const { access_token } = (await answer.json()) as { access_token: string };
    return access_token;
  }

  async api<T>(path: string, body?: unknown): Promise<T> {
    const answer = await this.request(body ? 'POST' : 'GET', path, body ? JSON.stringify(body) : undefined);
    return (await answer.json()) as T;
  }

  async request(method: string, path: string, body?: BodyInit, type = 'application/json'): Promise<Response> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${await this.token()}`, 'Content-Type': type },
      ...(body ? { body } : {}),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  /** Uploads the file at a path as another archive. */
  async upload(path: string, label: string): Promise<void> {
    const file = await (await this.request('GET', path)).arrayBuffer();
    await this.request('POST', `/backup/archives/upload?label=${label}`, file, 'application/octet-stream');
  }

  /** Waits until a job has ended. */
  async ended(job: { id: string }): Promise<{ state: string; result: Record<string, string> | null }> {
    for (;;) {
      const found = await this.api<{ state: string; result: Record<string, string> | null }>(
        `/backup/jobs/${job.id}`,
      );
      if (!['queued', 'running', 'cancelling'].includes(found.state)) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Creates a backup and returns its id. */
  async createBackup(label: string): Promise<string> {
    const job = await this.ended(await this.api<{ id: string }>('/backup/archives', { label }));
    return job.result?.archive_id ?? '';
  }

  /** Copies a stored backup under another id, as a person who copies its folder does, with other values in its manifest. */
  copyArchive(id: string, copy: string, values: Record<string, unknown>): void {
    const [from, to] = [id, copy].map((each) => join(this.folder, 'data/archives', each)) as [string, string];
    cpSync(from, to, { recursive: true });
    const manifest = join(to, 'manifest.json');
    const read = JSON.parse(readFileSync(manifest, 'utf8')) as object;
    writeFileSync(manifest, JSON.stringify({ ...read, ...values }));
  }

  /** The digests of the current tables. */
  async digests(): Promise<unknown> {
    const all = await this.api<{ summary: { sha256: unknown } }>('/backup/download/all');
    return all.summary.sha256;
  }

  /** Downloads a path with curl. */
  async curl(path: string): Promise<Buffer> {
    const bearer = `Authorization: Bearer ${await this.token()}`;
    return execFileSync('curl', ['-sS', '--fail', '-H', bearer, `${this.url}${path}`], {
      maxBuffer: 2 ** 30,
    });
  }
}
