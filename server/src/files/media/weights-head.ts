import { open } from 'node:fs/promises';

import { z } from 'zod';

/** The length of the head stands in the first eight bytes, the least first. */
const LENGTH_BYTES = 8;
/** The format’s own bound; a LoRA of a picture model has a head of some 100 KB. */
const HEAD_BYTES_MAX = 25 * 1024 * 1024;

const tensor = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

/** Whether a file begins as safetensors do: a length, and the brace of the head. */
export async function beginsLikeWeights(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(LENGTH_BYTES + 1);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    if (bytesRead < start.length) return false;
    const length = start.readBigUInt64LE();
    return length >= 2n && length <= BigInt(HEAD_BYTES_MAX) && start[LENGTH_BYTES] === 0x7b;
  } finally {
    await file.close();
  }
}

/**
 * What is wrong with a file of safetensors, or null: its head must be JSON, name at least one tensor, and its tensors must
 * fill the file to the last byte, so that what was cut off shows. The format holds numbers and nothing that could be run.
 */
export async function weightsProblem(path: string, sizeBytes: number): Promise<string | null> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(LENGTH_BYTES);
    await file.read(start, 0, LENGTH_BYTES, 0);
    const length = Number(start.readBigUInt64LE());
    if (length > HEAD_BYTES_MAX || length > sizeBytes - LENGTH_BYTES) return 'The head of the weights is cut off.';
    const head = Buffer.alloc(length);
    await file.read(head, 0, length, LENGTH_BYTES);
    return headProblem(head.toString('utf8'), sizeBytes - LENGTH_BYTES - length);
  } finally {
    await file.close();
  }
}

function headProblem(text: string, dataBytes: number): string | null {
  const tensors = tensorsIn(text);
  if (tensors === null) return 'The head of the weights cannot be read.';
  if (tensors.length === 0) return 'The weights are empty.';
  const end = tensors.reduce((last, { data_offsets: [, until] }) => Math.max(last, until), 0);
  return end === dataBytes ? null : `The weights should have ${end} bytes and have ${dataBytes}.`;
}

function tensorsIn(text: string): z.infer<typeof tensor>[] | null {
  try {
    const head = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    const named = Object.entries(head).filter(([name]) => name !== '__metadata__');
    return named.map(([, value]) => tensor.parse(value));
  } catch {
    // Whatever a stranger wrote there: it is no head.
    return null;
  }
}
