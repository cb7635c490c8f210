import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { serverEngines, startServer } from '../support/server.ts';
import { openStage, type Stage } from './stage.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface JobAnswer {
  id: string;
  status: string;
  progress: number;
  expired: boolean;
  creditCost: number;
  result: { images: string[] } | null;
}

for (const engine of serverEngines()) {
  describe(`what every answer keeps to, on ${engine.name}`, { skip: engine.skip }, () => {
    let stage: Stage;
    before(async () => {
      stage = await openStage(engine, { env: { LUMEGATE_RATE_PER_MINUTE: '60' } });
    });
    after(() => stage?.close());

    const call = (
      path: string,
      init: { method?: string; headers?: Record<string, string>; body?: string } = {},
    ): Promise<Response> =>
      fetch(`${stage.server.url}${path}`, { ...init, headers: { 'x-api-key': stage.server.key, ...init.headers } });
    const submit = async (prompt: string): Promise<string> => {
      const response = await call('/v2/images/generate', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'flux-1.1-pro', prompt }),
      });
      assert.equal(response.status, 202);
      return ((await response.json()) as { jobId: string }).jobId;
    };
    const waitFor = async (jobId: string, url = stage.server.url): Promise<JobAnswer> => {
      const response = await fetch(`${url}/v2/jobs/${jobId}?wait=60`, { headers: { 'x-api-key': stage.server.key } });
      return (await response.json()) as JobAnswer;
    };

    it('carries the caller’s request id where it is a sane one, else a new one, refused or not', async () => {
      const id = randomUUID();
      for (const path of ['/v2/me', '/v2/models', '/v2/jobs/7', '/v2/nothing', '/healthz', '/media/x/y.png']) {
        const own = await call(path, { headers: { 'x-request-id': id } });
        assert.equal(own.headers.get('x-request-id'), id, path);
        for (const strange of ['', '<script>', 'a b', 'x'.repeat(129)]) {
          const made = await call(path, { headers: { 'x-request-id': strange } });
          assert.match(made.headers.get('x-request-id') ?? '', UUID, path);
        }
      }
    });

    it('tells the job live from its beginning to its end, and again from where a reader left off', async () => {
      const jobId = await submit('a ship');
      const messages = readMessages(await (await call(`/v2/jobs/${jobId}/events`)).text());
      const kinds = messages.filter(({ event }) => event === 'timeline').map(({ data }) => data['kind']);
      assert.deepEqual([kinds[0], kinds.at(-1)], ['accepted', 'completed']);
      const states = messages.filter(({ event }) => event === 'state').map(({ data }) => data['status']);
      assert.equal(states.at(-1), 'COMPLETED');
      const ids = messages.map(({ id }) => id);
      assert.deepEqual(
        ids,
        ids.toSorted((a, b) => a - b),
      );
      const last = ids.at(-1) ?? 0;
      const rest = await call(`/v2/jobs/${jobId}/events`, { headers: { 'last-event-id': String(last - 1) } });
      assert.deepEqual(
        readMessages(await rest.text())
          .filter(({ event }) => event === 'timeline')
          .map(({ data }) => data['kind']),
        ['completed'],
      );
      assert.equal(
        (await call(`/v2/jobs/${jobId}/events`, { headers: { 'last-event-id': String(last) } })).status,
        204,
      );
    });

    it('takes a callback as a hint from whoever knows its address, and tells others nothing', async () => {
      const jobId = await submit('sandbox:never');
      const attempt = await findAttempt(stage, jobId);
      const send = (path: string, body = '{"id":"x","status":"finished"}'): Promise<Response> =>
        fetch(`${stage.server.url}/callbacks/${path}`, { method: 'POST', body });
      const right = `sandbox/${attempt.id}/${attempt.callback_token}`;
      for (const _ of [1, 2]) {
        const taken = await send(right);
        assert.deepEqual([taken.status, await taken.json()], [200, { status: 'accepted' }]);
      }
      assert.equal((await send(right, 'no json at all')).status, 200);
      assert.equal((await send(right, 'x'.repeat(1024 * 1024 + 1))).status, 400);
      const strange = [
        `sandbox/${attempt.id}/wrong`,
        `other/${attempt.id}/${attempt.callback_token}`,
        `sandbox/${randomUUID()}/x`,
        'sandbox/7/x',
      ];
      for (const path of strange) {
        const refused = await send(path);
        assert.deepEqual([refused.status, await refused.json()], [404, { error: 'Not found' }], path);
      }
      assert.equal((await fetch(`${stage.server.url}/callbacks/${right}`)).status, 405);
      const cancelled = await call(`/v2/jobs/${jobId}/cancel`, { method: 'POST' });
      assert.equal(((await cancelled.json()) as JobAnswer).status, 'CANCELLED');
    });

    it('says how long to wait at 429, and lets the request in after that', async () => {
      let answer = await call('/v2/me');
      for (let count = 0; count < 80 && answer.status === 200; count += 1) answer = await call('/v2/me');
      assert.equal(answer.status, 429);
      const seconds = Number(answer.headers.get('retry-after'));
      assert.ok(seconds >= 1 && seconds <= 2, `Retry-After: ${seconds}`);
      await sleep(seconds * 1000);
      assert.equal((await call('/v2/me')).status, 200);
    });

    it('says expired once the files are gone, and their addresses answer 404', async (context) => {
      // The list of requests was used up by the test before.
      await sleep(3_000);
      const jobId = await submit('a kite');
      const job = await waitFor(jobId);
      assert.deepEqual([job.status, job.expired], ['COMPLETED', false]);
      const [image = ''] = job.result?.images ?? [];
      assert.equal((await fetch(image)).status, 200);
      await stage.store.database.transaction((tx) =>
        tx.query('UPDATE outputs SET retain_until = 1 WHERE job_id = $1', [jobId]),
      );
      // At its start a server looks for what has expired.
      const { dataFolder, databaseUrl } = stage.place;
      const second = await startServer({ dataFolder, databaseUrl, key: stage.server.key });
      context.after(() => second.kill9());
      const later = await until(
        () => waitFor(jobId, second.url),
        ({ expired }) => expired,
      );
      assert.deepEqual([later.status, later.creditCost, later.progress], ['COMPLETED', 5, 100]);
      assert.equal((await fetch(image)).status, 404);
      assert.equal((await fetch(image, { method: 'HEAD' })).status, 404);
    });
  });
}

async function findAttempt({ store }: Stage, jobId: string): Promise<{ id: string; callback_token: string }> {
  const rows = await until(
    () =>
      store.database.query<{ id: string; callback_token: string }>(
        'SELECT id, callback_token FROM attempts WHERE job_id = $1',
        [jobId],
      ),
    ({ length }) => length > 0,
  );
  assert.ok(rows[0] !== undefined);
  return rows[0];
}

/** Asks again until it is so; for what no signal leaves the other process for. */
async function until<T>(ask: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const found = await ask();
    if (isSo(found) || tries > 100) return found;
    await sleep(100);
  }
}

function readMessages(stream: string): { id: number; event: string; data: Record<string, unknown> }[] {
  return stream
    .split('\n\n')
    .filter((block) => block.startsWith('id:'))
    .map((block) => {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
      // Safe: every message of the stream has an object as its data.
      return {
        id: Number(field('id')),
        event: field('event'),
        data: JSON.parse(field('data')) as Record<string, unknown>,
      };
    });
}
