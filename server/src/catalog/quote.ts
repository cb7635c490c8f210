import { ceilToCredit, fromCredits, microCredits, MICRO_PER_CREDIT, type MicroCredits } from '../core/money.ts';
import { amountOf, type AmountFacts } from './amount.ts';
import { boundsOf } from './amount-bounds.ts';
import { linesOf } from './amount-lines.ts';
import { textOf, type JsonValue } from './json-value.ts';
import { megapixelsIn } from './megapixels.ts';
import type { FormulaPrice, Model, PerMegapixelPrice } from './model.ts';
import { factsFor, type PricedInput } from './priced-input.ts';

/** How the wire names a price's shape. */
export type PricingMode = 'flat' | 'per-second' | 'per-output';

/** What a run will cost the team: the amount held, and captured when it completes. */
export interface Quote {
  priceMicro: MicroCredits;
  priceVersion: string;
  pricingMode: PricingMode;
  /** How the price came about, one line each, the sum last. */
  parts: string[];
}

/** The price of a run, at most. Pure: the estimate, the hold and the page all ask here. Throws RangeError without a price. */
export function quote(model: Model, input: PricedInput): Quote {
  const { price, priceVersion } = model;
  switch (price.mode) {
    case 'flat': {
      const priceMicro = ceilToCredit(fromCredits(price.credits));
      return {
        priceMicro,
        priceVersion,
        pricingMode: pricingModeOf(model),
        parts: [`each run: ${creditsText(priceMicro)}`],
      };
    }
    case 'per-megapixel': {
      const sum = sumMegapixels(price, megapixelsOf(price, input.parameters));
      return { ...sum, priceVersion, pricingMode: pricingModeOf(model) };
    }
    case 'formula':
      return { ...sumFormula(price, factsFor(model, input)), priceVersion, pricingMode: pricingModeOf(model) };
  }
}

/** What a run has delivered of what was ordered. */
export interface Delivered {
  /** Results stored, and results ordered. */
  outputs: number;
  ordered: number;
  /** Of one stored picture, the mean of several (see `megapixelsIn`); null where nothing was measured. */
  megapixels: number | null;
  /** Of one stored result, the mean of several; null where nothing was measured. */
  seconds: number | null;
}

/**
 * What a run is charged when less was delivered than ordered, in whole credits and never more than its quote. Flat prices
 * go by the count; prices by the megapixel also by the size that was measured, formulas by what they speak of.
 */
export function quoteDelivered(model: Model, input: PricedInput, delivered: Delivered): MicroCredits {
  const { price } = model;
  const { priceMicro } = quote(model, input);
  if (delivered.ordered < 1) throw new RangeError(`${delivered.ordered} outputs ordered`);
  if (price.mode === 'formula' && price.unit !== 'flat') {
    const facts = factsFor(model, input);
    const { outputs, seconds } = facts.quantities;
    const quantities = {
      outputs: Math.min(outputs, delivered.outputs),
      seconds: Math.min(seconds, delivered.seconds ?? seconds),
    };
    return microCredits(Math.min(priceMicro, sumFormula(price, { ...facts, quantities }).priceMicro));
  }
  const part = Math.min(1, Math.max(0, delivered.outputs / delivered.ordered));
  const each = Math.min(priceMicro, priceBySize(model, input.parameters, delivered.megapixels) ?? priceMicro);
  return ceilToCredit(microCredits(Math.ceil(each * part)));
}

function priceBySize(
  { price }: Model,
  parameters: Readonly<Record<string, JsonValue>>,
  megapixels: number | null,
): MicroCredits | null {
  if (price.mode !== 'per-megapixel' || megapixels === null) return null;
  const { inputs } = megapixelsOf(price, parameters);
  return sumMegapixels(price, { inputs, outputs: Math.max(1, Math.ceil(megapixels)) }).priceMicro;
}

function sumFormula(price: FormulaPrice, facts: AmountFacts): Pick<Quote, 'priceMicro' | 'parts'> {
  // Binary fractions are rounded away at the sixth decimal, the finest that a price may have.
  const exact = microCredits(Math.round(amountOf(price.credits, facts) * MICRO_PER_CREDIT));
  const priceMicro = ceilToCredit(exact);
  return { priceMicro, parts: [...linesOf(price.credits, facts), `sum, rounded up: ${creditsText(priceMicro)}`] };
}

/** What the price goes by. */
export function pricingModeOf({ price }: Model): PricingMode {
  if (price.mode === 'formula') return price.unit;
  return price.mode === 'flat' ? 'flat' : 'per-output';
}

/** The least and the most that a run can cost, in whole credits; `max` is null where it goes by a file without limit. */
export function priceRange(model: Model): { min: number; max: number | null } {
  const { price } = model;
  if (price.mode === 'flat') {
    const credits = ceilToCredit(fromCredits(price.credits)) / MICRO_PER_CREDIT;
    return { min: credits, max: credits };
  }
  if (price.mode === 'formula') {
    const { least, most } = boundsOf(price.credits, model);
    const whole = (credits: number): number =>
      ceilToCredit(microCredits(Math.round(credits * MICRO_PER_CREDIT))) / MICRO_PER_CREDIT;
    return { min: whole(least), max: Number.isFinite(most) ? whole(most) : null };
  }
  const sizes = [...Object.values(price.output.megapixels), price.output.sides.megapixelsMax];
  const inputsMax = model.parameters[price.input.parameter]?.maxItems ?? 0;
  const credits = (outputs: number, inputs: number): number =>
    sumMegapixels(price, { outputs, inputs }).priceMicro / MICRO_PER_CREDIT;
  return { min: credits(Math.min(...sizes, 1), 0), max: credits(Math.max(...sizes), inputsMax) };
}

interface Megapixels {
  /** Of the result, rounded up. */
  outputs: number;
  /** Input pictures, each of which counts the same. */
  inputs: number;
}

function megapixelsOf(price: PerMegapixelPrice, parameters: Readonly<Record<string, JsonValue>>): Megapixels {
  const { sides, parameter, megapixels } = price.output;
  const [width, height] = [parameters[sides.width], parameters[sides.height]];
  const pictures = parameters[price.input.parameter];
  const inputs = Array.isArray(pictures) ? pictures.length : 0;
  if (typeof width === 'number' && typeof height === 'number') {
    const outputs = Math.ceil(megapixelsIn({ width, height }));
    return { inputs, outputs: Math.min(outputs, sides.megapixelsMax) };
  }
  // One side alone leaves the other to the ratio, which may make the picture as large as the model can.
  if (width !== undefined || height !== undefined) return { inputs, outputs: sides.megapixelsMax };
  const outputs = megapixels[textOf(parameters[parameter])];
  // The load check saw a number for every value; without one there is no price, and then there is no run.
  if (outputs === undefined)
    throw new RangeError(`no price for ${parameter} = ${JSON.stringify(parameters[parameter])}`);
  return { inputs, outputs };
}

function sumMegapixels(price: PerMegapixelPrice, { outputs, inputs }: Megapixels): Pick<Quote, 'priceMicro' | 'parts'> {
  const first = fromCredits(price.firstCredits);
  const further = microCredits(fromCredits(price.furtherCredits) * (outputs - 1));
  const pictures = microCredits(fromCredits(price.input.creditsEach) * inputs);
  const priceMicro = ceilToCredit(microCredits(first + further + pictures));
  const parts = [`first megapixel: ${creditsText(first)}`];
  if (outputs > 1) parts.push(`${countText(outputs - 1, 'further megapixel')}: ${creditsText(further)}`);
  if (inputs > 0) parts.push(`${countText(inputs, 'input picture')}: ${creditsText(pictures)}`);
  parts.push(`sum, rounded up: ${creditsText(priceMicro)}`);
  return { priceMicro, parts };
}

function countText(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function creditsText(amount: MicroCredits): string {
  const credits = amount / MICRO_PER_CREDIT;
  return `${credits} credit${credits === 1 ? '' : 's'}`;
}
