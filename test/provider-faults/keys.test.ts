import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { Fault } from '../../server/src/doubles/fault.ts';
import type { RunningDouble } from '../../server/src/doubles/run-double.ts';
import { startDouble, type DoubleId } from '../../server/src/commands/vendors.ts';
import { serverEngines, type ServerEngine } from '../support/server.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { follow, openGateway, submit, textOf, type Ended, type Gateway } from './support/gateway.ts';

/** A job whose provider refuses the key fails within this time. */
const FAST_MS = 15_000;
const NOT_AVAILABLE = 'The provider is not available to this gateway at present';
const REFUSALS = [
  ['p23-402', 'provider-out-of-money'],
  ['401-key', 'provider-key-refused'],
] as const;
/** What becomes of a key that was refused once: it rests for half a minute. */
const REST_MS = 30_000;

interface World {
  double: RunningDouble;
  others: RunningDouble[];
  receiver: Receiver;
  gateway: Gateway;
}

async function open(
  t: TestContext,
  options: { engine: ServerEngine; fault?: Fault; others?: readonly DoubleId[]; env?: Record<string, string> },
): Promise<World> {
  const { engine, fault, others: names = [], env = {} } = options;
  const double = await startDouble('bfl', { durationMs: 300, script: fault === undefined ? [] : [{ fault }] });
  t.after(() => double.close());
  const others = await Promise.all(names.map((name) => startDouble(name, { durationMs: 300 })));
  t.after(() => Promise.all(others.map((other) => other.close())));
  const receiver = await startReceiver(() => ({ kind: 'status', status: 200 }));
  t.after(() => receiver.close());
  const gateway = await openGateway({
    engine,
    env: {
      ...Object.assign({}, ...others.map(({ settings }) => settings)),
      ...double.settings,
      LUMEGATE_OPERATOR_WEBHOOK: receiver.url,
      ...env,
    },
  });
  t.after(() => gateway.close());
  return { double, others, receiver, gateway };
}

const run = async (gateway: Gateway, providers: readonly string[] = ['bfl']): Promise<Ended> =>
  follow(gateway, await submit(gateway, { prompt: 'a red kite', routing: { providers } }), FAST_MS);

const asked = { model: 'flux-1.1-pro', prompt: 'a red kite', routing: { providers: ['bfl'] } };

async function warnings(gateway: Gateway): Promise<{ status: number; providers: string }> {
  const { status, json } = await gateway.call('GET', '/readyz');
  return { status, providers: textOf(json['warnings']?.['providers']) };
}

for (const engine of serverEngines()) {
  describe(`a key that its provider does not take, on ${engine.name}`, { skip: engine.skip, concurrency: true }, () => {
    for (const [fault, kind] of REFUSALS) {
      it(`${fault}: all jobs fail fast and free, and the operator is told once`, async (t) => {
        const { gateway, double, receiver } = await open(t, { engine, fault });
        const startedMs = performance.now();
        const ids: string[] = [];
        for (let count = 0; count < 12; count += 1) {
          // Once the refusal is known, a submit is refused before anything is held.
          const { status, json } = await gateway.call('POST', '/v2/images/generate', asked);
          assert.ok(status === 202 || status === 503, `${status} ${JSON.stringify(json)}`);
          if (status === 202) ids.push(textOf(json['jobId']));
        }
        const ends = await Promise.all(ids.map((id) => follow(gateway, id, FAST_MS)));
        assert.ok(ends.length > 0 && performance.now() - startedMs < FAST_MS);
        for (const { status, error, creditCost } of ends) {
          assert.deepEqual([status, error, creditCost], ['FAILED', NOT_AVAILABLE, 0]);
        }
        await receiver.waitForHits(1);
        const refused = await gateway.call('POST', '/v2/images/generate', asked);
        assert.equal(refused.status, 503, JSON.stringify(refused.json));
        assert.deepEqual(await warnings(gateway), {
          status: 200,
          providers: 'bfl: every key is refused or out of money',
        });
        const { alerts, held, jobs, findings, costs } = await gateway.books();
        assert.deepEqual([held, jobs, findings, costs], [0, ends.length, [], []]);
        assert.deepEqual(
          alerts.map((alert) => [alert.kind, alert.subject]),
          [[kind, 'bfl']],
        );
        assert.equal(receiver.hits.length, 1);
        assert.match(receiver.hits[0]?.body ?? '', new RegExp(`"kind":"${kind}"`));
        assert.ok(!receiver.hits[0]?.body.includes(String(double.key)), 'the key is not told');
        assert.equal((await double.ledger()).length, 0);
      });
    }

    it('where another route can serve, nobody notices', async (t) => {
      const { gateway, others } = await open(t, { engine, fault: 'p23-402', others: ['replicate'] });
      const ends = await Promise.all(Array.from({ length: 6 }, () => run(gateway, ['bfl', 'replicate'])));
      assert.deepEqual(
        new Set(ends.map(({ status, creditCost }) => `${status} ${creditCost}`)),
        new Set(['COMPLETED 5']),
      );
      assert.equal((await others[0]?.ledger())?.length, 6);
    });

    it('a key that is revoked on the way loses no work, and is taken into use again by itself', async (t) => {
      const { gateway, double, receiver } = await open(t, { engine });
      assert.equal((await run(gateway)).status, 'COMPLETED');
      double.script([{ match: { prompt: 'long' }, fault: null, durationMs: 4_000 }]);
      const long = await submit(gateway, { prompt: 'a long wait', routing: { providers: ['bfl'] } });
      while ((await double.ledger()).length < 2) await gateway.call('GET', `/v2/jobs/${long}?wait=1`);
      double.script([{ fault: '401-key' }]);
      assert.equal((await run(gateway)).error, NOT_AVAILABLE);
      assert.equal((await follow(gateway, long, FAST_MS)).status, 'COMPLETED', 'what was bought is delivered');
      double.heal();
      const until = performance.now() + REST_MS + FAST_MS;
      let status = 0;
      while (status !== 202 && performance.now() < until) {
        ({ status } = await gateway.call('POST', '/v2/images/generate', asked));
        if (status !== 202) await gateway.call('GET', `/v2/jobs/${long}?wait=1`);
      }
      assert.equal(status, 202);
      await receiver.waitForHits(2);
      const kinds = receiver.hits.map(({ body }) => /"kind":"([^"]+)"/.exec(body)?.[1]);
      assert.deepEqual(kinds, ['provider-key-refused', 'provider-key-well-again']);
      assert.equal((await warnings(gateway)).providers, 'ok');
    });

    it('a team with a key of its own pays the fee and the provider, and its trouble is its own', async (t) => {
      const { gateway, double, receiver } = await open(t, { engine, env: { LUMEGATE_OWN_KEY_FEE: '2' } });
      const give = (key: string) => gateway.call('POST', '/v2/provider-keys', { provider: 'bfl', key });
      const given = await give(`${double.key}-team`);
      assert.equal(given.status, 201, JSON.stringify(given.json));
      const ended = await run(gateway);
      assert.deepEqual([ended.status, ended.creditCost], ['COMPLETED', 2]);
      const [purchase] = await double.ledger();
      assert.equal(purchase?.keyLast4, 'team');
      double.script([{ fault: '401-key' }]);
      const failed = await run(gateway);
      assert.deepEqual([failed.status, failed.creditCost, failed.error], ['FAILED', 0, NOT_AVAILABLE]);
      const { costs, alerts, findings, held } = await gateway.books();
      assert.deepEqual([costs, alerts, findings, held], [[], [], [], 0]);
      assert.deepEqual([receiver.hits.length, (await warnings(gateway)).providers], [0, 'ok']);
      const { json } = await gateway.call('GET', '/v2/provider-keys');
      assert.ok(!JSON.stringify(json).includes(`${double.key}-team`), 'a key is never read again');
    });
  });
}
