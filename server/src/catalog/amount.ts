import { textOf, type JsonValue } from './json-value.ts';

/** What is measured on stored results, and ordered before. Seconds are those of one result. */
export type Quantity = 'outputs' | 'seconds';
/** What is measured on a file that the caller gives, before anything is held. */
export type InputMeasure = 'seconds' | 'megapixels';

/**
 * A number that depends on a request: the language of prices and costs. Every form is one object with one name of its
 * own; see `docs/catalog.md` for each with an example.
 */
export type Amount =
  | number
  /** The value of a number parameter. */
  | { parameter: string }
  /** How many items a list has, or 1 for a single value that is there; 0 where it is absent. */
  | { count: string }
  /** What was ordered, and once it is there what was delivered of it. */
  | { delivered: Quantity }
  /** Measured on the file that the parameter `of` names. */
  | { input: InputMeasure; of: string }
  /** By the values of parameters, joined by `|`; `-` stands for an absent one. `otherwise` where no row fits. */
  | { table: readonly string[]; values: Readonly<Record<string, Amount>>; otherwise?: Amount }
  /** The first step that reaches as far; the last one has no end. */
  | { steps: Amount; values: readonly { upTo: number | null; amount: Amount }[] }
  | { sum: readonly Amount[] }
  | { product: readonly Amount[] }
  | { highest: readonly Amount[] }
  | { lowest: readonly Amount[] }
  /** Up to the next multiple of `to`. */
  | { roundUp: Amount; to: number };

/** Facts about one input file; null where its kind has no such measure. */
export interface InputFacts {
  seconds: number | null;
  megapixels: number | null;
  /** Sides in pixels; absent where a job was accepted before they were kept. */
  width?: number | null;
  height?: number | null;
}

/** What amounts are reckoned from. */
export interface AmountFacts {
  /** With defaults filled in. */
  parameters: Readonly<Record<string, JsonValue>>;
  quantities: Readonly<Record<Quantity, number>>;
  /** By the parameter that names the file. */
  inputs: Readonly<Record<string, InputFacts>>;
}

/** Rounding must not lift what binary fractions make a hair too large. */
const HAIR = 1e-9;

/** The amount for one request. Throws RangeError for what the load check has not seen: there is then no price. */
export function amountOf(amount: Amount, facts: AmountFacts): number {
  if (typeof amount === 'number') return amount;
  if ('parameter' in amount) return numberFrom(facts.parameters[amount.parameter], amount.parameter);
  if ('count' in amount) return countOf(facts.parameters[amount.count]);
  if ('delivered' in amount) return facts.quantities[amount.delivered];
  if ('input' in amount) return numberFrom(facts.inputs[amount.of]?.[amount.input], `${amount.input} of ${amount.of}`);
  if ('table' in amount) return amountOf(rowOf(amount, facts.parameters), facts);
  if ('steps' in amount) return amountOf(stepOf(amount, amountOf(amount.steps, facts)), facts);
  if ('roundUp' in amount) return Math.ceil(amountOf(amount.roundUp, facts) / amount.to - HAIR) * amount.to;
  const [combine, parts] = combination(amount);
  return combine(parts.map((part) => amountOf(part, facts)));
}

type Combination = Extract<
  Amount,
  { sum: unknown } | { product: unknown } | { highest: unknown } | { lowest: unknown }
>;

function combination(amount: Combination): [(values: number[]) => number, readonly Amount[]] {
  if ('sum' in amount) return [(values) => values.reduce((sum, value) => sum + value, 0), amount.sum];
  if ('product' in amount) return [(values) => values.reduce((product, value) => product * value, 1), amount.product];
  if ('highest' in amount) return [(values) => Math.max(...values), amount.highest];
  return [(values) => Math.min(...values), amount.lowest];
}

function numberFrom(value: JsonValue | undefined, name: string): number {
  if (typeof value === 'number') return value;
  throw new RangeError(`no number for ${name}`);
}

function countOf(value: JsonValue | undefined): number {
  if (value === undefined) return 0;
  return Array.isArray(value) ? value.length : 1;
}

/** The row that fits. Throws RangeError where none does: there is then no price. */
export function rowOf(
  { table, values, otherwise }: Extract<Amount, { table: unknown }>,
  parameters: Readonly<Record<string, JsonValue>>,
): Amount {
  const key = table.map((name) => cellOf(parameters[name])).join('|');
  const row = Object.hasOwn(values, key) ? values[key] : otherwise;
  if (row === undefined) throw new RangeError(`no row for ${key}`);
  return row;
}

/** How a table's key writes a parameter. A list, or a file, counts by being there. */
export function cellOf(value: JsonValue | undefined): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '-';
  return Array.isArray(value) ? '+' : textOf(value);
}

function stepOf({ values }: Extract<Amount, { steps: unknown }>, reached: number): Amount {
  const step = values.find(({ upTo }) => upTo === null || reached <= upTo);
  if (step === undefined) throw new RangeError(`no step for ${reached}`);
  return step.amount;
}

/** Every amount inside an amount, itself first. */
export function partsOf(amount: Amount): Amount[] {
  if (typeof amount === 'number') return [amount];
  return [amount, ...innerOf(amount).flatMap(partsOf)];
}

function innerOf(amount: Exclude<Amount, number>): readonly Amount[] {
  if ('table' in amount)
    return [...Object.values(amount.values), ...(amount.otherwise === undefined ? [] : [amount.otherwise])];
  if ('steps' in amount) return [amount.steps, ...amount.values.map((step) => step.amount)];
  if ('roundUp' in amount) return [amount.roundUp];
  if ('sum' in amount || 'product' in amount || 'highest' in amount || 'lowest' in amount)
    return combination(amount)[1];
  return [];
}
