import type { MapRule } from './map-rule.ts';
import type { Model, ProviderFacts, Route } from './model.ts';

/**
 * The sandbox's route of a model whose file has none: it takes every parameter by the caller's own name, so that a new
 * model can be tried without a word about it. Empty where the catalogue has no sandbox.
 */
export function sandboxRouteFor(
  model: Pick<Model, 'id' | 'prompt' | 'parameters' | 'outputs'>,
  providers: ReadonlyMap<string, ProviderFacts>,
): Route[] {
  const sandbox = [...providers.values()].find((provider) => provider.sandbox);
  if (sandbox === undefined) return [];
  const names = [...(model.prompt === null ? [] : ['prompt']), ...Object.keys(model.parameters)];
  const map: Record<string, MapRule> = Object.fromEntries(names.map((name) => [name, { rule: 'rename', to: name }]));
  return [
    {
      provider: sandbox.id,
      upstreamModel: model.id,
      when: null,
      map,
      // Where no parameter says how many, the model's file does.
      constants: typeof model.outputs === 'number' && model.outputs > 1 ? { n: model.outputs } : {},
      cost: { mode: 'none' },
      standIn: null,
      needsDestination: false,
      template: null,
      evidence: 'A',
      sandbox: true,
    },
  ];
}
