import { microUsd, type MicroUsd } from '../core/money.ts';
import { amountOf } from './amount.ts';
import { megapixelsIn } from './megapixels.ts';
import type { Model, PerMegapixelCost, Route } from './model.ts';
import { expectedSize, mapParameters } from './parameter-map.ts';
import { factsFor, type PricedInput } from './priced-input.ts';

/** Rounding must not lift what binary fractions make a hair too large. */
const HAIR = 1e-6;

/**
 * What one generation will cost the operator on a route, in whole micro-dollars rounded up; null where the route's cost is unknown or rests on a size that nobody knows beforehand.
 */
export function expectedCost(model: Model, route: Route, input: PricedInput): MicroUsd | null {
  const { cost } = route;
  if (cost === null) return null;
  if (cost.mode === 'none') return microUsd(0);
  if (cost.mode === 'flat') return microUsd(cost.microUsd);
  if (cost.mode === 'formula') return microUsd(Math.ceil(amountOf(cost.microUsd, factsFor(model, input)) - HAIR));
  const mapped = mapParameters(model, route, { ...input, prompt: '', given: {} });
  const size = expectedSize(mapped);
  if (size === null) return null;
  return sumCost(cost, { outputs: megapixelsIn(size), inputs: mapped.files.length });
}

function sumCost(cost: PerMegapixelCost, { outputs, inputs }: { outputs: number; inputs: number }): MicroUsd {
  const further = Math.max(0, (cost.roundUp ? Math.ceil(outputs) : outputs) - 1);
  return microUsd(Math.ceil(cost.firstMicroUsd + further * cost.furtherMicroUsd + inputs * cost.inputMicroUsd));
}
