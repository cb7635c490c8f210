import type { InputFacts } from './amount.ts';
import type { JsonValue } from './json-value.ts';
import type { FileForm, FileShape } from './map-rule.ts';
import type { Model } from './model.ts';

/** A wish that the route cannot meet as asked. The caller is told: nothing is dropped in silence. */
export interface Adjustment {
  parameter: string;
  asked: JsonValue;
  /** What is done instead; null when nothing is. */
  applied: JsonValue;
  reason: string;
}

/** A file that the request needs; the caller's address of it is hostile until `net` has checked it. */
export interface MappedFile {
  /** The field, in the provider's own name. */
  to: string;
  /** The place among the parameter's files of the field's list, counted from 0; absent where the field takes one file. */
  index?: number;
  url: string;
  as: FileForm;
  /** What stands around its content; absent where that goes alone. */
  shape?: FileShape;
}

/** The size that a request orders. */
export interface OrderedSize {
  width: number;
  height: number;
  /** False where only a ratio is sent: the provider's sides may differ by some steps. */
  isExact: boolean;
}

/** Parameters in the provider's own names, and what had to be changed on the way. */
export interface MappedParameters {
  /** Without files: `withFiles` puts them in. */
  parameters: Record<string, JsonValue>;
  /** In the order of their places. */
  files: MappedFile[];
  adjustments: Adjustment[];
  /** null where the provider finds the size itself, or the input pictures decide it. */
  size: OrderedSize | null;
}

/** What a caller's checked input gives to the map. */
export interface MappableInput {
  prompt: string;
  /** With defaults filled in. */
  parameters: Readonly<Record<string, JsonValue>>;
  /** As sent; tells a wish from a default. */
  given: Readonly<Record<string, JsonValue>>;
  /** What was measured on files, by the parameter that names them; only rules that go by a file ask for it. */
  inputs?: Readonly<Record<string, InputFacts>>;
}

/** One translation under way. */
export interface Mapping {
  model: Model;
  input: MappableInput;
  values: Readonly<Record<string, JsonValue>>;
  result: MappedParameters;
}

/** A ratio may have a million digits; nobody has to read them back. */
const ASKED_LENGTH_MAX = 200;

/** Writes an adjustment down if the caller asked for something that makes a difference. */
export function note(
  mapping: Mapping,
  parameter: string,
  { applied, reason }: { applied: JsonValue; reason: string },
): void {
  const asked = mapping.input.given[parameter];
  const isDefault = asked === mapping.model.parameters[parameter]?.default;
  // A dropped wish for what happens anyway is no loss; a changed one is told even then.
  if (asked === undefined || (isDefault && applied === null)) return;
  const told = typeof asked === 'string' ? asked.slice(0, ASKED_LENGTH_MAX) : asked;
  mapping.result.adjustments.push({ parameter, asked: told, applied, reason });
}
