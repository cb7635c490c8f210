import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { systemClock } from '../../../server/src/core/clock.ts';
import { auditLedger } from '../../../server/src/credits/audit-ledger.ts';
import type { Database, Row } from '../../../server/src/database/database.ts';
import { openPostgres } from '../../../server/src/database/postgres.ts';
import { openSqlite } from '../../../server/src/database/sqlite.ts';
import { auditJobs } from '../../../server/src/jobs/audit-jobs.ts';
import type { StorePlace } from '../../support/server.ts';

/** A job as its rows tell it. */
export interface JobRow extends Row {
  id: string;
  input_json: string;
  status: string;
  webhook_status: string | null;
}

/** A try to buy as its row tells it. */
export interface AttemptRow extends Row {
  id: string;
  job_id: string;
  provider: string;
  state: string;
  /** The provider's name of the generation; null before it is known, and where the provider gives none. */
  upstream_id: string | null;
  failure_kind: string | null;
  /** What it cost, or else what the catalogue expects; in micro-dollars. */
  cost: number;
  /** UTC milliseconds. */
  intent_at: number;
}

/** What the store says: rows as they lie there, and what its own audits find. */
export interface StoreEvidence {
  jobs: JobRow[];
  /** Holds, captures and releases. */
  transfers: (Row & { job_id: string; kind: string })[];
  attempts: AttemptRow[];
  /** What purchases cost the operator, or may have cost him. */
  costs: (Row & { attempt_id: string; account: string; amount_micro_usd: number })[];
  outputs: (Row & { job_id: string; token: string; file_name: string; blob_key: string; sha256: string })[];
  deliveries: (Row & { id: string; job_id: string; event: string; body: string; state: string })[];
  events: (Row & { job_id: string; kind: string; at: number })[];
  keys: (Row & { key: string; job_id: string })[];
  /** What the operator was to hear. */
  alerts: (Row & { id: string; kind: string; subject: string; state: string })[];
  auditFindings: string[];
}

/** One generation that the provider has sold. */
export interface Purchase {
  /** The provider's name of it. */
  id: string;
  prompt: string;
  /** In micro-dollars; 0 where it is not on a bill. */
  cost: number;
}

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** Reads the store beside or after a server. */
export async function readStore(place: StorePlace): Promise<StoreEvidence> {
  const database = await openBeside(place.dataFolder, place.databaseUrl);
  try {
    return await readAll(database);
  } finally {
    await database.close();
  }
}

/**
 * Reads the store as a crash has left it. On SQLite a copy is read, because opening the file itself would recover
 * it, and that is for the restarted server to do.
 */
export async function readCrashedStore(place: StorePlace): Promise<StoreEvidence> {
  if (place.databaseUrl !== null) return readStore(place);
  const copy = await mkdtemp(path.join(tmpdir(), 'lumegate-crashed-'));
  try {
    for (const name of await readdir(place.dataFolder)) {
      // The index of the log (-shm) is made anew from the log, as after a power cut.
      if (/^lumegate\.sqlite(-wal)?$/.test(name))
        await copyFile(path.join(place.dataFolder, name), path.join(copy, name));
    }
    return await readStore({ ...place, dataFolder: copy });
  } finally {
    await rm(copy, { recursive: true });
  }
}

function openBeside(dataFolder: string, databaseUrl: string | null): Promise<Database> | Database {
  if (databaseUrl !== null) return openPostgres({ url: databaseUrl, log: silent });
  return openSqlite({ file: path.join(dataFolder, 'lumegate.sqlite'), clock: systemClock() });
}

const ATTEMPTS = `
SELECT id, job_id, provider, state, upstream_id, failure_kind,
  COALESCE(cost_micro_usd, expected_cost_micro_usd, 0) AS cost, intent_at FROM attempts`;

async function readAll(database: Database): Promise<StoreEvidence> {
  const [ledger, jobs] = [await auditLedger(database), await auditJobs(database)];
  return {
    jobs: await database.query('SELECT id, input_json, status, webhook_status FROM jobs'),
    transfers: await database.query('SELECT job_id, kind FROM transfers WHERE job_id IS NOT NULL'),
    attempts: await database.query(ATTEMPTS),
    costs: await database.query('SELECT attempt_id, account, amount_micro_usd FROM cost_entries'),
    outputs: await database.query('SELECT job_id, token, file_name, blob_key, sha256 FROM outputs'),
    deliveries: await database.query('SELECT id, job_id, event, body, state FROM deliveries'),
    events: await database.query('SELECT job_id, kind, at FROM job_events ORDER BY job_id, sequence'),
    keys: await database.query('SELECT key, job_id FROM idempotency'),
    alerts: await database.query('SELECT id, kind, subject, state FROM operator_alerts ORDER BY id'),
    auditFindings: [
      ...ledger.map((finding) => `ledger: ${finding.check} ${JSON.stringify(finding.row)}`),
      ...jobs.map((finding) => `jobs: ${finding.rule} ${finding.jobId}`),
    ],
  };
}

/** The sandbox's own list of what it has sold: one file for each generation. */
export async function readPurchases(providerFolder: string): Promise<Purchase[]> {
  const folder = path.join(providerFolder, 'sandbox-provider');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const purchases = names.map(async (name): Promise<Purchase> => {
    // Safe: the provider's own record; another shape would break its own reading first.
    const record = JSON.parse(await readFile(path.join(folder, name), 'utf8')) as {
      request: { id: string; input: { prompt: string } };
    };
    return { id: record.request.id, prompt: record.request.input.prompt, cost: 0 };
  });
  return Promise.all(purchases);
}

/** What the address of each output really serves: the SHA-256 of its bytes, or `HTTP <status>`. */
export async function fetchOutputs(baseUrl: string, outputs: StoreEvidence['outputs']): Promise<Map<string, string>> {
  const served = new Map<string, string>();
  for (const output of outputs) {
    const response = await fetch(`${baseUrl}/media/${output.token}/${output.file_name}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    served.set(output.blob_key, response.status === 200 ? sha256 : `HTTP ${response.status}`);
  }
  return served;
}
