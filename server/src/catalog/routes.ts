import type { JsonValue } from './json-value.ts';
import type { Model, Route } from './model.ts';
import { meetsConditions } from './route-conditions.ts';

/** When the sandbox may serve live keys; the setting `LUMEGATE_SANDBOX`. */
export type SandboxSetting = 'auto' | 'on' | 'off';

export interface RouteChoice {
  /** `test` for `afk_test_…` keys. */
  mode: 'live' | 'test';
  /** Providers that have what they need to run (a key, where they want one), whether or not they work at present. */
  providersConfigured: ReadonlySet<string>;
  /** Those of them that may be asked now: not paused, not without a working key. The sandbox need not be among them. */
  providersUsable: ReadonlySet<string>;
  sandbox: SandboxSetting;
  /** Providers for which there is a name under which they keep what is trained. */
  destinations: ReadonlySet<string>;
  /** Providers that work inside this program: the sandbox’s time ends with the first that the operator has brought. */
  inside: ReadonlySet<string>;
  /** The caller's checked input: some routes serve only a part of what a model can do. */
  input: { parameters: Readonly<Record<string, JsonValue>>; given: Readonly<Record<string, JsonValue>> };
  /** Only these providers and in this order; null where the caller has no wish. Test keys know the sandbox alone. */
  allowed: readonly string[] | null;
  /** The operator's order. Providers that it does not name follow in the order of the model's file. */
  order: readonly string[];
}

/**
 * The routes that may serve a request, in order of trial; empty when none may.
 * Sandbox and real routes are never mixed: a provider that fails must show as a failed job, not as a drawing. So what is
 * configured decides between them, and what is usable only within the real ones.
 */
export function routesFor(model: Model, choice: RouteChoice): Route[] {
  const serving = model.routes.filter(
    (route) => meetsConditions(route, choice.input.parameters) && hasDestination(route, choice.destinations),
  );
  const drawn = serving.filter((route) => route.sandbox);
  if (choice.mode === 'test') return drawn;
  // What its maker has switched off can still be tried, so that old code keeps its tests.
  if (model.availability.state === 'retired') return [];
  const real = serving.filter((route) => !route.sandbox && choice.providersConfigured.has(route.provider));
  if (real.length > 0 || choice.sandbox === 'off') {
    return inOrder(
      real.filter((route) => choice.providersUsable.has(route.provider)),
      choice,
    );
  }
  if (choice.sandbox === 'on') return inOrder(drawn, choice);
  // `auto`: the sandbox serves until the first real provider is there, for whatever model.
  const hasRealProvider = [...choice.providersConfigured].some((provider) => !choice.inside.has(provider));
  return hasRealProvider ? [] : inOrder(drawn, choice);
}

/** Whether what comes of a route can be kept where its provider keeps it; true for the many that keep nothing. */
export function hasDestination(
  { needsDestination, provider }: Pick<Route, 'needsDestination' | 'provider'>,
  destinations: ReadonlySet<string>,
): boolean {
  return !needsDestination || destinations.has(provider);
}

function inOrder(routes: readonly Route[], { allowed, order }: RouteChoice): Route[] {
  const places = allowed ?? order;
  const placeOf = ({ provider }: Route): number => {
    const place = places.indexOf(provider);
    return place === -1 ? places.length : place;
  };
  return routes
    .filter((route) => allowed === null || allowed.includes(route.provider))
    .toSorted((a, b) => placeOf(a) - placeOf(b));
}
