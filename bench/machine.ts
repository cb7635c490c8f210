import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { DatabaseSync } from 'node:sqlite';

import pg from 'pg';

/** Beyond this the machine does something else beside the bench, and the figures are marked. */
const LOAD_MAX = 2;

/** True when the machine is too busy for figures that mean something. */
export function isNoisy(): boolean {
  return (loadavg()[0] ?? 0) > LOAD_MAX;
}

/** What a reader must know of the machine; nothing that changes from one run to the next on the same machine. */
export async function machineFacts(postgresUrl: string | null): Promise<string[]> {
  const facts = [
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown model'}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory, ${process.platform} ${process.arch}`,
    `Node ${process.versions.node}`,
    `SQLite ${sqliteVersion()}, WAL, synchronous=FULL`,
  ];
  if (postgresUrl !== null) facts.push(await postgresFacts(postgresUrl));
  return facts;
}

function sqliteVersion(): string {
  const handle = new DatabaseSync(':memory:');
  const row = handle.prepare('SELECT sqlite_version() AS version').get();
  handle.close();
  return String(row?.['version']);
}

async function postgresFacts(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string; fsync: string; synchronous: string }>(
      `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
         current_setting('synchronous_commit') AS synchronous`,
    );
    const [row] = rows;
    return `PostgreSQL ${row?.version.split(' ')[0] ?? 'unknown'}, fsync=${row?.fsync}, synchronous_commit=${row?.synchronous}, on the same machine`;
  } finally {
    await client.end();
  }
}

/** Milliseconds of processor time that a process has used, or null where the system does not tell (outside Linux). */
export function cpuMs(pid: number): number | null {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    // User and system time, the 14th and 15th field, in ticks of 10 ms.
    return (Number(afterName[11]) + Number(afterName[12])) * 10;
  } catch {
    // No /proc: the column is left out.
    return null;
  }
}

/** Bytes that a process holds in memory now, and the most that it has held; null outside Linux. */
export function memoryOf(pid: number): { residentBytes: number; peakBytes: number } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
    return { residentBytes: kibibytes('VmRSS') * 1024, peakBytes: kibibytes('VmHWM') * 1024 };
  } catch {
    // No /proc: nothing is said about memory.
    return null;
  }
}
