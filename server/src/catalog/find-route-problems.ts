import { MICRO_PER_CREDIT } from '../core/money.ts';
import { expectedCost } from './expected-cost.ts';
import type { InputFacts } from './amount.ts';
import type { JsonValue } from './json-value.ts';
import { targetsOf, type FileRule, type FilesRule, type MapRule, type SizeRule, type ValuesRule } from './map-rule.ts';
import type { Model, ParameterSchema, Route } from './model.ts';
import { quote } from './quote.ts';

/** 1 credit is US$0.01 unless the operator says otherwise. */
const MICRO_USD_PER_CREDIT = 10_000;
/** What the engine does by itself: to the stored file, when it chooses a file of a finished job, and when it keeps what was trained. */
const DONE_BY_GATEWAY = new Set(['output_format', 'output_quality', 'index', 'trackId', 'lora_id']);
/** Stands for a file in the reckoning of costs. */
const ANY_URL = 'https://example.com/picture.png';

interface RulePlace {
  model: Model;
  route: Route;
  name: string;
  rule: MapRule;
}

/** What is wrong with one route of a model: its map, its words and its cost; empty when nothing is. */
export function findRouteProblems(model: Model, route: Route): string[] {
  const names = new Set([...(model.prompt === null ? [] : ['prompt']), ...Object.keys(model.parameters)]);
  const rules = Object.values(route.map);
  const adding = rules.filter((rule) => isAdding(rule)).flatMap(targetsOf);
  const written = rules.filter((rule) => !isAdding(rule)).flatMap(targetsOf);
  const begun = adding.filter((target) => Array.isArray(route.constants[target]));
  const constants = Object.keys(route.constants).filter((name) => !begun.includes(name));
  // Those that add to one list go beside each other, and beside what the list begins with.
  const targets = [...written, ...constants, ...new Set(adding)];
  const inMap = [
    ...[...names].filter((name) => !Object.hasOwn(route.map, name)).map((name) => `no rule for "${name}"`),
    ...Object.keys(route.map)
      .filter((name) => !names.has(name))
      .map((name) => `a rule for "${name}", which is no parameter`),
    ...targets
      .filter((target, index) => targets.indexOf(target) !== index)
      .map((target) => `"${target}" is written twice`),
    ...Object.entries(route.map).flatMap(([name, rule]) => findRuleProblems({ model, route, name, rule })),
  ];
  // A broken map cannot be used to reckon with.
  return inMap.length > 0 ? inMap : findCostProblems(model, route);
}

function isAdding(rule: MapRule): boolean {
  return (rule.rule === 'file' || rule.rule === 'files') && rule.adds === true;
}

function findRuleProblems(place: RulePlace): string[] {
  return [...findKindProblems(place), ...findReachProblems(place)];
}

/** Rules that do not fit their parameter. */
function findKindProblems({ model, route, name, rule }: RulePlace): string[] {
  const schema = name === 'prompt' ? (model.parameters[name] ?? { type: 'string' as const }) : model.parameters[name];
  switch (rule.rule) {
    case 'values':
      return [
        ...findTableProblems(name, schema, rule),
        ...Object.keys(rule.substitutes ?? {})
          .filter((value) => !Object.hasOwn(rule.values, value))
          .map((value) => `${name}: "${value}" is substituted by nothing`),
      ];
    case 'nearest':
      return [...findNumberProblems(name, schema), ...(rule.numbers.length > 0 ? [] : [`${name}: no number to send`])];
    case 'json':
      return schema?.type === 'array' || schema?.type === 'object' || schema?.type === 'string'
        ? []
        : [`"${name}" is neither a list nor a text`];
    case 'text':
      return rule.text.includes('{}') ? [] : [`${name}: its text has no place for the value`];
    case 'first-items':
      return schema?.type === 'array' ? [] : [`"${name}" is no list`];
    case 'file':
      // A LoRA stands for the file of its weights.
      return schema?.format === undefined ? [`"${name}" is no address`] : findShapeProblems(name, rule);
    case 'files':
      if (schema?.items?.format !== 'uri' && schema?.format !== 'uri')
        return [`"${name}" is no address and no list of them`];
      return [
        ...((typeof rule.to === 'string') === (rule.max === undefined) ? [`${name}: max goes with one list`] : []),
        ...(rule.adds === true && typeof rule.to !== 'string' ? [`${name}: it adds to one list only`] : []),
        ...findShapeProblems(name, rule),
      ];
    case 'scale':
      return [...findNumberProblems(name, schema), ...findScaleProblems(name, { points: rule.points, schema })];
    case 'clamp':
      return [
        ...findNumberProblems(name, schema),
        ...(rule.minimum < rule.maximum ? [] : [`${name}: no value fits its limits`]),
      ];
    case 'enlarged-width':
      return [
        ...findNumberProblems(name, schema),
        ...(model.parameters[rule.of]?.format === 'uri' ? [] : [`${name}: "${rule.of}" is no file`]),
      ];
    case 'fold':
      return schema?.type === 'integer' ? [] : [`"${name}" is no whole number`];
    case 'gateway':
      return DONE_BY_GATEWAY.has(name) ? [] : [`the gateway cannot do "${name}" itself`];
    case 'implied': {
      const isSaid = (route.when ?? []).some(
        (condition) => condition.parameter === name && (!('is' in condition) || condition.is === 'absent'),
      );
      return isSaid ? [] : [`"${name}" is implied, but "when" leaves it open`];
    }
    case 'read-by': {
      const reader = route.map[rule.parameter];
      const isRead = reader !== undefined && isSizeRule(reader) && namesReadBy(reader).includes(name);
      return isRead ? [] : [`"${rule.parameter}" does not read "${name}"`];
    }
    case 'aspect-ratio':
    case 'aspect-ratio-to-pixels':
      return findSizeProblems(model, name, rule);
    case 'rename':
    case 'drop':
      return [];
  }
}

/** An address may be one that only we can reach, so only rules for files may send it; the sandbox is on this machine. */
function findReachProblems({ model, route, name, rule }: RulePlace): string[] {
  const schema = model.parameters[name];
  const isAddress = schema?.format === 'uri' || schema?.items?.format === 'uri';
  const sendsIt = rule.rule !== 'file' && rule.rule !== 'files' && targetsOf(rule).length > 0;
  return isAddress && sendsIt && !route.sandbox ? [`"${name}" is an address and needs the rule of a file`] : [];
}

function findTableProblems(name: string, schema: ParameterSchema | undefined, rule: ValuesRule): string[] {
  const values = schema?.type === 'boolean' ? ['true', 'false'] : schema?.enum?.map(String);
  if (rule.otherwise !== undefined) return [];
  if (values === undefined) return [`"${name}" has no fixed values to translate, and no "otherwise"`];
  return values.filter((value) => !Object.hasOwn(rule.values, value)).map((value) => `${name}: nothing for "${value}"`);
}

/** The parts of a `data:` URL are there only where the file goes as one. */
function findShapeProblems(name: string, { as, shape }: FileRule | FilesRule): string[] {
  if (shape === undefined) return [];
  const text = JSON.stringify(shape);
  const hasParts = /"\{(type|base64)\}"/.test(text);
  if (!hasParts && !text.includes('"{}"')) return [`${name}: its shape has no place for the file`];
  return hasParts && as !== 'data-url' ? [`${name}: its shape wants the parts of a data: URL`] : [];
}

function findNumberProblems(name: string, schema: ParameterSchema | undefined): string[] {
  return schema?.type === 'number' || schema?.type === 'integer' ? [] : [`"${name}" is no number`];
}

function findScaleProblems(
  name: string,
  { points, schema }: { points: readonly { from: number; to: number }[]; schema: ParameterSchema | undefined },
): string[] {
  const rises = points.every((point, index) => {
    const last = points[index - 1];
    return last === undefined || (point.from > last.from && point.to > last.to);
  });
  const covers = points[0]?.from === schema?.minimum && points.at(-1)?.from === schema?.maximum;
  return [
    ...(rises && points.length > 1 ? [] : [`${name}: its points do not rise`]),
    ...(covers ? [] : [`${name}: its points do not reach from the least to the greatest value`]),
  ];
}

function findSizeProblems(model: Model, name: string, rule: SizeRule): string[] {
  const { areaFrom } = rule;
  const areas = areaFrom === undefined ? [] : (model.parameters[areaFrom.parameter]?.enum ?? []).map(String);
  const hasArea = (value: string): boolean =>
    areaFrom?.areaPixels[value] !== undefined || areaFrom?.unsized?.includes(value) === true;
  return [
    ...namesReadBy(rule)
      .filter((read) => !Object.hasOwn(model.parameters, read))
      .map((read) => `${name}: no parameter "${read}"`),
    ...areas.filter((value) => !hasArea(value)).map((value) => `${name}: no area for "${value}"`),
    ...(rule.sideMin <= rule.sideMax && rule.sideMax >= rule.multiple ? [] : [`${name}: no side fits its limits`]),
    ...(rule.rule === 'aspect-ratio' ? findWordProblems(name, { rule, areas }) : []),
  ];
}

function findWordProblems(
  name: string,
  { rule, areas }: { rule: Extract<SizeRule, { rule: 'aspect-ratio' }>; areas: readonly string[] },
): string[] {
  const { area } = rule;
  const wordless = area === undefined ? [] : areas.filter((value) => !Object.hasOwn(area.words, value));
  const sidesAreLost = rule.sidesFrom !== undefined && typeof rule.others === 'string';
  return [
    ...wordless.map((value) => `${name}: no word for "${value}"`),
    ...(sidesAreLost ? [`${name}: it reads sides that it cannot write`] : []),
  ];
}

function isSizeRule(rule: MapRule): rule is SizeRule {
  return rule.rule === 'aspect-ratio' || rule.rule === 'aspect-ratio-to-pixels';
}

function namesReadBy(rule: SizeRule): string[] {
  return [
    ...(rule.areaFrom === undefined ? [] : [rule.areaFrom.parameter]),
    ...(rule.sidesFrom === undefined ? [] : [rule.sidesFrom.width, rule.sidesFrom.height]),
  ];
}

/** The plainest request of the route must not cost more than it brings, unless the file says why. */
function findCostProblems(model: Model, route: Route): string[] {
  const parameters = plainestParameters(model, route);
  const cost = expectedCost(model, route, { parameters, inputs: anyInputs(model) });
  const isExcused = route.cost !== null && route.cost.mode !== 'none' && route.cost.lossReason !== null;
  if (cost === null || isExcused) return [];
  const priceMicroUsd =
    (quote(model, { parameters, inputs: anyInputs(model) }).priceMicro / MICRO_PER_CREDIT) * MICRO_USD_PER_CREDIT;
  if (cost <= priceMicroUsd) return [];
  return [`it costs ${cost} micro-dollars where the price brings ${priceMicroUsd}; lower it or give a lossReason`];
}

/** One megapixel and ten seconds, for prices that go by a file. */
function anyInputs(model: Model): Record<string, InputFacts> {
  const files = Object.entries(model.parameters).filter(([, schema]) => schema.format === 'uri');
  return Object.fromEntries(files.map(([name]) => [name, { megapixels: 1, seconds: 10 }]));
}

/** The defaults, what must be there, and what the route's conditions ask for. */
function plainestParameters(model: Model, route: Route): Record<string, JsonValue> {
  const defaults = Object.entries(model.parameters).flatMap(([name, schema]) => {
    const preset = schema.default ?? (model.requiredParameters.includes(name) ? anyValueOf(schema) : undefined);
    return preset === undefined ? [] : [[name, preset] as const];
  });
  const parameters: Record<string, JsonValue> = Object.fromEntries(defaults);
  for (const condition of route.when ?? []) {
    if ('equals' in condition) parameters[condition.parameter] = condition.equals;
    else if ('oneOf' in condition) parameters[condition.parameter] = condition.oneOf[0] ?? null;
    else if (condition.is === 'present')
      parameters[condition.parameter] = model.parameters[condition.parameter]?.type === 'array' ? [ANY_URL] : ANY_URL;
  }
  return parameters;
}

function anyValueOf(schema: ParameterSchema): JsonValue {
  if (schema.enum !== undefined) return schema.enum[0] ?? null;
  if (schema.type === 'boolean') return false;
  if (schema.type === 'number' || schema.type === 'integer') return schema.minimum ?? 1;
  return schema.type === 'array' ? [ANY_URL] : ANY_URL;
}
