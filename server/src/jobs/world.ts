import type { Catalog } from '../catalog/load-catalog.ts';
import type { BlobStore } from '../core/blob-port.ts';
import type { Clock } from '../core/clock.ts';
import type { ReachCrashPoint } from '../core/crash-point.ts';
import type { NewId } from '../core/ids.ts';
import type { Log } from '../core/log-port.ts';
import type { MediaPort } from '../core/media-port.ts';
import type { Provider } from '../core/provider.ts';
import type { ProviderKeys } from '../core/provider-keys-port.ts';
import type { Random } from '../core/random.ts';
import type { Settings } from '../core/settings.ts';
import type { Inputs, Upstream } from '../core/upstream-port.ts';
import type { Database } from '../database/database.ts';
import type { Signals } from '../database/signals.ts';
import type { LookPace } from './look-pace.ts';
import type { RouteHealth } from './route-health.ts';
import type { Slots } from './slots.ts';

/** The operator's settings that the engine obeys. */
export type JobSettings = Pick<
  Settings,
  | 'sandbox'
  | 'retentionMs'
  | 'teamQueueMax'
  | 'jobMs'
  | 'providerOrder'
  | 'providerDestinations'
  | 'ambiguous'
  | 'contentRefused'
  | 'shortfall'
  | 'ownKeyFee'
>;

/** Everything outside of the engine, handed in, so that a test can replay a whole day in a second. */
export interface JobsWorld {
  database: Database;
  /** Hints that a job has changed, for those who wait for it. */
  changes: Signals;
  /** Hints for the job's runner: a callback has come, or the caller wants to cancel. */
  hints: Signals;
  clock: Clock;
  random: Random;
  newId: NewId;
  blobs: BlobStore;
  media: MediaPort;
  log: Log;
  catalog: Catalog;
  /** Adapters by provider id. */
  providers: ReadonlyMap<string, Provider>;
  upstream: Upstream;
  keys: ProviderKeys;
  health: RouteHealth;
  looks: LookPace;
  /** Results on their way into the store, by provider: see `createCollectRoom`. */
  collects: Slots;
  inputs: Inputs;
  settings: JobSettings;
  /** Base of result URLs and callbacks, without a slash at the end. */
  publicUrl: () => string;
  reachCrashPoint: ReachCrashPoint;
}

/** Who asks: the part of an authenticated caller that the engine needs. */
export interface JobCaller {
  teamId: string;
  userId: string;
  keyId: string;
  role: 'OWNER' | 'ADMIN' | 'MEMBER';
  mode: 'live' | 'test';
}

/** A job that this process runs: whoever writes must still hold this lease. */
export interface Lease {
  jobId: string;
  workerId: string;
  /** Fencing token: raised at each claim, checked by each write. */
  epoch: number;
}

/** Another process has taken the job over; this one stops without a word. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}
