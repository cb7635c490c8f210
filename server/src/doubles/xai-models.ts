import { textIn, type Field, type Fields } from './check-fields.ts';
import type { FileOrder } from './double.ts';
import { sizeFromRatio } from './frame-size.ts';

/** One way to make something at xAI: the fields of a start's body beside the model, and what comes of them. */
export interface XaiModel {
  fields: Fields;
  fileOf(body: Readonly<Record<string, unknown>>): FileOrder;
  costMicroUsd(body: Readonly<Record<string, unknown>>): number;
}

const PICTURE_MICRO_USD = 20_000;
const SECOND_MICRO_USD = 70_000;
const SECONDS = 8;
const RATIO: Fields = {
  aspect_ratio: { type: 'choice', values: ['1:1', '16:9', '9:16', '4:3', '3:4', '3:2', '2:3'] },
};
const PICTURE: Field = {
  type: 'object',
  fields: { url: { type: 'address', isRequired: true }, type: { type: 'choice', values: ['image_url'] } },
};
const COMMON: Fields = { prompt: { type: 'text', isRequired: true } };

const pictureOf: XaiModel['fileOf'] = (body) => ({
  ...(sizeFromRatio(textIn(body, 'aspect_ratio', '1:1'), { megapixels: 1, step: 16 }) ?? { width: 1024, height: 1024 }),
  format: 'jpeg',
});
const PAINTED: XaiModel = {
  fields: {
    ...COMMON,
    ...RATIO,
    n: { type: 'integer', min: 1, max: 10 },
    response_format: { type: 'choice', values: ['url', 'b64_json'] },
  },
  fileOf: pictureOf,
  costMicroUsd: () => PICTURE_MICRO_USD,
};

/** What is played, by model and path. */
export const XAI_MODELS: Readonly<Record<string, XaiModel>> = {
  'grok-imagine-image@images/generations': PAINTED,
  'grok-imagine-image@images/edits': {
    ...PAINTED,
    fields: { ...PAINTED.fields, image: { ...PICTURE, isRequired: true } },
  },
  'grok-imagine-video@videos/generations': {
    fields: {
      ...COMMON,
      ...RATIO,
      duration: { type: 'integer', min: 1, max: 15 },
      resolution: { type: 'choice', values: ['480p', '720p'] },
      image: PICTURE,
      reference_images: { type: 'list', items: PICTURE, countMin: 1, countMax: 7 },
    },
    fileOf: (body) => ({ width: 640, height: 360, format: 'mp4', seconds: Number(body['duration'] ?? SECONDS) }),
    costMicroUsd: (body) => SECOND_MICRO_USD * Number(body['duration'] ?? SECONDS),
  },
};
