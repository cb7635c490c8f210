import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { z } from 'zod';

import { findModelProblems } from './find-model-problems.ts';
import { deepFreeze, isJsonObject, type JsonValue } from './json-value.ts';
import type {
  ActionOperation,
  TrainingOperation,
  FlatCost,
  FormulaCost,
  Model,
  ModelAction,
  Operation,
  ParameterSchema,
  PerMegapixelCost,
  PriceFile,
  PriceRule,
  ProviderFacts,
  Route,
} from './model.ts';
import { sandboxRouteFor } from './sandbox-route.ts';
import { nearestName } from './spelling.ts';

/** Everything the server knows about models and providers. Frozen; nothing in it changes while the server runs. */
export interface Catalog {
  models: ReadonlyMap<string, Model>;
  providers: ReadonlyMap<string, ProviderFacts>;
  /** undefined when the catalogue has no such model. */
  findModel(id: string): Model | undefined;
  /** The model of this operation that an unknown id most likely meant, or null when none is near. */
  nearestModel(id: string, operation: Operation): Model | null;
  /** The models that an operation can run, by id. */
  modelsFor(operation: Operation): readonly Model[];
  /** The model whose finished jobs an action acts upon; undefined where the catalogue has none. */
  modelWithActions(operation: ActionOperation | TrainingOperation): Model | undefined;
}

/** The catalogue's files, parsed: file names without ending to contents. */
export interface CatalogFiles {
  models: Readonly<Record<string, unknown>>;
  providers: Readonly<Record<string, unknown>>;
  modelSchema: unknown;
  providerSchema: unknown;
  /** `parameters.json`: one text per parameter name. */
  glossary: unknown;
  /** `workflows/`: graphs that routes name; none where it is absent. */
  workflows?: Readonly<Record<string, unknown>>;
}

/** A route as its file has it: what is usual may be left out. */
type RouteFile = Omit<Route, 'sandbox' | 'template' | 'when' | 'standIn' | 'needsDestination' | 'cost'> & {
  when?: Route['when'];
  needsDestination?: boolean;
  standIn?: Route['standIn'];
  cost:
    | (Omit<FlatCost, 'lossReason'> & Optional)
    | (Omit<PerMegapixelCost, 'lossReason'> & Optional)
    | (Omit<FormulaCost, 'lossReason'> & Optional)
    | { mode: 'none' }
    | null;
  /** The name of a file in `workflows/`. */
  workflow?: string | null;
};
interface Optional {
  lossReason?: string | null;
}

/** The content of a model's file: what is not in the glossary, the providers' files or computed. */
type ModelFile = Omit<Model, 'routes' | 'price' | 'priceVersion' | 'outputs' | 'seconds' | 'actions'> & {
  routes: readonly RouteFile[];
  price: PriceFile;
  outputs?: Model['outputs'];
  seconds?: Model['seconds'];
  actions?: { operation: ActionOperation | TrainingOperation; kinds: Readonly<Record<string, ActionFile>> };
  $schema?: string;
};

/** An action in a model's file: what it has of its own. */
interface ActionFile extends Pick<ModelAction, 'parent' | 'prompt' | 'promptRequired'> {
  parameters: Model['parameters'];
  requiredParameters: readonly string[];
  outputs: Model['outputs'];
  price: PriceFile;
  routes: readonly RouteFile[];
}

/** Reads and checks the catalogue folder. Throws an Error that names the file and the reason. */
export function loadCatalog(folder: string, options: CatalogOptions = {}): Catalog {
  return buildCatalog(readCatalogFiles(folder), options);
}

/** The folder's files, parsed and not yet checked: for `withInstances` before `buildCatalog`. Throws in the same way. */
export function readCatalogFiles(folder: string): CatalogFiles {
  return {
    models: readFolder(path.join(folder, 'models')),
    providers: readFolder(path.join(folder, 'providers')),
    modelSchema: readJson(path.join(folder, 'schema', 'model.schema.json')),
    providerSchema: readJson(path.join(folder, 'schema', 'provider.schema.json')),
    glossary: readJson(path.join(folder, 'parameters.json')),
    workflows: readFolder(path.join(folder, 'workflows')),
  };
}

/** What the operator decides about the catalogue. */
export interface CatalogOptions {
  /** What a run is sold for where its price is reckoned from a provider's: so many times the cost. */
  margin?: number;
}

/** Where the operator says nothing: a quarter on top of the cost. */
export const MARGIN_DEFAULT = 1.25;

/** The same from contents already parsed; throws in the same way. */
export function buildCatalog(files: CatalogFiles, { margin = MARGIN_DEFAULT }: CatalogOptions = {}): Catalog {
  const glossary = parseGlossary(files.glossary);
  const providers = new Map<string, ProviderFacts>();
  const checkProvider = schemaCheck(files.providerSchema);
  for (const [name, content] of sortedEntries(files.providers)) {
    const file = `providers/${name}.json`;
    checkProvider(file, content);
    // Safe: the provider schema was just checked, and ProviderFacts says in types what it says.
    const { $schema: _, ...facts } = content as ProviderFacts & { $schema?: string };
    if (facts.id !== name) fail(file, `its id is "${facts.id}"; the file name must be the id`);
    providers.set(name, deepFreeze(facts));
  }
  const models = new Map<string, Model>();
  const checkModel = schemaCheck(files.modelSchema);
  for (const [name, content] of sortedEntries(files.models)) {
    const file = `models/${name}.json`;
    checkModel(file, content);
    // Safe: the model schema was just checked, and ModelFile says in types what it says.
    const model = completeModel(content as ModelFile, {
      file,
      glossary,
      providers,
      workflows: files.workflows ?? {},
      margin,
    });
    if (model.id !== name) fail(file, `its id is "${model.id}"; the file name must be the id`);
    const actions = Object.entries(model.actions?.kinds ?? {});
    const problems = [
      ...findModelProblems(model),
      ...actions.flatMap(([kind, action]) => findModelProblems(action.model).map((text) => `action ${kind}: ${text}`)),
    ];
    if (problems.length > 0) fail(file, problems.join('; '));
    models.set(name, deepFreeze(model));
  }
  return assembleCatalog(models, providers);
}

function assembleCatalog(models: ReadonlyMap<string, Model>, providers: ReadonlyMap<string, ProviderFacts>): Catalog {
  const byOperation = new Map<Operation, Model[]>();
  for (const model of models.values()) {
    for (const operation of model.operations) {
      byOperation.set(operation, [...(byOperation.get(operation) ?? []), model]);
    }
  }
  const modelsFor = (operation: Operation): readonly Model[] => byOperation.get(operation) ?? [];
  return Object.freeze({
    models,
    providers,
    findModel: (id: string) => models.get(id),
    nearestModel(id: string, operation: Operation) {
      // Other gateways write the maker before the name, with a slash between.
      const ownName = id.slice(id.lastIndexOf('/') + 1);
      // Of equally near ones the first is taken: one that runs rather than one that was retired.
      const isOver = (model: Model): number => (model.availability.state === 'retired' ? 1 : 0);
      const candidates = modelsFor(operation).toSorted((a, b) => isOver(a) - isOver(b));
      const nearest = nearestName(
        ownName,
        candidates.map((model) => model.id),
      );
      return nearest === null ? null : (models.get(nearest) ?? null);
    },
    modelsFor,
    modelWithActions(operation: ActionOperation | TrainingOperation) {
      return [...models.values()].find((model) => model.actions?.operation === operation);
    },
  });
}

interface Surroundings {
  file: string;
  glossary: ReadonlyMap<string, string>;
  providers: ReadonlyMap<string, ProviderFacts>;
  workflows: Readonly<Record<string, unknown>>;
  margin: number;
}

function completeModel(content: ModelFile, surroundings: Surroundings): Model {
  const { $schema: _, actions = null, ...facts } = content;
  const kinds = Object.entries(actions?.kinds ?? {}).map(([kind, action]) => [
    kind,
    completeAction(facts, action, surroundings),
  ]);
  return {
    ...completeFacts(facts, surroundings),
    actions: actions === null ? null : { operation: actions.operation, kinds: Object.fromEntries(kinds) },
  };
}

/** An action runs as a model does. It takes a prompt in any case: its own, or that of the finished job, where there is one. */
function completeAction(base: ModelFacts, action: ActionFile, surroundings: Surroundings): ModelAction {
  const { parent, prompt, promptRequired, ...own } = action;
  const limits = { minLength: 0, maxLength: Math.max(prompt?.maxLength ?? 0, base.prompt?.maxLength ?? 0) };
  const facts = {
    ...base,
    ...own,
    prompt: parent === 'none' ? null : limits,
    paramsRequired: false,
    ignored: {},
    seconds: null,
  };
  return { parent, prompt, promptRequired, model: { ...completeFacts(facts, surroundings), actions: null } };
}

type ModelFacts = Omit<ModelFile, '$schema' | 'actions'>;

function completeFacts(facts: ModelFacts, surroundings: Surroundings): Omit<Model, 'actions'> {
  const { file, glossary } = surroundings;
  const describe = (parameters: Readonly<Record<string, ParameterSchema>>): Record<string, ParameterSchema> =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, schema]) => {
        const description = schema.description ?? glossary.get(name);
        if (description === undefined) fail(file, `parameters.json has no text for "${name}"`);
        return [name, { ...schema, description }];
      }),
    );
  const price = completePrice(facts.price, surroundings.margin);
  const routes = facts.routes.map((route) => completeRoute(route, surroundings));
  const outputs = facts.outputs ?? 1;
  return {
    ...facts,
    outputs,
    seconds: facts.seconds ?? null,
    parameters: describe(facts.parameters),
    ignored: describe(facts.ignored),
    price,
    priceVersion: priceVersion(price),
    routes: routes.some((route) => route.sandbox)
      ? routes
      : [...sandboxRouteFor({ ...facts, outputs }, surroundings.providers), ...routes],
  };
}

const MICRO_USD_PER_CREDIT = 10_000;

function completePrice(price: PriceFile, margin: number): PriceRule {
  if (price.mode !== 'formula' || 'credits' in price) return price;
  const { costMicroUsd, ...facts } = price;
  return { ...facts, credits: { product: [costMicroUsd, margin / MICRO_USD_PER_CREDIT] } };
}

function completeRoute(route: RouteFile, { file, providers, workflows }: Surroundings): Route {
  const { workflow = null, when = null, standIn = null, needsDestination = false, cost, ...facts } = route;
  const provider = providers.get(route.provider);
  if (provider === undefined) fail(file, `no provider "${route.provider}" in providers/`);
  return {
    ...facts,
    when,
    standIn,
    needsDestination,
    cost: cost === null || cost.mode === 'none' ? cost : { ...cost, lossReason: cost.lossReason ?? null },
    template: workflow === null ? null : graphOf(workflow, { file, workflows }),
    sandbox: provider.sandbox,
  };
}

function graphOf(name: string, { file, workflows }: Pick<Surroundings, 'file' | 'workflows'>): JsonValue {
  const workflow = Object.hasOwn(workflows, name) ? workflows[name] : undefined;
  if (workflow === undefined) fail(file, `no workflow "${name}" in workflows/`);
  if (!isJsonObject(workflow) || typeof workflow['about'] !== 'string' || !isJsonObject(workflow['graph']))
    fail(`workflows/${name}.json`, 'it must have a text "about" and an object "graph"');
  // Safe: it came out of a JSON file.
  return workflow['graph'] as JsonValue;
}

/** The day since when it holds and a fingerprint of the rule, so that no change of a price keeps its old version. */
function priceVersion(price: PriceRule): string {
  const fingerprint = createHash('sha256').update(JSON.stringify(price)).digest('hex').slice(0, 12);
  return `${price.since}-${fingerprint}`;
}

function parseGlossary(glossary: unknown): ReadonlyMap<string, string> {
  if (!isJsonObject(glossary)) fail('parameters.json', 'it must be an object of texts');
  return new Map(
    Object.entries(glossary).map(([name, text]) => {
      if (typeof text !== 'string' || text === '') fail('parameters.json', `"${name}" must have a text`);
      return [name, text];
    }),
  );
}

function schemaCheck(schema: unknown): (file: string, content: unknown) => void {
  if (!isJsonObject(schema)) fail('schema/', 'a schema must be an object');
  const checker = z.fromJSONSchema(schema);
  return (file, content) => {
    const result = checker.safeParse(content);
    if (!result.success) {
      fail(
        file,
        result.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`).join('; '),
      );
    }
  };
}

function sortedEntries(files: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function readFolder(folder: string): Record<string, unknown> {
  const names = (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.endsWith('.json'));
  return Object.fromEntries(names.map((name) => [name.slice(0, -'.json'.length), readJson(path.join(folder, name))]));
}

function readJson(file: string): unknown {
  const text = readFileSync(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`catalogue: ${path.basename(path.dirname(file))}/${path.basename(file)}: it is not JSON`, {
      cause,
    });
  }
}

function fail(file: string, reason: string): never {
  throw new Error(`catalogue: ${file}: ${reason}`);
}
