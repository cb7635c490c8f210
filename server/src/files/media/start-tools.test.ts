import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { systemClock } from '../../core/clock.ts';
import type { PictureTools } from '../../core/tools-port.ts';
import { benchOf, type MediaBench } from './media-for-tests.ts';
import { findRuntimeProblem, startTools } from './start-tools.ts';

const problem = findRuntimeProblem();

async function toolsOf(context: TestContext): Promise<{ tools: PictureTools; bench: MediaBench }> {
  const bench = await benchOf(context);
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const tools = startTools({ clock: systemClock(), log: quiet, problem });
  context.after(() => tools.close());
  return { tools, bench };
}

const never = (): AbortSignal => new AbortController().signal;

describe('the picture tools', { skip: problem ?? false }, () => {
  it('double a picture as it is meant to be seen, with its transparency', async (context) => {
    const { tools, bench } = await toolsOf(context);
    const half = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"><rect width="4" height="6" fill="#f00"/></svg>',
    );
    const from = await bench.put('given', await sharp(half).webp({ lossless: true }).toBuffer());
    const result = await tools.double({ from, to: bench.path('doubled') }, never());
    assert.ok(result.ok, JSON.stringify(result));
    assert.deepEqual([result.value.contentType, result.value.width, result.value.height], ['image/png', 16, 12]);
    const pixels = await sharp(await readFile(bench.path('doubled')))
      .raw()
      .toBuffer();
    assert.ok((pixels[0] ?? 0) > 200 && pixels[3] === 255, 'red and whole on the left');
    assert.equal(pixels[4 * 15 + 3], 0, 'nothing on the right');
  });

  it('refuse what is no picture, and one that is too large, before any work', async (context) => {
    const { tools, bench } = await toolsOf(context);
    const to = bench.path('doubled');
    const text = await tools.double({ from: await bench.put('text', 'no picture'), to }, never());
    assert.ok(!text.ok && text.problem === 'unsupported-type');
    const wide = await sharp({ create: { width: 2_101, height: 1_000, channels: 3, background: '#123' } })
      .png()
      .toBuffer();
    const large = await tools.double({ from: await bench.put('large', wide), to }, never());
    assert.ok(!large.ok && large.problem === 'too-many-pixels');
  });

  it('end with the signal, whether the work waits or is under way, and go on with the next picture', async (context) => {
    const { tools, bench } = await toolsOf(context);
    const noise = {
      create: {
        width: 900,
        height: 900,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma: 40 },
      },
    } as const;
    const from = await bench.put('large', await sharp(noise).png().toBuffer());
    const small = await bench.put('small', await sharp(noise).resize(8, 8).png().toBuffer());
    const [one, two] = [new AbortController(), new AbortController()];
    const first = tools.double({ from, to: bench.path('one') }, one.signal);
    const second = tools.double({ from, to: bench.path('two') }, two.signal);
    const third = tools.double({ from: small, to: bench.path('three') }, never());
    two.abort();
    const waited = await second;
    one.abort();
    const ran = await first;
    assert.ok(!waited.ok && !ran.ok);
    assert.deepEqual([waited.problem, ran.problem], ['crashed', 'crashed']);
    assert.equal((await third).ok, true);
  });
});

it('where the runtime is not installed, or has nothing for the machine, that is what is said', (context) => {
  const nowhere = {
    platform: 'linux',
    arch: 'x64',
    from: path.join(path.parse(process.cwd()).root, 'nowhere', 'x.js'),
  };
  assert.match(findRuntimeProblem(nowhere) ?? '', /onnxruntime-node is not installed/);
  if (problem !== null) return context.skip(problem);
  const strange = { platform: 'sunos', arch: 'sparc', from: import.meta.filename };
  assert.match(findRuntimeProblem(strange) ?? '', /nothing for sunos on sparc/);
});
