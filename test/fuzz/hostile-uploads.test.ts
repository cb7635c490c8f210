import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { serverEngines } from '../support/server.ts';
import { openFuzzWorld, uploadRequest, type FuzzWorld } from './fuzz-world.ts';
import { heaviestPicture, hostileFiles } from './hostile-files.ts';
import { changedTables } from './store-watch.ts';

/** While pictures are decoded elsewhere, the process still answers within this. */
const HEALTH_MS_MAX = 1_000;

const [engine] = serverEngines();
assert.ok(engine !== undefined);

describe('hostile uploads', () => {
  let world: FuzzWorld;
  before(async () => {
    world = await openFuzzWorld(engine);
  });
  after(() => world.close());

  const filesKept = async (): Promise<string[]> => {
    const entries = await readdir(path.join(world.stage.place.dataFolder, 'blobs'), {
      recursive: true,
      withFileTypes: true,
    });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort();
  };

  it('each is refused without a trace or kept as what its bytes are, and the process lives', async (context) => {
    const files = await hostileFiles();
    assert.ok(files.length >= 60, `${files.length} files`);
    for (const file of files) {
      const unchanged = await world.watch.snapshot();
      const keptBefore = await filesKept();
      const answer = await world.send(uploadRequest(world.keys.owner, file));
      assert.equal(answer.status, file.keptAs === null ? 400 : 201, `${file.what}: ${answer.status} ${answer.text}`);
      assert.deepEqual(world.description.problems({ method: 'post', path: '/v2/uploads', ...answer }), [], file.what);
      if (file.keptAs === null) {
        assert.match(answer.text, /"details":\{"file":\["/, file.what);
        assert.deepEqual(changedTables(unchanged, await world.watch.snapshot()), [], file.what);
        assert.deepEqual(await filesKept(), keptBefore, `${file.what} left a file`);
      } else {
        // Safe: the description has checked the form of a 201.
        const upload = JSON.parse(answer.text) as { url: string; contentType: string; byteSize: number };
        assert.equal(upload.contentType, file.keptAs, file.what);
        await checkServed(upload, file.bytes);
      }
      assert.equal((await world.send({ target: '/healthz' })).status, 200, `after ${file.what}`);
    }
    assert.deepEqual(
      world.stage.server.logLines.filter((line) => line['level'] === 'error'),
      [],
    );
    context.diagnostic(`${files.length} files`);
  });

  async function checkServed({ url }: { url: string }, bytes: Buffer): Promise<void> {
    const served = await world.send({ target: new URL(url).pathname });
    assert.equal(served.status, 200);
    assert.ok(served.bytes.equals(bytes), 'the bytes come back as they were');
    assert.match(new URL(url).pathname, /^\/media\/\w+\/upload\.\w+$/);
    assert.equal(served.headers.get('x-content-type-options'), 'nosniff');
    assert.match(served.headers.get('content-security-policy') ?? '', /sandbox/);
  }

  it('the process answers others while the heaviest pictures are decoded', async (context) => {
    const heavy = heaviestPicture();
    const progress = { isOver: false };
    const uploads = Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        world.send(uploadRequest(world.keys.owner, { name: `${index}.png`, bytes: heavy })),
      ),
    ).finally(() => (progress.isOver = true));
    let [asked, slowest] = [0, 0];
    while (!progress.isOver) {
      const startedAt = performance.now();
      assert.equal((await world.send({ target: '/healthz' })).status, 200);
      slowest = Math.max(slowest, performance.now() - startedAt);
      asked += 1;
    }
    for (const { status, text } of await uploads) assert.equal(status, 201, text);
    context.diagnostic(`${asked} answers meanwhile, the slowest after ${slowest.toFixed(1)} ms`);
    assert.ok(slowest < HEALTH_MS_MAX);
  });
});
