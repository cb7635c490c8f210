import type { CheckedInput } from '../catalog/check-input.ts';
import { mapParameters, type Adjustment, type MappedParameters } from '../catalog/parameter-map.ts';
import { quote, type Quote } from '../catalog/quote.ts';
import type { Model, Route } from '../catalog/model.ts';
import { routesFor } from '../catalog/routes.ts';
import { GatewayError } from '../core/errors.ts';
import type { JobCaller, JobsWorld } from './world.ts';

/** What a job was accepted with, stored with it so that later changes of catalogue or price do not touch it. */
export interface CallPlan {
  prompt: string;
  /** Checked, with defaults. */
  parameters: CheckedInput['parameters'];
  /** As the caller sent them; tells a wish from a default. */
  given: CheckedInput['given'];
  ignored: string[];
  priceVersion: string;
}

/** The routes that may serve the caller's request, best first; refuses before any hold when there is none. */
export function usableRoutes(world: JobsWorld, model: Model, mode: JobCaller['mode']): [Route, ...Route[]] {
  const [first, ...others] = findRoutes(world, model, mode);
  if (first !== undefined) return [first, ...others];
  if (model.availability.state === 'retired') {
    const successor = model.availability.successor;
    const advice = successor === null ? '' : ` Use "${successor}" instead.`;
    throw new GatewayError('model_unavailable', {
      text: `Model "${model.id}" was retired on ${model.availability.on}.${advice}`,
      details: { model: [`Retired on ${model.availability.on}.${advice}`] },
    });
  }
  throw new GatewayError('model_unavailable', {
    text: `No provider on this gateway can serve "${model.id}": the operator has not set a key for one that does`,
    details: { model: ['No provider that serves this model has a key on this gateway'] },
  });
}

/** The same without refusing. */
export function findRoutes(world: JobsWorld, model: Model, mode: JobCaller['mode']): Route[] {
  return routesFor(model, { mode, providersReady: world.upstream.ready(), sandbox: world.settings.sandbox });
}

export interface PlannedCall {
  plan: CallPlan;
  price: Quote;
  route: Route;
  adjustments: Adjustment[];
}

/** Everything decided about a request before anything is stored. Throws GatewayError when no route can serve it. */
export function planCall(
  world: JobsWorld,
  request: { caller: JobCaller; model: Model; input: CheckedInput },
): PlannedCall {
  const { caller, model, input } = request;
  const [route] = usableRoutes(world, model, caller.mode);
  const price = quote(model, input.parameters);
  const plan: CallPlan = {
    prompt: input.prompt,
    parameters: input.parameters,
    given: input.given,
    ignored: [...input.ignored],
    priceVersion: price.priceVersion,
  };
  return { plan, price, route, adjustments: mapForRoute(model, route, plan).adjustments };
}

/** The plan in the words of one route. */
export function mapForRoute(model: Model, route: Route, plan: CallPlan): MappedParameters {
  return mapParameters(model, route, plan);
}
