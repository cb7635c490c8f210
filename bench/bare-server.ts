import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import { serve } from '@hono/node-server';
import { Hono } from 'hono';

import { firstStart } from '../server/src/commands/first-start.ts';
import { openStore, type Store } from '../server/src/commands/open-store.ts';
import { systemClock } from '../server/src/core/clock.ts';
import { systemRandom } from '../server/src/core/random.ts';
import { readSettings } from '../server/src/core/settings.ts';
import { groupedSubmit, plainPostgresSubmit, plainSqliteSubmit, type BareSubmit, type Owner } from './bare-submit.ts';

/** What a baseline process shall be; sent as its first message. */
export type BareOrder =
  | { kind: 'submit'; commits: 'plain' | 'grouped' }
  | { kind: 'poll'; stack: 'hono' | 'node'; bodyText: string }
  | { kind: 'bytes'; bodyText: string };

/** One baseline in a process of its own. Opens its store by the same environment variables as the server. */
process.once('message', (order: BareOrder) => {
  start(order).then(
    (port) => process.send?.({ port }),
    (error: unknown) => {
      process.send?.({ error: String(error) });
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });

async function start(order: BareOrder): Promise<number> {
  if (order.kind === 'bytes') return serveBytes(Buffer.from(order.bodyText));
  if (order.kind === 'poll')
    return order.stack === 'hono' ? serveHono(pollApp(order.bodyText)) : serveNode(order.bodyText);
  return serveHono(submitApp(await openSubmit(order.commits)));
}

/** No validation, no key, no log line: reads the JSON, commits, answers what the gateway answers. */
function submitApp(submit: BareSubmit): Hono {
  const app = new Hono();
  app.post('/v2/images/generate', async (context) => {
    const inputJson = JSON.stringify(await context.req.json());
    const jobId = randomUUID();
    await submit({ jobId, inputJson, idempotencyKey: context.req.header('idempotency-key') ?? jobId });
    return context.json({ jobId, status: 'QUEUED' }, 202);
  });
  return app;
}

function pollApp(bodyText: string): Hono {
  const value = parseObject(bodyText);
  const app = new Hono();
  app.get('/v2/jobs/:id', (context) => context.json(value));
  return app;
}

function serveHono(app: Hono): Promise<number> {
  return new Promise((resolve) => {
    serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, (address) => resolve(address.port));
  });
}

function serveNode(bodyText: string): Promise<number> {
  const value = parseObject(bodyText);
  return serveEach(() => Buffer.from(JSON.stringify(value)));
}

function serveBytes(bytes: Buffer): Promise<number> {
  return serveEach(() => bytes);
}

function serveEach(bodyOf: () => Buffer): Promise<number> {
  const server = createServer((_request, response) => {
    const body = bodyOf();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
  return new Promise((resolve) => {
    // Safe: a server that listens on a port has an address of this kind.
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function parseObject(text: string): object {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('the answer to copy is no JSON object');
  return value;
}

/** The gateway's own schema, first team and credits, so that tables, indexes and checks are the same. */
async function openSubmit(commits: 'plain' | 'grouped'): Promise<BareSubmit> {
  const settings = readSettings(process.env);
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const machine = { settings, clock: systemClock(), random: systemRandom(), log, isUnderTest: false };
  const store = await openStore(machine);
  await firstStart(machine, store);
  const owner = await findOwner(store);
  if (commits === 'grouped') return groupedSubmit(store.database, owner);
  await store.database.close();
  if (settings.databaseUrl !== null) return plainPostgresSubmit(settings.databaseUrl, owner);
  return plainSqliteSubmit(path.join(path.resolve(settings.dataFolder), 'lumegate.sqlite'), owner);
}

const OWNER = `
SELECT k.team_id, k.user_id, k.id AS key_id, a.id AS account_id
FROM api_keys k JOIN accounts a ON a.team_id = k.team_id AND a.mode = k.mode WHERE k.mode = 'live' LIMIT 1`;

async function findOwner(store: Store): Promise<Owner> {
  type OwnerRow = { team_id: string; user_id: string; key_id: string; account_id: string };
  const [row] = await store.database.query<OwnerRow>(OWNER);
  if (row === undefined) throw new Error('the first start made no live key');
  return { teamId: row.team_id, userId: row.user_id, keyId: row.key_id, accountId: row.account_id };
}
