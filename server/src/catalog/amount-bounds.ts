import type { Amount } from './amount.ts';
import type { Model } from './model.ts';

/** The least and the most that an amount can be; `most` may be Infinity. */
export interface Bounds {
  least: number;
  most: number;
}

/** What any request that obeys the model can make of an amount. Amounts are never negative, so products grow with both. */
export function boundsOf(amount: Amount, model: Model): Bounds {
  if (typeof amount === 'number') return { least: amount, most: amount };
  if ('parameter' in amount) return boundsOfParameter(amount.parameter, model);
  if ('count' in amount) return boundsOfCount(amount.count, model);
  if ('delivered' in amount) {
    const ordered = amount.delivered === 'outputs' ? model.outputs : model.seconds;
    return ordered === null ? { least: 0, most: 0 } : boundsOf(ordered, model);
  }
  if ('input' in amount) return { least: 0, most: Number.POSITIVE_INFINITY };
  if ('table' in amount) {
    const { otherwise } = amount;
    return widest([...Object.values(amount.values), ...(otherwise === undefined ? [] : [otherwise])], model);
  }
  if ('steps' in amount)
    return widest(
      amount.values.map((step) => step.amount),
      model,
    );
  if ('roundUp' in amount) {
    const { least, most } = boundsOf(amount.roundUp, model);
    return { least: Math.ceil(least / amount.to) * amount.to, most: Math.ceil(most / amount.to) * amount.to };
  }
  if ('sum' in amount) return combined(amount.sum, model, (values) => values.reduce((sum, value) => sum + value, 0));
  if ('product' in amount)
    return combined(amount.product, model, (values) => values.reduce((product, value) => product * value, 1));
  if ('highest' in amount) return combined(amount.highest, model, (values) => Math.max(...values));
  return combined(amount.lowest, model, (values) => Math.min(...values));
}

function combined(parts: readonly Amount[], model: Model, combine: (values: number[]) => number): Bounds {
  const bounds = parts.map((part) => boundsOf(part, model));
  const most = combine(bounds.map((one) => one.most));
  // Nothing of something without end is nothing.
  return { least: combine(bounds.map((one) => one.least)), most: Number.isNaN(most) ? 0 : most };
}

function widest(parts: readonly Amount[], model: Model): Bounds {
  const bounds = parts.map((part) => boundsOf(part, model));
  return { least: Math.min(...bounds.map((one) => one.least)), most: Math.max(...bounds.map((one) => one.most)) };
}

function boundsOfParameter(name: string, model: Model): Bounds {
  const schema = model.parameters[name];
  const numbers = (schema?.enum ?? []).filter((value) => typeof value === 'number');
  if (numbers.length > 0) return { least: Math.min(...numbers), most: Math.max(...numbers) };
  return { least: schema?.minimum ?? 0, most: schema?.maximum ?? Number.POSITIVE_INFINITY };
}

function boundsOfCount(name: string, model: Model): Bounds {
  const schema = model.parameters[name];
  const isRequired = model.requiredParameters.includes(name);
  if (schema?.type !== 'array') return { least: isRequired ? 1 : 0, most: 1 };
  return { least: schema.minItems ?? 0, most: schema.maxItems ?? Number.POSITIVE_INFINITY };
}
