import { partsOf, type Amount } from './amount.ts';
import type { Model, ParameterSchema } from './model.ts';

/** What is wrong with an amount of a model, so that every request which the model accepts has one; empty when nothing is. */
export function findAmountProblems(model: Model, amount: Amount): string[] {
  return [...new Set(partsOf(amount).flatMap((part) => findProblems(model, part)))];
}

function findProblems(model: Model, amount: Amount): string[] {
  if (typeof amount === 'number') return amount >= 0 ? [] : [`${amount} is below nothing`];
  if ('parameter' in amount) return findNumberProblems(model, amount.parameter);
  if ('count' in amount) return Object.hasOwn(model.parameters, amount.count) ? [] : [`no parameter "${amount.count}"`];
  if ('delivered' in amount)
    return amount.delivered === 'seconds' && model.seconds === null ? ['the model orders no seconds'] : [];
  if ('input' in amount) return isRequiredFile(model, amount.of) ? [] : [`"${amount.of}" is no required file`];
  if ('table' in amount) return findTableProblems(model, amount);
  if ('steps' in amount) return amount.values.at(-1)?.upTo === null ? [] : ['the last step has an end'];
  if ('roundUp' in amount) return amount.to > 0 ? [] : ['it is rounded to nothing'];
  return [];
}

function findNumberProblems(model: Model, name: string): string[] {
  const schema = model.parameters[name];
  if (schema?.type !== 'number' && schema?.type !== 'integer') return [`"${name}" is no number parameter`];
  const isThere = schema.default !== undefined || model.requiredParameters.includes(name);
  return isThere ? [] : [`"${name}" may be absent; it needs a default`];
}

function isRequiredFile(model: Model, name: string): boolean {
  return model.parameters[name]?.format === 'uri' && model.requiredParameters.includes(name);
}

function findTableProblems(model: Model, { table, values, otherwise }: Extract<Amount, { table: unknown }>): string[] {
  const unknown = table.filter((name) => !Object.hasOwn(model.parameters, name));
  if (unknown.length > 0) return unknown.map((name) => `no parameter "${name}"`);
  const keys = table.map((name) => cellsOf(model, name)).reduce<string[]>(joined, []);
  const strange = Object.keys(values).filter((key) => !keys.includes(key));
  const missing = otherwise === undefined ? keys.filter((key) => !Object.hasOwn(values, key)) : [];
  return [...strange.map((key) => `the row "${key}" is never used`), ...missing.map((key) => `no row for "${key}"`)];
}

function joined(keys: string[], cells: string[], index: number): string[] {
  return index === 0 ? cells : keys.flatMap((key) => cells.map((cell) => `${key}|${cell}`));
}

/** Every cell that the parameter can be; `-` where it may be absent, `+` for a list that is there. */
function cellsOf(model: Model, name: string): string[] {
  // Safe: the callers have seen that the model has the parameter.
  const schema = model.parameters[name] as ParameterSchema;
  const isAlways = schema.default !== undefined || model.requiredParameters.includes(name);
  const absent = isAlways ? [] : ['-'];
  if (schema.type === 'boolean') return ['true', 'false', ...absent];
  if (schema.type === 'array') return ['+', '-'];
  return [...(schema.enum ?? []).map(String), ...absent];
}
