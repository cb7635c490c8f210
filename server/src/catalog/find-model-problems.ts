import { MICRO_PER_CREDIT } from '../core/money.ts';
import { findAmountProblems } from './find-amount-problems.ts';
import { findRouteProblems } from './find-route-problems.ts';
import type { JsonValue } from './json-value.ts';
import type { Model, ParameterSchema, PerMegapixelPrice } from './model.ts';
import { zodForParameter } from './parameter-zod.ts';
import { findConditionProblems } from './route-conditions.ts';

/** What is wrong with a model beyond what the JSON Schema of its file can say; empty when nothing is. */
export function findModelProblems(model: Model): string[] {
  const problems = [
    ...findNameProblems(model),
    ...Object.entries({ ...model.ignored, ...model.parameters }).flatMap(([name, schema]) =>
      findParameterProblems(name, schema),
    ),
    ...findPriceProblems(model),
    ...findAmountProblems(model, model.outputs).map((text) => `outputs: ${text}`),
    ...findAmountProblems(model, model.seconds ?? 0).map((text) => `seconds: ${text}`),
    ...(model.availability.state === 'live' && model.routes.every((route) => route.sandbox)
      ? ['it is live without a route to a provider']
      : []),
    ...findConditionProblems(model),
  ];
  // Routes are judged by price and conditions too, so these have to be right first.
  if (problems.length > 0) return problems;
  return model.routes.flatMap((route) =>
    findRouteProblems(model, route).map((text) => `route ${route.provider}: ${text}`),
  );
}

function findNameProblems(model: Model): string[] {
  const problems: string[] = [];
  for (const name of model.requiredParameters) {
    if (!Object.hasOwn(model.parameters, name)) problems.push(`requiredParameters: no parameter "${name}"`);
  }
  for (const name of Object.keys(model.ignored)) {
    if (Object.hasOwn(model.parameters, name)) problems.push(`"${name}" is both a parameter and ignored`);
  }
  const promptInside = Object.hasOwn(model.parameters, 'prompt');
  if (model.prompt !== null && promptInside) problems.push('prompt is both beside the parameters and one of them');
  return problems;
}

function findParameterProblems(name: string, schema: ParameterSchema): string[] {
  if (schema.pattern !== undefined && !isPattern(schema.pattern))
    return [`${name}: its pattern is no regular expression`];
  if (schema.type === 'array' && schema.maxItems === undefined) return [`${name}: a list needs maxItems`];
  const { 'x-choices': choices = [], default: preset } = schema;
  if (choices.length === 0 && preset === undefined) return [];
  const checker = zodForParameter(schema);
  const isWrong = (value: JsonValue): boolean => !checker.safeParse(value).success;
  return [
    ...(preset !== undefined && isWrong(preset) ? [`${name}: its default breaks its own rules`] : []),
    ...choices.filter(isWrong).map((choice) => `${name}: the choice ${JSON.stringify(choice)} breaks its own rules`),
  ];
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

function findPriceProblems(model: Model): string[] {
  const { price } = model;
  if (price.mode === 'formula') return findAmountProblems(model, price.credits).map((text) => `price: ${text}`);
  const amounts =
    price.mode === 'flat' ? [price.credits] : [price.firstCredits, price.furtherCredits, price.input.creditsEach];
  const tooFine = amounts.filter((credits) => !Number.isSafeInteger(Number((credits * MICRO_PER_CREDIT).toFixed(3))));
  return [
    ...tooFine.map((credits) => `price: ${credits} credits has more than six decimals`),
    ...(price.mode === 'per-megapixel' ? findSizeProblems(model, price) : []),
  ];
}

function findSizeProblems(model: Model, price: PerMegapixelPrice): string[] {
  const size = model.parameters[price.output.parameter];
  const problems: string[] = [];
  if (size?.enum === undefined)
    problems.push(`price: "${price.output.parameter}" must be a parameter with fixed values`);
  if (size !== undefined && typeof size.default !== 'string')
    problems.push(`price: "${price.output.parameter}" needs a default`);
  for (const value of size?.enum ?? []) {
    if (price.output.megapixels[String(value)] === undefined) problems.push(`price: no megapixels for "${value}"`);
  }
  for (const name of [price.output.sides.width, price.output.sides.height]) {
    if (model.parameters[name]?.type !== 'integer') problems.push(`price: "${name}" must be an integer parameter`);
  }
  if (model.parameters[price.input.parameter]?.type !== 'array') {
    problems.push(`price: "${price.input.parameter}" must be a list parameter`);
  }
  return problems;
}
