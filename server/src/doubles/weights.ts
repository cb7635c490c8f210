import { encodeTar } from './tar.ts';

/** What the trainer of FLUX packs: its weights behind a folder, settings and captions. */
export function packWeights(numbers: readonly number[]): Buffer {
  const folder = 'output/flux_train_replicate/';
  return encodeTar([
    { name: folder, data: Buffer.alloc(0), type: '5' },
    { name: `${folder}config.yaml`, data: Buffer.from('job: custom_job\n') },
    { name: `${folder}captions/`, data: Buffer.alloc(0), type: '5' },
    { name: `${folder}captions/01.txt`, data: Buffer.from('a photo of it') },
    { name: `${folder}lora.safetensors`, data: encodeWeights(numbers) },
  ]);
}

/** A file of safetensors with one small tensor of these numbers. */
export function encodeWeights(numbers: readonly number[]): Buffer {
  const data = Buffer.from(new Float32Array(numbers).buffer);
  const tensor = { dtype: 'F32', shape: [numbers.length], data_offsets: [0, data.length] };
  const head = Buffer.from(JSON.stringify({ 'transformer.double.lora_A.weight': tensor }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([length, head, data]);
}
