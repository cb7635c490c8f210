import { loadCatalog } from '../server/src/catalog/load-catalog.ts';
import type { Model, ProviderFacts, Route } from '../server/src/catalog/model.ts';
import { markdownTable } from './markdown-table.ts';

/** Grades that a vendor's own text or source does not stand behind. */
const WEAK = new Set(['C', 'D', 'M']);

/** `docs/unverified.md`: every route whose facts are not a vendor's own, drawn from the catalogue in `folder`. */
export function drawUnverified(folder: string): string {
  const { models, providers } = loadCatalog(folder);
  const rows = [...models.values()].flatMap(runnable).flatMap(([title, { routes }]) =>
    routes
      .filter((route) => !route.sandbox)
      .map((route) => [
        title,
        route.provider,
        `\`${route.upstreamModel}\``,
        doubtsAbout(route, providers.get(route.provider)),
      ])
      .filter(([, , , doubts]) => doubts !== ''),
  );
  return `# Unverified

Drawn from the catalogue. No adapter has met its real provider yet, and of these rows even the written word of a vendor is
missing. Grades: C several third parties, D one, M general knowledge. Whoever has a key can settle them. What works inside
the gateway with weights that nobody has run here yet can be settled by whoever fetches them.

${markdownTable(['model', 'provider', 'its name there', 'what is not certain'], rows)}
`;
}

/** A model, and what can be done with it beside, which has routes of its own. */
function runnable(model: Model): [string, Model][] {
  const actions = Object.entries(model.actions?.kinds ?? {});
  return [
    [`\`${model.id}\``, model],
    ...actions.map(([kind, action]): [string, Model] => [`\`${model.id}\`, ${kind}`, action.model]),
  ];
}

function doubtsAbout({ evidence, cost }: Route, provider: ProviderFacts | undefined): string {
  const what = provider?.inside === true ? 'never run with the real weights' : 'name and fields';
  const name = WEAK.has(evidence) ? [`${what}: ${evidence}`] : [];
  if (cost === null) return [...name, 'cost not known'].join('; ');
  if (cost.mode === 'none' || !WEAK.has(cost.grade)) return name.join('; ');
  return [...name, `cost: ${cost.grade}`].join('; ');
}
