import { z } from 'zod';

import type { ProviderOutput } from '../core/outcome.ts';
import { outputsOf } from './upstream-json.ts';

/** Where models put what they made; the first of these that holds files is the result. */
const FIELDS = [
  'images',
  'image',
  'videos',
  'video',
  'audio',
  'audios',
  'audio_file',
  'model_mesh',
  'file',
  'files',
  'diffusers_lora_file',
];

const file = z.object({ url: z.string() });

/** The files of a model's output, in its order; empty where there are none, as in what the queue says of work going on. */
export function falFiles(json: unknown): ProviderOutput[] {
  if (typeof json !== 'object' || json === null) return [];
  const fields = new Map<string, unknown>(Object.entries(json));
  for (const field of FIELDS) {
    const value = fields.get(field);
    const items: unknown[] = Array.isArray(value) ? value : [value];
    const outputs = outputsOf(items.map((item) => (typeof item === 'string' ? item : file.safeParse(item).data?.url)));
    if (outputs.length > 0) return outputs;
  }
  return [];
}

/** True for a model's output whose list of files is there and empty: the work is done and there is nothing to fetch. */
export function isEmptyResult(json: unknown): boolean {
  if (typeof json !== 'object' || json === null || falFiles(json).length > 0) return false;
  const fields = new Map<string, unknown>(Object.entries(json));
  return FIELDS.some((field) => {
    const value = fields.get(field);
    return Array.isArray(value) && value.length === 0;
  });
}
