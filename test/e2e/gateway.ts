import assert from 'node:assert/strict';

import sharp from 'sharp';

import type { Track } from '../../server/src/jobs/result-shape.ts';

/** All that an end-to-end test knows of a server. */
export interface Gateway {
  url: string;
  key: string;
}

/** What was made, in the form of its kind. */
export interface JobResult {
  images?: string[];
  gridUrl?: string;
  videoUrl?: string;
  videos?: string[];
  tracks?: Track[];
}

/** A job as a caller sees it; the fields that these tests read. */
export interface JobSeen {
  id: string;
  status: 'QUEUED' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';
  result: JobResult | null;
  error: string | null;
  creditCost: number | null;
  provider: string | null;
  sandbox: boolean;
}

export interface AskOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | FormData;
  signal?: AbortSignal;
}

/** Sends a request with the key. */
export function ask({ url, key }: Gateway, path: string, init: AskOptions = {}): Promise<Response> {
  return fetch(`${url}${path}`, { ...init, headers: { 'x-api-key': key, ...init.headers } });
}

/** Submits a picture and returns the job's id. */
export async function submit(gateway: Gateway, body: Record<string, unknown>): Promise<string> {
  const response = await ask(gateway, '/v2/images/generate', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'flux-1.1-pro', ...body }),
  });
  const text = await response.text();
  assert.equal(response.status, 202, text);
  // Safe: a 202 has this form, which the contract tests hold against the description.
  return (JSON.parse(text) as { jobId: string }).jobId;
}

/** Reads the job now. */
export async function readJob(gateway: Gateway, id: string, query = ''): Promise<JobSeen> {
  // Safe: as above.
  return (await (await ask(gateway, `/v2/jobs/${id}${query}`)).json()) as JobSeen;
}

/** How long a wait may ask again; above all that the sandbox can play. */
const WAITS_MAX = 5;

/** Uploads a picture and returns its address. */
export async function uploadPicture(gateway: Gateway): Promise<string> {
  return uploadFile(gateway, await plainPicture('#c03028'));
}

/** Uploads a file and returns its address. */
export async function uploadFile(gateway: Gateway, bytes: Buffer): Promise<string> {
  const form = new FormData();
  form.set('file', new Blob([new Uint8Array(bytes)]), 'file');
  const response = await ask(gateway, '/v2/uploads', { method: 'POST', body: form });
  assert.equal(response.status, 201);
  // Safe: as above.
  return ((await response.json()) as { url: string }).url;
}

/** Waits for the job's end. */
export async function waitForEnd(gateway: Gateway, id: string): Promise<JobSeen> {
  for (let waits = 0; waits < WAITS_MAX; waits += 1) {
    const job = await readJob(gateway, id, '?wait=60');
    if (job.status !== 'QUEUED' && job.status !== 'PROCESSING') return job;
  }
  throw new Error(`the job ${id} has not ended`);
}

/** Follows the job until a step of that kind has happened. */
export async function waitForStep(gateway: Gateway, id: string, kind: string): Promise<void> {
  const leave = new AbortController();
  const stream = await ask(gateway, `/v2/jobs/${id}/events`, { signal: leave.signal });
  let seen = '';
  assert.ok(stream.body !== null);
  try {
    for await (const text of stream.body.pipeThrough(new TextDecoderStream())) {
      seen += text;
      if (seen.includes(`"kind":"${kind}"`)) return;
    }
  } finally {
    leave.abort();
  }
  throw new Error(`the job ${id} ended without the step ${kind}: ${seen}`);
}

/** Credits that can be spent. */
export async function readCredits(gateway: Gateway): Promise<number> {
  // Safe: as above.
  const account = (await (await ask(gateway, '/v2/me')).json()) as { team: { credits: number } };
  return account.team.credits;
}

/** A picture that was fetched, decoded to its last pixel. */
export interface FetchedPicture {
  bytes: Buffer;
  type: string | null;
  width: number;
  height: number;
}

/** The one picture of a completed job. */
export function fetchPicture(job: JobSeen): Promise<FetchedPicture> {
  assert.equal(job.status, 'COMPLETED', `${job.status}: ${job.error}`);
  const [address = ''] = job.result?.images ?? [];
  return fetchPictureAt(address);
}

/** The picture at an address of a result. */
export async function fetchPictureAt(address: string): Promise<FetchedPicture> {
  const response = await fetch(address);
  assert.equal(response.status, 200, address);
  const bytes = Buffer.from(await response.arrayBuffer());
  const { info } = await sharp(bytes, { failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
  return { bytes, type: response.headers.get('content-type'), width: info.width, height: info.height };
}

/** A picture of one colour. */
export function plainPicture(colour: string): Promise<Buffer> {
  return sharp({ create: { width: 256, height: 256, channels: 3, background: colour } })
    .jpeg()
    .toBuffer();
}

/** The mean colour of a picture, each part from 0 to 255. */
export async function meanColour(bytes: Buffer): Promise<{ red: number; green: number; blue: number }> {
  const { channels } = await sharp(bytes).stats();
  const [red = 0, green = 0, blue = 0] = channels.map(({ mean }) => mean);
  return { red, green, blue };
}
