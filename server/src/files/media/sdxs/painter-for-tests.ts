import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ELEMENT_TYPE, writeOnnx, type OnnxGraph, type OnnxTensor, type OnnxValue } from '../onnx-writer.ts';
import { seededNoise } from './seeded-noise.ts';

/** How the tiny networks of a test differ from what common exports have. */
export interface TinyPainter {
  /** Pixels of a side; 64 where absent. */
  side?: number;
  /** Half floats: none, inside alone as common exports have them, or what goes in and out, too. */
  halves?: 'inside' | 'everywhere';
  /** What the text encoder takes its tokens as. */
  tokens?: 'int32' | 'int64';
  /** What the time step comes as. */
  timestep?: 'int64' | 'float32';
  /** Runs of the middle network's only layer of weight; more take longer. */
  rounds?: number;
}

const WIDTH = 6;
const LATENT = 4;
/** Letters, digits and marks, each inside a word and at its end: enough for any text of ASCII. */
const LETTERS = Array.from({ length: 94 }, (_, index) => String.fromCodePoint(33 + index));

/** The two files of a vocabulary without any pairs, with the real marks. */
export function tinyVocabulary(): { vocab: string; merges: string } {
  const tokens = [...LETTERS, ...LETTERS.map((letter) => `${letter}</w>`), '<|startoftext|>', '<|endoftext|>'];
  const vocab = Object.fromEntries(tokens.map((token, index) => [token, index]));
  return { vocab: JSON.stringify(vocab), merges: '#version: 0.2\n' };
}

/** Writes the five files of a painter with random weights into `folder`: it paints noise, and always the same. */
export async function writeTinyPainter(folder: string, options: TinyPainter = {}): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { vocab, merges } = tinyVocabulary();
  const files = {
    'text_encoder.onnx': writeOnnx(textEncoder(options)),
    'unet.onnx': writeOnnx(unet(options)),
    'vae_decoder.onnx': writeOnnx(decoder(options)),
    'vocab.json': vocab,
    'merges.txt': merges,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
}

function textEncoder({ halves, tokens = 'int64' }: TinyPainter): OnnxGraph {
  return withEnds(halves, {
    input: { name: 'input_ids', dimensions: [1, 77], type: tokens },
    output: { name: 'last_hidden_state', dimensions: [1, 77, WIDTH] },
    nodes: [node('Gather', ['words', 'input_ids'], 'last_hidden_state', { axis: 0 })],
    tensors: [random({ name: 'words', dimensions: [2 * LETTERS.length + 2, WIDTH], seed: 1 })],
  });
}

/** Noise through a small convolution, plus what the words say on average and what the time step does. */
function unet({ side = 64, halves, timestep = 'int64', rounds = 1 }: TinyPainter): OnnxGraph {
  const latent = [1, LATENT, side / 8, side / 8];
  const turns = Array.from({ length: rounds }, (_, turn) => [
    node('Conv', [turn === 0 ? 'sample' : `turn${turn - 1}`, 'mix'], `mixed${turn}`, {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
    }),
    node('Tanh', [`mixed${turn}`], `turn${turn}`),
  ]).flat();
  return withEnds(halves, {
    input: { name: 'sample', dimensions: latent },
    moreInputs: [
      { name: 'timestep', dimensions: timestep === 'int64' ? [1] : [], type: timestep },
      { name: 'encoder_hidden_states', dimensions: [1, 77, WIDTH] },
    ],
    output: { name: 'out_sample', dimensions: latent },
    nodes: [
      ...turns,
      node('ReduceMean', ['encoder_hidden_states'], 'mean', { axes: [1], keepdims: 1 }),
      node('MatMul', ['mean', 'reading'], 'said'),
      node('Reshape', ['said', 'form'], 'wanted'),
      node('Cast', ['timestep'], 'instant', { to: ELEMENT_TYPE[halves === undefined ? 'float32' : 'float16'] }),
      node('Mul', ['instant', 'little'], 'moment'),
      node('Add', [`turn${rounds - 1}`, 'wanted'], 'both'),
      node('Add', ['both', 'moment'], 'out_sample'),
    ],
    tensors: [
      random({ name: 'mix', dimensions: [LATENT, LATENT, 3, 3], seed: 2 }),
      random({ name: 'reading', dimensions: [WIDTH, LATENT], seed: 3 }),
      { name: 'form', dimensions: [4], values: BigInt64Array.of(1n, BigInt(LATENT), 1n, 1n) },
      { name: 'little', dimensions: [1], values: Float32Array.of(1e-4) },
    ],
  });
}

/** Three colours out of four numbers, eight pixels for each. */
function decoder({ side = 64, halves }: TinyPainter): OnnxGraph {
  return withEnds(halves, {
    input: { name: 'latent_sample', dimensions: [1, LATENT, side / 8, side / 8] },
    output: { name: 'sample', dimensions: [1, 3, side, side] },
    nodes: [
      node('Conv', ['latent_sample', 'colours'], 'small', { kernel_shape: [1, 1] }),
      node('Tanh', ['small'], 'bounded'),
      node('Resize', ['bounded', '', SCALES], 'sample', { mode: 'nearest' }),
    ],
    tensors: [
      random({ name: 'colours', dimensions: [3, LATENT, 1, 1], seed: 4, strength: 0.02 }),
      { name: SCALES, dimensions: [4], values: Float32Array.of(1, 1, 8, 8) },
    ],
  });
}

/** Whole floats in any network, as the operator wants them. */
const SCALES = 'scales';

/** The network with its weights in half floats, and with a change to and from them at its ends where only its inside has them. */
function withEnds(halves: TinyPainter['halves'], graph: OnnxGraph): OnnxGraph {
  if (halves === undefined) return graph;
  const isFloat = ({ type = 'float32' }: OnnxValue): boolean => type === 'float32';
  const inputs = [graph.input, ...(graph.moreInputs ?? [])];
  const tensors = graph.tensors.map((tensor) =>
    tensor.values instanceof Float32Array && tensor.name !== SCALES
      ? { ...tensor, values: halvesOf(tensor.values) }
      : tensor,
  );
  if (halves === 'everywhere') {
    const half = (value: OnnxValue): OnnxValue => (isFloat(value) ? { ...value, type: 'float16' } : value);
    const [input = graph.input, ...moreInputs] = inputs.map(half);
    return { ...graph, input, moreInputs, output: half(graph.output), tensors };
  }
  const floats = inputs.filter((value) => isFloat(value) && value.name !== 'timestep').map(({ name }) => name);
  const inner = (name: string): string => (floats.includes(name) ? `${name} in halves` : name);
  const result = `${graph.output.name} in halves`;
  return {
    ...graph,
    nodes: [
      ...floats.map((name) => node('Cast', [name], inner(name), { to: ELEMENT_TYPE.float16 })),
      ...graph.nodes.map((each) => ({
        ...each,
        inputs: each.inputs.map(inner),
        output: each.output === graph.output.name ? result : each.output,
      })),
      node('Cast', [result], graph.output.name, { to: ELEMENT_TYPE.float32 }),
    ],
    tensors,
  };
}

function halvesOf(values: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(values).buffer);
}

function node(
  operator: string,
  inputs: string[],
  output: string,
  attributes: OnnxGraph['nodes'][number]['attributes'] = {},
): OnnxGraph['nodes'][number] {
  return { operator, inputs, output, attributes };
}

function random(options: { name: string; dimensions: number[]; seed: number; strength?: number }): OnnxTensor {
  const { name, dimensions, seed, strength = 0.2 } = options;
  const count = dimensions.reduce((product, dimension) => product * dimension, 1);
  return { name, dimensions, values: seededNoise(seed, count).map((value) => value * strength) };
}
