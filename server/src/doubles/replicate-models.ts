import type { Fields } from './check-fields.ts';
import { pictureIn, textIn } from './check-fields.ts';
import type { FileOrder, PictureFormat } from './double.ts';
import { sizeFromRatio, toStep, type FrameSize } from './frame-size.ts';
import { REPLICATE_TRAINERS } from './replicate-trainers.ts';
import { countOf, fieldsOf, fileOf, REPLICATE_INPUTS } from './known-inputs.ts';

/** Stands for a price that is not known. */
const COST_UNKNOWN_MICRO_USD = 50_000;

/** One model at Replicate: the fields of its input and what comes of them. */
export interface ReplicateModel {
  fields: Fields;
  /** What an input that was checked orders. */
  filesOf(input: Readonly<Record<string, unknown>>): FileOrder[];
  /** Whether the output is a list even of one file. */
  isList: boolean;
  costMicroUsd: number;
}

/** What is known of a model that makes one picture. */
interface ReplicatePicture {
  /** The format when the input names none. */
  formatDefault: string;
  sizeOf(input: Readonly<Record<string, unknown>>): FrameSize;
}

const PROMPT: Fields = { prompt: { type: 'text', isRequired: true } };
const SEED: Fields = { seed: { type: 'integer', isNullable: true } };
const TOLERANCE_6: Fields = { safety_tolerance: { type: 'integer', min: 1, max: 6 } };
const TOLERANCE_5: Fields = { safety_tolerance: { type: 'integer', min: 1, max: 5 } };
const PROMPT_UPSAMPLING: Fields = { prompt_upsampling: { type: 'boolean' } };
const IMAGE_PROMPT: Fields = { image_prompt: { type: 'picture', form: 'address', isNullable: true } };

function format(values: readonly string[]): Fields {
  return { output_format: { type: 'choice', values } };
}
const ALL_FORMATS: Fields = {
  ...format(['webp', 'jpg', 'png']),
  output_quality: { type: 'integer', min: 0, max: 100 },
};

const RATIOS = ['1:1', '16:9', '3:2', '2:3', '4:5', '5:4', '9:16', '3:4', '4:3'];
const FLUX_2_RATIOS = ['match_input_image', 'custom', ...RATIOS, '21:9', '9:21'];
const MEGAPIXELS: Readonly<Record<string, number>> = { '0.5 MP': 0.5, '1 MP': 1, '2 MP': 2, '4 MP': 4 };

function sides(min: number, max: number): Fields {
  const side = { type: 'integer', min, max, isNullable: true } as const;
  return { width: side, height: side };
}

function flux2(imagesMax: number): Fields {
  return {
    ...PROMPT,
    ...SEED,
    ...ALL_FORMATS,
    ...sides(256, 2_048),
    input_images: { type: 'pictures', form: 'address', countMin: 0, countMax: imagesMax },
    aspect_ratio: { type: 'choice', values: FLUX_2_RATIOS },
  };
}
const RESOLUTION: Fields = {
  resolution: { type: 'choice', values: ['match_input_image', ...Object.keys(MEGAPIXELS)] },
};

/** Sides are taken with `custom` alone, rounded to multiples; else the ratio decides. */
function sizing(options: { step: number; ratio: string; megapixels: number }) {
  return (input: Readonly<Record<string, unknown>>): FrameSize => {
    const ratio = textIn(input, 'aspect_ratio', options.ratio);
    const megapixels = MEGAPIXELS[textIn(input, 'resolution', '')] ?? options.megapixels;
    const square = { width: 1024, height: 1024 };
    if (ratio === 'custom') {
      const side = (name: string): number => toStep(Number(input[name] ?? 1024), options.step);
      return { width: side('width'), height: side('height') };
    }
    if (ratio === 'match_input_image') return firstImage(input['input_images']) ?? square;
    return sizeFromRatio(ratio, { megapixels, step: options.step }) ?? square;
  };
}

/** Known where the picture itself came along; the double fetches nothing. */
function firstImage(value: unknown): FrameSize | null {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first.startsWith('data:') ? pictureIn(first) : null;
}

const OUTPAINT = [
  'None',
  'Zoom out 1.5x',
  'Zoom out 2x',
  'Make square',
  'Left outpaint',
  'Right outpaint',
  'Top outpaint',
  'Bottom outpaint',
];

/** The models of which all is known. */
const WELL_KNOWN: Readonly<Record<string, Omit<ReplicateModel, 'filesOf' | 'isList'> & ReplicatePicture>> = {
  'black-forest-labs/flux-1.1-pro': {
    fields: {
      ...PROMPT,
      ...IMAGE_PROMPT,
      aspect_ratio: { type: 'choice', values: ['custom', ...RATIOS] },
      ...sides(256, 1_440),
      ...TOLERANCE_6,
      ...SEED,
      ...PROMPT_UPSAMPLING,
      ...ALL_FORMATS,
    },
    formatDefault: 'webp',
    sizeOf: sizing({ step: 32, ratio: '1:1', megapixels: 1 }),
    costMicroUsd: 40_000,
  },
  'black-forest-labs/flux-1.1-pro-ultra': {
    fields: {
      ...PROMPT,
      ...IMAGE_PROMPT,
      image_prompt_strength: { type: 'number', min: 0, max: 1 },
      aspect_ratio: { type: 'choice', values: ['21:9', ...RATIOS, '9:21'] },
      ...TOLERANCE_6,
      ...SEED,
      raw: { type: 'boolean' },
      ...format(['jpg', 'png']),
    },
    formatDefault: 'jpg',
    sizeOf: sizing({ step: 32, ratio: '1:1', megapixels: 4 }),
    costMicroUsd: 60_000,
  },
  'black-forest-labs/flux-2-pro': {
    fields: { ...flux2(8), ...RESOLUTION, ...TOLERANCE_5, ...PROMPT_UPSAMPLING },
    formatDefault: 'webp',
    sizeOf: sizing({ step: 16, ratio: '1:1', megapixels: 1 }),
    costMicroUsd: 30_000,
  },
  'black-forest-labs/flux-2-max': {
    fields: { ...flux2(8), ...RESOLUTION, ...TOLERANCE_5 },
    formatDefault: 'webp',
    sizeOf: sizing({ step: 16, ratio: '1:1', megapixels: 1 }),
    costMicroUsd: 70_000,
  },
  'black-forest-labs/flux-2-flex': {
    fields: {
      ...flux2(10),
      ...RESOLUTION,
      ...TOLERANCE_5,
      ...PROMPT_UPSAMPLING,
      steps: { type: 'integer', min: 1, max: 50 },
      guidance: { type: 'number', min: 1.5, max: 10 },
    },
    formatDefault: 'webp',
    sizeOf: sizing({ step: 16, ratio: '1:1', megapixels: 1 }),
    costMicroUsd: 60_000,
  },
  'black-forest-labs/flux-2-dev': {
    fields: { ...flux2(5), go_fast: { type: 'boolean' }, disable_safety_checker: { type: 'boolean' } },
    formatDefault: 'webp',
    sizeOf: sizing({ step: 16, ratio: '1:1', megapixels: 1 }),
    costMicroUsd: 12_000,
  },
  'black-forest-labs/flux-fill-pro': {
    fields: {
      ...PROMPT,
      image: { type: 'picture', form: 'address', isRequired: true },
      mask: { type: 'picture', form: 'address', isNullable: true },
      outpaint: { type: 'choice', values: OUTPAINT, isNullable: true },
      ...SEED,
      steps: { type: 'integer', min: 1, max: 50 },
      ...PROMPT_UPSAMPLING,
      guidance: { type: 'number', min: 2, max: 5 },
      ...TOLERANCE_6,
      ...format(['jpg', 'png']),
    },
    formatDefault: 'jpg',
    sizeOf: (input) => firstImage(input['image']) ?? { width: 1024, height: 1024 },
    costMicroUsd: 50_000,
  },
};

/** What is played: models that are run, and those that train. */
export const REPLICATE_MODELS: Readonly<Record<string, ReplicateModel>> = {
  ...Object.fromEntries(
    Object.entries(REPLICATE_INPUTS).map(([id, known]): [string, ReplicateModel] => [
      id,
      {
        fields: fieldsOf(known),
        filesOf: (input) => Array.from({ length: countOf(input) }, () => fileOf(known, input)),
        isList: known.result === 'list',
        costMicroUsd: COST_UNKNOWN_MICRO_USD,
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(WELL_KNOWN).map(([id, { formatDefault, sizeOf, ...known }]): [string, ReplicateModel] => [
      id,
      {
        ...known,
        isList: false,
        filesOf: (input) => [{ ...sizeOf(input), format: formatOf(input['output_format'] ?? formatDefault) }],
      },
    ]),
  ),
  ...REPLICATE_TRAINERS,
};

/** Whether sides are taken with the ratio `custom` alone. */
export function takesSidesWithCustom(model: string): boolean {
  return WELL_KNOWN[model]?.fields['width'] !== undefined;
}

function formatOf(value: unknown): PictureFormat {
  return value === 'png' || value === 'webp' ? value : 'jpeg';
}
