import { objectIn, textIn, type Field, type Fields } from './check-fields.ts';
import type { FileOrder } from './double.ts';
import { sizeFromRatio } from './frame-size.ts';

/** One model of the Gemini API, by the method that runs it: the fields of a start's body and what comes of them. */
export interface GoogleModel {
  fields: Fields;
  promptOf(body: Readonly<Record<string, unknown>>): string;
  fileOf(body: Readonly<Record<string, unknown>>): FileOrder;
  costMicroUsd: number;
}

const CLIP_SECONDS = 30;
const VIDEO_SECONDS = 8;
/** Megapixels by the words for a size; what the real sides are is not known. */
const MEGAPIXELS: Readonly<Record<string, number>> = { '512': 0.25, '1K': 1, '2K': 4, '4K': 16 };

const PICTURE: Fields = {
  mimeType: { type: 'text', pattern: /^image\/[a-z]+$/, isRequired: true },
  data: { type: 'picture', form: 'base64', isRequired: true },
};
const VEO_PICTURE: Field = {
  type: 'object',
  fields: {
    mimeType: { type: 'text', pattern: /^image\/[a-z]+$/, isRequired: true },
    bytesBase64Encoded: { type: 'picture', form: 'base64', isRequired: true },
  },
};

function list(items: Field, countMax: number, isRequired = false): Field {
  return { type: 'list', items, countMin: 1, countMax, isRequired };
}

/** The body of `generateContent`: one text, and pictures beside it. */
function contentFields(modality: string, more: { config?: Fields; picturesMax: number }): Fields {
  const part: Field = {
    type: 'object',
    fields: { text: { type: 'text' }, inlineData: { type: 'object', fields: PICTURE } },
  };
  const content: Field = { type: 'object', fields: { parts: list(part, more.picturesMax + 1, true) } };
  return {
    contents: list(content, 1, true),
    generationConfig: {
      type: 'object',
      fields: { responseModalities: list({ type: 'choice', values: [modality] }, 1), ...more.config },
    },
  };
}

/** A model that makes a picture; `sizes` are the words it has for sizes. */
function picture(sizes: readonly string[], costMicroUsd: number, more: Fields = {}): GoogleModel {
  const size: Fields = sizes.length === 0 ? {} : { imageSize: { type: 'choice', values: sizes } };
  const imageConfig: Field = {
    type: 'object',
    fields: { aspectRatio: { type: 'text', pattern: /^\d{1,2}:\d{1,2}$/ }, ...size },
  };
  return {
    fields: { ...contentFields('IMAGE', { config: { imageConfig }, picturesMax: 14 }), ...more },
    promptOf: contentPrompt,
    fileOf: (body) => {
      const config = objectIn(objectIn(body['generationConfig'])?.['imageConfig']) ?? {};
      const megapixels = MEGAPIXELS[textIn(config, 'imageSize', '1K')] ?? 1;
      const sides = sizeFromRatio(textIn(config, 'aspectRatio', '1:1'), { megapixels, step: 16 });
      return { ...(sides ?? { width: 1024, height: 1024 }), format: 'png' };
    },
    costMicroUsd,
  };
}

function song(seconds: number, costMicroUsd: number): GoogleModel {
  return {
    fields: contentFields('AUDIO', { picturesMax: 10 }),
    promptOf: contentPrompt,
    fileOf: () => ({ width: 0, height: 0, format: 'mp3', seconds }),
    costMicroUsd,
  };
}

function video(costMicroUsd: number): GoogleModel {
  return {
    fields: VEO,
    promptOf: (body) => textIn(objectIn(firstOf(body['instances'])) ?? {}, 'prompt', ''),
    fileOf: (body) => {
      const parameters = objectIn(body['parameters']) ?? {};
      const seconds = Number(parameters['durationSeconds'] ?? VIDEO_SECONDS);
      const isUpright = parameters['aspectRatio'] === '9:16';
      const [long, short] = parameters['resolution'] === '1080p' ? [1920, 1080] : [1280, 720];
      return { width: isUpright ? short : long, height: isUpright ? long : short, format: 'mp4', seconds };
    },
    costMicroUsd,
  };
}

const VEO: Fields = {
  instances: list(
    {
      type: 'object',
      fields: {
        prompt: { type: 'text', isRequired: true },
        image: VEO_PICTURE,
        lastFrame: VEO_PICTURE,
        referenceImages: list(
          {
            type: 'object',
            fields: {
              image: { ...VEO_PICTURE, isRequired: true },
              referenceType: { type: 'choice', values: ['asset'], isRequired: true },
            },
          },
          3,
        ),
      },
    },
    1,
    true,
  ),
  parameters: {
    type: 'object',
    fields: {
      aspectRatio: { type: 'choice', values: ['16:9', '9:16'] },
      durationSeconds: { type: 'integer', min: 4, max: 8 },
      resolution: { type: 'choice', values: ['720p', '1080p'] },
      negativePrompt: { type: 'text' },
      seed: { type: 'integer' },
    },
  },
};

const SEARCH: Fields = {
  tools: list({ type: 'object', fields: { googleSearch: { type: 'object', fields: {} } } }, 1),
};

function contentPrompt(body: Readonly<Record<string, unknown>>): string {
  const parts = objectIn(firstOf(body['contents']))?.['parts'];
  return textIn(objectIn(firstOf(parts)) ?? {}, 'text', '');
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined;
}

/** The models that are played, as routes name them. Prices are of the order of the real ones. */
export const GOOGLE_MODELS: Readonly<Record<string, GoogleModel>> = {
  'gemini-2.5-flash-image': picture([], 39_000),
  'gemini-3-pro-image': picture(['1K', '2K', '4K'], 134_000, SEARCH),
  'gemini-3.1-flash-image': picture(['512', '1K', '2K', '4K'], 80_000, SEARCH),
  'gemini-3.1-flash-lite-image': picture([], 34_000),
  'lyria-3-clip-preview': song(CLIP_SECONDS, 40_000),
  'lyria-3-pro-preview': song(2 * CLIP_SECONDS, 80_000),
  'veo-2.0-generate-001:predictLongRunning': video(4_000_000),
  'veo-3.0-generate-001:predictLongRunning': video(3_200_000),
  'veo-3.0-fast-generate-001:predictLongRunning': video(800_000),
  'veo-3.1-generate-preview:predictLongRunning': video(3_200_000),
  'veo-3.1-fast-generate-preview:predictLongRunning': video(800_000),
  'veo-3.1-lite-generate-preview:predictLongRunning': video(400_000),
};
