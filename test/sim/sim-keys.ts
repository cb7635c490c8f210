import type { Clock } from '../../server/src/core/clock.ts';
import type { Log } from '../../server/src/core/log-port.ts';
import type { Random } from '../../server/src/core/random.ts';
import type { Inputs } from '../../server/src/core/upstream-port.ts';
import type { Database } from '../../server/src/database/database.ts';
import type { JobSettings } from '../../server/src/jobs/world.ts';
import {
  createProviderKeyRing,
  type KeyRingOptions,
  type ProviderKeyRing,
} from '../../server/src/teams/provider-key-ring.ts';
import { openProviderVault, type ProviderVault } from '../../server/src/teams/provider-vault.ts';
import { SIM_PROVIDERS } from './sim-providers.ts';

/** The keys' own room over the made-up providers, most of which want no key. Not usable before it was opened. */
export function createSimKeys(world: {
  database: Database;
  clock: Clock;
  log: Log;
  random: Random;
  inFlightMax: number;
  /** Values of the environment by name; none when absent. */
  secrets?: Readonly<Record<string, string>>;
  tellOperator?: KeyRingOptions['tellOperator'];
}): ProviderKeyRing {
  return createProviderKeyRing({
    ...world,
    vault: openSimVault(world.random),
    providers: Object.entries(SIM_PROVIDERS).map(([id, { setting }]) => ({
      id,
      setting,
      isOptional: true,
      maxInFlight: world.inFlightMax,
      startsPerMinute: null,
      hasAddress: true,
    })),
    secrets: world.secrets ?? {},
    urls: {},
    maxInFlight: {},
    tellOperator: world.tellOperator ?? (async () => {}),
  });
}

/** The vault that all processes of a history open. */
export function openSimVault(random: Random): ProviderVault {
  return openProviderVault({ masterKey: Buffer.alloc(32, 1), random });
}

/** Callers of these worlds name no files. */
export const NO_INPUTS: Inputs = { isOurs: () => false, read: async () => null, measure: async () => null };

/** The engine's settings as they are by default. */
export function simSettings(own: Partial<JobSettings> = {}): JobSettings {
  return {
    sandbox: 'off',
    retentionMs: 30 * 86_400_000,
    teamQueueMax: 10_000,
    jobMs: 30 * 60_000,
    providerOrder: [],
    providerDestinations: {},
    ambiguous: 'fail',
    contentRefused: 'fail',
    shortfall: 'keep',
    ownKeyFee: 1,
    ...own,
  };
}
