import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { pipeline } from 'node:stream/promises';
import type { PaintOrder, PaintWeights, WeightFile } from '../../../core/tools-port.ts';
import { readPicture } from '../inspect.ts';
import { refused, type FactsResult } from '../media-task.ts';
import { encodePixels, firstLine } from '../picture-decoder.ts';
import { createClipTokenizer, readClipVocabulary, type ClipTokenizer } from './clip-tokenizer.ts';
import { UnusableGraph } from './onnx-head.ts';
import { withGraph } from './open-graph.ts';
import { GRAPH_INPUTS, paintPicture, type Networks } from './paint-picture.ts';

/** Half the machine at most, as with the other tools. */
const THREADS = Math.max(1, Math.min(4, Math.floor(os.availableParallelism() / 2)));

/** Paints what the order says into `to`, as PNG. Files that are not the pinned ones are never opened as networks. */
export async function paintFile({ prompt, seed, to, weights }: PaintOrder): Promise<FactsResult> {
  try {
    await import('onnxruntime-node');
  } catch (error) {
    return refused('no-tool', `The network cannot be run: ${firstLine(error)}`);
  }
  for (const [name, { path, sha256 }] of Object.entries(weights)) {
    const found = await sha256Of(path).catch((error: unknown) => firstLine(error));
    if (found !== sha256) return refused('no-tool', `${name} is not the file that was accepted.`);
  }
  let bytes: Buffer;
  try {
    const tokenizer = await tokenizerOf(weights);
    const painted = await paintPicture({ tokenizer, networks: networksOf(weights) }, { prompt, seed });
    bytes = await encodePixels({ ...painted, alpha: null });
  } catch (error) {
    // What the files are to blame for stays so; anything else may go well the next time.
    const problem = error instanceof UnusableGraph ? 'no-tool' : 'crashed';
    return refused(problem, `The networks cannot be run: ${firstLine(error)}`);
  }
  const read = readPicture('png', bytes);
  if (!read.ok) return read;
  await writeFile(to, bytes);
  return { ok: true, value: read.value.facts };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function tokenizerOf(weights: PaintWeights): Promise<ClipTokenizer> {
  const read = async (name: WeightFile): Promise<string> => readFile(weights[name].path, 'utf8');
  const files = { vocab: await read('vocab.json'), merges: await read('merges.txt') };
  try {
    return createClipTokenizer(readClipVocabulary(files));
  } catch (cause) {
    throw new UnusableGraph(firstLine(cause), { cause });
  }
}

function networksOf(weights: PaintWeights): Networks {
  const named = <T>(
    file: WeightFile,
    inputs: readonly string[],
    work: Parameters<typeof withGraph<T>>[1],
  ): Promise<T> =>
    withGraph({ path: weights[file].path, inputs, threads: THREADS }, work).catch((cause: unknown) => {
      const text = `${file}: ${firstLine(cause)}`;
      throw cause instanceof UnusableGraph ? new UnusableGraph(text, { cause }) : new Error(text, { cause });
    });
  return {
    textEncoder: (work) => named('text_encoder.onnx', GRAPH_INPUTS.textEncoder, work),
    unet: (work) => named('unet.onnx', GRAPH_INPUTS.unet, work),
    decoder: (work) => named('vae_decoder.onnx', GRAPH_INPUTS.decoder, work),
  };
}
