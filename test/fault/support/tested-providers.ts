import type { DoubleId } from '../../../server/src/commands/vendors.ts';
import { startTestDouble } from '../../support/doubles.ts';
import { startSandboxProvider } from '../../support/server.ts';
import { REFUSED_WORDS } from './clients.ts';
import { readPurchases, type Purchase } from './evidence.ts';

export type ProviderName = 'sandbox' | DoubleId;

/** What may be expected of a provider after a purchase whose answer nobody has read. */
export interface ProviderFacts {
  name: ProviderName;
  callsBack: boolean;
  /** Its callbacks are kept away, except where they are what is tested, so that look-up alone must find what was lost. */
  hearsByLook: boolean;
  /**
   * `settled`: it is always found out, and the job completes. `if-bought`: what was bought is found; that nothing was
   * bought is never certain, and such a job fails. `never`: it cannot be found out.
   */
  lost: 'settled' | 'if-bought' | 'never';
  /** A generation costs nothing there: a lost one is tried once more. */
  isOwnMachine: boolean;
  /** Its pictures come inside the answer to the start, and are in store before they are downloaded. */
  isInline: boolean;
}

/** Every provider that crash tests run against. */
export const PROVIDERS: readonly ProviderFacts[] = [
  { name: 'sandbox', callsBack: true, hearsByLook: false, lost: 'settled', isOwnMachine: true, isInline: false },
  { name: 'replicate', callsBack: true, hearsByLook: true, lost: 'settled', isOwnMachine: false, isInline: false },
  { name: 'bfl', callsBack: true, hearsByLook: false, lost: 'if-bought', isOwnMachine: false, isInline: false },
  { name: 'fal', callsBack: true, hearsByLook: false, lost: 'if-bought', isOwnMachine: false, isInline: false },
  { name: 'comfyui', callsBack: false, hearsByLook: false, lost: 'settled', isOwnMachine: true, isInline: false },
  { name: 'openai-images', callsBack: false, hearsByLook: false, lost: 'never', isOwnMachine: false, isInline: true },
  { name: 'sd-server', callsBack: false, hearsByLook: false, lost: 'never', isOwnMachine: true, isInline: false },
];

/** A provider at work, whose sales outlive every gateway. */
export interface TestedProvider extends ProviderFacts {
  /** Settings of a gateway that buys there. */
  env: Record<string, string>;
  /** What clients ask for beside the prompt. */
  order: Record<string, unknown>;
  purchases(): Promise<Purchase[]>;
  close(): Promise<void>;
}

/** Generations are short, so that a scenario takes seconds. */
const GENERATION_MS = 300;
/**
 * Where nothing tells that nothing was bought, a job is given up with its deadline; a provider that lists is believed
 * after a minute and a half.
 */
const JOB_MINUTES = { settled: '10', 'if-bought': '3', never: '10' } as const;

/** Starts a provider; the sandbox in a process of its own, a double in this one. */
export async function startTestedProvider(facts: ProviderFacts): Promise<TestedProvider> {
  return facts.name === 'sandbox' ? startSandbox(facts) : startDoubleOf(facts, facts.name);
}

async function startSandbox(facts: ProviderFacts): Promise<TestedProvider> {
  const provider = await startSandboxProvider({ env: { LUMEGATE_SANDBOX_MS: String(GENERATION_MS) } });
  return {
    ...facts,
    env: { LUMEGATE_PROVIDER_SANDBOX_URL: provider.url },
    order: { model: 'flux-2-dev', fluxParams: { width: 256, height: 256 } },
    purchases: () => readPurchases(provider.dataFolder),
    close: async () => void (await provider.stop()),
  };
}

async function startDoubleOf(facts: ProviderFacts, id: DoubleId): Promise<TestedProvider> {
  const double = await startTestDouble(id, {
    durationMs: GENERATION_MS,
    script: [{ match: { prompt: REFUSED_WORDS }, fault: 'p14-late-refusal' }],
  });
  const limit = `LUMEGATE_PROVIDER_${id.toUpperCase().replaceAll('-', '_')}_MAX_IN_FLIGHT`;
  return {
    ...facts,
    env: {
      ...double.env,
      LUMEGATE_JOB_MINUTES: JOB_MINUTES[facts.lost],
      // One lost job must not keep the others waiting for its place: how soon they go on is measured.
      [limit]: '8',
    },
    order: { model: 'flux-1.1-pro', routing: { providers: [double.provider], fallback: 'none' } },
    purchases: async () =>
      (await double.ledger()).map(({ id: generationId, prompt, costMicroUsd, fault }) => ({
        id: generationId,
        prompt,
        // What it refused for its content is on nobody's bill where the start itself says so.
        cost: fault === null ? costMicroUsd : 0,
      })),
    close: () => double.close(),
  };
}
