import { microUsd } from '../../server/src/core/money.ts';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { buildCatalog, type Catalog } from '../../server/src/catalog/load-catalog.ts';
import { FAILURE_KINDS, type FailureKind } from '../../server/src/core/outcome.ts';
import type { Outcome } from '../../server/src/core/outcome.ts';
import { retryAfterMs } from '../../server/src/providers/retry-after.ts';
import type {
  Found,
  Provider,
  ProviderAnswer,
  ProviderReference,
  ProviderRequest,
} from '../../server/src/core/provider.ts';

const CATALOG = path.join(import.meta.dirname, '..', '..', 'catalog');

/** What sets one made-up provider apart from the next. */
export interface SimProviderFacts {
  deduplicates: boolean;
  findable: boolean;
  callsBack: boolean;
  /** It answers with the finished file inside, and gives no id. */
  isSynchronous: boolean;
  /** The name of the variable with its keys; null where it wants none. Without a value it is used without a key. */
  setting: string | null;
  /** For how long a lost purchase is looked for: some of the jobs live longer, some do not. */
  lookMs: number;
}

/** Made-up providers, one for each way of finding out what became of a lost answer. */
export const SIM_PROVIDERS = {
  alpha: fact({ deduplicates: true, callsBack: true, lookMs: 60_000 }),
  beta: fact({ findable: true, callsBack: true, setting: 'SIM_BETA_KEYS', lookMs: 150_000 }),
  gamma: fact({ callsBack: true, lookMs: 60_000 }),
  delta: fact({ isSynchronous: true, lookMs: 0 }),
} as const satisfies Record<string, SimProviderFacts>;
export type SimProviderId = keyof typeof SIM_PROVIDERS;

function fact(own: Partial<SimProviderFacts>): SimProviderFacts {
  const usual = { deduplicates: false, findable: false, callsBack: false, isSynchronous: false };
  return { ...usual, setting: null, lookMs: 60_000, ...own };
}

/** Models by their routes; the last two can move on from one provider to the next. */
export const SIM_MODELS: Readonly<Record<string, readonly SimProviderId[]>> = {
  'sim-alpha': ['alpha'],
  'sim-beta': ['beta'],
  'sim-gamma': ['gamma'],
  'sim-delta': ['delta'],
  'sim-both': ['gamma', 'alpha'],
  'sim-all': ['beta', 'delta', 'gamma', 'alpha'],
};

const REAL_MODEL = 'flux-1.1-pro';
/** What a generation costs the operator: as the catalogue expects, and as a provider says that is dearer than that. */
export const COST_MICRO_USD = 40_000;
export const COST_MICRO_USD_DEARER = 90_000;

/** Building one takes as long as a short history, and it never changes. */
const built = new Map<string, Catalog>();

/** The catalogue's own first model under other names and prices, on made-up providers. */
export function simCatalog(options: { inFlightMax: number; credits?: number }): Catalog {
  const name = JSON.stringify(options);
  const catalog = built.get(name) ?? makeCatalog(options);
  built.set(name, catalog);
  return catalog;
}

function makeCatalog(options: { inFlightMax: number; credits?: number }): Catalog {
  const real = readJson('models', `${REAL_MODEL}.json`);
  // Safe: the catalogue's own file, in which every model has a route of the sandbox; its map takes any input.
  const realRoute = (real['routes'] as Record<string, unknown>[]).find((route) => route['provider'] === 'sandbox');
  const cost = { mode: 'flat', microUsd: COST_MICRO_USD, on: '2026-01-01', source: 'Made up.', grade: 'M' };
  const models = Object.entries(SIM_MODELS).map(([id, providers]) => {
    const map = { ...(realRoute?.['map'] as object), image_prompt: { rule: 'file', to: 'image_prompt', as: 'url' } };
    const routes = providers.map((provider) => ({ ...realRoute, map, provider, upstreamModel: id, cost }));
    const price = { ...(real['price'] as object), credits: options.credits ?? 5 };
    return [id, { ...real, id, label: id, routes, price }] as const;
  });
  const providers = Object.entries(SIM_PROVIDERS).map(([id, facts]) => {
    const { sandbox: _, ...common } = readJson('providers', 'sandbox.json');
    const own = {
      id,
      label: id,
      baseUrl: `https://${id}.invalid`,
      maxInFlight: options.inFlightMax,
      sandbox: false,
      ownMachine: false,
      deduplicates: facts.deduplicates,
      findable: facts.findable,
      callbackStyle: facts.callsBack ? 'url-per-request' : 'none',
      inlineResults: facts.isSynchronous,
      lookMs: facts.lookMs,
    };
    return [id, { ...common, ...own }] as const;
  });
  return buildCatalog({
    models: Object.fromEntries(models),
    providers: Object.fromEntries(providers),
    modelSchema: readJson('schema', 'model.schema.json'),
    providerSchema: readJson('schema', 'provider.schema.json'),
    glossary: readJson('parameters.json'),
  });
}

function readJson(...parts: string[]): Record<string, unknown> {
  // Safe: these files are objects; buildCatalog checks the rest.
  return JSON.parse(readFileSync(path.join(CATALOG, ...parts), 'utf8')) as Record<string, unknown>;
}

/** Adapters of the made-up providers, by id. */
export function simAdapters(): ReadonlyMap<string, Provider> {
  return new Map(Object.entries(SIM_PROVIDERS).map(([id, facts]) => [id, simAdapter(id, facts)]));
}

/** The body of an answer of a made-up provider. */
export interface SimAnswer {
  id?: string | null;
  status?: 'pending' | 'completed' | 'failed' | 'dreaming';
  progress?: number;
  costMicroUsd?: number;
  /** Answers to look-ups. */
  ids?: string[];
  nextPage?: string;
  outputs?: { url: string }[];
  error?: { kind: FailureKind; text: string };
}

function simAdapter(id: string, facts: SimProviderFacts): Provider {
  return {
    id,
    deduplicates: facts.deduplicates,
    start: (call) => ({
      method: 'POST',
      url: `${call.baseUrl}/start`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ attempt: call.attemptId, input: call.parameters, callback: call.callbackUrl }),
    }),
    started: (answer) => {
      const read = readAnswer(answer);
      const isTaken = facts.isSynchronous ? read.status !== undefined : typeof read.id === 'string';
      if (answer.status >= 300 || !isTaken) return failed(answer, read);
      const reference = referenceTo(facts.isSynchronous ? '' : (read.id ?? ''));
      const outcome = outcomeOf(answer, read);
      if (outcome.state === 'pending') return { state: 'accepted', reference, costMicroUsd: microUsd(COST_MICRO_USD) };
      return { state: 'accepted-done', reference, outcome };
    },
    poll: (reference, baseUrl) => ({ method: 'GET', url: `${baseUrl}/look/${reference.id}`, headers: {}, body: null }),
    polled: (answer) => outcomeOf(answer, readAnswer(answer)),
    cancel: (reference, baseUrl) => ({
      method: 'DELETE',
      url: `${baseUrl}/look/${reference.id}`,
      headers: {},
      body: null,
    }),
    callback: (delivery) => {
      const read = parse(delivery.body);
      return typeof read.id === 'string' ? referenceTo(read.id) : null;
    },
    probe: (baseUrl) => ({ method: 'GET', url: `${baseUrl}/probe`, headers: {}, body: null }),
    probed: () => ({ state: 'ok', text: 'it answers', balanceMicroUsd: null }),
    ...(facts.findable ? FINDABLE : {}),
  };
}

const FINDABLE = {
  find: (attempt) => ({ method: 'GET', url: `${attempt.baseUrl}/find/${attempt.attemptId}`, headers: {}, body: null }),
  found: (answer, attempt): Found => {
    if (answer.status === 404) return { candidates: [], next: null, isComplete: true };
    const { ids, nextPage } = readAnswer(answer);
    if (answer.status !== 200 || ids === undefined) return 'unsure';
    const next: ProviderRequest | null =
      nextPage === undefined ? null : { method: 'GET', url: `${attempt.baseUrl}${nextPage}`, headers: {}, body: null };
    return { candidates: ids.map(referenceTo), next, isComplete: true };
  },
} satisfies Pick<Provider, 'find' | 'found'>;

function referenceTo(id: string): ProviderReference {
  return { id, pollUrl: null, cancelUrl: null };
}

function readAnswer(answer: ProviderAnswer): SimAnswer {
  return typeof answer.json === 'object' && answer.json !== null ? answer.json : {};
}

function parse(body: string): SimAnswer {
  try {
    // Safe: only optional fields are read, and the doubles write the bodies.
    return JSON.parse(body) as SimAnswer;
  } catch {
    // A callback that is no JSON is no hint.
    return {};
  }
}

function outcomeOf(answer: ProviderAnswer, read: SimAnswer): Outcome {
  if (answer.status === 404) return { state: 'failed', kind: 'unknown', text: 'forgotten', retryAfterMs: null };
  if (read.status === 'completed')
    return {
      state: 'completed',
      outputs: read.outputs ?? [],
      costMicroUsd: microUsd(read.costMicroUsd ?? COST_MICRO_USD),
      seed: null,
    };
  if (read.status === 'failed') return failed(answer, read);
  return { state: 'pending', progress: read.progress ?? null };
}

function failed(answer: ProviderAnswer, read: SimAnswer): Extract<Outcome, { state: 'failed' }> {
  const kind = FAILURE_KINDS.find((known) => known === read.error?.kind) ?? 'unknown';
  return {
    state: 'failed',
    kind,
    text: read.error?.text ?? `status ${answer.status}`,
    retryAfterMs: retryAfterMs(answer.headers),
  };
}
