import type { Fields } from './check-fields.ts';
import type { FileOrder } from './double.ts';
import { sizeFromRatio } from './frame-size.ts';

/** One kind of work that one version of a model does at Kling. */
export interface KlingEndpoint {
  /** Beside `model_name`, which says which version is meant. */
  fields: Fields;
  /** What an input that was checked orders. */
  filesOf(input: Readonly<Record<string, unknown>>): FileOrder[];
  costMicroUsd(input: Readonly<Record<string, unknown>>): number;
}

const VIDEO_SECONDS = 5;
/** Stands for a price that is not known. */
const COST_UNKNOWN_MICRO_USD = 50_000;

const ANY_WORK: Fields = {
  prompt: { type: 'text', isRequired: true },
  external_task_id: { type: 'text', lengthMin: 1 },
  callback_url: { type: 'text', pattern: /^https?:\/\// },
};
const NEGATIVE: Fields = { negative_prompt: { type: 'text', lengthMax: 2_500 } };
const RATIO: Fields = { aspect_ratio: { type: 'choice', values: ['16:9', '9:16', '1:1'] } };
const MODE: Fields = { mode: { type: 'choice', values: ['std', 'pro'] } };
const SOUND: Fields = { sound: { type: 'choice', values: ['on', 'off'] } };
const SCALE: Fields = { cfg_scale: { type: 'number', min: 0, max: 1 } };
const FIRST: Fields = { image: { type: 'picture', form: 'either', isRequired: true } };
const LAST: Fields = { image_tail: { type: 'picture', form: 'either' } };
const FIVE_OR_TEN: Fields = { duration: { type: 'choice', values: ['5', '10'] } };
const THREE_TO_FIFTEEN: Fields = { duration: { type: 'text', pattern: /^([3-9]|1[0-5])$/ } };
const REFERENCES: Fields = {
  image_list: { type: 'objects', countMax: 7, fields: { image_url: { type: 'address', isRequired: true } } },
  video_list: {
    type: 'objects',
    countMax: 1,
    fields: {
      video_url: { type: 'address', isRequired: true },
      refer_type: { type: 'choice', values: ['feature', 'base'] },
      keep_original_sound: { type: 'choice', values: ['yes', 'no'] },
    },
  },
};

function video(fields: Fields): KlingEndpoint {
  return {
    fields: { ...ANY_WORK, ...MODE, ...fields },
    filesOf: (input) => [
      { width: 640, height: 360, format: 'mp4', seconds: Number(input['duration'] ?? VIDEO_SECONDS) },
    ],
    costMicroUsd: (input) => 70_000 * Number(input['duration'] ?? VIDEO_SECONDS),
  };
}

const PICTURES: KlingEndpoint = {
  fields: {
    ...ANY_WORK,
    ...NEGATIVE,
    aspect_ratio: { type: 'choice', values: ['16:9', '9:16', '1:1', '4:3', '3:4', '3:2', '2:3'] },
    image: { type: 'picture', form: 'either' },
    image_fidelity: { type: 'number', min: 0, max: 1 },
    n: { type: 'integer', min: 1, max: 4 },
    model_name: { type: 'choice', values: ['kling-v1', 'kling-v1-5', 'kling-v2'] },
  },
  filesOf: (input) => {
    const ratio = typeof input['aspect_ratio'] === 'string' ? input['aspect_ratio'] : '16:9';
    const size = sizeFromRatio(ratio, { megapixels: 1, step: 16 }) ?? { width: 1024, height: 1024 };
    return Array.from({ length: Number(input['n'] ?? 1) }, () => ({ ...size, format: 'png' }));
  },
  costMicroUsd: () => COST_UNKNOWN_MICRO_USD,
};

/** What is played, by version and path: `kling-v2-6@videos/text2video`. */
export const KLING_ENDPOINTS: Readonly<Record<string, KlingEndpoint>> = {
  'kling-v2-5-turbo@videos/text2video': video({ ...FIVE_OR_TEN, ...NEGATIVE, ...RATIO, ...SCALE }),
  'kling-v2-5-turbo@videos/image2video': video({ ...FIVE_OR_TEN, ...NEGATIVE, ...FIRST, ...LAST, ...SCALE }),
  'kling-v2-6@videos/text2video': video({ ...FIVE_OR_TEN, ...NEGATIVE, ...RATIO, ...SOUND }),
  'kling-v2-6@videos/image2video': video({ ...FIVE_OR_TEN, ...NEGATIVE, ...FIRST, ...SOUND }),
  'kling-v3@videos/text2video': video({ ...THREE_TO_FIFTEEN, ...NEGATIVE, ...RATIO, ...SOUND }),
  'kling-v3@videos/image2video': video({ ...THREE_TO_FIFTEEN, ...NEGATIVE, ...FIRST, ...LAST, ...SOUND }),
  'kling-v3@videos/motion-control': video({
    image_url: { type: 'address', isRequired: true },
    video_url: { type: 'address', isRequired: true },
    character_orientation: { type: 'choice', values: ['image', 'video'], isRequired: true },
    mode: { type: 'choice', values: ['std', 'pro'], isRequired: true },
  }),
  'kling-v3-omni@videos/omni-video': video({
    ...THREE_TO_FIFTEEN,
    ...NEGATIVE,
    ...RATIO,
    ...SOUND,
    ...REFERENCES,
  }),
  'kling-v1@images/generations': PICTURES,
  'kling-v1-5@images/generations': PICTURES,
  'kling-v2@images/generations': PICTURES,
};
