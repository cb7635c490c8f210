import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { FAULT_NAMES, isBeforePurchase, type Fault } from '../../server/src/doubles/fault.ts';
import type { DoubleId } from '../../server/src/commands/vendors.ts';
import {
  FAULT_OUTCOMES,
  FAULT_POLICY,
  PROVIDER_CLASSES,
  type FaultOutcomeName,
  type ProviderClass,
} from '../../server/src/jobs/fault-policy.ts';
import { serverEngines } from '../support/server.ts';
import { departures } from './support/compare.ts';
import { nameOf, openFaultStage, type Play, type PlayedProvider } from './support/play-faults.ts';

/** One provider of each class; the others speak of faults in the same ways. */
const CLASS_OF = {
  replicate: 'listing',
  fal: 'listing-ended',
  bfl: 'calling-back',
  'openai-images': 'synchronous',
  comfyui: 'own-listing',
  'sd-server': 'own-mute',
} as const satisfies Partial<Record<DoubleId, ProviderClass>>;
type PlayedId = keyof typeof CLASS_OF;
/** Providers of whose generations the catalogue knows the cost. */
const WITH_COST: ReadonlySet<PlayedId> = new Set(['replicate', 'fal', 'bfl']);
/** What ends within seconds and has to do with the store: these are played on PostgreSQL too. */
const SAMPLE: readonly Fault[] = [
  'p2-reset-after',
  'p3-429-seconds',
  'p4-5xx-before',
  'p5-huge',
  'p6-status',
  'p8-truncated',
  'p10-2gb',
  'p11-expired',
  'p11-redirect-loopback',
  'p12-more',
  'p14-late-refusal',
  'p15-callback-5x',
  'p16-callback-before-answer',
  'p18-forged-callback',
  'p19-cost-high',
  'p23-402',
  'failed',
  '401-key',
];
/** 2 GiB, 10 MB of JSON and pictures of 30,000 × 30,000 pixels come side by side with fifty other jobs. */
const RSS_BYTES_MAX = 400 * 1024 * 1024;

function outcomeOf({ fault, strikes }: Play, id: PlayedId): FaultOutcomeName {
  const policy = FAULT_POLICY[fault];
  assert.ok(policy !== undefined, `${fault} is not in the table`);
  const first = policy.first[CLASS_OF[id]];
  return strikes === 'first' ? first : (policy.always ?? first);
}

/** Each fault at the first try; at every try where the table knows more and there is a further try. */
function playsAt(id: PlayedId, faults: readonly Fault[]): Play[] {
  return faults.flatMap((fault) => {
    const first: Play = { fault, strikes: 'first' };
    const isTriedAgain = ['retried', 'failed, then bought anew'].includes(outcomeOf(first, id));
    const hasMore = isTriedAgain && FAULT_POLICY[fault]?.always != null;
    return hasMore ? [first, { fault, strikes: 'always' }] : [first];
  });
}

describe('the table of faults', () => {
  it('has a row for each fault that a double can play, and no other', () => {
    assert.deepEqual(Object.keys(FAULT_POLICY), FAULT_NAMES);
    assert.deepEqual(Object.values(CLASS_OF).toSorted(), Object.keys(PROVIDER_CLASSES).toSorted());
  });

  it('lets nothing be bought twice but where nobody can tell, or where it has failed for good', () => {
    const twice = new Set(
      Object.values(FAULT_POLICY)
        .flatMap((policy) => [...Object.values(policy.first), ...(policy.always === null ? [] : [policy.always])])
        .filter((name) => FAULT_OUTCOMES[name].purchasesMax > 1),
    );
    assert.deepEqual([...twice].toSorted(), [
      'believed, then bought anew',
      'bought once more',
      'failed at each try',
      'failed, then bought anew',
    ]);
  });
});

/** A lost request of 60 s and 90 s of looking for it; the others need two minutes. These are started first. */
const SLOW: readonly PlayedId[] = ['replicate', 'comfyui'];
const OTHERS: readonly PlayedId[] = ['openai-images', 'fal', 'bfl', 'sd-server'];

const stages = serverEngines().flatMap((engine) => {
  const isFull = engine.name === 'sqlite';
  const ids: readonly PlayedId[] = isFull ? [...SLOW, ...OTHERS] : ['replicate', 'openai-images'];
  return ids.map((id) => ({
    engine,
    id,
    faults: isFull ? FAULT_NAMES : SAMPLE,
    jobMinutes: isFull && SLOW.includes(id) ? 3 : 2,
  }));
});
const played = new Map<string, Promise<PlayedProvider>>();

describe('every fault of a provider has the outcome that the table says', () => {
  before(async () => {
    // Gateways are started one after another, and then work side by side, since the long faults only wait.
    for (const { engine, id, faults, jobMinutes } of stages) {
      if (engine.skip !== false) continue;
      const stage = await openFaultStage({ engine, double: id, plays: playsAt(id, faults), jobMinutes });
      played.set(`${engine.name} ${id}`, stage.play());
    }
    await Promise.allSettled(played.values());
  });

  for (const { engine, id, faults } of stages) {
    describe(`${id}, on ${engine.name}`, { skip: engine.skip }, () => {
      const all = (): Promise<PlayedProvider> => played.get(`${engine.name} ${id}`) ?? assert.fail('not played');

      for (const play of playsAt(id, faults)) {
        const name = outcomeOf(play, id);
        it(`${play.fault}${play.strikes === 'always' ? ', at each try' : ''}: ${name}`, async () => {
          const one = (await all()).plays.get(nameOf(play));
          if (one === undefined || one instanceof Error) throw one ?? new Error('not played');
          const found = departures(one, FAULT_OUTCOMES[name], { fault: play.fault, hasCost: WITH_COST.has(id) });
          assert.deepEqual(found, []);
          if (isBeforePurchase(play.fault) && one.ended.status === 'FAILED') assert.equal(one.bought, 0);
        });
      }

      it('the gateway goes on, says no 5xx and no error, and its books are right', async () => {
        const { books, serverErrors, errorLines, isAlive, keysLeaked, spooled } = await all();
        assert.deepEqual(
          { serverErrors, errorLines, isAlive, keysLeaked },
          {
            serverErrors: [],
            errorLines: [],
            isAlive: true,
            keysLeaked: 0,
          },
        );
        assert.deepEqual([books.findings, books.held, spooled], [[], 0, []]);
      });

      it('its memory stays bounded', async () => {
        const { rssBytesMax } = await all();
        assert.ok(rssBytesMax > 0 && rssBytesMax < RSS_BYTES_MAX, `${Math.round(rssBytesMax / 1024 ** 2)} MB`);
      });
    });
  }

  it('a cost above the expected one is booked as the provider told it, and told to the operator', async () => {
    const one = (await played.get('sqlite bfl'))?.plays.get('first-p19-cost-high');
    if (one === undefined || one instanceof Error) throw one ?? new Error('not played');
    assert.deepEqual(
      one.costs.map(({ account, amount_micro_usd: amount }) => [account, amount]),
      [['cost', 400_000]],
    );
    assert.ok(one.log.some(({ event, level }) => event === 'purchase.cost-above-expected' && level === 'warn'));
  });
});
