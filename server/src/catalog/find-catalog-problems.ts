import { checkInput } from './check-input.ts';
import type { Catalog } from './load-catalog.ts';
import type { Example, Model } from './model.ts';
import { meetsConditions } from './route-conditions.ts';

/**
 * What is wrong with a catalogue that could be loaded, a line each: examples that their model refuses or no route
 * takes, successors that are not there. Empty when nothing is.
 */
export function findCatalogProblems(catalog: Catalog): string[] {
  return [...catalog.models.values()].flatMap((model) =>
    [...successorProblems(catalog, model), ...exampleProblems(model)].map((text) => `${model.id}: ${text}`),
  );
}

function successorProblems(catalog: Catalog, { availability }: Model): string[] {
  if (availability.state !== 'retired' || availability.successor === null) return [];
  const successor = catalog.findModel(availability.successor);
  if (successor === undefined) return [`its successor "${availability.successor}" is not there`];
  return successor.availability.state === 'live' ? [] : [`its successor "${successor.id}" is not live`];
}

function exampleProblems(model: Model): string[] {
  if (model.examples.length === 0) return ['it has no example'];
  return model.examples.flatMap((example) => problemsOf(model, example).map((text) => `"${example.title}": ${text}`));
}

function problemsOf(model: Model, { input }: Example): string[] {
  const checked = checkInput(model, { model: model.id, ...input });
  if (!checked.ok) return Object.entries(checked.details).map(([path, texts]) => `${path}: ${texts.join(', ')}`);
  const { parameters } = checked.input;
  const serving = model.routes.filter((route) => meetsConditions(route, parameters));
  const isLive = model.availability.state === 'live';
  const isServed = serving.some((route) => route.sandbox !== isLive);
  return isServed ? [] : ['no route takes it'];
}
