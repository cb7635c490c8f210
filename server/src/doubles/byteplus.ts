import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { BYTEPLUS_MODELS, tokensOf } from './byteplus-models.ts';
import { checkFields, objectIn, textIn } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';

const KEY = 'double-byteplus-key';
const ROOT = '/api/v3';
const TASKS = 'contents/generations/tasks';
const LINK_MS = 86_400_000;
/** A callback that is not taken is tried three times more. */
const CALLBACK_TRIES = 4;
const PAGE_ITEMS_MAX = 500;

/** BytePlus ModelArk: pictures with the answer to their start, videos as tasks that are looked at. It checks each field. */
export const double: Double = {
  id: 'byteplus',
  inputs: BYTEPLUS_MODELS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_BYTEPLUS_URL: `${url}${ROOT}`, ARK_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: (random) => `cgt-20261123-${Buffer.from(random.bytes(6)).toString('hex')}`,
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method } = request;
    const path = request.path.startsWith(`${ROOT}/`) ? request.path.slice(ROOT.length + 1) : '';
    if (method === 'POST') return start(request, desk, path);
    if (method === 'GET' && path === TASKS) return list(request, desk);
    const id = path.startsWith(`${TASKS}/`) ? decodeURIComponent(path.slice(TASKS.length + 1)) : null;
    if (id === null) return refuse({ kind: 'no-route' });
    const generation = desk.find(id);
    if (generation === undefined) return no(404, 'ResourceNotFound', 'The specified task is not found.');
    if (method === 'GET') return desk.tell(generation, jsonAnswer(200, taskOf(generation, desk.look(generation))));
    return method === 'DELETE' ? remove(generation, desk) : refuse({ kind: 'no-route' });
  },
  callback: {
    triesMax: CALLBACK_TRIES,
    write: ({ generation, view }) => ({
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(taskOf(generation, view)),
    }),
  },
};

function start(request: DoubleRequest, desk: Desk, path: string): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return invalid('body');
  const { model, callback_url: callback, ...input } = body;
  const isTask = path === TASKS;
  const name = `${String(model)}@${path}`;
  const known = Object.hasOwn(BYTEPLUS_MODELS, name) ? BYTEPLUS_MODELS[name] : undefined;
  if (known === undefined)
    return no(404, 'InvalidEndpointOrModel.NotFound', `The model does not exist: ${String(model)}`);
  const [problem] = checkFields(known.fields, input, { areUnknownRefused: true });
  if (problem !== undefined) return invalid(problem.path.join('.'), problem.rule === 'missing');
  const conflict = !isTask && callback !== undefined ? 'callback_url' : known.conflictIn(input);
  if (conflict !== null) return invalid(conflict);
  const order = {
    model: name,
    prompt: isTask ? promptIn(input) : textIn(input, 'prompt', ''),
    seed: typeof input['seed'] === 'number' ? input['seed'] : null,
    input,
    files: [known.fileOf(input)],
    callbackUrl: typeof callback === 'string' ? callback : null,
    costMicroUsd: known.costMicroUsd(input),
    isSynchronous: !isTask,
  };
  return desk.sell(request, order, (generation) =>
    isTask ? jsonAnswer(200, { id: generation.shownId }) : deliver(generation, desk),
  );
}

function promptIn({ content }: Readonly<Record<string, unknown>>): string {
  const items = Array.isArray(content) ? content.map((item) => objectIn(item) ?? {}) : [];
  return textIn(items.find(({ type }) => type === 'text') ?? {}, 'text', '');
}

async function deliver(generation: Generation, desk: Desk): Promise<DoubleAnswer> {
  const view = desk.look(generation);
  const { input, model } = generation.order;
  const told = { model: model.split('@')[0], created: Math.floor(generation.createdAt / 1_000) };
  if (view.state === 'refused') {
    const error = {
      code: 'OutputImageSensitiveContentDetected',
      message: 'The request failed because the output image may contain sensitive information.',
    };
    return jsonAnswer(200, { ...told, data: [{ error }], usage: { generated_images: 0 } });
  }
  if (view.state !== 'done') {
    return no(500, 'InternalServiceError', view.state === 'failed' ? view.text : 'The service encountered an error.');
  }
  const data = await Promise.all(
    view.files.map(async ({ url, index, width, height }) => ({
      size: `${width}x${height}`,
      ...(input['response_format'] === 'b64_json'
        ? { b64_json: Buffer.from(await desk.bytes(generation, index)).toString('base64') }
        : { url }),
    })),
  );
  return jsonAnswer(200, { ...told, data, usage: { generated_images: data.length } });
}

/** What waits is cancelled and what runs cannot be touched; that records of ended work go is not played. */
function remove(generation: Generation, desk: Desk): DoubleAnswer {
  const { state } = desk.look(generation, { isStatusOnly: true });
  if (state === 'running') return no(400, 'InvalidAction', 'A running task cannot be deleted.');
  if (state === 'waiting') desk.cancel(generation);
  return jsonAnswer(200, {});
}

function list({ url }: DoubleRequest, desk: Desk): DoubleAnswer {
  const size = Number(url.searchParams.get('page_size') ?? 10);
  if (!(size >= 1 && size <= PAGE_ITEMS_MAX)) return invalid('page_size');
  const tasks = [...desk.list()].filter(({ order }) => order.model.endsWith(`@${TASKS}`));
  const items = tasks.slice(0, size).map((task) => taskOf(task, desk.look(task, { isStatusOnly: true })));
  return jsonAnswer(200, { items, total: tasks.length });
}

function taskOf({ id, order, createdAt }: Generation, view: View): object {
  const { ratio, resolution, duration } = order.input;
  return {
    id,
    model: order.model.split('@')[0],
    ...stateOf(view, tokensOf(order.input)),
    created_at: Math.floor(createdAt / 1_000),
    updated_at: Math.floor(('endedAt' in view ? view.endedAt : createdAt) / 1_000),
    ratio,
    resolution,
    duration,
    seed: order.seed ?? 17_918,
    framespersecond: 24,
  };
}

function stateOf(view: View, tokens: number): object {
  switch (view.state) {
    case 'waiting':
      return { status: 'queued' };
    case 'running':
      return { status: view.isStrange ? 'daydreaming' : 'running' };
    case 'done':
      return {
        status: 'succeeded',
        content: { video_url: view.files[0]?.url },
        usage: { completion_tokens: tokens, total_tokens: tokens },
      };
    case 'refused': {
      const message = 'The request failed because the output video may contain sensitive information.';
      return { status: 'failed', error: { code: 'OutputVideoSensitiveContentDetected', message } };
    }
    case 'failed':
      return { status: 'failed', error: { code: 'InternalServiceError', message: view.text } };
    case 'cancelled':
      return { status: 'cancelled' };
  }
}

function invalid(name: string, isMissing = false): DoubleAnswer {
  return isMissing
    ? no(400, 'MissingParameter', `The request is missing the parameter: ${name}`, name)
    : no(400, 'InvalidParameter', `The parameter \`${name}\` specified in the request is not valid.`, name);
}

function no(status: number, code: string, message: string, param = ''): DoubleAnswer {
  return jsonAnswer(status, { error: { code, message, param, type: status >= 500 ? 'InternalError' : 'BadRequest' } });
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return no(401, 'AuthenticationError', 'The API key in the request is missing or invalid.');
    case 'no-route':
      return no(404, 'InvalidEndpointOrModel.NotFound', 'The path is not known.');
    case 'rate-limited':
      return no(429, 'RateLimitExceeded.EndpointRPMExceeded', 'Too many requests a minute.');
    case 'no-funds':
      return no(403, 'AccountOverdueError', 'The account has an overdue balance.');
    case 'unavailable':
      return no(status ?? 503, 'ServiceUnavailable', 'The service is overloaded.');
    case 'too-large':
      return no(413, 'InvalidParameter', 'The body is too large.');
  }
}
