import { jsonAnswer } from './answer.ts';
import { checkFields, objectIn, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';
import { GOOGLE_MODELS, type GoogleModel } from './google-models.ts';
import { CONTENT_TYPES } from './picture.ts';

const KEY = 'double-gemini-key';
/** A video lies there for two days. */
const LINK_MS = 172_800_000;
const ROOT = '/v1beta';

/**
 * Google's Gemini API: pictures and music inside the answer to `generateContent`, videos as operations whose files want
 * the key and lead on by a redirect. It refuses fields that it does not know.
 */
export const double: Double = {
  id: 'google',
  inputs: GOOGLE_MODELS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_GOOGLE_URL: `${url}${ROOT}`, GEMINI_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: (random) => Buffer.from(random.bytes(6)).toString('hex'),
  keyOf: (headers) => {
    const key = headers['x-goog-api-key'];
    return typeof key === 'string' ? key : null;
  },
  refuse,
  handle: (request, desk) => {
    const { method, path, url } = request;
    if (method === 'GET' && path === `${ROOT}/models`) return models();
    if (method === 'GET' && path.startsWith(`${ROOT}/files/`)) return toFile(url);
    const [, model, action] = /^\/v1beta\/models\/([a-z0-9.-]+)(?::(\w+)|\/operations\/\w+)$/.exec(path) ?? [];
    if (model === undefined) return refuse({ kind: 'no-route' });
    if (method === 'GET' && action === undefined) return look(path.slice(path.lastIndexOf('/') + 1), { model, desk });
    const name = action === 'generateContent' ? model : `${model}:${action}`;
    const known = Object.hasOwn(GOOGLE_MODELS, name) ? GOOGLE_MODELS[name] : undefined;
    if (method !== 'POST' || known === undefined) return refuse({ kind: 'no-route' });
    return start(request, desk, { model, known, isOperation: action === 'predictLongRunning' });
  },
};

function start(
  request: DoubleRequest,
  desk: Desk,
  { model, known, isOperation }: { model: string; known: GoogleModel; isOperation: boolean },
): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return errorAnswer(400, { message: 'Invalid JSON payload received.', word: 'INVALID_ARGUMENT' });
  const [problem] = checkFields(known.fields, body, { areUnknownRefused: true });
  if (problem !== undefined) return errorAnswer(400, { message: messageOf(problem), word: 'INVALID_ARGUMENT' });
  const seed = objectIn(body['parameters'])?.['seed'];
  const order = {
    model,
    prompt: known.promptOf(body),
    seed: typeof seed === 'number' ? seed : null,
    input: body,
    files: [known.fileOf(body)],
    callbackUrl: null,
    costMicroUsd: known.costMicroUsd,
    isSynchronous: !isOperation,
  };
  return desk.sell(request, order, (generation) =>
    isOperation ? jsonAnswer(200, { name: nameOf(generation, model) }) : deliver(generation, desk),
  );
}

function nameOf({ shownId }: Generation, model: string): string | null {
  return shownId === null ? null : `models/${model}/operations/${shownId}`;
}

async function deliver(generation: Generation, desk: Desk): Promise<DoubleAnswer> {
  const view = desk.look(generation);
  if (view.state === 'refused') return jsonAnswer(200, { candidates: [{ finishReason: 'IMAGE_SAFETY', index: 0 }] });
  if (view.state !== 'done') {
    return errorAnswer(500, { message: view.state === 'failed' ? view.text : 'Internal error', word: 'INTERNAL' });
  }
  const parts = await Promise.all(
    view.files.map(async ({ format, index }) => ({
      inlineData: {
        mimeType: CONTENT_TYPES[format],
        data: Buffer.from(await desk.bytes(generation, index)).toString('base64'),
      },
    })),
  );
  const candidates = [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0 }];
  // The answer's own id is general knowledge; our adapter does not read it.
  return jsonAnswer(200, { candidates, modelVersion: generation.order.model, responseId: generation.shownId });
}

function look(id: string, { model, desk }: { model: string; desk: Desk }): DoubleAnswer {
  const generation = desk.find(id);
  if (generation === undefined) return errorAnswer(404, { message: 'Operation not found', word: 'NOT_FOUND' });
  const state = stateOf(desk.look(generation), desk);
  return desk.tell(generation, jsonAnswer(200, { name: `models/${model}/operations/${id}`, ...state }));
}

function stateOf(view: View, desk: Desk): object {
  switch (view.state) {
    case 'waiting':
      return {};
    case 'running':
      return view.isStrange ? { metadata: { state: 'DAYDREAMING' } } : {};
    case 'done': {
      const generatedSamples = view.files.map(({ url }) => ({ video: { uri: keyedUrl(url, desk) } }));
      return { done: true, response: { generateVideoResponse: { generatedSamples } } };
    }
    case 'refused': {
      const raiMediaFilteredReasons = ['The video may break the rules on content.'];
      return { done: true, response: { generateVideoResponse: { raiMediaFilteredCount: 1, raiMediaFilteredReasons } } };
    }
    case 'failed':
      return { done: true, error: { code: 13, message: view.text } };
    case 'cancelled':
      return { done: true, error: { code: 1, message: 'The operation was cancelled.' } };
  }
}

/** The link under a path that wants the key. One that a fault has sent elsewhere stays as it is. */
function keyedUrl(url: string, desk: Desk): string {
  return url.replace(`${desk.url}/delivery/`, `${desk.url}${ROOT}/files/`);
}

function toFile(url: URL): DoubleAnswer {
  const location = `${url.pathname.replace(`${ROOT}/files/`, '/delivery/')}${url.search}`;
  return { kind: 'whole', status: 302, headers: { location }, body: '' };
}

function models(): DoubleAnswer {
  const names = Object.keys(GOOGLE_MODELS).map((name) => `models/${name.split(':')[0] ?? ''}`);
  return jsonAnswer(200, { models: names.map((name) => ({ name })) });
}

function messageOf({ path, rule, wanted }: Problem): string {
  const field = path.join('.');
  if (rule === 'unknown') return `Invalid JSON payload received. Unknown name "${field}": Cannot find field.`;
  return rule === 'missing' ? `"${field}" is required.` : `Invalid value at "${field}": wanted ${wanted}.`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key': {
      const words = { message: 'API key not valid. Please pass a valid API key.', word: 'INVALID_ARGUMENT' };
      return errorAnswer(400, words, [{ reason: 'API_KEY_INVALID', domain: 'googleapis.com' }]);
    }
    case 'no-route':
      return errorAnswer(404, { message: 'The model is not found.', word: 'NOT_FOUND' });
    case 'rate-limited':
      return errorAnswer(429, { message: 'Resource has been exhausted.', word: 'RESOURCE_EXHAUSTED' });
    case 'no-funds':
      return errorAnswer(403, { message: 'Billing is not enabled for this project.', word: 'PERMISSION_DENIED' });
    case 'unavailable':
      return errorAnswer(status ?? 503, { message: 'The service is currently unavailable.', word: 'UNAVAILABLE' });
    case 'too-large':
      return errorAnswer(413, { message: 'Request payload size exceeds the limit.', word: 'INVALID_ARGUMENT' });
  }
}

function errorAnswer(
  status: number,
  { message, word }: { message: string; word: string },
  details: readonly object[] = [],
): DoubleAnswer {
  const more = details.length === 0 ? {} : { details };
  return jsonAnswer(status, { error: { code: status, message, status: word, ...more } });
}
