import { jsonAnswer } from './answer.ts';
import { checkFields, pictureIn, textIn, type Fields, type Problem } from './check-fields.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, FileOrder, Generation, Refusal, View } from './double.ts';
import { readForm } from './form-fields.ts';
import { randomUuid } from './random-ids.ts';

const KEY = 'double-topaz-key';
const ROOT = '/image/v1';
/** A link lives for an hour. */
const LINK_MS = 3_600_000;
/** A callback is tried again at growing intervals, up to a quarter of an hour; four tries show it. */
const CALLBACK_TRIES = 4;
const SIDE_MAX = 32_000;
const MICRO_USD_PER_CREDIT = 80_000;
const PIXELS_PER_MEGAPIXEL = 1_048_576;
const LIST_MAX = 100;

/** One kind of work at Topaz. */
interface TopazPath {
  fields: Fields;
  megapixelsPerCredit: number;
}

const ANY_WORK: Fields = {
  image: { type: 'picture', form: 'address', isRequired: true },
  output_width: { type: 'integer', min: 1, max: SIDE_MAX },
  output_height: { type: 'integer', min: 1, max: SIDE_MAX },
  crop_to_fill: { type: 'boolean' },
  output_format: { type: 'choice', values: ['jpeg', 'jpg', 'png', 'tiff', 'tif'] },
  webhook_url: { type: 'text', pattern: /^https?:\/\// },
};
const FACES: Fields = {
  face_enhancement: { type: 'boolean' },
  face_enhancement_creativity: { type: 'number', min: 0, max: 1 },
  face_enhancement_strength: { type: 'number', min: 0, max: 1 },
};

const TOPAZ_PATHS: Readonly<Record<string, TopazPath>> = {
  'enhance/async': {
    fields: {
      ...ANY_WORK,
      ...FACES,
      model: {
        type: 'choice',
        values: ['Standard V2', 'Low Resolution V2', 'CGI', 'High Fidelity V2', 'Text Refine'],
      },
    },
    megapixelsPerCredit: 24,
  },
  'enhance-gen/async': {
    fields: {
      ...ANY_WORK,
      model: { type: 'choice', values: ['Standard MAX', 'Recovery V2', 'Wonder', 'Redefine'] },
      prompt: { type: 'text' },
    },
    megapixelsPerCredit: 4,
  },
};

/**
 * Topaz Labs: forms with a picture inside, work that is looked at by its id and can be stopped, and links that are asked
 * for apart. The vendor ignores settings that a model does not have; the double refuses what no page of it names.
 */
export const double: Double = {
  id: 'topaz',
  inputs: TOPAZ_PATHS,
  key: KEY,
  settings: (url) => ({ LUMEGATE_PROVIDER_TOPAZ_URL: url, TOPAZ_API_KEY: KEY }),
  linkMs: LINK_MS,
  newId: randomUuid,
  keyOf: (headers) => {
    const key = headers['x-api-key'];
    return typeof key === 'string' ? key : null;
  },
  refuse,
  handle: (request, desk) => {
    const { method, path } = request;
    const work = path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1) : '';
    if (method === 'GET' && work === 'status') return list(request, desk);
    const [, what = '', id = ''] = /^(status|download|cancel)\/([^/]+)$/.exec(work) ?? [];
    if (method === (what === 'cancel' ? 'DELETE' : 'GET') && what !== '') return about(id, what, desk);
    const known = Object.hasOwn(TOPAZ_PATHS, work) ? TOPAZ_PATHS[work] : undefined;
    return method === 'POST' && known !== undefined
      ? start(request, desk, { work, known })
      : refuse({ kind: 'no-route' });
  },
  callback: {
    triesMax: CALLBACK_TRIES,
    write: ({ moment, generation, view }) =>
      moment === 'started'
        ? null
        : { headers: {}, body: JSON.stringify({ notification_id: '01HZDOUBLE', ...workOf(generation, view) }) },
  },
};

async function start(
  request: DoubleRequest,
  desk: Desk,
  { work, known }: { work: string; known: TopazPath },
): Promise<DoubleAnswer> {
  const body = await readForm(request, known.fields);
  if (body === null) return bad(400, 'The body is no form.');
  const [problem] = checkFields(known.fields, body, { areUnknownRefused: true });
  if (problem !== undefined) return bad(400, wordsOf(problem));
  const picture = pictureIn(textIn(body, 'image', ''));
  if (picture === null || picture.format === 'webp') {
    return bad(415, 'Image could not be decoded to a supported image type.');
  }
  const file = fileOf(body, picture);
  const megapixels = (file.width * file.height) / PIXELS_PER_MEGAPIXEL;
  const { webhook_url: webhook, ...input } = body;
  const order = {
    model: work,
    input,
    callbackUrl: typeof webhook === 'string' ? webhook : null,
    prompt: textIn(body, 'prompt', ''),
    seed: null,
    files: [file],
    costMicroUsd: MICRO_USD_PER_CREDIT * Math.ceil(megapixels / known.megapixelsPerCredit),
  };
  return desk.sell(request, order, ({ shownId }) =>
    jsonAnswer(200, { process_id: shownId, source_id: 'double', eta: Math.floor(desk.now() / 1_000) }),
  );
}

/** The width that was asked for, and the height that goes with it; as large as before where none was. */
function fileOf(body: Record<string, unknown>, picture: { width: number; height: number }): FileOrder {
  const width = typeof body['output_width'] === 'number' ? body['output_width'] : picture.width;
  const height = Math.max(1, Math.round((picture.height * width) / picture.width));
  return { width, height, format: body['output_format'] === 'png' ? 'png' : 'jpeg' };
}

function about(id: string, what: string, desk: Desk): DoubleAnswer {
  const generation = desk.find(id);
  if (generation === undefined) return bad(404, 'An image with the given process ID was not found.');
  if (what === 'cancel') {
    if (!desk.cancel(generation))
      return bad(409, 'The process cannot be cancelled as it is not in a cancellable state.');
    return { kind: 'whole', status: 204, headers: {}, body: '' };
  }
  if (what === 'status') {
    return desk.tell(generation, jsonAnswer(200, workOf(generation, desk.look(generation, { isStatusOnly: true }))));
  }
  const view = desk.look(generation);
  if (view.state !== 'done') return bad(409, 'The process is not completed.');
  const [file] = view.files;
  const told = { download_url: file?.url, head_url: `${file?.url ?? ''}&head=1` };
  return desk.tell(generation, jsonAnswer(200, { ...told, expiry: Math.floor((desk.now() + LINK_MS) / 1_000) }));
}

function list({ url }: DoubleRequest, desk: Desk): DoubleAnswer {
  const limit = Number(url.searchParams.get('limit') ?? 50);
  if (!(limit >= 1 && limit <= LIST_MAX)) return bad(400, 'Invalid limit.');
  const shown = [...desk.list()].slice(0, limit);
  const data = shown.map((generation) => workOf(generation, desk.look(generation, { isStatusOnly: true })));
  return jsonAnswer(
    200,
    url.searchParams.get('paginated') === 'true' ? { data, pagination: { has_next_page: false } } : data,
  );
}

function workOf({ id, order, createdAt }: Generation, view: View): object {
  const [file] = order.files;
  return {
    process_id: id,
    model: order.input['model'],
    output_width: file?.width,
    output_height: file?.height,
    creation_time: Math.floor(createdAt / 1_000),
    credits: order.costMicroUsd / MICRO_USD_PER_CREDIT,
    ...statusOf(view),
  };
}

/** No reason is ever told. */
function statusOf(view: View): object {
  switch (view.state) {
    case 'waiting':
      return { status: 'Pending', progress: 0 };
    case 'running':
      return { status: view.isStrange ? 'Daydreaming' : 'Processing', progress: view.progress };
    case 'done':
      return { status: 'Completed', progress: 100 };
    case 'refused':
    case 'failed':
      return { status: 'Failed', progress: 0 };
    case 'cancelled':
      return { status: 'Cancelled', progress: 0 };
  }
}

function bad(code: number, message: string): DoubleAnswer {
  return jsonAnswer(code, { code, message });
}

function wordsOf({ path, rule, wanted }: Problem): string {
  return `Invalid ${path.join('.')} (${rule}): wanted ${wanted}.`;
}

function refuse({ kind, status }: Refusal): DoubleAnswer {
  switch (kind) {
    case 'wrong-key':
      return bad(401, 'Unauthorized');
    case 'no-route':
      return bad(404, 'Not Found');
    case 'rate-limited':
      return bad(429, 'Too Many Requests');
    case 'no-funds':
      return bad(402, 'Insufficient funds.');
    case 'unavailable':
      return bad(status ?? 500, 'An internal server error occurred. Please try again later.');
    case 'too-large':
      return bad(413, 'Request Entity Too Large');
  }
}
