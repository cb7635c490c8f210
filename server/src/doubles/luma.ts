import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { checkFields, objectIn, textIn, type Field, type Fields, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';
import { randomUuid } from './random-ids.ts';

const KEY = 'double-luma-key';
const ROOT = '/dream-machine/v1';
/** How long a link lives is not known; a day is general knowledge. */
const LINK_MS = 86_400_000;
/** A callback is tried once, then three times more. */
const CALLBACK_TRIES = 4;
const CREDITS_CENTS = 100_000;
const CONCEPTS_MAX = 100;

const FRAME: Field = {
  type: 'object',
  fields: {
    type: { type: 'choice', values: ['image'], isRequired: true },
    // Pictures are taken by their address alone, never inside the request.
    url: { type: 'text', pattern: /^https?:\/\//, isRequired: true },
  },
};
const VIDEO: Fields = {
  prompt: { type: 'text', isRequired: true },
  aspect_ratio: { type: 'choice', values: ['1:1', '16:9', '9:16', '4:3', '3:4', '21:9', '9:21'] },
  duration: { type: 'choice', values: ['5s', '9s'] },
  resolution: { type: 'choice', values: ['540p', '720p', '1080p', '4k'] },
  loop: { type: 'boolean' },
  keyframes: { type: 'object', fields: { frame0: FRAME, frame1: FRAME } },
  concepts: { type: 'objects', countMax: CONCEPTS_MAX, fields: { key: { type: 'text', isRequired: true } } },
};
/** Micro-dollars a second of 720 lines; what others cost is not played. */
const SECOND_MICRO_USD: Readonly<Record<string, number>> = { 'ray-2': 142_000, 'ray-flash-2': 48_000 };
const INPUTS = Object.fromEntries(Object.keys(SECOND_MICRO_USD).map((model) => [model, { fields: VIDEO }]));

/** Luma's Dream Machine: generations that are queued, dreamt of and looked at, with callbacks of each change. */
export const double: Double = {
  id: 'luma',
  inputs: INPUTS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_LUMA_URL: `${url}${ROOT}`, LUMAAI_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: randomUuid,
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method } = request;
    const path = request.path.startsWith(`${ROOT}/`) ? request.path.slice(ROOT.length) : '';
    if (method === 'GET' && path === '/credits') return jsonAnswer(200, { credit_balance: CREDITS_CENTS });
    if (method === 'POST' && path === '/generations/video') return start(request, desk);
    const id = /^\/generations\/([^/]+)$/.exec(path)?.[1];
    const generation = id === undefined ? undefined : desk.find(decodeURIComponent(id));
    if (generation === undefined) return no(404, 'Not found');
    if (method === 'GET') return desk.tell(generation, jsonAnswer(200, shown(generation, desk.look(generation))));
    if (method !== 'DELETE') return refuse({ kind: 'no-route' });
    desk.cancel(generation);
    return { kind: 'whole', status: 204, headers: {}, body: '' };
  },
  callback: {
    triesMax: CALLBACK_TRIES,
    write: ({ generation, view }) => ({
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(shown(generation, view)),
    }),
  },
};

function start(request: DoubleRequest, desk: Desk): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return no(400, 'The body is no JSON object');
  const { model, callback_url: callback, ...input } = body;
  const price = typeof model === 'string' ? SECOND_MICRO_USD[model] : undefined;
  if (typeof model !== 'string' || price === undefined) return no(400, `Unknown model: ${String(model)}`);
  const [problem] = checkFields(VIDEO, input, { areUnknownRefused: true });
  if (problem !== undefined) return no(400, wordsOf(problem));
  const seconds = Number.parseInt(textIn(input, 'duration', '5s'), 10);
  const order = {
    model,
    prompt: textIn(input, 'prompt', ''),
    seed: null,
    input,
    files: [{ width: 640, height: 360, format: 'mp4' as const, seconds }],
    callbackUrl: typeof callback === 'string' ? callback : null,
    costMicroUsd: price * seconds,
  };
  return desk.sell(request, order, (generation) =>
    jsonAnswer(201, { ...shown(generation, { state: 'waiting' }), id: generation.shownId }),
  );
}

function shown({ id, order, createdAt }: Generation, view: View): object {
  const request = { generation_type: 'video', model: order.model, prompt: order.prompt };
  return { id, ...stateOf(view), created_at: new Date(createdAt).toISOString(), request };
}

function stateOf(view: View): object {
  switch (view.state) {
    case 'waiting':
      return { state: 'queued', assets: null };
    case 'running':
      return { state: view.isStrange ? 'daydreaming' : 'dreaming', assets: null };
    case 'done':
      return { state: 'completed', assets: { video: view.files[0]?.url } };
    case 'refused':
      return { state: 'failed', failure_reason: 'Frame moderation failed', assets: null };
    case 'failed':
      return { state: 'failed', failure_reason: view.text, assets: null };
    case 'cancelled':
      return { state: 'failed', failure_reason: 'The generation was deleted', assets: null };
  }
}

function no(status: number, detail: string): DoubleAnswer {
  return jsonAnswer(status, { detail });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `Invalid request: ${path.join('.')} is not right (${rule}): wanted ${wanted}`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return no(403, 'Not authenticated');
    case 'no-route':
      return no(404, 'Not found');
    case 'rate-limited':
      return no(429, 'Too many requests');
    case 'no-funds':
      return no(400, 'Insufficient credits');
    case 'unavailable':
      return no(status ?? 503, 'Service unavailable');
    case 'too-large':
      return no(413, 'The body is too large');
  }
}
