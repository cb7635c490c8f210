import { existsSync } from 'node:fs';
import path from 'node:path';

import { WEIGHT_FILES, type WeightFile } from '../core/tools-port.ts';

/** Where exports put each file: under our own name, or as Optimum lays a pipeline out. */
const PLACES: Readonly<Record<WeightFile, readonly string[]>> = {
  'text_encoder.onnx': ['text_encoder.onnx', 'text_encoder/model.onnx', 'text_encoder/model.fp16.onnx'],
  'unet.onnx': ['unet.onnx', 'unet/model.onnx', 'unet/model.fp16.onnx'],
  'vae_decoder.onnx': ['vae_decoder.onnx', 'vae_decoder/model.onnx', 'vae_decoder/model.fp16.onnx'],
  'vocab.json': ['vocab.json', 'tokenizer/vocab.json'],
  'merges.txt': ['merges.txt', 'tokenizer/merges.txt'],
};

/** The five files in a folder of the operator's own, or the names of the first place of each that is not there. */
export function findWeights(
  folder: string,
): { found: Readonly<Record<WeightFile, string>>; missing: null } | { found: null; missing: readonly string[] } {
  const found = new Map<WeightFile, string>();
  for (const name of WEIGHT_FILES) {
    const place = PLACES[name].map((each) => path.join(folder, each)).find((each) => existsSync(each));
    if (place !== undefined) found.set(name, place);
  }
  const missing = WEIGHT_FILES.filter((name) => !found.has(name));
  if (missing.length > 0) return { found: null, missing: missing.map((name) => PLACES[name].join(' or ')) };
  // Safe: none is missing.
  return { found: Object.fromEntries(found) as Record<WeightFile, string>, missing: null };
}
