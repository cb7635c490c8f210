import type { Provider } from '../core/provider.ts';
import type { Upstream } from '../core/upstream-port.ts';
import type { RouteStanding } from '../jobs/route-health.ts';
import type { ProviderKeyRing } from '../teams/provider-key-ring.ts';
import type { ProviderVault } from '../teams/provider-vault.ts';

/** What the door asks of the providers' side. */
export interface ProvidersPort {
  vault: ProviderVault;
  keys: Pick<ProviderKeyRing, 'cards' | 'configured' | 'refresh' | 'report' | 'clear' | 'clean'>;
  /** Adapters by provider id. */
  adapters: ReadonlyMap<string, Provider>;
  upstream: Pick<Upstream, 'baseUrl' | 'exchange'>;
  /** How routes stand, from this process's own purchases. */
  circuits(): readonly RouteStanding[];
}
