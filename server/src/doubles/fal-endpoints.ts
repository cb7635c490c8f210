import type { Fields } from './check-fields.ts';
import { objectIn, pictureIn, textIn } from './check-fields.ts';
import type { FileOrder } from './double.ts';
import { megapixelsOf, sizeFromRatio, type FrameSize } from './frame-size.ts';
import { FAL_INPUTS, fieldsOf, fileOf } from './known-inputs.ts';

/** Stands for a price that is not known. */
const COST_UNKNOWN_MICRO_USD = 50_000;

/** One endpoint at fal: the fields of its input and what comes of them. */
export interface FalEndpoint {
  fields: Fields;
  sizeOf(input: Readonly<Record<string, unknown>>): FrameSize;
  /** For each picture. */
  costMicroUsd(size: FrameSize): number;
  /** Whether the answer says which pictures moderation blackened. */
  hasNsfwFlags: boolean;
  /** The field of the answer that holds the files; `images` where absent. */
  result?: string;
  /** What one file is; a picture where absent. */
  fileOf?(input: Readonly<Record<string, unknown>>): FileOrder;
}

const PROMPT: Fields = { prompt: { type: 'text', isRequired: true } };
const COMMON: Fields = {
  seed: { type: 'integer', isNullable: true },
  output_format: { type: 'choice', values: ['jpeg', 'png'] },
  sync_mode: { type: 'boolean' },
};
const COUNT: Fields = { num_images: { type: 'integer', min: 1, max: 4 } };
const TOLERANCE_6: Fields = { safety_tolerance: { type: 'choice', values: ['1', '2', '3', '4', '5', '6'] } };
const TOLERANCE_5: Fields = { safety_tolerance: { type: 'choice', values: ['1', '2', '3', '4', '5'] } };
const ENHANCE: Fields = { enhance_prompt: { type: 'boolean' } };
const CHECKER: Fields = { enable_safety_checker: { type: 'boolean' } };

const SIZES: Readonly<Record<string, FrameSize>> = {
  square_hd: { width: 1024, height: 1024 },
  square: { width: 512, height: 512 },
  portrait_4_3: { width: 768, height: 1024 },
  portrait_16_9: { width: 576, height: 1024 },
  landscape_4_3: { width: 1024, height: 768 },
  landscape_16_9: { width: 1024, height: 576 },
};

function imageSize(side: { min: number; max: number }, words: readonly string[] = []): Fields {
  return {
    image_size: { type: 'size', words: [...Object.keys(SIZES), ...words], sideMin: side.min, sideMax: side.max },
  };
}
const ANY_SIDE = { min: 1, max: 4_096 };
const FLUX_2_SIDE = { min: 512, max: 2_048 };

/** The size as asked for; `auto` follows the first picture where it came along. */
const asked = (input: Readonly<Record<string, unknown>>): FrameSize => {
  const size = input['image_size'];
  const own = objectIn(size);
  if (own !== null) return { width: Number(own['width']), height: Number(own['height']) };
  if (size === undefined || size === 'auto') {
    const images: unknown = input['image_urls'];
    const first: unknown = Array.isArray(images) ? images[0] : input['image_url'];
    const head = typeof first === 'string' && first.startsWith('data:') ? pictureIn(first) : null;
    if (head !== null) return head;
    if (size === 'auto') return { width: 1024, height: 1024 };
  }
  return SIZES[textIn(input, 'image_size', '')] ?? { width: 1024, height: 768 };
};

const flat = (costMicroUsd: number) => (): number => costMicroUsd;
const byMegapixel =
  (first: number, further: number) =>
  (size: FrameSize): number =>
    first + further * Math.max(0, Math.ceil(megapixelsOf(size)) - 1);

const PICTURES: Fields = {
  image_urls: { type: 'pictures', form: 'address', countMin: 1, countMax: 8, isRequired: true },
};
const PICTURE: Fields = { image_url: { type: 'picture', form: 'address', isRequired: true } };
const STEPS: Fields = {
  guidance_scale: { type: 'number', min: 1, max: 20 },
  num_inference_steps: { type: 'integer', min: 1, max: 50 },
};

const FLUX_2_PRO: Fields = { ...PROMPT, ...COMMON, ...CHECKER, ...TOLERANCE_5 };
const FLUX_2_FLEX: Fields = { ...FLUX_2_PRO, ...STEPS };
const FLUX_2: Fields = {
  ...PROMPT,
  ...COMMON,
  ...CHECKER,
  ...COUNT,
  ...STEPS,
  acceleration: { type: 'choice', values: ['none', 'regular', 'high'] },
  enable_prompt_expansion: { type: 'boolean' },
};

/** A model and its twin that edits. */
function withEdit(
  id: string,
  fields: Fields,
  rest: Omit<FalEndpoint, 'fields' | 'sizeOf'>,
): Record<string, FalEndpoint> {
  return {
    [id]: { ...rest, fields: { ...fields, ...imageSize(FLUX_2_SIDE) }, sizeOf: asked },
    [`${id}/edit`]: {
      ...rest,
      fields: { ...fields, ...PICTURES, ...imageSize(FLUX_2_SIDE, ['auto']) },
      sizeOf: asked,
    },
  };
}

/** The endpoints that are played. */
export const FAL_ENDPOINTS: Readonly<Record<string, FalEndpoint>> = {
  ...Object.fromEntries(
    Object.entries(FAL_INPUTS).map(([id, known]): [string, FalEndpoint] => [
      id,
      {
        fields: fieldsOf(known),
        sizeOf: asked,
        costMicroUsd: flat(COST_UNKNOWN_MICRO_USD),
        hasNsfwFlags: false,
        result: known.result,
        ...(known.makes === 'picture' ? {} : { fileOf: (input) => fileOf(known, input) }),
      },
    ]),
  ),
  'fal-ai/flux-pro/v1.1': {
    fields: { ...PROMPT, ...COMMON, ...COUNT, ...TOLERANCE_6, ...ENHANCE, ...imageSize(ANY_SIDE) },
    sizeOf: asked,
    costMicroUsd: byMegapixel(40_000, 40_000),
    hasNsfwFlags: true,
  },
  'fal-ai/flux-pro/v1.1/redux': {
    fields: {
      prompt: { type: 'text' },
      ...PICTURE,
      ...COMMON,
      ...COUNT,
      ...TOLERANCE_6,
      ...ENHANCE,
      ...STEPS,
      ...imageSize(ANY_SIDE),
    },
    sizeOf: asked,
    costMicroUsd: byMegapixel(50_000, 50_000),
    hasNsfwFlags: true,
  },
  'fal-ai/flux-pro/v1.1-ultra': {
    fields: {
      ...PROMPT,
      ...COMMON,
      ...COUNT,
      ...TOLERANCE_6,
      ...ENHANCE,
      aspect_ratio: { type: 'text', pattern: /^\d{1,2}:\d{1,2}$/ },
      image_url: { type: 'picture', form: 'address', isNullable: true },
      image_prompt_strength: { type: 'number', min: 0, max: 1 },
      raw: { type: 'boolean' },
    },
    sizeOf: (input) =>
      sizeFromRatio(textIn(input, 'aspect_ratio', '16:9'), { megapixels: 4, step: 32 }) ?? {
        width: 2048,
        height: 2048,
      },
    costMicroUsd: flat(60_000),
    hasNsfwFlags: true,
  },
  'fal-ai/flux-pro/v1/fill': {
    fields: {
      ...PROMPT,
      ...PICTURE,
      mask_url: { type: 'picture', form: 'address', isRequired: true },
      ...COMMON,
      ...COUNT,
      ...TOLERANCE_6,
      ...ENHANCE,
    },
    sizeOf: asked,
    costMicroUsd: byMegapixel(50_000, 50_000),
    hasNsfwFlags: true,
  },
  ...withEdit('fal-ai/flux-2-pro', FLUX_2_PRO, { costMicroUsd: byMegapixel(30_000, 15_000), hasNsfwFlags: false }),
  ...withEdit('fal-ai/flux-2-max', FLUX_2_PRO, { costMicroUsd: byMegapixel(70_000, 30_000), hasNsfwFlags: false }),
  ...withEdit('fal-ai/flux-2-flex', FLUX_2_FLEX, { costMicroUsd: byMegapixel(60_000, 60_000), hasNsfwFlags: false }),
  ...withEdit('fal-ai/flux-2', FLUX_2, { costMicroUsd: byMegapixel(12_000, 12_000), hasNsfwFlags: true }),
};
