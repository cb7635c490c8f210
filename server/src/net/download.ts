import type { Readable } from 'node:stream';
import type { DownloadLimits, DownloadResult } from '../core/net-port.ts';
import { decodeBody, isDecodable } from './decode-body.ts';
import { afterMs, startEnding, type Ending } from './ending.ts';
import { brokenBodyReason, detailOf, lostReason, reasonOfProblem, refusedReason } from './failure-reason.ts';
import { HEADERS_MS, nextHop, sendHop, type Hop, type NetWorld } from './hop.ts';

/** How long a sender may stay under the smallest speed; the limit's own unit. */
const SPEED_WINDOW_MS = 10_000;

type Sink = (chunk: Uint8Array) => Promise<void> | void;
type Failed = Extract<DownloadResult, { kind: 'failed' }>;
type Open = { kind: 'open'; hop: Hop; headers: Record<string, string>; body: Readable };

/** Streams a file into the sink. What the sink throws is thrown on; everything the network does is a result. */
export async function download(
  world: NetWorld,
  url: string,
  sink: Sink,
  limits: DownloadLimits,
): Promise<DownloadResult> {
  const admission = world.admit(url, limits.trust);
  if (!admission.ok) return failed(reasonOfProblem(admission.problem));
  const ending = startEnding({ clock: world.clock, totalMs: limits.totalMs, signal: limits.signal });
  try {
    const first: Hop = {
      url: admission.url,
      isOperators: admission.isOperators,
      method: 'GET',
      headers: { accept: '*/*', 'accept-encoding': 'identity' },
      secretHeaders: limits.secretHeaders ?? {},
      body: null,
    };
    const opened = await openFile(world, first, { limits, ending });
    return opened.kind === 'failed' ? opened : await streamFile(world, opened, { sink, limits, ending });
  } finally {
    ending.close();
  }
}

async function openFile(
  world: NetWorld,
  first: Hop,
  { limits, ending }: { limits: DownloadLimits; ending: Ending },
): Promise<Open | Failed> {
  let hop = first;
  for (let redirects = 0; ; redirects += 1) {
    const sent = await sendHop(world, hop, { ending, headersMs: limits.headersMs ?? HEADERS_MS });
    if (sent.kind === 'failed') {
      const reason = sent.sent ? lostReason(sent.error) : refusedReason(sent.error);
      if (reason === null) throw sent.error;
      return failed(reason);
    }
    const next = nextHop(world, hop, sent, limits.trust);
    if (next === null) {
      if (sent.status === 200) return { kind: 'open', hop, headers: sent.headers, body: sent.body };
      sent.body.destroy();
      return failed('status', sent.status);
    }
    sent.body.destroy();
    if ('problem' in next) return failed(reasonOfProblem(next.problem), sent.status);
    if (redirects >= limits.redirectsMax) return failed('too-many-redirects', sent.status);
    hop = next;
  }
}

async function streamFile(
  world: NetWorld,
  { hop, headers, body }: Open,
  { sink, limits, ending }: { sink: Sink; limits: DownloadLimits; ending: Ending },
): Promise<DownloadResult> {
  const announced = isDecodable(headers['content-encoding']) ? null : announcedBytes(headers['content-length']);
  if (announced !== null && announced > limits.bytesMax) {
    body.destroy();
    return failed('too-large', 200);
  }
  const speed = watchSpeed(world, ending, limits.bytesPer10sMin);
  let sizeBytes = 0;
  try {
    for await (const chunk of chunksOf(decodeBody(body, headers['content-encoding']))) {
      if ('error' in chunk) return failed(brokenBodyReason(chunk.error), 200);
      sizeBytes += chunk.bytes.length;
      if (sizeBytes > limits.bytesMax) return failed('too-large', 200);
      await speed.whileBusy(chunk.bytes.length, async () => sink(chunk.bytes));
    }
  } finally {
    speed.stop();
    body.destroy();
  }
  if (announced !== null && announced !== sizeBytes) return failed('truncated', 200);
  return { kind: 'done', sizeBytes, headers, finalUrl: hop.url.href };
}

/** The stream's chunks and, as the last item, its error: so that the sink's errors cannot be taken for it. */
async function* chunksOf(body: Readable): AsyncGenerator<{ bytes: Buffer } | { error: unknown }> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      let next: IteratorResult<unknown>;
      try {
        next = await chunks.next();
      } catch (error) {
        yield { error };
        return;
      }
      if (next.done) return;
      // Safe: both the answer's stream and the decoders give buffers.
      yield { bytes: next.value as Buffer };
    }
  } finally {
    await chunks.return?.();
  }
}

interface Speed {
  /** Counts the bytes and runs our own work, during which the sender is not to blame. */
  whileBusy(bytes: number, work: () => Promise<void>): Promise<void>;
  stop(): void;
}

/** Ends the download after a window in which fewer bytes came than the least and we were waiting all the time. */
function watchSpeed(world: NetWorld, ending: Ending, bytesMin: number): Speed {
  let bytesInWindow = 0;
  let isBusy = false;
  let wasBusy = false;
  let stopTimer = (): void => {};
  const startWindow = (): void => {
    bytesInWindow = 0;
    wasBusy = isBusy;
    stopTimer = afterMs(world.clock, SPEED_WINDOW_MS, () => {
      if (bytesInWindow < bytesMin && !wasBusy) ending.end('too-slow');
      else startWindow();
    });
  };
  startWindow();
  return {
    whileBusy: async (bytes, work) => {
      bytesInWindow += bytes;
      isBusy = true;
      const startedAt = world.clock.monotonicMs();
      try {
        await work();
      } finally {
        isBusy = false;
        // A sink that is only quick work (as it nearly always is) does not excuse a slow sender.
        if (world.clock.monotonicMs() - startedAt > SPEED_WINDOW_MS / 10) wasBusy = true;
      }
    },
    stop: () => stopTimer(),
  };
}

function announcedBytes(header: string | undefined): number | null {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : null;
}

function failed(reason: Failed['reason'], status: number | null = null): Failed {
  return { kind: 'failed', reason, status, detail: detailOf(reason) };
}
