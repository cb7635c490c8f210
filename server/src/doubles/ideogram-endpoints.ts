import { objectIn, pictureIn, textIn, type Field, type Fields } from './check-fields.ts';
import type { FileOrder } from './double.ts';
import { sizeFromRatio } from './frame-size.ts';

type Input = Readonly<Record<string, unknown>>;

/** One path of Ideogram's API. */
export interface IdeogramEndpoint {
  /** Whether the body is JSON; all others are forms. */
  isJson: boolean;
  fields: Fields;
  /** What the request is about: the body itself, or an object inside it. */
  askedIn(body: Input): Input;
  costMicroUsd(asked: Input): number;
}

/** Sizes of the third generation, as the vendor lists them. */
const SIZES_V3 =
  '512x1536 576x1408 576x1472 576x1536 640x1344 640x1408 640x1472 640x1536 704x1152 704x1216 704x1280 704x1344 ' +
  '704x1408 704x1472 736x1312 768x1088 768x1216 768x1280 768x1344 800x1280 832x960 832x1024 832x1088 832x1152 ' +
  '832x1216 832x1248 864x1152 896x960 896x1024 896x1088 896x1120 896x1152 960x832 960x896 960x1024 960x1088 ' +
  '1024x832 1024x896 1024x960 1024x1024 1088x768 1088x832 1088x896 1088x960 1120x896 1152x704 1152x832 1152x864 ' +
  '1152x896 1216x704 1216x768 1216x832 1248x832 1280x704 1280x768 1280x800 1312x736 1344x640 1344x704 1344x768 ' +
  '1408x576 1408x640 1408x704 1472x576 1472x640 1472x704 1536x512 1536x576 1536x640';
/** Further ones that the second generation has. */
const SIZES_V2_MORE = '640x1024 720x1280 768x1024 768x1152 768x1232 1024x640 1024x768 1152x768 1232x768 1280x720';
const SIZES_V2_WITHOUT = ['800x1280'];
const SIZES_V4 =
  '2048x2048 2560x1440 1440x2560 2304x1728 1728x2304 2496x1664 1664x2496 2240x1792 1792x2240 2560x1600 1600x2560 ' +
  '2880x1440 1440x2880 3168x1296 1296x3168 2944x1152 1152x2944 3328x1248 1248x3328 3072x1280 1280x3072';
const RATIOS_V3 = '1x3 3x1 1x2 2x1 9x16 16x9 10x16 16x10 2x3 3x2 3x4 4x3 4x5 5x4 1x1';
const RATIOS_V2 = '10_16 16_10 9_16 16_9 3_2 2_3 4_3 3_4 1_1 1_3 3_1';
const PRESETS =
  '80S_ILLUSTRATION 90S_NOSTALGIA ABSTRACT_ORGANIC ANALOG_NOSTALGIA ART_BRUT ART_DECO ART_POSTER AURA AVANT_GARDE ' +
  'BAUHAUS BLUEPRINT BLURRY_MOTION BRIGHT_ART C4D_CARTOON CHILDRENS_BOOK COLLAGE COLORING_BOOK_I COLORING_BOOK_II ' +
  'CUBISM DARK_AURA DOODLE DOUBLE_EXPOSURE DRAMATIC_CINEMA EDITORIAL EMOTIONAL_MINIMAL ETHEREAL_PARTY EXPIRED_FILM ' +
  'FLAT_ART FLAT_VECTOR FOREST_REVERIE GEO_MINIMALIST GLASS_PRISM GOLDEN_HOUR GRAFFITI_I GRAFFITI_II HALFTONE_PRINT ' +
  'HIGH_CONTRAST HIPPIE_ERA ICONIC JAPANDI_FUSION JAZZY LONG_EXPOSURE MAGAZINE_EDITORIAL MINIMAL_ILLUSTRATION ' +
  'MIXED_MEDIA MONOCHROME NIGHTLIFE OIL_PAINTING OLD_CARTOONS PAINT_GESTURE POP_ART RETRO_ETCHING RIVIERA_POP ' +
  'SPOTLIGHT_80S STYLIZED_RED SURREAL_COLLAGE TRAVEL_POSTER VINTAGE_GEO VINTAGE_POSTER WATERCOLOR WEIRD WOODBLOCK_PRINT';

const wordsOf = (text: string): string[] => text.split(' ');
const choice = (values: readonly string[]): Field => ({ type: 'choice', values });

const PROMPT: Field = { type: 'text', lengthMin: 1, isRequired: true };
const FILE: Field = { type: 'picture', form: 'base64', isRequired: true };
const MAGIC = choice(['AUTO', 'ON', 'OFF']);
const WEIGHT: Field = { type: 'integer', min: 1, max: 100 };
const ANY: Fields = {
  seed: { type: 'integer', min: 0, max: 2_147_483_647 },
  num_images: { type: 'integer', min: 1, max: 8 },
};
const SPEED = choice(['FLASH', 'TURBO', 'DEFAULT', 'QUALITY']);

const V3: Fields = {
  ...ANY,
  prompt: PROMPT,
  rendering_speed: SPEED,
  magic_prompt: MAGIC,
  style_type: choice(['AUTO', 'GENERAL', 'REALISTIC', 'DESIGN', 'FICTION']),
  style_preset: choice(wordsOf(PRESETS)),
  style_reference_images: { type: 'pictures', form: 'base64', countMin: 1, countMax: 3 },
  character_reference_images: { type: 'pictures', form: 'base64', countMin: 1, countMax: 1 },
};
const FREE_V3: Fields = {
  negative_prompt: { type: 'text' },
  aspect_ratio: choice(wordsOf(RATIOS_V3)),
  resolution: choice(wordsOf(SIZES_V3)),
};

const V2: Fields = {
  ...ANY,
  prompt: PROMPT,
  model: { ...choice(['V_1', 'V_1_TURBO', 'V_2', 'V_2_TURBO', 'V_2A', 'V_2A_TURBO']), isRequired: true },
  magic_prompt_option: MAGIC,
  style_type: choice(['AUTO', 'GENERAL', 'REALISTIC', 'DESIGN', 'RENDER_3D', 'ANIME']),
};
const FREE_V2: Fields = {
  ...V2,
  negative_prompt: { type: 'text' },
  aspect_ratio: choice(wordsOf(RATIOS_V2).map((ratio) => `ASPECT_${ratio}`)),
  resolution: choice(
    wordsOf(`${SIZES_V3} ${SIZES_V2_MORE}`)
      .filter((size) => !SIZES_V2_WITHOUT.includes(size))
      .map((size) => `RESOLUTION_${size.replace('x', '_')}`),
  ),
};

const PRICE_V3: Readonly<Record<string, number>> = { FLASH: 30_000, TURBO: 30_000, QUALITY: 90_000 };
const PRICE_V4: Readonly<Record<string, number>> = { TURBO: 30_000, QUALITY: 100_000 };
const PRICE_V2: Readonly<Record<string, number>> = { V_2: 80_000, V_2_TURBO: 50_000, V_2A: 40_000, V_2A_TURBO: 25_000 };
/** What a character from a given picture costs more. */
const CHARACTER_MICRO_USD = 90_000;

function third(fields: Fields): IdeogramEndpoint {
  return {
    isJson: false,
    fields: { ...V3, ...fields },
    askedIn: (body) => body,
    costMicroUsd: (asked) =>
      (PRICE_V3[textIn(asked, 'rendering_speed', '')] ?? 60_000) +
      (asked['character_reference_images'] === undefined ? 0 : CHARACTER_MICRO_USD),
  };
}

function second(endpoint: Pick<IdeogramEndpoint, 'isJson' | 'fields'>): IdeogramEndpoint {
  return {
    ...endpoint,
    askedIn: (body) => objectIn(body['image_request']) ?? body,
    costMicroUsd: (asked) => PRICE_V2[textIn(asked, 'model', '')] ?? 80_000,
  };
}

/** What is played, by path. */
export const IDEOGRAM_ENDPOINTS: Readonly<Record<string, IdeogramEndpoint>> = {
  'v1/ideogram-v3/generate': third(FREE_V3),
  'v1/ideogram-v3/remix': third({ ...FREE_V3, image: FILE, image_weight: WEIGHT }),
  'v1/ideogram-v3/edit': third({ image: FILE, mask: FILE }),
  'v1/ideogram-v4/generate': {
    isJson: false,
    fields: {
      text_prompt: PROMPT,
      resolution: choice(wordsOf(SIZES_V4)),
      rendering_speed: choice(['TURBO', 'DEFAULT', 'QUALITY']),
      enable_copyright_detection: { type: 'boolean' },
    },
    askedIn: (body) => body,
    costMicroUsd: (asked) => PRICE_V4[textIn(asked, 'rendering_speed', '')] ?? 60_000,
  },
  generate: second({
    isJson: true,
    fields: { image_request: { type: 'object', fields: FREE_V2, isRequired: true } },
  }),
  remix: second({
    isJson: false,
    fields: {
      image_file: FILE,
      image_request: { type: 'object', fields: { ...FREE_V2, image_weight: WEIGHT }, isRequired: true },
    },
  }),
  edit: second({ isJson: false, fields: { ...V2, image_file: FILE, mask: FILE } }),
};

/** The size that a request orders: the one it names, that of its shape, that of the picture it changes, or a square. */
export function sizeOf(body: Input, asked: Input): Pick<FileOrder, 'width' | 'height'> {
  const [, width, height] = /^(?:RESOLUTION_)?(\d+)[x_](\d+)$/.exec(textIn(asked, 'resolution', '')) ?? [];
  if (width !== undefined && height !== undefined) return { width: Number(width), height: Number(height) };
  const ratio = textIn(asked, 'aspect_ratio', '').replace('ASPECT_', '').replace(/[x_]/, ':');
  const shaped = sizeFromRatio(ratio, { megapixels: 1, step: 32 });
  if (shaped !== null) return shaped;
  const given = body['mask'] === undefined ? null : pictureIn(textIn(body, 'mask', ''));
  return given ?? (body['text_prompt'] === undefined ? { width: 1024, height: 1024 } : { width: 2048, height: 2048 });
}
