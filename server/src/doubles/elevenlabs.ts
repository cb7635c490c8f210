import { jsonAnswer } from './answer.ts';
import { checkFields, objectIn, textIn, type Fields, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal } from './double.ts';
import { CONTENT_TYPES } from './picture.ts';

const KEY = 'double-elevenlabs-key';
/** Results come inside the answer; no link is ever given. */
const LINK_MS = 0;
const MODEL = 'music_v1';
/** Where no length is asked for, the model chooses one. */
const LENGTH_MS = 10_000;
/** Stands for a price that is not known. */
const COST_MICRO_USD = 100_000;

/** What may be asked for, in the body and (`output_format`) in the address. */
const FIELDS: Fields = {
  prompt: { type: 'text', lengthMin: 1, lengthMax: 4_100, isRequired: true },
  music_length_ms: { type: 'integer', min: 3_000, max: 600_000 },
  force_instrumental: { type: 'boolean' },
  output_format: {
    type: 'choice',
    values: ['mp3_22050_32', 'mp3_44100_32', 'mp3_44100_64', 'mp3_44100_96', 'mp3_44100_128', 'mp3_44100_192'],
  },
};

/**
 * ElevenLabs' music: the answer is the sound. Kinds of sound without a container are not played; whether the vendor
 * refuses fields that it does not know is not known, and the double does.
 */
export const double: Double = {
  id: 'elevenlabs',
  inputs: { [MODEL]: { fields: FIELDS } },
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_ELEVENLABS_URL: url, ELEVENLABS_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: (random) => Buffer.from(random.bytes(15)).toString('hex').slice(0, 20),
  keyOf: (headers) => {
    const key = headers['xi-api-key'];
    return typeof key === 'string' ? key : null;
  },
  refuse,
  handle: (request, desk) => {
    const { method, path } = request;
    if (method === 'GET' && path === '/v1/user/subscription') {
      return jsonAnswer(200, { tier: 'creator', character_count: 4_200, character_limit: 100_000, status: 'active' });
    }
    if (method !== 'POST' || path !== '/v1/music') return refuse({ kind: 'no-route' });
    return compose(request, desk);
  },
};

function compose(request: DoubleRequest, desk: Desk): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return jsonAnswer(422, { detail: [{ loc: ['body'], msg: 'Input should be an object' }] });
  const { model_id: model = MODEL, ...asked } = body;
  const format = request.url.searchParams.get('output_format') ?? 'mp3_44100_128';
  const problems = checkFields(FIELDS, { ...asked, output_format: format }, { areUnknownRefused: true });
  const stray = ['output_format'].filter((name) => name in asked);
  if (model !== MODEL || stray.length > 0 || problems.length > 0) {
    const unknown = [...(model === MODEL ? [] : ['model_id']), ...stray];
    const told = unknown.map((name) => ({ loc: ['body', name], msg: 'Input is not allowed', type: 'value_error' }));
    return jsonAnswer(422, { detail: [...told, ...problems.map(complaintOf)] });
  }
  const lengthMs = Number(asked['music_length_ms'] ?? LENGTH_MS);
  const order = {
    model: MODEL,
    prompt: textIn(asked, 'prompt', ''),
    seed: null,
    input: { ...asked, output_format: format },
    files: [{ width: 0, height: 0, format: 'mp3' as const, seconds: lengthMs / 1_000 }],
    callbackUrl: null,
    costMicroUsd: COST_MICRO_USD,
    isSynchronous: true,
  };
  return desk.sell(request, order, (generation) => deliver(generation, desk));
}

function complaintOf({ path, rule, wanted }: Problem): object {
  const place = path[0] === 'output_format' ? 'query' : 'body';
  return { loc: [place, ...path], msg: `Input is not right (${rule}): wanted ${wanted}`, type: 'value_error' };
}

async function deliver(generation: Generation, desk: Desk): Promise<DoubleAnswer> {
  const view = desk.look(generation);
  if (view.state === 'refused') {
    const data = { prompt_suggestion: 'a piece in a style of its own' };
    return errorAnswer(400, { status: 'bad_prompt', message: 'The prompt appears to break the terms.', data });
  }
  if (view.state !== 'done') {
    return errorAnswer(500, { status: 'internal_error', message: view.state === 'failed' ? view.text : 'Failed' });
  }
  const [file] = view.files;
  // The body has room for one file, and without any it is empty.
  const bytes = file === undefined ? new Uint8Array() : await desk.bytes(generation, file.index);
  const headers = { 'content-type': CONTENT_TYPES.mp3, 'song-id': generation.shownId ?? '' };
  return { kind: 'whole', status: 200, headers, body: bytes };
}

function errorAnswer(status: number, detail: { status: string; message: string; data?: object }): DoubleAnswer {
  return jsonAnswer(status, { detail });
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return errorAnswer(401, { status: 'invalid_api_key', message: 'Invalid API key' });
    case 'no-route':
      return jsonAnswer(404, { detail: 'Not Found' });
    case 'rate-limited':
      return errorAnswer(429, { status: 'too_many_concurrent_requests', message: 'Too many concurrent requests.' });
    case 'no-funds':
      return errorAnswer(401, { status: 'quota_exceeded', message: 'This request exceeds the quota.' });
    case 'unavailable':
      return errorAnswer(status ?? 503, { status: 'unavailable', message: 'Service unavailable' });
    case 'too-large':
      return errorAnswer(413, { status: 'too_large', message: 'The request is too large.' });
  }
}
