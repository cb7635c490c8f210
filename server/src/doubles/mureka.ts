import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import { checkFields, objectIn, textIn, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal, View } from './double.ts';
import { MUREKA_ENDPOINTS } from './mureka-endpoints.ts';

const KEY = 'double-mureka-key';
/** Songs are kept for thirty days. */
const LINK_MS = 30 * 86_400_000;
const ID_DIGITS = 12;
const LOOK = /^\/v1\/(song|instrumental)\/query\/([^/]+)$/;

/** Mureka: a path for each kind of work; songs and music without voices are looked at apart. It cannot cancel. */
export const double: Double = {
  id: 'mureka',
  inputs: MUREKA_ENDPOINTS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_MUREKA_URL: url, MUREKA_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: (random) => Array.from(random.bytes(ID_DIGITS), (byte) => String((byte % 9) + 1)).join(''),
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const { method, path } = request;
    if (method === 'GET' && path === '/v1/account/billing') return purse(desk);
    const [, kind, id] = LOOK.exec(path) ?? [];
    if (method === 'GET' && kind !== undefined && id !== undefined) return look({ kind, id }, desk);
    const work = path.startsWith('/v1/') ? path.slice('/v1/'.length) : '';
    if (method !== 'POST' || !Object.hasOwn(MUREKA_ENDPOINTS, work)) return refuse({ kind: 'no-route' });
    return start(request, desk, work);
  },
};

function start(request: DoubleRequest, desk: Desk, work: string): DoubleAnswer | Promise<DoubleAnswer> {
  const endpoint = MUREKA_ENDPOINTS[work];
  const body = objectIn(request.json);
  if (endpoint === undefined || body === null) return bad(400, 'the body is no JSON object');
  // Whether the provider refuses what it does not know is not known; the double is the stricter of the two.
  const [problem] = checkFields(endpoint.fields, body, { areUnknownRefused: true });
  if (problem !== undefined) return bad(400, wordsOf(problem));
  const order = {
    model: work,
    input: body,
    callbackUrl: null,
    prompt: textIn(body, 'prompt', ''),
    seed: null,
    files: endpoint.filesOf(body),
    costMicroUsd: endpoint.costMicroUsd(body),
  };
  return desk.sell(request, order, (generation) =>
    jsonAnswer(200, { ...taskOf(generation, { state: 'waiting' }), id: generation.shownId }),
  );
}

function look({ kind, id }: { kind: string; id: string }, desk: Desk): DoubleAnswer {
  const generation = desk.find(id);
  if (generation === undefined || !generation.order.model.startsWith(`${kind}/`)) return bad(404, 'task not found');
  return desk.tell(generation, jsonAnswer(200, taskOf(generation, desk.look(generation))));
}

/** An account with thirty dollars, of which this double's sales are taken. */
function purse(desk: Desk): DoubleAnswer {
  const spent = [...desk.list()].reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  const spentCents = Math.round(spent / 10_000);
  return jsonAnswer(200, {
    account_id: 1,
    balance: 3_000 - spentCents,
    total_recharge: 3_000,
    total_spending: spentCents,
    concurrent_request_limit: 1,
  });
}

function taskOf({ id, order, createdAt }: Generation, view: View): object {
  return {
    id,
    created_at: Math.floor(createdAt / 1_000),
    finished_at: 'endedAt' in view ? Math.floor(view.endedAt / 1_000) : 0,
    model: order.input['model'],
    trace_id: 'double',
    ...statusOf(view),
  };
}

function statusOf(view: View): object {
  switch (view.state) {
    case 'waiting':
      return { status: 'preparing' };
    case 'running':
      return { status: view.isStrange ? 'daydreaming' : 'running' };
    case 'done':
      return {
        status: 'succeeded',
        choices: view.files.map(({ url, index, seconds = 0 }) => ({
          index,
          id: `${index + 1}`,
          url,
          duration: seconds * 1_000,
        })),
      };
    case 'refused':
      return { status: 'failed', failed_reason: 'the content did not pass moderation' };
    case 'failed':
      return { status: 'failed', failed_reason: view.text };
    case 'cancelled':
      return { status: 'cancelled' };
  }
}

function bad(status: number, message: string): DoubleAnswer {
  return jsonAnswer(status, { error: { message }, trace_id: 'double' });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `${path.join('.')} is not right (${rule}): wanted ${wanted}`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return bad(401, 'Invalid authentication');
    case 'no-route':
      return bad(404, 'page not found');
    case 'rate-limited':
      return bad(429, 'Rate limit reached for requests');
    case 'no-funds':
      return bad(429, 'You exceeded your current quota, please check your billing details');
    case 'unavailable':
      return bad(status ?? 503, 'The engine is currently overloaded, please try again later');
    case 'too-large':
      return bad(413, 'request body too large');
  }
}
