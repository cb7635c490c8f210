import { z } from 'zod';

import type { Clock } from '../../core/clock.ts';
import type { Net } from '../../core/net-port.ts';

/** What the clients of a proof were told. */
export interface ProofLoad {
  /** Acknowledged jobs by the word in their prompt that finds them again. */
  accepted: ReadonlyMap<string, string>;
  refused: number;
}

/** Who submits what to whom. */
export interface ProofClients {
  net: Pick<Net, 'exchange'>;
  clock: Clock;
  /** The gateway’s address. */
  url: string;
  apiKey: string;
  webhookUrl: string;
  providers: readonly string[];
}

const accepted = z.object({ jobId: z.string() });
/** A gateway that was killed is back within seconds. */
const RETRY_MS = 250;
const RETRIES_MAX = 400;
const REQUEST_MS_MAX = 20_000;
const ANSWER_BYTES_MAX = 64 * 1024;
/** The first try is still being written; too many; the gateway is going down or coming up. */
const AGAIN: ReadonlySet<number> = new Set([409, 429, 503]);

/** Submits `perSecond` jobs a second until `isOver`; a request without an answer is sent again under its own key. */
export async function runLoad(
  clients: ProofClients,
  pace: { perSecond: number; isOver: () => boolean },
): Promise<ProofLoad> {
  const found = new Map<string, string>();
  let refused = 0;
  const open: Promise<void>[] = [];
  for (let number = 1; !pace.isOver(); number += 1) {
    const word = `proof-${String(number).padStart(6, '0')}`;
    const one = submitUntilTold(clients, { word, number }).then((jobId) => {
      if (jobId === null) refused += 1;
      else found.set(word, jobId);
    });
    open.push(one);
    await clients.clock.sleep(1000 / pace.perSecond);
  }
  await Promise.all(open);
  return { accepted: found, refused };
}

async function submitUntilTold(clients: ProofClients, job: { word: string; number: number }): Promise<string | null> {
  const { providers, webhookUrl } = clients;
  const first = providers[job.number % providers.length];
  const body = JSON.stringify({
    model: 'flux-1.1-pro',
    prompt: `${job.word}, a red kite over a quiet bay`,
    webhookUrl,
    // One provider stands first and the others behind it, so that failover is part of the proof.
    routing: { providers: [first, ...providers.filter((one) => one !== first)] },
  });
  for (let tries = 1; tries <= RETRIES_MAX; tries += 1) {
    const answer = await submit(clients, { body, key: job.word });
    if (answer !== 'again') return answer.jobId;
    await clients.clock.sleep(RETRY_MS);
  }
  return null;
}

/** The job’s id, null when the request was refused for good, or `again`. */
async function submit(
  clients: ProofClients,
  request: { body: string; key: string },
): Promise<{ jobId: string | null } | 'again'> {
  const { net, url, apiKey } = clients;
  const result = await net.exchange(
    {
      method: 'POST',
      url: `${url}/v2/images/generate`,
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json', 'idempotency-key': request.key },
      body: request.body,
    },
    {
      totalMs: REQUEST_MS_MAX,
      bodyBytesMax: ANSWER_BYTES_MAX,
      redirectsMax: 0,
      trust: { operatorOrigins: [new URL(url).origin] },
    },
  );
  // The gateway is dead at the moment, or died while it answered.
  if (result.kind !== 'answer' || AGAIN.has(result.status)) return 'again';
  if (result.status !== 202) return { jobId: null };
  const read = accepted.safeParse(JSON.parse(Buffer.from(result.body).toString()));
  return { jobId: read.success ? read.data.jobId : null };
}
