import { amountOf, type AmountFacts, type InputFacts } from './amount.ts';
import type { JsonValue } from './json-value.ts';
import type { Model } from './model.ts';

/** The part of a request that prices and costs are reckoned from. */
export interface PricedInput {
  /** Checked, with defaults. */
  parameters: Readonly<Record<string, JsonValue>>;
  /** What was measured on input files, by the parameter that names them; absent where the model's price asks for none. */
  inputs?: Readonly<Record<string, InputFacts>>;
}

const NONE: Readonly<Record<string, InputFacts>> = {};

/** Everything that an amount of this model may ask for, with the most that the request orders. */
export function factsFor(model: Model, { parameters, inputs = NONE }: PricedInput): AmountFacts {
  const nothing = { parameters, inputs, quantities: { outputs: 0, seconds: 0 } };
  const seconds = model.seconds === null ? 0 : amountOf(model.seconds, nothing);
  return { parameters, inputs, quantities: { outputs: amountOf(model.outputs, nothing), seconds } };
}
