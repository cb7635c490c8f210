import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { graphOfLayersModel } from './layers-model.ts';
import { writeOnnx } from './onnx-writer.ts';

/**
 * The network that doubles pictures: a residual dense network of 2.6 million weights, trained by idealo for the least
 * squared error, as the package `@upscalerjs/esrgan-legacy` 1.0.0 (MIT) carries it under the name psnr-small. Its files
 * lie in `server/assets` as they are there, and are written in the form of the runtime when they are first needed.
 */
const FOLDER = path.join(import.meta.dirname, '..', '..', '..', 'assets', 'rdn-psnr-small-x2');

/** SHA-256 of each file: a network whose numbers were mixed up draws nonsense without a word. */
const FILES = {
  'model.json': '97facf69628d70cc485538c92a52db8780942649c6f09bbc3ecfd630f353314a',
  'weights.bin': 'a0beb3311570b4ba8615b2b7f570b31ea086dbd162a1829ca9cbd25f859a86bb',
};

/** How many times longer each side becomes. */
export const FACTOR = 2;

/** Rows of numbers from 0 to 1: all of red, all of green, all of blue. */
export interface Planes {
  width: number;
  height: number;
  values: Float32Array;
}

/** The network, ready to run. */
export interface DoublingNetwork {
  /** The picture with sides `FACTOR` times as long. */
  double(picture: Planes): Promise<Planes>;
}

/** Loads runtime and network. Throws where the runtime is not installed or does not work on this machine. */
export async function loadDoublingNetwork({ threads }: { threads: number }): Promise<DoublingNetwork> {
  const runtime = await import('onnxruntime-node');
  const graph = graphOfLayersModel(JSON.parse(String(await read('model.json'))), await read('weights.bin'));
  const session = await runtime.InferenceSession.create(writeOnnx(graph), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // An arena keeps what it once needed: parts of several sizes then add up to twice the memory, for a tenth of the time.
    enableCpuMemArena: false,
    enableMemPattern: false,
  });
  return {
    double: async ({ width, height, values }) => {
      const picture = new runtime.Tensor('float32', values, [1, 3, height, width]);
      const result = (await session.run({ [graph.input.name]: picture }))[graph.output.name]?.data;
      if (!(result instanceof Float32Array)) throw new Error('the network gave something else than numbers');
      return { width: width * FACTOR, height: height * FACTOR, values: result };
    },
  };
}

async function read(name: keyof typeof FILES): Promise<Buffer> {
  const bytes = await readFile(path.join(FOLDER, name));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== FILES[name]) throw new Error(`${name} of the network is not the file that belongs to it`);
  return bytes;
}
