import assert from 'node:assert/strict';
import { it } from 'node:test';

import { startDouble } from '../../server/src/commands/vendors.ts';
import { serverEngines } from '../support/server.ts';
import { follow, openGateway, submit } from './support/gateway.ts';

/** The deadline, and what a single request may go on for after it. */
const END_MS_MAX = 60_000 + 20_000 + 30_000;

it('an answer that is lost beyond the deadline is no reason to buy once more', async (t) => {
  const double = await startDouble('openai-images', { script: [{ fault: 'p1-timeout-after-accept' }] });
  t.after(() => double.close());
  const [engine] = serverEngines();
  assert.ok(engine !== undefined);
  const env = { ...double.settings, LUMEGATE_JOB_MINUTES: '1', LUMEGATE_AMBIGUOUS: 'retry-once' };
  const gateway = await openGateway({ engine, env });
  t.after(() => gateway.close());
  const id = await submit(gateway, { prompt: 'a red kite', routing: { providers: ['openai-images'] } });
  const ended = await follow(gateway, id, END_MS_MAX);
  assert.deepEqual([ended.status, ended.creditCost], ['FAILED', 0]);
  assert.equal((await double.ledger()).length, 1);
  assert.equal(ended.attempts.length, 1);
});
