import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { systemClock } from '../../../core/clock.ts';
import { WEIGHT_FILES, type PaintWeights, type PictureTools } from '../../../core/tools-port.ts';
import { benchOf } from '../media-for-tests.ts';
import { writeOnnx } from '../onnx-writer.ts';
import { findRuntimeProblem, startTools } from '../start-tools.ts';
import { writeTinyPainter, type TinyPainter } from './painter-for-tests.ts';

const problem = findRuntimeProblem();

async function weightsIn(folder: string): Promise<PaintWeights> {
  const entries = WEIGHT_FILES.map(async (name) => {
    const file = path.join(folder, name);
    return [
      name,
      {
        path: file,
        sha256: createHash('sha256')
          .update(await readFile(file))
          .digest('hex'),
      },
    ] as const;
  });
  // Safe: the names are those of the type, each once.
  return Object.fromEntries(await Promise.all(entries)) as unknown as PaintWeights;
}

interface PaintBench {
  folder: string;
  tools: PictureTools;
  paint(weights: PaintWeights, order?: { prompt?: string; seed?: number }): Promise<Buffer | string>;
}

async function benchFor(context: TestContext, options: TinyPainter = {}): Promise<PaintBench> {
  const bench = await benchOf(context);
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const tools = startTools({ clock: systemClock(), log: quiet, problem });
  context.after(() => tools.close());
  const folder = bench.path('weights');
  await writeTinyPainter(folder, options);
  const to = bench.path('painted');
  return {
    folder,
    tools,
    paint: async (weights, { prompt = 'a red cat', seed = 1 } = {}) => {
      const result = await tools.paint({ prompt, seed, to, weights }, new AbortController().signal);
      return result.ok ? readFile(to) : `${result.problem}: ${result.detail}`;
    },
  };
}

async function painted(bench: PaintBench, order?: { prompt?: string; seed?: number }): Promise<Buffer> {
  const found = await bench.paint(await weightsIn(bench.folder), order);
  assert.ok(Buffer.isBuffer(found), String(found));
  return found;
}

describe('painting with networks of random weights', { skip: problem ?? false }, () => {
  it('gives a picture of the size that the networks have; words and seed decide on it, and nothing else does', async (context) => {
    const bench = await benchFor(context, { side: 512 });
    const first = await painted(bench);
    const { width, height, format, channels } = await sharp(first).metadata();
    assert.deepEqual([width, height, format, channels], [512, 512, 'png', 3]);
    const { channels: colours } = await sharp(first).stats();
    for (const { stdev } of colours) assert.ok(stdev > 10, 'more than one colour');
    assert.ok((await painted(bench)).equals(first), 'the same once more');
    assert.ok(!(await painted(bench, { seed: 2 })).equals(first), 'another seed');
    assert.ok(!(await painted(bench, { prompt: 'a blue dog' })).equals(first), 'other words');
  });

  for (const [name, options] of Object.entries({
    'tokens of 32 bits and a time step that is a single float': { tokens: 'int32', timestep: 'float32' },
    'half floats inside': { halves: 'inside' },
  } as const satisfies Record<string, TinyPainter>)) {
    it(`runs an export with ${name}, and paints nearly the same`, async (context) => {
      const usual = await benchFor(context);
      const other = await benchFor(context, options);
      const [one, two] = [await painted(usual), await painted(other)];
      const [left, right] = [await sharp(one).raw().toBuffer(), await sharp(two).raw().toBuffer()];
      const most = left.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (right[index] ?? 0))), 0);
      assert.ok(most <= 4, `levels apart: ${most}`);
    });
  }

  it('refuses files that are not the accepted ones, and networks of another form, by their names', async (context) => {
    const bench = await benchFor(context);
    const weights = await weightsIn(bench.folder);
    const unet = path.join(bench.folder, 'unet.onnx');
    const decoder = path.join(bench.folder, 'vae_decoder.onnx');
    const whole = await readFile(unet);
    await writeFile(unet, whole.subarray(0, -1));
    assert.equal(await bench.paint(weights), 'no-tool: unet.onnx is not the file that was accepted.');
    assert.match(
      String(await bench.paint(await weightsIn(bench.folder))),
      /^no-tool: .*unet\.onnx: it is (cut off|no ONNX)/,
    );
    await writeFile(unet, await readFile(decoder));
    assert.match(
      String(await bench.paint(await weightsIn(bench.folder))),
      /unet\.onnx: it wants the inputs latent_sample instead of sample, timestep, encoder_hidden_states/,
    );
    await writeFile(unet, whole);
    await writeTinyPainter(bench.folder, { halves: 'everywhere' });
    assert.match(
      String(await bench.paint(await weightsIn(bench.folder))),
      /text_encoder\.onnx: its last_hidden_state is of float16; whole floats must go in and come out/,
    );
    await writeTinyPainter(bench.folder);
    const small = { name: 'sample', dimensions: [1, 3, 'h', 'w'] };
    const input = { name: 'latent_sample', dimensions: [1, 4, 'h', 'w'] };
    const identity = [{ operator: 'Identity', inputs: ['latent_sample'], output: 'sample', attributes: {} }];
    await writeFile(decoder, writeOnnx({ input, output: { ...small, dimensions: [] }, nodes: identity, tensors: [] }));
    assert.match(
      String(await bench.paint(await weightsIn(bench.folder))),
      /^no-tool: .*vae_decoder\.onnx gave 1×4×8×8 numbers instead of 1×3×any×any/,
    );
  });

  it('names a network with an operator that the runtime lacks, and tells numbers that are none from files that are wrong', async (context) => {
    const bench = await benchFor(context);
    const decoder = path.join(bench.folder, 'vae_decoder.onnx');
    const input = { name: 'latent_sample', dimensions: [1, 4, 'h', 'w'] };
    const output = { name: 'sample', dimensions: [1, 3, 'h', 'w'] };
    const mixed = { operator: 'Conv', inputs: ['latent_sample', 'none'], output: 'sample', attributes: {} };
    const none = { name: 'none', dimensions: [3, 4, 1, 1], values: new Float32Array(12).fill(NaN) };
    await writeFile(decoder, writeOnnx({ input, output, nodes: [mixed], tensors: [none] }));
    assert.match(
      String(await bench.paint(await weightsIn(bench.folder))),
      /^crashed: .* something else than a picture/,
    );
    await writeFile(decoder, writeOnnx({ input, output, nodes: [{ ...mixed, operator: 'Melt' }], tensors: [none] }));
    const said = String(await bench.paint(await weightsIn(bench.folder)));
    assert.match(said, /^no-tool: .*vae_decoder\.onnx: .*Melt/);
    assert.ok(!said.includes(bench.folder), 'no path of the machine');
  });
});
