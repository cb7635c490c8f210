import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import { describe, it, type TestContext } from 'node:test';

import { Webhook } from 'standardwebhooks';

import { handClock, type HandClock } from '../../server/src/core/hand-clock.ts';
import { idMaker } from '../../server/src/core/ids.ts';
import type { LogFields } from '../../server/src/core/log-port.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import type { Database } from '../../server/src/database/database.ts';
import { startTellOperator } from '../../server/src/loops/tell-operator.ts';
import { createNet } from '../../server/src/net/net.ts';
import { claimAlert, insertAlert, listAlerts, markAlert } from '../../server/src/webhooks/operator-alerts.ts';
import { engines, type Engine } from '../support/engines.ts';
import { startReceiver, type Hit, type Receiver, type ReceiverAnswer } from '../support/receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const DAY_MS = 86_400_000;

interface AlertsWorld {
  database: Database;
  clock: HandClock;
  add(text?: string, hasReceiver?: boolean): Promise<string>;
  receiver(answer: (hit: Hit, number: number) => ReceiverAnswer): Promise<Receiver>;
  start(url: string | null, secret?: string | null): { wake(): void; stop(): Promise<void> };
  /** Resolves when so many tries have been written down. */
  waitForTries(count: number): Promise<void>;
  tried: { event: string; fields: LogFields }[];
}

async function openAlertsWorld(t: TestContext, engine: Engine): Promise<AlertsWorld> {
  const clock = handClock(Date.now());
  const { database, dispose } = await engine.open({ clock });
  const newId = idMaker(clock, systemRandom());
  const news = new EventEmitter();
  const tried: AlertsWorld['tried'] = [];
  const note = (event: string, fields: LogFields = {}): void => {
    tried.push({ event, fields });
    news.emit('tried');
  };
  const log = { info: note, warn: note, error: note };
  const net = createNet({ allowPrivate: false, clock, log });
  const cleanUps: (() => Promise<unknown>)[] = [dispose, () => net.close()];
  t.after(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  });
  return {
    database,
    clock,
    tried,
    add: (text = 'The key is refused.', hasReceiver = true) => {
      const alert = { id: newId(), now: clock.now(), kind: 'provider-key-refused', subject: 'bfl', text, hasReceiver };
      return database.transaction(async (tx) => {
        await insertAlert(tx, alert);
        return alert.id;
      });
    },
    receiver: async (answer) => {
      const receiver = await startReceiver(answer);
      cleanUps.push(() => receiver.close());
      return receiver;
    },
    start: (url, secret = null) => {
      const settings = { operatorWebhook: url, operatorWebhookSecret: secret };
      const loop = startTellOperator({ database, net, clock, log, settings });
      cleanUps.push(loop.stop);
      return loop;
    },
    waitForTries: async (count) => {
      while (tried.length < count) await once(news, 'tried');
    },
  };
}

const status = (code: number): ReceiverAnswer => ({ kind: 'status', status: code });

for (const engine of engines()) {
  describe(`alerts to the operator on ${engine.name}`, { skip: engine.skip }, () => {
    it('an alert is told once, signed, in the form of Standard Webhooks, to an address in his own network', async (t) => {
      const world = await openAlertsWorld(t, engine);
      const receiver = await world.receiver(() => status(204));
      const id = await world.add('The key "main" is refused.');
      const loop = world.start(receiver.url, SECRET);
      await world.waitForTries(1);
      const [hit] = receiver.hits;
      assert.ok(hit !== undefined);
      assert.equal(hit.headers['webhook-id'], id);
      const told = new Webhook(SECRET).verify(hit.body, hit.headers);
      assert.deepEqual(told, {
        type: 'operator.alert',
        timestamp: new Date(world.clock.now()).toISOString(),
        data: { kind: 'provider-key-refused', subject: 'bfl', text: 'The key "main" is refused.' },
      });
      world.clock.advance(DAY_MS);
      loop.wake();
      await loop.stop();
      assert.equal(receiver.hits.length, 1);
      assert.deepEqual(
        (await listAlerts(world.database)).map(({ state, tries }) => [state, tries]),
        [['sent', 1]],
      );
    });

    it('without a secret it is not signed; without an address it is listed and told to nobody', async (t) => {
      const world = await openAlertsWorld(t, engine);
      const receiver = await world.receiver(() => status(200));
      await world.add('first', false);
      world.start(null);
      const second = await world.add('second');
      world.start(receiver.url);
      await world.waitForTries(1);
      assert.deepEqual(
        receiver.hits.map(({ headers }) => [headers['webhook-id'], headers['webhook-signature']]),
        [[second, undefined]],
      );
      assert.deepEqual(
        (await listAlerts(world.database)).map(({ text, state }) => [text, state]),
        [
          ['second', 'sent'],
          ['first', 'unsent'],
        ],
      );
    });

    it('a receiver that is down is tried again after 5 s and up to every hour, for a day', async (t) => {
      const world = await openAlertsWorld(t, engine);
      const receiver = await world.receiver(() => status(500));
      await world.add();
      const loop = world.start(receiver.url);
      const waits = [5_000, 30_000, 180_000, 900_000, 3_600_000, 3_600_000];
      for (const [index, waitMs] of waits.entries()) {
        await world.waitForTries(index + 1);
        world.clock.advance(waitMs - 1);
        loop.wake();
        const early = await claimAlert(world.database, world.clock.now());
        assert.equal(early, null, `not before ${waitMs} ms`);
        world.clock.advance(1);
        loop.wake();
      }
      for (let count = waits.length + 1; world.tried.at(-1)?.fields['state'] !== 'failed'; count += 1) {
        await world.waitForTries(count);
        world.clock.advance(3_600_000);
        loop.wake();
        assert.ok(count < 40);
      }
      assert.deepEqual(
        (await listAlerts(world.database)).map(({ state }) => state),
        ['failed'],
      );
      assert.ok(receiver.hits.length >= 26 && receiver.hits.length <= 29, `${receiver.hits.length} tries`);
      assert.ok(world.tried.every(({ event }) => event === 'alert.not-told'));
    });

    it('a process that ends while it tells leaves the alert to another one; one claim is one process’s', async (t) => {
      const world = await openAlertsWorld(t, engine);
      await world.add();
      const now = world.clock.now();
      const claims = await Promise.all([1, 2, 3].map(() => world.database.transaction((tx) => claimAlert(tx, now))));
      assert.equal(claims.filter((claim) => claim !== null).length, 1);
      assert.equal(await claimAlert(world.database, now + 59_999), null);
      const again = await claimAlert(world.database, now + 60_000);
      assert.equal(again?.tries, 2);
      assert.ok(again !== null);
      assert.equal(await markAlert(world.database, { alert: again, isTold: true, now }), 'sent');
    });

    it('an alert that is written while the loop sleeps is told at the hint', async (t) => {
      const world = await openAlertsWorld(t, engine);
      const receiver = await world.receiver(() => status(200));
      world.start(receiver.url);
      const id = await world.add();
      world.database.notify('alert', id);
      await world.waitForTries(1);
      assert.equal(receiver.hits.length, 1);
    });

    it('what was told 90 days ago is forgotten, what still waits is not', async (t) => {
      const world = await openAlertsWorld(t, engine);
      await world.add('waits');
      await world.add('listed', false);
      world.clock.advance(90 * DAY_MS + 1);
      await world.add('new', false);
      assert.deepEqual(
        (await listAlerts(world.database)).map(({ text }) => text),
        ['new', 'waits'],
      );
    });
  });
}
