import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { checkFields, objectIn, textIn, type Fields, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';
import { randomUuid } from './random-ids.ts';

const KEY = 'double-runway-key';
const ROOT = '/v1';
const VERSION = '2024-11-06';
/** Links are said to live for one to two days. */
const LINK_MS = 86_400_000;
const CREDITS = 10_000;
const MICRO_USD_PER_CREDIT = 10_000;
const SECONDS = 5;
const PICTURE_RATIOS = ['1280:720', '720:1280', '960:960', '1104:832', '832:1104', '1584:672'];

const COMMON: Fields = {
  promptText: { type: 'text', isRequired: true, pattern: /^[\s\S]{1,1000}$/ },
  duration: { type: 'integer', min: 2, max: 10 },
  seed: { type: 'integer', min: 0, max: 4_294_967_295 },
};
const OF_PICTURE: Fields = {
  ...COMMON,
  promptImage: { type: 'address', isRequired: true },
  ratio: { type: 'choice', values: PICTURE_RATIOS, isRequired: true },
};

/** Gen-4.5 wants to be told how long. */
const DURATION: Fields = { duration: { type: 'integer', min: 2, max: 10, isRequired: true } };

interface Played {
  fields: Fields;
  creditsPerSecond: number;
}

/** What is played, by model and path. */
const MODELS: Readonly<Record<string, Played>> = {
  'gen4_turbo@image_to_video': { fields: OF_PICTURE, creditsPerSecond: 5 },
  'gen4.5@image_to_video': { fields: { ...OF_PICTURE, ...DURATION }, creditsPerSecond: 12 },
  'gen4.5@text_to_video': {
    fields: { ...COMMON, ...DURATION, ratio: { type: 'choice', values: ['1280:720', '720:1280'], isRequired: true } },
    creditsPerSecond: 12,
  },
};

/** Runway: tasks that are looked at and can be stopped; every request names the version of the API. */
export const double: Double = {
  id: 'runway',
  inputs: MODELS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_RUNWAY_URL: `${url}${ROOT}`, RUNWAY_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: randomUuid,
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method, headers } = request;
    const path = request.path.startsWith(`${ROOT}/`) ? request.path.slice(ROOT.length + 1) : '';
    if (headers['x-runway-version'] !== VERSION) return no(400, 'The header X-Runway-Version is missing');
    if (method === 'GET' && path === 'organization') return jsonAnswer(200, { creditBalance: CREDITS, tier: {} });
    if (method === 'POST') return start(request, desk, path);
    const id = /^tasks\/([^/]+)$/.exec(path)?.[1];
    const generation = id === undefined ? undefined : desk.find(decodeURIComponent(id));
    // What was stopped cannot be looked at again.
    if (generation === undefined || generation.cancelledAfterMs !== null) return no(404, 'Not found');
    if (method === 'GET') return desk.tell(generation, jsonAnswer(200, shown(generation, desk.look(generation))));
    if (method !== 'DELETE') return refuse({ kind: 'no-route' });
    desk.cancel(generation);
    return { kind: 'whole', status: 204, headers: {}, body: '' };
  },
};

function start(request: DoubleRequest, desk: Desk, path: string): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return no(400, 'The body is no JSON object');
  const { model, ...input } = body;
  const name = `${String(model)}@${path}`;
  const known = Object.hasOwn(MODELS, name) ? MODELS[name] : undefined;
  if (known === undefined) return no(400, `Validation of body failed: model ${String(model)} does not run here`);
  const [problem] = checkFields(known.fields, input, { areUnknownRefused: true });
  if (problem !== undefined) return no(400, wordsOf(problem));
  const seconds = Number(input['duration'] ?? SECONDS);
  const seed = input['seed'];
  const order = {
    model: name,
    prompt: textIn(input, 'promptText', ''),
    seed: typeof seed === 'number' ? seed : null,
    input,
    files: [{ width: 640, height: 360, format: 'mp4' as const, seconds }],
    callbackUrl: null,
    costMicroUsd: known.creditsPerSecond * seconds * MICRO_USD_PER_CREDIT,
  };
  return desk.sell(request, order, ({ shownId }) => jsonAnswer(200, { id: shownId }));
}

function shown({ id, createdAt, costMicroUsd }: Generation, view: View): object {
  const cost = { credits: costMicroUsd / MICRO_USD_PER_CREDIT };
  return { id, createdAt: new Date(createdAt).toISOString(), ...stateOf(view, cost) };
}

function stateOf(view: View, cost: { credits: number }): object {
  switch (view.state) {
    case 'waiting':
      return { status: 'PENDING' };
    case 'running':
      return { status: view.isStrange ? 'DAYDREAMING' : 'RUNNING', progress: view.progress / 100 };
    case 'done':
      return { status: 'SUCCEEDED', output: view.files.map(({ url }) => url), cost };
    case 'refused':
      return { status: 'FAILED', failure: 'Content moderation', failureCode: 'SAFETY.OUTPUT.VIDEO' };
    case 'failed':
      return { status: 'FAILED', failure: view.text, failureCode: 'INTERNAL.BAD_OUTPUT.CODE01' };
    case 'cancelled':
      return { status: 'CANCELLED' };
  }
}

function no(status: number, error: string): DoubleAnswer {
  return jsonAnswer(status, { error });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `Validation of body failed: ${path.join('.')} is not right (${rule}): wanted ${wanted}`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return no(401, 'Unauthorized');
    case 'no-route':
      return no(404, 'Not found');
    case 'rate-limited':
      return no(429, 'Too many requests');
    case 'no-funds':
      return no(400, 'You do not have enough credits to run this task.');
    case 'unavailable':
      return no(status ?? 503, 'Service unavailable');
    case 'too-large':
      return no(413, 'The body is too large');
  }
}
