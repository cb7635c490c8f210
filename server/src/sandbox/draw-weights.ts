import { writeFile } from 'node:fs/promises';

import type { WeightsSpec } from '../core/media-port.ts';

/** Enough to be a file of the right form, and no more. */
const ROWS = 4;
const COLUMNS = 16;
const FLOAT_BYTES = 4;

/** Writes safetensors with two small tensors of which the product is nothing: they change no picture. */
export async function drawWeights({ seed, notes }: WeightsSpec, to: string): Promise<void> {
  const down = new Float32Array(ROWS * COLUMNS).map((_, index) => Math.sin(seed + index));
  const up = new Float32Array(COLUMNS * ROWS);
  const bytes = down.length * FLOAT_BYTES;
  const head = JSON.stringify({
    __metadata__: { format: 'pt', ...notes },
    'transformer.sandbox.lora_A.weight': { dtype: 'F32', shape: [ROWS, COLUMNS], data_offsets: [0, bytes] },
    'transformer.sandbox.lora_B.weight': { dtype: 'F32', shape: [COLUMNS, ROWS], data_offsets: [bytes, 2 * bytes] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(head)));
  await writeFile(to, Buffer.concat([length, Buffer.from(head), Buffer.from(down.buffer), Buffer.from(up.buffer)]));
}
