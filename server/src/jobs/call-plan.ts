import type { InputFacts } from '../catalog/amount.ts';
import type { CheckedInput } from '../catalog/check-input.ts';
import { mapParameters, type Adjustment, type MappedParameters } from '../catalog/parameter-map.ts';
import type { PricedInput } from '../catalog/priced-input.ts';
import { quote, type Quote } from '../catalog/quote.ts';
import type { Model, Route } from '../catalog/model.ts';
import { meetsConditions, unmetConditions } from '../catalog/route-conditions.ts';
import { hasDestination, routesFor, type RouteChoice } from '../catalog/routes.ts';
import { GatewayError } from '../core/errors.ts';
import { fromCredits, wholeCredits } from '../core/money.ts';
import { refuseInput } from '../core/refuse-input.ts';
import { orderByHealth } from './order-by-health.ts';
import { isRefused } from './place.ts';
import type { JobCaller, JobsWorld } from './world.ts';

/** Who pays the provider: the operator, or the team with a key of its own. */
export type Payer = 'operator' | 'team';

/** What a job was accepted with, stored with it so that later changes of catalogue or price do not touch it. */
export interface CallPlan {
  /** Which action upon a finished job this is; null for a run of the model itself. */
  action: string | null;
  prompt: string;
  /** Checked, with defaults. */
  parameters: CheckedInput['parameters'];
  /** As the caller sent them; tells a wish from a default. */
  given: CheckedInput['given'];
  ignored: string[];
  /** What was measured on the files that the price goes by; empty for most models. */
  inputs: Readonly<Record<string, InputFacts>>;
  priceVersion: string;
  /** Providers that may serve the job, best first as things stood. */
  providers: string[];
  payer: Payer;
}

type CallRequest = {
  caller: Pick<JobCaller, 'teamId' | 'mode'>;
  model: Model;
  action?: string | null;
  input: CheckedInput;
  inputs: Readonly<Record<string, InputFacts>>;
};

export interface PlannedCall {
  plan: CallPlan;
  price: Quote;
  /** The one that is tried first. */
  route: Route;
  adjustments: Adjustment[];
}

/** Everything decided about a request before anything is stored. Throws GatewayError when no route can serve it. */
export function planCall(world: JobsWorld, request: CallRequest): PlannedCall {
  const { model, input } = request;
  const payer = payerOf(world, request);
  const usable = usableRoutes(world, request, payer);
  const routes = input.routing.providers === null ? orderByHealth(usable, world) : usable;
  const price = priceOf(world, model, { input: { parameters: input.parameters, inputs: request.inputs }, payer });
  refuseAbove(input.routing.maxCredits, price);
  const allowed = allowedRoutes(routes, request);
  const plan: CallPlan = {
    action: request.action ?? null,
    prompt: input.prompt,
    parameters: input.parameters,
    given: input.given,
    ignored: [...input.ignored],
    inputs: request.inputs,
    priceVersion: price.priceVersion,
    providers: allowed.map((route) => route.provider),
    payer,
  };
  const [route] = allowed;
  return { plan, price, route, adjustments: mapForRoute(model, route, plan).adjustments };
}

/** A team that has a key of its own for a provider of this model buys with it, and with no other. */
function payerOf(world: JobsWorld, { caller, model }: CallRequest): Payer {
  if (caller.mode === 'test') return 'operator';
  const own = world.keys.configured(caller.teamId);
  // What the operator has named for his own account is no name in theirs.
  const isServedBy = (route: Route): boolean => !route.sandbox && !route.needsDestination && own.has(route.provider);
  return model.routes.some(isServedBy) ? 'team' : 'operator';
}

/** The routes that may serve the caller's request; refuses before any hold when there is none. */
function usableRoutes(world: JobsWorld, request: CallRequest, payer: Payer): Route[] {
  const { model, caller, input } = request;
  const owner = payer === 'team' ? caller.teamId : null;
  const configured = world.keys.configured(owner);
  const choice = {
    mode: caller.mode,
    providersConfigured: configured,
    // A key that only waits for its rate limit will be back before a queued job is claimed.
    providersUsable: new Set([...configured].filter((provider) => !isRefused(world, provider, owner))),
    sandbox: world.settings.sandbox,
    destinations: payer === 'team' ? new Set<string>() : destinationsOf(world),
    inside: insideOf(world),
    input,
    allowed: input.routing.providers,
    order: world.settings.providerOrder,
  };
  const routes = routesFor(model, choice);
  if (routes.length > 0) return routes;
  // A refused or exhausted key is known at once: nothing is held for a job that nobody could run.
  if (routesFor(model, { ...choice, providersUsable: configured }).length > 0) {
    throw new GatewayError('unavailable', {
      text:
        payer === 'team'
          ? 'The providers of this model do not take your own keys at present: see GET /v2/provider-keys'
          : 'The providers of this model do not take this gateway’s keys at present; its operator has been told',
      retryAfterSeconds: KEYS_RETRY_SECONDS,
    });
  }
  const elsewhere = routesFor(model, { ...choice, allowed: null });
  const unmet = elsewhere.length > 0 ? [] : unmetBy(model, choice);
  throw unmet.length > 0
    ? refuseCombination(model, unmet)
    : noRoute(model, { otherwise: elsewhere, input, inside: choice.inside, homeless: homelessOf(model, choice) });
}

/** The providers for which the operator has named where they keep what they train. */
export function destinationsOf({ settings }: Pick<JobsWorld, 'settings'>): ReadonlySet<string> {
  return new Set(Object.keys(settings.providerDestinations));
}

/** The providers that work inside this program. */
function insideOf({ catalog }: JobsWorld): ReadonlySet<string> {
  return new Set([...catalog.providers.values()].filter(({ inside }) => inside === true).map(({ id }) => id));
}

/** Keys are tried again half a minute after a refusal at the earliest. */
const KEYS_RETRY_SECONDS = 30;

/** Routes that would be there for another request: what each asks for and this one does not give. */
function unmetBy(model: Model, choice: RouteChoice): { provider: string; needs: string[] }[] {
  if (choice.mode === 'test' || model.availability.state === 'retired') return [];
  return model.routes
    .filter((route) => !route.sandbox && choice.providersConfigured.has(route.provider))
    .filter((route) => hasDestination(route, choice.destinations))
    .map((route) => ({ provider: route.provider, needs: unmetConditions(route, choice.input.parameters) }));
}

/** Providers that would serve the model, had the operator said where they are to keep what they train. */
function homelessOf(model: Model, { providersConfigured, destinations }: RouteChoice): string[] {
  return model.routes
    .filter((route) => providersConfigured.has(route.provider) && !hasDestination(route, destinations))
    .map(({ provider }) => provider);
}

/** The 400 of a request that no provider can serve as it stands, with what each would need. */
function refuseCombination(model: Model, unmet: readonly { provider: string; needs: string[] }[]): GatewayError {
  const texts = unmet.map(({ provider, needs }) => `${provider} needs ${needs.join(' and ')}`);
  const text = `No provider on this gateway can serve this combination: ${[...new Set(texts)].join('; ')}`;
  return refuseInput({ [model.paramsField]: [text] });
}

function noRoute(
  model: Model,
  {
    otherwise,
    input,
    inside,
    homeless,
  }: { otherwise: readonly Route[]; input: CheckedInput; inside: ReadonlySet<string>; homeless: readonly string[] },
): GatewayError {
  if (model.availability.state === 'retired') {
    const { on, successor } = model.availability;
    const advice = successor === null ? '' : ` Use "${successor}" instead.`;
    return new GatewayError('model_unavailable', {
      text: `Model "${model.id}" was retired on ${on}.${advice}`,
      details: { model: [`Retired on ${on}.${advice}`] },
    });
  }
  if (model.availability.state === 'no-public-route') {
    const { reason } = model.availability;
    return new GatewayError('model_unavailable', {
      text: `No provider on this gateway can serve "${model.id}": ${reason} A test key runs it in the sandbox`,
      details: { model: [reason] },
    });
  }
  if (input.routing.providers !== null && otherwise.length > 0) {
    const names = otherwise.map((route) => route.provider).join(', ');
    const text = `None of these providers can serve "${model.id}" here; these can: ${names}`;
    return refuseInput({ 'routing.providers': [text] });
  }
  if (model.routes.every(({ provider }) => inside.has(provider))) {
    const text = `"${model.id}" runs inside this gateway, and its operator has not made that possible here`;
    return new GatewayError('model_unavailable', { text, details: { model: [text] } });
  }
  if (homeless.length > 0) {
    const names = [...new Set(homeless)].join(', ');
    const text = `No provider on this gateway can train "${model.id}": the operator has not named where ${names} is to keep what it trains`;
    return new GatewayError('model_unavailable', { text, details: { model: [text] } });
  }
  return new GatewayError('model_unavailable', {
    text: `No provider on this gateway can serve "${model.id}": the operator has not set a key for one that does`,
    details: { model: ['No provider that serves this model has a key on this gateway'] },
  });
}

/** The price of a run: the model's, or the fee where the team pays the provider itself. */
function priceOf(world: JobsWorld, model: Model, run: { input: PricedInput; payer: Payer }): Quote {
  const price = quote(model, run.input);
  if (run.payer === 'operator') return price;
  const priceMicro = fromCredits(world.settings.ownKeyFee);
  return {
    priceMicro,
    priceVersion: `own-key-${world.settings.ownKeyFee}`,
    pricingMode: 'flat',
    parts: [`fee for a run with your own provider key: ${wholeCredits(priceMicro)} credits`],
  };
}

function refuseAbove(maxCredits: number | null, price: Quote): void {
  if (maxCredits === null || price.priceMicro <= fromCredits(maxCredits)) return;
  const text = `The run costs ${wholeCredits(price.priceMicro)} credits, more than the ${maxCredits} that you allow`;
  throw refuseInput({ 'routing.maxCredits': [text] });
}

/** What the caller's `routing.fallback` leaves of the routes. */
function allowedRoutes(routes: Route[], { model, input, inputs }: CallRequest): [Route, ...Route[]] {
  const { fallback } = input.routing;
  const adjustmentsOf = (route: Route): Adjustment[] => mapForRoute(model, route, { ...input, inputs }).adjustments;
  const isExact = (route: Route): boolean => adjustmentsOf(route).length === 0;
  const fitting = fallback === 'exact' ? routes.filter(isExact) : routes;
  const [first, ...others] = fitting;
  if (first === undefined) {
    const changed = routes.flatMap((route) => adjustmentsOf(route).map((one) => one.parameter));
    const text = `No provider can meet the request exactly; these would be changed: ${[...new Set(changed)].join(', ')}`;
    throw refuseInput({ 'routing.fallback': [text] });
  }
  return fallback === 'none' ? [first] : [first, ...others];
}

/** The routes that a stored job may still take, in its own order. */
export function routesOf(model: Model, plan: Pick<CallPlan, 'providers' | 'parameters' | 'given'>): Route[] {
  return plan.providers.flatMap((provider) => {
    const route = routeOf(model, provider, plan);
    return route === null ? [] : [route];
  });
}

/** The route by which a provider serves this very request, or null. */
export function routeOf(model: Model, provider: string, input: Pick<CallPlan, 'parameters' | 'given'>): Route | null {
  return model.routes.find((route) => route.provider === provider && meetsConditions(route, input.parameters)) ?? null;
}

/** The plan in the words of one route. */
export function mapForRoute(
  model: Model,
  route: Route,
  plan: Pick<CallPlan, 'prompt' | 'parameters' | 'given' | 'inputs'>,
): MappedParameters {
  return mapParameters(model, route, plan);
}
