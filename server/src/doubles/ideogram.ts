import { jsonAnswer } from './answer.ts';
import { checkFields, objectIn, pictureIn, textIn, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal } from './double.ts';
import { readForm } from './form-fields.ts';
import { IDEOGRAM_ENDPOINTS, sizeOf, type IdeogramEndpoint } from './ideogram-endpoints.ts';

const KEY = 'double-ideogram-key';
/** How long links live is not known; the vendor says that it is a limited time. */
const LINK_MS = 3_600_000;

/**
 * Ideogram: answers with addresses once the pictures are made, and takes forms nearly everywhere. Whether the vendor
 * refuses fields that it does not know is not known; the double does.
 */
export const double: Double = {
  id: 'ideogram',
  inputs: IDEOGRAM_ENDPOINTS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_IDEOGRAM_URL: url, IDEOGRAM_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: (random) => Buffer.from(random.bytes(16)).toString('base64url'),
  keyOf: (headers) => {
    const key = headers['api-key'];
    return typeof key === 'string' ? key : null;
  },
  refuse,
  handle: (request, desk) => {
    const { method, path } = request;
    if (method === 'GET' && path === '/datasets') return jsonAnswer(200, { datasets: [] });
    const endpoint = Object.hasOwn(IDEOGRAM_ENDPOINTS, path.slice(1)) ? IDEOGRAM_ENDPOINTS[path.slice(1)] : undefined;
    if (method !== 'POST' || endpoint === undefined) return refuse({ kind: 'no-route' });
    return generate(request, desk, endpoint);
  },
};

async function generate(request: DoubleRequest, desk: Desk, endpoint: IdeogramEndpoint): Promise<DoubleAnswer> {
  const body = endpoint.isJson ? objectIn(request.json) : await readForm(request, endpoint.fields);
  if (body === null) return invalid(endpoint.isJson ? 'the body is no JSON object' : 'the body is no form');
  const [problem] = checkFields(endpoint.fields, body, { areUnknownRefused: true });
  if (problem !== undefined) return invalid(wordsOf(problem));
  const asked = endpoint.askedIn(body);
  const conflict = conflictIn(body, asked);
  if (conflict !== null) return invalid(conflict);
  const seed = asked['seed'];
  const count = Number(asked['num_images'] ?? 1);
  const order = {
    model: request.path.slice(1),
    prompt: textIn(asked, 'prompt', textIn(asked, 'text_prompt', '')),
    seed: typeof seed === 'number' ? seed : null,
    input: body,
    files: Array.from({ length: count }, () => ({ ...sizeOf(body, asked), format: 'png' as const })),
    callbackUrl: null,
    costMicroUsd: endpoint.costMicroUsd(asked) * count,
    isSynchronous: true,
  };
  return desk.sell(request, order, (generation) => deliver(generation, desk));
}

/** What the vendor's definition rules out although each field is right by itself. */
function conflictIn(body: Record<string, unknown>, asked: Readonly<Record<string, unknown>>): string | null {
  if (asked['resolution'] !== undefined && asked['aspect_ratio'] !== undefined) {
    return 'resolution cannot be used in conjunction with aspect_ratio';
  }
  if (textIn(asked, 'model', '').startsWith('V_2A') && asked['negative_prompt'] !== undefined) {
    return 'negative_prompt is not available for this model version';
  }
  const [image, mask] = [textIn(body, 'image', textIn(body, 'image_file', '')), textIn(body, 'mask', '')].map(
    pictureIn,
  );
  const isFitting = mask == null || (image?.width === mask.width && image.height === mask.height);
  return isFitting ? null : 'the mask must be of the same size as the image';
}

function deliver(generation: Generation, desk: Desk): DoubleAnswer {
  const view = desk.look(generation);
  const { order } = generation;
  const told = { prompt: order.prompt, seed: order.seed ?? 12_345, style_type: 'GENERAL' };
  const created = new Date(generation.createdAt).toISOString();
  if (view.state === 'refused') {
    const data = order.files.map(({ width, height }) => ({
      ...told,
      resolution: `${width}x${height}`,
      is_image_safe: false,
      url: '',
    }));
    return jsonAnswer(200, { created, data });
  }
  if (view.state !== 'done') {
    return jsonAnswer(500, { error: view.state === 'failed' ? view.text : 'Internal server error' });
  }
  const data = view.files.map(({ url, width, height }) => ({
    ...told,
    resolution: `${width}x${height}`,
    is_image_safe: true,
    url,
  }));
  return jsonAnswer(200, { created, data });
}

function invalid(message: string): DoubleAnswer {
  return jsonAnswer(400, { error: `Invalid input provided: ${message}` });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `${path.join('.')} is not right (${rule}): wanted ${wanted}`;
}

/** Statuses and reasons are the vendor's; the words are ours. */
function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return jsonAnswer(401, { error: 'Not authorized to generate an image.' });
    case 'no-route':
      return jsonAnswer(404, { error: 'Not found' });
    case 'rate-limited':
      return jsonAnswer(429, {
        error: 'Too many requests.',
        reject_reason: 'inflight_limit',
        max_inflight_requests: 10,
      });
    case 'no-funds':
      return jsonAnswer(402, { error: 'Payment is required.', reject_reason: 'insufficient_funds' });
    case 'unavailable':
      return jsonAnswer(status ?? 503, { error: 'Service unavailable' });
    case 'too-large':
      return jsonAnswer(413, { error: 'The request is too large.' });
  }
}
