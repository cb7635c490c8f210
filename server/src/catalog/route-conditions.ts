import type { JsonValue } from './json-value.ts';
import type { Model, ParameterSchema, Route, RouteCondition } from './model.ts';

/** Whether a route may serve these parameters (with defaults). */
export function meetsConditions(route: Route, parameters: Readonly<Record<string, JsonValue>>): boolean {
  return (route.when ?? []).every((condition) => isMet(condition, parameters));
}

function isMet(condition: RouteCondition, parameters: Readonly<Record<string, JsonValue>>): boolean {
  const value = parameters[condition.parameter];
  if ('equals' in condition) return value === condition.equals;
  if ('oneOf' in condition) return condition.oneOf.some((one) => one === value);
  return isPresent(value) === (condition.is === 'present');
}

/** What a route asks for and these parameters do not give, in words such as `image` or `mode "pro"`. */
export function unmetConditions(route: Route, parameters: Readonly<Record<string, JsonValue>>): string[] {
  return (route.when ?? []).filter((condition) => !isMet(condition, parameters)).map(conditionText);
}

function conditionText(condition: RouteCondition): string {
  const { parameter } = condition;
  if ('is' in condition) return condition.is === 'present' ? `"${parameter}"` : `no "${parameter}"`;
  return `"${parameter}" to be ${valuesOf(condition)
    .map((value) => JSON.stringify(value))
    .join(' or ')}`;
}

function isPresent(value: JsonValue | undefined): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

/** What is wrong with the conditions of a model's routes; empty when nothing is. */
export function findConditionProblems(model: Model): string[] {
  const problems = model.routes.flatMap((route) =>
    (route.when ?? []).flatMap((condition) =>
      findProblems(model, condition).map((text) => `route ${route.provider}: when: ${text}`),
    ),
  );
  model.routes.forEach((route, index) => {
    const twin = model.routes
      .slice(index + 1)
      .find((other) => other.provider === route.provider && mayMeetBoth(route, other));
    if (twin !== undefined) problems.push(`route ${route.provider}: two routes may match the same request`);
  });
  return problems;
}

function findProblems(model: Model, condition: RouteCondition): string[] {
  const schema = model.parameters[condition.parameter];
  if (schema === undefined) return [`no parameter "${condition.parameter}"`];
  if ('is' in condition)
    return schema.default === undefined ? [] : [`"${condition.parameter}" has a default and is always there`];
  return valuesOf(condition)
    .filter((value) => !isPossible(schema, value))
    .map((value) => `"${condition.parameter}" is never ${JSON.stringify(value)}`);
}

function isPossible(schema: ParameterSchema, value: string | number | boolean): boolean {
  if (typeof value === 'boolean') return schema.type === 'boolean';
  return schema.enum?.includes(value) ?? (typeof value === 'number' && schema.type === 'integer');
}

function valuesOf(condition: Exclude<RouteCondition, { is: unknown }>): readonly (string | number | boolean)[] {
  return 'equals' in condition ? [condition.equals] : condition.oneOf;
}

/** Routes exclude each other when one parameter would have to be two things at once. */
function mayMeetBoth(one: Route, other: Route): boolean {
  return !(one.when ?? []).some((a) => (other.when ?? []).some((b) => contradict(a, b)));
}

function contradict(a: RouteCondition, b: RouteCondition): boolean {
  if (a.parameter !== b.parameter) return false;
  if ('is' in a || 'is' in b) {
    const state = (condition: RouteCondition): string => ('is' in condition ? condition.is : 'present');
    return state(a) !== state(b);
  }
  const others = valuesOf(b);
  return !valuesOf(a).some((value) => others.includes(value));
}
