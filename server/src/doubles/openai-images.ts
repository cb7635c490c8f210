import { jsonAnswer } from './answer.ts';
import { bearerKey } from './bearer-key.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Refusal } from './double.ts';
import { readOpenaiImages, type OpenaiImagesOrder } from './openai-images-request.ts';

/**
 * Everything that speaks OpenAI's Images shape. The model's name says whose rules hold: `gpt-image…` are OpenAI's own,
 * all others those of Together and of servers like it. The base address ends in `/v1`, as an operator would write it;
 * the same routes answer without.
 */
export const double: Double = {
  id: 'openai-images',
  key: 'sk-double',
  settings: (url) => ({
    LUMEGATE_PROVIDER_OPENAI_IMAGES_URL: `${url}/v1`,
    OPENAI_IMAGES_API_KEY: 'sk-double',
  }),
  // An hour [M].
  linkMs: 3_600_000,
  newId: (random) => `img_${Buffer.from(random.bytes(12)).toString('hex')}`,
  keyOf: bearerKey,
  refuse,
  handle: (request, desk) => {
    const path = request.path.replace(/^\/v1(?=\/)/, '');
    if (request.method === 'GET' && path === '/models') return models();
    if (request.method === 'POST' && path === '/images/generations') return generate(request, desk);
    return refuse({ kind: 'no-route' });
  },
};

/** What a picture costs, in micro-dollars; the order of magnitude of the real lists. */
const PICTURE_MICRO_USD = 40_000;

async function generate(request: DoubleRequest, desk: Desk): Promise<DoubleAnswer> {
  if (request.json === undefined) {
    return errorAnswer(400, { message: 'We could not parse the JSON body of your request.' });
  }
  const read = readOpenaiImages(request.json);
  if (!read.ok) return errorAnswer(read.problem.status, read.problem);
  const { order } = read;
  const picture = { width: order.width, height: order.height, format: order.format };
  return desk.sell(
    request,
    {
      model: order.model,
      prompt: order.prompt,
      seed: order.seed,
      input: order.input,
      files: Array.from({ length: order.count }, () => picture),
      callbackUrl: null,
      costMicroUsd: PICTURE_MICRO_USD * order.count,
      isSynchronous: true,
    },
    (generation) => deliver(generation, order, desk),
  );
}

async function deliver(generation: Generation, order: OpenaiImagesOrder, desk: Desk): Promise<DoubleAnswer> {
  const view = desk.look(generation);
  if (view.state === 'refused') {
    const message = 'Your request was rejected by the safety system.';
    return errorAnswer(400, { message, type: 'image_generation_user_error', code: 'moderation_blocked' });
  }
  if (view.state !== 'done') {
    const message = view.state === 'failed' ? view.text : 'The server had an error while processing your request.';
    return errorAnswer(500, { message, type: 'server_error' });
  }
  const data = await Promise.all(
    view.files.map(async ({ url, index }) => {
      if (order.delivery === 'url') return { url };
      return { b64_json: Buffer.from(await desk.bytes(generation, index)).toString('base64') };
    }),
  );
  const created = Math.floor(view.endedAt / 1000);
  if (!order.model.startsWith('gpt-image')) return jsonAnswer(200, { id: generation.shownId, created, data });
  // Tokens of a picture of middle quality [M]; our adapter reads none of them.
  const usage = { input_tokens: 20, output_tokens: 1056 * data.length, total_tokens: 20 + 1056 * data.length };
  return jsonAnswer(200, { created, data, output_format: order.format, usage });
}

function models(): DoubleAnswer {
  const data = ['gpt-image-1.5', 'black-forest-labs/FLUX.1.1-pro', 'sd-cpp-local'].map((id) => ({
    id,
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'double',
  }));
  return jsonAnswer(200, { object: 'list', data });
}

interface ErrorWords {
  message: string;
  type?: string;
  param?: string | null;
  code?: string | null;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return errorAnswer(401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' });
    case 'no-route':
      return errorAnswer(404, { message: 'Invalid URL', code: 'unknown_url' });
    case 'rate-limited':
      return errorAnswer(429, { message: 'Rate limit reached.', type: 'requests', code: 'rate_limit_exceeded' });
    case 'no-funds':
      // OpenAI tells an empty account apart from haste by the code alone [B].
      return errorAnswer(429, {
        message: 'You exceeded your current quota, please check your plan and billing details.',
        type: 'insufficient_quota',
        code: 'insufficient_quota',
      });
    case 'unavailable':
      return errorAnswer(status ?? 503, { message: 'The server is overloaded.', type: 'server_error' });
    case 'too-large':
      return errorAnswer(413, { message: 'The request is too large.' });
  }
}

function errorAnswer(status: number, words: ErrorWords): DoubleAnswer {
  const { message, type = 'invalid_request_error', param = null, code = null } = words;
  return jsonAnswer(status, { error: { message, type, param, code } });
}
