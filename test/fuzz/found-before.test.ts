import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { serverEngines } from '../support/server.ts';
import { jsonRequest, openFuzzWorld, SMALL_BODY, type FuzzWorld } from './fuzz-world.ts';

// What generated requests have once found, so that it does not take luck to find it again.

for (const engine of serverEngines()) {
  describe(`found before, on ${engine.name}`, { skip: engine.skip }, () => {
    let world: FuzzWorld;
    before(async () => {
      world = await openFuzzWorld(engine);
    });
    after(() => world.close());

    it('a NUL in a filter of the list is a 400 that names it, where PostgreSQL would fail', async () => {
      const answer = await world.send({ target: '/v2/jobs?model=%00', headers: { 'x-api-key': world.keys.owner } });
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.text, /"model":\["/);
    });

    it('a NUL in the address of a callback is a 404', async () => {
      for (const target of [
        `/callbacks/%00/${randomUUID()}/x`,
        `/callbacks/sandbox/${randomUUID()}/%00`,
        `/media/${'A'.repeat(32)}/%00`,
      ]) {
        const method = target.startsWith('/media') ? 'GET' : 'POST';
        assert.equal((await world.send({ method, target })).status, 404, target);
      }
    });

    it('an address without a host at its place is refused, though one kind of parser finds a host in it', async () => {
      for (const url of ['http:///x', 'http:example.com', 'https:/example.com/x']) {
        const body = { ...SMALL_BODY, webhookUrl: url };
        const answer = await world.send(jsonRequest({ target: '/v2/images/generate', key: world.keys.owner, body }));
        assert.equal(answer.status, 400, `${url}: ${answer.text}`);
        assert.match(answer.text, /"webhookUrl":\["/);
      }
    });
  });
}
