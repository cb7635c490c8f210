import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import type { RunningDouble } from '../../server/src/doubles/run-double.ts';
import { startDouble } from '../../server/src/commands/vendors.ts';
import { serverEngines } from '../support/server.ts';
import { listIn, openGateway, type Gateway } from './support/gateway.ts';

describe('a wish for the route that makes no sense', () => {
  let gateway: Gateway;
  let doubles: RunningDouble[];
  before(async () => {
    doubles = await Promise.all((['bfl', 'replicate'] as const).map((id) => startDouble(id)));
    const [engine] = serverEngines();
    assert.ok(engine !== undefined);
    gateway = await openGateway({ engine, env: Object.assign({}, ...doubles.map(({ settings }) => settings)) });
  });
  after(async () => {
    await gateway.close();
    await Promise.all(doubles.map((double) => double.close()));
  });

  const PARAMS = { output_format: 'webp', image_prompt_strength: 0.3 };
  const CASES: readonly [string, unknown, string][] = [
    ['an unknown provider', { providers: ['zebra'] }, 'routing.providers'],
    ['one without a key here', { providers: ['together'] }, 'routing.providers'],
    ['the sandbox', { providers: ['sandbox'] }, 'routing.providers'],
    ['no provider', { providers: [] }, 'routing.providers'],
    ['one twice', { providers: ['bfl', 'bfl'] }, 'routing.providers'],
    ['a text for a list', { providers: 'bfl' }, 'routing.providers'],
    ['a number for a name', { providers: [7] }, 'routing.providers.0'],
    ['null for a list', { providers: null }, 'routing.providers'],
    ['a name with a NUL', { providers: ['bfl\u0000'] }, 'routing.providers.0'],
    ['the name of an object’s own part', { providers: ['constructor'] }, 'routing.providers'],
    ['eleven providers', { providers: Array.from({ length: 11 }, (_, i) => `p${i}`) }, 'routing.providers'],
    ['a price below the job’s', { maxCredits: 4.999 }, 'routing.maxCredits'],
    ['a price of nothing', { maxCredits: 0 }, 'routing.maxCredits'],
    ['a price below nothing', { maxCredits: -1 }, 'routing.maxCredits'],
    ['a text for a price', { maxCredits: '100' }, 'routing.maxCredits'],
    ['a list for a price', { maxCredits: [100] }, 'routing.maxCredits'],
    ['exactness that no provider offers', { fallback: 'exact' }, 'routing.fallback'],
    ['an unknown word', { fallback: 'EXACT' }, 'routing.fallback'],
    ['true for a word', { fallback: true }, 'routing.fallback'],
    ['a strange name', { provider: ['bfl'] }, 'routing.provider'],
    ['a prototype', JSON.parse('{"__proto__": {"providers": ["bfl"]}}'), 'routing.__proto__'],
    ['a text', 'bfl', 'routing'],
    ['a list', ['bfl'], 'routing'],
    ['a number', 1, 'routing'],
    ['null', null, 'routing'],
  ];
  for (const [name, routing, field] of CASES) {
    it(`${name}: 400 that names ${field}, and nothing is stored`, async () => {
      const body = { model: 'flux-1.1-pro', prompt: 'a red kite', fluxParams: PARAMS, routing };
      for (const path of ['/v2/images/generate', '/v2/estimate']) {
        const operation = path === '/v2/estimate' ? { operation: 'images/generate' } : {};
        const { status, json } = await gateway.call(
          'POST',
          path,
          path === '/v2/estimate' ? { ...operation, ...body } : body,
        );
        if (path === '/v2/estimate' && status === 404) continue;
        assert.equal(status, 400, `${path}: ${JSON.stringify(json)}`);
        if (path !== '/v2/estimate') {
          assert.ok(
            JSON.stringify(json['details'] ?? json['error']?.['details']).includes(`"${field}"`),
            JSON.stringify(json),
          );
        }
      }
      const { jobs, held } = await gateway.books();
      assert.deepEqual([jobs, held], [0, 0]);
    });
  }

  it('a combination that no provider with a key serves is refused with what each would need', async () => {
    const body = { model: 'hailuo-2.3-fast', prompt: 'a red kite' };
    const { status, json } = await gateway.call('POST', '/v2/videos/generate', body);
    assert.equal(status, 400, JSON.stringify(json));
    assert.match(JSON.stringify(json['error']), /this combination: replicate needs ."image.""$/);
    assert.deepEqual((await gateway.books()).jobs, 0);
  });

  it('and none of them was bought', async () => {
    const sold = await Promise.all(doubles.map((double) => double.ledger()));
    assert.deepEqual(sold.flat(), []);
    assert.deepEqual(listIn((await gateway.call('GET', '/v2/jobs')).json['jobs']), []);
    assert.deepEqual(gateway.serverErrors, []);
  });
});
