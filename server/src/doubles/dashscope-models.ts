import { objectIn, textIn, type Field, type Fields } from './check-fields.ts';
import type { FileOrder } from './double.ts';

type Body = Readonly<Record<string, unknown>>;

/** One model at Model Studio: the fields of a start's body beside the model, and what comes of them. */
export interface DashscopeModel {
  fields: Fields;
  /** Whether the files that were given can go together. */
  isConsistent(body: Body): boolean;
  fileOf(body: Body): FileOrder;
  costMicroUsd(body: Body): number;
}

const VIDEO = 'video-generation/video-synthesis';
const PICTURE = 'multimodal-generation/generation';
const SECONDS = 5;
const SECOND_MICRO_USD = 100_000;
/** Stands for prices that are not known. */
const PICTURE_MICRO_USD = 30_000;
const SEED: Fields = { seed: { type: 'integer', min: 0, max: 2_147_483_647 } };
const EXTEND: Fields = { prompt_extend: { type: 'boolean' } };
const MARK: Fields = { watermark: { type: 'boolean' } };
const PROMPT: Fields = { prompt: { type: 'text', isRequired: true, lengthMin: 1 } };
const NEGATIVE: Fields = { negative_prompt: { type: 'text' } };
const SOUND: Fields = { audio_url: { type: 'address' } };
const FIRST: Fields = { img_url: { type: 'address', isRequired: true } };
const RATIO: Fields = { ratio: { type: 'choice', values: ['16:9', '9:16', '1:1', '4:3', '3:4'] } };
const SHOTS: Fields = { shot_type: { type: 'choice', values: ['single', 'multi'] } };
const LENGTH = (min: number, max: number): Fields => ({ duration: { type: 'integer', min, max } });
const LINES = (...values: string[]): Fields => ({ resolution: { type: 'choice', values } });
const SIZES = (...values: string[]): Fields => ({ size: { type: 'choice', values } });

function media(types: readonly string[], countMax: number): Fields {
  const fields: Fields = {
    type: { type: 'choice', values: types, isRequired: true },
    url: { type: 'address', isRequired: true },
  };
  return { media: { type: 'objects', fields, countMax, isRequired: true } };
}

function partOf(body: Body, name: string): Record<string, unknown> {
  return objectIn(body[name]) ?? {};
}

function secondsOf(body: Body): number {
  return Number(partOf(body, 'parameters')['duration'] ?? SECONDS);
}

function video(input: Fields, parameters: Fields): DashscopeModel {
  return {
    fields: {
      input: { type: 'object', isRequired: true, fields: { ...PROMPT, ...input } },
      parameters: { type: 'object', fields: { ...SEED, ...MARK, ...parameters } },
    },
    isConsistent: (body) => areTogether(partOf(body, 'input')['media']),
    fileOf: (body) => ({ width: 640, height: 360, format: 'mp4', seconds: secondsOf(body) }),
    costMicroUsd: (body) => SECOND_MICRO_USD * secondsOf(body),
  };
}

/** One of each frame; a last one, and a sound, go behind a first; a clip goes without a first frame and without a sound. */
function areTogether(list: unknown): boolean {
  const types = Array.isArray(list) ? list.map((item) => textIn(objectIn(item) ?? {}, 'type', '')) : [];
  const has = (type: string): boolean => types.includes(type);
  const frames = types.filter((type) => type !== 'reference_image');
  return (
    new Set(frames).size === frames.length &&
    (!has('last_frame') || has('first_frame') || has('first_clip')) &&
    (!has('driving_audio') || has('first_frame')) &&
    !(has('first_clip') && has('first_frame'))
  );
}

const CONTENT: Field = {
  type: 'objects',
  isRequired: true,
  countMax: 4,
  fields: { text: { type: 'text', lengthMin: 1 }, image: { type: 'address' } },
};

function painter(areaMin: number, areaMax: number, parameters: Fields): DashscopeModel {
  const message: Fields = { role: { type: 'choice', values: ['user'], isRequired: true }, content: CONTENT };
  return {
    fields: {
      input: {
        type: 'object',
        isRequired: true,
        fields: { messages: { type: 'objects', fields: message, countMax: 1, isRequired: true } },
      },
      parameters: {
        type: 'object',
        fields: {
          ...SEED,
          ...MARK,
          size: { type: 'text', pattern: /^\d{3,4}\*\d{3,4}$/ },
          n: { type: 'integer', min: 1, max: 4 },
          ...parameters,
        },
      },
    },
    isConsistent: (body) => {
      const { width, height } = sidesOf(body);
      return width * height >= areaMin && width * height <= areaMax;
    },
    fileOf: (body) => ({ ...sidesOf(body), format: 'png' }),
    costMicroUsd: () => PICTURE_MICRO_USD,
  };
}

function sidesOf(body: Body): { width: number; height: number } {
  const [width = 0, height = 0] = textIn(partOf(body, 'parameters'), 'size', '1280*1280').split('*').map(Number);
  return { width, height };
}

const SQUARE_2K = 4_194_304;

/** What is played, by model and path. */
export const DASHSCOPE_MODELS: Readonly<Record<string, DashscopeModel>> = {
  ...onPath(VIDEO, {
    'wan2.5-t2v-preview': video(
      { ...NEGATIVE, ...SOUND },
      { ...EXTEND, ...LENGTH(5, 10), ...SIZES('832*480', '1280*720', '1920*1080') },
    ),
    'wan2.5-i2v-preview': video(
      { ...NEGATIVE, ...SOUND, ...FIRST },
      { ...EXTEND, ...LENGTH(5, 10), ...LINES('480P', '720P', '1080P') },
    ),
    'wan2.6-t2v': video(
      { ...NEGATIVE, ...SOUND },
      { ...EXTEND, ...SHOTS, ...LENGTH(2, 15), ...SIZES('1280*720', '1920*1080') },
    ),
    'wan2.6-i2v': video(
      { ...NEGATIVE, ...SOUND, ...FIRST },
      { ...EXTEND, ...SHOTS, ...LENGTH(2, 15), ...LINES('720P', '1080P') },
    ),
    'wan2.6-i2v-flash': video(
      { ...NEGATIVE, ...SOUND, ...FIRST },
      { ...EXTEND, ...SHOTS, ...LENGTH(2, 15), ...LINES('720P', '1080P'), audio: { type: 'boolean' } },
    ),
    'wan2.7-t2v': video(
      { ...NEGATIVE, ...SOUND },
      { ...EXTEND, ...RATIO, ...LENGTH(2, 15), ...LINES('720P', '1080P') },
    ),
    'wan2.7-i2v': video(
      { ...NEGATIVE, ...media(['first_frame', 'last_frame', 'first_clip', 'driving_audio'], 3) },
      { ...EXTEND, ...LENGTH(2, 15), ...LINES('720P', '1080P') },
    ),
    'happyhorse-1.0-t2v': video({}, { ...RATIO, ...LENGTH(3, 15), ...LINES('720P', '1080P') }),
    'happyhorse-1.0-i2v': video(media(['first_frame'], 1), { ...LENGTH(3, 15), ...LINES('720P', '1080P') }),
    'happyhorse-1.1-t2v': video({}, { ...RATIO, ...LENGTH(3, 15), ...LINES('720P', '1080P') }),
    'happyhorse-1.1-r2v': video(media(['reference_image'], 9), {
      ...RATIO,
      ...LENGTH(3, 15),
      ...LINES('720P', '1080P'),
    }),
  }),
  ...onPath(PICTURE, {
    'qwen-image-2.0': painter(262_144, SQUARE_2K, { ...NEGATIVE, ...EXTEND }),
    'qwen-image-2.0-pro': painter(262_144, SQUARE_2K, { ...NEGATIVE, ...EXTEND }),
    'wan2.6-t2i': painter(1_638_400, 2_073_600, { ...NEGATIVE, ...EXTEND }),
    'wan2.7-image': painter(589_824, SQUARE_2K, { thinking_mode: { type: 'boolean' } }),
    'wan2.7-image-pro': painter(589_824, SQUARE_2K, { thinking_mode: { type: 'boolean' } }),
  }),
};

function onPath(path: string, models: Readonly<Record<string, DashscopeModel>>): Record<string, DashscopeModel> {
  return Object.fromEntries(Object.entries(models).map(([name, model]) => [`${name}@${path}`, model]));
}
