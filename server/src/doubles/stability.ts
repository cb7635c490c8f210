import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { checkFields, pictureIn, textIn, type Fields, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, FileOrder, Generation, Refusal } from './double.ts';
import { readForm } from './form-fields.ts';
import { sizeFromRatio } from './frame-size.ts';
import { CONTENT_TYPES } from './picture.ts';

const KEY = 'double-stability-key';
/** Results come inside the answer; no link is ever given. */
const LINK_MS = 0;
/** Without a seed, or with 0, the vendor throws one. */
const RANDOM_SEED = 4_242;

/** What a picture costs, by model. */
const PRICES: Readonly<Record<string, number>> = {
  'sd3.5-large': 65_000,
  'sd3.5-large-turbo': 40_000,
  'sd3.5-medium': 35_000,
};

const FIELDS: Fields = {
  prompt: { type: 'text', lengthMin: 1, lengthMax: 10_000, isRequired: true },
  mode: { type: 'choice', values: ['text-to-image', 'image-to-image'] },
  aspect_ratio: { type: 'choice', values: ['16:9', '1:1', '21:9', '2:3', '3:2', '4:5', '5:4', '9:16', '9:21'] },
  image: { type: 'picture', form: 'base64' },
  strength: { type: 'number', min: 0, max: 1 },
  negative_prompt: { type: 'text', lengthMax: 10_000 },
  cfg_scale: { type: 'number', min: 1, max: 10 },
  seed: { type: 'integer', min: 0, max: 4_294_967_294 },
  output_format: { type: 'choice', values: ['jpeg', 'png'] },
};

/**
 * Stability's path for the Stable Diffusion 3 family: forms in, base64 or the bare picture out, as `Accept` wants it.
 * Whether the vendor refuses fields that it does not know is not known; the double does.
 */
export const double: Double = {
  id: 'stability',
  inputs: Object.fromEntries(Object.keys(PRICES).map((model) => [model, { fields: FIELDS }])),
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_STABILITY_URL: url, STABILITY_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: (random) => Buffer.from(random.bytes(16)).toString('hex'),
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method, path } = request;
    if (method === 'GET' && path === '/v1/user/balance') return jsonAnswer(200, { credits: 12.345 });
    if (method !== 'POST' || path !== '/v2beta/stable-image/generate/sd3') return refuse({ kind: 'no-route' });
    return generate(request, desk);
  },
};

async function generate(request: DoubleRequest, desk: Desk): Promise<DoubleAnswer> {
  const form = await readForm(request, FIELDS);
  if (form === null) return invalid(['content-type: must be multipart/form-data']);
  const { model = 'sd3.5-large', ...asked } = form;
  const price = typeof model === 'string' && Object.hasOwn(PRICES, model) ? PRICES[model] : undefined;
  if (price === undefined) return invalid(['model: is not supported']);
  const problems = checkFields(FIELDS, asked, { areUnknownRefused: true }).map(wordsOf);
  const wrong = [...problems, ...wrongInMode(asked)];
  if (wrong.length > 0) return invalid(wrong);
  const seed = Number(asked['seed'] ?? 0);
  const order = {
    model: String(model),
    prompt: textIn(asked, 'prompt', ''),
    seed: seed === 0 ? null : seed,
    input: asked,
    files: [fileOf(asked)],
    callbackUrl: null,
    costMicroUsd: price,
    isSynchronous: true,
  };
  return desk.sell(request, order, (generation) => deliver(generation, desk, request));
}

/** What belongs to the other way of making a picture, and what this one cannot be without. */
function wrongInMode(asked: Readonly<Record<string, unknown>>): string[] {
  const isFromImage = asked['mode'] === 'image-to-image';
  const needed = isFromImage ? ['image', 'strength'] : [];
  const foreign = isFromImage ? ['aspect_ratio'] : ['image', 'strength'];
  return [
    ...needed.filter((name) => asked[name] === undefined).map((name) => `${name}: is required`),
    ...foreign.filter((name) => asked[name] !== undefined).map((name) => `${name}: is not allowed in this mode`),
  ];
}

function fileOf(asked: Readonly<Record<string, unknown>>): FileOrder {
  const given = pictureIn(textIn(asked, 'image', ''));
  const shaped = sizeFromRatio(textIn(asked, 'aspect_ratio', '1:1'), { megapixels: 1, step: 64 });
  const { width, height } = given ?? shaped ?? { width: 1024, height: 1024 };
  return { width, height, format: asked['output_format'] === 'jpeg' ? 'jpeg' : 'png' };
}

async function deliver(generation: Generation, desk: Desk, { headers }: DoubleRequest): Promise<DoubleAnswer> {
  const view = desk.look(generation);
  if (view.state === 'failed' || view.state === 'cancelled') {
    return refusal(500, 'internal_error', [view.state === 'failed' ? view.text : 'The work was stopped']);
  }
  const isFiltered = view.state === 'refused';
  const reason = isFiltered ? 'CONTENT_FILTERED' : 'SUCCESS';
  const seed = generation.order.seed ?? RANDOM_SEED;
  const [file] = view.state === 'done' ? view.files : [];
  // What the filter has struck is sent as well; an empty picture stands for it here.
  const bytes = file === undefined ? new Uint8Array() : await desk.bytes(generation, file.index);
  const type = CONTENT_TYPES[generation.order.files[0]?.format ?? 'png'];
  if (headers.accept !== 'application/json') {
    const told = { 'content-type': type, 'finish-reason': reason, seed: String(seed) };
    return { kind: 'whole', status: 200, headers: told, body: bytes };
  }
  const body = { image: Buffer.from(bytes).toString('base64'), finish_reason: reason, seed };
  return jsonAnswer(200, body, { 'content-type': `application/json; type=${type}` });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return rule === 'missing' ? `${path.join('.')}: is required` : `${path.join('.')}: ${rule}, wanted ${wanted}`;
}

function invalid(errors: readonly string[]): DoubleAnswer {
  return refusal(400, 'bad_request', errors);
}

function refusal(status: number, name: string, errors: readonly string[]): DoubleAnswer {
  return jsonAnswer(status, { id: 'double', name, errors });
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return refusal(401, 'unauthorized', ['authorization: missing or invalid key']);
    case 'no-route':
      return refusal(404, 'not_found', ['The path does not exist']);
    case 'rate-limited':
      return refusal(429, 'rate_limit_exceeded', ['More than 150 requests in ten seconds']);
    case 'no-funds':
      return refusal(402, 'payment_required', ['Not enough credits']);
    case 'unavailable':
      return refusal(status ?? 503, 'unavailable', ['The service is unavailable']);
    case 'too-large':
      return refusal(413, 'content_too_large', ['The request is larger than 10 MiB']);
  }
}
