import type { Field, Fields } from './check-fields.ts';
import type { FileOrder } from './double.ts';
import falInputs from './inputs/fal.json' with { type: 'json' };
import replicateInputs from './inputs/replicate.json' with { type: 'json' };

/**
 * A model of which no more is known than its fields: their names and kinds as others list them. `result` says in which
 * form it answers, `makes` what.
 */
export interface KnownInput {
  required: readonly string[];
  /** `integer`, `number`, `boolean`, `text` (with `:` and a pattern), `address`, `addresses` or `any`. */
  fields: Readonly<Record<string, string>>;
  result: string;
  makes: string;
}

/** Models at Replicate, by owner and name. */
export const REPLICATE_INPUTS: Readonly<Record<string, KnownInput>> = withoutGaps(replicateInputs);
/** Endpoints at fal, by path. */
export const FAL_INPUTS: Readonly<Record<string, KnownInput>> = withoutGaps(falInputs);

/** The fields in the words of the doubles' checks. Throws for a kind that there is not. */
export function fieldsOf({ fields, required }: KnownInput): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, kind]) => [name, { ...fieldOf(kind), isRequired: required.includes(name) }]),
  );
}

function fieldOf(kind: string): Field {
  const [type = '', pattern] = kind.split(/:(.*)/);
  switch (type) {
    case 'text':
      return pattern === undefined ? { type } : { type, pattern: new RegExp(pattern) };
    case 'integer':
    case 'number':
    case 'boolean':
    case 'address':
    case 'addresses':
    case 'any':
      return { type };
    default:
      throw new Error(`no field is of the kind "${kind}"`);
  }
}

const SOUND_SECONDS = 3;
const VIDEO_SECONDS = 5;

/** What an order of such a model is for. */
export function fileOf({ makes }: KnownInput, input: Readonly<Record<string, unknown>>): FileOrder {
  switch (makes) {
    case 'mp4': {
      return { width: 640, height: 360, format: 'mp4', seconds: secondsIn(input['duration']) };
    }
    case 'safetensors':
      return { width: 0, height: 0, format: 'safetensors' };
    case 'mp3':
      return {
        width: 0,
        height: 0,
        format: 'mp3',
        seconds: Number(input['music_length_ms'] ?? SOUND_SECONDS * 1_000) / 1_000,
      };
    default:
      return { width: 1024, height: 1024, format: input['output_format'] === 'png' ? 'png' : 'jpeg' };
  }
}

/** A number, or a text such as `8s`. */
function secondsIn(duration: unknown): number {
  const seconds = typeof duration === 'string' ? Number.parseFloat(duration) : duration;
  return typeof seconds === 'number' && seconds > 0 ? seconds : VIDEO_SECONDS;
}

/** The names under which models take how many files they make. */
const COUNTS = ['num_images', 'num_outputs', 'number_of_images', 'n'];

/** How many files an input orders. */
export function countOf(input: Readonly<Record<string, unknown>>): number {
  return COUNTS.map((name) => input[name]).find((value) => typeof value === 'number') ?? 1;
}

/** A JSON file gives every row the fields of all others, as absent ones. */
function withoutGaps(
  rows: Readonly<Record<string, { fields: object } & Omit<KnownInput, 'fields'>>>,
): Record<string, KnownInput> {
  return Object.fromEntries(
    Object.entries(rows).map(([id, row]) => [id, { ...row, fields: Object.fromEntries(Object.entries(row.fields)) }]),
  );
}
