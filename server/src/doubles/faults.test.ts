import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { double as bflDouble } from './bfl.ts';
import { double as falDouble } from './fal.ts';
import { FAULT_NAMES, FAULTS, isBeforePurchase, type Fault } from './fault.ts';
import { playDouble, type PlayedDouble } from './local-double-test-kit.ts';
import { readPicture } from './read-picture.ts';
import { double as replicateDouble } from './replicate.ts';
import { receiveCallbacks, sendBare, type WireAnswer } from './wire-test-kit.ts';

const key = { 'x-key': 'double-bfl-key' };
const BODY = JSON.stringify({ prompt: 'a red kite', output_format: 'png' });

/** One fault at work at the double of Black Forest Labs, seen over bare connections. */
interface Scene {
  t: TestContext;
  played: PlayedDouble;
  /** Sends a start; leaves once `enough` says so. */
  start(enough?: (soFar: WireAnswer) => boolean, body?: string): Promise<WireAnswer>;
  /** Looks at the id that the ledger names last. */
  look(): Promise<WireAnswer>;
  bought(): Promise<number>;
}

async function scene(t: TestContext, fault: Fault): Promise<Scene> {
  const played = await playDouble(t, bflDouble, { fault });
  const { url } = played.double;
  return {
    t,
    played,
    start: (enough, body = BODY) => sendBare(`${url}/v1/flux-pro-1.1`, { method: 'POST', headers: key, body }, enough),
    look: async () => {
      const last = (await played.double.ledger()).at(-1);
      return sendBare(`${url}/v1/get_result?id=${last?.id}`, { headers: key });
    },
    bought: async () => (await played.double.ledger()).length,
  };
}

const json = (answer: WireAnswer) => Object(JSON.parse(answer.body.toString()));

/** Starts, waits until it is done and follows the result link. */
async function file({ start, look, played }: Scene, enough?: (soFar: WireAnswer) => boolean): Promise<WireAnswer> {
  assert.equal((await start()).status, 200);
  played.clock.advance(10_000);
  return sendBare(json(await look()).result.sample, {}, enough);
}

async function sample({ start, look, played }: Scene): Promise<string> {
  assert.equal((await start()).status, 200);
  played.clock.advance(10_000);
  return json(await look()).result.sample;
}

/** Connects and hangs up once the double has taken the request, which was never answered. */
async function hangs({ start, played }: Scene): Promise<void> {
  let requests = 0;
  const answer = start();
  while (requests === 0) {
    requests = played.double.state().starts;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const quick = await sendBare(`${played.double.url}/v1/credits`, { headers: key });
  assert.equal(quick.status, 200);
  played.clock.advance(600_000);
  assert.deepEqual([(await answer).status, (await answer).end], [null, 'reset']);
}

async function throttled({ start }: Scene): Promise<string | undefined> {
  const answer = await start();
  assert.equal(answer.status, 429);
  return answer.headers['retry-after'];
}

/** The first three looks are spoiled, the fourth is right. */
async function spoilsThreeLooks({ start, look }: Scene, isSpoiled: (answer: WireAnswer) => boolean): Promise<void> {
  assert.equal((await start()).status, 200);
  for (let count = 1; count <= 4; count += 1) assert.equal(isSpoiled(await look()), count <= 3, `look ${count}`);
}

/** Callbacks that come for one start with a callback address, until `count` have come. */
async function callbacks(at: Scene, count: number): Promise<{ ids: unknown[]; id: unknown; statuses: unknown[] }> {
  const receiver = await receiveCallbacks(at.t);
  const started = await at.start(undefined, JSON.stringify({ prompt: 'x', webhook_url: receiver.url }));
  at.played.clock.advance(5_000);
  await new Promise((resolve) => setImmediate(resolve));
  at.played.clock.advance(5_000);
  await receiver.until(count);
  const bodies = receiver.received.map(({ body }) => JSON.parse(body));
  return { id: json(started).id, ids: bodies.map(({ id }) => id), statuses: bodies.map(({ status }) => status) };
}

const isBroken = (answer: WireAnswer): boolean => answer.status === 200 && !isJson(answer.body);
function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}

const CHECKS: Record<Fault, (at: Scene) => Promise<unknown>> = {
  'p1-timeout-before-accept': hangs,
  'p1-timeout-after-accept': hangs,
  'p2-reset-before': async ({ start }) => assert.deepEqual(await start(), RESET),
  'p2-reset-after': async ({ start }) => assert.deepEqual(await start(), RESET),
  'p2-reset-polls': (at) => spoilsThreeLooks(at, ({ end, status }) => end === 'reset' && status === null),
  'p3-429-seconds': async (at) => assert.equal(await throttled(at), '2'),
  'p3-429-date': async (at) => assert.equal(Date.parse((await throttled(at)) ?? ''), at.played.clock.now() + 2_000),
  'p3-429-none': async (at) => assert.equal(await throttled(at), undefined),
  'p3-429-huge': async (at) => assert.equal(await throttled(at), '1000000000'),
  'p3-429-polls': (at) => spoilsThreeLooks(at, ({ status }) => status === 429),
  'p4-5xx-before': async ({ start }) => assert.equal((await start()).status, 503),
  'p4-5xx-after': async ({ start }) => assert.equal((await start()).status, 502),
  'p4-5xx-polls': (at) => spoilsThreeLooks(at, ({ status }) => status === 500),
  'p5-malformed': async ({ start }) => assert.ok(isBroken(await start())),
  'p5-html': async ({ start }) => assert.match((await start()).body.toString(), /^<!doctype html>/),
  'p5-empty': async ({ start }) => assert.equal((await start()).body.length, 0),
  'p5-huge': async ({ start }) => assert.ok((await start()).body.length > 10 * 1024 * 1024),
  'p5-malformed-polls': (at) => spoilsThreeLooks(at, isBroken),
  'p6-shape': async ({ start }) => assert.equal(json(await start()).id, undefined),
  'p6-status': async ({ start, look, played }) => {
    await start();
    played.clock.advance(5_000);
    assert.equal(json(await look()).status, 'Daydreaming');
    played.clock.advance(5_000);
    assert.equal(json(await look()).status, 'Ready');
  },
  'p6-null-id': async ({ start }) => assert.equal(json(await start()).id, null),
  'p6-same-id': async ({ start, bought }) => {
    assert.equal(json(await start()).id, json(await start()).id);
    assert.equal(await bought(), 2);
  },
  'p7-never': async ({ start, look, played }) => {
    await start();
    played.clock.advance(86_400_000);
    assert.equal(json(await look()).status, 'Pending');
  },
  'p8-truncated': async (at) => {
    const { body, headers, end } = await file(at);
    assert.equal(body.length, Number(headers['content-length']));
    assert.ok(!body.includes('IEND') && readPicture(body) !== null && end === 'closed');
  },
  'p8-cut': async (at) => {
    // On a connection that would live on, so that its end is the double's doing.
    const { body, headers } = await sendBare(await sample(at), { headers: { connection: 'keep-alive' } });
    assert.equal(body.length, Math.floor(Number(headers['content-length']) / 2));
  },
  'p9-wrong-type': async (at) => {
    const { body, headers } = await file(at);
    assert.ok(headers['content-type'] === 'image/png' && body.includes('<!doctype html>'));
  },
  'p9-gzip': async (at) => {
    const { body, headers } = await file(at);
    assert.equal(headers['content-type'], 'image/png');
    assert.ok(readPicture(gunzipSync(body)) !== null);
  },
  'p10-empty': async (at) => assert.deepEqual([(await file(at)).body.length, (await file(at)).status], [0, 200]),
  'p10-2gb': async (at) => {
    const { body, headers } = await file(at, (soFar) => soFar.body.length > 3_000_000);
    assert.equal(headers['content-length'], String(2 ** 31));
    assert.ok(body.length > 3_000_000 && readPicture(body) !== null);
  },
  'p11-404': async (at) => assert.equal((await file(at)).status, 404),
  'p11-403': async (at) => assert.equal((await file(at)).status, 403),
  'p11-expired': async (at) => {
    assert.equal((await file(at)).status, 403);
    assert.equal((await sendBare(json(await at.look()).result.sample, {})).status, 200);
  },
  'p11-redirect-loopback': async (at) => {
    const { status, headers } = await file(at);
    assert.deepEqual([status, new URL(headers['location'] ?? '').hostname], [302, 'localhost']);
    assert.equal(at.played.double.state().trespasses, 0);
    const there = new URL(headers['location'] ?? '');
    await sendBare(`http://127.0.0.1:${there.port}${there.pathname}`, {});
    assert.equal(at.played.double.state().trespasses, 1);
  },
  'p12-fewer': async (at) => assert.equal(await sample(at), undefined),
  'p12-more': async ({ t }) => {
    const { clock, send, double } = await playDouble(t, replicateDouble, { fault: 'p12-more' });
    const headers = { authorization: `Bearer ${double.key}` };
    const body = { input: { prompt: 'x' } };
    await send('POST', '/v1/models/black-forest-labs/flux-1.1-pro/predictions', { body, headers });
    clock.advance(10_000);
    const [bought] = await double.ledger();
    const heard = await send('GET', `/v1/predictions/${bought?.id}`, { headers });
    assert.equal(heard.kind === 'answer' && JSON.parse(heard.text).output.length, 2);
  },
  'p13-bomb': async (at) => {
    const { body } = await file(at);
    assert.deepEqual(readPicture(body), { format: 'png', width: 30_000, height: 30_000 });
    assert.ok(body.length < 200_000);
  },
  'p14-late-refusal': async ({ start, look, played }) => {
    await start();
    played.clock.advance(9_000);
    assert.equal(json(await look()).progress, 0.9);
    played.clock.advance(1_000);
    assert.equal(json(await look()).status, 'Content Moderated');
  },
  'p15-callback-5x': async (at) => {
    const { id, ids } = await callbacks(at, 5);
    assert.deepEqual(ids, [id, id, id, id, id]);
  },
  'p16-callback-before-answer': async (at) => {
    const receiver = await receiveCallbacks(at.t);
    const started = await at.start(undefined, JSON.stringify({ prompt: 'x', webhook_url: receiver.url }));
    assert.equal(JSON.parse(receiver.received[0]?.body ?? '').id, json(started).id);
    assert.equal(json(await at.look()).status, 'Ready');
  },
  'p17-failed-after-success': async ({ start, look, played }) => {
    await start();
    played.clock.advance(10_000);
    assert.deepEqual([json(await look()).status, json(await look()).status], ['Ready', 'Error']);
  },
  'p17-progress-falls': async ({ start, look, played }) => {
    await start();
    played.clock.advance(5_000);
    assert.ok(json(await look()).progress > json(await look()).progress);
  },
  'p18-forged-callback': async (at) => {
    await at.start();
    const other = (await at.played.double.ledger())[0]?.id;
    const { id, ids, statuses } = await callbacks(at, 3);
    assert.deepEqual([ids.filter((seen) => seen === id).length, ids.filter((seen) => seen === other).length], [1, 1]);
    assert.deepEqual(statuses, ['Ready', 'Ready', 'Ready']);
  },
  'p19-cost-high': async ({ start }) => assert.equal(json(await start()).cost, 40),
  'p20-drip': async (at) => {
    const soFar = await file(at, ({ body }) => body.length === 1);
    assert.ok(Number(soFar.headers['content-length']) > 1_000);
  },
  'p20-drip-answer': async ({ start }) =>
    assert.equal((await start(({ body }) => body.length === 1)).body.toString(), '{'),
  'p21-dns': async (at) => assert.match(await sample(at), /^http:\/\/[a-z.]+\.invalid\//),
  'p21-tls': async (at) => assert.equal(new URL(await sample(at)).protocol, 'https:'),
  'p22-clock': async ({ start, look, played }) => {
    const aheadMs = Date.parse((await start()).headers['date'] ?? '') - played.clock.now();
    assert.equal(aheadMs, 3_600_000);
    played.clock.advance(10_000);
    assert.equal(json(await look()).result.end_time, (played.clock.now() + 3_600_000) / 1_000);
  },
  'p23-402': async ({ start }) => assert.equal((await start()).status, 402),
  'not-found-at-first': async ({ start, look, played }) => {
    await start();
    assert.equal(json(await look()).status, 'Task not found');
    played.clock.advance(1_000);
    assert.equal(json(await look()).status, 'Pending');
  },
  failed: async ({ start, look, played }) => {
    await start();
    played.clock.advance(5_000);
    assert.equal(json(await look()).status, 'Error');
  },
  '60s-answers': async ({ played }) => {
    const request = { body: { prompt: 'x' }, headers: key, stepMs: 1_000 };
    const heard = await played.send('POST', '/v1/flux-pro-1.1', request);
    assert.ok(heard.kind === 'answer' && heard.status === 200 && heard.afterMs >= 60_000);
  },
  'lost-answers-all': async (at) => {
    assert.deepEqual([await at.start(), await at.look()], [RESET, RESET]);
    assert.deepEqual(json(await sendBare(`${at.played.double.url}/v1/credits`, { headers: key })), {
      credits: 100_000,
    });
  },
  '401-key': async ({ start }) => assert.equal((await start()).status, 403),
};

const RESET: WireAnswer = { status: null, headers: {}, body: Buffer.alloc(0), end: 'reset' };

describe('the faults of the doubles', () => {
  for (const fault of FAULT_NAMES) {
    it(`${fault}: ${FAULTS[fault]}`, async (t) => {
      const at = await scene(t, fault);
      await CHECKS[fault](at);
      if (fault !== 'p12-more') assert.equal((await at.bought()) === 0, isBeforePurchase(fault));
    });
  }

  it('strike each provider in its own words', async (t) => {
    const statuses = await Promise.all(
      [replicateDouble, falDouble].map(async (double) => {
        const { send } = await playDouble(t, double, { fault: 'p23-402' });
        const isFal = double.id === 'fal';
        const path = isFal ? '/fal-ai/flux-2' : '/v1/models/black-forest-labs/flux-2-dev/predictions';
        const body = isFal ? { prompt: 'x' } : { input: { prompt: 'x' } };
        const headers = { authorization: `${isFal ? 'Key' : 'Bearer'} ${double.key}` };
        const heard = await send('POST', path, { body, headers });
        return heard.status;
      }),
    );
    assert.deepEqual(statuses, [402, 403]);
  });

  it('can be changed and ended while the double runs, over routes that only it has', async (t) => {
    const { send } = await playDouble(t, bflDouble);
    const start = async () => (await send('POST', '/v1/flux-pro-1.1', { body: {}, headers: key })).status;
    assert.equal(await start(), 200);
    await send('POST', '/__double/script', { body: [{ fault: 'p4-5xx-before' }] });
    assert.equal(await start(), 503);
    await send('POST', '/__double/heal');
    assert.equal(await start(), 200);
    const refused = await send('POST', '/__double/script', { body: [{ fault: 'p99' }] });
    assert.equal(refused.status, 400);
    const ledger = await send('GET', '/__double/ledger');
    assert.equal(ledger.kind === 'answer' && JSON.parse(ledger.text).purchases.length, 2);
    const state = await send('GET', '/__double/state');
    assert.equal(state.kind === 'answer' && JSON.parse(state.text).inFlight, 2);
  });

  it('refuse starts above the number under way that the script allows', async (t) => {
    const { clock, send } = await playDouble(t, bflDouble, { script: { inFlightMax: 2 } });
    const start = async () => (await send('POST', '/v1/flux-pro-1.1', { body: {}, headers: key })).status;
    assert.deepEqual([await start(), await start(), await start()], [200, 200, 429]);
    clock.advance(10_000);
    assert.equal(await start(), 200);
  });
});
