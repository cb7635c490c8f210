import path from 'node:path';

import { openDiskBlobs } from '../blobs/disk-blobs.ts';
import type { Catalog } from '../catalog/load-catalog.ts';
import type { BlobStore } from '../core/blob-port.ts';
import type { ReachCrashPoint } from '../core/crash-point.ts';
import type { MediaPort } from '../core/media-port.ts';
import type { Net } from '../core/net-port.ts';
import { createSignals } from '../database/signals.ts';
import { startMedia } from '../files/media/start-media.ts';
import type { JobsWorld } from '../jobs/world.ts';
import { createNet } from '../net/net.ts';
import { sandbox as sandboxProvider } from '../providers/sandbox.ts';
import { openGenerationStore } from '../sandbox/generation-store.ts';
import { createSandbox } from '../sandbox/sandbox-service.ts';
import { inputFetcher } from './fetch-input.ts';
import type { Machine, Store } from './open-store.ts';
import { createUpstream } from './upstream.ts';

/** The engine's world and the ends that must be closed with it. */
export interface Engine {
  world: JobsWorld;
  net: Net;
  blobs: BlobStore;
  media: MediaPort;
  /** A forgotten generation of the sandbox is deleted after its links have expired. */
  sweepSandbox(): Promise<void>;
  close(): Promise<void>;
}

export interface EngineOptions {
  catalog: Catalog;
  reachCrashPoint: ReachCrashPoint;
  /** Where this process listens, once it does. */
  ownListeners: () => { host: string; port: number }[];
  /** Known once the socket is open. */
  publicUrl: () => string;
  /** Takes a callback of the in-process sandbox to the door. */
  sendCallback: (url: string, body: string) => Promise<void>;
}

/** The sandbox keeps a generation this long, as providers keep theirs for an hour or so. */
const GENERATION_MS = 3_600_000;

/** The module that draws; loaded in the media process, never here. */
export const DRAW_MODULE = path.join(import.meta.dirname, '..', 'sandbox', 'draw-picture.ts');

/** Builds the parts behind the door: network, files, picture work, sandbox, providers. */
export async function buildEngine(machine: Machine, store: Store, options: EngineOptions): Promise<Engine> {
  const { settings, clock, random, log } = machine;
  const { database, newId } = store;
  const closing = new AbortController();
  const dataFolder = path.resolve(settings.dataFolder);
  const { reachCrashPoint } = options;
  const blobs = await openDiskBlobs(settings.blobsFolder ?? path.join(dataFolder, 'blobs'), {
    beforeRename: () => reachCrashPoint('C17'),
  });
  const media = startMedia({ drawModule: DRAW_MODULE, clock, log });
  const net = createNet({ allowPrivate: settings.allowPrivateUrls, ownListeners: options.ownListeners, clock, log });
  const generations = await openGenerationStore(path.join(dataFolder, 'sandbox'));
  const sandbox = createSandbox({
    store: generations,
    media,
    clock,
    random,
    log,
    durationMs: settings.sandboxMs,
    closing: closing.signal,
    fetchInput: inputFetcher({ net, database, blobs, clock, publicUrl: options.publicUrl }),
    sendCallback: options.sendCallback,
  });
  const upstream = createUpstream({ net, catalog: options.catalog, providerUrls: settings.providerUrls, sandbox });
  const changes = createSignals(database, 'job', clock);
  const hints = createSignals(database, 'hint', clock);
  const world: JobsWorld = {
    database,
    changes,
    hints,
    clock,
    random,
    newId,
    blobs,
    media,
    log,
    catalog: options.catalog,
    providers: new Map([[sandboxProvider.id, sandboxProvider]]),
    upstream,
    settings,
    publicUrl: options.publicUrl,
    reachCrashPoint,
  };
  return {
    world,
    net,
    blobs,
    media,
    sweepSandbox: () => generations.sweep(clock.now() - GENERATION_MS),
    close: async () => {
      closing.abort();
      changes.close();
      hints.close();
      await Promise.all([media.close(), net.close()]);
    },
  };
}
