import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { checkFields, objectIn, textIn, type Fields, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Refusal, View } from './double.ts';

const KEY = 'double-minimax-key';
const ROOT = '/v1';
/** Links live for an hour. */
const LINK_MS = 3_600_000;
const ID_DIGITS = 15;
const OK = { status_code: 0, status_msg: 'success' };
/** Micro-dollars by resolution and seconds. */
const COSTS: Readonly<Record<string, number>> = { '768P 6': 280_000, '768P 10': 560_000, '1080P 6': 490_000 };

const VIDEO: Fields = {
  prompt: { type: 'text', isRequired: true, pattern: /^[\s\S]{1,2000}$/ },
  prompt_optimizer: { type: 'boolean' },
  duration: { type: 'integer', min: 6, max: 10 },
  resolution: { type: 'choice', values: ['768P', '1080P'] },
  first_frame_image: { type: 'address' },
};
const INPUTS: Readonly<Record<string, { fields: Fields }>> = {
  'MiniMax-Hailuo-02': { fields: { ...VIDEO, last_frame_image: { type: 'address' } } },
  'MiniMax-Hailuo-2.3': { fields: VIDEO },
  'MiniMax-Hailuo-2.3-Fast': {
    fields: { ...VIDEO, first_frame_image: { type: 'address', isRequired: true } },
  },
};

/** MiniMax: a task, its state, and its file's address, each asked for by itself; what is wrong is a number in a 200. */
export const double: Double = {
  id: 'minimax',
  inputs: INPUTS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_MINIMAX_URL: `${url}${ROOT}`, MINIMAX_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: (random) => Array.from(random.bytes(ID_DIGITS), (byte) => String((byte % 9) + 1)).join(''),
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method, path, url } = request;
    if (method === 'POST' && path === `${ROOT}/video_generation`) return start(request, desk);
    if (method !== 'GET') return refuse({ kind: 'no-route' });
    if (path === `${ROOT}/query/video_generation`) return look(url.searchParams.get('task_id') ?? '', desk);
    if (path === `${ROOT}/files/retrieve`) return retrieve(url.searchParams.get('file_id') ?? '', desk);
    return refuse({ kind: 'no-route' });
  },
};

function start(request: DoubleRequest, desk: Desk): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return no(2013, 'invalid params: no JSON object');
  const { model, ...input } = body;
  const known = typeof model === 'string' && Object.hasOwn(INPUTS, model) ? INPUTS[model] : undefined;
  if (known === undefined || typeof model !== 'string') return no(2013, `invalid params: model ${String(model)}`);
  const [problem] = checkFields(known.fields, input, { areUnknownRefused: true });
  if (problem !== undefined) return no(2013, wordsOf(problem));
  const seconds = Number(input['duration'] ?? 6);
  const costMicroUsd = COSTS[`${textIn(input, 'resolution', '768P')} ${seconds}`];
  if (costMicroUsd === undefined) return no(2013, 'invalid params: the model has no such length at this resolution');
  const order = {
    model,
    prompt: textIn(input, 'prompt', ''),
    seed: null,
    input,
    files: [{ width: 640, height: 360, format: 'mp4' as const, seconds }],
    callbackUrl: null,
    costMicroUsd,
  };
  return desk.sell(request, order, ({ shownId }) => jsonAnswer(200, { task_id: shownId, base_resp: OK }));
}

function look(id: string, desk: Desk): DoubleAnswer {
  const generation = desk.find(id);
  if (generation === undefined) return no(2013, 'invalid params, task not found');
  const state = stateOf(id, desk.look(generation, { isStatusOnly: true }));
  return desk.tell(generation, jsonAnswer(200, { task_id: id, ...state }));
}

function stateOf(id: string, view: View): object {
  switch (view.state) {
    case 'waiting':
      return { status: 'Queueing', file_id: '', base_resp: OK };
    case 'running':
      return { status: view.isStrange ? 'Daydreaming' : 'Processing', file_id: '', base_resp: OK };
    case 'done':
      return { status: 'Success', file_id: `9${id}`, base_resp: OK };
    case 'refused':
      return { status: 'Fail', file_id: '', base_resp: { status_code: 1027, status_msg: 'output new_sensitive' } };
    case 'failed':
      return { status: 'Fail', file_id: '', error_msg: view.text, base_resp: OK };
    case 'cancelled':
      return { status: 'Fail', file_id: '', error_msg: 'The task was stopped', base_resp: OK };
  }
}

/** A file's number is its task's with a nine before it. */
function retrieve(fileId: string, desk: Desk): DoubleAnswer {
  const generation = fileId.startsWith('9') ? desk.find(fileId.slice(1)) : undefined;
  const view = generation === undefined ? null : desk.look(generation);
  if (generation === undefined || view?.state !== 'done') return no(2013, 'invalid params, file not found');
  const file = { file_id: fileId, download_url: view.files[0]?.url };
  return desk.tell(generation, jsonAnswer(200, { file, base_resp: OK }));
}

function no(code: number, words: string): DoubleAnswer {
  return jsonAnswer(200, { task_id: '', base_resp: { status_code: code, status_msg: words } });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `invalid params: ${path.join('.')} is not right (${rule}): wanted ${wanted}`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return no(1004, 'login fail: the key is not known');
    case 'no-route':
      return jsonAnswer(404, { base_resp: { status_code: 404, status_msg: 'page not found' } });
    case 'rate-limited':
      return jsonAnswer(429, { base_resp: { status_code: 1002, status_msg: 'rate limit' } });
    case 'no-funds':
      return no(1008, 'insufficient balance');
    case 'unavailable':
      return jsonAnswer(status ?? 503, { base_resp: { status_code: 1033, status_msg: 'service trouble' } });
    case 'too-large':
      return jsonAnswer(413, { base_resp: { status_code: 2013, status_msg: 'too large' } });
  }
}
