import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { startServer, type TestServer } from '../support/server.ts';
import { sampleSound } from '../support/sample-media.ts';
import { ask, fetchPictureAt, plainPicture, readCredits, waitForEnd, type Gateway, type JobSeen } from './gateway.ts';

describe('what follows upon a finished job', () => {
  let server: TestServer;
  let gateway: Gateway;
  let grid: JobSeen;
  let songs: JobSeen;
  before(async () => {
    server = await startServer({ env: { LUMEGATE_SANDBOX_MS: '50', LUMEGATE_ALLOW_PRIVATE_URLS: 'on' } });
    gateway = { url: server.url, key: server.key };
    grid = await run('images/generate', { model: 'midjourney', prompt: 'a heron in the reeds' });
    songs = await run('music/generate', {
      model: 'suno',
      prompt: 'a song about a heron',
      sunoParams: { title: 'Heron' },
    });
  });
  after(() => server?.stop());

  const send = (operation: string, body: unknown, key = gateway.key): Promise<Response> =>
    ask({ ...gateway, key }, `/v2/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const run = async (operation: string, body: unknown): Promise<JobSeen> => {
    const response = await send(operation, body);
    assert.equal(response.status, 202, await response.clone().text());
    // Safe here and below: the contract tests hold these answers against the description.
    const { jobId } = (await response.json()) as { jobId: string };
    const job = await waitForEnd(gateway, jobId);
    assert.equal(job.status, 'COMPLETED', job.error ?? '');
    return job;
  };
  const midjourney = (body: object): Promise<JobSeen> => run('images/midjourney/action', body);
  const refusal = async (
    operation: string,
    body: unknown,
    key?: string,
  ): Promise<[status: number, fields: string[]]> => {
    const creditsBefore = await readCredits(gateway);
    const response = await send(operation, body, key);
    const answer = (await response.json()) as { details?: Record<string, string[]> };
    assert.equal(await readCredits(gateway), creditsBefore, 'nothing is held');
    return [response.status, Object.keys(answer.details ?? {})];
  };

  it('a grid is enlarged and varied, an enlarged picture painted anew, widened and moved, and each new grid goes on', async () => {
    const single = await midjourney({ action: 'upsample', index: 3, parentJobId: grid.id });
    assert.deepEqual(Object.keys(single.result ?? {}), ['images']);
    assert.deepEqual([single.result?.images?.length, single.creditCost], [1, 4]);
    const mask = (await plainPicture('#ffffff')).toString('base64');
    const grids = [
      await midjourney({ action: 'variation', index: 1, parentJobId: grid.id }),
      await midjourney({ action: 'inpaint', mask, prompt: 'a red heron', parentJobId: single.id }),
      await midjourney({ action: 'outpaint', zoomRatio: 1.5, parentJobId: single.id }),
      await midjourney({ action: 'pan', direction: 'left', parentJobId: single.id }),
    ];
    for (const { result, creditCost } of grids) {
      assert.deepEqual([result?.images?.length, creditCost], [4, 16]);
      await fetchPictureAt(result?.gridUrl ?? '');
    }
    const again = await midjourney({ action: 'upsample', index: 4, parentJobId: grids[3]?.id });
    await fetchPictureAt(again.result?.images?.[0] ?? '');
  });

  it('a mask stands in the job as the address of a file, not as its bytes', async () => {
    const single = await midjourney({ action: 'upsample', index: 1, parentJobId: grid.id });
    const mask = (await plainPicture('#ffffff')).toString('base64');
    const { id } = await midjourney({ action: 'inpaint', mask, parentJobId: single.id });
    const job = (await (await ask(gateway, `/v2/jobs/${id}`)).json()) as { input: { mask: string }; model: string };
    assert.ok(job.input.mask.startsWith(`${gateway.url}/media/`), job.input.mask.slice(0, 40));
    assert.equal(job.model, 'midjourney');
  });

  it('a track is continued, covered, sung and taken apart, by its place or its id', async () => {
    const [, second] = songs.result?.tracks ?? [];
    assert.ok(second !== undefined && second.title === 'Heron');
    const extended = await run('music/suno/action', {
      action: 'extend',
      trackId: second.id,
      continueAt: 10,
      parentJobId: songs.id,
    });
    assert.deepEqual([extended.result?.tracks?.length, extended.creditCost], [2, 11]);
    await run('music/suno/action', { action: 'cover', index: 1, style: 'reggae', parentJobId: extended.id });
    await run('music/suno/action', { action: 'add_vocals', index: 2, prompt: 'la la la', parentJobId: songs.id });
    const stems = await run('music/suno/action', { action: 'stems', parentJobId: songs.id });
    assert.deepEqual(
      stems.result?.tracks?.map(({ id, imageUrl }) => [id, imageUrl]),
      [
        ['vocals', null],
        ['instrumental', null],
      ],
    );
    assert.deepEqual(await refusal('music/suno/action', { action: 'cover', parentJobId: stems.id }), [409, []]);
  });

  it('is refused, before anything is held, for the wrong parent, the wrong action and wrong parameters', async () => {
    const single = await midjourney({ action: 'upsample', index: 2, parentJobId: grid.id });
    const failed = await send('images/generate', { model: 'midjourney', prompt: 'sandbox:refuse' });
    const { jobId: failedId } = (await failed.json()) as { jobId: string };
    await waitForEnd(gateway, failedId);
    const m = 'images/midjourney/action';
    const s = 'music/suno/action';
    const parentJobId = grid.id;
    const cases: [string, object, [number, string[]]][] = [
      [m, { action: 'upsample', index: 1, parentJobId: single.id }, [400, ['parentJobId']]],
      [m, { action: 'pan', direction: 'up', parentJobId }, [400, ['parentJobId']]],
      [m, { action: 'upsample', index: 1, parentJobId: songs.id }, [400, ['parentJobId']]],
      [s, { action: 'stems', parentJobId }, [400, ['parentJobId']]],
      [m, { action: 'upsample', index: 1, parentJobId: failedId }, [409, []]],
      [m, { action: 'upsample', index: 1, parentJobId: 'x' }, [400, ['parentJobId']]],
      [m, { action: 'upsample', index: 1, parentJobId: '00000000-0000-7000-8000-000000000000' }, [404, []]],
      [m, { action: 'upsampel', index: 1, parentJobId }, [400, ['action']]],
      [m, { index: 1, parentJobId }, [400, ['action']]],
      [m, { action: 'upsample', parentJobId }, [400, ['index']]],
      [m, { action: 'upsample', index: 5, parentJobId }, [400, ['index']]],
      [m, { action: 'upsample', index: 1, parentJobId, prompt: 'more' }, [400, ['prompt']]],
      [m, { action: 'upsample', index: 1, parentJobId, parent_file: 'https://example.com/' }, [400, ['parent_file']]],
      [m, { action: 'upsample', index: 1, parentJobId, stray: 1 }, [400, ['stray']]],
      [m, { action: 'outpaint', zoomRatio: 3, parentJobId: single.id }, [400, ['zoomRatio']]],
      [m, { action: 'inpaint', mask: 'no base64!', parentJobId: single.id }, [400, ['mask']]],
      [
        m,
        { action: 'inpaint', mask: Buffer.from('no picture').toString('base64'), parentJobId: single.id },
        [400, ['mask']],
      ],
      [
        m,
        { action: 'inpaint', mask: (await sampleSound()).toString('base64'), parentJobId: single.id },
        [400, ['mask']],
      ],
      [s, { action: 'extend', trackId: 'no-such-track', parentJobId: songs.id }, [400, ['trackId']]],
      [s, { action: 'extend', continueAt: 9_999, parentJobId: songs.id }, [400, ['continueAt']]],
      [s, { action: 'add_vocals', parentJobId: songs.id }, [400, ['prompt']]],
      [s, { action: 'stems', index: 3, parentJobId: songs.id }, [400, ['index']]],
    ];
    for (const [operation, body, expected] of cases)
      assert.deepEqual(await refusal(operation, body), expected, JSON.stringify(body).slice(0, 120));
  });

  it('a job of the other mode is no parent', async () => {
    const body = { action: 'upsample', index: 1, parentJobId: grid.id };
    assert.deepEqual(await refusal('images/midjourney/action', body, server.testKey ?? ''), [404, []]);
  });
});
