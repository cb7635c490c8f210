import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { checkFields, objectIn, textIn } from './check-fields.ts';
import { DASHSCOPE_MODELS } from './dashscope-models.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';
import { randomUuid } from './random-ids.ts';

const KEY = 'double-dashscope-key';
const ROOT = '/api/v1';
const START = `${ROOT}/services/aigc/`;
const VIDEO = 'video-generation/video-synthesis';
const LINK_MS = 86_400_000;

/** Alibaba's Model Studio: pictures with the answer to their start, videos as tasks, which want a header. */
export const double: Double = {
  id: 'dashscope',
  inputs: DASHSCOPE_MODELS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_DASHSCOPE_URL: `${url}${ROOT}`, DASHSCOPE_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: randomUuid,
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method, path } = request;
    if (method === 'POST' && path.startsWith(START)) return start(request, desk, path.slice(START.length));
    const [, id, end] = /^\/api\/v1\/tasks\/([^/]+)(\/cancel)?$/.exec(path) ?? [];
    if (id === undefined) return refuse({ kind: 'no-route' });
    const generation = desk.find(decodeURIComponent(id));
    if (method === 'POST' && end !== undefined) return cancel(generation, desk);
    if (method !== 'GET' || end !== undefined) return refuse({ kind: 'no-route' });
    // An id that nobody knows is no error here.
    if (generation === undefined) return answer({ task_id: id, task_status: 'UNKNOWN' });
    return desk.tell(generation, answer({ task_id: id, ...stateOf(desk.look(generation)) }));
  },
};

function start(request: DoubleRequest, desk: Desk, path: string): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return no(400, 'InvalidParameter', 'The body is no JSON object');
  const { model, ...input } = body;
  const name = `${String(model)}@${path}`;
  const known = Object.hasOwn(DASHSCOPE_MODELS, name) ? DASHSCOPE_MODELS[name] : undefined;
  if (known === undefined) return no(404, 'ModelNotFound', `Model not exist: ${String(model)}`);
  const isTask = path === VIDEO;
  if (isTask && request.headers['x-dashscope-async'] !== 'enable') {
    return no(403, 'AccessDenied', 'current user api does not support synchronous calls.');
  }
  const [problem] = checkFields(known.fields, input, { areUnknownRefused: true });
  if (problem !== undefined) return no(400, 'InvalidParameter', `${problem.path.join('.')}: wanted ${problem.wanted}`);
  if (!known.isConsistent(input)) return no(400, 'InvalidParameter', isTask ? 'input.media' : 'parameters.size');
  const order = {
    model: name,
    prompt: textIn(objectIn(input['input']) ?? {}, 'prompt', ''),
    seed: null,
    input,
    files: [known.fileOf(input)],
    callbackUrl: null,
    costMicroUsd: known.costMicroUsd(input),
    isSynchronous: !isTask,
  };
  return desk.sell(request, order, (generation) =>
    isTask ? answer({ task_status: 'PENDING', task_id: generation.shownId }) : deliver(generation, desk),
  );
}

function deliver(generation: Generation, desk: Desk): DoubleAnswer {
  const view = desk.look(generation);
  if (view.state === 'refused') {
    return no(400, 'DataInspectionFailed', 'Output data may contain inappropriate content.');
  }
  if (view.state !== 'done') {
    return no(500, 'InternalError', view.state === 'failed' ? view.text : 'An internal error has occurred.');
  }
  const content = view.files.map(({ url }) => ({ image: url }));
  return answer({ choices: [{ finish_reason: 'stop', message: { role: 'assistant', content } }] });
}

function cancel(generation: Generation | undefined, desk: Desk): DoubleAnswer {
  const view = generation === undefined ? null : desk.look(generation, { isStatusOnly: true });
  if (generation === undefined || view?.state !== 'waiting') {
    return no(
      400,
      'UnsupportedOperation',
      'Failed to cancel the task, please confirm if the task is in PENDING status.',
    );
  }
  desk.cancel(generation);
  return jsonAnswer(200, { request_id: 'double' });
}

function stateOf(view: View): object {
  switch (view.state) {
    case 'waiting':
      return { task_status: 'PENDING' };
    case 'running':
      return { task_status: view.isStrange ? 'DAYDREAMING' : 'RUNNING' };
    case 'done':
      return { task_status: 'SUCCEEDED', video_url: view.files[0]?.url };
    case 'refused': {
      const message = 'Output data may contain inappropriate content.';
      return { task_status: 'FAILED', code: 'DataInspectionFailed', message };
    }
    case 'failed':
      return { task_status: 'FAILED', code: 'InternalError', message: view.text };
    case 'cancelled':
      return { task_status: 'CANCELED' };
  }
}

function answer(output: object): DoubleAnswer {
  return jsonAnswer(200, { request_id: 'double', output });
}

function no(status: number, code: string, message: string): DoubleAnswer {
  return jsonAnswer(status, { code, message, request_id: 'double' });
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return no(401, 'InvalidApiKey', 'Invalid API-key provided.');
    case 'no-route':
      return no(404, 'InvalidURL', 'The path is not known.');
    case 'rate-limited':
      return no(429, 'Throttling.RateQuota', 'Requests rate limit exceeded, please try again later.');
    case 'no-funds':
      return no(400, 'Arrearage', 'Access denied, please make sure your account is in good standing.');
    case 'unavailable':
      return no(status ?? 503, 'SystemError', 'The service is overloaded.');
    case 'too-large':
      return no(413, 'InvalidParameter', 'The body is too large.');
  }
}
