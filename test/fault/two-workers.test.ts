import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import pg from 'pg';

import { readLedger } from '../../server/src/doubles/ledger.ts';
import { newKeyText, serverEngines, startCommand, startServer, temporaryFolder } from '../support/server.ts';

const JOBS = 300;
const CONNECTIONS = 16;
/** Long enough for all jobs to be bought while the first ones end. */
const GENERATION_MS = 6_000;
/** The lease of a dead worker runs out after 20 s. */
const TAKEN_OVER_MS_MAX = 30_000;
const TEST_MS_MAX = 120_000;
const LOOK_MS = 50;

describe('two gateways share one PostgreSQL', () => {
  const engine = serverEngines().find(({ name }) => name === 'postgres');

  test(
    'no job is bought twice, and when one of them is killed the other goes on with its jobs within 30 s',
    { skip: engine?.skip ?? 'no PostgreSQL', timeout: TEST_MS_MAX },
    async () => {
      assert.ok(engine !== undefined);
      const place = await engine.makePlace();
      const doubles = await startBflDouble();
      const env = {
        ...doubles.settings,
        LUMEGATE_PROVIDER_BFL_MAX_IN_FLIGHT: '1000',
        LUMEGATE_TEAM_CONCURRENCY: '1000',
        LUMEGATE_START_CREDITS: '100000',
      };
      const store = new pg.Client({ connectionString: place.databaseUrl ?? '' });
      await store.connect();
      const options = { env, dataFolder: place.dataFolder, databaseUrl: place.databaseUrl, key: newKeyText() };
      const survivor = await startServer(options);
      const victim = await startServer(options);
      try {
        await submitAll(survivor);
        await untilHalf(store);
        await victim.kill9();
        const killedAt = performance.now();
        const orphans = await count(store, LEASED_BY, [`%:${victim.pid}:%`]);
        assert.ok(orphans > 0, 'the killed gateway had jobs in hand');

        await until(async () => (await count(store, NOT_TAKEN, [`%:${victim.pid}:%`])) === 0);
        const takenOverMs = performance.now() - killedAt;
        assert.ok(takenOverMs <= TAKEN_OVER_MS_MAX, `the jobs were taken over after ${takenOverMs} ms`);

        await until(async () => (await count(store, ENDED, [])) === JOBS);
        assert.equal(await count(store, COMPLETED, []), JOBS);
        const purchases = await readLedger(doubles.ledgerFile);
        assert.deepEqual(
          purchases.map(({ prompt }) => prompt).toSorted(),
          Array.from({ length: JOBS }, (_, number) => promptOf(number)).toSorted(),
          'each job was bought exactly once',
        );
        assert.equal(await count(store, RESUMED, []), orphans, 'nothing else changed hands');
      } finally {
        await store.end();
        await Promise.all([survivor.stop(), victim.stop()]);
        await doubles.stop();
        await place.dispose();
      }
    },
  );
});

const ENDED = `SELECT COUNT(*) AS jobs FROM jobs WHERE completed_at IS NOT NULL`;
const COMPLETED = `SELECT COUNT(*) AS jobs FROM jobs WHERE status = 'COMPLETED'`;
const BOUGHT = `SELECT COUNT(*) AS jobs FROM attempts WHERE state IN ('ACCEPTED', 'DONE')`;
const LEASED_BY = `SELECT COUNT(*) AS jobs FROM jobs WHERE status = 'PROCESSING' AND lease_owner LIKE $1`;
const NOT_TAKEN = `SELECT COUNT(*) AS jobs FROM jobs WHERE status = 'PROCESSING' AND (lease_owner IS NULL OR lease_owner LIKE $1)`;
/** Jobs that went on in other hands. */
const RESUMED = `SELECT COUNT(DISTINCT job_id) AS jobs FROM job_events WHERE kind = 'resumed'`;

async function count(store: pg.Client, sql: string, values: string[]): Promise<number> {
  const { rows } = await store.query<{ jobs: string }>(sql, values);
  return Number(rows[0]?.jobs);
}

/** Everything is bought, so that no purchase is left open by the kill, and half of the jobs have ended. */
async function untilHalf(store: pg.Client): Promise<void> {
  await until(async () => (await count(store, BOUGHT, [])) === JOBS && (await count(store, ENDED, [])) >= JOBS / 2);
}

/** The test's own time limit ends a wait for what never comes. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(LOOK_MS);
}

function promptOf(number: number): string {
  return `picture number ${number}`;
}

async function submitAll({ url, key }: { url: string; key: string }): Promise<void> {
  const numbers = Array.from({ length: JOBS }, (_, number) => number);
  const work = async (): Promise<void> => {
    for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
      const response = await fetch(`${url}/v2/images/generate`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'flux-1.1-pro', prompt: promptOf(number), routing: { providers: ['bfl'] } }),
      });
      assert.equal(response.status, 202, await response.text());
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
}

/** The provider in a process of its own, which sells on while gateways die. */
async function startBflDouble(): Promise<{
  settings: Record<string, string>;
  ledgerFile: string;
  stop(): Promise<void>;
}> {
  const folder = await temporaryFolder();
  const words = ['doubles', '--only', 'bfl', '--ledger', folder, '--duration', String(GENERATION_MS), '--json'];
  const child = startCommand(words, {});
  const line = await child.waitFor(() => child.outputLines[0]);
  // Safe: `lumegate doubles --json` prints exactly this.
  const { settings } = JSON.parse(line) as { settings: Record<string, string> };
  return {
    settings,
    ledgerFile: path.join(folder, 'bfl.jsonl'),
    stop: async () => {
      await child.stop();
      await rm(folder, { recursive: true });
    },
  };
}
