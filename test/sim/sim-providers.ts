import { microUsd } from '../../server/src/core/money.ts';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { buildCatalog, type Catalog } from '../../server/src/catalog/load-catalog.ts';
import { FAILURE_KINDS, type FailureKind } from '../../server/src/core/outcome.ts';
import type { Outcome } from '../../server/src/core/outcome.ts';
import type { Provider, ProviderAnswer, ProviderReference } from '../../server/src/core/provider.ts';

const CATALOG = path.join(import.meta.dirname, '..', '..', 'catalog');

/** Made-up providers, one for each way of finding out what became of a lost answer. */
export const SIM_PROVIDERS = {
  alpha: { deduplicates: true, findable: false },
  beta: { deduplicates: false, findable: true },
  gamma: { deduplicates: false, findable: false },
} as const satisfies Record<string, { deduplicates: boolean; findable: boolean }>;
export type SimProviderId = keyof typeof SIM_PROVIDERS;

/** Models by their routes; the last one can move on from one provider to the next. */
export const SIM_MODELS: Readonly<Record<string, readonly SimProviderId[]>> = {
  'sim-alpha': ['alpha'],
  'sim-beta': ['beta'],
  'sim-gamma': ['gamma'],
  'sim-both': ['gamma', 'alpha'],
};

const REAL_MODEL = 'flux-1.1-pro';

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
  // Safe: the catalogue's own file, which its schema demands to have at least one route.
  const [realRoute] = real['routes'] as Record<string, unknown>[];
  const models = Object.entries(SIM_MODELS).map(([id, providers]) => {
    const routes = providers.map((provider) => ({ ...realRoute, provider, upstreamModel: id }));
    const price = { ...(real['price'] as object), credits: options.credits ?? 5 };
    return [id, { ...real, id, label: id, routes, price }] as const;
  });
  const providers = Object.entries(SIM_PROVIDERS).map(([id, facts]) => {
    const { sandbox: _, ...common } = readJson('providers', 'sandbox.json');
    const own = { id, label: id, baseUrl: `https://${id}.invalid`, maxInFlight: options.inFlightMax, sandbox: false };
    return [id, { ...common, ...own, ...facts }] as const;
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
  id?: string;
  status?: 'pending' | 'completed' | 'failed';
  progress?: number;
  outputs?: { url: string }[];
  error?: { kind: FailureKind; text: string };
}

function simAdapter(id: string, facts: { deduplicates: boolean; findable: boolean }): Provider {
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
      if (answer.status >= 300 || read.id === undefined) return failed(answer, read);
      const reference = referenceTo(read.id);
      const outcome = outcomeOf(answer, read);
      if (outcome.state === 'pending') return { state: 'accepted', reference, costMicroUsd: microUsd(40_000) };
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
      return read.id === undefined ? null : referenceTo(read.id);
    },
    ...(facts.findable ? FINDABLE : {}),
  };
}

const FINDABLE = {
  find: (attempt) => ({ method: 'GET', url: `${attempt.baseUrl}/find/${attempt.attemptId}`, headers: {}, body: null }),
  found: (answer) => {
    if (answer.status === 404) return null;
    const read = readAnswer(answer);
    return answer.status === 200 && read.id !== undefined ? referenceTo(read.id) : 'unsure';
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
    return { state: 'completed', outputs: read.outputs ?? [], costMicroUsd: microUsd(40_000), seed: null };
  if (read.status === 'failed') return failed(answer, read);
  return { state: 'pending', progress: read.progress ?? null };
}

function failed(answer: ProviderAnswer, read: SimAnswer): Extract<Outcome, { state: 'failed' }> {
  const seconds = Number(answer.headers['retry-after']);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : null;
  const kind = FAILURE_KINDS.find((known) => known === read.error?.kind) ?? 'unknown';
  return { state: 'failed', kind, text: read.error?.text ?? `status ${answer.status}`, retryAfterMs };
}
