import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { TestContext } from 'node:test';

import type { Clock } from '../../server/src/core/clock.ts';
import { idMaker } from '../../server/src/core/ids.ts';
import type { Log, LogFields } from '../../server/src/core/log-port.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import type { Database } from '../../server/src/database/database.ts';
import { startDeliverLoop, type DeliverLoop, type DeliverWorld } from '../../server/src/loops/deliver.ts';
import { createNet } from '../../server/src/net/net.ts';
import { insertDelivery } from '../../server/src/webhooks/deliveries.ts';
import { webhookBody, type WebhookEvent } from '../../server/src/webhooks/events.ts';
import type { Engine } from '../support/engines.ts';
import { startReceiver, type Receiver, type ReceiverAnswer } from '../support/receiver.ts';

/** SHA-256 of the API key that the tests' jobs were submitted with. */
export const KEY_DIGEST = createHash('sha256')
  .update(`afk_${'0'.repeat(40)}`)
  .digest();

/** A clock that stands still until the test moves it. */
export interface HandClock extends Clock {
  advance(ms: number): void;
}

/** Everything that tests of deliveries need, on a fresh store that is gone after the test. */
export interface WebhooksWorld {
  database: Database;
  clock: HandClock;
  newId: () => string;
  /** Log lines of event `delivery.tried`, in order. */
  tried: LogFields[];
  waitForTries(count: number): Promise<void>;
  /** Keeps the named error line quiet and resolves a turn after it was written; other error lines are shown. */
  expectError(event: string): Promise<void>;
  addWorker(): Promise<string>;
  killWorker(workerId: string): Promise<void>;
  addTeam(): Promise<string>;
  addJob(teamId?: string): Promise<string>;
  addEvent(
    event: WebhookEvent,
    url: string,
    job?: { id?: string; teamId?: string },
  ): Promise<{ id: string; jobId: string }>;
  receiver(answer: (number: number) => ReceiverAnswer): Promise<Receiver>;
  startLoop(options?: Partial<DeliverWorld>): Promise<DeliverLoop>;
  stateOf(deliveryId: string): Promise<{ state: string; tries: number; dueAt: number; webhookStatus: string | null }>;
}

export async function openWebhooksWorld(t: TestContext, engine: Engine): Promise<WebhooksWorld> {
  // PostgreSQL has a clock of its own, so ours begins at the same time.
  const clock = handClock(Date.now());
  const { database, dispose } = await engine.open({ clock });
  const newId = idMaker(clock, systemRandom());
  const { log, tried, waitForTries, expectError } = listeningLog(t);
  const net = createNet({ allowPrivate: true, clock, log });
  // What was opened last is closed first: loops, receivers, then the ground they stand on.
  const cleanUps: (() => Promise<unknown>)[] = [dispose, () => net.close()];
  t.after(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  });
  const rows = rowMakers(database, newId);
  const teamId = await rows.addTeam();
  return {
    database,
    clock,
    newId,
    tried,
    waitForTries,
    expectError,
    ...rows,
    addJob: (team = teamId) => rows.addJob(team),
    addEvent: async (event, url, job = {}) => {
      const team = job.teamId ?? teamId;
      const jobId = job.id ?? (await rows.addJob(team));
      const id = newId();
      const body = webhookBody(event, { ...FACTS, id: jobId });
      const delivery = { id, teamId: team, jobId, keyId: 'key', event, url, body, now: clock.now() };
      await database.transaction((tx) => insertDelivery(tx, delivery));
      return { id, jobId };
    },
    receiver: async (answer) => {
      const receiver = await startReceiver((_hit, number) => answer(number));
      cleanUps.push(receiver.close);
      return receiver;
    },
    startLoop: async (options = {}) => {
      const workerId = options.workerId ?? (await rows.addWorker());
      const loop = startDeliverLoop({ ...PLAIN, database, net, clock, log, ...options, workerId });
      cleanUps.push(async () => {
        const stopped = loop.stop().then(() => true);
        const aTurn = (): Promise<boolean> => new Promise((resolve) => setImmediate(() => resolve(false)));
        // Tries that still hang reach their time limit.
        while (!(await Promise.race([stopped, aTurn()]))) clock.advance(1_000);
      });
      return loop;
    },
  };
}

const FACTS = {
  model: 'flux-1.1-pro',
  status: 'COMPLETED',
  progress: 40,
  result: { images: [] },
  error: null,
  creditCost: 5,
  completedAt: 0,
} as const;

const PLAIN = {
  // No jitter: the middle of the range.
  random: { bytes: () => new Uint8Array(8), fraction: () => 0.5 },
  findDigest: async () => KEY_DIGEST,
  digestForm: 'raw',
  trust: { operatorOrigins: [] },
  reachCrashPoint: () => {},
  updateWebhookStatus: async (tx, jobId, status) => {
    await tx.query('UPDATE jobs SET webhook_status = $2 WHERE id = $1', [jobId, status]);
  },
} satisfies Partial<DeliverWorld>;

function handClock(startAt: number): HandClock {
  let at = startAt;
  const sleepers = new Set<{ wakeAt: number; wake: () => void }>();
  return {
    now: () => at,
    monotonicMs: () => at,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper = { wakeAt: at + ms, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake, { once: true });
      }),
    advance: (ms) => {
      at += ms;
      for (const sleeper of sleepers) if (sleeper.wakeAt <= at) sleeper.wake();
    },
  };
}

function listeningLog(t: TestContext): Pick<WebhooksWorld, 'tried' | 'waitForTries' | 'expectError'> & { log: Log } {
  const tried: LogFields[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  return {
    log: {
      info: (event, fields = {}) => {
        if (event !== 'delivery.tried') return;
        tried.push(fields);
        news.emit('tried');
      },
      warn: () => {},
      error: (event, _fields, cause) => {
        if (!news.emit(`error ${event}`)) t.diagnostic(`${event}: ${String(cause)}`);
      },
    },
    tried,
    waitForTries: async (count) => {
      while (tried.length < count) await once(news, 'tried');
    },
    expectError: (event) =>
      // The writer of the line goes to sleep right after it; a turn later it can be woken.
      new Promise((resolve) => news.on(`error ${event}`, () => setImmediate(resolve))),
  };
}

function rowMakers(database: Database, newId: () => string) {
  const write = (sql: string, values: (string | number)[]): Promise<unknown> =>
    database.transaction((tx) => tx.query(sql, values));
  return {
    addWorker: async () => {
      const id = newId();
      await write(`INSERT INTO workers (id, started_at, alive_until) VALUES ($1, 0, $2)`, [
        id,
        Number.MAX_SAFE_INTEGER,
      ]);
      return id;
    },
    killWorker: async (workerId: string) => {
      await write(`UPDATE workers SET alive_until = 0 WHERE id = $1`, [workerId]);
    },
    addTeam: async () => {
      const id = newId();
      await write(
        `INSERT INTO teams (id, name, plan, max_concurrent_jobs, created_at) VALUES ($1, 'team', 'free', 5, 0)`,
        [id],
      );
      return id;
    },
    addJob: async (teamId: string) => {
      const id = newId();
      await write(INSERT_JOB, [id, teamId]);
      return id;
    },
    stateOf: async (deliveryId: string) => {
      const rows = await database.query<{
        state: string;
        tries: number;
        due_at: number;
        webhook_status: string | null;
      }>(
        `SELECT d.state AS state, d.tries AS tries, d.due_at AS due_at, j.webhook_status AS webhook_status
         FROM deliveries d JOIN jobs j ON j.id = d.job_id WHERE d.id = $1`,
        [deliveryId],
      );
      const [row] = rows;
      if (row === undefined) throw new Error(`There is no delivery ${deliveryId}.`);
      return { state: row.state, tries: row.tries, dueAt: row.due_at, webhookStatus: row.webhook_status };
    },
  };
}

const INSERT_JOB = `
INSERT INTO jobs (id, team_id, user_id, key_id, mode, operation, model, input_json, call_json, price_micro,
  charge_micro, status, progress, webhook_status, queue_rank, created_at, deadline_at)
VALUES ($1, $2, 'user', 'key', 'live', 'generate', 'flux-1.1-pro', '{}', '{}', 5000000, 5000000, 'PROCESSING', 0,
  'pending', 0, 0, 0)`;
