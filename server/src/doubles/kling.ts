import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { checkFields, objectIn, textIn, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';
import { KLING_ENDPOINTS } from './kling-endpoints.ts';

const KEY = 'double-kling-key';
/** Results are kept for thirty days. */
const LINK_MS = 30 * 86_400_000;
/** A callback is tried once, then three times more; how often the provider tries is not known. */
const CALLBACK_TRIES = 4;
const ID_DIGITS = 18;
/** A list shows so many at once. */
const PAGE_ITEMS_MAX = 500;
const PATH = /^\/v1\/((?:videos|images)\/[a-z0-9-]+)(?:\/([^/]+))?$/;

/** Kling: a path for each kind of work, on which its tasks are looked at as well. It cannot cancel. */
export const double: Double = {
  id: 'kling',
  inputs: KLING_ENDPOINTS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_KLING_URL: url, KLING_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: (random) => Array.from(random.bytes(ID_DIGITS), (byte) => String((byte % 9) + 1)).join(''),
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const [, path, id] = PATH.exec(request.path) ?? [];
    if (path === undefined || !isPlayed(path)) return refuse({ kind: 'no-route' });
    if (request.method === 'POST' && id === undefined) return start(request, desk, path);
    if (request.method !== 'GET') return refuse({ kind: 'no-route' });
    return id === undefined ? list(request, desk, path) : look({ id, path }, desk);
  },
  callback: {
    triesMax: CALLBACK_TRIES,
    write: ({ moment, generation, view }) =>
      moment === 'started' ? null : { headers: {}, body: JSON.stringify(taskOf(generation, view)) },
  },
};

function isPlayed(path: string): boolean {
  return Object.keys(KLING_ENDPOINTS).some((id) => id.endsWith(`@${path}`));
}

function start(request: DoubleRequest, desk: Desk, path: string): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return invalid('the body is no JSON object');
  const model = `${textIn(body, 'model_name', '')}@${path}`;
  const endpoint = KLING_ENDPOINTS[model];
  if (endpoint === undefined) return invalid(`model_name is not supported: ${textIn(body, 'model_name', '-')}`);
  const [problem] = checkFields(endpoint.fields, body, { areUnknownRefused: false });
  if (problem !== undefined) return invalid(wordsOf(problem));
  const { callback_url: callback, ...input } = body;
  const order = {
    model,
    input,
    callbackUrl: typeof callback === 'string' ? callback : null,
    prompt: textIn(body, 'prompt', ''),
    seed: null,
    files: endpoint.filesOf(body),
    costMicroUsd: endpoint.costMicroUsd(body),
  };
  const ignored = Object.keys(body).filter((name) => name !== 'model_name' && endpoint.fields[name] === undefined);
  return desk.sell(request, order, (generation) => {
    const data = { ...taskOf(generation, { state: 'waiting' }), task_id: generation.shownId };
    // Whether the provider refuses what it does not know is not known; the double says so in a header.
    return good(data, ignored.length === 0 ? {} : { 'x-double-ignored': ignored.join(',') });
  });
}

function look({ id, path }: { id: string; path: string }, desk: Desk): DoubleAnswer {
  const generation = desk.find(id);
  // Work is known on the path alone where it was started.
  if (generation === undefined || !generation.order.model.endsWith(`@${path}`)) {
    return bad(404, 1203, 'task not found');
  }
  return desk.tell(generation, good(taskOf(generation, desk.look(generation))));
}

function list({ url }: DoubleRequest, desk: Desk, path: string): DoubleAnswer {
  const size = Number(url.searchParams.get('pageSize') ?? 30);
  if (!(size >= 1 && size <= PAGE_ITEMS_MAX)) return invalid('pageSize must be between 1 and 500');
  const mine = [...desk.list()].filter(({ order }) => order.model.endsWith(`@${path}`)).slice(0, size);
  return good(mine.map((generation) => taskOf(generation, desk.look(generation, { isStatusOnly: true }))));
}

function taskOf(generation: Generation, view: View): object {
  const { id, order, createdAt } = generation;
  return {
    task_id: id,
    ...statusOf(view),
    task_info: { external_task_id: order.input['external_task_id'] ?? null },
    created_at: createdAt,
    updated_at: 'endedAt' in view ? view.endedAt : createdAt,
  };
}

function statusOf(view: View): object {
  switch (view.state) {
    case 'waiting':
      return { task_status: 'submitted' };
    case 'running':
      return { task_status: view.isStrange ? 'daydreaming' : 'processing' };
    case 'done':
      return { task_status: 'succeed', task_result: resultOf(view) };
    case 'refused':
      return { task_status: 'failed', task_status_msg: 'Failure to pass the risk control system' };
    case 'failed':
      return { task_status: 'failed', task_status_msg: view.text };
    case 'cancelled':
      return { task_status: 'failed', task_status_msg: 'The task was stopped' };
  }
}

function resultOf({ files }: Extract<View, { state: 'done' }>): object {
  const [videos, images] = [true, false].map((isVideo) => files.filter(({ format }) => (format === 'mp4') === isVideo));
  return {
    ...(videos?.length === 0
      ? {}
      : { videos: videos?.map(({ url, seconds }) => ({ url, duration: String(seconds) })) }),
    ...(images?.length === 0 ? {} : { images: images?.map(({ url, index }) => ({ index, url })) }),
  };
}

function good(data: unknown, headers: Record<string, string> = {}): DoubleAnswer {
  return jsonAnswer(200, { code: 0, message: 'SUCCEED', request_id: 'double', data }, headers);
}

function bad(status: number, code: number, message: string): DoubleAnswer {
  return jsonAnswer(status, { code, message, request_id: 'double' });
}

function invalid(message: string): DoubleAnswer {
  return bad(400, 1201, message);
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `${path.join('.')} is not right (${rule}): wanted ${wanted}`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return bad(401, 1000, 'authentication failed');
    case 'no-route':
      return bad(404, 1202, 'the requested method or resource does not exist');
    case 'rate-limited':
      return bad(429, 1303, 'parallel task over resource pack limit');
    case 'no-funds':
      return bad(429, 1102, 'account balance not enough');
    case 'unavailable':
      return bad(status ?? 503, 5001, 'service temporarily unavailable');
    case 'too-large':
      return bad(413, 1201, 'request body too large');
  }
}
