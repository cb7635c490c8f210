import { checkInput, type CheckedInput } from '../../catalog/check-input.ts';
import type { Catalog } from '../../catalog/load-catalog.ts';
import { OPERATIONS, type Model, type Operation } from '../../catalog/model.ts';
import { refuseInput } from '../../core/refuse-input.ts';

/** A body that obeys the model it names. */
export interface CheckedBody {
  model: Model;
  operation: Operation;
  input: CheckedInput;
}

/** The model that the body names must offer the operation; null lets the model choose. Throws a 400 for the rest. */
export function checkBody(catalog: Catalog, operation: Operation | null, body: Record<string, unknown>): CheckedBody {
  const model = findModel(catalog, operation, body['model']);
  const checked = checkInput(model, body, { providers: new Set(catalog.providers.keys()) });
  if (!checked.ok) throw refuseInput(checked.details);
  return { model, operation: operation ?? firstOperation(model), input: checked.input };
}

function findModel(catalog: Catalog, operation: Operation | null, id: unknown): Model {
  if (id === undefined) throw refuseInput({ model: ['Invalid input: expected string, received undefined'] });
  if (typeof id !== 'string') throw refuseInput({ model: ['Invalid input: expected string'] });
  const model = catalog.findModel(id);
  if (model === undefined) throw refuseInput({ model: [unknownModelText(catalog, operation, id)] });
  if (operation !== null && !model.operations.includes(operation)) {
    throw refuseInput({ model: [`The model '${id}' does not run here; send it to POST /v2/${firstOperation(model)}`] });
  }
  return model;
}

/** Long names are cut: they come from the caller and go into a text. */
const NAME_LENGTH_MAX = 80;

/** `Unknown model 'x'.`, with the nearest known one where there is one. */
export function unknownModelText(catalog: Catalog, operation: Operation | null, id: string): string {
  const shown = id.length <= NAME_LENGTH_MAX ? id : `${id.slice(0, NAME_LENGTH_MAX)}…`;
  const operations = operation === null ? OPERATIONS : [operation];
  for (const candidate of operations) {
    const nearest = catalog.nearestModel(id, candidate);
    if (nearest !== null) return `Unknown model '${shown}'. Did you mean '${nearest.id}'?`;
  }
  return `Unknown model '${shown}'. GET /v2/models lists all of them.`;
}

function firstOperation(model: Model): Operation {
  const operation = model.operations[0];
  if (operation === undefined) throw new Error(`the model ${model.id} has no operation`);
  return operation;
}
