import { textIn, type Field, type Fields } from './check-fields.ts';
import type { FileOrder } from './double.ts';

type Body = Readonly<Record<string, unknown>>;

/** One model at ModelArk: the fields of a start's body beside the model, what is wrong with them together, and what comes of them. */
export interface BytePlusModel {
  fields: Fields;
  /** The name of a field whose value cannot go with the others, or null. */
  conflictIn(body: Body): string | null;
  fileOf(body: Body): FileOrder;
  costMicroUsd(body: Body): number;
}

const TASKS = 'contents/generations/tasks';
const PICTURES = 'images/generations';
const SECONDS = 5;
/** Of a second at 16:9; the maker's formula is width by height by 24 frames by a 1,024th. */
const TOKENS_OF_SECOND: Readonly<Record<string, number>> = {
  '480p': 10_044,
  '720p': 21_600,
  '1080p': 48_600,
  '4k': 194_400,
};
const SEED: Fields = { seed: { type: 'integer', min: -1, max: 4_294_967_295 } };
const FILE: Field = { type: 'object', fields: { url: { type: 'address', isRequired: true } } };
const CONTENT: Fields = {
  type: { type: 'choice', values: ['text', 'image_url', 'video_url', 'audio_url'], isRequired: true },
  text: { type: 'text', lengthMin: 1 },
  image_url: FILE,
  video_url: FILE,
  audio_url: FILE,
  role: {
    type: 'choice',
    values: ['first_frame', 'last_frame', 'reference_image', 'reference_video', 'reference_audio'],
  },
};
const COUNT_MAX: Readonly<Record<string, number>> = {
  first_frame: 1,
  last_frame: 1,
  reference_image: 9,
  reference_video: 3,
  reference_audio: 3,
};

interface Shot {
  resolutions: readonly string[];
  seconds: readonly [number, number];
  usdPerMillionTokens: number;
  fields?: Fields;
  /** Roles that its files may have. */
  roles: readonly string[];
  /** Sound alone is enough to go by. */
  hearsAlone?: boolean;
}

function shot({
  resolutions,
  seconds: [min, max],
  usdPerMillionTokens,
  fields,
  roles,
  hearsAlone,
}: Shot): BytePlusModel {
  const isFirst = !roles.includes('reference_image');
  return {
    fields: {
      content: { type: 'objects', fields: CONTENT, countMax: 16, isRequired: true },
      ratio: {
        type: 'choice',
        values: ['16:9', '4:3', '1:1', '3:4', '9:16', '21:9', ...(isFirst ? [] : ['adaptive'])],
      },
      resolution: { type: 'choice', values: resolutions },
      duration: { type: 'integer', min, max },
      watermark: { type: 'boolean' },
      return_last_frame: { type: 'boolean' },
      ...SEED,
      ...(isFirst ? { camera_fixed: { type: 'boolean' } } : { generate_audio: { type: 'boolean' } }),
      ...fields,
    },
    conflictIn: (body) => (isConsistent(body['content'], { roles, hearsAlone }) ? null : 'content'),
    fileOf: (body) => ({ width: 640, height: 360, format: 'mp4', seconds: secondsOf(body) }),
    costMicroUsd: (body) => Math.round(tokensOf(body) * usdPerMillionTokens),
  };
}

/** How long a video was ordered. */
function secondsOf(body: Body): number {
  return Number(body['duration'] ?? SECONDS);
}

/** What a video counts, as the answer says it. */
export function tokensOf(body: Body): number {
  return (TOKENS_OF_SECOND[textIn(body, 'resolution', '720p')] ?? 0) * secondsOf(body);
}

/** Each item holds what its type says; frames and references are never mixed; a last frame wants a first. */
function isConsistent(
  content: unknown,
  { roles, hearsAlone = false }: { roles: readonly string[]; hearsAlone: boolean | undefined },
): boolean {
  // Safe: the fields were checked before.
  const items = content as Readonly<Record<string, unknown>>[];
  const told = items.map((item) => (item['type'] === 'text' ? 'text' : textIn(item, 'role', 'first_frame')));
  const count = (role: string): number => told.filter((one) => one === role).length;
  const references = told.filter((role) => role.startsWith('reference_')).length;
  return (
    items.every((item) => item[String(item['type'])] !== undefined) &&
    count('text') === 1 &&
    told.every((role) => role === 'text' || roles.includes(role)) &&
    Object.entries(COUNT_MAX).every(([role, max]) => count(role) <= max) &&
    count('last_frame') <= count('first_frame') &&
    (references === 0 || count('first_frame') === 0) &&
    (hearsAlone || references === 0 || references > count('reference_audio'))
  );
}

const AREA_OF_WORD: Readonly<Record<string, number>> = { '1K': 1024, '2K': 2048, '3K': 3072, '4K': 4096 };

interface Painter {
  words: readonly string[];
  areaMin: number;
  areaMax: number;
  usd: number;
  picturesMax: number;
  fields?: Fields;
}

function painter({ words, areaMin, areaMax, usd, picturesMax, fields }: Painter): BytePlusModel {
  return {
    fields: {
      prompt: { type: 'text', isRequired: true, lengthMin: 1 },
      size: { type: 'text', pattern: new RegExp(`^(?:${[...words, String.raw`\d{2,5}x\d{2,5}`].join('|')})$`) },
      response_format: { type: 'choice', values: ['url', 'b64_json'] },
      watermark: { type: 'boolean' },
      ...(picturesMax === 0
        ? {}
        : {
            image: { type: 'list', items: { type: 'address' }, countMin: 1, countMax: picturesMax },
            sequential_image_generation: { type: 'choice', values: ['auto', 'disabled'] },
          }),
      ...fields,
    },
    conflictIn: (body) => {
      const { width, height } = sidesOf(body);
      const isRight =
        width * height >= areaMin && width * height <= areaMax && width <= height * 16 && height <= width * 16;
      return isRight ? null : 'size';
    },
    fileOf: (body) => ({ ...sidesOf(body), format: textIn(body, 'output_format', 'jpeg') === 'png' ? 'png' : 'jpeg' }),
    costMicroUsd: () => usd * 1_000_000,
  };
}

/** A word is a square here; the model would choose a shape by itself. */
function sidesOf(body: Body): { width: number; height: number } {
  const size = textIn(body, 'size', '2048x2048');
  const side = AREA_OF_WORD[size];
  if (side !== undefined) return { width: side, height: side };
  const [width = 0, height = 0] = size.split('x').map(Number);
  return { width, height };
}

const FRAMES = ['first_frame', 'last_frame'];
const ALL_ROLES = [...FRAMES, 'reference_image', 'reference_video', 'reference_audio'];
const THREE = ['480p', '720p', '1080p'];
const SEARCH: Fields = {
  tools: {
    type: 'objects',
    countMax: 1,
    fields: { type: { type: 'choice', values: ['web_search'], isRequired: true } },
  },
};
const FORMAT: Fields = { output_format: { type: 'choice', values: ['jpeg', 'png'] } };
const OPTIMIZED = (...modes: string[]): Fields => ({
  optimize_prompt_options: { type: 'object', fields: { mode: { type: 'choice', values: modes } } },
});

/** What is played, by model and path. */
export const BYTEPLUS_MODELS: Readonly<Record<string, BytePlusModel>> = {
  ...onPath(TASKS, {
    'seedance-1-0-lite-t2v-250428': shot({ resolutions: THREE, seconds: [2, 12], usdPerMillionTokens: 1.8, roles: [] }),
    'seedance-1-0-lite-i2v-250428': shot({
      resolutions: THREE,
      seconds: [2, 12],
      usdPerMillionTokens: 1.8,
      roles: FRAMES,
    }),
    'seedance-1-0-pro-250528': shot({ resolutions: THREE, seconds: [2, 12], usdPerMillionTokens: 2.5, roles: FRAMES }),
    'seedance-1-0-pro-fast-251015': shot({
      resolutions: THREE,
      seconds: [2, 12],
      usdPerMillionTokens: 1,
      roles: ['first_frame'],
    }),
    'seedance-1-5-pro-251215': shot({
      resolutions: THREE,
      seconds: [4, 12],
      usdPerMillionTokens: 2.4,
      roles: FRAMES,
      fields: { generate_audio: { type: 'boolean' } },
    }),
    'dreamina-seedance-2-0-260128': shot({
      resolutions: [...THREE, '4k'],
      seconds: [4, 15],
      usdPerMillionTokens: 7,
      roles: ALL_ROLES,
      fields: SEARCH,
    }),
    'dreamina-seedance-2-0-fast-260128': shot({
      resolutions: ['480p', '720p'],
      seconds: [4, 15],
      usdPerMillionTokens: 5.6,
      roles: ALL_ROLES,
      fields: SEARCH,
    }),
    'dreamina-seedance-2-0-mini-260615': shot({
      resolutions: ['480p', '720p'],
      seconds: [4, 15],
      usdPerMillionTokens: 3.5,
      roles: ALL_ROLES,
    }),
    'dreamina-seedance-2-5-260628': shot({
      resolutions: THREE,
      seconds: [4, 30],
      usdPerMillionTokens: 10.7,
      roles: ALL_ROLES,
      hearsAlone: true,
    }),
  }),
  ...onPath(PICTURES, {
    'seedream-3-0-t2i-250415': painter({
      words: [],
      areaMin: 262_144,
      areaMax: 4_194_304,
      usd: 0.03,
      picturesMax: 0,
      fields: {
        seed: { type: 'integer', min: -1, max: 2_147_483_647 },
        guidance_scale: { type: 'number', min: 1, max: 10 },
      },
    }),
    'seedream-4-0-250828': painter({
      words: ['1K', '2K', '4K'],
      areaMin: 921_600,
      areaMax: 16_777_216,
      usd: 0.03,
      picturesMax: 14,
      fields: OPTIMIZED('standard', 'fast'),
    }),
    'seedream-4-5-251128': painter({
      words: ['2K', '4K'],
      areaMin: 3_686_400,
      areaMax: 16_777_216,
      usd: 0.04,
      picturesMax: 14,
      fields: OPTIMIZED('standard'),
    }),
    'seedream-5-0-260128': painter({
      words: ['2K', '3K'],
      areaMin: 3_686_400,
      areaMax: 10_404_496,
      usd: 0.035,
      picturesMax: 14,
      fields: FORMAT,
    }),
    'dola-seedream-5-0-pro-260628': painter({
      words: ['1K', '2K'],
      areaMin: 921_600,
      areaMax: 4_624_220,
      usd: 0.09,
      picturesMax: 10,
      fields: FORMAT,
    }),
  }),
};

function onPath(path: string, models: Readonly<Record<string, BytePlusModel>>): Record<string, BytePlusModel> {
  return Object.fromEntries(Object.entries(models).map(([name, model]) => [`${name}@${path}`, model]));
}
