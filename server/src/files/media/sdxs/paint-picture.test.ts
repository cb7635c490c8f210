import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TOKENS } from './clip-tokenizer.ts';
import { oneStep } from './one-step.ts';
import type { Graph, Numbers } from './open-graph.ts';
import { coloursOf, paintPicture, type Networks } from './paint-picture.ts';
import { seededNoise } from './seeded-noise.ts';

/** Networks that note in which order they are opened and let go of, and give what a test wants. */
function networksOf(seen: string[], give: Record<'textEncoder' | 'unet' | 'decoder', Graph['run']>): Networks {
  const named =
    (name: keyof typeof give) =>
    async <T>(work: (graph: Graph) => Promise<T>): Promise<T> => {
      seen.push(`${name} opened`);
      try {
        return await work({ inputs: new Map(), run: give[name] });
      } finally {
        seen.push(`${name} gone`);
      }
    };
  return { textEncoder: named('textEncoder'), unet: named('unet'), decoder: named('decoder') };
}

const filled = (dimensions: number[], value: number): Numbers => ({
  dimensions,
  values: new Float32Array(dimensions.reduce((product, side) => product * side, 1)).fill(value),
});

it('the networks run one after another, none while the one before is there, on what the schedule says', async () => {
  const seen: string[] = [];
  const given: Readonly<Record<string, Numbers>>[] = [];
  const noting =
    (result: Numbers): Graph['run'] =>
    async (inputs) => {
      given.push(inputs);
      return result;
    };
  const networks = networksOf(seen, {
    textEncoder: noting(filled([1, TOKENS, 2], 0.5)),
    unet: noting(filled([1, 4, 64, 64], 0.25)),
    decoder: noting(filled([1, 3, 512, 512], 1)),
  });
  const tokenizer = { encode: () => Array.from({ length: TOKENS }, (_, index) => index) };
  const painted = await paintPicture({ tokenizer, networks }, { prompt: 'x', seed: 3 });
  assert.deepEqual([painted.width, painted.height, painted.colours.length], [512, 512, 3 * 512 * 512]);
  assert.deepEqual(seen, [
    'textEncoder opened',
    'textEncoder gone',
    'unet opened',
    'unet gone',
    'decoder opened',
    'decoder gone',
  ]);
  const [words, noisy, latent] = given;
  assert.deepEqual(words?.['input_ids']?.dimensions, [1, TOKENS]);
  const noise = seededNoise(3, 4 * 64 * 64);
  assert.deepEqual(noisy?.['sample'], { dimensions: [1, 4, 64, 64], values: noise });
  assert.deepEqual(noisy['timestep'], { dimensions: [1], values: Float32Array.of(999) });
  const { sample, told } = oneStep();
  assert.deepEqual(latent?.['latent_sample']?.values[7], Math.fround(sample * (noise[7] ?? 0) + told * 0.25));
});

it('a network that gives another form than the next one takes is named', async () => {
  const tokenizer = { encode: () => Array.from({ length: TOKENS }, () => 0) };
  const words = async (): Promise<Numbers> => filled([1, TOKENS, 2], 0);
  const latent = async (): Promise<Numbers> => filled([1, 4, 64, 64], 0);
  for (const [give, wanted] of [
    [{ textEncoder: latent, unet: latent, decoder: latent }, /text_encoder\.onnx gave 1×4×64×64/],
    [{ textEncoder: words, unet: words, decoder: latent }, /unet\.onnx gave 1×77×2 numbers instead of 1×4×64×64/],
    [
      { textEncoder: words, unet: latent, decoder: latent },
      /vae_decoder\.onnx gave 1×4×64×64 numbers instead of 1×3×any×any/,
    ],
  ] as const) {
    const networks = networksOf([], give);
    await assert.rejects(paintPicture({ tokenizer, networks }, { prompt: '', seed: 0 }), wanted);
  }
});

it('numbers from −1 to 1 become bytes, what lies beyond is cut off, and no number is an error', () => {
  const values = Float32Array.of(-1, 1, 0, -7, 7, 0.5);
  // Two pixels: red is the first pair, then green, then blue.
  assert.deepEqual([...coloursOf(values, 2)], [0, 128, 255, 255, 0, 191]);
  assert.throws(() => coloursOf(Float32Array.of(0, NaN, 0), 1), /something else than a picture/);
});
