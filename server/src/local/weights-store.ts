import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

import { WEIGHT_FILES, type PaintWeights, type WeightFile } from '../core/tools-port.ts';

/** Written last, so that what it stands beside is whole. */
const PINS = 'accepted.json';

const pin = z.object({ sha256: z.string(), sizeBytes: z.number() });
const pins = z.object({
  licence: z.string(),
  acceptedAt: z.iso.datetime(),
  files: z.object({
    'text_encoder.onnx': pin,
    'unet.onnx': pin,
    'vae_decoder.onnx': pin,
    'vocab.json': pin,
    'merges.txt': pin,
  } satisfies Record<WeightFile, typeof pin>),
});

/** What the operator accepted: the licence, when, and each file by its SHA-256. */
export type AcceptedWeights = z.infer<typeof pins>;

/** A file's SHA-256 and length in bytes. */
export type FileFacts = z.infer<typeof pin>;

/** What was accepted for this folder, or null where nothing was, or where it cannot be read. */
export function readAccepted(folder: string): AcceptedWeights | null {
  try {
    return pins.parse(JSON.parse(readFileSync(path.join(folder, PINS), 'utf8')));
  } catch {
    // Absent, cut off or written by something else: in each case nothing is accepted.
    return null;
  }
}

/**
 * Why the weights in this folder cannot be used as far as a glance at it tells, or null. Their bytes are held against what
 * was accepted whenever they are used, and by `examineWeights`.
 */
export function weightsProblem(folder: string): string | null {
  const accepted = readAccepted(folder);
  if (accepted === null) return 'Its weights are not here: lumegate local fetch sdxs.';
  for (const name of WEIGHT_FILES) {
    const found = statSync(path.join(folder, name), { throwIfNoEntry: false });
    if (found === undefined) return `${name} is gone: lumegate local fetch sdxs.`;
    if (found.size !== accepted.files[name].sizeBytes) return `${name} is not as long as the file that was accepted.`;
  }
  return null;
}

/** As `weightsProblem`, every byte read: a second or more. */
export async function examineWeights(folder: string): Promise<string | null> {
  const problem = weightsProblem(folder);
  const accepted = readAccepted(folder);
  if (problem !== null || accepted === null) return problem;
  for (const name of WEIGHT_FILES) {
    const { sha256 } = await factsOf(path.join(folder, name));
    if (sha256 !== accepted.files[name].sha256)
      return `${name} is not the file that was accepted: its hash is another.`;
  }
  return null;
}

/** Where the files lie and what they must be, or null where nothing was accepted. */
export function acceptedWeights(folder: string): PaintWeights | null {
  const accepted = readAccepted(folder);
  if (accepted === null) return null;
  const of = (name: WeightFile): PaintWeights[WeightFile] => ({
    path: path.join(folder, name),
    sha256: accepted.files[name].sha256,
  });
  return {
    'text_encoder.onnx': of('text_encoder.onnx'),
    'unet.onnx': of('unet.onnx'),
    'vae_decoder.onnx': of('vae_decoder.onnx'),
    'vocab.json': of('vocab.json'),
    'merges.txt': of('merges.txt'),
  };
}

/** Takes back what was accepted, so that nothing in the folder is used while it is changed. */
export async function withdrawAccepted(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(path.join(folder, PINS), { force: true });
}

/** Writes down what is accepted; from then on it is used. */
export async function writeAccepted(folder: string, accepted: AcceptedWeights): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(accepted, null, 2)}\n`);
  await writeWhole(path.join(folder, PINS), async (write) => write(bytes));
}

/**
 * Writes a file under another name and gives it its own when all of it is on the disk. Whoever is killed leaves the other
 * name behind, which the next try writes over. What `fill` throws is thrown on.
 */
export async function writeWhole(
  file: string,
  fill: (write: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<FileFacts> {
  const part = `${file}.part`;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const handle = await open(part, 'w', 0o600);
  try {
    await fill(async (chunk) => {
      hash.update(chunk);
      sizeBytes += chunk.length;
      await handle.writeFile(chunk);
    });
    await handle.sync();
  } catch (error) {
    await handle.close();
    await rm(part, { force: true });
    throw error;
  }
  await handle.close();
  await rename(part, file);
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** A file's hash and length. Throws where it cannot be read. */
export async function factsOf(file: string): Promise<FileFacts> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return { sha256: hash.digest('hex'), sizeBytes: (await stat(file)).size };
}
