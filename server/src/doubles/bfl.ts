import { createHmac } from 'node:crypto';

import { randomUuid } from './random-ids.ts';
import { jsonAnswer } from './answer.ts';
import { BFL_ROUTES, inputPictures, type BflRoute } from './bfl-routes.ts';
import { checkFields, objectIn, pictureIn, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, PictureFormat, Refusal, View } from './double.ts';
import { megapixelsOf, type FrameSize } from './frame-size.ts';

const KEY = 'double-bfl-key';
/** A result link lives ten minutes. */
const LINK_MS = 600_000;
const MICRO_USD_PER_CREDIT = 10_000;
const CREDITS_AT_START = 100_000;
const AREA_MAX = 4 * 1024 * 1024;
const SIDE_MIN = 64;
/** A callback is tried once, then three times more. */
const CALLBACK_TRIES = 4;

/** Black Forest Labs: routes by model, tasks that are looked at by id, no cancel and no list. */
export const double: Double = {
  id: 'bfl',
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_BFL_URL: url, BFL_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: randomUuid,
  keyOf: (headers) => {
    const key = headers['x-key'];
    return typeof key === 'string' ? key : null;
  },
  refuse,
  handle: (request, desk) => {
    const { method, path, url } = request;
    if (method === 'GET' && path === '/v1/credits') return jsonAnswer(200, { credits: creditsLeft(desk) });
    if (method === 'GET' && path === '/v1/get_result') return look(url.searchParams.get('id'), desk);
    const model = method === 'POST' ? /^\/v1\/([a-z0-9.-]+)$/.exec(path)?.[1] : undefined;
    const route = model === undefined ? undefined : BFL_ROUTES[model];
    if (model === undefined || route === undefined) return refuse({ kind: 'no-route' });
    return start(request, desk, { model, route });
  },
  callback: {
    triesMax: CALLBACK_TRIES,
    write: ({ moment, generation, view }) => {
      if (moment === 'started') return null;
      const body = JSON.stringify(resultOf(generation, view));
      const secret = generation.order.input['webhook_secret'];
      const headers: Record<string, string> =
        typeof secret === 'string'
          ? { 'x-bfl-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }
          : {};
      return { headers, body };
    },
  },
};

function start(
  request: DoubleRequest,
  desk: Desk,
  { model, route }: { model: string; route: BflRoute },
): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return invalid([{ path: [], rule: 'type', wanted: 'dictionary', given: null }]);
  const problems = checkFields(route.fields, body, { areUnknownRefused: false });
  if (problems.length > 0) return invalid(problems);
  const size = route.sizeOf(body);
  const misfit = misfitOf(body, size);
  if (misfit !== null) return invalid([misfit]);
  const { webhook_url: webhook, ...input } = body;
  const callbackUrl = typeof webhook === 'string' ? webhook : null;
  const ignored = Object.keys(body).filter((name) => route.fields[name] === undefined);
  const order = {
    model,
    input,
    callbackUrl,
    prompt: typeof body['prompt'] === 'string' ? body['prompt'] : '',
    seed: typeof body['seed'] === 'number' ? body['seed'] : null,
    files: [{ ...size, format: formatOf(body['output_format']) }],
    costMicroUsd: route.costMicroUsd(size, inputPictures(body)),
  };
  return desk.sell(request, order, (generation) => accepted(generation, { desk, size, ignored }));
}

/** The provider ignores what it does not know without a word; the double says so in a header. */
function accepted(
  generation: Generation,
  { desk, size, ignored }: { desk: Desk; size: FrameSize; ignored: string[] },
): DoubleAnswer {
  const { order, costMicroUsd, shownId } = generation;
  const common = { cost: costMicroUsd / MICRO_USD_PER_CREDIT, input_mp: null, output_mp: megapixelsOf(size) };
  const answer =
    order.callbackUrl === null
      ? { id: shownId, polling_url: `${desk.url}/v1/get_result?id=${shownId ?? ''}`, ...common }
      : { id: shownId, status: 'Pending', webhook_url: order.callbackUrl, ...common };
  return jsonAnswer(200, answer, ignored.length === 0 ? {} : { 'x-double-ignored': ignored.join(',') });
}

function look(id: string | null, desk: Desk): DoubleAnswer {
  if (id === null) return invalid([{ path: ['id'], rule: 'missing', wanted: 'a value', given: null }], 'query');
  const generation = desk.find(id);
  if (generation === undefined) return jsonAnswer(200, resultShape(id, 'Task not found'));
  return desk.tell(generation, jsonAnswer(200, resultOf(generation, desk.look(generation))));
}

function resultOf(generation: Generation, view: View): object {
  const { id } = generation;
  switch (view.state) {
    case 'waiting':
      return resultShape(id, 'Pending');
    case 'running':
      return resultShape(id, view.isStrange ? 'Daydreaming' : 'Pending', { progress: view.progress / 100 });
    case 'done':
      return resultShape(id, 'Ready', { result: readyResult(generation, view) });
    case 'refused':
      return resultShape(id, 'Content Moderated', { details: { 'Moderation Reasons': ['Sexual Content'] } });
    case 'failed':
      return resultShape(id, 'Error', { details: { error: view.text } });
    case 'cancelled':
      return resultShape(id, 'Error');
  }
}

function readyResult(generation: Generation, view: Extract<View, { state: 'done' }>): object {
  const { prompt, seed } = generation.order;
  const [first] = view.files;
  return {
    ...(first === undefined ? {} : { sample: first.url }),
    prompt,
    seed: seed ?? seedOf(generation.id),
    start_time: view.startedAt / 1_000,
    end_time: view.endedAt / 1_000,
    duration: (view.endedAt - view.startedAt) / 1_000,
  };
}

function resultShape(id: string, status: string, more: object = {}): object {
  return { id, status, result: null, progress: null, details: null, preview: null, ...more };
}

/** The seed that the provider chose by itself: the same for the same task. */
function seedOf(id: string): number {
  return Number.parseInt(id.slice(0, 7), 16);
}

/** What no single field shows: the picture as a whole, and a mask that does not fit its image. */
function misfitOf(body: Readonly<Record<string, unknown>>, size: FrameSize): Problem | null {
  if (size.width * size.height > AREA_MAX * 4)
    return { path: ['width'], rule: 'max', wanted: '2048', given: size.width };
  for (const side of ['width', 'height']) {
    const given = body[side];
    if (typeof given === 'number' && given > 0 && given < SIDE_MIN) {
      return { path: [side], rule: 'min', wanted: String(SIDE_MIN), given };
    }
  }
  if (typeof body['width'] === 'number' && size.width * size.height > AREA_MAX) {
    return { path: ['width'], rule: 'max', wanted: String(Math.floor(AREA_MAX / size.height)), given: size.width };
  }
  const [image, mask] = ['image', 'mask'].map((name) => {
    const text = body[name];
    return typeof text === 'string' ? pictureIn(text) : null;
  });
  if (image == null || mask == null || (image.width === mask.width && image.height === mask.height)) return null;
  return { path: ['mask'], rule: 'picture', wanted: `${image.width} by ${image.height} pixels`, given: null };
}

function formatOf(value: unknown): PictureFormat {
  return value === 'png' || value === 'webp' ? value : 'jpeg';
}

function creditsLeft(desk: Desk): number {
  let spent = 0;
  for (const generation of desk.list()) spent += generation.costMicroUsd;
  return CREDITS_AT_START - spent / MICRO_USD_PER_CREDIT;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return jsonAnswer(403, { detail: 'Not authenticated - Invalid Authentication' });
    case 'no-route':
      return jsonAnswer(404, { detail: 'Not Found' });
    case 'rate-limited':
      return jsonAnswer(429, { detail: 'Too many active tasks' });
    case 'no-funds':
      return jsonAnswer(402, { detail: 'Insufficient credits' });
    case 'unavailable':
      return jsonAnswer(status ?? 503, { detail: 'The service cannot answer now' });
    case 'too-large':
      return jsonAnswer(413, { detail: 'Request body too large' });
  }
}

const TYPES: Readonly<Record<Problem['rule'], string>> = {
  missing: 'missing',
  unknown: 'extra_forbidden',
  type: 'type',
  choice: 'enum',
  min: 'greater_than_equal',
  max: 'less_than_equal',
  multiple: 'multiple_of',
  length: 'string_too_long',
  pattern: 'string_pattern_mismatch',
  count: 'too_long',
  picture: 'value_error',
};

function invalid(problems: readonly Problem[], place: 'body' | 'query' = 'body'): DoubleAnswer {
  const detail = problems.map((problem) => ({
    loc: [place, ...problem.path],
    msg: messageOf(problem),
    type: typeOf(problem),
  }));
  return jsonAnswer(422, { detail });
}

function typeOf({ rule, wanted }: Problem): string {
  if (rule === 'type') return `${wanted}_type`;
  if (rule === 'length') return wanted.startsWith('at least') ? 'string_too_short' : 'string_too_long';
  return TYPES[rule];
}

function messageOf({ rule, wanted }: Problem): string {
  switch (rule) {
    case 'missing':
      return 'Field required';
    case 'unknown':
      return 'Extra inputs are not permitted';
    case 'type':
      return `Input should be a valid ${wanted}`;
    case 'choice':
      return `Input should be one of ${wanted}`;
    case 'min':
      return `Input should be greater than or equal to ${wanted}`;
    case 'max':
      return `Input should be less than or equal to ${wanted}`;
    case 'multiple':
      return `Input should be a multiple of ${wanted}`;
    case 'length':
      return `String should have ${wanted} characters`;
    case 'pattern':
      return `String should match pattern '${wanted}'`;
    case 'count':
      return `List should have ${wanted} items`;
    case 'picture':
      return `Value error, not a readable picture (${wanted})`;
  }
}
