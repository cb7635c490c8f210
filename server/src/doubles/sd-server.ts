import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';
import { readSdServerRequest, SD_SERVER_BATCH_MAX, SD_SERVER_SIDES } from './sd-server-request.ts';
import { endsAfterMs } from './view.ts';

/** stable-diffusion.cpp's own server, its native asynchronous routes. It wants no key and costs nothing. */
export const double: Double = {
  id: 'sd-server',
  key: null,
  settings: (url) => ({ LUMEGATE_PROVIDER_SD_SERVER_URL: url }),
  // Nothing is linked: pictures stand in the job, which is kept for so long and then answers 410 [B].
  linkMs: 600_000,
  newId: (random) => jobId(random.bytes(1)[0] ?? 0),
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method, path } = request;
    if (method === 'GET' && path === '/sdcpp/v1/capabilities') return jsonAnswer(200, CAPABILITIES);
    if (method === 'POST' && path === '/sdcpp/v1/img_gen') return generate(request, desk);
    const [, id, action] = /^\/sdcpp\/v1\/jobs\/([A-Za-z0-9_-]+)(\/cancel)?$/.exec(path) ?? [];
    if (id !== undefined && method === 'GET' && action === undefined) return look(id, desk);
    if (id !== undefined && method === 'POST' && action !== undefined) return cancel(id, desk);
    return refuse({ kind: 'no-route' });
  },
};

/** Jobs that have not ended; one more gets 429, without a word on when to come again [B]. */
const PENDING_MAX = 64;

/**
 * Jobs started since a desk opened. The numbers begin at 1 with every start and say nothing about the run before: the
 * real ids carry the second as well and so collide only after a quick restart [B]; the double collides always, so that
 * a gateway that trusts an id beyond a restart is seen.
 */
const counts = new WeakMap<Desk, number>();

function nextId(desk: Desk): string {
  const count = (counts.get(desk) ?? 0) + 1;
  counts.set(desk, count);
  return jobId(count);
}

function jobId(count: number): string {
  return `job_${String(count).padStart(8, '0')}`;
}

async function generate(request: DoubleRequest, desk: Desk): Promise<DoubleAnswer> {
  if (request.body.length === 0) return errorAnswer(400, 'empty body');
  if (request.json === undefined) return errorAnswer(400, 'invalid json');
  const read = readSdServerRequest(request.json);
  if (!read.ok) return errorAnswer(400, 'invalid generation parameters', read.message);
  if (pending(desk) >= PENDING_MAX) return errorAnswer(429, 'job queue is full');
  const { order } = read;
  const picture = { width: order.width, height: order.height, format: order.format };
  return desk.sell(
    request,
    {
      id: nextId(desk),
      model: 'sd-cpp-local',
      prompt: order.prompt,
      seed: order.seed,
      input: order.input,
      files: Array.from({ length: order.count }, () => picture),
      callbackUrl: null,
      costMicroUsd: 0,
    },
    (generation) =>
      jsonAnswer(202, {
        id: generation.shownId,
        kind: 'img_gen',
        status: 'queued',
        created: seconds(generation.createdAt),
        poll_url: `/sdcpp/v1/jobs/${generation.shownId}`,
      }),
  );
}

function pending(desk: Desk): number {
  const now = desk.now();
  let count = 0;
  for (const generation of desk.list()) if (generation.boughtAt + endsAfterMs(generation) > now) count += 1;
  return count;
}

async function look(id: string, desk: Desk): Promise<DoubleAnswer> {
  const generation = desk.find(id);
  if (generation === undefined) return errorAnswer(404, 'job not found');
  if (desk.isExpired(generation)) return errorAnswer(410, 'job expired');
  const view = desk.look(generation);
  return desk.tell(generation, jsonAnswer(200, await jobOf(generation, view, desk)));
}

async function cancel(id: string, desk: Desk): Promise<DoubleAnswer> {
  const generation = desk.find(id);
  if (generation === undefined) return errorAnswer(404, 'job not found');
  if (desk.isExpired(generation)) return errorAnswer(410, 'job expired');
  const view = desk.look(generation);
  if (view.state === 'running') {
    return errorAnswer(409, 'job is currently generating and cannot be interrupted yet');
  }
  if (view.state !== 'waiting') return jsonAnswer(200, await jobOf(generation, view, desk));
  desk.cancel(generation);
  return jsonAnswer(200, await jobOf(generation, desk.look(generation), desk));
}

async function jobOf(generation: Generation, view: View, desk: Desk): Promise<object> {
  const common = {
    id: generation.shownId,
    kind: 'img_gen',
    created: seconds(generation.createdAt),
    started: 'startedAt' in view ? seconds(view.startedAt) : null,
    completed: 'endedAt' in view ? seconds(view.endedAt) : null,
    queue_position: view.state === 'waiting' ? 1 : 0,
    result: null,
    error: null,
  };
  switch (view.state) {
    case 'waiting':
      return { ...common, status: 'queued' };
    case 'running':
      return { ...common, status: view.isStrange ? 'defragmenting' : 'generating' };
    case 'done': {
      const images = await Promise.all(
        view.files.map(async ({ index }) => {
          return { index, b64_json: Buffer.from(await desk.bytes(generation, index)).toString('base64') };
        }),
      );
      const format = generation.order.files[0]?.format ?? 'png';
      return { ...common, status: 'completed', result: { output_format: format, images } };
    }
    case 'cancelled':
      return { ...common, status: 'cancelled', error: { code: 'cancelled', message: 'job cancelled by client' } };
    case 'failed':
      return { ...common, status: 'failed', error: { code: 'generation_failed', message: view.text } };
    case 'refused':
      // A server of one's own moderates nothing; a late end without pictures is the nearest that it has.
      return { ...common, status: 'failed', error: { code: 'generation_failed', message: 'returned no results' } };
  }
}

function seconds(at: number): number {
  return Math.floor(at / 1000);
}

const { least, most } = SD_SERVER_SIDES;

const CAPABILITIES = {
  model: { name: 'double.safetensors', stem: 'double', path: '/models/double.safetensors' },
  current_mode: 'img_gen',
  supported_modes: ['img_gen'],
  output_formats_by_mode: { img_gen: ['png', 'jpeg', 'webp'] },
  features_by_mode: { img_gen: { init_image: true, lora: true, cancel_queued: true, cancel_generating: false } },
  limits: {
    min_width: least,
    max_width: most,
    min_height: least,
    max_height: most,
    max_batch_count: SD_SERVER_BATCH_MAX,
    max_queue_size: PENDING_MAX,
  },
  samplers: ['euler', 'euler_a'],
  schedulers: ['discrete', 'simple'],
  loras: [],
};

/** The server itself knows no keys, money or haste; a proxy before it may, and these are a proxy's words. */
function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return errorAnswer(401, 'unauthorized');
    case 'no-route':
      return errorAnswer(404, 'not found');
    case 'rate-limited':
      return errorAnswer(429, 'job queue is full');
    case 'no-funds':
      return errorAnswer(402, 'payment required');
    case 'unavailable':
      return errorAnswer(status ?? 503, 'server_error');
    case 'too-large':
      return errorAnswer(413, 'payload too large');
  }
}

function errorAnswer(status: number, error: string, message?: string): DoubleAnswer {
  return jsonAnswer(status, message === undefined ? { error } : { error, message });
}
