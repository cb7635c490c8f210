import type { Fields } from './check-fields.ts';
import { pictureIn, textIn } from './check-fields.ts';
import { megapixelsOf, sizeFromRatio, type FrameSize } from './frame-size.ts';

/** One route of Black Forest Labs: what it takes, what it gives, what it costs. */
export interface BflRoute {
  fields: Fields;
  /** Sides of the picture for an input that was checked. */
  sizeOf(input: Readonly<Record<string, unknown>>): FrameSize;
  costMicroUsd(size: FrameSize, pictures: number): number;
}

const SIDE_MAX = 4_096;

function common(toleranceMax: number): Fields {
  return {
    seed: { type: 'integer', isNullable: true },
    safety_tolerance: { type: 'integer', min: 0, max: toleranceMax },
    output_format: { type: 'choice', values: ['jpeg', 'png', 'webp'], isNullable: true },
    webhook_url: { type: 'text', lengthMin: 1, lengthMax: 2_083, pattern: /^https?:\/\//, isNullable: true },
    webhook_secret: { type: 'text', isNullable: true },
  };
}

const PROMPT: Fields = { prompt: { type: 'text', isNullable: true }, prompt_upsampling: { type: 'boolean' } };
const REQUIRED_PROMPT: Fields = { prompt: { type: 'text', isRequired: true } };
const SIDES: Fields = {
  width: { type: 'integer', min: 256, max: 1_440, multipleOf: 32 },
  height: { type: 'integer', min: 256, max: 1_440, multipleOf: 32 },
};
const REDUX: Fields = { image_prompt: { type: 'picture', form: 'base64', isNullable: true } };

const INPUT_IMAGES = ['input_image', ...[2, 3, 4, 5, 6, 7, 8].map((number) => `input_image_${number}`)];
const FLUX_2: Fields = {
  ...REQUIRED_PROMPT,
  ...Object.fromEntries(INPUT_IMAGES.map((name) => [name, { type: 'picture', form: 'either', isNullable: true }])),
  // 0 lets the model decide; the least real side stands in `sidesOf`.
  width: { type: 'integer', min: 0, max: SIDE_MAX, multipleOf: 16 },
  height: { type: 'integer', min: 0, max: SIDE_MAX, multipleOf: 16 },
  ...common(5),
};

const pixels = (input: Readonly<Record<string, unknown>>): FrameSize => ({
  width: Number(input['width'] ?? 1024),
  height: Number(input['height'] ?? 768),
});

/** A model that decides by itself takes the first picture's size, else a square megapixel. */
const decided = (input: Readonly<Record<string, unknown>>): FrameSize => {
  const first = typeof input['input_image'] === 'string' ? pictureIn(input['input_image']) : null;
  const natural = first ?? { width: 1024, height: 1024 };
  return { width: Number(input['width']) || natural.width, height: Number(input['height']) || natural.height };
};

const ofImage = (input: Readonly<Record<string, unknown>>): FrameSize =>
  pictureIn(textIn(input, 'image', '')) ?? { width: 1024, height: 1024 };

const flat = (costMicroUsd: number) => (): number => costMicroUsd;
/** The first megapixel out has one price, each further one and each picture put in another. */
const perMegapixel =
  (first: number, further: number) =>
  (size: FrameSize, pictures: number): number =>
    first + further * (Math.max(0, Math.ceil(megapixelsOf(size)) - 1) + pictures);

const FILL_STEPS: Fields = {
  ...PROMPT,
  image: { type: 'picture', form: 'base64', isRequired: true },
  steps: { type: 'integer', min: 15, max: 50, isNullable: true },
  guidance: { type: 'number', min: 1.5, max: 100, isNullable: true },
  ...common(6),
};
const MARGIN = { type: 'integer', min: 0, max: 2_048, isNullable: true } as const;

/** The routes that are played. */
export const BFL_ROUTES: Readonly<Record<string, BflRoute>> = {
  'flux-pro-1.1': {
    fields: { ...PROMPT, ...REDUX, ...SIDES, ...common(6) },
    sizeOf: pixels,
    costMicroUsd: flat(40_000),
  },
  'flux-pro-1.1-ultra': {
    fields: {
      ...PROMPT,
      ...REDUX,
      image_prompt_strength: { type: 'number', min: 0, max: 1 },
      aspect_ratio: { type: 'text', pattern: /^\d{1,2}:\d{1,2}$/ },
      raw: { type: 'boolean' },
      ...common(6),
    },
    sizeOf: (input) =>
      sizeFromRatio(textIn(input, 'aspect_ratio', '16:9'), { megapixels: 4, step: 32 }) ?? {
        width: 2048,
        height: 2048,
      },
    costMicroUsd: flat(60_000),
  },
  'flux-dev': {
    fields: {
      ...PROMPT,
      ...REDUX,
      ...SIDES,
      steps: { type: 'integer', min: 1, max: 50, isNullable: true },
      guidance: { type: 'number', min: 1.5, max: 5, isNullable: true },
      ...common(6),
    },
    sizeOf: pixels,
    costMicroUsd: flat(25_000),
  },
  'flux-2-pro': {
    fields: { ...FLUX_2, disable_pup: { type: 'boolean' } },
    sizeOf: decided,
    costMicroUsd: perMegapixel(30_000, 15_000),
  },
  'flux-2-max': {
    fields: { ...FLUX_2, disable_pup: { type: 'boolean' } },
    sizeOf: decided,
    costMicroUsd: perMegapixel(70_000, 30_000),
  },
  'flux-2-flex': {
    fields: {
      ...FLUX_2,
      prompt_upsampling: { type: 'boolean' },
      input_image_blob_path: { type: 'text', isNullable: true },
      steps: { type: 'integer', min: 1, max: 50 },
      guidance: { type: 'number', min: 1.5, max: 10 },
    },
    sizeOf: decided,
    costMicroUsd: perMegapixel(50_000, 50_000),
  },
  'flux-pro-1.0-fill': {
    fields: { ...FILL_STEPS, mask: { type: 'picture', form: 'base64', isNullable: true } },
    sizeOf: ofImage,
    costMicroUsd: flat(50_000),
  },
  'flux-pro-1.0-expand': {
    fields: { ...FILL_STEPS, top: MARGIN, bottom: MARGIN, left: MARGIN, right: MARGIN },
    sizeOf: (input) => {
      const { width, height } = ofImage(input);
      const margin = (name: string): number => Number(input[name] ?? 0);
      return { width: width + margin('left') + margin('right'), height: height + margin('top') + margin('bottom') };
    },
    costMicroUsd: flat(50_000),
  },
};

/** How many pictures were put in. */
export function inputPictures(input: Readonly<Record<string, unknown>>): number {
  return INPUT_IMAGES.filter((name) => typeof input[name] === 'string').length;
}
