import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startPrivatePostgres, type PrivatePostgres } from '../../scripts/private-postgres.ts';
import { startReceiver } from '../support/receiver.ts';
import { newKeyText, startSandboxProvider, startServer, temporaryFolder } from '../support/server.ts';
import { checkHistory } from './support/check-history.ts';
import {
  acknowledgedJob,
  askAgainAndRest,
  newClient,
  submit,
  type ClientHistory,
  type ClientOptions,
} from './support/clients.ts';
import { fetchOutputs, readPurchases, readStore } from './support/evidence.ts';
import { measureResumed } from './support/measure-resumed.ts';

const CLIENTS = 20;
/** The server is killed when so many clients have their promise; the others are still asking. */
const ACKNOWLEDGED_FIRST = 8;
/** Requests made while the store is away. */
const PROBES = 4;
const RECOVERY_MS_MAX = 90_000;
const TEST_MS_MAX = 180_000;

describe('the gateway lives through the death of its PostgreSQL', () => {
  let postgres: PrivatePostgres | null = null;
  let reason = '';
  let provider: Awaited<ReturnType<typeof startSandboxProvider>>;

  before(async () => {
    const result = await startPrivatePostgres();
    if ('server' in result) postgres = result.server;
    else reason = result.reason;
    provider = await startSandboxProvider({ env: { LUMEGATE_SANDBOX_MS: '200' } });
  });
  after(async () => {
    await postgres?.stop();
    await provider.stop();
  });

  test(
    '503 while it is away, no false 202, and everything goes on by itself when it is back',
    { timeout: TEST_MS_MAX },
    async (t) => {
      if (postgres === null) return t.skip(reason);
      const place = { dataFolder: await temporaryFolder(), databaseUrl: postgres.url, dispose: async () => {} };
      const times = new Map<string, number[]>();
      const receiver = await startReceiver((hit) => {
        const id = hit.headers['webhook-id'] ?? '';
        times.set(id, [...(times.get(id) ?? []), Date.now()]);
        return { kind: 'status', status: 200 };
      });
      const gateway = await startServer({
        key: newKeyText(),
        dataFolder: place.dataFolder,
        databaseUrl: place.databaseUrl,
        env: { LUMEGATE_PROVIDER_SANDBOX_URL: provider.url, LUMEGATE_ALLOW_PRIVATE_URLS: 'on' },
      });
      const options: ClientOptions = { url: () => gateway.url, apiKey: gateway.key, webhookUrl: receiver.url };
      try {
        const clients = twentyClients();
        const asking = askOneByOne(clients, options);
        while (clients.filter((client) => acknowledgedJob(client) !== null).length < ACKNOWLEDGED_FIRST) await sleep(5);
        await postgres.kill9();

        const probes = await probe(options);
        const left = await backAgain(postgres, place);
        const restartedAt = Date.now();
        await asking;
        await untilReady(gateway.url);
        const readyMs = Date.now() - restartedAt;
        await askAgainAndRest(clients, options, { msMax: RECOVERY_MS_MAX });

        const store = await readStore(place);
        const served = await fetchOutputs(gateway.url, store.outputs);
        const resumedMs = measureResumed({ left, store, restartedAt, times });
        const purchases = await readPurchases(provider.dataFolder);
        const all = [...clients, ...probes];
        const findings = checkHistory({
          clients: all,
          crashed: left,
          store,
          purchases,
          hits: receiver.hits,
          served,
          resumedMs,
          provider: { lost: 'settled', isOwnMachine: true },
          isGraceful: false,
        });
        t.diagnostic(
          `ready ${readyMs} ms, every orphan under way ${Math.round(resumedMs ?? 0)} ms after PostgreSQL was back; ${told(all)}`,
        );
        assert.deepEqual(findings, []);
        assert.equal(store.jobs.filter((job) => job.status === 'COMPLETED').length, store.jobs.length);
      } catch (error) {
        t.diagnostic(`the gateway said: ${gateway.errorLines.slice(-30).join('\n')}`);
        throw error;
      } finally {
        await gateway.stop();
        await receiver.close();
        await rm(place.dataFolder, { recursive: true });
      }
    },
  );
});

function twentyClients(): ClientHistory[] {
  return Array.from({ length: CLIENTS }, (_, index) =>
    newClient(`postgres-killed-${index}`, {
      key: index % 4 === 3 ? null : `postgres-killed-${index}`,
      events: index % 2 === 0 ? ['completed', 'failed'] : [],
    }),
  );
}

/** Not all at once, so that the death finds some acknowledged, some on their way and some not yet sent. */
async function askOneByOne(clients: ClientHistory[], options: ClientOptions): Promise<void> {
  const asked: Promise<unknown>[] = [];
  for (const client of clients) {
    asked.push(submit(client, options));
    await sleep(20);
  }
  await Promise.all(asked);
}

/** Asks while the store is surely away: the answer must be 503 with Retry-After, while the process says it is alive. */
async function probe(options: ClientOptions): Promise<ClientHistory[]> {
  const probes = Array.from({ length: PROBES }, (_, index) => newClient(`postgres-killed-probe-${index}`, {}));
  for (const client of probes) {
    const answer = await submit(client, options);
    assert.equal(answer.kind, 'refused');
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.retryAfter) > 0, `Retry-After: ${answer.retryAfter}`);
  }
  assert.equal((await fetch(`${options.url()}/healthz`)).status, 200);
  assert.equal((await fetch(`${options.url()}/readyz`)).status, 503);
  return probes;
}

async function backAgain(
  postgres: PrivatePostgres,
  place: Parameters<typeof readStore>[0],
): ReturnType<typeof readStore> {
  await postgres.startAgain();
  return readStore(place);
}

async function untilReady(url: string): Promise<void> {
  while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(50);
}

function told(clients: ClientHistory[]): string {
  const kinds = clients.flatMap((client) =>
    client.told.map((answer) => (answer.kind === 'refused' ? `${answer.status}` : answer.kind)),
  );
  return [...new Set(kinds)].map((kind) => `${kinds.filter((one) => one === kind).length} ${kind}`).join(', ');
}
