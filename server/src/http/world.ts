import type { Catalog } from '../catalog/load-catalog.ts';
import type { BlobStore } from '../core/blob-port.ts';
import type { Clock } from '../core/clock.ts';
import type { ReachCrashPoint } from '../core/crash-point.ts';
import type { NewId } from '../core/ids.ts';
import type { Log } from '../core/log-port.ts';
import type { MediaPort } from '../core/media-port.ts';
import type { Net } from '../core/net-port.ts';
import type { Random } from '../core/random.ts';
import type { Settings } from '../core/settings.ts';
import type { Inputs } from '../core/upstream-port.ts';
import type { Database } from '../database/database.ts';
import type { MeasuredTimes } from '../jobs/measured-times.ts';
import type { Authenticator } from '../teams/authenticate.ts';
import type { JobsPort } from './jobs-port.ts';
import type { ProvidersPort } from './providers-port.ts';

/** What the door counts and shows. */
export interface HttpMetrics {
  /** One answered request; `route` is a pattern and never a path. */
  countRequest(request: { method: string; route: string; status: number; durationMs: number }): void;
  /** All figures of this process as Prometheus text. */
  render(): string | Promise<string>;
}

/** Everything behind the door, handed in by `main.ts` or by a test. */
export interface HttpWorld {
  settings: Pick<Settings, 'ratePerMinute' | 'uploadMs' | 'retentionMs' | 'roles' | 'teamTrainings'>;
  clock: Clock;
  random: Random;
  newId: NewId;
  log: Log;
  metrics: HttpMetrics;
  net: Pick<Net, 'checkUrl'>;
  blobs: BlobStore;
  media: Pick<MediaPort, 'inspect' | 'convert'>;
  /** Files that callers name, fetched whole; null where one cannot be had. */
  inputs: Pick<Inputs, 'read'>;
  database: Database;
  catalog: Catalog;
  authenticator: Pick<Authenticator, 'find'>;
  jobs: JobsPort;
  measured: Pick<MeasuredTimes, 'of' | 'version'>;
  providers: ProvidersPort;
  /** Base of our own URLs without a slash at the end; known once the socket is open. */
  publicUrl: () => string;
  version: string;
  /** Aborted when the process drains: streams and waits end, `/readyz` says so. */
  closing: AbortSignal;
  reachCrashPoint: ReachCrashPoint;
}
