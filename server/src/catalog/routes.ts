import type { Model, Route } from './model.ts';

/** When the sandbox may serve live keys; the setting `LUMEGATE_SANDBOX`. */
export type SandboxSetting = 'auto' | 'on' | 'off';

export interface RouteChoice {
  /** `test` for `afk_test_…` keys. */
  mode: 'live' | 'test';
  /** Providers that have what they need to run: a key, where they want one. */
  providersReady: ReadonlySet<string>;
  sandbox: SandboxSetting;
}

/**
 * The routes that may serve a request, in order of trial; empty when none may.
 * Sandbox and real routes are never mixed: a provider that fails must show as a failed job, not as a drawing.
 */
export function routesFor(model: Model, choice: RouteChoice): Route[] {
  if (model.availability.state === 'retired') return [];
  const drawn = model.routes.filter((route) => route.sandbox);
  if (choice.mode === 'test') return drawn;
  const real = model.routes.filter((route) => !route.sandbox && choice.providersReady.has(route.provider));
  if (real.length > 0 || choice.sandbox === 'off') return real;
  if (choice.sandbox === 'on') return drawn;
  // `auto`: the sandbox serves until the first real provider is there, for whatever model.
  const sandboxes = new Set(drawn.map((route) => route.provider));
  const hasRealProvider = [...choice.providersReady].some((provider) => !sandboxes.has(provider));
  return hasRealProvider ? [] : drawn;
}
