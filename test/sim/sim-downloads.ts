import type { Clock } from '../../server/src/core/clock.ts';
import type { DownloadResult } from '../../server/src/core/net-port.ts';
import type { Upstream } from '../../server/src/core/upstream-port.ts';
import { simPicture } from './memory-media.ts';
import type { Course } from './sim-faults.ts';
import type { Generation, Script } from './sim-upstream.ts';

/** Courses whose link gives nothing, however often it is asked. */
const BAD_LINKS: Partial<Record<Course, { reason: FailedReason; status: number | null }>> = {
  'file-missing': { reason: 'status', status: 404 },
  'file-redirected': { reason: 'address-forbidden', status: null },
  'huge-file': { reason: 'too-large', status: null },
  'file-drips': { reason: 'too-slow', status: null },
};
type FailedReason = Extract<DownloadResult, { kind: 'failed' }>['reason'];

/** The bytes of a generation's file, whole or with the fault of its course. */
export function fileOf(generation: Pick<Generation, 'id' | 'course'>): Buffer {
  const { id, course } = generation;
  if (course === 'wrong-type') return Buffer.from('<html>');
  if (course === 'empty-file') return Buffer.alloc(0);
  const flaw = course === 'small-file' ? 'small' : course === 'bomb-file' ? 'bomb' : undefined;
  const whole = simPicture('jpg', id, flaw === undefined ? { position: 1 } : { position: 1, flaw });
  return course === 'cut-file' ? whole.subarray(0, 10) : whole;
}

/** Serves the files of the given generations, and unpacks those that came inside an answer. */
export function simDownload(parts: {
  clock: Clock;
  script: Pick<Script, 'latencyMs'>;
  generations: readonly Generation[];
}): Upstream['download'] {
  const { clock, script } = parts;
  return async (_provider, url, sink, limits) => {
    if (url.startsWith('data:')) {
      const bytes = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
      await sink(bytes);
      return { kind: 'done', sizeBytes: bytes.length, headers: {}, finalUrl: url };
    }
    await clock.sleep(script.latencyMs(), limits.signal);
    const [id, link] = (url.split('/').at(-1) ?? '').split('?');
    const generation = parts.generations.find((candidate) => candidate.id === id);
    if (generation === undefined) return failure('status', 404);
    const bad = BAD_LINKS[generation.course];
    if (bad !== undefined) return failure(bad.reason, bad.status);
    // The first link has run out by the time it is used; a look at the generation gives another.
    if (generation.course === 'link-expires' && link === '1') return failure('status', 403);
    generation.downloads += 1;
    if (generation.course === 'download-hangs') {
      await clock.sleep(limits.timeoutMs, limits.signal);
      return failure(limits.signal.aborted ? 'aborted' : 'timeout');
    }
    const isReset = generation.course === 'download-reset-once' && generation.downloads === 1;
    const bytes = isReset ? fileOf(generation).subarray(0, 10) : fileOf(generation);
    await sink(bytes.subarray(0, 5));
    await clock.sleep(script.latencyMs(), limits.signal);
    if (limits.signal.aborted) return failure('aborted');
    await sink(bytes.subarray(5));
    if (isReset) return failure('reset');
    return { kind: 'done', sizeBytes: bytes.length, headers: {}, finalUrl: url };
  };
}

function failure(reason: FailedReason, status: number | null = null): DownloadResult {
  return { kind: 'failed', reason, status, detail: reason };
}
