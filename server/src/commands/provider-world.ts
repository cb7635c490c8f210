import type { Catalog } from '../catalog/load-catalog.ts';
import type { ProviderFacts } from '../catalog/model.ts';
import type { Tx } from '../database/database.ts';
import type { CircuitChange } from '../jobs/route-health.ts';
import type { ProviderKeyFacts } from '../teams/known-provider-keys.ts';
import { createProviderKeyRing, type ProviderKeyRing } from '../teams/provider-key-ring.ts';
import { insertAlert } from '../webhooks/operator-alerts.ts';
import type { Machine, Store } from './open-store.ts';
import { insideProblem } from './inside-problem.ts';

/** What the keys' room must know of a provider. */
function keyFacts(facts: ProviderFacts, isUsable: (provider: string) => boolean): ProviderKeyFacts {
  return {
    id: facts.id,
    setting: facts.authHeader?.setting ?? null,
    isOptional: facts.authHeader?.isOptional ?? true,
    maxInFlight: facts.maxInFlight,
    startsPerMinute: facts.startsPerMinute,
    // Asked anew at each reading: what works inside this program may turn out not to.
    get hasAddress() {
      return facts.baseUrl !== null && isUsable(facts.id);
    },
  };
}

/**
 * The keys with which this gateway buys, read and followed in the store. `problemOf` says why a provider that works inside
 * this program cannot be used, or null.
 */
export async function openProviderKeys(
  machine: Machine,
  store: Store,
  catalog: Catalog,
  problemOf: (provider: string) => string | null = (provider) => insideProblem(provider, machine.settings),
): Promise<ProviderKeyRing> {
  const { settings, clock, log } = machine;
  const keys = createProviderKeyRing({
    database: store.database,
    vault: store.providerVault,
    clock,
    log,
    providers: [...catalog.providers.values()].map((facts) =>
      keyFacts(facts, (provider) => problemOf(provider) === null),
    ),
    secrets: settings.providerSecrets,
    urls: settings.providerUrls,
    maxInFlight: settings.providerMaxInFlight,
    tellOperator: operatorTeller(machine, store),
  });
  await keys.open();
  return keys;
}

/** Writes what the operator must hear, in the transaction that makes it true. */
function operatorTeller(
  machine: Machine,
  store: Store,
): (tx: Tx, alert: { kind: string; subject: string; text: string }) => Promise<void> {
  return async (tx, alert) => {
    const id = store.newId();
    const hasReceiver = machine.settings.operatorWebhook !== null;
    await insertAlert(tx, { ...alert, id, now: machine.clock.now(), hasReceiver });
    tx.afterCommit(() => store.database.notify('alert', id));
  };
}

/** Tells log and operator of a circuit. Never rejects: a store that is away loses an alert, and the log has said it. */
export async function tellOfCircuit(machine: Machine, store: Store, change: CircuitChange): Promise<void> {
  const { route, circuit, cause } = change;
  const { provider, upstreamModel } = route;
  machine.log.warn(`route.circuit-${circuit}`, { provider, upstreamModel, cause });
  const text =
    circuit === 'open'
      ? `${provider} ${upstreamModel} failed again and again (${cause}): it is left alone for a while, then tried with single jobs.`
      : `${provider} ${upstreamModel} works again.`;
  const tell = operatorTeller(machine, store);
  try {
    await store.database.transaction((tx) => tell(tx, { kind: `circuit-${circuit}`, subject: provider, text }));
  } catch (error) {
    machine.log.error('alert.not-written', { subject: provider }, error);
  }
}
