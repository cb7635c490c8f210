import { jsonAnswer } from './answer.ts';
import { checkFields, objectIn } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Order, Refusal } from './double.ts';
import { writeFalCallback, publicKeys } from './fal-callback.ts';
import { FAL_ENDPOINTS } from './fal-endpoints.ts';
import { listFalRequests } from './fal-list.ts';
import { rejectionOf, resultOf, statusOf } from './fal-result.ts';
import { schemaOf } from './published-schema.ts';
import { randomUuid } from './random-ids.ts';

const KEY = 'double-fal-id:double-fal-secret';
/** Files are kept for long unless the caller wants otherwise. */
const LINK_MS = 7 * 86_400_000;
/** A callback is tried once and ten times more. */
const CALLBACK_TRIES = 11;
const JWKS_PATH = '/.well-known/jwks.json';

/** fal: a queue that takes everything and checks inputs only when it comes to them, so that a wrong one fails late. */
export const double: Double = {
  id: 'fal',
  inputs: FAL_ENDPOINTS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_FAL_URL: url, FAL_KEY: KEY }),
  linkMs: LINK_MS,
  newId: randomUuid,
  keyOf: (headers) => /^key (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null,
  isOpen: (path) => path === JWKS_PATH,
  refuse,
  handle: (request, desk) => {
    const { method, path, url } = request;
    if (path === JWKS_PATH) return jsonAnswer(200, publicKeys());
    if (path === '/v1/models' && method === 'GET') return describe(url);
    const [, operation] = /^(?:\/v1)?\/models\/(pricing|requests\/by-endpoint)$/.exec(path) ?? [];
    if (operation === 'pricing' && method === 'GET') return prices(url);
    if (operation !== undefined && method === 'GET') return listFalRequests(url, desk);
    const [, app, id, action] =
      /^\/([\w.-]+\/[\w.-]+)(?:\/[\w./-]+)?\/requests\/([\w-]+)(\/status|\/cancel)?$/.exec(path) ?? [];
    if (app !== undefined && id !== undefined) return look(request, desk, { app, id, action: action ?? '' });
    const endpoint = path.slice(1);
    if (method === 'POST' && FAL_ENDPOINTS[endpoint] !== undefined) return start(request, desk, endpoint);
    return refuse({ kind: 'no-route' });
  },
  callback: { triesMax: CALLBACK_TRIES, write: writeFalCallback },
};

function start(request: DoubleRequest, desk: Desk, id: string): DoubleAnswer | Promise<DoubleAnswer> {
  const endpoint = FAL_ENDPOINTS[id];
  const input = objectIn(request.json);
  if (endpoint === undefined) return refuse({ kind: 'no-route' });
  if (input === null)
    return platformError(400, { detail: 'The request body is no JSON object', errorType: 'bad_request' });
  const problems = checkFields(endpoint.fields, input, { areUnknownRefused: false });
  const common = {
    model: id,
    input,
    prompt: typeof input['prompt'] === 'string' ? input['prompt'] : '',
    seed: typeof input['seed'] === 'number' ? input['seed'] : null,
    callbackUrl: request.url.searchParams.get('fal_webhook'),
  };
  const count = Number(input['num_images'] ?? 1);
  const order: Order =
    problems.length > 0
      ? { ...common, files: [], costMicroUsd: 0, rejection: rejectionOf(problems) }
      : { ...common, ...ordered(endpoint, { input, count }) };
  const ignored = Object.keys(input).filter((name) => endpoint.fields[name] === undefined);
  return desk.sell(request, order, (generation) => accepted(generation, desk, ignored));
}

function ordered(
  endpoint: NonNullable<(typeof FAL_ENDPOINTS)[string]>,
  { input, count }: { input: Readonly<Record<string, unknown>>; count: number },
): Pick<Order, 'files' | 'costMicroUsd'> {
  const size = endpoint.sizeOf(input);
  const format = input['output_format'] === 'png' ? 'png' : 'jpeg';
  return {
    files: Array.from({ length: count }, () => endpoint.fileOf?.(input) ?? { ...size, format }),
    costMicroUsd: endpoint.costMicroUsd(size) * count,
  };
}

/** The provider ignores what it does not know without a word; the double says so in a header. */
function accepted(generation: Generation, desk: Desk, ignored: readonly string[]): DoubleAnswer {
  const { shownId, order } = generation;
  const body = {
    status: 'IN_QUEUE',
    request_id: shownId,
    ...falUrls(generation, desk),
    queue_position: 0,
    ...(order.callbackUrl === null ? {} : { gateway_request_id: shownId }),
  };
  const headers = {
    'x-fal-request-id': shownId ?? '',
    ...(ignored.length === 0 ? {} : { 'x-double-ignored': ignored.join(',') }),
  };
  return jsonAnswer(200, body, headers);
}

/** The addresses of a request; they name the application alone, not the path within it. */
export function falUrls(generation: Generation, desk: Desk): Record<`${'response' | 'status' | 'cancel'}_url`, string> {
  const own = `${desk.url}/${appOf(generation)}/requests/${generation.shownId ?? ''}`;
  return { response_url: own, status_url: `${own}/status`, cancel_url: `${own}/cancel` };
}

function appOf(generation: Generation): string {
  return generation.order.model.split('/').slice(0, 2).join('/');
}

async function look(
  { method }: DoubleRequest,
  desk: Desk,
  { app, id, action }: { app: string; id: string; action: string },
): Promise<DoubleAnswer> {
  const generation = desk.find(id);
  if (generation === undefined || appOf(generation) !== app) {
    return platformError(404, { detail: 'Request not found', errorType: 'bad_request' });
  }
  switch (`${method} ${action}`) {
    case 'GET /status': {
      const view = desk.look(generation, { isStatusOnly: true });
      return desk.tell(generation, statusOf(generation, view, falUrls(generation, desk)));
    }
    case 'GET ':
      return desk.tell(generation, await resultOf(generation, desk));
    case 'PUT /cancel':
      return cancel(generation, desk);
    default:
      return jsonAnswer(405, { detail: 'Method Not Allowed' });
  }
}

/** Work that still waits is stopped; work that runs is only asked to, and goes on. */
function cancel(generation: Generation, desk: Desk): DoubleAnswer {
  const { state } = desk.look(generation, { isStatusOnly: true });
  if (state === 'waiting') desk.cancel(generation);
  const isOver = state !== 'waiting' && state !== 'running';
  const answer = isOver
    ? jsonAnswer(400, { status: 'ALREADY_COMPLETED' })
    : jsonAnswer(202, { status: 'CANCELLATION_REQUESTED' });
  return desk.tell(generation, answer);
}

/** One endpoint with its description; of one that nobody knows, no row (grade C: other gateways' readers of the list). */
function describe(url: URL): DoubleAnswer {
  const id = url.searchParams.get('endpoint_id') ?? '';
  const endpoint = Object.hasOwn(FAL_ENDPOINTS, id) ? FAL_ENDPOINTS[id] : undefined;
  if (endpoint === undefined) return jsonAnswer(200, { models: [], next_cursor: null, has_more: false });
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/EndpointInput' } } };
  const openapi = {
    openapi: '3.0.4',
    paths: { [`/${id}`]: { post: { requestBody: { required: true, content } } } },
    components: { schemas: { EndpointInput: schemaOf(endpoint.fields) } },
  };
  const metadata = { display_name: id, status: 'active' };
  const models = [{ endpoint_id: id, metadata, openapi }];
  return jsonAnswer(200, { models, next_cursor: null, has_more: false });
}

function prices(url: URL): DoubleAnswer {
  const ids = url.searchParams.getAll('endpoint_id').flatMap((text) => text.split(','));
  const unknown = ids.find((id) => FAL_ENDPOINTS[id] === undefined);
  if (ids.length === 0 || unknown !== undefined) {
    return jsonAnswer(404, {
      error: { type: 'not_found', message: `No such endpoint: ${unknown ?? 'none was named'}` },
    });
  }
  const square = { width: 1_000, height: 1_000 };
  const list = ids.map((id) => ({
    endpoint_id: id,
    unit_price: (FAL_ENDPOINTS[id]?.costMicroUsd(square) ?? 0) / 1_000_000,
    unit: 'megapixels',
    currency: 'USD',
  }));
  return jsonAnswer(200, { prices: list, next_cursor: null, has_more: false });
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return jsonAnswer(401, { detail: 'Cannot access the application: the key is wrong' });
    case 'no-route':
      return jsonAnswer(404, { detail: 'Application not found' });
    case 'rate-limited':
      return jsonAnswer(429, { detail: 'Too many requests' });
    case 'no-funds':
      return jsonAnswer(403, { detail: 'User is locked. Reason: Exhausted balance' });
    case 'unavailable':
      return platformError(status ?? 503, { detail: 'No runner answers now', errorType: 'runner_scheduling_failure' });
    case 'too-large':
      return jsonAnswer(413, { detail: 'Request body too large' });
  }
}

function platformError(status: number, { detail, errorType }: { detail: string; errorType: string }): DoubleAnswer {
  return jsonAnswer(status, { detail, error_type: errorType }, { 'x-fal-error-type': errorType });
}
