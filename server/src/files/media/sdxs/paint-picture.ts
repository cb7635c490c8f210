import type { ClipTokenizer } from './clip-tokenizer.ts';
import { UnusableGraph } from './onnx-head.ts';
import type { Graph, Numbers } from './open-graph.ts';
import { oneStep, stepDown } from './one-step.ts';
import { seededNoise } from './seeded-noise.ts';

/** The three networks, each opened for its turn and let go of after it. */
export interface Networks {
  textEncoder<T>(work: (graph: Graph) => Promise<T>): Promise<T>;
  unet<T>(work: (graph: Graph) => Promise<T>): Promise<T>;
  decoder<T>(work: (graph: Graph) => Promise<T>): Promise<T>;
}

/** The names of inputs that Optimum and those who follow it give such networks. */
export const GRAPH_INPUTS = {
  textEncoder: ['input_ids'],
  unet: ['sample', 'timestep', 'encoder_hidden_states'],
  decoder: ['latent_sample'],
} as const;

/** A picture of red, green and blue, one byte each, row by row. */
export interface Painted {
  width: number;
  height: number;
  colours: Buffer;
}

/** Where the network does not say it: 512 pixels are 64 latent ones. */
const LATENT_SIDE = 64;
const LATENT_CHANNELS = 4;
const CHANNELS = 3;

/** A picture from words, in one step; the same words and the same seed give the same picture on the same machine. */
export async function paintPicture(
  world: { tokenizer: ClipTokenizer; networks: Networks },
  order: { prompt: string; seed: number },
): Promise<Painted> {
  const { tokenizer, networks } = world;
  const tokens = tokenizer.encode(order.prompt);
  const words = await networks.textEncoder((graph) =>
    graph.run({ input_ids: { values: Float32Array.from(tokens), dimensions: [1, tokens.length] } }),
  );
  expectForm('text_encoder.onnx', words, [1, tokens.length, null]);
  const latent = await networks.unet((graph) => imagine(graph, { words, seed: order.seed }));
  // TAESD takes the latent picture as it is: its scale is 1.
  const picture = await networks.decoder((graph) => graph.run({ latent_sample: latent }));
  expectForm('vae_decoder.onnx', picture, [1, CHANNELS, null, null]);
  const [, , height = 0, width = 0] = picture.dimensions;
  return { width, height, colours: coloursOf(picture.values, width * height) };
}

async function imagine(graph: Graph, { words, seed }: { words: Numbers; seed: number }): Promise<Numbers> {
  const step = oneStep();
  const sides = graph.inputs.get('sample')?.dimensions ?? [];
  const dimensions = [1, LATENT_CHANNELS, sides[2] ?? LATENT_SIDE, sides[3] ?? LATENT_SIDE];
  const noise = seededNoise(
    seed,
    dimensions.reduce((product, side) => product * side, 1),
  );
  // A single number where the graph wants no dimension for it, a list of one elsewhere.
  const isAlone = graph.inputs.get('timestep')?.dimensions.length === 0;
  const told = await graph.run({
    sample: { values: noise, dimensions },
    timestep: { values: Float32Array.of(step.timestep), dimensions: isAlone ? [] : [1] },
    encoder_hidden_states: words,
  });
  expectForm('unet.onnx', told, dimensions);
  return { values: stepDown(step, noise, told.values), dimensions };
}

/** Numbers from −1 to 1, all of red, all of green, all of blue, as bytes side by side. */
export function coloursOf(values: Float32Array, pixels: number): Buffer {
  const colours = Buffer.alloc(CHANNELS * pixels);
  for (let channel = 0; channel < CHANNELS; channel += 1)
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const value = values[channel * pixels + pixel] ?? 0;
      if (Number.isNaN(value)) throw new Error('the networks gave something else than a picture');
      colours[pixel * CHANNELS + channel] = Math.min(255, Math.max(0, Math.round((value * 0.5 + 0.5) * 255)));
    }
  return colours;
}

function expectForm(file: string, { dimensions }: Numbers, wanted: readonly (number | null)[]): void {
  const isRight =
    dimensions.length === wanted.length && wanted.every((side, index) => side === null || side === dimensions[index]);
  const form = wanted.map((side) => side ?? 'any').join('×');
  if (!isRight) throw new UnusableGraph(`${file} gave ${dimensions.join('×')} numbers instead of ${form}`);
}
