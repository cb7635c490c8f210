import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { DoubleId } from '../../server/src/commands/vendors.ts';
import { startTestDouble, type TestDouble } from '../support/doubles.ts';
import { sampleVideo } from '../support/sample-media.ts';
import { startCommand } from '../support/server.ts';
import { plainPicture } from './gateway.ts';

/** What the first example of a model asks for and this provider does not serve. */
const NOT_SERVED: Readonly<Record<string, readonly string[]>> = { fal: ['flux-fill-pro'] };
/** How many models each provider serves, at least. */
const WORKING_MIN = {
  replicate: 75,
  fal: 75,
  google: 12,
  ideogram: 11,
  xai: 2,
  luma: 2,
  byteplus: 13,
  dashscope: 10,
  minimax: 3,
  runway: 2,
  mureka: 1,
  bria: 1,
  topaz: 1,
  elevenlabs: 1,
  stability: 4,
} as const satisfies Partial<Record<DoubleId, number>>;
// Safe: the names above are those of doubles.
const PROVIDERS = Object.keys(WORKING_MIN) as (keyof typeof WORKING_MIN)[];

describe('an operator who tries every model of a provider', () => {
  let folder: string;
  let doubles: TestDouble[];
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lumegate-verify-'));
    doubles = await Promise.all(PROVIDERS.map((id) => startTestDouble(id, { durationMs: 20 })));
    await writeFile(path.join(folder, 'picture.jpg'), await plainPicture('#c03028'));
    await writeFile(path.join(folder, 'video.mp4'), await sampleVideo());
  });
  after(async () => {
    await Promise.all(doubles.map((double) => double.close()));
    await rm(folder, { recursive: true, force: true });
  });

  const verify = async (id: string, words: readonly string[]): Promise<{ code: number | null; lines: string[] }> => {
    const command = startCommand(['provider', 'verify', id, ...words], {
      PORT: '0',
      LUMEGATE_DATA_DIR: path.join(folder, `data-${id}`),
      LUMEGATE_START_CREDITS: '1000000',
      ...Object.assign({}, ...doubles.map(({ env }) => env)),
    });
    const { code } = await command.waitForExit();
    return { code, lines: command.outputLines };
  };
  const files = (): string[] => {
    const [picture, video] = ['picture.jpg', 'video.mp4'].map((name) => path.join(folder, name));
    return ['--picture', picture ?? '', '--video', video ?? ''];
  };

  it('sees the list and buys nothing without a word of consent', async () => {
    const { code, lines } = await verify('replicate', ['--only', 'kling-2.6,topaz-video-upscale']);
    assert.equal(code, 0);
    assert.ok(
      lines.some((line) => /^topaz-video-upscale +needs --video <file>$/.test(line)),
      lines.join('\n'),
    );
    assert.ok(
      lines.some((line) => line.startsWith('1 generations for some 44 credits')),
      lines.join('\n'),
    );
    assert.deepEqual(await doubles[0]?.ledger(), []);
  });

  for (const id of PROVIDERS) {
    it(`buys each model of ${id} once, and each one works`, async () => {
      const { code, lines } = await verify(id, [...files(), '--yes']);
      const others = lines.filter((line) => / {2,}(refused|failed|cancelled|queued|processing) /.test(line));
      assert.deepEqual(
        others.map((line) => line.split(' ')[0]),
        NOT_SERVED[id] ?? [],
        others.join('\n'),
      );
      assert.equal(code, others.length === 0 ? 0 : 1);
      const worked = lines.filter((line) => / worked {2,}/.test(line)).length;
      assert.ok(worked >= WORKING_MIN[id], `${worked} worked`);
      assert.equal((await doubles.find(({ provider }) => provider === id)?.ledger())?.length, worked);
    });
  }
});
