import { createHmac } from 'node:crypto';

import { jsonAnswer } from './answer.ts';
import { checkFields, objectIn, type Fields, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, FileOrder, Generation, Refusal, View } from './double.ts';
import { randomUuid } from './random-ids.ts';

const KEY = 'double-bria-key';
const ROOT = '/v2';
/** How long a link lives is not known; how long a status is kept is. */
const LINK_MS = 86_400_000;
/** A callback is tried once, then three times more; how often the provider tries is not known. */
const CALLBACK_TRIES = 4;
const SIGNING_SALT = 'bria-webhook-signing-v1';
const COST_MICRO_USD = 18_000;
const CUT_OUT: FileOrder = { width: 512, height: 512, format: 'png' };

const BRIA_PATHS: Readonly<Record<string, { fields: Fields }>> = {
  'image/edit/remove_background': {
    fields: {
      image: { type: 'address', isRequired: true },
      preserve_alpha: { type: 'boolean' },
      visual_input_content_moderation: { type: 'boolean' },
      visual_output_content_moderation: { type: 'boolean' },
    },
  },
};
const ANY_WORK: Fields = { sync: { type: 'boolean' }, webhook_url: { type: 'text', pattern: /^https?:\/\// } };

/** Bria: a path for each kind of work, one for looks at all of it, signed callbacks; no list, and nothing to cancel. */
export const double: Double = {
  id: 'bria',
  inputs: BRIA_PATHS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_BRIA_URL: `${url}${ROOT}`, BRIA_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: randomUuid,
  keyOf: (headers) => {
    const key = headers['api_token'];
    return typeof key === 'string' ? key : null;
  },
  refuse,
  handle: (request, desk) => {
    const { method, path } = request;
    const [, id] = /^\/v2\/status\/([^/]+)$/.exec(path) ?? [];
    if (method === 'GET' && id !== undefined) return look(id, desk);
    const work = path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1) : '';
    if (method !== 'POST' || !Object.hasOwn(BRIA_PATHS, work)) return refuse({ kind: 'no-route' });
    return start(request, desk, work);
  },
  callback: {
    triesMax: CALLBACK_TRIES,
    write: (event, desk) => (event.moment === 'started' ? null : told(event, desk)),
  },
};

function start(request: DoubleRequest, desk: Desk, work: string): DoubleAnswer | Promise<DoubleAnswer> {
  const body = objectIn(request.json);
  if (body === null) return bad(400, 'Bad Request', 'the body is no JSON object');
  const [problem] = checkFields({ ...ANY_WORK, ...BRIA_PATHS[work]?.fields }, body, { areUnknownRefused: true });
  if (problem !== undefined) return bad(422, 'Unprocessable Entity', wordsOf(problem));
  // Nothing of ours waits inside a start, so that way of asking is not played.
  if (body['sync'] === true) return bad(422, 'Unprocessable Entity', 'sync: this double answers at once alone');
  const { webhook_url: webhook, ...input } = body;
  const order = {
    model: work,
    input,
    callbackUrl: typeof webhook === 'string' ? webhook : null,
    prompt: '',
    seed: null,
    files: [CUT_OUT],
    costMicroUsd: COST_MICRO_USD,
  };
  return desk.sell(request, order, ({ shownId }) =>
    jsonAnswer(202, { request_id: shownId, status_url: `${desk.url}${ROOT}/status/${shownId}` }),
  );
}

/** A look is a success whatever it tells, even that there is nothing to tell of. */
function look(id: string, desk: Desk): DoubleAnswer {
  const generation = desk.find(id);
  if (generation === undefined) return jsonAnswer(200, { status: 'UNKNOWN', request_id: id });
  return desk.tell(generation, jsonAnswer(200, workOf(generation, desk.look(generation))));
}

function workOf({ id }: Generation, view: View): object {
  return { request_id: id, ...statusOf(view) };
}

function statusOf(view: View): object {
  switch (view.state) {
    case 'waiting':
      return { status: 'IN_PROGRESS' };
    case 'running':
      return { status: view.isStrange ? 'DAYDREAMING' : 'IN_PROGRESS' };
    case 'done':
      return { status: 'COMPLETED', result: { image_url: view.files[0]?.url ?? null } };
    case 'refused':
      return failed(422, 'Unprocessable Entity', 'the image did not pass content moderation');
    case 'failed':
      return failed(500, 'Internal Server Error', view.text);
    case 'cancelled':
      return failed(500, 'Internal Server Error', 'the work was stopped');
  }
}

function failed(code: number, message: string, details: string): object {
  return { status: 'ERROR', error: { code, message, details } };
}

/** A callback, signed with a key that is made from that of the account. */
function told(
  { generation, view }: { generation: Generation; view: View },
  desk: Desk,
): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify(workOf(generation, view));
  const timestamp = String(Math.floor(desk.now() / 1_000));
  const signingKey = createHmac('sha256', KEY).update(SIGNING_SALT).digest();
  const signature = createHmac('sha256', signingKey).update(`${generation.id}.${timestamp}.${body}`).digest('base64');
  const headers = {
    'bria-webhook-id': generation.id,
    'bria-webhook-timestamp': timestamp,
    'bria-webhook-signature': `v1=${signature}`,
  };
  return { headers, body };
}

function bad(status: number, message: string, details: string): DoubleAnswer {
  return jsonAnswer(status, { error: { code: status, message, details }, request_id: 'double' });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `${path.join('.')} is not right (${rule}): wanted ${wanted}`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return jsonAnswer(401, { message: 'Unauthorized' });
    case 'no-route':
      return bad(404, 'Not Found', '');
    case 'rate-limited':
      return bad(429, 'Too Many Requests', '');
    case 'no-funds':
      return bad(403, 'Forbidden', 'The billing of this account is blocked');
    case 'unavailable':
      return bad(status ?? 503, 'Service Unavailable', '');
    case 'too-large':
      return bad(413, 'Payload Too Large', '');
  }
}
