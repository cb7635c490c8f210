import type { Fields } from './check-fields.ts';
import type { FileOrder } from './double.ts';

/** One kind of work at Mureka. */
export interface MurekaEndpoint {
  fields: Fields;
  /** What an input that was checked orders. */
  filesOf(input: Readonly<Record<string, unknown>>): FileOrder[];
  costMicroUsd(input: Readonly<Record<string, unknown>>): number;
}

const SONG_SECONDS = 30;
const SONGS_USUAL = 2;
const SONGS_MAX = 3;
/** A song whose words Mureka writes itself, by whichever version. */
const PROMPT_MICRO_USD = 300_000;

const MUSIC_MODELS = ['auto', 'mureka-7.6', 'mureka-8', 'mureka-9', 'mureka-9.5'];
const SONG_MODELS = [...MUSIC_MODELS, 'mureka-o2'];

const ANY_WORK: Fields = {
  n: { type: 'integer', min: 1, max: SONGS_MAX },
  stream: { type: 'boolean' },
};
const GENDER: Fields = { gender: { type: 'choice', values: ['female', 'male'] } };

function countOf(input: Readonly<Record<string, unknown>>): number {
  return Number(input['n'] ?? SONGS_USUAL);
}

function byVersion(input: Readonly<Record<string, unknown>>): number {
  const { model } = input;
  if (model === 'mureka-7.6') return 30_000;
  return model === 'auto' || model === 'mureka-9.5' ? 150_000 : 45_000;
}

function endpoint(
  { models, fields }: { models: readonly string[]; fields: Fields },
  microUsdEach: (input: Readonly<Record<string, unknown>>) => number,
): MurekaEndpoint {
  return {
    fields: { ...ANY_WORK, model: { type: 'choice', values: models, isRequired: true }, ...fields },
    filesOf: (input) =>
      Array.from({ length: countOf(input) }, () => ({ width: 0, height: 0, format: 'mp3', seconds: SONG_SECONDS })),
    costMicroUsd: (input) => countOf(input) * microUsdEach(input),
  };
}

/** What is played, by the path below `/v1/`. */
export const MUREKA_ENDPOINTS: Readonly<Record<string, MurekaEndpoint>> = {
  'song/generate': endpoint(
    {
      models: SONG_MODELS,
      fields: {
        ...GENDER,
        lyrics: { type: 'text', lengthMin: 1, lengthMax: 5_000, isRequired: true },
        prompt: { type: 'text', lengthMax: 1_024 },
      },
    },
    byVersion,
  ),
  'song/easy-generate': endpoint(
    { models: SONG_MODELS, fields: { ...GENDER, prompt: { type: 'text', lengthMin: 1, lengthMax: 2_000 } } },
    () => PROMPT_MICRO_USD,
  ),
  'instrumental/generate': endpoint(
    { models: MUSIC_MODELS, fields: { prompt: { type: 'text', lengthMax: 1_024 } } },
    byVersion,
  ),
};
