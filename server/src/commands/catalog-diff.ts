import { compareRoute, type RouteDifference, type RouteOffer } from '../catalog/compare-route.ts';
import type { Catalog } from '../catalog/load-catalog.ts';
import type { Model, Route } from '../catalog/model.ts';
import { textOf } from '../catalog/json-value.ts';
import type { Clock } from '../core/clock.ts';
import type { Provider, ProviderAnswer, Published } from '../core/provider.ts';
import type { Upstream } from '../core/upstream-port.ts';
import { readAnswer } from '../jobs/provider-answer.ts';
import { createNet } from '../net/net.ts';
import type { ProviderKeyRing } from '../teams/provider-key-ring.ts';
import { openStore } from './open-store.ts';
import { CommandProblem, type Output } from './output.ts';
import { findProvider } from './provider.ts';
import { openProviderKeys } from './provider-world.ts';
import type { CommandWorld } from './serve.ts';
import { createUpstream } from './upstream.ts';
import { loadAdapters } from './vendors.ts';
import { readWords } from './words.ts';

/** From connect to the last byte of a description, some of which have hundreds of kilobytes. */
const ANSWER_MS_MAX = 20_000;
/** One question after the other, at most ten in a second: far below what providers allow, and nobody waits. */
const PACE_MS = 100;
/** More words than this of one offered list are not read by anybody. */
const OFFERED_MAX = 12;

/** What became of one route. */
interface RouteReport {
  model: string;
  provider: string;
  upstreamModel: string;
  /** `unsure`: the provider did not tell. */
  state: 'same' | 'differs' | 'deprecated' | 'gone' | 'unsure';
  /** How much was held against each other: everything, or only whether there is such a model. */
  compared: 'input' | 'name' | 'nothing';
  differences: RouteDifference[];
  offers: RouteOffer[];
  /** What a provider that did not tell said; null elsewhere. */
  text: string | null;
}

/**
 * `lumegate catalog diff [<provider>] [--only <models>] [--json]`: holds each route of a model that runs against what its
 * provider publishes at this moment. Asks with the operator's own keys, buys nothing and changes nothing. Exit code 1
 * when a route sends what its provider does not take, when a model is gone or on its way out, or when a provider does
 * not tell.
 */
export async function diffCatalog(world: CommandWorld, catalog: Catalog, words: string[]): Promise<number> {
  const { machine, output } = world;
  const { values, positionals } = readWords(words, { only: { type: 'string' }, json: { type: 'boolean' } });
  const [wanted] = positionals;
  if (positionals.length > 1) throw new CommandProblem('name one provider, or none for all');
  const provider = wanted === undefined ? null : findProvider(catalog, wanted).id;
  const only = values.only?.split(',') ?? null;
  const unknown = only?.find((name) => catalog.findModel(name) === undefined);
  if (unknown !== undefined) throw new CommandProblem(`--only: there is no model "${unknown}"`);
  const { settings, clock, log } = machine;
  const adapters = await loadAdapters(catalog.providers.values());
  const store = await openStore(machine);
  try {
    const ring = await openProviderKeys(machine, store, catalog);
    const net = createNet({ allowPrivate: settings.allowPrivateUrls, clock, log });
    try {
      const { providerUrls } = settings;
      const upstream = createUpstream({
        net,
        catalog,
        keys: ring,
        providerUrls,
        publicUrl: () => '',
        inside: {},
      });
      const asker = createAsker({ clock, upstream, adapters, ring });
      const routes = routesOf(catalog, { provider, only }).filter(({ route }) => asker.canAsk(route.provider));
      if (routes.length === 0) throw new CommandProblem(nothingToAsk(provider, adapters));
      const reports: RouteReport[] = [];
      for (const { name, model, route } of routes) {
        reports.push(reportOn({ name, model, route }, await asker.ask(route)));
      }
      tell(output, reports, { isJson: values.json === true });
      return reports.every(({ state }) => state === 'same') ? 0 : 1;
    } finally {
      await ring.close();
      await net.close();
    }
  } finally {
    await store.database.close();
  }
}

interface NamedRoute {
  /** The model's id, with the action behind it where the route is one's. */
  name: string;
  model: Model;
  route: Route;
}

function routesOf(
  catalog: Catalog,
  { provider, only }: { provider: string | null; only: readonly string[] | null },
): NamedRoute[] {
  return [...catalog.models.values()]
    .filter(({ id, availability }) => availability.state !== 'retired' && (only?.includes(id) ?? true))
    .flatMap((model) => [
      { name: model.id, model },
      ...Object.entries(model.actions?.kinds ?? {}).map(([kind, action]) => ({
        name: `${model.id} ${kind}`,
        model: action.model,
      })),
    ])
    .flatMap(({ name, model }) => model.routes.map((route) => ({ name, model, route })))
    .filter(({ route }) => !route.sandbox && (provider === null || route.provider === provider));
}

function nothingToAsk(provider: string | null, adapters: ReadonlyMap<string, Provider>): string {
  if (provider === null) return 'there is no provider to ask: lumegate provider set <id>';
  return adapters.get(provider)?.published === undefined
    ? `${provider} publishes nothing about its models that could be compared`
    : `there is no key of ${provider} to ask with, or no route of such a model: lumegate provider set ${provider}`;
}

interface Asker {
  /** Whether the provider publishes something and the operator can ask for it. */
  canAsk(provider: string): boolean;
  /** Asks once for each address; further routes get the same answer. Never rejects for what a provider does. */
  ask(route: Route): Promise<Published>;
}

function createAsker(world: {
  clock: Clock;
  upstream: Upstream;
  adapters: ReadonlyMap<string, Provider>;
  ring: ProviderKeyRing;
}): Asker {
  const { clock, upstream, adapters, ring } = world;
  const keyOf = (provider: string): string | undefined =>
    ring
      .cards()
      .find(
        (card) =>
          card.provider === provider &&
          card.teamId === null &&
          card.state !== 'unreadable' &&
          card.state !== 'no-address',
      )?.id;
  const answers = new Map<string, ProviderAnswer | string>();
  const exchange = async (url: string, { provider, keyId }: { provider: string; keyId: string }) => {
    if (answers.size > 0) await clock.sleep(PACE_MS);
    const { signal } = new AbortController();
    const request = { method: 'GET' as const, url, headers: {}, body: null };
    const result = await upstream.exchange(provider, request, { keyId, timeoutMs: ANSWER_MS_MAX, signal });
    return result.kind === 'answer' ? readAnswer(result) : `no answer: ${result.reason} (${result.detail})`;
  };
  return {
    canAsk: (provider) => adapters.get(provider)?.published !== undefined && keyOf(provider) !== undefined,
    ask: async ({ provider, upstreamModel }) => {
      const published = adapters.get(provider)?.published;
      const keyId = keyOf(provider);
      if (published === undefined || keyId === undefined) throw new Error(`${provider} cannot be asked`);
      const { url } = published.request(upstream.baseUrl(provider), upstreamModel);
      const place = `${provider} ${url}`;
      const answer = answers.get(place) ?? (await exchange(url, { provider, keyId }));
      answers.set(place, answer);
      const told: Published =
        typeof answer === 'string' ? { state: 'unsure', text: answer } : published.read(answer, upstreamModel);
      return told.state === 'unsure' ? { ...told, text: ring.clean(keyId, told.text) } : told;
    },
  };
}

function reportOn({ name, model, route }: NamedRoute, published: Published): RouteReport {
  const { provider, upstreamModel } = route;
  const place = { model: name, provider, upstreamModel };
  const nothing = { differences: [], offers: [], text: null };
  if (published.state === 'gone') return { ...place, state: 'gone', compared: 'name', ...nothing };
  if (published.state === 'unsure') {
    return { ...place, state: 'unsure', compared: 'nothing', ...nothing, text: published.text };
  }
  const { schema, isDeprecated } = published;
  const found = schema === null ? nothing : compareRoute(model, route, schema);
  const state = isDeprecated ? 'deprecated' : found.differences.length > 0 ? 'differs' : 'same';
  return { ...place, state, compared: schema === null ? 'name' : 'input', ...found, text: null };
}

function tell(output: Output, reports: readonly RouteReport[], { isJson }: { isJson: boolean }): void {
  if (isJson) {
    output.say(JSON.stringify({ routes: reports }, null, 2));
    return;
  }
  // A stranger's words must not steer the terminal.
  const say = (line: string): void => output.say(line.replaceAll(/\p{Cc}/gu, ' '));
  for (const report of reports) {
    const { model, provider, upstreamModel, state, differences, offers, text } = report;
    if (state === 'same' && offers.length === 0) continue;
    say(`${model}  ${provider} ${upstreamModel}  ${WORDS[state]}${text === null ? '' : `: ${text}`}`);
    for (const difference of differences) say(`    ${difference.text}`);
    if (offers.length > 0) say(`    not used: ${offers.map(offerText).join('; ')}`);
  }
  const count = (state: RouteReport['state']): number => reports.filter((report) => report.state === state).length;
  const byName = reports.filter(({ compared }) => compared === 'name').length;
  output.say(
    `${reports.length} routes: ${count('same')} as published, ${count('differs')} differ, ${count('deprecated')} deprecated, ` +
      `${count('gone')} gone, ${count('unsure')} not told. ${byName} by name alone.`,
  );
}

const WORDS: Readonly<Record<RouteReport['state'], string>> = {
  same: 'as published',
  differs: 'DIFFERS',
  deprecated: 'DEPRECATED',
  gone: 'GONE',
  unsure: 'NOT TOLD',
};

function offerText({ field, values }: RouteOffer): string {
  if (values === null) return field;
  const more = values.length > OFFERED_MAX ? ', …' : '';
  return `${field} ${values.slice(0, OFFERED_MAX).map(textOf).join(', ')}${more}`;
}
