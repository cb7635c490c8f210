import { readFile } from 'node:fs/promises';
import type { WeightFile } from '../../../core/tools-port.ts';
import { firstLine } from '../picture-decoder.ts';
import { readClipVocabulary } from './clip-tokenizer.ts';
import { checkForm, readOnnxHead } from './onnx-head.ts';
import { GRAPH_INPUTS } from './paint-picture.ts';

/** Why these files cannot be what painting needs, as far as their form tells, or null. No network is opened. */
export async function checkWeights(files: Readonly<Record<WeightFile, string>>): Promise<string | null> {
  const graphs = [
    ['text_encoder.onnx', GRAPH_INPUTS.textEncoder],
    ['unet.onnx', GRAPH_INPUTS.unet],
    ['vae_decoder.onnx', GRAPH_INPUTS.decoder],
  ] as const;
  for (const [name, inputs] of graphs) {
    try {
      checkForm(await readOnnxHead(files[name]), inputs);
    } catch (error) {
      return `${name}: ${firstLine(error)}`;
    }
  }
  try {
    const [vocab, merges] = [await readFile(files['vocab.json'], 'utf8'), await readFile(files['merges.txt'], 'utf8')];
    readClipVocabulary({ vocab, merges });
    return null;
  } catch (error) {
    return firstLine(error);
  }
}
