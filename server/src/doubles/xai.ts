import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { checkFields, objectIn, textIn, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';
import { randomUuid } from './random-ids.ts';
import { XAI_MODELS } from './xai-models.ts';

const KEY = 'double-xai-key';
const ROOT = '/v1';
/** Links are said to live for a short while; an hour is general knowledge. */
const LINK_MS = 3_600_000;
/** Costs are told in parts of a dollar of which ten thousand are a micro-dollar. */
const TICKS_PER_MICRO_USD = 10_000;

/** xAI: pictures with the answer to their start, videos as requests that are looked at. It refuses what it does not know. */
export const double: Double = {
  id: 'xai',
  inputs: XAI_MODELS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_XAI_URL: `${url}${ROOT}`, XAI_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: randomUuid,
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method } = request;
    const path = request.path.startsWith(`${ROOT}/`) ? request.path.slice(ROOT.length + 1) : '';
    if (method === 'GET' && path === 'models') return models();
    const id = /^videos\/([^/]+)$/.exec(path)?.[1];
    if (method === 'GET' && id !== undefined) return look(decodeURIComponent(id), desk);
    return method === 'POST' ? start(request, desk, path) : refuse({ kind: 'no-route' });
  },
};

function start(request: DoubleRequest, desk: Desk, path: string): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return no(422, 'Failed to deserialize the JSON body');
  const { model, ...input } = body;
  const name = `${String(model)}@${path}`;
  const known = Object.hasOwn(XAI_MODELS, name) ? XAI_MODELS[name] : undefined;
  if (known === undefined) return no(404, `The model does not exist: ${String(model)}`);
  const [problem] = checkFields(known.fields, input, { areUnknownRefused: true });
  if (problem !== undefined) return no(422, wordsOf(problem));
  const isPicture = path.startsWith('images/');
  const order = {
    model: name,
    prompt: textIn(input, 'prompt', ''),
    seed: null,
    input,
    files: [known.fileOf(input)],
    callbackUrl: null,
    costMicroUsd: known.costMicroUsd(input),
    isSynchronous: isPicture,
  };
  return desk.sell(request, order, (generation) =>
    isPicture ? deliver(generation, desk) : jsonAnswer(200, { request_id: generation.shownId }),
  );
}

function deliver(generation: Generation, desk: Desk): DoubleAnswer {
  const view = desk.look(generation);
  if (view.state === 'refused') return no(400, 'Generated image rejected by content moderation.');
  if (view.state !== 'done') return no(500, view.state === 'failed' ? view.text : 'Internal error');
  return jsonAnswer(200, { data: view.files.map(({ url }) => ({ url })), ...usageOf(generation) });
}

function usageOf({ costMicroUsd }: Generation): object {
  return { usage: { cost_in_usd_ticks: costMicroUsd * TICKS_PER_MICRO_USD } };
}

function look(id: string, desk: Desk): DoubleAnswer {
  const generation = desk.find(id);
  if (generation === undefined) return no(404, 'The request is not found');
  const view = desk.look(generation);
  return desk.tell(generation, jsonAnswer('endedAt' in view ? 200 : 202, stateOf(generation, view)));
}

function stateOf(generation: Generation, view: View): object {
  switch (view.state) {
    case 'waiting':
      return { status: 'pending' };
    case 'running':
      return { status: view.isStrange ? 'daydreaming' : 'pending', progress: view.progress };
    case 'done': {
      const [file] = view.files;
      const video = { url: file?.url, duration: file?.seconds, respect_moderation: true };
      return { status: 'done', model: 'grok-imagine-video', video, ...usageOf(generation) };
    }
    case 'refused':
      return { status: 'done', video: { url: '', respect_moderation: false }, ...usageOf(generation) };
    case 'failed':
      return { status: 'failed', error: { code: 'internal', message: view.text } };
    case 'cancelled':
      return { status: 'expired' };
  }
}

function models(): DoubleAnswer {
  const names = [...new Set(Object.keys(XAI_MODELS).map((name) => name.split('@')[0]))];
  return jsonAnswer(200, { object: 'list', data: names.map((id) => ({ id, object: 'model', owned_by: 'xai' })) });
}

function no(status: number, error: string): DoubleAnswer {
  return jsonAnswer(status, { code: status === 422 ? 'invalid-argument' : 'refused', error });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `Failed to deserialize the JSON body: ${path.join('.')} is not right (${rule}): wanted ${wanted}`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return no(400, 'Incorrect API key provided.');
    case 'no-route':
      return no(404, 'Not found');
    case 'rate-limited':
      return no(429, 'Too many requests');
    case 'no-funds':
      return no(403, 'Your team has used all available credits.');
    case 'unavailable':
      return no(status ?? 503, 'The service is overloaded');
    case 'too-large':
      return no(413, 'The body is too large');
  }
}
