import type { BlobWriter } from '../core/blob-port.ts';
import type { DownloadResult } from '../core/net-port.ts';
import type { Outcome, ProviderOutput } from '../core/outcome.ts';
import type { Attempt, ReadyResult } from './attempts.ts';
import type { Run } from './run.ts';

/** Marks an output that lies in our own store already, under the key that follows. */
export const BLOB_URL = 'blob:';
/** A result that came inside its answer is as long as an answer may be. */
const SPOOL_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Puts the files that came inside a provider's answer into the blob store, before anything is committed: such an
 * answer can be read only once, and the process may end before the result is settled.
 */
export async function spool(
  run: Run,
  attempt: Attempt,
  outcome: Extract<Outcome, { state: 'completed' }>,
): Promise<ReadyResult> {
  const outputs: ProviderOutput[] = [];
  for (const [index, output] of outcome.outputs.entries()) {
    outputs.push(output.url.startsWith('data:') ? await spoolOne(run, attempt, { output, index }) : output);
  }
  return { outputs, costMicroUsd: outcome.costMicroUsd, seed: outcome.seed };
}

async function spoolOne(
  run: Run,
  attempt: Attempt,
  file: { output: ProviderOutput; index: number },
): Promise<ProviderOutput> {
  const { world } = run;
  const writer = await world.blobs.create();
  try {
    const options = { timeoutMs: 0, signal: run.signal, bytesMax: SPOOL_BYTES_MAX, keyId: attempt.providerKey };
    const done = await world.upstream.download(
      attempt.provider,
      file.output.url,
      (bytes) => writer.write(bytes),
      options,
    );
    // What cannot be unpacked is judged where results are: the job fails there with the reason.
    if (done.kind === 'failed') return { ...file.output, url: BLOB_URL };
    const key = `spool/${attempt.id}-${file.index + 1}`;
    await writer.commit(key);
    return { ...file.output, url: `${BLOB_URL}${key}` };
  } finally {
    await writer.discard();
  }
}

/** Copies a file from where `spool` put it. */
export async function readSpooled(run: Run, url: string, to: Pick<BlobWriter, 'write'>): Promise<DownloadResult> {
  const key = url.slice(BLOB_URL.length);
  const found = key === '' ? null : await run.world.blobs.open(key);
  if (found === null) return { kind: 'failed', reason: 'truncated', status: null, detail: 'no such spooled file' };
  for await (const chunk of found.stream) await to.write(chunk);
  return { kind: 'done', sizeBytes: found.sizeBytes, headers: {}, finalUrl: url };
}

/** Deletes spooled files once their job has ended; what a crash leaves, the sweep of orphans finds. */
export async function dropSpooled(run: Run, outputs: readonly ProviderOutput[]): Promise<void> {
  for (const { url } of outputs) {
    if (url.startsWith(BLOB_URL) && url !== BLOB_URL) await run.world.blobs.delete(url.slice(BLOB_URL.length));
  }
}
